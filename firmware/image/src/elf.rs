//! A linked image as the linker wrote it (ELF, 32 bits, little endian): sections and symbols, and nothing else.

use std::fmt;

/// Why bytes are not an image that can be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NotAnImage {
    /// No ELF file of 32 bits in little endian.
    NotElf32,
    /// A table leads beyond the end of the file.
    CutOff,
}

impl fmt::Display for NotAnImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotElf32 => "not an ELF file of 32 bits in little endian: name what the linker wrote",
            Self::CutOff => "a table leads beyond the end of the file: link it again",
        })
    }
}

impl std::error::Error for NotAnImage {}

/// A section that is in memory at run time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Section {
    /// Its name.
    pub name: String,
    /// Where it runs.
    pub address: u32,
    /// Its size in memory, in bytes.
    pub size: u32,
    /// Where its bytes are in the file; `None` when it has none, as `.bss`.
    pub at: Option<usize>,
    /// Whether it is written at run time.
    pub writable: bool,
    /// Whether it is code.
    pub code: bool,
}

/// Bytes that belong into memory before the program starts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Load {
    /// Where they belong: in flash, also for what is copied to RAM later.
    pub address: u32,
    /// Where they are in the file.
    pub at: usize,
    /// How many.
    pub len: usize,
}

/// A name with an address.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Symbol {
    /// Its name as the linker saw it.
    pub name: String,
    /// Its address; of code in Thumb, the lowest bit is set.
    pub address: u32,
    /// Its size in bytes; 0 where the assembler did not say.
    pub size: u32,
    /// Whether it is a function.
    pub function: bool,
}

/// An image.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Elf {
    bytes: Vec<u8>,
    /// Its sections in memory, in the file's order.
    pub sections: Vec<Section>,
    /// Its symbols, in the file's order.
    pub symbols: Vec<Symbol>,
    /// What is loaded, in the file's order.
    pub loads: Vec<Load>,
}

const SYMBOL_TABLE: u32 = 2;
const NO_BYTES: u32 = 8;
const SYMBOL_LEN: usize = 16;

impl Elf {
    /// Reads an image.
    pub fn parse(bytes: Vec<u8>) -> Result<Self, NotAnImage> {
        if bytes.get(..6) != Some(b"\x7fELF\x01\x01") {
            return Err(NotAnImage::NotElf32);
        }
        let (table, each) = (long(&bytes, 32)?, short(&bytes, 46)?);
        let (count, names) = (short(&bytes, 48)?, short(&bytes, 50)?);
        let header = |at: usize, field: usize| long(&bytes, table + at * each + 4 * field);
        let names = header(names, 4)?;
        let (mut sections, mut symbols) = (Vec::new(), Vec::new());
        for at in 0..count {
            let kind = header(at, 1)? as u32;
            if kind == SYMBOL_TABLE {
                symbols =
                    self::symbols(&bytes, [header(at, 4)?, header(at, 5)?, header(header(at, 6)?, 4)?])?;
            }
            let flags = header(at, 2)?;
            if flags & 2 != 0 {
                sections.push(Section {
                    name: name(&bytes, names + header(at, 0)?)?,
                    address: header(at, 3)? as u32,
                    size: header(at, 5)? as u32,
                    at: if kind == NO_BYTES { None } else { Some(header(at, 4)?) },
                    writable: flags & 1 != 0,
                    code: flags & 4 != 0,
                });
            }
        }
        let loads = loads(&bytes)?;
        Ok(Self { bytes, sections, symbols, loads })
    }

    /// The bytes of a section; none for one that has none.
    #[must_use]
    pub fn contents(&self, section: &Section) -> &[u8] {
        let span = section.at.and_then(|at| self.bytes.get(at..at + section.size as usize));
        span.unwrap_or_default()
    }

    /// The bytes of a load.
    #[must_use]
    pub fn loaded(&self, load: &Load) -> &[u8] {
        self.bytes.get(load.at..load.at + load.len).unwrap_or_default()
    }

    /// The file with other bytes in flash at an address; `None` when nothing is loaded there.
    #[must_use]
    pub fn patched(&self, address: u32, with: &[u8]) -> Option<Vec<u8>> {
        let inside = |load: &&Load| (load.address..load.address + load.len as u32).contains(&address);
        let load = self.loads.iter().find(inside)?;
        let at = load.at + (address - load.address) as usize;
        let mut bytes = self.bytes.clone();
        bytes.get_mut(at..at + with.len())?.copy_from_slice(with);
        Some(bytes)
    }

    /// A section by its name.
    #[must_use]
    pub fn section(&self, name: &str) -> Option<&Section> {
        self.sections.iter().find(|section| section.name == name)
    }

    /// The address of this symbol.
    #[must_use]
    pub fn address(&self, symbol: &str) -> Option<u32> {
        self.symbols.iter().find(|candidate| candidate.name == symbol).map(|symbol| symbol.address)
    }
}

fn loads(bytes: &[u8]) -> Result<Vec<Load>, NotAnImage> {
    let (table, each, count) = (long(bytes, 28)?, short(bytes, 42)?, short(bytes, 44)?);
    let mut loads = Vec::new();
    for at in (0..count).map(|at| table + at * each) {
        let load = Load {
            address: long(bytes, at + 12)? as u32,
            at: long(bytes, at + 4)?,
            len: long(bytes, at + 16)?,
        };
        if long(bytes, at)? == 1 && load.len > 0 {
            loads.push(load);
        }
    }
    Ok(loads)
}

fn symbols(bytes: &[u8], [at, size, names]: [usize; 3]) -> Result<Vec<Symbol>, NotAnImage> {
    (at..at + size)
        .step_by(SYMBOL_LEN)
        .map(|at| {
            Ok(Symbol {
                name: name(bytes, names + long(bytes, at)?)?,
                address: long(bytes, at + 4)? as u32,
                size: long(bytes, at + 8)? as u32,
                function: long(bytes, at + 12)? & 0xF == 2,
            })
        })
        .collect()
}

fn short(bytes: &[u8], at: usize) -> Result<usize, NotAnImage> {
    let word = bytes.get(at..).and_then(<[u8]>::first_chunk).ok_or(NotAnImage::CutOff)?;
    Ok(u16::from_le_bytes(*word).into())
}

fn long(bytes: &[u8], at: usize) -> Result<usize, NotAnImage> {
    let word = bytes.get(at..).and_then(<[u8]>::first_chunk).ok_or(NotAnImage::CutOff)?;
    Ok(u32::from_le_bytes(*word) as usize)
}

fn name(bytes: &[u8], at: usize) -> Result<String, NotAnImage> {
    let rest = bytes.get(at..).ok_or(NotAnImage::CutOff)?;
    let end = rest.iter().position(|byte| *byte == 0).ok_or(NotAnImage::CutOff)?;
    Ok(String::from_utf8_lossy(rest.get(..end).unwrap_or_default()).into_owned())
}
