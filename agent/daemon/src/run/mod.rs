//! The daemon's one loop: owns the engine, carries results in and requests out, and waits for nothing but the next event. A
//! queue that is full, a disk that hangs and a platform that is gone are facts for the engine, never a wait here.

mod adapters;
mod calls;
mod district;
mod memory;
mod people;
pub mod standing;
mod underway;
mod upkeep;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hazard_core::call::Order;
use hazard_core::id::Epoch;
use hazard_core::input::{Command, JournalReport, UplinkReport};
use hazard_core::outbox::record::ConfigEvent;
use hazard_core::poll::Delay;
use hazard_core::{Engine, Input, Mono, Output, Start};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::clock::Clock;
use crate::config::Loaded;
use crate::control::{Deed, Refused};
use crate::observe::{Facts, Latencies, SiteFile, Status, TestReport};
use crate::retentive::Page;
use crate::uplink::mqtt;
use adapters::{Adapters, Inboxes};
use district::District;
pub use district::birth_too_large;
use memory::Memory;
use people::Unclear;
use standing::{Line, Outcome};
use underway::Underways;

/// Inputs taken before outputs are looked at again: enough to batch, too few to delay the panel.
const INPUTS_PER_TURN: usize = 32;

/// What the loop is asked from outside.
#[derive(Debug)]
pub enum Request {
    /// What is now.
    Status(oneshot::Sender<Arc<Status>>),
    /// A person's command; answered with what it changed and what it did not.
    Act(Act, oneshot::Sender<Result<Done, UnknownName>>),
    /// Write a change of configuration down.
    Configured(Box<ConfigEvent>),
    /// Whether a configuration is on trial.
    OnTrial(bool),
    /// What is wrong with the site file, while another configuration runs.
    SiteFile(Option<Box<SiteFile>>),
    /// What stands, as names tell it, and what a change to this configuration would do to it.
    Judge(Arc<Loaded>, oneshot::Sender<Outcome>),
    /// Go on with this configuration, in a fresh epoch; answered with why the one that runs goes on.
    Reload(Change, oneshot::Sender<Result<(), Vec<Line>>>),
}

/// Another configuration, and who wants it.
#[derive(Clone, Debug)]
pub struct Change {
    /// The configuration.
    pub next: Arc<Loaded>,
    /// Who; empty where nobody said so.
    pub actor: String,
}

/// A person's command before its names are looked up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Act {
    /// Who.
    pub actor: String,
    /// What.
    pub deed: Deed,
    /// The actor's words.
    pub note: String,
}

/// What came of a command.
#[derive(Clone, PartialEq, Debug)]
pub struct Done {
    /// How many alarms or points it changed.
    pub changed: u32,
    /// The alarms that it silenced, acknowledged or reset.
    pub alarms: Vec<String>,
    /// What it did not change.
    pub refused: Vec<Refused>,
    /// The test that it ended.
    pub test: Option<Box<TestReport>>,
}

/// No alarm or point has this name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UnknownName(pub String);

/// How a run ended.
#[derive(Debug)]
pub enum End {
    /// It was asked to stop.
    Stopped,
    /// It was asked to go on with another configuration.
    Reload(Arc<Loaded>, Legacy),
}

/// What a run leaves to the next one in the same process, should the disk not keep it.
#[derive(Clone, Debug, Default)]
pub struct Legacy {
    left: Option<Box<Left>>,
    /// The disk has not said yet what stood before this process.
    unread: bool,
}

/// What stood at the end of a run.
#[derive(Clone, Debug)]
struct Left {
    page: Page,
    /// Hash of the configuration that ran.
    config: String,
    /// Who wanted another one.
    actor: String,
    /// Delays that run.
    underway: Underways,
}

/// What stays while configurations come and go.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// The clocks.
    pub clock: Clock,
    /// When it is cancelled, the run ends in order.
    pub stop: CancellationToken,
    /// Called after each completed turn, for watchdogs.
    pub turns: fn(),
}

