//! What a platform may send: receipts and requests, JSON in UTF-8, as docs/platform/contract.md has them. Whatever else arrives is
//! counted by whoever asked, answered by nothing, and reaches nothing.

use std::collections::BTreeSet;
use std::sync::Arc;

use hazard_core::Utc;
use hazard_core::id::{Epoch, Seq};
use hazard_core::outbox::Lane;
use hazard_core::outbox::receipt::{Receipt, Request, Wish};
use serde::Deserialize;

/// Bytes of one message.
const BYTES_MAX: usize = 64 << 10;
/// Bytes of the name of a replay; it comes back with each message.
const ID_BYTES_MAX: usize = 64;

/// What a platform said.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Said {
    /// What it has.
    Receipt(Receipt),
    /// What it asks for.
    Request(Request),
}

/// Reads a receipt.
///
/// # Errors
/// Why it is not as the contract has it.
pub fn receipt(payload: &[u8]) -> Result<Said, &'static str> {
    let file: ReceiptFile = read(payload)?;
    let hexadecimal = file.epoch.len() == 16 && file.epoch.bytes().all(|byte| byte.is_ascii_hexdigit());
    let epoch = u64::from_str_radix(&file.epoch, 16).ok().filter(|_| hexadecimal);
    let epoch = Epoch(epoch.ok_or("epoch is not 16 hexadecimal digits")?);
    if file.missing.len() > Receipt::MISSING_MAX {
        return Err("too many ranges are missing");
    }
    if file.missing.iter().any(|(first, last)| first > last) {
        return Err("a range ends before it begins");
    }
    let lane = match file.lane {
        LaneKey::Event => Lane::Event,
        LaneKey::Reading => Lane::Reading,
    };
    Ok(Said::Receipt(Receipt { epoch, lane, through: Seq(file.through), missing: apart(file.missing) }))
}

/// The ranges in ascending order, those that touch as one.
fn apart(mut ranges: Vec<(u64, u64)>) -> Vec<(Seq, Seq)> {
    ranges.sort_unstable();
    let mut apart: Vec<(Seq, Seq)> = Vec::with_capacity(ranges.len());
    for (first, last) in ranges {
        match apart.last_mut() {
            Some(range) if first <= range.1.0.saturating_add(1) => range.1 = range.1.max(Seq(last)),
            Some(_) | None => apart.push((Seq(first), Seq(last))),
        }
    }
    apart
}

/// Reads a request.
///
/// # Errors
/// Why it is not as the contract has it.
pub fn request(payload: &[u8]) -> Result<Said, &'static str> {
    // Null is a wish of its own in one field, so the fields that are there are looked at first.
    let fields: BTreeSet<String> =
        read::<std::collections::BTreeMap<String, serde::de::IgnoredAny>>(payload)?.into_keys().collect();
    match (fields.contains("replay"), fields.contains("rate")) {
        (true, false) => {
            let ReplayFile { from, to, id } = read::<ReplayRequest>(payload)?.replay;
            if id.is_empty() || id.len() > ID_BYTES_MAX || id.chars().any(char::is_control) {
                return Err("the name of the replay is empty or too long");
            }
            let (from, to) = (utc(&from)?, utc(&to)?);
            if from > to {
                return Err("the time ends before it begins");
            }
            Ok(Said::Request(Request::Replay(Wish { id: Arc::from(id), from, to })))
        }
        (false, true) => {
            let RateFile { readings_per_s } = read::<RateRequest>(payload)?.rate;
            Ok(Said::Request(Request::Rate(readings_per_s)))
        }
        (true, true) | (false, false) => Err("a request is either a replay or a rate"),
    }
}

fn read<'a, T: Deserialize<'a>>(payload: &'a [u8]) -> Result<T, &'static str> {
    if payload.len() > BYTES_MAX {
        return Err("larger than 64 KiB");
    }
    serde_json::from_slice(payload).map_err(|_| "not as the contract has it")
}

fn utc(written: &str) -> Result<Utc, &'static str> {
    let moment: jiff::Timestamp = written.parse().map_err(|_| "a time is not RFC 3339")?;
    Ok(Utc::from_unix_ms(moment.as_millisecond()))
}

