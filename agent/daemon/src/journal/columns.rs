//! Readings as columns: version 2 of a block's records. Lossless, so that a record's bytes by version 1, which the hash
//! chain is over, can be made again from it.
//!
//! Numbers of a point are written as the difference from its last one in the block: as decimals where that is exact (most
//! devices send scaled integers), else as 32-bit floats, else as all eight bytes.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use hazard_core::id::{PointId, Seq};
use hazard_core::outbox::Record;
use hazard_core::outbox::record::Body;
use hazard_core::reading::{Quantity, Reading, Sample};
use hazard_core::{ClockTrust, Mono, Stamp, Utc, Value};

use super::codec::NotRecords;
use super::mirror;

/// Records of one block at most.
pub(super) const RECORDS_MAX: usize = 4_096;

/// Readings of one block at most.
const READINGS_MAX: usize = 16_384;

/// Kinds of samples: 0 to 6 are decimals with so many places.
const PLACES_MAX: u8 = 6;
const KIND_F32: u8 = 16;
const KIND_F64: u8 = 17;
const KIND_OTHER: u8 = 18;

/// The largest integer whose neighbours an `f64` still tells apart.
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;

/// Columns, in the order in which they lie in the block.
const COLUMNS: usize = 9;

#[derive(Clone, Copy)]
enum Column {
    Lens,
    Seqs,
    Monos,
    Utcs,
    Trusts,
    Points,
    Kinds,
    Numbers,
    Others,
}

/// What was last seen of a point.
#[derive(Clone, Copy, Default)]
struct Last {
    places: u8,
    decimal: i64,
    float: u32,
}

/// By point, and looked up for each reading.
type Lasts = HashMap<PointId, Last, BuildHasherDefault<Spread>>;

/// Points are numbered without gaps: one multiplication spreads them.
#[derive(Default)]
struct Spread(u64);

