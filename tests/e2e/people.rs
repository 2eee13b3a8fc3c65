//! What people did and saw outlives a power cut, and what is not permitted is refused with its reason.

use std::process::Output;

use crate::agent::{Agent, SiteParts, hazard, site};
use crate::device::Device;
use crate::tools::{free_port, wait_for};

#[test]
fn an_alarm_that_nobody_acknowledged_sounds_after_a_power_cut_though_the_gas_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let Some(mut device) = Device::tcp() else {
        return;
    };
    let file = local_site(dir.path(), &device);
    let agent = Agent::start(&file);
    device.set(1, &[300]);
    wait_for("the alarm on disk", || {
        let kept = std::fs::read_to_string(dir.path().join("state/retentive.json")).ok()?;
        kept.contains("\"state\":\"unacked\"").then_some(())
    });
    agent.kill();
    device.set(1, &[20]);
    let agent = Agent::start(&file);
    let status = agent.wait("the good value", |status| status["points"][1]["value"] == 2.0);
    let alarm = &status["alarms"][0];
    assert_eq!((&alarm["state"], &alarm["sounds"]), (&"latched_unacked".into(), &true.into()), "{alarm}");
    wait_for("the horn", || (device.last_coils(3)? == "0").then_some(()));
}

#[test]
fn what_is_not_permitted_is_refused_with_its_reason_in_both_languages() {
    let dir = tempfile::tempdir().unwrap();
    let Some(mut device) = Device::tcp() else {
        return;
    };
    let file = local_site(dir.path(), &device);
    let agent = Agent::start(&file);
    device.set(1, &[300]);
    agent.wait("the alarm", |status| status["alarms"][0]["state"] == "unacked");
    let ask = |args: &[&str]| hazard(&[args, &["--actor", "张三", "-c", file.to_str().unwrap()]].concat());
    for (args, zh, en) in [
        (&["reset"][..], "报警条件仍在", "still stands"),
        (&["shelve", "GT-101/high", "--for", "10m", "--note", "x"], "不允许搁置", "never be shelved"),
        (&["handle", "GT-101/high", "--cause", "equipment"], "--note", "--note"),
        (&["bypass", "GT-101", "--for", "2h", "--approver", "王五"], "--note", "--note"),
        (
            &["bypass", "GT-101", "--for", "9h", "--approver", "王五", "--note", "x"],
            "480 分钟",
            "480 minutes",
        ),
        (&["rearm", "GT-101"], "没有旁路", "not bypassed"),
    ] {
        for (lang, words) in [("zh", zh), ("en", en)] {
            let output = ask(&[args, &["--lang", lang]].concat());
            assert_eq!(output.status.code(), Some(77), "{args:?}: {}", said(&output));
            assert!(said(&output).contains(words), "{args:?}: {}", said(&output));
        }
    }
    assert_eq!(ask(&["bypass", "GT-101", "--for", "soon", "--approver", "x"]).status.code(), Some(64));
    assert_eq!(ask(&["bypass", "GT-999", "--for", "2h", "--approver", "x"]).status.code(), Some(64));
}

#[test]
fn a_detector_is_calibrated_behind_a_bypass_and_armed_again() {
    let dir = tempfile::tempdir().unwrap();
    let Some(mut device) = Device::tcp() else {
        return;
    };
    let file = local_site(dir.path(), &device);
    let agent = Agent::start(&file);
    let ask = |args: &[&str]| {
        let output = hazard(&[args, &["--actor", "李四", "-c", file.to_str().unwrap()]].concat());
        assert!(output.status.success(), "{args:?}: {}", said(&output));
    };
    agent.wait("the first value", |status| status["points"][1]["quality"] == "good");
    ask(&["bypass", "GT-101", "--for", "2h", "--approver", "王五", "--note", "年度标定"]);
    device.set(1, &[600]);
    let status = agent.wait("the test gas", |status| status["points"][1]["value"] == 60.0);
    assert_eq!(status["points"][1]["reason"], "bypassed");
    assert!(status["alarms"].as_array().unwrap().iter().all(|alarm| alarm["state"] == "out_of_service"));
    assert_eq!(status["bypasses"][0]["approver"], "王五");
    let shown =
        String::from_utf8(hazard(&["alarms", "--lang", "zh", "-c", file.to_str().unwrap()]).stdout).unwrap();
    assert!(shown.contains("旁路") && shown.contains("年度标定") && shown.contains("李四 / 王五"), "{shown}");
    // Another configuration is no absence: the bypass goes on.
    let epoch = status["agent"]["epoch"].clone();
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text + "\n# another text\n").unwrap();
    agent.signal(rustix::process::Signal::HUP);
    let status = agent.wait("the reload", |status| status["agent"]["epoch"] != epoch);
    assert_eq!(status["bypasses"][0]["approver"], "王五", "{}", status["bypasses"]);
    // The clock of this machine is not known to be right, so nobody can tell how long the gateway was away.
    wait_for("the bypass on disk", || {
        let kept = std::fs::read_to_string(dir.path().join("state/retentive.json")).ok()?;
        kept.contains("年度标定").then_some(())
    });
    agent.kill();
    let agent = Agent::start(&file);
    agent.wait("the armed detector", |status| {
        status["alarms"].as_array().is_some_and(|alarms| alarms.len() == 2)
    });
    assert_eq!(agent.status()["bypasses"], serde_json::json!([]));
    ask(&["handle", "GT-101/high", "--cause", "test", "--note", "标定未完成"]);
    assert_eq!(
        agent.status()["alarms"].as_array().unwrap().iter().filter(|alarm| alarm["handled"] == true).count(),
        1
    );
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A site whose platform is never there.
fn local_site(dir: &std::path::Path, device: &Device) -> std::path::PathBuf {
    let bus = format!("kind = \"tcp\"\nhost = \"127.0.0.1\"\nport = {}", device.port);
    let uplink = format!("host = \"127.0.0.1\"\nport = {}", free_port());
    site(dir, &SiteParts { bus: &bus, uplink: &uplink })
}
