//! The life of one alarm, sample by sample.

use alloc::vec::Vec;

use super::life::*;
use super::signal::Seen;
use super::*;
use crate::alarm::AlarmKind;
use crate::id::{OutputId, PointId};
use crate::reading::{Doubt, NoData, Quantity};
use crate::{
    Mono,
    outbox::record::{AlarmState, Refusal},
    reading::Sample,
};
use crate::{Side, Threshold, Value};
use core::time::Duration;

#[test]
fn neither_a_bad_nor_a_suspect_sample_ends_an_alarm() {
    let (mut alarm, spec) = (Alarm::default(), spec(Signal::Value));
    assert_eq!(alarm.sample(Mono::ZERO, seen(&good(30)), &spec), Some(AlarmState::Normal));
    for sample in [Sample::Bad(NoData::Stale), Sample::Suspect(number(0), Doubt::UnderRange)] {
        assert_eq!(alarm.sample(Mono::ZERO, seen(&sample), &spec), None);
        assert_eq!(alarm.state(), AlarmState::Unacked);
    }
    alarm.sample(Mono::ZERO, seen(&good(0)), &spec);
    assert_eq!(alarm.state(), AlarmState::RtnUnacked);
}

#[test]
fn a_suspect_sample_raises_an_alarm() {
    let mut alarm = Alarm::default();
    let sample = Sample::Suspect(number(120), Doubt::OverRange);
    alarm.sample(Mono::ZERO, seen(&sample), &spec(Signal::Value));
    assert_eq!(alarm.state(), AlarmState::Unacked);
}

#[test]
fn a_lost_point_is_an_alarm_of_its_own() {
    let (mut alarm, spec) = (Alarm::default(), spec(Signal::Lost));
    alarm.sample(Mono::ZERO, seen(&Sample::Bad(NoData::Stale)), &spec);
    assert_eq!(alarm.state(), AlarmState::Unacked);
    alarm.sample(Mono::ZERO, seen(&good(0)), &spec);
    assert_eq!(alarm.state(), AlarmState::RtnUnacked);
}

#[test]
fn a_silenced_alarm_sounds_again_when_it_is_raised_again() {
    let (mut alarm, spec) = (Alarm::default(), spec(Signal::Value));
    alarm.sample(Mono::ZERO, seen(&good(30)), &spec);
    assert!(alarm.silence() && !alarm.sounds());
    alarm.sample(Mono::ZERO, seen(&good(0)), &spec);
    assert!(!alarm.sounds());
    alarm.sample(Mono::ZERO, seen(&good(30)), &spec);
    assert!(alarm.sounds());
}

#[test]
fn the_rate_of_change_is_measured_over_its_window() {
    let signal = Signal::Rate { over: Duration::from_secs(10) };
    // 25 a minute is the limit: 4 in ten seconds is not, 5 is.
    assert!(!raised(signal, [(0, good(10)), (5, good(90)), (10, good(14))]));
    assert!(raised(signal, [(0, good(10)), (5, good(10)), (10, good(15))]));
    assert!(!raised(signal, [(0, good(10)), (5, Sample::Bad(NoData::Stale)), (10, good(90))]));
}

#[test]
fn a_deviation_is_the_distance_from_the_other_point() {
    let spec = spec(Signal::Deviation { from: PointId(1) });
    let state = |sample: &Sample, reference: &Sample| {
        let mut alarm = Alarm::default();
        let seen = Seen { sample, reference: Some(reference), commanded: None };
        alarm.sample(Mono::ZERO, seen, &spec);
        alarm.state()
    };
    assert_eq!(state(&good(10), &good(34)), AlarmState::Normal);
    assert_eq!(state(&good(10), &good(35)), AlarmState::Unacked);
    assert_eq!(state(&good(35), &good(10)), AlarmState::Unacked);
    assert_eq!(state(&good(35), &Sample::Bad(NoData::Stale)), AlarmState::Normal);
}

#[test]
fn a_feedback_may_differ_from_its_command_for_the_time_of_the_movement() {
    let mut spec = spec(Signal::Discrepancy { output: OutputId(0) });
    spec.threshold.on_delay = Duration::from_secs(5);
    let mut alarm = Alarm::default();
    let mut sample = |second, feedback, commanded| {
        let seen = Seen { sample: &good(feedback), reference: None, commanded: Some(commanded) };
        alarm.sample(at(second), seen, &spec);
        alarm.state()
    };
    assert_eq!(sample(0, 0, false), AlarmState::Normal);
    assert_eq!(sample(1, 0, true), AlarmState::Normal);
    assert_eq!(sample(5, 1, true), AlarmState::Normal);
    assert_eq!(sample(6, 0, true), AlarmState::Normal);
    assert_eq!(sample(11, 0, true), AlarmState::Unacked);
}

