//! Polling: which requests a bus carries when, and what a device's silence costs the others.

mod ask;
pub(crate) mod commands;
mod delay;
mod flight;
mod health;
mod plan;
mod poller;
mod predict;
mod slot;
mod split;
mod tally;
#[cfg(test)]
mod tests;
mod writes;

pub use ask::{Ask, Reached, Settled};
pub use delay::{Delay, DelayState};
pub(crate) use delay::{Delays, is_held};
pub use health::{Health, Standing, Turn};
pub use plan::{Block, plan};
pub use poller::Poller;
pub use predict::{
    BusPrediction, DelayParts, DelayPrediction, LOAD_MAX_PPM, Load, PlannedRead, PlannedWrite, Prediction,
    Verdict, predict,
};
pub use tally::PollCount;
