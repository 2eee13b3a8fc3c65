//! The daemon carries what the core decides: Modbus in, outputs and records out. Only `run` sees more than one adapter.

pub mod cli;
pub mod clock;
pub mod config;
pub mod control;
#[cfg(feature = "demo")]
pub mod demo;
pub mod dictionary;
pub mod journal;
pub mod modbus;
pub mod observe;
pub mod panel;
pub mod points;
pub mod retentive;
pub mod run;
pub mod settings;
pub mod tls;
pub mod trial;
pub mod uplink;
pub mod webhook;
mod words;
