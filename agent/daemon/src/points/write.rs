//! Point tables as files: the template, what a site has, and what somebody sent with the faults at their cells.

use std::collections::BTreeMap;

use rust_xlsxwriter::{
    Color, DataValidation, Format, FormatAlign, Formula, Note, Workbook, Worksheet, XlsxError,
};

use super::cell::{Cell, Said, Sheet, said};
use super::column::{Column, Columns, Home};
use super::edit::{self, SiteText};
use super::kind::{Kind, NO, YES};
use super::read::Form;
use super::table::{ERROR_HEADING, EXAMPLE, Table};

const POINTS_SHEET: &str = "点表 points";
const COLUMNS_SHEET: &str = "说明 columns";
const CHOICES_SHEET: &str = "选项 choices";
/// Rows that get drop-downs.
const ROWS: u32 = 10_000;
/// Above a spreadsheet's own limit a note is cut.
const NOTE_CHARS_MAX: usize = 2_000;

/// Messages by the row and column of their cells.
pub type Messages = BTreeMap<(u32, u32), String>;

type Example = &'static [(&'static str, &'static str)];

/// One from a template, one with a register of its own.
const EXAMPLES: [Example; 2] = [
    &[
        ("tag", "GT-101"),
        ("name", "打磨车间可燃气体"),
        ("device", "GT-101-DET"),
        ("device.bus", "rs485-1"),
        ("device.unit", "1"),
        ("device.template", "cn-6in1-gas-module"),
        ("from", "gas"),
        ("profile", "combustible"),
        ("high_high.priority", "critical"),
    ],
    &[
        ("tag", "FT-301"),
        ("name", "主风管风速"),
        ("device", "IL-1"),
        ("reference", "30001"),
        ("type", "u16"),
        ("scale", "0.1"),
        ("profile", "duct_velocity"),
        ("duct", "horizontal"),
        ("low.deadband", "1"),
    ],
];

/// An empty table with headings, drop-downs, explanations and two examples.
///
/// # Errors
/// The writer's own limits.
pub fn template(form: Form, columns: &Columns, site: Option<&SiteText>) -> Result<Vec<u8>, Said> {
    let mut sheet = headed(columns);
    for (row, example) in (1..).zip(EXAMPLES) {
        for (key, text) in example {
            let text = if *key == "tag" { format!("{EXAMPLE}{text}") } else { (*text).to_owned() };
            if let Some(at) = columns.of_key(key) {
                sheet.put(row, position(at), text.parse().map_or(Cell::Text(text), Cell::Number));
            }
        }
    }
    file(form, (&sheet, &Messages::new()), Some((columns, site)))
}

/// The points of a site.
///
/// # Errors
/// The writer's own limits.
pub fn written(form: Form, columns: &Columns, site: &SiteText) -> Result<Vec<u8>, Said> {
    let mut sheet = headed(columns);
    for (row, values) in (1..).zip(edit::exported(site, columns)) {
        for (at, value) in values.iter().enumerate() {
            if let Some(value) = value {
                sheet.put(row, position(at), value.cell());
            }
        }
    }
    file(form, (&sheet, &Messages::new()), Some((columns, Some(site))))
}

/// The table as it came, with a message at each cell that has one.
///
/// # Errors
/// The writer's own limits.
pub fn marked(form: Form, table: &Table, messages: &Messages) -> Result<Vec<u8>, Said> {
    let Form::Csv(_) = form else { return file(form, (&table.sheet, messages), None) };
    let mut sheet = table.sheet.clone();
    let known = sheet
        .row(table.heading_row)
        .find(|(_, cell)| cell.to_string().starts_with(ERROR_HEADING))
        .map(|(at, _)| at);
    let beyond = sheet.cells.keys().map(|(_, column)| column.saturating_add(1)).max().unwrap_or_default();
    let at = known.unwrap_or(beyond);
    sheet.cells.retain(|(_, column), _| *column != at);
    sheet.put(table.heading_row, at, Cell::Text(ERROR_HEADING.to_owned()));
    let mut rows: BTreeMap<u32, Vec<String>> = BTreeMap::new();
    for ((row, column), message) in messages {
        rows.entry(*row).or_default().push(format!("{}: {message}", table.sheet.place(*row, *column)));
    }
    for (row, messages) in rows {
        let heading = if row == table.heading_row { format!("{ERROR_HEADING}: ") } else { String::new() };
        sheet.put(row, at, Cell::Text(heading + &messages.join(" | ")));
    }
    file(form, (&sheet, &Messages::new()), None)
}

