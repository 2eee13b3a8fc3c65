//! Upkeep in the running engine: from the word of a person and the samples of a point to a date, a lamp and a record.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

use crate::alarm::{AlarmKind, AlarmSpec};
use crate::annunciate::{OutputSpec, Role, Wiring};
use crate::figures::KeptFigures;
use crate::id::{AlarmId, Epoch, OutputId, PointId, TripId, UpkeepId, UplinkId};
use crate::input::{Action, Answer, Command, JournalReport, Subject, UplinkReport};
use crate::interlock::{Cause, FeedbackSpec, Matrix, Permissive, ProveSpec, TripSpec};
use crate::link::Words;
use crate::outbox::record::{Body, Condition, Record, Refusal, SystemEvent};
use crate::site::{SiteFault, SiteTables, UplinkSpec};
use crate::upkeep::share::{Count, DayShares, KeptShare, Served};
use crate::upkeep::{
    DAY, Due, Duty, Effect, Failure, Limits, Mark, Outcome, UpkeepEvent, UpkeepFault, UpkeepSpec,
};
use crate::{ClockTrust, Engine, Input, Mono, Output, Polarity, Side, Site, Start, Threshold, Utc, Value};
use crate::{fixture, point::PointSpec};

const GAS: PointId = PointId(0);
const SHUT: PointId = PointId(1);
const PRESSURE: PointId = PointId(2);
const CALIBRATION: UpkeepId = UpkeepId(0);
const PROOF: UpkeepId = UpkeepId(1);
const GAUGE: UpkeepId = UpkeepId(2);
const HIGH: AlarmId = AlarmId(0);
const VALVE: TripId = TripId(0);
const LAMP: usize = 1;
const TODAY: i64 = 20_000;

#[test]
fn a_calibration_needs_a_bypass_and_two_persons_and_trips_nothing() {
    let mut plant = Plant::new();
    let begin = |approver: &str| begin(CALIBRATION, Some(approver), Some(60));
    let about = Subject::Upkeep(CALIBRATION);
    assert_eq!(plant.asks(begin("Li")).refused, [(about, Refusal::NeedsBypass)]);
    plant.bypasses(GAS, 3600);
    assert_eq!(plant.asks(begin("Wang")).refused, [(about, Refusal::SecondPerson)]);
    assert_eq!(plant.asks(begin(" ")).refused, [(about, Refusal::NoApprover)]);
    assert!(plant.stands(Condition::UpkeepDue(CALIBRATION)), "never done");
    assert_eq!(plant.asks(begin("Li")), Answer { changed: 1, ..Answer::default() });
    assert_eq!(plant.asks(begin("Li")).refused, [(about, Refusal::RunsAlready)]);
    plant.gas(60, 10);
    plant.gas(0, 10);
    let evidence = plant.asks(Action::FinishTest(CALIBRATION)).evidence.unwrap();
    assert_eq!(evidence.outcome, Outcome::Passed);
    assert_eq!(
        evidence.findings.plateau,
        Some(Value::from_i32(60)),
        "what a bypassed point shows counts here"
    );
    assert_eq!((evidence.begun.actor.as_str(), evidence.begun.approver.as_deref()), ("Wang", Some("Li")));
    assert!(evidence.seen.alarms.is_empty() && plant.engine.locks.trips()[0].state().is_ready());
    assert!(!plant.stands(Condition::UpkeepDue(CALIBRATION)));
    let steps = plant.steps();
    assert_eq!(steps.len(), 4, "{steps:?}");
    assert!(matches!(&steps[0], UpkeepEvent::Begun(begun) if begun.reason == "bottle 7"));
    assert!(matches!(&steps[1], UpkeepEvent::Marked { mark: Mark::Applied, actor, .. } if actor == "Wang"));
    let UpkeepEvent::Ended { evidence: kept, actor, note } = &steps[3] else { panic!("{steps:?}") };
    assert_eq!((kept, actor.as_deref(), note.as_str()), (&evidence, Some("Wang"), "bottle 7"));
}