impl Hasher for Spread {
    fn write_u32(&mut self, number: u32) {
        self.0 = (self.0 ^ u64::from(number)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u32(u32::from(*byte)));
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// The columns of records of the reading lane; `None` when one of them holds no readings or they are too many.
pub(super) fn encode(records: &[&Arc<Record>]) -> Option<Vec<u8>> {
    let readings: usize = records.iter().map(|record| usize::try_from(record.readings()).unwrap_or(0)).sum();
    if records.len() > RECORDS_MAX || readings > READINGS_MAX {
        return None;
    }
    let mut columns: [Vec<u8>; COLUMNS] = Default::default();
    let mut lasts = Lasts::default();
    let (mut before, mut before_point) = ((0, 0, 0), 0);
    for record in records {
        let Body::Readings(readings) = &record.body else { return None };
        let mut put = |column: Column, number: u64| put_varint(&mut columns[column as usize], number);
        let Stamp { mono, utc, trust } = record.stamp;
        let (seq, mono, utc) = (record.seq.0, mono.as_micros(), utc.unix_ms());
        put(Column::Lens, readings.len() as u64);
        put(Column::Seqs, seq.wrapping_sub(before.0));
        put(Column::Monos, zigzag(mono.wrapping_sub(before.1).cast_signed()));
        put(Column::Utcs, zigzag(utc.wrapping_sub(expected(before, mono))));
        put(Column::Trusts, trust_number(trust));
        before = (seq, mono, utc);
        for Reading { point, sample } in readings {
            put_varint(&mut columns[Column::Points as usize], zigzag(i64::from(point.0) - before_point));
            before_point = i64::from(point.0);
            put_sample(&mut columns, lasts.entry(*point).or_default(), sample)?;
        }
    }
    let mut bytes = Vec::new();
    for column in &columns {
        put_varint(&mut bytes, column.len() as u64);
        bytes.extend_from_slice(column);
    }
    Some(bytes)
}

/// The `count` records of a block.
///
/// # Errors
/// Whatever the bytes are, when they are not exactly so many records.
pub(super) fn decode(count: usize, bytes: &[u8]) -> Result<Vec<Arc<Record>>, NotRecords> {
    if count > RECORDS_MAX {
        return Err(NotRecords);
    }
    let mut rest = bytes;
    let mut columns: [&[u8]; COLUMNS] = [&[]; COLUMNS];
    for column in &mut columns {
        let len = usize::try_from(varint(&mut rest)?).map_err(|_| NotRecords)?;
        (*column, rest) = rest.split_at_checked(len).ok_or(NotRecords)?;
    }
    if !rest.is_empty() {
        return Err(NotRecords);
    }
    let mut decoder = Decoder { columns, lasts: Lasts::default(), before: (0, 0, 0), point: 0, readings: 0 };
    let mut records = Vec::with_capacity(count);
    for _ in 0..count {
        records.push(Arc::new(decoder.record()?));
    }
    if decoder.columns.iter().all(|column| column.is_empty()) { Ok(records) } else { Err(NotRecords) }
}

struct Decoder<'a> {
    columns: [&'a [u8]; COLUMNS],
    lasts: Lasts,
    before: (u64, u64, i64),
    point: i64,
    readings: usize,
}

impl Decoder<'_> {
    fn record(&mut self) -> Result<Record, NotRecords> {
        let len = usize::try_from(self.take(Column::Lens)?).map_err(|_| NotRecords)?;
        self.readings =
            self.readings.checked_add(len).filter(|all| *all <= READINGS_MAX).ok_or(NotRecords)?;
        let seq = self.before.0.wrapping_add(self.take(Column::Seqs)?);
        let mono = self.before.1.wrapping_add(unzigzag(self.take(Column::Monos)?).cast_unsigned());
        let utc = expected(self.before, mono).wrapping_add(unzigzag(self.take(Column::Utcs)?));
        let trust = trust_of(self.take(Column::Trusts)?)?;
        self.before = (seq, mono, utc);
        let mut readings = Vec::with_capacity(len);
        for _ in 0..len {
            readings.push(self.reading()?);
        }
        let stamp = Stamp { mono: Mono::from_micros(mono), utc: Utc::from_unix_ms(utc), trust };
        Ok(Record { seq: Seq(seq), stamp, body: Body::Readings(readings) })
    }

    fn reading(&mut self) -> Result<Reading, NotRecords> {
        let step = unzigzag(self.take(Column::Points)?);
        self.point = self.point.checked_add(step).ok_or(NotRecords)?;
        let point = PointId(u32::try_from(self.point).map_err(|_| NotRecords)?);
        let (kind, rest) = self.columns[Column::Kinds as usize].split_first().ok_or(NotRecords)?;
        self.columns[Column::Kinds as usize] = rest;
        let last = self.lasts.entry(point).or_default();
        let sample = match *kind {
            places @ 0..=PLACES_MAX => {
                let step = unzigzag(varint(&mut self.columns[Column::Numbers as usize])?);
                *last = Last { places, decimal: last.decimal.wrapping_add(step), ..*last };
                good(from_decimal(last.decimal, places))?
            }
            KIND_F32 => {
                let step = varint(&mut self.columns[Column::Numbers as usize])?;
                let step = u32::try_from(step).map_err(|_| NotRecords)?;
                last.float ^= step;
                good(f64::from(f32::from_bits(last.float)))?
            }
            KIND_F64 => {
                let column = &mut self.columns[Column::Numbers as usize];
                let (eight, rest) = column.split_first_chunk::<8>().ok_or(NotRecords)?;
                *column = rest;
                good(f64::from_le_bytes(*eight))?
            }
            KIND_OTHER => {
                let (sample, rest) = mirror::take_sample(self.columns[Column::Others as usize])?;
                self.columns[Column::Others as usize] = rest;
                sample
            }
            _ => return Err(NotRecords),
        };
        Ok(Reading { point, sample })
    }

    fn take(&mut self, column: Column) -> Result<u64, NotRecords> {
        varint(&mut self.columns[column as usize])
    }
}

fn put_sample(columns: &mut [Vec<u8>; COLUMNS], last: &mut Last, sample: &Sample) -> Option<()> {
    let numbers = &mut columns[Column::Numbers as usize];
    let kind = match sample {
        Sample::Good(Quantity::Number(value)) => {
            let value = value.get();
            if let Some((places, decimal)) = to_decimal(value, last.places) {
                put_varint(numbers, zigzag(decimal.wrapping_sub(last.decimal)));
                *last = Last { places, decimal, ..*last };
                places
            } else if let Some(float) = to_f32(value) {
                put_varint(numbers, u64::from(float ^ last.float));
                last.float = float;
                KIND_F32
            } else {
                numbers.extend_from_slice(&value.to_le_bytes());
                KIND_F64
            }
        }
        Sample::Good(Quantity::Text(_)) | Sample::Suspect(..) | Sample::Bad(_) => {
            mirror::put_sample(sample, &mut columns[Column::Others as usize])?;
            KIND_OTHER
        }
    };
    columns[Column::Kinds as usize].push(kind);
    Some(())
}

fn good(raw: f64) -> Result<Sample, NotRecords> {
    Value::try_new(raw).map(|value| Sample::Good(Quantity::Number(value))).ok_or(NotRecords)
}

/// The time that a record's clock shows if it ran on from the one before.
fn expected((_, mono_before, utc_before): (u64, u64, i64), mono: u64) -> i64 {
    let passed = (mono / 1_000).wrapping_sub(mono_before / 1_000);
    utc_before.wrapping_add(passed.cast_signed())
}

/// `value` as an integer over a power of ten, if that gives it back bit by bit; the point's last power is tried first.
fn to_decimal(value: f64, last: u8) -> Option<(u8, i64)> {
    let try_with = |places: u8| {
        let scaled = (value * power(places)).round();
        #[expect(clippy::cast_possible_truncation, reason = "a whole number below 2^53")]
        let decimal = (scaled.abs() < EXACT_MAX).then_some(scaled as i64)?;
        (from_decimal(decimal, places).to_bits() == value.to_bits()).then_some((places, decimal))
    };
    try_with(last).or_else(|| (0..=PLACES_MAX).find_map(try_with))
}

#[expect(clippy::cast_precision_loss, reason = "to_decimal writes only what comes back the same")]
fn from_decimal(decimal: i64, places: u8) -> f64 {
    decimal as f64 / power(places)
}

fn power(places: u8) -> f64 {
    const POWERS: [f64; PLACES_MAX as usize + 1] = [1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6];
    POWERS.get(usize::from(places)).copied().unwrap_or(f64::NAN)
}

/// The bits of `value` as a 32-bit float, if it is one.
fn to_f32(value: f64) -> Option<u32> {
    #[expect(clippy::cast_possible_truncation, reason = "compared behind the cast")]
    let float = value as f32;
    (f64::from(float).to_bits() == value.to_bits()).then_some(float.to_bits())
}

const fn trust_number(trust: ClockTrust) -> u64 {
    match trust {
        ClockTrust::Unset => 0,
        ClockTrust::Free => 1,
        ClockTrust::Synced => 2,
    }
}

const fn trust_of(number: u64) -> Result<ClockTrust, NotRecords> {
    match number {
        0 => Ok(ClockTrust::Unset),
        1 => Ok(ClockTrust::Free),
        2 => Ok(ClockTrust::Synced),
        _ => Err(NotRecords),
    }
}

const fn zigzag(number: i64) -> u64 {
    (number << 1 ^ number >> 63).cast_unsigned()
}

const fn unzigzag(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
}

fn put_varint(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    bytes.push(number.to_le_bytes()[0]);
}

fn varint(bytes: &mut &[u8]) -> Result<u64, NotRecords> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first().ok_or(NotRecords)?;
        *bytes = rest;
        let seven = u64::from(byte & 0x7F);
        if shift == 63 && seven > 1 {
            return Err(NotRecords);
        }
        number |= seven << shift;
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err(NotRecords)
}

