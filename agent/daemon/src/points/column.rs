//! The columns of a point table. The one list from which the template, import, export and the explanations are made; what a
//! column takes and means comes from the site file's schema.

use serde_json::Value;

use super::cell::{Said, bare};
use super::kind::Kind;

/// Where a column's value stands in the site file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Home {
    /// A key of the point.
    Point(String),
    /// An end of the point's range.
    Bound(usize),
    /// A key of the point's alarm of this kind.
    Alarm(String, String),
    /// A key of the point's device.
    Device(String),
}

/// A column.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    /// Its name for programs, such as `high.setpoint`.
    pub(crate) key: String,
    pub(crate) zh: String,
    pub(crate) en: String,
    /// Other headings under which it is known.
    also: &'static [&'static str],
    pub(crate) home: Home,
    pub(crate) kind: Kind,
    /// What it means, by the schema.
    pub(crate) about: Said,
}

impl Column {
    /// What stands above it.
    pub(crate) fn heading(&self) -> String {
        format!("{} {}", self.zh, self.en)
    }

    fn is_called(&self, heading: &str) -> bool {
        let (zh, en) = (bare(&self.zh), bare(&self.en));
        [format!("{zh}{en}"), format!("{en}{zh}"), zh, en, bare(&self.key)].iter().any(|name| name == heading)
            || self.also.iter().any(|name| bare(name) == heading)
    }
}

