//! Alarms: what makes one, where it stands, and who has seen it.

mod machine;
mod spec;

pub use machine::{Alarm, AlarmInput, step};
pub use spec::{AlarmKind, AlarmSpec, Priority};
