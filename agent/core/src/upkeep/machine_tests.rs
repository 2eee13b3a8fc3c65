//! Whole tests at a detector: a technician with a bottle of gas, a first-order cell, and everything that goes wrong.

use alloc::vec;
use alloc::vec::Vec;

use super::bench::{
    Bench, CALIBRATION, HIGH, HIGH_HIGH, OTHER, POINT, PROOF, Running, VALVE, at, begun, evidence, good,
    secs, specs, stamp,
};
use super::*;
use crate::id::{AlarmId, PointId, UpkeepId};
use crate::interlock::Discrepancy;
use crate::reading::{Doubt, NoData, Quantity, Sample};
use crate::{ClockTrust, Mono, Stamp, Utc, Value};

#[test]
fn a_t90_of_20_s_is_measured_within_one_sample_period() {
    for (period_s, after_s) in [(1, 240), (2, 300), (5, 600), (1, 1_500)] {
        let evidence = Bench { period_s, after_s, ..Bench::default() }.run();
        let response = evidence.findings.response.unwrap();
        assert!(!response.estimated);
        assert!(
            secs(20) <= response.took && response.took <= secs(20 + period_s),
            "{period_s}: {response:?}"
        );
        let recovery = evidence.findings.recovery.unwrap();
        assert!(
            secs(20) <= recovery.took && recovery.took <= secs(20 + period_s),
            "{period_s}: {recovery:?}"
        );
        assert!(evidence.trace.samples.len() <= SAMPLES_MAX);
        assert_eq!(evidence.outcome, Outcome::Passed);
    }
}

#[test]
fn oxygen_under_nitrogen_falls_and_is_measured_the_same() {
    let evidence = Bench { clean: 20.9, applied: Some(0.0), reads: 0.0, ..Bench::default() }.run();
    let response = evidence.findings.response.unwrap();
    assert!(secs(20) <= response.took && response.took <= secs(21), "{response:?}");
    assert_eq!(evidence.outcome, Outcome::Passed);
    assert_eq!(evidence.findings.deviation.unwrap().share, None, "a share of nothing");
}

/// Without an applied value, 90 % are those of the plateau.
#[test]
fn without_a_known_gas_the_plateau_is_the_measure() {
    let evidence = Bench { applied: None, reads: 30.0, ..Bench::proof() }.run();
    let response = evidence.findings.response.unwrap();
    assert!(!response.estimated);
    // Thinned to every second sample: nobody knew before the end which of them would count.
    assert!(secs(20) <= response.took && response.took <= secs(22), "{response:?}");
    assert_eq!(evidence.findings.deviation, None);
    assert_eq!(evidence.outcome, Outcome::Passed);
}

#[test]
fn what_was_not_marked_is_estimated_and_says_so() {
    let evidence = Bench { marks: &[], ..Bench::default() }.run();
    let Findings { response, recovery, .. } = evidence.findings;
    let (response, recovery) = (response.unwrap(), recovery.unwrap());
    assert!(response.estimated && recovery.estimated);
    assert!(secs(18) <= response.took && response.took <= secs(21), "{response:?}");
    assert!(secs(18) <= recovery.took && recovery.took <= secs(22), "{recovery:?}");
}

#[test]
fn a_mark_that_comes_late_does_not_make_a_slow_detector_quick() {
    let evidence = Bench { t90_s: 50.0, said_late_s: 45, ..Bench::default() }.run();
    let response = evidence.findings.response.unwrap();
    assert!(response.estimated && response.took >= secs(45), "{response:?}");
    assert!(
        matches!(evidence.outcome, Outcome::Failed(ref reasons) if matches!(reasons[0], Failure::TooSlow { .. }))
    );
}

#[test]
fn zero_gas_before_the_test_gas_is_no_late_mark() {
    let mut bench = Running::begin(&Bench::default());
    for (second, value) in [(0, 8), (1, 8), (2, 0), (3, 0)] {
        bench.take(second, &good(f64::from(value)));
    }
    bench.mark(3, Mark::Applied).unwrap();
    bench.take(10, &good(46.0));
    let evidence = bench.finish(11);
    assert_eq!(evidence.findings.response, Some(Span { took: secs(7), estimated: false }));
}

#[test]
fn zero_gas_moves_the_baseline_also_of_a_test_that_is_thinned() {
    let bench = Bench { after_s: 1_500, ..Bench::default() };
    let mut running = Running::begin(&bench);
    running.take(0, &good(20.0));
    let response = evidence(running.play(&bench)).findings.response.unwrap();
    assert!(secs(20) <= response.took && response.took <= secs(21), "{response:?}");
}

