//! The node: one step of the measuring loop, from readings to relays. It alarms the same with or without a gateway.

use core::time::Duration;

use hazard_field::{Mono, Status};

use crate::facts::Facts;
use crate::fitted::Fitted;
use crate::hal::AnalogReading;
use crate::lock::Lock;
use crate::log::{About, Event, Log, What, Who};
use crate::selftest::Tested;
use crate::settings::{Line, NodeSettings, OnGatewayLoss};

/// Settings that a node cannot start with: the settings of this channel, counted from 0, do not go together.
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
    /// A fault of any channel or of the node.
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
    pub(crate) on_gateway_loss: OnGatewayLoss,
    pub(crate) line: Line,
    pub(crate) channels: [Option<Fitted>; CHANNELS],
    pub(crate) heartbeat: u16,
    pub(crate) now: Mono,
    pub(crate) lock: Lock,
    pub(crate) log: Log,
    pub(crate) log_from: u32,
    pub(crate) facts: Facts,
    pub(crate) has_unsaved: bool,
    shown: [Status; CHANNELS],
    shown_node: Status,
    started: Option<Mono>,
    heard_at: Mono,
    horn: Horn,
}

/// Bits that belong to the node and not to a channel.
const OF_NODE: Status =
    Status::GATEWAY_LOST.and(Status::HORN_SILENCED).and(Status::FAILURE).and(Status::MAINTENANCE_REQUIRED);

impl<const CHANNELS: usize> Node<CHANNELS> {
    /// A node that has not measured: its values are NaN until the first step.
    pub fn try_new(settings: NodeSettings<CHANNELS>) -> Result<Self, Refused> {
        let mut node = Self::unfitted();
        node.fit(&settings)?;
        Ok(node)
    }

    /// A node without channels: whoever has a small stack makes it where it stays and fits it there.
    pub(crate) fn unfitted() -> Self {
        const { assert!(CHANNELS <= hazard_field::map::CHANNELS as usize, "the map has no room") };
        Self {
            serial: 0,
            gateway_timeout_s: 0,
            on_gateway_loss: OnGatewayLoss::Show,
            line: Line::FACTORY,
            channels: [const { None }; CHANNELS],
            heartbeat: 0,
            now: Mono::ZERO,
            lock: Lock::default(),
            log: Log::new(1),
            log_from: 0,
            facts: Facts::default(),
            has_unsaved: false,
            shown: [Status::NONE; CHANNELS],
            shown_node: Status::NONE,
            started: None,
            heard_at: Mono::ZERO,
            horn: Horn::Ready,
        }
    }

    /// Gives it its settings, before anything else.
    pub(crate) fn fit(&mut self, settings: &NodeSettings<CHANNELS>) -> Result<(), Refused> {
        for (channel, (slot, fitted)) in self.channels.iter_mut().zip(settings.channels).enumerate() {
            if let Some(fitted) = fitted {
                *slot = Some(Fitted::try_new(fitted).ok_or(Refused { channel })?);
            }
        }
        self.serial = settings.serial;
        self.gateway_timeout_s = settings.gateway_timeout_s;
        self.on_gateway_loss = settings.on_gateway_loss;
        self.line = settings.line;
        Ok(())
    }

    /// Tells the node that it started, how and how often: its events get numbers that no earlier start used.
    pub fn begin(&mut self, facts: Facts) {
        self.log = Log::new((facts.starts & 0xFFFF) << 16 | 1);
        let cause = u8::try_from(facts.reset_cause.code()).unwrap_or(0);
        self.note(What::Started, About::NODE.detail(cause).value(facts.starts as f32));
        self.facts = facts;
    }

    /// Tells the node what the loop around it learnt.
    pub fn tell(&mut self, facts: Facts) {
        let (before, after) = (self.facts.tests, facts.tests);
        for tested in Tested::ALL {
            let what = match (before.has_failed(tested), after.has_failed(tested)) {
                (false, true) => What::SelfTestFailed,
                (true, false) => What::SelfTestPassed,
                (true, true) | (false, false) => continue,
            };
            self.note(what, About::NODE.detail(tested.bit()));
        }
        self.facts = facts;
    }

    /// What it was told.
    #[must_use]
    pub const fn facts(&self) -> &Facts {
        &self.facts
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
        if self.lock.closes(self.now) {
            self.note(What::Locked, About::NODE);
        }
        self.heartbeat = self.heartbeat.wrapping_add(1);
        self.log_changes();
        self.outputs()
    }

    /// Somebody pressed a button at the node.
    pub fn press(&mut self, button: Button) {
        self.act(button, Who::Button);
    }

