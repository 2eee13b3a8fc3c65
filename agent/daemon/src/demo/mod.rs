//! The simulated plant and the embedded broker; left out of the packaged build.

pub mod broker;
