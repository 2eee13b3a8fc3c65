//! Calibrations, proof tests and the figures of a day, there and back; see [`super::mirror`].

use std::time::Duration;

use hazard_core::id::{AlarmId, PointId, TripId, UpkeepId};
use hazard_core::interlock::Discrepancy as CoreDiscrepancy;
use hazard_core::upkeep as core;
use hazard_core::upkeep::share;
use hazard_core::{Mono, Stamp, Utc, Value};
use serde::{Deserialize, Serialize};

use super::codec::NotRecords;
use super::mirror::{Trust, bounded, cut, finite, plain};

plain!(Duty = core::Duty { Calibration, ProofTest });
plain!(Mark = core::Mark { Applied, Removed });
plain!(Discrepancy = CoreDiscrepancy { NotShown, Left });

#[derive(Serialize, Deserialize)]
pub(super) enum UpkeepEvent {
    Begun(Begun),
    Marked { upkeep: u16, mark: Mark, actor: String },
    Ended { evidence: Box<Evidence>, actor: Option<String>, note: String },
}

/// The figures of a whole day, in microseconds: serving and all, of interlocks and of points.
#[derive(Serialize, Deserialize)]
pub(super) struct Shares {
    interlocks: (u64, u64),
    healthy: (u64, u64),
}

#[derive(Serialize, Deserialize)]
pub(super) struct Begun {
    upkeep: u16,
    actor: String,
    approver: Option<String>,
    applied: Option<f64>,
    reason: String,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Evidence {
    begun: Begun,
    point: u32,
    duty: Duty,
    started: At,
    ended: At,
    trace: Trace,
    findings: Findings,
    alarms: Vec<AlarmSeen>,
    trips: Vec<TripSeen>,
    /// None of them: passed.
    failures: Vec<Failure>,
}

#[derive(Serialize, Deserialize)]
struct At {
    mono_us: u64,
    utc_ms: i64,
    trust: Trust,
}

#[derive(Serialize, Deserialize)]
struct Trace {
    applied_us: Option<u64>,
    removed_us: Option<u64>,
    samples: Vec<(u64, Option<f64>)>,
    taken: u32,
    gaps: u32,
}

#[derive(Serialize, Deserialize)]
struct Findings {
    baseline: Option<f64>,
    plateau: Option<f64>,
    departed_us: Option<u64>,
    response: Option<(u64, bool)>,
    recovery: Option<(u64, bool)>,
    deviation: Option<(f64, Option<f64>)>,
}

#[derive(Serialize, Deserialize)]
struct AlarmSeen {
    alarm: u32,
    up_us: u64,
    down_us: Option<u64>,
}

#[derive(Serialize, Deserialize)]
struct TripSeen {
    trip: u16,
    moved_us: u64,
    proven_us: Option<u64>,
    discrepant: Option<Discrepancy>,
}

#[derive(Serialize, Deserialize)]
enum Failure {
    NoGoodValue,
    NoResponse,
    TooSlow(Option<u64>),
    NotRecovered(Option<u64>),
    Deviation,
    AlarmDidNotTrip(u32),
    TripDidNotMove(u16),
    NotProven(u16),
    Aborted,
    Restarted,
    TimedOut,
}

impl From<&core::UpkeepEvent> for UpkeepEvent {
    fn from(event: &core::UpkeepEvent) -> Self {
        match event {
            core::UpkeepEvent::Begun(begun) => Self::Begun(begun.into()),
            core::UpkeepEvent::Marked { upkeep, mark, actor } => {
                Self::Marked { upkeep: upkeep.0, mark: (*mark).into(), actor: cut(actor) }
            }
            core::UpkeepEvent::Ended { evidence, actor, note } => Self::Ended {
                evidence: Box::new((&**evidence).into()),
                actor: actor.as_deref().map(cut),
                note: cut(note),
            },
        }
    }
}

impl TryFrom<UpkeepEvent> for core::UpkeepEvent {
    type Error = NotRecords;

