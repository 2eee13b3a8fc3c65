//! The plant as it is known: every point's sample and every alarm. Samples come in, changes of alarms and readings worth a
//! record come out.

use alloc::vec;
use alloc::vec::Vec;

use crate::Mono;
use crate::alarm::flood::Flood;
use crate::alarm::{Alarm, Kept, Seen, Signal, Underway};
use crate::button::{self, Button};
use crate::bypass::Bypasses;
use crate::deadline::Deadlines;
use crate::id::{AlarmId, DeviceId, PointId};
use crate::outbox::record::{AlarmEvent, AlarmState};
use crate::reading::{Doubt, NoData, Reading, Sample};
use crate::sensor::{Sensors, Verdict};
use crate::site::Site;
use crate::table::PointTable;
use crate::upkeep::{Bounds, Edge, Upkeep};

/// What a turn brought to be written down, in the order in which it happened.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) readings: Vec<Reading>,
    pub(crate) alarms: Vec<AlarmEvent>,
    /// Buttons whose press has ended, and when it began.
    pub(crate) pressed: Vec<(PointId, Mono)>,
    /// Buttons of which it may be new whether they are stuck or flap.
    pub(crate) felt: Vec<PointId>,
    /// Sensors of which something is new.
    pub(crate) health: Vec<(PointId, Verdict)>,
}

#[derive(Clone, Debug)]
pub(crate) struct Plant {
    pub(crate) table: PointTable,
    pub(crate) alarms: Vec<Alarm>,
    pub(crate) bypasses: Bypasses,
    pub(crate) flood: Flood,
    /// Set-points are those of a key period.
    pub(crate) key_period: bool,
    pub(crate) upkeep: Upkeep,
    /// Whether each output is commanded to be active, as the panel's last image has it.
    pub(crate) commanded: Vec<bool>,
    pub(crate) sensors: Sensors,
    /// By point: the alarm that holds an over-range until it is reset.
    pub(crate) over_range_of: Vec<Option<AlarmId>>,
    first_up: Vec<Option<AlarmId>>,
    alarms_of: Vec<Vec<AlarmId>>,
    suppressed_by: Vec<Vec<AlarmId>>,
    points_of: Vec<Vec<PointId>>,
    buttons: Vec<Option<Button>>,
    /// Points that show interlocks what they did: the end of a good sample matters to the moment.
    feedbacks: Vec<bool>,
    shown: Deadlines,
    stale: Deadlines,
    delays: Deadlines,
}

impl Plant {
    pub(crate) fn new(site: &Site, now: Mono) -> Self {
        let mut alarms_of = vec![Vec::new(); site.points.len()];
        let mut suppressed_by = vec![Vec::new(); site.points.len()];
        let mut over_range_of = vec![None; site.points.len()];
        for (id, alarm) in (0..).map(AlarmId).zip(&site.alarms) {
            alarms_of[alarm.point.index()].push(id);
            if alarm.latch && alarm.signal == Signal::OverRange {
                over_range_of[alarm.point.index()] = Some(id);
            }
            if let Some(switch) = alarm.suppressed_while {
                suppressed_by[switch.index()].push(id);
            }
        }
        let mut buttons: Vec<Option<Button>> =
            site.points.iter().map(|point| point.button.map(|_| Button::new())).collect();
        for button in site.matrix.trips.iter().filter_map(|trip| trip.reset_button) {
            buttons[button.index()] = Some(Button::new());
        }
        let mut feedbacks = vec![false; site.points.len()];
        for point in site.matrix.feedbacks() {
            feedbacks[point.index()] = true;
        }
        let mut points_of = vec![Vec::new(); site.devices.len()];
        let mut stale = Deadlines::new(site.points.len());
        for (id, point) in (0..).map(PointId).zip(&site.points) {
            points_of[point.device.index()].push(id);
            stale.arm(id.index(), now + point.stale_after);
        }
        let zones = site.alarms.iter().map(|alarm| alarm.zone.index() + 1).max().unwrap_or(0);
        Self {
            table: PointTable::new(site, now),
            alarms: vec![Alarm::default(); site.alarms.len()],
            bypasses: Bypasses::default(),
            flood: Flood::new(site.alarms.len(), now),
            key_period: false,
            upkeep: Upkeep::new(site.upkeep.as_slice().into(), Bounds::default()),
            commanded: vec![false; site.outputs.len()],
            sensors: Sensors::new(site, now),
            over_range_of,
            first_up: vec![None; zones],
            alarms_of,
            suppressed_by,
            points_of,
            buttons,
            feedbacks,
            shown: Deadlines::new(site.points.len()),
            stale,
            delays: Deadlines::new(site.alarms.len()),
        }
    }

