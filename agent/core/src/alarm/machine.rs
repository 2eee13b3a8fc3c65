//! The states of an alarm and what leads from one to another (ISA-18.2-2016 §5.4, IEC 62682).

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
    /// It is put aside.
    Withheld(Withheld),
    /// It is back in service, and its condition stands or not.
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

/// The state after `input`; the same state where `input` has no effect.
#[must_use]
pub const fn step(state: AlarmState, input: AlarmInput, latch: bool) -> AlarmState {
    use AlarmInput::{Acknowledged, Raised, Released, Reset, Returned};
    use AlarmState::{
        Acked, LatchedAcked, LatchedUnacked, Normal, OutOfService, RtnUnacked, Shelved, Suppressed, Unacked,
    };
    match (state, input) {
        (_, AlarmInput::Withheld(Withheld::Shelved)) => Shelved,
        (_, AlarmInput::Withheld(Withheld::Suppressed)) => Suppressed,
        (_, AlarmInput::Withheld(Withheld::OutOfService)) => OutOfService,
        // What was acknowledged or latched before may be long past: the process alone decides.
        (Shelved | Suppressed | OutOfService, Released { stands: true }) => Unacked,
        (Shelved | Suppressed | OutOfService, Released { stands: false }) => Normal,
        (Shelved | Suppressed | OutOfService, Raised | Returned | Acknowledged | Reset) => state,
        (Normal | RtnUnacked | LatchedUnacked | LatchedAcked, Raised) => Unacked,
        (Unacked, Returned) if latch => LatchedUnacked,
        (Unacked, Returned) => RtnUnacked,
        (Acked, Returned) if latch => LatchedAcked,
        (Acked, Returned) => Normal,
        (Unacked, Acknowledged) => Acked,
        (RtnUnacked, Acknowledged) => Normal,
        (LatchedUnacked, Acknowledged) => LatchedAcked,
        (LatchedAcked, Reset) => Normal,
        (Unacked | Acked, Raised)
        | (Normal | RtnUnacked | LatchedUnacked | LatchedAcked, Returned)
        | (Normal | Acked | LatchedAcked, Acknowledged)
        | (Normal | Unacked | Acked | RtnUnacked | LatchedUnacked, Reset)
        | (Normal | Unacked | Acked | RtnUnacked | LatchedUnacked | LatchedAcked, Released { .. }) => state,
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
            // The letters are ISA-18.2's: state; raised, returned, returned (latching), acknowledged, reset, released
            // while its condition stands, released while it is quiet.
            (A, B, A, A, A, A, A, A),
            (B, B, D, E, C, B, B, B),
            (C, C, A, F, C, C, C, C),
            (D, B, D, D, A, D, D, D),
            (E, B, E, E, F, E, E, E),
            (F, B, F, F, F, A, F, F),
            (G, G, G, G, G, G, B, A),
            (H, H, H, H, H, H, B, A),
            (I, I, I, I, I, I, B, A),
        ];
        for (state, raised, returned, latched, acknowledged, reset, standing, quiet) in rows {
            for latch in [false, true] {
                let to = |input| step(state, input, latch);
                assert_eq!(to(Raised), raised, "{state:?}");
                assert_eq!(to(Returned), if latch { latched } else { returned }, "{state:?}");
                assert_eq!(to(Acknowledged), acknowledged, "{state:?}");
                assert_eq!(to(Reset), reset, "{state:?}");
                assert_eq!(to(Released { stands: true }), standing, "{state:?}");
                assert_eq!(to(Released { stands: false }), quiet, "{state:?}");
                let aside = [(Withheld::Shelved, G), (Withheld::Suppressed, H), (Withheld::OutOfService, I)];
                for (why, withheld) in aside {
                    assert_eq!(to(AlarmInput::Withheld(why)), withheld, "{state:?}");
                }
            }
        }
    }
}
