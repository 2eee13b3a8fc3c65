//! What stands while the configuration changes: a trip that is not ready keeps its outputs or the change is refused, what was
//! renamed stands under its other name, and an alarm that leaves is named.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's own files")]

use hazard_agent::config::{self, Lang, Loaded, Style};
use hazard_agent::retentive::{AlarmRow, BypassRow, Page, TripRow};
use hazard_agent::run::standing::{self, Outcome};
use hazard_core::outbox::record::AlarmState;

const SITE: &str = include_str!("golden/compare/site.toml");

/// What is written there, what is written instead, and a word of why that is refused while the trip is held.
const REFUSED: &[(&str, &str, &str)] = &[
    ("id = \"切断\"", "id = \"燃气\"", "renamed_from = \"切断\""),
    ("\noutputs = [\"VALVE\"]", "\noutputs = [\"VALVE\"]\nlatch = false", "latch = false"),
    ("id = \"VALVE\"", "id = \"XV-1\"", "VALVE"),
    ("id = \"V\"", "id = \"W\"", "vote V "),
    ("tag = \"GT-101\"", "tag = \"GT-901\"", "GT-101:high"),
    ("tag = \"AT-201\"", "tag = \"AT-901\"", "AT-201:low"),
    // All of it is still there, and the trip would not see it any more.
    ("causes = [\"V\", \"AT-201:low\"]", "causes = [\"V\"]", "AT-201:low is not normal and would not be"),
    (
        "causes = [\"V\", \"AT-201:low\"]",
        "causes = [\"AT-201:low\"]",
        "vote V is not normal and would not be",
    ),
    ("rule = \"1oo2\"", "rule = \"2oo2\"", "would need more channels"),
    (
        "channels = [\"GT-101:high\", ",
        "channels = [\"GT-103:high\", ",
        "GT-101:high is not normal and would not be",
    ),
];

/// The same with the old names said.
const RENAMED: &[(&str, &str)] = &[
    ("id = \"切断\"", "id = \"燃气\"\nrenamed_from = \"切断\""),
    ("id = \"V\"", "id = \"W\"\nrenamed_from = \"V\""),
    ("tag = \"GT-101\"", "tag = \"GT-901\"\nrenamed_from = \"gt-101\""),
    ("tag = \"AT-201\"", "tag = \"AT-901\"\nrenamed_from = \"AT-201\""),
];

#[test]
fn a_change_that_would_release_a_trip_that_is_not_ready_is_refused_by_name_in_both_languages() {
    for held in [true, false] {
        for (from, to, word) in REFUSED {
            let outcome = judge(&page(held), &other(&[(*from, *to)]));
            assert!(!outcome.refused.is_empty(), "{from} -> {to}");
            let english: String = outcome.refused.iter().map(|line| line.en.as_str()).collect();
            assert!(english.contains(word) && english.contains("切断"), "{from} -> {to}: {english}");
            let both = outcome.refused.iter().all(|line| {
                line.en.contains("hazard reset --trip 切断") && line.zh.contains("hazard reset --trip 切断")
            });
            assert!(both, "{from} -> {to}: {:?}", outcome.refused);
        }
    }
}

#[test]
fn what_was_renamed_by_name_is_carried_over() {
    for (from, to) in RENAMED {
        let outcome = judge(&page(true), &other(&[(*from, *to)]));
        assert_eq!((outcome.refused, outcome.withdrawn), (vec![], vec![]), "{from} -> {to}");
    }
    let after = other(RENAMED);
    assert_eq!(judge(&page(true), &after).refused, vec![]);
    let carried = standing::carry(&page(true), &after.renamed);
    let alarms: Vec<_> = carried.alarms.iter().map(|row| row.alarm.as_str()).collect();
    assert_eq!(alarms, ["GT-901/high", "AT-901/low"]);
    assert_eq!(carried.bypasses[0].point, "GT-901");
    assert_eq!((&*carried.trips[0].trip, carried.trips[0].vote.as_deref()), ("燃气", Some("W")));
    assert_eq!(carried.answered, ["GT-901/high"]);
    let trips = standing::trips(&carried, (&after.site, &after.dictionary));
    assert!(trips.len() == 1 && trips[0].held && trips[0].cause.is_some(), "{trips:?}");
}

#[test]
fn an_alarm_that_was_renamed_by_itself_stands_on() {
    let after = other(&[
        (
            "alarms = [{ kind = \"low\", setpoint = 19.5",
            "alarms = [{ kind = \"low_low\", renamed_from = \"AT-201:low\", setpoint = 19.5",
        ),
        ("\"AT-201:low\"]", "\"AT-201:low_low\"]"),
    ]);
    assert_eq!(judge(&page(true), &after).refused, vec![]);
    assert_eq!(standing::carry(&page(true), &after.renamed).alarms[1].alarm, "AT-201/low_low");
}

#[test]
fn where_every_trip_is_ready_nothing_is_refused_and_alarms_that_leave_are_named() {
    let ready = Page { trips: Vec::new(), ..page(true) };
    for (from, to, _) in REFUSED {
        assert_eq!(judge(&ready, &other(&[(*from, *to)])).refused, vec![], "{from} -> {to}");
    }
    let outcome = judge(&ready, &other(&[("tag = \"GT-101\"", "tag = \"GT-901\"")]));
    let names: Vec<_> = outcome.withdrawn.iter().map(|one| one.alarm.as_str()).collect();
    assert_eq!(names, ["GT-101/high"]);
    let line = outcome.withdrawn[0].line();
    assert!(line.en.contains("GT-101:high") && line.zh.contains("GT-101:high"), "{line:?}");
}

