//! A leak shuts a valve, the valve has to show that it is shut, and neither a power cut nor the end of the gas opens it again.

use std::io::Write;
use std::path::Path;

use crate::agent::{Agent, SiteParts, hazard, site};
use crate::broker::Mosquitto;
use crate::device::Device;
use crate::platform::Platform;
use crate::tools::wait_for;

/// A valve on coil 4 with its limit switch in register 5.
const VALVE: &str = r#"
[[points]]
tag = "ZS-101"
device = "dev"
table = "holding"
address = 5
type = "u16"

[[outputs]]
id = "valve"
role = "interlock"
assist = "gas_valve_close"
coil = { device = "dev", address = 4 }

[[votes]]
id = "调压间"
rule = "1oo1"
channels = ["GT-101:high_high"]

[[trips]]
id = "燃气切断"
causes = ["调压间"]
outputs = ["valve"]
prove = { feedback = { point = "ZS-101", above = 1 }, within_s = 1 }
"#;

#[test]
fn a_leak_shuts_the_valve_until_somebody_resets_it_whatever_happens_in_between() {
    let dir = tempfile::tempdir().unwrap();
    let (Some(mut device), Some(broker)) = (Device::tcp(), Mosquitto::start(dir.path(), "")) else {
        return;
    };
    let bus = format!("kind = \"tcp\"\nhost = \"127.0.0.1\"\nport = {}", device.port);
    let uplink = format!("host = \"127.0.0.1\"\nport = {}", broker.port);
    let file = site(dir.path(), &SiteParts { bus: &bus, uplink: &uplink });
    std::fs::OpenOptions::new().append(true).open(&file).unwrap().write_all(VALVE.as_bytes()).unwrap();
    let platform = Platform::subscribe(broker.port, None);
    let agent = Agent::start(&file);
    device.set(1, &[20]);
    valve(&device, "open");

    device.set(1, &[600]);
    valve(&device, "shut");
    agent.wait("the alarm on the valve", |status| {
        let alarms = status["alarms"].as_array().unwrap();
        alarms.iter().any(|alarm| alarm["point"] == "ZS-101" && alarm["kind"] == "unproven")
    });
    platform.wait("the valve that is not shown shut", |seen| {
        seen.has("proof", &[("trip", "燃气切断"), ("proof", "not_shown")]).then_some(())
    });
    device.set(5, &[1]);
    device.set(1, &[20]);
    agent.wait("the end of the gas", |status| status["interlocks"]["trips"][0]["state"] == "held");
    // The clock's second turns: what is held now is on disk.
    wait_for("the trip on disk", || {
        let kept = std::fs::read_to_string(dir.path().join("state/retentive.json")).ok()?;
        kept.contains("\"held\":true").then_some(())
    });
    agent.kill();
    let agent = Agent::start(&file);
    let status = agent.wait("the trip after the power cut", |status| {
        status["interlocks"]["trips"][0]["proof"] == "proven" && status["points"][1]["value"] == 2.0
    });
    assert_eq!(status["interlocks"]["trips"][0]["state"], "held");
    assert_eq!(status["interlocks"]["trips"][0]["first_out"], "调压间");
    valve(&device, "shut");

    reset(&agent, &mut device, &file);
    platform.wait("the reset", |seen| {
        let fields = [("trip", "燃气切断"), ("to", "ready"), ("actor", "李四")];
        seen.has("trip", &fields).then_some(())
    });
    platform.is_content();
}

