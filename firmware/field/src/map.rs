//! The node's register map, version 2: what each address means. Base 0 (PDU addresses), big-endian, high word first.
//!
//! An address never changes its meaning: whoever changes this file adds a version and a golden file. Version 2 begins with all
//! of version 1 and adds behind the end of each table.

use crate::Unit;

/// The version in input register [`input::MAP_VERSION`].
pub const VERSION: u16 = 2;
/// How many channels the map has; those that are not fitted say so in their status.
pub const CHANNELS: u16 = 4;
/// How many events the window in the input registers shows.
pub const EVENTS: u16 = 8;
/// Inner points of a linearisation table.
pub const CURVE_POINTS: u16 = 7;
/// Written to [`holding::UNLOCK`] it lets settings be written for a while: against accidents, not against malice.
pub const UNLOCK_KEY: u16 = 0x5AFE;

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
    /// How many events the window in the input registers shows.
    pub const EVENTS: u16 = 8;
    /// Inner points of a linearisation table.
    pub const CURVE_POINTS: u16 = 7;
    /// Written to [`holding::UNLOCK`] it lets settings be written for a while: against accidents, not against malice.
    pub const UNLOCK_KEY: u16 = 0x5AFE;
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
    /// NE 107 category of the node, see [`crate::Category::code`].
    pub const CATEGORY: u16 = channel(super::CHANNELS);
    /// Self-tests whose last run failed.
    pub const SELF_TEST_FAILED: u16 = CATEGORY + 1;
    /// Self-tests that ran since the start.
    pub const SELF_TEST_DONE: u16 = CATEGORY + 2;
    /// Why the node started.
    pub const RESET_CAUSE: u16 = CATEGORY + 3;
    /// How often the node started.
    pub const STARTS: u16 = CATEGORY + 4;
    /// Where the settings came from and whether they are stored.
    pub const SETTINGS_STATE: u16 = CATEGORY + 6;
    /// Sequence number of the stored settings.
    pub const SETTINGS_SEQUENCE: u16 = CATEGORY + 7;
    /// Version in the image header.
    pub const IMAGE_VERSION: u16 = CATEGORY + 9;
    /// CRC-32 in the image header.
    pub const IMAGE_CRC: u16 = CATEGORY + 11;
    /// For how long settings may still be written.
    pub const UNLOCKED: u16 = CATEGORY + 13;
    /// Longest turn of the loop since the start.
    pub const LOOP_MAX: u16 = CATEGORY + 14;
    /// Requests answered, wrapping.
    pub const REQUESTS: u16 = CATEGORY + 16;
    /// Frames with a bad checksum, wrapping.
    pub const CRC_ERRORS: u16 = CATEGORY + 17;
    /// Overruns, parity and framing errors of the line, wrapping.
    pub const LINE_ERRORS: u16 = CATEGORY + 18;
    /// Requests refused, wrapping.
    pub const REFUSALS: u16 = CATEGORY + 19;
    /// Offset from [`detail`]: NE 107 category.
    pub const CHANNEL_CATEGORY: u16 = 0;
    /// Offset from [`detail`]: measured quantity.
    pub const QUANTITY: u16 = 1;
    /// Offset from [`detail`]: steady enough to be calibrated.
    pub const STEADY: u16 = 2;
    /// Number of the oldest event kept.
    pub const LOG_OLDEST: u16 = detail(super::CHANNELS);
    /// Number of the next event.
    pub const LOG_NEXT: u16 = LOG_OLDEST + 2;
    /// Offset from [`event`]: number; 0 for an empty row.
    pub const EVENT_NUMBER: u16 = 0;
    /// Offset from [`event`]: uptime.
    pub const EVENT_TIME: u16 = 2;
    /// Offset from [`event`]: what happened.
    pub const EVENT_CODE: u16 = 4;
    /// Offset from [`event`]: the number that belongs to it.
    pub const EVENT_VALUE: u16 = 5;
    /// Number of input registers.
    pub const END: u16 = event(super::EVENTS);

    /// First address of a channel, counted from 0; saturates.
    #[must_use]
    pub const fn channel(channel: u16) -> u16 {
        channel.saturating_mul(6).saturating_add(9)
    }

    /// First address of what version 2 adds to a channel, counted from 0; saturates.
    #[must_use]
    pub const fn detail(channel: u16) -> u16 {
        channel.saturating_mul(3).saturating_add(REFUSALS + 1)
    }

    /// First address of a row of the event window, counted from 0; saturates.
    #[must_use]
    pub const fn event(row: u16) -> u16 {
        row.saturating_mul(7).saturating_add(LOG_NEXT + 2)
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
    /// [`super::UNLOCK_KEY`] unlocks, anything else locks.
    pub const UNLOCK: u16 = GATEWAY_TIMEOUT + 1;
    /// The first event that the window shows.
    pub const LOG_FROM: u16 = UNLOCK + 1;
    /// The node's unit address after the next start.
    pub const UNIT_ADDRESS: u16 = LOG_FROM + 2;
    /// The line's speed after the next start, in hundreds of baud.
    pub const BAUD: u16 = UNIT_ADDRESS + 1;
    /// What a lost gateway adds.
    pub const GATEWAY_LOSS: u16 = BAUD + 1;
    /// Offset from [`setup`]: measured quantity; another one loads its preset.
    pub const QUANTITY: u16 = 0;
    /// Offset from [`setup`]: how the levels lie.
    pub const KIND: u16 = 1;
    /// Offset from [`setup`]: what the signal is.
    pub const SIGNAL: u16 = 2;
    /// Offset from [`setup`]: unit code.
    pub const UNIT: u16 = 3;
    /// Offset from [`setup`]: value at the lower end of the range.
    pub const RANGE_LOW: u16 = 4;
    /// Offset from [`setup`]: value at the upper end of the range.
    pub const RANGE_HIGH: u16 = 6;
    /// Offset from [`setup`]: smoothing.
    pub const FILTER: u16 = 8;
    /// Offset from [`setup`]: conversions per measuring pass.
    pub const OVERSAMPLING: u16 = 9;
    /// Offset from [`setup`]: warm-up.
    pub const WARM_UP: u16 = 10;
    /// Offset from [`setup`]: which levels latch.
    pub const LATCH: u16 = 11;
    /// Offset from [`setup`]: nominal signal at the lower end of the range.
    pub const SIGNAL_LOW: u16 = 12;
    /// Offset from [`setup`]: nominal signal at the upper end of the range.
    pub const SIGNAL_HIGH: u16 = 14;
    /// Offset from [`setup`]: calibrated signal at the lower end of the range.
    pub const CALIBRATED_LOW: u16 = 16;
    /// Offset from [`setup`]: calibrated signal at the upper end of the range.
    pub const CALIBRATED_HIGH: u16 = 18;
    /// Offset from [`setup`]: how many points of the linearisation table count.
    pub const CURVE_COUNT: u16 = 20;
    /// Offset from [`setup`]: the points, signal and value each.
    pub const CURVE: u16 = 21;
    /// Offset from [`setup`]: the value that is applied while calibrating.
    pub const REFERENCE: u16 = CURVE + 2 * super::CURVE_POINTS;
    /// Offset from [`setup`]: 1 takes the zero, 2 takes the span, 3 goes back to the nominal signal.
    pub const CALIBRATE: u16 = REFERENCE + 2;
    /// Number of holding registers.
    pub const END: u16 = setup(super::CHANNELS);

    /// First address of a channel, counted from 0; saturates.
    #[must_use]
    pub const fn channel(channel: u16) -> u16 {
        channel.saturating_mul(8)
    }

    /// First address of a channel's setup, counted from 0; saturates.
    #[must_use]
    pub const fn setup(channel: u16) -> u16 {
        channel.saturating_mul(CALIBRATE + 1).saturating_add(GATEWAY_LOSS + 1)
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
    /// Settings may be written.
    pub const UNLOCKED: u16 = HORN + 4;
    /// Settings in force that are not stored.
    pub const UNSAVED: u16 = HORN + 5;
    /// A self-test failed.
    pub const SELF_TEST_FAILED: u16 = HORN + 6;
    /// Number of discrete inputs.
    pub const END: u16 = HORN + 7;

    /// First address of a channel, counted from 0; saturates.
    #[must_use]
    pub const fn channel(channel: u16) -> u16 {
        channel.saturating_mul(3)
    }
}

pub mod codes;
mod tables;

pub use codes::{Kind, Quantity};
pub use tables::{COILS, DISCRETES, HOLDINGS, INPUTS};
