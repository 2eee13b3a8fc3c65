//! From samples to times, and from times to an outcome. Pure; what was not seen is `None` and never a good figure.

use alloc::vec::Vec;
use core::time::Duration;

use super::{Deviation, Effect, Failure, Findings, Limits, Outcome, Seen, Span, Trace, UpkeepSpec};
use crate::Value;

/// Within this share of the way it is at the baseline; beyond it, it has departed.
const DEPARTED: f64 = 0.1;
/// From this share of the way on it has responded (t90).
const RESPONDED: f64 = 0.9;

/// How a test ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum End {
    Finished,
    Aborted,
    TimedOut,
}

/// The way from the baseline to where the value has to go, up or down: oxygen under nitrogen falls.
#[derive(Clone, Copy, Debug)]
pub(super) struct Way {
    baseline: f64,
    length: f64,
}

/// Where on the way a value is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Stretch {
    Baseline,
    Between,
    Responded,
}

impl Way {
    pub(super) fn new(baseline: Value, target: Value) -> Option<Self> {
        let length = target.get() - baseline.get();
        (length != 0.0).then_some(Self { baseline: baseline.get(), length })
    }

    pub(super) fn stretch(self, value: Value) -> Stretch {
        let share = (value.get() - self.baseline) / self.length;
        if share >= RESPONDED {
            Stretch::Responded
        } else if share > DEPARTED {
            Stretch::Between
        } else {
            Stretch::Baseline
        }
    }

    /// Within the band around the baseline on either side: a value far below zero has not come back.
    fn is_back(self, value: Value) -> bool {
        ((value.get() - self.baseline) / self.length).abs() <= DEPARTED
    }
}

/// Reads a test's samples. Of a test that was thinned, times come out longer by the distance of two samples at most, and
/// never shorter.
///
/// - *Mark*: "gas on" is taken as said, unless the value had departed from the first one by then. Whoever says it late would
///   make a slow detector quick, so that mark counts as missing.
/// - *Baseline*: the last value until the gas was applied; without that mark, the first value of the test.
/// - *Plateau*: the last value until the gas was removed; without that mark, the value furthest from the baseline.
/// - *Way*: from the baseline to the applied value, or to the plateau where no applied value is known.
/// - *Departed*: the first value more than 10 % of the way from the baseline.
/// - *Response* (t90): from the gas to the first value at 90 % of the way or beyond, before the gas was removed. Without the
///   mark it is estimated from the last value before the departure.
/// - *Recovery*: from the removal to the first value within 10 % of the way of the baseline. Without the mark it is estimated
///   from the last value at 90 % of the way or beyond.
#[must_use]
pub fn find(trace: &Trace, applied: Option<Value>) -> Findings {
    let off = trace.marks.removed;
    let values: Vec<(Duration, Value)> =
        trace.samples.iter().filter_map(|taken| Some((taken.after, taken.value?))).collect();
    let on = trace.marks.applied.filter(|on| !is_late(&values, *on, applied));
    let split =
        on.map_or(usize::from(!values.is_empty()), |on| values.partition_point(|(after, _)| *after <= on));
    let until = off.map_or(values.len(), |off| values.partition_point(|(after, _)| *after <= off)).max(split);
    let baseline = values[..split].last().map(|(_, value)| *value);
    let gassed = &values[split..until];
    let plateau = baseline.and_then(|baseline| plateau(gassed, baseline, off));
    let way = baseline.zip(applied.or(plateau)).and_then(|(from, to)| Way::new(from, to));
    let mut findings = Findings { baseline, plateau, ..Findings::default() };
    findings.deviation = plateau.zip(applied).and_then(|(plateau, applied)| deviation(plateau, applied));
    let Some(way) = way else {
        return findings;
    };
    let Some(departs) = gassed.iter().position(|(_, value)| way.stretch(*value) != Stretch::Baseline) else {
        return findings;
    };
    findings.departed = Some(gassed[departs].0);
    let before = values[split + departs - usize::from(split + departs > 0)].0;
    findings.response = response(&gassed[departs..], way, on.ok_or(before));
    findings.recovery = recovery(&values[split + departs..], way, off);
    findings
}