    /// Takes a point's sample.
    pub(crate) fn take(&mut self, now: Mono, site: &Site, reading: Reading, found: &mut Found) {
        let Reading { point, sample } = reading;
        let Some(sample) = self.sensors.judge(now, &site.statuses, point, sample) else {
            return;
        };
        let spec = &site.points[point.index()];
        self.hold_alarms((now, site), point, found);
        let doubted = self.doubted(point, &sample);
        for index in 0..self.alarms_of[point.index()].len() {
            let id = self.alarms_of[point.index()][index];
            if self.is_held(id) {
                continue;
            }
            let at = &site.alarms[id.index()].in_force(self.key_period);
            let reference = match at.signal {
                Signal::Deviation { from } => self.table.get(from).map(|entry| &entry.sample),
                _ => None,
            };
            let commanded = match at.signal {
                Signal::Discrepancy { output } => self.commanded.get(output.index()).copied(),
                _ => None,
            };
            let sample = match at.signal {
                Signal::OverRange => &sample,
                Signal::Lost if self.is_dead(now, site, (point, &sample)) => {
                    &Sample::Bad(NoData::SensorFailure)
                }
                _ => &doubted,
            };
            let seen = Seen { sample, reference, commanded };
            let from = self.alarms[id.index()].sample(now, seen, at);
            self.moved((now, site), id, (from, Some(sample)), found);
        }
        self.note_health((now, site), point, found);
        if self.sensors.is_source(point) {
            self.heard((now, site), (point, &sample), found);
        }
        self.suppress((now, site), (point, &sample), found);
        self.feel((now, site), (point, &sample), found);
        let sample = match self.doubted(point, &sample) {
            Sample::Good(quantity) | Sample::Suspect(quantity, Doubt::FunctionCheck)
                if self.bypasses.has(point) =>
            {
                Sample::Suspect(quantity, Doubt::Bypassed)
            }
            sample => sample,
        };
        self.upkeep.take(now, point, &sample);
        let (stale_at, worth) = self.table.update(point, spec, sample.clone(), now);
        self.stale.arm(point.index(), stale_at);
        if self.feedbacks[point.index()] && sample.is_good() {
            self.shown.arm(point.index(), now + spec.stale_after);
        }
        if worth {
            found.readings.push(Reading { point, sample });
        }
    }

    /// Whether interlocks take the point for dead although it shows something, and no other alarm says what is the matter: what
    /// votes to trip must be heard.
    fn is_dead(&self, now: Mono, site: &Site, (point, sample): (PointId, &Sample)) -> bool {
        let spec = &site.points[point.index()];
        let is_told = |id: &AlarmId| {
            site.alarms[id.index()].signal != Signal::Lost && self.alarms[id.index()].is_open()
        };
        // A function check is a condition of its own, and has a limit.
        matches!(sample, Sample::Suspect(_, doubt) if *doubt != Doubt::FunctionCheck)
            && self.table.is_dead(now, (point, spec), sample)
            && !self.alarms_of[point.index()].iter().any(is_told)
    }

    /// No point of the device has a value any more.
    pub(crate) fn lose_device(
        &mut self,
        now: Mono,
        site: &Site,
        lost: (DeviceId, NoData),
        found: &mut Found,
    ) {
        let (device, reason) = lost;
        for index in 0..self.points_of[device.index()].len() {
            let point = self.points_of[device.index()][index];
            self.take(now, site, Reading { point, sample: Sample::Bad(reason) }, found);
        }
    }

