//! The engine under inputs that no honest world would give it, and at the edges of its time.

use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

use proptest::prelude::*;

use crate::alarm::{AlarmKind, AlarmSpec, Priority};
use crate::annunciate::{OutputSpec, Role, Wiring};
use crate::id::{
    AlarmId, BusId, DeviceId, Epoch, MessageId, OutputId, PointId, SafeguardId, Seq, Ticket, UplinkId,
};
use crate::input::{Action, Command, JournalReport, PastEpoch, UplinkReport};
use crate::link::{Exception, LinkFault, Words};
use crate::outbox::record::{AlarmState, Body, Cause, Condition, Loss, LossPlace, Record, SystemEvent, Verb};
use crate::outbox::{AckedSet, Count, Lane};
use crate::sensor::{Current, SensorSpec, StatusSpec, Test, Trouble};
use crate::site::{SafeguardSpec, SafeguardState, SiteTables, UplinkSpec};
use crate::{
    ClockTrust, Engine, Input, Mono, Output, Polarity, Side, Site, Stamp, Start, Threshold, Utc, Value,
    fixture,
};

proptest! {
    #[test]
    fn no_input_makes_it_panic_or_never_rest(
        size in 0usize..3,
        steps in proptest::collection::vec((step(), 0u64..5_000_000, any::<bool>()), 0..80),
    ) {
        let mut engine = engine(site(size));
        let mut now = Mono::ZERO;
        for (step, passed_us, wakes) in steps {
            now = now + Duration::from_micros(passed_us);
            match step {
                Step::Input(input) => engine.handle(now, input),
                Step::Command(command) => drop(engine.command(now, command)),
                Step::Restart(away) => {
                    let retained = engine.retained();
                    engine.resume(&retained, away);
                }
            }
            if wakes {
                engine.handle_timeout(now);
            }
            drain(&mut engine);
            prop_assert!(engine.poll_timeout().is_some());
            let snapshot = engine.snapshot();
            prop_assert!(snapshot.ledger.is_even());
            prop_assert!(snapshot.devices.iter().all(|device| device.polls.is_even()));
        }
    }
}

#[test]
fn an_alarm_whose_delay_ended_before_a_late_good_value_was_raised() {
    let mut tables = fixture::tables(1);
    tables.points.push(fixture::point("P", 0));
    let threshold = Threshold { on_delay: Duration::from_millis(1500), ..high(25) };
    tables.alarms.push(AlarmSpec { threshold, ..alarm(AlarmKind::High) });
    let mut engine = engine(tables);
    engine.handle_timeout(Mono::ZERO);
    answer(&mut engine, Mono::ZERO, 30);
    engine.handle_timeout(Mono::from_millis(1000));
    // The value returned at 1.6 s, a tenth of a second after the alarm was due; the timer was late.
    answer(&mut engine, Mono::from_millis(1600), 0);
    assert_eq!(engine.snapshot().alarms[0].state, AlarmState::RtnUnacked);
}

#[test]
fn a_write_that_no_adapter_answers_is_an_output_fault() {
    let mut tables = fixture::tables(1);
    tables.outputs.push(horn(Wiring::Coil { device: DeviceId(0), address: 0 }));
    let mut engine = engine(tables);
    engine.handle_timeout(Mono::ZERO);
    assert!(drain(&mut engine).iter().any(|output| matches!(output, Output::Write { .. })));
    let mut now = Mono::ZERO;
    while now < Mono::from_millis(60_000) {
        now = engine.poll_timeout().unwrap().0;
        engine.handle_timeout(now);
        if engine.snapshot().conditions.contains(&Condition::OutputFault(OutputId(0))) {
            return;
        }
    }
    panic!("a relay that nobody drives is not told: {:?}", engine.snapshot().conditions);
}

