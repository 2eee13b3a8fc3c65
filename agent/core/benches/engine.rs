//! What one reading costs on its way through the whole engine: reply, decoding, alarms, record, panel. One iteration is one
//! second of a site of 10,000 points and 2,000 alarms; `bare` decodes the same replies and does nothing else.
#![allow(clippy::unwrap_used, reason = "a bench may panic")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use divan::Bencher;
use divan::counter::ItemsCount;
use hazard_core::alarm::{AlarmKind, AlarmSpec, Priority};
use hazard_core::annunciate::{OutputSpec, Role, Wiring};
use hazard_core::decode::decode;
use hazard_core::id::{BusId, DeviceId, Epoch, PointId, UplinkId, ZoneId};
use hazard_core::input::{JournalReport, UplinkReport};
use hazard_core::link::{Table, Words};
use hazard_core::point::{Order, PointSpec, Report, Shape, Source};
use hazard_core::site::{BusKind, BusSpec, DeviceSpec, Site, SiteTables, UplinkSpec};
use hazard_core::{ClockTrust, Engine, Input, Mono, Output, Polarity, Side, Start, Threshold, Utc, Value};

const READINGS: usize = 10_000;
/// One point in so many has an alarm, and is a safety point.
const ALARM_EVERY: u16 = 5;
/// Blocks of a hundred registers, and a device for each register: what a reply costs besides its readings.
const BLOCKS: Size = Size { buses: 20, devices: 100, points_each: 100 };
const SINGLES: Size = Size { buses: 40, devices: 10_000, points_each: 1 };
const PERIOD: Duration = Duration::from_secs(1);
const HIGH: u16 = 500;
const CALM: u16 = 100;

#[derive(Clone, Copy)]
struct Size {
    buses: u16,
    devices: u16,
    points_each: u16,
}

/// What the devices show: second, device and register.
type Shown = fn(u64, u16, u16) -> u16;

fn main() {
    divan::main();
}

/// Decoding alone.
#[divan::bench]
fn bare(bencher: Bencher<'_, '_>) {
    let site = site(BLOCKS, Duration::ZERO);
    let words = Words::Registers(vec![CALM; usize::from(BLOCKS.points_each)]);
    bencher.counter(ItemsCount::new(READINGS)).bench_local(|| {
        for point in &site.points {
            black_box(decode(point, black_box(&words), 0));
        }
    });
}

/// Every reading as before, every alarm looked at.
#[divan::bench]
fn quiet(bencher: Bencher<'_, '_>) {
    let plant = bench(bencher, (BLOCKS, Duration::ZERO), |_, _, _| CALM);
    assert_eq!(plant.engine.revision(), plant.revision, "something happened");
}

/// The same, each reading in a reply of its own.
#[divan::bench]
fn quiet_single_registers(bencher: Bencher<'_, '_>) {
    bench(bencher, (SINGLES, Duration::ZERO), |_, _, _| CALM);
}

/// One reading in a hundred has changed and is recorded and published.
#[divan::bench]
fn one_percent_changes(bencher: Bencher<'_, '_>) {
    let plant = bench(bencher, (BLOCKS, Duration::ZERO), |second, device, _| {
        if u64::from(device) == second % 100 { CALM + 1 } else { CALM }
    });
    // Those that change, those that change back, and a heartbeat of each in a minute.
    let expected = plant.seconds * (2 * READINGS as u64 / 100);
    assert!(plant.recorded >= expected, "{} of {expected} readings were recorded", plant.recorded);
}

/// Every alarm begins an on-delay in one second and leaves it in the next; every value is a record.
#[divan::bench]
fn every_alarm_is_pending(bencher: Bencher<'_, '_>) {
    let on_delay = Duration::from_millis(1_500);
    let plant = bench(bencher, (BLOCKS, on_delay), |second, device, point| {
        if is_watched(device, point) && second.is_multiple_of(2) { HIGH } else { CALM }
    });
    assert_eq!(plant.engine.revision(), plant.revision, "no delay ends");
}

/// One alarm in a hundred is raised, and one returns.
#[divan::bench]
fn one_percent_of_alarms_move(bencher: Bencher<'_, '_>) {
    let plant = bench(bencher, (BLOCKS, Duration::ZERO), |second, device, point| {
        if is_watched(device, point) && u64::from(device) == second % 100 { HIGH } else { CALM }
    });
    let moved = plant.engine.revision() - plant.revision;
    assert!(moved >= 40 * (plant.seconds - 70), "{moved} moves in {} seconds", plant.seconds);
}

fn is_watched(device: u16, point: u16) -> bool {
    (device + point).is_multiple_of(ALARM_EVERY)
}

fn bench(bencher: Bencher<'_, '_>, (size, on_delay): (Size, Duration), shown: Shown) -> Plant {
    let mut plant = Plant::new(size, on_delay, shown);
    // The first readings are all worth a record, and the outbox finds its sizes.
    for _ in 0..70 {
        plant.second();
    }
    plant.revision = plant.engine.revision();
    bencher.counter(ItemsCount::new(READINGS)).bench_local(|| plant.second());
    assert!(plant.read + READINGS as u64 >= READINGS as u64 * plant.seconds, "{} were read", plant.read);
    plant
}

/// An engine whose devices, journal and platform answer at once.
struct Plant {
    engine: Engine,
    now: Mono,
    seconds: u64,
    read: u64,
    recorded: u64,
    /// The engine's, when the measuring began.
    revision: u64,
    shown: Shown,
}

