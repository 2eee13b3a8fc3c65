//! Votes, trips and start permits as written: the cause & effect matrix of the site.

use hazard_core::vote::OnFault;
use schemars::JsonSchema;
use serde::Deserialize;

use super::point::PriorityKey;

/// 辅助输出的用途；除此之外的动作不归网关。 What an assist output does; nothing else is the gateway's to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AssistKey {
    /// 声光警示。 Lights or sounds.
    Annunciator,
    /// 关闭燃气切断阀。 Closes a gas valve.
    GasValveClose,
    /// 启动事故排风机。 Starts an exhaust fan.
    ExhaustFanStart,
    /// 停止进料。 Stops a feed.
    FeedStop,
    /// 启动许可：不许可时产尘设备不能运转。 Keeps a line from running unless it is permitted.
    StartPermit,
    /// 除尘风机延时停机：保持运转，不能启动。 Keeps a fan running; cannot start it.
    FanHold,
}

impl AssistKey {
    /// As written in the site file and sent to the platform.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Annunciator => "annunciator",
            Self::GasValveClose => "gas_valve_close",
            Self::ExhaustFanStart => "exhaust_fan_start",
            Self::FeedStop => "feed_stop",
            Self::StartPermit => "start_permit",
            Self::FanHold => "fan_hold",
        }
    }
}

/// 通道故障时。 What a channel without a believable value does.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OnFaultKey {
    /// 计为动作票（默认）。 It votes to trip.
    Trip,
    /// 不计票。 It is left out.
    LeaveOut,
}

impl OnFaultKey {
    /// What protects, unless told.
    pub(crate) const fn lowered(told: Option<Self>) -> OnFault {
        match told {
            None | Some(Self::Trip) => OnFault::Trip,
            Some(Self::LeaveOut) => OnFault::Quiet,
        }
    }
}

/// 通道旁路时。 What a bypassed channel does to the number that is needed.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OnBypassKey {
    /// 所需票数减一，至少一票（默认）。 One fewer is needed, at least one.
    NeedFewer,
    /// 所需票数不变，不超过余下的通道。 As many are needed, at most those that are left.
    NeedSame,
}

/// 表决。 A vote.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "names are read where their place in the file is known")]
pub(crate) struct VoteFile {
    /// 名称，表决、联锁和许可中唯一。 Its name, unique among votes, trips and permits.
    #[schemars(length(min = 1, max = 64))]
    pub(crate) id: String,
    /// 表决方式，例如 "2oo3"：3 个通道中 2 个。 The rule, such as "2oo3": two of three channels.
    #[schemars(length(min = 4, max = 8))]
    pub(crate) rule: String,
    /// 参加表决的报警，“位号:种类”。 The alarms that vote, TAG:kind.
    #[schemars(length(min = 1, max = 64))]
    pub(crate) channels: Vec<String>,
    /// 任何一条单独就动作的报警，例如二级报警。 Alarms each of which trips alone, such as the second levels.
    #[schemars(length(max = 64))]
    pub(crate) any_of: Option<Vec<String>>,
    /// 通道故障时，默认 trip。 What a faulty channel does, trip unless told.
    pub(crate) on_fault: Option<OnFaultKey>,
    /// 通道旁路时，默认 need_fewer。 What a bypassed channel does, need_fewer unless told.
    pub(crate) on_bypass: Option<OnBypassKey>,
    /// 改名前的名称：更换配置时，正在报警、旁路、保持的状态转到这里。 Its name before it was renamed: what stands there stands on here.
    #[schemars(length(min = 1, max = 64))]
    pub(crate) renamed_from: Option<String>,
}

/// 反馈：哪一点、在哪一侧表示到位。 A feedback: which point, and on which side it is there.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FeedbackFile {
    /// 位号。 The point.
    pub(crate) point: String,
    /// 不低于此值为到位；开关量默认闭合为到位。 There from this value on; a closed switch unless told.
    pub(crate) above: Option<f64>,
    /// 不高于此值为到位。 There up to this value.
    pub(crate) below: Option<f64>,
}

