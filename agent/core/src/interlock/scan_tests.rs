//! The laws of interlocks, in random histories of one small plant.

use alloc::vec::Vec;

use proptest::prelude::*;

use super::matrix_tests::{BELT, FAN, LINE, POST_RUN_MS, PRE_RUN_MS, SPARK, VALVE, matrix};
use super::*;
use crate::Mono;
use crate::id::{AlarmId, OutputId, PointId, TripId};
use crate::reading::{Doubt, NoData};
use crate::vote::Channel;

const GAS: TripId = TripId(0);
const FIRE: TripId = TripId(1);
const BAD: Sample = Sample::Bad(NoData::Stale);

#[derive(Clone, Debug)]
enum Event {
    Alarm(AlarmId, Channel),
    Point(PointId, Sample),
    Wait(u64),
    Calm,
    Reset(TripId),
    Restart,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn the_laws_hold_in_every_history(events in proptest::collection::vec(event(), 1..60)) {
        let mut world = World::new();
        for event in &events {
            world.play(event);
        }
    }
}

#[test]
fn a_restart_comes_up_tripped_and_cannot_be_reset_before_everything_was_read() {
    let mut world = World::new();
    world.play(&Event::Alarm(SPARK, Channel::Trip));
    world.play(&Event::Alarm(SPARK, Channel::Quiet));
    world.play(&Event::Restart);
    assert!(matches!(world.locks.trips()[0].state(), TripState::Held(_)));
    assert!(world.active(0) && world.active(1));
    let refused = world.locks.reset(GAS, &world.matrix, &world.plant).unwrap_err();
    assert!(refused.0.contains(&Obstacle::Cause(Cause::Alarm(SPARK), CauseState::Unknown)));
}

#[test]
fn a_fire_lets_the_fan_stop_although_the_line_runs() {
    let mut world = World::new();
    world.play(&Event::Point(LINE, switch(1)));
    assert!(world.active(3));
    world.play(&Event::Alarm(SPARK, Channel::Trip));
    assert!(!world.active(3));
}

/// The plant, the interlocks, and what an observer with a notebook knows of the past.
struct World {
    matrix: Matrix,
    plant: Plant,
    locks: Interlocks,
    now: u64,
    fan_since: Option<u64>,
    line_seen_at: Option<u64>,
}

struct Plant {
    channels: [Channel; 7],
    samples: [Option<Sample>; 8],
}

impl Scan for Plant {
    fn channel(&self, alarm: AlarmId) -> Channel {
        self.channels[alarm.index()]
    }

    fn sample(&self, point: PointId) -> Option<&Sample> {
        self.samples[point.index()].as_ref()
    }
}

impl World {
    fn new() -> Self {
        let matrix = matrix();
        let plant = Plant::calm();
        let locks = Interlocks::new(&matrix);
        Self { matrix, plant, locks, now: 0, fan_since: None, line_seen_at: None }
    }

    fn play(&mut self, event: &Event) {
        let before = self.locks.clone();
        match event {
            Event::Alarm(alarm, channel) => self.plant.channels[alarm.index()] = *channel,
            Event::Point(point, sample) => self.plant.samples[point.index()] = Some(sample.clone()),
            Event::Calm => self.plant = Plant::calm(),
            Event::Wait(ms) => self.wait(*ms),
            Event::Reset(trip) => {
                let may = self.may_reset(*trip);
                let was_ready = self.is_ready(*trip);
                let answer = self.locks.reset(*trip, &self.matrix, &self.plant);
                assert_eq!(answer.is_ok(), may || was_ready, "{answer:?}");
            }
            Event::Restart => self.restart(),
        }
        self.locks.step(at(self.now), &self.matrix, &self.plant);
        let feedback = |point: PointId| self.plant.samples[point.index()].clone();
        self.fan_since = (feedback(FAN) == Some(switch(1))).then(|| self.fan_since.unwrap_or(self.now));
        if feedback(LINE) == Some(switch(1)) {
            self.line_seen_at = Some(self.now);
        }
        self.check_trips(&before, event);
        self.check_permit();
        self.check_outputs();
    }

    /// Steps at each deadline on the way, and once before it, when nothing may change.
    fn wait(&mut self, ms: u64) {
        let end = self.now + ms;
        while let Some(due) = self.locks.poll_timeout().filter(|due| *due <= at(end)) {
            let early = Mono::from_micros(due.as_micros() - 1);
            if early >= at(self.now) {
                assert_eq!(self.locks.step(early, &self.matrix, &self.plant), []);
            }
            assert_ne!(self.locks.step(due, &self.matrix, &self.plant), []);
        }
        self.now = end;
    }

    fn restart(&mut self) {
        let states: Vec<TripState> = self.locks.trips().iter().map(Trip::state).collect();
        self.locks = Interlocks::new(&self.matrix);
        for (trip, state) in (0..).map(TripId).zip(states) {
            self.locks.restore(trip, state);
        }
        self.plant = Plant::unread();
    }

