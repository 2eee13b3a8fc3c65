//! The slave against a model of a device, request by request and at random.

use std::vec;
use std::vec::Vec;

use hazard_field::{Mono, crc16};
use proptest::prelude::*;

use super::{ADU_MAX, Bits, Exception, Frame, PDU_MAX, Registers, Slave, Words, answer};

const SIZE: usize = 2100;
const REFUSED_WORD: u16 = 0xDEAD;

/// Every table has addresses 0 to 2099; one register value is not allowed.
#[derive(Clone, PartialEq, Debug)]
struct Model {
    bits: Vec<bool>,
    words: Vec<u16>,
    writes: u32,
}

impl Model {
    fn new() -> Self {
        let words = (0..SIZE as u16).map(|at| at ^ 0x5A5A).collect();
        Self { bits: (0..SIZE).map(|at| at % 3 == 0).collect(), words, writes: 0 }
    }
}

fn span(address: u16, len: usize) -> Result<core::ops::Range<usize>, Exception> {
    let first = usize::from(address);
    assert!(len > 0 && first + len <= 0x1_0000, "a span that the trait rules out");
    if first + len > SIZE { Err(Exception::IllegalAddress) } else { Ok(first..first + len) }
}

impl Registers for Model {
    fn read_bits(&self, _: Bits, address: u16, out: &mut [bool]) -> Result<(), Exception> {
        out.copy_from_slice(&self.bits[span(address, out.len())?]);
        Ok(())
    }

    fn read_words(&self, _: Words, address: u16, out: &mut [u16]) -> Result<(), Exception> {
        out.copy_from_slice(&self.words[span(address, out.len())?]);
        Ok(())
    }

    fn write_coils(&mut self, address: u16, values: &[bool]) -> Result<(), Exception> {
        self.bits[span(address, values.len())?].copy_from_slice(values);
        self.writes += 1;
        Ok(())
    }

    fn write_words(&mut self, address: u16, values: &[u16]) -> Result<(), Exception> {
        let span = span(address, values.len())?;
        if values.contains(&REFUSED_WORD) {
            return Err(Exception::IllegalValue);
        }
        self.words[span].copy_from_slice(values);
        self.writes += 1;
        Ok(())
    }

    fn server_id(&self) -> &[u8] {
        &[7; 300]
    }
}

fn ask(model: &mut Model, pdu: &[u8]) -> Vec<u8> {
    let mut out = [0; PDU_MAX];
    let len = answer(model, pdu, &mut out);
    out[..len].to_vec()
}

fn head(function: u8, address: u16, count: u16) -> Vec<u8> {
    [&[function][..], &address.to_be_bytes(), &count.to_be_bytes()].concat()
}

fn write(function: u8, address: u16, count: u16, payload: usize) -> Vec<u8> {
    let bytes = [&[payload as u8][..], &vec![0xFF; payload]].concat();
    [head(function, address, count), bytes].concat()
}

#[test]
fn every_read_answers_exactly_the_counts_that_fit_a_pdu() {
    for (function, max) in [(1, 2000), (2, 2000), (3, 125), (4, 125)] {
        for count in [0, 1, 2, 7, 8, 9, 124, 125, 126, 1968, 1999, 2000, 2001, 0x7FFF, 0xFFFF] {
            let reply = ask(&mut Model::new(), &head(function, 0, count));
            if count == 0 || count > max {
                assert_eq!(reply, [function | 0x80, 3], "function {function} count {count}");
            } else {
                let bytes =
                    if function <= 2 { usize::from(count).div_ceil(8) } else { usize::from(count) * 2 };
                assert_eq!(reply[..2], [function, bytes as u8]);
                assert_eq!(reply.len(), bytes + 2, "function {function} count {count}");
            }
        }
    }
}

#[test]
fn every_write_takes_exactly_the_counts_that_fit_a_pdu() {
    for (function, max) in [(15, 1968), (16, 123)] {
        for count in [0_u16, 1, 2, 8, 9, 122, 123, 124, 1967, 1968, 1969, 0xFFFF] {
            let payload =
                if function == 15 { usize::from(count).div_ceil(8) } else { usize::from(count) * 2 };
            let pdu = write(function, 0, count, payload);
            let mut model = Model::new();
            let reply = ask(&mut model, &pdu);
            let taken = count > 0 && count <= max;
            assert_eq!(model.writes, u32::from(taken), "function {function} count {count}");
            if taken {
                assert_eq!(reply, head(function, 0, count));
            } else {
                assert_eq!(reply, [function | 0x80, 3]);
            }
        }
    }
}

