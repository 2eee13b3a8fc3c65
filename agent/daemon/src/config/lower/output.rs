//! Outputs of the annunciator.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use hazard_core::Polarity;
use hazard_core::alarm::Priority;
use hazard_core::annunciate::{OutputSpec, Role, Wiring};
use hazard_core::id::{AlarmId, DeviceId};

use super::bus::Physical;
use super::tag::{index, priority};
use super::{Lowering, Section};
use crate::config::catalogue::Code;
use crate::config::error::{Arg, Fault, Spot, args};
use crate::config::file::{CoilFile, GpioFile, OutputFile, PolarityKey, RoleKey};
use crate::config::names::Found;
use crate::config::tree::Node;
use crate::settings::GpioLine;

/// What outputs have taken so far.
#[derive(Default)]
struct Taken {
    coils: HashMap<(Physical, u16), Spot>,
    lines: HashMap<(PathBuf, u32), Spot>,
}

impl<'a> Lowering<'a> {
    pub(super) fn outputs(&mut self, site: Section<'a, '_>) {
        let mut taken = Taken::default();
        for (node, output) in self.list::<OutputFile>(site, "outputs", self.recovered) {
            if let Some(name) = node.text("id")
                && let Err(first) = self.output_names.claim(name, node.at("id"))
            {
                let words = vec![Arg::Each("输出", "outputs"), name.into()];
                let fault = Fault::new(Code::DuplicateName, node.at("id"), words);
                self.faults.push(fault.against(first));
                continue;
            }
            let Some(output) = output else { continue };
            self.unused_output_keys(node, &output);
            let role = self.role(node, &output);
            let wiring = self.wiring(node, &output, &mut taken);
            let (Some(role), Some((wiring, line))) = (role, wiring) else { continue };
            let index = self.tables.outputs.len();
            self.output_names.settle(&output.id, index);
            self.assists.push(output.assist);
            if role == Role::Interlock {
                self.interlock_outputs.push((index, node.at("id")));
            }
            self.dictionary.outputs.push(output.id.clone());
            self.gpio.push(line);
            self.tables.outputs.push(OutputSpec {
                name: output.id.into(),
                role,
                wiring,
                polarity: match output.polarity {
                    None | Some(PolarityKey::DeEnergiseToAlarm) => Polarity::DeEnergiseToAlarm,
                    Some(PolarityKey::EnergiseToAlarm) => Polarity::EnergiseToAlarm,
                },
            });
        }
    }

    fn unused_output_keys(&mut self, node: Node<'a>, output: &OutputFile) {
        let unused: &[&str] = match output.role {
            RoleKey::Horn | RoleKey::Beacon => &["alarms", "assist"],
            RoleKey::Fault => &["min_priority", "alarms", "assist"],
            RoleKey::Alarms => &["min_priority", "assist"],
            RoleKey::Interlock => &["min_priority", "alarms"],
            RoleKey::Heartbeat => &["min_priority", "alarms", "assist", "polarity"],
        };
        for key in unused.iter().filter(|key| node.get(key).is_some()) {
            let words = args![&output.id, key, node.text("role").unwrap_or_default()];
            self.faults.push(Fault::new(Code::OutputKeyUnused, node.at(key), words));
        }
    }

    fn role(&mut self, node: Node<'a>, output: &OutputFile) -> Option<Role> {
        let least = output.min_priority.map_or(Priority::Low, priority);
        Some(match output.role {
            RoleKey::Horn => Role::Horn(least),
            RoleKey::Beacon => Role::Beacon(least),
            RoleKey::Fault => Role::Fault,
            RoleKey::Heartbeat => Role::Heartbeat,
            RoleKey::Interlock => {
                if output.assist.is_none() {
                    let words = args![&output.id];
                    self.faults.push(Fault::new(Code::AssistMissing, node.at("assist"), words));
                }
                Role::Interlock
            }
            RoleKey::Alarms => {
                let names = output.alarms.as_deref().unwrap_or_default();
                if names.is_empty() {
                    let words = args![&output.id];
                    self.faults.push(Fault::new(Code::OutputAlarmsMissing, node.at("alarms"), words));
                    return None;
                }
                Role::Alarms(self.driving_alarms(node, names))
            }
        })
    }

