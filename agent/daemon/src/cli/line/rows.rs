//! Raw words in every reading that a data sheet may mean.

use std::time::Duration;

use hazard_core::link::{ReadRequest, Table, Words};
use serde::Serialize;

use super::grid::Grid;
use crate::cli::plan::reference;
use crate::cli::word;
use crate::config::Lang;

/// One register or bit.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub(super) struct Row {
    pub(super) reference: String,
    pub(super) address: u16,
    #[serde(flatten)]
    pub(super) cell: Cell,
}

impl Row {
    /// Whether the register or bit itself is what it was; its pair has a row of its own.
    pub(super) fn is_same_word(&self, before: &Self) -> bool {
        match (&self.cell, &before.cell) {
            (Cell::Bit { bit }, Cell::Bit { bit: before }) => bit == before,
            (Cell::Register { u16, .. }, Cell::Register { u16: before, .. }) => u16 == before,
            (Cell::Bit { .. }, Cell::Register { .. }) | (Cell::Register { .. }, Cell::Bit { .. }) => false,
        }
    }
}

#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Cell {
    Bit { bit: bool },
    Register { hex: String, u16: u16, i16: i16, bits: String, ascii: String, pair: Option<Pair> },
}

/// This register and the next one.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub(super) struct Pair {
    f32_abcd: String,
    f32_cdab: String,
    f32_badc: String,
    f32_dcba: String,
    u32_abcd: u32,
    u32_cdab: u32,
}

impl Pair {
    fn new(first: u16, second: u16) -> Self {
        let ([a, b], [c, d]) = (first.to_be_bytes(), second.to_be_bytes());
        Self {
            f32_abcd: float([a, b, c, d]),
            f32_cdab: float([c, d, a, b]),
            f32_badc: float([b, a, d, c]),
            f32_dcba: float([d, c, b, a]),
            u32_abcd: u32::from_be_bytes([a, b, c, d]),
            u32_cdab: u32::from_be_bytes([c, d, a, b]),
        }
    }
}

/// As short as it is exact; what no data sheet means is short too.
fn float(bytes: [u8; 4]) -> String {
    let value = f32::from_be_bytes(bytes);
    if value == 0.0 || (1e-4..1e7).contains(&value.abs()) || !value.is_finite() {
        value.to_string()
    } else {
        format!("{value:.3e}")
    }
}

/// The rows of an answer.
pub(super) fn rows(request: &ReadRequest, words: &Words) -> Vec<Row> {
    let row = |offset: usize, cell| {
        let address = request.start.wrapping_add(u16::try_from(offset).unwrap_or(u16::MAX));
        Row { reference: reference(request.table, address), address, cell }
    };
    match words {
        Words::Bits(bits) => bits.iter().enumerate().map(|(at, &bit)| row(at, Cell::Bit { bit })).collect(),
        Words::Registers(words) => {
            let cells =
                words.iter().enumerate().map(|(at, &word)| row(at, register(word, words.get(at + 1))));
            cells.collect()
        }
    }
}

fn register(word: u16, next: Option<&u16>) -> Cell {
    let shown = |byte: u8| if byte.is_ascii_graphic() { char::from(byte) } else { '.' };
    let [high, low] = word.to_be_bytes();
    Cell::Register {
        hex: format!("{word:04X}"),
        u16: word,
        i16: word.cast_signed(),
        bits: format!("{:04b} {:04b} {:04b} {:04b}", word >> 12, word >> 8 & 15, word >> 4 & 15, word & 15),
        ascii: [shown(high), shown(low)].iter().collect(),
        pair: next.map(|&next| Pair::new(word, next)),
    }
}