fn position(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

fn headed(columns: &Columns) -> Sheet {
    let mut sheet = Sheet { name: POINTS_SHEET.to_owned(), ..Sheet::default() };
    for (at, column) in columns.list.iter().enumerate() {
        sheet.put(0, position(at), Cell::Text(column.heading()));
    }
    sheet
}

type Shown<'a> = (&'a Sheet, &'a Messages);
type Around<'a> = Option<(&'a Columns, Option<&'a SiteText>)>;

fn file(form: Form, shown: Shown<'_>, around: Around<'_>) -> Result<Vec<u8>, Said> {
    match form {
        Form::Csv(delimiter) => csv(delimiter, shown.0).map_err(|error| refused(&error)),
        Form::Book => book(shown, around).map_err(|error| refused(&error)),
    }
}

fn refused(error: &dyn std::error::Error) -> Said {
    said!("表格写不出来：{error}", "the table cannot be written: {error}")
}

/// UTF-8 with the mark by which Excel knows it.
fn csv(delimiter: u8, sheet: &Sheet) -> Result<Vec<u8>, csv::Error> {
    let width = sheet.cells.keys().map(|(_, column)| *column + 1).max().unwrap_or(1);
    let height = sheet.cells.keys().map(|(row, _)| *row + 1).max().unwrap_or(0);
    let mut writer =
        csv::WriterBuilder::new().delimiter(delimiter).from_writer("\u{feff}".as_bytes().to_vec());
    for row in 0..height {
        let cell = |column| sheet.cells.get(&(row, column)).map(Cell::to_string).unwrap_or_default();
        writer.write_record((0..width).map(cell))?;
    }
    writer.into_inner().map_err(|error| csv::Error::from(error.into_error()))
}

fn book((sheet, messages): Shown<'_>, around: Around<'_>) -> Result<Vec<u8>, XlsxError> {
    let mut book = Workbook::new();
    let points = book.add_worksheet();
    points.set_name(if sheet.name.is_empty() { POINTS_SHEET } else { &sheet.name })?;
    if let Some((columns, site)) = around {
        layout(points, columns)?;
        let lists = lists(columns, site);
        for (at, (column, list)) in (0..).zip(&lists) {
            points.add_data_validation(1, *column, ROWS, *column, &drop_down(at, list.len()))?;
        }
        cells(points, sheet, messages)?;
        explanations(book.add_worksheet(), columns)?;
        let choices = book.add_worksheet().set_name(CHOICES_SHEET)?;
        for (at, (_, list)) in (0..).zip(&lists) {
            for (row, word) in (0..).zip(list) {
                choices.write_string(row, at, word)?;
            }
        }
    } else {
        points.set_column_range_width(0, 255, 14)?;
        cells(points, sheet, messages)?;
    }
    book.save_to_buffer()
}

fn cells(points: &mut Worksheet, sheet: &Sheet, messages: &Messages) -> Result<(), XlsxError> {
    let red = Format::new().set_background_color(Color::RGB(0x00ff_9999));
    let plain = Format::new();
    let places = sheet.cells.keys().chain(messages.keys());
    for (row, column) in places.copied().collect::<std::collections::BTreeSet<_>>() {
        let message = messages.get(&(row, column));
        let format = if message.is_some() { Some(&red) } else { None };
        let Ok(at) = u16::try_from(column) else { continue };
        match (sheet.cells.get(&(row, column)), format) {
            (Some(Cell::Number(number)), None) => points.write_number(row, at, *number)?,
            (Some(Cell::Number(number)), Some(format)) => {
                points.write_number_with_format(row, at, *number, format)?
            }
            (Some(Cell::Switch(on)), format) => {
                points.write_boolean_with_format(row, at, *on, format.unwrap_or(&plain))?
            }
            (Some(cell), None) => points.write_string(row, at, cell.to_string())?,
            (Some(cell), Some(format)) => {
                points.write_string_with_format(row, at, cell.to_string(), format)?
            }
            (None, format) => points.write_blank(row, at, format.unwrap_or(&plain))?,
        };
        if let Some(message) = message {
            let text: String = message.chars().take(NOTE_CHARS_MAX).collect();
            let note =
                Note::new(text).set_author("hazard").add_author_prefix(false).set_width(320).set_height(120);
            points.insert_note(row, at, &note)?;
        }
    }
    Ok(())
}

fn layout(points: &mut Worksheet, columns: &Columns) -> Result<(), XlsxError> {
    points.set_freeze_panes(1, 1)?;
    let text = Format::new().set_num_format("@");
    let heading = Format::new()
        .set_bold()
        .set_text_wrap()
        .set_align(FormatAlign::Top)
        .set_background_color(Color::RGB(0x00d9_e2ec));
    points.set_row_format(0, &heading)?;
    points.set_row_height(0, 32)?;
    for (at, column) in (0..).zip(&columns.list) {
        points.set_column_width(at, width(column))?;
        // As text, so that nobody's 00001 becomes 1 and nobody's 1-2 a day.
        match column.kind {
            Kind::Name | Kind::Text | Kind::Reference | Kind::Choice(_) | Kind::Wholes => {
                points.set_column_format(at, &text)?;
            }
            Kind::Number | Kind::Whole | Kind::Switch => {}
        }
    }
    Ok(())
}

fn width(column: &Column) -> u16 {
    match column.key.as_str() {
        "name" => 24,
        "tag" | "device" | "device.template" | "profile" => 18,
        _ => 12,
    }
}

fn drop_down(list: u16, length: usize) -> DataValidation {
    let letters = super::cell::letters(list.into());
    let formula = format!("='{CHOICES_SHEET}'!${letters}$1:${letters}${}", length.max(1));
    // Chinese words and new devices are welcome too: the list proposes and does not refuse.
    DataValidation::new().allow_list_formula(Formula::new(formula)).show_error_message(false)
}

/// Words to choose from, by column.
fn lists(columns: &Columns, site: Option<&SiteText>) -> Vec<(u16, Vec<String>)> {
    let words = |column: &Column| match (&column.kind, &column.home) {
        (Kind::Choice(choices), _) => choices.iter().map(|choice| choice.key.clone()).collect(),
        (Kind::Switch, _) => vec![YES.to_owned(), NO.to_owned()],
        (_, Home::Point(key)) if key == "device" => site.map(SiteText::devices).unwrap_or_default(),
        (_, Home::Device(key)) if key == "bus" => site.map(SiteText::buses).unwrap_or_default(),
        _ => Vec::new(),
    };
    (0..)
        .zip(columns.list.iter().map(words))
        .filter(|(_, list): &(u16, Vec<String>)| !list.is_empty())
        .collect()
}

fn explanations(sheet: &mut Worksheet, columns: &Columns) -> Result<(), XlsxError> {
    sheet.set_name(COLUMNS_SHEET)?;
    sheet.set_freeze_panes(1, 0)?;
    let bold = Format::new().set_bold();
    let heads = ["列 column", "键 key", "写什么 takes", "意思", "meaning"];
    let wrap = Format::new().set_text_wrap().set_align(FormatAlign::Top);
    for (at, (head, width)) in (0..).zip(heads.into_iter().zip([28, 22, 40, 50, 50])) {
        sheet.set_column_width(at, width)?;
        sheet.write_string_with_format(0, at, head, &bold)?;
    }
    for (row, cells) in (1..).zip(columns.explained()) {
        for (at, text) in (0..).zip(cells) {
            sheet.write_string_with_format(row, at, text, &wrap)?;
        }
    }
    Ok(())
}
