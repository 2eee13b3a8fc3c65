//! The headless demonstration: a fixed script of a leak, a dead device, line noise, a command to a node, a cut uplink and a clock
//! that jumps, while a witness compares what the agent says with what the plant did and what the platform received.

use std::collections::BTreeMap;
use std::time::Duration;

use hazard_core::Mono;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::broker::Delivery;
use super::commanding::Commanding;
use super::plant::Fault;
use super::{Cut, Stage};
use crate::cli::{OK, SOFTWARE};
use crate::observe::Status;
use crate::observe::status::PointRow;

const LOOK_EVERY: Duration = Duration::from_millis(200);
/// After the script everything must settle within this time.
const SETTLE_WITHIN: Duration = Duration::from_secs(60);
const JUMP: Duration = Duration::from_secs(3600);
/// The engine looks for stale values now and then, and a look of ours takes its time.
const STALE_SLACK: Duration = Duration::from_millis(1_500);
/// A node's channel filters its input; the leak is above its set-points within seconds.
const HORN_WITHIN: Duration = Duration::from_secs(8);
const LOST_WITHIN: Duration = Duration::from_secs(10);
const FRESH_WITHIN: Duration = Duration::from_secs(5);

/// The script: at which part of the time what happens, in percent.
const SCRIPT: [(u32, Act); 8] = [
    (10, Act::Leak),
    (25, Act::DeadDevice),
    (35, Act::Noise),
    (45, Act::Quiet),
    (50, Act::CutUplink),
    (60, Act::JumpClock),
    (75, Act::UplinkBack),
    (85, Act::DeviceBack),
];

/// GT-101 on node ND-1, which stays alive; ND-2 carries GT-105 and GT-106.
const LEAKING: (Fault, &str) = (Fault::Leak(0), "GT-101");
const DYING: (Fault, &str) = (Fault::Dead(1), "GT-105");

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Act {
    Leak,
    DeadDevice,
    Noise,
    Quiet,
    CutUplink,
    JumpClock,
    UplinkBack,
    DeviceBack,
}

pub(super) async fn run(stage: Stage, span: Duration, json: bool) -> u8 {
    let deliveries = stage.broker.subscribe("onemap/v1/#");
    let mut witness = Witness::new(deliveries);
    let begin = stage.clock.now();
    let mut script = SCRIPT.iter().peekable();
    let mut look = tokio::time::interval(LOOK_EVERY);
    loop {
        look.tick().await;
        let now = stage.clock.now();
        witness.look(&stage, now).await;
        while let Some((_, act)) = script.next_if(|(percent, _)| now.since(begin) >= span * *percent / 100) {
            witness.acts.push((*act, now));
            carry_out(*act, &stage);
        }
        if now.since(begin) >= span {
            break;
        }
    }
    stage.plant.controls().end_all();
    let settled = settle(&stage, &mut witness, &mut look).await;
    let status = stage.status().await;
    let seed = stage.seed;
    stage.end().await;
    let outcome = witness.judge(settled, status.as_deref(), seed);
    tell(&outcome, json);
    if outcome["held"] == true { OK } else { SOFTWARE }
}

fn carry_out(act: Act, stage: &Stage) {
    let controls = stage.plant.controls();
    match act {
        Act::Leak => controls.begin(LEAKING.0),
        Act::DeadDevice => controls.begin(DYING.0),
        Act::Noise => controls.begin(Fault::Noise),
        Act::Quiet => controls.end(Fault::Noise),
        Act::CutUplink => stage.cut_uplink(Cut::Away),
        Act::JumpClock => stage.clock.jump(JUMP),
        Act::UplinkBack => stage.cut_uplink(Cut::Back),
        Act::DeviceBack => controls.end(DYING.0),
    }
}

