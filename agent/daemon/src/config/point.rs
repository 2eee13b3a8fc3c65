//! A point and its alarms as written, on the site and in a template: every key optional, so that one may fill the other.

use schemars::JsonSchema;
use serde::Deserialize;

use super::gas::GasKey;
use super::profile::{DuctKey, ProfileKey};
use super::sensor::{CurrentKey, DriftFile, FailureKey, OverRangeKey};

/// 寄存器表。 A Modbus table.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TableKey {
    /// 线圈 0x。 Coils.
    Coil,
    /// 离散输入 1x。 Discrete inputs.
    Discrete,
    /// 输入寄存器 3x。 Input registers.
    Input,
    /// 保持寄存器 4x。 Holding registers.
    Holding,
}

/// 数据类型。 A data type.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TypeKey {
    /// 开关量。 A switch.
    Bit,
    /// 有符号 16 位。 Signed, 16 bits.
    I16,
    /// 无符号 16 位。 Unsigned, 16 bits.
    U16,
    /// 有符号 32 位。 Signed, 32 bits.
    I32,
    /// 无符号 32 位。 Unsigned, 32 bits.
    U32,
    /// 有符号 64 位。 Signed, 64 bits.
    I64,
    /// 无符号 64 位。 Unsigned, 64 bits.
    U64,
    /// 单精度浮点。 IEEE 754 single.
    F32,
    /// 双精度浮点。 IEEE 754 double.
    F64,
    /// BCD 码。 Binary-coded decimal.
    Bcd,
    /// 文本。 Text.
    Text,
}

/// 字节顺序；A 为最高字节。 Order of bytes; A is the highest.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
pub(crate) enum OrderKey {
    /// 高字在前、高字节在前。 High word and high byte first.
    #[serde(rename = "ABCD")]
    Abcd,
    /// 低字在前。 Low word first.
    #[serde(rename = "CDAB")]
    Cdab,
    /// 低字节在前。 Low byte first.
    #[serde(rename = "BADC")]
    Badc,
    /// 全部反序。 Low word and low byte first.
    #[serde(rename = "DCBA")]
    Dcba,
}

/// 报警种类。 What kind of alarm.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum KindKey {
    /// 低低。 Low-low.
    LowLow,
    /// 低。 Low.
    Low,
    /// 高（一级）。 High, first level.
    High,
    /// 高高（二级）。 High-high, second level.
    HighHigh,
    /// 开关量报警。 A switch in its alarm position.
    Digital,
}

/// 按钮的作用。 What a push button does.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ButtonKey {
    /// 消音。 Silence.
    Silence,
    /// 确认。 Acknowledge.
    Acknowledge,
    /// 复位。 Reset.
    Reset,
}

/// 监视的种类。 What a watch looks at.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum WatchKey {
    /// 变化过快，每分钟。 Rises or falls too fast, per minute.
    Rate,
    /// 与另一点偏差过大。 Too far from another point.
    Deviation,
    /// 反馈与输出命令不符。 A feedback that contradicts its output's command.
    Discrepancy,
    /// 读数卡死。 The value does not move any more.
    Frozen,
    /// 超量程，锁存。 Beyond its range; held until reset.
    OverRange,
}

/// 监视。 A watch.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WatchFile {
    /// 种类。 Its kind.
    pub(crate) kind: WatchKey,
    /// rate：每分钟变化多少；deviation：相差多少。 rate: change per minute; deviation: distance.
    #[schemars(range(min = 0))]
    pub(crate) setpoint: Option<f64>,
    /// rate：至少测量多久，默认 30 秒。 rate: measured over at least this time, 30 unless told.
    #[schemars(range(min = 1, max = 3_600))]
    pub(crate) over_s: Option<u32>,
    /// deviation：另一点的位号。 deviation: the other point's tag.
    #[allow(dead_code, reason = "its place in the file is looked up when all names are known")]
    pub(crate) other: Option<String>,
    /// discrepancy：输出的名称。 discrepancy: the output's name.
    #[allow(dead_code, reason = "its place in the file is looked up when all names are known")]
    pub(crate) output: Option<String>,
    /// 持续多久才报警：frozen 默认 600，discrepancy 默认 30，其他 0。 How long it must last: frozen 600, discrepancy 30, else 0.
    #[schemars(range(max = 86_400))]
    pub(crate) after_s: Option<u32>,
    /// 锁存；over_range 默认为是。 Held until reset; true for over_range unless told.
    pub(crate) latch: Option<bool>,
    /// 优先级，默认 low。 Priority, low unless told.
    pub(crate) priority: Option<PriorityKey>,
}