    fn driving_alarms(&mut self, node: Node<'a>, names: &[String]) -> Vec<AlarmId> {
        let places = node.get("alarms").map(Node::members).unwrap_or_default();
        let mut alarms = Vec::new();
        for (place, name) in places.iter().zip(names) {
            match self.alarm_names.find(name) {
                Found::At(alarm) => alarms.push(AlarmId(index(alarm))),
                Found::Faulty => {}
                Found::Unknown(instead) => {
                    // The alarm of a point that is faulty itself may well be meant.
                    let tag = name.rsplit_once(':').map_or(name.as_str(), |(tag, _)| tag);
                    if !matches!(self.tags.find(tag), Found::Faulty) {
                        let words = vec![name.as_str().into(), instead];
                        self.unknown(Fault::new(Code::UnknownAlarm, place.spot(), words));
                    }
                }
            }
        }
        alarms
    }

    fn wiring(
        &mut self,
        node: Node<'a>,
        output: &OutputFile,
        taken: &mut Taken,
    ) -> Option<(Wiring, Option<GpioLine>)> {
        match (&output.coil, &output.gpio) {
            (Some(coil), None) => Some((self.coil(node.get("coil")?, coil, taken)?, None)),
            (None, Some(gpio)) => {
                let line = self.line(node.get("gpio")?, gpio, taken)?;
                Some((Wiring::Gpio, Some(line)))
            }
            (Some(_), Some(_)) | (None, None) => {
                let spot = node.at("gpio");
                self.faults.push(Fault::new(Code::OutputWiring, spot, args![&output.id]));
                None
            }
        }
    }

    fn coil(&mut self, node: Node<'a>, coil: &CoilFile, taken: &mut Taken) -> Option<Wiring> {
        let device = self.device_named(node, &coil.device)?;
        if self.tables.devices.get(device).is_some_and(|device| device.sis) {
            let words = args![&coil.device];
            self.faults.push(Fault::new(Code::OutputOnSis, node.at("device"), words));
        }
        let spot = node.at("address");
        if let Some(first) = taken.coils.insert((self.physical(device), coil.address), spot) {
            let words = args![&coil.device, coil.address];
            self.faults.push(Fault::new(Code::CoilTwice, spot, words).against(first));
            return None;
        }
        let device = DeviceId(u16::try_from(device).ok()?);
        Some(Wiring::Coil { device, address: coil.address })
    }

    fn line(&mut self, node: Node<'a>, gpio: &GpioFile, taken: &mut Taken) -> Option<GpioLine> {
        let spot = node.at("line");
        // `//` and `/./` are the same chip.
        let chip: PathBuf = Path::new(&gpio.chip).components().collect();
        if let Some(first) = taken.lines.insert((chip, gpio.line), spot) {
            let words = args![&gpio.chip, gpio.line];
            self.faults.push(Fault::new(Code::GpioTwice, spot, words).against(first));
            return None;
        }
        let chip = PathBuf::from(&gpio.chip);
        Some(GpioLine { chip, offset: gpio.line, active_low: gpio.active_low })
    }

    /// The device under a name; a wrong name is reported at the key `device`.
    pub(super) fn device_named(&mut self, node: Node<'a>, name: &str) -> Option<usize> {
        match self.device_names.find(name) {
            Found::At(device) => Some(device),
            Found::Faulty => None,
            Found::Unknown(instead) => {
                let words = vec![name.into(), instead];
                self.unknown(Fault::new(Code::UnknownDevice, node.at("device"), words));
                None
            }
        }
    }
}
