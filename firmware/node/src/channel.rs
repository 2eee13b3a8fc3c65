//! One analogue channel: from raw counts to an engineering value, or the reason why there is none.

use core::time::Duration;

use hazard_field::{Mono, Status, Value};

use crate::hal::AnalogReading;

/// The deepest filter.
pub const FILTER_DEPTH_MAX: usize = 8;

/// Signal levels of NAMUR NE 43 as fractions of the span: 3.6, 3.8, 20.5 and 21 mA of 4–20 mA.
mod ne43 {
    pub(super) const LOST_BELOW: f64 = -0.025;
    pub(super) const UNDER_BELOW: f64 = -0.0125;
    pub(super) const OVER_ABOVE: f64 = 1.03125;
    pub(super) const LOST_ABOVE: f64 = 1.0625;
}

/// Two points that tie raw counts to engineering values; the counts may fall while the value rises.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Calibration {
    zero_raw: i32,
    span_raw: i32,
    zero: Value,
    span: Value,
}

impl Calibration {
    /// `(raw, value)` at zero and at full scale; `None` unless the counts differ and full scale is above zero.
    #[must_use]
    pub fn try_new(zero: (i32, Value), span: (i32, Value)) -> Option<Self> {
        let width = Value::try_new(span.1.get() - zero.1.get())?;
        (zero.0 != span.0 && width > Value::ZERO).then_some(Self {
            zero_raw: zero.0,
            span_raw: span.0,
            zero: zero.1,
            span: span.1,
        })
    }

    /// Whether the value lies in the measuring range, ends included.
    #[must_use]
    pub fn covers(&self, value: Value) -> bool {
        self.zero <= value && value <= self.span
    }

    /// Whether the value lies inside the measuring range, ends excluded.
    #[must_use]
    pub fn encloses(&self, value: Value) -> bool {
        self.zero < value && value < self.span
    }

    fn fraction(&self, raw: i32) -> f64 {
        let (raw, zero, span) = (f64::from(raw), f64::from(self.zero_raw), f64::from(self.span_raw));
        (raw - zero) / (span - zero)
    }

    fn value(&self, fraction: f64) -> Option<Value> {
        let (zero, span) = (self.zero.get(), self.span.get());
        as_reported(zero + (span - zero) * fraction)
    }
}

/// The value as an f32 register shows it, so that the node compares exactly what the gateway reads.
pub(crate) fn as_reported(raw: f64) -> Option<Value> {
    Value::try_new(f64::from(raw as f32))
}

/// How raw readings are smoothed before they are converted.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Filter {
    /// Not at all.
    #[default]
    Off,
    /// The median of the last three: drops a lone spike.
    MedianOf3,
    /// The mean of the last readings, 1 to [`FILTER_DEPTH_MAX`].
    MovingAverage(u8),
}

impl Filter {
    fn depth(self) -> usize {
        match self {
            Self::Off => 1,
            Self::MedianOf3 => 3,
            Self::MovingAverage(depth) => usize::from(depth).clamp(1, FILTER_DEPTH_MAX),
        }
    }

    fn smooth(self, raws: &[i32]) -> Option<i32> {
        match self {
            Self::Off | Self::MovingAverage(_) => {
                let sum: i64 = raws.iter().copied().map(i64::from).sum();
                sum.checked_div(i64::try_from(raws.len()).ok()?)?.try_into().ok()
            }
            Self::MedianOf3 => match *raws {
                [a, b, c] => Some(a.max(b).min(a.min(b).max(c))),
                // Until three are there the latest counts: an alarm must not wait for the filter.
                [latest, ..] => Some(latest),
                [] => None,
            },
        }
    }
}

/// What a channel measured.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Measurement {
    /// Nothing since the start.
    #[default]
    None,
    /// No signal.
    Lost,
    /// The sensor is not ready; its signal means nothing.
    WarmingUp,
    /// Believed.
    Good(Value),
    /// Below the range: may raise an alarm, never end one.
    UnderRange(Value),
    /// Above the range: may raise an alarm, never end one.
    OverRange(Value),
}

impl Measurement {
    /// The number, if there is one.
    #[must_use]
    pub const fn value(self) -> Option<Value> {
        match self {
            Self::Good(value) | Self::UnderRange(value) | Self::OverRange(value) => Some(value),
            Self::None | Self::Lost | Self::WarmingUp => None,
        }
    }

    /// The status bits that follow.
    #[must_use]
    pub const fn status(self) -> Status {
        match self {
            Self::None | Self::WarmingUp => Status::WARM_UP,
            Self::Lost => Status::SENSOR_LOST,
            Self::Good(_) => Status::NONE,
            Self::UnderRange(_) => Status::UNDER_RANGE,
            Self::OverRange(_) => Status::OVER_RANGE,
        }
    }
}

/// Samples one channel. The warm-up runs from the first sample.
#[derive(Clone, Debug)]
pub struct Sampler {
    calibration: Calibration,
    filter: Filter,
    warm_up: Duration,
    started: Option<Mono>,
    raws: [i32; FILTER_DEPTH_MAX],
    filled: usize,
}

