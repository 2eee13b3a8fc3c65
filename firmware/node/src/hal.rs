//! What a board must offer beyond embedded-hal: an analogue input, a clock and a watchdog.

use hazard_field::Mono;

/// One reading of an analogue input, in the board's own counts.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum AnalogReading {
    /// Converted; for 4–20 mA inputs in microampere.
    Raw(i32),
    /// The converter failed or the input is broken.
    Fault,
}

/// An analogue input.
pub trait AnalogIn {
    /// The latest conversion; never waits.
    fn read(&mut self) -> AnalogReading;
}

/// A monotonic clock; the node guards itself against one that steps back.
pub trait Clock {
    /// The time since the start.
    fn now(&mut self) -> Mono;
}

/// A watchdog, to be fed only after a complete measuring pass.
pub trait Watchdog {
    /// Starts its time over.
    fn feed(&mut self);
}