    fn try_from(event: UpkeepEvent) -> Result<Self, NotRecords> {
        Ok(match event {
            UpkeepEvent::Begun(begun) => Self::Begun(begun.try_into()?),
            UpkeepEvent::Marked { upkeep, mark, actor } => {
                Self::Marked { upkeep: UpkeepId(upkeep), mark: mark.into(), actor: bounded(actor)? }
            }
            UpkeepEvent::Ended { evidence, actor, note } => Self::Ended {
                evidence: Box::new((*evidence).try_into()?),
                actor: actor.map(bounded).transpose()?,
                note: bounded(note)?,
            },
        })
    }
}

impl From<share::DayShares> for Shares {
    fn from(day: share::DayShares) -> Self {
        let served = |sum: share::Served| (us(sum.serving), us(sum.of));
        Self { interlocks: served(day.interlocks), healthy: served(day.healthy) }
    }
}

impl From<Shares> for share::DayShares {
    fn from(day: Shares) -> Self {
        let served = |(serving, of)| share::Served { serving: after(serving), of: after(of) };
        Self { interlocks: served(day.interlocks), healthy: served(day.healthy) }
    }
}

impl From<&core::Begun> for Begun {
    fn from(begun: &core::Begun) -> Self {
        Self {
            upkeep: begun.upkeep.0,
            actor: cut(&begun.actor),
            approver: begun.approver.as_deref().map(cut),
            applied: begun.applied.map(Value::get),
            reason: cut(&begun.reason),
        }
    }
}

impl TryFrom<Begun> for core::Begun {
    type Error = NotRecords;

    fn try_from(begun: Begun) -> Result<Self, NotRecords> {
        Ok(Self {
            upkeep: UpkeepId(begun.upkeep),
            actor: bounded(begun.actor)?,
            approver: begun.approver.map(bounded).transpose()?,
            applied: begun.applied.map(finite).transpose()?,
            reason: bounded(begun.reason)?,
        })
    }
}

impl From<&core::Evidence> for Evidence {
    fn from(evidence: &core::Evidence) -> Self {
        let failures = match &evidence.outcome {
            core::Outcome::Passed => &[][..],
            core::Outcome::Failed(failures) => failures,
        };
        Self {
            begun: (&evidence.begun).into(),
            point: evidence.point.0,
            duty: evidence.duty.into(),
            started: evidence.started.into(),
            ended: evidence.ended.into(),
            trace: (&evidence.trace).into(),
            findings: evidence.findings.into(),
            alarms: evidence.seen.alarms.iter().map(alarm_seen).collect(),
            trips: evidence.seen.trips.iter().map(trip_seen).collect(),
            failures: failures.iter().map(|failure| (*failure).into()).collect(),
        }
    }
}

impl TryFrom<Evidence> for core::Evidence {
    type Error = NotRecords;

    fn try_from(evidence: Evidence) -> Result<Self, NotRecords> {
        let failures: Vec<_> = evidence.failures.into_iter().map(Into::into).collect();
        let alarm = |seen: AlarmSeen| core::AlarmSeen {
            alarm: AlarmId(seen.alarm),
            up: after(seen.up_us),
            down: seen.down_us.map(after),
        };
        let trip = |seen: TripSeen| core::TripSeen {
            trip: TripId(seen.trip),
            moved: after(seen.moved_us),
            proven: seen.proven_us.map(after),
            discrepant: seen.discrepant.map(Into::into),
        };
        let seen = core::Seen {
            alarms: evidence.alarms.into_iter().map(alarm).collect(),
            trips: evidence.trips.into_iter().map(trip).collect(),
        };
        Ok(Self {
            begun: evidence.begun.try_into()?,
            point: PointId(evidence.point),
            duty: evidence.duty.into(),
            started: evidence.started.into(),
            ended: evidence.ended.into(),
            trace: evidence.trace.try_into()?,
            findings: evidence.findings.try_into()?,
            seen,
            outcome: if failures.is_empty() {
                core::Outcome::Passed
            } else {
                core::Outcome::Failed(failures)
            },
        })
    }
}

impl From<Stamp> for At {
    fn from(stamp: Stamp) -> Self {
        Self { mono_us: stamp.mono.as_micros(), utc_ms: stamp.utc.unix_ms(), trust: stamp.trust.into() }
    }
}

impl From<At> for Stamp {
    fn from(at: At) -> Self {
        Self {
            mono: Mono::from_micros(at.mono_us),
            utc: Utc::from_unix_ms(at.utc_ms),
            trust: at.trust.into(),
        }
    }
}

impl From<&core::Trace> for Trace {
    fn from(trace: &core::Trace) -> Self {
        let sample = |taken: &core::Taken| (us(taken.after), taken.value.map(Value::get));
        Self {
            applied_us: trace.marks.applied.map(us),
            removed_us: trace.marks.removed.map(us),
            samples: trace.samples.iter().map(sample).collect(),
            taken: trace.taken,
            gaps: trace.gaps,
        }
    }
}

impl TryFrom<Trace> for core::Trace {
    type Error = NotRecords;

