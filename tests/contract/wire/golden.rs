//! One golden file for each kind of message. `HAZARD_BLESS=1` writes a file only where there is none.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hazard_agent::clock::RunClock;
use hazard_agent::dictionary::Dictionary;
use hazard_agent::uplink::wire::{Encoded, Reason, Wire};
use hazard_core::alarm::{Priority, Withheld};
use hazard_core::call::{CallEvent, Change, DeliveryFault, How, Order, Told, Withdrawal};
use hazard_core::daybook::{DayJournal, DayLedger, DayPolls, DayUplink};
use hazard_core::id::{
    AlarmId, BusId, DeviceId, Epoch, KeyPeriodId, OutputId, PermitId, PointId, SafeguardId, Seq, TripId,
    UplinkId, VoteId,
};
use hazard_core::id::{AttemptId, RoleId};
use hazard_core::interlock::{
    self, HoldStanding, InterlockEvent, InterlockStep, PermitStanding, ProofStanding, TripStanding, VoteCount,
};
use hazard_core::link::LinkFault;
use hazard_core::outbox::record::{
    ActionEvent, AlarmEvent, AlarmState, Body, BypassChange, BypassEvent, Cause, ClockStep, Condition,
    DeviceEvent, HandlingEvent, Loss, LossPlace, Manifest, PreviousEpoch, ReplayEvent, ShelvingEvent,
    SystemEvent, Verb, Wish,
};
use hazard_core::outbox::{Count, Lane, UplinkLedger};
use hazard_core::poll::PollCount;
use hazard_core::reading::{Doubt, Quantity, Reading, Sample};
use hazard_core::vote::Outcome;
use hazard_core::{ClockOffset, ClockTrust, Mono, Publish, Stamp, Utc};

use super::{command, sample, sensors, upkeep, validator};

/// All golden messages by the name of their file.
pub(super) fn messages() -> Vec<(&'static str, Encoded)> {
    let wire = sample::wire();
    let write = |publish: &Publish| wire.publish(publish, sample::SENT_AT);
    let of = |bodies| write(&sample::publish(sample::EPOCH, bodies));
    vec![
        ("birth", wire.birth(sample::EPOCH)),
        ("birth-safeguards", guarded().birth(sample::EPOCH)),
        ("state-safeguards", guarded().state(&lacking())),
        ("state-online", wire.state(&sample::state())),
        ("state-stopping", wire.state(&stopping())),
        ("state-will", wire.will(sample::EPOCH, sample::AT)),
        ("live", of(vec![Body::Readings(few_readings())])),
        ("live-qualities", of(vec![Body::Readings(qualities())])),
        ("live-sensors", of(vec![Body::Readings(sensors::readings())])),
        ("alarm-sensors", of(sensors::conditions())),
        ("live-bypassed", of(vec![Body::Readings(vec![bypassed()])])),
        ("backfill", write(&back_filled(Body::Readings(few_readings())))),
        ("alarm", of(alarms())),
        ("alarm-back-filled", write(&back_filled(alarms().remove(0)))),
        ("alarm-opening", of(vec![sample::opening(vec![previous()])])),
        ("alarm-opening-earlier", of(vec![sample::opening(vec![empty(0x21), empty(0x20), previous()])])),
        ("alarm-opening-first", first_opening()),
        ("alarm-device", of(devices())),
        ("alarm-system", of(conditions())),
        ("alarm-system-delay", of(delayed())),
        ("alarm-system-safeguard", guarded().publish(&absent(), sample::SENT_AT)),
        ("alarm-action", of(actions())),
        ("alarm-loss", of(losses())),
        (
            "alarm-clock_step",
            of(vec![Body::ClockStep(ClockStep { from: Utc::from_unix_ms(0), to: sample::AT })]),
        ),
        ("alarm-people", of(people())),
        ("alarm-aside", of(aside())),
        ("birth-interlocks", interlocked().birth(sample::EPOCH)),
        ("birth-key_periods", on_duty().birth(sample::EPOCH)),
        ("alarm-system-key_period", on_duty().publish(&duty(), sample::SENT_AT)),
        ("alarm-interlocks", interlocked().publish(&locks(), sample::SENT_AT)),
        ("birth-upkeep", upkeep::wire().birth(sample::EPOCH)),
        ("alarm-upkeep", upkeep::wire().publish(&upkeep::tests(), sample::SENT_AT)),
        ("birth-calls", manned().birth(sample::EPOCH)),
        ("alarm-manifest", of(vec![manifest()])),
        ("alarm-calls", manned().publish(&calls(), sample::SENT_AT)),
        ("alarm-ledger", of(vec![Body::Ledger(Box::new(day())), journal_full()])),
        ("birth-boot", timed(None).birth(sample::EPOCH)),
        ("alarm-unset", timed(None).publish(&early(), sample::SENT_AT)),
        ("alarm-backdated", timed(Some(noon())).publish(&early(), sample::SENT_AT)),
        ("backfill-replay", write(&replayed())),
        ("alarm-replay", of(replays())),
        ("alarm-config", of(sample::configured())),
        ("alarm-config-withdrawn", of(sample::withdrawn())),
        ("birth-commands", command::wire().birth(sample::EPOCH)),
        (
            "alarm-commands",
            command::wire().publish(&sample::publish(sample::EPOCH, command::events()), sample::SENT_AT),
        ),
        ("alarm-unnamed", write(&sample::publish(Epoch(0xbad), alarms()))),
    ]
}

