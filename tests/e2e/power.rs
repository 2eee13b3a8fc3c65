//! The real agent, killed and cut off from its disk again and again while it polls: each reading that it called durable
//! arrives, as the device said it.
//!
//! `HAZARD_AGENT_CUTS` and `HAZARD_AGENT_KILLS` say how often, `HAZARD_SEED` repeats a run. The journal's thread alone goes
//! through more of both in `tests/faults/journal/power.rs`.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use hazard_tests::power::{Disk, asked, seed};
use hazard_tests::rng::Rng;
use rustix::process::Signal;
use serde_json::Value;

use crate::agent::Agent;
use crate::broker::Mosquitto;
use crate::platform::{Platform, Seen};
use crate::ticker::{self, Tickers};
use crate::tools::{PATIENCE, skip};

const CUTS: u64 = 20;
const KILLS: u64 = 50;
/// Every so many lives the platform is there, and takes what the others left.
const PLATFORM_EVERY: u64 = 5;
const DEVICES: usize = 2;
/// Durable records that a life lasts, and looks at one that hardly begins.
const RECORDS_MAX: u64 = 40;
const LOOKS_MAX: u64 = 400;
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// A district and a plant that outlive the agent.
struct Lives {
    dir: PathBuf,
    state: PathBuf,
    tickers: Tickers,
    broker: Mosquitto,
    platform: Platform,
    rng: Rng,
    /// Records and readings that each epoch called durable.
    told: BTreeMap<String, (u64, u64)>,
    ordinals: BTreeMap<u64, String>,
}

#[test]
fn no_power_cut_takes_a_reading_that_the_agent_called_durable() {
    let dir = tempfile::tempdir().unwrap();
    let mut disk = match Disk::mount(&dir.path().join("disk"), 128) {
        Ok(disk) => disk,
        Err(why) => return skip(&format!("no disk of our own can be mounted: {why}")),
    };
    let Some(mut lives) = Lives::new(dir.path(), &disk.path().join("state")) else {
        return;
    };
    let (cuts, begin) = (asked("HAZARD_AGENT_CUTS", CUTS), Instant::now());
    for life in 1..=cuts {
        let agent = lives.live(life == cuts || life % PLATFORM_EVERY == 0);
        disk.cut();
        // What it says without a disk counts as well.
        for _ in 0..20 {
            lives.look();
        }
        agent.kill();
        disk.power_up();
    }
    lives.arrive();
    println!("{cuts} power cuts of the agent: {} in {:?}", lives.sum(), begin.elapsed());
}

#[test]
fn no_kill_takes_a_reading_that_the_agent_called_durable() {
    let dir = tempfile::tempdir().unwrap();
    let Some(mut lives) = Lives::new(dir.path(), &dir.path().join("state")) else {
        return;
    };
    let (kills, begin) = (asked("HAZARD_AGENT_KILLS", KILLS), Instant::now());
    for life in 1..=kills {
        lives.live(life == kills || life % PLATFORM_EVERY == 0).kill();
    }
    lives.arrive();
    println!("{kills} kills of the agent: {} in {:?}", lives.sum(), begin.elapsed());
}

impl Lives {
    fn new(dir: &Path, state: &Path) -> Option<Self> {
        let broker = Mosquitto::start(dir, "")?;
        let platform = Platform::subscribe(broker.port, None);
        broker.signal(Signal::STOP);
        let (dir, state, tickers) = (dir.to_owned(), state.to_owned(), Tickers::start(DEVICES));
        let (told, ordinals) = (BTreeMap::new(), BTreeMap::new());
        Some(Self { dir, state, tickers, broker, platform, rng: Rng::new(seed()), told, ordinals })
    }

