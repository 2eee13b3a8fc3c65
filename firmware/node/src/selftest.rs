//! The node's tests of itself: what is tested, in turn, and what came out. A test that did not run is not a test that passed.

use core::time::Duration;

use hazard_field::Mono;

use crate::hal::{AnalogReading, Check, Reference, SelfTest};
use crate::image::{Header, ImageCheck, ImageFault};

/// What the stack's guard words hold.
pub const GUARD: u32 = 0xC0DE_5AFE;
/// Bytes of the program that one turn checks.
const PROGRAM_STEP: usize = 64;
/// A relay must have followed its coil after so long.
pub const RELAY_SETTLES_WITHIN: Duration = Duration::from_millis(200);

/// What is tested; the bit in the self-test registers never changes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Tested {
    /// Memory, by a march test.
    Ram,
    /// The program image, by its header's CRC-32.
    Program,
    /// The stack's guard.
    Stack,
    /// The converter, by a known signal.
    Reference,
    /// The relays, by their second contacts.
    Relays,
    /// The settings' store, by reading back what was written.
    Settings,
    /// The outputs' pins.
    Pins,
    /// The clock, which never steps back.
    Clock,
    /// The buttons, of which none stays pressed.
    Buttons,
}

impl Tested {
    /// All, by bit from 0.
    pub const ALL: [Self; 9] = [
        Self::Ram,
        Self::Program,
        Self::Stack,
        Self::Reference,
        Self::Relays,
        Self::Settings,
        Self::Pins,
        Self::Clock,
        Self::Buttons,
    ];

    /// Its bit's place.
    #[must_use]
    pub const fn bit(self) -> u8 {
        match self {
            Self::Ram => 0,
            Self::Program => 1,
            Self::Stack => 2,
            Self::Reference => 3,
            Self::Relays => 4,
            Self::Settings => 5,
            Self::Pins => 6,
            Self::Clock => 7,
            Self::Buttons => 8,
        }
    }

    /// Whether measuring or alarming can no longer be trusted when it fails; the rest asks for maintenance.
    #[must_use]
    pub const fn is_vital(self) -> bool {
        match self {
            Self::Ram | Self::Program | Self::Stack | Self::Reference | Self::Relays | Self::Pins => true,
            Self::Settings | Self::Clock | Self::Buttons => false,
        }
    }
}

/// What came out, as the registers show it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Results {
    failed: u16,
    done: u16,
}

impl Results {
    /// Takes an outcome; one that is absent changes nothing.
    pub const fn note(&mut self, tested: Tested, outcome: Check) {
        let bit = 1 << tested.bit();
        match outcome {
            Check::Passed => {
                self.done |= bit;
                self.failed &= !bit;
            }
            Check::Failed => {
                self.done |= bit;
                self.failed |= bit;
            }
            Check::Absent => {}
        }
    }

    /// What failed in its last run.
    #[must_use]
    pub const fn failed_bits(self) -> u16 {
        self.failed
    }

    /// What ran since the start.
    #[must_use]
    pub const fn done_bits(self) -> u16 {
        self.done
    }

    /// Whether this failed in its last run.
    #[must_use]
    pub const fn has_failed(self, tested: Tested) -> bool {
        self.failed >> tested.bit() & 1 == 1
    }
}

impl Reference {
    /// Whether the converter read what it should have.
    #[must_use]
    pub const fn check(self) -> Check {
        match self.reading {
            AnalogReading::Raw(raw) if raw.abs_diff(self.expected) <= self.tolerance.unsigned_abs() => {
                Check::Passed
            }
            AnalogReading::Raw(_) | AnalogReading::Fault => Check::Failed,
        }
    }
}

/// Memory under test. A board offers volatile words; what lies in them is destroyed.
pub trait Cells {
    /// How many words.
    fn count(&self) -> usize;
    /// Reads a word.
    fn read(&mut self, at: usize) -> u32;
    /// Writes a word.
    fn write(&mut self, at: usize, word: u32);
}