#[test]
fn a_proof_test_needs_an_armed_point_and_sees_alarm_trip_and_feedback() {
    let mut plant = Plant::new();
    plant.bypasses(GAS, 60);
    let refused = plant.asks(begin(PROOF, Some("Li"), None)).refused;
    assert_eq!(refused, [(Subject::Upkeep(PROOF), Refusal::NeedsArmed)]);
    plant.passes(61);
    plant.asks(begin(PROOF, Some("Li"), None));
    plant.asks(Action::MarkTest(PROOF, Mark::Applied));
    plant.values[0] = 60;
    plant.passes(3);
    plant.values[1] = 1;
    plant.passes(3);
    plant.asks(Action::MarkTest(PROOF, Mark::Removed));
    plant.values[0] = 0;
    plant.passes(5);
    let evidence = plant.asks(Action::FinishTest(PROOF)).evidence.unwrap();
    assert_eq!(evidence.outcome, Outcome::Passed, "{evidence:?}");
    let (alarm, trip) = (evidence.seen.alarms[0], evidence.seen.trips[0]);
    assert_eq!((alarm.alarm, trip.trip), (HIGH, VALVE));
    assert!(alarm.down > Some(alarm.up), "{alarm:?}");
    assert!(trip.took().is_some_and(|took| took > Duration::from_secs(1)), "{trip:?}");
}

#[test]
fn what_did_not_happen_is_said_and_stands_until_a_test_is_passed() {
    let mut plant = Plant::new();
    plant.asks(begin(PROOF, Some("Li"), None));
    plant.asks(Action::MarkTest(PROOF, Mark::Applied));
    plant.values[0] = 60;
    // The valve does not shut: the feedback contradicts the trip.
    plant.passes(10);
    let evidence = plant.asks(Action::FinishTest(PROOF)).evidence.unwrap();
    assert_eq!(evidence.outcome, Outcome::Failed(vec![Failure::NotProven(VALVE)]));
    assert!(evidence.seen.trips[0].discrepant.is_some());
    assert!(plant.stands(Condition::UpkeepFailing(PROOF)));
    plant.values[0] = 0;
    plant.passes(3);
    // The trip is held: gas moves nothing now.
    plant.asks(begin(PROOF, Some("Li"), None));
    plant.gas(60, 5);
    let evidence = plant.asks(Action::FinishTest(PROOF)).evidence.unwrap();
    let Outcome::Failed(failures) = &evidence.outcome else { panic!("{evidence:?}") };
    assert!(failures.contains(&Failure::TripDidNotMove(VALVE)), "{failures:?}");
}

#[test]
fn a_date_that_comes_is_a_condition_that_lights_the_lamp() {
    let mut plant = Plant::of(|tables| {
        tables.upkeep.retain(|duty| duty.point == PRESSURE);
    });
    let due = Condition::UpkeepDue(UpkeepId(0));
    let standing = |plant: &Plant| plant.engine.snapshot().upkeep[0].due;
    plant.passes(1);
    assert_eq!((standing(&plant), plant.stands(due), plant.is_lit()), (Due::Fine, false, false));
    plant.clock(88, ClockTrust::Synced);
    assert_eq!((standing(&plant), plant.stands(due), plant.is_lit()), (Due::DueSoon, false, false));
    plant.clock(89, ClockTrust::Synced);
    assert_eq!((standing(&plant), plant.stands(due), plant.is_lit()), (Due::Overdue, true, true));
    plant.clock(80, ClockTrust::Free);
    assert!(plant.stands(due), "a clock that nobody confirms makes nothing fine");
}

#[test]
fn a_date_that_comes_between_two_readings_of_the_clock_wakes_the_engine() {
    let mut plant = Plant::of(|tables| {
        tables.upkeep.retain(|duty| duty.point == PRESSURE);
        tables.upkeep[0].last_done = Some(Utc::from_unix_ms(day(TODAY - 90).unix_ms() + 14_500));
    });
    let due = Condition::UpkeepDue(UpkeepId(0));
    plant.passes(9);
    assert!(!plant.stands(due));
    let wakes = Some((Mono::from_millis(14_500), "a date of upkeep may come"));
    assert_eq!(plant.engine.plant.poll_timeout(), wakes);
    plant.passes(2);
    assert!(plant.stands(due));
}

