//! The simulated plant's point table: gas detectors, dust collectors and interlocks of three makers on two buses, with the
//! relay module of the panel.

use std::sync::Arc;
use std::time::Duration;

use hazard_core::alarm::{AlarmKind, AlarmSpec, Priority};
use hazard_core::annunciate::{OutputSpec, Role, Wiring};
use hazard_core::id::{BusId, DeviceId, PointId, UplinkId};
use hazard_core::link::Table;
use hazard_core::point::{Order, PointSpec, Report, Shape, Source};
use hazard_core::site::{
    BusKind, BusSpec, Confirm, DeviceSpec, Limits, Practice, Site, SiteTables, UplinkSpec,
};
use hazard_core::{Polarity, Side, Threshold, Value};
use hazard_field::map::input;

use super::{commanded, health, locks, phone, watched};

pub(super) const UPLINKS: u8 = 2;
/// The uplink whose platform confirms by receipts.
pub(super) const RECEIPTS: UplinkId = UplinkId(1);
pub(super) const HORN: usize = 0;
pub(super) const BEACON: usize = 1;
pub(super) const RELAY_MODULE: u16 = 7;
/// The device that runs the firmware's own logic.
pub(super) const NODE: u16 = 4;
/// A register reads its point's number times this, plus the measured value: a value on the wrong point shows.
pub(super) const SIGNATURE: i32 = 1_000;

/// One row of the plant: device, table, first address, points, alarm.
pub struct Row {
    /// Device number.
    pub device: u16,
    /// Table.
    pub table: Table,
    /// First address.
    pub address: u16,
    /// Points.
    pub points: u16,
    /// Poll period in milliseconds.
    pub period_ms: u64,
    /// On-delay of the alarms in milliseconds.
    pub on_delay_ms: u64,
    /// The alarms latch.
    pub latch: bool,
}

const fn row(device: u16, table: Table, address: u16, points: u16) -> Row {
    Row { device, table, address, points, period_ms: 1000, on_delay_ms: 0, latch: false }
}

/// The plant: devices 0–3 on a serial line, 4–6 on TCP, 7 is the relay module.
pub const PLANT: [Row; 7] = [
    Row { latch: true, ..row(0, Table::Holding, 0, 3) },
    Row { on_delay_ms: 2500, ..row(1, Table::Input, 100, 4) },
    Row { period_ms: 2000, ..row(2, Table::Holding, 40, 2) },
    Row { latch: true, period_ms: 500, ..row(3, Table::Holding, 10, 1) },
    row(NODE, Table::Input, 0, 4),
    Row { period_ms: 500, ..row(5, Table::Input, 7, 2) },
    row(6, Table::Holding, 300, 2),
];

pub(super) fn site() -> Site {
    let mut tables = SiteTables {
        buses: vec![
            bus("rs485", BusKind::Rtu { baud: 19_200, character_bits: 11 }),
            bus("tcp", BusKind::Tcp),
        ],
        devices: (0..8).map(device).collect(),
        uplinks: (0..UPLINKS).map(uplink).collect(),
        limits: Limits { recent_readings_max: 400, recent_events_max: 200, journal_backlog_max: 200 },
        practice: Practice { bypass_max: Duration::from_secs(200), bypasses_max: 2, ..Practice::default() },
        ..SiteTables::default()
    };
    for plant in &PLANT {
        for index in 0..plant.points {
            let id = PointId(u32::try_from(tables.points.len()).unwrap());
            tables.points.push(point(plant, index, id));
            let delay = Duration::from_millis(plant.on_delay_ms);
            let alarm = |kind, above: i32, priority| AlarmSpec {
                priority,
                latch: plant.latch,
                // What latches must not be shelved.
                shelve_max: if plant.latch { Duration::ZERO } else { Duration::from_secs(120) },
                ..AlarmSpec::new(id, kind, limit(signature(id) + above, delay))
            };
            tables.alarms.push(alarm(AlarmKind::High, 25, Priority::Medium));
            tables.alarms.push(alarm(AlarmKind::HighHigh, 50, Priority::High));
            tables.alarms.push(AlarmSpec {
                priority: Priority::Low,
                ..AlarmSpec::new(id, AlarmKind::Lost, Threshold::switch(Side::High))
            });
        }
    }
    tables.outputs = vec![
        coil("horn", Role::Horn(Priority::Medium), 0),
        coil("beacon", Role::Beacon(Priority::Medium), 1),
        // On a line of the gateway's own: as a coil it would lengthen the bus's turns whenever a disk or a broker fails,
        // and the twins of law 12 could not be compared moment by moment.
        OutputSpec { wiring: Wiring::Gpio, ..coil("fault", Role::Fault, 2) },
        coil("heartbeat", Role::Heartbeat, 3),
        // The interlocks' outputs are lines too, for the same reason.
        OutputSpec { wiring: Wiring::Gpio, ..coil("valve", Role::Interlock, 4) },
        OutputSpec { wiring: Wiring::Gpio, ..coil("exhaust", Role::Interlock, 5) },
        OutputSpec { wiring: Wiring::Gpio, ..coil("line", Role::Interlock, 6) },
    ];
    health::enter(&mut tables);
    locks::enter(&mut tables);
    watched::enter(&mut tables);
    tables.commands = commanded::specs();
    tables.calls = Arc::new(phone::plan());
    Site::try_new(tables).unwrap()
}

