//! Small sites for unit tests.

use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

use crate::alarm::{AlarmKind, AlarmSpec, Priority};
use crate::device_command::{Bounds, DeviceCommandSpec, Needs, ReadBack, Risk, Sent, Target};
use crate::id::{BusId, DeviceCommandId, DeviceId, PointId};
use crate::link::Table;
use crate::point::{Order, PointSpec, Report, Shape, Source};
use crate::site::{BusKind, BusSpec, DeviceSpec, SiteTables};
use crate::{Side, Threshold, Value};

/// One TCP bus with this many devices and no points.
pub(crate) fn tables(devices: u16) -> SiteTables {
    SiteTables {
        buses: vec![BusSpec {
            name: "bus".into(),
            kind: BusKind::Tcp,
            probe_share_permille: 50,
            gap: Duration::ZERO,
            overload_allowed: false,
        }],
        devices: (0..devices).map(device).collect(),
        ..SiteTables::default()
    }
}

/// A one-register point, read each second.
pub(crate) fn point(tag: &str, device: u16) -> PointSpec {
    PointSpec {
        tag: tag.into(),
        device: DeviceId(device),
        source: Source {
            table: Table::Holding,
            address: 0,
            shape: Shape::U16,
            order: Order::default(),
            exponent: None,
        },
        scale: 1.0,
        offset: 0.0,
        range: None,
        sentinels: Vec::new(),
        period: Duration::from_secs(1),
        stale_after: Duration::from_secs(3),
        report: Report { deadband: Value::ZERO, heartbeat: Duration::from_secs(60) },
        safety: true,
        interlock: false,
        button: None,
    }
}

/// Where the tests' commands write, beyond all points.
pub(crate) const COMMANDS_FROM: u16 = 60_000;

/// A command with a value of 0 to 100 and two retries, read back where it writes.
pub(crate) fn command(device: DeviceId, start: u16, shape: Shape) -> DeviceCommandSpec {
    let order = Order::default();
    DeviceCommandSpec {
        name: format!("command-{start}").into(),
        device,
        target: Target { start, shape, coils: 1, order, scale: 1.0, offset: 0.0, always_many: false },
        bounds: Bounds::Given { min: Value::ZERO, max: Value::from_i32(100), step: None },
        read_back: Some(ReadBack { table: Table::Holding, start, tolerance: Value::ZERO }),
        risk: Risk::default(),
        needs: Needs::default(),
        retries: 2,
        deadline: Duration::from_secs(30),
        every: Duration::ZERO,
    }
}

/// What an accepted command says.
pub(crate) fn sent(command: DeviceCommandId) -> Sent {
    let said = String::new;
    Sent { command, nth: 1, value: Value::ONE, actor: said(), approver: said(), note: said() }
}

/// A switch's alarm on a point.
pub(crate) const fn alarm(point: PointId) -> AlarmSpec {
    AlarmSpec {
        priority: Priority::High,
        ..AlarmSpec::new(point, AlarmKind::Digital, Threshold::switch(Side::High))
    }
}

fn device(index: u16) -> DeviceSpec {
    DeviceSpec {
        name: format!("device-{index}").into(),
        bus: BusId(0),
        unit: u8::try_from(index + 1).unwrap(),
        timeout: Duration::from_millis(200),
        late_window: Duration::from_millis(400),
        turnaround: Duration::from_millis(5),
        pause: Duration::ZERO,
        registers_max: 125,
        bits_max: 2000,
        gap_max: 8,
        single: false,
        offline_after: 3,
        probe_max: Duration::from_secs(10),
        sis: false,
    }
}
