//! The sums of a day, there and back; see [`super::mirror`].

use std::time::Duration;

use hazard_core::daybook as core;
use hazard_core::outbox;
use hazard_core::outbox::UplinkLedger;
use hazard_core::poll::PollCount;
use serde::{Deserialize, Serialize};

use super::codec::NotRecords;

/// A site has at most so many platforms: their ids are bytes.
const UPLINKS_MAX: usize = 256;

/// Records and readings.
type Count = (u64, u64);

#[derive(Serialize, Deserialize)]
pub(super) struct DayLedger {
    lasted_us: u64,
    /// Before, scheduled, read, failed, skipped, open, repeated.
    polls: [u64; 7],
    /// Before, offered, stored, lost, waiting, purged.
    journal: [Count; 6],
    /// Before, confirmed, pending, lost, back-filled.
    uplinks: Vec<[Count; 5]>,
}

impl From<&core::DayLedger> for DayLedger {
    fn from(day: &core::DayLedger) -> Self {
        let core::DayPolls { before, count } = day.polls;
        let PollCount { scheduled, read, failed, skipped, open, repeated } = count;
        let journal = day.journal;
        let uplink = |core::DayUplink { before, ledger }: &core::DayUplink| {
            [*before, ledger.confirmed, ledger.pending, ledger.lost, ledger.back_filled].map(pair)
        };
        Self {
            lasted_us: u64::try_from(day.lasted.as_micros()).unwrap_or(u64::MAX),
            polls: [before, scheduled, read, failed, skipped, open, repeated],
            journal: [
                journal.before,
                journal.offered,
                journal.stored,
                journal.lost,
                journal.waiting,
                journal.purged,
            ]
            .map(pair),
            uplinks: day.uplinks.iter().map(uplink).collect(),
        }
    }
}

impl TryFrom<DayLedger> for core::DayLedger {
    type Error = NotRecords;

    fn try_from(day: DayLedger) -> Result<Self, NotRecords> {
        if day.uplinks.len() > UPLINKS_MAX {
            return Err(NotRecords);
        }
        let [before, scheduled, read, failed, skipped, open, repeated] = day.polls;
        let count = PollCount { scheduled, read, failed, skipped, open, repeated };
        let polls = core::DayPolls { before, count };
        let [before, offered, stored, lost, waiting, purged] = day.journal.map(count_of);
        let uplink = |counts: [Count; 5]| {
            let [before, confirmed, pending, lost, back_filled] = counts.map(count_of);
            core::DayUplink {
                before,
                ledger: UplinkLedger { confirmed, pending, lost, back_filled, ..UplinkLedger::default() },
            }
        };
        Ok(Self {
            lasted: Duration::from_micros(day.lasted_us),
            polls,
            journal: core::DayJournal { before, offered, stored, lost, waiting, purged },
            uplinks: day.uplinks.into_iter().map(uplink).collect(),
        })
    }
}

const fn pair(count: outbox::Count) -> Count {
    (count.records, count.readings)
}

const fn count_of((records, readings): Count) -> outbox::Count {
    outbox::Count { records, readings }
}
