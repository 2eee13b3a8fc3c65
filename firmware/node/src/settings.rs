//! What a node is told: its channels, its line, what a lost gateway does. Valid as a whole, or not at all.

use core::time::Duration;

use hazard_field::map::{CURVE_POINTS, Kind, Quantity};
use hazard_field::{Unit, Value};

use crate::alarm::{Limits, RawLimits};
use crate::channel::{Calibration, FILTER_DEPTH_MAX, Filter};

/// The most conversions in a measuring pass.
pub const OVERSAMPLING_MAX: u16 = 64;
/// The longest warm-up.
pub const WARM_UP_MAX: Duration = Duration::from_secs(3600);
/// The greatest count of a signal: more would not survive an f32 register.
const COUNT_MAX: u32 = 1 << 24;

/// How a fitted channel measures and alarms.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct ChannelSettings {
    /// What it measures.
    pub quantity: Quantity,
    /// How its levels lie.
    pub kind: Kind,
    /// The unit of its value, set-points and deadband.
    pub unit: Unit,
    /// What its signal is.
    pub signal: Signal,
    /// From raw counts to values.
    pub calibration: Calibration,
    /// What straightens the signal.
    pub curve: Curve,
    /// Smoothing.
    pub filter: Filter,
    /// Conversions per measuring pass, 1 to [`OVERSAMPLING_MAX`].
    pub oversampling: u16,
    /// How long its value means nothing after the start; whole seconds are kept.
    pub warm_up: Duration,
    /// Which levels latch.
    pub latch: Latch,
    /// Set-points and delays at the start; a master may write others.
    pub limits: RawLimits,
}

/// A node's settings.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct NodeSettings<const CHANNELS: usize> {
    /// Serial number; the board's, never stored.
    pub serial: u32,
    /// After how much silence the gateway counts as lost; 0 for never.
    pub gateway_timeout_s: u16,
    /// What a lost gateway adds.
    pub on_gateway_loss: OnGatewayLoss,
    /// Its place on the line.
    pub line: Line,
    /// The channels; `None` is not fitted.
    pub channels: [Option<ChannelSettings>; CHANNELS],
}

impl<const CHANNELS: usize> NodeSettings<CHANNELS> {
    /// A node at unit 1 and 9,600 baud that only shows a lost gateway, after half a minute.
    #[must_use]
    pub const fn new(serial: u32, channels: [Option<ChannelSettings>; CHANNELS]) -> Self {
        let line = Line::FACTORY;
        Self { serial, gateway_timeout_s: 30, on_gateway_loss: OnGatewayLoss::Show, line, channels }
    }
}

/// What a signal is, and which counts it nominally has at the ends of the range.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Signal {
    /// 4–20 mA in µA, with the limits of NAMUR NE 43.
    Current,
    /// A bridge or another voltage in µV.
    Bridge {
        /// At the lower end of the range.
        low: i32,
        /// At the upper end; may lie below.
        high: i32,
    },
    /// A contact: 0 open, 1 closed.
    Contact,
}

impl Signal {
    /// The counts at both ends of the range.
    #[must_use]
    pub const fn nominal(self) -> (i32, i32) {
        match self {
            Self::Current => (4_000, 20_000),
            Self::Bridge { low, high } => (low, high),
            Self::Contact => (0, 1),
        }
    }

    /// The code in its register.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::Current => 0,
            Self::Bridge { .. } => 1,
            Self::Contact => 2,
        }
    }

    pub(crate) fn from_parts(code: u16, (low, high): (i32, i32)) -> Option<Self> {
        let signal = match code {
            0 => Self::Current,
            1 => Self::Bridge { low, high },
            2 => Self::Contact,
            _ => return None,
        };
        (signal.nominal() == (low, high)).then_some(signal)
    }
}

/// A linearisation table: inner points of a line from (0, 0) to (1, 1), in ten-thousandths, ascending in both.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Curve {
    points: [(u16, u16); CURVE_POINTS as usize],
    count: usize,
}

impl Curve {
    /// What needs no straightening.
    pub const STRAIGHT: Self = Self { points: [(0, 0); CURVE_POINTS as usize], count: 0 };
    const ONE: u16 = 10_000;

    /// A table of (signal, value); `None` for more than [`CURVE_POINTS`], or when a point does not lie above and right of the one
    /// before it and inside the ends.
    #[must_use]
    pub fn try_new(inner: &[(u16, u16)]) -> Option<Self> {
        let mut points = [(0, 0); CURVE_POINTS as usize];
        points.get_mut(..inner.len())?.copy_from_slice(inner);
        let mut last = (0, 0);
        for &(signal, value) in inner.iter().chain([&(Self::ONE, Self::ONE)]) {
            if signal <= last.0 || value <= last.1 {
                return None;
            }
            last = (signal, value);
        }
        Some(Self { points, count: inner.len() })
    }

