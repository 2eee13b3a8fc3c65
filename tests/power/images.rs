//! One scripted life, and the disk as a power cut at each of its syncs would leave it: every one opens and holds all that had
//! been called durable by then.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use hazard_agent::journal::{JournalHandle, Order, Report, spawn_on};
use hazard_agent::settings::Journal;
use hazard_core::id::{Epoch, Seq, UplinkId};
use hazard_core::input::JournalReport;
use hazard_core::outbox::{AckedSet, Lane};

use super::recorder::{Cut, Recorder};
use super::rig::{Rig, header, noise, settings};

/// Segments of two megabytes, of which the script fills more than one and drops none.
const QUOTA_BYTES: u64 = 8 << 20;
const READINGS: u64 = 100;

/// The last number that each epoch called durable.
type Promised = Arc<Mutex<BTreeMap<u64, u64>>>;

#[test]
fn the_disk_at_every_sync_of_a_life_holds_what_was_durable_by_then() {
    let dir = tempfile::tempdir().unwrap();
    let promised = Promised::default();
    // The journal waits at its sync until the one before has been looked at.
    let (shown, cuts) = sync_channel(0);
    let seen = Arc::clone(&promised);
    let witness = move |cut| {
        let promised = seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
        drop(shown.send((cut, promised)));
    };
    let checker = std::thread::spawn(move || check(cuts));
    let recorder = Arc::new(Recorder::watched(Box::new(witness)));
    let settings = Journal { quota_bytes: QUOTA_BYTES, ..settings(dir.path()) };
    live(&recorder, &settings, &promised);
    drop(recorder);
    let (syncs, rolled) = checker.join().unwrap();
    println!("{syncs} syncs, {rolled} of them with more than one segment");
    assert!(syncs >= 40 && rolled >= 10, "{syncs} {rolled}: the script shows too little");
}

/// Begins, writes, fills a segment, reads back, saves cursors, begins anew, ends, comes back, and opens again in place.
fn live(recorder: &Arc<Recorder>, settings: &Journal, promised: &Promised) {
    let mut script = Script::open((recorder, settings, promised), 1);
    (1..=5).for_each(|seq| script.write(seq, seq));
    script.write(6, 700);
    script.cursor(300);
    script.write(701, 1_300);
    script.order(Order::Fetch {
        uplink: UplinkId(0),
        epoch: Epoch(1),
        lane: Lane::Reading,
        first: Seq(1),
        last: Seq(1_300),
        records_max: 9_999,
    });
    (1_301..=1_305).for_each(|seq| script.write(seq, seq));
    script.order(Order::Begin(header(2)));
    script.epoch(2);
    (1..=5).for_each(|seq| script.write(seq, seq));
    script.cursor(4);
    script.journal.close();

    let mut script = Script::open((recorder, settings, promised), 3);
    (1..=3).for_each(|seq| script.write(seq, seq));
    script.order(Order::Reopen(header(4)));
    script.epoch(4);
    script.write(1, 600);
    (601..=603).for_each(|seq| script.write(seq, seq));
    script.journal.close();
}

struct Script {
    journal: JournalHandle,
    reports: Receiver<JournalReport>,
    promised: Promised,
    /// As the reports' side knows it: `Opened` names it before any `Durable` of it.
    epoch: u64,
}

impl Script {
    fn open((recorder, settings, promised): (&Arc<Recorder>, &Journal, &Promised), epoch: u64) -> Self {
        let disk: Arc<Recorder> = Arc::clone(recorder);
        let (place, told) = ((settings.clone(), vec!["a".to_owned()]), Arc::clone(promised));
        let (sender, reports) = channel();
        let current = Mutex::new(epoch);
        let journal = spawn_on(disk, place, header(epoch), move |report| {
            let Report::Core(report) = report else { return };
            let mut current = current.lock().unwrap();
            match &report {
                JournalReport::Opened { epoch, .. } => *current = epoch.0,
                JournalReport::Durable { through } => drop(told.lock().unwrap().insert(*current, through.0)),
                JournalReport::Fetched { .. }
                | JournalReport::Located { .. }
                | JournalReport::Manifest(_)
                | JournalReport::Purged { .. }
                | JournalReport::Damaged { .. }
                | JournalReport::Failed => {}
            }
            drop(sender.send(report));
        });
        let mut script = Self { journal: journal.unwrap(), reports, promised: Arc::clone(promised), epoch };
        script.epoch(epoch);
        script
    }

    /// Waits until the epoch has begun.
    fn epoch(&mut self, epoch: u64) {
        self.epoch = epoch;
        self.until(
            |report| matches!(report, JournalReport::Opened { epoch: opened, .. } if opened.0 == epoch),
        );
    }

    /// Writes the numbers and waits until they are durable.
    fn write(&mut self, first: u64, last: u64) {
        let records = (first..=last).map(|seq| noise(seq, READINGS)).collect();
        self.order(Order::Append { epoch: Epoch(self.epoch), records, urgent: true });
        self.until(|report| matches!(report, JournalReport::Durable { through } if through.0 == last));
        assert_eq!(self.promised.lock().unwrap().get(&self.epoch), Some(&last));
    }

    fn cursor(&self, through: u64) {
        let acked = AckedSet::from_ranges(&[(1, through)]);
        let epoch = Epoch(self.epoch);
        self.order(Order::SaveCursor { uplink: UplinkId(0), epoch, acked: [acked.clone(), acked] });
    }

    fn order(&self, order: Order) {
        self.journal.try_order(order).unwrap();
    }

    fn until(&self, is_it: impl Fn(&JournalReport) -> bool) {
        loop {
            let report = self.reports.recv().expect("the journal lives");
            assert!(!matches!(report, JournalReport::Failed));
            if is_it(&report) {
                return;
            }
        }
    }
}

/// Looks at each image, with and without some of the pages that nobody had synced; how many there were, and how many with
/// more than one segment.
fn check(cuts: Receiver<(Cut, BTreeMap<u64, u64>)>) -> (u64, u64) {
    let (mut syncs, mut rolled) = (0, 0);
    for (cut, promised) in cuts {
        syncs += 1;
        for torn in [None, Some(syncs)] {
            let dir = tempfile::tempdir().unwrap();
            cut.lay_out(dir.path(), torn);
            let settings = Journal { quota_bytes: QUOTA_BYTES, ..settings(dir.path()) };
            let mut rig = Rig::start_with(settings, &["a"], 1_000 + syncs);
            rig.opened();
            for (epoch, last) in &promised {
                let records = rig.fetch_lane((Epoch(*epoch), Lane::Reading), 1, *last);
                assert_eq!(records.len() as u64, *last, "sync {syncs}, {torn:?}: epoch {epoch}");
                for (record, seq) in records.iter().zip(1..) {
                    assert_eq!(*record, noise(seq, READINGS), "sync {syncs}, {torn:?}: epoch {epoch}");
                }
            }
            rig.fill(1..=5);
            rolled += u64::from(torn.is_none() && rig.status.unwrap().segments > 1);
            rig.close();
        }
    }
    (syncs, rolled)
}
