//! Calls in the running engine: from an alarm to an order, to what a person says, through restarts.

use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

use crate::alarm::{AlarmKind, AlarmSpec, Priority, Withheld};
use crate::annunciate::{OutputSpec, Role, Wiring};
use crate::call::{
    CallEvent, CallFault, CallPlan, CallReport, Change, DeliveryFault, How, Ladder, LadderFault, Order,
    RoleSpec, Withdrawal,
};
use crate::id::{AlarmId, Epoch, KeyPeriodId, PointId, RoleId, UplinkId};
use crate::input::{Action, Answer, Command, JournalReport, Subject, UplinkReport};
use crate::outbox::record::{Body, Condition, Record, Refusal, Verb};
use crate::period::KeyPeriodSpec;
use crate::reading::{Quantity, Reading, Sample};
use crate::site::{SiteFault, SiteTables, UplinkSpec};
use crate::{
    ClockTrust, Engine, Input, Mono, Output, Polarity, Side, Site, Start, Threshold, Utc, Value, fixture,
};

const GAS: PointId = PointId(0);
const RED: AlarmId = AlarmId(0);
const BLUE: AlarmId = AlarmId(1);
const DUTY: RoleId = RoleId(0);
const LEADER: RoleId = RoleId(1);
const PERIOD: Condition = Condition::KeyPeriod(KeyPeriodId(0));

#[test]
fn an_alarm_calls_after_it_sounded_and_an_acknowledgement_answers() {
    let mut shift = Shift::new();
    shift.reads(1_000, 60);
    let drive = shift.outputs.iter().position(|output| output == "drive");
    let call = shift.outputs.iter().position(|output| output == "call");
    assert!(drive.unwrap() < call.unwrap(), "{:?}", shift.outputs);
    let order = shift.ordered();
    assert_eq!((order.role, order.alarms.len(), order.alarms[0].alarm), (DUTY, 1, RED));
    shift.reports(2_000, &order, CallReport::Delivered);
    shift.reads(61_000, 60);
    shift.asks(61_500, Action::Act(Verb::Acknowledge, None));
    assert_eq!(shift.story(), ["opened", "ordered", "delivered", "answered by Wang: acknowledged"]);
    assert!(shift.engine.snapshot().calls.is_empty());
    shift.passes(3_600_000);
    assert_eq!(shift.orders, []);
}

#[test]
fn what_comes_back_unacknowledged_from_a_bypass_is_called_for_again() {
    let mut shift = Shift::new();
    shift.reads(1_000, 60);
    let lasts = Duration::from_secs(60);
    shift.asks(2_000, Action::Bypass { point: GAS, approver: "Li".into(), lasts });
    shift.reads(3_000, 0);
    shift.asks(4_000, Action::EndBypass(GAS));
    assert!(shift.engine.plant.alarms[RED.index()].is_unacked());
    assert_eq!(shift.story(), ["opened", "ordered", "withdrawn", "opened"]);
}

#[test]
fn nobody_is_called_for_a_colour_without_a_ladder() {
    let mut shift = Shift::new();
    shift.reads(1_000, 20);
    assert!(shift.engine.plant.alarms[BLUE.index()].is_unacked());
    shift.passes(7_200_000);
    assert_eq!((shift.story(), shift.orders), (vec![], vec![]));
}

#[test]
fn a_role_that_cannot_be_reached_is_a_condition_and_the_next_rung_is_called_at_once() {
    let mut shift = Shift::new();
    shift.reads(1_000, 60);
    let order = shift.ordered();
    let reason = "no route".to_string();
    shift.reports(2_000, &order, CallReport::Failed { fault: DeliveryFault::Unreachable, reason });
    assert_eq!(shift.conditions(), [Condition::CallFailed(DUTY)]);
    let event = shift.calls().into_iter().find(|event| matches!(event.change, Change::Failed { .. }));
    assert_eq!(event.unwrap().note, "no route");
    let next = shift.ordered();
    assert_eq!((next.role, next.rung()), (LEADER, 1));
    let state = shift.engine.snapshot().calls.remove(0);
    assert_eq!((state.call.rung, state.roles), (Some(1), vec![LEADER]));
    shift.reports(2_500, &next, CallReport::Delivered);
    // A new alarm, and the role is reached again.
    shift.asks(3_000, Action::Act(Verb::Acknowledge, None));
    assert_eq!(shift.conditions(), [Condition::CallFailed(DUTY)], "an answer repairs nothing");
    shift.reads(100_000, 0);
    shift.reads(200_000, 60);
    let order = shift.ordered();
    shift.reports(201_000, &order, CallReport::Delivered);
    assert_eq!(shift.conditions(), []);
}

