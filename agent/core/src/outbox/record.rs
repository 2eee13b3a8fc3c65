//! What the agent writes down: every record has a number that no other record of its epoch ever has.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

pub use super::condition::{Condition, SystemEvent};
pub use super::configured::{ConfigChange, ConfigEvent};
pub use super::receipt::{ReplayEvent, Wish};
pub use super::refusal::Refusal;
use crate::call::CallEvent;
use crate::daybook::DayLedger;
use crate::device_command::CommandEvent;
use crate::id::{AlarmId, DeviceId, Epoch, PointId, Seq, UplinkId};
use crate::interlock::InterlockEvent;
use crate::link::LinkFault;
use crate::reading::Reading;
use crate::upkeep::UpkeepEvent;
use crate::upkeep::share::DayShares;
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
            | Body::ClockStep(_)
            | Body::Handling(_)
            | Body::Shelving(_)
            | Body::Bypass(_)
            | Body::Interlock(_)
            | Body::Upkeep(_)
            | Body::Shares(_)
            | Body::Call(_)
            | Body::Ledger(_)
            | Body::Replay(_)
            | Body::Manifest(_)
            | Body::Config(_)
            | Body::Command(_) => Lane::Event,
        }
    }

    /// How many readings the record holds.
    #[must_use]
    pub fn readings(&self) -> u64 {
        if let Body::Readings(readings) = &self.body { readings.len() as u64 } else { 0 }
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
    /// The first record of an epoch; another one follows when the disk answered only after the first was written.
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
    /// A person said what was done about an alarm.
    Handling(HandlingEvent),
    /// A person shelved an alarm.
    Shelving(ShelvingEvent),
    /// A bypass began or ended.
    Bypass(BypassEvent),
    /// Votes, trips and permits moved.
    Interlock(InterlockEvent),
    /// A calibration or a proof test began, went on or ended.
    Upkeep(Box<UpkeepEvent>),
    /// The standing figures of a whole day.
    Shares(DayShares),
    /// 叫应: a call was opened, carried, answered or given up.
    Call(CallEvent),
    /// 日对账: the sums of a day.
    Ledger(Box<DayLedger>),
    /// 重传: a time that a platform asked for is sent again, or was.
    Replay(ReplayEvent),
    /// 存证清单: what the journal's hash chains had come to.
    Manifest(Box<Manifest>),
    /// 配置变更: the configuration was changed, confirmed or taken back.
    Config(Box<ConfigEvent>),
    /// 命令: a named command was accepted, or its outcome is known.
    Command(Box<CommandEvent>),
}

/// The start of an epoch, and what is known of those before it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Opening {
    /// The durable ordinal of this epoch on this disk; `None` when the journal is not available.
    pub ordinal: Option<u64>,
    /// The epochs on this disk that no durable opening has named, newest first: what neither disk nor platform has of
    /// one beyond its `durable_through` is lost. See [`Self::names`].
    pub previous: Vec<PreviousEpoch>,
}

impl Opening {
    /// Earlier epochs that one opening names at most.
    pub const PREVIOUS_MAX: usize = 16;

    /// Which of the epochs `before`, newest first, an opening has to name: all back to where the chain ends.
    ///
    /// An epoch without records named nobody on disk, and a platform may have had records of it that never became
    /// durable. Beyond the bound the oldest go unnamed, except for the one at which the chain ends.
    #[must_use]
    pub fn names(before: impl Iterator<Item = (PreviousEpoch, Chain)>) -> Vec<PreviousEpoch> {
        let mut named = Vec::new();
        for (previous, chain) in before {
            named.truncate(Self::PREVIOUS_MAX - 1);
            named.push(previous);
            if chain == Chain::Ends {
                break;
            }
        }
        named
    }
}

/// Whether an opening that names an epoch has to name those before it too.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Chain {
    /// No: the epoch's own opening did, and is on disk.
    Ends,
    /// Yes: its opening is not on disk, or was written before the disk had answered and names nobody.
    GoesOn,
}

impl Chain {
    /// What an epoch's first record on disk says of it.
    #[must_use]
    pub const fn at(first: Option<&Record>) -> Self {
        match first {
            Some(Record { body: Body::Opening(Opening { ordinal: Some(_), .. }), .. }) => Self::Ends,
            Some(_) | None => Self::GoesOn,
        }
    }
}

/// How an earlier epoch ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PreviousEpoch {
    /// The epoch.
    pub epoch: Epoch,
    /// Its last record on disk; 0 when there is none.
    pub durable_through: Seq,
}

/// Where an alarm stands (ISA-18.2-2016 §5.4 / IEC 62682 alarm states A to I).
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
    /// 搁置: put aside by a person for a limited time.
    Shelved,
    /// 设计抑制: put aside by the plant's logic.
    Suppressed,
    /// 退出服务: its point is bypassed or under maintenance.
    OutOfService,
}

impl AlarmState {
    /// Whether it is put aside.
    #[must_use]
    pub const fn is_aside(self) -> bool {
        matches!(self, Self::Shelved | Self::Suppressed | Self::OutOfService)
    }

