//! One alarm's life (ISA-18.2 §5 / IEC 62682 alarm states): the condition raises and returns it, people acknowledge and
//! reset it. Bad samples do neither.

use super::{AlarmKind, AlarmSpec};
use crate::outbox::record::AlarmState;
use crate::reading::Sample;
use crate::{Mono, Phase, Side, Threshold, Value};

/// What moves an alarm.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AlarmInput {
    /// Its condition began to stand.
    Raised,
    /// Its condition ended.
    Returned,
    /// Somebody acknowledged it.
    Acknowledged,
    /// Somebody reset it.
    Reset,
}

/// The state after `input`; the same state where `input` has no effect.
#[must_use]
pub const fn step(state: AlarmState, input: AlarmInput, latch: bool) -> AlarmState {
    use AlarmInput::{Acknowledged, Raised, Reset, Returned};
    use AlarmState::{Acked, LatchedAcked, LatchedUnacked, Normal, RtnUnacked, Unacked};
    match (state, input) {
        (Normal | RtnUnacked | LatchedUnacked | LatchedAcked, Raised) => Unacked,
        (Unacked, Returned) if latch => LatchedUnacked,
        (Unacked, Returned) => RtnUnacked,
        (Acked, Returned) if latch => LatchedAcked,
        (Acked, Returned) => Normal,
        (Unacked, Acknowledged) => Acked,
        (RtnUnacked, Acknowledged) => Normal,
        (LatchedUnacked, Acknowledged) => LatchedAcked,
        (LatchedAcked, Reset) => Normal,
        (Unacked | Acked, Raised)
        | (Normal | RtnUnacked | LatchedUnacked | LatchedAcked, Returned)
        | (Normal | Acked | LatchedAcked, Acknowledged)
        | (Normal | Unacked | Acked | RtnUnacked | LatchedUnacked, Reset) => state,
    }
}

/// An alarm at run time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Alarm {
    phase: Phase,
    state: AlarmState,
    silenced: bool,
}

impl Alarm {
    /// An alarm restored in `state`, as an earlier run left it.
    #[must_use]
    pub const fn restored(state: AlarmState) -> Self {
        let phase = match state {
            AlarmState::Unacked | AlarmState::Acked => Phase::Tripped,
            AlarmState::Normal
            | AlarmState::RtnUnacked
            | AlarmState::LatchedUnacked
            | AlarmState::LatchedAcked => Phase::Clear,
        };
        Self { phase, state, silenced: false }
    }

    /// Where it stands.
    #[must_use]
    pub const fn state(&self) -> AlarmState {
        self.state
    }

    /// Whether it is announced on the panel.
    #[must_use]
    pub const fn is_active(&self) -> bool {
        !matches!(self.state, AlarmState::Normal)
    }

    /// Whether nobody has acknowledged it.
    #[must_use]
    pub const fn is_unacked(&self) -> bool {
        matches!(self.state, AlarmState::Unacked | AlarmState::RtnUnacked | AlarmState::LatchedUnacked)
    }

    /// Whether the horn must sound for it.
    #[must_use]
    pub const fn sounds(&self) -> bool {
        self.is_unacked() && !self.silenced
    }

    /// When a delay ends.
    #[must_use]
    pub const fn poll_timeout(&self) -> Option<Mono> {
        self.phase.poll_timeout()
    }

    /// Takes a sample of its point; returns the state before if it changed.
    pub fn sample(&mut self, now: Mono, sample: &Sample, spec: &AlarmSpec) -> Option<AlarmState> {
        let at = &spec.threshold;
        let lost =
            Threshold { on_delay: at.on_delay, off_delay: at.off_delay, ..Threshold::switch(Side::High) };
        let phase = match (spec.kind, sample) {
            (AlarmKind::Lost, Sample::Bad(_)) => self.phase.step(now, Value::ONE, &lost),
            (AlarmKind::Lost, Sample::Good(_) | Sample::Suspect(..)) => {
                self.phase.step(now, Value::ZERO, &lost)
            }
            (_, Sample::Good(_)) => {
                sample.number().map_or_else(|| self.phase.hold(now), |value| self.phase.step(now, value, at))
            }
            (_, Sample::Suspect(..)) => sample
                .number()
                .map_or_else(|| self.phase.hold(now), |value| self.phase.step_up(now, value, at)),
            (_, Sample::Bad(_)) => self.phase.hold(now),
        };
        self.enter(phase, spec.latch)
    }

    /// Lets delays end; returns the state before if it changed.
    pub fn timeout(&mut self, now: Mono, spec: &AlarmSpec) -> Option<AlarmState> {
        self.enter(self.phase.on_timeout(now), spec.latch)
    }

    /// Acknowledges it; returns the state before if it changed.
    pub fn acknowledge(&mut self, spec: &AlarmSpec) -> Option<AlarmState> {
        self.apply(AlarmInput::Acknowledged, spec.latch)
    }

    /// Resets it; returns the state before if it changed.
    pub fn reset(&mut self, spec: &AlarmSpec) -> Option<AlarmState> {
        self.apply(AlarmInput::Reset, spec.latch)
    }

