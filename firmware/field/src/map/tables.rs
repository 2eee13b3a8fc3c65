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
    ($($n:literal)*; $($e:literal)*) => { &[
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
        row!(Input "category", input::CATEGORY, U16, PLAIN, Read, "NE 107 状态类别", "NE 107 category: 0 normal, 1 maintenance, 2 out of specification, 3 function check, 4 failure"),
        row!(Input "self_test_failed_bits", input::SELF_TEST_FAILED, U16, PLAIN, Read, "自检不合格项", "self-tests whose last run failed, one bit each"),
        row!(Input "self_test_done_bits", input::SELF_TEST_DONE, U16, PLAIN, Read, "自检已执行项", "self-tests that ran since the start, one bit each"),
        row!(Input "reset_cause", input::RESET_CAUSE, U16, PLAIN, Read, "启动原因", "why it started: 0 unknown, 1 power, 2 watchdog, 3 reset pin, 4 software, 5 brown-out"),
        row!(Input "starts", input::STARTS, U32, PLAIN, Read, "启动次数", "how often it started; 0 when that cannot be kept"),
        row!(Input "settings_state", input::SETTINGS_STATE, U16, PLAIN, Read, "参数状态", "settings: 0 stored, 1 factory, 2 older copy, 3 both copies damaged, 4 to be stored, 5 storing failed"),
        row!(Input "settings_sequence", input::SETTINGS_SEQUENCE, U32, PLAIN, Read, "参数序号", "sequence number of the stored settings"),
        row!(Input "image_version", input::IMAGE_VERSION, U32, PLAIN, Read, "固件映像版本", "version in the image header: major, minor, patch (16, 8, 8 bits)"),
        row!(Input "image_crc", input::IMAGE_CRC, U32, PLAIN, Read, "固件映像校验", "CRC-32 in the image header"),
        row!(Input "unlocked", input::UNLOCKED, U16, SECONDS, Read, "参数解锁剩余时间", "for how long settings may still be written"),
        row!(Input "loop_max_us", input::LOOP_MAX, U32, PLAIN, Read, "最长循环时间(微秒)", "longest turn of the loop since the start, in microseconds"),
        row!(Input "requests", input::REQUESTS, U16, PLAIN, Read, "应答计数", "requests answered, wrapping"),
        row!(Input "crc_errors", input::CRC_ERRORS, U16, PLAIN, Read, "校验错误计数", "frames with a bad checksum, wrapping"),
        row!(Input "line_errors", input::LINE_ERRORS, U16, PLAIN, Read, "线路错误计数", "overruns, parity and framing errors, wrapping"),
        row!(Input "refusals", input::REFUSALS, U16, PLAIN, Read, "拒绝计数", "requests refused, wrapping"),
        $(
        row!(Input concat!("ch", $n, "_category"), input::detail($n - 1) + input::CHANNEL_CATEGORY, U16, PLAIN, Read,
             concat!("通道", $n, "NE 107 状态类别"), concat!("channel ", $n, " NE 107 category")),
        row!(Input concat!("ch", $n, "_quantity"), input::detail($n - 1) + input::QUANTITY, U16, PLAIN, Read,
             concat!("通道", $n, "被测量"), concat!("channel ", $n, " quantity, coded as in its setup")),
        row!(Input concat!("ch", $n, "_steady"), input::detail($n - 1) + input::STEADY, U16, PLAIN, Read,
             concat!("通道", $n, "信号稳定"), concat!("channel ", $n, " steady enough to be calibrated: 1")),
        )*
        row!(Input "log_oldest", input::LOG_OLDEST, U32, PLAIN, Read, "最早事件号", "number of the oldest event kept"),
        row!(Input "log_next", input::LOG_NEXT, U32, PLAIN, Read, "下一事件号", "number of the next event"),
        $(
        row!(Input concat!("event", $e, "_number"), input::event($e - 1) + input::EVENT_NUMBER, U32, PLAIN, Read,
             concat!("事件", $e, "号"), concat!("event row ", $e, ": number, 0 for none")),
        row!(Input concat!("event", $e, "_time"), input::event($e - 1) + input::EVENT_TIME, U32, SECONDS, Read,
             concat!("事件", $e, "运行时间"), concat!("event row ", $e, ": uptime")),
        row!(Input concat!("event", $e, "_code"), input::event($e - 1) + input::EVENT_CODE, U16, PLAIN, Read,
             concat!("事件", $e, "代码"), concat!("event row ", $e, ": what (high byte), channel (4 bits, 0 the node), detail (4 bits)")),
        row!(Input concat!("event", $e, "_value"), input::event($e - 1) + input::EVENT_VALUE, F32, PLAIN, Read,
             concat!("事件", $e, "数值"), concat!("event row ", $e, ": the number that belongs to it, NaN for none")),
        )*
    ] };
}

