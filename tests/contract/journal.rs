//! The journal's bytes. If this fails, do not change the test: add a version.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;
use std::time::Duration;

use hazard_agent::journal::codec::{decode, encode};
use hazard_agent::journal::read_block;
use hazard_core::alarm::{Priority, Withheld};
use hazard_core::call::{CallEvent, Change, DeliveryFault, How, Order, Told, Withdrawal};
use hazard_core::daybook::{DayJournal, DayLedger, DayPolls, DayUplink};
use hazard_core::device_command::{CommandChange, CommandEvent, CommandFailure};
use hazard_core::id::{AlarmId, BusId, DeviceId, Epoch, OutputId, PointId, SafeguardId, Seq, UplinkId};
use hazard_core::id::{AttemptId, DeviceCommandId, KeyPeriodId, PermitId, RoleId, TripId, UpkeepId, VoteId};
use hazard_core::interlock::{
    self, HoldStanding, InterlockEvent, InterlockStep, PermitStanding, ProofStanding, TripStanding, VoteCount,
};
use hazard_core::link::{Exception, LinkFault};
use hazard_core::outbox::record::*;
use hazard_core::outbox::{Count, Record, UplinkLedger};
use hazard_core::poll::PollCount;
use hazard_core::reading::{Doubt, NoData, Quantity, Reading, Sample};
use hazard_core::upkeep::share::{DayShares, Served};
use hazard_core::vote::Outcome;
use hazard_core::{ClockTrust, Mono, Stamp, Utc, Value};

/// First line: the records below, encoded. Second line: a whole block of the events among them, of epoch ordinal 7.
const GOLDEN: &str = include_str!("golden/journal-v1.hex");

fn bytes_of(line: usize) -> Vec<u8> {
    let hex = GOLDEN.lines().nth(line).unwrap();
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn number(raw: f64) -> Quantity {
    Quantity::Number(Value::try_new(raw).unwrap())
}

fn readings() -> Vec<Sample> {
    vec![
        Sample::Good(number(24.5)),
        Sample::Good(Quantity::Text(Arc::from("甲烷"))),
        Sample::Suspect(number(-1.0), Doubt::UnderRange),
        Sample::Bad(NoData::Stale),
        Sample::Bad(NoData::Link(LinkFault::Refused(Exception::GatewayTarget))),
        Sample::Bad(NoData::NotText),
    ]
}

fn bodies() -> Vec<Body> {
    let reading = |(point, sample)| Reading { point: PointId(point), sample };
    let previous = PreviousEpoch { epoch: Epoch(u64::MAX), durable_through: Seq(4_711) };
    vec![
        Body::Opening(Opening { ordinal: Some(7), previous: vec![previous] }),
        Body::Readings((300..).zip(readings()).map(reading).collect()),
        Body::Alarm(AlarmEvent {
            alarm: AlarmId(3),
            from: AlarmState::Unacked,
            to: AlarmState::LatchedAcked,
            value: Value::try_new(50.25),
            actor: Some("王工".to_owned()),
        }),
        Body::Device(DeviceEvent { device: DeviceId(2), fault: Some(LinkFault::Garbled) }),
        Body::System(SystemEvent { condition: Condition::OutputFault(OutputId(1)), raised: true }),
        Body::System(SystemEvent { condition: Condition::ClockUntrusted, raised: false }),
        Body::Action(ActionEvent {
            actor: "operator".to_owned(),
            verb: Verb::Reset,
            alarm: None,
            note: "通风后复位".to_owned(),
            changed: 4,
        }),
        Body::Loss(Loss {
            place: LossPlace::Uplink(UplinkId(1)),
            epoch: Epoch(9),
            lane: Lane::Reading,
            first: Seq(10),
            last: Seq(20),
            records: 8,
            readings: 80,
        }),
        Body::ClockStep(ClockStep { from: Utc::from_unix_ms(-1), to: Utc::from_unix_ms(1) }),
    ]
}

fn records() -> Vec<Arc<Record>> {
    let stamp = |seq: u64| Stamp {
        mono: Mono::from_millis(seq * 1_000),
        utc: Utc::from_unix_ms(1_767_225_600_000 + seq as i64),
        trust: [ClockTrust::Unset, ClockTrust::Free, ClockTrust::Synced][seq as usize % 3],
    };
    let record = |(seq, body)| Arc::new(Record { seq: Seq(seq), stamp: stamp(seq), body });
    (1..).zip(bodies()).map(record).collect()
}

#[test]
fn version_1_is_written_as_it_always_was() {
    let mut bytes = Vec::new();
    records().iter().for_each(|record| encode(record, &mut bytes));
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, GOLDEN.lines().next().unwrap_or_default());
}

#[test]
fn version_1_is_read_as_it_always_was() {
    assert_eq!(decode(1, 9, &bytes_of(0)).unwrap(), records());
}

