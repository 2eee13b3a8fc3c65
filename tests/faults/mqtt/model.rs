//! A model of the core at the uplink's seam: it keeps each message until it is confirmed and sends again after `Down`.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future::Future;
use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;
use hazard_agent::settings::{Mqtt, MqttVersion};
use hazard_agent::uplink::mqtt::{Message, Order, Report, Retained, Said, Will, spawn};
use hazard_agent::uplink::topic::Listen;
use hazard_core::id::{MessageId, UplinkId};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Nothing in these tests may take longer.
pub(super) const LIMIT: Duration = Duration::from_secs(90);

pub(super) struct Core {
    orders: mpsc::Sender<Order>,
    reports: mpsc::Receiver<(UplinkId, Report)>,
    window: usize,
    next_id: u64,
    waiting: VecDeque<u64>,
    /// Numbers that are written with leading zeros, up to this length.
    large: BTreeMap<u64, usize>,
    in_flight: BTreeMap<MessageId, u64>,
    pub(super) up: bool,
    pub(super) ups: usize,
    pub(super) downs: Vec<String>,
    pub(super) acked: BTreeSet<u64>,
    pub(super) rejected: Vec<u64>,
    pub(super) said: Vec<Said>,
    pub(super) unread: u32,
}

impl Core {
    pub(super) fn start(settings: Mqtt, window: usize) -> (Self, JoinHandle<()>) {
        let (orders, orders_out) = mpsc::channel(256);
        let (reports_in, reports) = mpsc::channel(16);
        let listen = Listen { receipt: "plant/receipt".into(), request: "plant/request".into() };
        let (will, goodbye) = (retained("status", "offline"), retained("status", "goodbye"));
        let will = Will { will, goodbye, listen };
        let uplink = spawn(UplinkId(3), settings, will, orders_out, reports_in);
        let core = Self {
            orders,
            reports,
            window,
            next_id: 0,
            said: Vec::new(),
            unread: 0,
            waiting: VecDeque::new(),
            large: BTreeMap::new(),
            in_flight: BTreeMap::new(),
            up: false,
            ups: 0,
            downs: Vec::new(),
            acked: BTreeSet::new(),
            rejected: Vec::new(),
        };
        (core, uplink)
    }

    pub(super) fn submit(&mut self, numbers: Range<u64>) {
        self.waiting.extend(numbers);
    }

    pub(super) fn submit_large(&mut self, number: u64, payload_bytes: usize) {
        self.large.insert(number, payload_bytes);
        self.waiting.push_back(number);
    }

    /// Orders what the window allows.
    pub(super) fn pump(&mut self) {
        while self.up && self.in_flight.len() < self.window {
            let Some(number) = self.waiting.pop_front() else { return };
            let width = self.large.get(&number).copied().unwrap_or(0);
            self.publish(&format!("plant/{}", number % 7), format!("{number:0width$}").into_bytes(), number);
        }
    }

    pub(super) fn publish(&mut self, topic: &str, payload: Vec<u8>, number: u64) {
        self.next_id += 1;
        let id = MessageId(self.next_id);
        self.in_flight.insert(id, number);
        self.order(Order::Publish(Message { id, topic: topic.into(), payload: payload.into() }));
    }

    /// As a core would that has not yet read a `Down`.
    pub(super) fn publish_unasked(&mut self, number: u64) {
        let id = MessageId(1_000_000 + number);
        let payload = Bytes::from(number.to_string());
        self.order(Order::Publish(Message { id, topic: "plant/stale".into(), payload }));
    }

    pub(super) fn order(&self, order: Order) {
        self.orders.try_send(order).expect("the uplink reads its orders");
    }

    pub(super) fn unconfirmed(&self) -> BTreeSet<u64> {
        self.in_flight.values().chain(&self.waiting).copied().collect()
    }

    /// Orders what can be ordered and reads one report.
    pub(super) async fn step(&mut self) {
        self.pump();
        let (uplink, report) = self.reports.recv().await.expect("the uplink lives");
        assert_eq!(uplink, UplinkId(3));
        match report {
            Report::Up => {
                assert!(!self.up, "Up twice without a Down");
                assert!(self.in_flight.is_empty());
                self.up = true;
                self.ups += 1;
            }
            Report::Down { reason } => {
                self.up = false;
                self.downs.push(reason);
                let lost = std::mem::take(&mut self.in_flight);
                lost.into_values().rev().for_each(|number| self.waiting.push_front(number));
            }
            // A confirmation under a forgotten id tells the core nothing.
            Report::Acked(id) => self.acked.extend(self.in_flight.remove(&id)),
            Report::Rejected { id, .. } => self.rejected.extend(self.in_flight.remove(&id)),
            Report::Said(said) => self.said.push(said),
            Report::Unread(times) => self.unread += times,
        }
    }

    pub(super) async fn until(&mut self, what: &str, done: impl Fn(&Self) -> bool) {
        within(what, async {
            while !done(self) {
                self.step().await;
            }
        })
        .await;
    }
}

pub(super) async fn within<T>(what: &str, work: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, work).await.unwrap_or_else(|_| panic!("waited too long for {what}"))
}

pub(super) fn retained(topic: &str, payload: &'static str) -> Retained {
    Retained { topic: topic.into(), payload: Bytes::from_static(payload.as_bytes()) }
}

pub(super) fn settings(port: u16) -> Mqtt {
    Mqtt {
        name: "district".into(),
        host: "127.0.0.1".into(),
        port,
        version: MqttVersion::V311,
        client_id: "gateway-1".into(),
        login: None,
        tls: None,
        keep_alive: Duration::from_secs(5),
        connect_timeout: Duration::from_secs(5),
        stall_timeout: Duration::from_secs(5),
        retry_max: Duration::from_millis(100),
        window: 64,
        packet_bytes_max: 65_536,
    }
}

pub(super) fn numbers(payloads: &[Bytes]) -> BTreeSet<u64> {
    payloads.iter().map(|payload| std::str::from_utf8(payload).unwrap().parse().unwrap()).collect()
}