/// 优先级。 How urgent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PriorityKey {
    /// 蓝：故障、偏差。 Blue: faults, deviations.
    Low,
    /// 黄：一级。 Yellow: first level.
    Medium,
    /// 橙：二级。 Orange: second level.
    High,
    /// 红：撤离。 Red: evacuate.
    Critical,
}

/// Where a value is read, and as what: of a point, and of a row of a signature.
#[derive(Clone, Default, Deserialize, JsonSchema)]
pub(crate) struct RegisterFile {
    /// 寄存器表。 The table.
    pub(crate) table: Option<TableKey>,
    /// 协议地址：站点文件从 0 数起，模板按 address_base。 Protocol address: from 0 on the site, from address_base in a template.
    pub(crate) address: Option<u16>,
    /// 手册上的引用地址，例如 "40001"。 The manual's reference, such as "40001".
    #[schemars(length(min = 1, max = 16))]
    pub(crate) reference: Option<String>,
    /// 数据类型；特征里默认 u16（开关量表为 bit）。 The data type; in a signature u16 unless told (bit in tables of bits).
    #[serde(rename = "type")]
    pub(crate) kind: Option<TypeKey>,
    /// 寄存器里的第几位，0 为最低位。 Which bit of a register; 0 is the lowest.
    #[schemars(range(max = 15))]
    pub(crate) bit: Option<u8>,
    /// 寄存器里的几位：[首位, 位数]。 Several bits of a register: [first, count].
    pub(crate) bits: Option<[u8; 2]>,
    /// bcd、text 的寄存器个数。 Registers of bcd and text.
    #[schemars(range(min = 1, max = 64))]
    pub(crate) words: Option<u8>,
    /// 字节顺序，默认随设备。 Order of words and bytes, the device's unless told.
    pub(crate) order: Option<OrderKey>,
}

impl RegisterFile {
    /// What is told here, else what is told there. An address told here replaces the reference there, and so on.
    fn or(self, there: Self) -> Self {
        let table = if self.reference.is_some() { self.table } else { self.table.or(there.table) };
        let placed = self.address.is_some() || self.reference.is_some();
        let (address, reference) =
            if placed { (self.address, self.reference) } else { (there.address, there.reference) };
        Self {
            table,
            address,
            reference,
            kind: self.kind.or(there.kind),
            bit: self.bit.or(there.bit),
            bits: self.bits.or(there.bits),
            words: self.words.or(there.words),
            order: self.order.or(there.order),
        }
    }
}

