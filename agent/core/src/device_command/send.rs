//! Commands in the engine: who may send one, what is told of it, and what a restart does to it.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use super::count::CommandCount;
use super::desk::Desk;
use super::event::{CommandChange, CommandEvent};
use super::spec::{Bounds, DeviceCommandSpec, Needs, Risk};
use crate::engine::Engine;
use crate::id::{BusId, DeviceCommandId};
use crate::link::Setting;
use crate::outbox::record::{Body, Refusal};
use crate::person;
use crate::poll::commands::{Ended, QUEUE_MAX};
use crate::{Mono, Stamp, Value};

/// A command that was accepted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sent {
    /// Which command.
    pub command: DeviceCommandId,
    /// Which of those that were accepted in its epoch, from 1.
    pub nth: u64,
    /// What is to be written.
    pub value: Value,
    /// Who.
    pub actor: String,
    /// Who approved it; empty where nobody had to.
    pub approver: String,
    /// Why.
    pub note: String,
}

/// A command that a restart caught.
pub type KeptCommand = Sent;

/// What is known of a command.
#[derive(Clone, PartialEq, Debug)]
pub struct CommandState {
    /// What it may write.
    pub bounds: Bounds,
    /// What it can do.
    pub risk: Risk,
    /// Who and what it takes.
    pub needs: Needs,
    /// After this time it is not sent any more.
    pub deadline: Duration,
    /// What became of it since the start.
    pub count: CommandCount,
    /// It is under way, as this one.
    pub pending: Option<u64>,
    /// What was told of it last, and when.
    pub told: Option<(Stamp, CommandEvent)>,
}

/// What somebody asks for.
pub(crate) struct Asked {
    pub(crate) value: Option<Value>,
    pub(crate) actor: String,
    pub(crate) approver: String,
    pub(crate) note: String,
}

impl Engine {
    /// Says whether a configuration is on trial. While one is, no command is accepted: what it wrote would stay in the device when
    /// the configuration goes.
    pub fn configuration_on_trial(&mut self, now: Mono, on_trial: bool) {
        self.reach(now);
        self.desk.on_trial = on_trial;
        self.touched();
        self.finish_turn();
    }

    pub(crate) fn send(&mut self, command: DeviceCommandId, asked: Asked) -> Result<(), Refusal> {
        let outcome = self.try_send(command, asked);
        if outcome.is_err()
            && let Some(count) = self.desk.counts.get_mut(command.index())
        {
            count.refused = count.refused.saturating_add(1);
        }
        outcome
    }

    fn try_send(&mut self, command: DeviceCommandId, asked: Asked) -> Result<(), Refusal> {
        let (now, site) = (self.now(), Arc::clone(&self.site));
        let spec = site.commands.get(command.index()).ok_or(Refusal::Unknown)?;
        check_people(spec, &asked)?;
        let value = spec.bounds.choose(asked.value)?;
        let device = &site.devices[spec.device.index()];
        let setting = spec.setting(value, device.unit)?;
        self.check_moment(command, spec)?;
        let Asked { actor, approver, note, .. } = asked;
        self.desk.accepted += 1;
        self.desk.accepted_at[command.index()] = Some(now);
        let sent = Sent { command, nth: self.desk.accepted, value, actor, approver, note };
        self.tell_command(sent.clone(), CommandChange::Accepted { deadline: spec.deadline });
        self.give(device.bus, (sent, setting), spec);
        Ok(())
    }

    /// Writes down what became of commands on a bus.
    pub(crate) fn note_commands(&mut self, bus: usize) {
        while let Some(Ended { sent, change }) = self.pollers[bus].take_ended_command() {
            self.tell_command(sent, change);
        }
    }

    /// The run ends: what is under way has no known outcome.
    pub(crate) fn abandon_commands(&mut self) {
        for bus in 0..self.pollers.len() {
            self.pollers[bus].abandon_commands();
            self.note_commands(bus);
        }
    }

    /// What a restart caught is not carried out late.
    pub(crate) fn lose_commands(&mut self, kept: &[KeptCommand]) {
        let commands = self.site.commands.len();
        for sent in kept.iter().filter(|sent| sent.command.index() < commands) {
            let before = &mut self.desk.counts[sent.command.index()].lost_before;
            *before = before.saturating_add(1);
            self.tell_command(sent.clone(), CommandChange::Lost);
        }
    }

    pub(crate) fn kept_commands(&self) -> Vec<KeptCommand> {
        self.pollers.iter().flat_map(|poller| poller.pending_commands().cloned()).collect()
    }

    pub(crate) fn command_states(&self) -> Vec<CommandState> {
        let Desk { told, counts, .. } = &self.desk;
        let state = |(spec, (told, count)): (&DeviceCommandSpec, (&Option<_>, &CommandCount))| {
            let DeviceCommandSpec { bounds, risk, needs, deadline, .. } = *spec;
            CommandState { bounds, risk, needs, deadline, count: *count, pending: None, told: told.clone() }
        };
        let mut states: Vec<_> = self.site.commands.iter().zip(told.iter().zip(counts)).map(state).collect();
        for sent in self.pollers.iter().flat_map(|poller| poller.pending_commands()) {
            states[sent.command.index()].pending = Some(sent.nth);
        }
        states
    }

    fn give(&mut self, bus: BusId, (sent, setting): (Sent, Setting), spec: &DeviceCommandSpec) {
        let now = self.now();
        let poller = &mut self.pollers[bus.index()];
        poller.push_command(now, (sent, setting), spec);
        if !poller.is_busy() {
            self.dispatch(bus.index());
        }
    }

    /// Whether the gateway and the device are as a command needs them.
    fn check_moment(&self, command: DeviceCommandId, spec: &DeviceCommandSpec) -> Result<(), Refusal> {
        if self.desk.on_trial {
            return Err(Refusal::OnTrial);
        }
        if self.health[spec.device.index()].is_offline() {
            return Err(Refusal::DeviceOffline);
        }
        let poller = &self.pollers[self.site.devices[spec.device.index()].bus.index()];
        if poller.pending_commands().any(|sent| sent.command == command) {
            return Err(Refusal::PendingAlready);
        }
        let ago = self.desk.accepted_at[command.index()].map(|at| self.now().since(at));
        if let Some(wait) = ago.and_then(|ago| spec.every.checked_sub(ago)).filter(|wait| !wait.is_zero()) {
            return Err(Refusal::TooSoon { wait });
        }
        let max = u16::try_from(QUEUE_MAX).unwrap_or(u16::MAX);
        if poller.takes_command() { Ok(()) } else { Err(Refusal::TooMany { max }) }
    }

    fn tell_command(&mut self, sent: Sent, change: CommandChange) {
        let Sent { command, nth, value, actor, approver, note } = sent;
        let event = CommandEvent { command, nth, change, value, actor, approver, note };
        let stamp = self.stamp();
        self.desk.counts[command.index()].note(change);
        self.desk.told[command.index()] = Some((stamp, event.clone()));
        self.outbox.offer(stamp, Body::Command(Box::new(event)));
        self.touched();
    }
}

/// Who asks has a name, says why, and is not alone where that is wanted.
fn check_people(spec: &DeviceCommandSpec, asked: &Asked) -> Result<(), Refusal> {
    if !person::is_named(&asked.actor) {
        return Err(Refusal::NoActor);
    }
    if spec.needs.reason && asked.note.trim().is_empty() {
        return Err(Refusal::NoReason);
    }
    if spec.needs.second_person { person::second(&asked.actor, &asked.approver) } else { Ok(()) }
}
