//! Records as rows of a table, for people and their spreadsheets.

use std::io::{BufWriter, Write};
use std::sync::Arc;

use hazard_core::Utc;
use hazard_core::id::{Epoch, MessageId, UplinkId};
use hazard_core::outbox::record::Body;
use hazard_core::outbox::{Lane, Record};
use hazard_core::reading::{Quantity, Reading, Sample};
use hazard_core::{Publish, Stamp};
use serde_json::Value;

use crate::journal::Header;
use crate::journal::manifest::time;
use crate::settings::Identity;
use crate::uplink::wire::Wire;
use crate::words;

/// What a column holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Time,
    Whole,
    Number,
    Text,
}

/// Name and kind of a column.
pub(super) type Column = (&'static str, Kind);

/// One cell.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Cell {
    Time(Utc),
    Whole(u64),
    Number(f64),
    /// Our own words.
    Word(&'static str),
    /// Whatever people and devices wrote.
    Text(String),
    Empty,
}

const EVENTS: [Column; 15] = [
    ("time", Kind::Time),
    ("clock", Kind::Text),
    ("epoch", Kind::Text),
    ("epoch_no", Kind::Whole),
    ("seq", Kind::Whole),
    ("kind", Kind::Text),
    ("tag", Kind::Text),
    ("from", Kind::Text),
    ("to", Kind::Text),
    ("value", Kind::Text),
    ("unit", Kind::Text),
    ("actor", Kind::Text),
    ("cause", Kind::Text),
    ("note", Kind::Text),
    ("detail", Kind::Text),
];

const READINGS: [Column; 12] = [
    ("time", Kind::Time),
    ("clock", Kind::Text),
    ("epoch", Kind::Text),
    ("epoch_no", Kind::Whole),
    ("seq", Kind::Whole),
    ("tag", Kind::Text),
    ("name", Kind::Text),
    ("value", Kind::Number),
    ("text", Kind::Text),
    ("unit", Kind::Text),
    ("quality", Kind::Text),
    ("reason", Kind::Text),
];

/// What an event is about: the first of these that it has.
const ABOUT: [&str; 12] = [
    "alarm",
    "point",
    "device",
    "bus",
    "output",
    "uplink",
    "trip",
    "vote",
    "permit",
    "upkeep",
    "role",
    "condition",
];

pub(super) const fn columns(lane: Lane) -> &'static [Column] {
    match lane {
        Lane::Event => &EVENTS,
        Lane::Reading => &READINGS,
    }
}

/// Makes rows of an epoch's records.
pub(super) struct Rows {
    wire: Wire,
    ordinal: u64,
    header: Option<Header>,
}

impl Rows {
    pub(super) fn new() -> Self {
        let empty = String::new;
        let identity =
            Identity { district: empty(), enterprise: empty(), enterprise_name: empty(), gateway: empty() };
        Self { wire: Wire::new(identity), ordinal: 0, header: None }
    }

    /// The records that follow are of this epoch.
    pub(super) fn enter(&mut self, ordinal: u64, header: Option<&Header>) {
        if let Some(header) = header.filter(|_| self.ordinal != ordinal) {
            self.wire.learn(header.epoch, Some(ordinal), Arc::clone(&header.dictionary));
        }
        (self.ordinal, self.header) = (ordinal, header.cloned());
    }

    /// The rows of a record: one an event, one a reading.
    pub(super) fn of(&self, record: &Arc<Record>) -> Vec<Vec<Cell>> {
        if let Body::Readings(readings) = &record.body {
            return readings.iter().map(|reading| self.reading(record, reading)).collect();
        }
        vec![self.event(record)]
    }

    fn head(&self, record: &Record) -> Vec<Cell> {
        let Stamp { utc, trust, .. } = record.stamp;
        let epoch = self.header.as_ref().map(|header| format!("{:016x}", header.epoch.0));
        vec![
            Cell::Time(utc),
            Cell::Word(words::clock(trust)),
            epoch.map_or(Cell::Empty, Cell::Text),
            Cell::Whole(self.ordinal),
            Cell::Whole(record.seq.0),
        ]
    }

    fn reading(&self, record: &Record, reading: &Reading) -> Vec<Cell> {
        let dictionary = self.header.as_ref().map(|header| &header.dictionary);
        let entry = dictionary.and_then(|dictionary| dictionary.points.get(reading.point.index()));
        let tag = entry.map_or_else(|| format!("#{}", reading.point.0), |entry| entry.tag.clone());
        let (quantity, quality, reason) = match &reading.sample {
            Sample::Good(quantity) => (Some(quantity), "good", Cell::Empty),
            Sample::Suspect(quantity, doubt) => (Some(quantity), "suspect", Cell::Word(words::doubt(*doubt))),
            Sample::Bad(reason) => (None, "bad", Cell::Word(words::no_data(*reason))),
        };
        let (value, text) = match quantity {
            Some(Quantity::Number(value)) => (Cell::Number(value.get()), Cell::Empty),
            Some(Quantity::Text(text)) => (Cell::Empty, Cell::Text(text.to_string())),
            None => (Cell::Empty, Cell::Empty),
        };
        let named = |text: Option<&String>| text.map_or(Cell::Empty, |text| Cell::Text(text.clone()));
        let mut row = self.head(record);
        row.extend([Cell::Text(tag), named(entry.map(|entry| &entry.name)), value, text]);
        row.extend([named(entry.map(|entry| &entry.unit)), Cell::Word(quality), reason]);
        row
    }

