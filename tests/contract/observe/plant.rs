//! A small gas station run by a real engine: a quiet night, or a leak while one detector is dead and one platform away.

use std::sync::Arc;
use std::time::Duration;

use hazard_agent::dictionary::{AlarmEntry, CommandEntry, Dictionary, PointEntry};
use hazard_agent::journal::JournalStatus;
use hazard_agent::modbus::diagnosis::Cause;
use hazard_agent::modbus::{LinkCounts, UnitHealth};
use hazard_agent::observe::{Facts, Latencies, LineHealth, Status};
use hazard_agent::settings::Identity;
use hazard_core::alarm::{AlarmKind, AlarmSpec, Priority};
use hazard_core::annunciate::{OutputSpec, Role, Wiring};
use hazard_core::call::{CallPlan, CallReport, DeliveryFault, Order as CallOrder, RoleSpec};
use hazard_core::device_command::{Bounds, DeviceCommandSpec, Needs, ReadBack, Risk, Target};
use hazard_core::id::{AlarmId, BusId, DeviceCommandId, DeviceId, Epoch, PointId, RoleId, UplinkId};
use hazard_core::input::{Action, Command, JournalReport, UplinkReport};
use hazard_core::link::{LinkFault, ReadRequest, ReadResult, Table, Words};
use hazard_core::outbox::record::Verb;
use hazard_core::point::{Order, PointSpec, Report, Shape, Source};
use hazard_core::site::{BusKind, BusSpec, DeviceSpec, Site, SiteTables, UplinkSpec};
use hazard_core::{
    ClockTrust, Engine, Input, Mono, Output, Polarity, Side, Snapshot, Start, Threshold, Utc, Value,
};

const EPOCH: Epoch = Epoch(0x5f3a_91c0_07de_4b12);
/// 2026-05-29T04:26:40.000Z.
const STARTED_MS: i64 = 1_780_028_800_000;
const SECONDS: u64 = 30;
const HIGH: AlarmId = AlarmId(0);

/// What happens.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Scene {
    Quiet,
    Leak,
}

pub(super) fn status(scene: Scene) -> Status {
    let (snapshot, facts) = run(scene);
    Status::new(&snapshot, &facts)
}

/// The leak, with names that somebody may have typed.
pub(super) fn evil() -> (Snapshot, Facts) {
    let (snapshot, mut facts) = run(Scene::Leak);
    let mut dictionary = dictionary();
    for (point, tag) in dictionary.points.iter_mut().zip([
        "GT\"1\\01",
        "两行\nEVIL 1\r\n",
        "\u{1b}[2J\u{202e}调压间",
        "a,b}= # x",
    ]) {
        point.tag = tag.into();
        point.name = "\u{7}调压间\nEVIL".into();
    }
    dictionary.devices = vec!["\\\\".into(), "\n".into(), "\"}".into()];
    dictionary.uplinks = vec!["\u{85}区".into(), "\\n".into()];
    for (command, name) in dictionary.commands.iter_mut().zip(["a\"\\\nEVIL 1", "\u{1b}[2J\u{202e}"]) {
        (command.name, command.device) = (name.into(), "\r\nEVIL".into());
    }
    facts.dictionary = dictionary.into();
    facts.uplink_reasons = vec![None, Some("refused\nEVIL\u{1b}[31m".into())];
    facts.identity.enterprise_name = "示例\nEVIL".into();
    (snapshot, facts)
}

pub(super) fn run(scene: Scene) -> (Snapshot, Facts) {
    let start = Start { epoch: EPOCH, utc: Utc::from_unix_ms(STARTED_MS), trust: ClockTrust::Synced };
    let mut engine = Engine::new(Arc::new(site()), &start, Mono::ZERO);
    let opened = JournalReport::Opened { epoch: EPOCH, ordinal: 7, previous: Vec::new(), past: Vec::new() };
    engine.handle(Mono::ZERO, Input::Journal(opened));
    for uplink in 0..if scene == Scene::Quiet { 2 } else { 1 } {
        engine.handle(Mono::ZERO, Input::Uplink { uplink: UplinkId(uplink), report: UplinkReport::Up });
    }
    for ms in (0..=SECONDS * 1000).step_by(10) {
        let now = Mono::from_millis(ms);
        if scene == Scene::Leak && ms == 16_000 {
            engine.command(now, acknowledge());
        }
        if scene == Scene::Leak {
            for (_, command, note) in SENT.iter().filter(|(at, ..)| *at == ms) {
                engine.command(now, send(*command, note));
            }
        }
        engine.handle_timeout(now);
        carry_out(&mut engine, now, scene);
    }
    (engine.snapshot(), facts(scene))
}

