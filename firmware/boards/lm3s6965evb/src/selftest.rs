//! What the board tests of itself.

use hazard_cortex::Memory;
use hazard_node::hal::{Check, Program, Reference, SelfTest};

use crate::chip::PORT_F;
use crate::inputs::Inputs;

/// Behind the vectors (memory.x).
const HEADER_AT: usize = 0x400;
/// The pins of the three relays in one register.
const COILS: usize = 0b111 << 2;

/// The board's tests.
pub(crate) struct SelfTests(pub(crate) Memory);

impl SelfTest for SelfTests {
    fn ram(&mut self) -> Check {
        self.0.step()
    }

    fn stack(&mut self) -> Check {
        self.0.stack()
    }

    fn reference(&mut self) -> Option<Reference> {
        Some(Inputs::reference())
    }

    /// The board has no relays and so no second contacts: the levels at its pins are what can be read back.
    fn coils_energised(&mut self) -> Option<[bool; 3]> {
        let levels = PORT_F.register(COILS).read();
        Some([0, 1, 2].map(|pin| levels >> pin & 1 == 1))
    }

    fn program(&self) -> Option<Program<'_>> {
        Some(hazard_cortex::program(HEADER_AT))
    }
}
