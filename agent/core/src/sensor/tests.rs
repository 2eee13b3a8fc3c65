//! The limits of NE 43 to the nanoampere, and what a zero looks like over a long time.

use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::fixture;
use crate::site::Site;

const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn a_current_exactly_at_a_limit_belongs_to_the_worse_side_of_a_failure() {
    for (ua, expected) in [
        (i32::MIN, Loop::Low),
        (0, Loop::Low),
        (3_600, Loop::Low),
        (3_601, Loop::Under),
        (3_799, Loop::Under),
        (3_800, Loop::Measured),
        (4_000, Loop::Measured),
        (20_500, Loop::Measured),
        (20_501, Loop::Over),
        (20_999, Loop::Over),
        (21_000, Loop::High),
        (i32::MAX, Loop::High),
    ] {
        for (zero, full) in [(0.0, 100.0), (-10.0, 110.0), (0.0, 25.0), (100.0, 0.0), (1e6, 1e6 + 0.5)] {
            let loop_ = current(zero, full);
            let raw = zero + (full - zero) * (f64::from(ua) - 4_000.0) / 16_000.0;
            assert_eq!(level(value(raw), &loop_), expected, "{ua} µA as {zero}–{full}");
        }
    }
}

#[test]
fn a_single_precision_number_at_the_limit_is_at_the_limit() {
    // 3.6, 3.8 and 20.5 mA as an f32 register shows them, scaled by the 6.25 % a milliampere.
    for (ma, expected) in
        [(3.6_f32, Loop::Low), (3.8, Loop::Measured), (20.5, Loop::Measured), (21.0, Loop::High)]
    {
        let raw = (f64::from(ma) - 4.0) * 6.25;
        assert_eq!(level(value(raw), &current(0.0, 100.0)), expected, "{ma}");
    }
}

proptest! {
    #[test]
    fn a_failure_shows_a_number_to_nobody_and_a_spike_changes_nothing(
        steps in proptest::collection::vec((0u64..1_500, -30.0f64..140.0), 1..60),
    ) {
        let mut sensors = sensors(Some(current(0.0, 100.0)), None);
        let (mut now, mut since) = (Mono::ZERO, None);
        for (passed, raw) in steps {
            now = now + Duration::from_millis(passed);
            let is_failure = matches!(level(value(raw), &current(0.0, 100.0)), Loop::Low | Loop::High);
            since = if is_failure { since.or(Some(now)) } else { None };
            let judged = sensors.judge(now, &[], PointId(0), good(raw));
            match (since, &judged) {
                (Some(since), None) => prop_assert!(now.since(since) < HOLD),
                (Some(_), Some(Sample::Bad(NoData::CurrentLow | NoData::CurrentHigh))) | (None, Some(_)) => {}
                _ => prop_assert!(false, "{raw} at {now:?}: {judged:?}"),
            }
            // What is good is between the limits.
            if let Some(Sample::Good(Quantity::Number(value))) = judged {
                prop_assert!((-1.25..=103.125).contains(&value.get()));
            }
        }
    }

    #[test]
    fn a_test_never_panics(raw in any::<f64>(), bit: u8) {
        if let Some(value) = Value::try_new(raw) {
            let bit = Test::Bit(bit).holds(value);
            prop_assert!(!bit || value != Value::ZERO);
            prop_assert_ne!(Test::OneOf(vec![value]).holds(value), Test::NoneOf(vec![value]).holds(value));
        }
    }
}

#[test]
fn bits_and_values_are_those_of_the_word() {
    let word = Value::from_i32(0b1010);
    assert_eq!([0, 1, 2, 3, 4].map(|bit| Test::Bit(bit).holds(word)), [false, true, false, true, false]);
    assert!(Test::Bit(15).holds(Value::from_i32(-1)), "two's complement");
    let range = Test::Range(value(1200.0), value(9999.0));
    assert_eq!([1199.0, 1200.0, 9999.0, 1e5].map(|raw| range.holds(value(raw))), [false, true, true, false]);
}

