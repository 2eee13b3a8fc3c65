//! What devices say of their sensors: rows of the site and of templates, and the points that must be read to hear it.

use std::time::Duration;

use hazard_core::Value;
use hazard_core::id::PointId;
use hazard_core::point::Shape;
use hazard_core::sensor::{StatusSpec, Test, Trouble};
use hazard_core::{Category, point::PointSpec};

use super::tag::{Draft, Place, index};
use super::{Lowering, Section};
use crate::config::catalogue::Code;
use crate::config::error::{Arg, Fault, args};
use crate::config::names::{Found, Names};
use crate::config::point::{PointFile, TypeKey};
use crate::config::sensor::{CategoryKey, StatusFile, TroubleKey};
use crate::config::tree::Node;

/// A point of the site that was taken from a template.
pub(super) struct Taken {
    pub(super) device: usize,
    pub(super) name: String,
    pub(super) tag: String,
}

/// A row whose names are resolved.
struct Resolved {
    source: usize,
    of: Vec<usize>,
}

impl<'a> Lowering<'a> {
    /// The rows of a template; names that it does not have are told once, not for each of its devices.
    pub(super) fn template_statuses(
        &mut self,
        file: Section<'a, '_>,
        (points, names): (&[(Node<'a>, PointFile)], &Names),
        recovered: bool,
    ) -> Vec<(Node<'a>, StatusFile)> {
        let mut rows = Vec::new();
        for (node, status) in self.list::<StatusFile>(file, "status", recovered) {
            let Some(mut status) = status else { continue };
            let of = status.of.take().unwrap_or_else(|| usual(points, &status.point));
            let written = node.get("of").map(Node::members).unwrap_or_default();
            let mut known = self.template_name(node.get("point"), &status.point, names);
            for (position, name) in of.iter().enumerate() {
                known &= self.template_name(written.get(position).copied(), name, names);
            }
            if of.is_empty() {
                self.faults.push(Fault::new(Code::StatusOfNothing, node.spot(), args![&status.point]));
                known = false;
            }
            status.of = Some(of);
            if known {
                rows.push((node, status));
            }
        }
        rows
    }

    fn template_name(&mut self, node: Option<Node<'a>>, name: &str, names: &Names) -> bool {
        let Found::Unknown(instead) = names.find(name) else { return true };
        let spot = node.map(Node::spot).unwrap_or_default();
        self.faults.push(Fault::new(Code::UnknownPoint, spot, vec![name.into(), instead]));
        false
    }

    /// Reads what nobody asked for and what is needed to know how a sensor is: a value without its status is half a value.
    pub(super) fn status_points(&mut self) {
        for device in 0..self.devices.len() {
            let Some(template) = self.template_used_by(device) else { continue };
            let rows: Vec<_> = template.statuses.iter().map(|(_, status)| status.clone()).collect();
            let mut wanted: Vec<String> = Vec::new();
            for status in rows {
                let missing = self.taken_as(device, &status.point).is_empty();
                let speaks = status.of.iter().flatten().any(|name| !self.taken_as(device, name).is_empty());
                if missing && speaks && !wanted.contains(&status.point) {
                    wanted.push(status.point);
                }
            }
            for name in wanted {
                self.status_point(device, &name);
            }
        }
    }

    fn status_point(&mut self, device: usize, name: &str) {
        let Some(row) = self.devices.get(device) else { return };
        let (prefix, spot) = (row.prefix.clone(), row.node.at("id"));
        let Some(template) = self.template_used_by(device) else { return };
        let Found::At(position) = template.names.find(name) else { return };
        let Some((node, file)) = template.points.get(position).cloned() else { return };
        let (base, order) = (template.head.address_base, template.head.order);
        let tag = format!("{prefix}.{name}");
        if !self.take_tag(&tag, spot) {
            return;
        }
        // Its own alarms would say the same a second time.
        let file = PointFile {
            alarms: None,
            watches: None,
            safety: Some(true),
            lost_alarm: Some(false),
            lost_priority: None,
            ..file
        };
        let file = PointFile::default().or(file);
        let place = Place::of_template(node);
        let draft =
            Draft { template_base: base, default_order: order, ..Draft::own(tag.clone(), file, place) };
        self.taken.push(Taken { device, name: name.to_owned(), tag });
        self.draft(draft, Some(device));
    }

    fn template_used_by(&self, device: usize) -> Option<&super::template::Template<'a>> {
        self.templates.get(self.devices.get(device)?.template?)
    }

    /// The positions of the site's points that are this point of the device's template.
    fn taken_as(&self, device: usize, name: &str) -> Vec<usize> {
        let taken = self.taken.iter().filter(|taken| taken.device == device && taken.name == name);
        let found = taken.filter_map(|taken| match self.tags.find(&taken.tag) {
            Found::At(position) => Some(position),
            Found::Faulty | Found::Unknown(_) => None,
        });
        found.collect()
    }

    /// Enters the rows of all devices' templates and of the site.
    pub(super) fn statuses(&mut self, site: Section<'a, '_>) {
        for device in 0..self.devices.len() {
            let Some(template) = self.template_used_by(device) else { continue };
            for (node, status) in template.statuses.clone() {
                let names = status.of.clone().unwrap_or_default();
                let of: Vec<usize> = names.iter().flat_map(|name| self.taken_as(device, name)).collect();
                if let (Some(&source), false) = (self.taken_as(device, &status.point).first(), of.is_empty())
                {
                    self.status(node, &status, Resolved { source, of });
                }
            }
        }
        for (node, status) in self.list::<StatusFile>(site, "status", self.recovered) {
            let Some(status) = status else { continue };
            let source = node.get("point").and_then(|name| self.site_point_named(name));
            let names = node.get("of").map(Node::members).unwrap_or_default();
            if names.is_empty() {
                self.faults.push(Fault::new(Code::StatusOfNothing, node.spot(), args![&status.point]));
            }
            let of: Vec<usize> = names.iter().filter_map(|name| self.site_point_named(*name)).collect();
            if let (Some(source), true) = (source, of.len() == names.len() && !names.is_empty()) {
                self.status(node, &status, Resolved { source, of });
            }
        }
        self.status_of_sources();
    }

    fn site_point_named(&mut self, name: Node<'a>) -> Option<usize> {
        let written = name.value().as_str().unwrap_or_default();
        match self.tags.find(written) {
            Found::At(position) => Some(position),
            Found::Faulty => None,
            Found::Unknown(instead) => {
                self.unknown(Fault::new(Code::UnknownPoint, name.spot(), vec![written.into(), instead]));
                None
            }
        }
    }

    fn status(&mut self, node: Node<'a>, file: &StatusFile, at: Resolved) {
        let before = self.faults.len();
        let Some(shape) = self.tables.points.get(at.source).map(|point| point.source.shape) else { return };
        let trouble = trouble(file.kind);
        let category = file.category.map_or(trouble.category(), category);
        let test = self.status_test(node, file, shape);
        if file.limit_min.is_some() && category != Category::FunctionCheck {
            let words = args![&file.point, crate::words::category(category)];
            self.faults.push(Fault::new(Code::StatusLimit, node.at("limit_min"), words));
        }
        for point in at.of.iter().filter_map(|of| self.tables.points.get(*of)) {
            if let Some(why) = unmeasured(point) {
                let words = vec![file.point.as_str().into(), (&*point.tag).into(), why];
                self.faults.push(Fault::new(Code::StatusOf, node.at("of"), words));
            }
        }
        let (Some(test), true) = (test, self.faults.len() == before) else { return };
        let usual = match trouble.usual_limit() {
            Duration::ZERO => Trouble::Inhibit.usual_limit(),
            limit => limit,
        };
        self.status_nodes.push(node);
        self.tables.statuses.push(StatusSpec {
            source: PointId(index(at.source)),
            test,
            of: at.of.into_iter().map(|of| PointId(index(of))).collect(),
            trouble,
            category,
            limit: file.limit_min.map_or(usual, |minutes| Duration::from_secs(60 * u64::from(minutes))),
        });
    }

    fn status_test(&mut self, node: Node<'a>, file: &StatusFile, shape: Shape) -> Option<Test> {
        let values = |list: &[f64]| list.iter().copied().filter_map(Value::try_new).collect::<Vec<_>>();
        let tests = [
            file.bit.map(Test::Bit),
            file.equals.map(|value| Test::OneOf(values(&[value]))),
            file.one_of.as_deref().map(|list| Test::OneOf(values(list))),
            file.none_of.as_deref().map(|list| Test::NoneOf(values(list))),
            file.range.and_then(|[from, to]| Some(Test::Range(Value::try_new(from)?, Value::try_new(to)?))),
        ];
        let mut written: Vec<Test> = tests.into_iter().flatten().collect();
        let count = written.len();
        if shape.is_switch() && count == 0 {
            return Some(Test::OneOf(vec![Value::ONE]));
        }
        let unreadable = matches!(shape, Shape::Text(_)) || (shape.is_switch() && file.bit.is_some());
        if count != 1 || unreadable {
            self.faults.push(Fault::new(Code::StatusTest, node.spot(), args![&file.point, count]));
            return None;
        }
        written.pop()
    }

    /// A status of a status would be heard in no order.
    fn status_of_sources(&mut self) {
        let sources: Vec<PointId> = self.tables.statuses.iter().map(|status| status.source).collect();
        for (status, node) in self.tables.statuses.iter().zip(&self.status_nodes) {
            for point in status.of.iter().filter(|point| sources.contains(point)) {
                let tag = |id: PointId| self.tables.points.get(id.index()).map(|point| point.tag.to_string());
                let why = Arg::Each("它自己就是状态", "it is a status itself");
                let (source, of) = (tag(status.source).unwrap_or_default(), tag(*point).unwrap_or_default());
                let words = vec![source.into(), of.into(), why];
                self.faults.push(Fault::new(Code::StatusOf, node.at("of"), words));
            }
        }
    }
}

/// The measured values of a template: what is a number and for safety.
fn usual(points: &[(Node<'_>, PointFile)], source: &str) -> Vec<String> {
    let measured = points.iter().filter(|(_, file)| {
        let number = !matches!(file.register.kind, Some(TypeKey::Bit | TypeKey::Text) | None);
        number && file.safety == Some(true) && file.name.as_deref() != Some(source)
    });
    measured.filter_map(|(_, file)| file.name.clone()).collect()
}

fn unmeasured(point: &PointSpec) -> Option<Arg> {
    match point.source.shape {
        Shape::Text(_) => Some(Arg::Each("它是文本", "it is a text")),
        shape if shape.is_switch() => Some(Arg::Each("它是开关量", "it is a switch")),
        _ => None,
    }
}

const fn trouble(key: TroubleKey) -> Trouble {
    match key {
        TroubleKey::WarmUp => Trouble::WarmUp,
        TroubleKey::Calibration => Trouble::Calibration,
        TroubleKey::Inhibit => Trouble::Inhibit,
        TroubleKey::Test => Trouble::Test,
        TroubleKey::Fault => Trouble::Fault,
        TroubleKey::SensorLost => Trouble::SensorLost,
        TroubleKey::OverRange => Trouble::OverRange,
        TroubleKey::UnderRange => Trouble::UnderRange,
        TroubleKey::Conditions => Trouble::Conditions,
        TroubleKey::Maintenance => Trouble::Maintenance,
        TroubleKey::EndOfLife => Trouble::EndOfLife,
        TroubleKey::CalibrationDue => Trouble::CalibrationDue,
    }
}

const fn category(key: CategoryKey) -> Category {
    match key {
        CategoryKey::Failure => Category::Failure,
        CategoryKey::FunctionCheck => Category::FunctionCheck,
        CategoryKey::OutOfSpecification => Category::OutOfSpecification,
        CategoryKey::MaintenanceRequired => Category::MaintenanceRequired,
    }
}
