//! Coils that must follow the panel image: neighbouring coils of one module travel together, are repeated so that the
//! module's own watchdog stays quiet, are tried again until the module has them, and are read back: an echo says that a request
//! arrived, not that a relay holds.

use alloc::vec::Vec;
use core::time::Duration;

use super::ask::Reached;
use super::delay::{Delay, Watch};
use crate::Mono;
use crate::annunciate::{OutputSpec, Panel, Role, Wiring};
use crate::id::{BusId, DeviceId, OutputId};
use crate::link::{Exception, LinkFault, ReadRequest, Table, WriteRequest};
use crate::site::Site;

pub(super) const REFRESH: Duration = Duration::from_secs(5);
pub(super) const RETRY_FIRST: Duration = Duration::from_millis(200);
const RETRY_MAX: Duration = Duration::from_secs(5);
/// The pauses between retries double so often at most.
const DOUBLINGS_MAX: u8 = 6;
/// Read back so many times with other levels than were written, an output is at fault.
const CONTRADICTIONS: u8 = 2;
/// A read-back that was refused is asked for again after this, ever more rarely: a module that was starting up lets itself be
/// read a moment later, and one that never does costs one short request a minute.
const REFUSED_FIRST: Duration = Duration::from_secs(5);
const REFUSED_MAX: Duration = Duration::from_secs(60);
/// After so many read-backs in a row without levels, for any other reason, nobody knows what the relays do.
const UNANSWERED: u8 = 3;

/// What reading a group back has shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Proof {
    /// Its levels are not read back: all are as they were read last, or the image has changed since.
    Rests,
    /// They were written and are to be read back.
    Wanted,
    /// The module did not let its coils be read: it is not asked before this time.
    Refused { until: Mono },
}

/// Neighbouring coils of one module.
#[derive(Clone, Debug)]
pub(super) struct CoilGroup {
    pub(super) device: DeviceId,
    unit: u8,
    start: u16,
    outputs: Vec<OutputId>,
    levels: Vec<bool>,
    due: Mono,
    retry: Duration,
    proof: Proof,
    /// The levels that were read back last, and when.
    proven: Vec<bool>,
    proven_at: Mono,
    /// Read-backs in a row that brought no levels.
    unproven: u8,
    /// The pause after the next one that is refused.
    refused_pause: Duration,
    /// Outputs whose level contradicts what was written, and how often in a row it did.
    contradicted: (Vec<OutputId>, u8),
    /// Which of its outputs change at each beat.
    beats: Vec<bool>,
    /// Since when the panel has asked for levels that are not written.
    changed_at: Option<Mono>,
    watch: Watch,
}

impl CoilGroup {
    /// The groups of one bus, with levels that are all unknown to the modules.
    pub(super) fn all(site: &Site, bus: BusId, now: Mono) -> Vec<Self> {
        let mut coils: Vec<(DeviceId, u16, OutputId)> = (0..)
            .map(OutputId)
            .zip(&site.outputs)
            .filter_map(|(id, output)| coil_of(output).map(|(device, address)| (device, address, id)))
            .filter(|(device, _, _)| site.devices[device.index()].bus == bus)
            .collect();
        coils.sort_unstable();
        let mut groups: Vec<Self> = Vec::new();
        for (device, address, output) in coils {
            let joins = groups.last().is_some_and(|group| {
                group.device == device
                    && usize::from(address) == usize::from(group.start) + group.outputs.len()
            });
            match groups.last_mut().filter(|_| joins) {
                Some(group) => {
                    group.outputs.push(output);
                    group.beats.push(beats(site, output));
                }
                None => groups.push(Self {
                    device,
                    unit: site.devices[device.index()].unit,
                    start: address,
                    outputs: alloc::vec![output],
                    beats: alloc::vec![beats(site, output)],
                    proof: Proof::Rests,
                    proven: Vec::new(),
                    proven_at: now,
                    unproven: 0,
                    refused_pause: REFUSED_FIRST,
                    contradicted: (Vec::new(), 0),
                    levels: Vec::new(),
                    due: now,
                    retry: RETRY_FIRST,
                    changed_at: None,
                    watch: Watch::new(None),
                }),
            }
        }
        groups
    }

