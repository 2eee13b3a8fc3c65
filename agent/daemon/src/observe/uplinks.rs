//! Uplinks as people see them: what became of the records, what the platform said, what it asked for.

use hazard_core::Snapshot;
use hazard_core::outbox::receipt::{HeardCount, ReplayState};
use serde::{Deserialize, Serialize};

use super::render::{clean, said};
use super::status::{Facts, Sum};
use super::tell::named;
use super::texts::pick;
use crate::config::Lang;

/// An uplink, with what became of this run's records there.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct UplinkRow {
    /// Its name.
    pub uplink: String,
    /// Connected.
    pub up: bool,
    /// Messages in flight.
    pub in_flight: usize,
    /// Confirmed.
    pub confirmed: Sum,
    /// Taken by its broker, and not receipted yet.
    pub sent: Sum,
    /// None of these.
    pub pending: Sum,
    /// Stated as lost.
    pub lost: Sum,
    /// Confirmed records of earlier runs.
    pub back_filled: Sum,
    /// Why it went down last.
    pub reason: Option<String>,
    /// What was heard of the platform besides PUBACKs.
    pub heard: Heard,
    /// A time that is sent again because the platform asked for it.
    pub replay: Option<ReplayRow>,
    /// The platform's limit for back-fill in readings per second; 0 is a pause.
    pub rate: Option<u32>,
}

/// What was heard of a platform besides PUBACKs.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct Heard {
    /// Receipts.
    pub receipts: u64,
    /// Requests that were taken.
    pub requests: u64,
    /// What could not be read, or named an unknown epoch, or found no room.
    pub rejected: u64,
}

impl From<HeardCount> for Heard {
    fn from(count: HeardCount) -> Self {
        let HeardCount { receipts, requests, rejected } = count;
        Self { receipts, requests, rejected }
    }
}

/// A replay that is under way.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ReplayRow {
    /// The platform's name for it.
    pub id: String,
    /// What the platform has taken of it so far.
    pub taken: Sum,
    /// Replays that wait behind it.
    pub waiting: usize,
}

impl From<&ReplayState> for ReplayRow {
    fn from(state: &ReplayState) -> Self {
        Self { id: state.id.to_string(), taken: state.taken.into(), waiting: state.waiting }
    }
}

pub(super) fn uplinks(snapshot: &Snapshot, facts: &Facts) -> Vec<UplinkRow> {
    let row = |(index, state): (usize, &hazard_core::snapshot::UplinkState)| {
        let ledger = snapshot.ledger.uplinks.get(index).copied().unwrap_or_default();
        UplinkRow {
            uplink: named(&facts.dictionary.uplinks, index),
            up: state.up,
            in_flight: state.in_flight,
            confirmed: ledger.confirmed.into(),
            sent: ledger.sent.into(),
            pending: ledger.pending.into(),
            lost: ledger.lost.into(),
            back_filled: ledger.back_filled.into(),
            reason: facts.uplink_reasons.get(index).cloned().flatten(),
            heard: state.heard.into(),
            replay: state.replay.as_ref().map(ReplayRow::from),
            rate: state.rate,
        }
    };
    snapshot.uplinks.iter().enumerate().map(row).collect()
}

pub(super) fn uplink_cells(uplink: &UplinkRow, lang: Lang) -> Vec<String> {
    let state = if uplink.up {
        pick(lang, "○ 已连接", "○ connected")
    } else {
        pick(lang, "■ 断开", "■ down")
    };
    let (pending, lost) = (uplink.pending.records, uplink.lost.records);
    let lost = match lost {
        0 => String::new(),
        _ => said(lang, &format!("■ 丢失 {lost} 条"), &format!("■ lost {lost}")),
    };
    let why = if uplink.up { "" } else { uplink.reason.as_deref().unwrap_or_default() };
    let mut pending = said(lang, &format!("待传 {pending} 条"), &format!("pending {pending}"));
    if uplink.sent.records > 0 {
        let sent = uplink.sent.records;
        pending += &said(lang, &format!("，待回执 {sent} 条"), &format!(", not receipted {sent}"));
    }
    vec![state.to_owned(), clean(&uplink.uplink), pending, lost, asked(uplink, lang), clean(why)]
}

/// What the platform asked for and has not got yet.
fn asked(uplink: &UplinkRow, lang: Lang) -> String {
    let mut words = Vec::new();
    if let Some(ReplayRow { id, taken, .. }) = &uplink.replay {
        let (id, records) = (clean(id), taken.records);
        let zh = format!("正在重传 {id}，已传 {records} 条");
        words.push(said(lang, &zh, &format!("replay {id}, {records} sent")));
    }
    match uplink.rate {
        None => {}
        Some(0) => words.push(said(lang, "平台暂停补传", "back-fill paused by the platform")),
        Some(rate) => {
            let zh = format!("补传限速 {rate} 个/秒");
            words.push(said(lang, &zh, &format!("back-fill at most {rate}/s")));
        }
    }
    words.join(pick(lang, "，", ", "))
}
