//! The life of one connection: states first, then `Up`, then messages, watched for progress.

use std::collections::{BTreeSet, VecDeque};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use tracing::{debug, info, warn};

use super::ear::Ear;
use super::flight::{Cargo, Flight};
use super::limits::{Limits, sendable};
use super::link::{Client, Keep, Link, Refusal, Seen};
use super::{Fault, FaultKind, Message, Order, Report, Stopped, Uplink};

/// An orderly end may take this long.
const LEAVE_WITHIN: Duration = Duration::from_secs(3);
/// Pause after a broker put a message off; doubles while it goes on.
const QUOTA_PAUSE: Duration = Duration::from_secs(1);
const QUOTA_PAUSE_MAX: Duration = Duration::from_secs(60);
/// So often a broker may put off the same message before it counts as rejected.
const REFUSALS_MAX: u8 = 20;
/// So many connections may end before the broker answers our subscription; the next one does not subscribe.
const UNHEARD_MAX: u8 = 3;
/// Events between the event loop and the session; acknowledgements come in batches of ten.
const SEEN_MAX: usize = 32;

/// How many messages may be in flight at a time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Pace {
    /// The whole window.
    Full,
    /// One, after the broker ended a connection over a message without saying which: next time it is clear which.
    Single,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    /// The retained states are on their way.
    Starting,
    Up,
    /// The goodbye is on its way.
    Leaving {
        until: Instant,
    },
}

/// Runs until the connection ends; says why and whether `Up` was reported.
pub(super) async fn run(uplink: &mut Uplink, link: Link) -> Result<(Fault, bool), Stopped> {
    let (seen_in, mut seen) = mpsc::channel(SEEN_MAX);
    let Link { client, driver, limits } = link;
    let mut session = Session::new(uplink, client, limits);
    let mut driver = pin!(driver.run(seen_in));
    if session.uplink.unheard < UNHEARD_MAX
        && let Err(fault) = session.client.subscribe(&session.uplink.will.listen)
    {
        return session.close(Ok(fault));
    }
    let ended = loop {
        if let Err(fault) = session.fill() {
            break Ok(fault);
        }
        let session = &mut session;
        let wake_at = session.wake_at();
        let turn = tokio::select! {
            biased;
            sent = session.uplink.outbox.send_one(), if !session.uplink.outbox.queue.is_empty() => sent.map_err(Ending::from),
            Some(event) = seen.recv() => { session.on_seen(event); Ok(()) }
            fault = &mut driver => {
                while let Ok(event) = seen.try_recv() {
                    session.on_seen(event);
                }
                Err(Ending::Fault(fault))
            }
            order = session.uplink.orders.recv(), if session.takes_orders() => session.on_order(order),
            () = sleep_until(wake_at) => session.on_wake(),
        };
        match turn {
            Ok(()) => {}
            Err(Ending::Fault(fault)) => break Ok(fault),
            Err(Ending::Stopped) => break Err(Stopped),
        }
    };
    session.close(ended)
}

enum Ending {
    Fault(Fault),
    Stopped,
}

impl From<Stopped> for Ending {
    fn from(_: Stopped) -> Self {
        Self::Stopped
    }
}

struct Session<'a> {
    uplink: &'a mut Uplink,
    client: Client,
    limits: Limits,
    flight: Flight,
    /// Messages that wait for room, and how often each was put off.
    waiting: VecDeque<(Message, u8)>,
    /// Topics whose state is to be sent.
    states: BTreeSet<Arc<str>>,
    goodbye_due: bool,
    phase: Phase,
    was_up: bool,
    confirmed: usize,
    held_until: Option<Instant>,
    pause: Duration,
    opened: Instant,
    ear: Ear,
    /// The broker has said whether we may listen.
    answered: bool,
}

impl<'a> Session<'a> {
    fn new(uplink: &'a mut Uplink, client: Client, limits: Limits) -> Self {
        let open_max = match uplink.pace {
            Pace::Full => limits.in_flight_max,
            Pace::Single => 1,
        };
        Self {
            states: uplink.retained.keys().cloned().collect(),
            flight: Flight::new(open_max, limits.span_max),
            uplink,
            client,
            limits,
            waiting: VecDeque::new(),
            goodbye_due: false,
            phase: Phase::Starting,
            was_up: false,
            confirmed: 0,
            held_until: None,
            pause: QUOTA_PAUSE,
            opened: Instant::now(),
            ear: Ear::new(),
            answered: false,
        }
    }

