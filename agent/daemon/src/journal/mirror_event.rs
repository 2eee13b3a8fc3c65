//! The events of [`super::mirror`], there and back.

use std::time::Duration;

use hazard_core::Utc;
use hazard_core::id::{
    AlarmId, BusId, DeviceId, Epoch, KeyPeriodId, OutputId, PointId, RoleId, SafeguardId, Seq, UpkeepId,
    UplinkId,
};
use hazard_core::outbox::{Count, record as core};
use serde::{Deserialize, Serialize};

use super::codec::NotRecords;
use super::mirror::{
    ActionEvent, AlarmEvent, BypassChange, BypassEvent, Condition, HandlingEvent, Loss, ShelvingEvent,
    bounded, cut, finite,
};

#[derive(Serialize, Deserialize)]
pub(super) struct ReplayEvent {
    pub(super) uplink: u8,
    pub(super) id: String,
    pub(super) from_ms: i64,
    pub(super) to_ms: i64,
    /// Records and readings.
    pub(super) ended: Option<(u64, u64)>,
}

impl From<&core::AlarmEvent> for AlarmEvent {
    fn from(event: &core::AlarmEvent) -> Self {
        Self {
            alarm: event.alarm.0,
            from: event.from.into(),
            to: event.to.into(),
            value: event.value.map(hazard_core::Value::get),
            actor: event.actor.as_deref().map(cut),
        }
    }
}

impl TryFrom<AlarmEvent> for core::AlarmEvent {
    type Error = NotRecords;

    fn try_from(event: AlarmEvent) -> Result<Self, NotRecords> {
        Ok(Self {
            alarm: AlarmId(event.alarm),
            from: event.from.into(),
            to: event.to.into(),
            value: event.value.map(finite).transpose()?,
            actor: event.actor.map(bounded).transpose()?,
        })
    }
}

impl From<&core::ReplayEvent> for ReplayEvent {
    fn from(event: &core::ReplayEvent) -> Self {
        Self {
            uplink: event.uplink.0,
            id: cut(&event.wish.id),
            from_ms: event.wish.from.unix_ms(),
            to_ms: event.wish.to.unix_ms(),
            ended: event.ended.map(|count| (count.records, count.readings)),
        }
    }
}

impl TryFrom<ReplayEvent> for core::ReplayEvent {
    type Error = NotRecords;

    fn try_from(event: ReplayEvent) -> Result<Self, NotRecords> {
        let (from, to) = (Utc::from_unix_ms(event.from_ms), Utc::from_unix_ms(event.to_ms));
        Ok(Self {
            uplink: UplinkId(event.uplink),
            wish: core::Wish { id: bounded(event.id)?.into(), from, to },
            ended: event.ended.map(|(records, readings)| Count { records, readings }),
        })
    }
}

impl From<core::Condition> for Condition {
    fn from(condition: core::Condition) -> Self {
        match condition {
            core::Condition::JournalDown => Self::JournalDown,
            core::Condition::JournalBehind => Self::JournalBehind,
            core::Condition::UplinkDown(uplink) => Self::UplinkDown(uplink.0),
            core::Condition::OutputFault(output) => Self::OutputFault(output.0),
            core::Condition::BusDown(bus) => Self::BusDown(bus.0),
            core::Condition::BusOverrun(bus) => Self::BusOverrun(bus.0),
            core::Condition::ClockUntrusted => Self::ClockUntrusted,
            core::Condition::AlarmFlood => Self::AlarmFlood,
            core::Condition::AlarmChatter(alarm) => Self::AlarmChatter(alarm.0),
            core::Condition::RetentiveDown => Self::RetentiveDown,
            core::Condition::SafeguardAbsent(safeguard) => Self::SafeguardAbsent(safeguard.0),
            core::Condition::DelayExceeded(bus) => Self::DelayExceeded(bus.0),
            core::Condition::KeyPeriod(period) => Self::KeyPeriod(period.0),
            core::Condition::UpkeepDue(upkeep) => Self::UpkeepDue(upkeep.0),
            core::Condition::UpkeepFailing(upkeep) => Self::UpkeepFailing(upkeep.0),
            core::Condition::CallFailed(role) => Self::CallFailed(role.0),
            core::Condition::JournalFull => Self::JournalFull,
            core::Condition::ReceiptsMissing(uplink) => Self::ReceiptsMissing(uplink.0),
            core::Condition::SensorFailure(point) => Self::SensorFailure(point.0),
            core::Condition::SensorCheck(point) => Self::SensorCheck(point.0),
            core::Condition::SensorCheckOverdue(point) => Self::SensorCheckOverdue(point.0),
            core::Condition::SensorOutOfSpecification(point) => Self::SensorOutOfSpecification(point.0),
            core::Condition::SensorMaintenance(point) => Self::SensorMaintenance(point.0),
            core::Condition::RetentiveLost => Self::RetentiveLost,
            core::Condition::SiteFileInvalid => Self::SiteFileInvalid,
            core::Condition::OutputUnverified(output) => Self::OutputUnverified(output.0),
            core::Condition::ButtonStuck(point) => Self::ButtonStuck(point.0),
            core::Condition::ButtonFlapping(point) => Self::ButtonFlapping(point.0),
            core::Condition::SensorIntermittent(point) => Self::SensorIntermittent(point.0),
            core::Condition::DeviceIntermittent(device) => Self::DeviceIntermittent(device.0),
        }
    }
}

