//! The last resort: what a fault of the program leaves behind is an alarm and a chip that the watchdog resets.

use stm32f4xx_hal::pac;

hazard_cortex::last_resort!(alarm_and_wait);

/// Relays and horn (PC0 to PC3) fall into alarm, the lamps (PB12 to PB14) go out, and nothing feeds the watchdog any more.
pub(crate) fn alarm_and_wait() -> ! {
    hazard_cortex::fall_and_wait(|| {
        // SAFETY: whoever owned the ports never runs again.
        let (b, c) = unsafe { (&*pac::GPIOB::ptr(), &*pac::GPIOC::ptr()) };
        // SAFETY: the upper half resets pins of the port, and nothing else.
        unsafe {
            c.bsrr().write(|w| w.bits(0b1111 << 16));
            b.bsrr().write(|w| w.bits(0b111 << 28));
        }
    })
}
