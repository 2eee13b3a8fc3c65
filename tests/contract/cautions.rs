//! What a site may say and a plant should not: each rule with the least site that breaks it, and how a warning is accepted.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's own files and shapes")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use hazard_agent::cli::plan;
use hazard_agent::config::{self, Code, Fault, Lang, Loaded, Report, Severity, Style};

const SHIPPED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../config");

const BASE: &str = r#"
[enterprise]
district = "510107"
id = "E0001"
name = "示例企业"

[gateway]
id = "GW-01"

[[buses]]
id = "line"
kind = "tcp"
host = "10.0.0.1"

[[devices]]
id = "D1"
bus = "line"
unit = 1

[[devices]]
id = "D2"
bus = "line"
unit = 2

[[points]]
tag = "GT-101"
device = "D1"
reference = "40001"
type = "u16"
scale = 0.1
profile = "combustible"

[[points]]
tag = "ZS-1"
device = "D1"
reference = "10001"
type = "bit"

[[outputs]]
id = "HORN"
role = "horn"
coil = { device = "D2", address = 0 }

[[outputs]]
id = "VALVE"
role = "interlock"
assist = "gas_valve_close"
coil = { device = "D2", address = 1 }

[[trips]]
id = "gas"
causes = ["GT-101:high_high"]
outputs = ["VALVE"]
"#;

const PROFILE: &str = "profile = \"combustible\"\n";
const OUTPUTS: &str = "outputs = [\"VALVE\"]\n";
const PERMIT: &str = r#"outputs = ["VALVE"]
[[outputs]]
id = "START"
role = "interlock"
assist = "start_permit"
coil = { device = "D2", address = 2 }
[[permits]]
id = "start"
fan = { point = "ZS-1" }
outputs = ["START"]
"#;

