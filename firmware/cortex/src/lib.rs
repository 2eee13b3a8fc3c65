//! What boards with a Cortex-M have in common: the test of their memory, and what a fault of the program leaves behind.
//!
//! What is tested and when is hazard-node's; pins, ports and the map of memory are the board's.
#![no_std]

#[cfg(test)]
extern crate std;

#[cfg(target_os = "none")]
mod chip;
mod last_resort;
pub mod memory;
#[cfg(any(test, target_os = "none"))]
mod words;

#[cfg(target_os = "none")]
pub use chip::{Memory, program};
#[cfg(target_os = "none")]
pub use last_resort::fall_and_wait;
