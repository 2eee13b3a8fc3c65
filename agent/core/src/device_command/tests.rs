//! Commands through the engine, against a device of 32 holding registers and 8 coils that does what it is told, or not.

mod plant;

use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

use plant::{Plant, SILENT, Whim, tables, value};
use proptest::prelude::*;

use super::*;
use crate::annunciate::{OutputSpec, Role, Wiring};
use crate::id::{DeviceCommandId, DeviceId};
use crate::link::{Exception, LinkFault, Words};
use crate::outbox::record::Refusal;
use crate::point::{Order, Shape};
use crate::site::{SiteFault, SiteTables};
use crate::{Polarity, Site, Value};

const SETPOINT: DeviceCommandId = DeviceCommandId(0);
const ZERO: DeviceCommandId = DeviceCommandId(1);

#[test]
fn a_setpoint_is_read_written_and_read_back() {
    let mut plant = Plant::new(tables());
    plant.registers[10] = 200;
    assert_eq!(plant.send(SETPOINT, Some(25.0)), Ok(()));
    plant.run(10);
    assert_eq!(plant.registers[10], 250);
    let changes = plant.changes();
    assert_eq!(changes[0], CommandChange::Accepted { deadline: Duration::from_secs(30) });
    let done = CommandChange::Done { before: value(20.0), read_back: value(25.0) };
    assert_eq!(changes[1..], [done]);
    assert_eq!(plant.writes, 1);
}

#[test]
fn a_register_that_clears_itself_is_written_once_and_done_by_its_echo() {
    let mut plant = Plant::new(tables());
    assert_eq!(plant.send(ZERO, None), Ok(()));
    plant.run(10);
    assert_eq!(plant.changes()[1..], [CommandChange::Done { before: None, read_back: None }]);
    assert_eq!((plant.writes, plant.registers[20]), (1, 1));
}

#[test]
fn a_write_that_got_lost_is_written_again_until_it_is_there() {
    let mut plant = Plant::new(tables());
    plant.whims = vec![Whim::Lost, Whim::Lost];
    assert_eq!(plant.send(SETPOINT, Some(25.0)), Ok(()));
    plant.run(30);
    let done = CommandChange::Done { before: value(0.0), read_back: value(25.0) };
    assert_eq!(plant.changes()[1..], [done]);
    assert_eq!(plant.writes, 3);
}

#[test]
fn a_device_that_keeps_another_value_is_a_discrepancy_after_bounded_writes() {
    let mut plant = Plant::new(tables());
    plant.whims = vec![Whim::Stores(111); 9];
    assert_eq!(plant.send(SETPOINT, Some(25.0)), Ok(()));
    plant.run(60);
    let unverified = CommandChange::Unverified { before: value(0.0), read_back: value(11.1), fault: None };
    assert_eq!(plant.changes()[1..], [unverified]);
    assert_eq!(plant.writes, 3, "the first and two retries");
}

#[test]
fn a_busy_device_is_written_to_again() {
    let mut plant = Plant::new(tables());
    plant.whims = vec![Whim::Refuses(Exception::Busy)];
    assert_eq!(plant.send(ZERO, None), Ok(()));
    plant.run(10);
    assert_eq!(plant.changes()[1..], [CommandChange::Done { before: None, read_back: None }]);
    assert_eq!(plant.writes, 2);
}

#[test]
fn a_device_that_stays_busy_ends_the_command_as_failed() {
    let mut plant = Plant::new(tables());
    plant.whims = vec![Whim::Refuses(Exception::Busy); 9];
    assert_eq!(plant.send(ZERO, None), Ok(()));
    plant.run(20);
    let why = CommandFailure::Link(LinkFault::Refused(Exception::Busy));
    assert_eq!(plant.changes()[1..], [CommandChange::Failed { before: None, why }]);
    assert_eq!(plant.writes, 2, "the first and one retry");
}

#[test]
fn a_refusal_is_final() {
    let mut plant = Plant::new(tables());
    plant.whims = vec![Whim::Refuses(Exception::IllegalValue)];
    assert_eq!(plant.send(SETPOINT, Some(25.0)), Ok(()));
    plant.run(10);
    let why = CommandFailure::Link(LinkFault::Refused(Exception::IllegalValue));
    assert_eq!(plant.changes()[1..], [CommandChange::Failed { before: value(0.0), why }]);
    assert_eq!(plant.writes, 1);
}

