//! Why a person's command was not carried out.

use core::time::Duration;

/// Why a person's command was not carried out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// The alarm's condition still stands.
    Stands,
    /// Nobody has acknowledged it.
    Unacknowledged,
    /// The point has no believable value that says that the hazard is gone.
    NoGoodValue,
    /// This alarm must never be shelved; a permit for its point is a bypass.
    NeverShelved,
    /// It is not allowed for so long, or for no time at all.
    TooLong {
        /// The longest time allowed.
        max: Duration,
    },
    /// So many are put aside already.
    TooMany {
        /// As many as are allowed.
        max: u16,
    },
    /// There is no alarm to handle.
    NothingToHandle,
    /// An approver must be named.
    NoApprover,
    /// A reason must be given.
    NoReason,
    /// The approver must be another person.
    SecondPerson,
    /// The point is bypassed already.
    BypassedAlready,
    /// The point is not bypassed.
    NotBypassed,
    /// No alarm or point has this number.
    Unknown,
    /// It is bypassed, so that nobody has seen it end.
    Bypassed,
    /// The field does not show the safe position.
    Unproven,
    /// No bypass is begun in a key period.
    KeyPeriod,
    /// A calibration needs a bypass of its point that stands: test gas would trip it.
    NeedsBypass,
    /// A proof test needs its point armed: under bypass nothing trips.
    NeedsArmed,
    /// A name must be given.
    NoActor,
    /// A calibration without a known value compares with nothing.
    NothingApplied,
    /// A test of this point runs already.
    RunsAlready,
    /// No test of this duty runs.
    NotRunning,
    /// This was marked already.
    MarkedAlready,
    /// Gas that was not applied cannot be removed.
    NotApplied,
    /// The command needs a value.
    NoValue,
    /// The command always writes the same value.
    ValueFixed,
    /// The value is less or more than the command may write.
    OutOfBounds,
    /// The value lies between two steps of the command.
    BetweenSteps,
    /// The command is under way.
    PendingAlready,
    /// The command was sent a moment ago.
    TooSoon {
        /// It may be sent again after this time.
        wait: Duration,
    },
    /// The device does not answer.
    DeviceOffline,
    /// No named command while a configuration is on trial: it would outlive a roll-back.
    OnTrial,
    /// No detector of a vote would be left; that is asked for by name.
    WholeVote,
}