/// Whether the value had departed when the gas was said to be on.
fn is_late(values: &[(Duration, Value)], on: Duration, applied: Option<Value>) -> bool {
    let Some((_, first)) = values.first().filter(|(after, _)| *after <= on) else {
        return false;
    };
    let target = applied.or(plateau(values, *first, None));
    let at_mark = values.iter().rev().find(|(after, _)| *after <= on);
    let way = target.and_then(|target| Way::new(*first, target));
    way.zip(at_mark).is_some_and(|(way, (_, value))| way.stretch(*value) != Stretch::Baseline)
}

fn plateau(gassed: &[(Duration, Value)], baseline: Value, off: Option<Duration>) -> Option<Value> {
    let distance = |value: Value| (value.get() - baseline.get()).abs();
    let mut values = gassed.iter().map(|(_, value)| *value);
    match off {
        Some(_) => values.next_back(),
        None => values.max_by(|a, b| distance(*a).total_cmp(&distance(*b))),
    }
}

fn deviation(plateau: Value, applied: Value) -> Option<Deviation> {
    let by = Value::try_new(plateau.get() - applied.get())?;
    Some(Deviation { by, share: Value::try_new(by.get() / applied.get()) })
}

/// `from` is the mark, or the moment that stands for it.
fn response(gassed: &[(Duration, Value)], way: Way, from: Result<Duration, Duration>) -> Option<Span> {
    let (arrived, _) = gassed.iter().find(|(_, value)| way.stretch(*value) == Stretch::Responded)?;
    Some(span(from, *arrived))
}

fn recovery(departed: &[(Duration, Value)], way: Way, off: Option<Duration>) -> Option<Span> {
    let high = departed.iter().rev().find(|(_, value)| way.stretch(*value) == Stretch::Responded);
    let from = match (off, high) {
        (Some(off), _) => Ok(off),
        (None, Some((after, _))) => Err(*after),
        (None, None) => return None,
    };
    let (Ok(start) | Err(start)) = from;
    let (back, _) = departed.iter().find(|(after, value)| *after > start && way.is_back(*value))?;
    Some(span(from, *back))
}

fn span(from: Result<Duration, Duration>, to: Duration) -> Span {
    let (Ok(start) | Err(start)) = from;
    Span { took: to.saturating_sub(start), estimated: from.is_err() }
}

/// Whether it was passed. A test that was given up says nothing about what had not happened yet; what it did measure counts.
pub(super) fn outcome(spec: &UpkeepSpec, findings: &Findings, seen: &Seen, end: End) -> Outcome {
    let mut failures = measured(&spec.limits, findings);
    match end {
        End::Finished | End::TimedOut => failures.extend(missing(spec, findings, seen)),
        End::Aborted => {}
    }
    match end {
        End::Finished => {}
        End::Aborted => failures.push(Failure::Aborted),
        End::TimedOut => failures.push(Failure::TimedOut),
    }
    if failures.is_empty() { Outcome::Passed } else { Outcome::Failed(failures) }
}

fn measured(limits: &Limits, findings: &Findings) -> Vec<Failure> {
    let beyond = |span: Option<Span>, max: Option<Duration>| {
        span.zip(max).filter(|(span, max)| span.took > *max).map(|(span, _)| Some(span.took))
    };
    let slow = beyond(findings.response, limits.response_max).map(|took| Failure::TooSlow { took });
    let late = beyond(findings.recovery, limits.recovery_max).map(|took| Failure::NotRecovered { took });
    let off = findings
        .deviation
        .zip(limits.deviation_max)
        .is_some_and(|(found, max)| found.by.get().abs() > max.get());
    slow.into_iter().chain(late).chain(off.then_some(Failure::Deviation)).collect()
}

fn missing(spec: &UpkeepSpec, findings: &Findings, seen: &Seen) -> Vec<Failure> {
    let mut failures = Vec::new();
    let Limits { response_max, recovery_max, .. } = spec.limits;
    if findings.baseline.is_none() || findings.plateau.is_none() {
        failures.push(Failure::NoGoodValue);
    } else if findings.departed.is_none() {
        failures.push(Failure::NoResponse);
    } else {
        if response_max.is_some() && findings.response.is_none() {
            failures.push(Failure::TooSlow { took: None });
        }
        if recovery_max.is_some() && findings.recovery.is_none() {
            failures.push(Failure::NotRecovered { took: None });
        }
    }
    failures.extend(spec.proves.iter().filter_map(|effect| unseen(*effect, seen)));
    failures
}

