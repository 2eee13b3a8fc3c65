//! What a point says beside its levels: watches on its behaviour, zone, shelving, suppression, buttons.

use std::time::Duration;

use hazard_agent::config;
use hazard_core::alarm::{AlarmKind, Signal};
use hazard_core::id::{OutputId, PointId, ZoneId};
use hazard_core::outbox::record::Verb;
use hazard_core::{Side, Value};

const SITE: &str = r#"
[enterprise]
district = "510107"
id = "E1"
name = "x"
[gateway]
id = "G1"
[practice]
reset_hold_s = 5
bypass_max_min = 30
bypasses_max = 2
shelved_max = 3
[[buses]]
id = "b"
kind = "tcp"
host = "127.0.0.1"
[[devices]]
id = "d"
bus = "b"
unit = 1
[[points]]
tag = "LT-1"
device = "d"
table = "holding"
address = 0
type = "u16"
range = [0, 10]
zone = "罐区"
interlock = true
alarms = [{ kind = "high", setpoint = 8, latch = true }, { kind = "low", setpoint = 2 }]
shelve_max_min = 20
watches = [
  { kind = "rate", setpoint = 2, over_s = 15, priority = "high" },
  { kind = "deviation", setpoint = 0.5, other = "lt-2", after_s = 60 },
  { kind = "frozen" },
  { kind = "over_range" },
]
[[points]]
tag = "LT-2"
device = "d"
table = "holding"
address = 1
type = "u16"
safety = false
suppressed_while = "XS-1"
watches = [{ kind = "frozen", after_s = 30 }]
[[points]]
tag = "XS-1"
device = "d"
table = "coil"
address = 0
button = "reset"
watches = [{ kind = "discrepancy", output = "FAN" }]
[[outputs]]
id = "FAN"
role = "alarms"
alarms = ["LT-1:rate"]
coil = { device = "d", address = 5 }
"#;

#[test]
fn watches_and_practice_are_lowered_as_they_are_written() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("site.toml");
    std::fs::write(&file, SITE).unwrap();
    let loaded = config::load(&file).unwrap_or_else(|report| {
        panic!("{}", report.render(config::Lang::En, config::Style::Plain));
    });
    let site = &loaded.site;
    assert_eq!((site.practice.reset_hold, site.practice.bypass_max), (second(5), second(1800)));
    assert_eq!((site.practice.bypasses_max, site.practice.shelved_max), (2, 3));
    assert!(site.points[0].interlock && !site.points[1].interlock);
    assert_eq!(site.points[2].button, Some(Verb::Reset));
    let row = |point: u32, kind| {
        site.alarms.iter().find(|alarm| (alarm.point, alarm.kind) == (PointId(point), kind)).unwrap()
    };
    let rate = row(0, AlarmKind::Rate);
    assert_eq!(rate.signal, Signal::Rate { over: second(15) });
    assert_eq!((rate.threshold.setpoint, rate.threshold.side), (Value::from_i32(2), Side::High));
    let deviation = row(0, AlarmKind::Deviation);
    assert_eq!(
        (deviation.signal, deviation.threshold.on_delay),
        (Signal::Deviation { from: PointId(1) }, second(60))
    );
    assert_eq!(
        (row(0, AlarmKind::Frozen).signal, row(0, AlarmKind::Frozen).threshold.on_delay),
        (Signal::Frozen, second(600))
    );
    assert!(row(0, AlarmKind::OverRange).latch && !rate.latch);
    assert_eq!(row(2, AlarmKind::Discrepancy).signal, Signal::Discrepancy { output: OutputId(0) });
    assert_eq!(row(1, AlarmKind::Frozen).suppressed_while, Some(PointId(2)));
    // What latches must never be shelved; safety points only if told; all others for eight hours.
    let shelved = |point, kind| row(point, kind).shelve_max;
    assert_eq!(shelved(0, AlarmKind::High), Duration::ZERO);
    assert_eq!(shelved(0, AlarmKind::Low), second(1200));
    assert_eq!(shelved(0, AlarmKind::Lost), second(1200));
    assert_eq!(shelved(1, AlarmKind::Frozen), second(8 * 3600));
    assert!(site.alarms.iter().all(|alarm| alarm.zone == ZoneId(u16::from(alarm.point == PointId(0)))));
}

fn second(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
