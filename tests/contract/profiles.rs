//! Profiles: what they bring to a point that is silent, and that no set-point passes a legal ceiling in any unit.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's own files and shapes")]

use std::fs;
use std::time::Duration;

use hazard_agent::config::{self, Code, Lang, Loaded, Report, Style};
use hazard_core::Side;
use hazard_core::alarm::{AlarmKind, Priority};
use hazard_core::site::SafeguardState;
use proptest::prelude::*;
use proptest::sample::select;

const HEAD: &str = r#"
[enterprise]
district = "510107"
id = "E0001"
name = "示例企业"

[gateway]
id = "GW-01"

[[buses]]
id = "plc"
kind = "tcp"
host = "10.0.0.1"

[[devices]]
id = "DC-1"
bus = "plc"

[[outputs]]
id = "HORN"
role = "horn"
gpio = { chip = "/dev/gpiochip0", line = 5 }
"#;

const NUMBER: &str = "reference = \"40001\"\ntype = \"f32\"";
const SWITCH: &str = "reference = \"10001\"";

/// An alarm as the table of docs/profiles.md has it: kind, set-point, deadband, on- and off-delay in seconds.
type Row = (AlarmKind, f64, f64, [u64; 2], bool, Priority);

/// What is written besides the profile, and what must come of it: unit, range, alarms.
type Case = (&'static str, &'static str, Option<[f64; 2]>, Vec<Row>);

fn gases() -> Vec<Case> {
    use AlarmKind::{High, HighHigh, Low};
    use Priority::{High as Orange, Medium as Yellow};
    let two = |first, second, band| {
        vec![(High, first, band, [0, 0], true, Yellow), (HighHigh, second, band, [0, 0], true, Orange)]
    };
    vec![
        ("profile = \"combustible\"", "%LEL", Some([0.0, 100.0]), two(25.0, 50.0, 1.0)),
        (
            "profile = \"combustible\"\nunit = \"%VOL\"\ngas = \"ch4\"",
            "%VOL",
            Some([0.0, 5.0]),
            two(1.25, 2.5, 0.05),
        ),
        (
            "profile = \"combustible\"\nunit = \"ppm\"\ngas = \"c3h8\"\nlel = 1.7",
            "ppm",
            Some([0.0, 17_000.0]),
            two(4_250.0, 8_500.0, 170.0),
        ),
        ("profile = \"open_path\"", "LEL·m", Some([0.0, 5.0]), two(1.0, 2.0, 0.05)),
        ("profile = \"toxic\"\nunit = \"%OEL\"", "%OEL", Some([0.0, 300.0]), two(100.0, 200.0, 3.0)),
        (
            "profile = \"toxic\"\nunit = \"mg/m³\"\ngas = \"h2s\"",
            "mg/m³",
            Some([0.0, 30.0]),
            two(10.0, 20.0, 0.3),
        ),
        // 10 mg/m³ are 7.0539… ppm, 300 %OEL 21.16…: rounded to three digits, the alarm down and the range up.
        (
            "profile = \"toxic\"\nunit = \"ppm\"\ngas = \"h2s\"",
            "ppm",
            Some([0.0, 21.2]),
            two(7.05, 14.1, 0.212),
        ),
        (
            "profile = \"toxic\"\nunit = \"mg/m3\"\ngas = \"hcl\"",
            "mg/m3",
            Some([0.0, 22.5]),
            two(7.5, 15.0, 0.225),
        ),
        (
            "profile = \"toxic\"\nunit = \"mg/m3\"\ngas = \"benzene\"\noel = 3",
            "mg/m3",
            Some([0.0, 9.0]),
            two(3.0, 6.0, 0.09),
        ),
        (
            "profile = \"oxygen\"",
            "%VOL",
            Some([0.0, 25.0]),
            vec![(Low, 19.5, 0.25, [0, 0], true, Orange), (High, 23.5, 0.25, [0, 0], true, Orange)],
        ),
    ]
}

