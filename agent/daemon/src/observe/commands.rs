//! Named commands in the status document and on the operator's screen.

use std::collections::BTreeMap;

use hazard_core::device_command::{
    Bounds, CommandChange, CommandCount, CommandEvent, CommandFailure, CommandState,
};
use hazard_core::id::DeviceCommandId;
use hazard_core::link::LinkFault;
use hazard_core::{Snapshot, Stamp, Value};
use serde::{Deserialize, Serialize};

use super::status::Word;
use super::tell::time;
use super::texts::{self, pick};
use crate::config::Lang;
use crate::dictionary::Dictionary;
use crate::words;

/// A command: what it may write, and what became of it last.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct CommandRow {
    /// Its name on the site.
    pub command: String,
    /// For people, in Chinese.
    pub zh: String,
    /// In English.
    pub en: String,
    /// Its device.
    pub device: String,
    /// Unit of its value; may be empty.
    pub unit: String,
    /// What it always writes; `None` where people say it.
    pub value: Option<f64>,
    /// At least.
    pub min: Option<f64>,
    /// At most.
    pub max: Option<f64>,
    /// In such steps.
    pub step: Option<f64>,
    /// `routine`, `calibration` or `protection`.
    pub risk: Word,
    /// A reason is needed.
    pub reason: bool,
    /// Another person approves it.
    pub second_person: bool,
    /// After so many seconds it is not sent any more.
    pub deadline_s: u64,
    /// The number of the one under way.
    pub pending: Option<u64>,
    /// What was told of it last.
    pub last: Option<LastCommand>,
    /// What became of it since the start.
    #[serde(default)]
    pub counts: CommandCounts,
}

/// What became of a command since the start. `accepted` is the sum of all outcomes and what is open, without what the
/// run before had accepted and the restart lost.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct CommandCounts {
    /// Let wait for its turn on the line.
    pub accepted: u64,
    /// Done, and read back.
    pub confirmed: u64,
    /// Done by the device's echo: nothing can be read back.
    pub answered: u64,
    /// Sent, and not shown by the device.
    pub unverified: u64,
    /// Nothing was written: the device refused or could not be reached.
    pub failed: u64,
    /// Nothing was written: its time was over.
    pub expired: u64,
    /// The agent ended before the outcome was known: told by the run that followed.
    pub lost: u64,
    /// Asked for and not accepted.
    pub refused: u64,
    /// The outcome is not known yet.
    pub open: u64,
}

impl From<CommandCount> for CommandCounts {
    fn from(count: CommandCount) -> Self {
        let CommandCount { accepted, confirmed, answered, unverified, .. } = count;
        let CommandCount { failed, expired, lost, refused, .. } = count;
        let open = count.open();
        Self { accepted, confirmed, answered, unverified, failed, expired, lost, refused, open }
    }
}

impl CommandCounts {
    /// The outcomes by name; [`Self::accepted`] and [`Self::open`] are none.
    pub(super) const fn outcomes(&self) -> [(&'static str, u64); 7] {
        [
            ("confirmed", self.confirmed),
            ("answered", self.answered),
            ("unverified", self.unverified),
            ("failed", self.failed),
            ("expired", self.expired),
            ("lost", self.lost),
            ("refused", self.refused),
        ]
    }

    const fn plus(self, other: Self) -> Self {
        Self {
            accepted: self.accepted.saturating_add(other.accepted),
            confirmed: self.confirmed.saturating_add(other.confirmed),
            answered: self.answered.saturating_add(other.answered),
            unverified: self.unverified.saturating_add(other.unverified),
            failed: self.failed.saturating_add(other.failed),
            expired: self.expired.saturating_add(other.expired),
            lost: self.lost.saturating_add(other.lost),
            refused: self.refused.saturating_add(other.refused),
            open: self.open.saturating_add(other.open),
        }
    }
}

/// Commands that get series of their own; those of a site with more are summed by device.
pub const COMMANDS_MAX: usize = 200;

/// Labels of a series: their names and values.
type Labels<'a> = [(&'static str, &'a str); 2];

/// What is counted: by device and command, or by device alone, with no command's name, where there are too many.
pub(super) fn counted(rows: &[CommandRow]) -> Vec<(Labels<'_>, CommandCounts)> {
    let labels = |device, command| [("device", device), ("command", command)];
    if rows.len() <= COMMANDS_MAX {
        return rows.iter().map(|row| (labels(&*row.device, &*row.command), row.counts)).collect();
    }
    let mut devices: BTreeMap<&str, CommandCounts> = BTreeMap::new();
    for row in rows {
        let sum = devices.entry(&row.device).or_default();
        *sum = sum.plus(row.counts);
    }
    devices.into_iter().map(|(device, sum)| (labels(device, ""), sum)).collect()
}

/// What was told of a command last.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct LastCommand {
    /// When, RFC 3339.
    pub at: String,
    /// Which of those that were accepted.
    pub nth: u64,
    /// `accepted`, `done`, `unverified`, `failed` or `lost`.
    pub change: Word,
    /// What was to be written.
    pub value: f64,
    /// What stood there before.
    pub before: Option<f64>,
    /// What was read back.
    pub read_back: Option<f64>,
    /// Why not: a fault of the line, or `expired`.
    pub fault: Option<Word>,
    /// Who.
    pub actor: String,
    /// Who approved it.
    pub approver: String,
    /// Why.
    pub note: String,
}

/// All commands of a site.
pub(super) fn rows(snapshot: &Snapshot, dictionary: &Dictionary) -> Vec<CommandRow> {
    let commands = (0..).map(DeviceCommandId).zip(&snapshot.commands);
    commands.map(|(id, state)| row(id, state, dictionary)).collect()
}

