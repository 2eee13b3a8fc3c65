//! How often the program has started since power came: two words that a reset leaves as they are.

use core::ptr;

/// The count and its complement: RAM that has just come up does not hold such a pair.
#[unsafe(link_section = ".uninit.BOOTS")]
#[unsafe(no_mangle)]
static mut HAZARD_BOOTS: [u32; 2] = [0; 2];

/// Counts a start; 1 after power came.
pub(crate) fn count() -> u32 {
    let words = &raw mut HAZARD_BOOTS;
    // SAFETY: called once, before anything else runs, and nothing else names the words.
    unsafe {
        let [count, complement] = ptr::read_volatile(words);
        let count = if count == !complement { count.saturating_add(1) } else { 1 };
        ptr::write_volatile(words, [count, !count]);
        count
    }
}
