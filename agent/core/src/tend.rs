//! Upkeep in the engine: what its dates and tests see of the plant, and what becomes of what they say. A calibration runs
//! behind a bypass, so that test gas trips nothing; a proof test runs without one, so that what has to trip does.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use crate::engine::Engine;
use crate::id::{PointId, UpkeepId};
use crate::input::{Answer, Subject};
use crate::interlock::{self, Proof};
use crate::outbox::record::{Body, Condition, Refusal};
use crate::person;
use crate::upkeep::{self, Begun, Change, Duty, Evidence, Mark, TripMove, UpkeepEvent};

/// How a person ends a test.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum End {
    Finish,
    Abort,
}

impl Engine {
    /// The duty of the point whose test runs; where none does, the first duty of the point.
    #[must_use]
    pub fn test_of(&self, point: PointId) -> Option<UpkeepId> {
        let duties = || (0..).map(UpkeepId).zip(&self.site.upkeep).filter(|(_, spec)| spec.point == point);
        let standing: Vec<_> = self.plant.upkeep.standing().collect();
        let runs = |id: UpkeepId| standing.get(id.index()).is_some_and(|duty| duty.runs_until.is_some());
        let running = duties().find(|(id, _)| runs(*id));
        running.or_else(|| duties().next()).map(|(id, _)| id)
    }

    pub(crate) fn tend_when_due(&mut self) {
        if self.plant.upkeep.poll_timeout().is_some_and(|(at, _)| at <= self.now()) {
            self.tend();
        }
    }

    /// Looks at dates, and at tests whose time is over.
    pub(crate) fn tend(&mut self) {
        let changes = self.plant.upkeep.step(self.stamp());
        self.note_upkeep(changes, None);
    }

    pub(crate) fn resume_upkeep(&mut self, kept: &upkeep::Kept) {
        let changes = self.plant.upkeep.resume(kept, self.stamp());
        self.note_upkeep(changes, None);
    }

    pub(crate) fn begin_test(&mut self, begun: Begun) -> Answer {
        let subject = Subject::Upkeep(begun.upkeep);
        let (stamp, told) = (self.stamp(), begun.clone());
        let outcome = self.may_begin(&begun);
        let outcome = outcome.and_then(|()| self.plant.upkeep.begin(stamp, begun).map_err(refusal));
        if outcome.is_ok() {
            self.show_first(told.upkeep);
            self.tell(UpkeepEvent::Begun(told));
        }
        crate::command::answer(subject, outcome)
    }

    /// What the point shows already: gas that comes before the next poll would leave the test without a baseline.
    fn show_first(&mut self, upkeep: UpkeepId) {
        let (now, point) = (self.now(), self.site.upkeep[upkeep.index()].point);
        if let Some(entry) = self.plant.table.get(point) {
            self.plant.upkeep.take(now, point, &entry.sample);
        }
    }

    pub(crate) fn mark_test(&mut self, upkeep: UpkeepId, mark: Mark, actor: String) -> Answer {
        let outcome = self.plant.upkeep.mark(self.now(), upkeep, mark).map_err(refusal);
        if outcome.is_ok() {
            self.tell(UpkeepEvent::Marked { upkeep, mark, actor });
        }
        crate::command::answer(Subject::Upkeep(upkeep), outcome)
    }

    pub(crate) fn end_test(&mut self, upkeep: UpkeepId, end: End, said: (&str, &str)) -> Answer {
        let stamp = self.stamp();
        let changes = match end {
            End::Finish => self.plant.upkeep.finish(stamp, upkeep),
            End::Abort => self.plant.upkeep.abort(stamp, upkeep),
        };
        match changes {
            Ok(changes) => {
                let evidence = self.note_upkeep(changes, Some(said));
                Answer { changed: 1, evidence, ..Answer::default() }
            }
            Err(why) => crate::command::answer(Subject::Upkeep(upkeep), Err(refusal(why))),
        }
    }

    /// Lets the tests that have to see it see what a trip did. One that was held drives its outputs already: nothing moves.
    pub(crate) fn show_test(&mut self, change: interlock::Change) {
        let (trip, moved) = match change {
            interlock::Change::Trip { trip, from, to } if from.is_ready() && !to.is_ready() => {
                (trip, TripMove::Moved)
            }
            interlock::Change::Proof(trip, Proof::Proven) => (trip, TripMove::Proven),
            interlock::Change::Proof(trip, Proof::Discrepant(how)) => (trip, TripMove::Discrepant(how)),
            interlock::Change::Trip { .. }
            | interlock::Change::Proof(_, Proof::Idle | Proof::Awaited { .. })
            | interlock::Change::Vote(..)
            | interlock::Change::Permit { .. }
            | interlock::Change::Hold(..) => return,
        };
        self.plant.upkeep.trip(self.now(), trip, moved);
    }

    /// Whether the plant and the persons are as the test needs them.
    fn may_begin(&self, begun: &Begun) -> Result<(), Refusal> {
        let spec = self.site.upkeep.get(begun.upkeep.index()).ok_or(Refusal::Unknown)?;
        let now = self.now();
        let mut bypasses = self.plant.bypasses.standing().iter();
        let bypassed = bypasses.any(|bypass| bypass.point == spec.point && bypass.until > now);
        match (spec.duty, bypassed) {
            (Duty::Calibration, false) => return Err(Refusal::NeedsBypass),
            (Duty::ProofTest, true) => return Err(Refusal::NeedsArmed),
            (Duty::Calibration, true) | (Duty::ProofTest, false) => {}
        }
        if self.site.points[spec.point.index()].interlock {
            person::second(&begun.actor, begun.approver.as_deref().unwrap_or_default())?;
        }
        Ok(())
    }

    fn note_upkeep(&mut self, changes: Vec<Change>, said: Option<(&str, &str)>) -> Option<Box<Evidence>> {
        let mut ended = None;
        for change in changes {
            match change {
                Change::Due { upkeep, to, .. } => {
                    self.touched();
                    self.set(Condition::UpkeepDue(upkeep), to.is_due());
                }
                Change::Failing { upkeep, stands } => self.set(Condition::UpkeepFailing(upkeep), stands),
                Change::Ended(evidence) => {
                    let (actor, note) = said.unzip();
                    let (actor, note) = (actor.map(String::from), note.map(String::from).unwrap_or_default());
                    ended = Some(evidence.clone());
                    self.tell(UpkeepEvent::Ended { evidence, actor, note });
                }
            }
        }
        ended
    }

    fn tell(&mut self, event: UpkeepEvent) {
        let stamp = self.stamp();
        self.outbox.offer(stamp, Body::Upkeep(Box::new(event)));
        self.touched();
    }
}

const fn refusal(refusal: upkeep::Refusal) -> Refusal {
    match refusal {
        upkeep::Refusal::Unknown => Refusal::Unknown,
        upkeep::Refusal::NoActor => Refusal::NoActor,
        upkeep::Refusal::NoReason => Refusal::NoReason,
        upkeep::Refusal::NothingApplied => Refusal::NothingApplied,
        upkeep::Refusal::RunsAlready => Refusal::RunsAlready,
        upkeep::Refusal::TooMany { max } => Refusal::TooMany { max },
        upkeep::Refusal::NotRunning => Refusal::NotRunning,
        upkeep::Refusal::MarkedAlready => Refusal::MarkedAlready,
        upkeep::Refusal::NotApplied => Refusal::NotApplied,
    }
}
