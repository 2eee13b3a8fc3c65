//! Buses and the devices on them.

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hazard_core::id::BusId;
use hazard_core::site::{BusKind, BusSpec, DeviceSpec};

use super::{Lowering, Section};
use crate::config::catalogue::Code;
use crate::config::device::{DeviceEntry, Manners};
use crate::config::error::{Arg, Fault, Spot, args};
use crate::config::file::{BusFile, BusKindKey, ParityKey};
use crate::config::names::Found;
use crate::config::tree::Node;
use crate::settings::{BusLink, Endpoint, Parity, Serial, Usb};

/// A device with what its points need to know.
pub(super) struct DeviceRow<'a> {
    pub(super) node: Node<'a>,
    pub(super) template: Option<usize>,
    pub(super) poll_ms: u32,
    pub(super) prefix: String,
}

/// Claims a name in one of the name tables, or reports the second use.
macro_rules! claim {
    ($self:ident.$names:ident, $node:expr, $key:literal, $what:expr) => {
        $node.text($key).is_some_and(|name| {
            let spot = $node.at($key);
            let taken = $self.$names.claim(name, spot);
            if let Err(first) = taken {
                let fault = Fault::new(Code::DuplicateName, spot, vec![$what, name.into()]);
                $self.faults.push(fault.against(first));
            }
            taken.is_ok()
        })
    };
}
pub(super) use claim;

impl<'a> Lowering<'a> {
    pub(super) fn buses(&mut self, site: Section<'a, '_>) {
        let mut endpoints = HashMap::new();
        for (node, bus) in self.list::<BusFile>(site, "buses", self.recovered) {
            let fresh = claim!(self.bus_names, node, "id", Arg::Each("总线", "buses"));
            let Some(bus) = bus.filter(|_| fresh) else { continue };
            self.unused_bus_keys(node, &bus);
            let Some(endpoint) = self.endpoint(node, &bus) else { continue };
            self.shared_endpoint(node, &endpoint, &mut endpoints);
            let kind = bus_kind(&bus);
            self.bus_names.settle(&bus.id, self.tables.buses.len());
            let gap = silence(kind).max(millis(bus.gap_ms));
            self.links.push(BusLink {
                name: bus.id.clone(),
                endpoint,
                connect_timeout: millis(bus.connect_timeout_ms),
                pause_after_connect: millis(bus.pause_after_connect_ms),
                gap,
                pauses: Vec::new(),
            });
            self.dictionary.buses.push(bus.id.clone());
            self.tables.buses.push(BusSpec {
                name: bus.id.into(),
                kind,
                probe_share_permille: bus.probe_share_percent * 10,
                gap,
                overload_allowed: bus.allow_overload,
            });
        }
    }

    fn endpoint(&mut self, node: Node<'a>, bus: &BusFile) -> Option<Endpoint> {
        let (key, written) = match bus.kind {
            BusKindKey::Tcp | BusKindKey::RtuOverTcp => ("host", &bus.host),
            BusKindKey::Rtu => ("path", &bus.path),
        };
        let Some(written) = written.clone() else {
            let words = args![&bus.id, key, kind_name(bus.kind)];
            self.faults.push(Fault::new(Code::BusKeyMissing, node.spot(), words));
            return None;
        };
        if bus.kind == BusKindKey::Rtu && Usb::named(Path::new(&written)) == Some(None) {
            self.faults.push(Fault::new(Code::NoUsbAdapter, node.at("path"), args![&bus.id, written]));
            return None;
        }
        let port = bus.port.unwrap_or(502);
        Some(match bus.kind {
            BusKindKey::Tcp => Endpoint::Tcp { host: written, port },
            BusKindKey::RtuOverTcp => Endpoint::RtuOverTcp { host: written, port },
            BusKindKey::Rtu => Endpoint::Rtu(Serial {
                path: PathBuf::from(written),
                baud: baud(bus),
                parity: match bus.parity {
                    None | Some(ParityKey::None) => Parity::None,
                    Some(ParityKey::Even) => Parity::Even,
                    Some(ParityKey::Odd) => Parity::Odd,
                },
                stop_bits: bus.stop_bits.unwrap_or(1),
            }),
        })
    }

    fn unused_bus_keys(&mut self, node: Node<'a>, bus: &BusFile) {
        let unused: &[&str] = match bus.kind {
            BusKindKey::Tcp => &["path", "baud", "parity", "stop_bits"],
            BusKindKey::RtuOverTcp => &["path"],
            BusKindKey::Rtu => &["host", "port"],
        };
        for key in unused.iter().filter(|key| node.get(key).is_some()) {
            let words = args![&bus.id, key, kind_name(bus.kind)];
            self.faults.push(Fault::new(Code::BusKeyUnused, node.at(key), words));
        }
    }