/// 点。 A point.
#[derive(Clone, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct PointFile {
    /// 位号，站内唯一（站点文件）。 Its plant name, unique on the site (site file).
    #[schemars(length(min = 1, max = 64))]
    pub(crate) tag: Option<String>,
    /// 名称；在模板里是被 from 引用的点名。 Its name for people; in a template the name that from refers to.
    #[schemars(length(min = 1, max = 128))]
    pub(crate) name: Option<String>,
    /// 给人看的名称（模板）。 Its name for people (template).
    #[schemars(length(min = 1, max = 128))]
    pub(crate) title: Option<String>,
    /// 所在设备（站点文件）。 The device (site file).
    pub(crate) device: Option<String>,
    /// 测什么：带出行业通行的单位、量程、设定值和限值；写出来的优先。 What it measures: the field's usual unit, range, set-points and limits; what is written wins.
    pub(crate) profile: Option<ProfileKey>,
    /// 哪种气体（combustible、toxic）。 Which gas (combustible, toxic).
    pub(crate) gas: Option<GasKey>,
    /// 爆炸下限，%VOL，只可比表里更严。 Its lower explosive limit, %VOL; only stricter than the table.
    #[schemars(range(min = 0.01, max = 100))]
    pub(crate) lel: Option<f64>,
    /// 职业接触限值，mg/m³，只可比表里更严。 Its exposure limit, mg/m³; only stricter than the table.
    #[schemars(range(min = 0.0001, max = 100_000))]
    pub(crate) oel: Option<f64>,
    /// 风管部位（duct_velocity），默认 horizontal。 Which part of the duct (duct_velocity), horizontal unless told.
    pub(crate) duct: Option<DuctKey>,
    /// 属于重大危险源（level、temperature、pressure、flow）：要两级报警；默认是。 Part of a major hazard: two levels are needed; true unless told.
    pub(crate) major_hazard: Option<bool>,
    /// 引用设备模板里的点；这里写的键优先。 A point of the device's template; keys written here win.
    pub(crate) from: Option<String>,
    #[serde(flatten)]
    pub(crate) register: RegisterFile,
    /// 值 = 原始值 × scale + offset，默认 1。 value = raw × scale + offset; 1 unless told.
    pub(crate) scale: Option<f64>,
    /// 默认 0。 0 unless told.
    pub(crate) offset: Option<f64>,
    /// 存放小数位数的寄存器地址。 The address of the register that holds the number of decimals.
    pub(crate) decimals_at: Option<u16>,
    /// 小数位数占哪几位，默认 0xFFFF。 Which bits of it count, 0xFFFF unless told.
    #[schemars(range(min = 1))]
    pub(crate) decimals_mask: Option<u16>,
    /// 存放除数的寄存器地址。 The address of the register that holds the divisor.
    pub(crate) divisor_at: Option<u16>,
    /// 量程 [最小, 最大]；之外的值存疑。 Range [least, greatest]; values outside are suspect.
    pub(crate) range: Option<[f64; 2]>,
    /// 4–20 mA 输入的原始值：ma、ua 或 counts；range 就是 4 mA 和 20 mA 的值。 A 4–20 mA input: what its register holds; range is what 4 mA and 20 mA are.
    pub(crate) current: Option<CurrentKey>,
    /// 4 mA 和 20 mA 的码值（current = "counts"）。 The counts at 4 mA and 20 mA (current = "counts").
    pub(crate) counts: Option<[f64; 2]>,
    /// 按 NE 43 判断：≤3.6、≥21 mA 失效，3.6–3.8、20.5–21 mA 存疑；有 current 时默认是。 NE 43: failure up to 3.6 and from 21 mA, suspect up to 3.8 and above 20.5 mA; true with current.
    pub(crate) ne43: Option<bool>,
    /// 失效电流持续多久才算，默认 2000，且不超过 stale_ms 的一半。 How long a failure current must last, 2000 unless told and no more than half of stale_ms.
    #[schemars(range(max = 60_000))]
    pub(crate) ne43_hold_ms: Option<u32>,
    /// 失去测量值时怎么办，默认 lost。 What the loss of the value does, lost unless told.
    pub(crate) on_failure: Option<FailureKey>,
    /// 超量程怎么办；profile = "combustible" 默认 latch，其他 off。 What a value beyond the range does; latch for profile = "combustible", else off unless told.
    pub(crate) over_range: Option<OverRangeKey>,
    /// 零点漂移的监视。 A watch on its zero.
    pub(crate) drift: Option<DriftFile>,
    /// 表示“无测量值”的原始值。 Raw values that mean "no measurement".
    #[schemars(length(max = 16))]
    pub(crate) sentinels: Option<Vec<i64>>,
    /// 单位，例如 "%LEL"。 Unit, such as "%LEL".
    #[schemars(length(max = 16))]
    pub(crate) unit: Option<String>,
    /// 轮询周期。 Poll period.
    #[schemars(range(min = 50, max = 3_600_000))]
    pub(crate) poll_ms: Option<u32>,
    /// 多久没有新值算过期，默认三个周期。 How long a value stays good, three periods unless told.
    #[schemars(range(min = 100, max = 86_400_000))]
    pub(crate) stale_ms: Option<u32>,
    /// 变化超过多少才上报，默认量程的 0.5 %。 The change that is worth a record, 0.5 % of the range unless told.
    #[schemars(range(min = 0))]
    pub(crate) deadband: Option<f64>,
    /// 至少多久上报一次，默认 60。 The longest time without a record, 60 unless told.
    #[schemars(range(min = 1, max = 86_400))]
    pub(crate) heartbeat_s: Option<u32>,
    /// 安全点：优先读取，失去它就是报警；有报警的点默认为是。 For safety: read first, its loss is an alarm; true with alarms.
    pub(crate) safety: Option<bool>,
    /// 报警；有 profile 时只写与通行值不同的。 Its alarms; with a profile only what differs from the usual.
    #[schemars(length(max = 8))]
    pub(crate) alarms: Option<Vec<AlarmFile>>,
    /// 失去测量值时报警，安全点默认为是。 Alarm on loss of the value, true for safety points.
    pub(crate) lost_alarm: Option<bool>,
    /// 失去测量值报警的优先级，默认取 `[practice]` 的。 How urgent the loss of the value is; `[practice]` says it unless told.
    pub(crate) lost_priority: Option<PriorityKey>,
    /// 行为监视：变化率、偏差、反馈不一致、卡死、超量程。 Watches on its behaviour: rate, deviation, discrepancy, frozen, over-range.
    #[schemars(length(max = 5))]
    pub(crate) watches: Option<Vec<WatchFile>>,
    /// 区域：同一区域的报警中最先的一条标为首警，默认全站。 Its zone: the first alarm of a zone is marked; the whole site unless told.
    #[schemars(length(min = 1, max = 64))]
    pub(crate) zone: Option<String>,
    /// 这个开关量为 1 时，本点的报警受设计抑制；安全点不可用。 While this switch is 1 the alarms are suppressed; not for safety.
    pub(crate) suppressed_while: Option<String>,
    /// 允许把本点不锁存的报警搁置多久；安全点默认 0，其他 480。 The longest shelving; 0 for safety points, else 480 unless told.
    #[schemars(range(max = 1_440))]
    pub(crate) shelve_max_min: Option<u32>,
    /// 联锁点：旁路须由另一人批准。 Part of an interlock: another person approves a bypass.
    pub(crate) interlock: Option<bool>,
    /// 按钮：闭合一次即对全部报警执行。 A push button: closing it acts on all alarms.
    pub(crate) button: Option<ButtonKey>,
    /// 改名前的位号：更换配置时，正在报警、旁路、保持的状态转到这里。 Its tag before it was renamed: what stands there stands on here.
    #[schemars(length(min = 1, max = 64))]
    pub(crate) renamed_from: Option<String>,
}

