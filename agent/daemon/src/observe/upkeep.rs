//! Calibrations, proof tests and the standing figures in the status document, and the answer to whoever finished a test.

use std::time::Duration;

use hazard_core::figures::{Figure, FiguresNow};
use hazard_core::upkeep::{Evidence, Failure, Outcome, Standing};
use hazard_core::{Snapshot, Utc};
use serde::{Deserialize, Serialize};

use super::status::Word;
use super::tell::{named, time};
use super::texts::{self, pick};
use crate::config::Lang;
use crate::dictionary::Dictionary;
use crate::words;

const DAY_MS: i64 = 86_400_000;

/// A duty.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct UpkeepRow {
    /// `GT-101/calibration`.
    pub upkeep: String,
    /// Its point's tag.
    pub point: String,
    /// `calibration` or `proof_test`.
    pub duty: Word,
    /// `fine`, `due_soon`, `overdue`, `never_done` or `unjudged`.
    pub state: Word,
    /// When it was passed last, RFC 3339.
    pub passed: Option<String>,
    /// When it is due, RFC 3339.
    pub due: Option<String>,
    /// The last test was not passed.
    pub failing: bool,
    /// A test runs, and ends by itself after so many seconds.
    pub runs_for_s: Option<u64>,
}

/// One standing figure, in thousandths; `None` where there is nothing to count.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct FigureRow {
    /// Members that serve or are healthy now.
    pub serving: u32,
    /// All members.
    pub of: u32,
    /// Now.
    pub permille: Option<u16>,
    /// Over the running day so far.
    pub day_permille: Option<u16>,
    /// Over the last whole day.
    pub last_day_permille: Option<u16>,
}

/// The standing figures.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Figures {
    /// 联锁投用率: interlock points and trips in service.
    pub interlocks: FigureRow,
    /// Healthy points.
    pub points: FigureRow,
}

/// How a test came out, for whoever ended it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct TestReport {
    /// `GT-101/calibration`.
    pub upkeep: String,
    /// Every reason for which it was not passed; none: passed.
    pub failures: Vec<FailureRow>,
    /// The point's unit.
    pub unit: String,
    /// What the point should have read.
    pub applied: Option<f64>,
    /// What it read without gas.
    pub baseline: Option<f64>,
    /// What it settled at.
    pub plateau: Option<f64>,
    /// The distance between the two.
    pub deviation: Option<f64>,
    /// The response time t90.
    pub response: Option<Took>,
    /// The recovery time.
    pub recovery: Option<Took>,
    /// What tripped, the alarms first.
    pub tripped: Vec<Tripped>,
}

/// A measured time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Took {
    /// How long.
    pub ms: u64,
    /// Its beginning was taken from the samples.
    pub estimated: bool,
}

/// Why a test was not passed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FailureRow {
    /// One of the contract's words.
    pub why: Word,
    /// The alarm or the trip.
    pub of: Option<String>,
    /// How long it took.
    pub took_ms: Option<u64>,
}

/// An alarm or a trip that the test saw.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Tripped {
    /// Which.
    pub name: String,
    /// How long after the gas was on, or after the test began.
    pub after_ms: u64,
    /// How long the field took to show it; only of trips.
    pub proven_ms: Option<u64>,
}

impl UpkeepRow {
    pub(super) fn all(snapshot: &Snapshot, dictionary: &Dictionary) -> Vec<Self> {
        let row = |standing: &Standing| Self::new(*standing, snapshot, dictionary);
        snapshot.upkeep.iter().map(row).collect()
    }

    fn new(standing: Standing, snapshot: &Snapshot, dictionary: &Dictionary) -> Self {
        let entry = dictionary.upkeep.get(standing.upkeep.index());
        let every_ms = entry.map(|entry| i64::from(entry.every_days) * DAY_MS);
        let due = |passed: Utc| {
            every_ms.map(|every| time(Utc::from_unix_ms(passed.unix_ms().saturating_add(every))))
        };
        let upkeep = dictionary.upkeep_name(standing.upkeep);
        Self {
            point: upkeep.rsplit_once('/').map_or_else(|| upkeep.clone(), |(tag, _)| tag.to_owned()),
            duty: entry.map(|entry| entry.duty.clone()).unwrap_or_default().into(),
            upkeep,
            state: words::due(standing.due).into(),
            passed: standing.passed.map(time),
            due: standing.passed.and_then(due),
            failing: standing.failing,
            runs_for_s: standing.runs_until.map(|until| until.since(snapshot.stamp.mono).as_secs()),
        }
    }

    /// Whether the conditions of the monitoring itself tell it already.
    fn is_told(&self) -> bool {
        self.failing || matches!(&*self.state, "overdue" | "never_done")
    }

    /// Whether a quiet day has it.
    pub(super) fn is_quiet(&self) -> bool {
        self.runs_for_s.is_none() && (self.is_told() || self.state == "fine")
    }

