//! Codes in registers. A code never changes its meaning.

use crate::Unit;

/// How a channel's levels lie; the code in its kind register.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Kind {
    /// Not fitted.
    #[default]
    NotFitted,
    /// Both levels trip high, level 2 at or above level 1.
    Rising,
    /// Both levels trip low, level 2 at or below level 1.
    Falling,
    /// Level 1 trips low and level 2 trips high: oxygen.
    TwoSided,
}

impl Kind {
    /// The code in the register.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::NotFitted => 0,
            Self::Rising => 1,
            Self::Falling => 2,
            Self::TwoSided => 3,
        }
    }

    /// The kind with this code.
    #[must_use]
    pub const fn from_code(code: u16) -> Option<Self> {
        match code {
            0 => Some(Self::NotFitted),
            1 => Some(Self::Rising),
            2 => Some(Self::Falling),
            3 => Some(Self::TwoSided),
            _ => None,
        }
    }
}

/// What a channel measures: which kinds and units it may have, and where its set-points must not go.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Quantity {
    /// Not fitted.
    #[default]
    NotFitted,
    /// Combustible gas.
    Combustible,
    /// Oxygen.
    Oxygen,
    /// Toxic gas.
    Toxic,
    /// Differential pressure.
    DifferentialPressure,
    /// Temperature.
    Temperature,
    /// A contact: 0 open, 1 closed.
    Contact,
    /// Anything else.
    Other,
}

impl Quantity {
    /// All quantities, ascending by code.
    pub const ALL: [Self; 8] = [
        Self::NotFitted,
        Self::Combustible,
        Self::Oxygen,
        Self::Toxic,
        Self::DifferentialPressure,
        Self::Temperature,
        Self::Contact,
        Self::Other,
    ];

    /// The code in the register.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::NotFitted => 0,
            Self::Combustible => 1,
            Self::Oxygen => 2,
            Self::Toxic => 3,
            Self::DifferentialPressure => 4,
            Self::Temperature => 5,
            Self::Contact => 6,
            Self::Other => 7,
        }
    }

    /// The quantity with this code.
    #[must_use]
    pub fn from_code(code: u16) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }

    /// Whether its levels may lie so.
    #[must_use]
    pub const fn allows_kind(self, kind: Kind) -> bool {
        match (self, kind) {
            (Self::NotFitted, _) | (_, Kind::NotFitted) => false,
            (Self::Combustible | Self::Toxic, kind) => matches!(kind, Kind::Rising),
            (Self::Oxygen, kind) => matches!(kind, Kind::TwoSided | Kind::Falling),
            (Self::Contact, kind) => matches!(kind, Kind::Rising | Kind::Falling),
            (Self::DifferentialPressure | Self::Temperature | Self::Other, _) => true,
        }
    }

    /// Whether it may be measured in this unit.
    #[must_use]
    pub const fn allows_unit(self, unit: Unit) -> bool {
        match self {
            Self::NotFitted => false,
            Self::Combustible => matches!(unit, Unit::PercentLel | Unit::LelMetre | Unit::PercentVolume),
            Self::Oxygen => matches!(unit, Unit::PercentVolume),
            Self::Toxic => matches!(
                unit,
                Unit::PartsPerMillion
                    | Unit::PartsPerBillion
                    | Unit::MilligramPerCubicMetre
                    | Unit::PercentOel
            ),
            Self::DifferentialPressure => matches!(unit, Unit::Pascal | Unit::Kilopascal),
            Self::Temperature => matches!(unit, Unit::Celsius),
            Self::Contact => matches!(unit, Unit::None),
            Self::Other => true,
        }
    }

    /// The greatest set-points of level 1 and 2 that the law leaves to whoever sets them (GB/T 50493-2019, 5.5.2).
    #[must_use]
    pub const fn ceilings(self, unit: Unit) -> Option<[f64; 2]> {
        match (self, unit) {
            (Self::Combustible, Unit::PercentLel) => Some([25.0, 50.0]),
            (Self::Combustible, Unit::LelMetre) => Some([1.0, 2.0]),
            (Self::Toxic, Unit::PercentOel) => Some([100.0, 200.0]),
            _ => None,
        }
    }

    /// Where too little oxygen must alarm at the latest, in %VOL (GB/T 50493-2019, 5.5.2).
    pub const OXYGEN_LOW: f64 = 19.5;
    /// Where too much oxygen must alarm at the latest, in %VOL.
    pub const OXYGEN_HIGH: f64 = 23.5;
}
