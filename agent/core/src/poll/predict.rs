//! What polling will cost, before anything is asked: the line time of every request, whether a bus can keep its periods,
//! and how long an alarm may take in the worst case. It computes from the site alone and never looks at a clock.
//!
//! The bound of a delay follows from how [`super::Poller`] chooses: one request in flight and never interrupted, due coil
//! writes first, then named commands at their pace, then safety reads in the order in which they became due. From the moment a
//! read is due, each other safety read therefore goes ahead of it at most once, whatever the periods are, so the bound also
//! holds on an overloaded bus.

mod cost;
#[cfg(test)]
mod tests;

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::time::Duration;

use cost::{command_cost, line_time, read_cost, silence};

use super::commands::PACE;
use super::delay::announces;
use super::plan::{Block, plan};
use super::slot::RETRY_AFTER;
use super::writes::{CoilGroup, REFRESH, RETRY_FIRST};
use crate::Mono;
use crate::alarm::{AlarmSpec, Signal};
use crate::annunciate::Role;
use crate::device_command::DeviceCommandSpec;
use crate::engine::TICK;
use crate::id::{AlarmId, BusId, DeviceId, OutputId, PointId};
use crate::site::{DeviceSpec, Site};

/// The share of a line that may be planned, in millionths; the rest is for what no plan knows.
pub const LOAD_MAX_PPM: u64 = 950_000;

/// How long the adapter hears a dirty line out, or connects again.
const RECOVERY: Duration = Duration::from_millis(30);
/// A wait beyond this is as good as none that ends.
const WAIT_MAX: Duration = Duration::from_secs(3_600);
/// Steps towards the longest wait; each adds at least one write.
const STEPS_MAX: usize = 1_000;

/// What a site's polling will cost.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Prediction {
    /// The buses, in the site's order.
    pub buses: Vec<BusPrediction>,
    /// Each safety point with an alarm on its value, in the site's order.
    pub points: Vec<DelayPrediction>,
}

/// A bus.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BusPrediction {
    /// The bus.
    pub bus: BusId,
    /// Its reads as planned; the index is that of the block in [`plan`].
    pub reads: Vec<PlannedRead>,
    /// Its coil writes, in the order in which they go first.
    pub writes: Vec<PlannedWrite>,
    /// The line time of the longest request of a named command, where there are any; such requests keep a second's distance.
    pub command: Option<Duration>,
    /// The line time of every read and write once.
    pub cycle: Duration,
    /// The share of the line that is spoken for.
    pub load: Load,
    /// Whether the periods can be kept.
    pub verdict: Verdict,
    /// The longest line time of a request that fails: the time-out of the slowest device, and recovery.
    pub failure: Duration,
}

/// A read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PlannedRead {
    /// The read.
    pub block: Block,
    /// Its line time.
    pub cost: Duration,
}

/// A write of neighbouring coils.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PlannedWrite {
    /// The module.
    pub device: DeviceId,
    /// The outputs that are written together, by address.
    pub outputs: Vec<OutputId>,
    /// How often it is written while no alarm changes.
    pub every: Duration,
    /// It also changes with alarms, not with the heartbeat alone.
    pub follows_alarms: bool,
    /// Its line time.
    pub cost: Duration,
    /// The line time of reading it back.
    pub proof: Duration,
}

/// Shares of a line, in millionths of the time; above a million the line is more than full.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Load {
    /// Reads.
    pub reads_ppm: u64,
    /// Coil writes, and named commands as if one were always under way.
    pub writes_ppm: u64,
    /// Probes of devices that do not answer.
    pub probes_ppm: u64,
}

impl Load {
    /// All shares.
    #[must_use]
    pub const fn total_ppm(self) -> u64 {
        self.reads_ppm.saturating_add(self.writes_ppm).saturating_add(self.probes_ppm)
    }
}

/// Whether a bus can keep its periods.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It can, with at least a twentieth of the line to spare.
    Fits,
    /// It can once all periods are longer by this factor, in thousandths and rounded up.
    Stretch {
        /// The factor.
        permille: u64,
    },
    /// It cannot with any periods: coil writes and probes alone leave no room.
    Full,
}

/// How long a point's slowest alarm may take.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DelayPrediction {
    /// The point.
    pub point: PointId,
    /// The bus of its read.
    pub bus: BusId,
    /// The alarm.
    pub alarm: AlarmId,
    /// The parts of its delay; `None` where coil writes alone fill a line, so that no wait has a bound.
    pub parts: Option<DelayParts>,
}