impl From<Condition> for core::Condition {
    fn from(condition: Condition) -> Self {
        match condition {
            Condition::JournalDown => Self::JournalDown,
            Condition::JournalBehind => Self::JournalBehind,
            Condition::UplinkDown(uplink) => Self::UplinkDown(UplinkId(uplink)),
            Condition::OutputFault(output) => Self::OutputFault(OutputId(output)),
            Condition::BusDown(bus) => Self::BusDown(BusId(bus)),
            Condition::BusOverrun(bus) => Self::BusOverrun(BusId(bus)),
            Condition::ClockUntrusted => Self::ClockUntrusted,
            Condition::AlarmFlood => Self::AlarmFlood,
            Condition::AlarmChatter(alarm) => Self::AlarmChatter(AlarmId(alarm)),
            Condition::RetentiveDown => Self::RetentiveDown,
            Condition::SafeguardAbsent(safeguard) => Self::SafeguardAbsent(SafeguardId(safeguard)),
            Condition::DelayExceeded(bus) => Self::DelayExceeded(BusId(bus)),
            Condition::KeyPeriod(period) => Self::KeyPeriod(KeyPeriodId(period)),
            Condition::UpkeepDue(upkeep) => Self::UpkeepDue(UpkeepId(upkeep)),
            Condition::UpkeepFailing(upkeep) => Self::UpkeepFailing(UpkeepId(upkeep)),
            Condition::CallFailed(role) => Self::CallFailed(RoleId(role)),
            Condition::JournalFull => Self::JournalFull,
            Condition::ReceiptsMissing(uplink) => Self::ReceiptsMissing(UplinkId(uplink)),
            Condition::SensorFailure(point) => Self::SensorFailure(PointId(point)),
            Condition::SensorCheck(point) => Self::SensorCheck(PointId(point)),
            Condition::SensorCheckOverdue(point) => Self::SensorCheckOverdue(PointId(point)),
            Condition::SensorOutOfSpecification(point) => Self::SensorOutOfSpecification(PointId(point)),
            Condition::SensorMaintenance(point) => Self::SensorMaintenance(PointId(point)),
            Condition::RetentiveLost => Self::RetentiveLost,
            Condition::SiteFileInvalid => Self::SiteFileInvalid,
            Condition::OutputUnverified(output) => Self::OutputUnverified(OutputId(output)),
            Condition::ButtonStuck(point) => Self::ButtonStuck(PointId(point)),
            Condition::ButtonFlapping(point) => Self::ButtonFlapping(PointId(point)),
            Condition::SensorIntermittent(point) => Self::SensorIntermittent(PointId(point)),
            Condition::DeviceIntermittent(device) => Self::DeviceIntermittent(DeviceId(device)),
        }
    }
}

impl From<&core::ActionEvent> for ActionEvent {
    fn from(event: &core::ActionEvent) -> Self {
        Self {
            actor: cut(&event.actor),
            verb: event.verb.into(),
            alarm: event.alarm.map(|alarm| alarm.0),
            note: cut(&event.note),
            changed: event.changed,
        }
    }
}

