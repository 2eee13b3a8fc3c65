//! The node's map is a promise: its golden text, its template, and one comparison on both ends.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use hazard_field::map::{
    COILS, DISCRETES, HOLDINGS, INPUTS, Kind, Measure, Quantity, Register, Shape, VERSION, discrete,
};
use hazard_field::{Mono, Phase, Side, Status, Threshold, Unit, Value};
use hazard_node::hal::AnalogReading;
use hazard_node::rtu::PDU_MAX;
use hazard_node::{Button, Calibration, ChannelSettings, Filter, Node, NodeSettings, RawLimits, answer};
use proptest::prelude::*;

pub(crate) fn tables() -> impl Iterator<Item = &'static Register> {
    [INPUTS, HOLDINGS, COILS, DISCRETES].into_iter().flatten()
}

pub(crate) fn at_root(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

pub(crate) fn bless() -> bool {
    std::env::var_os("HAZARD_BLESS").is_some_and(|bless| bless == "1")
}

pub(crate) fn table_name(register: &Register) -> &'static str {
    use hazard_field::map::Table;
    match register.table {
        Table::Coil => "coil",
        Table::Discrete => "discrete",
        Table::Holding => "holding",
        Table::Input => "input",
    }
}

pub(crate) const fn shape_name(shape: Shape) -> &'static str {
    match shape {
        Shape::Bit => "bit",
        Shape::U16 => "u16",
        Shape::U32 => "u32",
        Shape::F32 => "f32",
    }
}

fn map_text() -> String {
    let mut text = format!("register map version {VERSION}\n");
    for register in tables() {
        let unit = match register.measure {
            Measure::Fixed(unit) => unit.symbol(),
            Measure::OfChannel => "channel",
        };
        let Register { name, address, access, zh, en, .. } = register;
        let (table, shape) = (table_name(register), shape_name(register.shape));
        writeln!(text, "{table} {address} {name} {shape} [{unit}] {access:?} | {zh} | {en}")
            .expect("a string takes text");
    }
    for unit in Unit::ALL {
        writeln!(text, "unit {} {}", unit.code(), unit.symbol()).expect("a string takes text");
    }
    text
}

const GOLDEN_2: &str = "tests/contract/golden/register-map-v2.txt";

/// If this fails, do not change the test or its file: add a version.
#[test]
fn the_register_map_of_version_2_never_changes() {
    assert_eq!(VERSION, 2);
    if bless() && !at_root(GOLDEN_2).exists() {
        fs::write(at_root(GOLDEN_2), map_text()).expect("a new golden file");
    }
    let golden = fs::read_to_string(at_root(GOLDEN_2)).unwrap_or_default();
    for (now, then) in map_text().lines().zip(golden.lines()) {
        assert_eq!(now, then);
    }
    assert_eq!(map_text().lines().count(), golden.lines().count());
}

/// Who knows version 1 finds all of it where it was.
#[test]
fn every_row_of_version_1_stands_in_the_map_as_it_was() {
    let (now, then) = (map_text(), include_str!("golden/register-map-v1.txt"));
    let rows: Vec<&str> = now.lines().collect();
    for row in then.lines().skip(1) {
        assert!(rows.contains(&row), "{row}");
    }
    assert!(then.lines().count() > 90);
}

#[test]
fn every_name_of_the_map_is_unique() {
    let mut names: Vec<_> = tables().map(|register| register.name).collect();
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all);
}

const TEMPLATE: &str = "config/devices/hazard-node.toml";

const TEMPLATE_HEAD: &str = r#"# Generated from firmware/field/src/map.rs by tests/contract/node.rs: HAZARD_BLESS=1 cargo test -p hazard-tests --test contract node
# Units of the channels are the site's: a site point gives unit, range and alarms.
# Commands are what the node lets a gateway do without its key, and nothing of that quiets a channel. Set-points, calibrations,
# inhibits and the key itself are for whoever stands at the node.

[device]
vendor = "Hazard Agent"
model = "hazard-node"
zh = "危险源采集报警节点"
en = "Sensor and alarm node"
source = "firmware/field/src/map.rs"
"#;

const TEMPLATE_DEVICE: &str = r#"address_base = 0
order = "ABCD"
poll_ms = 1000
timeout_ms = 300
turnaround_ms = 10
registers_max = 125
gap_max = 8
"#;

/// Raised with every change of what is generated.
const TEMPLATE_REVISION: u16 = 3;

