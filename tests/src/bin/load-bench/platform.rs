//! The platform's side: a subscriber that notes when each reading arrived, and which poll it came from.

use std::collections::{HashMap, HashSet};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use rumqttc::{AsyncClient, Event, EventLoop, MqttOptions, Packet, QoS};
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

use crate::plant::BenchClock;

const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// Which way a reading came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Via {
    Live,
    BackFill,
}

/// A reading that arrived.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Arrival {
    pub(crate) at_us: u64,
    pub(crate) via: Via,
    pub(crate) device: usize,
    /// The low 32 bits of the time at which the device answered.
    pub(crate) stamp: u32,
    /// Which answer of the device it was, from 1.
    pub(crate) counter: u32,
    /// Epoch and number of its record; the bare loop has none.
    pub(crate) record: Option<(u64, u64)>,
}

impl Arrival {
    /// From the device's answer to here; the stamp wraps after 71 minutes, the difference does not.
    pub(crate) fn latency_us(&self) -> u64 {
        u64::from((self.at_us as u32).wrapping_sub(self.stamp))
    }
}

/// An alarm that arrived as standing and unacknowledged.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct AlarmArrival {
    pub(crate) at_us: u64,
    pub(crate) alarm: String,
}

/// All that arrived.
#[derive(Clone, Default, Debug)]
pub(crate) struct Arrivals {
    pub(crate) readings: Vec<Arrival>,
    pub(crate) alarms: Vec<AlarmArrival>,
    /// Messages that are neither the agent's nor the bare loop's.
    pub(crate) foreign: u64,
}

/// The same poll, seen more than once.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Repeats {
    /// With the epoch and number of before: the platform drops it by its key.
    pub(crate) marked: u64,
    /// Under another epoch or number, or without one: the platform cannot know.
    pub(crate) unmarked: u64,
}

impl Arrivals {
    /// The polls that arrived, as device and counter.
    pub(crate) fn polls(&self) -> HashSet<(usize, u32)> {
        self.readings.iter().map(|arrival| (arrival.device, arrival.counter)).collect()
    }

    pub(crate) fn repeats(&self) -> Repeats {
        let mut first = HashMap::new();
        let mut repeats = Repeats::default();
        for arrival in &self.readings {
            let Some(known) = first.insert((arrival.device, arrival.counter), arrival.record) else {
                continue;
            };
            if known.is_some() && known == arrival.record {
                repeats.marked += 1;
            } else {
                repeats.unmarked += 1;
            }
        }
        repeats
    }

    /// Takes a message of the agent (`onemap/…/live`, `backfill`, `alarm`) or of the bare loop (`bare/<device>`).
    fn take(&mut self, at_us: u64, topic: &str, payload: &[u8]) {
        let taken = match topic.rsplit('/').next() {
            Some("state" | "birth") => Some(()),
            Some("live") => self.take_records((at_us, Via::Live), payload),
            Some("backfill") => self.take_records((at_us, Via::BackFill), payload),
            Some("alarm") => self.take_alarms(at_us, payload),
            Some(device) if topic.starts_with("bare/") => self.take_bare(at_us, device, payload),
            _ => None,
        };
        self.foreign += u64::from(taken.is_none());
    }

    fn take_records(&mut self, (at_us, via): (u64, Via), payload: &[u8]) -> Option<()> {
        let message: Value = serde_json::from_slice(payload).ok()?;
        let epoch = u64::from_str_radix(message["epoch"].as_str()?, 16).ok()?;
        for record in message["records"].as_array()? {
            let seq = record["seq"].as_u64()?;
            let (mut device, mut stamp, mut counter) = (None, None, None);
            for reading in record["readings"].as_array().into_iter().flatten() {
                let Some((owner, point)) = reading["point"].as_str().and_then(|tag| tag.split_once('-'))
                else {
                    continue;
                };
                match point {
                    "stamp" => stamp = whole(&reading["value"]),
                    "counter" => (device, counter) = (position(owner), whole(&reading["value"])),
                    _ => {}
                }
            }
            // A record without them says that a device does not answer.
            if let (Some(device), Some(stamp), Some(counter)) = (device, stamp, counter) {
                let record = Some((epoch, seq));
                self.readings.push(Arrival { at_us, via, device, stamp, counter, record });
            }
        }
        Some(())
    }

    fn take_alarms(&mut self, at_us: u64, payload: &[u8]) -> Option<()> {
        let message: Value = serde_json::from_slice(payload).ok()?;
        for record in message["records"].as_array()? {
            if record["kind"] == "alarm" && record["to"] == "unacked" {
                let alarm = record["alarm"].as_str()?.to_owned();
                self.alarms.push(AlarmArrival { at_us, alarm });
            }
        }
        Some(())
    }

    fn take_bare(&mut self, at_us: u64, device: &str, payload: &[u8]) -> Option<()> {
        let message: Value = serde_json::from_slice(payload).ok()?;
        let word = |name: &str| u32::try_from(message[name].as_u64()?).ok();
        let pair = |high: &str, low: &str| Some(word(high)? << 16 | word(low)?);
        let (stamp, counter) = (pair("r0", "r1")?, pair("r2", "r3")?);
        let device = device.parse().ok()?;
        self.readings.push(Arrival { at_us, via: Via::Live, device, stamp, counter, record: None });
        Some(())
    }
}

/// `D17` is device 17.
fn position(owner: &str) -> Option<usize> {
    owner.strip_prefix('D')?.parse().ok()
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the agent writes whole numbers as 25.0"
)]
fn whole(value: &Value) -> Option<u32> {
    value.as_f64().map(|number| number as u32)
}

