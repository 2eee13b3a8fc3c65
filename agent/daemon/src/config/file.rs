//! The site file as written: every section and key, its bounds and its hover text. What it means is decided in `lower`.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use super::accepted::AcceptedFile;
use super::call::{CallFile, WebhookFile};
use super::command::CommandFile;
use super::device::DeviceEntry;
use super::evidence::EvidenceFile;
use super::interlock::{AssistKey, PermitFile, TripFile, VoteFile};
use super::point::{PointFile, PriorityKey};
use super::practice::PracticeFile;
use super::safeguard::SafeguardFile;
use super::sensor::StatusFile;
use super::upkeep::UpkeepFile;
use super::uplink::UplinkFile;

/// 站点配置。 A site.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "the schema is generated from it; its sections are read one by one")]
pub(crate) struct SiteFile {
    /// 企业。 The enterprise.
    pub(crate) enterprise: EnterpriseFile,
    /// 网关。 The gateway.
    pub(crate) gateway: GatewayFile,
    /// 总线：一条串行线或一个 TCP 地址。 Buses: one line or one TCP address each.
    #[serde(default)]
    #[schemars(length(max = 256))]
    pub(crate) buses: Vec<BusFile>,
    /// 设备：总线上的一个站号。 Devices: one unit address on a bus each.
    #[serde(default)]
    #[schemars(length(max = 4096))]
    pub(crate) devices: Vec<DeviceEntry>,
    /// 点：一个测量值。 Points: one measured quantity each.
    #[serde(default)]
    #[schemars(length(max = 50_000))]
    pub(crate) points: Vec<PointFile>,
    /// 设备状态的含义（NE 107）。 What statuses of devices mean (NE 107).
    #[serde(default)]
    #[schemars(length(max = 4096))]
    pub(crate) status: Vec<StatusFile>,
    /// 声光与联动输出。 Outputs that sound, light or assist.
    #[serde(default)]
    #[schemars(length(max = 256))]
    pub(crate) outputs: Vec<OutputFile>,
    /// 命令：允许写到设备上的值。 Named commands: what may be written to devices.
    #[serde(default)]
    #[schemars(length(max = 1000))]
    pub(crate) commands: Vec<CommandFile>,
    /// 表决。 Votes.
    #[serde(default)]
    #[schemars(length(max = 256))]
    pub(crate) votes: Vec<VoteFile>,
    /// 联锁（因果表）。 Trips: the cause & effect matrix.
    #[serde(default)]
    #[schemars(length(max = 256))]
    pub(crate) trips: Vec<TripFile>,
    /// 启动许可。 Start permits.
    #[serde(default)]
    #[schemars(length(max = 256))]
    pub(crate) permits: Vec<PermitFile>,
    /// 没有信号的安全设施：有，或应有而没有。 Safeguards without a signal: there, or missing though they should be.
    #[serde(default)]
    #[schemars(length(max = 256))]
    pub(crate) safeguards: Vec<SafeguardFile>,
    /// 重点时段。 Key periods.
    #[serde(default)]
    #[schemars(length(max = 64))]
    pub(crate) key_periods: Vec<KeyPeriodFile>,
    /// 定期标定与功能测试。 Calibrations and proof tests.
    #[serde(default)]
    #[schemars(length(max = 4096))]
    pub(crate) upkeep: Vec<UpkeepFile>,
    /// 叫应：没有人应答时呼叫谁。 Call and answer: who is called when nobody answers.
    pub(crate) call: Option<CallFile>,
    /// 呼叫接口。 Webhooks: what carries the orders.
    #[serde(default)]
    #[schemars(length(max = 8))]
    pub(crate) webhooks: Vec<WebhookFile>,
    /// 上传通道。 Uplinks.
    #[serde(default)]
    #[schemars(length(max = 8))]
    pub(crate) uplinks: Vec<UplinkFile>,
    /// 本地保存。 Local retention.
    #[serde(default)]
    pub(crate) retention: RetentionFile,
    /// 内存上限。 Bounds of memory.
    #[serde(default)]
    pub(crate) limits: LimitsFile,
    /// 操作规矩。 What people on the site may do.
    #[serde(default)]
    pub(crate) practice: PracticeFile,
    /// 存证。 Evidence.
    #[serde(default)]
    pub(crate) evidence: EvidenceFile,
    /// 已确认的警告。 Warnings that are accepted.
    #[serde(default)]
    #[schemars(length(max = 1000))]
    pub(crate) accepted: Vec<AcceptedFile>,
}

/// 企业。 The enterprise.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EnterpriseFile {
    /// 区县代码，进入 MQTT 主题。 The district's code; part of the MQTT topic.
    #[schemars(length(min = 1, max = 64))]
    pub(crate) district: String,
    /// 企业代码，进入 MQTT 主题。 The enterprise's code; part of the MQTT topic.
    #[schemars(length(min = 1, max = 64))]
    pub(crate) id: String,
    /// 企业名称。 The enterprise's name.
    #[schemars(length(min = 1, max = 128))]
    pub(crate) name: String,
}

