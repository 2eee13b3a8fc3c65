//! What the node measures: three current loops over 120 Ω shunts on PA4 to PA6, a contact on PB4, and the chip's own reference.

use hazard_node::hal::{AnalogIn, AnalogReading, Reference};
use stm32f4xx_hal::adc::Adc;
use stm32f4xx_hal::adc::config::SampleTime;
use stm32f4xx_hal::gpio::{Analog, Input, Pin};
use stm32f4xx_hal::pac::ADC1;
use stm32f4xx_hal::signature::VrefCal;

/// 3.3 V over 4,096 counts and 120 Ω, in nanoamperes a count.
const NANOAMPERES_PER_COUNT: i32 = 6_714;
/// A loop at the converter's end is one that cannot be measured.
const FULL: u16 = 4_095;

/// All inputs.
pub(crate) struct Inputs {
    adc: Adc<ADC1>,
    loops: (Pin<'A', 4, Analog>, Pin<'A', 5, Analog>, Pin<'A', 6, Analog>),
    contact: Pin<'B', 4, Input>,
}

impl Inputs {
    /// With converter and pins; the contact closes to the supply.
    pub(crate) fn new(
        mut adc: Adc<ADC1>,
        loops: (Pin<'A', 4, Analog>, Pin<'A', 5, Analog>, Pin<'A', 6, Analog>),
        contact: Pin<'B', 4, Input>,
    ) -> Self {
        adc.enable_temperature_and_vref();
        Self { adc, loops, contact }
    }

    /// The bandgap, in counts, against what the factory measured at 3.3 V. The supply may be off by 3 %.
    pub(crate) fn reference(&mut self) -> Reference {
        let counts = self.adc.convert(&stm32f4xx_hal::adc::Vref, SampleTime::Cycles_480);
        let expected = i32::from(VrefCal::get().read());
        Reference { reading: AnalogReading::Raw(counts.into()), expected, tolerance: expected / 32 }
    }
}

impl AnalogIn for Inputs {
    fn read(&mut self, channel: usize) -> AnalogReading {
        let time = SampleTime::Cycles_84;
        let counts = match channel {
            0 => self.adc.convert(&self.loops.0, time),
            1 => self.adc.convert(&self.loops.1, time),
            2 => self.adc.convert(&self.loops.2, time),
            3 => return AnalogReading::Raw(self.contact.is_high().into()),
            _ => return AnalogReading::Fault,
        };
        if counts >= FULL { AnalogReading::Fault } else { AnalogReading::Raw(microamperes(counts)) }
    }
}

const fn microamperes(counts: u16) -> i32 {
    (counts as i32 * NANOAMPERES_PER_COUNT + 500) / 1_000
}
