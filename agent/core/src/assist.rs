//! The interlocks in the engine: what they see of the plant, and what becomes of what they say. Shelving and suppression
//! quiet an alarm and nothing else; only a bypass takes a cause out.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use crate::Mono;
use crate::alarm::Signal;
use crate::engine::Engine;
use crate::id::{AlarmId, PermitId, PointId, TripId};
use crate::input::{Answer, Subject};
use crate::interlock::{
    Cause, CauseState, Change, FirstOut, InterlockEvent, InterlockStep, Obstacle, PermitState, Proof, Scan,
    TripState, look,
};
use crate::outbox::record::{Body, Refusal};
use crate::plant::{Found, Plant};
use crate::reading::Sample;
use crate::site::Site;
use crate::table::Belief;
use crate::upkeep::share::{self, Count};
use crate::vote::Channel;

/// A line that ran goes on running while a restart reads the plant anew, if it took no longer than this: a service that is
/// restarted stops no production, and a gateway that was away long enough for anything to happen does.
const GRANT_OUTLIVES: Duration = Duration::from_secs(10);

/// A trip that outlives a restart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KeptTrip {
    /// Which.
    pub trip: TripId,
    /// Its causes have gone.
    pub held: bool,
    /// 首出: the cause that came first.
    pub cause: Option<Cause>,
}

/// The plant as the interlocks see it.
struct View<'a> {
    plant: &'a Plant,
    site: &'a Site,
    now: Mono,
}

impl Scan for View<'_> {
    fn channel(&self, alarm: AlarmId) -> Channel {
        let spec = &self.site.alarms[alarm.index()];
        let known = &self.plant.alarms[alarm.index()];
        if self.plant.bypasses.has(spec.point) {
            return if known.is_unended() { Channel::Unended } else { Channel::Bypassed };
        }
        // A device that checks itself is no person who takes it out: the vote's own rule for a lost detector counts.
        if self.plant.is_held(alarm) {
            return Channel::Fault;
        }
        if known.stands() {
            return Channel::Trip;
        }
        if known.is_unended() {
            return Channel::Unread;
        }
        if spec.signal.sees_bad() || matches!(spec.signal, Signal::Unproven { .. }) {
            return Channel::Quiet;
        }
        match self.plant.table.belief(spec.point, self.now) {
            Belief::Fresh => Channel::Quiet,
            Belief::Unread => Channel::Unread,
            Belief::Lost => Channel::Fault,
        }
    }

    fn sample(&self, point: PointId) -> Option<&Sample> {
        // A bypassed point has no good samples: it shows nothing as soon as the last one is too old.
        self.plant.table.good(point, self.now)
    }
}

impl Engine {
    /// Lets the interlocks look at the plant until nothing moves any more.
    pub(crate) fn scan(&mut self) {
        let site = Arc::clone(&self.site);
        let matrix = &site.matrix;
        // An alarm on an effect may be the cause of another one; rows form no cycle, so that each moves once.
        let rows = matrix.votes.len() + matrix.trips.len() + matrix.permits.len();
        for _ in 0..=rows {
            let view = View { plant: &self.plant, site: &site, now: self.now() };
            let changes = self.locks.step(self.now(), matrix, &view);
            if changes.is_empty() {
                return;
            }
            self.note_changes(changes, None);
        }
    }

    fn note_changes(&mut self, changes: Vec<Change>, said: Option<(&str, &str)>) {
        let stamp = self.stamp();
        for change in changes {
            self.show_test(change);
            if let Change::Proof(trip, proof) = change {
                self.note_proof(trip, proof);
            }
            let actor = said.map(|(actor, _)| String::from(actor));
            let note = said.map(|(_, note)| String::from(note)).unwrap_or_default();
            let event = InterlockEvent { step: InterlockStep::of(change), actor, note };
            self.outbox.offer(stamp, Body::Interlock(event));
            self.touched();
        }
    }

    /// An effect that is not shown is an alarm like any other. While nothing is shown either way, what stood stands.
    fn note_proof(&mut self, trip: TripId, proof: Proof) {
        let is_discrepant = match proof {
            Proof::Discrepant(_) => true,
            Proof::Idle | Proof::Proven => false,
            Proof::Awaited { .. } => return,
        };
        let (now, site) = (self.now(), Arc::clone(&self.site));
        let mut found = Found::default();
        for (id, spec) in (0..).map(AlarmId).zip(&site.alarms) {
            if spec.signal == (Signal::Unproven { trip }) {
                let from = self.plant.alarms[id.index()].prove(now, is_discrepant, spec);
                self.plant.moved((now, &site), id, (from, None), &mut found);
            }
        }
        self.record(found);
    }