#[test]
fn every_kind_of_message_is_as_it_was_published() {
    for (name, message) in messages() {
        let kept = kept(&golden(name), &message);
        assert_eq!(line(&message), kept, "{name}: if this fails, do not change the test: add a version");
    }
}

#[test]
fn every_golden_message_fulfils_its_schema() {
    let validator = validator();
    for (name, message) in messages() {
        let stream = name.split('-').next().unwrap();
        assert_eq!(&*message.topic, format!("onemap/v1/511302/E0001/GW-01/{stream}"), "{name}");
        validator.check(&message.topic, &message.payload).unwrap();
    }
}

#[test]
fn no_golden_file_is_without_its_message() {
    let known: Vec<_> = messages().into_iter().map(|(name, _)| golden(name)).collect();
    for entry in std::fs::read_dir(golden("x").parent().unwrap()).unwrap() {
        let path = entry.unwrap().path();
        assert!(known.contains(&path), "{} is made by no message", path.display());
    }
}

fn on_duty() -> Wire {
    let mut wire = sample::wire();
    let key_setpoints = vec![(0, "20".into())];
    let names = Dictionary { key_periods: vec!["国庆".into()], key_setpoints, ..sample::dictionary() };
    wire.learn(sample::EPOCH, Some(7), names.into());
    wire
}

fn duty() -> Publish {
    let condition = Condition::KeyPeriod(KeyPeriodId(0));
    sample::publish(sample::EPOCH, vec![Body::System(SystemEvent { condition, raised: true })])
}

fn interlocked() -> Wire {
    let mut wire = sample::wire();
    wire.learn(sample::EPOCH, Some(7), sample::interlocked().into());
    wire
}

