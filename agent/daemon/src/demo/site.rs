//! The demonstration's site file, as text: the demonstration is configured on the same path as any gateway.

use std::fmt::Write as _;
use std::path::Path;

use hazard_field::map::Kind;

use super::plant::{BUS_NAMES, COLLECTORS, DETECTORS, DEVICES, Detector, INTERLOCKS, Plant};

const RETENTION: &str = "\n[retention]\nquota_mb = 64\n";

/// The nodes' own horns are shown beside what they measure.
const NODES: [&str; 3] = ["ND-1", "ND-2", "ND-3"];

/// Points of a dust collector: end of the tag, end of the name, the template's point, further keys. The fan of the
/// demonstration is told at once.
const COLLECTOR_POINTS: [[&str; 4]; 4] = [
    ["T", "灰斗温度", "hopper_temperature", ""],
    ["DP", "进出口压差", "differential_pressure", ""],
    ["VALVE", "锁气卸灰故障", "rotary_valve_fault", ""],
    [
        "FAN",
        "风机运行",
        "fan_running",
        "profile = \"fan\"\nalarms = [{ kind = \"digital\", on_delay_ms = 0 }]\n",
    ],
];

/// What such a plant was found without: a collector that nothing vents, and a wall that would not stand.
const SAFEGUARDS: [&str; 4] = [
    "kind = \"vent_panel\"\ndevice = \"DC-1\"\nstate = \"absent\"\nnote = \"加装泄爆片\"\ndeadline = \"2026-12-31\"\n",
    "kind = \"vent_panel\"\ndevice = \"DC-2\"\nstate = \"fitted\"\n",
    "kind = \"isolation_valve\"\ndevice = \"DC-2\"\nstate = \"fitted\"\n",
    "kind = \"partition_wall\"\nplace = \"磨毛车间\"\nstate = \"absent\"\nnote = \"改建防爆墙\"\ndeadline = \"2026-12-31\"\n",
];

/// Annunciator: name, role and what else is said of it, relay of the module.
const OUTPUTS: [[&str; 3]; 5] = [
    ["HORN-1", "role = \"horn\"\nmin_priority = \"medium\"", "0"],
    ["BEACON-1", "role = \"beacon\"", "1"],
    ["FAULT-1", "role = \"fault\"", "2"],
    [
        "FAN-START",
        "role = \"alarms\"\npolarity = \"energise_to_alarm\"\nalarms = [\"GT-101:high_high\", \"GT-102:high_high\"]",
        "3",
    ],
    ["HEARTBEAT", "role = \"heartbeat\"", "7"],
];

/// Commands to the first node, whose detectors leak first: silencing its horn, and a reset, which takes a second person.
pub(super) const SILENCE: &str = "ND-1/silence";
/// See [`SILENCE`].
pub(super) const RESET: &str = "ND-1/reset";

/// The site file for a running plant and a broker on loopback; the gateway keeps its journal in `state_dir`.
#[must_use]
pub fn site_toml(plant: &Plant, broker_port: u16, state_dir: &Path) -> String {
    let mut text = head(state_dir);
    for (bus, (name, port)) in BUS_NAMES.iter().zip(plant.ports()).enumerate() {
        let kind = if bus == 1 { "rtu_over_tcp" } else { "tcp" };
        text += &section(
            "buses",
            &format!("id = \"{name}\"\nkind = \"{kind}\"\nhost = \"127.0.0.1\"\nport = {port}\n"),
        );
    }
    for device in &DEVICES {
        let (id, bus, unit, template) = (device.id, BUS_NAMES[device.bus], device.unit, device.template);
        let keys = format!(
            "id = \"{id}\"\nbus = \"{bus}\"\nunit = {unit}\ntemplate = \"{template}\"\nprobe_max_s = 3\n"
        );
        text += &section("devices", &keys);
    }
    text += &points();
    for keys in SAFEGUARDS {
        text += &section("safeguards", keys);
    }
    for id in [SILENCE, RESET] {
        if let Some((device, from)) = id.split_once('/') {
            text +=
                &section("commands", &format!("id = \"{id}\"\ndevice = \"{device}\"\nfrom = \"{from}\"\n"));
        }
    }
    for [id, role, relay] in OUTPUTS {
        let keys = format!("id = \"{id}\"\n{role}\ncoil = {{ device = \"RELAY-1\", address = {relay} }}\n");
        text += &section("outputs", &keys);
    }
    text += &section(
        "uplinks",
        &format!(
            "id = \"district\"\nkind = \"mqtt\"\nhost = \"127.0.0.1\"\nport = {broker_port}\nversion = \"3.1.1\"\n\
             keep_alive_s = 5\nconnect_timeout_s = 3\nstall_timeout_s = 5\nretry_max_s = 3\n"
        ),
    );
    text + RETENTION
}

fn head(state_dir: &Path) -> String {
    let state_dir = toml::Value::String(state_dir.to_string_lossy().into_owned());
    format!(
        "# 演示站点，由 hazard demo 写出。 The demonstration's site, written by hazard demo.\n\
         [enterprise]\ndistrict = \"511303\"\nid = \"JF0001\"\nname = \"嘉福纺织\"\n\n\
         [gateway]\nid = \"gw-demo\"\nstate_dir = {state_dir}\n"
    )
}

fn section(name: &str, keys: &str) -> String {
    format!("\n[[{name}]]\n{keys}")
}

fn points() -> String {
    let mut text = String::new();
    for detector in &DETECTORS {
        text += &section("points", &gas(detector));
    }
    for node in NODES {
        text += &section("points", &point([&format!("{node}.HORN"), "节点声响器", node, "horn"]));
    }
    for [device, name] in COLLECTORS {
        for [tag, quantity, from, more] in COLLECTOR_POINTS {
            let keys = point([&format!("{device}.{tag}"), &format!("{name}{quantity}"), device, from]);
            text += &section("points", &(keys + more));
        }
    }
    for (n, [tag, name]) in (1..).zip(INTERLOCKS) {
        let keys = point([tag, name, "IL-1", &format!("di{n}")]);
        text += &section("points", &(keys + "profile = \"interlock_status\"\n"));
    }
    text
}

fn gas(detector: &Detector) -> String {
    let gas = &detector.gas;
    let kinds = match gas.kind {
        Kind::Rising | Kind::NotFitted => ["high", "high_high"],
        Kind::Falling => ["low", "low_low"],
        Kind::TwoSided => ["low", "high"],
    };
    let mut keys = point([detector.tag, detector.name, detector.device, detector.from]);
    let [least, greatest] = gas.range;
    // Writing to a string cannot fail.
    let _written = write!(
        keys,
        "{}\nunit = \"{}\"\nrange = [{least}, {greatest}]\nalarms = [",
        gas.profile,
        gas.unit.symbol()
    );
    for (kind, setpoint) in kinds.iter().zip(gas.setpoints) {
        let _written = write!(keys, "{{ kind = \"{kind}\", setpoint = {setpoint} }}, ");
    }
    keys + "]\n"
}

fn point([tag, name, device, from]: [&str; 4]) -> String {
    format!("tag = \"{tag}\"\nname = \"{name}\"\ndevice = \"{device}\"\nfrom = \"{from}\"\n")
}