/// From the moment a value passes the set-point at the device to the moment the last output for it has switched.
///
/// The parts are worst cases that cannot all be met at once. They hold for one failed request; a device that stays silent
/// is [`AlarmKind::Lost`], an alarm of its own. Devices are taken to answer within their turnaround.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct DelayParts {
    /// The value changed just after it was read: a whole period until the next read is due.
    pub period: Duration,
    /// The longest request of the bus has just been sent and is not interrupted.
    pub blocking: Duration,
    /// Every other safety read of the bus became due earlier.
    pub earlier: Duration,
    /// Coil writes that go first: those due, and those that become due meanwhile.
    pub writes: Duration,
    /// The read itself, until its reply is complete.
    pub own: Duration,
    /// The worse of a failed read (its time-out, the pause before the next attempt, which on a line without request numbers
    /// is no shorter than the late window, and a second wait) and of a failed coil write.
    pub failed: Duration,
    /// The alarm's on-delay.
    pub on_delay: Duration,
    /// The coil write: what is in flight on that bus, the groups that go first, and itself; nothing for GPIO lines.
    pub output: Duration,
}

impl DelayParts {
    /// Until the reply is settled, with nothing failing.
    #[must_use]
    pub fn until_settled(&self) -> Duration {
        sum([self.period, self.wait(), self.own])
    }

    /// Until the last output has switched, with one request failing.
    #[must_use]
    pub fn total(&self) -> Duration {
        sum([self.until_settled(), self.failed, self.on_delay, self.output])
    }

    /// Whether a poll may be a whole period late, so that the next one stands for both although the line has room.
    #[must_use]
    pub fn may_skip(&self) -> bool {
        self.wait() >= self.period
    }

    fn wait(&self) -> Duration {
        sum([self.blocking, self.earlier, self.writes])
    }
}

/// Computes what polling this site will cost.
#[must_use]
pub fn predict(site: &Site) -> Prediction {
    let planned = (0..).map(BusId).zip(plan(site));
    let buses: Vec<_> = planned.map(|(bus, blocks)| BusPrediction::new(site, bus, blocks)).collect();
    let points = delays(site, &buses);
    Prediction { buses, points }
}

impl BusPrediction {
    fn new(site: &Site, bus: BusId, blocks: Vec<Block>) -> Self {
        let spec = &site.buses[bus.index()];
        let cost = |block: &Block| read_cost(spec, &site.devices[block.device.index()], block);
        let reads: Vec<_> =
            blocks.into_iter().map(|block| PlannedRead { cost: cost(&block), block }).collect();
        let groups = CoilGroup::all(site, bus, Mono::ZERO);
        let writes: Vec<_> = groups.iter().map(|group| PlannedWrite::new(site, group)).collect();
        let command = commands(site, bus)
            .map(|(spec, device)| command_cost(&site.buses[bus.index()], device, spec))
            .max();
        let commands_ppm = command.map(|cost| share_ppm(cost, PACE));
        let load = Load {
            reads_ppm: total(reads.iter().map(|read| share_ppm(read.cost, read.block.period))),
            writes_ppm: total(writes.iter().map(PlannedWrite::share_ppm).chain(commands_ppm)),
            probes_ppm: u64::from(spec.probe_share_permille.clamp(1, 1_000)) * 1_000,
        };
        let asked = reads.iter().map(|read| read.block.device);
        let asked = asked.chain(writes.iter().map(|write| write.device));
        let asked = asked.chain(commands(site, bus).map(|(spec, _)| spec.device));
        let failure = |device: DeviceId| {
            let device = &site.devices[device.index()];
            sum([device.timeout, silence(spec, device), RECOVERY])
        };
        let failure = asked.map(failure).max().unwrap_or(RECOVERY);
        Self {
            bus,
            cycle: sum(reads.iter().map(|read| read.cost).chain(writes.iter().map(PlannedWrite::both))),
            verdict: verdict(load),
            failure,
            load,
            reads,
            writes,
            command,
        }
    }

    /// The longest request in flight.
    fn blocking(&self) -> Duration {
        let reads = self.reads.iter().map(|read| read.cost);
        let writes = self.writes.iter().map(|write| write.cost.max(write.proof));
        reads.chain(writes).chain(self.command).max().unwrap_or_default()
    }
}

