//! The disk and the journal on it: what was reported durable survives a power cut, what was not may be gone, and a broken
//! store is set aside with everything in it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use hazard_core::Utc;
use hazard_core::id::{Epoch, Seq, UplinkId};
use hazard_core::input::{JournalReport, PastEpoch};
use hazard_core::outbox::record::{Chain, Opening, PreviousEpoch};
use hazard_core::outbox::{AckedSet, Lane, Record};

use super::site::UPLINKS;
use crate::rng::Rng;

#[derive(Clone, Debug)]
struct Chapter {
    epoch: Epoch,
    records: BTreeMap<Seq, Arc<Record>>,
    cursors: Vec<[AckedSet; 2]>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Health {
    Fine,
    /// Writes fail until this many attempts to reopen have failed too; what is stored stays.
    Full(u32),
    /// Nothing on it can be read any more.
    Broken,
}

#[derive(Clone, Debug)]
pub(super) struct Disk {
    chapters: Vec<Chapter>,
    ordinal: u64,
    unsynced: Vec<Arc<Record>>,
    health: Health,
    failed: bool,
    slow: bool,
    /// Counts openings: what an earlier one had under way never reports.
    opening: u64,
}

impl Disk {
    pub(super) fn new(_epoch: Epoch) -> Self {
        Self {
            chapters: Vec::new(),
            ordinal: 0,
            unsynced: Vec::new(),
            health: Health::Fine,
            failed: false,
            slow: false,
            opening: 0,
        }
    }

    pub(super) const fn opening(&self) -> u64 {
        self.opening
    }

    /// Opens the store for `epoch`: at a start, or again after it failed.
    pub(super) fn reopen(&mut self, epoch: Epoch) -> (Duration, JournalReport) {
        let delay = Duration::from_millis(if self.slow { 5_000 } else { 120 });
        self.unsynced.clear();
        self.opening += 1;
        match self.health {
            Health::Full(0) | Health::Fine => {}
            Health::Full(times) => {
                self.health = Health::Full(times - 1);
                return (delay, JournalReport::Failed);
            }
            Health::Broken => self.chapters.clear(),
        }
        self.health = Health::Fine;
        self.failed = false;
        let before = self.chapters.iter().rev().map(|chapter| {
            let durable_through = chapter.records.keys().next_back().copied().unwrap_or_default();
            let first = chapter.records.get(&Seq(1)).map(Arc::as_ref);
            (PreviousEpoch { epoch: chapter.epoch, durable_through }, Chain::at(first))
        });
        let previous = Opening::names(before);
        let past = self.chapters.iter().filter_map(|chapter| {
            let last = chapter.records.keys().next_back().copied()?;
            Some(PastEpoch { epoch: chapter.epoch, last, acked: chapter.cursors.clone() })
        });
        let past = past.collect();
        self.ordinal += 1;
        let cursors = vec![<[AckedSet; 2]>::default(); usize::from(UPLINKS)];
        self.chapters.push(Chapter { epoch, records: BTreeMap::new(), cursors });
        (delay, JournalReport::Opened { epoch, ordinal: self.ordinal, previous, past })
    }

    pub(super) fn append(
        &mut self,
        epoch: Epoch,
        records: Vec<Arc<Record>>,
        urgent: bool,
    ) -> Vec<(Duration, JournalReport)> {
        let through = records.last().map(|record| record.seq).unwrap_or_default();
        if self.failed {
            return vec![];
        }
        if self.health != Health::Fine {
            self.failed = true;
            return vec![(Duration::from_millis(2), JournalReport::Failed)];
        }
        assert_eq!(self.chapters.last().unwrap().epoch, epoch, "records go into their own epoch");
        self.unsynced.extend(records);
        let delay = match (self.slow, urgent) {
            (true, _) => 10_000,
            (false, true) => 4,
            (false, false) => 250,
        };
        vec![(Duration::from_millis(delay), JournalReport::Durable { through })]
    }

