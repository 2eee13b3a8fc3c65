//! The messages to the platform, byte for byte, and the documents that describe them.
//!
//! If a golden file differs, do not change the file: platforms parse these bytes. Add a version.
#![allow(clippy::unwrap_used, reason = "a test may panic, and so may what only tests call")]

mod any;
mod any_command;
mod any_condition;
mod any_upkeep;
mod command;
mod documents;
mod golden;
mod sample;
mod sensors;
mod upkeep;

use hazard_agent::uplink::wire::{Encoded, Wire};
use hazard_core::Utc;
use hazard_core::id::{Epoch, Seq};
use hazard_core::outbox::record::{Body, PreviousEpoch, SystemEvent};
use hazard_tests::contract::Validator;

/// Whoever reads a message as the platform does.
fn validator() -> Validator {
    Validator::load().unwrap()
}

fn parsed(message: &Encoded) -> serde_json::Value {
    serde_json::from_slice(&message.payload).unwrap()
}

fn sent(wire: &Wire, epoch: Epoch, bodies: Vec<Body>) -> serde_json::Value {
    parsed(&wire.publish(&sample::publish(epoch, bodies), sample::SENT_AT))
}

#[test]
fn a_record_from_before_a_change_of_configuration_keeps_its_names() {
    let (mut wire, old) = (sample::wire(), Epoch(0xdead));
    let mut before = sample::dictionary();
    before.points[0].tag = "OLD-101".into();
    before.config_hash = "blake3:0ld".into();
    wire.learn(old, Some(6), before.into());
    wire.enter(sample::EPOCH);
    let message = sent(&wire, old, vec![Body::Readings(vec![sample::good(0, 1.0)])]);
    assert_eq!(message["records"][0]["readings"][0]["point"], "OLD-101");
    assert_eq!((&message["config"], &message["epoch_no"]), (&"blake3:0ld".into(), &6.into()));
    let message = sent(&wire, sample::EPOCH, vec![Body::Readings(vec![sample::good(0, 1.0)])]);
    assert_eq!(message["records"][0]["readings"][0]["point"], "GT-101");
}

#[test]
fn an_uplink_is_named_as_the_running_epoch_names_it_even_on_old_records() {
    let (mut wire, old) = (sample::wire(), Epoch(0xdead));
    let mut before = sample::dictionary();
    before.uplinks = vec!["old-name".into()];
    wire.enter(sample::EPOCH);
    wire.learn(old, Some(6), before.into());
    assert_eq!(sent(&wire, old, vec![sample::opening(Vec::new())])["uplink"], "district");
}

#[test]
fn an_epoch_that_nobody_taught_is_written_with_numbers() {
    let message = sample::wire().publish(
        &sample::publish(Epoch(0xbad), vec![Body::Readings(vec![sample::good(12, 3.5)])]),
        sample::SENT_AT,
    );
    validator().check(&message.topic, &message.payload).unwrap();
    let message = parsed(&message);
    assert_eq!(message["records"][0]["readings"][0]["point"], "#12");
    assert_eq!(message["config"], serde_json::Value::Null);
    assert_eq!(message["epoch"], "0000000000000bad");
}

#[test]
fn the_epochs_remembered_are_bounded_and_the_running_one_stays() {
    let mut wire = sample::wire();
    wire.enter(sample::EPOCH);
    for number in 0..500 {
        wire.learn(Epoch(number), Some(number), sample::dictionary().into());
    }
    let name = |epoch| {
        sent(&wire, epoch, vec![Body::Readings(vec![sample::good(0, 1.0)])])["records"][0]["readings"][0]["point"].clone()
    };
    assert_eq!(name(sample::EPOCH), "GT-101");
    assert_eq!(name(Epoch(499)), "GT-101");
    assert_eq!(name(Epoch(430)), "GT-101");
    assert_eq!(name(Epoch(300)), "#0");
}

