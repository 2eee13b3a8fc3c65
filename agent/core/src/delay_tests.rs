//! Delays as the engine measures them, on lines that answer slower than planned, not at all, or again.

use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

use crate::alarm::Priority;
use crate::annunciate::{OutputSpec, Role, Wiring};
use crate::id::{BusId, DeviceId, Epoch, PointId};
use crate::link::{Exception, LinkFault, Words};
use crate::outbox::record::Condition;
use crate::poll::{Delay, predict};
use crate::site::SiteTables;
use crate::{ClockTrust, Engine, Input, Mono, Output, Polarity, Site, Start, Utc, fixture};

const EXCEEDED: Condition = Condition::DelayExceeded(BusId(0));
const QUICK: Duration = Duration::from_millis(5);
const SLOW: Duration = Duration::from_millis(190);

#[test]
fn a_bus_that_is_slower_than_planned_says_so_until_a_minute_after_the_last_time() {
    let mut line = Line::new(points(20));
    line.run(60);
    assert!(!line.is_exceeded());
    line.takes = SLOW;
    line.run(20);
    assert!(line.is_exceeded(), "{:?}", line.engine.snapshot().delays[0]);
    line.takes = QUICK;
    // The first answers tell of the slow round; none tells of it twice.
    line.run(2);
    line.run(57);
    assert!(line.is_exceeded());
    line.run(5);
    assert!(!line.is_exceeded());
}

#[test]
fn a_bus_without_safety_points_promises_nothing() {
    let mut tables = points(20);
    tables.points.iter_mut().for_each(|point| point.safety = false);
    let mut line = Line::new(tables);
    line.takes = SLOW;
    line.run(60);
    assert!(!line.is_exceeded());
    assert!(line.engine.snapshot().conditions.contains(&Condition::BusOverrun(BusId(0))), "it is as slow");
}

#[test]
fn one_failed_request_is_within_the_plan_and_three_in_a_row_are_not() {
    for (failures, exceeded) in [(1, false), (3, true)] {
        let mut tables = points(1);
        tables.devices[0].offline_after = 10;
        let mut line = Line::new(tables);
        line.run(10);
        line.fails = vec![Err(LinkFault::Silent); failures];
        line.run(10);
        assert_eq!(line.is_exceeded(), exceeded, "{failures}: {:?}", line.engine.snapshot().delays);
    }
}

#[test]
fn the_first_answer_after_a_start_a_silence_or_a_refusal_is_no_delay() {
    let refused = LinkFault::Refused(Exception::IllegalAddress);
    for fault in [LinkFault::Silent, LinkFault::Gone, refused] {
        let mut line = Line::new(points(1));
        line.run(10);
        line.fails = vec![Err(fault); 12];
        line.run(120);
        assert_eq!(line.fails, [], "it answers again");
        assert!(!line.was_exceeded, "{fault:?}");
        assert!(line.longest_ms() < Some(1_100), "{fault:?}");
    }
}

#[test]
fn coils_that_follow_late_are_a_delay_and_those_of_a_dead_module_are_not() {
    for (offline_after, exceeded) in [(10, true), (3, false)] {
        let mut tables = points(1);
        tables.devices[0].offline_after = offline_after;
        tables.points.clear();
        tables.alarms.clear();
        tables.outputs.push(coil(Role::Heartbeat));
        let mut line = Line::new(tables);
        line.run(10);
        assert!(!line.is_exceeded());
        line.fails = vec![Err(LinkFault::Silent); 4];
        line.run(30);
        assert_eq!(line.fails, []);
        assert_eq!(line.was_exceeded, exceeded, "offline after {offline_after}");
    }
}

#[test]
fn what_was_measured_stands_beside_what_the_plan_says() {
    let mut tables = points(3);
    let on_delay = Duration::from_secs(7);
    tables.alarms[1].threshold.on_delay = on_delay;
    tables.outputs.push(coil(Role::Horn(Priority::Low)));
    let mut line = Line::new(tables);
    let predicted: Vec<_> = predict(&line.site)
        .points
        .iter()
        .map(|delay| (delay.point, delay.parts.map(|parts| parts.total())))
        .collect();
    let states = line.engine.snapshot().delays;
    assert!(states.iter().all(|state| state.longest.is_none()), "{states:?}");
    line.run(5);
    let unraised = line.engine.snapshot().delays[1].longest.unwrap();
    line.reads = 1;
    line.run(5);
    let states = line.engine.snapshot().delays;
    assert_eq!(states.iter().map(|state| (state.point, state.predicted)).collect::<Vec<_>>(), predicted);
    assert_eq!(states[1].point, PointId(1));
    let period = Duration::from_secs(1);
    assert!(unraised >= on_delay + period && unraised < on_delay + period * 2, "{unraised:?}");
    assert!(states[1].longest >= Some(unraised + QUICK), "the coil takes time too: {states:?}");
    assert!(states[1].longest <= states[1].predicted, "{states:?}");
}