/// The rows as a table; `changed` marks those that are not what they were.
pub(super) fn render(rows: &[Row], age: Duration, changed: &dyn Fn(&Row) -> bool, lang: Lang) -> String {
    let is_bits = rows.iter().all(|row| matches!(row.cell, Cell::Bit { .. }));
    let mut head = vec!["", word(lang, "参考号", "ref"), "PDU"];
    if is_bits {
        head.push(word(lang, "值", "value"));
    } else {
        head.extend(["hex", "u16", "i16", "bits", "txt", "f32 ABCD", "f32 CDAB", "f32 BADC", "f32 DCBA"]);
        head.extend(["u32 ABCD", "u32 CDAB"]);
    }
    head.push(word(lang, "数据龄", "age"));
    let mut grid = Grid::new(head.iter().map(ToString::to_string).collect());
    for row in rows {
        let mark = if changed(row) { "*" } else { "" };
        let mut cells = vec![mark.to_owned(), row.reference.clone(), row.address.to_string()];
        cells.extend(cell(&row.cell));
        cells.push(seconds(age));
        grid.push(cells);
    }
    grid.to_string()
}

fn cell(cell: &Cell) -> Vec<String> {
    match cell {
        Cell::Bit { bit } => vec![u8::from(*bit).to_string()],
        Cell::Register { hex, u16, i16, bits, ascii, pair } => {
            let mut cells = vec![hex.clone(), u16.to_string(), i16.to_string(), bits.clone(), ascii.clone()];
            cells.extend(match pair {
                Some(pair) => {
                    let Pair { f32_abcd, f32_cdab, f32_badc, f32_dcba, u32_abcd, u32_cdab } = pair.clone();
                    [f32_abcd, f32_cdab, f32_badc, f32_dcba, u32_abcd.to_string(), u32_cdab.to_string()]
                }
                None => ["-"; 6].map(str::to_owned),
            });
            cells
        }
    }
}

pub(super) fn seconds(time: Duration) -> String {
    format!("{:.1}s", time.as_secs_f64())
}

/// What is read, for people: unit, references and addresses.
pub(super) fn caption(request: &ReadRequest, lang: Lang) -> String {
    let ReadRequest { unit, table, start, count } = *request;
    let last = start.saturating_add(count - 1);
    let function = match table {
        Table::Coil => 1,
        Table::Discrete => 2,
        Table::Holding => 3,
        Table::Input => 4,
    };
    let (first_ref, last_ref) = (reference(table, start), reference(table, last));
    match lang {
        Lang::Zh => format!(
            "站号 {unit}  参考号 {first_ref}–{last_ref}（PDU 地址 {start}–{last}，功能码 {function:02}）"
        ),
        Lang::En => format!(
            "unit {unit}  references {first_ref}–{last_ref} (PDU addresses {start}–{last}, function {function:02})"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_is_read_in_all_four_orders() {
        // 25.5 is 41CC 0000.
        let pair = Pair::new(0x41CC, 0x0000);
        assert_eq!((pair.f32_abcd.as_str(), pair.u32_abcd, pair.u32_cdab), ("25.5", 0x41CC_0000, 0x41CC));
        assert_eq!(Pair::new(0x0000, 0x41CC).f32_cdab, "25.5");
        assert_eq!(Pair::new(0xCC41, 0x0000).f32_badc, "25.5");
        assert_eq!(Pair::new(0x0000, 0xCC41).f32_dcba, "25.5");
    }

    #[test]
    fn the_last_register_has_no_pair_and_what_is_no_number_says_so() {
        let request = ReadRequest { unit: 1, table: Table::Holding, start: 0, count: 2 };
        let rows = rows(&request, &Words::Registers(vec![0x7FC0, 0xFFFE]));
        let Cell::Register { pair: Some(pair), .. } = &rows[0].cell else { panic!() };
        assert_eq!(pair.f32_abcd, "NaN");
        let Cell::Register { pair, i16, bits, .. } = &rows[1].cell else { panic!() };
        assert_eq!((pair, *i16, bits.as_str()), (&None, -2, "1111 1111 1111 1110"));
        assert_eq!((rows[1].reference.as_str(), rows[1].address), ("40002", 1));
    }
}
