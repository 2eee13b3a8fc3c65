//! One trip (联锁动作): causes start it, and only a reset with every permissive ends it. It says which cause came first
//! (首出) and whether the field shows that its outputs did what they were driven to do.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use super::{Cause, CauseState, Feedback, FeedbackSpec};
use crate::Mono;
use crate::id::{OutputId, PointId};
use crate::vote::OnFault;

/// A row of the cause & effect matrix.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TripSpec {
    /// Its name on the site.
    pub name: Arc<str>,
    /// Any of them trips it.
    pub causes: Vec<Cause>,
    /// What the dead detector of a cause that is a bare alarm does; a vote says so itself.
    pub on_fault: OnFault,
    /// Driven toward the safe state until it is ready again.
    pub outputs: Vec<OutputId>,
    /// Held after its causes have gone, until somebody resets it. Without it, it ends by itself under the conditions of a
    /// reset.
    pub latch: bool,
    /// What a reset needs besides causes that have gone.
    pub permissives: Vec<Permissive>,
    /// How the field shows that it worked.
    pub prove: Option<ProveSpec>,
    /// A push button that resets it, as far as it may be.
    pub reset_button: Option<PointId>,
}

/// What a reset needs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Permissive {
    /// This does not stand.
    Quiet(Cause),
    /// The feedback shows the safe position.
    Proven,
}

/// A feedback that must show the safe position soon after driving.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ProveSpec {
    /// Where the safe position is shown.
    pub feedback: FeedbackSpec,
    /// How long the way there may take.
    pub within: Duration,
}

/// The cause that came first; kept until the trip is ready again. Of several in one scan, the first of the row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FirstOut {
    /// Which; `None` after a restart with a site that no longer has it, and where retentive memory was lost.
    pub cause: Option<Cause>,
    /// When, on the clock of this run; after a restart, the start.
    pub at: Mono,
}

/// Where a trip stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum TripState {
    /// Nothing drives its outputs.
    #[default]
    Ready,
    /// A cause stands, or nobody has seen all of them end.
    Tripped(FirstOut),
    /// All causes were seen to end; held until it is reset.
    Held(FirstOut),
}

/// What a scan saw of all causes together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Seen {
    Standing(Cause),
    Unclear,
    Gone,
}

impl TripState {
    /// Whether it leaves its outputs alone.
    #[must_use]
    pub const fn is_ready(self) -> bool {
        matches!(self, Self::Ready)
    }

    const fn step(self, now: Mono, seen: Seen) -> Self {
        match (self, seen) {
            // Nobody knows what came first: the first that is seen to stand is the first that a person can be told.
            (
                Self::Ready
                | Self::Tripped(FirstOut { cause: None, .. })
                | Self::Held(FirstOut { cause: None, .. }),
                Seen::Standing(cause),
            ) => Self::Tripped(FirstOut { cause: Some(cause), at: now }),
            (Self::Ready, Seen::Unclear | Seen::Gone) => Self::Ready,
            (Self::Tripped(first) | Self::Held(first), Seen::Standing(_)) => Self::Tripped(first),
            // A detector that died has not seen the gas go.
            (Self::Tripped(first), Seen::Unclear) => Self::Tripped(first),
            (Self::Tripped(first) | Self::Held(first), Seen::Gone) => Self::Held(first),
            (Self::Held(first), Seen::Unclear) => Self::Held(first),
        }
    }
}

/// Whether the field shows the safe position. A discrepancy is a fact for an alarm; it changes no output.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Proof {
    /// Nothing was driven, or nothing shows it.
    #[default]
    Idle,
    /// Not shown yet, or no longer known.
    Awaited {
        /// When it becomes a discrepancy.
        until: Mono,
    },
    /// Shown.
    Proven,
    /// Driven, and the field says otherwise; ends when the safe position is shown.
    Discrepant(Discrepancy),
}

/// How drive and feedback disagree.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Discrepancy {
    /// The safe position was not shown in time.
    NotShown,
    /// It was shown and left.
    Left,
}

