//! Disks, brokers and processes that fail under the running agent: alarms sound at once whatever is broken, and what was
//! durable arrives.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use hazard_tests::rng::Rng;
use rustix::process::Signal;

use crate::agent::{Agent, SiteParts, site};
use crate::broker::Mosquitto;
use crate::plant::Plant;
use crate::platform::Platform;
use crate::tools::{skip, wait_for};

/// A poll period, and what a person takes for "at once".
const AT_ONCE: Duration = Duration::from_millis(200 + 1_000);
/// The shortest that a site file can ask for.
const STALL_TIMEOUT: Duration = Duration::from_secs(5);

/// A plant, a broker, a platform and a site file that joins them.
pub(crate) struct World {
    pub(crate) plant: Plant,
    pub(crate) broker: Mosquitto,
    pub(crate) platform: Platform,
    pub(crate) file: PathBuf,
}

impl World {
    pub(crate) fn new(dir: &Path) -> Option<Self> {
        let (plant, broker) = (Plant::start()?, Mosquitto::start(dir, "")?);
        let uplink = format!(
            "host = \"127.0.0.1\"\nport = {}\nstall_timeout_s = {}\nconnect_timeout_s = 2",
            broker.port,
            STALL_TIMEOUT.as_secs()
        );
        let file = site(dir, &SiteParts { bus: &plant.bus(), uplink: &uplink });
        let platform = Platform::subscribe(broker.port, None);
        Some(Self { plant, broker, platform, file })
    }

    /// An alarm sounds at once and reaches the platform.
    pub(crate) fn alarm_gets_through(&self) {
        self.sounds_at_once();
        self.platform.wait("the alarm", |seen| {
            seen.has("alarm", &[("alarm", "GT-101/high"), ("to", "unacked")]).then_some(())
        });
    }

    fn sounds_at_once(&self) {
        self.plant.wait_for_silence();
        let took = self.plant.leak();
        assert!(took <= AT_ONCE, "the horn took {took:?}");
    }

    /// Every record of the epoch up to where it stands arrives.
    fn everything_arrives(&self, epoch: &str) {
        let value = f64::from(self.plant.counted());
        self.platform.wait("the newest reading", |seen| seen.values("CNT-1").contains(&value).then_some(()));
        self.platform.wait("every record", |seen| seen.is_gapless(epoch, seen.last_of(epoch)).then_some(()));
        self.platform.is_content();
    }
}

#[test]
fn alarms_sound_and_reach_the_platform_while_the_disk_is_full_and_the_journal_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let Some(world) = World::new(dir.path()) else {
        return;
    };
    let journal = dir.path().join("state/journal");
    let Some(disk) = TinyDisk::mount(&journal) else {
        return;
    };
    let agent = Agent::start(&world.file);
    let before = agent.wait("an open journal", |status| status["journal"]["state"] == "open");
    disk.fill();
    let down = agent.wait("the complaint", |status| stands(status, "journal_down"));
    assert_eq!(down["ledger"]["even"], true);
    let page = wait_for("metrics", || agent.metrics());
    assert!(page.contains("hazard_condition{condition=\"journal_down\",of=\"\"} 1"), "{page}");
    world.alarm_gets_through();
    world
        .platform
        .wait("the complaint", |seen| seen.has("system", &[("condition", "journal_down")]).then_some(()));

    disk.free();
    let after = agent.wait("the journal's return", |status| status["journal"]["state"] == "open");
    assert_ne!(
        after["agent"]["epoch"], before["agent"]["epoch"],
        "an epoch that lost records is not continued"
    );
    assert!(after["agent"]["epoch_no"].as_u64() > before["agent"]["epoch_no"].as_u64());
    agent.wait("peace", |status| !stands(status, "journal_down") && status["ledger"]["even"] == true);
    agent.wait("the alarm that still stands", |status| {
        status["alarms"].as_array().is_some_and(|alarms| alarms.len() >= 2)
    });
    world.everything_arrives(after["agent"]["epoch"].as_str().unwrap());
    assert_eq!(agent.terminate(), Some(0));
}

#[test]
fn an_agent_whose_journal_cannot_be_made_says_so_and_goes_on_alarming_and_forwarding() {
    let dir = tempfile::tempdir().unwrap();
    let Some(world) = World::new(dir.path()) else {
        return;
    };
    let state = dir.path().join("state");
    std::fs::create_dir(&state).unwrap();
    std::fs::write(state.join("journal"), "not a folder").unwrap();
    let agent = Agent::start(&world.file);
    agent.wait("the complaint", |status| stands(status, "journal_down"));
    world.alarm_gets_through();
    let log = agent.log();
    assert!(log.contains("the journal failed") && log.contains("state/journal"), "{log}");

    // Somebody clears the way: the journal comes without a restart.
    std::fs::remove_file(state.join("journal")).unwrap();
    agent.wait("the journal", |status| status["journal"]["state"] == "open");
    assert_eq!(agent.terminate(), Some(0));
}

