//! Watches on a point's behaviour, and what holds for all its alarms: zone, shelving, suppression. Names of other points and
//! of outputs are looked up when all are known.

use std::time::Duration;

use hazard_core::alarm::{AlarmKind, AlarmSpec, Priority, Signal};
use hazard_core::id::{OutputId, PointId, ZoneId};
use hazard_core::outbox::record::Verb;
use hazard_core::point::Shape;
use hazard_core::{Side, Threshold, Value};

use super::Lowering;
use super::tag::{Draft, index, priority};
use crate::config::catalogue::Code;
use crate::config::error::{Fault, args};
use crate::config::names::Found;
use crate::config::point::{ButtonKey, WatchFile, WatchKey};
use crate::config::tree::Node;

const SHELVE_MAX_MIN: u32 = 480;

/// A name that an alarm refers to.
pub(super) struct Reference<'a> {
    alarm: usize,
    to: To,
    name: Node<'a>,
}

enum To {
    Deviation,
    Discrepancy,
    Suppressed,
}

impl<'a> Draft<'a> {
    /// The point's watches; every fault in them, and in what holds for all its alarms, is noted.
    pub(super) fn watches(&mut self, shape: Shape, safety: bool) -> Vec<(Node<'a>, WatchFile)> {
        if self.file.button.is_some() && !shape.is_switch() {
            self.fault(Code::ButtonNotSwitch, "button", args![&self.tag]);
        }
        if self.file.suppressed_while.is_some() && safety {
            self.fault(Code::SuppressedSafety, "suppressed_while", args![&self.tag]);
        }
        let nodes = self.place.get("watches").map(Node::members).unwrap_or_default();
        let files = self.file.watches.clone().unwrap_or_default();
        let mut seen: Vec<(WatchKey, Node<'a>)> = Vec::new();
        let mut watches = Vec::new();
        for (node, file) in nodes.into_iter().zip(files) {
            if let Some((_, first)) = seen.iter().find(|(kind, _)| *kind == file.kind) {
                let fault =
                    Fault::new(Code::DuplicateAlarm, node.at("kind"), args![&self.tag, name(file.kind)]);
                self.faults.push(fault.against(first.at("kind")));
                continue;
            }
            seen.push((file.kind, node));
            self.watch_fits(node, &file, shape);
            watches.push((node, file));
        }
        watches
    }

    fn watch_fits(&mut self, node: Node<'a>, file: &WatchFile, shape: Shape) {
        let discrepancy = file.kind == WatchKey::Discrepancy;
        if matches!(shape, Shape::Text(_)) || discrepancy != shape.is_switch() {
            let kind = self.place.get("type").and_then(|node| node.value().as_str()).unwrap_or("bit");
            let words = args![&self.tag, kind, name(file.kind)];
            self.faults.push(Fault::new(Code::WatchAgainstType, node.at("kind"), words));
            return;
        }
        let (needed, unused): (&[&str], &[&str]) = match file.kind {
            WatchKey::Rate => (&["setpoint"], &["other", "output"]),
            WatchKey::Deviation => (&["setpoint", "other"], &["over_s", "output"]),
            WatchKey::Discrepancy => (&["output"], &["setpoint", "over_s", "other"]),
            WatchKey::Frozen | WatchKey::OverRange => (&[], &["setpoint", "over_s", "other", "output"]),
        };
        for key in needed.iter().filter(|key| node.get(key).is_none()) {
            let words = args![&self.tag, name(file.kind), key];
            self.faults.push(Fault::new(Code::WatchKeyMissing, node.spot(), words));
        }
        if file.kind == WatchKey::OverRange && self.file.range.is_none() {
            let words = args![&self.tag, name(file.kind), "range"];
            self.faults.push(Fault::new(Code::WatchKeyMissing, node.spot(), words));
        }
        for key in unused.iter().filter(|key| node.get(key).is_some()) {
            self.faults.push(Fault::new(Code::WatchKeyUnused, node.at(key), args![key, name(file.kind)]));
        }
    }
}

impl<'a> Lowering<'a> {
    /// Enters the watches of the point that was entered last.
    pub(super) fn enter_watches(&mut self, draft: &Draft<'a>, watches: Vec<(Node<'a>, WatchFile)>) {
        let point = PointId(index(self.tables.points.len().saturating_sub(1)));
        for (node, file) in watches {
            let spec = AlarmSpec {
                priority: file.priority.map_or(Priority::Low, priority),
                latch: file.latch.unwrap_or(file.kind == WatchKey::OverRange),
                signal: signal(&file),
                ..AlarmSpec::new(point, kind(file.kind), threshold(&file))
            };
            let alarm = self.tables.alarms.len();
            for (key, to) in [("other", To::Deviation), ("output", To::Discrepancy)] {
                if let Some(name) = node.get(key) {
                    self.references.push(Reference { alarm, to, name });
                }
            }
            let setpoint = file.setpoint.map(|setpoint| setpoint.to_string()).unwrap_or_default();
            self.enter_alarm(draft, (spec, name(file.kind), setpoint), node.at("kind"));
        }
    }

