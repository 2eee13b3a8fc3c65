//! The memory of the chip that the program runs on, by what the linker says of it.
#![expect(unsafe_code, reason = "the linker's symbols, and what lies between them")]

use core::ops::Range;

use hazard_node::hal::{Check, Program};

use crate::memory::{MemoryTest, stack_is_whole};
use crate::words::Words;

unsafe extern "C" {
    /// The lowest address of the stack (memory.x).
    static _stack_end: u32;
    /// Behind the stack: where RAM for variables begins (memory.x).
    static _stack_start: u32;
    /// Behind all variables (cortex-m-rt).
    static __euninit: u32;
    /// The image's first byte (memory.x).
    static _flash_start: u8;
    /// Its address is how much flash an image may fill (memory.x).
    static _flash_len: u8;
}

/// Bytes below the stack pointer that are not free: they are for the test's own calls.
const OWN_CALLS: usize = 1024;

/// The test of the chip's memory.
pub struct Memory {
    ram: Words,
    test: MemoryTest,
}

impl Memory {
    /// Tests all variables and the free stack, and paints the stack's guard.
    ///
    /// # Safety
    /// Only once, first thing in the program, while no interrupt can come: nothing may look at a variable meanwhile. The stack must lie
    /// below the variables as memory.x of the boards has it.
    pub unsafe fn at_start() -> Self {
        let variables = &raw const _stack_start as usize..&raw const __euninit as usize;
        // SAFETY: nobody looks at variables, as the caller promises, and `free_stack` ends below whatever is called from here. Later only
        // words of the free stack are tested, while no interrupt stands on them.
        let mut ram = unsafe { Words::everywhere() };
        let test = MemoryTest::at_start(&mut ram, variables, free_stack());
        Self { ram, test }
    }

    /// The next words of the free stack.
    pub fn step(&mut self) -> Check {
        // An interrupt would stand on these words.
        cortex_m::interrupt::free(|_| self.test.step(&mut self.ram, free_stack()))
    }

    /// Whether the guard at the stack's end is whole.
    pub fn stack(&self) -> Check {
        stack_is_whole(&self.ram, stack_bottom())
    }
}

/// The program in flash, its header so many bytes behind the image's first.
pub fn program(header_at: usize) -> Program<'static> {
    // SAFETY: memory.x gives these bytes of flash to the image, and nobody writes to flash.
    let bytes =
        unsafe { core::slice::from_raw_parts(&raw const _flash_start, &raw const _flash_len as usize) };
    Program { bytes, header_at }
}

fn stack_bottom() -> usize {
    &raw const _stack_end as usize
}

/// What of the stack is free for whoever calls this.
fn free_stack() -> Range<usize> {
    stack_bottom()..(cortex_m::register::msp::read() as usize).saturating_sub(OWN_CALLS)
}
