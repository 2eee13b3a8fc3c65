//! The sensors' health in the engine: what fails is never silent and clears nothing, what a device holds is seen and ends.

use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

use crate::alarm::{AlarmKind, AlarmSpec, Signal};
use crate::id::{AlarmId, Epoch, PointId};
use crate::input::{Action, Command};
use crate::link::{Exception, LinkFault, Words};
use crate::outbox::record::{AlarmState, Condition, Refusal, Verb};
use crate::poll::predict;
use crate::reading::{Doubt, NoData, Quantity, Reading, Sample};
use crate::sensor::{Current, SensorSpec, StatusSpec, Test, Trouble};
use crate::site::SiteTables;
use crate::{
    Category, ClockTrust, Engine, Input, Mono, Output, Side, Site, Start, Threshold, Utc, Value, fixture,
};

const GAS: PointId = PointId(0);
const STATE: PointId = PointId(1);
const HIGH: AlarmId = AlarmId(0);
const LOST: AlarmId = AlarmId(1);
const OVER: AlarmId = AlarmId(2);
const HOLD: Duration = Duration::from_secs(2);
const LIMIT: Duration = Duration::from_secs(60);
const WARM_UP: i32 = 2;
const BROKEN: i32 = 8;

#[test]
fn a_broken_wire_is_lost_after_its_hold_and_clears_nothing() {
    let mut plant = Plant::new(|_| {});
    plant.reads(0.0, 30.0);
    assert_eq!(plant.state(HIGH), AlarmState::Unacked);
    // 0 mA is -25 %: below the set-point, and no value at all.
    plant.reads(0.5, -25.0);
    assert_eq!(plant.sample(), good(30.0), "a spike is no sample");
    assert_eq!(plant.state(LOST), AlarmState::Normal);
    plant.reads(2.5, -25.0);
    assert_eq!(plant.sample(), Sample::Bad(NoData::CurrentLow));
    assert_eq!((plant.state(HIGH), plant.state(LOST)), (AlarmState::Unacked, AlarmState::Unacked));
    assert_eq!(plant.conditions(), [Condition::SensorFailure(GAS)]);
    assert_eq!(plant.category(), Some(Category::Failure));
    // Contact again: doubted until it has lasted, and only then is the alarm over.
    plant.reads(4.0, 0.0);
    assert_eq!(plant.sample(), Sample::Suspect(number(0.0), Doubt::AfterFault));
    assert_eq!(plant.state(HIGH), AlarmState::Unacked);
    plant.reads(6.0, 0.0);
    assert_eq!(plant.state(HIGH), AlarmState::RtnUnacked);
    assert_eq!(plant.conditions(), []);
}

#[test]
fn a_spike_shorter_than_its_hold_is_nothing() {
    let mut plant = Plant::new(|_| {});
    plant.reads(0.0, 5.0);
    for second in 1..50 {
        let spike = if second % 2 == 0 { 5.0 } else { 150.0 };
        plant.reads(f64::from(second), spike);
        assert_eq!(plant.sample(), good(5.0));
    }
    assert!(plant.engine.active_alarms().is_empty());
    assert_eq!(plant.conditions(), []);
}

#[test]
fn a_failure_that_nobody_reads_again_becomes_stale_and_not_good() {
    let mut plant = Plant::new(|tables| tables.sensors[0].current.as_mut().unwrap().hold = LIMIT);
    plant.reads(0.0, 5.0);
    for second in 1..10 {
        plant.reads(f64::from(second), -25.0);
    }
    assert_eq!(plant.sample(), Sample::Bad(NoData::Stale));
    assert_eq!(plant.state(LOST), AlarmState::Unacked);
}

#[test]
fn a_point_that_fails_to_alarm_does() {
    let mut plant = Plant::new(|tables| tables.alarms[0].fails_to_alarm = true);
    plant.reads(0.0, 5.0);
    plant.reads(1.0, 150.0);
    assert_eq!(plant.state(HIGH), AlarmState::Normal);
    plant.reads(3.0, 150.0);
    assert_eq!(plant.sample(), Sample::Bad(NoData::CurrentHigh));
    assert_eq!(plant.state(HIGH), AlarmState::Unacked);
    let mut silent = Plant::new(|tables| tables.alarms[0].fails_to_alarm = true);
    silent.passes(2.9);
    assert_eq!(silent.state(HIGH), AlarmState::Normal, "nothing was to be read yet");
    silent.passes(3.1);
    assert_eq!(silent.state(HIGH), AlarmState::Unacked);
}

