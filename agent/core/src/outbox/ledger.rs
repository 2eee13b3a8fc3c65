//! The sums that must be even at every moment: offered = stored + waiting + lost, of stored no more than all was purged, and
//! per uplink offered = confirmed + sent + pending + lost.

use core::ops::{AddAssign, Sub};

use super::record::Record;

/// Records, and the readings in them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Count {
    /// Records.
    pub records: u64,
    /// Readings.
    pub readings: u64,
}

impl Count {
    /// The count of one record.
    #[must_use]
    pub fn of(record: &Record) -> Self {
        Self { records: 1, readings: record.readings() }
    }

    /// Whether nothing was counted.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.records == 0 && self.readings == 0
    }
}

impl Count {
    /// The smaller of each.
    #[must_use]
    pub fn min(self, other: Self) -> Self {
        Self { records: self.records.min(other.records), readings: self.readings.min(other.readings) }
    }
}

impl AddAssign for Count {
    fn add_assign(&mut self, other: Self) {
        // A count that a damaged disk brought may be anything.
        self.records = self.records.saturating_add(other.records);
        self.readings = self.readings.saturating_add(other.readings);
    }
}

impl Sub for Count {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self {
            records: self.records.saturating_sub(other.records),
            readings: self.readings.saturating_sub(other.readings),
        }
    }
}

/// What became of the records of this run.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Ledger {
    /// Given a number.
    pub offered: Count,
    /// Made durable on disk.
    pub stored: Count,
    /// Of those stored: no longer on disk, because retention took them.
    pub purged: Count,
    /// On their way to the disk.
    pub waiting: Count,
    /// Stated as lost to the journal.
    pub store_lost: Count,
    /// Per uplink, in site order.
    pub uplinks: alloc::vec::Vec<UplinkLedger>,
}

/// What became of the records of this run at one platform.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct UplinkLedger {
    /// Confirmed.
    pub confirmed: Count,
    /// Taken by its broker, and not receipted yet; only where receipts confirm.
    pub sent: Count,
    /// None of these.
    pub pending: Count,
    /// Stated as lost.
    pub lost: Count,
    /// Confirmed records of earlier runs.
    pub back_filled: Count,
}

impl Ledger {
    /// Whether the sums are even.
    #[must_use]
    pub fn is_even(&self) -> bool {
        let mut journal = self.stored;
        journal += self.waiting;
        journal += self.store_lost;
        let uplinks = self.uplinks.iter().all(|uplink| {
            let mut sum = uplink.confirmed;
            sum += uplink.sent;
            sum += uplink.pending;
            sum += uplink.lost;
            sum == self.offered
        });
        journal == self.offered && self.purged.min(self.stored) == self.purged && uplinks
    }
}
