//! What people on the site may do, as written.

use schemars::JsonSchema;
use serde::Deserialize;

use super::point::PriorityKey;

/// 操作规矩：复位、旁路和搁置的限度。 What people on the site may do, and for how long.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct PracticeFile {
    /// 复位后多久再核对一次（GB 16808：20 s）。 So long after a reset the value is looked at once more.
    #[schemars(range(max = 600))]
    pub(crate) reset_hold_s: u32,
    /// 旁路最长几分钟。 The longest bypass.
    #[schemars(range(min = 1, max = 1440))]
    pub(crate) bypass_max_min: u32,
    /// 同时最多几处旁路。 Bypasses at the same time.
    #[schemars(range(max = 1000))]
    pub(crate) bypasses_max: u16,
    /// 同时最多搁置几条报警。 Shelved alarms at the same time.
    #[schemars(range(max = 1000))]
    pub(crate) shelved_max: u16,
    /// 安全点失去测量值时的报警优先级：声响器要听得到。 How urgent it is that a safety point lost its value: horns must reach it.
    pub(crate) lost_priority: PriorityKey,
    /// 安全点的旁路须由另一人批准；联锁点总是须要。 Another person approves the bypass of a safety point; of an interlock's always.
    pub(crate) bypass_second_person: bool,
    /// 按钮须闭合这么久、松开这么久才算按下，毫秒。 A push button is closed, then let go, for so long before its press counts.
    #[schemars(range(min = 50, max = 5000))]
    pub(crate) button_hold_ms: u32,
    /// 按钮闭合超过几秒算卡住。 A push button that stays closed for longer is stuck.
    #[schemars(range(min = 5, max = 3600))]
    pub(crate) button_stuck_s: u32,
}

impl Default for PracticeFile {
    fn default() -> Self {
        let practice = hazard_core::site::Practice::default();
        Self {
            reset_hold_s: u32::try_from(practice.reset_hold.as_secs()).unwrap_or(u32::MAX),
            bypass_max_min: u32::try_from(practice.bypass_max.as_secs() / 60).unwrap_or(u32::MAX),
            bypasses_max: practice.bypasses_max,
            shelved_max: practice.shelved_max,
            lost_priority: PriorityKey::Medium,
            bypass_second_person: practice.bypass_second_person,
            button_hold_ms: u32::try_from(practice.button_hold.as_millis()).unwrap_or(u32::MAX),
            button_stuck_s: u32::try_from(practice.button_stuck.as_secs()).unwrap_or(u32::MAX),
        }
    }
}
