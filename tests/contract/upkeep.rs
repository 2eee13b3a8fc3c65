//! The bytes of tests in the journal, and what a site file says of them.

use std::sync::Arc;
use std::time::Duration;

use hazard_agent::config;
use hazard_agent::journal::codec::{decode, encode};
use hazard_core::id::{AlarmId, PointId, Seq, TripId, UpkeepId};
use hazard_core::interlock::Discrepancy;
use hazard_core::outbox::Record;
use hazard_core::outbox::record::Body;
use hazard_core::upkeep::{
    AlarmSeen, Begun, DAY, Deviation, Duty, Effect, Evidence, Failure, Findings, Limits, Mark, Marks,
    Outcome, Seen, Span, Taken, Trace, TripSeen, UpkeepEvent,
};
use hazard_core::{ClockTrust, Mono, Stamp, Utc, Value};

/// If this fails, do not change the test: add a version. Variants are only added at the ends.
#[test]
fn a_test_is_written_and_read_as_it_came_to_version_1() {
    let failures = vec![
        Failure::NoGoodValue,
        Failure::NoResponse,
        Failure::TooSlow { took: Some(us(7)) },
        Failure::NotRecovered { took: None },
        Failure::Deviation,
        Failure::AlarmDidNotTrip(AlarmId(8)),
        Failure::TripDidNotMove(TripId(9)),
        Failure::NotProven(TripId(10)),
        Failure::Aborted,
        Failure::Restarted,
        Failure::TimedOut,
    ];
    let marked = UpkeepEvent::Marked { upkeep: UpkeepId(2), mark: Mark::Removed, actor: "a".into() };
    let ended = |outcome, actor: Option<String>| UpkeepEvent::Ended {
        evidence: Box::new(evidence(outcome)),
        actor,
        note: "n".into(),
    };
    let one = [0, 0, 0, 0, 0, 0, 0xf0, 0x3f];
    let mut begun = vec![2, 1, 97, 1, 1, 98, 1];
    begun.extend(one);
    begun.extend([1, 99]);
    let mut kept = [begun.clone(), vec![3, 1, 4, 10, 2, 5, 12, 1]].concat();
    // Marks, two samples, how many there were, and the gaps.
    kept.extend([1, 1, 1, 2, 2, 3, 1]);
    kept.extend(one);
    kept.extend([4, 0, 5, 6]);
    // Baseline, plateau, departure, response, recovery, deviation.
    kept.push(1);
    kept.extend(one);
    kept.extend([0, 1, 11, 1, 12, 1, 1, 13, 0, 1]);
    kept.extend(one);
    kept.push(0);
    // What tripped.
    kept.extend([1, 8, 1, 1, 2, 1, 9, 3, 1, 4, 1, 1]);
    let all = [11, 0, 1, 2, 1, 7, 3, 0, 4, 5, 8, 6, 9, 7, 10, 8, 9, 10];
    let whole = |failures: &[u8], end: &[u8]| [&[12, 2], &*kept, failures, end].concat();
    for (event, bytes) in [
        (UpkeepEvent::Begun(begun_by()), [vec![12, 0], begun].concat()),
        (marked, vec![12, 1, 2, 1, 1, 97]),
        (ended(Outcome::Passed, None), whole(&[0], &[0, 1, 110])),
        (ended(Outcome::Failed(failures), Some("e".into())), whole(&all, &[1, 1, 101, 1, 110])),
    ] {
        let stamp = Stamp { mono: Mono::ZERO, utc: Utc::from_unix_ms(0), trust: ClockTrust::Unset };
        let record = Arc::new(Record { seq: Seq(1), stamp, body: Body::Upkeep(Box::new(event)) });
        let mut written = Vec::new();
        encode(&record, &mut written);
        assert_eq!(written[4..], *bytes, "{record:?}");
        assert_eq!(decode(1, 1, &written).unwrap(), [record]);
    }
}

fn begun_by() -> Begun {
    let [actor, approver, reason] = ["a", "b", "c"].map(String::from);
    Begun { upkeep: UpkeepId(2), actor, approver: Some(approver), applied: Some(Value::ONE), reason }
}

