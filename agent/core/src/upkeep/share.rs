//! Two standing figures of a site: 联锁投用率, the share of interlocks in service, and the share of healthy points. Each is a
//! count at one moment and a share of time over a running period. It counts, and decides nothing.

use core::ops::Add;
use core::time::Duration;

use crate::Mono;
use crate::bypass::Bypass;
use crate::id::PointId;
use crate::interlock::{Cause, CauseState, TripSpec};
use crate::point::PointSpec;
use crate::reading::{Doubt, Sample};

/// Whether one interlock point or trip could do its work at this moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Service {
    /// It could.
    Serving,
    /// A person took it out.
    Bypassed,
    /// It sees nothing.
    Blind,
}

/// How many of how many.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Count {
    /// Those that serve or are healthy.
    pub serving: u32,
    /// All there are.
    pub of: u32,
}

/// Time of all members together: two points in service for an hour are two hours.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Served {
    /// Time in service.
    pub serving: Duration,
    /// All time.
    pub of: Duration,
}

impl Count {
    /// Counts.
    pub fn of(members: impl IntoIterator<Item = bool>) -> Self {
        let count = |sum: Self, serves| Self {
            serving: sum.serving.saturating_add(u32::from(serves)),
            of: sum.of.saturating_add(1),
        };
        members.into_iter().fold(Self::default(), count)
    }

    /// In thousandths, rounded down: 1000 means all of them. `None` where there are none.
    #[must_use]
    pub fn permille(self) -> Option<u16> {
        permille(u128::from(self.serving), u128::from(self.of))
    }
}

impl Add for Count {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { serving: self.serving.saturating_add(other.serving), of: self.of.saturating_add(other.of) }
    }
}

impl Served {
    /// In thousandths, rounded down: 1000 means all of them at every moment. `None` where no time was counted.
    #[must_use]
    pub fn permille(self) -> Option<u16> {
        permille(self.serving.as_micros(), self.of.as_micros())
    }

    fn add(&mut self, count: Count, span: Duration) {
        self.serving = self.serving.saturating_add(span.saturating_mul(count.serving));
        self.of = self.of.saturating_add(span.saturating_mul(count.of));
    }
}

fn permille(part: u128, whole: u128) -> Option<u16> {
    let share = part.saturating_mul(1_000).checked_div(whole)?;
    u16::try_from(share).ok()
}

/// Whether an interlock point serves. A suspect value does, for it may trip; one without a value is blind.
#[must_use]
pub fn point_service(point: PointId, sample: Option<&Sample>, bypasses: &[Bypass]) -> Service {
    if bypasses.iter().any(|bypass| bypass.point == point) {
        return Service::Bypassed;
    }
    match sample {
        Some(Sample::Bad(_) | Sample::Suspect(_, Doubt::FunctionCheck)) | None => Service::Blind,
        Some(Sample::Good(_) | Sample::Suspect(..)) => Service::Serving,
    }
}

/// Whether a trip serves: at least one of its causes could trip it. A cause that is taken out or blind is counted where it is
/// a point; here it counts when nothing else is left.
#[must_use]
pub fn trip_service(spec: &TripSpec, cause: impl Fn(Cause) -> CauseState) -> Service {
    let states = spec.causes.iter().map(|id| cause(*id));
    let sees = |state: CauseState| matches!(state, CauseState::Quiet | CauseState::Standing);
    if states.clone().any(sees) {
        Service::Serving
    } else if states.clone().any(|state| state == CauseState::Unknown) || spec.causes.is_empty() {
        Service::Blind
    } else {
        Service::Bypassed
    }
}

/// Interlock points in service: those whose [`PointSpec::interlock`] is set. Add the trips for 联锁投用率.
#[must_use]
pub fn interlock_points<'a>(
    points: &[PointSpec],
    sample: impl Fn(PointId) -> Option<&'a Sample>,
    bypasses: &[Bypass],
) -> Count {
    let members = (0..).map(PointId).zip(points).filter(|(_, spec)| spec.interlock);
    Count::of(members.map(|(id, _)| point_service(id, sample(id), bypasses) == Service::Serving))
}