    /// Quiets the horn for it until it is raised again; whether that changed anything.
    pub const fn silence(&mut self) -> bool {
        let sounded = self.sounds();
        self.silenced |= sounded;
        sounded
    }

    fn enter(&mut self, phase: Phase, latch: bool) -> Option<AlarmState> {
        let was = self.phase.is_tripped();
        self.phase = phase;
        match (was, phase.is_tripped()) {
            (false, true) => {
                self.silenced = false;
                self.apply(AlarmInput::Raised, latch)
            }
            (true, false) => self.apply(AlarmInput::Returned, latch),
            (false, false) | (true, true) => None,
        }
    }

    fn apply(&mut self, input: AlarmInput, latch: bool) -> Option<AlarmState> {
        let before = self.state;
        self.state = step(before, input, latch);
        (before != self.state).then_some(before)
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;
    use crate::alarm::Priority;
    use crate::id::PointId;
    use crate::reading::{Doubt, NoData, Quantity};

    /// Every state × input × latch, so that a change of any cell is a change of this table.
    #[test]
    fn the_whole_transition_table() {
        use AlarmInput::{Acknowledged, Raised, Reset, Returned};
        use AlarmState::{Acked, LatchedAcked, LatchedUnacked, Normal, RtnUnacked, Unacked};
        let rows = [
            // state, raised, returned, returned (latching), acknowledged, reset
            (Normal, Unacked, Normal, Normal, Normal, Normal),
            (Unacked, Unacked, RtnUnacked, LatchedUnacked, Acked, Unacked),
            (Acked, Acked, Normal, LatchedAcked, Acked, Acked),
            (RtnUnacked, Unacked, RtnUnacked, RtnUnacked, Normal, RtnUnacked),
            (LatchedUnacked, Unacked, LatchedUnacked, LatchedUnacked, LatchedAcked, LatchedUnacked),
            (LatchedAcked, Unacked, LatchedAcked, LatchedAcked, LatchedAcked, Normal),
        ];
        for (state, raised, returned, latched, acknowledged, reset) in rows {
            for latch in [false, true] {
                assert_eq!(step(state, Raised, latch), raised, "{state:?}");
                assert_eq!(step(state, Returned, latch), if latch { latched } else { returned }, "{state:?}");
                assert_eq!(step(state, Acknowledged, latch), acknowledged, "{state:?}");
                assert_eq!(step(state, Reset, latch), reset, "{state:?}");
            }
        }
    }

    #[test]
    fn neither_a_bad_nor_a_suspect_sample_ends_an_alarm() {
        let spec = spec(AlarmKind::High);
        let mut alarm = Alarm::default();
        assert_eq!(alarm.sample(Mono::ZERO, &good(30), &spec), Some(AlarmState::Normal));
        for sample in [Sample::Bad(NoData::Stale), Sample::Suspect(number(0), Doubt::UnderRange)] {
            assert_eq!(alarm.sample(Mono::ZERO, &sample, &spec), None);
            assert_eq!(alarm.state(), AlarmState::Unacked);
        }
        alarm.sample(Mono::ZERO, &good(0), &spec);
        assert_eq!(alarm.state(), AlarmState::RtnUnacked);
    }

    #[test]
    fn a_suspect_sample_raises_an_alarm() {
        let mut alarm = Alarm::default();
        alarm.sample(Mono::ZERO, &Sample::Suspect(number(120), Doubt::OverRange), &spec(AlarmKind::High));
        assert_eq!(alarm.state(), AlarmState::Unacked);
    }

    #[test]
    fn a_lost_point_is_an_alarm_of_its_own() {
        let mut alarm = Alarm::default();
        let spec = spec(AlarmKind::Lost);
        alarm.sample(Mono::ZERO, &Sample::Bad(NoData::Stale), &spec);
        assert_eq!(alarm.state(), AlarmState::Unacked);
        alarm.sample(Mono::ZERO, &good(0), &spec);
        assert_eq!(alarm.state(), AlarmState::RtnUnacked);
    }

    #[test]
    fn a_silenced_alarm_sounds_again_when_it_is_raised_again() {
        let spec = spec(AlarmKind::High);
        let mut alarm = Alarm::default();
        alarm.sample(Mono::ZERO, &good(30), &spec);
        assert!(alarm.silence() && !alarm.sounds());
        alarm.sample(Mono::ZERO, &good(0), &spec);
        assert!(!alarm.sounds());
        alarm.sample(Mono::ZERO, &good(30), &spec);
        assert!(alarm.sounds());
    }

    fn spec(kind: AlarmKind) -> AlarmSpec {
        let threshold = Threshold {
            side: Side::High,
            setpoint: Value::from_i32(25),
            deadband: Value::ZERO,
            on_delay: Duration::ZERO,
            off_delay: Duration::ZERO,
        };
        AlarmSpec { point: PointId(0), kind, threshold, priority: Priority::High, latch: false }
    }

    fn good(raw: i32) -> Sample {
        Sample::Good(number(raw))
    }

    fn number(raw: i32) -> Quantity {
        Quantity::Number(Value::from_i32(raw))
    }
}
