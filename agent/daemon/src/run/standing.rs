//! 变更与现状: what a change of configuration does to what stands. A trip that is not ready holds its outputs in whatever
//! configuration follows, or that configuration is refused; an alarm that leaves says so. It decides by names: numbers change
//! with the configuration.

use std::borrow::Cow;
use std::collections::BTreeSet;

use hazard_core::Site;
use hazard_core::assist::KeptTrip;
use hazard_core::id::{AlarmId, TripId, VoteId};
use hazard_core::interlock::{Cause, TripSpec};
use hazard_core::outbox::record::AlarmState;

use crate::config::{Lang, Loaded, Renamed};
use crate::dictionary::Dictionary;
use crate::retentive::{AlarmRow, Page, TripRow};
use crate::words;

/// A sentence about something that stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line {
    /// In Chinese.
    pub zh: String,
    /// In English.
    pub en: String,
}

impl Line {
    /// In one of them.
    #[must_use]
    pub fn text(&self, lang: Lang) -> &str {
        match lang {
            Lang::Zh => &self.zh,
            Lang::En => &self.en,
        }
    }
}

/// An alarm that is not normal and has no place in the configuration that follows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Withdrawn {
    /// `GT-101/high`.
    pub alarm: String,
    /// Where it stood.
    pub state: AlarmState,
}

/// What becomes of what stands.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Outcome {
    /// Why the change must not be made, each with what to do.
    pub refused: Vec<Line>,
    /// What stands on under another name.
    pub carried: Vec<Line>,
    /// Alarms that leave.
    pub withdrawn: Vec<Withdrawn>,
}

/// Judges a change to `after` while what is on the page stands in the configuration of `before`.
#[must_use]
pub fn judge(page: &Page, before: (&Site, &Dictionary), after: &Loaded) -> Outcome {
    let mut refused = BTreeSet::new();
    for row in &page.trips {
        let trip = Standing { row, page, before, after };
        refused.extend(trip.refusals());
    }
    Outcome {
        refused: refused.into_iter().map(|(zh, en)| Line { zh, en }).collect(),
        carried: carried(page, &after.renamed),
        withdrawn: withdrawn(page, (&after.dictionary, &after.renamed)),
    }
}

impl Withdrawn {
    /// For people.
    #[must_use]
    pub fn line(&self) -> Line {
        let (name, state) = (self.alarm.replace('/', ":"), words::alarm_state(self.state));
        Line {
            zh: format!("报警 {name} ({state}) 将被撤销并记录；改名则写 renamed_from"),
            en: format!(
                "the alarm {name} ({state}) is withdrawn, with a record; if it was renamed, write renamed_from"
            ),
        }
    }
}

/// The page as the configuration `renamed` belongs to calls things.
#[must_use]
pub fn carry(page: &Page, renamed: &Renamed) -> Page {
    let mut page = page.clone();
    let alarm = |name: &mut String| *name = renamed.alarm(name).into_owned();
    let of_point = |name: &mut String| *name = renamed.of_point(name).into_owned();
    page.alarms.iter_mut().for_each(|row| alarm(&mut row.alarm));
    page.bypasses.iter_mut().for_each(|row| row.point = renamed.point(&row.point).to_owned());
    for row in &mut page.trips {
        row.trip = renamed.trip(&row.trip).to_owned();
        row.alarm.iter_mut().for_each(alarm);
        row.vote.iter_mut().for_each(|vote| *vote = renamed.vote(vote).to_owned());
    }
    page.upkeep.iter_mut().for_each(|row| of_point(&mut row.upkeep));
    page.tests.iter_mut().for_each(|row| of_point(&mut row.upkeep));
    page.calls.iter_mut().for_each(|row| alarm(&mut row.alarm));
    page.answered.iter_mut().for_each(alarm);
    page
}

/// Alarms on the page that this configuration does not have, whatever it calls them.
#[must_use]
pub fn withdrawn(page: &Page, (names, renamed): (&Dictionary, &Renamed)) -> Vec<Withdrawn> {
    let leaves = |row: &&AlarmRow| names.alarm(&renamed.alarm(&row.alarm)).is_none();
    let rows = page.alarms.iter().filter(|row| row.state != AlarmState::Normal).filter(leaves);
    rows.map(|row| Withdrawn { alarm: row.alarm.clone(), state: row.state }).collect()
}

