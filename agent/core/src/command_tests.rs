//! What people do to the engine, and what of it outlives a restart.

use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

use crate::alarm::{AlarmKind, AlarmSpec, Priority};
use crate::annunciate::{OutputSpec, Role, Wiring};
use crate::id::{AlarmId, Epoch, PointId, ZoneId};
use crate::input::{Action, Answer, Command, Subject};
use crate::link::Words;
use crate::outbox::record::{AlarmState, Body, BypassChange, Cause, Condition, Record, Refusal, Verb};
use crate::reading::{Doubt, Sample};
use crate::site::{SiteTables, UplinkSpec};
use crate::{
    ClockTrust, Engine, Input, Mono, Output, Polarity, Side, Site, Start, Threshold, Utc, Value, fixture,
};

const HIGH: AlarmId = AlarmId(0);
const OTHER: AlarmId = AlarmId(1);
const GAS: PointId = PointId(0);
const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn a_bypass_silences_its_point_and_ends_by_itself() {
    let mut plant = Plant::new(|_| {});
    plant.reads(0, 30);
    assert!(plant.is_loud());
    assert_eq!(plant.asks(1, bypass(GAS, "boss", HOUR)).changed, 1);
    assert!(!plant.is_loud());
    assert_eq!(plant.state(HIGH), AlarmState::OutOfService);
    plant.reads(2, 30);
    let sample = plant.engine.snapshot().table.get(GAS).unwrap().sample.clone();
    assert!(matches!(sample, Sample::Suspect(_, Doubt::Bypassed)), "{sample:?}");
    plant.passes(3600);
    assert_eq!(plant.state(HIGH), AlarmState::OutOfService);
    plant.passes(3601);
    assert_eq!(plant.state(HIGH), AlarmState::Unacked);
    assert!(plant.is_loud());
    let changes: Vec<BypassChange> = plant
        .records()
        .into_iter()
        .filter_map(|record| match &record.body {
            Body::Bypass(event) => Some(event.change),
            _ => None,
        })
        .collect();
    assert_eq!(changes, [BypassChange::Begun { lasts: HOUR }, BypassChange::Expired]);
}

#[test]
fn a_bypass_without_what_it_needs_is_refused() {
    let mut plant = Plant::new(|tables| {
        tables.points[1].interlock = true;
        tables.practice.bypasses_max = 1;
    });
    let why = |answer: Answer| answer.refused[0].1;
    let max = Duration::from_secs(8 * 3600);
    assert_eq!(why(plant.asks_silently(0, bypass(GAS, "boss", HOUR))), Refusal::NoReason);
    assert_eq!(why(plant.asks(0, bypass(GAS, " ", HOUR))), Refusal::NoApprover);
    assert_eq!(why(plant.asks(0, bypass(PointId(1), "me", HOUR))), Refusal::SecondPerson);
    assert_eq!(why(plant.asks(0, bypass(GAS, "boss", Duration::ZERO))), Refusal::TooLong { max });
    assert_eq!(why(plant.asks(0, bypass(GAS, "boss", max * 2))), Refusal::TooLong { max });
    assert_eq!(why(plant.asks(0, bypass(PointId(9), "boss", HOUR))), Refusal::Unknown);
    assert_eq!(why(plant.asks(0, bypass(GAS, "Me", HOUR))), Refusal::SecondPerson, "a safety point");
    assert_eq!(plant.asks(0, bypass(GAS, "boss", HOUR)).changed, 1);
    assert_eq!(why(plant.asks(0, bypass(GAS, "boss", HOUR))), Refusal::BypassedAlready);
    assert_eq!(why(plant.asks(0, bypass(PointId(1), "boss", HOUR))), Refusal::TooMany { max: 1 });
    assert_eq!(why(plant.asks(0, Action::EndBypass(PointId(1)))), Refusal::NotBypassed);
    assert_eq!(plant.asks(0, Action::EndBypass(GAS)).changed, 1);
}

#[test]
fn a_site_may_let_one_person_bypass_a_safety_point_but_no_interlock() {
    let mut plant = Plant::new(|tables| {
        tables.points[1].interlock = true;
        tables.practice.bypass_second_person = false;
    });
    assert_eq!(plant.asks(0, bypass(GAS, "me", HOUR)).changed, 1);
    assert_eq!(plant.asks(0, bypass(PointId(1), "me", HOUR)).refused[0].1, Refusal::SecondPerson);
}

