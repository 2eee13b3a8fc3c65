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
