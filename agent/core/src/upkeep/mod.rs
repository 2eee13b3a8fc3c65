//! Upkeep: calibration (标定) and proof test (功能测试) of points and of the interlock rows they trip. Decides what is due,
//! keeps the evidence of each test and judges it; never applies gas, bypasses a point or moves an output, and never takes a
//! wall clock that nobody confirms as a reason to call something fine.

#[cfg(test)]
mod bench;
mod due;
mod event;
mod evidence;
#[cfg(test)]
mod history_tests;
mod judge;
mod machine;
#[cfg(test)]
mod machine_tests;
mod running;
mod series;
pub mod share;
mod spec;

pub use due::{DAY, Due};
pub use event::UpkeepEvent;
pub use evidence::{
    AlarmSeen, Begun, Deviation, Edge, Evidence, Failure, Findings, Mark, Marks, Outcome, Seen, Span, Taken,
    Trace, TripMove, TripSeen,
};
pub use judge::find;
pub use machine::{Bounds, Change, Kept, KeptDuty, Refusal, Standing, Upkeep};
pub use series::{SAMPLES_MAX, Series};
pub use spec::{Duty, Effect, Limits, Plant, UpkeepFault, UpkeepSpec, faults};
