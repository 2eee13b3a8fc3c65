//! What the agent writes down: every record has a number that no other record of its epoch ever has.

use alloc::string::String;
use alloc::vec::Vec;

use crate::id::{AlarmId, BusId, DeviceId, Epoch, OutputId, Seq, UplinkId};
use crate::link::LinkFault;
use crate::reading::Reading;
use crate::{Stamp, Utc, Value};

/// One record of an epoch.
#[derive(Clone, PartialEq, Debug)]
pub struct Record {
    /// Its number.
    pub seq: Seq,
    /// When it happened.
    pub stamp: Stamp,
    /// What happened.
    pub body: Body,
}

impl Record {
    /// The lane the record travels in.
    #[must_use]
    pub const fn lane(&self) -> Lane {
        match &self.body {
            Body::Readings(_) => Lane::Reading,
            Body::Opening(_)
            | Body::Alarm(_)
            | Body::Device(_)
            | Body::System(_)
            | Body::Action(_)
            | Body::Loss(_)
            | Body::ClockStep(_) => Lane::Event,
        }
    }

    /// How many readings the record holds.
    #[must_use]
    pub fn readings(&self) -> u64 {
        match &self.body {
            Body::Readings(readings) => readings.len() as u64,
            Body::Opening(_)
            | Body::Alarm(_)
            | Body::Device(_)
            | Body::System(_)
            | Body::Action(_)
            | Body::Loss(_)
            | Body::ClockStep(_) => 0,
        }
    }
}

/// Events overtake readings; a flood of readings never pushes an event out.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Lane {
    /// Alarms, losses, actions of people, changes of health.
    Event,
    /// Readings.
    Reading,
}

/// What happened.
#[derive(Clone, PartialEq, Debug)]
pub enum Body {
    /// Always the first record of an epoch.
    Opening(Opening),
    /// Readings of one reply, all with the record's stamp.
    Readings(Vec<Reading>),
    /// An alarm changed its state.
    Alarm(AlarmEvent),
    /// A device changed its health.
    Device(DeviceEvent),
    /// The agent's own condition changed.
    System(SystemEvent),
    /// A person did something.
    Action(ActionEvent),
    /// Records that will not arrive, said rather than hidden.
    Loss(Loss),
    /// The wall clock jumped.
    ClockStep(ClockStep),
}

/// The start of an epoch, and what is known of the one before it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Opening {
    /// The durable ordinal of this epoch on this disk; `None` when the journal is not available.
    pub ordinal: Option<u64>,
    /// The epoch before this one on this disk: what neither disk nor platform has of it beyond `durable_through` is lost.
    pub previous: Option<PreviousEpoch>,
}

/// How the epoch before ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PreviousEpoch {
    /// The epoch.
    pub epoch: Epoch,
    /// Its last record on disk.
    pub durable_through: Seq,
}

/// Where an alarm stands (ISA-18.2 / IEC 62682 states that a site without shelving can reach).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum AlarmState {
    /// No alarm.
    #[default]
    Normal,
    /// Alarm stands, nobody acknowledged it.
    Unacked,
    /// Alarm stands, somebody acknowledged it.
    Acked,
    /// The value returned before anybody acknowledged (not latching).
    RtnUnacked,
    /// The value returned, the alarm is held until acknowledged and reset.
    LatchedUnacked,
    /// The value returned and the alarm was acknowledged; held until reset.
    LatchedAcked,
}

/// An alarm's change of state.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AlarmEvent {
    /// The alarm.
    pub alarm: AlarmId,
    /// The state before.
    pub from: AlarmState,
    /// The state after.
    pub to: AlarmState,
    /// The value that caused it, if a value did.
    pub value: Option<Value>,
    /// Who caused it, if a person did.
    pub actor: Option<String>,
}

/// A device's change of health.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DeviceEvent {
    /// The device.
    pub device: DeviceId,
    /// `None`: it answers again. Otherwise how it failed last.
    pub fault: Option<LinkFault>,
}

/// A condition of the agent itself that a person must know about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Condition {
    /// The journal cannot be opened or written: records live in memory only.
    JournalDown,
    /// The journal is too slow for the readings.
    JournalBehind,
    /// The uplink has no connection.
    UplinkDown(UplinkId),
    /// A Modbus output does not accept its level.
    OutputFault(OutputId),
    /// The bus's port or connection is not there.
    BusDown(BusId),
    /// The bus cannot keep its periods.
    BusOverrun(BusId),
    /// The wall clock cannot be trusted.
    ClockUntrusted,
}

/// A condition of the agent itself began or ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SystemEvent {
    /// The condition.
    pub condition: Condition,
    /// Whether it stands.
    pub raised: bool,
}

/// What a person can do to alarms.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Verb {
    /// 消音: the horn is quiet until the next alarm.
    Silence,
    /// 确认: the alarm is known to somebody.
    Acknowledge,
    /// 复位: a latched alarm is released.
    Reset,
}

/// A person's action.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ActionEvent {
    /// Who.
    pub actor: String,
    /// What.
    pub verb: Verb,
    /// On which alarm; `None` on all that it applies to.
    pub alarm: Option<AlarmId>,
    /// The actor's words.
    pub note: String,
    /// How many alarms it changed.
    pub changed: u32,
}

/// Where records were lost.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum LossPlace {
    /// They did not become durable here.
    Journal,
    /// They will not reach this platform.
    Uplink(UplinkId),
}

/// Records of one lane between two numbers, `records` of them, that will not arrive at a place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Loss {
    /// Where they are missing.
    pub place: LossPlace,
    /// The epoch they belong to.
    pub epoch: Epoch,
    /// Their lane; records of the other lane between `first` and `last` are not meant.
    pub lane: Lane,
    /// The first one.
    pub first: Seq,
    /// The last one.
    pub last: Seq,
    /// How many.
    pub records: u64,
    /// How many readings they held.
    pub readings: u64,
}

/// The wall clock jumped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ClockStep {
    /// What it would have read.
    pub from: Utc,
    /// What it reads.
    pub to: Utc,
}