    fn shared_endpoint(&mut self, node: Node<'a>, endpoint: &Endpoint, seen: &mut HashMap<String, Spot>) {
        let (key, code) = match endpoint {
            Endpoint::Rtu(_) => ("path", Code::SharedPort),
            Endpoint::Tcp { .. } | Endpoint::RtuOverTcp { .. } => ("host", Code::SharedEndpoint),
        };
        let name = physical_name(endpoint);
        let spot = node.at(key);
        if let Some(first) = seen.get(&name) {
            self.faults.push(Fault::new(code, spot, args![name]).against(*first));
        } else {
            seen.insert(name, spot);
        }
    }

    pub(super) fn devices(&mut self, site: Section<'a, '_>) {
        let mut units = HashMap::new();
        for (node, device) in self.list::<DeviceEntry>(site, "devices", self.recovered) {
            let fresh = claim!(self.device_names, node, "id", Arg::Each("设备", "devices"));
            let Some(device) = device.filter(|_| fresh) else { continue };
            let (bus, template) = (self.bus_of(node, &device), self.template_of(node, &device));
            let (Some(bus), Some(template)) = (bus, template) else { continue };
            if !self.unit_fits(node, &device, bus) {
                continue;
            }
            let spot = node.at("unit");
            let first = *units.entry((self.physical_bus(bus), device.unit)).or_insert(spot);
            if first != spot {
                let words = args![&device.bus, device.unit];
                self.faults.push(Fault::new(Code::SharedUnit, spot, words).against(first));
            }
            self.device_names.settle(&device.id, self.tables.devices.len());
            self.device(node, device, (bus, template));
        }
    }

    fn bus_of(&mut self, node: Node<'a>, device: &DeviceEntry) -> Option<usize> {
        match self.bus_names.find(&device.bus) {
            Found::At(bus) => Some(bus),
            Found::Faulty => None,
            Found::Unknown(instead) => {
                let words = vec![device.bus.as_str().into(), instead];
                self.unknown(Fault::new(Code::UnknownBus, node.at("bus"), words));
                None
            }
        }
    }

    /// `Some(None)` for a device without a template.
    fn template_of(&mut self, node: Node<'a>, device: &DeviceEntry) -> Option<Option<usize>> {
        let Some(name) = &device.template else { return Some(None) };
        match self.template_names.find(name) {
            Found::At(template) => Some(Some(template)),
            Found::Faulty => None,
            Found::Unknown(_) => {
                let choices = self.sources.template_choices();
                let choices: Vec<&str> = choices.iter().map(String::as_str).collect();
                let instead = crate::config::check::instead(name, &choices);
                let words = vec![name.as_str().into(), instead];
                self.faults.push(Fault::new(Code::UnknownTemplate, node.at("template"), words));
                None
            }
        }
    }

    fn unit_fits(&mut self, node: Node<'a>, device: &DeviceEntry, bus: usize) -> bool {
        let serial = self.tables.buses.get(bus).is_some_and(|bus| bus.kind.is_anonymous());
        let fits = !serial || (1..=247).contains(&device.unit);
        if !fits {
            let words = args![&device.id, device.unit];
            self.faults.push(Fault::new(Code::UnitOnSerial, node.at("unit"), words));
        }
        fits
    }

    /// What the bus is outside of this file: two of one address or port are one.
    fn physical_bus(&self, bus: usize) -> String {
        self.links.get(bus).map_or_else(String::new, |link| physical_name(&link.endpoint))
    }

    /// Where a device is, whatever this file calls it.
    pub(super) fn physical(&self, device: usize) -> Physical {
        let spec = self.tables.devices.get(device);
        spec.map_or_else(Physical::default, |spec| Physical {
            bus: self.physical_bus(spec.bus.index()),
            unit: spec.unit,
        })
    }

    fn device(&mut self, node: Node<'a>, device: DeviceEntry, at: (usize, Option<usize>)) {
        let head = at.1.and_then(|index| self.templates.get(index)).map(|t| t.head.manners);
        let manners = device.manners.or(head.unwrap_or_default());
        let serial = self.tables.buses.get(at.0).is_some_and(|bus| bus.kind.is_anonymous());
        self.devices.push(DeviceRow {
            node,
            template: at.1,
            poll_ms: manners.poll_ms.unwrap_or(1_000),
            prefix: device.tag_prefix.clone().unwrap_or_else(|| device.id.clone()),
        });
        self.dictionary.devices.push(device.id.clone());
        let bus = BusId(u16::try_from(at.0).unwrap_or(u16::MAX));
        let habits = if serial { Habits::LINE } else { Habits::TCP };
        let spec = device_spec(&device, (bus, manners), habits);
        if let Some(link) = self.links.get_mut(at.0).filter(|_| !spec.pause.is_zero()) {
            link.pauses.push((spec.unit, spec.pause));
        }
        self.tables.devices.push(spec);
    }
}

