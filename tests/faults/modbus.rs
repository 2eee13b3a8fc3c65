//! Faults of the Modbus adapter: a device may answer late, wrongly, twice or not at all; none of it becomes a value.

mod device;
mod late;
mod line;
mod random;
mod replies;
mod rig;
