//! From registers to a sample. Whatever cannot be a number becomes bad with a reason; nothing becomes zero by accident.

use alloc::string::String;
use alloc::vec::Vec;

use crate::Value;
use crate::link::{LinkFault, Words};
use crate::point::{Exponent, Order, PointSpec, Shape};
use crate::reading::{Doubt, NoData, Quantity, Sample};

/// Integers up to here are exact in an `f64`.
const EXACT_MAX: u64 = 1 << 53;

/// What the registers or bits that begin at address `start` (base 0) say about the point.
#[must_use]
pub fn decode(spec: &PointSpec, words: &Words, start: u16) -> Sample {
    match try_decode(spec, words, start) {
        Ok(sample) => sample,
        Err(reason) => Sample::Bad(reason),
    }
}

fn try_decode(spec: &PointSpec, words: &Words, start: u16) -> Result<Sample, NoData> {
    let registers = match words {
        Words::Bits(bits) => {
            let offset = spec.source.address.checked_sub(start).map(usize::from);
            let bit = offset.and_then(|offset| bits.get(offset)).ok_or(SHORT)?;
            return Ok(Sample::Good(Quantity::Number(Value::from_flag(*bit))));
        }
        Words::Registers(registers) => Window { registers, start },
    };
    let source = &spec.source;
    let own = registers.slice(source.address, source.shape.words())?;
    if let Shape::Text(_) = source.shape {
        return text(own, source.order).map(|text| Sample::Good(Quantity::Text(text.into())));
    }
    let bits = bits_of(own, source.order, source.shape);
    if spec.sentinels.contains(&bits) {
        return Err(NoData::Sentinel);
    }
    let (raw, rounded) = number(bits, source.shape)?;
    let scaled = scale(raw, spec, registers)?;
    Ok(judge(scaled, spec, rounded))
}

/// A reply too short for its request never reaches the decoder; if one did, it would be garbage.
const SHORT: NoData = NoData::Link(LinkFault::Garbled);

#[derive(Clone, Copy)]
struct Window<'a> {
    registers: &'a [u16],
    start: u16,
}

impl<'a> Window<'a> {
    fn slice(self, address: u16, len: u16) -> Result<&'a [u16], NoData> {
        let offset = usize::from(address.checked_sub(self.start).ok_or(SHORT)?);
        self.registers.get(offset..offset + usize::from(len)).ok_or(SHORT)
    }
}

fn bits_of(registers: &[u16], order: Order, shape: Shape) -> u64 {
    let join = |high: u64, register: &u16| {
        let register = if order.low_byte_first { register.swap_bytes() } else { *register };
        high << 16 | u64::from(register)
    };
    let bits = if order.low_word_first {
        registers.iter().rev().take(4).fold(0, join)
    } else {
        registers.iter().take(4).fold(0, join)
    };
    match shape {
        Shape::RegisterBit(bit) => bits >> bit.min(15) & 1,
        Shape::BitField { first, len } => bits >> first.min(15) & ((1u64 << len.clamp(1, 16)) - 1),
        Shape::Bit
        | Shape::I16
        | Shape::U16
        | Shape::I32
        | Shape::U32
        | Shape::I64
        | Shape::U64
        | Shape::F32
        | Shape::F64
        | Shape::Bcd(_)
        | Shape::Text(_) => bits,
    }
}

/// The number, and whether it lost digits.
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "the shape says how many of the bits count, and what is rounded is said"
)]
fn number(bits: u64, shape: Shape) -> Result<(f64, bool), NoData> {
    let exact = |raw: f64| Ok((raw, false));
    match shape {
        Shape::Bit | Shape::RegisterBit(_) | Shape::BitField { .. } | Shape::U16 | Shape::U32 => {
            exact(bits as f64)
        }
        Shape::I16 => exact(f64::from(bits as u16 as i16)),
        Shape::I32 => exact(f64::from(bits as u32 as i32)),
        Shape::U64 => Ok((bits as f64, bits > EXACT_MAX)),
        Shape::I64 => Ok((bits as i64 as f64, (bits as i64).unsigned_abs() > EXACT_MAX)),
        Shape::F32 => exact(f64::from(f32::from_bits(bits as u32))),
        Shape::F64 => exact(f64::from_bits(bits)),
        Shape::Bcd(words) => bcd(bits, words).map(|raw| (raw as f64, raw > EXACT_MAX)),
        Shape::Text(_) => Err(NoData::NotANumber),
    }
}

