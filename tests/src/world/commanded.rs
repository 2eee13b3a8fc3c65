//! The plant's named commands: who sends them, and what the laws say of them. A register is written only because a person asked
//! for it, no more often than the command may be, never after its time or its outcome, and never by a run that did not take it.

use std::sync::Arc;
use std::time::Duration;

use hazard_core::device_command::{Bounds, CommandChange, DeviceCommandSpec, Needs, ReadBack, Risk, Target};
use hazard_core::id::{DeviceCommandId, DeviceId};
use hazard_core::input::{Action, Command};
use hazard_core::link::{Setting, Table, Words};
use hazard_core::point::{Order, Shape};
use hazard_core::retentive::Retained;
use hazard_core::{Mono, Site, Snapshot, Value};

use super::World;
use super::line::Lines;
use crate::rng::Rng;

/// Beyond all points.
const ADDRESS: u16 = 900;
/// A set-point on the serial line, and on TCP one that nobody can read back.
const DEVICES: [u16; 2] = [0, 6];

pub(super) fn specs() -> Vec<DeviceCommandSpec> {
    let command = |device: u16| {
        let start = ADDRESS + device;
        let order = Order::default();
        let read_back = ReadBack { table: Table::Holding, start, tolerance: Value::ZERO };
        DeviceCommandSpec {
            name: format!("C{device}").into(),
            device: DeviceId(device),
            target: Target {
                start,
                shape: Shape::U16,
                coils: 1,
                order,
                scale: 1.0,
                offset: 0.0,
                always_many: false,
            },
            bounds: Bounds::Given { min: Value::ZERO, max: Value::from_i32(999), step: None },
            read_back: (device == DEVICES[0]).then_some(read_back),
            risk: Risk::Protection,
            needs: Needs { reason: true, second_person: true },
            retries: 2,
            deadline: Duration::from_secs(20),
            every: Duration::from_secs(10),
        }
    };
    DEVICES.into_iter().map(command).collect()
}

/// One that was accepted and has no outcome.
#[derive(Clone, Copy, Debug)]
struct Open {
    value: Value,
    accepted_at: Mono,
    writes: u8,
}

/// What the oracle knows of commands.
#[derive(Debug)]
pub(super) struct Commanded {
    site: Arc<Site>,
    /// Its own, so that the other streams stay as they were.
    rng: Rng,
    open: Vec<Option<Open>>,
    /// Done, unverified, failed, lost.
    pub(super) outcomes: [u64; 4],
}

impl World {
    /// The shift sends a command now and then.
    pub(super) fn command(&mut self) {
        if !self.faults.people || self.healing || !self.commanded.rng.chance(120) {
            return;
        }
        let command = DeviceCommandId(u16::try_from(self.commanded.rng.between(0, 1)).unwrap());
        let value = Value::from_i32(i32::try_from(self.commanded.rng.between(0, 999)).unwrap());
        let action = Action::Send { command, value: Some(value), approver: "安全员".into() };
        let said = Command { actor: "当班班长".into(), action, note: "整定".into() };
        let answer = self.engine.command(self.now, said);
        if answer.changed == 1 {
            let broken = self.commanded.accepted(command, Open { value, accepted_at: self.now, writes: 0 });
            self.outcome.broken.extend(broken);
        }
    }
}

impl Commanded {
    pub(super) fn new(site: &Arc<Site>, seed: u64) -> Self {
        let open = vec![None; site.commands.len()];
        Self { site: Arc::clone(site), rng: Rng::new(seed.rotate_left(8) ^ 0x0c0d), open, outcomes: [0; 4] }
    }

    fn accepted(&mut self, command: DeviceCommandId, open: Open) -> Option<String> {
        let before = self.open[command.index()].replace(open);
        before.map(|before| format!("law 11: a command was taken while one was under way: {before:?}"))
    }

    /// A request to write a register left the engine.
    pub(super) fn written(&mut self, now: Mono, request: &Setting) -> Option<String> {
        let unit = |spec: &DeviceCommandSpec| self.site.devices[spec.device.index()].unit;
        let of = |spec: &DeviceCommandSpec| (unit(spec), spec.target.start) == (request.unit, request.start);
        let Some(index) = self.site.commands.iter().position(of) else {
            return Some(format!("nobody may write {request:?}"));
        };
        let spec = &self.site.commands[index];
        let Some(open) = &mut self.open[index] else {
            return Some(format!("nobody asked for {request:?}"));
        };
        open.writes += 1;
        let said = Words::Registers(vec![open.value.get() as u16]);
        let in_time = now < open.accepted_at + spec.deadline;
        let lawful = request.words == said && in_time && open.writes <= spec.retries + 1;
        (!lawful).then(|| format!("{request:?} at {now:?} is not {open:?}"))
    }

    /// A restart: what was under way is lost, and that is kept to be told.
    pub(super) fn restarted(&mut self, kept: &Retained) -> Option<String> {
        let open = self.open.iter().filter(|open| open.is_some()).count();
        (open != kept.commands.len())
            .then(|| format!("{open} commands were under way, kept are {:?}", kept.commands))
    }

    /// Each that was open is under way, or its outcome is told, and what was verified is there.
    pub(super) fn look(&mut self, snapshot: &Snapshot, lines: &Lines) -> Option<String> {
        for (index, state) in snapshot.commands.iter().enumerate() {
            let Some(open) = self.open[index].filter(|_| state.pending.is_none()) else { continue };
            let Some((_, event)) = state.told.as_ref().filter(|(_, event)| event.value == open.value) else {
                return Some(format!("law 8: nothing was told of {open:?}"));
            };
            let spec = &self.site.commands[index];
            let unit = self.site.devices[spec.device.index()].unit;
            let there = Value::from_i32(lines.holds(unit, spec.target.start).into());
            let outcome = match event.change {
                CommandChange::Accepted { .. } => return Some(format!("law 8: {open:?} has no outcome")),
                CommandChange::Done { read_back, .. } => {
                    let is_there = read_back.is_none() || (read_back == Some(there) && there == open.value);
                    if read_back.is_some() != spec.read_back.is_some() || !is_there || open.writes == 0 {
                        return Some(format!("law 3: {event:?}, and the device has {there:?}"));
                    }
                    0
                }
                CommandChange::Unverified { .. } if open.writes > 0 => 1,
                CommandChange::Unverified { .. } => return Some(format!("{event:?} was never written")),
                CommandChange::Failed { .. } => 2,
                CommandChange::Lost => 3,
            };
            self.outcomes[outcome] += 1;
            self.open[index] = None;
        }
        None
    }

    /// Everything has an outcome.
    pub(super) fn converged(&self, snapshot: &Snapshot) -> Option<String> {
        let pending = snapshot.commands.iter().any(|state| state.pending.is_some());
        (pending || self.open.iter().any(Option::is_some))
            .then(|| format!("healed, and still {:?}", self.open))
    }
}
