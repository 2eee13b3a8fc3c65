//! The two checksums: CRC-16 of a Modbus line, CRC-32 of settings and images in flash.

/// The CRC-16 of Modbus over serial line V1.02, 6.2.2; the low byte is sent first.
#[must_use]
pub const fn crc16(bytes: &[u8]) -> u16 {
    let mut crc = 0xFFFF_u16;
    let mut rest = bytes;
    while let Some((&byte, tail)) = rest.split_first() {
        crc = shifted(crc ^ byte as u16);
        rest = tail;
    }
    crc
}

const fn shifted(mut crc: u16) -> u16 {
    let mut bit = 0;
    while bit < 8 {
        crc = if crc & 1 == 1 { (crc >> 1) ^ 0xA001 } else { crc >> 1 };
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
            crc = crc >> 4 ^ nibble(crc & 0xF);
            crc = crc >> 4 ^ nibble(crc & 0xF);
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

// A table in code: an index would be a path that panics.
const fn nibble(low: u32) -> u32 {
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

    #[test]
    fn a_checksum_in_pieces_is_the_checksum_of_the_whole() {
        assert_eq!(crc32(b""), 0);
        assert_eq!(Crc32::new().with(b"1234").with(b"").with(b"56789").value(), 0xCBF4_3926);
    }
}
