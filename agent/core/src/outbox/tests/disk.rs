//! The disk of the small model: late, failing, forgetful, and rotten in places.

use super::super::Count;
use super::*;

type Damage = (Seq, Seq, u64);
type Shelf = BTreeMap<Seq, Record>;

pub(super) struct Disk {
    pub(super) epochs: BTreeMap<Epoch, Shelf>,
    pub(super) unsynced: Vec<(Epoch, Record)>,
    pub(super) cursors: BTreeMap<(Epoch, UplinkId), [AckedSet; 2]>,
    pub(super) failed: bool,
    /// Epochs that it found again: what their cursors did not say in time may be told as lost although it arrived.
    pub(super) found: BTreeSet<Epoch>,
    /// Answers to come, in order.
    pub(super) answers: VecDeque<Order>,
    /// Of `epochs`: what cannot be read any more.
    rotten: BTreeSet<(Epoch, Seq)>,
}

pub(super) enum Order {
    Sync(Epoch, Seq),
    Fetch(UplinkId, Epoch, Lane, (Seq, Seq), u16),
    Find(UplinkId, (Utc, Utc)),
    Open,
}

impl Disk {
    pub(super) fn new() -> Self {
        Self {
            epochs: BTreeMap::new(),
            unsynced: Vec::new(),
            cursors: BTreeMap::new(),
            failed: false,
            found: BTreeSet::new(),
            answers: VecDeque::from([Order::Open]),
            rotten: BTreeSet::new(),
        }
    }
}

impl Disk {
    /// How far it looked, what it read, and what it could not read.
    fn read(&self, of: (Epoch, Lane), span: (Seq, Seq), max: u16) -> (Seq, Vec<Arc<Record>>, Vec<Damage>) {
        let shelf = self.epochs.get(&of.0);
        let found =
            shelf.into_iter().flat_map(|shelf| shelf.range(span.0..=span.1).map(|(_, record)| record));
        let (mut records, mut damaged): (Vec<_>, Vec<Damage>) = (Vec::new(), Vec::new());
        for record in found.filter(|record| record.lane() == of.1) {
            if self.rotten.contains(&(of.0, record.seq)) {
                damaged.push((record.seq, record.seq, 1));
                continue;
            }
            records.push(Arc::new(record.clone()));
            if records.len() == usize::from(max) {
                return (record.seq, records, damaged);
            }
        }
        (span.1, records, damaged)
    }
}

impl World {
    pub(super) fn disk_answers(&mut self) {
        let Some(order) = self.disk.answers.pop_front() else { return };
        let report = match order {
            Order::Open => self.disk_opens(),
            Order::Sync(epoch, through) => {
                let (epochs, unsynced) = (&mut self.disk.epochs, &mut self.disk.unsynced);
                unsynced.retain(|(of, record)| {
                    let synced = *of == epoch && record.seq <= through;
                    if synced && let Some(shelf) = epochs.get_mut(of) {
                        shelf.insert(record.seq, record.clone());
                    }
                    !synced
                });
                JournalReport::Durable { through }
            }
            Order::Find(uplink, time) => self.disk_finds(uplink, time),
            Order::Fetch(uplink, epoch, lane, (first, last), max) => {
                let (through, records, damaged) = self.disk.read((epoch, lane), (first, last), max);
                JournalReport::Fetched { uplink, epoch, lane, through, records, damaged }
            }
        };
        self.outbox.journal_said(self.stamp(), report);
    }

    fn disk_finds(&self, uplink: UplinkId, (from, to): (Utc, Utc)) -> JournalReport {
        let mut spans = Vec::new();
        for (epoch, shelf) in &self.disk.epochs {
            let of_the_time = |record: &&Record| (from..=to).contains(&record.stamp.utc);
            for lane in [Lane::Event, Lane::Reading] {
                let found = shelf.values().filter(|record| record.lane() == lane).filter(of_the_time);
                let seqs: Vec<Seq> = found.map(|record| record.seq).collect();
                spans.extend(seqs.first().zip(seqs.last()).map(|(a, b)| (*epoch, lane, *a, *b)));
            }
        }
        JournalReport::Located { uplink, spans }
    }

