//! The health of sensors from the site file and real templates to alarms, conditions and the status of points: the daemon's
//! configuration, the engine, and registers as the manuals give them.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::time::Duration;

use hazard_agent::config::{self, Lang, Loaded, Style};
use hazard_core::id::{Epoch, PointId};
use hazard_core::link::{LinkFault, ReadRequest, Words};
use hazard_core::outbox::record::{AlarmState, Condition};
use hazard_core::reading::{Doubt, NoData, Sample};
use hazard_core::sensor::Trouble;
use hazard_core::{Category, ClockTrust, Engine, Input, Mono, Output, Start, Utc};

const HEAD: &str = r#"
[enterprise]
district = "510107"
id = "E1"
name = "x"
[gateway]
id = "G1"
[[buses]]
id = "b"
kind = "tcp"
host = "127.0.0.1"
"#;

#[test]
fn a_point_taken_from_a_template_is_read_with_its_devices_status() {
    let site = load(
        r#"
[[devices]]
id = "DET"
bus = "b"
template = "honeywell-sensepoint-xcl"
[[points]]
tag = "GT-101"
device = "DET"
from = "gas"
profile = "combustible"
"#,
    );
    let tags: Vec<&str> = site.site.points.iter().map(|point| &*point.tag).collect();
    assert_eq!(tags, ["GT-101", "DET.monitor_state", "DET.fault_code", "DET.calibration_due"]);
    let mut plant = Plant::new(&site);
    plant.float(102, 3.0);
    plant.registers.insert(106, 1);
    plant.float(108, 100.0);
    plant.runs(3);
    assert_eq!((plant.category("GT-101"), plant.alarms()), (Some(Category::Normal), vec![]));
    // Calibration with test gas: held, seen, and told what it is.
    plant.registers.insert(106, 12);
    plant.float(102, 60.0);
    plant.runs(3);
    assert_eq!(plant.sensors(), [("GT-101".to_owned(), vec![Trouble::Calibration])]);
    assert!(plant.alarms().iter().all(|(_, state)| *state == AlarmState::Suppressed), "{:?}", plant.alarms());
    assert_eq!(plant.conditions(), [Condition::SensorCheck(PointId(0))]);
    assert!(matches!(plant.sample("GT-101"), Sample::Suspect(_, Doubt::FunctionCheck)));
    // Forgotten: after an hour the point is lost.
    plant.runs(3_600);
    assert_eq!(plant.sample("GT-101"), Sample::Bad(NoData::CheckOverdue));
    assert_eq!(plant.alarms(), [("GT-101/lost".to_owned(), AlarmState::Unacked)]);
    plant.registers.insert(106, 1);
    plant.runs(3);
    let high = ("GT-101/high".to_owned(), AlarmState::Unacked);
    assert!(plant.alarms().contains(&high), "the gas is real: {:?}", plant.alarms());
    plant.registers.insert(104, 1203);
    plant.runs(3);
    assert_eq!(plant.sample("GT-101"), Sample::Bad(NoData::SensorFailure));
    assert!(plant.alarms().contains(&high), "a fault clears nothing: {:?}", plant.alarms());
    plant.registers.insert(104, 17);
    plant.runs(3);
    assert_eq!(plant.conditions(), [Condition::SensorMaintenance(PointId(0))]);
}

#[test]
fn the_status_of_the_projects_own_node_is_heard_bit_by_bit() {
    let site = load("[[devices]]\nid = \"N\"\nbus = \"b\"\ntemplate = \"hazard-node\"\n");
    let value = site.dictionary.point("N.ch2_value").unwrap();
    let of: Vec<_> = site.site.statuses.iter().filter(|row| row.of == [value]).collect();
    assert_eq!(of.len(), 10);
    for row in of {
        let bit = (0..16).find(|bit| row.test == hazard_core::sensor::Test::Bit(*bit)).unwrap();
        let status = hazard_field::Status::from_bits(1 << bit);
        assert_eq!(row.category, status.category(), "bit {bit}: {:?}", row.trouble);
    }
}

#[test]
fn counts_of_a_current_input_are_a_value_and_its_limits_those_of_ne_43() {
    let site = load(
        r#"
[[devices]]
id = "GAS"
bus = "b"
template = "gds-gasmax-cx"
[[points]]
tag = "GT-1"
device = "GAS"
from = "ch1_analog"
profile = "combustible"
unit = "%LEL"
current = "counts"
counts = [800, 4000]
on_failure = "alarm"
"#,
    );
    let mut plant = Plant::new(&site);
    for (counts, expected) in [(800, 0.0), (2400, 50.0), (4000, 100.0), (760, -1.25), (4100, 103.125)] {
        plant.registers.insert(1000, counts);
        plant.runs(3);
        assert!(matches!(plant.sample("GT-1"), Sample::Good(_)) || counts == 4000 || plant.is_held("GT-1"));
        assert_eq!(plant.sample("GT-1").number().map(|value| value.get()), Some(expected), "{counts}");
    }
    let mut plant = Plant::new(&site);
    plant.registers.insert(1000, 800);
    plant.runs(3);
    plant.registers.insert(1000, 720);
    plant.runs(6);
    assert_eq!(plant.sample("GT-1"), Sample::Bad(NoData::CurrentLow), "3.6 mA");
    let raised: Vec<String> = plant.alarms().into_iter().map(|(name, _)| name).collect();
    assert_eq!(raised, ["GT-1/high", "GT-1/high_high", "GT-1/lost"], "a failure is an alarm here");
    plant.registers.insert(1000, 759);
    plant.runs(6);
    assert!(matches!(plant.sample("GT-1"), Sample::Suspect(_, Doubt::UnderRange)), "3.795 mA");
    assert_eq!(plant.category("GT-1"), Some(Category::OutOfSpecification));
}

