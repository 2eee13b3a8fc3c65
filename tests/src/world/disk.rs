//! The disk and the journal on it: what was reported durable survives a power cut, what was not may be gone, and a broken
//! store is set aside with everything in it. Now and then retention takes its oldest records, whoever has not had them, and
//! some cannot be read any more.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use hazard_core::Utc;
use hazard_core::id::{Epoch, Seq, UplinkId};
use hazard_core::input::{JournalReport, PastEpoch};
use hazard_core::outbox::record::{Chain, Opening, PreviousEpoch};
use hazard_core::outbox::{AckedSet, Count, Lane, Record};

use super::agenda::Event;
use super::site::UPLINKS;
use super::{Input, World};
use crate::rng::Rng;

#[derive(Clone, Debug)]
struct Chapter {
    epoch: Epoch,
    records: BTreeMap<Seq, Arc<Record>>,
    /// There, and not readable any more.
    rotten: BTreeMap<Seq, Arc<Record>>,
    /// What retention took of each lane: up to where, and how much.
    purged: [Vec<(Seq, Seq, Count)>; 2],
    cursors: Vec<[AckedSet; 2]>,
}

/// Records that the disk let go of.
pub(super) type Gone = (Epoch, Vec<Arc<Record>>);

impl Chapter {
    fn new(epoch: Epoch, cursors: Vec<[AckedSet; 2]>) -> Self {
        let (records, rotten) = (BTreeMap::new(), BTreeMap::new());
        Self { epoch, records, rotten, purged: [Vec::new(), Vec::new()], cursors }
    }

    /// The last number, whether or not it can still be read: a closed segment's index has it.
    fn last(&self) -> Option<Seq> {
        let rotten = self.rotten.keys().next_back();
        self.records.keys().next_back().max(rotten).copied()
    }

    /// What is said when retention took these, and remembered for the next opening.
    fn purge(&mut self, gone: &[Arc<Record>]) -> Vec<JournalReport> {
        let mut reports = Vec::new();
        for lane in [Lane::Event, Lane::Reading] {
            let of_lane = || gone.iter().filter(|record| record.lane() == lane);
            let mut count = Count::default();
            of_lane().for_each(|record| count += Count::of(record));
            let Some((first, last)) = of_lane().next().zip(of_lane().next_back()) else { continue };
            let (first, last) = (first.seq, last.seq);
            self.join(lane, (first, last, count));
            reports.push(JournalReport::Purged { lane, epoch: self.epoch, first, last, count, again: false });
        }
        reports
    }

    /// What retention took of the epoch, as an opening says it again.
    fn purged_again(&self) -> Vec<JournalReport> {
        let lanes = [Lane::Event, Lane::Reading].into_iter().zip(&self.purged);
        let all = lanes.flat_map(|(lane, gone)| gone.iter().map(move |gone| (lane, *gone)));
        let (epoch, again) = (self.epoch, true);
        all.map(|(lane, (first, last, count))| JournalReport::Purged {
            lane,
            epoch,
            first,
            last,
            count,
            again,
        })
        .collect()
    }

    /// Stretches with nothing of their lane left between them are one.
    fn join(&mut self, lane: Lane, gone: (Seq, Seq, Count)) {
        let stretches = &mut self.purged[lane as usize];
        stretches.push(gone);
        stretches.sort_by_key(|(first, ..)| *first);
        let mut joined: Vec<(Seq, Seq, Count)> = Vec::new();
        for (first, last, count) in stretches.drain(..) {
            let left =
                |end: Seq| self.records.range(end..first.max(end)).any(|(_, record)| record.lane() == lane);
            match joined.last_mut() {
                Some((_, end, sum)) if !left(*end) => {
                    *end = last.max(*end);
                    *sum += count;
                }
                Some(_) | None => joined.push((first, last, count)),
            }
        }
        *stretches = joined;
    }

    /// Takes up to so many of the oldest records, and never the newest: an epoch of which nothing is left is nobody's past any
    /// more.
    fn take_oldest(&mut self, rng: &mut Rng) -> Vec<Arc<Record>> {
        let count = rng.between(1, self.records.len() as u64 - 1);
        (0..count).filter_map(|_| self.records.pop_first().map(|(_, record)| record)).collect()
    }