    pub(super) fn disk_opens(&mut self) -> JournalReport {
        if core::mem::take(&mut self.disk.failed) {
            self.epochs += 1;
            // Either everything is found again or nothing is.
            if self.rng.below(2) == 0 {
                self.disk.epochs.clear();
            }
        }
        let cursors = &self.disk.cursors;
        let past = self.disk.epochs.iter().filter_map(|(epoch, shelf)| {
            let last = *shelf.keys().next_back()?;
            let cursor = |uplink| cursors.get(&(*epoch, uplink)).cloned().unwrap_or_default();
            let acked = (0..UPLINKS).map(UplinkId).map(cursor).collect();
            Some(PastEpoch { epoch: *epoch, last, acked })
        });
        let past: Vec<PastEpoch> = past.collect();
        self.disk.found.extend(past.iter().map(|past| past.epoch));
        let epoch = Epoch(self.epochs);
        self.disk.epochs.insert(epoch, Shelf::new());
        JournalReport::Opened { epoch, ordinal: epoch.0, previous: Vec::new(), past }
    }

    /// What it owed is not answered, or answered too late.
    pub(super) fn disk_fails(&mut self) {
        if matches!(self.disk.answers.front(), Some(Order::Open)) {
            return;
        }
        self.disk.failed = true;
        self.disk.unsynced.clear();
        self.outbox.journal_said(self.stamp(), JournalReport::Failed);
        if self.rng.below(2) == 0 {
            self.disk.answers.clear();
        }
    }

    /// Retention: the oldest records go, whoever has not had them.
    pub(super) fn disk_forgets(&mut self) {
        let shelf = self.disk.epochs.iter_mut().find(|(_, shelf)| !shelf.is_empty());
        let Some((epoch, shelf)) = shelf else { return };
        let (epoch, keep) = (*epoch, shelf.len() / 2);
        let mut gone = Vec::new();
        while shelf.len() > keep {
            gone.extend(shelf.pop_first().map(|(_, record)| record));
        }
        for lane in [Lane::Event, Lane::Reading] {
            let of_lane = || gone.iter().filter(|record| record.lane() == lane);
            let mut count = Count::default();
            of_lane().for_each(|record| count += Count::of(record));
            let ends = of_lane().next().zip(of_lane().next_back());
            if let Some((first, last)) = ends.map(|(first, last)| (first.seq, last.seq)) {
                let report = JournalReport::Purged { lane, epoch, first, last, count, again: false };
                self.outbox.journal_said(self.stamp(), report);
            }
        }
    }

    /// Some neighbouring records cannot be read any more.
    pub(super) fn disk_rots(&mut self) {
        let shelf = self.disk.epochs.iter().find(|(_, shelf)| !shelf.is_empty());
        let Some((epoch, shelf)) = shelf else { return };
        let begin = usize::try_from(self.rng.below(shelf.len() as u64)).unwrap();
        let run = shelf.keys().skip(begin).take(1 + usize::try_from(self.rng.below(9)).unwrap());
        self.disk.rotten.extend(run.map(|seq| (*epoch, *seq)));
    }

    pub(super) fn disk_repeats_itself(&mut self) {
        let report = match self.rng.below(2) {
            0 if self.disk.failed => JournalReport::Failed,
            0 => JournalReport::Durable { through: Seq(1) },
            _ => JournalReport::Fetched {
                uplink: UplinkId(0),
                epoch: Epoch(self.rng.below(3)),
                lane: Lane::Event,
                through: Seq(0),
                records: Vec::new(),
                damaged: vec![(Seq(0), Seq(u64::MAX), 5)],
            },
        };
        self.outbox.journal_said(self.stamp(), report);
    }
}
