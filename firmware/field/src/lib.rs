//! What the gateway and the sensor node share: time, value, unit, status, set-point comparison, register map and CRC.
//!
//! It decides nothing by itself and imports nothing, so the same comparison runs on a gateway and on a microcontroller.
#![no_std]
#![cfg_attr(
    not(test),
    deny(
        clippy::indexing_slicing,
        clippy::string_slice,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::unreachable
    )
)]

pub mod crc;
pub mod map;
pub mod polarity;
pub mod status;
pub mod threshold;
pub mod time;
pub mod unit;
pub mod value;

pub use crc::{Crc32, crc16, crc32};
pub use polarity::Polarity;
pub use status::{Category, Status};
pub use threshold::{Phase, Side, Threshold};
pub use time::{ClockTrust, Mono, Stamp, Utc};
pub use unit::Unit;
pub use value::Value;
