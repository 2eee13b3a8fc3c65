//! The last resort: what a fault of the program leaves behind is an alarm and a chip that the watchdog resets.

/// Masks interrupts, lets relays and horn fall into alarm by what the board says, and waits: nothing feeds the watchdog any more.
#[cfg(target_os = "none")]
pub fn fall_and_wait(fall: impl FnOnce()) -> ! {
    cortex_m::interrupt::disable();
    fall();
    loop {
        cortex_m::asm::nop();
    }
}

/// Leads panics, faults and interrupts that nobody expects to one function of the board, `fn() -> !`, which touches pins only and never
/// returns: [`fall_and_wait`] with the board's pins. Once in a program; the board depends on cortex-m-rt.
#[macro_export]
macro_rules! last_resort {
    ($alarm_and_wait:path) => {
        #[panic_handler]
        fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
            $alarm_and_wait()
        }

        /// Bus, usage and memory faults escalate to it.
        // SAFETY: it never returns and touches pins only.
        #[cortex_m_rt::exception]
        unsafe fn HardFault(_: &cortex_m_rt::ExceptionFrame) -> ! {
            $alarm_and_wait()
        }

        /// What has no handler of its own and so is never enabled, and the interrupt that cannot be masked.
        // SAFETY: it never returns and touches pins only.
        #[cortex_m_rt::exception]
        unsafe fn DefaultHandler(_: i16) {
            $alarm_and_wait()
        }
    };
}
