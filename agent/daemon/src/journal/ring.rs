//! The segments in a folder: one is written to, older ones are read on demand, the oldest are dropped whole.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hazard_core::outbox::{Lane, Record};

use super::chain::Mark;
use super::disk::{Disk, Fault, is_full, synced};
use super::frame::{Effort, Frame, frames};
use super::index::Index;
use super::quarantine::{self, Aside};
use super::segment::Segment;

/// A segment is closed beyond this, or earlier where the quota is small.
const SEGMENT_BYTES: u64 = 32 << 20;
const SEGMENT_BYTES_MIN: u64 = 1 << 20;

/// Closed segments that stay open for reading.
const OPENED_MAX: usize = 2;

/// Whether the segment that was written to last can be believed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Tail {
    /// Unless opening it shows otherwise.
    Trusted,
    /// Its last write failed: what its file holds goes into another one.
    Distrusted,
}

/// When the oldest segments go.
#[derive(Clone, Copy, Debug)]
pub(super) struct Retention {
    pub(super) quota_bytes: u64,
    pub(super) keep_ms: i64,
}

/// The ring of segments.
pub(super) struct Ring {
    dir: PathBuf,
    disk: Disk,
    retention: Retention,
    number: u64,
    tail: Segment,
    sealed: BTreeMap<u64, Index>,
    opened: VecDeque<(u64, Segment)>,
    /// Latest stamp of a confirmed clock; age is measured against it, never against the wall clock.
    confirmed_ms: Option<i64>,
}

impl Ring {
    /// Opens the segments of `dir`; `ordinal` names what has to be set aside.
    pub(super) fn open(
        dir: &Path,
        disk: &Disk,
        retention: Retention,
        (tail, ordinal): (Tail, u64),
    ) -> Result<Self, Fault> {
        quarantine::sweep(dir)?;
        let aside = Aside { dir, disk, ordinal };
        aside.finish()?;
        let mut sealed = BTreeMap::new();
        let mut last = None;
        let numbers = numbers(dir)?;
        for &number in &numbers {
            let known = Segment::read_index(&folder(dir, number)).filter(|index| index.sealed);
            match known {
                Some(index) => drop(sealed.insert(number, index)),
                None if Some(&number) == numbers.last() => {
                    last = open_tail(&aside, number, tail)?;
                }
                None => sealed.extend(reseal(&aside, number)?.map(|index| (number, index))),
            }
        }
        let number = numbers.last().copied().unwrap_or(0).max(quarantine::highest_number(dir)) + 1;
        let (number, tail) = match last {
            Some(Reopened::Writable(number, tail)) => (number, *tail),
            Some(Reopened::Sealed(salvaged, index)) => {
                sealed.insert(salvaged, index);
                (number, Segment::create_in(dir, number, disk)?)
            }
            None => (number, Segment::create_in(dir, number, disk)?),
        };
        let (dir, disk) = (dir.to_owned(), Arc::clone(disk));
        let opened = VecDeque::new();
        let mut ring = Self { dir, disk, retention, number, tail, sealed, opened, confirmed_ms: None };
        ring.retain()?;
        Ok(ring)
    }

    /// Writes an epoch's records; they are not durable before [`Self::commit`].
    pub(super) fn append(
        &mut self,
        ordinal: u64,
        records: &[Arc<Record>],
        marks: &mut [Mark; 2],
    ) -> Result<(), Fault> {
        for record in records {
            self.tail.index.stamp(record);
            if record.stamp.trust == hazard_core::ClockTrust::Synced {
                self.confirmed_ms = self.confirmed_ms.max(Some(record.stamp.utc.unix_ms()));
            }
        }
        self.tail.insert(&frames(ordinal, records, marks, Effort::Quick))
    }

    /// Makes everything written durable.
    pub(super) fn commit(&mut self) -> Result<(), Fault> {
        self.tail.commit()
    }

    /// Closes a full segment and drops what is too old or too much; whether anything changed.
    pub(super) fn turn(&mut self) -> Result<Turned, Fault> {
        let limit = (self.retention.quota_bytes / 4).clamp(SEGMENT_BYTES_MIN, SEGMENT_BYTES);
        let is_due = self.tail.index.bytes >= limit;
        if is_due {
            self.roll()?;
        }
        let dropped = self.retain()?;
        Ok(if is_due || dropped { Turned::Yes } else { Turned::No })
    }

