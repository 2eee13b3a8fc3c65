//! Call-and-answer as a site file says it.

use std::time::Duration;

use hazard_agent::cli::plan;
use hazard_agent::config::{self, Lang, Loaded};
use hazard_core::alarm::Priority;
use hazard_core::call::{Ladder, Repeat, Rung};
use hazard_core::id::RoleId;

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
id = "d"
bus = "b"
[[points]]
tag = "GT-1"
device = "d"
reference = "40001"
type = "u16"
alarms = [{ kind = "high", setpoint = 20 }]
[[outputs]]
id = "HORN"
role = "horn"
gpio = { chip = "/dev/gpiochip0", line = 1 }
"#;

const CALL: &str = r#"
[[webhooks]]
id = "desk"
url = "https://desk.example:8443/call"
secret_file = "secret"
ca = "secret"
[[webhooks]]
id = "sms"
url = "http://[::1]:8088/call"
secret_file = "secret"
allow_plain_loopback = true
timeout_s = 4
tries = 2
[call]
roles = [{ id = "值班员" }, { id = "班长", webhook = "SMS" }]
gap_s = 30
key_period_percent = 25
[[call.ladders]]
priority = "critical"
rungs = [{ after_min = 0, roles = ["值班员", "班长"] }, { after_min = 3, roles = ["班长"] }]
repeat_min = 4
[[call.ladders]]
priority = "high"
rungs = []
"#;

#[test]
fn every_word_of_the_ladders_means_what_it_says() {
    let loaded = loaded(&[SITE, CALL].concat());
    let plan = &loaded.site.calls;
    let names: Vec<&str> = plan.roles.iter().map(|role| &*role.name).collect();
    assert_eq!((names, plan.gap, plan.shorten), (vec!["值班员", "班长"], Duration::from_secs(30), 250));
    assert_eq!((loaded.dictionary.roles.len(), &*loaded.role_webhooks), (2, [0, 1].as_slice()));
    let rung = |minutes: u64, roles: &[u16]| Rung {
        after: Duration::from_secs(60 * minutes),
        roles: roles.iter().map(|role| RoleId(*role)).collect(),
    };
    let every = Duration::from_secs(240);
    let red =
        Ladder { rungs: vec![rung(0, &[0, 1]), rung(3, &[1])], repeat: Some(Repeat { every, max: 12 }) };
    assert_eq!(*plan.ladder(Priority::Critical), red);
    assert_eq!(*plan.ladder(Priority::High), Ladder::default(), "nobody, as written");
    let usual = Ladder::usual(Priority::Medium, &[RoleId(0), RoleId(1)]);
    assert_eq!(*plan.ladder(Priority::Medium), usual, "what is not written is as usual");
    let [(desk, _), (sms, secret)] = &*loaded.webhooks else { panic!("two webhooks") };
    assert_eq!((desk.url.host(), desk.url.port(), desk.tries), ("desk.example", 8443, 3));
    assert!(desk.tls.as_ref().is_some_and(|tls| tls.ca.ends_with("secret")) && sms.tls.is_none());
    assert_eq!((sms.timeout, sms.tries), (Duration::from_secs(4), 2));
    assert_eq!(format!("{secret:?}"), "Secret(…)");
}

#[test]
fn without_a_word_of_it_nobody_is_called() {
    let loaded = loaded(SITE);
    assert!(loaded.site.calls.roles.is_empty() && loaded.webhooks.is_empty());
    assert!(!plan::render(&loaded, Lang::Zh).contains("叫应"));
}

#[test]
fn the_plan_shows_the_ladders_in_words() {
    let loaded = loaded(&[SITE, CALL].concat());
    let zh = plan::render(&loaded, Lang::Zh);
    assert!(zh.contains("  红  0: 值班员、班长，3: 班长；之后每 4 分钟，最多 12 次\n  橙  不呼叫\n"), "{zh}");
    let en = plan::render(&loaded, Lang::En);
    assert!(en.contains("  yellow  0: 值班员; 10: 班长; then every 15 min, 4 times at most\n"), "{en}");
}

fn loaded(text: &str) -> Loaded {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("secret"), "sixteen letters!").unwrap();
    let path = dir.path().join("site.toml");
    std::fs::write(&path, text).unwrap();
    config::load(&path).unwrap()
}
