//! Named commands: the site's own, and those taken from templates. A template's command is nobody's until a site names it.

use std::time::Duration;

use hazard_core::Value;
use hazard_core::device_command::{
    Bounds, DeviceCommandFault, DeviceCommandSpec, Needs, ReadBack, Risk, Target,
};
use hazard_core::id::DeviceId;
use hazard_core::link::Table;
use hazard_core::point::{Shape, Source};

use super::tag::{Draft, Place};
use super::{Lowering, Section};
use crate::config::catalogue::Code;
use crate::config::command::{CommandFile, RiskKey, VerifyKey};
use crate::config::device::TemplateHead;
use crate::config::error::{Arg, Fault, args};
use crate::config::names::{Found, Names};
use crate::config::point::TableKey;
use crate::config::tree::Node;
use crate::dictionary::CommandEntry;

/// A command on its way into the tables.
struct Order<'a> {
    id: String,
    file: CommandFile,
    /// Its keys that a point has too.
    draft: Draft<'a>,
}

impl<'a> Lowering<'a> {
    /// The sound commands of a template, and their names.
    pub(super) fn template_commands(
        &mut self,
        file: Section<'a, '_>,
        (head, recovered): (&TemplateHead, bool),
    ) -> (Vec<(Node<'a>, CommandFile)>, Names) {
        let mut names = Names::default();
        let mut commands = Vec::new();
        for (node, written) in self.list::<CommandFile>(file, "commands", recovered) {
            let mut sound = true;
            for key in ["id", "device", "from"].into_iter().filter(|key| node.get(key).is_some()) {
                let why = Arg::Each("模板里不写", "not in a template");
                self.faults.push(Fault::new(Code::UnknownKey, node.at(key), vec![key.into(), why]));
                sound = false;
            }
            for key in ["name", "zh", "en"].into_iter().filter(|key| node.get(key).is_none()) {
                let fault = Fault::new(Code::MissingKey, node.spot(), args![key, "\"…\""]);
                self.structural(vec![fault], recovered);
                sound = false;
            }
            let Some(name) = node.text("name") else { continue };
            if let Err(first) = names.claim(name, node.at("name")) {
                let words = vec![Arg::Each("模板命令", "template commands"), name.into()];
                let fault = Fault::new(Code::DuplicateName, node.at("name"), words);
                self.faults.push(fault.against(first));
                continue;
            }
            let Some(written) = written.filter(|_| sound) else { continue };
            // Wrong in itself, it is wrong for every site.
            let order = Order::new(name.to_owned(), written.clone(), (Place::of_template(node), Some(head)));
            let (_, faults) = order.lower();
            if faults.is_empty() {
                names.settle(name, commands.len());
                commands.push((node, written));
            }
            self.faults.extend(faults);
        }
        (commands, names)
    }

    pub(super) fn commands(&mut self, site: Section<'a, '_>) {
        let mut names = Names::default();
        for (node, written) in self.list::<CommandFile>(site, "commands", self.recovered) {
            for key in ["id", "device"].into_iter().filter(|key| node.get(key).is_none()) {
                let fault = Fault::new(Code::MissingKey, node.spot(), args![key, "\"…\""]);
                self.structural(vec![fault], self.recovered);
            }
            let Some(id) = node.text("id") else { continue };
            if let Err(first) = names.claim(id, node.at("id")) {
                let words = vec![Arg::Each("命令", "commands"), id.into()];
                self.faults.push(Fault::new(Code::DuplicateName, node.at("id"), words).against(first));
                continue;
            }
            let device = node.text("device").and_then(|name| self.device_named(node, name));
            let (Some(written), Some(device)) = (written, device) else { continue };
            if let Some(order) = self.order(id, written, (node, device)) {
                self.command(order, (node, device));
            }
        }
    }

    /// The command with what it takes from its device's template.
    fn order(
        &mut self,
        id: &str,
        written: CommandFile,
        (node, device): (Node<'a>, usize),
    ) -> Option<Order<'a>> {
        let Some(from) = written.from.clone() else {
            return Some(Order::new(id.to_owned(), written, (Place::own(node, None), None)));
        };
        let row = self.devices.get(device)?;
        let name = written.device.clone().unwrap_or_default();
        let Some(template) = row.template.and_then(|template| self.templates.get(template)) else {
            let fault = Fault::new(Code::FromWithoutTemplate, node.at("from"), args![name]);
            self.faults.push(fault.against(row.node.spot()));
            return None;
        };
        match template.command_names.find(&from) {
            Found::At(index) => {
                let (there, inherited) = template.commands.get(index)?;
                let place = Place::own(node, Some(*there));
                let written = written.or(inherited.clone());
                Some(Order::new(id.to_owned(), written, (place, Some(&template.head))))
            }
            Found::Faulty => None,
            Found::Unknown(instead) => {
                let words = vec![from.into(), name.into(), instead];
                self.faults.push(Fault::new(Code::UnknownTemplateCommand, node.at("from"), words));
                None
            }
        }
    }

    fn command(&mut self, order: Order<'a>, (node, device): (Node<'a>, usize)) {
        let (id, place) = (order.id.clone(), order.draft.place);
        let names = [&order.file.zh, &order.file.en].map(|name| name.clone().unwrap_or_else(|| id.clone()));
        let unit = order.file.unit.clone().unwrap_or_default();
        let (spec, faults) = order.lower();
        let sound = faults.is_empty();
        self.faults.extend(faults);
        let (Some(spec), true, Ok(at)) = (spec, sound, u16::try_from(device)) else { return };
        let spec = DeviceCommandSpec { device: DeviceId(at), ..spec };
        let name = node.text("device").unwrap_or_default();
        let (code, key, words) = match spec.fault(&self.tables) {
            None => {
                let [zh, en] = names;
                self.dictionary.commands.push(CommandEntry {
                    name: id,
                    zh,
                    en,
                    device: name.to_owned(),
                    unit,
                });
                self.tables.commands.push(spec);
                return;
            }
            Some(DeviceCommandFault::OnSis) => (Code::CommandOnSis, "device", args![id, name]),
            Some(DeviceCommandFault::OnBroadcast) => (Code::CommandOnBroadcast, "device", args![id, name]),
            Some(DeviceCommandFault::DrivenByPanel(output)) => {
                let output = self.dictionary.outputs.get(output).cloned().unwrap_or_default();
                (Code::CommandDrivenByPanel, "address", args![id, output])
            }
            Some(DeviceCommandFault::ReadBySafety(point)) => {
                let tag = self.dictionary.points.get(point).map(|point| point.tag.clone());
                (Code::CommandOverSafety, "address", args![id, tag.unwrap_or_default()])
            }
            Some(
                fault @ (DeviceCommandFault::WithoutDevice
                | DeviceCommandFault::BadTarget
                | DeviceCommandFault::DoesNotFit
                | DeviceCommandFault::WithoutTime),
            ) => (Code::NotUsable, "id", args![format!("{id}: {fault:?}")]),
        };
        // Where it is written by reference, that is the address.
        let key = if key == "address" && place.get(key).is_none() { "reference" } else { key };
        self.faults.push(Fault::new(code, place.at(key), words));
    }
}

