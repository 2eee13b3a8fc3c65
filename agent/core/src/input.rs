//! Everything that can happen to the engine.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use crate::call::CallReport;
use crate::id::{
    AlarmId, AttemptId, BusId, DeviceCommandId, Epoch, MessageId, OutputId, PointId, Seq, Ticket, TripId,
    UpkeepId, UplinkId, VoteId,
};
use crate::link::{LinkFault, ReadResult};
use crate::outbox::receipt::{Receipt, Request};
use crate::outbox::record::{Cause, Manifest, PreviousEpoch, Record, Refusal, Verb};
use crate::outbox::{AckedSet, Count, Lane};
use crate::upkeep::{Evidence, Mark};
use crate::{ClockTrust, Utc, Value};

/// Something happened.
#[derive(Debug)]
pub enum Input {
    /// A read came back.
    Reply {
        /// Where.
        bus: BusId,
        /// Which request.
        ticket: Ticket,
        /// What came of it.
        result: ReadResult,
    },
    /// A write came back.
    Written {
        /// Where.
        bus: BusId,
        /// Which request.
        ticket: Ticket,
        /// What came of it.
        result: Result<(), LinkFault>,
    },
    /// A line of the gateway's own was driven, or could not be.
    Driven {
        /// Which output.
        output: OutputId,
        /// What came of it.
        result: Result<(), LinkFault>,
    },
    /// The journal reports.
    Journal(JournalReport),
    /// An uplink reports.
    Uplink {
        /// Which.
        uplink: UplinkId,
        /// What.
        report: UplinkReport,
    },
    /// What became of an order to call somebody.
    Call {
        /// Which.
        attempt: AttemptId,
        /// What.
        report: CallReport,
    },
    /// The wall clock was read.
    Clock {
        /// What it reads.
        utc: Utc,
        /// How far it can be believed.
        trust: ClockTrust,
    },
}

/// What the journal says.
#[derive(Debug)]
pub enum JournalReport {
    /// It is open and takes records of `epoch`.
    Opened {
        /// The epoch whose records it takes: the one the engine was started with, or the one of [`crate::Output::Reopen`].
        epoch: Epoch,
        /// The durable ordinal of that epoch.
        ordinal: u64,
        /// How the epochs before ended, as [`Opening::previous`] has it.
        ///
        /// [`Opening::previous`]: crate::outbox::record::Opening::previous
        previous: Vec<PreviousEpoch>,
        /// Earlier epochs with records that an uplink may not have had, oldest first.
        past: Vec<PastEpoch>,
    },
    /// All records of the current epoch up to `through` survive a power cut.
    Durable {
        /// The last durable one.
        through: Seq,
    },
    /// It cannot be opened or written. Records that were appended and are not durable are gone from it.
    Failed,
    /// Records for an uplink's back-fill.
    Fetched {
        /// For whom.
        uplink: UplinkId,
        /// Of which epoch.
        epoch: Epoch,
        /// Of which lane.
        lane: Lane,
        /// The last number that was looked at: every record of the lane from the request's `first` to here is in
        /// `records` or not in the journal.
        through: Seq,
        /// In ascending order.
        records: Vec<Arc<Record>>,
        /// Spans of the lane up to `through` that were there and cannot be read any more, each with its number of records.
        damaged: Vec<(Seq, Seq, u64)>,
    },
    /// Records left the journal because it may not grow further or keep them longer, oldest first.
    ///
    /// What is gone of the epochs that an opening found is said again after [`Self::Opened`]: a power cut may have come before
    /// anybody had written down what was lost.
    Purged {
        /// Their lane.
        lane: Lane,
        /// Their epoch.
        epoch: Epoch,
        /// The first one.
        first: Seq,
        /// The last one: nothing of the lane is left from `first` to here.
        last: Seq,
        /// How many.
        count: Count,
        /// It was gone before this opening.
        again: bool,
    },
    /// Records that were durable cannot be read any more; whoever asks for them is told so by [`Self::Fetched`].
    Damaged {
        /// Their lane.
        lane: Lane,
        /// Their epoch.
        epoch: Epoch,
        /// They lie from here …
        first: Seq,
        /// … to here.
        last: Seq,
        /// How many.
        count: Count,
    },
    /// Where records of a time may be, for an uplink's replay.
    Located {
        /// For whom.
        uplink: UplinkId,
        /// First and last number by epoch and lane, all records of the time among them and others too.
        spans: Vec<(Epoch, Lane, Seq, Seq)>,
    },
    /// What its hash chains have come to; becomes a record, so that a platform holds it.
    Manifest(Manifest),
}