#[test]
fn an_over_range_is_held_until_a_person_resets_it_and_the_high_alarm_with_it() {
    let mut plant = Plant::new(|_| {});
    plant.reads(0.0, 104.0);
    assert_eq!(plant.state(HIGH), AlarmState::Unacked);
    // Flooded: the value comes down although the gas does not.
    for second in 1..=102 {
        plant.reads(f64::from(second), 3.0);
    }
    assert_eq!(plant.sample(), Sample::Suspect(number(3.0), Doubt::OverRangeHeld));
    assert_eq!((plant.state(HIGH), plant.state(OVER)), (AlarmState::Unacked, AlarmState::LatchedUnacked));
    assert_eq!(plant.conditions(), [Condition::SensorOutOfSpecification(GAS)]);
    assert_eq!(plant.asks(102.0, Verb::Reset), [Refusal::Unacknowledged]);
    assert_eq!(plant.asks(102.0, Verb::Acknowledge), []);
    assert_eq!(plant.asks(102.0, Verb::Reset), []);
    plant.reads(103.0, 3.0);
    assert_eq!(plant.sample(), good(3.0));
    assert_eq!((plant.state(HIGH), plant.state(OVER)), (AlarmState::Normal, AlarmState::Normal));
    assert_eq!(plant.conditions(), []);
    for second in 104..130 {
        plant.reads(f64::from(second), 3.0);
    }
    assert_eq!(plant.state(OVER), AlarmState::Normal, "the look after the hold of a reset finds nothing");
}

#[test]
fn an_over_range_is_held_across_a_restart() {
    let mut plant = Plant::new(|_| {});
    plant.reads(0.0, 104.0);
    plant.reads(1.0, 3.0);
    plant.restarts(2.0);
    plant.says(2.0, 1);
    plant.reads(2.0, 3.0);
    assert_eq!(plant.state(OVER), AlarmState::LatchedUnacked);
    assert_eq!(plant.sample(), Sample::Suspect(number(3.0), Doubt::OverRangeHeld));
    assert_eq!(plant.state(HIGH), AlarmState::Unacked);
}

#[test]
fn an_over_range_that_is_put_aside_is_held_all_the_same() {
    let mut plant = Plant::new(|_| {});
    plant.reads(0.0, 104.0);
    let spec = plant.site.alarms[OVER.index()];
    plant.engine.plant.alarms[OVER.index()].set_suppressed(at(1.0), true, &spec);
    plant.reads(1.0, 3.0);
    plant.reads(2.0, 3.0);
    assert_eq!(plant.state(OVER), AlarmState::Suppressed);
    assert_eq!(plant.sample(), Sample::Suspect(number(3.0), Doubt::OverRangeHeld));
    assert_eq!(plant.state(HIGH), AlarmState::Unacked, "what may be a flooded sensor ends nothing");
}

#[test]
fn alarms_are_held_while_the_device_checks_itself_and_that_is_seen() {
    let mut plant = Plant::new(|_| {});
    plant.reads(0.0, 5.0);
    plant.says(1.0, WARM_UP);
    assert_eq!(plant.state(HIGH), AlarmState::Suppressed);
    assert_eq!(plant.conditions(), [Condition::SensorCheck(GAS)]);
    plant.reads(2.0, 60.0);
    assert_eq!(plant.sample(), Sample::Suspect(number(60.0), Doubt::FunctionCheck));
    assert_eq!(plant.state(HIGH), AlarmState::Suppressed);
    let state = plant.engine.snapshot().sensors.remove(0);
    assert_eq!((state.point, state.troubles), (GAS, vec![Trouble::WarmUp]));
    assert_eq!(state.check_until, Some(at(61.0)));
    // The word is over, and the next value decides: what was test gas is none.
    plant.says(3.0, 1);
    assert_eq!(plant.state(HIGH), AlarmState::Normal);
    plant.reads(3.0, 5.0);
    assert_eq!((plant.state(HIGH), plant.conditions()), (AlarmState::Normal, vec![]));
    plant.reads(4.0, 60.0);
    assert_eq!(plant.state(HIGH), AlarmState::Unacked);
}