impl<'a> Order<'a> {
    fn new(id: String, file: CommandFile, (place, head): (Place<'a>, Option<&TemplateHead>)) -> Self {
        let draft = Draft {
            tag: id.clone(),
            file: file.as_point(),
            place,
            template_base: head.map_or(0, |head| head.address_base),
            default_order: head.and_then(|head| head.order),
            profile: None,
            faults: Vec::new(),
        };
        Self { id, file, draft }
    }

    /// The command without its device, and everything that is wrong with it in itself.
    fn lower(mut self) -> (Option<DeviceCommandSpec>, Vec<Fault>) {
        let spec = self.spec();
        (spec, self.draft.faults)
    }

    fn spec(&mut self) -> Option<DeviceCommandSpec> {
        let function = self.function();
        let source = function.and_then(|_| self.draft.source());
        let target = function.zip(source).and_then(|(function, source)| self.target(function, source));
        let bounds = self.bounds(target);
        let read_back = self.read_back(target);
        let needs = self.needs();
        let retries = self.file.retries.unwrap_or(if read_back?.is_some() { 2 } else { 0 });
        let seconds = |told: Option<u32>, usual| Duration::from_secs(told.unwrap_or(usual).into());
        Some(DeviceCommandSpec {
            name: self.id.as_str().into(),
            device: DeviceId(0),
            target: target?,
            bounds: bounds?,
            read_back: read_back?,
            risk: risk(self.file.risk.unwrap_or_default()),
            needs,
            retries,
            deadline: seconds(self.file.deadline_s, 30),
            every: seconds(self.file.every_s, 10),
        })
    }

    fn function(&mut self) -> Option<u8> {
        let function = self.file.function.filter(|function| matches!(function, 5 | 6 | 15 | 16));
        if function.is_none() {
            self.draft.fault(Code::CommandFunction, "function", args![&self.id]);
        }
        function
    }

    fn target(&mut self, function: u8, source: Source) -> Option<Target> {
        let Source { address, shape, order, .. } = source;
        let wide = function == 6 && shape.words() > 1;
        let partial = matches!(shape, Shape::RegisterBit(_) | Shape::BitField { .. } | Shape::Text(_));
        if wide || partial {
            let kind =
                self.draft.place.get("type").map_or("u16", |node| node.value().as_str().unwrap_or_default());
            self.draft.fault(Code::CommandType, "type", args![&self.id, function, kind]);
            return None;
        }
        if function != 15 && self.file.coils.is_some() {
            let why = Arg::Each("只用于 function = 15", "only for function = 15");
            self.draft.fault(
                Code::CommandKeyUnused,
                "coils",
                vec![self.id.as_str().into(), "coils".into(), why],
            );
            return None;
        }
        let (scale, offset) = (self.file.scale.unwrap_or(1.0), self.file.offset.unwrap_or(0.0));
        let coils = self.file.coils.unwrap_or(1);
        if u32::from(address) + u32::from(coils) > 0x1_0000 {
            self.draft.fault(Code::AddressBeyond, "address", args![address, 0, 0xFFFF, coils]);
            return None;
        }
        let always_many = matches!(function, 15 | 16);
        Some(Target { start: address, shape, coils, order, scale, offset, always_many })
    }

    fn bounds(&mut self, target: Option<Target>) -> Option<Bounds> {
        let number = |number: f64| Value::try_new(number);
        let CommandFile { value, min, max, step, .. } = self.file;
        let bounds = match (value, min, max) {
            (Some(value), None, None) if step.is_none() => Bounds::Fixed(number(value)?),
            (None, Some(min), Some(max)) if min < max && step.is_none_or(|step| step > 0.0) => {
                Bounds::Given { min: number(min)?, max: number(max)?, step: step.and_then(Value::try_new) }
            }
            _ => {
                let key = ["value", "min", "max", "step"];
                let key = key.into_iter().find(|key| self.draft.place.get(key).is_some());
                self.draft.fault(Code::CommandBounds, key.unwrap_or("id"), args![&self.id]);
                return None;
            }
        };
        let ends = match bounds {
            Bounds::Fixed(value) => vec![("value", value)],
            Bounds::Given { min, max, .. } => vec![("min", min), ("max", max)],
        };
        for (key, end) in ends {
            if target.is_some_and(|target| target.encode(end).is_none()) {
                self.draft.fault(Code::CommandDoesNotFit, key, args![&self.id, end.get()]);
            }
        }
        Some(bounds)
    }

    /// `Some(None)` where nothing can be read back.
    fn read_back(&mut self, target: Option<Target>) -> Option<Option<ReadBack>> {
        if self.file.verify == Some(VerifyKey::None) {
            let place = self.draft.place;
            let told = ["read_back", "read_back_table", "tolerance"].into_iter();
            for key in told.filter(|key| place.get(key).is_some()) {
                let why =
                    Arg::Each("verify = \"none\" 不读回", "nothing is read back with verify = \"none\"");
                let words = vec![self.id.as_str().into(), key.into(), why];
                self.draft.fault(Code::CommandKeyUnused, key, words);
            }
            return Some(None);
        }
        let target = target?;
        let base = if self.draft.place.is_inherited("read_back") { self.draft.template_base } else { 0 };
        let start = self.file.read_back.map_or(Some(target.start), |told| told.checked_sub(base.into()));
        let table = self.file.read_back_table.map_or_else(|| target.table(), core_table);
        let ends = |start: u16| u32::from(start) + u32::from(target.count()) <= 0x1_0000;
        match start.filter(|start| ends(*start) && table.is_bits() == target.table().is_bits()) {
            Some(start) => {
                let tolerance = self.file.tolerance.and_then(Value::try_new).unwrap_or(Value::ZERO);
                Some(Some(ReadBack { table, start, tolerance }))
            }
            None => {
                let key = if self.file.read_back_table.is_some() { "read_back_table" } else { "read_back" };
                let shown = self.file.read_back.map_or_else(|| target.start.to_string(), |at| at.to_string());
                let shown = format!("{} {shown}", table_word(table));
                self.draft.fault(Code::CommandReadBack, key, args![&self.id, shown]);
                None
            }
        }
    }

    fn needs(&mut self) -> Needs {
        let risk = self.file.risk.unwrap_or_default();
        let lowers = risk == RiskKey::Protection;
        if lowers && self.file.second_person == Some(false) {
            self.draft.fault(Code::CommandAlone, "second_person", args![&self.id]);
        }
        Needs {
            reason: self.file.reason.unwrap_or(risk != RiskKey::Routine),
            second_person: lowers || self.file.second_person.unwrap_or(false),
        }
    }
}

const fn risk(key: RiskKey) -> Risk {
    match key {
        RiskKey::Routine => Risk::Routine,
        RiskKey::Calibration => Risk::Calibration,
        RiskKey::Protection => Risk::Protection,
    }
}

const fn core_table(key: TableKey) -> Table {
    match key {
        TableKey::Coil => Table::Coil,
        TableKey::Discrete => Table::Discrete,
        TableKey::Input => Table::Input,
        TableKey::Holding => Table::Holding,
    }
}

const fn table_word(table: Table) -> &'static str {
    match table {
        Table::Coil => "coil",
        Table::Discrete => "discrete",
        Table::Input => "input",
        Table::Holding => "holding",
    }
}
