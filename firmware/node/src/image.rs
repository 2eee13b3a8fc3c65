//! The header of a program image: what a boot loader, the node itself and a flashing tool check before they believe it.
//!
//! 32 bytes, little-endian, at a place of the board's choice that is a multiple of four:
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 8 | `HAZNODE` and the header's version, 1 |
//! | 8 | 4 | length of the image, from its first byte, header included |
//! | 12 | 4 | version: major (16 bits), minor (8), patch (8) |
//! | 16 | 4 | board, four ASCII characters |
//! | 20 | 2 | register map version |
//! | 22 | 2 | 0 |
//! | 24 | 4 | CRC-32 of the image without these four bytes and the next four |
//! | 28 | 4 | CRC-32 of the 28 bytes before |

use hazard_field::{Crc32, crc32};

use crate::hal::Program;

/// The header's length in bytes.
pub const HEADER_LEN: usize = 32;
/// What a header begins with.
pub const MAGIC: [u8; 8] = *b"HAZNODE\x01";
/// The header's words that no checksum of the image covers.
const CHECKSUMS: core::ops::Range<usize> = 24..32;

/// A header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Header {
    /// Length of the image in bytes.
    pub len: u32,
    /// Major (16 bits), minor (8), patch (8).
    pub version: u32,
    /// Four ASCII characters.
    pub board: [u8; 4],
    /// The register map that the image serves.
    pub map_version: u16,
    /// Checksum of the image.
    pub crc: u32,
}

/// Why an image is not believed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ImageFault {
    /// There is no header at this place.
    NoHeader,
    /// The header was never sealed, or it is damaged.
    BadHeader,
    /// The length leaves the flash, or the header is not inside the image.
    BadLength,
    /// The image is not the one that was sealed.
    BadImage,
}

impl Header {
    /// The header in these bytes.
    pub fn parse(bytes: &[u8; HEADER_LEN]) -> Result<Self, ImageFault> {
        let mut rest = bytes.as_slice();
        if take::<8>(&mut rest) != MAGIC {
            return Err(ImageFault::NoHeader);
        }
        let [len, version] = [u32::from_le_bytes(take(&mut rest)), u32::from_le_bytes(take(&mut rest))];
        let board = take(&mut rest);
        let map_version = u16::from_le_bytes(take(&mut rest));
        let _: [u8; 2] = take(&mut rest);
        let crc = u32::from_le_bytes(take(&mut rest));
        let header = Self { len, version, board, map_version, crc };
        if header.to_bytes() == *bytes { Ok(header) } else { Err(ImageFault::BadHeader) }
    }

    /// As it lies in the image.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; HEADER_LEN] {
        let mut bytes = [0; HEADER_LEN];
        let fields: [&[u8]; 7] = [
            &MAGIC,
            &self.len.to_le_bytes(),
            &self.version.to_le_bytes(),
            &self.board,
            &self.map_version.to_le_bytes(),
            &[0; 2],
            &self.crc.to_le_bytes(),
        ];
        let (covered, own) = bytes.split_at_mut(HEADER_LEN - 4);
        for (slot, byte) in covered.iter_mut().zip(fields.into_iter().flatten()) {
            *slot = *byte;
        }
        own.copy_from_slice(&crc32(covered).to_le_bytes());
        bytes
    }
}

/// What to link into an image where its header belongs; [`seal`] fills in length and checksums.
#[must_use]
pub const fn unsealed(board: [u8; 4], [major, minor, patch]: [u8; 3]) -> [u8; HEADER_LEN] {
    let ([m0, m1, m2, m3, m4, m5, m6, m7], [b0, b1, b2, b3]) = (MAGIC, board);
    let [map_low, map_high] = hazard_field::map::VERSION.to_le_bytes();
    [
        m0, m1, m2, m3, m4, m5, m6, m7, 0, 0, 0, 0, patch, minor, major, 0, b0, b1, b2, b3, map_low,
        map_high, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    ]
}

/// Where the only header of an image lies, at a multiple of four.
#[must_use]
pub fn find(image: &[u8]) -> Option<usize> {
    let is_header = |at: &usize| image.get(*at..).is_some_and(|rest| rest.starts_with(&MAGIC));
    let mut places = (0..image.len()).step_by(4).filter(is_header);
    let first = places.next()?;
    places.next().is_none().then_some(first)
}

/// Fills in length and checksums of the header at this place, for a flashing tool.
pub fn seal(image: &mut [u8], at: usize) -> Result<Header, ImageFault> {
    let len = u32::try_from(image.len()).map_err(|_| ImageFault::BadLength)?;
    let header = image.get(at..).and_then(<[u8]>::first_chunk::<HEADER_LEN>).ok_or(ImageFault::BadLength)?;
    let mut fields = header.as_slice();
    if take::<8>(&mut fields) != MAGIC {
        return Err(ImageFault::NoHeader);
    }
    let _: [u8; 4] = take(&mut fields);
    let version = u32::from_le_bytes(take(&mut fields));
    let board = take(&mut fields);
    let map_version = u16::from_le_bytes(take(&mut fields));
    let draft = Header { len, version, board, map_version, crc: 0 };
    put(image, at, &draft)?;
    let crc = covered(image, at).ok_or(ImageFault::BadLength)?;
    let header = Header { crc, ..draft };
    put(image, at, &header)?;
    Ok(header)
}