#[test]
fn a_block_of_version_1_is_read_as_it_always_was() {
    let events: Vec<_> = records().into_iter().filter(|r| r.lane() == Lane::Event).collect();
    assert_eq!(read_block(&bytes_of(1)), Ok((7, events)));
}

/// The list of earlier epochs was an `Option` once. These bytes are from that time.
#[test]
fn an_opening_that_named_one_earlier_epoch_or_none_is_written_and_read_as_it_was() {
    let none = [1, 0, 0, 0, 0, 1, 7, 0];
    let one = [1, 0, 0, 0, 0, 1, 7, 1, 42, 9];
    for (bytes, previous) in [(&none[..], vec![]), (&one[..], vec![(42, 9)])] {
        let record = opening(&previous);
        assert_eq!(decode(1, 1, bytes).unwrap(), [Arc::clone(&record)]);
        let mut written = Vec::new();
        encode(&record, &mut written);
        assert_eq!(written, bytes);
    }
}

/// Conditions that were thought of later have the next number; those before keep theirs.
#[test]
fn an_absent_safeguard_is_the_eleventh_condition() {
    let condition = Condition::SafeguardAbsent(SafeguardId(300));
    let record = first(Body::System(SystemEvent { condition, raised: true }));
    let mut bytes = Vec::new();
    encode(&record, &mut bytes);
    assert_eq!(bytes, [1, 0, 0, 0, 4, 10, 172, 2, 1]);
    assert_eq!(decode(1, 1, &bytes).unwrap(), [record]);
}

#[test]
fn an_opening_that_names_several_earlier_epochs_keeps_their_order() {
    let record = opening(&[(44, 0), (43, 0), (42, 9)]);
    let mut bytes = Vec::new();
    encode(&record, &mut bytes);
    assert_eq!(bytes, [1, 0, 0, 0, 0, 1, 7, 3, 44, 0, 43, 0, 42, 9]);
    assert_eq!(decode(1, 1, &bytes).unwrap(), [record]);
}

/// Variants came to version 1 at the ends of its lists; these bytes are from the day they came.
#[test]
fn what_came_to_version_1_later_is_written_and_read_as_it_came() {
    let [actor, approver, reason, note] = ["a", "b", "c", "d"].map(String::from);
    let change = BypassChange::Begun { lasts: Duration::from_millis(5) };
    let cause = Cause::Test;
    let alarm = AlarmId(1);
    let lasts = Some(Duration::from_millis(6));
    let (from, to) = (AlarmState::Shelved, AlarmState::OutOfService);
    let step = |step| Body::Interlock(InterlockEvent { step, actor: None, note: String::new() });
    let count = VoteCount { outcome: Outcome::Tripped, needed: 2, of: 3, faulty: 1, bypassed: 4 };
    let (ready, gone) = (TripStanding::Ready, TripStanding::Tripped);
    let tripped = |cause| InterlockStep::Trip { trip: TripId(4), from: ready, to: gone, cause };
    let (before, after) = (PermitStanding::PreRun, PermitStanding::Granted);
    let permitted = InterlockStep::Permit { permit: PermitId(7), from: before, to: after };
    let released = InterlockStep::Hold(PermitId(8), HoldStanding::Released);
    let said = InterlockEvent { step: released, actor: Some("a".into()), note: "d".into() };
    let reset = Body::Interlock(said);
    let system = |condition| Body::System(SystemEvent { condition, raised: true });
    let us = |serving, of| Served { serving: Duration::from_micros(serving), of: Duration::from_micros(of) };
    let day = DayShares { interlocks: us(1, 2), healthy: us(3, 4) };
    let bypassed = hazard_core::reading::Sample::Suspect(Quantity::Text("".into()), Doubt::Bypassed);
    for (body, bytes) in [
        (
            Body::Handling(HandlingEvent { alarm, actor: "a".into(), cause, note: note.clone() }),
            &[8, 1, 1, 97, 5, 1, 100][..],
        ),
        (
            Body::Shelving(ShelvingEvent { alarm, actor: "a".into(), lasts, note }),
            &[9, 1, 1, 97, 1, 6, 1, 100],
        ),
        (
            Body::Bypass(BypassEvent { point: PointId(2), change, actor, approver, reason }),
            &[10, 2, 0, 5, 1, 97, 1, 98, 1, 99],
        ),
        (Body::Alarm(AlarmEvent { alarm, from, to, value: None, actor: None }), &[2, 1, 6, 8, 0, 0]),
        (step(InterlockStep::Vote(VoteId(3), count)), &[11, 0, 3, 3, 2, 3, 1, 4, 0, 0]),
        (step(tripped(Some(interlock::Cause::Alarm(alarm)))), &[11, 1, 4, 0, 1, 1, 0, 1, 0, 0]),
        (step(tripped(Some(interlock::Cause::Vote(VoteId(5))))), &[11, 1, 4, 0, 1, 1, 1, 5, 0, 0]),
        (step(InterlockStep::Proof(TripId(6), ProofStanding::Left)), &[11, 2, 6, 4, 0, 0]),
        (step(permitted), &[11, 3, 7, 1, 3, 0, 0]),
        (reset, &[11, 4, 8, 2, 1, 1, 97, 1, 100]),
        (system(Condition::AlarmFlood), &[4, 7, 1]),
        (system(Condition::AlarmChatter(alarm)), &[4, 8, 1, 1]),
        (system(Condition::RetentiveDown), &[4, 9, 1]),
        (system(Condition::KeyPeriod(KeyPeriodId(9))), &[4, 12, 9, 1]),
        (system(Condition::DelayExceeded(BusId(300))), &[4, 11, 172, 2, 1]),
        (Body::Readings(vec![Reading { point: PointId(0), sample: bypassed }]), &[1, 1, 0, 1, 1, 0, 4]),
        (system(Condition::UpkeepDue(UpkeepId(300))), &[4, 13, 172, 2, 1]),
        (system(Condition::UpkeepFailing(UpkeepId(2))), &[4, 14, 2, 1]),
        (Body::Shares(day), &[13, 1, 2, 3, 4]),
    ] {
        comes_back(body, bytes);
    }
}

