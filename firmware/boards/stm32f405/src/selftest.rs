//! What the board tests of itself.

use core::cell::RefCell;

use hazard_node::hal::{AnalogReading, Check, Program, Reference, SelfTest};
use hazard_node::selftest::{Cells, GUARD, guard_is_whole, march_in_place};
use stm32f4xx_hal::gpio::{Input, Pin};

use crate::inputs::Inputs;

unsafe extern "C" {
    /// The lowest address of the stack (memory.x).
    static _stack_end: u32;
    /// Behind the stack: where RAM for variables begins.
    static _stack_start: u32;
    /// Behind all variables (cortex-m-rt).
    static __euninit: u32;
    /// The image's first byte (memory.x).
    static _flash_start: u8;
    /// Its address is how much flash an image may fill (memory.x).
    static _flash_len: u8;
}

const WORD: usize = 4;
const GUARDS: usize = 4;
/// Words that one turn tests.
const SLICE: usize = 8;
/// Below the stack pointer, for the test's own calls.
const OWN_CALLS: usize = 1024;
/// Behind the vectors (memory.x).
const HEADER_AT: usize = 0x200;

/// What memory was like before anything lived in it.
pub(crate) struct Memory {
    at_start: Check,
    next: usize,
}

/// Second contacts of the relays of level 1, level 2 and fault; closed, and so low, while the coil is energised.
pub(crate) type Contacts = (Pin<'B', 5, Input>, Pin<'B', 6, Input>, Pin<'B', 7, Input>);

/// The board's tests.
pub(crate) struct SelfTests<'a> {
    pub(crate) memory: Memory,
    pub(crate) inputs: &'a RefCell<Inputs>,
    pub(crate) contacts: Contacts,
}

/// Words of RAM that hold nothing, or that nothing looks at while they are tested.
struct Words(usize);

impl Cells for Words {
    fn count(&self) -> usize {
        SLICE
    }

    fn read(&mut self, at: usize) -> u32 {
        // SAFETY: `Memory` makes these of RAM that no value lives in, or before any value is looked at.
        unsafe { ((self.0 + WORD * at) as *const u32).read_volatile() }
    }

    fn write(&mut self, at: usize, word: u32) {
        // SAFETY: as above; `march_in_place` puts back what was there.
        unsafe { ((self.0 + WORD * at) as *mut u32).write_volatile(word) }
    }
}

fn stack_bottom() -> usize {
    &raw const _stack_end as usize
}

/// Where the free part of the stack ends for whoever calls this.
fn free_until() -> usize {
    (cortex_m::register::msp::read() as usize).saturating_sub(OWN_CALLS)
}

impl Memory {
    /// Tests all variables and the free stack, and paints the stack's guard. Called once, before anything looks at a variable.
    pub(crate) fn at_start() -> Self {
        let variables = &raw const _stack_start as usize..&raw const __euninit as usize;
        let mut spans = [variables, stack_bottom()..free_until()].into_iter();
        let whole = spans.all(|span| {
            let last = span.end.saturating_sub(WORD * SLICE);
            let mut slices = (span.start..=last).step_by(WORD * SLICE).chain([last.max(span.start)]);
            slices.all(|at| march_in_place::<SLICE>(&mut Words(at)) == Check::Passed)
        });
        for at in 0..GUARDS {
            Words(stack_bottom()).write(at, GUARD);
        }
        Self { at_start: if whole { Check::Passed } else { Check::Failed }, next: 0 }
    }

    /// The next words of the free stack: what the deepest calls will stand on. Variables were tested at the start.
    fn step(&mut self) -> Check {
        let from = stack_bottom() + WORD * GUARDS;
        let at = from + self.next;
        if self.at_start != Check::Passed || at + WORD * SLICE > free_until() {
            self.next = 0;
            return self.at_start;
        }
        self.next += WORD * SLICE;
        // An interrupt would stand on these words.
        cortex_m::interrupt::free(|_| march_in_place::<SLICE>(&mut Words(at)))
    }
}

impl SelfTest for SelfTests<'_> {
    fn ram(&mut self) -> Check {
        self.memory.step()
    }

    fn stack(&mut self) -> Check {
        let mut guards = [0; GUARDS];
        for (at, guard) in guards.iter_mut().enumerate() {
            *guard = Words(stack_bottom()).read(at);
        }
        guard_is_whole(&guards)
    }

    fn reference(&mut self) -> Option<Reference> {
        let busy = Reference { reading: AnalogReading::Fault, expected: 0, tolerance: 0 };
        Some(self.inputs.try_borrow_mut().map_or(busy, |mut inputs| inputs.reference()))
    }

    fn coils_energised(&mut self) -> Option<[bool; 3]> {
        let (level_1, level_2, fault) = &self.contacts;
        Some([level_1.is_low(), level_2.is_low(), fault.is_low()])
    }

    fn program(&self) -> Option<Program<'_>> {
        // SAFETY: memory.x gives these bytes of flash to the image, and nobody writes to flash.
        let bytes =
            unsafe { core::slice::from_raw_parts(&raw const _flash_start, &raw const _flash_len as usize) };
        Some(Program { bytes, header_at: HEADER_AT })
    }
}
