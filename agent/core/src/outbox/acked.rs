//! What a platform has confirmed of one lane of one epoch: a set of numbers, kept as few ranges.

use alloc::vec::Vec;

use crate::id::Seq;

/// The most ranges a set keeps. Beyond it the youngest lone range is forgotten and its records are sent again, which
/// the platform recognises by their numbers.
const RANGES_MAX: usize = 64;

/// A set of record numbers as disjoint ranges in ascending order, both ends included.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AckedSet {
    ranges: Vec<(u64, u64)>,
}

impl AckedSet {
    /// The set of these ranges; empty and overlapping ones are put right.
    #[must_use]
    pub fn from_ranges(ranges: &[(u64, u64)]) -> Self {
        let mut set = Self::default();
        for &(first, last) in ranges {
            set.insert(Seq(first), Seq(last));
        }
        set
    }

    /// Its ranges, ascending, disjoint, both ends included.
    #[must_use]
    pub fn ranges(&self) -> &[(u64, u64)] {
        &self.ranges
    }

    /// Adds the numbers from `first` to `last`; nothing when `last` is before `first`.
    pub fn insert(&mut self, first: Seq, last: Seq) {
        let (mut first, mut last) = (first.0, last.0);
        if last < first {
            return;
        }
        let begin = self.ranges.partition_point(|range| range.1.saturating_add(1) < first);
        let end = self.ranges.partition_point(|range| range.0 <= last.saturating_add(1));
        if begin < end {
            first = first.min(self.ranges[begin].0);
            last = last.max(self.ranges[end - 1].1);
        }
        self.ranges.splice(begin..end, [(first, last)]);
        if self.ranges.len() > RANGES_MAX {
            self.ranges.remove(RANGES_MAX - 1);
        }
    }

    /// Takes the numbers from `first` to `last` out.
    pub fn remove(&mut self, first: Seq, last: Seq) {
        let (first, last) = (first.0, last.0);
        if last < first {
            return;
        }
        let begin = self.ranges.partition_point(|range| range.1 < first);
        let end = self.ranges.partition_point(|range| range.0 <= last);
        let left = self.ranges[begin..end].first().filter(|range| range.0 < first);
        let left = left.map(|range| (range.0, first - 1));
        let right = self.ranges[begin..end].last().filter(|range| range.1 > last);
        let right = right.map(|range| (last + 1, range.1));
        self.ranges.splice(begin..end, left.into_iter().chain(right));
        if self.ranges.len() > RANGES_MAX {
            self.ranges.remove(RANGES_MAX - 1);
        }
    }

    /// Its ranges within `first` to `last`.
    pub fn within(&self, first: Seq, last: Seq) -> impl Iterator<Item = (Seq, Seq)> {
        let cut = move |&(a, b): &(u64, u64)| (Seq(a.max(first.0)), Seq(b.min(last.0)));
        self.ranges.iter().map(cut).filter(|(a, b)| a <= b)
    }

    /// Whether `seq` is in the set.
    #[must_use]
    pub fn contains(&self, seq: Seq) -> bool {
        let index = self.ranges.partition_point(|range| range.1 < seq.0);
        self.ranges.get(index).is_some_and(|range| range.0 <= seq.0)
    }

    /// The first run of numbers from `from` to `to` that are not in the set.
    #[must_use]
    pub fn first_gap(&self, from: Seq, to: Seq) -> Option<(Seq, Seq)> {
        let mut first = from.0;
        for &(begin, end) in &self.ranges {
            if end < first {
                continue;
            }
            if begin > first {
                return (first <= to.0).then(|| (Seq(first), Seq(to.0.min(begin - 1))));
            }
            first = end.saturating_add(1);
        }
        (first <= to.0).then_some((Seq(first), to))
    }
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_set_of_numbers(inserts in proptest::collection::vec((0u64..60, 0u64..6), 0..40), from in 0u64..60) {
            let mut set = AckedSet::default();
            let mut model = BTreeSet::new();
            for (first, len) in inserts {
                set.insert(Seq(first), Seq(first + len));
                model.extend(first..=first + len);
            }
            for seq in 0..70 {
                prop_assert_eq!(set.contains(Seq(seq)), model.contains(&seq));
            }
            let gap = (from..=69).find(|seq| !model.contains(seq)).map(|first| {
                (first, (first..=69).take_while(|seq| !model.contains(seq)).last().unwrap())
            });
            prop_assert_eq!(set.first_gap(Seq(from), Seq(69)), gap.map(|(first, last)| (Seq(first), Seq(last))));
            prop_assert!(set.ranges().windows(2).all(|pair| pair[0].1 + 1 < pair[1].0));
        }
    }

    proptest! {
        #[test]
        fn numbers_can_be_taken_out_again(
            inserts in proptest::collection::vec((0u64..60, 0u64..9), 0..20),
            removes in proptest::collection::vec((0u64..60, 0u64..9), 0..20),
            (from, len) in (0u64..60, 0u64..20),
        ) {
            let mut set = AckedSet::default();
            let mut model = BTreeSet::new();
            for (first, len) in inserts {
                set.insert(Seq(first), Seq(first + len));
                model.extend(first..=first + len);
            }
            for (first, len) in removes {
                set.remove(Seq(first), Seq(first + len));
                model.retain(|seq| !(first..=first + len).contains(seq));
            }
            for seq in 0..70 {
                prop_assert_eq!(set.contains(Seq(seq)), model.contains(&seq));
            }
            let within: Vec<u64> = set.within(Seq(from), Seq(from + len)).flat_map(|(a, b)| a.0..=b.0).collect();
            prop_assert_eq!(within, model.range(from..=from + len).copied().collect::<Vec<_>>());
        }
    }

    #[test]
    fn its_memory_is_bounded_and_the_oldest_stay() {
        let mut set = AckedSet::default();
        for seq in 0..10_000 {
            set.insert(Seq(seq * 2), Seq(seq * 2));
        }
        assert!(set.ranges().len() <= RANGES_MAX);
        assert!(set.contains(Seq(0)));
    }
}
