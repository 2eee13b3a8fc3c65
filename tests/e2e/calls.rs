//! 叫应: an alarm calls a role through a program that we did not write, until a person answers.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::agent::{Agent, SiteParts, hazard, site};
use crate::broker::Mosquitto;
use crate::device::Device;
use crate::platform::Platform;
use crate::tools::{free_port, tool, wait_for};

#[test]
fn an_alarm_calls_somebody_whose_signed_answer_ends_the_call() {
    let dir = tempfile::tempdir().unwrap();
    let (Some(mut device), Some(broker)) = (Device::tcp(), Mosquitto::start(dir.path(), "")) else {
        return;
    };
    let Some(desk) = Receiver::start(dir.path(), Some("王工")) else { return };
    let platform = Platform::subscribe(broker.port, None);
    let uplink = format!("host = \"127.0.0.1\"\nport = {}", broker.port);
    let agent = Agent::start(&manned(dir.path(), (&device, &uplink), &[("desk", desk.port)]));
    agent.wait("the first value", |status| status["points"][1]["quality"] == "good");
    device.set(1, &[600]);
    let order = wait_for("the order", || desk.orders().into_iter().next());
    assert_eq!((&order["role"], &order["rung"]), (&"值班员".into(), &1.into()), "{order}");
    let alarm = &order["alarms"][0];
    assert_eq!((&alarm["tag"], &alarm["priority"]), (&"GT-101".into(), &"red".into()), "{order}");
    assert_eq!((&alarm["value"], &alarm["unit"]), (&60.0.into(), &"%LEL".into()), "{order}");
    platform.wait("the answer", |seen| {
        let fields = [("change", "answered"), ("actor", "王工"), ("how", "said"), ("channel", "desk")];
        (seen.has("call", &fields) && seen.has("call", &[("note", "on my way")])).then_some(())
    });
    let status = agent.wait("no open call", |status| status["calls"]["open"] == serde_json::json!([]));
    let unacked = status["alarms"].as_array().unwrap().iter().any(|alarm| alarm["state"] == "unacked");
    assert!(unacked, "whoever answers from afar has acknowledged nothing");
    assert!(agent.metrics().unwrap().contains("hazard_call_orders_total{outcome=\"delivered\"} "));
    assert_eq!(agent.terminate(), Some(0));
    platform.is_content();
}

#[test]
fn a_role_that_cannot_be_reached_is_shown_and_the_next_rung_is_called() {
    let dir = tempfile::tempdir().unwrap();
    let Some(mut device) = Device::tcp() else {
        return;
    };
    let Some(desk) = Receiver::start(dir.path(), None) else { return };
    let uplink = format!("host = \"127.0.0.1\"\nport = {}", free_port());
    let hooks = [("gone", free_port()), ("desk", desk.port)];
    let file = manned(dir.path(), (&device, &uplink), &hooks);
    let agent = Agent::start(&file);
    agent.wait("the first value", |status| status["points"][1]["quality"] == "good");
    device.set(1, &[600]);
    let order = wait_for("the order", || desk.orders().into_iter().next());
    assert_eq!((&order["role"], &order["rung"]), (&"班长".into(), &2.into()), "{order}");
    let failed = serde_json::json!({ "condition": "call_failed", "of": "值班员" });
    agent
        .wait("the fault", |status| status["conditions"].as_array().is_some_and(|all| all.contains(&failed)));
    let place = file.to_str().unwrap();
    let shown = String::from_utf8(hazard(&["calls", "--lang", "zh", "-c", place]).stdout).unwrap();
    assert!(shown.contains("GT-101/high_high") && shown.contains("班长"), "{shown}");
    // An open call outlives a power cut: its rung is called once more.
    wait_for("the call on disk", || {
        let kept = std::fs::read_to_string(dir.path().join("state/retentive.json")).ok()?;
        kept.contains("\"calls\":[{\"alarm\":\"GT-101/high").then_some(())
    });
    agent.kill();
    let before = desk.orders();
    let agent = Agent::start(&file);
    let again = wait_for("the order after the power cut", || desk.orders().get(before.len()).cloned());
    let nth = |order: &Value| order["nth"].as_u64();
    assert!(nth(&again) > nth(&before[before.len() - 1]), "the same call goes on: {again}");
    for alarm in ["GT-101/high", "GT-101/high_high"] {
        let answer = ["answer", alarm, "--actor", "李四", "--note", "正赶往现场", "-c", place];
        let status = hazard(&answer).status.code();
        assert_eq!(status, Some(0), "{alarm}");
    }
    assert_eq!(agent.status()["calls"]["open"], serde_json::json!([]));
    assert_eq!(hazard(&["answer", "GT-101/high", "--actor", "李四", "-c", place]).status.code(), Some(77));
}

/// The test's site with two roles; the n-th has the n-th of these webhooks, the last the rest.
fn manned(dir: &Path, (device, uplink): (&Device, &str), hooks: &[(&str, u16)]) -> PathBuf {
    let bus = format!("kind = \"tcp\"\nhost = \"127.0.0.1\"\nport = {}", device.port);
    let file = site(dir, &SiteParts { bus: &bus, uplink });
    let mut text = std::fs::read_to_string(&file).unwrap();
    let last = hooks.last().unwrap().0;
    text += &format!(
        "\n[call]\nroles = [{{ id = \"值班员\", webhook = \"{}\" }}, {{ id = \"班长\", webhook = \"{last}\" }}]\n",
        hooks[0].0
    );
    for (name, port) in hooks {
        text += &format!(
            "\n[[webhooks]]\nid = \"{name}\"\nurl = \"http://127.0.0.1:{port}/call\"\nsecret_file = \"secret\"\n\
             allow_plain_loopback = true\ntries = 1\n"
        );
    }
    std::fs::write(&file, text).unwrap();
    file
}

/// A receiver in Python.
struct Receiver {
    child: Child,
    port: u16,
    log: PathBuf,
}

impl Receiver {
    /// `name` answers each order at once; without it, orders are only taken.
    fn start(dir: &Path, name: Option<&str>) -> Option<Self> {
        let python = tool("python3")?;
        let (port, log, secret) = (free_port(), dir.join("orders"), dir.join("secret"));
        std::fs::write(&secret, "sixteen letters!\n").unwrap();
        let program = concat!(env!("CARGO_MANIFEST_DIR"), "/e2e/receiver.py");
        let mut child = Command::new(python)
            .args([program, &port.to_string()])
            .args([&secret, &log])
            .args(name)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        Some(Self { child, port, log })
    }

    /// The orders that verified.
    fn orders(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
