//! What calls did, there and back; see [`super::mirror`].

use std::time::Duration;

use hazard_core::alarm;
use hazard_core::call as core;
use hazard_core::id::{AlarmId, AttemptId, RoleId};
use serde::{Deserialize, Serialize};

use super::codec::NotRecords;
use super::mirror::{bounded, cut, plain};
use super::mirror_event::millis;

plain!(Priority = alarm::Priority { Low, Medium, High, Critical });
plain!(Withheld = alarm::Withheld { Shelved, Suppressed, OutOfService });
plain!(DeliveryFault = core::DeliveryFault { Unreachable, Refused, Crowded, Unreported });

#[derive(Serialize, Deserialize)]
pub(super) struct CallEvent {
    change: Change,
    note: String,
}

#[derive(Serialize, Deserialize)]
enum Change {
    Opened { alarm: u32, priority: Priority },
    Ordered { attempt: u64, role: u16, alarms: Vec<Told> },
    Delivered { attempt: u64, role: u16 },
    Failed { attempt: u64, role: u16, fault: DeliveryFault, moved_on: Vec<u32> },
    Answered { alarm: u32, by: String, how: How, after_ms: u64 },
    Withdrawn { alarm: u32, why: Withdrawal },
    Exhausted { alarm: u32, repeats_left: u8 },
}

#[derive(Serialize, Deserialize)]
struct Told {
    alarm: u32,
    priority: Priority,
    rung: u8,
    nth: u32,
}

#[derive(Serialize, Deserialize)]
enum How {
    Acknowledged,
    Said { role: Option<u16>, channel: String },
}

#[derive(Serialize, Deserialize)]
enum Withdrawal {
    Withheld(Withheld),
    Gone,
}

impl From<&core::CallEvent> for CallEvent {
    fn from(event: &core::CallEvent) -> Self {
        Self { change: (&event.change).into(), note: cut(&event.note) }
    }
}

impl TryFrom<CallEvent> for core::CallEvent {
    type Error = NotRecords;

    fn try_from(event: CallEvent) -> Result<Self, NotRecords> {
        Ok(Self { change: event.change.try_into()?, note: bounded(event.note)? })
    }
}

impl From<&core::Change> for Change {
    fn from(change: &core::Change) -> Self {
        match change {
            core::Change::Opened { alarm, priority } => {
                Self::Opened { alarm: alarm.0, priority: (*priority).into() }
            }
            core::Change::Ordered(order) => Self::Ordered {
                attempt: order.attempt.0,
                role: order.role.0,
                alarms: order.alarms.iter().map(|told| (*told).into()).collect(),
            },
            core::Change::Delivered { attempt, role } => Self::Delivered { attempt: attempt.0, role: role.0 },
            core::Change::Failed { attempt, role, fault, moved_on } => Self::Failed {
                attempt: attempt.0,
                role: role.0,
                fault: (*fault).into(),
                moved_on: moved_on.iter().map(|alarm| alarm.0).collect(),
            },
            core::Change::Answered { alarm, by, how, after } => {
                Self::Answered { alarm: alarm.0, by: cut(by), how: how.into(), after_ms: millis(*after) }
            }
            core::Change::Withdrawn { alarm, why } => Self::Withdrawn { alarm: alarm.0, why: (*why).into() },
            core::Change::Exhausted { alarm, repeats_left } => {
                Self::Exhausted { alarm: alarm.0, repeats_left: *repeats_left }
            }
        }
    }
}

impl TryFrom<Change> for core::Change {
    type Error = NotRecords;

    fn try_from(change: Change) -> Result<Self, NotRecords> {
        Ok(match change {
            Change::Opened { alarm, priority } => {
                Self::Opened { alarm: AlarmId(alarm), priority: priority.into() }
            }
            Change::Ordered { attempt, role, alarms } => Self::Ordered(core::Order {
                attempt: AttemptId(attempt),
                role: RoleId(role),
                alarms: alarms.into_iter().map(Into::into).collect(),
            }),
            Change::Delivered { attempt, role } => {
                Self::Delivered { attempt: AttemptId(attempt), role: RoleId(role) }
            }
            Change::Failed { attempt, role, fault, moved_on } => Self::Failed {
                attempt: AttemptId(attempt),
                role: RoleId(role),
                fault: fault.into(),
                moved_on: moved_on.into_iter().map(AlarmId).collect(),
            },
            Change::Answered { alarm, by, how, after_ms } => Self::Answered {
                alarm: AlarmId(alarm),
                by: bounded(by)?.into(),
                how: how.try_into()?,
                after: Duration::from_millis(after_ms),
            },
            Change::Withdrawn { alarm, why } => Self::Withdrawn { alarm: AlarmId(alarm), why: why.into() },
            Change::Exhausted { alarm, repeats_left } => {
                Self::Exhausted { alarm: AlarmId(alarm), repeats_left }
            }
        })
    }
}

impl From<core::Told> for Told {
    fn from(told: core::Told) -> Self {
        let core::Told { alarm, priority, rung, nth } = told;
        Self { alarm: alarm.0, priority: priority.into(), rung, nth }
    }
}

impl From<Told> for core::Told {
    fn from(told: Told) -> Self {
        let Told { alarm, priority, rung, nth } = told;
        Self { alarm: AlarmId(alarm), priority: priority.into(), rung, nth }
    }
}

impl From<&core::How> for How {
    fn from(how: &core::How) -> Self {
        match how {
            core::How::Acknowledged => Self::Acknowledged,
            core::How::Said { role, channel } => {
                Self::Said { role: role.map(|role| role.0), channel: cut(channel) }
            }
        }
    }
}

impl TryFrom<How> for core::How {
    type Error = NotRecords;

    fn try_from(how: How) -> Result<Self, NotRecords> {
        Ok(match how {
            How::Acknowledged => Self::Acknowledged,
            How::Said { role, channel } => {
                Self::Said { role: role.map(RoleId), channel: bounded(channel)?.into() }
            }
        })
    }
}

impl From<core::Withdrawal> for Withdrawal {
    fn from(why: core::Withdrawal) -> Self {
        match why {
            core::Withdrawal::Withheld(why) => Self::Withheld(why.into()),
            core::Withdrawal::Gone => Self::Gone,
        }
    }
}

impl From<Withdrawal> for core::Withdrawal {
    fn from(why: Withdrawal) -> Self {
        match why {
            Withdrawal::Withheld(why) => Self::Withheld(why.into()),
            Withdrawal::Gone => Self::Gone,
        }
    }
}
