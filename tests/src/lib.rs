//! The world in which the shipped logic runs under faults: simulated plant, lines, disk and broker on one virtual clock; the
//! contract that every real message must keep; and a disk whose power can be cut.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod contract;
pub mod power;
pub mod rng;
pub mod tools;
pub mod world;
