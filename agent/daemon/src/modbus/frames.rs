//! Which RTU frames are in a stretch of bytes, found by their CRC: a frame that is whole says more about a line than any
//! timing that an adapter may have blurred.

use std::ops::Range;

use hazard_field::crc::crc16;

const CRC_BYTES: usize = 2;

/// What a frame is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shape {
    /// A master asks.
    Request,
    /// A unit answers.
    Answer,
    /// A unit refuses.
    Refusal,
}

/// A frame whose CRC is right.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Frame {
    /// Whose, or to whom.
    pub unit: u8,
    /// Its function, without the mark of a refusal.
    pub function: u8,
    /// What it is; a request and an answer of the same bytes are told apart by what came before.
    pub shape: Shape,
    /// Where it is.
    pub at: Range<usize>,
}

/// What a stretch of bytes holds.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Frames {
    /// The frames, in order.
    pub frames: Vec<Frame>,
    /// Bytes that belong to none.
    pub noise_bytes: usize,
}

impl Frames {
    /// Finds the frames of public functions.
    #[must_use]
    pub fn find(bytes: &[u8]) -> Self {
        let mut found = Self::default();
        let mut at = 0;
        while at < bytes.len() {
            match frame(bytes, at, found.frames.last()) {
                Some(frame) => {
                    at = frame.at.end;
                    found.frames.push(frame);
                }
                None => {
                    found.noise_bytes += 1;
                    at += 1;
                }
            }
        }
        found
    }

    /// How many frames are of this shape.
    #[must_use]
    pub fn count(&self, shape: Shape) -> usize {
        self.frames.iter().filter(|frame| frame.shape == shape).count()
    }
}

fn frame(bytes: &[u8], at: usize, before: Option<&Frame>) -> Option<Frame> {
    let rest = &bytes[at..];
    let (&unit, &function) = (rest.first()?, rest.get(1)?);
    let whole = |len: Option<usize>, shape| {
        let len = len.filter(|len| is_whole(rest, *len))?;
        Some(Frame { unit, function: function & 0x7F, shape, at: at..at + len })
    };
    let asked =
        |frame: &Frame| frame.shape == Shape::Request && (frame.unit, frame.function) == (unit, function);
    let request = whole(request_bytes(rest), Shape::Request);
    let answer = whole(answer_bytes(rest), Shape::Answer);
    match (request, answer) {
        // The same bytes would do for both: it is the answer if its question was just heard.
        (Some(_), Some(answer)) if before.is_some_and(asked) => Some(answer),
        (Some(request), _) => Some(request),
        (None, Some(answer)) => Some(answer),
        (None, None) => whole((function & 0x80 != 0).then_some(5), Shape::Refusal),
    }
}

fn is_whole(bytes: &[u8], len: usize) -> bool {
    let Some((body, crc)) = bytes.get(..len).and_then(|frame| frame.split_at_checked(len - CRC_BYTES)) else {
        return false;
    };
    crc16(body).to_le_bytes() == crc
}

/// Bytes of a request (Modbus Application Protocol V1.1b3, §6).
fn request_bytes(bytes: &[u8]) -> Option<usize> {
    let count = u16::from_be_bytes([*bytes.get(4)?, *bytes.get(5)?]);
    match bytes.get(1)? {
        1 | 2 => (1..=2000).contains(&count).then_some(8),
        3 | 4 => (1..=125).contains(&count).then_some(8),
        5 | 6 | 8 => Some(8),
        15 | 16 => Some(9 + usize::from(*bytes.get(6)?)),
        43 => Some(7),
        _ => None,
    }
}

fn answer_bytes(bytes: &[u8]) -> Option<usize> {
    match bytes.get(1)? {
        1..=4 | 17 => Some(5 + usize::from(*bytes.get(2)?)),
        5 | 6 | 8 | 15 | 16 => Some(8),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(body: &[u8]) -> Vec<u8> {
        [body, &crc16(body).to_le_bytes()].concat()
    }

    #[test]
    fn question_answer_and_refusal_are_told_apart_between_noise() {
        let mut bytes = vec![0xFF, 0x00];
        bytes.extend(framed(&[3, 3, 0, 0, 0, 1]));
        bytes.extend(framed(&[3, 3, 2, 0, 42]));
        bytes.push(0x55);
        bytes.extend(framed(&[4, 0x83, 2]));
        let found = Frames::find(&bytes);
        let shapes: Vec<_> = found.frames.iter().map(|f| (f.unit, f.function, f.shape)).collect();
        assert_eq!(shapes, [(3, 3, Shape::Request), (3, 3, Shape::Answer), (4, 3, Shape::Refusal)]);
        assert_eq!(found.noise_bytes, 3);
    }

    #[test]
    fn a_write_and_its_echo_are_a_question_and_an_answer() {
        let write = framed(&[1, 6, 0, 9, 0, 7]);
        let found = Frames::find(&[write.clone(), write].concat());
        let shapes: Vec<_> = found.frames.iter().map(|f| f.shape).collect();
        assert_eq!(shapes, [Shape::Request, Shape::Answer]);
    }

    #[test]
    fn a_frame_with_one_wrong_bit_is_noise() {
        let good = framed(&[3, 3, 2, 0, 42]);
        for bit in 0..good.len() * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            let found = Frames::find(&bad);
            assert_eq!((found.frames.len(), found.noise_bytes), (0, good.len()), "bit {bit}");
        }
    }

    #[test]
    fn bytes_without_a_frame_end_somewhere() {
        for len in 0..16 {
            assert_eq!(Frames::find(&vec![3; len]).noise_bytes, len);
        }
    }
}
