//! How long things take, counted into fixed buckets by the run loop itself: no allocation, no lock.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Upper bounds of the buckets in microseconds; what is longer falls into one more bucket.
pub const BOUNDS_US: [u64; 17] = [
    50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    2_500_000, 5_000_000, 10_000_000,
];

const _: () = assert!(ascending(), "a bucket below its bound would stay empty for ever");

/// Durations in buckets.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Histogram {
    counts: [u64; BOUNDS_US.len() + 1],
    sum_us: u64,
}

/// The times by which the agent is judged.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Latencies {
    /// One turn of the run loop, from taking its inputs to the last output handed over.
    pub turn: Histogram,
    /// From a reply's last byte to the panel image driven because of it.
    pub read_to_panel: Histogram,
    /// From a reply's last byte to its message being handed to an uplink; live messages only.
    pub read_to_publish: Histogram,
    /// From one read of a safety block to the answer of the next: a change may have been unseen for so long.
    pub alarm_delay: Histogram,
    /// From the panel's change to the coil that has followed.
    pub output_delay: Histogram,
}

impl Histogram {
    /// Counts one duration; a duration equal to a bound belongs below it, as OpenMetrics wants it.
    pub fn observe(&mut self, took: Duration) {
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let bucket = BOUNDS_US.partition_point(|bound| *bound < us);
        if let Some(count) = self.counts.get_mut(bucket) {
            *count += 1;
        }
        self.sum_us = self.sum_us.saturating_add(us);
    }

    /// How many durations were counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The sum of all durations in seconds.
    #[must_use]
    pub fn sum_seconds(&self) -> f64 {
        seconds(self.sum_us)
    }

    /// Upper bound in seconds and count of each bucket, not cumulated; the last bound is infinite.
    pub fn buckets(&self) -> impl Iterator<Item = (f64, u64)> {
        let bounds = BOUNDS_US.iter().map(|us| seconds(*us)).chain([f64::INFINITY]);
        bounds.zip(self.counts)
    }
}

#[allow(clippy::cast_precision_loss, reason = "285 years fit exactly")]
fn seconds(us: u64) -> f64 {
    us as f64 / 1e6
}

const fn ascending() -> bool {
    let mut index = 1;
    while index < BOUNDS_US.len() {
        if BOUNDS_US[index - 1] >= BOUNDS_US[index] {
            return false;
        }
        index += 1;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_duration_falls_into_the_lowest_bucket_that_holds_it() {
        for (index, bound) in BOUNDS_US.iter().enumerate() {
            for (us, bucket) in [(*bound, index), (*bound + 1, index + 1)] {
                let mut histogram = Histogram::default();
                histogram.observe(Duration::from_micros(us));
                assert_eq!(histogram.counts[bucket], 1, "{us} µs");
                assert_eq!(histogram.count(), 1);
            }
        }
    }

    #[test]
    fn the_longest_and_the_shortest_duration_are_counted() {
        let mut histogram = Histogram::default();
        histogram.observe(Duration::ZERO);
        histogram.observe(Duration::MAX);
        histogram.observe(Duration::from_secs(11));
        assert_eq!(histogram.buckets().map(|(_, count)| count).sum::<u64>(), 3);
        assert_eq!(histogram.buckets().last(), Some((f64::INFINITY, 2)));
        assert!(histogram.sum_seconds() > 1e12);
    }
}