/// One fault of the detector or of the test per row, and all the reasons that it gives.
#[test]
fn everything_that_is_wrong_is_a_reason() {
    use Failure as F;
    let rows: Vec<(&str, Bench, Vec<Failure>)> = vec![
        (
            "slow",
            Bench { t90_s: 40.0, ..Bench::default() },
            vec![F::TooSlow { took: Some(secs(40)) }, F::NotRecovered { took: Some(secs(40)) }],
        ),
        ("weak", Bench { reads: 42.0, ..Bench::default() }, vec![F::Deviation, F::TooSlow { took: None }]),
        ("strong", Bench { reads: 58.0, ..Bench::default() }, vec![F::Deviation]),
        ("dead", Bench { reads: 0.0, ..Bench::default() }, vec![F::Deviation, F::NoResponse]),
        ("never read", Bench { spoils: Some(NoData::NeverRead), ..Bench::default() }, vec![F::NoGoodValue]),
        (
            "gas left on",
            Bench { marks: &[Mark::Applied], after_s: 0, ..Bench::default() },
            vec![F::NotRecovered { took: None }],
        ),
        (
            "nothing tripped",
            Bench { alarms: &[], trips: &[], ..Bench::proof() },
            vec![
                F::AlarmDidNotTrip(HIGH),
                F::AlarmDidNotTrip(HIGH_HIGH),
                F::TripDidNotMove(VALVE),
                F::NotProven(VALVE),
            ],
        ),
        ("one alarm", Bench { alarms: &[(70, HIGH)], ..Bench::proof() }, vec![F::AlarmDidNotTrip(HIGH_HIGH)]),
        (
            "the alarm came before the gas",
            Bench { alarms: &[(30, HIGH), (80, HIGH_HIGH)], ..Bench::proof() },
            vec![F::AlarmDidNotTrip(HIGH)],
        ),
        (
            "no feedback",
            Bench { trips: &[(80, TripMove::Moved)], ..Bench::proof() },
            vec![F::NotProven(VALVE)],
        ),
        (
            "the valve opened again",
            Bench {
                trips: &[
                    (80, TripMove::Moved),
                    (83, TripMove::Proven),
                    (90, TripMove::Discrepant(Discrepancy::Left)),
                ],
                ..Bench::proof()
            },
            vec![F::NotProven(VALVE)],
        ),
        (
            "feedback of a trip that did not move",
            Bench { trips: &[(80, TripMove::Proven)], ..Bench::proof() },
            vec![F::TripDidNotMove(VALVE), F::NotProven(VALVE)],
        ),
    ];
    for (name, bench, reasons) in rows {
        assert_eq!(bench.run().outcome, Outcome::Failed(reasons), "{name}");
    }
}

#[test]
fn a_proof_test_says_when_what_tripped() {
    let evidence = Bench::proof().run();
    assert_eq!(evidence.outcome, Outcome::Passed);
    let up = |second| secs(second);
    assert_eq!(
        evidence.seen.alarms,
        [
            AlarmSeen { alarm: HIGH, up: up(66), down: None },
            AlarmSeen { alarm: HIGH_HIGH, up: up(75), down: None },
        ]
    );
    let trip = evidence.seen.trips[0];
    assert_eq!((trip.moved, trip.took()), (secs(75), Some(secs(3))));
}

#[test]
fn an_alarm_that_returned_says_so_and_what_is_not_asked_for_is_bounded() {
    let mut bench = Running::begin(&Bench::proof());
    for alarm in (100..200).map(AlarmId) {
        bench.upkeep.alarm(at(1), POINT, (alarm, Edge::Up));
    }
    bench.upkeep.alarm(at(2), POINT, (HIGH, Edge::Up));
    bench.upkeep.alarm(at(3), POINT, (HIGH, Edge::Down));
    bench.upkeep.alarm(at(3), PointId(1), (HIGH_HIGH, Edge::Up));
    let alarms = bench.finish(4).seen.alarms;
    assert_eq!(alarms.len(), 17);
    assert_eq!(alarms[16], AlarmSeen { alarm: HIGH, up: secs(2), down: Some(secs(3)) });
}

/// A calibration sees its values through the bypass; what else is suspect or bad is a gap.
#[test]
fn only_what_is_believed_or_bypassed_counts() {
    let number = Quantity::Number(Value::ONE);
    for (sample, gaps) in [
        (Sample::Good(number.clone()), 0),
        (Sample::Suspect(number.clone(), Doubt::Bypassed), 0),
        (Sample::Suspect(number.clone(), Doubt::OverRange), 1),
        (Sample::Suspect(number.clone(), Doubt::UnderRange), 1),
        (Sample::Suspect(number, Doubt::AfterFault), 1),
        (Sample::Good(Quantity::Text("CH4".into())), 1),
        (Sample::Bad(NoData::Stale), 1),
    ] {
        let mut bench = Running::begin(&Bench::default());
        bench.take(0, &sample);
        let trace = bench.finish(1).trace;
        assert_eq!((trace.taken, trace.gaps), (1, gaps), "{sample:?}");
        assert_eq!(trace.samples[0].value, (gaps == 0).then_some(Value::ONE));
    }
}