    /// A report reaches the engine: only then is what it names on disk.
    pub(super) fn reported(&mut self, report: &JournalReport) -> bool {
        let JournalReport::Durable { through } = report else {
            return true;
        };
        if self.failed {
            return false;
        }
        self.sync(*through);
        true
    }

    fn sync(&mut self, through: Seq) {
        let Some(chapter) = self.chapters.last_mut() else {
            return;
        };
        for record in self.unsynced.extract_if(.., |record| record.seq <= through) {
            chapter.records.insert(record.seq, record);
        }
    }

    pub(super) fn fetch(
        &mut self,
        asked: (UplinkId, Epoch, Lane),
        span: (Seq, Seq),
        records_max: u16,
    ) -> Option<(Duration, JournalReport)> {
        let (uplink, epoch, lane) = asked;
        if self.failed {
            return None;
        }
        let chapter = self.chapters.iter().find(|chapter| chapter.epoch == epoch);
        let found = chapter.into_iter().flat_map(|chapter| chapter.records.range(span.0..=span.1));
        let found = found.map(|(_, record)| record);
        let records: Vec<_> =
            found.filter(|record| record.lane() == lane).take(usize::from(records_max)).cloned().collect();
        let full = records.len() == usize::from(records_max);
        let through = records.last().map_or(span.1, |record| if full { record.seq } else { span.1 });
        let delay = Duration::from_millis(if self.slow { 3_000 } else { 6 });
        Some((delay, JournalReport::Fetched { uplink, epoch, lane, through, records }))
    }

    /// Where records of a time are.
    pub(super) fn find(&self, uplink: UplinkId, (from, to): (Utc, Utc)) -> Option<(Duration, JournalReport)> {
        if self.failed {
            return None;
        }
        let mut spans = Vec::new();
        for chapter in &self.chapters {
            for lane in [Lane::Event, Lane::Reading] {
                let of_lane = chapter.records.values().filter(|record| record.lane() == lane);
                let of_time = of_lane.filter(|record| (from..=to).contains(&record.stamp.utc));
                let seqs: Vec<Seq> = of_time.map(|record| record.seq).collect();
                spans.extend(seqs.first().zip(seqs.last()).map(|(a, b)| (chapter.epoch, lane, *a, *b)));
            }
        }
        let delay = Duration::from_millis(if self.slow { 3_000 } else { 6 });
        Some((delay, JournalReport::Located { uplink, spans }))
    }

    pub(super) fn save_cursor(&mut self, uplink: UplinkId, epoch: Epoch, acked: [AckedSet; 2]) {
        if let Some(chapter) = self.chapters.iter_mut().find(|chapter| chapter.epoch == epoch) {
            chapter.cursors[usize::from(uplink.0)] = acked;
        }
    }

    pub(super) fn misfortune(&mut self, rng: &mut Rng) -> (u64, Option<JournalReport>) {
        if rng.chance(15) {
            self.slow = !self.slow;
            return (1, None);
        }
        if self.health == Health::Fine && !self.failed && rng.chance(4) {
            self.health = if rng.chance(700) {
                Health::Full(u32::try_from(rng.between(0, 12)).unwrap())
            } else {
                Health::Broken
            };
            return (1, None);
        }
        (0, None)
    }

    pub(super) fn heal(&mut self) {
        self.slow = false;
        if let Health::Full(_) = self.health {
            self.health = Health::Full(0);
        }
    }

    /// What was not synced is gone, or a part of it, in order, is there after all.
    pub(super) fn power_cut(&mut self, rng: &mut Rng) {
        self.unsynced.sort_by_key(|record| record.seq);
        let kept = rng.between(0, self.unsynced.len() as u64);
        if let Some(last) =
            usize::try_from(kept).ok().and_then(|kept| self.unsynced.get(kept.checked_sub(1)?))
        {
            let through = last.seq;
            if !self.failed && self.health == Health::Fine {
                self.sync(through);
            }
        }
        self.unsynced.clear();
    }

    pub(super) fn holds(&self, epoch: Epoch) -> bool {
        self.chapters.iter().any(|chapter| chapter.epoch == epoch)
    }
}