#[test]
fn an_unanswered_zero_is_never_repeated_because_it_may_have_been_done() {
    for fault in [SILENT, LinkFault::Garbled, LinkFault::Gone, LinkFault::Refused(Exception::DeviceFailure)] {
        let mut plant = Plant::new(tables());
        plant.whims = vec![Whim::Fails(fault)];
        assert_eq!(plant.send(ZERO, None), Ok(()));
        plant.run(20);
        let unverified = CommandChange::Unverified { before: None, read_back: None, fault: Some(fault) };
        assert_eq!(plant.changes()[1..], [unverified], "{fault:?}");
        assert_eq!(plant.writes, 1, "{fault:?}");
    }
}

#[test]
fn an_unanswered_setpoint_that_arrived_is_done_without_another_write() {
    let mut plant = Plant::new(tables());
    plant.whims = vec![Whim::DoneInSilence];
    assert_eq!(plant.send(SETPOINT, Some(25.0)), Ok(()));
    plant.run(20);
    let done = CommandChange::Done { before: value(0.0), read_back: value(25.0) };
    assert_eq!(plant.changes()[1..], [done]);
    assert_eq!(plant.writes, 1);
}

#[test]
fn a_device_that_falls_silent_ends_the_command() {
    let mut plant = Plant::new(tables());
    plant.dead = true;
    assert_eq!(plant.send(SETPOINT, Some(25.0)), Ok(()), "nobody knows yet that it is dead");
    plant.run(20);
    let changes = plant.changes();
    assert!(
        matches!(
            changes[1..],
            [CommandChange::Unverified { read_back: None, .. } | CommandChange::Failed { .. }]
        ),
        "{changes:?}"
    );
    assert_eq!(plant.send(SETPOINT, Some(25.0)), Err(Refusal::DeviceOffline));
}

#[test]
fn a_command_whose_time_is_over_is_never_written() {
    let mut tables = tables();
    tables.commands[0].deadline = Duration::from_secs(5);
    tables.commands[1].deadline = Duration::from_secs(2);
    let mut plant = Plant::new(tables);
    // The first one keeps the line for longer than the second one may wait.
    plant.whims = vec![Whim::Stores(1); 9];
    assert_eq!(plant.send(SETPOINT, Some(25.0)), Ok(()));
    assert_eq!(plant.send(ZERO, None), Ok(()));
    plant.run(20);
    let expired = CommandChange::Failed { before: None, why: CommandFailure::Expired };
    assert!(plant.changes_of(ZERO).contains(&expired), "{:?}", plant.changes_of(ZERO));
    assert_eq!(plant.registers[20], 0);
    // What was written and is not there when its time is over is no failure: it is a discrepancy.
    let last = plant.changes_of(SETPOINT).pop().unwrap();
    assert!(matches!(last, CommandChange::Unverified { .. }), "{last:?}");
}

#[test]
fn polls_keep_their_period_while_a_command_is_under_way() {
    let mut plant = Plant::new(tables());
    plant.whims = vec![Whim::Stores(1); 9];
    assert_eq!(plant.send(SETPOINT, Some(25.0)), Ok(()));
    plant.run(20);
    let gaps = plant.polled.windows(2).map(|pair| pair[1].since(pair[0]));
    assert!(gaps.clone().count() > 15);
    assert!(gaps.max().unwrap() <= Duration::from_millis(1_050));
    let paces = plant.commanded.windows(2).map(|pair| pair[1].since(pair[0]));
    assert!(paces.min().unwrap() >= Duration::from_secs(1));
}