fn evidence(outcome: Outcome) -> Evidence {
    let stamp =
        |at: u64, utc, trust| Stamp { mono: Mono::from_micros(at), utc: Utc::from_unix_ms(utc), trust };
    let span = |took, estimated| Some(Span { took: us(took), estimated });
    let taken = |at, value| Taken { after: us(at), value };
    Evidence {
        begun: begun_by(),
        point: PointId(3),
        duty: Duty::ProofTest,
        started: stamp(4, 5, ClockTrust::Synced),
        ended: stamp(5, 6, ClockTrust::Free),
        trace: Trace {
            marks: Marks { applied: Some(us(1)), removed: Some(us(2)) },
            samples: vec![taken(3, Some(Value::ONE)), taken(4, None)],
            taken: 5,
            gaps: 6,
        },
        findings: Findings {
            baseline: Some(Value::ONE),
            plateau: None,
            departed: Some(us(11)),
            response: span(12, true),
            recovery: span(13, false),
            deviation: Some(Deviation { by: Value::ONE, share: None }),
        },
        seen: Seen {
            alarms: vec![AlarmSeen { alarm: AlarmId(8), up: us(1), down: Some(us(2)) }],
            trips: vec![TripSeen {
                trip: TripId(9),
                moved: us(3),
                proven: Some(us(4)),
                discrepant: Some(Discrepancy::Left),
            }],
        },
        outcome,
    }
}

fn us(us: u64) -> Duration {
    Duration::from_micros(us)
}

const SITE: &str = r#"
[enterprise]
district = "510107"
id = "E1"
name = "x"
[gateway]
id = "G1"
[[buses]]
id = "b"
kind = "tcp"
host = "127.0.0.1"
[[devices]]
id = "d"
bus = "b"
[[points]]
tag = "GT-1"
device = "d"
reference = "40001"
type = "u16"
range = [20, 120]
alarms = [{ kind = "high", setpoint = 40 }, { kind = "high_high", setpoint = 50 }]
[[points]]
tag = "ZS"
device = "d"
reference = "10001"
[[outputs]]
id = "VALVE"
role = "interlock"
assist = "gas_valve_close"
gpio = { chip = "/dev/gpiochip0", line = 1 }
[[trips]]
id = "GAS"
causes = ["GT-1:high_high"]
outputs = ["VALVE"]
prove = { feedback = { point = "ZS" }, within_s = 8 }
[[upkeep]]
point = "gt-1"
duty = "calibration"
every_days = 365
last_done = "2026-01-31"
[[upkeep]]
point = "GT-1"
duty = "proof_test"
every_days = 40
[[upkeep]]
point = "ZS"
duty = "proof_test"
every_days = 90
warn_days = 7
response_max_s = 30
recovery_max_s = 60
deviation_max = 0.5
proves = ["trip:gas", "feedback:GAS", "ZS:unproven"]
"#;

#[test]
fn every_word_of_a_duty_means_what_it_says() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("site.toml");
    std::fs::write(&path, SITE).unwrap();
    let loaded = config::load(&path).unwrap();
    let named = |name: &str| Effect::Alarm(loaded.dictionary.alarm(name).unwrap());
    let [calibration, proof, valve] = &*loaded.site.upkeep else { panic!("three duties") };
    // Midnight of 2026-01-31 in China.
    let day = Utc::from_unix_ms(1_769_788_800_000);
    assert_eq!((calibration.duty, calibration.last_done), (Duty::Calibration, Some(day)));
    assert_eq!((calibration.every, calibration.warn_before), (365 * DAY, 30 * DAY));
    let usual = Limits { deviation_max: Value::try_new(5.0), ..Limits::default() };
    assert_eq!((calibration.limits, &*calibration.proves), (usual, &[][..]));
    assert_eq!((proof.point, proof.duty, proof.warn_before), (PointId(0), Duty::ProofTest, 10 * DAY));
    assert_eq!((proof.limits, proof.last_done), (Limits::default(), None));
    assert_eq!(proof.proves, [named("GT-1/high"), named("GT-1/high_high")], "and not that it was lost");
    let limits = Limits {
        response_max: Some(Duration::from_secs(30)),
        recovery_max: Some(Duration::from_secs(60)),
        deviation_max: Value::try_new(0.5),
    };
    assert_eq!((valve.limits, valve.warn_before), (limits, 7 * DAY));
    let gas = TripId(0);
    assert_eq!(valve.proves, [Effect::Trip(gas), Effect::Feedback(gas), named("ZS/unproven")]);
    let names = &loaded.dictionary;
    assert_eq!(names.upkeep("GT-1/proof_test"), Some(UpkeepId(1)));
    assert_eq!(names.upkeep("GT-1/test"), None);
    assert_eq!((names.upkeep_name(UpkeepId(2)), names.upkeep[2].every_days), ("ZS/proof_test".into(), 90));
}
