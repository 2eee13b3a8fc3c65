//! What a platform may say besides "PUBACK": what it has and what it misses, what it wants again, how fast. It never says more:
//! nothing here reaches an alarm, an output or the field.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::Lane;
use crate::Utc;
use crate::id::{Epoch, Seq, UplinkId};

/// 回执: what a platform has of one lane of one epoch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Receipt {
    /// The epoch.
    pub epoch: Epoch,
    /// The lane.
    pub lane: Lane,
    /// It has every record of the lane up to here that was sent to it...
    pub through: Seq,
    /// ...except for these, both ends included, ascending and apart, which it wants again. Numbers of the other lane among them
    /// mean nothing.
    pub missing: Vec<(Seq, Seq)>,
}

impl Receipt {
    /// Ranges in one receipt at most; a platform that misses more tells the rest when these have come. What is lost for good it
    /// misses for ever, so this is as much as a message holds.
    pub const MISSING_MAX: usize = 4_000;
}

/// What a platform asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Request {
    /// 重传: everything that the journal has of a time, again.
    Replay(Wish),
    /// 限速: readings per second of back-fill; `None` is as fast as it goes, 0 is a pause with an end.
    Rate(Option<u32>),
}

/// A time that is wanted again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Wish {
    /// The platform's name for it, which marks what is sent.
    pub id: Arc<str>,
    /// From this stamp on.
    pub from: Utc,
    /// Up to and with this one.
    pub to: Utc,
}

/// A replay began or ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReplayEvent {
    /// For whom.
    pub uplink: UplinkId,
    /// Which wish.
    pub wish: Wish,
    /// `None`: it begins. Otherwise what was sent again and taken, all in all: nothing where nothing was found.
    pub ended: Option<super::Count>,
}

/// What was heard of a platform besides PUBACKs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct HeardCount {
    /// Receipts of a known epoch.
    pub receipts: u64,
    /// Requests that were taken.
    pub requests: u64,
    /// What could not be read, or named an epoch that nobody knows, or found no room.
    pub rejected: u64,
}

/// A replay that is under way.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReplayState {
    /// Which wish.
    pub id: Arc<str>,
    /// What the platform has taken of it so far.
    pub taken: super::Count,
    /// Wishes that wait behind it.
    pub waiting: usize,
}
