//! The daemon carries what the core decides: Modbus in, outputs and records out. Only `run` sees more than one adapter.

pub mod cli;
pub mod config;
#[cfg(feature = "demo")]
pub mod demo;
pub mod dictionary;
pub mod journal;
pub mod modbus;
pub mod settings;
pub mod uplink;
