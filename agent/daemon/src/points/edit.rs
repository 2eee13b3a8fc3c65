//! The site file as text with its comments and lines: what it says of a point, and changes in place.

use std::ops::Range;

use toml_edit::{
    Array, ArrayOfTables, Document, DocumentMut, InlineTable, Item as Node, Table, TableLike, Value,
};

use super::column::{Column, Columns, Home};
use super::kind::{Kind, Scalar};

/// A site file that can be changed.
#[derive(Clone, Debug)]
pub struct SiteText {
    document: DocumentMut,
}

impl SiteText {
    /// Parses a site file.
    ///
    /// # Errors
    /// It is no TOML; the configuration's own check says more.
    pub fn parse(text: &str) -> Result<Self, String> {
        text.parse()
            .map(|document| Self { document })
            .map_err(|error: toml_edit::TomlError| error.to_string())
    }

    /// The file's text.
    #[must_use]
    pub fn text(&self) -> String {
        self.document.to_string()
    }

    /// Tags of the points, in the order of the file.
    #[must_use]
    pub fn tags(&self) -> Vec<String> {
        members(self.document.get("points")).into_iter().filter_map(|point| text_of(point, "tag")).collect()
    }

    /// Names of the devices.
    #[must_use]
    pub fn devices(&self) -> Vec<String> {
        members(self.document.get("devices")).into_iter().filter_map(|device| text_of(device, "id")).collect()
    }

    /// Names of the buses.
    #[must_use]
    pub fn buses(&self) -> Vec<String> {
        members(self.document.get("buses")).into_iter().filter_map(|bus| text_of(bus, "id")).collect()
    }

    pub(crate) fn point(&self, tag: &str) -> Option<&dyn TableLike> {
        named(self.document.get("points"), "tag", tag)
    }

    pub(crate) fn device(&self, id: &str) -> Option<&dyn TableLike> {
        named(self.document.get("devices"), "id", id)
    }

    /// What the site says under a column, of a point.
    pub(crate) fn value(&self, tag: &str, column: &Column) -> Option<Scalar> {
        let point = self.point(tag)?;
        match &column.home {
            Home::Point(key) => scalar(point.get(key)?, &column.kind),
            Home::Bound(end) => scalar_of(point.get("range")?.as_array()?.get(*end)?, &column.kind),
            Home::Alarm(kind, key) => scalar(alarm(point, kind)?.get(key)?, &column.kind),
            Home::Device(key) => device_value(self.device(&text_of(point, "device")?)?, key, column),
        }
    }

    /// Writes a value of a point, or takes it away.
    pub(crate) fn set(&mut self, tag: &str, column: &Column, value: Option<&Scalar>) {
        let Some(point) = named_mut(self.document.get_mut("points"), "tag", tag) else { return };
        match &column.home {
            Home::Point(key) => put(point, key, value),
            Home::Bound(end) => set_bound(point, *end, value),
            Home::Alarm(kind, key) => set_alarm(point, (kind, key), value),
            // A device has a section of its own.
            Home::Device(_) => {}
        }
    }

    /// Adds a point of which nothing but the tag is told.
    pub(crate) fn add_point(&mut self, tag: &str) {
        self.add("points", &[("tag", Value::from(tag))]);
    }

    /// Adds a device.
    pub(crate) fn add_device(&mut self, id: &str, keys: &[(String, Scalar)]) {
        let mut all = vec![("id", Value::from(id))];
        all.extend(keys.iter().map(|(key, value)| (key.as_str(), value_of(value))));
        self.add("devices", &all);
    }

    fn add(&mut self, section: &str, keys: &[(&str, Value)]) {
        let node = self.document.entry(section).or_insert_with(|| Node::ArrayOfTables(ArrayOfTables::new()));
        if let Some(list) = node.as_array_mut() {
            list.push(keys.iter().map(|(key, value)| (*key, value.clone())).collect::<InlineTable>());
        } else if let Some(list) = node.as_array_of_tables_mut() {
            let mut table = Table::new();
            table.decor_mut().set_prefix("\n");
            table.extend(keys.iter().map(|(key, value)| (*key, value.clone())));
            list.push(table);
        }
    }