#[test]
fn each_delay_is_handed_out_once_and_nobody_has_to_take_it() {
    let mut line = Line::new(points(2));
    line.run(10);
    let taken: Vec<Delay> = core::iter::from_fn(|| line.engine.poll_delay()).collect();
    assert_eq!(taken.len(), 18, "two points, each read ten times");
    assert!(
        taken
            .iter()
            .all(|delay| matches!(delay, Delay::Learnt(took) if *took >= Duration::from_secs(1) + QUICK))
    );
    line.run(600);
    assert!(core::iter::from_fn(|| line.engine.poll_delay()).count() < 1_000, "they are bounded");
}

/// A bus on which every request takes the same time, unless it fails.
struct Line {
    site: Arc<Site>,
    engine: Engine,
    now: Mono,
    takes: Duration,
    reads: u16,
    fails: Vec<Result<(), LinkFault>>,
    was_exceeded: bool,
}

impl Line {
    fn new(tables: SiteTables) -> Self {
        let site = Arc::new(Site::try_new(tables).unwrap());
        let start = Start { epoch: Epoch(1), utc: Utc::from_unix_ms(0), trust: ClockTrust::Free };
        let engine = Engine::new(Arc::clone(&site), &start, Mono::ZERO);
        let (now, fails) = (Mono::ZERO, Vec::new());
        Self { site, engine, now, takes: QUICK, reads: 0, fails, was_exceeded: false }
    }

    fn run(&mut self, seconds: u64) {
        let end = self.now + Duration::from_secs(seconds);
        while self.now < end {
            let asked = core::iter::from_fn(|| self.engine.poll_output())
                .find(|output| matches!(output, Output::Read { .. } | Output::Write { .. }));
            match asked {
                Some(output) => self.answer(&output),
                None => {
                    let wake = self.engine.poll_timeout().map_or(end, |(at, _)| at);
                    self.now = self.now.max(wake).min(end);
                    self.engine.handle_timeout(self.now);
                }
            }
            self.was_exceeded |= self.is_exceeded();
        }
    }

    fn answer(&mut self, output: &Output) {
        let outcome = self.fails.pop().unwrap_or(Ok(()));
        let took = if outcome.is_err() { Duration::from_millis(200) } else { self.takes };
        self.now = self.now + took;
        let input = match *output {
            Output::Read { bus, ticket, request, .. } => {
                let words = Words::Registers(vec![self.reads; usize::from(request.count)]);
                Input::Reply { bus, ticket, result: outcome.map(|()| words) }
            }
            Output::Write { bus, ticket, .. } => Input::Written { bus, ticket, result: outcome },
            _ => unreachable!(),
        };
        self.engine.handle(self.now, input);
        if self.engine.poll_timeout().is_some_and(|(at, _)| at <= self.now) {
            self.engine.handle_timeout(self.now);
        }
    }

    fn is_exceeded(&self) -> bool {
        self.engine.standing_conditions().contains(&EXCEEDED)
    }

    fn longest_ms(&self) -> Option<u128> {
        self.engine.snapshot().delays[0].longest.map(|longest| longest.as_millis())
    }
}

/// So many devices with a point and an alarm each.
fn points(devices: u16) -> SiteTables {
    let mut tables = fixture::tables(devices);
    for device in 0..devices {
        tables.points.push(fixture::point("P", device));
        tables.alarms.push(fixture::alarm(PointId(u32::from(device))));
    }
    tables
}

fn coil(role: Role) -> OutputSpec {
    let wiring = Wiring::Coil { device: DeviceId(0), address: 7 };
    OutputSpec { name: "coil".into(), role, wiring, polarity: Polarity::DeEnergiseToAlarm }
}
