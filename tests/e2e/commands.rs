//! Named commands from the command line to a pymodbus device, which loses writes, is busy, or keeps another value.

use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;

use crate::agent::{Agent, SiteParts, hazard, site};
use crate::device::Device;
use crate::tools::{free_port, wait_for};

const COMMANDS: &str = r#"
[[commands]]
id = "setpoint"
zh = "高报设定值"
en = "high set-point"
device = "dev"
function = 6
address = 10
type = "u16"
scale = 0.1
min = 5
max = 50
step = 0.5
unit = "%LEL"
risk = "protection"
every_s = 1

[[commands]]
id = "zero"
device = "dev"
function = 6
address = 20
type = "u16"
value = 1
verify = "none"
every_s = 1
"#;

#[test]
fn a_command_is_sent_read_back_and_told_and_what_a_device_does_with_it_is_found_out() {
    let dir = tempfile::tempdir().unwrap();
    let Some(mut device) = Device::tcp() else {
        return;
    };
    let file = commanded(dir.path(), &device);
    let agent = Agent::start(&file);
    device.set(10, &[250]);
    agent.wait("the device", |status| status["devices"][0]["replies"].as_u64() > Some(0));

    // Two writes get lost, the third one arrives.
    device.whim("lose lose");
    let done = send(&file, &["setpoint", "20", "--approver", "王五", "--note", "变更单"]);
    assert_eq!(done.status.code(), Some(0), "{}", text(&done));
    assert!(text(&done).contains("read back as 20 (was 25)"), "{}", text(&done));
    assert_eq!(device.writes(10), 3);

    // A device that keeps another value is a discrepancy after three writes, and the exit code says so.
    device.whim("77 77 77");
    let differs = send(&file, &["setpoint", "30", "--approver", "王五", "--note", "变更单"]);
    assert_eq!(differs.status.code(), Some(65), "{}", text(&differs));
    assert_eq!(device.writes(10), 6);
    let last = row(&agent, "setpoint")["last"].clone();
    assert_eq!(
        (&last["change"], &last["read_back"], &last["actor"]),
        (&"unverified".into(), &7.7.into(), &"李四".into())
    );

    // Nothing is written for who may not, says no reason, or says too much.
    for (args, why) in [
        (&["setpoint", "20", "--note", "x"][..], "--approver"),
        (&["setpoint", "20", "--approver", "李四", "--note", "x"], "another person"),
        (&["setpoint", "20", "--approver", "王五"], "--note"),
        (&["setpoint", "51", "--approver", "王五", "--note", "x"], "out of bounds"),
        (&["setpoint", "20.25", "--approver", "王五", "--note", "x"], "between two steps"),
        (&["zero", "2", "--note", "x"], "always writes the same"),
    ] {
        let refused = send(&file, args);
        assert_eq!(refused.status.code(), Some(77), "{args:?}: {}", text(&refused));
        assert!(text(&refused).contains(why), "{args:?}: {}", text(&refused));
    }
    assert_eq!(send(&file, &["horn", "--note", "x"]).status.code(), Some(64));
    assert_eq!((device.writes(10), device.writes(20)), (6, 0));

    // A busy device: nothing was written, and a command without retries says so.
    device.whim("busy");
    let busy = send(&file, &["zero", "--note", "标气已断"]);
    assert_eq!(busy.status.code(), Some(65), "{}", text(&busy));
    assert!(text(&busy).contains("nothing was written: busy"), "{}", text(&busy));
    let listed = hazard(&["command", "list", "--lang", "zh", "-c", file.to_str().unwrap()]);
    assert!(
        text(&listed).contains("高报设定值") && text(&listed).contains("5…50 %LEL / 0.5"),
        "{}",
        text(&listed)
    );
}

#[test]
fn a_command_that_a_kill_caught_is_lost_and_never_written_later() {
    let dir = tempfile::tempdir().unwrap();
    let Some(mut device) = Device::tcp() else {
        return;
    };
    let file = commanded(dir.path(), &device);
    let agent = Agent::start(&file);
    agent.wait("the device", |status| status["devices"][0]["replies"].as_u64() > Some(0));
    // It keeps another value, so that the command goes on until its time is over or the agent is.
    device.whim("1 1 1 1 1 1");
    let args = ["setpoint", "20", "--approver", "王五", "--note", "变更单", "--no-wait"];
    assert_eq!(send(&file, &args).status.code(), Some(0));
    let page = dir.path().join("state/retentive.json");
    wait_for("the page", || {
        std::fs::read_to_string(&page).ok()?.contains("\"command\":\"setpoint\"").then_some(())
    });
    agent.kill();
    let before = device.writes(10);
    let agent = Agent::start(&file);
    wait_for("the loss", || (row(&agent, "setpoint")["last"]["change"] == "lost").then_some(()));
    // It would have been written at once, as the first request of the line.
    agent.wait("polls", |status| status["ledger"]["polls"]["read"].as_u64() > Some(20));
    assert_eq!(device.writes(10), before);
    assert_eq!(row(&agent, "setpoint")["pending"], Value::Null);
    assert_eq!(agent.terminate(), Some(0));
}

fn row(agent: &Agent, command: &str) -> Value {
    let status = agent.status();
    let rows = status["commands"].as_array().unwrap();
    rows.iter().find(|row| row["command"] == command).unwrap().clone()
}

fn send(file: &Path, args: &[&str]) -> Output {
    let site = file.to_str().unwrap();
    // A command that was sent a moment ago is refused for a second, and no longer.
    wait_for("the command's turn", || {
        let whole = [&["command", "send"], args, &["--actor", "李四", "--lang", "en", "-c", site]].concat();
        let output = hazard(&whole);
        (!text(&output).contains("a moment ago")).then_some(output)
    })
}

fn text(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes)).concat()
}

fn commanded(dir: &Path, device: &Device) -> PathBuf {
    let bus = format!("kind = \"tcp\"\nhost = \"127.0.0.1\"\nport = {}", device.port);
    let uplink = format!("host = \"127.0.0.1\"\nport = {}", free_port());
    let file = site(dir, &SiteParts { bus: &bus, uplink: &uplink });
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text + COMMANDS).unwrap();
    file
}
