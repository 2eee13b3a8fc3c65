//! Retentive memory at its real boundary: files that a disk, a power cut or a person has damaged. Each is read from its copy, or
//! said to be lost; none is taken for "nothing stood", and none is written over before it is kept beside.
#![allow(clippy::unwrap_used, reason = "a test's own files")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use hazard_agent::retentive::{COPY, DAMAGED, FILE, Found, Page, Retentive, TripRow};

const SOON: Duration = Duration::from_secs(30);

#[test]
fn a_gateway_that_never_ran_begins_with_nothing_and_its_last_page_comes_back() {
    let disk = Disk::new();
    assert_eq!(disk.found(), Found::Fresh);
    let keeper = disk.spawn();
    assert_eq!(keeper.found(SOON), Some(Found::Fresh));
    keeper.keep(page(1));
    keeper.keep(page(2));
    keeper.close();
    assert_eq!(disk.found(), held(2));
    assert_eq!(fs::read(disk.path(FILE)).unwrap(), fs::read(disk.path(COPY)).unwrap());
}

#[test]
fn a_page_of_an_earlier_version_has_no_copy_and_is_read() {
    let disk = Disk::kept(&[5]);
    fs::remove_file(disk.path(COPY)).unwrap();
    assert_eq!(disk.found(), held(5));
}

#[test]
fn whatever_bit_flips_the_page_is_read_from_the_other_file_or_what_may_have_tripped_is_held() {
    let disk = Disk::kept(&[2]);
    let bytes = fs::read(disk.path(FILE)).unwrap();
    let head = bytes.iter().position(|byte| *byte == b'\n').unwrap();
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        fs::write(disk.path(FILE), &flipped).unwrap();
        match disk.found() {
            Found::Page(read) => assert_eq!(*read, page(2), "bit {bit}"),
            // The first line does not say any more whether the copy is the same page.
            Found::Older(read) => assert!(bit / 8 <= head && *read == page(2), "bit {bit}"),
            found @ (Found::Fresh | Found::Lost) => panic!("bit {bit}: {found:?}"),
        }
        fs::write(disk.path(COPY), &flipped).unwrap();
        let both = disk.found();
        assert!(both == Found::Lost || both == held(2), "bit {bit}: {both:?}");
        fs::write(disk.path(COPY), &bytes).unwrap();
    }
}

#[test]
fn wherever_both_are_cut_off_they_are_lost_and_one_of_them_is_not_missed() {
    let disk = Disk::kept(&[2]);
    let bytes = fs::read(disk.path(FILE)).unwrap();
    for end in 0..bytes.len() - 1 {
        fs::write(disk.path(FILE), &bytes[..end]).unwrap();
        assert!(matches!(disk.found(), Found::Page(read) | Found::Older(read) if *read == page(2)), "{end}");
        fs::write(disk.path(COPY), &bytes[..end]).unwrap();
        assert_eq!(disk.found(), Found::Lost, "{end}");
        fs::write(disk.path(COPY), &bytes).unwrap();
    }
}

#[test]
fn a_copy_that_may_lack_the_last_change_is_called_older() {
    for damage in [remove, cut, fold] {
        let disk = Disk::kept(&[1]);
        let before = fs::read(disk.path(COPY)).unwrap();
        disk.keep(2);
        fs::write(disk.path(COPY), before).unwrap();
        assert_eq!(disk.found(), held(2), "the file is the newer one");
        damage(&disk.path(FILE));
        assert_eq!(disk.found(), Found::Older(Box::new(page(1))));
    }
}

#[test]
fn files_that_are_gone_beside_a_journal_or_beside_what_was_set_aside_are_lost() {
    let disk = Disk::new();
    fs::create_dir_all(disk.journal()).unwrap();
    assert_eq!(disk.found(), Found::Fresh, "an empty folder is no history");
    fs::write(disk.journal().join("1.events"), "").unwrap();
    assert_eq!(disk.found(), Found::Lost);
    let disk = Disk::new();
    fs::write(disk.path(&format!("{DAMAGED}1")), "").unwrap();
    assert_eq!(disk.found(), Found::Lost);
}