    /// Measures itself against this bound.
    pub(super) const fn bind(&mut self, bound: Option<Duration>) {
        self.watch = Watch::new(bound);
    }

    pub(super) fn outputs(&self) -> &[OutputId] {
        &self.outputs
    }

    /// Takes the levels that the panel image asks for; a change is due at once.
    pub(super) fn follow(&mut self, panel: &Panel, now: Mono) {
        let levels: Vec<bool> = self.outputs.iter().map(|output| panel.energised[output.index()]).collect();
        if levels != self.levels {
            // What a module shows before its first image is nobody's delay.
            if !self.levels.is_empty() {
                self.changed_at = self.changed_at.or(Some(now));
            }
            self.levels = levels;
            self.due = now;
            self.retry = RETRY_FIRST;
        }
    }

    /// When it must be written; never before the first panel image.
    pub(super) fn due(&self) -> Option<Mono> {
        (!self.levels.is_empty()).then_some(self.due)
    }

    pub(super) fn request(&self) -> WriteRequest {
        WriteRequest { unit: self.unit, start: self.start, coils: self.levels.clone() }
    }

    /// The levels are on their way; returns since when the panel has asked for them.
    pub(super) const fn sent(&mut self) -> Option<Mono> {
        self.changed_at.take()
    }

    /// What was written is now in the module, unless the image changed meanwhile. Measures how long it took from `since`; the
    /// flag says whether that is beyond its bound.
    pub(super) fn written(
        &mut self,
        now: Mono,
        levels: &[bool],
        since: Option<Mono>,
    ) -> Option<(Delay, bool)> {
        self.retry = RETRY_FIRST;
        if levels == self.levels {
            self.due = now + REFRESH;
        }
        let is_wanted = match self.proof {
            Proof::Rests => !self.is_proven() || now.since(self.proven_at) >= REFRESH,
            Proof::Wanted => true,
            Proof::Refused { until } => now >= until,
        };
        if is_wanted {
            self.proof = Proof::Wanted;
        }
        let took = now.since(since?);
        Some((Delay::Followed(took), self.watch.exceeds(took)))
    }

    /// The read that shows whether the module has what was written, where one is wanted.
    pub(super) fn proof(&self) -> Option<ReadRequest> {
        let count = u16::try_from(self.levels.len()).unwrap_or(u16::MAX);
        let request = ReadRequest { unit: self.unit, table: Table::Coil, start: self.start, count };
        (self.proof == Proof::Wanted && count > 0).then_some(request)
    }

    /// What became of a proof: the levels, or why there are none.
    pub(super) fn proof_ended(&mut self, now: Mono, levels: Result<Vec<bool>, LinkFault>) {
        if levels.is_ok() {
            (self.unproven, self.refused_pause) = (0, REFUSED_FIRST);
        }
        match levels {
            // The image changed while they were read: they say nothing, and the write that is due must not wait for them.
            Ok(_) if self.due <= now => self.proof = Proof::Rests,
            Ok(levels) if levels.len() == self.levels.len() => self.proved(now, &levels),
            Ok(_) => self.proof = Proof::Rests,
            Err(LinkFault::Refused(
                Exception::IllegalFunction | Exception::IllegalAddress | Exception::IllegalValue,
            )) => {
                self.unproven = UNANSWERED;
                self.proof = Proof::Refused { until: now + self.refused_pause };
                self.refused_pause = (self.refused_pause * 2).min(REFUSED_MAX);
            }
            Err(LinkFault::Refused(_) | LinkFault::Silent | LinkFault::Garbled) => {
                self.unproven = self.unproven.saturating_add(1);
                self.proof = Proof::Rests;
            }
            Err(LinkFault::Gone) => self.proof = Proof::Rests,
        }
    }

    /// Whether each output is as it was driven, after its module was written or read back.
    pub(super) fn reached(&self, result: Result<(), LinkFault>) -> Vec<(OutputId, Reached)> {
        let (contradicting, times) = &self.contradicted;
        let contradicts = |output: &OutputId| *times >= CONTRADICTIONS && contradicting.contains(output);
        let reached = |output: &OutputId| {
            let reached = if result.is_err() || contradicts(output) {
                Reached::No
            } else if self.unproven >= UNANSWERED {
                Reached::Unverified
            } else {
                Reached::Yes
            };
            (*output, reached)
        };
        self.outputs.iter().map(reached).collect()
    }

