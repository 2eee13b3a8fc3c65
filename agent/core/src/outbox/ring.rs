//! The youngest records in memory, one ring per lane: what uplinks send from while they keep up, and all there is when the
//! disk is dead.

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::record::Record;
use super::store::Kept;
use crate::id::{Epoch, Seq};

/// Records of one lane in ascending order, across the epochs of this run.
#[derive(Clone, Debug)]
pub(super) struct Ring {
    entries: VecDeque<(Epoch, Kept)>,
    weight: u64,
    weight_max: u64,
    evicted: Option<(Epoch, Seq)>,
}

/// How much one message may carry.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fill {
    pub(super) records_max: usize,
    pub(super) readings_max: u64,
}

impl Ring {
    pub(super) fn new(weight_max: u32) -> Self {
        Self { entries: VecDeque::new(), weight: 0, weight_max: u64::from(weight_max), evicted: None }
    }

    pub(super) fn push(&mut self, epoch: Epoch, kept: Kept) {
        self.weight += weight(&kept.record);
        self.entries.push_back((epoch, kept));
    }

    /// The opening record goes before everything of its epoch.
    pub(super) fn push_first(&mut self, epoch: Epoch, kept: Kept) {
        self.weight += weight(&kept.record);
        let index = self.entries.iter().position(|(held, _)| *held == epoch).unwrap_or(self.entries.len());
        self.entries.insert(index, (epoch, kept));
    }

    /// Takes the oldest record out while the ring is too heavy.
    pub(super) fn evict(&mut self) -> Option<(Epoch, Kept)> {
        if self.weight <= self.weight_max {
            return None;
        }
        let (epoch, kept) = self.entries.pop_front()?;
        self.weight -= weight(&kept.record);
        self.evicted = Some((epoch, kept.record.seq));
        Some((epoch, kept))
    }

    /// The last number of `epoch` that is no longer in memory. `None`: all of it is, or the epoch is another run's.
    pub(super) fn evicted_through(&self, epoch: Epoch) -> Option<Seq> {
        self.evicted.filter(|(evicted, _)| *evicted == epoch).map(|(_, seq)| seq)
    }

    /// Whether any record of `epoch` is in memory.
    pub(super) fn holds(&self, epoch: Epoch) -> bool {
        let (Some((first, _)), Some((last, _))) = (self.entries.front(), self.entries.back()) else {
            return false;
        };
        *first == epoch
            || *last == epoch
            || (first != last && self.entries.iter().any(|(held, _)| *held == epoch))
    }

    /// Records of `epoch` from `first` to `last`, and the number up to which none is left out.
    pub(super) fn take(&self, epoch: Epoch, span: (Seq, Seq), fill: Fill) -> (Vec<Arc<Record>>, Seq) {
        let (first, last) = span;
        let mut taken = Vec::new();
        let mut readings = 0;
        for (_, Kept { record, .. }) in self.from(epoch, first) {
            if record.seq > last {
                break;
            }
            let full = taken.len() >= fill.records_max || readings + record.readings() > fill.readings_max;
            if full && !taken.is_empty() {
                let through = taken.last().map_or(first, |record: &Arc<Record>| record.seq);
                return (taken, through);
            }
            readings += record.readings();
            taken.push(Arc::clone(record));
        }
        (taken, last)
    }

    /// The first number of `epoch` in memory.
    pub(super) fn first_of(&self, epoch: Epoch) -> Option<Seq> {
        self.from(epoch, Seq::default()).next().map(|(_, kept)| kept.record.seq)
    }

    /// Whether `epoch` has a record at or after `first` in memory.
    pub(super) fn has_from(&self, epoch: Epoch, first: Seq) -> bool {
        self.from(epoch, first).next().is_some()
    }

    fn from(&self, epoch: Epoch, first: Seq) -> impl Iterator<Item = &(Epoch, Kept)> {
        // Epochs are whole runs of neighbours, so their order in the ring is the order in which they began.
        let begin = if self.entries.back().is_some_and(|(last, _)| *last == epoch) {
            self.entries.partition_point(|(held, kept)| *held != epoch || kept.record.seq < first)
        } else {
            self.entries
                .iter()
                .position(|(held, kept)| *held == epoch && kept.record.seq >= first)
                .unwrap_or(self.entries.len())
        };
        self.entries.range(begin..).take_while(move |(held, _)| *held == epoch)
    }
}

fn weight(record: &Record) -> u64 {
    record.readings().max(1)
}