fn bcd(bits: u64, words: u8) -> Result<u64, NoData> {
    (0..u32::from(words.min(4)) * 4).rev().try_fold(0u64, |number, nibble| {
        let digit = bits >> (nibble * 4) & 0xF;
        if digit > 9 { Err(NoData::NotBcd) } else { Ok(number * 10 + digit) }
    })
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "a scale that is not one over a whole number fails the comparison behind the casts"
)]
fn scale(raw: f64, spec: &PointSpec, registers: Window<'_>) -> Result<f64, NoData> {
    let divided = match spec.source.exponent {
        None => raw,
        Some(Exponent::DecimalPlaces { address, mask }) => {
            let register = registers.slice(address, 1)?.first().copied().unwrap_or_default();
            let places = u32::from((register & mask) >> mask.trailing_zeros().min(15));
            if places > 9 {
                return Err(NoData::BadScaling);
            }
            raw / f64::from(10u32.pow(places))
        }
        Some(Exponent::Divisor { address }) => match registers.slice(address, 1)?.first() {
            None | Some(0) => return Err(NoData::BadScaling),
            Some(divisor) => raw / f64::from(*divisor),
        },
    };
    // 3 × 0.1 is 0.30000000000000004 and 3 / 10 is 0.3: a scale that is one over a whole number divides.
    let inverse = 1.0 / spec.scale;
    let whole = inverse as i64 as f64;
    let scaled =
        if whole == inverse && 1.0 / whole == spec.scale { divided / whole } else { divided * spec.scale };
    Ok(scaled + spec.offset)
}

fn judge(scaled: f64, spec: &PointSpec, rounded: bool) -> Sample {
    let Some(value) = Value::try_new(scaled) else {
        return Sample::Bad(NoData::NotANumber);
    };
    let quantity = Quantity::Number(value);
    match spec.range {
        Some((_, max)) if value > max => Sample::Suspect(quantity, Doubt::OverRange),
        Some((min, _)) if value < min => Sample::Suspect(quantity, Doubt::UnderRange),
        Some(_) | None if rounded => Sample::Suspect(quantity, Doubt::Rounded),
        Some(_) | None => Sample::Good(quantity),
    }
}

fn text(registers: &[u16], order: Order) -> Result<String, NoData> {
    let mut bytes: Vec<u8> = Vec::with_capacity(registers.len() * 2);
    for register in registers {
        let register = if order.low_byte_first { register.swap_bytes() } else { *register };
        bytes.extend(register.to_be_bytes());
    }
    let end = bytes.iter().rposition(|byte| *byte != 0 && *byte != b' ').map_or(0, |last| last + 1);
    bytes.truncate(end);
    let text = String::from_utf8(bytes).map_err(|_| NoData::NotText)?;
    if text.chars().any(char::is_control) { Err(NoData::NotText) } else { Ok(text) }
}

#[cfg(test)]
mod tests {
    use alloc::vec;
    use core::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::id::DeviceId;
    use crate::link::Table;
    use crate::point::{Report, Source};

    #[test]
    fn each_shape_reads_its_registers() {
        let cases: [(Shape, &[u16], f64); 13] = [
            (Shape::U16, &[0xFFFE], 65_534.0),
            (Shape::I16, &[0xFFFE], -2.0),
            (Shape::U32, &[0x0001, 0x0002], 65_538.0),
            (Shape::I32, &[0xFFFF, 0xFFFE], -2.0),
            (Shape::U64, &[0, 0, 1, 0], 65_536.0),
            (Shape::I64, &[0xFFFF, 0xFFFF, 0xFFFF, 0xFFFE], -2.0),
            (Shape::F32, &[0x41C8, 0x0000], 25.0),
            (Shape::F64, &[0x4039, 0, 0, 0], 25.0),
            (Shape::Bcd(1), &[0x1234], 1234.0),
            (Shape::Bcd(2), &[0x0012, 0x3456], 123_456.0),
            (Shape::RegisterBit(3), &[0x0008], 1.0),
            (Shape::RegisterBit(4), &[0x0008], 0.0),
            (Shape::BitField { first: 4, len: 2 }, &[0x00F0], 3.0),
        ];
        for (shape, registers, expected) in cases {
            assert_eq!(read(&spec(shape), registers), good(expected), "{shape:?}");
        }
    }

    #[test]
    fn the_four_orders_of_25_point_0_read_25() {
        for (low_word_first, low_byte_first, registers) in [
            (false, false, [0x41C8, 0x0000]),
            (true, false, [0x0000, 0x41C8]),
            (false, true, [0xC841, 0x0000]),
            (true, true, [0x0000, 0xC841]),
        ] {
            let mut spec = spec(Shape::F32);
            spec.source.order = Order { low_word_first, low_byte_first };
            assert_eq!(read(&spec, &registers), good(25.0));
        }
    }

    #[test]
    fn what_is_no_measurement_is_bad_with_its_reason() {
        let nan = read(&spec(Shape::F32), &[0x7FC0, 0]);
        let infinite = read(&spec(Shape::F32), &[0x7F80, 0]);
        assert_eq!((nan, infinite), (Sample::Bad(NoData::NotANumber), Sample::Bad(NoData::NotANumber)));
        assert_eq!(read(&spec(Shape::Bcd(1)), &[0x12A4]), Sample::Bad(NoData::NotBcd));
        assert_eq!(read(&spec(Shape::U32), &[1]), Sample::Bad(SHORT));
        let mut with_sentinel = spec(Shape::I16);
        with_sentinel.sentinels = vec![0x8000];
        assert_eq!(read(&with_sentinel, &[0x8000]), Sample::Bad(NoData::Sentinel));
    }

