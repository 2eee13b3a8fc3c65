//! The body of an order as JSON, version 1, and the answer that may come back: docs/platform/webhook.md.

use hazard_core::{ClockTrust, Utc};
use serde::{Deserialize, Serialize};

use crate::words;

/// Characters of a name and of a note that are kept of an answer.
const NAME_MAX: usize = 100;
const NOTE_MAX: usize = 1_000;

/// What a role is told.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Notice {
    /// The gateway's code.
    pub gateway: String,
    /// The role's name.
    pub role: String,
    /// The rung of the ladder, from 1.
    pub rung: u32,
    /// The how-manieth order it is for the alarm that was told of most often, from 1.
    pub nth: u32,
    /// Highest colour first.
    pub alarms: Vec<NoticeAlarm>,
}

/// An alarm as a role is told of it.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct NoticeAlarm {
    /// 位号.
    pub tag: String,
    /// `high_high` and so on, as in the contract with the platform.
    pub kind: String,
    /// Its name in both languages.
    pub name: Name,
    /// `red`, `orange`, `yellow` or `blue`.
    pub priority: &'static str,
    /// The value at this moment, where there is a believable one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// Its unit, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// When it was raised.
    #[serde(serialize_with = "time")]
    pub raised_at: Utc,
    /// `unacked` and so on, as in the contract with the platform.
    pub state: String,
}

/// A name in both languages.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Name {
    /// 中文.
    pub zh: String,
    /// English.
    pub en: String,
}

/// What changes with each try.
pub(super) struct Stamp<'a> {
    pub(super) attempt: &'a str,
    pub(super) nth_try: u8,
    pub(super) sent_at: (Utc, ClockTrust),
    pub(super) expires: Utc,
}

#[derive(Serialize)]
struct Body<'a> {
    v: u8,
    attempt: &'a str,
    r#try: u8,
    #[serde(serialize_with = "time")]
    sent_at: Utc,
    clock: &'static str,
    #[serde(serialize_with = "time")]
    expires: Utc,
    #[serde(flatten)]
    notice: &'a Notice,
}

/// The body of one try.
pub(super) fn body(notice: &Notice, stamp: &Stamp<'_>) -> Vec<u8> {
    let (sent_at, trust) = stamp.sent_at;
    let body = Body {
        v: 1,
        attempt: stamp.attempt,
        r#try: stamp.nth_try,
        sent_at,
        clock: words::clock(trust),
        expires: stamp.expires,
        notice,
    };
    let written = serde_json::to_vec(&body);
    debug_assert!(written.is_ok(), "texts and finite numbers can be written");
    written.unwrap_or_default()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes by reference")]
fn time<S: serde::Serializer>(utc: &Utc, serializer: S) -> Result<S::Ok, S::Error> {
    // Beyond the years of RFC 3339 there is nothing to say.
    let at = jiff::Timestamp::from_millisecond(utc.unix_ms()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    serializer.collect_str(&format_args!("{at:.3}"))
}

/// What a reply may say.
#[derive(Deserialize)]
struct Reply {
    answered: Option<Said>,
}

/// An answer that came with a reply.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub(super) struct Said {
    pub(super) by: String,
    #[serde(default)]
    pub(super) note: String,
}

/// The answer that a reply claims to hold.
pub(super) fn claimed(body: &[u8]) -> Option<Said> {
    let said = serde_json::from_slice::<Reply>(body).ok()?.answered?;
    let said = Said { by: cleaned(&said.by, NAME_MAX), note: cleaned(&said.note, NOTE_MAX) };
    (!said.by.is_empty()).then_some(said)
}

/// One line that can be shown and kept.
fn cleaned(text: &str, max: usize) -> String {
    let shown = text.trim().chars().map(|c| if c.is_control() { ' ' } else { c });
    shown.take(max).collect::<String>().trim().to_owned()
}