    /// Lets samples grow old and delays end.
    pub(crate) fn timeout(&mut self, now: Mono, site: &Site, found: &mut Found) {
        while let Some(key) = self.stale.pop(now) {
            let point = PointId(u32::try_from(key).unwrap_or(u32::MAX));
            match self.table.stale_at(point) {
                // It is bad already; to interlocks it is lost only now, in this turn's scan.
                None if self.table.lost_at(point) > now => self.stale.arm(key, self.table.lost_at(point)),
                None => {}
                Some(at) if at > now => self.stale.arm(key, at),
                Some(_) => self.take(now, site, Reading { point, sample: Sample::Bad(NoData::Stale) }, found),
            }
        }
        while let Some(key) = self.shown.pop(now) {
            let point = PointId(u32::try_from(key).unwrap_or(u32::MAX));
            // One that is over now is found gone by this turn's scan.
            if let Some(at) = self.table.good_until(point).filter(|at| *at > now) {
                self.shown.arm(key, at);
            }
        }
        self.checks_end(now, site, found);
        while let Some(key) = self.delays.pop(now) {
            let (alarm, spec) = (&mut self.alarms[key], &site.alarms[key].in_force(self.key_period));
            let sample = self.table.get(spec.point).map(|entry| &entry.sample);
            let from = alarm.timeout(now, sample, spec);
            let value = sample.cloned();
            let id = AlarmId(u32::try_from(key).unwrap_or(u32::MAX));
            self.moved((now, site), id, (from, value.as_ref()), found);
        }
    }

    /// When [`Self::timeout`] has something to do, and why.
    pub(crate) fn poll_timeout(&mut self) -> Option<(Mono, &'static str)> {
        let stale = self.stale.next().map(|(at, _)| (at, "a point becomes stale"));
        let shown = self.shown.next().map(|(at, _)| (at, "a feedback is not believed any more"));
        let delay = self.delays.next().map(|(at, _)| (at, "an alarm's delay ends"));
        let bypass = self.bypasses.poll_timeout().map(|at| (at, "a bypass ends"));
        let check =
            self.sensors.poll_timeout().map(|at| (at, "a device's function check has lasted too long"));
        let upkeep = self.upkeep.poll_timeout();
        [stale, shown, delay, bypass, check, upkeep].into_iter().flatten().min_by_key(|(at, _)| *at)
    }

    /// Notes what became of an alarm: its next deadline, its record, the flood, the first alarm of its zone.
    pub(crate) fn moved(
        &mut self,
        (now, site): (Mono, &Site),
        id: AlarmId,
        (from, sample): (Option<AlarmState>, Option<&Sample>),
        found: &mut Found,
    ) {
        let alarm = self.alarms[id.index()];
        if let Some(at) = alarm.poll_timeout() {
            self.delays.arm(id.index(), at);
        }
        let Some(from) = from else {
            return;
        };
        let spec = &site.alarms[id.index()];
        if let Some(edge) = edge(from, alarm.state()) {
            self.upkeep.alarm(now, spec.point, (id, edge));
        }
        let zone = spec.zone.index();
        if alarm.state() == AlarmState::Unacked {
            self.flood.announced(now, id, spec.priority);
            self.first_up[zone].get_or_insert(id);
        } else if self.first_up[zone].is_some() {
            let mut zoned =
                site.alarms.iter().zip(&self.alarms).filter(|(spec, _)| spec.zone.index() == zone);
            if !zoned.any(|(_, alarm)| alarm.is_active()) {
                self.first_up[zone] = None;
            }
        }
        let value = sample.and_then(Sample::number);
        found.alarms.push(AlarmEvent { alarm: id, from, to: alarm.state(), value, actor: None });
    }

    /// Takes up an alarm where an earlier run left it.
    pub(crate) fn restore(&mut self, now: Mono, site: &Site, (id, kept): (AlarmId, Kept)) {
        let Some(alarm) = self.alarms.get_mut(id.index()) else {
            return;
        };
        *alarm = Alarm::restored(now, kept);
        if let Some(at) = alarm.poll_timeout() {
            self.delays.arm(id.index(), at);
        }
        if alarm.is_active() {
            self.first_up[site.alarms[id.index()].zone.index()].get_or_insert(id);
        }
    }

