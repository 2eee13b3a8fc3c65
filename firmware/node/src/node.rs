//! The node: one step of the measuring loop, from readings to relays. It alarms the same with or without a gateway.

use core::time::Duration;

use hazard_field::map::Kind;
use hazard_field::{Mono, Status, Unit};

use crate::alarm::RawLimits;
use crate::channel::{Calibration, Filter};
use crate::fitted::Fitted;
use crate::hal::AnalogReading;

/// How a fitted channel measures and alarms.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct ChannelSettings {
    /// How its levels lie.
    pub kind: Kind,
    /// The unit of its value, set-points and deadband.
    pub unit: Unit,
    /// From raw counts to values.
    pub calibration: Calibration,
    /// Smoothing.
    pub filter: Filter,
    /// How long its value means nothing after the start.
    pub warm_up: Duration,
    /// Set-points and delays at the start; a master may write others.
    pub limits: RawLimits,
}

/// A node's settings.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct NodeSettings<const CHANNELS: usize> {
    /// Serial number.
    pub serial: u32,
    /// After how much silence the gateway counts as lost; 0 for never.
    pub gateway_timeout_s: u16,
    /// The channels; `None` is not fitted.
    pub channels: [Option<ChannelSettings>; CHANNELS],
}

/// Settings that a node cannot start with: the limits of this channel, counted from 0, do not fit its kind or range.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Refused {
    /// The channel.
    pub channel: usize,
}

/// A button on the node.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Button {
    /// Acknowledges all alarms, which also silences the horn.
    Acknowledge,
    /// Resets acknowledged alarms without cause.
    Reset,
    /// Silences the horn until the next alarm.
    Silence,
}

/// What the lamp shows; an alarm hides a fault.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Led {
    /// Green.
    Normal,
    /// Yellow: a fault, work on a channel, warm-up, or no gateway.
    Fault,
    /// Red, slow.
    Level1,
    /// Red, fast.
    Level2,
}

/// Which relays are active; what that means for the coil is [`hazard_field::Polarity`]'s affair.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Relays {
    /// Level 1 of any channel.
    pub level_1: bool,
    /// Level 2 of any channel.
    pub level_2: bool,
    /// A fault of any channel.
    pub fault: bool,
}

/// What the board must drive after a step.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Outputs {
    /// The relays.
    pub relays: Relays,
    /// The horn sounds.
    pub horn: bool,
    /// The lamp.
    pub led: Led,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Horn {
    Ready,
    Silenced,
}

/// A node with up to [`hazard_field::map::CHANNELS`] channels; more do not compile.
#[derive(Clone, Debug)]
pub struct Node<const CHANNELS: usize> {
    pub(crate) serial: u32,
    pub(crate) gateway_timeout_s: u16,
    pub(crate) channels: [Option<Fitted>; CHANNELS],
    pub(crate) heartbeat: u16,
    pub(crate) now: Mono,
    started: Option<Mono>,
    heard_at: Mono,
    horn: Horn,
}

impl<const CHANNELS: usize> Node<CHANNELS> {
    /// A node that has not measured: its values are NaN until the first step.
    pub fn try_new(settings: NodeSettings<CHANNELS>) -> Result<Self, Refused> {
        const { assert!(CHANNELS <= hazard_field::map::CHANNELS as usize, "the map has no room") };
        let mut channels = [const { None }; CHANNELS];
        for (channel, (slot, fitted)) in channels.iter_mut().zip(settings.channels).enumerate() {
            if let Some(fitted) = fitted {
                *slot = Some(Fitted::try_new(fitted).ok_or(Refused { channel })?);
            }
        }
        Ok(Self {
            serial: settings.serial,
            gateway_timeout_s: settings.gateway_timeout_s,
            channels,
            heartbeat: 0,
            now: Mono::ZERO,
            started: None,
            heard_at: Mono::ZERO,
            horn: Horn::Ready,
        })
    }

    /// One measuring pass. A clock that steps back stands still here until it has caught up.
    pub fn step(&mut self, now: Mono, readings: [AnalogReading; CHANNELS]) -> Outputs {
        self.now = self.now.max(now);
        if self.started.is_none() {
            self.started = Some(self.now);
            self.heard_at = self.now;
        }
        for (channel, reading) in self.channels.iter_mut().zip(readings) {
            let Some(fitted) = channel else { continue };
            if fitted.step(self.now, reading).0 {
                self.horn = Horn::Ready;
            }
        }
        self.heartbeat = self.heartbeat.wrapping_add(1);
        self.outputs()
    }

    /// Acts on a button of the node or a command of a master.
    pub fn press(&mut self, button: Button) {
        let fitted = self.channels.iter_mut().flatten();
        match button {
            Button::Acknowledge => fitted.for_each(|channel| channel.alarm.acknowledge()),
            Button::Reset => fitted.for_each(|channel| channel.alarm.reset()),
            Button::Silence => self.horn = Horn::Silenced,
        }
    }

    /// What the board must drive.
    #[must_use]
    pub fn outputs(&self) -> Outputs {
        let status = self.status();
        Outputs {
            relays: Relays {
                level_1: status.has_any(Status::ALARM_L1),
                level_2: status.has_any(Status::ALARM_L2),
                fault: status.is_fault(),
            },
            horn: self.is_horn_on(),
            led: led(status),
        }
    }

    /// All channels' bits and the node's own.
    #[must_use]
    pub fn status(&self) -> Status {
        let silenced = self.horn == Horn::Silenced && self.has_unacked();
        self.channels.iter().flatten().fold(Status::NONE, |all, channel| all | channel.status())
            | Status::HORN_SILENCED.when(silenced)
            | Status::GATEWAY_LOST.when(self.is_gateway_lost())
    }

    /// Seconds since the first step; saturates.
    #[must_use]
    pub fn uptime_s(&self) -> u32 {
        let uptime = self.now.since(self.started.unwrap_or(self.now));
        u32::try_from(uptime.as_secs()).unwrap_or(u32::MAX)
    }

    pub(crate) fn is_horn_on(&self) -> bool {
        self.horn == Horn::Ready && self.has_unacked()
    }

    pub(crate) const fn note_heard(&mut self) {
        self.heard_at = self.now;
    }

    fn is_gateway_lost(&self) -> bool {
        let timeout = Duration::from_secs(u64::from(self.gateway_timeout_s));
        !timeout.is_zero() && self.now.since(self.heard_at) > timeout
    }

    fn has_unacked(&self) -> bool {
        self.channels.iter().flatten().any(|channel| channel.alarm.is_unacked())
    }
}

fn led(status: Status) -> Led {
    use hazard_field::Category;
    if status.has_any(Status::ALARM_L2) {
        Led::Level2
    } else if status.has_any(Status::ALARM_L1) {
        Led::Level1
    } else if status.category() != Category::Normal || status.has_any(Status::GATEWAY_LOST) {
        Led::Fault
    } else {
        Led::Normal
    }
}
