//! A test that runs: it takes samples, marks and what tripped, until somebody finishes it or its time is over.

use alloc::boxed::Box;
use core::time::Duration;

use super::judge::{End, Way, find, outcome};
use super::{
    AlarmSeen, Begun, Edge, Effect, Evidence, Failure, Findings, Mark, Marks, Outcome, Refusal, Seen, Series,
    Trace, TripMove, TripSeen, UpkeepSpec,
};
use crate::id::{AlarmId, TripId};
use crate::reading::{Doubt, Quantity, Sample};
use crate::{Mono, Stamp, Value};

/// Alarms whose trips one test remembers at most, besides those that it has to see.
const ALARMS_MAX: usize = 16;

#[derive(Clone, Debug)]
pub(super) struct Running {
    pub(super) begun: Begun,
    pub(super) started: Stamp,
    pub(super) until: Mono,
    series: Series,
    marks: Marks,
    seen: Seen,
    baseline: Option<Value>,
    last: Option<Value>,
}

impl Running {
    pub(super) fn new(begun: Begun, started: Stamp, until: Mono) -> Self {
        Self {
            begun,
            started,
            until,
            series: Series::default(),
            marks: Marks::default(),
            seen: Seen::default(),
            baseline: None,
            last: None,
        }
    }

    pub(super) fn take(&mut self, now: Mono, sample: &Sample) {
        let value = believed(sample);
        let crosses = value.is_some_and(|value| self.crosses(value));
        if crosses {
            self.series.pin_last();
        }
        self.series.push(self.after(now), value);
        if crosses {
            self.series.pin_last();
        }
        self.baseline = self.baseline.or(value);
        self.last = value.or(self.last);
    }

    pub(super) fn mark(&mut self, now: Mono, mark: Mark) -> Result<(), Refusal> {
        let after = self.after(now);
        match (mark, self.marks) {
            (Mark::Applied, Marks { applied: None, removed: None }) => {
                self.marks.applied = Some(after);
                self.baseline = self.last;
                self.seen = Seen::default();
            }
            (Mark::Removed, Marks { applied: Some(_), removed: None }) => self.marks.removed = Some(after),
            (Mark::Removed, Marks { applied: None, .. }) => return Err(Refusal::NotApplied),
            (Mark::Applied | Mark::Removed, _) => return Err(Refusal::MarkedAlready),
        }
        self.series.pin_last();
        Ok(())
    }

    pub(super) fn alarm(&mut self, now: Mono, (alarm, edge): (AlarmId, Edge), spec: &UpkeepSpec) {
        let after = self.after(now);
        let alarms = &mut self.seen.alarms;
        let known = alarms.iter().position(|seen| seen.alarm == alarm);
        let room = alarms.len() < ALARMS_MAX || spec.proves.contains(&Effect::Alarm(alarm));
        match (edge, known) {
            (Edge::Up, None) if room => alarms.push(AlarmSeen { alarm, up: after, down: None }),
            (Edge::Down, Some(index)) => alarms[index].down = Some(after),
            (Edge::Up, None | Some(_)) | (Edge::Down, None) => {}
        }
    }

    pub(super) fn trip(&mut self, now: Mono, trip: TripId, moved: TripMove) {
        let after = self.after(now);
        let trips = &mut self.seen.trips;
        let known = trips.iter().position(|seen| seen.trip == trip);
        match (moved, known) {
            (TripMove::Moved, None) => {
                trips.push(TripSeen { trip, moved: after, proven: None, discrepant: None });
            }
            (TripMove::Proven, Some(index)) => {
                trips[index].proven.get_or_insert(after);
            }
            (TripMove::Discrepant(how), Some(index)) => trips[index].discrepant = Some(how),
            // The feedback of a trip that this test did not move proves nothing.
            (TripMove::Moved, Some(_)) | (TripMove::Proven | TripMove::Discrepant(_), None) => {}
        }
    }

    pub(super) fn end(self, stamp: Stamp, spec: &UpkeepSpec, end: End) -> Box<Evidence> {
        let trace = self.series.trace(self.marks);
        let findings = find(&trace, self.begun.applied);
        let outcome = outcome(spec, &findings, &self.seen, end);
        Box::new(Evidence {
            begun: self.begun,
            point: spec.point,
            duty: spec.duty,
            started: self.started,
            ended: stamp,
            trace,
            findings,
            seen: self.seen,
            outcome,
        })
    }

    /// Whether the value passes a place on the way from which something is measured.
    fn crosses(&self, value: Value) -> bool {
        let way = self.baseline.zip(self.begun.applied).and_then(|(from, to)| Way::new(from, to));
        let stretch = |value: Value| way.map(|way| way.stretch(value));
        self.last.is_some_and(|last| stretch(last) != stretch(value))
    }

    fn after(&self, now: Mono) -> Duration {
        now.since(self.started.mono)
    }
}

/// A test that began before a restart: what it had seen is gone, and that is said.
pub(super) fn restarted((begun, started): (Begun, Stamp), stamp: Stamp, spec: &UpkeepSpec) -> Box<Evidence> {
    Box::new(Evidence {
        begun,
        point: spec.point,
        duty: spec.duty,
        started,
        ended: stamp,
        trace: Trace::default(),
        findings: Findings::default(),
        seen: Seen::default(),
        outcome: Outcome::Failed(alloc::vec![Failure::Restarted]),
    })
}

/// The value that counts in a test. Under bypass a good value shows as suspect, and test gas is what is wanted.
fn believed(sample: &Sample) -> Option<Value> {
    match sample {
        Sample::Good(Quantity::Number(value))
        | Sample::Suspect(Quantity::Number(value), Doubt::Bypassed | Doubt::FunctionCheck) => Some(*value),
        Sample::Good(Quantity::Text(_)) | Sample::Suspect(..) | Sample::Bad(_) => None,
    }
}
