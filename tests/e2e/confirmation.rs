//! A platform that confirms by receipts, misses some, asks for a time again and sets the pace; and what else it may say.

use serde_json::{Value, json};

use crate::agent::{Agent, SiteParts, site};
use crate::broker::Mosquitto;
use crate::device::Device;
use crate::forwarding::Counter;
use crate::platform::{Platform, Seen};
use crate::tools::wait_for;

#[test]
fn a_platform_with_receipts_is_sent_what_it_misses_and_what_it_asks_for_over_mqtt_3() {
    receipts("3.1.1");
}

#[test]
fn a_platform_with_receipts_is_sent_what_it_misses_and_what_it_asks_for_over_mqtt_5() {
    receipts("5");
}

fn receipts(version: &str) {
    let dir = tempfile::tempdir().unwrap();
    let (Some(device), Some(broker)) = (Device::tcp(), Mosquitto::start(dir.path(), "")) else {
        return;
    };
    let bus = format!("kind = \"tcp\"\nhost = \"127.0.0.1\"\nport = {}", device.port);
    let uplink = format!(
        "host = \"127.0.0.1\"\nport = {}\nversion = \"{version}\"\nconfirm = \"receipt\"\nreceipt_timeout_s = 3600",
        broker.port
    );
    let _counter = Counter::start(device);
    let platform = Platform::subscribe(broker.port, None);
    // A pause that was asked for at some time, nobody knows when, and that the broker keeps.
    platform.say("request", r#"{"rate":{"readings_per_s":0}}"#, true);
    let agent = Agent::start(&site(dir.path(), &SiteParts { bus: &bus, uplink: &uplink }));
    let numbers = platform.wait("readings", |seen| Some(readings(seen)).filter(|found| found.len() > 8));
    a_puback_is_no_confirmation(&agent);
    what_is_missing_comes_again((&agent, &platform), &numbers);
    garbage_does_nothing(&agent, &platform);
    a_time_comes_again(&platform, &numbers);
    the_pace_is_the_platforms(&agent, &platform, &numbers);
    platform.is_content();
}

/// Epoch, number and time of the records with readings, in ascending order.
fn readings(seen: &Seen) -> Vec<(String, u64, String)> {
    let of_readings = seen.records.iter().filter(|(_, record)| record["kind"] == "readings");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    of_readings.map(|((epoch, seq), record)| (epoch.clone(), *seq, text(&record["at"]))).collect()
}

fn uplink(agent: &Agent) -> Value {
    agent.status()["uplinks"][0].clone()
}

fn a_puback_is_no_confirmation(agent: &Agent) {
    wait_for("records that wait for a receipt", || {
        let uplink = uplink(agent);
        (uplink["sent"]["records"].as_u64()? > 8 && uplink["confirmed"]["records"] == 0).then_some(())
    });
}

fn what_is_missing_comes_again((agent, platform): (&Agent, &Platform), numbers: &[(String, u64, String)]) {
    let (epoch, missing, _) = &numbers[2];
    let times = |seen: &Seen, seq: u64| {
        let has = |message: &Value| {
            message["records"].as_array().is_some_and(|records| records.iter().any(|r| r["seq"] == seq))
        };
        seen.messages.iter().filter(|(_, message)| message["epoch"] == **epoch && has(message)).count()
    };
    let through = numbers[7].1;
    let receipt =
        json!({ "epoch": epoch, "lane": "reading", "through": through, "missing": [[missing, missing]] });
    platform.say("receipt", &receipt.to_string(), false);
    platform.wait("the missing record", |seen| (times(seen, *missing) > 1).then_some(()));
    wait_for("what the receipt confirms", || {
        let uplink = uplink(agent);
        (uplink["confirmed"]["records"].as_u64()? > 0 && uplink["heard"]["receipts"] == 1).then_some(())
    });
    // Confirmed by now, and missed after all.
    let (_, again, _) = &numbers[4];
    let before = platform.look(|seen| times(seen, *again));
    let receipt =
        json!({ "epoch": epoch, "lane": "reading", "through": through, "missing": [[again, again]] });
    platform.say("receipt", &receipt.to_string(), false);
    platform.wait("what had been confirmed", |seen| (times(seen, *again) > before).then_some(()));
}

fn garbage_does_nothing(agent: &Agent, platform: &Platform) {
    let before = agent.status();
    let wide = format!("{{\"x\":\"{}\"}}", "x".repeat(100_000));
    let deep = "[".repeat(60_000);
    let stranger = json!({ "epoch": "00c0ffee00c0ffee", "lane": "event", "through": 9 }).to_string();
    let all = ["", "garbage", "{}", "\u{0}", &wide, &deep, &stranger, r#"{"silence":true}"#];
    for (stream, garbage) in ["receipt", "request"].iter().flat_map(|stream| all.map(|text| (*stream, text)))
    {
        platform.say(stream, garbage, false);
    }
    let after = wait_for("what nobody could read", || {
        let status = agent.status();
        (status["uplinks"][0]["heard"]["rejected"].as_u64()? >= 17).then_some(status)
    });
    assert_eq!((&after["uplinks"][0]["up"], &after["uplinks"][0]["rate"]), (&json!(true), &Value::Null));
    assert_eq!((&after["alarms"], &after["outputs"]), (&before["alarms"], &before["outputs"]));
    flows(platform);
}

fn flows(platform: &Platform) {
    let newest = platform.look(|seen| readings(seen).len());
    platform.wait("fresh readings", |seen| (readings(seen).len() > newest + 3).then_some(()));
}

fn ask(platform: &Platform, id: &str, (from, to): (&str, &str)) {
    platform.say("request", &json!({ "replay": { "from": from, "to": to, "id": id } }).to_string(), false);
}

fn ended(seen: &Seen, id: &str) -> Option<Value> {
    let is =
        |record: &&Value| record["kind"] == "replay" && record["replay"] == id && record["change"] == "ended";
    seen.records.values().find(is).cloned()
}

fn replayed(seen: &Seen, id: &str) -> Vec<Value> {
    let messages = seen.messages.iter().filter(|(_, message)| message["replay"] == id);
    messages.flat_map(|(_, message)| message["records"].as_array().cloned().unwrap_or_default()).collect()
}

fn a_time_comes_again(platform: &Platform, numbers: &[(String, u64, String)]) {
    let (from, to) = (&*numbers[1].2, &*numbers[5].2);
    ask(platform, "r-1", (from, to));
    ask(platform, "r-2", ("1999-01-01T00:00:00Z", "1999-12-31T00:00:00Z"));
    let end = platform.wait("the end of the replay", |seen| ended(seen, "r-1"));
    let records = platform.look(|seen| replayed(seen, "r-1"));
    let seqs: Vec<u64> = records.iter().filter_map(|record| record["seq"].as_u64()).collect();
    assert!(numbers[1..=5].iter().all(|(_, seq, _)| seqs.contains(seq)), "{seqs:?} of {numbers:?}");
    let within = |record: &Value| record["at"].as_str().is_some_and(|at| (from..=to).contains(&at));
    assert!(records.iter().all(within), "{records:?}");
    assert_eq!(end["records"], records.len());
    let end = platform.wait("the end of a replay of nothing", |seen| ended(seen, "r-2"));
    assert_eq!((&end["records"], &end["readings"]), (&json!(0), &json!(0)));
}

fn the_pace_is_the_platforms(agent: &Agent, platform: &Platform, numbers: &[(String, u64, String)]) {
    platform.say("request", r#"{"rate":{"readings_per_s":0}}"#, false);
    wait_for("the pause", || (uplink(agent)["rate"] == 0).then_some(()));
    ask(platform, "r-3", (&numbers[1].2, &numbers[5].2));
    wait_for("the replay", || (uplink(agent)["replay"]["id"] == "r-3").then_some(()));
    flows(platform);
    platform.look(|seen| assert!(replayed(seen, "r-3").is_empty(), "paused"));
    platform.say("request", r#"{"rate":{"readings_per_s":null}}"#, false);
    platform.wait("the end of the pause", |seen| ended(seen, "r-3"));
    platform.look(|seen| assert!(replayed(seen, "r-3").len() >= 5));
}
