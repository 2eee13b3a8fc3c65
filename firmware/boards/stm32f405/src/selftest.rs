//! What the board tests of itself.

use core::cell::RefCell;

use hazard_cortex::Memory;
use hazard_node::hal::{AnalogReading, Check, Program, Reference, SelfTest};
use stm32f4xx_hal::gpio::{Input, Pin};

use crate::inputs::Inputs;

/// Behind the vectors (memory.x).
const HEADER_AT: usize = 0x200;

/// Second contacts of the relays of level 1, level 2 and fault; closed, and so low, while the coil is energised.
pub(crate) type Contacts = (Pin<'B', 5, Input>, Pin<'B', 6, Input>, Pin<'B', 7, Input>);

/// The board's tests.
pub(crate) struct SelfTests<'a> {
    pub(crate) memory: Memory,
    pub(crate) inputs: &'a RefCell<Inputs>,
    pub(crate) contacts: Contacts,
}

impl SelfTest for SelfTests<'_> {
    fn ram(&mut self) -> Check {
        self.memory.step()
    }

    fn stack(&mut self) -> Check {
        self.memory.stack()
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
        Some(hazard_cortex::program(HEADER_AT))
    }
}
