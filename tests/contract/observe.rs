//! What the daemon shows: the operator's screen, the status document and the metrics, each from a real engine.
//!
//! A golden file is written anew only after it was deleted, with `HAZARD_BLESS=1`.
#![allow(clippy::unwrap_used, reason = "a test may panic, and so may what only tests call")]

mod http;
mod lint;
mod plant;

use std::path::Path;
use std::sync::Arc;

use hazard_agent::config::{Lang, Style};
use hazard_agent::dictionary::SafeguardEntry;
use hazard_agent::observe::metrics::{self, POINTS_MAX};
use hazard_agent::observe::status::{Shown, render};
use hazard_agent::observe::{COMMANDS_MAX, CommandRow, Latencies, Status};
use hazard_core::id::SafeguardId;
use hazard_core::outbox::record::Condition;
use plant::Scene;

fn page(status: &Status) -> String {
    metrics::encode(&Arc::new(status.clone()), &status.latency)
}

fn check(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("contract/golden/observe").join(name);
    if std::env::var_os("HAZARD_BLESS").is_some() && !path.exists() {
        std::fs::write(&path, text).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        text, golden,
        "{name} differs from its golden file; delete it and set HAZARD_BLESS=1 if that is meant"
    );
}

#[test]
fn the_screen_of_a_leak_is_as_it_was_agreed() {
    let status = plant::status(Scene::Leak);
    check("leak.zh.txt", &render(&status, Lang::Zh, Style::Plain));
    check("leak.en.txt", &render(&status, Lang::En, Style::Plain));
}

#[test]
fn the_screen_of_a_quiet_night_is_as_it_was_agreed() {
    let status = plant::status(Scene::Quiet);
    check("quiet.zh.txt", &render(&status, Lang::Zh, Style::Plain));
    check("quiet.en.txt", &render(&status, Lang::En, Style::Plain));
}

#[test]
fn the_metrics_of_a_leak_are_as_they_were_agreed() {
    check("metrics.txt", &page(&plant::status(Scene::Leak)));
}

#[test]
fn the_status_document_is_as_it_was_agreed_and_comes_back_the_same() {
    for scene in [Scene::Leak, Scene::Quiet] {
        let status = plant::status(scene);
        let json = serde_json::to_string_pretty(&status).unwrap();
        assert_eq!(serde_json::from_str::<Status>(&json).unwrap(), status);
        if scene == Scene::Leak {
            check("status.json", &(json + "\n"));
        }
    }
}

#[test]
fn a_leak_is_told_with_its_first_up_and_the_worst_alarm_on_top() {
    let status = plant::status(Scene::Leak);
    let kinds: Vec<_> = status.alarms.iter().map(|row| (&*row.point, &*row.kind, &*row.state)).collect();
    assert_eq!(
        kinds,
        [("GT-101", "high_high", "unacked"), ("GT-102", "lost", "unacked"), ("GT-101", "high", "acked"),]
    );
    let first: Vec<_> = status.alarms.iter().filter(|row| row.first_up).map(|row| &*row.kind).collect();
    assert_eq!(first, ["high"], "raised before all others, acknowledged or not");
    assert_eq!(status.alarms[0].value, Some(Shown::Number(60.0)));
    assert!(status.alarms[0].sounds && !status.alarms[2].sounds);
    assert_eq!(status.unacked(), 2);
}

#[test]
fn a_silent_device_and_its_point_are_told_with_their_reason() {
    let status = plant::status(Scene::Leak);
    let device = status.devices.iter().find(|row| row.device == "GDS-2").unwrap();
    assert_eq!((device.online, device.fault.as_deref()), (false, Some("silent")));
    let point = status.points.iter().find(|row| row.point == "GT-102").unwrap();
    assert_eq!((&*point.quality, &point.value), ("bad", &None));
    assert!(render(&status, Lang::Zh, Style::Plain).contains("无应答：检查供电、A/B 线、站号、波特率"));
}

#[test]
fn the_numbers_of_the_run_are_the_engines_own() {
    let (snapshot, facts) = plant::run(Scene::Leak);
    let status = Status::new(&snapshot, &facts);
    assert_eq!(status.ledger.offered.readings, snapshot.ledger.offered.readings);
    assert!(status.ledger.even && status.ledger.offered.records > 0);
    assert_eq!(
        status.uplinks[1].pending.records, snapshot.ledger.offered.records,
        "the city was never there"
    );
    assert_eq!(status.buses[0].read, snapshot.buses[0].polls.read);
    assert!(
        status.points.iter().any(|row| row.value == Some(Shown::Switch(false))),
        "a switch is not a number"
    );
    assert_eq!(status.journal.days_left, Some(90), "a tenth of the quota was filled in ten days");
    assert_eq!(status.journal.outage_days, Some(99), "996 MiB of room at 10 MiB a day");
}