#[test]
fn each_mark_is_said_once_and_in_order() {
    let mut bench = Running::begin(&Bench::default());
    assert_eq!(bench.mark(1, Mark::Removed), Err(Refusal::NotApplied));
    assert_eq!(bench.mark(2, Mark::Applied), Ok(()));
    assert_eq!(bench.mark(3, Mark::Applied), Err(Refusal::MarkedAlready));
    assert_eq!(bench.mark(4, Mark::Removed), Ok(()));
    assert_eq!(bench.mark(5, Mark::Removed), Err(Refusal::MarkedAlready));
    assert_eq!(bench.mark(5, Mark::Applied), Err(Refusal::MarkedAlready));
    let marks = Marks { applied: Some(secs(2)), removed: Some(secs(4)) };
    assert_eq!(bench.finish(6).trace.marks, marks);
}

#[test]
fn a_test_is_refused_without_what_it_needs() {
    let mut upkeep = Upkeep::new(specs(), Bounds { tests_max: 1, ..Bounds::default() });
    let stamp = stamp(0, ClockTrust::Synced);
    let with = |upkeep, actor: &str, applied, reason: &str| Begun {
        upkeep,
        actor: actor.into(),
        approver: None,
        applied,
        reason: reason.into(),
    };
    let gas = Some(Value::ONE);
    for (begun, refusal) in [
        (with(UpkeepId(9), "li", gas, "due"), Refusal::Unknown),
        (with(CALIBRATION, " ", gas, "due"), Refusal::NoActor),
        (with(CALIBRATION, "li", gas, " "), Refusal::NoReason),
        (with(CALIBRATION, "li", None, "due"), Refusal::NothingApplied),
    ] {
        assert_eq!(upkeep.begin(stamp, begun), Err(refusal));
    }
    assert_eq!(upkeep.mark(at(0), PROOF, Mark::Applied), Err(Refusal::NotRunning));
    assert_eq!(upkeep.finish(stamp, PROOF), Err(Refusal::NotRunning));
    assert_eq!(upkeep.abort(stamp, UpkeepId(9)), Err(Refusal::Unknown));
    assert_eq!(upkeep.begin(stamp, with(PROOF, "li", None, "due")), Ok(()));
    assert_eq!(upkeep.begin(stamp, with(CALIBRATION, "li", gas, "due")), Err(Refusal::RunsAlready));
    assert_eq!(upkeep.begin(stamp, with(OTHER, "li", gas, "due")), Err(Refusal::TooMany { max: 1 }));
}

#[test]
fn what_was_given_up_says_nothing_about_what_had_not_happened_yet() {
    let mut bench = Running::begin(&Bench::proof());
    bench.take(0, &good(0.0));
    assert_eq!(bench.abort(5).outcome, Outcome::Failed(vec![Failure::Aborted]));

    let mut bench = Running::begin(&Bench::default());
    bench.take(0, &good(0.0));
    bench.mark(0, Mark::Applied).unwrap();
    bench.take(40, &good(50.0));
    let slow = Failure::TooSlow { took: Some(secs(40)) };
    assert_eq!(bench.abort(41).outcome, Outcome::Failed(vec![slow, Failure::Aborted]));
}

#[test]
fn a_test_that_nobody_finishes_ends_by_itself_and_stands_as_failed() {
    let mut bench = Running::begin(&Bench::default());
    bench.take(0, &good(0.0));
    assert_eq!(bench.upkeep.poll_timeout(), Some((at(1_800), "a test's time is over")));
    assert_eq!(bench.upkeep.step(stamp(1_799, ClockTrust::Synced)), []);
    let changes = bench.upkeep.step(stamp(1_800, ClockTrust::Synced));
    let [Change::Ended(evidence), Change::Failing { upkeep: CALIBRATION, stands: true }] = &changes[..]
    else {
        panic!("{changes:?}");
    };
    let reasons = vec![Failure::NoGoodValue, Failure::TimedOut];
    assert_eq!(evidence.outcome, Outcome::Failed(reasons));
    let late = bench.upkeep.finish(stamp(1_801, ClockTrust::Synced), CALIBRATION);
    assert_eq!(late, Err(Refusal::NotRunning));
}

