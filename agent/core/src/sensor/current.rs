//! 4–20 mA: what a loop current says besides the value (NAMUR NE 43): up to 3.6 mA and from 21 mA on it is a failure, and up to
//! 3.8 mA and from 20.5 mA on the transmitter is at its end.

use core::time::Duration;

use super::Trouble;
use crate::reading::{Doubt, NoData, Quantity, Sample};
use crate::{Mono, Value};

/// Limits of NE 43 in nanoampere, so that a current that was scaled compares exactly.
mod ne43 {
    pub(super) const LOW: i64 = 3_600_000;
    pub(super) const UNDER: i64 = 3_800_000;
    pub(super) const OVER: i64 = 20_500_000;
    pub(super) const HIGH: i64 = 21_000_000;
}

/// A 4–20 mA loop: what 4 mA and 20 mA mean in the point's unit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Current {
    /// At 4 mA.
    pub zero: Value,
    /// At 20 mA; not the same as at 4 mA.
    pub full: Value,
    /// A failure that is shorter is a spike, and what comes after a failure is doubted for as long.
    pub hold: Duration,
}

/// What a loop current says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Loop {
    /// Up to 3.6 mA: broken wire, no supply, or the transmitter signals its failure.
    Low,
    /// Up to but not at 3.8 mA: below what the transmitter measures.
    Under,
    /// 3.8–20.5 mA: the value.
    Measured,
    /// Above 20.5 mA: beyond what the transmitter measures.
    Over,
    /// From 21 mA on: short circuit, or the transmitter signals its failure.
    High,
}

/// What the current behind a value in the point's unit says.
#[must_use]
pub fn level(value: Value, loop_: &Current) -> Loop {
    let (zero, full) = (loop_.zero.get(), loop_.full.get());
    let ma = 4.0 + 16.0 * (value.get() - zero) / (full - zero);
    let na = nanoampere(ma);
    match na {
        ..=ne43::LOW => Loop::Low,
        ne43::HIGH.. => Loop::High,
        _ if na < ne43::UNDER => Loop::Under,
        _ if na > ne43::OVER => Loop::Over,
        _ => Loop::Measured,
    }
}

/// Rounded: 3.6 mA that came as a single-precision number, or through a scale, is 3.6 mA.
#[allow(clippy::cast_possible_truncation, reason = "beyond the range of i64 the cast saturates: a failure")]
fn nanoampere(ma: f64) -> i64 {
    // Not a number (a loop without a span) is cast to 0: a failure, never a value.
    let na = ma * 1e6;
    (na + if na < 0.0 { -0.5 } else { 0.5 }) as i64
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Standing {
    Sound,
    /// Beyond the limits, perhaps for a moment only.
    Breaking {
        since: Mono,
    },
    Failed(Loop),
    /// Back within the limits, perhaps for a moment only.
    Mending {
        since: Mono,
    },
}

/// One loop at run time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Watch {
    spec: Current,
    standing: Standing,
}

impl Watch {
    pub(super) const fn new(spec: Current) -> Self {
        Self { spec, standing: Standing::Sound }
    }

    pub(super) const fn trouble(&self) -> Option<Trouble> {
        match self.standing {
            Standing::Failed(Loop::High) => Some(Trouble::CurrentHigh),
            Standing::Failed(Loop::Low | Loop::Under | Loop::Measured | Loop::Over) => {
                Some(Trouble::CurrentLow)
            }
            Standing::Sound | Standing::Breaking { .. } | Standing::Mending { .. } => None,
        }
    }

    /// What a sample is worth; `None` while nobody can tell a spike from a failure.
    pub(super) fn judge(&mut self, now: Mono, value: Value, sample: Sample) -> Option<Sample> {
        let level = level(value, &self.spec);
        let hold = self.spec.hold;
        let is_failure = matches!(level, Loop::Low | Loop::High);
        self.standing = match self.standing {
            Standing::Sound if is_failure => Standing::Breaking { since: now },
            Standing::Sound => Standing::Sound,
            Standing::Breaking { since } if is_failure => Standing::Breaking { since },
            Standing::Breaking { .. } => Standing::Sound,
            Standing::Failed(_) | Standing::Mending { .. } if is_failure => Standing::Failed(level),
            Standing::Failed(_) => Standing::Mending { since: now },
            Standing::Mending { since } if now.since(since) >= hold => Standing::Sound,
            Standing::Mending { since } => Standing::Mending { since },
        };
        if let Standing::Breaking { since } = self.standing {
            if now.since(since) < hold {
                return None;
            }
            self.standing = Standing::Failed(level);
        }
        let quantity = Quantity::Number(value);
        Some(match (self.standing, level) {
            (Standing::Failed(_), Loop::High) => Sample::Bad(NoData::CurrentHigh),
            (Standing::Failed(_), _) => Sample::Bad(NoData::CurrentLow),
            (_, Loop::Over) => Sample::Suspect(quantity, Doubt::OverRange),
            (_, Loop::Under) => Sample::Suspect(quantity, Doubt::UnderRange),
            (Standing::Mending { .. }, _) => Sample::Suspect(quantity, Doubt::AfterFault),
            (Standing::Sound | Standing::Breaking { .. }, _) => within(sample, quantity),
        })
    }
}

/// Between 3.8 and 20.5 mA the loop measures, also where that is a little beyond the range.
fn within(sample: Sample, quantity: Quantity) -> Sample {
    match sample {
        Sample::Suspect(_, Doubt::OverRange | Doubt::UnderRange) => Sample::Good(quantity),
        sample @ (Sample::Good(_) | Sample::Suspect(..) | Sample::Bad(_)) => sample,
    }
}
