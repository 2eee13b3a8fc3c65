//! Two flash pages whose power can be cut in any operation, before it, within it or behind it.

use std::cell::RefCell;
use std::rc::Rc;

use hazard_node::Flash;
use hazard_node::hal::{FlashFault, Page};

use crate::rng::Rng;

/// Words of a page.
pub(crate) const WORDS: usize = 256;
const ERASED: u32 = u32::MAX;

/// How power goes in an operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Cut {
    /// Before it did anything.
    Before,
    /// Within it: some bits are as they were, others as they should be.
    Within,
    /// When it was done.
    Behind,
}

#[derive(Clone, Debug)]
struct Cells {
    pages: [[u32; WORDS]; 2],
    operations: usize,
    cut: Option<(usize, Cut)>,
    dead: bool,
    worn: bool,
    rng: Rng,
    erases: [usize; 2],
}

/// The pages; a clone is the same memory.
#[derive(Clone, Debug)]
pub(crate) struct TornFlash(Rc<RefCell<Cells>>);

impl TornFlash {
    /// Erased pages; the seed says which bits of a torn operation took.
    pub(crate) fn new(seed: u64) -> Self {
        let pages = [[ERASED; WORDS]; 2];
        let (rng, erases) = (Rng::new(seed), [0; 2]);
        Self(Rc::new(RefCell::new(Cells {
            pages,
            operations: 0,
            cut: None,
            dead: false,
            worn: false,
            rng,
            erases,
        })))
    }

    /// A copy of what the pages hold, with power, for another life.
    pub(crate) fn copy(&self, seed: u64) -> Self {
        let other = Self::new(seed);
        other.0.borrow_mut().pages = self.0.borrow().pages;
        other
    }

    /// Cuts the power in the operation with this number, counted from 0 since the flash was made.
    pub(crate) fn cut_in(&self, operation: usize, cut: Cut) {
        self.0.borrow_mut().cut = Some((operation, cut));
    }

    /// From here on nothing can be programmed any more, and nobody says so.
    pub(crate) fn wear_out(&self) {
        self.0.borrow_mut().worn = true;
    }

    /// How many operations there were.
    pub(crate) fn operations(&self) -> usize {
        self.0.borrow().operations
    }

    /// Whether the power went.
    pub(crate) fn is_dead(&self) -> bool {
        self.0.borrow().dead
    }

    /// How often each page was erased.
    pub(crate) fn erases(&self) -> [usize; 2] {
        self.0.borrow().erases
    }

    /// Flips a bit.
    pub(crate) fn flip(&self, page: Page, word: usize, bit: u32) {
        self.0.borrow_mut().pages[index(page)][word] ^= 1 << bit;
    }

    fn operate(&self, page: Page, change: impl Fn(&mut [u32; WORDS])) -> Result<(), FlashFault> {
        let mut cells = self.0.borrow_mut();
        if cells.dead {
            return Err(FlashFault);
        }
        let cut = cells.cut.filter(|(at, _)| *at == cells.operations).map(|(_, cut)| cut);
        cells.operations += 1;
        let before = cells.pages[index(page)];
        let mut after = before;
        if !cells.worn {
            change(&mut after);
        }
        cells.dead = cut.is_some();
        let torn = match cut {
            Some(Cut::Before) => before,
            Some(Cut::Within) => std::array::from_fn(|at| {
                let mask = cells.rng.bits() as u32;
                before[at] & mask | after[at] & !mask
            }),
            Some(Cut::Behind) | None => after,
        };
        cells.pages[index(page)] = torn;
        if cut.is_some() { Err(FlashFault) } else { Ok(()) }
    }
}

const fn index(page: Page) -> usize {
    match page {
        Page::A => 0,
        Page::B => 1,
    }
}

impl Flash for TornFlash {
    fn words(&self) -> usize {
        WORDS
    }

    fn read(&self, page: Page, word: usize) -> Option<u32> {
        self.0.borrow().pages[index(page)].get(word).copied()
    }

    fn erase(&mut self, page: Page) -> Result<(), FlashFault> {
        self.0.borrow_mut().erases[index(page)] += 1;
        self.operate(page, |words| *words = [ERASED; WORDS])
    }

    fn program(&mut self, page: Page, word: usize, value: u32) -> Result<(), FlashFault> {
        let before = self.read(page, word).ok_or(FlashFault)?;
        assert!(before == ERASED || self.0.borrow().worn, "word {word} is programmed twice");
        self.operate(page, |words| words[word] &= value)
    }
}
