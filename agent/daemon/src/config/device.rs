//! Devices as written: on the site, and as templates that any site may use.

use schemars::JsonSchema;
use serde::Deserialize;

use super::command::CommandFile;
use super::point::{OrderKey, PointFile};
use super::sensor::StatusFile;
use super::signature::MarkFile;

/// 设备的通信参数；站点文件里写的优先于模板。 How a device is asked; the site file wins over the template.
#[derive(Clone, Copy, Default, Deserialize, JsonSchema)]
pub(crate) struct Manners {
    /// 应答时限；默认 tcp 1000、rtu 500。 How long a reply may take; 1000 on tcp, 500 on rtu unless told.
    #[schemars(range(min = 20, max = 30_000))]
    pub(crate) timeout_ms: Option<u32>,
    /// 超时之后应答还可能迟到多久；串行线默认为时限的两倍。 How long a reply may still be late; twice the timeout on a line.
    #[schemars(range(max = 60_000))]
    pub(crate) late_window_ms: Option<u32>,
    /// 默认轮询周期，默认 1000。 Poll period of its points, 1000 unless told.
    #[schemars(range(min = 50, max = 3_600_000))]
    pub(crate) poll_ms: Option<u32>,
    /// 典型应答时间，只用于预测；默认 tcp 20、rtu 50。 Typical reply time, for predictions; 20 on tcp, 50 on rtu.
    #[schemars(range(max = 30_000))]
    pub(crate) turnaround_ms: Option<u32>,
    /// 请求之前须有的静默（帧间停顿），默认 0；总线的 gap_ms 更长则用它。 Silence that it needs before a request, 0 unless told; a
    /// longer gap_ms of its bus counts.
    #[schemars(range(max = 10_000))]
    pub(crate) pause_ms: Option<u32>,
    /// 一次最多读几个寄存器，默认 125。 Registers in one read at most, 125 unless told.
    #[schemars(range(min = 1, max = 125))]
    pub(crate) registers_max: Option<u16>,
    /// 一次最多读几位，默认 2000。 Bits in one read at most, 2000 unless told.
    #[schemars(range(min = 1, max = 2000))]
    pub(crate) bits_max: Option<u16>,
    /// 为了合并读取最多跨过几个用不到的地址，默认 8。 Unneeded addresses that a joined read may span, 8 unless told.
    #[schemars(range(max = 2000))]
    pub(crate) gap_max: Option<u16>,
    /// 一次只能读一个量，默认否。 Only one quantity in one read, false unless told.
    pub(crate) single: Option<bool>,
}

impl Manners {
    /// What is told here, else what is told there.
    pub(crate) fn or(self, there: Self) -> Self {
        Self {
            timeout_ms: self.timeout_ms.or(there.timeout_ms),
            late_window_ms: self.late_window_ms.or(there.late_window_ms),
            poll_ms: self.poll_ms.or(there.poll_ms),
            turnaround_ms: self.turnaround_ms.or(there.turnaround_ms),
            pause_ms: self.pause_ms.or(there.pause_ms),
            registers_max: self.registers_max.or(there.registers_max),
            bits_max: self.bits_max.or(there.bits_max),
            gap_max: self.gap_max.or(there.gap_max),
            single: self.single.or(there.single),
        }
    }
}

/// 设备。 A device.
#[derive(Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct DeviceEntry {
    /// 名称，站内唯一。 Its name, unique on the site.
    #[schemars(length(min = 1, max = 64))]
    pub(crate) id: String,
    /// 所在总线。 Its bus.
    pub(crate) bus: String,
    /// 站号：串行线 1–247，TCP 0–255，默认 1。 Unit address: 1–247 on a line, 0–255 on TCP, 1 unless told.
    #[serde(default = "unit")]
    #[schemars(range(max = 255))]
    pub(crate) unit: u8,
    /// 设备模板：devices/<模板>.toml。 The template: devices/<template>.toml.
    #[schemars(length(min = 1, max = 64))]
    pub(crate) template: Option<String>,
    /// 连续失败几次算离线。 Failures in a row after which it is offline.
    #[serde(default = "offline_after")]
    #[schemars(range(min = 1, max = 100))]
    pub(crate) offline_after: u8,
    /// 离线后两次探测的最长间隔。 The longest time between two probes while offline.
    #[serde(default = "probe_max_s")]
    #[schemars(range(min = 1, max = 3600))]
    pub(crate) probe_max_s: u32,
    /// 属于安全仪表系统（SIS）：只读，任何输出都不得接在它上面。 Part of a safety instrumented system: read only, no output may be wired to it.
    #[serde(default)]
    pub(crate) sis: bool,
    /// 模板点的位号前缀，默认为设备名称。 Prefix of the template's tags, the device's name unless told.
    #[schemars(length(min = 1, max = 64))]
    pub(crate) tag_prefix: Option<String>,
    #[serde(flatten)]
    pub(crate) manners: Manners,
}

const fn unit() -> u8 {
    1
}

const fn offline_after() -> u8 {
    3
}

const fn probe_max_s() -> u32 {
    30
}

/// 设备模板。 A device template.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "the schema is generated from it; its sections are read one by one")]
pub(crate) struct DeviceFile {
    /// 设备。 The device.
    pub(crate) device: TemplateHead,
    /// 点。 Its points.
    #[serde(default)]
    #[schemars(length(max = 5000))]
    pub(crate) points: Vec<PointFile>,
    /// 状态的含义（NE 107）。 What its statuses mean (NE 107).
    #[serde(default)]
    #[schemars(length(max = 256))]
    pub(crate) status: Vec<StatusFile>,
    /// 特征：hazard match 据此辨认型号。 Its signature, by which hazard match recognises the model.
    #[serde(default)]
    #[schemars(length(max = 32))]
    pub(crate) signature: Vec<MarkFile>,
    /// 命令：站点用 [[commands]] from 取用后才可发送。 Named commands; none can be sent until a site takes it by from.
    #[serde(default)]
    #[schemars(length(max = 64))]
    pub(crate) commands: Vec<CommandFile>,
}

/// 模板的设备部分。 What a template says of the device.
#[derive(Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct TemplateHead {
    /// 厂家。 The vendor.
    pub(crate) vendor: String,
    /// 型号。 The model.
    pub(crate) model: String,
    /// 中文名。 Its name in Chinese.
    pub(crate) zh: String,
    /// 英文名。 Its name in English.
    pub(crate) en: String,
    /// 寄存器表的出处。 Where the register map was read.
    #[allow(dead_code, reason = "for people and other tools")]
    #[schemars(length(min = 1))]
    pub(crate) source: String,
    /// 模板修订号。 The template's revision.
    #[allow(dead_code, reason = "for people and other tools")]
    pub(crate) revision: Option<u32>,
    /// 本文件的 address 从 0 还是 1 数起，默认 0。 Whether addresses here start at 0 or 1, 0 unless told.
    #[serde(default)]
    #[schemars(range(max = 1))]
    pub(crate) address_base: u8,
    /// 默认字序，默认 ABCD。 Word order of its points, ABCD unless told.
    pub(crate) order: Option<OrderKey>,
    #[serde(flatten)]
    pub(crate) manners: Manners,
}