impl PointFile {
    /// What is told here, else what is told there. A scale told here replaces the one there.
    pub(crate) fn or(self, there: Self) -> Self {
        let scaled = self.decimals_at.is_some() || self.divisor_at.is_some();
        let (decimals_at, divisor_at) =
            if scaled { (self.decimals_at, self.divisor_at) } else { (there.decimals_at, there.divisor_at) };
        Self {
            tag: self.tag,
            name: self.name.or(there.title.clone()),
            title: self.title.or(there.title),
            device: self.device,
            from: self.from,
            profile: self.profile.or(there.profile),
            gas: self.gas.or(there.gas),
            lel: self.lel.or(there.lel),
            oel: self.oel.or(there.oel),
            duct: self.duct.or(there.duct),
            major_hazard: self.major_hazard.or(there.major_hazard),
            register: self.register.or(there.register),
            scale: self.scale.or(there.scale),
            offset: self.offset.or(there.offset),
            decimals_at,
            decimals_mask: self.decimals_mask.or(there.decimals_mask),
            divisor_at,
            range: self.range.or(there.range),
            current: self.current.or(there.current),
            counts: self.counts.or(there.counts),
            ne43: self.ne43.or(there.ne43),
            ne43_hold_ms: self.ne43_hold_ms.or(there.ne43_hold_ms),
            on_failure: self.on_failure.or(there.on_failure),
            over_range: self.over_range.or(there.over_range),
            drift: self.drift.or(there.drift),
            sentinels: self.sentinels.or(there.sentinels),
            unit: self.unit.or(there.unit),
            poll_ms: self.poll_ms.or(there.poll_ms),
            stale_ms: self.stale_ms.or(there.stale_ms),
            deadband: self.deadband.or(there.deadband),
            heartbeat_s: self.heartbeat_s.or(there.heartbeat_s),
            safety: self.safety.or(there.safety),
            alarms: self.alarms.or(there.alarms),
            lost_alarm: self.lost_alarm.or(there.lost_alarm),
            lost_priority: self.lost_priority.or(there.lost_priority),
            watches: self.watches.or(there.watches),
            zone: self.zone.or(there.zone),
            suppressed_while: self.suppressed_while.or(there.suppressed_while),
            shelve_max_min: self.shelve_max_min.or(there.shelve_max_min),
            interlock: self.interlock.or(there.interlock),
            button: self.button.or(there.button),
            renamed_from: self.renamed_from,
        }
    }
}

