//! Profiles: what a point measures, and with that the field's usual unit, range, set-points, delays and the limits that no
//! set-point may pass. One table; what the site file writes always wins over a default, and never over a limit.

use schemars::JsonSchema;
use serde::Deserialize;

use super::gas::GasUnit;
use super::point::{KindKey, PriorityKey};
use KindKey::{Digital, High, HighHigh, Low, LowLow};

/// 测什么。 What a point measures.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ProfileKey {
    /// 可燃气体（点型）：25 / 50 %LEL。 Combustible gas at a point: 25 / 50 %LEL.
    Combustible,
    /// 可燃气体（线型）：1 / 2 LEL·m。 Combustible gas along a path: 1 / 2 LEL·m.
    OpenPath,
    /// 有毒气体：100 / 200 %OEL；ppm、mg/m³ 要写 gas。 Toxic gas: 100 / 200 %OEL; in ppm or mg/m³ gas is needed.
    Toxic,
    /// 氧：低 19.5、高 23.5 %VOL。 Oxygen: below 19.5 and above 23.5 %VOL.
    Oxygen,
    /// 灰斗温度：高 70 °C。 Inside a dust collector's hopper: above 70 °C.
    HopperTemperature,
    /// 除尘器进出口压差：低＝破袋（自定），高＝堵塞 1500 Pa。 Across a dust collector: low (broken bag, to be written) and high, 1500 Pa.
    DifferentialPressure,
    /// 除尘风管风速：低 23 m/s，见 duct。 Velocity in a dust duct: below 23 m/s, see duct.
    DuctVelocity,
    /// 火花探测信号。 Sparks were detected.
    Spark,
    /// 锁气卸灰装置故障。 The rotary valve under the hopper failed.
    RotaryValve,
    /// 泄爆片动作。 The vent panel burst.
    VentPanel,
    /// 隔爆阀关闭或故障。 The isolation valve closed or failed.
    IsolationValve,
    /// 风机运行触点：停 = 报警。 The fan's run contact: an alarm when it is 0.
    Fan,
    /// 液位：低低、低、高、高高。 Level: low-low, low, high, high-high.
    Level,
    /// 温度：高、高高。 Temperature: high, high-high.
    Temperature,
    /// 压力：高、高高。 Pressure: high, high-high.
    Pressure,
    /// 流量：低、低低。 Flow: low, low-low.
    Flow,
    /// 联锁动作。 An interlock tripped.
    InterlockStatus,
    /// 联锁旁路或摘除。 An interlock is bypassed or removed.
    InterlockBypass,
}

/// 风管部位。 Which part of a dust duct.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DuctKey {
    /// 水平管：23 m/s。 Horizontal: 23 m/s.
    Horizontal,
    /// 垂直管：19 m/s。 Vertical: 19 m/s.
    Vertical,
    /// 吸尘罩：1 m/s。 Suction hood: 1 m/s.
    Hood,
}

impl DuctKey {
    /// The least velocity, m/s, at which dust does not settle (local dust inspection form).
    pub(crate) const fn least(self) -> f64 {
        match self {
            Self::Horizontal => 23.0,
            Self::Vertical => 19.0,
            Self::Hood => 1.0,
        }
    }
}

/// In which units a profile's point can be; all numbers of a row are in the first.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Measures {
    /// A gas; how units convert depends on it.
    Gas(&'static [GasUnit]),
    /// Units with how much of each is one of the first.
    Number(&'static [(&'static str, f64)]),
    /// Units between which nothing converts: every number is the site's own.
    Own(&'static [&'static str]),
    /// A switch has no unit.
    Switch,
}

/// An alarm as it usually is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usual {
    pub(crate) kind: KindKey,
    /// `None` where the site must decide; such an alarm is not set by itself.
    pub(crate) setpoint: Option<f64>,
    /// Of a switch: its alarm position.
    pub(crate) active: bool,
    /// Part of the range.
    pub(crate) deadband_share: f64,
    pub(crate) on_delay_ms: u32,
    pub(crate) off_delay_ms: u32,
    pub(crate) latch: bool,
    pub(crate) priority: PriorityKey,
}

