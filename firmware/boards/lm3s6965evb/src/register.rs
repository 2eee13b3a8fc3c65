//! A register of the chip: the one place where an address becomes a word that is read and written.

/// A 32-bit register at a fixed address.
#[derive(Clone, Copy)]
pub(crate) struct Register(*mut u32);

impl Register {
    /// Reads it.
    pub(crate) fn read(self) -> u32 {
        // SAFETY: `Block::at` promises that the address is a register.
        unsafe { self.0.read_volatile() }
    }

    /// Writes it.
    pub(crate) fn write(self, word: u32) {
        // SAFETY: `Block::at` promises that the address is a register.
        unsafe { self.0.write_volatile(word) }
    }

    /// Sets these bits and leaves the others.
    pub(crate) fn set(self, bits: u32) {
        self.write(self.read() | bits);
    }

    /// Clears these bits and leaves the others.
    pub(crate) fn clear(self, bits: u32) {
        self.write(self.read() & !bits);
    }
}

/// A block of registers: its offsets are the manual's.
#[derive(Clone, Copy)]
pub(crate) struct Block(usize);

impl Block {
    /// The block at this address.
    ///
    /// # Safety
    /// For every offset that is asked for, the chip must map a register there, or RAM that nothing else uses, and touching it must
    /// break no rule of Rust's memory.
    pub(crate) const unsafe fn at(address: usize) -> Self {
        Self(address)
    }

    /// The register at this offset.
    pub(crate) const fn register(self, offset: usize) -> Register {
        Register((self.0 + offset) as *mut u32)
    }
}