/// Trips that are not ready. An output that one of them held and does not drive in this configuration, be it renamed or another
/// trip's, is held through whatever trip drives it: none of them moves because somebody edited a file while the agent was away.
#[must_use]
pub fn trips(page: &Page, (site, names): (&Site, &Dictionary)) -> Vec<KeptTrip> {
    let specs = &site.matrix.trips;
    let mut kept: Vec<KeptTrip> = page.trips.iter().filter_map(|row| kept_trip(names, row)).collect();
    let mut held = BTreeSet::new();
    for row in &page.trips {
        let same = names.trip(&row.trip).and_then(|id| specs.get(id.index()));
        let driven: BTreeSet<&str> = same.into_iter().flat_map(|spec| outputs(spec, names)).collect();
        held.extend(row.outputs.iter().map(String::as_str).filter(|output| !driven.contains(output)));
    }
    for (trip, spec) in (0..).map(TripId).zip(specs) {
        let holds = outputs(spec, names).any(|output| held.contains(output));
        if holds && !kept.iter().any(|other| other.trip == trip) {
            kept.push(KeptTrip { trip, held: true, cause: None });
        }
    }
    kept
}

fn kept_trip(names: &Dictionary, row: &TripRow) -> Option<KeptTrip> {
    let alarm = row.alarm.as_deref().and_then(|name| names.alarm(name)).map(Cause::Alarm);
    let mut votes = (0..).map(VoteId).zip(&names.votes);
    let vote = votes.find(|(_, name)| row.vote.as_ref() == Some(name)).map(|(vote, _)| Cause::Vote(vote));
    Some(KeptTrip { trip: names.trip(&row.trip)?, held: row.held, cause: alarm.or(vote) })
}

fn carried(page: &Page, renamed: &Renamed) -> Vec<Line> {
    let line = |(zh, en): (&str, &str), from: &str, to: &str| {
        (from != to)
            .then(|| Line { zh: format!("{zh} {from} → {to}"), en: format!("{en} {from} → {to}") })
    };
    let alarms =
        page.alarms.iter().filter_map(|row| line(("报警", "alarm"), &row.alarm, &renamed.alarm(&row.alarm)));
    let bypasses = page.bypasses.iter();
    let bypasses = bypasses.filter_map(|row| line(("旁路", "bypass"), &row.point, renamed.point(&row.point)));
    let trips =
        page.trips.iter().filter_map(|row| line(("联锁", "trip"), &row.trip, renamed.trip(&row.trip)));
    trips.chain(alarms).chain(bypasses).collect()
}

/// A trip that is not ready, and a configuration that may follow.
struct Standing<'a> {
    row: &'a TripRow,
    page: &'a Page,
    before: (&'a Site, &'a Dictionary),
    after: &'a Loaded,
}

type Words = (String, String);

