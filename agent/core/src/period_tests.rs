//! Key periods in the running engine.

use alloc::sync::Arc;
use alloc::vec;
use core::time::Duration;

use crate::alarm::{AlarmKind, AlarmSpec};
use crate::id::{AlarmId, Epoch, KeyPeriodId, PointId};
use crate::input::{Action, Command};
use crate::outbox::record::{AlarmState, Condition, Refusal};
use crate::period::KeyPeriodSpec;
use crate::reading::{Quantity, Reading, Sample};
use crate::site::{SiteFault, SiteTables};
use crate::{ClockTrust, Engine, Input, Mono, Side, Site, Start, Threshold, Utc, Value, fixture};

const GAS: PointId = PointId(0);
const ALARM: AlarmId = AlarmId(0);
/// The period is from 100 s to 200 s.
const PERIOD: KeyPeriodId = KeyPeriodId(0);

#[test]
fn set_points_are_tighter_in_a_key_period_and_nobody_begins_a_bypass() {
    let mut engine = engine(ClockTrust::Synced, 0);
    reads(&mut engine, 99, 22);
    assert_eq!(state(&engine), AlarmState::Normal);
    assert_eq!(bypass(&mut engine, 99), None);
    engine.command(seconds(99), command(Action::EndBypass(GAS)));
    engine.handle_timeout(seconds(100));
    assert!(engine.standing_conditions().contains(&Condition::KeyPeriod(PERIOD)));
    reads(&mut engine, 101, 22);
    assert_eq!(state(&engine), AlarmState::Unacked, "20 counts now");
    assert_eq!(bypass(&mut engine, 102), Some(Refusal::KeyPeriod));
    reads(&mut engine, 199, 19);
    assert_eq!(state(&engine), AlarmState::Unacked, "the deadband goes with the set-point");
    engine.handle_timeout(seconds(200));
    assert!(!engine.standing_conditions().contains(&Condition::KeyPeriod(PERIOD)));
    reads(&mut engine, 201, 22);
    assert_eq!(state(&engine), AlarmState::RtnUnacked, "25 counts again");
    assert_eq!(bypass(&mut engine, 202), None);
}

#[test]
fn a_start_in_a_key_period_is_in_it_from_the_first_sample() {
    let mut engine = engine(ClockTrust::Free, 150);
    reads(&mut engine, 0, 22);
    assert_eq!(state(&engine), AlarmState::Unacked);
}

#[test]
fn a_clock_that_was_never_set_neither_begins_nor_ends_a_period() {
    let mut engine = engine(ClockTrust::Unset, 150);
    reads(&mut engine, 0, 22);
    assert_eq!(state(&engine), AlarmState::Normal);
    clock(&mut engine, (1, 150), ClockTrust::Synced);
    reads(&mut engine, 2, 22);
    assert_eq!(state(&engine), AlarmState::Unacked);
    clock(&mut engine, (3, 0), ClockTrust::Unset);
    assert!(engine.standing_conditions().contains(&Condition::KeyPeriod(PERIOD)));
}

#[test]
fn a_period_that_allows_it_lets_bypasses_begin() {
    let mut tables = tables();
    tables.key_periods[0].bypass_allowed = true;
    let mut engine = start(tables, ClockTrust::Synced, 150);
    assert_eq!(bypass(&mut engine, 1), None);
}

#[test]
fn a_period_without_time_and_a_laxer_set_point_are_faults() {
    let mut tables = tables();
    tables.key_periods[0].until = tables.key_periods[0].from;
    tables.alarms[0].key_setpoint = Some(Value::from_i32(26));
    let faults = Site::try_new(tables).unwrap_err();
    assert_eq!(faults, [SiteFault::KeySetpointLaxer(ALARM), SiteFault::KeyPeriodWithoutTime(PERIOD)]);
}

fn tables() -> SiteTables {
    let mut tables = fixture::tables(1);
    tables.points = vec![fixture::point("GT", 0)];
    let threshold = Threshold {
        setpoint: Value::from_i32(25),
        deadband: Value::from_i32(2),
        ..Threshold::switch(Side::High)
    };
    let alarm = AlarmSpec::new(GAS, AlarmKind::High, threshold);
    tables.alarms = vec![AlarmSpec { key_setpoint: Some(Value::from_i32(20)), ..alarm }];
    tables.key_periods = vec![KeyPeriodSpec {
        name: "holiday".into(),
        from: Utc::from_unix_ms(100_000),
        until: Utc::from_unix_ms(200_000),
        bypass_allowed: false,
    }];
    tables
}

fn engine(trust: ClockTrust, utc_s: i64) -> Engine {
    start(tables(), trust, utc_s)
}

fn start(tables: SiteTables, trust: ClockTrust, utc_s: i64) -> Engine {
    let start = Start { epoch: Epoch(1), utc: Utc::from_unix_ms(utc_s * 1000), trust };
    Engine::new(Arc::new(Site::try_new(tables).unwrap()), &start, Mono::ZERO)
}

fn clock(engine: &mut Engine, (at, utc_s): (u64, i64), trust: ClockTrust) {
    engine.handle(seconds(at), Input::Clock { utc: Utc::from_unix_ms(utc_s * 1000), trust });
}

fn reads(engine: &mut Engine, at: u64, value: i32) {
    let sample = Sample::Good(Quantity::Number(Value::from_i32(value)));
    engine.take(seconds(at), Reading { point: GAS, sample });
}

fn state(engine: &Engine) -> AlarmState {
    let active = engine.active_alarms().into_iter().find(|active| active.alarm == ALARM);
    active.map_or(AlarmState::Normal, |active| active.state)
}

fn bypass(engine: &mut Engine, at: u64) -> Option<Refusal> {
    let lasts = Duration::from_secs(10);
    let action = Action::Bypass { point: GAS, approver: "boss".into(), lasts };
    engine.command(seconds(at), command(action)).refused.first().map(|(_, why)| *why)
}

fn command(action: Action) -> Command {
    Command { actor: "me".into(), action, note: "because".into() }
}

fn seconds(at: u64) -> Mono {
    Mono::from_millis(at * 1000)
}
