//! The states of an alarm and what leads from one to another (ISA-18.2-2016 §5.4, IEC 62682). Being put aside covers a state
//! and changes none: what was latched or unacknowledged before is so after.

use crate::outbox::record::AlarmState;

/// What moves an alarm.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AlarmInput {
    /// Its condition began to stand.
    Raised,
    /// Its condition ended.
    Returned,
    /// Somebody acknowledged it.
    Acknowledged,
    /// Somebody reset it.
    Reset,
    /// It was put aside and is back, and its condition stands or not.
    Released {
        /// The condition stands.
        stands: bool,
    },
}

/// Why an alarm is put aside; the later variant is the stronger reason and names the state.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Withheld {
    /// A person put it aside for a limited time.
    Shelved,
    /// The plant's logic makes it meaningless.
    Suppressed,
    /// Its point is bypassed.
    OutOfService,
}

impl Withheld {
    /// The state that people see meanwhile.
    #[must_use]
    pub const fn state(self) -> AlarmState {
        match self {
            Self::Shelved => AlarmState::Shelved,
            Self::Suppressed => AlarmState::Suppressed,
            Self::OutOfService => AlarmState::OutOfService,
        }
    }
}

/// The state after `input`; the same state where `input` has no effect. Those of being put aside only cover another one,
/// and nothing moves them here.
#[must_use]
pub const fn step(state: AlarmState, input: AlarmInput, latch: bool) -> AlarmState {
    use AlarmInput::{Acknowledged, Raised, Released, Reset, Returned};
    use AlarmState::{
        Acked, LatchedAcked, LatchedUnacked, Normal, OutOfService, RtnUnacked, Shelved, Suppressed, Unacked,
    };
    match (state, input) {
        (Shelved | Suppressed | OutOfService, _) => state,
        (Normal | RtnUnacked | LatchedUnacked | LatchedAcked, Raised) => Unacked,
        // Whoever acknowledged it did so before it was put aside: that it stands is news to the next shift.
        (_, Released { stands: true }) => Unacked,
        // Nobody was told that it ended: it is as if it had ended just then.
        (Unacked, Returned | Released { .. }) if latch => LatchedUnacked,
        (Unacked, Returned | Released { .. }) => RtnUnacked,
        (Acked, Returned | Released { .. }) if latch => LatchedAcked,
        (Acked, Returned | Released { .. }) => Normal,
        (Unacked, Acknowledged) => Acked,
        (RtnUnacked, Acknowledged) => Normal,
        (LatchedUnacked, Acknowledged) => LatchedAcked,
        (LatchedAcked, Reset) => Normal,
        (Unacked | Acked, Raised)
        | (Normal | RtnUnacked | LatchedUnacked | LatchedAcked, Returned)
        | (Normal | Acked | LatchedAcked, Acknowledged)
        | (Normal | Unacked | Acked | RtnUnacked | LatchedUnacked, Reset)
        | (Normal | RtnUnacked | LatchedUnacked | LatchedAcked, Released { .. }) => state,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every state × input × latch, so that a change of any cell is a change of this table.
    #[test]
    fn the_whole_transition_table() {
        use AlarmInput::{Acknowledged, Raised, Released, Reset, Returned};
        use AlarmState::{
            Acked as C, LatchedAcked as F, LatchedUnacked as E, Normal as A, OutOfService as I,
            RtnUnacked as D, Shelved as G, Suppressed as H, Unacked as B,
        };
        let rows = [
            // The letters are ISA-18.2's: state; raised, returned, returned (latching), acknowledged, reset. Released while
            // its condition stands it is unacknowledged, released while it is quiet it has returned.
            (A, B, A, A, A, A),
            (B, B, D, E, C, B),
            (C, C, A, F, C, C),
            (D, B, D, D, A, D),
            (E, B, E, E, F, E),
            (F, B, F, F, F, A),
            (G, G, G, G, G, G),
            (H, H, H, H, H, H),
            (I, I, I, I, I, I),
        ];
        for (state, raised, returned, latched, acknowledged, reset) in rows {
            let covers = matches!(state, G | H | I);
            for latch in [false, true] {
                let to = |input| step(state, input, latch);
                assert_eq!(to(Raised), raised, "{state:?}");
                assert_eq!(to(Returned), if latch { latched } else { returned }, "{state:?}");
                assert_eq!(to(Acknowledged), acknowledged, "{state:?}");
                assert_eq!(to(Reset), reset, "{state:?}");
                assert_eq!(to(Released { stands: true }), if covers { state } else { B }, "{state:?}");
                assert_eq!(to(Released { stands: false }), to(Returned), "{state:?}");
            }
        }
        let aside = [(Withheld::Shelved, G), (Withheld::Suppressed, H), (Withheld::OutOfService, I)];
        assert!(aside.iter().all(|(why, state)| why.state() == *state));
    }
}