impl Standing<'_> {
    fn refusals(&self) -> Vec<Words> {
        let (site, names) = self.before;
        let id = names.trip(&self.row.trip);
        let spec = id.and_then(|id: TripId| site.matrix.trips.get(id.index()));
        let Some(next) = self.next() else {
            return vec![self.gone()];
        };
        let Some(spec) = spec else { return Vec::new() };
        let mut refusals = Vec::new();
        if spec.latch && !next.latch {
            refusals.push(
                self.words(
                    "新配置里它不再保持 (latch = false)",
                    "it would not latch any more (latch = false)",
                ),
            );
        }
        let kept: BTreeSet<&str> = outputs(next, &self.after.dictionary).collect();
        for output in outputs(spec, names).filter(|output| !kept.contains(output)) {
            refusals.push(self.words(
                &format!("新配置里它不再驱动输出 {output}"),
                &format!("it would not drive the output {output} any more"),
            ));
        }
        refusals.extend(spec.causes.iter().flat_map(|cause| self.cause(*cause, next)));
        refusals
    }

    /// The same trip in the configuration that follows.
    fn next(&self) -> Option<&TripSpec> {
        let id = self.after.dictionary.trip(self.after.renamed.trip(&self.row.trip))?;
        self.after.site.matrix.trips.get(id.index())
    }

    /// What the configuration that follows lacks of a cause that is not over: itself, its place among the causes, or what makes
    /// a vote stand.
    fn cause(&self, cause: Cause, next: &TripSpec) -> Vec<Words> {
        match cause {
            Cause::Alarm(alarm) => self.alarm(alarm, |id| next.causes.contains(&Cause::Alarm(id))),
            Cause::Vote(vote) => self.vote(vote, next),
        }
    }

    fn vote(&self, vote: VoteId, next: &TripSpec) -> Vec<Words> {
        let (site, names) = self.before;
        let Some(spec) = site.matrix.votes.get(vote.index()) else { return Vec::new() };
        let mut members = spec.channels.iter().chain(&spec.any_of);
        if !members.any(|alarm| self.stands(&names.alarm_name(*alarm))) {
            return Vec::new();
        }
        let name = self.after.renamed.vote(&spec.name);
        let found =
            (0..).map(VoteId).zip(&self.after.site.matrix.votes).find(|(_, vote)| &*vote.name == name);
        let Some((id, after)) = found else { return vec![self.lacks("表决", "vote", &spec.name)] };
        if !next.causes.contains(&Cause::Vote(id)) {
            return vec![self.no_cause("表决", "vote", &spec.name)];
        }
        let mut missing = Vec::new();
        if after.needed > spec.needed {
            missing.push(self.words(
                &format!("它的表决 {} 未恢复正常，新配置里需要更多通道", spec.name),
                &format!("its vote {} is not normal and would need more channels", spec.name),
            ));
        }
        let channels = spec.channels.iter().map(|alarm| (*alarm, &after.channels));
        for (alarm, members) in channels.chain(spec.any_of.iter().map(|alarm| (*alarm, &after.any_of))) {
            missing.extend(self.alarm(alarm, |id| members.contains(&id)));
        }
        missing
    }

    /// An alarm that is not normal has to be there, and where it was.
    fn alarm(&self, alarm: AlarmId, is_there: impl Fn(AlarmId) -> bool) -> Vec<Words> {
        let name = self.before.1.alarm_name(alarm);
        if !self.stands(&name) {
            return Vec::new();
        }
        let next: Cow<'_, str> = self.after.renamed.alarm(&name);
        match self.after.dictionary.alarm(&next) {
            None => vec![self.lacks("报警", "alarm", &name)],
            Some(id) if !is_there(id) => vec![self.no_cause("报警", "alarm", &name)],
            Some(_) => Vec::new(),
        }
    }

    fn stands(&self, alarm: &str) -> bool {
        self.page.alarms.iter().any(|row| row.alarm == alarm)
    }

    fn gone(&self) -> Words {
        let (trip, (zh, en)) = (&self.row.trip, self.state());
        (
            format!(
                "联锁 {trip} {zh}，新配置里没有它：{}，或在它的新名称下写 renamed_from = \"{trip}\"",
                self.end().0
            ),
            format!(
                "the trip {trip} {en} and the configuration lacks it: {}, or write renamed_from = \"{trip}\" where it has another name",
                self.end().1
            ),
        )
    }

    fn lacks(&self, zh: &str, en: &str, name: &str) -> Words {
        // As the site file names alarms.
        let name = name.replace('/', ":");
        self.words(
            &format!("它的{zh} {name} 未恢复正常而新配置里没有；改名则写 renamed_from"),
            &format!(
                "its {en} {name} is not normal and missing there; if it was renamed, write renamed_from"
            ),
        )
    }

    fn no_cause(&self, zh: &str, en: &str, name: &str) -> Words {
        let name = name.replace('/', ":");
        self.words(
            &format!("它的{zh} {name} 未恢复正常，新配置里不再是它的原因"),
            &format!("its {en} {name} is not normal and would not be among its causes any more"),
        )
    }

    fn words(&self, zh: &str, en: &str) -> Words {
        let (trip, state) = (&self.row.trip, self.state());
        (
            format!("联锁 {trip} {}，{zh}：{}", state.0, self.end().0),
            format!("the trip {trip} {}, {en}: {}", state.1, self.end().1),
        )
    }

    const fn state(&self) -> (&'static str, &'static str) {
        if self.row.held {
            ("已动作、等待复位", "is held until it is reset")
        } else {
            ("正在动作", "is tripped")
        }
    }

    fn end(&self) -> Words {
        let trip = &self.row.trip;
        (
            format!("先确认报警并复位 (hazard reset --trip {trip})"),
            format!("acknowledge the alarms and reset it first (hazard reset --trip {trip})"),
        )
    }
}

fn outputs<'a>(trip: &'a TripSpec, names: &'a Dictionary) -> impl Iterator<Item = &'a str> {
    trip.outputs.iter().filter_map(|output| names.outputs.get(output.index()).map(String::as_str))
}
