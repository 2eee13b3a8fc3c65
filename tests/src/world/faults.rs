//! What a world lets go wrong.

/// What is allowed to go wrong.
#[derive(Clone, Copy, Debug)]
pub struct Faults {
    /// Devices die, answer late, refuse; buses vanish.
    pub lines: bool,
    /// The disk is slow, full, broken.
    pub disk: bool,
    /// Connections break, confirmations get lost.
    pub broker: bool,
    /// The wall clock jumps.
    pub clock: bool,
    /// The gateway loses power.
    pub power: bool,
    /// People acknowledge, silence, handle, reset, shelve and bypass.
    pub people: bool,
}

impl Faults {
    /// Everything goes wrong.
    pub const ALL: Self =
        Self { lines: true, disk: true, broker: true, clock: true, power: true, people: true };
    /// Nothing goes wrong, but people act.
    pub const NONE: Self =
        Self { lines: false, disk: false, broker: false, clock: false, power: false, people: true };
}
