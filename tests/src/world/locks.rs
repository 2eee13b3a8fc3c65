//! Interlocks of the simulated plant, and whoever watches them with a notebook: what must have tripped, what must not, and
//! who let it go. It counts alarms and samples itself and asks the engine only for what became of the outputs.

use std::collections::BTreeSet;
use std::time::Duration;

use hazard_core::alarm::{AlarmKind, AlarmSpec, Priority, Signal};
use hazard_core::id::{AlarmId, OutputId, PointId, TripId, VoteId};
use hazard_core::interlock::{
    Cause, FeedbackSpec, Matrix, Permissive, PermitSpec, PermitState, ProveSpec, TripSpec,
};
use hazard_core::outbox::record::AlarmState;
use hazard_core::reading::{Doubt, Sample};
use hazard_core::site::SiteTables;
use hazard_core::vote::{OnBypass, OnFault, VoteSpec};
use hazard_core::{Mono, Side, Snapshot, Threshold, Value};

use super::site::signature;

/// Outputs of the interlocks, behind the panel's own four.
pub(super) const VALVE: usize = 4;
const EXHAUST: usize = 5;
const LINE: usize = 6;

const ROOM: [PointId; 3] = [PointId(0), PointId(1), PointId(2)];
const HALL: [PointId; 4] = [PointId(3), PointId(4), PointId(5), PointId(6)];
const DUCT: PointId = PointId(9);
const FAN: PointId = PointId(14);
const HOPPER: PointId = PointId(15);
const SHUT: PointId = PointId(16);
const PROVE: Duration = Duration::from_secs(30);
const PRE_RUN: Duration = Duration::from_secs(60);
/// A restart that took longer withdraws what was granted; see the core.
const GRACE: Duration = Duration::from_secs(10);

/// Points have three alarms each: high, high-high, lost.
const fn high(point: PointId) -> AlarmId {
    AlarmId(point.0 * 3)
}

const fn high_high(point: PointId) -> AlarmId {
    AlarmId(point.0 * 3 + 1)
}

/// Shows a value of at least this much above nothing.
fn shows(point: PointId, above: i32) -> FeedbackSpec {
    FeedbackSpec { point, side: Side::High, limit: Value::from_i32(signature(point) + above) }
}

/// Enters the matrix, and the alarm on its effect.
pub(super) fn enter(tables: &mut SiteTables) {
    let vote = |name: &str, needed, channels: Vec<AlarmId>| VoteSpec {
        name: name.into(),
        needed,
        channels,
        any_of: Vec::new(),
        on_fault: OnFault::Trip,
        on_bypass: OnBypass::NeedFewer,
    };
    let hall = VoteSpec {
        any_of: HALL.map(high_high).to_vec(),
        on_fault: OnFault::Quiet,
        on_bypass: OnBypass::NeedSame,
        ..vote("hall", 2, HALL.map(high).to_vec())
    };
    let gas = TripSpec {
        name: "gas".into(),
        causes: vec![Cause::Vote(VoteId(0))],
        on_fault: OnFault::Trip,
        outputs: vec![OutputId(4)],
        latch: true,
        permissives: Vec::new(),
        prove: Some(ProveSpec { feedback: shows(SHUT, 5), within: PROVE }),
        reset_button: None,
    };
    let exhaust = TripSpec {
        name: "exhaust".into(),
        causes: vec![Cause::Vote(VoteId(1)), Cause::Alarm(high_high(DUCT))],
        on_fault: OnFault::Trip,
        outputs: vec![OutputId(5)],
        latch: false,
        permissives: vec![Permissive::Quiet(Cause::Alarm(high(DUCT)))],
        prove: None,
        reset_button: None,
    };
    let line = PermitSpec {
        name: "line".into(),
        fan: shows(FAN, 1),
        pre_run: PRE_RUN,
        requires: vec![Cause::Alarm(high(HOPPER))],
        trips: vec![TripId(0), TripId(1)],
        outputs: vec![OutputId(6)],
        hold: None,
    };
    let room = vote("room", 2, ROOM.map(high_high).to_vec());
    tables.matrix = Matrix { votes: vec![room, hall], trips: vec![gas, exhaust], permits: vec![line] };
    let switch = Threshold::switch(Side::High);
    tables.alarms.push(AlarmSpec {
        signal: Signal::Unproven { trip: TripId(0) },
        priority: Priority::High,
        ..AlarmSpec::new(SHUT, AlarmKind::Unproven, switch)
    });
}