    /// Takes up an alarm that an earlier run left, after this run has begun; whether people hear of it by that.
    pub(crate) fn rejoin(&mut self, now: Mono, site: &Site, (id, kept): (AlarmId, Kept)) -> bool {
        let Some(alarm) = self.alarms.get_mut(id.index()) else {
            return false;
        };
        let was_unacked = alarm.is_unacked();
        let spec = &site.alarms[id.index()];
        alarm.rejoin(now, kept);
        if self.bypasses.has(spec.point) {
            // It was taken out of service in the meantime, which is a record already.
            let _ = alarm.set_out_of_service(now, true, spec);
        }
        if let Some(at) = alarm.poll_timeout() {
            self.delays.arm(id.index(), at);
        }
        if alarm.is_active() {
            self.first_up[spec.zone.index()].get_or_insert(id);
        }
        alarm.is_unacked() && !was_unacked
    }

    /// Goes on with the delay that ran in an alarm.
    pub(crate) fn go_on(&mut self, id: AlarmId, underway: Underway) {
        let Some(alarm) = self.alarms.get_mut(id.index()) else {
            return;
        };
        alarm.go_on(underway);
        if let Some(at) = alarm.poll_timeout() {
            self.delays.arm(id.index(), at);
        }
    }

    /// Marks an alarm as the first of its zone, as an earlier run saw it.
    pub(crate) fn restore_first_up(&mut self, site: &Site, id: AlarmId) {
        let active = self.alarms.get(id.index()).is_some_and(Alarm::is_active);
        if let (Some(spec), true) = (site.alarms.get(id.index()), active) {
            self.first_up[spec.zone.index()] = Some(id);
        }
    }

    /// The alarms that came first in their zones (首警), until all alarms of the zone are gone.
    pub(crate) fn first_up(&self) -> impl Iterator<Item = AlarmId> {
        self.first_up.iter().flatten().copied()
    }

    /// Whether a point that must be seen is lost, and nobody has taken it out.
    pub(crate) fn has_lost(&self, site: &Site) -> bool {
        let mut alarms = site.alarms.iter().zip(&self.alarms);
        alarms.any(|(spec, alarm)| spec.signal == Signal::Lost && alarm.stands() && !alarm.is_withheld())
    }

    /// The alarms of a point.
    pub(crate) fn alarms_of(&self, point: PointId) -> &[AlarmId] {
        self.alarms_of.get(point.index()).map_or(&[], Vec::as_slice)
    }

    /// Suppresses the alarms that mean nothing while this switch is closed, and lets them speak again.
    fn suppress(
        &mut self,
        (now, site): (Mono, &Site),
        (switch, sample): (PointId, &Sample),
        found: &mut Found,
    ) {
        let closed = sample.is_good() && sample.number().is_some_and(|value| value >= crate::Value::HALF);
        for index in 0..self.suppressed_by[switch.index()].len() {
            let id = self.suppressed_by[switch.index()][index];
            let from = self.alarms[id.index()].set_suppressed(now, closed, &site.alarms[id.index()]);
            self.moved((now, site), id, (from, None), found);
        }
    }

    /// A button, where the point is one.
    pub(crate) fn button(&self, point: PointId) -> Option<&Button> {
        self.buttons.get(point.index()).and_then(Option::as_ref)
    }

    /// Takes what a push button's contact shows.
    fn feel(&mut self, (now, site): (Mono, &Site), (point, sample): (PointId, &Sample), found: &mut Found) {
        let Some(button) = &mut self.buttons[point.index()] else {
            return;
        };
        let seen = match sample.number().filter(|_| sample.is_good()) {
            Some(value) if value >= crate::Value::HALF => button::Seen::Closed,
            Some(_) => button::Seen::Open,
            None => button::Seen::Nothing,
        };
        let told = (button.is_flapping(), button.is_stuck());
        let pressed = button.step(now, seen, &site.practice);
        found.pressed.extend(pressed.map(|began| (point, began)));
        if told != (button.is_flapping(), button.is_stuck()) {
            found.felt.push(point);
        }
    }
}

/// Whether a test counts the change as a trip or a return. What people do to an alarm is neither.
const fn edge(from: AlarmState, to: AlarmState) -> Option<Edge> {
    use AlarmState::{Acked, LatchedAcked, LatchedUnacked, Normal, RtnUnacked, Unacked};
    match (from, to) {
        (Unacked, Unacked) => None,
        (_, Unacked) => Some(Edge::Up),
        (Unacked | Acked, Normal | RtnUnacked | LatchedUnacked | LatchedAcked) => Some(Edge::Down),
        _ => None,
    }
}
