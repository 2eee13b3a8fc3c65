//! Bytes as choices, and as what lies on a line: no fuzzer guesses a CRC, so it says where one belongs.

/// Choices, one after another; all zero when the bytes are used up.
pub(crate) struct Dice<'a>(pub &'a [u8]);

impl Dice<'_> {
    pub(crate) fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    pub(crate) fn word(&mut self) -> u16 {
        u16::from_be_bytes([self.byte(), self.byte()])
    }

    pub(crate) fn number(&mut self) -> f64 {
        f64::from_bits(u64::from_be_bytes(std::array::from_fn(|_| self.byte())))
    }

    pub(crate) fn is_over(&self) -> bool {
        self.0.is_empty()
    }

    /// Pieces: a byte that says how many follow, up to 63, whether a CRC is behind them, and whether it is the last piece.
    pub(crate) fn line(&mut self) -> Vec<u8> {
        let mut line = Vec::new();
        while !self.is_over() {
            let head = self.byte();
            let piece: Vec<u8> = (0..head & 0x3F).map(|_| self.byte()).collect();
            line.extend(if head & 0x40 == 0 { piece } else { framed(&piece) });
            if head & 0x80 != 0 {
                break;
            }
        }
        line
    }
}

/// The bytes with their CRC, reckoned bit by bit (Modbus over Serial Line V1.02, §6.2.2) and not by the code under test.
pub(crate) fn framed(body: &[u8]) -> Vec<u8> {
    let crc = body.iter().fold(0xFFFF_u16, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte), |crc, _| if crc & 1 == 0 { crc >> 1 } else { crc >> 1 ^ 0xA001 })
    });
    [body, &crc.to_le_bytes()].concat()
}
