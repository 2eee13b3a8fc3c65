//! A technician calibrates a detector at night: by the command line, behind a bypass, with evidence at the platform.

use std::io::Write;

use serde_json::Value;

use crate::agent::{Agent, SiteParts, hazard, site};
use crate::broker::Mosquitto;
use crate::device::Device;
use crate::platform::Platform;
use crate::tools::wait_for;

const DUTY: &str = "
[[upkeep]]
point = \"GT-101\"
duty = \"calibration\"
every_days = 365
response_max_s = 60
";

#[test]
fn a_calibration_ends_with_evidence_at_the_platform_and_outlives_a_power_cut() {
    let dir = tempfile::tempdir().unwrap();
    let (Some(mut device), Some(broker)) = (Device::tcp(), Mosquitto::start(dir.path(), "")) else {
        return;
    };
    let bus = format!("kind = \"tcp\"\nhost = \"127.0.0.1\"\nport = {}", device.port);
    let uplink = format!("host = \"127.0.0.1\"\nport = {}", broker.port);
    let file = site(dir.path(), &SiteParts { bus: &bus, uplink: &uplink });
    let mut more = std::fs::OpenOptions::new().append(true).open(&file).unwrap();
    more.write_all(DUTY.as_bytes()).unwrap();
    let platform = Platform::subscribe(broker.port, None);
    let agent = Agent::start(&file);
    let ask = |args: &[&str], code: i32| {
        let output = hazard(&[args, &["--lang", "zh", "-c", file.to_str().unwrap()]].concat());
        let said = [&*output.stdout, &*output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
        said
    };
    let does = |args: &[&str]| ask(&[args, &["--actor", "李四"]].concat(), 0);

    agent.wait("the first value", |status| status["points"][1]["quality"] == "good");
    agent.wait("the duty", stands);
    let begin = [
        "upkeep",
        "begin",
        "GT-101",
        "calibration",
        "--applied",
        "50",
        "--note",
        "标气瓶7",
        "--actor",
        "李四",
    ];
    assert!(ask(&begin, 77).contains("先旁路"), "test gas would trip it");
    does(&["bypass", "GT-101", "--for", "1h", "--approver", "王五", "--note", "年度标定"]);
    ask(&begin, 0);
    assert!(ask(&["upkeep"], 0).contains("正在进行"));
    gas(&agent, &mut device, &does);
    does(&["rearm", "GT-101"]);
    assert!(!stands(&agent.status()), "a passed one ends it");

    evidence(&platform);
    wait_for("the date on disk", || {
        let kept = std::fs::read_to_string(dir.path().join("state/retentive.json")).ok()?;
        (kept.contains("\"passed_ms\":1") && !kept.contains("\"left_ms\"")).then_some(())
    });
    agent.kill();
    let agent = Agent::start(&file);
    let status = agent.wait("the first value", |status| status["points"][1]["quality"] == "good");
    assert!(!stands(&status), "{}", status["conditions"]);
    assert_eq!(status["upkeep"][0]["state"], "fine", "{}", status["upkeep"]);
    assert_eq!(status["figures"]["points"]["of"], 2);
    assert!(ask(&["upkeep"], 0).contains("未到期"));
    platform.is_content();
}

/// Gas on and off again, and the answer to whoever finishes.
fn gas(agent: &Agent, device: &mut Device, does: &dyn Fn(&[&str]) -> String) {
    does(&["upkeep", "gas-on", "GT-101"]);
    device.set(1, &[495]);
    agent.wait("the test gas", |status| status["points"][1]["value"] == 49.5);
    does(&["upkeep", "gas-off", "GT-101"]);
    device.set(1, &[0]);
    agent.wait("clean air", |status| status["points"][1]["value"] == 0.0);
    let said = does(&["upkeep", "finish", "GT-101"]);
    assert!(said.contains("○ 通过") && said.contains("t90") && said.contains("偏差 -0.5 %LEL"), "{said}");
}

fn evidence(platform: &Platform) {
    platform.wait("the evidence", |seen| {
        let ended = seen.records.values().find(|record| record["kind"] == "upkeep_ended")?;
        let (outcome, plateau, samples) = (&ended["outcome"], &ended["plateau"], &ended["samples"]);
        assert_eq!((outcome, plateau), (&"passed".into(), &49.5.into()), "{ended}");
        assert_eq!((&ended["ended_by"], &ended["response_estimated"]), (&"李四".into(), &false.into()));
        assert!(samples.as_array().is_some_and(|samples| samples.len() > 2), "{ended}");
        seen.has("upkeep_begun", &[("upkeep", "GT-101/calibration"), ("note", "标气瓶7")]).then_some(())
    });
}

/// Whether the calibration should have been done.
fn stands(status: &Value) -> bool {
    let mut conditions = status["conditions"].as_array().unwrap().iter();
    conditions.any(|standing| standing["condition"] == "upkeep_due" && standing["of"] == "GT-101/calibration")
}