#[test]
fn what_the_panel_writes_goes_ahead_of_a_command() {
    let mut tables = tables();
    tables.outputs = vec![OutputSpec {
        name: "beat".into(),
        role: Role::Heartbeat,
        wiring: Wiring::Coil { device: DeviceId(0), address: 7 },
        polarity: Polarity::EnergiseToAlarm,
    }];
    let mut plant = Plant::new(tables);
    plant.run(5);
    // The bus is busy: when it is free, a beat is due and so is the command.
    plant.hold = true;
    plant.run(2);
    assert_eq!(plant.send(ZERO, None), Ok(()));
    plant.hold = false;
    plant.asked.clear();
    plant.run(2);
    let coil = plant.asked.iter().position(|kind| *kind == 'w').unwrap();
    let command = plant.asked.iter().position(|kind| *kind == 's').unwrap();
    assert!(coil < command, "{:?}", plant.asked);
}

#[test]
fn what_must_not_be_sent_is_refused_with_its_reason() {
    let mut plant = Plant::new(tables());
    assert_eq!(plant.send(DeviceCommandId(9), None), Err(Refusal::Unknown));
    assert_eq!(plant.send(SETPOINT, None), Err(Refusal::NoValue));
    assert_eq!(plant.send(SETPOINT, Some(50.5)), Err(Refusal::OutOfBounds));
    assert_eq!(plant.send(SETPOINT, Some(4.9)), Err(Refusal::OutOfBounds));
    assert_eq!(plant.send(SETPOINT, Some(25.25)), Err(Refusal::BetweenSteps));
    assert_eq!(plant.send(ZERO, Some(2.0)), Err(Refusal::ValueFixed));
    let mut ask = |actor, approver, note| plant.ask(SETPOINT, Some(25.0), [actor, approver, note]);
    assert_eq!(ask(" ", "B", "why"), Err(Refusal::NoActor));
    assert_eq!(ask("A", "B", " "), Err(Refusal::NoReason));
    assert_eq!(ask("A", " ", "why"), Err(Refusal::NoApprover));
    assert_eq!(ask("A", " A ", "why"), Err(Refusal::SecondPerson));
    plant.engine.configuration_on_trial(plant.now, true);
    assert_eq!(plant.send(SETPOINT, Some(25.0)), Err(Refusal::OnTrial));
    plant.engine.configuration_on_trial(plant.now, false);
    plant.run(5);
    assert_eq!((plant.changes(), plant.writes), (vec![], 0), "nothing of it left the engine");
    assert_eq!(plant.send(SETPOINT, Some(25.0)), Ok(()));
    assert_eq!(plant.send(SETPOINT, Some(26.0)), Err(Refusal::PendingAlready));
    plant.run(5);
    assert_eq!(plant.send(SETPOINT, Some(26.0)), Err(Refusal::TooSoon { wait: Duration::from_secs(5) }));
    plant.run(5);
    assert_eq!(plant.send(SETPOINT, Some(26.0)), Ok(()));
}

#[test]
fn a_full_queue_takes_no_more() {
    let mut tables = tables();
    let zero = tables.commands[1].clone();
    tables.commands.extend(vec![zero; 9]);
    let mut plant = Plant::new(tables);
    plant.hold = true;
    let outcomes: Vec<_> = (1..11).map(|id| plant.send(DeviceCommandId(id), None)).collect();
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 8);
    assert_eq!(outcomes[9], Err(Refusal::TooMany { max: 8 }));
}

#[test]
fn a_restart_tells_what_was_under_way_as_lost_and_writes_nothing() {
    let mut plant = Plant::new(tables());
    plant.hold = true;
    assert_eq!(plant.send(SETPOINT, Some(25.0)), Ok(()));
    let kept = plant.engine.retained();
    assert_eq!(kept.commands.len(), 1);
    let mut next = Plant::new(tables());
    next.engine.resume(&kept, Some(Duration::from_secs(1)));
    next.run(60);
    assert_eq!((next.changes(), next.writes), (vec![CommandChange::Lost], 0));
    // An end in order says so itself, and leaves nothing to keep.
    plant.engine.end(plant.now);
    plant.collect();
    assert_eq!(plant.changes()[1..], [CommandChange::Lost]);
    assert_eq!(plant.engine.retained().commands, vec![]);
}

