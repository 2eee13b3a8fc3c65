//! Cells and sheets without a file format, and words in both languages.

use std::collections::BTreeMap;
use std::fmt;

/// A text in both languages.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Said {
    /// 中文.
    pub zh: String,
    /// English.
    pub en: String,
}

impl Said {
    /// The same in both.
    pub(crate) fn same(text: impl ToString) -> Self {
        Self { zh: text.to_string(), en: text.to_string() }
    }
}

/// Says something in both languages with the same names in braces.
macro_rules! said {
    ($zh:literal, $en:literal $(,)?) => {
        $crate::points::cell::Said { zh: format!($zh), en: format!($en) }
    };
}
pub(crate) use said;

/// What a cell holds; an empty one is not there.
#[derive(Clone, PartialEq, Debug)]
pub enum Cell {
    /// Text as typed.
    Text(String),
    /// A number, also where a person sees an integer.
    Number(f64),
    /// TRUE or FALSE.
    Switch(bool),
    /// A date, which a spreadsheet likes to make of `1-2`.
    Date(String),
    /// An error such as `#REF!`.
    Broken(String),
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) | Self::Date(text) | Self::Broken(text) => f.write_str(text),
            Self::Number(number) => write!(f, "{number}"),
            Self::Switch(on) => f.write_str(if *on { "TRUE" } else { "FALSE" }),
        }
    }
}

/// A sheet: its cells by row and column, both from 0.
#[derive(Clone, Default, PartialEq, Debug)]
pub struct Sheet {
    /// Its name; empty for CSV.
    pub name: String,
    /// Its cells.
    pub cells: BTreeMap<(u32, u32), Cell>,
}

impl Sheet {
    /// Puts a cell; an empty text is no cell.
    pub(crate) fn put(&mut self, row: u32, column: u32, cell: Cell) {
        if cell != Cell::Text(String::new()) {
            self.cells.insert((row, column), cell);
        }
    }

    /// The cells of a row with their columns.
    pub(crate) fn row(&self, row: u32) -> impl Iterator<Item = (u32, &Cell)> {
        self.cells.range((row, 0)..=(row, u32::MAX)).map(|((_, column), cell)| (*column, cell))
    }

    /// The place of a cell in words: `点表!D7`.
    #[must_use]
    pub fn place(&self, row: u32, column: u32) -> String {
        let cell = format!("{}{}", letters(column), u64::from(row) + 1);
        if self.name.is_empty() { cell } else { format!("{}!{cell}", self.name) }
    }
}

/// What is wrong with a cell, and what to write.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Note {
    /// Row from 0.
    pub row: u32,
    /// Column from 0.
    pub column: u32,
    /// In words.
    pub said: Said,
}

/// `A` for 0, `AA` for 26.
pub(crate) fn letters(column: u32) -> String {
    let (mut rest, mut letters) = (u64::from(column) + 1, Vec::new());
    while rest > 0 {
        let digit = u8::try_from((rest - 1) % 26).unwrap_or_default();
        letters.push(char::from(b'A' + digit));
        rest = (rest - 1) / 26;
    }
    letters.iter().rev().collect()
}

/// A text as a machine means it: full-width signs become plain ones, what nobody sees is left out.
pub(crate) fn folded(text: &str) -> String {
    let plain = text.chars().filter_map(|c| match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0),
        '\u{3000}' | '\u{a0}' | '\t' | '\n' | '\r' => Some(' '),
        '、' => Some(','),
        '−' | '–' => Some('-'),
        '。' => Some('.'),
        '\u{200b}'..='\u{200f}' | '\u{feff}' => None,
        other => Some(other),
    });
    plain.collect::<String>().trim().to_owned()
}

/// A name without all that spellings differ in: case, spaces, signs.
pub(crate) fn bare(text: &str) -> String {
    folded(text).chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_counted_in_letters() {
        assert_eq!([0, 25, 26, 701, 702].map(letters), ["A", "Z", "AA", "ZZ", "AAA"]);
    }

    #[test]
    fn full_width_signs_and_invisible_ones_make_no_difference() {
        assert_eq!(folded("　ＧＴ－１０１\u{200b} "), "GT-101");
        assert_eq!(bare("位号 Tag："), "位号tag");
    }
}