#[derive(Deserialize)]
struct ReceiptFile {
    epoch: String,
    lane: LaneKey,
    through: u64,
    #[serde(default)]
    missing: Vec<(u64, u64)>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum LaneKey {
    Event,
    Reading,
}

#[derive(Deserialize)]
struct ReplayRequest {
    replay: ReplayFile,
}

#[derive(Deserialize)]
struct ReplayFile {
    from: String,
    to: String,
    id: String,
}

#[derive(Deserialize)]
struct RateRequest {
    rate: RateFile,
}

#[derive(Deserialize)]
struct RateFile {
    readings_per_s: Option<u32>,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_receipt_is_read_and_what_it_has_besides_is_ignored() {
        let text =
            r#"{"epoch":"00c0ffee00c0ffee","lane":"reading","through":9,"missing":[[3,4],[7,7]],"more":{}}"#;
        let receipt = receipt(text.as_bytes()).unwrap();
        let missing = vec![(Seq(3), Seq(4)), (Seq(7), Seq(7))];
        let epoch = Epoch(0x00c0_ffee_00c0_ffee);
        assert_eq!(receipt, Said::Receipt(Receipt { epoch, lane: Lane::Reading, through: Seq(9), missing }));
    }

    #[test]
    fn requests_are_read() {
        let text =
            r#"{"replay":{"from":"2026-05-29T04:00:00Z","to":"2026-05-29T12:00:00.5+08:00","id":"r-1"}}"#;
        let from = Utc::from_unix_ms(1_780_027_200_000);
        let to = Utc::from_unix_ms(1_780_027_200_500);
        let wish = Wish { id: "r-1".into(), from, to };
        assert_eq!(request(text.as_bytes()), Ok(Said::Request(Request::Replay(wish))));
        for (text, rate) in [("50", Some(50)), ("0", Some(0)), ("null", None)] {
            let text = format!(r#"{{"rate":{{"readings_per_s":{text}}}}}"#);
            assert_eq!(request(text.as_bytes()), Ok(Said::Request(Request::Rate(rate))));
        }
    }

    #[test]
    fn what_is_not_as_the_contract_has_it_is_not_read() {
        let many = format!(
            r#"{{"epoch":"00c0ffee00c0ffee","lane":"event","through":9,"missing":[{}]}}"#,
            vec!["[1,1]"; 4_001].join(",")
        );
        let wide = format!(
            r#"{{"epoch":"00c0ffee00c0ffee","lane":"event","through":9,"x":"{}"}}"#,
            "x".repeat(BYTES_MAX)
        );
        for text in [
            "",
            "\u{0}",
            "[]",
            r#"{"epoch":"c0ffee","lane":"event","through":9}"#,
            r#"{"epoch":"+0c0ffee00c0ffee","lane":"event","through":9}"#,
            r#"{"epoch":"00c0ffee00c0ffee","lane":"both","through":9}"#,
            r#"{"epoch":"00c0ffee00c0ffee","lane":"event","through":-1}"#,
            r#"{"epoch":"00c0ffee00c0ffee","lane":"event","through":9,"missing":[[4,3]]}"#,
            &many,
            &wide,
        ] {
            assert!(receipt(text.as_bytes()).is_err(), "{text}");
        }
        for text in [
            "{}",
            r#"{"rate":{"readings_per_s":-1}}"#,
            r#"{"rate":{"readings_per_s":1},"replay":{"from":"2026-05-29T04:00:00Z","to":"2026-05-29T04:00:00Z","id":"r"}}"#,
            r#"{"replay":{"from":"yesterday","to":"2026-05-29T04:00:00Z","id":"r"}}"#,
            r#"{"replay":{"from":"2026-05-29T04:00:01Z","to":"2026-05-29T04:00:00Z","id":"r"}}"#,
            r#"{"replay":{"from":"2026-05-29T04:00:00Z","to":"2026-05-29T04:00:00Z","id":""}}"#,
        ] {
            assert!(request(text.as_bytes()).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_much(bytes: Vec<u8>) {
            drop(receipt(&bytes));
            drop(request(&bytes));
        }
    }
}
