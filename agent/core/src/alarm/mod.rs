//! Alarms: what makes one, where it stands, and who has seen it.

pub mod flood;
mod life;
#[cfg(test)]
mod life_tests;
mod machine;
mod signal;
mod spec;

pub use life::{Alarm, Kept, Underway};
pub use machine::{AlarmInput, Withheld, step};
pub(crate) use signal::Seen;
pub use spec::{AlarmKind, AlarmSpec, Priority, Signal};
