//! A line: which frames are in its bytes, which of them answers a request, and what the bytes say of the line.

use hazard_agent::modbus::diagnosis::{Cause, Exchange, Medium, Others, Tally, diagnose};
use hazard_agent::modbus::{Frames, Shape, replay};
use hazard_core::link::{Exception, LinkFault, ReadRequest, Table, Words};

use super::dice::{Dice, framed};

/// Every byte belongs to one frame with a right CRC, or to none.
pub(crate) fn frames(bytes: &[u8]) {
    let line = Dice(bytes).line();
    let found = Frames::find(&line);
    let mut end = 0;
    for frame in &found.frames {
        assert!(frame.at.start >= end && frame.at.end <= line.len(), "{found:?}");
        end = frame.at.end;
        let bytes = &line[frame.at.clone()];
        assert_eq!(framed(&bytes[..bytes.len() - 2]), bytes, "{frame:?}");
        assert_eq!((bytes[0], bytes[1] & 0x7F), (frame.unit, frame.function));
        assert_eq!(bytes[1] & 0x80 != 0, frame.shape == Shape::Refusal);
    }
    let framed: usize = found.frames.iter().map(|frame| frame.at.len()).sum();
    assert_eq!(framed + found.noise_bytes, line.len());
}

/// A value is believed only where its frame was heard: this unit, this function, exactly this length, a right CRC.
pub(crate) fn reply(bytes: &[u8]) {
    let mut dice = Dice(bytes);
    let request = request(&mut dice);
    let line = dice.line();
    let result = replay(&request, &line);
    let function = function(request.table);
    let has = |body: &[u8]| line.windows(body.len() + 2).position(|bytes| bytes == framed(body));
    match &result {
        Ok(words) => {
            let told = match words {
                Words::Bits(bits) => bits.len(),
                Words::Registers(words) => words.len(),
            };
            assert_eq!(told, usize::from(request.count), "{request:?} {line:02X?}");
            let is_heard = has(&answer(&request, words)).is_some() || is_padded(&request, words, &line);
            assert!(is_heard, "{request:?} {line:02X?} {result:?}");
        }
        Err(LinkFault::Refused(Exception::IllegalValue)) if !is_lawful(&request) => {}
        Err(LinkFault::Refused(exception)) => {
            let code = code(*exception);
            assert!(
                has(&[request.unit, function | 0x80, code]).is_some(),
                "{request:?} {line:02X?} {result:?}"
            );
        }
        Err(LinkFault::Silent) => assert!(line.is_empty()),
        Err(LinkFault::Garbled) => {}
        Err(LinkFault::Gone) => panic!("nothing here can be gone: {line:02X?}"),
    }
    // What is heard alone, whole and right is never refused.
    if is_lawful(&request) {
        let words = words(&request, &line);
        assert_eq!(replay(&request, &framed(&answer(&request, &words))), Ok(words));
    }
}

/// Each request counts once in what it counts in, parts add up to the whole, and a healthy line has no cause.
pub(crate) fn diagnosis(bytes: &[u8]) {
    let mut dice = Dice(bytes);
    let (mut whole, mut parts) = (Tally::default(), Tally::default());
    let mut asked = 0;
    while !dice.is_over() && asked < 64 {
        let request = request(&mut dice);
        let fault = fault(dice.byte());
        let heard = dice.line();
        let exchange =
            Exchange { unit: request.unit, function: function(request.table), fault, heard: &heard };
        let mut part = Tally::default();
        whole.note(&exchange);
        part.note(&exchange);
        parts.add(&part);
        asked += 1;
    }
    assert_eq!(whole, parts);
    let Tally { answered, silent, garbled, near, echoes, doubled, strangers, foreign, .. } = whole;
    assert_eq!(whole.asked, asked);
    for count in [answered + silent, garbled, near, echoes, doubled, strangers, foreign] {
        assert!(count <= asked, "{whole:?}");
    }
    assert!(near <= garbled, "{whole:?}");
    let refusals = whole.refused + whole.busy + whole.behind;
    assert!(refusals <= answered && silent + whole.gone <= asked, "{whole:?}");
    for (others, medium) in [(Others::Answer, Medium::Line), (Others::Unknown, Medium::Network)] {
        let causes = diagnose(&whole, others, medium);
        assert!(causes.iter().enumerate().all(|(at, cause)| !causes[..at].contains(cause)), "{causes:?}");
        assert_eq!(causes.contains(&Cause::SecondMaster), foreign > 0);
        let is_well = answered == asked && garbled + doubled + strangers + foreign + refusals == 0;
        assert!(!is_well || causes.is_empty(), "{whole:?} {causes:?}");
    }
}

