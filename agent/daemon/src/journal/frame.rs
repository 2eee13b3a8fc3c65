//! A block of records as one value: framed and checksummed, so that it is believed or refused whole, and can be found in
//! the raw bytes of a damaged store.

use std::sync::Arc;

use hazard_core::outbox::{Count, Lane, Record};

use super::chain::{Link, Mark};
use super::codec::{self, NotRecords};
use super::columns;
use super::index::{lane_byte, lane_of};
use super::squeeze;

/// What the magic of each version begins with.
pub(super) const MAGIC: [u8; 3] = *b"HZB";

/// The first version: no link, a count of two bytes.
const MAGIC_1: [u8; 4] = *b"HZB1";
const HEAD_1_BYTES: usize = 40;

/// The version that is written.
const MAGIC_2: [u8; 4] = *b"HZB2";
const HEAD_2_BYTES: usize = 94;

/// A value beyond this may make sled write a page outside its main file (decisions/0003).
const VALUE_BYTES_MAX: usize = 6_500;

/// Encoded bytes of one block before compression; more is damage, unless a single record is that large.
const PLAIN_BYTES_MAX: usize = 64 << 10;

/// A single record's encoded bytes at most: 2000 readings with the longest texts.
const RECORD_BYTES_MAX: usize = 4 << 20;

/// The codec of a block whose records are columns.
const COLUMNS: u8 = 2;

/// One block.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Frame {
    pub(super) lane: Lane,
    pub(super) ordinal: u64,
    pub(super) first: u64,
    pub(super) last: u64,
    /// What it holds; blocks of the first version do not say how many readings.
    pub(super) count: Count,
    /// Where its lane stood before its first record; blocks of the first version do not say.
    pub(super) before: Option<Mark>,
    head_bytes: usize,
    bytes: Vec<u8>,
}

/// How much work goes into a block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Effort {
    /// Records are waiting to become durable.
    Quick,
    /// It is kept for long.
    Small,
}

/// The records of the block that `bytes` begin with, with the ordinal of their epoch.
///
/// # Errors
/// Whatever the bytes are, when they are not a whole block of a known version.
pub fn read_block(bytes: &[u8]) -> Result<(u64, Vec<Arc<Record>>), NotRecords> {
    let frame = Frame::parse(bytes).ok_or(NotRecords)?;
    Ok((frame.ordinal, frame.records()?))
}

/// The blocks of an epoch's records, in ascending order per lane; moves the lanes' marks on.
pub(super) fn frames(ordinal: u64, records: &[Arc<Record>], marks: &mut [Mark; 2]) -> Vec<Frame> {
    let mut frames = Vec::new();
    for lane in [Lane::Event, Lane::Reading] {
        let of_lane: Vec<_> = records.iter().filter(|record| record.lane() == lane).collect();
        let block = Block { ordinal, lane, mark: marks[lane as usize], effort: Effort::Quick };
        marks[lane as usize] = block.all(&of_lane, &mut frames);
    }
    frames
}

/// The blocks of records of one lane that are kept for long.
pub(super) fn packed(of: (Lane, u64), mark: Mark, records: &[Arc<Record>]) -> Vec<Frame> {
    let mut frames = Vec::new();
    let block = Block { ordinal: of.1, lane: of.0, mark, effort: Effort::Small };
    block.all(&records.iter().collect::<Vec<_>>(), &mut frames);
    frames
}

/// What the blocks of a lane have in common.
struct Block {
    ordinal: u64,
    lane: Lane,
    mark: Mark,
    effort: Effort,
}

impl Block {
    fn all(mut self, mut rest: &[&Arc<Record>], frames: &mut Vec<Frame>) -> Mark {
        let mut size = codec::RECORDS_MAX;
        while !rest.is_empty() {
            let (frame, taken) = self.of(rest, size);
            // The next one is likely to need as many for a value that is just allowed.
            let full = taken * VALUE_BYTES_MAX / frame.bytes.len().max(1);
            size = (full - full / 16).clamp(1, self.records_max());
            self.mark = self.mark.after(rest[..taken].iter().copied());
            rest = &rest[taken..];
            frames.push(frame);
        }
        self.mark
    }

    fn records_max(&self) -> usize {
        match (self.lane, self.effort) {
            (Lane::Reading, Effort::Small) => columns::RECORDS_MAX,
            (Lane::Reading, Effort::Quick) | (Lane::Event, _) => codec::RECORDS_MAX,
        }
    }

    /// A block of the first `size` records or, where that is too large, of fewer; and of how many.
    fn of(&self, records: &[&Arc<Record>], size: usize) -> (Frame, usize) {
        let mut size = size.min(records.len());
        loop {
            let (version, plain) = self.plain(&records[..size]);
            let payload = squeeze::compress(&plain, self.level()).unwrap_or_default();
            let fits = plain.len() <= PLAIN_BYTES_MAX && HEAD_2_BYTES + payload.len() <= VALUE_BYTES_MAX;
            if size <= 1 || fits {
                return (self.frame(version, &records[..size], &payload), size);
            }
            size = size.div_ceil(2);
        }
    }