/// What a point's register reads when nothing is measured.
pub(super) fn signature(point: PointId) -> i32 {
    (i32::try_from(point.0).unwrap() + 1) * SIGNATURE
}

fn limit(setpoint: i32, on_delay: Duration) -> Threshold {
    Threshold {
        side: Side::High,
        setpoint: Value::from_i32(setpoint),
        deadband: Value::from_i32(2),
        on_delay,
        off_delay: Duration::ZERO,
    }
}

fn point(plant: &Row, index: u16, id: PointId) -> PointSpec {
    let period = Duration::from_millis(plant.period_ms);
    let is_node = plant.device == NODE;
    // The node measures from zero; its points get their signature by their offset.
    let (address, shape, offset) = if is_node {
        (input::channel(index) + input::VALUE, Shape::F32, f64::from(signature(id)))
    } else {
        (plant.address + index, Shape::U16, 0.0)
    };
    PointSpec {
        tag: format!("P-{}", id.0).into(),
        device: DeviceId(plant.device),
        source: Source { table: plant.table, address, shape, order: Order::default(), exponent: None },
        scale: 1.0,
        offset,
        range: Some((Value::from_i32(signature(id)), Value::from_i32(signature(id) + 100))),
        sentinels: vec![0xFFFF],
        period,
        stale_after: period * 4,
        report: Report { deadband: Value::ONE, heartbeat: Duration::from_secs(60) },
        safety: true,
        interlock: is_node,
        button: None,
    }
}

fn bus(name: &str, kind: BusKind) -> BusSpec {
    BusSpec {
        name: name.into(),
        kind,
        probe_share_permille: 50,
        gap: Duration::ZERO,
        overload_allowed: false,
    }
}

fn device(index: u16) -> DeviceSpec {
    DeviceSpec {
        name: format!("device-{index}").into(),
        bus: BusId(u16::from(index >= 4)),
        unit: u8::try_from(index + 1).unwrap(),
        timeout: Duration::from_millis(100),
        late_window: Duration::from_millis(200),
        turnaround: Duration::from_millis(10),
        pause: Duration::ZERO,
        registers_max: 125,
        bits_max: 2000,
        gap_max: 8,
        single: false,
        // One device is given up so late that its points grow stale first.
        offline_after: if index == 4 { 12 } else { 3 },
        probe_max: Duration::from_secs(10),
        sis: false,
    }
}

fn uplink(index: u8) -> UplinkSpec {
    let receipts = Confirm::Receipt { timeout: Duration::from_secs(20) };
    UplinkSpec {
        name: format!("uplink-{index}").into(),
        window: 16,
        message_records_max: 20,
        confirm: if UplinkId(index) == RECEIPTS { receipts } else { Confirm::Puback },
    }
}

fn coil(name: &str, role: Role, address: u16) -> OutputSpec {
    OutputSpec {
        name: name.into(),
        role,
        wiring: Wiring::Coil { device: DeviceId(RELAY_MODULE), address },
        polarity: Polarity::DeEnergiseToAlarm,
    }
}
