//! Random histories of dates, tests, clocks and restarts, and the laws that hold in all of them.

use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::bench::{CALIBRATION, HIGH, HIGH_HIGH, OTHER, PROOF, VALVE, begun, good, secs, specs};
use super::*;
use crate::id::{PointId, UpkeepId};
use crate::reading::{NoData, Sample};
use crate::{ClockTrust, Mono, Stamp, Utc, Value};

const DUTIES: [UpkeepId; 3] = [CALIBRATION, PROOF, OTHER];
const TESTS_MAX: u16 = 2;

#[derive(Clone, Copy, Debug)]
enum Event {
    /// Time passes and the clock goes with it.
    Wait {
        seconds: u64,
    },
    /// The clock is read: so many days from where it should be.
    Clock {
        days_off: i64,
        trust: ClockTrust,
    },
    Begin(UpkeepId),
    Take(PointId, Option<i32>),
    Mark(UpkeepId, Mark),
    Finish(UpkeepId),
    Abort(UpkeepId),
    /// A whole test of a detector that works.
    Pass(UpkeepId),
    Restart,
}

fn event() -> impl Strategy<Value = Event> {
    let duty = prop::sample::select(&DUTIES[..]);
    let trust = prop::sample::select(vec![ClockTrust::Unset, ClockTrust::Free, ClockTrust::Synced]);
    let days_off = prop_oneof![Just(0), -4_000..4_000_i64];
    let mark = prop::sample::select(vec![Mark::Applied, Mark::Removed]);
    let value = proptest::option::weighted(0.9, -5..120_i32);
    prop_oneof![
        3 => prop_oneof![1..2_000_u64, 86_400..9_000_000_u64].prop_map(|seconds| Event::Wait { seconds }),
        4 => (days_off, trust).prop_map(|(days_off, trust)| Event::Clock { days_off, trust }),
        2 => duty.clone().prop_map(Event::Begin),
        6 => (0..2_u32, value).prop_map(|(point, value)| Event::Take(PointId(point), value)),
        2 => (duty.clone(), mark).prop_map(|(duty, mark)| Event::Mark(duty, mark)),
        1 => duty.clone().prop_map(Event::Finish),
        1 => duty.clone().prop_map(Event::Abort),
        2 => duty.prop_map(Event::Pass),
        1 => Just(Event::Restart),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn the_laws_hold_in_every_history(events in proptest::collection::vec(event(), 1..80)) {
        let mut world = World::new();
        for event in events {
            world.play(event);
        }
    }
}

/// What a test has been given, as the world remembers it.
struct Test {
    upkeep: UpkeepId,
    values: Vec<Option<Value>>,
}

struct World {
    upkeep: Upkeep,
    stamp: Stamp,
    tests: Vec<Test>,
    /// Duties passed while no clock was believed.
    undated: Vec<UpkeepId>,
    /// What an earlier look found.
    before: Vec<Standing>,
    restarted: bool,
}

impl World {
    fn new() -> Self {
        let utc = Utc::from_unix_ms(1_800_000_000_000);
        let upkeep = fresh();
        let before = upkeep.standing().collect();
        let stamp = Stamp { mono: Mono::ZERO, utc, trust: ClockTrust::Free };
        Self { upkeep, stamp, tests: Vec::new(), undated: Vec::new(), before, restarted: false }
    }

    fn play(&mut self, event: Event) {
        let mut changes = Vec::new();
        self.restarted = false;
        match event {
            Event::Wait { seconds } => {
                self.wait(seconds);
                changes = self.upkeep.step(self.stamp);
            }
            Event::Clock { days_off, trust } => {
                self.stamp.utc = Utc::from_unix_ms(self.stamp.utc.unix_ms() + days_off * 86_400_000);
                self.stamp.trust = trust;
                changes = self.upkeep.step(self.stamp);
            }
            Event::Begin(upkeep) => self.begin(upkeep),
            Event::Take(point, raw) => self.take(point, raw),
            Event::Mark(upkeep, mark) => _ = self.upkeep.mark(self.stamp.mono, upkeep, mark),
            Event::Finish(upkeep) => changes = self.upkeep.finish(self.stamp, upkeep).unwrap_or_default(),
            Event::Abort(upkeep) => changes = self.upkeep.abort(self.stamp, upkeep).unwrap_or_default(),
            Event::Pass(upkeep) => changes = self.pass(upkeep),
            Event::Restart => {
                let kept = self.upkeep.kept();
                self.upkeep = fresh();
                self.stamp.mono = Mono::ZERO;
                self.restarted = true;
                changes = self.upkeep.resume(&kept, self.stamp);
            }
        }
        changes.extend(self.upkeep.step(self.stamp));
        self.check(event, &changes);
        self.check_quiet();
    }

    fn wait(&mut self, seconds: u64) {
        self.stamp.mono = self.stamp.mono + secs(seconds);
        let ms = i64::try_from(seconds * 1_000).unwrap();
        self.stamp.utc = Utc::from_unix_ms(self.stamp.utc.unix_ms() + ms);
    }

    fn begin(&mut self, upkeep: UpkeepId) {
        if self.upkeep.begin(self.stamp, begun(upkeep, Some(Value::from_i32(50)))).is_ok() {
            self.tests.push(Test { upkeep, values: Vec::new() });
        }
        assert!(self.tests.len() <= usize::from(TESTS_MAX));
    }

    fn take(&mut self, point: PointId, raw: Option<i32>) {
        let sample = raw.map_or(Sample::Bad(NoData::Stale), |raw| good(f64::from(raw)));
        self.upkeep.take(self.stamp.mono, point, &sample);
        for test in self.tests.iter_mut().filter(|test| point_of(test.upkeep) == point) {
            test.values.push(raw.map(Value::from_i32));
        }
        self.wait(1);
    }

    fn pass(&mut self, upkeep: UpkeepId) -> Vec<Change> {
        let running = self.tests.len();
        self.begin(upkeep);
        if self.tests.len() == running {
            return Vec::new();
        }
        let point = point_of(upkeep);
        self.take(point, Some(0));
        self.upkeep.mark(self.stamp.mono, upkeep, Mark::Applied).unwrap();
        self.take(point, Some(0));
        self.take(point, Some(50));
        for alarm in [HIGH, HIGH_HIGH] {
            self.upkeep.alarm(self.stamp.mono, point, (alarm, Edge::Up));
        }
        for moved in [TripMove::Moved, TripMove::Proven] {
            self.upkeep.trip(self.stamp.mono, VALVE, moved);
        }
        self.upkeep.mark(self.stamp.mono, upkeep, Mark::Removed).unwrap();
        self.wait(1);
        self.take(point, Some(0));
        self.upkeep.finish(self.stamp, upkeep).unwrap()
    }

    fn check(&mut self, event: Event, changes: &[Change]) {
        let mut passed = Vec::new();
        for change in changes {
            if let Change::Ended(evidence) = change {
                self.check_evidence(evidence);
                if evidence.outcome == Outcome::Passed {
                    passed.push(evidence.begun.upkeep);
                }
            }
        }
        if let Event::Pass(upkeep) = event {
            let ended = |change: &Change| matches!(change, Change::Ended(of) if of.begun.upkeep == upkeep);
            assert_eq!(passed.contains(&upkeep), changes.iter().any(ended), "a detector that works passes");
        }
        let running = self.upkeep.standing().filter(|standing| standing.runs_until.is_some());
        assert_eq!(running.count(), self.tests.len(), "a test that began has ended once or runs");
        let now: Vec<Standing> = self.upkeep.standing().collect();
        for (before, now) in self.before.clone().into_iter().zip(now.iter().copied()) {
            let has_passed = passed.contains(&now.upkeep);
            self.check_duty(before, now, has_passed);
            let ended = changes.iter().rev().find_map(|change| match change {
                Change::Ended(evidence) if evidence.begun.upkeep == now.upkeep => Some(&evidence.outcome),
                Change::Ended(_) | Change::Due { .. } | Change::Failing { .. } => None,
            });
            let failing = ended.map_or(before.failing, |outcome| *outcome != Outcome::Passed);
            assert_eq!(now.failing, failing);
        }
        self.before = now;
    }

    fn check_duty(&mut self, before: Standing, now: Standing, has_passed: bool) {
        let Stamp { trust, .. } = self.stamp;
        if now.passed != before.passed && !has_passed {
            let undated = self.undated.iter().position(|upkeep| *upkeep == now.upkeep);
            let undated = undated.expect("only a passed test moves the date");
            self.undated.remove(undated);
        }
        if before.due == Due::Overdue && now.due != Due::Overdue && !has_passed {
            assert_eq!(trust, ClockTrust::Synced, "{before:?} {now:?}");
        }
        if before.due != now.due {
            match now.due {
                Due::Fine | Due::DueSoon => assert_ne!(trust, ClockTrust::Unset),
                Due::Overdue => assert!(trust != ClockTrust::Unset || self.restarted),
                Due::NeverDone => assert_eq!(now.passed, None),
                Due::Unjudged => {}
            }
        }
        if has_passed {
            assert!(!now.due.is_due(), "{now:?}");
            if now.passed.is_none() {
                self.undated.push(now.upkeep);
            }
        }
    }

    fn check_evidence(&mut self, evidence: &Evidence) {
        let index = self.tests.iter().position(|test| test.upkeep == evidence.begun.upkeep);
        let test = self.tests.remove(index.expect("it ended once"));
        if evidence.outcome == Outcome::Failed(vec![Failure::Restarted]) {
            return;
        }
        let Trace { samples, taken, gaps, .. } = &evidence.trace;
        assert!(samples.len() <= SAMPLES_MAX);
        assert_eq!(*taken as usize, test.values.len());
        assert_eq!(*gaps as usize, test.values.iter().filter(|value| value.is_none()).count());
        let kept: Vec<Option<Value>> = samples.iter().map(|sample| sample.value).collect();
        assert_eq!((kept.first(), kept.last()), (test.values.first(), test.values.last()));
        let ends = |values: &[Option<Value>]| {
            (values.iter().flatten().min().copied(), values.iter().flatten().max().copied())
        };
        assert_eq!(ends(&kept), ends(&test.values));
        if let Outcome::Failed(reasons) = &evidence.outcome {
            assert!(!reasons.is_empty());
        }
    }

    /// Looking twice finds nothing more, and the next look is within a day.
    fn check_quiet(&mut self) {
        let now = self.stamp.mono;
        assert_eq!(self.upkeep.step(self.stamp), []);
        let (next, _) = self.upkeep.poll_timeout().unwrap();
        assert!(now < next && next <= now + DAY, "{next:?}");
    }
}

fn fresh() -> Upkeep {
    Upkeep::new(specs(), Bounds { tests_max: TESTS_MAX, ..Bounds::default() })
}

fn point_of(upkeep: UpkeepId) -> PointId {
    specs()[upkeep.index()].point
}
