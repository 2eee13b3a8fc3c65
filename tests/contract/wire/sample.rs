//! A small gas station's gateway, from which all golden messages are made.

use std::sync::Arc;
use std::time::Duration;

use hazard_agent::dictionary::{AlarmEntry, Dictionary, PointEntry, SafeguardEntry, UpkeepEntry};
use hazard_agent::settings::Identity;
use hazard_agent::uplink::wire::{ActiveAlarm, Reason, State, Wire};
use hazard_core::id::{AlarmId, Epoch, MessageId, PointId, Seq, UplinkId};
use hazard_core::link::{Exception, LinkFault};
use hazard_core::outbox::Lane;
use hazard_core::outbox::record::{
    AlarmState, Body, Condition, ConfigChange, ConfigEvent, Opening, PreviousEpoch, Record,
};
use hazard_core::reading::{NoData, Quantity, Reading, Sample};
use hazard_core::{ClockTrust, Mono, Publish, Stamp, Utc, Value};

pub(super) const EPOCH: Epoch = Epoch(0x5f3a_91c0_07de_4b12);
/// 2026-05-29T04:26:40.000Z.
pub(super) const AT: Utc = Utc::from_unix_ms(1_780_028_800_000);
/// A quarter of a second later.
pub(super) const SENT_AT: Utc = Utc::from_unix_ms(1_780_028_800_250);

pub(super) fn wire() -> Wire {
    let mut wire = Wire::new(Identity {
        district: "511302".into(),
        enterprise: "E0001".into(),
        enterprise_name: "示例燃气站".into(),
        gateway: "GW-01".into(),
    });
    wire.learn(EPOCH, Some(7), dictionary().into());
    wire
}

pub(super) fn dictionary() -> Dictionary {
    Dictionary {
        config_hash: "blake3:7d5ad0d3f1c24b0ea5a1c7a2b1f0c9e48d3b6a5f".into(),
        points: vec![
            point("GT-101", "调压间燃气浓度", "%LEL"),
            point("PT-201", "进站压力", "MPa"),
            PointEntry { is_switch: true, ..point("XV-301", "紧急切断阀关到位", "") },
            PointEntry { safety: false, ..point("GT-101.SN", "探测器编号", "") },
        ],
        alarms: vec![
            alarm(0, ["high", "medium", "25"]),
            AlarmEntry { latch: true, ..alarm(0, ["high_high", "high", "50.0"]) },
            alarm(0, ["lost", "low", ""]),
            alarm(2, ["digital", "high", ""]),
        ],
        devices: vec!["GDS-1".into(), "PLC-1".into()],
        buses: vec!["RS485-1".into()],
        outputs: vec!["HORN".into()],
        uplinks: vec!["district".into(), "city".into()],
        safeguards: Vec::new(),
        votes: Vec::new(),
        trips: Vec::new(),
        permits: Vec::new(),
        key_periods: Vec::new(),
        key_setpoints: Vec::new(),
        upkeep: Vec::new(),
        roles: Vec::new(),
        commands: Vec::new(),
    }
}

/// The names of a site with safeguards.
pub(super) fn guarded() -> Dictionary {
    let safeguard = |kind: &str, absent, [note, deadline]: [&str; 2]| SafeguardEntry {
        name: format!("DC-1/{kind}"),
        kind: kind.into(),
        absent,
        note: note.into(),
        deadline: deadline.into(),
    };
    let safeguards = vec![
        safeguard("rotary_valve", false, ["", ""]),
        safeguard("vent_panel", true, ["加装泄爆片，责任人李四", "2026-12-31"]),
    ];
    Dictionary { safeguards, ..dictionary() }
}

/// The names of a site with interlocks.
pub(super) fn interlocked() -> Dictionary {
    let [votes, trips, permits] = ["调压间燃气", "燃气切断", "磨床"].map(|name| vec![name.into()]);
    Dictionary { votes, trips, permits, ..dictionary() }
}

/// The names of a site that tests its detectors.
pub(super) fn tested() -> Dictionary {
    let duty = |duty: &str, every_days| UpkeepEntry { point: 0, duty: duty.into(), every_days };
    Dictionary { upkeep: vec![duty("calibration", 365), duty("proof_test", 180)], ..interlocked() }
}

/// The names of a site with roles that are called.
pub(super) fn manned() -> Dictionary {
    Dictionary { roles: ["值班员", "班长"].map(String::from).into(), ..dictionary() }
}

pub(super) fn publish(epoch: Epoch, bodies: Vec<Body>) -> Publish {
    let stamp = Stamp { mono: Mono::ZERO, utc: AT, trust: ClockTrust::Synced };
    let first = if matches!(bodies.first(), Some(Body::Opening(_))) { 1 } else { 1_042 };
    let records: Vec<_> =
        (first..).zip(bodies).map(|(seq, body)| Arc::new(Record { seq: Seq(seq), stamp, body })).collect();
    let lane = records.first().map_or(Lane::Event, |record| record.lane());
    let (uplink, message) = (UplinkId(0), MessageId(1));
    Publish { uplink, message, epoch, lane, back_fill: false, replay: None, records }
}

