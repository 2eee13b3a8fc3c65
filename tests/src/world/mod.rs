//! One gateway in a faulty world. Everything that happens is an event on one virtual clock; after each step the oracle looks
//! whether a law was broken.

mod acts;
mod agenda;
mod aside;
mod broker;
mod commanded;
mod disk;
mod faults;
mod health;
mod ledger;
mod line;
mod locks;
mod node;
mod oracle;
mod people;
mod phone;
mod site;
mod time;
mod watched;

use std::cmp::Reverse;
use std::sync::Arc;
use std::time::Duration;

use hazard_core::id::{Epoch, UplinkId};
use hazard_core::input::{JournalReport, UplinkReport};
use hazard_core::retentive::Retained;
use hazard_core::{ClockTrust, Engine, Input, Mono, Output, Site, Start, Utc};

use crate::rng::Rng;
use agenda::{Agenda, Event};
use broker::Broker;
use commanded::Commanded;
use disk::Disk;
use health::Observer;
use line::Lines;
use oracle::Oracle;
use time::Times;

pub use aside::Excuses;
pub use faults::Faults;
pub use health::Tempted;
pub use site::PLANT;

const WALL_START_MS: i64 = 1_780_000_000_000;
/// Steps at one moment; an engine that wants more than that wants a moment that has passed, for ever.
const STEPS_MAX: u32 = 10_000;

/// What a run saw.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Laws broken, in order.
    pub broken: Vec<String>,
    /// Steps taken.
    pub steps: u64,
    /// Faults injected.
    pub faults: u64,
    /// Alarms raised.
    pub alarms: u64,
    /// Trips.
    pub trips: u64,
    /// Calls that ended.
    pub calls: u64,
    /// Named commands: done, unverified, failed, lost.
    pub commands: [u64; 4],
    /// Sensors that failed.
    pub sensors: Tempted,
    /// Restarts after power cuts.
    pub restarts: u64,
    /// Readings the platform has.
    pub delivered: u64,
    /// Readings stated as lost.
    pub lost: u64,
    /// Records from before the clock was known that arrived with the time that they should have had.
    pub back_dated: u64,
    /// An alarm would have taken longer than predicted, and that was told.
    pub delays_exceeded: bool,
    /// What the oracle excused.
    pub excuses: Excuses,
    /// Every change of the panel: when, and the levels.
    pub panel: Vec<(Mono, Vec<bool>)>,
}

/// A gateway and everything around it.
pub struct World {
    site: Arc<Site>,
    /// Decides the faults of lines, disk, broker, clock and power, each on its own stream so that switching one off
    /// leaves the others as they were.
    rng: [Rng; 6],
    faults: Faults,
    now: Mono,
    wall_skew_ms: i64,
    /// Since the gateway began with a clock that had lost its battery, and nobody has set it yet.
    unset_since: Option<Mono>,
    /// Decides what becomes of orders; its own, so that the other streams stay as they were.
    phone: Rng,
    /// Decides what the disk lets go of; its own for the same reason.
    rot: Rng,
    /// Decides when the clock has no battery, and when the time is learnt.
    rtc: Rng,
    times: Times,
    /// Decides what platforms say besides confirming.
    platform: Rng,
    engine: Engine,
    agenda: Agenda,
    lines: Lines,
    disk: Disk,
    broker: Broker,
    oracle: Oracle,
    commanded: Commanded,
    sensors: Observer,
    /// What outlives a power cut, and which of the engine's revisions it is.
    kept: Retained,
    kept_revision: Option<u64>,
    kept_at: Mono,
    /// A moment, and the steps at it so far.
    moment: (Mono, u32),
    healing: bool,
    outcome: Outcome,
}

