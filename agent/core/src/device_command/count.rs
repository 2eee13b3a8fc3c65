//! The ledger of a command: every one that was accepted in this run is open, or has become one of the outcomes.

use super::event::{CommandChange, CommandFailure};

/// What became of a command since the start.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct CommandCount {
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
    /// Ended with its outcome unknown, those that the restart before this run caught included.
    pub lost: u64,
    /// Of the lost ones those that the run before had accepted.
    pub lost_before: u64,
    /// Asked for and not accepted: who, why, what or when was wrong.
    pub refused: u64,
}

impl CommandCount {
    /// Those that were accepted in this run and have an outcome.
    #[must_use]
    pub const fn ended(&self) -> u64 {
        let done = self.confirmed.saturating_add(self.answered).saturating_add(self.unverified);
        let not_done = self.failed.saturating_add(self.expired);
        done.saturating_add(not_done).saturating_add(self.lost.saturating_sub(self.lost_before))
    }

    /// Those whose outcome is not known yet.
    #[must_use]
    pub const fn open(&self) -> u64 {
        self.accepted.saturating_sub(self.ended())
    }

    pub(super) const fn note(&mut self, change: CommandChange) {
        let sum = match change {
            CommandChange::Accepted { .. } => &mut self.accepted,
            CommandChange::Done { read_back: Some(_), .. } => &mut self.confirmed,
            CommandChange::Done { read_back: None, .. } => &mut self.answered,
            CommandChange::Unverified { .. } => &mut self.unverified,
            CommandChange::Failed { why: CommandFailure::Link(_), .. } => &mut self.failed,
            CommandChange::Failed { why: CommandFailure::Expired, .. } => &mut self.expired,
            CommandChange::Lost => &mut self.lost,
        };
        *sum = sum.saturating_add(1);
    }
}