/// Whether everything that was read has arrived, everybody answers again and no queue holds anything, in time.
async fn settle(stage: &Stage, witness: &mut Witness, look: &mut tokio::time::Interval) -> bool {
    let begin = stage.clock.now();
    while stage.clock.now().since(begin) < SETTLE_WITHIN {
        look.tick().await;
        let now = stage.clock.now();
        witness.look(stage, now).await;
        let Some(status) = &witness.last else {
            continue;
        };
        let pending: u64 = status.uplinks.iter().map(|uplink| uplink.pending.readings).sum();
        // Readings go on arriving; what is pending at any moment is what was read just now.
        if pending < 60
            && status.devices.iter().all(|device| device.online)
            && status.conditions.iter().all(|standing| standing.is_hazard() || standing.is_of_alarms())
        {
            return true;
        }
    }
    false
}

/// Sees what the agent says, what the plant's relays do, and what the platform receives.
struct Witness {
    deliveries: mpsc::Receiver<Delivery>,
    acts: Vec<(Act, Mono)>,
    commanding: Commanding,
    last: Option<std::sync::Arc<Status>>,
    looks: u64,
    uneven: u64,
    stale: Vec<String>,
    horn_at: Option<Mono>,
    lost_at: Option<Mono>,
    fresh_at: Option<Mono>,
    records: BTreeMap<(String, u64), Value>,
    readings: u64,
    repeated: u64,
    contradictions: u64,
    clock_steps: u64,
    stated_lost: u64,
}

impl Witness {
    fn new(deliveries: mpsc::Receiver<Delivery>) -> Self {
        Self {
            deliveries,
            acts: Vec::new(),
            commanding: Commanding::default(),
            last: None,
            looks: 0,
            uneven: 0,
            stale: Vec::new(),
            horn_at: None,
            lost_at: None,
            fresh_at: None,
            records: BTreeMap::new(),
            readings: 0,
            repeated: 0,
            contradictions: 0,
            clock_steps: 0,
            stated_lost: 0,
        }
    }

    async fn look(&mut self, stage: &Stage, now: Mono) {
        while let Ok((topic, payload, _)) = self.deliveries.try_recv() {
            self.receive(&topic, &payload, now);
        }
        let Some(status) = stage.status().await else {
            return;
        };
        self.looks += 1;
        self.commanding.look(stage, &status).await;
        self.uneven += u64::from(!status.ledger.even);
        let is_stale = |point: &&PointRow| {
            let limit = stage.stale_after.get(&point.point).copied().unwrap_or_default() + STALE_SLACK;
            point.quality == "good" && Duration::from_millis(point.age_ms) > limit
        };
        for point in status.points.iter().filter(is_stale) {
            self.stale.push(point.point.clone());
        }
        // The horn is de-energised to alarm.
        let sounds = stage.plant.coils().first().is_some_and(|horn| !horn.is_on && horn.changes > 0);
        if self.acted(Act::Leak).is_some() && sounds {
            self.horn_at.get_or_insert(now);
        }
        let lost = status.alarms.iter().any(|alarm| alarm.point == DYING.1 && alarm.kind == "lost");
        if self.acted(Act::DeadDevice).is_some() && lost {
            self.lost_at.get_or_insert(now);
        }
        self.last = Some(status);
    }

    fn receive(&mut self, topic: &str, payload: &[u8], now: Mono) {
        let Ok(message) = serde_json::from_slice::<Value>(payload) else {
            self.contradictions += 1;
            return;
        };
        if topic.ends_with("/live") && self.acted(Act::UplinkBack).is_some() {
            self.fresh_at.get_or_insert(now);
        }
        let epoch = message["epoch"].as_str().unwrap_or_default().to_owned();
        for record in message["records"].as_array().into_iter().flatten() {
            let key = (epoch.clone(), record["seq"].as_u64().unwrap_or_default());
            if let Some(known) = self.records.get(&key) {
                self.repeated += 1;
                self.contradictions += u64::from(known != record);
                continue;
            }
            self.readings += record["readings"].as_array().map_or(0, |readings| readings.len() as u64);
            self.clock_steps += u64::from(record["kind"] == "clock_step");
            self.stated_lost += u64::from(record["kind"] == "loss");
            self.records.insert(key, record.clone());
        }
    }

    fn acted(&self, act: Act) -> Option<Mono> {
        self.acts.iter().find(|(known, _)| *known == act).map(|(_, at)| *at)
    }

    fn after(&self, act: Act, at: Option<Mono>) -> Option<Duration> {
        Some(at?.since(self.acted(act)?))
    }