    /// Gives the point's alarms, from `first` on, what holds for all of them.
    pub(super) fn manage(&mut self, draft: &Draft<'a>, first: usize, safety: bool) {
        let zone = draft.file.zone.as_deref().map_or(0, |zone| self.zone(zone));
        let usual = if safety { 0 } else { SHELVE_MAX_MIN };
        let minutes = draft.file.shelve_max_min.unwrap_or(usual);
        let switch = draft.place.get("suppressed_while");
        for (alarm, spec) in self.tables.alarms.iter_mut().enumerate().skip(first) {
            spec.zone = ZoneId(zone);
            if !spec.latch {
                spec.shelve_max = Duration::from_secs(60 * u64::from(minutes));
            }
            self.references.extend(switch.map(|name| Reference { alarm, to: To::Suppressed, name }));
        }
    }

    /// 0 is the whole site.
    fn zone(&mut self, name: &str) -> u16 {
        let known = self.zones.iter().position(|zone| zone == name);
        let index = known.unwrap_or_else(|| {
            self.zones.push(name.to_owned());
            self.zones.len() - 1
        });
        u16::try_from(index + 1).unwrap_or(u16::MAX)
    }

    /// Looks up the points and outputs that alarms refer to.
    pub(super) fn references(&mut self) {
        for Reference { alarm, to, name } in std::mem::take(&mut self.references) {
            let written = name.value().as_str().unwrap_or_default();
            let (found, code) = match to {
                To::Deviation | To::Suppressed => (self.tags.find(written), Code::UnknownPoint),
                To::Discrepancy => (self.output_names.find(written), Code::UnknownOutput),
            };
            match found {
                Found::Faulty => {}
                Found::Unknown(instead) => {
                    self.unknown(Fault::new(code, name.spot(), vec![written.into(), instead]));
                }
                Found::At(at) => {
                    let Some(spec) = self.tables.alarms.get_mut(alarm) else { continue };
                    match to {
                        To::Deviation => spec.signal = Signal::Deviation { from: PointId(index(at)) },
                        To::Discrepancy => {
                            let output = OutputId(u16::try_from(at).unwrap_or(u16::MAX));
                            spec.signal = Signal::Discrepancy { output };
                        }
                        To::Suppressed => spec.suppressed_while = Some(PointId(index(at))),
                    }
                }
            }
        }
    }
}

/// What a button does, in the core's word.
pub(super) const fn verb(key: ButtonKey) -> Verb {
    match key {
        ButtonKey::Silence => Verb::Silence,
        ButtonKey::Acknowledge => Verb::Acknowledge,
        ButtonKey::Reset => Verb::Reset,
    }
}

/// The signal; points and outputs are put in when all names are known.
fn signal(file: &WatchFile) -> Signal {
    match file.kind {
        WatchKey::Rate => Signal::Rate { over: Duration::from_secs(file.over_s.unwrap_or(30).into()) },
        WatchKey::Deviation | WatchKey::Discrepancy => Signal::Value,
        WatchKey::Frozen => Signal::Frozen,
        WatchKey::OverRange => Signal::OverRange,
    }
}

fn threshold(file: &WatchFile) -> Threshold {
    let usual = match file.kind {
        WatchKey::Frozen => 600,
        WatchKey::Discrepancy => 30,
        WatchKey::Rate | WatchKey::Deviation | WatchKey::OverRange => 0,
    };
    let setpoint = file.setpoint.and_then(Value::try_new);
    Threshold {
        setpoint: setpoint.unwrap_or(Value::HALF),
        on_delay: Duration::from_secs(file.after_s.unwrap_or(usual).into()),
        ..Threshold::switch(Side::High)
    }
}

const fn kind(key: WatchKey) -> AlarmKind {
    match key {
        WatchKey::Rate => AlarmKind::Rate,
        WatchKey::Deviation => AlarmKind::Deviation,
        WatchKey::Discrepancy => AlarmKind::Discrepancy,
        WatchKey::Frozen => AlarmKind::Frozen,
        WatchKey::OverRange => AlarmKind::OverRange,
    }
}

const fn name(key: WatchKey) -> &'static str {
    match key {
        WatchKey::Rate => "rate",
        WatchKey::Deviation => "deviation",
        WatchKey::Discrepancy => "discrepancy",
        WatchKey::Frozen => "frozen",
        WatchKey::OverRange => "over_range",
    }
}
