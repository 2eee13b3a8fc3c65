//! The units of the field and the codes by which registers name them.

macro_rules! units {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $symbol:literal;)*) => {
        /// A unit of measurement; its register code never changes its meaning.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
        pub enum Unit {
            $($(#[$doc])* $name,)*
        }

        impl Unit {
            /// All units, ascending by code.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// What is shown to people; empty for [`Self::None`].
            #[must_use]
            pub const fn symbol(self) -> &'static str {
                match self { $(Self::$name => $symbol,)* }
            }

            /// The code in a unit register.
            #[must_use]
            pub const fn code(self) -> u16 {
                match self { $(Self::$name => $code,)* }
            }

            /// The unit with this register code.
            #[must_use]
            pub const fn from_code(code: u16) -> Option<Self> {
                match code { $($code => Some(Self::$name),)* _ => None }
            }

            /// The unit with this symbol, in exactly this spelling.
            #[must_use]
            pub fn from_symbol(symbol: &str) -> Option<Self> {
                match symbol { $($symbol => Some(Self::$name),)* _ => None }
            }
        }
    };
}

units! {
    /// No unit: a count, a switch, a code.
    #[default]
    None = 0, "";
    /// Per cent of the lower explosive limit.
    PercentLel = 1, "%LEL";
    /// Lower explosive limit times metre, for open paths.
    LelMetre = 2, "LEL·m";
    /// Per cent by volume.
    PercentVolume = 3, "%VOL";
    /// Parts per million.
    PartsPerMillion = 4, "ppm";
    /// Parts per billion.
    PartsPerBillion = 5, "ppb";
    /// Milligrams per cubic metre.
    MilligramPerCubicMetre = 6, "mg/m³";
    /// Per cent of the occupational exposure limit.
    PercentOel = 7, "%OEL";
    /// Degrees Celsius.
    Celsius = 8, "°C";
    /// Pascal.
    Pascal = 9, "Pa";
    /// Kilopascal.
    Kilopascal = 10, "kPa";
    /// Megapascal.
    Megapascal = 11, "MPa";
    /// Metres per second.
    MetrePerSecond = 12, "m/s";
    /// Metre.
    Metre = 13, "m";
    /// Millimetre.
    Millimetre = 14, "mm";
    /// Cubic metres per hour.
    CubicMetrePerHour = 15, "m³/h";
    /// Per cent.
    Percent = 16, "%";
    /// Milliampere.
    Milliampere = 17, "mA";
    /// Second.
    Second = 18, "s";
    /// Millisecond.
    Millisecond = 19, "ms";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_and_symbol_lead_back_to_the_unit() {
        for (code, unit) in Unit::ALL.iter().copied().enumerate() {
            assert_eq!(usize::from(unit.code()), code);
            assert_eq!(Unit::from_code(unit.code()), Some(unit));
            assert_eq!(Unit::from_symbol(unit.symbol()), Some(unit));
        }
        assert_eq!(Unit::from_code(20), None);
        assert_eq!(Unit::from_symbol("%lel"), None);
    }
}