impl World {
    /// A world with this seed.
    #[must_use]
    pub fn new(seed: u64, faults: Faults) -> Self {
        let site = Arc::new(site::site());
        let mut seeds = Rng::new(seed);
        let rng = std::array::from_fn(|_| Rng::new(seeds.bits()));
        let now = Mono::ZERO;
        let start = Start {
            epoch: Epoch(seeds.bits()),
            utc: Utc::from_unix_ms(WALL_START_MS),
            trust: ClockTrust::Synced,
        };
        let engine = Engine::new(Arc::clone(&site), &start, now);
        let mut world = Self {
            lines: Lines::new(&site, seeds.bits()),
            disk: Disk::new(start.epoch),
            broker: Broker::new(usize::from(site::UPLINKS)),
            oracle: Oracle::new(&site, !faults.lines),
            commanded: Commanded::new(&site, seed),
            sensors: Observer::default(),
            kept: Retained::default(),
            kept_revision: None,
            kept_at: now,
            moment: (now, 0),
            site,
            rng,
            faults,
            now,
            wall_skew_ms: 0,
            phone: Rng::new(!seed),
            rot: Rng::new(seed.rotate_left(32) ^ 0x0dec_a7ed),
            rtc: Rng::new(seed.rotate_left(16) ^ 0x1970),
            times: Times::default(),
            unset_since: None,
            platform: Rng::new(seed.rotate_left(32) ^ 0x5eed),
            engine,
            agenda: Agenda::default(),
            healing: false,
            outcome: Outcome::default(),
        };
        world.boot(start.epoch);
        world.agenda.at(Mono::from_millis(500), Event::Plant);
        world.agenda.at(Mono::from_millis(700), Event::Person);
        world.agenda.at(Mono::from_millis(900), Event::Fault);
        world
    }

    /// Runs for `span` under faults, then heals and demands that everything converges.
    #[must_use]
    pub fn run(mut self, span: Duration) -> Outcome {
        let end = self.now + span;
        while self.now < end && self.outcome.broken.is_empty() {
            self.step(end);
        }
        if self.outcome.broken.is_empty() {
            self.heal();
        }
        self.outcome.delivered = self.broker.delivered();
        self.outcome.lost = self.oracle.lost();
        self.outcome.back_dated = self.times.back_dated;
        self.outcome.trips = self.oracle.trips();
        self.outcome.calls = self.oracle.calls();
        self.outcome.sensors = self.sensors.tempted;
        self.outcome.excuses = self.oracle.excuses();
        self.outcome.delays_exceeded = self.oracle.delays_exceeded();
        self.outcome
    }

    fn heal(&mut self) {
        self.healing = true;
        self.unset_since = None;
        self.lines.heal();
        self.broker.heal();
        self.disk.heal();
        for uplink in (0..site::UPLINKS).map(UplinkId) {
            self.agenda.at(self.now, Event::Connect(uplink));
        }
        let end = self.now + Duration::from_secs(240);
        while self.now < end && self.outcome.broken.is_empty() {
            self.step(end);
        }
        let broken = self.oracle.converged(&self.engine.snapshot(), &self.broker, &self.disk, &self.lines);
        self.outcome.broken.extend(broken);
        self.outcome.broken.extend(self.commanded.converged(&self.engine.snapshot()));
        self.outcome.commands = self.commanded.outcomes;
    }

    /// One step: the next thing that happens, and everything the engine makes of it.
    fn step(&mut self, end: Mono) {
        self.outcome.steps += 1;
        let wake = self.engine.poll_timeout().map_or(end, |(at, _)| at);
        let next = self.agenda.heap.peek().map_or(end, |Reverse(entry)| entry.at);
        self.now = self.now.max(wake.min(next)).min(end);
        self.count_step();
        if next <= self.now
            && let Some(Reverse(entry)) = self.agenda.heap.pop()
        {
            // What was under way when the power went finds nobody.
            let alive = entry.run == self.agenda.run;
            self.happen(entry.event, alive);
        } else {
            self.engine.handle_timeout(self.now);
        }
        while let Some(output) = self.engine.poll_output()
            && self.outcome.broken.is_empty()
        {
            self.count_step();
            self.carry_out(output);
        }
        let snapshot = self.engine.snapshot();
        self.oracle.look(self.now, &snapshot, &self.lines);
        self.outcome.broken.extend(self.commanded.look(&snapshot, &self.lines));
        self.outcome.broken.extend(self.sensors.look(self.now, &snapshot, &self.lines));
        // Each change is on disk before the next step: the real file is written within milliseconds.
        if self.kept_revision != Some(self.engine.revision()) {
            self.kept_revision = Some(self.engine.revision());
            self.kept = self.engine.retained();
            self.kept_at = self.now;
        }
        if self.outcome.panel.last().map(|(_, levels)| levels) != Some(&snapshot.panel.energised) {
            self.outcome.panel.push((self.now, snapshot.panel.energised.clone()));
        }
        self.outcome.broken.extend(self.oracle.take_broken());
    }

    /// A deadline that stays in the past must end the run by its name: a run that hangs names nobody.
    fn count_step(&mut self) {
        self.moment = if self.moment.0 == self.now { (self.now, self.moment.1 + 1) } else { (self.now, 0) };
        if self.moment.1 > STEPS_MAX {
            let why = self.engine.poll_timeout().map_or("there is always something to do", |(_, why)| why);
            self.outcome.broken.push(format!("law 11: time stands still at {:?}: {why}", self.now));
        }
    }