    /// The inner points.
    #[must_use]
    pub fn points(&self) -> &[(u16, u16)] {
        self.points.get(..self.count).unwrap_or(&[])
    }

    /// The share of the range for a share of the span; beyond the ends both are the same.
    #[must_use]
    pub fn value_at(&self, signal: f64) -> f64 {
        self.along(signal, |(signal, value)| (signal, value))
    }

    /// The share of the span for a share of the range.
    #[must_use]
    pub fn signal_at(&self, value: f64) -> f64 {
        self.along(value, |(signal, value)| (value, signal))
    }

    fn along(&self, x: f64, axes: impl Fn((f64, f64)) -> (f64, f64)) -> f64 {
        if !(0.0..=1.0).contains(&x) {
            return x;
        }
        let one = f64::from(Self::ONE);
        let mut last = (0.0, 0.0);
        for &(signal, value) in self.points().iter().chain([&(Self::ONE, Self::ONE)]) {
            let next = axes((f64::from(signal) / one, f64::from(value) / one));
            if x <= next.0 {
                return last.1 + (x - last.0) * (next.1 - last.1) / (next.0 - last.0);
            }
            last = next;
        }
        x
    }
}

/// Which levels stay until they are reset; the others end with their cause once they are acknowledged.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Latch {
    /// Level 1 latches.
    pub level_1: bool,
    /// Level 2 latches.
    pub level_2: bool,
}

impl Latch {
    /// Both.
    pub const BOTH: Self = Self { level_1: true, level_2: true };

    pub(crate) const fn bits(self) -> u16 {
        self.level_1 as u16 | (self.level_2 as u16) << 1
    }

    pub(crate) const fn from_bits(bits: u16) -> Option<Self> {
        if bits > 3 {
            return None;
        }
        Some(Self { level_1: bits & 1 == 1, level_2: bits & 2 == 2 })
    }
}

/// What a lost gateway adds; it never takes anything away.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum OnGatewayLoss {
    /// The bit and the lamp.
    #[default]
    Show,
    /// Also the fault relay.
    Fault,
    /// Also the relay of level 1.
    Level1,
    /// Also the relays of both levels.
    Level2,
}

impl OnGatewayLoss {
    /// All, ascending by code.
    pub const ALL: [Self; 4] = [Self::Show, Self::Fault, Self::Level1, Self::Level2];

    pub(crate) fn from_code(code: u16) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }

    pub(crate) const fn code(self) -> u16 {
        match self {
            Self::Show => 0,
            Self::Fault => 1,
            Self::Level1 => 2,
            Self::Level2 => 3,
        }
    }
}

/// Unit address and speed; what the board sets its port up with.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Line {
    unit: u8,
    baud: u32,
}

impl Line {
    /// Unit 1, 9,600 baud.
    pub const FACTORY: Self = Self { unit: 1, baud: 9_600 };
    /// The speeds there are.
    pub const BAUDS: [u32; 8] = [1_200, 2_400, 4_800, 9_600, 19_200, 38_400, 57_600, 115_200];

    /// A unit from 1 to 247 and a speed of [`Self::BAUDS`].
    #[must_use]
    pub fn try_new(unit: u8, baud: u32) -> Option<Self> {
        ((1..=247).contains(&unit) && Self::BAUDS.contains(&baud)).then_some(Self { unit, baud })
    }

    /// The unit address.
    #[must_use]
    pub const fn unit(self) -> u8 {
        self.unit
    }

    /// The speed; one character has eleven bits: 8E1, or 8N2 (serial line V1.02, 2.5.1).
    #[must_use]
    pub const fn baud(self) -> u32 {
        self.baud
    }

    /// The silence that ends a frame: 3.5 characters, and 1,750 µs above 19,200 baud (serial line V1.02, 2.5.1.1).
    #[must_use]
    pub const fn silence_us(self) -> u32 {
        const CHARACTERS_3_5: u32 = 38_500_000;
        match self.baud {
            0 => 1_750,
            baud if baud > 19_200 => 1_750,
            baud => CHARACTERS_3_5.div_ceil(baud),
        }
    }
}

