//! The engine that decides: what to ask of which device and when, what the answers mean, what must sound, and what the
//! district still has to learn. It cannot wait and cannot fail: time and results come in as arguments, requests go out as
//! [`Output`]s.
#![no_std]

extern crate alloc;

pub mod alarm;
#[cfg(test)]
mod among_others_tests;
pub mod annunciate;
pub mod assist;
#[cfg(test)]
mod assist_tests;
mod button;
pub mod bypass;
#[cfg(test)]
mod bypass_tests;
pub mod call;
mod command;
#[cfg(test)]
mod command_tests;
pub mod daybook;
#[cfg(test)]
mod daybook_tests;
mod deadline;
pub mod decode;
#[cfg(test)]
mod delay_tests;
pub mod device_command;
pub mod duty;
#[cfg(test)]
mod duty_tests;
mod engine;
#[cfg(test)]
mod engine_tests;
pub mod figures;
#[cfg(test)]
mod fixture;
pub mod id;
pub mod input;
pub mod interlock;
pub mod link;
pub mod outbox;
pub mod output;
pub mod period;
#[cfg(test)]
mod period_tests;
pub mod person;
mod plant;
pub mod point;
pub mod poll;
pub mod reading;
pub mod retentive;
mod sensing;
#[cfg(test)]
mod sensing_tests;
pub mod sensor;
pub mod site;
pub mod snapshot;
pub mod table;
mod tend;
#[cfg(test)]
mod tend_tests;
#[cfg(test)]
mod underway_tests;
pub mod upkeep;
pub mod vote;
mod wall;
mod watch;

pub use engine::{Engine, Start};
pub use hazard_field::{Category, ClockTrust, Mono, Phase, Polarity, Side, Stamp, Threshold, Utc, Value};
pub use input::Input;
pub use output::{Output, Publish};
pub use site::{Site, SiteTables};
pub use snapshot::Snapshot;
pub use wall::ClockOffset;
