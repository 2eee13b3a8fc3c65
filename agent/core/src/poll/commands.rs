//! Named commands on one bus: one at a time, at a pace that polls can bear, behind what the panel writes. What stands there is
//! read, the command is written, and what it wrote is read back; each is tried a bounded number of times before a deadline.
//!
//! Only a write of which nothing can have come is repeated blindly. After a write that nobody confirmed, what stands there is
//! looked at first; where that cannot be looked at, the command ends unverified: a second zero is not the same as one.

use alloc::collections::VecDeque;
use core::time::Duration;

use super::ask::Ask;
use super::health::Health;
use super::poller::Poller;
use crate::device_command::{CommandChange, CommandFailure, DeviceCommandSpec, Sent};
use crate::id::DeviceId;
use crate::link::{Exception, LinkFault, ReadRequest, Setting, Words};
use crate::site::Site;
use crate::{Mono, Value};

/// Commands that wait for one bus at most.
pub(crate) const QUEUE_MAX: usize = 8;
/// Requests of commands on one bus keep this distance. Polls are promised their periods with it, and a device that acts a moment
/// after it has answered has that moment.
pub(super) const PACE: Duration = Duration::from_secs(1);
/// Looked at so often after a write, before it is written again.
const LOOKS: u8 = 2;

/// A command whose outcome is known.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Ended {
    pub(crate) sent: Sent,
    pub(crate) change: CommandChange,
}

/// What the command at the head of the queue does next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    /// Read what stands there.
    Before,
    Write,
    /// Read it back.
    Look,
}

#[derive(Clone, Debug)]
struct Pending {
    sent: Sent,
    setting: Setting,
    look: Option<ReadRequest>,
    deadline: Mono,
    step: Step,
    writes_left: u8,
    looks_left: u8,
    /// Something may have reached the device.
    touched: bool,
    before: Option<Value>,
    read_back: Option<Value>,
    fault: Option<LinkFault>,
}

/// The commands of one bus.
#[derive(Clone, Debug, Default)]
pub(super) struct Commands {
    queue: VecDeque<Pending>,
    /// None is asked before this.
    paced_until: Mono,
    ended: VecDeque<Ended>,
}

impl Commands {
    /// Takes a command and the write that says it; there must be [`Self::has_room`].
    pub(super) fn push(&mut self, now: Mono, (sent, setting): (Sent, Setting), spec: &DeviceCommandSpec) {
        let look = spec.look(setting.unit);
        self.queue.push_back(Pending {
            sent,
            setting,
            look,
            deadline: now + spec.deadline,
            step: if look.is_some() { Step::Before } else { Step::Write },
            writes_left: spec.retries.saturating_add(1),
            looks_left: LOOKS,
            touched: false,
            before: None,
            read_back: None,
            fault: None,
        });
    }

    pub(super) fn has_room(&self) -> bool {
        self.queue.len() < QUEUE_MAX
    }

    /// Those whose outcome is not known.
    pub(super) fn pending(&self) -> impl Iterator<Item = &Sent> {
        self.queue.iter().map(|pending| &pending.sent)
    }

    /// A command that has ended.
    pub(super) fn take_ended(&mut self) -> Option<Ended> {
        self.ended.pop_front()
    }

    /// Gives all of them up: the agent ends.
    pub(super) fn abandon(&mut self) {
        while let Some(pending) = self.queue.pop_front() {
            self.ended.push_back(Ended { sent: pending.sent, change: CommandChange::Lost });
        }
    }

    /// Ends those whose time is over or whose device does not answer. Not while one is in flight.
    pub(super) fn expire(&mut self, now: Mono, site: &Site, health: &[Health]) {
        let mut place = 0;
        while let Some(pending) = self.queue.get(place) {
            let device = site.commands[pending.sent.command.index()].device;
            let is_over = now >= pending.deadline;
            if !is_over && !health[device.index()].is_offline() {
                place += 1;
                continue;
            }
            let silent = CommandFailure::Link(pending.fault.unwrap_or(LinkFault::Silent));
            let why = if is_over { CommandFailure::Expired } else { silent };
            if let Some(pending) = self.queue.remove(place) {
                self.end(pending, why);
            }
        }
    }

    /// When the first of them wants the bus, or has waited too long.
    pub(super) fn poll_timeout(&self, site: &Site, health: &[Health]) -> Option<Mono> {
        let due = self.due(site, health)?;
        self.queue.iter().map(|pending| pending.deadline).chain([due]).min()
    }

    /// What the first of them asks for at `now`.
    pub(super) fn next(&self, now: Mono, site: &Site, health: &[Health]) -> Option<(DeviceId, Ask)> {
        if self.due(site, health)? > now {
            return None;
        }
        let pending = self.queue.front()?;
        let device = site.commands[pending.sent.command.index()].device;
        let ask = match (pending.step, pending.look) {
            (Step::Before | Step::Look, Some(look)) => Ask::Read(device, look),
            (Step::Write, _) | (Step::Before | Step::Look, None) => Ask::Set(device, pending.setting.clone()),
        };
        Some((device, ask))
    }

    /// It is on its way.
    pub(super) fn asked(&mut self, now: Mono) {
        self.paced_until = now + PACE;
    }