    fn has_alarm(&self, name: &str) -> bool {
        self.records.values().any(|record| record["kind"] == "alarm" && record["alarm"] == name)
    }

    fn judge(&self, settled: bool, status: Option<&Status>, seed: u64) -> Value {
        let mut laws = self.annunciation();
        laws.extend(self.forwarding(settled, status));
        let records: Vec<&Value> =
            self.records.values().filter(|record| record["kind"] == "command").collect();
        let commands = self.commanding.judge(&records);
        let held = laws.iter().chain(&commands).all(|check| check["held"] == true);
        let (ledger, uplink) = (status.map(|status| &status.ledger), status.map(|status| &status.uplinks));
        json!({
            "held": held, "seed": seed, "laws": laws, "commands": commands, "ledger": ledger, "uplinks": uplink
        })
    }

    fn annunciation(&self) -> Vec<Value> {
        let horn = self.after(Act::Leak, self.horn_at);
        let lost = self.after(Act::DeadDevice, self.lost_at);
        let alarm = format!("{}/high_high", LEAKING.1);
        let fresh = self.looks > 0 && self.stale.is_empty();
        let stale = format!("{} looks, {} stale", self.looks, self.stale.len());
        vec![
            law(
                1,
                "a leak sounds the horn",
                within(horn, HORN_WITHIN),
                format!("horn after {}", shown(horn)),
            ),
            law(1, "the district hears of it", self.has_alarm(&alarm), format!("{alarm} at the platform")),
            law(4, "nothing stays good past its staleness limit", fresh, stale),
            law(
                5,
                "losing a safety point is an alarm",
                within(lost, LOST_WITHIN),
                format!("{} lost after {}", DYING.1, shown(lost)),
            ),
        ]
    }

    fn forwarding(&self, settled: bool, status: Option<&Status>) -> Vec<Value> {
        let fresh = self.after(Act::UplinkBack, self.fresh_at);
        let uplink = status.and_then(|status| status.uplinks.first());
        let arrived = uplink.is_some_and(|uplink| self.readings >= uplink.confirmed.readings);
        let even = self.looks > 0 && self.uneven == 0;
        let looks = format!("{} looks, {} uneven", self.looks, self.uneven);
        let readings = format!("{} readings arrived, {} loss records", self.readings, self.stated_lost);
        let once = format!("{} records, {} sent twice", self.records.len(), self.repeated);
        let steps = format!("{} steps seen", self.clock_steps);
        let calm = "queues empty, devices online".to_owned();
        vec![
            law(8, "the ledger is even at every look", even, looks),
            law(8, "what is confirmed has arrived", arrived, readings),
            law(
                8,
                "fresh readings come at once when the platform is back",
                within(fresh, FRESH_WITHIN),
                shown(fresh),
            ),
            law(8, "everything settles when the faults end", settled, calm),
            law(9, "one number never names two records", self.contradictions == 0, once),
            law(10, "a clock that jumps is an event and changes no delay", self.clock_steps > 0, steps),
        ]
    }
}

fn within(took: Option<Duration>, limit: Duration) -> bool {
    took.is_some_and(|took| took <= limit)
}

fn shown(took: Option<Duration>) -> String {
    took.map_or_else(|| "never".to_owned(), |took| format!("{:.1} s", took.as_secs_f64()))
}

fn law(number: u8, text: &str, held: bool, seen: String) -> Value {
    json!({ "law": number, "text": text, "held": held, "seen": seen })
}

fn tell(outcome: &Value, json: bool) {
    if json {
        println!("{outcome:#}");
        return;
    }
    let checks = ["laws", "commands"].map(|of| outcome[of].as_array());
    for check in checks.into_iter().flatten().flatten() {
        let sign = if check["held"] == true { "✓" } else { "✗" };
        let text = |field: &str| check[field].as_str().unwrap_or_default().to_owned();
        let number = check["law"].as_u64().map(|law| law.to_string()).unwrap_or_default();
        println!("{sign} {number:>2}  {:<58} {}", text("text"), text("seen"));
    }
    println!("{}", outcome["ledger"]);
}
