//! Configuration: what is accepted, and how everything that is not is told, word by word.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's own files and shapes")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use hazard_agent::config::{self, Code, Lang, Loaded, Report, Severity, Style};
use hazard_core::alarm::AlarmKind;
use proptest::prelude::*;
use tempfile::TempDir;

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/contract/golden/config");
const SHIPPED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../config");

/// Broken sites with golden texts.
const CASES: [&str; 12] = [
    "renamed",
    "broken",
    "sensors",
    "profiles",
    "interlocks",
    "upkeep",
    "calls",
    "commands",
    "uncalled",
    "syntax",
    "empty",
    "silent",
];

/// A back-stop for a fault of this program; no file should reach it.
const UNREACHED: &[Code] = &[Code::NotUsable];

const MINIMAL: &str = r#"
[enterprise]
district = "510107"
id = "E0001"
name = "示例企业"

[gateway]
id = "GW-01"

[[buses]]
id = "line"
kind = "rtu"
path = "/dev/ttyS1"

[[devices]]
id = "D1"
bus = "line"
unit = 3

[[points]]
tag = "GT-101"
device = "D1"
reference = "40001"
type = "u16"
unit = "%LEL"
alarms = [{ kind = "high", setpoint = 25.0 }]

[[outputs]]
id = "HORN"
role = "horn"
gpio = { chip = "/dev/gpiochip0", line = 5 }
"#;

#[test]
fn broken_sites_are_told_word_by_word_in_both_languages() {
    for case in CASES {
        let report = report(&Path::new(GOLDEN).join(case).join("site.toml"));
        let dir = format!("{GOLDEN}/{case}/");
        for (lang, name) in [(Lang::Zh, "zh"), (Lang::En, "en")] {
            let told = report.render(lang, Style::Plain).replace(&dir, "");
            golden(&Path::new(GOLDEN).join(format!("{case}.{name}.txt")), &told);
        }
    }
}

#[test]
fn every_code_is_reached_by_a_broken_site() {
    let mut reached: BTreeSet<Code> = UNREACHED.iter().copied().collect();
    let cases = CASES.into_iter().chain(["absent"]);
    for case in cases {
        let report = report(&Path::new(GOLDEN).join(case).join("site.toml"));
        reached.extend(report.faults().iter().map(config::Fault::code));
    }
    let large = vec![b'#'; 9 * 1024 * 1024];
    for bytes in [b"name = \"\xca\xbe\xc0\xfd\"".as_slice(), &large] {
        let dir = site(bytes);
        reached.extend(report(&dir.path().join("site.toml")).faults().iter().map(config::Fault::code));
    }
    reached.extend(crate::cautions::codes());
    let missed: Vec<_> = Code::ALL.iter().filter(|code| !reached.contains(code)).collect();
    assert!(missed.is_empty(), "no broken site shows {missed:?}");
}

#[test]
fn every_code_has_words_in_both_languages_with_the_same_blanks() {
    for code in Code::ALL {
        for [zh, en] in code.templates() {
            assert!(!zh.is_empty() && !en.is_empty(), "{code:?} lacks words");
            assert_eq!(blanks(zh), blanks(en), "{code:?}: {zh} / {en}");
            let words = en.chars().filter(|c| *c > '\u{2e80}').count();
            assert_eq!(words, 0, "{code:?} has Chinese in its English");
        }
        let [message, ..] = code.templates();
        assert!(message[0].chars().any(|c| c > '\u{2e80}'), "{code:?} has no Chinese");
    }
    let codes: BTreeSet<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(codes.len(), Code::ALL.len(), "a code is used twice");
}

#[test]
fn five_hundred_faults_are_five_hundred_lines() {
    let mut text = MINIMAL.to_owned();
    for n in 0..125 {
        text.push_str(&format!(
            "\n[[points]]\ntag = \"A{n}\"\ndevice = \"D1\"\ntable = \"holding\"\naddress = {n}\ntype = \"u17\"\npole_ms = 5\n\
             \n[[points]]\ntag = \"B{n}\"\ndevice = \"D1\"\nreference = \"50001\"\ntype = \"u16\"\nscale = 0\n"
        ));
    }
    let dir = site(text.as_bytes());
    let report = report(&dir.path().join("site.toml"));
    let lines: BTreeSet<_> = report.faults().iter().map(|fault| report.place(fault).1).collect();
    assert_eq!(report.faults().len(), 500);
    assert_eq!(lines.len(), 500);
    assert_eq!(report.count(Severity::Error), 500);
    assert_eq!(report.to_json().as_array().map(Vec::len), Some(500));
    let order: Vec<_> = report.faults().iter().map(|fault| report.place(fault).1).collect();
    assert!(order.is_sorted());
}

