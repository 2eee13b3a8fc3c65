//! What a start says about the epochs before it.

use std::path::Path;
use std::sync::Arc;

use hazard_agent::clock::RunClock;
use hazard_agent::journal::Order;
use hazard_core::id::{Epoch, Seq};
use hazard_core::outbox::record::{Body, Opening};
use hazard_core::outbox::{AckedSet, Record};
use hazard_core::{ClockOffset, Utc};

use super::made::made;
use super::rig::{Rig, header, named, settings};

fn acked(event: &[(u64, u64)], reading: &[(u64, u64)]) -> [AckedSet; 2] {
    [AckedSet::from_ranges(event), AckedSet::from_ranges(reading)]
}

#[test]
fn each_start_names_the_unconfirmed_epochs_with_their_dictionaries_and_cursors() {
    let dir = tempfile::tempdir().unwrap();
    for epoch in [11, 12] {
        let mut rig = Rig::start_with(settings(dir.path()), &["a", "b"], epoch);
        rig.opened();
        rig.fill(1..=epoch * 10);
        rig.save_cursor(1, epoch, acked(&[(1, 1)], &[(2, 7), (9, 14)]));
        rig.close();
    }
    // "b" comes first here and "c" is not known yet.
    let mut rig = Rig::start_with(settings(dir.path()), &["b", "c"], 13);
    let opened = rig.opened();
    assert_eq!(opened.ordinal, 3);
    assert_eq!(opened.previous[0].epoch, Epoch(12));
    let past: Vec<_> = opened.past.iter().map(|past| (past.epoch.0, past.last)).collect();
    assert_eq!(past, [(11, Seq(110)), (12, Seq(120))]);
    for past in &opened.past {
        assert_eq!(past.acked, [acked(&[(1, 1)], &[(2, 7), (9, 14)]), acked(&[], &[])]);
    }
    let known: Vec<_> = rig.dictionaries.iter().map(|(e, d)| (e.0, d.config_hash.as_str())).collect();
    assert_eq!(known, [(11, "hash of 11"), (12, "hash of 12")]);
    rig.close();
}

#[test]
fn an_epoch_that_every_uplink_has_confirmed_is_left_out() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = Rig::start_with(settings(dir.path()), &["a"], 1);
    rig.opened();
    rig.fill(1..=20);
    rig.save_cursor(0, 1, acked(&[(1, 15)], &[(2, 20)]));
    rig.close();
    let mut rig = Rig::start_with(settings(dir.path()), &["a"], 2);
    assert!(rig.opened().past.is_empty());
    rig.close();
    let mut rig = Rig::start_with(settings(dir.path()), &["a", "b"], 3);
    assert_eq!(rig.opened().past.len(), 1, "b has nothing of it");
    rig.close();
}

#[test]
fn a_reload_begins_an_epoch_on_the_open_store_and_ends_the_one_before() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = Rig::start_with(settings(dir.path()), &["a"], 1);
    rig.opened();
    rig.append(1..=30, false);
    rig.order(Order::Begin(header(2)));
    rig.durable(30);
    let opened = rig.opened();
    assert_eq!((opened.epoch, opened.ordinal), (Epoch(2), 2));
    assert_eq!(opened.previous[0].durable_through, Seq(30));
    assert_eq!(opened.past.len(), 1);
    rig.epoch = Epoch(1);
    rig.append(31..=40, true);
    rig.epoch = Epoch(2);
    rig.fill(1..=5);
    rig.holds(Epoch(2), 5);
    assert!(rig.fetch_all(Epoch(1), 31, 40).is_empty(), "an epoch that ended takes no more records");
    rig.close();
}

#[test]
fn an_opening_names_every_epoch_that_ended_before_its_first_record_was_on_disk() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = Rig::start(dir.path(), 1);
    rig.opened();
    rig.fill(1..=20);
    rig.close();
    // Each of the two starts leaves its header and nothing else.
    for (epoch, named) in [(2, vec![(1, 20)]), (3, vec![(2, 0), (1, 20)])] {
        assert_eq!(start_and_end(dir.path(), epoch, 0), named);
    }
    assert_eq!(start_and_end(dir.path(), 4, 5), [(3, 0), (2, 0), (1, 20)]);
    assert_eq!(start_and_end(dir.path(), 5, 0), [(4, 5)], "the opening of 4 is durable and named the others");
    assert_eq!(named(dir.path(), "epoch-").len(), 3, "2 and 3 hold nothing that anybody still needs");
}