    fn event(&self, record: &Arc<Record>) -> Vec<Cell> {
        let told = self.told(record);
        let text = |field: &str| match &told[field] {
            Value::Null => Cell::Empty,
            Value::String(text) => Cell::Text(text.clone()),
            other => Cell::Text(other.to_string()),
        };
        let about = ABOUT.iter().map(|field| text(field)).find(|cell| *cell != Cell::Empty);
        let unit = match &record.body {
            Body::Alarm(event) => self.unit(event.alarm.index()),
            _ => None,
        };
        let mut row = self.head(record);
        row.extend([text("kind"), about.unwrap_or(Cell::Empty), text("from"), text("to"), text("value")]);
        row.push(unit.map_or(Cell::Empty, Cell::Text));
        row.extend([text("actor"), text("cause"), text("note"), Cell::Text(told.to_string())]);
        row
    }

    fn unit(&self, alarm: usize) -> Option<String> {
        let dictionary = &self.header.as_ref()?.dictionary;
        let point = dictionary.alarms.get(alarm)?.point;
        Some(dictionary.points.get(point as usize)?.unit.clone())
    }

    /// The record as the platform's contract writes it.
    fn told(&self, record: &Arc<Record>) -> Value {
        let epoch = self.header.as_ref().map_or(Epoch(0), |header| header.epoch);
        let publish = Publish {
            uplink: UplinkId(0),
            message: MessageId(0),
            epoch,
            lane: Lane::Event,
            back_fill: true,
            replay: None,
            records: vec![Arc::clone(record)],
        };
        let encoded = self.wire.publish(&publish, record.stamp.utc);
        let message: Value = serde_json::from_slice(&encoded.payload).unwrap_or_default();
        message["records"][0].clone()
    }
}

/// Comma-separated values as Excel opens them: UTF-8 with its mark, lines ended as in RFC 4180.
pub(super) struct Csv<W: Write>(BufWriter<W>);

impl<W: Write> Csv<W> {
    pub(super) fn new(to: W, columns: &[Column]) -> std::io::Result<Self> {
        let mut csv = Self(BufWriter::new(to));
        csv.0.write_all("\u{feff}".as_bytes())?;
        csv.line(columns.iter().map(|(name, _)| (*name).to_owned()))?;
        Ok(csv)
    }

    pub(super) fn row(&mut self, cells: &[Cell]) -> std::io::Result<()> {
        self.line(cells.iter().map(|cell| match cell {
            Cell::Time(utc) => time(*utc),
            Cell::Whole(number) => number.to_string(),
            Cell::Number(number) => number.to_string(),
            Cell::Word(word) => (*word).to_owned(),
            Cell::Text(text) => defused(text),
            Cell::Empty => String::new(),
        }))
    }

    pub(super) fn end(self) -> std::io::Result<W> {
        self.0.into_inner().map_err(std::io::IntoInnerError::into_error)
    }

    fn line(&mut self, cells: impl Iterator<Item = String>) -> std::io::Result<()> {
        for (at, cell) in cells.enumerate() {
            if at > 0 {
                self.0.write_all(b",")?;
            }
            if cell.contains([',', '"', '\n', '\r']) {
                write!(self.0, "\"{}\"", cell.replace('"', "\"\""))?;
            } else {
                self.0.write_all(cell.as_bytes())?;
            }
        }
        self.0.write_all(b"\r\n")
    }
}

/// A spreadsheet takes what begins like this for a formula and carries it out.
fn defused(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_formula_is_text_and_numbers_stay_numbers() {
        let mut csv = Csv::new(Vec::new(), &[("a", Kind::Text), ("b", Kind::Number)]).unwrap();
        for evil in ["=1+1", "+1", "-1", "@SUM(A1)", "a,\"b\"\n"] {
            csv.row(&[Cell::Text(evil.to_owned()), Cell::Number(-1.5)]).unwrap();
        }
        let text = String::from_utf8(csv.end().unwrap()).unwrap();
        let lines = "\u{feff}a,b\r\n'=1+1,-1.5\r\n'+1,-1.5\r\n'-1,-1.5\r\n'@SUM(A1),-1.5\r\n\"a,\"\"b\"\"\n\",-1.5\r\n";
        assert_eq!(text, lines);
    }
}
