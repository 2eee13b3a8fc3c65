//! What the interlocks did, as a record says it: without times of this run, which mean nothing afterwards.

use alloc::string::String;

use super::{Cause, Change, Discrepancy, Hold, PermitState, Proof, Trip, TripState};
use crate::id::{PermitId, TripId, VoteId};
use crate::vote::{Outcome, Verdict};

/// Something that votes, trips and permits did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InterlockEvent {
    /// What.
    pub step: InterlockStep,
    /// Who reset it, if a person did.
    pub actor: Option<String>,
    /// The actor's words.
    pub note: String,
}

/// One change.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum InterlockStep {
    /// 表决: a vote came out otherwise, or has lost or regained channels.
    Vote(VoteId, VoteCount),
    /// 联锁动作: a trip moved.
    Trip {
        /// Which.
        trip: TripId,
        /// From where.
        from: TripStanding,
        /// Where to.
        to: TripStanding,
        /// 首出: the cause that came first.
        cause: Option<Cause>,
    },
    /// What the field shows of a trip.
    Proof(TripId, ProofStanding),
    /// 启动许可: a permit moved.
    Permit {
        /// Which.
        permit: PermitId,
        /// From where.
        from: PermitStanding,
        /// Where to.
        to: PermitStanding,
    },
    /// Whether a fan is kept running.
    Hold(PermitId, HoldStanding),
}

/// How a vote came out, and what is left of it; see [`Verdict`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct VoteCount {
    /// How it came out.
    pub outcome: Outcome,
    /// How many of `of` must stand.
    pub needed: u16,
    /// Channels that see.
    pub of: u16,
    /// Channels without a believable value.
    pub faulty: u16,
    /// Channels that are bypassed.
    pub bypassed: u16,
}

impl From<Verdict> for VoteCount {
    fn from(verdict: Verdict) -> Self {
        let count = |channels: usize| u16::try_from(channels).unwrap_or(u16::MAX);
        Self {
            outcome: verdict.outcome,
            needed: count(verdict.needed),
            of: count(verdict.of),
            faulty: count(verdict.faulty),
            bypassed: count(verdict.bypassed),
        }
    }
}

/// Where a trip stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TripStanding {
    /// Nothing drives its outputs.
    Ready,
    /// A cause stands.
    Tripped,
    /// Its causes have gone; held until reset.
    Held,
}

impl From<TripState> for TripStanding {
    fn from(state: TripState) -> Self {
        match state {
            TripState::Ready => Self::Ready,
            TripState::Tripped(_) => Self::Tripped,
            TripState::Held(_) => Self::Held,
        }
    }
}

/// Whether the field shows the safe position.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ProofStanding {
    /// Nothing was driven, or nothing shows it.
    Idle,
    /// Not shown yet.
    Awaited,
    /// Shown.
    Proven,
    /// Not shown in time.
    NotShown,
    /// It was shown and left.
    Left,
}

impl From<Proof> for ProofStanding {
    fn from(proof: Proof) -> Self {
        match proof {
            Proof::Idle => Self::Idle,
            Proof::Awaited { .. } => Self::Awaited,
            Proof::Proven => Self::Proven,
            Proof::Discrepant(Discrepancy::NotShown) => Self::NotShown,
            Proof::Discrepant(Discrepancy::Left) => Self::Left,
        }
    }
}

/// Whether a line may run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PermitStanding {
    /// No: its fan is not known to run.
    FanOff,
    /// No: its fan has not run long enough.
    PreRun,
    /// No: something that is required does not hold.
    Withheld,
    /// Yes.
    Granted,
}

impl From<PermitState> for PermitStanding {
    fn from(state: PermitState) -> Self {
        match state {
            PermitState::FanOff => Self::FanOff,
            PermitState::PreRun { .. } => Self::PreRun,
            PermitState::Withheld => Self::Withheld,
            PermitState::Granted => Self::Granted,
        }
    }
}

/// Whether a fan is kept running.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HoldStanding {
    /// Its line runs.
    LineRuns,
    /// Its line stopped a while ago.
    PostRun,
    /// It may stop.
    Released,
}

impl From<Hold> for HoldStanding {
    fn from(hold: Hold) -> Self {
        match hold {
            Hold::LineRuns => Self::LineRuns,
            Hold::PostRun { .. } => Self::PostRun,
            Hold::Released => Self::Released,
        }
    }
}

impl InterlockStep {
    /// A change of a scan as a record says it.
    #[must_use]
    pub fn of(change: Change) -> Self {
        match change {
            Change::Vote(vote, verdict) => Self::Vote(vote, verdict.into()),
            Change::Trip { trip, from, to } => {
                let first = Trip::restored(to).first().or_else(|| Trip::restored(from).first());
                let cause = first.and_then(|first| first.cause);
                Self::Trip { trip, from: from.into(), to: to.into(), cause }
            }
            Change::Proof(trip, proof) => Self::Proof(trip, proof.into()),
            Change::Permit { permit, from, to } => Self::Permit { permit, from: from.into(), to: to.into() },
            Change::Hold(permit, hold) => Self::Hold(permit, hold.into()),
        }
    }
}