    /// The levels as they were read back. An output that contradicts is written again, and is at fault when it does so again.
    fn proved(&mut self, now: Mono, levels: &[bool]) {
        self.proof = Proof::Rests;
        let pairs = self.levels.iter().zip(levels).zip(&self.beats).zip(&self.outputs);
        let differ = pairs.filter(|(((wanted, read), beats), _)| wanted != read && !**beats);
        let differ: Vec<OutputId> = differ.map(|(_, output)| *output).collect();
        (self.proven, self.proven_at) = (levels.to_vec(), now);
        if differ.is_empty() {
            self.contradicted = (differ, 0);
        } else {
            let before = self.contradicted.1;
            self.contradicted = (differ, before.saturating_add(1));
            self.due = now + (RETRY_FIRST * (1 << before.min(DOUBLINGS_MAX))).min(RETRY_MAX);
        }
    }

    /// Whether all levels but the beats were read back as they are.
    fn is_proven(&self) -> bool {
        let pairs = self.levels.iter().zip(&self.proven).zip(&self.beats);
        self.proven.len() == self.levels.len() && pairs.into_iter().all(|((a, b), beats)| a == b || *beats)
    }

    /// The module does not answer, which is a condition of its own, or answers again: what it takes afterwards is no delay,
    /// and one that comes back may let itself be read.
    pub(super) const fn lost(&mut self) {
        self.changed_at = None;
        self.refused_pause = REFUSED_FIRST;
        if let Proof::Refused { .. } = self.proof {
            self.proof = Proof::Rests;
        }
    }

    pub(super) const fn longest(&self) -> Option<Duration> {
        self.watch.longest()
    }

    /// The levels did not get there; nothing is measured yet.
    pub(super) fn failed(&mut self, now: Mono, since: Option<Mono>) -> Option<(Delay, bool)> {
        self.changed_at = since.or(self.changed_at);
        self.due = now + self.retry;
        self.retry = (self.retry * 2).min(RETRY_MAX);
        None
    }
}

fn beats(site: &Site, output: OutputId) -> bool {
    site.outputs[output.index()].role == Role::Heartbeat
}

fn coil_of(output: &OutputSpec) -> Option<(DeviceId, u16)> {
    match output.wiring {
        Wiring::Coil { device, address } => Some((device, address)),
        Wiring::Gpio => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A relay, and a heartbeat beside it.
    fn group() -> CoilGroup {
        CoilGroup {
            device: DeviceId(0),
            unit: 1,
            start: 0,
            outputs: alloc::vec![OutputId(0), OutputId(1)],
            levels: alloc::vec![true, false],
            due: Mono::ZERO,
            retry: RETRY_FIRST,
            proof: Proof::Rests,
            proven: Vec::new(),
            proven_at: Mono::ZERO,
            unproven: 0,
            refused_pause: REFUSED_FIRST,
            contradicted: (Vec::new(), 0),
            beats: alloc::vec![false, true],
            changed_at: None,
            watch: Watch::new(None),
        }
    }

    fn write(group: &mut CoilGroup, now: Mono, levels: [bool; 2]) {
        group.levels = levels.to_vec();
        group.written(now, &levels, None);
    }

    #[test]
    fn a_heartbeat_contradicts_nothing_and_is_no_reason_to_read_back() {
        let (mut group, mut now) = (group(), Mono::ZERO);
        for _ in 0..=CONTRADICTIONS {
            now = now + REFRESH;
            write(&mut group, now, [true, false]);
            assert!(group.proof().is_some(), "it is read back now and then");
            // It beat on while it was read.
            group.proof_ended(now, Ok(alloc::vec![true, true]));
            assert_eq!(group.due(), Some(now + REFRESH), "and is not written again for that");
        }
        let all = [(OutputId(0), Reached::Yes), (OutputId(1), Reached::Yes)];
        assert_eq!(group.reached(Ok(())), all);
        for beat in [false, true, false] {
            write(&mut group, now, [true, beat]);
            assert_eq!(group.proof(), None, "one read back for each beat would fill the line");
        }
        write(&mut group, now, [false, false]);
        assert!(group.proof().is_some(), "a relay that moved is read back at once");
    }
}