/// What is usual, and what is not allowed, where this is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Profile {
    pub(crate) key: ProfileKey,
    /// As written in the site file.
    pub(crate) name: &'static str,
    pub(crate) measures: Measures,
    /// `None` where several are common: a guess would shift every set-point.
    pub(crate) unit: Option<&'static str>,
    pub(crate) range: Option<[f64; 2]>,
    pub(crate) alarms: &'static [Usual],
    /// Alarms that mean little without one another.
    pub(crate) required: &'static [KindKey],
    /// Ceilings of high alarms and floors of low ones.
    pub(crate) limits: &'static [(KindKey, f64)],
    /// Keys of the point that this profile alone understands.
    pub(crate) keys: &'static [&'static str],
    /// Where the limits come from, Chinese and English.
    pub(crate) rule: [&'static str; 2],
}

impl Profile {
    /// The row of a key.
    pub(crate) const fn of(key: ProfileKey) -> &'static Self {
        &PROFILES[key as usize]
    }

    /// All rows.
    pub(crate) const ALL: &'static [Self] = &PROFILES;

    /// The alarm of a kind as it usually is here.
    pub(crate) fn usual(&self, kind: KindKey) -> Option<&'static Usual> {
        self.alarms.iter().find(|usual| usual.kind == kind)
    }

    /// Whether its point is a switch.
    pub(crate) const fn is_switch(&self) -> bool {
        matches!(self.measures, Measures::Switch)
    }
}

/// Gas and process levels: no on-delay, for an alarm that waits is late; chatter is stopped on the way back.
const LEVEL: Usual = Usual {
    kind: High,
    setpoint: None,
    active: true,
    deadband_share: 0.01,
    on_delay_ms: 0,
    off_delay_ms: 0,
    latch: false,
    priority: PriorityKey::Medium,
};

const fn gas(kind: KindKey, setpoint: f64, priority: PriorityKey) -> Usual {
    Usual { kind, setpoint: Some(setpoint), latch: true, priority, ..LEVEL }
}

const fn tank(kind: KindKey, deadband_share: f64, off_delay_ms: u32) -> Usual {
    let second = matches!(kind, LowLow | HighHigh);
    let priority = if second { PriorityKey::High } else { PriorityKey::Medium };
    Usual { kind, deadband_share, off_delay_ms, priority, ..LEVEL }
}

const fn switch(priority: PriorityKey) -> Usual {
    Usual { kind: Digital, latch: true, priority, ..LEVEL }
}

/// A profile without limits; the rows below say what differs.
const PLAIN: Profile = Profile {
    key: ProfileKey::Temperature,
    name: "",
    measures: Measures::Switch,
    unit: None,
    range: None,
    alarms: &[],
    required: &[],
    limits: &[],
    keys: &[],
    rule: ["", ""],
};

