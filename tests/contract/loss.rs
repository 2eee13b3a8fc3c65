//! The loss of a safety point is heard: from the site file to the horn's level.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's own files and shapes")]

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hazard_agent::config::{self, Lang, Loaded, Style};
use hazard_core::alarm::{AlarmKind, Priority};
use hazard_core::annunciate::Role;
use hazard_core::id::Epoch;
use hazard_core::{ClockTrust, Engine, Mono, Start, Utc};

const SHIPPED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../config/site.toml");

const SITE: &str = r#"
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
[[devices]]
id = "D"
bus = "b"
unit = 1
[[outputs]]
id = "HORN"
role = "horn"
min_priority = "medium"
coil = { device = "D", address = 0 }
[[points]]
tag = "P-1"
device = "D"
table = "holding"
address = 0
type = "u16"
range = [0, 100]
alarms = [{ kind = "high", setpoint = 50 }]
"#;

#[test]
fn the_loss_of_each_safety_point_of_the_example_reaches_a_horn() {
    let loaded = loaded(Path::new(SHIPPED));
    let horns = loaded.site.outputs.iter().filter_map(|output| match output.role {
        Role::Horn(min) => Some(min),
        _ => None,
    });
    let (horn, losses) = (horns.min().unwrap(), losses(&loaded));
    assert!(
        losses.len() >= 3 && losses.iter().all(|loss| *loss >= horn),
        "{losses:?} and a horn of {horn:?}"
    );
}

#[test]
fn how_urgent_a_loss_is_may_be_said_for_the_site_and_for_a_point() {
    let site = "[practice]\nlost_priority = \"high\"\n";
    let point = "lost_priority = \"critical\"\n";
    for (text, expected) in [
        (SITE.to_owned(), Priority::Medium),
        (format!("{SITE}{site}"), Priority::High),
        (format!("{SITE}{point}{site}"), Priority::Critical),
    ] {
        assert_eq!(losses(&written(&text)), [expected]);
    }
}

#[test]
fn an_alarm_says_horn_only_where_a_horn_sounds_for_it() {
    for (priority, horn) in [("low", false), ("medium", true)] {
        let loaded = written(&format!("{SITE}lost_priority = \"{priority}\"\n"));
        let start = Start { epoch: Epoch(1), utc: Utc::from_unix_ms(0), trust: ClockTrust::Free };
        let mut engine = Engine::new(Arc::clone(&loaded.site), &start, Mono::ZERO);
        engine.handle_timeout(Mono::ZERO + Duration::from_secs(30));
        let sounds: Vec<bool> = engine.active_alarms().into_iter().map(|alarm| alarm.sounds).collect();
        assert_eq!(sounds, [horn], "{priority}");
        assert_eq!(!engine.snapshot().panel.energised[0], horn, "the horn is de-energised to alarm");
    }
}

fn losses(loaded: &Loaded) -> Vec<Priority> {
    let losses = loaded.site.alarms.iter().filter(|alarm| alarm.kind == AlarmKind::Lost);
    losses.map(|alarm| alarm.priority).collect()
}

fn written(text: &str) -> Loaded {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("site.toml");
    fs::write(&path, text).unwrap();
    loaded(&path)
}

fn loaded(path: &Path) -> Loaded {
    config::load(path).unwrap_or_else(|report| panic!("{}", report.render(Lang::En, Style::Plain)))
}