#[rustfmt::skip]
macro_rules! curve {
    ($n:literal $point:literal 0) => {
        row!(Holding concat!("ch", $n, "_curve", $point, "_signal"), holding::setup($n - 1) + holding::CURVE + 2 * ($point - 1), U16, PLAIN, ReadWrite,
             concat!("通道", $n, "线性化点", $point, "信号"), concat!("channel ", $n, " curve point ", $point, ": signal, ten-thousandths of the span"))
    };
    ($n:literal $point:literal 1) => {
        row!(Holding concat!("ch", $n, "_curve", $point, "_value"), holding::setup($n - 1) + holding::CURVE + 2 * ($point - 1) + 1, U16, PLAIN, ReadWrite,
             concat!("通道", $n, "线性化点", $point, "数值"), concat!("channel ", $n, " curve point ", $point, ": value, ten-thousandths of the range"))
    };
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
        row!(Holding "unlock", holding::UNLOCK, U16, PLAIN, Command, "参数解锁", "23294 (0x5AFE) lets settings be written for ten minutes, 0 locks"),
        row!(Holding "log_from", holding::LOG_FROM, U32, PLAIN, ReadWrite, "事件窗起始号", "number of the first event in the window"),
        row!(Holding "unit_address", holding::UNIT_ADDRESS, U16, PLAIN, ReadWrite, "从站地址", "unit address, 1 to 247, after the next start"),
        row!(Holding "baud", holding::BAUD, U16, PLAIN, ReadWrite, "波特率(百)", "line speed in hundreds of baud: 12, 24, 48, 96, 192, 384, 576, 1152; after the next start"),
        row!(Holding "gateway_loss", holding::GATEWAY_LOSS, U16, PLAIN, ReadWrite, "网关失联动作", "what a lost gateway adds: 0 lamp, 1 fault relay, 2 level 1 relay, 3 level 2 relay"),
        $(
        row!(Holding concat!("ch", $n, "_setup_quantity"), holding::setup($n - 1) + holding::QUANTITY, U16, PLAIN, ReadWrite,
             concat!("通道", $n, "被测量设置"), concat!("channel ", $n, ": 0 not fitted, 1 combustible, 2 oxygen, 3 toxic, 4 differential pressure, 5 temperature, 6 contact, 7 other; a change loads a preset")),
        row!(Holding concat!("ch", $n, "_setup_kind"), holding::setup($n - 1) + holding::KIND, U16, PLAIN, ReadWrite,
             concat!("通道", $n, "报警方式设置"), concat!("channel ", $n, " kind: 1 rising, 2 falling, 3 two-sided")),
        row!(Holding concat!("ch", $n, "_signal"), holding::setup($n - 1) + holding::SIGNAL, U16, PLAIN, ReadWrite,
             concat!("通道", $n, "信号类型"), concat!("channel ", $n, " signal: 0 4–20 mA in µA, 1 bridge in µV, 2 contact")),
        row!(Holding concat!("ch", $n, "_setup_unit"), holding::setup($n - 1) + holding::UNIT, U16, PLAIN, ReadWrite,
             concat!("通道", $n, "单位设置"), concat!("channel ", $n, " unit code")),
        row!(Holding concat!("ch", $n, "_range_low"), holding::setup($n - 1) + holding::RANGE_LOW, F32, OF_CHANNEL, ReadWrite,
             concat!("通道", $n, "量程下限"), concat!("channel ", $n, " lower end of the range")),
        row!(Holding concat!("ch", $n, "_range_high"), holding::setup($n - 1) + holding::RANGE_HIGH, F32, OF_CHANNEL, ReadWrite,
             concat!("通道", $n, "量程上限"), concat!("channel ", $n, " upper end of the range")),
        row!(Holding concat!("ch", $n, "_filter"), holding::setup($n - 1) + holding::FILTER, U16, PLAIN, ReadWrite,
             concat!("通道", $n, "滤波"), concat!("channel ", $n, " filter: 0 none, 1 median of three, 2 to 8 mean of so many")),
        row!(Holding concat!("ch", $n, "_oversampling"), holding::setup($n - 1) + holding::OVERSAMPLING, U16, PLAIN, ReadWrite,
             concat!("通道", $n, "过采样"), concat!("channel ", $n, " conversions per measuring pass, 1 to 64")),
        row!(Holding concat!("ch", $n, "_warm_up"), holding::setup($n - 1) + holding::WARM_UP, U16, SECONDS, ReadWrite,
             concat!("通道", $n, "预热时间"), concat!("channel ", $n, " warm-up")),
        row!(Holding concat!("ch", $n, "_latch"), holding::setup($n - 1) + holding::LATCH, U16, PLAIN, ReadWrite,
             concat!("通道", $n, "报警锁定"), concat!("channel ", $n, " latch: bit 0 level 1, bit 1 level 2")),
        row!(Holding concat!("ch", $n, "_signal_low"), holding::setup($n - 1) + holding::SIGNAL_LOW, F32, PLAIN, ReadWrite,
             concat!("通道", $n, "标称零点信号"), concat!("channel ", $n, " nominal signal at the lower end of the range, µA or µV")),
        row!(Holding concat!("ch", $n, "_signal_high"), holding::setup($n - 1) + holding::SIGNAL_HIGH, F32, PLAIN, ReadWrite,
             concat!("通道", $n, "标称满度信号"), concat!("channel ", $n, " nominal signal at the upper end of the range, µA or µV")),
        row!(Holding concat!("ch", $n, "_calibrated_low"), holding::setup($n - 1) + holding::CALIBRATED_LOW, F32, PLAIN, ReadWrite,
             concat!("通道", $n, "标定零点信号"), concat!("channel ", $n, " calibrated signal at the lower end of the range, µA or µV")),
        row!(Holding concat!("ch", $n, "_calibrated_high"), holding::setup($n - 1) + holding::CALIBRATED_HIGH, F32, PLAIN, ReadWrite,
             concat!("通道", $n, "标定满度信号"), concat!("channel ", $n, " calibrated signal at the upper end of the range, µA or µV")),
        row!(Holding concat!("ch", $n, "_curve_points"), holding::setup($n - 1) + holding::CURVE_COUNT, U16, PLAIN, ReadWrite,
             concat!("通道", $n, "线性化点数"), concat!("channel ", $n, " points of the linearisation table that count, 0 to 7")),
        curve!($n 1 0), curve!($n 1 1), curve!($n 2 0), curve!($n 2 1), curve!($n 3 0), curve!($n 3 1), curve!($n 4 0),
        curve!($n 4 1), curve!($n 5 0), curve!($n 5 1), curve!($n 6 0), curve!($n 6 1), curve!($n 7 0), curve!($n 7 1),
        row!(Holding concat!("ch", $n, "_reference"), holding::setup($n - 1) + holding::REFERENCE, F32, OF_CHANNEL, ReadWrite,
             concat!("通道", $n, "标定参考值"), concat!("channel ", $n, " value that is applied while calibrating; not stored")),
        row!(Holding concat!("ch", $n, "_calibrate"), holding::setup($n - 1) + holding::CALIBRATE, U16, PLAIN, Command,
             concat!("通道", $n, "标定命令"), concat!("channel ", $n, ": 1 takes the zero, 2 takes the span, 3 goes back to the nominal signal")),
        )*
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
        row!(Discrete "settings_unlocked", discrete::UNLOCKED, Bit, PLAIN, Read, "参数已解锁", "settings may be written"),
        row!(Discrete "settings_unsaved", discrete::UNSAVED, Bit, PLAIN, Read, "参数未存储", "settings in force that are not stored"),
        row!(Discrete "self_test_failed", discrete::SELF_TEST_FAILED, Bit, PLAIN, Read, "自检不合格", "a self-test failed"),
    ] };
}

