//! The district platform of these tests: subscribes to everything, checks each message against the contract, and keeps what
//! arrived under its number.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hazard_tests::contract::Validator;
use rumqttc::{Client, Event, MqttOptions, Packet, QoS};
use serde_json::Value;

use crate::tools::wait_for;

#[derive(Default)]
pub(crate) struct Seen {
    /// Every message, in order of arrival: stream and JSON.
    pub(crate) messages: Vec<(String, Value)>,
    /// Records by epoch and number.
    pub(crate) records: BTreeMap<(String, u64), Value>,
    /// What broke the contract.
    pub(crate) faults: Vec<String>,
}

pub(crate) struct Platform {
    seen: Arc<Mutex<Seen>>,
    client: Client,
}

impl Platform {
    /// Subscribes; comes back by itself when the broker does.
    pub(crate) fn subscribe(port: u16, tls_dir: Option<PathBuf>) -> Self {
        assert!(tls_dir.is_none(), "the platform subscribes on the plain listener");
        let mut options = MqttOptions::new("platform", "127.0.0.1", port);
        options.set_keep_alive(Duration::from_secs(5)).set_max_packet_size(1 << 20, 1 << 20);
        // A broker that was only slow keeps what came while we were away.
        options.set_clean_session(false);
        let (client, mut connection) = Client::new(options, 64);
        let seen = Arc::new(Mutex::new(Seen::default()));
        let (sink, subscriber) = (Arc::clone(&seen), client.clone());
        let validator = Validator::load().unwrap();
        let (ready, subscribed) = std::sync::mpsc::sync_channel(1);
        std::thread::spawn(move || {
            for event in connection.iter() {
                match event {
                    Ok(Event::Incoming(Packet::ConnAck(_))) => {
                        drop(subscriber.try_subscribe("onemap/v1/#", QoS::AtLeastOnce));
                    }
                    Ok(Event::Incoming(Packet::SubAck(_))) => drop(ready.try_send(())),
                    Ok(Event::Incoming(Packet::Publish(publish))) => {
                        sink.lock().unwrap().take(&validator, &publish.topic, &publish.payload);
                    }
                    Ok(_) => {}
                    // The broker is away; the next attempt comes a moment later.
                    Err(_) => std::thread::park_timeout(Duration::from_millis(50)),
                }
            }
        });
        subscribed.recv_timeout(crate::tools::PATIENCE).expect("no subscription");
        Self { seen, client }
    }

    /// Waits until `found` finds something in what arrived.
    pub(crate) fn wait<T>(&self, what: &str, found: impl Fn(&Seen) -> Option<T>) -> T {
        wait_for(what, || found(&self.seen.lock().unwrap()))
    }

    /// Says something to the gateway.
    pub(crate) fn say(&self, stream: &str, payload: &str, retain: bool) {
        let topic = format!("onemap/v1/511303/ENT-1/GW-1/{stream}");
        self.client.publish(topic, QoS::AtLeastOnce, retain, payload).unwrap();
    }

    /// Looks at what arrived.
    pub(crate) fn look<T>(&self, look: impl Fn(&Seen) -> T) -> T {
        look(&self.seen.lock().unwrap())
    }

    /// Nothing that arrived broke the contract.
    pub(crate) fn is_content(&self) {
        self.look(|seen| assert!(seen.faults.is_empty(), "the contract is broken: {:?}", seen.faults));
    }
}

impl Drop for Platform {
    fn drop(&mut self) {
        drop(self.client.disconnect());
    }
}

/// A record without what may differ when it is sent again: one of a clock that was unset is back-dated once the time is known.
fn undated(record: &Value) -> Value {
    let mut record = record.clone();
    if record["clock"] == "unset" || record["clock"] == "backdated" {
        let fields = record.as_object_mut().unwrap();
        fields.retain(|field, _| !matches!(&**field, "at" | "clock" | "stamped"));
    }
    record
}

impl Seen {
    fn take(&mut self, validator: &Validator, topic: &str, payload: &[u8]) {
        if topic.ends_with("/receipt") || topic.ends_with("/request") {
            // What it said itself.
            return;
        }
        if let Err(fault) = validator.check(topic, payload) {
            self.faults.push(fault);
        }
        let Ok(message) = serde_json::from_slice::<Value>(payload) else {
            return;
        };
        let stream = topic.rsplit('/').next().unwrap_or_default().to_owned();
        let epoch = message["epoch"].as_str().unwrap_or_default().to_owned();
        for record in message["records"].as_array().into_iter().flatten() {
            let seq = record["seq"].as_u64().unwrap_or_default();
            let known = self.records.entry((epoch.clone(), seq)).or_insert_with(|| record.clone());
            if undated(known) != undated(record) {
                self.faults.push(format!("{epoch} {seq} names two records: {known} and {record}"));
            }
        }
        self.messages.push((stream, message));
    }

    /// Every value of the point that arrived, by epoch and number.
    pub(crate) fn values(&self, point: &str) -> Vec<f64> {
        let readings =
            self.records.values().flat_map(|record| record["readings"].as_array().into_iter().flatten());
        readings
            .filter(|reading| reading["point"] == point)
            .filter_map(|reading| reading["value"].as_f64())
            .collect()
    }

    /// The epoch's records came one after the other to `last`, without a gap; what the agent lost it has stated.
    pub(crate) fn is_gapless(&self, epoch: &str, last: u64) -> bool {
        let numbers = self.records.keys().filter(|(of, _)| of == epoch).map(|(_, seq)| *seq);
        numbers.take_while(|seq| *seq <= last).eq(1..=last)
    }

    /// The highest number of the epoch that arrived.
    pub(crate) fn last_of(&self, epoch: &str) -> u64 {
        self.records.keys().filter(|(of, _)| of == epoch).map(|(_, seq)| *seq).max().unwrap_or(0)
    }

    /// The readings of the epoch that arrived.
    pub(crate) fn readings_of(&self, epoch: &str) -> u64 {
        let records = self.records.iter().filter(|((of, _), _)| of == epoch).map(|(_, record)| record);
        records.map(|record| record["readings"].as_array().map_or(0, Vec::len) as u64).sum()
    }

    /// How often the clock was set to a time that begins so.
    pub(crate) fn steps_to(&self, year: &str) -> usize {
        let steps = self.records.values().filter(|record| record["kind"] == "clock_step");
        steps.filter(|step| step["to"].as_str().is_some_and(|to| to.starts_with(year))).count()
    }

    /// Whether a record of the stream arrived whose fields are these.
    pub(crate) fn has(&self, kind: &str, fields: &[(&str, &str)]) -> bool {
        self.records.values().any(|record| {
            record["kind"] == kind && fields.iter().all(|(field, value)| record[*field] == *value)
        })
    }
}
