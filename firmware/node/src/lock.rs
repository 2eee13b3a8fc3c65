//! The lock on the settings: opened by a key in a register, closed by time. It guards against accidents, not against malice.

use core::time::Duration;

use hazard_field::Mono;
use hazard_field::map::UNLOCK_KEY;

/// How long settings may be written after the key was.
pub const UNLOCKED_FOR: Duration = Duration::from_secs(600);
/// After so many wrong keys in a row nobody may try for [`BARRED_FOR`].
pub const WRONG_KEYS_MAX: u8 = 3;
/// For how long nobody may try.
pub const BARRED_FOR: Duration = Duration::from_secs(60);

/// What became of a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Turned {
    /// Settings may be written.
    Unlocked,
    /// Settings may not be written.
    Locked,
    /// It was another key.
    Wrong,
    /// Nobody may try.
    Barred,
}

/// The lock.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Lock {
    open_until: Option<Mono>,
    barred_until: Option<Mono>,
    wrong: u8,
}

impl Lock {
    pub(crate) fn turn(&mut self, now: Mono, key: u16) -> Turned {
        if self.barred_until.is_some_and(|until| now < until) {
            return Turned::Barred;
        }
        self.barred_until = None;
        match key {
            UNLOCK_KEY => {
                self.wrong = 0;
                self.open_until = Some(now.after(UNLOCKED_FOR));
                Turned::Unlocked
            }
            0 => {
                self.open_until = None;
                Turned::Locked
            }
            _ => {
                self.open_until = None;
                self.wrong = self.wrong.saturating_add(1);
                if self.wrong >= WRONG_KEYS_MAX {
                    self.wrong = 0;
                    self.barred_until = Some(now.after(BARRED_FOR));
                }
                Turned::Wrong
            }
        }
    }

    pub(crate) fn is_open(&self, now: Mono) -> bool {
        self.open_until.is_some_and(|until| now < until)
    }

    pub(crate) fn left_s(&self, now: Mono) -> u16 {
        let left = self.open_until.map_or(Duration::ZERO, |until| until.since(now));
        u16::try_from(left.as_secs()).unwrap_or(u16::MAX)
    }

    /// Whether its time ended in this step; told once.
    pub(crate) fn closes(&mut self, now: Mono) -> bool {
        let ended = self.open_until.is_some() && !self.is_open(now);
        if ended {
            self.open_until = None;
        }
        ended
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_opens_for_its_time_and_zero_closes() {
        let (mut lock, at) = (Lock::default(), Mono::from_millis);
        assert!(!lock.is_open(at(0)));
        assert_eq!(lock.turn(at(0), UNLOCK_KEY), Turned::Unlocked);
        assert!(lock.is_open(at(599_999)) && !lock.closes(at(599_999)));
        assert_eq!(lock.left_s(at(100_000)), 500);
        assert!(!lock.is_open(at(600_000)) && lock.closes(at(600_000)) && !lock.closes(at(600_001)));
        assert_eq!(lock.turn(at(700_000), UNLOCK_KEY), Turned::Unlocked);
        assert_eq!(lock.turn(at(700_001), 0), Turned::Locked);
        assert!(!lock.is_open(at(700_002)));
    }

    #[test]
    fn three_wrong_keys_bar_even_the_right_one_for_a_minute() {
        let (mut lock, at) = (Lock::default(), Mono::from_millis);
        assert_eq!(lock.turn(at(0), UNLOCK_KEY), Turned::Unlocked);
        for key in [1, 2, 0xFFFF] {
            assert_eq!(lock.turn(at(0), key), Turned::Wrong);
            assert!(!lock.is_open(at(0)), "a wrong key closes");
        }
        assert_eq!(lock.turn(at(59_999), UNLOCK_KEY), Turned::Barred);
        assert_eq!(lock.turn(at(60_000), UNLOCK_KEY), Turned::Unlocked);
    }
}
