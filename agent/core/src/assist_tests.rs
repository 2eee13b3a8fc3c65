//! Interlocks in the running engine: from a sample to an output, through restarts, and back by a person.

mod retentive_tests;
mod taken_out;

use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

use crate::alarm::{AlarmKind, AlarmSpec, Priority, Signal};
use crate::annunciate::{OutputSpec, Role, Wiring};
use crate::assist::KeptTrip;
use crate::id::{AlarmId, DeviceId, Epoch, OutputId, PermitId, PointId, TripId, UplinkId, VoteId};
use crate::input::{Action, Answer, Command, Subject, UplinkReport};
use crate::interlock::{
    Cause, FeedbackSpec, InterlockStep, Matrix, Permissive, PermitSpec, PermitState, ProofStanding,
    ProveSpec, TripSpec, TripStanding,
};
use crate::link::{Exception, LinkFault};
use crate::outbox::record::{Body, Condition, Record, Refusal};
use crate::reading::{Doubt, NoData, Quantity, Reading, Sample};
use crate::site::{SiteFault, SiteTables, UplinkSpec};
use crate::vote::{OnBypass, OnFault, VoteSpec};
use crate::{
    ClockTrust, Engine, Input, Mono, Output, Polarity, Side, Site, Start, Threshold, Utc, Value, fixture,
};

const GAS: [PointId; 3] = [PointId(0), PointId(1), PointId(2)];
const SHUT: PointId = PointId(3);
const FAN: PointId = PointId(4);
const BUTTON: PointId = PointId(5);
const UNPROVEN: AlarmId = AlarmId(3);
const VALVE: TripId = TripId(0);
const FEED: TripId = TripId(1);
const LINE: PermitId = PermitId(0);
const VALVE_OUT: usize = 0;
const FEED_OUT: usize = 1;
const LINE_OUT: usize = 2;
const HORN: usize = 3;

#[test]
fn two_of_three_shut_the_valve_and_only_a_reset_opens_it() {
    let mut plant = Plant::new();
    plant.calm(0);
    assert!(!plant.is_active(VALVE_OUT));
    plant.reads(1_000, GAS[0], 60);
    assert!(!plant.is_active(VALVE_OUT), "one of three");
    plant.reads(1_100, GAS[1], 60);
    assert!(plant.is_active(VALVE_OUT), "in the turn of the second one");
    plant.reads(1_200, SHUT, 1);
    let vote = Subject::Vote(VoteId(0));
    assert_eq!(plant.reset(1_300).refused, [(vote, Refusal::Stands)]);
    plant.calm(2_000);
    assert!(plant.is_active(VALVE_OUT), "held");
    plant.reads(2_100, SHUT, 0);
    assert_eq!(plant.reset(2_200).refused, [(Subject::Trip(VALVE), Refusal::Unproven)]);
    plant.reads(2_300, SHUT, 1);
    assert_eq!(plant.reset(2_400), Answer { changed: 1, ..Answer::default() });
    assert!(!plant.is_active(VALVE_OUT));
    let first = Some(Cause::Vote(VoteId(0)));
    let moved: Vec<_> = plant.trips_of(VALVE);
    assert_eq!(
        moved,
        [
            (TripStanding::Ready, TripStanding::Tripped, first, None),
            (TripStanding::Tripped, TripStanding::Held, first, None),
            (TripStanding::Held, TripStanding::Ready, first, Some("Wang".into())),
        ]
    );
}

#[test]
fn one_reply_that_failed_trips_nothing_and_a_detector_that_is_lost_votes_to_trip() {
    let mut plant = Plant::new();
    plant.calm(0);
    plant.reads(500, GAS[0], 60);
    plant.fails(1_000, GAS[1]);
    assert!(!plant.is_active(VALVE_OUT), "its last value still counts");
    plant.passes(2_900);
    plant.reads(2_900, GAS[0], 60);
    assert!(!plant.is_active(VALVE_OUT));
    plant.passes(3_000);
    assert!(plant.is_active(VALVE_OUT), "nobody has seen it for its staleness limit");
}