    fn check_trips(&self, before: &Interlocks, event: &Event) {
        for trip in [GAS, FIRE] {
            let (was, is) = (before.trips()[trip.index()].state(), self.locks.trips()[trip.index()].state());
            if !was.is_ready() && is.is_ready() {
                assert!(self.causes(trip).iter().all(|state| *state == CauseState::Quiet));
                assert!(trip == FIRE || matches!(event, Event::Reset(GAS)), "{event:?} ended a latched trip");
            }
            let trips = |state: &CauseState| matches!(state, CauseState::Standing | CauseState::Fault);
            let stands = self.causes(trip).iter().any(trips);
            assert!(!stands || matches!(is, TripState::Tripped(_)), "a cause stands, and {trip:?} is {is:?}");
            assert!(stands || !was.is_ready() || is.is_ready(), "{event:?} tripped {trip:?} without a cause");
            if let (
                TripState::Tripped(was) | TripState::Held(was),
                TripState::Tripped(is) | TripState::Held(is),
            ) = (was, is)
            {
                assert_eq!(was, is, "first-out is kept");
            }
        }
    }

    fn check_permit(&self) {
        if self.locks.permits()[0].state() == PermitState::Granted {
            let since = self.fan_since.expect("the fan runs");
            assert!(self.now - since >= PRE_RUN_MS);
            assert!(self.state(Cause::Alarm(BELT)).permits());
            assert!(self.is_ready(GAS) && self.is_ready(FIRE));
        }
        let post_run = self.line_seen_at.is_some_and(|seen| self.now < seen + POST_RUN_MS);
        assert!(!post_run || !self.is_ready(FIRE) || self.active(3), "the fan was let go too early");
    }

    fn check_outputs(&self) {
        let withheld = self.locks.permits()[0].state() != PermitState::Granted;
        assert_eq!(self.active(0), !self.is_ready(GAS));
        assert_eq!(self.active(1), !self.is_ready(GAS) || !self.is_ready(FIRE));
        assert_eq!(self.active(2), !self.is_ready(FIRE) || withheld);
        let later = self.locks.clone().step(at(self.now), &self.matrix, &self.plant);
        assert_eq!(later, [], "a second look at the same changes nothing");
    }

    fn may_reset(&self, trip: TripId) -> bool {
        let quiet = self.causes(trip).iter().all(|state| *state == CauseState::Quiet);
        let shut = self.locks.trips()[0].proof() == Proof::Proven;
        let belt = matches!(self.state(Cause::Alarm(BELT)), CauseState::Quiet | CauseState::Bypassed);
        quiet && (trip == FIRE || belt && shut)
    }

    fn causes(&self, trip: TripId) -> Vec<CauseState> {
        self.matrix.trips[trip.index()].causes.iter().map(|cause| self.state(*cause)).collect()
    }

    fn state(&self, cause: Cause) -> CauseState {
        match cause {
            Cause::Alarm(alarm) => self.plant.channel(alarm).into(),
            Cause::Vote(_) => {
                let state = self.matrix.votes[0].judge(|alarm| self.plant.channel(alarm)).outcome.into();
                let blind = matches!(state, CauseState::Quiet | CauseState::Bypassed);
                let unended = self.plant.channels[..3].contains(&Channel::Unended);
                if blind && unended { CauseState::Unended } else { state }
            }
        }
    }

    fn is_ready(&self, trip: TripId) -> bool {
        self.locks.trips()[trip.index()].state().is_ready()
    }

    fn active(&self, output: u16) -> bool {
        self.locks.is_active(&self.matrix, OutputId(output))
    }
}

impl Plant {
    /// No alarm, valve shut, line and fan running.
    fn calm() -> Self {
        Self { channels: [Channel::Quiet; 7], samples: core::array::from_fn(|_| Some(switch(1))) }
    }

    fn unread() -> Self {
        Self { channels: [Channel::Unread; 7], samples: [const { None }; 8] }
    }
}

fn event() -> impl Strategy<Value = Event> {
    let channel = prop_oneof![
        4 => Just(Channel::Quiet),
        1 => Just(Channel::Unread),
        1 => Just(Channel::Fault),
        2 => Just(Channel::Trip),
        1 => Just(Channel::Bypassed),
        1 => Just(Channel::Unended),
    ];
    let sample = prop_oneof![
        3 => Just(switch(1)),
        2 => Just(switch(0)),
        1 => Just(BAD),
        1 => Just(Sample::Suspect(Quantity::Number(crate::Value::ONE), Doubt::AfterFault)),
    ];
    let point = prop_oneof![Just(VALVE), Just(LINE), Just(FAN)];
    prop_oneof![
        6 => ((0..5_u32).prop_map(AlarmId), channel).prop_map(|(alarm, channel)| Event::Alarm(alarm, channel)),
        4 => (point, sample).prop_map(|(point, sample)| Event::Point(point, sample)),
        1 => Just(Event::Calm),
        3 => (1..200_u64).prop_map(Event::Wait),
        3 => prop_oneof![Just(GAS), Just(FIRE)].prop_map(Event::Reset),
        1 => Just(Event::Restart),
    ]
}

fn switch(raw: i32) -> Sample {
    Sample::Good(Quantity::Number(crate::Value::from_i32(raw)))
}

fn at(ms: u64) -> Mono {
    Mono::from_millis(ms)
}
