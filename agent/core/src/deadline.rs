//! Many deadlines, one wake-up: a heap in which setting a deadline later costs nothing.

use alloc::collections::BinaryHeap;
use alloc::vec;
use alloc::vec::Vec;
use core::cmp::Reverse;

use crate::Mono;

/// Deadlines of keys `0..len`. A key fires at or before its deadline; whoever set it looks whether it is really due.
#[derive(Clone, Debug)]
pub(crate) struct Deadlines {
    heap: BinaryHeap<Reverse<(Mono, u32)>>,
    armed: Vec<Option<Mono>>,
}

impl Deadlines {
    pub(crate) fn new(len: usize) -> Self {
        Self { heap: BinaryHeap::new(), armed: vec![None; len] }
    }

    /// Makes `key` fire at `at` at the latest.
    pub(crate) fn arm(&mut self, key: usize, at: Mono) {
        let armed = &mut self.armed[key];
        if armed.is_none_or(|known| at < known) {
            *armed = Some(at);
            self.heap.push(Reverse((at, u32::try_from(key).unwrap_or(u32::MAX))));
        }
    }

    /// A key whose deadline has come; it is disarmed.
    pub(crate) fn pop(&mut self, now: Mono) -> Option<usize> {
        loop {
            let Reverse((at, key)) = *self.heap.peek()?;
            if at > now {
                return None;
            }
            self.heap.pop();
            let key = key as usize;
            if self.armed[key] == Some(at) {
                self.armed[key] = None;
                return Some(key);
            }
        }
    }

    /// The next deadline and its key.
    pub(crate) fn next(&mut self) -> Option<(Mono, usize)> {
        loop {
            let Reverse((at, key)) = *self.heap.peek()?;
            if self.armed[key as usize] == Some(at) {
                return Some((at, key as usize));
            }
            self.heap.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_fires_first_and_an_earlier_setting_wins() {
        let mut deadlines = Deadlines::new(3);
        deadlines.arm(0, Mono::from_millis(50));
        deadlines.arm(1, Mono::from_millis(30));
        deadlines.arm(0, Mono::from_millis(20));
        deadlines.arm(0, Mono::from_millis(90));
        assert_eq!(deadlines.next(), Some((Mono::from_millis(20), 0)));
        assert_eq!(deadlines.pop(Mono::from_millis(60)), Some(0));
        assert_eq!(deadlines.pop(Mono::from_millis(60)), Some(1));
        assert_eq!(deadlines.pop(Mono::from_millis(60)), None);
        assert_eq!(deadlines.next(), None);
    }
}
