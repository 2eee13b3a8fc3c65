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
pub mod usb;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use hazard_core::Input;
use hazard_core::id::{BusId, Ticket};
use hazard_core::link::{ReadRequest, WriteRequest};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::settings::BusLink;

pub use ear::listen;
pub use frames::{Frame, Frames, Shape};
pub use link::{Link, Timing};
pub use on_site::Setting;
pub use replay::replay;
pub use stats::{LinkCounts, LinkStats};
pub use tape::Tape;

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
}

/// Runs one bus until `jobs` closes; every job is answered exactly once, in order, on `replies`.
pub fn spawn(
    bus: BusId,
    settings: BusLink,
    jobs: mpsc::Receiver<Job>,
    replies: mpsc::Sender<Input>,
) -> (JoinHandle<()>, Arc<LinkStats>) {
    let stats = Arc::new(LinkStats::default());
    let link = Link::new(settings, Arc::clone(&stats));
    (tokio::spawn(serve(bus, link, jobs, replies)), stats)
}

async fn serve(bus: BusId, mut link: Link, mut jobs: mpsc::Receiver<Job>, replies: mpsc::Sender<Input>) {
    while let Some(job) = jobs.recv().await {
        let input = answer(bus, &mut link, job).await;
        // Nobody is left to hear the answers: the agent is stopping.
        if replies.send(input).await.is_err() {
            return;
        }
    }
}

async fn answer(bus: BusId, link: &mut Link, job: Job) -> Input {
    let Job { ticket, timeout, late_window, request } = job;
    let timing = Timing { timeout, late_window };
    match request {
        Request::Read(read) => Input::Reply { bus, ticket, result: link.read(&read, timing).await },
        Request::Write(write) => Input::Written { bus, ticket, result: link.write(&write, timing).await },
    }
}
