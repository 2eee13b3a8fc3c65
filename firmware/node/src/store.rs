//! Settings in flash: two copies, of which one is always whole. A cut of power at any moment leaves the old settings or the new ones.
//!
//! A page holds, in 32-bit words: 0 a mark that is programmed last; 1 map version (high half) and number of registers; 2 sequence
//! number; 3 starts before this page; then the holding registers, two a word, the lower address in the high half; then the CRC-32 of
//! words 1 up to itself, each as four bytes, low byte first; then one word for each start, `0xFFFF_FFFF` for none yet.

use core::time::Duration;

use hazard_field::map::{self, holding};
use hazard_field::{Crc32, Mono};

use crate::hal::{Flash, FlashFault, Page};
use crate::node::Node;
use crate::settings::Line;
use crate::words::{self, HOLDINGS, Holdings, Image};

/// The words that a page must have at least: the settings, and room for starts.
pub const PAGE_WORDS_MIN: usize = STARTS_AT + 64;
/// How long after a change settings are stored, so that a row of writes is one.
pub const STORED_AFTER: Duration = Duration::from_secs(1);
/// The shortest time from one storing to the next: a page lasts some ten thousand.
pub const STORED_EVERY: Duration = Duration::from_secs(10);
/// How often storing is tried before it is given up until the next change.
pub const TRIES_MAX: u8 = 3;

const MAGIC: u32 = 0x3253_5A48;
const ERASED: u32 = u32::MAX;
const STARTED: u32 = 0;
const PAYLOAD_AT: usize = 4;
const CRC_AT: usize = PAYLOAD_AT + HOLDINGS.div_ceil(2);
const STARTS_AT: usize = CRC_AT + 1;

/// Where the settings in force came from, and whether they are stored.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum SettingsState {
    /// They are stored.
    #[default]
    Stored,
    /// Factory settings: nothing was ever stored.
    Factory,
    /// The other copy is damaged: its storing was cut off, and these are the settings before it.
    OlderCopy,
    /// Factory settings, because no copy is whole.
    BothDamaged,
    /// They changed and will be stored.
    ToBeStored,
    /// They could not be stored.
    StoringFailed,
}

impl SettingsState {
    /// The code in its register.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::Stored => 0,
            Self::Factory => 1,
            Self::OlderCopy => 2,
            Self::BothDamaged => 3,
            Self::ToBeStored => 4,
            Self::StoringFailed => 5,
        }
    }
}

/// What lies in a page.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Found {
    Blank,
    Whole { sequence: u32, starts: u32 },
    Damaged,
}

/// What was found at the start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Opened {
    /// The settings, unless there are none.
    pub(crate) holdings: Option<Holdings>,
    pub(crate) state: SettingsState,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Job {
    Idle,
    Erase { page: Page },
    Program { page: Page, word: usize },
    Commit { page: Page },
}

/// What a turn of the store led to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Progress {
    None,
    Stored,
    Failed,
}

/// The settings' store.
#[derive(Debug)]
pub(crate) struct Store<F> {
    flash: F,
    active: Option<(Page, u32)>,
    starts: u32,
    snapshot: Holdings,
    job: Job,
    tries: u8,
    changed_at: Option<Mono>,
    stored_at: Option<Mono>,
}

/// The line of the stored settings that [`crate::Device`] will take, for a board that must set its port up before anything else; `None`
/// when it will take the factory's: nothing is stored, or nothing that means something for a node of so many channels.
pub fn stored_line<const CHANNELS: usize>(flash: &impl Flash) -> Option<Line> {
    let (page, _, _) = newest(flash, Node::<CHANNELS>::can_take)?;
    words::line(&payload(flash, page)?)
}

impl<F: Flash> Store<F> {
    /// A store that has not been looked at.
    pub(crate) const fn new(flash: F) -> Self {
        Self {
            flash,
            active: None,
            starts: 0,
            snapshot: Image([0; HOLDINGS]),
            job: Job::Idle,
            tries: 0,
            changed_at: None,
            stored_at: None,
        }
    }