/// 网关。 The gateway.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GatewayFile {
    /// 网关代码，进入 MQTT 主题。 The gateway's code; part of the MQTT topic.
    #[schemars(length(min = 1, max = 64))]
    pub(crate) id: String,
    /// 数据目录。 The folder for the journal.
    #[serde(default = "state_dir")]
    pub(crate) state_dir: PathBuf,
    /// 本机页面与指标的监听地址。 Where metrics are served.
    #[serde(default = "listen")]
    pub(crate) listen: String,
    /// 存在即表示时钟已同步的文件。 The file whose presence says that the clock is synchronised.
    #[serde(default = "clock_sync_file")]
    pub(crate) clock_sync_file: PathBuf,
}

pub(super) fn state_dir() -> PathBuf {
    PathBuf::from("/var/lib/hazard")
}

fn listen() -> String {
    "127.0.0.1:9464".to_owned()
}

fn clock_sync_file() -> PathBuf {
    PathBuf::from("/run/systemd/timesync/synchronized")
}

/// 总线的种类。 What kind of bus.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum BusKindKey {
    /// Modbus TCP。 Modbus TCP.
    Tcp,
    /// 串口 Modbus RTU。 Modbus RTU on a serial port.
    Rtu,
    /// 串口服务器透传 RTU。 RTU frames over TCP to a serial server.
    RtuOverTcp,
}

/// 校验。 Parity.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ParityKey {
    /// 无校验。 None.
    None,
    /// 偶校验。 Even.
    Even,
    /// 奇校验。 Odd.
    Odd,
}

/// 总线。 A bus.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BusFile {
    /// 名称，站内唯一。 Its name, unique on the site.
    #[schemars(length(min = 1, max = 64))]
    pub(crate) id: String,
    /// 种类。 Its kind.
    pub(crate) kind: BusKindKey,
    /// 主机名或 IP（tcp、rtu_over_tcp）。 Host name or address (tcp, rtu_over_tcp).
    #[schemars(length(min = 1, max = 253))]
    pub(crate) host: Option<String>,
    /// 端口，默认 502。 Port, 502 unless told.
    #[schemars(range(min = 1, max = 65535))]
    pub(crate) port: Option<u16>,
    /// 串口（rtu），最好用 /dev/serial/by-path/…；或 USB 适配器 usb:0403:6001:序列号。 The port (rtu), best a /dev/serial/by-path/… name; or a USB adapter, usb:0403:6001:SERIAL.
    #[schemars(length(min = 1, max = 255))]
    pub(crate) path: Option<String>,
    /// 波特率，默认 9600。 Bits per second, 9600 unless told.
    #[schemars(range(min = 300, max = 4_000_000))]
    pub(crate) baud: Option<u32>,
    /// 校验，默认 none。 Parity, none unless told.
    pub(crate) parity: Option<ParityKey>,
    /// 停止位，默认 1。 Stop bits, 1 unless told.
    #[schemars(range(min = 1, max = 2))]
    pub(crate) stop_bits: Option<u8>,
    /// 两次请求之间的静默；串行线上至少 3.5 个字符。 Silence between requests; on a line at least 3.5 characters.
    #[serde(default)]
    #[schemars(range(max = 10_000))]
    pub(crate) gap_ms: u32,
    /// 建立连接的时限。 How long connecting may take.
    #[serde(default = "connect_timeout_ms")]
    #[schemars(range(min = 100, max = 60_000))]
    pub(crate) connect_timeout_ms: u32,
    /// 连接后先等多久。 Pause after connecting.
    #[serde(default)]
    #[schemars(range(max = 60_000))]
    pub(crate) pause_after_connect_ms: u32,
    /// 探测离线设备最多占用的时间百分比。 Share of time for probing devices that do not answer.
    #[serde(default = "probe_share_percent")]
    #[schemars(range(min = 1, max = 50))]
    pub(crate) probe_share_percent: u16,
    /// 轮询周期排不下时仍然启动。 Start although the poll periods cannot be kept.
    #[serde(default)]
    pub(crate) allow_overload: bool,
}

const fn connect_timeout_ms() -> u32 {
    3_000
}

const fn probe_share_percent() -> u16 {
    5
}

/// 重点时段：限值收紧、叫应加快、不得新开旁路。 A key period: tighter set-points, faster calls, no new bypass.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeyPeriodFile {
    /// 名称，例如“国庆”。 Its name.
    #[schemars(length(min = 1, max = 64))]
    pub(crate) id: String,
    /// 开始，例如 "2026-10-01T00:00"；不写时区为北京时间。 Its begin, such as "2026-10-01T00:00"; Beijing time unless told.
    pub(crate) from: String,
    /// 结束。 Its end.
    pub(crate) until: String,
    /// 仍可新开旁路。 Bypasses may be begun all the same.
    #[serde(default)]
    pub(crate) allow_bypass: bool,
}

