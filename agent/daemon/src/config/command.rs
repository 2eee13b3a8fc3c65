//! Named commands as written: on the site, and in templates for any site to take.

use schemars::JsonSchema;
use serde::Deserialize;

use super::point::{OrderKey, PointFile, RegisterFile, TableKey, TypeKey};

/// 命令能改变什么。 What a command can do.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RiskKey {
    /// 不影响保护，例如消音、自检灯。 Nothing that protects changes: silence, a lamp test.
    Routine,
    /// 改变测量，例如调零、标定。 What is measured changes: a zero, a span.
    #[default]
    Calibration,
    /// 可能降低保护，例如下发设定值、抑制：须由另一人批准。 Protection may be lowered, as by a set-point or an inhibit: another person approves.
    Protection,
}

/// 怎样核实。 How it is verified.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum VerifyKey {
    /// 写后读回（默认）。 Read back after the write (the default).
    ReadBack,
    /// 不读回：写后自行清零的命令寄存器。 Not read back: a command register that clears itself.
    None,
}

/// 命令：允许操作人员写到设备上的一个值；没有写在这里的都不能写。 A named command: a value that people may have written to a device; nothing that is not named here can be written.
#[derive(Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CommandFile {
    /// 名称，站内唯一（站点文件）。 Its name, unique on the site (site file).
    #[schemars(length(min = 1, max = 64))]
    pub(crate) id: Option<String>,
    /// 被 from 引用的名称（模板）。 The name that from refers to (template).
    #[schemars(length(min = 1, max = 64))]
    pub(crate) name: Option<String>,
    /// 所在设备（站点文件）。 The device (site file).
    pub(crate) device: Option<String>,
    /// 引用设备模板里的命令；这里写的键优先。 A command of the device's template; keys written here win.
    pub(crate) from: Option<String>,
    /// 中文名称，默认为 id。 Its name in Chinese, the id unless told.
    #[schemars(length(min = 1, max = 128))]
    pub(crate) zh: Option<String>,
    /// 英文名称，默认为 id。 Its name in English, the id unless told.
    #[schemars(length(min = 1, max = 128))]
    pub(crate) en: Option<String>,
    /// 功能码：5 单个线圈、6 单个寄存器、15 多个线圈、16 多个寄存器。 Function code: 5 one coil, 6 one register, 15 coils, 16 registers.
    #[schemars(range(min = 5, max = 16))]
    pub(crate) function: Option<u8>,
    /// 协议地址：站点文件从 0 数起，模板按 address_base。 Protocol address: from 0 on the site, from address_base in a template.
    pub(crate) address: Option<u16>,
    /// 手册上的引用地址，例如 "40001"。 The manual's reference, such as "40001".
    #[schemars(length(min = 1, max = 16))]
    pub(crate) reference: Option<String>,
    /// 寄存器的数据类型。 The data type of registers.
    #[serde(rename = "type")]
    pub(crate) kind: Option<TypeKey>,
    /// bcd 的寄存器个数。 Registers of bcd.
    #[schemars(range(min = 1, max = 4))]
    pub(crate) words: Option<u8>,
    /// 字节顺序。 Order of words and bytes.
    pub(crate) order: Option<OrderKey>,
    /// 功能码 15 写几个线圈，值的最低位是第一个；默认 1。 So many coils by function 15; the value's lowest bit is the first; 1 unless told.
    #[schemars(range(min = 1, max = 16))]
    pub(crate) coils: Option<u8>,
    /// 值 = 原始值 × scale + offset，默认 1。 value = raw × scale + offset; 1 unless told.
    pub(crate) scale: Option<f64>,
    /// 默认 0。 0 unless told.
    pub(crate) offset: Option<f64>,
    /// 值的单位。 The value's unit.
    #[schemars(length(max = 16))]
    pub(crate) unit: Option<String>,
    /// 固定写入的值；否则写 min 和 max，由操作人员给出。 The value that is always written; else min and max, and people say it.
    pub(crate) value: Option<f64>,
    /// 允许的最小值。 The least value.
    pub(crate) min: Option<f64>,
    /// 允许的最大值。 The greatest value.
    pub(crate) max: Option<f64>,
    /// 从最小值起的步长。 Steps from the least value.
    pub(crate) step: Option<f64>,
    /// 能改变什么，默认 calibration。 What it can do, calibration unless told.
    pub(crate) risk: Option<RiskKey>,
    /// 须由另一人批准；risk = "protection" 时总是须要。 Another person approves it; always with risk = "protection".
    pub(crate) second_person: Option<bool>,
    /// 须写原因；默认除 routine 外都须要。 A reason is needed; unless routine, if not told.
    pub(crate) reason: Option<bool>,
    /// 怎样核实，默认 read_back。 How it is verified, read_back unless told.
    pub(crate) verify: Option<VerifyKey>,
    /// 读回的地址，默认与写入的相同。 Where it is read back, where it is written unless told.
    pub(crate) read_back: Option<u16>,
    /// 读回的表，默认与写入的相同。 The table of that, the one that is written unless told.
    pub(crate) read_back_table: Option<TableKey>,
    /// 读回的值最多差多少，默认 0。 So far what is read back may be off, 0 unless told.
    #[schemars(range(min = 0))]
    pub(crate) tolerance: Option<f64>,
    /// 没有写成时最多再写几次，默认 2；不读回的命令默认 0。 So often it is written again at most, 2 unless told; 0 without a read-back.
    #[schemars(range(max = 5))]
    pub(crate) retries: Option<u8>,
    /// 多久之后不再发出，默认 30。 After this time it is not sent any more, 30 unless told.
    #[schemars(range(min = 5, max = 300))]
    pub(crate) deadline_s: Option<u32>,
    /// 两次之间至少相隔多久，默认 10。 The shortest time between two of it, 10 unless told.
    #[schemars(range(min = 1, max = 86_400))]
    pub(crate) every_s: Option<u32>,
}

