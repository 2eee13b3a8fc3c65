//! A damaged store never stops the agent and never makes a record up: it is set aside, and its whole blocks are kept.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use hazard_core::id::Epoch;

use super::made::{made, mix};
use super::rig::{Rig, named, only_db};

const RECORDS: u64 = 3_000;
const SEEDS: u64 = 6;

/// A closed journal of one epoch with every record durable.
fn journal(dir: &Path) {
    let mut rig = Rig::start(dir, 1);
    rig.opened();
    rig.fill(1..=RECORDS);
    rig.close();
}

/// Opens the damaged journal, checks what must hold whatever the damage, and says how many records are left.
fn survivors(dir: &Path) -> u64 {
    let mut rig = Rig::start(dir, 2);
    let opened = rig.opened();
    assert_eq!((opened.epoch, opened.ordinal), (Epoch(2), 2));
    let records = rig.fetch_all(Epoch(1), 1, RECORDS);
    assert!(records.windows(2).all(|pair| pair[0].seq < pair[1].seq), "a record came twice");
    for record in &records {
        assert_eq!(*record, made(Epoch(1), record.seq.0), "a record was made up");
    }
    let last = records.last().map_or(0, |record| record.seq.0);
    assert_eq!(opened.previous[0].durable_through.0, last);
    rig.fill(1..=100);
    rig.holds(Epoch(2), 100);
    rig.close();
    records.len() as u64
}

fn set_aside(dir: &Path) -> usize {
    named(dir, "bad-").len()
}

#[test]
fn flipped_bits_cost_a_few_blocks_at_most() {
    for seed in 0..SEEDS {
        println!("seed {seed}");
        let dir = tempfile::tempdir().unwrap();
        journal(dir.path());
        let db = OpenOptions::new().read(true).write(true).open(only_db(dir.path())).unwrap();
        let at = mix(seed) % db.metadata().unwrap().len();
        let mut byte = [0];
        db.read_exact_at(&mut byte, at).unwrap();
        db.write_all_at(&[byte[0] ^ (1 << (seed % 8))], at).unwrap();
        let left = survivors(dir.path());
        assert!(left >= RECORDS * 9 / 10, "seed {seed}: {left} left");
        assert!(left == RECORDS || set_aside(dir.path()) == 1, "seed {seed}: lost in silence");
    }
}

#[test]
fn zeroed_pages_cost_a_few_blocks_at_most() {
    for seed in 0..SEEDS {
        println!("seed {seed}");
        let dir = tempfile::tempdir().unwrap();
        journal(dir.path());
        let db = OpenOptions::new().write(true).open(only_db(dir.path())).unwrap();
        let pages = db.metadata().unwrap().len() / 4096;
        db.write_all_at(&[0; 4096], mix(seed) % pages * 4096).unwrap();
        let left = survivors(dir.path());
        assert!(left >= RECORDS * 8 / 10, "seed {seed}: {left} left");
        assert!(left == RECORDS || set_aside(dir.path()) == 1, "seed {seed}: lost in silence");
    }
}

#[test]
fn a_file_that_was_cut_keeps_the_blocks_before_the_cut() {
    let dir = tempfile::tempdir().unwrap();
    journal(dir.path());
    let db = OpenOptions::new().write(true).open(only_db(dir.path())).unwrap();
    db.set_len(db.metadata().unwrap().len() / 2).unwrap();
    let left = survivors(dir.path());
    assert!((RECORDS / 5..RECORDS).contains(&left), "{left} left");
    assert_eq!(set_aside(dir.path()), 1);
}

#[test]
fn an_empty_file_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    journal(dir.path());
    OpenOptions::new().write(true).truncate(true).open(only_db(dir.path())).unwrap();
    assert_eq!(survivors(dir.path()), 0);
    assert_eq!(set_aside(dir.path()), 1);
}

#[test]
fn a_file_of_noise_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    journal(dir.path());
    let path = only_db(dir.path());
    let len = std::fs::metadata(&path).unwrap().len();
    std::fs::write(&path, (0..len).map(|at| mix(at) as u8).collect::<Vec<_>>()).unwrap();
    assert_eq!(survivors(dir.path()), 0);
    assert_eq!(set_aside(dir.path()), 1);
}

#[test]
fn what_sled_keeps_beside_its_main_file_may_be_lost_or_garbled() {
    for case in 0..4 {
        let dir = tempfile::tempdir().unwrap();
        journal(dir.path());
        // sled writes its snapshot when it opens what it wrote before.
        let mut rig = Rig::start(dir.path(), 2);
        rig.opened();
        rig.close();
        let segment = named(dir.path(), "seg-").remove(0);
        let snapshots = named(&segment, "snap.");
        assert_eq!(snapshots.len(), 1);
        match case {
            0 => std::fs::remove_file(&snapshots[0]).unwrap(),
            1 => std::fs::write(&snapshots[0], b"").unwrap(),
            2 => std::fs::write(&snapshots[0], [0xAA; 500]).unwrap(),
            _ => std::fs::write(segment.join("snap.0000000000000000.generating"), b"").unwrap(),
        }
        let mut rig = Rig::start(dir.path(), 3);
        assert_eq!(rig.opened().ordinal, 3);
        rig.holds(Epoch(1), RECORDS);
        assert_eq!(set_aside(dir.path()), 0, "case {case}");
        rig.close();
    }
}

#[test]
fn garbled_headers_indexes_and_cursors_do_not_stop_the_agent() {
    for prefix in ["epoch-", "cursor-", "seg-"] {
        let dir = tempfile::tempdir().unwrap();
        journal(dir.path());
        for path in named(dir.path(), prefix) {
            let path = if path.is_dir() { path.join("index") } else { path };
            std::fs::write(path, [0x55; 77]).unwrap();
        }
        let mut rig = Rig::start(dir.path(), 2);
        assert_eq!(rig.opened().ordinal, 2, "ordinals rise without {prefix}");
        rig.fill(1..=100);
        rig.holds(Epoch(2), 100);
        rig.close();
    }
}

#[test]
fn ordinals_rise_when_only_the_folders_set_aside_are_left() {
    let dir = tempfile::tempdir().unwrap();
    for epoch in 1..=3 {
        let mut rig = Rig::start(dir.path(), epoch);
        rig.opened();
        rig.fill(1..=100);
        rig.close();
    }
    std::fs::write(only_db(dir.path()), b"").unwrap();
    let mut rig = Rig::start(dir.path(), 4);
    assert_eq!(rig.opened().ordinal, 4);
    rig.close();
    for path in named(dir.path(), "epoch-").into_iter().chain(named(dir.path(), "seg-")) {
        drop(std::fs::remove_file(&path).or_else(|_| std::fs::remove_dir_all(&path)));
    }
    let mut rig = Rig::start(dir.path(), 5);
    assert!(rig.opened().ordinal > 3);
    rig.close();
}
