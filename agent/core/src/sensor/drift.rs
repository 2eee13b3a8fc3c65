//! Drift of the zero: a detector of something that is usually not there shows where its zero is whenever it is quiet. The mean
//! of the quiet values over a long time tells a drift; values that stay clearly below zero tell it at once.

use core::time::Duration;

use super::Trouble;
use crate::{Mono, Value};

/// Fewer quiet values than this say nothing.
const QUIET_MIN: u32 = 10;
/// A drift is over when it is less than this part of what began it.
const OVER_BELOW: f64 = 0.8;

/// How a point's zero is watched; all in the point's unit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Drift {
    /// What it reads when nothing is there.
    pub zero: Value,
    /// Values no further from zero are quiet; positive.
    pub band: Value,
    /// A mean of the quiet values further from zero is a drift; positive, less than `band`.
    pub limit: Value,
    /// The mean is taken over this time, of which at least half must be quiet.
    pub over: Duration,
    /// Values below zero.
    pub negative: Option<Negative>,
}

/// When values below zero tell a drift.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Negative {
    /// Further below zero than this; positive.
    pub below: Value,
    /// For at least this time.
    pub after: Duration,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Watch {
    spec: Drift,
    begun: Mono,
    all: u32,
    quiet: u32,
    sum: f64,
    drifted: bool,
    below_since: Option<Mono>,
    negative: bool,
}

impl Watch {
    pub(super) const fn new(spec: Drift, now: Mono) -> Self {
        Self {
            spec,
            begun: now,
            all: 0,
            quiet: 0,
            sum: 0.0,
            drifted: false,
            below_since: None,
            negative: false,
        }
    }

    pub(super) fn troubles(&self) -> impl Iterator<Item = Trouble> + use<> {
        let drift = self.drifted.then_some(Trouble::ZeroDrift);
        let negative = self.negative.then_some(Trouble::BelowZero);
        drift.into_iter().chain(negative)
    }

    /// Takes a value that is believed.
    pub(super) fn take(&mut self, now: Mono, value: Value) {
        let off = value.get() - self.spec.zero.get();
        self.look_below(now, off);
        self.all = self.all.saturating_add(1);
        if off.abs() <= self.spec.band.get() {
            self.quiet = self.quiet.saturating_add(1);
            self.sum += off;
        }
        if now.since(self.begun) >= self.spec.over {
            self.conclude();
            (self.begun, self.all, self.quiet, self.sum) = (now, 0, 0, 0.0);
        }
    }

    /// A value that is not believed says nothing of the zero, and ends what has to last.
    pub(super) const fn interrupt(&mut self) {
        self.below_since = None;
    }

    fn look_below(&mut self, now: Mono, off: f64) {
        let Some(Negative { below, after }) = self.spec.negative else {
            return;
        };
        if off < -below.get() {
            let since = *self.below_since.get_or_insert(now);
            self.negative |= now.since(since) >= after;
        } else {
            self.below_since = None;
            self.negative &= off < -below.get() * OVER_BELOW;
        }
    }

    /// A time that was mostly not quiet leaves the verdict as it is: gas is no drift.
    fn conclude(&mut self) {
        if self.quiet < QUIET_MIN || u64::from(self.quiet) * 2 < u64::from(self.all) {
            return;
        }
        let mean = (self.sum / f64::from(self.quiet)).abs();
        let limit = self.spec.limit.get();
        self.drifted = mean > limit || (self.drifted && mean > limit * OVER_BELOW);
    }
}