#[test]
fn every_accepted_command_is_open_or_counted_by_its_one_outcome() {
    let mut plant = Plant::new(tables());
    plant.now = plant.now + Duration::from_secs(60);
    let mut count = CommandCount::default();
    let mut expect = |plant: &Plant, command: DeviceCommandId, change: fn(&mut CommandCount)| {
        change(&mut count);
        assert_eq!(plant.engine.snapshot().commands[command.index()].count, count);
    };
    assert_eq!(plant.send(SETPOINT, Some(60.0)), Err(Refusal::OutOfBounds));
    expect(&plant, SETPOINT, |count| count.refused += 1);
    assert_eq!(plant.send(SETPOINT, Some(25.0)), Ok(()));
    expect(&plant, SETPOINT, |count| count.accepted += 1);
    assert_eq!(plant.engine.snapshot().commands[0].count.open(), 1);
    plant.run(60);
    expect(&plant, SETPOINT, |count| count.confirmed += 1);
    let illegal = Whim::Refuses(Exception::IllegalValue);
    plant.whims = vec![Whim::Stores(1); 3];
    assert_eq!(plant.send(SETPOINT, Some(30.0)), Ok(()));
    plant.run(60);
    expect(&plant, SETPOINT, |count| (count.accepted, count.unverified) = (2, 1));
    plant.whims = vec![illegal];
    assert_eq!(plant.send(SETPOINT, Some(30.0)), Ok(()));
    plant.run(60);
    expect(&plant, SETPOINT, |count| (count.accepted, count.failed) = (3, 1));
    // Its end in order says what is open as lost.
    plant.hold = true;
    assert_eq!(plant.send(SETPOINT, Some(25.0)), Ok(()));
    let kept = plant.engine.retained();
    plant.engine.end(plant.now);
    expect(&plant, SETPOINT, |count| (count.accepted, count.lost) = (4, 1));
    let ended = plant.engine.snapshot().commands;
    assert_eq!((ended[0].count.ended(), ended[0].count.open()), (4, 0));
    assert_eq!(ended[1].count, CommandCount::default(), "each has its own");
    // What a restart caught was accepted by the run before.
    let mut next = Plant::new(tables());
    next.engine.resume(&kept, Some(Duration::from_secs(1)));
    let caught = CommandCount { lost: 1, lost_before: 1, ..CommandCount::default() };
    assert_eq!(next.engine.snapshot().commands[0].count, caught);
    assert_eq!((caught.ended(), caught.open()), (0, 0));
}

#[test]
fn an_echo_and_a_time_that_is_over_are_outcomes_of_their_own() {
    let mut tables = tables();
    tables.commands[1].deadline = Duration::from_secs(2);
    let mut plant = Plant::new(tables);
    assert_eq!(plant.send(ZERO, None), Ok(()));
    plant.run(20);
    // The set-point keeps the line for longer than the zero may wait.
    plant.whims = vec![Whim::Stores(1); 9];
    assert_eq!(plant.send(SETPOINT, Some(25.0)), Ok(()));
    assert_eq!(plant.send(ZERO, None), Ok(()));
    plant.run(60);
    let count = plant.engine.snapshot().commands[ZERO.index()].count;
    assert_eq!(count, CommandCount { accepted: 2, answered: 1, expired: 1, ..CommandCount::default() });
}