impl ChannelSettings {
    /// What a quantity usually needs, as a start; `None` when nothing is fitted.
    #[must_use]
    pub fn preset(quantity: Quantity) -> Option<Self> {
        let (rising, two_sided) = (Kind::Rising, Kind::TwoSided);
        let usual = |kind, unit, range, limits| Self::usual(quantity, (kind, unit), range, limits);
        match quantity {
            Quantity::NotFitted => None,
            Quantity::Combustible => usual(rising, Unit::PercentLel, [0, 100], [25.0, 50.0, 2.0]),
            Quantity::Oxygen => usual(two_sided, Unit::PercentVolume, [0, 25], [19.5, 23.5, 0.2]),
            Quantity::Toxic => usual(rising, Unit::PercentOel, [0, 300], [100.0, 200.0, 5.0]),
            Quantity::DifferentialPressure => {
                usual(rising, Unit::Pascal, [0, 2_000], [1_500.0, 1_800.0, 40.0])
            }
            Quantity::Temperature => usual(rising, Unit::Celsius, [0, 200], [70.0, 85.0, 2.0]),
            Quantity::Contact => usual(rising, Unit::None, [0, 1], [0.5, 0.5, 0.0]),
            Quantity::Other => usual(rising, Unit::None, [0, 100], [80.0, 90.0, 2.0]),
        }
    }

    fn usual(
        quantity: Quantity,
        (kind, unit): (Kind, Unit),
        [low, high]: [i32; 2],
        [setpoint_l1, setpoint_l2, deadband]: [f32; 3],
    ) -> Option<Self> {
        let signal = if quantity == Quantity::Contact { Signal::Contact } else { Signal::Current };
        let (zero, span) = signal.nominal();
        let is_gas = matches!(quantity, Quantity::Combustible | Quantity::Oxygen | Quantity::Toxic);
        Some(Self {
            quantity,
            kind,
            unit,
            signal,
            calibration: Calibration::try_new((zero, Value::from_i32(low)), (span, Value::from_i32(high)))?,
            curve: Curve::STRAIGHT,
            filter: Filter::MedianOf3,
            oversampling: 16,
            warm_up: Duration::from_secs(if is_gas { 60 } else { 0 }),
            latch: Latch::BOTH,
            limits: RawLimits { setpoint_l1, setpoint_l2, deadband, ..RawLimits::default() },
        })
    }

    /// The limits, if all settings go together: quantity with kind, unit, signal and the law's ceilings, calibration with the
    /// nominal signal, filter, oversampling and warm-up within their bounds.
    #[must_use]
    pub fn check(&self) -> Option<Limits> {
        let is_contact = self.quantity == Quantity::Contact;
        let (low, high) = self.signal.nominal();
        let countable = [low, high].iter().all(|count| count.unsigned_abs() <= COUNT_MAX);
        let smooths = match self.filter {
            Filter::Off | Filter::MedianOf3 => true,
            Filter::MovingAverage(depth) => (2..=FILTER_DEPTH_MAX).contains(&usize::from(depth)),
        };
        let consistent = self.quantity.allows_kind(self.kind)
            && self.quantity.allows_unit(self.unit)
            && (self.signal == Signal::Contact) == is_contact
            && (1..=OVERSAMPLING_MAX).contains(&self.oversampling)
            && self.warm_up <= WARM_UP_MAX;
        // Half open is nothing that a contact can be.
        let straight = !is_contact
            || (self.curve == Curve::STRAIGHT && !matches!(self.filter, Filter::MovingAverage(_)));
        if !(consistent && smooths && countable && low != high && straight && self.is_lawful()) {
            return None;
        }
        if !self.calibration.is_plausible((low, high)) {
            return None;
        }
        Limits::try_new(self.kind, &self.calibration, self.limits)
    }

    fn is_lawful(&self) -> bool {
        let RawLimits { setpoint_l1, setpoint_l2, .. } = self.limits;
        let (first, second) = (f64::from(setpoint_l1), f64::from(setpoint_l2));
        if self.quantity == Quantity::Oxygen {
            let low = match self.kind {
                // Level 2 may lie deeper: level 1 has alarmed by then.
                Kind::Falling | Kind::TwoSided => first >= Quantity::OXYGEN_LOW,
                Kind::NotFitted | Kind::Rising => false,
            };
            return low && (self.kind != Kind::TwoSided || second <= Quantity::OXYGEN_HIGH);
        }
        let [ceiling_1, ceiling_2] = self.quantity.ceilings(self.unit).unwrap_or([f64::INFINITY; 2]);
        first <= ceiling_1 && second <= ceiling_2
    }
}