    /// What came of it: the words that were read, or of a write only that it was echoed.
    pub(super) fn settle(&mut self, outcome: Result<Option<Words>, LinkFault>, site: &Site) {
        let Some(mut pending) = self.queue.pop_front() else {
            return;
        };
        let spec = &site.commands[pending.sent.command.index()];
        let outcome = outcome.map(|words| words.and_then(|words| spec.shown(&words)));
        let end = match pending.step {
            Step::Before => pending.looked_before(outcome),
            Step::Write => pending.written(outcome.map(|_| ()), spec),
            Step::Look => pending.looked(outcome, spec),
        };
        match end {
            None => self.queue.push_front(pending),
            Some(End::Done) => {
                let change = CommandChange::Done { before: pending.before, read_back: pending.read_back };
                self.ended.push_back(Ended { sent: pending.sent, change });
            }
            Some(End::Broken(why)) => self.end(pending, why),
        }
    }

    fn end(&mut self, pending: Pending, why: CommandFailure) {
        let Pending { sent, touched, before, read_back, fault, .. } = pending;
        let change = if touched {
            CommandChange::Unverified { before, read_back, fault }
        } else {
            CommandChange::Failed { before, why }
        };
        self.ended.push_back(Ended { sent, change });
    }

    /// When the first of them wants the bus; never while its device may still answer something else.
    fn due(&self, site: &Site, health: &[Health]) -> Option<Mono> {
        let first = self.queue.front()?;
        let device = site.commands[first.sent.command.index()].device;
        Some(self.paced_until.max(health[device.index()].hold_until()))
    }
}

/// How a step ended the command.
enum End {
    Done,
    /// Unverified where anything was sent, else failed.
    Broken(CommandFailure),
}

impl Pending {
    /// What cannot be read before may well be written; the write finds out.
    fn looked_before(&mut self, outcome: Result<Option<Value>, LinkFault>) -> Option<End> {
        self.before = outcome.unwrap_or_default();
        self.step = Step::Write;
        None
    }

    fn written(&mut self, outcome: Result<(), LinkFault>, spec: &DeviceCommandSpec) -> Option<End> {
        self.writes_left = self.writes_left.saturating_sub(1);
        self.fault = outcome.err();
        match outcome {
            Ok(()) if spec.read_back.is_none() => return Some(End::Done),
            // The device has not done it yet, failed while it did, or nobody knows.
            Ok(())
            | Err(
                LinkFault::Silent
                | LinkFault::Garbled
                | LinkFault::Gone
                | LinkFault::Refused(
                    Exception::Acknowledge | Exception::DeviceFailure | Exception::GatewayTarget,
                ),
            ) => self.touched = true,
            // Nothing was written: again, as often as it may be.
            Err(fault @ LinkFault::Refused(Exception::Busy | Exception::GatewayPath)) => {
                return (self.writes_left == 0).then_some(End::Broken(CommandFailure::Link(fault)));
            }
            Err(fault @ LinkFault::Refused(_)) => return Some(End::Broken(CommandFailure::Link(fault))),
        }
        if spec.read_back.is_none() {
            return Some(End::Broken(CommandFailure::Link(self.fault.unwrap_or(LinkFault::Silent))));
        }
        (self.step, self.looks_left) = (Step::Look, LOOKS);
        None
    }

    fn looked(&mut self, outcome: Result<Option<Value>, LinkFault>, spec: &DeviceCommandSpec) -> Option<End> {
        self.looks_left = self.looks_left.saturating_sub(1);
        let broken = |fault| Some(End::Broken(CommandFailure::Link(fault)));
        match outcome {
            Ok(shown) => {
                (self.read_back, self.fault) = (shown, None);
                if shown.is_some_and(|shown| spec.is_there(self.sent.value, shown)) {
                    return Some(End::Done);
                }
                if self.looks_left == 0 && self.writes_left > 0 {
                    self.step = Step::Write;
                    return None;
                }
                if self.looks_left == 0 { broken(LinkFault::Garbled) } else { None }
            }
            Err(fault) => {
                self.fault = Some(fault);
                let never = matches!(
                    fault,
                    LinkFault::Refused(
                        Exception::IllegalFunction | Exception::IllegalAddress | Exception::IllegalValue
                    )
                );
                // Without an answer nobody knows whether it must be written again.
                if never || self.looks_left == 0 { broken(fault) } else { None }
            }
        }
    }
}

impl Poller {
    /// Whether another command may wait for this bus.
    pub(crate) fn takes_command(&self) -> bool {
        self.commands.has_room()
    }

    /// Lets a command wait for its turn.
    pub(crate) fn push_command(&mut self, now: Mono, sent: (Sent, Setting), spec: &DeviceCommandSpec) {
        self.commands.push(now, sent, spec);
    }

    /// Commands whose outcome is not known.
    pub(crate) fn pending_commands(&self) -> impl Iterator<Item = &Sent> {
        self.commands.pending()
    }

    /// A command whose outcome is known.
    pub(crate) fn take_ended_command(&mut self) -> Option<Ended> {
        self.commands.take_ended()
    }

    /// Gives commands up that nobody will hear of any more.
    pub(crate) fn abandon_commands(&mut self) {
        self.commands.abandon();
    }
}