#[test]
fn a_value_that_does_not_move_is_frozen_after_the_delay() {
    let mut spec = spec(Signal::Frozen);
    spec.threshold.on_delay = Duration::from_secs(60);
    let mut alarm = Alarm::default();
    for (second, value, state) in [
        (0, 7, AlarmState::Normal),
        (30, 7, AlarmState::Normal),
        (50, 8, AlarmState::Normal),
        (70, 8, AlarmState::Normal),
        (129, 8, AlarmState::Normal),
        (130, 8, AlarmState::Unacked),
        (140, 9, AlarmState::RtnUnacked),
    ] {
        alarm.sample(at(second), seen(&good(value)), &spec);
        assert_eq!(alarm.state(), state, "{second}");
    }
}

#[test]
fn an_over_range_stays_until_a_good_value() {
    let (mut alarm, spec) = (Alarm::default(), spec(Signal::OverRange));
    let mut state = |sample: &Sample| {
        alarm.sample(at(0), seen(sample), &spec);
        alarm.state()
    };
    assert_eq!(state(&good(1)), AlarmState::Normal);
    assert_eq!(state(&Sample::Suspect(number(120), Doubt::OverRange)), AlarmState::Unacked);
    for doubt in [Doubt::UnderRange, Doubt::AfterFault, Doubt::Rounded, Doubt::OverRangeHeld] {
        assert_eq!(state(&Sample::Suspect(number(1), doubt)), AlarmState::Unacked, "{doubt:?}");
    }
    assert_eq!(state(&Sample::Bad(NoData::Stale)), AlarmState::Unacked);
    assert_eq!(state(&good(1)), AlarmState::RtnUnacked);
}

#[test]
fn a_value_below_its_range_is_no_over_range() {
    let below = Sample::Suspect(number(-9), Doubt::UnderRange);
    assert!(!raised(Signal::OverRange, [(0, good(1)), (1, below), (2, good(1))]));
}

#[test]
fn a_reset_says_why_not() {
    let (mut alarm, spec) = (Alarm::default(), latching());
    let reset = |alarm: &mut Alarm, sample: &Sample| alarm.reset(at(9), (Some(sample), HOLD), &spec);
    assert_eq!(reset(&mut alarm, &good(0)), Ok(None));
    alarm.sample(at(0), seen(&good(30)), &spec);
    assert_eq!(reset(&mut alarm, &good(30)), Err(Refusal::Stands));
    alarm.sample(at(1), seen(&good(0)), &spec);
    assert_eq!(reset(&mut alarm, &good(0)), Err(Refusal::Unacknowledged));
    alarm.acknowledge(&spec);
    assert_eq!(reset(&mut alarm, &Sample::Bad(NoData::Stale)), Err(Refusal::NoGoodValue));
    let doubtful = Sample::Suspect(number(0), Doubt::AfterFault);
    assert_eq!(reset(&mut alarm, &doubtful), Err(Refusal::NoGoodValue));
    assert_eq!(reset(&mut alarm, &good(0)), Ok(Some(AlarmState::LatchedAcked)));
}

#[test]
fn a_reset_is_looked_at_again_after_its_hold() {
    for (sample, state) in [
        (good(0), AlarmState::Normal),
        // Within the deadband of 5: below the set-point, and not back.
        (good(22), AlarmState::Unacked),
        (Sample::Bad(NoData::Stale), AlarmState::Unacked),
        (Sample::Suspect(number(0), Doubt::AfterFault), AlarmState::Unacked),
    ] {
        let (mut alarm, spec) = (Alarm::default(), latching());
        alarm.sample(at(0), seen(&good(30)), &spec);
        alarm.sample(at(1), seen(&good(0)), &spec);
        alarm.acknowledge(&spec);
        alarm.reset(at(10), (Some(&good(0)), HOLD), &spec).unwrap();
        assert_eq!(alarm.poll_timeout(), Some(at(30)));
        alarm.timeout(at(29), Some(&sample), &spec);
        assert_eq!(alarm.state(), AlarmState::Normal);
        alarm.timeout(at(30), Some(&sample), &spec);
        assert_eq!(alarm.state(), state, "{sample:?}");
        assert_eq!(alarm.sounds(), state == AlarmState::Unacked);
    }
}