    #[test]
    fn a_value_outside_its_range_is_suspect_and_keeps_its_number() {
        let mut spec = spec(Shape::U16);
        spec.range = Value::try_new(10.0).zip(Value::try_new(100.0));
        let number = |raw| Quantity::Number(Value::from_i32(raw));
        assert_eq!(read(&spec, &[101]), Sample::Suspect(number(101), Doubt::OverRange));
        assert_eq!(read(&spec, &[9]), Sample::Suspect(number(9), Doubt::UnderRange));
        assert_eq!(read(&spec, &[100]), good(100.0));
    }

    #[test]
    fn scaling_registers_scale_and_refuse_nonsense() {
        let mut places = spec(Shape::U16);
        places.source.exponent = Some(Exponent::DecimalPlaces { address: 101, mask: 0x0007 });
        assert_eq!(read(&places, &[1234, 0xFF02]), good(12.34));
        let mut divisor = spec(Shape::U16);
        divisor.source.exponent = Some(Exponent::Divisor { address: 101 });
        assert_eq!(read(&divisor, &[50, 4]), good(12.5));
        assert_eq!(read(&divisor, &[50, 0]), Sample::Bad(NoData::BadScaling));
        places.source.exponent = Some(Exponent::DecimalPlaces { address: 101, mask: 0xFFFF });
        assert_eq!(read(&places, &[1234, 10]), Sample::Bad(NoData::BadScaling));
    }

    #[test]
    fn a_tenth_is_exact() {
        let mut spec = spec(Shape::U16);
        spec.scale = 0.1;
        assert_eq!(read(&spec, &[3]), good(0.3));
    }

    #[test]
    fn text_loses_its_padding_and_nothing_else() {
        let text = |text: &str| Sample::Good(Quantity::Text(text.into()));
        assert_eq!(read(&spec(Shape::Text(3)), &[0x4348, 0x3420, 0x0000]), text("CH4"));
        assert_eq!(read(&spec(Shape::Text(1)), &[0x4301]), Sample::Bad(NoData::NotText));
    }

    #[test]
    fn a_counter_beyond_exactness_says_so() {
        let sample = read(&spec(Shape::U64), &[0xFFFF, 0, 0, 1]);
        assert!(matches!(sample, Sample::Suspect(_, Doubt::Rounded)));
    }

    proptest! {
        #[test]
        fn no_registers_make_it_panic_or_yield_a_number_that_is_none(
            shape in shapes(), registers in proptest::collection::vec(any::<u16>(), 0..6),
            address in 95u16..105, low_word_first: bool, low_byte_first: bool, scale in -1e300f64..1e300,
        ) {
            let mut spec = spec(shape);
            spec.source.address = address;
            spec.source.order = Order { low_word_first, low_byte_first };
            spec.scale = scale;
            let sample = decode(&spec, &Words::Registers(registers), 100);
            prop_assert!(sample.number().is_none_or(|value| value.get().is_finite()));
        }

        #[test]
        fn an_f32_written_in_any_order_reads_back(raw in any::<f32>(), low_word_first: bool, low_byte_first: bool) {
            let mut registers = [(raw.to_bits() >> 16) as u16, raw.to_bits() as u16];
            if low_word_first { registers.swap(0, 1); }
            if low_byte_first { registers = registers.map(u16::swap_bytes); }
            let mut spec = spec(Shape::F32);
            spec.source.order = Order { low_word_first, low_byte_first };
            let expected = if raw.is_finite() { good(f64::from(raw)) } else { Sample::Bad(NoData::NotANumber) };
            prop_assert_eq!(read(&spec, &registers), expected);
        }
    }

    fn shapes() -> impl Strategy<Value = Shape> {
        prop_oneof![
            Just(Shape::Bit),
            Just(Shape::I32),
            Just(Shape::U64),
            Just(Shape::I64),
            Just(Shape::F32),
            Just(Shape::F64),
            (0u8..=255).prop_map(Shape::Bcd),
            (0u8..=255).prop_map(Shape::Text),
            any::<u8>().prop_map(Shape::RegisterBit),
            any::<(u8, u8)>().prop_map(|(first, len)| Shape::BitField { first, len }),
        ]
    }

    fn read(spec: &PointSpec, registers: &[u16]) -> Sample {
        decode(spec, &Words::Registers(registers.to_vec()), 100)
    }

    fn good(number: f64) -> Sample {
        Sample::Good(Quantity::Number(Value::try_new(number).unwrap()))
    }

    fn spec(shape: Shape) -> PointSpec {
        PointSpec {
            tag: "GT-101".into(),
            device: DeviceId(0),
            source: Source {
                table: Table::Holding,
                address: 100,
                shape,
                order: Order::default(),
                exponent: None,
            },
            scale: 1.0,
            offset: 0.0,
            range: None,
            sentinels: vec![],
            period: Duration::from_secs(1),
            stale_after: Duration::from_secs(3),
            report: Report { deadband: Value::ZERO, heartbeat: Duration::from_secs(60) },
            safety: true,
            interlock: false,
            button: None,
        }
    }
}
