//! The MQTT uplink: carries bytes to one broker and reports what the broker confirmed.
//!
//! It decides when to connect and how fast to send, never what; it knows nothing of records. One task per **uplink**, one
//! rumqttc client per connection: rumqttc silently drops what it holds when a session is lost (docs/decisions/0004-mqtt.md),
//! so nothing that matters is ever left to it.
//!
//! The hand-shake with the core. After `Down` nothing in flight is confirmed and the core forgets it; after `Up` the core sends
//! again, under fresh [`MessageId`]s. Between the two every [`Order::Publish`] in the channel is dropped unsent. A publish that
//! the core ordered after this adapter queued `Up`, but before the core had read the `Down` in front of it, is sent and
//! confirmed under an id that the core has forgotten: the core ignores ids it does not know, and the platform sees a
//! duplicate, never a gap.

mod backoff;
mod ear;
mod flight;
mod limits;
mod link;
mod session;
mod setup;
mod tls;

use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hazard_core::id::{MessageId, UplinkId};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tracing::{info, warn};

pub use super::downlink::Said;
use super::topic::Listen;
use crate::settings;
pub use crate::tls::{TlsFault, TlsProblem, check_tls};
use backoff::Backoff;

/// A connection that lived this long was a good one: the next attempt starts from the shortest pause.
const GOOD_CONNECTION: Duration = Duration::from_secs(10);
/// Retained topics remembered at most.
const RETAINED_MAX: usize = 64;

/// A message to publish with QoS 1.
#[derive(Clone, Debug)]
pub struct Message {
    /// What its confirmation names; never used twice.
    pub id: MessageId,
    /// Where to.
    pub topic: Arc<str>,
    /// What.
    pub payload: Bytes,
}

/// A retained state of a topic.
#[derive(Clone, Debug)]
pub struct Retained {
    /// Where to.
    pub topic: Arc<str>,
    /// What.
    pub payload: Bytes,
}

/// What the uplink is told.
#[derive(Debug)]
pub enum Order {
    /// Send this message; dropped while the connection is down.
    Publish(Message),
    /// Keep this as the topic's state: the latest wins and is sent again after each connect, before `Up`.
    Retain(Retained),
    /// Publish the will's goodbye, disconnect and end; a closed channel ends without the goodbye, so the will is published.
    Stop,
}

/// What is arranged for the whole life of a connection: what tells the platform of its end, and where it speaks to us.
#[derive(Clone, Debug)]
pub struct Will {
    /// Published by the broker when the connection is lost.
    pub will: Retained,
    /// Published by us before an orderly end.
    pub goodbye: Retained,
    /// Where the platform speaks to us.
    pub listen: Listen,
}

/// What the uplink says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Report {
    /// The connection stands and the retained states are confirmed; nothing is in flight.
    Up,
    /// The connection is lost, once per connection; also an attempt that failed for another reason than the one before.
    /// Nothing that was in flight is confirmed.
    Down {
        /// Why, for the console.
        reason: String,
    },
    /// The broker has this message.
    Acked(MessageId),
    /// This message can never be sent or the broker will never take it.
    Rejected {
        /// Which.
        id: MessageId,
        /// Why, for the console.
        reason: String,
    },
    /// The platform said something that the contract has.
    Said(Said),
    /// So many times it said what nobody could read or had room for.
    Unread(u32),
}

/// Starts the task of an uplink; it ends at [`Order::Stop`] or when one of the channels closes.
pub fn spawn(
    uplink: UplinkId,
    settings: settings::Mqtt,
    will: Will,
    orders: mpsc::Receiver<Order>,
    reports: mpsc::Sender<(UplinkId, Report)>,
) -> JoinHandle<()> {
    let seed = getrandom::u64().unwrap_or(0x5eed);
    let actor = Uplink {
        backoff: Backoff::new(seed, settings.retry_max),
        settings: Arc::new(settings),
        will: Arc::new(will),
        orders,
        outbox: Outbox { uplink, queue: VecDeque::new(), reports },
        retained: BTreeMap::new(),
        pace: session::Pace::Full,
        unheard: 0,
    };
    tokio::spawn(actor.run())
}

/// Why a connection or an attempt ended.
#[derive(Debug)]
struct Fault {
    reason: String,
    kind: FaultKind,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum FaultKind {
    /// The line or the broker failed: try again soon.
    Line,
    /// The broker or its certificate will not have us: try again, but at the slow end.
    Refused,
    /// The broker ended the connection because of one of the messages in flight.
    Poison,
}

impl Fault {
    fn line(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), kind: FaultKind::Line }
    }

    fn refused(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), kind: FaultKind::Refused }
    }
}

