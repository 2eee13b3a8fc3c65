//! What votes, trips and permits did, there and back; see [`super::mirror`].

use hazard_core::id::{AlarmId, PermitId, TripId, VoteId};
use hazard_core::interlock as core;
use hazard_core::vote;
use serde::{Deserialize, Serialize};

use super::codec::NotRecords;
use super::mirror::{bounded, cut, plain};

plain!(Outcome = vote::Outcome { Quiet, Unread, Blind, Tripped });
plain!(TripStanding = core::TripStanding { Ready, Tripped, Held });
plain!(ProofStanding = core::ProofStanding { Idle, Awaited, Proven, NotShown, Left });
plain!(PermitStanding = core::PermitStanding { FanOff, PreRun, Withheld, Granted });
plain!(HoldStanding = core::HoldStanding { LineRuns, PostRun, Released });

#[derive(Serialize, Deserialize)]
pub(super) struct InterlockEvent {
    step: Step,
    actor: Option<String>,
    note: String,
}

#[derive(Serialize, Deserialize)]
enum Step {
    Vote { vote: u16, outcome: Outcome, needed: u16, of: u16, faulty: u16, bypassed: u16 },
    Trip { trip: u16, from: TripStanding, to: TripStanding, cause: Option<Cause> },
    Proof { trip: u16, proof: ProofStanding },
    Permit { permit: u16, from: PermitStanding, to: PermitStanding },
    Hold { permit: u16, hold: HoldStanding },
}

#[derive(Serialize, Deserialize)]
enum Cause {
    Alarm(u32),
    Vote(u16),
}

impl From<&core::InterlockEvent> for InterlockEvent {
    fn from(event: &core::InterlockEvent) -> Self {
        Self { step: event.step.into(), actor: event.actor.as_deref().map(cut), note: cut(&event.note) }
    }
}

impl TryFrom<InterlockEvent> for core::InterlockEvent {
    type Error = NotRecords;

    fn try_from(event: InterlockEvent) -> Result<Self, NotRecords> {
        let InterlockEvent { step, actor, note } = event;
        Ok(Self { step: step.into(), actor: actor.map(bounded).transpose()?, note: bounded(note)? })
    }
}

impl From<core::InterlockStep> for Step {
    fn from(step: core::InterlockStep) -> Self {
        match step {
            core::InterlockStep::Vote(vote, count) => Self::Vote {
                vote: vote.0,
                outcome: count.outcome.into(),
                needed: count.needed,
                of: count.of,
                faulty: count.faulty,
                bypassed: count.bypassed,
            },
            core::InterlockStep::Trip { trip, from, to, cause } => {
                let cause = cause.map(|cause| match cause {
                    core::Cause::Alarm(alarm) => Cause::Alarm(alarm.0),
                    core::Cause::Vote(vote) => Cause::Vote(vote.0),
                });
                Self::Trip { trip: trip.0, from: from.into(), to: to.into(), cause }
            }
            core::InterlockStep::Proof(trip, proof) => Self::Proof { trip: trip.0, proof: proof.into() },
            core::InterlockStep::Permit { permit, from, to } => {
                Self::Permit { permit: permit.0, from: from.into(), to: to.into() }
            }
            core::InterlockStep::Hold(permit, hold) => Self::Hold { permit: permit.0, hold: hold.into() },
        }
    }
}

impl From<Step> for core::InterlockStep {
    fn from(step: Step) -> Self {
        match step {
            Step::Vote { vote, outcome, needed, of, faulty, bypassed } => {
                let count = core::VoteCount { outcome: outcome.into(), needed, of, faulty, bypassed };
                Self::Vote(VoteId(vote), count)
            }
            Step::Trip { trip, from, to, cause } => {
                let cause = cause.map(|cause| match cause {
                    Cause::Alarm(alarm) => core::Cause::Alarm(AlarmId(alarm)),
                    Cause::Vote(vote) => core::Cause::Vote(VoteId(vote)),
                });
                Self::Trip { trip: TripId(trip), from: from.into(), to: to.into(), cause }
            }
            Step::Proof { trip, proof } => Self::Proof(TripId(trip), proof.into()),
            Step::Permit { permit, from, to } => {
                Self::Permit { permit: PermitId(permit), from: from.into(), to: to.into() }
            }
            Step::Hold { permit, hold } => Self::Hold(PermitId(permit), hold.into()),
        }
    }
}
