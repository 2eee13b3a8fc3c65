//! Any test that the core could write down.

use std::time::Duration;

use hazard_core::daybook::{DayJournal, DayLedger, DayPolls, DayUplink};
use hazard_core::id::{AlarmId, PointId, TripId, UpkeepId};
use hazard_core::interlock::Discrepancy;
use hazard_core::outbox::record::Body;
use hazard_core::outbox::{Count, UplinkLedger};
use hazard_core::poll::PollCount;
use hazard_core::upkeep::share::{DayShares, Served};
use hazard_core::upkeep::{
    AlarmSeen, Begun, Deviation, Duty, Evidence, Failure, Findings, Mark, Marks, Outcome, SAMPLES_MAX, Seen,
    Span, Taken, Trace, TripSeen, UpkeepEvent,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::any::{stamp, value};

pub(super) fn event() -> impl Strategy<Value = Body> {
    let marked = (0..4_u16, select(vec![Mark::Applied, Mark::Removed]), any::<String>())
        .prop_map(|(id, mark, actor)| UpkeepEvent::Marked { upkeep: UpkeepId(id), mark, actor });
    let ended = (begun(), evidence(), option::of(any::<String>()), any::<String>()).prop_map(
        |(begun, evidence, actor, note)| {
            let evidence = Box::new(Evidence { begun, ..evidence });
            UpkeepEvent::Ended { evidence, actor, note }
        },
    );
    prop_oneof![begun().prop_map(UpkeepEvent::Begun), marked, ended]
        .prop_map(|event| Body::Upkeep(Box::new(event)))
}

fn begun() -> impl Strategy<Value = Begun> {
    (0..4_u16, any::<[String; 2]>(), option::of(any::<String>()), option::of(value())).prop_map(
        |(upkeep, [actor, reason], approver, applied)| Begun {
            upkeep: UpkeepId(upkeep),
            actor,
            approver,
            applied,
            reason,
        },
    )
}

fn evidence() -> impl Strategy<Value = Evidence> {
    let taken = (lasts(), option::of(value())).prop_map(|(after, value)| Taken { after, value });
    let trace = (option::of(lasts()), option::of(lasts()), vec(taken, 0..SAMPLES_MAX), any::<[u32; 2]>())
        .prop_map(|(applied, removed, samples, [taken, gaps])| Trace {
            marks: Marks { applied, removed },
            samples,
            taken,
            gaps,
        });
    let span = || option::of((lasts(), any::<bool>()).prop_map(|(took, estimated)| Span { took, estimated }));
    let deviation = (value(), option::of(value())).prop_map(|(by, share)| Deviation { by, share });
    let findings = (option::of(value()), option::of(lasts()), [span(), span()], option::of(deviation))
        .prop_map(|(baseline, departed, [response, recovery], deviation)| Findings {
            baseline,
            plateau: baseline,
            departed,
            response,
            recovery,
            deviation,
        });
    let outcome = prop_oneof![Just(Outcome::Passed), vec(failure(), 1..5).prop_map(Outcome::Failed)];
    let duty = select(vec![Duty::Calibration, Duty::ProofTest]);
    (trace, findings, seen(), outcome, duty, [stamp(), stamp()]).prop_map(
        |(trace, findings, seen, outcome, duty, [started, ended])| Evidence {
            begun: Begun {
                upkeep: UpkeepId(0),
                actor: String::new(),
                approver: None,
                applied: None,
                reason: String::new(),
            },
            point: PointId(0),
            duty,
            started,
            ended,
            trace,
            findings,
            seen,
            outcome,
        },
    )
}

fn seen() -> impl Strategy<Value = Seen> {
    let alarm = (0..6_u32, lasts(), option::of(lasts())).prop_map(|(id, up, down)| AlarmSeen {
        alarm: AlarmId(id),
        up,
        down,
    });
    let how = select(vec![Discrepancy::NotShown, Discrepancy::Left]);
    let trip = (0..4_u16, lasts(), option::of(lasts()), option::of(how))
        .prop_map(|(id, moved, proven, discrepant)| TripSeen { trip: TripId(id), moved, proven, discrepant });
    (vec(alarm, 0..3), vec(trip, 0..3)).prop_map(|(alarms, trips)| Seen { alarms, trips })
}

fn failure() -> impl Strategy<Value = Failure> {
    prop_oneof![
        select(vec![
            Failure::NoGoodValue,
            Failure::NoResponse,
            Failure::Deviation,
            Failure::Aborted,
            Failure::Restarted,
            Failure::TimedOut,
        ]),
        option::of(lasts()).prop_map(|took| Failure::TooSlow { took }),
        option::of(lasts()).prop_map(|took| Failure::NotRecovered { took }),
        (0..6_u32).prop_map(|id| Failure::AlarmDidNotTrip(AlarmId(id))),
        (0..4_u16).prop_map(|id| Failure::TripDidNotMove(TripId(id))),
        (0..4_u16).prop_map(|id| Failure::NotProven(TripId(id))),
    ]
}

pub(super) fn shares() -> impl Strategy<Value = Body> {
    let served = || {
        any::<[u32; 2]>().prop_map(|[one, other]| Served {
            serving: Duration::from_millis(one.min(other).into()),
            of: Duration::from_millis(one.max(other).into()),
        })
    };
    (served(), served()).prop_map(|(interlocks, healthy)| Body::Shares(DayShares { interlocks, healthy }))
}

/// Sums that need not be even: the wire writes what it is given.
pub(super) fn ledger() -> impl Strategy<Value = Body> {
    let count = || any::<[u64; 2]>().prop_map(|[records, readings]| Count { records, readings });
    let five = || [count(), count(), count(), count(), count()];
    let uplink = five().prop_map(|[before, confirmed, pending, lost, back_filled]| DayUplink {
        before,
        ledger: UplinkLedger { confirmed, pending, lost, back_filled, ..UplinkLedger::default() },
    });
    (any::<[u64; 7]>(), count(), five(), vec(uplink, 0..3), lasts()).prop_map(
        |([before, scheduled, read, failed, skipped, open, repeated], purged, journal, uplinks, lasted)| {
            let count = PollCount { scheduled, read, failed, skipped, open, repeated };
            let polls = DayPolls { before, count };
            let [before, offered, stored, lost, waiting] = journal;
            let journal = DayJournal { before, offered, stored, lost, waiting, purged };
            Body::Ledger(Box::new(DayLedger { lasted, polls, journal, uplinks }))
        },
    )
}

fn lasts() -> impl Strategy<Value = Duration> + Clone {
    any::<u32>().prop_map(|us| Duration::from_micros(us.into()))
}