    fn happen(&mut self, event: Event, alive: bool) {
        match event {
            Event::Plant => {
                self.lines.live(self.now);
                self.agenda.at(self.now + Duration::from_millis(500), Event::Plant);
            }
            Event::Fault => self.misfortune(),
            Event::Person => self.person(),
            Event::Clock if alive => {
                self.read_clock();
                self.agenda.at(self.now + Duration::from_secs(1), Event::Clock);
            }
            Event::Reply { bus, ticket, result } if alive => {
                self.engine.handle(self.now, Input::Reply { bus, ticket, result });
            }
            Event::Written { bus, ticket, result } if alive => {
                self.engine.handle(self.now, Input::Written { bus, ticket, result });
            }
            Event::Journal(opening, report) if alive && opening == self.disk.opening() => {
                if let JournalReport::Opened { epoch, previous, .. } = &report {
                    self.oracle.opened(*epoch, previous);
                }
                if self.disk.reported(&report) {
                    self.engine.handle(self.now, Input::Journal(report));
                }
            }
            Event::Uplink(uplink, report) if alive => {
                let known = match &report {
                    UplinkReport::Acked(message) | UplinkReport::Rejected(message) => {
                        self.broker.confirm(uplink, *message)
                    }
                    UplinkReport::Receipt(_) | UplinkReport::Request(_) | UplinkReport::Unread(_) => {
                        self.broker.is_connected(uplink)
                    }
                    UplinkReport::Up | UplinkReport::Down => true,
                };
                if known {
                    self.engine.handle(self.now, Input::Uplink { uplink, report });
                }
            }
            Event::Connect(uplink) if alive => self.connect(uplink),
            Event::Call(order, report) if alive => {
                self.oracle.call_said(&order, &report);
                self.engine.handle(self.now, Input::Call { attempt: order.attempt, report });
            }
            Event::Clock
            | Event::Reply { .. }
            | Event::Written { .. }
            | Event::Journal(..)
            | Event::Uplink(..)
            | Event::Connect(_)
            | Event::Call(..) => {}
        }
    }

    fn carry_out(&mut self, output: Output) {
        match output {
            Output::Drive(_) => {}
            Output::Call(order) => {
                self.oracle.ordered(self.now, &order);
                if let Some((delay, report)) = phone::carry(&mut self.phone, self.healing) {
                    self.agenda.at(self.now + delay, Event::Call(order, report));
                }
            }
            Output::Read { bus, ticket, request, .. } => {
                for (delay, result) in self.lines.read(self.now, bus, &request) {
                    self.agenda.at(self.now + delay, Event::Reply { bus, ticket, result });
                }
            }
            Output::Write { bus, ticket, request, .. } => {
                let (delay, result) = self.lines.write(self.now, bus, &request);
                self.agenda.at(self.now + delay, Event::Written { bus, ticket, result });
            }
            Output::Set { bus, ticket, request, .. } => {
                self.outcome.broken.extend(self.commanded.written(self.now, &request));
                let (delay, result) = self.lines.set(self.now, bus, &request);
                self.agenda.at(self.now + delay, Event::Written { bus, ticket, result });
            }
            Output::Publish(publish) => {
                self.oracle.published(&publish);
                self.outcome.broken.extend(self.times.published(&publish));
                if let Some(delay) = self.broker.publish(&publish, (&mut self.rng[2], &mut self.platform)) {
                    let report = UplinkReport::Acked(publish.message);
                    self.agenda.at(self.now + delay, Event::Uplink(publish.uplink, report));
                }
            }
            Output::Append { epoch, records, urgent } => {
                self.oracle.appended(epoch, &records);
                for (delay, report) in self.disk.append(epoch, records, urgent) {
                    self.agenda.at(self.now + delay, Event::Journal(self.disk.opening(), report));
                }
            }
            Output::Fetch { uplink, epoch, lane, first, last, records_max } => {
                if let Some((delay, report)) =
                    self.disk.fetch((uplink, epoch, lane), (first, last), records_max)
                {
                    self.agenda.at(self.now + delay, Event::Journal(self.disk.opening(), report));
                }
            }
            Output::Find { uplink, from, to } => {
                if let Some((delay, report)) = self.disk.find(uplink, (from, to)) {
                    self.agenda.at(self.now + delay, Event::Journal(self.disk.opening(), report));
                }
            }
            Output::SaveCursor { uplink, epoch, acked } => self.disk.save_cursor(uplink, epoch, acked),
            Output::Reopen => {
                let epoch = Epoch(self.rng[1].bits());
                self.reopen(epoch);
            }
        }
    }

