//! From a file's bytes to sheets: xlsx, xls and ods by calamine, everything else as CSV. What is too large is refused; no
//! bytes make it panic.

use std::io::{Cursor, Read as _};
use std::panic::{AssertUnwindSafe, catch_unwind};

use calamine::{Data, DataRef, Ods, Reader, Xls, Xlsx};
use encoding_rs::{Encoding, GB18030, UTF_8, UTF_16BE, UTF_16LE};
use zip::ZipArchive;

use super::cell::{Cell, Said, Sheet, said};

/// A point table of 10 000 rows has a tenth of that.
const FILE_BYTES_MAX: usize = 16 << 20;
/// What a packed file may hold.
const UNPACKED_BYTES_MAX: u64 = 256 << 20;
/// The old formats are read in one piece, gaps included.
const OLD_BYTES_MAX: usize = 4 << 20;
const SHEETS_MAX: usize = 32;
const ROWS_MAX: u32 = 10_100;
const COLUMNS_MAX: u32 = 256;
const CELL_CHARS_MAX: usize = 1_000;

/// In what form a table came, and so in what form it goes back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// A workbook.
    Book,
    /// Text with this byte between its cells.
    Csv(u8),
}

/// Reads the sheets of a file.
///
/// # Errors
/// What the file is not, or what it has too much of, and what to do.
pub fn read(bytes: &[u8]) -> Result<(Form, Vec<Sheet>), Said> {
    let megabytes = FILE_BYTES_MAX >> 20;
    if bytes.len() > FILE_BYTES_MAX {
        return Err(said!(
            "文件超过 {megabytes} MB；只留点表",
            "the file has more than {megabytes} MB; keep the point table only"
        ));
    }
    // calamine's readers of the old formats have panicked on damaged files.
    let read = catch_unwind(AssertUnwindSafe(|| match bytes {
        [b'P', b'K', 3, 4, ..] => packed(bytes).map(|sheets| (Form::Book, sheets)),
        [0xd0, 0xcf, 0x11, 0xe0, ..] => xls(bytes).map(|sheets| (Form::Book, sheets)),
        _ => csv(bytes),
    }));
    read.unwrap_or_else(|_| Err(damaged("?")))
}

fn damaged(why: impl ToString) -> Said {
    let why = why.to_string();
    said!(
        "读不出这个文件（{why}）；在 Excel 或 WPS 中打开后另存为 .xlsx",
        "the file cannot be read ({why}); open it in Excel and save it as .xlsx"
    )
}

fn too_many(what_zh: &str, what_en: &str, most: impl ToString) -> Said {
    let most = most.to_string();
    said!("{what_zh}超过 {most}；分成几个文件", "more than {most} {what_en}; split the file")
}

fn packed(bytes: &[u8]) -> Result<Vec<Sheet>, Said> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(damaged)?;
    let mut left = UNPACKED_BYTES_MAX;
    for index in 0..archive.len() {
        let entry = archive.by_index(index).map_err(damaged)?;
        // What the file says of its own size is not believed.
        let size = std::io::copy(&mut entry.take(left + 1), &mut std::io::sink()).map_err(damaged)?;
        left = left
            .checked_sub(size)
            .ok_or_else(|| too_many("解压后的字节数", "bytes unpacked", UNPACKED_BYTES_MAX))?;
    }
    let has = |name: &str| archive.index_for_name(name).is_some();
    match (has("xl/workbook.xml"), has("content.xml")) {
        (true, _) => xlsx(bytes),
        (false, true) => ods(bytes),
        (false, false) => Err(damaged("xlsx, ods?")),
    }
}

fn xlsx(bytes: &[u8]) -> Result<Vec<Sheet>, Said> {
    let mut book = Xlsx::new(Cursor::new(bytes)).map_err(damaged)?;
    let mut sheets = Vec::new();
    for name in book.sheet_names().into_iter().take(SHEETS_MAX) {
        // Charts have no cells.
        let Ok(mut cells) = book.worksheet_cells_reader(&name) else { continue };
        let mut sheet = Sheet { name, ..Sheet::default() };
        // Cell by cell: one cell in the last row must not make a million rows.
        while let Some(cell) = cells.next_cell().map_err(damaged)? {
            let (row, column) = cell.get_position();
            enter(&mut sheet, (row, column), cell_of(&owned(cell.get_value())))?;
        }
        sheets.push(sheet);
    }
    Ok(sheets)
}

fn owned(cell: &DataRef<'_>) -> Data {
    cell.clone().into()
}

fn xls(bytes: &[u8]) -> Result<Vec<Sheet>, Said> {
    whole(Xls::new(Cursor::new(small(bytes)?)).map_err(damaged)?)
}

fn ods(bytes: &[u8]) -> Result<Vec<Sheet>, Said> {
    whole(Ods::new(Cursor::new(small(bytes)?)).map_err(damaged)?)
}

