//! The rows of the map, built on the addresses of the parent module and checked while compiling.

use super::{Access, Measure, Register, Shape, Table, coil, discrete, holding, input};
use crate::Unit;
use Access::{Command, Read, ReadWrite};
use Shape::{Bit, F32, U16, U32};
use Table::{Coil, Discrete, Holding, Input};

const PLAIN: Measure = Measure::Fixed(Unit::None);
const SECONDS: Measure = Measure::Fixed(Unit::Second);
const MILLIS: Measure = Measure::Fixed(Unit::Millisecond);
const OF_CHANNEL: Measure = Measure::OfChannel;

macro_rules! row {
    ($table:ident $name:expr, $address:expr, $shape:ident, $measure:ident, $access:ident, $zh:expr, $en:expr) => {
        Register {
            table: $table,
            name: $name,
            address: $address,
            shape: $shape,
            measure: $measure,
            access: $access,
            zh: $zh,
            en: $en,
        }
    };
}

#[rustfmt::skip]
macro_rules! inputs {
    ($($n:literal)*) => { &[
        row!(Input "map_version", input::MAP_VERSION, U16, PLAIN, Read, "寄存器表版本", "register map version"),
        row!(Input "firmware_version", input::FIRMWARE_VERSION, U16, PLAIN, Read, "固件版本", "firmware version, major in the high byte"),
        row!(Input "serial", input::SERIAL, U32, PLAIN, Read, "序列号", "serial number"),
        row!(Input "channels", input::CHANNELS, U16, PLAIN, Read, "通道数", "number of channels"),
        row!(Input "status", input::STATUS, U16, PLAIN, Read, "节点状态字", "node status word"),
        row!(Input "heartbeat", input::HEARTBEAT, U16, PLAIN, Read, "心跳计数", "completed measuring passes, wrapping"),
        row!(Input "uptime", input::UPTIME, U32, SECONDS, Read, "运行时间", "time since the start"),
        $(
        row!(Input concat!("ch", $n, "_value"), input::channel($n - 1) + input::VALUE, F32, OF_CHANNEL, Read,
             concat!("通道", $n, "测量值"), concat!("channel ", $n, " value; NaN when there is none")),
        row!(Input concat!("ch", $n, "_status"), input::channel($n - 1) + input::CHANNEL_STATUS, U16, PLAIN, Read,
             concat!("通道", $n, "状态字"), concat!("channel ", $n, " status word")),
        row!(Input concat!("ch", $n, "_kind"), input::channel($n - 1) + input::KIND, U16, PLAIN, Read,
             concat!("通道", $n, "报警方式"), concat!("channel ", $n, " kind: 0 not fitted, 1 rising, 2 falling, 3 two-sided")),
        row!(Input concat!("ch", $n, "_unit"), input::channel($n - 1) + input::UNIT, U16, PLAIN, Read,
             concat!("通道", $n, "单位代码"), concat!("channel ", $n, " unit code")),
        row!(Input concat!("ch", $n, "_raw"), input::channel($n - 1) + input::RAW, U16, PLAIN, Read,
             concat!("通道", $n, "原始信号"), concat!("channel ", $n, " raw signal; 0 when lost")),
        )*
    ] };
}

#[rustfmt::skip]
macro_rules! holdings {
    ($($n:literal)*) => { &[
        $(
        row!(Holding concat!("ch", $n, "_setpoint_l1"), holding::channel($n - 1) + holding::SETPOINT_L1, F32, OF_CHANNEL, ReadWrite,
             concat!("通道", $n, "一级报警设定值"), concat!("channel ", $n, " set-point of level 1")),
        row!(Holding concat!("ch", $n, "_setpoint_l2"), holding::channel($n - 1) + holding::SETPOINT_L2, F32, OF_CHANNEL, ReadWrite,
             concat!("通道", $n, "二级报警设定值"), concat!("channel ", $n, " set-point of level 2")),
        row!(Holding concat!("ch", $n, "_deadband"), holding::channel($n - 1) + holding::DEADBAND, F32, OF_CHANNEL, ReadWrite,
             concat!("通道", $n, "回差"), concat!("channel ", $n, " deadband")),
        row!(Holding concat!("ch", $n, "_on_delay"), holding::channel($n - 1) + holding::ON_DELAY, U16, MILLIS, ReadWrite,
             concat!("通道", $n, "报警延时"), concat!("channel ", $n, " on-delay")),
        row!(Holding concat!("ch", $n, "_off_delay"), holding::channel($n - 1) + holding::OFF_DELAY, U16, MILLIS, ReadWrite,
             concat!("通道", $n, "恢复延时"), concat!("channel ", $n, " off-delay")),
        )*
        row!(Holding "gateway_timeout", holding::GATEWAY_TIMEOUT, U16, SECONDS, ReadWrite, "网关失联判定时间", "silence after which the gateway is lost; 0 for never"),
    ] };
}