/// One bit of the file is read from its copy; with both damaged, or gone beside the journal, nothing is known: in either case the
/// valve never moves, and a person has to come.
#[test]
fn a_valve_that_is_held_shut_stays_shut_whatever_became_of_the_file_that_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let Some(mut device) = Device::tcp() else {
        return;
    };
    let bus = format!("kind = \"tcp\"\nhost = \"127.0.0.1\"\nport = {}", device.port);
    let uplink = format!("host = \"127.0.0.1\"\nport = {}", crate::tools::free_port());
    let file = site(dir.path(), &SiteParts { bus: &bus, uplink: &uplink });
    std::fs::OpenOptions::new().append(true).open(&file).unwrap().write_all(VALVE.as_bytes()).unwrap();
    let kept = |name: &str| dir.path().join("state").join(name);
    let both = ["retentive.json", "retentive.copy.json"];
    let mut agent = Agent::start(&file);
    device.set(1, &[600]);
    device.set(5, &[1]);
    valve(&device, "shut");
    device.set(1, &[20]);
    let is_held = |status: &serde_json::Value| {
        let trip = &status["interlocks"]["trips"][0];
        trip["state"] == "held" && trip["proof"] == "proven" && status["points"][1]["value"] == 2.0
    };
    agent.wait("the end of the gas", is_held);
    wait_for("the trip on disk", || {
        let held =
            |name| std::fs::read_to_string(kept(name)).is_ok_and(|page| page.contains("\"held\":true"));
        both.into_iter().all(held).then_some(())
    });
    let is_lost = |status: &serde_json::Value| {
        let conditions = status["conditions"].as_array().unwrap();
        conditions.iter().any(|standing| standing["condition"] == "retentive_lost")
    };
    for (damaged, lost) in [(&both[..1], false), (&both[..], true)] {
        agent.kill();
        for name in damaged {
            let mut page = std::fs::read(kept(name)).unwrap();
            let last = page.len() - 9;
            page[last] ^= 1;
            std::fs::write(kept(name), page).unwrap();
        }
        agent = Agent::start(&file);
        let status = agent.wait("the trip after the damage", is_held);
        assert_eq!(is_lost(&status), lost, "{damaged:?}");
        valve(&device, "shut");
    }
    let path = file.to_str().unwrap();
    let by = ["--actor", "李四", "--note", "已巡检", "-c", path];
    assert_eq!(hazard(&[&["reset", "--retentive"], &by[..]].concat()).status.code(), Some(0));
    assert!(!is_lost(&agent.status()));
    valve(&device, "shut");
    assert_eq!(hazard(&[&["reset", "--trip", "燃气切断"], &by[..]].concat()).status.code(), Some(0));
    valve(&device, "open");
}

/// Somebody corrects the spelling of a trip while it holds a valve: the valve stays, and he is told until it is reset.
#[test]
fn a_held_valve_does_not_open_because_somebody_renamed_its_trip() {
    let dir = tempfile::tempdir().unwrap();
    let Some(mut device) = Device::tcp() else {
        return;
    };
    let bus = format!("kind = \"tcp\"\nhost = \"127.0.0.1\"\nport = {}", device.port);
    let uplink = format!("host = \"127.0.0.1\"\nport = {}", crate::tools::free_port());
    let file = site(dir.path(), &SiteParts { bus: &bus, uplink: &uplink });
    let text = std::fs::read_to_string(&file).unwrap() + VALVE;
    std::fs::write(&file, &text).unwrap();
    let agent = Agent::start(&file);
    device.set(1, &[600]);
    device.set(5, &[1]);
    valve(&device, "shut");
    device.set(1, &[20]);
    let status = agent.wait("the end of the gas", |status| {
        let trip = &status["interlocks"]["trips"][0];
        trip["state"] == "held" && trip["proof"] == "proven"
    });
    std::fs::write(&file, text.replace("燃气切断", "切断燃气")).unwrap();
    agent.signal(rustix::process::Signal::HUP);
    let told = agent
        .wait("what stands in the way", |status| status["site_file"]["faults"] != serde_json::Value::Null);
    let why = told["site_file"]["first"][0]["en"].as_str().unwrap();
    assert!(why.contains("燃气切断") && why.contains("renamed_from"), "{why}");
    assert_eq!(told["agent"]["epoch"], status["agent"]["epoch"]);
    assert_eq!(told["interlocks"]["trips"][0]["state"], "held");
    valve(&device, "shut");

    // A start runs what ran, too.
    wait_for("the trip on disk", || {
        let kept = std::fs::read_to_string(dir.path().join("state/retentive.json")).ok()?;
        kept.contains("\"held\":true").then_some(())
    });
    agent.kill();
    let agent = Agent::start(&file);
    let told = agent
        .wait("the trip after the power cut", |status| status["interlocks"]["trips"][0]["proof"] == "proven");
    assert_eq!(told["interlocks"]["trips"][0]["trip"], "燃气切断");
    assert!(told["site_file"]["first"][0]["en"].as_str().unwrap().contains("燃气切断"), "{told}");
    valve(&device, "shut");

    // The same with the old name said: what was held is held.
    let renamed = text.replace("id = \"燃气切断\"", "id = \"切断燃气\"\nrenamed_from = \"燃气切断\"");
    std::fs::write(&file, renamed).unwrap();
    agent.signal(rustix::process::Signal::HUP);
    let after = agent.wait("the new name", |status| status["interlocks"]["trips"][0]["trip"] == "切断燃气");
    assert_eq!(after["interlocks"]["trips"][0]["state"], "held", "{after}");
    valve(&device, "shut");
    agent.wait("the file in force", |status| status["site_file"].is_null());
}