impl PlannedWrite {
    fn new(site: &Site, group: &CoilGroup) -> Self {
        let device = &site.devices[group.device.index()];
        let beats = |output: &OutputId| site.outputs[output.index()].role == Role::Heartbeat;
        let coils = group.outputs().len();
        // Function code 5 for one coil, 15 for several (Modbus Application Protocol V1.1b3, §6.5 and §6.11), with unit and CRC.
        let request = if coils == 1 { 8 } else { 9 + coils.div_ceil(8) };
        Self {
            device: group.device,
            outputs: group.outputs().to_vec(),
            every: if group.outputs().iter().any(beats) { TICK } else { REFRESH },
            follows_alarms: !group.outputs().iter().all(beats),
            cost: line_time(&site.buses[device.bus.index()], device, request + 8),
            proof: line_time(&site.buses[device.bus.index()], device, 8 + 5 + coils.div_ceil(8)),
        }
    }

    /// A change is read back at once, and what stays as it is with each refresh.
    fn share_ppm(&self) -> u64 {
        share_ppm(self.cost, self.every).saturating_add(share_ppm(self.proof, REFRESH))
    }

    fn both(&self) -> Duration {
        self.cost.saturating_add(self.proof)
    }

    /// How often it goes ahead of a request that waits so long: once if it is due already, at each beat, and when alarms
    /// change. A change every [`REFRESH`] is allowed for; a flood of alarms costs more.
    fn times(&self, wait: Duration) -> u32 {
        let (wait, refresh) = (wait.as_micros(), REFRESH.as_micros());
        let repeats = match self.every {
            TICK => wait.div_ceil(TICK.as_micros()),
            _ => wait / refresh,
        };
        let changes = if self.follows_alarms { wait.div_ceil(refresh) } else { 0 };
        u32::try_from(1 + repeats + changes).unwrap_or(u32::MAX)
    }
}

/// The named commands of a bus.
fn commands(site: &Site, bus: BusId) -> impl Iterator<Item = (&DeviceCommandSpec, &DeviceSpec)> {
    let commands = site.commands.iter().map(|spec| (spec, &site.devices[spec.device.index()]));
    commands.filter(move |(_, device)| device.bus == bus)
}

fn verdict(load: Load) -> Verdict {
    if load.total_ppm() <= LOAD_MAX_PPM {
        return Verdict::Fits;
    }
    match LOAD_MAX_PPM.saturating_sub(load.writes_ppm.saturating_add(load.probes_ppm)) {
        0 => Verdict::Full,
        room => Verdict::Stretch { permille: load.reads_ppm.saturating_mul(1_000).div_ceil(room) },
    }
}

fn delays(site: &Site, buses: &[BusPrediction]) -> Vec<DelayPrediction> {
    let mut alarms: BTreeMap<PointId, Vec<(AlarmId, &AlarmSpec)>> = BTreeMap::new();
    for (id, alarm) in (0..).map(AlarmId).zip(&site.alarms) {
        // A watch on behaviour is slow by intent; only the levels are promised a time.
        if alarm.signal == Signal::Value && site.points[alarm.point.index()].safety {
            alarms.entry(alarm.point).or_default().push((id, alarm));
        }
    }
    let mut delays = Vec::new();
    for bus in buses {
        for read in &bus.reads {
            let settled = until_settled(site, bus, read);
            for point in &read.block.points {
                let watching = alarms.get(point).into_iter().flatten();
                let predicted = watching.map(|(id, alarm)| DelayPrediction {
                    point: *point,
                    bus: bus.bus,
                    alarm: *id,
                    parts: settled.and_then(|parts| announced(site, buses, (*id, alarm), parts)),
                });
                // A wait without a bound is the worst.
                delays.extend(predicted.max_by_key(|d| d.parts.map_or(Duration::MAX, |parts| parts.total())));
            }
        }
    }
    delays.sort_by_key(|delay| delay.point);
    delays
}

/// What a poller measures against: until a read is settled, and until a coil group has followed, with one request failing.
pub(super) struct Bounds {
    pub(super) reads: Vec<Option<Duration>>,
    pub(super) writes: Vec<Option<Duration>>,
}

impl Bounds {
    pub(super) fn new(site: &Site, bus: BusId, blocks: &[Block]) -> Self {
        let bus = BusPrediction::new(site, bus, blocks.to_vec());
        let read = |read| until_settled(site, &bus, read).map(|parts| parts.total());
        let write = |index| followed(site, &bus, index).map(|(took, failed)| took.saturating_add(failed));
        Self {
            reads: bus.reads.iter().map(read).collect(),
            writes: (0..bus.writes.len()).map(write).collect(),
        }
    }
}

