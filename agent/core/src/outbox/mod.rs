//! The outbox: every record gets its number here, and is kept until the journal and each platform have it or a loss says so.

mod acked;
mod condition;
pub mod configured;
mod forward;
mod ledger;
pub mod receipt;
pub mod record;
mod refusal;
mod ring;
mod store;
#[cfg(test)]
mod tests;
mod track;

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

pub use acked::AckedSet;
use forward::{Forwarder, Sources};
pub use ledger::{Count, Ledger, UplinkLedger};
use record::{Body, Loss, LossPlace, Opening};
pub use record::{Lane, Record};
use ring::Ring;
pub use store::JournalState;
use store::{Kept, LostRun, Store};

use crate::id::{Epoch, MessageId, Seq, UplinkId};
use crate::input::{JournalReport, PastEpoch, UplinkReport};
use crate::output::Output;
use crate::site::SiteTables;
use crate::snapshot::UplinkState;
use crate::{Mono, Stamp};

/// So long the first record waits for the journal to say how far the last epoch was durable.
const OPENING_WAIT: Duration = Duration::from_secs(3);
/// Losses are stated at least so often while they go on.
const LOSS_EVERY: Duration = Duration::from_secs(10);
/// So long a journal counts as full that let go of what a platform has not confirmed.
const FULL_HOLD: Duration = Duration::from_secs(24 * 3600);
/// The epochs of this run whose records are counted when they are purged. Each but the last ended with a broken disk.
const OWN_MAX: usize = 64;
const CURSOR_EVERY: Duration = Duration::from_secs(1);

/// Numbers records and keeps them until everybody has them.
#[derive(Clone, Debug)]
pub struct Outbox {
    epoch: Epoch,
    next: Seq,
    opened: bool,
    ordinals: [u64; 2],
    /// The place in its lane that is kept for the opening record of this epoch.
    opening_ordinal: u64,
    rings: [Ring; 2],
    store: Store,
    forwarders: Vec<Forwarder>,
    next_message: u64,
    turn: usize,
    offered: Count,
    /// The epochs of this run, and how far retention has taken each lane of them.
    own: Vec<(Epoch, [Seq; 2])>,
    /// When the journal last let go of what a platform has not confirmed.
    full_at: Option<Mono>,
    losses: Vec<Loss>,
    losses_at: Mono,
    cursors_at: Option<Mono>,
}

impl Outbox {
    /// An outbox whose records belong to `epoch`. Number 1 is kept for the opening record.
    #[must_use]
    pub fn new(site: &SiteTables, epoch: Epoch, now: Mono) -> Self {
        let limits = site.limits;
        let uplinks = (0..).map(UplinkId).zip(&site.uplinks);
        Self {
            epoch,
            next: Seq(2),
            opened: false,
            ordinals: [1, 0],
            opening_ordinal: 1,
            rings: [Ring::new(limits.recent_events_max), Ring::new(limits.recent_readings_max)],
            store: Store::new(
                limits.journal_backlog_max.min(limits.recent_readings_max / 2),
                now + OPENING_WAIT,
            ),
            forwarders: uplinks.map(|(id, spec)| Forwarder::new(id, spec.clone(), epoch)).collect(),
            next_message: 1,
            turn: 0,
            offered: Count::default(),
            own: alloc::vec![(epoch, <[Seq; 2]>::default())],
            full_at: None,
            losses: Vec::new(),
            losses_at: now,
            cursors_at: None,
        }
    }

    /// The epoch of the records that are offered.
    #[must_use]
    pub const fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// The journal's state.
    #[must_use]
    pub const fn journal(&self) -> JournalState {
        self.store.state
    }

    /// Whether the journal lags so far that readings will be given up.
    #[must_use]
    pub const fn is_journal_behind(&self) -> bool {
        self.store.is_behind()
    }

    /// Whether the journal let go of what a platform has not confirmed, within the last day.
    #[must_use]
    pub fn is_journal_full(&self, now: Mono) -> bool {
        self.full_at.is_some_and(|at| now.since(at) < FULL_HOLD)
    }