fn row(id: DeviceCommandId, state: &CommandState, dictionary: &Dictionary) -> CommandRow {
    let entry = dictionary.commands.get(id.index()).cloned();
    let name = dictionary.command_name(id);
    let (zh, en) = entry.as_ref().map_or((name.clone(), name.clone()), |e| (e.zh.clone(), e.en.clone()));
    let (value, min, max, step) = match state.bounds {
        Bounds::Fixed(value) => (Some(value), None, None, None),
        Bounds::Given { min, max, step } => (None, Some(min), Some(max), step),
    };
    CommandRow {
        command: name,
        zh,
        en,
        device: entry.as_ref().map(|entry| entry.device.clone()).unwrap_or_default(),
        unit: entry.map(|entry| entry.unit).unwrap_or_default(),
        value: number(value),
        min: number(min),
        max: number(max),
        step: number(step),
        risk: words::risk(state.risk).into(),
        reason: state.needs.reason,
        second_person: state.needs.second_person,
        deadline_s: state.deadline.as_secs(),
        pending: state.pending,
        last: state.told.as_ref().map(last),
        counts: state.count.into(),
    }
}

fn last((stamp, event): &(Stamp, CommandEvent)) -> LastCommand {
    let (before, read_back, fault) = match event.change {
        CommandChange::Accepted { .. } | CommandChange::Lost => (None, None, None),
        CommandChange::Done { before, read_back } => (before, read_back, None),
        CommandChange::Unverified { before, read_back, fault } => {
            (before, read_back, fault.map(words::link_fault))
        }
        CommandChange::Failed { before, why } => (before, None, Some(failure(why))),
    };
    LastCommand {
        at: time(stamp.utc),
        nth: event.nth,
        change: words::device_command(event.change).into(),
        value: event.value.get(),
        before: number(before),
        read_back: number(read_back),
        fault: fault.map(Into::into),
        actor: event.actor.clone(),
        approver: event.approver.clone(),
        note: event.note.clone(),
    }
}

const fn failure(why: CommandFailure) -> &'static str {
    match why {
        CommandFailure::Link(LinkFault::Refused(exception)) => words::exception(exception),
        CommandFailure::Link(fault) => words::link_fault(fault),
        CommandFailure::Expired => words::EXPIRED,
    }
}

fn number(value: Option<Value>) -> Option<f64> {
    value.map(Value::get)
}

impl CommandRow {
    /// The row of the screen.
    pub(super) fn cells(&self, lang: Lang) -> Vec<String> {
        let with_unit = |number: f64| format!("{number} {}", self.unit).trim_end().to_owned();
        let bounds = match (self.value, self.min, self.max, self.step) {
            (Some(value), ..) => format!("= {}", with_unit(value)),
            (None, Some(min), Some(max), Some(step)) => format!("{min}…{} / {step}", with_unit(max)),
            (None, Some(min), Some(max), None) => format!("{min}…{}", with_unit(max)),
            (None, ..) => String::new(),
        };
        let mut needs = vec![texts::risk(&self.risk, lang)];
        needs.extend(self.reason.then(|| pick(lang, "写原因", "reason")));
        needs.extend(self.second_person.then(|| pick(lang, "另一人批准", "second person")));
        let last = self.last.as_ref().map(|last| last.text(lang)).unwrap_or_default();
        vec![
            self.command.clone(),
            match lang {
                Lang::Zh => self.zh.clone(),
                Lang::En => self.en.clone(),
            },
            self.device.clone(),
            bounds,
            needs.join(pick(lang, "、", ", ")),
            last,
        ]
    }

    /// The row of what became of it last; none of what nobody has sent.
    pub(super) fn last_cells(&self, lang: Lang) -> Option<Vec<String>> {
        let last = self.last.as_ref()?;
        Some(vec![self.command.clone(), self.device.clone(), last.text(lang)])
    }
}

impl LastCommand {
    /// Whether nothing more will be told of it.
    #[must_use]
    pub fn is_over(&self) -> bool {
        &*self.change != "accepted"
    }

    /// What became of it, in one line.
    #[must_use]
    pub fn text(&self, lang: Lang) -> String {
        let shown = |number: Option<f64>| number.map_or_else(|| "—".to_owned(), |number| number.to_string());
        let (before, read_back) = (shown(self.before), shown(self.read_back));
        let fault = self.fault.as_deref().unwrap_or_default();
        let said = match (&*self.change, self.read_back) {
            ("done", Some(_)) => match lang {
                Lang::Zh => format!("✔ 已写入并读回 {read_back}（原为 {before}）"),
                Lang::En => format!("✔ written and read back as {read_back} (was {before})"),
            },
            ("done", None) => {
                pick(lang, "✔ 设备已应答，不读回", "✔ the device answered; it is not read back").into()
            }
            ("unverified", _) => match lang {
                Lang::Zh => {
                    format!("✘ 不一致：要写 {}，读回 {read_back}（原为 {before}）{fault}", self.value)
                }
                Lang::En => {
                    format!(
                        "✘ discrepancy: {} was sent, {read_back} is read (was {before}) {fault}",
                        self.value
                    )
                }
            },
            ("failed", _) => match lang {
                Lang::Zh => format!("✘ 没有写入：{fault}"),
                Lang::En => format!("✘ nothing was written: {fault}"),
            },
            ("lost", _) => pick(
                lang,
                "✘ 代理重启，结果不明，不会补发",
                "✘ lost in a restart: outcome unknown, not sent again",
            )
            .into(),
            _ => pick(lang, "… 进行中", "… under way").to_owned(),
        };
        format!("{} {} {}", said.trim_end(), self.actor, self.at)
    }
}
