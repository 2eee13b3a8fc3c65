//! Retention: what is old goes once every platform has it; where the quota or the disk is used up, what everybody has goes
//! first, then the oldest readings, and events last.

use hazard_core::outbox::{Count, Lane};

use super::disk::Fault;
use super::index::Index;
use super::name::{Kind, Name};
use super::purges::Stretch;
use super::ring::{LANES, Ring};

/// Free space that is left to the rest of the system: below it the disk counts as full.
const FREE_BYTES_MIN: u64 = 32 << 20;

/// When records go.
#[derive(Clone, Copy, Debug)]
pub(super) struct Retention {
    pub(super) quota_bytes: u64,
    /// Events, then readings.
    pub(super) keep_ms: [i64; 2],
}

/// Numbers of an epoch's lane that are no longer on this disk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Purged {
    pub(super) lane: Lane,
    pub(super) ordinal: u64,
    pub(super) first: u64,
    pub(super) last: u64,
    pub(super) count: Count,
}

/// Whether every platform has the numbers of an epoch's lane.
pub(super) type IsConfirmed<'a> = &'a dyn Fn(Lane, u64, (u64, u64)) -> bool;

/// Which archives may go.
#[derive(Clone, Copy)]
enum Victims {
    /// Old ones that everybody has.
    Old,
    /// Any that everybody has.
    Confirmed,
    /// Any.
    All,
}

impl Ring {
    /// Drops what need not or cannot be kept, oldest first.
    pub(super) fn retain(
        &mut self,
        retention: Retention,
        is_confirmed: IsConfirmed<'_>,
    ) -> Result<Vec<Purged>, Fault> {
        let mut purged = Vec::new();
        for lane in LANES {
            while let Some(name) = self.victim(lane, Victims::Old, retention, is_confirmed) {
                self.purge(name, &mut purged)?;
            }
        }
        while self.is_full(retention) && self.drop_aside()? {}
        let order = [
            (Lane::Reading, Victims::Confirmed),
            (Lane::Reading, Victims::All),
            (Lane::Event, Victims::Confirmed),
            (Lane::Event, Victims::All),
        ];
        for (lane, victims) in order {
            while self.is_full(retention)
                && let Some(name) = self.victim(lane, victims, retention, is_confirmed)
            {
                self.purge(name, &mut purged)?;
            }
        }
        Ok(purged)
    }

    /// Bytes that are kept because some platform has not confirmed them.
    pub(super) fn unconfirmed_bytes(&self, is_confirmed: IsConfirmed<'_>) -> u64 {
        self.indexes().filter(|index| !all_confirmed(index, is_confirmed)).map(|index| index.bytes).sum()
    }

    /// Bytes that a day of readings takes, once there is an hour of them to tell from.
    pub(super) fn bytes_per_day(&self) -> Option<u64> {
        const HOUR_MS: u64 = 3_600_000;
        let indexes = || self.archives[Lane::Reading as usize].indexes();
        let oldest = indexes().filter_map(Index::oldest_ms).min()?;
        let youngest = indexes().filter_map(Index::youngest_ms).max()?;
        let span_ms = youngest.abs_diff(oldest);
        let bytes: u64 = indexes().map(|index| index.bytes).sum();
        (span_ms >= HOUR_MS).then(|| bytes.saturating_mul(24 * HOUR_MS) / span_ms)
    }

    fn is_full(&self, retention: Retention) -> bool {
        let free = rustix::fs::statvfs(&self.home.dir).map(|fs| fs.f_bavail.saturating_mul(fs.f_frsize));
        self.bytes() > retention.quota_bytes || free.is_ok_and(|free| free < FREE_BYTES_MIN)
    }

    /// The oldest closed archive of a lane that may go.
    fn victim(
        &self,
        lane: Lane,
        victims: Victims,
        retention: Retention,
        is_confirmed: IsConfirmed<'_>,
    ) -> Option<Name> {
        let archive = &self.archives[lane as usize];
        // The end of the epoch before is only known while its last records are here.
        let last = self.ordinals().into_iter().next_back();
        let may_go = |index: &Index| {
            let is_last =
                self.indexes().filter(|other| other.ordinals().any(|one| Some(one) == last)).count() == 1
                    && index.ordinals().any(|one| Some(one) == last);
            !is_last
                && match victims {
                    Victims::Old => {
                        self.is_old(index, retention.keep_ms[lane as usize])
                            && all_confirmed(index, is_confirmed)
                    }
                    Victims::Confirmed => all_confirmed(index, is_confirmed),
                    Victims::All => true,
                }
        };
        let (number, _) = archive.closed.iter().find(|(_, index)| may_go(index))?;
        Some(archive.name(*number))
    }

    fn purge(&mut self, name: Name, purged: &mut Vec<Purged>) -> Result<(), Fault> {
        let Kind::Archive(_) = name.kind else { return Ok(()) };
        if let Some(index) = self.series(name.kind).closed.get(&name.number) {
            let spans: Vec<_> = index.spans().collect();
            for (lane, ordinal, span) in spans {
                let (first, last, count) = (span.first, span.last, span.count());
                let left: Vec<_> =
                    self.spans((lane, ordinal)).into_iter().filter(|one| *one != span).collect();
                let is_left = |from, to| left.iter().any(|one| from < one.first && one.last < to);
                self.purges.note((lane, ordinal), Stretch::new((first, last), count), is_left);
                purged.push(Purged { lane, ordinal, first, last, count });
            }
            self.purges.save(&self.home.dir, &self.home.disk)?;
        }
        self.remove(name)
    }

    /// Removes what a power cut left of a segment that was about to go.
    pub(super) fn finish_purge(&mut self) -> Result<(), Fault> {
        for lane in LANES {
            let archive = &self.archives[lane as usize];
            let left = archive.closed.iter().filter(|(_, index)| {
                let spans =
                    index.spans().map(|(lane, ordinal, span)| (lane, ordinal, (span.first, span.last)));
                self.purges.cover(spans)
            });
            for name in left.map(|(number, _)| archive.name(*number)).collect::<Vec<_>>() {
                self.remove(name)?;
            }
        }
        Ok(())
    }

    fn is_old(&self, index: &Index, keep_ms: i64) -> bool {
        match (self.confirmed_ms, index.youngest_ms()) {
            (Some(confirmed), Some(youngest)) => confirmed.saturating_sub(youngest) > keep_ms,
            (None, _) | (_, None) => false,
        }
    }
}

fn all_confirmed(index: &Index, is_confirmed: IsConfirmed<'_>) -> bool {
    index.spans().all(|(lane, ordinal, span)| is_confirmed(lane, ordinal, (span.first, span.last)))
}