/// 到位证实。 The proof that an output did its work.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProveFile {
    /// 反馈。 The feedback.
    pub(crate) feedback: FeedbackFile,
    /// 多久之内到位；超时报“未到位”。 How long the way may take; then the alarm "unproven".
    #[schemars(range(min = 1, max = 3600))]
    pub(crate) within_s: u32,
    /// 未到位报警的优先级，默认 critical。 Priority of that alarm, critical unless told.
    pub(crate) priority: Option<PriorityKey>,
    /// 复位要求已到位，默认是。 A reset needs the safe position shown, true unless told.
    pub(crate) for_reset: Option<bool>,
}

/// 联锁：因果表的一行。 A trip: a row of the cause & effect matrix.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "names are read where their place in the file is known")]
pub(crate) struct TripFile {
    /// 名称。 Its name.
    #[schemars(length(min = 1, max = 64))]
    pub(crate) id: String,
    /// 原因：表决的名称，或“位号:种类”；任何一条成立即动作。 Causes: votes, or TAG:kind; any of them trips.
    #[schemars(length(min = 1, max = 64))]
    pub(crate) causes: Vec<String>,
    /// 动作：role = "interlock" 的输出。 Effects: outputs with role = "interlock".
    #[schemars(length(min = 1, max = 64))]
    pub(crate) outputs: Vec<String>,
    /// 原因是单条报警而其探测器失效时，默认 trip（动作）；表决自有规定。 What the dead detector of a cause that is a bare alarm
    /// does, trip unless told; a vote says so itself.
    pub(crate) on_fault: Option<OnFaultKey>,
    /// 保持到人工复位，默认是。 Held until somebody resets it, true unless told.
    pub(crate) latch: Option<bool>,
    /// 复位条件：这些都不成立。 What else must not stand for a reset.
    #[schemars(length(max = 64))]
    pub(crate) reset_needs: Option<Vec<String>>,
    /// 到位证实。 The proof that it worked.
    pub(crate) prove: Option<ProveFile>,
    /// 复位按钮的位号。 The push button that resets it.
    pub(crate) reset_button: Option<String>,
    /// 改名前的名称：更换配置时，正在报警、旁路、保持的状态转到这里。 Its name before it was renamed: what stands there stands on here.
    #[schemars(length(min = 1, max = 64))]
    pub(crate) renamed_from: Option<String>,
}

/// 除尘风机延时停机。 What keeps the fan running.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "names are read where their place in the file is known")]
pub(crate) struct HoldFile {
    /// 输出：保持风机运转。 The output that keeps it running.
    pub(crate) output: String,
    /// 产尘设备运转的反馈；不写则以许可为准。 Shows that the line runs; else it runs while permitted.
    pub(crate) line: Option<FeedbackFile>,
    /// 产尘设备停机后再运转多久，默认 900。 How long after the line stopped, 900 unless told.
    #[serde(default = "post_run_s")]
    #[schemars(range(max = 86_400))]
    pub(crate) post_run_s: u32,
    /// 让风机停机的联锁，例如管道火警。 Trips that stop the fan, as for a fire in the duct.
    #[schemars(length(max = 64))]
    pub(crate) released_by: Option<Vec<String>>,
}

const fn post_run_s() -> u32 {
    900
}

/// 启动许可。 A start permit.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "names are read where their place in the file is known")]
pub(crate) struct PermitFile {
    /// 名称。 Its name.
    #[schemars(length(min = 1, max = 64))]
    pub(crate) id: String,
    /// 除尘风机运转的反馈。 Shows that the fan runs.
    pub(crate) fan: FeedbackFile,
    /// 风机先运转多久，默认 600。 How long the fan runs before, 600 unless told.
    #[serde(default = "pre_run_s")]
    #[schemars(range(max = 86_400))]
    pub(crate) pre_run_s: u32,
    /// 这些都不成立才许可：表决，或“位号:种类”。 None of these stands: votes, or TAG:kind.
    #[schemars(length(max = 64))]
    pub(crate) requires: Option<Vec<String>>,
    /// 这些联锁都已复位才许可。 Each of these trips is ready.
    #[schemars(length(max = 64))]
    pub(crate) trips: Option<Vec<String>>,
    /// 输出：不许可时动作。 Outputs: active unless it is granted.
    #[schemars(length(min = 1, max = 64))]
    pub(crate) outputs: Vec<String>,
    /// 风机延时停机。 What keeps the fan running.
    pub(crate) hold: Option<HoldFile>,
}

const fn pre_run_s() -> u32 {
    600
}
