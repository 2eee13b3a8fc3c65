//! Time since the start from timer 2, and the independent watchdog, which runs from an oscillator of its own.

use hazard_field::Mono;
use hazard_node::clock::Ticks;
use hazard_node::{Clock, Watchdog};
use stm32f4xx_hal::pac::TIM2;
use stm32f4xx_hal::timer::CounterUs;
use stm32f4xx_hal::watchdog::IndependentWatchdog;

/// Microseconds of a timer of 32 bits that runs freely.
pub(crate) struct Microseconds {
    timer: CounterUs<TIM2>,
    ticks: Ticks,
}

impl Microseconds {
    /// The timer must have been started with the longest period.
    pub(crate) const fn new(timer: CounterUs<TIM2>) -> Self {
        Self { timer, ticks: Ticks::new(1_000_000) }
    }
}

impl Clock for Microseconds {
    fn now(&mut self) -> Mono {
        self.ticks.at(self.timer.now().ticks())
    }
}

/// The watchdog; once started, only a reset stops it.
pub(crate) struct ChipWatchdog(pub(crate) IndependentWatchdog);

impl Watchdog for ChipWatchdog {
    fn feed(&mut self) {
        self.0.feed();
    }
}
