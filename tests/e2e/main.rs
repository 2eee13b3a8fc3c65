//! End to end: the real binary between programs that this project did not write: pymodbus devices over TCP and over a serial
//! pair, and mosquitto, plain and with client certificates. Every message is checked against the contract's schemas.
//!
//! A tool that is absent skips its tests, saying so; with `HAZARD_REQUIRE_TOOLS=1` it fails them.
#![cfg(test)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod agent;
mod broker;
mod calls;
mod commands;
mod configuration;
mod confirmation;
mod device;
mod disk;
mod doctor;
mod emulator;
mod endurance;
mod evidence;
mod firmware;
mod forwarding;
mod interlocks;
mod last_good;
mod line;
mod lines;
mod master;
mod node_commands;
mod operations;
mod people;
mod plant;
mod platform;
mod points;
mod power;
mod siege;
mod soak;
mod story;
mod ticker;
mod tools;
mod turns;
mod upkeep;
