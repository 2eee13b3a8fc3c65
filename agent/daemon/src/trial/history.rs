//! The history of the configuration: who changed what, when, and whether it stayed. Bounded; the oldest rows go first.

use serde::{Deserialize, Serialize};

use super::{Change, Row};

/// Rows that are kept.
pub const ROWS_MAX: usize = 100;

/// The history, oldest row first.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct History {
    /// Hash of the configuration that ran last.
    pub current: String,
    /// The rows.
    pub rows: Vec<Row>,
}

impl History {
    /// Adds a row; a trial that came back is said once, also when a power cut came between saying and forgetting.
    pub fn add(&mut self, row: Row) {
        self.current.clone_from(if is_back(row.change) { &row.from } else { &row.to });
        let is_said = |last: &Row| {
            is_back(row.change) && is_back(last.change) && (&last.from, &last.to) == (&row.from, &row.to)
        };
        if self.rows.last().is_some_and(is_said) {
            return;
        }
        self.rows.push(row);
        self.rows.drain(..self.rows.len().saturating_sub(ROWS_MAX));
    }

    /// The configuration before the one that runs.
    #[must_use]
    pub fn before(&self) -> Option<&str> {
        let took = |row: &&Row| {
            matches!(row.change, Change::Applied | Change::Offline | Change::Unplanned)
                && row.to == self.current
                && row.from != self.current
                && !row.from.is_empty()
        };
        self.rows.iter().rev().find(took).map(|row| &*row.from)
    }

    /// Every hash that a row names, the newest first.
    pub fn hashes(&self) -> impl Iterator<Item = &str> {
        let rows = self.rows.iter().rev().flat_map(|row| [&*row.to, &*row.from]);
        std::iter::once(&*self.current).chain(rows).filter(|hash| !hash.is_empty())
    }
}

/// Whether the configuration before is in force after such a row.
pub(super) const fn is_back(change: Change) -> bool {
    match change {
        Change::RolledBack | Change::Expired | Change::Interrupted => true,
        Change::Applied | Change::Offline | Change::Confirmed | Change::Unplanned => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(change: Change, from: &str, to: &str) -> Row {
        Row {
            at_ms: 0,
            clock: "free".into(),
            change,
            actor: String::new(),
            approver: String::new(),
            note: String::new(),
            from: from.into(),
            to: to.into(),
            within_s: None,
            counts: Default::default(),
            told: Vec::new(),
            recorded: false,
        }
    }

    #[test]
    fn the_oldest_rows_go_first() {
        let mut history = History::default();
        for number in 0..=ROWS_MAX {
            history.add(row(Change::Unplanned, &number.to_string(), &(number + 1).to_string()));
        }
        assert_eq!((history.rows.len(), &*history.rows[0].from), (ROWS_MAX, "1"));
        assert_eq!(history.before(), Some("100"));
    }

    #[test]
    fn what_came_back_is_what_runs_and_is_said_once() {
        let mut history = History::default();
        history.add(row(Change::Applied, "a", "b"));
        assert_eq!((&*history.current, history.before()), ("b", Some("a")));
        history.add(row(Change::Expired, "a", "b"));
        history.add(row(Change::Interrupted, "a", "b"));
        assert_eq!((history.rows.len(), &*history.current, history.before()), (2, "a", None));
        history.add(row(Change::Applied, "a", "b"));
        history.add(row(Change::RolledBack, "a", "b"));
        assert_eq!(history.rows.len(), 4);
    }
}