#[test]
fn a_byte_count_that_disagrees_writes_nothing() {
    for (function, count, payload) in
        [(16, 1, 4), (16, 2, 2), (16, 1, 0), (16, 1, 3), (15, 8, 2), (15, 9, 1), (15, 1, 0)]
    {
        let mut model = Model::new();
        assert_eq!(ask(&mut model, &write(function, 0, count, payload)), [function | 0x80, 3]);
        assert_eq!(model, Model::new());
    }
    for byte_count in [0, 1, 3, 4, 255] {
        let pdu = [16, 0, 0, 0, 1, byte_count, 0x12, 0x34];
        assert_eq!(ask(&mut Model::new(), &pdu), [0x90, 3], "byte count {byte_count}");
    }
}

#[test]
fn a_span_past_the_last_address_is_an_illegal_address() {
    for (function, address, count) in
        [(1, 0xFFFF, 2), (2, 0xFFF9, 8), (3, 0xFFFF, 2), (4, 0xFFFF, 125), (3, 2099, 2), (1, 2100, 1)]
    {
        assert_eq!(ask(&mut Model::new(), &head(function, address, count)), [function | 0x80, 2]);
    }
    assert_eq!(ask(&mut Model::new(), &write(16, 0xFFFF, 2, 4)), [0x90, 2]);
    assert_eq!(ask(&mut Model::new(), &write(15, 0xFFFF, 2, 1)), [0x8F, 2]);
}

#[test]
fn bits_and_words_stand_where_the_standard_puts_them() {
    let mut model = Model::new();
    assert_eq!(ask(&mut model, &head(1, 0, 10)), [1, 2, 0b0100_1001, 0b0000_0010]);
    assert_eq!(ask(&mut model, &head(4, 1, 2)), [4, 4, 0x5A, 0x5B, 0x5A, 0x58]);
    let pdu = [15, 0, 0, 0, 10, 2, 0b1000_0001, 0b0000_0010];
    assert_eq!(ask(&mut model, &pdu), [15, 0, 0, 0, 10]);
    assert_eq!(model.bits[..10], [true, false, false, false, false, false, false, true, false, true]);
    assert_eq!(ask(&mut model, &[16, 0, 1, 0, 1, 2, 0x12, 0x34]), [16, 0, 1, 0, 1]);
    assert_eq!(model.words[1], 0x1234);
}

#[test]
fn a_single_coil_is_on_or_off_and_nothing_else() {
    for value in [0x0001, 0xFF01, 0x00FF, 0x0100, 0xFFFF] {
        assert_eq!(ask(&mut Model::new(), &head(5, 0, value)), [0x85, 3]);
    }
    let mut model = Model::new();
    for (value, on) in [(0xFF00, true), (0x0000, false)] {
        assert_eq!(ask(&mut model, &head(5, 4, value)), head(5, 4, value));
        assert_eq!(model.bits[4], on);
    }
}

#[test]
fn a_request_that_is_too_short_or_too_long_is_an_illegal_value() {
    for pdu in [
        head(1, 0, 1),
        head(2, 0, 1),
        head(3, 0, 1),
        head(4, 0, 1),
        head(5, 0, 0),
        head(6, 0, 1),
        write(15, 0, 1, 1),
        write(16, 0, 1, 2),
        vec![17],
    ] {
        let refused = [pdu[0] | 0x80, 3];
        for len in 1..pdu.len() {
            assert_eq!(ask(&mut Model::new(), &pdu[..len]), refused, "{pdu:?} cut to {len}");
        }
        assert_eq!(ask(&mut Model::new(), &[&pdu[..], &[0]].concat()), refused, "{pdu:?} and 0");
    }
}

#[test]
fn the_echo_and_the_identification_answer() {
    assert_eq!(ask(&mut Model::new(), &[8, 0, 0, 0xA5, 0x37]), [8, 0, 0, 0xA5, 0x37]);
    assert_eq!(ask(&mut Model::new(), &[8, 0, 1, 0, 0]), [0x88, 1]);
    assert_eq!(ask(&mut Model::new(), &[8, 0]), [0x88, 3]);
    assert_eq!(ask(&mut Model::new(), &[8, 0, 0, 1]), [0x88, 3]);
    let id = ask(&mut Model::new(), &[17]);
    assert_eq!((id.len(), id[1], id.last()), (252, 250, Some(&0xFF)));
}