    /// Looks at both pages and takes the newest copy that is whole and means something. Nothing is written.
    pub(crate) fn open(&mut self, is_valid: impl Fn(&Holdings) -> bool) -> Opened {
        let found = [inspect(&self.flash, Page::A), inspect(&self.flash, Page::B)];
        let newest = newest(&self.flash, is_valid);
        let holdings = newest.and_then(|(page, _, _)| payload(&self.flash, page));
        let state = match (newest, found) {
            (None, [Found::Blank, Found::Blank]) => SettingsState::Factory,
            (None, _) => SettingsState::BothDamaged,
            (Some(_), [Found::Damaged, _] | [_, Found::Damaged]) => SettingsState::OlderCopy,
            (Some((page, _, _)), [Found::Whole { .. }, Found::Whole { .. }]) if is_older(found, page) => {
                SettingsState::OlderCopy
            }
            (Some(_), _) => SettingsState::Stored,
        };
        self.starts = newest.map_or(0, |(_, _, starts)| starts);
        self.active = newest.map(|(page, sequence, _)| (page, sequence));
        Opened { holdings, state }
    }

    /// Counts a start, writing the settings anew where a page has no room for its mark; returns how many there were, or 0 when that
    /// cannot be kept.
    pub(crate) fn count_start(&mut self, holdings: &Holdings) -> u32 {
        let Some((page, _)) = self.active else { return 0 };
        self.starts = self.starts.saturating_add(1);
        let free = (STARTS_AT..self.flash.words()).find(|&word| self.is_free_from(page, word));
        let counted = match free {
            Some(word) => self.flash.program(page, word, STARTED).is_ok(),
            None => self.store_at_once(holdings),
        };
        if counted { self.starts } else { 0 }
    }

    fn store_at_once(&mut self, holdings: &Holdings) -> bool {
        const OPERATIONS_MAX: usize = CRC_AT + 2;
        let Some((page, _)) = self.active else { return false };
        self.snapshot = *holdings;
        self.job = Job::Erase { page: page.other() };
        let mut steps = (0..OPERATIONS_MAX).map(|_| self.step(Mono::ZERO, || *holdings));
        steps.find(|progress| *progress != Progress::None) == Some(Progress::Stored)
    }

    /// The sequence number of the stored settings; 0 for none.
    pub(crate) fn sequence(&self) -> u32 {
        self.active.map_or(0, |(_, sequence)| sequence)
    }

    /// Whether a change waits or is being written.
    pub(crate) fn is_busy(&self) -> bool {
        self.changed_at.is_some() || self.is_writing()
    }

    /// Whether a page is being written: a start that is counted meanwhile would be missing in it.
    pub(crate) fn is_writing(&self) -> bool {
        self.job != Job::Idle
    }

    /// The settings changed. Changes that follow do not put off what is due: who writes without end is stored all the same.
    pub(crate) const fn note_change(&mut self, now: Mono) {
        if self.changed_at.is_none() {
            self.changed_at = Some(now);
        }
        self.tries = 0;
    }

    /// One flash operation at most, when one is due. `holdings` are the settings in force.
    pub(crate) fn step(&mut self, now: Mono, holdings: impl FnOnce() -> Holdings) -> Progress {
        let outcome = match self.job {
            Job::Idle => {
                self.begin(now, holdings);
                return Progress::None;
            }
            Job::Erase { page } => self.flash.erase(page).map(|()| Job::Program { page, word: 1 }),
            Job::Program { page, word } => self.program(page, word),
            Job::Commit { page } => return self.commit(now, page),
        };
        match outcome {
            Ok(next) => {
                self.job = next;
                Progress::None
            }
            Err(FlashFault) => self.give_up(now),
        }
    }

    fn begin(&mut self, now: Mono, holdings: impl FnOnce() -> Holdings) {
        let Some(changed_at) = self.changed_at else { return };
        let rested = self.stored_at.is_none_or(|at| now.since(at) >= STORED_EVERY);
        if now.since(changed_at) < STORED_AFTER || !rested {
            return;
        }
        self.changed_at = None;
        self.snapshot = holdings();
        self.job = Job::Erase { page: self.active.map_or(Page::A, |(page, _)| page.other()) };
    }

    fn program(&mut self, page: Page, word: usize) -> Result<Job, FlashFault> {
        let value = self.word(word);
        self.flash.program(page, word, value)?;
        if self.flash.read(page, word) != Some(value) {
            return Err(FlashFault);
        }
        Ok(if word < CRC_AT {
            Job::Program { page, word: word.saturating_add(1) }
        } else {
            Job::Commit { page }
        })
    }

    fn commit(&mut self, now: Mono, page: Page) -> Progress {
        let sequence = self.next_sequence();
        let done = self.flash.program(page, 0, MAGIC);
        if done.is_err() || inspect(&self.flash, page) != (Found::Whole { sequence, starts: self.starts }) {
            return self.give_up(now);
        }
        self.active = Some((page, sequence));
        self.job = Job::Idle;
        self.stored_at = Some(now);
        self.tries = 0;
        Progress::Stored
    }

