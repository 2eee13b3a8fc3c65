//! The journal's one thread: takes orders, commits in groups, and says once when the disk fails.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use hazard_core::Utc;
use hazard_core::id::{Epoch, Seq, UplinkId};
use hazard_core::input::JournalReport;
use tokio::time::Instant;

use super::disk::Fault;
use super::pack::{Packed, STEP_WEIGHT_MAX};
use super::series::Tail;
use super::store::{Fetched, Found, Gone, Place, Store, Why};
use super::{Header, Order, Report};

/// How long a confirmed cursor may wait for its file: losing it costs duplicates only.
const CURSOR_WITHIN: Duration = Duration::from_secs(2);

/// A status is sent when the journal has grown by so much.
const STATUS_EVERY_BYTES: u64 = 1 << 20;

/// Epochs that count as told; far fewer than whoever writes messages remembers.
const TOLD_MAX: usize = 32;

enum State {
    Open(Box<Store>),
    Failed(Fault),
}

/// The thread's state.
pub(super) struct Worker<R> {
    place: Place,
    reports: R,
    state: State,
    commit_at: Option<Instant>,
    cursors_at: Option<Instant>,
    status_bytes: u64,
    /// Epochs whose names were told lately.
    told: VecDeque<Epoch>,
}

/// What is known of its size.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Size {
    Changed,
    /// It may have grown.
    Grown,
}

enum Next {
    Go,
    Stop,
}

impl<R: Fn(Report)> Worker<R> {
    /// Opens the journal and carries out orders until told to close or nobody is left to give any.
    pub(super) fn run(place: Place, header: &Header, reports: R, orders: &Receiver<Order>) {
        let state = State::Failed(Fault::Refused("not opened".to_owned()));
        let mut worker = Self {
            place,
            reports,
            state,
            commit_at: None,
            cursors_at: None,
            status_bytes: 0,
            told: VecDeque::new(),
        };
        worker.open(header, Tail::Trusted);
        loop {
            let next = match worker.wait(orders) {
                Ok(order) => worker.carry_out(order),
                Err(RecvTimeoutError::Timeout) => {
                    worker.pack();
                    Next::Go
                }
                Err(RecvTimeoutError::Disconnected) => {
                    worker.settle();
                    Next::Stop
                }
            };
            if matches!(next, Next::Stop) {
                return;
            }
            worker.meet_deadlines();
        }
    }

    fn wait(&self, orders: &Receiver<Order>) -> Result<Order, RecvTimeoutError> {
        if matches!(&self.state, State::Open(store) if store.has_packing()) {
            return orders.recv_timeout(Duration::ZERO);
        }
        match self.commit_at.into_iter().chain(self.cursors_at).min() {
            Some(at) => orders.recv_timeout(at.saturating_duration_since(Instant::now())),
            None => orders.recv().map_err(|_| RecvTimeoutError::Disconnected),
        }
    }

    fn carry_out(&mut self, order: Order) -> Next {
        match order {
            Order::Append { epoch, records, urgent } => {
                let crowded = self.with_store(|store| {
                    store.append(epoch, records);
                    Ok(store.is_crowded())
                });
                if urgent || crowded == Some(true) {
                    self.commit();
                } else if crowded.is_some() && self.commit_at.is_none() {
                    // An eighth of the time is left for the disk.
                    let within = self.place.settings.commit_within;
                    self.commit_at = Some(Instant::now() + (within - within / 8));
                }
            }
            Order::Fetch { .. } => self.fetch(&order),
            Order::Find { uplink, from, to } => self.find(uplink, (from, to)),
            Order::SaveCursor { uplink, epoch, acked } => {
                self.with_store(|store| {
                    store.note(uplink, epoch, acked);
                    Ok(())
                });
                self.cursors_at.get_or_insert_with(|| Instant::now() + CURSOR_WITHIN);
            }
            Order::Clock { epoch, clock } => {
                self.with_store(|store| store.note_clock(epoch, &clock));
            }
            Order::Begin(header) => self.begin(&header),
            Order::Reopen(header) => self.reopen(&header),
            Order::Close(done) => {
                self.settle();
                self.state = State::Failed(Fault::Refused("closed".to_owned()));
                // Whoever closes may have stopped waiting.
                let _ = done.try_send(());
                return Next::Stop;
            }
        }
        Next::Go
    }

