//! What the node measures: three current loops and a contact.
//!
//! The emulator's converter gives arbitrary counts and takes none from outside, so the loops' microamperes stand in words of RAM
//! beyond the node's own, where a test writes them (`docs/firmware/boards.md`). An emulator that nobody writes to has dead
//! loops, 0 µA, and the node says so.

use embedded_hal::digital::InputPin;
use hazard_node::hal::{AnalogIn, AnalogReading, Reference};

use crate::gpio::Input;
use crate::register::{Block, Register};

/// The words: four loops, then what the converter reads of its reference.
// SAFETY: RAM of the chip that memory.x gives to nobody.
const LOOPS: Block = unsafe { Block::at(0x2000_8000) };
const REFERENCE: Register = LOOPS.register(0x10);

/// What a broken converter leaves in a word.
const BROKEN: u32 = 0x8000_0000;

/// The channel of the contact.
pub(crate) const CONTACT: usize = 3;

/// All inputs.
pub(crate) struct Inputs {
    contact: Input,
}

impl Inputs {
    /// With the pin of the contact: high is closed.
    pub(crate) const fn new(contact: Input) -> Self {
        Self { contact }
    }

    /// What the converter reads of a signal of 12 mA.
    pub(crate) fn reference() -> Reference {
        Reference { reading: microamperes(REFERENCE), expected: 12_000, tolerance: 240 }
    }
}

impl AnalogIn for Inputs {
    fn read(&mut self, channel: usize) -> AnalogReading {
        match channel {
            0..CONTACT => microamperes(LOOPS.register(4 * channel)),
            CONTACT => match self.contact.is_high() {
                Ok(closed) => AnalogReading::Raw(i32::from(closed)),
                Err(never) => match never {},
            },
            _ => AnalogReading::Fault,
        }
    }
}

fn microamperes(word: Register) -> AnalogReading {
    match word.read() {
        BROKEN => AnalogReading::Fault,
        counts => AnalogReading::Raw(counts.cast_signed()),
    }
}