#[test]
fn an_alarm_that_stands_is_not_quieted_by_its_device_nor_ended() {
    let mut plant = Plant::new(|_| {});
    plant.reads(0.0, 60.0);
    plant.says(1.0, WARM_UP);
    plant.reads(2.0, 0.0);
    assert_eq!(plant.state(HIGH), AlarmState::Unacked);
    plant.says(3.0, 1);
    plant.reads(3.0, 0.0);
    assert_eq!(plant.state(HIGH), AlarmState::RtnUnacked);
}

#[test]
fn a_check_that_lasts_too_long_is_a_lost_point_and_holds_nothing() {
    let mut plant = Plant::new(|tables| tables.alarms[0].fails_to_alarm = true);
    plant.reads(0.0, 5.0);
    plant.says(1.0, WARM_UP);
    plant.reads(2.0, 5.0);
    for second in 3..61 {
        plant.reads(f64::from(second), 5.0);
        plant.says(f64::from(second), WARM_UP);
    }
    assert_eq!((plant.state(HIGH), plant.state(LOST)), (AlarmState::Suppressed, AlarmState::Normal));
    // No reading has to come for that.
    plant.passes(61.0);
    assert_eq!(plant.sample(), Sample::Bad(NoData::CheckOverdue));
    assert_eq!((plant.state(HIGH), plant.state(LOST)), (AlarmState::Unacked, AlarmState::Unacked));
    assert_eq!(plant.conditions(), [Condition::SensorCheckOverdue(GAS)]);
    plant.says(62.0, 1);
    plant.reads(62.0, 5.0);
    assert_eq!(plant.conditions(), []);
    assert_eq!(plant.state(LOST), AlarmState::RtnUnacked);
}

#[test]
fn a_fault_bit_makes_the_value_bad_at_once() {
    let mut plant = Plant::new(|_| {});
    plant.reads(0.0, 5.0);
    plant.says(1.0, BROKEN);
    assert_eq!(plant.sample(), Sample::Bad(NoData::SensorFailure));
    assert_eq!(plant.state(LOST), AlarmState::Unacked);
    plant.reads(2.0, 5.0);
    assert_eq!(plant.sample(), Sample::Bad(NoData::SensorFailure));
    plant.says(3.0, BROKEN + WARM_UP);
    assert_eq!(plant.conditions(), [Condition::SensorFailure(GAS)], "the most serious counts");
    plant.says(4.0, 1);
    plant.reads(4.0, 5.0);
    assert_eq!(plant.sample(), good(5.0));
}

#[test]
fn before_the_status_is_known_a_value_may_warn_and_never_reassures() {
    let mut plant = Plant::of(|_| {});
    plant.reads(0.0, 60.0);
    assert_eq!(plant.sample(), Sample::Suspect(number(60.0), Doubt::AfterFault));
    assert_eq!(plant.state(HIGH), AlarmState::Unacked, "nobody waits for a status");
    plant.reads(1.0, 5.0);
    assert_eq!(plant.state(HIGH), AlarmState::Unacked);
    plant.says(2.0, 1);
    plant.reads(2.0, 5.0);
    assert_eq!((plant.sample(), plant.state(HIGH)), (good(5.0), AlarmState::RtnUnacked));
    // A device that says first that it warms up holds the alarm back.
    let mut warm = Plant::of(|_| {});
    warm.says(0.0, WARM_UP);
    warm.reads(0.0, 60.0);
    assert_eq!(warm.state(HIGH), AlarmState::Suppressed);
    let mut blind = Plant::of(|tables| tables.points[1].stale_after = Duration::from_secs(3));
    blind.reads(2.0, 60.0);
    blind.passes(3.0);
    blind.reads(3.5, 60.0);
    assert_eq!(blind.state(HIGH), AlarmState::Unacked, "a status that never comes holds nothing back");
    assert_eq!(blind.conditions(), [Condition::SensorOutOfSpecification(GAS)]);
}