    /// A row of the screen.
    pub(super) fn cells(&self, local: impl Fn(&str) -> String, lang: Lang) -> Vec<String> {
        let sign = if self.is_told() { '■' } else { '○' };
        let day = |at: &Option<String>, zh, en| {
            at.as_deref().map(|at| format!("{} {}", pick(lang, zh, en), local(at))).unwrap_or_default()
        };
        let running = self.runs_for_s.map(|left| {
            let minutes = left.div_ceil(60);
            match lang {
                Lang::Zh => format!("正在进行，{minutes} 分钟后自动结束"),
                Lang::En => format!("runs, ends by itself in {minutes} min"),
            }
        });
        vec![
            format!("{sign} {}", texts::duty(&self.duty, lang)),
            self.point.clone(),
            texts::due(&self.state, lang).to_owned(),
            if self.failing { pick(lang, "上次未通过", "not passed last time") } else { "" }.to_owned(),
            day(&self.passed, "上次通过", "passed"),
            day(&self.due, "到期", "due"),
            running.unwrap_or_default(),
        ]
    }
}

impl Figures {
    pub(super) fn new(now: FiguresNow) -> Self {
        let row = |figure: Figure| FigureRow {
            serving: figure.now.serving,
            of: figure.now.of,
            permille: figure.now.permille(),
            day_permille: figure.day.permille(),
            last_day_permille: figure.last.and_then(|last| last.permille()),
        };
        Self { interlocks: row(now.interlocks), points: row(now.healthy) }
    }

    /// One line; nothing of what a site does not have.
    pub(super) fn line(&self, lang: Lang) -> Option<String> {
        let of = [
            (pick(lang, "联锁投用率", "interlocks in service"), self.interlocks),
            (pick(lang, "正常点", "healthy points"), self.points),
        ];
        let part = |(name, row): (&str, FigureRow)| {
            let permille = row.permille?;
            let mut part = format!("{name} {} ({}/{})", percent(permille), row.serving, row.of);
            for (zh, en, permille) in
                [("今日", "today", row.day_permille), ("前一日", "the day before", row.last_day_permille)]
            {
                if let Some(permille) = permille {
                    part.push_str(&format!(" {} {}", pick(lang, zh, en), percent(permille)));
                }
            }
            Some(part)
        };
        let parts: Vec<_> = of.into_iter().filter_map(part).collect();
        (!parts.is_empty()).then(|| format!("  {}", parts.join(" · ")))
    }
}

fn percent(permille: u16) -> String {
    format!("{}.{} %", permille / 10, permille % 10)
}

impl TestReport {
    /// Puts the names to the numbers.
    #[must_use]
    pub fn new(evidence: &Evidence, names: &Dictionary) -> Self {
        let failures = match &evidence.outcome {
            Outcome::Passed => &[][..],
            Outcome::Failed(failures) => failures,
        };
        let (found, marks) = (&evidence.findings, evidence.trace.marks);
        let after = |at: Duration| ms(at.saturating_sub(marks.applied.unwrap_or_default()));
        let span = |span: hazard_core::upkeep::Span| Took { ms: ms(span.took), estimated: span.estimated };
        let alarms = evidence.seen.alarms.iter().map(|seen| Tripped {
            name: names.alarm_name(seen.alarm),
            after_ms: after(seen.up),
            proven_ms: None,
        });
        let trips = evidence.seen.trips.iter().map(|seen| Tripped {
            name: named(&names.trips, seen.trip.index()),
            after_ms: after(seen.moved),
            proven_ms: seen.took().map(ms),
        });
        let about = names.points.get(evidence.point.index());
        Self {
            upkeep: names.upkeep_name(evidence.begun.upkeep),
            failures: failures.iter().map(|failure| FailureRow::new(*failure, names)).collect(),
            unit: about.map(|about| about.unit.clone()).unwrap_or_default(),
            applied: evidence.begun.applied.map(hazard_core::Value::get),
            baseline: found.baseline.map(hazard_core::Value::get),
            plateau: found.plateau.map(hazard_core::Value::get),
            deviation: found.deviation.map(|deviation| deviation.by.get()),
            response: found.response.map(span),
            recovery: found.recovery.map(span),
            tripped: alarms.chain(trips).collect(),
        }
    }
}

impl FailureRow {
    fn new(failure: Failure, names: &Dictionary) -> Self {
        let (of, took) = match failure {
            Failure::TooSlow { took } | Failure::NotRecovered { took } => (None, took),
            Failure::AlarmDidNotTrip(alarm) => (Some(names.alarm_name(alarm)), None),
            Failure::TripDidNotMove(trip) | Failure::NotProven(trip) => (Some(names.trip_name(trip)), None),
            Failure::NoGoodValue
            | Failure::NoResponse
            | Failure::Deviation
            | Failure::Aborted
            | Failure::Restarted
            | Failure::TimedOut => (None, None),
        };
        Self { why: words::failure(failure).into(), of, took_ms: took.map(ms) }
    }
}

fn ms(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