#[rustfmt::skip]
macro_rules! coils {
    ($($n:literal)*) => { &[
        row!(Coil "acknowledge", coil::ACKNOWLEDGE, Bit, PLAIN, Command, "确认", "acknowledge all alarms"),
        row!(Coil "reset", coil::RESET, Bit, PLAIN, Command, "复位", "reset latched, acknowledged alarms"),
        row!(Coil "silence", coil::SILENCE, Bit, PLAIN, Command, "消音", "silence the horn until the next alarm"),
        $(
        row!(Coil concat!("ch", $n, "_inhibit"), coil::channel($n - 1) + coil::INHIBIT, Bit, PLAIN, ReadWrite,
             concat!("通道", $n, "屏蔽"), concat!("channel ", $n, " alarms inhibited; ends by itself")),
        row!(Coil concat!("ch", $n, "_calibration"), coil::channel($n - 1) + coil::CALIBRATION, Bit, PLAIN, ReadWrite,
             concat!("通道", $n, "标定"), concat!("channel ", $n, " being calibrated; ends by itself")),
        )*
    ] };
}

#[rustfmt::skip]
macro_rules! discretes {
    ($($n:literal)*) => { &[
        $(
        row!(Discrete concat!("ch", $n, "_alarm_l1"), discrete::channel($n - 1) + discrete::ALARM_L1, Bit, PLAIN, Read,
             concat!("通道", $n, "一级报警"), concat!("channel ", $n, " level 1 in alarm or latched")),
        row!(Discrete concat!("ch", $n, "_alarm_l2"), discrete::channel($n - 1) + discrete::ALARM_L2, Bit, PLAIN, Read,
             concat!("通道", $n, "二级报警"), concat!("channel ", $n, " level 2 in alarm or latched")),
        row!(Discrete concat!("ch", $n, "_fault"), discrete::channel($n - 1) + discrete::FAULT, Bit, PLAIN, Read,
             concat!("通道", $n, "故障"), concat!("channel ", $n, " fault: lost or out of range")),
        )*
        row!(Discrete "horn", discrete::HORN, Bit, PLAIN, Read, "声响器动作", "horn sounds"),
        row!(Discrete "horn_silenced", discrete::HORN_SILENCED, Bit, PLAIN, Read, "已消音", "horn silenced while an alarm stands"),
        row!(Discrete "gateway_lost", discrete::GATEWAY_LOST, Bit, PLAIN, Read, "网关失联", "gateway lost"),
        row!(Discrete "any_fault", discrete::ANY_FAULT, Bit, PLAIN, Read, "节点故障", "any channel faulty"),
    ] };
}

/// Input registers, ascending and without gaps: one read covers them.
pub const INPUTS: &[Register] = inputs!(1 2 3 4);
/// Holding registers, ascending and without gaps.
pub const HOLDINGS: &[Register] = holdings!(1 2 3 4);
/// Coils, ascending and without gaps.
pub const COILS: &[Register] = coils!(1 2 3 4);
/// Discrete inputs, ascending and without gaps.
pub const DISCRETES: &[Register] = discretes!(1 2 3 4);

/// Where the table ends when each row begins where the row before it ended; `None` for a gap, an overlap or disorder.
const fn contiguous_end(rows: &[Register], from: u16) -> Option<u16> {
    match rows.split_first() {
        None => Some(from),
        Some((row, _)) if row.address != from => None,
        Some((row, rest)) => contiguous_end(rest, from + row.shape.words()),
    }
}

const fn ends_at(rows: &[Register], end: u16) -> bool {
    matches!(contiguous_end(rows, 0), Some(found) if found == end)
}

const _: () = {
    assert!(ends_at(INPUTS, input::END), "input registers overlap or leave a gap");
    assert!(ends_at(HOLDINGS, holding::END), "holding registers overlap or leave a gap");
    assert!(ends_at(COILS, coil::END), "coils overlap or leave a gap");
    assert!(ends_at(DISCRETES, discrete::END), "discrete inputs overlap or leave a gap");
    assert!(input::END <= 125 && holding::END <= 123, "one request must cover a table");
    assert!(input::MAP_VERSION == 0, "the version register never moves");
};