    fn start(&mut self) -> Agent {
        let commit_ms = [10, 100, 250][self.rng.between(0, 2) as usize];
        let more = format!(
            "[retention]\ncommit_ms = {commit_ms}\n[[uplinks]]\nid = \"district\"\nkind = \"mqtt\"\n\
             host = \"127.0.0.1\"\nport = {}\nretry_max_s = 1\nconnect_timeout_s = 2",
            self.broker.port
        );
        Agent::start(&self.tickers.site(&self.dir.join("site.toml"), &self.state, &more))
    }

    /// Runs an agent to the moment of its end.
    fn live(&mut self, with_platform: bool) -> Agent {
        if with_platform {
            self.broker.signal(Signal::CONT);
        }
        let agent = self.start();
        if with_platform {
            self.everything_arrives();
        } else if self.rng.chance(200) {
            // It may not have opened its journal yet.
            for _ in 0..self.rng.between(0, LOOKS_MAX) {
                self.look();
            }
        } else {
            let goal = self.rng.between(1, RECORDS_MAX);
            let end = Instant::now() + PATIENCE;
            while self.look() < Some(goal) {
                assert!(Instant::now() < end, "no {goal} durable records");
            }
        }
        self.broker.signal(Signal::STOP);
        agent
    }

    /// Asks the agent how many records are durable, and remembers it.
    fn look(&mut self) -> Option<u64> {
        std::thread::park_timeout(LOOK_EVERY);
        let status = status(&self.state)?;
        let stored = &status["ledger"]["stored"];
        let count = (stored["records"].as_u64()?, stored["readings"].as_u64()?);
        assert_eq!(status["ledger"]["even"], true);
        let epoch = status["agent"]["epoch"].as_str()?.to_owned();
        if let Some(ordinal) = status["agent"]["epoch_no"].as_u64() {
            let named = self.ordinals.entry(ordinal).or_insert_with(|| epoch.clone());
            assert_eq!(*named, epoch, "ordinal {ordinal} was given twice");
        }
        self.told.insert(epoch, count);
        Some(count.0)
    }

    /// With the platform back, an agent that is left alone delivers everything.
    fn arrive(&mut self) {
        self.broker.signal(Signal::CONT);
        let agent = self.start();
        agent.wait("an open journal", |status| status["journal"]["state"] == "open");
        self.everything_arrives();
        assert_eq!(agent.terminate(), Some(0));
        self.platform.is_content();
    }

    fn everything_arrives(&mut self) {
        for (epoch, count) in &self.told {
            self.platform.wait(&format!("{count:?} durable records and readings of {epoch}"), |seen| {
                (durable(seen, epoch, *count)).then_some(())
            });
            self.platform.look(|seen| {
                let fault = ticker::fault(epoch_of(seen, epoch));
                assert!(fault.is_none(), "{epoch}: {fault:?}");
            });
        }
        self.platform.is_content();
    }

    fn sum(&self) -> String {
        let readings: u64 = self.told.values().map(|(_, readings)| readings).sum();
        format!("{} epochs, {readings} durable readings", self.told.len())
    }
}

/// Whether the first records of the epoch are there, and as many readings in them as were counted.
fn durable(seen: &Seen, epoch: &str, (records, readings): (u64, u64)) -> bool {
    let first = epoch_of(seen, epoch).take_while(|record| record["seq"].as_u64() <= Some(records));
    let arrived = first.map(|record| record["readings"].as_array().map_or(0, Vec::len) as u64).sum::<u64>();
    seen.is_gapless(epoch, records) && arrived == readings
}

fn epoch_of<'a>(seen: &'a Seen, epoch: &str) -> impl Iterator<Item = &'a Value> {
    let (first, last) = ((epoch.to_owned(), 0), (epoch.to_owned(), u64::MAX));
    seen.records.range(first..=last).map(|(_, record)| record)
}

/// The agent's account of itself, by its socket, if it gives one at this moment.
fn status(state: &Path) -> Option<Value> {
    let mut stream = UnixStream::connect(state.join("hazard.sock")).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(2))).ok()?;
    stream.write_all(b"{\"ask\":\"status\"}\n").ok()?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).ok()?;
    serde_json::from_str(&line).ok()
}
