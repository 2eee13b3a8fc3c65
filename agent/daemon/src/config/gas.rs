//! Gases, and how much of one unit is how much of another. Pure arithmetic: whether a set-point may be so high is decided
//! in `lower`.

use schemars::JsonSchema;
use serde::Deserialize;

/// Litres that a mole of gas fills at 20 °C and 101.3 kPa, the reference state of GBZ 2.1.
const MOLAR_VOLUME_L: f64 = 24.04;
/// Parts per million in one per cent by volume.
const PPM_PER_PERCENT: f64 = 10_000.0;

/// A unit in which a gas is measured.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum GasUnit {
    /// Per cent of the lower explosive limit.
    PercentLel,
    /// Lower explosive limit times metre: what an open path sees; nothing converts it.
    LelMetre,
    /// Per cent by volume.
    PercentVolume,
    /// Parts per million by volume.
    Ppm,
    /// Parts per billion by volume.
    Ppb,
    /// Milligrams per cubic metre.
    MgPerM3,
    /// Per cent of the occupational exposure limit.
    PercentOel,
}

impl GasUnit {
    /// The unit under any of the spellings met in manuals.
    pub(crate) fn parse(written: &str) -> Option<Self> {
        Some(match folded(written).as_str() {
            "%LEL" | "LEL%" => Self::PercentLel,
            "LEL·M" | "LEL.M" | "LEL*M" | "LEL-M" | "LELM" => Self::LelMetre,
            "%VOL" | "VOL%" | "%V/V" | "V/V%" => Self::PercentVolume,
            "PPM" | "PPMV" | "ΜMOL/MOL" => Self::Ppm,
            "PPB" | "PPBV" | "NMOL/MOL" => Self::Ppb,
            "MG/M³" => Self::MgPerM3,
            "%OEL" | "OEL%" => Self::PercentOel,
            _ => return None,
        })
    }

    /// Its usual spelling.
    pub(crate) const fn symbol(self) -> &'static str {
        match self {
            Self::PercentLel => "%LEL",
            Self::LelMetre => "LEL·m",
            Self::PercentVolume => "%VOL",
            Self::Ppm => "ppm",
            Self::Ppb => "ppb",
            Self::MgPerM3 => "mg/m³",
            Self::PercentOel => "%OEL",
        }
    }
}

/// A unit without what spellings differ in: case, spaces, full-width signs, the raised three.
pub(crate) fn folded(unit: &str) -> String {
    let plain: String = unit.chars().filter(|c| !c.is_whitespace()).collect();
    plain.to_uppercase().replace('％', "%").replace('℃', "°C").replace("M^3", "M³").replace("M3", "M³")
}

/// What must be known of a gas to convert it; each number only where the tables give one.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub(crate) struct Gas {
    /// g/mol.
    pub(crate) molar_mass: Option<f64>,
    /// Lower explosive limit, %VOL.
    pub(crate) lel: Option<f64>,
    /// Occupational exposure limit, mg/m³.
    pub(crate) oel: Option<f64>,
}

/// An amount, by volume in ppm or by mass in mg/m³: only between these two the molar mass is needed.
#[derive(Clone, Copy)]
enum Amount {
    Volume(f64),
    Mass(f64),
}

impl Gas {
    /// How much `value` of one unit is in another; `None` where a number of the gas is missing.
    pub(crate) fn convert(&self, value: f64, from: GasUnit, to: GasUnit) -> Option<f64> {
        if from == to {
            return Some(value);
        }
        let amount = match from {
            GasUnit::PercentLel => Amount::Volume(value / 100.0 * self.lel? * PPM_PER_PERCENT),
            GasUnit::LelMetre => return None,
            GasUnit::PercentVolume => Amount::Volume(value * PPM_PER_PERCENT),
            GasUnit::Ppm => Amount::Volume(value),
            GasUnit::Ppb => Amount::Volume(value / 1_000.0),
            GasUnit::MgPerM3 => Amount::Mass(value),
            GasUnit::PercentOel => Amount::Mass(value / 100.0 * self.oel?),
        };
        Some(match to {
            GasUnit::PercentLel => self.ppm(amount)? / PPM_PER_PERCENT / self.lel? * 100.0,
            GasUnit::LelMetre => return None,
            GasUnit::PercentVolume => self.ppm(amount)? / PPM_PER_PERCENT,
            GasUnit::Ppm => self.ppm(amount)?,
            GasUnit::Ppb => self.ppm(amount)? * 1_000.0,
            GasUnit::MgPerM3 => self.mg_per_m3(amount)?,
            GasUnit::PercentOel => self.mg_per_m3(amount)? / self.oel? * 100.0,
        })
    }

