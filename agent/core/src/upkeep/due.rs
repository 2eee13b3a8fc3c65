//! When a duty is due: by the wall clock, as far as it can be believed. A clock that nobody confirms may make a duty due and
//! never makes one fine.

use core::time::Duration;

use super::UpkeepSpec;
use crate::{ClockTrust, Mono, Stamp, Utc};

/// A day, as far as dates of upkeep go.
pub const DAY: Duration = Duration::from_secs(24 * 3600);

/// Where a duty stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Due {
    /// Its date is far.
    Fine,
    /// Its date is near.
    DueSoon,
    /// Its date has passed. Only a passed test ends this, or a time source that says that it is earlier.
    Overdue,
    /// Nobody knows of a passed test: it is due at once.
    NeverDone,
    /// Nobody can tell: the clock is not trusted, or the last passed test lies ahead of it.
    Unjudged,
}

impl Due {
    /// Whether the work should have been done: an alarm of the monitoring itself.
    #[must_use]
    pub const fn is_due(self) -> bool {
        match self {
            Self::Overdue | Self::NeverDone => true,
            Self::Fine | Self::DueSoon | Self::Unjudged => false,
        }
    }
}

/// A moment that dates may be compared with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Today {
    pub(super) utc: Utc,
    /// A time source confirms it.
    confirmed: bool,
}

/// What is known of the date.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Calendar {
    /// The latest moment that a believed clock has shown.
    pub(super) latest: Option<Utc>,
}

impl Calendar {
    /// The date, if the clock can be believed. Without a time source it must not run back: of two readings one is wrong.
    pub(super) fn read(&mut self, stamp: Stamp) -> Option<Today> {
        let Stamp { utc, trust, .. } = stamp;
        match trust {
            ClockTrust::Unset => return None,
            ClockTrust::Free if self.latest.is_some_and(|latest| is_ahead(latest, utc)) => return None,
            ClockTrust::Free => self.latest = self.latest.max(Some(utc)),
            ClockTrust::Synced => self.latest = Some(utc),
        }
        Some(Today { utc, confirmed: trust == ClockTrust::Synced })
    }
}

/// What outlives a restart.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct KeptDate {
    pub(super) passed: Option<Utc>,
    pub(super) overdue: bool,
}

/// When a duty was done last.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Passed {
    Never,
    On(Utc),
    /// While no clock was believed; it gets its date from the first believed clock of this run.
    Undated {
        at: Mono,
        before: KeptDate,
    },
}

/// The date of one duty.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Date {
    passed: Passed,
    /// It was found overdue since it was done last.
    overdue: bool,
    pub(super) due: Due,
}

impl Date {
    pub(super) fn new(last_done: Option<Utc>) -> Self {
        Self { passed: last_done.map_or(Passed::Never, Passed::On), overdue: false, due: Due::Unjudged }
    }

    /// Takes up what an earlier run knew, unless the configuration knows of a later test.
    pub(super) fn resume(&mut self, kept: KeptDate) {
        if kept.passed >= self.last() {
            self.passed = kept.passed.map_or(Passed::Never, Passed::On);
            self.overdue = kept.overdue;
        }
    }

    /// What has to outlive a restart. A pass that never got its date is none afterwards: nobody could say how old it is.
    pub(super) const fn kept(&self) -> KeptDate {
        match self.passed {
            Passed::Never => KeptDate { passed: None, overdue: false },
            Passed::On(utc) => KeptDate { passed: Some(utc), overdue: self.overdue },
            Passed::Undated { before, .. } => before,
        }
    }

    /// When it was done last, as far as it has a date.
    pub(super) const fn last(&self) -> Option<Utc> {
        match self.passed {
            Passed::On(utc) => Some(utc),
            Passed::Never | Passed::Undated { .. } => None,
        }
    }

    pub(super) fn pass(&mut self, now: Mono, today: Option<Today>) {
        let before = self.kept();
        self.passed = today.map_or(Passed::Undated { at: now, before }, |today| Passed::On(today.utc));
        self.overdue = false;
    }

