//! Polling: which requests a bus carries when, and what a device's silence costs the others.

mod health;
mod plan;
mod poller;
mod slot;
mod writes;

pub use health::{Health, Standing, Turn};
pub use plan::{Block, plan};
pub use poller::{Ask, Poller, Settled};
pub use slot::PollCount;