/// Trips in service.
#[must_use]
pub fn trips(specs: &[TripSpec], cause: impl Fn(Cause) -> CauseState) -> Count {
    Count::of(specs.iter().map(|spec| trip_service(spec, &cause) == Service::Serving))
}

/// Healthy points: good and not bypassed. A stale sample is bad, and a suspect one is not healthy.
#[must_use]
pub fn healthy_points<'a>(
    points: &[PointSpec],
    sample: impl Fn(PointId) -> Option<&'a Sample>,
    bypasses: &[Bypass],
) -> Count {
    let is_bypassed = |id| bypasses.iter().any(|bypass| bypass.point == id);
    let ids = (0..).map(PointId).take(points.len());
    Count::of(ids.map(|id| sample(id).is_some_and(Sample::is_good) && !is_bypassed(id)))
}

/// Both figures over a whole period.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct DayShares {
    /// 联锁投用率: interlock points and trips in service.
    pub interlocks: Served,
    /// Healthy points.
    pub healthy: Served,
}

/// What of a share outlives a restart.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct KeptShare {
    /// The running period so far.
    pub running: Served,
    /// How much of the period is left.
    pub left: Duration,
    /// The last whole period.
    pub last: Option<Served>,
    /// How many members there were.
    pub of: u32,
}

/// A share of time over a running period, in constant memory. A count holds until the next one.
#[derive(Clone, Copy, Debug)]
pub struct TimeShare {
    period: Duration,
    at: Mono,
    left: Duration,
    count: Count,
    running: Served,
    last: Option<Served>,
}

impl TimeShare {
    /// Nothing was counted; the time until the first count belongs to nobody. A period lasts a second at least.
    #[must_use]
    pub fn new(now: Mono, period: Duration) -> Self {
        let period = period.max(Duration::from_secs(1));
        let (count, running) = (Count::default(), Served::default());
        Self { period, at: now, left: period, count, running, last: None }
    }

    /// Goes on where an earlier run stopped, `away` ago. While the gateway was off nothing served; a time that no clock can
    /// tell is not counted. Returns the period that ended meanwhile, if one did: of several, the last.
    pub fn resume(&mut self, kept: KeptShare, away: Option<Duration>) -> Option<Served> {
        self.running = kept.running;
        self.last = kept.last;
        self.left = if kept.left.is_zero() { self.period } else { kept.left.min(self.period) };
        self.count = Count { serving: 0, of: kept.of };
        let ended = self.pass(away.unwrap_or_default());
        self.count = Count::default();
        ended
    }

    /// What must outlive a restart, as of the last step.
    #[must_use]
    pub const fn kept(&self) -> KeptShare {
        KeptShare { running: self.running, left: self.left, last: self.last, of: self.count.of }
    }

    /// Takes the count of this moment. Returns the period that ended, if one did: of several, the last.
    pub fn step(&mut self, now: Mono, count: Count) -> Option<Served> {
        let span = now.since(self.at);
        self.at = self.at.max(now);
        let ended = self.pass(span);
        self.count = count;
        ended
    }

    /// When the period ends.
    #[must_use]
    pub fn poll_timeout(&self) -> (Mono, &'static str) {
        (self.at + self.left, "a period of a standing figure ends")
    }

    /// The last count.
    #[must_use]
    pub const fn count(&self) -> Count {
        self.count
    }

    /// The running period so far, as of the last step.
    #[must_use]
    pub const fn running(&self) -> Served {
        self.running
    }

    /// The last whole period.
    #[must_use]
    pub const fn last(&self) -> Option<Served> {
        self.last
    }

