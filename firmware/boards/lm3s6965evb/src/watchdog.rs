//! The chip's watchdog: its first timeout is an interrupt that nobody takes, its second resets the chip.

use core::time::Duration;

use hazard_node::Watchdog;

use crate::chip::{CLOCK_HZ, WATCHDOG};
use crate::register::Register;

const LOAD: Register = WATCHDOG.register(0x000);
const CONTROL: Register = WATCHDOG.register(0x008);
const CLEAR: Register = WATCHDOG.register(0x00C);
const TEST: Register = WATCHDOG.register(0x418);
const LOCK: Register = WATCHDOG.register(0xC00);

const UNLOCK: u32 = 0x1ACC_E551;

/// A watchdog that runs and cannot be stopped.
pub(crate) struct ChipWatchdog;

impl ChipWatchdog {
    /// Starts it: the chip is reset when it was not fed for `span` (30 s at most).
    pub(crate) fn start(span: Duration) -> Self {
        let half_ms = u32::try_from(span.as_millis() / 2).unwrap_or(u32::MAX);
        LOCK.write(UNLOCK);
        // A debugger that stops the core stops the watchdog too.
        TEST.write(1 << 8);
        LOAD.write(half_ms.saturating_mul(CLOCK_HZ / 1_000));
        CONTROL.write(0b11);
        LOCK.write(0);
        Self
    }
}

impl Watchdog for ChipWatchdog {
    fn feed(&mut self) {
        LOCK.write(UNLOCK);
        CLEAR.write(1);
        LOCK.write(0);
    }
}
