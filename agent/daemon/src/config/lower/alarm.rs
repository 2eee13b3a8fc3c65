//! A point's alarms: kinds against types, set-points against one another, the range and the limits of the profile.

use std::time::Duration;

use hazard_core::alarm::{AlarmKind, AlarmSpec, Priority};
use hazard_core::id::PointId;
use hazard_core::point::Shape;
use hazard_core::{Side, Threshold, Value};

use super::Lowering;
use super::profile::Applied;
use super::tag::{Draft, index, priority};
use crate::config::catalogue::Code;
use crate::config::error::{Fault, Spot, args};
use crate::config::point::{AlarmFile, KindKey};
use crate::config::tree::Node;
use crate::dictionary::AlarmEntry;
use crate::words;

/// An alarm with its place.
pub(super) struct Written<'a> {
    file: AlarmFile,
    /// `None` where its profile alone sets it.
    node: Option<Node<'a>>,
    /// Of the profile, or of the point.
    origin: Spot,
    /// Deadband in effect.
    deadband: f64,
}

impl<'a> Written<'a> {
    /// The place of a key where it is written, else of what brings its value.
    fn at(&self, key: &str) -> Spot {
        self.get(key).map_or_else(|| self.node.map_or(self.origin, Node::spot), Node::spot)
    }

    fn get(&self, key: &str) -> Option<Node<'a>> {
        self.node.and_then(|node| node.get(key))
    }

    fn name(&self) -> &'static str {
        kind_name(self.file.kind)
    }

    fn setpoint(&self) -> f64 {
        self.file.setpoint.unwrap_or_default()
    }
}

/// The next thing that a value returning from an alarm would meet.
struct Neighbour {
    at: f64,
    name: &'static str,
    spot: Spot,
}