impl Proof {
    fn step(self, now: Mono, feedback: Feedback, within: Duration) -> Self {
        let awaited = Self::Awaited { until: now + within };
        let next = match (self, feedback) {
            (_, Feedback::Shown) => Self::Proven,
            (Self::Idle, Feedback::Away | Feedback::Unknown) => awaited,
            (Self::Proven, Feedback::Away) => Self::Discrepant(Discrepancy::Left),
            (Self::Proven, Feedback::Unknown) => awaited,
            (Self::Awaited { .. } | Self::Discrepant(_), Feedback::Away | Feedback::Unknown) => self,
        };
        match next {
            Self::Awaited { until } if now >= until => Self::Discrepant(Discrepancy::NotShown),
            Self::Idle | Self::Awaited { .. } | Self::Proven | Self::Discrepant(_) => next,
        }
    }
}

/// Why a reset was refused; never empty.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal(pub Vec<Obstacle>);

/// What stands against a reset.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Obstacle {
    /// A cause that nobody has seen end.
    Cause(Cause, CauseState),
    /// A permissive that does not hold.
    Permissive(Cause, CauseState),
    /// The safe position is not shown.
    Unproven,
}

/// A trip at run time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Trip {
    state: TripState,
    proof: Proof,
    moved_at: Option<Mono>,
}

impl Trip {
    /// A trip as an earlier run left it: a restart resets nothing.
    #[must_use]
    pub const fn restored(state: TripState) -> Self {
        Self { state, proof: Proof::Idle, moved_at: None }
    }

    /// Where it stands; what has to be kept over a restart.
    #[must_use]
    pub const fn state(&self) -> TripState {
        self.state
    }

    /// Whether the field shows the safe position.
    #[must_use]
    pub const fn proof(&self) -> Proof {
        self.proof
    }

    /// When it became what it is; `None` for what an earlier run left.
    #[must_use]
    pub const fn moved_at(&self) -> Option<Mono> {
        self.moved_at
    }

    /// The cause that came first, unless it is ready.
    #[must_use]
    pub const fn first(&self) -> Option<FirstOut> {
        match self.state {
            TripState::Ready => None,
            TripState::Tripped(first) | TripState::Held(first) => Some(first),
        }
    }

    /// When [`Self::step`] has something to do although nothing new was seen.
    #[must_use]
    pub const fn poll_timeout(&self) -> Option<Mono> {
        match self.proof {
            Proof::Awaited { until } => Some(until),
            Proof::Idle | Proof::Proven | Proof::Discrepant(_) => None,
        }
    }

    /// Takes what a scan saw.
    pub fn step(&mut self, now: Mono, spec: &TripSpec, seen: (impl Fn(Cause) -> CauseState, Feedback)) {
        let (cause, feedback) = seen;
        let next = self.state.step(now, look(spec, &cause));
        if core::mem::replace(&mut self.state, next) != next {
            self.moved_at = Some(now);
        }
        self.proof = match &spec.prove {
            Some(prove) if !self.state.is_ready() => self.proof.step(now, feedback, prove.within),
            Some(_) | None => Proof::Idle,
        };
        if !spec.latch {
            // Refused means that it stays.
            let _ = self.reset(spec, cause);
        }
    }

    /// Makes it ready again; nothing where it is ready.
    ///
    /// # Errors
    /// Everything that stands against it. Then nothing has changed.
    pub fn reset(&mut self, spec: &TripSpec, cause: impl Fn(Cause) -> CauseState) -> Result<(), Refusal> {
        if self.state.is_ready() {
            return Ok(());
        }
        let mut obstacles: Vec<Obstacle> = spec
            .causes
            .iter()
            .map(|id| Obstacle::Cause(*id, cause(*id)))
            .filter(|obstacle| !matches!(obstacle, Obstacle::Cause(_, CauseState::Quiet)))
            .collect();
        for permissive in &spec.permissives {
            match permissive {
                Permissive::Quiet(id) if matches!(cause(*id), CauseState::Quiet | CauseState::Bypassed) => {}
                Permissive::Quiet(id) => obstacles.push(Obstacle::Permissive(*id, cause(*id))),
                Permissive::Proven if self.proof == Proof::Proven => {}
                Permissive::Proven => obstacles.push(Obstacle::Unproven),
            }
        }
        if !obstacles.is_empty() {
            return Err(Refusal(obstacles));
        }
        *self = Self::default();
        Ok(())
    }
}

