//! The commands of `hazard`.

pub mod plan;
