//! A site: every table the engine needs, consistent by construction.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use crate::Threshold;
use crate::alarm::{AlarmSpec, Signal};
use crate::annunciate::{OutputSpec, Role, Wiring};
use crate::call::{CallFault, CallPlan};
use crate::device_command::{self, DeviceCommandFault, DeviceCommandSpec};
use crate::id::{AlarmId, BusId, DeviceCommandId, DeviceId, KeyPeriodId, OutputId, PointId, UpkeepId};
use crate::interlock::{Matrix, MatrixFault};
use crate::period::KeyPeriodSpec;
use crate::point::PointSpec;
use crate::sensor::{SensorSpec, StatusSpec};
use crate::upkeep::{self, UpkeepFault, UpkeepSpec};

/// How a bus moves bytes; decides what a request costs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BusKind {
    /// Modbus TCP: every reply names its request.
    Tcp,
    /// Modbus RTU on a serial port.
    Rtu {
        /// Bits per second.
        baud: u32,
        /// Start, data, parity and stop bits of one character: 10 or 11.
        character_bits: u8,
    },
    /// Modbus RTU frames over TCP to a serial server.
    RtuOverTcp {
        /// Bits per second of the line behind the server.
        baud: u32,
        /// Start, data, parity and stop bits of one character: 10 or 11.
        character_bits: u8,
    },
}

impl BusKind {
    /// Whether a late reply could be taken for the reply to another request.
    #[must_use]
    pub const fn is_anonymous(self) -> bool {
        matches!(self, Self::Rtu { .. } | Self::RtuOverTcp { .. })
    }
}

/// A bus.
#[derive(Clone, PartialEq, Debug)]
pub struct BusSpec {
    /// Its name on the site.
    pub name: Arc<str>,
    /// How it moves bytes.
    pub kind: BusKind,
    /// Share of time that requests to devices that do not answer may take, in thousandths.
    pub probe_share_permille: u16,
    /// Silence between two requests.
    pub gap: Duration,
    /// Keep going although the periods cannot be kept.
    pub overload_allowed: bool,
}

/// A device.
#[derive(Clone, PartialEq, Debug)]
pub struct DeviceSpec {
    /// Its name on the site.
    pub name: Arc<str>,
    /// Its bus.
    pub bus: BusId,
    /// Its unit address.
    pub unit: u8,
    /// How long a reply may take.
    pub timeout: Duration,
    /// How long after a timeout a reply may still come; the device is not asked again before.
    pub late_window: Duration,
    /// The typical time from request to reply, for predictions.
    pub turnaround: Duration,
    /// Silence that it needs before a request; where the bus keeps a longer one, that counts.
    pub pause: Duration,
    /// The most registers one read may ask for, 1–125.
    pub registers_max: u16,
    /// The most bits one read may ask for, 1–2000.
    pub bits_max: u16,
    /// How many unneeded addresses a read may span to join two points.
    pub gap_max: u16,
    /// It takes a request for one field only: points are read one by one, and only those of one register share a read.
    pub single: bool,
    /// Failures in a row after which it counts as offline and is only probed.
    pub offline_after: u8,
    /// The longest time between two probes of an offline device.
    pub probe_max: Duration,
    /// It belongs to a safety instrumented system: it is read, and nothing is ever written to it.
    pub sis: bool,
}

/// What counts as a platform's confirmation.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Confirm {
    /// Its broker's PUBACK.
    #[default]
    Puback,
    /// Its own receipt; a PUBACK only makes room for the next message.
    Receipt {
        /// What is not receipted for so long is sent again.
        timeout: Duration,
    },
}

/// An uplink's sizes, and what confirms.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct UplinkSpec {
    /// Its name on the site.
    pub name: Arc<str>,
    /// Messages in flight at most.
    pub window: u16,
    /// Records in one message at most.
    pub message_records_max: u16,
    /// What counts as a confirmation.
    pub confirm: Confirm,
}

/// Whether a safeguard is there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SafeguardState {
    /// It is.
    Fitted,
    /// It is not, and that stands as a condition as long as the engine runs.
    Absent,
}

/// A safeguard that the site must have; nothing measures it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SafeguardSpec {
    /// Its name on the site.
    pub name: Arc<str>,
    /// Whether it is there.
    pub state: SafeguardState,
}

/// Bounds of memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Readings kept in memory for uplinks and a journal that lag.
    pub recent_readings_max: u32,
    /// Events kept in memory for the same.
    pub recent_events_max: u32,
    /// Readings handed to the journal and not yet durable.
    pub journal_backlog_max: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { recent_readings_max: 40_000, recent_events_max: 4_096, journal_backlog_max: 20_000 }
    }
}

