//! Alarms: what makes one, where it stands, and who has seen it.

mod spec;

pub use spec::{AlarmKind, AlarmSpec, Priority};
