//! The commands of the node's template: written from the map, and tried on the node itself.

use std::fmt::Write as _;

use hazard_field::Mono;
use hazard_field::map::{Access, COILS, HOLDINGS, Kind, Register, Table, coil, holding};
use hazard_node::hal::AnalogReading;

use crate::node::{ask, node_of, table_name, tables, template};

/// A command and how a site's people get it.
struct Order {
    name: String,
    /// The register that is written.
    target: &'static str,
    value: u16,
    /// The register that shows it.
    shown: Option<&'static str>,
    words: [String; 2],
    rules: &'static str,
}

/// An alarm that comes in meanwhile must not be quieted by a second try: nobody has heard it yet.
const ONCE: &str = "risk = \"routine\"\nretries = 0\ndeadline_s = 10\nevery_s = 2\n";
/// Without a read-back it is written once in any case.
const ACKNOWLEDGING: &str = "risk = \"routine\"\nreason = true\ndeadline_s = 10\nevery_s = 2\n";
/// Relays let go of what they hold: another person agrees.
const RELEASING: &str = "risk = \"protection\"\ndeadline_s = 10\n";
const ENDING: &str = "risk = \"routine\"\n";

fn orders() -> Vec<Order> {
    let order = |name: &str, (target, value, shown), [zh, en]: [&str; 2], rules| Order {
        name: name.to_owned(),
        target,
        value,
        shown,
        words: [zh.to_owned(), en.to_owned()],
        rules,
    };
    let mut orders = vec![
        order(
            "silence",
            ("silence", 1, Some("horn_silenced")),
            ["消音，直到下一次报警", "silence the horn until the next alarm"],
            ONCE,
        ),
        order(
            "acknowledge",
            ("acknowledge", 1, None),
            ["确认全部报警", "acknowledge all alarms"],
            ACKNOWLEDGING,
        ),
        order(
            "reset",
            ("reset", 1, None),
            ["复位已确认的锁定报警", "reset latched, acknowledged alarms"],
            RELEASING,
        ),
        order("lock_settings", ("unlock", 0, Some("unlocked")), ["锁定参数", "lock the settings"], ENDING),
    ];
    for (what, zh, en) in
        [("inhibit", "结束屏蔽", "end the inhibit"), ("calibration", "结束标定", "end the calibration")]
    {
        orders.extend((1..=4).map(|channel| {
            let register = found(&format!("ch{channel}_{what}")).name;
            Order {
                name: format!("ch{channel}_end_{what}"),
                target: register,
                value: 0,
                shown: Some(register),
                words: [format!("通道{channel}{zh}"), format!("channel {channel}: {en}")],
                rules: ENDING,
            }
        }));
    }
    orders
}

fn found(name: &str) -> &'static Register {
    tables().find(|register| register.name == name).expect("in the map")
}

pub(crate) fn commands() -> String {
    let mut text = String::new();
    for Order { name, target, value, shown, words: [zh, en], rules } in orders() {
        let register = found(target);
        let place = match register.table {
            Table::Coil => format!("function = 5\naddress = {}", register.address),
            Table::Holding | Table::Input | Table::Discrete => {
                format!("function = 6\naddress = {}\ntype = \"u16\"", register.address)
            }
        };
        let look = match shown.map(found) {
            Some(shown) if shown.name == target => String::new(),
            Some(shown) => {
                format!("read_back = {}\nread_back_table = \"{}\"\n", shown.address, table_name(shown))
            }
            None => "verify = \"none\"\n".to_owned(),
        };
        write!(
            text,
            "\n[[commands]]\nname = \"{name}\"\nzh = \"{zh}\"\nen = \"{en}\"\n{place}\nvalue = {value}\n{look}{rules}"
        )
        .expect("a string takes text");
    }
    text
}

/// A command as a gateway reads it: its name, the write and the read that shows it.
struct Parsed {
    name: String,
    write: Vec<u8>,
    read: Option<[u8; 5]>,
    value: u16,
}

fn parsed() -> Vec<Parsed> {
    let template: toml::Table = toml::from_str(&template()).expect("the template is TOML");
    let commands = template["commands"].as_array().expect("commands");
    let number = |command: &toml::Value, key: &str| command.get(key)?.as_integer()?.try_into().ok();
    commands
        .iter()
        .map(|command| {
            let key = |key: &str| -> Option<u16> { number(command, key) };
            let (function, address) = (key("function").expect("a function"), key("address").expect("one"));
            let value = key("value").expect("always the same value");
            let word = if function == 5 { value * 0xFF00 } else { value };
            let write = [&[function as u8][..], &address.to_be_bytes(), &word.to_be_bytes()].concat();
            let table = command.get("read_back_table").and_then(toml::Value::as_str);
            let code = match table {
                Some("discrete") => 2,
                Some("input") => 4,
                Some(other) => panic!("{other}"),
                None if function == 5 => 1,
                None => 3,
            };
            let [high, low] = key("read_back").unwrap_or(address).to_be_bytes();
            let read = (command.get("verify").is_none()).then_some([code, high, low, 0, 1]);
            let name = command["name"].as_str().expect("a name").to_owned();
            Parsed { name, write, read, value }
        })
        .collect()
}

/// What a register or a bit reads.
fn number(reply: &[u8]) -> u16 {
    match reply {
        [1 | 2, 1, bit] => u16::from(*bit),
        [3 | 4, 2, high, low] => u16::from_be_bytes([*high, *low]),
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_command_is_done_by_a_locked_node_in_alarm_and_read_back_and_no_relay_lets_go() {
    let mut node = node_of(Kind::Rising);
    // 80 of 100: above both levels, for longer than the on-delay.
    for ms in (0..1_000).step_by(100) {
        node.step(Mono::from_millis(ms), [AnalogReading::Raw(16_800)]);
    }
    assert!(node.outputs().relays.level_2 && node.outputs().horn);
    let commands = parsed();
    assert_eq!(commands.len(), 12);
    for Parsed { name, write, read, value } in commands {
        let done = ask(&mut node, &write);
        // The node has one channel; of the other three it says that they are not there.
        if name.starts_with("ch") && !name.starts_with("ch1_") {
            assert_eq!(done, [write[0] | 0x80, 2], "{name}");
            continue;
        }
        assert_eq!(done, write, "{name}: done without the key");
        if let Some(read) = read {
            assert_eq!(number(&ask(&mut node, &read)), value, "{name}");
        }
        let relays = node.outputs().relays;
        assert!(relays.level_1 && relays.level_2, "{name}: the gas is still there");
    }
    assert!(!node.outputs().horn, "silenced");
}

#[test]
fn no_command_writes_what_the_key_guards_but_to_end_it() {
    for Parsed { name, write, value, .. } in parsed() {
        let address = u16::from_be_bytes([write[1], write[2]]);
        let table = if write[0] == 5 { COILS } else { HOLDINGS };
        let register = table.iter().find(|register| register.address == address).expect("in the map");
        assert_ne!(register.access, Access::Read, "{name}");
        let acts = write[0] == 5 && [coil::ACKNOWLEDGE, coil::RESET, coil::SILENCE].contains(&address);
        let ends = value == 0 && (write[0] == 5 || address == holding::UNLOCK);
        assert!(acts || ends, "{name}");
    }
}
