//! The hash chain over an epoch's records, one per lane: each link is over the link before and the record's bytes, so that
//! no record can be changed, removed or moved without the links behind it changing.

use std::sync::Arc;

use hazard_core::id::Epoch;
use hazard_core::outbox::{Count, Lane, Record};

use super::codec;
use super::index::lane_byte;

/// A link: BLAKE3, 32 bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Link(pub [u8; 32]);

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}

impl std::fmt::Display for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Link {
    /// What stands before the first record of a lane of an epoch:
    /// BLAKE3("hazard journal 1" ‖ epoch, 8 bytes little endian ‖ lane, 1 byte: 0 events, 1 readings).
    #[must_use]
    pub fn origin(epoch: Epoch, lane: Lane) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"hazard journal 1").update(&epoch.0.to_le_bytes()).update(&[lane_byte(lane)]);
        Self(*hasher.finalize().as_bytes())
    }

    /// The link behind a record whose bytes by codec version 1 are `bytes`: BLAKE3(this ‖ bytes).
    fn next(self, bytes: &[u8]) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.0).update(bytes);
        Self(*hasher.finalize().as_bytes())
    }
}

/// Where a lane of an epoch stands: its link, and what was written before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mark {
    /// The link behind the last record.
    pub link: Link,
    /// Records and readings so far.
    pub written: Count,
}

impl Mark {
    /// Where nobody knows what came before.
    pub const UNKNOWN: Self = Self { link: Link([0; 32]), written: Count { records: 0, readings: 0 } };

    /// Before the first record.
    #[must_use]
    pub fn origin(epoch: Epoch, lane: Lane) -> Self {
        Self { link: Link::origin(epoch, lane), written: Count::default() }
    }

    /// The mark behind all of `records`.
    #[must_use]
    pub fn after<'a>(self, records: impl IntoIterator<Item = &'a Arc<Record>>) -> Self {
        let mut bytes = Vec::new();
        records.into_iter().fold(self, |mut mark, record| {
            bytes.clear();
            codec::encode(record, &mut bytes);
            mark.link = mark.link.next(&bytes);
            mark.written += Count::of(record);
            mark
        })
    }
}

/// The marks of an epoch: event lane, then reading lane.
#[must_use]
pub fn origins(epoch: Epoch) -> [Mark; 2] {
    [Mark::origin(epoch, Lane::Event), Mark::origin(epoch, Lane::Reading)]
}