    /// Looks at the date; returns where it stood, if it moved.
    pub(super) fn step(&mut self, now: Mono, spec: &UpkeepSpec, today: Option<Today>) -> Option<Due> {
        if let (Passed::Undated { at, .. }, Some(today)) = (self.passed, today) {
            self.passed =
                Passed::On(Utc::from_unix_ms(today.utc.unix_ms().saturating_sub(ms(now.since(at)))));
        }
        let due = self.judge(spec, today);
        self.overdue = due == Due::Overdue;
        let from = core::mem::replace(&mut self.due, due);
        (from != due).then_some(from)
    }

    fn judge(&self, spec: &UpkeepSpec, today: Option<Today>) -> Due {
        let passed = match self.passed {
            Passed::Never => return Due::NeverDone,
            Passed::Undated { .. } => return Due::Unjudged,
            Passed::On(passed) => passed,
        };
        match today.filter(|today| !is_ahead(passed, today.utc)) {
            Some(today) if self.overdue && !today.confirmed => Due::Overdue,
            Some(today) => at_age(age(passed, today.utc), spec),
            None if self.overdue => Due::Overdue,
            None => Due::Unjudged,
        }
    }

    /// How long until the wall clock alone moves it; at most a day, after which the clock may have said something else.
    pub(super) fn moves_in(&self, spec: &UpkeepSpec, today: Option<Today>) -> Duration {
        let (Passed::On(passed), Some(today)) = (self.passed, today) else {
            return DAY;
        };
        let age = age(passed, today.utc);
        let soon = spec.every.saturating_sub(spec.warn_before);
        let next = if age < soon { soon } else { spec.every };
        let left = next.saturating_sub(age);
        if left.is_zero() { DAY } else { left.min(DAY) }
    }
}

fn at_age(age: Duration, spec: &UpkeepSpec) -> Due {
    if age >= spec.every {
        Due::Overdue
    } else if age >= spec.every.saturating_sub(spec.warn_before) {
        Due::DueSoon
    } else {
        Due::Fine
    }
}

/// More than a day ahead: no time zone and no slewing explains it.
fn is_ahead(utc: Utc, of: Utc) -> bool {
    age(of, utc) > DAY
}

fn age(from: Utc, to: Utc) -> Duration {
    let ms = to.unix_ms().saturating_sub(from.unix_ms());
    Duration::from_millis(u64::try_from(ms).unwrap_or_default())
}

