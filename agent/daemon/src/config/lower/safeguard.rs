//! Safeguards without a signal, and what a dust collector should have of them.

use std::collections::BTreeSet;

use hazard_core::site::{SafeguardSpec, SafeguardState};
use jiff::civil::Date;

use super::{Lowering, Section};
use crate::config::catalogue::Code;
use crate::config::error::{Arg, Fault, args};
use crate::config::names::Names;
use crate::config::profile::ProfileKey;
use crate::config::safeguard::{SafeguardFile, SafeguardKey, StateKey};
use crate::config::tree::Node;
use crate::dictionary::SafeguardEntry;

/// What every dry dust collector has measured: class 1 of the ministry's access list, "every enterprise must connect"; Al/Mg
/// and wood also need the rotary valve itself. A device with one of these is taken for a collector.
const COLLECTOR: [(ProfileKey, SafeguardKey); 3] = [
    (ProfileKey::HopperTemperature, SafeguardKey::HopperTemperature),
    (ProfileKey::DifferentialPressure, SafeguardKey::DifferentialPressure),
    (ProfileKey::RotaryValve, SafeguardKey::RotaryValve),
];

/// One of these keeps an explosion small (order 10 of the ministry: having none is a major hazard).
const PROTECTION: [SafeguardKey; 4] = [
    SafeguardKey::VentPanel,
    SafeguardKey::IsolationValve,
    SafeguardKey::Inerting,
    SafeguardKey::Suppression,
];

impl<'a> Lowering<'a> {
    pub(super) fn safeguards(&mut self, site: Section<'a, '_>) {
        let mut names = Names::default();
        let mut told = Vec::new();
        for (node, safeguard) in self.list::<SafeguardFile>(site, "safeguards", self.recovered) {
            let Some(safeguard) = safeguard else { continue };
            let Some(of) = self.protected(node, &safeguard) else { continue };
            if let Some(device) = of.device {
                told.push((device, safeguard.kind));
            }
            let name = format!("{}/{}", of.name, safeguard.kind.name());
            if let Err(first) = names.claim(&name, node.at("kind")) {
                let words = vec![Arg::Each("安全设施", "safeguards"), name.into()];
                let fault = Fault::new(Code::DuplicateName, node.at("kind"), words);
                self.faults.push(fault.against(first));
                continue;
            }
            let deadline = self.deadline(node, &safeguard);
            self.enter_safeguard(name, safeguard, deadline);
        }
        self.collectors(&told);
    }

    fn protected(&mut self, node: Node<'a>, safeguard: &SafeguardFile) -> Option<Protected> {
        match (&safeguard.device, &safeguard.place) {
            (Some(name), None) => {
                let device = self.device_named(node, name)?;
                let name = self.tables.devices.get(device)?.name.to_string();
                Some(Protected { name, device: Some(device) })
            }
            (None, Some(place)) => Some(Protected { name: place.clone(), device: None }),
            (Some(_), Some(_)) | (None, None) => {
                let words = args![safeguard.kind.name()];
                self.faults.push(Fault::new(Code::SafeguardPlace, node.at("place"), words));
                None
            }
        }
    }

    fn deadline(&mut self, node: Node<'a>, safeguard: &SafeguardFile) -> String {
        let written = safeguard.deadline.clone().unwrap_or_default();
        if !written.is_empty() {
            self.day(node, "deadline", &written);
        }
        written
    }

    /// A day as people write it here, and no other way.
    pub(super) fn day(&mut self, node: Node<'a>, key: &str, written: &str) -> Option<Date> {
        let day = written.parse::<Date>().ok().filter(|day| day.to_string() == written);
        if day.is_none() {
            self.faults.push(Fault::new(Code::BadDate, node.at(key), args![key, written]));
        }
        day
    }

    fn enter_safeguard(&mut self, name: String, safeguard: SafeguardFile, deadline: String) {
        let state = match safeguard.state {
            StateKey::Fitted => SafeguardState::Fitted,
            StateKey::Absent => SafeguardState::Absent,
        };
        self.tables.safeguards.push(SafeguardSpec { name: name.as_str().into(), state });
        self.dictionary.safeguards.push(SafeguardEntry {
            name,
            kind: safeguard.kind.name().to_owned(),
            absent: state == SafeguardState::Absent,
            note: safeguard.note.unwrap_or_default(),
            deadline,
        });
    }

    /// Looks whether each dust collector has what collectors have, as a point or told in words.
    fn collectors(&mut self, told: &[(usize, SafeguardKey)]) {
        let measured = std::mem::take(&mut self.profiles);
        let is_collector = |profile| COLLECTOR.iter().any(|(known, _)| *known == profile);
        let collectors: BTreeSet<usize> = measured
            .iter()
            .filter(|(_, profile)| is_collector(*profile))
            .map(|(device, _)| *device)
            .collect();
        for device in collectors {
            let is_told = |kind| told.contains(&(device, kind));
            let missing: Vec<&str> = COLLECTOR
                .iter()
                .filter(|(profile, kind)| !measured.contains(&(device, *profile)) && !is_told(*kind))
                .map(|(_, kind)| kind.name())
                .collect();
            if let Some(first) = missing.first() {
                let words = vec![missing.join(", ").into(), (*first).into()];
                self.warn_of_collector(Code::CollectorIncomplete, device, words);
            }
            let watched = [ProfileKey::VentPanel, ProfileKey::IsolationValve];
            let is_measured = |profile| measured.contains(&(device, profile));
            if !PROTECTION.into_iter().any(is_told) && !watched.into_iter().any(is_measured) {
                self.warn_of_collector(Code::CollectorUnprotected, device, Vec::new());
            }
        }
    }

    fn warn_of_collector(&mut self, code: Code, device: usize, more: Vec<Arg>) {
        let (Some(row), Some(spec)) = (self.devices.get(device), self.tables.devices.get(device)) else {
            return;
        };
        let mut words = args![&spec.name];
        words.extend(more);
        self.faults.push(Fault::new(code, row.node.at("id"), words));
    }
}

/// What a safeguard protects.
struct Protected {
    name: String,
    device: Option<usize>,
}