#[test]
fn an_opening_from_before_the_disk_answered_does_not_end_the_chain() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(start_and_end(dir.path(), 1, 20), []);
    let mut rig = Rig::start(dir.path(), 2);
    rig.opened();
    let nobody = Body::Opening(Opening { ordinal: None, previous: Vec::new() });
    let records = vec![Arc::new(Record { body: nobody, ..Record::clone(&made(Epoch(2), 1)) })];
    rig.order(Order::Append { epoch: Epoch(2), records, urgent: true });
    rig.durable(1);
    rig.close();
    assert_eq!(start_and_end(dir.path(), 3, 5), [(2, 1), (1, 20)]);
    assert_eq!(start_and_end(dir.path(), 4, 5), [(3, 5)]);
}

#[test]
fn a_loop_of_starts_without_records_still_names_the_last_epoch_with_records() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = Rig::start(dir.path(), 1);
    rig.opened();
    rig.fill(1..=20);
    for epoch in 2..=300 {
        rig.order(Order::Begin(header(epoch)));
        let previous = rig.opened().previous;
        assert!(previous.len() <= Opening::PREVIOUS_MAX);
        assert_eq!(previous[0].epoch, Epoch(epoch - 1));
        let last = previous.last().unwrap();
        assert_eq!((last.epoch, last.durable_through), (Epoch(1), Seq(20)));
    }
    assert!(named(dir.path(), "epoch-").len() <= Opening::PREVIOUS_MAX + 1);
    rig.close();
}

#[test]
fn a_loop_of_starts_keeps_the_list_of_past_epochs_bounded() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = Rig::start_with(settings(dir.path()), &["a"], 1);
    rig.opened();
    for epoch in 1..=300 {
        rig.fill(1..=1);
        rig.order(Order::Begin(header(epoch + 1)));
        let opened = rig.opened();
        assert_eq!(opened.ordinal, epoch + 1);
        assert!(opened.past.len() <= 64);
        assert_eq!(opened.past.last().unwrap().epoch, Epoch(epoch), "the youngest stay");
    }
    assert!(named(dir.path(), "epoch-").len() <= 258);
    rig.close();
}

/// A run that writes so many records; the epochs that its opening names, and how far each was durable.
fn start_and_end(dir: &Path, epoch: u64, records: u64) -> Vec<(u64, u64)> {
    let mut rig = Rig::start(dir, epoch);
    let opened = rig.opened();
    if records > 0 {
        rig.fill(1..=records);
    }
    rig.close();
    opened.previous.iter().map(|named| (named.epoch.0, named.durable_through.0)).collect()
}

/// A start in 1970: what the clock of that run turned out to be back-dates its records after the next start.
#[test]
fn what_is_known_of_an_epochs_clock_survives_a_restart_and_the_latest_counts() {
    let dir = tempfile::tempdir().unwrap();
    let clock = |zero_ms: Option<i64>| RunClock {
        boot_id: "a boot".into(),
        origin_us: 42,
        offset: zero_ms
            .map(|ms| ClockOffset { zero: Utc::from_unix_ms(ms), trust: hazard_core::ClockTrust::Free }),
    };
    for (epoch, known) in [(1, vec![None]), (2, vec![None, Some(-7), Some(1_780_000_000_000)]), (3, vec![])] {
        let mut rig = Rig::start_with(settings(dir.path()), &["a"], epoch);
        rig.opened();
        rig.fill(1..=20);
        for zero_ms in known {
            rig.order(Order::Clock { epoch: Epoch(epoch), clock: clock(zero_ms) });
        }
        rig.close();
    }
    let mut rig = Rig::start_with(settings(dir.path()), &["a"], 4);
    rig.opened();
    assert_eq!(rig.clocks, [Some(clock(None)), Some(clock(Some(1_780_000_000_000))), None]);
    // One whose epoch is not on this disk is nobody's.
    rig.order(Order::Clock { epoch: Epoch(99), clock: clock(None) });
    rig.fill(1..=2);
    rig.close();
    let files = std::fs::read_dir(dir.path()).unwrap().flatten();
    let clocks = files.filter(|file| file.file_name().to_string_lossy().starts_with("clock-"));
    assert_eq!(clocks.count(), 2);
}
