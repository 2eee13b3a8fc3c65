//! The two halves of the system together: the agent polls the firmware in the emulator. Gas rises, both alarm, the agent drives a coil
//! of the node, the node loses its power and comes back.

use std::path::{Path, PathBuf};

use hazard_field::Status;
use hazard_field::map::{UNLOCK_KEY, coil, holding};
use serde_json::Value;

use crate::agent::{Agent, binary};
use crate::emulator::{CLEAN_AIR, Emulator, Line};
use crate::master::Master;
use crate::tools::free_port;

/// 60 %LEL.
const GAS: u32 = 13_600;

fn site(dir: &Path, port: u16) -> PathBuf {
    let text = include_str!("story.site.toml")
        .replace("STATE", &dir.join("state").display().to_string())
        .replace("LISTEN", &free_port().to_string())
        .replace("PORT", &port.to_string())
        .replace("INHIBIT", &(coil::channel(2) + coil::INHIBIT).to_string());
    let file = dir.join("site.toml");
    std::fs::write(&file, text).unwrap();
    file
}

fn point<'a>(status: &'a Value, tag: &str) -> &'a Value {
    let points = status["points"].as_array().unwrap();
    points.iter().find(|point| point["point"] == tag).unwrap()
}

fn stands(status: &Value, tag: &str, kind: &str) -> bool {
    let mut alarms = status["alarms"].as_array().unwrap().iter();
    alarms.any(|alarm| alarm["point"] == tag && alarm["kind"] == kind)
}

fn is_refused(status: &Value) -> bool {
    let mut conditions = status["conditions"].as_array().unwrap().iter();
    conditions.any(|one| one["condition"] == "output_fault")
}

fn is_inhibited(status: &Value) -> bool {
    let word = point(status, "XS-103")["value"].as_f64();
    word.is_some_and(|word| Status::from_bits(word as u16).has_any(Status::INHIBIT))
}

#[test]
fn gas_alarms_at_the_node_and_at_the_gateway_and_a_dead_node_is_an_alarm_until_it_is_back() {
    let dir = tempfile::tempdir().unwrap();
    let port = free_port();
    if crate::emulator::image().is_none() {
        return;
    }
    // Built before the node waits for it.
    binary();
    let Some(mut node) = Emulator::start(dir.path(), &Line::Tcp(port)) else { return };
    // Whoever commissions the node lets a gateway quiet its channels.
    Master::connect(port).set(holding::UNLOCK, &[UNLOCK_KEY]).unwrap();
    let agent = Agent::start(&site(dir.path(), port));
    let status = agent.wait("clean air", |status| point(status, "GT-101")["quality"] == "good");
    assert_eq!(point(&status, "GT-101")["value"], 0.0);
    assert!(!is_inhibited(&status));

    node.feed(0, GAS);
    node.wait_for_pins("the node's own alarm", |pins| pins.coils == [false, false, true] && !pins.horn_quiet);
    agent.wait("the gateway's alarms", |status| {
        stands(status, "GT-101", "high_high") && stands(status, "XA-101", "digital")
    });
    let status = agent.wait("the coil at the node", is_inhibited);
    assert!(!is_refused(&status), "the coil reads back as written: {status:#}");

    drop(node);
    agent.wait("the lost node", |status| {
        stands(status, "GT-101", "lost") && point(status, "GT-101")["quality"] == "bad"
    });
    let status = agent.status();
    assert!(stands(&status, "GT-101", "high_high"), "a dead detector ends no alarm: {status:#}");

    let Some(mut node) = Emulator::start(dir.path(), &Line::Tcp(port)) else { return };
    node.feed(0, CLEAN_AIR[0]);
    let status = agent.wait("the node's return", |status| point(status, "GT-101")["quality"] == "good");
    assert_eq!(point(&status, "GT-101")["value"], 0.0);
    // A node that has started anew is locked: the gateway cannot quiet it, and says so.
    let status = agent.wait("the coil that is refused", is_refused);
    assert!(!is_inhibited(&status), "{status:#}");
    assert_eq!(agent.terminate(), Some(0));
}
