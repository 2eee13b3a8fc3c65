//! Whoever keeps the books: counts due polls by the grid alone, and knows what records said that the disk let go of.

use std::collections::HashSet;
use std::sync::Arc;

use hazard_core::daybook::DayLedger;
use hazard_core::id::{DeviceId, Epoch, Seq, UplinkId};
use hazard_core::outbox::record::{Body, LossPlace};
use hazard_core::outbox::{Lane, Record};
use hazard_core::poll::{Block, PollCount, plan};
use hazard_core::{Mono, Site, Snapshot};

use super::site::UPLINKS;

/// Numbers of which nobody can say any more what became of them, for one platform.
#[derive(Clone, Copy, Debug)]
struct Excuse {
    uplink: UplinkId,
    epoch: Epoch,
    /// `None`: of both.
    lane: Option<Lane>,
    first: Seq,
    last: Seq,
}

/// The books.
pub(super) struct Books {
    grid: Vec<Vec<Block>>,
    started: Mono,
    /// Epochs of the run that goes on.
    epochs: HashSet<Epoch>,
    /// What was said in records that this run wrote and the disk let go of: the engine says it again, unless power goes.
    unsaid: Vec<Excuse>,
    excuses: Vec<Excuse>,
    /// How many days were told.
    pub(super) days: u64,
}

impl Books {
    pub(super) fn new(site: &Site) -> Self {
        Self {
            grid: plan(site),
            started: Mono::ZERO,
            epochs: HashSet::new(),
            unsaid: Vec::new(),
            excuses: Vec::new(),
            days: 0,
        }
    }

    pub(super) fn restarted(&mut self, now: Mono) {
        self.started = now;
        self.epochs.clear();
        self.excuses.append(&mut self.unsaid);
    }

    /// Records that the engine handed to the disk.
    pub(super) fn appended(&mut self, epoch: Epoch, records: &[Arc<Record>]) -> Vec<String> {
        self.epochs.insert(epoch);
        let days = records.iter().filter_map(|record| match &record.body {
            Body::Ledger(day) => Some(&**day),
            _ => None,
        });
        let (days, uneven): (Vec<&DayLedger>, Vec<_>) = days.partition(|day| day.is_even());
        self.days += days.len() as u64;
        uneven.into_iter().map(|day| format!("law 8: a day is uneven: {day:?}")).collect()
    }

    /// Records that the disk lost: to retention, or to rot. What they said of others went with them.
    pub(super) fn gone(&mut self, epoch: Epoch, records: &[Arc<Record>]) {
        let lost = records.iter().filter_map(|record| match &record.body {
            Body::Loss(loss) => match loss.place {
                LossPlace::Uplink(uplink) => Some(Excuse {
                    uplink,
                    epoch: loss.epoch,
                    lane: Some(loss.lane),
                    first: loss.first,
                    last: loss.last,
                }),
                LossPlace::Journal => None,
            },
            _ => None,
        });
        let known = if self.epochs.contains(&epoch) { &mut self.unsaid } else { &mut self.excuses };
        known.extend(lost);
        for record in records {
            let Body::Opening(opening) = &record.body else { continue };
            for (ended, uplink) in
                opening.previous.iter().flat_map(|ended| (0..UPLINKS).map(move |uplink| (ended, uplink)))
            {
                self.excuses.push(Excuse {
                    uplink: UplinkId(uplink),
                    epoch: ended.epoch,
                    lane: None,
                    first: ended.durable_through.next(),
                    last: Seq(u64::MAX),
                });
            }
        }
    }

    /// Whether nobody can say what became of this number.
    pub(super) fn excuses(&self, uplink: UplinkId, (epoch, seq): (Epoch, Seq), lane: Option<Lane>) -> bool {
        self.excuses.iter().any(|excuse| {
            (excuse.uplink, excuse.epoch) == (uplink, epoch)
                && (excuse.first..=excuse.last).contains(&seq)
                && excuse.lane.zip(lane).is_none_or(|(excused, lane)| excused == lane)
        })
    }

    /// The ledgers after a step: even, and with every due time in them.
    pub(super) fn look(&self, site: &Site, snapshot: &Snapshot) -> Vec<String> {
        let mut broken = Vec::new();
        if !snapshot.ledger.is_even() {
            broken.push(format!("law 8: the ledger is uneven: {:?}", snapshot.ledger));
        }
        let passed = snapshot.stamp.mono.since(self.started);
        for (index, (bus, blocks)) in snapshot.buses.iter().zip(&self.grid).enumerate() {
            let due =
                blocks.iter().filter_map(|block| passed.checked_sub(block.phase).zip(Some(block.period)));
            let due: u128 = due.map(|(passed, period)| passed.as_micros() / period.as_micros() + 1).sum();
            let mut devices = PollCount::default();
            for device in &snapshot.devices {
                if site.devices[device.device.index()].bus.index() == index {
                    devices += device.polls;
                }
            }
            let polls = bus.polls;
            let all = u128::from(polls.scheduled - polls.repeated) == due;
            // A read that its device refuses is taken apart; a block that is asked again may be due again meanwhile.
            let apart = |device: DeviceId| snapshot.devices[device.index()].apart;
            let pieces = |block: &Block| if apart(block.device) { block.points.len() as u64 } else { 1 };
            let open_max = 2 * blocks.iter().map(pieces).sum::<u64>();
            if !polls.is_even() || !all || devices != polls || polls.open > open_max {
                broken
                    .push(format!("law 8: {due} polls were due, and the ledger has {polls:?}, {devices:?}"));
            }
        }
        broken
    }
}
