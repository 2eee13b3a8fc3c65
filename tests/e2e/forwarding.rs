//! From the register to the platform and to the horn, over each transport, and across every kind of end.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::agent::{Agent, SiteParts, site};
use crate::broker::{Mosquitto, certificates};
use crate::device::{Device, SerialPair};
use crate::platform::Platform;
use crate::tools::wait_for;

#[test]
fn a_gas_leak_sounds_the_horn_and_reaches_the_platform_over_tcp() {
    let dir = tempfile::tempdir().unwrap();
    let (Some(mut device), Some(broker)) = (Device::tcp(), Mosquitto::start(dir.path(), "")) else {
        return;
    };
    let bus = format!("kind = \"tcp\"\nhost = \"127.0.0.1\"\nport = {}", device.port);
    let uplink = format!("host = \"127.0.0.1\"\nport = {}\nversion = \"3.1.1\"", broker.port);
    let platform = Platform::subscribe(broker.port, None);
    let agent = Agent::start(&site(dir.path(), &SiteParts { bus: &bus, uplink: &uplink }));
    leak(&mut device, &platform);
    assert_eq!(agent.terminate(), Some(0));
    platform.wait("the goodbye", |seen| {
        let last = seen.messages.iter().rev().find(|(stream, _)| stream == "state")?;
        (last.1["online"] == false && last.1["reason"] == "stopping").then_some(())
    });
    platform.is_content();
}

#[test]
fn a_gas_leak_reaches_the_platform_over_rtu_and_mutual_tls() {
    let dir = tempfile::tempdir().unwrap();
    certificates(dir.path());
    let plain = crate::tools::free_port();
    let file = |name: &str| dir.path().join(name).display().to_string();
    let tls = format!(
        "cafile {}\ncertfile {}\nkeyfile {}\nrequire_certificate true\nlistener {plain} 127.0.0.1",
        file("ca.pem"),
        file("server.pem"),
        file("server.key")
    );
    let (Some(pair), Some(broker)) = (SerialPair::new(dir.path()), Mosquitto::start(dir.path(), &tls)) else {
        return;
    };
    let Some(mut device) = Device::serial(&pair.ends[1]) else {
        return;
    };
    let bus =
        format!("kind = \"rtu\"\npath = \"{}\"\nbaud = 19200\nparity = \"none\"", pair.ends[0].display());
    let uplink = format!(
        "host = \"localhost\"\nport = {}\nversion = \"5\"\ntls = {{ ca = \"{}\", cert = \"{}\", key = \"{}\" }}",
        broker.port,
        file("ca.pem"),
        file("client.pem"),
        file("client.key")
    );
    let platform = Platform::subscribe(plain, None);
    let agent = Agent::start(&site(dir.path(), &SiteParts { bus: &bus, uplink: &uplink }));
    leak(&mut device, &platform);
    assert_eq!(agent.terminate(), Some(0));
    platform.is_content();
}

/// Quiet, then 60 %LEL, then quiet again, seen at the horn and at the platform.
fn leak(device: &mut Device, platform: &Platform) {
    device.set(0, &[1, 20]);
    wait_for("the quiet horn", || (device.last_coils(3)? == "1").then_some(()));
    platform.wait("a live reading", |seen| seen.values("GT-101").contains(&2.0).then_some(()));
    device.set(1, &[600]);
    wait_for("the sounding horn", || (device.last_coils(3)? == "0").then_some(()));
    for alarm in ["GT-101/high", "GT-101/high_high"] {
        platform.wait(alarm, |seen| seen.has("alarm", &[("alarm", alarm), ("to", "unacked")]).then_some(()));
    }
    device.set(1, &[20]);
    platform.wait("the latched alarm", |seen| {
        seen.has("alarm", &[("alarm", "GT-101/high"), ("to", "latched_unacked")]).then_some(())
    });
    platform.wait("the state that says so", |seen| {
        let (_, state) = seen.messages.iter().rev().find(|(stream, _)| stream == "state")?;
        (state["alarms"]["count"] == 2).then_some(())
    });
}

