//! The status word of a channel and of a node, and the NAMUR category that follows from it.

use core::ops::BitOr;

/// The categories of NAMUR NE 107, the most serious last.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum Category {
    /// The output is valid.
    #[default]
    Normal,
    /// Valid, and wear will soon end that.
    MaintenanceRequired,
    /// Outside the specified range: deviations are likely.
    OutOfSpecification,
    /// Temporarily invalid because of work, warm-up or inhibition.
    FunctionCheck,
    /// Invalid because of a malfunction.
    Failure,
}

impl Category {
    /// The code in a category register: 0 for normal, greater for more serious.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::Normal => 0,
            Self::MaintenanceRequired => 1,
            Self::OutOfSpecification => 2,
            Self::FunctionCheck => 3,
            Self::Failure => 4,
        }
    }
}

/// The status bits of a channel or of a node (all its channels' bits and its own); bit positions never change.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Status(u16);

impl Status {
    /// Nothing to say.
    pub const NONE: Self = Self(0);
    /// Level 1 is in alarm or latched.
    pub const ALARM_L1: Self = Self(1);
    /// Level 2 is in alarm or latched.
    pub const ALARM_L2: Self = Self(1 << 1);
    /// The signal is above the measuring range.
    pub const OVER_RANGE: Self = Self(1 << 2);
    /// The signal is below the measuring range.
    pub const UNDER_RANGE: Self = Self(1 << 3);
    /// No signal: broken wire, short circuit or dead converter.
    pub const SENSOR_LOST: Self = Self(1 << 4);
    /// The sensor is warming up.
    pub const WARM_UP: Self = Self(1 << 5);
    /// The channel is being calibrated.
    pub const CALIBRATION: Self = Self(1 << 6);
    /// The channel's alarms are inhibited.
    pub const INHIBIT: Self = Self(1 << 7);
    /// A function check runs.
    pub const FUNCTION_CHECK: Self = Self(1 << 8);
    /// Maintenance is required.
    pub const MAINTENANCE_REQUIRED: Self = Self(1 << 9);
    /// Used outside its specification.
    pub const OUT_OF_SPECIFICATION: Self = Self(1 << 10);
    /// A malfunction other than a lost sensor.
    pub const FAILURE: Self = Self(1 << 11);
    /// No gateway has asked for longer than configured.
    pub const GATEWAY_LOST: Self = Self(1 << 12);
    /// The horn was silenced while an alarm stands.
    pub const HORN_SILENCED: Self = Self(1 << 13);
    /// An alarm is not acknowledged.
    pub const UNACKED: Self = Self(1 << 14);
    /// The channel is not fitted.
    pub const NOT_FITTED: Self = Self(1 << 15);

    /// From the register; every bit has a meaning, so every word is a status.
    #[must_use]
    pub const fn from_bits(bits: u16) -> Self {
        Self(bits)
    }

    /// As in the register.
    #[must_use]
    pub const fn bits(self) -> u16 {
        self.0
    }

    /// Both sets of bits.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// These bits without those of `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether any bit of `other` is set.
    #[must_use]
    pub const fn has_any(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// These bits if the condition holds, else none.
    #[must_use]
    pub const fn when(self, holds: bool) -> Self {
        if holds { self } else { Self::NONE }
    }

    /// Whether the measurement is faulty: lost, out of range, or a malfunction.
    #[must_use]
    pub const fn is_fault(self) -> bool {
        self.has_any(Self::SENSOR_LOST.and(Self::FAILURE))
            || self.has_any(Self::OVER_RANGE.and(Self::UNDER_RANGE))
    }

    /// The most serious NE 107 category.
    #[must_use]
    pub const fn category(self) -> Category {
        const FUNCTION_CHECK: Status =
            Status::WARM_UP.and(Status::CALIBRATION).and(Status::INHIBIT).and(Status::FUNCTION_CHECK);
        const OUT_OF_SPECIFICATION: Status =
            Status::OVER_RANGE.and(Status::UNDER_RANGE).and(Status::OUT_OF_SPECIFICATION);
        if self.has_any(Self::SENSOR_LOST.and(Self::FAILURE)) {
            Category::Failure
        } else if self.has_any(FUNCTION_CHECK) {
            Category::FunctionCheck
        } else if self.has_any(OUT_OF_SPECIFICATION) {
            Category::OutOfSpecification
        } else if self.has_any(Self::MAINTENANCE_REQUIRED) {
            Category::MaintenanceRequired
        } else {
            Category::Normal
        }
    }
}

impl BitOr for Status {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        self.and(other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_serious_category_wins() {
        let mut seen = Status::NONE;
        for (added, category) in [
            (Status::ALARM_L2 | Status::UNACKED, Category::Normal),
            (Status::MAINTENANCE_REQUIRED, Category::MaintenanceRequired),
            (Status::OVER_RANGE, Category::OutOfSpecification),
            (Status::INHIBIT, Category::FunctionCheck),
            (Status::SENSOR_LOST, Category::Failure),
        ] {
            seen = seen | added;
            assert_eq!(seen.category(), category);
        }
    }

    #[test]
    fn work_on_a_channel_is_no_fault() {
        assert!(!(Status::CALIBRATION | Status::WARM_UP | Status::NOT_FITTED).is_fault());
        for fault in [Status::SENSOR_LOST, Status::FAILURE, Status::OVER_RANGE, Status::UNDER_RANGE] {
            assert!(fault.is_fault());
        }
    }
}