/// A site that breaks one rule: what is replaced by what, the name of the fault, what it is of, and what its line says.
type Bad = (&'static str, &'static str, &'static str, &'static str, &'static str);

const REFUSED: [Bad; 11] = [
    (OUTPUTS, "outputs = [\"VALVE\"]\nlatch = false\n", "valve_not_latched", "gas", "latch = false"),
    (
        "[[points]]\ntag = \"GT-101\"",
        "[[buses]]\nid = \"b2\"\nkind = \"rtu_over_tcp\"\nhost = \"10.0.0.1.\"\n[[devices]]\nid = \"D3\"\nbus = \"b2\"\nunit = 1 # again\n[[points]]\ntag = \"GT-101\"",
        "shared_unit",
        "b2",
        "# again",
    ),
    (
        "[[points]]\ntag = \"GT-101\"",
        "[[buses]]\nid = \"b2\"\nkind = \"tcp\"\nhost = \"::ffff:10.0.0.1\"\n[[devices]]\nid = \"D3\"\nbus = \"b2\"\nunit = 2 # again\n[[points]]\ntag = \"GT-101\"",
        "shared_unit",
        "b2",
        "# again",
    ),
    (
        "[[points]]\ntag = \"GT-101\"",
        "[[devices]]\nid = \"R1\"\nbus = \"line\"\nunit = 9\ntemplate = \"relay-module-8\"\n[[devices]]\nid = \"R2\"\nbus = \"line\"\nunit = 9 # again\ntemplate = \"relay-module-8\"\n[[points]]\ntag = \"GT-101\"",
        "shared_unit",
        "line",
        "# again",
    ),
    (
        OUTPUTS,
        "outputs = [\"VALVE\"]\n[[buses]]\nid = \"b2\"\nkind = \"tcp\"\nhost = \"10.0.0.1\"\n[[devices]]\nid = \"D3\"\nbus = \"b2\"\nunit = 2\n[[outputs]]\nid = \"HORN2\"\nrole = \"horn\"\ncoil = { device = \"D3\", address = 0 }\n",
        "coil_twice",
        "D3",
        "device = \"D3\"",
    ),
    (
        OUTPUTS,
        "outputs = [\"VALVE\"]\n[[buses]]\nid = \"s1\"\nkind = \"rtu\"\npath = \"/dev/ttyS1\"\n[[buses]]\nid = \"s2\"\nkind = \"rtu\"\npath = \"/dev//./ttyS1\"\n",
        "shared_port",
        "/dev/ttyS1",
        "/dev//./ttyS1",
    ),
    (
        OUTPUTS,
        "outputs = [\"VALVE\"]\n[[outputs]]\nid = \"H2\"\nrole = \"horn\"\ngpio = { chip = \"/dev/gpiochip0\", line = 5 }\n[[outputs]]\nid = \"H3\"\nrole = \"horn\"\ngpio = { chip = \"/dev/./gpiochip0\", line = 5 }\n",
        "gpio_twice",
        "/dev/./gpiochip0",
        "/dev/./gpiochip0",
    ),
    (PROFILE, "profile = \"combustible\"\nname = \" \u{3000}\"\n", "blank_text", "name", "name = "),
    (PROFILE, "profile = \"combustible\"\nunit = \" \"\n", "blank_text", "unit", "unit = "),
    (
        OUTPUTS,
        "outputs = [\"VALVE\"]\n[[accepted]]\nwarning = \"gas_no_latch\"\nof = \"GT-101:high_high\"\nreason = \"trial\"\n",
        "unknown_warning",
        "gas_no_latch",
        "gas_no_latch",
    ),
    (
        OUTPUTS,
        "outputs = [\"VALVE\"]\n[[accepted]]\nwarning = \"gas_not_latched\"\nof = \"GT-101:high_high\"\nreason = \"trial\"\n",
        "accepts_nothing",
        "gas_not_latched",
        "of = \"GT-101:high_high\"",
    ),
];

const WARNED: [Bad; 19] = [
    (
        PROFILE,
        "profile = \"combustible\"\nalarms = [{ kind = \"high_high\", latch = false }]\n",
        "gas_not_latched",
        "GT-101:high_high",
        "latch = false",
    ),
    (
        PROFILE,
        "profile = \"combustible\"\nalarms = [{ kind = \"high_high\", on_delay_ms = 20000 }]\n",
        "gas_delayed",
        "GT-101:high_high",
        "20000",
    ),
    (
        PROFILE,
        "profile = \"combustible\"\nalarms = [{ kind = \"high_high\", priority = \"medium\" }]\n",
        "gas_low_priority",
        "GT-101:high_high",
        "priority",
    ),
    (PROFILE, "profile = \"combustible\"\nsafety = false\n", "gas_not_safety", "GT-101", "safety = false"),
    (
        PROFILE,
        "profile = \"combustible\"\nsafety = false\nsuppressed_while = \"ZS-1\"\n",
        "gas_suppressed",
        "GT-101",
        "suppressed_while",
    ),
    (
        PROFILE,
        "profile = \"combustible\"\nalarms = [{ kind = \"low\", setpoint = 5 }]\n",
        "gas_low_setpoint",
        "GT-101:low",
        "kind = \"low\"",
    ),
    (
        "role = \"horn\"\n",
        "role = \"horn\"\nmin_priority = \"critical\"\n",
        "alarm_unheard",
        "HORN",
        "min_priority",
    ),
    (
        "role = \"horn\"\n",
        "role = \"horn\"\nmin_priority = \"critical\"\n",
        "lost_unheard",
        "HORN",
        "min_priority",
    ),
    ("role = \"horn\"\n", "role = \"fault\"\n", "nothing_sounds", "site", ""),
    (PROFILE, "profile = \"combustible\"\npoll_ms = 10000\n", "poll_slow", "GT-101", "poll_ms"),
    (PROFILE, "profile = \"combustible\"\nstale_ms = 120000\n", "stale_slow", "GT-101", "stale_ms"),
    (PROFILE, "profile = \"combustible\"\nsentinels = [600]\n", "sentinel_in_alarm", "GT-101", "sentinels"),
    ("scale = 0.1\n", "scale = 0.001\n", "scale_far", "GT-101", "scale = 0.001"),
    ("scale = 0.1\n", "scale = 20\n", "scale_far", "GT-101", "scale = 20"),
    (
        OUTPUTS,
        "outputs = [\"VALVE\"]\n[practice]\nbypass_max_min = 1440\n",
        "bypass_long",
        "practice",
        "1440",
    ),
    (
        OUTPUTS,
        "outputs = [\"VALVE\"]\n[practice]\nbypasses_max = 1000\n",
        "bypasses_many",
        "practice",
        "1000",
    ),
    (OUTPUTS, "PERMIT pre_run_s = 0\n", "run_absent", "start:pre_run_s", "pre_run_s = 0"),
    (
        OUTPUTS,
        "PERMIT hold = { output = \"HOLD\", post_run_s = 0 }\n[[outputs]]\nid = \"HOLD\"\nrole = \"interlock\"\nassist = \"fan_hold\"\ncoil = { device = \"D2\", address = 3 }\n",
        "run_absent",
        "start:post_run_s",
        "post_run_s = 0",
    ),
    (
        "causes = [\"GT-101:high_high\"]\n",
        "causes = [\"v\"]\noutputs = [\"VALVE\"]\n[[votes]]\nid = \"v\"\nrule = \"1oo1\"\nchannels = [\"GT-101:high_high\"]\non_fault = \"leave_out\"\n[[trips]]\nid = \"other\"\ncauses = [\"GT-101:high\"]\n",
        "cause_not_fail_safe",
        "gas:v",
        "causes = [\"v\"]",
    ),
];

#[test]
fn each_rule_is_told_at_its_key_by_its_name_in_both_languages() {
    assert!(report(BASE).is_empty(), "{}", report(BASE).render(Lang::En, Style::Plain));
    let severities = [(REFUSED.as_slice(), Severity::Error), (&WARNED, Severity::Warning)];
    for (bad, severity) in
        severities.into_iter().flat_map(|(all, severity)| all.iter().map(move |bad| (bad, severity)))
    {
        let text = site(bad);
        let report = report(&text);
        let fault = found(&report, bad);
        assert_eq!(fault.code().severity(), severity, "{}", bad.2);
        assert_eq!(report.count(Severity::Error) > 0, severity == Severity::Error, "{}", bad.2);
        let line = text.lines().nth(report.place(fault).1 - 1).unwrap();
        assert!(line.contains(bad.4), "{}: {line}", bad.2);
        for told in [fault.message(Lang::Zh), fault.help(Lang::Zh)] {
            assert!(told.chars().any(|c| c > '\u{2e80}'), "{}: {told}", bad.2);
        }
        assert!(!fault.help(Lang::En).is_empty(), "{}", bad.2);
        if severity == Severity::Warning {
            let shown = report.render(Lang::En, Style::Plain);
            assert!(shown.contains(&format!("{} {}", fault.code().as_str(), bad.2)), "{shown}");
            assert!(shown.contains(&format!("warning = \"{}\", of = \"{}\"", bad.2, bad.3)), "{shown}");
        }
    }
}

#[test]
fn a_warning_is_accepted_by_name_and_reason_and_stays_in_the_plan() {
    for bad in &WARNED {
        let loaded = loaded(&(site(bad) + &acceptance(bad, "审查会 2026-11 号纪要")));
        let left: Vec<_> = loaded.warnings.faults().iter().filter(|fault| is_told(fault, bad)).collect();
        assert!(left.is_empty(), "{} is still told", bad.2);
        let [accepted] = loaded.accepted.as_slice() else { panic!("{}: {:?}", bad.2, loaded.accepted) };
        assert_eq!((accepted.warning.as_str(), accepted.of.as_str()), (bad.2, bad.3));
        for lang in [Lang::Zh, Lang::En] {
            let plan = plan::render(&loaded, lang);
            assert!(plan.contains(bad.2) && plan.contains("审查会 2026-11 号纪要"), "{plan}");
        }
        assert_eq!(plan::to_json(&loaded)["accepted"][0]["warning"], bad.2);
    }
}

#[test]
fn an_acceptance_of_nothing_or_without_a_reason_is_refused() {
    for bad in &WARNED {
        let stale = report(&(BASE.to_owned() + &acceptance(bad, "trial")));
        let codes: Vec<_> = stale.faults().iter().map(Fault::code).collect();
        assert_eq!(codes, [Code::AcceptsNothing], "{}", bad.2);
        let elsewhere = acceptance(bad, "trial").replace(bad.3, "GT-999");
        let report = report(&(site(bad) + &elsewhere));
        assert!(report.faults().iter().any(|fault| fault.code() == Code::AcceptsNothing), "{}", bad.2);
        found(&report, bad);
    }
    let bad = &WARNED[0];
    let none = acceptance(bad, "")
        .lines()
        .filter(|line| !line.starts_with("reason"))
        .fold(String::new(), |all, line| all + line + "\n");
    for (without, code) in [
        (none, Code::MissingKey),
        (acceptance(bad, ""), Code::TextLength),
        (acceptance(bad, " \u{3000}"), Code::BlankText),
    ] {
        let codes: Vec<_> = report(&(site(bad) + &without)).faults().iter().map(Fault::code).collect();
        assert!(codes.contains(&code), "{codes:?}");
    }
}

#[test]
fn what_is_shipped_is_free_of_warnings() {
    let example = config::load(&Path::new(SHIPPED).join("site.toml")).unwrap();
    assert!(example.warnings.is_empty() && example.accepted.is_empty());
    let folder = fs::read_dir(Path::new(SHIPPED).join("devices")).unwrap();
    for entry in folder {
        let name = entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned();
        let device = format!("\n[[devices]]\nid = \"X\"\nbus = \"line\"\nunit = 7\ntemplate = \"{name}\"\n");
        let loaded = loaded(
            &(BASE.to_owned()
                + &device
                + "\n[[points]]\ntag = \"ZS-2\"\ndevice = \"D1\"\nreference = \"10002\"\ntype = \"bit\"\n"),
        );
        // A collector's warnings are of its site, which is none here.
        let is_of_site = |code| matches!(code, Code::CollectorIncomplete | Code::CollectorUnprotected);
        let told: Vec<_> =
            loaded.warnings.faults().iter().filter(|fault| !is_of_site(fault.code())).collect();
        assert!(told.is_empty(), "{name}: {told:?}");
    }
}

#[test]
fn names_of_warnings_are_words_and_each_is_used_once() {
    let names: BTreeSet<String> = Code::ALL.iter().map(|code| code.name()).collect();
    assert_eq!(names.len(), Code::ALL.len());
    assert!(
        names
            .iter()
            .all(|name| name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'))
    );
    for page in ["profiles.md", "profiles.zh-CN.md"] {
        let text = fs::read_to_string(Path::new(SHIPPED).join("../docs").join(page)).unwrap();
        for code in Code::ALL.iter().filter(|code| code.severity() == Severity::Warning) {
            assert!(text.contains(&format!("| `{}` |", code.name())), "{page} lacks {}", code.name());
        }
    }
}

/// The codes that the sites of this page show.
pub(crate) fn codes() -> Vec<Code> {
    let texts = REFUSED.iter().chain(&WARNED).map(site);
    texts.flat_map(|text| report(&text).faults().iter().map(Fault::code).collect::<Vec<_>>()).collect()
}

fn site(bad: &Bad) -> String {
    assert!(BASE.contains(bad.0), "{}", bad.0);
    BASE.replace(bad.0, &bad.1.replace("PERMIT ", PERMIT))
}

fn acceptance(bad: &Bad, reason: &str) -> String {
    format!("\n[[accepted]]\nwarning = \"{}\"\nof = \"{}\"\nreason = \"{reason}\"\n", bad.2, bad.3)
}

fn is_told(fault: &Fault, bad: &Bad) -> bool {
    fault.code().name() == bad.2 && fault.of() == bad.3
}

fn found<'r>(report: &'r Report, bad: &Bad) -> &'r Fault {
    let fault = report.faults().iter().find(|fault| is_told(fault, bad));
    fault.unwrap_or_else(|| panic!("no {} of {}:\n{}", bad.2, bad.3, report.render(Lang::En, Style::Plain)))
}

fn load(text: &str) -> Result<Loaded, Report> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("site.toml");
    fs::write(&path, text).unwrap();
    config::load(&path)
}

fn report(text: &str) -> Report {
    load(text).map_or_else(|report| report, |loaded| loaded.warnings)
}

fn loaded(text: &str) -> Loaded {
    load(text).unwrap_or_else(|report| panic!("{}", report.render(Lang::En, Style::Plain)))
}