#[test]
fn an_output_that_is_not_read_back_is_unverified_until_it_is() {
    let mut tables = fixture::tables(1);
    tables.outputs.push(horn(Wiring::Coil { device: DeviceId(0), address: 0 }));
    let mut engine = engine(tables);
    let unverified = Condition::OutputUnverified(OutputId(0));
    let mut now = Mono::ZERO;
    let mut refusals = 0;
    while now < Mono::from_millis(30_000) {
        engine.handle_timeout(now);
        for output in drain(&mut engine) {
            match output {
                Output::Write { bus, ticket, .. } => {
                    engine.handle(now, Input::Written { bus, ticket, result: Ok(()) });
                    assert_eq!(engine.snapshot().conditions.contains(&unverified), refusals == 1);
                }
                Output::Read { bus, ticket, .. } if refusals == 0 => {
                    refusals += 1;
                    let result = Err(LinkFault::Refused(Exception::IllegalFunction));
                    engine.handle(now, Input::Reply { bus, ticket, result });
                    assert!(engine.snapshot().conditions.contains(&unverified));
                }
                Output::Read { bus, ticket, .. } => {
                    refusals += 1;
                    let result = Ok(Words::Bits(vec![engine.snapshot().panel.energised[0]]));
                    engine.handle(now, Input::Reply { bus, ticket, result });
                    assert!(!engine.snapshot().conditions.contains(&unverified));
                }
                _ => {}
            }
        }
        now = engine.poll_timeout().unwrap().0;
    }
    assert!(refusals > 1, "it was asked for again");
}

#[test]
fn an_absent_safeguard_stands_from_the_first_moment_and_leaves_the_fault_lamp_dark() {
    let safeguard = |state| SafeguardSpec { name: "DC-1/vent_panel".into(), state };
    let mut tables = fixture::tables(0);
    tables.outputs.push(OutputSpec {
        role: Role::Fault,
        polarity: Polarity::EnergiseToAlarm,
        ..horn(Wiring::Gpio)
    });
    tables.safeguards = vec![safeguard(SafeguardState::Fitted), safeguard(SafeguardState::Absent)];
    let mut engine = engine(tables);
    let absent = Condition::SafeguardAbsent(SafeguardId(1));
    assert_eq!(engine.snapshot().conditions, [absent]);
    let opened =
        JournalReport::Opened { epoch: Epoch(1), ordinal: 1, previous: Vec::new(), past: Vec::new() };
    engine.handle(Mono::ZERO, Input::Journal(opened));
    engine.handle_timeout(Mono::from_millis(60_000));
    assert_eq!(engine.snapshot().conditions, [absent], "nothing ends it but another configuration");
    assert!(!engine.snapshot().panel.energised[0], "the lamp is for faults of the monitoring");
    let told = drain(&mut engine).into_iter().filter_map(|output| match output {
        Output::Append { records, .. } => Some(records),
        _ => None,
    });
    let told: Vec<Body> = told.flatten().map(|record| record.body.clone()).collect();
    let raised = Body::System(SystemEvent { condition: absent, raised: true });
    assert_eq!(told.iter().filter(|body| **body == raised).count(), 1, "{told:?}");
}

#[test]
fn an_output_that_does_not_exist_has_no_fault() {
    let mut engine = engine(site(1));
    let before = engine.snapshot().conditions;
    engine.handle(Mono::ZERO, Input::Driven { output: OutputId(99), result: Err(LinkFault::Gone) });
    assert_eq!(engine.snapshot().conditions, before);
}

fn engine(tables: SiteTables) -> Engine {
    let start = Start { epoch: Epoch(1), utc: Utc::from_unix_ms(0), trust: ClockTrust::Free };
    Engine::new(Arc::new(Site::try_new(tables).unwrap()), &start, Mono::ZERO)
}

fn drain(engine: &mut Engine) -> Vec<Output> {
    let outputs: Vec<Output> = core::iter::from_fn(|| engine.poll_output()).take(10_000).collect();
    assert!(outputs.len() < 10_000, "there is always something more to do");
    outputs
}

/// Answers the read that is under way.
fn answer(engine: &mut Engine, now: Mono, raw: u16) {
    let read = drain(engine).into_iter().find_map(|output| match output {
        Output::Read { bus, ticket, .. } => Some((bus, ticket)),
        _ => None,
    });
    let (bus, ticket) = read.unwrap();
    engine.handle(now, Input::Reply { bus, ticket, result: Ok(Words::Registers(vec![raw])) });
}