/// What the gateway asks of a point beyond its place in the map; settings and commands are not points.
fn point_rules(name: &str) -> Option<&'static str> {
    let what = name.strip_prefix("ch").and_then(|rest| rest.split_once('_'));
    match what.map_or(name, |(_, what)| what) {
        "value" => Some("deadband = 0.1\n"),
        "alarm_l1" => Some("alarms = [{ kind = \"digital\", latch = true, priority = \"medium\" }]\n"),
        "alarm_l2" => Some("alarms = [{ kind = \"digital\", latch = true, priority = \"high\" }]\n"),
        "fault" | "gateway_lost" | "self_test_failed" => {
            Some("alarms = [{ kind = \"digital\", latch = false, priority = \"medium\" }]\n")
        }
        "status" | "horn" | "horn_silenced" | "any_fault" | "settings_unlocked" | "settings_unsaved" => {
            Some("")
        }
        "heartbeat" => Some("poll_ms = 10000\ndeadband = 1000\n"),
        "uptime" => Some("poll_ms = 60000\ndeadband = 3600\n"),
        "map_version"
        | "firmware_version"
        | "serial"
        | "self_test_failed_bits"
        | "starts"
        | "settings_state"
        | "settings_sequence"
        | "image_version"
        | "image_crc" => Some("poll_ms = 60000\n"),
        _ => None,
    }
}

/// What a channel's status word says of its value: the bits of [`Status`], whose positions never change.
fn statuses() -> String {
    let kinds = [
        (Status::OVER_RANGE, "over_range"),
        (Status::UNDER_RANGE, "under_range"),
        (Status::SENSOR_LOST, "sensor_lost"),
        (Status::WARM_UP, "warm_up"),
        (Status::CALIBRATION, "calibration"),
        (Status::INHIBIT, "inhibit"),
        (Status::FUNCTION_CHECK, "test"),
        (Status::MAINTENANCE_REQUIRED, "maintenance"),
        (Status::OUT_OF_SPECIFICATION, "conditions"),
        (Status::FAILURE, "fault"),
    ];
    let mut text = String::new();
    for channel in 1..=4 {
        for (status, kind) in kinds {
            let bit = status.bits().trailing_zeros();
            write!(
                text,
                "\n[[status]]\npoint = \"ch{channel}_status\"\nbit = {bit}\nof = [\"ch{channel}_value\"]\nkind = \"{kind}\"\n"
            )
            .expect("a string takes text");
        }
    }
    text
}

/// What `hazard match` knows a node by.
fn signature() -> String {
    let rows = [
        ("map_version", format!("equals = {VERSION}\nweight = 4\n")),
        ("channels", "range = [1, 4]\nweight = 3\n".to_owned()),
        ("ch1_kind", "range = [0, 3]\nweight = 3\n".to_owned()),
        ("any_fault", "weight = 2\n".to_owned()),
    ];
    let row = |(name, rules): &(&str, String)| {
        let register = tables().find(|register| register.name == *name).expect("in the map");
        let (table, shape) = (table_name(register), shape_name(register.shape));
        let Register { address, zh, en, .. } = register;
        format!(
            "\n[[signature]]\ntable = \"{table}\"\naddress = {address}\ntype = \"{shape}\"\n{rules}zh = \"{zh}\"\nen = \"{en}\"\n"
        )
    };
    rows.iter().map(row).collect()
}

pub(crate) fn template() -> String {
    let signature = signature();
    let mut text = format!("{TEMPLATE_HEAD}revision = {TEMPLATE_REVISION}\n{TEMPLATE_DEVICE}{signature}");
    for register in INPUTS.iter().chain(DISCRETES) {
        let Some(rules) = point_rules(register.name) else { continue };
        let Register { name, address, zh, .. } = register;
        let (table, shape) = (table_name(register), shape_name(register.shape));
        let unit = match register.measure {
            Measure::Fixed(Unit::None) | Measure::OfChannel => String::new(),
            Measure::Fixed(unit) => format!("unit = \"{}\"\n", unit.symbol()),
        };
        write!(
            text,
            "\n[[points]]\nname = \"{name}\"\ntitle = \"{zh}\"\ntable = \"{table}\"\n\
             address = {address}\ntype = \"{shape}\"\n{unit}{rules}"
        )
        .expect("a string takes text");
    }
    text + &statuses() + &crate::node_commands::commands()
}

#[test]
fn the_nodes_template_is_the_one_generated_from_its_map() {
    if bless() {
        fs::write(at_root(TEMPLATE), template()).expect("the template is writable");
    }
    let kept = fs::read_to_string(at_root(TEMPLATE)).unwrap_or_default();
    assert!(kept == template(), "{TEMPLATE} is stale: run this test with HAZARD_BLESS=1");
}

