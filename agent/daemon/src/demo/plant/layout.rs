//! What stands in the simulated plant: gases, detectors, devices and units. The site file of the demonstration is written
//! from the same tables.

use hazard_field::Unit;
use hazard_field::map::Kind;

/// A gas as a detector of this plant measures it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Gas {
    /// What the site file says of it.
    pub profile: &'static str,
    /// Unit of all its numbers.
    pub unit: Unit,
    /// How its levels lie.
    pub kind: Kind,
    /// Measuring range.
    pub range: [f64; 2],
    /// Set-points of level 1 and 2.
    pub setpoints: [f64; 2],
    /// What is measured while nothing leaks.
    pub idle: f64,
    /// What is measured at the height of a leak.
    pub leak: f64,
}

/// GB/T 50493-2019, 5.5.2: at most 25 and 50 %LEL.
const METHANE: Gas =
    rising("profile = \"combustible\"", (Unit::PercentLel, 100.0), [25.0, 50.0], [1.5, 62.0]);
/// GBZ 2.1: 10 mg/m³.
const HYDROGEN_SULPHIDE: Gas = rising(
    "profile = \"toxic\"\ngas = \"h2s\"",
    (Unit::MilligramPerCubicMetre, 50.0),
    [10.0, 20.0],
    [0.5, 30.0],
);
/// GBZ 2.1: 20 mg/m³, which is 28 ppm.
const AMMONIA: Gas =
    rising("profile = \"toxic\"\ngas = \"nh3\"", (Unit::PartsPerMillion, 100.0), [25.0, 50.0], [2.0, 65.0]);
/// GBZ 2.1: 20 mg/m³.
const CARBON_MONOXIDE: Gas = rising(
    "profile = \"toxic\"\ngas = \"co\"",
    (Unit::MilligramPerCubicMetre, 200.0),
    [20.0, 40.0],
    [2.5, 75.0],
);
const OXYGEN: Gas = Gas {
    profile: "profile = \"oxygen\"",
    unit: Unit::PercentVolume,
    kind: Kind::TwoSided,
    range: [0.0, 25.0],
    setpoints: [19.5, 23.5],
    idle: 20.9,
    leak: 16.0,
};

const fn rising(
    profile: &'static str,
    (unit, full): (Unit, f64),
    setpoints: [f64; 2],
    [idle, leak]: [f64; 2],
) -> Gas {
    Gas { profile, unit, kind: Kind::Rising, range: [0.0, full], setpoints, idle, leak }
}

/// A gas detector.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Detector {
    /// 位号.
    pub tag: &'static str,
    /// Where it hangs and what it smells.
    pub name: &'static str,
    /// The device that is asked for it.
    pub device: &'static str,
    /// The point of that device's template.
    pub from: &'static str,
    /// Its gas.
    pub gas: Gas,
}

const fn detector([tag, name]: [&'static str; 2], [device, from]: [&'static str; 2], gas: Gas) -> Detector {
    Detector { tag, name, device, from, gas }
}

/// Gas detectors.
pub const DETECTOR_COUNT: usize = 12;

/// The gas detectors, in tag order.
pub const DETECTORS: [Detector; DETECTOR_COUNT] = [
    detector(["GT-101", "1号烧毛机天然气"], ["ND-1", "ch1_value"], METHANE),
    detector(["GT-102", "2号烧毛机天然气"], ["ND-1", "ch2_value"], METHANE),
    detector(["GT-103", "1号定型机天然气"], ["ND-1", "ch3_value"], METHANE),
    detector(["GT-104", "2号定型机天然气"], ["ND-1", "ch4_value"], METHANE),
    detector(["GT-105", "锅炉房燃烧器天然气"], ["ND-2", "ch1_value"], METHANE),
    detector(["GT-106", "调压箱天然气"], ["ND-2", "ch2_value"], METHANE),
    detector(["GT-107", "污水站硫化氢"], ["ND-3", "ch1_value"], HYDROGEN_SULPHIDE),
    detector(["GT-108", "污水站氧气"], ["ND-3", "ch2_value"], OXYGEN),
    detector(["GT-109", "液氨丝光间氨气"], ["GD-1", "gas"], AMMONIA),
    detector(["GT-110", "3号定型机天然气"], ["GD-2", "det1_level"], METHANE),
    detector(["GT-111", "4号定型机天然气"], ["GD-2", "det2_level"], METHANE),
    detector(["GT-112", "烧毛间一氧化碳"], ["GD-3", "gas"], CARBON_MONOXIDE),
];

/// What a device is made of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Make {
    /// A node of ours, by its position among the nodes.
    Node(usize),
    /// One gas, with the position of its detector.
    Midas(usize),
    /// Two gases, with the position of the first detector.
    Vortex(usize),
    /// One gas, with the position of its detector.
    SixInOne(usize),
    /// A dust collector, by its position among them.
    Collector(usize),
    /// Interlock contacts.
    Contacts,
    /// Relays.
    Relays,
}

/// A device of the plant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Device {
    /// Its name on the site.
    pub id: &'static str,
    /// The position of its bus in [`BUS_NAMES`].
    pub bus: usize,
    /// Its unit address.
    pub unit: u8,
    /// The template that describes its registers.
    pub template: &'static str,
    pub(super) make: Make,
}

const fn device(id: &'static str, (bus, unit): (usize, u8), template: &'static str, make: Make) -> Device {
    Device { id, bus, unit, template, make }
}

/// Devices.
pub const DEVICE_COUNT: usize = 10;

/// The devices, bus by bus.
pub const DEVICES: [Device; DEVICE_COUNT] = [
    device("ND-1", (0, 1), "hazard-node", Make::Node(0)),
    device("ND-2", (0, 2), "hazard-node", Make::Node(1)),
    device("ND-3", (0, 3), "hazard-node", Make::Node(2)),
    device("GD-1", (1, 1), "honeywell-midas", Make::Midas(8)),
    device("GD-2", (1, 2), "crowcon-vortex", Make::Vortex(9)),
    device("GD-3", (1, 3), "cn-6in1-gas-module", Make::SixInOne(11)),
    device("DC-1", (1, 11), "dust-collector-generic", Make::Collector(0)),
    device("DC-2", (1, 12), "dust-collector-generic", Make::Collector(1)),
    device("IL-1", (2, 1), "interlock-di8", Make::Contacts),
    device("RELAY-1", (2, 2), "relay-module-8", Make::Relays),
];

/// Nodes of ours.
pub(super) const NODE_COUNT: usize = 3;

/// Dust collectors.
pub const COLLECTOR_COUNT: usize = 2;

/// The dust collectors: prefix of their tags, which is their device, and name.
pub const COLLECTORS: [[&str; 2]; COLLECTOR_COUNT] =
    [["DC-1", "1号磨毛机除尘器"], ["DC-2", "2号磨毛机除尘器"]];

/// Interlock contacts in use.
pub const INTERLOCK_COUNT: usize = 3;

/// The interlocks: tag and name, in the order of the module's contacts.
pub const INTERLOCKS: [[&str; 2]; INTERLOCK_COUNT] =
    [["XS-101", "1号除尘风机联锁停机"], ["XS-102", "燃气紧急切断阀关闭"], ["XS-103", "磨毛车间急停"]];

/// Relays of the module.
pub const COIL_COUNT: usize = 8;

/// The buses: nodes over Modbus TCP, the serial server, and the panel over Modbus TCP.
pub const BUS_NAMES: [&str; 3] = ["nodes", "rs485", "panel"];

/// The serial server among the buses.
pub(super) const SERIAL_BUS: usize = 1;
