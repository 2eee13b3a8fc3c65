//! One run's surroundings: devices, broker, platform and a folder, and the program that is started among them.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::bail;
use tempfile::TempDir;

use crate::broker::Broker;
use crate::plant::{BenchClock, Device};
use crate::platform::Platform;
use crate::server::Servers;
use crate::site::{self, Load, Places};
use crate::subject::{Subject, Who};

const POLLED_WITHIN: Duration = Duration::from_secs(60);

/// What the caller chose.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) agent: PathBuf,
    pub(crate) dir: PathBuf,
    pub(crate) warm_up: Duration,
    pub(crate) measure: Duration,
    pub(crate) outage: Duration,
    pub(crate) journal_records: u64,
    pub(crate) seed: u64,
}

/// The surroundings of one run.
pub(crate) struct Rig {
    pub(crate) clock: BenchClock,
    pub(crate) load: Load,
    pub(crate) servers: Servers,
    pub(crate) platform: Platform,
    pub(crate) broker: Broker,
    pub(crate) dir: TempDir,
    agent: PathBuf,
}

impl Rig {
    pub(crate) fn new(load: Load, options: &Options) -> anyhow::Result<Self> {
        let clock = BenchClock::start();
        let broker = Broker::start()?;
        Ok(Self {
            clock,
            load,
            servers: Servers::start(load.devices + 1, clock)?,
            platform: Platform::connect(broker.port, clock)?,
            broker,
            dir: TempDir::with_prefix_in("hazard-load-", &options.dir)?,
            agent: options.agent.clone(),
        })
    }

    /// Starts a program that publishes to `broker_port`.
    pub(crate) fn start(&self, who: Who, broker_port: u16) -> anyhow::Result<Subject> {
        let places = Places { ports: &self.servers.ports, broker_port, dir: self.dir.path() };
        let command = match who {
            Who::Agent => site::agent(&self.agent, self.load, places)?,
            Who::Bare => site::bare(self.load, places)?,
        };
        Subject::start(command, &self.log(who))
    }

    /// The devices that are polled.
    pub(crate) fn polled(&self) -> &[Arc<Device>] {
        &self.servers.devices[..self.load.devices]
    }

    /// The module whose coils the agent drives.
    pub(crate) fn relay(&self) -> &Device {
        &self.servers.devices[self.load.devices]
    }

    pub(crate) fn state_dir(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    /// Waits until every device was polled more often than `before` says; returns how long that took.
    pub(crate) fn until_polled(&self, subject: &mut Subject, before: &[usize]) -> anyhow::Result<Duration> {
        let since = Instant::now();
        let polled = || {
            let more = |(index, device): (usize, &Arc<Device>)| {
                device.polls() > before.get(index).copied().unwrap_or_default()
            };
            self.polled().iter().enumerate().filter(|device| more(*device)).count()
        };
        while polled() < self.load.devices {
            subject.check()?;
            if since.elapsed() > POLLED_WITHIN {
                let (polled, words) = (polled(), subject.last_words());
                bail!("only {polled} of {} devices were polled:\n{words}", self.load.devices);
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        Ok(since.elapsed())
    }

    fn log(&self, who: Who) -> PathBuf {
        self.dir.path().join(Path::new(who.name()).with_extension("log"))
    }
}