/// An epoch before the current one.
#[derive(Clone, Debug)]
pub struct PastEpoch {
    /// The epoch.
    pub epoch: Epoch,
    /// Its last record on disk.
    pub last: Seq,
    /// What each uplink, in site order, has confirmed of it, event lane then reading lane.
    pub acked: Vec<[AckedSet; 2]>,
}

/// What an uplink says.
#[derive(Debug)]
pub enum UplinkReport {
    /// The connection stands; nothing is in flight.
    Up,
    /// The connection is gone; nothing that was in flight is confirmed.
    Down,
    /// The platform has this message.
    Acked(MessageId),
    /// The platform will never take this message: it is a stated loss.
    Rejected(MessageId),
    /// The platform says what it has.
    Receipt(Receipt),
    /// The platform asks for something; nothing that it can ask for is more than sending.
    Request(Request),
    /// So many times it said what nobody can read.
    Unread(u32),
}

/// What a person asks for; answered by [`crate::Engine::command`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Command {
    /// Who asks.
    pub actor: String,
    /// What for.
    pub action: Action,
    /// The actor's words.
    pub note: String,
}

/// What people can do. Silencing, acknowledging, handling and resetting are four things and never one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Action {
    /// 消音, 确认 or 复位 one alarm; `None` for all that it applies to.
    Act(Verb, Option<AlarmId>),
    /// The same for all alarms as somebody was shown them, and for none that was raised since.
    ActOnShown {
        /// Which.
        verb: Verb,
        /// [`crate::Snapshot::revision`] of what was shown.
        revision: u64,
    },
    /// 处置: say what was behind an alarm; the note says what was done.
    Handle(AlarmId, Cause),
    /// 搁置 an alarm for a time; the note says why.
    Shelve(AlarmId, Duration),
    /// Take a shelved alarm back.
    Unshelve(AlarmId),
    /// 旁路 a point; the note says why.
    Bypass {
        /// The point.
        point: PointId,
        /// Who approved it.
        approver: String,
        /// After this time it ends by itself.
        lasts: Duration,
    },
    /// The same where a vote of several detectors has none left with it: another person has approved that no more of it sees.
    BypassWholeVote {
        /// The point.
        point: PointId,
        /// Who approved it, another person.
        approver: String,
        /// After this time it ends by itself.
        lasts: Duration,
    },
    /// End a bypass.
    EndBypass(PointId),
    /// 联锁复位: make a trip ready again.
    ResetTrip(TripId),
    /// 掉电保持复位: what stood before the restart is not known, and somebody has looked; the note says what was found.
    ResetRetentive,
    /// Begin a calibration or a proof test; the note says why and with which bottle.
    BeginTest {
        /// Which duty.
        upkeep: UpkeepId,
        /// Who approved it; an interlock point needs another person.
        approver: Option<String>,
        /// What the point should read under test.
        applied: Option<Value>,
    },
    /// Gas on, gas off.
    MarkTest(UpkeepId, Mark),
    /// Finish a test and judge it.
    FinishTest(UpkeepId),
    /// Give a test up.
    AbortTest(UpkeepId),
    /// 命令: write what a named command says to its device; the note says why.
    Send {
        /// Which command.
        command: DeviceCommandId,
        /// What to write, where the caller says it.
        value: Option<Value>,
        /// Who approved it; empty where nobody has to.
        approver: String,
    },
    /// 应答: somebody has heard the call for an alarm and sees to it. The alarm stays unacknowledged.
    Answer(AlarmId),
}

/// What came of a command.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Answer {
    /// How many alarms or points it changed; a named command that was accepted counts as one.
    pub changed: u32,
    /// The alarms that were silenced, acknowledged or reset.
    pub alarms: Vec<AlarmId>,
    /// What it did not change, and why not.
    pub refused: Vec<(Subject, Refusal)>,
    /// The test that it ended.
    pub evidence: Option<Box<Evidence>>,
}

/// What a command was about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Subject {
    /// An alarm.
    Alarm(AlarmId),
    /// A point.
    Point(PointId),
    /// A vote.
    Vote(VoteId),
    /// A trip.
    Trip(TripId),
    /// A duty of upkeep.
    Upkeep(UpkeepId),
    /// A named command.
    DeviceCommand(DeviceCommandId),
    /// Retentive memory.
    Retentive,
}
