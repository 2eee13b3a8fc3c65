//! The model's disk.

use super::*;

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
                let shelf = self.disk.epochs.get(&epoch);
                let found = shelf.into_iter().flat_map(|shelf| shelf.range(first..=last));
                let of_lane = found.map(|(_, record)| record).filter(|record| record.lane() == lane);
                let records: Vec<_> = of_lane.take(usize::from(max)).cloned().map(Arc::new).collect();
                let full = records.len() == usize::from(max);
                let through = records.last().filter(|_| full).map_or(last, |record| record.seq);
                JournalReport::Fetched { uplink, epoch, lane, through, records }
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

    fn disk_opens(&mut self) -> JournalReport {
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
        if let Some(shelf) = self.disk.epochs.values_mut().find(|shelf| !shelf.is_empty()) {
            let keep = shelf.len() / 2;
            while shelf.len() > keep {
                shelf.pop_first();
            }
        }
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
            },
        };
        self.outbox.journal_said(self.stamp(), report);
    }
}
