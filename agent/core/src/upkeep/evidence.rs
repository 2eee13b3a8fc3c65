//! What a test leaves behind: who did what, what the point showed, what tripped, and how it was judged.

use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use super::Duty;
use crate::id::{AlarmId, PointId, TripId, UpkeepId};
use crate::interlock::Discrepancy;
use crate::{Stamp, Value};

/// What a person says when a test begins.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Begun {
    /// Which duty.
    pub upkeep: UpkeepId,
    /// Who.
    pub actor: String,
    /// Who approved it, where somebody has to.
    pub approver: Option<String>,
    /// What the point should read under test, in its unit; a calibration has it always.
    pub applied: Option<Value>,
    /// Why, and with which bottle.
    pub reason: String,
}

/// What the person at the detector says.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Mark {
    /// Gas on.
    Applied,
    /// Gas off.
    Removed,
}

/// When the gas was on, from the beginning of the test. Each is said once: who could say it again could make a slow detector
/// quick.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Marks {
    /// Gas on.
    pub applied: Option<Duration>,
    /// Gas off.
    pub removed: Option<Duration>,
}

/// One sample of a test.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Taken {
    /// From the beginning of the test.
    pub after: Duration,
    /// `None` is a gap: no value, or one that is not believed.
    pub value: Option<Value>,
}

/// What the point showed. First, last and extreme samples are always in it; of a long test the others may be thinned.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Trace {
    /// When the gas was on.
    pub marks: Marks,
    /// In the order in which they came, at most [`super::SAMPLES_MAX`].
    pub samples: Vec<Taken>,
    /// How many there were.
    pub taken: u32,
    /// How many of those were gaps.
    pub gaps: u32,
}

/// A measured time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Span {
    /// How long.
    pub took: Duration,
    /// Its beginning was not marked by a person but taken from the samples.
    pub estimated: bool,
}

/// The distance from the applied value at the plateau.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Deviation {
    /// Plateau less applied, in the point's unit.
    pub by: Value,
    /// The same as a share of the applied value; `None` where that is zero.
    pub share: Option<Value>,
}

/// What the samples say; see [`super::find`] for how each is defined.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Findings {
    /// What the point showed without gas.
    pub baseline: Option<Value>,
    /// What it settled at.
    pub plateau: Option<Value>,
    /// When it was first seen to leave the baseline, from the beginning of the test.
    pub departed: Option<Duration>,
    /// The response time t90.
    pub response: Option<Span>,
    /// The recovery time.
    pub recovery: Option<Span>,
    /// How far the plateau is from the applied value.
    pub deviation: Option<Deviation>,
}

/// Which way an alarm went.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Edge {
    /// It tripped.
    Up,
    /// It returned.
    Down,
}

/// An alarm of the point, from the beginning of the test. What it did before the gas came proves nothing and is not here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AlarmSeen {
    /// Which.
    pub alarm: AlarmId,
    /// When it tripped first.
    pub up: Duration,
    /// When it returned last.
    pub down: Option<Duration>,
}

/// What a trip did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TripMove {
    /// It tripped.
    Moved,
    /// Its feedback shows the safe position.
    Proven,
    /// Its feedback contradicts it.
    Discrepant(Discrepancy),
}

/// A trip that the test has to see, from the beginning of the test.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TripSeen {
    /// Which.
    pub trip: TripId,
    /// When it moved first.
    pub moved: Duration,
    /// When its feedback first showed the safe position.
    pub proven: Option<Duration>,
    /// How its feedback contradicted it last.
    pub discrepant: Option<Discrepancy>,
}

impl TripSeen {
    /// How long the field took to show that the trip worked.
    #[must_use]
    pub fn took(&self) -> Option<Duration> {
        self.proven.map(|proven| proven.saturating_sub(self.moved))
    }
}

/// What was seen to happen because of the gas.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Seen {
    /// Alarms of the point, the first of each.
    pub alarms: Vec<AlarmSeen>,
    /// Trips that the duty names.
    pub trips: Vec<TripSeen>,
}

/// Why a test was not passed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Failure {
    /// Nobody could believe what the point showed, before the gas or under it.
    NoGoodValue,
    /// The value never left the baseline.
    NoResponse,
    /// It came to 90 % too late, or not at all.
    TooSlow {
        /// `None`: not at all.
        took: Option<Duration>,
    },
    /// It came back too late, or not at all.
    NotRecovered {
        /// `None`: not at all.
        took: Option<Duration>,
    },
    /// It settled too far from the applied value.
    Deviation,
    /// The alarm did not trip under gas.
    AlarmDidNotTrip(AlarmId),
    /// The trip did not move under gas.
    TripDidNotMove(TripId),
    /// The trip's feedback did not show the safe position, or left it.
    NotProven(TripId),
    /// Somebody gave it up.
    Aborted,
    /// The gateway restarted in the middle: what had been seen is gone.
    Restarted,
    /// Nobody finished it.
    TimedOut,
}

/// How a test came out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// Everything was as it has to be.
    Passed,
    /// All reasons; never empty.
    Failed(Vec<Failure>),
}

/// One test, whole: what the journal and the platform get.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Evidence {
    /// Which duty, who, with what and why.
    pub begun: Begun,
    /// The point.
    pub point: PointId,
    /// What was done.
    pub duty: Duty,
    /// When it began; its monotonic part is of the run in which it began.
    pub started: Stamp,
    /// When it ended.
    pub ended: Stamp,
    /// What the point showed.
    pub trace: Trace,
    /// What that says.
    pub findings: Findings,
    /// What tripped.
    pub seen: Seen,
    /// How it came out.
    pub outcome: Outcome,
}
