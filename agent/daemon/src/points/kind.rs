//! What a column takes: the kind of its value by the schema, from a cell and into one.

use std::fmt;

use serde_json::Value;

use super::cell::{Cell, Said, bare, folded, said};

/// A value of a point.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Scalar {
    Text(String),
    Number(f64),
    Whole(i64),
    Switch(bool),
    Wholes(Vec<i64>),
}

impl Scalar {
    /// As people read it.
    pub(crate) fn said(&self) -> Said {
        match self {
            Self::Text(text) => Said::same(text),
            Self::Number(number) => Said::same(number),
            Self::Whole(whole) => Said::same(whole),
            Self::Switch(on) => Said {
                zh: if *on { "是" } else { "否" }.to_owned(),
                en: if *on { "yes" } else { "no" }.to_owned(),
            },
            Self::Wholes(list) => Said::same(joined(list)),
        }
    }

    /// As a spreadsheet holds it.
    pub(crate) fn cell(&self) -> Cell {
        match self {
            Self::Text(text) => Cell::Text(text.clone()),
            Self::Number(number) => Cell::Number(*number),
            // Beyond 2^53 a spreadsheet rounds.
            Self::Whole(whole) => exact(*whole).map_or_else(|| Cell::Text(whole.to_string()), Cell::Number),
            Self::Switch(on) => Cell::Text(if *on { YES } else { NO }.to_owned()),
            Self::Wholes(list) => Cell::Text(joined(list)),
        }
    }

    /// Whether both mean the same to a person: a text is the same in full-width signs.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Text(a), Self::Text(b)) => a.trim() == b.trim() || folded(a) == folded(b),
            (a, b) => a == b,
        }
    }
}

/// How a switch is written into a table.
pub(crate) const YES: &str = "是 yes";
/// How a switch that is off is written into a table.
pub(crate) const NO: &str = "否 no";

/// An empty list is written down: it says none, and an empty cell says nothing.
fn joined(list: &[i64]) -> String {
    if list.is_empty() {
        return "[]".to_owned();
    }
    list.iter().map(i64::to_string).collect::<Vec<_>>().join("; ")
}

fn exact(whole: i64) -> Option<f64> {
    i32::try_from(whole).ok().map(f64::from)
}

/// A word that may be chosen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Choice {
    pub(crate) key: String,
    pub(crate) about: Said,
}

/// What a column takes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// A name: full-width signs are made plain.
    Name,
    /// Words for people, kept as they are.
    Text,
    /// The number in a manual, such as `40001`.
    Reference,
    Number,
    Whole,
    Switch,
    Choice(Vec<Choice>),
    Wholes,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name | Self::Text => f.write_str("文本 text"),
            Self::Reference => f.write_str("40001, 400001, 4x0001"),
            Self::Number => f.write_str("数字 number"),
            Self::Whole => f.write_str("整数 integer"),
            Self::Switch => write!(f, "{YES}, {NO}"),
            Self::Wholes => f.write_str("整数，用 ; 分开 integers with ; between"),
            Self::Choice(choices) => {
                let keys: Vec<&str> = choices.iter().map(|choice| choice.key.as_str()).collect();
                f.write_str(&keys.join(", "))
            }
        }
    }
}

/// Words of other tools for the same thing.
const SYNONYMS: &[(&str, &str)] = &[
    ("0x", "coil"),
    ("1x", "discrete"),
    ("3x", "input"),
    ("4x", "holding"),
    ("int16", "i16"),
    ("short", "i16"),
    ("uint16", "u16"),
    ("word", "u16"),
    ("int32", "i32"),
    ("uint32", "u32"),
    ("dword", "u32"),
    ("int64", "i64"),
    ("uint64", "u64"),
    ("float", "f32"),
    ("float32", "f32"),
    ("real", "f32"),
    ("double", "f64"),
    ("float64", "f64"),
    ("bool", "bit"),
];

impl Kind {
    /// The kind and the meaning of a key, by what the schema says of it.
    pub(crate) fn of(schema: &Value, key: &Value) -> (Self, Said) {
        let about = both(key["description"].as_str().unwrap_or_default());
        let kind = key["type"].as_str().or_else(|| key["type"][0].as_str());
        let named = key["$ref"].as_str().or_else(|| key["anyOf"][0]["$ref"].as_str());
        let kind = match (kind, named.and_then(|name| name.strip_prefix("#/$defs/"))) {
            (_, Some(name)) => Self::Choice(choices(&schema["$defs"][name])),
            (Some("integer"), _) => Self::Whole,
            (Some("number"), _) => Self::Number,
            (Some("boolean"), _) => Self::Switch,
            (Some("array"), _) if key["items"]["type"] == "number" => Self::Number,
            (Some("array"), _) => Self::Wholes,
            _ if about.zh.contains("引用地址") => Self::Reference,
            _ if about.zh.starts_with("名称；") || about.zh.starts_with("区域") => Self::Text,
            _ => Self::Name,
        };
        (kind, about)
    }