/// March C−: finds stuck cells, cells that do not change, wrong addresses and cells that disturb one another. Six passes over the
/// words, with all bits 0 and 1, and with alternating bits for neighbours inside a word.
pub fn march(cells: &mut impl Cells) -> Check {
    for background in [0, 0x5555_5555, 0x3333_3333, 0x0F0F_0F0F] {
        if !march_over(cells, background) {
            return Check::Failed;
        }
    }
    Check::Passed
}

fn march_over(cells: &mut impl Cells, zero: u32) -> bool {
    let (one, count) = (!zero, cells.count());
    for at in 0..count {
        cells.write(at, zero);
    }
    for (expected, written) in [(zero, one), (one, zero)] {
        if !(0..count).all(|at| turns(cells, at, expected, written)) {
            return false;
        }
    }
    for (expected, written) in [(zero, one), (one, zero)] {
        if !(0..count).rev().all(|at| turns(cells, at, expected, written)) {
            return false;
        }
    }
    (0..count).all(|at| cells.read(at) == zero)
}

fn turns(cells: &mut impl Cells, at: usize, expected: u32, written: u32) -> bool {
    let held = cells.read(at) == expected;
    cells.write(at, written);
    held
}

/// Tests words that are in use and puts back what they held. Nothing else may touch them meanwhile.
pub fn march_in_place<const LEN: usize>(cells: &mut impl Cells) -> Check {
    let mut kept = [0; LEN];
    if cells.count() > LEN {
        return Check::Failed;
    }
    for (at, word) in kept.iter_mut().enumerate().take(cells.count()) {
        *word = cells.read(at);
    }
    let outcome = march(cells);
    for (at, word) in kept.iter().enumerate().take(cells.count()) {
        cells.write(at, *word);
    }
    outcome
}

/// Whether the words at the end of the stack are as they were painted at the start.
#[must_use]
pub fn guard_is_whole(words: &[u32]) -> Check {
    if words.iter().all(|word| *word == GUARD) { Check::Passed } else { Check::Failed }
}

/// Runs the tests in turn, a slice at a time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rounds {
    next: usize,
    image: ImageCheck,
    driven: Option<(Mono, [bool; 3])>,
    /// The image's header, once it was seen whole.
    pub(crate) header: Option<Header>,
}

impl Rounds {
    pub(crate) const fn new() -> Self {
        Self { next: 0, image: ImageCheck::new(), driven: None, header: None }
    }

    /// Which coils were energised; the relays' test waits until they have followed.
    pub(crate) fn note_driven(&mut self, now: Mono, energised: [bool; 3]) {
        if self.driven.is_none_or(|(_, before)| before != energised) {
            self.driven = Some((now, energised));
        }
    }

    /// One slice of one test.
    pub(crate) fn step(&mut self, now: Mono, board: &mut impl SelfTest, results: &mut Results) {
        const ROUND: [Tested; 5] =
            [Tested::Ram, Tested::Program, Tested::Stack, Tested::Reference, Tested::Relays];
        let Some(tested) = ROUND.get(self.next).copied() else {
            self.next = 0;
            return;
        };
        self.next = self.next.saturating_add(1);
        let outcome = match tested {
            // A word that failed is one of many: what the next slice says does not undo it.
            Tested::Ram if results.has_failed(Tested::Ram) => return,
            Tested::Ram => board.ram(),
            Tested::Program => self.program(board),
            Tested::Stack => board.stack(),
            Tested::Reference => board.reference().map_or(Check::Absent, Reference::check),
            Tested::Relays => self.relays(now, board),
            Tested::Settings | Tested::Pins | Tested::Clock | Tested::Buttons => Check::Absent,
        };
        results.note(tested, outcome);
    }

    fn program(&mut self, board: &impl SelfTest) -> Check {
        let Some(program) = board.program() else { return Check::Absent };
        match self.image.step(&program, PROGRAM_STEP) {
            None => Check::Absent,
            Some(Ok(header)) => {
                self.header = Some(header);
                Check::Passed
            }
            Some(Err(
                ImageFault::NoHeader | ImageFault::BadHeader | ImageFault::BadLength | ImageFault::BadImage,
            )) => Check::Failed,
        }
    }

