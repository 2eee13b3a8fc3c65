//! A broken site file silences nothing: people reach the running agent, and a start runs the last good configuration.

use std::path::{Path, PathBuf};

use rustix::process::Signal;
use serde_json::Value;

use crate::agent::{Agent, SiteParts, hazard, site};
use crate::device::Device;
use crate::tools::{free_port, wait_for};

#[test]
fn a_broken_site_file_silences_nothing_and_is_shown_until_it_is_mended() {
    let dir = tempfile::tempdir().unwrap();
    let Some(mut device) = Device::tcp() else {
        return;
    };
    let file = local_site(dir.path(), &device);
    let good = std::fs::read_to_string(&file).unwrap();
    let site = file.to_str().unwrap();
    let agent = Agent::start(&file);
    let first = agent.status()["agent"]["config"].clone();
    wait_for("the last good configuration", || {
        dir.path().join("state/config/last_good.json").exists().then_some(())
    });
    device.set(1, &[600]);
    wait_for("the horn", || (device.last_coils(3)? == "0").then_some(()));

    // A typo in the file keeps nobody from the agent.
    std::fs::write(&file, format!("[[buses\n{good}")).unwrap();
    assert_eq!(hazard(&["check", "-c", site]).status.code(), Some(78));
    assert!(hazard(&["silence", "--actor", "张三", "-c", site]).status.success());
    wait_for("the silent horn", || (device.last_coils(3)? == "1").then_some(()));
    assert!(!is_invalid(&agent.status()));
    agent.signal(Signal::HUP);
    agent.wait("the rejected file", is_invalid);

    // Power fails: what ran runs again, and says so.
    agent.kill();
    let agent = Agent::start(&file);
    let status = agent.wait("the rejected file", is_invalid);
    assert_eq!(status["agent"]["config"], first);
    let at = status["site_file"]["first"][0]["at"].as_str().unwrap();
    assert!(at.contains("site.toml:1:"), "{at}");
    let screen = hazard(&["status", "--lang", "en", "-c", site]);
    let screen = String::from_utf8_lossy(&screen.stdout).into_owned();
    let top: Vec<&str> = screen.lines().take(4).collect();
    assert!(top.iter().any(|line| line.contains("the last good configuration runs")), "{screen}");
    agent.wait("the alarms", |status| status["alarms"].as_array().is_some_and(|alarms| alarms.len() == 2));
    agent.wait("a value", |status| status["points"][1]["quality"] == "good");

    // Without any file, too.
    std::fs::remove_file(&file).unwrap();
    assert!(hazard(&["ack", "--actor", "张三", "-c", site]).status.success());
    agent.kill();
    let agent = Agent::start(&file);
    agent.wait("the missing file", is_invalid);

    std::fs::write(&file, &good).unwrap();
    let epoch = agent.status()["agent"]["epoch"].clone();
    agent.signal(Signal::HUP);
    let status = agent.wait("the mended file", |status| !is_invalid(status));
    assert_eq!((&status["agent"]["epoch"], &status["agent"]["config"]), (&epoch, &first));
    assert!(status["site_file"].is_null(), "{status}");
    assert_eq!(agent.terminate(), Some(0));
}

#[test]
fn a_reload_of_unchanged_files_changes_nothing_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let Some(device) = Device::tcp() else {
        return;
    };
    let file = local_site(dir.path(), &device);
    let agent = Agent::start(&file);
    let epoch = agent.status()["agent"]["epoch"].clone();
    let said = || agent.log().matches("the configuration is unchanged").count();
    for times in 1..=2 {
        agent.signal(Signal::HUP);
        wait_for("the word that nothing changed", || (said() == times).then_some(()));
    }
    assert_eq!(agent.status()["agent"]["epoch"], epoch);
    let history = hazard(&["config", "history", "--json", "-c", file.to_str().unwrap()]);
    let history: Value = serde_json::from_slice(&history.stdout).unwrap();
    assert_eq!(history["rows"].as_array().map(Vec::len), Some(0), "{history}");
}

fn is_invalid(status: &Value) -> bool {
    let standing = status["conditions"].as_array();
    standing.is_some_and(|all| all.iter().any(|one| one["condition"] == "site_file_invalid"))
}

fn local_site(dir: &Path, device: &Device) -> PathBuf {
    let bus = format!("kind = \"tcp\"\nhost = \"127.0.0.1\"\nport = {}", device.port);
    let uplink = format!("host = \"127.0.0.1\"\nport = {}", free_port());
    site(dir, &SiteParts { bus: &bus, uplink: &uplink })
}