#[test]
fn what_was_damaged_is_kept_beside_and_never_written_over() {
    let disk = Disk::kept(&[1]);
    for nth in 1..=8 {
        for name in [FILE, COPY] {
            fs::write(disk.path(name), format!("damage {nth} of {name}")).unwrap();
        }
        let keeper = disk.spawn();
        assert_eq!(keeper.found(SOON), Some(Found::Lost));
        keeper.keep(page(nth));
        keeper.close();
        assert_eq!(disk.found(), held(nth));
    }
    let kept: Vec<String> = (1..=16).map(|nth| disk.read(&format!("{DAMAGED}{nth}"))).collect();
    for (nth, name) in (1..=8).flat_map(|nth| [(nth, FILE), (nth, COPY)]) {
        assert!(kept.contains(&format!("damage {nth} of {name}")), "{nth} {name}");
    }
    // Their number is bounded, and the first ones stay.
    fs::write(disk.path(FILE), "one too many").unwrap();
    disk.keep(9);
    assert_eq!((1..=16).map(|nth| disk.read(&format!("{DAMAGED}{nth}"))).collect::<Vec<_>>(), kept);
    assert!(!disk.path(&format!("{DAMAGED}17")).exists());
}

#[test]
fn a_folder_in_the_place_of_the_file_is_moved_aside_with_what_is_in_it() {
    let disk = Disk::kept(&[1]);
    fold(&disk.path(FILE));
    fs::write(disk.path(FILE).join("letter"), "x").unwrap();
    disk.keep(2);
    assert_eq!(disk.found(), held(2));
    assert_eq!(disk.read(&format!("{DAMAGED}1/letter")), "x");
}

#[test]
fn while_the_disk_does_not_answer_nothing_is_said_and_nothing_is_written() {
    let disk = Disk::new();
    assert!(Command::new("mkfifo").arg(disk.path(FILE)).status().unwrap().success());
    let keeper = disk.spawn();
    assert_eq!(keeper.found(Duration::from_millis(50)), None);
    keeper.keep(page(9));
    assert!(!disk.path(COPY).exists() && !disk.path("retentive.tmp").exists());
    // Somebody opens the other end: the page comes late, and is still read.
    let other = Disk::kept(&[3]);
    fs::write(disk.path(FILE), fs::read(other.path(FILE)).unwrap()).unwrap();
    assert_eq!(keeper.found(SOON), Some(held(3)));
    keeper.close();
}

fn remove(path: &Path) {
    fs::remove_file(path).unwrap();
}

fn cut(path: &Path) {
    let bytes = fs::read(path).unwrap();
    fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
}

/// A disk that is full while a valve is shut, and then the power goes: the page on it is from before.
#[test]
fn pages_that_are_known_to_be_old_are_called_older_until_one_is_written() {
    let disk = Disk::kept(&[1]);
    fs::create_dir(disk.path("retentive.tmp")).unwrap();
    disk.keep(2);
    assert_eq!(disk.found(), Found::Older(Box::new(page(1))));
    fs::remove_dir(disk.path("retentive.tmp")).unwrap();
    disk.keep(3);
    assert_eq!(disk.found(), held(3));
}

fn fold(path: &Path) {
    fs::remove_file(path).unwrap();
    fs::create_dir(path).unwrap();
}

/// A gateway's folder.
struct Disk(tempfile::TempDir);

impl Disk {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// With these pages kept one after the other.
    fn kept(pages: &[i64]) -> Self {
        let disk = Self::new();
        pages.iter().for_each(|page| disk.keep(*page));
        disk
    }

    fn keep(&self, written_ms: i64) {
        let keeper = self.spawn();
        keeper.keep(page(written_ms));
        keeper.close();
    }

    fn spawn(&self) -> Retentive {
        Retentive::spawn(self.0.path(), &self.journal()).unwrap()
    }

    /// What a start finds.
    fn found(&self) -> Found {
        let keeper = self.spawn();
        let found = keeper.found(SOON).unwrap();
        keeper.close();
        found
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn journal(&self) -> PathBuf {
        self.path("journal")
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }
}

fn held(written_ms: i64) -> Found {
    Found::Page(Box::new(page(written_ms)))
}

fn page(written_ms: i64) -> Page {
    let trip = TripRow {
        trip: "gas".into(),
        held: true,
        alarm: None,
        vote: Some("hall".into()),
        outputs: Vec::new(),
    };
    Page { written_ms, trips: vec![trip], ..Page::default() }
}
