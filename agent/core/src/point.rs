//! A point as the point table describes it: where it is read, how its registers become a value, and when it is old.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use crate::Value;
use crate::id::DeviceId;
use crate::link::Table;
use crate::outbox::record::Verb;

/// How registers become one quantity.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shape {
    /// One coil or discrete input.
    Bit,
    /// One bit of a register; bit 0 is the least significant.
    RegisterBit(u8),
    /// `len` bits of a register from bit `first`, as an unsigned number.
    BitField {
        /// Lowest bit.
        first: u8,
        /// Number of bits, 1–16.
        len: u8,
    },
    /// Two's complement, 16 bits.
    I16,
    /// Unsigned, 16 bits.
    U16,
    /// Two's complement, 32 bits.
    I32,
    /// Unsigned, 32 bits.
    U32,
    /// Two's complement, 64 bits.
    I64,
    /// Unsigned, 64 bits.
    U64,
    /// IEEE 754 single.
    F32,
    /// IEEE 754 double.
    F64,
    /// Binary-coded decimal over 1, 2 or 4 registers.
    Bcd(u8),
    /// Text over this many registers, two characters each, padded with NUL or space.
    Text(u8),
}

impl Shape {
    /// How many addresses of its table the shape covers.
    #[must_use]
    pub const fn words(self) -> u16 {
        match self {
            Self::Bit | Self::RegisterBit(_) | Self::BitField { .. } | Self::I16 | Self::U16 => 1,
            Self::I32 | Self::U32 | Self::F32 => 2,
            Self::I64 | Self::U64 | Self::F64 => 4,
            Self::Bcd(words) | Self::Text(words) => words as u16,
        }
    }

    /// Whether the shape is a switch: its value is 0 or 1.
    #[must_use]
    pub const fn is_switch(self) -> bool {
        matches!(self, Self::Bit | Self::RegisterBit(_))
    }
}

/// The order of registers and of bytes within them. `ABCD` is both high first.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Order {
    /// The low word comes first (`CDAB`).
    pub low_word_first: bool,
    /// The low byte comes first within each register (`BADC`).
    pub low_byte_first: bool,
}

/// A register of the same table that tells how to scale the value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exponent {
    /// The value is divided by ten to the power of the register's masked, right-aligned bits (0–9).
    DecimalPlaces {
        /// Address, base 0.
        address: u16,
        /// Bits that count, from the least significant.
        mask: u16,
    },
    /// The value is divided by the register; a divisor of 0 makes the sample bad.
    Divisor {
        /// Address, base 0.
        address: u16,
    },
}

impl Exponent {
    /// The address of the scaling register, base 0.
    #[must_use]
    pub const fn address(self) -> u16 {
        match self {
            Self::DecimalPlaces { address, .. } | Self::Divisor { address } => address,
        }
    }
}

/// Where a point is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Source {
    /// The table.
    pub table: Table,
    /// First address, base 0.
    pub address: u16,
    /// How the registers become a quantity.
    pub shape: Shape,
    /// Word and byte order.
    pub order: Order,
    /// A register that scales the value.
    pub exponent: Option<Exponent>,
}

/// When a reading is worth a record: a change beyond the deadband, any change of quality, or the heartbeat.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Report {
    /// In the point's unit; zero reports every change.
    pub deadband: Value,
    /// The longest time without a record.
    pub heartbeat: Duration,
}

/// A point, valid by construction of [`crate::Site`].
#[derive(Clone, PartialEq, Debug)]
pub struct PointSpec {
    /// Plant name, 位号, unique on the site.
    pub tag: Arc<str>,
    /// The device it is read from.
    pub device: DeviceId,
    /// Where it is read.
    pub source: Source,
    /// `value = raw × scale + offset`.
    pub scale: f64,
    /// In the point's unit.
    pub offset: f64,
    /// Values outside are suspect: they may raise an alarm and never end one.
    pub range: Option<(Value, Value)>,
    /// Raw register values (before scaling, as the shape's unsigned bits) that mean "no measurement".
    pub sentinels: Vec<u64>,
    /// How often it is read.
    pub period: Duration,
    /// How long a value stays good without another.
    pub stale_after: Duration,
    /// When a reading becomes a record.
    pub report: Report,
    /// Read ahead of others, and its loss is an alarm.
    pub safety: bool,
    /// Part of an interlock: two persons bypass it.
    pub interlock: bool,
    /// A push button: closing it is this verb, on all alarms.
    pub button: Option<Verb>,
}

impl Source {
    /// First and last address that one read must cover, base 0; saturates at 65535.
    #[must_use]
    pub fn span(&self) -> (u16, u16) {
        let last = self.address.saturating_add(self.shape.words().saturating_sub(1));
        self.exponent.map_or((self.address, last), |exponent| {
            (self.address.min(exponent.address()), last.max(exponent.address()))
        })
    }
}
