//! The one place where an address becomes a word of memory.
#![expect(unsafe_code, reason = "a test of memory reaches it by its addresses")]

use crate::memory::Ram;

/// The processor's own memory.
pub(crate) struct Words(());

impl Words {
    /// All of memory.
    ///
    /// # Safety
    /// Whatever is read or written through it must be words of RAM, aligned, in which no value lives, or which nothing else looks at until
    /// they hold again what they held before.
    pub(crate) const unsafe fn everywhere() -> Self {
        Self(())
    }
}

impl Ram for Words {
    fn read(&self, address: usize) -> u32 {
        // SAFETY: `everywhere` was promised that this is a word that may be read.
        unsafe { (address as *const u32).read_volatile() }
    }

    fn write(&mut self, address: usize, word: u32) {
        // SAFETY: `everywhere` was promised that this is a word that may be written.
        unsafe { (address as *mut u32).write_volatile(word) }
    }
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::memory::{MemoryTest, stack_is_whole};
    use hazard_node::hal::Check;
    use hazard_node::selftest::GUARD;

    #[test]
    fn words_of_this_machine_are_tested_by_their_addresses_and_keep_what_they_hold() {
        let mut words: [u32; 64] = core::array::from_fn(|at| at as u32 * 0x0101_0101);
        let mut expected = words;
        expected[32..36].fill(GUARD);
        let from = words.as_mut_ptr() as usize;
        // SAFETY: only the array's own words are named below, and nothing else looks at them meanwhile.
        let mut ram = unsafe { Words::everywhere() };
        let mut test = MemoryTest::at_start(&mut ram, from..from + 4 * 32, from + 4 * 32..from + 4 * 64);
        let stepped = core::array::from_fn(|_| test.step(&mut ram, from + 4 * 32..from + 4 * 64));
        assert_eq!(stepped, [Check::Passed; 5]);
        assert_eq!(stack_is_whole(&ram, from + 4 * 32), Check::Passed);
        assert_eq!(words, expected);
    }
}
