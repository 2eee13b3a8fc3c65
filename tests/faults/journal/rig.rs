//! A journal with everything it reported, and the questions that the tests ask it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use hazard_agent::clock::RunClock;
use hazard_agent::dictionary::Dictionary;
use hazard_agent::journal::{Header, JournalHandle, JournalStatus, Kernel, Order, Report, Syncs, spawn_on};
use hazard_agent::settings::Journal;
use hazard_core::id::{Epoch, PointId, Seq, UplinkId};
use hazard_core::input::{JournalReport, PastEpoch};
use hazard_core::outbox::record::{Body, Manifest, PreviousEpoch};
use hazard_core::outbox::{AckedSet, Lane, Record};
use hazard_core::reading::{Quantity, Reading, Sample};
use hazard_core::{ClockTrust, Stamp, Utc, Value};

use super::made::{made, mix};

const PATIENCE: Duration = Duration::from_secs(60);

/// What `Opened` says.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) epoch: Epoch,
    pub(super) ordinal: u64,
    pub(super) previous: Vec<PreviousEpoch>,
    pub(super) past: Vec<PastEpoch>,
}

pub(super) struct Rig {
    pub(super) epoch: Epoch,
    handle: JournalHandle,
    reports: Receiver<Report>,
    pub(super) dictionaries: Vec<(Epoch, Arc<Dictionary>)>,
    pub(super) clocks: Vec<Option<RunClock>>,
    pub(super) status: Option<JournalStatus>,
    /// What was said to be purged or damaged.
    pub(super) gone: Vec<JournalReport>,
    /// What was asked for and cannot be read any more.
    pub(super) holes: Vec<(Seq, Seq, u64)>,
}

/// Settings under which nothing is committed by time and nothing is dropped.
pub(super) fn settings(dir: &Path) -> Journal {
    Journal {
        dir: dir.to_owned(),
        commit_within: Duration::from_secs(3_600),
        quota_bytes: 1 << 30,
        keep: Duration::from_secs(1 << 32),
        keep_events: Duration::from_secs(1 << 32),
        seal: None,
    }
}

pub(super) fn header(epoch: u64) -> Header {
    let dictionary = Dictionary { config_hash: format!("hash of {epoch}"), ..Dictionary::default() };
    Header { epoch: Epoch(epoch), dictionary: Arc::new(dictionary) }
}

impl Rig {
    pub(super) fn start(dir: &Path, epoch: u64) -> Self {
        Self::start_with(settings(dir), &[], epoch)
    }

    pub(super) fn start_with(settings: Journal, uplinks: &[&str], epoch: u64) -> Self {
        Self::start_on(Arc::new(Kernel), settings, uplinks, epoch)
    }

    pub(super) fn start_on(disk: Arc<dyn Syncs>, settings: Journal, uplinks: &[&str], epoch: u64) -> Self {
        let (sender, reports) = channel();
        let uplinks = uplinks.iter().map(|&name| name.to_owned()).collect();
        let handle = spawn_on(disk, (settings, uplinks), header(epoch), move |report| {
            let _ = sender.send(report);
        });
        let (dictionaries, clocks, status) = (Vec::new(), Vec::new(), None);
        let (epoch, handle, gone, holes) = (Epoch(epoch), handle.unwrap(), Vec::new(), Vec::new());
        Self { epoch, handle, reports, dictionaries, clocks, status, gone, holes }
    }

    pub(super) fn next(&mut self) -> JournalReport {
        self.next_within(PATIENCE).expect("no report within a minute")
    }

    pub(super) fn next_within(&mut self, limit: Duration) -> Option<JournalReport> {
        loop {
            match self.reports.recv_timeout(limit).ok()? {
                Report::Core(report @ (JournalReport::Purged { .. } | JournalReport::Damaged { .. })) => {
                    self.gone.push(report);
                }
                Report::Core(report) => return Some(report),
                Report::Dictionary { epoch, dictionary, clock, .. } => {
                    self.dictionaries.push((epoch, dictionary));
                    self.clocks.push(clock);
                }
                Report::Status(status) => self.status = Some(status),
            }
        }
    }

    pub(super) fn opened(&mut self) -> Opened {
        match self.next() {
            JournalReport::Opened { epoch, ordinal, previous, past } => {
                self.epoch = epoch;
                Opened { epoch, ordinal, previous, past }
            }
            other => panic!("expected Opened, got {other:?}"),
        }
    }

    pub(super) fn failed(&mut self) {
        let report = self.next();
        assert!(matches!(report, JournalReport::Failed), "expected Failed, got {report:?}");
    }

    pub(super) fn durable(&mut self, seq: u64) {
        loop {
            match self.next() {
                JournalReport::Durable { through } if through.0 >= seq => return,
                JournalReport::Durable { .. } | JournalReport::Manifest(_) => {}
                other => panic!("expected Durable, got {other:?}"),
            }
        }
    }

    pub(super) fn manifest(&mut self) -> Manifest {
        match self.next() {
            JournalReport::Manifest(manifest) => manifest,
            other => panic!("expected a manifest, got {other:?}"),
        }
    }

    pub(super) fn order(&self, mut order: Order) {
        while let Err(full) = self.handle.try_order(order) {
            order = full.0;
            std::thread::yield_now();
        }
    }

