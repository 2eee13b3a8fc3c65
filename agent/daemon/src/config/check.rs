//! The structure of a file against the generated schema: unknown and missing keys, types, choices, bounds. Every fault
//! with its place; what the values mean is `lower`'s.

use serde_json::Value as Json;
use toml::de::DeValue;

use super::catalogue::Code;
use super::error::{Arg, Fault, args};
use super::tree::Node;

/// A schema and the definitions it refers to.
#[derive(Clone, Copy)]
pub(crate) struct Schema<'s> {
    whole: &'s Json,
    part: &'s Json,
}

impl<'s> Schema<'s> {
    /// A generated schema as a whole.
    pub(crate) const fn new(whole: &'s Json) -> Self {
        Self { whole, part: whole }
    }

    /// The schema of a property, references and `null` alternatives resolved.
    pub(crate) fn property(self, key: &str) -> Option<Self> {
        let part = self.part.get("properties")?.get(key)?;
        Some(self.with(part).resolved())
    }

    /// The schema of an array's members.
    pub(crate) fn members(self) -> Option<Self> {
        Some(self.with(self.part.get("items")?).resolved())
    }

    const fn with(self, part: &'s Json) -> Self {
        Self { whole: self.whole, part }
    }

    fn resolved(self) -> Self {
        let mut schema = self;
        // Generated schemas nest references a few levels; the bound is against a loop in one written by hand.
        for _ in 0..16 {
            let Some(next) = schema.step() else { break };
            schema = next;
        }
        schema
    }

    fn step(self) -> Option<Self> {
        if let Some(name) = self.part.get("$ref").and_then(Json::as_str) {
            return self.whole.pointer(name.strip_prefix('#')?).map(|part| self.with(part));
        }
        let choices = self.part.get("anyOf")?.as_array()?;
        let mut real = choices.iter().filter(|part| part.get("type") != Some(&Json::from("null")));
        real.next().map(|part| self.with(part))
    }

    fn keys(self) -> Vec<&'s str> {
        let properties = self.part.get("properties").and_then(Json::as_object);
        properties.map_or_else(Vec::new, |all| all.keys().map(String::as_str).collect())
    }

    fn required(self) -> Vec<&'s str> {
        let required = self.part.get("required").and_then(Json::as_array);
        required.map_or_else(Vec::new, |all| all.iter().filter_map(Json::as_str).collect())
    }

    /// The texts that an enumeration accepts; schemars writes `enum`, or `oneOf` with `const` where variants have words.
    fn choices(self) -> Vec<&'s str> {
        let mut found = Vec::new();
        for part in std::iter::once(self.part).chain(self.list("oneOf")) {
            found.extend(part.get("const").and_then(Json::as_str));
            let listed = part.get("enum").and_then(Json::as_array);
            found.extend(listed.into_iter().flatten().filter_map(Json::as_str));
        }
        found
    }

    fn list(self, key: &str) -> impl Iterator<Item = &'s Json> {
        self.part.get(key).and_then(Json::as_array).into_iter().flatten()
    }

    fn kind(self) -> Kind {
        let named = match self.part.get("type") {
            Some(Json::String(name)) => Some(name.as_str()),
            Some(Json::Array(names)) => names.iter().filter_map(Json::as_str).find(|n| *n != "null"),
            _ => None,
        };
        match named {
            Some("string") => Kind::Text,
            Some("integer") => Kind::Integer,
            Some("number") => Kind::Number,
            Some("boolean") => Kind::Flag,
            Some("array") => Kind::List,
            Some("object") => Kind::Table,
            _ if !self.choices().is_empty() => Kind::Text,
            _ => Kind::Any,
        }
    }

    fn number(self, key: &str) -> Option<f64> {
        self.part.get(key).and_then(Json::as_f64)
    }

    fn bounds(self) -> (f64, f64) {
        let width = match self.part.get("format").and_then(Json::as_str) {
            Some("uint8") => (0.0, f64::from(u8::MAX)),
            Some("uint16") => (0.0, f64::from(u16::MAX)),
            Some("uint32") => (0.0, f64::from(u32::MAX)),
            Some("uint64") => (0.0, 9_007_199_254_740_992.0),
            _ => (f64::NEG_INFINITY, f64::INFINITY),
        };
        let low = self.number("minimum").map_or(width.0, |low| low.max(width.0));
        let high = self.number("maximum").map_or(width.1, |high| high.min(width.1));
        (low, high)
    }

    fn lengths(self, least: &str, most: &str) -> (u64, Option<u64>) {
        let get = |key| self.part.get(key).and_then(Json::as_u64);
        (get(least).unwrap_or(0), get(most))
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Integer,
    Number,
    Flag,
    List,
    Table,
    Any,
}

