//! The world in which the shipped logic runs under faults.

pub mod contract;