fn dust() -> Vec<Case> {
    use AlarmKind::{High, Low};
    use Priority::{High as Orange, Medium as Yellow};
    let slow = |setpoint| vec![(Low, setpoint, 0.4, [10, 15], false, Yellow)];
    let band = |unit: f64| {
        vec![
            (Low, 100.0 * unit, 35.0 * unit, [30, 0], false, Yellow),
            (High, 1_500.0 * unit, 35.0 * unit, [10, 0], false, Yellow),
        ]
    };
    vec![
        (
            "profile = \"hopper_temperature\"",
            "°C",
            Some([-40.0, 300.0]),
            vec![(High, 70.0, 3.4, [0, 60], false, Orange)],
        ),
        (
            "profile = \"differential_pressure\"\nalarms = [{ kind = \"low\", setpoint = 100 }]",
            "Pa",
            Some([-500.0, 3_000.0]),
            band(1.0),
        ),
        (
            "profile = \"differential_pressure\"\nunit = \"kPa\"\nalarms = [{ kind = \"low\", setpoint = 0.1 }]",
            "kPa",
            Some([-0.5, 3.0]),
            band(0.001),
        ),
        ("profile = \"duct_velocity\"", "m/s", Some([0.0, 40.0]), slow(23.0)),
        ("profile = \"duct_velocity\"\nduct = \"vertical\"", "m/s", Some([0.0, 40.0]), slow(19.0)),
        ("profile = \"duct_velocity\"\nduct = \"hood\"", "m/s", Some([0.0, 40.0]), slow(1.0)),
    ]
}

/// A tank's own set-points with the usual deadbands and delays.
fn tanks() -> Vec<Case> {
    use AlarmKind::{High, HighHigh, Low, LowLow};
    use Priority::{High as Orange, Medium as Yellow};
    let rows = |kinds: &[(AlarmKind, f64)], band, off: u64| {
        let row = |(kind, setpoint): &(AlarmKind, f64)| {
            let urgent = if matches!(kind, LowLow | HighHigh) { Orange } else { Yellow };
            (*kind, *setpoint, band, [0, off], false, urgent)
        };
        kinds.iter().map(row).collect::<Vec<_>>()
    };
    let low = [(LowLow, 10.0), (Low, 20.0)];
    let high = [(High, 80.0), (HighHigh, 90.0)];
    vec![
        (
            "profile = \"level\"\nunit = \"%\"\nrange = [0, 100]\nalarms = [{ kind = \"low_low\", setpoint = 10 }, \
             { kind = \"low\", setpoint = 20 }, { kind = \"high\", setpoint = 80 }, { kind = \"high_high\", setpoint = 90 }]",
            "%",
            Some([0.0, 100.0]),
            rows(&[low, high].concat(), 5.0, 60),
        ),
        (
            "profile = \"temperature\"\nrange = [0, 100]\nalarms = [{ kind = \"high\", setpoint = 80 }, \
             { kind = \"high_high\", setpoint = 90 }]",
            "°C",
            Some([0.0, 100.0]),
            rows(&high, 1.0, 60),
        ),
        (
            "profile = \"pressure\"\nunit = \"kPa\"\nrange = [0, 100]\nalarms = [{ kind = \"high\", setpoint = 80 }, \
             { kind = \"high_high\", setpoint = 90 }]",
            "kPa",
            Some([0.0, 100.0]),
            rows(&high, 2.0, 15),
        ),
        (
            "profile = \"flow\"\nunit = \"m3/h\"\nrange = [0, 100]\nalarms = [{ kind = \"low_low\", setpoint = 10 }, \
             { kind = \"low\", setpoint = 20 }]",
            "m3/h",
            Some([0.0, 100.0]),
            rows(&low, 5.0, 15),
        ),
        (
            "profile = \"level\"\nunit = \"%\"\nrange = [0, 100]\nmajor_hazard = false\n\
             alarms = [{ kind = \"high\", setpoint = 80 }]",
            "%",
            Some([0.0, 100.0]),
            rows(&[(High, 80.0)], 5.0, 60),
        ),
    ]
}

#[test]
fn a_silent_point_gets_what_the_table_of_its_profile_says() {
    for (keys, unit, range, rows) in [gases(), dust(), tanks()].concat() {
        let loaded = loaded(&point(NUMBER, keys));
        assert_eq!(loaded.dictionary.points[0].unit, unit, "{keys}");
        let found = loaded.site.points[0].range.map(|(low, high)| [low.get(), high.get()]);
        assert_eq!(found, range, "{keys}");
        assert!(loaded.site.points[0].safety, "{keys}");
        let alarms: Vec<_> = loaded
            .site
            .alarms
            .iter()
            .filter(|alarm| !matches!(alarm.kind, AlarmKind::Lost | AlarmKind::OverRange))
            .collect();
        assert_eq!(alarms.len(), rows.len(), "{keys}");
        for (alarm, (kind, setpoint, deadband, delays, latch, priority)) in alarms.iter().zip(rows) {
            assert_eq!((alarm.kind, alarm.latch, alarm.priority), (kind, latch, priority), "{keys}");
            let at = &alarm.threshold;
            assert_eq!(at.setpoint.get(), setpoint, "{keys} {kind:?}");
            assert!((at.deadband.get() - deadband).abs() < 1e-9, "{keys} {kind:?}: {:?}", at.deadband);
            assert_eq!([at.on_delay, at.off_delay], delays.map(Duration::from_secs), "{keys} {kind:?}");
            let low = matches!(kind, AlarmKind::LowLow | AlarmKind::Low);
            assert_eq!(at.side, if low { Side::Low } else { Side::High }, "{keys} {kind:?}");
        }
    }
}

