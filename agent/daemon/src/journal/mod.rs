//! The journal: makes records durable, reads them back for back-fill, and remembers what each uplink has confirmed.
//!
//! One thread owns one folder. It never decides what is recorded and never blocks whoever gives it orders: a full queue
//! gives the order back. docs/decisions/0003-journal.md says why sled is used the way it is.

pub mod chain;
pub mod codec;
mod columns;
mod cursors;
mod disk;
mod epochs;
pub mod finding;
mod frame;
mod gather;
#[cfg(test)]
mod hole_tests;
mod index;
pub mod key;
mod load;
pub mod manifest;
mod mirror;
mod mirror_call;
mod mirror_command;
mod mirror_config;
mod mirror_event;
mod mirror_interlock;
mod mirror_ledger;
mod mirror_reading;
mod mirror_upkeep;
mod name;
mod owner;
mod pack;
pub mod purges;
mod quarantine;
pub mod read;
mod retain;
mod ring;
mod run_clock;
pub mod said;
mod salvage;
mod seal;
mod segment;
mod series;
mod slot;
mod squeeze;
mod store;
pub mod verify;
#[cfg(test)]
mod verify_tests;
pub mod walk;
mod worker;

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use hazard_core::Utc;
use hazard_core::id::{Epoch, Seq, UplinkId};
use hazard_core::input::JournalReport;
use hazard_core::outbox::{AckedSet, Lane, Record};

pub use disk::{Kernel, Syncs};
pub use frame::read_block;

use crate::clock::RunClock;
use crate::dictionary::Dictionary;
use crate::settings;

/// Orders that wait at most; then they are given back.
const ORDERS_MAX: usize = 256;

/// How long [`JournalHandle::close`] waits for the disk.
const CLOSE_WITHIN: Duration = Duration::from_secs(10);

/// An epoch as its header file holds it.
#[derive(Clone, Debug)]
pub struct Header {
    /// The epoch.
    pub epoch: Epoch,
    /// What the numbers in its records mean.
    pub dictionary: Arc<Dictionary>,
}

/// What the journal is asked to do.
#[derive(Debug)]
pub enum Order {
    /// Make records durable; answered by `Durable`.
    Append {
        /// Their epoch; records of any but the current one are dropped.
        epoch: Epoch,
        /// In ascending order.
        records: Vec<Arc<Record>>,
        /// At once, with all that came before.
        urgent: bool,
    },
    /// Read records back; always answered by `Fetched`.
    Fetch {
        /// For whom.
        uplink: UplinkId,
        /// Of which epoch.
        epoch: Epoch,
        /// Of which lane.
        lane: Lane,
        /// The first number wanted.
        first: Seq,
        /// The last number wanted.
        last: Seq,
        /// At most so many records.
        records_max: u16,
    },
    /// Look where records of a time are; answered by `Located`.
    Find {
        /// For whom.
        uplink: UplinkId,
        /// From this stamp on.
        from: Utc,
        /// Up to and with this one.
        to: Utc,
    },
    /// Remember what an uplink has confirmed, within about two seconds.
    SaveCursor {
        /// Who.
        uplink: UplinkId,
        /// Of which epoch.
        epoch: Epoch,
        /// Event lane then reading lane.
        acked: [AckedSet; 2],
    },
    /// Remember what is known of the clock of an epoch's run, at once.
    Clock {
        /// The epoch.
        epoch: Epoch,
        /// What is known.
        clock: RunClock,
    },
    /// Begin a fresh epoch on the open store; answered by `Opened`.
    Begin(Header),
    /// Set a broken segment aside (a store that was only refused by the disk stays) and begin a fresh epoch; answered by
    /// `Opened` or `Failed`.
    Reopen(Header),
    /// Write everything, close, and answer here.
    Close(SyncSender<()>),
}

