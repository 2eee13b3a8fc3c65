//! One bus: writes first, then the earliest poll with safety points ahead, and probes of dead devices out of a bounded
//! share of time. One request is in flight; its ticket is the only thing that can end it.

use alloc::vec::Vec;
use core::time::Duration;

use super::ask::{Ask, Settled};
use super::commands::Commands;
use super::delay::Delay;
use super::flight::{Flight, Purpose};
use super::health::{Health, Turn};
use super::plan::Block;
use super::predict::Bounds;
use super::slot::Slot;
use super::split::Splits;
use super::tally::PollCount;
use super::writes::CoilGroup;
use crate::Mono;
use crate::annunciate::Panel;
use crate::id::{BusId, DeviceId, Ticket};
use crate::link::{Exception, LinkFault, ReadRequest};
use crate::site::{DeviceSpec, Site};

/// An adapter that has not answered so long after the device's own limits is taken for dead.
const ADAPTER_GRACE: Duration = Duration::from_secs(15);
/// A probe waits so long for a moment in which it delays nobody.
const SLACK_WAIT: Duration = Duration::from_secs(2);

enum Choice {
    Poll(usize),
    Write(usize),
    Prove(usize, ReadRequest),
    Command(DeviceId, Ask),
}

/// When its device was to be probed, whether it is no safety block, and its index.
type ProbeRank = (Option<Mono>, bool, usize);

/// The poller of one bus.
#[derive(Clone, Debug)]
pub struct Poller {
    pub(super) slots: Vec<Slot>,
    /// When each slot is due: looked through at each reply, and slots are large.
    dues: Vec<Mono>,
    /// Its devices that are offline.
    offline: usize,
    /// No device is held back after this.
    held_until: Mono,
    pub(super) groups: Vec<CoilGroup>,
    pub(super) commands: Commands,
    pub(super) flight: Option<Flight>,
    probe_after: Mono,
    splits: Splits,
    late: bool,
    /// Answers that no request waited for.
    pub strays: u64,
    /// When a living device's poll was last skipped.
    pub overrun_at: Option<Mono>,
    /// When a delay was last beyond what the plan says.
    pub exceeded_at: Option<Mono>,
}

impl Poller {
    /// The poller of `bus` with its planned blocks.
    #[must_use]
    pub fn new(site: &Site, bus: BusId, blocks: Vec<Block>, now: Mono) -> Self {
        let bounds = Bounds::new(site, bus, &blocks);
        let mut groups = CoilGroup::all(site, bus, now);
        for (group, bound) in groups.iter_mut().zip(bounds.writes) {
            group.bind(bound);
        }
        let slots = blocks.into_iter().zip(bounds.reads);
        let slots: Vec<_> = slots.map(|(block, bound)| Slot::new(block, now, bound, site)).collect();
        Self {
            dues: slots.iter().map(Slot::due).collect(),
            slots,
            offline: 0,
            held_until: Mono::ZERO,
            groups,
            commands: Commands::default(),
            flight: None,
            probe_after: Mono::ZERO,
            splits: Splits::default(),
            late: site.buses[bus.index()].kind.is_anonymous(),
            strays: 0,
            overrun_at: None,
            exceeded_at: None,
        }
    }

    /// The block at `index`, as returned in [`Settled`].
    #[must_use]
    pub fn block(&self, index: usize) -> Option<&Block> {
        self.slots.get(index).map(|slot| &slot.block)
    }

    /// Whether a request is in flight.
    #[must_use]
    pub const fn is_busy(&self) -> bool {
        self.flight.is_some()
    }

    /// Whether a device's joined reads were taken apart.
    #[must_use]
    pub fn reads_apart(&self, device: DeviceId) -> bool {
        self.splits.has(device)
    }

    /// What became of the polls of each block up to `now`, with its device.
    pub fn counts(&self, now: Mono) -> impl Iterator<Item = (DeviceId, PollCount)> {
        self.slots.iter().map(move |slot| (slot.block.device, slot.count(now)))
    }

    /// Takes the levels of the panel image for this bus's coils.
    pub fn follow(&mut self, panel: &Panel, now: Mono) {
        for group in &mut self.groups {
            group.follow(panel, now);
        }
    }

