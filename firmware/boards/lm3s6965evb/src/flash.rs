//! The two pages of the settings.
//!
//! The emulator has no flash controller, so this is a model of the chip's flash in RAM beyond the node's own: erasing sets a page of
//! 1 KiB to ones, programming can only clear bits. The RAM holds each word's complement, so that an emulator's first start finds erased
//! flash. It keeps through a reset, and a test keeps it through a loss of power.

use hazard_node::hal::{Flash, FlashFault, Page};

use crate::register::{Block, Register};

// SAFETY: RAM of the chip that memory.x gives to nobody.
const PAGES: Block = unsafe { Block::at(0x2000_9000) };
const PAGE_BYTES: usize = 1024;

/// The model.
pub(crate) struct FlashModel;

impl FlashModel {
    fn word(page: Page, word: usize) -> Option<Register> {
        let base = match page {
            Page::A => 0,
            Page::B => PAGE_BYTES,
        };
        (word < PAGE_BYTES / 4).then(|| PAGES.register(base + 4 * word))
    }
}

impl Flash for FlashModel {
    fn words(&self) -> usize {
        PAGE_BYTES / 4
    }

    fn read(&self, page: Page, word: usize) -> Option<u32> {
        Self::word(page, word).map(|word| !word.read())
    }

    fn erase(&mut self, page: Page) -> Result<(), FlashFault> {
        for word in (0..PAGE_BYTES / 4).filter_map(|word| Self::word(page, word)) {
            word.write(0);
        }
        Ok(())
    }

    fn program(&mut self, page: Page, word: usize, value: u32) -> Result<(), FlashFault> {
        let word = Self::word(page, word).ok_or(FlashFault)?;
        word.write(word.read() | !value);
        if word.read() == !value { Ok(()) } else { Err(FlashFault) }
    }
}