    fn meet_deadlines(&mut self) {
        let now = Instant::now();
        if self.commit_at.is_some_and(|at| at <= now) {
            self.commit();
        }
        if self.cursors_at.is_some_and(|at| at <= now) {
            self.cursors_at = None;
            self.with_store(Store::save_cursors);
        }
    }

    fn open(&mut self, header: &Header, tail: Tail) {
        let place = &self.place;
        let opened = guarded(|| Store::open(place, header, tail));
        (self.commit_at, self.cursors_at) = (None, None);
        match opened {
            Ok((store, found)) => {
                self.state = State::Open(Box::new(store));
                self.report_found(found);
            }
            Err(fault) => self.fail(fault),
        }
    }

    fn reopen(&mut self, header: &Header) {
        let tail = match &self.state {
            State::Failed(Fault::Broken(_)) => Tail::Distrusted,
            State::Open(_) | State::Failed(Fault::Refused(_)) => Tail::Trusted,
        };
        self.settle();
        // Closed before it is opened: sled locks its files.
        self.state = State::Failed(Fault::Refused("being reopened".to_owned()));
        self.open(header, tail);
    }

    fn begin(&mut self, header: &Header) {
        self.commit();
        if let Some(found) = self.with_store(|store| store.begin(header)) {
            self.report_found(found);
        }
    }

    fn commit(&mut self) {
        self.commit_at = None;
        let weight = self.with_store(|store| Ok(store.weight())).unwrap_or(0);
        if let Some(through) = self.with_store(Store::commit).flatten() {
            self.core(JournalReport::Durable { through });
            if let Some(manifest) = self.with_store(|store| Ok(store.manifest())).flatten() {
                self.core(JournalReport::Manifest(manifest));
            }
            let gone = self.with_store(Store::turn).unwrap_or_default();
            self.report_gone(gone);
            // While orders keep coming, twice as much is packed as comes.
            for _ in 0..=2 * weight / STEP_WEIGHT_MAX {
                if self.unpacked() > 0 {
                    self.pack();
                }
            }
        }
    }

    fn unpacked(&self) -> usize {
        match &self.state {
            State::Open(store) => store.unpacked(),
            State::Failed(_) => 0,
        }
    }

    /// Packs a little.
    fn pack(&mut self) {
        if let Some((packed, gone)) = self.with_store(Store::pack) {
            self.report_gone(gone);
            if packed == Packed::Removed {
                self.report_status(Size::Changed);
            }
        }
    }

    /// Tells what is no longer on this disk, and how large the journal is now.
    fn report_gone(&mut self, mut gone: Vec<Gone>) {
        if let State::Open(store) = &mut self.state {
            gone.extend(store.take_damaged());
        }
        let size = if gone.is_empty() { Size::Grown } else { Size::Changed };
        for Gone { epoch, lane, first, last, count, why } in gone {
            let report = match why {
                Why::Purged | Why::PurgedBefore => {
                    let again = why == Why::PurgedBefore;
                    JournalReport::Purged { epoch, lane, first, last, count, again }
                }
                Why::Damaged => JournalReport::Damaged { epoch, lane, first, last, count },
            };
            self.core(report);
        }
        self.report_status(size);
    }

    fn settle(&mut self) {
        if let Some(through) = self.with_store(Store::settle).flatten() {
            self.core(JournalReport::Durable { through });
        }
    }