    /// Takes a point away, with what is written above it.
    pub(crate) fn remove_point(&mut self, tag: &str) {
        let is_it = |point: &dyn TableLike| text_of(point, "tag").as_deref() == Some(tag);
        match self.document.get_mut("points") {
            Some(Node::ArrayOfTables(list)) => list.retain(|point| !is_it(point)),
            Some(Node::Value(Value::Array(list))) => {
                list.retain(|value| value.as_inline_table().is_none_or(|point| !is_it(point)));
            }
            _ => {}
        }
    }
}

/// What the site says of a device; the unit address is 1 unless told.
pub(crate) fn device_value(device: &dyn TableLike, key: &str, column: &Column) -> Option<Scalar> {
    match device.get(key) {
        Some(told) => scalar(told, &column.kind),
        None => (key == "unit").then_some(Scalar::Whole(1)),
    }
}

fn members(node: Option<&Node>) -> Vec<&dyn TableLike> {
    match node {
        Some(Node::ArrayOfTables(list)) => list.iter().map(|table| table as &dyn TableLike).collect(),
        Some(Node::Value(Value::Array(list))) => {
            list.iter().filter_map(Value::as_inline_table).map(|table| table as &dyn TableLike).collect()
        }
        _ => Vec::new(),
    }
}

fn members_mut(node: Option<&mut Node>) -> Vec<&mut dyn TableLike> {
    match node {
        Some(Node::ArrayOfTables(list)) => list.iter_mut().map(|table| table as &mut dyn TableLike).collect(),
        Some(Node::Value(Value::Array(list))) => list
            .iter_mut()
            .filter_map(Value::as_inline_table_mut)
            .map(|table| table as &mut dyn TableLike)
            .collect(),
        _ => Vec::new(),
    }
}

fn named<'a>(node: Option<&'a Node>, key: &str, name: &str) -> Option<&'a dyn TableLike> {
    members(node).into_iter().find(|table| text_of(*table, key).as_deref() == Some(name))
}

fn named_mut<'a>(node: Option<&'a mut Node>, key: &str, name: &str) -> Option<&'a mut dyn TableLike> {
    members_mut(node).into_iter().find(|table| text_of(*table, key).as_deref() == Some(name))
}

fn alarm<'a>(point: &'a dyn TableLike, kind: &str) -> Option<&'a dyn TableLike> {
    named(point.get("alarms"), "kind", kind)
}

fn text_of(table: &dyn TableLike, key: &str) -> Option<String> {
    table.get(key).and_then(Node::as_str).map(str::to_owned)
}

fn scalar(node: &Node, kind: &Kind) -> Option<Scalar> {
    node.as_value().and_then(|value| scalar_of(value, kind))
}

/// A value as its column takes it; one of another kind is shown as it is written.
fn scalar_of(value: &Value, kind: &Kind) -> Option<Scalar> {
    let found = match (kind, value) {
        (Kind::Number, Value::Float(number)) => Some(Scalar::Number(*number.value())),
        (Kind::Number, Value::Integer(whole)) => whole.value().to_string().parse().ok().map(Scalar::Number),
        (Kind::Whole, Value::Integer(whole)) => Some(Scalar::Whole(*whole.value())),
        (Kind::Switch, Value::Boolean(on)) => Some(Scalar::Switch(*on.value())),
        (Kind::Wholes, Value::Array(list)) => {
            list.iter().map(Value::as_integer).collect::<Option<Vec<i64>>>().map(Scalar::Wholes)
        }
        (_, Value::String(text)) => Some(Scalar::Text(text.value().clone())),
        _ => None,
    };
    found.or_else(|| Some(Scalar::Text(value.to_string().trim().to_owned())))
}

fn value_of(scalar: &Scalar) -> Value {
    match scalar {
        Scalar::Text(text) => Value::from(text),
        Scalar::Number(number) if number.fract() == 0.0 && number.abs() < 1e9 => {
            format!("{number:.0}").parse::<i64>().map_or_else(|_| Value::from(*number), Value::from)
        }
        Scalar::Number(number) => Value::from(*number),
        Scalar::Whole(whole) => Value::from(*whole),
        Scalar::Switch(on) => Value::from(*on),
        Scalar::Wholes(list) => Value::Array(list.iter().copied().collect::<Array>()),
    }
}