    fn plain(&self, records: &[&Arc<Record>]) -> (u8, Vec<u8>) {
        let columns = (self.lane == Lane::Reading).then(|| columns::encode(records)).flatten();
        let columns = columns.filter(|columns| columns.len() <= PLAIN_BYTES_MAX || records.len() > 1);
        if let Some(columns) = columns {
            return (COLUMNS, columns);
        }
        let mut plain = Vec::new();
        for record in records {
            codec::encode(record, &mut plain);
        }
        (codec::VERSION, plain)
    }

    const fn level(&self) -> i32 {
        match self.effort {
            Effort::Quick => 1,
            Effort::Small => 6,
        }
    }

    fn frame(&self, version: u8, records: &[&Arc<Record>], payload: &[u8]) -> Frame {
        let first = records.first().map_or(0, |record| record.seq.0);
        let last = records.last().map_or(0, |record| record.seq.0);
        let mut count = Count::default();
        records.iter().for_each(|record| count += Count::of(record));
        let mut rest = vec![version, lane_byte(self.lane)];
        for number in [self.ordinal, first, last] {
            rest.extend_from_slice(&number.to_le_bytes());
        }
        for number in [count.records, count.readings] {
            rest.extend_from_slice(&u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes());
        }
        let Mark { link, written } = self.mark;
        rest.extend_from_slice(&written.records.to_le_bytes());
        rest.extend_from_slice(&written.readings.to_le_bytes());
        rest.extend_from_slice(&link.0);
        rest.extend_from_slice(payload);
        let mut bytes = MAGIC_2.to_vec();
        bytes.extend_from_slice(&u32::try_from(payload.len()).unwrap_or(u32::MAX).to_le_bytes());
        bytes.extend_from_slice(&crc32fast::hash(&rest).to_le_bytes());
        bytes.extend_from_slice(&rest);
        let (lane, ordinal, before) = (self.lane, self.ordinal, Some(self.mark));
        Frame { lane, ordinal, first, last, count, before, head_bytes: HEAD_2_BYTES, bytes }
    }
}

impl Frame {
    /// The block at the beginning of `bytes`, which may go on behind it.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let head_bytes = Self::head_bytes(bytes)?;
        let (magic, rest) = bytes.split_first_chunk::<4>()?;
        let (len, rest) = rest.split_first_chunk::<4>()?;
        let (crc, rest) = rest.split_first_chunk::<4>()?;
        let end = (u32::from_le_bytes(*len) as usize).checked_add(head_bytes)?;
        let checked = rest.get(..end.checked_sub(12)?)?;
        if crc32fast::hash(checked) != u32::from_le_bytes(*crc) {
            return None;
        }
        let bytes = bytes.get(..end)?;
        let number =
            |at: usize| bytes.get(at..at + 8).and_then(|b| b.try_into().ok()).map(u64::from_le_bytes);
        let small = |at: usize| bytes.get(at..at + 4).and_then(|b| b.try_into().ok()).map(u32::from_le_bytes);
        let (count, before) = if *magic == MAGIC_1 {
            let records = u16::from_le_bytes([*bytes.get(38)?, *bytes.get(39)?]).into();
            (Count { records, readings: 0 }, None)
        } else {
            let count = Count { records: small(38)?.into(), readings: small(42)?.into() };
            let written = Count { records: number(46)?, readings: number(54)? };
            (count, Some(Mark { link: Link(bytes.get(62..HEAD_2_BYTES)?.try_into().ok()?), written }))
        };
        Some(Self {
            lane: lane_of(*bytes.get(13)?)?,
            ordinal: number(14)?,
            first: number(22)?,
            last: number(30)?,
            count,
            before,
            head_bytes,
            bytes: bytes.to_vec(),
        })
    }

    /// How many bytes stand before the payload of a block that begins like this.
    pub(super) fn head_bytes(bytes: &[u8]) -> Option<usize> {
        match *bytes.first_chunk::<4>()? {
            MAGIC_1 => Some(HEAD_1_BYTES),
            MAGIC_2 => Some(HEAD_2_BYTES),
            _ => None,
        }
    }

    /// Whether its records were written by a later version.
    pub(super) fn is_of_unknown_codec(&self) -> bool {
        !matches!(self.bytes.get(12), Some(&(codec::VERSION | COLUMNS)))
    }

    /// Its bytes.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Its key: in the order of lanes, epochs and numbers.
    pub(super) fn key(&self) -> Vec<u8> {
        key(self.lane, self.ordinal, self.first)
    }

    /// Its records, all of its lane, ascending from `first` to `last`.
    pub(super) fn records(&self) -> Result<Vec<Arc<Record>>, NotRecords> {
        let version = *self.bytes.get(12).ok_or(NotRecords)?;
        let payload = self.bytes.get(self.head_bytes..).ok_or(NotRecords)?;
        let limit = if self.count.records == 1 { RECORD_BYTES_MAX } else { PLAIN_BYTES_MAX };
        let plain = squeeze::decompress(payload, limit).map_err(|_| NotRecords)?;
        let count = usize::try_from(self.count.records).map_err(|_| NotRecords)?;
        let records = match version {
            COLUMNS => columns::decode(count, &plain)?,
            version => codec::decode(version, count, &plain)?,
        };
        let ends = records.first().map(|r| r.seq.0).zip(records.last().map(|r| r.seq.0));
        let ascending = records.is_sorted_by(|a, b| a.seq < b.seq);
        let sound = ends == Some((self.first, self.last))
            && ascending
            && records.iter().all(|record| record.lane() == self.lane);
        if sound { Ok(records) } else { Err(NotRecords) }
    }
}

