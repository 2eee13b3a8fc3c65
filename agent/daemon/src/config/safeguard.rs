//! Safeguards as written: what has no signal and must be there all the same.

use schemars::JsonSchema;
use serde::Deserialize;

/// 安全设施的种类。 What kind of safeguard.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SafeguardKey {
    /// 泄爆。 Explosion venting.
    VentPanel,
    /// 隔爆。 Explosion isolation.
    IsolationValve,
    /// 惰化。 Inerting.
    Inerting,
    /// 抑爆。 Explosion suppression.
    Suppression,
    /// 火花探测与熄灭。 Spark detection.
    SparkDetection,
    /// 锁气卸灰。 A rotary valve under the hopper.
    RotaryValve,
    /// 灰斗测温。 Temperature measured in the hopper.
    HopperTemperature,
    /// 压差监测。 Pressure difference measured across the bags.
    DifferentialPressure,
    /// 防爆隔墙。 An explosion-proof partition wall.
    PartitionWall,
    /// 紧急切断阀。 An emergency shut-off valve.
    ShutoffValve,
    /// 气体探测。 Gas detection.
    GasDetection,
    /// 联锁。 An interlock.
    Interlock,
}

impl SafeguardKey {
    /// As written in the site file and sent to the platform.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::VentPanel => "vent_panel",
            Self::IsolationValve => "isolation_valve",
            Self::Inerting => "inerting",
            Self::Suppression => "suppression",
            Self::SparkDetection => "spark_detection",
            Self::RotaryValve => "rotary_valve",
            Self::HopperTemperature => "hopper_temperature",
            Self::DifferentialPressure => "differential_pressure",
            Self::PartitionWall => "partition_wall",
            Self::ShutoffValve => "shutoff_valve",
            Self::GasDetection => "gas_detection",
            Self::Interlock => "interlock",
        }
    }
}

/// 有没有。 Whether it is there.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StateKey {
    /// 已设置。 It is fitted.
    Fitted,
    /// 应有而没有：重大事故隐患，一直上报到补设为止。 It should be and is not: a major hazard, told until it is fitted.
    Absent,
}

/// 安全设施。 A safeguard.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SafeguardFile {
    /// 种类。 Its kind.
    pub(crate) kind: SafeguardKey,
    /// 保护哪台设备。 The device that it protects.
    pub(crate) device: Option<String>,
    /// 或在什么地点。 Or the place, in words.
    #[schemars(length(min = 1, max = 64))]
    pub(crate) place: Option<String>,
    /// 有没有。 Whether it is there.
    pub(crate) state: StateKey,
    /// 说明：整改措施、责任人。 What is to be done, and by whom.
    #[schemars(length(max = 256))]
    pub(crate) note: Option<String>,
    /// 整改期限，例如 "2026-12-31"。 The day until which it must be fitted, such as "2026-12-31".
    pub(crate) deadline: Option<String>,
}
