//! The node's register map, version 1: what each address means. Base 0 (PDU addresses), big-endian, high word first.
//!
//! An address never changes its meaning: whoever changes this file adds a version and a golden file.

use crate::Unit;

/// The version in input register [`input::MAP_VERSION`].
pub const VERSION: u16 = 1;
/// How many channels the map has; those that are not fitted say so in their status.
pub const CHANNELS: u16 = 4;

/// A Modbus table.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Table {
    /// Coils: commands.
    Coil,
    /// Discrete inputs.
    Discrete,
    /// Holding registers: settings.
    Holding,
    /// Input registers.
    Input,
}

/// How an entry is laid out.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Shape {
    /// One bit.
    Bit,
    /// One register.
    U16,
    /// Two registers, high word first.
    U32,
    /// Two registers, IEEE 754, high word first; NaN says that there is no value.
    F32,
}

impl Shape {
    /// How many addresses it covers.
    #[must_use]
    pub const fn words(self) -> u16 {
        match self {
            Self::Bit | Self::U16 => 1,
            Self::U32 | Self::F32 => 2,
        }
    }
}

/// The unit of an entry.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Measure {
    /// Always the same.
    Fixed(Unit),
    /// What the channel's unit register says.
    OfChannel,
}

/// Whether a master may write an entry.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Access {
    /// Read only.
    Read,
    /// Read and write.
    ReadWrite,
    /// Write to act; reads as 0.
    Command,
}

/// One entry of the map.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Register {
    /// Its table.
    pub table: Table,
    /// Its name, unique in the map.
    pub name: &'static str,
    /// Its first address, base 0.
    pub address: u16,
    /// Its layout.
    pub shape: Shape,
    /// Its unit.
    pub measure: Measure,
    /// Who may write it.
    pub access: Access,
    /// What it is, in Chinese.
    pub zh: &'static str,
    /// What it is, in English.
    pub en: &'static str,
}

/// How a channel's levels lie; the code in its kind register.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Kind {
    /// Not fitted.
    #[default]
    NotFitted,
    /// Both levels trip high, level 2 at or above level 1.
    Rising,
    /// Both levels trip low, level 2 at or below level 1.
    Falling,
    /// Level 1 trips low and level 2 trips high: oxygen.
    TwoSided,
}

impl Kind {
    /// The code in the register.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::NotFitted => 0,
            Self::Rising => 1,
            Self::Falling => 2,
            Self::TwoSided => 3,
        }
    }
}

/// Addresses of input registers; a channel's offsets count from [`input::channel`].
pub mod input {
    /// Map version.
    pub const MAP_VERSION: u16 = 0;
    /// Firmware version, major in the high byte.
    pub const FIRMWARE_VERSION: u16 = 1;
    /// Serial number.
    pub const SERIAL: u16 = 2;
    /// Number of channels in this node.
    pub const CHANNELS: u16 = 4;
    /// Node status.
    pub const STATUS: u16 = 5;
    /// Completed measuring passes, wrapping.
    pub const HEARTBEAT: u16 = 6;
    /// Seconds since the start.
    pub const UPTIME: u16 = 7;
    /// Offset: measured value.
    pub const VALUE: u16 = 0;
    /// Offset: channel status.
    pub const CHANNEL_STATUS: u16 = 2;
    /// Offset: kind.
    pub const KIND: u16 = 3;
    /// Offset: unit code.
    pub const UNIT: u16 = 4;
    /// Offset: raw signal.
    pub const RAW: u16 = 5;
    /// Number of input registers.
    pub const END: u16 = channel(super::CHANNELS);

    /// First address of a channel, counted from 0; saturates.
    #[must_use]
    pub const fn channel(channel: u16) -> u16 {
        channel.saturating_mul(6).saturating_add(9)
    }
}

/// Addresses of holding registers; a channel's offsets count from [`holding::channel`].
pub mod holding {
    /// Offset: set-point of level 1.
    pub const SETPOINT_L1: u16 = 0;
    /// Offset: set-point of level 2.
    pub const SETPOINT_L2: u16 = 2;
    /// Offset: deadband.
    pub const DEADBAND: u16 = 4;
    /// Offset: on-delay.
    pub const ON_DELAY: u16 = 6;
    /// Offset: off-delay.
    pub const OFF_DELAY: u16 = 7;
    /// After how much silence the gateway counts as lost; 0 for never.
    pub const GATEWAY_TIMEOUT: u16 = channel(super::CHANNELS);
    /// Number of holding registers.
    pub const END: u16 = GATEWAY_TIMEOUT + 1;

    /// First address of a channel, counted from 0; saturates.
    #[must_use]
    pub const fn channel(channel: u16) -> u16 {
        channel.saturating_mul(8)
    }
}

/// Addresses of coils; a channel's offsets count from [`coil::channel`].
pub mod coil {
    /// Acknowledge all alarms.
    pub const ACKNOWLEDGE: u16 = 0;
    /// Reset latched, acknowledged alarms.
    pub const RESET: u16 = 1;
    /// Silence the horn.
    pub const SILENCE: u16 = 2;
    /// Offset: inhibit the channel's alarms.
    pub const INHIBIT: u16 = 0;
    /// Offset: calibrate the channel.
    pub const CALIBRATION: u16 = 1;
    /// Number of coils.
    pub const END: u16 = channel(super::CHANNELS);

    /// First address of a channel, counted from 0; saturates.
    #[must_use]
    pub const fn channel(channel: u16) -> u16 {
        channel.saturating_mul(2).saturating_add(3)
    }
}

/// Addresses of discrete inputs; a channel's offsets count from [`discrete::channel`].
pub mod discrete {
    /// Offset: level 1 in alarm or latched.
    pub const ALARM_L1: u16 = 0;
    /// Offset: level 2 in alarm or latched.
    pub const ALARM_L2: u16 = 1;
    /// Offset: the measurement is faulty.
    pub const FAULT: u16 = 2;
    /// The horn sounds.
    pub const HORN: u16 = channel(super::CHANNELS);
    /// The horn was silenced while an alarm stands.
    pub const HORN_SILENCED: u16 = HORN + 1;
    /// No gateway has asked for longer than configured.
    pub const GATEWAY_LOST: u16 = HORN + 2;
    /// Any channel is faulty.
    pub const ANY_FAULT: u16 = HORN + 3;
    /// Number of discrete inputs.
    pub const END: u16 = HORN + 4;

    /// First address of a channel, counted from 0; saturates.
    #[must_use]
    pub const fn channel(channel: u16) -> u16 {
        channel.saturating_mul(3)
    }
}

mod tables;

pub use tables::{COILS, DISCRETES, HOLDINGS, INPUTS};