#[test]
fn whoever_finishes_or_aborts_when_the_time_is_over_finds_it_over() {
    for end in [Running::finish, Running::abort] {
        let outcome = end(Running::begin(&Bench::default()), 1_800).outcome;
        assert_eq!(outcome, Outcome::Failed(vec![Failure::NoGoodValue, Failure::TimedOut]));
    }
}

#[test]
fn it_wakes_when_the_next_date_comes() {
    let specs: Vec<UpkeepSpec> = (0..3_u64)
        .zip(specs().iter())
        .map(|(hours, spec)| {
            let ms = i64::try_from(hours * 3_600_000).unwrap();
            let utc = stamp(0, ClockTrust::Synced).utc.unix_ms() - 86_400_000 * 76 + ms;
            UpkeepSpec { last_done: Some(Utc::from_unix_ms(utc)), ..spec.clone() }
        })
        .collect();
    let mut upkeep = Upkeep::new(specs.into(), Bounds::default());
    assert_eq!(upkeep.step(stamp(0, ClockTrust::Synced)).len(), 3);
    assert_eq!(upkeep.poll_timeout(), Some((at(7_200), "a date of upkeep may come")));
    assert_eq!(upkeep.step(stamp(7_199, ClockTrust::Synced)), []);
    let due = Change::Due { upkeep: OTHER, from: Due::Fine, to: Due::DueSoon };
    assert_eq!(upkeep.step(stamp(7_200, ClockTrust::Synced)), [due]);
    assert_eq!(Upkeep::new([].into(), Bounds::default()).poll_timeout(), None);
}

#[test]
fn only_a_passed_test_moves_the_date_and_ends_a_failure() {
    let mut upkeep = Upkeep::new(specs(), Bounds::default());
    assert_eq!(upkeep.poll_timeout().map(|(at, _)| at), Some(Mono::ZERO));
    let first = upkeep.step(stamp(0, ClockTrust::Synced));
    let never = |upkeep| Change::Due { upkeep, from: Due::Unjudged, to: Due::NeverDone };
    assert_eq!(first, [never(CALIBRATION), never(PROOF), never(OTHER)]);
    for (bench, failing, due) in [
        (Bench { reads: 0.0, ..Bench::default() }, true, Due::NeverDone),
        (Bench::default(), false, Due::Fine),
        (Bench { t90_s: 40.0, ..Bench::default() }, true, Due::Fine),
        (Bench { t90_s: 40.0, ..Bench::default() }, true, Due::Fine),
        (Bench { after_s: 200, ..Bench::default() }, false, Due::Fine),
    ] {
        let before = upkeep.standing().next().unwrap();
        let mut running = Running::on(upkeep, &bench);
        let changes = running.play(&bench);
        upkeep = running.upkeep;
        let now = upkeep.standing().next().unwrap();
        assert_eq!((now.failing, now.due), (failing, due));
        assert_eq!(now.passed == before.passed, failing, "{before:?} {now:?}");
        let said = changes.contains(&Change::Failing { upkeep: CALIBRATION, stands: failing });
        assert_eq!(said, before.failing != failing);
    }
}

#[test]
fn a_restart_keeps_dates_failures_and_what_is_overdue_and_ends_a_test_that_ran() {
    let mut bench = Running::on(Upkeep::new(specs(), Bounds::default()), &Bench::default());
    bench.play(&Bench::default());
    let later = stamp(400 * 86_400, ClockTrust::Free);
    bench.upkeep.step(later);
    bench.upkeep.begin(later, begun(PROOF, None)).unwrap();
    bench.upkeep.begin(later, begun(OTHER, Some(Value::ONE))).unwrap();
    bench.upkeep.abort(later, OTHER).unwrap();
    let kept = bench.upkeep.kept();
    assert_eq!(kept.running, [(begun(PROOF, None), later)]);

    let mut next = Upkeep::new(specs(), Bounds::default());
    let woke = Stamp { mono: at(3), utc: Utc::default(), trust: ClockTrust::Unset };
    let changes = next.resume(&kept, woke);
    let [Change::Failing { upkeep: OTHER, stands: true }, Change::Ended(evidence), rest @ ..] = &changes[..]
    else {
        panic!("{changes:?}");
    };
    assert_eq!(evidence.outcome, Outcome::Failed(vec![Failure::Restarted]));
    assert_eq!((evidence.started, evidence.ended), (later, woke));
    let due = |upkeep, to| Change::Due { upkeep, from: Due::Unjudged, to };
    assert_eq!(
        rest,
        [
            Change::Failing { upkeep: PROOF, stands: true },
            due(CALIBRATION, Due::Overdue),
            due(PROOF, Due::NeverDone),
            due(OTHER, Due::NeverDone)
        ]
    );
    let again = next.kept();
    assert_eq!((again.latest, &again.duties[0], again.running.len()), (kept.latest, &kept.duties[0], 0));
}