    fn give_up(&mut self, now: Mono) -> Progress {
        self.job = Job::Idle;
        self.stored_at = Some(now);
        self.tries = self.tries.saturating_add(1);
        if self.tries < TRIES_MAX {
            self.changed_at = Some(self.changed_at.unwrap_or(now));
        }
        Progress::Failed
    }

    const fn next_sequence(&self) -> u32 {
        match self.active {
            Some((_, sequence)) => sequence.saturating_add(1),
            None => 1,
        }
    }

    /// A word of the page that is being written.
    fn word(&self, at: usize) -> u32 {
        if at == CRC_AT {
            (1..CRC_AT).fold(Crc32::new(), |crc, at| crc.with(&self.covered(at).to_le_bytes())).value()
        } else {
            self.covered(at)
        }
    }

    /// A word that the checksum covers. Apart from the checksum: a call of itself has no bounded stack.
    fn covered(&self, at: usize) -> u32 {
        match at {
            1 => u32::from(map::VERSION) << 16 | u32::from(holding::END),
            2 => self.next_sequence(),
            3 => self.starts,
            _ => pair(&self.snapshot, at.saturating_sub(PAYLOAD_AT)),
        }
    }

    fn is_free_from(&self, page: Page, word: usize) -> bool {
        (word..self.flash.words()).all(|word| self.flash.read(page, word) == Some(ERASED))
    }
}

/// The newest whole page whose settings mean something, with its sequence number and starts.
fn newest(flash: &impl Flash, is_valid: impl Fn(&Holdings) -> bool) -> Option<(Page, u32, u32)> {
    let whole = |page| match inspect(flash, page) {
        Found::Whole { sequence, starts } => Some((page, sequence, starts)),
        Found::Blank | Found::Damaged => None,
    };
    let means = |(page, _, _): &(Page, u32, u32)| payload(flash, *page).is_some_and(|found| is_valid(&found));
    let pages = [whole(Page::A), whole(Page::B)];
    pages.into_iter().flatten().filter(means).max_by_key(|(_, sequence, _)| *sequence)
}

fn is_older(found: [Found; 2], page: Page) -> bool {
    let sequence = |found| match found {
        Found::Whole { sequence, .. } => sequence,
        Found::Blank | Found::Damaged => 0,
    };
    let [a, b] = found.map(sequence);
    match page {
        Page::A => a < b,
        Page::B => b < a,
    }
}

fn inspect(flash: &impl Flash, page: Page) -> Found {
    let words = flash.words();
    if (0..words).all(|word| flash.read(page, word) == Some(ERASED)) {
        return Found::Blank;
    }
    whole(flash, page).unwrap_or(Found::Damaged)
}

fn whole(flash: &impl Flash, page: Page) -> Option<Found> {
    let shape = u32::from(map::VERSION) << 16 | u32::from(holding::END);
    if flash.words() < PAGE_WORDS_MIN || flash.read(page, 0)? != MAGIC || flash.read(page, 1)? != shape {
        return None;
    }
    let mut crc = Crc32::new();
    for word in 1..CRC_AT {
        crc = crc.with(&flash.read(page, word)?.to_le_bytes());
    }
    if crc.value() != flash.read(page, CRC_AT)? {
        return None;
    }
    let marks = (STARTS_AT..flash.words()).filter(|&word| flash.read(page, word) != Some(ERASED)).count();
    let starts = flash.read(page, 3)?.saturating_add(u32::try_from(marks).ok()?);
    Some(Found::Whole { sequence: flash.read(page, 2)?, starts })
}

fn payload(flash: &impl Flash, page: Page) -> Option<Holdings> {
    let mut holdings = Image([0; HOLDINGS]);
    for (pair, word) in holdings.0.chunks_mut(2).zip(PAYLOAD_AT..) {
        let read = flash.read(page, word)?;
        for (slot, half) in pair.iter_mut().zip([(read >> 16) as u16, read as u16]) {
            *slot = half;
        }
    }
    Some(holdings)
}

fn pair(holdings: &Holdings, at: usize) -> u32 {
    let word = |at: usize| u32::from(holdings.0.get(at).copied().unwrap_or(0));
    let first = at.saturating_mul(2);
    word(first) << 16 | word(first.saturating_add(1))
}