fn small(bytes: &[u8]) -> Result<&[u8], Said> {
    let most = OLD_BYTES_MAX;
    if bytes.len() <= most {
        return Ok(bytes);
    }
    Err(said!(
        "xls、ods 文件超过 {most} 字节；另存为 .xlsx",
        "an xls or ods file of more than {most} bytes; save it as .xlsx"
    ))
}

fn whole<R: Reader<Cursor<B>>, B: AsRef<[u8]>>(mut book: R) -> Result<Vec<Sheet>, Said> {
    let mut sheets = Vec::new();
    for (name, range) in book.worksheets().into_iter().take(SHEETS_MAX) {
        let mut sheet = Sheet { name, ..Sheet::default() };
        let (top, left) = range.start().unwrap_or_default();
        for (row, column, value) in range.used_cells() {
            let place = (top.saturating_add(counted(row)), left.saturating_add(counted(column)));
            enter(&mut sheet, place, cell_of(value))?;
        }
        sheets.push(sheet);
    }
    Ok(sheets)
}

fn counted(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
}

fn cell_of(value: &Data) -> Option<Cell> {
    Some(match value {
        Data::Empty => return None,
        Data::String(text) => Cell::Text(text.clone()),
        Data::Float(number) => Cell::Number(*number),
        Data::Int(number) => {
            number.to_string().parse().map_or_else(|_| Cell::Text(number.to_string()), Cell::Number)
        }
        Data::Bool(on) => Cell::Switch(*on),
        Data::DateTime(date) => {
            let (year, month, day, ..) = date.to_ymd_hms_milli();
            Cell::Date(format!("{year:04}-{month:02}-{day:02}"))
        }
        Data::DateTimeIso(text) | Data::DurationIso(text) => Cell::Date(text.clone()),
        Data::Error(error) => Cell::Broken(error.to_string()),
    })
}

/// Puts a cell where a table may have one; cells of nothing but spaces do not count.
fn enter(sheet: &mut Sheet, (row, column): (u32, u32), cell: Option<Cell>) -> Result<(), Said> {
    let Some(cell) = cell.filter(|cell| !cell.to_string().trim().is_empty()) else { return Ok(()) };
    if row >= ROWS_MAX {
        return Err(too_many("行数", "rows", ROWS_MAX));
    }
    if column >= COLUMNS_MAX {
        return Err(too_many("列数", "columns", COLUMNS_MAX));
    }
    let place = sheet.place(row, column);
    let most = CELL_CHARS_MAX;
    if cell.to_string().chars().count() > most {
        return Err(said!(
            "{place} 超过 {most} 个字符；缩短它",
            "{place} has more than {most} characters; shorten it"
        ));
    }
    sheet.put(row, column, cell);
    Ok(())
}

fn csv(bytes: &[u8]) -> Result<(Form, Vec<Sheet>), Said> {
    let text = decoded(bytes)?;
    let (told, text) = match text.strip_prefix("sep=").and_then(|rest| rest.split_once('\n')) {
        Some((sign, rest)) => (sign.bytes().next(), rest),
        None => (None, text.as_str()),
    };
    let delimiter = told.unwrap_or_else(|| delimiter(text));
    let mut rows = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .from_reader(text.as_bytes());
    let mut sheet = Sheet::default();
    let mut lines = Lines { text, at: 0, breaks: u32::from(told.is_some()), inside: 0 };
    for record in rows.records() {
        let record = record.map_err(damaged)?;
        let row = lines.row_of(record.position().map_or(0, csv::Position::byte));
        for (column, cell) in record.iter().enumerate() {
            lines.inside = lines.inside.saturating_add(counted(cell.matches('\n').count()));
            enter(&mut sheet, (row, counted(column)), Some(Cell::Text(cell.to_owned())))?;
        }
    }
    Ok((Form::Csv(delimiter), vec![sheet]))
}

/// Counts rows as a person does: empty lines are rows, line breaks within a cell are not.
struct Lines<'a> {
    text: &'a str,
    at: usize,
    breaks: u32,
    inside: u32,
}

impl Lines<'_> {
    /// The row of the record that begins at or behind a byte.
    fn row_of(&mut self, byte: u64) -> u32 {
        let start = usize::try_from(byte).unwrap_or(usize::MAX);
        let empty = self.text.get(start..).unwrap_or_default().bytes();
        let start = start.saturating_add(empty.take_while(|byte| matches!(byte, b'\r' | b'\n')).count());
        let passed = self.text.as_bytes().get(self.at..start).unwrap_or_default();
        let breaks = passed.iter().filter(|byte| **byte == b'\n').count();
        (self.at, self.breaks) = (start, self.breaks.saturating_add(counted(breaks)));
        self.breaks.saturating_sub(self.inside)
    }
}

