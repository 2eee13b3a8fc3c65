//! What a profile brings to its point: unit, range, safety and alarms where the site file is silent, and the limits where it
//! is not. The numbers are the table's; here is only what they meet.

use hazard_core::point::Shape;

use super::tag::Draft;
use crate::config::catalogue::Code;
use crate::config::error::{Arg, Fault, args};
use crate::config::gas::{Gas, GasKey, GasUnit, folded};
use crate::config::point::{AlarmFile, KindKey};
use crate::config::profile::{DuctKey, Measures, Profile, ProfileKey, Usual};

/// Keys of a point that only some profiles understand.
const KEYS: [&str; 5] = ["gas", "lel", "oel", "duct", "major_hazard"];
/// A limit that went through a conversion and back is still the same limit.
const ROUNDING: f64 = 1e-9;

/// A profile in the unit of its point.
#[derive(Clone, Copy)]
pub(super) struct Applied {
    profile: &'static Profile,
    /// How much of the point's unit is one of the profile's. All of these units begin at the same zero.
    scale: f64,
    duct: Option<DuctKey>,
}

impl Applied {
    /// What a unit alone says about a point without a profile.
    pub(super) fn implied(unit: &str) -> Option<Self> {
        let key = match GasUnit::parse(unit)? {
            GasUnit::PercentLel => ProfileKey::Combustible,
            GasUnit::LelMetre => ProfileKey::OpenPath,
            GasUnit::PercentOel => ProfileKey::Toxic,
            GasUnit::PercentVolume | GasUnit::Ppm | GasUnit::Ppb | GasUnit::MgPerM3 => return None,
        };
        Some(Self { profile: Profile::of(key), scale: 1.0, duct: None })
    }

    /// The limit that an alarm's set-point must not pass, and whose rule that is.
    pub(super) fn limit(&self, kind: KindKey) -> Option<Limit> {
        let (_, limit) = self.profile.limits.iter().find(|(limited, _)| *limited == kind)?;
        let [zh, en] = self.profile.rule;
        Some(Limit { exact: limit * self.scale, shown: self.rounded(kind, *limit), rule: Arg::Each(zh, en) })
    }

    /// Deadband of an alarm, as a part of the range.
    pub(super) fn deadband_share(&self, kind: KindKey) -> Option<f64> {
        self.profile.usual(kind).map(|usual| usual.deadband_share)
    }

    fn setpoint(&self, usual: &Usual) -> Option<f64> {
        let told = self.duct.filter(|_| usual.kind == KindKey::Low).map(DuctKey::least);
        told.or(usual.setpoint).map(|setpoint| self.rounded(usual.kind, setpoint))
    }

    /// A number in the point's unit; what was converted is rounded to three digits, towards the earlier alarm.
    fn rounded(&self, kind: KindKey, number: f64) -> f64 {
        let low = matches!(kind, KindKey::Low | KindKey::LowLow);
        three_digits(number * self.scale, if low { f64::ceil } else { f64::floor }, self.scale)
    }

    /// The row of the table.
    pub(super) const fn profile(&self) -> &'static Profile {
        self.profile
    }

    /// The field's usual range in the point's unit.
    pub(super) fn range(&self) -> Option<[f64; 2]> {
        let [low, high] = self.profile.range?;
        Some([
            three_digits(low * self.scale, f64::floor, self.scale),
            three_digits(high * self.scale, f64::ceil, self.scale),
        ])
    }
}

/// A ceiling or a floor.
pub(super) struct Limit {
    exact: f64,
    /// As a person writes it.
    pub(super) shown: f64,
    pub(super) rule: Arg,
}

impl Limit {
    pub(super) fn is_exceeded(&self, setpoint: f64) -> bool {
        setpoint > self.exact * (1.0 + ROUNDING)
    }

    pub(super) fn is_undercut(&self, setpoint: f64) -> bool {
        setpoint < self.exact * (1.0 - ROUNDING)
    }
}

