//! The last resort: what a fault of the program leaves behind is an alarm and a chip that the watchdog resets.

use crate::chip::{PORT_F, PORT_G};

const ALL_PINS: usize = 0x3FC;

hazard_cortex::last_resort!(alarm_and_wait);

/// Relays and horn fall into alarm, the lamp goes out, and nothing feeds the watchdog any more.
pub(crate) fn alarm_and_wait() -> ! {
    hazard_cortex::fall_and_wait(|| {
        PORT_F.register(ALL_PINS).write(0);
        PORT_G.register(ALL_PINS).write(0);
    })
}
