//! What measures and what alarms: buses, devices, points, alarms.

use hazard_core::alarm::{AlarmKind, AlarmSpec, Priority, Signal};
use hazard_core::annunciate::{OutputSpec, Wiring};
use hazard_core::id::{AlarmId, BusId, DeviceId, PointId};
use hazard_core::point::{PointSpec, Report};
use hazard_core::site::{BusSpec, DeviceSpec};
use hazard_core::{Side, Site, Threshold, Value};

use super::fact::{Fact, Rule, Subject, Words};
use crate::dictionary::{AlarmEntry, Dictionary, PointEntry};
use crate::settings::{BusLink, Endpoint, Serial};
use crate::words;

pub(super) struct Plant<'a> {
    pub(super) site: &'a Site,
    pub(super) names: &'a Dictionary,
}

impl Plant<'_> {
    pub(super) fn point(&self, point: PointId) -> String {
        self.names.point_name(point)
    }

    pub(super) fn alarm(&self, alarm: AlarmId) -> String {
        self.names.alarm_name(alarm)
    }

    pub(super) fn device(&self, device: DeviceId) -> String {
        self.site.devices.get(device.index()).map_or_else(String::new, |device| device.name.to_string())
    }

    /// Whether what the point reads protects: by itself, by an interlock, or because another point or a person relies on it.
    fn protects(&self, point: PointId) -> bool {
        let Some(spec) = self.site.points.get(point.index()) else {
            return false;
        };
        let compared = |alarm: &AlarmSpec| {
            alarm.suppressed_while == Some(point)
                || matches!(alarm.signal, Signal::Deviation { from } if from == point)
        };
        spec.safety
            || spec.interlock
            || spec.button.is_some()
            || self.site.matrix.feedbacks().any(|of| of == point)
            || self.site.matrix.trips.iter().any(|trip| trip.reset_button == Some(point))
            || self.site.statuses.iter().any(|status| status.source == point)
            || self.site.alarms.iter().any(compared)
    }

    /// What a change does to which devices are reached, or how.
    fn reached_by(&self, is_reached: impl Fn(DeviceId) -> bool) -> Rule {
        let mut points = (0..).map(PointId).zip(&self.site.points);
        let driven =
            |output: &OutputSpec| matches!(output.wiring, Wiring::Coil { device, .. } if is_reached(device));
        let protects = points.any(|(id, spec)| is_reached(spec.device) && self.protects(id))
            || self.site.outputs.iter().any(driven);
        if protects { Rule::Sight } else { Rule::Wiring }
    }

    fn bus(&self, bus: BusId) -> String {
        self.site.buses.get(bus.index()).map_or_else(String::new, |bus| bus.name.to_string())
    }

    /// A value in a point's unit.
    pub(super) fn value(&self, point: PointId, value: Value) -> String {
        let unit = self.names.points.get(point.index()).map_or("", |entry| &*entry.unit);
        format!("{} {unit}", value.get()).trim_end().to_owned()
    }
}

pub(super) fn subjects(plant: &Plant<'_>, links: &[BusLink]) -> Vec<Subject> {
    let site = plant.site;
    let mut subjects: Vec<Subject> =
        (0..).map(BusId).zip(site.buses.iter().zip(links)).map(|(id, both)| bus(plant, id, both)).collect();
    let devices = (0..).map(DeviceId).zip(&site.devices);
    subjects.extend(devices.map(|(id, spec)| device(plant, id, spec)));
    let points = (0..).map(PointId).zip(site.points.iter().zip(&plant.names.points));
    subjects.extend(points.map(|(id, (spec, entry))| point(plant, id, (spec, entry))));
    let alarms = (0..).map(AlarmId).zip(site.alarms.iter().zip(&plant.names.alarms));
    subjects.extend(alarms.map(|(id, (spec, entry))| alarm(plant, id, (spec, entry))));
    subjects
}

fn bus(plant: &Plant<'_>, id: BusId, (spec, link): (&BusSpec, &BusLink)) -> Subject {
    let on_it = |device: DeviceId| plant.site.devices.get(device.index()).is_some_and(|spec| spec.bus == id);
    let wiring = plant.reached_by(on_it);
    let BusSpec { name, kind: _, probe_share_permille, gap, overload_allowed } = spec;
    let BusLink { name: _, endpoint, connect_timeout, pause_after_connect, gap: _, pauses: _ } = link;
    let endpoint = match endpoint {
        Endpoint::Tcp { host, port } => format!("tcp {host}:{port}"),
        Endpoint::RtuOverTcp { host, port } => format!("rtu_over_tcp {host}:{port}"),
        Endpoint::Rtu(Serial { path, baud, parity, stop_bits }) => {
            format!("{} {baud} {parity:?} {stop_bits}", path.display())
        }
    };
    let facts = vec![
        Fact::new(("地址", "address"), endpoint, wiring),
        Fact::new(("探测占用‰", "probe share ‰"), probe_share_permille, Rule::Matters),
        Fact::new(("请求间隔", "gap"), super::fact::time(*gap), Rule::Matters),
        Fact::no_protects(("允许过载", "overload allowed"), *overload_allowed),
        Fact::new(("连接时限", "connect timeout"), super::fact::time(*connect_timeout), Rule::Service),
        Fact::new(
            ("连接后等待", "pause after connect"),
            super::fact::time(*pause_after_connect),
            Rule::Service,
        ),
    ];
    Subject { kind: ("总线", "bus"), name: name.to_string(), rule: Rule::Wiring, facts }
}

