//! Frames on the line: bytes between two silences, believed only after their CRC.

use core::time::Duration;

use hazard_field::{Mono, crc16};

/// The longest RTU frame: unit, 253 bytes of PDU, CRC.
pub const ADU_MAX: usize = 256;

/// A frame with a good CRC.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Frame<'a> {
    /// The unit address; 0 is broadcast.
    pub unit: u8,
    /// Function code and what follows, 1–253 bytes.
    pub pdu: &'a [u8],
}

impl<'a> Frame<'a> {
    /// The frame in `adu`, if its length is possible and its CRC good.
    #[must_use]
    pub fn parse(adu: &'a [u8]) -> Option<Self> {
        if adu.len() > ADU_MAX {
            return None;
        }
        let (body, crc) = adu.split_last_chunk::<2>()?;
        let (&unit, pdu) = body.split_first()?;
        (!pdu.is_empty() && crc16(body) == u16::from_le_bytes(*crc)).then_some(Self { unit, pdu })
    }
}

/// Collects bytes until the line has been silent for 3.5 characters.
#[derive(Clone, Debug)]
pub struct Framer {
    bytes: [u8; ADU_MAX],
    len: usize,
    spoilt: bool,
    last_byte: Mono,
    silence: Duration,
}

impl Framer {
    /// With the silence that ends a frame, in microseconds: 1,750 from 19,200 baud up (serial line V1.02, 2.5.1.1).
    #[must_use]
    pub const fn new(silence_us: u32) -> Self {
        Self {
            bytes: [0; ADU_MAX],
            len: 0,
            spoilt: false,
            last_byte: Mono::ZERO,
            silence: Duration::from_micros(silence_us as u64),
        }
    }

    /// Waits for another silence.
    pub(crate) const fn set_silence(&mut self, silence_us: u32) {
        self.silence = Duration::from_micros(silence_us as u64);
    }

    /// Takes a byte. A frame that ended unasked-for is dropped: its sender has begun another, an answer would collide.
    pub fn feed(&mut self, byte: u8, now: Mono) {
        if self.is_complete(now) {
            self.clear();
        }
        match self.bytes.get_mut(self.len) {
            Some(slot) => {
                *slot = byte;
                self.len = self.len.saturating_add(1);
            }
            None => self.spoilt = true,
        }
        self.last_byte = now;
    }

    /// Drops the frame under way at its end: the line reported an overrun, a parity or a framing error.
    pub fn spoil(&mut self, now: Mono) {
        if self.is_complete(now) {
            self.clear();
        }
        self.spoilt = true;
        self.last_byte = now;
    }

    /// The frame that the silence has ended; each frame is given once.
    pub fn take(&mut self, now: Mono) -> Option<Frame<'_>> {
        if !self.is_complete(now) {
            return None;
        }
        let (len, spoilt) = (self.len, self.spoilt);
        self.clear();
        if spoilt { None } else { Frame::parse(self.bytes.get(..len)?) }
    }

    /// Whether the frame under way lost bytes or has too many.
    pub(super) const fn is_spoilt(&self) -> bool {
        self.spoilt
    }

    pub(super) fn is_complete(&self, now: Mono) -> bool {
        (self.len > 0 || self.spoilt) && now.since(self.last_byte) >= self.silence
    }

    const fn clear(&mut self) {
        self.len = 0;
        self.spoilt = false;
    }
}
