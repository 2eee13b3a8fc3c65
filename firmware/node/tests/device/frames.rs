//! Random and mutated frames against the firmware: no panic, and nothing leaves without a right CRC and its own unit.
//!
//! `HAZARD_FRAMES` says how many frames, `HAZARD_SEED` repeats a run.

use crate::bench::{Bench, TornFlash, adu, request};
use crate::rng::Rng;
use hazard_field::crc16;
use hazard_field::map::{UNLOCK_KEY, coil, discrete, holding, input};
use hazard_node::hal::AnalogReading;

const FRAMES: u64 = 1_000_000;

/// What came of the frames.
#[derive(Debug, Default)]
struct Sum {
    answered: u64,
    refused: u64,
    silent: u64,
    written: u64,
}

#[test]
fn a_million_frames_are_answered_rightly_or_not_at_all() {
    let (seed, frames) = (seed(), asked("HAZARD_FRAMES", FRAMES));
    println!("HAZARD_SEED={seed} HAZARD_FRAMES={frames}");
    let mut rng = Rng::new(seed);
    let mut bench = Bench::start(TornFlash::new(seed));
    let mut sum = Sum::default();
    for _ in 0..frames {
        if rng.chance(2) {
            let raw = rng.between(0, 24_000) as i32;
            bench.wires.with(|wiring| {
                let place = (raw % 4) as usize;
                wiring.inputs[place] =
                    if raw % 11 == 0 { AnalogReading::Fault } else { AnalogReading::Raw(raw) };
            });
        }
        let frame = any_frame(&mut rng, bench.unit);
        deliver(&mut bench, &mut rng, &frame);
        judge(bench.unit, (&frame, &bench.received()), &mut sum);
        if bench.flash.operations() > 10_000 {
            bench = Bench::start(bench.flash.copy(seed));
        }
    }
    println!("{sum:?}");
    // Frames that nobody could answer prove nothing.
    assert!(sum.answered * 10 > frames && sum.refused * 20 > frames && sum.silent * 5 > frames, "{sum:?}");
    assert!(sum.written * 100 > frames, "{sum:?}");
}

/// Bytes, a fault of the line now and then, and the silence behind them.
fn deliver(bench: &mut Bench, rng: &mut Rng, frame: &[u8]) {
    let fault = rng.chance(5).then(|| rng.between(0, 255) as usize);
    bench.wires.with(|wiring| {
        for (at, byte) in frame.iter().enumerate() {
            if fault == Some(at) {
                wiring.to_node.push_back(Err(embedded_hal_nb::serial::ErrorKind::FrameFormat));
            }
            wiring.to_node.push_back(Ok(*byte));
        }
    });
    // A turn takes at most 256 bytes; the silence ends the frame, the next turn sends the answer.
    bench.run(2 + bench.silence_ms + 1);
}

fn judge(unit: u8, (frame, answer): (&[u8], &[u8]), sum: &mut Sum) {
    let is_whole = (4..=256).contains(&frame.len())
        && frame.split_last_chunk::<2>().is_some_and(|(body, crc)| crc16(body).to_le_bytes() == *crc);
    if answer.is_empty() {
        sum.silent += 1;
        return;
    }
    assert!(is_whole, "answered bytes that are no frame: {frame:02x?}");
    assert_eq!(frame[0], unit, "answered for another unit: {frame:02x?}");
    assert!(answer.len() <= 256);
    let (body, crc) = answer.split_last_chunk::<2>().expect("an answer's CRC");
    assert_eq!(crc16(body).to_le_bytes(), *crc, "{answer:02x?}");
    assert_eq!(body[0], unit);
    let (asked, function) = (frame[1], body[1]);
    assert!(asked < 0x80 && function & 0x7F == asked, "{frame:02x?} gave {answer:02x?}");
    match (function, &body[2..]) {
        (0x80.., [exception]) => {
            assert!([1, 2, 3, 4, 6].contains(exception), "{answer:02x?}");
            sum.refused += 1;
            return;
        }
        (1..=4 | 17, [len, rest @ ..]) => assert_eq!(rest.len(), usize::from(*len)),
        (5 | 6 | 15 | 16, rest) => assert_eq!(rest, &frame[2..6]),
        (8, rest) => assert_eq!(rest, &frame[2..frame.len() - 2]),
        (43, [14, _, 0x82, 0, 0, count, objects @ ..]) => assert_objects(*count, objects),
        (_, rest) => panic!("{frame:02x?} gave {rest:02x?}"),
    }
    sum.answered += 1;
    sum.written += u64::from([5, 6, 15, 16].contains(&function));
}

