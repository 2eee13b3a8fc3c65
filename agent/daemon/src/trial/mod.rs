//! 试用: another configuration is in force for a limited time until somebody confirms it; otherwise the one before comes back by
//! itself, also after a power cut. This keeps the files and the time of a trial and its history; it never reads what a
//! configuration means.

mod files;
mod history;
mod last_good;
mod machine;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use files::{FILES_BYTES_MAX, Folder, Op, carry_out, is_pending, read_small};
pub use history::{History, ROWS_MAX};
pub use last_good::LastGood;
pub use machine::{Event, Phase, Refused, Seen, Start, Why, at_start};

/// The longest trial.
pub const WITHIN_MAX: Duration = Duration::from_secs(24 * 3600);
/// A trial that the agent left in order so often is over: without a clock nobody can tell how long it was away.
pub const PAUSES_MAX: u32 = 3;
/// Differences that a row of the history tells at most; all are counted.
pub const TOLD_MAX: usize = 50;

/// Whether the agent that carries a trial is there.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Carrier {
    /// It runs, or it ended without a word.
    Running,
    /// It ended in order.
    Paused,
}

/// When something was written, in every clock there is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Moment {
    /// The kernel's name for the boot.
    pub boot_id: String,
    /// Milliseconds since that boot.
    pub boot_ms: u64,
    /// Wall-clock time.
    pub utc_ms: i64,
    /// Whether the wall clock was synchronised.
    pub synced: bool,
}

impl Moment {
    /// How long after `self` another moment is; `None` when no clock tells.
    #[must_use]
    pub fn until(&self, later: &Self) -> Option<Duration> {
        if !self.boot_id.is_empty() && self.boot_id == later.boot_id {
            return Some(Duration::from_millis(later.boot_ms.saturating_sub(self.boot_ms)));
        }
        let between = later.utc_ms.checked_sub(self.utc_ms).filter(|_| self.synced && later.synced)?;
        u64::try_from(between).ok().map(Duration::from_millis)
    }
}

/// What is on trial, as it outlives a power cut.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Marker {
    /// Hash of the configuration that comes back.
    pub from: String,
    /// Hash of the configuration on trial.
    pub to: String,
    /// Who applied it.
    pub actor: String,
    /// Who approved it; may be empty.
    pub approver: String,
    /// How much time was left when this was written.
    pub left_ms: u64,
    /// When this was written.
    pub at: Moment,
    /// The file that says whether the clock is synchronised.
    pub sync_file: PathBuf,
    /// Whether the agent that carries it is there.
    pub carrier: Carrier,
    /// How often it was left in order.
    pub pauses: u32,
    /// What the row in the history tells.
    pub counts: BTreeMap<String, u32>,
}

/// What a configuration says: the site file, and the device templates that it names.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Files {
    /// The site file.
    pub site: String,
    /// Templates beside it by name; `None` where there is none, and the program's own counts.
    #[serde(default)]
    pub templates: BTreeMap<String, Option<String>>,
}

impl Files {
    /// Bytes of all texts.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.site.len() + self.templates.values().flatten().map(String::len).sum::<usize>()
    }
}

/// A difference as it is told.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Told {
    /// What it does to protection.
    pub class: String,
    /// In Chinese.
    pub zh: String,
    /// In English.
    pub en: String,
}

/// What happened to the configuration.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Put in force on trial.
    Applied,
    /// Put in force for good while no agent ran.
    Offline,
    /// Confirmed.
    Confirmed,
    /// Taken back by a person.
    RolledBack,
    /// Nobody confirmed in time.
    Expired,
    /// The agent or its power ended during the trial, or the agent could not start with it.
    Interrupted,
    /// Edited by hand.
    Unplanned,
}

/// A row of the history.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Row {
    /// Wall-clock time.
    pub at_ms: i64,
    /// How far that clock could be believed: `synced`, `free` or `unset`.
    pub clock: String,
    /// What happened.
    pub change: Change,
    /// Who; empty where nobody said so.
    pub actor: String,
    /// Who approved it; may be empty.
    pub approver: String,
    /// Why; may be empty.
    pub note: String,
    /// Hash before.
    pub from: String,
    /// Hash after.
    pub to: String,
    /// How long it is on trial, where it is.
    pub within_s: Option<u64>,
    /// How many differences there are of each class.
    pub counts: BTreeMap<String, u32>,
    /// The first of them.
    pub told: Vec<Told>,
    /// The journal has it.
    pub recorded: bool,
}