fn acknowledge() -> Command {
    let action = Action::Act(Verb::Acknowledge, Some(HIGH));
    Command { actor: "班长".into(), action, note: String::new() }
}

/// Milliseconds, which command, and why: the first is done, the second is refused for want of a reason, then not shown.
const SENT: [(u64, DeviceCommandId, &str); 3] = [
    (12_000, DeviceCommandId(0), ""),
    (17_000, DeviceCommandId(1), " "),
    (18_000, DeviceCommandId(1), "季度试动"),
];

fn send(command: DeviceCommandId, note: &str) -> Command {
    let action = Action::Send { command, value: None, approver: String::new() };
    Command { actor: "班长".into(), action, note: note.into() }
}

fn carry_out(engine: &mut Engine, now: Mono, scene: Scene) {
    while let Some(output) = engine.poll_output() {
        let input = match output {
            Output::Read { bus, ticket, request, .. } => {
                Input::Reply { bus, ticket, result: reply(&request, now, scene) }
            }
            Output::Publish(publish) => {
                Input::Uplink { uplink: publish.uplink, report: UplinkReport::Acked(publish.message) }
            }
            Output::Append { records, .. } => {
                Input::Journal(JournalReport::Durable { through: records.last().unwrap().seq })
            }
            Output::Set { bus, ticket, .. } => Input::Written { bus, ticket, result: Ok(()) },
            Output::Call(order) => Input::Call { attempt: order.attempt, report: delivery(&order) },
            Output::Drive(_) | Output::SaveCursor { .. } => continue,
            Output::Write { .. } | Output::Fetch { .. } | Output::Find { .. } | Output::Reopen => {
                unreachable!("{output:?}")
            }
        };
        engine.handle(now, input);
    }
}

/// The shift leader's telephone is off.
fn delivery(order: &CallOrder) -> CallReport {
    let reason = "no route to host".to_owned();
    match order.role {
        RoleId(0) => CallReport::Delivered,
        _ => CallReport::Failed { fault: DeliveryFault::Unreachable, reason },
    }
}

fn reply(request: &ReadRequest, now: Mono, scene: Scene) -> ReadResult {
    let seconds = now.as_micros() / 1_000_000;
    let leaks = scene == Scene::Leak;
    let count = usize::from(request.count);
    match request.unit {
        1 if leaks && seconds >= 14 => Ok(Words::Registers(vec![60; count])),
        1 if leaks && seconds >= 10 => Ok(Words::Registers(vec![30; count])),
        2 if leaks && seconds >= 11 => Err(LinkFault::Silent),
        3 if request.table.is_bits() => Ok(Words::Bits(vec![false; count])),
        _ => Ok(Words::Registers(vec![5; count])),
    }
}

/// The first device answers, in a leak with noise; the second falls silent.
fn units(leaks: bool) -> Vec<UnitHealth> {
    let answering = UnitHealth {
        causes: if leaks { vec![Cause::Noise, Cause::Intermittent] } else { Vec::new() },
        took: Some(Duration::from_micros(21_340)),
        took_longest: Some(Duration::from_millis(48)),
    };
    let silent = UnitHealth { causes: vec![Cause::UnitAbsent], ..UnitHealth::default() };
    vec![answering.clone(), if leaks { silent } else { answering }]
}

