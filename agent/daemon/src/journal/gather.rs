//! Reading records back, and noticing what is no longer there: a block says how many records of its lane came before it.

use std::ops::{ControlFlow, RangeInclusive};
use std::sync::Arc;

use hazard_core::outbox::{Count, Record};

use super::frame::Frame;
use super::index::Span;

/// Readings of one answer, whatever its records hold: a few megabytes.
const READINGS_MAX: u64 = 40_000;

/// Numbers whose records were here and cannot be read any more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Hole {
    pub(super) first: u64,
    pub(super) last: u64,
    pub(super) count: Count,
}

/// What was found.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Gathered {
    pub(super) records: Vec<Arc<Record>>,
    pub(super) holes: Vec<Hole>,
    /// It is as much as may be taken at once: there may be more behind its last record.
    pub(super) is_full: bool,
}

/// Takes blocks of one lane of one epoch in ascending order.
pub(super) struct Gather {
    wanted: RangeInclusive<u64>,
    records_max: usize,
    readings: u64,
    /// The last number looked at, and what the lane had written up to it.
    end: Option<(u64, Count)>,
    gathered: Gathered,
}

impl Gather {
    /// Looks for at most `records_max` records with numbers in `wanted`.
    pub(super) fn new(wanted: RangeInclusive<u64>, records_max: usize) -> Self {
        Self { wanted, records_max, readings: 0, end: None, gathered: Gathered::default() }
    }

    /// Blocks up to here lie before what is wanted.
    pub(super) fn pass(&mut self, span: &Span) {
        if self.end.is_none_or(|(last, _)| last < span.last) {
            self.end = Some((span.last, span.end()));
        }
    }

    /// Takes one block's records.
    pub(super) fn take(&mut self, frame: &Frame, records: Vec<Arc<Record>>) -> ControlFlow<()> {
        let seen = self.end.map(|(last, _)| last);
        if let (Some((last, written)), Some(before)) = (self.end, frame.before) {
            let count = before.written - written;
            let (first, last) = (last.saturating_add(1), frame.first.saturating_sub(1));
            let is_wanted = first <= *self.wanted.end() && last >= *self.wanted.start();
            if !count.is_zero() && is_wanted && first <= last {
                self.gathered.holes.push(Hole { first, last, count });
            }
        }
        let fresh = records.into_iter().filter(|record| {
            self.wanted.contains(&record.seq.0) && seen.is_none_or(|seen| record.seq.0 > seen)
        });
        for record in fresh.collect::<Vec<_>>() {
            if self.is_full() {
                break;
            }
            self.readings += record.readings();
            self.gathered.records.push(record);
        }
        if seen.is_none_or(|seen| frame.last > seen) {
            let mut written = frame.before.map(|mark| mark.written).unwrap_or_default();
            written += frame.count;
            self.end = Some((frame.last, written));
        }
        if self.is_full() || frame.last >= *self.wanted.end() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }

    /// Whether no more records are wanted.
    pub(super) fn is_full(&self) -> bool {
        self.gathered.records.len() >= self.records_max || self.readings >= READINGS_MAX
    }

    /// Gives up what came after `state`, to read it again.
    pub(super) fn rewind(&mut self, (records, holes, end): (usize, usize, Option<(u64, Count)>)) {
        self.gathered.records.truncate(records);
        self.readings = self.gathered.records.iter().map(|record| record.readings()).sum();
        self.gathered.holes.truncate(holes);
        self.end = end;
    }

    /// Where it stands, for [`Self::rewind`].
    pub(super) fn state(&self) -> (usize, usize, Option<(u64, Count)>) {
        (self.gathered.records.len(), self.gathered.holes.len(), self.end)
    }

    /// What was found.
    pub(super) fn finish(mut self) -> Gathered {
        self.gathered.is_full = self.is_full();
        self.gathered
    }
}
