//! The two alarm levels of a channel: the comparison is the field's, latching and acknowledgement are here.
//!
//! A level that latches ends only by reset, after it was acknowledged and its cause is gone; one that does not latch ends once it
//! is acknowledged and its cause is gone.

use core::time::Duration;

use hazard_field::map::Kind;
use hazard_field::{Mono, Phase, Side, Threshold, Value};

use crate::channel::{Calibration, Measurement, as_reported};
use crate::settings::Latch;

/// The set-points of a channel, valid for its kind and range.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    level_1: Threshold,
    level_2: Threshold,
}

/// Set-points, deadband and delays as the holding registers hold them; not yet checked.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct RawLimits {
    /// Set-point of level 1.
    pub setpoint_l1: f32,
    /// Set-point of level 2.
    pub setpoint_l2: f32,
    /// Deadband.
    pub deadband: f32,
    /// On-delay.
    pub on_delay_ms: u16,
    /// Off-delay.
    pub off_delay_ms: u16,
}

impl Limits {
    /// The limits, if both set-points are in the range and in the kind's order, and the deadband leaves a way back.
    #[must_use]
    pub fn try_new(kind: Kind, range: &Calibration, raw: RawLimits) -> Option<Self> {
        let (low, high) = (Side::Low, Side::High);
        let (side_1, side_2) = match kind {
            Kind::NotFitted => return None,
            Kind::Rising => (high, high),
            Kind::Falling => (low, low),
            Kind::TwoSided => (low, high),
        };
        let limits = Self {
            level_1: threshold(side_1, raw.setpoint_l1, raw)?,
            level_2: threshold(side_2, raw.setpoint_l2, raw)?,
        };
        let (first, second) = (limits.level_1.setpoint, limits.level_2.setpoint);
        let in_order = match kind {
            Kind::NotFitted => false,
            Kind::Rising => first <= second,
            Kind::Falling => second <= first,
            Kind::TwoSided => first < second,
        };
        let in_range = range.covers(first) && range.covers(second);
        (in_order && in_range && limits.can_return(range)).then_some(limits)
    }

    /// As the holding registers hold them.
    #[must_use]
    pub fn raw(&self) -> RawLimits {
        let millis = |span: Duration| u16::try_from(span.as_millis()).unwrap_or(u16::MAX);
        RawLimits {
            setpoint_l1: self.level_1.setpoint.get() as f32,
            setpoint_l2: self.level_2.setpoint.get() as f32,
            deadband: self.level_1.deadband.get() as f32,
            on_delay_ms: millis(self.level_1.on_delay),
            off_delay_ms: millis(self.level_1.off_delay),
        }
    }

    // An alarm whose deadband reaches beyond the range could never be reset.
    fn can_return(&self, range: &Calibration) -> bool {
        [self.level_1, self.level_2].iter().all(|level| {
            let (setpoint, deadband) = (level.setpoint.get(), level.deadband.get());
            let back = match level.side {
                Side::High => setpoint - deadband,
                Side::Low => setpoint + deadband,
            };
            level.deadband >= Value::ZERO && Value::try_new(back).is_some_and(|value| range.encloses(value))
        })
    }
}

fn threshold(side: Side, setpoint: f32, raw: RawLimits) -> Option<Threshold> {
    Some(Threshold {
        side,
        setpoint: as_reported(f64::from(setpoint))?,
        deadband: as_reported(f64::from(raw.deadband))?,
        on_delay: Duration::from_millis(u64::from(raw.on_delay_ms)),
        off_delay: Duration::from_millis(u64::from(raw.off_delay_ms)),
    })
}

/// Where a level stands: the states A, B, C, E and F of ISA-18.2; E of a level that does not latch is D.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum State {
    /// No alarm.
    #[default]
    Normal,
    /// In alarm, not acknowledged.
    Unacked,
    /// In alarm, acknowledged.
    Acked,
    /// The cause is gone, not acknowledged.
    LatchedUnacked,
    /// The cause is gone, acknowledged: can be reset.
    LatchedAcked,
}

impl State {
    /// The state when the condition stands or is gone.
    #[must_use]
    pub const fn follow(self, phase: Phase) -> Self {
        match (self, phase.is_tripped()) {
            (Self::Normal | Self::LatchedUnacked | Self::LatchedAcked | Self::Unacked, true) => Self::Unacked,
            (Self::Acked, true) => Self::Acked,
            (Self::Normal, false) => Self::Normal,
            (Self::Unacked | Self::LatchedUnacked, false) => Self::LatchedUnacked,
            (Self::Acked | Self::LatchedAcked, false) => Self::LatchedAcked,
        }
    }