    /// Hands over what there is room for: states before messages.
    fn fill(&mut self) -> Result<(), Fault> {
        while self.flight.has_room() {
            if self.goodbye_due {
                self.goodbye_due = false;
                let will = Arc::clone(&self.uplink.will);
                self.publish(&will.goodbye.topic, will.goodbye.payload.clone(), Cargo::Goodbye)?;
            } else if let Some(topic) = self.states.pop_first() {
                let payload = self.uplink.retained.get(&topic).cloned().unwrap_or_default();
                match sendable(&topic, payload.len(), &self.limits) {
                    Ok(()) => self.publish(&Arc::clone(&topic), payload, Cargo::State(topic))?,
                    Err(reason) => warn!(%topic, reason, "retained state not sent to this broker"),
                }
            } else if self.held_until.is_some() {
                break;
            } else if let Some((message, refusals)) = self.waiting.pop_front() {
                let (topic, payload) = (Arc::clone(&message.topic), message.payload.clone());
                self.publish(&topic, payload, Cargo::Message(message, refusals))?;
            } else {
                break;
            }
        }
        if self.phase == Phase::Starting && self.states.is_empty() && !self.flight.carries_state() {
            self.drop_stale_orders();
            if self.phase == Phase::Starting && self.states.is_empty() {
                self.go_up();
            } else {
                return self.fill();
            }
        }
        Ok(())
    }

    fn publish(&mut self, topic: &str, payload: bytes::Bytes, cargo: Cargo) -> Result<(), Fault> {
        let keep = match cargo {
            Cargo::State(_) | Cargo::Goodbye if self.limits.retains => Keep::Retained,
            _ => Keep::Passing,
        };
        self.client.publish(topic, payload, keep)?;
        self.flight.push(cargo, Instant::now());
        Ok(())
    }

    /// Publishes that were ordered for the connection before are still in the channel: the core sends them again.
    fn drop_stale_orders(&mut self) {
        for _ in 0..self.uplink.orders.max_capacity() {
            let Ok(order) = self.uplink.orders.try_recv() else { return };
            match order {
                Order::Publish(_) => {}
                Order::Retain(state) => self.states.extend(self.uplink.remember(state)),
                Order::Stop => return self.leave(),
            }
        }
    }

    fn go_up(&mut self) {
        info!(uplink = %self.uplink.settings.name, connect_ms = self.opened.elapsed().as_millis(), "uplink up");
        self.phase = Phase::Up;
        self.was_up = true;
        self.uplink.outbox.push(Report::Up);
    }

    fn leave(&mut self) {
        self.phase = Phase::Leaving { until: Instant::now() + LEAVE_WITHIN };
        self.waiting.clear();
        self.states.clear();
        self.goodbye_due = true;
    }

    /// Orders are read while there is room for them and the core takes our reports, so both queues have a bound.
    fn takes_orders(&self) -> bool {
        let room =
            self.waiting.len() < self.limits.in_flight_max.max(usize::from(self.uplink.settings.window));
        room && self.uplink.outbox.queue.len() < self.limits.span_max
            && !matches!(self.phase, Phase::Leaving { .. })
    }

    fn on_order(&mut self, order: Option<Order>) -> Result<(), Ending> {
        match order {
            Some(Order::Publish(message)) if self.phase == Phase::Up => self.accept(message),
            Some(Order::Publish(_)) => {}
            Some(Order::Retain(state)) => self.states.extend(self.uplink.remember(state)),
            Some(Order::Stop) => self.leave(),
            None => return Err(Ending::Stopped),
        }
        Ok(())
    }

    fn accept(&mut self, message: Message) {
        match sendable(&message.topic, message.payload.len(), &self.limits) {
            Ok(()) => self.waiting.push_back((message, 0)),
            Err(reason) => self.reject(&message, reason),
        }
    }

    fn reject(&mut self, message: &Message, reason: &str) {
        warn!(uplink = %self.uplink.settings.name, id = message.id.0, topic = %message.topic, reason, "message rejected");
        self.uplink.outbox.push(Report::Rejected { id: message.id, reason: reason.to_owned() });
    }

