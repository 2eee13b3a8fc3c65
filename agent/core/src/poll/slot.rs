//! A block's place in time: it is due on a fixed grid, so that a delay is never carried forward.

use core::time::Duration;

use super::plan::Block;
use crate::Mono;

pub(super) const RETRY_AFTER: Duration = Duration::from_secs(1);
const REFUSED_FIRST: Duration = Duration::from_secs(1);
const REFUSED_MAX: Duration = Duration::from_secs(60);
/// A refusal costs little line time, and a safety point must not stay dark for long after its device came to its senses.
const REFUSED_SAFETY_MAX: Duration = Duration::from_secs(5);

/// What became of the polls that were due. `scheduled` is always the sum of the others and of the one in flight.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct PollCount {
    /// Polls that came due.
    pub scheduled: u64,
    /// Answered with values.
    pub read: u64,
    /// Sent and not answered with values.
    pub failed: u64,
    /// Not sent: the bus was late, or the device is offline.
    pub skipped: u64,
}

#[derive(Clone, Debug)]
pub(super) struct Slot {
    pub(super) block: Block,
    base: Mono,
    turn: u64,
    retry_at: Option<Mono>,
    refused: Option<(Mono, Duration)>,
}

impl Slot {
    pub(super) fn new(block: Block, start: Mono) -> Self {
        let base = start + block.phase;
        Self { block, base, turn: 0, retry_at: None, refused: None }
    }

    pub(super) fn due(&self) -> Mono {
        let grid = self.grid();
        let due = self.retry_at.map_or(grid, |retry| retry.min(grid));
        self.refused.map_or(due, |(until, _)| due.max(until))
    }

    /// The slot is sent at `now`: moves on to the next grid time and counts what it missed.
    pub(super) fn release(&mut self, now: Mono, count: &mut PollCount) -> u64 {
        let period_us = u64::try_from(self.block.period.as_micros()).unwrap_or(u64::MAX).max(1);
        let late_us = now.as_micros().saturating_sub(self.grid().as_micros());
        let passed = if now < self.grid() { 0 } else { 1 + late_us / period_us };
        self.turn = self.turn.saturating_add(passed);
        self.retry_at = None;
        let missed = passed.saturating_sub(1);
        count.scheduled += missed + 1;
        count.skipped += missed;
        missed
    }

    pub(super) const fn succeeded(&mut self) {
        self.refused = None;
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
    }

    fn grid(&self) -> Mono {
        let period_us = u64::try_from(self.block.period.as_micros()).unwrap_or(u64::MAX);
        Mono::from_micros(self.base.as_micros().saturating_add(period_us.saturating_mul(self.turn)))
    }
}