    /// The state after somebody acknowledged.
    #[must_use]
    pub const fn acknowledged(self) -> Self {
        match self {
            Self::Unacked => Self::Acked,
            Self::LatchedUnacked => Self::LatchedAcked,
            Self::Normal | Self::Acked | Self::LatchedAcked => self,
        }
    }

    /// The state after somebody reset: only an acknowledged alarm without cause ends.
    #[must_use]
    pub const fn reset(self) -> Self {
        match self {
            Self::LatchedAcked => Self::Normal,
            Self::Normal | Self::Unacked | Self::Acked | Self::LatchedUnacked => self,
        }
    }

    /// Whether lamps and relays show it.
    #[must_use]
    pub const fn is_active(self) -> bool {
        !matches!(self, Self::Normal)
    }

    /// Whether it waits for an acknowledgement.
    #[must_use]
    pub const fn is_unacked(self) -> bool {
        matches!(self, Self::Unacked | Self::LatchedUnacked)
    }
}

/// One level.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Level {
    phase: Phase,
    state: State,
}

impl Level {
    /// Its state.
    #[must_use]
    pub const fn state(self) -> State {
        self.state
    }

    fn step(&mut self, now: Mono, measured: Measurement, at: &Threshold) -> Raised {
        self.phase = match measured {
            Measurement::Good(value) => self.phase.step(now, value, at),
            Measurement::UnderRange(value) | Measurement::OverRange(value) => {
                self.phase.step_up(now, value, at)
            }
            Measurement::None | Measurement::Lost | Measurement::WarmingUp => self.phase.hold(now),
        };
        let before = self.state;
        self.state = before.follow(self.phase);
        Raised(self.state == State::Unacked && before != State::Unacked)
    }

    // What does not latch has no F: acknowledged and without cause it is normal.
    const fn settle(&mut self, latches: bool) {
        if !latches {
            self.state = self.state.reset();
        }
    }

    const fn suspend(&mut self) {
        self.phase = match self.phase {
            Phase::Clear | Phase::Pending { .. } => Phase::Clear,
            Phase::Tripped | Phase::Returning { .. } => Phase::Tripped,
        };
    }
}

/// Whether an alarm came up or came back in a step: it restarts a silenced horn.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[must_use]
pub struct Raised(pub bool);

/// Both levels of a channel.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ChannelAlarm {
    /// Level 1.
    pub level_1: Level,
    /// Level 2.
    pub level_2: Level,
}

impl ChannelAlarm {
    /// Both levels after a measurement.
    pub fn step(&mut self, now: Mono, measured: Measurement, at: &Limits, latch: Latch) -> Raised {
        let first = self.level_1.step(now, measured, &at.level_1);
        let second = self.level_2.step(now, measured, &at.level_2);
        self.settle(latch);
        Raised(first.0 || second.0)
    }

    /// Keeps what stands while the channel is inhibited: nothing comes, nothing goes.
    pub const fn suspend(&mut self) {
        self.level_1.suspend();
        self.level_2.suspend();
    }

    /// Acknowledges both levels.
    pub const fn acknowledge(&mut self, latch: Latch) {
        self.level_1.state = self.level_1.state.acknowledged();
        self.level_2.state = self.level_2.state.acknowledged();
        self.settle(latch);
    }

    /// Resets what can be reset.
    pub const fn reset(&mut self) {
        self.level_1.state = self.level_1.state.reset();
        self.level_2.state = self.level_2.state.reset();
    }

    const fn settle(&mut self, latch: Latch) {
        self.level_1.settle(latch.level_1);
        self.level_2.settle(latch.level_2);
    }

    /// Whether a level is in alarm or latched.
    #[must_use]
    pub const fn is_active(&self) -> bool {
        self.level_1.state.is_active() || self.level_2.state.is_active()
    }

