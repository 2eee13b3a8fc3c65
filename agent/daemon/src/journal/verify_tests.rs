//! Journals that the real thread wrote, altered by somebody who knows the format, and what verifying says of them.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use hazard_core::id::{AlarmId, Epoch, PointId, Seq};
use hazard_core::input::JournalReport;
use hazard_core::outbox::record::{AlarmEvent, AlarmState, Body, Manifest, Opening};
use hazard_core::outbox::{Count, Lane, Record};
use hazard_core::reading::{Quantity, Reading, Sample};
use hazard_core::{ClockTrust, Mono, Stamp, Utc, Value};

use super::chain::{Mark, origins};
use super::disk::{Disk, Kernel};
use super::finding::{Finding, What};
use super::frame::{Frame, frames};
use super::key::{Key, Public};
use super::purges::{Purges, Stretch};
use super::read::Folder;
use super::segment::Segment;
use super::verify::{Against, verify};
use super::{Header, Order, Report, seal, slot, spawn};
use crate::settings;

/// Records of an epoch after its opening, in commits of six.
const RECORDS: u64 = 36;
const SEGMENT: &str = "seg-0000000001";

fn settings(state: &Path) -> settings::Journal {
    let seal = settings::Seal {
        key: state.join("evidence.key"),
        gateway: "GW-1".to_owned(),
        enterprise: "ENT-1".to_owned(),
    };
    settings::Journal {
        dir: state.join("journal"),
        commit_within: Duration::from_secs(3_600),
        quota_bytes: 1 << 30,
        keep: Duration::from_secs(1 << 32),
        keep_events: Duration::from_secs(1 << 32),
        seal: Some(seal),
    }
}

fn record(seq: u64, body: Body) -> Arc<Record> {
    let ms = i64::try_from(seq).unwrap() * 1_000;
    let utc = Utc::from_unix_ms(1_780_000_000_000 + ms);
    Arc::new(Record {
        seq: Seq(seq),
        stamp: Stamp { mono: Mono::from_micros(seq), utc, trust: ClockTrust::Synced },
        body,
    })
}

fn made(seq: u64) -> Arc<Record> {
    let value = Value::try_new(f64::from(u32::try_from(seq).unwrap()) * 0.5);
    let body = if seq.is_multiple_of(3) {
        let (from, to) = (AlarmState::Normal, AlarmState::Unacked);
        Body::Alarm(AlarmEvent { alarm: AlarmId(0), from, to, value, actor: None })
    } else {
        let sample = Sample::Good(Quantity::Number(value.unwrap()));
        Body::Readings(vec![Reading { point: PointId(0), sample }; 2])
    };
    record(seq, body)
}

fn report(reports: &Receiver<Report>) -> JournalReport {
    loop {
        if let Report::Core(report) = reports.recv_timeout(Duration::from_secs(30)).unwrap() {
            return report;
        }
    }
}

/// One start of the agent: an opening, records, and the manifest that the journal made of them.
fn run(settings: &settings::Journal, epoch: u64) -> Manifest {
    let (sender, reports) = channel();
    let header = Header { epoch: Epoch(epoch), dictionary: Arc::default() };
    let handle =
        spawn(settings.clone(), header, Vec::new(), move |report| drop(sender.send(report))).unwrap();
    let JournalReport::Opened { ordinal, previous, .. } = report(&reports) else { panic!("not opened") };
    let append = |records: Vec<Arc<Record>>| {
        let last = records.last().unwrap().seq;
        handle.try_order(Order::Append { epoch: Epoch(epoch), records, urgent: true }).unwrap();
        let JournalReport::Durable { through } = report(&reports) else { panic!("not durable") };
        assert_eq!(through, last);
    };
    append(vec![record(1, Body::Opening(Opening { ordinal: Some(ordinal), previous }))]);
    let JournalReport::Manifest(manifest) = report(&reports) else {
        panic!("no manifest after the first commit")
    };
    append(vec![record(2, Body::Manifest(Box::new(manifest.clone())))]);
    for first in (3..3 + RECORDS).step_by(6) {
        append((first..first + 6).map(made).collect());
    }
    handle.close();
    manifest
}

/// Three starts; the manifest of each names the chains of those before, as far as the openings do.
fn journal() -> (tempfile::TempDir, settings::Journal) {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path());
    for epoch in [0xa1, 0xa2, 0xa3] {
        run(&settings, epoch);
    }
    (dir, settings)
}