fn unseen(effect: Effect, seen: &Seen) -> Option<Failure> {
    match effect {
        Effect::Alarm(alarm) => {
            let tripped = seen.alarms.iter().any(|seen| seen.alarm == alarm);
            (!tripped).then_some(Failure::AlarmDidNotTrip(alarm))
        }
        Effect::Trip(trip) => {
            let moved = seen.trips.iter().any(|seen| seen.trip == trip);
            (!moved).then_some(Failure::TripDidNotMove(trip))
        }
        Effect::Feedback(trip) => {
            let mut trips = seen.trips.iter();
            let proven =
                trips.any(|seen| seen.trip == trip && seen.proven.is_some() && seen.discrepant.is_none());
            (!proven).then_some(Failure::NotProven(trip))
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;
    use crate::upkeep::{Marks, Taken};

    /// The last value before each limit and the first one beyond; the way is from 0 to 100, and from 100 to 0.
    #[test]
    fn the_edges_of_departure_response_and_return() {
        for (value, departs) in [(-50, false), (10, false), (11, true), (90, true)] {
            assert_eq!(both_ways(&[value], &[]).departed.is_some(), departs, "{value}");
        }
        for (value, responds) in [(89, false), (90, true), (130, true)] {
            assert_eq!(both_ways(&[50, value], &[]).response.is_some(), responds, "{value}");
        }
        for (value, returns) in [(11, false), (10, true), (0, true), (-10, true), (-11, false)] {
            assert_eq!(both_ways(&[95], &[95, value]).recovery.is_some(), returns, "{value}");
        }
    }

    #[test]
    fn the_plateau_is_what_it_settled_at_and_not_the_overshoot() {
        let findings = both_ways(&[50, 130, 104], &[103]);
        let share = findings.deviation.map(|deviation| deviation.by.get().abs());
        assert_eq!(share, Some(4.0));
        let unmarked = find(&trace(&[0, 130, 104], Marks::default()), None);
        assert_eq!(unmarked.plateau, Some(Value::from_i32(130)));
    }

    #[test]
    fn what_never_came_is_not_found() {
        let marks = Marks { applied: Some(second(1)), removed: None };
        let nothing = Findings::default();
        assert_eq!(find(&trace(&[], marks), None), nothing);
        let baseline = Some(Value::from_i32(7));
        assert_eq!(find(&trace(&[7], marks), None), Findings { baseline, ..nothing });
        let flat = Findings { baseline, plateau: baseline, ..nothing };
        assert_eq!(find(&trace(&[7, 7, 7], marks), None), flat, "no way at all");
        let unseen = trace(&[7], Marks { applied: None, ..marks });
        assert_eq!(find(&unseen, None), Findings { baseline, ..nothing });
        // Nothing before the gas: nobody knows from where it came.
        let late = Marks { applied: Some(Duration::ZERO), removed: None };
        let mut trace = trace(&[7, 50], late);
        trace.samples[0].value = None;
        assert_eq!(find(&trace, Some(Value::from_i32(50))), nothing);
    }

    #[test]
    fn a_return_before_the_gas_is_off_is_none() {
        let findings = both_ways(&[95, 0, 95], &[]);
        assert_eq!(findings.recovery, None);
    }

    /// Reads a test up and down: the same must be found.
    fn both_ways(gassed: &[i32], after: &[i32]) -> Findings {
        let values: Vec<i32> = [0].iter().chain(gassed).chain(after).copied().collect();
        let marks = Marks { applied: Some(second(0)), removed: Some(second(gassed.len())) };
        let up = find(&trace(&values, marks), Some(Value::from_i32(100)));
        let mirrored: Vec<i32> = values.iter().map(|value| 100 - value).collect();
        let down = find(&trace(&mirrored, marks), Some(Value::ZERO));
        assert_eq!((up.departed, up.response, up.recovery), (down.departed, down.response, down.recovery));
        up
    }

    fn trace(values: &[i32], marks: Marks) -> Trace {
        let mut samples = vec![];
        for (index, value) in values.iter().enumerate() {
            samples.push(Taken { after: second(index), value: Some(Value::from_i32(*value)) });
        }
        Trace { marks, samples, ..Trace::default() }
    }

    fn second(index: usize) -> Duration {
        Duration::from_secs(index as u64)
    }
}