fn ms(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;
    use crate::id::PointId;
    use crate::upkeep::{Duty, Limits};

    const TRUSTS: [ClockTrust; 3] = [ClockTrust::Unset, ClockTrust::Free, ClockTrust::Synced];

    /// Every state a date can be in, every day that matters, every trust.
    #[test]
    fn the_whole_table_of_a_due_date() {
        use Due::{DueSoon, Fine, Overdue, Unjudged};
        // Passed on day 10, every 90 days, 14 before; the day, and how it stands unset, free, synced, not overdue then overdue.
        let rows = [
            (8, [Unjudged, Unjudged, Unjudged], [Overdue, Overdue, Overdue]),
            (9, [Unjudged, Fine, Fine], [Overdue, Overdue, Fine]),
            (10, [Unjudged, Fine, Fine], [Overdue, Overdue, Fine]),
            (85, [Unjudged, Fine, Fine], [Overdue, Overdue, Fine]),
            (86, [Unjudged, DueSoon, DueSoon], [Overdue, Overdue, DueSoon]),
            (99, [Unjudged, DueSoon, DueSoon], [Overdue, Overdue, DueSoon]),
            (100, [Unjudged, Overdue, Overdue], [Overdue, Overdue, Overdue]),
            (9_999, [Unjudged, Overdue, Overdue], [Overdue, Overdue, Overdue]),
        ];
        for (today, fresh, overdue) in rows {
            for (was_overdue, wanted) in [(false, fresh), (true, overdue)] {
                let found = TRUSTS.map(|trust| {
                    let mut date = Date { overdue: was_overdue, ..Date::new(Some(day(10))) };
                    date.step(Mono::ZERO, &spec(), Calendar::default().read(stamp(today, trust)));
                    date.due
                });
                assert_eq!(found, wanted, "day {today}, overdue {was_overdue}");
            }
        }
        for trust in TRUSTS {
            let mut date = Date::new(None);
            date.step(Mono::ZERO, &spec(), Calendar::default().read(stamp(50, trust)));
            assert_eq!(date.due, Due::NeverDone);
        }
    }

    #[test]
    fn a_clock_that_runs_back_is_believed_only_when_a_time_source_says_so() {
        let mut calendar = Calendar::default();
        let mut seen = |today, trust| calendar.read(stamp(today, trust)).is_some();
        let readings = [
            (50, ClockTrust::Free, true),
            (49, ClockTrust::Free, true),
            (48, ClockTrust::Free, false),
            (48, ClockTrust::Unset, false),
            (5_000, ClockTrust::Unset, false),
            (51, ClockTrust::Free, true),
            (5_000, ClockTrust::Free, true),
            (52, ClockTrust::Free, false),
            (52, ClockTrust::Synced, true),
            (52, ClockTrust::Free, true),
        ];
        let found: Vec<bool> = readings.iter().map(|&(today, trust, _)| seen(today, trust)).collect();
        assert_eq!(found, readings.map(|(_, _, believed)| believed));
    }

    #[test]
    fn a_pass_without_a_clock_gets_its_date_from_the_first_one_and_is_none_after_a_restart() {
        let mut date = Date { overdue: true, ..Date::new(Some(day(1))) };
        date.pass(Mono::ZERO + DAY, None);
        date.step(Mono::ZERO + DAY, &spec(), None);
        assert_eq!((date.due, date.last()), (Due::Unjudged, None));
        assert_eq!(date.kept(), KeptDate { passed: Some(day(1)), overdue: true });
        let today = Calendar::default().read(stamp(200, ClockTrust::Free));
        date.step(Mono::ZERO + 5 * DAY, &spec(), today);
        assert_eq!((date.due, date.last()), (Due::Fine, Some(day(196))));
        assert_eq!(date.kept(), KeptDate { passed: Some(day(196)), overdue: false });
    }

    #[test]
    fn the_later_of_configuration_and_memory_counts() {
        for (configured, kept, last, overdue) in
            [(Some(5), 9, 9, true), (Some(9), 5, 9, false), (Some(5), 5, 5, true), (None, 5, 5, true)]
        {
            let mut date = Date::new(configured.map(day));
            date.resume(KeptDate { passed: Some(day(kept)), overdue: true });
            assert_eq!(date.kept(), KeptDate { passed: Some(day(last)), overdue });
        }
    }

    #[test]
    fn it_looks_again_when_its_state_changes_and_at_least_daily() {
        let date = Date::new(Some(day(10)));
        let moves_in = |ms: i64, trust| {
            let utc = Utc::from_unix_ms(ms);
            let today = Calendar::default().read(Stamp { utc, trust, ..Stamp::default() });
            date.moves_in(&spec(), today)
        };
        let hour = Duration::from_secs(3600);
        let before = |days: i64| day(days).unix_ms() - super::ms(hour);
        assert_eq!(moves_in(before(86), ClockTrust::Free), hour);
        assert_eq!(moves_in(before(100), ClockTrust::Free), hour);
        assert_eq!(moves_in(before(50), ClockTrust::Free), DAY);
        assert_eq!(moves_in(before(200), ClockTrust::Free), DAY);
        assert_eq!(moves_in(before(86), ClockTrust::Unset), DAY);
    }

    fn spec() -> UpkeepSpec {
        UpkeepSpec {
            point: PointId(0),
            duty: Duty::Calibration,
            every: 90 * DAY,
            warn_before: 14 * DAY,
            limits: Limits::default(),
            proves: Vec::new(),
            last_done: None,
        }
    }

    fn stamp(today: i64, trust: ClockTrust) -> Stamp {
        Stamp { mono: Mono::ZERO, utc: day(today), trust }
    }

    fn day(number: i64) -> Utc {
        Utc::from_unix_ms(number * 86_400_000)
    }
}