#[test]
fn learning_an_epoch_again_replaces_what_was_known_of_it() {
    let mut wire = sample::wire();
    wire.learn(sample::EPOCH, Some(99), sample::dictionary().into());
    assert_eq!(sent(&wire, sample::EPOCH, vec![sample::opening(Vec::new())])["epoch_no"], 99);
}

#[test]
fn the_state_lists_fifty_alarms_the_most_urgent_first_and_counts_all() {
    let wire = sample::wire();
    let mut state = sample::state();
    state.alarms = sample::many_alarms(70);
    let message = wire.state(&state);
    validator().check(&message.topic, &message.payload).unwrap();
    let alarms = parsed(&message)["alarms"].clone();
    assert_eq!((&alarms["count"], &alarms["unacked"]), (&70.into(), &1.into()));
    assert_eq!(alarms["list"].as_array().map(Vec::len), Some(50));
    assert_eq!(
        (&alarms["list"][0]["state"], &alarms["list"][0]["priority"]),
        (&"unacked".into(), &"low".into())
    );
    assert_eq!(alarms["list"][1]["priority"], "high");
}

#[test]
fn a_bad_reading_has_no_value_that_could_be_taken_for_zero() {
    for reason in sample::every_no_data() {
        let reading = sample::bad(0, reason);
        let message = sent(&sample::wire(), sample::EPOCH, vec![Body::Readings(vec![reading])]);
        let reading = &message["records"][0]["readings"][0];
        assert_eq!(reading.get("value"), None, "{reading}");
        assert_eq!(reading["quality"], "bad");
    }
}

#[test]
fn what_the_broker_keeps_is_the_state_the_will_and_the_birth() {
    let wire = sample::wire();
    assert!(wire.state(&sample::state()).retain);
    assert!(wire.will(sample::EPOCH, Utc::default()).retain);
    assert!(wire.birth(sample::EPOCH).retain);
    assert!(
        !wire
            .publish(&sample::publish(sample::EPOCH, vec![sample::opening(Vec::new())]), Utc::default())
            .retain
    );
    assert_eq!(wire.will(sample::EPOCH, Utc::default()).topic, wire.state(&sample::state()).topic);
}

#[test]
fn the_validator_refuses_what_the_contract_does_not_have() {
    let validator = validator();
    let bodies = vec![
        sample::opening(vec![PreviousEpoch { epoch: Epoch(1), durable_through: Seq(9) }]),
        Body::System(SystemEvent {
            condition: hazard_core::outbox::record::Condition::JournalDown,
            raised: true,
        }),
    ];
    let message = sample::wire().publish(&sample::publish(sample::EPOCH, bodies), sample::SENT_AT);
    let text = std::str::from_utf8(&message.payload).unwrap();
    validator.check(&message.topic, &message.payload).unwrap();
    for (from, to) in [
        ("\"v\":1", "\"v\":2"),
        ("\"gateway\":\"GW-01\"", "\"gateway\":\"GW-02\""),
        ("\"records\":[", "\"more\":1,\"records\":["),
        ("\"seq\":2,", "\"seq\":1,"),
        ("\"kind\":\"system\"", "\"kind\":\"weather\""),
        ("journal_down\"", "journal_down\",\"bus\":\"B\""),
        ("\"clock\":\"synced\"", "\"clock\":\"perhaps\""),
        ("\"durable_through\":9", "\"durable_through\":null"),
        (".000Z\"", "Z\""),
    ] {
        let broken = text.replacen(from, to, 1);
        assert_ne!(broken, text, "{from} is in the message");
        assert!(validator.check(&message.topic, broken.as_bytes()).is_err(), "{to} passed");
    }
    for topic in ["onemap/v1/511302/E0001/GW-01/weather", "onemap/v2/511302/E0001/GW-01/alarm", "alarm"] {
        assert!(validator.check(topic, &message.payload).is_err(), "{topic} passed");
    }
    let live = message.topic.replace("/alarm", "/live");
    assert!(validator.check(&live, &message.payload).is_err(), "events on the stream of readings passed");
}
