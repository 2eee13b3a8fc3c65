//! Alarms that are put aside, and whoever wrote down how they stood before: being put aside acknowledges nothing and resets
//! nothing.

use hazard_core::id::AlarmId;
use hazard_core::outbox::record::AlarmState;

use super::acts::is_aside;

/// The notebook: where each alarm stood when it was put aside.
pub(super) struct Covers(Vec<AlarmState>);

impl Covers {
    pub(super) fn new(alarms: usize) -> Self {
        Self(vec![AlarmState::Normal; alarms])
    }

    /// Takes a change of an alarm; says what is not as it must be. `booted`: a restart lies between the two states.
    pub(super) fn look(
        &mut self,
        (alarm, latch): (AlarmId, bool),
        (before, after): (AlarmState, AlarmState),
        booted: bool,
    ) -> Option<String> {
        let covered = &mut self.0[alarm.index()];
        if is_aside(after) {
            *covered = if is_aside(before) { *covered } else { before };
            return None;
        }
        // A restart acknowledges nothing and takes no acknowledgement back.
        let kept = booted && after == *covered;
        let as_it_was = after == AlarmState::Unacked || after == at_rest(*covered, latch) || kept;
        (is_aside(before) && !as_it_was)
            .then(|| format!("law 6: {alarm:?} was {covered:?} before it was put aside, and is {after:?}"))
    }
}

/// How often an alarm that had to stand was looked at, and how often it was aside, where nobody sees whether it stands.
#[derive(Clone, Copy, Debug, Default)]
pub struct Excuses {
    /// Looks at alarms that had to stand.
    pub due: u64,
    /// Those at alarms that were put aside.
    pub aside: u64,
    /// Acts of people on one alarm that changed something.
    pub on_one: u64,
}

impl Excuses {
    pub(super) fn stands(&mut self, state: AlarmState) -> bool {
        self.due += 1;
        self.aside += u64::from(is_aside(state));
        is_aside(state) || matches!(state, AlarmState::Unacked | AlarmState::Acked)
    }
}

/// Where an alarm stands when its condition has ended: what was latched or unacknowledged still is.
const fn at_rest(state: AlarmState, latch: bool) -> AlarmState {
    use AlarmState::{Acked, LatchedAcked, LatchedUnacked, Normal, RtnUnacked, Unacked};
    match state {
        Unacked if latch => LatchedUnacked,
        Unacked => RtnUnacked,
        Acked if latch => LatchedAcked,
        Acked => Normal,
        _ => state,
    }
}