#[test]
fn a_function_check_of_which_nothing_is_heard_any_more_holds_no_alarm() {
    let mut plant = Plant::new(|_| {});
    plant.says(1.0, WARM_UP);
    plant.reads(1.0, 60.0);
    assert_eq!(plant.state(HIGH), AlarmState::Suppressed);
    plant.loses(2.0, STATE);
    plant.reads(3.0, 60.0);
    assert_eq!(plant.state(HIGH), AlarmState::Unacked);
    assert_eq!(plant.sample(), Sample::Suspect(number(60.0), Doubt::FunctionCheck));
    plant.reads(4.0, 5.0);
    assert_eq!(plant.state(HIGH), AlarmState::Unacked, "it is doubted, and ends nothing");
}

#[test]
fn a_high_alarm_comes_within_the_plan_although_its_status_cannot_be_read() {
    for fault in [LinkFault::Refused(Exception::IllegalAddress), LinkFault::Silent] {
        let mut plant = Plant::of(|tables| {
            tables.points[1].source.address = 100;
            tables.points[1].period = Duration::from_secs(200);
            tables.points[1].stale_after = Duration::from_secs(600);
        });
        let planned = predict(&plant.site).points[0].parts.unwrap().total();
        let (mut now, mut silent) = (Mono::ZERO, 0);
        while plant.state(HIGH) == AlarmState::Normal {
            assert!(now <= Mono::ZERO + planned, "{fault:?}: nothing until {now:?}, planned {planned:?}");
            plant.engine.handle_timeout(now);
            while let Some(output) = plant.engine.poll_output() {
                let Output::Read { bus, ticket, request, .. } = output else { continue };
                let is_status = request.start == 100;
                silent += u64::from(is_status && fault == LinkFault::Silent);
                let answered = now + Duration::from_millis(if is_status { 200 } else { 5 });
                let words = Ok(Words::Registers(vec![60]));
                let result = if is_status { Err(fault) } else { words };
                plant.engine.handle(answered, Input::Reply { bus, ticket, result });
                now = answered;
            }
            now = now.max(plant.engine.poll_timeout().unwrap().0);
        }
        assert!(silent < 3, "asked first, and again, and not for ever");
    }
}

#[test]
fn a_bypass_is_a_persons_and_wins_over_the_devices_word() {
    let mut plant = Plant::new(|_| {});
    plant.reads(0.0, 5.0);
    plant.says(1.0, WARM_UP);
    let action = Action::Bypass { point: GAS, approver: "boss".into(), lasts: LIMIT };
    let answer =
        plant.engine.command(at(2.0), Command { actor: "me".into(), action, note: "calibration".into() });
    assert_eq!(answer.changed, 1);
    plant.reads(3.0, 60.0);
    assert_eq!(plant.state(HIGH), AlarmState::OutOfService);
    assert_eq!(plant.sample(), Sample::Suspect(number(60.0), Doubt::Bypassed));
    plant.says(4.0, 1);
    plant.reads(4.0, 60.0);
    assert_eq!(plant.state(HIGH), AlarmState::OutOfService);
    plant.passes(62.0);
    plant.reads(62.0, 60.0);
    assert_eq!(plant.state(HIGH), AlarmState::Unacked);
}

/// A gas point on a loop of 0–100, its device's status word, and three alarms.
struct Plant {
    site: Arc<Site>,
    engine: Engine,
}

impl Plant {
    /// The status says that all is well.
    fn new(change: impl FnOnce(&mut SiteTables)) -> Self {
        let mut plant = Self::of(change);
        plant.says(0.0, 1);
        plant
    }