#[test]
fn a_reset_that_is_not_permitted_says_which_alarm_and_why() {
    let mut plant = Plant::new(|tables| tables.alarms[0].latch = true);
    plant.reads(0, 30);
    let answer = plant.asks(0, Action::Act(Verb::Reset, None));
    assert_eq!((answer.changed, answer.refused), (0, vec![(Subject::Alarm(HIGH), Refusal::Stands)]));
    plant.reads(1, 0);
    assert_eq!(plant.asks(1, Action::Act(Verb::Acknowledge, None)).changed, 1);
    assert_eq!(plant.asks(1, Action::Act(Verb::Reset, None)).changed, 1);
    assert_eq!(plant.state(HIGH), AlarmState::Normal);
    // Gas is in the deadband when the hold of twenty seconds is over.
    plant.reads(20, 24);
    assert_eq!(plant.state(HIGH), AlarmState::Normal);
    plant.passes(21);
    assert_eq!(plant.state(HIGH), AlarmState::Unacked);
}

#[test]
fn nobody_silences_or_acknowledges_what_is_raised_at_that_moment() {
    let mut plant = Plant::new(|tables| tables.alarms[0].threshold.on_delay = HOUR);
    plant.reads(0, 30);
    for verb in [Verb::Silence, Verb::Acknowledge] {
        // The delay ends within the command's own turn.
        assert_eq!(plant.asks(3600, Action::Act(verb, None)).changed, 0);
        assert!(plant.is_loud(), "{verb:?}");
    }
    assert_eq!(plant.asks(3601, Action::Act(Verb::Silence, None)).changed, 1);
}

#[test]
fn an_alarm_is_handled_with_a_cause_and_words_and_only_while_it_is_there() {
    let mut plant = Plant::new(|_| {});
    let handle = Action::Handle(HIGH, Cause::FalseAlarm);
    assert_eq!(plant.asks(0, handle.clone()).refused[0].1, Refusal::NothingToHandle);
    plant.reads(0, 30);
    assert_eq!(plant.asks_silently(0, handle.clone()).refused[0].1, Refusal::NoReason);
    assert_eq!(plant.asks(0, handle).changed, 1);
    assert!(plant.engine.active_alarms()[0].handled);
    assert!(plant.is_loud(), "to handle is not to acknowledge");
    plant.reads(1, 0);
    plant.reads(2, 30);
    assert!(!plant.engine.active_alarms()[0].handled, "another occurrence");
}