impl CommandFile {
    /// What is told here, else what is told there. An address told here replaces the reference there, and so on.
    pub(crate) fn or(self, there: Self) -> Self {
        let placed = self.address.is_some() || self.reference.is_some();
        let (address, reference) =
            if placed { (self.address, self.reference) } else { (there.address, there.reference) };
        let chosen = self.value.is_some() || self.min.is_some() || self.max.is_some();
        let (value, min, max, step) = if chosen {
            (self.value, self.min, self.max, self.step)
        } else {
            (there.value, there.min, there.max, self.step.or(there.step))
        };
        Self {
            id: self.id,
            name: there.name,
            device: self.device,
            from: self.from,
            zh: self.zh.or(there.zh),
            en: self.en.or(there.en),
            function: self.function.or(there.function),
            address,
            reference,
            kind: self.kind.or(there.kind),
            words: self.words.or(there.words),
            order: self.order.or(there.order),
            coils: self.coils.or(there.coils),
            scale: self.scale.or(there.scale),
            offset: self.offset.or(there.offset),
            unit: self.unit.or(there.unit),
            value,
            min,
            max,
            step,
            risk: self.risk.or(there.risk),
            second_person: self.second_person.or(there.second_person),
            reason: self.reason.or(there.reason),
            verify: self.verify.or(there.verify),
            read_back: self.read_back.or(there.read_back),
            read_back_table: self.read_back_table.or(there.read_back_table),
            tolerance: self.tolerance.or(there.tolerance),
            retries: self.retries.or(there.retries),
            deadline_s: self.deadline_s.or(there.deadline_s),
            every_s: self.every_s.or(there.every_s),
        }
    }

    /// Whether it writes coils.
    pub(crate) fn is_coils(&self) -> bool {
        matches!(self.function, Some(5 | 15))
    }

    /// Where it writes, as a point that is read there.
    pub(crate) fn as_point(&self) -> PointFile {
        let table = if self.is_coils() { TableKey::Coil } else { TableKey::Holding };
        let register = RegisterFile {
            table: Some(table),
            address: self.address,
            reference: self.reference.clone(),
            kind: self.kind,
            words: self.words,
            order: self.order,
            ..RegisterFile::default()
        };
        PointFile { register, scale: self.scale, offset: self.offset, ..PointFile::default() }
    }
}