fn findings(settings: &settings::Journal) -> Vec<Finding> {
    let key = Public::read(&settings.seal.as_ref().unwrap().key.with_extension("pub")).unwrap();
    let verdict =
        verify(&Folder::open(&settings.dir).unwrap(), &Against { key: Some(key), ends: None }).unwrap();
    assert_eq!(verdict.is_whole(), !verdict.findings.iter().any(|one| one.what.is_fault()));
    verdict.findings
}

fn segment(settings: &settings::Journal) -> PathBuf {
    settings.dir.join(SEGMENT)
}

fn disk() -> Disk {
    Arc::new(Kernel)
}

/// Takes the segment apart and puts it together again, checksums and index right.
fn alter(settings: &settings::Journal, change: impl FnOnce(&mut Vec<Frame>)) {
    let dir = segment(settings);
    let lanes = [Lane::Event, Lane::Reading].into_iter();
    let mut all: Vec<Frame> = lanes
        .flat_map(|lane| Segment::pairs_of(&dir, lane).unwrap())
        .map(|(_, value)| Frame::parse(&value).unwrap())
        .collect();
    change(&mut all);
    std::fs::remove_dir_all(&dir).unwrap();
    let mut fresh = Segment::create(&dir, &disk()).unwrap();
    fresh.insert(&all).unwrap();
    fresh.seal().unwrap();
}

/// Where the blocks of an epoch's lane are among all.
fn of(all: &[Frame], ordinal: u64, lane: Lane) -> Vec<usize> {
    (0..all.len()).filter(|at| all[*at].ordinal == ordinal && all[*at].lane == lane).collect()
}

/// A block of other records with the same head and a right checksum.
fn rebuilt(frame: &Frame, records: &[Arc<Record>], before: Mark) -> Frame {
    let mut marks = [before; 2];
    let built = frames(frame.ordinal, records, &mut marks);
    assert_eq!(built.len(), 1);
    built.into_iter().next().unwrap()
}

/// Makes all links of an epoch's lane right again.
fn relink(all: &mut [Frame], ordinal: u64, lane: Lane, epoch: u64) {
    let mut mark = origins(Epoch(epoch))[lane as usize];
    for at in of(all, ordinal, lane) {
        let records = all[at].records().unwrap();
        all[at] = rebuilt(&all[at], &records, mark);
        mark = mark.after(&records);
    }
}

fn changed(record: &Record) -> Arc<Record> {
    let mut record = record.clone();
    record.stamp.utc = Utc::from_unix_ms(record.stamp.utc.unix_ms() + 1);
    Arc::new(record)
}

fn names(findings: &[Finding], what: What, ordinal: u64, seq: u64) -> bool {
    findings.iter().any(|one| {
        one.what == what && one.place.epoch_no == ordinal && (one.place.first..=one.place.last).contains(&seq)
    })
}

#[test]
fn what_the_journal_wrote_is_whole_and_its_manifests_are_signed_and_follow_one_another() {
    let (_dir, settings) = journal();
    assert_eq!(findings(&settings), []);
    let folder = Folder::open(&settings.dir).unwrap();
    let verdict = verify(&folder, &Against::default()).unwrap();
    let statements: Vec<_> =
        verdict.said.manifests.iter().map(|kept| kept.statement.clone().unwrap()).collect();
    let names: Vec<_> =
        verdict.said.manifests.iter().map(|kept| super::manifest::name(&kept.manifest.text)).collect();
    assert_eq!(statements[0].previous, None);
    assert_eq!(statements[1].previous.as_ref(), Some(&names[0]));
    assert_eq!(statements[2].previous.as_ref(), Some(&names[1]));
    // The last one names the running epoch up to its opening and the one before to its end.
    let heads: Vec<_> =
        statements[2].heads.iter().map(|head| (head.ordinal, head.lane, head.through)).collect();
    let (event, reading) = (Lane::Event, Lane::Reading);
    assert_eq!(heads, [(3, event, 1), (3, reading, 0), (2, event, 36), (2, reading, 38)]);
    let sums: Vec<_> = verdict.lanes.iter().map(|sum| (sum.ordinal, sum.counted.records)).collect();
    assert_eq!(sums, [(1, 14), (2, 14), (3, 14), (1, 24), (2, 24), (3, 24)]);
}