#[test]
fn a_silent_switch_gets_what_the_table_of_its_profile_says() {
    use Priority::{Critical, High, Low};
    for (profile, active, on_delay_s, latch, priority) in [
        ("spark", true, 0, true, Critical),
        ("rotary_valve", true, 0, true, High),
        ("vent_panel", true, 0, true, Critical),
        ("isolation_valve", true, 0, true, High),
        ("fan", false, 5, false, High),
        ("interlock_status", true, 0, true, High),
        ("interlock_bypass", true, 0, false, Low),
    ] {
        let loaded = loaded(&point(SWITCH, &format!("profile = \"{profile}\"")));
        let alarm = loaded.site.alarms[0];
        assert_eq!(
            (alarm.kind, alarm.latch, alarm.priority),
            (AlarmKind::Digital, latch, priority),
            "{profile}"
        );
        let side = if active { Side::High } else { Side::Low };
        assert_eq!(alarm.threshold.side, side, "{profile}");
        assert_eq!(alarm.threshold.on_delay, Duration::from_secs(on_delay_s), "{profile}");
        assert!(loaded.site.points[0].safety, "{profile}");
    }
}

#[test]
fn every_profile_of_the_schema_is_in_these_tables_and_in_the_documents() {
    let tables: Vec<String> =
        [gases(), dust(), tanks()].concat().iter().map(|(keys, ..)| (*keys).to_owned()).collect();
    let switches = [
        "spark",
        "rotary_valve",
        "vent_panel",
        "isolation_valve",
        "fan",
        "interlock_status",
        "interlock_bypass",
    ];
    let profiles = choices("ProfileKey");
    assert_eq!(profiles.len(), 18);
    for profile in &profiles {
        let named = tables.iter().any(|keys| keys.contains(&format!("profile = \"{profile}\"")));
        assert!(named || switches.contains(&profile.as_str()), "{profile} is in no table");
    }
    for document in ["profiles.md", "profiles.zh-CN.md"] {
        let path = format!("{}/../docs/{document}", env!("CARGO_MANIFEST_DIR"));
        let text = fs::read_to_string(path).unwrap();
        for word in
            [choices("ProfileKey"), choices("GasKey"), choices("DuctKey"), choices("SafeguardKey")].concat()
        {
            assert!(text.contains(&format!("`{word}`")), "{document} does not explain {word}");
        }
    }
}

#[test]
fn the_platform_knows_every_kind_of_safeguard() {
    let path = format!("{}/../docs/platform/schema/common.json", env!("CARGO_MANIFEST_DIR"));
    let schema: serde_json::Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let told = &schema["$defs"]["safeguard_entry"]["properties"]["safeguard_kind"]["enum"];
    assert_eq!(*told, serde_json::json!(choices("SafeguardKey")));
}

#[test]
fn what_is_written_wins_key_by_key() {
    let keys = "profile = \"combustible\"\nrange = [0, 60]\nover_range = \"off\"\nsafety = false\nlost_alarm = false\n\
                alarms = [{ kind = \"high_high\", setpoint = 40, deadband = 2, on_delay_ms = 1000, latch = false, priority = \"critical\" }, \
                { kind = \"high\", off_delay_ms = 3000 }]";
    let loaded = loaded(&point(NUMBER, keys));
    let [second, first] = loaded.site.alarms.as_slice() else { panic!("two alarms as written") };
    assert_eq!((second.threshold.setpoint.get(), second.threshold.deadband.get()), (40.0, 2.0));
    assert_eq!((second.latch, second.priority), (false, Priority::Critical));
    assert_eq!(second.threshold.on_delay, Duration::from_secs(1));
    assert_eq!(first.threshold.setpoint.get(), 25.0, "not written, so as usual");
    assert_eq!(first.threshold.off_delay, Duration::from_secs(3));
    assert!(!loaded.site.points[0].safety);
    let texts: Vec<_> = loaded.dictionary.alarms.iter().map(|alarm| &*alarm.setpoint).collect();
    assert_eq!(texts, ["40", "25"]);
}