#[test]
fn a_zero_that_is_off_for_a_long_time_is_a_drift_and_gas_is_none() {
    let mut sensors = sensors(None, Some(drift()));
    let mut day = |hours: core::ops::Range<u64>, quiet: f64, gas: f64, share: u64| {
        for minute in hours.start * 60..hours.end * 60 {
            let raw = if minute % 10 < share { gas } else { quiet };
            sensors.judge(Mono::ZERO + Duration::from_secs(minute * 60), &[], PointId(0), good(raw));
        }
        troubles(&sensors)
    };
    assert_eq!(day(0..48, 1.9, 60.0, 3), [], "within the limit, and gas is not counted");
    assert_eq!(day(48..96, 2.1, 60.0, 3), [Trouble::ZeroDrift]);
    assert_eq!(day(96..144, 0.0, 60.0, 6), [Trouble::ZeroDrift], "too seldom quiet to say it is over");
    assert_eq!(day(144..192, 1.7, 60.0, 3), [Trouble::ZeroDrift], "not clearly better");
    assert_eq!(day(192..240, -1.5, 60.0, 3), []);
    assert_eq!(day(240..288, -2.5, 0.0, 0), [Trouble::ZeroDrift]);
}

#[test]
fn values_that_stay_below_zero_are_told_and_a_dip_is_not() {
    let mut sensors = sensors(None, Some(drift()));
    let mut at = |second: u64, raw| {
        let sample = Sample::Suspect(number(raw), Doubt::UnderRange);
        sensors.judge(Mono::ZERO + Duration::from_secs(second), &[], PointId(0), sample);
        troubles(&sensors).contains(&Trouble::BelowZero)
    };
    assert!(!at(0, -3.1));
    assert!(!at(50, -3.1));
    assert!(!at(51, -3.0), "exactly at the limit is not below it");
    assert!(!at(52, -3.1));
    assert!(!at(111, -3.1));
    assert!(at(112, -3.1));
    assert!(at(113, -2.5), "not clearly better");
    assert!(!at(114, -2.4));
}

#[test]
fn tables_that_can_decide_nothing_are_refused() {
    let faults = |change: fn(&mut SiteTables)| {
        let mut tables = tables(Some(current(0.0, 100.0)), Some(drift()));
        tables.points.push(fixture::point("STATE", 0));
        tables.statuses.push(StatusSpec {
            source: PointId(1),
            test: Test::Bit(0),
            of: vec![PointId(0)],
            trouble: Trouble::WarmUp,
            category: Category::FunctionCheck,
            limit: HOUR,
        });
        change(&mut tables);
        Site::try_new(tables).err().unwrap_or_default()
    };
    assert_eq!(faults(|_| {}), []);
    assert_eq!(faults(|tables| tables.sensors[0].point = PointId(9)), [SiteFault::Sensor(0)]);
    assert_eq!(faults(|t| t.sensors[0].current = Some(current(1.0, 1.0))), [SiteFault::Sensor(0)]);
    let narrow = |tables: &mut SiteTables| tables.sensors[0].drift.as_mut().unwrap().band = value(2.0);
    assert_eq!(faults(narrow), [SiteFault::Sensor(0)]);
    assert_eq!(faults(|tables| tables.statuses[0].of = vec![PointId(1)]), [SiteFault::Status(0)]);
    assert_eq!(faults(|tables| tables.statuses[0].source = PointId(9)), [SiteFault::Status(0)]);
    assert_eq!(faults(|tables| tables.statuses[0].limit = Duration::ZERO), [SiteFault::Status(0)]);
}

const HOLD: Duration = Duration::from_secs(2);

fn tables(current: Option<Current>, drift: Option<Drift>) -> SiteTables {
    let mut tables = fixture::tables(1);
    tables.points.push(fixture::point("GAS", 0));
    tables.sensors.push(SensorSpec { point: PointId(0), current, drift });
    tables
}

fn sensors(current: Option<Current>, drift: Option<Drift>) -> Sensors {
    Sensors::new(&tables(current, drift), Mono::ZERO)
}

fn troubles(sensors: &Sensors) -> Vec<Trouble> {
    let states = sensors.states(&[], |_| false);
    let all = states.into_iter().flat_map(|state| state.troubles);
    all.filter(|trouble| *trouble != Trouble::UnderRange).collect()
}

fn drift() -> Drift {
    let negative = Negative { below: value(3.0), after: Duration::from_secs(60) };
    Drift {
        zero: Value::ZERO,
        band: value(10.0),
        limit: value(2.0),
        over: 24 * HOUR,
        negative: Some(negative),
    }
}

fn current(zero: f64, full: f64) -> Current {
    Current { zero: value(zero), full: value(full), hold: HOLD }
}

fn value(raw: f64) -> Value {
    Value::try_new(raw).unwrap()
}

fn number(raw: f64) -> Quantity {
    Quantity::Number(value(raw))
}

fn good(raw: f64) -> Sample {
    Sample::Good(number(raw))
}
