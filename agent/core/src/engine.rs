//! The composer: takes inputs, lets the parts decide, and hands out what is to be done, the panel first.

use alloc::collections::{BTreeSet, VecDeque};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use crate::annunciate::{Beat, Panel, Wiring};
use crate::call::Order;
use crate::daybook::Daybook;
use crate::deadline::Deadlines;
use crate::decode::decode;
use crate::device_command::Desk;
use crate::duty::Duty;
use crate::figures::Figures;
use crate::id::{AlarmId, BusId, Epoch, OutputId, Ticket, UplinkId};
use crate::input::UplinkReport;
use crate::interlock::Interlocks;
use crate::link::{LinkFault, ReadResult};
use crate::outbox::Outbox;
use crate::outbox::record::{Body, Condition, DeviceEvent, SystemEvent};
use crate::period::KeyPeriods;
use crate::plant::{Found, Plant};
use crate::poll::{Ask, Delay, Delays, Health, Poller, Reached, Settled, Turn, is_held, plan};
use crate::reading::{Doubt, NoData, Reading, Sample};
use crate::wall::WallClock;
use crate::{ClockTrust, Input, Mono, Output, Site, Stamp, Utc};

/// The engine looks after its own condition so often.
pub(crate) const TICK: Duration = Duration::from_secs(1);
/// A bus that skipped a poll counts as overrun for so long.
const OVERRUN_HOLD: Duration = Duration::from_secs(30);
/// Measured delays that wait for whoever counts them; without anybody, the newest are forgotten.
const MEASURED_MAX: usize = 256;

/// What a run starts with.
#[derive(Clone, Debug)]
pub struct Start {
    /// The epoch of its records.
    pub epoch: Epoch,
    /// The wall clock.
    pub utc: Utc,
    /// Trust in it.
    pub trust: ClockTrust,
}

/// The engine of one gateway.
#[derive(Clone, Debug)]
pub struct Engine {
    pub(crate) site: Arc<Site>,
    now: Mono,
    pub(crate) wall: WallClock,
    pub(crate) pollers: Vec<Poller>,
    pub(crate) health: Vec<Health>,
    pub(crate) plant: Plant,
    pub(crate) locks: Interlocks,
    pub(crate) periods: KeyPeriods,
    pub(crate) figures: Figures,
    pub(crate) daybook: Daybook,
    pub(crate) desk: Desk,
    pub(crate) duty: Duty,
    pub(crate) orders: VecDeque<Order>,
    pub(crate) outbox: Outbox,
    pub(crate) conditions: BTreeSet<Condition>,
    /// Retentive memory was lost, and nobody has silenced the horn for it.
    pub(crate) lost_sounds: bool,
    pub(crate) uplinks_down_at: Vec<Option<Mono>>,
    panel: Panel,
    panel_stale: bool,
    revision: u64,
    /// By alarm: the revision and the moment in which people were last told of it; none for one that an earlier run announced.
    announced: Vec<Option<(u64, Mono)>>,
    drive: Option<Panel>,
    beat: Beat,
    tick_at: Mono,
    buses: Deadlines,
    pub(crate) delays: Arc<Delays>,
    measured: VecDeque<Delay>,
    ready: VecDeque<Output>,
    next_ticket: u64,
}

impl Engine {
    /// An engine that begins to poll at `now`.
    #[must_use]
    pub fn new(site: Arc<Site>, start: &Start, now: Mono) -> Self {
        let blocks = plan(&site);
        let pollers: Vec<Poller> =
            (0..).map(BusId).zip(blocks).map(|(bus, blocks)| Poller::new(&site, bus, blocks, now)).collect();
        let mut buses = Deadlines::new(pollers.len());
        for bus in 0..pollers.len() {
            buses.arm(bus, now);
        }
        let mut engine = Self {
            now,
            wall: WallClock::new(now, start.utc, start.trust),
            health: site.devices.iter().map(|_| Health::default()).collect(),
            plant: Plant::new(&site, now),
            locks: Interlocks::new(&site.matrix),
            periods: KeyPeriods::default(),
            figures: Figures::new(now),
            daybook: Daybook::new(now),
            desk: Desk::new(&site),
            duty: Duty::new(&site),
            orders: VecDeque::new(),
            outbox: Outbox::new(&site, start.epoch, now),
            conditions: BTreeSet::new(),
            lost_sounds: false,
            uplinks_down_at: site.uplinks.iter().map(|_| Some(now)).collect(),
            panel: Panel::default(),
            panel_stale: true,
            revision: 0,
            announced: alloc::vec![None; site.alarms.len()],
            drive: None,
            beat: Beat::Low,
            tick_at: now,
            buses,
            delays: Arc::new(Delays::new(&site)),
            measured: VecDeque::with_capacity(MEASURED_MAX),
            ready: VecDeque::new(),
            next_ticket: 1,
            pollers,
            site,
        };
        engine.note_safeguards();
        engine.watch_periods();
        engine
    }