#[test]
fn no_alarms_at_all_is_written_too() {
    let loaded = loaded(&point(SWITCH, "profile = \"fan\"\nalarms = []\nlost_alarm = false"));
    assert!(loaded.site.alarms.is_empty());
    let report = report(&point(NUMBER, "profile = \"oxygen\"\nalarms = []"));
    assert_eq!(codes(&report), [Code::CompanionMissing]);
}

#[test]
fn a_template_says_what_it_measures_and_the_site_only_what_differs() {
    let site = HEAD.replace("bus = \"plc\"", "bus = \"plc\"\ntemplate = \"dust-collector-generic\"")
        + "\n[[points]]\ntag = \"T\"\ndevice = \"DC-1\"\nfrom = \"hopper_temperature\"\nalarms = []\nprofile = \"temperature\"\nmajor_hazard = false\n\
           \n[[points]]\ntag = \"V\"\ndevice = \"DC-1\"\nfrom = \"rotary_valve_fault\"\n";
    let loaded = loaded(&site);
    let kinds: Vec<_> = loaded.site.alarms.iter().map(|alarm| (alarm.point.0, alarm.kind)).collect();
    assert_eq!(kinds, [(0, AlarmKind::Lost), (1, AlarmKind::Digital), (1, AlarmKind::Lost)]);
}

#[test]
fn a_limit_is_kept_to_the_last_digit_and_no_further() {
    let with = |keys: &str, setpoint: f64| {
        report(&point(NUMBER, &format!("{keys}\nalarms = [{{ kind = \"high\", setpoint = {setpoint} }}]")))
    };
    for (keys, ceiling) in [
        ("profile = \"combustible\"", 25.0),
        ("profile = \"combustible\"\nunit = \"%VOL\"\ngas = \"ch4\"", 1.25),
        ("profile = \"open_path\"", 1.0),
        ("profile = \"toxic\"\nunit = \"%OEL\"", 100.0),
        ("profile = \"toxic\"\nunit = \"ppm\"\ngas = \"h2s\"", 10.0 * 24.04 / 34.08),
        ("profile = \"toxic\"\nunit = \"mg/m³\"\ngas = \"co\"", 20.0),
    ] {
        assert_eq!(codes(&with(keys, ceiling)), [], "{keys}");
        assert_eq!(codes(&with(keys, ceiling * 1.001)), [Code::AboveCeiling], "{keys}");
    }
}

#[test]
fn an_absent_safeguard_is_a_condition_from_the_start() {
    let site = point(NUMBER, "profile = \"hopper_temperature\"")
        + "\n[[safeguards]]\nkind = \"vent_panel\"\ndevice = \"dc-1\"\nstate = \"absent\"\nnote = \"加装\"\ndeadline = \"2026-12-31\"\n\
           \n[[safeguards]]\nkind = \"partition_wall\"\nplace = \"打磨间\"\nstate = \"fitted\"\n";
    let loaded = loaded(&site);
    let states: Vec<_> = loaded.site.safeguards.iter().map(|one| (&*one.name, one.state)).collect();
    let expected =
        [("DC-1/vent_panel", SafeguardState::Absent), ("打磨间/partition_wall", SafeguardState::Fitted)];
    assert_eq!(states, expected);
    let entry = &loaded.dictionary.safeguards[0];
    assert_eq!((&*entry.name, entry.absent, &*entry.deadline), ("DC-1/vent_panel", true, "2026-12-31"));
    assert_eq!(loaded.dictionary.safeguards.len(), 2);
}

