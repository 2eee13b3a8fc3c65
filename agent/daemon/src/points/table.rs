//! From a sheet to rows of points: headings are found, cells are read by their columns, and whatever cannot be meant is noted
//! at its cell.

use std::collections::BTreeMap;

use super::cell::{Cell, Note, Said, Sheet, folded, said};
use super::column::Columns;
use super::kind::{Scalar, reference};

/// Headings stand this far down at most.
const HEADING_ROW_MAX: u32 = 20;

/// What our own marked copies add.
pub(crate) const ERROR_HEADING: &str = "错误 error";

/// A point as a table has it.
#[derive(Clone, PartialEq, Debug)]
pub struct Row {
    /// Its row, from 0.
    pub row: u32,
    /// Its tag.
    pub tag: String,
    /// Value of each column that the table has; `None` where the cell is empty.
    pub(crate) values: BTreeMap<usize, Option<Scalar>>,
}

/// A point table.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Table {
    /// The cells as they came.
    pub sheet: Sheet,
    /// The points, in the order of the table.
    pub rows: Vec<Row>,
    /// What is wrong.
    pub notes: Vec<Note>,
    /// Headings that mean nothing here, with their places.
    pub unknown: Vec<String>,
    /// How many rows are examples.
    pub examples: usize,
    /// The row of the headings.
    pub heading_row: u32,
    /// The column of each value.
    columns: BTreeMap<usize, u32>,
}

impl Table {
    /// Reads the first sheet that has the heading of the tags.
    ///
    /// # Errors
    /// No sheet has it.
    pub fn new(sheets: Vec<Sheet>, columns: &Columns) -> Result<Self, Said> {
        let tag = columns.of_key("tag");
        for sheet in sheets {
            let rows = sheet.cells.keys().map(|(row, _)| *row).filter(|row| *row < HEADING_ROW_MAX);
            let mut rows: Vec<u32> = rows.collect();
            rows.dedup();
            let has_tag = |row: u32| sheet.row(row).any(|(_, cell)| columns.find(&cell.to_string()) == tag);
            // A single cell is a title or a sentence, not a row of headings.
            let Some(heading_row) = rows.into_iter().find(|row| has_tag(*row) && sheet.row(*row).count() > 1)
            else {
                continue;
            };
            let mut table = Self { sheet, heading_row, ..Self::default() };
            table.headings(columns);
            table.points(columns);
            return Ok(table);
        }
        Err(said!(
            "没有找到“位号 tag”这一列；从 hazard points template 得到的表格开始",
            "there is no column \"位号 tag\"; begin with the table that hazard points template writes"
        ))
    }

    /// The cell in which a point's value stands; where the table lacks the column, the cell of its tag.
    #[must_use]
    pub fn cell_of(&self, row: &Row, column: Option<usize>) -> (u32, u32) {
        let own = column.and_then(|column| self.columns.get(&column));
        (row.row, *own.or_else(|| self.columns.get(&0)).unwrap_or(&0))
    }

    /// Whether the table has a column.
    pub(crate) fn has(&self, column: usize) -> bool {
        self.columns.contains_key(&column)
    }

    /// Notes something at a point's value.
    pub(crate) fn note(&mut self, row: &Row, column: usize, said: Said) {
        let (row, column) = self.cell_of(row, Some(column));
        self.notes.push(Note { row, column, said });
    }

    fn headings(&mut self, columns: &Columns) {
        let headings: Vec<(u32, Cell)> =
            self.sheet.row(self.heading_row).map(|(column, cell)| (column, cell.clone())).collect();
        for (at, cell) in headings {
            let heading = cell.to_string();
            let heading = heading.trim();
            let place = self.sheet.place(self.heading_row, at);
            let said = match (columns.find(heading), columns.nearest(heading)) {
                (Some(column), _) => match self.columns.get(&column) {
                    None => {
                        self.columns.insert(column, at);
                        continue;
                    }
                    Some(first) => {
                        let first = self.sheet.place(self.heading_row, *first);
                        said!(
                            "与 {first} 是同一列；删去其中一列",
                            "the same column as {first}; remove one of them"
                        )
                    }
                },
                (None, _) if heading.starts_with(ERROR_HEADING) => continue,
                // Leaving out a set-point because of a slip of the pen is no service.
                (None, Some(near)) => {
                    said!(
                        "没有“{heading}”这一列；应为“{near}”？",
                        "there is no column \"{heading}\"; \"{near}\"?"
                    )
                }
                (None, None) => {
                    self.unknown.push(format!("{place} {heading}"));
                    continue;
                }
            };
            self.notes.push(Note { row: self.heading_row, column: at, said });
        }
    }