    /// Whether an uplink is connected.
    #[must_use]
    pub fn is_up(&self, uplink: UplinkId) -> bool {
        self.forwarders.get(usize::from(uplink.0)).is_some_and(Forwarder::is_up)
    }

    /// Whether the platform confirms nothing of what its broker has taken.
    #[must_use]
    pub fn lacks_receipts(&self, uplink: UplinkId) -> bool {
        self.forwarders.get(usize::from(uplink.0)).is_some_and(Forwarder::lacks_receipts)
    }

    /// What people may see of an uplink.
    #[must_use]
    pub fn uplink_state(&self, uplink: UplinkId) -> UplinkState {
        self.forwarders.get(usize::from(uplink.0)).map(Forwarder::state).unwrap_or_default()
    }

    /// Messages in flight to an uplink.
    #[must_use]
    pub fn in_flight(&self, uplink: UplinkId) -> usize {
        self.forwarders.get(usize::from(uplink.0)).map_or(0, Forwarder::in_flight)
    }

    /// The number of the last record that was offered.
    #[must_use]
    pub const fn last(&self) -> Seq {
        Seq(self.next.0 - 1)
    }

    /// Gives a record its number and keeps it.
    pub fn offer(&mut self, stamp: Stamp, body: Body) -> Seq {
        let seq = self.next;
        self.next = seq.next();
        let record = Arc::new(Record { seq, stamp, body });
        let ordinal = &mut self.ordinals[record.lane() as usize];
        *ordinal += 1;
        let kept = Kept { ordinal: *ordinal, record };
        self.keep(kept.clone());
        self.rings[kept.record.lane() as usize].push(self.epoch, kept.clone());
        self.store.push(kept);
        self.evict();
        seq
    }

    /// Takes what the journal says. Returns whether the journal's state changed.
    pub fn journal_said(&mut self, stamp: Stamp, report: JournalReport) -> bool {
        let before = self.store.state;
        match report {
            JournalReport::Opened { epoch, ordinal, previous, past } => {
                self.journal_opened(stamp, epoch, Opening { ordinal: Some(ordinal), previous }, &past);
            }
            JournalReport::Durable { through } => {
                if self.store.state == JournalState::Open {
                    self.store.durable(through);
                }
            }
            JournalReport::Failed => self.journal_failed(stamp),
            JournalReport::Fetched { uplink, epoch, lane, through, records, damaged } => {
                if let Some(forwarder) = self.forwarders.get_mut(usize::from(uplink.0)) {
                    forwarder.damaged((epoch, lane), through, &damaged);
                    forwarder.fetched((epoch, lane), through, records);
                }
            }
            JournalReport::Purged { lane, epoch, first, last, count, again } => {
                let gone = LostRun::span(lane, (first, last), count);
                self.journal_purged(stamp.mono, epoch, &gone, again);
            }
            JournalReport::Damaged { lane, epoch, first, last, count } => {
                let Count { records, readings } = count;
                let place = LossPlace::Journal;
                self.losses.push(Loss { place, epoch, lane, first, last, records, readings });
            }
            JournalReport::Located { uplink, spans } => {
                if let Some(forwarder) = self.forwarders.get_mut(usize::from(uplink.0)) {
                    forwarder.located(spans);
                }
            }
            JournalReport::Manifest(manifest) => {
                self.offer(stamp, Body::Manifest(Box::new(manifest)));
            }
        }
        core::mem::discriminant(&before) != core::mem::discriminant(&self.store.state)
    }

    /// Takes what an uplink says. Returns whether the uplink came up or went down.
    pub fn uplink_said(&mut self, now: Mono, uplink: UplinkId, report: &UplinkReport) -> bool {
        let next = self.next;
        let Some(forwarder) = self.forwarders.get_mut(usize::from(uplink.0)) else {
            return false;
        };
        let before = forwarder.is_up();
        match report {
            UplinkReport::Up => forwarder.up(now, next),
            UplinkReport::Down => forwarder.down(),
            UplinkReport::Acked(message) => forwarder.acked(now, *message),
            UplinkReport::Rejected(message) => forwarder.rejected(*message),
            UplinkReport::Receipt(receipt) => forwarder.receipt(now, receipt),
            UplinkReport::Request(request) => forwarder.request(now, request),
            UplinkReport::Unread(times) => forwarder.unread(*times),
        }
        before != forwarder.is_up()
    }