/// Input registers, ascending and without gaps: one read covers them.
pub const INPUTS: &[Register] = inputs!(1 2 3 4; 1 2 3 4 5 6 7 8);
/// Holding registers, ascending and without gaps.
pub const HOLDINGS: &[Register] = holdings!(1 2 3 4);
/// Coils, ascending and without gaps.
pub const COILS: &[Register] = coils!(1 2 3 4);
/// Discrete inputs, ascending and without gaps.
pub const DISCRETES: &[Register] = discretes!(1 2 3 4);

/// Where the table ends when each row begins where the row before it ended; `None` for a gap, an overlap or disorder.
const fn contiguous_end(rows: &[Register]) -> Option<u16> {
    let (mut rest, mut end) = (rows, 0);
    while let Some((row, tail)) = rest.split_first() {
        if row.address != end {
            return None;
        }
        end += row.shape.words();
        rest = tail;
    }
    Some(end)
}

const fn ends_at(rows: &[Register], end: u16) -> bool {
    matches!(contiguous_end(rows), Some(found) if found == end)
}

const _: () = {
    assert!(ends_at(INPUTS, input::END), "input registers overlap or leave a gap");
    assert!(ends_at(HOLDINGS, holding::END), "holding registers overlap or leave a gap");
    assert!(ends_at(COILS, coil::END), "coils overlap or leave a gap");
    assert!(ends_at(DISCRETES, discrete::END), "discrete inputs overlap or leave a gap");
    assert!(input::END <= 125, "one request must cover the input registers");
    assert!(holding::setup(0) <= 123, "one request must cover the node's settings and all set-points");
    assert!(holding::CALIBRATE < 123, "one request must cover a channel's setup");
    assert!(input::MAP_VERSION == 0, "the version register never moves");
};