/// The counter rises while the broker is killed, the agent is killed, and both come back: nothing that was read is missing.
#[test]
fn nothing_is_lost_when_the_broker_and_then_the_agent_are_killed() {
    let dir = tempfile::tempdir().unwrap();
    let (Some(device), Some(mut broker)) = (Device::tcp(), Mosquitto::start(dir.path(), "")) else {
        return;
    };
    let bus = format!("kind = \"tcp\"\nhost = \"127.0.0.1\"\nport = {}", device.port);
    let uplink = format!("host = \"127.0.0.1\"\nport = {}", broker.port);
    let file = site(dir.path(), &SiteParts { bus: &bus, uplink: &uplink });
    let counter = Counter::start(device);
    let platform = Platform::subscribe(broker.port, None);
    let agent = Agent::start(&file);
    platform.wait("the first readings", |seen| (seen.values("CNT-1").len() > 5).then_some(()));

    broker.kill();
    let cut_at = counter.now();
    counter.wait_until(cut_at + 20);
    // What the agent itself calls durable at this moment must arrive, whatever happens next.
    let durable = durable_value(&agent, &counter);
    counter.wait_until(durable + 5);
    agent.kill();
    let agent = Agent::start(&file);
    counter.wait_until(counter.now() + 10);
    broker.run();
    let back_at = counter.now();

    platform.wait("the back-fill and fresh readings", |seen| {
        let values = seen.values("CNT-1");
        let fresh = values.iter().any(|value| *value > f64::from(back_at) + 5.0);
        let filled = (cut_at..durable).all(|value| values.contains(&f64::from(value)));
        (fresh && filled).then_some(())
    });
    platform.look(|seen| {
        let marked = seen
            .messages
            .iter()
            .any(|(stream, message)| stream == "backfill" && message["back_fill"] == true);
        assert!(marked, "back-fill says that it is back-fill");
        let epochs: std::collections::BTreeSet<_> = seen.records.keys().map(|(epoch, _)| epoch).collect();
        assert_eq!(epochs.len(), 2, "each start has an epoch of its own");
    });
    wait_for("the even ledger", || {
        let status = agent.status();
        (status["drained"] == true && status["ledger"]["even"] == true).then_some(())
    });
    platform.is_content();
}

/// The newest counter value of which the agent's ledger says that it is on disk.
fn durable_value(agent: &Agent, counter: &Counter) -> u16 {
    let value = counter.now();
    counter.wait_until(value + 3);
    wait_for("the disk", || {
        let ledger = &agent.status()["ledger"];
        (ledger["waiting"]["readings"].as_u64()? < 4 && ledger["stored"]["readings"].as_u64()? > 0)
            .then_some(value)
    })
}

/// A register that rises by one with every poll period, so that each reading is a change.
pub(crate) struct Counter {
    value: Arc<Mutex<u16>>,
    stop: Arc<AtomicBool>,
}

impl Counter {
    pub(crate) fn start(mut device: Device) -> Self {
        let value = Arc::new(Mutex::new(0));
        let stop = Arc::new(AtomicBool::new(false));
        let (shared, ended) = (Arc::clone(&value), Arc::clone(&stop));
        std::thread::spawn(move || {
            while !ended.load(Ordering::Relaxed) {
                let next = *shared.lock().unwrap() + 1;
                device.set(0, &[next]);
                *shared.lock().unwrap() = next;
                // Longer than a poll period, so that no value is overlooked.
                std::thread::park_timeout(Duration::from_millis(450));
            }
        });
        Self { value, stop }
    }

    fn now(&self) -> u16 {
        *self.value.lock().unwrap()
    }

    fn wait_until(&self, value: u16) {
        wait_for("the counter", || (self.now() >= value).then_some(()));
    }
}

impl Drop for Counter {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}