#[test]
fn every_other_function_is_refused_or_no_request() {
    for function in 0..=255 {
        let reply = ask(&mut Model::new(), &[function, 0, 0, 0, 1]);
        match function {
            1..=6 | 8 | 15..=17 => assert_eq!(reply[0] & 0x7F, function),
            0..=0x7F => assert_eq!(reply, [function | 0x80, 1]),
            0x80.. => assert_eq!(reply, []),
        }
    }
}

const UNIT: u8 = 5;
const SILENCE_US: u32 = 1750;

fn slave() -> Slave {
    Slave::try_new(UNIT, SILENCE_US).expect("a unit address")
}

fn adu(unit: u8, pdu: &[u8]) -> Vec<u8> {
    let body = [&[unit], pdu].concat();
    [&body[..], &crc16(&body).to_le_bytes()].concat()
}

/// Feeds the bytes 100 µs apart and polls once the line is silent.
fn exchange(slave: &mut Slave, model: &mut Model, bytes: &[u8], start_us: u64) -> Option<Vec<u8>> {
    let mut now = start_us;
    for &byte in bytes {
        now += 100;
        slave.feed(byte, Mono::from_micros(now));
        assert_eq!(slave.poll(Mono::from_micros(now + 99), model), None, "answered too early");
    }
    let silent = Mono::from_micros(now + u64::from(SILENCE_US));
    slave.poll(silent, model).map(<[u8]>::to_vec)
}

#[test]
fn a_frame_is_answered_once_after_the_silence() {
    let (mut slave, mut model) = (slave(), Model::new());
    let request = adu(UNIT, &head(3, 0, 1));
    let reply = exchange(&mut slave, &mut model, &request, 0);
    assert_eq!(reply, Some(adu(UNIT, &[3, 2, 0x5A, 0x5A])));
    assert_eq!(slave.poll(Mono::from_millis(999), &mut model), None);
}

#[test]
fn only_addresses_of_slaves_can_be_a_slave() {
    for unit in 0..=255 {
        assert_eq!(Slave::try_new(unit, SILENCE_US).is_some(), (1..=247).contains(&unit));
    }
}

#[test]
fn a_broadcast_writes_without_an_answer_and_another_unit_is_left_alone() {
    for (unit, written) in [(0, 1), (UNIT + 1, 0)] {
        let mut model = Model::new();
        let request = adu(unit, &head(6, 0, 1));
        assert_eq!(exchange(&mut slave(), &mut model, &request, 0), None);
        assert_eq!(model.writes, written, "unit {unit}");
    }
}

#[test]
fn a_frame_with_any_single_bit_wrong_does_nothing() {
    let request = adu(UNIT, &head(6, 0, 1));
    for bit in 0..request.len() * 8 {
        let mut damaged = request.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        let mut model = Model::new();
        assert_eq!(exchange(&mut slave(), &mut model, &damaged, 0), None);
        assert_eq!(model, Model::new(), "bit {bit}");
    }
}

#[test]
fn a_request_overtaken_by_the_next_is_dropped() {
    let (mut slave, mut model) = (slave(), Model::new());
    for byte in adu(UNIT, &head(6, 0, 1)) {
        slave.feed(byte, Mono::ZERO);
    }
    let reply = exchange(&mut slave, &mut model, &adu(UNIT, &head(6, 1, 2)), 10_000);
    assert_eq!(reply, Some(adu(UNIT, &head(6, 1, 2))));
    assert_eq!(model.writes, 1);
}

#[test]
fn an_overlong_or_spoilt_frame_is_dropped_and_the_next_is_answered() {
    let request = adu(UNIT, &head(3, 0, 1));
    let (mut slave, mut model) = (slave(), Model::new());
    let overlong = [&request[..], &[0; ADU_MAX]].concat();
    assert_eq!(exchange(&mut slave, &mut model, &overlong, 0), None);
    slave.spoil(Mono::from_millis(100));
    assert_eq!(exchange(&mut slave, &mut model, &request, 100_000), None);
    assert!(exchange(&mut slave, &mut model, &request, 200_000).is_some());
}