#[test]
fn a_site_refuses_commands_that_could_do_harm() {
    let refused = |change: fn(&mut SiteTables)| {
        let mut tables = tables();
        change(&mut tables);
        match Site::try_new(tables).unwrap_err()[..] {
            [SiteFault::DeviceCommand(_, fault)] => fault,
            ref faults => panic!("{faults:?}"),
        }
    };
    let on = |wiring| OutputSpec {
        name: "horn".into(),
        role: Role::Fault,
        wiring,
        polarity: Polarity::EnergiseToAlarm,
    };
    let coil = on(Wiring::Coil { device: DeviceId(0), address: 3 });
    let mut driven = tables();
    driven.outputs = vec![coil];
    driven.commands[1].target = Target { shape: Shape::Bit, start: 2, coils: 2, ..driven.commands[1].target };
    let faults = Site::try_new(driven).unwrap_err();
    assert_eq!(faults, [SiteFault::DeviceCommand(ZERO, DeviceCommandFault::DrivenByPanel(0))]);
    assert_eq!(refused(|site| site.commands[0].device = DeviceId(7)), DeviceCommandFault::WithoutDevice);
    assert_eq!(refused(|site| site.commands[1].target.start = 0), DeviceCommandFault::ReadBySafety(0));
    let beyond = |site: &mut SiteTables| {
        site.commands[0].target = Target { start: 65_535, shape: Shape::F32, ..site.commands[0].target };
    };
    assert_eq!(refused(beyond), DeviceCommandFault::BadTarget);
    assert_eq!(
        refused(|site| site.commands[1].bounds = Bounds::Fixed(Value::from_i32(70_000))),
        DeviceCommandFault::DoesNotFit
    );
    assert_eq!(refused(|site| site.commands[1].deadline = Duration::ZERO), DeviceCommandFault::WithoutTime);
    let on_device = |change: fn(&mut SiteTables)| {
        let mut tables = tables();
        change(&mut tables);
        Site::try_new(tables).unwrap_err()
    };
    let sis = on_device(|site| site.devices[0].sis = true);
    assert!(sis.contains(&SiteFault::DeviceCommand(ZERO, DeviceCommandFault::OnSis)), "{sis:?}");
    let all = on_device(|site| site.devices[0].unit = 0);
    assert!(all.contains(&SiteFault::DeviceCommand(ZERO, DeviceCommandFault::OnBroadcast)), "{all:?}");
}

#[test]
fn what_the_registers_can_say_is_within_half_a_step_and_nothing_else_is_written() {
    let target = |shape, scale| Target { shape, scale, ..tables().commands[1].target };
    let says = |shape, scale, number| match target(shape, scale).encode(Value::try_new(number).unwrap()) {
        Some(Words::Registers(words)) => words,
        other => panic!("{other:?}"),
    };
    assert_eq!(says(Shape::U16, 0.1, 25.3), [253]);
    assert_eq!(says(Shape::I16, 1.0, -2.0), [0xFFFE]);
    assert_eq!(says(Shape::U32, 1.0, 65_538.0), [1, 2]);
    assert_eq!(says(Shape::I32, 1.0, -2.0), [0xFFFF, 0xFFFE]);
    assert_eq!(says(Shape::F32, 1.0, 25.0), [0x41C8, 0]);
    assert_eq!(says(Shape::Bcd(1), 1.0, 1234.0), [0x1234]);
    let none = |shape, number| target(shape, 1.0).encode(Value::try_new(number).unwrap());
    assert_eq!(none(Shape::U16, 0.5), None);
    assert_eq!(none(Shape::U16, -1.0), None);
    assert_eq!(none(Shape::U16, 65_536.0), None);
    assert_eq!(none(Shape::I16, 32_768.0), None);
    assert_eq!(none(Shape::Bcd(1), 10_000.0), None);
    assert_eq!(none(Shape::F32, 1e39), None);
    let coils = Target { shape: Shape::Bit, coils: 3, ..target(Shape::U16, 1.0) };
    assert_eq!(coils.encode(Value::from_i32(5)), Some(Words::Bits(vec![true, false, true])));
    assert_eq!(coils.encode(Value::from_i32(8)), None);
}

proptest! {
    #[test]
    fn what_is_encoded_decodes_to_the_same(
        shape in prop::sample::select(vec![
            Shape::U16, Shape::I16, Shape::U32, Shape::I32, Shape::U64, Shape::I64, Shape::F64,
            Shape::Bcd(1), Shape::Bcd(2),
        ]),
        (low_word_first, low_byte_first) in any::<(bool, bool)>(),
        raw in -40_000_i32..=70_000,
    ) {
        let order = Order { low_word_first, low_byte_first };
        let target = Target { shape, order, scale: 0.1, ..tables().commands[1].target };
        let wanted = Value::try_new(f64::from(raw) / 10.0).unwrap();
        if let Some(words) = target.encode(wanted) {
            let off = target.decode(&words).unwrap().get() - wanted.get();
            prop_assert!(off.abs() < 1e-9, "{:?} reads {} off", shape, off);
        } else {
            prop_assert!(!(0..=9_999).contains(&raw), "{:?} cannot say {}", shape, raw);
        }
    }
}