#[test]
fn what_is_put_aside_comes_back_as_the_plant_is_and_as_it_was() {
    for (value, back) in [(30, AlarmState::Unacked), (0, AlarmState::LatchedAcked)] {
        let (mut alarm, mut spec) = (Alarm::default(), latching());
        spec.shelve_max = Duration::from_secs(60);
        alarm.sample(at(0), seen(&good(30)), &spec);
        alarm.acknowledge(&spec);
        assert!(alarm.shelve(at(1), Duration::from_secs(61), &spec).is_err());
        alarm.shelve(at(1), Duration::from_secs(60), &spec).unwrap();
        alarm.set_suppressed(at(2), true, &spec);
        alarm.set_out_of_service(at(3), true, &spec);
        assert_eq!(alarm.state(), AlarmState::OutOfService);
        alarm.sample(at(4), seen(&good(value)), &spec);
        assert!(!alarm.is_active() && !alarm.sounds());
        alarm.set_out_of_service(at(5), false, &spec);
        assert_eq!(alarm.state(), AlarmState::Suppressed);
        alarm.set_suppressed(at(6), false, &spec);
        assert_eq!(alarm.state(), AlarmState::Shelved);
        assert_eq!(alarm.poll_timeout(), Some(at(61)));
        alarm.timeout(at(61), None, &spec);
        assert_eq!(alarm.state(), back);
        assert_eq!(alarm.sounds(), back == AlarmState::Unacked);
    }
}

/// Every state of the process beneath every way of being put aside, latching and not, standing and quiet at the end.
#[test]
fn what_was_latched_or_unacknowledged_before_it_was_put_aside_is_so_after() {
    use AlarmState::{Acked, LatchedAcked, LatchedUnacked, Normal, RtnUnacked, Unacked};
    for (latch, before, quiet) in [
        (false, Normal, Normal),
        (false, Unacked, RtnUnacked),
        (false, Acked, Normal),
        (false, RtnUnacked, RtnUnacked),
        (true, Unacked, LatchedUnacked),
        (true, Acked, LatchedAcked),
        (true, LatchedUnacked, LatchedUnacked),
        (true, LatchedAcked, LatchedAcked),
    ] {
        for (ways, stands) in (1..8_u8).flat_map(|ways| [(ways, false), (ways, true)]) {
            let spec = AlarmSpec { latch, shelve_max: Duration::from_secs(60), ..spec(Signal::Value) };
            let (shelve, suppress, bypass) = (ways & 1 != 0, ways & 2 != 0, ways & 4 != 0);
            let mut alarm = brought_to(before, &spec);
            alarm.silence();
            if shelve {
                alarm.shelve(at(10), Duration::from_secs(60), &spec).unwrap();
            }
            if suppress {
                alarm.set_suppressed(at(10), true, &spec);
            }
            if bypass {
                alarm.set_out_of_service(at(10), true, &spec);
            }
            // Test gas comes and goes; nobody can acknowledge or reset what nobody sees.
            for value in [0, 30, 0, if stands { 30 } else { 0 }] {
                alarm.sample(at(11), seen(&good(value)), &spec);
                assert_eq!(alarm.acknowledge(&spec), None);
                assert_eq!(alarm.reset(at(11), (Some(&good(value)), HOLD), &spec), Ok(None));
                assert!(alarm.is_withheld() && !alarm.sounds() && !alarm.is_active());
            }
            let kept = Alarm::restored(at(12), alarm.kept(at(12)).unwrap());
            let at_rest = if before == Acked && !latch { Acked } else { before };
            assert!(shelve || kept.state() == at_rest, "{before:?} over a restart: {:?}", kept.state());
            alarm.set_out_of_service(at(12), false, &spec);
            alarm.set_suppressed(at(12), false, &spec);
            alarm.unshelve(at(12), &spec);
            let wanted = if stands { Unacked } else { quiet };
            assert_eq!(alarm.state(), wanted, "{before:?} latch {latch} ways {ways} stands {stands}");
            assert_eq!(alarm.sounds(), alarm.is_unacked(), "what nobody acknowledged is heard again");
        }
    }
}

