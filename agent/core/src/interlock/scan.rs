//! One scan of the matrix: trips before permits, so that a trip withdraws a permit in the same turn. Its product is whether an output is active.

use alloc::vec;
use alloc::vec::Vec;
use core::mem::replace;

use super::{
    Cause, CauseState, FeedbackSpec, Hold, Matrix, Permit, PermitState, Proof, Refusal, Trip, TripState,
};
use crate::Mono;
use crate::id::{AlarmId, OutputId, PermitId, PointId, TripId, VoteId};
use crate::reading::Sample;
use crate::vote::{Channel, Verdict};

/// What a scan looks at.
pub trait Scan {
    /// An alarm, as [`Channel`] says.
    fn channel(&self, alarm: AlarmId) -> Channel;
    /// A feedback point's sample.
    fn sample(&self, point: PointId) -> Option<&Sample>;
}

/// What a scan changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Change {
    /// A vote came out otherwise, or has lost or regained channels.
    Vote(VoteId, Verdict),
    /// A trip moved.
    Trip {
        /// Which.
        trip: TripId,
        /// From where.
        from: TripState,
        /// Where to.
        to: TripState,
    },
    /// What the field shows of a trip; [`Proof::Discrepant`] is an alarm while it lasts.
    Proof(TripId, Proof),
    /// A permit was granted, withdrawn, or moved towards either.
    Permit {
        /// Which.
        permit: PermitId,
        /// From where.
        from: PermitState,
        /// Where to.
        to: PermitState,
    },
    /// Whether a fan is kept running.
    Hold(PermitId, Hold),
}

/// The interlocks of one site at run time. The matrix given to each call is the one it was made for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Interlocks {
    verdicts: Vec<Verdict>,
    trips: Vec<Trip>,
    permits: Vec<Permit>,
}

impl Interlocks {
    /// Nothing seen yet: no trip stands, and no permit is granted.
    #[must_use]
    pub fn new(matrix: &Matrix) -> Self {
        Self {
            verdicts: matrix.votes.iter().map(|vote| vote.judge(|_| Channel::Unread)).collect(),
            trips: vec![Trip::default(); matrix.trips.len()],
            permits: vec![Permit::default(); matrix.permits.len()],
        }
    }

    /// Takes up a trip where an earlier run left it.
    pub fn restore(&mut self, trip: TripId, state: TripState) {
        if let Some(restored) = self.trips.get_mut(trip.index()) {
            *restored = Trip::restored(state);
        }
    }

    /// Takes up a permit that an earlier run granted a moment ago.
    pub fn restore_grant(&mut self, permit: PermitId, until: Mono) {
        if let Some(restored) = self.permits.get_mut(permit.index()) {
            *restored = Permit::restored(until);
        }
    }

    /// Votes, in site order.
    #[must_use]
    pub fn verdicts(&self) -> &[Verdict] {
        &self.verdicts
    }

    /// Trips, in site order.
    #[must_use]
    pub fn trips(&self) -> &[Trip] {
        &self.trips
    }

    /// Permits, in site order.
    #[must_use]
    pub fn permits(&self) -> &[Permit] {
        &self.permits
    }