type Heading = (&'static str, &'static str, &'static str, &'static [&'static str]);

/// Key, Chinese, English, other headings.
const HEADINGS: &[Heading] = &[
    ("tag", "位号", "tag", &["点号", "测点位号", "仪表位号", "tag no", "point"]),
    ("name", "名称", "name", &["测点名称", "描述", "description"]),
    ("device", "设备", "device", &["设备名称"]),
    ("device.bus", "总线", "bus", &["通道"]),
    (
        "device.unit",
        "站号",
        "unit address",
        &["从站地址", "从站号", "设备地址", "slave id", "slave", "unit id"],
    ),
    ("device.template", "设备模板", "template", &["模板", "device template"]),
    ("from", "模板点", "template point", &["取自"]),
    ("table", "寄存器表", "table", &["寄存器类型", "register type"]),
    ("reference", "引用地址", "reference", &["寄存器编号", "手册地址", "modbus address"]),
    ("address", "协议地址", "PDU address", &["地址", "寄存器地址"]),
    ("type", "数据类型", "type", &["data type"]),
    ("bit", "位序", "bit", &["第几位"]),
    ("bits", "位段", "bits", &[]),
    ("words", "寄存器个数", "words", &[]),
    ("order", "字节顺序", "order", &["字序", "byte order", "word order"]),
    ("scale", "系数", "scale", &["倍率", "比例"]),
    ("offset", "偏移", "offset", &[]),
    ("decimals_at", "小数位寄存器", "decimals at", &[]),
    ("decimals_mask", "小数位掩码", "decimals mask", &[]),
    ("divisor_at", "除数寄存器", "divisor at", &[]),
    ("sentinels", "无效原始值", "sentinels", &[]),
    ("current", "电流输入", "current input", &["4-20mA"]),
    ("unit", "单位", "unit", &["工程单位"]),
    ("range.low", "量程下限", "range low", &["量程低", "low range"]),
    ("range.high", "量程上限", "range high", &["量程高", "high range"]),
    ("profile", "测什么", "profile", &["类别"]),
    ("gas", "气体", "gas", &["介质"]),
    ("lel", "爆炸下限", "LEL", &[]),
    ("oel", "接触限值", "OEL", &[]),
    ("duct", "风管部位", "duct", &[]),
    ("major_hazard", "重大危险源", "major hazard", &[]),
    ("safety", "安全点", "safety", &[]),
    ("on_failure", "失效动作", "on failure", &[]),
    ("over_range", "超量程", "over-range", &[]),
    ("lost_alarm", "失去报警", "lost alarm", &[]),
    ("lost_priority", "失去报警优先级", "lost priority", &[]),
    ("interlock", "联锁点", "interlock", &[]),
    ("zone", "区域", "zone", &["位置", "安装位置", "position"]),
    ("poll_ms", "轮询周期毫秒", "poll ms", &["轮询周期", "采集周期"]),
    ("stale_ms", "过期毫秒", "stale ms", &[]),
    ("deadband", "上报死区", "report deadband", &[]),
    ("heartbeat_s", "上报间隔秒", "heartbeat s", &[]),
    ("suppressed_while", "抑制条件", "suppressed while", &[]),
    ("shelve_max_min", "最长搁置分钟", "shelve max min", &[]),
    ("button", "按钮", "button", &[]),
];

const LEVELS: [(&str, &str, &str); 4] = [
    ("low_low", "低低", "low-low"),
    ("low", "低", "low"),
    ("high", "高", "high"),
    ("high_high", "高高", "high-high"),
];

const SWITCH: (&str, &str, &str) = ("digital", "开关量", "switch");

/// What an alarm says; `setpoint` not of a switch, `active` not of a level.
const ALARM_KEYS: [(&str, &str, &str); 8] = [
    ("setpoint", "设定值", "setpoint"),
    ("key_setpoint", "重点时段设定值", "key setpoint"),
    ("active", "报警位置", "active"),
    ("deadband", "回差", "deadband"),
    ("on_delay_ms", "延时报警毫秒", "on-delay ms"),
    ("off_delay_ms", "延时恢复毫秒", "off-delay ms"),
    ("latch", "锁存", "latch"),
    ("priority", "优先级", "priority"),
];

/// All columns, in the order of the template.
#[derive(Clone, Debug)]
pub struct Columns {
    pub(crate) list: Vec<Column>,
}

impl Columns {
    /// The columns as the site file's JSON schema describes them.
    #[must_use]
    pub fn new(schema: &Value) -> Self {
        let mut list: Vec<Column> =
            HEADINGS.iter().map(|(key, zh, en, also)| column(schema, (key, zh, en, also))).collect();
        for (kind, zh, en) in LEVELS.into_iter().chain([SWITCH]) {
            let says = |key: &str| match key {
                "setpoint" | "key_setpoint" | "deadband" => kind != SWITCH.0,
                "active" => kind == SWITCH.0,
                _ => true,
            };
            for (key, key_zh, key_en) in ALARM_KEYS.into_iter().filter(|(key, ..)| says(key)) {
                let key = format!("{kind}.{key}");
                let (home, described) = home(&key, schema);
                let (takes, about) = Kind::of(schema, described);
                let (zh, en, also) = (format!("{zh}{key_zh}"), format!("{en} {key_en}"), also_called(&key));
                list.push(Column { key, zh, en, also, home, kind: takes, about });
            }
        }
        Self { list }
    }

    /// The position of the column with this heading.
    pub(crate) fn find(&self, heading: &str) -> Option<usize> {
        let heading = bare(heading);
        self.list.iter().position(|column| column.is_called(&heading))
    }

    /// The position of the column with this key.
    #[must_use]
    pub fn of_key(&self, key: &str) -> Option<usize> {
        self.list.iter().position(|column| column.key == key)
    }

    /// The heading that somebody may have meant.
    pub(crate) fn nearest(&self, heading: &str) -> Option<String> {
        let heading = bare(heading);
        let spellings = |column: &Column| [bare(&column.zh), bare(&column.en), bare(&column.heading())];
        let alike = self.list.iter().flat_map(|column| {
            spellings(column)
                .map(|name| (strsim::normalized_damerau_levenshtein(&name, &heading), column.heading()))
        });
        alike.filter(|(alike, _)| *alike >= 0.7).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, name)| name)
    }

    /// Heading, key, what is written in it, and what it means in both languages; a row for each column.
    #[must_use]
    pub fn explained(&self) -> Vec<[String; 5]> {
        let explain = |column: &Column| {
            let about = column.about.clone();
            [column.heading(), column.key.clone(), column.kind.to_string(), about.zh, about.en]
        };
        self.list.iter().map(explain).collect()
    }
}

/// Set-points as inspectors call them.
fn also_called(key: &str) -> &'static [&'static str] {
    match key {
        "high.setpoint" => &["高报", "一级报警值", "一级设定值"],
        "high_high.setpoint" => &["高高报", "二级报警值", "二级设定值"],
        "low.setpoint" => &["低报"],
        "low_low.setpoint" => &["低低报"],
        _ => &[],
    }
}

fn column(schema: &Value, (key, zh, en, also): Heading) -> Column {
    let (home, described) = home(key, schema);
    let (kind, about) = Kind::of(schema, described);
    Column { key: key.to_owned(), zh: zh.to_owned(), en: en.to_owned(), also, home, kind, about }
}

/// Where a key stands, and what the schema says of it.
fn home<'s>(key: &str, schema: &'s Value) -> (Home, &'s Value) {
    let of = |section: &str, key: &str| &schema["$defs"][section]["properties"][key];
    match key.split_once('.') {
        None => (Home::Point(key.to_owned()), of("PointFile", key)),
        Some(("range", end)) => (Home::Bound(usize::from(end == "high")), of("PointFile", "range")),
        Some(("device", key)) => (Home::Device(key.to_owned()), of("DeviceEntry", key)),
        Some((kind, key)) => (Home::Alarm(kind.to_owned(), key.to_owned()), of("AlarmFile", key)),
    }
}