#[test]
fn without_a_trusted_clock_nobody_says_how_long_the_journal_lasts() {
    let (mut snapshot, facts) = plant::run(Scene::Leak);
    snapshot.stamp.trust = hazard_core::ClockTrust::Unset;
    assert_eq!(Status::new(&snapshot, &facts).journal.days_left, None);
}

#[test]
fn what_has_no_name_is_shown_by_its_number() {
    let (snapshot, mut facts) = plant::run(Scene::Leak);
    facts.dictionary = Arc::default();
    facts.links.clear();
    facts.uplink_reasons.clear();
    let status = Status::new(&snapshot, &facts);
    assert_eq!((&*status.points[1].point, &*status.devices[0].device), ("#1", "#0"));
    assert_eq!(status.alarms.len(), 3);
    let series = lint::page(&page(&status)).unwrap();
    let alarms = series.iter().filter(|one| one.name == "hazard_alarms").map(|one| one.value).sum::<f64>();
    assert_eq!(alarms, 3.0, "an alarm without a priority is counted all the same");
    assert!(render(&status, Lang::En, Style::Plain).contains("#1"));
}

#[test]
fn colour_only_where_it_is_asked_for_and_never_alone() {
    let status = plant::status(Scene::Leak);
    for lang in [Lang::Zh, Lang::En] {
        let plain = render(&status, lang, Style::Plain);
        let coloured = render(&status, lang, Style::Coloured);
        assert!(!plain.contains('\x1b') && coloured.contains("\x1b["));
        let mut bare = coloured;
        for code in ["\x1b[1;31m", "\x1b[31m", "\x1b[33m", "\x1b[0m"] {
            bare = bare.replace(code, "");
        }
        assert_eq!(bare, plain);
    }
}

#[test]
fn no_name_or_reason_moves_the_cursor_of_the_operators_terminal() {
    let (snapshot, facts) = plant::evil();
    let status = Status::new(&snapshot, &facts);
    for lang in [Lang::Zh, Lang::En] {
        let screen = render(&status, lang, Style::Plain);
        let sly: Vec<_> = screen.chars().filter(|c| c.is_control() && *c != '\n').collect();
        assert!(sly.is_empty(), "{sly:?} in {screen}");
        assert!(screen.contains("调压间"));
        assert_eq!(screen.lines().filter(|line| line.starts_with("EVIL")).count(), 0, "a name began a line");
    }
}

#[test]
fn nothing_is_called_healthy_while_anything_is_impaired() {
    let quiet = plant::status(Scene::Quiet);
    let healthy = |status: &Status| render(status, Lang::En, Style::Plain).contains("monitoring is healthy");
    assert!(healthy(&quiet));
    let mut ill = [quiet.clone(), quiet.clone(), quiet.clone(), quiet];
    ill[0].devices[0].online = false;
    ill[1].points[0].quality = "suspect".into();
    ill[2].ledger.even = false;
    ill[3].conditions = plant::status(Scene::Leak).conditions;
    for (index, status) in ill.iter().enumerate() {
        assert!(!healthy(status), "{index}");
    }
}

#[test]
fn an_absent_safeguard_is_shown_as_a_hazard_of_the_site_and_not_as_a_fault_of_the_monitoring() {
    let (mut snapshot, mut facts) = plant::run(Scene::Quiet);
    snapshot.conditions.push(Condition::SafeguardAbsent(SafeguardId(0)));
    let nameless = Status::new(&snapshot, &facts);
    assert_eq!(nameless.conditions[0].of.as_deref(), Some("#0"));
    let mut dictionary = (*facts.dictionary).clone();
    dictionary.safeguards.push(SafeguardEntry {
        name: "DC-1/vent_panel".into(),
        kind: "vent_panel".into(),
        absent: true,
        note: String::new(),
        deadline: String::new(),
    });
    facts.dictionary = dictionary.into();
    let status = Status::new(&snapshot, &facts);
    assert_eq!((status.impaired(), status.hazards().count()), (0, 1));
    let screen = render(&status, Lang::Zh, Style::Plain);
    assert!(screen.lines().next().unwrap().ends_with("○ 监测自身正常  ◆ 重大隐患 1 项"), "{screen}");
    let row = screen.lines().find(|line| line.contains("DC-1/vent_panel")).unwrap();
    assert!(row.starts_with("◆ 安全设施") && row.contains("重大事故隐患"), "{row}");
    let series = lint::page(&page(&status)).unwrap();
    let shown = series.iter().filter(|one| one.labels.iter().any(|(_, value)| value == "DC-1/vent_panel"));
    assert_eq!(shown.map(|one| (&*one.name, one.value)).collect::<Vec<_>>(), [("hazard_condition", 1.0)]);
}

