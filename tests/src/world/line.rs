//! Lines and devices: registers that show their point's signature plus a measured value, and every way in which a line
//! fails. What arrives at the engine is what the Modbus adapter promises: words, a fault, or an answer too late to count.

use std::collections::BTreeMap;
use std::time::Duration;

use hazard_core::id::{BusId, DeviceId, PointId};
use hazard_core::link::{Exception, LinkFault, ReadRequest, ReadResult, Setting, Table, Words, WriteRequest};
use hazard_core::{Mono, Site};

use super::health::{Sensors, WORD};
use super::node::{CHANNELS, SimNode};
use super::site::{NODE, RELAY_MODULE, signature};
use super::watched::TOO_LOW;
use crate::rng::Rng;

#[derive(Clone, Copy, Debug)]
enum Trouble {
    Silent,
    Late,
    Garbled,
    WrongCount,
    Busy,
    NoSuchAddress,
}

#[derive(Clone, Debug)]
struct Device {
    trouble: Option<(Trouble, Mono)>,
    troubled_at: Mono,
}

#[derive(Clone, Debug)]
struct Measured {
    value: i32,
    until: Mono,
    /// Since when it has been at or above 25, at or above 50, and too low.
    beyond: [Option<Mono>; 3],
    /// The device shows its "no measurement" value.
    mute: bool,
}

#[derive(Clone, Debug)]
struct Place {
    device: DeviceId,
    unit: u8,
    bus: BusId,
    table: hazard_core::link::Table,
    address: u16,
}

/// All lines of the plant.
#[derive(Debug)]
pub(super) struct Lines {
    rng: Rng,
    places: Vec<Place>,
    units: Vec<u8>,
    measured: Vec<Measured>,
    devices: Vec<Device>,
    gone_until: Vec<Mono>,
    coils: [bool; 4],
    /// What commands wrote, by unit and address; units differ on all buses.
    set: BTreeMap<(u8, u16), u16>,
    node: SimNode,
    sensors: Sensors,
}

impl Lines {
    pub(super) fn new(site: &Site, seed: u64) -> Self {
        let place = |point: &hazard_core::point::PointSpec| Place {
            device: point.device,
            unit: site.devices[point.device.index()].unit,
            bus: site.devices[point.device.index()].bus,
            table: point.source.table,
            address: point.source.address,
        };
        let idle = Measured { value: 5, until: Mono::ZERO, beyond: [None; 3], mute: false };
        Self {
            rng: Rng::new(seed),
            places: site.points.iter().map(place).collect(),
            units: site.devices.iter().map(|device| device.unit).collect(),
            // The status register behind them measures nothing.
            measured: vec![idle; WORD.index()],
            devices: vec![Device { trouble: None, troubled_at: Mono::ZERO }; site.devices.len()],
            gone_until: vec![Mono::ZERO; site.buses.len()],
            coils: [true; 4],
            set: BTreeMap::new(),
            node: SimNode::new(),
            sensors: Sensors::new(seed),
        }
    }

    /// The plant lives on: values idle, leak and return.
    pub(super) fn live(&mut self, now: Mono) {
        self.sensors.live(now);
        for (point, measured) in (0..).map(PointId).zip(&mut self.measured) {
            if now < measured.until {
                continue;
            }
            let (value, mute, seconds) = match self.rng.between(0, 99) {
                0..=3 => (self.rng.between(30, 48), false, self.rng.between(5, 40)),
                4..=5 => (self.rng.between(52, 100), false, self.rng.between(5, 40)),
                6 => (self.rng.between(101, 150), false, self.rng.between(2, 20)),
                7 => (5, true, self.rng.between(2, 20)),
                _ => (self.rng.between(0, 12), false, self.rng.between(1, 30)),
            };
            let value = i32::try_from(value).unwrap();
            (measured.value, measured.mute) = self.sensors.measured(point, (value, mute));
            measured.until = now + Duration::from_secs(seconds);
            let counts = self.sensors.take(now, point, (measured.value, measured.mute));
            let (value, limits) = (measured.value, &mut measured.beyond);
            for (since, is_beyond) in limits.iter_mut().zip([value >= 25, value >= 50, value <= TOO_LOW]) {
                *since = if counts && is_beyond { since.or(Some(now)) } else { None };
            }
        }
    }