/// Runs the agent with one configuration until it is stopped or given another one.
///
/// # Errors
/// When a thread cannot be started; nothing outside the process is an error here.
pub async fn run(
    loaded: &Loaded,
    surroundings: &Surroundings,
    legacy: Legacy,
    requests: &mut mpsc::Receiver<Request>,
) -> std::io::Result<End> {
    let (mut daemon, mut inboxes) = Daemon::start(loaded, surroundings, legacy)?;
    let end = daemon.turn_until_end(&mut inboxes, requests).await;
    daemon.shut_down().await;
    Ok(end)
}

struct Daemon {
    engine: Engine,
    clock: Clock,
    stop: CancellationToken,
    turns: fn(),
    adapters: Adapters,
    district: District,
    memory: Memory,
    facts: Facts,
    site_file: Option<SiteFile>,
    clock_read_at: Mono,
}

enum Event {
    Input(Input),
    Journal(crate::journal::Report),
    Uplink(hazard_core::id::UplinkId, mqtt::Report),
    Call(crate::webhook::Report),
    Request(Request),
    Timer,
    Stop,
}

impl Daemon {
    fn start(loaded: &Loaded, around: &Surroundings, legacy: Legacy) -> std::io::Result<(Self, Inboxes)> {
        let clock = around.clock.with_sync_file(loaded.clock_sync_file.clone());
        let epoch = fresh_epoch();
        let dictionary = Arc::new(loaded.dictionary.clone());
        let (mut memory, before) = Memory::open((loaded, &dictionary), legacy, clock.now())?;
        let district = District::new(loaded, epoch, &dictionary, &clock);
        let (adapters, inboxes) = Adapters::start(loaded, epoch, &dictionary, (&district, &clock))?;
        // Behind all that may wait for a disk: its delays begin when it can poll.
        let (now, (utc, trust)) = (clock.now(), clock.wall());
        let mut engine = Engine::new(Arc::clone(&loaded.site), &Start { epoch, utc, trust }, now);
        memory.take_up(&mut engine, (loaded, before), (now, utc, trust));
        info!(%epoch, config = loaded.hash, points = loaded.site.points.len(), "the agent runs");
        let facts = Facts {
            dictionary,
            identity: loaded.identity.clone(),
            version: env!("CARGO_PKG_VERSION"),
            started: utc,
            uptime: Duration::ZERO,
            links: Vec::new(),
            units: Vec::new(),
            journal: None,
            uplink_reasons: vec![None; loaded.uplinks.len()],
            epoch_no: None,
            journal_quota_bytes: loaded.journal.quota_bytes,
            latency: Latencies::default(),
        };
        let daemon = Self {
            engine,
            clock,
            stop: around.stop.clone(),
            turns: around.turns,
            adapters,
            district,
            memory,
            facts,
            site_file: None,
            clock_read_at: now,
        };
        Ok((daemon, inboxes))
    }

    async fn turn_until_end(&mut self, inboxes: &mut Inboxes, requests: &mut mpsc::Receiver<Request>) -> End {
        self.district.announce(&mut self.adapters, &self.engine, self.clock.utc());
        let now = self.clock.now();
        self.engine.handle_timeout(now);
        self.carry_out(now);
        loop {
            let event = self.next_event(inboxes, requests).await;
            let began = self.clock.now();
            match event {
                Event::Stop => return End::Stopped,
                Event::Request(Request::Reload(change, reply)) => {
                    // What stands may have changed since the change was judged: here nothing comes between.
                    let refused = self.judge(&change.next).refused;
                    if refused.is_empty() {
                        drop(reply.send(Ok(())));
                        return self.hand_over(change);
                    }
                    drop(reply.send(Err(refused)));
                }
                Event::Timer => {}
                event => self.take(event),
            }
            for _ in 0..INPUTS_PER_TURN {
                let Ok(input) = inboxes.inputs.try_recv() else {
                    break;
                };
                self.engine.handle(self.clock.now(), input);
            }
            self.let_time_pass();
            let (utc, trust) = self.clock.wall();
            self.memory.arrive(&mut self.engine, (self.clock.now(), utc, trust));
            self.carry_out(began);
            self.memory.keep(&mut self.engine, (self.clock.now(), &self.clock));
            self.district.keep_informed(&mut self.adapters, &self.engine, self.clock.utc());
            self.count_delays();
            self.facts.latency.turn.observe(self.clock.now().since(began));
            (self.turns)();
        }
    }

    fn judge(&self, next: &Loaded) -> Outcome {
        self.memory.judge((&self.engine, &self.clock), next)
    }

