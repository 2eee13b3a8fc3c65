//! Whatever stops the agent, what was called durable is there afterwards.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::channel;
use std::time::Duration;

use hazard_agent::journal::{Order, Report, spawn_on};
use hazard_core::id::Epoch;
use hazard_core::input::JournalReport;

use super::made::{made, mix};
use super::recorder::{Cut, Recorder};
use super::rig::{Rig, header, named, settings};

const CUTS: u64 = 36;
const KILLS: u64 = 12;

#[test]
fn a_power_cut_at_any_sync_loses_no_durable_record() {
    for seed in 0..CUTS {
        println!("seed {seed}");
        let cut = run_until_cut(seed);
        for torn in [None, Some(seed)] {
            let dir = tempfile::tempdir().unwrap();
            cut.lay_out(dir.path(), torn);
            let mut rig = Rig::start(dir.path(), 1_000 + seed);
            let opened = rig.opened();
            let last = opened.previous.first().map_or(0, |previous| previous.durable_through.0);
            assert!(last >= cut.promised, "seed {seed}: {last} of {} promised", cut.promised);
            assert!(cut.promised == 0 || opened.ordinal == 2, "seed {seed}");
            rig.holds(Epoch(seed), last);
            rig.fill(1..=50);
            rig.close();
        }
    }
}

/// Writes until the power is cut at a sync that the seed chooses.
fn run_until_cut(seed: u64) -> Cut {
    let dir = tempfile::tempdir().unwrap();
    // The first syncs make the folders; each of them is cut once.
    let cut_at = if seed < 20 { seed } else { mix(seed) % 70 };
    let recorder = Arc::new(Recorder::new(cut_at));
    let (disk, place) = (Arc::clone(&recorder), (settings(dir.path()), vec!["a".to_owned()]));
    let seen = Arc::clone(&recorder);
    let journal = spawn_on(disk, place, header(seed), move |report| {
        if let Report::Core(JournalReport::Durable { through }) = report {
            seen.durable.store(through.0, Ordering::SeqCst);
        }
    })
    .unwrap();
    let (mut next, epoch) = (1, Epoch(seed));
    while !recorder.is_cut() {
        let last = next + mix(seed ^ next) % 300;
        let records = (next..=last).map(|seq| made(epoch, seq)).collect();
        let urgent = mix(last).is_multiple_of(2);
        if journal.try_order(Order::Append { epoch, records, urgent }).is_ok() {
            next = last + 1;
        } else {
            std::thread::yield_now();
        }
    }
    journal.close();
    recorder.take_cut().unwrap()
}

#[test]
fn killing_the_agent_loses_no_durable_record_and_repeats_no_ordinal() {
    let dir = tempfile::tempdir().unwrap();
    let mut ordinals = BTreeSet::new();
    for cycle in 1..=KILLS {
        let (ordinal, durable) = write_and_kill(dir.path(), cycle);
        let mut rig = Rig::start(dir.path(), 1_000 + cycle);
        let opened = rig.opened();
        for ordinal in [ordinal, opened.ordinal] {
            assert!(ordinals.last().is_none_or(|last| *last < ordinal), "{ordinal} again");
            ordinals.insert(ordinal);
        }
        let previous = opened.previous[0];
        assert_eq!(previous.epoch, Epoch(cycle));
        assert!(previous.durable_through.0 >= durable, "cycle {cycle}: {durable} were promised");
        rig.holds(Epoch(cycle), previous.durable_through.0);
        rig.close();
    }
    assert_eq!(named(dir.path(), "bad-"), Vec::<std::path::PathBuf>::new());
}

/// Runs the writer and kills it after some reports; its ordinal and the last number it called durable.
fn write_and_kill(dir: &std::path::Path, cycle: u64) -> (u64, u64) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_journal-writer"))
        .args([dir.as_os_str(), cycle.to_string().as_ref()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let (mut ordinal, mut durable) = (0, 0);
    let mut left = 2 + mix(cycle) % 60;
    // Lines that the writer wrote before it died count as well.
    for line in lines {
        let line = line.unwrap();
        match line.split_once(' ') {
            Some(("opened", number)) => ordinal = number.parse().unwrap(),
            Some(("durable", number)) => durable = number.parse().unwrap(),
            other => panic!("{other:?}"),
        }
        left = left.saturating_sub(1);
        if left == 0 {
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    assert!(ordinal > 0 && durable > 0, "it was killed too early to show anything");
    (ordinal, durable)
}

#[test]
fn nothing_is_durable_before_the_sync_and_an_urgent_record_takes_the_others_along() {
    let dir = tempfile::tempdir().unwrap();
    let recorder = Arc::new(Recorder::new(u64::MAX));
    let disk = Arc::clone(&recorder);
    let mut rig = Rig::start_on(disk, settings(dir.path()), &[], 1);
    rig.opened();
    let before = recorder.db_syncs.load(Ordering::SeqCst);
    for seq in 1..100 {
        rig.append(seq..=seq, false);
    }
    assert!(rig.next_within(Duration::from_millis(200)).is_none(), "durable without a commit");
    assert_eq!(recorder.db_syncs.load(Ordering::SeqCst), before);
    rig.append(100..=100, true);
    rig.durable(100);
    assert_eq!(recorder.db_syncs.load(Ordering::SeqCst), before + 1, "one commit, one sync");
}

#[test]
fn a_reading_is_durable_within_the_commit_time() {
    let dir = tempfile::tempdir().unwrap();
    let mut settings = settings(dir.path());
    settings.commit_within = Duration::from_millis(50);
    let mut rig = Rig::start_with(settings, &[], 1);
    rig.opened();
    rig.append(1..=3, false);
    rig.durable(3);
}

#[test]
fn a_journal_that_is_dropped_writes_what_it_was_given() {
    let dir = tempfile::tempdir().unwrap();
    let (sender, reports) = channel();
    let place = (settings(dir.path()), Vec::new());
    let kernel = Arc::new(hazard_agent::journal::Kernel);
    let journal = spawn_on(kernel, place, header(1), move |report| sender.send(report).unwrap());
    let records = (1..=9).map(|seq| made(Epoch(1), seq)).collect();
    let journal = journal.unwrap();
    journal.try_order(Order::Append { epoch: Epoch(1), records, urgent: false }).unwrap();
    journal.close();
    let durable = |report| matches!(report, Report::Core(JournalReport::Durable { .. }));
    assert!(reports.into_iter().any(durable));
    let mut rig = Rig::start(dir.path(), 2);
    assert_eq!(rig.opened().previous[0].durable_through.0, 9);
    rig.holds(Epoch(1), 9);
}
