//! One alarm among others: what people do to it, what its point does, and that its neighbours stay as they are.

use alloc::sync::Arc;
use alloc::vec;
use core::time::Duration;

use crate::alarm::{AlarmKind, AlarmSpec, Signal};
use crate::id::{AlarmId, Epoch, PointId};
use crate::input::{Action, Answer, Command};
use crate::outbox::record::{AlarmState, Refusal, Verb};
use crate::reading::{Doubt, NoData, Quantity, Reading, Sample};
use crate::{ClockTrust, Engine, Mono, Side, Site, Start, Threshold, Utc, Value, fixture};

use AlarmState::{Acked, LatchedAcked, LatchedUnacked, Normal, OutOfService, RtnUnacked, Shelved, Unacked};

const GAS: PointId = PointId(0);
const AIR: PointId = PointId(1);
/// On GAS: at 25 and above, at 50 and above, at 5 and below, 40 or more away from AIR.
const HIGH: AlarmId = AlarmId(0);
const HIGH_HIGH: AlarmId = AlarmId(1);
const LOW: AlarmId = AlarmId(2);
const DEVIATION: AlarmId = AlarmId(3);
/// On AIR: at 25 and above.
const OTHER: AlarmId = AlarmId(4);
const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn acknowledging_one_alarm_leaves_the_others_unacknowledged() {
    let mut plant = Plant::latching();
    plant.reads(0, [60, 60]);
    assert_eq!(plant.states([HIGH, HIGH_HIGH, OTHER]), [Unacked; 3]);
    assert_eq!(plant.asks(1, Action::Act(Verb::Acknowledge, Some(HIGH_HIGH))).changed, 1);
    assert_eq!(plant.states([HIGH, HIGH_HIGH, OTHER]), [Unacked, Acked, Unacked]);
}

#[test]
fn silencing_one_alarm_leaves_the_others_sounding() {
    let mut plant = Plant::latching();
    plant.reads(0, [60, 60]);
    assert_eq!(plant.asks(1, Action::Act(Verb::Silence, Some(HIGH))).changed, 1);
    let sounds = [HIGH, HIGH_HIGH, OTHER].map(|alarm| plant.engine.plant.alarms[alarm.index()].sounds());
    assert_eq!(sounds, [false, true, true]);
}

#[test]
fn resetting_one_alarm_leaves_the_others_latched() {
    let mut plant = Plant::latching();
    plant.reads(0, [60, 60]);
    plant.reads(1, [20, 20]);
    assert_eq!(plant.states([HIGH, HIGH_HIGH, OTHER]), [LatchedUnacked; 3]);
    plant.asks(2, Action::Act(Verb::Acknowledge, None));
    assert_eq!(plant.states([HIGH, HIGH_HIGH, OTHER]), [LatchedAcked; 3]);
    assert_eq!(plant.asks(3, Action::Act(Verb::Reset, Some(HIGH))).changed, 1);
    assert_eq!(plant.states([HIGH, HIGH_HIGH, OTHER]), [Normal, LatchedAcked, LatchedAcked]);
}

#[test]
fn a_low_alarm_is_raised_at_its_setpoint_and_ends_beyond_its_deadband() {
    let mut plant = Plant::new();
    for (second, value, state) in [
        (0, 6, Normal),
        (1, 5, Unacked),
        (2, 6, Unacked),
        (3, 7, Unacked),
        (4, 8, RtnUnacked),
        (5, 0, Unacked),
        (6, 100, RtnUnacked),
    ] {
        plant.reads(second, [value, 20]);
        assert_eq!(plant.state(LOW), state, "{second}");
    }
}

#[test]
fn a_deviation_ends_on_no_reference_that_is_not_good() {
    for reference in [
        Sample::Suspect(number(10), Doubt::AfterFault),
        Sample::Suspect(number(10), Doubt::Bypassed),
        Sample::Bad(NoData::Stale),
    ] {
        let mut plant = Plant::new();
        plant.reads(0, [60, 10]);
        plant.reads(1, [60, 10]);
        assert_eq!(plant.state(DEVIATION), Unacked);
        plant.takes(2, AIR, reference.clone());
        plant.takes(2, GAS, good(10));
        assert_eq!(plant.state(DEVIATION), Unacked, "{reference:?}");
        plant.takes(3, AIR, good(10));
        plant.takes(3, GAS, good(10));
        assert_eq!(plant.state(DEVIATION), RtnUnacked, "{reference:?}");
    }
}

#[test]
fn a_suspect_value_grows_stale_as_a_good_one_does() {
    for sample in [good(10), Sample::Suspect(number(10), Doubt::UnderRange)] {
        let mut plant = Plant::new();
        plant.takes(0, GAS, sample.clone());
        plant.passes(2);
        assert_eq!(plant.sample(GAS), sample);
        plant.passes(3);
        assert_eq!(plant.sample(GAS), Sample::Bad(NoData::Stale), "{sample:?}");
    }
}

