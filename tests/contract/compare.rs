//! What another configuration changes, told in words: one change after another, each with its class and its two texts.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's own files")]

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use hazard_agent::cli::configure;
use hazard_agent::config::compare::{Class, differences};
use hazard_agent::config::{self, Lang, Loaded, Style};
use tempfile::TempDir;

use Class::{
    ProtectionChanged as Changed, ProtectionLowered as Lowered, ProtectionRaised as Raised, Service, Text,
    Wiring,
};

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/contract/golden/compare");
const SITE: &str = include_str!("golden/compare/site.toml");

/// What is written there, what is written instead, and the gravest class of what that does. The other way round is what
/// [`opposite`] says.
const CHANGES: &[(&str, &str, Class)] = &[
    ("setpoint = 20.0, key", "setpoint = 25.0, key", Lowered),
    ("setpoint = 50.0", "setpoint = 40.0", Raised),
    ("setpoint = 19.5", "setpoint = 18.0", Lowered),
    ("key_setpoint = 15.0", "key_setpoint = 18.0", Lowered),
    ("key_setpoint = 20.0", "key_setpoint = 19.8", Lowered),
    (", key_setpoint = 15.0", "", Lowered),
    ("on_delay_ms = 2000", "on_delay_ms = 10000", Lowered),
    ("deadband = 1.0", "deadband = 2.0", Changed),
    ("priority = \"high\"", "priority = \"medium\"", Lowered),
    ("latch = true", "latch = false", Lowered),
    ("    { kind = \"high_high\", setpoint = 50.0, deadband = 1.0 },\n", "", Lowered),
    ("poll_ms = 1000", "poll_ms = 2000", Lowered),
    ("stale_ms = 10000", "stale_ms = 30000", Lowered),
    ("name = \"甲烷\"", "name = \"天然气\"", Text),
    ("unit = \"kPa\"", "unit = \"MPa\"", Wiring),
    ("reference = \"40010\"", "reference = \"40011\"", Wiring),
    ("tag = \"PT-301\"", "tag = \"PT-302\"", Changed),
    ("timeout_ms = 500", "timeout_ms = 900", Lowered),
    ("min_priority = \"medium\"", "min_priority = \"high\"", Lowered),
    ("address = 0 }", "address = 0 }\npolarity = \"energise_to_alarm\"", Lowered),
    ("alarms = [\"GT-101:high\", \"GT-102:high\"]", "alarms = [\"GT-101:high\"]", Lowered),
    (
        "[[outputs]]\nid = \"EXTRA\"\nrole = \"alarms\"\nalarms = [\"GT-101:high\", \"GT-102:high\"]\ncoil = { device = \"RELAY\", address = 3 }\n",
        "",
        Lowered,
    ),
    ("rule = \"1oo2\"", "rule = \"2oo2\"", Lowered),
    (
        "rule = \"1oo2\"\nchannels = [\"GT-101:high\", \"GT-102:high\"]",
        "rule = \"1oo1\"\nchannels = [\"GT-101:high\"]",
        Lowered,
    ),
    ("\n\n[[trips]]", "\non_fault = \"leave_out\"\n\n[[trips]]", Lowered),
    ("\n\n[[trips]]", "\non_bypass = \"need_same\"\n\n[[trips]]", Lowered),
    ("causes = [\"V\", \"AT-201:low\"]", "causes = [\"V\"]", Lowered),
    ("\noutputs = [\"VALVE\"]", "\noutputs = [\"VALVE\"]\nlatch = false", Lowered),
    ("reset_needs = [\"GT-103:high\"]\n", "", Lowered),
    ("within_s = 10 }", "within_s = 60 }", Lowered),
    ("pre_run_s = 600", "pre_run_s = 60", Lowered),
    ("requires = [\"GT-103:high\"]\n", "", Lowered),
    ("state = \"fitted\"", "state = \"absent\"", Changed),
    ("note = \"北墙\"", "note = \"南墙\"", Text),
    ("until = \"2026-10-08T00:00\"", "until = \"2026-10-05T00:00\"", Lowered),
    ("until = \"2026-10-08T00:00\"", "until = \"2026-10-08T00:00\"\nallow_bypass = true", Lowered),
    ("gap_s = 60", "gap_s = 120", Lowered),
    ("after_min = 5", "after_min = 10", Lowered),
    ("roles = [\"值班员\", \"班长\"] }", "roles = [\"值班员\"] }", Lowered),
    ("repeat_min = 5", "repeat_min = 10", Lowered),
    ("repeats_max = 12", "repeats_max = 3", Lowered),
    ("key=secret-key-of-the-duty", "key=secret-key-of-nobody", Service),
    ("port = 1883", "port = 8883", Service),
    (
        "[[uplinks]]\nid = \"district\"\nkind = \"mqtt\"\nhost = \"onemap.example.gov.cn\"\nport = 1883\n",
        "",
        Service,
    ),
    ("raw_days = 60", "raw_days = 30", Service),
    ("listen = \"127.0.0.1:9464\"", "listen = \"127.0.0.1:9465\"", Service),
    ("bypass_max_min = 480", "bypass_max_min = 960", Lowered),
    ("[practice]", "# 说明\n[practice]", Text),
    ("[practice]", "[practice]\nreset_hold_s = 5", Lowered),
    ("[practice]", "[practice]\nbypasses_max = 9", Lowered),
    ("[practice]", "[practice]\nshelved_max = 99", Lowered),
    ("[practice]", "[practice]\nbypass_second_person = false", Lowered),
    ("[practice]", "[practice]\nbutton_hold_ms = 100", Lowered),
    ("[practice]", "[practice]\nbutton_stuck_s = 600", Lowered),
];