/// Every record that another block follows, in every lane: whoever changes it without the links behind it is found by these.
#[test]
fn a_changed_record_is_named_wherever_it_is() {
    for lane in [Lane::Event, Lane::Reading] {
        let (_dir, settings) = journal();
        let blocks = |all: &[Frame]| of(all, 2, lane);
        let mut count = 0;
        alter(&settings, |all| count = blocks(all).len());
        for nth in 0..count - 1 {
            let (mut kept, mut seq) = (None, 0);
            alter(&settings, |all| {
                let at = blocks(all)[nth];
                let mut records = all[at].records().unwrap();
                let middle = records.len() / 2;
                seq = records[middle].seq.0;
                records[middle] = changed(&records[middle]);
                kept = Some(all[at].clone());
                all[at] = rebuilt(&all[at], &records, all[at].before.unwrap());
            });
            let found = findings(&settings);
            assert!(names(&found, What::RecordsChanged, 2, seq), "{lane:?} {nth}: {found:#?}");
            alter(&settings, |all| {
                let at = blocks(all)[nth];
                all[at] = kept.unwrap();
            });
            assert_eq!(findings(&settings), []);
        }
    }
}

#[test]
fn a_removed_block_is_named_by_the_totals_of_the_next_one() {
    let (_dir, settings) = journal();
    let mut span = (0, 0);
    alter(&settings, |all| {
        let at = of(all, 2, Lane::Reading)[2];
        span = (all[at].first, all[at].last);
        all.remove(at);
    });
    let found = findings(&settings);
    assert!(
        names(&found, What::RecordsRemoved, 2, span.0) && names(&found, What::RecordsRemoved, 2, span.1),
        "{found:#?}"
    );
    assert_eq!(found.iter().find(|one| one.what == What::RecordsRemoved).unwrap().records, Some(4));
}

/// In all copies of it that sled keeps: its checksum is all that tells, and its head says which numbers are meant.
#[test]
fn a_block_whose_bytes_were_changed_is_named() {
    for nth in [0, 2] {
        let (_dir, settings) = journal();
        let mut block = None;
        alter(&settings, |all| block = Some(all[of(all, 2, Lane::Reading)[nth]].clone()));
        let block = block.unwrap();
        let path = segment(&settings).join("db");
        let mut bytes = std::fs::read(&path).unwrap();
        let head = &block.bytes()[..42];
        let places: Vec<usize> = (0..bytes.len() - 100).filter(|at| bytes[*at..].starts_with(head)).collect();
        assert!(!places.is_empty());
        places.iter().for_each(|at| bytes[at + 95] ^= 1);
        std::fs::write(&path, bytes).unwrap();
        let found = findings(&settings);
        assert!(names(&found, What::BlockChanged, 2, block.first), "{nth}: {found:#?}");
        let named = found.iter().find(|one| one.what == What::BlockChanged).unwrap();
        assert_eq!((named.place.first, named.place.last), (block.first, block.last));
        assert_eq!(named.place.segment.as_deref(), Some(SEGMENT));
    }
}

#[test]
fn records_that_were_exchanged_or_are_there_twice_are_named() {
    let (_dir, settings) = journal();
    let mut seq = 0;
    alter(&settings, |all| {
        let at = of(all, 1, Lane::Reading)[1];
        let mut records = all[at].records().unwrap();
        seq = records[0].seq.0;
        let (a, b) = (records[0].body.clone(), records[1].body.clone());
        records[0] = Arc::new(Record { body: b, ..(*records[0]).clone() });
        records[1] = Arc::new(Record { body: a, ..(*records[1]).clone() });
        all[at] = rebuilt(&all[at], &records, all[at].before.unwrap());
    });
    // Both bodies are alike in kind and differ in value only.
    let found = findings(&settings);
    assert!(names(&found, What::RecordsChanged, 1, seq), "{found:#?}");

    let (_dir, settings) = journal();
    let mut doubled = 0;
    alter(&settings, |all| {
        let at = of(all, 1, Lane::Reading)[1];
        let records = all[at].records().unwrap();
        let before = all[at].before.unwrap().after(&records[..1]);
        doubled = records[1].seq.0;
        let again = rebuilt(&all[at], &records[1..], before);
        all.push(again);
    });
    let found = findings(&settings);
    assert!(names(&found, What::Doubled, 1, doubled), "{found:#?}");
}

/// With every link behind it made again, only a manifest tells: what it pins down cannot be made again without the key.
#[test]
fn what_is_relinked_to_the_end_is_found_by_a_manifest_only() {
    for (ordinal, epoch) in [(1, 0xa1), (2, 0xa2)] {
        for lane in [Lane::Event, Lane::Reading] {
            let (_dir, settings) = journal();
            let mut seq = 0;
            alter(&settings, |all| {
                let at = of(all, ordinal, lane)[3];
                let mut records = all[at].records().unwrap();
                seq = records[0].seq.0;
                records[0] = changed(&records[0]);
                all[at] = rebuilt(&all[at], &records, all[at].before.unwrap());
                relink(all, ordinal, lane, epoch);
            });
            let found = findings(&settings);
            assert!(found.iter().all(|one| one.what == What::ManifestDiffers), "{found:#?}");
            assert!(names(&found, What::ManifestDiffers, ordinal, seq), "{ordinal} {lane:?}: {found:#?}");
        }
    }
    // Behind the last manifest nothing on this machine pins it down.
    let (_dir, settings) = journal();
    alter(&settings, |all| {
        let at = of(all, 3, Lane::Reading)[3];
        let mut records = all[at].records().unwrap();
        records[0] = changed(&records[0]);
        all[at] = rebuilt(&all[at], &records, all[at].before.unwrap());
        relink(all, 3, Lane::Reading, 0xa3);
    });
    assert_eq!(findings(&settings), []);
}