#[test]
fn nothing_trips_because_nobody_has_read_it_yet() {
    let mut plant = Plant::new();
    plant.passes(0);
    assert!(!plant.is_active(VALVE_OUT));
    plant.fails(1_000, GAS[0]);
    plant.fails(1_000, GAS[1]);
    plant.passes(2_999);
    assert!(!plant.is_active(VALVE_OUT));
    plant.passes(3_000);
    assert!(plant.is_active(VALVE_OUT), "lost before they were ever read");
}

#[test]
fn a_valve_that_does_not_shut_sounds_and_trips_what_hangs_on_it() {
    let mut plant = Plant::new();
    plant.calm(0);
    plant.trips(1_000);
    plant.silences(1_100);
    plant.passes(5_999);
    plant.calm(5_999);
    assert!(!plant.is_active(FEED_OUT) && !plant.is_active(HORN));
    plant.engine.handle_timeout(Mono::from_millis(6_000));
    assert!(plant.is_active(FEED_OUT), "in the same turn");
    assert!(plant.is_active(HORN), "a new alarm after silencing");
    plant.reads(6_500, SHUT, 1);
    assert!(!plant.engine.plant.alarms[UNPROVEN.index()].stands());
    let proofs: Vec<_> = plant.steps().into_iter().filter_map(proof).collect();
    assert_eq!(proofs, [ProofStanding::Awaited, ProofStanding::NotShown, ProofStanding::Proven]);
}

#[test]
fn a_trip_outlives_a_restart_and_cannot_be_reset_before_the_plant_was_read() {
    let mut plant = Plant::new();
    plant.calm(0);
    plant.trips(1_000);
    plant.calm(2_000);
    let kept = KeptTrip { trip: VALVE, held: true, cause: Some(Cause::Vote(VoteId(0))) };
    assert_eq!(plant.engine.retained().trips, [kept]);
    plant.restarts(Some(Duration::from_secs(86_400)));
    assert!(plant.is_active(VALVE_OUT));
    assert_eq!(plant.reset(100).refused[0], (Subject::Vote(VoteId(0)), Refusal::NoGoodValue));
    plant.calm(200);
    plant.reads(200, SHUT, 1);
    assert_eq!(plant.reset(300).refused, []);
}

#[test]
fn a_line_goes_on_through_a_short_restart_and_stops_after_a_long_one() {
    let second = Duration::from_secs(1);
    for (away, goes_on) in [(Some(second), true), (Some(11 * second), false), (None, false)] {
        let mut plant = Plant::new();
        plant.runs();
        plant.restarts(away);
        assert_eq!(!plant.is_active(LINE_OUT), goes_on, "{away:?}");
        plant.reads(500, FAN, 1);
        plant.calm(500);
        assert_eq!(plant.permit() == PermitState::Granted, goes_on, "{away:?}");
    }
}

#[test]
fn after_a_short_restart_what_is_seen_counts_at_once_and_what_is_not_seen_stops_the_line_in_time() {
    let mut plant = Plant::new();
    plant.runs();
    plant.restarts(Some(Duration::ZERO));
    plant.reads(500, FAN, 0);
    assert!(plant.is_active(LINE_OUT), "the fan is seen to stand");
    let mut plant = Plant::new();
    plant.runs();
    plant.restarts(Some(Duration::ZERO));
    for second in 0..10 {
        plant.calm(1_000 * second);
    }
    plant.passes(9_999);
    assert!(!plant.is_active(LINE_OUT));
    plant.passes(10_000);
    assert!(plant.is_active(LINE_OUT), "nobody has seen the fan");
}

#[test]
fn a_feedback_that_is_in_doubt_counts_to_the_moment_and_no_longer() {
    let mut plant = Plant::new();
    plant.runs();
    plant.reads(600_537, FAN, 1);
    for ms in (600_600..603_500).step_by(100) {
        plant.takes(ms, FAN, Sample::Suspect(Quantity::Number(Value::ONE), Doubt::OverRange));
        plant.calm(ms);
    }
    plant.passes(603_536);
    assert!(!plant.is_active(LINE_OUT));
    assert_eq!(plant.engine.poll_timeout().map(|(at, _)| at), Some(Mono::from_millis(603_537)));
    plant.passes(603_537);
    assert!(plant.is_active(LINE_OUT));
}