#[cfg(test)]
mod tests {
    use hazard_core::reading::{Doubt, NoData};
    use proptest::prelude::*;

    use super::*;

    fn number() -> impl Strategy<Value = f64> {
        prop_oneof![
            any::<f64>(),
            any::<f32>().prop_map(f64::from),
            (any::<i32>(), 0i32..9).prop_map(|(whole, places)| f64::from(whole) / 10_f64.powi(places)),
            (any::<i16>()).prop_map(|whole| f64::from(whole) * 0.1),
        ]
    }

    fn sample() -> impl Strategy<Value = Sample> {
        let value = || number().prop_filter_map("finite", Value::try_new).prop_map(Quantity::Number);
        prop_oneof![
            6 => value().prop_map(Sample::Good),
            1 => "[a-z一-龥]{0,9}".prop_map(|text| Sample::Good(Quantity::Text(text.into()))),
            1 => value().prop_map(|value| Sample::Suspect(value, Doubt::OverRange)),
            1 => Just(Sample::Bad(NoData::Stale)),
        ]
    }

    fn record() -> impl Strategy<Value = Record> {
        let trust = prop_oneof![Just(ClockTrust::Unset), Just(ClockTrust::Free), Just(ClockTrust::Synced)];
        let readings = proptest::collection::vec((any::<u32>(), sample()), 0..5);
        (any::<u64>(), any::<u64>(), any::<i64>(), trust, readings).prop_map(
            |(seq, mono, utc, trust, readings)| {
                let reading = |(point, sample)| Reading { point: PointId(point), sample };
                let stamp = Stamp { mono: Mono::from_micros(mono), utc: Utc::from_unix_ms(utc), trust };
                let body = Body::Readings(readings.into_iter().map(reading).collect());
                Record { seq: Seq(seq), stamp, body }
            },
        )
    }

    proptest! {
        #[test]
        fn records_come_back_bit_by_bit(records in proptest::collection::vec(record(), 0..40)) {
            let records: Vec<_> = records.into_iter().map(Arc::new).collect();
            let bytes = encode(&records.iter().collect::<Vec<_>>()).unwrap();
            let back = decode(records.len(), &bytes).unwrap();
            prop_assert_eq!(&back, &records);
            let row = |record: &Arc<Record>| { let mut row = Vec::new(); super::super::codec::encode(record, &mut row); row };
            prop_assert_eq!(back.iter().map(row).collect::<Vec<_>>(), records.iter().map(row).collect::<Vec<_>>());
            prop_assert!(decode(records.len() + 1, &bytes).is_err());
            if !bytes.is_empty() {
                prop_assert!(decode(records.len(), &bytes[..bytes.len() - 1]).is_err());
            }
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), count in 0usize..60) {
            if let Ok(records) = decode(count, &bytes) {
                prop_assert_eq!(records.len(), count);
            }
        }
    }

    #[test]
    fn numbers_that_a_device_scaled_take_few_bytes() {
        for (value, places) in [(12.3, 1), (0.30, 1), (25.0, 0), (-7.25, 2), (0.0, 0), (20.9, 1)] {
            assert_eq!(to_decimal(value, 0).map(|(places, _)| places), Some(places), "{value}");
        }
        assert_eq!(to_decimal(0.1 + 0.2, 0), None, "what is no decimal is not made one");
        assert_eq!(to_f32(f64::from(23.456_789_f32)), Some(23.456_789_f32.to_bits()));
        assert_eq!(to_f32(0.1), None);
    }
}
