//! The test of memory while a program runs in it: all of it at the start, later the free part of the stack, a slice at a turn.
//!
//! Addresses are in bytes and come from outside, so that all of this runs on any machine.

use core::ops::Range;

use hazard_node::hal::Check;
use hazard_node::selftest::{Cells, GUARD, guard_is_whole, march_in_place};

const WORD: usize = 4;
const GUARDS: usize = 4;
/// Words that one turn tests.
const SLICE: usize = 8;
const SLICE_BYTES: usize = WORD * SLICE;
const GUARD_BYTES: usize = WORD * GUARDS;

/// Words by their addresses.
pub trait Ram {
    /// Reads a word.
    fn read(&self, address: usize) -> u32;
    /// Writes a word.
    fn write(&mut self, address: usize, word: u32);
}

/// The words from an address on.
struct Slice<'a, R>(&'a mut R, usize);

impl<R: Ram> Cells for Slice<'_, R> {
    fn count(&self) -> usize {
        SLICE
    }

    fn read(&mut self, at: usize) -> u32 {
        self.0.read(word(self.1, at))
    }

    fn write(&mut self, at: usize, value: u32) {
        self.0.write(word(self.1, at), value);
    }
}

/// How far the test came, and what it found at the start.
#[derive(Clone, Copy, Debug)]
pub struct MemoryTest {
    at_start: Check,
    next: usize,
}

impl MemoryTest {
    /// Tests the variables, then the free stack, and paints the stack's guard: four words from where the free stack begins. A span that is
    /// shorter than eight words is tested as if it were eight words long. What lies in the words is put back.
    pub fn at_start(ram: &mut impl Ram, variables: Range<usize>, free_stack: Range<usize>) -> Self {
        let guards = guards(free_stack.start);
        let whole = [variables, free_stack].into_iter().all(|span| is_whole(ram, span));
        for at in guards {
            ram.write(at, GUARD);
        }
        Self { at_start: if whole { Check::Passed } else { Check::Failed }, next: 0 }
    }

    /// The next eight words of the free stack behind its guard: what the deepest calls will stand on. Variables were tested at the start.
    /// The round ends, with what the start found, where fewer than eight words are left.
    pub fn step(&mut self, ram: &mut impl Ram, free_stack: Range<usize>) -> Check {
        let at = free_stack.start.saturating_add(GUARD_BYTES).saturating_add(self.next);
        if self.at_start != Check::Passed || at.saturating_add(SLICE_BYTES) > free_stack.end {
            self.next = 0;
            return self.at_start;
        }
        self.next = self.next.saturating_add(SLICE_BYTES);
        march_in_place::<SLICE>(&mut Slice(ram, at))
    }
}

/// Whether the guard at the stack's end is as it was painted.
pub fn stack_is_whole(ram: &impl Ram, stack_bottom: usize) -> Check {
    let mut words = [0; GUARDS];
    for (word, at) in words.iter_mut().zip(guards(stack_bottom)) {
        *word = ram.read(at);
    }
    guard_is_whole(&words)
}

fn is_whole(ram: &mut impl Ram, span: Range<usize>) -> bool {
    let last = span.end.saturating_sub(SLICE_BYTES);
    // The last slice ends where the span does and may share words with the one before it.
    let mut slices = (span.start..=last).step_by(SLICE_BYTES).chain([last.max(span.start)]);
    slices.all(|at| march_in_place::<SLICE>(&mut Slice(ram, at)) == Check::Passed)
}

fn guards(stack_bottom: usize) -> impl Iterator<Item = usize> {
    (0..GUARDS).map(move |at| word(stack_bottom, at))
}

const fn word(from: usize, at: usize) -> usize {
    from.wrapping_add(WORD.wrapping_mul(at))
}

#[cfg(test)]
mod tests;