    /// Whether a level waits for an acknowledgement.
    #[must_use]
    pub const fn is_unacked(&self) -> bool {
        self.level_1.state.is_unacked() || self.level_2.state.is_unacked()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use State::{Acked, LatchedAcked, LatchedUnacked, Normal, Unacked};

    #[test]
    fn every_state_answers_every_event_as_isa_18_2_says() {
        // state, alarm, return, acknowledge, reset
        for (state, alarm, back, ack, reset) in [
            (Normal, Unacked, Normal, Normal, Normal),
            (Unacked, Unacked, LatchedUnacked, Acked, Unacked),
            (Acked, Acked, LatchedAcked, Acked, Acked),
            (LatchedUnacked, Unacked, LatchedUnacked, LatchedAcked, LatchedUnacked),
            (LatchedAcked, Unacked, LatchedAcked, LatchedAcked, Normal),
        ] {
            assert_eq!(state.follow(Phase::Tripped), alarm, "{state:?} alarm");
            assert_eq!(state.follow(Phase::Clear), back, "{state:?} return");
            assert_eq!(state.acknowledged(), ack, "{state:?} acknowledge");
            assert_eq!(state.reset(), reset, "{state:?} reset");
        }
    }

    fn limits(kind: Kind, setpoints: [f32; 2], deadband: f32) -> Option<Limits> {
        let range = Calibration::try_new((0, Value::ZERO), (100, Value::from_i32(100)))?;
        let [setpoint_l1, setpoint_l2] = setpoints;
        let raw = RawLimits { setpoint_l1, setpoint_l2, deadband, ..RawLimits::default() };
        Limits::try_new(kind, &range, raw)
    }

    #[test]
    fn only_set_points_in_range_and_in_order_are_limits() {
        for (kind, setpoints, deadband, valid) in [
            (Kind::Rising, [25.0, 50.0], 2.0, true),
            (Kind::Rising, [50.0, 25.0], 2.0, false),
            (Kind::Falling, [25.0, 50.0], 2.0, false),
            (Kind::Falling, [50.0, 25.0], 2.0, true),
            (Kind::TwoSided, [19.5, 23.5], 0.5, true),
            (Kind::TwoSided, [20.0, 20.0], 0.5, false),
            (Kind::NotFitted, [25.0, 50.0], 2.0, false),
            (Kind::Rising, [25.0, 100.5], 2.0, false),
            (Kind::Rising, [f32::NAN, 50.0], 2.0, false),
            (Kind::Rising, [25.0, f32::INFINITY], 2.0, false),
            (Kind::Rising, [25.0, 50.0], -1.0, false),
            (Kind::Rising, [25.0, 50.0], 25.0, false),
            (Kind::Rising, [25.0, 50.0], f32::NAN, false),
        ] {
            assert_eq!(
                limits(kind, setpoints, deadband).is_some(),
                valid,
                "{kind:?} {setpoints:?} {deadband}"
            );
        }
    }

    #[test]
    fn what_is_over_range_alarms_and_never_reassures() {
        let at = limits(Kind::Rising, [25.0, 50.0], 1.0).expect("limits");
        let mut alarm = ChannelAlarm::default();
        let raised = alarm.step(Mono::ZERO, Measurement::OverRange(Value::from_i32(104)), &at, Latch::BOTH);
        assert_eq!(raised, Raised(true));
        for measured in [Measurement::UnderRange(Value::ZERO), Measurement::Lost] {
            assert_eq!(alarm.step(Mono::ZERO, measured, &at, Latch::BOTH), Raised(false));
            assert_eq!(alarm.level_2.state(), Unacked);
        }
    }

    #[test]
    fn a_level_that_does_not_latch_ends_with_its_cause_and_its_acknowledgement_in_either_order() {
        let at = limits(Kind::Rising, [25.0, 50.0], 1.0).expect("limits");
        let latch = Latch { level_1: false, level_2: true };
        let [gas, clean] = [60, 0].map(|value| Measurement::Good(Value::from_i32(value)));
        for ack_first in [true, false] {
            let mut alarm = ChannelAlarm::default();
            let _ = alarm.step(Mono::ZERO, gas, &at, latch);
            if ack_first {
                alarm.acknowledge(latch);
                assert_eq!(alarm.level_1.state(), Acked);
            }
            let _ = alarm.step(Mono::ZERO, clean, &at, latch);
            assert_eq!(alarm.level_1.state(), if ack_first { Normal } else { LatchedUnacked });
            alarm.acknowledge(latch);
            assert_eq!((alarm.level_1.state(), alarm.level_2.state()), (Normal, LatchedAcked));
        }
    }
}
