//! `hazard plan`: what people and programs are told about requests, load and delays, and which buses are refused.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's own files and shapes")]

use std::fs;
use std::path::Path;

use hazard_agent::cli::plan;
use hazard_agent::config::{self, Lang, Loaded, Style};

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/contract/golden/plan");
const SHIPPED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../config/site.toml");

#[test]
fn the_plans_are_told_word_by_word_in_both_languages() {
    for (case, loaded) in [("shipped", loaded(Path::new(SHIPPED))), ("overloaded", overloaded())] {
        for (lang, name) in [(Lang::Zh, "zh"), (Lang::En, "en")] {
            golden(&format!("{case}.{name}.txt"), &plan::render(&loaded, lang));
        }
        let json = serde_json::to_string_pretty(&plan::to_json(&loaded)).unwrap();
        golden(&format!("{case}.json"), &(json + "\n"));
    }
}

#[test]
fn the_example_site_is_not_refused() {
    assert!(plan::refuses(&loaded(Path::new(SHIPPED))).is_empty());
}

#[test]
fn an_overloaded_bus_is_refused_unless_its_overload_is_allowed() {
    assert_eq!(plan::refuses(&overloaded()), ["line"]);
    let allowed = variant("kind = \"rtu\"", "kind = \"rtu\"\nallow_overload = true");
    assert!(plan::refuses(&allowed).is_empty());
    assert!(plan::render(&allowed, Lang::En).contains("allow_overload is set"));
}

#[test]
fn the_periods_that_are_proposed_fit() {
    let json = plan::to_json(&overloaded());
    let permille = json["buses"][0]["stretch_permille"].as_u64().unwrap();
    let text = overloaded_text();
    let stretched = [1_000, 2_000].iter().fold(text, |text, period: &u64| {
        let longer = (period * permille).div_ceil(1_000);
        text.replace(&format!("poll_ms = {period} "), &format!("poll_ms = {longer} "))
    });
    assert!(plan::refuses(&loaded_from(&stretched)).is_empty());
}

#[test]
fn a_faster_line_is_proposed_where_it_is_enough_and_only_there() {
    let told = |text: &str| plan::render(&loaded_from(text), Lang::En);
    assert!(!told(&overloaded_text()).contains("raise baud"), "the turnaround alone is too long");
    let prompt = overloaded_text().replace("poll_ms", "turnaround_ms = 20, poll_ms");
    assert!(told(&prompt).contains("raise baud to 19200"), "{}", told(&prompt));
    let faster = prompt.replace("kind = \"rtu\"", "kind = \"rtu\"\nbaud = 19200");
    assert!(plan::refuses(&loaded_from(&faster)).is_empty());
}

#[test]
fn a_poll_that_may_be_skipped_is_named() {
    let short = overloaded_text().replace("poll_ms = 1000", "poll_ms = 100");
    assert!(plan::render(&loaded_from(&short), Lang::En).contains("skip a poll: GT-101, GT-103\n"));
    assert!(!plan::render(&loaded(Path::new(SHIPPED)), Lang::En).contains("skip a poll"));
}

fn overloaded() -> Loaded {
    loaded(&Path::new(GOLDEN).join("overloaded/site.toml"))
}

fn overloaded_text() -> String {
    fs::read_to_string(Path::new(GOLDEN).join("overloaded/site.toml")).unwrap()
}

fn variant(from: &str, to: &str) -> Loaded {
    loaded_from(&overloaded_text().replace(from, to))
}

fn loaded_from(text: &str) -> Loaded {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("site.toml");
    fs::write(&path, text).unwrap();
    loaded(&path)
}

fn loaded(path: &Path) -> Loaded {
    config::load(path).unwrap_or_else(|report| panic!("{}", report.render(Lang::En, Style::Plain)))
}

/// Compares with a file; `HAZARD_BLESS=1` writes it.
fn golden(name: &str, text: &str) {
    let path = Path::new(GOLDEN).join(name);
    if std::env::var_os("HAZARD_BLESS").is_some_and(|bless| bless == "1") {
        fs::write(path, text).unwrap();
        return;
    }
    let known = fs::read_to_string(&path).unwrap_or_default();
    assert!(known == text, "{} is stale; run with HAZARD_BLESS=1 and read the difference", path.display());
}
