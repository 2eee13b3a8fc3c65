//! What became of a command: the audit trail.

use alloc::string::String;
use core::time::Duration;

use crate::Value;
use crate::id::DeviceCommandId;
use crate::link::LinkFault;

/// A step in the life of one command.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CommandEvent {
    /// Which command.
    pub command: DeviceCommandId,
    /// Which of those that were accepted in this epoch, from 1; of the epoch before where a restart lost it.
    pub nth: u64,
    /// What happened.
    pub change: CommandChange,
    /// What was to be written, in the command's unit.
    pub value: Value,
    /// Who.
    pub actor: String,
    /// Who approved it; empty where nobody had to.
    pub approver: String,
    /// Why.
    pub note: String,
}

/// What happened to a command. `before` is what stood there until then, where that could be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CommandChange {
    /// It waits for its turn on the line.
    Accepted {
        /// After this time it is not sent any more.
        deadline: Duration,
    },
    /// The device has it.
    Done {
        /// What stood there before.
        before: Option<Value>,
        /// What was read back; `None` where nothing can be, so that the device's echo is all there is.
        read_back: Option<Value>,
    },
    /// 不一致: something was sent, and the device does not show it.
    Unverified {
        /// What stood there before.
        before: Option<Value>,
        /// What it shows.
        read_back: Option<Value>,
        /// Why nothing, or nothing more, could be learnt.
        fault: Option<LinkFault>,
    },
    /// Nothing was written.
    Failed {
        /// What stands there.
        before: Option<Value>,
        /// Why.
        why: CommandFailure,
    },
    /// The agent ended before the outcome was known. It is not carried out later.
    Lost,
}

/// Why nothing was written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CommandFailure {
    /// The device refused, or could not be reached.
    Link(LinkFault),
    /// Its time was over before the line was free.
    Expired,
}
