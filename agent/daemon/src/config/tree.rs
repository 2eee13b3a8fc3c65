//! A TOML file as a tree whose every value knows its place. Syntax faults are reported here, all of them.

use serde::Deserialize;
use serde::de::IntoDeserializer as _;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::catalogue::Code;
use super::error::{Arg, Fault, Spot, args};

/// A parsed file.
pub(crate) struct Document<'a> {
    root: Spanned<DeValue<'a>>,
    file: usize,
    /// The parser skipped something: what is missing may only be unreadable.
    pub(crate) recovered: bool,
}

impl<'a> Document<'a> {
    /// Parses as much of `text` as can be parsed, and reports the rest.
    pub(crate) fn parse(file: usize, text: &'a str, faults: &mut Vec<Fault>) -> Self {
        let (table, errors) = DeTable::parse_recoverable(text);
        for error in &errors {
            faults.push(syntax(file, error));
        }
        let end = text.find('\n').unwrap_or(text.len());
        let root = Spanned::new(0..end, DeValue::Table(table.into_inner()));
        Self { root, file, recovered: !errors.is_empty() }
    }

    /// The whole file.
    pub(crate) fn root(&self) -> Node<'_> {
        Node { value: &self.root, file: self.file }
    }
}

/// A value in a file.
#[derive(Clone, Copy)]
pub(crate) struct Node<'a> {
    value: &'a Spanned<DeValue<'a>>,
    file: usize,
}

impl<'a> Node<'a> {
    /// Its place; for a table its header.
    pub(crate) fn spot(self) -> Spot {
        self.place(self.value.span())
    }

    fn place(self, span: std::ops::Range<usize>) -> Spot {
        Spot { file: self.file, start: span.start, end: span.end }
    }

    /// The value itself.
    pub(crate) fn value(self) -> &'a DeValue<'a> {
        self.value.get_ref()
    }

    /// A value of a table.
    pub(crate) fn get(self, key: &str) -> Option<Self> {
        self.value().get(key).map(|value| Self { value, file: self.file })
    }

    /// The place of a value of a table, or of the table where it has none.
    pub(crate) fn at(self, key: &str) -> Spot {
        self.get(key).map_or_else(|| self.spot(), Self::spot)
    }

    /// The text under a key.
    pub(crate) fn text(self, key: &str) -> Option<&'a str> {
        self.value().get(key).and_then(|value| value.get_ref().as_str())
    }

    /// The keys of a table with their places, in the order of the file.
    pub(crate) fn entries(self) -> Vec<(&'a str, Spot, Self)> {
        let Some(table) = self.value().as_table() else { return Vec::new() };
        table
            .iter()
            .map(|(key, value)| {
                (key.get_ref().as_ref(), self.place(key.span()), Self { value, file: self.file })
            })
            .collect()
    }

    /// The members of an array.
    pub(crate) fn members(self) -> Vec<Self> {
        let Some(array) = self.value().as_array() else { return Vec::new() };
        array.iter().map(|value| Self { value, file: self.file }).collect()
    }

    /// The value as a Rust type; only for what the schema has accepted.
    pub(crate) fn read<T: Deserialize<'a>>(self) -> Result<T, Fault> {
        T::deserialize(self.value.clone().into_deserializer()).map_err(|error| {
            let spot = error.span().map_or_else(|| self.spot(), |span| self.place(span));
            Fault::new(Code::NotUsable, spot, args![error.message()])
        })
    }
}

fn syntax(file: usize, error: &toml::de::Error) -> Fault {
    let span = error.span().unwrap_or(0..0);
    let message = error.message();
    let stem = message.split(", expected").next().unwrap_or(message);
    let known = SYNTAX.iter().find(|(prefix, ..)| stem.starts_with(prefix));
    let what = known.map_or_else(|| Arg::from(message), |(_, zh, _)| Arg::Each(zh, english(stem)));
    let help = known.map_or(GENERIC, |(_, _, help)| *help);
    Fault::new(
        Code::Syntax,
        Spot { file, start: span.start, end: span.end },
        vec![what, Arg::Each(help[0], help[1])],
    )
}

