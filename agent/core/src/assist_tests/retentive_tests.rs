//! Retentive memory that cannot be read, or comes late: what may have stood is held, a person is told, and nothing is released
//! by a restart.

use super::*;
use crate::alarm::Kept;
use crate::outbox::record::{ActionEvent, AlarmState, Condition, SystemEvent, Verb};
use crate::retentive::Retained;

const NOTE: &str = "walked round";

#[test]
fn what_nobody_knows_is_held_until_the_plant_was_read_and_somebody_resets_it() {
    let mut plant = Plant::lost(&Retained::default());
    assert!(plant.is_active(VALVE_OUT) && plant.is_active(FEED_OUT), "in the first turn");
    assert_eq!(plant.reset(100).refused[0], (Subject::Vote(VoteId(0)), Refusal::NoGoodValue));
    plant.calm(200);
    assert!(plant.is_active(VALVE_OUT), "quiet, and still nobody has reset it");
    plant.reads(200, SHUT, 1);
    assert_eq!(plant.reset(300).refused, []);
    assert!(!plant.is_active(VALVE_OUT));
    let moved = plant.trips_of(VALVE);
    assert_eq!(moved[0], (TripStanding::Ready, TripStanding::Held, None, None));
}

#[test]
fn a_trip_that_does_not_latch_is_held_until_its_causes_are_read_quiet() {
    let mut tables = tables();
    (tables.matrix.trips[0].latch, tables.matrix.trips[0].prove) = (false, None);
    tables.matrix.trips[0].permissives = Vec::new();
    let mut plant = Plant::of(tables);
    plant.engine.retentive_lost();
    plant.passes(0);
    assert!(plant.is_active(VALVE_OUT));
    plant.calm(200);
    assert!(!plant.is_active(VALVE_OUT));
}

#[test]
fn a_cause_that_stands_is_the_first_out_of_a_trip_that_was_held_for_nothing_known() {
    let mut plant = Plant::lost(&Retained::default());
    plant.trips(100);
    plant.calm(200);
    let first = Some(Cause::Vote(VoteId(0)));
    assert_eq!(plant.engine.retained().trips[0], KeptTrip { trip: VALVE, held: true, cause: first });
}

#[test]
fn lost_memory_sounds_until_it_is_silenced_and_stands_through_restarts_until_a_person_resets_it() {
    let mut plant = Plant::lost(&Retained::default());
    assert!(plant.is_active(HORN), "no alarm stands, and somebody has to come");
    plant.silences(100);
    assert!(plant.is_lost());
    plant.restarts(Some(Duration::ZERO));
    assert!(plant.is_lost() && plant.is_active(HORN) && plant.is_active(VALVE_OUT));
    plant.silences(100);
    let refused = plant.says_what_he_found(200, " ").refused;
    assert_eq!(refused, [(Subject::Retentive, Refusal::NoReason)]);
    assert_eq!(plant.says_what_he_found(300, NOTE).changed, 1);
    assert!(!plant.is_lost() && plant.is_active(VALVE_OUT), "the trip is reset by its own name");
    assert_eq!(plant.says_what_he_found(400, NOTE).refused, [(Subject::Retentive, Refusal::NothingToHandle)]);
    plant.steps();
    let bodies: Vec<_> = plant.records.iter().map(|record| record.body.clone()).collect();
    let (actor, note) = ("Wang".into(), NOTE.into());
    let said = ActionEvent { actor, verb: Verb::ResetRetentive, alarm: None, note, changed: 1 };
    assert!(bodies.contains(&Body::Action(said)));
    for raised in [true, false] {
        let condition = Condition::RetentiveLost;
        assert!(bodies.contains(&Body::System(SystemEvent { condition, raised })), "{raised}");
    }
    plant.restarts(Some(Duration::ZERO));
    assert!(!plant.is_lost() && !plant.is_active(HORN) && plant.is_active(VALVE_OUT));
}

#[test]
fn an_older_page_is_taken_up_and_what_it_may_not_have_seen_is_held() {
    let latched = (AlarmId(0), kept(AlarmState::LatchedUnacked));
    let held = KeptTrip { trip: FEED, held: true, cause: Some(Cause::Alarm(UNPROVEN)) };
    let older = Retained { alarms: vec![latched], trips: vec![held], ..Retained::default() };
    let mut plant = Plant::lost(&older);
    let trips = plant.engine.retained().trips;
    assert_eq!(trips, [KeptTrip { trip: VALVE, held: true, cause: None }, held]);
    assert_eq!(plant.engine.plant.alarms[0].state(), AlarmState::LatchedUnacked);
    plant.silences(100);
}

