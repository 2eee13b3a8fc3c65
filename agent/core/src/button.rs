//! Push buttons: what is a press and what a loose wire. A press is open for a while, closed for the hold, and open for the hold again;
//! it acts at its end. Nothing else acts, so that a wire that comes and goes silences no horn and opens no valve.

use alloc::collections::VecDeque;
use core::time::Duration;

use crate::Mono;
use crate::site::Practice;

/// The contact is open for so long before a press.
const QUIET: Duration = Duration::from_secs(1);
/// A hand closes a contact so often within [`WITHIN`] at most.
const CLOSURES_MAX: usize = 10;
const WITHIN: Duration = Duration::from_secs(60);
/// A contact that flapped counts again when it was open for so long.
const CALM: Duration = Duration::from_secs(60);

/// What a read showed of the contact.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Seen {
    Open,
    Closed,
    /// Nothing that can be believed.
    Nothing,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Contact {
    Unknown,
    Open {
        since: Mono,
    },
    /// Seen closed from `since` to `until`; `clean` after a quiet time open.
    Closed {
        since: Mono,
        until: Mono,
        clean: bool,
    },
    /// Let go after a clean closure that began at `pressed`.
    Released {
        pressed: Mono,
        since: Mono,
    },
}

/// One push button.
#[derive(Clone, Debug)]
pub(crate) struct Button {
    contact: Contact,
    /// The latest closures, the oldest first.
    closures: VecDeque<Mono>,
    flapping: bool,
    stuck: bool,
}

impl Button {
    pub(crate) fn new() -> Self {
        Self { contact: Contact::Unknown, closures: VecDeque::new(), flapping: false, stuck: false }
    }

    /// Its contact comes and goes as no hand does.
    pub(crate) const fn is_flapping(&self) -> bool {
        self.flapping
    }

    /// It is closed for longer than anybody presses.
    pub(crate) const fn is_stuck(&self) -> bool {
        self.stuck
    }

    /// Takes a read; when that ends a press, the moment at which the press began.
    pub(crate) fn step(&mut self, now: Mono, seen: Seen, practice: &Practice) -> Option<Mono> {
        let hold = practice.button_hold;
        let mut press = None;
        self.contact = match (self.contact, seen) {
            (_, Seen::Nothing) => Contact::Unknown,
            (Contact::Unknown, Seen::Open) => Contact::Open { since: now },
            (Contact::Unknown, Seen::Closed) => Contact::Closed { since: now, until: now, clean: false },
            (Contact::Open { since }, Seen::Open) => Contact::Open { since },
            (Contact::Open { since }, Seen::Closed) => {
                self.closed(now);
                let clean = now.since(since) >= QUIET && !self.flapping;
                Contact::Closed { since: now, until: now, clean }
            }
            (Contact::Closed { since, clean, .. }, Seen::Closed) => {
                Contact::Closed { since, until: now, clean }
            }
            (Contact::Closed { since, until, clean }, Seen::Open) => {
                // Two reads at least: one read may have met a bounce.
                let held = until > since && until.since(since) >= hold && !self.stuck;
                if clean && held {
                    Contact::Released { pressed: since, since: now }
                } else {
                    Contact::Open { since: now }
                }
            }
            (Contact::Released { pressed, since }, Seen::Open) => {
                if now > since && now.since(since) >= hold {
                    press = Some(pressed);
                    Contact::Open { since }
                } else {
                    Contact::Released { pressed, since }
                }
            }
            (Contact::Released { .. }, Seen::Closed) => {
                self.closed(now);
                Contact::Closed { since: now, until: now, clean: false }
            }
        };
        self.judge(now, practice);
        press.filter(|_| !self.flapping)
    }

    fn closed(&mut self, now: Mono) {
        self.closures.push_back(now);
        while self.closures.len() > CLOSURES_MAX + 1 {
            self.closures.pop_front();
        }
        let recent = self.closures.iter().filter(|at| now.since(**at) < WITHIN).count();
        self.flapping |= recent > CLOSURES_MAX;
    }

