//! What people and platforms write: templates, site files, receipts and requests, and records from a disk.

use std::collections::BTreeMap;
use std::path::Path;

use hazard_agent::config::{self, Answers, Lang, Model, Report, Style};
use hazard_agent::journal::{codec, read_block};
use hazard_agent::uplink::downlink::{self, Said};
use hazard_core::link::{Exception, LinkFault, Words};
use hazard_core::outbox::receipt::Request;

use super::dice::Dice;

/// A template has faults with their places, or a signature that can be asked and judged. What answers begins behind a zero byte.
pub(crate) fn template(bytes: &[u8]) {
    let (text, answers) = match bytes.iter().position(|byte| *byte == 0) {
        Some(end) => (&bytes[..end], &bytes[end + 1..]),
        None => (bytes, &[][..]),
    };
    let Ok(text) = std::str::from_utf8(text) else { return };
    match config::model("fuzzed", text) {
        Ok(models) => models.iter().for_each(|model| judge(model, &mut Dice(answers))),
        Err(report) => told(&report),
    }
}

fn judge(model: &Model, dice: &mut Dice<'_>) {
    let unit = 1 + dice.byte() % 247;
    let reads = config::reads(std::slice::from_ref(model), unit);
    let mut answers: Answers = BTreeMap::new();
    for read in &reads {
        assert!((1..=read.table.count_max()).contains(&read.count), "{read:?}");
        assert!(u32::from(read.start) + u32::from(read.count) <= 1 << 16, "{read:?}");
        let answer = match dice.byte() % 4 {
            0 => Err(LinkFault::Refused(Exception::IllegalAddress)),
            1 => Err(LinkFault::Silent),
            _ if read.table.is_bits() => {
                Ok(Words::Bits((0..read.count).map(|_| dice.byte() & 1 == 1).collect()))
            }
            _ => Ok(Words::Registers((0..read.count).map(|_| dice.word()).collect())),
        };
        answers.insert(config::key(read), answer);
    }
    let ranked = config::rank(std::slice::from_ref(model), unit, &answers);
    let [candidate] = &ranked[..] else { panic!("one model is one candidate") };
    assert!(candidate.score.abs() <= candidate.full, "{candidate:?}");
    assert_eq!(candidate.evidence.len(), model.marks.len());
    for mark in &model.marks {
        let reference = mark.reference();
        assert!(matches!(reference.len(), 5 | 6), "{reference}");
        assert!(!mark.expect.told(Lang::Zh).is_empty());
    }
}

/// A site file can be run, or all its faults are told with their places.
pub(crate) fn site(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match config::load_text(Path::new("/nowhere/site.toml"), text) {
        Ok(loaded) => told(&loaded.warnings),
        Err(report) => told(&report),
    }
}

fn told(report: &Report) {
    for lang in [Lang::Zh, Lang::En] {
        drop(report.render(lang, Style::Plain));
    }
}

/// What a platform says is bounded, ordered and apart.
pub(crate) fn downlink(bytes: &[u8]) {
    if let Ok(said) = downlink::receipt(bytes) {
        let Said::Receipt(receipt) = said else { panic!("a receipt is read as {said:?}") };
        assert!(receipt.missing.iter().all(|(first, last)| first <= last), "{receipt:?}");
        assert!(
            receipt.missing.windows(2).all(|two| two[0].1.0.saturating_add(1) < two[1].0.0),
            "{receipt:?}"
        );
    }
    match downlink::request(bytes) {
        Ok(Said::Request(Request::Replay(wish))) => assert!(wish.from <= wish.to && !wish.id.is_empty()),
        Ok(Said::Request(Request::Rate(_))) | Err(_) => {}
        Ok(said @ Said::Receipt(_)) => panic!("a request is read as {said:?}"),
    }
}

/// Records that are read are the records that are written.
pub(crate) fn records(bytes: &[u8]) {
    let mut dice = Dice(bytes);
    let count = usize::from(dice.byte());
    // A block says itself how many there are.
    drop(read_block(dice.0));
    let Ok(records) = codec::decode(codec::VERSION, count, dice.0) else { return };
    assert_eq!(records.len(), count);
    let mut written = Vec::new();
    records.iter().for_each(|record| codec::encode(record, &mut written));
    let again = codec::decode(codec::VERSION, count, &written);
    // A clock's NaN does not equal itself: its bytes do.
    let mut twice = Vec::new();
    again.unwrap().iter().for_each(|record| codec::encode(record, &mut twice));
    assert_eq!(written, twice);
}
