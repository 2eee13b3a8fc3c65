//! The demonstration on a terminal: takes a picture of what is, paints what changed, and leaves the terminal as it was.

mod keys;
mod line;
mod page;
#[cfg(test)]
mod tests;
mod tty;

use std::io::{self, Stdout, Write};

use crossterm::cursor::{Hide, MoveTo, Show};
use crossterm::queue;
use crossterm::style::{Attribute, Color, Print, ResetColor, SetAttribute, SetForegroundColor};
use crossterm::terminal::{Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen, size};

use crate::config::Lang;
pub use keys::{Key, keys};
use line::Line;
use tty::RawMode;

/// Columns and rows where the terminal does not tell.
const SIZE_UNKNOWN: (u16, u16) = (80, 24);

/// How a text looks.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Tone {
    /// As it is.
    #[default]
    Plain,
    /// Of little weight.
    Faint,
    /// Green: in order.
    Good,
    /// Yellow: a fault.
    Fault,
    /// Red: an alarm.
    Alarm,
    /// White on red: an alarm that nobody has acknowledged.
    Unacked,
    /// A heading.
    Heading,
}

/// An alarm that is not normal.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AlarmRow {
    /// When it came.
    pub at: String,
    /// 位号.
    pub tag: String,
    /// Which alarm of the point, in words.
    pub what: String,
    /// The value with its unit.
    pub value: String,
    /// Its state, in words.
    pub state: String,
    /// How it looks.
    pub tone: Tone,
}

/// A point.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PointRow {
    /// 位号.
    pub tag: String,
    /// Its name for people.
    pub name: String,
    /// The value with its unit, or why there is none.
    pub value: String,
    /// How it looks.
    pub tone: Tone,
}

/// A name and what is to be said of it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Fact {
    /// Its name; [`label`] writes it in both languages.
    pub name: String,
    /// What is to be said.
    pub value: String,
    /// How it looks.
    pub tone: Tone,
}

/// What is shown.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Screen {
    /// The first line: enterprise, gateway, clock.
    pub heading: String,
    /// The alarms, the most urgent first.
    pub alarms: Vec<AlarmRow>,
    /// The points.
    pub points: Vec<PointRow>,
    /// One line for each bus.
    pub buses: Vec<Fact>,
    /// The uplink.
    pub uplink: Vec<Fact>,
    /// The journal.
    pub journal: Vec<Fact>,
    /// What was recorded, confirmed and lost.
    pub ledger: Vec<Fact>,
    /// The annunciator's outputs, beside one another.
    pub panel: Vec<Fact>,
    /// What happened, the latest last.
    pub log: Vec<String>,
    /// The faults that are switched on.
    pub switched_on: Vec<Key>,
}

/// A name for people: Chinese with English beside it, or English alone.
#[must_use]
pub fn label(lang: Lang, zh: &str, en: &str) -> String {
    match lang {
        Lang::Zh => format!("{zh} {en}"),
        Lang::En => en.to_owned(),
    }
}

/// A terminal that shows [`Screen`]s; dropping it gives the terminal back as it was.
pub struct View<W: Write = Stdout> {
    out: W,
    lang: Lang,
    size: (u16, u16),
    shown: Vec<Line>,
    _raw: Option<RawMode>,
}

impl View<Stdout> {
    /// Takes the terminal on standard output, so that keys arrive one by one; a panic's message appears after it was given
    /// back.
    ///
    /// # Errors
    /// Standard output is no terminal, or it refuses.
    pub fn open(lang: Lang) -> io::Result<Self> {
        let raw = RawMode::enter()?;
        let mut view = Self::new(io::stdout(), lang)?;
        view._raw = Some(raw);
        Ok(view)
    }
}

impl<W: Write> View<W> {
    /// Paints on `out` without touching the keyboard's mode.
    ///
    /// # Errors
    /// As `out` refuses.
    pub fn new(mut out: W, lang: Lang) -> io::Result<Self> {
        queue!(out, EnterAlternateScreen, Hide, Clear(ClearType::All))?;
        out.flush()?;
        Ok(Self { out, lang, size: SIZE_UNKNOWN, shown: Vec::new(), _raw: None })
    }

    /// Shows the screen at the terminal's present size; only lines that changed are painted.
    ///
    /// # Errors
    /// As the terminal refuses.
    pub fn draw(&mut self, screen: &Screen) -> io::Result<()> {
        // A pseudo-terminal that nobody sized says 0 × 0.
        let size = size().ok().filter(|(columns, rows)| *columns > 0 && *rows > 0);
        self.draw_at(screen, size.unwrap_or(SIZE_UNKNOWN))
    }

    fn draw_at(&mut self, screen: &Screen, size: (u16, u16)) -> io::Result<()> {
        let mut bytes = Vec::new();
        if size != self.size {
            queue!(bytes, Clear(ClearType::All))?;
            (self.size, self.shown) = (size, Vec::new());
        }
        // The same number of lines at the same size: nothing is left standing below them.
        let lines = page::lines(screen, self.lang, size);
        for (row, line) in (0..).zip(&lines) {
            if self.shown.get(usize::from(row)) != Some(line) {
                paint(&mut bytes, row, line)?;
            }
        }
        if !bytes.is_empty() {
            self.out.write_all(&bytes)?;
            self.out.flush()?;
        }
        self.shown = lines;
        Ok(())
    }
}

impl<W: Write> Drop for View<W> {
    fn drop(&mut self) {
        // Nobody is left to tell when the terminal is gone.
        let _gone = queue!(self.out, ResetColor, SetAttribute(Attribute::Reset), Show, LeaveAlternateScreen)
            .and_then(|()| self.out.flush());
    }
}

fn paint(bytes: &mut Vec<u8>, row: u16, line: &Line) -> io::Result<()> {
    queue!(bytes, MoveTo(0, row))?;
    for (text, tone) in line.spans() {
        style(bytes, *tone)?;
        queue!(bytes, Print(text), ResetColor, SetAttribute(Attribute::Reset))?;
    }
    queue!(bytes, Clear(ClearType::UntilNewLine))
}

fn style(bytes: &mut Vec<u8>, tone: Tone) -> io::Result<()> {
    match tone {
        Tone::Plain => Ok(()),
        Tone::Faint => queue!(bytes, SetForegroundColor(Color::DarkGrey)),
        Tone::Good => queue!(bytes, SetForegroundColor(Color::Green)),
        Tone::Fault => queue!(bytes, SetForegroundColor(Color::Yellow)),
        Tone::Alarm => queue!(bytes, SetForegroundColor(Color::Red)),
        Tone::Unacked => {
            queue!(bytes, SetForegroundColor(Color::Red), SetAttribute(Attribute::Reverse))
        }
        Tone::Heading => queue!(bytes, SetForegroundColor(Color::Cyan), SetAttribute(Attribute::Bold)),
    }
}
