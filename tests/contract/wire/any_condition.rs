//! Any condition, of whatever it is about.

use hazard_core::id::{
    AlarmId, BusId, DeviceId, KeyPeriodId, OutputId, PointId, RoleId, SafeguardId, UpkeepId, UplinkId,
};
use hazard_core::outbox::record::Condition;
use proptest::prelude::*;

pub(super) fn condition() -> impl Strategy<Value = Condition> {
    (0..30, 0..3_u16).prop_map(|(which, id)| match which {
        0 => Condition::JournalDown,
        1 => Condition::JournalBehind,
        2 => Condition::UplinkDown(UplinkId(id.to_le_bytes()[0])),
        3 => Condition::OutputFault(OutputId(id)),
        4 => Condition::BusDown(BusId(id)),
        5 => Condition::BusOverrun(BusId(id)),
        6 => Condition::ClockUntrusted,
        7 => Condition::AlarmFlood,
        8 => Condition::AlarmChatter(AlarmId(id.into())),
        9 => Condition::SafeguardAbsent(SafeguardId(id)),
        10 => Condition::DelayExceeded(BusId(id)),
        11 => Condition::UpkeepDue(UpkeepId(id)),
        12 => Condition::UpkeepFailing(UpkeepId(id)),
        13 => Condition::KeyPeriod(KeyPeriodId(id)),
        14 => Condition::CallFailed(RoleId(id)),
        15 => Condition::JournalFull,
        16 => Condition::ReceiptsMissing(UplinkId(id.to_le_bytes()[0])),
        17 => Condition::SensorFailure(PointId(id.into())),
        18 => Condition::SensorCheck(PointId(id.into())),
        19 => Condition::SensorCheckOverdue(PointId(id.into())),
        20 => Condition::SensorOutOfSpecification(PointId(id.into())),
        21 => Condition::SensorMaintenance(PointId(id.into())),
        22 => Condition::RetentiveLost,
        23 => Condition::SiteFileInvalid,
        24 => Condition::OutputUnverified(OutputId(id)),
        25 => Condition::ButtonStuck(PointId(id.into())),
        26 => Condition::ButtonFlapping(PointId(id.into())),
        27 => Condition::SensorIntermittent(PointId(id.into())),
        28 => Condition::DeviceIntermittent(DeviceId(id)),
        _ => Condition::RetentiveDown,
    })
}
