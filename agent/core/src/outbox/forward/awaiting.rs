//! What a broker has taken and the platform has not receipted: spans with their sums, no records. What is wanted again is read from
//! memory or the journal.

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use super::super::ledger::Count;
use super::super::receipt::Receipt;
use super::super::record::{Lane, Record};
use super::super::track::{Flight, take_out};
use crate::Mono;
use crate::id::{Epoch, Seq};

/// Messages that wait for their receipt; back-fill waits from half of it on, beyond it the oldest are sent again.
const AWAITED_MAX: usize = 4096;
/// Pauses between two rounds of sending again double up to so many times the first one.
const PAUSES_MAX: u32 = 5;
const PAUSE_MAX: Duration = Duration::from_secs(3600);

/// A message that waits for its receipt.
#[derive(Clone, Debug)]
pub(super) struct Awaited {
    pub(super) of: (Epoch, Lane),
    /// As [`Flight::span`] has it.
    pub(super) span: (Seq, Seq),
    /// The numbers of its records, as runs.
    runs: Vec<(Seq, Seq)>,
    pub(super) count: Count,
    since: Mono,
}

impl Awaited {
    pub(super) fn new(flight: &Flight, count: Count, now: Mono) -> Self {
        let mut runs: Vec<(Seq, Seq)> = Vec::new();
        for seq in flight.records.iter().map(|record| record.seq) {
            match runs.last_mut() {
                Some(run) if run.1.next() == seq => run.1 = seq,
                Some(_) | None => runs.push((seq, seq)),
            }
        }
        Self { of: (flight.epoch, flight.lane), span: flight.span, runs, count, since: now }
    }

    /// Whether the record with this number was in it.
    pub(super) fn has(&self, seq: Seq) -> bool {
        self.runs.iter().any(|run| (run.0..=run.1).contains(&seq))
    }

    fn touches(&self, of: (Epoch, Lane), span: (Seq, Seq)) -> bool {
        self.of == of && self.span.0 <= span.1 && self.span.1 >= span.0
    }
}

/// What a receipt says of a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    /// All of it is there.
    There,
    /// Some of it is missing.
    Missing,
    /// Some of it is beyond the receipt.
    Beyond,
}

impl Receipt {
    /// What it says of records with these numbers, as runs in ascending order.
    pub(super) fn verdict(&self, mut runs: impl DoubleEndedIterator<Item = (Seq, Seq)> + Clone) -> Verdict {
        let missed = |run: (Seq, Seq)| {
            let index = self.missing.partition_point(|range| range.1 < run.0);
            self.missing.get(index).is_some_and(|range| range.0 <= run.1.min(self.through))
        };
        if runs.clone().any(missed) {
            return Verdict::Missing;
        }
        if runs.next_back().is_some_and(|run| run.1 <= self.through) {
            Verdict::There
        } else {
            Verdict::Beyond
        }
    }
}

/// The messages of one lane that wait for their receipts.
#[derive(Clone, Debug)]
pub(super) struct Awaiting {
    timeout: Option<Duration>,
    fresh: VecDeque<Awaited>,
    /// Overdue: sent again when there is room, unless a late receipt comes first.
    stale: VecDeque<Awaited>,
    heard_at: Mono,
    /// When a receipt of any epoch last confirmed something.
    spoken_at: Option<Mono>,
    /// None did for as long as one may take.
    is_silent: bool,
    /// Rounds of sending again since a receipt confirmed something.
    rounds: u32,
    round_at: Mono,
    /// Messages of back-fill that may leave before a receipt comes.
    credit: u16,
}

impl Awaiting {
    pub(super) const fn new(timeout: Option<Duration>) -> Self {
        Self {
            timeout,
            fresh: VecDeque::new(),
            stale: VecDeque::new(),
            heard_at: Mono::ZERO,
            spoken_at: None,
            is_silent: false,
            rounds: 0,
            round_at: Mono::ZERO,
            credit: 0,
        }
    }

    /// Whether a PUBACK confirms nothing.
    pub(super) const fn is_wanted(&self) -> bool {
        self.timeout.is_some()
    }

    /// Whether receipts are overdue, and none of any epoch comes.
    pub(super) fn is_overdue(&self) -> bool {
        self.rounds > 0 && self.is_silent && self.waits()
    }

    fn waits(&self) -> bool {
        !(self.fresh.is_empty() && self.stale.is_empty())
    }

    /// Whether back-fill may leave: a platform that confirms nothing is not flooded with what it will not confirm.
    pub(super) fn lets_back_fill(&self) -> bool {
        if self.is_overdue() { self.credit > 0 } else { self.fresh.len() < AWAITED_MAX / 2 }
    }

    pub(super) const fn back_filled(&mut self) {
        self.credit = self.credit.saturating_sub(1);
    }

    /// A connection stands at `now`: nobody could send a receipt before.
    pub(super) fn connected(&mut self, now: Mono) {
        self.heard_at = now;
    }

    /// A message waits; returns what must be sent again because it overlaps or there is no room.
    pub(super) fn push(&mut self, awaited: Awaited) -> Vec<Awaited> {
        let mut out = self.forget(awaited.of, awaited.span);
        if !self.waits() && out.is_empty() {
            self.rounds = 0;
        }
        self.fresh.push_back(awaited);
        while self.fresh.len() + self.stale.len() > AWAITED_MAX {
            out.extend(self.stale.pop_front().or_else(|| self.fresh.pop_front()));
        }
        out
    }