#[test]
fn a_bypass_that_ends_arms_every_alarm_of_its_point_and_of_no_other() {
    let by_hand = |plant: &mut Plant| {
        assert_eq!(plant.asks(60, Action::EndBypass(GAS)).changed, 1);
    };
    let by_itself = |plant: &mut Plant| plant.passes(61);
    for end in [by_hand, by_itself] {
        let mut plant = Plant::new();
        plant.reads(0, [20, 20]);
        plant.asks(1, Action::Bypass { point: GAS, approver: "boss".into(), lasts: MINUTE });
        assert_eq!(plant.states([HIGH, HIGH_HIGH, LOW, DEVIATION]), [OutOfService; 4]);
        assert_eq!(plant.state(OTHER), Normal);
        plant.reads(59, [60, 60]);
        assert_eq!(plant.states([HIGH, HIGH_HIGH, OTHER]), [OutOfService, OutOfService, Unacked]);
        end(&mut plant);
        assert_eq!(plant.states([HIGH, HIGH_HIGH, LOW]), [Unacked, Unacked, Normal]);
        plant.reads(62, [0, 60]);
        assert_eq!(plant.states([HIGH, HIGH_HIGH, LOW]), [RtnUnacked, RtnUnacked, Unacked]);
    }
}

#[test]
fn a_shelved_alarm_is_taken_back_by_hand_and_its_neighbours_never_left() {
    let mut plant = Plant::new();
    plant.reads(0, [60, 60]);
    assert_eq!(plant.asks(1, Action::Shelve(HIGH, MINUTE)).changed, 1);
    assert_eq!(plant.states([HIGH, HIGH_HIGH, OTHER]), [Shelved, Unacked, Unacked]);
    assert_eq!(plant.asks(2, Action::Unshelve(HIGH_HIGH)).refused[0].1, Refusal::NothingToHandle);
    assert_eq!(plant.asks(2, Action::Unshelve(HIGH)).changed, 1);
    assert_eq!(plant.state(HIGH), Unacked);
    assert_eq!(plant.asks(3, Action::Unshelve(HIGH)).refused[0].1, Refusal::NothingToHandle);
}

/// A device with two points and all kinds of alarms on the first one.
struct Plant {
    engine: Engine,
}

impl Plant {
    fn new() -> Self {
        Self::of(false)
    }

    fn latching() -> Self {
        Self::of(true)
    }

    fn of(latch: bool) -> Self {
        let mut tables = fixture::tables(1);
        for (address, tag) in [(0, "GAS"), (1, "AIR")] {
            let mut point = fixture::point(tag, 0);
            point.source.address = address;
            tables.points.push(point);
        }
        let limit = |side, setpoint| Threshold {
            setpoint: Value::from_i32(setpoint),
            deadband: Value::from_i32(2),
            ..Threshold::switch(side)
        };
        let alarm = |point, kind, side, setpoint| AlarmSpec {
            latch,
            shelve_max: if latch { Duration::ZERO } else { MINUTE },
            ..AlarmSpec::new(point, kind, limit(side, setpoint))
        };
        tables.alarms = vec![
            alarm(GAS, AlarmKind::High, Side::High, 25),
            alarm(GAS, AlarmKind::HighHigh, Side::High, 50),
            alarm(GAS, AlarmKind::Low, Side::Low, 5),
            AlarmSpec {
                signal: Signal::Deviation { from: AIR },
                ..alarm(GAS, AlarmKind::Deviation, Side::High, 40)
            },
            alarm(AIR, AlarmKind::High, Side::High, 25),
        ];
        let site = Arc::new(Site::try_new(tables).unwrap());
        let start = Start { epoch: Epoch(1), utc: Utc::from_unix_ms(0), trust: ClockTrust::Free };
        Self { engine: Engine::new(site, &start, Mono::ZERO) }
    }

    fn reads(&mut self, at: u64, values: [i32; 2]) {
        for (point, value) in [GAS, AIR].into_iter().zip(values) {
            self.takes(at, point, good(value));
        }
    }

    fn takes(&mut self, at: u64, point: PointId, sample: Sample) {
        self.engine.take(second(at), Reading { point, sample });
        self.drain();
    }

    fn asks(&mut self, at: u64, action: Action) -> Answer {
        let answer =
            self.engine.command(second(at), Command { actor: "me".into(), action, note: "because".into() });
        self.drain();
        answer
    }

    fn passes(&mut self, at: u64) {
        self.engine.handle_timeout(second(at));
        self.drain();
    }

    fn drain(&mut self) {
        while self.engine.poll_output().is_some() {}
    }

    fn state(&self, alarm: AlarmId) -> AlarmState {
        self.engine.plant.alarms[alarm.index()].state()
    }

    fn states<const N: usize>(&self, alarms: [AlarmId; N]) -> [AlarmState; N] {
        alarms.map(|alarm| self.state(alarm))
    }

    fn sample(&self, point: PointId) -> Sample {
        self.engine.snapshot().table.get(point).unwrap().sample.clone()
    }
}

fn good(raw: i32) -> Sample {
    Sample::Good(number(raw))
}

fn number(raw: i32) -> Quantity {
    Quantity::Number(Value::from_i32(raw))
}

fn second(second: u64) -> Mono {
    Mono::from_millis(second * 1000)
}