/// Replaces the value and leaves the comment behind it.
fn put(table: &mut dyn TableLike, key: &str, value: Option<&Scalar>) {
    let Some(value) = value else {
        table.remove(key);
        return;
    };
    let mut fresh = value_of(value);
    match table.get_mut(key).and_then(Node::as_value_mut) {
        Some(old) => {
            *fresh.decor_mut() = old.decor().clone();
            *old = fresh;
        }
        None => {
            table.insert(key, Node::Value(fresh));
        }
    }
}

fn set_bound(point: &mut dyn TableLike, end: usize, value: Option<&Scalar>) {
    let Some(value) = value else {
        point.remove("range");
        return;
    };
    let fresh = value_of(value);
    match point.get_mut("range").and_then(Node::as_array_mut) {
        Some(range) if end < range.len() => {
            range.replace(end, fresh);
        }
        // Both ends are told together or not at all: the other one follows.
        _ => {
            point.insert("range", Node::Value(Value::Array([fresh.clone(), fresh].into_iter().collect())));
        }
    }
}

fn set_alarm(point: &mut dyn TableLike, (kind, key): (&str, &str), value: Option<&Scalar>) {
    if alarm(point, kind).is_none() {
        if value.is_none() {
            return;
        }
        let fresh: InlineTable = [("kind", Value::from(kind))].into_iter().collect();
        match point.get_mut("alarms") {
            Some(Node::ArrayOfTables(list)) => list.push(fresh.into_table()),
            Some(Node::Value(Value::Array(list))) => list.push(fresh),
            _ => {
                point.insert("alarms", Node::Value(Value::Array([fresh].into_iter().collect())));
            }
        }
    }
    let Some(alarm) = named_mut(point.get_mut("alarms"), "kind", kind) else { return };
    put(alarm, key, value);
    if let (None, true) = (value, alarm.len() == 1) {
        forget_alarm(point, kind);
    }
}

/// Takes away an alarm of which nothing but the kind is left.
fn forget_alarm(point: &mut dyn TableLike, kind: &str) {
    let is_it = |alarm: &dyn TableLike| text_of(alarm, "kind").as_deref() == Some(kind);
    let left = match point.get_mut("alarms") {
        Some(Node::ArrayOfTables(list)) => {
            list.retain(|alarm| !is_it(alarm));
            list.len()
        }
        Some(Node::Value(Value::Array(list))) => {
            list.retain(|value| value.as_inline_table().is_none_or(|alarm| !is_it(alarm)));
            list.len()
        }
        _ => return,
    };
    if left == 0 {
        point.remove("alarms");
    }
}

/// Where in a site file's text each point's values stand.
#[derive(Debug, Default)]
pub struct Places {
    /// Bytes, the point's tag, the column's key; the whole point has none.
    spans: Vec<(Range<usize>, String, Option<String>)>,
}

impl Places {
    /// Looks through a site file.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let Ok(document) = Document::parse(text) else { return Self::default() };
        let mut places = Self::default();
        let Some(list) = document.as_table().get("points").and_then(Node::as_array_of_tables) else {
            return places;
        };
        for point in list {
            let Some(tag) = text_of(point, "tag") else { continue };
            places.spans.extend(point.span().map(|span| (span, tag.clone(), None)));
            for (key, node) in point.iter() {
                places.values(&tag, key, node);
            }
        }
        places
    }

    fn values(&mut self, tag: &str, key: &str, node: &Node) {
        let name = if key == "range" { "range.low" } else { key };
        self.spans.extend(node.span().map(|span| (span, tag.to_owned(), Some(name.to_owned()))));
        for alarm in members(Some(node)) {
            let Some(kind) = text_of(alarm, "kind") else { continue };
            for (key, node) in alarm.iter() {
                let name = if key == "kind" { format!("{kind}.priority") } else { format!("{kind}.{key}") };
                self.spans.extend(node.span().map(|span| (span, tag.to_owned(), Some(name))));
            }
        }
    }

    /// The tag and the column at a line and a character, both from 1.
    #[must_use]
    pub fn at(&self, text: &str, (line, character): (usize, usize)) -> Option<(&str, Option<&str>)> {
        let start: usize = text.split_inclusive('\n').take(line.checked_sub(1)?).map(str::len).sum();
        let rest = text.get(start..)?;
        let inside = rest.char_indices().nth(character.checked_sub(1)?).map_or(rest.len(), |(at, _)| at);
        let at = start + inside;
        let around = self.spans.iter().filter(|(span, ..)| span.contains(&at));
        let (_, tag, key) = around.min_by_key(|(span, ..)| span.len())?;
        Some((tag, key.as_deref()))
    }
}

