//! The alphabet of the messages: numbers, times and texts as JSON, appended to a buffer without anything in between.

use hazard_core::{Utc, Value};

/// Appends `text`, which is JSON already.
pub(super) fn raw(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(text.as_bytes());
}

/// Appends a text, a whole number or a truth value as JSON.
pub(super) fn scalar(out: &mut Vec<u8>, value: &(impl serde::Serialize + ?Sized)) {
    let written = serde_json::to_writer(out, value);
    debug_assert!(written.is_ok(), "a buffer in memory takes every byte");
}

/// `text` as a JSON string, to be kept and appended many times.
pub(super) fn quoted(text: &str) -> Box<str> {
    serde_json::Value::from(text).to_string().into()
}

/// Appends a measured number, always with a point or an exponent, so that a typed store never takes it for an integer.
///
/// A fraction that a device sent as a single reads as that single: 25.3, not 25.299999237060547. Whole numbers do not
/// go that way: the shortest single of a counter at 123456792 is 123456790.
pub(super) fn number(out: &mut Vec<u8>, value: Value) {
    let double = value.get();
    #[allow(clippy::cast_possible_truncation, reason = "the comparison decides whether it fits")]
    let single = double as f32;
    #[allow(clippy::float_cmp, reason = "exactly the same number is meant")]
    if f64::from(single) == double && double.fract() != 0.0 {
        scalar(out, &single);
    } else {
        scalar(out, &double);
    }
}

/// Appends `utc` as a JSON string, `"2026-05-29T04:26:40.123Z"`. Times outside the years 0 to 9999 are written as the
/// nearest time inside: RFC 3339 has no others.
pub(super) fn time(out: &mut Vec<u8>, utc: Utc) {
    const DAY_MS: i64 = 86_400_000;
    let ms = utc.unix_ms().clamp(-62_167_219_200_000, 253_402_300_799_999);
    let (year, month, day) = civil(ms.div_euclid(DAY_MS));
    let ms = ms.rem_euclid(DAY_MS);
    let mut text = *b"\"0000-00-00T00:00:00.000Z\"";
    digits(&mut text[1..5], year);
    digits(&mut text[6..8], month);
    digits(&mut text[9..11], day);
    digits(&mut text[12..14], ms / 3_600_000);
    digits(&mut text[15..17], ms / 60_000 % 60);
    digits(&mut text[18..20], ms / 1_000 % 60);
    digits(&mut text[21..24], ms % 1_000);
    out.extend_from_slice(&text);
}

fn digits(places: &mut [u8], mut number: i64) {
    for place in places.iter_mut().rev() {
        *place = b'0' + (number % 10).unsigned_abs() as u8;
        number /= 10;
    }
}

/// Year, month and day of a day since 1970-01-01 in the proleptic Gregorian calendar (H. Hinnant, `civil_from_days`).
fn civil(day: i64) -> (i64, i64, i64) {
    let day = day + 719_468;
    let era = day.div_euclid(146_097);
    let of_era = day.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, of_year - (153 * from_march + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    fn number_text(raw: f64) -> String {
        written(|out| number(out, Value::try_new(raw).unwrap()))
    }

    #[test]
    fn a_single_prints_as_the_shortest_single() {
        assert_eq!(number_text(f64::from(25.3_f32)), "25.3");
        assert_eq!(number_text(25.3), "25.3");
        assert_eq!(number_text(0.1 + 0.2), "0.30000000000000004");
    }

    #[test]
    fn a_counter_keeps_its_last_digit() {
        assert_eq!(number_text(123_456_792.0), "123456792.0");
        assert_eq!(number_text(9_007_199_254_740_991.0), "9007199254740991.0");
    }

    #[test]
    fn a_number_never_looks_like_an_integer() {
        for (raw, text) in [(0.0, "0.0"), (25.0, "25.0"), (-3.0, "-3.0")] {
            assert_eq!(number_text(raw), text);
        }
    }

    #[test]
    fn a_time_outside_rfc_3339_is_written_as_the_nearest_inside() {
        let text = |ms| written(|out| time(out, Utc::from_unix_ms(ms)));
        assert_eq!(text(i64::MIN), "\"0000-01-01T00:00:00.000Z\"");
        assert_eq!(text(i64::MAX), "\"9999-12-31T23:59:59.999Z\"");
        assert_eq!(text(0), "\"1970-01-01T00:00:00.000Z\"");
    }

    proptest! {
        #[test]
        fn a_time_is_what_the_calendar_says(ms in -62_167_219_200_000_i64..=253_402_300_799_999) {
            let calendar = jiff::Timestamp::from_millisecond(ms).unwrap();
            prop_assert_eq!(written(|out| time(out, Utc::from_unix_ms(ms))), format!("\"{calendar:.3}\""));
        }

        #[test]
        fn a_number_comes_back_within_the_precision_it_was_sent_with(bits in any::<u64>()) {
            let raw = f64::from_bits(bits);
            prop_assume!(raw.is_finite());
            prop_assert_eq!(number_text(raw).parse::<f64>().unwrap(), raw + 0.0);
        }

        #[test]
        fn a_single_comes_back_as_the_same_single(bits in any::<u32>()) {
            let raw = f32::from_bits(bits);
            prop_assume!(raw.is_finite());
            let text = number_text(f64::from(raw));
            prop_assert_eq!(text.parse::<f32>().unwrap(), raw);
            prop_assert!(text.contains(['.', 'e']));
        }

        #[test]
        fn a_text_comes_back(text in any::<String>()) {
            let json = written(|out| scalar(out, &text));
            prop_assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text.clone());
            prop_assert_eq!(&*quoted(&text), json.as_str());
        }
    }
}