fn device(plant: &Plant<'_>, id: DeviceId, spec: &DeviceSpec) -> Subject {
    let wiring = plant.reached_by(|device| device == id);
    let DeviceSpec {
        name,
        bus,
        unit,
        timeout,
        late_window,
        turnaround,
        pause,
        registers_max,
        bits_max,
        gap_max,
        single,
        offline_after,
        probe_max,
        sis,
    } = spec;
    let service = |what: Words, number: u64| Fact::new(what, number, Rule::Service);
    let facts = vec![
        Fact::new(("总线", "bus"), plant.bus(*bus), wiring),
        Fact::new(("站号", "unit address"), unit, wiring),
        Fact::sooner(("应答时限", "reply timeout"), *timeout),
        Fact::new(("迟到窗口", "late window"), super::fact::time(*late_window), Rule::Matters),
        Fact::new(("典型应答时间", "turnaround"), super::fact::time(*turnaround), Rule::Service),
        Fact::new(("请求前停顿", "pause before a request"), super::fact::time(*pause), Rule::Service),
        service(("每次最多寄存器", "registers at once"), (*registers_max).into()),
        service(("每次最多位", "bits at once"), (*bits_max).into()),
        service(("可跨地址", "gap of addresses"), (*gap_max).into()),
        Fact::new(("每次只读一个量", "one quantity per request"), single, Rule::Service),
        Fact::new(("几次无应答算离线", "failures until offline"), offline_after, Rule::Matters),
        Fact::sooner(("离线探测间隔", "probe interval"), *probe_max),
        Fact::yes_protects(("属于 SIS", "part of a SIS"), *sis),
    ];
    Subject { kind: ("设备", "device"), name: name.to_string(), rule: Rule::Wiring, facts }
}

fn point(plant: &Plant<'_>, id: PointId, (spec, entry): (&PointSpec, &PointEntry)) -> Subject {
    let PointSpec {
        tag,
        device,
        source,
        scale,
        offset,
        range,
        sentinels,
        period,
        stale_after,
        report: Report { deadband, heartbeat },
        safety,
        interlock,
        button,
    } = spec;
    let PointEntry { tag: _, name, unit, is_switch: _, safety: _ } = entry;
    let protects = plant.protects(id);
    let wiring = if protects { Rule::Sight } else { Rule::Wiring };
    let mut facts = vec![
        Fact::new(("名称", "name"), name, Rule::Text),
        Fact::new(("单位", "unit"), unit, wiring),
        Fact::new(("设备", "device"), plant.device(*device), wiring),
        Fact::new(("寄存器", "registers"), registers(source), wiring),
        Fact::new(("比例", "scale"), scale, wiring),
        Fact::new(("偏移", "offset"), offset, wiring),
        Fact::sooner(("轮询周期", "poll period"), *period),
        Fact::sooner(("过期时限", "staleness limit"), *stale_after),
        Fact::new(("上报死区", "report deadband"), deadband.get(), Rule::Service),
        Fact::new(("上报心跳", "report heartbeat"), super::fact::time(*heartbeat), Rule::Service),
        Fact::yes_protects(("安全点", "safety point"), *safety),
        Fact::yes_protects(("联锁点", "interlock point"), *interlock),
    ];
    // A narrower range or one more sentinel hides what is read there; a wider or one fewer shows what is not.
    let sight = |rule| if protects { Rule::Sight } else { rule };
    if let Some((low, high)) = range {
        let (below, above) = (plant.value(id, *low), plant.value(id, *high));
        facts.push(Fact::new(("量程下限", "range from"), below, sight(Rule::More(low.get()))));
        facts.push(Fact::new(("量程上限", "range to"), above, sight(Rule::Less(high.get()))));
    }
    let sentinels = sentinels.iter().map(u64::to_string);
    facts.extend(sentinels.map(|one| Fact::member(("无效值", "sentinel"), one, sight(Rule::Protects))));
    let verb = button.map(|verb| Fact::new(("按钮", "button"), words::verb(verb), Rule::Matters));
    facts.extend(verb);
    // A measurement that no alarm needs is missed by nobody at once, and yet by somebody.
    let rule = if *safety { Rule::Protects } else { Rule::Matters };
    Subject { kind: ("点", "point"), name: tag.to_string(), rule, facts }
}