/// The tables of a site as rows, for export.
pub(crate) fn exported(site: &SiteText, columns: &Columns) -> Vec<Vec<Option<Scalar>>> {
    let row = |tag: String| columns.list.iter().map(|column| site.value(&tag, column)).collect();
    site.tags().into_iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SITE: &str = "[gateway]\nid = \"G\"\n\n[[points]] # a\ntag = \"A\" # b\nscale = 0.1   # c\nrange = [0, 5] # d\n\
                        alarms = [\n  { kind = \"high\", setpoint = 1 }, # e\n]\n\n# f\n[[points]]\ntag = \"B\"\n\n\
                        [[points.alarms]]\nkind = \"low\"\nsetpoint = 2\n\n[[outputs]]\nid = \"O\"\n";

    fn columns() -> Columns {
        Columns::new(&serde_json::Value::Null)
    }

    fn set(site: &mut SiteText, tag: &str, key: &str, value: Option<Scalar>) {
        let columns = columns();
        let at = columns.of_key(key).unwrap();
        site.set(tag, &columns.list[at], value.as_ref());
    }

    #[test]
    fn a_value_changes_in_place_and_its_comment_stays() {
        let mut site = SiteText::parse(SITE).unwrap();
        set(&mut site, "A", "scale", Some(Scalar::Number(0.5)));
        set(&mut site, "A", "range.high", Some(Scalar::Number(9.0)));
        set(&mut site, "A", "high.setpoint", Some(Scalar::Number(1.5)));
        set(&mut site, "B", "low.setpoint", Some(Scalar::Number(3.0)));
        let expected = SITE
            .replace("scale = 0.1", "scale = 0.5")
            .replace("[0, 5]", "[0, 9]")
            .replace("setpoint = 1 ", "setpoint = 1.5 ")
            .replace("setpoint = 2", "setpoint = 3");
        assert_eq!(site.text(), expected);
    }

    #[test]
    fn a_new_point_follows_the_last_one_and_nothing_else_moves() {
        let mut site = SiteText::parse(SITE).unwrap();
        site.add_point("C");
        set(&mut site, "C", "high.setpoint", Some(Scalar::Number(7.0)));
        let expected = SITE.replace(
            "\n[[outputs]]",
            "\n[[points]]\ntag = \"C\"\nalarms = [{ kind = \"high\", setpoint = 7 }]\n\n[[outputs]]",
        );
        assert_eq!(site.text(), expected);
    }

    #[test]
    fn an_alarm_of_which_only_the_kind_is_left_goes() {
        let mut site = SiteText::parse(SITE).unwrap();
        set(&mut site, "A", "high.setpoint", None);
        set(&mut site, "B", "low.setpoint", None);
        assert!(!site.text().contains("alarms"), "{}", site.text());
    }

    #[test]
    fn every_value_of_a_point_is_found_by_line_and_character() {
        let places = Places::new(SITE);
        let at =
            |line, character| places.at(SITE, (line, character)).map(|(tag, key)| (tag, key.unwrap_or("-")));
        assert_eq!(at(4, 1), Some(("A", "-")));
        assert_eq!(at(6, 9), Some(("A", "scale")));
        assert_eq!(at(7, 10), Some(("A", "range.low")));
        assert_eq!(at(9, 31), Some(("A", "high.setpoint")));
        assert_eq!(at(18, 12), Some(("B", "low.setpoint")));
        assert_eq!([at(2, 6), at(20, 1), at(99, 1), at(0, 0)], [None; 4]);
    }
}