/// 0: nothing at all; otherwise so many devices with points, alarms, outputs and uplinks.
fn site(size: usize) -> SiteTables {
    if size == 0 {
        return SiteTables::default();
    }
    let mut tables = fixture::tables(u16::try_from(size).unwrap());
    for device in 0..size {
        tables.points.push(fixture::point("P", u16::try_from(device).unwrap()));
    }
    if size > 1 {
        let current = Current { zero: Value::ZERO, full: Value::from_i32(4), hold: Duration::from_secs(2) };
        tables.sensors.push(SensorSpec { point: PointId(0), current: Some(current), drift: None });
        tables.statuses.extend([Trouble::WarmUp, Trouble::Fault, Trouble::OverRange].map(|trouble| {
            StatusSpec {
                source: PointId(1),
                test: Test::OneOf(vec![Value::from_i32(trouble as i32)]),
                of: vec![PointId(0)],
                trouble,
                category: trouble.category(),
                limit: Duration::from_secs(4),
            }
        }));
    }
    tables.alarms = vec![alarm(AlarmKind::High), AlarmSpec { latch: true, ..alarm(AlarmKind::Lost) }];
    tables.outputs = vec![horn(Wiring::Gpio), horn(Wiring::Coil { device: DeviceId(0), address: 7 })];
    tables.uplinks =
        vec![
            UplinkSpec { name: "u".into(), window: 2, message_records_max: 3, ..UplinkSpec::default() };
            size
        ];
    tables
}

fn horn(wiring: Wiring) -> OutputSpec {
    let (role, polarity) = (Role::Horn(Priority::Low), Polarity::DeEnergiseToAlarm);
    OutputSpec { name: "horn".into(), role, wiring, polarity }
}

fn alarm(kind: AlarmKind) -> AlarmSpec {
    AlarmSpec { priority: Priority::High, ..AlarmSpec::new(PointId(0), kind, high(25)) }
}

fn high(setpoint: i32) -> Threshold {
    Threshold { setpoint: Value::from_i32(setpoint), ..Threshold::switch(Side::High) }
}

/// Mostly small numbers, which hit something, and now and then absurd ones.
fn number() -> impl Strategy<Value = u64> {
    prop_oneof![6 => 0u64..6, 1 => Just(u64::MAX), 1 => any::<u64>()]
}

#[derive(Debug)]
enum Step {
    Input(Input),
    Command(Command),
    Restart(Option<Duration>),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        10 => input().prop_map(Step::Input),
        3 => action().prop_map(|(action, words)| Step::Command(Command {
            actor: "x".into(),
            action,
            note: if words { "y".into() } else { "".into() },
        })),
        1 => proptest::option::of(any::<u64>().prop_map(Duration::from_micros)).prop_map(Step::Restart),
    ]
}

fn action() -> impl Strategy<Value = (Action, bool)> {
    (0..8, number(), any::<u64>(), any::<bool>()).prop_map(|(kind, id, lasts, words)| {
        let (alarm, point) = (AlarmId(id as u32), PointId(id as u32));
        let lasts = Duration::from_micros(lasts);
        let action = match kind {
            0 => Action::Act(Verb::Silence, None),
            1 => Action::Act(Verb::Acknowledge, words.then_some(alarm)),
            2 => Action::Act(Verb::Reset, None),
            3 => Action::Handle(alarm, Cause::Test),
            4 => Action::Shelve(alarm, lasts),
            5 => Action::Unshelve(alarm),
            6 => Action::Bypass { point, approver: "z".into(), lasts },
            _ => Action::EndBypass(point),
        };
        (action, words)
    })
}