fn assert_objects(count: u8, mut objects: &[u8]) {
    for _ in 0..count {
        objects = &objects[2 + usize::from(objects[1])..];
    }
    assert!(objects.is_empty());
}

fn any_frame(rng: &mut Rng, unit: u8) -> Vec<u8> {
    let noise =
        |rng: &mut Rng, most| (0..rng.between(0, most)).map(|_| rng.bits() as u8).collect::<Vec<u8>>();
    match rng.between(0, 9) {
        0 => noise(rng, 300),
        1 => {
            let pdu = noise(rng, 253);
            if pdu.is_empty() { pdu } else { adu(unit, &pdu) }
        }
        2 => mutated(rng, unit),
        3 => adu(if rng.chance(500) { 0 } else { rng.bits() as u8 }, &any_request(rng)),
        _ => adu(unit, &any_request(rng)),
    }
}

/// A good frame with bytes flipped, cut, doubled or added, sometimes with its CRC made right again.
fn mutated(rng: &mut Rng, unit: u8) -> Vec<u8> {
    let mut frame = adu(unit, &any_request(rng));
    for _ in 0..rng.between(1, 4) {
        let at = rng.between(0, frame.len() as u64 - 1) as usize;
        match rng.between(0, 3) {
            0 => frame[at] ^= 1 << rng.between(0, 7),
            1 => frame.truncate(at.max(1)),
            2 => frame.insert(at, rng.bits() as u8),
            _ => frame[at] = [0, 1, 0x7F, 0x80, 0xFF][rng.between(0, 4) as usize],
        }
    }
    if rng.chance(500) && frame.len() > 2 && frame[0] == unit {
        frame.truncate(frame.len() - 2);
        frame = adu(frame[0], &frame[1..]);
    }
    frame
}

fn any_request(rng: &mut Rng) -> Vec<u8> {
    let function =
        [1, 2, 3, 4, 5, 6, 8, 15, 16, 16, 16, 17, 43, rng.bits() as u8][rng.between(0, 13) as usize];
    let ends = [coil::END, discrete::END, holding::END, input::END, holding::UNLOCK, u16::MAX];
    let end = u64::from(ends[rng.between(0, 5) as usize]);
    let address = if rng.chance(950) { rng.between(0, end) } else { rng.bits() & 0xFFFF } as u16;
    match function {
        5 => request(5, address, [0xFF00, 0, rng.bits() as u16][rng.between(0, 2) as usize]),
        6 if rng.chance(300) => request(6, holding::UNLOCK, UNLOCK_KEY),
        15 => {
            let count = rng.between(0, 12) as u16;
            let bytes = usize::from(count).div_ceil(8);
            let payload = (0..bytes).map(|_| rng.bits() as u8);
            request(15, address, count).into_iter().chain([bytes as u8]).chain(payload).collect()
        }
        16 => any_write(rng, address),
        17 => vec![17],
        43 => vec![43, 14, rng.between(0, 5) as u8, rng.between(0, 8) as u8],
        function => {
            let most = if rng.chance(900) { 130 } else { 0xFFFF };
            request(function, address, rng.between(0, most) as u16)
        }
    }
}

/// Words that often mean something: small numbers, codes, and floats in range.
fn any_write(rng: &mut Rng, address: u16) -> Vec<u8> {
    let mut words: Vec<u16> = Vec::new();
    let count = if rng.chance(800) { rng.between(1, 4) } else { rng.between(0, 123) };
    while (words.len() as u64) < count {
        match rng.between(0, 4) {
            0 => words.push(rng.bits() as u16),
            1 => words.push(rng.between(0, 70) as u16),
            2 => words.push(UNLOCK_KEY),
            _ => words.extend(crate::bench::float(rng.between(0, 240) as f32 / 4.0)),
        }
    }
    let count = words.len().min(123);
    let mut pdu = request(16, address, count as u16);
    pdu.push((count * 2) as u8);
    pdu.extend(words[..count].iter().flat_map(|word| word.to_be_bytes()));
    pdu
}

fn asked(variable: &str, usual: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

fn seed() -> u64 {
    use std::hash::{BuildHasher as _, Hasher as _};
    asked("HAZARD_SEED", std::hash::RandomState::new().build_hasher().finish())
}