    /// Resets a trip, or says everything that stands against it.
    pub(crate) fn reset_trip(&mut self, trip: TripId, (actor, note): (&str, &str)) -> Answer {
        let site = Arc::clone(&self.site);
        if trip.index() >= site.matrix.trips.len() {
            return super::command::answer(Subject::Trip(trip), Err(Refusal::Unknown));
        }
        let view = View { plant: &self.plant, site: &site, now: self.now() };
        match self.locks.reset(trip, &site.matrix, &view) {
            Ok(changes) => {
                let changed = u32::from(!changes.is_empty());
                self.note_changes(changes, Some((actor, note)));
                Answer { changed, ..Answer::default() }
            }
            Err(refusal) => {
                let obstacle = |obstacle: &Obstacle| match *obstacle {
                    Obstacle::Cause(cause, state) | Obstacle::Permissive(cause, state) => {
                        (subject(cause), reason(state))
                    }
                    Obstacle::Unproven => (Subject::Trip(trip), Refusal::Unproven),
                };
                Answer { refused: refusal.0.iter().map(obstacle).collect(), ..Answer::default() }
            }
        }
    }

    /// Trips that could do their work at this moment.
    pub(crate) fn trips_in_service(&self) -> Count {
        let (view, matrix) =
            (View { plant: &self.plant, site: &self.site, now: self.now() }, &self.site.matrix);
        share::trips(&matrix.trips, |cause| look(matrix, &view, cause))
    }

    /// The trips that are not ready, for the retentive memory.
    pub(crate) fn kept_trips(&self) -> Vec<KeptTrip> {
        let kept = |(trip, known): (TripId, &crate::interlock::Trip)| match known.state() {
            TripState::Ready => None,
            TripState::Tripped(first) => Some(KeptTrip { trip, held: false, cause: first.cause }),
            TripState::Held(first) => Some(KeptTrip { trip, held: true, cause: first.cause }),
        };
        (0..).map(TripId).zip(self.locks.trips()).filter_map(kept).collect()
    }

    /// The permits that are granted, for the retentive memory.
    pub(crate) fn kept_permits(&self) -> Vec<PermitId> {
        let permits = (0..).map(PermitId).zip(self.locks.permits());
        permits.filter(|(_, permit)| permit.state() == PermitState::Granted).map(|(id, _)| id).collect()
    }

    pub(crate) fn resume_trips(&mut self, trips: &[KeptTrip], granted: &[PermitId], away: Option<Duration>) {
        let now = self.now();
        for kept in trips {
            let first = FirstOut { cause: kept.cause, at: now };
            let state = if kept.held { TripState::Held(first) } else { TripState::Tripped(first) };
            self.locks.restore(kept.trip, state);
        }
        // A trip that is ready drives nothing that could have to be shown.
        for trip in self.ready_trips() {
            self.note_proof(trip, Proof::Idle);
        }
        if away.is_some_and(|away| away <= GRANT_OUTLIVES) {
            for permit in granted {
                self.locks.restore_grant(*permit, now + GRANT_OUTLIVES);
            }
        }
    }

    fn ready_trips(&self) -> Vec<TripId> {
        let trips = (0..).map(TripId).zip(self.locks.trips());
        trips.filter(|(_, trip)| trip.state().is_ready()).map(|(id, _)| id).collect()
    }

    /// Holds every trip of which nobody knows whether it stood. One that latches waits for a person; one that does not ends
    /// when the plant was read and its causes are quiet.
    pub(crate) fn hold_trips(&mut self) {
        let to = TripState::Held(FirstOut { cause: None, at: self.now() });
        let hold = |trip| Change::Trip { trip, from: TripState::Ready, to };
        let changes: Vec<Change> = self.ready_trips().into_iter().map(hold).collect();
        self.move_trips(changes);
    }

    /// Takes up what an earlier run left of trips that [`Self::hold_trips`] held. One that this run has tripped by a cause
    /// stays as it is; a cause that stands trips it again in the scan that ends this turn.
    pub(crate) fn rejoin_trips(&mut self, trips: &[KeptTrip]) {
        let now = self.now();
        let mut changes = Vec::new();
        for (trip, known) in (0..).map(TripId).zip(self.locks.trips()) {
            let from = known.state();
            let kept = trips.iter().find(|kept| kept.trip == trip);
            let to = match (from, kept) {
                (TripState::Tripped(_) | TripState::Held(FirstOut { cause: Some(_), .. }), _) => continue,
                (TripState::Ready | TripState::Held(_), None) => TripState::Ready,
                (TripState::Ready | TripState::Held(_), Some(kept)) => {
                    let first = FirstOut { cause: kept.cause, at: now };
                    if kept.held { TripState::Held(first) } else { TripState::Tripped(first) }
                }
            };
            if from != to {
                changes.push(Change::Trip { trip, from, to });
            }
        }
        self.move_trips(changes);
    }

    fn move_trips(&mut self, changes: Vec<Change>) {
        for change in &changes {
            if let Change::Trip { trip, to, .. } = change {
                self.locks.restore(*trip, *to);
            }
        }
        self.note_changes(changes, None);
    }
}

const fn subject(cause: Cause) -> Subject {
    match cause {
        Cause::Alarm(alarm) => Subject::Alarm(alarm),
        Cause::Vote(vote) => Subject::Vote(vote),
    }
}

const fn reason(state: CauseState) -> Refusal {
    match state {
        CauseState::Bypassed | CauseState::Unended => Refusal::Bypassed,
        CauseState::Unknown | CauseState::Fault | CauseState::Quiet => Refusal::NoGoodValue,
        CauseState::Standing => Refusal::Stands,
    }
}
