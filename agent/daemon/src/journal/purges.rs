//! How far retention has taken each epoch's lanes: a small file that is durable before any segment goes, so that what is gone
//! can be said again by whoever comes after a power cut.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use hazard_core::outbox::{Count, Lane};
use serde::{Deserialize, Serialize};

use super::disk::{Disk, Fault};
use super::index::{lane_byte, lane_of};
use super::slot;

/// What is gone of a lane.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
struct Gone {
    last: u64,
    records: u64,
    readings: u64,
}

/// What is gone of all lanes.
pub(super) struct Purges {
    path: PathBuf,
    gone: BTreeMap<(u8, u64), Gone>,
}

impl Purges {
    /// Reads the file; a damaged one has forgotten.
    pub(super) fn open(dir: &Path) -> Self {
        let path = dir.join("purged");
        let gone = slot::read_whole(&path).and_then(|body| postcard::from_bytes(&body).ok());
        Self { path, gone: gone.unwrap_or_default() }
    }

    /// Notes that a lane's numbers up to `last` are about to go.
    pub(super) fn note(&mut self, lane: Lane, ordinal: u64, (last, count): (u64, Count)) {
        let gone = self.gone.entry((lane_byte(lane), ordinal)).or_default();
        if last > gone.last {
            gone.last = last;
            gone.records = gone.records.saturating_add(count.records);
            gone.readings = gone.readings.saturating_add(count.readings);
        }
    }

    /// The last number that is gone of a lane, and how many records went.
    pub(super) fn of(&self, lane: Lane, ordinal: u64) -> Option<(u64, Count)> {
        let gone = self.gone.get(&(lane_byte(lane), ordinal))?;
        Some((gone.last, Count { records: gone.records, readings: gone.readings }))
    }

    /// Whether a segment with these last numbers is one that a power cut left although it was noted.
    pub(super) fn cover(&self, mut spans: impl Iterator<Item = (Lane, u64, u64)>) -> bool {
        spans.all(|(lane, ordinal, last)| self.of(lane, ordinal).is_some_and(|(gone, _)| gone >= last))
    }

    /// Forgets epochs of which nothing is left that `is_known` does not name either.
    pub(super) fn retain(&mut self, is_known: impl Fn(u64) -> bool) {
        self.gone.retain(|(lane, ordinal), _| lane_of(*lane).is_some() && is_known(*ordinal));
    }

    /// Makes it durable.
    pub(super) fn save(&self, disk: &Disk) -> Result<(), Fault> {
        let body = postcard::to_stdvec(&self.gone).map_err(|error| Fault::Refused(error.to_string()))?;
        slot::write_whole(&self.path, &body, disk)
    }
}