/// Nobody wants this uplink any more.
#[derive(Debug)]
struct Stopped;

struct Uplink {
    settings: Arc<settings::Mqtt>,
    will: Arc<Will>,
    orders: mpsc::Receiver<Order>,
    outbox: Outbox,
    retained: BTreeMap<Arc<str>, Bytes>,
    backoff: Backoff,
    pace: session::Pace,
    /// Connections in a row that ended before the broker had answered our subscription.
    unheard: u8,
}

impl Uplink {
    async fn run(mut self) {
        let Err(Stopped) = self.keep_connecting().await;
        self.outbox.send_what_fits();
        info!(uplink = %self.settings.name, "uplink stopped");
    }

    async fn keep_connecting(&mut self) -> Result<std::convert::Infallible, Stopped> {
        let mut told: Option<String> = None;
        loop {
            let attempt = link::open(Arc::clone(&self.settings), Arc::clone(&self.will));
            let (fault, was_up) = match self.while_down(attempt).await? {
                Ok(link) => {
                    let since = Instant::now();
                    let ended = session::run(self, link).await?;
                    if since.elapsed() >= GOOD_CONNECTION {
                        self.backoff.reset();
                    }
                    ended
                }
                Err(fault) => (fault, false),
            };
            if was_up || told.as_ref() != Some(&fault.reason) {
                warn!(uplink = %self.settings.name, reason = %fault.reason, "uplink down");
                self.outbox.push(Report::Down { reason: fault.reason.clone() });
            }
            told = Some(fault.reason);
            // The core must be able to see each Down before the next Up; this also bounds the queue of reports.
            self.empty_outbox().await?;
            let pause = self.backoff.pause(fault.kind);
            self.while_down(sleep(pause)).await?;
        }
    }

    /// Does `work` while there is no connection: publishes are dropped, retained states remembered.
    async fn while_down<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Stopped> {
        let mut work = pin!(work);
        loop {
            tokio::select! {
                order = self.orders.recv() => self.order_while_down(order)?,
                result = &mut work => return Ok(result),
            }
        }
    }

    async fn empty_outbox(&mut self) -> Result<(), Stopped> {
        while !self.outbox.queue.is_empty() {
            tokio::select! {
                sent = self.outbox.send_one() => sent?,
                order = self.orders.recv() => self.order_while_down(order)?,
            }
        }
        Ok(())
    }

    fn order_while_down(&mut self, order: Option<Order>) -> Result<(), Stopped> {
        match order {
            Some(Order::Publish(_)) => Ok(()),
            Some(Order::Retain(state)) => {
                self.remember(state);
                Ok(())
            }
            Some(Order::Stop) | None => Err(Stopped),
        }
    }

    /// Keeps a retained state, if it can be sent at all; says whether it did.
    fn remember(&mut self, state: Retained) -> Option<Arc<str>> {
        let known = self.retained.contains_key(&state.topic);
        if let Err(reason) = limits::sendable(&state.topic, state.payload.len(), &self.limits()) {
            warn!(uplink = %self.settings.name, topic = %state.topic, reason, "retained state dropped");
            return None;
        }
        if !known && self.retained.len() >= RETAINED_MAX {
            warn!(uplink = %self.settings.name, topic = %state.topic, "too many retained topics, this one is dropped");
            return None;
        }
        self.retained.insert(Arc::clone(&state.topic), state.payload);
        Some(state.topic)
    }

    fn limits(&self) -> limits::Limits {
        limits::Limits::of(&self.settings)
    }
}

/// Reports on their way to the core. The connection never waits for the core: reports queue here, and orders are only taken
/// while the queue is short.
struct Outbox {
    uplink: UplinkId,
    queue: VecDeque<Report>,
    reports: mpsc::Sender<(UplinkId, Report)>,
}

impl Outbox {
    fn push(&mut self, report: Report) {
        self.queue.push_back(report);
    }

    /// Hands over the oldest report as soon as the core has room; loses nothing when it is cancelled.
    async fn send_one(&mut self) -> Result<(), Stopped> {
        let permit = self.reports.reserve().await.map_err(|_| Stopped)?;
        if let Some(report) = self.queue.pop_front() {
            permit.send((self.uplink, report));
        }
        Ok(())
    }

    fn send_what_fits(&mut self) {
        while let Some(report) = self.queue.pop_front() {
            if self.reports.try_send((self.uplink, report)).is_err() {
                return;
            }
        }
    }
}