#[test]
fn a_cause_is_taken_out_by_a_bypass_and_by_nothing_else() {
    let mut plant = Plant::new();
    plant.calm(0);
    let lasts = Duration::from_secs(60);
    plant.asks(100, Action::Shelve(AlarmId(0), lasts));
    plant.reads(1_000, GAS[0], 60);
    plant.reads(1_000, GAS[1], 60);
    assert!(plant.is_active(VALVE_OUT), "a shelved alarm still trips");
    let mut plant = Plant::new();
    plant.calm(0);
    let bypass = |approver: &str| Action::Bypass { point: GAS[0], approver: approver.into(), lasts };
    assert_eq!(plant.asks(100, bypass("Wang")).refused[0].1, Refusal::SecondPerson);
    assert_eq!(plant.asks(100, bypass("Li")).changed, 1);
    plant.reads(1_000, GAS[0], 60);
    assert!(!plant.is_active(VALVE_OUT));
    plant.reads(1_000, GAS[1], 60);
    assert!(plant.is_active(VALVE_OUT), "one of the two that are left");
}

#[test]
fn a_push_button_resets_its_trip() {
    let mut plant = Plant::new();
    plant.calm(0);
    plant.reads(0, BUTTON, 0);
    plant.trips(1_000);
    plant.reads(1_100, SHUT, 1);
    plant.presses(1_200);
    assert!(plant.is_active(VALVE_OUT), "its cause stands");
    plant.calm(4_000);
    plant.reads(4_050, SHUT, 1);
    plant.presses(4_100);
    assert!(!plant.is_active(VALVE_OUT));
    assert_eq!(plant.trips_of(VALVE).pop().unwrap().3.as_deref(), Some("button"));
}

#[test]
fn a_loose_wire_at_the_reset_button_opens_no_valve() {
    let mut plant = Plant::new();
    plant.calm(0);
    plant.reads(0, BUTTON, 0);
    plant.trips(1_000);
    for ms in (1_230..60_000).step_by(230) {
        if ms % 1_000 < 230 {
            plant.calm(ms);
            plant.reads(ms, SHUT, 1);
        }
        plant.reads(ms, BUTTON, i32::from(ms / 100 % 2 == 1));
        assert!(plant.is_active(VALVE_OUT), "{ms} ms");
    }
    let conditions = plant.engine.standing_conditions();
    assert!(conditions.contains(&Condition::ButtonFlapping(BUTTON)), "{conditions:?}");
}

#[test]
fn nothing_is_written_to_a_safety_instrumented_system_and_no_output_is_without_its_row() {
    let mut tables = tables();
    tables.devices[0].sis = true;
    tables.outputs[HORN].wiring = Wiring::Coil { device: DeviceId(0), address: 7 };
    assert_eq!(Site::try_new(tables).unwrap_err(), [SiteFault::OutputOnSis(HORN)]);
    let mut tables = self::tables();
    tables.outputs.push(OutputSpec { role: Role::Interlock, ..tables.outputs[0].clone() });
    assert_eq!(Site::try_new(tables).unwrap_err(), [SiteFault::OutputWithoutRow(4)]);
}

#[test]
fn an_alarm_announces_itself_on_the_outputs_of_its_rows() {
    let matrix = tables().matrix;
    for (alarm, output, wanted) in
        [(0, VALVE_OUT, true), (0, FEED_OUT, false), (0, LINE_OUT, true), (3, FEED_OUT, true)]
    {
        let output = OutputId(u16::try_from(output).unwrap());
        assert_eq!(matrix.drives_for(output, AlarmId(alarm)), wanted, "{alarm} {output:?}");
    }
}

struct Plant {
    site: Arc<Site>,
    engine: Engine,
    records: Vec<Arc<Record>>,
}

impl Plant {
    fn new() -> Self {
        Self::of(tables())
    }

    fn of(tables: SiteTables) -> Self {
        let site = Arc::new(Site::try_new(tables).unwrap());
        let engine = Self::engine(&site);
        let mut plant = Self { site, engine, records: Vec::new() };
        plant.says(UplinkReport::Up);
        plant
    }

