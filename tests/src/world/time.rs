//! Whoever has the right time: knows what the wall clock should have read when each record was made, and what a platform can
//! know of it.

use std::collections::HashMap;

use hazard_core::id::Epoch;
use hazard_core::output::Publish;
use hazard_core::{ClockOffset, ClockTrust, Input, Mono, Utc};

use super::{WALL_START_MS, World};

/// What a clock that is read each second, and then carried on, may be wrong by.
const TOLERANCE_MS: u64 = 1_100;

/// The notebook.
#[derive(Default)]
pub(super) struct Times {
    /// What back-dates each epoch's records, as the composer has the disk remember it.
    offsets: HashMap<Epoch, ClockOffset>,
    /// How many records were back-dated.
    pub(super) back_dated: u64,
}

impl Times {
    /// What the engine knows after a step.
    pub(super) fn learn(&mut self, epoch: Epoch, offset: Option<ClockOffset>) {
        self.offsets.extend(offset.map(|offset| (epoch, offset)));
    }

    /// Each record says when it was made, or that it cannot say.
    pub(super) fn published(&mut self, publish: &Publish) -> Option<String> {
        let offset = self.offsets.get(&publish.epoch);
        for record in &publish.records {
            let stamp = record.stamp;
            let (utc, trust) = match offset.map(|offset| (offset.back_date(stamp), offset.trust)) {
                Some((Some(utc), trust)) => {
                    self.back_dated += 1;
                    (utc, trust)
                }
                _ => (stamp.utc, stamp.trust),
            };
            let wrong_ms = utc.unix_ms().abs_diff(true_ms(stamp.mono));
            if trust == ClockTrust::Synced && wrong_ms > TOLERANCE_MS {
                return Some(format!("a record is said to be from {utc:?}, {wrong_ms} ms wrong: {record:?}"));
            }
            if offset.is_some() && stamp.trust == ClockTrust::Unset && utc == stamp.utc {
                return Some(format!("the time is known, and a record was not back-dated: {record:?}"));
            }
        }
        None
    }
}

impl World {
    /// The engine reads the clock: each jump becomes a record.
    pub(super) fn read_clock(&mut self) {
        let Input::Clock { utc, trust } = self.clock() else { return };
        let before = self.engine.snapshot();
        let passed = true_ms(self.now) - true_ms(before.stamp.mono);
        let jumped = utc.unix_ms().abs_diff(before.stamp.utc.unix_ms() + passed) >= TOLERANCE_MS;
        self.engine.handle(self.now, Input::Clock { utc, trust });
        let after = self.engine.snapshot();
        if jumped && after.last == before.last {
            self.outcome
                .broken
                .push(format!("the clock jumped at {:?}, and nothing was written down", self.now));
        }
        self.times.learn(after.epoch, self.engine.clock_offset());
    }

    /// What a clock reads that somebody may have set wrong.
    pub(super) fn clock_now(&self) -> Utc {
        Utc::from_unix_ms(true_ms(self.now) + self.wall_skew_ms)
    }

    pub(super) fn clock(&self) -> Input {
        if let Some(since) = self.unset_since {
            let utc = Utc::from_unix_ms(true_ms(self.now) - true_ms(since));
            return Input::Clock { utc, trust: ClockTrust::Unset };
        }
        let utc = self.clock_now();
        let trust = if self.wall_skew_ms == 0 { ClockTrust::Synced } else { ClockTrust::Free };
        Input::Clock { utc, trust }
    }
}

/// What a right clock reads.
pub(super) fn true_ms(at: Mono) -> i64 {
    WALL_START_MS + i64::try_from(at.as_micros() / 1_000).unwrap()
}
