//! A block's place in time: it is due on a fixed grid, so that a delay is never carried forward.

use core::time::Duration;

use super::delay::{Delay, Watch};
use super::plan::Block;
use super::tally::PollCount;
use crate::Mono;
use crate::link::LinkFault;
use crate::site::Site;

pub(super) const RETRY_AFTER: Duration = Duration::from_secs(1);
/// A first read whose turn comes no later than this waits for it; any other one is due at once, for until then nobody knows the
/// value. Short periods are left to their grid: they are most of the load, and their first turn is soon.
const FIRST_WITHIN: Duration = Duration::from_secs(1);
const REFUSED_FIRST: Duration = Duration::from_secs(1);
const REFUSED_MAX: Duration = Duration::from_secs(60);
/// A refusal costs little line time, and a safety point must not stay dark for long after its device came to its senses.
const REFUSED_SAFETY_MAX: Duration = Duration::from_secs(5);

#[derive(Clone, Debug)]
pub(super) struct Slot {
    pub(super) block: Block,
    /// It says how sensors are.
    tells: bool,
    /// Its next time on the grid.
    grid: Mono,
    retry_at: Option<Mono>,
    refused: Option<(Mono, Duration)>,
    /// When the last read that brought values was sent.
    asked_at: Option<Mono>,
    /// As of its last request.
    count: PollCount,
    watch: Watch,
    part: Part,
}

/// Whether it is a read as planned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Part {
    /// It is, or the first piece of one.
    Planned,
    /// Another piece of the planned read at this index: its polls repeat those of the first.
    Piece(usize),
}

impl Slot {
    pub(super) fn new(block: Block, start: Mono, bound: Option<Duration>, site: &Site) -> Self {
        let grid = start + block.phase;
        let watch = Watch::new(bound);
        let count = PollCount::default();
        let part = Part::Planned;
        let tells = block.tells(site);
        let (retry_at, refused, asked_at) = (None, None, None);
        let mut slot = Self { block, tells, grid, retry_at, refused, asked_at, count, watch, part };
        slot.begin(start);
        slot
    }

    /// Nothing is known of its points, and its device can be asked from `now` on.
    pub(super) fn begin(&mut self, now: Mono) {
        self.refused = None;
        if self.tells || self.grid > now + FIRST_WITHIN {
            self.retry_at = Some(now);
        }
    }

    /// A piece of it beside it, which is at `index`, due at `now`.
    pub(super) fn piece(&self, index: usize, block: Block, now: Mono) -> Self {
        let mut piece = Self { part: Part::Piece(index), count: PollCount::default(), ..self.clone() };
        piece.narrow(block, now);
        piece
    }

    /// Reads less than before, and at `now`: it was refused for what it no longer touches.
    pub(super) fn narrow(&mut self, block: Block, now: Mono) {
        self.block = block;
        (self.retry_at, self.refused) = (Some(now), None);
        self.lost();
    }

    /// When it is to be read: the grid, unless a failure or a refusal says otherwise.
    pub(super) fn due(&self) -> Mono {
        let due = self.retry_at.map_or(self.grid, |retry| retry.min(self.grid));
        self.refused.map_or(due, |(until, _)| due.max(until))
    }

    /// The slot is sent at `now`: moves on to the next grid time and counts what it missed.
    pub(super) fn release(&mut self, now: Mono) -> u64 {
        let passed = self.passed(now);
        let ahead_us = self.period_us().saturating_mul(passed);
        self.grid = Mono::from_micros(self.grid.as_micros().saturating_add(ahead_us));
        self.retry_at = None;
        self.count = self.passing(passed);
        if passed == 0 {
            self.count.pass(1);
            self.count.repeated += 1;
        }
        passed.saturating_sub(1)
    }

    /// What became of the request that was sent last. One that nothing was there to carry is none.
    pub(super) const fn ended(&mut self, result: Result<(), LinkFault>) {
        self.count.open = self.count.open.saturating_sub(1);
        match result {
            Ok(()) => self.count.read += 1,
            Err(LinkFault::Gone) => self.count.skipped += 1,
            Err(LinkFault::Silent | LinkFault::Garbled | LinkFault::Refused(_)) => self.count.failed += 1,
        }
    }

    /// What became of its polls up to `now`.
    pub(super) fn count(&self, now: Mono) -> PollCount {
        self.passing(self.passed(now))
    }

    fn passing(&self, passed: u64) -> PollCount {
        let mut count = self.count;
        count.pass(passed);
        if let Part::Piece(_) = self.part {
            count.repeated += passed;
        }
        count
    }

    /// Whether it is of the planned read at `index`, which was its own place or its first piece's.
    pub(super) fn is_of(&self, (place, index): (usize, usize)) -> bool {
        match self.part {
            Part::Planned => place == index,
            Part::Piece(of) => of == index,
        }
    }

    /// The times on the grid since its last request.
    fn passed(&self, now: Mono) -> u64 {
        let late_us = now.as_micros().checked_sub(self.grid.as_micros());
        late_us.map_or(0, |late_us| 1 + late_us / self.period_us())
    }

    fn period_us(&self) -> u64 {
        u64::try_from(self.block.period.as_micros()).unwrap_or(u64::MAX).max(1)
    }

    /// A read sent at `sent` brought values: what changed just after the one before it could not be seen until now. The
    /// first one after a start or a silence measures nothing; the flag says whether the delay is beyond its bound.
    pub(super) fn succeeded(&mut self, now: Mono, sent: Mono) -> Option<(Delay, bool)> {
        (self.refused, self.retry_at) = (None, None);
        let before = self.asked_at.replace(sent)?;
        if !self.block.safety {
            return None;
        }
        let took = now.since(before);
        Some((Delay::Learnt(took), self.watch.exceeds(took)))
    }

    /// The points have no value, which is an alarm of its own: what comes next is a beginning and no delay.
    pub(super) const fn lost(&mut self) {
        self.asked_at = None;
    }

    pub(super) const fn longest(&self) -> Option<Duration> {
        self.watch.longest()
    }

    /// A long period is not waited out after a failure.
    pub(super) fn failed(&mut self, now: Mono) {
        self.retry_at = Some(now + RETRY_AFTER);
    }

    /// The device does not have these registers: asking each second would only fill the line.
    pub(super) fn refused(&mut self, now: Mono) {
        let longest = if self.block.safety { REFUSED_SAFETY_MAX } else { REFUSED_MAX };
        let pause = self.refused.map_or(REFUSED_FIRST, |(_, pause)| (pause * 2).min(longest));
        self.refused = Some((now + pause, pause));
        self.lost();
    }
}
