//! Scenario F: how fast a backlog leaves, against a bare client that publishes the same messages to the same broker.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use bytes::Bytes;
use memchr::memmem;
use rumqttc::{AsyncClient, Event, EventLoop, MqttOptions, Packet, QoS};
use serde_json::Value;
use tokio::runtime::Builder;
use tokio::time::timeout;

use crate::report::Outcome;
use crate::rig::{Options, Rig};
use crate::site::Load;
use crate::start::fill;
use crate::subject::{Subject, Who};

/// As the site file's `window`.
const IN_FLIGHT: u16 = 16;
/// A backlog that stands still for so long never arrives.
const SILENCE: Duration = Duration::from_secs(20);
/// No name of the plant contains it.
const RECORD_BEGINS: &[u8] = b"{\"seq\":";
const EPOCH: &[u8] = b"\"epoch\":\"";
const PACKET_BYTES_MAX: usize = 16 << 20;

/// What arrived, and how long that took from the first message to the last.
struct Drained {
    messages: Vec<(String, Bytes)>,
    took: Duration,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<Outcome> {
    let rig = Rig::new(Load::WIDE, options)?;
    fill(&rig, options.journal_records)?;
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let mut subject = rig.start(Who::Agent, rig.broker.port)?;
    let agent = runtime.block_on(backlog(rig.broker.port, options.journal_records, &mut subject));
    let agent = agent.with_context(|| subject.last_words())?;
    subject.stop()?;
    let bare = runtime.block_on(publish(rig.broker.port, &agent.messages))?;
    let records = options.journal_records as f64;
    let bytes: usize = agent.messages.iter().map(|(_, payload)| payload.len()).sum();
    let figures = vec![
        ("backlog_records", Some(records)),
        ("backlog_messages", Some(agent.messages.len() as f64)),
        ("backlog_mb", Some(bytes as f64 / 1e6)),
        ("drain_records_per_s", Some(records / agent.took.as_secs_f64())),
        ("bare_records_per_s", Some(records / bare.as_secs_f64())),
        ("drain_of_bare", Some(bare.as_secs_f64() / agent.took.as_secs_f64())),
    ];
    Ok(Outcome { scenario: 'F', who: Who::Agent, figures })
}

/// Listens until as many records as the backlog holds have arrived, then looks whether they are those of the backlog: whoever
/// reads JSON while the clock runs takes the processor from what is measured, and the bare client's listener reads none.
async fn backlog(port: u16, records: u64, subject: &mut Subject) -> anyhow::Result<Drained> {
    let (_client, mut events) = connect(port, "drain", Some("onemap/+/+/+/+/backfill")).await?;
    let (mut messages, mut arrived, mut begin, mut end) = (Vec::new(), 0, None, Instant::now());
    let mut backlog: Option<Bytes> = None;
    // The opening is no reading and came by another topic.
    while arrived + 1 < records {
        let event = timeout(SILENCE, events.poll()).await;
        let Ok(event) = event else { bail!("{arrived} of {records} records arrived") };
        subject.check()?;
        let Event::Incoming(Packet::Publish(publish)) = event? else { continue };
        end = Instant::now();
        begin.get_or_insert(end);
        let epoch = epoch_of(&publish.payload).context("a message names no epoch")?;
        // The agent lives on: what of its own run falls behind comes by the same topic.
        if *backlog.get_or_insert_with(|| epoch.clone()) != epoch {
            continue;
        }
        arrived += memmem::find_iter(&publish.payload, RECORD_BEGINS).count() as u64;
        messages.push((publish.topic, publish.payload));
    }
    let seen = numbers(&messages)?.len() as u64;
    if seen + 1 != records {
        bail!("{seen} different records of {records} arrived");
    }
    let begin = begin.context("nothing arrived")?;
    Ok(Drained { messages, took: end - begin })
}

fn epoch_of(payload: &Bytes) -> Option<Bytes> {
    let begin = memmem::find(payload, EPOCH)? + EPOCH.len();
    (begin + 16 <= payload.len()).then(|| payload.slice(begin..begin + 16))
}

/// The number of each record.
fn numbers(messages: &[(String, Bytes)]) -> anyhow::Result<HashSet<u64>> {
    let mut seen = HashSet::new();
    for (_, payload) in messages {
        let message: Value = serde_json::from_slice(payload)?;
        let records = message["records"].as_array().into_iter().flatten();
        seen.extend(records.filter_map(|record| record["seq"].as_u64()));
    }
    Ok(seen)
}

/// Publishes the same messages and waits for each PUBACK.
async fn publish(port: u16, messages: &[(String, Bytes)]) -> anyhow::Result<Duration> {
    let (_listener, mut heard) = connect(port, "listener", Some("onemap/#")).await?;
    let listening = tokio::spawn(async move { while heard.poll().await.is_ok() {} });
    let (client, mut events) = connect(port, "bare-drain", None).await?;
    let begin = Instant::now();
    let sending = messages.to_vec();
    let sender = tokio::spawn(async move {
        for (topic, payload) in sending {
            client.publish_bytes(topic, QoS::AtLeastOnce, false, payload).await?;
        }
        anyhow::Ok(client)
    });
    let mut confirmed = 0;
    while confirmed < messages.len() {
        let event = timeout(SILENCE, events.poll()).await.context("the broker confirms nothing")??;
        confirmed += usize::from(matches!(event, Event::Incoming(Packet::PubAck(_))));
    }
    let took = begin.elapsed();
    drop(sender.await??);
    listening.abort();
    Ok(took)
}

async fn connect(port: u16, id: &str, filter: Option<&str>) -> anyhow::Result<(AsyncClient, EventLoop)> {
    let mut options = MqttOptions::new(id, "127.0.0.1", port);
    options.set_max_packet_size(PACKET_BYTES_MAX, PACKET_BYTES_MAX).set_inflight(IN_FLIGHT);
    let (client, mut events) = AsyncClient::new(options, usize::from(IN_FLIGHT));
    events.network_options.set_tcp_nodelay(true);
    if let Some(filter) = filter {
        client.subscribe(filter, QoS::AtLeastOnce).await?;
    }
    loop {
        let event = timeout(SILENCE, events.poll()).await.context("the broker does not answer")??;
        let ready = match event {
            Event::Incoming(Packet::ConnAck(_)) => filter.is_none(),
            Event::Incoming(Packet::SubAck(_)) => true,
            Event::Incoming(_) | Event::Outgoing(_) => false,
        };
        if ready {
            return Ok((client, events));
        }
    }
}