#[test]
fn the_longest_frame_has_256_bytes() {
    let longest = adu(UNIT, &[0; PDU_MAX]);
    assert!(Frame::parse(&longest).is_some());
    assert_eq!(Frame::parse(&adu(UNIT, &[0; PDU_MAX + 1])), None);
    assert_eq!(Frame::parse(&adu(UNIT, &[])), None);
}

fn is_well_formed(request: u8, reply: &[u8]) -> bool {
    match reply {
        [] => request >= 0x80,
        [function, exception] if *function == request | 0x80 => (1..=3).contains(exception),
        [function, rest @ ..] if *function == request => match (request, rest) {
            (1..=4 | 17, [len, payload @ ..]) => payload.len() == usize::from(*len),
            (5 | 6 | 15 | 16, _) => rest.len() == 4,
            (8, _) => rest.len() % 2 == 0,
            _ => false,
        },
        _ => false,
    }
}

/// Bytes that often look like a request: a known function, a small address, a small count.
fn any_pdu() -> impl Strategy<Value = Vec<u8>> {
    let function = prop_oneof![1_u8..=17, any::<u8>()];
    let near =
        (function, 0_u16..2200, 0_u16..130, 0_usize..250).prop_map(|(function, address, count, payload)| {
            match function {
                15 | 16 => write(function, address, count, payload),
                _ => head(function, address, count),
            }
        });
    let honest = (0_u16..2200, prop::collection::vec(prop_oneof![any::<u16>(), Just(REFUSED_WORD)], 1..123))
        .prop_map(|(address, words)| {
            let payload: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
            [head(16, address, words.len() as u16), vec![payload.len() as u8], payload].concat()
        });
    prop_oneof![near, honest, prop::collection::vec(any::<u8>(), 0..300)]
}

proptest! {
    #[test]
    fn any_request_is_answered_well_formed_or_not_at_all(pdu in any_pdu()) {
        let reply = ask(&mut Model::new(), &pdu);
        match pdu.first() {
            None => prop_assert!(reply.is_empty()),
            Some(&function) => prop_assert!(is_well_formed(function, &reply), "{reply:?}"),
        }
    }

    #[test]
    fn a_refused_request_changes_nothing_and_a_write_only_its_span(pdu in any_pdu()) {
        let (before, mut model) = (Model::new(), Model::new());
        let reply = ask(&mut model, &pdu);
        if reply.first().is_none_or(|&function| !(5..0x80).contains(&function)) {
            prop_assert_eq!(&model, &before);
        } else if let ([16, rest @ ..], 16) = (&pdu[..], reply[0]) {
            let first = usize::from(u16::from_be_bytes([rest[0], rest[1]]));
            let mut expected = before.words;
            for (word, pair) in expected[first..].iter_mut().zip(rest[5..].chunks(2)) {
                *word = u16::from_be_bytes([pair[0], pair[1]]);
            }
            prop_assert_eq!(model.words, expected);
        }
    }

    #[test]
    fn a_random_stream_is_answered_only_for_a_good_frame_to_this_unit(
        frames in prop::collection::vec((any_pdu(), 0_u8..8, any::<bool>()), 1..6),
    ) {
        let (mut slave, mut model) = (slave(), Model::new());
        for (index, (pdu, unit, good)) in frames.into_iter().enumerate() {
            let bytes = if good { adu(unit, &pdu) } else { [&[unit], &pdu[..]].concat() };
            let before = model.clone();
            let reply = exchange(&mut slave, &mut model, &bytes, index as u64 * 1_000_000);
            let frame = Frame::parse(&bytes);
            if frame.is_none_or(|frame| frame.unit != UNIT) {
                prop_assert_eq!(&reply, &None);
            }
            if frame.is_none_or(|frame| frame.unit != UNIT && frame.unit != 0) {
                prop_assert_eq!(&model, &before);
            }
            if let Some(reply) = reply {
                prop_assert!(reply.len() <= ADU_MAX);
                let frame = Frame::parse(&reply).expect("the reply's CRC");
                prop_assert_eq!(frame.unit, UNIT);
                prop_assert!(is_well_formed(pdu[0], frame.pdu));
            }
        }
    }
}
