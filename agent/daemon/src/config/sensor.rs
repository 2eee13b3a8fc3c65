//! What is written of sensors: loop currents, over-range, drift, and what the status of a device means (NAMUR NE 43, NE 107).

use schemars::JsonSchema;
use serde::Deserialize;

/// 电流输入的原始值。 What the register of a current input holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CurrentKey {
    /// 毫安。 Milliampere.
    Ma,
    /// 微安。 Microampere.
    Ua,
    /// 码值，另写 counts。 Counts: write counts too.
    Counts,
}

/// 传感器失效时怎么办。 What a failure of the sensor does.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FailureKey {
    /// 失去测量值（安全点就是 lost 报警）。 The value is lost; for a safety point that is the alarm lost.
    Lost,
    /// 本点的报警也都动作。 The point's alarms are raised too.
    Alarm,
}

/// 超量程怎么办。 What a value beyond the range does.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OverRangeKey {
    /// 报警并保持到人工复位，其间本点其他报警不消失。 An alarm until a person resets it; the point's other alarms do not end meanwhile.
    Latch,
    /// 只报警。 An alarm while it lasts.
    Alarm,
    /// 只标为存疑。 No alarm; the value is suspect.
    Off,
}

/// 零点漂移的监视；百分数都是量程的百分数。 A watch on the zero; percentages are of the range.
#[derive(Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DriftFile {
    /// 平时的读数，默认 0。 What it reads when nothing is there, 0 unless told.
    pub(crate) zero: Option<f64>,
    /// 离平时读数多近算安静，默认 10。 How near to that is quiet, 10 unless told.
    #[schemars(range(min = 0.1, max = 100))]
    pub(crate) band_percent: Option<f64>,
    /// 安静时的平均值偏多少算漂移，默认 3，要小于 band_percent。 A mean of the quiet values so far off is a drift, 3 unless told; less than band_percent.
    #[schemars(range(min = 0.1, max = 100))]
    pub(crate) limit_percent: Option<f64>,
    /// 取多少小时的平均，默认 24。 Hours of that mean, 24 unless told.
    #[schemars(range(min = 1, max = 720))]
    pub(crate) over_h: Option<u32>,
    /// 低于零点多少算负值，默认 3。 So far below zero is told, 3 unless told.
    #[schemars(range(min = 0.1, max = 100))]
    pub(crate) negative_percent: Option<f64>,
    /// 负值持续多少秒才算，默认 600。 Seconds that it must last, 600 unless told.
    #[schemars(range(min = 1, max = 86_400))]
    pub(crate) negative_after_s: Option<u32>,
}

/// 状态的含义。 What a status means.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TroubleKey {
    /// 预热（C）。 Warm-up.
    WarmUp,
    /// 标定中（C）。 In calibration.
    Calibration,
    /// 屏蔽（C）。 Inhibited: the device does not alarm.
    Inhibit,
    /// 测试、模拟（C）。 A test or a simulation.
    Test,
    /// 故障（F）。 A fault.
    Fault,
    /// 传感器失效（F）。 The sensor is lost.
    SensorLost,
    /// 超量程（S）。 Above its range.
    OverRange,
    /// 低于量程（S）。 Below its range.
    UnderRange,
    /// 使用条件超出规定（S）。 Conditions that it is not made for.
    Conditions,
    /// 需维护（M）。 Maintenance is required.
    Maintenance,
    /// 寿命将尽（M）。 The end of its life is near.
    EndOfLife,
    /// 标定到期（M）。 A calibration is due.
    CalibrationDue,
}

/// NE 107 分类。 The categories of NE 107.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CategoryKey {
    /// F 失效：没有测量值。 Failure: there is no value.
    Failure,
    /// C 功能检查：报警暂停，限时。 Function check: alarms are held, for a limited time.
    FunctionCheck,
    /// S 超出规范。 Out of specification.
    OutOfSpecification,
    /// M 需维护。 Maintenance required.
    MaintenanceRequired,
}

/// 设备状态的含义：哪个点的哪一位或哪个值，说的是哪些点。 What a status of the device means: which bit or value of which point, and of which points it speaks.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StatusFile {
    /// 读状态的点：站点文件写位号，模板写点名。 The point that reads it: its tag, in a template its name.
    #[schemars(length(min = 1, max = 128))]
    pub(crate) point: String,
    /// 第几位为 1。 This bit is 1.
    #[schemars(range(max = 31))]
    pub(crate) bit: Option<u8>,
    /// 等于。 It is equal to this.
    pub(crate) equals: Option<f64>,
    /// 是其中之一。 It is one of these.
    #[schemars(length(min = 1, max = 64))]
    pub(crate) one_of: Option<Vec<f64>>,
    /// 不是其中任何一个：手册里没有的值。 It is none of these: what the manual does not know.
    #[schemars(length(min = 1, max = 64))]
    pub(crate) none_of: Option<Vec<f64>>,
    /// 在 [最小, 最大] 之内。 It is within [least, greatest].
    pub(crate) range: Option<[f64; 2]>,
    /// 说的是哪些测量点；模板里默认为全部 safety 的数值点。 The measured points of which it speaks; in a template all numbers for safety unless told.
    #[schemars(length(min = 1, max = 256))]
    pub(crate) of: Option<Vec<String>>,
    /// 含义。 What it means.
    pub(crate) kind: TroubleKey,
    /// NE 107 分类，默认由 kind 决定。 Its category, by kind unless told.
    pub(crate) category: Option<CategoryKey>,
    /// 功能检查最长多少分钟，超过算失去；预热默认 15，其他 60。 Minutes of a function check at most, then the point is lost; warm-up 15, else 60 unless told.
    #[schemars(range(min = 1, max = 1_440))]
    pub(crate) limit_min: Option<u32>,
}