/// The page comes after most of a second: the plant is quiet, and no point grew old while nobody could poll it.
#[test]
fn a_slow_disk_at_a_start_trips_nothing_in_a_quiet_plant() {
    let dir = tempfile::tempdir().unwrap();
    let Some(mut device) = Device::tcp() else {
        return;
    };
    let bus = format!("kind = \"tcp\"\nhost = \"127.0.0.1\"\nport = {}", device.port);
    let uplink = format!("host = \"127.0.0.1\"\nport = {}", crate::tools::free_port());
    let file = site(dir.path(), &SiteParts { bus: &bus, uplink: &uplink });
    let text = std::fs::read_to_string(&file).unwrap() + VALVE;
    let gas = "tag = \"GT-101\"\n";
    assert!(text.contains(gas));
    std::fs::write(&file, text.replacen(gas, "tag = \"GT-101\"\npoll_ms = 200\nstale_ms = 600\n", 1))
        .unwrap();
    device.set(1, &[20]);
    let agent = Agent::start(&file);
    valve(&device, "open");
    assert_eq!(agent.terminate(), Some(0));
    let page = dir.path().join("state/retentive.json");
    let kept = dir.path().join("kept.json");
    std::fs::rename(&page, &kept).unwrap();
    let made = std::process::Command::new("mkfifo").arg(&page).status().unwrap();
    assert!(made.success());
    let slow = format!("sleep 0.9; cat '{}' > '{}'", kept.display(), page.display());
    let mut disk = std::process::Command::new("sh").args(["-c", &slow]).spawn().unwrap();
    let agent = Agent::start(&file);
    let status = agent.wait("the first value", |status| status["points"][1]["quality"] == "good");
    assert!(disk.wait().unwrap().success());
    assert_eq!(status["alarms"], serde_json::json!([]), "{}", status["alarms"]);
    assert_eq!(status["interlocks"]["trips"][0]["state"], "ready");
    valve(&device, "open");
}

/// Refused while the valve is not shown shut, and done when it is.
fn reset(agent: &Agent, device: &mut Device, file: &Path) {
    let path = file.to_str().unwrap();
    let shown = hazard(&["interlocks", "--lang", "zh", "-c", path]);
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.contains("首出 调压间") && shown.contains("待复位"), "{shown}");
    let reset = || hazard(&["reset", "--trip", "燃气切断", "--actor", "李四", "--lang", "en", "-c", path]);
    device.set(5, &[0]);
    agent.wait("the valve that left", |status| status["interlocks"]["trips"][0]["proof"] == "left");
    let refused = reset();
    assert_eq!(refused.status.code(), Some(77));
    let why = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(why.contains("does not show the safe position"), "{why}");
    device.set(5, &[1]);
    agent.wait("the valve that is back", |status| status["interlocks"]["trips"][0]["proof"] == "proven");
    assert_eq!(reset().status.code(), Some(0));
    valve(device, "open");
}

/// De-energised is shut.
fn valve(device: &Device, wanted: &str) {
    let level = if wanted == "shut" { "0" } else { "1" };
    wait_for(&format!("the valve to be {wanted}"), || (device.last_level(4)? == level).then_some(()));
}
