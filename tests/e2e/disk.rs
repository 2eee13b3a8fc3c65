//! A disk that fails under the running agent: alarms sound, the agent says so, and goes on by itself when the disk is well.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use hazard_tests::power::Disk;
use rustix::process::Signal;
use serde_json::Value;

use crate::agent::Agent;
use crate::endurance::World;
use crate::tools::{send, skip, tool, wait_for};

#[test]
fn a_disk_that_turns_read_only_under_the_running_agent_is_complained_of_and_taken_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut disk = match Disk::mount(&dir.path().join("state"), 64) {
        Ok(disk) => disk,
        Err(why) => return skip(&format!("no disk of our own can be mounted: {why}")),
    };
    let Some(world) = World::new(dir.path()) else {
        return;
    };
    let agent = Agent::start(&world.file);
    let before = durable(&agent);
    disk.turn_read_only();
    complains(&agent, &world);

    // Only mounting it anew makes such a disk writable; the agent still holds what it had open.
    disk.mount_over();
    goes_on(&agent, &world, &before);
    assert_eq!(agent.terminate(), Some(0));
}

#[test]
fn syncs_that_fail_under_the_running_agent_are_never_believed_and_it_goes_on_when_they_succeed() {
    let dir = tempfile::tempdir().unwrap();
    let Some(world) = World::new(dir.path()) else {
        return;
    };
    let agent = Agent::start(&world.file);
    let before = durable(&agent);
    let Some(fault) = FailingSyncs::begin(&agent) else {
        return;
    };
    complains(&agent, &world);
    fault.end();
    goes_on(&agent, &world, &before);
    let journal = std::fs::read_dir(dir.path().join("state/journal")).unwrap().flatten();
    let names: Vec<_> = journal.map(|entry| entry.file_name().into_string().unwrap()).collect();
    assert!(names.iter().any(|name| name.starts_with("bad-")), "what failed to sync is set aside: {names:?}");
    assert_eq!(agent.terminate(), Some(0));
}

/// Waits for some durable readings; the account of that moment.
fn durable(agent: &Agent) -> Value {
    agent.wait("stored readings", |status| status["ledger"]["stored"]["readings"].as_u64() > Some(3))
}

fn complains(agent: &Agent, world: &World) {
    // The socket's folder may be out of reach as well.
    wait_for("the complaint", || {
        agent.metrics().filter(|page| page.contains("condition=\"journal_down\",of=\"\"} 1"))
    });
    world.alarm_gets_through();
}

/// The journal comes back in another epoch, and what the first one had called durable has arrived.
fn goes_on(agent: &Agent, world: &World, before: &Value) {
    wait_for("the journal's return", || {
        agent.metrics().filter(|page| !page.contains("condition=\"journal_down\",of=\"\"} 1"))
    });
    let epoch = before["agent"]["epoch"].as_str().unwrap();
    let stored = before["ledger"]["stored"]["readings"].as_u64().unwrap();
    world.platform.wait("what was durable", |seen| (seen.readings_of(epoch) >= stored).then_some(()));
    let epochs = |seen: &crate::platform::Seen| {
        let names = seen.records.keys().map(|(epoch, _)| (epoch.clone(), ()));
        names.collect::<BTreeMap<_, _>>().len()
    };
    world.platform.wait("the next epoch", |seen| (epochs(seen) > 1).then_some(()));
    let newest = f64::from(world.plant.count(2));
    world.platform.wait("new readings", |seen| seen.values("CNT-1").contains(&newest).then_some(()));
    world.platform.is_content();
}

/// `strace` makes each sync of the agent fail.
struct FailingSyncs(Child);

impl FailingSyncs {
    fn begin(agent: &Agent) -> Option<Self> {
        let log = agent.site.with_extension("strace");
        let child = Command::new(tool("strace")?)
            .args(["-f", "-e", "trace=fsync,fdatasync", "-e", "inject=fsync,fdatasync:error=EIO", "-o"])
            .arg(&log)
            .args(["-p", &agent.id().to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let fault = Self(child);
        wait_for("a sync that failed", || injected(&log).then_some(()));
        Some(fault)
    }

    fn end(mut self) {
        // It lets go of the agent, which runs on.
        send(&self.0, Signal::TERM);
        wait_for("strace's end", || self.0.try_wait().unwrap());
    }
}

impl Drop for FailingSyncs {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn injected(log: &Path) -> bool {
    std::fs::read_to_string(log).is_ok_and(|text| text.contains("INJECTED"))
}