    fn misfortune(&mut self) {
        self.agenda.at(self.now + Duration::from_secs(2), Event::Fault);
        self.answer();
        if self.healing {
            self.break_doomed();
            return;
        }
        let mut faults = 0;
        if self.faults.lines {
            faults += self.lines.misfortune(self.now, &mut self.rng[0]);
        }
        if self.faults.disk {
            let (count, report) = self.disk.misfortune(&mut self.rng[1]);
            faults += count;
            if let Some(report) = report {
                self.engine.handle(self.now, Input::Journal(report));
            }
            faults += self.decay();
        }
        if self.faults.broker {
            faults += self.break_connections();
        }
        if self.faults.clock && self.rng[3].chance(10) {
            faults += 1;
            let skew_ms = i64::try_from(self.rng[3].between(0, 4 * 31_536_000_000)).unwrap() - 63_072_000_000;
            // A clock that nothing sets right again would leave every restart without a time to tell.
            let set_right = self.wall_skew_ms != 0 && self.rng[3].chance(500);
            self.wall_skew_ms = if set_right { 0 } else { skew_ms };
        }
        if self.unset_since.is_some() && self.rtc.chance(30) {
            self.unset_since = None;
        }
        if self.faults.power && self.rng[4].chance(2) {
            faults += 1;
            self.power_cut();
        }
        self.outcome.faults += faults;
    }

    /// The platforms that give receipts give them, and now and then ask for something.
    fn answer(&mut self) {
        for (uplink, delay, report) in self.broker.answers(self.clock_now(), &mut self.platform) {
            self.agenda.at(self.now + delay, Event::Uplink(uplink, report));
        }
    }

    fn break_connections(&mut self) -> u64 {
        let mut faults = 0;
        for uplink in (0..site::UPLINKS).map(UplinkId) {
            let bad_luck = self.rng[2].chance(20);
            if self.broker.is_connected(uplink) && (bad_luck || self.broker.is_doomed(uplink)) {
                faults += 1;
                self.broker.cut(uplink);
                self.engine.handle(self.now, Input::Uplink { uplink, report: UplinkReport::Down });
                let away =
                    Duration::from_millis(self.rng[2].between(100, if bad_luck { 400_000 } else { 5_000 }));
                self.agenda.at(self.now + away, Event::Connect(uplink));
            }
        }
        faults
    }

    /// A connection that swallowed a message is rebuilt by the adapter's progress watch, faults or no faults.
    fn break_doomed(&mut self) {
        for uplink in (0..site::UPLINKS).map(UplinkId) {
            if self.broker.is_connected(uplink) && self.broker.is_doomed(uplink) {
                self.broker.cut(uplink);
                self.engine.handle(self.now, Input::Uplink { uplink, report: UplinkReport::Down });
                self.agenda.at(self.now + Duration::from_millis(500), Event::Connect(uplink));
            }
        }
    }

    fn connect(&mut self, uplink: UplinkId) {
        if self.broker.connect(uplink) {
            self.engine.handle(self.now, Input::Uplink { uplink, report: UplinkReport::Up });
        }
    }

    fn power_cut(&mut self) {
        self.outcome.restarts += 1;
        self.disk.power_cut(&mut self.rng[4]);
        self.broker.power_cut();
        self.agenda.run += 1;
        let epoch = Epoch(self.rng[4].bits());
        self.oracle.restarted(&self.disk, &self.kept);
        self.outcome.broken.extend(self.commanded.restarted(&self.kept));
        self.sensors.restarted(self.now);
        self.unset_since = (self.faults.clock && self.rtc.chance(400)).then_some(self.now);
        let Input::Clock { utc, trust } = self.clock() else {
            return;
        };
        self.engine = Engine::new(Arc::clone(&self.site), &Start { epoch, utc, trust }, self.now);
        // Power is back at once; whether a clock can tell how old the file is decides what becomes of bypasses.
        let away = (trust == ClockTrust::Synced).then(|| self.now.since(self.kept_at));
        self.engine.resume(&self.kept, away);
        self.boot(epoch);
    }

    fn boot(&mut self, epoch: Epoch) {
        self.reopen(epoch);
        for uplink in (0..site::UPLINKS).map(UplinkId) {
            self.agenda.at(self.now + Duration::from_millis(800), Event::Connect(uplink));
        }
        self.agenda.at(self.now, Event::Clock);
    }
}
