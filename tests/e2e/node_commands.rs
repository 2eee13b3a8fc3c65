//! Named commands of the node's template, sent from the command line to the firmware in the emulator: what the read-back says is
//! what the pins show.

use std::path::{Path, PathBuf};
use std::process::Output;

use hazard_field::Status;
use hazard_field::map::{UNLOCK_KEY, coil, holding};
use serde_json::Value;

use crate::agent::{Agent, binary, hazard};
use crate::emulator::{CLEAN_AIR, Emulator, Line, Pins, QUIET};
use crate::master::Master;
use crate::tools::{free_port, wait_for};

/// 60 %LEL.
const GAS: u32 = 13_600;
const IN_ALARM: [bool; 3] = [false, false, true];

/// The story's node with its commands, and without the output that would inhibit a channel of it.
fn site(dir: &Path, port: u16) -> PathBuf {
    let (head, tail) = include_str!("story.site.toml").split_once("# 燃气高高报").unwrap();
    let uplinks = tail.split_once("[[uplinks]]").unwrap().1;
    let point = |(tag, from): (&str, &str)| {
        format!("[[points]]\ntag = \"{tag}\"\ndevice = \"N-1\"\nfrom = \"{from}\"\nsafety = false\n\n")
    };
    let command =
        |name: &str| format!("\n[[commands]]\nid = \"N-1/{name}\"\ndevice = \"N-1\"\nfrom = \"{name}\"\n");
    let points: String = [("XS-1", "status"), ("XL-1", "settings_unlocked")].map(point).concat();
    let names =
        ["silence", "acknowledge", "reset", "lock_settings", "ch3_end_inhibit", "ch4_end_calibration"];
    // A command takes a request a second of the line: it cannot be polled five times as often.
    let text = format!("{head}{points}[[uplinks]]{uplinks}{}", names.map(command).concat())
        .replace("poll_ms = 200", "poll_ms = 1000")
        .replace("STATE", &dir.join("state").display().to_string())
        .replace("LISTEN", &free_port().to_string())
        .replace("PORT", &port.to_string());
    let file = dir.join("site.toml");
    std::fs::write(&file, text).unwrap();
    file
}

fn value(status: &Value, tag: &str) -> Value {
    let points = status["points"].as_array().unwrap();
    points.iter().find(|point| point["point"] == tag).unwrap()["value"].clone()
}

fn is_unacked(status: &Value) -> bool {
    let word = value(status, "XS-1").as_f64();
    word.is_none_or(|word| Status::from_bits(word as u16).has_any(Status::UNACKED))
}

/// Exit code and words. What was sent a moment ago is refused for two seconds, and then no longer.
fn send(site: &Path, args: &[&str]) -> (Option<i32>, String) {
    let text = |output: &Output| {
        [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes)).concat()
    };
    wait_for("the command's turn", || {
        let fixed = ["--actor", "李四", "--lang", "en", "-c", site.to_str().unwrap()];
        let output = hazard(&[&["command", "send"], args, &fixed].concat());
        let said = text(&output);
        (!said.contains("a moment ago")).then(|| (output.status.code(), said))
    })
}

fn done(site: &Path, args: &[&str], shows: &str) {
    let (code, said) = send(site, args);
    assert!(code == Some(0) && said.contains(shows), "{args:?}: {code:?} {said}");
}

#[test]
fn the_gateway_silences_acknowledges_and_resets_the_node_and_ends_what_quiets_it() {
    let dir = tempfile::tempdir().unwrap();
    let port = free_port();
    if crate::emulator::image().is_none() {
        return;
    }
    binary();
    let Some(mut node) = Emulator::start(dir.path(), &Line::Tcp(port)) else { return };
    // A technician left the node as he should not: unlocked, one channel inhibited.
    let mut technician = Master::connect(port);
    technician.set(holding::UNLOCK, &[UNLOCK_KEY]).unwrap();
    technician.switch(coil::channel(2) + coil::INHIBIT, true).unwrap();
    drop(technician);
    let file = site(dir.path(), port);
    let agent = Agent::start(&file);
    agent.wait("the unlocked node", |status| value(status, "XL-1") == true);

    let (code, said) = send(&file, &["N-1/lock_settings"]);
    assert!(code == Some(0) && said.contains("read back as 0 (was "), "{code:?} {said}");
    agent.wait("the locked node", |status| value(status, "XL-1") == false);
    done(&file, &["N-1/ch3_end_inhibit"], "read back as 0 (was 1)");

    an_alarm_from_gas_to_reset(&mut node, (&agent, &file));

    // Nothing sounds: the node shows no silence, and that is told.
    let (code, said) = send(&file, &["N-1/silence"]);
    assert!(code == Some(65) && said.contains("1 was sent, 0 is read"), "{code:?} {said}");
    each_is_counted(&agent);
    assert_eq!(agent.terminate(), Some(0));
}

fn an_alarm_from_gas_to_reset(node: &mut Emulator, (agent, file): (&Agent, &Path)) {
    node.feed(0, GAS);
    node.wait_for_pins("the alarm", |pins| pins == Pins { coils: IN_ALARM, horn_quiet: false });
    agent.wait("the unacknowledged alarm", |status| value(status, "GT-101") == 60.0 && is_unacked(status));
    done(file, &["N-1/silence"], "read back as 1 (was 0)");
    assert_eq!(node.pins(), Pins { coils: IN_ALARM, horn_quiet: true });

    let (code, said) = send(file, &["N-1/acknowledge"]);
    assert!(code == Some(77) && said.contains("--note"), "{code:?} {said}");
    assert!(is_unacked(&agent.status()));
    done(file, &["N-1/acknowledge", "--note", "现场已有人"], "the device answered");
    agent.wait("the acknowledged alarm", |status| !is_unacked(status));

    node.feed(0, CLEAN_AIR[0]);
    agent.wait("clean air", |status| value(status, "GT-101") == 0.0);
    let reset = ["N-1/reset", "--note", "已处置"];
    let (code, said) = send(file, &reset);
    assert!(code == Some(77) && said.contains("--approver"), "{code:?} {said}");
    assert_eq!(node.pins().coils, IN_ALARM, "a latched alarm stays, and so do its relays");
    done(file, &[&reset[..], &["--approver", "王五"]].concat(), "the device answered");
    node.wait_for_pins("the node after its reset", |pins| pins == QUIET);
}

fn each_is_counted(agent: &Agent) {
    let page = agent.metrics().unwrap();
    for (command, outcome) in [
        ("lock_settings", "confirmed"),
        ("ch3_end_inhibit", "confirmed"),
        ("silence", "confirmed"),
        ("silence", "unverified"),
        ("acknowledge", "answered"),
        ("acknowledge", "refused"),
        ("reset", "answered"),
        ("reset", "refused"),
    ] {
        let series = format!(
            "hazard_device_commands_total{{device=\"N-1\",command=\"N-1/{command}\",outcome=\"{outcome}\"}} 1\n"
        );
        assert!(page.contains(&series), "{series}{page}");
    }
}