fn look(spec: &TripSpec, state: impl Fn(Cause) -> CauseState) -> Seen {
    let trips = |cause: &Cause| match state(*cause) {
        CauseState::Standing => true,
        CauseState::Fault => spec.on_fault == OnFault::Trip,
        CauseState::Quiet | CauseState::Bypassed | CauseState::Unended | CauseState::Unknown => false,
    };
    match spec.causes.iter().copied().find(trips) {
        Some(cause) => Seen::Standing(cause),
        None if spec.causes.iter().all(|cause| state(*cause) == CauseState::Quiet) => Seen::Gone,
        None => Seen::Unclear,
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;
    use crate::id::{AlarmId, PointId};
    use crate::{Side, Value};
    use CauseState::{Bypassed, Quiet, Standing, Unknown};

    const GAS: Cause = Cause::Alarm(AlarmId(0));
    const SPARK: Cause = Cause::Alarm(AlarmId(1));
    const FAN: Cause = Cause::Alarm(AlarmId(2));

    #[test]
    fn the_whole_table_of_a_trip() {
        let first = FirstOut { cause: Some(SPARK), at: at(1) };
        let (tripped, held) = (TripState::Tripped(first), TripState::Held(first));
        let fresh = TripState::Tripped(FirstOut { cause: Some(GAS), at: at(9) });
        let rows = [
            // state, standing, unclear, gone
            (TripState::Ready, fresh, TripState::Ready, TripState::Ready),
            (tripped, tripped, tripped, held),
            (held, tripped, held, held),
        ];
        for (state, standing, unclear, gone) in rows {
            assert_eq!(state.step(at(9), Seen::Standing(GAS)), standing, "{state:?}");
            assert_eq!(state.step(at(9), Seen::Unclear), unclear, "{state:?}");
            assert_eq!(state.step(at(9), Seen::Gone), gone, "{state:?}");
        }
    }

    #[test]
    fn the_first_of_the_row_is_first_out_and_one_that_is_unknown_or_bypassed_is_not_gone() {
        let states = [Quiet, Bypassed, CauseState::Unended, Unknown, CauseState::Fault, Standing];
        for (gas, spark) in states.iter().flat_map(|gas| states.map(|spark| (*gas, spark))) {
            for on_fault in [OnFault::Trip, OnFault::Quiet] {
                let spec = TripSpec { on_fault, ..spec() };
                let seen = look(&spec, |cause| if cause == GAS { gas } else { spark });
                let trips =
                    |state| state == Standing || (state, on_fault) == (CauseState::Fault, OnFault::Trip);
                let wanted = match (gas, spark) {
                    (gas, _) if trips(gas) => Seen::Standing(GAS),
                    (_, spark) if trips(spark) => Seen::Standing(SPARK),
                    (Quiet, Quiet) => Seen::Gone,
                    _ => Seen::Unclear,
                };
                assert_eq!(seen, wanted, "{gas:?} {spark:?} {on_fault:?}");
            }
        }
    }

    #[test]
    fn the_whole_table_of_a_proof() {
        use Discrepancy::{Left, NotShown};
        let awaited = |ms| Proof::Awaited { until: at(ms) };
        let left = Proof::Discrepant(Left);
        let rows = [
            // proof, away, unknown; the safe position shown is proof in every row
            (Proof::Idle, awaited(15), awaited(15)),
            (awaited(11), awaited(11), awaited(11)),
            (awaited(10), Proof::Discrepant(NotShown), Proof::Discrepant(NotShown)),
            (Proof::Proven, left, awaited(15)),
            (left, left, left),
            (Proof::Discrepant(NotShown), Proof::Discrepant(NotShown), Proof::Discrepant(NotShown)),
        ];
        for (proof, away, unknown) in rows {
            let step = |feedback| proof.step(at(10), feedback, Duration::from_millis(5));
            assert_eq!(step(Feedback::Shown), Proof::Proven, "{proof:?}");
            assert_eq!(step(Feedback::Away), away, "{proof:?}");
            assert_eq!(step(Feedback::Unknown), unknown, "{proof:?}");
        }
    }

    #[test]
    fn a_reset_is_refused_with_everything_that_stands_against_it() {
        let spec = spec();
        let mut trip = Trip::default();
        trip.step(at(0), &spec, (|_| Standing, Feedback::Away));
        let was = trip;
        let state = |cause| if cause == SPARK { Quiet } else { Unknown };
        let refusal = Refusal(vec![
            Obstacle::Cause(GAS, Unknown),
            Obstacle::Permissive(FAN, Unknown),
            Obstacle::Unproven,
        ]);
        assert_eq!(trip.reset(&spec, state), Err(refusal));
        assert_eq!(trip, was);
        trip.step(at(1), &spec, (|_| Quiet, Feedback::Shown));
        let fan_stands = |cause| if cause == FAN { Standing } else { Quiet };
        assert_eq!(trip.reset(&spec, fan_stands), Err(Refusal(vec![Obstacle::Permissive(FAN, Standing)])));
        assert_eq!(trip.reset(&spec, |_| Quiet), Ok(()));
        assert_eq!(trip, Trip::default());
    }

    #[test]
    fn a_bypassed_permissive_holds_and_a_bypassed_cause_has_not_ended() {
        let spec = TripSpec { prove: None, permissives: vec![Permissive::Quiet(FAN)], ..spec() };
        let mut trip = Trip::restored(TripState::Held(FirstOut { cause: None, at: at(0) }));
        let refusal = Refusal(vec![Obstacle::Cause(GAS, Bypassed)]);
        assert_eq!(trip.reset(&spec, |cause| if cause == GAS { Bypassed } else { Quiet }), Err(refusal));
        assert_eq!(trip.reset(&spec, |cause| if cause == FAN { Bypassed } else { Quiet }), Ok(()));
    }

    #[test]
    fn without_a_latch_it_ends_by_itself_under_the_conditions_of_a_reset() {
        let spec = TripSpec { latch: false, ..spec() };
        let mut trip = Trip::default();
        trip.step(at(0), &spec, (|_| Standing, Feedback::Away));
        for (state, feedback) in [(Unknown, Feedback::Shown), (Quiet, Feedback::Away)] {
            trip.step(at(1), &spec, (|_| state, feedback));
            assert!(!trip.state().is_ready(), "{state:?} {feedback:?}");
        }
        trip.step(at(2), &spec, (|_| Quiet, Feedback::Shown));
        assert!(trip.state().is_ready());
    }

    #[test]
    fn a_valve_that_does_not_prove_shut_is_a_discrepancy_without_another_sample() {
        let spec = spec();
        let mut trip = Trip::default();
        trip.step(at(0), &spec, (|_| Standing, Feedback::Away));
        assert_eq!(trip.poll_timeout(), Some(at(5)));
        trip.step(at(5), &spec, (|_| Standing, Feedback::Away));
        assert_eq!(trip.proof(), Proof::Discrepant(Discrepancy::NotShown));
        assert_eq!(trip.poll_timeout(), None);
    }

    fn spec() -> TripSpec {
        let feedback = FeedbackSpec { point: PointId(0), side: Side::High, limit: Value::HALF };
        TripSpec {
            name: "trip".into(),
            causes: vec![GAS, SPARK],
            on_fault: OnFault::Trip,
            outputs: Vec::new(),
            latch: true,
            permissives: vec![Permissive::Quiet(FAN), Permissive::Proven],
            prove: Some(ProveSpec { feedback, within: Duration::from_millis(5) }),
            reset_button: None,
        }
    }

    fn at(ms: u64) -> Mono {
        Mono::from_millis(ms)
    }
}
