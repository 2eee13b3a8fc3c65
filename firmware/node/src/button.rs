//! A push button: pressed while its pin is low, believed once it has been so for a while, told once a press.

use core::time::Duration;

use embedded_hal::digital::InputPin;
use hazard_field::Mono;

/// For how long a pin must keep its level before it is believed.
pub const DEBOUNCE: Duration = Duration::from_millis(30);
/// A button that is pressed for longer is stuck.
pub const STUCK_AFTER: Duration = Duration::from_secs(30);

/// A button on a pin; low is pressed.
#[derive(Debug)]
pub struct PushButton<P> {
    pin: P,
    seen: Seen,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Seen {
    Up,
    /// Low, not yet believed.
    Falling {
        since: Mono,
    },
    Down {
        since: Mono,
    },
    /// High, not yet believed.
    Rising {
        since: Mono,
        pressed_since: Mono,
    },
}

impl<P: InputPin> PushButton<P> {
    /// A button that nobody presses.
    pub const fn new(pin: P) -> Self {
        Self { pin, seen: Seen::Up }
    }

    /// Looks at the pin; tells once for each press. A pin that cannot be read is as it was.
    pub fn poll(&mut self, now: Mono) -> bool {
        let Ok(low) = self.pin.is_low() else { return false };
        let before = self.seen;
        self.seen = match (before, low) {
            (Seen::Up, false) => Seen::Up,
            (Seen::Up, true) => Seen::Falling { since: now },
            (Seen::Falling { .. }, false) => Seen::Up,
            (Seen::Falling { since }, true) if now.since(since) >= DEBOUNCE => Seen::Down { since },
            (Seen::Falling { since }, true) => Seen::Falling { since },
            (Seen::Down { since }, true) => Seen::Down { since },
            (Seen::Down { since }, false) => Seen::Rising { since: now, pressed_since: since },
            (Seen::Rising { pressed_since, .. }, true) => Seen::Down { since: pressed_since },
            (Seen::Rising { since, .. }, false) if now.since(since) >= DEBOUNCE => Seen::Up,
            (rising @ Seen::Rising { .. }, false) => rising,
        };
        matches!((before, self.seen), (Seen::Falling { .. }, Seen::Down { .. }))
    }

    /// Whether it has been pressed for so long that it is stuck.
    #[must_use]
    pub fn is_stuck(&self, now: Mono) -> bool {
        match self.seen {
            Seen::Down { since } => now.since(since) >= STUCK_AFTER,
            Seen::Up | Seen::Falling { .. } | Seen::Rising { .. } => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use embedded_hal_mock::eh1::digital::{Mock, State, Transaction};

    use super::*;

    fn presses(levels: &[(u64, bool)]) -> Vec<u64> {
        let reads: Vec<_> = levels
            .iter()
            .map(|(_, low)| Transaction::get(if *low { State::Low } else { State::High }))
            .collect();
        let mut button = PushButton::new(Mock::new(&reads));
        let told = levels.iter().filter(|(at, _)| button.poll(Mono::from_millis(*at))).map(|(at, _)| *at);
        let told = told.collect();
        button.pin.done();
        told
    }

    #[test]
    fn a_press_is_told_once_when_the_pin_has_settled() {
        let bouncing = [(0, true), (3, false), (5, true), (34, true), (35, true), (500, true), (501, false)];
        assert_eq!(presses(&bouncing), [35]);
    }

    #[test]
    fn a_bounce_at_the_release_is_no_second_press() {
        let levels = [
            (0, true),
            (30, true),
            (100, false),
            (105, true),
            (110, false),
            (150, false),
            (200, true),
            (230, true),
        ];
        assert_eq!(presses(&levels), [30, 230]);
    }

    #[test]
    fn a_spike_is_no_press() {
        assert_eq!(presses(&[(0, true), (29, true), (30, false), (31, true), (60, true)]), []);
    }

    #[test]
    fn a_button_that_never_comes_up_is_stuck_and_pressed_once() {
        let mut button = PushButton::new(Mock::new(&[State::Low; 4].map(Transaction::get)));
        let told: Vec<_> =
            [0, 30, 20_000, 40_000].iter().map(|at| button.poll(Mono::from_millis(*at))).collect();
        assert_eq!(told, [false, true, false, false]);
        assert!(!button.is_stuck(Mono::from_millis(29_999)) && button.is_stuck(Mono::from_millis(30_000)));
        button.pin.done();
    }
}
