//! Who gets what: subscriptions, retained messages and the connections behind them.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use rumqttc::{QoS, matches};
use tokio::sync::{Notify, mpsc};

use super::Delivery;

/// Messages that may wait for one client; more are dropped.
const CLIENT_QUEUE_MAX: usize = 4_096;
/// Messages that may wait for one in-process subscriber; more are dropped.
const LOCAL_QUEUE_MAX: usize = 65_536;
/// Retained topics.
const RETAINED_MAX: usize = 10_000;
/// Filters of one client.
const FILTERS_MAX: usize = 256;

/// A message on its way to a client.
pub(super) struct Outgoing {
    pub(super) topic: Arc<str>,
    pub(super) payload: Bytes,
    pub(super) qos: QoS,
    pub(super) retain: bool,
}

/// What a connection needs of its place in the table.
pub(super) struct Seat {
    pub(super) number: u64,
    pub(super) deliveries: mpsc::Receiver<Outgoing>,
    pub(super) cut: Arc<Notify>,
}

struct Client {
    id: String,
    queue: mpsc::Sender<Outgoing>,
    cut: Arc<Notify>,
    filters: Vec<(String, QoS)>,
}

#[derive(Default)]
struct Table {
    next: u64,
    clients: HashMap<u64, Client>,
    locals: Vec<(String, mpsc::Sender<Delivery>)>,
    retained: BTreeMap<Arc<str>, Bytes>,
}

/// The table of routes, shared by all connections.
#[derive(Default)]
pub(super) struct Routes(Mutex<Table>);

impl Routes {
    /// Seats a client; one with the same identifier is cut, as the standard demands.
    pub(super) fn join(&self, id: &str) -> Seat {
        let mut table = self.lock();
        for client in table.clients.values().filter(|client| client.id == id) {
            client.cut.notify_one();
        }
        let (queue, deliveries) = mpsc::channel(CLIENT_QUEUE_MAX);
        let cut = Arc::new(Notify::new());
        table.next += 1;
        let number = table.next;
        table
            .clients
            .insert(number, Client { id: id.to_owned(), queue, cut: Arc::clone(&cut), filters: Vec::new() });
        Seat { number, deliveries, cut }
    }

    pub(super) fn leave(&self, number: u64) {
        self.lock().clients.remove(&number);
    }

    /// Adds a filter and queues the retained messages under it; says whether there was room.
    pub(super) fn subscribe(&self, number: u64, filter: &str, qos: QoS) -> bool {
        let mut table = self.lock();
        let Table { clients, retained, .. } = &mut *table;
        let Some(client) = clients.get_mut(&number) else { return false };
        client.filters.retain(|(known, _)| known != filter);
        if client.filters.len() >= FILTERS_MAX {
            return false;
        }
        client.filters.push((filter.to_owned(), qos));
        for (topic, payload) in retained.iter().filter(|(topic, _)| matches(topic, filter)) {
            let message = Outgoing { topic: Arc::clone(topic), payload: payload.clone(), qos, retain: true };
            let _ = client.queue.try_send(message);
        }
        true
    }

    pub(super) fn unsubscribe(&self, number: u64, filter: &str) {
        if let Some(client) = self.lock().clients.get_mut(&number) {
            client.filters.retain(|(known, _)| known != filter);
        }
    }

    pub(super) fn subscribe_local(&self, filter: &str) -> mpsc::Receiver<Delivery> {
        let mut table = self.lock();
        let (sender, receiver) = mpsc::channel(LOCAL_QUEUE_MAX);
        for (topic, payload) in table.retained.iter().filter(|(topic, _)| matches(topic, filter)) {
            let _ = sender.try_send((Arc::clone(topic), payload.clone(), true));
        }
        table.locals.push((filter.to_owned(), sender));
        receiver
    }

    /// Delivers a message to everyone who asked for it; an empty retained one takes the topic's state away.
    pub(super) fn publish(&self, message: &Outgoing) {
        let mut table = self.lock();
        let topic = &message.topic;
        if message.retain && message.payload.is_empty() {
            table.retained.remove(topic);
        } else if message.retain
            && (table.retained.len() < RETAINED_MAX || table.retained.contains_key(topic))
        {
            table.retained.insert(Arc::clone(topic), message.payload.clone());
        }
        table.locals.retain(|(_, queue)| !queue.is_closed());
        for (_, queue) in table.locals.iter().filter(|(filter, _)| matches(topic, filter)) {
            let _ = queue.try_send((Arc::clone(topic), message.payload.clone(), message.retain));
        }
        for client in table.clients.values() {
            let wanted = client.filters.iter().filter(|(filter, _)| matches(topic, filter));
            let Some(qos) = wanted.map(|(_, qos)| *qos).max_by_key(|qos| *qos as u8) else {
                continue;
            };
            let qos = if message.qos == QoS::AtMostOnce { QoS::AtMostOnce } else { qos };
            let payload = message.payload.clone();
            let _ = client.queue.try_send(Outgoing { topic: Arc::clone(topic), payload, qos, retain: false });
        }
    }

    pub(super) fn cut_all(&self) -> usize {
        let table = self.lock();
        for client in table.clients.values() {
            client.cut.notify_one();
        }
        table.clients.len()
    }

    pub(super) fn connected(&self) -> usize {
        self.lock().clients.len()
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