#[test]
fn a_page_that_comes_late_is_taken_up_and_releases_only_what_it_knows_to_have_been_ready() {
    let held = KeptTrip { trip: FEED, held: true, cause: Some(Cause::Alarm(UNPROVEN)) };
    let alarms = [AlarmState::LatchedUnacked, AlarmState::Acked, AlarmState::RtnUnacked];
    let alarms = (0..).map(AlarmId).zip(alarms.map(kept)).collect();
    let page = Retained { alarms, trips: vec![held], ..Retained::default() };
    let mut plant = Plant::lost(&Retained::default());
    plant.calm(100);
    plant.reads(200, GAS[1], 60);
    plant.engine.retentive_came(Mono::from_millis(300), &page, Some(Duration::from_secs(5)));
    let states = [0, 1, 2].map(|alarm| plant.engine.plant.alarms[alarm].state());
    let wanted = [AlarmState::LatchedUnacked, AlarmState::Unacked, AlarmState::RtnUnacked];
    assert_eq!(states, wanted, "what this run announced, nobody has acknowledged");
    assert!(!plant.is_lost() && !plant.is_active(VALVE_OUT) && plant.is_active(FEED_OUT));
    assert_eq!(plant.engine.retained().trips, [held]);
    assert!(plant.is_active(HORN));
    plant.silences(400);
}

#[test]
fn a_page_that_comes_late_releases_nothing_that_this_run_has_tripped_and_ends_no_delay() {
    let mut plant = Plant::lost(&Retained::default());
    plant.trips(100);
    plant.calm(200);
    let page = Retained { lost: true, ..Retained::default() };
    plant.engine.retentive_came(Mono::from_millis(300), &page, None);
    assert!(plant.is_active(VALVE_OUT), "tripped in the meantime");
    assert!(!plant.is_active(FEED_OUT));
    assert!(plant.is_lost(), "the page says that it was lost before");
    let mut plant = Plant::lost(&Retained::default());
    plant.trips(100);
    plant.engine.retentive_came(Mono::from_millis(300), &Retained::default(), None);
    assert!(plant.is_active(VALVE_OUT));
}

#[test]
fn the_onset_of_an_alarm_outlives_restarts_and_ends_with_the_next_raise() {
    let since = |plant: &Plant| plant.engine.active_alarms()[0].since.map(Utc::unix_ms);
    let mut plant = Plant::new();
    plant.reads(1_000, GAS[0], 60);
    plant.passes(5_000);
    assert_eq!(since(&plant), Some(1_000));
    plant.restarts(Some(Duration::from_secs(60)));
    plant.restarts(None);
    assert_eq!(since(&plant), Some(1_000));
    assert_eq!(plant.engine.retained().alarms[0].1.since.map(|(_, trust)| trust), Some(ClockTrust::Synced));
    plant.calm(100);
    plant.reads(2_000, GAS[0], 60);
    assert_eq!(since(&plant), Some(2_000));
}

#[test]
fn an_onset_by_a_clock_that_nobody_had_set_is_not_believed() {
    for (trust, wanted) in [(ClockTrust::Unset, 0), (ClockTrust::Free, 77), (ClockTrust::Synced, 77)] {
        let since = Some((Utc::from_unix_ms(77), trust));
        let alarm = (AlarmId(0), Kept { since, ..kept(AlarmState::Acked) });
        let mut plant = Plant::new();
        plant.engine.resume(&Retained { alarms: vec![alarm], ..Retained::default() }, None);
        let shown = plant.engine.active_alarms()[0].since;
        assert_eq!(shown, Some(Utc::from_unix_ms(wanted)), "{trust:?}");
    }
}

#[test]
fn unproven_stands_after_a_restart_until_the_position_is_shown() {
    let mut plant = Plant::new();
    plant.calm(0);
    plant.trips(1_000);
    plant.passes(6_000);
    plant.asks(6_100, Action::Act(Verb::Acknowledge, None));
    let unproven = |plant: &Plant| plant.engine.plant.alarms[UNPROVEN.index()];
    assert_eq!(unproven(&plant).state(), AlarmState::Acked);
    plant.restarts(Some(Duration::ZERO));
    assert_eq!(unproven(&plant).state(), AlarmState::Acked, "nobody has seen the valve");
    plant.passes(20_000);
    assert!(unproven(&plant).stands());
    plant.reads(20_100, SHUT, 1);
    assert!(!unproven(&plant).stands());
}

#[test]
fn unproven_of_a_trip_that_is_ready_ends_for_nothing_is_to_be_shown() {
    let alarm = (UNPROVEN, kept(AlarmState::Acked));
    let mut plant = Plant::new();
    plant.engine.resume(&Retained { alarms: vec![alarm], ..Retained::default() }, None);
    assert!(!plant.engine.plant.alarms[UNPROVEN.index()].stands());
}

impl Plant {
    /// Started over memory that can say no more than this.
    fn lost(older: &Retained) -> Self {
        let mut plant = Self::new();
        plant.engine.resume(older, None);
        plant.engine.retentive_lost();
        plant.passes(0);
        plant
    }

    fn is_lost(&self) -> bool {
        self.engine.standing_conditions().contains(&Condition::RetentiveLost)
    }

    fn says_what_he_found(&mut self, ms: u64, note: &str) -> Answer {
        let command = Command { actor: "Wang".into(), action: Action::ResetRetentive, note: note.into() };
        let answer = self.engine.command(Mono::from_millis(ms), command);
        self.drain();
        answer
    }
}

fn kept(state: AlarmState) -> Kept {
    Kept { state, ..Kept::default() }
}
