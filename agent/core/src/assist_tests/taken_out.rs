//! No trip is reset around what a person took out, and a detector that nobody can believe is no quiet one.

use super::*;

/// 67b: GT-1 at 60 %LEL, the valve shut, GT-1 bypassed by two persons: the valve stays shut.
#[test]
fn a_trip_is_not_reset_around_a_bypassed_channel_that_stood() {
    for any_of in [false, true] {
        let mut plant = zone(any_of);
        plant.calm(0);
        plant.reads(1_000, GAS[0], 60);
        if !any_of {
            plant.reads(1_000, GAS[1], 60);
        }
        assert!(plant.is_active(VALVE_OUT));
        bypass(&mut plant, 1_100);
        plant.reads(1_200, GAS[1], 0);
        plant.reads(1_200, SHUT, 1);
        let vote = Subject::Vote(VoteId(0));
        assert_eq!(plant.reset(1_300).refused, [(vote, Refusal::Bypassed)]);
        // Zero gas from a bottle is no end that anybody has seen in the room.
        plant.reads(1_400, GAS[0], 0);
        assert_eq!(plant.reset(1_500).refused, [(vote, Refusal::Bypassed)]);
        plant.restarts(Some(Duration::from_secs(1)));
        plant.calm(100);
        plant.reads(100, SHUT, 1);
        assert_eq!(plant.reset(200).refused, [(vote, Refusal::Bypassed)], "a restart has seen no end either");
        plant.asks(300, Action::EndBypass(GAS[0]));
        assert_eq!(
            plant.reset(400).refused,
            [(vote, Refusal::NoGoodValue)],
            "nothing good since it is armed"
        );
        assert!(plant.is_active(VALVE_OUT));
        plant.reads(500, GAS[0], 0);
        assert_eq!(plant.reset(600).refused, []);
        assert!(!plant.is_active(VALVE_OUT));
    }
}

#[test]
fn what_began_under_the_bypass_blocks_and_what_was_quiet_all_along_does_not() {
    for (under_bypass, refused) in [(0, false), (60, true)] {
        let mut plant = zone(false);
        plant.calm(0);
        bypass(&mut plant, 100);
        plant.reads(1_000, GAS[0], under_bypass);
        plant.reads(1_000, GAS[1], 60);
        plant.reads(1_000, GAS[2], 60);
        assert!(plant.is_active(VALVE_OUT));
        plant.calm(2_000);
        plant.reads(2_000, SHUT, 1);
        assert_eq!(!plant.reset(2_100).refused.is_empty(), refused, "{under_bypass}");
    }
}

#[test]
fn a_bypassed_permissive_holds_only_where_it_did_not_stand() {
    for (value, refused) in [(0, false), (60, true)] {
        let mut tables = tables();
        tables.matrix.trips[0].causes = vec![Cause::Alarm(AlarmId(1))];
        tables.matrix.trips[0].permissives = vec![Permissive::Quiet(Cause::Alarm(AlarmId(0)))];
        let mut plant = Plant::of(tables);
        plant.calm(0);
        plant.reads(1_000, GAS[0], value);
        plant.reads(1_000, GAS[1], 60);
        bypass(&mut plant, 1_100);
        plant.reads(1_200, GAS[1], 0);
        assert_eq!(!plant.reset(1_300).refused.is_empty(), refused, "{value}");
    }
}

/// 16 and 54: −50 %LEL for ever, and a temperature of −270 °C that was never good.
#[test]
fn a_detector_far_below_its_range_votes_as_a_dead_one_and_permits_nothing() {
    for (value, dead) in [(-4, false), (-5, false), (-6, true), (-50, true)] {
        let mut tables = tables();
        tables.points[0].range = Some((Value::ZERO, Value::from_i32(100)));
        let mut plant = Plant::of(tables);
        let sample = |value| Sample::Suspect(Quantity::Number(Value::from_i32(value)), Doubt::UnderRange);
        plant.calm(0);
        for ms in (500..3_000).step_by(500) {
            plant.takes(ms, GAS[0], sample(value));
            plant.reads(ms, GAS[1], 60);
            plant.reads(ms, GAS[2], 0);
            assert!(!plant.is_active(VALVE_OUT), "one spike is no dead detector");
        }
        plant.takes(3_000, GAS[0], sample(value));
        assert_eq!(plant.is_active(VALVE_OUT), dead, "{value}");
    }
    let mut plant = Plant::new();
    let cold = Sample::Suspect(Quantity::Number(Value::from_i32(-270)), Doubt::UnderRange);
    for second in 0..=700 {
        plant.reads(1_000 * second, GAS[0], 0);
        plant.reads(1_000 * second, GAS[1], 0);
        plant.takes(1_000 * second, GAS[2], cold.clone());
        plant.reads(1_000 * second, FAN, 1);
    }
    assert_eq!(plant.permit(), PermitState::Withheld, "each requirement is known, or the line stands");
}

