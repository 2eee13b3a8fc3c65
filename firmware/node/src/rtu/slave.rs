//! The slave on a line: which frames are for it, and what it sends back. Its registers are someone else's.

use hazard_field::{Mono, crc16};

use super::frame::{ADU_MAX, Framer};
pub use super::pdu::{PDU_MAX, answer};
use crate::settings::Line;

/// The tables of bits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Bits {
    /// Coils.
    Coils,
    /// Discrete inputs.
    Discrete,
}

/// The tables of registers.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Words {
    /// Holding registers.
    Holding,
    /// Input registers.
    Input,
}

/// Why a request is refused (Modbus application protocol V1.1b3, 7).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Exception {
    /// The function is unknown.
    IllegalFunction,
    /// An address of the span does not exist.
    IllegalAddress,
    /// The request is malformed, or a value is not allowed.
    IllegalValue,
    /// The device failed.
    DeviceFailure,
    /// The device is busy.
    Busy,
}

impl Exception {
    /// The code on the wire.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::IllegalFunction => 1,
            Self::IllegalAddress => 2,
            Self::IllegalValue => 3,
            Self::DeviceFailure => 4,
            Self::Busy => 6,
        }
    }
}

/// What a device says of itself (Modbus application protocol V1.1b3, 6.21).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Object {
    /// Who made it.
    Vendor,
    /// What it is ordered as.
    ProductCode,
    /// Its version.
    Revision,
    /// Its name.
    ProductName,
    /// Its model.
    Model,
}

impl Object {
    /// All, ascending by id.
    pub const ALL: [Self; 5] =
        [Self::Vendor, Self::ProductCode, Self::Revision, Self::ProductName, Self::Model];

    /// The id on the wire.
    #[must_use]
    pub const fn id(self) -> u8 {
        match self {
            Self::Vendor => 0,
            Self::ProductCode => 1,
            Self::Revision => 2,
            Self::ProductName => 4,
            Self::Model => 5,
        }
    }
}

/// What a line brought; all wrap.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Counts {
    /// Requests to this unit that were executed, broadcasts included.
    pub requests: u16,
    /// Frames with a bad checksum or an impossible length, whoever they were for.
    pub crc_errors: u16,
    /// Overruns, parity and framing errors.
    pub line_errors: u16,
    /// Requests answered with an exception.
    pub refusals: u16,
}

impl Counts {
    /// Nothing yet.
    pub const NONE: Self = Self { requests: 0, crc_errors: 0, line_errors: 0, refusals: 0 };
}

/// What a slave serves. Spans are never empty and never pass address 65535; a refused write must change nothing.
pub trait Registers {
    /// Reads `out.len()` bits from `address`.
    fn read_bits(&self, table: Bits, address: u16, out: &mut [bool]) -> Result<(), Exception>;

    /// Reads `out.len()` registers from `address`.
    fn read_words(&self, table: Words, address: u16, out: &mut [u16]) -> Result<(), Exception>;

    /// Writes all of `values` to coils from `address`, or none.
    fn write_coils(&mut self, address: u16, values: &[bool]) -> Result<(), Exception>;

    /// Writes all of `values` to holding registers from `address`, or none.
    fn write_words(&mut self, address: u16, values: &[u16]) -> Result<(), Exception>;

    /// The identification for function 17; what is beyond 249 bytes is cut off.
    fn server_id(&self) -> &[u8] {
        &[]
    }

    /// An object of the identification for function 43/14; empty objects are left out, and without a vendor the function is unknown.
    fn identity(&self, object: Object) -> &[u8] {
        let _ = object;
        &[]
    }

    /// A master asked, whatever became of the request.
    fn heard(&mut self) {}
}

/// A slave with one unit address.
#[derive(Clone, Debug)]
pub struct Slave {
    unit: u8,
    framer: Framer,
    reply: [u8; ADU_MAX],
    counts: Counts,
}

impl Slave {
    /// A slave at `unit` (1–247) with the silence between frames in microseconds; `None` for another address.
    #[must_use]
    pub const fn try_new(unit: u8, silence_us: u32) -> Option<Self> {
        if unit == 0 || unit > 247 {
            return None;
        }
        Some(Self { unit, framer: Framer::new(silence_us), reply: [0; ADU_MAX], counts: Counts::NONE })
    }

    /// A slave at a line's place.
    pub(crate) const fn at(line: Line) -> Self {
        Self {
            unit: line.unit(),
            framer: Framer::new(line.silence_us()),
            reply: [0; ADU_MAX],
            counts: Counts::NONE,
        }
    }

    /// Moves it to another place, before the first byte.
    pub(crate) const fn move_to(&mut self, line: Line) {
        self.unit = line.unit();
        self.framer.set_silence(line.silence_us());
    }

    /// Takes a byte from the line.
    pub fn feed(&mut self, byte: u8, now: Mono) {
        self.framer.feed(byte, now);
    }

    /// Makes the frame under way unusable after a fault of the line.
    pub fn spoil(&mut self, now: Mono) {
        self.counts.line_errors = self.counts.line_errors.wrapping_add(1);
        self.framer.spoil(now);
    }

    /// What the line brought so far.
    #[must_use]
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    /// Executes the frame that the silence has ended and returns the frame to send. A broadcast has no answer.
    pub fn poll(&mut self, now: Mono, registers: &mut impl Registers) -> Option<&[u8]> {
        if !self.framer.is_complete(now) {
            return None;
        }
        let spoilt = self.framer.is_spoilt();
        let Some(frame) = self.framer.take(now) else {
            // A spoilt frame is a fault of the line, and counted there.
            self.counts.crc_errors = self.counts.crc_errors.wrapping_add(u16::from(!spoilt));
            return None;
        };
        if frame.unit != 0 && frame.unit != self.unit {
            return None;
        }
        let mut pdu = [0; PDU_MAX];
        let len = answer(registers, frame.pdu, &mut pdu);
        self.counts.requests = self.counts.requests.wrapping_add(u16::from(len > 0));
        let is_refusal = pdu.first().is_some_and(|function| len > 0 && function & 0x80 != 0);
        self.counts.refusals = self.counts.refusals.wrapping_add(u16::from(is_refusal));
        if frame.unit == 0 || len == 0 {
            return None;
        }
        self.frame_reply(pdu.get(..len)?)
    }

    fn frame_reply(&mut self, pdu: &[u8]) -> Option<&[u8]> {
        let (unit, rest) = self.reply.split_first_mut()?;
        *unit = self.unit;
        rest.get_mut(..pdu.len())?.copy_from_slice(pdu);
        let body = pdu.len().saturating_add(1);
        let crc = crc16(self.reply.get(..body)?).to_le_bytes();
        let end = body.saturating_add(crc.len());
        self.reply.get_mut(body..end)?.copy_from_slice(&crc);
        self.reply.get(..end)
    }
}
