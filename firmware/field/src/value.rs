//! A number that can be compared: NaN compares false, and a false comparison is a silent gas alarm.

use core::cmp::Ordering;

/// A finite engineering value. NaN and infinities cannot be constructed.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Value(f64);

impl Value {
    /// Zero.
    pub const ZERO: Self = Self(0.0);
    /// One; what a digital point reads when it is on.
    pub const ONE: Self = Self(1.0);
    /// One half; what a digital point is compared with.
    pub const HALF: Self = Self(0.5);

    /// The value, unless `raw` is NaN or infinite. Negative zero becomes zero.
    #[must_use]
    pub fn try_new(raw: f64) -> Option<Self> {
        raw.is_finite().then_some(Self(raw + 0.0))
    }

    /// The value of a switch: 0 or 1.
    #[must_use]
    pub const fn from_flag(on: bool) -> Self {
        if on { Self::ONE } else { Self::ZERO }
    }

    /// From a whole number.
    #[must_use]
    pub const fn from_i32(raw: i32) -> Self {
        Self(raw as f64)
    }

    /// The number itself, always finite.
    #[must_use]
    pub const fn get(self) -> f64 {
        self.0
    }
}

impl Eq for Value {}

impl Ord for Value {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_compared_cannot_be_a_value() {
        for raw in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(Value::try_new(raw), None);
        }
    }

    #[test]
    fn negative_zero_is_zero() {
        assert_eq!(Value::try_new(-0.0).map(Value::get).map(f64::to_bits), Some(0));
        assert_eq!(Value::try_new(-0.0).cmp(&Some(Value::ZERO)), Ordering::Equal);
    }
}
