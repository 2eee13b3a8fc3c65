//! The last resort: what a fault of the program leaves behind is an alarm and a chip that the watchdog resets.

use core::panic::PanicInfo;

use stm32f4xx_hal::pac;

/// Relays and horn (PC0 to PC3) fall into alarm, the lamps (PB12 to PB14) go out, and nothing feeds the watchdog any more.
pub(crate) fn alarm_and_wait() -> ! {
    cortex_m::interrupt::disable();
    // SAFETY: whoever owned the ports never runs again.
    let (b, c) = unsafe { (&*pac::GPIOB::ptr(), &*pac::GPIOC::ptr()) };
    // SAFETY: the upper half resets pins of the port, and nothing else.
    unsafe {
        c.bsrr().write(|w| w.bits(0b1111 << 16));
        b.bsrr().write(|w| w.bits(0b111 << 28));
    }
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

/// The line's interrupt is the only one that is ever enabled.
// SAFETY: it never returns and touches pins only.
#[cortex_m_rt::exception]
unsafe fn DefaultHandler(_: i16) {
    alarm_and_wait()
}
