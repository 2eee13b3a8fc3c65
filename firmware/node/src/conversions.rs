//! Oversampling: several conversions make one reading.

use crate::hal::AnalogReading;

/// The conversions of one channel in one measuring pass.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Conversions {
    sum: i64,
    least: i32,
    greatest: i32,
    good: u16,
    faulty: u16,
}

impl Conversions {
    pub(crate) const NONE: Self = Self { sum: 0, least: i32::MAX, greatest: i32::MIN, good: 0, faulty: 0 };

    pub(crate) const fn count(&self) -> u16 {
        self.good.saturating_add(self.faulty)
    }

    pub(crate) fn push(&mut self, reading: AnalogReading) {
        match reading {
            AnalogReading::Raw(raw) => {
                self.sum = self.sum.saturating_add(i64::from(raw));
                self.least = self.least.min(raw);
                self.greatest = self.greatest.max(raw);
                self.good = self.good.saturating_add(1);
            }
            AnalogReading::Fault => self.faulty = self.faulty.saturating_add(1),
        }
    }

    /// The mean without the least and the greatest from four conversions on; a fault when half of them or more failed.
    pub(crate) fn reading(&self) -> AnalogReading {
        if self.good <= self.faulty {
            return AnalogReading::Fault;
        }
        let (sum, count) = if self.good >= 4 {
            let ends = i64::from(self.least).saturating_add(i64::from(self.greatest));
            (self.sum.saturating_sub(ends), self.good.saturating_sub(2))
        } else {
            (self.sum, self.good)
        };
        // Rounded, so that a contact is what it was in most conversions.
        let (count, half) = (i64::from(count), i64::from(count) / 2);
        let sum = if sum < 0 { sum.saturating_sub(half) } else { sum.saturating_add(half) };
        let mean = sum.checked_div(count).and_then(|mean| i32::try_from(mean).ok());
        mean.map_or(AnalogReading::Fault, AnalogReading::Raw)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use AnalogReading::{Fault, Raw};

    fn reading(readings: &[AnalogReading]) -> AnalogReading {
        let mut conversions = Conversions::NONE;
        readings.iter().for_each(|reading| conversions.push(*reading));
        conversions.reading()
    }

    #[test]
    fn the_mean_leaves_out_the_least_and_the_greatest_of_four_or_more() {
        assert_eq!(reading(&[Raw(10), Raw(20), Raw(30)]), Raw(20));
        assert_eq!(reading(&[Raw(10), Raw(20), Raw(40), Raw(1_000_000)]), Raw(30));
        assert_eq!(reading(&[Raw(0), Raw(1), Raw(1), Raw(1), Raw(0), Raw(1)]), Raw(1));
        assert_eq!(reading(&[Raw(i32::MAX); 64]), Raw(i32::MAX));
        assert_eq!(reading(&[Raw(i32::MIN); 64]), Raw(i32::MIN));
    }

    #[test]
    fn a_reading_is_a_fault_when_half_of_its_conversions_failed() {
        assert_eq!(reading(&[]), Fault);
        assert_eq!(reading(&[Raw(1), Fault]), Fault);
        assert_eq!(reading(&[Raw(5), Raw(5), Fault]), Raw(5));
    }
}