#[test]
fn a_trip_that_was_renamed_by_an_edit_while_nothing_ran_still_holds_its_outputs() {
    let after = other(&[("id = \"切断\"", "id = \"燃气\"")]);
    let trips = standing::trips(&page(false), (&after.site, &after.dictionary));
    assert_eq!(trips.len(), 1);
    assert!(trips[0].held && after.dictionary.trip("燃气") == Some(trips[0].trip), "{trips:?}");
    // Its name is there, and what it held is another trip's.
    let swapped = other(&[
        ("outputs = [\"VALVE\"]\nreset_needs", "outputs = [\"STOP\"]\nreset_needs"),
        (
            "[[trips]]",
            "[[outputs]]\nid = \"STOP\"\nrole = \"interlock\"\nassist = \"feed_stop\"\ncoil = { device = \"RELAY\", address = 7 }\n\n[[trips]]\nid = \"另一个\"\ncauses = [\"AT-201:low\"]\noutputs = [\"VALVE\"]\n\n[[trips]]",
        ),
    ]);
    let trips = standing::trips(&page(false), (&swapped.site, &swapped.dictionary));
    let names: Vec<_> =
        trips.iter().map(|kept| (swapped.dictionary.trips[kept.trip.index()].as_str(), kept.held)).collect();
    assert_eq!(names, [("切断", false), ("另一个", true)]);
    let elsewhere =
        Page { trips: vec![TripRow { outputs: vec!["LINE".into()], ..trip(true) }], ..page(true) };
    assert_eq!(standing::trips(&elsewhere, (&after.site, &after.dictionary)), vec![]);
}

#[test]
fn an_old_name_that_is_in_use_or_said_twice_is_a_fault() {
    for (changes, code) in [
        (&[("tag = \"GT-102\"", "tag = \"GT-102\"\nrenamed_from = \"GT-101\"")][..], "E0313"),
        (&[("tag = \"GT-102\"", "tag = \"GT-102\"\nrenamed_from = \"GT-102\"")], "E0313"),
        (&[("id = \"切断\"", "id = \"切断\"\nrenamed_from = \"切断\"")], "E0313"),
        (&[("id = \"V\"", "id = \"V\"\nrenamed_from = \"v\"")], ""),
        (&[("kind = \"high_high\"", "kind = \"high_high\", renamed_from = \"GT-102:high\"")], "E0313"),
        (
            &[
                ("tag = \"GT-102\"", "tag = \"GT-102\"\nrenamed_from = \"GT-1\""),
                ("tag = \"GT-103\"", "tag = \"GT-103\"\nrenamed_from = \"gt-1\""),
            ],
            "E0314",
        ),
    ] {
        let said = match load(changes) {
            Ok(_) => String::new(),
            Err(report) => report.render(Lang::En, Style::Plain),
        };
        assert_eq!(said.is_empty(), code.is_empty(), "{changes:?}: {said}");
        assert!(said.contains(code), "{changes:?}: {said}");
    }
}

fn judge(page: &Page, after: &Loaded) -> Outcome {
    let before = other(&[]);
    standing::judge(page, (&before.site, &before.dictionary), after)
}

fn other(changes: &[(&str, &str)]) -> Loaded {
    load(changes).unwrap_or_else(|report| panic!("{}", report.render(Lang::En, Style::Plain)))
}

fn load(changes: &[(&str, &str)]) -> Result<Loaded, config::Report> {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("duty.key"), "sixteen letters!").unwrap();
    config::load_text(&dir.path().join("site.toml"), &text(changes))
}

/// The site with these changes; whatever refers to a name that changes is changed with it.
fn text(changes: &[(&str, &str)]) -> String {
    let mut text = SITE.to_owned();
    for (from, to) in changes {
        assert!(text.contains(from), "{from}");
        text = text.replacen(from, to, 1);
    }
    for (old, new) in [("GT-101", "GT-901"), ("AT-201", "AT-901"), ("VALVE", "XV-1"), ("V", "W")] {
        let renamed = |key: &str| text.contains(&format!("\n{key} = \"{new}\""));
        if renamed("tag") || renamed("id") {
            for (before, after) in
                [("[\"", "\""), ("[\"", ":"), (", \"", ":"), ("\"", "\"]"), ("on = \"", "\"")]
            {
                text = text.replace(&format!("{before}{old}{after}"), &format!("{before}{new}{after}"));
            }
        }
    }
    text
}

fn page(held: bool) -> Page {
    let alarm = |name: &str, state| AlarmRow {
        alarm: name.into(),
        state,
        handled: false,
        first_up: false,
        shelved_ms: None,
        ..AlarmRow::default()
    };
    Page {
        alarms: vec![
            alarm("GT-101/high", AlarmState::LatchedUnacked),
            alarm("AT-201/low", AlarmState::RtnUnacked),
        ],
        bypasses: vec![BypassRow {
            point: "GT-101".into(),
            actor: "李四".into(),
            approver: "王五".into(),
            reason: "标定".into(),
            left_ms: 60_000,
        }],
        trips: vec![trip(held)],
        answered: vec!["GT-101/high".into()],
        ..Page::default()
    }
}

fn trip(held: bool) -> TripRow {
    TripRow {
        trip: "切断".into(), held, alarm: None, vote: Some("V".into()), outputs: vec!["VALVE".into()]
    }
}