    /// Counts the changes of alarms and conditions, for whoever shows them.
    #[must_use]
    pub const fn revision(&self) -> u64 {
        self.revision
    }

    /// The revision and the moment in which people were last told of an alarm; `None` where an earlier run told them.
    pub(crate) fn announced(&self, alarm: AlarmId) -> Option<(u64, Mono)> {
        self.announced[alarm.index()]
    }

    /// People are told of an alarm, in this revision.
    pub(crate) fn announce(&mut self, alarm: AlarmId) {
        self.announced[alarm.index()] = Some((self.revision, self.now));
    }

    /// Takes an input that happened at `now`.
    pub fn handle(&mut self, now: Mono, input: Input) {
        // Delays that have ended come first: an input that is late must not undo what was due before it.
        self.reach(now);
        let stamp = self.stamp();
        match input {
            Input::Reply { bus, ticket, result } => self.replied(bus, ticket, result),
            Input::Written { bus, ticket, result } => self.written(bus, ticket, result),
            Input::Driven { output, result } => self.note_output(output, result),
            Input::Journal(report) => {
                self.outbox.journal_said(stamp, report);
                self.watch_journal();
            }
            Input::Uplink { uplink, report } => self.uplink_said(uplink, &report),
            Input::Call { attempt, report } => self.order_said(attempt, report),
            Input::Clock { utc, trust } => self.clock_read(utc, trust),
        }
        self.finish_turn();
    }

    /// Lets time pass up to `now`.
    pub fn handle_timeout(&mut self, now: Mono) {
        self.reach(now);
        while let Some(bus) = self.buses.pop(self.now) {
            self.dispatch(bus);
        }
        self.outbox.timeout(self.stamp());
        if self.now >= self.tick_at {
            self.tick();
        }
        self.finish_turn();
    }

    /// The next thing to do; the panel before everything else.
    pub fn poll_output(&mut self) -> Option<Output> {
        if let Some(panel) = self.drive.take() {
            return Some(Output::Drive(panel));
        }
        if let Some(output) = self.ready.pop_front() {
            return Some(output);
        }
        if let Some(order) = self.orders.pop_front() {
            return Some(Output::Call(order));
        }
        self.outbox.poll_output(self.now)
    }

    /// A delay that was measured since it was last asked for.
    pub fn poll_delay(&mut self) -> Option<Delay> {
        self.measured.pop_front()
    }

    /// When [`Self::handle_timeout`] is wanted next, and why.
    pub fn poll_timeout(&mut self) -> Option<(Mono, &'static str)> {
        let bus = self.buses.next().map(|(at, _)| (at, "a poll is due"));
        let outbox = self.outbox.poll_timeout().map(|at| (at, "the outbox has something to say"));
        let tick = Some((self.tick_at, "the engine looks after itself"));
        let lock = self.locks.poll_timeout().map(|at| (at, "a time of an interlock ends"));
        let call = self.duty.at.map(|at| (at, "somebody is to be called"));
        [bus, self.plant.poll_timeout(), lock, call, outbox, tick]
            .into_iter()
            .flatten()
            .min_by_key(|(at, _)| *at)
    }

    pub(crate) fn reach(&mut self, now: Mono) {
        self.now = self.now.max(now);
        let mut found = Found::default();
        self.plant.timeout(self.now, &Arc::clone(&self.site), &mut found);
        self.record(found);
        self.expire_bypasses();
        self.tend_when_due();
    }

    pub(crate) fn stamp(&self) -> Stamp {
        self.wall.stamp(self.now)
    }

    fn replied(&mut self, bus: BusId, ticket: Ticket, result: ReadResult) {
        let Some(poller) = self.pollers.get_mut(bus.index()) else {
            return;
        };
        let result = result.and_then(|words| poller.check(ticket, words));
        let outcome = match &result {
            Ok(_) => Ok(()),
            Err(fault) => Err(*fault),
        };
        self.settle(bus, (ticket, outcome), result);
    }

    fn written(&mut self, bus: BusId, ticket: Ticket, result: Result<(), LinkFault>) {
        let Some(poller) = self.pollers.get(bus.index()) else {
            return;
        };
        let outcome = result.and_then(|()| poller.check_written(ticket));
        self.settle(bus, (ticket, outcome), Err(outcome.err().unwrap_or(LinkFault::Garbled)));
    }