#[test]
fn an_answer_from_afar_ends_the_call_and_acknowledges_nothing() {
    let mut shift = Shift::new();
    shift.reads(1_000, 60);
    let order = shift.ordered();
    let said = CallReport::Answered { by: "Li".into(), note: "on my way".into(), channel: "duty".into() };
    shift.reports(9_000, &order, said);
    assert!(shift.engine.plant.alarms[RED.index()].sounds(), "the horn goes on");
    let last = shift.calls().pop().unwrap();
    assert_eq!(last.note, "on my way");
    let how = How::Said { role: Some(DUTY), channel: "duty".into() };
    let (alarm, after) = (RED, Duration::from_secs(8));
    assert_eq!(last.change, Change::Answered { alarm, by: "Li".into(), how, after });
    shift.restarts(Some(Duration::from_secs(5)));
    shift.passes(3_600_000);
    assert_eq!(shift.orders, [], "nor after a restart");
}

#[test]
fn somebody_answers_on_the_gateway_once() {
    let mut shift = Shift::new();
    shift.reads(1_000, 60);
    shift.ordered();
    assert_eq!(shift.asks(5_000, Action::Answer(RED)).changed, 1);
    assert_eq!(shift.story().last().unwrap(), "answered by Wang: cli");
    let refused = vec![(Subject::Alarm(RED), Refusal::NothingToHandle)];
    assert_eq!(shift.asks(6_000, Action::Answer(RED)).refused, refused);
    let refused = vec![(Subject::Alarm(AlarmId(9)), Refusal::Unknown)];
    assert_eq!(shift.asks(6_000, Action::Answer(AlarmId(9))).refused, refused);
}

#[test]
fn what_is_put_aside_is_withdrawn_and_called_for_when_it_is_back() {
    let mut shift = Shift::new();
    shift.reads(1_000, 60);
    shift.ordered();
    let (approver, lasts) = ("Zhao".to_string(), Duration::from_secs(600));
    shift.asks(2_000, Action::Bypass { point: GAS, approver, lasts });
    let why = Withdrawal::Withheld(Withheld::OutOfService);
    assert_eq!(shift.calls().pop().unwrap().change, Change::Withdrawn { alarm: RED, why });
    shift.asks(90_000, Action::EndBypass(GAS));
    shift.reads(90_001, 60);
    assert_eq!(shift.ordered().role, DUTY);
}

#[test]
fn an_open_call_outlives_a_restart_and_one_that_was_never_kept_is_opened() {
    let mut shift = Shift::new();
    shift.reads(1_000, 60);
    shift.ordered();
    shift.restarts(Some(Duration::from_secs(301)));
    let orders: Vec<_> = core::mem::take(&mut shift.orders).iter().map(|order| order.role).collect();
    assert_eq!(orders, [DUTY, LEADER], "its rung again, and the one whose time came meanwhile");
    assert!(!shift.story().iter().any(|step| step.starts_with("withdrawn")));
    let mut retained = shift.engine.retained();
    retained.calls = crate::call::Kept::default();
    shift.takes_up(&retained, None);
    assert_eq!(shift.ordered().role, DUTY, "as if it had just been announced");
    // Nobody needs to be called for what is not unacknowledged.
    let mut retained = shift.engine.retained();
    retained.alarms.clear();
    shift.takes_up(&retained, None);
    assert_eq!((shift.orders.len(), shift.engine.snapshot().calls.len()), (0, 0));
}

