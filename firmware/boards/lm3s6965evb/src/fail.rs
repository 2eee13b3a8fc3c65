//! The last resort: what a fault of the program leaves behind is an alarm and a chip that the watchdog resets.

use core::panic::PanicInfo;

use crate::chip::{PORT_F, PORT_G};

const ALL_PINS: usize = 0x3FC;

/// Relays and horn fall into alarm, the lamp goes out, and nothing feeds the watchdog any more.
pub(crate) fn alarm_and_wait() -> ! {
    PORT_F.register(ALL_PINS).write(0);
    PORT_G.register(ALL_PINS).write(0);
    loop {
        cortex_m::asm::nop();
    }
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    alarm_and_wait()
}

/// Bus, usage and memory faults escalate to it.
// SAFETY: it never returns and touches pins only.
#[cortex_m_rt::exception]
unsafe fn HardFault(_: &cortex_m_rt::ExceptionFrame) -> ! {
    alarm_and_wait()
}

/// No interrupt is ever taken: they are masked, and the one that cannot be masked is not wired.
// SAFETY: it never returns and touches pins only.
#[cortex_m_rt::exception]
unsafe fn DefaultHandler(_: i16) {
    alarm_and_wait()
}
