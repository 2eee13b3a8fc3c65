//! Time that never steps back, whatever the board's clock does.

use core::time::Duration;

use hazard_field::Mono;

use crate::hal::Clock;

/// A clock whose steps back are left out: time goes on from where it was.
#[derive(Debug)]
pub struct Steady<C> {
    clock: C,
    last: Option<Mono>,
    now: Mono,
    steps_back: u32,
}

impl<C: Clock> Steady<C> {
    /// Starts at zero, whatever the clock reads.
    pub const fn new(clock: C) -> Self {
        Self { clock, last: None, now: Mono::ZERO, steps_back: 0 }
    }

    /// The time since the first call.
    pub fn now(&mut self) -> Mono {
        let read = self.clock.now();
        let last = self.last.replace(read).unwrap_or(read);
        if read < last {
            self.steps_back = self.steps_back.saturating_add(1);
        }
        self.now = self.now.after(read.since(last));
        self.now
    }

    /// How often the clock stepped back.
    #[must_use]
    pub const fn steps_back(&self) -> u32 {
        self.steps_back
    }
}

/// Makes a 32-bit tick counter that wraps into microseconds that do not. It must be read at least once in half a turn.
#[derive(Clone, Copy, Debug)]
pub struct Ticks {
    per_second: u32,
    last: u32,
    total: u64,
}

impl Ticks {
    /// For a counter of so many ticks a second that reads 0 at the start.
    #[must_use]
    pub const fn new(per_second: u32) -> Self {
        Self { per_second, last: 0, total: 0 }
    }

    /// The time at which the counter reads `ticks`. A counter that went back by less than half a turn stands still.
    pub fn at(&mut self, ticks: u32) -> Mono {
        const HALF: u32 = 1 << 31;
        let passed = ticks.wrapping_sub(self.last);
        if passed < HALF {
            self.last = ticks;
            self.total = self.total.saturating_add(u64::from(passed));
        }
        let per_second = u64::from(self.per_second.max(1));
        let seconds = self.total.checked_div(per_second).unwrap_or(0);
        let rest = self.total.checked_rem(per_second).unwrap_or(0);
        let whole = Mono::from_micros(seconds.saturating_mul(1_000_000));
        let part = rest.saturating_mul(1_000_000).checked_div(per_second).unwrap_or(0);
        whole.after(Duration::from_micros(part))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Reads(std::vec::IntoIter<u64>);

    impl Clock for Reads {
        fn now(&mut self) -> Mono {
            Mono::from_millis(self.0.next().expect("enough readings"))
        }
    }

    #[test]
    fn time_goes_on_from_where_it_was_when_the_clock_steps_back() {
        let mut clock = Steady::new(Reads(std::vec![500, 510, 3, 8, 9].into_iter()));
        let times: std::vec::Vec<_> = (0..5).map(|_| clock.now().as_micros() / 1_000).collect();
        assert_eq!(times, [0, 10, 10, 15, 16]);
        assert_eq!(clock.steps_back(), 1);
    }

    #[test]
    fn a_counter_that_wraps_goes_on_and_one_that_goes_back_stands_still() {
        let mut ticks = Ticks::new(1_000);
        for (read, expected_ms) in [
            (2_000_000_000, 2_000_000_000),
            (4_000_000_000, 4_000_000_000),
            (999, 4_294_968_295),
            (990, 4_294_968_295),
            (1_000, 4_294_968_296_u64),
        ] {
            assert_eq!(ticks.at(read), Mono::from_millis(expected_ms), "{read}");
        }
    }
}