#[test]
fn a_key_period_shortens_the_rungs_to_the_moment_and_its_end_lengthens_none() {
    let mut shift = Shift::of(in_key_period(100));
    shift.reads(1_250, 60);
    let order = shift.ordered();
    shift.reports(2_000, &order, CallReport::Delivered);
    shift.passes(151_249);
    assert!(shift.orders.is_empty() && !shift.engine.standing_conditions().contains(&PERIOD));
    shift.passes(151_250);
    assert_eq!(shift.ordered().role, LEADER);
}

#[test]
fn a_restart_within_a_key_period_is_in_it() {
    let mut shift = Shift::of(in_key_period(3_600));
    shift.restarts(None);
    shift.reads(1_250, 60);
    let order = shift.ordered();
    shift.reports(2_000, &order, CallReport::Delivered);
    shift.passes(151_250);
    assert_eq!(shift.ordered().role, LEADER);
}

#[test]
fn a_ladder_that_makes_no_sense_is_no_site() {
    let mut tables = tables();
    let mut plan = CallPlan::usual(vec![RoleSpec { name: "duty".into() }]);
    plan.ladders[3].rungs[0].roles.clear();
    tables.calls = Arc::new(plan);
    let fault = CallFault::Ladder(Priority::Critical, LadderFault::Empty { rung: 0 });
    assert_eq!(Site::try_new(tables).unwrap_err(), [SiteFault::Call(fault)]);
}

struct Shift {
    site: Arc<Site>,
    engine: Engine,
    records: Vec<Arc<Record>>,
    orders: Vec<Order>,
    outputs: Vec<String>,
}

impl Shift {
    fn new() -> Self {
        Self::of(tables())
    }

    fn of(tables: SiteTables) -> Self {
        let site = Arc::new(Site::try_new(tables).unwrap());
        let engine = Self::engine(&site);
        let mut shift = Self { site, engine, records: vec![], orders: vec![], outputs: vec![] };
        shift.begins();
        shift.reads(0, 0);
        shift.outputs.clear();
        shift
    }

    fn engine(site: &Arc<Site>) -> Engine {
        let start = Start { epoch: Epoch(1), utc: Utc::from_unix_ms(0), trust: ClockTrust::Synced };
        Engine::new(Arc::clone(site), &start, Mono::ZERO)
    }

    /// Records are numbered once the journal has answered.
    fn begins(&mut self) {
        let opened = JournalReport::Opened { epoch: Epoch(1), ordinal: 1, previous: vec![], past: vec![] };
        self.engine.handle(Mono::ZERO, Input::Journal(opened));
        self.says(UplinkReport::Up);
    }

    fn restarts(&mut self, away: Option<Duration>) {
        let retained = self.engine.retained();
        self.takes_up(&retained, away);
    }

    fn takes_up(&mut self, retained: &crate::retentive::Retained, away: Option<Duration>) {
        self.engine = Self::engine(&self.site);
        self.orders.clear();
        self.engine.resume(retained, away);
        self.begins();
        self.passes(0);
    }

    fn reads(&mut self, ms: u64, value: i32) {
        let sample = Sample::Good(Quantity::Number(Value::from_i32(value)));
        self.engine.take(Mono::from_millis(ms), Reading { point: GAS, sample });
        self.drain();
    }

    fn reports(&mut self, ms: u64, order: &Order, report: CallReport) {
        self.engine.handle(Mono::from_millis(ms), Input::Call { attempt: order.attempt, report });
        self.drain();
    }

    fn asks(&mut self, ms: u64, action: Action) -> Answer {
        let command = Command { actor: "Wang".into(), action, note: "because".into() };
        let answer = self.engine.command(Mono::from_millis(ms), command);
        self.drain();
        answer
    }

