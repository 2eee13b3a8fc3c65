//! What the small numbers in the records of one epoch mean: written beside the records, so that a record from before a
//! change of configuration still names the right point.

use hazard_core::id::{AlarmId, DeviceCommandId, PointId, RoleId, TripId, UpkeepId};

/// The names behind one epoch's record numbers, each list in the order of its ids.
#[derive(Clone, PartialEq, Eq, Debug, Default, serde::Serialize, serde::Deserialize)]
pub struct Dictionary {
    /// Hash of the configuration.
    pub config_hash: String,
    /// Points.
    pub points: Vec<PointEntry>,
    /// Alarms.
    pub alarms: Vec<AlarmEntry>,
    /// Devices.
    pub devices: Vec<String>,
    /// Buses.
    pub buses: Vec<String>,
    /// Outputs.
    pub outputs: Vec<String>,
    /// Uplinks.
    pub uplinks: Vec<String>,
    /// Safeguards. From here on lists are only added at the end: a header on disk ends with those of its time.
    pub safeguards: Vec<SafeguardEntry>,
    /// Votes.
    pub votes: Vec<String>,
    /// Trips.
    pub trips: Vec<String>,
    /// Start permits.
    pub permits: Vec<String>,
    /// Key periods.
    pub key_periods: Vec<String>,
    /// Set-points of alarms in key periods, as written, by the alarm's position.
    pub key_setpoints: Vec<(u32, String)>,
    /// Calibrations and proof tests.
    pub upkeep: Vec<UpkeepEntry>,
    /// Roles that are called.
    pub roles: Vec<String>,
    /// Named commands.
    pub commands: Vec<CommandEntry>,
}

impl Dictionary {
    /// The alarm that people call `GT-101/high`.
    #[must_use]
    pub fn alarm(&self, name: &str) -> Option<AlarmId> {
        let (tag, kind) = name.rsplit_once('/')?;
        let is = |alarm: &AlarmEntry| {
            alarm.kind == kind && self.points.get(alarm.point as usize).is_some_and(|point| point.tag == tag)
        };
        (0..).map(AlarmId).zip(&self.alarms).find(|(_, alarm)| is(alarm)).map(|(id, _)| id)
    }

    /// What people call an alarm; `#12` for one that is not known.
    #[must_use]
    pub fn alarm_name(&self, alarm: AlarmId) -> String {
        let entry = self.alarms.get(alarm.index());
        let point = entry.and_then(|entry| self.points.get(entry.point as usize));
        entry
            .zip(point)
            .map_or_else(|| format!("#{}", alarm.0), |(entry, point)| format!("{}/{}", point.tag, entry.kind))
    }

    /// An alarm's set-point in key periods, where that is another one.
    #[must_use]
    pub fn key_setpoint(&self, alarm: AlarmId) -> Option<&str> {
        let mut tight = self.key_setpoints.iter();
        tight.find(|(of, _)| *of == alarm.0).map(|(_, setpoint)| setpoint.as_str())
    }

    /// The trip of this name.
    #[must_use]
    pub fn trip(&self, name: &str) -> Option<TripId> {
        (0..).map(TripId).zip(&self.trips).find(|(_, trip)| *trip == name).map(|(id, _)| id)
    }

    /// The role of this name.
    #[must_use]
    pub fn role(&self, name: &str) -> Option<RoleId> {
        (0..).map(RoleId).zip(&self.roles).find(|(_, role)| *role == name).map(|(id, _)| id)
    }

    /// The named command of this name.
    #[must_use]
    pub fn command(&self, name: &str) -> Option<DeviceCommandId> {
        let mut commands = (0..).map(DeviceCommandId).zip(&self.commands);
        commands.find(|(_, entry)| entry.name == name).map(|(id, _)| id)
    }

    /// What people call a named command; `#12` for one that is not known.
    #[must_use]
    pub fn command_name(&self, command: DeviceCommandId) -> String {
        let entry = self.commands.get(command.index());
        entry.map_or_else(|| format!("#{}", command.0), |entry| entry.name.clone())
    }

    /// The point with this tag.
    #[must_use]
    pub fn point(&self, tag: &str) -> Option<PointId> {
        (0..).map(PointId).zip(&self.points).find(|(_, point)| point.tag == tag).map(|(id, _)| id)
    }

    /// The duty that people call `GT-101/calibration`.
    #[must_use]
    pub fn upkeep(&self, name: &str) -> Option<UpkeepId> {
        let (tag, duty) = name.rsplit_once('/')?;
        let is = |entry: &UpkeepEntry| {
            entry.duty == duty && self.points.get(entry.point as usize).is_some_and(|point| point.tag == tag)
        };
        (0..).map(UpkeepId).zip(&self.upkeep).find(|(_, entry)| is(entry)).map(|(id, _)| id)
    }

    /// What people call a duty; `#12` for one that is not known.
    #[must_use]
    pub fn upkeep_name(&self, upkeep: UpkeepId) -> String {
        self.upkeep.get(upkeep.index()).map_or_else(
            || format!("#{}", upkeep.0),
            |entry| format!("{}/{}", self.point_name(PointId(entry.point)), entry.duty),
        )
    }

    /// What people call a trip; `#12` for one that is not known.
    #[must_use]
    pub fn trip_name(&self, trip: TripId) -> String {
        self.trips.get(trip.index()).cloned().unwrap_or_else(|| format!("#{}", trip.0))
    }

    /// What people call a point; `#12` for one that is not known.
    #[must_use]
    pub fn point_name(&self, point: PointId) -> String {
        let entry = self.points.get(point.index());
        entry.map_or_else(|| format!("#{}", point.0), |entry| entry.tag.clone())
    }
}

/// A point's names.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
pub struct PointEntry {
    /// 位号.
    pub tag: String,
    /// Name for people.
    pub name: String,
    /// Unit as shown; empty for switches and texts.
    pub unit: String,
    /// The point is a switch: its value is sent as true or false.
    pub is_switch: bool,
    /// Its loss is an alarm.
    pub safety: bool,
}

/// An alarm's names.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
pub struct AlarmEntry {
    /// Position of its point in `points`.
    pub point: u32,
    /// `low_low`, `low`, `high`, `high_high`, `digital`, `lost`, a watch's kind, or `unproven`.
    pub kind: String,
    /// `low`, `medium`, `high` or `critical`.
    pub priority: String,
    /// Set-point in the point's unit, as written; empty for `digital` and `lost`.
    pub setpoint: String,
    /// Held until reset.
    pub latch: bool,
}

/// A safeguard's names.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
pub struct SafeguardEntry {
    /// What it protects and its kind: `DC-1/vent_panel`.
    pub name: String,
    /// `vent_panel`, `isolation_valve` and so on, as in the site file.
    pub kind: String,
    /// It should be there and is not.
    pub absent: bool,
    /// What is said of it; may be empty.
    pub note: String,
    /// The day until which an absent one must be fitted, `2026-12-31`; empty where none is set.
    pub deadline: String,
}

/// A named command.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
pub struct CommandEntry {
    /// Its name on the site.
    pub name: String,
    /// For people, in Chinese.
    pub zh: String,
    /// In English.
    pub en: String,
    /// Its device.
    pub device: String,
    /// Unit of its value; may be empty.
    pub unit: String,
}

/// A duty of upkeep.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
pub struct UpkeepEntry {
    /// Position of its point in `points`.
    pub point: u32,
    /// `calibration` or `proof_test`.
    pub duty: String,
    /// How often, in days.
    pub every_days: u32,
}