fn three_digits(number: f64, round: fn(f64) -> f64, scale: f64) -> f64 {
    if scale == 1.0 || number == 0.0 {
        return number;
    }
    let digits = 2 - number.abs().log10().floor() as i32;
    let unit = 10_f64.powi(digits.abs());
    let (up, down) = if digits >= 0 { (unit, 1.0) } else { (1.0, unit) };
    let whole = number * up / down;
    let near = whole.round();
    let kept = if (whole - near).abs() < ROUNDING * near.abs() { near } else { round(whole) };
    kept / up * down
}

impl Draft<'_> {
    /// Takes over what the profile says and the site file does not.
    pub(super) fn take_profile(&mut self, shape: Shape) {
        let profile = self.file.profile.map(Profile::of);
        self.unused_profile_keys(profile);
        let Some(profile) = profile else { return };
        if profile.is_switch() != shape.is_switch() || matches!(shape, Shape::Text(_)) {
            let kind = self.place.get("type").and_then(|node| node.value().as_str()).unwrap_or("bit");
            let words = args![&self.tag, kind, profile.name, if profile.is_switch() { "bit" } else { "u16" }];
            let fault = Fault::new(Code::ProfileAgainstType, self.place.at("profile"), words);
            let other = self.place.get("type").map(|node| node.spot());
            self.faults.push(other.map_or(fault.clone(), |other| fault.against(other)));
            return;
        }
        let Some(scale) = self.scale(profile) else { return };
        let applied = Applied { profile, scale, duct: self.file.duct };
        self.profile = Some(applied);
        self.file.unit = self.file.unit.take().or_else(|| profile.unit.map(str::to_owned));
        self.file.range = self.file.range.or_else(|| applied.range());
        self.file.safety = self.file.safety.or(Some(true));
    }

    /// Whether the point has a profile that could not be applied: what it would have said is not known.
    pub(super) const fn is_unsettled(&self) -> bool {
        self.file.profile.is_some() && self.profile.is_none()
    }

    fn unused_profile_keys(&mut self, profile: Option<&Profile>) {
        let place = self.place;
        for key in KEYS.into_iter().filter(|key| place.get(key).is_some()) {
            let usable = profile.is_some_and(|profile| profile.keys.contains(&key));
            if !usable {
                let name = profile
                    .map_or(Arg::Each("没有 profile 的点", "a point without a profile"), |profile| {
                        format!("profile = \"{}\"", profile.name).into()
                    });
                let users = Profile::ALL.iter().filter(|known| known.keys.contains(&key));
                let users: Vec<&str> = users.map(|known| known.name).collect();
                let words = vec![key.into(), self.tag.as_str().into(), name, users.join(", ").into()];
                self.fault(Code::ProfileKeyUnused, key, words);
            }
        }
    }

    /// How much of the point's unit is one of the profile's.
    fn scale(&mut self, profile: &Profile) -> Option<f64> {
        let units = match profile.measures {
            Measures::Gas(units) => units.iter().map(|unit| unit.symbol()).collect::<Vec<_>>().join(", "),
            Measures::Number(units) => units.iter().map(|(unit, _)| *unit).collect::<Vec<_>>().join(", "),
            Measures::Own(units) => units.join(", "),
            Measures::Switch => "\"\"".to_owned(),
        };
        let written = self.file.unit.clone().or_else(|| profile.unit.map(str::to_owned));
        let Some(written) = written else {
            if profile.is_switch() {
                return Some(1.0);
            }
            self.fault(Code::UnitMissing, "profile", args![&self.tag, profile.name, units]);
            return None;
        };
        let is = |unit: &str| folded(unit) == folded(&written);
        let found = match profile.measures {
            Measures::Gas(units) => {
                let unit = GasUnit::parse(&written).filter(|unit| units.contains(unit));
                unit.zip(units.first()).map(|(unit, base)| self.gas_scale(profile, (*base, unit)))
            }
            Measures::Number(units) => units.iter().find(|(unit, _)| is(unit)).map(|(_, scale)| Some(*scale)),
            Measures::Own(units) => units.iter().any(|unit| is(unit)).then_some(Some(1.0)),
            Measures::Switch => written.is_empty().then_some(Some(1.0)),
        };
        if found.is_none() {
            let words = args![&self.tag, written, profile.name, units];
            let fault = Fault::new(Code::UnitAgainstProfile, self.place.at("unit"), words);
            self.faults.push(fault.against(self.place.at("profile")));
        }
        found.flatten()
    }

    fn gas_scale(&mut self, profile: &Profile, (base, unit): (GasUnit, GasUnit)) -> Option<f64> {
        let known = self.file.gas.map_or_else(Gas::default, GasKey::gas);
        let limits = [("lel", self.file.lel, known.lel), ("oel", self.file.oel, known.oel)];
        for (key, written, table) in limits {
            if let (Some(written), Some(table)) = (written, table)
                && written > table
            {
                self.fault(Code::LimitRaised, key, args![&self.tag, key, written, table]);
                return None;
            }
        }
        let gas = Gas { lel: self.file.lel.or(known.lel), oel: self.file.oel.or(known.oel), ..known };
        let scale = gas.convert(1.0, base, unit);
        if scale.is_none() {
            let key = if base == GasUnit::PercentLel { "lel = … (%VOL)" } else { "oel = … (mg/m³)" };
            let words = args![&self.tag, profile.name, base.symbol(), unit.symbol(), key];
            self.fault(Code::NotConvertible, "unit", words);
        }
        scale
    }

    /// An alarm as it is written, and as it usually is where it is silent.
    pub(super) fn fill(&self, file: &mut AlarmFile) {
        let Some(applied) = self.profile else { return };
        let Some(usual) = applied.profile.usual(file.kind) else { return };
        file.setpoint = file.setpoint.or_else(|| applied.setpoint(usual));
        if file.kind == KindKey::Digital {
            file.active = file.active.or(Some(usual.active));
        }
        file.on_delay_ms = file.on_delay_ms.or(Some(usual.on_delay_ms));
        file.off_delay_ms = file.off_delay_ms.or(Some(usual.off_delay_ms));
        file.latch = file.latch.or(Some(usual.latch));
        file.priority = file.priority.or(Some(usual.priority));
    }

    /// The alarms that the profile sets by itself besides those that are written; `alarms = []` is written, too.
    pub(super) fn usual_alarms(&self) -> Vec<AlarmFile> {
        let written = self.file.alarms.as_deref();
        let Some(applied) = self.profile.filter(|_| written.is_none_or(|written| !written.is_empty())) else {
            return Vec::new();
        };
        let written = written.unwrap_or_default();
        let silent = |usual: &&Usual| written.iter().all(|file| file.kind != usual.kind);
        let complete = |usual: &&Usual| usual.kind == KindKey::Digital || applied.setpoint(usual).is_some();
        let blank = |usual: &Usual| {
            let mut file = AlarmFile::silent(usual.kind);
            self.fill(&mut file);
            file
        };
        applied.profile.alarms.iter().filter(silent).filter(complete).map(blank).collect()
    }

    /// Alarms that mean little without one another.
    pub(super) fn companions(&mut self, usual: &[AlarmFile]) {
        let Some(applied) = self.profile.filter(|_| self.file.major_hazard != Some(false)) else { return };
        let written = self.file.alarms.as_deref().unwrap_or_default();
        let there = |kind: &&KindKey| written.iter().chain(usual).any(|file| file.kind == **kind);
        let missing: Vec<&str> = applied
            .profile
            .required
            .iter()
            .filter(|kind| !there(kind))
            .map(|kind| super::alarm::kind_name(*kind))
            .collect();
        if !missing.is_empty() {
            let key = if self.place.get("alarms").is_some() { "alarms" } else { "profile" };
            let first = missing.first().copied().unwrap_or_default();
            let mut words = args![&self.tag, applied.profile.name, missing.join(", "), first, self.unit()];
            words.push(if applied.profile.keys.contains(&"major_hazard") {
                Arg::Each(
                    "；不属于重大危险源的写 major_hazard = false",
                    "; what is no major hazard takes major_hazard = false",
                )
            } else {
                "".into()
            });
            self.fault(Code::CompanionMissing, key, words);
        }
    }
}
