//! The set-point comparison of gateway and node: one function, so that the two can never disagree.

use core::time::Duration;

use crate::{Mono, Value};

/// On which side of the set-point the hazard lies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    /// Trips at or above the set-point.
    High,
    /// Trips at or below the set-point.
    Low,
}

/// A set-point with its deadband and delays.
///
/// `deadband` is in the unit of the value and never negative: a high alarm returns only below `setpoint - deadband`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Threshold {
    /// The side of the hazard.
    pub side: Side,
    /// Trips when the value reaches it.
    pub setpoint: Value,
    /// How far the value must come back; never negative.
    pub deadband: Value,
    /// How long the value must stay beyond the set-point before it trips.
    pub on_delay: Duration,
    /// How long the value must stay back before it returns.
    pub off_delay: Duration,
}

impl Threshold {
    /// A switch that trips when it reads `active` (1 or 0), without delays.
    #[must_use]
    pub const fn switch(active: Side) -> Self {
        Self {
            side: active,
            setpoint: Value::HALF,
            deadband: Value::ZERO,
            on_delay: Duration::ZERO,
            off_delay: Duration::ZERO,
        }
    }

    /// Whether `value` is on the hazard's side of the set-point.
    #[must_use]
    pub fn exceeded_by(&self, value: Value) -> bool {
        match self.side {
            Side::High => value >= self.setpoint,
            Side::Low => value <= self.setpoint,
        }
    }

    /// Whether `value` is back by more than the deadband.
    #[must_use]
    pub fn left_by(&self, value: Value) -> bool {
        let (value, setpoint, deadband) = (value.get(), self.setpoint.get(), self.deadband.get());
        match self.side {
            Side::High => value < setpoint - deadband,
            Side::Low => value > setpoint + deadband,
        }
    }
}

/// Where a comparison stands. The delays are part of the state, so a deadline exists exactly while one runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Phase {
    /// Not exceeded.
    #[default]
    Clear,
    /// Exceeded; trips when the on-delay has passed, whether or not another value comes.
    Pending {
        /// When it trips.
        trips_at: Mono,
    },
    /// Tripped.
    Tripped,
    /// Back beyond the deadband; returns when the off-delay has passed.
    Returning {
        /// When it returns.
        clears_at: Mono,
    },
}

impl Phase {
    /// The phase after `value` was measured at `now`.
    #[must_use]
    pub fn step(self, now: Mono, value: Value, at: &Threshold) -> Self {
        let next = match self.on_timeout(now) {
            Self::Clear if at.exceeded_by(value) => Self::Pending { trips_at: now + at.on_delay },
            Self::Clear => Self::Clear,
            Self::Pending { trips_at } if at.exceeded_by(value) => Self::Pending { trips_at },
            Self::Pending { .. } => Self::Clear,
            Self::Tripped if at.left_by(value) => Self::Returning { clears_at: now + at.off_delay },
            Self::Tripped => Self::Tripped,
            Self::Returning { clears_at } if at.left_by(value) => Self::Returning { clears_at },
            Self::Returning { .. } => Self::Tripped,
        };
        next.on_timeout(now)
    }

    /// The phase after a value that may warn but may not reassure: it can start an alarm, never end one.
    #[must_use]
    pub fn step_up(self, now: Mono, value: Value, at: &Threshold) -> Self {
        if at.exceeded_by(value) { self.step(now, value, at) } else { self.hold(now) }
    }

    /// The phase after a measurement failed: a running on-delay runs on, a running off-delay is void.
    #[must_use]
    pub fn hold(self, now: Mono) -> Self {
        match self.on_timeout(now) {
            Self::Returning { .. } => Self::Tripped,
            other @ (Self::Clear | Self::Pending { .. } | Self::Tripped) => other,
        }
    }

    /// The phase once the clock has reached `now`.
    #[must_use]
    pub fn on_timeout(self, now: Mono) -> Self {
        match self {
            Self::Pending { trips_at } if now >= trips_at => Self::Tripped,
            Self::Returning { clears_at } if now >= clears_at => Self::Clear,
            Self::Clear | Self::Pending { .. } | Self::Tripped | Self::Returning { .. } => self,
        }
    }

    /// When [`Self::on_timeout`] will change the phase.
    #[must_use]
    pub const fn poll_timeout(self) -> Option<Mono> {
        match self {
            Self::Pending { trips_at } => Some(trips_at),
            Self::Returning { clears_at } => Some(clears_at),
            Self::Clear | Self::Tripped => None,
        }
    }

    /// Whether the alarm condition stands.
    #[must_use]
    pub const fn is_tripped(self) -> bool {
        matches!(self, Self::Tripped | Self::Returning { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Threshold = Threshold {
        side: Side::High,
        setpoint: Value::ONE,
        deadband: Value::HALF,
        on_delay: Duration::from_millis(3),
        off_delay: Duration::from_millis(5),
    };

    fn at(ms: u64) -> Mono {
        Mono::from_millis(ms)
    }

    #[test]
    fn a_spike_shorter_than_the_on_delay_does_not_trip() {
        let phase = Phase::Clear.step(at(0), Value::ONE, &LIMIT);
        assert_eq!(phase, Phase::Pending { trips_at: at(3) });
        assert_eq!(phase.step(at(2), Value::ZERO, &LIMIT), Phase::Clear);
    }

    #[test]
    fn the_on_delay_ends_without_another_value() {
        let phase = Phase::Clear.step(at(0), Value::ONE, &LIMIT).hold(at(1));
        assert_eq!(phase.on_timeout(at(3)), Phase::Tripped);
    }

    #[test]
    fn the_deadband_holds_the_alarm() {
        assert_eq!(Phase::Tripped.step(at(9), Value::HALF, &LIMIT), Phase::Tripped);
        assert_eq!(Phase::Tripped.step(at(9), Value::ZERO, &LIMIT), Phase::Returning { clears_at: at(14) });
    }

    #[test]
    fn a_failed_measurement_never_ends_an_alarm() {
        let returning = Phase::Returning { clears_at: at(14) };
        assert_eq!(returning.hold(at(13)), Phase::Tripped);
        assert_eq!(Phase::Tripped.step_up(at(9), Value::ZERO, &LIMIT), Phase::Tripped);
    }

    #[test]
    fn a_switch_trips_on_its_active_side_only() {
        let on = Threshold::switch(Side::High);
        let off = Threshold::switch(Side::Low);
        assert!(on.exceeded_by(Value::ONE) && !on.exceeded_by(Value::ZERO));
        assert!(off.exceeded_by(Value::ZERO) && !off.exceeded_by(Value::ONE));
        assert!(on.left_by(Value::ZERO) && off.left_by(Value::ONE));
    }
}
