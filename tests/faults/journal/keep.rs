//! What is kept, what is read back, what is dropped, and that an idle journal leaves the disk alone.

use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use hazard_agent::journal::Order;
use hazard_core::id::{Epoch, Seq};
use hazard_core::outbox::Lane;

use super::made::made;
use super::rig::{Rig, named, noise, settings};

fn fill_with_noise(rig: &mut Rig, last: u64, readings: u64) {
    let epoch = rig.epoch;
    for first in (1..=last).step_by(500) {
        let end = last.min(first + 499);
        let records = (first..=end).map(|seq| noise(seq, readings)).collect();
        rig.order(Order::Append { epoch, records, urgent: end == last });
    }
    rig.durable(last);
}

fn disk_bytes(dir: &Path) -> u64 {
    let entries = std::fs::read_dir(dir).unwrap().map(Result::unwrap);
    entries
        .map(|entry| match entry.metadata() {
            Ok(seen) if seen.is_dir() => disk_bytes(&entry.path()),
            seen => seen.map_or(0, |seen| seen.len()),
        })
        .sum()
}

#[test]
fn a_fetch_returns_exactly_the_numbers_of_its_lane_that_were_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = Rig::start(dir.path(), 1);
    rig.opened();
    rig.fill(1..=2_000);
    for (first, last, most) in [(1, 1, 9), (2, 2, 9), (190, 210, 99), (3, 2_000, 250), (1_990, 5_000, 99)] {
        for lane in [Lane::Event, Lane::Reading] {
            let (through, records) = rig.fetch_once((Epoch(1), lane), (first, last), most);
            let wanted = (first..=last.min(2_000)).map(|seq| made(Epoch(1), seq));
            let wanted: Vec<_> = wanted.filter(|r| r.lane() == lane).take(usize::from(most)).collect();
            assert_eq!(records, wanted, "{lane:?} {first}..={last}");
            let is_cut = wanted.len() == usize::from(most);
            assert_eq!(through, if is_cut { wanted.last().unwrap().seq.0 } else { last });
        }
    }
    assert_eq!(rig.fetch_once((Epoch(9), Lane::Event), (1, 7), 5), (7, Vec::new()));
    rig.append(2_001..=2_010, false);
    let (_, fresh) = rig.fetch_once((Epoch(1), Lane::Reading), (2_001, 2_010), 99);
    assert!(!fresh.is_empty(), "what waits for its commit is not called absent");
    rig.close();
}

#[test]
fn the_oldest_segments_go_when_the_quota_is_reached_and_space_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let mut settings = settings(dir.path());
    settings.quota_bytes = 6 << 20;
    let mut rig = Rig::start_with(settings.clone(), &[], 1);
    rig.opened();
    fill_with_noise(&mut rig, 12_000, 100);
    rig.fetch_until((Epoch(1), Lane::Reading), (1, 1), <[_]>::is_empty);
    let last = rig.fetch_lane((Epoch(1), Lane::Reading), 8_001, 12_000);
    assert!(last.len() >= 1_000 && last.last().unwrap().seq == Seq(12_000), "{}", last.len());
    assert!(last.windows(2).all(|pair| pair[1].seq.0 == pair[0].seq.0 + 1));
    // One commit may be written before the oldest segment goes.
    let (bytes, status) = (disk_bytes(dir.path()), rig.status.unwrap());
    assert!(bytes < 10 << 20, "{bytes} bytes on disk");
    assert!(status.segments >= 2 && status.bytes_on_disk <= bytes + (1 << 20));
    rig.close();
    let mut rig = Rig::start_with(settings, &[], 2);
    assert_eq!(rig.opened().previous[0].durable_through, Seq(12_000));
    let again = rig.fetch_lane((Epoch(1), Lane::Reading), 8_001, 12_000);
    assert!(again == last, "closed segments are read after a start");
    rig.close();
}

#[test]
fn segments_whose_records_are_all_too_old_go() {
    let dir = tempfile::tempdir().unwrap();
    let mut settings = settings(dir.path());
    (settings.quota_bytes, settings.keep) = (60 << 20, Duration::from_secs(3_600));
    let mut rig = Rig::start_with(settings, &[], 1);
    rig.opened();
    fill_with_noise(&mut rig, 20_000, 100);
    rig.fetch_until((Epoch(1), Lane::Reading), (1, 1), <[_]>::is_empty);
    let bytes = disk_bytes(dir.path());
    assert!(bytes < 40 << 20, "{bytes}: the quota may have dropped it");
    let young = rig.fetch_lane((Epoch(1), Lane::Reading), 16_401, 20_000);
    assert_eq!(young.len(), 3_600, "a record younger than an hour is gone");
    rig.close();
}

#[test]
fn an_idle_journal_writes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut settings = settings(dir.path());
    settings.commit_within = Duration::from_millis(50);
    let mut rig = Rig::start_with(settings, &[], 1);
    rig.opened();
    rig.fill(1..=2_000);
    let before = touched(dir.path());
    assert!(rig.next_within(Duration::from_millis(1_500)).is_none());
    assert_eq!(touched(dir.path()), before);
    rig.close();
}

fn touched(dir: &Path) -> Vec<(std::path::PathBuf, u64, SystemTime)> {
    let mut all = Vec::new();
    for path in named(dir, "") {
        let seen = path.metadata().unwrap();
        all.push((path.clone(), seen.len(), seen.modified().unwrap()));
        if seen.is_dir() {
            all.extend(touched(&path));
        }
    }
    all
}

#[test]
fn a_record_larger_than_a_block_is_kept_like_any_other() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = Rig::start(dir.path(), 1);
    rig.opened();
    let epoch = rig.epoch;
    let records: Vec<_> = (1..=5).map(|seq| noise(seq, 20_000)).collect();
    rig.order(Order::Append { epoch, records: records.clone(), urgent: true });
    rig.durable(5);
    rig.close();
    let mut rig = Rig::start(dir.path(), 2);
    rig.opened();
    assert!(rig.fetch_lane((Epoch(1), Lane::Reading), 1, 5) == records);
    rig.close();
}

#[test]
fn a_million_readings_open_in_the_time_that_is_printed() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = Rig::start(dir.path(), 1);
    rig.opened();
    let epoch = rig.epoch;
    for first in (1..=20_000).step_by(500) {
        let records = (first..first + 500).map(|seq| noise(seq, 50)).collect();
        rig.order(Order::Append { epoch, records, urgent: true });
    }
    rig.durable(20_000);
    // Closed first: what a kill leaves is for tests/power. A copy of files that are being packed is no moment of theirs.
    rig.close();
    let begin = Instant::now();
    let mut rig = Rig::start(dir.path(), 2);
    assert_eq!(rig.opened().previous[0].durable_through, Seq(20_000));
    println!("1,000,000 readings, {} bytes: opened in {:?}", disk_bytes(dir.path()), begin.elapsed());
    rig.close();
}