    fn engine(site: &Arc<Site>) -> Engine {
        let start = Start { epoch: Epoch(1), utc: Utc::from_unix_ms(0), trust: ClockTrust::Synced };
        Engine::new(Arc::clone(site), &start, Mono::ZERO)
    }

    fn restarts(&mut self, away: Option<Duration>) {
        let retained = self.engine.retained();
        self.engine = Self::engine(&self.site);
        self.engine.resume(&retained, away);
        self.says(UplinkReport::Up);
        self.passes(0);
    }

    fn reads(&mut self, ms: u64, point: PointId, value: i32) {
        self.takes(ms, point, Sample::Good(Quantity::Number(Value::from_i32(value))));
    }

    fn fails(&mut self, ms: u64, point: PointId) {
        self.takes(ms, point, Sample::Bad(NoData::Link(LinkFault::Refused(Exception::Busy))));
    }

    fn takes(&mut self, ms: u64, point: PointId, sample: Sample) {
        self.engine.take(Mono::from_millis(ms), Reading { point, sample });
        self.drain();
    }

    fn calm(&mut self, ms: u64) {
        for point in GAS {
            self.reads(ms, point, 0);
        }
    }

    fn trips(&mut self, ms: u64) {
        self.reads(ms, GAS[0], 60);
        self.reads(ms, GAS[1], 60);
        assert!(self.is_active(VALVE_OUT));
    }

    fn runs(&mut self) {
        for second in 0..=600 {
            self.calm(1_000 * second);
            self.reads(1_000 * second, FAN, 1);
        }
        assert_eq!(self.permit(), PermitState::Granted);
        assert!(!self.is_active(LINE_OUT));
    }

    /// Lets time pass as the run loop does, from deadline to deadline.
    fn passes(&mut self, ms: u64) {
        let until = Mono::from_millis(ms);
        while let Some((at, _)) = self.engine.poll_timeout().filter(|(at, _)| *at <= until) {
            self.engine.handle_timeout(at.max(self.engine.now()));
            self.drain();
        }
        self.engine.handle_timeout(until);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.engine.poll_output() {
            if let Output::Publish(publish) = output {
                self.records.extend(publish.records);
                self.says(UplinkReport::Acked(publish.message));
            }
        }
    }

    fn says(&mut self, report: UplinkReport) {
        self.engine.handle(self.engine.now(), Input::Uplink { uplink: UplinkId(0), report });
    }

    fn asks(&mut self, ms: u64, action: Action) -> Answer {
        let command = Command { actor: "Wang".into(), action, note: "because".into() };
        let answer = self.engine.command(Mono::from_millis(ms), command);
        self.drain();
        answer
    }

    /// A hand on the button for more than two seconds.
    fn presses(&mut self, ms: u64) {
        for (after, closed) in
            [(0, 0), (1_000, 1), (1_300, 1), (1_600, 1), (1_700, 0), (2_000, 0), (2_300, 0)]
        {
            self.reads(ms + after, BUTTON, closed);
        }
    }

    fn reset(&mut self, ms: u64) -> Answer {
        self.asks(ms, Action::ResetTrip(VALVE))
    }

    fn silences(&mut self, ms: u64) {
        self.asks(ms, Action::Act(crate::outbox::record::Verb::Silence, None));
        assert!(!self.is_active(HORN));
    }

    fn is_active(&self, output: usize) -> bool {
        let polarity = self.site.outputs[output].polarity;
        self.engine.panel().energised[output] == polarity.energised(true)
    }

    fn permit(&self) -> PermitState {
        self.engine.locks.permits()[LINE.index()].state()
    }

    fn steps(&mut self) -> Vec<(InterlockStep, Option<alloc::string::String>)> {
        // Without a journal, nothing is numbered before three seconds have passed.
        let reached = self.engine.now();
        self.engine.handle_timeout(reached + Duration::from_secs(4));
        self.drain();
        self.records.sort_by_key(|record| record.seq);
        let event = |record: &Arc<Record>| match &record.body {
            Body::Interlock(event) => Some((event.step, event.actor.clone())),
            _ => None,
        };
        self.records.iter().filter(|record| record.stamp.mono <= reached).filter_map(event).collect()
    }

