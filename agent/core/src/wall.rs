//! The wall clock as the engine knows it: read now and then, carried forward by the monotonic clock, and checked for jumps.

use core::time::Duration;

use crate::outbox::record::ClockStep;
use crate::{ClockTrust, Mono, Stamp, Utc};

/// A difference that no slewing explains.
const STEP_MIN: Duration = Duration::from_secs(1);

#[derive(Clone, Copy, Debug)]
pub(crate) struct WallClock {
    read_at: Mono,
    utc: Utc,
    pub(crate) trust: ClockTrust,
}

impl WallClock {
    pub(crate) const fn new(read_at: Mono, utc: Utc, trust: ClockTrust) -> Self {
        Self { read_at, utc, trust }
    }

    pub(crate) fn stamp(&self, now: Mono) -> Stamp {
        let passed = i64::try_from(now.since(self.read_at).as_millis()).unwrap_or(i64::MAX);
        Stamp {
            mono: now,
            utc: Utc::from_unix_ms(self.utc.unix_ms().saturating_add(passed)),
            trust: self.trust,
        }
    }

    /// Takes a reading of the clock; returns the jump, if it is one.
    pub(crate) fn read(&mut self, now: Mono, utc: Utc, trust: ClockTrust) -> Option<ClockStep> {
        let from = self.stamp(now).utc;
        *self = Self::new(now, utc, trust);
        let jump = utc.unix_ms().abs_diff(from.unix_ms());
        (u128::from(jump) >= STEP_MIN.as_millis()).then_some(ClockStep { from, to: utc })
    }
}