    fn of(change: impl FnOnce(&mut SiteTables)) -> Self {
        let mut tables = fixture::tables(1);
        tables.points = vec![fixture::point("GAS", 0), fixture::point("STATE", 0)];
        tables.points[1].stale_after = Duration::from_secs(3600);
        tables.points[0].range = Some((value(0.0), value(100.0)));
        let current = Current { zero: value(0.0), full: value(100.0), hold: HOLD };
        tables.sensors = vec![SensorSpec { point: GAS, current: Some(current), drift: None }];
        let row = |bit, trouble: Trouble| StatusSpec {
            source: STATE,
            test: Test::Bit(bit),
            of: vec![GAS],
            trouble,
            category: trouble.category(),
            limit: LIMIT,
        };
        tables.statuses = vec![row(1, Trouble::WarmUp), row(3, Trouble::Fault)];
        let level = Threshold { setpoint: value(25.0), ..Threshold::switch(Side::High) };
        tables.alarms = vec![
            AlarmSpec::new(GAS, AlarmKind::High, level),
            AlarmSpec::new(GAS, AlarmKind::Lost, Threshold::switch(Side::High)),
            AlarmSpec {
                signal: Signal::OverRange,
                latch: true,
                ..AlarmSpec::new(GAS, AlarmKind::OverRange, Threshold::switch(Side::High))
            },
        ];
        change(&mut tables);
        let site = Arc::new(Site::try_new(tables).unwrap());
        let engine = engine(&site, Mono::ZERO);
        Self { site, engine }
    }

    fn reads(&mut self, second: f64, gas: f64) {
        self.take(second, GAS, gas);
    }

    fn says(&mut self, second: f64, word: i32) {
        self.take(second, STATE, f64::from(word));
    }

    fn take(&mut self, second: f64, point: PointId, raw: f64) {
        let outside = point == GAS && !(0.0..=100.0).contains(&raw);
        let doubt = if raw < 0.0 { Doubt::UnderRange } else { Doubt::OverRange };
        let sample = if outside { Sample::Suspect(number(raw), doubt) } else { good(raw) };
        self.engine.take(at(second), Reading { point, sample });
    }

    fn loses(&mut self, second: f64, point: PointId) {
        let sample = Sample::Bad(NoData::Stale);
        self.engine.take(at(second), Reading { point, sample });
    }

    fn passes(&mut self, second: f64) {
        self.engine.handle_timeout(at(second));
    }

    fn asks(&mut self, second: f64, verb: Verb) -> Vec<Refusal> {
        let action = Action::Act(verb, None);
        let answer =
            self.engine.command(at(second), Command { actor: "me".into(), action, note: "x".into() });
        answer.refused.into_iter().map(|(_, why)| why).collect()
    }

    fn restarts(&mut self, second: f64) {
        let retained = self.engine.retained();
        self.engine = engine(&self.site, at(second));
        self.engine.resume(&retained, Some(Duration::from_secs(1)));
    }

    fn sample(&self) -> Sample {
        self.engine.snapshot().table.get(GAS).unwrap().sample.clone()
    }

    fn state(&self, alarm: AlarmId) -> AlarmState {
        let active = self.engine.active_alarms().into_iter().find(|active| active.alarm == alarm);
        active.map_or(AlarmState::Normal, |active| active.state)
    }

    fn category(&self) -> Option<Category> {
        self.engine.snapshot().categories[GAS.index()]
    }

    /// Conditions of sensors.
    fn conditions(&self) -> Vec<Condition> {
        let all = self.engine.standing_conditions().into_iter();
        all.filter(|condition| *condition >= Condition::SensorFailure(PointId(0))).collect()
    }
}

fn engine(site: &Arc<Site>, now: Mono) -> Engine {
    let start = Start { epoch: Epoch(1), utc: Utc::from_unix_ms(0), trust: ClockTrust::Free };
    Engine::new(Arc::clone(site), &start, now)
}

fn at(second: f64) -> Mono {
    Mono::ZERO + Duration::from_secs_f64(second)
}

fn value(raw: f64) -> Value {
    Value::try_new(raw).unwrap()
}

fn number(raw: f64) -> Quantity {
    Quantity::Number(value(raw))
}

fn good(raw: f64) -> Sample {
    Sample::Good(number(raw))
}