/// The opening of the seventh epoch on a disk, or of the first one.
pub(super) fn opening(previous: Vec<PreviousEpoch>) -> Body {
    Body::Opening(Opening { ordinal: Some(if previous.is_empty() { 1 } else { 7 }), previous })
}

pub(super) fn good(point: u32, raw: f64) -> Reading {
    Reading { point: PointId(point), sample: Sample::Good(Quantity::Number(value(raw))) }
}

pub(super) fn bad(point: u32, reason: NoData) -> Reading {
    Reading { point: PointId(point), sample: Sample::Bad(reason) }
}

pub(super) fn value(raw: f64) -> Value {
    Value::try_new(raw).unwrap()
}

pub(super) fn every_no_data() -> Vec<NoData> {
    let mut reasons = vec![
        NoData::NeverRead,
        NoData::Stale,
        NoData::NotANumber,
        NoData::Sentinel,
        NoData::NotBcd,
        NoData::BadScaling,
        NoData::NotText,
    ];
    reasons.extend(every_fault().into_iter().map(NoData::Link));
    reasons
}

pub(super) fn every_fault() -> Vec<LinkFault> {
    let mut faults = vec![LinkFault::Silent, LinkFault::Garbled, LinkFault::Gone];
    faults.extend(
        [
            Exception::IllegalFunction,
            Exception::IllegalAddress,
            Exception::IllegalValue,
            Exception::DeviceFailure,
            Exception::Acknowledge,
            Exception::Busy,
            Exception::GatewayPath,
            Exception::GatewayTarget,
            Exception::Other(14),
        ]
        .map(LinkFault::Refused),
    );
    faults
}

pub(super) fn state() -> State {
    State {
        reason: Reason::Changed,
        since: Utc::from_unix_ms(AT.unix_ms() - 3_600_000),
        sent_at: SENT_AT,
        clock: ClockTrust::Synced,
        epoch: EPOCH,
        software: "0.1.0".into(),
        alarms: vec![
            active(0, AlarmState::Acked),
            active(1, AlarmState::Unacked),
            active(2, AlarmState::Normal),
        ],
        conditions: vec![Condition::UplinkDown(UplinkId(1)), Condition::ClockUntrusted],
    }
}

/// So many acknowledged alarms of all kinds, the least urgent first, and one of low priority that is not acknowledged.
pub(super) fn many_alarms(count: usize) -> Vec<ActiveAlarm> {
    let mut alarms: Vec<_> =
        [2, 0, 1].into_iter().cycle().take(count).map(|id| active(id, AlarmState::Acked)).collect();
    alarms[60].state = AlarmState::Unacked;
    alarms
}

fn active(alarm: u32, state: AlarmState) -> ActiveAlarm {
    ActiveAlarm { alarm: AlarmId(alarm), state, since: Some(AT) }
}

fn point(tag: &str, name: &str, unit: &str) -> PointEntry {
    PointEntry { tag: tag.into(), name: name.into(), unit: unit.into(), is_switch: false, safety: true }
}

fn alarm(point: u32, [kind, priority, setpoint]: [&str; 3]) -> AlarmEntry {
    AlarmEntry {
        point,
        kind: kind.into(),
        priority: priority.into(),
        setpoint: setpoint.into(),
        latch: false,
    }
}

/// An alarm that left with the configuration that had it.
pub(super) fn withdrawn() -> Vec<Body> {
    let [from, to] = ["blake3:0ld", "blake3:0f2e"].map(String::from);
    let change = ConfigChange::Withdrawn { alarm: "GT-101/high".into(), state: AlarmState::LatchedUnacked };
    let (actor, approver, note) = ("李四".into(), String::new(), String::new());
    let (differences, lowered) = (0, 0);
    vec![Body::Config(Box::new(ConfigEvent {
        change,
        actor,
        approver,
        note,
        from,
        to,
        differences,
        lowered,
    }))]
}

/// A configuration on trial, every way in which a trial ends, and an edit by hand.
pub(super) fn configured() -> Vec<Body> {
    let event = |change, actor: &str, approver: &str, lowered| {
        let [from, to] = ["blake3:0ld", "blake3:0f2e"].map(String::from);
        let (actor, approver, note) = (actor.into(), approver.into(), "年度整定".into());
        Body::Config(Box::new(ConfigEvent {
            change,
            actor,
            approver,
            note,
            from,
            to,
            differences: 3,
            lowered,
        }))
    };
    vec![
        event(ConfigChange::Applied { confirm_within: Duration::from_secs(600) }, "李四", "王五", 1),
        event(ConfigChange::Confirmed, "李四", "", 1),
        event(ConfigChange::RolledBack, "李四", "", 0),
        event(ConfigChange::Expired, "", "", 0),
        event(ConfigChange::Interrupted, "", "", 0),
        event(ConfigChange::Unplanned, "", "", 1),
    ]
}