/// What an interlock goes through from a leak to its reset.
fn locks() -> Publish {
    let step = |step| Body::Interlock(InterlockEvent { step, actor: None, note: String::new() });
    let count = VoteCount { outcome: Outcome::Tripped, needed: 1, of: 2, faulty: 1, bypassed: 0 };
    let (vote, trip, permit) = (VoteId(0), TripId(0), PermitId(0));
    let by_vote = Some(interlock::Cause::Vote(vote));
    let by_alarm = Some(interlock::Cause::Alarm(AlarmId(1)));
    let moved = |from, to, cause| InterlockStep::Trip { trip, from, to, cause };
    let granted = |from, to| InterlockStep::Permit { permit, from, to };
    use {PermitStanding as Permit, TripStanding as Trip};
    let steps = [
        InterlockStep::Vote(vote, count),
        moved(Trip::Ready, Trip::Tripped, by_vote),
        moved(Trip::Tripped, Trip::Held, by_alarm),
        moved(Trip::Held, Trip::Tripped, None),
        InterlockStep::Proof(trip, ProofStanding::NotShown),
        granted(Permit::Granted, Permit::Withheld),
        granted(Permit::FanOff, Permit::PreRun),
        InterlockStep::Hold(permit, HoldStanding::PostRun),
    ];
    let reset = Body::Interlock(InterlockEvent {
        step: moved(Trip::Held, Trip::Ready, by_vote),
        actor: Some("李四".into()),
        note: "通风后复位".into(),
    });
    sample::publish(sample::EPOCH, steps.into_iter().map(step).chain([reset]).collect())
}

fn manned() -> Wire {
    let mut wire = sample::wire();
    wire.learn(sample::EPOCH, Some(7), sample::manned().into());
    wire
}

/// What calls go through until somebody answers, and how else they end.
fn calls() -> Publish {
    let (alarm, priority) = (AlarmId(1), Priority::High);
    let told = |alarm, rung, nth| Told { alarm: AlarmId(alarm), priority, rung, nth };
    let order =
        |id, role, alarms| Change::Ordered(Order { attempt: AttemptId(id), role: RoleId(role), alarms });
    let (attempt, role, after) = (AttemptId(2), RoleId(0), Duration::from_millis(61_500));
    let said = |role| How::Said { role, channel: if role.is_some() { "duty" } else { "cli" }.into() };
    let answered = |by: &str, how| Change::Answered { alarm, by: by.into(), how, after };
    let failed = |fault, moved_on| Change::Failed { attempt, role, fault, moved_on };
    let withheld = |why| Change::Withdrawn { alarm, why: Withdrawal::Withheld(why) };
    let changes = [
        (Change::Opened { alarm, priority }, ""),
        (order(1, 0, vec![told(1, 0, 1), told(3, 0, 1)]), ""),
        (Change::Delivered { attempt: AttemptId(1), role }, ""),
        (order(2, 0, vec![told(1, 1, 2)]), ""),
        (failed(DeliveryFault::Unreachable, vec![alarm]), "the receiver answered 503, after 3 tries"),
        (failed(DeliveryFault::Refused, vec![]), "the receiver answered 401"),
        (failed(DeliveryFault::Crowded, vec![]), "too many orders are waiting"),
        (failed(DeliveryFault::Unreported, vec![]), ""),
        (order(3, 1, vec![told(1, 2, 3)]), ""),
        (answered("王工", said(Some(RoleId(1)))), "正赶往现场"),
        (answered("李四", said(None)), ""),
        (answered("张三", How::Acknowledged), ""),
        (Change::Exhausted { alarm, repeats_left: 11 }, ""),
        (withheld(Withheld::Shelved), ""),
        (withheld(Withheld::Suppressed), ""),
        (withheld(Withheld::OutOfService), ""),
        (Change::Withdrawn { alarm, why: Withdrawal::Gone }, ""),
    ];
    let body = |(change, note): (Change, &str)| Body::Call(CallEvent { change, note: note.into() });
    let condition = SystemEvent { condition: Condition::CallFailed(role), raised: true };
    let bodies = changes.into_iter().map(body).chain([Body::System(condition)]);
    sample::publish(sample::EPOCH, bodies.collect())
}

/// A gateway that began 42 s after its boot.
fn timed(offset: Option<ClockOffset>) -> Wire {
    let mut wire = sample::wire();
    let boot_id = "0c5e3a52-8d0f-4d7e-9a53-4b1f7c2a9e10".into();
    wire.time(sample::EPOCH, &RunClock { boot_id, origin_us: 42_123_456, offset });
    wire
}

