//! The events of [`super::mirror`], there and back.

use hazard_core::id::{AlarmId, BusId, Epoch, OutputId, SafeguardId, Seq, UplinkId};
use hazard_core::outbox::record as core;

use super::codec::NotRecords;
use super::mirror::{ActionEvent, AlarmEvent, Condition, Loss, bounded, cut, finite};

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
            core::Condition::SafeguardAbsent(safeguard) => Self::SafeguardAbsent(safeguard.0),
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
            Condition::SafeguardAbsent(safeguard) => Self::SafeguardAbsent(SafeguardId(safeguard)),
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