/// A subscriber to everything; dropping it disconnects it.
pub(crate) struct Platform {
    arrivals: Arc<Mutex<Arrivals>>,
    _runtime: Runtime,
}

impl Platform {
    /// Returns when the broker has confirmed the subscription.
    pub(crate) fn connect(broker_port: u16, clock: BenchClock) -> anyhow::Result<Self> {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let events = runtime.block_on(subscribe(broker_port))?;
        let (sender, messages) = channel();
        runtime.spawn(receive(events, clock, sender));
        let arrivals = Arc::new(Mutex::default());
        let noting = Arc::clone(&arrivals);
        // Reading the messages apart from receiving them: a long message must not delay the stamp of the next.
        std::thread::Builder::new().name("platform".to_owned()).spawn(move || note(&messages, &noting))?;
        Ok(Self { arrivals, _runtime: runtime })
    }

    pub(crate) fn arrivals(&self) -> Arrivals {
        lock(&self.arrivals).clone()
    }
}

type Message = (u64, String, Bytes);

async fn subscribe(port: u16) -> anyhow::Result<(AsyncClient, EventLoop)> {
    let mut options = MqttOptions::new("platform", "127.0.0.1", port);
    options.set_max_packet_size(16 << 20, 1 << 20);
    let (client, mut events) = AsyncClient::new(options, 16);
    events.network_options.set_tcp_nodelay(true);
    for filter in ["onemap/#", "bare/#"] {
        client.subscribe(filter, QoS::AtLeastOnce).await?;
    }
    let mut confirmed = 0;
    while confirmed < 2 {
        let event = timeout(CONNECT_WITHIN, events.poll()).await.context("the broker does not answer")??;
        confirmed += u8::from(matches!(event, Event::Incoming(Packet::SubAck(_))));
    }
    Ok((client, events))
}

async fn receive((client, mut events): (AsyncClient, EventLoop), clock: BenchClock, to: Sender<Message>) {
    loop {
        match events.poll().await {
            Ok(Event::Incoming(Packet::Publish(publish))) => {
                if to.send((clock.now_us(), publish.topic, publish.payload)).is_err() {
                    return;
                }
            }
            Ok(_) => {}
            Err(error) => {
                eprintln!("the platform's connection ended: {error}");
                drop(client);
                return;
            }
        }
    }
}

fn note(messages: &Receiver<Message>, arrivals: &Mutex<Arrivals>) {
    for (at_us, topic, payload) in messages {
        lock(arrivals).take(at_us, &topic, &payload);
    }
}

fn lock(arrivals: &Mutex<Arrivals>) -> MutexGuard<'_, Arrivals> {
    arrivals.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIVE: &str = "onemap/v1/510107/E0001/GW-01/live";

    fn records(seq: u64, device: usize, counter: u32) -> String {
        format!(
            r#"{{"v":1,"epoch":"00000000000000ff","records":[{{"seq":{seq},"kind":"readings","readings":[
            {{"point":"D{device}-stamp","value":4294967000.0}},{{"point":"D{device}-counter","value":{counter}.0}},
            {{"point":"D{device}-5","value":12.0}}]}}]}}"#
        )
    }

    #[test]
    fn a_message_of_the_agent_says_which_poll_arrived_and_when() {
        let mut arrivals = Arrivals::default();
        arrivals.take(5_000_000_000, LIVE, records(42, 17, 9).as_bytes());
        let arrival = arrivals.readings[0];
        assert_eq!((arrival.device, arrival.counter, arrival.record), (17, 9, Some((255, 42))));
        assert_eq!(arrival.via, Via::Live);
        assert_eq!(arrivals.foreign, 0);
    }

    #[test]
    fn a_latency_survives_the_wrap_of_the_stamp() {
        let mut arrivals = Arrivals::default();
        arrivals.take((1 << 32) + 1_000, LIVE, records(1, 1, 1).as_bytes());
        assert_eq!(arrivals.readings[0].latency_us(), 1_296);
    }

    #[test]
    fn a_message_of_the_bare_loop_says_the_same() {
        let mut arrivals = Arrivals::default();
        arrivals.take(70_000, "bare/3", br#"{"r0":1,"r1":2,"r2":0,"r3":8,"r4":5}"#);
        let arrival = arrivals.readings[0];
        assert_eq!((arrival.device, arrival.counter, arrival.record), (3, 8, None));
        assert_eq!(arrival.latency_us(), 70_000 - 65_538);
    }

    #[test]
    fn only_a_repeat_with_the_same_key_is_marked() {
        let mut arrivals = Arrivals::default();
        for (seq, counter) in [(1, 1), (2, 2), (2, 2), (3, 3), (4, 3)] {
            arrivals.take(0, LIVE, records(seq, 0, counter).as_bytes());
        }
        assert_eq!(arrivals.repeats(), Repeats { marked: 1, unmarked: 1 });
        assert_eq!(arrivals.polls().len(), 3);
    }

    #[test]
    fn alarms_are_noted_when_they_are_raised_and_foreign_messages_are_counted() {
        let mut arrivals = Arrivals::default();
        let alarm = |to: &str| {
            let text = r#"{"records":[{"seq":1,"kind":"alarm","alarm":"D0-level/high","to":"?"}]}"#;
            text.replace('?', to)
        };
        arrivals.take(7, "onemap/v1/a/b/c/alarm", alarm("unacked").as_bytes());
        arrivals.take(8, "onemap/v1/a/b/c/alarm", alarm("normal").as_bytes());
        arrivals.take(9, "elsewhere", b"{}");
        arrivals.take(9, LIVE, b"no JSON");
        assert_eq!(arrivals.alarms, [AlarmArrival { at_us: 7, alarm: "D0-level/high".to_owned() }]);
        assert_eq!(arrivals.foreign, 2);
    }
}