impl Kind {
    fn name(self) -> Arg {
        match self {
            Self::Text => Arg::Each("文本", "a text"),
            Self::Integer => Arg::Each("整数", "a whole number"),
            Self::Number => Arg::Each("数", "a number"),
            Self::Flag => Arg::Each("true 或 false", "true or false"),
            Self::List => Arg::Each("数组", "a list"),
            Self::Table => Arg::Each("表", "a table"),
            Self::Any => Arg::Each("值", "a value"),
        }
    }

    const fn sample(self) -> &'static str {
        match self {
            Self::Text | Self::Any => "\"…\"",
            Self::Integer => "1",
            Self::Number => "1.5",
            Self::Flag => "true",
            Self::List => "[…]",
            Self::Table => "{ … }",
        }
    }

    const fn accepts(self, value: &DeValue<'_>) -> bool {
        match self {
            Self::Text => matches!(value, DeValue::String(_)),
            Self::Integer => matches!(value, DeValue::Integer(_)),
            Self::Number => matches!(value, DeValue::Integer(_) | DeValue::Float(_)),
            Self::Flag => matches!(value, DeValue::Boolean(_)),
            Self::List => matches!(value, DeValue::Array(_)),
            Self::Table => matches!(value, DeValue::Table(_)),
            Self::Any => true,
        }
    }
}

fn name_of(value: &DeValue<'_>) -> Arg {
    match value {
        DeValue::String(_) => Arg::Each("文本", "a text"),
        DeValue::Integer(_) => Arg::Each("整数", "a whole number"),
        DeValue::Float(_) => Arg::Each("小数", "a fraction"),
        DeValue::Boolean(_) => Arg::Each("true/false", "true/false"),
        DeValue::Datetime(_) => Arg::Each("日期时间", "a date"),
        DeValue::Array(_) => Arg::Each("数组", "a list"),
        DeValue::Table(_) => Arg::Each("表", "a table"),
    }
}

/// Checks a value with everything below it; returns its faults.
pub(crate) fn value(name: &str, node: Node<'_>, schema: Schema<'_>) -> Vec<Fault> {
    let mut faults = shallow(name, node, schema);
    if !faults.is_empty() && !node.value().is_table() {
        return faults;
    }
    for (key, _, child) in node.entries() {
        if let Some(part) = schema.property(key) {
            faults.extend(value(key, child, part));
        }
    }
    if let Some(part) = schema.members() {
        for child in node.members() {
            faults.extend(value(name, child, part));
        }
    }
    faults
}

/// Checks a value without what is below it.
pub(crate) fn shallow(name: &str, node: Node<'_>, schema: Schema<'_>) -> Vec<Fault> {
    let kind = schema.kind();
    if !kind.accepts(node.value()) {
        let words = vec![name.into(), kind.name(), name_of(node.value()), rewritten(name, node, kind)];
        return vec![Fault::new(Code::WrongType, node.spot(), words)];
    }
    match node.value() {
        DeValue::Table(_) => keys(node, schema),
        DeValue::String(text) => text_faults(name, (node, text), schema),
        DeValue::Integer(number) => {
            let parsed = i128::from_str_radix(number.as_str(), number.radix());
            bounds(name, (node, parsed.map_or(f64::INFINITY, |n| n as f64)), schema)
        }
        DeValue::Float(number) => {
            let parsed = number.as_str().replace('_', "").parse();
            bounds(name, (node, parsed.unwrap_or(f64::NAN)), schema)
        }
        DeValue::Array(all) => length(name, (node, all.len()), schema),
        DeValue::Boolean(_) | DeValue::Datetime(_) => Vec::new(),
    }
}

