//! Named commands, there and back; see [`super::mirror`].

use std::time::Duration;

use hazard_core::Value;
use hazard_core::device_command as core;
use hazard_core::id::DeviceCommandId;
use serde::{Deserialize, Serialize};

use super::codec::NotRecords;
use super::mirror::{Fault, bounded, cut};
use super::mirror_event::millis;

#[derive(Serialize, Deserialize)]
pub(super) struct CommandEvent {
    command: u16,
    nth: u64,
    change: CommandChange,
    value: f64,
    actor: String,
    approver: String,
    note: String,
}

#[derive(Serialize, Deserialize)]
enum CommandChange {
    Accepted { deadline_ms: u64 },
    Done { before: Option<f64>, read_back: Option<f64> },
    Unverified { before: Option<f64>, read_back: Option<f64>, fault: Option<Fault> },
    Failed { before: Option<f64>, fault: Option<Fault> },
    Lost,
}

impl From<&core::CommandEvent> for CommandEvent {
    fn from(event: &core::CommandEvent) -> Self {
        Self {
            command: event.command.0,
            nth: event.nth,
            change: event.change.into(),
            value: event.value.get(),
            actor: cut(&event.actor),
            approver: cut(&event.approver),
            note: cut(&event.note),
        }
    }
}

impl From<core::CommandChange> for CommandChange {
    fn from(change: core::CommandChange) -> Self {
        let raw = |value: Option<Value>| value.map(Value::get);
        match change {
            core::CommandChange::Accepted { deadline } => Self::Accepted { deadline_ms: millis(deadline) },
            core::CommandChange::Done { before, read_back } => {
                Self::Done { before: raw(before), read_back: raw(read_back) }
            }
            core::CommandChange::Unverified { before, read_back, fault } => Self::Unverified {
                before: raw(before),
                read_back: raw(read_back),
                fault: fault.map(Into::into),
            },
            core::CommandChange::Failed { before, why } => Self::Failed {
                before: raw(before),
                fault: match why {
                    core::CommandFailure::Link(fault) => Some(fault.into()),
                    core::CommandFailure::Expired => None,
                },
            },
            core::CommandChange::Lost => Self::Lost,
        }
    }
}

impl TryFrom<CommandEvent> for core::CommandEvent {
    type Error = NotRecords;

    fn try_from(event: CommandEvent) -> Result<Self, NotRecords> {
        Ok(Self {
            command: DeviceCommandId(event.command),
            nth: event.nth,
            change: event.change.try_into()?,
            value: Value::try_new(event.value).ok_or(NotRecords)?,
            actor: bounded(event.actor)?,
            approver: bounded(event.approver)?,
            note: bounded(event.note)?,
        })
    }
}

impl TryFrom<CommandChange> for core::CommandChange {
    type Error = NotRecords;

    fn try_from(change: CommandChange) -> Result<Self, NotRecords> {
        let value = |raw: Option<f64>| raw.map(|raw| Value::try_new(raw).ok_or(NotRecords)).transpose();
        Ok(match change {
            CommandChange::Accepted { deadline_ms } => {
                Self::Accepted { deadline: Duration::from_millis(deadline_ms) }
            }
            CommandChange::Done { before, read_back } => {
                Self::Done { before: value(before)?, read_back: value(read_back)? }
            }
            CommandChange::Unverified { before, read_back, fault } => Self::Unverified {
                before: value(before)?,
                read_back: value(read_back)?,
                fault: fault.map(Into::into),
            },
            CommandChange::Failed { before, fault } => Self::Failed {
                before: value(before)?,
                why: fault
                    .map_or(core::CommandFailure::Expired, |fault| core::CommandFailure::Link(fault.into())),
            },
            CommandChange::Lost => Self::Lost,
        })
    }
}