    fn settle(&mut self, bus: BusId, answer: (Ticket, Result<(), LinkFault>), words: ReadResult) {
        let settled = self.pollers[bus.index()].settle(self.now, answer, &self.site, &mut self.health);
        let Some(settled) = settled else {
            return;
        };
        let outcome = answer.1;
        if let Some(delay) = settled.delay.filter(|_| self.measured.len() < MEASURED_MAX) {
            self.measured.push_back(delay);
        }
        self.set(Condition::BusDown(bus), outcome == Err(LinkFault::Gone));
        let mut found = Found::default();
        self.note_device(&settled, outcome, &mut found);
        self.note_block(bus, &settled, words, &mut found);
        self.record(found);
        for (output, reached) in settled.outputs {
            self.note_reached(output, reached);
        }
        self.dispatch(bus.index());
    }

    /// A module that takes nothing says nothing of what may be read back: that an output is unverified stands meanwhile.
    fn note_reached(&mut self, output: OutputId, reached: Reached) {
        let (fault, unverified) = (Condition::OutputFault(output), Condition::OutputUnverified(output));
        match reached {
            Reached::Yes => {
                self.set(fault, false);
                self.set(unverified, false);
            }
            Reached::Unverified => {
                self.set(unverified, true);
                self.set(fault, false);
            }
            Reached::No => self.set(fault, true),
        }
    }

    fn note_output(&mut self, output: OutputId, outcome: Result<(), LinkFault>) {
        if output.index() < self.site.outputs.len() {
            self.set(Condition::OutputFault(output), outcome.is_err());
        }
    }

    /// Takes what a block's reply says about its points.
    fn note_block(&mut self, bus: BusId, settled: &Settled, result: ReadResult, found: &mut Found) {
        let site = Arc::clone(&self.site);
        let Some(block) = settled.block.and_then(|index| self.pollers[bus.index()].block(index)) else {
            return;
        };
        let (points, start) = (block.points.clone(), block.request.start);
        match result {
            Ok(words) => {
                for point in self.plant.sources_first(&points) {
                    let mut sample = decode(&site.points[point.index()], &words, start);
                    if settled.doubtful
                        && let Sample::Good(quantity) = sample
                    {
                        sample = Sample::Suspect(quantity, Doubt::AfterFault);
                    }
                    self.plant.take(self.now, &site, Reading { point, sample }, found);
                }
            }
            Err(fault @ LinkFault::Refused(_)) => {
                for point in points {
                    let sample = Sample::Bad(NoData::Link(fault));
                    self.plant.take(self.now, &site, Reading { point, sample }, found);
                }
            }
            // The points keep their samples until they are stale or the device is offline.
            Err(LinkFault::Silent | LinkFault::Garbled | LinkFault::Gone) => {}
        }
    }

    fn note_device(&mut self, settled: &Settled, outcome: Result<(), LinkFault>, found: &mut Found) {
        let fault = match settled.turn {
            Turn::Same => return,
            Turn::WentOffline(fault) => Some(fault),
            Turn::CameBack => None,
        };
        let stamp = self.stamp();
        self.outbox.offer(stamp, Body::Device(DeviceEvent { device: settled.device, fault }));
        self.panel_stale = true;
        if let Err(fault) = outcome {
            let site = Arc::clone(&self.site);
            let lost = (settled.device, NoData::Link(fault));
            self.plant.lose_device(self.now, &site, lost, found);
        }
    }

    /// Writes down what a turn found: alarms before the readings that raised them, for alarms leave first.
    pub(crate) fn record(&mut self, found: Found) {
        let stamp = self.stamp();
        for event in &found.alarms {
            self.touched();
            if event.announces() {
                self.announce(event.alarm);
            }
            self.outbox.offer(stamp, Body::Alarm(event.clone()));
        }
        if !found.readings.is_empty() {
            self.outbox.offer(stamp, Body::Readings(found.readings));
        }
        self.note_sensors(found.health);
        self.note_calls(&found.alarms);
        self.note_buttons(found.felt);
        self.pressed(found.pressed);
    }

    /// Something that people see or that must be kept has changed.
    pub(crate) const fn touched(&mut self) {
        self.panel_stale = true;
        self.revision += 1;
    }

    fn uplink_said(&mut self, uplink: UplinkId, report: &UplinkReport) {
        if !self.outbox.uplink_said(self.now, uplink, report) {
            return;
        }
        let up = self.outbox.is_up(uplink);
        if let Some(down_at) = self.uplinks_down_at.get_mut(usize::from(uplink.0)) {
            *down_at = (!up).then_some(self.now);
        }
        if up {
            self.set(Condition::UplinkDown(uplink), false);
        }
    }

