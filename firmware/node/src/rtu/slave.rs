//! The slave on a line: which frames are for it, and what it sends back. Its registers are someone else's.

use hazard_field::{Mono, crc16};

use super::frame::{ADU_MAX, Framer};
pub use super::pdu::{PDU_MAX, answer};

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

    /// A master asked, whatever became of the request.
    fn heard(&mut self) {}
}

/// A slave with one unit address.
#[derive(Clone, Debug)]
pub struct Slave {
    unit: u8,
    framer: Framer,
    reply: [u8; ADU_MAX],
}

impl Slave {
    /// A slave at `unit` (1–247) with the silence between frames in microseconds; `None` for another address.
    #[must_use]
    pub const fn try_new(unit: u8, silence_us: u32) -> Option<Self> {
        if unit == 0 || unit > 247 {
            return None;
        }
        Some(Self { unit, framer: Framer::new(silence_us), reply: [0; ADU_MAX] })
    }

    /// Takes a byte from the line.
    pub fn feed(&mut self, byte: u8, now: Mono) {
        self.framer.feed(byte, now);
    }

    /// Makes the frame under way unusable after a fault of the line.
    pub fn spoil(&mut self, now: Mono) {
        self.framer.spoil(now);
    }

    /// Executes the frame that the silence has ended and returns the frame to send. A broadcast has no answer.
    pub fn poll(&mut self, now: Mono, registers: &mut impl Registers) -> Option<&[u8]> {
        let frame = self.framer.take(now)?;
        if frame.unit != 0 && frame.unit != self.unit {
            return None;
        }
        let mut pdu = [0; PDU_MAX];
        let len = answer(registers, frame.pdu, &mut pdu);
        if frame.unit == 0 || len == 0 {
            return None;
        }
        self.frame_reply(pdu.get(..len)?)
    }

    fn frame_reply(&mut self, pdu: &[u8]) -> Option<&[u8]> {
        let (unit, rest) = self.reply.split_first_mut()?;
        *unit = self.unit;
        rest.get_mut(..pdu.len())?.copy_from_slice(pdu);
        let body = pdu.len() + 1;
        let crc = crc16(self.reply.get(..body)?).to_le_bytes();
        self.reply.get_mut(body..body + 2)?.copy_from_slice(&crc);
        self.reply.get(..body + 2)
    }
}
