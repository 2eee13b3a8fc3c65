//! Coils that must follow the panel image: neighbouring coils of one module travel together, are repeated so that the
//! module's own watchdog stays quiet, and are tried again until the module has them.

use alloc::vec::Vec;
use core::time::Duration;

use super::delay::{Delay, Watch};
use crate::Mono;
use crate::annunciate::{OutputSpec, Panel, Wiring};
use crate::id::{BusId, DeviceId, OutputId};
use crate::link::WriteRequest;
use crate::site::Site;

pub(super) const REFRESH: Duration = Duration::from_secs(5);
pub(super) const RETRY_FIRST: Duration = Duration::from_millis(200);
const RETRY_MAX: Duration = Duration::from_secs(5);

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
                Some(group) => group.outputs.push(output),
                None => groups.push(Self {
                    device,
                    unit: site.devices[device.index()].unit,
                    start: address,
                    outputs: alloc::vec![output],
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
        let took = now.since(since?);
        Some((Delay::Followed(took), self.watch.exceeds(took)))
    }

    /// The module does not answer, which is a condition of its own: what it takes afterwards is no delay.
    pub(super) const fn lost(&mut self) {
        self.changed_at = None;
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

fn coil_of(output: &OutputSpec) -> Option<(DeviceId, u16)> {
    match output.wiring {
        Wiring::Coil { device, address } => Some((device, address)),
        Wiring::Gpio => None,
    }
}