/// 报警。 An alarm.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AlarmFile {
    /// 种类。 Its kind.
    pub(crate) kind: KindKey,
    /// 设定值，点的单位。 Set-point in the point's unit.
    pub(crate) setpoint: Option<f64>,
    /// 重点时段的设定值，只可更严。 Set-point in key periods; only stricter.
    pub(crate) key_setpoint: Option<f64>,
    /// 开关量的报警位置，默认 true。 The switch's alarm position, true unless told.
    pub(crate) active: Option<bool>,
    /// 回差，默认量程的 1 %。 Deadband, 1 % of the range unless told.
    #[schemars(range(min = 0))]
    pub(crate) deadband: Option<f64>,
    /// 延时报警，默认 0。 How long the condition must last, 0 unless told.
    #[schemars(range(max = 3_600_000))]
    pub(crate) on_delay_ms: Option<u32>,
    /// 延时恢复，默认 0。 How long the value must be back, 0 unless told.
    #[schemars(range(max = 3_600_000))]
    pub(crate) off_delay_ms: Option<u32>,
    /// 锁存到人工复位；气体和开关量默认为是。 Held until reset; true for gases and switches unless told.
    pub(crate) latch: Option<bool>,
    /// 优先级；默认一级 medium，二级和开关量 high。 Priority; medium for the first level, high for second and switches.
    pub(crate) priority: Option<PriorityKey>,
    /// 改名前的名称，“位号:种类”：更换配置时，正在报警、旁路、保持的状态转到这里。 Its name, TAG:kind, before it was renamed: what stands there stands on here.
    #[schemars(length(min = 1, max = 96))]
    #[allow(dead_code, reason = "read where its place in the file is known")]
    pub(crate) renamed_from: Option<String>,
}

impl AlarmFile {
    /// An alarm of which nothing but its kind is told.
    pub(crate) const fn silent(kind: KindKey) -> Self {
        Self {
            kind,
            setpoint: None,
            key_setpoint: None,
            active: None,
            deadband: None,
            on_delay_ms: None,
            off_delay_ms: None,
            latch: None,
            priority: None,
            renamed_from: None,
        }
    }
}