#[test]
fn a_combustible_detector_over_its_range_is_held_unless_the_site_says_otherwise() {
    let point = |more: &str| {
        load(&format!(
            "[[devices]]\nid = \"d\"\nbus = \"b\"\n[[points]]\ntag = \"P\"\ndevice = \"d\"\nreference = \"40001\"\n\
             type = \"u16\"\nprofile = \"combustible\"\n{more}\n"
        ))
    };
    let names = |site: &Loaded| -> Vec<(String, bool)> {
        let kinds = site.dictionary.alarms.iter();
        kinds
            .filter(|entry| entry.kind == "over_range")
            .map(|entry| (entry.kind.clone(), entry.latch))
            .collect()
    };
    assert_eq!(names(&point("")), [("over_range".to_owned(), true)]);
    assert_eq!(names(&point("over_range = \"alarm\"")), [("over_range".to_owned(), false)]);
    assert_eq!(names(&point("over_range = \"off\"")), []);
    assert_eq!(names(&point("watches = [{ kind = \"over_range\" }]")), [("over_range".to_owned(), true)]);
}

#[test]
fn every_template_says_what_its_documented_statuses_mean() {
    let mut text = String::new();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../config/devices");
    let mut with: Vec<String> = Vec::new();
    for (unit, entry) in (1..).zip(fs::read_dir(folder).unwrap()) {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        text.push_str(&format!(
            "[[devices]]\nid = \"{name}\"\nbus = \"b\"\nunit = {unit}\ntemplate = \"{name}\"\n"
        ));
        if fs::read_to_string(&path).unwrap().contains("[[status]]") {
            with.push(name);
        }
    }
    let site = load(&text.replace("bus = \"b\"", "bus = \"b\"\npoll_ms = 60000"));
    let mut heard: Vec<String> = site
        .site
        .statuses
        .iter()
        .map(|row| site.site.devices[site.site.points[row.source.index()].device.index()].name.to_string())
        .collect();
    heard.dedup();
    heard.sort();
    with.sort();
    assert_eq!(heard, with, "every row of every template is heard");
    assert!(with.len() >= 13, "{with:?}");
}

/// The engine against registers that answer every read of any table.
struct Plant<'a> {
    site: &'a Loaded,
    engine: Engine,
    now: Mono,
    registers: BTreeMap<u16, u16>,
}

impl<'a> Plant<'a> {
    fn new(site: &'a Loaded) -> Self {
        let start = Start { epoch: Epoch(1), utc: Utc::from_unix_ms(0), trust: ClockTrust::Free };
        let engine = Engine::new(Arc::clone(&site.site), &start, Mono::ZERO);
        Self { site, engine, now: Mono::ZERO, registers: BTreeMap::new() }
    }

    fn float(&mut self, address: u16, value: f32) {
        self.registers.insert(address, (value.to_bits() >> 16) as u16);
        self.registers.insert(address + 1, value.to_bits() as u16);
    }

    fn runs(&mut self, seconds: u64) {
        let end = self.now + Duration::from_secs(seconds);
        while self.now < end {
            let next = self.engine.poll_timeout().map_or(end, |(at, _)| at).min(end);
            self.now = self.now.max(next);
            self.engine.handle_timeout(self.now);
            while let Some(output) = self.engine.poll_output() {
                if let Output::Read { bus, ticket, request, .. } = output {
                    let result = self.answer(&request);
                    self.now = self.now + Duration::from_millis(1);
                    self.engine.handle(self.now, Input::Reply { bus, ticket, result });
                }
            }
        }
    }

    fn answer(&self, request: &ReadRequest) -> Result<Words, LinkFault> {
        let word = |address: u16| self.registers.get(&address).copied().unwrap_or(0);
        let words: Vec<u16> =
            (0..request.count).map(|offset| word(request.start.saturating_add(offset))).collect();
        Ok(if request.table.is_bits() {
            Words::Bits(words.into_iter().map(|word| word != 0).collect())
        } else {
            Words::Registers(words)
        })
    }

    fn point(&self, tag: &str) -> PointId {
        self.site.dictionary.point(tag).unwrap()
    }

    fn sample(&self, tag: &str) -> Sample {
        self.engine.snapshot().table.get(self.point(tag)).unwrap().sample.clone()
    }

    fn is_held(&self, tag: &str) -> bool {
        matches!(self.sample(tag), Sample::Suspect(_, Doubt::OverRangeHeld))
    }

    fn category(&self, tag: &str) -> Option<Category> {
        self.engine.snapshot().categories[self.point(tag).index()]
    }

    fn alarms(&self) -> Vec<(String, AlarmState)> {
        let active = self.engine.active_alarms().into_iter();
        active.map(|active| (self.site.dictionary.alarm_name(active.alarm), active.state)).collect()
    }

    fn sensors(&self) -> Vec<(String, Vec<Trouble>)> {
        let states = self.engine.snapshot().sensors.into_iter();
        states.map(|state| (self.site.dictionary.point_name(state.point), state.troubles)).collect()
    }

    fn conditions(&self) -> Vec<Condition> {
        let all = self.engine.standing_conditions().into_iter();
        all.filter(|condition| *condition >= Condition::SensorFailure(PointId(0))).collect()
    }
}

fn load(more: &str) -> Loaded {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("site.toml");
    fs::write(&path, format!("{HEAD}{more}")).unwrap();
    config::load(&path).unwrap_or_else(|report| panic!("{}", report.render(Lang::En, Style::Plain)))
}