#[test]
fn a_missing_end_a_missing_epoch_and_a_missing_beginning_are_named() {
    let (_dir, settings) = journal();
    alter(&settings, |all| drop(all.remove(*of(all, 2, Lane::Reading).last().unwrap())));
    let found = findings(&settings);
    assert!(names(&found, What::EndMissing, 2, 38), "{found:#?}");

    let (_dir, settings) = journal();
    alter(&settings, |all| all.retain(|one| one.ordinal != 2));
    let found = findings(&settings);
    assert!(
        found.iter().any(|one| one.what == What::EpochMissing && one.place.epoch == Some(Epoch(0xa2))),
        "{found:#?}"
    );

    let (_dir, settings) = journal();
    alter(&settings, |all| all.retain(|one| one.ordinal != 2 || one.lane != Lane::Reading || one.first > 20));
    assert!(names(&findings(&settings), What::RecordsRemoved, 2, 4));

    // The oldest of a lane is what retention drops: it is said, and no fault.
    let (_dir, settings) = journal();
    alter(&settings, |all| all.retain(|one| one.ordinal != 1 || one.lane != Lane::Reading || one.first > 20));
    let found = findings(&settings);
    assert!(
        names(&found, What::BeginningPurged, 1, 4) && !found.iter().any(|one| one.what.is_fault()),
        "{found:#?}"
    );
    alter(&settings, |all| all.retain(|one| one.ordinal != 1));
    assert!(!findings(&settings).iter().any(|one| one.what.is_fault()), "{:#?}", findings(&settings));
}

#[test]
fn a_stretch_that_retention_notes_to_have_dropped_is_no_fault_and_one_that_it_does_not_is() {
    let (_dir, settings) = journal();
    let is_gone =
        |one: &Frame| one.ordinal == 2 && one.lane == Lane::Reading && (10..=26).contains(&one.first);
    let mut gone = Vec::new();
    alter(&settings, |all| {
        gone = all.iter().filter(|one| is_gone(one)).cloned().collect();
        all.retain(|one| !is_gone(one));
    });
    let found = findings(&settings);
    assert!(names(&found, What::RecordsRemoved, 2, gone[0].first), "{found:#?}");
    let (first, last) = (gone[0].first, gone[gone.len() - 1].last);
    let mut count = Count::default();
    gone.iter().for_each(|one| count += one.count);
    let note = |count| {
        let mut purges = Purges::default();
        purges.note((Lane::Reading, 2), Stretch::new((first, last), count), |_, _| true);
        purges.save(&settings.dir, &disk()).unwrap();
        findings(&settings)
    };
    let found = note(count);
    assert!(
        names(&found, What::StretchPurged, 2, first) && !found.iter().any(|one| one.what.is_fault()),
        "{found:#?}"
    );
    let found = note(Count { records: count.records - 1, ..count });
    assert!(names(&found, What::RecordsRemoved, 2, first), "the note does not explain all: {found:#?}");
}

#[test]
fn whoever_cuts_off_the_end_with_its_manifest_is_found_by_the_name_that_the_journal_keeps() {
    let (_dir, settings) = journal();
    alter(&settings, |all| all.retain(|one| one.ordinal != 3));
    let found = findings(&settings);
    assert!(found.iter().any(|one| one.what == What::ManifestMissing), "{found:#?}");
    // Who knows of that file too leaves nothing here that tells; the platform has the manifest.
    let name = Folder::open(&settings.dir).unwrap();
    let said = super::said::Said::of(&name).unwrap();
    let last = super::manifest::name(&said.manifests.last().unwrap().manifest.text);
    slot::write_whole(&settings.dir.join("manifest"), last.as_bytes(), &disk()).unwrap();
    assert_eq!(seal::last(&settings.dir), Some(last));
    assert!(!findings(&settings).iter().any(|one| one.what.is_fault()), "{:#?}", findings(&settings));
}

