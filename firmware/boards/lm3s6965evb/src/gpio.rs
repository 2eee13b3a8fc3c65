//! Pins (PL061) behind embedded-hal's digital traits. Each access touches its own pin only: the address selects the bits.

use core::convert::Infallible;

use embedded_hal::digital::{ErrorType, InputPin, OutputPin};

use crate::register::{Block, Register};

const DIRECTION: usize = 0x400;
const PULL_UP: usize = 0x510;
const DIGITAL: usize = 0x51C;

/// The register that reads and writes this pin alone (data sheet, "Data Register Operation").
const fn pin(port: Block, number: u8) -> (Register, u32) {
    let bit = 1 << number;
    (port.register((bit as usize) << 2), bit)
}

/// A pin that drives.
pub(crate) struct Output {
    level: Register,
    bit: u32,
}

impl Output {
    /// Makes the pin an output, low from its first moment: for a relay that is the alarm.
    pub(crate) fn low(port: Block, number: u8) -> Self {
        let (level, bit) = pin(port, number);
        level.write(0);
        port.register(DIGITAL).set(bit);
        port.register(DIRECTION).set(bit);
        Self { level, bit }
    }

    /// Drives it.
    pub(crate) fn put(&mut self, high: bool) {
        self.level.write(if high { self.bit } else { 0 });
    }
}

impl ErrorType for Output {
    type Error = Infallible;
}

impl OutputPin for Output {
    fn set_low(&mut self) -> Result<(), Infallible> {
        self.put(false);
        Ok(())
    }

    fn set_high(&mut self) -> Result<(), Infallible> {
        self.put(true);
        Ok(())
    }
}

/// A pin that is read.
pub(crate) struct Input {
    level: Register,
}

impl Input {
    /// A contact that closes to the supply: a broken wire reads low.
    pub(crate) fn contact(port: Block, number: u8) -> Self {
        Self::new(port, number, |pulls, bit| pulls.clear(bit))
    }

    /// A button that closes to ground: a broken wire is one that nobody presses.
    pub(crate) fn button(port: Block, number: u8) -> Self {
        Self::new(port, number, |pulls, bit| pulls.set(bit))
    }

    fn new(port: Block, number: u8, pull: fn(Register, u32)) -> Self {
        let (level, bit) = pin(port, number);
        port.register(DIRECTION).clear(bit);
        pull(port.register(PULL_UP), bit);
        port.register(DIGITAL).set(bit);
        Self { level }
    }
}

impl ErrorType for Input {
    type Error = Infallible;
}

impl InputPin for Input {
    fn is_high(&mut self) -> Result<bool, Infallible> {
        Ok(self.level.read() != 0)
    }

    fn is_low(&mut self) -> Result<bool, Infallible> {
        Ok(self.level.read() == 0)
    }
}
