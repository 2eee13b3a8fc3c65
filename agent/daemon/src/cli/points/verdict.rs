//! Whether a point table may go into a site file: the table's own faults and those of the site as it would be, each at its
//! cell; else what changes, in words. It writes nothing.

use std::collections::BTreeSet;
use std::path::Path;

use crate::cli::obstacles;
use crate::config::{self, Fault, Lang, Loaded, Report, Severity};
use crate::points::{self, Columns, Difference, Form, Messages, Note, Places, Row, Said, SiteText, Table};

/// What happens to points that the table lacks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Missing {
    /// They stay.
    Kept,
    /// They go.
    Removed,
}

/// A table that may go in.
#[derive(Debug)]
pub struct Verdict {
    lines: Vec<Said>,
    text: String,
    empty: bool,
}

impl Verdict {
    /// What changes and what should be looked at.
    #[must_use]
    pub fn lines(&self) -> &[Said] {
        &self.lines
    }

    /// The site file's text with the changes.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether nothing changes.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.empty
    }
}

/// A table that may not go in.
#[derive(Debug)]
pub struct Trouble {
    /// The table, where it is one.
    table: Option<(Form, Table)>,
    /// What is said of no cell.
    beside: Vec<Said>,
}

impl Trouble {
    /// Everything that is wrong, cells first.
    #[must_use]
    pub fn lines(&self, site: &Path) -> Vec<Said> {
        let (mut lines, mut count) = (Vec::new(), self.beside.len());
        if let Some((_, table)) = &self.table {
            count += table.notes.len();
            lines.extend(table.notes.iter().map(|note| placed(table, note)));
        }
        lines.extend(self.beside.iter().cloned());
        let site = site.display();
        lines.push(Said {
            zh: format!("{count} 个错误（{site}）"), en: format!("errors: {count} ({site})")
        });
        lines
    }

    /// The table with its faults at their cells; `None` where no cell is at fault.
    #[must_use]
    pub fn marked(&self, lang: Lang) -> Option<Result<Vec<u8>, Said>> {
        let (form, table) = self.table.as_ref().filter(|(_, table)| !table.notes.is_empty())?;
        let mut messages = Messages::new();
        for note in &table.notes {
            let message: &mut String = messages.entry((note.row, note.column)).or_default();
            if !message.is_empty() {
                message.push('\n');
            }
            message.push_str(told(&note.said, lang));
        }
        Some(points::marked(*form, table, &messages))
    }

    /// In what form the table came.
    #[must_use]
    pub fn form(&self) -> Form {
        self.table.as_ref().map_or(Form::Book, |(form, _)| *form)
    }

    /// Whether the table is at fault, and not the site file.
    #[must_use]
    pub fn is_of_table(&self) -> bool {
        self.table.as_ref().is_none_or(|(_, table)| !table.notes.is_empty())
    }
}

/// One language of a text.
#[must_use]
pub fn told(said: &Said, lang: Lang) -> &str {
    match lang {
        Lang::Zh => &said.zh,
        Lang::En => &said.en,
    }
}

/// Looks at a table with a site file in mind.
///
/// # Errors
/// Everything that is wrong, as far as it can be seen at once.
pub fn examine(site: (&Path, &SiteText), table: &[u8], missing: Missing) -> Result<Verdict, Box<Trouble>> {
    let columns = Columns::new(&config::site_schema());
    let of_file = |said| Box::new(Trouble { table: None, beside: vec![said] });
    let (form, sheets) = points::read(table).map_err(of_file)?;
    let table = Table::new(sheets, &columns).map_err(of_file)?;
    Examination { columns, site, missing, form, table, beside: Vec::new() }.verdict()
}

struct Examination<'a> {
    columns: Columns,
    site: (&'a Path, &'a SiteText),
    missing: Missing,
    form: Form,
    table: Table,
    beside: Vec<Said>,
}

