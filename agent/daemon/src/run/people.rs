//! People's commands: names become numbers on the way in and numbers become names on the way out.

use std::time::Duration;

use hazard_core::Engine;
use hazard_core::id::{AlarmId, PointId, UpkeepId};
use hazard_core::input::{Action, Answer, Subject};
use hazard_core::outbox::record::{Refusal, Verb};
use hazard_core::upkeep::Mark;

use super::{Done, UnknownName};
use crate::control::{Deed, Finite, Refused};
use crate::dictionary::Dictionary;
use crate::observe::{TestReport, view};
use crate::words;

/// Why the engine is not asked.
pub(super) enum Unclear {
    /// Nothing has this name.
    Name(UnknownName),
    /// Nobody knows what was shown.
    View(Refused),
}

impl From<UnknownName> for Unclear {
    fn from(unknown: UnknownName) -> Self {
        Self::Name(unknown)
    }
}

/// What the engine is asked for.
pub(super) fn action(deed: Deed, (names, engine): (&Dictionary, &Engine)) -> Result<Action, Unclear> {
    let alarm = |name: String| names.alarm(&name).ok_or(UnknownName(name));
    let point = |tag: String| names.point(&tag).ok_or(UnknownName(tag));
    let test = |tag: String| -> Result<UpkeepId, UnknownName> {
        names.point(&tag).and_then(|point| engine.test_of(point)).ok_or(UnknownName(tag))
    };
    let some = |name: Option<String>| -> Result<Option<AlarmId>, UnknownName> { name.map(alarm).transpose() };
    Ok(match deed {
        Deed::Silence { alarm } => Action::Act(Verb::Silence, some(alarm)?),
        Deed::Acknowledge { alarm: None, seen } => {
            Action::ActOnShown { verb: Verb::Acknowledge, revision: shown(seen, engine)? }
        }
        Deed::Acknowledge { alarm, seen: _ } => Action::Act(Verb::Acknowledge, some(alarm)?),
        Deed::Reset { alarm } => Action::Act(Verb::Reset, some(alarm)?),
        Deed::Handle { alarm: name, cause } => Action::Handle(alarm(name)?, cause.into()),
        Deed::Shelve { alarm: name, lasts_s } => Action::Shelve(alarm(name)?, Duration::from_secs(lasts_s)),
        Deed::Unshelve { alarm: name } => Action::Unshelve(alarm(name)?),
        Deed::Bypass { point: tag, approver, lasts_s, whole_vote } => {
            let (point, lasts) = (point(tag)?, Duration::from_secs(lasts_s));
            if whole_vote {
                Action::BypassWholeVote { point, approver, lasts }
            } else {
                Action::Bypass { point, approver, lasts }
            }
        }
        Deed::Rearm { point: tag } => Action::EndBypass(point(tag)?),
        Deed::Answer { alarm: name } => Action::Answer(alarm(name)?),
        Deed::Send { command, approver, value } => Action::Send {
            command: names.command(&command).ok_or(UnknownName(command))?,
            value: value.map(|Finite(value)| value),
            approver: approver.unwrap_or_default(),
        },
        Deed::ResetTrip { trip } => Action::ResetTrip(names.trip(&trip).ok_or(UnknownName(trip))?),
        Deed::ResetRetentive => Action::ResetRetentive,
        Deed::BeginTest { point, duty, approver, applied } => {
            let name = format!("{point}/{}", duty.name());
            let upkeep = names.upkeep(&name).ok_or(UnknownName(name))?;
            Action::BeginTest { upkeep, approver, applied: applied.map(|Finite(value)| value) }
        }
        Deed::GasOn { point } => Action::MarkTest(test(point)?, Mark::Applied),
        Deed::GasOff { point } => Action::MarkTest(test(point)?, Mark::Removed),
        Deed::FinishTest { point } => Action::FinishTest(test(point)?),
        Deed::AbortTest { point } => Action::AbortTest(test(point)?),
    })
}

/// The revision that somebody looked at. One of another epoch says nothing of what this one raised.
fn shown(seen: Option<String>, engine: &Engine) -> Result<u64, Unclear> {
    let refused = |why: &str| {
        Unclear::View(Refused { subject: seen.clone().unwrap_or_default(), why: why.to_owned(), max: None })
    };
    let seen = seen.as_deref().ok_or_else(|| refused("view_missing"))?;
    let of_this_epoch = view::revision(seen, engine.epoch());
    of_this_epoch.filter(|revision| *revision <= engine.revision()).ok_or_else(|| refused("view_gone"))
}

/// A row's name; `#12` for one that is not known.
fn named(rows: &[String], index: usize) -> String {
    rows.get(index).cloned().unwrap_or_else(|| format!("#{index}"))
}

/// What the person is told.
pub(super) fn done(answer: Answer, names: &Dictionary) -> Done {
    let refused = |(subject, refusal): (Subject, Refusal)| Refused {
        subject: match subject {
            Subject::Alarm(AlarmId(id)) => names.alarm_name(AlarmId(id)),
            Subject::Point(PointId(id)) => names.point_name(PointId(id)),
            Subject::Vote(vote) => named(&names.votes, vote.index()),
            Subject::Trip(trip) => names.trip_name(trip),
            Subject::Upkeep(upkeep) => names.upkeep_name(upkeep),
            Subject::DeviceCommand(command) => names.command_name(command),
            Subject::Retentive => "retentive".to_owned(),
        },
        why: words::refusal(refusal).to_owned(),
        max: match refusal {
            Refusal::TooLong { max } => Some(max.as_secs()),
            Refusal::TooMany { max } => Some(max.into()),
            // Rounded up: a second early is refused again.
            Refusal::TooSoon { wait } => Some(wait.as_secs() + 1),
            _ => None,
        },
    };
    let test = answer.evidence.map(|evidence| Box::new(TestReport::new(&evidence, names)));
    Done {
        changed: answer.changed,
        alarms: answer.alarms.into_iter().map(|alarm| names.alarm_name(alarm)).collect(),
        refused: answer.refused.into_iter().map(refused).collect(),
        test,
    }
}