impl TryFrom<ActionEvent> for core::ActionEvent {
    type Error = NotRecords;

    fn try_from(event: ActionEvent) -> Result<Self, NotRecords> {
        Ok(Self {
            actor: bounded(event.actor)?,
            verb: event.verb.into(),
            alarm: event.alarm.map(AlarmId),
            note: bounded(event.note)?,
            changed: event.changed,
        })
    }
}

impl From<&core::HandlingEvent> for HandlingEvent {
    fn from(event: &core::HandlingEvent) -> Self {
        Self {
            alarm: event.alarm.0,
            actor: cut(&event.actor),
            cause: event.cause.into(),
            note: cut(&event.note),
        }
    }
}

impl TryFrom<HandlingEvent> for core::HandlingEvent {
    type Error = NotRecords;

    fn try_from(event: HandlingEvent) -> Result<Self, NotRecords> {
        Ok(Self {
            alarm: AlarmId(event.alarm),
            actor: bounded(event.actor)?,
            cause: event.cause.into(),
            note: bounded(event.note)?,
        })
    }
}

impl From<&core::ShelvingEvent> for ShelvingEvent {
    fn from(event: &core::ShelvingEvent) -> Self {
        Self {
            alarm: event.alarm.0,
            actor: cut(&event.actor),
            lasts_ms: event.lasts.map(millis),
            note: cut(&event.note),
        }
    }
}

impl TryFrom<ShelvingEvent> for core::ShelvingEvent {
    type Error = NotRecords;

    fn try_from(event: ShelvingEvent) -> Result<Self, NotRecords> {
        Ok(Self {
            alarm: AlarmId(event.alarm),
            actor: bounded(event.actor)?,
            lasts: event.lasts_ms.map(Duration::from_millis),
            note: bounded(event.note)?,
        })
    }
}

impl From<&core::BypassEvent> for BypassEvent {
    fn from(event: &core::BypassEvent) -> Self {
        Self {
            point: event.point.0,
            change: match event.change {
                core::BypassChange::Begun { lasts } => BypassChange::Begun { lasts_ms: millis(lasts) },
                core::BypassChange::Ended => BypassChange::Ended,
                core::BypassChange::Expired => BypassChange::Expired,
                core::BypassChange::Rearmed => BypassChange::Rearmed,
            },
            actor: cut(&event.actor),
            approver: cut(&event.approver),
            reason: cut(&event.reason),
        }
    }
}

impl TryFrom<BypassEvent> for core::BypassEvent {
    type Error = NotRecords;

    fn try_from(event: BypassEvent) -> Result<Self, NotRecords> {
        Ok(Self {
            point: PointId(event.point),
            change: match event.change {
                BypassChange::Begun { lasts_ms } => {
                    core::BypassChange::Begun { lasts: Duration::from_millis(lasts_ms) }
                }
                BypassChange::Ended => core::BypassChange::Ended,
                BypassChange::Expired => core::BypassChange::Expired,
                BypassChange::Rearmed => core::BypassChange::Rearmed,
            },
            actor: bounded(event.actor)?,
            approver: bounded(event.approver)?,
            reason: bounded(event.reason)?,
        })
    }
}

pub(super) fn millis(lasts: Duration) -> u64 {
    u64::try_from(lasts.as_millis()).unwrap_or(u64::MAX)
}

impl From<&core::Loss> for Loss {
    fn from(loss: &core::Loss) -> Self {
        Self {
            uplink: match loss.place {
                core::LossPlace::Journal => None,
                core::LossPlace::Uplink(uplink) => Some(uplink.0),
            },
            epoch: loss.epoch.0,
            lane: loss.lane.into(),
            first: loss.first.0,
            last: loss.last.0,
            records: loss.records,
            readings: loss.readings,
        }
    }
}

impl From<Loss> for core::Loss {
    fn from(loss: Loss) -> Self {
        Self {
            place: loss
                .uplink
                .map_or(core::LossPlace::Journal, |uplink| core::LossPlace::Uplink(UplinkId(uplink))),
            epoch: Epoch(loss.epoch),
            lane: loss.lane.into(),
            first: Seq(loss.first),
            last: Seq(loss.last),
            records: loss.records,
            readings: loss.readings,
        }
    }
}