    /// The value of a cell, or what to write.
    pub(crate) fn parse(&self, cell: &Cell) -> Result<Scalar, Said> {
        match cell {
            Cell::Broken(error) => {
                return Err(said!(
                    "公式出错 {error}；改正公式，或直接写值",
                    "the formula fails with {error}; mend it, or write the value itself"
                ));
            }
            Cell::Date(date) => {
                return Err(said!(
                    "这里成了日期 {date}；把单元格格式设为“文本”后重新输入",
                    "this became the date {date}; set the cell's format to Text and type it again"
                ));
            }
            Cell::Text(_) | Cell::Number(_) | Cell::Switch(_) => {}
        }
        let written = cell.to_string();
        match self {
            Self::Name => Ok(Scalar::Text(folded(&written))),
            Self::Text => Ok(Scalar::Text(written.trim().to_owned())),
            Self::Reference => reference(&written).map(Scalar::Text).ok_or_else(|| {
                said!(
                    "“{written}”不是引用地址；写 40001、400001 或 4x0001（线圈写 0x0001，或设为文本后写 00001），从 0 数起的写在“协议地址”列",
                    "\"{written}\" is no reference; write 40001, 400001 or 4x0001 (a coil as 0x0001, or 00001 in a cell formatted as Text); addresses from 0 go under PDU address"
                )
            }),
            Self::Number => number(&written).map(Scalar::Number).ok_or_else(|| {
                said!(
                    "“{written}”不是数字；只写数字，例如 25 或 0.1，单位写在“单位”列",
                    "\"{written}\" is no number; write the number alone, such as 25 or 0.1, and the unit under unit"
                )
            }),
            Self::Whole => whole(&written).map(Scalar::Whole).ok_or_else(|| {
                said!("“{written}”不是整数；写 1、2000 或 0x0C00", "\"{written}\" is no integer; write 1, 2000 or 0x0C00")
            }),
            Self::Switch => switch(&written).map(Scalar::Switch).ok_or_else(|| {
                said!("“{written}”不是“是”或“否”；写 是、否", "\"{written}\" is neither yes nor no; write yes or no")
            }),
            Self::Wholes => wholes(&written).map(Scalar::Wholes).ok_or_else(|| {
                said!("“{written}”不是一列整数；写成 0; 8", "\"{written}\" is no list of integers; write 0; 8")
            }),
            Self::Choice(choices) => chosen(choices, &written).map(Scalar::Text).ok_or_else(|| {
                let keys = self.to_string();
                said!("没有“{written}”；请写其中之一：{keys}", "there is no \"{written}\"; write one of {keys}")
            }),
        }
    }
}

/// `40001` from any way in which people write it; `None` where the table's digit is not certain.
pub(crate) fn reference(written: &str) -> Option<String> {
    let text: String = folded(written).to_lowercase().chars().filter(|c| !c.is_whitespace()).collect();
    let text = text.strip_suffix(".0").unwrap_or(&text);
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (table, number) = match text.split_once('x') {
        Some((table, number)) => (table, format!("{number:0>4}")),
        None => (text.get(..1)?, text.get(1..)?.to_owned()),
    };
    let counts = number.bytes().any(|byte| byte != b'0');
    let known = matches!(table, "0" | "1" | "3" | "4") && digits(&number) && counts;
    let number = if number.len() > 5 { number.trim_start_matches('0') } else { &number };
    (known && (4..=5).contains(&number.len())).then(|| format!("{table}{number}"))
}

fn number(written: &str) -> Option<f64> {
    folded(written).parse().ok().filter(|number: &f64| number.is_finite())
}

fn whole(written: &str) -> Option<i64> {
    let text = folded(written).to_lowercase();
    if let Some(hex) = text.strip_prefix("0x") {
        return i64::from_str_radix(hex, 16).ok();
    }
    text.parse().ok().or_else(|| {
        let number = number(&text).filter(|number| number.fract() == 0.0 && number.abs() < 9e15)?;
        format!("{number:.0}").parse().ok()
    })
}

fn wholes(written: &str) -> Option<Vec<i64>> {
    let text = folded(written);
    let parts = text.trim_matches(['[', ']']).split([';', ',', ' ']).map(str::trim);
    parts.filter(|part| !part.is_empty()).map(whole).collect()
}

