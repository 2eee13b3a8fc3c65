//! Packing, damage and retention: what closed segments hold stays readable, what cannot be read is told, and what a platform
//! has not confirmed goes last.

use std::os::unix::fs::FileExt as _;
use std::path::Path;

use hazard_agent::journal::Order;
use hazard_core::id::{Epoch, Seq};
use hazard_core::input::JournalReport;
use hazard_core::outbox::{AckedSet, Lane};

use super::made::{made, mix};
use super::rig::*;

/// Enough for several hot segments where the quota is small.
const RECORDS: u64 = 120_000;

/// A journal whose closed segments have all been packed.
fn packed(dir: &Path) {
    let mut settings = settings(dir);
    settings.quota_bytes = 8 << 20;
    let mut rig = Rig::start_with(settings, &[], 1);
    rig.opened();
    rig.fill(1..=RECORDS);
    rig.wait_until(|_| named(dir, "seg-").len() == 1 && named(dir, "arc-").len() >= 2);
    rig.close();
}

#[test]
fn what_is_packed_is_as_it_was_and_the_hot_segments_are_gone() {
    let dir = tempfile::tempdir().unwrap();
    packed(dir.path());
    assert!(!named(dir.path(), "arc-e-").is_empty() && !named(dir.path(), "arc-r-").is_empty());
    let mut rig = Rig::start(dir.path(), 2);
    assert_eq!(rig.opened().previous[0].durable_through, Seq(RECORDS));
    rig.holds(Epoch(1), RECORDS);
    assert!(rig.gone.is_empty(), "{:?}", rig.gone);
    rig.close();
}

#[test]
fn a_damaged_archive_costs_its_block_which_is_told_and_the_rest_is_served() {
    for seed in 0..6 {
        println!("seed {seed}");
        let dir = tempfile::tempdir().unwrap();
        packed(dir.path());
        let archive = named(dir.path(), "arc-r-").remove(0);
        let db = std::fs::OpenOptions::new().read(true).write(true).open(archive.join("db")).unwrap();
        let at = mix(seed) % (db.metadata().unwrap().len() / 2);
        db.write_all_at(&[0xA5; 700], at).unwrap();
        let mut rig = Rig::start(dir.path(), 2);
        rig.opened();
        let left = rig.fetch_all(Epoch(1), 1, RECORDS);
        assert!(left.iter().all(|record| *record == made(Epoch(1), record.seq.0)));
        let missing = RECORDS - left.len() as u64;
        let told: u64 = rig.gone.iter().map(damaged).sum();
        assert_eq!(told, missing, "what cannot be read is told");
        assert_eq!(
            rig.holes.iter().map(|(_, _, records)| records).sum::<u64>(),
            missing,
            "and whoever asks hears it"
        );
        assert!(
            rig.holes.iter().all(|(first, last, records)| first <= last && last.0 - first.0 + 1 >= *records)
        );
        assert!(missing < RECORDS / 10, "{missing} of {RECORDS} are missing");
        assert!(missing == 0 || named(dir.path(), "bad-r-").len() == 1, "it is kept for a look");
        let again = rig.fetch_all(Epoch(1), 1, RECORDS);
        assert_eq!(again.len(), left.len());
        rig.close();
    }
}

#[test]
fn an_answer_ends_where_it_holds_enough_readings_and_the_next_one_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = Rig::start(dir.path(), 1);
    rig.opened();
    let records: Vec<_> = (1..=60).map(|seq| noise(seq, 2_000)).collect();
    rig.order(Order::Append { epoch: Epoch(1), records: records.clone(), urgent: true });
    rig.durable(60);
    let (through, answer) = rig.fetch_once((Epoch(1), Lane::Reading), (1, 60), 9_999);
    assert!(answer == records[..20], "of 120,000 readings, 40,000: {} records", answer.len());
    assert_eq!(through, 20, "what it does not have it does not call looked at");
    assert!(rig.fetch_lane((Epoch(1), Lane::Reading), 1, 60) == records);
    rig.close();
}

fn damaged(gone: &JournalReport) -> u64 {
    match gone {
        JournalReport::Damaged { count, .. } => count.records,
        _ => 0,
    }
}

