//! The Modbus adapter: carries one request at a time over one bus and says what came of it.
//!
//! It decides whether bytes are *the answer to this request*; it never decides what a value means, when to ask again, or
//! whether a device is healthy. What is not provably the answer is a [`LinkFault`], never a value: a value on the wrong
//! point looks plausible and silences a real alarm.
//!
//! [`LinkFault`]: hazard_core::link::LinkFault

mod ask;
mod caught;
pub mod diagnosis;
mod ear;
mod frames;
mod link;
mod on_site;
mod opener;
mod replay;
mod rtu;
mod stats;
mod tape;
mod tcp;
mod timer;
mod units;
pub mod usb;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use hazard_core::Input;
use hazard_core::id::{BusId, Ticket};
use hazard_core::link::{LinkFault, ReadRequest, Setting, WriteRequest};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::settings::{BusLink, Endpoint};
use diagnosis::Exchange;
use units::fault_of;

pub use ear::listen;
pub use frames::{Frame, Frames, Shape};
pub use link::{Link, Timing};
pub use replay::replay;
pub use stats::{LinkCounts, LinkStats};
pub use tape::Tape;
pub use units::UnitHealth;

/// One request for a bus; it is answered exactly once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Job {
    /// Which request.
    pub ticket: Ticket,
    /// How long the device may take to answer.
    pub timeout: Duration,
    /// How much later than `timeout` its answer may still come in on a serial line.
    pub late_window: Duration,
    /// What is asked.
    pub request: Request,
}

/// What is asked of a bus.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Request {
    /// Answered by [`Input::Reply`].
    Read(ReadRequest),
    /// Answered by [`Input::Written`].
    Write(WriteRequest),
    /// Answered by [`Input::Written`].
    Set(Setting),
}

/// Runs one bus until `jobs` closes; every job is answered exactly once, in order, on `replies`.
pub fn spawn(
    bus: BusId,
    settings: BusLink,
    jobs: mpsc::Receiver<Job>,
    replies: mpsc::Sender<Input>,
) -> (JoinHandle<()>, Arc<LinkStats>) {
    let stats = Arc::new(LinkStats::default());
    let is_rtu = !matches!(settings.endpoint, Endpoint::Tcp { .. });
    let mut link = Link::new(settings, Arc::clone(&stats));
    // Modbus TCP's frames have no CRC to be found by, and its connection is no line.
    let tape = is_rtu.then(Tape::default);
    if let Some(tape) = &tape {
        link.keep_on(tape.clone());
    }
    let bus = Bus { bus, link, stats: Arc::clone(&stats), tape };
    (tokio::spawn(serve(bus, jobs, replies)), stats)
}

struct Bus {
    bus: BusId,
    link: Link,
    stats: Arc<LinkStats>,
    /// What the line brings, for the diagnosis.
    tape: Option<Tape>,
}

async fn serve(mut bus: Bus, mut jobs: mpsc::Receiver<Job>, replies: mpsc::Sender<Input>) {
    while let Some(job) = jobs.recv().await {
        let input = bus.answer(job).await;
        // Nobody is left to hear the answers: the agent is stopping.
        if replies.send(input).await.is_err() {
            return;
        }
    }
}

impl Bus {
    async fn answer(&mut self, job: Job) -> Input {
        let Job { ticket, timeout, late_window, request } = job;
        let (timing, bus) = (Timing { timeout, late_window }, self.bus);
        match request {
            Request::Read(read) => {
                let result = self.link.read(&read, timing).await;
                self.note((read.unit, read.table.function()), fault_of(&result));
                Input::Reply { bus, ticket, result }
            }
            Request::Write(write) => {
                let result = self.link.write(&write, timing).await;
                self.note((write.unit, write.function()), fault_of(&result));
                Input::Written { bus, ticket, result }
            }
            Request::Set(setting) => {
                let result = self.link.set(&setting, timing).await;
                self.note((setting.unit, setting.function()), fault_of(&result));
                Input::Written { bus, ticket, result }
            }
        }
    }

    fn note(&self, (unit, function): (u8, u8), fault: Option<LinkFault>) {
        let heard = self.tape.as_ref().map(Tape::take).unwrap_or_default();
        self.stats.note(&Exchange { unit, function, fault, heard: &heard });
    }
}