/// A device outside of this file.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub(super) struct Physical {
    bus: String,
    unit: u8,
}

/// One spelling of an address or a port. It asks no resolver and follows no link.
fn physical_name(endpoint: &Endpoint) -> String {
    match endpoint {
        Endpoint::Rtu(serial) if Usb::named(&serial.path).is_some() => {
            serial.path.display().to_string().to_lowercase()
        }
        Endpoint::Rtu(serial) => serial.path.components().collect::<PathBuf>().display().to_string(),
        Endpoint::Tcp { host, port } | Endpoint::RtuOverTcp { host, port } => {
            let host = host.trim_end_matches('.').to_lowercase();
            let host = if host == "localhost" { "127.0.0.1".to_owned() } else { host };
            let host = host.parse::<IpAddr>().map_or(host, |ip| ip.to_canonical().to_string());
            format!("{host}:{port}")
        }
    }
}

/// What devices on one kind of bus usually do.
struct Habits {
    timeout_ms: u32,
    turnaround_ms: u32,
    /// A late reply could be taken for another's: wait this many timeouts.
    late_timeouts: u32,
}

impl Habits {
    const TCP: Self = Self { timeout_ms: 1_000, turnaround_ms: 20, late_timeouts: 0 };
    const LINE: Self = Self { timeout_ms: 500, turnaround_ms: 50, late_timeouts: 2 };
}

fn device_spec(device: &DeviceEntry, (bus, told): (BusId, Manners), habits: Habits) -> DeviceSpec {
    let timeout_ms = told.timeout_ms.unwrap_or(habits.timeout_ms);
    let late_ms = told.late_window_ms.unwrap_or(timeout_ms * habits.late_timeouts);
    DeviceSpec {
        name: device.id.as_str().into(),
        bus,
        unit: device.unit,
        timeout: millis(timeout_ms),
        late_window: millis(late_ms),
        turnaround: millis(told.turnaround_ms.unwrap_or(habits.turnaround_ms)),
        pause: millis(told.pause_ms.unwrap_or(0)),
        registers_max: told.registers_max.unwrap_or(125),
        bits_max: told.bits_max.unwrap_or(2_000),
        gap_max: told.gap_max.unwrap_or(8),
        single: told.single.unwrap_or(false),
        offline_after: device.offline_after,
        probe_max: Duration::from_secs(device.probe_max_s.into()),
        sis: device.sis,
    }
}

fn millis(ms: u32) -> Duration {
    Duration::from_millis(ms.into())
}

fn baud(bus: &BusFile) -> u32 {
    bus.baud.unwrap_or(9_600)
}

fn bus_kind(bus: &BusFile) -> BusKind {
    let parity_bits = u8::from(matches!(bus.parity, Some(ParityKey::Even | ParityKey::Odd)));
    let character_bits = 9 + parity_bits + bus.stop_bits.unwrap_or(1);
    match bus.kind {
        BusKindKey::Tcp => BusKind::Tcp,
        BusKindKey::Rtu => BusKind::Rtu { baud: baud(bus), character_bits },
        BusKindKey::RtuOverTcp => BusKind::RtuOverTcp { baud: baud(bus), character_bits },
    }
}

/// 3.5 characters, 1.75 ms above 19200 Bd (Modbus over Serial Line V1.02, §2.5.1.1).
fn silence(kind: BusKind) -> Duration {
    match kind {
        BusKind::Tcp => Duration::ZERO,
        BusKind::Rtu { baud, .. } | BusKind::RtuOverTcp { baud, .. } if baud > 19_200 => {
            Duration::from_micros(1_750)
        }
        BusKind::Rtu { baud, character_bits } | BusKind::RtuOverTcp { baud, character_bits } => {
            let micros = u64::from(character_bits) * 3_500_000 / u64::from(baud.max(1));
            Duration::from_micros(micros)
        }
    }
}

const fn kind_name(kind: BusKindKey) -> &'static str {
    match kind {
        BusKindKey::Tcp => "tcp",
        BusKindKey::Rtu => "rtu",
        BusKindKey::RtuOverTcp => "rtu_over_tcp",
    }
}
