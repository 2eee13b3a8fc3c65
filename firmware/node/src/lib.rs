//! The sensor/alarm node: measures, alarms locally with or without a gateway, and answers as a Modbus slave.
//!
//! It never waits, never allocates and has no path that panics; the board brings pins, converter, clock and port.
#![no_std]
#![cfg_attr(
    not(test),
    deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)
)]

#[cfg(test)]
extern crate std;

pub mod alarm;
pub mod channel;
pub mod hal;
pub mod node;
pub mod relay;
pub mod rtu;

mod fitted;
mod registers;
#[cfg(test)]
mod tests;

pub use alarm::{ChannelAlarm, Limits, RawLimits};
pub use channel::{Calibration, Filter, Measurement, Sampler};
pub use hal::{AnalogIn, AnalogReading, Clock, Watchdog};
pub use node::{Button, ChannelSettings, Led, Node, NodeSettings, Outputs, Refused, Relays};
pub use relay::Relay;
pub use rtu::{Bits, Exception, Registers, Slave, Words, answer};
