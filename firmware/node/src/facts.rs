//! What the board and the loop know and the registers tell.

use hazard_field::Status;

use crate::hal::ResetCause;
use crate::image::Header;
use crate::rtu::Counts;
use crate::selftest::{Results, Tested};
use crate::store::SettingsState;

/// What the node is told by whoever runs it; a node on its own has none of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Facts {
    /// Why it started.
    pub reset_cause: ResetCause,
    /// How often it started; 0 when that cannot be kept.
    pub starts: u32,
    /// What the self-tests said.
    pub tests: Results,
    /// Where the settings came from and whether they are stored.
    pub settings: SettingsState,
    /// Sequence number of the stored settings.
    pub sequence: u32,
    /// The program image, once it was seen whole.
    pub image: Option<Header>,
    /// What the line brought.
    pub line: Counts,
    /// The longest turn of the loop, in microseconds.
    pub loop_max_us: u32,
}

impl Facts {
    /// The status bits of the node that follow.
    #[must_use]
    pub fn status(&self) -> Status {
        let failed = |vital: bool| {
            Tested::ALL.iter().any(|tested| tested.is_vital() == vital && self.tests.has_failed(*tested))
        };
        let (failure, maintenance) = match self.settings {
            SettingsState::Stored | SettingsState::ToBeStored => (false, false),
            SettingsState::Factory | SettingsState::OlderCopy | SettingsState::StoringFailed => (false, true),
            SettingsState::BothDamaged => (true, false),
        };
        Status::FAILURE.when(failure || failed(true))
            | Status::MAINTENANCE_REQUIRED.when(maintenance || failed(false))
    }
}