#[test]
fn a_test_that_nobody_finishes_ends_by_itself_and_one_given_up_fails() {
    let mut plant = Plant::new();
    plant.bypasses(PRESSURE, 7200);
    assert_eq!(
        plant.asks(begin(GAUGE, None, None)).refused,
        [(Subject::Upkeep(GAUGE), Refusal::NothingApplied)]
    );
    plant.asks(begin(GAUGE, None, Some(5)));
    plant.passes(1800);
    assert!(plant.stands(Condition::UpkeepFailing(GAUGE)));
    let mut steps = plant.steps();
    let Some(UpkeepEvent::Ended { evidence, actor: None, .. }) = steps.pop() else { panic!("{steps:?}") };
    let Outcome::Failed(failures) = evidence.outcome else { panic!("passed") };
    assert!(failures.contains(&Failure::TimedOut));
    assert_eq!(plant.asks(Action::AbortTest(GAUGE)).refused, [(Subject::Upkeep(GAUGE), Refusal::NotRunning)]);
    plant.asks(begin(GAUGE, None, Some(5)));
    let evidence = plant.asks(Action::AbortTest(GAUGE)).evidence.unwrap();
    assert_eq!(evidence.outcome, Outcome::Failed(vec![Failure::Aborted]));
    for (action, refusal) in [
        (Action::MarkTest(GAUGE, Mark::Applied), Refusal::NotRunning),
        (begin(UpkeepId(9), None, None), Refusal::Unknown),
    ] {
        assert_eq!(plant.asks(action).refused[0].1, refusal);
    }
}

#[test]
fn dates_failures_and_running_tests_outlive_a_restart() {
    let mut plant = Plant::new();
    plant.bypasses(PRESSURE, 7200);
    plant.asks(begin(GAUGE, None, Some(5)));
    plant.values[2] = 0;
    plant.passes(2);
    plant.asks(Action::MarkTest(GAUGE, Mark::Applied));
    plant.values[2] = 5;
    plant.passes(2);
    plant.asks(Action::FinishTest(GAUGE));
    plant.asks(begin(PROOF, Some("Li"), None));
    plant.restarts(None);
    let standing = plant.engine.snapshot().upkeep;
    let passed = standing[GAUGE.index()].passed.unwrap();
    assert!(passed.unix_ms() >= day(TODAY).unix_ms(), "{passed:?}");
    assert!(plant.stands(Condition::UpkeepFailing(PROOF)));
    let mut steps = plant.steps();
    let Some(UpkeepEvent::Ended { evidence, .. }) = steps.pop() else { panic!("{steps:?}") };
    assert_eq!(evidence.outcome, Outcome::Failed(vec![Failure::Restarted]));
    assert_eq!(evidence.begun.upkeep, PROOF);
}

#[test]
fn the_figures_count_points_and_trips_and_a_day_of_them_is_a_record() {
    let mut plant = Plant::new();
    plant.passes(5);
    let now = plant.engine.snapshot().figures;
    // The detector and its feedback are interlock points; the trip serves.
    assert_eq!(now.interlocks.now, Count { serving: 3, of: 3 });
    assert_eq!(now.healthy.now, Count { serving: 3, of: 3 });
    plant.bypasses(GAS, 3600);
    plant.passes(2);
    let now = plant.engine.snapshot().figures;
    assert_eq!(now.interlocks.now, Count { serving: 1, of: 3 }, "its only cause is bypassed");
    assert_eq!(now.healthy.now, Count { serving: 2, of: 3 });
    let hour = |hours: u64| Duration::from_secs(3600 * hours);
    let running = Served { serving: hour(20), of: hour(24) - Duration::from_secs(10) };
    let share = KeptShare { running, left: Duration::from_secs(10), last: None, of: 3 };
    let figures = Some(KeptFigures { interlocks: share, healthy: share });
    let mut retained = plant.engine.retained();
    (retained.figures, retained.bypasses) = (figures, Vec::new());
    plant.starts(&retained, None);
    plant.passes(9);
    assert_eq!(plant.days(), []);
    plant.passes(1);
    let days = plant.days();
    assert_eq!(days.len(), 1, "{days:?}");
    assert!(days[0].healthy.serving > hour(20) && days[0].interlocks.of > hour(24), "{days:?}");
    let kept = plant.engine.snapshot().figures.healthy.last;
    assert_eq!(kept, Some(days[0].healthy));
    plant.starts(&plant.engine.retained(), Some(hour(25)));
    plant.passes(1);
    assert_eq!(plant.days().len(), 2, "a day that ended while the gateway was off");
}

