//! What is, at one moment, for people: everything `hazard status` and the console show comes from here.

use alloc::vec::Vec;

use crate::alarm::Alarm;
use crate::alarm::flood::AlarmCount;
use crate::annunciate::{OutputSpec, Panel, Role};
use crate::bypass::Bypass;
use crate::call::OpenCall;
use crate::device_command::CommandState;
use crate::duty::CallCount;
use crate::engine::Engine;
use crate::figures::FiguresNow;
use crate::id::{AlarmId, DeviceId, Epoch, RoleId, Seq, UplinkId};
use crate::interlock::Interlocks;
use crate::outbox::receipt::{HeardCount, ReplayState};
use crate::outbox::record::{AlarmState, Condition};
use crate::outbox::{JournalState, Ledger};
use crate::poll::{DelayState, PollCount, Standing};
use crate::sensor::SensorState;
use crate::table::PointTable;
use crate::{Category, ClockOffset, ClockTrust, Mono, Stamp, Utc, upkeep};

/// An alarm that is not normal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ActiveAlarm {
    /// Which.
    pub alarm: AlarmId,
    /// Where it stands.
    pub state: AlarmState,
    /// Whether the horn sounds for it.
    pub sounds: bool,
    /// It came first in its zone (首警).
    pub first_up: bool,
    /// Somebody said what was done about it.
    pub handled: bool,
    /// When it was raised last; for one that outlived a restart, the restart.
    pub raised_at: Option<Mono>,
    /// When it was raised last by the wall clock, also where an earlier run saw that.
    pub since: Option<Utc>,
    /// When it stops being shelved.
    pub shelved_until: Option<Mono>,
}

/// A call that nobody has answered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CallState {
    /// How far it is.
    pub call: OpenCall,
    /// The roles of the rung that was called last.
    pub roles: Vec<RoleId>,
}

/// A device.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DeviceState {
    /// Which.
    pub device: DeviceId,
    /// Whether it answers.
    pub standing: Standing,
    /// Good answers.
    pub replies: u64,
    /// Requests that brought nothing.
    pub faults: u64,
    /// What became of its polls.
    pub polls: PollCount,
    /// Its joined reads were taken apart, for it refused them.
    pub apart: bool,
}

/// The polls of one bus.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BusState {
    /// What became of them.
    pub polls: PollCount,
    /// Whether one is in flight.
    pub busy: bool,
    /// Answers that no request waited for.
    pub strays: u64,
}

/// An uplink.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct UplinkState {
    /// Connected.
    pub up: bool,
    /// Messages in flight.
    pub in_flight: usize,
    /// What was heard of the platform besides PUBACKs.
    pub heard: HeardCount,
    /// What is sent again because the platform asked for its time.
    pub replay: Option<ReplayState>,
    /// The platform's limit for back-fill in readings per second; 0 is a pause.
    pub rate: Option<u32>,
}

/// The engine at one moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// When.
    pub stamp: Stamp,
    /// The epoch of its records.
    pub epoch: Epoch,
    /// Counts the changes of alarms and conditions: what was shown, for whoever acts on it.
    pub revision: u64,
    /// The last record's number.
    pub last: Seq,
    /// The samples.
    pub table: PointTable,
    /// The NE 107 category of each point, in site order; `None` for one that was never read.
    pub categories: Vec<Option<Category>>,
    /// Sensors that are not as they should be, in site order.
    pub sensors: Vec<SensorState>,
    /// Alarms that are not normal, in site order.
    pub alarms: Vec<ActiveAlarm>,
    /// Bypasses that stand.
    pub bypasses: Vec<Bypass>,
    /// Votes, trips and permits.
    pub interlocks: Interlocks,
    /// Calibrations and proof tests, in site order.
    pub upkeep: Vec<upkeep::Standing>,
    /// The standing figures.
    pub figures: FiguresNow,
    /// Calls that nobody has answered, by alarm.
    pub calls: Vec<CallState>,
    /// What became of orders and calls.
    pub call_count: CallCount,
    /// Named commands, in site order.
    pub commands: Vec<CommandState>,
    /// The sums of alarm management.
    pub alarm_count: AlarmCount,
    /// Devices, in site order.
    pub devices: Vec<DeviceState>,
    /// Buses, in site order.
    pub buses: Vec<BusState>,
    /// What was promised and measured of each safety point with an alarm on its value, in site order.
    pub delays: Vec<DelayState>,
    /// Uplinks, in site order.
    pub uplinks: Vec<UplinkState>,
    /// Conditions of the agent itself.
    pub conditions: Vec<Condition>,
    /// The panel image.
    pub panel: Panel,
    /// The journal.
    pub journal: JournalState,
    /// The sums.
    pub ledger: Ledger,
    /// Nothing waits for the journal or an uplink.
    pub drained: bool,
}

