//! The sensor/alarm node: measures, alarms locally with or without a gateway, and answers as a Modbus slave.
//!
//! It never waits, never allocates and has no path that panics; the board brings pins, converter, clock and port.
#![no_std]
#![cfg_attr(
    not(test),
    deny(
        clippy::indexing_slicing,
        clippy::string_slice,
        clippy::arithmetic_side_effects,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::unreachable
    )
)]

#[cfg(test)]
extern crate std;

pub mod alarm;
pub mod button;
pub mod channel;
pub mod clock;
pub mod device;
pub mod facts;
pub mod hal;
pub mod image;
pub mod lock;
pub mod log;
pub mod node;
pub mod relay;
pub mod rtu;
pub mod selftest;
pub mod settings;
pub mod store;

mod conversions;
mod fitted;
mod registers;
#[cfg(test)]
mod tests;
mod words;
mod writes;

pub use alarm::{ChannelAlarm, Limits, RawLimits};
pub use channel::{Calibration, Filter, Measurement, Sampler};
pub use device::{Board, Device, Parts};
pub use facts::Facts;
pub use hal::{AnalogIn, AnalogReading, Clock, Flash, SelfTest, Watchdog};
pub use node::{Button, Led, Node, Outputs, Refused, Relays};
pub use relay::Relay;
pub use rtu::{Bits, Exception, Registers, Slave, Words, answer};
pub use settings::{ChannelSettings, Curve, Latch, Line, NodeSettings, OnGatewayLoss, Signal};
pub use store::{SettingsState, stored_line};
