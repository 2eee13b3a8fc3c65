//! The node's firmware, loop and all, on a bench: what it does at its pins and says on its line.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test's own shapes")]

mod behaviour;
mod bench;
mod calibration;
mod cuts;
mod frames;
mod masters;
mod rng;
mod settings;