fn switch(written: &str) -> Option<bool> {
    match (bare(written).as_str(), number(written)) {
        ("是" | "是yes" | "有" | "yes" | "y" | "true" | "on", _) => Some(true),
        ("否" | "否no" | "无" | "no" | "n" | "false" | "off", _) => Some(false),
        (_, Some(number)) => {
            [(1.0, true), (0.0, false)].into_iter().find(|(of, _)| *of == number).map(|(_, on)| on)
        }
        (_, None) => [("√", true), ("×", false)]
            .into_iter()
            .find(|(sign, _)| *sign == written.trim())
            .map(|(_, on)| on),
    }
}

fn chosen(choices: &[Choice], written: &str) -> Option<String> {
    let word = bare(written);
    if let Some(exact) = choices.iter().find(|choice| bare(&choice.key) == word) {
        return Some(exact.key.clone());
    }
    let synonym = SYNONYMS.iter().find(|(other, _)| *other == word).map(|(_, key)| *key);
    let is_meant = |choice: &&Choice| {
        let named = |text: &str| bare(text) == word;
        let stem = choice.about.zh.split(['：', '。']).next().unwrap_or_default();
        let short = stem.split([' ', '（']).next().unwrap_or_default();
        named(stem) || named(short) || synonym == Some(choice.key.as_str())
    };
    let mut meant = choices.iter().filter(is_meant);
    let first = meant.next()?;
    // A word that two of them share says neither.
    meant.next().is_none().then(|| first.key.clone())
}

fn choices(schema: &Value) -> Vec<Choice> {
    let each = schema["oneOf"].as_array().map(Vec::as_slice).unwrap_or_default();
    let choice = |entry: &Value| {
        let about = both(entry["description"].as_str().unwrap_or_default());
        Some(Choice { key: entry["const"].as_str()?.to_owned(), about })
    };
    each.iter().filter_map(choice).collect()
}

/// The schema's texts are Chinese first, then English behind its full stop.
fn both(description: &str) -> Said {
    let (zh, en) = description.split_once("。 ").unwrap_or((description, description));
    Said { zh: zh.to_owned(), en: en.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_known_in_all_its_spellings() {
        for written in ["40001", "40001.0", " ４０００１ ", "4x0001", "4X0001", "4x00001", "4x1"] {
            let known = reference(written);
            assert!(matches!(known.as_deref(), Some("40001" | "400001")), "{written}: {known:?}");
        }
        assert_eq!(reference("400001").as_deref(), Some("400001"));
        assert_eq!(reference("0x0001").as_deref(), Some("00001"));
        assert_eq!(reference("465536").as_deref(), Some("465536"));
        for wrong in
            ["", "4", "1", "0001", "50001", "4000001", "40000", "4x", "x1", "4x00a1", "40001.5", "一"]
        {
            assert_eq!(reference(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn integers_are_read_as_a_spreadsheet_shows_them() {
        assert_eq!(["1", "1.0", "１", "0x0C00", "-5"].map(whole), [1, 1, 1, 3_072, -5].map(Some));
        assert_eq!(["1.5", "1e99", "nan", "", "12a"].map(whole), [None; 5]);
        assert_eq!(["nan", "inf", "0,1", "5%"].map(number), [None; 4]);
        assert_eq!(wholes("[0, 8]"), Some(vec![0, 8]));
        assert_eq!(wholes("0；８"), Some(vec![0, 8]));
        assert_eq!(wholes(&joined(&[])), Some(Vec::new()), "none is not nothing");
    }

    #[test]
    fn a_switch_is_a_word_a_sign_or_a_number() {
        assert_eq!(["是", YES, "TRUE", "1.0", "√", "Y"].map(switch), [Some(true); 6]);
        assert_eq!(["否", NO, "false", "0", "×"].map(switch), [Some(false); 5]);
        assert_eq!(["", "也许", "10", "2"].map(switch), [None; 4]);
    }

    #[test]
    fn a_choice_is_known_by_its_key_its_chinese_and_what_others_call_it() {
        let choice = |key: &str, zh: &str| Choice {
            key: key.to_owned(),
            about: Said { zh: zh.to_owned(), en: String::new() },
        };
        let kinds = [
            choice("input", "输入寄存器 3x"),
            choice("holding", "保持寄存器 4x"),
            choice("f32", "单精度浮点"),
        ];
        let known = |word| chosen(&kinds, word);
        for word in ["holding", "Holding", "保持寄存器", "保持寄存器 4x", "4X", "ｈｏｌｄｉｎｇ"]
        {
            assert_eq!(known(word).as_deref(), Some("holding"), "{word}");
        }
        assert_eq!(known("float").as_deref(), Some("f32"));
        assert_eq!([known("4"), known("寄存器"), known("")], [None, None, None]);
        let twice = [choice("a", "高：一级"), choice("b", "高：二级")];
        assert_eq!(chosen(&twice, "高"), None, "a word that two share says neither");
    }
}
