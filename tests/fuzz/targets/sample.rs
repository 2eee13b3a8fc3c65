//! From registers to a sample, against a second reading of the same bytes.

use std::time::Duration;

use hazard_core::Value;
use hazard_core::decode::decode as read;
use hazard_core::id::DeviceId;
use hazard_core::link::{Table, Words};
use hazard_core::point::{Exponent, Order, PointSpec, Report, Shape, Source};
use hazard_core::reading::{Doubt, NoData, Quantity, Sample};

use super::dice::Dice;

/// A number is finite, within the range that calls it good, and the one that the bytes say in their order.
pub(crate) fn decode(bytes: &[u8]) {
    let mut dice = Dice(bytes);
    let spec = spec(&mut dice);
    let start = spec.source.address.wrapping_sub(u16::from(dice.byte() % 4));
    let registers: Vec<u16> = std::iter::from_fn(|| (!dice.is_over()).then(|| dice.word())).collect();
    if spec.source.table.is_bits() {
        let bits: Vec<bool> = registers.iter().map(|word| word & 1 == 1).collect();
        let at = usize::from(spec.source.address.wrapping_sub(start));
        let sample = read(&spec, &Words::Bits(bits.clone()), start);
        let told = bits.get(at).filter(|_| start <= spec.source.address);
        assert_eq!(sample.number().map(Value::get), told.map(|bit| f64::from(u8::from(*bit))));
        return;
    }
    let sample = read(&spec, &Words::Registers(registers.clone()), start);
    let range = spec.range.map(|(min, max)| (min.get(), max.get()));
    match &sample {
        Sample::Good(Quantity::Number(value)) | Sample::Suspect(Quantity::Number(value), Doubt::Rounded) => {
            let value = value.get();
            assert!(value.is_finite() && range.is_none_or(|(min, max)| !(value > max || value < min)));
        }
        Sample::Suspect(Quantity::Number(value), Doubt::OverRange) => assert!(value.get() > range.unwrap().1),
        Sample::Suspect(Quantity::Number(value), Doubt::UnderRange) => {
            assert!(value.get() < range.unwrap().0)
        }
        Sample::Suspect(..) => panic!("{sample:?}"),
        Sample::Good(Quantity::Text(text)) => {
            assert!(text.len() <= usize::from(spec.source.shape.words()) * 2)
        }
        Sample::Bad(_) => {}
    }
    let place = usize::from(spec.source.address.wrapping_sub(start));
    let own = registers.get(place..place + usize::from(spec.source.shape.words()));
    let Some(own) = own.filter(|_| start <= spec.source.address) else {
        assert!(matches!(sample, Sample::Bad(_)), "{sample:?} of registers that are not there");
        return;
    };
    compare(&spec, own, &sample);
}

/// Only without a scale, where the number is the bytes' own.
fn compare(spec: &PointSpec, own: &[u16], sample: &Sample) {
    if matches!(spec.source.shape, Shape::Text(_)) || spec.source.exponent.is_some() {
        return;
    }
    let told = second(spec.source.shape, &in_order(own, spec.source.order));
    let is_plain = spec.scale.to_bits() == 1.0_f64.to_bits() && spec.offset == 0.0;
    match (told, sample) {
        (_, Sample::Bad(NoData::Sentinel)) => assert!(!spec.sentinels.is_empty()),
        (Some(told), sample) if is_plain => {
            let number = sample.number().map(Value::get);
            assert_eq!(number, Some(told).filter(|told| told.is_finite()), "{spec:?} {own:04X?}");
        }
        (None, sample) => assert!(matches!(sample, Sample::Bad(_)), "{spec:?} {own:04X?} {sample:?}"),
        (Some(_), _) => {}
    }
}

/// The bytes, the highest first.
fn in_order(registers: &[u16], order: Order) -> Vec<u8> {
    let mut bytes: Vec<[u8; 2]> = registers.iter().map(|word| word.to_be_bytes()).collect();
    if order.low_word_first {
        bytes.reverse();
    }
    if order.low_byte_first {
        bytes.iter_mut().for_each(|pair| pair.reverse());
    }
    bytes.concat()
}