fn noon() -> ClockOffset {
    ClockOffset { zero: sample::AT, trust: ClockTrust::Synced }
}

/// An alarm in 1970, 90 s after the start, and another one when the clock was known.
fn early() -> Publish {
    let mut publish = sample::publish(sample::EPOCH, alarms().into_iter().take(2).collect());
    let early = Arc::make_mut(&mut publish.records[0]);
    let utc = Utc::from_unix_ms(86_400_000);
    early.stamp = Stamp { mono: Mono::from_millis(90_000), utc, trust: ClockTrust::Unset };
    publish
}

/// A day in which the platform was away for hours and a device for minutes.
fn day() -> DayLedger {
    let count = |records, readings| Count { records, readings };
    let polls =
        PollCount { scheduled: 172_801, read: 172_500, failed: 21, skipped: 280, open: 1, repeated: 1 };
    let ledger = UplinkLedger {
        confirmed: count(8_000, 15_990),
        pending: count(641, 1_280),
        lost: count(2, 10),
        back_filled: count(3, 6),
        ..UplinkLedger::default()
    };
    DayLedger {
        lasted: Duration::from_secs(86_400),
        polls: DayPolls { before: 1, count: polls },
        journal: DayJournal {
            before: count(3, 2),
            offered: count(8_641, 17_280),
            stored: count(8_640, 17_277),
            lost: count(1, 3),
            waiting: count(3, 2),
            purged: count(400, 800),
        },
        uplinks: vec![DayUplink { before: count(2, 0), ledger }],
    }
}

fn journal_full() -> Body {
    Body::System(SystemEvent { condition: Condition::JournalFull, raised: true })
}

#[test]
fn the_day_that_the_contract_shows_is_even() {
    assert!(day().is_even());
}

fn manifest() -> Body {
    let text = "hazard-manifest 1\ngateway GW-01\n".to_owned();
    Body::Manifest(Box::new(Manifest { text, signature: "5a".repeat(64), key: "c3".repeat(32) }))
}

/// Where a golden file is.
pub(super) fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("contract/golden/wire").join(format!("{name}.json"))
}

/// A message as its file has it.
pub(super) fn line(message: &Encoded) -> String {
    String::from_utf8([&message.payload[..], b"\n"].concat()).unwrap()
}

/// What is in the file; empty when there is none. Whoever wishes gets a file where there is none.
pub(super) fn kept(path: &Path, message: &Encoded) -> String {
    if std::env::var_os("HAZARD_BLESS").is_some_and(|wish| wish == "1") && !path.exists() {
        std::fs::write(path, line(message)).unwrap();
    }
    std::fs::read_to_string(path).unwrap_or_default()
}

fn first_opening() -> Encoded {
    let mut wire = sample::wire();
    wire.learn(sample::EPOCH, Some(1), sample::dictionary().into());
    wire.publish(&sample::publish(sample::EPOCH, vec![sample::opening(Vec::new())]), sample::SENT_AT)
}

/// A site that should have a vent panel and has none.
fn guarded() -> hazard_agent::uplink::wire::Wire {
    let mut wire = sample::wire();
    wire.learn(sample::EPOCH, Some(7), sample::guarded().into());
    wire
}

const ABSENT: Condition = Condition::SafeguardAbsent(SafeguardId(1));

fn absent() -> Publish {
    sample::publish(sample::EPOCH, vec![Body::System(SystemEvent { condition: ABSENT, raised: true })])
}

fn lacking() -> hazard_agent::uplink::wire::State {
    let mut state = sample::state();
    state.alarms.clear();
    state.conditions = vec![ABSENT];
    state
}

fn stopping() -> hazard_agent::uplink::wire::State {
    let mut state = sample::state();
    state.reason = Reason::Stopping;
    state.alarms.clear();
    state.conditions.clear();
    state
}

