//! Named commands 命令: what a person may have written to a device's coils or registers, each with its name, its bounds and
//! how it is read back. Nothing else of a device is ever written, but the coils of the panel.
//!
//! Who may is asked here; when the bus carries it is the poller's. A command has a deadline and is never carried out late: one
//! that a restart caught is told as lost.

mod count;
mod desk;
mod event;
mod send;
mod spec;
#[cfg(test)]
mod tests;

pub use count::CommandCount;
pub(crate) use desk::Desk;
pub use event::{CommandChange, CommandEvent, CommandFailure};
pub(crate) use send::Asked;
pub use send::{CommandState, KeptCommand, Sent};
pub(crate) use spec::faults;
pub use spec::{Bounds, DeviceCommandFault, DeviceCommandSpec, Needs, ReadBack, Risk, Target};