    pub(super) fn append(&self, seqs: std::ops::RangeInclusive<u64>, urgent: bool) {
        let epoch = self.epoch;
        let records = seqs.map(|seq| made(epoch, seq)).collect();
        self.order(Order::Append { epoch, records, urgent });
    }

    /// Appends the numbers in handfuls and waits until all are durable.
    pub(super) fn fill(&mut self, seqs: std::ops::RangeInclusive<u64>) {
        let (mut first, last) = (*seqs.start(), *seqs.end());
        while first <= last {
            let end = last.min(first + 999);
            self.append(first..=end, end == last);
            first = end + 1;
        }
        self.durable(last);
    }

    pub(super) fn save_cursor(&self, uplink: u8, epoch: u64, acked: [AckedSet; 2]) {
        self.order(Order::SaveCursor { uplink: UplinkId(uplink), epoch: Epoch(epoch), acked });
    }

    /// One answer to one question.
    pub(super) fn fetch_once(
        &mut self,
        (epoch, lane): (Epoch, Lane),
        (first, last): (u64, u64),
        records_max: u16,
    ) -> (u64, Vec<Arc<Record>>) {
        let uplink = UplinkId(0);
        let (first, last) = (Seq(first), Seq(last));
        self.order(Order::Fetch { uplink, epoch, lane, first, last, records_max });
        loop {
            match self.next() {
                JournalReport::Fetched { through, records, damaged, .. } => {
                    self.holes.extend(damaged);
                    return (through.0, records);
                }
                JournalReport::Durable { .. } => {}
                other => panic!("expected Fetched, got {other:?}"),
            }
        }
    }

    /// Gives the journal time until something is so.
    pub(super) fn wait_until(&mut self, mut is_so: impl FnMut(&mut Self) -> bool) {
        let limit = Instant::now() + PATIENCE;
        while !is_so(self) {
            assert!(Instant::now() < limit, "it was never so");
            // One question at a time leaves the journal its pauses.
            self.fetch_once((Epoch(u64::MAX), Lane::Event), (1, 1), 1);
            self.next_within(Duration::from_millis(5));
        }
    }

    /// Asks until what comes back is right.
    pub(super) fn fetch_until(
        &mut self,
        (epoch, lane): (Epoch, Lane),
        (first, last): (u64, u64),
        is_right: impl Fn(&[Arc<Record>]) -> bool,
    ) -> Vec<Arc<Record>> {
        let limit = Instant::now() + PATIENCE;
        loop {
            let (_, records) = self.fetch_once((epoch, lane), (first, last), 9_999);
            if is_right(&records) {
                return records;
            }
            assert!(Instant::now() < limit, "{} records and not the right ones", records.len());
        }
    }

    /// All records of both lanes with numbers from `first` to `last`, in order, asked for in pages.
    pub(super) fn fetch_all(&mut self, epoch: Epoch, first: u64, last: u64) -> Vec<Arc<Record>> {
        let mut all = self.fetch_lane((epoch, Lane::Event), first, last);
        all.extend(self.fetch_lane((epoch, Lane::Reading), first, last));
        all.sort_by_key(|record| record.seq);
        all
    }

    /// The same of one lane.
    pub(super) fn fetch_lane(&mut self, of: (Epoch, Lane), first: u64, last: u64) -> Vec<Arc<Record>> {
        let (mut all, mut from) = (Vec::new(), first);
        while from <= last {
            let (through, records) = self.fetch_once(of, (from, last), 997);
            all.extend(records);
            from = through + 1;
        }
        all
    }

    /// Asserts that exactly the numbers from 1 to `last` are there, as they were made.
    pub(super) fn holds(&mut self, epoch: Epoch, last: u64) {
        let records = self.fetch_all(epoch, 1, last);
        assert_eq!(records.len() as u64, last, "records are missing");
        for (record, seq) in records.iter().zip(1..) {
            assert_eq!(*record, made(epoch, seq));
        }
    }

    pub(super) fn close(self) {
        self.handle.close();
    }
}

/// A record of `readings` numbers that hardly compress, `seq` seconds after some day.
pub(super) fn noise(seq: u64, readings: u64) -> Arc<Record> {
    let reading = |n: u64| Reading {
        point: PointId(n as u32),
        sample: Sample::Good(Quantity::Number(Value::try_new(mix(seq ^ n << 32) as f64).unwrap())),
    };
    let utc = Utc::from_unix_ms(1_700_000_000_000 + seq as i64 * 1_000);
    let stamp = Stamp { utc, trust: ClockTrust::Synced, ..Stamp::default() };
    let body = Body::Readings((0..readings).map(reading).collect());
    Arc::new(Record { seq: Seq(seq), stamp, body })
}

/// The folders and files of a journal whose names begin with `prefix`.
pub(super) fn named(dir: &Path, prefix: &str) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with(prefix))
        .collect();
    paths.sort();
    paths
}

/// The main file of the only segment.
pub(super) fn only_db(dir: &Path) -> PathBuf {
    let segments = named(dir, "seg-");
    assert_eq!(segments.len(), 1, "{segments:?}");
    segments[0].join("db")
}