    /// Whether nobody has acknowledged it.
    #[must_use]
    pub const fn is_unacked(self) -> bool {
        matches!(self, Self::Unacked | Self::RtnUnacked | Self::LatchedUnacked)
    }
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

impl AlarmEvent {
    /// Whether people are told of it anew: it was raised, or is back from being put aside and nobody has acknowledged it.
    #[must_use]
    pub const fn announces(&self) -> bool {
        matches!(self.to, AlarmState::Unacked) || (self.from.is_aside() && self.to.is_unacked())
    }
}

/// A device's change of health.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DeviceEvent {
    /// The device.
    pub device: DeviceId,
    /// `None`: it answers again. Otherwise how it failed last.
    pub fault: Option<LinkFault>,
}

/// What a person can do to alarms at once, by a button or by name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Verb {
    /// 消音: the horn is quiet until the next alarm.
    Silence,
    /// 确认: the alarm is known to somebody.
    Acknowledge,
    /// 复位: a latched alarm is released.
    Reset,
    /// 掉电保持复位: a person has looked at the plant after retentive memory was lost.
    ResetRetentive,
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

/// 处置原因: what was behind an alarm, as the person on site found it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Cause {
    /// 真实险情: gas leaked, dust burned.
    Hazard,
    /// 工艺波动: the process left its band.
    Upset,
    /// 检维修: work on the plant.
    Maintenance,
    /// 设备故障: detector, line or relay.
    Equipment,
    /// 误报: nothing was there.
    FalseAlarm,
    /// 测试: a drill, a proof test, a calibration.
    Test,
}

/// 处置: what was done about an alarm.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HandlingEvent {
    /// The alarm.
    pub alarm: AlarmId,
    /// Who.
    pub actor: String,
    /// What was behind it.
    pub cause: Cause,
    /// What was done.
    pub note: String,
}

/// 搁置: an alarm was put aside for a time, or taken back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ShelvingEvent {
    /// The alarm.
    pub alarm: AlarmId,
    /// Who.
    pub actor: String,
    /// For how long; `None` when it was taken back before its time.
    pub lasts: Option<Duration>,
    /// Why.
    pub note: String,
}

/// 旁路: a point was taken out of service, or is back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BypassEvent {
    /// The point.
    pub point: PointId,
    /// What happened.
    pub change: BypassChange,
    /// Who; the one who began it where it ended by itself.
    pub actor: String,
    /// Who approved it.
    pub approver: String,
    /// Why.
    pub reason: String,
}

/// What happened to a bypass.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BypassChange {
    /// It began.
    Begun {
        /// It ends by itself after this time.
        lasts: Duration,
    },
    /// Somebody ended it.
    Ended,
    /// Its time was over: the point is armed again.
    Expired,
    /// The gateway restarted and could not tell how much of its time was left: the point is armed again.
    Rearmed,
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

/// What the journal's hash chains had come to, signed, so that whoever has it can tell later whether a record was changed.
/// Written and understood outside; here it is a text.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Manifest {
    /// One statement a line.
    pub text: String,
    /// Ed25519 (RFC 8032) over the text's bytes, 128 hexadecimal digits; empty when the gateway had no key.
    pub signature: String,
    /// The public key, 64 hexadecimal digits; empty when the gateway had none.
    pub key: String,
}

/// The wall clock jumped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ClockStep {
    /// What it would have read.
    pub from: Utc,
    /// What it reads.
    pub to: Utc,
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    const ENDS: Chain = Chain::Ends;
    const GOES_ON: Chain = Chain::GoesOn;

    #[test]
    fn an_opening_names_all_epochs_back_to_where_the_chain_ends() {
        assert_eq!(names(&[]), []);
        assert_eq!(names(&[(9, ENDS), (8, ENDS)]), [9]);
        assert_eq!(names(&[(9, GOES_ON), (8, GOES_ON), (7, ENDS), (6, GOES_ON)]), [9, 8, 7]);
        assert_eq!(names(&[(9, GOES_ON), (8, GOES_ON)]), [9, 8]);
    }

    #[test]
    fn beyond_its_bound_an_opening_still_names_the_epoch_at_which_the_chain_ends() {
        let mut before: Vec<_> = (61..=100).rev().map(|epoch| (epoch, GOES_ON)).collect();
        before.extend([(60, ENDS), (59, ENDS)]);
        let youngest: Vec<_> = (86..=100).rev().collect();
        assert_eq!(names(&before), [youngest, vec![60]].concat());
    }

    #[test]
    fn the_chain_ends_at_an_opening_that_was_written_when_the_disk_had_answered() {
        let record = |body| Record { seq: Seq(1), stamp: Stamp::default(), body };
        let opening = |ordinal| record(Body::Opening(Opening { ordinal, previous: Vec::new() }));
        assert_eq!(Chain::at(Some(&opening(Some(7)))), ENDS);
        assert_eq!(Chain::at(Some(&opening(None))), GOES_ON);
        assert_eq!(Chain::at(Some(&record(Body::Readings(Vec::new())))), GOES_ON);
        assert_eq!(Chain::at(None), GOES_ON);
    }

    fn names(before: &[(u64, Chain)]) -> Vec<u64> {
        let before = before
            .iter()
            .map(|&(epoch, chain)| (PreviousEpoch { epoch: Epoch(epoch), durable_through: Seq(0) }, chain));
        Opening::names(before).iter().map(|named| named.epoch.0).collect()
    }
}
