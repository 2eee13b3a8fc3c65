//! Fills in the header that a boot loader, the node itself and a flashing tool check before they believe an image.

use std::fmt;

use hazard_node::image::{HEADER_LEN, Header, ImageFault, seal};

use crate::elf::Elf;

/// Where an image begins: its vectors.
const FIRST: &str = ".vector_table";
/// Where its header lies.
const HEADER: &str = ".header";
/// What erased flash reads.
const ERASED: u8 = 0xFF;
/// More than any board's flash: an image that is spread wider has something in the wrong place.
const SPREAD_MAX: usize = 16 << 20;

/// A sealed image.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sealed {
    /// What the header says.
    pub header: Header,
    /// The linker's file with the header filled in.
    pub elf: Vec<u8>,
    /// What belongs into flash, from its lowest address on; gaps are erased.
    pub flash: Vec<u8>,
}

/// Why an image cannot be sealed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NotSealed {
    /// It has no such section with bytes in flash.
    Lacks(&'static str),
    /// Its bytes are spread wider than any flash.
    Spread,
    /// Its header is none.
    Header(ImageFault),
}

impl fmt::Display for NotSealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lacks(section) => write!(f, "no {section} in flash: link it with the board's memory.x"),
            Self::Spread => {
                write!(f, "its bytes are spread over more than {SPREAD_MAX} bytes: look at memory.x")
            }
            Self::Header(fault) => write!(
                f,
                "the header in {HEADER} is none ({fault:?}): put hazard_node::image::unsealed there"
            ),
        }
    }
}

impl std::error::Error for NotSealed {}

/// Seals an image: its length and its checksums cover everything from its vectors to its last byte in flash.
pub fn sealed(elf: &Elf) -> Result<Sealed, NotSealed> {
    let (lowest, mut flash) = flash(elf)?;
    let address = |name| elf.section(name).map(|section| section.address).ok_or(NotSealed::Lacks(name));
    let (first, header_at) = (address(FIRST)?, address(HEADER)?);
    let from = first.checked_sub(lowest).ok_or(NotSealed::Lacks(FIRST))? as usize;
    let place = header_at.checked_sub(first).ok_or(NotSealed::Lacks(HEADER))? as usize;
    let image = flash.get_mut(from..).ok_or(NotSealed::Lacks(FIRST))?;
    let header = seal(image, place).map_err(NotSealed::Header)?;
    let bytes: [u8; HEADER_LEN] = header.to_bytes();
    let elf = elf.patched(header_at, &bytes).ok_or(NotSealed::Lacks(HEADER))?;
    Ok(Sealed { header, elf, flash })
}

/// What belongs into flash, and from which address on.
fn flash(elf: &Elf) -> Result<(u32, Vec<u8>), NotSealed> {
    let lowest = elf.loads.iter().map(|load| load.address).min().ok_or(NotSealed::Lacks(FIRST))?;
    let mut flash = Vec::new();
    for load in &elf.loads {
        let from = (load.address - lowest) as usize;
        let end = from + load.len;
        if end > SPREAD_MAX {
            return Err(NotSealed::Spread);
        }
        if flash.len() < end {
            flash.resize(end, ERASED);
        }
        if let Some(place) = flash.get_mut(from..end) {
            place.copy_from_slice(elf.loaded(load));
        }
    }
    Ok((lowest, flash))
}