    fn clock_read(&mut self, utc: Utc, trust: ClockTrust) {
        if let Some(step) = self.wall.read(self.now, utc, trust) {
            let stamp = self.stamp();
            self.outbox.offer(stamp, Body::ClockStep(step));
        }
        self.set(Condition::ClockUntrusted, trust == ClockTrust::Unset);
        self.watch_periods();
        self.tend();
    }

    fn tick(&mut self) {
        self.tick_at = self.now + TICK;
        self.beat = if self.beat == Beat::High { Beat::Low } else { Beat::High };
        self.panel_stale = true;
        self.watch_journal();
        self.watch_flood();
        self.watch_periods();
        self.count_figures();
        self.watch_uplinks();
        for index in 0..self.pollers.len() {
            let overrun = self.pollers[index].overrun_at.is_some_and(|at| self.now.since(at) < OVERRUN_HOLD);
            let delayed = is_held(self.pollers[index].exceeded_at, self.now);
            if let Ok(bus) = u16::try_from(index).map(BusId) {
                self.set(Condition::BusOverrun(bus), overrun);
                self.set(Condition::DelayExceeded(bus), delayed);
            }
        }
    }

    /// Raises or ends a condition; nothing when it stands already as wanted.
    pub(crate) fn set(&mut self, condition: Condition, raised: bool) {
        let changed =
            if raised { self.conditions.insert(condition) } else { self.conditions.remove(&condition) };
        if changed {
            self.revision += 1;
            let stamp = self.stamp();
            self.outbox.offer(stamp, Body::System(SystemEvent { condition, raised }));
            self.panel_stale = true;
        }
    }

    /// Gives the bus its next request and looks when it wants to be asked again.
    pub(crate) fn dispatch(&mut self, bus: usize) {
        let Ok(id) = u16::try_from(bus).map(BusId) else {
            return;
        };
        if let Some(ticket) = self.pollers[bus].expired(self.now) {
            self.replied(id, ticket, Err(LinkFault::Gone));
            return;
        }
        let ticket = Ticket(self.next_ticket);
        let ask = self.pollers[bus].next(self.now, ticket, &self.site, &self.health);
        self.note_commands(bus);
        if let Some(ask) = ask {
            self.next_ticket += 1;
            match ask {
                Ask::Set(device, request) => {
                    self.ready.push_back(Output::Set { bus: id, ticket, device, request });
                }
                Ask::Write(device, request) => {
                    self.ready.push_front(Output::Write { bus: id, ticket, device, request });
                }
                Ask::Read(device, request) => {
                    self.ready.push_back(Output::Read { bus: id, ticket, device, request })
                }
            }
        }
        if let Some(at) = self.pollers[bus].poll_timeout(self.now, &self.site, &self.health) {
            self.buses.arm(bus, at.max(self.now));
        }
    }

    /// Brings the panel up to date. Nothing else drives an output, so a heartbeat proves that turns are completed.
    pub(crate) fn finish_turn(&mut self) {
        self.scan();
        self.call();
        if !core::mem::replace(&mut self.panel_stale, false) {
            return;
        }
        let impaired = self.impaired();
        let panel = Panel::image(&self.site, (&self.plant.alarms, &self.locks), impaired, self.beat);
        if panel == self.panel {
            return;
        }
        let mut lines = false;
        for (index, output) in self.site.outputs.iter().enumerate() {
            lines |= output.wiring == Wiring::Gpio
                && self.panel.energised.get(index) != panel.energised.get(index);
        }
        self.panel = panel;
        for (index, output) in self.site.outputs.iter().enumerate() {
            self.plant.commanded[index] =
                self.panel.energised.get(index) == Some(&output.polarity.energised(true));
        }
        if lines {
            self.drive = Some(self.panel.clone());
        }
        for bus in 0..self.pollers.len() {
            self.pollers[bus].follow(&self.panel, self.now);
            if !self.pollers[bus].is_busy() {
                self.dispatch(bus);
            }
        }
    }

    /// Takes a sample as if a device had shown it.
    #[cfg(test)]
    pub(crate) fn take(&mut self, now: Mono, reading: Reading) {
        self.reach(now);
        let mut found = Found::default();
        self.plant.take(self.now, &Arc::clone(&self.site), reading, &mut found);
        self.record(found);
        self.finish_turn();
    }

    pub(crate) fn panel(&self) -> &Panel {
        &self.panel
    }

    pub(crate) const fn now(&self) -> Mono {
        self.now
    }
}