/// What people on the site may do, and for how long.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Practice {
    /// So long after a reset the value is looked at once more (GB 16808-2008 §5.3.3.7: 20 s).
    pub reset_hold: Duration,
    /// The longest bypass.
    pub bypass_max: Duration,
    /// Bypasses at the same time.
    pub bypasses_max: u16,
    /// Shelved alarms at the same time.
    pub shelved_max: u16,
    /// Another person approves the bypass of a safety point, as that of an interlock's.
    pub bypass_second_person: bool,
    /// A push button is closed for so long, and let go for so long, before its press counts.
    pub button_hold: Duration,
    /// A push button that stays closed for longer is stuck.
    pub button_stuck: Duration,
}

impl Default for Practice {
    fn default() -> Self {
        Self {
            reset_hold: Duration::from_secs(20),
            bypass_max: Duration::from_secs(8 * 3600),
            bypasses_max: 5,
            shelved_max: 16,
            bypass_second_person: true,
            button_hold: Duration::from_millis(500),
            button_stuck: Duration::from_secs(60),
        }
    }
}

/// A site's tables before they are checked against one another.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct SiteTables {
    /// Buses.
    pub buses: Vec<BusSpec>,
    /// Devices.
    pub devices: Vec<DeviceSpec>,
    /// Points.
    pub points: Vec<PointSpec>,
    /// What is watched of sensors.
    pub sensors: Vec<SensorSpec>,
    /// What devices say of their sensors.
    pub statuses: Vec<StatusSpec>,
    /// Alarms.
    pub alarms: Vec<AlarmSpec>,
    /// Outputs.
    pub outputs: Vec<OutputSpec>,
    /// Votes, trips and start permits.
    pub matrix: Matrix,
    /// Uplinks.
    pub uplinks: Vec<UplinkSpec>,
    /// Who is called when nobody answers.
    pub calls: Arc<CallPlan>,
    /// Safeguards.
    pub safeguards: Vec<SafeguardSpec>,
    /// Key periods.
    pub key_periods: Vec<KeyPeriodSpec>,
    /// Calibrations and proof tests that have to be done.
    pub upkeep: Vec<UpkeepSpec>,
    /// Named commands.
    pub commands: Vec<DeviceCommandSpec>,
    /// Memory bounds.
    pub limits: Limits,
    /// What people may do.
    pub practice: Practice,
}

/// A site whose tables name only what exists. Whoever holds one may index without asking.
#[derive(Clone, PartialEq, Debug)]
pub struct Site(SiteTables);

/// A reference to something that is not in its table, or a size the protocol cannot carry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SiteFault {
    /// A device names no bus.
    DeviceWithoutBus(DeviceId),
    /// A point names no device.
    PointWithoutDevice(PointId),
    /// A point is wider than a read of its device may be, or its addresses end beyond 65535.
    PointTooWide(PointId),
    /// A point's period or staleness limit is zero.
    PointWithoutPeriod(PointId),
    /// An alarm names no point.
    AlarmWithoutPoint(AlarmId),
    /// An alarm compares with a point or an output that does not exist.
    AlarmWithoutReference(AlarmId),
    /// An output names no device or alarm that exists.
    OutputWithoutTarget(usize),
    /// An output is a coil of a safety instrumented system.
    OutputOnSis(usize),
    /// An output waits for an interlock that no row of the matrix gives it.
    OutputWithoutRow(usize),
    /// A vote, a trip or a permit.
    Matrix(MatrixFault),
    /// A key period ends before it begins.
    KeyPeriodWithoutTime(KeyPeriodId),
    /// The set-point of key periods is laxer than the usual one.
    KeySetpointLaxer(AlarmId),
    /// A duty of upkeep.
    Upkeep(UpkeepId, UpkeepFault),
    /// A role, or a ladder of calls.
    Call(CallFault),
    /// A row of what is watched of sensors: no such point, a loop without a span, or a drift without a measure.
    Sensor(usize),
    /// A row of the status table: no such point, a function check without a limit, or a source of which another row speaks.
    Status(usize),
    /// A named command.
    DeviceCommand(DeviceCommandId, DeviceCommandFault),
}