#[test]
fn a_manifest_that_was_changed_or_signed_by_somebody_else_is_named() {
    let forged = |sign: fn(&mut Manifest, &Path)| {
        let (dir, settings) = journal();
        alter(&settings, |all| {
            let at = of(all, 3, Lane::Event)[1];
            let mut records = all[at].records().unwrap();
            let Body::Manifest(manifest) = &records[0].body else { panic!("no manifest") };
            let mut manifest = (**manifest).clone();
            sign(&mut manifest, dir.path());
            records[0] = record(records[0].seq.0, Body::Manifest(Box::new(manifest)));
            all[at] = rebuilt(&all[at], &records, all[at].before.unwrap());
            relink(all, 3, Lane::Event, 0xa3);
        });
        findings(&settings)
    };
    let found = forged(|manifest, _| manifest.text = manifest.text.replace("GW-1", "GW-2"));
    assert!(names(&found, What::ManifestForged, 3, 2), "{found:#?}");
    let found = forged(|manifest, dir| {
        let key = Key::take(&dir.join("other.key")).unwrap();
        manifest.signature = super::key::to_hex(&key.sign(manifest.text.as_bytes()));
        manifest.key = key.public().hex();
    });
    assert!(names(&found, What::ManifestForeign, 3, 2), "{found:#?}");
    let found =
        forged(|manifest, _| *manifest = Manifest { text: manifest.text.clone(), ..Manifest::default() });
    assert!(names(&found, What::ManifestUnsigned, 3, 2), "{found:#?}");
}

/// A record may for a moment be in a hot segment and in an archive of its lane.
#[test]
fn an_archive_beside_the_hot_segment_that_it_was_packed_from_is_no_fault() {
    let (_dir, settings) = journal();
    let pairs = Segment::pairs_of(&segment(&settings), Lane::Reading).unwrap();
    let hot: Vec<Frame> = pairs.iter().map(|(_, value)| Frame::parse(value).unwrap()).collect();
    let archive = |number: u64, packed: &[Frame]| {
        let mut fresh = Segment::create(&settings.dir.join(format!("arc-r-{number:010}")), &disk()).unwrap();
        fresh.insert(packed).unwrap();
        fresh.seal().unwrap();
    };
    let packed = |ordinal: u64, epoch| {
        let records: Vec<_> =
            hot.iter().filter(|one| one.ordinal == ordinal).flat_map(|one| one.records().unwrap()).collect();
        frames(ordinal, &records, &mut origins(Epoch(epoch)))
    };
    archive(1, &[packed(1, 0xa1), packed(2, 0xa2)].concat());
    assert_eq!(findings(&settings), []);
    alter(&settings, |all| all.retain(|one| one.lane == Lane::Event || one.ordinal == 3));
    assert_eq!(findings(&settings), []);
    // What the archive says differently is found.
    std::fs::remove_dir_all(settings.dir.join("arc-r-0000000001")).unwrap();
    let mut second = packed(2, 0xa2);
    let mut records = second[0].records().unwrap();
    records[5] = changed(&records[5]);
    second[0] = rebuilt(&second[0], &records, second[0].before.unwrap());
    archive(1, &[packed(1, 0xa1), second].concat());
    assert!(names(&findings(&settings), What::ManifestDiffers, 2, records[5].seq.0));
}

#[test]
fn one_byte_anywhere_in_the_main_file_is_noticed_or_changes_no_record() {
    let (_dir, settings) = journal();
    let path = segment(&settings).join("db");
    let sound = std::fs::read(&path).unwrap();
    let whole = Folder::open(&settings.dir).unwrap();
    let links = |folder: &Folder| -> Vec<Option<Mark>> {
        verify(folder, &Against::default()).unwrap().lanes.iter().map(|sum| sum.mark).collect()
    };
    let expected = links(&whole);
    let (mut noticed, step) = (0, (sound.len() / 60) | 1);
    std::panic::set_hook(Box::new(|_| {}));
    for at in (0..sound.len()).step_by(step) {
        let mut bytes = sound.clone();
        bytes[at] ^= 0x20;
        std::fs::write(&path, &bytes).unwrap();
        let folder = Folder::open(&settings.dir).unwrap();
        let verdict = verify(&folder, &Against::default());
        match verdict {
            Ok(verdict) if verdict.is_whole() => assert_eq!(links(&folder), expected, "byte {at}"),
            Ok(_) | Err(_) => noticed += 1,
        }
    }
    drop(std::panic::take_hook());
    std::fs::write(&path, &sound).unwrap();
    assert!(noticed > 0);
    assert_eq!(findings(&settings), []);
}
