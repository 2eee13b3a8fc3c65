//! 报警延迟: how long a change at a safety point may have gone unseen, and how long coils took to follow the panel, measured
//! at run time against the bound that [`super::predict`] gives. It decides nothing about polling.
//!
//! A read and a coil write are measured each for itself. Together they stay within what the plan says of a point unless a
//! request of each fails, and the plan holds for one failed request. The bound has room for that request's time-out already,
//! so that no margin is added to it.

use alloc::vec::Vec;
use core::time::Duration;

use super::{Poller, predict};
use crate::Mono;
use crate::alarm::AlarmSpec;
use crate::annunciate::Role;
use crate::id::{AlarmId, BusId, OutputId, PointId};
use crate::site::Site;

/// A bus whose delay was beyond its bound counts as delayed for so long, so that the condition does not flicker.
const HOLD: Duration = Duration::from_secs(60);

/// One measured delay.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Delay {
    /// A safety block was read: a change just after the read before it stayed unseen for so long.
    Learnt(Duration),
    /// Coils were written: the panel had asked for their levels for so long.
    Followed(Duration),
}

/// What a safety point's slowest alarm may take, and what it would have taken at worst so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DelayState {
    /// The point.
    pub point: PointId,
    /// From the change at the device to the last output, on-delay included, as `hazard plan` says; `None` where no bound
    /// exists.
    pub predicted: Option<Duration>,
    /// The longest measured for its block, the longest for the coils that announce it, and the on-delay; `None` until its
    /// block was read twice.
    pub longest: Option<Duration>,
}

/// The measurements of one block or coil group.
#[derive(Clone, Copy, Debug)]
pub(super) struct Watch {
    bound: Option<Duration>,
    longest: Option<Duration>,
}

impl Watch {
    pub(super) const fn new(bound: Option<Duration>) -> Self {
        Self { bound, longest: None }
    }

    /// Notes a delay; true when it is longer than any plan has it.
    pub(super) fn exceeds(&mut self, took: Duration) -> bool {
        self.longest = self.longest.max(Some(took));
        self.bound.is_some_and(|bound| took > bound)
    }

    pub(super) const fn longest(&self) -> Option<Duration> {
        self.longest
    }
}

/// Whether a bus on which a delay was exceeded at `at` still counts as delayed.
pub(crate) fn is_held(at: Option<Mono>, now: Mono) -> bool {
    at.is_some_and(|at| now.since(at) < HOLD)
}

/// Which block and which coils make up the delay of each safety point with an alarm on its value.
#[derive(Clone, Debug)]
pub(crate) struct Delays(Vec<Path>);

#[derive(Clone, Debug)]
struct Path {
    point: PointId,
    predicted: Option<Duration>,
    on_delay: Duration,
    read: (BusId, usize),
    /// Index into each bus's coil groups.
    coils: Vec<(BusId, usize)>,
}

impl Delays {
    pub(crate) fn new(site: &Site) -> Self {
        let prediction = predict(site);
        let mut block_of = alloc::vec![0; site.points.len()];
        for bus in &prediction.buses {
            for (index, read) in bus.reads.iter().enumerate() {
                for point in &read.block.points {
                    block_of[point.index()] = index;
                }
            }
        }
        let paths = prediction.points.iter().map(|delay| {
            let alarm = &site.alarms[delay.alarm.index()];
            let groups = prediction.buses.iter().flat_map(|bus| {
                bus.writes.iter().enumerate().map(|(index, write)| ((bus.bus, index), &write.outputs))
            });
            let announcing = groups
                .filter(|(_, outputs)| outputs.iter().any(|id| announces(site, *id, (delay.alarm, alarm))));
            Path {
                point: delay.point,
                predicted: delay.parts.map(|parts| parts.total()),
                on_delay: alarm.threshold.on_delay,
                read: (delay.bus, block_of[delay.point.index()]),
                coils: announcing.map(|(group, _)| group).collect(),
            }
        });
        Self(paths.collect())
    }

    /// What was measured so far, in the site's order of points.
    pub(crate) fn states(&self, pollers: &[Poller]) -> Vec<DelayState> {
        let state = |path: &Path| {
            let learnt = pollers[path.read.0.index()].longest_read(path.read.1);
            let coils =
                path.coils.iter().filter_map(|(bus, group)| pollers[bus.index()].longest_write(*group));
            let coils = coils.max().unwrap_or_default();
            let longest = learnt.map(|learnt| learnt.saturating_add(path.on_delay).saturating_add(coils));
            DelayState { point: path.point, predicted: path.predicted, longest }
        };
        self.0.iter().map(state).collect()
    }
}

/// Whether the output tells people of this alarm.
pub(super) fn announces(site: &Site, output: OutputId, (id, alarm): (AlarmId, &AlarmSpec)) -> bool {
    match &site.outputs[output.index()].role {
        Role::Horn(least) | Role::Beacon(least) => alarm.priority >= *least,
        Role::Alarms(alarms) => alarms.contains(&id),
        Role::Interlock => site.matrix.drives_for(output, id),
        Role::Fault | Role::Heartbeat => false,
    }
}