    /// Lets time pass as the run loop does, from deadline to deadline.
    fn passes(&mut self, ms: u64) {
        let until = Mono::from_millis(ms);
        while let Some((at, _)) = self.engine.poll_timeout().filter(|(at, _)| *at <= until) {
            self.engine.handle_timeout(at.max(self.engine.now()));
            self.drain();
        }
    }

    fn drain(&mut self) {
        while let Some(output) = self.engine.poll_output() {
            match output {
                Output::Publish(publish) => {
                    self.records.extend(publish.records);
                    self.says(UplinkReport::Acked(publish.message));
                }
                Output::Call(order) => {
                    self.outputs.push("call".into());
                    self.orders.push(order);
                }
                Output::Drive(_) => self.outputs.push("drive".into()),
                _ => {}
            }
        }
    }

    fn says(&mut self, report: UplinkReport) {
        self.engine.handle(self.engine.now(), Input::Uplink { uplink: UplinkId(0), report });
    }

    /// The one order that was given since it was last asked for.
    fn ordered(&mut self) -> Order {
        let orders = core::mem::take(&mut self.orders);
        assert_eq!(orders.len(), 1, "{orders:?}");
        orders[0].clone()
    }

    fn conditions(&self) -> Vec<Condition> {
        let conditions = self.engine.standing_conditions().into_iter();
        conditions.filter(|condition| matches!(condition, Condition::CallFailed(_))).collect()
    }

    fn calls(&self) -> Vec<CallEvent> {
        let event = |record: &Arc<Record>| match &record.body {
            Body::Call(event) => Some(event.clone()),
            _ => None,
        };
        self.records.iter().filter_map(event).collect()
    }

    fn story(&self) -> Vec<String> {
        let word = |event: CallEvent| match event.change {
            Change::Opened { .. } => "opened".into(),
            Change::Ordered(_) => "ordered".into(),
            Change::Delivered { .. } => "delivered".into(),
            Change::Failed { .. } => "failed".into(),
            Change::Answered { by, how: How::Acknowledged, .. } => {
                alloc::format!("answered by {by}: acknowledged")
            }
            Change::Answered { by, how: How::Said { channel, .. }, .. } => {
                alloc::format!("answered by {by}: {channel}")
            }
            Change::Withdrawn { .. } => "withdrawn".into(),
            Change::Exhausted { .. } => "exhausted".into(),
        };
        self.calls().into_iter().map(word).collect()
    }
}

/// The same site in a key period that ends after so many seconds.
fn in_key_period(seconds: i64) -> SiteTables {
    let (from, until) = (Utc::from_unix_ms(-1), Utc::from_unix_ms(seconds * 1_000));
    let period = KeyPeriodSpec { name: "x".into(), from, until, bypass_allowed: true };
    SiteTables { key_periods: vec![period], ..tables() }
}

/// One detector with a red and a blue alarm, a horn, and two roles on the usual ladders.
fn tables() -> SiteTables {
    let above = |setpoint| Threshold { setpoint: Value::from_i32(setpoint), ..Threshold::switch(Side::High) };
    let alarm =
        |kind, setpoint, priority| AlarmSpec { priority, ..AlarmSpec::new(GAS, kind, above(setpoint)) };
    let role = |name: &str| RoleSpec { name: name.into() };
    let plan = CallPlan::usual(vec![role("duty"), role("leader")]);
    assert_eq!(plan.ladder(Priority::Low), &Ladder::default());
    SiteTables {
        points: vec![fixture::point("GT-1", 0)],
        alarms: vec![
            alarm(AlarmKind::HighHigh, 50, Priority::Critical),
            alarm(AlarmKind::High, 10, Priority::Low),
        ],
        outputs: vec![OutputSpec {
            name: "horn".into(),
            role: Role::Horn(Priority::Low),
            wiring: Wiring::Gpio,
            polarity: Polarity::DeEnergiseToAlarm,
        }],
        calls: Arc::new(plan),
        uplinks: vec![UplinkSpec {
            name: "u".into(),
            window: 100,
            message_records_max: 100,
            ..UplinkSpec::default()
        }],
        ..fixture::tables(1)
    }
}
