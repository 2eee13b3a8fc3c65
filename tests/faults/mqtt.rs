//! Faults of the mqtt adapter: brokers that cut, freeze, forget, confirm out of order or not at all.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod model;
mod mosquitto;
mod quota;

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use hazard_agent::demo::broker::{Broker, Delivery};
use hazard_agent::uplink::mqtt::Order;
use tokio::sync::mpsc;

use model::{Core, LIMIT, numbers, retained, settings, within};

#[tokio::test]
async fn every_message_arrives_despite_cuts_lost_sessions_and_missing_or_shuffled_confirmations() {
    let seed =
        std::env::var("HAZARD_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(0x000b_ad5e_ed01);
    println!("seed {seed} (HAZARD_SEED to repeat)");
    let broker = Broker::bind("127.0.0.1:0").await.unwrap();
    let faults = broker.faults();
    faults.seed.store(seed, Ordering::Relaxed);
    faults.ack_shuffle_ms.store(6, Ordering::Relaxed);
    faults.ack_skip_permille.store(2, Ordering::Relaxed);
    faults.ack_twice_permille.store(1, Ordering::Relaxed);
    let mut received = broker.subscribe("plant/#");
    let mut settings = settings(broker.addr().port());
    settings.stall_timeout = Duration::from_millis(250);
    settings.retry_max = Duration::from_millis(30);
    let (mut core, _uplink) = Core::start(settings, 64);
    core.submit(0..6_000);

    let mut dice = seed;
    let (mut cuts, mut next_cut) = (0, 40);
    within("all messages to be confirmed", async {
        while core.acked.len() < 6_000 {
            core.step().await;
            if core.up && core.acked.len() >= next_cut {
                cuts += broker.cut_all();
                dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                next_cut = core.acked.len() + 1 + (dice >> 33) as usize % 250;
            }
        }
    })
    .await;

    let (arrived, copies) = drain(&mut received);
    println!("{cuts} cuts, {} connections lost, {copies} copies of 6000 messages", core.downs.len());
    assert!(cuts >= 30, "only {cuts} cuts: the test shows nothing");
    assert_eq!(arrived, (0..6_000).collect::<BTreeSet<_>>(), "seed {seed}");
    assert!(core.rejected.is_empty(), "nothing may be given up: {:?}", core.rejected);
}

#[tokio::test]
async fn a_frozen_broker_is_noticed_within_the_stall_timeout_and_survived() {
    let broker = Broker::bind("127.0.0.1:0").await.unwrap();
    let mut settings = settings(broker.addr().port());
    settings.stall_timeout = Duration::from_millis(400);
    settings.connect_timeout = Duration::from_millis(1_000);
    let (mut core, _uplink) = Core::start(settings, 64);
    core.until("up", |core| core.up).await;

    broker.faults().freeze.store(true, Ordering::Relaxed);
    let frozen = Instant::now();
    core.submit(0..10);
    core.until("down", |core| !core.downs.is_empty()).await;
    let noticed = frozen.elapsed();
    assert!(core.downs[0].contains("no confirmation"), "{:?}", core.downs);
    assert!(noticed >= Duration::from_millis(400) && noticed < Duration::from_millis(1_200), "{noticed:?}");
    core.until("an attempt to fail", |core| core.downs.len() > 1).await;
    assert!(core.downs[1].contains("timed out waiting for the broker's answer"), "{:?}", core.downs);

    broker.faults().freeze.store(false, Ordering::Relaxed);
    core.until("all confirmed", |core| core.acked.len() == 10).await;
}

#[tokio::test]
async fn a_broker_that_forgot_everything_has_the_retained_states_before_up_is_reported() {
    let broker = Broker::bind("127.0.0.1:0").await.unwrap();
    let port = broker.addr().port();
    let (mut core, _uplink) = Core::start(settings(port), 64);
    core.order(Order::Retain(retained("plant/state", "first")));
    core.order(Order::Retain(retained("plant/state", "second")));
    core.order(Order::Retain(retained("plant/model", "v1")));
    core.until("up", |core| core.up).await;
    drop(broker);
    core.until("down", |core| !core.up).await;
    core.order(Order::Retain(retained("plant/model", "v2")));

    let broker = Broker::bind(("127.0.0.1", port)).await.unwrap();
    core.until("up again", |core| core.up).await;
    let mut states = broker.subscribe("plant/#");
    let mut found = Vec::new();
    while let Ok((topic, payload, _)) = states.try_recv() {
        found.push((topic.to_string(), String::from_utf8(payload.to_vec()).unwrap()));
    }
    assert_eq!(found, [("plant/model".into(), "v2".into()), ("plant/state".into(), "second".into())]);
}

#[tokio::test]
async fn a_publish_ordered_between_down_and_up_is_dropped_and_not_sent_on_the_next_connection() {
    let broker = Broker::bind("127.0.0.1:0").await.unwrap();
    broker.faults().refuse.store(true, Ordering::Relaxed);
    let mut received = broker.subscribe("plant/#");
    let (mut core, _uplink) = Core::start(settings(broker.addr().port()), 64);
    core.until("down", |core| !core.downs.is_empty()).await;
    for stale in 900..910 {
        core.publish_unasked(stale);
    }
    broker.faults().refuse.store(false, Ordering::Relaxed);
    core.submit(0..3);
    core.until("all confirmed", |core| core.acked.len() == 3).await;
    assert_eq!(drain(&mut received).0, (0..3).collect());
}

#[tokio::test]
async fn the_will_is_published_when_the_agent_dies_and_the_goodbye_when_it_stops() {
    let broker = Broker::bind("127.0.0.1:0").await.unwrap();
    let mut status = broker.subscribe("status");
    let (mut core, uplink) = Core::start(settings(broker.addr().port()), 64);
    core.until("up", |core| core.up).await;
    uplink.abort();
    assert_eq!(next(&mut status).await, "offline");

    let (mut core, uplink) = Core::start(settings(broker.addr().port()), 64);
    core.until("up", |core| core.up).await;
    core.order(Order::Stop);
    within("the uplink to end", uplink).await.unwrap();
    assert_eq!(next(&mut status).await, "goodbye");
    within("the broker to see it leave", async {
        while broker.connected() > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert!(status.try_recv().is_err(), "after a goodbye there must be no will");
}

#[tokio::test]
async fn a_stop_is_obeyed_at_once_while_the_broker_is_away() {
    let (core, uplink) = Core::start(settings(9), 64);
    core.order(Order::Stop);
    within("the uplink to end", uplink).await.unwrap();
}

#[tokio::test]
async fn a_message_that_can_never_be_sent_is_rejected_without_costing_the_connection() {
    let broker = Broker::bind("127.0.0.1:0").await.unwrap();
    let mut settings = settings(broker.addr().port());
    settings.packet_bytes_max = 1_000;
    let (mut core, _uplink) = Core::start(settings, 64);
    core.until("up", |core| core.up).await;
    core.publish("plant/large", vec![b'x'; 1_001], 1);
    core.publish("plant/#", vec![b'x'; 10], 2);
    core.publish("", vec![b'x'; 10], 3);
    // 1 + 2 bytes of header, 2 + 9 of topic, 2 of packet number: the largest that fits.
    core.publish("plant/fit", vec![b'x'; 984], 4);
    core.publish("plant/fit", vec![b'x'; 985], 5);
    core.until("all answered", |core| core.acked.len() + core.rejected.len() == 5).await;
    assert_eq!(core.acked, BTreeSet::from([4]));
    assert_eq!(core.rejected, [1, 2, 3, 5]);
    assert_eq!(core.downs, Vec::<String>::new());
}

#[tokio::test]
async fn a_refused_login_is_named_and_tried_again_only_at_the_slow_end() {
    let broker = Broker::bind("127.0.0.1:0").await.unwrap();
    broker.faults().refuse_login.store(true, Ordering::Relaxed);
    let mut settings = settings(broker.addr().port());
    settings.retry_max = Duration::from_millis(600);
    let (mut core, _uplink) = Core::start(settings, 64);
    core.until("down", |core| !core.downs.is_empty()).await;
    assert!(core.downs[0].contains("NotAuthorized"), "{:?}", core.downs);
    let refused = Instant::now();
    broker.faults().refuse_login.store(false, Ordering::Relaxed);
    core.until("up", |core| core.up).await;
    assert!(refused.elapsed() >= Duration::from_millis(290), "{:?}", refused.elapsed());
}

#[tokio::test]
async fn a_core_that_does_not_read_its_reports_does_not_stop_the_keep_alive() {
    let broker = Broker::bind("127.0.0.1:0").await.unwrap();
    let mut settings = settings(broker.addr().port());
    settings.keep_alive = Duration::from_secs(1);
    let (mut core, _uplink) = Core::start(settings, 64);
    core.until("up", |core| core.up).await;
    core.submit(0..64);
    core.pump();
    // The broker cuts a client that is silent for 1.5 s.
    tokio::time::sleep(Duration::from_millis(2_200)).await;
    assert_eq!(broker.connected(), 1);
    core.until("all confirmed", |core| core.acked.len() == 64).await;
    assert_eq!(core.ups, 1);
}

/// What has arrived: which numbers, and how many messages in all.
fn drain(received: &mut mpsc::Receiver<Delivery>) -> (BTreeSet<u64>, usize) {
    let mut payloads = Vec::new();
    while let Ok((_, payload, _)) = received.try_recv() {
        payloads.push(payload);
    }
    (numbers(&payloads), payloads.len())
}

async fn next(status: &mut mpsc::Receiver<Delivery>) -> String {
    let (_, payload, _) = tokio::time::timeout(LIMIT, status.recv()).await.unwrap().unwrap();
    String::from_utf8(payload.to_vec()).unwrap()
}