/// What the journal tells.
#[derive(Debug)]
pub enum Report {
    /// For the engine.
    Core(JournalReport),
    /// What the numbers in a past epoch's records mean; sent before the `Opened` that names the epoch, and before a `Fetched`
    /// with records of an epoch that was not told lately.
    Dictionary {
        /// The epoch.
        epoch: Epoch,
        /// Its durable ordinal.
        ordinal: u64,
        /// Its names.
        dictionary: Arc<Dictionary>,
        /// What is known of its clock.
        clock: Option<RunClock>,
    },
    /// Its size, after opening and as it changes.
    Status(JournalStatus),
}

/// How large the journal is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct JournalStatus {
    /// Bytes of all segments, damaged ones included.
    pub bytes_on_disk: u64,
    /// Readable segments.
    pub segments: usize,
    /// Bytes of damaged segments that were set aside.
    pub set_aside_bytes: u64,
    /// The earliest plausible stamp of a reading.
    pub oldest: Option<Utc>,
    /// The earliest plausible stamp of an event.
    pub oldest_event: Option<Utc>,
    /// Bytes that are kept because some platform has not confirmed them.
    pub unconfirmed_bytes: u64,
    /// Bytes that a day of readings takes, once there is an hour of them to tell from.
    pub bytes_per_day: Option<u64>,
    /// It makes manifests and has no key to sign them with.
    pub unsigned: bool,
}

/// An order that was given back because the queue is full or the journal has ended.
#[derive(Debug)]
pub struct Full(pub Order);

/// The journal's thread.
#[derive(Debug)]
pub struct JournalHandle {
    orders: SyncSender<Order>,
    thread: JoinHandle<()>,
    /// Disconnected when the thread has ended.
    ended: Mutex<Receiver<()>>,
}

/// Starts the journal; the first report is `Opened` or `Failed`, past dictionaries aside.
///
/// # Errors
/// When no thread can be started. Whatever is wrong with the folder is reported as `Failed`.
pub fn spawn(
    settings: settings::Journal,
    header: Header,
    uplinks: Vec<String>,
    reports: impl Fn(Report) + Send + 'static,
) -> std::io::Result<JournalHandle> {
    spawn_on(Arc::new(Kernel), (settings, uplinks), header, reports)
}

/// [`spawn`] with something between the journal and the kernel's syncs.
///
/// # Errors
/// As [`spawn`].
pub fn spawn_on(
    disk: Arc<dyn Syncs>,
    (settings, uplinks): (settings::Journal, Vec<String>),
    header: Header,
    reports: impl Fn(Report) + Send + 'static,
) -> std::io::Result<JournalHandle> {
    let (orders, receiver) = sync_channel(ORDERS_MAX);
    let (alive, ended) = sync_channel(0);
    let place = store::Place { settings, uplinks, disk };
    let thread = std::thread::Builder::new().name("journal".to_owned()).spawn(move || {
        let _alive = alive;
        worker::Worker::run(place, &header, reports, &receiver);
    })?;
    Ok(JournalHandle { orders, thread, ended: Mutex::new(ended) })
}

impl JournalHandle {
    /// Gives an order without ever waiting.
    ///
    /// # Errors
    /// The order itself when the queue is full or the journal has ended.
    pub fn try_order(&self, order: Order) -> Result<(), Full> {
        self.orders.try_send(order).map_err(|refused| match refused {
            TrySendError::Full(order) | TrySendError::Disconnected(order) => Full(order),
        })
    }

    /// Writes what was ordered and ends the thread; a disk that hangs is left behind after ten seconds.
    pub fn close(self) {
        let Self { orders, thread, ended } = self;
        let (done, _closed) = sync_channel(1);
        // With a full queue the thread ends by itself: it carries everything out and nobody is left to order.
        drop(orders.try_send(Order::Close(done)));
        drop(orders);
        let ended = ended.into_inner().unwrap_or_else(PoisonError::into_inner);
        match ended.recv_timeout(CLOSE_WITHIN) {
            Err(RecvTimeoutError::Timeout) => tracing::error!("the journal did not close in time"),
            Ok(()) | Err(RecvTimeoutError::Disconnected) => drop(thread.join()),
        }
    }
}
