//! Every way in which a matrix can be wrong, each on a matrix that is right but for it.

use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

use hazard_field::Polarity;

use super::*;
use crate::alarm::AlarmKind;
use crate::annunciate::{OutputSpec, Role, Wiring};
use crate::fixture;
use crate::id::{AlarmId, OutputId, PermitId, PointId, TripId, VoteId};
use crate::site::SiteTables;
use crate::vote::{OnBypass, OnFault, VoteFault, VoteSpec};

type Break = fn(&mut Matrix);

#[test]
fn a_matrix_that_is_right_has_no_faults() {
    assert_eq!(matrix().faults(&site()), []);
}

#[test]
fn each_fault_is_found_in_its_cell_and_alone() {
    let gas: Row = Row::Trip(TripId(0));
    let fire = Row::Trip(TripId(1));
    let line = Row::Permit(PermitId(0));
    let cases: [(Break, Row, Column, usize, Wrong); 19] = [
        (|m| m.trips[0].causes.push(Cause::Alarm(AlarmId(99))), gas, Column::Causes, 2, Wrong::Unknown),
        (|m| m.trips[0].causes.push(Cause::Vote(VoteId(9))), gas, Column::Causes, 2, Wrong::Unknown),
        (|m| m.trips[0].causes.push(Cause::Alarm(SPARK)), gas, Column::Causes, 2, Wrong::Twice),
        (|m| m.trips[1].causes.clear(), fire, Column::Causes, 0, Wrong::Missing),
        (|m| m.trips[0].outputs.clear(), gas, Column::Outputs, 0, Wrong::Missing),
        (|m| m.trips[0].outputs.push(OutputId(99)), gas, Column::Outputs, 2, Wrong::Unknown),
        (|m| m.trips[0].outputs.push(OutputId(1)), gas, Column::Outputs, 2, Wrong::Twice),
        (|m| m.trips[1].permissives = vec![Permissive::Proven], fire, Column::Permissives, 0, Wrong::Unknown),
        (|m| prove(m).within = Duration::ZERO, gas, Column::Prove, 0, Wrong::NoTime),
        (|m| prove(m).feedback.point = PointId(99), gas, Column::Prove, 0, Wrong::Unknown),
        (|m| m.permits[0].fan.point = PointId(99), line, Column::Fan, 0, Wrong::Unknown),
        (|m| m.permits[0].trips.push(TripId(9)), line, Column::Trips, 2, Wrong::Unknown),
        (|m| m.permits[0].outputs.clear(), line, Column::Outputs, 0, Wrong::Missing),
        (|m| hold(m).output = OutputId(0), line, Column::Hold, 0, Wrong::Contradiction),
        (|m| hold(m).output = OutputId(2), line, Column::Hold, 0, Wrong::Contradiction),
        (|m| hold(m).released_by.push(TripId(1)), line, Column::ReleasedBy, 1, Wrong::Twice),
        // The trip's own valve, straight and through a vote; a line that may start only while it runs.
        (|m| m.trips[0].causes.push(Cause::Alarm(SHUT)), gas, Column::Causes, 2, Wrong::Cycle),
        (|m| m.votes[0].channels[2] = SHUT, gas, Column::Causes, 0, Wrong::Cycle),
        (|m| m.permits[0].requires.push(Cause::Alarm(STOPPED)), line, Column::Requires, 1, Wrong::Cycle),
    ];
    for (number, (break_it, row, column, index, wrong)) in cases.into_iter().enumerate() {
        let mut matrix = matrix();
        break_it(&mut matrix);
        assert_eq!(
            matrix.faults(&site()),
            [MatrixFault::Cell { row, column, index, wrong }],
            "case {number}"
        );
    }
}

#[test]
fn a_cycle_through_several_rows_is_found_in_each_of_its_cells() {
    let cell = |row, column, index| MatrixFault::Cell { row, column, index, wrong: Wrong::Cycle };
    // The line stands still: fire trips, which withdraws the permit of the line.
    let mut through_permit = matrix();
    through_permit.trips[1].causes.push(Cause::Alarm(STOPPED));
    assert_eq!(
        through_permit.faults(&site()),
        [cell(Row::Trip(TripId(1)), Column::Causes, 1), cell(Row::Permit(PermitId(0)), Column::Trips, 1)]
    );
    // Fire shuts the same valve, and a valve that is shut is taken for a fire.
    let mut through_output = matrix();
    through_output.trips[1].outputs.push(OutputId(0));
    through_output.trips[1].causes.push(Cause::Alarm(SHUT));
    assert_eq!(through_output.faults(&site()), [cell(Row::Trip(TripId(1)), Column::Causes, 1)]);
}

