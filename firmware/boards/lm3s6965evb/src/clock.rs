//! Time since the start from SysTick, which runs freely, and a wake-up once a millisecond from timer 0.
//!
//! Interrupts stay masked for ever: a pending one ends the core's sleep and no handler runs, so nothing preempts the loop.

use hazard_field::Mono;
use hazard_node::Clock;

use crate::chip::{CLOCK_HZ, NVIC, SYSTICK, TIMER_0};
use crate::register::Register;

const CONTROL: Register = SYSTICK.register(0x0);
const RELOAD: Register = SYSTICK.register(0x4);
const CURRENT: Register = SYSTICK.register(0x8);

const TIMER_CONFIG: Register = TIMER_0.register(0x000);
const TIMER_A_MODE: Register = TIMER_0.register(0x004);
const TIMER_CONTROL: Register = TIMER_0.register(0x00C);
const TIMER_MASK: Register = TIMER_0.register(0x018);
const TIMER_CLEAR: Register = TIMER_0.register(0x024);
const TIMER_A_LOAD: Register = TIMER_0.register(0x028);

const INTERRUPTS_ON: Register = NVIC.register(0x000);
const PENDING_OFF: Register = NVIC.register(0x180);

const WHOLE: u32 = 0x00FF_FFFF;
const UART_0_AND_TIMER_0: u32 = 1 << 5 | 1 << 19;

/// The clock. It has to be asked once in 335 ms, or it loses as much; it never goes back.
pub(crate) struct SysTick {
    last: u32,
    ticks: u64,
}

impl SysTick {
    /// Starts it at zero.
    pub(crate) fn start() -> Self {
        RELOAD.write(WHOLE);
        CURRENT.write(0);
        CONTROL.write(0b101);
        TIMER_CONFIG.write(0);
        TIMER_A_MODE.write(0x2);
        TIMER_A_LOAD.write(CLOCK_HZ / 1_000);
        TIMER_MASK.write(1);
        TIMER_CONTROL.write(1);
        INTERRUPTS_ON.write(UART_0_AND_TIMER_0);
        Self { last: CURRENT.read() & WHOLE, ticks: 0 }
    }

    /// Ticks of the core's clock since the start.
    pub(crate) fn ticks(&mut self) -> u64 {
        let current = CURRENT.read() & WHOLE;
        self.ticks += u64::from(self.last.wrapping_sub(current) & WHOLE);
        self.last = current;
        self.ticks
    }

    /// Sleeps until a byte arrives or the millisecond ends.
    pub(crate) fn doze() {
        cortex_m::asm::wfi();
        TIMER_CLEAR.write(1);
        PENDING_OFF.write(UART_0_AND_TIMER_0);
    }
}

impl Clock for SysTick {
    fn now(&mut self) -> Mono {
        Mono::from_micros(self.ticks() / u64::from(CLOCK_HZ / 1_000_000))
    }
}