    /// Since when the point has been at or above its first (0) or second (1) set-point, or too low (2).
    pub(super) fn beyond_since(&self, point: PointId, level: usize) -> Option<Mono> {
        let since = self.measured.get(point.index())?.beyond[level]?;
        Some(since.max(self.sensors.speaks_since(point)?))
    }

    /// When the device or its bus last did anything wrong.
    pub(super) fn troubled_at(&self, device: DeviceId, bus: BusId) -> Mono {
        self.devices[device.index()].troubled_at.max(self.gone_until[bus.index()])
    }

    pub(super) const fn sensors(&self) -> &Sensors {
        &self.sensors
    }

    /// How many points measure.
    pub(super) fn points(&self) -> usize {
        self.measured.len()
    }

    pub(super) fn coils(&self) -> [bool; 4] {
        self.coils
    }

    pub(super) fn misfortune(&mut self, now: Mono, rng: &mut Rng) -> u64 {
        let mut faults = 0;
        for device in &mut self.devices {
            if rng.chance(25) {
                let trouble = match rng.between(0, 5) {
                    0 => Trouble::Silent,
                    1 => Trouble::Late,
                    2 => Trouble::Garbled,
                    3 => Trouble::WrongCount,
                    4 => Trouble::Busy,
                    _ => Trouble::NoSuchAddress,
                };
                device.trouble = Some((trouble, now + Duration::from_millis(rng.between(200, 40_000))));
                faults += 1;
            }
        }
        for gone in &mut self.gone_until {
            if rng.chance(6) {
                *gone = now + Duration::from_millis(rng.between(500, 20_000));
                faults += 1;
            }
        }
        faults
    }

    pub(super) fn heal(&mut self) {
        for device in &mut self.devices {
            device.trouble = None;
        }
        self.gone_until.fill(Mono::ZERO);
        self.sensors.heal();
        // What their sensors measure is drawn anew within half a second.
        self.measured.iter_mut().for_each(|measured| measured.until = Mono::ZERO);
    }

    /// The answers to a read, each with its delay; the second one finds its ticket spent.
    pub(super) fn read(
        &mut self,
        now: Mono,
        bus: BusId,
        request: &ReadRequest,
    ) -> Vec<(Duration, ReadResult)> {
        let turnaround = Duration::from_millis(self.rng.between(3, 15));
        let timeout = Duration::from_millis(100);
        if now < self.gone_until[bus.index()] {
            return vec![(Duration::from_millis(1), Err(LinkFault::Gone))];
        }
        let words = match request.table {
            Table::Coil => Words::Bits(self.shown(request)),
            Table::Discrete | Table::Input | Table::Holding => {
                Words::Registers(self.registers(now, bus, request))
            }
        };
        let Some(trouble) = self.trouble(now, request.unit) else {
            return vec![(turnaround, Ok(words))];
        };
        match trouble {
            Trouble::Silent => vec![(timeout, Err(LinkFault::Silent))],
            Trouble::Late => vec![
                (timeout, Err(LinkFault::Silent)),
                (Duration::from_millis(self.rng.between(101, 900)), Ok(words)),
            ],
            Trouble::Garbled => vec![(turnaround, Err(LinkFault::Garbled))],
            Trouble::WrongCount => {
                let mut shifted = words;
                match &mut shifted {
                    Words::Registers(words) => words.insert(0, 77),
                    Words::Bits(bits) => bits.insert(0, true),
                }
                vec![(turnaround, Ok(shifted))]
            }
            Trouble::Busy => vec![(turnaround, Err(LinkFault::Refused(Exception::Busy)))],
            Trouble::NoSuchAddress => vec![(turnaround, Err(LinkFault::Refused(Exception::IllegalAddress)))],
        }
    }

    /// The relay module's coils as they are read back.
    fn shown(&self, request: &ReadRequest) -> Vec<bool> {
        let start = usize::from(request.start);
        self.coils[start..start + usize::from(request.count)].to_vec()
    }