#[test]
fn every_point_of_the_template_is_where_the_map_says() {
    let parsed: toml::Table = toml::from_str(&template()).expect("the template is TOML");
    let points = parsed["points"].as_array().expect("points");
    for point in points {
        let name = point["name"].as_str().expect("a name");
        let register = tables().find(|register| register.name == name).expect("in the map");
        assert_eq!(point["address"].as_integer(), Some(i64::from(register.address)), "{name}");
        assert_eq!(point["table"].as_str(), Some(table_name(register)), "{name}");
    }
    for channel in 1..=4 {
        for what in ["value", "status", "fault", "alarm_l1", "alarm_l2"] {
            let name = format!("ch{channel}_{what}");
            assert!(points.iter().any(|point| point["name"].as_str() == Some(&name)), "{name}");
        }
    }
}

fn limits_of(kind: Kind) -> RawLimits {
    let [setpoint_l1, setpoint_l2] = match kind {
        Kind::Falling => [50.3, 25.7],
        Kind::Rising | Kind::TwoSided | Kind::NotFitted => [25.7, 50.3],
    };
    RawLimits { setpoint_l1, setpoint_l2, deadband: 2.1, on_delay_ms: 30, off_delay_ms: 50 }
}

pub(crate) fn node_of(kind: Kind) -> Node<1> {
    let full_scale = (20_000, Value::from_i32(100));
    let calibration = Calibration::try_new((4_000, Value::ZERO), full_scale).expect("a span");
    let channel = ChannelSettings {
        kind,
        calibration,
        filter: Filter::Off,
        limits: limits_of(kind),
        ..ChannelSettings::preset(Quantity::Other).expect("a preset")
    };
    let settings = NodeSettings { gateway_timeout_s: 0, ..NodeSettings::new(1, [Some(channel)]) };
    Node::try_new(settings).expect("settings")
}

pub(crate) fn ask(node: &mut Node<1>, pdu: &[u8]) -> Vec<u8> {
    let mut out = [0; PDU_MAX];
    let len = answer(node, pdu, &mut out);
    out[..len].to_vec()
}

fn gateway_threshold(side: Side, setpoint: f32) -> Threshold {
    let value = |raw: f32| Value::try_new(f64::from(raw)).expect("finite");
    Threshold {
        side,
        setpoint: value(setpoint),
        deadband: value(2.1),
        on_delay: Duration::from_millis(30),
        off_delay: Duration::from_millis(50),
    }
}

/// Gateway and node compare the same: the gateway sees only the value register, and both trip in the same step.
fn both_ends_agree(kind: Kind, sides: [Side; 2], series: &[(u64, i32)]) {
    let limits = limits_of(kind);
    let thresholds =
        [gateway_threshold(sides[0], limits.setpoint_l1), gateway_threshold(sides[1], limits.setpoint_l2)];
    let (mut node, mut phases, mut now_ms) = (node_of(kind), [Phase::Clear; 2], 0);
    for &(passed_ms, raw) in series {
        now_ms += passed_ms;
        let now = Mono::from_millis(now_ms);
        node.step(now, [AnalogReading::Raw(raw)]);
        node.press(Button::Acknowledge);
        node.press(Button::Reset);
        let reply = ask(&mut node, &[4, 0, 9, 0, 2]);
        let read = f32::from_be_bytes(reply[2..6].try_into().expect("four bytes"));
        let value = Value::try_new(f64::from(read)).expect("a measured value");
        for (phase, threshold) in phases.iter_mut().zip(&thresholds) {
            *phase = phase.step(now, value, threshold);
        }
        let bits = ask(&mut node, &[2, 0, discrete::channel(0) as u8, 0, 2])[2];
        let tripped = phases.map(Phase::is_tripped);
        assert_eq!([bits & 1 == 1, bits & 2 == 2], tripped, "{kind:?} at {now_ms} ms, {read}");
    }
}

proptest! {
    #[test]
    fn node_and_gateway_trip_and_return_in_the_same_step(
        series in prop::collection::vec(
            (0_u64..40, prop_oneof![3_800..=20_500, 8_100..=8_120, 12_030..=12_060, 7_770..=7_780]),
            1..80,
        ),
    ) {
        both_ends_agree(Kind::Rising, [Side::High, Side::High], &series);
        both_ends_agree(Kind::Falling, [Side::Low, Side::Low], &series);
        both_ends_agree(Kind::TwoSided, [Side::Low, Side::High], &series);
    }
}
