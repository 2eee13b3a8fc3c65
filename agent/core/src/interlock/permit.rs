//! The start permit (启动许可) of a dust line: its fan has cleared the ducts before it starts, and clears them after it
//! stopped. Times are the site's; commonly 10 min before and 15 min after.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use super::{Cause, CauseState, Feedback, FeedbackSpec};
use crate::Mono;
use crate::id::{OutputId, TripId};

/// A line that may run only while this holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PermitSpec {
    /// Its name on the site.
    pub name: Arc<str>,
    /// Shows that the fan runs.
    pub fan: FeedbackSpec,
    /// How long the fan runs before.
    pub pre_run: Duration,
    /// None of them stands, and each is known.
    pub requires: Vec<Cause>,
    /// Each of them is ready.
    pub trips: Vec<TripId>,
    /// Keep the line from running; active unless the permit is granted.
    pub outputs: Vec<OutputId>,
    /// Keeps the fan running.
    pub hold: Option<HoldSpec>,
}

/// What keeps the fan running while the line runs and for a time after it stopped. Wired so that it holds in a fan that
/// runs and cannot start one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HoldSpec {
    /// Active while the fan must not stop.
    pub output: OutputId,
    /// Shows that the line runs. Without it, the line counts as running while the permit is granted.
    pub line: Option<FeedbackSpec>,
    /// How long the fan runs after.
    pub post_run: Duration,
    /// Trips that stop the fan, as for a fire in the duct: the output is inactive unless each of them is ready.
    pub released_by: Vec<TripId>,
}

/// Whether a line may run.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum PermitState {
    /// No: the fan is not known to run.
    #[default]
    FanOff,
    /// No: the fan runs, and has not run long enough.
    PreRun {
        /// When it has.
        until: Mono,
    },
    /// No: the fan has run long enough, and something that is required does not hold.
    Withheld,
    /// Yes.
    Granted,
}

impl PermitState {
    fn step(self, now: Mono, spec: &PermitSpec, seen: (Feedback, CauseState)) -> Self {
        let (fan, requires) = seen;
        let until = match (self, fan) {
            (_, Feedback::Away | Feedback::Unknown) => return Self::FanOff,
            (Self::FanOff, Feedback::Shown) => now + spec.pre_run,
            (Self::PreRun { until }, Feedback::Shown) => until,
            (Self::Withheld | Self::Granted, Feedback::Shown) => now,
        };
        match requires.permits() {
            _ if now < until => Self::PreRun { until },
            true => Self::Granted,
            false => Self::Withheld,
        }
    }
}

/// Whether the fan must be kept running.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Hold {
    /// The line runs, or nobody has seen it stop. A start begins here: nobody knows what ran before.
    #[default]
    LineRuns,
    /// It stopped.
    PostRun {
        /// When the fan may stop.
        until: Mono,
    },
    /// The fan may stop.
    Released,
}

impl Hold {
    /// Whether the fan must not stop.
    #[must_use]
    pub const fn is_active(self) -> bool {
        matches!(self, Self::LineRuns | Self::PostRun { .. })
    }

    fn step(self, now: Mono, line: Feedback, post_run: Duration) -> Self {
        let next = match (self, line) {
            (_, Feedback::Shown) => Self::LineRuns,
            (Self::LineRuns, Feedback::Away) => Self::PostRun { until: now + post_run },
            (Self::PostRun { until }, Feedback::Away) => Self::PostRun { until },
            // A line that is not seen may have started again; one that stood long enough starts nothing unseen.
            (Self::PostRun { until }, Feedback::Unknown) if now >= until => Self::Released,
            (Self::LineRuns | Self::PostRun { .. }, Feedback::Unknown) => Self::LineRuns,
            (Self::Released, Feedback::Away | Feedback::Unknown) => Self::Released,
        };
        match next {
            Self::PostRun { until } if now >= until => Self::Released,
            Self::LineRuns | Self::PostRun { .. } | Self::Released => next,
        }
    }
}

/// A permit at run time. A restart withholds it and holds the fan: both are found out afresh.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Permit {
    state: PermitState,
    hold: Hold,
    /// Until then, what nobody has read since a short restart withdraws nothing.
    granted_until: Option<Mono>,
}

impl Permit {
    /// A permit that an earlier run granted a moment ago: only what is seen withdraws it before `until`.
    #[must_use]
    pub const fn restored(until: Mono) -> Self {
        Self { state: PermitState::Granted, hold: Hold::LineRuns, granted_until: Some(until) }
    }

    /// Whether the line may run.
    #[must_use]
    pub const fn state(&self) -> PermitState {
        self.state
    }

    /// Whether the fan must be kept running.
    #[must_use]
    pub const fn hold(&self) -> Hold {
        self.hold
    }