    fn ppm(&self, amount: Amount) -> Option<f64> {
        match amount {
            Amount::Volume(ppm) => Some(ppm),
            Amount::Mass(mg) => Some(mg * MOLAR_VOLUME_L / self.molar_mass?),
        }
    }

    fn mg_per_m3(&self, amount: Amount) -> Option<f64> {
        match amount {
            Amount::Volume(ppm) => Some(ppm * self.molar_mass? / MOLAR_VOLUME_L),
            Amount::Mass(mg) => Some(mg),
        }
    }
}

macro_rules! gases {
    ($($(#[doc = $doc:literal])+ $name:ident = $molar_mass:literal, $lel:expr, $oel:expr;)*) => {
        /// 气体。 A gas.
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
        #[serde(rename_all = "snake_case")]
        pub(crate) enum GasKey {
            $($(#[doc = $doc])+ $name,)*
        }

        impl GasKey {
            #[cfg(test)]
            const ALL: &[Self] = &[$(Self::$name,)*];

            /// The gas as the tables have it.
            pub(crate) const fn gas(self) -> Gas {
                match self {
                    $(Self::$name => Gas { molar_mass: Some($molar_mass), lel: $lel, oel: $oel },)*
                }
            }
        }
    };
}

// Lower explosive limits in %VOL: the values usual with GB/T 50493-2019; `lel` on the point takes a stricter one (GB/T
// 3836.20 has 4.4 for methane and 1.7 for propane). Exposure limits in mg/m³: GBZ 2.1 in the order MAC, PC-TWA, PC-STEL, as
// tabled for GB/T 50493; `oel` takes a stricter one (GBZ 2.1-2019 and its amendments tightened some, benzene among them).
gases! {
    /// 甲烷、天然气。 Methane, natural gas.
    Ch4 = 16.04, Some(5.0), None;
    /// 丙烷。 Propane.
    C3h8 = 44.10, Some(2.1), None;
    /// 氢。 Hydrogen.
    H2 = 2.016, Some(4.0), None;
    /// 乙炔。 Acetylene.
    C2h2 = 26.04, Some(2.5), None;
    /// 乙烯。 Ethylene.
    C2h4 = 28.05, Some(2.7), None;
    /// 一氧化碳。 Carbon monoxide.
    Co = 28.01, Some(12.5), Some(20.0);
    /// 硫化氢。 Hydrogen sulphide.
    H2s = 34.08, Some(4.0), Some(10.0);
    /// 氨。 Ammonia.
    Nh3 = 17.03, Some(15.0), Some(20.0);
    /// 苯。 Benzene.
    Benzene = 78.11, Some(1.2), Some(6.0);
    /// 环氧乙烷。 Ethylene oxide; its limit is to be checked against the GBZ 2.1 in force.
    EthyleneOxide = 44.05, Some(2.6), Some(0.6);
    /// 二氧化氮。 Nitrogen dioxide.
    No2 = 46.01, None, Some(5.0);
    /// 氯。 Chlorine.
    Cl2 = 70.91, None, Some(1.0);
    /// 二氧化硫。 Sulphur dioxide.
    So2 = 64.06, None, Some(5.0);
    /// 氰化氢。 Hydrogen cyanide.
    Hcn = 27.03, None, Some(1.0);
    /// 氟化氢。 Hydrogen fluoride.
    Hf = 20.01, None, Some(2.0);
    /// 氯化氢。 Hydrogen chloride.
    Hcl = 36.46, None, Some(7.5);
    /// 光气。 Phosgene.
    Cocl2 = 98.92, None, Some(0.5);
}

#[cfg(test)]
mod tests {
    use super::*;
    use GasUnit::{LelMetre, MgPerM3, PercentLel, PercentOel, PercentVolume, Ppb, Ppm};

    /// Worked by hand with 24.04 l/mol.
    #[test]
    fn known_amounts_convert_as_worked_by_hand() {
        for (gas, value, from, to, expected) in [
            (GasKey::Ch4, 25.0, PercentLel, PercentVolume, 1.25),
            (GasKey::Ch4, 25.0, PercentLel, Ppm, 12_500.0),
            (GasKey::Ch4, 2.5, PercentVolume, PercentLel, 50.0),
            (GasKey::C3h8, 25.0, PercentLel, PercentVolume, 0.525),
            (GasKey::H2, 1.0, PercentVolume, PercentLel, 25.0),
            // 12 500 × 16.04 / 24.04.
            (GasKey::Ch4, 25.0, PercentLel, MgPerM3, 8_340.266_222_961_73),
            // 10 × 24.04 / 34.08.
            (GasKey::H2s, 10.0, MgPerM3, Ppm, 7.053_990_610_328_638),
            (GasKey::H2s, 100.0, PercentOel, Ppm, 7.053_990_610_328_638),
            // 20 × 24.04 / 28.01.
            (GasKey::Co, 20.0, MgPerM3, Ppm, 17.165_298_107_818_64),
            // 28.233 × 17.03 / 24.04 is 20 mg/m³, the limit of ammonia.
            (GasKey::Nh3, 28.232_530_827_950_67, Ppm, PercentOel, 100.0),
            (GasKey::Hcl, 200.0, PercentOel, MgPerM3, 15.0),
            (GasKey::Cl2, 1.0, Ppm, Ppb, 1_000.0),
            (GasKey::No2, 1.0, PercentVolume, Ppm, 10_000.0),
        ] {
            let converted = gas.gas().convert(value, from, to).unwrap();
            assert!(
                (converted / expected - 1.0).abs() < 1e-12,
                "{gas:?} {value} {from:?} → {to:?}: {converted}"
            );
        }
    }

    #[test]
    fn every_conversion_leads_back() {
        let units = [PercentLel, PercentVolume, Ppm, Ppb, MgPerM3, PercentOel];
        let mut converted = 0;
        for gas in GasKey::ALL.iter().map(|key| key.gas()) {
            for (from, to) in units.iter().flat_map(|from| units.iter().map(move |to| (*from, *to))) {
                let Some(there) = gas.convert(3.7, from, to) else { continue };
                let back = gas.convert(there, to, from).unwrap();
                assert!((back / 3.7 - 1.0).abs() < 1e-12, "{gas:?} {from:?} → {to:?}: {back}");
                converted += 1;
            }
        }
        assert!(converted > 300, "{converted}");
    }

    #[test]
    fn what_no_table_has_is_not_invented() {
        let none = Gas::default();
        assert_eq!(none.convert(25.0, PercentLel, PercentVolume), None);
        assert_eq!(none.convert(1.0, Ppm, MgPerM3), None);
        assert_eq!(GasKey::Ch4.gas().convert(100.0, PercentOel, Ppm), None, "methane has no exposure limit");
        assert_eq!(GasKey::Cl2.gas().convert(25.0, PercentLel, Ppm), None, "chlorine does not burn");
        assert_eq!(GasKey::Ch4.gas().convert(1.0, LelMetre, PercentLel), None);
        let oel = Gas { oel: Some(6.0), ..none };
        assert_eq!(
            oel.convert(100.0, PercentOel, MgPerM3),
            Some(6.0),
            "a mass in a mass needs no molar mass"
        );
    }

    #[test]
    fn units_are_known_in_the_spellings_of_manuals() {
        for (written, unit) in [
            ("%LEL", PercentLel),
            ("% lel", PercentLel),
            ("LEL%", PercentLel),
            ("LEL.m", LelMetre),
            ("Vol %", PercentVolume),
            ("％VOL", PercentVolume),
            ("PPM", Ppm),
            ("μmol/mol", Ppm),
            ("mg/m3", MgPerM3),
            ("mg/m³", MgPerM3),
            ("mg/m^3", MgPerM3),
            ("%OEL", PercentOel),
        ] {
            assert_eq!(GasUnit::parse(written), Some(unit), "{written}");
            assert_eq!(GasUnit::parse(unit.symbol()), Some(unit));
        }
        assert_eq!(GasUnit::parse("%"), None);
    }
}