#[test]
fn an_agent_on_a_read_only_disk_says_so_and_goes_on_alarming_and_forwarding() {
    let dir = tempfile::tempdir().unwrap();
    let Some(world) = World::new(dir.path()) else {
        return;
    };
    let state = dir.path().join("state");
    let Some(disk) = TinyDisk::mount(&state) else {
        return;
    };
    disk.remount("ro");
    let agent = Agent::start(&world.file);
    world.alarm_gets_through();
    world
        .platform
        .wait("the complaint", |seen| seen.has("system", &[("condition", "journal_down")]).then_some(()));
    wait_for("metrics, for there is no socket", || {
        agent.metrics().filter(|page| page.contains("condition=\"journal_down\",of=\"\"} 1"))
    });
    assert!(agent.log().contains("hazard status will not work"), "{}", agent.log());
    assert_eq!(agent.terminate(), Some(0));
}

#[test]
fn a_damaged_journal_is_set_aside_and_the_agent_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let Some(world) = World::new(dir.path()) else {
        return;
    };
    let agent = Agent::start(&world.file);
    let before =
        agent.wait("stored readings", |status| status["ledger"]["stored"]["readings"].as_u64() > Some(3));
    agent.kill();
    let journal = dir.path().join("state/journal");
    let spoilt = sled_files(&journal);
    assert!(!spoilt.is_empty(), "no sled files in {}", journal.display());
    for file in spoilt {
        let length = std::fs::metadata(&file).unwrap().len();
        std::fs::write(&file, vec![0xa5; usize::try_from(length).unwrap()]).unwrap();
    }
    let agent = Agent::start(&world.file);
    world.alarm_gets_through();
    let after = agent.wait("an open journal", |status| status["journal"]["state"] == "open");
    assert!(after["agent"]["epoch_no"].as_u64() > before["agent"]["epoch_no"].as_u64());
    let entries = std::fs::read_dir(&journal).unwrap().flatten();
    let names: Vec<_> = entries.map(|entry| entry.file_name().into_string().unwrap()).collect();
    assert!(names.iter().any(|name| name.starts_with("bad-")), "kept for a look: {names:?}");
    world.everything_arrives(after["agent"]["epoch"].as_str().unwrap());
    assert_eq!(agent.terminate(), Some(0));
}

#[test]
fn a_broker_that_hangs_is_noticed_alarms_sound_meanwhile_and_everything_arrives() {
    let dir = tempfile::tempdir().unwrap();
    let Some(world) = World::new(dir.path()) else {
        return;
    };
    let agent = Agent::start(&world.file);
    world.platform.wait("the first readings", |seen| (seen.values("CNT-1").len() > 3).then_some(()));
    let hung = Instant::now();
    world.broker.signal(Signal::STOP);
    world.sounds_at_once();
    agent.wait("the news that the platform is gone", |status| status["uplinks"][0]["up"] == false);
    let noticed = hung.elapsed();
    // A reading leaves within 450 ms and waits for its confirmation from then on.
    assert!(noticed <= STALL_TIMEOUT + Duration::from_secs(2), "noticed after {noticed:?}");
    world.plant.count(5);

    world.broker.signal(Signal::CONT);
    let epoch = agent.status()["agent"]["epoch"].as_str().unwrap().to_owned();
    world.everything_arrives(&epoch);
    world.platform.look(|seen| assert!(seen.has("alarm", &[("alarm", "GT-101/high"), ("to", "unacked")])));
    agent.wait("the even ledger", |status| status["ledger"]["even"] == true);
    assert_eq!(agent.terminate(), Some(0));
}