fn facts(scene: Scene) -> Facts {
    let mut latency = Latencies::default();
    for us in [80, 120, 400, 90_000, 20_000_000] {
        latency.turn.observe(Duration::from_micros(us));
    }
    let leaks = scene == Scene::Leak;
    Facts {
        dictionary: dictionary().into(),
        identity: Identity {
            district: "511302".into(),
            enterprise: "E0001".into(),
            enterprise_name: "示例燃气站".into(),
            gateway: "GW-01".into(),
        },
        version: "0.1.0",
        started: Utc::from_unix_ms(STARTED_MS),
        uptime: Duration::from_secs(SECONDS),
        epoch_no: Some(7),
        links: vec![
            LineHealth {
                counts: LinkCounts {
                    requests: 62,
                    replies: 52,
                    silent: 7,
                    garbled: 2,
                    gone: 1,
                    stray_bytes: 9,
                    ..LinkCounts::default()
                },
                causes: if leaks { vec![Cause::Noise] } else { Vec::new() },
            },
            LineHealth {
                counts: LinkCounts { requests: 31, replies: 31, connects: 1, ..LinkCounts::default() },
                causes: Vec::new(),
            },
        ],
        units: units(leaks),
        journal: Some(JournalStatus {
            bytes_on_disk: 100 << 20,
            segments: 3,
            set_aside_bytes: if leaks { 4096 } else { 0 },
            unsigned: leaks,
            oldest: Some(Utc::from_unix_ms(STARTED_MS + 30_000 - 10 * 86_400_000)),
            oldest_event: Some(Utc::from_unix_ms(STARTED_MS + 30_000 - 200 * 86_400_000)),
            unconfirmed_bytes: 4 << 20,
            bytes_per_day: Some(10 << 20),
        }),
        journal_quota_bytes: 1000 << 20,
        uplink_reasons: vec![None, leaks.then(|| "connection refused".to_owned())],
        latency,
    }
}

fn dictionary() -> Dictionary {
    let point = |tag: &str, name: &str, unit: &str| PointEntry {
        tag: tag.into(),
        name: name.into(),
        unit: unit.into(),
        is_switch: false,
        safety: true,
    };
    let alarm = |point, [kind, priority, setpoint]: [&str; 3]| AlarmEntry {
        point,
        kind: kind.into(),
        priority: priority.into(),
        setpoint: setpoint.into(),
        latch: false,
    };
    let command = |name: &str, zh: &str, en: &str| CommandEntry {
        name: name.into(),
        zh: zh.into(),
        en: en.into(),
        device: "PLC-1".into(),
        unit: String::new(),
    };
    Dictionary {
        config_hash: "blake3:7d5ad0d3f1c24b0e".into(),
        points: vec![
            point("GT-101", "调压间燃气浓度", "%LEL"),
            point("GT-102", "阀井燃气浓度", "%LEL"),
            point("PT-201", "进站压力", "MPa"),
            PointEntry { is_switch: true, ..point("XV-301", "紧急切断阀关到位", "") },
        ],
        alarms: vec![
            alarm(0, ["high", "medium", "25"]),
            alarm(0, ["high_high", "high", "50"]),
            alarm(1, ["lost", "low", ""]),
            alarm(3, ["digital", "high", ""]),
        ],
        devices: vec!["GDS-1".into(), "GDS-2".into(), "PLC-1".into()],
        buses: vec!["RS485-1".into(), "LAN".into()],
        outputs: vec!["HORN".into(), "FAULT".into()],
        uplinks: vec!["district".into(), "city".into()],
        safeguards: Vec::new(),
        votes: Vec::new(),
        trips: Vec::new(),
        permits: Vec::new(),
        key_periods: Vec::new(),
        key_setpoints: Vec::new(),
        upkeep: Vec::new(),
        roles: vec!["值班员".into(), "班长".into()],
        commands: vec![
            command("PT-201/零点", "进站压力零点", "inlet pressure zero"),
            command("XV-301/试动", "紧急切断阀试动", "shut-off valve test"),
        ],
    }
}