/// Calls came to version 1 later still.
#[test]
fn calls_are_written_and_read_as_they_came() {
    let alarm = AlarmId(1);
    let system = |condition| Body::System(SystemEvent { condition, raised: true });
    let called = |change| Body::Call(CallEvent { change, note: "d".into() });
    let (attempt, role, fault) = (AttemptId(3), RoleId(4), DeliveryFault::Unreported);
    let told = Told { alarm, priority: Priority::Critical, rung: 5, nth: 6 };
    let order = Order { attempt, role, alarms: vec![told] };
    let failed = Change::Failed { attempt, role, fault, moved_on: vec![alarm] };
    let after = Duration::from_millis(7);
    let answered = |how| Change::Answered { alarm, by: "a".into(), how, after };
    let said = How::Said { role: Some(role), channel: "c".into() };
    let aside = Withdrawal::Withheld(Withheld::OutOfService);
    for (body, bytes) in [
        (system(Condition::CallFailed(RoleId(300))), &[4, 15, 172, 2, 1][..]),
        (called(Change::Opened { alarm, priority: Priority::High }), &[14, 0, 1, 2, 1, 100]),
        (called(Change::Ordered(order)), &[14, 1, 3, 4, 1, 1, 3, 5, 6, 1, 100]),
        (called(Change::Delivered { attempt, role }), &[14, 2, 3, 4, 1, 100]),
        (called(failed), &[14, 3, 3, 4, 3, 1, 1, 1, 100]),
        (called(answered(How::Acknowledged)), &[14, 4, 1, 1, 97, 0, 7, 1, 100]),
        (called(answered(said)), &[14, 4, 1, 1, 97, 1, 1, 4, 1, 99, 7, 1, 100]),
        (called(Change::Withdrawn { alarm, why: aside }), &[14, 5, 1, 0, 2, 1, 100]),
        (called(Change::Withdrawn { alarm, why: Withdrawal::Gone }), &[14, 5, 1, 1, 1, 100]),
        (called(Change::Exhausted { alarm, repeats_left: 8 }), &[14, 6, 1, 8, 1, 100]),
        (system(Condition::JournalFull), &[4, 16, 1]),
    ] {
        comes_back(body, bytes);
    }
}

/// The sums of a day came after them.
#[test]
fn the_sums_of_a_day_are_written_and_read_as_they_came() {
    let count = |first: u64| Count { records: first, readings: first + 1 };
    let polls = PollCount { scheduled: 2, read: 3, failed: 4, skipped: 5, open: 6, repeated: 7 };
    let [before, offered, stored, lost, waiting, purged] = [8, 10, 12, 14, 16, 18].map(count);
    let [confirmed, pending, missing, back_filled] = [22, 24, 26, 28].map(count);
    let ledger = UplinkLedger { confirmed, sent: Count::default(), pending, lost: missing, back_filled };
    let day = DayLedger {
        lasted: Duration::from_micros(127),
        polls: DayPolls { before: 1, count: polls },
        journal: DayJournal { before, offered, stored, lost, waiting, purged },
        uplinks: vec![DayUplink { before: count(20), ledger }],
    };
    let head = [15, 127, 1, 2, 3, 4, 5, 6, 7];
    let sums: Vec<u8> = (8..20).chain([1]).chain(20..30).collect();
    comes_back(Body::Ledger(Box::new(day)), &[&head[..], &sums].concat());
}

