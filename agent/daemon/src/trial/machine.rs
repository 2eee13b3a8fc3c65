//! The machine of a trial: what may follow on what, when it ends by itself, and what a start makes of one that it finds.

use std::time::Duration;

use hazard_core::Mono;

use super::{Carrier, Marker, PAUSES_MAX};

/// Whether a configuration is on trial.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Phase {
    /// The configuration is there to stay.
    #[default]
    Settled,
    /// It goes unless somebody confirms it.
    Trial {
        /// When it goes.
        until: Mono,
    },
}

/// What happens to a configuration.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    /// Another one is put in force.
    Applied {
        /// For so long without a confirmation.
        within: Duration,
    },
    /// A person confirms.
    Confirmed,
    /// A person takes it back.
    TakenBack,
    /// The files were edited by hand, which nobody can forbid.
    Edited,
}

/// Why something does not follow.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refused {
    /// Another configuration is on trial: confirm it or take it back first.
    OnTrial,
    /// None is.
    NotOnTrial,
}

impl Phase {
    /// What follows.
    ///
    /// # Errors
    /// When it cannot follow.
    pub fn step(self, now: Mono, event: Event) -> Result<Self, Refused> {
        match (self, event) {
            (Self::Settled, Event::Applied { within }) => Ok(Self::Trial { until: now + within }),
            (Self::Trial { .. }, Event::Applied { .. }) => Err(Refused::OnTrial),
            (Self::Settled, Event::Confirmed | Event::TakenBack) => Err(Refused::NotOnTrial),
            (Self::Trial { .. }, Event::Confirmed | Event::TakenBack) | (_, Event::Edited) => {
                Ok(Self::Settled)
            }
        }
    }

    /// Whether the time is over; then the configuration before has to come back.
    #[must_use]
    pub fn is_over(self, now: Mono) -> bool {
        self.poll_timeout().is_some_and(|(until, _)| until <= now)
    }

    /// When it goes, and why.
    #[must_use]
    pub const fn poll_timeout(self) -> Option<(Mono, &'static str)> {
        match self {
            Self::Settled => None,
            Self::Trial { until } => Some((until, "nobody has confirmed the configuration")),
        }
    }

    /// How much time is left.
    #[must_use]
    pub fn left(self, now: Mono) -> Option<Duration> {
        match self {
            Self::Settled => None,
            Self::Trial { until } => Some(until.since(now)),
        }
    }
}

/// Which of the two configurations of a trial the site file and its templates are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Seen {
    /// The one before.
    Before,
    /// The one on trial.
    OnTrial,
    /// Some files are of the one before and some of the one on trial: changing them was cut off.
    Between,
    /// Neither: somebody edited it.
    Other,
}

/// Why a trial ended without a person.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Why {
    /// Its time was over.
    Expired,
    /// The agent or its power ended meanwhile.
    Interrupted,
}

/// What a start makes of a trial.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Start {
    /// It goes on.
    GoOn {
        /// For so long.
        left: Duration,
    },
    /// The configuration before comes back.
    GiveBack(Why),
    /// The configuration before is in force already.
    IsBack,
    /// The file was edited meanwhile: there is no trial any more.
    Forget,
}

