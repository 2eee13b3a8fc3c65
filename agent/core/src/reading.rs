//! What was measured, and how far it can be believed.

use alloc::sync::Arc;

use crate::Value;
use crate::id::PointId;
use crate::link::LinkFault;

/// A measured quantity.
#[derive(Clone, PartialEq, Debug)]
pub enum Quantity {
    /// A finite number; switches read 0 or 1.
    Number(Value),
    /// A text, such as a gas name or a serial number; never compared.
    Text(Arc<str>),
}

/// Why a value is only suspect: it may raise an alarm and never end one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Doubt {
    /// Above the valid range.
    OverRange,
    /// Below the valid range.
    UnderRange,
    /// The first value after the line was dirty, or before what the device says of its sensor was read.
    AfterFault,
    /// An integer beyond 2⁵³ lost its last digits.
    Rounded,
    /// The point is bypassed: what it shows may be test gas.
    Bypassed,
    /// The device warms up, is calibrated, tested or inhibited: what it shows may be test gas, or its last value.
    FunctionCheck,
    /// The value was beyond the range and nobody has reset that: what it shows may be a flooded sensor.
    OverRangeHeld,
}

/// Why there is no value.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum NoData {
    /// Nothing was read since the start.
    NeverRead,
    /// No good answer within the point's staleness limit.
    Stale,
    /// The request failed.
    Link(LinkFault),
    /// The registers hold NaN or an infinity.
    NotANumber,
    /// The registers hold a value that the device uses for "no measurement".
    Sentinel,
    /// The registers are not binary-coded decimal.
    NotBcd,
    /// The scaling register is unusable: more than 9 decimal places, or a divisor of 0.
    BadScaling,
    /// The text is not printable ASCII or UTF-8.
    NotText,
    /// The loop current is at most 3.6 mA (NE 43): broken wire, no supply, or the transmitter says so.
    CurrentLow,
    /// The loop current is at least 21 mA (NE 43): short circuit, or the transmitter says so.
    CurrentHigh,
    /// The device says that its sensor has failed.
    SensorFailure,
    /// The device has been in warm-up, calibration, test or inhibit for longer than it may.
    CheckOverdue,
}

/// One measurement with its quality. A bad sample holds nothing that could be compared.
#[derive(Clone, PartialEq, Debug)]
pub enum Sample {
    /// Believed.
    Good(Quantity),
    /// May raise an alarm, never end one.
    Suspect(Quantity, Doubt),
    /// No value.
    Bad(NoData),
}

impl Sample {
    /// The number, if there is one.
    #[must_use]
    pub const fn number(&self) -> Option<Value> {
        match self {
            Self::Good(Quantity::Number(value)) | Self::Suspect(Quantity::Number(value), _) => Some(*value),
            Self::Good(Quantity::Text(_)) | Self::Suspect(Quantity::Text(_), _) | Self::Bad(_) => None,
        }
    }

    /// Whether the sample is believed.
    #[must_use]
    pub const fn is_good(&self) -> bool {
        matches!(self, Self::Good(_))
    }
}

/// A sample of a point.
#[derive(Clone, PartialEq, Debug)]
pub struct Reading {
    /// The point.
    pub point: PointId,
    /// What was measured.
    pub sample: Sample,
}