/// What an observer knows of one alarm.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Voter {
    Stands,
    Quiet,
    /// Nobody has seen its point for its staleness limit.
    Lost,
    Bypassed,
    /// Put aside without a bypass: whether it stands does not show.
    Hidden,
}

/// The observer.
pub(super) struct Locks {
    /// Until when the last sample of each point counts, and when that was taken.
    believed: Vec<(Mono, Mono)>,
    /// The last good value of each point, and until when it counts.
    good: Vec<Option<(Value, Mono)>>,
    ready: [bool; 2],
    driven_since: Option<Mono>,
    shown: bool,
    fan_since: Option<Mono>,
    booted: Mono,
    /// The fan ran long enough, and has not been seen to stop since.
    ran_up: bool,
    granted: bool,
    /// Trips that a person reset since the last look.
    reset: BTreeSet<TripId>,
    pub(super) trips: u64,
}

impl Locks {
    pub(super) fn new(site: &SiteTables) -> Self {
        let never = |point: &hazard_core::point::PointSpec| (Mono::ZERO + point.stale_after, Mono::ZERO);
        Self {
            believed: site.points.iter().map(never).collect(),
            good: vec![None; site.points.len()],
            ready: [true; 2],
            driven_since: None,
            shown: false,
            fan_since: None,
            booted: Mono::ZERO,
            ran_up: false,
            granted: false,
            reset: BTreeSet::new(),
            trips: 0,
        }
    }

    pub(super) fn commanded(&mut self, trip: TripId) {
        self.reset.insert(trip);
    }

    /// The engine starts afresh; its trips may not.
    pub(super) fn restarted(&mut self, site: &SiteTables, now: Mono) {
        for (believed, point) in self.believed.iter_mut().zip(&site.points) {
            *believed = (now + point.stale_after, now);
        }
        self.good.fill(None);
        self.driven_since = self.driven_since.map(|_| now);
        self.shown = false;
        self.fan_since = None;
        // Only what was granted outlives a restart.
        self.ran_up = self.granted;
        self.booted = now;
    }

    /// Looks at one moment; says what is not as it must be.
    pub(super) fn look(
        &mut self,
        site: &SiteTables,
        snapshot: &Snapshot,
        states: &[AlarmState],
    ) -> Vec<String> {
        // What the engine has not lived yet, it cannot know.
        let now = snapshot.stamp.mono;
        self.believe(site, snapshot);
        let mut broken = Vec::new();
        let voter = |alarm: AlarmId| self.voter(site, snapshot, (alarm, states[alarm.index()]));
        let room = ROOM.map(high_high).map(voter);
        let (hall, hall_alone) = (HALL.map(high).map(voter), HALL.map(high_high).map(voter));
        let duct = voter(high_high(DUCT));
        let is = |wanted: Voter| move |voter: &&Voter| **voter == wanted;
        let count = |voters: &[Voter], wanted: Voter| voters.iter().filter(is(wanted)).count();
        // 2oo3, a lost one votes to trip, a bypassed one makes one fewer needed.
        let (gone, lost) = (count(&room, Voter::Bypassed), count(&room, Voter::Lost));
        let needed = 2_usize.saturating_sub(gone).max(1).saturating_sub(lost);
        let sure = gone < 3 && count(&room, Voter::Stands) >= needed;
        let possible = gone < 3 && count(&room, Voter::Stands) + count(&room, Voter::Hidden) >= needed;
        // Any second level, or two first levels among those that see.
        let seeing = 4 - count(&hall, Voter::Lost) - count(&hall, Voter::Bypassed);
        let firsts = count(&hall, Voter::Stands);
        let any = count(&hall_alone, Voter::Stands) > 0 || matches!(duct, Voter::Stands | Voter::Lost);
        let sure_two = any || (seeing > 0 && firsts >= 2.min(seeing));
        // Which lost ones are left out does not show here: what may have tripped is not looked at.
        let ready = [0, 1].map(|trip: usize| snapshot.interlocks.trips()[trip].state().is_ready());
        for (trip, (sure, name)) in [(sure, "gas"), (sure_two, "exhaust")].into_iter().enumerate() {
            if sure && ready[trip] {
                broken.push(format!("law 1: {name} has its causes and did not trip at {now:?}"));
            }
            let let_go = !self.ready[trip] && ready[trip];
            if let_go && sure {
                broken.push(format!("law 6: {name} was let go with its causes"));
            }
            self.trips += u64::from(self.ready[trip] && !ready[trip]);
        }
        if self.ready[0] && !ready[0] && !possible {
            broken.push(format!("the gas trip cries wolf at {now:?}"));
        }
        if !self.ready[0] && ready[0] && (!self.reset.contains(&TripId(0)) || needed == 0) {
            broken.push(format!("law 6: the gas trip was let go by nobody, or unseen, at {now:?}"));
        }
        let is_unproven = |spec: &AlarmSpec| matches!(spec.signal, Signal::Unproven { .. });
        let unproven = site.alarms.iter().position(is_unproven).map_or(AlarmState::Normal, |at| states[at]);
        self.prove(snapshot, ready[0], unproven, &mut broken);
        self.permit(snapshot, ready, &mut broken);
        self.ready = ready;
        self.reset.clear();
        broken
    }