/// One row for each [`ProfileKey`], in its order.
const PROFILES: [Profile; 18] = [
    Profile {
        key: ProfileKey::Combustible,
        name: "combustible",
        // GB/T 50493-2019, 5.5.2: first level at most 25 %LEL, second at most 50 %LEL; 3.0: two levels. Range 0–100 %LEL.
        measures: Measures::Gas(&[
            GasUnit::PercentLel,
            GasUnit::PercentVolume,
            GasUnit::Ppm,
            GasUnit::MgPerM3,
        ]),
        unit: Some("%LEL"),
        range: Some([0.0, 100.0]),
        alarms: &[gas(High, 25.0, PriorityKey::Medium), gas(HighHigh, 50.0, PriorityKey::High)],
        required: &[High, HighHigh],
        limits: &[(High, 25.0), (HighHigh, 50.0)],
        keys: &["gas", "lel"],
        rule: [
            "可燃气体：一级 ≤25 %LEL，二级 ≤50 %LEL，见 GB/T 50493-2019",
            "combustible gas: first level ≤25 %LEL, second level ≤50 %LEL, GB/T 50493-2019",
        ],
    },
    Profile {
        key: ProfileKey::OpenPath,
        name: "open_path",
        // GB/T 50493-2019, 5.5.2: 1 and 2 LEL·m. Range 0–5 LEL·m.
        measures: Measures::Gas(&[GasUnit::LelMetre]),
        unit: Some("LEL·m"),
        range: Some([0.0, 5.0]),
        alarms: &[gas(High, 1.0, PriorityKey::Medium), gas(HighHigh, 2.0, PriorityKey::High)],
        required: &[High, HighHigh],
        limits: &[(High, 1.0), (HighHigh, 2.0)],
        rule: [
            "线型可燃气体：一级 ≤1 LEL·m，二级 ≤2 LEL·m，见 GB/T 50493-2019",
            "open path: first level ≤1 LEL·m, second level ≤2 LEL·m, GB/T 50493-2019",
        ],
        ..PLAIN
    },
    Profile {
        key: ProfileKey::Toxic,
        name: "toxic",
        // GB/T 50493-2019, 5.5.2: at most 100 and 200 %OEL. Range 0–300 %OEL.
        measures: Measures::Gas(&[
            GasUnit::PercentOel,
            GasUnit::MgPerM3,
            GasUnit::Ppm,
            GasUnit::Ppb,
            GasUnit::PercentVolume,
        ]),
        range: Some([0.0, 300.0]),
        alarms: &[gas(High, 100.0, PriorityKey::Medium), gas(HighHigh, 200.0, PriorityKey::High)],
        required: &[High, HighHigh],
        limits: &[(High, 100.0), (HighHigh, 200.0)],
        keys: &["gas", "oel"],
        rule: [
            "有毒气体：一级 ≤100 %OEL，二级 ≤200 %OEL，见 GB/T 50493-2019；量程不够、改用 %IDLH 的探测器不写 profile",
            "toxic gas: first level ≤100 %OEL, second level ≤200 %OEL, GB/T 50493-2019; no profile for detectors whose range only allows %IDLH",
        ],
        ..PLAIN
    },
    Profile {
        key: ProfileKey::Oxygen,
        name: "oxygen",
        // GB/T 50493-2019, 5.5.2: deficiency 19.5, enrichment 23.5 %VOL. Range 0–25 %VOL. One level a side, so an urgent one.
        measures: Measures::Gas(&[GasUnit::PercentVolume]),
        unit: Some("%VOL"),
        range: Some([0.0, 25.0]),
        alarms: &[gas(Low, 19.5, PriorityKey::High), gas(High, 23.5, PriorityKey::High)],
        required: &[Low, High],
        limits: &[(Low, 19.5), (High, 23.5)],
        rule: [
            "环境氧：欠氧 ≥19.5 %VOL，过氧 ≤23.5 %VOL，见 GB/T 50493-2019；惰化系统的氧不写 profile",
            "oxygen in air: low ≥19.5 %VOL, high ≤23.5 %VOL, GB/T 50493-2019; no profile for oxygen of an inerting system",
        ],
        ..PLAIN
    },
    Profile {
        key: ProfileKey::HopperTemperature,
        name: "hopper_temperature",
        // 70 °C as usual for AQ 4273-2016 (aluminium, magnesium); local. One level, and it may be smouldering: urgent.
        measures: Measures::Number(&[("°C", 1.0)]),
        unit: Some("°C"),
        range: Some([-40.0, 300.0]),
        alarms: &[Usual { setpoint: Some(70.0), off_delay_ms: 60_000, priority: PriorityKey::High, ..LEVEL }],
        required: &[High],
        ..PLAIN
    },
    Profile {
        key: ProfileKey::DifferentialPressure,
        name: "differential_pressure",
        // AQ 4273-2016 asks for a band; 1500 Pa is vendors' value for plugged bags; broken bags depend on the collector.
        // The delays outlast a cleaning pulse.
        measures: Measures::Number(&[("Pa", 1.0), ("kPa", 0.001)]),
        unit: Some("Pa"),
        range: Some([-500.0, 3_000.0]),
        alarms: &[
            Usual { kind: Low, on_delay_ms: 30_000, ..LEVEL },
            Usual { setpoint: Some(1_500.0), on_delay_ms: 10_000, ..LEVEL },
        ],
        required: &[Low, High],
        ..PLAIN
    },
    Profile {
        key: ProfileKey::DuctVelocity,
        name: "duct_velocity",
        // Local dust inspection form; other ducts in [`DuctKey`]. The delays ride out a gate that opens.
        measures: Measures::Number(&[("m/s", 1.0)]),
        unit: Some("m/s"),
        range: Some([0.0, 40.0]),
        alarms: &[Usual {
            kind: Low,
            setpoint: Some(DuctKey::Horizontal.least()),
            on_delay_ms: 10_000,
            off_delay_ms: 15_000,
            ..LEVEL
        }],
        required: &[Low],
        keys: &["duct"],
        ..PLAIN
    },
    // Switches: GB/T 15605 (venting), GB/T 18154 (isolation, suppression), AQ 4273-2016 (collectors); colours of the
    // district's scale: what has exploded is red.
    Profile { key: ProfileKey::Spark, name: "spark", alarms: &[switch(PriorityKey::Critical)], ..PLAIN },
    Profile {
        key: ProfileKey::RotaryValve,
        name: "rotary_valve",
        alarms: &[switch(PriorityKey::High)],
        ..PLAIN
    },
    Profile {
        key: ProfileKey::VentPanel,
        name: "vent_panel",
        alarms: &[switch(PriorityKey::Critical)],
        ..PLAIN
    },
    Profile {
        key: ProfileKey::IsolationValve,
        name: "isolation_valve",
        alarms: &[switch(PriorityKey::High)],
        ..PLAIN
    },
    Profile {
        key: ProfileKey::Fan,
        name: "fan",
        // The delay rides out a contactor that changes over.
        alarms: &[Usual { active: false, on_delay_ms: 5_000, latch: false, ..switch(PriorityKey::High) }],
        ..PLAIN
    },
    // Tanks of major hazards: set-points are the plant's own; two levels a side that matters (AQ 3036-2010, 6.4, taken over
    // by GB 17681-2024). Deadbands and delays: ISA-TR18.2 and EEMUA 191.
    Profile {
        key: ProfileKey::Level,
        name: "level",
        measures: Measures::Own(&["m", "cm", "mm", "%"]),
        alarms: &[
            tank(LowLow, 0.05, 60_000),
            tank(Low, 0.05, 60_000),
            tank(High, 0.05, 60_000),
            tank(HighHigh, 0.05, 60_000),
        ],
        required: &[LowLow, Low, High, HighHigh],
        keys: &["major_hazard"],
        ..PLAIN
    },
    Profile {
        key: ProfileKey::Temperature,
        name: "temperature",
        measures: Measures::Own(&["°C"]),
        unit: Some("°C"),
        alarms: &[
            tank(LowLow, 0.01, 60_000),
            tank(Low, 0.01, 60_000),
            tank(High, 0.01, 60_000),
            tank(HighHigh, 0.01, 60_000),
        ],
        required: &[High, HighHigh],
        keys: &["major_hazard"],
        ..PLAIN
    },
    Profile {
        key: ProfileKey::Pressure,
        name: "pressure",
        measures: Measures::Own(&["MPa", "kPa", "Pa", "bar"]),
        alarms: &[
            tank(LowLow, 0.02, 15_000),
            tank(Low, 0.02, 15_000),
            tank(High, 0.02, 15_000),
            tank(HighHigh, 0.02, 15_000),
        ],
        required: &[High, HighHigh],
        keys: &["major_hazard"],
        ..PLAIN
    },
    Profile {
        key: ProfileKey::Flow,
        name: "flow",
        measures: Measures::Own(&["m³/h", "m³/min", "m³/s", "L/min", "L/s", "kg/h", "t/h"]),
        alarms: &[
            tank(LowLow, 0.05, 15_000),
            tank(Low, 0.05, 15_000),
            tank(High, 0.05, 15_000),
            tank(HighHigh, 0.05, 15_000),
        ],
        required: &[LowLow, Low],
        keys: &["major_hazard"],
        ..PLAIN
    },
    Profile {
        key: ProfileKey::InterlockStatus,
        name: "interlock_status",
        alarms: &[switch(PriorityKey::High)],
        ..PLAIN
    },
    Profile {
        key: ProfileKey::InterlockBypass,
        name: "interlock_bypass",
        // Blue on the district's scale; it is known while it lasts and says nothing afterwards.
        alarms: &[Usual { latch: false, ..switch(PriorityKey::Low) }],
        ..PLAIN
    },
];

const _: () = {
    let mut at = 0;
    while at < PROFILES.len() {
        assert!(PROFILES[at].key as usize == at, "a profile is not in the row of its key");
        at += 1;
    }
};