/// 输出的作用。 What makes an output active.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RoleKey {
    /// 声：有未确认报警就响，可消音。 Sounds on unacknowledged alarms until silenced.
    Horn,
    /// 光：有报警就亮。 Lit while an alarm stands.
    Beacon,
    /// 故障灯：网关、设备或点异常。 Lit while the agent, a device or a point is impaired.
    Fault,
    /// 指定报警联动（仅限非 SIS 输出）。 Active while the named alarms stand (never a SIS output).
    Alarms,
    /// 联锁辅助输出：由 [[trips]]、[[permits]] 驱动，只向安全侧动作。 Driven by trips and permits, toward the safe state only.
    Interlock,
    /// 心跳：主循环每转一圈翻转一次。 Toggles with each turn of the engine.
    Heartbeat,
}

/// 继电器接法。 How the relay is driven.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PolarityKey {
    /// 失电报警（推荐）：断电、断线、死机都会报警。 De-energised in alarm: a dead gateway sounds.
    DeEnergiseToAlarm,
    /// 得电报警。 Energised in alarm.
    EnergiseToAlarm,
}

/// 输出。 An output.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OutputFile {
    /// 名称，站内唯一。 Its name, unique on the site.
    #[schemars(length(min = 1, max = 64))]
    pub(crate) id: String,
    /// 作用。 What makes it active.
    pub(crate) role: RoleKey,
    /// 声光的最低优先级，默认 low。 The least priority that sounds or lights, low unless told.
    pub(crate) min_priority: Option<PriorityKey>,
    /// 联动的报警，“位号:种类”。 The alarms that drive it, TAG:kind.
    #[schemars(length(max = 1000))]
    pub(crate) alarms: Option<Vec<String>>,
    /// 用途（role = "interlock"）。 What it is for (role = "interlock").
    pub(crate) assist: Option<AssistKey>,
    /// 继电器模块的线圈。 A coil of a relay module.
    pub(crate) coil: Option<CoilFile>,
    /// 网关自己的输出线。 A line of the gateway's own.
    pub(crate) gpio: Option<GpioFile>,
    /// 继电器接法，默认 de_energise_to_alarm。 How the relay is driven, de_energise_to_alarm unless told.
    pub(crate) polarity: Option<PolarityKey>,
}

/// 线圈。 A coil.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CoilFile {
    /// 设备。 The module.
    pub(crate) device: String,
    /// 线圈地址，从 0 数起。 The coil, from 0.
    pub(crate) address: u16,
}

/// GPIO 线。 A GPIO line.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GpioFile {
    /// 芯片，例如 /dev/gpiochip0。 The chip, such as /dev/gpiochip0.
    #[schemars(length(min = 1, max = 255))]
    pub(crate) chip: String,
    /// 线号。 The line's offset.
    #[schemars(range(max = 65535))]
    pub(crate) line: u32,
    /// 电路板已反相。 The board inverts the line.
    #[serde(default)]
    pub(crate) active_low: bool,
}

/// 本地保存。 Local retention.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RetentionFile {
    /// 原始记录保存天数；重大危险源不少于 30 天。 Days of raw records; at least 30 for major hazards.
    #[schemars(range(min = 1, max = 3650))]
    pub(crate) raw_days: u32,
    /// 报警、操作、旁路和配置等事件保存天数，默认一年。 Days of alarms, operations, bypasses and other events; a year by default.
    #[schemars(range(min = 1, max = 3650))]
    pub(crate) event_days: u32,
    /// 磁盘上限，MB。 Megabytes on disk at most.
    #[schemars(range(min = 16, max = 1_000_000))]
    pub(crate) quota_mb: u64,
    /// 读数最迟多久落盘；事件立即落盘。 Readings are durable within this time; events at once.
    #[schemars(range(min = 10, max = 10_000))]
    pub(crate) commit_ms: u32,
}

impl Default for RetentionFile {
    fn default() -> Self {
        Self { raw_days: 30, event_days: 366, quota_mb: 2_048, commit_ms: 250 }
    }
}

/// 内存上限。 Bounds of memory.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LimitsFile {
    /// 内存里保留的读数。 Readings kept in memory.
    #[schemars(range(min = 1_000, max = 10_000_000))]
    pub(crate) recent_readings_max: u32,
    /// 内存里保留的事件。 Events kept in memory.
    #[schemars(range(min = 256, max = 1_000_000))]
    pub(crate) recent_events_max: u32,
    /// 等待落盘的读数。 Readings on their way to the disk.
    #[schemars(range(min = 1_000, max = 10_000_000))]
    pub(crate) journal_backlog_max: u32,
}

impl Default for LimitsFile {
    fn default() -> Self {
        let limits = hazard_core::site::Limits::default();
        Self {
            recent_readings_max: limits.recent_readings_max,
            recent_events_max: limits.recent_events_max,
            journal_backlog_max: limits.journal_backlog_max,
        }
    }
}
