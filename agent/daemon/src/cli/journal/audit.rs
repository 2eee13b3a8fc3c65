//! `hazard journal audit`: what became of every number of every epoch.

use std::collections::BTreeMap;
use std::path::Path;

use hazard_core::id::{Epoch, Seq};
use hazard_core::outbox::record::{Loss, LossPlace};
use hazard_core::outbox::{AckedSet, Lane};
use serde::Serialize;
use serde_json::json;

use super::{Failure, Place, code, find, steadily, texts};
use crate::cli::{say, word};
use crate::config::Lang;
use crate::journal::read::{Confirmed, Folder};
use crate::journal::verify::{Against, Verdict, verify};
use crate::journal::walk::LaneSum;

/// Runs of missing numbers that are listed of an epoch.
const MISSING_MAX: usize = 100;

const LANES: [Lane; 2] = [Lane::Event, Lane::Reading];

/// The account of an epoch.
#[derive(Debug, Serialize)]
struct Account {
    epoch: String,
    epoch_no: u64,
    /// The last number that is known of.
    last: u64,
    /// Records that are there.
    stored: u64,
    /// Readings that are there.
    readings: u64,
    /// Numbers that retention dropped.
    purged: u64,
    /// Numbers that a record says were lost to the journal.
    lost: u64,
    /// Numbers for which nothing accounts.
    missing: Vec<(u64, u64)>,
    /// What the chain counts is what is there.
    totals_agree: bool,
    lanes: Vec<LaneAccount>,
    uplinks: Vec<UplinkAccount>,
    even: bool,
}

/// Of a lane.
#[derive(Debug, Serialize)]
struct LaneAccount {
    lane: &'static str,
    first: u64,
    last: u64,
    records: u64,
    readings: u64,
    /// Records and readings by the chain's totals, those before the first one included.
    totals: Option<(u64, u64)>,
}

/// Of an uplink.
#[derive(Debug, Serialize)]
struct UplinkAccount {
    uplink: String,
    confirmed: u64,
    unconfirmed: u64,
    /// Stated as lost to it.
    lost: u64,
}

pub(super) fn audit(site: &Path, place: &Place, as_json: bool, lang: Lang) -> Result<u8, Failure> {
    let (accounts, whole) = steadily(|| {
        let found = find(site, place, lang)?;
        // Cursors first: what is confirmed is on disk.
        let confirmed = found.folder.confirmed();
        let verdict = verify(&found.folder, &Against { key: found.trusted.map(|(key, _)| key), ends: None })?;
        Ok((accounts(&found.folder, &verdict, &confirmed), verdict.is_whole()))
    })?;
    let even = accounts.iter().all(|account| account.even);
    if as_json {
        say(&format!("{:#}", json!({ "even": even, "whole": whole, "epochs": accounts })));
        return Ok(code(even && whole));
    }
    accounts.iter().for_each(|account| show(account, lang));
    say(word(
        lang,
        if even { "对账平：每个编号都有去处" } else { "对账不平：有编号没有去处" },
        if even { "even: every number is accounted for" } else { "NOT even: numbers are unaccounted for" },
    ));
    if !whole {
        say(word(
            lang,
            "哈希链核验不符：见 hazard journal verify",
            "the hash chain does not hold: see hazard journal verify",
        ));
    }
    Ok(code(even && whole))
}

fn accounts(folder: &Folder, verdict: &Verdict, confirmed: &Confirmed) -> Vec<Account> {
    let mut ordinals: Vec<u64> = verdict.lanes.iter().map(|sum| sum.ordinal).collect();
    ordinals.sort_unstable();
    ordinals.dedup();
    ordinals.into_iter().map(|ordinal| account(folder, verdict, (ordinal, confirmed))).collect()
}

fn account(folder: &Folder, verdict: &Verdict, (ordinal, confirmed): (u64, &Confirmed)) -> Account {
    let sums: Vec<&LaneSum> = verdict.lanes.iter().filter(|sum| sum.ordinal == ordinal).collect();
    let epoch = sums.iter().find_map(|sum| sum.epoch);
    let named = verdict.said.openings.iter().flat_map(|(_, previous)| previous);
    let named = named.filter(|named| Some(named.epoch) == epoch).map(|named| named.durable_through.0).max();
    let last = sums.iter().map(|sum| sum.last()).max().max(named).unwrap_or(0);
    let mut there = AckedSet::default();
    sums.iter().flat_map(|sum| &sum.runs).for_each(|(first, last)| there.insert(Seq(*first), Seq(*last)));
    let losses: Vec<&(u64, Loss)> =
        verdict.said.losses.iter().filter(|(_, loss)| Some(loss.epoch) == epoch).collect();
    let to_journal =
        || losses.iter().filter(|(_, loss)| loss.place == LossPlace::Journal).map(|(_, loss)| loss);
    let lost: u64 = to_journal().map(|loss| loss.records).sum();
    let stored: u64 = sums.iter().map(|sum| sum.counted.records).sum();
    let (purged, gaps) = gaps(verdict, (ordinal, last), &sums, &there);
    let covered =
        |(first, last): &(u64, u64)| to_journal().any(|loss| loss.first.0 <= *first && *last <= loss.last.0);
    let missing: Vec<(u64, u64)> = gaps.into_iter().filter(|gap| !covered(gap)).collect();
    let totals_agree = sums.iter().all(|sum| totals_agree(sum));
    let uplinks = confirmed.iter().map(|(name, epochs)| {
        let lost =
            losses.iter().filter(|(by, loss)| is_to(folder, (*by, loss), name)).map(|(_, loss)| loss.records);
        uplink(name, (epoch, &sums), epochs, lost.sum())
    });
    Account {
        epoch: epoch.map_or_else(String::new, |epoch| format!("{:016x}", epoch.0)),
        epoch_no: ordinal,
        last,
        stored,
        readings: sums.iter().map(|sum| sum.counted.readings).sum(),
        purged,
        lost,
        even: missing.is_empty() && totals_agree,
        missing: missing.into_iter().take(MISSING_MAX).collect(),
        totals_agree,
        lanes: sums.iter().map(|sum| lane(sum)).collect(),
        uplinks: uplinks.collect(),
    }
}

