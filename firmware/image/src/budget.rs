//! What an image takes of flash and RAM, its stack at its deepest included, against what it may take.

use crate::elf::Elf;
use crate::stack::{Calls, EXCEPTION_FRAME, Path, Unbounded};

/// Flash that an image may fill, in bytes.
pub const FLASH_MAX: u32 = 64 * 1024;
/// RAM that an image may need, its deepest stack included, in bytes.
pub const RAM_MAX: u32 = 16 * 1024;

/// Functions that only a panic reaches.
const PANICS: [&str; 2] = ["core9panicking", "core::panicking"];

/// What an image takes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Budget {
    /// Vectors, code and constants, in bytes.
    pub code: u32,
    /// What is copied from flash to RAM at the start: it takes both.
    pub initialised: u32,
    /// RAM that begins as zero or keeps what a reset left in it.
    pub zeroed: u32,
    /// RAM that the linker keeps for the stack.
    pub reserved: u32,
    /// The deepest path of calls, with an interrupt's handler and a fault's on top of it.
    pub stack: Path,
    /// What has no bound.
    pub unbounded: Vec<Unbounded>,
    /// Panicking functions that are linked.
    pub panics: Vec<String>,
}

impl Budget {
    /// Reads it from an image; `None` when the image lacks the symbols of its start and its stack.
    #[must_use]
    pub fn of(elf: &Elf) -> Option<Self> {
        let (start, end) = (elf.address("_stack_start")?, elf.address("_stack_end")?);
        let calls = Calls::of(elf);
        let (mut stack, mut unbounded) = calls.deepest(elf.address("Reset")?);
        let fault = elf.address("HardFault")?;
        // One interrupt of the one priority that is used, and a fault on top of it.
        let interrupts = vectors(elf).into_iter().filter(|vector| vector | 1 != fault | 1);
        let deepest = interrupts.map(|vector| calls.deepest(vector)).max_by_key(|(path, _)| path.bytes);
        for (path, more) in deepest.into_iter().chain([calls.deepest(fault)]) {
            unbounded.extend(more);
            stack.bytes += EXCEPTION_FRAME + path.bytes;
            stack.calls.push(("an exception's frame".to_owned(), EXCEPTION_FRAME));
            stack.calls.extend(path.calls);
        }
        unbounded.sort();
        unbounded.dedup();
        let sum = |of: fn(&crate::elf::Section) -> bool| {
            elf.sections.iter().filter(|section| of(section)).map(|section| section.size).sum()
        };
        let named = PANICS.iter().flat_map(|part| calls.named(part));
        Some(Self {
            code: sum(|section| !section.writable && section.at.is_some()),
            initialised: sum(|section| section.writable && section.at.is_some()),
            zeroed: sum(|section| section.writable && section.at.is_none()),
            reserved: start.saturating_sub(end),
            stack,
            unbounded,
            panics: named.map(str::to_owned).collect(),
        })
    }

    /// Flash, in bytes.
    #[must_use]
    pub const fn flash(&self) -> u32 {
        self.code + self.initialised
    }

    /// RAM with the stack at its deepest, in bytes.
    #[must_use]
    pub const fn ram(&self) -> u32 {
        self.initialised + self.zeroed + self.stack.bytes
    }

    /// Why the image may not be shipped, in words.
    #[must_use]
    pub fn refusals(&self) -> Vec<String> {
        let mut why = Vec::new();
        if self.flash() > FLASH_MAX {
            why.push(format!("{} bytes of flash, {FLASH_MAX} at most", self.flash()));
        }
        if self.ram() > RAM_MAX {
            why.push(format!("{} bytes of RAM with the deepest stack, {RAM_MAX} at most", self.ram()));
        }
        if self.stack.bytes > self.reserved {
            why.push(format!("{} bytes of stack, and memory.x keeps {}", self.stack.bytes, self.reserved));
        }
        why.extend(self.unbounded.iter().map(|open| match open {
            Unbounded::Recursion(name) => format!("{name} calls itself: its stack has no bound"),
            Unbounded::Indirect(name) => {
                format!("{name} calls through a pointer: its stack has no bound that is known")
            }
            Unbounded::Computed(name) => format!("{name} computes how much stack it takes"),
        }));
        why
    }
}

/// Where the vectors lead, behind the stack and the start.
fn vectors(elf: &Elf) -> Vec<u32> {
    let Some(table) = elf.section(".vector_table") else { return Vec::new() };
    let words = elf.contents(table).as_chunks().0.iter().map(|word| u32::from_le_bytes(*word));
    let mut vectors: Vec<u32> = words.skip(2).filter(|vector| *vector != 0).collect();
    vectors.sort_unstable();
    vectors.dedup();
    vectors
}