fn back_filled(body: Body) -> Publish {
    Publish { back_fill: true, ..sample::publish(sample::EPOCH, vec![body]) }
}

fn replayed() -> Publish {
    Publish { replay: Some("r-20260529-1".into()), ..back_filled(Body::Readings(few_readings())) }
}

/// A replay from its beginning to its end, and a platform that gives no receipts.
fn replays() -> Vec<Body> {
    let from = Utc::from_unix_ms(sample::AT.unix_ms() - 3_600_000);
    let wish = Wish { id: "r-20260529-1".into(), from, to: sample::AT };
    let event = |ended| Body::Replay(ReplayEvent { uplink: UplinkId(0), wish: wish.clone(), ended });
    let condition = Condition::ReceiptsMissing(UplinkId(0));
    let ended = event(Some(Count { records: 120, readings: 360 }));
    vec![event(None), ended, Body::System(SystemEvent { condition, raised: true })]
}

fn previous() -> PreviousEpoch {
    PreviousEpoch { epoch: Epoch(0x00c0_ffee_0042_0017), durable_through: Seq(184_467) }
}

/// An epoch that a power cut ended before its first record was on disk.
fn empty(epoch: u64) -> PreviousEpoch {
    PreviousEpoch { epoch: Epoch(0x00c0_ffee_0042_0000 + epoch), durable_through: Seq(0) }
}

fn few_readings() -> Vec<Reading> {
    vec![sample::good(0, f64::from(25.3_f32)), sample::good(1, 0.8125), sample::good(2, 1.0)]
}

/// Every quality with every reason, and every kind of value.
fn qualities() -> Vec<Reading> {
    let reading = |point, sample| Reading { point: PointId(point), sample };
    let number = |raw| Quantity::Number(sample::value(raw));
    let mut readings = vec![
        reading(0, Sample::Good(number(12.5))),
        reading(0, Sample::Good(number(123_456_792.0))),
        reading(2, Sample::Good(number(0.0))),
        reading(3, Sample::Good(Quantity::Text("SN \"42\"".into()))),
    ];
    for doubt in [Doubt::OverRange, Doubt::UnderRange, Doubt::AfterFault, Doubt::Rounded] {
        readings.push(reading(0, Sample::Suspect(number(105.0), doubt)));
    }
    readings.extend(sample::every_no_data().into_iter().map(|reason| sample::bad(0, reason)));
    readings
}

/// What a detector shows while it is being calibrated.
fn bypassed() -> Reading {
    let sample = Sample::Suspect(Quantity::Number(sample::value(20.0)), Doubt::Bypassed);
    Reading { point: PointId(0), sample }
}

/// What people do beside silencing, acknowledging and resetting.
fn people() -> Vec<Body> {
    let bypass = |change| {
        let [actor, approver, reason] = ["李四", "王五", "年度标定"].map(String::from);
        Body::Bypass(BypassEvent { point: PointId(0), change, actor, approver, reason })
    };
    let [actor, note] = ["张三", "更换探测器"].map(String::from);
    let shelving = |lasts, note: &str| {
        let (actor, note) = ("张三".into(), note.into());
        Body::Shelving(ShelvingEvent { alarm: AlarmId(1), actor, lasts, note })
    };
    vec![
        Body::Handling(HandlingEvent { alarm: AlarmId(0), actor, cause: Cause::Equipment, note }),
        shelving(Some(Duration::from_secs(1800)), "清堵"),
        shelving(None, "提前恢复"),
        bypass(BypassChange::Begun { lasts: Duration::from_secs(7200) }),
        bypass(BypassChange::Ended),
        bypass(BypassChange::Expired),
        bypass(BypassChange::Rearmed),
    ]
}