/// What a block whose checksum fails says of itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Suspected {
    pub(super) lane: Lane,
    pub(super) ordinal: u64,
    pub(super) first: u64,
    pub(super) last: u64,
}

impl Suspected {
    /// The block at the beginning of `bytes`, whatever its checksum; `None` when it cannot be one.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let head = bytes.get(..Frame::head_bytes(bytes)?)?;
        let number = |at: usize| head.get(at..at + 8)?.try_into().ok().map(u64::from_le_bytes);
        let (ordinal, first, last) = (number(14)?, number(22)?, number(30)?);
        let is_one = ordinal > 0 && 0 < first && first <= last;
        is_one.then_some(Self { lane: lane_of(*head.get(13)?)?, ordinal, first, last })
    }

    /// Whether a value is a block of a later version.
    pub(super) fn is_newer(value: &[u8]) -> bool {
        let Some((crc, rest)) = value.get(8..).and_then(|rest| rest.split_first_chunk::<4>()) else {
            return false;
        };
        let is_known = Frame::head_bytes(value).is_some();
        value.starts_with(&MAGIC) && !is_known && crc32fast::hash(rest) == u32::from_le_bytes(*crc)
    }
}

/// The key of the block of `lane` and `ordinal` that begins with `first`.
pub(super) fn key(lane: Lane, ordinal: u64, first: u64) -> Vec<u8> {
    let mut key = vec![lane_byte(lane)];
    key.extend_from_slice(&ordinal.to_be_bytes());
    key.extend_from_slice(&first.to_be_bytes());
    key
}

/// Lane and ordinal of a key.
pub(super) fn key_parts(key: &[u8]) -> Option<(Lane, u64)> {
    let (lane, rest) = key.split_first()?;
    let (ordinal, rest) = rest.split_first_chunk::<8>()?;
    (rest.len() == 8).then_some((lane_of(*lane)?, u64::from_be_bytes(*ordinal)))
}

#[cfg(test)]
mod tests {
    use hazard_core::Stamp;
    use hazard_core::id::{Epoch, Seq};
    use hazard_core::outbox::record::{Body, ClockStep};
    use proptest::prelude::*;

    use super::super::chain::origins;
    use super::*;

    fn block() -> Vec<u8> {
        let (from, to) = Default::default();
        let record = |seq| {
            let body = Body::ClockStep(ClockStep { from, to });
            Arc::new(Record { seq: Seq(seq), stamp: Stamp::default(), body })
        };
        let records: Vec<_> = (1..=9).map(record).collect();
        frames(7, &records, &mut origins(Epoch(7))).remove(0).bytes
    }

    #[test]
    fn every_changed_byte_and_every_cut_is_noticed() {
        let block = block();
        assert_eq!(read_block(&block).unwrap().1.len(), 9);
        for at in 0..block.len() {
            let mut changed = block.clone();
            changed[at] ^= 0x10;
            assert_eq!(read_block(&changed), Err(NotRecords), "byte {at}");
            assert_eq!(read_block(&block[..at]), Err(NotRecords), "cut at {at}");
        }
    }

    proptest! {
        #[test]
        fn noise_behind_a_right_checksum_never_panics(noise in proptest::collection::vec(any::<u8>(), 0..200), count in 0u16..300, version in 1u8..3) {
            let mut rest = vec![version, u8::from(version == COLUMNS)];
            rest.extend_from_slice(&[0; 24]);
            rest.extend_from_slice(&u32::from(count).to_le_bytes());
            rest.extend_from_slice(&[0; 52]);
            rest.extend_from_slice(&noise);
            let mut bytes = MAGIC_2.to_vec();
            bytes.extend_from_slice(&(noise.len() as u32).to_le_bytes());
            bytes.extend_from_slice(&crc32fast::hash(&rest).to_le_bytes());
            bytes.extend_from_slice(&rest);
            prop_assert!(Frame::parse(&bytes).is_some());
            prop_assert!(read_block(&bytes).is_err());
            let _ = read_block(&rest);
        }
    }
}
