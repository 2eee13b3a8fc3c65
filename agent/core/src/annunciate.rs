//! The annunciator: which alarms sound and light which output. Its product is the panel image, a level per output.

use alloc::sync::Arc;
use alloc::vec::Vec;

use hazard_field::Polarity;

use crate::alarm::{Alarm, Priority};
use crate::id::{AlarmId, DeviceId, OutputId};
use crate::interlock::Interlocks;
use crate::site::{Site, SiteTables};

/// What makes an output active.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Role {
    /// Sounds on any unacknowledged alarm of at least this priority until silenced; sounds again on the next alarm.
    Horn(Priority),
    /// Lit while any alarm of at least this priority stands, is unacknowledged or latched.
    Beacon(Priority),
    /// Lit while the agent itself, a device or a point is impaired.
    Fault,
    /// Active while any of these alarms stands or is latched.
    Alarms(Vec<AlarmId>),
    /// Driven toward its safe state by trips and permits: see [`crate::interlock`].
    Interlock,
    /// Toggles with each completed turn of the engine, and only then.
    Heartbeat,
}

/// How an output is wired.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wiring {
    /// A coil of a relay module.
    Coil {
        /// The module.
        device: DeviceId,
        /// The coil, base 0.
        address: u16,
    },
    /// A line of the gateway's own; the daemon knows which.
    Gpio,
}

/// An output of the annunciator.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OutputSpec {
    /// Its name on the site.
    pub name: Arc<str>,
    /// What makes it active.
    pub role: Role,
    /// How it is wired.
    pub wiring: Wiring,
    /// How its relay is driven.
    pub polarity: Polarity,
}

impl OutputSpec {
    pub(crate) fn targets_exist(&self, site: &SiteTables) -> bool {
        let wired = match self.wiring {
            Wiring::Coil { device, .. } => device.index() < site.devices.len(),
            Wiring::Gpio => true,
        };
        let driven = match &self.role {
            Role::Alarms(alarms) => alarms.iter().all(|alarm| alarm.index() < site.alarms.len()),
            Role::Horn(_) | Role::Beacon(_) | Role::Fault | Role::Interlock | Role::Heartbeat => true,
        };
        wired && driven
    }
}

/// The panel image: whether each output's relay is energised, in table order.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Panel {
    /// One level per output of the site.
    pub energised: Vec<bool>,
}

impl Panel {
    /// The image for these alarms and interlocks. `impaired` lights the fault lamps and may sound the horns; `beat` is the level of the heartbeat
    /// outputs.
    #[must_use]
    pub(crate) fn image(
        site: &Site,
        (alarms, locks): (&[Alarm], &Interlocks),
        impaired: Impaired,
        beat: Beat,
    ) -> Self {
        let any = |min: Priority, test: fn(&Alarm) -> bool| {
            site.alarms.iter().zip(alarms).any(|(spec, alarm)| spec.priority >= min && test(alarm))
        };
        let energised = |(id, output): (OutputId, &OutputSpec)| match &output.role {
            Role::Horn(min) => {
                output.polarity.energised(impaired == Impaired::Heard || any(*min, Alarm::sounds))
            }
            Role::Beacon(min) => output.polarity.energised(any(*min, Alarm::is_active)),
            Role::Fault => output.polarity.energised(impaired != Impaired::No),
            Role::Alarms(watched) => {
                output.polarity.energised(watched.iter().any(|alarm| alarms[alarm.index()].is_active()))
            }
            Role::Interlock => output.polarity.energised(locks.is_active(&site.matrix, id)),
            Role::Heartbeat => beat == Beat::High,
        };
        Self { energised: (0..).map(OutputId).zip(&site.outputs).map(energised).collect() }
    }
}

/// Whether the agent, a device or a point is impaired.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Impaired {
    /// So much that every horn sounds, whatever its priority: nobody knows what stood.
    Heard,
    Yes,
    No,
}

/// The level of the heartbeat outputs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Beat {
    High,
    Low,
}