fn put(image: &mut [u8], at: usize, header: &Header) -> Result<(), ImageFault> {
    let place = image.get_mut(at..).and_then(<[u8]>::first_chunk_mut::<HEADER_LEN>);
    *place.ok_or(ImageFault::BadLength)? = header.to_bytes();
    Ok(())
}

fn covered(image: &[u8], at: usize) -> Option<u32> {
    let before = image.get(..at.checked_add(CHECKSUMS.start)?)?;
    let behind = image.get(at.checked_add(CHECKSUMS.end)?..)?;
    Some(Crc32::new().with(before).with(behind).value())
}

/// Checks an image at once.
pub fn verify(program: &Program<'_>) -> Result<Header, ImageFault> {
    let mut check = ImageCheck::new();
    loop {
        if let Some(outcome) = check.step(program, usize::MAX) {
            return outcome;
        }
    }
}

/// Checks an image in pieces, over and over, beside other work.
#[derive(Clone, Copy, Debug)]
pub struct ImageCheck {
    crc: Crc32,
    done: usize,
}

impl ImageCheck {
    /// At the image's first byte.
    #[must_use]
    pub const fn new() -> Self {
        Self { crc: Crc32::new(), done: 0 }
    }

    /// Looks at up to `bytes` more, at least one; tells the outcome once the image is through and begins again.
    pub fn step(&mut self, program: &Program<'_>, bytes: usize) -> Option<Result<Header, ImageFault>> {
        let outcome = self.advance(program, bytes.max(1)).transpose();
        if outcome.is_some() {
            *self = Self::new();
        }
        outcome
    }

    fn advance(&mut self, program: &Program<'_>, bytes: usize) -> Result<Option<Header>, ImageFault> {
        let at = program.header_at;
        let raw = program.bytes.get(at..).and_then(<[u8]>::first_chunk::<HEADER_LEN>);
        let header = Header::parse(raw.ok_or(ImageFault::NoHeader)?)?;
        let len = usize::try_from(header.len).map_err(|_| ImageFault::BadLength)?;
        let image = program.bytes.get(..len).ok_or(ImageFault::BadLength)?;
        let skipped = at.saturating_add(CHECKSUMS.start)..at.saturating_add(CHECKSUMS.end);
        if skipped.end > len {
            return Err(ImageFault::BadLength);
        }
        let end = self.done.saturating_add(bytes).min(len);
        for piece in [self.done..end.min(skipped.start), self.done.max(skipped.end)..end] {
            self.crc = self.crc.with(image.get(piece).unwrap_or(&[]));
        }
        self.done = end;
        if end < len {
            return Ok(None);
        }
        if self.crc.value() == header.crc { Ok(Some(header)) } else { Err(ImageFault::BadImage) }
    }
}

impl Default for ImageCheck {
    fn default() -> Self {
        Self::new()
    }
}

/// The next bytes; zeros beyond the end, which a header's fixed length rules out.
fn take<const LEN: usize>(rest: &mut &[u8]) -> [u8; LEN] {
    let Some((head, tail)) = rest.split_first_chunk::<LEN>() else { return [0; LEN] };
    *rest = tail;
    *head
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    fn image() -> Vec<u8> {
        let mut image: Vec<u8> = (0..1_000_u32).map(|at| (at * 7) as u8).collect();
        image[64..96].copy_from_slice(&unsealed(*b"TEST", [1, 2, 3]));
        image
    }

    fn sealed() -> Vec<u8> {
        let mut image = image();
        assert_eq!(find(&image), Some(64));
        seal(&mut image, 64).expect("a header");
        image
    }

    fn check(bytes: &[u8]) -> Result<Header, ImageFault> {
        verify(&Program { bytes, header_at: 64 })
    }

    #[test]
    fn a_sealed_image_is_believed_and_says_what_it_is() {
        let header = check(&sealed()).expect("a good image");
        assert_eq!((header.len, header.version, &header.board), (1_000, 0x0001_0203, b"TEST"));
        assert_eq!(header.map_version, hazard_field::map::VERSION);
        let longer = [&sealed()[..], &[0xFF; 500]].concat();
        assert!(check(&longer).is_ok(), "flash behind the image");
    }

    #[test]
    fn an_image_with_any_byte_wrong_is_not_believed() {
        for at in 0..1_000 {
            let mut image = sealed();
            image[at] ^= 0x10;
            assert!(check(&image).is_err(), "byte {at}");
        }
        assert_eq!(check(&image()), Err(ImageFault::BadHeader), "never sealed");
        assert_eq!(check(&sealed()[..999]), Err(ImageFault::BadLength));
        assert_eq!(check(&[]), Err(ImageFault::NoHeader));
    }

    #[test]
    fn a_check_in_pieces_of_any_size_says_the_same() {
        let (good, mut bad) = (sealed(), sealed());
        bad[999] ^= 1;
        for pieces in [1, 7, 24, 64, 88, 500, 2_000] {
            for (bytes, is_good) in [(&good, true), (&bad, false)] {
                let (mut check, program) = (ImageCheck::new(), Program { bytes, header_at: 64 });
                for _ in 0..2 {
                    let outcome = (0..=1_000).find_map(|_| check.step(&program, pieces));
                    assert_eq!(outcome.expect("an outcome").is_ok(), is_good, "{pieces}");
                }
            }
        }
    }
}
