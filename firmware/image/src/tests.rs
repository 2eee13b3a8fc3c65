//! Images written byte by byte: what is read from them is what was put in.

use hazard_node::hal::Program;
use hazard_node::image::{HEADER_LEN, unsealed, verify};

use crate::budget::Budget;
use crate::elf::{Elf, NotAnImage};
use crate::header::{NotSealed, sealed};
use crate::stack::{Calls, EXCEPTION_FRAME, Unbounded};

const FLASH: u32 = 0x1000;

/// A section: name, address, flags (1 written, 4 code), bytes; `None` for zeros of this size.
struct Part<'a> {
    name: &'a str,
    address: u32,
    flags: u32,
    bytes: Result<Vec<u8>, u32>,
}

/// A name, its address and its size; an odd address is a function's.
type Label<'a> = (&'a str, u32, u32);

/// A file with these sections, each loaded where it runs, and these symbols.
fn elf(parts: &[Part<'_>], labels: &[Label<'_>]) -> Vec<u8> {
    let mut file = vec![0; 52];
    let mut names = vec![0];
    let mut named = |name: &str| {
        let at = names.len() as u32;
        names.extend(name.bytes().chain([0]));
        at
    };
    let mut headers: Vec<[u32; 10]> = vec![[0; 10]];
    let mut loads = Vec::new();
    for part in parts {
        let (kind, size, bytes) = match &part.bytes {
            Ok(bytes) => (1, bytes.len() as u32, &bytes[..]),
            Err(size) => (8, *size, &[][..]),
        };
        let at = file.len() as u32;
        file.extend(bytes);
        headers.push([named(part.name), kind, 2 | part.flags, part.address, at, size, 0, 0, 4, 0]);
        if kind == 1 {
            loads.push([1, at, part.address, part.address, size, size, 5, 4]);
        }
    }
    let mut table = vec![0; 16];
    for (name, address, size) in labels {
        let kind = 2 * (address & 1);
        for word in [named(name), *address, *size, kind] {
            table.extend(word.to_le_bytes());
        }
    }
    let strings = headers.len() as u32 + 1;
    headers.push([0, 2, 0, 0, file.len() as u32, table.len() as u32, strings, 0, 4, 16]);
    file.extend(&table);
    headers.push([0, 3, 0, 0, file.len() as u32, names.len() as u32, 0, 0, 1, 0]);
    file.extend(&names);
    let programs = file.len() as u32;
    file.extend(loads.iter().flatten().flat_map(|word: &u32| word.to_le_bytes()));
    let sections = file.len() as u32;
    file.extend(headers.iter().flatten().flat_map(|word| word.to_le_bytes()));
    file[..6].copy_from_slice(b"\x7fELF\x01\x01");
    for (at, word) in [(28, programs), (32, sections)] {
        file[at..at + 4].copy_from_slice(&word.to_le_bytes());
    }
    for (at, half) in [(42, 32), (44, loads.len()), (46, 40), (48, headers.len()), (50, strings as usize)] {
        file[at..at + 2].copy_from_slice(&(half as u16).to_le_bytes());
    }
    file
}

fn code(halves: &[u16]) -> Vec<u8> {
    halves.iter().flat_map(|half| half.to_le_bytes()).collect()
}

fn text(halves: &[u16]) -> Part<'static> {
    Part { name: ".text", address: FLASH, flags: 4, bytes: Ok(code(halves)) }
}

fn parse(parts: &[Part<'_>], labels: &[Label<'_>]) -> Elf {
    Elf::parse(elf(parts, labels)).expect("an image")
}

/// `a` pushes 8 and calls `b` (20) and `c` (4, which calls `d`, 28).
const CALLS: [u16; 15] = [
    0xB510, 0xF000, 0xF804, 0xF000, 0xF805, 0xBD10, 0xB5F0, 0xBDF0, 0xB500, 0xF000, 0xF801, 0xBD00, 0xE92D,
    0x41FF, 0x4770,
];

#[test]
fn the_deepest_path_is_the_heaviest_and_not_the_longest_list_of_calls() {
    let labels = [("a", FLASH | 1, 12), ("b", FLASH + 13, 4), ("c", FLASH + 17, 8), ("d", FLASH + 25, 6)];
    let (path, unbounded) = Calls::of(&parse(&[text(&CALLS)], &labels)).deepest(FLASH | 1);
    let calls: Vec<_> = path.calls.iter().map(|(name, bytes)| (name.as_str(), *bytes)).collect();
    assert_eq!(calls, [("a", 8), ("c", 4), ("d", 40)]);
    assert_eq!((path.bytes, unbounded), (52, vec![]));
}