    fn fetch(&mut self, order: &Order) {
        let Order::Fetch { uplink, epoch, lane, first, last, records_max } = *order else { return };
        if self.owes(epoch, last) {
            self.commit();
        }
        let fetched = self.with_store(|store| store.fetch((epoch, lane), (first, last), records_max));
        let Fetched { through, records, holes } = fetched.unwrap_or(Fetched::nothing(last));
        let damaged = holes.into_iter().map(|hole| (Seq(hole.first), Seq(hole.last), hole.count.records));
        let damaged = damaged.collect();
        if !records.is_empty() {
            self.tell_names(epoch);
        }
        self.core(JournalReport::Fetched { uplink, epoch, lane, through, records, damaged });
        self.report_gone(Vec::new());
    }

    /// A replay may reach back to epochs that nobody has named since the start.
    fn tell_names(&mut self, epoch: Epoch) {
        if self.told.contains(&epoch) {
            return;
        }
        let names = self.with_store(|store| Ok(store.names_of(epoch))).flatten();
        if let Some((ordinal, dictionary)) = names {
            let clock = self.with_store(|store| Ok(store.clock(ordinal))).flatten();
            (self.reports)(Report::Dictionary { epoch, ordinal, dictionary, clock });
        }
        self.told.push_back(epoch);
        if self.told.len() > TOLD_MAX {
            self.told.pop_front();
        }
    }

    fn find(&mut self, uplink: UplinkId, time: (Utc, Utc)) {
        self.commit();
        let spans = self.with_store(|store| Ok(store.find(time))).unwrap_or_default();
        self.core(JournalReport::Located { uplink, spans });
    }

    fn owes(&self, epoch: Epoch, last: Seq) -> bool {
        match &self.state {
            State::Open(store) => store.owes(epoch, last),
            State::Failed(_) => false,
        }
    }

    /// Runs `act` on the open store; `None` when there is none or it fails, which is reported.
    fn with_store<T>(&mut self, act: impl FnOnce(&mut Store) -> Result<T, Fault>) -> Option<T> {
        let State::Open(store) = &mut self.state else { return None };
        match guarded(|| act(store)) {
            Ok(outcome) => Some(outcome),
            Err(fault) => {
                self.fail(fault);
                None
            }
        }
    }

    fn fail(&mut self, fault: Fault) {
        let dir = self.place.settings.dir.display();
        tracing::error!(%dir, reason = %fault, "the journal failed");
        self.state = State::Failed(fault);
        (self.commit_at, self.cursors_at) = (None, None);
        self.core(JournalReport::Failed);
    }

    fn report_found(&mut self, found: Found) {
        let Found { epoch, ordinal, previous, past } = found;
        let past = past.into_iter().map(|(ordinal, past, dictionary)| {
            let clock = self.with_store(|store| Ok(store.clock(ordinal))).flatten();
            (self.reports)(Report::Dictionary { epoch: past.epoch, ordinal, dictionary, clock });
            past
        });
        let past: Vec<_> = past.collect();
        let epochs: Vec<_> = past.iter().map(|past| past.epoch).collect();
        self.core(JournalReport::Opened { epoch, ordinal, previous, past });
        let gone = self.with_store(|store| Ok(store.gone_before(&epochs))).unwrap_or_default();
        self.report_gone(gone);
        self.report_status(Size::Changed);
    }

    fn report_status(&mut self, size: Size) {
        let State::Open(store) = &self.state else { return };
        if size == Size::Changed || store.bytes() >= self.status_bytes + STATUS_EVERY_BYTES {
            let status = store.status();
            self.status_bytes = status.bytes_on_disk;
            (self.reports)(Report::Status(status));
        }
    }

    fn core(&self, report: JournalReport) {
        (self.reports)(Report::Core(report));
    }
}

/// The last net: whatever panics below is a broken store, not the end of the thread.
fn guarded<T>(act: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    catch_unwind(AssertUnwindSafe(act))
        .unwrap_or_else(|_| Err(Fault::Broken("the journal panicked".to_owned())))
}
