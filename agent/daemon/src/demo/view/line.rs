//! A line of the terminal: texts with a look, measured in columns; a Chinese character takes two.

use unicode_width::UnicodeWidthChar as _;

use super::Tone;

/// A line.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Line {
    spans: Vec<(String, Tone)>,
    columns: usize,
}

impl Line {
    pub(super) fn of(text: &str, tone: Tone) -> Self {
        Self::default().and(text, tone)
    }

    /// Appends a text; control characters, which could steer the terminal, become dots.
    pub(super) fn and(mut self, text: &str, tone: Tone) -> Self {
        let text: String = text.chars().map(|c| if c.is_control() { '·' } else { c }).collect();
        self.columns += columns(&text);
        self.spans.push((text, tone));
        self
    }

    /// Appends a text in a column of its own, cut or filled with spaces, and a space after it.
    pub(super) fn cell(self, text: &str, width: usize, tone: Tone) -> Self {
        let width = width.saturating_sub(1);
        let cell = Self::of(text, tone).cut(width);
        let gap = width + 1 - cell.columns;
        cell.spans
            .into_iter()
            .fold(self, |line, (text, tone)| line.and(&text, tone))
            .and(&" ".repeat(gap), Tone::Plain)
    }

    /// Appends another line.
    pub(super) fn join(mut self, other: Self) -> Self {
        self.columns += other.columns;
        self.spans.extend(other.spans);
        self
    }

    /// At most so many columns; what is cut off leaves an ellipsis.
    pub(super) fn cut(self, width: usize) -> Self {
        if self.columns <= width {
            return self;
        }
        let mut line = Self::default();
        for (text, tone) in self.spans {
            let room = width.saturating_sub(line.columns + 1);
            let mut used = 0;
            let kept: String = text
                .chars()
                .take_while(|c| {
                    used += c.width().unwrap_or(0);
                    used <= room
                })
                .collect();
            let is_whole = kept.len() == text.len();
            line = line.and(&kept, tone);
            if !is_whole {
                let mark = if line.columns < width { "…" } else { "" };
                return line.and(mark, tone);
            }
        }
        line
    }

    /// Filled with spaces to so many columns.
    pub(super) fn filled(self, width: usize) -> Self {
        let gap = width.saturating_sub(self.columns);
        self.and(&" ".repeat(gap), Tone::Plain)
    }

    pub(super) const fn columns(&self) -> usize {
        self.columns
    }

    pub(super) fn spans(&self) -> &[(String, Tone)] {
        &self.spans
    }
}

/// The columns that a text takes.
fn columns(text: &str) -> usize {
    text.chars().map(|c| c.width().unwrap_or(0)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(line: &Line) -> String {
        line.spans().iter().map(|(text, _)| text.as_str()).collect()
    }

    #[test]
    fn a_chinese_character_takes_two_columns_and_is_never_halved() {
        let line = Line::of("报警", Tone::Alarm).and("ab", Tone::Plain);
        assert_eq!(line.columns(), 6);
        for (width, cut) in [(6, "报警ab"), (5, "报警…"), (4, "报…"), (3, "报…"), (2, "…"), (1, "…"), (0, "")]
        {
            let line = line.clone().cut(width);
            assert_eq!(text(&line), cut, "{width}");
            assert!(line.columns() <= width);
        }
    }

    #[test]
    fn a_cell_is_as_wide_as_it_is_told() {
        for width in 1..12 {
            for cell in ["", "a", "温度", "DC-1.温度"] {
                assert_eq!(Line::default().cell(cell, width, Tone::Plain).columns(), width, "{cell} {width}");
            }
        }
        assert_eq!(Line::of("报", Tone::Plain).filled(5).columns(), 5);
    }

    #[test]
    fn a_text_cannot_steer_the_terminal() {
        assert_eq!(text(&Line::of("a\u{1b}[2J\nb", Tone::Plain)), "a·[2J·b");
    }
}