#[test]
fn the_screen_names_the_points_whose_alarms_took_longer_than_planned() {
    let quiet = plant::status(Scene::Quiet);
    let lines = |status: &Status| {
        let screen = render(status, Lang::Zh, Style::Plain);
        let lines = screen.lines().filter(|line| line.starts_with("○ 最长")).map(str::to_owned);
        lines.collect::<Vec<_>>()
    };
    assert_eq!(quiet.delays.len(), 2, "points with an alarm on their value");
    assert_eq!(lines(&quiet).len(), 1, "the one that came nearest");
    let mut late = quiet;
    for (row, longest_ms) in late.delays.iter_mut().zip([Some(60_150), Some(1)]) {
        row.longest_ms = longest_ms;
    }
    let [line] = &lines(&late)[..] else { panic!("{:?}", lines(&late)) };
    assert!(line.contains("GT-101") && line.contains("60.1 s") && line.contains("超过预计最坏"), "{line}");
    late.delays[1].longest_ms = late.delays[1].predicted_ms.map(|ms| ms + 1);
    assert_eq!(lines(&late).len(), 2);
}

#[test]
fn a_screen_lists_twenty_rows_and_counts_the_rest() {
    let mut status = plant::status(Scene::Leak);
    status.alarms = vec![status.alarms[0].clone(); 33];
    let screen = render(&status, Lang::Zh, Style::Plain);
    assert_eq!(screen.matches("▲ 未确认").count(), 20);
    assert!(screen.contains("另有 13 项") && screen.starts_with("▲ 33 条报警未确认"), "{screen}");
}

#[test]
fn every_scene_is_valid_openmetrics() {
    for scene in [Scene::Leak, Scene::Quiet] {
        lint::page(&page(&plant::status(scene))).unwrap();
    }
}

#[test]
fn evil_names_come_out_of_the_metrics_as_they_went_in() {
    let (snapshot, facts) = plant::evil();
    let status = Status::new(&snapshot, &facts);
    let series = lint::page(&page(&status)).unwrap();
    for point in &status.points {
        let labels = vec![("point".to_owned(), point.point.clone())];
        assert!(
            series.iter().any(|one| one.name == "hazard_point_good" && one.labels == labels),
            "{labels:?}"
        );
    }
}

#[test]
fn conditions_and_alarms_have_series_before_they_stand() {
    let value = |scene, name: &str, label: &str| {
        let series = lint::page(&page(&plant::status(scene))).unwrap();
        let found = series
            .iter()
            .filter(|one| one.name == name && one.labels.iter().any(|(_, value)| value == label));
        found.map(|one| one.value).sum::<f64>()
    };
    for (name, label) in [("hazard_condition", "city"), ("hazard_alarms", "unacked")] {
        assert_eq!(value(Scene::Quiet, name, label), 0.0, "{name}");
        assert!(value(Scene::Leak, name, label) > 0.0, "{name}");
    }
    let quiet = lint::page(&page(&plant::status(Scene::Quiet))).unwrap();
    assert_eq!(quiet.iter().filter(|one| one.name == "hazard_alarms").count(), 20);
}

#[test]
fn a_site_with_too_many_points_says_so_in_place_of_their_series() {
    let mut status = plant::status(Scene::Quiet);
    let point = status.points[0].clone();
    let row =
        |index| hazard_agent::observe::status::PointRow { point: format!("P-{index}"), ..point.clone() };
    for (points, omitted) in [(POINTS_MAX, 0.0), (POINTS_MAX + 1, 1.0)] {
        status.points = (0..points).map(row).collect();
        let series = lint::page(&page(&status)).unwrap();
        let count = series.iter().filter(|one| one.name == "hazard_point_age_seconds").count();
        assert_eq!(count, if omitted > 0.0 { 0 } else { points });
        assert_eq!(series.iter().find(|one| one.name == "hazard_points_omitted").unwrap().value, omitted);
    }
}

