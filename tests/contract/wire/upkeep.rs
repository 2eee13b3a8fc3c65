//! A calibration that was passed, a proof test that was not, and the figures of a day.

use std::time::Duration;

use hazard_agent::uplink::wire::Wire;
use hazard_core::id::{AlarmId, PointId, TripId, UpkeepId};
use hazard_core::interlock::Discrepancy;
use hazard_core::outbox::record::{Body, Condition, SystemEvent};
use hazard_core::upkeep::share::{DayShares, Served};
use hazard_core::upkeep::{
    AlarmSeen, Begun, Deviation, Duty, Evidence, Failure, Findings, Mark, Marks, Outcome, Seen, Span, Taken,
    Trace, TripSeen, UpkeepEvent,
};
use hazard_core::{ClockTrust, Mono, Publish, Stamp, Utc};

use super::sample;

const CALIBRATION: UpkeepId = UpkeepId(0);
const PROOF: UpkeepId = UpkeepId(1);

pub(super) fn wire() -> Wire {
    let mut wire = sample::wire();
    wire.learn(sample::EPOCH, Some(7), sample::tested().into());
    wire
}

pub(super) fn tests() -> Publish {
    let event = |event| Body::Upkeep(Box::new(event));
    let marked = |mark| event(UpkeepEvent::Marked { upkeep: CALIBRATION, mark, actor: "李四".into() });
    let ended = |evidence, actor: Option<&str>| {
        let (evidence, actor) = (Box::new(evidence), actor.map(String::from));
        event(UpkeepEvent::Ended { evidence, actor, note: "合格".into() })
    };
    let system = |condition, raised| Body::System(SystemEvent { condition, raised });
    let hours = |hours: u64| Duration::from_secs(3600 * hours);
    let interlocks = Served { serving: hours(71), of: hours(72) };
    let bodies = vec![
        event(UpkeepEvent::Begun(begun(CALIBRATION))),
        marked(Mark::Applied),
        marked(Mark::Removed),
        ended(passed(), Some("李四")),
        system(Condition::UpkeepDue(CALIBRATION), false),
        ended(failed(), None),
        system(Condition::UpkeepFailing(PROOF), true),
        Body::Shares(DayShares { interlocks, healthy: Served::default() }),
    ];
    sample::publish(sample::EPOCH, bodies)
}

fn begun(upkeep: UpkeepId) -> Begun {
    let [actor, reason] = ["李四", "标气瓶7"].map(String::from);
    let applied = (upkeep == CALIBRATION).then(|| sample::value(50.0));
    Begun { upkeep, actor, approver: Some("王五".into()), applied, reason }
}

fn passed() -> Evidence {
    let samples =
        [(0, Some(0.5)), (60_000, Some(0.5)), (70_250, None), (80_000, Some(45.5)), (120_000, Some(49.5))];
    let taken = |(at, value): (u64, Option<f64>)| Taken { after: ms(at), value: value.map(sample::value) };
    let span = |took, estimated| Some(Span { took: ms(took), estimated });
    let deviation = Deviation { by: sample::value(-0.5), share: Some(sample::value(-0.01)) };
    Evidence {
        begun: begun(CALIBRATION),
        point: PointId(0),
        duty: Duty::Calibration,
        started: stamp(-180_000),
        ended: stamp(0),
        trace: Trace {
            marks: Marks { applied: Some(ms(61_000)), removed: Some(ms(121_000)) },
            samples: samples.map(taken).into(),
            taken: 180,
            gaps: 1,
        },
        findings: Findings {
            baseline: Some(sample::value(0.5)),
            plateau: Some(sample::value(49.5)),
            departed: Some(ms(72_000)),
            response: span(19_000, false),
            recovery: span(24_000, true),
            deviation: Some(deviation),
        },
        seen: Seen::default(),
        outcome: Outcome::Passed,
    }
}

fn failed() -> Evidence {
    let (alarm, trip) = (AlarmId(0), TripId(0));
    let discrepant = Some(Discrepancy::NotShown);
    let failures = vec![
        Failure::NoGoodValue,
        Failure::NoResponse,
        Failure::TooSlow { took: Some(ms(31_500)) },
        Failure::NotRecovered { took: None },
        Failure::Deviation,
        Failure::AlarmDidNotTrip(AlarmId(1)),
        Failure::TripDidNotMove(trip),
        Failure::NotProven(trip),
        Failure::Aborted,
        Failure::Restarted,
        Failure::TimedOut,
    ];
    Evidence {
        begun: Begun { approver: None, ..begun(PROOF) },
        duty: Duty::ProofTest,
        trace: Trace::default(),
        findings: Findings::default(),
        seen: Seen {
            alarms: vec![AlarmSeen { alarm, up: ms(1_500), down: Some(ms(9_000)) }],
            trips: vec![TripSeen { trip, moved: ms(1_500), proven: Some(ms(3_000)), discrepant }],
        },
        outcome: Outcome::Failed(failures),
        ..passed()
    }
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn stamp(ms: i64) -> Stamp {
    let utc = Utc::from_unix_ms(sample::AT.unix_ms() + ms);
    Stamp { mono: Mono::ZERO, utc, trust: ClockTrust::Synced }
}
