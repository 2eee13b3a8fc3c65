//! What a board must offer beyond embedded-hal: analogue inputs, a clock, a watchdog, two flash pages and self-test hooks.

use core::convert::Infallible;

use embedded_hal::digital::{ErrorType, InputPin, OutputPin};
use hazard_field::Mono;

/// One reading of an input, in the board's own counts.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum AnalogReading {
    /// Converted: µA for 4–20 mA inputs, µV for bridges, 0 (open) or 1 (closed) for contacts.
    Raw(i32),
    /// The converter failed or the input is broken.
    Fault,
}

/// The inputs of all channels, contacts included.
pub trait AnalogIn {
    /// One conversion of a channel, counted from 0; takes microseconds and never waits longer.
    fn read(&mut self, channel: usize) -> AnalogReading;
}

/// A monotonic clock; the node guards itself against one that steps back.
pub trait Clock {
    /// The time since the start.
    fn now(&mut self) -> Mono;
}

/// A watchdog, to be fed only after a complete measuring pass. Its time must be longer than erasing a flash page takes.
pub trait Watchdog {
    /// Starts its time over.
    fn feed(&mut self);
}

/// One of the two flash pages that hold the settings.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Page {
    /// The first.
    A,
    /// The second.
    B,
}

impl Page {
    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }
}

/// An erase or a program operation failed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct FlashFault;

/// Two flash pages that are erased apart from each other and from the program.
pub trait Flash {
    /// The 32-bit words of a page; the store needs [`crate::store::PAGE_WORDS_MIN`].
    fn words(&self) -> usize;

    /// A word; `None` beyond the page or when the memory reports an uncorrectable error.
    fn read(&self, page: Page, word: usize) -> Option<u32>;

    /// Erases a page: each word then reads `0xFFFF_FFFF`. May stop the processor while it lasts.
    fn erase(&mut self, page: Page) -> Result<(), FlashFault>;

    /// Programs an erased word.
    fn program(&mut self, page: Page, word: usize, value: u32) -> Result<(), FlashFault>;
}

/// What a self-test said.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Check {
    /// In order.
    Passed,
    /// Not in order.
    Failed,
    /// The board cannot test this.
    Absent,
}

/// A known signal that the converter was made to measure.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Reference {
    /// What the converter read.
    pub reading: AnalogReading,
    /// What it should have read.
    pub expected: i32,
    /// How far it may be off.
    pub tolerance: i32,
}

/// The program image in flash.
#[derive(Clone, Copy, Debug)]
pub struct Program<'a> {
    /// All of the flash that an image may fill, from the image's first byte.
    pub bytes: &'a [u8],
    /// Where in it the header lies.
    pub header_at: usize,
}

/// The board's side of the self-test. What a board cannot test it leaves out, and the map says that it was not done.
pub trait SelfTest {
    /// One slice of the memory test, bounded to some microseconds: [`crate::selftest::march`] over some words. A slice that failed counts
    /// until the next start.
    fn ram(&mut self) -> Check {
        Check::Absent
    }

    /// Whether the stack's guard is whole: [`crate::selftest::guard_is_whole`].
    fn stack(&mut self) -> Check {
        Check::Absent
    }

    /// A known signal, measured.
    fn reference(&mut self) -> Option<Reference> {
        None
    }

    /// Read back from second contacts: whether the coils of level 1, level 2 and fault are energised.
    fn coils_energised(&mut self) -> Option<[bool; 3]> {
        None
    }

    /// The program image.
    fn program(&self) -> Option<Program<'_>> {
        None
    }
}

/// A board without any of these tests.
#[derive(Clone, Copy, Debug)]
pub struct NoSelfTest;

impl SelfTest for NoSelfTest {}

/// Why the processor started.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum ResetCause {
    /// The board does not know.
    #[default]
    Unknown,
    /// Power came.
    Power,
    /// The watchdog.
    Watchdog,
    /// The reset pin.
    Pin,
    /// The program itself.
    Software,
    /// The supply was too low.
    BrownOut,
}

impl ResetCause {
    /// The code in its register.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::Unknown => 0,
            Self::Power => 1,
            Self::Watchdog => 2,
            Self::Pin => 3,
            Self::Software => 4,
            Self::BrownOut => 5,
        }
    }
}

/// A pin that is not there: an output that drives nothing, a button that nobody presses.
#[derive(Clone, Copy, Debug)]
pub struct Absent;

impl ErrorType for Absent {
    type Error = Infallible;
}

impl OutputPin for Absent {
    fn set_low(&mut self) -> Result<(), Infallible> {
        Ok(())
    }

    fn set_high(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

impl InputPin for Absent {
    fn is_high(&mut self) -> Result<bool, Infallible> {
        Ok(true)
    }

    fn is_low(&mut self) -> Result<bool, Infallible> {
        Ok(false)
    }
}

/// A pin of the other polarity.
#[derive(Clone, Copy, Debug)]
pub struct Inverted<P>(pub P);

impl<P: ErrorType> ErrorType for Inverted<P> {
    type Error = P::Error;
}

impl<P: OutputPin> OutputPin for Inverted<P> {
    fn set_low(&mut self) -> Result<(), P::Error> {
        self.0.set_high()
    }

    fn set_high(&mut self) -> Result<(), P::Error> {
        self.0.set_low()
    }
}

impl<P: InputPin> InputPin for Inverted<P> {
    fn is_high(&mut self) -> Result<bool, P::Error> {
        self.0.is_low()
    }

    fn is_low(&mut self) -> Result<bool, P::Error> {
        self.0.is_high()
    }
}