    fn hand_over(&self, change: Change) -> End {
        let config = self.facts.dictionary.config_hash.clone();
        End::Reload(change.next, self.memory.leave((&self.engine, &self.clock), (config, change.actor)))
    }

    async fn next_event(&mut self, inboxes: &mut Inboxes, requests: &mut mpsc::Receiver<Request>) -> Event {
        let engine = self.engine.poll_timeout().map(|(at, _)| at);
        let wake =
            engine.into_iter().chain(self.adapters.flush_at()).min().unwrap_or_else(|| self.clock.now());
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Event::Stop,
            Some(input) = inboxes.inputs.recv() => Event::Input(input),
            () = tokio::time::sleep_until(self.clock.instant(wake)) => Event::Timer,
            Some((uplink, report)) = inboxes.uplinks.recv() => Event::Uplink(uplink, report),
            Some(report) = inboxes.journal.recv() => Event::Journal(report),
            Some(report) = inboxes.calls.recv() => Event::Call(report),
            Some(request) = requests.recv() => Event::Request(request),
        }
    }

    fn take(&mut self, event: Event) {
        let now = self.clock.now();
        match event {
            Event::Input(input) => self.engine.handle(now, input),
            Event::Journal(report) => self.journal_said(now, report),
            Event::Uplink(uplink, report) => self.uplink_said(now, uplink, report),
            Event::Call(report) => {
                let input = self.adapters.callers.input(report);
                self.engine.handle(now, input);
            }
            Event::Request(Request::Status(reply)) => {
                // Whoever asked may have gone.
                drop(reply.send(Arc::new(self.status())));
            }
            Event::Request(Request::Act(act, reply)) => drop(reply.send(self.act(now, act))),
            Event::Request(Request::Configured(event)) => self.engine.configured(now, *event),
            Event::Request(Request::OnTrial(on_trial)) => self.engine.configuration_on_trial(now, on_trial),
            Event::Request(Request::Judge(next, reply)) => drop(reply.send(self.judge(&next))),
            Event::Request(Request::SiteFile(invalid)) => {
                self.engine.site_file_said(now, invalid.is_some());
                self.site_file = invalid.map(|file| *file);
            }
            Event::Request(Request::Reload(..)) | Event::Timer | Event::Stop => {}
        }
    }

    fn act(&mut self, now: Mono, act: Act) -> Result<Done, UnknownName> {
        let Act { actor, deed, note } = act;
        let action = match people::action(deed, (&self.facts.dictionary, &self.engine)) {
            Ok(action) => action,
            Err(Unclear::Name(unknown)) => return Err(unknown),
            Err(Unclear::View(refused)) => {
                return Ok(Done { changed: 0, alarms: Vec::new(), refused: vec![refused], test: None });
            }
        };
        let answer = self.engine.command(now, Command { actor, action, note });
        Ok(people::done(answer, &self.facts.dictionary))
    }

    fn journal_said(&mut self, now: Mono, report: crate::journal::Report) {
        match report {
            crate::journal::Report::Core(report) => {
                self.district.journal_said(&report);
                if let JournalReport::Opened { ordinal, .. } = &report {
                    self.facts.epoch_no = Some(*ordinal);
                    self.adapters.remember(self.district.clock());
                }
                self.engine.handle(now, Input::Journal(report));
            }
            crate::journal::Report::Dictionary { epoch, ordinal, dictionary, clock } => {
                self.district.learn(epoch, Some(ordinal), dictionary);
                if let Some(clock) = clock {
                    self.district.time(epoch, &clock);
                }
            }
            crate::journal::Report::Status(status) => self.facts.journal = Some(status),
        }
    }

    fn uplink_said(&mut self, now: Mono, uplink: hazard_core::id::UplinkId, report: mqtt::Report) {
        let reason = self.facts.uplink_reasons.get_mut(uplink.index());
        let report = match report {
            mqtt::Report::Up => {
                info!(uplink = uplink.0, "the platform is connected");
                reason.map(Option::take);
                self.adapters.heard(uplink);
                UplinkReport::Up
            }
            mqtt::Report::Down { reason: why } => {
                warn!(uplink = uplink.0, reason = why, "the platform is not connected");
                reason.map(|reason| reason.replace(why));
                self.adapters.heard(uplink);
                UplinkReport::Down
            }
            mqtt::Report::Acked(message) => UplinkReport::Acked(message),
            mqtt::Report::Rejected { id, reason: why } => {
                error!(uplink = uplink.0, reason = why, "the platform will never take a message");
                UplinkReport::Rejected(id)
            }
            mqtt::Report::Said(mqtt::Said::Receipt(receipt)) => UplinkReport::Receipt(receipt),
            mqtt::Report::Said(mqtt::Said::Request(request)) => UplinkReport::Request(request),
            mqtt::Report::Unread(times) => UplinkReport::Unread(times),
        };
        self.engine.handle(now, Input::Uplink { uplink, report });
    }

    fn let_time_pass(&mut self) {
        let now = self.clock.now();
        if now.since(self.clock_read_at) >= Duration::from_secs(1) {
            self.clock_read_at = now;
            let (utc, trust) = self.clock.wall();
            self.engine.handle(now, Input::Clock { utc, trust });
            while let Some(uplink) = self.adapters.take_unstuck() {
                self.engine.handle(now, Input::Uplink { uplink, report: UplinkReport::Up });
            }
        }
        if self.engine.poll_timeout().is_some_and(|(at, _)| at <= now) {
            self.engine.handle_timeout(now);
        }
    }

    /// Carries out what the turn that began at `began` decided.
    fn carry_out(&mut self, began: Mono) {
        if self.district.date(self.engine.clock_offset()) {
            self.adapters.remember(self.district.clock());
        }
        while let Some(output) = self.engine.poll_output() {
            match &output {
                Output::Drive(_) | Output::Write { .. } => {
                    self.facts.latency.read_to_panel.observe(self.clock.now().since(began));
                }
                Output::Publish(publish) if !publish.back_fill => {
                    self.facts.latency.read_to_publish.observe(self.clock.now().since(began));
                }
                Output::Publish(_)
                | Output::Read { .. }
                | Output::Set { .. }
                | Output::Call(_)
                | Output::Append { .. }
                | Output::Fetch { .. }
                | Output::Find { .. }
                | Output::SaveCursor { .. }
                | Output::Reopen => {}
            }
            let input = match output {
                Output::Call(order) => self.call(&order),
                output => self.adapters.carry_out(output, &mut self.district, &self.clock),
            };
            if let Some(input) = input {
                self.engine.handle(self.clock.now(), input);
            }
        }
        self.adapters.flush(self.clock.now());
    }

    /// Has somebody called, with what is known at this moment.
    fn call(&mut self, order: &Order) -> Option<Input> {
        let (gateway, names) = (&self.facts.identity.gateway, &self.facts.dictionary);
        let notice = calls::notice(order, (&self.engine, self.clock.utc()), gateway, names);
        self.adapters.callers.send(order, notice)
    }

    fn count_delays(&mut self) {
        while let Some(delay) = self.engine.poll_delay() {
            match delay {
                Delay::Learnt(took) => self.facts.latency.alarm_delay.observe(took),
                Delay::Followed(took) => self.facts.latency.output_delay.observe(took),
            }
        }
    }

    fn status(&mut self) -> Status {
        self.facts.uptime = self.clock.now().since(Mono::ZERO);
        (self.facts.links, self.facts.units) = self.adapters.line_healths();
        Status { site_file: self.site_file.clone(), ..Status::new(&self.engine.snapshot(), &self.facts) }
    }

    async fn shut_down(mut self) {
        info!("the agent ends");
        self.engine.end(self.clock.now());
        self.carry_out(self.clock.now());
        self.memory.keep(&mut self.engine, (self.clock.now(), &self.clock));
        let (memory, adapters) = (self.memory, self.adapters);
        // A disk that hangs must not hold the end up: each has its own bound.
        tokio::join!(memory.shut_down(), adapters.shut_down());
    }
}

/// A number that no other start has.
fn fresh_epoch() -> Epoch {
    Epoch(getrandom::u64().unwrap_or_else(|_| {
        // Without the kernel's randomness, address layout and time still differ from start to start.
        Clock::new(PathBuf::new()).utc().unix_ms().unsigned_abs() ^ u64::from(std::process::id()) << 40
    }))
}
