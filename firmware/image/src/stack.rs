//! The deepest stack that a program can need: the heaviest path of calls from its entry, by the instructions themselves.

use std::collections::BTreeMap;

use crate::elf::{Elf, Section};
use crate::thumb::{Effect, effect};

/// What the core puts on the stack when an exception is taken, with its alignment (ARM DDI 0403, B1.5.6).
pub const EXCEPTION_FRAME: u32 = 36;

/// A path of calls.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Path {
    /// Bytes of stack.
    pub bytes: u32,
    /// The functions, outermost first, with the stack of each.
    pub calls: Vec<(String, u32)>,
}

/// What keeps a path from having a bound.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Unbounded {
    /// This function calls itself, perhaps by way of others.
    Recursion(String),
    /// This function calls through a pointer.
    Indirect(String),
    /// This function takes an amount of stack that it computes.
    Computed(String),
}

/// The functions of an image and whom they call.
#[derive(Debug)]
pub struct Calls {
    functions: BTreeMap<u32, Function>,
}

#[derive(Debug)]
struct Function {
    name: String,
    end: u32,
    effect: Effect,
}

impl Calls {
    /// Reads all functions of an image.
    #[must_use]
    pub fn of(elf: &Elf) -> Self {
        let constants = constants(elf);
        let mut functions = BTreeMap::new();
        for section in elf.sections.iter().filter(|section| section.code) {
            for (start, end, name) in spans(elf, section) {
                let from = (start - section.address) as usize;
                let code = elf.contents(section).get(from..from + (end - start) as usize).unwrap_or_default();
                let is_code = |at: u32| constants.range(..=at).next_back().is_none_or(|(_, code)| *code);
                let effect = effect(code, start, is_code);
                functions.insert(start, Function { name, end, effect });
            }
        }
        Self { functions }
    }

    /// The heaviest path from the function at this address, and what has no bound on any path from it.
    #[must_use]
    pub fn deepest(&self, from: u32) -> (Path, Vec<Unbounded>) {
        let mut walk = Walk { calls: self, known: BTreeMap::new(), open: Vec::new(), unbounded: Vec::new() };
        let path = walk.visit(from & !1);
        walk.unbounded.sort();
        walk.unbounded.dedup();
        (path, walk.unbounded)
    }

    /// Whether the image has this function, by a part of its name.
    #[must_use]
    pub fn named(&self, part: &str) -> Vec<&str> {
        self.functions
            .values()
            .map(|function| function.name.as_str())
            .filter(|name| name.contains(part))
            .collect()
    }

    fn at(&self, address: u32) -> Option<(u32, &Function)> {
        let (&start, function) = self.functions.range(..=address).next_back()?;
        (address < function.end).then_some((start, function))
    }
}

struct Walk<'a> {
    calls: &'a Calls,
    known: BTreeMap<u32, Path>,
    open: Vec<u32>,
    unbounded: Vec<Unbounded>,
}

impl Walk<'_> {
    fn visit(&mut self, address: u32) -> Path {
        let Some((start, function)) = self.calls.at(address) else { return Path::default() };
        if self.open.contains(&start) {
            self.unbounded.push(Unbounded::Recursion(function.name.clone()));
            return Path::default();
        }
        if let Some(path) = self.known.get(&start) {
            return path.clone();
        }
        if function.effect.indirect {
            self.unbounded.push(Unbounded::Indirect(function.name.clone()));
        }
        if function.effect.unbounded {
            self.unbounded.push(Unbounded::Computed(function.name.clone()));
        }
        self.open.push(start);
        // A jump out of the body is a call in tail position; inside, it is a loop.
        let left = function.effect.jumps.iter().filter(|target| !(start..function.end).contains(*target));
        let called = function.effect.calls.iter().chain(left);
        let below =
            called.map(|target| self.visit(*target)).max_by_key(|path| path.bytes).unwrap_or_default();
        self.open.pop();
        let mut calls = vec![(function.name.clone(), function.effect.frame)];
        calls.extend(below.calls);
        let path = Path { bytes: function.effect.frame + below.bytes, calls };
        self.known.insert(start, path.clone());
        path
    }
}

/// Where each function of a section begins and ends; one without a size reaches to the next.
fn spans(elf: &Elf, section: &Section) -> Vec<(u32, u32, String)> {
    let section_end = section.address + section.size;
    let inside = |address: u32| (section.address..section_end).contains(&address);
    let mut starts: Vec<_> =
        elf.symbols.iter().filter(|symbol| symbol.function && inside(symbol.address & !1)).collect();
    starts.sort_by_key(|symbol| (symbol.address & !1, u32::MAX - symbol.size));
    starts.dedup_by_key(|symbol| symbol.address & !1);
    let next = |at: usize| starts.get(at + 1).map_or(section_end, |symbol| symbol.address & !1);
    let span = |(at, symbol): (usize, &&crate::elf::Symbol)| {
        let start = symbol.address & !1;
        let end = if symbol.size == 0 { next(at) } else { (start + symbol.size).min(section_end) };
        (start, end, symbol.name.clone())
    };
    starts.iter().enumerate().map(span).collect()
}

/// From which address on the bytes are code (`$t`) or constants (`$d`): the mapping symbols of ARM's ELF.
fn constants(elf: &Elf) -> BTreeMap<u32, bool> {
    let marks = elf.symbols.iter().filter_map(|symbol| {
        let mark = symbol.name.get(..2)?;
        (mark == "$t" || mark == "$d").then_some((symbol.address & !1, mark == "$t"))
    });
    marks.collect()
}