    /// Messages that touch the span wait no longer; they are returned.
    pub(super) fn forget(&mut self, of: (Epoch, Lane), span: (Seq, Seq)) -> Vec<Awaited> {
        let mut out = take_out(&mut self.stale, |known| known.touches(of, span));
        out.extend(take_out(&mut self.fresh, |known| known.touches(of, span)));
        out
    }

    /// What was overdue in the span and is not among `records`, which is all that the journal still has of it: nobody can
    /// send that again. The ends, and how many.
    pub(super) fn gone(
        &self,
        of: (Epoch, Lane),
        span: (Seq, Seq),
        records: &[Arc<Record>],
    ) -> Option<((Seq, Seq), u64)> {
        let runs = self.stale.iter().filter(|known| known.touches(of, span)).flat_map(|known| &known.runs);
        let numbers = runs.flat_map(|run| run.0.max(span.0).0..=run.1.min(span.1).0).map(Seq);
        let mut gone = None;
        for seq in numbers.filter(|seq| records.binary_search_by_key(seq, |record| record.seq).is_err()) {
            let ((first, last), count) = gone.unwrap_or(((seq, seq), 0));
            gone = Some(((first.min(seq), last.max(seq)), count + 1));
        }
        gone
    }

    pub(super) fn forget_epoch(&mut self, epoch: Epoch) {
        self.fresh.retain(|known| known.of.0 != epoch);
        self.stale.retain(|known| known.of.0 != epoch);
    }

    /// Whether the number was sent and waits.
    pub(super) fn covers(&self, of: (Epoch, Lane), seq: Seq) -> bool {
        self.stale.iter().chain(&self.fresh).any(|known| known.touches(of, (seq, seq)))
    }

    /// A receipt of a known epoch was heard: returns what it confirms and what it misses.
    pub(super) fn receipt(&mut self, receipt: &Receipt, window: u16) -> (Vec<Awaited>, Vec<Awaited>) {
        let of = (receipt.epoch, receipt.lane);
        let is =
            |known: &Awaited, wanted| known.of == of && receipt.verdict(known.runs.iter().copied()) == wanted;
        let mut there = take_out(&mut self.stale, |known| is(known, Verdict::There));
        there.extend(take_out(&mut self.fresh, |known| is(known, Verdict::There)));
        // What is overdue is being sent again already.
        self.stale.retain(|known| !is(known, Verdict::Missing));
        let missing = take_out(&mut self.fresh, |known| is(known, Verdict::Missing));
        self.credit = self.credit.max(window);
        (there, missing)
    }

    /// A receipt of this epoch confirmed something. One of another epoch does not speak for the oldest that waits, but the
    /// platform is there: the next round need not wait for long.
    pub(super) fn progress(&mut self, now: Mono, epoch: Epoch) {
        (self.spoken_at, self.is_silent) = (Some(now), false);
        if self.fresh.front().is_none_or(|oldest| oldest.of.0 == epoch) {
            (self.rounds, self.heard_at) = (0, now);
        } else if let Some(timeout) = self.timeout {
            self.round_at = self.round_at.min(now + timeout);
        }
    }

    /// Lets time pass: returns what is overdue and must be sent again.
    pub(super) fn timeout(&mut self, now: Mono, window: u16) -> Vec<((Epoch, Lane), (Seq, Seq))> {
        let Some(timeout) = self.timeout.filter(|_| self.poll_timeout().is_some_and(|at| now >= at)) else {
            return Vec::new();
        };
        self.rounds += 1;
        self.is_silent = self.spoken_at.is_none_or(|at| at + timeout <= now);
        self.credit = window;
        self.round_at = now + (timeout * (1 << self.rounds.min(PAUSES_MAX))).min(PAUSE_MAX.max(timeout));
        let overdue = |known: &Awaited| known.since + timeout <= now;
        let spans = take_out(&mut self.fresh, overdue);
        let again = spans.iter().map(|known| (known.of, known.span)).collect();
        self.stale.extend(spans);
        again
    }

    pub(super) fn poll_timeout(&self) -> Option<Mono> {
        let timeout = self.timeout?;
        if self.rounds > 0 {
            return self.waits().then_some(self.round_at);
        }
        self.fresh.front().map(|oldest| oldest.since.max(self.heard_at) + timeout)
    }

    /// What was sent of a lane of an epoch and waits: the spans of its messages, and their sum.
    pub(super) fn of(&self, of: (Epoch, Lane)) -> (Vec<(Seq, Seq)>, Count) {
        let (mut spans, mut sum) = (Vec::new(), Count::default());
        for known in self.stale.iter().chain(&self.fresh).filter(|known| known.of == of) {
            spans.push(known.span);
            sum += known.count;
        }
        (spans, sum)
    }

    /// The sum of what waits, of the epochs that count.
    pub(super) fn count(&self, counts: impl Fn(Epoch) -> bool) -> Count {
        let mut sum = Count::default();
        for known in self.stale.iter().chain(&self.fresh).filter(|known| counts(known.of.0)) {
            sum += known.count;
        }
        sum
    }
}