/// The number that these bytes are; `None` where they are none.
fn second(shape: Shape, bytes: &[u8]) -> Option<f64> {
    let two = || bytes.try_into().ok().map(u16::from_be_bytes);
    let four = || <[u8; 4]>::try_from(bytes).ok();
    let eight = || <[u8; 8]>::try_from(bytes).ok();
    match shape {
        Shape::Bit | Shape::U16 => two().map(f64::from),
        Shape::I16 => bytes.try_into().ok().map(i16::from_be_bytes).map(f64::from),
        Shape::RegisterBit(bit) => two().map(|word| f64::from(word >> bit & 1)),
        Shape::BitField { first, len } => two().map(|word| {
            (0..len)
                .map(|at| {
                    f64::from((word >> first).checked_shr(at.into()).unwrap_or(0) & 1)
                        * f64::from(1_u32 << at)
                })
                .sum()
        }),
        Shape::U32 => four().map(u32::from_be_bytes).map(f64::from),
        Shape::I32 => four().map(i32::from_be_bytes).map(f64::from),
        Shape::F32 => four().map(f32::from_be_bytes).map(f64::from),
        Shape::U64 => eight().map(|bytes| u64::from_be_bytes(bytes) as f64),
        Shape::I64 => eight().map(|bytes| i64::from_be_bytes(bytes) as f64),
        Shape::F64 => eight().map(f64::from_be_bytes),
        Shape::Bcd(_) => {
            let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            digits.parse::<u64>().ok().map(|number| number as f64)
        }
        Shape::Text(_) => None,
    }
}

/// A point as the configuration can make it.
fn spec(dice: &mut Dice<'_>) -> PointSpec {
    let choice = dice.byte();
    let table = [Table::Holding, Table::Input, Table::Coil, Table::Discrete][usize::from(choice & 3)];
    let order = Order { low_word_first: choice & 4 != 0, low_byte_first: choice & 8 != 0 };
    let shape = if table.is_bits() { Shape::Bit } else { shape(dice) };
    let address = dice.word();
    let exponent = match choice >> 4 & 3 {
        1 => Some(Exponent::DecimalPlaces { address: dice.word(), mask: dice.word().max(1) }),
        2 => Some(Exponent::Divisor { address: dice.word() }),
        _ => None,
    };
    let finite = |number: f64, usual: f64| if number.is_finite() { number } else { usual };
    let (scale, offset) = if choice & 0x40 == 0 {
        (1.0, 0.0)
    } else {
        (finite(dice.number(), 1.0), finite(dice.number(), 0.0))
    };
    let range = (choice & 0x80 != 0).then(|| (dice.word(), dice.word()));
    let range = range.map(|(one, other)| (one.min(other), one.max(other)));
    let value = |word: u16| Value::from_i32(i32::from(word) - 0x8000);
    let sentinels = if dice.byte() & 1 == 0 { Vec::new() } else { vec![u64::from(dice.word())] };
    PointSpec {
        tag: "GT-101".into(),
        device: DeviceId(0),
        source: Source { table, address, shape, order, exponent },
        scale,
        offset,
        range: range.map(|(min, max)| (value(min), value(max))),
        sentinels,
        period: Duration::from_secs(1),
        stale_after: Duration::from_secs(3),
        report: Report { deadband: Value::ZERO, heartbeat: Duration::from_secs(60) },
        safety: true,
        interlock: false,
        button: None,
    }
}

fn shape(dice: &mut Dice<'_>) -> Shape {
    let [kind, more] = [dice.byte(), dice.byte()];
    let first = more % 16;
    match kind % 12 {
        0 => Shape::U16,
        1 => Shape::I16,
        2 => Shape::U32,
        3 => Shape::I32,
        4 => Shape::U64,
        5 => Shape::I64,
        6 => Shape::F32,
        7 => Shape::F64,
        8 => Shape::Bcd([1, 2, 4][usize::from(more % 3)]),
        9 => Shape::Text(1 + more % 64),
        10 => Shape::RegisterBit(first),
        _ => Shape::BitField { first, len: 1 + (more >> 4) % (16 - first) },
    }
}