    fn believe(&mut self, site: &SiteTables, snapshot: &Snapshot) {
        for (id, point) in (0..).map(PointId).zip(&site.points) {
            let Some(entry) = snapshot.table.get(id) else {
                continue;
            };
            let until = entry.at + point.stale_after;
            // A value that is doubted, but for lost digits or a bypass, is none to be quiet about.
            let believed = match entry.sample {
                Sample::Good(_) => true,
                Sample::Suspect(_, doubt) => matches!(doubt, Doubt::Rounded | Doubt::Bypassed),
                Sample::Bad(_) => false,
            };
            if believed {
                self.believed[id.index()] = (until, entry.at);
            }
            if entry.sample.is_good() {
                self.good[id.index()] = entry.sample.number().map(|value| (value, until));
            }
        }
    }

    /// Whether a feedback shows its position; `None` when nothing good is known of it.
    fn shows(&self, now: Mono, spec: FeedbackSpec) -> Option<bool> {
        let (value, _) = self.good[spec.point.index()].filter(|(_, until)| now < *until)?;
        Some(value >= spec.limit)
    }

    fn voter(&self, site: &SiteTables, snapshot: &Snapshot, (alarm, state): (AlarmId, AlarmState)) -> Voter {
        let point = site.alarms[alarm.index()].point;
        match state {
            _ if snapshot.bypasses.iter().any(|bypass| bypass.point == point) => Voter::Bypassed,
            AlarmState::Unacked | AlarmState::Acked => Voter::Stands,
            AlarmState::Shelved | AlarmState::Suppressed | AlarmState::OutOfService => Voter::Hidden,
            _ if snapshot.stamp.mono >= self.believed[point.index()].0 => Voter::Lost,
            _ => Voter::Quiet,
        }
    }

    /// A valve that is not shown shut in time is an alarm.
    fn prove(&mut self, snapshot: &Snapshot, ready: bool, unproven: AlarmState, broken: &mut Vec<String>) {
        let now = snapshot.stamp.mono;
        self.driven_since = if ready { None } else { self.driven_since.or(Some(now)) };
        let shown = self.shows(now, shows(SHUT, 5)) == Some(true);
        self.shown = !ready && (self.shown || shown);
        let overdue = self.driven_since.is_some_and(|since| now >= since + PROVE) && !self.shown;
        let said = !matches!(unproven, AlarmState::Normal | AlarmState::RtnUnacked);
        if overdue && !said {
            broken.push(format!("law 1: the valve is not shown shut at {now:?} and nobody is told"));
        }
    }

    /// A line runs only with its fan, its trips ready, and after its time.
    fn permit(&mut self, snapshot: &Snapshot, ready: [bool; 2], broken: &mut Vec<String>) {
        let now = snapshot.stamp.mono;
        let granted = snapshot.interlocks.permits()[0].state() == PermitState::Granted;
        let resumes = self.ran_up && now <= self.booted + GRACE;
        match self.shows(now, shows(FAN, 1)) {
            Some(true) => self.fan_since = self.fan_since.or(Some(now)),
            None if resumes => {}
            Some(false) | None => (self.fan_since, self.ran_up) = (None, false),
        }
        self.ran_up |= self.fan_since.is_some_and(|since| now >= since + PRE_RUN);
        if granted && !(self.ran_up && (resumes || ready == [true; 2])) {
            broken.push(format!("law 6: the line is permitted at {now:?}: {ready:?}, {:?}", self.fan_since));
        }
        self.granted = granted;
        let levels = &snapshot.panel.energised;
        let wanted = [(VALVE, ready[0]), (EXHAUST, ready[1]), (LINE, granted)];
        // De-energised is active.
        if !levels.is_empty() && wanted.iter().any(|(output, quiet)| levels[*output] != *quiet) {
            broken.push(format!("law 1: the outputs {levels:?} are not as trips and permits are at {now:?}"));
        }
    }
}