/// A byte-order mark decides; else what is UTF-8 is UTF-8, what has zeros is UTF-16, and the rest is what a Chinese Excel
/// calls CSV.
fn decoded(bytes: &[u8]) -> Result<String, Said> {
    let zeros = |parity: usize| bytes.iter().skip(parity).step_by(2).filter(|byte| **byte == 0).count();
    let encoding = match Encoding::for_bom(bytes) {
        Some((encoding, _)) => encoding,
        None if zeros(1) * 8 > bytes.len() => UTF_16LE,
        None if zeros(0) * 8 > bytes.len() => UTF_16BE,
        None if std::str::from_utf8(bytes).is_ok() => UTF_8,
        None => GB18030,
    };
    let (text, _, lossy) = encoding.decode(bytes);
    let is_garbage = |c: char| c.is_control() && !matches!(c, '\t' | '\r' | '\n');
    if lossy || text.contains(is_garbage) {
        return Err(said!(
            "既不是表格文件，也不是 UTF-8、UTF-16 或 GB18030 文本；另存为 .xlsx 或“CSV UTF-8”",
            "neither a spreadsheet nor text in UTF-8, UTF-16 or GB18030; save it as .xlsx or as CSV UTF-8"
        ));
    }
    Ok(text.into_owned())
}

/// What stands most often in the first line that has any.
fn delimiter(text: &str) -> u8 {
    let count = |line: &str, sign: u8| line.bytes().filter(|byte| *byte == sign).count();
    let signs = [b'\t', b';', b','];
    let most = |line: &str| {
        signs.into_iter().max_by_key(|sign| count(line, *sign)).filter(|sign| count(line, *sign) > 0)
    };
    text.lines().take(50).find_map(most).unwrap_or(b',')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_in_the_last_corner_of_a_sheet_is_refused_and_not_filled_up_to() {
        let mut book = rust_xlsxwriter::Workbook::new();
        book.add_worksheet().write_string(1_048_575, 16_383, "x").unwrap();
        let refused = read(&book.save_to_buffer().unwrap()).unwrap_err();
        assert!(refused.en.contains("more than 10100 rows"), "{}", refused.en);
    }

    #[test]
    fn a_formula_counts_by_its_saved_result_and_numbers_stay_numbers() {
        let mut book = rust_xlsxwriter::Workbook::new();
        let sheet = book.add_worksheet();
        sheet.write_formula(0, 0, rust_xlsxwriter::Formula::new("=1+1").set_result("2")).unwrap();
        sheet.write_formula(0, 1, rust_xlsxwriter::Formula::new("=#REF!").set_result("#REF!")).unwrap();
        sheet.write_number(0, 2, 1.0).unwrap();
        sheet.write_boolean(0, 3, true).unwrap();
        let (form, sheets) = read(&book.save_to_buffer().unwrap()).unwrap();
        let cells: Vec<Cell> = sheets[0].cells.values().cloned().collect();
        assert_eq!(form, Form::Book);
        assert_eq!(cells[0], Cell::Number(2.0));
        assert!(
            matches!(&cells[1], Cell::Broken(error) | Cell::Text(error) if error == "#REF!"),
            "{:?}",
            cells[1]
        );
        assert_eq!(cells[2..], [Cell::Number(1.0), Cell::Switch(true)]);
    }

    #[test]
    fn rows_of_a_csv_are_counted_as_a_person_counts_them() {
        let text = "\na;b\n\n\"c\nd\";e\n\nf;g\r\nh;i";
        let (form, sheets) = read(text.as_bytes()).unwrap();
        assert_eq!(form, Form::Csv(b';'));
        let places: Vec<_> =
            sheets[0].cells.iter().map(|((row, _), cell)| (*row, cell.to_string())).collect();
        let rows: Vec<u32> = places.iter().map(|(row, _)| *row).collect();
        assert_eq!(rows, [1, 1, 3, 3, 5, 5, 6, 6], "{places:?}");
    }

    #[test]
    fn what_is_no_table_is_refused_in_words() {
        for bytes in
            [b"\x00\x01\x02\xff\xfe\x80".as_slice(), b"PK\x03\x04", b"\xd0\xcf\x11\xe0rest", &[0x81; 7]]
        {
            let refused = read(bytes).unwrap_err();
            assert!(refused.zh.contains("另存为"), "{}", refused.zh);
        }
        assert!(read(&vec![b'a'; FILE_BYTES_MAX + 1]).is_err());
        assert!(
            read(format!("a{}", ",".repeat(300)).as_bytes()).is_ok(),
            "empty cells beyond the last column are none"
        );
        assert!(read("a,b".repeat(300).as_bytes()).unwrap_err().en.contains("256 columns"));
        assert!(read("a".repeat(1_001).as_bytes()).unwrap_err().en.contains("A1 has more than 1000"));
    }
}