/// Alarms that are put aside, and what alarm management says of too many.
fn aside() -> Vec<Body> {
    use AlarmState::{Normal, OutOfService, Shelved, Suppressed, Unacked};
    let moves =
        [(Unacked, Shelved), (Shelved, Suppressed), (Suppressed, OutOfService), (OutOfService, Normal)];
    let event =
        |(from, to)| Body::Alarm(AlarmEvent { alarm: AlarmId(0), from, to, value: None, actor: None });
    let mut bodies: Vec<Body> = moves.into_iter().map(event).collect();
    for condition in [Condition::AlarmFlood, Condition::AlarmChatter(AlarmId(0)), Condition::RetentiveDown] {
        bodies.push(Body::System(SystemEvent { condition, raised: true }));
    }
    bodies
}

/// Every state as `from` and as `to`.
fn alarms() -> Vec<Body> {
    let event = |alarm, from, to| AlarmEvent { alarm: AlarmId(alarm), from, to, value: None, actor: None };
    let valued = |event, raw| AlarmEvent { value: Some(sample::value(raw)), ..event };
    let by = |event| AlarmEvent { actor: Some("张三".into()), ..event };
    use AlarmState::{Acked, LatchedAcked, LatchedUnacked, Normal, RtnUnacked, Unacked};
    [
        valued(event(0, Normal, Unacked), f64::from(25.3_f32)),
        valued(event(0, Unacked, RtnUnacked), 20.0),
        by(event(0, RtnUnacked, Normal)),
        valued(event(1, Normal, Unacked), 51.0),
        valued(event(1, Unacked, LatchedUnacked), 20.0),
        by(event(1, LatchedUnacked, LatchedAcked)),
        by(event(1, LatchedAcked, Normal)),
        event(2, Normal, Unacked),
        valued(event(3, Normal, Unacked), 1.0),
        by(event(3, Unacked, Acked)),
    ]
    .map(Body::Alarm)
    .into()
}

fn devices() -> Vec<Body> {
    let back = DeviceEvent { device: DeviceId(0), fault: None };
    let failed = |fault: LinkFault| DeviceEvent { device: DeviceId(1), fault: Some(fault) };
    std::iter::once(back).chain(sample::every_fault().into_iter().map(failed)).map(Body::Device).collect()
}

fn conditions() -> Vec<Body> {
    [
        Condition::JournalDown,
        Condition::JournalBehind,
        Condition::UplinkDown(UplinkId(1)),
        Condition::OutputFault(OutputId(0)),
        Condition::BusDown(BusId(0)),
        Condition::BusOverrun(BusId(0)),
        Condition::ClockUntrusted,
    ]
    .into_iter()
    .flat_map(|condition| [true, false].map(|raised| Body::System(SystemEvent { condition, raised })))
    .collect()
}

/// Alarms of a bus came later than planned, and do no more.
fn delayed() -> Vec<Body> {
    let condition = Condition::DelayExceeded(BusId(0));
    [true, false].map(|raised| Body::System(SystemEvent { condition, raised })).into()
}

fn actions() -> Vec<Body> {
    let action =
        |verb, alarm| ActionEvent {
            actor: "张三".into(), verb, alarm, note: "到场核实".into(), changed: 1
        };
    [
        action(Verb::Silence, None),
        action(Verb::Acknowledge, Some(AlarmId(1))),
        ActionEvent { note: String::new(), ..action(Verb::Reset, Some(AlarmId(1))) },
    ]
    .map(Body::Action)
    .into()
}

fn losses() -> Vec<Body> {
    let loss = |place, lane, readings| Loss {
        place,
        epoch: Epoch(0x00c0_ffee_0042_0017),
        lane,
        first: Seq(184_001),
        last: Seq(184_009),
        records: 5,
        readings,
    };
    [
        loss(LossPlace::Journal, Lane::Reading, 300),
        loss(LossPlace::Uplink(UplinkId(0)), Lane::Reading, 300),
        loss(LossPlace::Uplink(UplinkId(1)), Lane::Event, 0),
    ]
    .map(Body::Loss)
    .into()
}