    pub(super) fn write(
        &mut self,
        now: Mono,
        bus: BusId,
        request: &WriteRequest,
    ) -> (Duration, Result<(), LinkFault>) {
        if now < self.gone_until[bus.index()] {
            return (Duration::from_millis(1), Err(LinkFault::Gone));
        }
        if self.trouble(now, request.unit).is_some() {
            return (Duration::from_millis(100), Err(LinkFault::Silent));
        }
        assert_eq!(
            request.unit,
            self.units[usize::from(RELAY_MODULE)],
            "only the relay module is ever written"
        );
        for (offset, level) in request.coils.iter().enumerate() {
            self.coils[usize::from(request.start) + offset] = *level;
        }
        (Duration::from_millis(self.rng.between(3, 15)), Ok(()))
    }

    /// A command's write, of one register. In trouble a device takes it and says nothing, stores another value, or refuses.
    pub(super) fn set(
        &mut self,
        now: Mono,
        bus: BusId,
        request: &Setting,
    ) -> (Duration, Result<(), LinkFault>) {
        if now < self.gone_until[bus.index()] {
            return (Duration::from_millis(1), Err(LinkFault::Gone));
        }
        let Words::Registers(words) = &request.words else { panic!("no command of this plant writes coils") };
        let turnaround = Duration::from_millis(self.rng.between(3, 15));
        let is_done = self.rng.chance(500);
        let (stored, result) = match self.trouble(now, request.unit) {
            None => (Some(words[0]), Ok(())),
            Some(Trouble::Silent | Trouble::Late) => (is_done.then_some(words[0]), Err(LinkFault::Silent)),
            Some(Trouble::Garbled) => (is_done.then_some(words[0]), Err(LinkFault::Garbled)),
            Some(Trouble::WrongCount) => (Some(words[0] ^ 1), Ok(())),
            Some(Trouble::Busy) => (None, Err(LinkFault::Refused(Exception::Busy))),
            Some(Trouble::NoSuchAddress) => (None, Err(LinkFault::Refused(Exception::IllegalAddress))),
        };
        if let Some(stored) = stored {
            self.set.insert((request.unit, request.start), stored);
        }
        (if result == Err(LinkFault::Silent) { Duration::from_millis(100) } else { turnaround }, result)
    }

    /// What a command's register holds.
    pub(super) fn holds(&self, unit: u8, address: u16) -> u16 {
        self.set.get(&(unit, address)).copied().unwrap_or_default()
    }

    fn trouble(&mut self, now: Mono, unit: u8) -> Option<Trouble> {
        let index = self.units.iter().position(|known| *known == unit)?;
        let device = &mut self.devices[index];
        let (trouble, until) = device.trouble?;
        if now >= until {
            device.trouble = None;
            return None;
        }
        device.troubled_at = now;
        Some(trouble)
    }

    fn registers(&mut self, now: Mono, bus: BusId, request: &ReadRequest) -> Vec<u16> {
        if request.unit == self.units[usize::from(NODE)] {
            let values = self.channels();
            self.node.measure(now, values);
            return self.node.read(request);
        }
        (request.start..request.start + request.count)
            .map(|address| {
                let point = self.places.iter().position(|place| {
                    (place.unit, place.bus, place.table, place.address)
                        == (request.unit, bus, request.table, address)
                });
                let Some(index) = point else {
                    return self.set.get(&(request.unit, address)).copied().unwrap_or_default();
                };
                let id = PointId(u32::try_from(index).unwrap());
                let measured = self.measured.get(index);
                if let Some(word) = self.sensors.register(id, measured.is_some_and(|measured| measured.mute))
                {
                    return word;
                }
                let measured = &self.measured[index];
                if measured.mute { 0xFFFF } else { u16::try_from(signature(id) + measured.value).unwrap() }
            })
            .collect()
    }

    /// What the node's channels measure, in point order.
    fn channels(&self) -> [Option<i32>; CHANNELS] {
        let own = self.places.iter().zip(&self.measured).filter(|(place, _)| place.device == DeviceId(NODE));
        let mut values = [None; CHANNELS];
        for (value, (_, measured)) in values.iter_mut().zip(own) {
            *value = (!measured.mute).then_some(measured.value);
        }
        values
    }

    pub(super) fn device_of(&self, point: PointId) -> (DeviceId, BusId) {
        let place = &self.places[point.index()];
        (place.device, place.bus)
    }
}