impl Sampler {
    /// A sampler that has seen nothing.
    #[must_use]
    pub const fn new(calibration: Calibration, filter: Filter, warm_up: Duration) -> Self {
        let raws = [0; FILTER_DEPTH_MAX];
        Self { calibration, filter, warm_up, started: None, raws, filled: 0 }
    }

    /// What the reading means. A lost signal empties the filter, and is told even during the warm-up.
    pub fn sample(&mut self, now: Mono, reading: AnalogReading) -> Measurement {
        let started = *self.started.get_or_insert(now);
        let Some(raw) = self.present(reading) else {
            self.filled = 0;
            return Measurement::Lost;
        };
        self.push(raw);
        if now.since(started) < self.warm_up {
            return Measurement::WarmingUp;
        }
        self.measure().unwrap_or(Measurement::Lost)
    }

    fn present(&self, reading: AnalogReading) -> Option<i32> {
        let AnalogReading::Raw(raw) = reading else { return None };
        let fraction = self.calibration.fraction(raw);
        (ne43::LOST_BELOW..=ne43::LOST_ABOVE).contains(&fraction).then_some(raw)
    }

    fn push(&mut self, raw: i32) {
        self.raws.rotate_right(1);
        if let Some(latest) = self.raws.first_mut() {
            *latest = raw;
        }
        self.filled = (self.filled + 1).min(self.filter.depth());
    }

    fn measure(&self) -> Option<Measurement> {
        let fraction = self.calibration.fraction(self.filter.smooth(self.raws.get(..self.filled)?)?);
        let value = self.calibration.value(fraction)?;
        Some(if fraction < ne43::UNDER_BELOW {
            Measurement::UnderRange(value)
        } else if fraction > ne43::OVER_ABOVE {
            Measurement::OverRange(value)
        } else {
            Measurement::Good(value)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sampler(filter: Filter, warm_up_ms: u64) -> Option<Sampler> {
        let full_scale = (20_000, Value::from_i32(100));
        let calibration = Calibration::try_new((4_000, Value::ZERO), full_scale)?;
        Some(Sampler::new(calibration, filter, Duration::from_millis(warm_up_ms)))
    }

    fn last(filter: Filter, raws: &[i32]) -> Option<Measurement> {
        let mut sampler = sampler(filter, 0)?;
        raws.iter().map(|&raw| sampler.sample(Mono::ZERO, AnalogReading::Raw(raw))).last()
    }

    fn good(value: i32) -> Option<Measurement> {
        Some(Measurement::Good(Value::from_i32(value)))
    }

    #[test]
    fn two_points_make_the_line() {
        for (raw, value) in [(4_000, 0), (12_000, 50), (20_000, 100)] {
            assert_eq!(last(Filter::Off, &[raw]), good(value));
        }
    }

    #[test]
    fn the_signal_limits_are_those_of_ne_43() {
        let status = |raw| last(Filter::Off, &[raw]).map(Measurement::status);
        for (raw, expected) in [
            (i32::MIN, Status::SENSOR_LOST),
            (3_599, Status::SENSOR_LOST),
            (3_600, Status::UNDER_RANGE),
            (3_799, Status::UNDER_RANGE),
            (3_800, Status::NONE),
            (20_500, Status::NONE),
            (20_501, Status::OVER_RANGE),
            (21_000, Status::OVER_RANGE),
            (21_001, Status::SENSOR_LOST),
            (i32::MAX, Status::SENSOR_LOST),
        ] {
            assert_eq!(status(raw), Some(expected), "{raw} µA");
        }
    }

    #[test]
    fn the_median_drops_a_lone_spike_and_follows_a_step() {
        assert_eq!(last(Filter::MedianOf3, &[4_000, 4_000, 20_000]), good(0));
        assert_eq!(last(Filter::MedianOf3, &[4_000, 20_000, 20_000]), good(100));
        assert_eq!(last(Filter::MedianOf3, &[20_000]), good(100));
    }

    #[test]
    fn the_average_forgets_what_is_older_than_its_depth() {
        assert_eq!(last(Filter::MovingAverage(2), &[20_000, 4_000, 20_000]), good(50));
        assert_eq!(last(Filter::MovingAverage(0), &[20_000, 4_000]), good(0));
        assert_eq!(last(Filter::MovingAverage(255), &[20_000; 40]), good(100));
    }

    #[test]
    fn a_lost_signal_empties_the_filter_and_is_told_during_the_warm_up() {
        let mut sampler = sampler(Filter::MovingAverage(8), 10).expect("a calibration");
        assert_eq!(sampler.sample(Mono::ZERO, AnalogReading::Raw(20_000)), Measurement::WarmingUp);
        assert_eq!(sampler.sample(Mono::from_millis(5), AnalogReading::Fault), Measurement::Lost);
        assert_eq!(Some(sampler.sample(Mono::from_millis(10), AnalogReading::Raw(4_000))), good(0));
    }

    #[test]
    fn a_calibration_without_a_span_is_none() {
        assert_eq!(Calibration::try_new((1, Value::ZERO), (1, Value::ONE)), None);
        assert_eq!(Calibration::try_new((1, Value::ONE), (2, Value::ONE)), None);
    }
}
