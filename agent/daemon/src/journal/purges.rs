//! What retention has taken of each epoch's lanes: a small file that is durable before any segment goes, so that what is gone
//! can be said again by whoever comes after a power cut, and is told apart from what somebody removed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use hazard_core::outbox::{Count, Lane};
use serde::{Deserialize, Serialize};

use super::disk::{Disk, Fault};
use super::index::{lane_byte, lane_of};
use super::slot;

/// A stretch of a lane's numbers of which nothing is left.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Stretch {
    /// The first number.
    pub first: u64,
    /// The last number.
    pub last: u64,
    /// Records that went.
    pub records: u64,
    /// Readings that went.
    pub readings: u64,
}

impl Stretch {
    /// A stretch of so many records.
    pub(super) const fn new((first, last): (u64, u64), count: Count) -> Self {
        Self { first, last, records: count.records, readings: count.readings }
    }

    /// How much it was.
    pub(super) const fn count(&self) -> Count {
        Count { records: self.records, readings: self.readings }
    }

    fn with(self, younger: Self) -> Self {
        Self {
            first: self.first,
            last: younger.last,
            records: self.records.saturating_add(younger.records),
            readings: self.readings.saturating_add(younger.readings),
        }
    }
}

/// What is gone of all lanes: by lane and epoch ordinal, ascending, no two with nothing left between them.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Purges(BTreeMap<(u8, u64), Vec<Stretch>>);

impl Purges {
    fn path(dir: &Path) -> PathBuf {
        dir.join("purged")
    }

    /// Reads the file in `dir`; a damaged one has forgotten.
    pub(super) fn read(dir: &Path) -> Self {
        let gone = slot::read_whole(&Self::path(dir)).and_then(|body| postcard::from_bytes(&body).ok());
        Self(gone.unwrap_or_default())
    }

    /// Makes it durable.
    pub(super) fn save(&self, dir: &Path, disk: &Disk) -> Result<(), Fault> {
        let body = postcard::to_stdvec(&self.0).map_err(|error| Fault::Refused(error.to_string()))?;
        slot::write_whole(&Self::path(dir), &body, disk)
    }

    /// Notes a stretch that is about to go; `is_left` says whether something of the lane remains between two numbers.
    pub(super) fn note(
        &mut self,
        (lane, ordinal): (Lane, u64),
        gone: Stretch,
        is_left: impl Fn(u64, u64) -> bool,
    ) {
        let stretches = self.0.entry((lane_byte(lane), ordinal)).or_default();
        let at = stretches.partition_point(|stretch| stretch.first < gone.first);
        stretches.insert(at, gone);
        let mut joined: Vec<Stretch> = Vec::with_capacity(stretches.len());
        for stretch in stretches.drain(..) {
            match joined.last_mut() {
                Some(before) if !is_left(before.last, stretch.first) => *before = before.with(stretch),
                Some(_) | None => joined.push(stretch),
            }
        }
        *stretches = joined;
    }

    /// The stretches of a lane that are gone.
    pub(super) fn of(&self, lane: Lane, ordinal: u64) -> &[Stretch] {
        self.0.get(&(lane_byte(lane), ordinal)).map_or(&[], Vec::as_slice)
    }

    /// What went of a lane between two numbers, both included.
    pub(super) fn between(&self, (lane, ordinal): (Lane, u64), first: u64, last: u64) -> Count {
        let within = self.of(lane, ordinal).iter().filter(|gone| first <= gone.first && gone.last <= last);
        within.fold(Count::default(), |mut sum, gone| {
            sum += gone.count();
            sum
        })
    }

    /// The last number of a lane that is gone; 0 when there is none.
    pub(super) fn last(&self, lane: Lane, ordinal: u64) -> u64 {
        self.of(lane, ordinal).last().map_or(0, |gone| gone.last)
    }

    /// Whether a number of a lane is in a stretch that is gone.
    pub(super) fn has(&self, (lane, ordinal): (Lane, u64), number: u64) -> bool {
        self.of(lane, ordinal).iter().any(|gone| (gone.first..=gone.last).contains(&number))
    }

    /// Whether a segment with these numbers is one that a power cut left although it was noted.
    pub(super) fn cover(&self, mut spans: impl Iterator<Item = (Lane, u64, (u64, u64))>) -> bool {
        spans.all(|(lane, ordinal, (first, last))| {
            self.of(lane, ordinal).iter().any(|gone| gone.first <= first && last <= gone.last)
        })
    }

    /// The epochs of which something is gone.
    pub(super) fn ordinals(&self) -> impl Iterator<Item = u64> {
        self.0.keys().map(|(_, ordinal)| *ordinal)
    }

    /// Forgets epochs that `is_known` does not name.
    pub(super) fn retain(&mut self, is_known: impl Fn(u64) -> bool) {
        self.0.retain(|(_, ordinal), _| is_known(*ordinal));
    }

    /// All stretches, by lane and epoch ordinal.
    pub fn all(&self) -> impl Iterator<Item = (Lane, u64, &Stretch)> {
        self.0.iter().flat_map(|((lane, ordinal), stretches)| {
            stretches.iter().filter_map(move |gone| Some((lane_of(*lane)?, *ordinal, gone)))
        })
    }
}

impl FromIterator<(Lane, u64, Stretch)> for Purges {
    fn from_iter<I: IntoIterator<Item = (Lane, u64, Stretch)>>(from: I) -> Self {
        let mut purges = Self::default();
        from.into_iter().for_each(|(lane, ordinal, gone)| purges.note((lane, ordinal), gone, |_, _| true));
        purges
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OF: (Lane, u64) = (Lane::Reading, 3);

    fn stretch(first: u64, last: u64) -> Stretch {
        Stretch::new((first, last), Count { records: last - first + 1, readings: 0 })
    }

    #[test]
    fn stretches_join_where_nothing_is_left_between_them_and_only_there() {
        let mut purges = Purges::default();
        // An archive with the numbers 21 to 29 stays until the last step.
        let is_left = |from: u64, to: u64| from < 21 && 29 < to;
        purges.note(OF, stretch(31, 39), is_left);
        purges.note(OF, stretch(1, 9), is_left);
        purges.note(OF, stretch(11, 19), is_left);
        let joined = Stretch { first: 1, last: 19, records: 18, readings: 0 };
        assert_eq!(purges.of(OF.0, OF.1), [joined, stretch(31, 39)]);
        let span = |first, last| purges.cover([(OF.0, OF.1, (first, last))].into_iter());
        assert!(span(11, 19) && span(31, 39) && span(1, 19));
        assert!(!span(21, 29), "what a younger stretch lies behind is not gone");
        assert!(!span(1, 39));
        assert_eq!(purges.between(OF, 20, 40).records, 9);
        assert_eq!(purges.between(OF, 20, 38).records, 0);
        purges.note(OF, stretch(21, 29), |_, _| false);
        assert_eq!(purges.of(OF.0, OF.1), [Stretch { first: 1, last: 39, records: 36, readings: 0 }]);
        assert_eq!(purges.last(OF.0, OF.1), 39);
    }
}