impl Engine {
    /// What is now.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let polls = self.device_polls();
        let devices = (0..).map(DeviceId).zip(&self.health).map(|(device, health)| DeviceState {
            device,
            standing: health.standing(),
            replies: health.replies,
            faults: health.faults,
            polls: polls[device.index()],
            apart: self.pollers.iter().any(|poller| poller.reads_apart(device)),
        });
        let buses = self.pollers.iter().map(|poller| BusState {
            polls: sum(poller.counts(self.now())),
            busy: poller.is_busy(),
            strays: poller.strays,
        });
        let uplinks = (0..).map(UplinkId).zip(&self.site.uplinks);
        let uplinks = uplinks.map(|(uplink, _)| self.outbox.uplink_state(uplink));
        Snapshot {
            stamp: self.wall.stamp(self.now()),
            epoch: self.outbox.epoch(),
            revision: self.revision(),
            last: self.outbox.last(),
            table: self.plant.table.clone(),
            categories: self.categories(),
            sensors: self.sensor_states(),
            alarms: self.active_alarms(),
            bypasses: self.plant.bypasses.standing().to_vec(),
            interlocks: self.locks.clone(),
            upkeep: self.plant.upkeep.standing().collect(),
            figures: self.figures.now(),
            calls: self.open_calls(),
            call_count: self.duty.count,
            commands: self.command_states(),
            alarm_count: self.plant.flood.count(),
            devices: devices.collect(),
            buses: buses.collect(),
            delays: self.delays.states(&self.pollers),
            uplinks: uplinks.collect(),
            conditions: self.standing_conditions(),
            panel: self.panel().clone(),
            journal: self.outbox.journal(),
            ledger: self.outbox.ledger(),
            drained: self.outbox.is_drained(),
        }
    }

    /// What became of all polls so far.
    pub(crate) fn polls(&self) -> PollCount {
        sum(self.pollers.iter().flat_map(|poller| poller.counts(self.now())))
    }

    fn device_polls(&self) -> Vec<PollCount> {
        let mut polls = alloc::vec![PollCount::default(); self.health.len()];
        for (device, count) in self.pollers.iter().flat_map(|poller| poller.counts(self.now())) {
            polls[device.index()] += count;
        }
        polls
    }

    /// Alarms that are not normal, in site order.
    #[must_use]
    pub fn active_alarms(&self) -> Vec<ActiveAlarm> {
        let first_up: Vec<AlarmId> = self.plant.first_up().collect();
        let reaches = |id: AlarmId| {
            let priority = self.site.alarms[id.index()].priority;
            let horn = |output: &OutputSpec| matches!(output.role, Role::Horn(min) if priority >= min);
            self.site.outputs.iter().any(horn)
        };
        let active = |(id, alarm): (AlarmId, &Alarm)| {
            (alarm.state() != AlarmState::Normal).then(|| ActiveAlarm {
                alarm: id,
                state: alarm.state(),
                sounds: alarm.sounds() && reaches(id),
                first_up: first_up.contains(&id),
                handled: alarm.is_handled(),
                raised_at: alarm.raised_at(),
                since: self.onset(alarm).map(|(utc, _)| utc),
                shelved_until: alarm.shelved_until(),
            })
        };
        (0..).map(AlarmId).zip(&self.plant.alarms).filter_map(active).collect()
    }

    /// Conditions of the agent itself that stand.
    #[must_use]
    pub fn standing_conditions(&self) -> Vec<Condition> {
        self.conditions.iter().copied().collect()
    }

    /// Trust in the wall clock.
    #[must_use]
    pub const fn clock_trust(&self) -> ClockTrust {
        self.wall.trust
    }

    /// What back-dates records of this run that were stamped without a believable clock, once there is one.
    #[must_use]
    pub const fn clock_offset(&self) -> Option<ClockOffset> {
        self.wall.offset()
    }

    /// The epoch of its records.
    #[must_use]
    pub const fn epoch(&self) -> Epoch {
        self.outbox.epoch()
    }

    /// The time the engine has reached.
    #[must_use]
    pub const fn reached(&self) -> Mono {
        self.now()
    }
}

fn sum(counts: impl Iterator<Item = (DeviceId, PollCount)>) -> PollCount {
    let mut sum = PollCount::default();
    counts.for_each(|(_, count)| sum += count);
    sum
}
