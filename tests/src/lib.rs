//! The world in which the shipped logic runs under faults: simulated plant, lines, disk and broker on one virtual clock, and
//! the contract that every real message must keep.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod contract;
pub mod rng;
pub mod world;
