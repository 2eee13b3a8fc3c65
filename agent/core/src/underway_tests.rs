//! Delays over a change of configuration: another engine on the same clock goes on with what ran.

use alloc::sync::Arc;
use core::time::Duration;

use crate::alarm::{AlarmKind, AlarmSpec, Signal};
use crate::id::{Epoch, PointId};
use crate::outbox::record::AlarmState;
use crate::reading::{Quantity, Reading, Sample};
use crate::{ClockTrust, Engine, Mono, Side, Site, Start, Threshold, Utc, Value, fixture};

const DELAY: Duration = Duration::from_secs(3);

#[test]
fn an_on_delay_ends_though_the_engine_is_replaced_each_half_of_it() {
    let mut engine = engine(Signal::Value, 0);
    for turn in 0..3 {
        read(&mut engine, turn * 1_500, 1);
        if turn < 2 {
            assert_eq!(state(&engine), AlarmState::Normal);
        }
        engine = replaced(&engine, Signal::Value, turn * 1_500);
    }
    assert_eq!(state(&engine), AlarmState::Unacked);
}

#[test]
fn an_on_delay_that_goes_on_ends_without_another_value() {
    let mut engine = engine(Signal::Value, 0);
    read(&mut engine, 0, 1);
    let mut engine = replaced(&engine, Signal::Value, 1_000);
    engine.handle_timeout(Mono::from_millis(2_999));
    assert_eq!(state(&engine), AlarmState::Normal);
    assert!(engine.poll_timeout().is_some_and(|(at, _)| at <= Mono::from_millis(3_000)));
    engine.handle_timeout(Mono::from_millis(3_000));
    assert_eq!(state(&engine), AlarmState::Unacked);
}

#[test]
fn an_off_delay_goes_on_too() {
    let mut engine = engine(Signal::Value, 0);
    read(&mut engine, 0, 1);
    engine.handle_timeout(Mono::from_millis(3_000));
    read(&mut engine, 4_000, 0);
    let mut engine = replaced(&engine, Signal::Value, 5_000);
    assert_eq!(state(&engine), AlarmState::Unacked);
    read(&mut engine, 6_999, 0);
    assert_eq!(state(&engine), AlarmState::Unacked);
    read(&mut engine, 7_000, 0);
    assert_eq!(state(&engine), AlarmState::RtnUnacked);
}

#[test]
fn a_value_that_was_frozen_before_is_frozen_after() {
    let mut engine = engine(Signal::Frozen, 0);
    for ms in [0, 1_000, 2_000] {
        read(&mut engine, ms, 7);
    }
    let mut engine = replaced(&engine, Signal::Frozen, 2_500);
    read(&mut engine, 3_000, 7);
    read(&mut engine, 4_000, 7);
    assert_eq!(state(&engine), AlarmState::Unacked);
}

#[test]
fn a_restart_hands_nothing_over_and_the_delay_begins_anew() {
    let mut before = engine(Signal::Value, 0);
    read(&mut before, 0, 1);
    let mut after = engine(Signal::Value, 1_000);
    after.resume(&before.retained(), Some(Duration::ZERO));
    read(&mut after, 1_000, 1);
    after.handle_timeout(Mono::from_millis(3_999));
    assert_eq!(state(&after), AlarmState::Normal);
    after.handle_timeout(Mono::from_millis(4_000));
    assert_eq!(state(&after), AlarmState::Unacked);
}

fn engine(signal: Signal, ms: u64) -> Engine {
    let mut tables = fixture::tables(1);
    tables.points = alloc::vec![fixture::point("GT-1", 0)];
    let threshold = Threshold {
        side: Side::High,
        setpoint: Value::ONE,
        deadband: Value::HALF,
        on_delay: DELAY,
        off_delay: DELAY,
    };
    let kind = if signal == Signal::Frozen { AlarmKind::Frozen } else { AlarmKind::High };
    tables.alarms = alloc::vec![AlarmSpec { signal, ..AlarmSpec::new(PointId(0), kind, threshold) }];
    let start = Start { epoch: Epoch(1), utc: Utc::from_unix_ms(0), trust: ClockTrust::Synced };
    Engine::new(Arc::new(Site::try_new(tables).unwrap()), &start, Mono::from_millis(ms))
}

/// Another engine with the same alarm, as a reload makes it.
fn replaced(before: &Engine, signal: Signal, ms: u64) -> Engine {
    let mut after = engine(signal, ms);
    after.resume(&before.retained(), Some(Duration::ZERO));
    after.go_on(&before.underway());
    after
}

fn read(engine: &mut Engine, ms: u64, value: i32) {
    let sample = Sample::Good(Quantity::Number(Value::from_i32(value)));
    engine.take(Mono::from_millis(ms), Reading { point: PointId(0), sample });
}

fn state(engine: &Engine) -> AlarmState {
    engine.plant.alarms[0].state()
}
