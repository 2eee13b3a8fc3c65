//! Pauses between attempts to connect: full jitter, so that a thousand gateways do not come back to a broker in step.

use std::time::Duration;

use super::FaultKind;

/// The ceiling of the first pause.
const BASE: Duration = Duration::from_millis(500);

/// Random pauses below a ceiling that doubles with each failure.
pub(super) struct Backoff {
    state: u64,
    failures: u32,
    max: Duration,
}

impl Backoff {
    pub(super) const fn new(seed: u64, max: Duration) -> Self {
        Self { state: seed, failures: 0, max }
    }

    /// The next pause; one after a refusal lies in the upper half of the longest.
    pub(super) fn pause(&mut self, after: FaultKind) -> Duration {
        let random = self.next() as u32;
        let ceiling = self.max.min(BASE.saturating_mul(1_u32.checked_shl(self.failures).unwrap_or(u32::MAX)));
        self.failures = (self.failures + 1).min(31);
        match after {
            FaultKind::Refused => self.max / 2 + fraction(self.max / 2, random),
            FaultKind::Line | FaultKind::Poison => fraction(ceiling, random),
        }
    }

    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }

    /// SplitMix64: even enough for jitter, and repeatable from its seed.
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

/// `whole` × `random` / 2³².
fn fraction(whole: Duration, random: u32) -> Duration {
    whole.mul_f64(f64::from(random) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_stay_below_a_ceiling_that_doubles_up_to_the_longest() {
        let max = Duration::from_secs(8);
        for seed in 0..200 {
            let mut backoff = Backoff::new(seed, max);
            for ceiling_ms in [500, 1_000, 2_000, 4_000, 8_000, 8_000, 8_000] {
                assert!(backoff.pause(FaultKind::Line) <= Duration::from_millis(ceiling_ms), "seed {seed}");
            }
        }
    }

    #[test]
    fn the_jitter_uses_the_whole_range() {
        let mut backoff = Backoff::new(7, Duration::from_millis(500));
        let pauses: Vec<_> = (0..200).map(|_| backoff.pause(FaultKind::Line)).collect();
        assert!(pauses.iter().any(|pause| *pause < Duration::from_millis(50)));
        assert!(pauses.iter().any(|pause| *pause > Duration::from_millis(450)));
    }

    #[test]
    fn a_refusal_is_answered_at_the_slow_end_from_the_first_time() {
        let mut backoff = Backoff::new(7, Duration::from_secs(60));
        for _ in 0..100 {
            let pause = backoff.pause(FaultKind::Refused);
            assert!(pause >= Duration::from_secs(30) && pause <= Duration::from_secs(60));
        }
    }

    #[test]
    fn a_good_connection_brings_back_the_short_pause() {
        let mut backoff = Backoff::new(7, Duration::from_secs(60));
        for _ in 0..40 {
            backoff.pause(FaultKind::Line);
        }
        backoff.reset();
        assert!(backoff.pause(FaultKind::Line) <= BASE);
    }
}