#[test]
fn a_collector_is_asked_for_what_it_lacks_until_somebody_says_what_is_true() {
    let collector = point(NUMBER, "profile = \"hopper_temperature\"");
    let told = |kinds: &[&str]| {
        kinds.iter().fold(collector.clone(), |text, kind| {
            text + &format!("\n[[safeguards]]\nkind = \"{kind}\"\ndevice = \"DC-1\"\nstate = \"absent\"\n")
        })
    };
    let incomplete = Code::CollectorIncomplete;
    assert_eq!(codes(&report(&collector)), [incomplete, Code::CollectorUnprotected]);
    assert_eq!(codes(&report(&told(&["vent_panel", "rotary_valve"]))), [incomplete]);
    let all = ["differential_pressure", "rotary_valve", "suppression"];
    assert_eq!(codes(&report(&told(&all))), []);
    let watched =
        collector.clone() + &point(SWITCH, "profile = \"vent_panel\"")[HEAD.len()..].replace("P-1", "P-2");
    assert_eq!(
        codes(&report(&watched)),
        [incomplete],
        "a point that watches the panel says that there is one"
    );
    let other = point(NUMBER, "profile = \"oxygen\"");
    assert_eq!(codes(&report(&other)), [], "not every device is a collector");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// The first level is whichever set-point is the lowest, whatever it is called and in whatever unit.
    #[test]
    fn no_site_is_accepted_whose_first_combustible_level_is_above_25_percent_lel(
        profiled in any::<bool>(),
        unit in select(vec!["%LEL", "% lel", "LEL%", "%VOL", "vol%", "ppm", "mg/m³", "mg/m3", "%OEL", "%"]),
        (gas, molar_mass, table_lel) in select(vec![("ch4", 16.04, 5.0), ("c3h8", 44.10, 2.1), ("h2", 2.016, 4.0)]),
        stricter in proptest::option::of(0.2..1.6_f64),
        levels in proptest::collection::vec((select(vec!["high", "high_high"]), -0.5..1.5_f64), 0..3),
    ) {
        let lel = stricter.map_or(table_lel, |part| table_lel * part);
        // How much of the unit 25 %LEL are, worked out once more.
        let percent = lel * 0.25;
        let ceiling = match unit {
            "%VOL" | "vol%" => percent,
            "ppm" => percent * 1e4,
            "mg/m³" | "mg/m3" => percent * 1e4 * molar_mass / 24.04,
            _ => 25.0,
        };
        let mut keys = format!("unit = \"{unit}\"\n");
        if profiled {
            keys += &format!("profile = \"combustible\"\ngas = \"{gas}\"\n");
            keys += &stricter.map_or_else(String::new, |_| format!("lel = {lel}\n"));
        }
        let written: Vec<_> = levels.iter().map(|(kind, part)| {
            // Close to the ceilings of both levels, above and below, more often than anywhere else.
            let setpoint = ceiling * 2_f64.powf(*part);
            format!("{{ kind = \"{kind}\", setpoint = {setpoint} }}")
        }).collect();
        if !written.is_empty() {
            keys += &format!("alarms = [{}]\n", written.join(", "));
        }
        let is_lel = unit.to_lowercase().contains("lel");
        if let Ok(loaded) = load(&point(NUMBER, &keys))
            && (profiled || is_lel)
        {
            prop_assert!(lel <= table_lel || !profiled, "{keys}");
            let setpoints = loaded.site.alarms.iter().filter(|alarm| alarm.kind != AlarmKind::Lost);
            let first = setpoints.map(|alarm| alarm.threshold.setpoint.get()).fold(f64::INFINITY, f64::min);
            prop_assert!(first <= ceiling * 1.000_001 || first == f64::INFINITY, "{first} > {ceiling}\n{keys}");
            prop_assert!(!profiled || first.is_finite());
        }
    }
}

fn point(place: &str, keys: &str) -> String {
    format!("{HEAD}\n[[points]]\ntag = \"P-1\"\ndevice = \"DC-1\"\n{place}\n{keys}\n")
}

fn load(text: &str) -> Result<Loaded, Report> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("site.toml");
    fs::write(&path, text).unwrap();
    config::load(&path)
}

fn loaded(text: &str) -> Loaded {
    load(text).unwrap_or_else(|report| panic!("{text}\n{}", report.render(Lang::En, Style::Plain)))
}

fn report(text: &str) -> Report {
    load(text).map_or_else(|report| report, |loaded| loaded.warnings)
}

fn codes(report: &Report) -> Vec<Code> {
    report.faults().iter().map(config::Fault::code).collect()
}

/// The words of an enumeration in the schema of the site file.
fn choices(name: &str) -> Vec<String> {
    let schema = config::site_schema();
    let words = schema["$defs"][name]["oneOf"].as_array().unwrap();
    words.iter().map(|word| word["const"].as_str().unwrap().to_owned()).collect()
}