#[test]
fn neither_the_loss_of_its_feedback_nor_a_permissive_on_it_is_a_cycle() {
    let mut site = site();
    let mut matrix = matrix();
    matrix.trips[0].permissives.push(Permissive::Quiet(Cause::Alarm(SHUT)));
    assert_eq!(matrix.faults(&site), []);
    matrix.trips[0].permissives.pop();
    matrix.trips[0].causes.push(Cause::Alarm(SHUT));
    site.alarms[SHUT.index()].kind = AlarmKind::Lost;
    assert_eq!(matrix.faults(&site), []);
}

#[test]
fn all_faults_are_said_at_once_votes_among_them() {
    let mut matrix = matrix();
    matrix.votes[0].needed = 9;
    matrix.trips[0].outputs.push(OutputId(99));
    matrix.trips[0].causes.push(Cause::Alarm(SHUT));
    let faults = matrix.faults(&site());
    assert_eq!(faults[0], MatrixFault::Vote(VoteId(0), VoteFault::NeedsTooMany));
    assert_eq!(faults.len(), 3, "{faults:?}");
}

pub(super) const SPARK: AlarmId = AlarmId(3);
pub(super) const BELT: AlarmId = AlarmId(4);
pub(super) const SHUT: AlarmId = AlarmId(5);
pub(super) const STOPPED: AlarmId = AlarmId(6);
pub(super) const VALVE: PointId = PointId(5);
pub(super) const LINE: PointId = PointId(6);
pub(super) const FAN: PointId = PointId(7);
pub(super) const PROVE_MS: u64 = 30;
pub(super) const PRE_RUN_MS: u64 = 100;
pub(super) const POST_RUN_MS: u64 = 150;

/// Two trips that share an output, and a line.
///
/// | | causes | outputs |
/// |---|---|---|
/// | gas, latched | 2oo3 of alarms 0 to 2, spark | 0 (proven by the valve), 1 |
/// | fire | spark | 1, 2 |
/// | line | belt quiet, gas and fire ready | 2; holds 3 unless fire |
pub(super) fn matrix() -> Matrix {
    let within = Duration::from_millis(PROVE_MS);
    let gas = TripSpec {
        name: "gas".into(),
        causes: vec![Cause::Vote(VoteId(0)), Cause::Alarm(SPARK)],
        on_fault: OnFault::Trip,
        outputs: vec![OutputId(0), OutputId(1)],
        latch: true,
        permissives: vec![Permissive::Quiet(Cause::Alarm(BELT)), Permissive::Proven],
        prove: Some(ProveSpec { feedback: switch(VALVE), within }),
        reset_button: None,
    };
    let fire = TripSpec {
        name: "fire".into(),
        causes: vec![Cause::Alarm(SPARK)],
        on_fault: OnFault::Trip,
        outputs: vec![OutputId(1), OutputId(2)],
        latch: false,
        permissives: Vec::new(),
        prove: None,
        reset_button: None,
    };
    let line = PermitSpec {
        name: "line".into(),
        fan: switch(FAN),
        pre_run: Duration::from_millis(PRE_RUN_MS),
        requires: vec![Cause::Alarm(BELT)],
        trips: vec![TripId(0), TripId(1)],
        outputs: vec![OutputId(2)],
        hold: Some(HoldSpec {
            output: OutputId(3),
            line: Some(switch(LINE)),
            post_run: Duration::from_millis(POST_RUN_MS),
            released_by: vec![TripId(1)],
        }),
    };
    let vote = VoteSpec {
        name: "zone".into(),
        needed: 2,
        channels: vec![AlarmId(0), AlarmId(1), AlarmId(2)],
        any_of: Vec::new(),
        on_fault: OnFault::default(),
        on_bypass: OnBypass::default(),
    };
    Matrix { votes: vec![vote], trips: vec![gas, fire], permits: vec![line] }
}

fn site() -> SiteTables {
    let output = |_| OutputSpec {
        name: "output".into(),
        role: Role::Interlock,
        wiring: Wiring::Gpio,
        polarity: Polarity::DeEnergiseToAlarm,
    };
    SiteTables {
        points: (0..8).map(|_| fixture::point("P", 0)).collect(),
        alarms: (0..8).map(|point| fixture::alarm(PointId(point))).collect(),
        outputs: (0..4).map(output).collect(),
        ..fixture::tables(1)
    }
}

fn switch(point: PointId) -> FeedbackSpec {
    FeedbackSpec { point, side: crate::Side::High, limit: crate::Value::HALF }
}

fn prove(matrix: &mut Matrix) -> &mut ProveSpec {
    matrix.trips[0].prove.as_mut().unwrap()
}

fn hold(matrix: &mut Matrix) -> &mut HoldSpec {
    matrix.permits[0].hold.as_mut().unwrap()
}
