//! A table for people: columns are aligned where a Chinese character is two columns wide.

use std::fmt;

use unicode_width::UnicodeWidthStr;

pub(in crate::cli) struct Grid(Vec<Vec<String>>);

impl Grid {
    pub(in crate::cli) fn new(head: Vec<String>) -> Self {
        Self(vec![head])
    }

    pub(in crate::cli) fn push(&mut self, row: Vec<String>) {
        self.0.push(row);
    }
}

impl fmt::Display for Grid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.0.iter().map(Vec::len).max().unwrap_or_default();
        let width = |column: usize| {
            let cells = self.0.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.width()).max().unwrap_or_default()
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for row in &self.0 {
            let cells = row.iter().zip(&widths);
            let padded = cells.map(|(cell, width)| format!("{cell}{}", " ".repeat(width - cell.width())));
            writeln!(f, "{}", padded.collect::<Vec<_>>().join("  ").trim_end())?;
        }
        Ok(())
    }
}