    /// Looks at everything once; harmless when nothing changed and nothing is due.
    pub fn step(&mut self, now: Mono, matrix: &Matrix, scan: &impl Scan) -> Vec<Change> {
        let mut changes = Vec::new();
        for (id, (spec, verdict)) in (0..).map(VoteId).zip(matrix.votes.iter().zip(&mut self.verdicts)) {
            let next = spec.judge(|alarm| scan.channel(alarm));
            if replace(verdict, next) != next {
                changes.push(Change::Vote(id, next));
            }
        }
        let cause = |cause| look(matrix, scan, cause);
        let shown = |spec: &FeedbackSpec| spec.read(scan.sample(spec.point));
        let unknown = super::Feedback::Unknown;
        for (id, (spec, trip)) in (0..).map(TripId).zip(matrix.trips.iter().zip(&mut self.trips)) {
            let was = *trip;
            let feedback = spec.prove.as_ref().map_or(unknown, |prove| shown(&prove.feedback));
            trip.step(now, spec, (cause, feedback));
            note_trip(&mut changes, id, (was, *trip));
        }
        for (id, (spec, permit)) in (0..).map(PermitId).zip(matrix.permits.iter().zip(&mut self.permits)) {
            let was = *permit;
            let tripped =
                if all_ready(&self.trips, &spec.trips) { CauseState::Quiet } else { CauseState::Standing };
            let requires = spec.requires.iter().copied().map(cause).fold(tripped, CauseState::max);
            let line = spec.hold.as_ref().and_then(|hold| hold.line.as_ref()).map_or(unknown, shown);
            permit.step(now, spec, (shown(&spec.fan), requires, line));
            let (from, to) = (was.state(), permit.state());
            if from != to {
                changes.push(Change::Permit { permit: id, from, to });
            }
            if was.hold() != permit.hold() {
                changes.push(Change::Hold(id, permit.hold()));
            }
        }
        changes
    }

    /// Resets a trip, as far as the scan lets it; a trip that does not exist is ready. A [`Self::step`] follows.
    ///
    /// # Errors
    /// Everything that stands against it. Then nothing has changed.
    pub fn reset(&mut self, trip: TripId, matrix: &Matrix, scan: &impl Scan) -> Result<Vec<Change>, Refusal> {
        let mut changes = Vec::new();
        if let (Some(spec), Some(known)) = (matrix.trips.get(trip.index()), self.trips.get_mut(trip.index()))
        {
            let was = *known;
            known.reset(spec, |cause| look(matrix, scan, cause))?;
            note_trip(&mut changes, trip, (was, *known));
        }
        Ok(changes)
    }

    /// Whether the output is active: driven toward the safe state by a trip that is not ready or a permit that is not
    /// granted, or keeping a fan running.
    #[must_use]
    pub fn is_active(&self, matrix: &Matrix, output: OutputId) -> bool {
        let mut trips = matrix.trips.iter().zip(&self.trips);
        let mut permits = matrix.permits.iter().zip(&self.permits);
        trips.any(|(spec, trip)| !trip.state().is_ready() && spec.outputs.contains(&output))
            || permits.any(|(spec, permit)| {
                let withheld = permit.state() != PermitState::Granted && spec.outputs.contains(&output);
                let held = permit.hold().is_active()
                    && spec.hold.as_ref().is_some_and(|hold| {
                        hold.output == output && all_ready(&self.trips, &hold.released_by)
                    });
                withheld || held
            })
    }

    /// When [`Self::step`] has something to do although nothing new was seen.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Mono> {
        let trips = self.trips.iter().filter_map(Trip::poll_timeout);
        trips.chain(self.permits.iter().filter_map(Permit::poll_timeout)).min()
    }
}

/// What the scan sees of a cause.
pub(crate) fn look(matrix: &Matrix, scan: &impl Scan, cause: Cause) -> CauseState {
    match cause {
        Cause::Alarm(alarm) => scan.channel(alarm).into(),
        Cause::Vote(vote) => {
            let vote = &matrix.votes[vote.index()];
            let state = CauseState::from(vote.judge(|alarm| scan.channel(alarm)).outcome);
            let unended = vote.is_unended(|alarm| scan.channel(alarm));
            if unended { state.max(CauseState::Unended) } else { state }
        }
    }
}

fn all_ready(trips: &[Trip], wanted: &[TripId]) -> bool {
    wanted.iter().all(|trip| trips[trip.index()].state().is_ready())
}

fn note_trip(changes: &mut Vec<Change>, trip: TripId, (was, is): (Trip, Trip)) {
    let (from, to) = (was.state(), is.state());
    if from != to {
        changes.push(Change::Trip { trip, from, to });
    }
    if was.proof() != is.proof() {
        changes.push(Change::Proof(trip, is.proof()));
    }
}