    /// The request to send at `now`, if the bus is free and something is due.
    pub fn next(&mut self, now: Mono, ticket: Ticket, site: &Site, health: &[Health]) -> Option<Ask> {
        if self.flight.is_some() {
            return None;
        }
        if self.splits.take_apart(&mut self.slots, now, site) {
            self.dues = self.slots.iter().map(Slot::due).collect();
        }
        self.commands.expire(now, site, health);
        let (device, purpose, ask) = match self.choose(now, site, health)? {
            Choice::Write(index) => {
                let group = &mut self.groups[index];
                let request = group.request();
                let purpose = Purpose::Write(index, request.coils.clone(), group.sent());
                (group.device, purpose, Ask::Write(group.device, request))
            }
            Choice::Prove(index, request) => {
                let device = self.groups[index].device;
                (device, Purpose::Prove(index, Vec::new()), Ask::Read(device, request))
            }
            Choice::Command(device, ask) => {
                self.commands.asked(now);
                let purpose = match &ask {
                    Ask::Read(_, look) => Purpose::Look(look.count.into(), look.table.is_bits(), None),
                    Ask::Write(..) | Ask::Set(..) => Purpose::Set,
                };
                (device, purpose, ask)
            }
            Choice::Poll(index) => {
                let slot = &mut self.slots[index];
                let device = slot.block.device;
                let missed = slot.release(now);
                self.dues[index] = slot.due();
                if missed > 0 && !health[device.index()].is_offline() {
                    self.overrun_at = Some(now);
                }
                (device, Purpose::Read(index), Ask::Read(device, slot.block.request))
            }
        };
        let spec = &site.devices[device.index()];
        let expires = now + spec.timeout + spec.late_window + ADAPTER_GRACE;
        self.flight = Some(Flight { ticket, device, purpose, sent: now, expires });
        Some(ask)
    }

    /// Ends the request with this ticket; `None` for a ticket that is not in flight.
    pub fn settle(
        &mut self,
        now: Mono,
        answer: (Ticket, Result<(), LinkFault>),
        site: &Site,
        health: &mut [Health],
    ) -> Option<Settled> {
        let (ticket, result) = answer;
        let Some(flight) = self.flight.take_if(|flight| flight.ticket == ticket) else {
            self.strays += 1;
            return None;
        };
        let device = &mut health[flight.device.index()];
        let spec = &site.devices[flight.device.index()];
        let turn = judge(device, now, result, (spec, self.late));
        let doubtful = result.is_ok() && device.take_doubt();
        let cost = now.since(flight.sent);
        self.held_until = self.held_until.max(device.hold_until());
        self.charge(now, cost, site, flight.device, health);
        self.turned(now, flight.device, turn);
        let device = flight.device;
        let (block, outputs, delay) = match flight.purpose {
            Purpose::Read(index) => {
                let delay = self.settle_read(now, (index, flight.sent), result);
                self.splits.note(&self.slots[index].block, result, site);
                self.dues[index] = self.slots[index].due();
                (Some(index), Vec::new(), delay)
            }
            Purpose::Write(index, levels, since) => {
                let group = &mut self.groups[index];
                // A module that went or came back is measured from its next image.
                let since = since.filter(|_| !health[device.index()].is_offline() && turn == Turn::Same);
                let delay = match result {
                    Ok(()) => group.written(now, &levels, since),
                    Err(_) => group.failed(now, since),
                };
                (None, group.reached(result), delay)
            }
            Purpose::Prove(index, levels) => {
                let group = &mut self.groups[index];
                group.proof_ended(now, result.map(|()| levels));
                // The module took the levels; what a read-back that failed says is that they are not verified.
                (None, group.reached(Ok(())), None)
            }
            Purpose::Look(_, _, words) => {
                self.commands.settle(result.map(|()| words), site);
                (None, Vec::new(), None)
            }
            Purpose::Set => {
                self.commands.settle(result.map(|()| None), site);
                (None, Vec::new(), None)
            }
        };
        if delay.is_some_and(|(_, exceeds)| exceeds) {
            self.exceeded_at = Some(now);
        }
        let delay = delay.map(|(delay, _)| delay);
        Some(Settled { device, turn, block, doubtful, outputs, delay })
    }

    /// The longest delay measured for the block at `index`.
    #[must_use]
    pub(super) fn longest_read(&self, index: usize) -> Option<Duration> {
        let slots = self.slots.iter().enumerate().filter(|(place, slot)| slot.is_of((*place, index)));
        slots.filter_map(|(_, slot)| slot.longest()).max()
    }

    /// The same for a coil group.
    #[must_use]
    pub(super) fn longest_write(&self, index: usize) -> Option<Duration> {
        self.groups.get(index)?.longest()
    }

