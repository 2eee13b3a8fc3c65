//! The lowered site as the rules of caution see it: gas points, their alarms, and where everything is written.

use hazard_core::alarm::{AlarmKind, AlarmSpec, Signal};
use hazard_core::site::{Practice, SiteTables};

use super::super::Lowering;
use super::{Found, Measured};
use crate::config::error::{Arg, Spot, args};
use crate::config::profile::ProfileKey;
use crate::config::tree::Node;

/// Which gas.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Gas {
    Harmful,
    Oxygen,
}

/// The lowered site as the rules see it.
pub(super) struct Look<'l, 'a> {
    pub(super) lowering: &'l Lowering<'a>,
    pub(super) site: Node<'a>,
    pub(super) practice: Option<Practice>,
    /// By point: the alarms on its value.
    pub(super) alarms: Vec<Vec<usize>>,
    /// By point.
    pub(super) gases: Vec<Option<Gas>>,
}

impl<'l, 'a> Look<'l, 'a> {
    pub(super) fn new(lowering: &'l Lowering<'a>, site: Node<'a>, practice: Option<Practice>) -> Self {
        let mut alarms = vec![Vec::new(); lowering.tables.points.len()];
        for (index, alarm) in lowering.tables.alarms.iter().enumerate() {
            if let Some(own) = alarms.get_mut(alarm.point.index()).filter(|_| alarm.signal == Signal::Value) {
                own.push(index);
            }
        }
        let gas = |(measured, alarms): (&Measured<'_>, &Vec<usize>)| {
            // A unit alone may be that of a setting; with an alarm it is a detector's.
            let applied = measured.applied.filter(|_| measured.told || !alarms.is_empty())?;
            gas_of(applied.profile().key)
        };
        let gases = lowering.measured.iter().zip(&alarms).map(gas).collect();
        Self { lowering, site, practice, alarms, gases }
    }

    pub(super) fn tables(&self) -> &SiteTables {
        &self.lowering.tables
    }

    pub(super) fn tag(&self, point: usize) -> &str {
        self.lowering.dictionary.points.get(point).map_or("", |entry| &entry.tag)
    }

    pub(super) fn kind(&self, alarm: usize) -> &str {
        self.lowering.dictionary.alarms.get(alarm).map_or("", |entry| &entry.kind)
    }

    pub(super) fn alarm_name(&self, alarm: usize) -> String {
        let point = self.tables().alarms.get(alarm).map_or(0, |alarm| alarm.point.index());
        format!("{}:{}", self.tag(point), self.kind(alarm))
    }

    /// The place of a key of a point.
    pub(super) fn at(&self, point: usize, key: &str) -> Spot {
        self.lowering.measured.get(point).map_or_else(|| self.site.spot(), |measured| measured.place.at(key))
    }

    /// The place of a key of an alarm, or of what brings the alarm.
    pub(super) fn alarm_at(&self, alarm: usize, key: &str) -> Spot {
        let point = self.tables().alarms.get(alarm).map_or(0, |alarm| alarm.point.index());
        let list = self.lowering.measured.get(point).and_then(|measured| measured.place.get("alarms"));
        let kind = self.kind(alarm);
        let mut written = list.map(Node::members).unwrap_or_default().into_iter();
        let own = written.find(|node| node.text("kind") == Some(kind));
        own.map_or_else(|| self.at(point, "profile"), |node| node.at(key))
    }

    /// A member of a list by its name.
    pub(super) fn named(&self, list: &str, id: &str) -> Node<'a> {
        let members = self.site.get(list).map(Node::members).unwrap_or_default();
        members.into_iter().find(|node| node.text("id") == Some(id)).unwrap_or(self.site)
    }

    pub(super) fn gas_points(&self) -> impl Iterator<Item = (usize, Gas)> + '_ {
        self.gases.iter().enumerate().filter_map(|(point, gas)| gas.map(|gas| (point, gas)))
    }

    /// The alarms of gas points at which people act: second levels, sole first levels, and both sides of oxygen.
    pub(super) fn urgent(&self) -> Vec<(usize, &AlarmSpec)> {
        let mut urgent = Vec::new();
        for (point, gas) in self.gas_points() {
            let own = self.alarms.get(point).map(Vec::as_slice).unwrap_or_default();
            let own: Vec<_> =
                own.iter().filter_map(|at| Some((*at, self.tables().alarms.get(*at)?))).collect();
            let has_second = own.iter().any(|(_, alarm)| alarm.kind == AlarmKind::HighHigh);
            let counts = |kind| match gas {
                Gas::Oxygen => true,
                Gas::Harmful => kind == AlarmKind::HighHigh || (kind == AlarmKind::High && !has_second),
            };
            urgent.extend(own.into_iter().filter(|(_, alarm)| counts(alarm.kind)));
        }
        urgent
    }

    pub(super) fn of_alarm(&self, alarm: usize, key: &str, more: Vec<Arg>) -> Found {
        let of = self.alarm_name(alarm);
        let mut words = args![&of];
        words.extend(more);
        Found { spot: self.alarm_at(alarm, key), of, words }
    }

    pub(super) fn of_point(&self, point: usize, key: &str, more: Vec<Arg>) -> Found {
        let mut words = args![self.tag(point)];
        words.extend(more);
        Found { of: self.tag(point).to_owned(), spot: self.at(point, key), words }
    }
}

pub(super) const fn gas_of(key: ProfileKey) -> Option<Gas> {
    if matches!(key, ProfileKey::Combustible | ProfileKey::OpenPath | ProfileKey::Toxic) {
        Some(Gas::Harmful)
    } else if matches!(key, ProfileKey::Oxygen) {
        Some(Gas::Oxygen)
    } else {
        None
    }
}