    fn on_seen(&mut self, event: Seen) {
        match event {
            Seen::Sent(packet) => self.flight.sent(packet),
            Seen::Confirmed(packet) => match self.flight.land(packet) {
                Some(Cargo::Message(message, _)) => self.on_confirmed(&message),
                Some(Cargo::Goodbye) => self.client.disconnect(),
                Some(Cargo::State(_)) | None => {}
            },
            Seen::Refused(packet, refusal) => match (self.flight.land(packet), refusal) {
                (Some(Cargo::Message(message, _)), Refusal::Never(reason)) => self.reject(&message, &reason),
                (Some(Cargo::Message(message, refusals)), Refusal::Later(reason)) => {
                    self.put_off(message, refusals + 1, &reason);
                }
                (Some(Cargo::State(topic)), Refusal::Never(reason) | Refusal::Later(reason)) => {
                    warn!(uplink = %self.uplink.settings.name, %topic, reason, "the broker refused a retained state");
                }
                (Some(Cargo::Goodbye), _) => self.client.disconnect(),
                (None, _) => {}
            },
            Seen::Listening(taken) => {
                (self.answered, self.uplink.unheard) = (true, 0);
                if !taken {
                    warn!(uplink = %self.uplink.settings.name, "the broker does not let us listen to the platform");
                }
            }
            Seen::Heard(heard) => {
                let queue = &mut self.uplink.outbox.queue;
                let told = self.ear.hear(&heard, &self.uplink.will.listen, queue.len());
                queue.extend(told.into_iter().flatten());
            }
        }
    }

    fn on_confirmed(&mut self, message: &Message) {
        self.uplink.outbox.push(Report::Acked(message.id));
        self.pause = QUOTA_PAUSE;
        self.confirmed += 1;
        if self.uplink.pace == Pace::Single && self.confirmed > 2 * self.limits.in_flight_max {
            self.uplink.pace = Pace::Full;
            self.flight.widen(self.limits.in_flight_max);
        }
    }

    fn put_off(&mut self, message: Message, refusals: u8, reason: &str) {
        if refusals > REFUSALS_MAX {
            self.reject(&message, reason);
            return;
        }
        debug!(uplink = %self.uplink.settings.name, id = message.id.0, reason, "message put off");
        self.waiting.push_front((message, refusals));
        if self.held_until.is_none() {
            self.held_until = Some(Instant::now() + self.pause);
            self.pause = (self.pause * 2).min(QUOTA_PAUSE_MAX);
        }
    }

    fn stall_at(&self) -> Option<Instant> {
        self.flight.oldest_since().map(|since| since + self.uplink.settings.stall_timeout)
    }

    fn wake_at(&self) -> Instant {
        let leave = match self.phase {
            Phase::Leaving { until } => Some(until),
            Phase::Starting | Phase::Up => None,
        };
        let far = self.opened + Duration::from_secs(86_400 * 365);
        [self.stall_at(), self.held_until, leave].into_iter().flatten().min().unwrap_or(far)
    }

    fn on_wake(&mut self) -> Result<(), Ending> {
        let now = Instant::now();
        if let Phase::Leaving { until } = self.phase
            && now >= until
        {
            return Err(Ending::Stopped);
        }
        if self.held_until.is_some_and(|until| now >= until) {
            self.held_until = None;
        }
        if self.stall_at().is_some_and(|stall| now >= stall) {
            let waited_ms = self.uplink.settings.stall_timeout.as_millis();
            return Err(Ending::Fault(Fault::line(format!("no confirmation for {waited_ms} ms"))));
        }
        Ok(())
    }

    fn close(self, ended: Result<Fault, Stopped>) -> Result<(Fault, bool), Stopped> {
        let fault = ended?;
        // Some brokers end a connection that subscribes where it may not: then we go without, and try again the time after.
        let deaf = self.uplink.unheard >= UNHEARD_MAX;
        if deaf && self.was_up {
            self.uplink.unheard = 0;
        } else if !deaf && !self.answered {
            self.uplink.unheard += 1;
        }
        if matches!(self.phase, Phase::Leaving { .. }) {
            return Err(Stopped);
        }
        if fault.kind == FaultKind::Poison {
            self.uplink.pace = match self.flight.only_cargo() {
                Some(Cargo::Message(message, _)) => {
                    self.uplink
                        .outbox
                        .push(Report::Rejected { id: message.id, reason: fault.reason.clone() });
                    Pace::Full
                }
                Some(Cargo::State(topic)) => {
                    warn!(uplink = %self.uplink.settings.name, %topic, reason = fault.reason, "retained state dropped");
                    self.uplink.retained.remove(topic);
                    Pace::Full
                }
                Some(Cargo::Goodbye) | None => Pace::Single,
            };
        }
        Ok((fault, self.was_up))
    }
}
