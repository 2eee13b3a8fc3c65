//! A block of records as one value: framed and checksummed, so that it is believed or refused whole, and can be found in
//! the raw bytes of a damaged store.

use std::sync::Arc;

use hazard_core::outbox::{Lane, Record};

use super::codec::{self, NotRecords};
use super::index::{lane_byte, lane_of};

/// The first bytes of each block.
pub(super) const MAGIC: [u8; 4] = *b"HZB1";

/// Bytes before the payload.
pub(super) const HEAD_BYTES: usize = 40;

/// A value beyond this may make sled write a page outside its main file (decisions/0003).
const VALUE_BYTES_MAX: usize = 6_500;

/// Encoded bytes of one block before compression; more is damage, unless a single record is that large.
const PLAIN_BYTES_MAX: usize = 32 << 10;

/// A single record's encoded bytes at most: 2000 readings with the longest texts.
const RECORD_BYTES_MAX: usize = 4 << 20;

/// One block.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Frame {
    pub(super) lane: Lane,
    pub(super) ordinal: u64,
    pub(super) first: u64,
    pub(super) last: u64,
    bytes: Vec<u8>,
}

/// The records of the block that `bytes` begin with, with the ordinal of their epoch.
///
/// # Errors
/// Whatever the bytes are, when they are not a whole block of a known version.
pub fn read_block(bytes: &[u8]) -> Result<(u64, Vec<Arc<Record>>), NotRecords> {
    let frame = Frame::parse(bytes).ok_or(NotRecords)?;
    Ok((frame.ordinal, frame.records()?))
}

/// The blocks of an epoch's records, in ascending order per lane.
pub(super) fn frames(ordinal: u64, records: &[Arc<Record>]) -> Vec<Frame> {
    let mut frames = Vec::new();
    for lane in [Lane::Event, Lane::Reading] {
        let of_lane: Vec<_> = records.iter().filter(|record| record.lane() == lane).collect();
        for block in of_lane.chunks(codec::RECORDS_MAX) {
            frame_all(ordinal, lane, block, &mut frames);
        }
    }
    frames
}

fn frame_all(ordinal: u64, lane: Lane, records: &[&Arc<Record>], frames: &mut Vec<Frame>) {
    let (Some(first), Some(last)) = (records.first(), records.last()) else { return };
    let mut plain = Vec::new();
    for record in records {
        codec::encode(record, &mut plain);
    }
    let payload = zstd::bulk::compress(&plain, 1).unwrap_or_default();
    let fits = plain.len() <= PLAIN_BYTES_MAX && HEAD_BYTES + payload.len() <= VALUE_BYTES_MAX;
    if records.len() > 1 && !fits {
        let (front, back) = records.split_at(records.len() / 2);
        frame_all(ordinal, lane, front, frames);
        frame_all(ordinal, lane, back, frames);
        return;
    }
    let (first, last) = (first.seq.0, last.seq.0);
    let count = u16::try_from(records.len()).unwrap_or(u16::MAX);
    let mut rest = vec![codec::VERSION, lane_byte(lane)];
    for number in [ordinal, first, last] {
        rest.extend_from_slice(&number.to_le_bytes());
    }
    rest.extend_from_slice(&count.to_le_bytes());
    rest.extend_from_slice(&payload);
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&u32::try_from(payload.len()).unwrap_or(u32::MAX).to_le_bytes());
    bytes.extend_from_slice(&crc32fast::hash(&rest).to_le_bytes());
    bytes.extend_from_slice(&rest);
    frames.push(Frame { lane, ordinal, first, last, bytes });
}

impl Frame {
    /// The block at the beginning of `bytes`, which may go on behind it.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let rest = bytes.strip_prefix(&MAGIC)?;
        let (len, rest) = rest.split_first_chunk::<4>()?;
        let (crc, rest) = rest.split_first_chunk::<4>()?;
        let end = (u32::from_le_bytes(*len) as usize).checked_add(HEAD_BYTES - 12)?;
        let rest = rest.get(..end)?;
        if crc32fast::hash(rest) != u32::from_le_bytes(*crc) {
            return None;
        }
        let number = |at: usize| rest.get(at..at + 8).and_then(|b| b.try_into().ok()).map(u64::from_le_bytes);
        let (ordinal, first, last) = (number(2)?, number(10)?, number(18)?);
        Some(Self {
            lane: lane_of(*rest.get(1)?)?,
            ordinal,
            first,
            last,
            bytes: bytes.get(..end + 12)?.to_vec(),
        })
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
        let head = self.bytes.get(12..HEAD_BYTES).ok_or(NotRecords)?;
        let payload = self.bytes.get(HEAD_BYTES..).ok_or(NotRecords)?;
        let count = u16::from_le_bytes([head[26], head[27]]);
        let limit = if count == 1 { RECORD_BYTES_MAX } else { PLAIN_BYTES_MAX };
        let plain = zstd::bulk::decompress(payload, limit).map_err(|_| NotRecords)?;
        let records = codec::decode(head[0], count, &plain)?;
        let ends = records.first().map(|r| r.seq.0).zip(records.last().map(|r| r.seq.0));
        let ascending = records.is_sorted_by(|a, b| a.seq < b.seq);
        let sound = ends == Some((self.first, self.last))
            && ascending
            && records.iter().all(|record| record.lane() == self.lane);
        if sound { Ok(records) } else { Err(NotRecords) }
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
    use hazard_core::id::Seq;
    use hazard_core::outbox::record::{Body, ClockStep};
    use proptest::prelude::*;

    use super::*;

    fn block() -> Vec<u8> {
        let (from, to) = Default::default();
        let record = |seq| {
            let body = Body::ClockStep(ClockStep { from, to });
            Arc::new(Record { seq: Seq(seq), stamp: Stamp::default(), body })
        };
        let records: Vec<_> = (1..=9).map(record).collect();
        frames(7, &records).remove(0).bytes
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
        fn noise_behind_a_right_checksum_never_panics(noise in proptest::collection::vec(any::<u8>(), 0..200), count in 0u16..300) {
            let mut rest = vec![codec::VERSION, 0];
            rest.extend_from_slice(&[0; 24]);
            rest.extend_from_slice(&count.to_le_bytes());
            rest.extend_from_slice(&noise);
            let mut bytes = MAGIC.to_vec();
            bytes.extend_from_slice(&(noise.len() as u32).to_le_bytes());
            bytes.extend_from_slice(&crc32fast::hash(&rest).to_le_bytes());
            bytes.extend_from_slice(&rest);
            prop_assert!(Frame::parse(&bytes).is_some());
            prop_assert!(read_block(&bytes).is_err());
            let _ = read_block(&rest);
        }
    }
}