    fn relays(&self, now: Mono, board: &mut impl SelfTest) -> Check {
        let Some((since, driven)) = self.driven else { return Check::Absent };
        if now.since(since) < RELAY_SETTLES_WITHIN {
            return Check::Absent;
        }
        match board.coils_energised() {
            None => Check::Absent,
            Some(read) if read == driven => Check::Passed,
            Some(_) => Check::Failed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    /// What is wrong with a memory.
    #[derive(Clone, Copy, Debug)]
    enum Broken {
        Nothing,
        /// A bit of a word always reads so.
        Stuck(usize, u32, bool),
        /// A bit of a word cannot rise.
        NoRise(usize, u32),
        /// Two addresses are one word.
        Alias(usize, usize),
        /// A rising bit of the first word flips that of the second.
        Coupled(usize, usize, u32),
        /// Two bits of a word are short.
        Bridged(usize, u32, u32),
    }

    struct Memory(Vec<u32>, Broken);

    impl Cells for Memory {
        fn count(&self) -> usize {
            self.0.len()
        }

        fn read(&mut self, at: usize) -> u32 {
            match self.1 {
                Broken::Stuck(word, bit, true) if word == at => self.0[at] | 1 << bit,
                Broken::Stuck(word, bit, false) if word == at => self.0[at] & !(1 << bit),
                Broken::Alias(word, other) if word == at => self.0[other],
                _ => self.0[at],
            }
        }

        fn write(&mut self, at: usize, word: u32) {
            let before = self.0[at];
            self.0[at] = match self.1 {
                Broken::NoRise(place, bit) if place == at => word & (before | !(1 << bit)),
                Broken::Bridged(place, a, b) if place == at && (word >> a ^ word >> b) & 1 == 1 => {
                    word & !(1 << a) & !(1 << b)
                }
                _ => word,
            };
            match self.1 {
                Broken::Alias(place, other) if place == at => self.0[other] = word,
                Broken::Coupled(place, other, bit) if place == at && (word & !before) >> bit & 1 == 1 => {
                    self.0[other] ^= 1 << bit;
                }
                _ => {}
            }
        }
    }

    #[test]
    fn the_march_finds_what_a_memory_can_have_and_nothing_in_a_whole_one() {
        assert_eq!(march(&mut Memory(std::vec![7; 16], Broken::Nothing)), Check::Passed);
        for (word, other) in [(0, 15), (15, 0), (7, 8)] {
            for bit in 0..32 {
                let neighbour = (bit + 1) % 32;
                for broken in [
                    Broken::Stuck(word, bit, true),
                    Broken::Stuck(word, bit, false),
                    Broken::NoRise(word, bit),
                    Broken::Alias(word, other),
                    Broken::Coupled(word, other, bit),
                    Broken::Bridged(word, bit, neighbour),
                ] {
                    let outcome = march(&mut Memory(std::vec![0; 16], broken));
                    assert_eq!(outcome, Check::Failed, "{broken:?}");
                }
            }
        }
    }

    #[test]
    fn a_march_in_place_puts_back_what_was_there() {
        let held: Vec<u32> = (0..16).map(|at| at * 0x0101_0101).collect();
        let mut memory = Memory(held.clone(), Broken::Nothing);
        assert_eq!(march_in_place::<16>(&mut memory), Check::Passed);
        assert_eq!(memory.0, held);
        assert_eq!(march_in_place::<15>(&mut memory), Check::Failed, "more words than it can keep");
        assert_eq!(memory.0, held);
    }

    #[test]
    fn a_guard_with_one_word_gone_is_not_whole() {
        let mut words = [GUARD; 8];
        assert_eq!(guard_is_whole(&words), Check::Passed);
        words[3] = 0;
        assert_eq!(guard_is_whole(&words), Check::Failed);
    }
}
