//! Points: the site's own, those taken from templates, and all points of a device that nobody took any from.

use std::time::Duration;

use hazard_core::Value;
use hazard_core::alarm::Priority;
use hazard_core::id::DeviceId;
use hazard_core::point::{PointSpec, Report, Shape, Source};

use super::caution::Measured;
use super::profile::Applied;
use super::status::Taken;
use super::{Lowering, Section};
use crate::config::catalogue::Code;
use crate::config::error::{Arg, Fault, Spot, args};
use crate::config::names::Found;
use crate::config::point::{OrderKey, PointFile, PriorityKey};
use crate::config::tree::Node;
use crate::dictionary::PointEntry;

/// Where a point is written: on the site, in a template, or partly in each.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    own: Option<Node<'a>>,
    template: Option<Node<'a>>,
}

impl<'a> Place<'a> {
    /// A place on the site, and the part of a template that it takes from.
    pub(super) const fn own(own: Node<'a>, template: Option<Node<'a>>) -> Self {
        Self { own: Some(own), template }
    }

    /// A place in a template alone.
    pub(super) const fn of_template(node: Node<'a>) -> Self {
        Self { own: None, template: Some(node) }
    }

    /// The place of a key where it is written, else of the point.
    pub(super) fn at(self, key: &str) -> Spot {
        let written = self.get(key).or(self.own).or(self.template);
        written.map(Node::spot).unwrap_or_default()
    }

    /// The value of a key where it counts: on the site before the template.
    pub(super) fn get(self, key: &str) -> Option<Node<'a>> {
        let own = self.own.and_then(|node| node.get(key));
        own.or_else(|| self.template.and_then(|node| node.get(key)))
    }

    /// Whether a key's value comes from the template.
    pub(super) fn is_inherited(self, key: &str) -> bool {
        self.own.is_none_or(|node| node.get(key).is_none())
    }
}

/// A point on its way into the tables.
pub(super) struct Draft<'a> {
    pub(super) tag: String,
    pub(super) file: PointFile,
    pub(super) place: Place<'a>,
    /// Where the template's addresses start.
    pub(super) template_base: u8,
    pub(super) default_order: Option<OrderKey>,
    pub(super) profile: Option<Applied>,
    pub(super) faults: Vec<Fault>,
}

impl Draft<'_> {
    pub(super) fn fault(&mut self, code: Code, key: &str, words: Vec<Arg>) {
        self.faults.push(Fault::new(code, self.place.at(key), words));
    }

    pub(super) fn unit(&self) -> &str {
        self.file.unit.as_deref().unwrap_or_default()
    }
}

impl<'a> Lowering<'a> {
    pub(super) fn points(&mut self, site: Section<'a, '_>) {
        let mut taken = vec![false; self.devices.len()];
        let mut all_known = true;
        for (node, point) in self.list::<PointFile>(site, "points", self.recovered) {
            let fresh = self.claim_tag(node);
            let device = node.text("device").and_then(|name| self.device_named(node, name));
            if let Some(device) = device
                && let Some(taken) = taken.get_mut(device)
            {
                *taken = true;
            }
            all_known &= node.get("device").is_some();
            let (Some(point), true) = (point, fresh) else { continue };
            self.site_point(node, point, device);
        }
        // A point whose device cannot be read may belong to any of them.
        let whole = (0..self.devices.len()).filter(|device| all_known && !taken[*device]);
        for device in whole.collect::<Vec<_>>() {
            self.whole_device(device);
        }
    }

    fn claim_tag(&mut self, node: Node<'a>) -> bool {
        for key in ["tag", "device"].into_iter().filter(|key| node.get(key).is_none()) {
            let fault = Fault::new(Code::MissingKey, node.spot(), args![key, "\"…\""]);
            self.structural(vec![fault], self.recovered);
        }
        let spot = node.at("tag");
        node.text("tag").is_some_and(|tag| self.take_tag(tag, spot))
    }

    pub(super) fn take_tag(&mut self, tag: &str, spot: Spot) -> bool {
        let taken = self.tags.claim(tag, spot);
        if let Err(first) = taken {
            let words = vec![Arg::Each("位号", "tags"), tag.into()];
            self.faults.push(Fault::new(Code::DuplicateName, spot, words).against(first));
        }
        taken.is_ok()
    }