impl Plant {
    fn new(size: Size, on_delay: Duration, shown: Shown) -> Self {
        let start = Start { epoch: Epoch(7), utc: Utc::from_unix_ms(0), trust: ClockTrust::Synced };
        let mut engine = Engine::new(Arc::new(site(size, on_delay)), &start, Mono::ZERO);
        let opened =
            JournalReport::Opened { epoch: Epoch(7), ordinal: 1, previous: Vec::new(), past: Vec::new() };
        engine.handle(Mono::ZERO, Input::Journal(opened));
        engine.handle(Mono::ZERO, Input::Uplink { uplink: UplinkId(0), report: UplinkReport::Up });
        Self { engine, now: Mono::ZERO, seconds: 0, read: 0, recorded: 0, revision: 0, shown }
    }

    fn second(&mut self) {
        let end = self.now + PERIOD;
        self.seconds += 1;
        while self.now < end {
            self.engine.handle_timeout(self.now);
            while let Some(output) = self.engine.poll_output() {
                self.carry_out(output);
            }
            while self.engine.poll_delay().is_some() {}
            let wake = self.engine.poll_timeout().map_or(end, |(at, _)| at);
            self.now = wake.max(self.now).min(end);
        }
    }

    fn carry_out(&mut self, output: Output) {
        let input = match output {
            Output::Read { bus, ticket, device, request } => {
                self.read += u64::from(request.count);
                let second = self.now.as_micros() / 1_000_000;
                let words = (0..request.count).map(|point| (self.shown)(second, device.0, point));
                Input::Reply { bus, ticket, result: Ok(Words::Registers(words.collect())) }
            }
            Output::Write { bus, ticket, .. } => Input::Written { bus, ticket, result: Ok(()) },
            Output::Publish(publish) => {
                self.recorded += publish.records.iter().map(|record| record.readings()).sum::<u64>();
                Input::Uplink { uplink: publish.uplink, report: UplinkReport::Acked(publish.message) }
            }
            Output::Append { records, .. } => {
                Input::Journal(JournalReport::Durable { through: records.last().unwrap().seq })
            }
            Output::Drive(_)
            | Output::Call(_)
            | Output::SaveCursor { .. }
            | Output::Fetch { .. }
            | Output::Find { .. }
            | Output::Set { .. }
            | Output::Reopen => return,
        };
        self.engine.handle(self.now, input);
    }
}

fn site(size: Size, on_delay: Duration) -> Site {
    let mut tables = SiteTables {
        buses: (0..size.buses).map(bus).collect(),
        devices: (0..size.devices).map(|index| device(size, index)).collect(),
        uplinks: vec![UplinkSpec {
            name: "u".into(),
            window: 64,
            message_records_max: 50,
            ..UplinkSpec::default()
        }],
        ..SiteTables::default()
    };
    let threshold = Threshold {
        setpoint: Value::from_i32(i32::from(HIGH) / 10 - 1),
        on_delay,
        ..Threshold::switch(Side::High)
    };
    for device in 0..size.devices {
        for address in 0..size.points_each {
            let id = PointId(u32::try_from(tables.points.len()).unwrap());
            tables.points.push(point(device, address));
            if is_watched(device, address) {
                let priority = if device == 0 { Priority::High } else { Priority::Medium };
                let alarm = AlarmSpec::new(id, AlarmKind::High, threshold);
                tables.alarms.push(AlarmSpec { priority, zone: ZoneId(device % 10), ..alarm });
            }
        }
    }
    let coil = |address| Wiring::Coil { device: DeviceId(0), address };
    tables.outputs = vec![
        output(Role::Horn(Priority::Medium), Wiring::Gpio),
        output(Role::Beacon(Priority::Medium), Wiring::Gpio),
        output(Role::Fault, Wiring::Gpio),
        output(Role::Horn(Priority::High), coil(0)),
        output(Role::Beacon(Priority::High), coil(1)),
        output(Role::Heartbeat, coil(2)),
    ];
    Site::try_new(tables).unwrap()
}

fn output(role: Role, wiring: Wiring) -> OutputSpec {
    OutputSpec { name: "output".into(), role, wiring, polarity: Polarity::DeEnergiseToAlarm }
}

fn bus(index: u16) -> BusSpec {
    BusSpec {
        name: format!("bus-{index}").into(),
        kind: BusKind::Tcp,
        probe_share_permille: 50,
        gap: Duration::ZERO,
        overload_allowed: false,
    }
}

fn device(size: Size, index: u16) -> DeviceSpec {
    DeviceSpec {
        name: format!("device-{index}").into(),
        bus: BusId(index % size.buses),
        unit: u8::try_from(index / size.buses + 1).unwrap(),
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

fn point(device: u16, address: u16) -> PointSpec {
    PointSpec {
        tag: format!("P-{device}-{address}").into(),
        device: DeviceId(device),
        source: Source {
            table: Table::Holding,
            address,
            shape: Shape::U16,
            order: Order::default(),
            exponent: None,
        },
        scale: 0.1,
        offset: 0.0,
        range: Some((Value::ZERO, Value::from_i32(1_000))),
        sentinels: vec![0xFFFF],
        period: PERIOD,
        stale_after: PERIOD * 4,
        report: Report { deadband: Value::ZERO, heartbeat: Duration::from_secs(60) },
        safety: is_watched(device, address),
        interlock: false,
        button: None,
    }
}
