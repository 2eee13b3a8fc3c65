//! What the engine remembers of commands besides those under way.

use alloc::vec::Vec;

use super::count::CommandCount;
use super::event::CommandEvent;
use crate::site::Site;
use crate::{Mono, Stamp};

/// One place for each command of the site.
#[derive(Clone, Debug)]
pub(crate) struct Desk {
    /// When each was accepted last.
    pub(super) accepted_at: Vec<Option<Mono>>,
    /// What was told of each last.
    pub(super) told: Vec<Option<(Stamp, CommandEvent)>>,
    /// What became of each since the start.
    pub(super) counts: Vec<CommandCount>,
    /// How many were accepted.
    pub(super) accepted: u64,
    /// A configuration is on trial.
    pub(super) on_trial: bool,
}

impl Desk {
    pub(crate) fn new(site: &Site) -> Self {
        let commands = site.commands.len();
        Self {
            accepted_at: alloc::vec![None; commands],
            told: alloc::vec![None; commands],
            counts: alloc::vec![CommandCount::default(); commands],
            accepted: 0,
            on_trial: false,
        }
    }
}