    /// Lets time pass: an opening that is not waited for longer, losses to state, cursors to save.
    pub fn timeout(&mut self, stamp: Stamp) {
        let now = stamp.mono;
        if let JournalState::Opening { until } = self.store.state
            && now >= until
            && !self.opened
        {
            self.open(stamp, Opening { ordinal: None, previous: Vec::new() });
        }
        for index in 0..self.forwarders.len() {
            self.forwarders[index].timeout(now);
            for event in self.forwarders[index].take_replay_events() {
                self.offer(stamp, Body::Replay(event));
            }
        }
        if now >= self.losses_at && self.has_losses() {
            self.losses_at = now + LOSS_EVERY;
            for loss in self.take_losses() {
                self.offer(stamp, Body::Loss(loss));
            }
        }
    }

    /// When [`Self::timeout`] has something to do.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Mono> {
        let opening = match self.store.state {
            JournalState::Opening { until } if !self.opened => Some(until),
            JournalState::Down { retry_at } => retry_at,
            JournalState::Opening { .. } | JournalState::Open => None,
        };
        let losses = self.has_losses().then_some(self.losses_at);
        let told = self.forwarders.iter().any(Forwarder::has_replay_events).then_some(Mono::ZERO);
        let forwarders = self.forwarders.iter().filter_map(Forwarder::poll_timeout);
        [opening, losses, self.cursors_at, told].into_iter().flatten().chain(forwarders).min()
    }

    /// The next thing to do. Platform and disk take turns, so that neither waits for the other.
    pub fn poll_output(&mut self, now: Mono) -> Option<Output> {
        if self.store.take_reopen(now) {
            return Some(Output::Reopen);
        }
        if !self.opened {
            return None;
        }
        let journal = self.store.state == JournalState::Open;
        for _ in 0..=self.forwarders.len() {
            self.turn = (self.turn + 1) % (self.forwarders.len() + 1);
            let output = match self.forwarders.get_mut(self.turn) {
                Some(forwarder) => {
                    let sources = Sources { now, rings: &self.rings, journal };
                    forwarder.next(&sources, MessageId(self.next_message))
                }
                None => self.append(),
            };
            if output.is_some() {
                self.next_message += 1;
                return output;
            }
        }
        self.cursor(now, journal)
    }

    /// What became of this run's records.
    #[must_use]
    pub fn ledger(&self) -> Ledger {
        Ledger {
            offered: self.offered,
            stored: self.store.stored_count,
            purged: self.store.purged_count,
            waiting: self.store.backlog(),
            store_lost: self.store.lost_count,
            uplinks: self.forwarders.iter().map(Forwarder::ledger).collect(),
        }
    }

    /// Whether every uplink has confirmed everything, or losses cover it, and nothing waits for the journal.
    #[must_use]
    pub fn is_drained(&self) -> bool {
        let last = self.last();
        self.store.backlog().is_zero() && self.forwarders.iter().all(|forwarder| forwarder.is_drained(last))
    }

    fn keep(&mut self, kept: Kept) {
        self.offered += Count::of(&kept.record);
        for forwarder in &mut self.forwarders {
            forwarder.offered(&kept.record);
        }
    }

    fn evict(&mut self) {
        for lane in 0..2 {
            while let Some((epoch, kept)) = self.rings[lane].evict() {
                if self.store.has(&kept) {
                    continue;
                }
                for forwarder in &mut self.forwarders {
                    forwarder.evicted(epoch, &kept);
                }
            }
        }
    }

    fn journal_opened(&mut self, stamp: Stamp, epoch: Epoch, opening: Opening, past: &[PastEpoch]) {
        if epoch != self.epoch {
            // What waits carries numbers of the epoch that ends.
            self.store.failed(stamp.mono);
            self.begin(epoch);
        }
        for forwarder in &mut self.forwarders {
            forwarder.learn(past);
        }
        self.store.opened();
        if self.opened {
            // The first one was written before the disk had answered and names nobody.
            self.offer(stamp, Body::Opening(opening));
        } else {
            self.open(stamp, opening);
        }
    }

    fn journal_failed(&mut self, stamp: Stamp) {
        self.store.failed(stamp.mono);
        for forwarder in &mut self.forwarders {
            forwarder.journal_failed();
        }
        if !self.opened {
            self.open(stamp, Opening { ordinal: None, previous: Vec::new() });
        }
    }

    fn journal_purged(&mut self, now: Mono, epoch: Epoch, gone: &LostRun, again: bool) {
        let lane = gone.lane as usize;
        let own = self.own.iter_mut().find(|(own, _)| *own == epoch);
        // What an opening says again was counted when it happened, unless that opening itself let go of it.
        if let Some((_, through)) = own.filter(|(_, through)| !again || gone.first > through[lane]) {
            through[lane] = through[lane].max(gone.last);
            self.store.purged(gone.count);
        }
        for forwarder in &mut self.forwarders {
            if forwarder.purged(epoch, gone, &self.rings[lane]) {
                self.full_at = Some(now);
            }
        }
    }

    /// A fresh epoch on a fresh store; the former one is closed with what memory still holds of it.
    fn begin(&mut self, epoch: Epoch) {
        let last = self.last();
        self.losses = self.take_losses();
        for forwarder in &mut self.forwarders {
            forwarder.begin(epoch, last);
        }
        self.own.push((epoch, <[Seq; 2]>::default()));
        if self.own.len() > OWN_MAX {
            self.own.remove(0);
        }
        self.epoch = epoch;
        self.next = Seq(2);
        self.opened = false;
        self.ordinals[0] += 1;
        self.opening_ordinal = self.ordinals[0];
    }

    fn open(&mut self, stamp: Stamp, opening: Opening) {
        self.opened = true;
        let record = Arc::new(Record { seq: Seq(1), stamp, body: Body::Opening(opening) });
        let kept = Kept { ordinal: self.opening_ordinal, record };
        self.keep(kept.clone());
        self.rings[Lane::Event as usize].push_first(self.epoch, kept.clone());
        self.store.push_first(kept);
        self.evict();
    }

    fn append(&mut self) -> Option<Output> {
        let records = self.store.take_append()?;
        let urgent = records.iter().any(|record| record.lane() == Lane::Event);
        Some(Output::Append { epoch: self.epoch, records, urgent })
    }

    fn cursor(&mut self, now: Mono, journal: bool) -> Option<Output> {
        if self.cursors_at.is_some_and(|at| now < at) {
            return None;
        }
        self.cursors_at = None;
        let cursor = self.forwarders.iter_mut().find_map(Forwarder::take_cursor)?;
        if !journal {
            return None;
        }
        let more = self.forwarders.iter().any(Forwarder::has_cursor);
        if !more {
            self.cursors_at = Some(now + CURSOR_EVERY);
        }
        Some(cursor)
    }

    fn has_losses(&self) -> bool {
        !self.losses.is_empty() || self.store.has_lost() || self.forwarders.iter().any(Forwarder::has_lost)
    }

    fn take_losses(&mut self) -> Vec<Loss> {
        let epoch = self.epoch;
        let loss = |place, epoch, run: LostRun| Loss {
            place,
            epoch,
            lane: run.lane,
            first: run.first,
            last: run.last,
            records: run.count.records,
            readings: run.count.readings,
        };
        let mut losses = core::mem::take(&mut self.losses);
        losses.extend(self.store.take_lost().into_iter().map(|run| loss(LossPlace::Journal, epoch, run)));
        for (uplink, forwarder) in (0..).map(UplinkId).zip(&mut self.forwarders) {
            let runs = forwarder.take_lost();
            losses.extend(runs.into_iter().map(|(epoch, run)| loss(LossPlace::Uplink(uplink), epoch, run)));
        }
        losses
    }
}