/// What stood only under a bypass is no alarm afterwards, and no end that anybody has seen either.
#[test]
fn what_stood_under_a_bypass_is_unended_over_a_restart_until_a_good_value_in_service() {
    let (mut alarm, spec) = (Alarm::default(), latching());
    alarm.set_out_of_service(at(0), true, &spec);
    alarm.sample(at(1), seen(&good(30)), &spec);
    alarm.sample(at(2), seen(&good(0)), &spec);
    let mut alarm = Alarm::restored(at(3), alarm.kept(at(3)).unwrap());
    assert_eq!((alarm.state(), alarm.is_unended()), (AlarmState::Normal, true));
    alarm.set_out_of_service(at(3), true, &spec);
    alarm.sample(at(4), seen(&good(0)), &spec);
    assert!(alarm.is_unended(), "test gas that goes is no end");
    alarm.set_out_of_service(at(5), false, &spec);
    alarm.sample(at(6), seen(&Sample::Suspect(number(0), Doubt::AfterFault)), &spec);
    assert!(alarm.is_unended());
    assert!(alarm.kept(at(6)).is_some(), "remembered although nothing is shown of it");
    alarm.sample(at(7), seen(&good(0)), &spec);
    assert!(!alarm.is_unended() && alarm.kept(at(7)).is_none());
}

fn brought_to(state: AlarmState, spec: &AlarmSpec) -> Alarm {
    use AlarmState::{Acked, LatchedAcked, Normal, Unacked};
    let mut alarm = Alarm::default();
    if state != Normal {
        alarm.sample(at(0), seen(&good(30)), spec);
    }
    if matches!(state, Acked | LatchedAcked) {
        alarm.acknowledge(spec);
    }
    if !matches!(state, Unacked | Acked) {
        alarm.sample(at(1), seen(&good(0)), spec);
    }
    assert_eq!(alarm.state(), state);
    alarm
}

#[test]
fn an_alarm_that_must_not_be_shelved_is_not() {
    let mut alarm = Alarm::default();
    let refused = alarm.shelve(at(0), Duration::from_secs(1), &spec(Signal::Value));
    assert_eq!(refused, Err(Refusal::NeverShelved));
}

/// Every state as it was left and as it comes back; `None` where nothing need be kept.
#[test]
fn an_unacked_alarm_is_unacked_and_sounding_after_a_restart() {
    use AlarmState::{
        Acked, LatchedAcked, LatchedUnacked, Normal, OutOfService, RtnUnacked, Shelved, Suppressed, Unacked,
    };
    for (state, shelved_for, back, sounds) in [
        (Normal, None, Normal, false),
        (Unacked, None, Unacked, true),
        (Acked, None, Acked, false),
        (RtnUnacked, None, RtnUnacked, true),
        (LatchedUnacked, None, LatchedUnacked, true),
        (LatchedAcked, None, LatchedAcked, false),
        (Shelved, Some(Duration::from_secs(1)), Shelved, false),
        (Shelved, Some(Duration::ZERO), Normal, false),
        (Shelved, None, Normal, false),
        (Suppressed, None, Normal, false),
        (OutOfService, None, Normal, false),
    ] {
        let kept = Kept { state, shelved_for, ..Kept::default() };
        let alarm = Alarm::restored(at(7), kept);
        assert_eq!((alarm.state(), alarm.sounds()), (back, sounds), "{state:?}");
        let kept = alarm.kept(at(7)).map(|kept| kept.state);
        assert_eq!(kept, (back != Normal).then_some(back), "{state:?}");
    }
}

const HOLD: Duration = Duration::from_secs(20);

fn raised(signal: Signal, samples: impl IntoIterator<Item = (u64, Sample)>) -> bool {
    let (mut alarm, spec) = (Alarm::default(), spec(signal));
    let states: Vec<AlarmState> = samples
        .into_iter()
        .map(|(second, sample)| {
            alarm.sample(at(second), seen(&sample), &spec);
            alarm.state()
        })
        .collect();
    states.iter().any(|state| *state != AlarmState::Normal)
}

fn seen(sample: &Sample) -> Seen<'_> {
    Seen { sample, reference: None, commanded: None }
}

fn spec(signal: Signal) -> AlarmSpec {
    let threshold = Threshold {
        side: Side::High,
        setpoint: Value::from_i32(25),
        deadband: Value::from_i32(5),
        on_delay: Duration::ZERO,
        off_delay: Duration::ZERO,
    };
    AlarmSpec { signal, ..AlarmSpec::new(PointId(0), AlarmKind::High, threshold) }
}

fn latching() -> AlarmSpec {
    AlarmSpec { latch: true, ..spec(Signal::Value) }
}

fn at(second: u64) -> Mono {
    Mono::from_millis(second * 1000)
}

fn good(raw: i32) -> Sample {
    Sample::Good(number(raw))
}

fn number(raw: i32) -> Quantity {
    Quantity::Number(Value::from_i32(raw))
}