#[test]
fn a_minimal_site_has_sensible_defaults() {
    let dir = site(MINIMAL.as_bytes());
    let loaded = loaded(&dir.path().join("site.toml"));
    let [device] = loaded.site.devices.as_slice() else { panic!("one device") };
    let [point] = loaded.site.points.as_slice() else { panic!("one point") };
    let [high, lost] = loaded.site.alarms.as_slice() else { panic!("the alarm and the loss") };
    assert_eq!(device.late_window, 2 * device.timeout, "a late reply on a line is waited for");
    assert_eq!(point.source.address, 0);
    assert!(point.safety && high.latch, "a gas alarm is for safety and latches");
    assert_eq!((lost.kind, lost.latch), (AlarmKind::Lost, false));
    assert_eq!(loaded.dictionary.alarms[0].setpoint, "25.0", "as written");
    assert_eq!(loaded.gpio.len(), 1);
    assert!(loaded.gpio[0].is_some());
    // 3.5 characters of 10 bits at 9600 Bd.
    assert_eq!(loaded.buses[0].gap.as_micros(), 3_645);
    assert!(loaded.warnings.is_empty(), "{}", loaded.warnings.render(Lang::En, Style::Plain));
    assert!(MINIMAL.lines().filter(|line| !line.is_empty()).count() <= 27);
}

#[test]
fn the_example_site_loads_without_a_word() {
    let loaded = loaded(&Path::new(SHIPPED).join("site.toml"));
    assert!(loaded.warnings.is_empty(), "{}", loaded.warnings.render(Lang::En, Style::Plain));
    assert_eq!(loaded.site.outputs.len(), 4);
    let tags: Vec<_> = loaded.site.points.iter().map(|point| &*point.tag).collect();
    assert!(tags.contains(&"DC-1.hopper_temperature"), "a device nobody names brings its points");
    assert!(!tags.contains(&"IL-1.di2"), "a device that is named brings what is named");
    assert!(loaded.hash.starts_with("blake3:"));
    assert_eq!(loaded.dictionary.config_hash, loaded.hash);
    assert_eq!(loaded.dictionary.points.len(), loaded.site.points.len());
    assert_eq!(loaded.dictionary.alarms.len(), loaded.site.alarms.len());
}

#[test]
fn every_template_loads_on_disk_and_embedded() {
    let folder = fs::read_dir(Path::new(SHIPPED).join("devices")).unwrap();
    let names: Vec<String> = folder
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    assert!(names.len() >= 8);
    for name in names {
        let text = MINIMAL.replace("unit = 3", &format!("unit = 3\ntemplate = \"{name}\""));
        let dir = site(text.as_bytes());
        fs::create_dir(dir.path().join("devices")).unwrap();
        let file = format!("{name}.toml");
        let shipped = Path::new(SHIPPED).join("devices").join(&file);
        fs::copy(&shipped, dir.path().join("devices").join(&file)).unwrap();
        let written = fs::read_to_string(&shipped).unwrap();
        assert!(written.contains("source = "), "{name} cites no source");
        // The site's own point would keep the template's points away.
        let whole = text.split("[[points]]").next().unwrap().to_owned();
        fs::write(dir.path().join("site.toml"), whole).unwrap();
        let loaded = loaded(&dir.path().join("site.toml"));
        assert_eq!(loaded.site.points.len(), written.matches("[[points]]").count(), "{name}");
    }
}

#[test]
fn an_embedded_template_needs_no_file() {
    let text = MINIMAL.replace("unit = 3", "unit = 3\ntemplate = \"honeywell-midas\"");
    let dir = site(text.replace("reference = \"40001\"\ntype = \"u16\"", "from = \"gas\"").as_bytes());
    let loaded = loaded(&dir.path().join("site.toml"));
    let order = loaded.site.points[0].source.order;
    assert!(order.low_word_first && !order.low_byte_first);
    assert_eq!(loaded.site.points[0].source.address, 2);
    assert_eq!(loaded.files.len(), 1);
}

#[test]
fn an_unknown_key_is_answered_with_the_nearest_one() {
    let dir = site(MINIMAL.replace("reference =", "refrence =").as_bytes());
    let report = report(&dir.path().join("site.toml"));
    let fault = &report.faults()[0];
    assert_eq!((fault.code(), report.place(fault).1), (Code::UnknownKey, 23));
    assert_eq!(fault.help(Lang::En), "→ reference");
}

#[test]
fn a_site_saved_by_a_windows_editor_loads() {
    let text = format!("\u{feff}{}", MINIMAL.replace('\n', "\r\n"));
    let dir = site(text.as_bytes());
    assert_eq!(loaded(&dir.path().join("site.toml")).identity.enterprise_name, "示例企业");
}

#[test]
fn what_depends_on_a_faulty_bus_is_not_accused() {
    let dir = site(MINIMAL.replace("kind = \"rtu\"", "kind = \"rtx\"").as_bytes());
    let report = report(&dir.path().join("site.toml"));
    let codes: Vec<_> = report.faults().iter().map(config::Fault::code).collect();
    assert_eq!(codes, [Code::NotAChoice]);
}