#[test]
fn where_there_is_no_room_the_oldest_readings_go_and_events_stay_and_all_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let mut settings = settings(dir.path());
    settings.quota_bytes = 6 << 20;
    let mut rig = Rig::start_with(settings.clone(), &["district"], 1);
    rig.opened();
    // The platform has confirmed nothing.
    let mut last = 0;
    while rig.gone.is_empty() {
        assert!(last < 20 * RECORDS, "nothing ever went");
        rig.fill(last + 1..=last + RECORDS);
        last += RECORDS;
    }
    let (_, first) = rig.fetch_once((Epoch(1), Lane::Event), (1, 1), 1);
    assert_eq!(first, [made(Epoch(1), 1)], "events are the last to go");
    let purged = |rig: &Rig| {
        rig.gone
            .iter()
            .map(|gone| match gone {
                JournalReport::Purged {
                    lane: Lane::Reading, epoch: Epoch(1), first, last, count, ..
                } => {
                    let readings = (first.0..=last.0)
                        .map(|seq| made(Epoch(1), seq))
                        .filter(|r| r.lane() == Lane::Reading);
                    let (records, readings) =
                        readings.fold((0, 0), |(n, m), record| (n + 1, m + record.readings()));
                    assert_eq!((count.records, count.readings), (records, readings), "{first:?} to {last:?}");
                    last.0
                }
                other => panic!("{other:?}"),
            })
            .max()
            .unwrap()
    };
    let through = purged(&rig);
    assert!(rig.fetch_once((Epoch(1), Lane::Reading), (1, through), 9).1.is_empty());
    rig.close();
    let mut rig = Rig::start_with(settings, &["district"], 2);
    rig.opened();
    // What was still to be packed is packed before the close, behind it or here, and may cost more of the oldest.
    rig.wait_until(|_| named(dir.path(), "seg-").len() == 1);
    let left = rig.fetch_lane((Epoch(1), Lane::Reading), 1, last);
    let again = purged(&rig);
    assert!(again >= through, "a start says again what is gone: {again}, and {through} before");
    let behind = (again + 1..=last).map(|seq| made(Epoch(1), seq)).filter(|r| r.lane() == Lane::Reading);
    assert!(left == behind.collect::<Vec<_>>(), "and keeps all that is behind");
    rig.close();
}

#[test]
fn what_a_platform_has_not_confirmed_outlives_its_age_and_what_it_has_goes() {
    let dir = tempfile::tempdir().unwrap();
    let mut settings = settings(dir.path());
    // The records of `made` lie a millisecond apart: all of them are old at once.
    settings.quota_bytes = 16 << 20;
    (settings.keep, settings.keep_events) =
        (std::time::Duration::from_secs(20), std::time::Duration::from_secs(20));
    let mut rig = Rig::start_with(settings, &["district"], 1);
    rig.opened();
    rig.fill(1..=4 * RECORDS);
    rig.wait_until(|_| named(dir.path(), "seg-").len() == 1);
    assert!(rig.gone.is_empty(), "nobody has confirmed anything: {:?}", rig.gone);
    let all = || AckedSet::from_ranges(&[(1, 4 * RECORDS)]);
    rig.save_cursor(0, 1, [all(), all()]);
    let mut last = 4 * RECORDS;
    rig.wait_until(|rig| {
        rig.fill(last + 1..=last + 10_000);
        last += 10_000;
        !rig.gone.is_empty()
    });
    let (_, first) = rig.fetch_once((Epoch(1), Lane::Reading), (1, 1_000), 1);
    assert!(first.is_empty(), "what is old and confirmed has gone");
    rig.close();
}

#[test]
fn what_a_platform_lacks_outlives_younger_records_that_it_has_and_a_start_after_they_went() {
    let dir = tempfile::tempdir().unwrap();
    let mut settings = settings(dir.path());
    settings.quota_bytes = 16 << 20;
    let mut rig = Rig::start_with(settings.clone(), &["district"], 1);
    rig.opened();
    // A platform that is back has what is live, and not yet the backlog of the first 50,000.
    let live = || AckedSet::from_ranges(&[(50_001, 100_000_000)]);
    let mut last = 0;
    while rig.gone.is_empty() {
        assert!(last < 20 * RECORDS, "nothing ever went");
        rig.fill(last + 1..=last + 20_000);
        last += 20_000;
        rig.save_cursor(0, 1, [live(), live()]);
    }
    let lowest = |rig: &Rig| rig.gone.iter().map(purged_from).min().unwrap();
    assert!(lowest(&rig) > 50_000, "{:?}", rig.gone);
    let wanted = (Epoch(1), Lane::Reading);
    let backlog = rig.fetch_once(wanted, (1, 5_000), 9_999).1;
    assert!(!backlog.is_empty() && backlog.iter().all(|record| *record == made(Epoch(1), record.seq.0)));
    let across = rig.fetch_once(wanted, (lowest(&rig) - 1_000, last), 9_999).1;
    assert!(
        across.iter().any(|record| record.seq.0 > lowest(&rig)),
        "what is left behind the gap is read too"
    );
    assert!(rig.holes.is_empty(), "what was dropped is not damaged: {:?}", rig.holes);
    rig.close();
    let mut rig = Rig::start_with(settings, &["district"], 2);
    rig.opened();
    let again = rig.fetch_once(wanted, (1, 5_000), 9_999).1;
    assert_eq!(again, backlog, "a start drops nothing that a platform lacks");
    assert!(lowest(&rig) > 50_000, "{:?}", rig.gone);
    rig.close();
}

fn purged_from(gone: &JournalReport) -> u64 {
    match gone {
        JournalReport::Purged { lane: Lane::Reading, first, .. } => first.0,
        other => panic!("{other:?}"),
    }
}