/// How many numbers retention dropped, and the runs for which it does not account.
fn gaps(
    verdict: &Verdict,
    (ordinal, last): (u64, u64),
    sums: &[&LaneSum],
    there: &AckedSet,
) -> (u64, Vec<(u64, u64)>) {
    let may_be_purged =
        |lane: Lane| !verdict.lanes.iter().any(|sum| sum.lane == lane && sum.ordinal < ordinal);
    // Up to where a lane's beginning can have been dropped; all of it when nothing of the lane is left.
    let purged_to = LANES.iter().filter(|lane| may_be_purged(**lane)).map(|lane| {
        match sums.iter().find(|sum| sum.lane == *lane) {
            None => last,
            Some(sum) if sum.before.is_some_and(|before| before.written.records > 0) => sum.first() - 1,
            Some(_) => 0,
        }
    });
    let purged_to = purged_to.max().unwrap_or(0);
    let (mut purged, mut gaps, mut from) = (0, Vec::new(), 1);
    while let Some((Seq(first), Seq(end))) = there.first_gap(Seq(from), Seq(last)).filter(|_| from <= last) {
        let dropped = end.min(purged_to);
        purged += (dropped + 1).saturating_sub(first);
        if end > purged_to {
            gaps.push((first.max(purged_to + 1), end));
        }
        from = end + 1;
    }
    (purged, gaps)
}

fn totals_agree(sum: &LaneSum) -> bool {
    sum.before.zip(sum.mark).is_none_or(|(before, mark)| {
        mark.written.records.checked_sub(before.written.records) == Some(sum.counted.records)
            && mark.written.readings.checked_sub(before.written.readings) == Some(sum.counted.readings)
    })
}

fn lane(sum: &LaneSum) -> LaneAccount {
    LaneAccount {
        lane: crate::words::lane(sum.lane),
        first: sum.first(),
        last: sum.last(),
        records: sum.counted.records,
        readings: sum.counted.readings,
        totals: sum.mark.map(|mark| (mark.written.records, mark.written.readings)),
    }
}

fn is_to(folder: &Folder, (by, loss): (u64, &Loss), name: &str) -> bool {
    let LossPlace::Uplink(uplink) = loss.place else { return false };
    let uplinks = folder.epochs().get(&by).map(|header| &header.dictionary.uplinks);
    uplinks.and_then(|uplinks| uplinks.get(uplink.index())).is_some_and(|uplink| uplink == name)
}

fn uplink(
    name: &str,
    (epoch, sums): (Option<Epoch>, &[&LaneSum]),
    epochs: &BTreeMap<Epoch, [AckedSet; 2]>,
    lost: u64,
) -> UplinkAccount {
    let acked = epoch.and_then(|epoch| epochs.get(&epoch));
    let (mut confirmed, mut stored) = (0, 0);
    for sum in sums {
        stored += sum.counted.records;
        let Some(acked) = acked.map(|acked| &acked[sum.lane as usize]) else { continue };
        confirmed += sum.runs.iter().map(|run| common(*run, acked.ranges())).sum::<u64>();
    }
    UplinkAccount { uplink: name.to_owned(), confirmed, unconfirmed: stored - confirmed, lost }
}

/// How many numbers of a run are in any of the ranges.
fn common((first, last): (u64, u64), ranges: &[(u64, u64)]) -> u64 {
    let meets = ranges.iter().map(|(from, to)| (first.max(*from), last.min(*to)));
    meets.filter(|(from, to)| from <= to).map(|(from, to)| to - from + 1).sum()
}

fn show(account: &Account, lang: Lang) {
    let Account { epoch, epoch_no: no, last, stored, readings, purged, lost, missing, .. } = account;
    let gone: u64 = missing.iter().map(|(first, last)| last - first + 1).sum();
    match lang {
        Lang::Zh => say(&format!(
            "纪元 {no} ({epoch}) 编号 1–{last}：已存 {stored} 条（{readings} 个读数），已清除 {purged}，声明丢失 {lost}，去向不明 {gone}"
        )),
        Lang::En => say(&format!(
            "epoch {no} ({epoch}) numbers 1–{last}: stored {stored} ({readings} readings), purged {purged}, stated as lost {lost}, unaccounted for {gone}"
        )),
    }
    for lane in &account.lanes {
        let name = texts::lane(if lane.lane == "event" { Lane::Event } else { Lane::Reading }, lang);
        say(&format!("  {name} {}–{}  {} / {}", lane.first, lane.last, lane.records, lane.readings));
    }
    for UplinkAccount { uplink, confirmed, unconfirmed, lost } in &account.uplinks {
        match lang {
            Lang::Zh => {
                say(&format!("  上传 {uplink}：已确认 {confirmed}，未确认 {unconfirmed}，声明丢失 {lost}"))
            }
            Lang::En => say(&format!(
                "  uplink {uplink}: confirmed {confirmed}, unconfirmed {unconfirmed}, stated as lost {lost}"
            )),
        }
    }
    for (first, last) in missing {
        say(&format!("  ■ {} {first}–{last}", word(lang, "去向不明", "unaccounted for")));
    }
    if !account.totals_agree {
        say(word(lang, "  ■ 链上总数与实存不符", "  ■ the chain's totals are not what is there"));
    }
}