impl<'a> Draft<'a> {
    /// The point's alarms; every fault in them is noted.
    pub(super) fn alarms(&mut self, shape: Shape, range: Option<(Value, Value)>) -> Vec<Written<'a>> {
        let nodes = self.place.get("alarms").map(Node::members).unwrap_or_default();
        let files = self.file.alarms.clone().unwrap_or_default();
        let (origin, mut kinds) = (self.place.at("profile"), Vec::new());
        let mut alarms: Vec<Written<'a>> = Vec::new();
        for (node, mut file) in nodes.into_iter().zip(files) {
            let kind = file.kind;
            if let Some((_, first)) = kinds.iter().find(|(other, _)| *other == kind) {
                let words = args![&self.tag, kind_name(kind)];
                let fault = Fault::new(Code::DuplicateAlarm, node.at("kind"), words);
                self.faults.push(fault.against(*first));
                continue;
            }
            kinds.push((kind, node.at("kind")));
            self.fill(&mut file);
            if self.alarm_fits(node, &file, shape) {
                let deadband = file.deadband.unwrap_or(0.0);
                alarms.push(Written { file, node: Some(node), origin, deadband });
            }
        }
        let usual = self.usual_alarms();
        self.companions(&usual);
        if !usual.is_empty() {
            alarms.extend(usual.into_iter().map(|file| Written { file, node: None, origin, deadband: 0.0 }));
            // What nobody wrote has no place in the order of the file.
            alarms.sort_by_key(|alarm| rank(alarm.file.kind));
        }
        if !shape.is_switch() {
            self.levels(&mut alarms, range);
        }
        alarms
    }

    fn alarm_fits(&mut self, node: Node<'a>, file: &AlarmFile, shape: Shape) -> bool {
        let before = self.faults.len();
        let digital = file.kind == KindKey::Digital;
        if matches!(shape, Shape::Text(_)) || digital != shape.is_switch() {
            let kind = self.place.get("type").and_then(|node| node.value().as_str()).unwrap_or("bit");
            let words = args![&self.tag, kind, kind_name(file.kind)];
            self.faults.push(Fault::new(Code::AlarmAgainstType, node.at("kind"), words));
            return false;
        }
        let unused: &[&str] = if digital { &["setpoint", "key_setpoint", "deadband"] } else { &["active"] };
        for key in unused.iter().filter(|key| node.get(key).is_some()) {
            let words = args![key, kind_name(file.kind)];
            self.faults.push(Fault::new(Code::AlarmKeyUnused, node.at(key), words));
        }
        if !digital && file.setpoint.is_none() {
            if !self.is_unsettled() {
                let words = args![&self.tag, kind_name(file.kind), self.unit()];
                self.faults.push(Fault::new(Code::SetpointMissing, node.spot(), words));
            }
            return false;
        }
        self.faults.len() == before
    }

    fn levels(&mut self, alarms: &mut [Written<'a>], range: Option<(Value, Value)>) {
        let before = self.faults.len();
        for alarm in alarms.iter() {
            self.within(alarm, range);
            self.tighter(alarm, range);
            self.limit(alarm, alarms);
        }
        let mut ascending: Vec<&Written<'a>> = alarms.iter().collect();
        ascending.sort_by_key(|alarm| rank(alarm.file.kind));
        for pair in ascending.windows(2) {
            let [lower, upper] = pair else { continue };
            if lower.setpoint() >= upper.setpoint() {
                let words = args![&self.tag, upper.name(), upper.setpoint(), lower.name(), lower.setpoint()];
                let fault = Fault::new(Code::SetpointOrder, upper.at("setpoint"), words);
                self.faults.push(fault.against(lower.at("setpoint")));
            }
        }
        if self.faults.len() == before {
            let neighbours: Vec<_> = alarms.iter().map(|a| self.neighbour(a, alarms)).collect();
            for (alarm, neighbour) in alarms.iter_mut().zip(neighbours) {
                self.deadband(alarm, neighbour);
            }
        }
    }

    fn within(&mut self, alarm: &Written<'a>, range: Option<(Value, Value)>) {
        let Some((low, high)) = range else { return };
        let setpoint = alarm.setpoint();
        if setpoint < low.get() || setpoint > high.get() {
            let words = args![&self.tag, setpoint, low.get(), high.get()];
            let fault = Fault::new(Code::SetpointOutOfRange, alarm.at("setpoint"), words);
            self.faults.push(fault.against(self.place.at("range")));
        }
    }

    /// The set-point of key periods is on the safe side of the usual one, and still within the range.
    fn tighter(&mut self, alarm: &Written<'a>, range: Option<(Value, Value)>) {
        let Some(key) = alarm.file.key_setpoint else { return };
        let laxer = if is_high(alarm.file.kind) { key > alarm.setpoint() } else { key < alarm.setpoint() };
        let outside = range.is_some_and(|(low, high)| key < low.get() || key > high.get());
        if laxer || outside {
            let words = args![&self.tag, key, alarm.setpoint(), alarm.name()];
            let fault = Fault::new(Code::KeySetpointLaxer, alarm.at("key_setpoint"), words);
            self.faults.push(fault.against(alarm.at("setpoint")));
        }
    }

    /// Ceilings and floors of the profile, or of what the unit alone says.
    fn limit(&mut self, alarm: &Written<'a>, all: &[Written<'a>]) {
        let Some(applied) = self.profile.or_else(|| Applied::implied(self.unit())) else { return };
        let is_first = all.iter().all(|other| other.file.kind != KindKey::High);
        // Whichever trips first is the first level, whatever it is called.
        let kind = if is_first && is_high(alarm.file.kind) { KindKey::High } else { alarm.file.kind };
        let Some(limit) = applied.limit(kind) else { return };
        let setpoint = alarm.setpoint();
        let (code, passed) = if is_high(kind) {
            (Code::AboveCeiling, limit.is_exceeded(setpoint))
        } else {
            (Code::BelowFloor, limit.is_undercut(setpoint))
        };
        if passed {
            let mut words = args![&self.tag, alarm.name(), setpoint, limit.shown, self.unit()];
            words.push(limit.rule);
            self.faults.push(Fault::new(code, alarm.at("setpoint"), words));
        }
    }

    fn neighbour(&self, alarm: &Written<'a>, all: &[Written<'a>]) -> Option<Neighbour> {
        let here = rank(alarm.file.kind);
        let downwards = is_high(alarm.file.kind);
        let side = |other: &&Written<'a>| (rank(other.file.kind) < here) == downwards;
        let others = all.iter().filter(|other| rank(other.file.kind) != here).filter(side);
        let nearest = others.min_by_key(|other| rank(other.file.kind).abs_diff(here));
        let level = nearest.map(|other| Neighbour {
            at: other.setpoint(),
            name: other.name(),
            spot: other.at("setpoint"),
        });
        level.or_else(|| {
            let [low, high] = self.file.range?;
            let at = if downwards { low } else { high };
            Some(Neighbour { at, name: "range", spot: self.place.at("range") })
        })
    }

    fn deadband(&mut self, alarm: &mut Written<'a>, neighbour: Option<Neighbour>) {
        let distance = neighbour.as_ref().map(|near| (alarm.setpoint() - near.at).abs());
        let Some(told) = alarm.file.deadband else {
            let share = self.profile.and_then(|profile| profile.deadband_share(alarm.file.kind));
            let usual = self.file.range.map_or(0.0, |[low, high]| (high - low) * share.unwrap_or(0.01));
            alarm.deadband = distance.map_or(usual, |distance| usual.min(distance / 2.0));
            return;
        };
        if let (Some(near), Some(distance)) = (neighbour, distance)
            && told >= distance
        {
            let words = args![&self.tag, alarm.name(), told, distance, near.name];
            let key = alarm.at("deadband");
            self.faults.push(Fault::new(Code::DeadbandTooWide, key, words).against(near.spot));
        }
    }
}

