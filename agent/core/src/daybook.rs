//! 日对账: the ledgers of a day. What came due and what was offered is even with what became of it, in the day as at every
//! moment, so that a platform can see that nothing was dropped in silence.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;

use crate::Mono;
use crate::engine::Engine;
use crate::outbox::record::Body;
use crate::outbox::{Count, Ledger, UplinkLedger};
use crate::poll::PollCount;

/// The sums of a day, or of the part of it that one run saw.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct DayLedger {
    /// How long it lasted; a run's first and last day are shorter than the others.
    pub lasted: Duration,
    /// Polls.
    pub polls: DayPolls,
    /// Records on their way to the disk.
    pub journal: DayJournal,
    /// Records on their way to each platform, in site order.
    pub uplinks: Vec<DayUplink>,
}

/// A day's polls: `before` + scheduled = read + failed + skipped + open.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct DayPolls {
    /// Open when the day began.
    pub before: u64,
    /// What was added; `open` as the day ended.
    pub count: PollCount,
}

/// A day's records: `before` + offered = stored + lost + waiting.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct DayJournal {
    /// Waiting when the day began.
    pub before: Count,
    /// Given a number.
    pub offered: Count,
    /// Made durable.
    pub stored: Count,
    /// Stated as lost to the journal.
    pub lost: Count,
    /// On their way to the disk when the day ended.
    pub waiting: Count,
    /// Taken by retention, whenever they were stored.
    pub purged: Count,
}

/// A day's records at one platform: `before` + offered = confirmed + lost + pending.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct DayUplink {
    /// Pending when the day began.
    pub before: Count,
    /// What was added; `pending` as the day ended.
    pub ledger: UplinkLedger,
}

impl DayLedger {
    /// Whether the sums are even.
    #[must_use]
    pub fn is_even(&self) -> bool {
        let DayPolls { before, count } = self.polls;
        let ended = count.read.saturating_add(count.failed).saturating_add(count.skipped);
        let polls = before.saturating_add(count.scheduled) == ended.saturating_add(count.open);
        let sum = |parts: [Count; 3]| {
            let mut sum = Count::default();
            parts.into_iter().for_each(|part| sum += part);
            sum
        };
        let DayJournal { before, offered, stored, lost, waiting, purged: _ } = self.journal;
        let journal = sum([before, offered, Count::default()]) == sum([stored, lost, waiting]);
        let uplinks = self.uplinks.iter().all(|DayUplink { before, ledger }| {
            let there = sum([ledger.confirmed, ledger.lost, ledger.pending]);
            sum([*before, offered, Count::default()]) == there
        });
        polls && journal && uplinks
    }
}

/// Where the running day began.
#[derive(Clone, Debug)]
pub(crate) struct Daybook {
    since: Mono,
    polls: PollCount,
    records: Ledger,
}

impl Daybook {
    pub(crate) fn new(now: Mono) -> Self {
        Self { since: now, polls: PollCount::default(), records: Ledger::default() }
    }

    /// The day up to `now`; the next one begins. Nothing where no time has passed.
    fn close(&mut self, now: Mono, polls: PollCount, records: Ledger) -> Option<DayLedger> {
        let next = Self { since: now, polls, records };
        let before = core::mem::replace(self, next);
        let lasted = now.since(before.since);
        let Self { polls, records, .. } = &*self;
        let uplinks = records.uplinks.iter().enumerate().map(|(index, after)| {
            let before = before.records.uplinks.get(index).copied().unwrap_or_default();
            let ledger = UplinkLedger {
                confirmed: after.confirmed - before.confirmed,
                // What waits for a receipt is as open as what waits to be sent.
                sent: Count::default(),
                pending: open(after),
                lost: after.lost - before.lost,
                back_filled: after.back_filled - before.back_filled,
            };
            DayUplink { before: open(&before), ledger }
        });
        let day = DayLedger {
            lasted,
            polls: DayPolls { before: before.polls.open, count: *polls - before.polls },
            journal: DayJournal {
                before: before.records.waiting,
                offered: records.offered - before.records.offered,
                stored: records.stored - before.records.stored,
                lost: records.store_lost - before.records.store_lost,
                waiting: records.waiting,
                purged: records.purged - before.records.purged,
            },
            uplinks: uplinks.collect(),
        };
        (!lasted.is_zero()).then_some(day)
    }
}

/// Neither confirmed nor lost.
fn open(ledger: &UplinkLedger) -> Count {
    let mut open = ledger.pending;
    open += ledger.sent;
    open
}

impl Engine {
    /// The day is over: its sums become a record, which the next day counts.
    pub(crate) fn close_day(&mut self) {
        let (stamp, polls, records) = (self.stamp(), self.polls(), self.outbox.ledger());
        if let Some(day) = self.daybook.close(stamp.mono, polls, records) {
            self.outbox.offer(stamp, Body::Ledger(Box::new(day)));
        }
    }

    /// The run ends in order: the day that it breaks is told as far as it went, and commands under way are told as lost.
    pub fn end(&mut self, now: Mono) {
        self.reach(now);
        self.abandon_commands();
        self.close_day();
    }
}