/// Replays came to version 1 last.
#[test]
fn replays_are_written_and_read_as_they_came() {
    let wish = Wish { id: "r".into(), from: Utc::from_unix_ms(1), to: Utc::from_unix_ms(-1) };
    let event = |ended| Body::Replay(ReplayEvent { uplink: UplinkId(3), wish: wish.clone(), ended });
    let condition = Condition::ReceiptsMissing(UplinkId(3));
    for (body, bytes) in [
        (Body::System(SystemEvent { condition, raised: true }), &[4, 17, 3, 1][..]),
        (event(None), &[16, 3, 1, 114, 2, 1, 0]),
        (event(Some(Count { records: 5, readings: 300 })), &[16, 3, 1, 114, 2, 1, 1, 5, 172, 2]),
    ] {
        comes_back(body, bytes);
    }
}

/// Manifests came to version 1 with the hash chain.
#[test]
fn a_manifest_is_written_and_read_as_it_came() {
    let manifest = Manifest { text: "a".into(), signature: "b".into(), key: "c".into() };
    comes_back(Body::Manifest(Box::new(manifest)), &[17, 1, 97, 1, 98, 1, 99]);
}

/// Changes of configuration came to version 1 after manifests.
#[test]
fn a_change_of_configuration_is_written_and_read_as_it_came() {
    let event = |change| {
        let [actor, approver, note, from, to] = ["a", "b", "c", "d", "e"].map(String::from);
        let (differences, lowered) = (300, 2);
        Body::Config(Box::new(ConfigEvent { change, actor, approver, note, from, to, differences, lowered }))
    };
    let rest = [1, 97, 1, 98, 1, 99, 1, 100, 1, 101, 172, 2, 2];
    let applied = ConfigChange::Applied { confirm_within: Duration::from_millis(300) };
    let withdrawn = ConfigChange::Withdrawn { alarm: "A".into(), state: AlarmState::LatchedAcked };
    for (change, bytes) in [
        (applied, &[18, 0, 172, 2][..]),
        (ConfigChange::Confirmed, &[18, 1]),
        (ConfigChange::RolledBack, &[18, 2]),
        (ConfigChange::Expired, &[18, 3]),
        (ConfigChange::Interrupted, &[18, 4]),
        (ConfigChange::Unplanned, &[18, 5]),
        (withdrawn, &[18, 6, 1, 65, 5]),
    ] {
        comes_back(event(change), &[bytes, &rest].concat());
    }
}

/// Named commands came to version 1 after changes of configuration.
#[test]
fn a_command_is_written_and_read_as_it_came() {
    let event = |change| {
        let [actor, approver, note] = ["a", "b", "c"].map(String::from);
        let (command, nth, value) = (DeviceCommandId(300), 5, Value::ONE);
        Body::Command(Box::new(CommandEvent { command, nth, change, value, actor, approver, note }))
    };
    let one = [0, 0, 0, 0, 0, 0, 240, 63];
    let some = [&[1][..], &one].concat();
    let rest = [&one[..], &[1, 97, 1, 98, 1, 99]].concat();
    let (before, none) = (Some(Value::ONE), None);
    let refused = LinkFault::Refused(Exception::IllegalValue);
    let failed = |why| CommandChange::Failed { before: none, why };
    for (change, bytes) in [
        (CommandChange::Accepted { deadline: Duration::from_millis(300) }, vec![0, 172, 2]),
        (CommandChange::Done { before, read_back: before }, [&[1][..], &some, &some].concat()),
        (
            CommandChange::Unverified { before: none, read_back: before, fault: Some(LinkFault::Silent) },
            [&[2, 0][..], &some, &[1, 0]].concat(),
        ),
        (failed(CommandFailure::Link(refused)), vec![3, 0, 1, 2, 3]),
        (failed(CommandFailure::Expired), vec![3, 0, 0]),
        (CommandChange::Lost, vec![4]),
    ] {
        comes_back(event(change), &[&[19, 172, 2, 5][..], &bytes, &rest].concat());
    }
}

fn comes_back(body: Body, bytes: &[u8]) {
    let record = first(body);
    let mut written = Vec::new();
    encode(&record, &mut written);
    assert_eq!(written[4..], *bytes, "{record:?}");
    assert_eq!(decode(1, 1, &written).unwrap(), [record]);
}

fn opening(previous: &[(u64, u64)]) -> Arc<Record> {
    let previous = previous
        .iter()
        .map(|&(epoch, through)| PreviousEpoch { epoch: Epoch(epoch), durable_through: Seq(through) });
    first(Body::Opening(Opening { ordinal: Some(7), previous: previous.collect() }))
}

fn first(body: Body) -> Arc<Record> {
    let stamp = Stamp { mono: Mono::ZERO, utc: Utc::from_unix_ms(0), trust: ClockTrust::Unset };
    Arc::new(Record { seq: Seq(1), stamp, body })
}