    fn judge(&mut self, now: Mono, practice: &Practice) {
        match self.contact {
            // What was said of it stands until it is seen again.
            Contact::Unknown => {}
            Contact::Closed { since, .. } => self.stuck |= now.since(since) > practice.button_stuck,
            Contact::Open { since } | Contact::Released { since, .. } => {
                self.stuck = false;
                if self.flapping && now.since(since) >= CALM {
                    self.flapping = false;
                    self.closures.clear();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    const STEP_MS: u64 = 250;
    const SEEN: [Seen; 3] = [Seen::Open, Seen::Closed, Seen::Nothing];

    fn practice() -> Practice {
        Practice { button_hold: Duration::from_millis(500), ..Practice::default() }
    }

    fn at(step: usize) -> Mono {
        Mono::from_millis(STEP_MS * step as u64)
    }

    /// The steps at which presses end, as the machine has them.
    fn presses(trace: &[Seen]) -> Vec<usize> {
        let mut button = Button::new();
        let ends = |(step, seen): (usize, &Seen)| button.step(at(step), *seen, &practice()).map(|_| step);
        trace.iter().enumerate().filter_map(ends).collect()
    }

    /// The same by looking back over the whole trace: four open steps or more up to a closure, three reads closed or more, and at this
    /// step the third read open after them.
    fn reference(trace: &[Seen]) -> Vec<usize> {
        let run = |end: usize, of: Seen| trace[..end].iter().rev().take_while(|seen| **seen == of).count();
        let ends = |step: &usize| {
            let end = step + 1;
            let open = run(end, Seen::Open);
            let closed = run(end - open, Seen::Closed);
            let quiet = run(end - open - closed, Seen::Open);
            open == 3 && closed >= 3 && quiet >= 4
        };
        (0..trace.len()).filter(ends).collect()
    }

    #[test]
    fn every_short_trace_has_the_presses_that_a_look_back_finds() {
        const LEN: u32 = 12;
        let mut pressed = 0;
        for code in 0..3_usize.pow(LEN) {
            let trace: Vec<Seen> = (0..LEN).map(|place| SEEN[code / 3_usize.pow(place) % 3]).collect();
            let found = presses(&trace);
            assert_eq!(found, reference(&trace), "{trace:?}");
            pressed += found.len();
        }
        assert!(pressed > 10, "{pressed}");
    }

    #[test]
    fn a_press_begins_when_the_contact_closes_and_not_when_it_counts() {
        let mut button = Button::new();
        let trace = [[Seen::Open; 4].as_slice(), &[Seen::Closed; 3], &[Seen::Open; 3]].concat();
        let found =
            trace.iter().enumerate().filter_map(|(step, seen)| button.step(at(step), *seen, &practice()));
        assert_eq!(found.collect::<Vec<_>>(), [at(4)]);
    }

    /// Whether a contact that toggles like this for five minutes is told as flapping, and how often it acts before that.
    fn toggles(open_ms: u64, closed_ms: u64, poll_ms: u64) -> (bool, usize) {
        let mut button = Button::new();
        let acts = (0..300_000 / poll_ms).filter(|poll| {
            let now = Mono::from_millis(poll * poll_ms);
            let closed = poll * poll_ms % (open_ms + closed_ms) >= open_ms;
            let seen = if closed { Seen::Closed } else { Seen::Open };
            button.step(now, seen, &practice()).is_some()
        });
        let acts = acts.count();
        (button.is_flapping(), acts)
    }

    #[test]
    fn a_wire_that_comes_and_goes_is_told_and_does_nothing() {
        for poll_ms in [50, 90, 130, 170, 230, 330] {
            assert_eq!(toggles(100, 100, poll_ms), (true, 0), "{poll_ms}");
        }
        // Reads in step with it see what a hand would show, so that it is told after as many presses as a hand may make.
        assert_eq!(toggles(100, 100, 210), (true, CLOSURES_MAX));
        // So slow that each looks like a press: ten in a minute, and no more.
        assert_eq!(toggles(2_000, 2_000, 250), (true, CLOSURES_MAX));
        // A hand.
        assert_eq!(toggles(20_000, 1_000, 250), (false, 300 / 21));
    }

    #[test]
    fn what_flapped_counts_again_after_a_calm_minute_and_a_stuck_one_when_it_opens() {
        let mut button = Button::new();
        let mut now = Mono::ZERO;
        let mut step = |button: &mut Button, ms: u64, seen| {
            now = now + Duration::from_millis(ms);
            button.step(now, seen, &practice())
        };
        step(&mut button, 0, Seen::Open);
        for _ in 0..=CLOSURES_MAX {
            assert!(!button.is_flapping());
            step(&mut button, 100, Seen::Closed);
            step(&mut button, 100, Seen::Open);
        }
        assert!(button.is_flapping());
        step(&mut button, 59_999, Seen::Open);
        assert!(button.is_flapping());
        step(&mut button, 1, Seen::Open);
        assert!(!button.is_flapping());
        step(&mut button, 100, Seen::Closed);
        step(&mut button, 60_000, Seen::Closed);
        assert!(!button.is_stuck());
        step(&mut button, 1, Seen::Closed);
        assert!(button.is_stuck());
        step(&mut button, 1, Seen::Nothing);
        assert!(button.is_stuck(), "nothing is known of it");
        step(&mut button, 1, Seen::Closed);
        assert!(button.is_stuck());
        step(&mut button, 100, Seen::Open);
        assert!(!button.is_stuck());
        assert_eq!(step(&mut button, 1_000, Seen::Open), None, "nobody pressed it");
    }
}