impl Site {
    /// Checks the tables against one another. Points on which interlocks depend become interlock points.
    ///
    /// # Errors
    /// All faults, in table order.
    pub fn try_new(mut tables: SiteTables) -> Result<Self, Vec<SiteFault>> {
        for point in tables.matrix.points(&tables.alarms) {
            if let Some(point) = tables.points.get_mut(point.index()) {
                point.interlock = true;
            }
        }
        let mut faults = faults(&tables);
        faults.extend(tables.calls.faults().into_iter().map(SiteFault::Call));
        if faults.is_empty() { Ok(Self(tables)) } else { Err(faults) }
    }
}

impl core::ops::Deref for Site {
    type Target = SiteTables;

    fn deref(&self) -> &SiteTables {
        &self.0
    }
}

fn faults(site: &SiteTables) -> Vec<SiteFault> {
    let mut faults = Vec::new();
    for (id, device) in (0..).map(DeviceId).zip(&site.devices) {
        if device.bus.index() >= site.buses.len() {
            faults.push(SiteFault::DeviceWithoutBus(id));
        }
    }
    for (id, point) in (0..).map(PointId).zip(&site.points) {
        match site.devices.get(point.device.index()) {
            None => faults.push(SiteFault::PointWithoutDevice(id)),
            Some(device) if !fits(point, device) => faults.push(SiteFault::PointTooWide(id)),
            Some(_) => {}
        }
        if point.period.is_zero() || point.stale_after.is_zero() {
            faults.push(SiteFault::PointWithoutPeriod(id));
        }
    }
    crate::sensor::faults(site, &mut faults);
    alarm_faults(site, &mut faults);
    output_faults(site, &mut faults);
    for (id, period) in (0..).map(KeyPeriodId).zip(&site.key_periods) {
        if period.until <= period.from {
            faults.push(SiteFault::KeyPeriodWithoutTime(id));
        }
    }
    faults.extend(site.matrix.faults(site).into_iter().map(SiteFault::Matrix));
    let plant = upkeep::Plant { points: &site.points, alarms: &site.alarms, trips: &site.matrix.trips };
    let duties = upkeep::faults(&site.upkeep, plant);
    faults.extend(duties.into_iter().map(|(id, fault)| SiteFault::Upkeep(id, fault)));
    let commands = device_command::faults(site).into_iter();
    faults.extend(commands.map(|(id, fault)| SiteFault::DeviceCommand(id, fault)));
    faults
}

fn alarm_faults(site: &SiteTables, faults: &mut Vec<SiteFault>) {
    for (id, alarm) in (0..).map(AlarmId).zip(&site.alarms) {
        if alarm.point.index() >= site.points.len() {
            faults.push(SiteFault::AlarmWithoutPoint(id));
        }
        let seen = match alarm.signal {
            Signal::Deviation { from } => from.index() < site.points.len(),
            Signal::Discrepancy { output } => output.index() < site.outputs.len(),
            Signal::Unproven { trip } => trip.index() < site.matrix.trips.len(),
            Signal::Value | Signal::Lost | Signal::Rate { .. } | Signal::Frozen | Signal::OverRange => true,
        };
        let at = &alarm.threshold;
        let is_laxer = |key| !(Threshold { setpoint: key, ..*at }).exceeded_by(at.setpoint);
        if alarm.key_setpoint.is_some_and(is_laxer) {
            faults.push(SiteFault::KeySetpointLaxer(id));
        }
        let suppressor = alarm.suppressed_while.is_none_or(|point| point.index() < site.points.len());
        if !seen || !suppressor {
            faults.push(SiteFault::AlarmWithoutReference(id));
        }
    }
}

fn output_faults(site: &SiteTables, faults: &mut Vec<SiteFault>) {
    for (index, output) in site.outputs.iter().enumerate() {
        if !output.targets_exist(site) {
            faults.push(SiteFault::OutputWithoutTarget(index));
        }
        if let Wiring::Coil { device, .. } = output.wiring
            && site.devices.get(device.index()).is_some_and(|device| device.sis)
        {
            faults.push(SiteFault::OutputOnSis(index));
        }
        let driven = u16::try_from(index).is_ok_and(|index| site.matrix.drives(OutputId(index)));
        if output.role == Role::Interlock && !driven {
            faults.push(SiteFault::OutputWithoutRow(index));
        }
    }
}

fn fits(point: &PointSpec, device: &DeviceSpec) -> bool {
    let span = point.source.span();
    let limit = if point.source.table.is_bits() { device.bits_max } else { device.registers_max };
    let words = u32::from(span.1) + 1 - u32::from(span.0);
    let end = u32::from(point.source.address) + u32::from(point.source.shape.words());
    point.source.shape.words() > 0
        && end <= 0x1_0000
        && words <= u32::from(limit.min(point.source.table.count_max()))
}