/// The value in the right type where that is plain, else a sample.
fn rewritten(name: &str, node: Node<'_>, kind: Kind) -> Arg {
    match (kind, node.value()) {
        (Kind::Text, DeValue::Integer(number)) => format!("\"{number}\"").into(),
        (Kind::Text, DeValue::Float(number)) => format!("\"{number}\"").into(),
        (Kind::Integer, DeValue::String(text)) if text.parse::<i64>().is_ok() => text.as_ref().into(),
        (Kind::Number, DeValue::String(text)) if text.parse::<f64>().is_ok() => text.as_ref().into(),
        (Kind::List, DeValue::Table(_)) => format!("[[{name}]]").into(),
        _ => kind.sample().into(),
    }
}

fn keys(node: Node<'_>, schema: Schema<'_>) -> Vec<Fault> {
    let known = schema.keys();
    if known.is_empty() {
        return Vec::new();
    }
    let mut faults = Vec::new();
    for (key, spot, _) in node.entries() {
        if !known.contains(&key) {
            faults.push(Fault::new(Code::UnknownKey, spot, vec![key.into(), instead(key, &known)]));
        }
    }
    for key in schema.required() {
        if node.get(key).is_none() {
            let sample = schema.property(key).map_or("…", |part| {
                part.choices().first().copied().unwrap_or_else(|| part.kind().sample())
            });
            faults.push(Fault::new(Code::MissingKey, node.spot(), args![key, sample]));
        }
    }
    faults
}

/// What to write for an unknown name: the nearest known one, else all of them.
pub(crate) fn instead(name: &str, known: &[&str]) -> Arg {
    match nearest(name, known) {
        Some(near) => format!("→ {near}").into(),
        None if known.is_empty() => Arg::Each("一个都没有", "there are none"),
        None => known.iter().take(40).copied().collect::<Vec<_>>().join(", ").into(),
    }
}

fn nearest<'k>(name: &str, known: &[&'k str]) -> Option<&'k str> {
    let name = name.to_lowercase();
    let scored = known.iter().map(|known| (strsim::jaro_winkler(&name, &known.to_lowercase()), *known));
    let best = scored.max_by(|a, b| a.0.total_cmp(&b.0))?;
    (best.0 >= 0.8).then_some(best.1)
}

fn text_faults(name: &str, (node, text): (Node<'_>, &str), schema: Schema<'_>) -> Vec<Fault> {
    let choices = schema.choices();
    if !choices.is_empty() && !choices.contains(&text) {
        let near = nearest(text, &choices).map_or_else(String::new, |near| format!("\"{near}\"? "));
        let words = args![name, format!("\"{text}\""), choices.join(", "), near];
        return vec![Fault::new(Code::NotAChoice, node.spot(), words)];
    }
    // A cell of a point table cannot tell it from nothing, and on a screen nobody can.
    if !text.is_empty() && text.trim().is_empty() {
        return vec![Fault::new(Code::BlankText, node.spot(), args![name])];
    }
    let (least, most) = schema.lengths("minLength", "maxLength");
    let count = text.chars().count() as u64;
    if count < least || most.is_some_and(|most| count > most) {
        let most = most.map_or_else(|| "∞".to_owned(), |most| most.to_string());
        return vec![Fault::new(Code::TextLength, node.spot(), args![name, count, least, most])];
    }
    Vec::new()
}

fn bounds(name: &str, (node, number): (Node<'_>, f64), schema: Schema<'_>) -> Vec<Fault> {
    let (low, high) = schema.bounds();
    let finite = schema.kind() != Kind::Number || number.is_finite();
    if !finite {
        return vec![Fault::new(Code::BadNumber, node.spot(), args![name, number])];
    }
    if number >= low && number <= high {
        return Vec::new();
    }
    let show = |bound: f64| if bound.is_finite() { bound.to_string() } else { "∞".to_owned() };
    let words = args![name, number, show(low), show(high)];
    vec![Fault::new(Code::OutOfBounds, node.spot(), words)]
}

fn length(name: &str, (node, count): (Node<'_>, usize), schema: Schema<'_>) -> Vec<Fault> {
    let (least, most) = schema.lengths("minItems", "maxItems");
    let count = count as u64;
    if count >= least && most.is_none_or(|most| count <= most) {
        return Vec::new();
    }
    let most = most.map_or_else(|| "∞".to_owned(), |most| most.to_string());
    vec![Fault::new(Code::WrongLength, node.spot(), args![name, count, least, most])]
}
