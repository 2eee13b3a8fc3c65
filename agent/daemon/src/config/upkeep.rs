//! Calibrations and proof tests as written: what has to be done, how often, and what it has to show.

use schemars::JsonSchema;
use serde::Deserialize;

/// 做什么。 What is done.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DutyKey {
    /// 标定：与标准气比对，其间点须旁路。 Compared with a known gas, behind a bypass.
    Calibration,
    /// 功能测试：从探测器到阀门的整条链路，其间点不旁路。 The whole chain from the detector to the valve, without a bypass.
    ProofTest,
}

impl DutyKey {
    /// As written in the site file and sent to the platform.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Calibration => "calibration",
            Self::ProofTest => "proof_test",
        }
    }
}

/// 定期标定或功能测试。 A calibration or a proof test that has to be done again and again.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "names are read where their place in the file is known")]
pub(crate) struct UpkeepFile {
    /// 位号。 The point.
    pub(crate) point: String,
    /// 做什么。 What is done.
    pub(crate) duty: DutyKey,
    /// 几天一次；可燃气体探测器的检定周期不超过 1 年（JJG 693）。 How often; combustible gas: a year at most (JJG 693).
    #[schemars(range(min = 1, max = 3660))]
    pub(crate) every_days: u32,
    /// 提前几天提醒，默认 30 天，不超过周期的四分之一。 So long before it is due soon: 30 days, a quarter of the interval at most, unless told.
    #[schemars(range(max = 365))]
    pub(crate) warn_days: Option<u32>,
    /// 响应时间 t90 的上限；不写则只测不判。 The longest response time t90; measured and not judged unless told.
    #[schemars(range(min = 1, max = 1800))]
    pub(crate) response_max_s: Option<u32>,
    /// 恢复时间的上限；不写则只测不判。 The longest recovery time; measured and not judged unless told.
    #[schemars(range(min = 1, max = 1800))]
    pub(crate) recovery_max_s: Option<u32>,
    /// 与标准值的最大偏差，用该点的单位；标定默认为量程的 5 %。 The largest deviation, in the point's unit; of a calibration 5 % of the range unless told.
    pub(crate) deviation_max: Option<f64>,
    /// 功能测试要看到什么：“位号:种类”、“trip:联锁”、“feedback:联锁”；默认为该点的限值报警。 What a proof test has to see: TAG:kind, trip:NAME, feedback:NAME; the point's alarms on its value unless told.
    #[schemars(length(max = 64))]
    pub(crate) proves: Option<Vec<String>>,
    /// 在本网关之前最近一次的日期，例如 "2026-01-31"。 The day on which it was done last before this gateway, such as "2026-01-31".
    pub(crate) last_done: Option<String>,
}