fn input() -> impl Strategy<Value = Input> {
    prop_oneof![
        4 => (number(), number(), words()).prop_map(|(bus, ticket, result)| {
            Input::Reply { bus: BusId(bus as u16), ticket: Ticket(ticket), result }
        }),
        2 => (number(), number(), fault()).prop_map(|(bus, ticket, fault)| {
            Input::Written { bus: BusId(bus as u16), ticket: Ticket(ticket), result: fault.map_or(Ok(()), Err) }
        }),
        1 => (number(), fault()).prop_map(|(output, fault)| {
            Input::Driven { output: OutputId(output as u16), result: fault.map_or(Ok(()), Err) }
        }),
        4 => journal().prop_map(Input::Journal),
        4 => (number(), uplink()).prop_map(|(id, report)| Input::Uplink { uplink: UplinkId(id as u8), report }),
        1 => any::<i64>().prop_map(|ms| Input::Clock { utc: Utc::from_unix_ms(ms), trust: ClockTrust::Synced }),
    ]
}

fn words() -> impl Strategy<Value = Result<Words, LinkFault>> {
    prop_oneof![
        3 => proptest::collection::vec(any::<u16>(), 0..3).prop_map(|words| Ok(Words::Registers(words))),
        1 => proptest::collection::vec(any::<bool>(), 0..3).prop_map(|bits| Ok(Words::Bits(bits))),
        2 => fault().prop_map(|fault| Err(fault.unwrap_or(LinkFault::Gone))),
    ]
}

fn fault() -> impl Strategy<Value = Option<LinkFault>> {
    prop_oneof![
        Just(None),
        Just(Some(LinkFault::Silent)),
        Just(Some(LinkFault::Garbled)),
        Just(Some(LinkFault::Gone)),
        Just(Some(LinkFault::Refused(Exception::GatewayTarget))),
        Just(Some(LinkFault::Refused(Exception::IllegalAddress))),
    ]
}

fn uplink() -> impl Strategy<Value = UplinkReport> {
    (0..4, number()).prop_map(|(kind, id)| match kind {
        0 => UplinkReport::Up,
        1 => UplinkReport::Down,
        2 => UplinkReport::Acked(MessageId(id)),
        _ => UplinkReport::Rejected(MessageId(id)),
    })
}

fn journal() -> impl Strategy<Value = JournalReport> {
    prop_oneof![
        2 => (number(), number(), number()).prop_map(|(epoch, past, last)| JournalReport::Opened {
            epoch: Epoch(epoch),
            ordinal: last,
            previous: Vec::new(),
            past: vec![PastEpoch {
                epoch: Epoch(past),
                last: Seq(last),
                acked: vec![[AckedSet::from_ranges(&[(last, past)]), AckedSet::default()]],
            }],
        }),
        2 => number().prop_map(|through| JournalReport::Durable { through: Seq(through) }),
        1 => (0..1).prop_map(|_| JournalReport::Failed),
        3 => (number(), number(), number(), any::<bool>()).prop_map(|(uplink, epoch, seq, event)| {
            JournalReport::Fetched {
                uplink: UplinkId(uplink as u8),
                epoch: Epoch(epoch),
                lane: if event { Lane::Event } else { Lane::Reading },
                through: Seq(seq),
                records: vec![Arc::new(absurd_loss(uplink, epoch, seq))],
                damaged: vec![(Seq(uplink), Seq(seq), epoch)],
            }
        }),
        2 => (number(), number(), number(), any::<bool>()).prop_map(|(epoch, first, last, event)| {
            JournalReport::Purged {
                lane: if event { Lane::Event } else { Lane::Reading },
                epoch: Epoch(epoch),
                first: Seq(first),
                last: Seq(last),
                count: Count { records: last, readings: first },
                again: event,
            }
        }),
    ]
}

fn absurd_loss(uplink: u64, epoch: u64, seq: u64) -> Record {
    let loss = Loss {
        place: LossPlace::Uplink(UplinkId(uplink as u8)),
        epoch: Epoch(epoch),
        lane: Lane::Event,
        first: Seq(seq),
        last: Seq(epoch),
        records: u64::MAX,
        readings: u64::MAX,
    };
    let stamp = Stamp { mono: Mono::ZERO, utc: Utc::from_unix_ms(0), trust: ClockTrust::Free };
    Record { seq: Seq(seq), stamp, body: Body::Loss(loss) }
}
