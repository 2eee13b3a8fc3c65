//! Rows as Parquet: one row group for so many rows, columns as dictionaries, snappy.

use std::fs::File;
use std::sync::Arc;

use parquet::basic::Compression;
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;

use super::rows::{Cell, Column, Kind};

/// Rows that are kept in memory.
const ROWS_MAX: usize = 50_000;

/// A Parquet file that is being written.
pub(super) struct Sheet {
    file: SerializedFileWriter<File>,
    columns: &'static [Column],
    rows: Vec<Vec<Cell>>,
}

impl Sheet {
    pub(super) fn new(file: File, columns: &'static [Column]) -> Result<Self, ParquetError> {
        let field = |(name, kind): &Column| match kind {
            Kind::Time => format!("optional int64 {name} (TIMESTAMP(MILLIS,true));"),
            Kind::Whole => format!("optional int64 {name};"),
            Kind::Number => format!("optional double {name};"),
            Kind::Text => format!("optional binary {name} (UTF8);"),
        };
        let fields: String = columns.iter().map(field).collect();
        let schema = parse_message_type(&format!("message records {{ {fields} }}"))?;
        let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
        let file = SerializedFileWriter::new(file, Arc::new(schema), Arc::new(properties))?;
        Ok(Self { file, columns, rows: Vec::new() })
    }

    pub(super) fn row(&mut self, cells: Vec<Cell>) -> Result<(), ParquetError> {
        self.rows.push(cells);
        if self.rows.len() >= ROWS_MAX { self.group() } else { Ok(()) }
    }

    pub(super) fn end(mut self) -> Result<(), ParquetError> {
        if !self.rows.is_empty() {
            self.group()?;
        }
        self.file.close().map(|_| ())
    }

    fn group(&mut self) -> Result<(), ParquetError> {
        let mut group = self.file.next_row_group()?;
        for (at, (_, kind)) in self.columns.iter().enumerate() {
            column(&mut group, *kind, self.rows.iter().map(|row| row.get(at).unwrap_or(&Cell::Empty)))?;
        }
        group.close()?;
        self.rows.clear();
        Ok(())
    }
}

fn column<'a>(
    group: &mut SerializedRowGroupWriter<'_, File>,
    kind: Kind,
    cells: impl Iterator<Item = &'a Cell> + Clone,
) -> Result<(), ParquetError> {
    let present: Vec<i16> = cells.clone().map(|cell| i16::from(*cell != Cell::Empty)).collect();
    let Some(mut column) = group.next_column()? else { return Ok(()) };
    match kind {
        Kind::Time | Kind::Whole => {
            let values: Vec<i64> = cells.filter_map(whole).collect();
            column.typed::<Int64Type>().write_batch(&values, Some(&present), None)?;
        }
        Kind::Number => {
            let number = |cell: &Cell| if let Cell::Number(number) = cell { Some(*number) } else { None };
            let values: Vec<f64> = cells.filter_map(number).collect();
            column.typed::<DoubleType>().write_batch(&values, Some(&present), None)?;
        }
        Kind::Text => {
            let values: Vec<ByteArray> = cells.filter_map(text).collect();
            column.typed::<ByteArrayType>().write_batch(&values, Some(&present), None)?;
        }
    }
    column.close()
}

fn whole(cell: &Cell) -> Option<i64> {
    match cell {
        Cell::Time(utc) => Some(utc.unix_ms()),
        Cell::Whole(number) => Some(number.cast_signed()),
        Cell::Number(_) | Cell::Word(_) | Cell::Text(_) | Cell::Empty => None,
    }
}

fn text(cell: &Cell) -> Option<ByteArray> {
    match cell {
        Cell::Word(word) => Some(ByteArray::from(*word)),
        Cell::Text(text) => Some(ByteArray::from(text.as_str())),
        Cell::Time(_) | Cell::Whole(_) | Cell::Number(_) | Cell::Empty => None,
    }
}

#[cfg(test)]
mod tests {
    use hazard_core::Utc;
    use parquet::file::reader::{FileReader as _, SerializedFileReader};

    use super::*;

    #[test]
    fn rows_come_back_with_their_empty_cells() {
        const COLUMNS: [Column; 4] =
            [("at", Kind::Time), ("no", Kind::Whole), ("value", Kind::Number), ("text", Kind::Text)];
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.parquet");
        let mut sheet = Sheet::new(File::create(&path).unwrap(), &COLUMNS).unwrap();
        let full =
            [Cell::Time(Utc::from_unix_ms(5)), Cell::Whole(7), Cell::Number(1.5), Cell::Text("甲".into())];
        let rows = ROWS_MAX + 1;
        for _ in 0..rows / 2 {
            sheet.row(full.to_vec()).unwrap();
            sheet
                .row(vec![Cell::Time(Utc::from_unix_ms(6)), Cell::Empty, Cell::Empty, Cell::Word("w")])
                .unwrap();
        }
        sheet.row(full.to_vec()).unwrap();
        sheet.end().unwrap();
        let reader = SerializedFileReader::new(File::open(&path).unwrap()).unwrap();
        assert_eq!(reader.num_row_groups(), 2);
        let mut read = reader.get_row_iter(None).unwrap().map(|row| row.unwrap().to_string());
        assert_eq!(
            read.next().unwrap(),
            "{at: 1970-01-01 00:00:00.005 +00:00, no: 7, value: 1.5, text: \"甲\"}"
        );
        let second = read.next().unwrap();
        assert!(second.ends_with("no: null, value: null, text: \"w\"}"), "{second}");
        assert_eq!(read.count() + 2, rows);
    }
}
