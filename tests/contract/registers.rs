//! The technician's register map, in both languages, written from the map's own tables: HAZARD_BLESS=1 writes it anew.

use std::fmt::Write as _;
use std::fs;

use hazard_field::map::{
    Access, COILS, DISCRETES, HOLDINGS, INPUTS, Measure, Quantity, Register, Shape, Table, UNLOCK_KEY,
    VERSION,
};
use hazard_field::{Status, Unit};
use hazard_node::SettingsState;
use hazard_node::hal::ResetCause;
use hazard_node::log::What;
use hazard_node::selftest::Tested;

use crate::node::{at_root, bless, shape_name};

/// Chinese and English.
type Words = [&'static str; 2];

const PAGES: Words = ["docs/firmware/registers.zh-CN.md", "docs/firmware/registers.md"];

const HEAD: Words = ["# 节点寄存器表，版本", "# Register map of the node, version"];

const INTRO: Words = [
    "由 `firmware/field/src/map` 生成；请勿手工修改：`HAZARD_BLESS=1 cargo test -p hazard-tests --test contract registers`。[English](registers.md)\n\n\
     地址是 PDU 地址，从 0 起；“编号”是从 1 起的五位或六位传统编号（输入寄存器 3xxxx，保持寄存器 4xxxx，线圈 0xxxx，离散量 1xxxx）。\
     多字数值高字在前（ABCD）。f32 为 IEEE 754；NaN 表示没有数值。写入一个两字数值必须在同一请求中写完整。\n\n\
     | 异常码 | 含义 |\n|---|---|\n\
     | 01 | 功能码不支持 |\n| 02 | 地址不存在、通道未装，或只写了半个数值 |\n| 03 | 数值不允许（超量程、超法规限值、互相矛盾、标定不可信、密码错误） |\n\
     | 04 | 参数已锁定：先向 `unlock` 写密码 |\n| 06 | 暂时不行：通道正在报警，或密码错三次后须等 60 秒 |\n",
    "Generated from `firmware/field/src/map`; do not edit: `HAZARD_BLESS=1 cargo test -p hazard-tests --test contract registers`. [中文](registers.zh-CN.md)\n\n\
     Addresses are PDU addresses, from 0; the number is the traditional one, from 1 (input registers 3xxxx, holding registers 4xxxx, coils 0xxxx, \
     discrete inputs 1xxxx). Values of two words have the high word first (ABCD). f32 is IEEE 754; NaN says that there is no value. A value of two words \
     is written whole in one request.\n\n\
     | exception | meaning |\n|---|---|\n\
     | 01 | no such function |\n| 02 | no such address, a channel that is not fitted, or half a value |\n| 03 | a value that is not allowed (range, law, contradiction, a calibration that is not plausible, a wrong key) |\n\
     | 04 | locked: write the key to `unlock` first |\n| 06 | not now: the channel is in alarm, or three wrong keys bar the lock for 60 s |\n",
];

fn page(lang: usize) -> String {
    let mut text = format!("{} {VERSION}\n\n{}", HEAD[lang], INTRO[lang]);
    let key = ["解锁密码", "The key of `unlock`"];
    writeln!(text, "\n{}: {UNLOCK_KEY} (0x{UNLOCK_KEY:04X}).", key[lang]).unwrap();
    for (words, rows) in [
        (["输入寄存器（功能码 04）", "Input registers (function 04)"], INPUTS),
        (["保持寄存器（功能码 03、06、16）", "Holding registers (functions 03, 06, 16)"], HOLDINGS),
        (["线圈（功能码 01、05、15）", "Coils (functions 01, 05, 15)"], COILS),
        (["离散输入（功能码 02）", "Discrete inputs (function 02)"], DISCRETES),
    ] {
        let columns = [
            "| 地址 | 编号 | 名称 | 类型 | 单位 | 读写 | 含义 |",
            "| address | number | name | type | unit | access | meaning |",
        ];
        writeln!(text, "\n## {}\n\n{}\n|---|---|---|---|---|---|---|", words[lang], columns[lang]).unwrap();
        rows.iter().for_each(|row| text.push_str(&line(row, lang)));
    }
    for (title, rows) in codes() {
        let columns = ["| 代码 | 含义 |", "| code | meaning |"];
        writeln!(text, "\n## {}\n\n{}\n|---|---|", title[lang], columns[lang]).unwrap();
        for (code, words) in rows {
            writeln!(text, "| {code} | {} |", words[lang]).unwrap();
        }
    }
    text
}

fn line(row: &Register, lang: usize) -> String {
    let base = match row.table {
        Table::Coil => 1,
        Table::Discrete => 10_001,
        Table::Input => 30_001,
        Table::Holding => 40_001,
    };
    let unit = match row.measure {
        Measure::Fixed(unit) => unit.symbol(),
        Measure::OfChannel => ["通道单位", "channel's"][lang],
    };
    let access = match row.access {
        Access::Read => ["只读", "read"],
        Access::ReadWrite => ["读写", "read, write"],
        Access::Command => ["写入执行", "write to act"],
    };
    let last = row.address + row.shape.words() - 1;
    let address =
        if row.shape.words() == 1 { format!("{last}") } else { format!("{}–{last}", row.address) };
    let (number, shape) = (base + u32::from(row.address), shape_name(row.shape));
    let meaning = [row.zh, row.en][lang];
    format!(
        "| {address} | {number:05} | `{}` | {shape} | {unit} | {} | {meaning} |\n",
        row.name, access[lang]
    )
}

type Codes = (Words, Vec<(String, Words)>);

fn codes() -> Vec<Codes> {
    let status =
        |bit: u16| (format!("bit {bit} (0x{:04X})", 1_u32 << bit), status(Status::from_bits(1 << bit)));
    let unit = |unit: &Unit| (unit.code().to_string(), [unit.symbol(), unit.symbol()]);
    vec![
        (["状态字（NE 107）", "Status words (NE 107)"], (0..16).map(status).collect()),
        (
            ["被测量", "Quantities"],
            Quantity::ALL.iter().map(|of| (of.code().to_string(), quantity(*of))).collect(),
        ),
        (["单位代码", "Unit codes"], Unit::ALL.iter().map(unit).collect()),
        (
            ["自检位", "Self-test bits"],
            Tested::ALL.iter().map(|of| (format!("bit {}", of.bit()), tested(*of))).collect(),
        ),
        (
            ["参数状态", "Settings state"],
            STATES.iter().map(|of| (of.code().to_string(), state(*of))).collect(),
        ),
        (["启动原因", "Reset cause"], CAUSES.iter().map(|of| (of.code().to_string(), cause(*of))).collect()),
        (
            ["事件代码（高字节）", "Event codes (high byte)"],
            What::ALL
                .iter()
                .map(|of| (format!("{} (0x{:02X}..)", of.code(), of.code()), event(*of)))
                .collect(),
        ),
    ]
}

const STATES: [SettingsState; 6] = [
    SettingsState::Stored,
    SettingsState::Factory,
    SettingsState::OlderCopy,
    SettingsState::BothDamaged,
    SettingsState::ToBeStored,
    SettingsState::StoringFailed,
];

const CAUSES: [ResetCause; 6] = [
    ResetCause::Unknown,
    ResetCause::Power,
    ResetCause::Watchdog,
    ResetCause::Pin,
    ResetCause::Software,
    ResetCause::BrownOut,
];

fn status(bit: Status) -> Words {
    match bit {
        Status::ALARM_L1 => ["一级报警或锁定", "level 1 in alarm or latched"],
        Status::ALARM_L2 => ["二级报警或锁定", "level 2 in alarm or latched"],
        Status::OVER_RANGE => ["超量程上限", "above the range"],
        Status::UNDER_RANGE => ["超量程下限", "below the range"],
        Status::SENSOR_LOST => {
            ["传感器丢失：断线、短路或转换器失效", "sensor lost: broken wire, short circuit, dead converter"]
        }
        Status::WARM_UP => ["预热", "warming up"],
        Status::CALIBRATION => ["标定中", "being calibrated"],
        Status::INHIBIT => ["已屏蔽", "inhibited"],
        Status::FUNCTION_CHECK => ["功能检查", "function check"],
        Status::MAINTENANCE_REQUIRED => ["需要维护", "maintenance required"],
        Status::OUT_OF_SPECIFICATION => ["超出规格", "out of specification"],
        Status::FAILURE => ["故障", "failure"],
        Status::GATEWAY_LOST => ["网关失联", "gateway lost"],
        Status::HORN_SILENCED => ["已消音", "horn silenced"],
        Status::UNACKED => ["未确认", "not acknowledged"],
        Status::NOT_FITTED => ["未装", "not fitted"],
        other => panic!("{other:?} is no bit"),
    }
}

const fn quantity(quantity: Quantity) -> Words {
    match quantity {
        Quantity::NotFitted => ["未装", "not fitted"],
        Quantity::Combustible => [
            "可燃气体（设定值 ≤25、≤50 %LEL；≤1、≤2 LEL·m）",
            "combustible gas (set-points ≤25, ≤50 %LEL; ≤1, ≤2 LEL·m)",
        ],
        Quantity::Oxygen => [
            "氧气（一级 ≥19.5，双侧时二级 ≤23.5 %VOL）",
            "oxygen (level 1 ≥19.5, two-sided level 2 ≤23.5 %VOL)",
        ],
        Quantity::Toxic => ["有毒气体（≤100、≤200 %OEL）", "toxic gas (≤100, ≤200 %OEL)"],
        Quantity::DifferentialPressure => ["压差", "differential pressure"],
        Quantity::Temperature => ["温度", "temperature"],
        Quantity::Contact => ["触点：0 断开，1 闭合", "contact: 0 open, 1 closed"],
        Quantity::Other => ["其他", "other"],
    }
}

const fn tested(tested: Tested) -> Words {
    match tested {
        Tested::Ram => [
            "内存（March C−）；不合格即故障，直到下次启动",
            "memory (March C−); failing is a failure, until the next start",
        ],
        Tested::Program => ["程序映像 CRC-32；不合格即故障", "program image, CRC-32; failing is a failure"],
        Tested::Stack => ["栈保护字；不合格即故障", "stack guard; failing is a failure"],
        Tested::Reference => ["转换器基准；不合格即故障", "converter's reference; failing is a failure"],
        Tested::Relays => ["继电器反馈；不合格即故障", "relay feedback; failing is a failure"],
        Tested::Settings => ["参数存储；不合格需维护", "settings' store; failing asks for maintenance"],
        Tested::Pins => ["输出引脚；不合格即故障", "output pins; failing is a failure"],
        Tested::Clock => ["时钟倒走；需维护", "clock stepped back; asks for maintenance"],
        Tested::Buttons => ["按键卡住；需维护", "button stuck; asks for maintenance"],
    }
}

const fn state(state: SettingsState) -> Words {
    match state {
        SettingsState::Stored => ["已存储", "stored"],
        SettingsState::Factory => [
            "出厂参数，从未存储：写任一参数即确认",
            "factory settings, never stored: writing any setting confirms them",
        ],
        SettingsState::OlderCopy => [
            "另一份损坏：上次存储被打断，这是之前的参数",
            "the other copy is damaged: its storing was cut off, these are the settings before it",
        ],
        SettingsState::BothDamaged => {
            ["两份都损坏，正用出厂参数：故障", "both copies damaged, factory settings in use: a failure"]
        }
        SettingsState::ToBeStored => ["已生效，待存储", "in force, to be stored"],
        SettingsState::StoringFailed => {
            ["存储失败：断电后丢失", "storing failed: gone with the next power cut"]
        }
    }
}

const fn cause(cause: ResetCause) -> Words {
    match cause {
        ResetCause::Unknown => ["未知", "unknown"],
        ResetCause::Power => ["上电", "power"],
        ResetCause::Watchdog => ["看门狗", "watchdog"],
        ResetCause::Pin => ["复位引脚", "reset pin"],
        ResetCause::Software => ["程序", "software"],
        ResetCause::BrownOut => ["欠压", "brown-out"],
    }
}

const fn event(what: What) -> Words {
    match what {
        What::Set => [
            "状态位置位；细节为位号，数值为测量值",
            "status bit set; detail: the bit, value: what was measured",
        ],
        What::Cleared => [
            "状态位清除；细节为位号，数值为测量值",
            "status bit cleared; detail: the bit, value: what was measured",
        ],
        What::Started => ["启动；细节为原因，数值为次数", "started; detail: the cause, value: how often"],
        What::Acknowledged => ["确认；细节 0 总线，1 按键", "acknowledged; detail: 0 bus, 1 button"],
        What::Reset => ["复位；细节同上", "reset; detail as above"],
        What::Silenced => ["消音；细节同上", "silenced; detail as above"],
        What::Unlocked => ["参数解锁", "settings unlocked"],
        What::Locked => ["参数锁定", "settings locked"],
        What::WrongKey => ["密码错误", "wrong key"],
        What::Changed => ["参数改变；数值为首个寄存器", "settings changed; value: the first register"],
        What::Stored => ["参数已存储；数值为序号", "settings stored; value: their sequence number"],
        What::StoringFailed => ["参数存储失败", "settings could not be stored"],
        What::ZeroTaken => ["零点已取；数值为参考值", "zero taken; value: the reference"],
        What::SpanTaken => ["量程点已取；数值为参考值", "span taken; value: the reference"],
        What::CalibrationUndone => ["恢复标称标定", "calibration is the nominal one again"],
        What::CalibrationRefused => {
            ["标定被拒；数值为参考值", "calibration step refused; value: the reference"]
        }
        What::SelfTestFailed => ["自检不合格；细节为位号", "self-test failed; detail: its bit"],
        What::SelfTestPassed => ["自检恢复合格；细节为位号", "self-test passed again; detail: its bit"],
        What::ClockStepped => ["时钟倒走", "the clock stepped back"],
    }
}

#[test]
fn the_register_pages_are_the_ones_written_from_the_map() {
    for (lang, path) in PAGES.into_iter().enumerate() {
        let written = page(lang);
        if bless() {
            fs::create_dir_all(at_root("docs/firmware")).expect("docs/firmware");
            fs::write(at_root(path), &written).expect("a page");
        }
        let kept = fs::read_to_string(at_root(path)).unwrap_or_default();
        assert!(kept == written, "{path} is stale: run this test with HAZARD_BLESS=1");
        for row in [INPUTS, HOLDINGS, COILS, DISCRETES].into_iter().flatten() {
            let rows = kept.lines().filter(|line| line.contains(&format!("| `{}` |", row.name))).count();
            assert_eq!(rows, 1, "{path}: {}", row.name);
        }
    }
}

#[test]
fn a_float_takes_two_addresses_and_a_bit_one() {
    let setpoint = HOLDINGS.first().expect("a holding register");
    assert_eq!(setpoint.shape, Shape::F32);
    assert!(line(setpoint, 1).starts_with("| 0–1 | 40001 | `ch1_setpoint_l1` | f32 |"));
    assert!(line(COILS.first().expect("a coil"), 1).starts_with("| 0 | 00001 | `acknowledge` | bit |"));
}