    fn points(&mut self, columns: &Columns) {
        let mut first: BTreeMap<String, u32> = BTreeMap::new();
        let mut rows: Vec<u32> =
            self.sheet.cells.keys().map(|(row, _)| *row).filter(|row| *row > self.heading_row).collect();
        rows.dedup();
        for at in rows {
            let mut row = Row { row: at, tag: String::new(), values: BTreeMap::new() };
            let tag = self.columns.get(&0).and_then(|column| self.sheet.cells.get(&(at, *column)));
            if tag.is_some_and(is_example) {
                self.examples += 1;
                continue;
            }
            if !self.columns.values().any(|column| self.sheet.cells.contains_key(&(at, *column))) {
                continue;
            }
            self.values(columns, &mut row);
            if let Some(Some(Scalar::Text(tag))) = row.values.get(&0) {
                row.tag.clone_from(tag);
            } else if !self
                .notes
                .iter()
                .any(|note| note.row == at && Some(&note.column) == self.columns.get(&0))
            {
                self.note(
                    &row,
                    0,
                    said!("没有位号；写上位号，或清空这一行", "no tag; write it, or empty the row"),
                );
            }
            if row.tag.is_empty() {
                continue;
            }
            if let Some(other) = first.insert(row.tag.clone(), at) {
                let other = self.sheet.place(other, *self.columns.get(&0).unwrap_or(&0));
                let tag = &row.tag;
                let said = said!(
                    "位号 {tag} 在 {other} 已写过；每个点只写一行",
                    "{other} has the tag {tag} already; one row a point"
                );
                self.note(&row, 0, said);
                continue;
            }
            self.rows.push(row);
        }
    }

    /// Reads the cells of a row; what cannot be read is noted and left out.
    fn values(&mut self, columns: &Columns, row: &mut Row) {
        let written: Vec<(usize, Option<Cell>)> = self
            .columns
            .iter()
            .map(|(column, at)| (*column, self.sheet.cells.get(&(row.row, *at)).cloned()))
            .collect();
        for (at, cell) in written {
            let Some(column) = columns.list.get(at) else { continue };
            match cell.map(|cell| (column.kind.parse(&cell), cell)) {
                None => {
                    row.values.insert(at, None);
                }
                Some((Ok(value), _)) => {
                    row.values.insert(at, Some(value));
                }
                Some((Err(said), cell)) => {
                    let moved = (column.key == "address").then(|| reference(&cell.to_string())).flatten();
                    let Some((place, reference)) = columns.of_key("reference").zip(moved) else {
                        self.note(row, at, said);
                        continue;
                    };
                    row.values.insert(at, None);
                    row.values.insert(place, Some(Scalar::Text(reference)));
                }
            }
        }
        self.move_long_reference(columns, row);
    }

    /// An address beyond 16 bits can only be a reference of six digits.
    fn move_long_reference(&mut self, columns: &Columns, row: &mut Row) {
        let Some((address, place)) = columns.of_key("address").zip(columns.of_key("reference")) else {
            return;
        };
        let told = row.values.get(&place).is_some_and(Option::is_some);
        if let (Some(Some(Scalar::Whole(written))), false) = (row.values.get(&address), told)
            && *written > i64::from(u16::MAX)
            && let Some(reference) = reference(&written.to_string())
        {
            row.values.insert(address, None);
            row.values.insert(place, Some(Scalar::Text(reference)));
        }
    }
}

/// Rows whose tag begins so show how it is done.
pub(crate) const EXAMPLE: &str = "例：";

fn is_example(cell: &Cell) -> bool {
    let text = folded(&cell.to_string());
    [folded(EXAMPLE).as_str(), "e.g."].iter().any(|sign| text.starts_with(sign))
}