#[test]
fn a_site_checks_its_duties() {
    let mut tables = tables();
    tables.upkeep[0].every = Duration::ZERO;
    tables.upkeep[0].warn_before = Duration::ZERO;
    assert_eq!(Site::try_new(tables).unwrap_err(), [SiteFault::Upkeep(CALIBRATION, UpkeepFault::NoInterval)]);
}

/// An engine whose one device shows `values`.
struct Plant {
    site: Arc<Site>,
    engine: Engine,
    values: [u16; 3],
    records: Vec<Arc<Record>>,
}

impl Plant {
    fn new() -> Self {
        Self::of(|_| ())
    }

    fn of(change: impl FnOnce(&mut SiteTables)) -> Self {
        let mut tables = tables();
        change(&mut tables);
        let site = Arc::new(Site::try_new(tables).unwrap());
        let mut plant = Self { engine: engine(&site), site, values: [0, 0, 2], records: Vec::new() };
        plant.opens();
        plant.passes(5);
        plant
    }

    fn restarts(&mut self, away: Option<Duration>) {
        self.starts(&self.engine.retained(), away);
    }

    fn starts(&mut self, retained: &crate::retentive::Retained, away: Option<Duration>) {
        self.engine = engine(&self.site);
        self.engine.resume(retained, away);
        self.opens();
    }

    fn opens(&mut self) {
        let (previous, past) = (Vec::new(), Vec::new());
        let opened = JournalReport::Opened { epoch: Epoch(1), ordinal: 1, previous, past };
        self.engine.handle(self.engine.now(), Input::Journal(opened));
        self.says(UplinkReport::Up);
        self.drain();
    }

    fn passes(&mut self, seconds: u64) {
        let until = self.engine.now() + Duration::from_secs(seconds);
        while let Some((at, _)) = self.engine.poll_timeout().filter(|(at, _)| *at <= until) {
            self.engine.handle_timeout(at.max(self.engine.now()));
            self.drain();
        }
        self.engine.handle_timeout(until);
        self.drain();
    }

    fn clock(&mut self, days: i64, trust: ClockTrust) {
        let utc = day(TODAY + days);
        self.engine.handle(self.engine.now(), Input::Clock { utc, trust });
        self.drain();
    }

    /// Gas on and off again, said in time, for so many seconds each.
    fn gas(&mut self, value: u16, seconds: u64) {
        let upkeep = self.engine.plant.upkeep.kept().running[0].0.upkeep;
        let mark = if value == 0 { Mark::Removed } else { Mark::Applied };
        self.asks(Action::MarkTest(upkeep, mark));
        self.values[0] = value;
        self.passes(seconds);
    }

    fn bypasses(&mut self, point: PointId, seconds: u64) {
        let lasts = Duration::from_secs(seconds);
        assert_eq!(self.asks(Action::Bypass { point, approver: "Li".into(), lasts }).refused, []);
    }

    fn asks(&mut self, action: Action) -> Answer {
        let command = Command { actor: "Wang".into(), action, note: "bottle 7".into() };
        let answer = self.engine.command(self.engine.now(), command);
        self.drain();
        answer
    }

    fn says(&mut self, report: UplinkReport) {
        self.engine.handle(self.engine.now(), Input::Uplink { uplink: UplinkId(0), report });
    }

    fn drain(&mut self) {
        while let Some(output) = self.engine.poll_output() {
            match output {
                Output::Publish(publish) => {
                    self.records.extend(publish.records);
                    self.says(UplinkReport::Acked(publish.message));
                }
                Output::Read { bus, ticket, request, .. } => {
                    let (from, count) = (usize::from(request.start), usize::from(request.count));
                    let result = Ok(Words::Registers(self.values[from..from + count].to_vec()));
                    self.engine.handle(self.engine.now(), Input::Reply { bus, ticket, result });
                }
                Output::Append { records, .. } => {
                    let through = records[records.len() - 1].seq;
                    self.engine.handle(self.engine.now(), Input::Journal(JournalReport::Durable { through }));
                }
                _ => {}
            }
        }
    }

