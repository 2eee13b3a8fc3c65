#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing)]

use core::cell::RefCell;
use core::ops::Range;
use std::collections::BTreeSet;
use std::vec::Vec;

use super::*;

const BASE: usize = 0x2000_0000;

/// Memory from `BASE` on; what lies outside fails the test.
struct Bench {
    words: Vec<u32>,
    /// The lowest bit of the word at this address does not fall.
    broken: Option<usize>,
    /// Addresses, since they were last taken.
    touched: RefCell<BTreeSet<usize>>,
}

impl Bench {
    fn new(words: u32) -> Self {
        let words = (0..words).map(|at| at * 0x0103_0507).collect();
        Self { words, broken: None, touched: RefCell::default() }
    }

    fn touched(&self) -> Vec<usize> {
        core::mem::take(&mut *self.touched.borrow_mut()).into_iter().collect()
    }

    fn place(&self, address: usize) -> usize {
        assert!(address >= BASE && address.is_multiple_of(WORD), "{address:#x}");
        self.touched.borrow_mut().insert(address);
        (address - BASE) / WORD
    }
}

impl Ram for Bench {
    fn read(&self, address: usize) -> u32 {
        self.words[self.place(address)] | u32::from(self.broken == Some(address))
    }

    fn write(&mut self, address: usize, word: u32) {
        let place = self.place(address);
        self.words[place] = word;
    }
}

/// Words of the bench, by number.
fn span(words: Range<usize>) -> Range<usize> {
    BASE + WORD * words.start..BASE + WORD * words.end
}

fn addresses(words: Range<usize>) -> Vec<usize> {
    span(words).step_by(WORD).collect()
}

/// As on a board: the stack below, the variables above it.
const FREE: Range<usize> = 0..45;
const VARIABLES: Range<usize> = 64..83;

fn start(bench: &mut Bench) -> MemoryTest {
    MemoryTest::at_start(bench, span(VARIABLES), span(FREE))
}

#[test]
fn the_start_tests_every_word_of_both_spans_and_no_other() {
    let mut bench = Bench::new(100);
    let test = start(&mut bench);
    assert_eq!(test.at_start, Check::Passed);
    assert_eq!(bench.touched(), [addresses(FREE), addresses(VARIABLES)].concat());
}

#[test]
fn the_start_puts_back_what_was_there_and_paints_the_guard() {
    let mut bench = Bench::new(100);
    let mut expected = bench.words.clone();
    start(&mut bench);
    expected[..GUARDS].fill(GUARD);
    assert_eq!(bench.words, expected);
}

#[test]
fn a_broken_word_is_found_at_the_start_wherever_it_is() {
    for broken in FREE.chain(VARIABLES) {
        let mut bench = Bench { broken: Some(BASE + WORD * broken), ..Bench::new(100) };
        let mut test = start(&mut bench);
        assert_eq!(test.at_start, Check::Failed, "word {broken}");
        bench.touched();
        bench.broken = None;
        for _ in 0..20 {
            assert_eq!(test.step(&mut bench, span(FREE)), Check::Failed, "what the start found stays");
        }
        assert_eq!(bench.touched(), [], "and nothing is tested any more");
    }
}

#[test]
fn a_broken_word_beside_the_spans_is_not_the_starts_business() {
    for broken in [FREE.end, VARIABLES.start - 1, VARIABLES.end] {
        let mut bench = Bench { broken: Some(BASE + WORD * broken), ..Bench::new(100) };
        assert_eq!(start(&mut bench).at_start, Check::Passed, "word {broken}");
    }
}

#[test]
fn variables_fewer_than_a_slice_are_tested_with_the_words_behind_them() {
    let mut bench = Bench::new(100);
    MemoryTest::at_start(&mut bench, span(64..66), span(FREE));
    assert_eq!(bench.touched(), [addresses(FREE), addresses(64..64 + SLICE)].concat());
}

#[test]
fn a_round_takes_a_slice_a_turn_leaves_guard_and_rest_alone_and_begins_anew() {
    let mut bench = Bench::new(100);
    let mut test = start(&mut bench);
    let held = bench.words.clone();
    bench.touched();
    for _ in 0..3 {
        for slice in [4..12, 12..20, 20..28, 28..36, 36..44] {
            assert_eq!(test.step(&mut bench, span(FREE)), Check::Passed);
            assert_eq!(bench.touched(), addresses(slice));
        }
        assert_eq!(test.step(&mut bench, span(FREE)), Check::Passed, "one word is left");
        assert_eq!(bench.touched(), []);
    }
    assert_eq!(bench.words, held);
}

#[test]
fn a_stack_that_grew_ends_the_round_before_it() {
    let mut bench = Bench::new(100);
    let mut test = start(&mut bench);
    test.step(&mut bench, span(FREE));
    bench.touched();
    // The next slice would be 12 to 19.
    test.step(&mut bench, span(0..19));
    assert_eq!(bench.touched(), []);
    test.step(&mut bench, span(0..12));
    assert_eq!(bench.touched(), addresses(4..12), "a slice that just fits, from the beginning");
    for nothing in [span(0..3), span(0..0)] {
        assert_eq!(test.step(&mut bench, nothing), Check::Passed);
        assert_eq!(bench.touched(), []);
    }
}

#[test]
fn a_word_that_breaks_later_is_found_within_one_round() {
    for broken in 4..44 {
        let mut bench = Bench::new(100);
        let mut test = start(&mut bench);
        bench.broken = Some(BASE + WORD * broken);
        let found = (0..6).map(|_| test.step(&mut bench, span(FREE)));
        assert!(found.collect::<Vec<_>>().contains(&Check::Failed), "word {broken}");
    }
}

#[test]
fn the_guard_is_whole_until_one_of_its_words_changes() {
    let mut bench = Bench::new(100);
    start(&mut bench);
    assert_eq!(stack_is_whole(&bench, BASE), Check::Passed);
    for word in 0..GUARDS {
        bench.words[word] ^= 1 << 31;
        assert_eq!(stack_is_whole(&bench, BASE), Check::Failed, "word {word}");
        bench.words[word] = GUARD;
    }
    bench.words[GUARDS] = 0;
    assert_eq!(stack_is_whole(&bench, BASE), Check::Passed, "the word behind it");
}