    /// Saves the index of the segment that is written to.
    pub(super) fn settle(&mut self) -> Result<(), Fault> {
        self.tail.save_index()
    }

    /// The records of `lane` and `ordinal` with numbers in `wanted`, the first `records_max` of them.
    pub(super) fn fetch(
        &mut self,
        of: (Lane, u64),
        wanted: &RangeInclusive<u64>,
        records_max: usize,
    ) -> Result<Vec<Arc<Record>>, Fault> {
        let mut records = Vec::new();
        let holds = |index: &Index| {
            index.span(of.0, of.1).is_some_and(|(a, b)| a <= *wanted.end() && b >= *wanted.start())
        };
        let candidates: Vec<u64> =
            self.sealed.iter().filter(|(_, index)| holds(index)).map(|(n, _)| *n).collect();
        for number in candidates {
            if records.len() >= records_max {
                return Ok(records);
            }
            self.fetch_sealed(number, of, wanted, (&mut records, records_max))?;
        }
        if holds(&self.tail.index) {
            self.tail.fetch(of, wanted, (&mut records, records_max))?;
        }
        Ok(records)
    }

    /// The block with the highest numbers of `lane` and `ordinal`.
    pub(super) fn last_block(&mut self, lane: Lane, ordinal: u64) -> Result<Option<Frame>, Fault> {
        let last = |index: &Index| index.span(lane, ordinal).map(|(_, last)| last);
        let sealed = self.sealed.iter().filter_map(|(number, index)| Some((last(index)?, *number))).max();
        match (sealed, last(&self.tail.index)) {
            (Some((end, number)), tail) if tail.is_none_or(|tail| tail < end) => {
                self.opened(number)?.last_block(lane, ordinal)
            }
            _ => self.tail.last_block(lane, ordinal),
        }
    }

    /// First and last number of an epoch's lane over all segments.
    pub(super) fn span(&self, lane: Lane, ordinal: u64) -> Option<(u64, u64)> {
        let spans = self.indexes().filter_map(|index| index.span(lane, ordinal));
        spans.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
    }

    /// The epochs of which any segment holds records.
    pub(super) fn ordinals(&self) -> BTreeSet<u64> {
        self.indexes().flat_map(Index::ordinals).collect()
    }

    /// Bytes on disk, what was set aside included.
    pub(super) fn bytes(&self) -> u64 {
        self.indexes().map(|index| index.bytes).sum::<u64>() + quarantine::bytes(&self.dir)
    }

    /// How many segments there are.
    pub(super) fn segments(&self) -> usize {
        self.sealed.len() + 1
    }

    /// The earliest plausible stamp.
    pub(super) fn oldest_ms(&self) -> Option<i64> {
        self.indexes().filter_map(Index::oldest_ms).min()
    }

    fn indexes(&self) -> impl Iterator<Item = &Index> {
        self.sealed.values().chain([&self.tail.index])
    }

    fn roll(&mut self) -> Result<(), Fault> {
        let next = self.number + 1;
        let fresh = Segment::create_in(&self.dir, next, &self.disk)?;
        let full = std::mem::replace(&mut self.tail, fresh);
        let number = std::mem::replace(&mut self.number, next);
        self.sealed.insert(number, full.seal()?);
        Ok(())
    }

    /// A damaged closed segment does not stop the journal: it is set aside and its whole blocks are read.
    fn fetch_sealed(
        &mut self,
        number: u64,
        of: (Lane, u64),
        wanted: &RangeInclusive<u64>,
        (records, records_max): (&mut Vec<Arc<Record>>, usize),
    ) -> Result<(), Fault> {
        let had = records.len();
        let read = self.opened(number).and_then(|segment| segment.fetch(of, wanted, (records, records_max)));
        let Err(Fault::Broken(reason)) = read else { return read };
        records.truncate(had);
        self.opened.retain(|(open, _)| *open != number);
        self.sealed.remove(&number);
        let aside = Aside { dir: &self.dir, disk: &self.disk, ordinal: of.1 };
        let Some(index) = aside.replace(number, &reason)? else { return Ok(()) };
        self.sealed.insert(number, index);
        self.opened(number)?.fetch(of, wanted, (records, records_max))
    }

