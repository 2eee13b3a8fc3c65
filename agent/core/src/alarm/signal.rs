//! What a sample of a point means for one of its alarms: a value to compare, believed or not, or nothing.

use core::time::Duration;

use super::spec::{AlarmSpec, Signal};
use crate::reading::{Doubt, NoData, Sample};
use crate::{Mono, Phase, Side, Threshold, Value};

/// The samples that an alarm looks at besides its own point's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen<'a> {
    /// The point's sample.
    pub(crate) sample: &'a Sample,
    /// The sample of the point that [`Signal::Deviation`] compares with.
    pub(crate) reference: Option<&'a Sample>,
    /// Whether the output of [`Signal::Discrepancy`] is commanded to be active.
    pub(crate) commanded: Option<bool>,
}

/// What an alarm remembers of the samples before.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Memory(Option<(Mono, Value)>);

/// A value to compare and how far it may be believed.
enum Measured {
    /// It raises and ends.
    Believed(Value),
    /// It raises and never ends.
    Doubted(Value),
    /// It does neither, and a return that was under way is void.
    Nothing,
    /// It says nothing yet.
    Unripe,
}

impl Memory {
    /// The phase after a sample.
    pub(super) fn step(&mut self, now: Mono, phase: Phase, (seen, spec): (Seen<'_>, &AlarmSpec)) -> Phase {
        let at = match spec.signal {
            Signal::Lost | Signal::Frozen | Signal::OverRange | Signal::Discrepancy { .. } => {
                switch(&spec.threshold)
            }
            Signal::Value | Signal::Rate { .. } | Signal::Deviation { .. } => spec.threshold,
            Signal::Unproven { .. } => return phase,
        };
        if spec.fails_to_alarm && is_failed(seen.sample) && matches!(spec.signal, Signal::Value) {
            return phase.step_up(now, at.setpoint, &at);
        }
        match self.measure(now, seen, spec.signal) {
            Measured::Believed(value) => phase.step(now, value, &at),
            Measured::Doubted(value) => phase.step_up(now, value, &at),
            Measured::Nothing => phase.hold(now),
            Measured::Unripe => phase.on_timeout(now),
        }
    }

    fn measure(&mut self, now: Mono, seen: Seen<'_>, signal: Signal) -> Measured {
        let value = seen.sample.number();
        let measured = match signal {
            Signal::Value => value,
            Signal::Lost => {
                return Measured::Believed(Value::from_flag(matches!(seen.sample, Sample::Bad(_))));
            }
            Signal::Rate { over } => match self.rate(now, value, over) {
                None if value.is_some() => return Measured::Unripe,
                rate => rate,
            },
            Signal::Deviation { .. } => distance(value, seen.reference.and_then(Sample::number)),
            Signal::Discrepancy { .. } => value
                .zip(seen.commanded)
                .map(|(feedback, commanded)| Value::from_flag((feedback >= Value::HALF) != commanded)),
            Signal::Frozen => self.frozen(now, value),
            // Decided before: no sample counts.
            Signal::Unproven { .. } => return Measured::Nothing,
            Signal::OverRange => {
                return match seen.sample {
                    Sample::Suspect(_, Doubt::OverRange) => Measured::Believed(Value::ONE),
                    Sample::Good(_) => Measured::Believed(Value::ZERO),
                    Sample::Suspect(..) | Sample::Bad(_) => Measured::Nothing,
                };
            }
        };
        let believed = seen.sample.is_good() && seen.reference.is_none_or(Sample::is_good);
        match measured {
            Some(value) if believed => Measured::Believed(value),
            Some(value) => Measured::Doubted(value),
            None => Measured::Nothing,
        }
    }

    /// The change per minute since the last anchor, up or down, once `over` has passed.
    fn rate(&mut self, now: Mono, value: Option<Value>, over: Duration) -> Option<Value> {
        let (Some(value), Some((since, before))) = (value, self.0) else {
            self.0 = value.map(|value| (now, value));
            return None;
        };
        let passed = now.since(since);
        if passed < over || passed.is_zero() {
            return None;
        }
        self.0 = Some((now, value));
        Value::try_new((value.get() - before.get()).abs() / passed.as_secs_f64() * 60.0)
    }

    fn frozen(&mut self, now: Mono, value: Option<Value>) -> Option<Value> {
        let value = value?;
        let before = self.0.replace((now, value));
        Some(Value::from_flag(before.is_some_and(|(_, before)| before == value)))
    }
}

/// Whether there was a reading and there is none any more, or there never was one in time.
const fn is_failed(sample: &Sample) -> bool {
    match sample {
        Sample::Bad(NoData::NeverRead) | Sample::Good(_) | Sample::Suspect(..) => false,
        Sample::Bad(_) => true,
    }
}

fn distance(value: Option<Value>, reference: Option<Value>) -> Option<Value> {
    value.zip(reference).and_then(|(value, from)| Value::try_new((value.get() - from.get()).abs()))
}

/// A switch with the delays of `at`.
const fn switch(at: &Threshold) -> Threshold {
    Threshold { on_delay: at.on_delay, off_delay: at.off_delay, ..Threshold::switch(Side::High) }
}
