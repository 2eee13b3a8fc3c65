//! 存证 on folders that are written to, damaged, torn or without a key: what is read, what is said, and that nothing is changed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use hazard_agent::journal::finding::What;
use hazard_agent::journal::key::KEY_FILE;
use hazard_agent::journal::manifest::Signature;
use hazard_agent::journal::read::{Folder, Unreadable};
use hazard_agent::journal::verify::{Against, Verdict, verify};
use hazard_agent::settings::{Journal, Seal};

use super::rig::{Rig, settings};

fn sealed(state: &Path) -> Journal {
    let seal = Seal { key: state.join(KEY_FILE), gateway: "GW-1".to_owned(), enterprise: "ENT-1".to_owned() };
    Journal { seal: Some(seal), ..settings(&state.join("journal")) }
}

fn examined(settings: &Journal) -> Verdict {
    verify(&Folder::open(&settings.dir).unwrap(), &Against::default()).unwrap()
}

fn count(verdict: &Verdict) -> u64 {
    verdict.lanes.iter().map(|sum| sum.counted.records).sum()
}

fn whats(verdict: &Verdict) -> Vec<What> {
    verdict.findings.iter().map(|finding| finding.what).collect()
}

/// Two closed runs of a hundred records.
fn written(settings: &Journal) {
    for epoch in [1, 2] {
        let mut rig = Rig::start_with(settings.clone(), &[], epoch);
        rig.opened();
        rig.append(1..=100, true);
        rig.durable(100);
        rig.close();
    }
}

fn files(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(dir).unwrap().flatten() {
        if entry.path().is_dir() {
            found.extend(files(&entry.path()));
        } else {
            found.insert(entry.path(), std::fs::read(entry.path()).unwrap());
        }
    }
    found
}

fn copied(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copied(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

#[test]
fn a_journal_is_verified_while_it_is_written_and_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let settings = sealed(dir.path());
    let mut rig = Rig::start_with(settings.clone(), &[], 1);
    rig.opened();
    for first in (1..=200).step_by(50) {
        rig.append(first..=first + 49, true);
        rig.durable(first + 49);
        let before = files(&settings.dir);
        let verdict = examined(&settings);
        assert!(verdict.is_whole() && count(&verdict) == first + 49, "{:?}", verdict.findings);
        assert_eq!(files(&settings.dir), before);
    }
    rig.close();
    assert_eq!(count(&examined(&settings)), 200);
}

#[test]
fn what_a_power_cut_tore_off_is_no_fault_and_all_before_it_counts() {
    let dir = tempfile::tempdir().unwrap();
    let settings = sealed(dir.path());
    let mut rig = Rig::start_with(settings.clone(), &[], 1);
    rig.opened();
    for first in (1..=100).step_by(20) {
        rig.append(first..=first + 19, true);
        rig.durable(first + 19);
    }
    let torn = Journal { dir: dir.path().join("torn"), ..settings.clone() };
    copied(&settings.dir, &torn.dir);
    rig.close();
    let db = torn.dir.join("seg-0000000001/db");
    let mut bytes = std::fs::read(&db).unwrap();
    let last = bytes.windows(4).rposition(|four| four == b"HZB2").unwrap();
    bytes.truncate(last + 50);
    std::fs::write(&db, bytes).unwrap();
    let verdict = examined(&torn);
    assert!(count(&verdict) < 100 && count(&verdict) >= 60, "{}", count(&verdict));
    assert_eq!(whats(&verdict), []);
}

#[test]
fn a_segment_that_sled_refuses_is_read_from_its_bytes_and_said() {
    let dir = tempfile::tempdir().unwrap();
    let settings = sealed(dir.path());
    written(&settings);
    assert!(examined(&settings).is_whole());
    std::fs::write(settings.dir.join("seg-0000000001/conf"), "no configuration of sled").unwrap();
    let before = files(&settings.dir);
    let verdict = examined(&settings);
    assert!(whats(&verdict).contains(&What::SegmentDamaged), "{:?}", verdict.findings);
    assert_eq!(count(&verdict), 200);
    assert_eq!(files(&settings.dir), before);
}

#[test]
fn a_segment_of_noise_and_a_header_of_noise_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let settings = sealed(dir.path());
    written(&settings);
    let header = settings.dir.join("epoch-0000000001");
    let sound = std::fs::read(&header).unwrap();
    std::fs::write(&header, "noise").unwrap();
    let verdict = examined(&settings);
    let named = verdict.findings.iter().any(|one| one.what == What::HeaderMissing && one.place.epoch_no == 1);
    assert!(named && !verdict.is_whole(), "{:?}", verdict.findings);
    std::fs::write(&header, sound).unwrap();
    std::fs::write(settings.dir.join("seg-0000000001/db"), vec![0x5a; 1 << 20]).unwrap();
    let verdict = examined(&settings);
    let damaged = verdict.findings.iter().find(|one| one.what == What::SegmentDamaged).unwrap();
    assert_eq!(damaged.place.segment.as_deref(), Some("seg-0000000001"));
    assert_eq!(count(&verdict), 0);
}

#[test]
fn without_a_key_the_journal_works_and_its_manifests_are_unsigned() {
    let dir = tempfile::tempdir().unwrap();
    let settings = sealed(dir.path());
    std::fs::write(dir.path().join(KEY_FILE), "not a key").unwrap();
    let mut rig = Rig::start_with(settings.clone(), &[], 1);
    rig.opened();
    rig.append(1..=3, true);
    rig.durable(3);
    let manifest = rig.manifest();
    assert_eq!((&*manifest.signature, &*manifest.key), ("", ""));
    assert_eq!(hazard_agent::journal::manifest::signature(&manifest), Signature::Absent);
    assert!(manifest.text.contains("\nepoch 0000000000000001 ordinal 1 event through "), "{}", manifest.text);
    assert_eq!(rig.status.map(|status| status.unsigned), Some(true));
    rig.close();
    assert_eq!(std::fs::read(dir.path().join(KEY_FILE)).unwrap(), b"not a key");
}

#[test]
fn what_is_no_journal_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let open = |name: &str| Folder::open(&dir.path().join(name)).unwrap_err();
    assert!(matches!(open("none"), Unreadable::Absent(_)));
    std::fs::write(dir.path().join("file"), "").unwrap();
    assert!(matches!(open("file"), Unreadable::Foreign(_)));
    std::fs::create_dir(dir.path().join("empty")).unwrap();
    assert!(matches!(open("empty"), Unreadable::Foreign(_)));
    std::fs::create_dir(dir.path().join("newer")).unwrap();
    std::fs::write(dir.path().join("newer/epoch-0000000001"), "HZS2 and more").unwrap();
    assert!(matches!(open("newer"), Unreadable::Newer(_)));
}