impl Examination<'_> {
    fn verdict(mut self) -> Result<Verdict, Box<Trouble>> {
        let (path, site) = self.site;
        let mut difference = Difference::new(&mut self.table, site, &self.columns);
        if self.missing == Missing::Removed {
            difference.remove_missing();
        }
        let mut fresh = site.clone();
        difference.apply(&mut fresh, &self.columns);
        let text = fresh.text();
        let loaded = match config::load_text(path, &text) {
            Ok(loaded) => Some(loaded),
            Err(report) => {
                self.blame(&report, &text);
                None
            }
        };
        if let Some(loaded) = &loaded {
            self.beside.extend(both(|lang| obstacles(loaded, lang)));
        }
        let Some(loaded) = loaded.filter(|_| self.table.notes.is_empty() && self.beside.is_empty()) else {
            self.table.notes.sort_by_key(|note| (note.row, note.column));
            return Err(Box::new(Trouble { table: Some((self.form, self.table)), beside: self.beside }));
        };
        let mut lines = self.remarks();
        lines.extend(difference.said(&self.columns));
        lines.extend(self.side_effects(&difference, &loaded));
        lines.extend(self.warnings(&loaded, &text));
        Ok(Verdict { lines, empty: difference.is_empty(), text })
    }

    /// Gives every fault of the site as it would be to the cell that it comes from.
    fn blame(&mut self, report: &Report, text: &str) {
        let noted: BTreeSet<(u32, u32)> =
            self.table.notes.iter().map(|note| (note.row, note.column)).collect();
        let is_noted = |row: u32| noted.range((row, 0)..=(row, u32::MAX)).next().is_some();
        let places = Places::new(text);
        for fault in report.faults().iter().filter(|fault| fault.code().severity() == Severity::Error) {
            match self.cell(report, fault, (&places, text)) {
                Some((row, at)) => {
                    let (row, column) = self.table.cell_of(&row, at);
                    // What follows from a cell that could not be taken was told at that cell.
                    let follows =
                        noted.contains(&(row, column)) || (at.is_none_or(|at| at == 0) && is_noted(row));
                    if !follows {
                        self.table.notes.push(Note { row, column, said: said_of(fault) });
                    }
                }
                None => {
                    let (file, line, character) = report.place(fault);
                    let said = said_of(fault);
                    let place = format!("{}:{line}:{character}", file.display());
                    self.beside.push(Said {
                        zh: format!("{place}：{}", said.zh),
                        en: format!("{place}: {}", said.en),
                    });
                }
            }
        }
    }

    /// The row and the column of a fault in the site file's text.
    fn cell(
        &self,
        report: &Report,
        fault: &Fault,
        (places, text): (&Places, &str),
    ) -> Option<(Row, Option<usize>)> {
        let (file, line, character) = report.place(fault);
        let (tag, key) = places.at(text, (line, character)).filter(|_| file == self.site.0)?;
        let row = self.table.rows.iter().find(|row| row.tag == tag)?;
        Some((row.clone(), key.and_then(|key| self.columns.of_key(key))))
    }

    fn remarks(&self) -> Vec<Said> {
        let (rows, examples) = (self.table.rows.len(), self.table.examples);
        let mut lines = vec![Said {
            zh: format!("点表有 {rows} 点；示例 {examples} 行不计"),
            en: format!("points in the table: {rows}; examples left out: {examples}"),
        }];
        if !self.table.unknown.is_empty() {
            let unknown = self.table.unknown.join(", ");
            lines.push(Said {
                zh: format!("不认识而没有导入的列：{unknown}"),
                en: format!("columns that are not known and were not imported: {unknown}"),
            });
        }
        lines
    }

    /// Points that come or go although no row says so: a device without points of its own has all of its template.
    fn side_effects(&self, difference: &Difference, after: &Loaded) -> Vec<Said> {
        let Ok(before) = config::load(self.site.0) else { return Vec::new() };
        let (added, removed) = difference.tags();
        let tags = |loaded: &Loaded| -> BTreeSet<String> {
            loaded.dictionary.points.iter().map(|point| point.tag.clone()).collect()
        };
        let (before, after) = (tags(&before), tags(after));
        let only = |these: &BTreeSet<String>, those: &BTreeSet<String>, told: &[&str]| {
            let rest = these.difference(those).filter(|tag| !told.contains(&tag.as_str()));
            rest.cloned().collect::<Vec<_>>().join(", ")
        };
        let mut lines = Vec::new();
        let (gone, come) = (only(&before, &after, &removed), only(&after, &before, &added));
        if !gone.is_empty() {
            lines.push(Said {
                zh: format!("注意：设备有了自己的点，就不再取模板的全部点；随之消失：{gone}"),
                en: format!("note: a device with points of its own no longer has all of its template; gone with it: {gone}"),
            });
        }
        if !come.is_empty() {
            lines.push(Said {
                zh: format!("注意：随设备的模板出现：{come}"),
                en: format!("note: come with the templates of their devices: {come}"),
            });
        }
        lines
    }

    fn warnings(&self, loaded: &Loaded, text: &str) -> Vec<Said> {
        let places = Places::new(text);
        let warnings = loaded.warnings.faults().iter().filter_map(|fault| {
            let (row, at) = self.cell(&loaded.warnings, fault, (&places, text))?;
            let (row, column) = self.table.cell_of(&row, at);
            let said = placed(&self.table, &Note { row, column, said: said_of(fault) });
            Some(Said { zh: format!("警告 {}", said.zh), en: format!("warning {}", said.en) })
        });
        warnings.collect()
    }
}

fn said_of(fault: &Fault) -> Said {
    Said {
        zh: format!("{}；{}", fault.message(Lang::Zh), fault.help(Lang::Zh)),
        en: format!("{}; {}", fault.message(Lang::En), fault.help(Lang::En)),
    }
}

/// A note with its cell, and the tag of its row.
fn placed(table: &Table, note: &Note) -> Said {
    let place = table.sheet.place(note.row, note.column);
    let tag = table.rows.iter().find(|row| row.row == note.row).map(|row| row.tag.as_str());
    let place = tag.map_or(place.clone(), |tag| format!("{place} {tag}"));
    Said { zh: format!("{place}：{}", note.said.zh), en: format!("{place}: {}", note.said.en) }
}

fn both(lines: impl Fn(Lang) -> Vec<String>) -> Vec<Said> {
    lines(Lang::Zh).into_iter().zip(lines(Lang::En)).map(|(zh, en)| Said { zh, en }).collect()
}