    fn pass(&mut self, span: Duration) -> Option<Served> {
        let Some(beyond) = span.checked_sub(self.left) else {
            self.running.add(self.count, span);
            self.left -= span;
            return None;
        };
        self.running.add(self.count, self.left);
        let mut ended = core::mem::take(&mut self.running);
        if beyond >= self.period {
            ended = Served::default();
            ended.add(self.count, self.period);
        }
        let into = beyond.as_nanos() % self.period.as_nanos();
        let into = Duration::from_nanos_u128(into);
        self.running.add(self.count, into);
        self.left = self.period - into;
        self.last = Some(ended);
        Some(ended)
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::String;
    use alloc::vec;
    use alloc::vec::Vec;

    use proptest::prelude::*;

    use super::*;
    use crate::Value;
    use crate::fixture;
    use crate::id::AlarmId;
    use crate::reading::{NoData, Quantity};

    const GOOD: Sample = Sample::Good(Quantity::Number(Value::ONE));
    const OVER: Sample = Sample::Suspect(Quantity::Number(Value::ONE), Doubt::OverRange);
    const STALE: Sample = Sample::Bad(NoData::Stale);

    #[test]
    fn every_point_is_serving_bypassed_or_blind_and_healthy_or_not() {
        use Service::{Blind, Bypassed, Serving};
        let points = vec![crate::point::PointSpec { interlock: true, ..fixture::point("P", 0) }];
        for (sample, service, healthy) in [
            (Some(&GOOD), Serving, true),
            (Some(&OVER), Serving, false),
            (Some(&STALE), Blind, false),
            (None, Blind, false),
        ] {
            for bypassed in [false, true] {
                let bypasses: Vec<Bypass> = bypassed.then(bypass).into_iter().collect();
                let found = point_service(PointId(0), sample, &bypasses);
                assert_eq!(found, if bypassed { Bypassed } else { service }, "{sample:?}");
                let healthy = Count { serving: u32::from(healthy && !bypassed), of: 1 };
                assert_eq!(healthy_points(&points, |_| sample, &bypasses), healthy, "{sample:?}");
                let serving = u32::from(service == Serving && !bypassed);
                assert_eq!(interlock_points(&points, |_| sample, &bypasses), Count { serving, of: 1 });
            }
        }
    }

    #[test]
    fn a_point_that_is_no_interlock_is_none_of_the_interlocks() {
        let points = vec![fixture::point("P", 0)];
        assert_eq!(interlock_points(&points, |_| Some(&GOOD), &[]), Count::default());
        assert_eq!(Count::default().permille(), None);
    }

    /// Two causes, each in every state.
    #[test]
    fn a_trip_serves_while_one_of_its_causes_could_trip_it() {
        use CauseState::{Bypassed, Quiet, Standing, Unknown};
        let states = [Quiet, Bypassed, Unknown, Standing];
        for (first, second) in states.iter().flat_map(|first| states.map(|second| (*first, second))) {
            let wanted = match (first, second) {
                (Bypassed, Bypassed) => Service::Bypassed,
                (Bypassed | Unknown, Bypassed | Unknown) => Service::Blind,
                _ => Service::Serving,
            };
            let cause = |cause| if cause == Cause::Alarm(AlarmId(0)) { first } else { second };
            assert_eq!(trip_service(&trip(2), cause), wanted, "{first:?} {second:?}");
            let serving = u32::from(wanted == Service::Serving);
            assert_eq!(trips(&[trip(2)], cause), Count { serving, of: 1 });
        }
        assert_eq!(trip_service(&trip(0), |_| Quiet), Service::Blind);
    }

    #[test]
    fn half_a_day_out_of_service_is_half_a_share() {
        let mut share = TimeShare::new(hour(1), 24 * HOUR);
        assert_eq!(share.step(hour(2), Count { serving: 2, of: 2 }), None);
        assert_eq!(share.running(), Served::default(), "before the first count nothing is known");
        share.step(hour(8), Count { serving: 1, of: 2 });
        share.step(hour(14), Count { serving: 2, of: 2 });
        // A time that was counted is not counted again.
        share.step(hour(10), Count { serving: 2, of: 2 });
        share.step(hour(14), Count { serving: 2, of: 2 });
        assert_eq!(share.running(), Served { serving: 18 * HOUR, of: 24 * HOUR });
        assert_eq!(share.running().permille(), Some(750));
        assert_eq!(share.poll_timeout().0, hour(25));
        let ended = share.step(hour(25), Count { serving: 2, of: 2 });
        assert_eq!(ended, Some(Served { serving: 40 * HOUR, of: 46 * HOUR }));
        assert_eq!((share.running(), share.last()), (Served::default(), ended));
    }

    #[test]
    fn a_gateway_that_is_off_serves_nobody() {
        let mut share = TimeShare::new(hour(0), 24 * HOUR);
        share.step(hour(0), Count { serving: 1, of: 1 });
        share.step(hour(6), Count { serving: 1, of: 1 });
        let kept = share.kept();
        for (away, running, left) in [
            (None, Served { serving: 6 * HOUR, of: 6 * HOUR }, 18),
            (Some(6 * HOUR), Served { serving: 6 * HOUR, of: 12 * HOUR }, 12),
            (Some(24 * HOUR), Served { serving: Duration::ZERO, of: 6 * HOUR }, 18),
        ] {
            let mut next = TimeShare::new(hour(0), 24 * HOUR);
            next.resume(kept, away);
            assert_eq!(next.running(), running, "{away:?}");
            assert_eq!(next.poll_timeout().0, hour(left), "{away:?}");
        }
        let mut next = TimeShare::new(hour(0), 24 * HOUR);
        next.resume(kept, Some(Duration::MAX));
        assert_eq!(next.last().map(|last| last.permille()), Some(Some(0)));
    }

    proptest! {
        #[test]
        fn periods_add_up_to_the_time_that_passed(
            steps in proptest::collection::vec((0..40_u64, 0..4_u32, 0..4_u32), 1..60),
            period in 1..30_u64,
        ) {
            let mut share = TimeShare::new(Mono::ZERO, Duration::from_secs(period));
            let (mut at, mut count) = (0, Count::default());
            // Second by second, without any memory but sums.
            let (mut model, mut ended) = (Served::default(), None);
            for (wait, out, of) in steps {
                for _ in 0..wait {
                    model.add(count, Duration::from_secs(1));
                    at += 1;
                    if at % period == 0 {
                        ended = Some(core::mem::take(&mut model));
                    }
                }
                count = Count { serving: of.saturating_sub(out), of };
                share.step(Mono::from_millis(at * 1_000), count);
                prop_assert_eq!((share.running(), share.last()), (model, ended));
                prop_assert!(share.running().serving <= share.running().of);
                let (next, _) = share.poll_timeout();
                prop_assert_eq!(next, Mono::from_millis((at / period + 1) * period * 1_000));
                let mut again = TimeShare::new(Mono::ZERO, Duration::from_secs(period));
                again.resume(share.kept(), None);
                prop_assert_eq!(again.running(), share.running());
            }
        }
    }

    const HOUR: Duration = Duration::from_secs(3600);

    fn hour(number: u64) -> Mono {
        Mono::from_millis(number * 3_600_000)
    }

    fn trip(causes: u32) -> TripSpec {
        TripSpec {
            name: "trip".into(),
            causes: (0..causes).map(AlarmId).map(Cause::Alarm).collect(),
            on_fault: crate::vote::OnFault::Trip,
            outputs: Vec::new(),
            latch: true,
            permissives: Vec::new(),
            prove: None,
            reset_button: None,
        }
    }

    fn bypass() -> Bypass {
        let (actor, approver, reason) = (String::new(), String::new(), String::new());
        Bypass { point: PointId(0), actor, approver, reason, until: Mono::ZERO }
    }
}
