//! The journal as the outbox sees it: what waits for it, what is on its way, what is durable, what it lost.

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use super::AckedSet;
use super::ledger::Count;
use super::record::{Lane, Record};
use crate::Mono;
use crate::id::Seq;

const REOPEN_FIRST: Duration = Duration::from_secs(5);
const REOPEN_MAX: Duration = Duration::from_secs(60);

/// Whether there is a journal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum JournalState {
    /// It has not said yet.
    Opening {
        /// Not waited for longer.
        until: Mono,
    },
    /// It takes records.
    Open,
    /// It is broken.
    Down {
        /// When it is opened again; `None` while that is under way.
        retry_at: Option<Mono>,
    },
}

/// A run of neighbouring records of one lane that were lost.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct LostRun {
    pub(super) lane: Lane,
    pub(super) first: Seq,
    pub(super) last: Seq,
    pub(super) count: Count,
    last_ordinal: u64,
}

/// A record and its place in its lane: neighbours differ by one.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub(super) ordinal: u64,
    pub(super) record: Arc<Record>,
}

impl LostRun {
    /// Records somewhere in a span.
    pub(super) const fn span(lane: Lane, span: (Seq, Seq), count: Count) -> Self {
        Self { lane, first: span.0, last: span.1, count, last_ordinal: u64::MAX - 1 }
    }

    /// Takes in another span of its lane; what lies between the two is not lost, and not counted.
    pub(super) fn widen(&mut self, span: (Seq, Seq), count: Count) {
        self.first = self.first.min(span.0);
        self.last = self.last.max(span.1);
        self.count += count;
    }

    /// A record as a run of its own.
    pub(super) fn of(kept: &Kept) -> Self {
        let Kept { ordinal, record } = kept;
        let span = (record.seq, record.seq);
        Self { last_ordinal: *ordinal, ..Self::span(record.lane(), span, Count::of(record)) }
    }

    /// Takes the record in if it is the neighbour; whether it is.
    pub(super) fn extend(&mut self, kept: &Kept) -> bool {
        let Kept { ordinal, record } = kept;
        let continues = self.lane == record.lane() && self.last_ordinal + 1 == *ordinal;
        if continues {
            self.widen((record.seq, record.seq), Count::of(record));
            self.last_ordinal = *ordinal;
        }
        continues
    }
}

#[derive(Clone, Debug)]
pub(super) struct Store {
    pub(super) state: JournalState,
    /// Places in their lanes of the records that are durable.
    stored: [AckedSet; 2],
    pub(super) stored_count: Count,
    /// Of those stored, what retention has taken since.
    pub(super) purged_count: Count,
    pub(super) lost_count: Count,
    waiting: VecDeque<Kept>,
    unsynced: VecDeque<Kept>,
    backlog: Count,
    backlog_max: u64,
    lost: Vec<LostRun>,
    pause: Duration,
}

impl Store {
    pub(super) fn new(backlog_max: u32, until: Mono) -> Self {
        Self {
            state: JournalState::Opening { until },
            stored: <[AckedSet; 2]>::default(),
            stored_count: Count::default(),
            purged_count: Count::default(),
            lost_count: Count::default(),
            waiting: VecDeque::new(),
            unsynced: VecDeque::new(),
            backlog: Count::default(),
            backlog_max: u64::from(backlog_max),
            lost: Vec::new(),
            pause: REOPEN_FIRST,
        }
    }

    pub(super) const fn backlog(&self) -> Count {
        self.backlog
    }

    /// Whether more readings wait than the bound: the oldest waiting ones are being given up.
    pub(super) const fn is_behind(&self) -> bool {
        self.backlog.readings > self.backlog_max / 2
    }

    pub(super) fn push(&mut self, kept: Kept) {
        if let JournalState::Down { .. } = self.state {
            self.lose(&kept);
            return;
        }
        self.backlog += Count::of(&kept.record);
        self.waiting.push_back(kept);
        while self.backlog.readings.max(self.backlog.records) > self.backlog_max {
            // Readings go first; where only events wait, a disk that answers nothing must not fill memory with them.
            let reading = self.waiting.iter().position(|kept| kept.record.lane() == Lane::Reading);
            let Some(kept) = self.waiting.remove(reading.unwrap_or(0)) else {
                break;
            };
            self.backlog = self.backlog - Count::of(&kept.record);
            self.lose(&kept);
        }
    }

    /// The opening record goes before everything that waits.
    pub(super) fn push_first(&mut self, kept: Kept) {
        if let JournalState::Down { .. } = self.state {
            self.lose(&kept);
            return;
        }
        self.backlog += Count::of(&kept.record);
        self.waiting.push_front(kept);
    }

    /// Whether the record was made durable.
    pub(super) fn has(&self, kept: &Kept) -> bool {
        self.stored[kept.record.lane() as usize].contains(Seq(kept.ordinal))
    }

    /// What is to be appended: everything, unless the journal already has as much as it may hold unsynced.
    pub(super) fn take_append(&mut self) -> Option<Vec<Arc<Record>>> {
        let unsynced: u64 = self.unsynced.len() as u64;
        if self.state != JournalState::Open || self.waiting.is_empty() || unsynced >= self.backlog_max / 2 {
            return None;
        }
        let records = self.waiting.iter().map(|kept| Arc::clone(&kept.record)).collect();
        self.unsynced.extend(self.waiting.drain(..));
        Some(records)
    }

    pub(super) fn durable(&mut self, through: Seq) {
        while let Some(Kept { ordinal, record }) =
            self.unsynced.pop_front_if(|kept| kept.record.seq <= through)
        {
            self.stored[record.lane() as usize].insert(Seq(ordinal), Seq(ordinal));
            self.stored_count += Count::of(&record);
            self.backlog = self.backlog - Count::of(&record);
        }
    }

    /// Retention took so much of what is durable.
    pub(super) fn purged(&mut self, count: Count) {
        self.purged_count += count;
        // What a damaged disk says may be anything.
        self.purged_count = self.purged_count.min(self.stored_count);
    }

    pub(super) fn opened(&mut self) {
        self.state = JournalState::Open;
        self.pause = REOPEN_FIRST;
    }

    /// Everything that is not durable is lost to it.
    pub(super) fn failed(&mut self, now: Mono) {
        self.state = JournalState::Down { retry_at: Some(now + self.pause) };
        self.pause = (self.pause * 2).min(REOPEN_MAX);
        self.backlog = Count::default();
        let gone: Vec<Kept> = self.unsynced.drain(..).chain(self.waiting.drain(..)).collect();
        for kept in &gone {
            self.lose(kept);
        }
    }

    /// Whether it is time to open it again.
    pub(super) fn take_reopen(&mut self, now: Mono) -> bool {
        match self.state {
            JournalState::Down { retry_at: Some(at) } if now >= at => {
                self.state = JournalState::Down { retry_at: None };
                true
            }
            JournalState::Opening { .. } | JournalState::Open | JournalState::Down { .. } => false,
        }
    }

    pub(super) fn take_lost(&mut self) -> Vec<LostRun> {
        core::mem::take(&mut self.lost)
    }

    pub(super) fn has_lost(&self) -> bool {
        !self.lost.is_empty()
    }

    fn lose(&mut self, kept: &Kept) {
        self.lost_count += Count::of(&kept.record);
        if !self.lost.iter_mut().rev().any(|run| run.extend(kept)) {
            self.lost.push(LostRun::of(kept));
        }
    }
}