    fn site_point(&mut self, node: Node<'a>, point: PointFile, device: Option<usize>) {
        let tag = point.tag.clone().unwrap_or_default();
        let own = Place { own: Some(node), template: None };
        let Some(from) = point.from.clone() else {
            self.draft(Draft::own(tag, point, own), device);
            return;
        };
        let Some(row) = device.and_then(|device| self.devices.get(device)) else { return };
        let Some(template) = row.template.and_then(|template| self.templates.get(template)) else {
            let words = args![point.device.unwrap_or_default()];
            let fault = Fault::new(Code::FromWithoutTemplate, node.at("from"), words);
            self.faults.push(fault.against(row.node.spot()));
            return;
        };
        match template.names.find(&from) {
            Found::At(index) => {
                let Some((there, inherited)) = template.points.get(index) else { return };
                let place = Place { own: Some(node), template: Some(*there) };
                let mut draft = Draft::own(tag.clone(), point.or(inherited.clone()), place);
                draft.template_base = template.head.address_base;
                draft.default_order = template.head.order;
                self.taken.extend(device.map(|device| Taken { device, name: from, tag }));
                self.draft(draft, device);
            }
            Found::Faulty => {}
            Found::Unknown(instead) => {
                let words = vec![from.into(), point.device.unwrap_or_default().into(), instead];
                self.faults.push(Fault::new(Code::UnknownTemplatePoint, node.at("from"), words));
            }
        }
    }

    /// All points of a device's template, named after the device.
    fn whole_device(&mut self, device: usize) {
        let Some(row) = self.devices.get(device) else { return };
        let Some(template) = row.template.and_then(|template| self.templates.get(template)) else {
            return;
        };
        let (prefix, spot) = (row.prefix.clone(), row.node.at("id"));
        let (base, order) = (template.head.address_base, template.head.order);
        let points = template.points.clone();
        for (node, file) in points {
            let tag = format!("{prefix}.{}", file.name.as_deref().unwrap_or_default());
            if !self.take_tag(&tag, spot) {
                continue;
            }
            let place = Place::of_template(node);
            let name = file.name.clone().unwrap_or_default();
            self.taken.push(Taken { device, name, tag: tag.clone() });
            let file = PointFile::default().or(file);
            let draft = Draft { template_base: base, default_order: order, ..Draft::own(tag, file, place) };
            self.draft(draft, Some(device));
        }
    }

    /// Checks a point and, where its device is sound too, enters it.
    pub(super) fn draft(&mut self, mut draft: Draft<'a>, device: Option<usize>) {
        let source = draft.source();
        let shape = source.map(|source| source.shape);
        if let Some(shape) = shape {
            draft.take_profile(shape);
        }
        let range = draft.range();
        let poll_ms = device.and_then(|device| self.devices.get(device)).map(|row| row.poll_ms);
        let poll_ms = draft.file.poll_ms.or(poll_ms).unwrap_or(1_000);
        let stale_ms = draft.stale_ms(poll_ms);
        let alarms = shape.map(|shape| draft.alarms(shape, range)).unwrap_or_default();
        let safety = draft.safety();
        if let (Some(source), Some(device)) = (source, device) {
            self.width(&mut draft, source, device);
        }
        if let Some(shape) = shape {
            draft.numeric_keys(shape);
            draft.sensor_fits(shape, stale_ms);
        }
        if let (Some(profile), Some(device)) = (draft.file.profile, device) {
            self.profiles.push((device, profile));
        }
        let watches = shape.map(|shape| draft.watches(shape, safety)).unwrap_or_default();
        let sound = draft.faults.is_empty();
        self.faults.append(&mut draft.faults);
        let (Some(source), Some(device), true) = (source, device, sound) else { return };
        let timing = Timing { poll_ms, stale_ms };
        let point = self.tables.points.len();
        self.tags.settle(&draft.tag, point);
        self.dictionary.points.push(draft.entry(source.shape, safety));
        self.tables.points.push(draft.spec((source, device), timing, safety));
        self.measured.push(Measured::new(&draft));
        let first = self.tables.alarms.len();
        self.enter_alarms(&draft, alarms, safety && draft.file.lost_alarm.unwrap_or(true));
        self.enter_watches(&draft, watches);
        self.enter_sensor(&draft);
        self.manage(&draft, first, safety);
    }

    fn width(&mut self, draft: &mut Draft<'a>, source: Source, device: usize) {
        let Some(spec) = self.tables.devices.get(device) else { return };
        let limit = if source.table.is_bits() { spec.bits_max } else { spec.registers_max };
        let (first, last) = source.span();
        let count = u32::from(last) + 1 - u32::from(first);
        if count > u32::from(limit.min(source.table.count_max())) {
            let key = if source.exponent.is_some() { "decimals_at" } else { "address" };
            let words = args![&draft.tag, count, &spec.name, limit];
            draft.fault(Code::TooWide, key, words);
        }
    }
}

