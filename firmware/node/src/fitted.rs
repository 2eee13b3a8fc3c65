//! A fitted channel: its sampler, its limits, its alarm, and the work that may inhibit it.

use core::time::Duration;

use hazard_field::{Mono, Status, Value};

use crate::alarm::{ChannelAlarm, Limits, Raised};
use crate::channel::{Calibration, Measurement, Sampler};
use crate::hal::AnalogReading;
use crate::settings::ChannelSettings;

/// The longest inhibition or calibration: every bypass ends by itself.
pub(crate) const WORK_MAX: Duration = Duration::from_secs(3600);

/// A zero is taken in the lower part of the range.
const ZERO_BELOW: f64 = 0.25;
/// A span is taken well above: what is off at the zero must not be stretched over the whole range.
const SPAN_FROM: f64 = 0.2;

/// Whether somebody works on a channel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Work {
    /// Nobody: alarms are evaluated.
    None,
    /// Alarms are inhibited.
    Inhibit { ends_at: Mono },
    /// Calibration, with alarms inhibited.
    Calibration { ends_at: Mono },
}

/// A step of a calibration.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Calibrate {
    /// The signal belongs to the reference: moves the line.
    Zero,
    /// The signal belongs to the reference: turns the line about its zero.
    Span,
    /// The nominal signal.
    Factory,
}

impl Calibrate {
    pub(crate) const fn from_code(code: u16) -> Option<Self> {
        match code {
            1 => Some(Self::Zero),
            2 => Some(Self::Span),
            3 => Some(Self::Factory),
            _ => None,
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Fitted {
    pub(crate) settings: ChannelSettings,
    pub(crate) limits: Limits,
    pub(crate) work: Work,
    pub(crate) alarm: ChannelAlarm,
    pub(crate) measured: Measurement,
    pub(crate) reading: AnalogReading,
    /// What is applied while calibrating.
    pub(crate) reference: f32,
    sampler: Sampler,
}

impl Fitted {
    pub(crate) fn try_new(settings: ChannelSettings) -> Option<Self> {
        Some(Self {
            limits: settings.check()?,
            work: Work::None,
            alarm: ChannelAlarm::default(),
            measured: Measurement::None,
            reading: AnalogReading::Fault,
            reference: 0.0,
            sampler: Sampler::new(settings.warm_up),
            settings,
        })
    }

    pub(crate) fn step(&mut self, now: Mono, reading: AnalogReading) -> Raised {
        self.reading = reading;
        self.measured = self.sampler.sample(now, reading, &self.settings);
        self.work = self.work.on_timeout(now);
        match self.work {
            Work::None => self.alarm.step(now, self.measured, &self.limits, self.settings.latch),
            Work::Inhibit { .. } | Work::Calibration { .. } => {
                self.alarm.suspend();
                Raised(false)
            }
        }
    }

    pub(crate) const fn acknowledge(&mut self) {
        self.alarm.acknowledge(self.settings.latch);
    }

    pub(crate) const fn reset(&mut self) {
        self.alarm.reset();
        self.sampler.release();
    }

    pub(crate) fn status(&self) -> Status {
        self.measured.status()
            | self.work.status()
            | Status::ALARM_L1.when(self.alarm.level_1.state().is_active())
            | Status::ALARM_L2.when(self.alarm.level_2.state().is_active())
            | Status::UNACKED.when(self.alarm.is_unacked())
    }

    pub(crate) fn is_steady(&self, now: Mono) -> bool {
        self.sampler.steady_counts(now, &self.settings).is_some()
    }

    /// The calibration that a step would make, if the channel is being calibrated, its signal steady and the outcome plausible.
    pub(crate) fn calibrated(&self, now: Mono, step: Calibrate, reference: f32) -> Option<Calibration> {
        let Work::Calibration { .. } = self.work else { return None };
        let (settings, old) = (&self.settings, &self.settings.calibration);
        let nominal = settings.signal.nominal();
        if step == Calibrate::Factory {
            return old.with_counts(nominal);
        }
        let reference = Value::try_new(f64::from(reference)).filter(|reference| old.covers(*reference))?;
        let (of_range, (low, high)) = (old.share_of(reference), old.counts());
        let counts = f64::from(self.sampler.steady_counts(now, settings)?);
        let (of_span, gain) = (settings.curve.signal_at(of_range), f64::from(high) - f64::from(low));
        let ends = match step {
            Calibrate::Zero if of_range <= ZERO_BELOW => {
                let zero = counts - of_span * gain;
                (zero, zero + gain)
            }
            Calibrate::Span if of_range >= SPAN_FROM => {
                let zero = f64::from(low);
                (zero, zero + (counts - zero) / of_span)
            }
            Calibrate::Zero | Calibrate::Span | Calibrate::Factory => return None,
        };
        let made = old.with_counts((rounded(ends.0), rounded(ends.1)))?;
        made.is_plausible(nominal).then_some(made)
    }

    /// Takes what [`Self::calibrated`] made; refused when the limits do not go with it.
    pub(crate) fn take_calibration(&mut self, made: Calibration) -> Option<()> {
        let settings = ChannelSettings { calibration: made, ..self.settings };
        self.limits = settings.check()?;
        self.settings = settings;
        Some(())
    }
}

// core has no `round`; the cast saturates.
fn rounded(counts: f64) -> i32 {
    (counts + if counts < 0.0 { -0.5 } else { 0.5 }) as i32
}

impl Work {
    fn on_timeout(self, now: Mono) -> Self {
        match self {
            Self::Inhibit { ends_at } | Self::Calibration { ends_at } if now >= ends_at => Self::None,
            Self::None | Self::Inhibit { .. } | Self::Calibration { .. } => self,
        }
    }

    pub(crate) const fn status(self) -> Status {
        match self {
            Self::None => Status::NONE,
            Self::Inhibit { .. } => Status::INHIBIT,
            Self::Calibration { .. } => Status::CALIBRATION,
        }
    }
}