    /// A device that went or came back is measured from its next answer, and all that it has is read at once when it came back.
    fn turned(&mut self, now: Mono, device: DeviceId, turn: Turn) {
        match turn {
            Turn::Same => return,
            Turn::WentOffline(_) => self.offline += 1,
            Turn::CameBack => self.offline = self.offline.saturating_sub(1),
        }
        let slots = self.slots.iter_mut().zip(&mut self.dues);
        for (slot, due) in slots.filter(|(slot, _)| slot.block.device == device) {
            slot.lost();
            if turn == Turn::CameBack {
                slot.begin(now);
                *due = slot.due();
            }
        }
        self.groups.iter_mut().filter(|group| group.device == device).for_each(CoilGroup::lost);
    }

    /// The ticket of a request that no adapter answered in time.
    #[must_use]
    pub fn expired(&self, now: Mono) -> Option<Ticket> {
        self.flight.as_ref().filter(|flight| now >= flight.expires).map(|flight| flight.ticket)
    }

    /// When there may be something to send, or a request to give up.
    #[must_use]
    pub fn poll_timeout(&self, now: Mono, site: &Site, health: &[Health]) -> Option<Mono> {
        if let Some(flight) = &self.flight {
            return Some(flight.expires);
        }
        let writes = self.groups.iter().filter_map(|group| self.write_time(group, health));
        let proofs = self.groups.iter().filter_map(|group| proof_time(group, health).map(|(at, _)| at));
        let writes = writes.chain(proofs).chain(self.commands.poll_timeout(site, health));
        if self.is_calm(now) {
            return self.dues.iter().copied().chain(writes).min();
        }
        let shared = self.has_living(health);
        let polls = self.slots.iter().map(|slot| {
            let device = &health[slot.block.device.index()];
            match self.probe_time(device, shared) {
                None => slot.due().max(device.hold_until()),
                Some(at) if now < at => at,
                Some(at) => at + SLACK_WAIT,
            }
        });
        polls.chain(writes).min()
    }

    fn settle_read(
        &mut self,
        now: Mono,
        (index, sent): (usize, Mono),
        result: Result<(), LinkFault>,
    ) -> Option<(Delay, bool)> {
        let slot = &mut self.slots[index];
        slot.ended(result);
        match result {
            Ok(()) => return slot.succeeded(now, sent),
            Err(LinkFault::Refused(
                Exception::IllegalFunction | Exception::IllegalAddress | Exception::IllegalValue,
            )) => slot.refused(now),
            Err(LinkFault::Refused(_)) => {
                slot.failed(now);
                slot.lost();
            }
            Err(LinkFault::Silent | LinkFault::Garbled | LinkFault::Gone) => slot.failed(now),
        }
        None
    }

    /// A probe that failed is paid for: the next one waits until its share of time has passed.
    fn charge(&mut self, now: Mono, cost: Duration, site: &Site, device: DeviceId, health: &[Health]) {
        if !health[device.index()].is_offline() {
            return;
        }
        let bus = &site.buses[site.devices[device.index()].bus.index()];
        let share = u32::from(bus.probe_share_permille.clamp(1, 1000));
        self.probe_after = now + cost * (1000 - share) / share;
    }

    /// Whether all of its devices live and none is held back: then only the grid says what is next.
    fn is_calm(&self, now: Mono) -> bool {
        self.offline == 0 && now >= self.held_until
    }

    /// The poll to send at `now` on a calm bus.
    fn due_poll(&self, now: Mono, health: &[Health]) -> Option<usize> {
        let due = self.dues.iter().enumerate().filter(|(_, due)| **due <= now);
        let rank = |(index, due): (usize, &Mono)| {
            let block = &self.slots[index].block;
            (!block.safety, (*due).max(health[block.device.index()].hold_until()), index)
        };
        due.map(rank).min().map(|(_, _, index)| index)
    }

    fn choose(&self, now: Mono, site: &Site, health: &[Health]) -> Option<Choice> {
        let is_dead = |index: &usize| health[self.groups[*index].device.index()].is_offline();
        let writes = (0..self.groups.len())
            .filter(|index| self.write_time(&self.groups[*index], health).is_some_and(|due| due <= now));
        let (dead, living): (Vec<usize>, Vec<usize>) = writes.partition(is_dead);
        if let Some(index) = living.first() {
            return Some(Choice::Write(*index));
        }
        if let Some(proof) = self.proof(now, health) {
            return Some(proof);
        }
        if let Some((device, ask)) = self.commands.next(now, site, health) {
            return Some(Choice::Command(device, ask));
        }
        if self.is_calm(now) {
            return self.due_poll(now, health).map(Choice::Poll);
        }
        let (poll, next_due) = self.earliest_poll(now, health);
        let probe_at = |device: DeviceId| health[device.index()].probe_at();
        let dead_write = dead.into_iter().map(|index| (probe_at(self.groups[index].device), index)).min();
        let (probe, waits_since) = self.earliest_probe(now, health);
        match (dead_write, probe) {
            // A dead module's relays come before the probes of other devices, but only in its turn.
            (Some((at, index)), probe) if probe.is_none_or(|(other, _, _)| at <= other) => {
                Some(Choice::Write(index))
            }
            // A probe that has waited long enough goes first: it is paid for, and it may find a safety point alive.
            (dead_write, Some((_, _, index)))
                if dead_write.is_some()
                    || waits_since.is_some_and(|at| now >= at + SLACK_WAIT)
                    || next_due.is_none_or(|due| due >= now + self.timeout(index, site)) =>
            {
                Some(Choice::Poll(index))
            }
            (None | Some(_), _) => poll.map(Choice::Poll),
        }
    }