/// What a detector is seen by and an output is moved by: each lowers protection by effect, whichever way it changes.
const SEEN_BY: &[(&str, &str)] = &[
    ("range = [0.0, 100.0]", "range = [0.0, 200.0]"),
    ("reference = \"40001\"", "reference = \"40021\""),
    ("reference = \"40001\"\ntype = \"u16\"", "reference = \"40001\"\ntype = \"i16\""),
    ("unit = \"%LEL\"\npoll_ms", "scale = 0.001\nunit = \"%LEL\"\npoll_ms"),
    ("unit = \"%LEL\"\npoll_ms", "offset = -20.0\nunit = \"%LEL\"\npoll_ms"),
    ("unit = \"%LEL\"\npoll_ms", "sentinels = [60]\nunit = \"%LEL\"\npoll_ms"),
    ("host = \"192.168.1.10\"", "host = \"192.168.1.11\""),
    ("unit = 3", "unit = 7"),
    ("unit = 4", "unit = 5"),
    ("address = 0 }", "address = 9 }"),
];

#[test]
fn what_a_detector_is_seen_by_takes_a_second_person_whichever_way_it_changes() {
    let site = Site::new();
    let before = site.load(SITE);
    for (written, instead) in SEEN_BY {
        let after = site.load(&changed(written, instead));
        for told in [differences(&before, &after), differences(&after, &before)] {
            assert_eq!(told.first().map(|one| one.class), Some(Lowered), "{written} → {instead}: {told:?}");
        }
    }
}

#[test]
fn every_change_has_the_class_of_its_direction() {
    let site = Site::new();
    let before = site.load(SITE);
    for (written, instead, class) in CHANGES {
        let after = site.load(&changed(written, instead));
        let there = differences(&before, &after);
        assert_eq!(there.first().map(|one| one.class), Some(*class), "{written} → {instead}: {there:?}");
        let back = differences(&after, &before);
        assert_eq!(
            back.first().map(|one| one.class),
            Some(opposite(*class)),
            "{instead} → {written}: {back:?}"
        );
    }
}

#[test]
fn nothing_differs_from_itself_and_no_line_tells_a_secret() {
    let site = Site::new();
    let before = site.load(SITE);
    assert_eq!(differences(&before, &site.load(SITE)), []);
    let (written, instead) = ("key=secret-key-of-the-duty", "key=another-secret-key");
    let told = differences(&before, &site.load(&changed(written, instead)));
    assert!(told.iter().all(|one| !one.zh.contains("secret") && !one.en.contains("secret")), "{told:?}");
}

#[test]
fn changes_are_told_word_by_word_in_both_languages() {
    let site = Site::new();
    let before = site.load(SITE);
    for (lang, name) in [(Lang::Zh, "zh"), (Lang::En, "en")] {
        let mut told = String::new();
        let seen_by = SEEN_BY.iter().copied();
        for (written, instead) in CHANGES.iter().map(|(from, to, _)| (*from, *to)).chain(seen_by) {
            for difference in differences(&before, &site.load(&changed(written, instead))) {
                let (class, line) = match lang {
                    Lang::Zh => (difference.class.words().0, difference.zh),
                    Lang::En => (difference.class.words().1, difference.en),
                };
                writeln!(told, "[{class}] {line}").unwrap();
            }
        }
        golden(&format!("changes.{name}.txt"), &told);
    }
}

#[test]
fn a_plan_says_what_applying_takes() {
    let site = Site::new();
    let before = site.load(SITE);
    let all = |changes: &[(&str, &str)]| {
        changes.iter().fold(SITE.to_owned(), |text, (from, to)| text.replacen(from, to, 1))
    };
    let lowered =
        [("setpoint = 20.0, key", "setpoint = 25.0, key"), ("name = \"甲烷\"", "name = \"天然气\"")];
    let raised = [("setpoint = 50.0", "setpoint = 40.0"), ("poll_ms = 1000", "poll_ms = 500")];
    for (lang, name) in [(Lang::Zh, "zh"), (Lang::En, "en")] {
        let mut told = String::new();
        for text in [all(&lowered), all(&raised), SITE.to_owned()] {
            let after = site.load(&text);
            told += &configure::render(&before, &after, &differences(&before, &after), lang);
            told += "\n----\n";
        }
        golden(&format!("plan.{name}.txt"), &told);
    }
}

const fn opposite(class: Class) -> Class {
    match class {
        Lowered => Raised,
        Raised => Lowered,
        Changed => Changed,
        Wiring => Wiring,
        Service => Service,
        Text => Text,
    }
}

fn changed(written: &str, instead: &str) -> String {
    let text = SITE.replacen(written, instead, 1);
    assert_ne!(text, SITE, "{written} is not in the site");
    text
}

struct Site(TempDir);

impl Site {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("duty.key"), "sixteen letters!").unwrap();
        Self(dir)
    }

    fn load(&self, text: &str) -> Loaded {
        let loaded = config::load_text(&self.0.path().join("site.toml"), text);
        loaded.unwrap_or_else(|report| panic!("{}", report.render(Lang::En, Style::Plain)))
    }
}

fn golden(name: &str, text: &str) {
    let path = PathBuf::from(GOLDEN).join(name);
    if std::env::var_os("HAZARD_BLESS").is_some_and(|bless| bless == "1") {
        fs::write(path, text).unwrap();
        return;
    }
    let known = fs::read_to_string(&path).unwrap_or_default();
    assert!(known == text, "{} is stale; run with HAZARD_BLESS=1 and read the difference", path.display());
}