#[test]
fn commands_are_counted_by_what_became_of_them_from_zero_on() {
    let of = |scene, name: &str| {
        let series = lint::page(&page(&plant::status(scene))).unwrap();
        let counts = series.into_iter().filter(|one| one.name == name).map(|one| {
            let words: Vec<_> = one.labels.into_iter().map(|(_, value)| value).collect();
            (words.join(" "), one.value)
        });
        counts.collect::<Vec<_>>()
    };
    let outcomes = |scene| of(scene, "hazard_device_commands_total");
    assert_eq!(outcomes(Scene::Quiet).len(), 14);
    assert!(outcomes(Scene::Quiet).iter().all(|(_, count)| *count == 0.0));
    let counted: Vec<_> = outcomes(Scene::Leak).into_iter().filter(|(_, count)| *count > 0.0).collect();
    let once = |labels: &str| (labels.to_owned(), 1.0);
    let expected =
        ["PLC-1 PT-201/零点 confirmed", "PLC-1 XV-301/试动 unverified", "PLC-1 XV-301/试动 refused"];
    assert_eq!(counted, expected.map(once));
    let accepted = of(Scene::Leak, "hazard_device_commands_accepted_total");
    assert_eq!(accepted, ["PLC-1 PT-201/零点", "PLC-1 XV-301/试动"].map(once));
    assert!(of(Scene::Leak, "hazard_device_commands_open").iter().all(|(_, open)| *open == 0.0));
}

#[test]
fn the_screen_says_what_became_of_each_command_that_was_sent() {
    let screen = |scene| render(&plant::status(scene), Lang::En, Style::Plain);
    assert!(!screen(Scene::Quiet).contains("Last outcome of commands"), "nobody sent any");
    let leak = screen(Scene::Leak);
    let row = |of: &str| leak.lines().find(|line| line.starts_with(of)).unwrap_or_default().to_owned();
    assert!(row("PT-201/零点").contains("✔ written and read back as 5 (was 5) 班长"), "{leak}");
    assert!(row("XV-301/试动").contains("✘ discrepancy: 1 was sent, 0 is read"), "{leak}");
}

#[test]
fn a_site_with_too_many_commands_has_their_sums_by_device() {
    let mut status = plant::status(Scene::Leak);
    let [done, broken] = &status.commands[..] else { panic!("{:?}", status.commands) };
    let named = |row: &CommandRow, index: usize| CommandRow { command: format!("C-{index}"), ..row.clone() };
    let (done, broken) = (done.clone(), broken.clone());
    for (count, summed) in [(COMMANDS_MAX, 0.0), (COMMANDS_MAX + 1, 1.0)] {
        status.commands = (1..count).map(|index| named(&done, index)).collect();
        status.commands.push(broken.clone());
        let series = lint::page(&page(&status)).unwrap();
        let all: Vec<_> = series.iter().filter(|one| one.name == "hazard_device_commands_total").collect();
        assert_eq!(all.len(), 7 * if summed > 0.0 { 1 } else { count });
        let confirmed = all.iter().filter(|one| one.labels.iter().any(|(_, value)| value == "confirmed"));
        assert_eq!(confirmed.map(|one| one.value).sum::<f64>(), (count - 1) as f64, "the sums stay");
        let flag = series.iter().find(|one| one.name == "hazard_device_commands_summed").unwrap();
        assert_eq!(flag.value, summed);
    }
}

#[test]
fn a_duration_is_in_the_histogram_of_the_page() {
    let mut latency = Latencies::default();
    latency.read_to_panel.observe(std::time::Duration::from_micros(700));
    latency.alarm_delay.observe(std::time::Duration::from_millis(1_020));
    let text = metrics::encode(&Arc::new(plant::status(Scene::Quiet)), &latency);
    assert!(text.contains("hazard_read_to_panel_seconds_bucket{le=\"0.0005\"} 0\n"), "{text}");
    assert!(text.contains("hazard_read_to_panel_seconds_bucket{le=\"0.001\"} 1\n"));
    assert!(text.contains("hazard_read_to_panel_seconds_sum 0.0007\n"));
    assert!(text.contains("hazard_alarm_delay_seconds_bucket{le=\"1.0\"} 0\n"), "{text}");
    assert!(text.contains("hazard_alarm_delay_seconds_bucket{le=\"2.5\"} 1\n"));
    assert!(text.contains("hazard_output_delay_seconds_count 0\n"));
    assert!(text.contains("hazard_turn_duration_seconds_count 0\n"));
}