    /// Takes neighbours from somewhere on that every platform has confirmed, whatever lies before them.
    fn take_confirmed(&mut self, rng: &mut Rng) -> Vec<Arc<Record>> {
        let most = self.records.len() - 1;
        let begin = rng.between(0, most as u64 - 1);
        let has = |record: &Arc<Record>| {
            self.cursors.iter().all(|acked| acked[record.lane() as usize].contains(record.seq))
        };
        let all = self.records.values().take(most).skip(usize::try_from(begin).unwrap());
        let run: Vec<Seq> = all.take_while(|record| has(record)).map(|record| record.seq).collect();
        run.iter().filter_map(|seq| self.records.remove(seq)).collect()
    }
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
    /// The last opening has been told.
    told: bool,
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
            told: false,
        }
    }

    pub(super) const fn opening(&self) -> u64 {
        self.opening
    }

    /// Opens the store for `epoch`: at a start, or again after it failed.
    pub(super) fn reopen(&mut self, epoch: Epoch) -> Vec<(Duration, JournalReport)> {
        let delay = Duration::from_millis(if self.slow { 5_000 } else { 120 });
        self.unsynced.clear();
        self.opening += 1;
        self.told = false;
        match self.health {
            Health::Full(0) | Health::Fine => {}
            Health::Full(times) => {
                self.health = Health::Full(times - 1);
                return vec![(delay, JournalReport::Failed)];
            }
            Health::Broken => self.chapters.clear(),
        }
        self.health = Health::Fine;
        self.failed = false;
        let before = self.chapters.iter().rev().map(|chapter| {
            let durable_through = chapter.last().unwrap_or_default();
            let first = chapter.records.get(&Seq(1)).map(Arc::as_ref);
            (PreviousEpoch { epoch: chapter.epoch, durable_through }, Chain::at(first))
        });
        let previous = Opening::names(before);
        let past = self.chapters.iter().filter_map(|chapter| {
            let last = chapter.last()?;
            Some(PastEpoch { epoch: chapter.epoch, last, acked: chapter.cursors.clone() })
        });
        let past = past.collect();
        self.ordinal += 1;
        let cursors = vec![<[AckedSet; 2]>::default(); usize::from(UPLINKS)];
        let again: Vec<_> = self.chapters.iter().flat_map(Chapter::purged_again).collect();
        self.chapters.push(Chapter::new(epoch, cursors));
        let opened = JournalReport::Opened { epoch, ordinal: self.ordinal, previous, past };
        [opened].into_iter().chain(again).map(|report| (delay, report)).collect()
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
        self.told |= matches!(report, JournalReport::Opened { .. });
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
        let rotten =
            chapter.into_iter().flat_map(|chapter| chapter.rotten.range(span.0..=through.max(span.0)));
        let rotten = rotten.filter(|(_, record)| record.lane() == lane);
        let damaged = rotten.map(|(seq, _)| (*seq, *seq, 1)).collect();
        let delay = Duration::from_millis(if self.slow { 3_000 } else { 6 });
        Some((delay, JournalReport::Fetched { uplink, epoch, lane, through, records, damaged }))
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

    /// Retention and rot, each now and then; what went, and what the journal says of it.
    pub(super) fn decay(&mut self, rng: &mut Rng) -> Option<(Gone, Vec<JournalReport>)> {
        // One thread opens and retains: it takes nothing before it has told what it opened.
        if self.health != Health::Fine || self.failed || !self.told {
            return None;
        }
        if rng.chance(8) {
            let mut chapters: Vec<_> =
                self.chapters.iter_mut().filter(|chapter| chapter.records.len() > 1).collect();
            let gone = if rng.chance(500) {
                chapters.first_mut()?.take_oldest(rng)
            } else {
                let index = rng.between(0, chapters.len().checked_sub(1)? as u64);
                chapters.swap(0, usize::try_from(index).unwrap());
                chapters[0].take_confirmed(rng)
            };
            let chapter = chapters.into_iter().next()?;
            let reports = chapter.purge(&gone);
            return Some(((chapter.epoch, gone), reports));
        }
        if rng.chance(4) {
            let index = usize::try_from(rng.between(0, self.chapters.len() as u64)).unwrap();
            let chapter = self.chapters.get_mut(index)?;
            let begin = rng.between(0, chapter.records.len() as u64);
            let run = chapter.records.keys().copied().skip(usize::try_from(begin).unwrap());
            let run: Vec<Seq> = run.take(usize::try_from(rng.between(1, 200)).unwrap()).collect();
            let gone: Vec<_> = run.iter().filter_map(|seq| chapter.records.remove(seq)).collect();
            chapter.rotten.extend(gone.iter().map(|record| (record.seq, Arc::clone(record))));
            return Some(((chapter.epoch, gone), Vec::new()));
        }
        None
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

impl World {
    pub(super) fn reopen(&mut self, epoch: Epoch) {
        for (delay, report) in self.disk.reopen(epoch) {
            self.agenda.at(self.now + delay, Event::Journal(self.disk.opening(), report));
        }
    }

    pub(super) fn decay(&mut self) -> u64 {
        let Some(((epoch, gone), reports)) = self.disk.decay(&mut self.rot) else { return 0 };
        self.oracle.books.gone(epoch, &gone);
        for report in reports {
            self.engine.handle(self.now, Input::Journal(report));
        }
        1
    }
}