#[test]
fn a_button_acts_when_it_was_pressed_and_let_go_and_not_while_it_is_held() {
    let mut plant = Plant::new(|tables| tables.points[1].button = Some(Verb::Silence));
    plant.reads_both(0, 30, 1);
    for (at, closed) in [(1, 1), (2, 0), (3, 0), (4, 1), (5, 0), (6, 0)] {
        plant.reads_both(at, 30, closed);
        assert!(plant.is_loud(), "{at}: a button that was never seen open, then a read that may be a bounce");
    }
    for (at, closed) in [(7, 1), (8, 1), (9, 0)] {
        plant.reads_both(at, 30, closed);
        assert!(plant.is_loud(), "{at}: not yet let go");
    }
    plant.reads_both(10, 30, 0);
    assert!(!plant.is_loud());
    plant.reads_both(11, 0, 1);
    for at in 12..90 {
        plant.reads_both(at, 30, 1);
        assert!(plant.is_loud(), "a button that is held");
    }
    assert_eq!(plant.engine.standing_conditions(), [Condition::ButtonStuck(PointId(1))]);
    plant.reads_both(90, 30, 0);
    plant.reads_both(91, 30, 0);
    assert!(plant.is_loud(), "one that was stuck");
    assert_eq!(plant.engine.standing_conditions(), []);
    let actors: Vec<_> = plant
        .records()
        .into_iter()
        .filter_map(|record| match &record.body {
            Body::Action(action) => Some(action.actor.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(actors, ["P1"]);
}

#[test]
fn a_wire_that_flaps_silences_no_horn_and_is_told() {
    let mut plant = Plant::new(|tables| tables.points[1].button = Some(Verb::Silence));
    plant.reads_both(0, 30, 0);
    // Each 0.1 s, with reads each 0.2 s that drift against it.
    for read in 1..200_u64 {
        let ms = read * 230;
        plant.reads_at(ms, PointId(1), u16::from(ms / 100 % 2 == 1));
        plant.reads_at(ms, GAS, 30);
        assert!(plant.is_loud(), "{ms} ms");
    }
    assert_eq!(plant.engine.standing_conditions(), [Condition::ButtonFlapping(PointId(1))]);
}

#[test]
fn a_button_is_for_what_was_announced_when_its_press_began() {
    let mut plant = Plant::new(|tables| {
        tables.alarms[1].point = GAS;
        tables.alarms[1].threshold.setpoint = Value::from_i32(50);
        tables.points[1].button = Some(Verb::Acknowledge);
    });
    for (at, gas, closed) in [(0, 30, 0), (1, 30, 0), (2, 30, 1), (3, 60, 1), (4, 60, 0), (5, 60, 0)] {
        plant.reads_both(at, gas, closed);
    }
    assert_eq!((plant.state(HIGH), plant.state(OTHER)), (AlarmState::Acked, AlarmState::Unacked));
}

#[test]
fn what_was_raised_since_somebody_looked_is_not_acknowledged() {
    let mut plant = Plant::new(|_| {});
    plant.reads_both(0, 30, 0);
    let shown = plant.engine.snapshot().revision;
    plant.reads_both(0, 30, 30);
    let acknowledge = |revision| Action::ActOnShown { verb: Verb::Acknowledge, revision };
    let answer = plant.asks(1, acknowledge(shown));
    assert_eq!((answer.changed, answer.alarms), (1, vec![HIGH]));
    assert_eq!((plant.state(HIGH), plant.state(OTHER)), (AlarmState::Acked, AlarmState::Unacked));
    // It ends and comes again: what was shown is another one.
    let shown = plant.engine.snapshot().revision;
    plant.reads_both(2, 30, 0);
    plant.reads_both(3, 30, 30);
    assert_eq!(plant.asks(4, acknowledge(shown)).alarms, []);
    let shown = plant.engine.snapshot().revision;
    assert_eq!(plant.asks(5, acknowledge(shown)).alarms, [OTHER]);
}

#[test]
fn what_came_back_from_being_put_aside_since_somebody_looked_is_not_acknowledged() {
    let mut plant = Plant::new(|_| {});
    plant.reads_both(0, 30, 0);
    let lasts = Duration::from_secs(60);
    plant.asks(1, Action::Bypass { point: GAS, approver: "Li".into(), lasts });
    let shown = plant.engine.snapshot().revision;
    plant.reads_both(2, 0, 0);
    plant.asks(3, Action::EndBypass(GAS));
    assert!(plant.state(HIGH).is_unacked());
    // In the very moment nobody has heard it, and whoever looked before has seen it covered.
    assert_eq!(plant.asks(3, Action::Act(Verb::Acknowledge, None)).alarms, []);
    let acknowledge = |revision| Action::ActOnShown { verb: Verb::Acknowledge, revision };
    assert_eq!(plant.asks(4, acknowledge(shown)).alarms, []);
    let shown = plant.engine.snapshot().revision;
    assert_eq!(plant.asks(5, acknowledge(shown)).alarms, [HIGH]);
}

#[test]
fn the_first_alarm_of_a_zone_stays_marked_until_the_zone_is_quiet() {
    let mut plant = Plant::new(|_| {});
    plant.reads_both(0, 0, 30);
    plant.reads_both(1, 30, 30);
    assert_eq!(plant.first_up(), [OTHER]);
    plant.asks(2, Action::Act(Verb::Acknowledge, None));
    plant.reads_both(2, 30, 0);
    assert_eq!(plant.first_up(), [], "the first one is gone, and the mark is not given to another");
    plant.reads_both(3, 0, 0);
    plant.reads_both(4, 30, 0);
    assert_eq!(plant.first_up(), [HIGH]);
}

#[test]
fn zones_have_a_first_alarm_each() {
    let mut plant = Plant::new(|tables| tables.alarms[1].zone = ZoneId(1));
    plant.reads_both(0, 30, 30);
    assert_eq!(plant.first_up(), [HIGH, OTHER]);
}

#[test]
fn an_alarm_is_suppressed_only_while_its_switch_is_believed_to_be_closed() {
    let mut plant = Plant::new(|tables| tables.alarms[0].suppressed_while = Some(PointId(1)));
    plant.reads_both(0, 30, 1);
    assert_eq!(plant.state(HIGH), AlarmState::Suppressed);
    assert!(!plant.is_loud());
    // Nothing is known of the switch after three seconds.
    plant.reads(1, 30);
    plant.reads(2, 30);
    plant.reads(3, 30);
    plant.passes(4);
    assert_eq!(plant.state(HIGH), AlarmState::Unacked);
}

#[test]
fn what_was_unacked_is_unacked_and_sounding_after_a_restart() {
    let mut plant = Plant::new(|tables| {
        for alarm in &mut tables.alarms {
            alarm.latch = true;
        }
    });
    plant.reads_both(0, 0, 30);
    plant.reads_both(1, 30, 30);
    plant.asks(1, Action::Act(Verb::Silence, None));
    plant.asks(1, Action::Act(Verb::Acknowledge, Some(OTHER)));
    plant.restarts(2, Some(Duration::from_secs(600)));
    assert_eq!((plant.state(HIGH), plant.state(OTHER)), (AlarmState::Unacked, AlarmState::Acked));
    assert!(plant.is_loud());
    assert_eq!(plant.first_up(), [OTHER]);
}

#[test]
fn a_bypass_goes_on_after_a_restart_for_the_time_it_has_left() {
    for (away, left) in [
        (Some(Duration::from_secs(1800)), Some(1800)),
        (Some(HOUR), None),
        (Some(HOUR * 2), None),
        (None, None),
    ] {
        let mut plant = Plant::new(|_| {});
        plant.asks(0, bypass(GAS, "boss", HOUR));
        plant.restarts(0, away);
        let until = plant.engine.snapshot().bypasses.first().map(|bypass| bypass.until);
        assert_eq!(until, left.map(second), "{away:?}");
        plant.reads(1, 30);
        assert_eq!(plant.is_loud(), left.is_none(), "{away:?}");
    }
}

#[test]
fn a_configuration_that_allows_fewer_bypasses_arms_what_is_one_too_many() {
    let mut plant = Plant::new(|_| {});
    plant.asks(0, bypass(GAS, "boss", HOUR));
    plant.asks(0, bypass(PointId(1), "boss", HOUR));
    let mut tables = SiteTables::clone(&plant.site);
    tables.practice.bypasses_max = 1;
    plant.site = Arc::new(Site::try_new(tables).unwrap());
    plant.restarts(1, Some(Duration::ZERO));
    let standing: Vec<PointId> = plant.engine.snapshot().bypasses.iter().map(|bypass| bypass.point).collect();
    assert_eq!(standing, [GAS]);
    plant.reads_both(2, 30, 30);
    assert_eq!((plant.state(HIGH), plant.state(OTHER)), (AlarmState::OutOfService, AlarmState::Unacked));
}

#[test]
fn a_flood_and_a_chattering_alarm_are_conditions() {
    let mut plant = Plant::new(|_| {});
    for turn in 0..11 {
        plant.reads(turn * 2, 30);
        plant.reads(turn * 2 + 1, 0);
    }
    plant.passes(30);
    let conditions = plant.engine.standing_conditions();
    assert!(conditions.contains(&Condition::AlarmFlood), "{conditions:?}");
    assert!(conditions.contains(&Condition::AlarmChatter(HIGH)), "{conditions:?}");
    plant.passes(700);
    let conditions = plant.engine.standing_conditions();
    assert!(
        !conditions
            .iter()
            .any(|condition| { matches!(condition, Condition::AlarmFlood | Condition::AlarmChatter(_)) }),
        "{conditions:?}"
    );
}

/// One device with two points, P0 and P1, each with a high alarm at 25, and a horn on the gateway's own line.
struct Plant {
    site: Arc<Site>,
    engine: Engine,
    horn: bool,
    records: Vec<Arc<Record>>,
}

impl Plant {
    fn new(change: fn(&mut SiteTables)) -> Self {
        let mut tables = fixture::tables(1);
        for (address, tag) in [(0, "P0"), (1, "P1")] {
            let mut point = fixture::point(tag, 0);
            point.source.address = address;
            tables.points.push(point);
        }
        let limit = Threshold {
            setpoint: Value::from_i32(25),
            deadband: Value::from_i32(2),
            ..Threshold::switch(Side::High)
        };
        tables.alarms = vec![
            AlarmSpec::new(GAS, AlarmKind::High, limit),
            AlarmSpec::new(PointId(1), AlarmKind::High, limit),
        ];
        tables.outputs = vec![OutputSpec {
            name: "horn".into(),
            role: Role::Horn(Priority::Low),
            wiring: Wiring::Gpio,
            polarity: Polarity::EnergiseToAlarm,
        }];
        tables.uplinks = vec![UplinkSpec {
            name: "u".into(),
            window: 100,
            message_records_max: 100,
            ..UplinkSpec::default()
        }];
        change(&mut tables);
        let site = Arc::new(Site::try_new(tables).unwrap());
        let engine = engine(&site, Mono::ZERO);
        let mut plant = Self { site, engine, horn: false, records: Vec::new() };
        plant.engine.handle(Mono::ZERO, up());
        plant.drain();
        plant
    }

    /// The device is polled at this second and shows these values.
    fn reads_both(&mut self, at: u64, first: u16, other: u16) {
        self.poll(at, Ok(Words::Registers(vec![first, other])));
    }

    /// The same for the first point; nothing comes from the other one.
    fn reads(&mut self, at: u64, first: u16) {
        let reading = crate::reading::Reading {
            point: GAS,
            sample: Sample::Good(crate::reading::Quantity::Number(Value::from_i32(i32::from(first)))),
        };
        self.engine.take(second(at), reading);
        self.drain();
    }

    fn reads_at(&mut self, ms: u64, point: PointId, word: u16) {
        let number = Value::from_i32(i32::from(word));
        let sample = Sample::Good(crate::reading::Quantity::Number(number));
        self.engine.take(Mono::from_millis(ms), crate::reading::Reading { point, sample });
        self.drain();
    }

    fn poll(&mut self, at: u64, words: crate::link::ReadResult) {
        let words = match words {
            Ok(Words::Registers(words)) => words,
            _ => return,
        };
        for (point, word) in (0..).map(PointId).zip(words) {
            let number = Value::from_i32(i32::from(word));
            let sample = Sample::Good(crate::reading::Quantity::Number(number));
            self.engine.take(second(at), crate::reading::Reading { point, sample });
        }
        self.drain();
    }

    fn asks(&mut self, at: u64, action: Action) -> Answer {
        self.says(at, action, "because")
    }

    fn asks_silently(&mut self, at: u64, action: Action) -> Answer {
        self.says(at, action, "")
    }

    fn says(&mut self, at: u64, action: Action, note: &str) -> Answer {
        let command = Command { actor: "me".into(), action, note: note.into() };
        let answer = self.engine.command(second(at), command);
        self.drain();
        answer
    }

    fn passes(&mut self, at: u64) {
        self.engine.handle_timeout(second(at));
        self.drain();
    }

    /// The gateway restarts at this second after having been away.
    fn restarts(&mut self, at: u64, away: Option<Duration>) {
        let retained = self.engine.retained();
        self.engine = engine(&self.site, second(at));
        self.engine.resume(&retained, away);
        self.passes(at);
    }

    fn drain(&mut self) {
        while let Some(output) = self.engine.poll_output() {
            match output {
                Output::Drive(panel) => self.horn = panel.energised[0],
                Output::Publish(publish) => self.records.extend(publish.records),
                _ => {}
            }
        }
    }

    fn records(&mut self) -> Vec<Arc<Record>> {
        // Without a journal, nothing is numbered before three seconds have passed.
        let reached = self.engine.reached();
        self.engine.handle_timeout(reached + Duration::from_secs(4));
        self.drain();
        self.records.sort_by_key(|record| record.seq);
        self.records.clone()
    }

    fn state(&self, alarm: AlarmId) -> AlarmState {
        let active = self.engine.active_alarms().into_iter().find(|active| active.alarm == alarm);
        active.map_or(AlarmState::Normal, |active| active.state)
    }

    fn first_up(&self) -> Vec<AlarmId> {
        self.engine
            .active_alarms()
            .iter()
            .filter(|active| active.first_up)
            .map(|active| active.alarm)
            .collect()
    }

    const fn is_loud(&self) -> bool {
        self.horn
    }
}

fn engine(site: &Arc<Site>, now: Mono) -> Engine {
    let start = Start { epoch: Epoch(1), utc: Utc::from_unix_ms(0), trust: ClockTrust::Free };
    Engine::new(Arc::clone(site), &start, now)
}

fn up() -> Input {
    Input::Uplink { uplink: crate::id::UplinkId(0), report: crate::input::UplinkReport::Up }
}

fn bypass(point: PointId, approver: &str, lasts: Duration) -> Action {
    Action::Bypass { point, approver: approver.into(), lasts }
}

fn second(second: u64) -> Mono {
    Mono::from_millis(second * 1000)
}
