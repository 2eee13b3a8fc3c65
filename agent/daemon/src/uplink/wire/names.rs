//! The names behind the numbers of one configuration, escaped once so that no message escapes them again. A number
//! without a name is written as `#12`: a record is never dropped because its dictionary is gone.

use std::sync::Arc;

use hazard_core::id::{AlarmId, PointId, SafeguardId, UpkeepId};
use hazard_core::{Utc, Value};

use super::json;
use crate::dictionary::{AlarmEntry, Dictionary, PointEntry};

/// A dictionary, ready to be written.
#[derive(Debug)]
pub(super) struct Names {
    pub(super) dictionary: Arc<Dictionary>,
    points: Box<[PointName]>,
    alarms: Box<[AlarmName]>,
}

#[derive(Debug)]
struct PointName {
    /// `{"point":"GT-101"`
    opened: Box<str>,
    is_switch: bool,
}

#[derive(Debug)]
struct AlarmName {
    /// `"GT-101/high"`
    id: Box<str>,
    /// `"alarm":"GT-101/high","point":"GT-101","alarm_kind":"high","priority":"medium","setpoint":25.0`
    fields: Box<str>,
    /// 0 is the most urgent.
    rank: u8,
    is_switch: bool,
}

impl Names {
    pub(super) fn new(dictionary: Arc<Dictionary>) -> Self {
        let points = dictionary.points.iter().map(PointName::new).collect();
        let alarms =
            dictionary.alarms.iter().map(|alarm| AlarmName::new(alarm, &dictionary.points)).collect();
        Self { dictionary, points, alarms }
    }

    /// Opens a reading and names its point; returns whether the point is a switch.
    pub(super) fn open_point(&self, out: &mut Vec<u8>, point: PointId) -> Switch {
        match self.points.get(point.index()) {
            Some(name) => {
                json::raw(out, &name.opened);
                Switch(name.is_switch)
            }
            None => {
                json::raw(out, "{\"point\":");
                unknown(out, point.index());
                Switch(false)
            }
        }
    }

    /// Names an alarm and says what it is, as fields; returns whether its point is a switch.
    pub(super) fn alarm_fields(&self, out: &mut Vec<u8>, alarm: AlarmId) -> Switch {
        match self.alarms.get(alarm.index()) {
            Some(name) => {
                json::raw(out, &name.fields);
                Switch(name.is_switch)
            }
            None => {
                json::raw(out, "\"alarm\":");
                unknown(out, alarm.index());
                Switch(false)
            }
        }
    }

    /// Names an alarm.
    pub(super) fn alarm_id(&self, out: &mut Vec<u8>, alarm: AlarmId) {
        match self.alarms.get(alarm.index()) {
            Some(name) => json::raw(out, &name.id),
            None => unknown(out, alarm.index()),
        }
    }

    /// Names a point.
    pub(super) fn point_id(&self, out: &mut Vec<u8>, point: PointId) {
        match self.dictionary.points.get(point.index()) {
            Some(entry) => json::scalar(out, &entry.tag),
            None => unknown(out, point.index()),
        }
    }

    /// Names a safeguard.
    pub(super) fn safeguard(&self, out: &mut Vec<u8>, safeguard: SafeguardId) {
        match self.dictionary.safeguards.get(safeguard.index()) {
            Some(entry) => json::scalar(out, &entry.name),
            None => unknown(out, safeguard.index()),
        }
    }

    /// Names a duty of upkeep.
    pub(super) fn upkeep(&self, out: &mut Vec<u8>, upkeep: UpkeepId) {
        json::scalar(out, &self.dictionary.upkeep_name(upkeep));
    }

    /// Names a vote, a trip or a permit.
    pub(super) fn row(&self, out: &mut Vec<u8>, rows: &[String], index: usize) {
        match rows.get(index) {
            Some(name) => json::scalar(out, name),
            None => unknown(out, index),
        }
    }

    /// How urgent an alarm is; 0 is the most urgent, one without a name counts as that.
    pub(super) fn rank(&self, alarm: AlarmId) -> u8 {
        self.alarms.get(alarm.index()).map_or(0, |name| name.rank)
    }
}

/// Whether a point is a switch, whose numbers read true or false.
#[derive(Clone, Copy)]
pub(super) struct Switch(bool);

impl Switch {
    /// Appends `value` as the point's kind of value.
    pub(super) fn write(self, out: &mut Vec<u8>, value: Value) {
        if self.0 {
            // The alarm of a switch compares with one half; the platform must see the side that the alarm saw.
            json::scalar(out, &(value >= Value::HALF));
        } else {
            json::number(out, value);
        }
    }
}

/// Appends the name at `index` of a plain list.
pub(super) fn listed(out: &mut Vec<u8>, list: &[String], index: usize) {
    match list.get(index) {
        Some(name) => json::scalar(out, name),
        None => unknown(out, index),
    }
}

/// Appends the hash of a configuration as `"blake3:…"`, or null when it is not known.
pub(super) fn config(out: &mut Vec<u8>, hash: &str) {
    match hash.strip_prefix("blake3:").unwrap_or(hash) {
        "" => json::raw(out, "null"),
        bare => json::scalar(out, &format!("blake3:{bare}")),
    }
}

/// Appends a field with a time, comma first.
pub(super) fn time_field(out: &mut Vec<u8>, field: &str, utc: Utc) {
    json::raw(out, field);
    json::time(out, utc);
}

impl PointName {
    fn new(entry: &PointEntry) -> Self {
        let opened = format!("{{\"point\":{}", json::quoted(&entry.tag)).into();
        Self { opened, is_switch: entry.is_switch }
    }
}

impl AlarmName {
    fn new(entry: &AlarmEntry, points: &[PointEntry]) -> Self {
        let point = usize::try_from(entry.point).ok().and_then(|index| points.get(index));
        let tag = point.map_or_else(|| format!("#{}", entry.point), |point| point.tag.clone());
        let id = json::quoted(&format!("{tag}/{}", entry.kind));
        let [tag, kind, priority] = [&tag, &entry.kind, &entry.priority].map(|text| json::quoted(text));
        let mut fields =
            format!("\"alarm\":{id},\"point\":{tag},\"alarm_kind\":{kind},\"priority\":{priority}")
                .into_bytes();
        if let Some(setpoint) = setpoint(&entry.setpoint) {
            json::raw(&mut fields, ",\"setpoint\":");
            json::number(&mut fields, setpoint);
        }
        let fields = String::from_utf8_lossy(&fields).into();
        let is_switch = point.is_some_and(|point| point.is_switch);
        Self { id, fields, rank: rank(&entry.priority), is_switch }
    }
}

/// The set-point as a number; what a person wrote may group digits with underscores.
pub(super) fn setpoint(written: &str) -> Option<Value> {
    written.replace('_', "").parse().ok().and_then(Value::try_new)
}

fn rank(priority: &str) -> u8 {
    match priority {
        "low" => 3,
        "medium" => 2,
        "high" => 1,
        // A priority from a later configuration is not known to be harmless.
        _ => 0,
    }
}

fn unknown(out: &mut Vec<u8>, index: usize) {
    json::raw(out, "\"#");
    json::scalar(out, &index);
    json::raw(out, "\"");
}