fn site() -> Site {
    let rtu = BusKind::Rtu { baud: 9_600, character_bits: 10 };
    Site::try_new(SiteTables {
        buses: vec![bus("RS485-1", rtu), bus("LAN", BusKind::Tcp)],
        devices: vec![device("GDS-1", 0, 1), device("GDS-2", 0, 2), device("PLC-1", 1, 3)],
        points: vec![
            point("GT-101", 0, Table::Holding),
            point("GT-102", 1, Table::Holding),
            point("PT-201", 2, Table::Holding),
            point("XV-301", 2, Table::Discrete),
        ],
        alarms: vec![
            alarm(0, AlarmKind::High, limit(25)),
            alarm(0, AlarmKind::HighHigh, limit(50)),
            AlarmSpec { priority: Priority::Low, ..alarm(1, AlarmKind::Lost, Threshold::switch(Side::High)) },
            alarm(3, AlarmKind::Digital, Threshold::switch(Side::High)),
        ],
        outputs: vec![output("HORN", Role::Horn(Priority::Low)), output("FAULT", Role::Fault)],
        uplinks: ["district", "city"]
            .map(|name| UplinkSpec {
                name: name.into(),
                window: 8,
                message_records_max: 50,
                ..UplinkSpec::default()
            })
            .into(),
        calls: Arc::new(ladders()),
        commands: commands(),
        ..SiteTables::default()
    })
    .unwrap()
}

/// Every register of the third device reads 5, and every bit is off: the first is done, the second is not shown.
fn commands() -> Vec<DeviceCommandSpec> {
    let target = |start, shape| Target {
        start,
        shape,
        coils: 1,
        order: Order::default(),
        scale: 1.0,
        offset: 0.0,
        always_many: false,
    };
    let zero = DeviceCommandSpec {
        name: "PT-201/零点".into(),
        device: DeviceId(2),
        target: target(20, Shape::U16),
        bounds: Bounds::Fixed(Value::from_i32(5)),
        read_back: Some(ReadBack { table: Table::Holding, start: 20, tolerance: Value::ZERO }),
        risk: Risk::Routine,
        needs: Needs::default(),
        retries: 0,
        deadline: Duration::from_secs(30),
        every: Duration::from_secs(1),
    };
    let valve = DeviceCommandSpec {
        name: "XV-301/试动".into(),
        target: target(9, Shape::Bit),
        bounds: Bounds::Fixed(Value::ONE),
        read_back: Some(ReadBack { table: Table::Coil, start: 9, tolerance: Value::ZERO }),
        risk: Risk::Calibration,
        needs: Needs { reason: true, second_person: false },
        ..zero.clone()
    };
    vec![zero, valve]
}

/// Both roles at once, so that one of them can be called in vain.
fn ladders() -> CallPlan {
    let mut plan = CallPlan::usual(["值班员", "班长"].map(|name| RoleSpec { name: name.into() }).into());
    plan.ladders[Priority::Medium as usize].rungs[0].roles.push(RoleId(1));
    plan
}

fn bus(name: &str, kind: BusKind) -> BusSpec {
    BusSpec { name: name.into(), kind, probe_share_permille: 50, gap: Duration::ZERO, overload_allowed: true }
}

fn device(name: &str, bus: u16, unit: u8) -> DeviceSpec {
    DeviceSpec {
        name: name.into(),
        bus: BusId(bus),
        unit,
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

fn point(tag: &str, device: u16, table: Table) -> PointSpec {
    PointSpec {
        tag: tag.into(),
        device: DeviceId(device),
        source: Source {
            table,
            address: 0,
            shape: if table.is_bits() { Shape::Bit } else { Shape::U16 },
            order: Order::default(),
            exponent: None,
        },
        scale: 1.0,
        offset: 0.0,
        range: None,
        sentinels: Vec::new(),
        period: Duration::from_secs(1),
        stale_after: Duration::from_secs(3),
        report: Report { deadband: Value::ZERO, heartbeat: Duration::from_secs(5) },
        safety: true,
        interlock: false,
        button: None,
    }
}

fn limit(setpoint: i32) -> Threshold {
    Threshold {
        side: Side::High,
        setpoint: Value::from_i32(setpoint),
        deadband: Value::ONE,
        on_delay: Duration::ZERO,
        off_delay: Duration::ZERO,
    }
}

fn alarm(point: u32, kind: AlarmKind, threshold: Threshold) -> AlarmSpec {
    AlarmSpec::new(PointId(point), kind, threshold)
}

fn output(name: &str, role: Role) -> OutputSpec {
    OutputSpec { name: name.into(), role, wiring: Wiring::Gpio, polarity: Polarity::DeEnergiseToAlarm }
}
