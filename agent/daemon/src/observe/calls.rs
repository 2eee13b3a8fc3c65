//! Open calls in the status document and on the operator's screen.

use hazard_core::Snapshot;
use hazard_core::snapshot::CallState;
use serde::{Deserialize, Serialize};

use super::status::Word;
use super::tell::{at, named, time};
use super::texts::{self, pick};
use crate::config::Lang;
use crate::dictionary::Dictionary;
use crate::words;

/// What is open, and what became of orders since the start of the run.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Calls {
    /// Calls that nobody has answered, in the order of their alarms.
    pub open: Vec<CallRow>,
    /// Roles that can be called.
    pub roles: usize,
    /// Orders that arrived.
    pub delivered: u64,
    /// Orders that did not: the way there.
    pub unreachable: u64,
    /// Orders that did not: the receiver will not have them.
    pub refused: u64,
    /// Orders that did not: too many were waiting.
    pub crowded: u64,
    /// Orders that did not: nobody said what became of them.
    pub unreported: u64,
    /// Calls that a person answered.
    pub answered: u64,
    /// Calls for which nobody was left.
    pub exhausted: u64,
}

/// A call that nobody has answered.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CallRow {
    /// `GT-101/high`.
    pub alarm: String,
    /// `low`, `medium`, `high` or `critical`.
    pub priority: Word,
    /// When this run learned of it, RFC 3339.
    pub since: String,
    /// Seconds that it has been open, over restarts.
    pub open_s: u64,
    /// The rung called last, from 1; `None` while the first is not due.
    pub rung: Option<u8>,
    /// The roles of that rung.
    pub roles: Vec<String>,
    /// Orders that told of it.
    pub attempts: u32,
    /// `delivered`, or the fault; `None` while no outcome is known.
    pub last_delivery: Option<Word>,
    /// When that was known, RFC 3339.
    pub last_at: Option<String>,
    /// Nobody is left to call.
    pub exhausted: bool,
}

impl Calls {
    pub(super) fn new(snapshot: &Snapshot, dictionary: &Dictionary) -> Self {
        let count = snapshot.call_count;
        let [unreachable, refused, crowded, unreported] = count.failed;
        Self {
            open: snapshot.calls.iter().map(|call| row(call, snapshot, dictionary)).collect(),
            roles: dictionary.roles.len(),
            delivered: count.delivered,
            unreachable,
            refused,
            crowded,
            unreported,
            answered: count.answered,
            exhausted: count.exhausted,
        }
    }

    /// The rows of the screen.
    pub(super) fn cells(&self, lang: Lang) -> Vec<Vec<String>> {
        self.open.iter().map(|row| row.cells(lang)).collect()
    }
}

fn row(state: &CallState, snapshot: &Snapshot, dictionary: &Dictionary) -> CallRow {
    let call = &state.call;
    let last = call.last_delivery;
    let open = call.before.saturating_add(snapshot.stamp.mono.since(call.since));
    CallRow {
        alarm: dictionary.alarm_name(call.alarm),
        priority: words::priority(call.priority).into(),
        since: time(at(snapshot, call.since)),
        open_s: open.as_secs(),
        rung: call.rung.map(|rung| rung.saturating_add(1)),
        roles: state.roles.iter().map(|role| named(&dictionary.roles, role.index())).collect(),
        attempts: call.attempts,
        last_delivery: last.map(|(_, outcome)| outcome.map_or_else(words::delivery, |()| "delivered").into()),
        last_at: last.map(|(known, _)| time(at(snapshot, known))),
        exhausted: call.is_exhausted,
    }
}

impl CallRow {
    fn cells(&self, lang: Lang) -> Vec<String> {
        let (minutes, seconds) = (self.open_s / 60, self.open_s % 60);
        let rung = match (self.rung, lang) {
            (None, _) => String::new(),
            (Some(rung), Lang::Zh) => format!("第 {rung} 级，叫 {} 次", self.attempts),
            (Some(rung), Lang::En) => format!("rung {rung}, orders {}", self.attempts),
        };
        let last = self.last_delivery.as_deref().map(|word| texts::delivery(word, lang).to_owned());
        let vain = if self.exhausted {
            pick(lang, "已叫遍，没有人应答", "everybody called in vain")
        } else {
            ""
        };
        vec![
            format!("▲ {}", texts::priority(&self.priority, lang)),
            self.alarm.clone(),
            format!("{minutes}:{seconds:02}"),
            rung,
            self.roles.join("、"),
            last.unwrap_or_default(),
            vain.to_owned(),
        ]
    }
}