fn request(dice: &mut Dice<'_>) -> ReadRequest {
    let [unit, table] = [dice.byte(), dice.byte()];
    let table = [Table::Holding, Table::Input, Table::Coil, Table::Discrete][usize::from(table % 4)];
    ReadRequest { unit, table, start: dice.word(), count: dice.word() }
}

fn is_lawful(request: &ReadRequest) -> bool {
    (1..=request.table.count_max()).contains(&request.count)
}

fn function(table: Table) -> u8 {
    match table {
        Table::Coil => 1,
        Table::Discrete => 2,
        Table::Holding => 3,
        Table::Input => 4,
    }
}

/// Values for an answer, made of what there is.
fn words(request: &ReadRequest, line: &[u8]) -> Words {
    let byte = |at: usize| line.get(at % line.len().max(1)).copied().unwrap_or(0x5A);
    let count = usize::from(request.count);
    if request.table.is_bits() {
        Words::Bits((0..count).map(|at| byte(at) & 1 == 1).collect())
    } else {
        Words::Registers((0..count).map(|at| u16::from_be_bytes([byte(2 * at), byte(2 * at + 1)])).collect())
    }
}

fn answer(request: &ReadRequest, words: &Words) -> Vec<u8> {
    let values: Vec<u8> = match words {
        Words::Registers(words) => words.iter().flat_map(|word| word.to_be_bytes()).collect(),
        Words::Bits(bits) => {
            let byte = |bits: &[bool]| bits.iter().rev().fold(0, |byte, bit| byte << 1 | u8::from(*bit));
            bits.chunks(8).map(byte).collect()
        }
    };
    let count = u8::try_from(values.len()).unwrap();
    [&[request.unit, function(request.table), count], &*values].concat()
}

/// Bits behind the last that was asked for may be anything.
fn is_padded(request: &ReadRequest, words: &Words, line: &[u8]) -> bool {
    let Words::Bits(bits) = words else { return false };
    let expected = answer(request, words);
    let used = match bits.len() % 8 {
        0 => 0xFF,
        used => (1 << used) - 1,
    };
    line.windows(expected.len() + 2).any(|bytes| {
        let (last, before) = (expected.len() - 1, &bytes[..expected.len() - 1]);
        *before == expected[..last]
            && bytes[last] & used == expected[last]
            && framed(&bytes[..=last]) == bytes
    })
}

fn code(exception: Exception) -> u8 {
    match exception {
        Exception::IllegalFunction => 1,
        Exception::IllegalAddress => 2,
        Exception::IllegalValue => 3,
        Exception::DeviceFailure => 4,
        Exception::Acknowledge => 5,
        Exception::Busy => 6,
        Exception::GatewayPath => 10,
        Exception::GatewayTarget => 11,
        Exception::Other(code) => code,
    }
}

fn fault(choice: u8) -> Option<LinkFault> {
    match choice % 5 {
        0 => None,
        1 => Some(LinkFault::Silent),
        2 => Some(LinkFault::Garbled),
        3 => Some(LinkFault::Gone),
        _ => Some(LinkFault::Refused(Exception::Busy)),
    }
}
