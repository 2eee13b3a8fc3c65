//! The journal's one thread: takes orders, commits in groups, and says once when the disk fails.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use hazard_core::id::{Epoch, Seq};
use hazard_core::input::JournalReport;
use tokio::time::Instant;

use super::disk::Fault;
use super::ring::{Tail, Turned};
use super::store::{Found, Place, Store};
use super::{Header, Order, Report};

/// How long a confirmed cursor may wait for its file: losing it costs duplicates only.
const CURSOR_WITHIN: Duration = Duration::from_secs(2);

/// A status is sent when the journal has grown by so much.
const STATUS_EVERY_BYTES: u64 = 1 << 20;

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
}

enum Next {
    Go,
    Stop,
}

impl<R: Fn(Report)> Worker<R> {
    /// Opens the journal and carries out orders until told to close or nobody is left to give any.
    pub(super) fn run(place: Place, header: &Header, reports: R, orders: &Receiver<Order>) {
        let state = State::Failed(Fault::Refused("not opened".to_owned()));
        let mut worker = Self { place, reports, state, commit_at: None, cursors_at: None, status_bytes: 0 };
        worker.open(header, Tail::Trusted);
        loop {
            let next = match worker.wait(orders) {
                Ok(order) => worker.carry_out(order),
                Err(RecvTimeoutError::Timeout) => Next::Go,
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
            Order::SaveCursor { uplink, epoch, acked } => {
                self.with_store(|store| {
                    store.note(uplink, epoch, acked);
                    Ok(())
                });
                self.cursors_at.get_or_insert_with(|| Instant::now() + CURSOR_WITHIN);
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
        if let Some(through) = self.with_store(Store::commit).flatten() {
            self.core(JournalReport::Durable { through });
            if let Some(manifest) = self.with_store(|store| Ok(store.manifest())).flatten() {
                self.core(JournalReport::Manifest(manifest));
            }
            let turned = self.with_store(Store::turn);
            self.report_status(turned.unwrap_or(Turned::No));
        }
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
        let (through, records) = fetched.unwrap_or((last, Vec::new()));
        self.core(JournalReport::Fetched { uplink, epoch, lane, through, records });
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
            (self.reports)(Report::Dictionary { epoch: past.epoch, ordinal, dictionary });
            past
        });
        let past = past.collect();
        self.core(JournalReport::Opened { epoch, ordinal, previous, past });
        self.report_status(Turned::Yes);
    }

    fn report_status(&mut self, turned: Turned) {
        let State::Open(store) = &self.state else { return };
        let status = store.status();
        if turned == Turned::Yes || status.bytes_on_disk >= self.status_bytes + STATUS_EVERY_BYTES {
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
