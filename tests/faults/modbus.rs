//! Faults of the Modbus adapter: a device may answer late, wrongly, twice or not at all; none of it becomes a value.
#![allow(clippy::unwrap_used, clippy::panic, reason = "clippy exempts #[test] functions, not what they call")]

mod device;
mod diagnosis;
mod late;
mod line;
mod random;
mod replies;
mod rig;
