//! Disks that refuse, fail or belong to somebody else.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use hazard_agent::journal::Order;
use hazard_core::id::Epoch;
use hazard_core::outbox::Lane;

use super::recorder::Recorder;
use super::rig::{Rig, header, named, settings};

/// A small file system of its own, unmounted at the end.
struct Mount(PathBuf);

impl Mount {
    fn of(dir: &Path, size: &str) -> Option<Self> {
        let options = format!("size={size}");
        let mounted = mount(&["-t", "tmpfs", "-o", &options, "tmpfs"], dir);
        if !mounted {
            hazard_tests::tools::skip("a small file system can only be mounted by root");
        }
        mounted.then(|| Self(dir.to_owned()))
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

fn mount(args: &[&str], dir: &Path) -> bool {
    Command::new("mount").args(args).arg(dir).status().is_ok_and(|status| status.success())
}

#[test]
fn a_full_disk_is_reported_once_and_the_journal_goes_on_when_space_is_back() {
    let dir = tempfile::tempdir().unwrap();
    let Some(mount) = Mount::of(dir.path(), "24m") else { return };
    let journal = mount.0.join("journal");
    let mut rig = Rig::start(&journal, 1);
    rig.opened();
    rig.fill(1..=1_000);
    let filler = mount.0.join("filler");
    while std::fs::write(&filler, vec![1; 1 << 20]).is_ok() {
        let full = mount.0.join(format!("filler{}", named(&mount.0, "filler").len()));
        std::fs::rename(&filler, full).unwrap();
    }
    fill_until_failed(&mut rig);
    rig.append(1..=10, true);
    assert_eq!(rig.fetch_once((Epoch(1), Lane::Reading), (1, 10), 5), (10, Vec::new()));
    rig.order(Order::Reopen(header(2)));
    rig.failed();
    named(&mount.0, "filler").iter().for_each(|path| std::fs::remove_file(path).unwrap());
    rig.order(Order::Reopen(header(3)));
    let opened = rig.opened();
    assert_eq!(opened.epoch, Epoch(3));
    let previous = opened.previous[0];
    assert!(opened.ordinal >= 2 && previous.epoch == Epoch(1) && previous.durable_through.0 >= 1_000);
    assert_eq!(named(&journal, "bad-").len(), 0, "a full disk is not damage");
    rig.holds(Epoch(1), 1_000);
    rig.fill(1..=1_000);
    rig.holds(Epoch(3), 1_000);
    rig.close();
}

fn fill_until_failed(rig: &mut Rig) {
    use hazard_core::input::JournalReport::{Durable, Failed};
    for first in (1_001..10_000_000).step_by(1_000) {
        rig.append(first..=first + 999, true);
        match rig.next() {
            Durable { .. } => {}
            Failed => return,
            other => panic!("{other:?}"),
        }
    }
    panic!("the disk never filled up");
}

#[test]
fn a_disk_that_became_read_only_is_reported_and_taken_again_when_it_is_writable() {
    let dir = tempfile::tempdir().unwrap();
    let Some(mount) = Mount::of(dir.path(), "24m") else { return };
    let mut rig = Rig::start(&mount.0, 1);
    rig.opened();
    rig.fill(1..=100);
    rig.close();
    assert!(self::mount(&["-o", "remount,ro"], &mount.0));
    let mut rig = Rig::start(&mount.0, 2);
    rig.failed();
    assert!(self::mount(&["-o", "remount,rw"], &mount.0));
    rig.order(Order::Reopen(header(3)));
    assert_eq!(rig.opened().previous[0].durable_through.0, 100);
    rig.holds(Epoch(1), 100);
    rig.close();
}

#[test]
fn after_a_sync_that_failed_nothing_unconfirmed_is_believed_and_the_segment_is_set_aside() {
    let dir = tempfile::tempdir().unwrap();
    let recorder = Arc::new(Recorder::new(u64::MAX));
    let disk = Arc::clone(&recorder);
    let mut rig = Rig::start_on(disk, settings(dir.path()), &[], 1);
    rig.opened();
    rig.fill(1..=500);
    recorder.failing.store(true, Ordering::SeqCst);
    rig.append(501..=510, true);
    rig.failed();
    rig.order(Order::Reopen(header(2)));
    rig.failed();
    recorder.failing.store(false, Ordering::SeqCst);
    rig.order(Order::Reopen(header(3)));
    let opened = rig.opened();
    assert!(opened.ordinal >= 2 && opened.epoch == Epoch(3));
    assert_eq!(named(dir.path(), "bad-").len(), 1);
    rig.holds(Epoch(1), 500);
    rig.fill(1..=10);
    rig.close();
}

#[test]
fn a_folder_that_cannot_be_is_a_failure_and_not_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, b"").unwrap();
    for path in [dir.path().join("absent/journal"), file.clone(), file.join("journal")] {
        let mut rig = Rig::start(&path, 1);
        rig.failed();
        rig.order(Order::Reopen(header(2)));
        rig.failed();
        rig.close();
    }
}

#[test]
fn a_second_agent_on_the_same_folder_fails_and_the_first_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let mut first = Rig::start(dir.path(), 1);
    first.opened();
    let mut second = Rig::start(dir.path(), 2);
    second.failed();
    first.fill(1..=100);
    first.close();
    second.order(Order::Reopen(header(3)));
    assert_eq!(second.opened().previous[0].durable_through.0, 100);
    second.close();
}
