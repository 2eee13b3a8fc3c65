//! The two pages of the settings: sectors 1 and 2 of the chip's flash. Erasing one stops the core for half a second at most.

use hazard_node::hal::{Flash, FlashFault, Page};
use stm32f4xx_hal::flash::FlashExt;
use stm32f4xx_hal::pac::FLASH;

const SECTOR_BYTES: usize = 16 * 1024;

/// The chip's flash.
pub(crate) struct ChipFlash(pub(crate) FLASH);

const fn sector(page: Page) -> u8 {
    match page {
        Page::A => 1,
        Page::B => 2,
    }
}

const fn offset(page: Page, word: usize) -> Option<usize> {
    if word < SECTOR_BYTES / 4 { Some(SECTOR_BYTES * sector(page) as usize + 4 * word) } else { None }
}

impl ChipFlash {
    /// The controller keeps an old error until it is told to forget it, and would refuse everything after it.
    fn forget(&mut self) {
        // SAFETY: writing ones to the status clears the errors and does nothing else (RM0090, 3.9.5).
        self.0.sr().write(|w| unsafe { w.bits(0xF3) });
    }
}

impl Flash for ChipFlash {
    fn words(&self) -> usize {
        SECTOR_BYTES / 4
    }

    fn read(&self, page: Page, word: usize) -> Option<u32> {
        let at = offset(page, word)?;
        let bytes = self.0.read().get(at..)?.first_chunk()?;
        Some(u32::from_le_bytes(*bytes))
    }

    fn erase(&mut self, page: Page) -> Result<(), FlashFault> {
        self.forget();
        self.0.unlocked().erase(sector(page)).map_err(|_| FlashFault)
    }

    fn program(&mut self, page: Page, word: usize, value: u32) -> Result<(), FlashFault> {
        let at = offset(page, word).ok_or(FlashFault)?;
        self.forget();
        self.0.unlocked().program(at, value.to_le_bytes().iter()).map_err(|_| FlashFault)?;
        if self.read(page, word) == Some(value) { Ok(()) } else { Err(FlashFault) }
    }
}