    #[allow(clippy::type_complexity, reason = "read at a glance where it is compared")]
    fn trips_of(
        &mut self,
        wanted: TripId,
    ) -> Vec<(TripStanding, TripStanding, Option<Cause>, Option<alloc::string::String>)> {
        let moved = |(step, actor)| match step {
            InterlockStep::Trip { trip, from, to, cause } if trip == wanted => Some((from, to, cause, actor)),
            _ => None,
        };
        self.steps().into_iter().filter_map(moved).collect()
    }
}

fn proof((step, _): (InterlockStep, Option<alloc::string::String>)) -> Option<ProofStanding> {
    match step {
        InterlockStep::Proof(VALVE, proof) => Some(proof),
        _ => None,
    }
}

/// Three gas detectors over a valve, a feed that stops when the valve does not shut, and a line with its fan.
fn tables() -> SiteTables {
    let output = |(name, role): (&str, Role)| OutputSpec {
        name: name.into(),
        role,
        wiring: Wiring::Gpio,
        polarity: Polarity::DeEnergiseToAlarm,
    };
    let limit = Threshold { setpoint: Value::from_i32(50), ..Threshold::switch(Side::High) };
    let gas = |point| AlarmSpec {
        shelve_max: Duration::from_secs(3600),
        priority: Priority::High,
        ..AlarmSpec::new(point, AlarmKind::HighHigh, limit)
    };
    let unproven = AlarmSpec {
        signal: Signal::Unproven { trip: VALVE },
        priority: Priority::Critical,
        ..AlarmSpec::new(SHUT, AlarmKind::Unproven, Threshold::switch(Side::High))
    };
    let names = ["GT-1", "GT-2", "GT-3", "shut", "fan", "button"];
    SiteTables {
        points: names.map(|tag| fixture::point(tag, 0)).to_vec(),
        alarms: vec![gas(GAS[0]), gas(GAS[1]), gas(GAS[2]), unproven],
        outputs: [
            ("valve", Role::Interlock),
            ("feed", Role::Interlock),
            ("line", Role::Interlock),
            ("horn", Role::Horn(Priority::Low)),
        ]
        .map(output)
        .to_vec(),
        matrix: matrix(),
        uplinks: vec![UplinkSpec {
            name: "u".into(),
            window: 100,
            message_records_max: 100,
            ..UplinkSpec::default()
        }],
        ..fixture::tables(1)
    }
}

fn matrix() -> Matrix {
    let shown = |point| FeedbackSpec { point, side: Side::High, limit: Value::HALF };
    let vote = VoteSpec {
        name: "gas".into(),
        needed: 2,
        channels: vec![AlarmId(0), AlarmId(1), AlarmId(2)],
        any_of: Vec::new(),
        on_fault: OnFault::default(),
        on_bypass: OnBypass::default(),
    };
    let valve = TripSpec {
        name: "valve".into(),
        causes: vec![Cause::Vote(VoteId(0))],
        on_fault: OnFault::Trip,
        outputs: vec![OutputId(0)],
        latch: true,
        permissives: vec![Permissive::Proven],
        prove: Some(ProveSpec { feedback: shown(SHUT), within: Duration::from_secs(5) }),
        reset_button: Some(BUTTON),
    };
    let feed = TripSpec {
        name: "feed".into(),
        causes: vec![Cause::Alarm(UNPROVEN)],
        on_fault: OnFault::Trip,
        outputs: vec![OutputId(1)],
        permissives: Vec::new(),
        prove: None,
        reset_button: None,
        ..valve.clone()
    };
    let line = PermitSpec {
        name: "line".into(),
        fan: shown(FAN),
        pre_run: Duration::from_secs(600),
        requires: vec![Cause::Alarm(AlarmId(2))],
        trips: vec![VALVE, FEED],
        outputs: vec![OutputId(2)],
        hold: None,
    };
    Matrix { votes: vec![vote], trips: vec![valve, feed], permits: vec![line] }
}
