//! Calibrations, proof tests and the figures of a day, as JSON. The series of a test is bounded: the core thins it.

use std::time::Duration;

use hazard_core::Value;
use hazard_core::upkeep::share::{DayShares, Served};
use hazard_core::upkeep::{
    Begun, Evidence, Failure, Findings, Outcome, Seen, Span, Taken, Trace, UpkeepEvent,
};

use super::json::{number, raw, scalar};
use super::names::{Names, time_field};
use super::record::{number_field, text_field, word};
use super::state::list;
use crate::words;

/// Appends an event, comma first.
pub(super) fn write(out: &mut Vec<u8>, event: &UpkeepEvent, names: &Names) {
    match event {
        UpkeepEvent::Begun(begun) => {
            raw(out, ",\"kind\":\"upkeep_begun\",\"upkeep\":");
            names.upkeep(out, begun.upkeep);
            self::begun(out, begun);
        }
        UpkeepEvent::Marked { upkeep, mark, actor } => {
            raw(out, ",\"kind\":\"upkeep_marked\",\"upkeep\":");
            names.upkeep(out, *upkeep);
            word(out, ",\"mark\":", words::mark(*mark));
            text_field(out, ",\"actor\":", actor);
        }
        UpkeepEvent::Ended { evidence, actor, note } => {
            ended(out, evidence, names);
            if let Some(actor) = actor {
                text_field(out, ",\"ended_by\":", actor);
                text_field(out, ",\"end_note\":", note);
            }
        }
    }
}

/// Appends the figures of a day, comma first.
pub(super) fn shares(out: &mut Vec<u8>, day: DayShares) {
    raw(out, ",\"kind\":\"day_shares\"");
    served(out, ",\"interlocks\":", day.interlocks);
    served(out, ",\"points\":", day.healthy);
}

fn served(out: &mut Vec<u8>, field: &str, sum: Served) {
    raw(out, field);
    number_field(out, "{\"serving_s\":", sum.serving.as_secs());
    number_field(out, ",\"of_s\":", sum.of.as_secs());
    let share = sum.permille().and_then(|permille| Value::try_new(f64::from(permille) / 1_000.0));
    optional(out, ",\"share\":", share);
    raw(out, "}");
}

fn begun(out: &mut Vec<u8>, begun: &Begun) {
    text_field(out, ",\"actor\":", &begun.actor);
    if let Some(approver) = &begun.approver {
        text_field(out, ",\"approver\":", approver);
    }
    optional(out, ",\"applied\":", begun.applied);
    text_field(out, ",\"note\":", &begun.reason);
}

fn ended(out: &mut Vec<u8>, evidence: &Evidence, names: &Names) {
    raw(out, ",\"kind\":\"upkeep_ended\",\"upkeep\":");
    names.upkeep(out, evidence.begun.upkeep);
    raw(out, ",\"point\":");
    names.point_id(out, evidence.point);
    word(out, ",\"duty\":", words::duty(evidence.duty));
    time_field(out, ",\"began_at\":", evidence.started.utc);
    word(out, ",\"began_clock\":", words::clock(evidence.started.trust));
    begun(out, &evidence.begun);
    let failures = match &evidence.outcome {
        Outcome::Passed => &[][..],
        Outcome::Failed(failures) => failures,
    };
    word(out, ",\"outcome\":", if failures.is_empty() { "passed" } else { "failed" });
    raw(out, ",\"failures\":");
    list(out, failures.iter(), |out, one| failure(out, *one, names));
    findings(out, &evidence.findings);
    seen(out, &evidence.seen, names);
    trace(out, &evidence.trace);
}

fn failure(out: &mut Vec<u8>, failure: Failure, names: &Names) {
    word(out, "{\"why\":", words::failure(failure));
    match failure {
        Failure::TooSlow { took } | Failure::NotRecovered { took } => seconds(out, ",\"took_s\":", took),
        Failure::AlarmDidNotTrip(alarm) => {
            raw(out, ",\"alarm\":");
            names.alarm_id(out, alarm);
        }
        Failure::TripDidNotMove(trip) | Failure::NotProven(trip) => {
            raw(out, ",\"trip\":");
            names.row(out, &names.dictionary.trips, trip.index());
        }
        Failure::NoGoodValue
        | Failure::NoResponse
        | Failure::Deviation
        | Failure::Aborted
        | Failure::Restarted
        | Failure::TimedOut => {}
    }
    raw(out, "}");
}

fn findings(out: &mut Vec<u8>, found: &Findings) {
    optional(out, ",\"baseline\":", found.baseline);
    optional(out, ",\"plateau\":", found.plateau);
    seconds(out, ",\"departed_s\":", found.departed);
    for (field, estimated, span) in [
        (",\"response_s\":", ",\"response_estimated\":", found.response),
        (",\"recovery_s\":", ",\"recovery_estimated\":", found.recovery),
    ] {
        if let Some(Span { took, estimated: is_estimated }) = span {
            seconds(out, field, Some(took));
            raw(out, estimated);
            scalar(out, &is_estimated);
        }
    }
    optional(out, ",\"deviation\":", found.deviation.map(|found| found.by));
    optional(out, ",\"deviation_share\":", found.deviation.and_then(|found| found.share));
}

fn seen(out: &mut Vec<u8>, seen: &Seen, names: &Names) {
    raw(out, ",\"alarms\":");
    list(out, seen.alarms.iter(), |out, seen| {
        raw(out, "{\"alarm\":");
        names.alarm_id(out, seen.alarm);
        seconds(out, ",\"up_s\":", Some(seen.up));
        seconds(out, ",\"down_s\":", seen.down);
        raw(out, "}");
    });
    raw(out, ",\"trips\":");
    list(out, seen.trips.iter(), |out, seen| {
        raw(out, "{\"trip\":");
        names.row(out, &names.dictionary.trips, seen.trip.index());
        seconds(out, ",\"moved_s\":", Some(seen.moved));
        seconds(out, ",\"proven_s\":", seen.proven);
        if let Some(how) = seen.discrepant {
            word(out, ",\"discrepant\":", words::discrepancy(how));
        }
        raw(out, "}");
    });
}

fn trace(out: &mut Vec<u8>, trace: &Trace) {
    seconds(out, ",\"gas_on_s\":", trace.marks.applied);
    seconds(out, ",\"gas_off_s\":", trace.marks.removed);
    number_field(out, ",\"samples_taken\":", trace.taken.into());
    number_field(out, ",\"samples_missing\":", trace.gaps.into());
    raw(out, ",\"samples\":");
    list(out, trace.samples.iter(), |out, Taken { after, value }| {
        raw(out, "[");
        time(out, *after);
        raw(out, ",");
        match value {
            Some(value) => number(out, *value),
            None => raw(out, "null"),
        }
        raw(out, "]");
    });
}

fn optional(out: &mut Vec<u8>, field: &str, value: Option<Value>) {
    if let Some(value) = value {
        raw(out, field);
        number(out, value);
    }
}

fn seconds(out: &mut Vec<u8>, field: &str, span: Option<Duration>) {
    if let Some(span) = span {
        raw(out, field);
        time(out, span);
    }
}

/// Seconds with milliseconds: nothing in a test is known more finely.
fn time(out: &mut Vec<u8>, span: Duration) {
    #[allow(clippy::cast_precision_loss, reason = "285 thousand years fit exactly")]
    let seconds = span.as_millis() as f64 / 1e3;
    scalar(out, &seconds);
}
