//! The two checksums: CRC-16 of a Modbus line, CRC-32 of settings and images in flash.

/// What the lowest four bits add, from a table that is made while compiling. An index into it would be a path that panics.
macro_rules! of_four_bits {
    ($shifted:ident, $crc:expr) => {
        match $crc & 0xF {
            0 => 0,
            1 => const { $shifted(1) },
            2 => const { $shifted(2) },
            3 => const { $shifted(3) },
            4 => const { $shifted(4) },
            5 => const { $shifted(5) },
            6 => const { $shifted(6) },
            7 => const { $shifted(7) },
            8 => const { $shifted(8) },
            9 => const { $shifted(9) },
            10 => const { $shifted(10) },
            11 => const { $shifted(11) },
            12 => const { $shifted(12) },
            13 => const { $shifted(13) },
            14 => const { $shifted(14) },
            _ => const { $shifted(15) },
        }
    };
}

/// The CRC-16 of Modbus over serial line V1.02, 6.2.2; the low byte is sent first.
#[must_use]
pub const fn crc16(bytes: &[u8]) -> u16 {
    let mut crc = 0xFFFF_u16;
    let mut rest = bytes;
    while let Some((&byte, tail)) = rest.split_first() {
        crc ^= byte as u16;
        crc = crc >> 4 ^ of_four_bits!(shifted_16, crc);
        crc = crc >> 4 ^ of_four_bits!(shifted_16, crc);
        rest = tail;
    }
    crc
}

const fn shifted_16(low: u16) -> u16 {
    let (mut crc, mut bit) = (low, 0);
    while bit < 4 {
        crc = if crc & 1 == 1 { crc >> 1 ^ 0xA001 } else { crc >> 1 };
        bit += 1;
    }
    crc
}

/// The CRC-32 of IEEE 802.3 (as zlib and PNG have it), a piece at a time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Crc32(u32);

impl Crc32 {
    /// Of nothing yet.
    #[must_use]
    pub const fn new() -> Self {
        Self(u32::MAX)
    }

    /// With these bytes behind what it has.
    #[must_use]
    pub const fn with(self, bytes: &[u8]) -> Self {
        let (mut crc, mut rest) = (self.0, bytes);
        while let Some((&byte, tail)) = rest.split_first() {
            crc ^= byte as u32;
            crc = crc >> 4 ^ of_four_bits!(shifted_32, crc);
            crc = crc >> 4 ^ of_four_bits!(shifted_32, crc);
            rest = tail;
        }
        Self(crc)
    }

    /// The checksum of all bytes so far.
    #[must_use]
    pub const fn value(self) -> u32 {
        !self.0
    }
}

impl Default for Crc32 {
    fn default() -> Self {
        Self::new()
    }
}

/// The CRC-32 of these bytes.
#[must_use]
pub const fn crc32(bytes: &[u8]) -> u32 {
    Crc32::new().with(bytes).value()
}

const fn shifted_32(low: u32) -> u32 {
    let (mut crc, mut bit) = (low, 0);
    while bit < 4 {
        crc = if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 };
        bit += 1;
    }
    crc
}

const _: () = assert!(crc32(b"123456789") == 0xCBF4_3926, "not the CRC-32 of IEEE 802.3");
const _: () = assert!(crc16(b"123456789") == 0x4B37, "not the Modbus CRC");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standard_vectors_hold() {
        assert_eq!(crc16(b"123456789"), 0x4B37);
        assert_eq!(crc16(&[]), 0xFFFF);
        assert_eq!(crc16(&[0x01, 0x03, 0x00, 0x00, 0x00, 0x0A]).to_le_bytes(), [0xC5, 0xCD]);
    }

    /// Bit by bit, as the standards write it.
    fn bitwise(polynomial: u32, start: u32, bytes: &[u8]) -> u32 {
        bytes.iter().fold(start, |crc, byte| {
            let shift = |crc: u32, _| if crc & 1 == 1 { crc >> 1 ^ polynomial } else { crc >> 1 };
            (0..8).fold(crc ^ u32::from(*byte), shift)
        })
    }

    #[test]
    fn each_byte_behind_each_other_has_the_checksum_that_it_has_bit_by_bit() {
        for pair in 0..=u16::MAX {
            let bytes = pair.to_be_bytes();
            assert_eq!(u32::from(crc16(&bytes)), bitwise(0xA001, 0xFFFF, &bytes), "{pair:04x}");
            assert_eq!(crc32(&bytes), !bitwise(0xEDB8_8320, u32::MAX, &bytes), "{pair:04x}");
        }
    }

    #[test]
    fn a_checksum_in_pieces_is_the_checksum_of_the_whole() {
        assert_eq!(crc32(b""), 0);
        assert_eq!(Crc32::new().with(b"1234").with(b"").with(b"56789").value(), 0xCBF4_3926);
    }
}