#[test]
fn a_changed_byte_changes_the_hash() {
    let hash = |text: &str| loaded(&site(text.as_bytes()).path().join("site.toml")).hash;
    assert_ne!(hash(MINIMAL), hash(&MINIMAL.replace("setpoint = 25.0", "setpoint = 24.0")));
    assert_eq!(hash(MINIMAL), hash(MINIMAL));
}

#[test]
fn the_language_follows_the_flag_and_defaults_to_chinese() {
    let from = |flag| Lang::from_env(Some(flag));
    assert_eq!([from("zh"), from("zh_CN.UTF-8"), from("de")], [Lang::Zh; 3]);
    assert_eq!([from("en"), from("en_GB.UTF-8"), from("C"), from("C.UTF-8"), from("POSIX")], [Lang::En; 5]);
}

#[test]
fn the_schemas_on_disk_are_those_of_the_code() {
    let folder = Path::new(SHIPPED).join("schema");
    for (name, schema) in [("site", config::site_schema()), ("device", config::device_schema())] {
        let mut text = serde_json::to_string_pretty(&schema).unwrap();
        text.push('\n');
        golden(&folder.join(format!("{name}.schema.json")), &text);
        jsonschema::meta::validate(&schema).unwrap();
    }
}

#[test]
fn the_schema_accepts_what_the_agent_accepts() {
    let validator = jsonschema::validator_for(&config::site_schema()).unwrap();
    for text in [MINIMAL.to_owned(), fs::read_to_string(format!("{SHIPPED}/site.toml")).unwrap()] {
        let json = serde_json::to_value(toml::from_str::<toml::Table>(&text).unwrap()).unwrap();
        let faults: Vec<_> = validator.iter_errors(&json).map(|error| error.to_string()).collect();
        assert!(faults.is_empty(), "{faults:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let dir = site(&bytes);
        told(&dir.path().join("site.toml"));
    }

    #[test]
    fn arbitrary_text_never_panics(text in r#"([a-z_]{1,8}|[\[\]{}=.,"'\n#\\ ]|[0-9e+_:-]{1,6}|报警|\PC){0,120}"#) {
        let dir = site(text.as_bytes());
        told(&dir.path().join("site.toml"));
    }

    #[test]
    fn a_mutated_site_never_panics(
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0..6_u8, any::<prop::sample::Index>()), 1..12)
    ) {
        let mut text: Vec<char> = fs::read_to_string(format!("{SHIPPED}/site.toml")).unwrap().chars().collect();
        for (place, kind, other) in edits {
            let (at, from) = (place.index(text.len()), other.index(text.len()));
            match kind {
                0 => { text.remove(at); }
                1 => text.insert(at, text[from]),
                2 => text.swap(at, from),
                3 => text.truncate(at.max(200)),
                4 => { let end = (from + 60).min(text.len()); let part = text[from..end].to_vec(); text.splice(at..at, part); }
                _ => text.splice(at..at, "[[points]]\n-1\"9e99=[{".chars()).for_each(drop),
            }
        }
        let text: String = text.into_iter().collect();
        let dir = site(text.as_bytes());
        told(&dir.path().join("site.toml"));
    }
}

fn told(path: &Path) {
    let report = match config::load(path) {
        Ok(loaded) => loaded.warnings,
        Err(report) => {
            assert!(report.count(Severity::Error) > 0, "refused without an error");
            report
        }
    };
    let told = report.render(Lang::Zh, Style::Plain);
    assert!(!told.is_empty() && report.to_json().is_array());
}

fn site(bytes: &[u8]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("site.toml"), bytes).unwrap();
    dir
}

fn loaded(path: &Path) -> Loaded {
    config::load(path).unwrap_or_else(|report| panic!("{}", report.render(Lang::En, Style::Plain)))
}

fn report(path: &Path) -> Report {
    config::load(path).map_or_else(|report| report, |loaded| loaded.warnings)
}

fn blanks(template: &str) -> BTreeSet<String> {
    template
        .match_indices('{')
        .map(|(at, _)| template[at..].chars().take(3).collect())
        .filter(|blank: &String| blank.ends_with('}'))
        .collect()
}

/// Compares with a file; `HAZARD_BLESS=1` writes it.
fn golden(path: &Path, text: &str) {
    if std::env::var_os("HAZARD_BLESS").is_some_and(|bless| bless == "1") {
        fs::create_dir_all(path.parent().map(PathBuf::from).unwrap_or_default()).unwrap();
        fs::write(path, text).unwrap();
        return;
    }
    let known = fs::read_to_string(path).unwrap_or_default();
    assert!(known == text, "{} is stale; run with HAZARD_BLESS=1 and read the difference", path.display());
}
