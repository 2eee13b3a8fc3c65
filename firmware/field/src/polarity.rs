//! How a relay is driven: the one rule that the node's relays and the gateway's outputs share.

/// Whether a relay is energised in alarm or in peace. De-energise-to-alarm sounds when the gateway dies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Polarity {
    /// Energised while active.
    EnergiseToAlarm,
    /// Energised while inactive: power loss, a broken wire and a dead gateway look like an alarm.
    DeEnergiseToAlarm,
}

impl Polarity {
    /// Whether the relay must be energised.
    #[must_use]
    pub const fn energised(self, active: bool) -> bool {
        match self {
            Self::EnergiseToAlarm => active,
            Self::DeEnergiseToAlarm => !active,
        }
    }
}