/// The parts up to the settled reply, and what one failed request adds to them.
fn until_settled(site: &Site, bus: &BusPrediction, read: &PlannedRead) -> Option<DelayParts> {
    let safety = bus.reads.iter().filter(|other| other.block.safety);
    let earlier = sum(safety.map(|other| other.cost)).saturating_sub(read.cost);
    let blocking = bus.blocking();
    let base = blocking.saturating_add(earlier);
    let ahead = Ahead { writes: &bus.writes, command: bus.command };
    let wait = longest_wait(base, ahead)?;
    let device = &site.devices[read.block.device.index()];
    let pause = late_window(site, device).max(RETRY_AFTER.min(read.block.period));
    let own_failed = sum([bus.failure, pause, wait]);
    let others_failed = longest_wait(sum([base, bus.failure, blocking]), ahead)?.saturating_sub(wait);
    Some(DelayParts {
        period: read.block.period,
        blocking,
        earlier,
        writes: wait.saturating_sub(base),
        own: read.cost,
        failed: own_failed.max(others_failed),
        ..DelayParts::default()
    })
}

/// Adds the alarm's own delay, and the time until the last coil that announces it has switched.
fn announced(
    site: &Site,
    buses: &[BusPrediction],
    alarm: (AlarmId, &AlarmSpec),
    settled: DelayParts,
) -> Option<DelayParts> {
    let mut parts = DelayParts { on_delay: alarm.1.threshold.on_delay, ..settled };
    for bus in buses {
        for (index, write) in bus.writes.iter().enumerate() {
            if !write.outputs.iter().any(|output| announces(site, *output, alarm)) {
                continue;
            }
            let (took, failed) = followed(site, bus, index)?;
            parts.output = parts.output.max(took);
            parts.failed = parts.failed.max(failed);
        }
    }
    Some(parts)
}

/// How long a coil group takes to follow the panel, and what one failed request adds to it.
fn followed(site: &Site, bus: &BusPrediction, index: usize) -> Option<(Duration, Duration)> {
    let (write, blocking) = (&bus.writes[index], bus.blocking());
    // What the panel writes goes ahead of every command.
    let ahead = Ahead { writes: &bus.writes[..index], command: None };
    let base = blocking.saturating_add(write.cost);
    let took = longest_wait(base, ahead)?;
    let pause = late_window(site, &site.devices[write.device.index()]).max(RETRY_FIRST);
    let own_failed = sum([bus.failure, pause, took]);
    let others_failed = longest_wait(sum([base, bus.failure, blocking]), ahead)?.saturating_sub(took);
    Some((took, own_failed.max(others_failed)))
}

/// What goes first.
#[derive(Clone, Copy)]
struct Ahead<'a> {
    writes: &'a [PlannedWrite],
    command: Option<Duration>,
}

/// The least wait that has room for `base` and for all writes that come due during it.
fn longest_wait(base: Duration, ahead: Ahead<'_>) -> Option<Duration> {
    let mut wait = base;
    for _ in 0..STEPS_MAX {
        let writes = sum(ahead.writes.iter().map(|write| write.both().saturating_mul(write.times(wait))));
        let paces = wait.as_micros().div_ceil(PACE.as_micros());
        let times = u32::try_from(paces).unwrap_or(u32::MAX).saturating_add(1);
        let next = sum([base, writes, ahead.command.unwrap_or_default().saturating_mul(times)]);
        if next == wait || next > WAIT_MAX {
            return (next <= WAIT_MAX).then_some(next);
        }
        wait = next;
    }
    None
}

/// Zero where replies name their request, as in [`super::Poller`].
fn late_window(site: &Site, device: &DeviceSpec) -> Duration {
    let anonymous = site.buses[device.bus.index()].kind.is_anonymous();
    if anonymous { device.late_window } else { Duration::ZERO }
}

fn share_ppm(cost: Duration, every: Duration) -> u64 {
    let ppm = cost.as_micros().saturating_mul(1_000_000).div_ceil(every.as_micros().max(1));
    u64::try_from(ppm).unwrap_or(u64::MAX)
}

fn total(shares: impl Iterator<Item = u64>) -> u64 {
    shares.fold(0, u64::saturating_add)
}

fn sum(parts: impl IntoIterator<Item = Duration>) -> Duration {
    parts.into_iter().fold(Duration::ZERO, Duration::saturating_add)
}
