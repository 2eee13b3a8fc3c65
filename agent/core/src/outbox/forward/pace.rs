//! How much back-fill is on its way at a time. A live message must not stand behind more back-fill than the platform takes in a
//! fraction of a second, whatever the platform's pace; and the platform may set a limit of its own, for back-fill only.

use core::time::Duration;

use crate::Mono;

/// Readings of back-fill on their way at the start of a connection, and the fewest there ever are.
const SHARE_FIRST: u64 = 64;
const SHARE_MIN: u64 = 8;
/// Back-fill that queues for longer than this is too much, for less than that it may be more.
const QUEUED_LONG: Duration = Duration::from_millis(400);
const QUEUED_SHORT: Duration = Duration::from_millis(150);
/// A pause that the platform asked for ends after this at the latest.
const PAUSE_MAX: Duration = Duration::from_secs(24 * 3600);

/// The limit that the platform set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Limit {
    Free,
    PerSecond(u32),
    Paused,
}

/// The pace of one platform's back-fill.
#[derive(Clone, Debug)]
pub(super) struct Pace {
    /// Readings of back-fill that may be on their way.
    share: u64,
    share_max: u64,
    /// The quickest confirmation of this connection: what is beyond it was spent in queues.
    base: Option<Duration>,
    cut_at: Mono,
    limit: Limit,
    /// Nothing that the limit holds for leaves before.
    wake_at: Option<Mono>,
}

impl Pace {
    pub(super) fn new(share_max: u64) -> Self {
        let share_max = share_max.max(SHARE_MIN);
        Self {
            share: SHARE_FIRST.min(share_max),
            share_max,
            base: None,
            cut_at: Mono::ZERO,
            limit: Limit::Free,
            wake_at: None,
        }
    }

    /// A fresh connection: nothing is known of its pace.
    pub(super) fn connected(&mut self) {
        (self.share, self.base) = (SHARE_FIRST.min(self.share_max), None);
    }

    /// A message that left at `since` was confirmed; `weight` readings of back-fill were in it, if it was back-fill.
    pub(super) fn landed(&mut self, now: Mono, since: Mono, weight: Option<u64>) {
        let took = now.since(since);
        let base = self.base.map_or(took, |base| base.min(took));
        self.base = Some(base);
        let Some(weight) = weight else {
            return;
        };
        let queued = took.saturating_sub(base);
        if queued > QUEUED_LONG && since >= self.cut_at {
            self.share = (self.share / 2).max(SHARE_MIN);
            self.cut_at = now;
        } else if queued < QUEUED_SHORT {
            self.share = (self.share + weight).min(self.share_max);
        }
    }

    /// Readings of back-fill that may leave while `travelling` are on their way; `None`: none.
    pub(super) const fn room(&self, travelling: u64) -> Option<u64> {
        match self.share.checked_sub(travelling) {
            Some(0) | None => None,
            Some(room) => Some(room),
        }
    }

    /// The platform's limit. A pause ends by itself.
    pub(super) fn set(&mut self, now: Mono, per_second: Option<u32>) {
        (self.limit, self.wake_at) = match per_second {
            None => (Limit::Free, None),
            Some(0) => (Limit::Paused, Some(now + PAUSE_MAX)),
            Some(rate) => (Limit::PerSecond(rate), None),
        };
    }

    pub(super) const fn limit(&self) -> Limit {
        self.limit
    }

    /// Whether the limit lets a message go.
    pub(super) const fn allows(&self) -> bool {
        self.wake_at.is_none()
    }

    /// So much has left under the limit.
    pub(super) fn spent(&mut self, now: Mono, weight: u64) {
        if let Limit::PerSecond(rate) = self.limit {
            let micros = weight.saturating_mul(1_000_000) / u64::from(rate.max(1));
            self.wake_at = Some(now + Duration::from_micros(micros));
        }
    }

    pub(super) fn timeout(&mut self, now: Mono) {
        if self.wake_at.is_some_and(|at| now >= at) {
            self.wake_at = None;
            if self.limit == Limit::Paused {
                self.limit = Limit::Free;
            }
        }
    }

    pub(super) const fn poll_timeout(&self) -> Option<Mono> {
        self.wake_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ZERO: Mono = Mono::ZERO;

    #[test]
    fn a_limit_spreads_back_fill_over_time() {
        let mut pace = Pace::new(1000);
        pace.set(ZERO, Some(10));
        assert!(pace.allows());
        pace.spent(ZERO, 25);
        assert!(!pace.allows());
        assert_eq!(pace.poll_timeout(), Some(Mono::from_millis(2500)));
        pace.timeout(Mono::from_millis(2499));
        assert!(!pace.allows());
        pace.timeout(Mono::from_millis(2500));
        assert!(pace.allows() && pace.poll_timeout().is_none());
    }

    #[test]
    fn a_pause_ends_by_itself_after_a_day() {
        let mut pace = Pace::new(1000);
        pace.set(ZERO, Some(0));
        pace.timeout(Mono::from_millis(86_399_999));
        assert!(!pace.allows());
        pace.timeout(Mono::from_millis(86_400_000));
        assert!(pace.allows());
        assert_eq!(pace.limit(), Limit::Free);
    }

    #[test]
    fn the_share_grows_while_nothing_queues_and_halves_when_it_does() {
        let mut pace = Pace::new(1000);
        assert_eq!(pace.room(0), Some(64));
        for turn in 0..20 {
            pace.landed(Mono::from_millis(turn * 10 + 5), Mono::from_millis(turn * 10), Some(64));
        }
        assert_eq!(pace.room(0), Some(1000), "never beyond its bound");
        assert_eq!(pace.room(1000), None);
        pace.landed(Mono::from_millis(2000), Mono::from_millis(1000), Some(64));
        assert_eq!(pace.room(0), Some(500));
        pace.landed(Mono::from_millis(2001), Mono::from_millis(1001), Some(64));
        assert_eq!(pace.room(0), Some(500), "what left before the cut says nothing about it");
        for turn in 3..30 {
            pace.landed(Mono::from_millis(turn * 1000), Mono::from_millis(turn * 1000 - 999), Some(64));
        }
        assert_eq!(pace.room(0), Some(8), "never nothing");
    }
}
