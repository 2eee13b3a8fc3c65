//! One channel: from raw counts to an engineering value, or the reason why there is none.

use core::time::Duration;

use hazard_field::{Mono, Status, Value};

use crate::hal::AnalogReading;
use crate::settings::{ChannelSettings, Signal};

/// The deepest filter.
pub const FILTER_DEPTH_MAX: usize = 8;

/// For how long a signal must stay within [`STEADY_SHARE`] of the span before it may calibrate anything.
pub const STEADY_FOR: Duration = Duration::from_secs(10);
/// The share of the nominal span within which a steady signal stays.
pub const STEADY_SHARE: f64 = 0.01;
/// How far a calibration may move the lower end, as a share of the nominal span.
const ZERO_SHIFT_MAX: f64 = 0.1;
/// How much less and more signal per value a calibrated sensor may give than a nominal one.
const GAIN: core::ops::RangeInclusive<f64> = 0.5..=2.0;

/// Signal levels as shares of the nominal span.
struct Bounds {
    lost_below: f64,
    under_below: f64,
    over_above: f64,
    lost_above: f64,
}

/// NAMUR NE 43: 3.6, 3.8, 20.5 and 21 mA of 4–20 mA.
const NE_43: Bounds =
    Bounds { lost_below: -0.025, under_below: -0.0125, over_above: 1.03125, lost_above: 1.0625 };
/// A bridge drifts and ages; what is far outside is a broken arm.
const BRIDGE: Bounds = Bounds { lost_below: -0.2, under_below: -0.1, over_above: 1.05, lost_above: 1.5 };
/// A contact is open or closed.
const CONTACT: Bounds = Bounds { lost_below: 0.0, under_below: 0.0, over_above: 1.0, lost_above: 1.0 };

impl Bounds {
    const fn of(signal: Signal) -> &'static Self {
        match signal {
            Signal::Current => &NE_43,
            Signal::Bridge { .. } => &BRIDGE,
            Signal::Contact => &CONTACT,
        }
    }
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

    /// The counts at the lower and the upper end of the range.
    #[must_use]
    pub const fn counts(&self) -> (i32, i32) {
        (self.zero_raw, self.span_raw)
    }

    /// The values at the lower and the upper end of the range.
    #[must_use]
    pub const fn range(&self) -> (Value, Value) {
        (self.zero, self.span)
    }

    /// The same range with the ends at these counts.
    #[must_use]
    pub fn with_counts(&self, (zero, span): (i32, i32)) -> Option<Self> {
        Self::try_new((zero, self.zero), (span, self.span))
    }

    /// Whether a sensor of this nominal signal can have drifted and aged so far, and no farther.
    #[must_use]
    pub fn is_plausible(&self, nominal: (i32, i32)) -> bool {
        let [low, high, zero, span] = [nominal.0, nominal.1, self.zero_raw, self.span_raw].map(f64::from);
        let shift = (zero - low) / (high - low);
        (-ZERO_SHIFT_MAX..=ZERO_SHIFT_MAX).contains(&shift) && GAIN.contains(&((span - zero) / (high - low)))
    }

    fn fraction(&self, raw: i32) -> f64 {
        share((self.zero_raw, self.span_raw), raw)
    }

    fn value(&self, fraction: f64) -> Option<Value> {
        let (zero, span) = (self.zero.get(), self.span.get());
        as_reported(zero + (span - zero) * fraction)
    }

    /// The share of the range at which a value lies.
    pub(crate) fn share_of(&self, value: Value) -> f64 {
        let (zero, span) = (self.zero.get(), self.span.get());
        (value.get() - zero) / (span - zero)
    }
}

fn share((low, high): (i32, i32), raw: i32) -> f64 {
    let (low, high, raw) = (f64::from(low), f64::from(high), f64::from(raw));
    (raw - low) / (high - low)
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
    warm_up: Duration,
    started: Option<Mono>,
    raws: [i32; FILTER_DEPTH_MAX],
    filled: usize,
    steady: Option<(Mono, i32)>,
    is_over_held: bool,
}

impl Sampler {
    /// A sampler that has seen nothing.
    #[must_use]
    pub const fn new(warm_up: Duration) -> Self {
        let raws = [0; FILTER_DEPTH_MAX];
        Self { warm_up, started: None, raws, filled: 0, steady: None, is_over_held: false }
    }

