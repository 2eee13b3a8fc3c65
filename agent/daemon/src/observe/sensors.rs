//! Sensors that are not as they should be, in the status document and on the operator's screen: the categories of NAMUR NE 107,
//! what is the matter, and until when a device may hold its alarms.

use hazard_core::Snapshot;
use hazard_core::sensor::SensorState;
use serde::{Deserialize, Serialize};

use super::status::Word;
use super::tell::{at, time};
use super::texts::{look, pick};
use crate::config::Lang;
use crate::dictionary::Dictionary;
use crate::words;

/// The categories of NE 107, the most serious first.
pub(super) const CATEGORIES: [&str; 5] =
    ["failure", "function_check", "out_of_specification", "maintenance_required", "normal"];

/// A sensor that is not as it should be.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SensorRow {
    /// The point's tag.
    pub point: String,
    /// The NE 107 category: `failure`, `function_check`, `out_of_specification` or `maintenance_required`.
    pub category: Word,
    /// What is the matter, the most serious first.
    pub troubles: Vec<Word>,
    /// Since when it is in this category, RFC 3339.
    pub since: String,
    /// When a function check has lasted too long and the point counts as lost, RFC 3339.
    pub until: Option<String>,
    /// Seconds until then; 0 once it is over.
    pub left_s: Option<u64>,
}

impl SensorRow {
    pub(super) fn all(snapshot: &Snapshot, dictionary: &Dictionary) -> Vec<Self> {
        snapshot.sensors.iter().map(|state| Self::new(state, snapshot, dictionary)).collect()
    }

    fn new(state: &SensorState, snapshot: &Snapshot, dictionary: &Dictionary) -> Self {
        let left = state.check_until.map(|until| until.since(snapshot.stamp.mono));
        Self {
            point: dictionary.point_name(state.point),
            category: words::category(state.category).into(),
            troubles: state.troubles.iter().map(|trouble| words::trouble(*trouble).into()).collect(),
            since: time(at(snapshot, state.since)),
            until: state.check_until.map(|until| time(at(snapshot, until))),
            left_s: left.map(|left| left.as_secs()),
        }
    }

    /// The row of the screen.
    pub(super) fn cells(&self, lang: Lang) -> Vec<String> {
        let troubles: Vec<&str> = self.troubles.iter().map(|word| trouble(word, lang)).collect();
        let held = match self.left_s {
            None => String::new(),
            Some(0) => pick(lang, "功能检查超时，视为失去", "has lasted too long: counts as lost").to_owned(),
            Some(left) => {
                let minutes = left.div_ceil(60);
                match lang {
                    Lang::Zh => format!("报警暂停，还有 {minutes} 分钟"),
                    Lang::En => format!("alarms held, {minutes} min left"),
                }
            }
        };
        let sign = if self.category == "maintenance_required" { "○" } else { "■" };
        let mark = format!("{sign} {}", category(&self.category, lang));
        vec![mark, self.point.clone(), troubles.join(pick(lang, "、", ", ")), held]
    }
}

pub(super) fn category(word: &str, lang: Lang) -> &str {
    const WORDS: [(&str, &str, &str); 5] = [
        ("failure", "F 失效", "F failure"),
        ("function_check", "C 功能检查", "C function check"),
        ("out_of_specification", "S 超出规范", "S out of specification"),
        ("maintenance_required", "M 需维护", "M maintenance required"),
        ("normal", "正常", "normal"),
    ];
    look(&WORDS, word, lang)
}

fn trouble(word: &str, lang: Lang) -> &str {
    const WORDS: [(&str, &str, &str); 17] = [
        ("warm_up", "预热", "warm-up"),
        ("calibration", "标定中", "in calibration"),
        ("inhibit", "设备屏蔽", "inhibited at the device"),
        ("test", "测试或模拟", "test or simulation"),
        ("fault", "设备报故障", "the device reports a fault"),
        ("sensor_lost", "传感器失效", "the sensor is lost"),
        ("over_range", "超量程", "above its range"),
        ("under_range", "低于量程", "below its range"),
        ("conditions", "使用条件超出规定", "outside of its conditions"),
        ("maintenance", "需维护", "maintenance required"),
        ("end_of_life", "寿命将尽", "near the end of its life"),
        ("calibration_due", "标定到期", "calibration is due"),
        ("current_low", "电流 ≤ 3.6 mA：查断线、供电", "current up to 3.6 mA: check wire and supply"),
        ("current_high", "电流 ≥ 21 mA：查短路、变送器", "current from 21 mA: check for a short circuit"),
        ("zero_drift", "零点漂移：标定", "its zero drifts: calibrate"),
        ("below_zero", "持续负值：标定零点", "stays below zero: calibrate its zero"),
        ("status_lost", "设备状态读不到", "its device's status cannot be read"),
    ];
    look(&WORDS, word, lang)
}
