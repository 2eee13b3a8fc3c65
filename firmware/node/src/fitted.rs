//! A fitted channel: its sampler, its limits, its alarm, and the work that may inhibit it.

use core::time::Duration;

use hazard_field::{Mono, Status};

use crate::alarm::{ChannelAlarm, Limits, Raised};
use crate::channel::{Measurement, Sampler};
use crate::hal::AnalogReading;
use crate::node::ChannelSettings;

/// The longest inhibition or calibration: every bypass ends by itself.
pub(crate) const WORK_MAX: Duration = Duration::from_secs(3600);

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

#[derive(Clone, Debug)]
pub(crate) struct Fitted {
    pub(crate) settings: ChannelSettings,
    pub(crate) limits: Limits,
    pub(crate) work: Work,
    pub(crate) alarm: ChannelAlarm,
    pub(crate) measured: Measurement,
    pub(crate) reading: AnalogReading,
    sampler: Sampler,
}

impl Fitted {
    pub(crate) fn try_new(settings: ChannelSettings) -> Option<Self> {
        let limits = Limits::try_new(settings.kind, &settings.calibration, settings.limits)?;
        Some(Self {
            limits,
            work: Work::None,
            alarm: ChannelAlarm::default(),
            measured: Measurement::None,
            reading: AnalogReading::Fault,
            sampler: Sampler::new(settings.calibration, settings.filter, settings.warm_up),
            settings,
        })
    }

    pub(crate) fn step(&mut self, now: Mono, reading: AnalogReading) -> Raised {
        self.reading = reading;
        self.measured = self.sampler.sample(now, reading);
        self.work = self.work.on_timeout(now);
        match self.work {
            Work::None => self.alarm.step(now, self.measured, &self.limits),
            Work::Inhibit { .. } | Work::Calibration { .. } => {
                self.alarm.suspend();
                Raised(false)
            }
        }
    }

    pub(crate) fn status(&self) -> Status {
        self.measured.status()
            | self.work.status()
            | Status::ALARM_L1.when(self.alarm.level_1.state().is_active())
            | Status::ALARM_L2.when(self.alarm.level_2.state().is_active())
            | Status::UNACKED.when(self.alarm.is_unacked())
    }
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
