//! The Modbus serial-line checksum.

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
}