impl<'a> Lowering<'a> {
    /// Enters the alarms of the point that was entered last.
    pub(super) fn enter_alarms(&mut self, draft: &Draft<'a>, alarms: Vec<Written<'a>>, lost: bool) {
        let gas = is_gas(draft.unit());
        let point = PointId(index(self.tables.points.len().saturating_sub(1)));
        for alarm in alarms {
            let digital = alarm.file.kind == KindKey::Digital;
            let spec = AlarmSpec {
                priority: alarm.file.priority.map_or(usual_priority(alarm.file.kind), priority),
                latch: alarm.file.latch.unwrap_or(gas || digital),
                key_setpoint: alarm.file.key_setpoint.and_then(Value::try_new),
                fails_to_alarm: draft.fails_to_alarm(),
                ..AlarmSpec::new(point, core_kind(alarm.file.kind), threshold(&alarm))
            };
            if let Some(key) = alarm.file.key_setpoint {
                self.dictionary.key_setpoints.push((index(self.tables.alarms.len()), key.to_string()));
            }
            let setpoint = if digital { String::new() } else { self.as_written(&alarm) };
            self.enter_alarm(draft, (spec, alarm.name(), setpoint), alarm.at("kind"));
        }
        if lost {
            let spec = AlarmSpec {
                priority: draft.file.lost_priority.map_or(self.lost_priority, priority),
                ..AlarmSpec::new(point, AlarmKind::Lost, Threshold::switch(Side::High))
            };
            self.enter_alarm(draft, (spec, "lost", String::new()), draft.place.at("tag"));
        }
    }

    pub(super) fn enter_alarm(&mut self, draft: &Draft<'a>, alarm: (AlarmSpec, &str, String), spot: Spot) {
        let (spec, kind, setpoint) = alarm;
        let name = format!("{}:{kind}", draft.tag);
        // Tags are unique and kinds are unique on a point, so the name is.
        if self.alarm_names.claim(&name, spot).is_ok() {
            self.alarm_names.settle(&name, self.tables.alarms.len());
        }
        self.dictionary.alarms.push(AlarmEntry {
            point: spec.point.0,
            kind: kind.to_owned(),
            priority: words::priority(spec.priority).to_owned(),
            setpoint,
            latch: spec.latch,
        });
        self.tables.alarms.push(spec);
    }

    /// The set-point's own digits; those of a default are few.
    fn as_written(&self, alarm: &Written<'a>) -> String {
        let Some(spot) = alarm.get("setpoint").map(Node::spot) else {
            return alarm.setpoint().to_string();
        };
        let text = self.sources.files.get(spot.file).map(|file| &file.text);
        text.and_then(|text| text.get(spot.start..spot.end)).unwrap_or_default().to_owned()
    }
}

fn threshold(alarm: &Written<'_>) -> Threshold {
    let (file, value) = (&alarm.file, |raw| Value::try_new(raw).unwrap_or(Value::ZERO));
    let switch = |active| Threshold::switch(if active { Side::High } else { Side::Low });
    let level = |side| Threshold {
        side,
        setpoint: value(alarm.setpoint()),
        deadband: value(alarm.deadband),
        on_delay: Duration::ZERO,
        off_delay: Duration::ZERO,
    };
    let threshold = match file.kind {
        KindKey::Digital => switch(file.active.unwrap_or(true)),
        KindKey::High | KindKey::HighHigh => level(Side::High),
        KindKey::Low | KindKey::LowLow => level(Side::Low),
    };
    Threshold {
        on_delay: Duration::from_millis(file.on_delay_ms.unwrap_or(0).into()),
        off_delay: Duration::from_millis(file.off_delay_ms.unwrap_or(0).into()),
        ..threshold
    }
}

/// Gas alarms latch unless told otherwise: a whiff that has passed must still be seen by somebody.
fn is_gas(unit: &str) -> bool {
    let unit = unit.to_uppercase();
    ["LEL", "PPM", "PPB", "MG/M", "%OEL", "%VOL", "IDLH"].iter().any(|gas| unit.contains(gas))
}

const fn rank(kind: KindKey) -> u8 {
    match kind {
        KindKey::LowLow => 0,
        KindKey::Low => 1,
        KindKey::High => 2,
        KindKey::HighHigh => 3,
        KindKey::Digital => 4,
    }
}

const fn is_high(kind: KindKey) -> bool {
    matches!(kind, KindKey::High | KindKey::HighHigh)
}

const fn usual_priority(kind: KindKey) -> Priority {
    match kind {
        KindKey::Low | KindKey::High => Priority::Medium,
        KindKey::LowLow | KindKey::HighHigh | KindKey::Digital => Priority::High,
    }
}

const fn core_kind(kind: KindKey) -> AlarmKind {
    match kind {
        KindKey::LowLow => AlarmKind::LowLow,
        KindKey::Low => AlarmKind::Low,
        KindKey::High => AlarmKind::High,
        KindKey::HighHigh => AlarmKind::HighHigh,
        KindKey::Digital => AlarmKind::Digital,
    }
}

pub(super) const fn kind_name(kind: KindKey) -> &'static str {
    match kind {
        KindKey::LowLow => "low_low",
        KindKey::Low => "low",
        KindKey::High => "high",
        KindKey::HighHigh => "high_high",
        KindKey::Digital => "digital",
    }
}