    /// What the reading means. A lost signal empties the filter, and is told even during the warm-up.
    pub fn sample(&mut self, now: Mono, reading: AnalogReading, to: &ChannelSettings) -> Measurement {
        let started = *self.started.get_or_insert(now);
        let Some(raw) = present(reading, to.signal) else {
            self.filled = 0;
            self.steady = None;
            return Measurement::Lost;
        };
        self.push(raw, to.filter);
        self.note_steadiness(now, to);
        if now.since(started) < self.warm_up {
            return Measurement::WarmingUp;
        }
        self.measure(to).unwrap_or(Measurement::Lost)
    }

    /// The smoothed counts, if they may calibrate: not warming up, and steady for [`STEADY_FOR`].
    #[must_use]
    pub fn steady_counts(&self, now: Mono, to: &ChannelSettings) -> Option<i32> {
        let warm = self.started.is_some_and(|started| now.since(started) >= self.warm_up);
        let (since, _) = self.steady?;
        (warm && now.since(since) >= STEADY_FOR).then(|| self.smoothed(to)).flatten()
    }

    /// Lets go of an over-range that a bridge showed, if the signal is back by itself.
    pub const fn release(&mut self) {
        self.is_over_held = false;
    }

    fn push(&mut self, raw: i32, filter: Filter) {
        self.raws.rotate_right(1);
        if let Some(latest) = self.raws.first_mut() {
            *latest = raw;
        }
        self.filled = self.filled.saturating_add(1).min(filter.depth());
    }

    fn note_steadiness(&mut self, now: Mono, to: &ChannelSettings) {
        let (low, high) = to.signal.nominal();
        let Some(counts) = self.smoothed(to) else { return };
        let within = f64::from(high.abs_diff(low)) * STEADY_SHARE / 2.0;
        self.steady = match self.steady {
            Some((since, anchor)) if f64::from(counts.abs_diff(anchor)) <= within => Some((since, anchor)),
            _ => Some((now, counts)),
        };
    }

    fn smoothed(&self, to: &ChannelSettings) -> Option<i32> {
        to.filter.smooth(self.raws.get(..self.filled)?)
    }

    fn measure(&mut self, to: &ChannelSettings) -> Option<Measurement> {
        let counts = self.smoothed(to)?;
        let value = to.calibration.value(to.curve.value_at(to.calibration.fraction(counts)))?;
        let (fraction, bounds) = (share(to.signal.nominal(), counts), Bounds::of(to.signal));
        let measured = if fraction < bounds.under_below {
            Measurement::UnderRange(value)
        } else if fraction > bounds.over_above {
            Measurement::OverRange(value)
        } else {
            Measurement::Good(value)
        };
        Some(self.hold_over(measured, to))
    }

    // Above 100 %LEL a catalytic bridge starves of oxygen and reads low again: over-range stands until somebody resets it
    // (IEC 60079-29-1, latching of over-range).
    fn hold_over(&mut self, measured: Measurement, to: &ChannelSettings) -> Measurement {
        let Signal::Bridge { .. } = to.signal else { return measured };
        let full = to.calibration.range().1;
        match measured {
            Measurement::OverRange(value) => {
                self.is_over_held = true;
                Measurement::OverRange(value.max(full))
            }
            Measurement::Good(_) | Measurement::UnderRange(_) if self.is_over_held => {
                Measurement::OverRange(full)
            }
            other @ (Measurement::Good(_)
            | Measurement::UnderRange(_)
            | Measurement::None
            | Measurement::Lost
            | Measurement::WarmingUp) => other,
        }
    }
}

