//! What a segment holds, without opening it: the numbers of each epoch and lane, the oldest and youngest stamp, the bytes.

use std::collections::BTreeMap;

use hazard_core::ClockTrust;
use hazard_core::outbox::{Count, Lane, Record};
use serde::{Deserialize, Serialize};

use super::frame::Frame;

/// The numbers of an epoch's lane in a segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Span {
    pub(super) first: u64,
    pub(super) last: u64,
    /// Records and readings of the lane before the first, as its block says.
    begin: (u64, u64),
    /// And behind the last.
    end: (u64, u64),
}

impl Span {
    fn of(frame: &Frame) -> Self {
        let before = frame.before.map(|mark| mark.written).unwrap_or_default();
        let mut after = before;
        after += frame.count;
        let (begin, end) = ((before.records, before.readings), (after.records, after.readings));
        Self { first: frame.first, last: frame.last, begin, end }
    }

    fn widen(&mut self, other: &Self) {
        if other.first < self.first {
            (self.first, self.begin) = (other.first, other.begin);
        }
        if other.last > self.last {
            (self.last, self.end) = (other.last, other.end);
        }
    }

    /// Records and readings of the lane up to its last.
    pub(super) const fn end(&self) -> Count {
        Count { records: self.end.0, readings: self.end.1 }
    }

    /// What it holds, unless something between is missing.
    pub(super) fn count(&self) -> Count {
        self.end() - Count { records: self.begin.0, readings: self.begin.1 }
    }
}

/// A segment's contents.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(super) struct Index {
    /// Numbers by lane byte and epoch ordinal.
    spans: BTreeMap<(u8, u64), Span>,
    /// Records and readings that are known to be missing between those numbers.
    missing: BTreeMap<(u8, u64), (u64, u64)>,
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
    /// Adds a block.
    pub(super) fn add(&mut self, frame: &Frame) {
        let key = (lane_byte(frame.lane), frame.ordinal);
        let span = Span::of(frame);
        self.spans.entry(key).or_insert(span).widen(&span);
    }

    /// Adds the block that was written after all others: what lies before it and was never here is known to be missing.
    pub(super) fn follow(&mut self, frame: &Frame) {
        let of = (frame.lane, frame.ordinal);
        if let (Some(have), Some(before)) = (self.span(of.0, of.1), frame.before)
            && have.last < frame.first
        {
            let mut missing = self.missing(of);
            missing += before.written - have.end();
            self.note_missing(of, missing);
        }
        self.add(frame);
    }

    /// What is known to be missing between an epoch's numbers of a lane.
    pub(super) fn missing(&self, (lane, ordinal): (Lane, u64)) -> Count {
        let (records, readings) = self.missing.get(&(lane_byte(lane), ordinal)).copied().unwrap_or_default();
        Count { records, readings }
    }

    /// Notes what is missing.
    pub(super) fn note_missing(&mut self, (lane, ordinal): (Lane, u64), count: Count) {
        let key = (lane_byte(lane), ordinal);
        if count.is_zero() {
            self.missing.remove(&key);
        } else {
            self.missing.insert(key, (count.records, count.readings));
        }
    }

    /// Adopts what an earlier index of the same segment knew to be missing.
    pub(super) fn adopt_missing(&mut self, earlier: &Self) {
        self.missing.clone_from(&earlier.missing);
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

    /// The numbers of an epoch's lane.
    pub(super) fn span(&self, lane: Lane, ordinal: u64) -> Option<Span> {
        self.spans.get(&(lane_byte(lane), ordinal)).copied()
    }

    /// Whether a record of this time may be in it.
    pub(super) fn touches(&self, (from_ms, to_ms): (i64, i64)) -> bool {
        self.stamps_ms.is_some_and(|(oldest, youngest)| oldest <= to_ms && youngest >= from_ms)
    }

    /// Ordinal and number of a lane's first record.
    pub(super) fn first_of(&self, lane: Lane) -> Option<(u64, u64)> {
        let mut spans = self.spans.range((lane_byte(lane), 0)..=(lane_byte(lane), u64::MAX));
        spans.next().map(|((_, ordinal), span)| (*ordinal, span.first))
    }

    /// All it holds, by lane and epoch.
    pub(super) fn spans(&self) -> impl Iterator<Item = (Lane, u64, Span)> {
        self.spans.iter().filter_map(|((lane, ordinal), span)| Some((lane_of(*lane)?, *ordinal, *span)))
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
        claimed.spans.iter().all(|(key, claimed)| {
            self.spans.get(key).is_some_and(|have| have.first <= claimed.first && have.last >= claimed.last)
        })
    }
}