    fn is_lit(&self) -> bool {
        self.engine.panel().energised[LAMP]
    }

    fn stands(&self, condition: Condition) -> bool {
        let now = self.engine.standing_conditions().contains(&condition);
        // The records say the same.
        let mut told = self.records.iter().filter_map(|record| match record.body {
            Body::System(SystemEvent { condition: told, raised }) if told == condition => Some(raised),
            _ => None,
        });
        assert_eq!(told.next_back().unwrap_or(false), now, "{condition:?}");
        now
    }

    fn steps(&self) -> Vec<UpkeepEvent> {
        let step = |record: &Arc<Record>| match &record.body {
            Body::Upkeep(event) => Some((**event).clone()),
            _ => None,
        };
        self.records.iter().filter_map(step).collect()
    }

    fn days(&self) -> Vec<DayShares> {
        let day = |record: &Arc<Record>| match record.body {
            Body::Shares(day) => Some(day),
            _ => None,
        };
        self.records.iter().filter_map(day).collect()
    }
}

fn engine(site: &Arc<Site>) -> Engine {
    let start = Start { epoch: Epoch(1), utc: day(TODAY), trust: ClockTrust::Synced };
    Engine::new(Arc::clone(site), &start, Mono::ZERO)
}

fn begin(upkeep: UpkeepId, approver: Option<&str>, applied: Option<i32>) -> Action {
    Action::BeginTest { upkeep, approver: approver.map(String::from), applied: applied.map(Value::from_i32) }
}

fn day(number: i64) -> Utc {
    Utc::from_unix_ms(number * 86_400_000)
}

/// A detector that shuts a valve, the valve's feedback, and a pressure gauge.
fn tables() -> SiteTables {
    let output = |(name, role): (&str, Role)| OutputSpec {
        name: name.into(),
        role,
        wiring: Wiring::Gpio,
        polarity: Polarity::EnergiseToAlarm,
    };
    let point = |(address, tag): (u16, &str)| {
        let mut point: PointSpec = fixture::point(tag, 0);
        point.source.address = address;
        point
    };
    let limit = Threshold { setpoint: Value::from_i32(50), ..Threshold::switch(Side::High) };
    SiteTables {
        points: [(0, "GT"), (1, "SHUT"), (2, "PT")].map(point).to_vec(),
        alarms: vec![AlarmSpec::new(GAS, AlarmKind::HighHigh, limit)],
        outputs: [("valve", Role::Interlock), ("lamp", Role::Fault)].map(output).to_vec(),
        matrix: Matrix { trips: vec![trip()], ..Matrix::default() },
        uplinks: vec![UplinkSpec {
            name: "u".into(),
            window: 100,
            message_records_max: 100,
            ..UplinkSpec::default()
        }],
        upkeep: duties(),
        ..fixture::tables(1)
    }
}

fn trip() -> TripSpec {
    let feedback = FeedbackSpec { point: SHUT, side: Side::High, limit: Value::HALF };
    TripSpec {
        name: "valve".into(),
        causes: vec![Cause::Alarm(HIGH)],
        on_fault: crate::vote::OnFault::Trip,
        outputs: vec![OutputId(0)],
        latch: true,
        permissives: vec![Permissive::Proven],
        prove: Some(ProveSpec { feedback, within: Duration::from_secs(5) }),
        reset_button: None,
    }
}

fn duties() -> Vec<UpkeepSpec> {
    let calibration = UpkeepSpec {
        point: GAS,
        duty: Duty::Calibration,
        every: 90 * DAY,
        warn_before: 14 * DAY,
        limits: Limits { deviation_max: Some(Value::from_i32(3)), ..Limits::default() },
        proves: Vec::new(),
        last_done: None,
    };
    let proves = vec![Effect::Alarm(HIGH), Effect::Trip(VALVE), Effect::Feedback(VALVE)];
    let proof = UpkeepSpec { duty: Duty::ProofTest, proves, ..calibration.clone() };
    let gauge = UpkeepSpec { point: PRESSURE, last_done: Some(day(TODAY - 1)), ..calibration.clone() };
    vec![calibration, proof, gauge]
}
