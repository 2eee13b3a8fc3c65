//! What a segment holds, without opening it: the numbers of each epoch and lane, the oldest and youngest stamp, the bytes.

use std::collections::BTreeMap;

use hazard_core::ClockTrust;
use hazard_core::outbox::{Lane, Record};
use serde::{Deserialize, Serialize};

/// A segment's contents.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(super) struct Index {
    /// First and last number by lane byte and epoch ordinal.
    spans: BTreeMap<(u8, u64), (u64, u64)>,
    /// Earliest and latest plausible wall-clock stamp, in milliseconds since 1970.
    stamps_ms: Option<(i64, i64)>,
    /// Length of the main file when this was written.
    pub(super) bytes: u64,
    /// No record was added afterwards.
    pub(super) sealed: bool,
}

/// The byte that stands for a lane on disk.
pub(super) const fn lane_byte(lane: Lane) -> u8 {
    match lane {
        Lane::Event => 0,
        Lane::Reading => 1,
    }
}

/// The lane of a byte on disk.
pub(super) const fn lane_of(byte: u8) -> Option<Lane> {
    match byte {
        0 => Some(Lane::Event),
        1 => Some(Lane::Reading),
        _ => None,
    }
}

impl Index {
    /// Adds the numbers from `first` to `last`.
    pub(super) fn add(&mut self, lane: Lane, ordinal: u64, (first, last): (u64, u64)) {
        let span = self.spans.entry((lane_byte(lane), ordinal)).or_insert((first, last));
        *span = (span.0.min(first), span.1.max(last));
    }

    /// Adds a record's stamp, unless its clock was known to be wrong.
    pub(super) fn stamp(&mut self, record: &Record) {
        if record.stamp.trust == ClockTrust::Unset {
            return;
        }
        let ms = record.stamp.utc.unix_ms();
        let (oldest, youngest) = self.stamps_ms.unwrap_or((ms, ms));
        self.stamps_ms = Some((oldest.min(ms), youngest.max(ms)));
    }

    /// First and last number of an epoch's lane.
    pub(super) fn span(&self, lane: Lane, ordinal: u64) -> Option<(u64, u64)> {
        self.spans.get(&(lane_byte(lane), ordinal)).copied()
    }

    /// Ordinal and number of a lane's first record.
    pub(super) fn first_of(&self, lane: Lane) -> Option<(u64, u64)> {
        let mut spans = self.spans.range((lane_byte(lane), 0)..=(lane_byte(lane), u64::MAX));
        spans.next().map(|((_, ordinal), (first, _))| (*ordinal, *first))
    }

    /// The epochs of which it holds records.
    pub(super) fn ordinals(&self) -> impl Iterator<Item = u64> {
        self.spans.keys().map(|(_, ordinal)| *ordinal)
    }

    /// Whether it holds no record.
    pub(super) fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// Its earliest plausible stamp.
    pub(super) fn oldest_ms(&self) -> Option<i64> {
        self.stamps_ms.map(|(oldest, _)| oldest)
    }

    /// Its latest plausible stamp.
    pub(super) fn youngest_ms(&self) -> Option<i64> {
        self.stamps_ms.map(|(_, youngest)| youngest)
    }

    /// Whether every number that `claimed` promises lies within what is here.
    pub(super) fn keeps(&self, claimed: &Self) -> bool {
        claimed.spans.iter().all(|(key, (first, last))| {
            self.spans.get(key).is_some_and(|have| have.0 <= *first && have.1 >= *last)
        })
    }
}