fn present(reading: AnalogReading, signal: Signal) -> Option<i32> {
    let AnalogReading::Raw(raw) = reading else { return None };
    let bounds = Bounds::of(signal);
    (bounds.lost_below..=bounds.lost_above).contains(&share(signal.nominal(), raw)).then_some(raw)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(filter: Filter) -> ChannelSettings {
        let preset = ChannelSettings::preset(hazard_field::map::Quantity::Combustible).expect("a preset");
        ChannelSettings { filter, ..preset }
    }

    fn last(filter: Filter, raws: &[i32]) -> Option<Measurement> {
        last_of(&settings(filter), raws)
    }

    fn last_of(settings: &ChannelSettings, raws: &[i32]) -> Option<Measurement> {
        let mut sampler = Sampler::new(Duration::ZERO);
        raws.iter().map(|&raw| sampler.sample(Mono::ZERO, AnalogReading::Raw(raw), settings)).last()
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
        let (mut sampler, to) = (Sampler::new(Duration::from_millis(10)), settings(Filter::MovingAverage(8)));
        assert_eq!(sampler.sample(Mono::ZERO, AnalogReading::Raw(20_000), &to), Measurement::WarmingUp);
        assert_eq!(sampler.sample(Mono::from_millis(5), AnalogReading::Fault, &to), Measurement::Lost);
        assert_eq!(Some(sampler.sample(Mono::from_millis(10), AnalogReading::Raw(4_000), &to)), good(0));
    }

    fn bridge() -> ChannelSettings {
        let calibration = Calibration::try_new((-500, Value::ZERO), (49_500, Value::from_i32(100))).unwrap();
        ChannelSettings {
            signal: Signal::Bridge { low: 0, high: 50_000 },
            calibration,
            ..settings(Filter::Off)
        }
    }

    #[test]
    fn a_bridge_is_lost_far_outside_its_nominal_signal_wherever_it_is_calibrated() {
        for (raw, expected) in [
            (-10_001, Status::SENSOR_LOST),
            (-5_001, Status::UNDER_RANGE),
            (-500, Status::NONE),
            (49_500, Status::NONE),
            (52_501, Status::OVER_RANGE),
            (75_001, Status::SENSOR_LOST),
        ] {
            assert_eq!(last_of(&bridge(), &[raw]).map(Measurement::status), Some(expected), "{raw} µV");
        }
        assert_eq!(last_of(&bridge(), &[24_500]), good(50));
    }

    #[test]
    fn a_bridge_that_was_over_range_stays_so_until_it_is_released() {
        let (mut sampler, to) = (Sampler::new(Duration::ZERO), bridge());
        let mut sample = |raw| sampler.sample(Mono::ZERO, AnalogReading::Raw(raw), &to);
        assert_eq!(sample(60_000).status(), Status::OVER_RANGE);
        let full = Value::from_i32(100);
        assert_eq!(sample(9_500), Measurement::OverRange(full), "starved of oxygen, not of gas");
        sampler.release();
        assert_eq!(Some(sampler.sample(Mono::ZERO, AnalogReading::Raw(9_500), &to)), good(20));
        assert_eq!(last(Filter::Off, &[20_600, 4_000]), good(0), "a transmitter is believed");
    }

    #[test]
    fn a_contact_is_open_or_closed_and_anything_else_is_lost() {
        let contact = ChannelSettings {
            filter: Filter::Off,
            ..ChannelSettings::preset(hazard_field::map::Quantity::Contact).expect("a preset")
        };
        for (raw, expected) in
            [(0, good(0)), (1, good(1)), (2, Some(Measurement::Lost)), (-1, Some(Measurement::Lost))]
        {
            assert_eq!(last_of(&contact, &[raw]), expected, "{raw}");
        }
    }

    #[test]
    fn a_signal_is_steady_once_it_stayed_within_its_share_for_the_time() {
        let (mut sampler, to) = (Sampler::new(Duration::ZERO), settings(Filter::Off));
        let at = Mono::from_millis;
        sampler.sample(at(0), AnalogReading::Raw(12_000), &to);
        sampler.sample(at(5_000), AnalogReading::Raw(12_081), &to);
        sampler.sample(at(9_000), AnalogReading::Raw(12_010), &to);
        assert_eq!(sampler.steady_counts(at(14_999), &to), None);
        assert_eq!(sampler.steady_counts(at(15_000), &to), Some(12_010));
        sampler.sample(at(15_001), AnalogReading::Fault, &to);
        assert_eq!(sampler.steady_counts(at(99_000), &to), None);
    }

    #[test]
    fn a_calibration_is_plausible_within_a_tenth_and_from_half_to_twice_the_signal() {
        let (nominal, span) = ((4_000, 20_000), Value::from_i32(100));
        for (counts, plausible) in [
            ((4_000, 20_000), true),
            ((2_400, 18_400), true),
            ((2_399, 18_399), false),
            ((5_601, 21_601), false),
            ((4_000, 12_000), true),
            ((4_000, 11_999), false),
            ((4_000, 36_000), true),
            ((4_000, 36_001), false),
            ((4_000, -4_000), false),
        ] {
            let calibration =
                Calibration::try_new((counts.0, Value::ZERO), (counts.1, span)).expect("a span");
            assert_eq!(calibration.is_plausible(nominal), plausible, "{counts:?}");
        }
    }

    #[test]
    fn a_calibration_without_a_span_is_none() {
        assert_eq!(Calibration::try_new((1, Value::ZERO), (1, Value::ONE)), None);
        assert_eq!(Calibration::try_new((1, Value::ONE), (2, Value::ONE)), None);
    }
}