    fn opened(&mut self, number: u64) -> Result<&Segment, Fault> {
        let position = self.opened.iter().position(|(open, _)| *open == number);
        let open = match position.and_then(|at| self.opened.remove(at)) {
            Some(open) => open,
            None => {
                while self.opened.len() >= OPENED_MAX {
                    self.opened.pop_front();
                }
                (number, Segment::open(&folder(&self.dir, number), &self.disk)?)
            }
        };
        self.opened.push_back(open);
        self.opened
            .back()
            .map(|(_, segment)| segment)
            .ok_or_else(|| Fault::Broken("no segment is open".to_owned()))
    }

    fn retain(&mut self) -> Result<bool, Fault> {
        let mut total = self.bytes();
        let mut dropped = false;
        while total > self.retention.quota_bytes && quarantine::drop_oldest(&self.dir)? {
            (total, dropped) = (self.bytes(), true);
        }
        while let Some((&number, index)) = self.sealed.first_key_value() {
            // The end of the epoch before is only known while its last records are here.
            let is_last = self.sealed.len() == 1 && self.tail.index.is_empty();
            if is_last || !(total > self.retention.quota_bytes || self.is_old(index)) {
                break;
            }
            self.opened.retain(|(open, _)| *open != number);
            remove(&self.dir, number, &self.disk)?;
            self.sealed.remove(&number);
            (total, dropped) = (self.bytes(), true);
        }
        Ok(dropped)
    }

    fn is_old(&self, index: &Index) -> bool {
        match (self.confirmed_ms, index.youngest_ms()) {
            (Some(confirmed), Some(youngest)) => confirmed.saturating_sub(youngest) > self.retention.keep_ms,
            (None, _) | (_, None) => false,
        }
    }
}

/// Whether the set of segments changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Turned {
    /// A segment was closed or dropped.
    Yes,
    /// All stayed.
    No,
}

enum Reopened {
    Writable(u64, Box<Segment>),
    Sealed(u64, Index),
}

impl Segment {
    fn create_in(dir: &Path, number: u64, disk: &Disk) -> Result<Self, Fault> {
        let path = folder(dir, number);
        Self::create(&path, disk).inspect_err(|_| {
            // Half a segment would be taken for a damaged one at the next start.
            let _ = std::fs::remove_dir_all(&path);
        })
    }
}

fn open_tail(aside: &Aside<'_>, number: u64, tail: Tail) -> Result<Option<Reopened>, Fault> {
    let opened = match tail {
        Tail::Trusted => Segment::open(&folder(aside.dir, number), aside.disk),
        Tail::Distrusted => Err(Fault::Broken("its last write failed".to_owned())),
    };
    match opened {
        Ok(segment) => Ok(Some(Reopened::Writable(number, Box::new(segment)))),
        Err(Fault::Broken(reason)) if tail == Tail::Distrusted || !is_full(aside.dir) => {
            Ok(aside.replace(number, &reason)?.map(|index| Reopened::Sealed(number, index)))
        }
        Err(Fault::Refused(reason) | Fault::Broken(reason)) => Err(Fault::Refused(reason)),
    }
}

/// A closed segment whose index is missing: opened, indexed and closed again.
fn reseal(aside: &Aside<'_>, number: u64) -> Result<Option<Index>, Fault> {
    let sealed = Segment::open(&folder(aside.dir, number), aside.disk).and_then(Segment::seal);
    match sealed {
        Err(Fault::Broken(reason)) if !is_full(aside.dir) => aside.replace(number, &reason),
        sealed => sealed.map(Some),
    }
}

fn remove(dir: &Path, number: u64, disk: &Disk) -> Result<(), Fault> {
    let doomed = dir.join(format!("rm-{number:010}"));
    std::fs::rename(folder(dir, number), &doomed)?;
    synced(disk.folder(dir))?;
    Ok(std::fs::remove_dir_all(&doomed)?)
}

/// The folder of a segment.
pub(super) fn folder(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("seg-{number:010}"))
}

fn numbers(dir: &Path) -> Result<Vec<u64>, Fault> {
    let mut numbers: Vec<u64> = std::fs::read_dir(dir)?
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.strip_prefix("seg-")?.parse().ok())
        .collect();
    numbers.sort_unstable();
    Ok(numbers)
}