#[test]
fn what_has_no_bound_is_named() {
    // `a` calls itself, `b` calls through r3, `c` moves the stack by r4.
    let halves = [0xF7FF, 0xFFFE, 0x4770, 0x4798, 0x4770, 0xEBAD, 0x0D04, 0x4770];
    let labels = [("a", FLASH | 1, 6), ("b", FLASH + 7, 4), ("c", FLASH + 11, 6)];
    let calls = Calls::of(&parse(&[text(&halves)], &labels));
    let named = |name: &str| name.to_owned();
    assert_eq!(calls.deepest(FLASH).1, [Unbounded::Recursion(named("a"))]);
    assert_eq!(calls.deepest(FLASH + 6).1, [Unbounded::Indirect(named("b"))]);
    assert_eq!(calls.deepest(FLASH + 10).1, [Unbounded::Computed(named("c"))]);
}

fn board(header: [u8; HEADER_LEN]) -> (Vec<Part<'static>>, Vec<Label<'static>>) {
    // Reset takes 8, the interrupt's handler 20, the fault's 4.
    let halves = [0xB510, 0xBD10, 0xB5F0, 0xBDF0, 0xB500, 0xBD00];
    let at = FLASH + 0x100;
    let vectors = [0x2000_0400, at | 1, at + 9, at + 5].map(u32::to_le_bytes).concat();
    let parts = vec![
        Part { name: ".vector_table", address: FLASH, flags: 0, bytes: Ok(vectors) },
        Part { name: ".header", address: FLASH + 0x40, flags: 0, bytes: Ok(header.to_vec()) },
        Part { name: ".text", address: at, flags: 4, bytes: Ok(code(&halves)) },
        Part { name: ".data", address: 0x1110, flags: 1, bytes: Ok(vec![7; 8]) },
        Part { name: ".bss", address: 0x2000_0408, flags: 1, bytes: Err(100) },
    ];
    let labels = vec![
        ("_stack_end", 0x2000_0000, 0),
        ("_stack_start", 0x2000_0400, 0),
        ("Reset", at | 1, 4),
        ("UART", at + 5, 4),
        ("HardFault", at + 9, 4),
    ];
    (parts, labels)
}

#[test]
fn an_image_is_weighed_with_an_interrupt_and_a_fault_on_its_deepest_stack() {
    let (parts, labels) = board([0; HEADER_LEN]);
    let budget = Budget::of(&parse(&parts, &labels)).expect("its symbols");
    assert_eq!(
        (budget.code, budget.initialised, budget.zeroed, budget.reserved),
        (16 + 32 + 12, 8, 100, 1024)
    );
    assert_eq!(budget.stack.bytes, 8 + EXCEPTION_FRAME + 20 + EXCEPTION_FRAME + 4);
    assert_eq!((budget.flash(), budget.ram()), (68, 108 + 104));
    assert_eq!(budget.refusals(), Vec::<String>::new());
    assert_eq!(Budget::of(&parse(&parts, &labels[..2])), None, "no start");
}

#[test]
fn what_is_over_the_budget_is_refused() {
    let (mut parts, mut labels) = board([0; HEADER_LEN]);
    parts.push(Part { name: ".rodata", address: 0x8000, flags: 0, bytes: Ok(vec![1; 65_536]) });
    parts.push(Part { name: ".uninit", address: 0x2001_0000, flags: 1, bytes: Err(16_384) });
    labels[0].1 = 0x2000_03F0;
    let why = Budget::of(&parse(&parts, &labels)).expect("its symbols").refusals();
    let begins = ["65604 bytes of flash", "16596 bytes of RAM", "104 bytes of stack, and memory.x keeps 16"];
    assert_eq!(why.len(), begins.len(), "{why:?}");
    assert!(why.iter().zip(begins).all(|(why, begin)| why.starts_with(begin)), "{why:?}");
}

#[test]
fn a_sealed_image_is_one_that_the_node_believes_gaps_included() {
    let (parts, labels) = board(unsealed(*b"TEST", [1, 2, 3]));
    let sealed = sealed(&parse(&parts, &labels)).expect("a header");
    let program = Program { bytes: &sealed.flash, header_at: 0x40 };
    assert_eq!(verify(&program), Ok(sealed.header));
    assert_eq!((sealed.header.len, sealed.flash.len()), (0x118, 0x118));
    assert!(sealed.flash[0x60..0x100].iter().all(|byte| *byte == 0xFF), "a gap reads erased");
    let again = Elf::parse(sealed.elf).expect("still an image");
    let header = again.section(".header").expect("a header");
    assert_eq!(again.contents(header), sealed.header.to_bytes(), "the linker's file is sealed too");
}

#[test]
fn what_is_no_image_is_told() {
    let (parts, labels) = board([0; HEADER_LEN]);
    assert!(matches!(sealed(&parse(&parts, &labels)), Err(NotSealed::Header(_))));
    assert_eq!(sealed(&parse(&parts[2..], &labels)), Err(NotSealed::Lacks(".vector_table")));
    let file = elf(&parts, &labels);
    assert_eq!(Elf::parse(b"#!/bin/sh".to_vec()), Err(NotAnImage::NotElf32));
    for len in (6..file.len() - 40).step_by(41) {
        assert_eq!(Elf::parse(file[..len].to_vec()), Err(NotAnImage::CutOff), "{len}");
    }
}
