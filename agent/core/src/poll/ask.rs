//! What a poller asks of its bus, and what an answer meant.

use alloc::vec::Vec;

use super::delay::Delay;
use super::health::Turn;
use crate::id::{DeviceId, OutputId};
use crate::link::{ReadRequest, Setting, WriteRequest};

/// A request to send.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Ask {
    /// Read.
    Read(DeviceId, ReadRequest),
    /// Write.
    Write(DeviceId, WriteRequest),
    /// Write what a named command says.
    Set(DeviceId, Setting),
}

/// What an answer meant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settled {
    /// The device that was asked.
    pub device: DeviceId,
    /// What changed in its health.
    pub turn: Turn,
    /// The block that was read; `None` for a write.
    pub block: Option<usize>,
    /// The value may be a late one.
    pub doubtful: bool,
    /// The outputs that were written or read back.
    pub outputs: Vec<(OutputId, Reached)>,
    /// How long what it brought or wrote was on its way, where that says anything.
    pub delay: Option<Delay>,
}

/// Whether an output is as it was driven.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reached {
    /// As far as its module says.
    Yes,
    /// Its module took the level and does not let it be read back: whether the relay holds is not known.
    Unverified,
    /// Its module did not take the level, or shows another one.
    No,
}
