//! What the health of sensors says to the platform.

use hazard_core::id::PointId;
use hazard_core::outbox::record::{Body, Condition, SystemEvent};
use hazard_core::reading::{Doubt, NoData, Quantity, Reading, Sample};

use super::sample;

/// What the health of a sensor makes of its readings.
pub(super) fn readings() -> Vec<Reading> {
    let doubts = [Doubt::FunctionCheck, Doubt::OverRangeHeld];
    let suspect = |doubt| Sample::Suspect(Quantity::Number(sample::value(12.5)), doubt);
    let reasons = [NoData::CurrentLow, NoData::CurrentHigh, NoData::SensorFailure, NoData::CheckOverdue];
    let samples = doubts.map(suspect).into_iter().chain(reasons.map(Sample::Bad));
    samples.map(|sample| Reading { point: PointId(0), sample }).collect()
}

/// A sensor through all categories of NE 107.
pub(super) fn conditions() -> Vec<Body> {
    let all: [fn(PointId) -> Condition; 5] = [
        Condition::SensorMaintenance,
        Condition::SensorOutOfSpecification,
        Condition::SensorCheck,
        Condition::SensorCheckOverdue,
        Condition::SensorFailure,
    ];
    let system = |condition, raised| Body::System(SystemEvent { condition, raised });
    all.into_iter().flat_map(|of| [true, false].map(|raised| system(of(PointId(0)), raised))).collect()
}
