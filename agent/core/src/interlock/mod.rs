//! Interlocks (联锁): the cause & effect matrix from alarms and votes to outputs, and the start permits of dust lines.
//!
//! These are assist outputs and no safety instrumented system: what a SIS drives is only read. An output is only ever
//! driven *toward* its safe state here; nothing in this module starts a machine or opens a valve.

mod event;
mod matrix;
#[cfg(test)]
mod matrix_tests;
mod permit;
mod scan;
#[cfg(test)]
mod scan_tests;
mod trip;

pub use event::{
    HoldStanding, InterlockEvent, InterlockStep, PermitStanding, ProofStanding, TripStanding, VoteCount,
};
pub use matrix::{Column, Matrix, MatrixFault, Row, Wrong};
pub use permit::{Hold, HoldSpec, Permit, PermitSpec, PermitState};
pub(crate) use scan::look;
pub use scan::{Change, Interlocks, Scan};
pub use trip::{
    Discrepancy, FirstOut, Obstacle, Permissive, Proof, ProveSpec, Refusal, Trip, TripSpec, TripState,
};

use crate::id::{AlarmId, PointId, VoteId};
use crate::reading::{Quantity, Sample};
use crate::vote::{Channel, Outcome};
use crate::{Side, Value};

/// What may trip or withhold.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Cause {
    /// One alarm. What its fault does is said by the row: [`TripSpec::on_fault`].
    Alarm(AlarmId),
    /// A vote.
    Vote(VoteId),
}

/// What is known of a cause; the worse, the greater.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum CauseState {
    /// It does not stand.
    Quiet,
    /// A person took it out: it starts nothing and withholds nothing, yet nobody has seen it end.
    Bypassed,
    /// A person took it, or one of its channels, out while it stood: what it was approved for goes on, and no trip is reset
    /// around it.
    Unended,
    /// Nothing believable is known: it starts no trip, and ends none.
    Unknown,
    /// Its detector is dead: it starts those trips whose row says so, and ends none.
    Fault,
    /// It stands.
    Standing,
}

impl CauseState {
    /// Whether a permit may be granted with it as a requirement: what a bypass was approved for.
    #[must_use]
    pub const fn permits(self) -> bool {
        matches!(self, Self::Quiet | Self::Bypassed | Self::Unended)
    }
}

impl From<Channel> for CauseState {
    fn from(channel: Channel) -> Self {
        match channel {
            Channel::Quiet => Self::Quiet,
            Channel::Unread => Self::Unknown,
            Channel::Fault => Self::Fault,
            Channel::Trip => Self::Standing,
            Channel::Bypassed => Self::Bypassed,
            Channel::Unended => Self::Unended,
        }
    }
}

impl From<Outcome> for CauseState {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Quiet => Self::Quiet,
            Outcome::Unread => Self::Unknown,
            Outcome::Blind => Self::Bypassed,
            Outcome::Tripped => Self::Standing,
        }
    }
}

/// A point that shows whether something is where it should be: a valve shut, a fan running.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FeedbackSpec {
    /// The point.
    pub point: PointId,
    /// On which side of `limit` it is there.
    pub side: Side,
    /// Reached or passed when it is there; [`Value::HALF`] for a switch.
    pub limit: Value,
}

/// What a feedback point shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Feedback {
    /// It is there.
    Shown,
    /// It is not there.
    Away,
    /// Nothing believable: only a good sample shows anything.
    Unknown,
}

impl FeedbackSpec {
    /// What the sample of its point shows.
    #[must_use]
    pub fn read(&self, sample: Option<&Sample>) -> Feedback {
        let Some(Sample::Good(Quantity::Number(value))) = sample else {
            return Feedback::Unknown;
        };
        let is_there = match self.side {
            Side::High => *value >= self.limit,
            Side::Low => *value <= self.limit,
        };
        if is_there { Feedback::Shown } else { Feedback::Away }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reading::{Doubt, NoData};

    #[test]
    fn what_nobody_saw_is_neither_quiet_nor_standing() {
        let rows = [
            (Channel::Quiet, Outcome::Quiet, CauseState::Quiet),
            (Channel::Unread, Outcome::Unread, CauseState::Unknown),
            (Channel::Bypassed, Outcome::Blind, CauseState::Bypassed),
            (Channel::Trip, Outcome::Tripped, CauseState::Standing),
        ];
        for (channel, outcome, state) in rows {
            assert_eq!((CauseState::from(channel), CauseState::from(outcome)), (state, state));
        }
        assert_eq!(CauseState::from(Channel::Fault), CauseState::Fault);
        assert_eq!(CauseState::from(Channel::Unended), CauseState::Unended);
    }

    #[test]
    fn only_a_good_sample_shows_a_position_and_the_limit_belongs_to_it() {
        let number = |raw| Quantity::Number(Value::from_i32(raw));
        for (side, shown) in [(Side::High, [4, 5, 6]), (Side::Low, [6, 5, 4])] {
            let spec = FeedbackSpec { point: PointId(0), side, limit: Value::from_i32(5) };
            let read = |raw| spec.read(Some(&Sample::Good(number(raw))));
            assert_eq!(shown.map(read), [Feedback::Away, Feedback::Shown, Feedback::Shown]);
            for sample in [Sample::Suspect(number(5), Doubt::AfterFault), Sample::Bad(NoData::Stale)] {
                assert_eq!(spec.read(Some(&sample)), Feedback::Unknown);
            }
            assert_eq!(spec.read(None), Feedback::Unknown);
        }
    }
}
