//! What a person does to the configuration, over the same socket.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use super::Answer;

/// What a person does to the configuration.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "verb", rename_all = "snake_case", deny_unknown_fields)]
pub enum Configure {
    /// Put another one in force, on trial.
    Apply {
        /// Who.
        actor: String,
        /// Who approved it.
        approver: Option<String>,
        /// Why.
        note: String,
        /// What the site file shall say.
        text: String,
        /// What templates beside it shall say; one that is not named stays.
        #[serde(default)]
        templates: BTreeMap<String, Option<String>>,
        /// So many seconds without a confirmation, and the one before comes back.
        within_s: u64,
    },
    /// Confirm the one on trial.
    Confirm {
        /// Who.
        actor: String,
        /// The actor's words.
        note: String,
    },
    /// Take the one on trial back, or put an earlier one on trial.
    Rollback {
        /// Who.
        actor: String,
        /// Who approved it.
        approver: Option<String>,
        /// Why.
        note: String,
        /// The hash of the earlier one, or its beginning; the one before when absent.
        to: Option<String>,
        /// As for [`Self::Apply`].
        within_s: u64,
    },
}

/// What was done to the configuration.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Configured {
    /// Hash before.
    pub from: String,
    /// Hash after.
    pub to: String,
    /// How many differences there are.
    pub differences: u32,
    /// How many of them lower protection.
    pub lowered: u32,
    /// For so many seconds it is on trial; `None`: it is there to stay.
    pub within_s: Option<u64>,
}

/// Takes what a person wants and answers later; `false` when nobody takes it.
pub type Configurer = Arc<dyn Fn(Configure, oneshot::Sender<Answer>) -> bool + Send + Sync>;