    pub(crate) fn act(&mut self, button: Button, who: Who) {
        let fitted = self.channels.iter_mut().flatten();
        let what = match button {
            Button::Acknowledge => {
                fitted.for_each(Fitted::acknowledge);
                What::Acknowledged
            }
            Button::Reset => {
                fitted.for_each(Fitted::reset);
                What::Reset
            }
            Button::Silence => {
                self.horn = Horn::Silenced;
                What::Silenced
            }
        };
        self.note(what, About::NODE.detail(who.code()));
    }

    /// What the board must drive.
    #[must_use]
    pub fn outputs(&self) -> Outputs {
        let status = self.status();
        let lost = if self.is_gateway_lost() { self.on_gateway_loss } else { OnGatewayLoss::Show };
        let (level_2, level_1) = (lost == OnGatewayLoss::Level2, lost == OnGatewayLoss::Level1);
        Outputs {
            relays: Relays {
                level_1: status.has_any(Status::ALARM_L1) || level_1 || level_2,
                level_2: status.has_any(Status::ALARM_L2) || level_2,
                fault: status.is_fault() || lost == OnGatewayLoss::Fault,
            },
            horn: self.is_horn_on(),
            led: led(status),
        }
    }

    /// All channels' bits and the node's own.
    #[must_use]
    pub fn status(&self) -> Status {
        let silenced = self.horn == Horn::Silenced && self.has_unacked();
        self.channels.iter().flatten().fold(self.facts.status(), |all, channel| all | channel.status())
            | Status::HORN_SILENCED.when(silenced)
            | Status::GATEWAY_LOST.when(self.is_gateway_lost())
    }

    /// Seconds since the first step; saturates.
    #[must_use]
    pub fn uptime_s(&self) -> u32 {
        let uptime = self.now.since(self.started.unwrap_or(self.now));
        u32::try_from(uptime.as_secs()).unwrap_or(u32::MAX)
    }

    /// How many conversions a channel, counted from 0, wants in a measuring pass; 0 when it is not fitted.
    #[must_use]
    pub fn oversampling(&self, channel: usize) -> u16 {
        self.channels.get(channel).and_then(Option::as_ref).map_or(0, |fitted| fitted.settings.oversampling)
    }

    /// The event with this number, if it is kept.
    #[must_use]
    pub fn event(&self, number: u32) -> Option<Event> {
        self.log.get(number)
    }

    /// The number of the next event.
    #[must_use]
    pub const fn next_event(&self) -> u32 {
        self.log.next()
    }

    /// Whether settings changed since the last call.
    pub(crate) const fn take_unsaved(&mut self) -> bool {
        core::mem::replace(&mut self.has_unsaved, false)
    }

    pub(crate) fn is_horn_on(&self) -> bool {
        self.horn == Horn::Ready && self.has_unacked()
    }

    pub(crate) const fn note_heard(&mut self) {
        self.heard_at = self.now;
    }

    pub(crate) fn note(&mut self, what: What, about: About) {
        let at_s = self.uptime_s();
        self.log.push(at_s, what, about);
    }

    fn is_gateway_lost(&self) -> bool {
        let timeout = Duration::from_secs(u64::from(self.gateway_timeout_s));
        !timeout.is_zero() && self.now.since(self.heard_at) > timeout
    }

    fn has_unacked(&self) -> bool {
        self.channels.iter().flatten().any(|channel| channel.alarm.is_unacked())
    }

    /// Each status bit that came or went is an event, with the channel's value.
    fn log_changes(&mut self) {
        for channel in 0..CHANNELS {
            let fitted = self.channels.get(channel).and_then(Option::as_ref);
            let Some((status, value)) = fitted.map(|fitted| (fitted.status(), fitted.measured.value()))
            else {
                continue;
            };
            let Some(shown) = self.shown.get_mut(channel) else { continue };
            let before = core::mem::replace(shown, status);
            let value = value.map_or(f32::NAN, |value| value.get() as f32);
            self.log_bits(before, status, About::channel(channel).value(value));
        }
        let status = Status::from_bits(self.status().bits() & OF_NODE.bits());
        let before = core::mem::replace(&mut self.shown_node, status);
        self.log_bits(before, status, About::NODE);
    }

    fn log_bits(&mut self, before: Status, after: Status, about: About) {
        for bit in 0..16_u8 {
            let mask = Status::from_bits(1 << bit);
            match (before.has_any(mask), after.has_any(mask)) {
                (false, true) => self.note(What::Set, about.detail(bit)),
                (true, false) => self.note(What::Cleared, about.detail(bit)),
                (true, true) | (false, false) => {}
            }
        }
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