    /// Takes what a scan saw: of the fan, of everything required, and of the line.
    pub fn step(&mut self, now: Mono, spec: &PermitSpec, seen: (Feedback, CauseState, Feedback)) {
        let (fan, requires, line) = seen;
        let unseen = fan != Feedback::Away && requires < CauseState::Standing;
        let unclear = fan == Feedback::Unknown || matches!(requires, CauseState::Unknown | CauseState::Fault);
        if unseen && unclear && self.granted_until.is_some_and(|until| now < until) {
            return;
        }
        self.granted_until = None;
        self.state = self.state.step(now, spec, (fan, requires));
        let Some(hold) = &spec.hold else {
            self.hold = Hold::Released;
            return;
        };
        let line = match (hold.line, self.state) {
            (Some(_), _) => line,
            (None, PermitState::Granted) => Feedback::Shown,
            (None, PermitState::FanOff | PermitState::PreRun { .. } | PermitState::Withheld) => {
                Feedback::Away
            }
        };
        self.hold = self.hold.step(now, line, hold.post_run);
    }

    /// When [`Self::step`] has something to do although nothing new was seen.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Mono> {
        let pre_run = match self.state {
            PermitState::PreRun { until } => Some(until),
            PermitState::FanOff | PermitState::Withheld | PermitState::Granted => None,
        };
        let post_run = match self.hold {
            Hold::PostRun { until } => Some(until),
            Hold::LineRuns | Hold::Released => None,
        };
        pre_run.into_iter().chain(post_run).chain(self.granted_until).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::PointId;
    use crate::{Side, Value};
    use CauseState::{Bypassed, Quiet, Standing, Unknown};
    use Feedback::{Away, Shown};

    #[test]
    fn the_whole_table_of_a_permit() {
        use PermitState::{FanOff, Granted, PreRun, Withheld};
        let running = |ms| PreRun { until: at(ms) };
        let rows = [
            // state at 10 ms with the fan running: requirements hold, and do not
            (FanOff, running(20), running(20)),
            (running(11), running(11), running(11)),
            (running(10), Granted, Withheld),
            (Withheld, Granted, Withheld),
            (Granted, Granted, Withheld),
        ];
        for (state, held, missing) in rows {
            let step = |fan, requires| state.step(at(10), &spec(), (fan, requires));
            for (requires, wanted) in
                [(Quiet, held), (Bypassed, held), (Unknown, missing), (Standing, missing)]
            {
                assert_eq!(step(Shown, requires), wanted, "{state:?} {requires:?}");
                assert_eq!(step(Away, requires), FanOff, "{state:?}");
                assert_eq!(step(Feedback::Unknown, requires), FanOff, "{state:?}");
            }
        }
    }

    #[test]
    fn the_whole_table_of_a_hold() {
        use Hold::{LineRuns, PostRun, Released};
        let post = |ms| PostRun { until: at(ms) };
        let rows = [
            // hold at 10 ms: away, unknown; a line that runs is held in every row
            (LineRuns, post(25), LineRuns),
            (post(11), post(11), LineRuns),
            (post(10), Released, Released),
            (Released, Released, Released),
        ];
        for (hold, away, unknown) in rows {
            let step = |line| hold.step(at(10), line, Duration::from_millis(15));
            assert_eq!(step(Shown), LineRuns, "{hold:?}");
            assert_eq!(step(Away), away, "{hold:?}");
            assert_eq!(step(Feedback::Unknown), unknown, "{hold:?}");
        }
    }

    #[test]
    fn a_fan_that_stops_for_a_moment_runs_its_whole_time_again() {
        let mut permit = Permit::default();
        for (ms, fan) in [(0, Shown), (9, Away), (9, Shown), (18, Shown)] {
            permit.step(at(ms), &spec(), (fan, Quiet, Away));
            assert_ne!(permit.state(), PermitState::Granted, "{ms}");
        }
        assert_eq!(permit.poll_timeout(), Some(at(19)));
        permit.step(at(19), &spec(), (Shown, Quiet, Away));
        assert_eq!(permit.state(), PermitState::Granted);
    }

    #[test]
    fn without_a_feedback_the_line_stops_when_the_permit_is_lost() {
        let mut spec = spec();
        spec.hold.as_mut().unwrap().line = None;
        let mut permit = Permit::default();
        for ms in [0, 10] {
            permit.step(at(ms), &spec, (Shown, Quiet, Feedback::Unknown));
        }
        assert_eq!((permit.state(), permit.hold()), (PermitState::Granted, Hold::LineRuns));
        permit.step(at(30), &spec, (Shown, Standing, Feedback::Unknown));
        assert_eq!(permit.state(), PermitState::Withheld);
        assert_eq!(permit.hold(), Hold::PostRun { until: at(45) });
        permit.step(at(45), &spec, (Shown, Standing, Feedback::Unknown));
        assert!(!permit.hold().is_active());
    }

    fn spec() -> PermitSpec {
        let feedback = |point| FeedbackSpec { point: PointId(point), side: Side::High, limit: Value::HALF };
        PermitSpec {
            name: "line".into(),
            fan: feedback(0),
            pre_run: Duration::from_millis(10),
            requires: Vec::new(),
            trips: Vec::new(),
            outputs: Vec::new(),
            hold: Some(HoldSpec {
                output: OutputId(0),
                line: Some(feedback(1)),
                post_run: Duration::from_millis(15),
                released_by: Vec::new(),
            }),
        }
    }

    fn at(ms: u64) -> Mono {
        Mono::from_millis(ms)
    }
}