/// The agent is killed at moments that only the seed decides; `HAZARD_SEED` repeats a run.
#[test]
fn ten_kills_at_random_moments_lose_nothing_durable_and_number_nothing_twice() {
    let dir = tempfile::tempdir().unwrap();
    let Some(world) = World::new(dir.path()) else {
        return;
    };
    let seed = std::env::var("HAZARD_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(random);
    println!("HAZARD_SEED={seed}");
    let mut rng = Rng::new(seed);
    let mut stored = BTreeMap::new();
    let mut ordinals = Vec::new();
    for _ in 0..10 {
        // What never left live can come from the disk only.
        let signal = if rng.chance(500) { Signal::STOP } else { Signal::CONT };
        world.broker.signal(signal);
        let agent = Agent::start(&world.file);
        let lives = Duration::from_millis(rng.between(0, 2_500));
        let end = Instant::now() + lives;
        while Instant::now() < end {
            if let Some(status) = agent.try_status()
                && let Some(ordinal) = status["agent"]["epoch_no"].as_u64()
            {
                let epoch = status["agent"]["epoch"].as_str().unwrap().to_owned();
                ordinals.push((epoch.clone(), ordinal));
                stored.insert(epoch, status["ledger"]["stored"]["readings"].as_u64().unwrap());
            }
            std::thread::park_timeout(
                end.saturating_duration_since(Instant::now()).min(Duration::from_millis(50)),
            );
        }
        agent.kill();
    }
    world.broker.signal(Signal::CONT);
    let agent = Agent::start(&world.file);
    let last = agent.wait("the last epoch", |status| status["agent"]["epoch_no"].is_u64());
    let epoch = last["agent"]["epoch"].as_str().unwrap().to_owned();
    ordinals.push((epoch, last["agent"]["epoch_no"].as_u64().unwrap()));
    ordinals.dedup();
    assert!(ordinals.windows(2).all(|pair| pair[0].1 < pair[1].1), "seed {seed}: {ordinals:?}");
    for (epoch, stored) in &stored {
        world.platform.wait(&format!("{stored} durable readings of {epoch}"), |seen| {
            (seen.readings_of(epoch) >= *stored).then_some(())
        });
    }
    world.everything_arrives(last["agent"]["epoch"].as_str().unwrap());
}

#[test]
fn an_agent_told_to_end_during_an_outage_ends_soon_and_the_next_one_delivers_the_backlog() {
    let dir = tempfile::tempdir().unwrap();
    let Some(world) = World::new(dir.path()) else {
        return;
    };
    let agent = Agent::start(&world.file);
    world.platform.wait("the first readings", |seen| (seen.values("CNT-1").len() > 3).then_some(()));
    world.broker.signal(Signal::STOP);
    world.plant.count(10);
    let epoch = agent.status()["agent"]["epoch"].as_str().unwrap().to_owned();
    let asked = Instant::now();
    let read = agent.status()["ledger"]["offered"]["records"].as_u64().unwrap();
    assert_eq!(agent.terminate(), Some(0));
    assert!(asked.elapsed() <= Duration::from_secs(15), "the end took {:?}", asked.elapsed());

    world.broker.signal(Signal::CONT);
    let agent = Agent::start(&world.file);
    world.platform.wait("the backlog", |seen| {
        (seen.last_of(&epoch) >= read && seen.is_gapless(&epoch, seen.last_of(&epoch))).then_some(())
    });
    let epoch = agent.status()["agent"]["epoch"].as_str().unwrap().to_owned();
    world.everything_arrives(&epoch);
}

pub(crate) fn stands(status: &serde_json::Value, condition: &str) -> bool {
    status["conditions"].as_array().is_some_and(|all| all.iter().any(|one| one["condition"] == condition))
}

fn random() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    std::hash::RandomState::new().build_hasher().finish()
}

fn sled_files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap().flatten() {
        if entry.path().is_dir() {
            found.extend(sled_files(&entry.path()));
        } else if entry.file_name() == "db" {
            found.push(entry.path());
        }
    }
    found
}

/// A file system of 4 MB of its own.
struct TinyDisk<'a> {
    path: &'a Path,
}

impl<'a> TinyDisk<'a> {
    fn mount(path: &'a Path) -> Option<Self> {
        std::fs::create_dir_all(path).unwrap();
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=4m", "none"]).arg(path).output();
        if mounted.is_ok_and(|output| output.status.success()) {
            return Some(Self { path });
        }
        skip("mounting a tmpfs takes root");
        None
    }

    fn remount(&self, how: &str) {
        let options = format!("remount,{how}");
        let done = Command::new("mount").args(["-o", &options]).arg(self.path).status().unwrap();
        assert!(done.success());
    }

    /// Others take what is left.
    fn fill(&self) {
        let mut file = std::fs::File::create(self.path.join("others")).unwrap();
        while std::io::Write::write_all(&mut file, &[0; 4096]).is_ok() {}
    }

    fn free(&self) {
        std::fs::remove_file(self.path.join("others")).unwrap();
    }
}

impl Drop for TinyDisk<'_> {
    fn drop(&mut self) {
        // Lazily, for the agent may still be ending.
        drop(Command::new("umount").arg("-l").arg(self.path).output());
    }
}