    fn try_from(trace: Trace) -> Result<Self, NotRecords> {
        let marks =
            core::Marks { applied: trace.applied_us.map(after), removed: trace.removed_us.map(after) };
        let sample = |(at, value): (u64, Option<f64>)| {
            Ok(core::Taken { after: after(at), value: value.map(finite).transpose()? })
        };
        let samples = trace.samples.into_iter().map(sample).collect::<Result<_, NotRecords>>()?;
        Ok(Self { marks, samples, taken: trace.taken, gaps: trace.gaps })
    }
}

impl From<core::Findings> for Findings {
    fn from(found: core::Findings) -> Self {
        let span = |span: core::Span| (us(span.took), span.estimated);
        Self {
            baseline: found.baseline.map(Value::get),
            plateau: found.plateau.map(Value::get),
            departed_us: found.departed.map(us),
            response: found.response.map(span),
            recovery: found.recovery.map(span),
            deviation: found.deviation.map(|found| (found.by.get(), found.share.map(Value::get))),
        }
    }
}

impl TryFrom<Findings> for core::Findings {
    type Error = NotRecords;

    fn try_from(found: Findings) -> Result<Self, NotRecords> {
        let span = |(took, estimated)| core::Span { took: after(took), estimated };
        let deviation = |(by, share): (f64, Option<f64>)| {
            Ok(core::Deviation { by: finite(by)?, share: share.map(finite).transpose()? })
        };
        Ok(Self {
            baseline: found.baseline.map(finite).transpose()?,
            plateau: found.plateau.map(finite).transpose()?,
            departed: found.departed_us.map(after),
            response: found.response.map(span),
            recovery: found.recovery.map(span),
            deviation: found.deviation.map(deviation).transpose()?,
        })
    }
}

fn alarm_seen(seen: &core::AlarmSeen) -> AlarmSeen {
    AlarmSeen { alarm: seen.alarm.0, up_us: us(seen.up), down_us: seen.down.map(us) }
}

fn trip_seen(seen: &core::TripSeen) -> TripSeen {
    let discrepant = seen.discrepant.map(Into::into);
    TripSeen { trip: seen.trip.0, moved_us: us(seen.moved), proven_us: seen.proven.map(us), discrepant }
}

impl From<core::Failure> for Failure {
    fn from(failure: core::Failure) -> Self {
        match failure {
            core::Failure::NoGoodValue => Self::NoGoodValue,
            core::Failure::NoResponse => Self::NoResponse,
            core::Failure::TooSlow { took } => Self::TooSlow(took.map(us)),
            core::Failure::NotRecovered { took } => Self::NotRecovered(took.map(us)),
            core::Failure::Deviation => Self::Deviation,
            core::Failure::AlarmDidNotTrip(alarm) => Self::AlarmDidNotTrip(alarm.0),
            core::Failure::TripDidNotMove(trip) => Self::TripDidNotMove(trip.0),
            core::Failure::NotProven(trip) => Self::NotProven(trip.0),
            core::Failure::Aborted => Self::Aborted,
            core::Failure::Restarted => Self::Restarted,
            core::Failure::TimedOut => Self::TimedOut,
        }
    }
}

impl From<Failure> for core::Failure {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::NoGoodValue => Self::NoGoodValue,
            Failure::NoResponse => Self::NoResponse,
            Failure::TooSlow(took) => Self::TooSlow { took: took.map(after) },
            Failure::NotRecovered(took) => Self::NotRecovered { took: took.map(after) },
            Failure::Deviation => Self::Deviation,
            Failure::AlarmDidNotTrip(alarm) => Self::AlarmDidNotTrip(AlarmId(alarm)),
            Failure::TripDidNotMove(trip) => Self::TripDidNotMove(TripId(trip)),
            Failure::NotProven(trip) => Self::NotProven(TripId(trip)),
            Failure::Aborted => Self::Aborted,
            Failure::Restarted => Self::Restarted,
            Failure::TimedOut => Self::TimedOut,
        }
    }
}

fn us(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}

const fn after(us: u64) -> Duration {
    Duration::from_micros(us)
}
