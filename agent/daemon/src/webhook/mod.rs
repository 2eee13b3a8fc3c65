//! The webhook: carries orders to call somebody to one receiver by HTTPS, and reports what became of each. Decides when to
//! try again, never who is called.
//!
//! Every order that was taken has exactly one report: also one that broke off when the agent stops, or in a panic. The
//! protocol is docs/platform/webhook.md.

mod deliver;
pub mod mac;
mod notice;
mod post;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use hazard_core::call::DeliveryFault;
use hazard_core::id::{AttemptId, Epoch};
use tokio::sync::mpsc;
use tokio::task::{self, JoinHandle, JoinSet};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::{info, warn};

use crate::clock::Clock;
use crate::settings::{self, Secret};
pub use notice::{Name, Notice, NoticeAlarm};

/// What a webhook is made of.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Where to and how.
    pub settings: settings::Webhook,
    /// What both sides know.
    pub secret: Secret,
    /// This run: attempts are counted from 1 in each, and the receiver must not take one for a repeat of another's.
    pub run: Epoch,
    /// For stamps.
    pub clock: Clock,
}

/// An order to tell a role.
#[derive(Clone, PartialEq, Debug)]
pub struct Order {
    /// What its report names.
    pub attempt: AttemptId,
    /// What it is told.
    pub notice: Notice,
}

/// What became of an order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Report {
    /// It arrived. That is no answer.
    Delivered {
        /// Which.
        attempt: AttemptId,
    },
    /// It arrived, and a person answered at once.
    Answered {
        /// Which.
        attempt: AttemptId,
        /// Who.
        by: String,
        /// What was said; may be empty.
        note: String,
    },
    /// It did not arrive.
    Failed {
        /// Which.
        attempt: AttemptId,
        /// What has to be repaired.
        fault: DeliveryFault,
        /// Why, for people.
        reason: String,
    },
}

impl Report {
    /// The order it is about.
    #[must_use]
    pub const fn attempt(&self) -> AttemptId {
        match self {
            Self::Delivered { attempt } | Self::Answered { attempt, .. } | Self::Failed { attempt, .. } => {
                *attempt
            }
        }
    }
}

/// The way in to a webhook. Dropping it stops the webhook: what is in flight may end within the time that its settings
/// give, and as long again its reports may wait for whoever takes them.
#[derive(Debug)]
pub struct Orders {
    queue: mpsc::Sender<(Order, Instant)>,
    _stop: DropGuard,
}

impl Orders {
    /// Hands an order over; never waits.
    ///
    /// # Errors
    /// The order's report where it was not taken: too many wait already, or the webhook has ended.
    pub fn send(&self, order: Order) -> Result<(), Report> {
        self.queue.try_send((order, Instant::now())).map_err(|error| match error {
            mpsc::error::TrySendError::Full((order, _)) => {
                failed(order.attempt, DeliveryFault::Crowded, "too many orders are waiting")
            }
            mpsc::error::TrySendError::Closed((order, _)) => {
                failed(order.attempt, DeliveryFault::Unreachable, "the webhook has ended")
            }
        })
    }
}

/// Starts a webhook; it ends when [`Orders`] is dropped, and then with a report for each order it had taken.
#[must_use]
pub fn spawn(setup: Setup, reports: mpsc::Sender<Report>) -> (Orders, JoinHandle<()>) {
    let (queue, orders) = mpsc::channel(setup.settings.queue.max(1));
    let stop = CancellationToken::new();
    let webhook = Webhook {
        setup: Arc::new(setup),
        orders,
        outbox: Outbox { queue: VecDeque::new(), reports },
        tasks: JoinSet::new(),
        carried: BTreeMap::new(),
    };
    (Orders { queue, _stop: stop.clone().drop_guard() }, tokio::spawn(webhook.run(stop)))
}

struct Webhook {
    setup: Arc<Setup>,
    /// Each with the moment from which its time runs: waiting here counts.
    orders: mpsc::Receiver<(Order, Instant)>,
    outbox: Outbox,
    tasks: JoinSet<Report>,
    carried: BTreeMap<task::Id, AttemptId>,
}

impl Webhook {
    async fn run(mut self, stop: CancellationToken) {
        let at_once = self.setup.settings.concurrency.max(1);
        loop {
            // No order is taken while a report waits, which bounds both.
            let has_room = self.tasks.len() < at_once && self.outbox.queue.is_empty();
            tokio::select! {
                () = stop.cancelled() => break,
                Some((order, since)) = self.orders.recv(), if has_room => self.begin(order, since),
                Some(ended) = self.tasks.join_next_with_id() => self.ended(ended),
                () = self.outbox.send_one() => {}
            }
        }
        self.stop().await;
        info!(webhook = %self.setup.settings.name, "webhook stopped");
    }

    fn begin(&mut self, order: Order, since: Instant) {
        let attempt = order.attempt;
        let task = self.tasks.spawn(deliver::deliver(Arc::clone(&self.setup), order, since));
        self.carried.insert(task.id(), attempt);
    }

    /// What is in flight may end in time; what does not, and what waits, is said not to have arrived.
    async fn stop(&mut self) {
        let lasts = self.setup.settings.stop_within;
        let deadline = Instant::now() + lasts;
        while let Ok(Some(ended)) = timeout_at(deadline, self.tasks.join_next_with_id()).await {
            self.ended(ended);
        }
        self.tasks.shutdown().await;
        let broken_off = std::mem::take(&mut self.carried).into_values();
        self.orders.close();
        let waiting = std::iter::from_fn(|| self.orders.try_recv().ok()).map(|(order, _)| order.attempt);
        for attempt in broken_off.chain(waiting) {
            self.outbox.push(failed(attempt, DeliveryFault::Unreachable, "the agent stopped"));
        }
        let deadline = Instant::now() + lasts;
        while !self.outbox.queue.is_empty() {
            if timeout_at(deadline, self.outbox.send_one()).await.is_err() {
                warn!(webhook = %self.setup.settings.name, reports = ?self.outbox.queue, "nobody took these reports");
                return;
            }
        }
    }

    fn ended(&mut self, ended: Result<(task::Id, Report), task::JoinError>) {
        let report = match ended {
            Ok((id, report)) => {
                self.carried.remove(&id);
                Some(report)
            }
            Err(error) => self.carried.remove(&error.id()).map(|attempt| {
                failed(attempt, DeliveryFault::Unreachable, "carrying it failed inside the agent")
            }),
        };
        if let Some(Report::Failed { attempt, reason, .. }) = &report {
            warn!(webhook = %self.setup.settings.name, attempt = attempt.0, %reason, "order not delivered");
        }
        report.into_iter().for_each(|report| self.outbox.push(report));
    }
}

/// Reports on their way to whoever gave the orders.
struct Outbox {
    queue: VecDeque<Report>,
    reports: mpsc::Sender<Report>,
}

impl Outbox {
    fn push(&mut self, report: Report) {
        self.queue.push_back(report);
    }

    /// Hands over the oldest report; waits for ever where there is none, and loses nothing when it is cancelled.
    async fn send_one(&mut self) {
        if self.queue.is_empty() {
            return std::future::pending().await;
        }
        match self.reports.reserve().await {
            Ok(permit) => {
                if let Some(report) = self.queue.pop_front() {
                    permit.send(report);
                }
            }
            // Whoever closed the channel wants no reports.
            Err(_) => self.queue.clear(),
        }
    }
}

fn failed(attempt: AttemptId, fault: DeliveryFault, reason: &str) -> Report {
    Report::Failed { attempt, fault, reason: reason.to_owned() }
}
