//! Where the LM3S6965 has its peripherals (data sheet DS-LM3S6965, memory map), and its clock.

use crate::register::{Block, Register};

/// The core's frequency: the 8 MHz crystal through the PLL, 200 MHz divided by four.
pub(crate) const CLOCK_HZ: u32 = 50_000_000;

macro_rules! blocks {
    ($($name:ident = $address:literal, $what:literal;)*) => { $(
        #[doc = $what]
        // SAFETY: the data sheet's memory map; each block belongs to the one module that names it.
        pub(crate) const $name: Block = unsafe { Block::at($address) };
    )* };
}

blocks! {
    WATCHDOG = 0x4000_0000, "Watchdog timer.";
    PORT_A = 0x4000_4000, "The port that carries UART 0.";
    UART_0 = 0x4000_C000, "PL011, the field bus.";
    PORT_E = 0x4002_4000, "PL061, buttons and the interlock input.";
    PORT_F = 0x4002_5000, "PL061, relays and horn.";
    PORT_G = 0x4002_6000, "PL061, the lamp and the transceiver's direction.";
    TIMER_0 = 0x4003_0000, "GPTM: wakes the core once a millisecond.";
    SYSTEM = 0x400F_E000, "System control: clocks and reset causes.";
    SYSTICK = 0xE000_E010, "The core's own timer.";
    NVIC = 0xE000_E100, "Interrupt controller.";
}

const RCC: Register = SYSTEM.register(0x060);
const RIS: Register = SYSTEM.register(0x050);
const RCGC_0: Register = SYSTEM.register(0x100);
const RCGC_1: Register = SYSTEM.register(0x104);
const RCGC_2: Register = SYSTEM.register(0x108);
const RESET_CAUSE: Register = SYSTEM.register(0x05C);

/// Reset by the pin.
pub(crate) const CAUSE_PIN: u32 = 1;
/// Reset because power came.
pub(crate) const CAUSE_POWER: u32 = 1 << 1;
/// Reset because the supply was too low.
pub(crate) const CAUSE_BROWN_OUT: u32 = 1 << 2;
/// Reset by the watchdog.
pub(crate) const CAUSE_WATCHDOG: u32 = 1 << 3;
/// Reset by the program.
pub(crate) const CAUSE_SOFTWARE: u32 = 1 << 4;

/// Why the chip was reset; the causes are kept until they are cleared here.
pub(crate) fn take_reset_cause() -> u32 {
    let cause = RESET_CAUSE.read();
    RESET_CAUSE.write(0);
    cause
}

/// Starts PLL and peripherals. A crystal that does not oscillate leaves the chip on its internal oscillator: the node then
/// answers at a wrong speed and nobody hears it, but it measures and alarms.
pub(crate) fn start_clocks() {
    const BYPASS: u32 = 1 << 11;
    const POWER_DOWN: u32 = 1 << 13;
    const USE_DIVIDER: u32 = 1 << 22;
    const LOCKED: u32 = 1 << 6;
    const CRYSTAL_8_MHZ: u32 = 0xE << 6;
    const DIVIDE_BY_4: u32 = 3 << 23;
    RCC.set(BYPASS);
    RCC.write(DIVIDE_BY_4 | USE_DIVIDER | BYPASS | POWER_DOWN | CRYSTAL_8_MHZ);
    RCC.clear(POWER_DOWN);
    if (0..100_000).any(|_| RIS.read() & LOCKED != 0) {
        RCC.clear(BYPASS);
    }
    RCGC_0.set(1 << 3); // watchdog
    RCGC_1.set(1 << 16 | 1); // timer 0, UART 0
    RCGC_2.set(1 << 6 | 1 << 5 | 1 << 4 | 1); // ports A, E, F, G
    // The data sheet wants three cycles between a clock and the first access.
    cortex_m::asm::delay(8);
}
