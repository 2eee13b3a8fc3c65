//! Changes of configuration, there and back; see [`super::mirror`].

use std::time::Duration;

use hazard_core::outbox::record as core;
use serde::{Deserialize, Serialize};

use super::codec::NotRecords;
use super::mirror::{AlarmState, bounded, cut};
use super::mirror_event::millis;

#[derive(Serialize, Deserialize)]
pub(super) struct ConfigEvent {
    change: ConfigChange,
    actor: String,
    approver: String,
    note: String,
    from: String,
    to: String,
    differences: u32,
    lowered: u32,
}

#[derive(Serialize, Deserialize)]
enum ConfigChange {
    Applied { confirm_within_ms: u64 },
    Confirmed,
    RolledBack,
    Expired,
    Interrupted,
    Unplanned,
    Withdrawn { alarm: String, state: AlarmState },
}

impl From<&core::ConfigEvent> for ConfigEvent {
    fn from(event: &core::ConfigEvent) -> Self {
        Self {
            change: match &event.change {
                core::ConfigChange::Applied { confirm_within } => {
                    ConfigChange::Applied { confirm_within_ms: millis(*confirm_within) }
                }
                core::ConfigChange::Confirmed => ConfigChange::Confirmed,
                core::ConfigChange::RolledBack => ConfigChange::RolledBack,
                core::ConfigChange::Expired => ConfigChange::Expired,
                core::ConfigChange::Interrupted => ConfigChange::Interrupted,
                core::ConfigChange::Unplanned => ConfigChange::Unplanned,
                core::ConfigChange::Withdrawn { alarm, state } => {
                    ConfigChange::Withdrawn { alarm: cut(alarm), state: (*state).into() }
                }
            },
            actor: cut(&event.actor),
            approver: cut(&event.approver),
            note: cut(&event.note),
            from: cut(&event.from),
            to: cut(&event.to),
            differences: event.differences,
            lowered: event.lowered,
        }
    }
}

impl TryFrom<ConfigEvent> for core::ConfigEvent {
    type Error = NotRecords;

    fn try_from(event: ConfigEvent) -> Result<Self, NotRecords> {
        Ok(Self {
            change: match event.change {
                ConfigChange::Applied { confirm_within_ms } => {
                    core::ConfigChange::Applied { confirm_within: Duration::from_millis(confirm_within_ms) }
                }
                ConfigChange::Confirmed => core::ConfigChange::Confirmed,
                ConfigChange::RolledBack => core::ConfigChange::RolledBack,
                ConfigChange::Expired => core::ConfigChange::Expired,
                ConfigChange::Interrupted => core::ConfigChange::Interrupted,
                ConfigChange::Unplanned => core::ConfigChange::Unplanned,
                ConfigChange::Withdrawn { alarm, state } => {
                    core::ConfigChange::Withdrawn { alarm: bounded(alarm)?, state: state.into() }
                }
            },
            actor: bounded(event.actor)?,
            approver: bounded(event.approver)?,
            note: bounded(event.note)?,
            from: bounded(event.from)?,
            to: bounded(event.to)?,
            differences: event.differences,
            lowered: event.lowered,
        })
    }
}