/// How often a point is read, and when it is old.
#[derive(Clone, Copy)]
struct Timing {
    poll_ms: u32,
    stale_ms: u32,
}

impl<'a> Draft<'a> {
    pub(super) fn own(tag: String, file: PointFile, place: Place<'a>) -> Self {
        Self { tag, file, place, template_base: 0, default_order: None, profile: None, faults: Vec::new() }
    }

    fn range(&mut self) -> Option<(Value, Value)> {
        let [low, high] = self.file.range?;
        if low >= high {
            self.fault(Code::RangeReversed, "range", args![low, high]);
            return None;
        }
        Some((Value::try_new(low)?, Value::try_new(high)?))
    }

    fn stale_ms(&mut self, poll_ms: u32) -> u32 {
        let usual = poll_ms.saturating_mul(3);
        let stale_ms = self.file.stale_ms.unwrap_or(usual);
        if stale_ms <= poll_ms {
            let words = args![stale_ms, poll_ms, usual];
            let fault = Fault::new(Code::StaleTooSoon, self.place.at("stale_ms"), words);
            let other = self.place.get("poll_ms").map(Node::spot);
            self.faults.push(other.map_or(fault.clone(), |other| fault.against(other)));
        }
        stale_ms
    }

    fn safety(&mut self) -> bool {
        let alarmed = self.file.alarms.as_ref().is_some_and(|alarms| !alarms.is_empty());
        let safety = self.file.safety.unwrap_or(alarmed);
        if self.file.lost_alarm == Some(true) && !safety {
            self.fault(Code::LostWithoutSafety, "lost_alarm", args![&self.tag, "lost_alarm"]);
        }
        if self.file.lost_priority.is_some() && (!safety || self.file.lost_alarm == Some(false)) {
            self.fault(Code::LostWithoutSafety, "lost_priority", args![&self.tag, "lost_priority"]);
        }
        safety
    }

    /// Keys that only a number can have.
    fn numeric_keys(&mut self, shape: Shape) {
        if !shape.is_switch() && !matches!(shape, Shape::Text(_)) {
            return;
        }
        let kind = if shape.is_switch() { "bit" } else { "text" };
        let keys = [
            "scale",
            "offset",
            "decimals_at",
            "divisor_at",
            "range",
            "sentinels",
            "deadband",
            "current",
            "drift",
            "over_range",
        ];
        let place = self.place;
        for key in keys.into_iter().filter(|key| place.get(key).is_some()) {
            self.fault(Code::KeyWithoutNumber, key, args![key, &self.tag, kind]);
        }
    }

    fn entry(&self, shape: Shape, safety: bool) -> PointEntry {
        PointEntry {
            tag: self.tag.clone(),
            name: self.file.name.clone().unwrap_or_else(|| self.tag.clone()),
            unit: self.unit().to_owned(),
            is_switch: shape.is_switch(),
            safety,
        }
    }

    fn spec(&self, (source, device): (Source, usize), timing: Timing, safety: bool) -> PointSpec {
        let span = self.file.range.map_or(0.0, |[low, high]| high - low);
        let deadband = self.file.deadband.unwrap_or(span * 0.005);
        let value = |raw| Value::try_new(raw).unwrap_or(Value::ZERO);
        let (scale, offset) = self.scale_and_offset();
        PointSpec {
            tag: self.tag.as_str().into(),
            device: DeviceId(u16::try_from(device).unwrap_or(u16::MAX)),
            source,
            scale,
            offset,
            range: self.file.range.map(|[low, high]| (value(low), value(high))),
            sentinels: super::shape::sentinel_bits(source.shape, self.file.sentinels.as_deref()),
            period: Duration::from_millis(timing.poll_ms.into()),
            stale_after: Duration::from_millis(timing.stale_ms.into()),
            report: Report {
                deadband: value(deadband),
                heartbeat: Duration::from_secs(self.file.heartbeat_s.unwrap_or(60).into()),
            },
            safety,
            interlock: self.file.interlock.unwrap_or(false),
            button: self.file.button.map(super::watch::verb),
        }
    }
}

/// A table position as the core counts it; tables are bounded far below.
pub(super) fn index(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
}

/// The core's word for a priority.
pub(super) const fn priority(key: PriorityKey) -> Priority {
    match key {
        PriorityKey::Low => Priority::Low,
        PriorityKey::Medium => Priority::Medium,
        PriorityKey::High => Priority::High,
        PriorityKey::Critical => Priority::Critical,
    }
}
