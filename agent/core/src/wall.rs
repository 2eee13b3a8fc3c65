//! The wall clock as the engine knows it: read now and then, carried forward by the monotonic clock, and checked for jumps.

use core::time::Duration;

use crate::outbox::record::ClockStep;
use crate::{ClockTrust, Mono, Stamp, Utc};

/// A difference that no slewing explains.
const STEP_MIN: Duration = Duration::from_secs(1);

/// What a run's monotonic clock reads in wall-clock time, once the wall clock was believable: it back-dates what was stamped
/// before, for one monotonic clock goes through the whole run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ClockOffset {
    /// The wall clock at the monotonic clock's zero.
    pub zero: Utc,
    /// How far the reading that it was taken from can be believed.
    pub trust: ClockTrust,
}

impl ClockOffset {
    /// What one reading says; nothing when it cannot be believed.
    #[must_use]
    pub fn read(now: Mono, utc: Utc, trust: ClockTrust) -> Option<Self> {
        let zero = Utc::from_unix_ms(utc.unix_ms().saturating_sub(ms(now)));
        (trust != ClockTrust::Unset).then_some(Self { zero, trust })
    }

    /// When a record that was stamped without a believable clock was made. Others keep the time that they were given: a step
    /// of a clock that somebody had set is an event of its own, and nobody knows which side of it was right.
    #[must_use]
    pub fn back_date(self, stamp: Stamp) -> Option<Utc> {
        let utc = Utc::from_unix_ms(self.zero.unix_ms().saturating_add(ms(stamp.mono)));
        (stamp.trust == ClockTrust::Unset).then_some(utc)
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct WallClock {
    read_at: Mono,
    utc: Utc,
    pub(crate) trust: ClockTrust,
    offset: Option<ClockOffset>,
}

impl WallClock {
    pub(crate) fn new(read_at: Mono, utc: Utc, trust: ClockTrust) -> Self {
        Self { read_at, utc, trust, offset: ClockOffset::read(read_at, utc, trust) }
    }

    pub(crate) fn stamp(&self, now: Mono) -> Stamp {
        let passed = i64::try_from(now.since(self.read_at).as_millis()).unwrap_or(i64::MAX);
        Stamp {
            mono: now,
            utc: Utc::from_unix_ms(self.utc.unix_ms().saturating_add(passed)),
            trust: self.trust,
        }
    }

    /// What it reads or read at a moment, by what it reads at last.
    pub(crate) fn at(&self, moment: Mono) -> Utc {
        let distance = ms(moment).saturating_sub(ms(self.read_at));
        Utc::from_unix_ms(self.utc.unix_ms().saturating_add(distance))
    }

    /// The first believable reading of this run, or the first that a time source confirmed.
    pub(crate) const fn offset(&self) -> Option<ClockOffset> {
        self.offset
    }

    /// Takes a reading of the clock; returns the jump, if it is one.
    pub(crate) fn read(&mut self, now: Mono, utc: Utc, trust: ClockTrust) -> Option<ClockStep> {
        let from = self.stamp(now).utc;
        let known = self.offset;
        *self = Self::new(now, utc, trust);
        let better = self.offset.filter(|new| known.is_none_or(|known| new.trust > known.trust));
        self.offset = better.or(known);
        let jump = utc.unix_ms().abs_diff(from.unix_ms());
        (u128::from(jump) >= STEP_MIN.as_millis()).then_some(ClockStep { from, to: utc })
    }
}

fn ms(at: Mono) -> i64 {
    i64::try_from(at.as_micros() / 1_000).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SET_MS: i64 = 1_780_000_000_000;

    #[test]
    fn what_was_stamped_in_1970_is_back_dated_by_the_first_believable_reading() {
        let mut wall = WallClock::new(Mono::ZERO, Utc::from_unix_ms(5_000), ClockTrust::Unset);
        assert_eq!(wall.offset(), None);
        let early = wall.stamp(at(40));
        assert_eq!(early.utc.unix_ms(), 45_000);
        assert!(
            wall.read(at(100), Utc::from_unix_ms(SET_MS), ClockTrust::Synced).is_some(),
            "a step is told"
        );
        let offset = wall.offset().unwrap();
        assert_eq!(offset.back_date(early).unwrap().unix_ms(), SET_MS - 60_000);
        // A clock that falls back to 1970 meanwhile is back-dated as well.
        wall.read(at(200), Utc::from_unix_ms(0), ClockTrust::Unset);
        assert_eq!(offset.back_date(wall.stamp(at(210))).unwrap().unix_ms(), SET_MS + 110_000);
        assert_eq!(wall.offset(), Some(offset));
    }

    #[test]
    fn what_was_stamped_by_a_clock_that_somebody_had_set_keeps_its_time() {
        let offset = ClockOffset::read(at(1), Utc::from_unix_ms(SET_MS), ClockTrust::Synced).unwrap();
        for trust in [ClockTrust::Free, ClockTrust::Synced] {
            let stamp = Stamp { mono: at(2), utc: Utc::from_unix_ms(7), trust };
            assert_eq!(offset.back_date(stamp), None);
        }
    }

    #[test]
    fn a_confirmed_reading_replaces_an_unconfirmed_one_and_stays() {
        let mut wall = WallClock::new(Mono::ZERO, Utc::from_unix_ms(0), ClockTrust::Unset);
        let mut zero = |second: u64, utc_ms, trust| {
            wall.read(at(second), Utc::from_unix_ms(utc_ms), trust);
            wall.offset().map(|offset| offset.zero.unix_ms())
        };
        assert_eq!(zero(10, SET_MS, ClockTrust::Free), Some(SET_MS - 10_000));
        assert_eq!(zero(20, SET_MS + 50_000, ClockTrust::Free), Some(SET_MS - 10_000));
        assert_eq!(zero(30, SET_MS + 90_000, ClockTrust::Synced), Some(SET_MS + 60_000));
        assert_eq!(zero(40, SET_MS, ClockTrust::Synced), Some(SET_MS + 60_000));
    }

    proptest! {
        #[test]
        fn no_clock_is_so_wrong_that_it_overflows(mono in any::<u64>(), now in any::<u64>(), utc in any::<i64>()) {
            let read = ClockOffset::read(Mono::from_micros(now), Utc::from_unix_ms(utc), ClockTrust::Free);
            let stamp = Stamp { mono: Mono::from_micros(mono), utc: Utc::from_unix_ms(utc), trust: ClockTrust::Unset };
            prop_assert!(read.and_then(|offset| offset.back_date(stamp)).is_some());
        }
    }

    fn at(second: u64) -> Mono {
        Mono::from_millis(second * 1_000)
    }
}