/// What votes as a dead channel is heard as one, and lights the fault lamp.
#[test]
fn a_detector_that_interlocks_take_for_dead_is_lost_to_people_too() {
    let mut tables = tables();
    tables.points[0].range = Some((Value::ZERO, Value::from_i32(100)));
    let lost = AlarmId(u32::try_from(tables.alarms.len()).unwrap());
    tables.alarms.push(AlarmSpec::new(GAS[0], AlarmKind::Lost, Threshold::switch(Side::High)));
    tables.outputs.push(OutputSpec {
        name: "fault".into(),
        role: Role::Fault,
        ..tables.outputs[HORN].clone()
    });
    let mut plant = Plant::of(tables);
    let sample = |value, doubt| Sample::Suspect(Quantity::Number(Value::from_i32(value)), doubt);
    let stands = |plant: &Plant| plant.engine.plant.alarms[lost.index()].stands();
    plant.calm(0);
    for ms in (500..3_000).step_by(500) {
        plant.takes(ms, GAS[0], sample(-50, Doubt::UnderRange));
        assert!(!stands(&plant));
    }
    plant.takes(3_000, GAS[0], sample(-50, Doubt::UnderRange));
    assert!(stands(&plant) && plant.is_active(HORN) && plant.is_active(HORN + 1));
    plant.reads(3_500, GAS[0], 0);
    assert!(!stands(&plant), "a good value is seen");
    // Gas beyond the range is an alarm already, and no lost detector.
    plant.takes(4_000, GAS[0], sample(130, Doubt::OverRange));
    for ms in (5_000..9_000).step_by(500) {
        plant.takes(ms, GAS[0], sample(130, Doubt::OverRange));
        assert!(!stands(&plant));
    }
}

/// 44: the trip's cause is a bare alarm, and its detector dies.
#[test]
fn the_death_of_a_bare_cause_trips_unless_the_row_says_otherwise() {
    for (on_fault, trips) in [(OnFault::Trip, true), (OnFault::Quiet, false)] {
        let mut tables = tables();
        tables.matrix.trips[0].causes = vec![Cause::Alarm(AlarmId(0))];
        tables.matrix.trips[0].on_fault = on_fault;
        let mut plant = Plant::of(tables);
        plant.calm(0);
        plant.fails(1_000, GAS[0]);
        plant.passes(2_999);
        assert!(!plant.is_active(VALVE_OUT), "its last value still counts");
        plant.passes(3_000);
        assert_eq!(plant.is_active(VALVE_OUT), trips, "{on_fault:?}");
    }
}

#[test]
fn a_dead_cause_is_not_reset_before_it_is_seen_again() {
    let mut tables = tables();
    tables.matrix.trips[0].causes = vec![Cause::Alarm(AlarmId(0))];
    let mut plant = Plant::of(tables);
    plant.calm(0);
    plant.passes(3_000);
    plant.reads(3_100, SHUT, 1);
    assert_eq!(plant.reset(3_200).refused, [(Subject::Alarm(AlarmId(0)), Refusal::NoGoodValue)]);
    plant.calm(3_300);
    plant.reads(3_300, SHUT, 1);
    assert_eq!(plant.reset(3_400).refused, []);
}

/// Somebody leans on the reset button while the gas comes and goes: what he has not looked at is not reset.
#[test]
fn a_press_resets_no_trip_that_moved_after_it_began() {
    // The press begins before the trip; while its cause stands; after it was held.
    for (pressed_at, resets) in [(2_000, false), (4_000, false), (6_000, true)] {
        let mut plant = Plant::new();
        plant.calm(0);
        plant.reads(0, SHUT, 1);
        for ms in (0..10_000).step_by(250) {
            let gas = if (3_000..5_000).contains(&ms) { 60 } else { 0 };
            plant.reads(ms, GAS[0], gas);
            plant.reads(ms, GAS[1], gas);
            plant.reads(ms, GAS[2], 0);
            plant.reads(ms, SHUT, 1);
            plant.reads(ms, BUTTON, i32::from((pressed_at..7_500).contains(&ms)));
        }
        assert_eq!(!plant.is_active(VALVE_OUT), resets, "{pressed_at}");
    }
}

/// 2oo3, or any one of the same three alarms' second levels.
fn zone(any_of: bool) -> Plant {
    let mut tables = tables();
    if any_of {
        let second = |point| AlarmSpec { zone: crate::id::ZoneId(0), ..tables.alarms[point] };
        let seconds: Vec<AlarmSpec> = (0..3).map(second).collect();
        let ids = (0..).map(AlarmId).skip(tables.alarms.len()).take(3).collect();
        tables.alarms.extend(seconds);
        tables.matrix.votes[0].any_of = ids;
    }
    Plant::of(tables)
}

fn bypass(plant: &mut Plant, ms: u64) {
    let lasts = Duration::from_secs(3600);
    let asked = plant.asks(ms, Action::Bypass { point: GAS[0], approver: "Li".into(), lasts });
    assert_eq!(asked.changed, 1);
}
