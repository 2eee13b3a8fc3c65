//! What a test leaves in the records: that it began, what was said meanwhile, and the evidence.

use alloc::boxed::Box;
use alloc::string::String;

use super::{Begun, Evidence, Mark};
use crate::id::UpkeepId;

/// A test went on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum UpkeepEvent {
    /// It began.
    Begun(Begun),
    /// Gas on, gas off.
    Marked {
        /// Which duty.
        upkeep: UpkeepId,
        /// What was said.
        mark: Mark,
        /// Who said it.
        actor: String,
    },
    /// It ended.
    Ended {
        /// All of it.
        evidence: Box<Evidence>,
        /// Who ended it; `None` where it ended by itself.
        actor: Option<String>,
        /// The actor's words.
        note: String,
    },
}