/// Judges a trial that a start finds. `away` is how long ago the marker was written, if a clock tells.
#[must_use]
pub fn at_start(marker: &Marker, seen: Seen, away: Option<Duration>) -> Start {
    match (seen, marker.carrier) {
        (Seen::Before, _) => Start::IsBack,
        (Seen::Other, _) => Start::Forget,
        (Seen::Between, _) => Start::GiveBack(Why::Interrupted),
        // It ended without a word, and what it ran may be why.
        (Seen::OnTrial, Carrier::Running) => Start::GiveBack(Why::Interrupted),
        (Seen::OnTrial, Carrier::Paused) => {
            let left = Duration::from_millis(marker.left_ms).saturating_sub(away.unwrap_or_default());
            if left.is_zero() || (away.is_none() && marker.pauses >= PAUSES_MAX) {
                Start::GiveBack(Why::Expired)
            } else {
                Start::GoOn { left }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn every_event_has_an_answer_in_every_phase() {
        let now = Mono::ZERO + HOUR;
        let trial = Phase::Trial { until: now + HOUR };
        let applied = Event::Applied { within: HOUR };
        for (phase, event, next) in [
            (Phase::Settled, applied, Ok(trial)),
            (Phase::Settled, Event::Confirmed, Err(Refused::NotOnTrial)),
            (Phase::Settled, Event::TakenBack, Err(Refused::NotOnTrial)),
            (Phase::Settled, Event::Edited, Ok(Phase::Settled)),
            (trial, applied, Err(Refused::OnTrial)),
            (trial, Event::Confirmed, Ok(Phase::Settled)),
            (trial, Event::TakenBack, Ok(Phase::Settled)),
            (trial, Event::Edited, Ok(Phase::Settled)),
        ] {
            assert_eq!(phase.step(now, event), next, "{phase:?} {event:?}");
        }
    }

    #[test]
    fn a_trial_is_over_at_its_deadline_and_not_a_moment_before() {
        let until = Mono::ZERO + HOUR;
        let trial = Phase::Trial { until };
        assert!(!trial.is_over(Mono::from_micros(until.as_micros() - 1)));
        assert!(trial.is_over(until));
        assert_eq!(trial.left(Mono::ZERO), Some(HOUR));
        assert_eq!(trial.left(until + HOUR), Some(Duration::ZERO));
        assert!(!Phase::Settled.is_over(until));
    }

    #[test]
    fn a_start_judges_every_trial_that_it_can_find() {
        let (back, go_on) = (Start::GiveBack, |left| Start::GoOn { left });
        for carrier in [Carrier::Running, Carrier::Paused] {
            for away in [None, Some(Duration::ZERO), Some(HOUR)] {
                assert_eq!(at_start(&marker(carrier, 0), Seen::Before, away), Start::IsBack);
                assert_eq!(at_start(&marker(carrier, 0), Seen::Other, away), Start::Forget);
                let interrupted = back(Why::Interrupted);
                assert_eq!(at_start(&marker(carrier, 0), Seen::Between, away), interrupted);
            }
        }
        for (carrier, pauses, away, start) in [
            (Carrier::Running, 0, None, back(Why::Interrupted)),
            (Carrier::Running, 0, Some(Duration::ZERO), back(Why::Interrupted)),
            (Carrier::Running, 0, Some(HOUR), back(Why::Interrupted)),
            (Carrier::Paused, 1, Some(Duration::ZERO), go_on(HOUR)),
            (Carrier::Paused, 1, Some(HOUR / 4), go_on(HOUR * 3 / 4)),
            (Carrier::Paused, 1, Some(HOUR), back(Why::Expired)),
            (Carrier::Paused, 1, Some(HOUR * 2), back(Why::Expired)),
            (Carrier::Paused, PAUSES_MAX, Some(HOUR / 4), go_on(HOUR * 3 / 4)),
            (Carrier::Paused, PAUSES_MAX - 1, None, go_on(HOUR)),
            (Carrier::Paused, PAUSES_MAX, None, back(Why::Expired)),
        ] {
            assert_eq!(
                at_start(&marker(carrier, pauses), Seen::OnTrial, away),
                start,
                "{carrier:?} {away:?}"
            );
        }
    }

    #[test]
    fn a_clock_tells_how_long_ago_within_a_boot_or_when_both_ends_were_synchronised() {
        let at = |boot: &str, boot_ms, utc_ms, synced| super::super::Moment {
            boot_id: boot.into(),
            boot_ms,
            utc_ms,
            synced,
        };
        let before = at("a", 1_000, 50_000, true);
        let ms = |ms| Some(Duration::from_millis(ms));
        assert_eq!(before.until(&at("a", 4_000, 0, false)), ms(3_000));
        assert_eq!(before.until(&at("b", 10, 57_000, true)), ms(7_000));
        assert_eq!(before.until(&at("b", 10, 57_000, false)), None);
        assert_eq!(before.until(&at("b", 10, 49_000, true)), None);
        assert_eq!(at("", 1_000, 0, false).until(&at("", 4_000, 0, false)), None);
    }

    fn marker(carrier: Carrier, pauses: u32) -> Marker {
        let at = super::super::Moment { boot_id: "a".into(), boot_ms: 0, utc_ms: 0, synced: false };
        Marker {
            from: "a".into(),
            to: "b".into(),
            actor: "c".into(),
            approver: String::new(),
            left_ms: 3_600_000,
            at,
            sync_file: "/nowhere".into(),
            carrier,
            pauses,
            counts: Default::default(),
        }
    }
}