/// The parser's own words; they come from a fixed list.
fn english(stem: &str) -> &'static str {
    SYNTAX.iter().map(|(prefix, ..)| *prefix).find(|prefix| stem.starts_with(prefix)).unwrap_or("")
}

const GENERIC: [&str; 2] = [
    "一行一个 键 = 值；文本用双引号；段名用 [ ]",
    "one key = value a line; texts in quotes; sections in [ ]",
];
const QUOTES: [&str; 2] =
    ["文本两端都要英文双引号：\"…\"", "texts need straight double quotes at both ends: \"…\""];
const BRACKETS: [&str; 2] = [
    "括号要成对：[段] [[列表段]] [数组] { 内联表 }",
    "brackets come in pairs: [section] [[list]] [array] { inline }",
];
const NUMBERS: [&str; 2] = [
    "数字写成 25、25.0、0x7FFF，不要有前导 0 或单位",
    "write numbers as 25, 25.0 or 0x7FFF, without leading zeros or units",
];
const COMMAS: [&str; 2] = ["各项之间恰好一个英文逗号", "exactly one comma between entries"];
const ASSIGN: [&str; 2] = ["写成 键 = 值", "write key = value"];

/// What the parser says, in Chinese, and what to write.
const SYNTAX: &[(&str, &str, [&str; 2])] = &[
    (
        "duplicate key",
        "同一个键写了两次",
        ["删去其中一行；列表段要写成 [[…]]", "remove one of them; lists of sections are written [[…]]"],
    ),
    ("string values must be quoted", "文本没有加引号", QUOTES),
    ("invalid basic string", "文本的引号或转义不对", QUOTES),
    ("invalid literal string", "文本的引号不对", QUOTES),
    ("invalid string", "文本的引号不对", QUOTES),
    ("invalid multi-line", "多行文本的引号不对", QUOTES),
    ("missing opening quote", "缺少开头的引号", QUOTES),
    ("missing escaped value", "反斜杠后面不对", QUOTES),
    ("unclosed", "括号没有闭合", BRACKETS),
    ("missing array opening", "缺少 [", BRACKETS),
    ("missing inline table opening", "缺少 {", BRACKETS),
    ("missing table open", "缺少 [", BRACKETS),
    ("extra comma", "多了一个逗号", COMMAS),
    ("missing comma", "缺少逗号", COMMAS),
    ("extra `=`", "多了一个 =", ASSIGN),
    ("extra assignment", "多了一个 =", ASSIGN),
    ("missing assignment", "缺少 =", ASSIGN),
    ("missing value", "缺少值", ASSIGN),
    ("key with no value", "只有键，没有值", ASSIGN),
    ("invalid key-value pair", "键值写法不对", ASSIGN),
    (
        "invalid unquoted key",
        "键里有不允许的字符",
        ["键只用英文字母、数字、_ 和 -", "keys consist of letters, digits, _ and -"],
    ),
    ("unquoted keys cannot be empty", "键是空的", ASSIGN),
    ("unexpected leading zero", "数字有前导 0", NUMBERS),
    ("redundant", "数字写法不对", NUMBERS),
    ("invalid integer number", "整数写法不对", NUMBERS),
    ("invalid hexadecimal number", "十六进制数写法不对", NUMBERS),
    ("invalid float", "小数写法不对", NUMBERS),
    ("invalid mantissa", "小数写法不对", NUMBERS),
    ("invalid date-time", "数字或日期写法不对", NUMBERS),
    ("invalid boolean", "开关值写法不对", ["写 true 或 false", "write true or false"]),
    ("unexpected content", "后面有多余的内容", GENERIC),
    ("unexpected key or value", "这里不该有键或值", GENERIC),
    ("unexpected `=` in array", "数组里不能有 =", BRACKETS),
    ("cannot extend value", "这个键已经是别的值", ASSIGN),
    ("invalid value", "值写法不对", GENERIC),
    ("invalid comment character", "注释里有控制字符", GENERIC),
    (
        "carriage return must be followed by newline",
        "换行符不对",
        ["换行用 LF 或 CRLF", "end lines with LF or CRLF"],
    ),
    ("cannot recurse further", "嵌套太深", BRACKETS),
];