fn registers(source: &hazard_core::point::Source) -> String {
    let hazard_core::point::Source { table, address, shape, order, exponent } = source;
    let hazard_core::point::Order { low_word_first, low_byte_first } = order;
    let order = match (low_word_first, low_byte_first) {
        (false, false) => "ABCD",
        (true, false) => "CDAB",
        (false, true) => "BADC",
        (true, true) => "DCBA",
    };
    let exponent = exponent.map_or_else(String::new, |exponent| format!(" {exponent:?}"));
    format!("{table:?} {address} {shape:?} {order}{exponent}")
}

fn alarm(plant: &Plant<'_>, id: AlarmId, (spec, entry): (&AlarmSpec, &AlarmEntry)) -> Subject {
    // The number of a zone moves when another is written before it, and marks the first alarm only.
    let AlarmSpec {
        point,
        kind: _,
        signal,
        threshold,
        key_setpoint,
        priority,
        latch,
        shelve_max,
        zone: _,
        suppressed_while,
        fails_to_alarm,
    } = spec;
    let AlarmEntry { point: _, kind: _, priority: _, setpoint: written, latch: _ } = entry;
    let Threshold { side, setpoint, deadband, on_delay, off_delay } = threshold;
    let unit = plant.names.points.get(point.index()).map_or("", |entry| &*entry.unit);
    let with_unit = |text: &str| format!("{text} {unit}").trim_end().to_owned();
    let toward = |value: Value| match side {
        Side::High => Rule::Less(value.get()),
        Side::Low => Rule::More(value.get()),
    };
    let mut facts = vec![
        Fact::new(("越限方向", "side"), format!("{side:?}").to_lowercase(), Rule::Matters),
        Fact::sooner(("延时", "on-delay"), *on_delay),
        Fact::new(("恢复延时", "off-delay"), super::fact::time(*off_delay), Rule::Matters),
        Fact::new(("回差", "deadband"), with_unit(&deadband.get().to_string()), Rule::Matters),
        urgency(("优先级", "priority"), *priority),
        Fact::yes_protects(("锁存", "latch"), *latch),
        Fact::yes_protects(("失效即报警", "fails to alarm"), *fails_to_alarm),
        Fact::sooner(("可搁置", "may be shelved for"), *shelve_max),
    ];
    if compares(spec.kind) {
        let shown = if written.is_empty() { setpoint.get().to_string() } else { written.clone() };
        facts.push(Fact::new(("设定值", "set-point"), with_unit(&shown), toward(*setpoint)));
    }
    if let Some(value) = key_setpoint {
        let shown = plant.names.key_setpoint(id).unwrap_or_default();
        facts.push(Fact::new(("重点时段设定值", "key set-point"), with_unit(shown), toward(*value)));
    }
    facts.extend(watched(plant, *signal));
    let suppressor = suppressed_while.map(|point| plant.point(point));
    facts.extend(suppressor.map(|tag| Fact::new(("抑制条件", "suppressed while"), tag, Rule::Lessens)));
    Subject { kind: ("报警", "alarm"), name: plant.alarm(id), rule: Rule::Protects, facts }
}

/// Whether the set-point is a number that somebody wrote.
const fn compares(kind: AlarmKind) -> bool {
    match kind {
        AlarmKind::LowLow
        | AlarmKind::Low
        | AlarmKind::High
        | AlarmKind::HighHigh
        | AlarmKind::Rate
        | AlarmKind::Deviation => true,
        AlarmKind::Digital
        | AlarmKind::Lost
        | AlarmKind::Discrepancy
        | AlarmKind::Frozen
        | AlarmKind::OverRange
        | AlarmKind::Unproven => false,
    }
}

fn watched(plant: &Plant<'_>, signal: Signal) -> Option<Fact> {
    match signal {
        Signal::Value | Signal::Lost | Signal::Frozen | Signal::OverRange => None,
        Signal::Rate { over } => {
            Some(Fact::new(("变化率窗口", "measured over"), super::fact::time(over), Rule::Matters))
        }
        Signal::Deviation { from } => {
            Some(Fact::new(("对比点", "compared with"), plant.point(from), Rule::Matters))
        }
        Signal::Discrepancy { output } => {
            let output = plant.names.outputs.get(output.index()).cloned().unwrap_or_default();
            Some(Fact::new(("对应输出", "output"), output, Rule::Matters))
        }
        Signal::Unproven { trip } => {
            Some(Fact::new(("联锁", "trip"), plant.names.trip_name(trip), Rule::Matters))
        }
    }
}

pub(super) fn urgency(what: Words, priority: Priority) -> Fact {
    Fact::new(what, words::priority(priority), Rule::More(f64::from(priority as u8)))
}
