//! The simulated plant and the embedded broker; left out of the packaged build.

pub mod broker;
pub mod plant;
pub mod site;
pub mod view;
