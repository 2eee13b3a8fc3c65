//! Votes, trips and start permits as a site file says them.

use std::time::Duration;

use hazard_agent::config;
use hazard_core::alarm::{AlarmKind, Priority, Signal};
use hazard_core::annunciate::Role;
use hazard_core::id::{AlarmId, OutputId, PointId, TripId, VoteId};
use hazard_core::interlock::{Cause, FeedbackSpec, Permissive, ProveSpec};
use hazard_core::vote::{OnBypass, OnFault};
use hazard_core::{Side, Value};

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
alarms = [{ kind = "high", setpoint = 20 }, { kind = "high_high", setpoint = 50 }]
[[points]]
tag = "GT-2"
device = "d"
reference = "40002"
type = "u16"
zone = "A"
alarms = [{ kind = "high", setpoint = 20 }, { kind = "high_high", setpoint = 50 }]
[[points]]
tag = "ZS"
device = "d"
reference = "10001"
[[points]]
tag = "FAN-A"
device = "d"
reference = "40003"
type = "u16"
[[points]]
tag = "PB"
device = "d"
reference = "10002"
[[outputs]]
id = "VALVE"
role = "interlock"
assist = "gas_valve_close"
gpio = { chip = "/dev/gpiochip0", line = 1 }
[[outputs]]
id = "LINE"
role = "interlock"
assist = "start_permit"
gpio = { chip = "/dev/gpiochip0", line = 2 }
[[outputs]]
id = "KEEP"
role = "interlock"
assist = "fan_hold"
gpio = { chip = "/dev/gpiochip0", line = 3 }
[[outputs]]
id = "FEED"
role = "interlock"
assist = "feed_stop"
gpio = { chip = "/dev/gpiochip0", line = 4 }
[[votes]]
id = "ROOM"
rule = "2oo2"
channels = ["GT-1:high", "gt-2:high"]
any_of = ["GT-1:high_high", "GT-2:high_high"]
on_fault = "leave_out"
on_bypass = "need_same"
[[trips]]
id = "GAS"
causes = ["room"]
outputs = ["VALVE"]
reset_needs = ["GT-1:lost"]
reset_button = "PB"
prove = { feedback = { point = "ZS" }, within_s = 8, priority = "high" }
[[trips]]
id = "STUCK"
causes = ["ZS:unproven"]
outputs = ["FEED"]
latch = false
[[permits]]
id = "SANDER"
fan = { point = "FAN-A", above = 3.5 }
requires = ["GT-2:high"]
trips = ["GAS"]
outputs = ["LINE"]
[permits.hold]
output = "KEEP"
line = { point = "PB", below = 0.5 }
released_by = ["GAS", "STUCK"]
"#;

#[test]
fn a_key_period_is_in_beijing_time_and_a_key_set_point_belongs_to_its_alarm() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("site.toml");
    let periods = r#"
[[key_periods]]
id = "国庆"
from = "2026-10-01T00:00"
until = "2026-10-08T00:00:00Z"
allow_bypass = true
"#;
    let tight = SITE.replacen("setpoint = 20 }", "setpoint = 20, key_setpoint = 15 }", 1);
    std::fs::write(&path, tight + periods).unwrap();
    let loaded = config::load(&path).unwrap();
    let [period] = &*loaded.site.key_periods else { panic!("one period") };
    assert_eq!((&*period.name, period.bypass_allowed), ("国庆", true));
    assert_eq!(period.from.unix_ms(), 1_790_784_000_000, "16:00 of the day before, UTC");
    assert_eq!(period.until.unix_ms(), 1_791_417_600_000);
    let alarm = loaded.dictionary.alarm("GT-1/high").unwrap();
    let spec = loaded.site.alarms[alarm.index()];
    assert_eq!(spec.key_setpoint, Some(Value::from_i32(15)));
    assert_eq!(loaded.dictionary.key_setpoint(alarm), Some("15"));
    let others = loaded.site.alarms.iter().filter(|alarm| alarm.key_setpoint.is_some());
    assert_eq!(others.count(), 1);
}

#[test]
fn every_word_of_a_row_means_what_it_says() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("site.toml");
    std::fs::write(&path, SITE).unwrap();
    let loaded = config::load(&path).unwrap();
    let site = &loaded.site;
    let [vote] = &*site.matrix.votes else { panic!("one vote") };
    assert_eq!((&*vote.name, vote.needed), ("ROOM", 2));
    assert_eq!((vote.on_fault, vote.on_bypass), (OnFault::Quiet, OnBypass::NeedSame));
    let named = |name: &str| loaded.dictionary.alarm(name).unwrap();
    assert_eq!(vote.channels, [named("GT-1/high"), named("GT-2/high")]);
    assert_eq!(vote.any_of, [named("GT-1/high_high"), named("GT-2/high_high")]);
    let [gas, stuck] = &*site.matrix.trips else { panic!("two trips") };
    assert_eq!(gas.causes, [Cause::Vote(VoteId(0))]);
    assert_eq!((&*gas.outputs, gas.latch), ([OutputId(0)].as_slice(), true));
    let lost = Permissive::Quiet(Cause::Alarm(named("GT-1/lost")));
    assert_eq!(gas.permissives, [lost, Permissive::Proven]);
    let shown = |point, side, limit| FeedbackSpec { point: PointId(point), side, limit };
    let half = Value::HALF;
    let prove = ProveSpec { feedback: shown(2, Side::High, half), within: Duration::from_secs(8) };
    assert_eq!((gas.prove, gas.reset_button), (Some(prove), Some(PointId(4))));
    let unproven = named("ZS/unproven");
    assert_eq!((&*stuck.causes, stuck.latch), ([Cause::Alarm(unproven)].as_slice(), false));
    let spec = site.alarms[unproven.index()];
    assert_eq!((spec.kind, spec.signal), (AlarmKind::Unproven, Signal::Unproven { trip: TripId(0) }));
    assert_eq!((spec.priority, spec.latch, spec.point), (Priority::High, true, PointId(2)));
    let [permit] = &*site.matrix.permits else { panic!("one permit") };
    assert_eq!(permit.fan, shown(3, Side::High, Value::try_new(3.5).unwrap()));
    assert_eq!(permit.pre_run, Duration::from_secs(600), "as is common");
    assert_eq!(permit.requires, [Cause::Alarm(named("GT-2/high"))]);
    assert_eq!((&*permit.trips, &*permit.outputs), ([TripId(0)].as_slice(), [OutputId(1)].as_slice()));
    let hold = permit.hold.as_ref().unwrap();
    assert_eq!((hold.output, hold.post_run), (OutputId(2), Duration::from_secs(900)));
    assert_eq!(hold.line, Some(shown(4, Side::Low, half)));
    assert_eq!(hold.released_by, [TripId(0), TripId(1)]);
    assert!(site.outputs.iter().all(|output| output.role == Role::Interlock));
    let interlock: Vec<_> = site.points.iter().map(|point| point.interlock).collect();
    assert_eq!(interlock, [true; 5], "whoever bypasses one of these needs a second person");
    assert_eq!(loaded.dictionary.trip("GAS"), Some(TripId(0)));
    assert_eq!(loaded.dictionary.alarm_name(AlarmId(unproven.0)), "ZS/unproven");
}
