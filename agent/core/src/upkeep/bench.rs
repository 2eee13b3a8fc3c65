//! A bench for tests: a detector with a first-order cell, and a technician with a bottle and a watch.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

use super::*;
use crate::id::{AlarmId, PointId, TripId, UpkeepId};
use crate::reading::{NoData, Quantity, Sample};
use crate::{ClockTrust, Mono, Stamp, Utc, Value};

pub(super) const CALIBRATION: UpkeepId = UpkeepId(0);
pub(super) const PROOF: UpkeepId = UpkeepId(1);
pub(super) const OTHER: UpkeepId = UpkeepId(2);
pub(super) const POINT: PointId = PointId(0);
pub(super) const HIGH: AlarmId = AlarmId(0);
pub(super) const HIGH_HIGH: AlarmId = AlarmId(1);
pub(super) const VALVE: TripId = TripId(0);

pub(super) const ON_S: u64 = 63;
pub(super) const OFF_S: u64 = 187;

/// A test of one detector, second by second: gas on at 63, off at 187, neither a multiple of what thinning leaves.
pub(super) struct Bench {
    pub(super) upkeep: UpkeepId,
    pub(super) applied: Option<f64>,
    /// What the detector reads in clean air, and in the gas in the end.
    pub(super) clean: f64,
    pub(super) reads: f64,
    pub(super) t90_s: f64,
    pub(super) period_s: u64,
    /// How long it goes on after the gas is off.
    pub(super) after_s: u64,
    pub(super) said_late_s: u64,
    pub(super) marks: &'static [Mark],
    pub(super) alarms: &'static [(u64, AlarmId)],
    pub(super) trips: &'static [(u64, TripMove)],
    pub(super) spoils: Option<NoData>,
}

impl Default for Bench {
    fn default() -> Self {
        Self {
            upkeep: CALIBRATION,
            applied: Some(50.0),
            clean: 0.0,
            reads: 50.0,
            t90_s: 19.99,
            period_s: 1,
            after_s: 120,
            said_late_s: 0,
            marks: &[Mark::Applied, Mark::Removed],
            alarms: &[],
            trips: &[],
            spoils: None,
        }
    }
}

impl Bench {
    pub(super) fn proof() -> Self {
        let alarms = &[(66, HIGH), (75, HIGH_HIGH)];
        let trips = &[(75, TripMove::Moved), (78, TripMove::Proven)];
        Self { upkeep: PROOF, alarms, trips, ..Self::default() }
    }

    pub(super) fn run(&self) -> Evidence {
        let mut running = Running::begin(self);
        evidence(running.play(self))
    }

    /// A first-order cell: 90 % after `t90_s`.
    fn value(&self, second: u64) -> f64 {
        let left = |since: u64| (-core::f64::consts::LN_10 * since as f64 / self.t90_s).exp();
        let step = self.reads - self.clean;
        if second <= ON_S {
            self.clean
        } else if second <= OFF_S {
            self.clean + step * (1.0 - left(second - ON_S))
        } else {
            self.clean + step * (1.0 - left(OFF_S - ON_S)) * left(second - OFF_S)
        }
    }
}

/// A test that runs, on the clock of its own beginning.
pub(super) struct Running {
    pub(super) upkeep: Upkeep,
    id: UpkeepId,
}

impl Running {
    pub(super) fn begin(bench: &Bench) -> Self {
        let mut upkeep = Upkeep::new(specs(), Bounds::default());
        upkeep.step(stamp(0, ClockTrust::Synced));
        Self::on(upkeep, bench)
    }

    pub(super) fn on(mut upkeep: Upkeep, bench: &Bench) -> Self {
        let applied = bench.applied.and_then(Value::try_new);
        upkeep.begin(stamp(0, ClockTrust::Synced), begun(bench.upkeep, applied)).unwrap();
        Self { upkeep, id: bench.upkeep }
    }

    pub(super) fn play(&mut self, bench: &Bench) -> Vec<Change> {
        let end = OFF_S + bench.after_s;
        for second in 0..=end {
            if second % bench.period_s == 0 {
                let sample = bench.spoils.map_or(good(bench.value(second)), Sample::Bad);
                self.take(second, &sample);
            }
            for (mark, at_s) in [(Mark::Applied, ON_S + bench.said_late_s), (Mark::Removed, OFF_S)] {
                if second == at_s && bench.marks.contains(&mark) {
                    self.mark(second, mark).unwrap();
                }
            }
            for (_, alarm) in bench.alarms.iter().filter(|(due, _)| *due == second) {
                self.upkeep.alarm(at(second), POINT, (*alarm, Edge::Up));
            }
            for (_, moved) in bench.trips.iter().filter(|(due, _)| *due == second) {
                self.upkeep.trip(at(second), VALVE, *moved);
            }
        }
        self.upkeep.finish(stamp(end, ClockTrust::Synced), self.id).unwrap()
    }

    pub(super) fn take(&mut self, second: u64, sample: &Sample) {
        self.upkeep.take(at(second), POINT, sample);
    }

    pub(super) fn mark(&mut self, second: u64, mark: Mark) -> Result<(), Refusal> {
        self.upkeep.mark(at(second), self.id, mark)
    }

    pub(super) fn finish(mut self, second: u64) -> Evidence {
        evidence(self.upkeep.finish(stamp(second, ClockTrust::Synced), self.id).unwrap())
    }

    pub(super) fn abort(mut self, second: u64) -> Evidence {
        evidence(self.upkeep.abort(stamp(second, ClockTrust::Synced), self.id).unwrap())
    }
}

/// A calibration and a proof test of one detector, and a calibration of another one.
pub(super) fn specs() -> alloc::sync::Arc<[UpkeepSpec]> {
    let limits = Limits {
        response_max: Some(secs(30)),
        recovery_max: Some(secs(30)),
        deviation_max: Value::try_new(5.0),
    };
    let calibration = UpkeepSpec {
        point: POINT,
        duty: Duty::Calibration,
        every: 90 * DAY,
        warn_before: 14 * DAY,
        limits,
        proves: Vec::new(),
        last_done: None,
    };
    let proves =
        vec![Effect::Alarm(HIGH), Effect::Alarm(HIGH_HIGH), Effect::Trip(VALVE), Effect::Feedback(VALVE)];
    let proof = UpkeepSpec { duty: Duty::ProofTest, proves, every: 365 * DAY, ..calibration.clone() };
    let other = UpkeepSpec { point: PointId(1), ..calibration.clone() };
    [calibration, proof, other].into()
}

pub(super) fn begun(upkeep: UpkeepId, applied: Option<Value>) -> Begun {
    let (actor, reason) = (String::from("li"), String::from("bottle 7"));
    Begun { upkeep, actor, approver: None, applied, reason }
}

pub(super) fn evidence(changes: Vec<Change>) -> Evidence {
    let mut ended = changes.into_iter().filter_map(|change| match change {
        Change::Ended(evidence) => Some(*evidence),
        Change::Due { .. } | Change::Failing { .. } => None,
    });
    ended.next().unwrap()
}

pub(super) fn good(value: f64) -> Sample {
    Sample::Good(Quantity::Number(Value::try_new(value).unwrap()))
}

pub(super) fn stamp(second: u64, trust: ClockTrust) -> Stamp {
    let utc = Utc::from_unix_ms(1_800_000_000_000 + i64::try_from(second).unwrap() * 1_000);
    Stamp { mono: at(second), utc, trust }
}

pub(super) fn at(second: u64) -> Mono {
    Mono::from_millis(second * 1_000)
}

pub(super) fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
