//! The samples of one test in bounded memory: a long test loses resolution evenly and never its beginning, its end or its
//! extremes.

use alloc::vec::Vec;
use core::time::Duration;

use super::{Marks, Taken, Trace};
use crate::Value;

/// Samples that one test keeps at most.
pub const SAMPLES_MAX: usize = 240;

/// Samples that one test pins at most.
const PINS_MAX: usize = SAMPLES_MAX / 4;

#[derive(Clone, Copy, Debug)]
struct Kept {
    taken: Taken,
    number: u32,
    pinned: bool,
}

/// Samples, thinned to every second one whenever they are too many. What is pinned, first, last or extreme stays.
#[derive(Clone, Debug)]
pub struct Series {
    kept: Vec<Kept>,
    /// Of so many samples one is kept.
    stride: u32,
    count: u32,
    gaps: u32,
    pins: usize,
    lowest: Option<(Value, u32)>,
    highest: Option<(Value, u32)>,
}

impl Default for Series {
    fn default() -> Self {
        Self { kept: Vec::new(), stride: 1, count: 0, gaps: 0, pins: 0, lowest: None, highest: None }
    }
}

impl Series {
    /// Takes a sample; `None` is a gap. Later samples come later.
    pub fn push(&mut self, after: Duration, value: Option<Value>) {
        let number = self.count;
        self.count = self.count.saturating_add(1);
        match value {
            Some(value) => self.stretch(value, number),
            None => self.gaps = self.gaps.saturating_add(1),
        }
        // It was kept for being the last.
        if self.kept.last().is_some_and(|last| !self.stays(last)) {
            self.kept.pop();
        }
        self.kept.push(Kept { taken: Taken { after, value }, number, pinned: false });
        while self.kept.len() > SAMPLES_MAX {
            self.stride = self.stride.saturating_mul(2);
            let mut kept = core::mem::take(&mut self.kept);
            kept.retain(|sample| sample.number == number || self.stays(sample));
            self.kept = kept;
        }
    }

    /// Keeps the last sample for good: something is measured from it. Bounded; a sample too many is thinned like the others.
    pub fn pin_last(&mut self) {
        if let Some(last) = self.kept.last_mut()
            && !last.pinned
            && self.pins < PINS_MAX
        {
            last.pinned = true;
            self.pins += 1;
        }
    }

    /// The last sample that is no gap, of those that were kept.
    #[must_use]
    pub fn last_value(&self) -> Option<Value> {
        self.kept.iter().rev().find_map(|sample| sample.taken.value)
    }

    /// What is kept, for the evidence.
    #[must_use]
    pub fn trace(&self, marks: Marks) -> Trace {
        let samples = self.kept.iter().map(|sample| sample.taken).collect();
        Trace { marks, samples, taken: self.count, gaps: self.gaps }
    }

    fn stretch(&mut self, value: Value, number: u32) {
        if self.lowest.is_none_or(|(lowest, _)| value < lowest) {
            self.lowest = Some((value, number));
        }
        if self.highest.is_none_or(|(highest, _)| value > highest) {
            self.highest = Some((value, number));
        }
    }

    fn stays(&self, sample: &Kept) -> bool {
        let extreme = |end: Option<(Value, u32)>| end.is_some_and(|(_, number)| number == sample.number);
        let on_stride = sample.number.is_multiple_of(self.stride);
        on_stride || sample.pinned || extreme(self.lowest) || extreme(self.highest)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn whatever_comes_it_is_bounded_and_keeps_its_ends_and_extremes(
            samples in proptest::collection::vec((proptest::option::weighted(0.9, -50..150_i32), 0..40_u8), 1..3_000),
        ) {
            let mut series = Series::default();
            for (index, (raw, pin)) in samples.iter().enumerate() {
                series.push(second(index), raw.map(Value::from_i32));
                if *pin == 0 {
                    series.pin_last();
                }
                prop_assert!(series.kept.len() <= SAMPLES_MAX);
            }
            let trace = series.trace(Marks::default());
            let all: Vec<Taken> = samples.iter().enumerate().map(|(index, (raw, _))| {
                Taken { after: second(index), value: raw.map(Value::from_i32) }
            }).collect();
            prop_assert_eq!(trace.samples.first(), all.first());
            prop_assert_eq!(trace.samples.last(), all.last());
            let extremes = |of: &[Taken]| {
                let values = of.iter().filter_map(|taken| taken.value);
                (values.clone().min(), values.max())
            };
            prop_assert_eq!(extremes(&trace.samples), extremes(&all));
            prop_assert!(trace.samples.iter().all(|taken| all.contains(taken)));
            prop_assert!(trace.samples.windows(2).all(|pair| pair[0].after < pair[1].after));
            let gaps = all.iter().filter(|taken| taken.value.is_none()).count();
            prop_assert_eq!((trace.taken as usize, trace.gaps as usize), (all.len(), gaps));
            let pinned = samples.iter().enumerate().filter(|(_, (_, pin))| *pin == 0).take(PINS_MAX);
            for (index, _) in pinned {
                prop_assert!(trace.samples.iter().any(|taken| taken.after == second(index)));
            }
        }
    }

    #[test]
    fn a_long_test_is_kept_whole_and_evenly() {
        let mut series = Series::default();
        for index in 0..7_200 {
            series.push(second(index), Some(Value::ONE));
        }
        let samples = series.trace(Marks::default()).samples;
        assert!(samples.len() > SAMPLES_MAX / 2 - 10, "{}", samples.len());
        for pair in samples.windows(2) {
            assert!(pair[1].after - pair[0].after <= second(64), "{pair:?}");
        }
        let spacing = samples[1].after - samples[0].after;
        assert!(samples.len() > 100 && spacing == second(32), "{spacing:?}");
    }

    #[test]
    fn a_short_test_loses_nothing() {
        let mut series = Series::default();
        for index in 0..SAMPLES_MAX {
            series.push(second(index), (index % 3 > 0).then_some(Value::ONE));
        }
        assert_eq!(series.trace(Marks::default()).samples.len(), SAMPLES_MAX);
        assert_eq!(series.last_value(), Some(Value::ONE));
    }

    fn second(index: usize) -> Duration {
        Duration::from_secs(index as u64)
    }
}
