//! What people and service managers do to the agent.

use rustix::process::Signal;

use crate::agent::{Agent, SiteParts, hazard, site};
use crate::device::Device;
use crate::tools::wait_for;

#[test]
fn check_accepts_the_example_and_names_every_fault_of_a_broken_site() {
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../config/site.toml");
    let good = hazard(&["check", "-c", example]);
    assert_eq!(good.status.code(), Some(0), "{}", String::from_utf8_lossy(&good.stderr));
    let dir = tempfile::tempdir().unwrap();
    let broken = dir.path().join("site.toml");
    std::fs::write(&broken, "[enterprise]\ndistrict = 3\n[[buses]]\nid = \"b\"\nkind = \"tpc\"\n").unwrap();
    for (lang, word) in [("zh", "tpc"), ("en", "tpc")] {
        let output = hazard(&["check", "--lang", lang, "-c", broken.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(78));
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(
            text.contains(word) && text.contains("site.toml:2") && text.contains("site.toml:5"),
            "{text}"
        );
    }
    assert_eq!(hazard(&["run", "-c", broken.to_str().unwrap()]).status.code(), Some(78));
    assert_eq!(hazard(&["status", "--socket", "/nonexistent/hazard.sock"]).status.code(), Some(69));
    assert_eq!(hazard(&["frobnicate"]).status.code(), Some(64));
}

#[test]
fn an_operator_sees_silences_acknowledges_and_resets() {
    let dir = tempfile::tempdir().unwrap();
    let Some(mut device) = Device::tcp() else {
        return;
    };
    let file = local_site(dir.path(), &device);
    let site = file.to_str().unwrap();
    let agent = Agent::start(&file);
    device.set(1, &[600]);
    wait_for("the alarms", || (agent.status()["alarms"].as_array()?.len() >= 2).then_some(()));
    wait_for("the horn", || (device.last_coils(3)? == "0").then_some(()));

    let unknown = hazard(&["ack", "GT-999/high", "--actor", "张三", "-c", site]);
    assert_eq!(unknown.status.code(), Some(64));
    assert!(hazard(&["silence", "--actor", "张三", "-c", site]).status.success());
    wait_for("the silent horn", || (device.last_coils(3)? == "1").then_some(()));
    device.set(1, &[20]);
    assert!(hazard(&["ack", "--actor", "张三", "--note", "已到现场", "-c", site]).status.success());
    wait_for("the latched alarms", || {
        let status = agent.status();
        let alarms = status["alarms"].as_array()?;
        (alarms.len() == 2 && alarms.iter().all(|alarm| alarm["state"] == "latched_acked")).then_some(())
    });
    assert!(hazard(&["reset", "GT-101/high", "--actor", "张三", "-c", site]).status.success());
    wait_for("one released alarm", || (agent.status()["alarms"].as_array()?.len() == 1).then_some(()));
    assert!(hazard(&["reset", "--actor", "张三", "-c", site]).status.success());
    wait_for("peace", || agent.status()["alarms"].as_array()?.is_empty().then_some(()));
}

#[test]
fn a_reload_keeps_alarms_and_a_broken_file_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let Some(mut device) = Device::tcp() else {
        return;
    };
    let file = local_site(dir.path(), &device);
    let agent = Agent::start(&file);
    device.set(1, &[600]);
    wait_for("the alarms", || (agent.status()["alarms"].as_array()?.len() >= 2).then_some(()));
    let first = agent.status()["agent"]["config"].clone();

    let good = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("{good}\n[[broken")).unwrap();
    agent.signal(Signal::HUP);
    wait_for("the complaint", || {
        let log = std::fs::read_to_string(file.with_extension("log")).ok()?;
        log.contains("last good one stays").then_some(())
    });
    std::fs::write(&file, &good).unwrap();
    assert_eq!(agent.status()["agent"]["config"], first);

    std::fs::write(&file, good.replace("setpoint = 50", "setpoint = 49")).unwrap();
    agent.signal(Signal::HUP);
    let alarms = wait_for("the reload", || {
        let status = agent.status();
        (status["agent"]["config"] != first).then(|| status["alarms"].clone())
    });
    assert_eq!(alarms.as_array().map(Vec::len), Some(2), "alarms stand across a reload: {alarms}");
    assert_eq!(agent.terminate(), Some(0));
}

#[test]
fn metrics_are_served() {
    let dir = tempfile::tempdir().unwrap();
    let Some(device) = Device::tcp() else {
        return;
    };
    let file = local_site(dir.path(), &device);
    let agent = Agent::start(&file);
    let page = wait_for("metrics", || agent.metrics().filter(|page| page.contains("hazard_device_up")));
    let counted = |page: &String| {
        let mut lines =
            page.lines().filter_map(|line| line.strip_prefix("hazard_alarm_delay_seconds_count "));
        lines.any(|count| count != "0")
    };
    wait_for("a measured delay", || agent.metrics().filter(counted));
    assert!(page.contains("application/openmetrics-text") && page.trim_end().ends_with("# EOF"), "{page}");
}

/// A site whose platform is never there.
fn local_site(dir: &std::path::Path, device: &Device) -> std::path::PathBuf {
    let bus = format!("kind = \"tcp\"\nhost = \"127.0.0.1\"\nport = {}", device.port);
    let uplink = format!("host = \"127.0.0.1\"\nport = {}", crate::tools::free_port());
    site(dir, &SiteParts { bus: &bus, uplink: &uplink })
}
