//! The poll ledger: every time at which a block was due is one scheduled poll, and each of them has become something.

use core::ops::{AddAssign, Sub};

/// What became of the polls that were due.
///
/// A due time that passed while its block could not be asked is a scheduled poll like any other: those that a dead device's
/// back-off left out are counted too. A block that is asked again between two due times, after a failure, is one more.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct PollCount {
    /// Polls that came due, and repetitions.
    pub scheduled: u64,
    /// Answered with values.
    pub read: u64,
    /// Asked and not answered with values.
    pub failed: u64,
    /// Passed without a request: the bus was late or not there, or the device is offline.
    pub skipped: u64,
    /// Being asked, or due and not asked yet.
    pub open: u64,
    /// Those of `scheduled` that no due time called for: asked again after a failure.
    pub repeated: u64,
}

impl PollCount {
    /// Whether the sums are even.
    #[must_use]
    pub const fn is_even(&self) -> bool {
        let ended = self.read.saturating_add(self.failed).saturating_add(self.skipped);
        ended.saturating_add(self.open) == self.scheduled && self.repeated <= self.scheduled
    }

    /// `passed` due times are behind, and the block has not been asked since: only the last may still be.
    pub(super) const fn pass(&mut self, passed: u64) {
        self.scheduled += passed;
        self.skipped += passed.saturating_sub(1);
        if passed > 0 {
            self.open += 1;
        }
    }
}

impl AddAssign for PollCount {
    fn add_assign(&mut self, other: Self) {
        self.scheduled += other.scheduled;
        self.read += other.read;
        self.failed += other.failed;
        self.skipped += other.skipped;
        self.open += other.open;
        self.repeated += other.repeated;
    }
}

impl Sub for PollCount {
    type Output = Self;

    /// What was added since; `open` is no sum and stays as it is.
    fn sub(self, before: Self) -> Self {
        Self {
            scheduled: self.scheduled.saturating_sub(before.scheduled),
            read: self.read.saturating_sub(before.read),
            failed: self.failed.saturating_sub(before.failed),
            skipped: self.skipped.saturating_sub(before.skipped),
            open: self.open,
            repeated: self.repeated.saturating_sub(before.repeated),
        }
    }
}