    /// The poll of a living device to send at `now`, and when any of them is due.
    fn earliest_poll(&self, now: Mono, health: &[Health]) -> (Option<usize>, Option<Mono>) {
        let mut best: Option<(bool, Mono, usize)> = None;
        let mut next_due = None;
        for (index, slot) in self.slots.iter().enumerate() {
            let device = &health[slot.block.device.index()];
            if device.is_offline() {
                continue;
            }
            let due = slot.due().max(device.hold_until());
            next_due = Some(next_due.map_or(due, |known: Mono| known.min(due)));
            if due <= now {
                let rank = (!slot.block.safety, due, index);
                best = Some(best.map_or(rank, |known| known.min(rank)));
            }
        }
        (best.map(|(_, _, index)| index), next_due)
    }

    /// The probe to send at `now`, and since when any of them might have been sent.
    fn earliest_probe(&self, now: Mono, health: &[Health]) -> (Option<ProbeRank>, Option<Mono>) {
        let shared = self.has_living(health);
        let probes = self.slots.iter().enumerate().filter_map(|(index, slot)| {
            let device = &health[slot.block.device.index()];
            let since = self.probe_time(device, shared).filter(|at| *at <= now)?;
            // Dead devices all wait for the same share of time: the one that waits longest goes first, or it never would.
            Some((since, (device.probe_at(), !slot.block.safety, index)))
        });
        let first = probes.clone().map(|(_, rank)| rank).min();
        (first, probes.map(|(since, _)| since).min())
    }

    /// The group to read back at `now`.
    fn proof(&self, now: Mono, health: &[Health]) -> Option<Choice> {
        let due = |(index, group)| match proof_time(group, health) {
            Some((at, request)) if at <= now => Some(Choice::Prove(index, request)),
            Some(_) | None => None,
        };
        self.groups.iter().enumerate().find_map(due)
    }

    fn timeout(&self, index: usize, site: &Site) -> Duration {
        site.devices[self.slots[index].block.device.index()].timeout
    }

    fn has_living(&self, health: &[Health]) -> bool {
        self.slots.iter().any(|slot| !health[slot.block.device.index()].is_offline())
    }

    /// When an offline device may be probed; the share of time counts only where somebody else needs the bus.
    fn probe_time(&self, device: &Health, shared: bool) -> Option<Mono> {
        let at = device.probe_at()?.max(device.hold_until());
        Some(if shared { at.max(self.probe_after) } else { at })
    }

    fn write_time(&self, group: &CoilGroup, health: &[Health]) -> Option<Mono> {
        let device = &health[group.device.index()];
        let due = group.due()?.max(device.hold_until());
        let probe = self.probe_time(device, self.has_living(health));
        Some(probe.map_or(due, |probe| due.max(probe)))
    }
}

/// When a group may be read back, where that is wanted; a dead module is not asked.
fn proof_time(group: &CoilGroup, health: &[Health]) -> Option<(Mono, ReadRequest)> {
    let device = &health[group.device.index()];
    let request = group.proof().filter(|_| !device.is_offline())?;
    Some((device.hold_until(), request))
}

/// What an outcome says of the device; on a late line its answer may still come.
fn judge(
    device: &mut Health,
    now: Mono,
    result: Result<(), LinkFault>,
    (spec, is_late): (&DeviceSpec, bool),
) -> Turn {
    match result {
        Ok(()) => device.answered(),
        Err(LinkFault::Refused(exception)) if !is_unreachable(exception) => device.answered(),
        Err(fault) => {
            let dirty = is_late && matches!(fault, LinkFault::Silent | LinkFault::Garbled);
            let late = if dirty { spec.late_window } else { Duration::ZERO };
            device.failed(now, fault, spec, late)
        }
    }
}

const fn is_unreachable(exception: Exception) -> bool {
    matches!(exception, Exception::GatewayPath | Exception::GatewayTarget)
}
