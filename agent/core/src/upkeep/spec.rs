//! What has to be tested, how often, and what it has to show.

use alloc::vec::Vec;
use core::time::Duration;

use super::DAY;
use crate::alarm::AlarmSpec;
use crate::id::{AlarmId, PointId, TripId, UpkeepId};
use crate::interlock::TripSpec;
use crate::point::{PointSpec, Shape};
use crate::{Utc, Value};

/// What kind of work it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Duty {
    /// 标定: the detector is compared with a known gas and adjusted. Its point is under bypass meanwhile, which the caller
    /// sees to: nothing trips, and nothing has to.
    Calibration,
    /// 功能测试: the whole chain from the detector to the valve. Its point is *not* under bypass: what has to trip does.
    ProofTest,
}

/// What a proof test has to see happen: an effect of the cause & effect matrix, or the alarm before it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Effect {
    /// The alarm trips.
    Alarm(AlarmId),
    /// The trip moves.
    Trip(TripId),
    /// The trip's feedback shows the safe position.
    Feedback(TripId),
}

/// What a test must keep to; what is not given is measured and not judged.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Limits {
    /// The longest response time t90. GB 15322.1 and GB/T 50493 count it from the moment at which the gas is applied.
    pub response_max: Option<Duration>,
    /// The longest recovery time.
    pub recovery_max: Option<Duration>,
    /// The largest distance from the applied value at the plateau, in the point's unit.
    pub deviation_max: Option<Value>,
}

/// A duty of upkeep, valid when [`faults`] has nothing to say.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UpkeepSpec {
    /// The point.
    pub point: PointId,
    /// What has to be done.
    pub duty: Duty,
    /// How often, in whole days.
    pub every: Duration,
    /// So long before its date it is due soon.
    pub warn_before: Duration,
    /// What it must keep to.
    pub limits: Limits,
    /// What a proof test has to see; empty for a calibration, which sees nothing trip.
    pub proves: Vec<Effect>,
    /// When it was done last before this gateway knew of it.
    pub last_done: Option<Utc>,
}

/// The tables a duty refers to.
#[derive(Clone, Copy, Debug)]
pub struct Plant<'a> {
    /// Points, in site order.
    pub points: &'a [PointSpec],
    /// Alarms, in site order.
    pub alarms: &'a [AlarmSpec],
    /// Trips, in site order.
    pub trips: &'a [TripSpec],
}

/// What is wrong with a duty.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UpkeepFault {
    /// No point has this number.
    UnknownPoint,
    /// The point reads text: nothing could be judged.
    NoNumber,
    /// It would be due at every moment.
    NoInterval,
    /// A date is a day.
    NotWholeDays,
    /// It would be due soon as soon as it was done.
    WarnsTooEarly,
    /// The same duty of the same point is in the table already.
    Twice(UpkeepId),
    /// A limit of zero or less, which nothing keeps.
    ImpossibleLimit,
    /// A proof test that has to see nothing.
    ProvesNothing,
    /// A calibration that has to see something trip: its point is bypassed.
    NothingTrips,
    /// No alarm or trip has this number.
    UnknownEffect(Effect),
    /// An alarm on another point: gas at this detector does not trip it.
    OtherPoint(AlarmId),
    /// Nothing shows the safe position of this trip.
    NoFeedback(TripId),
    /// An effect that is named more than once.
    EffectTwice(Effect),
}

/// Everything that is wrong with a table of duties.
#[must_use]
pub fn faults(specs: &[UpkeepSpec], plant: Plant<'_>) -> Vec<(UpkeepId, UpkeepFault)> {
    let mut faults = Vec::new();
    for (id, spec) in (0..).map(UpkeepId).zip(specs) {
        let same = |other: &UpkeepSpec| (other.point, other.duty) == (spec.point, spec.duty);
        let first = (0..).map(UpkeepId).zip(specs).find(|(_, other)| same(other)).map(|(first, _)| first);
        let twice = first.filter(|first| *first != id).map(UpkeepFault::Twice);
        let found = twice.into_iter().chain(spec.point_fault(plant.points)).chain(spec.date_faults());
        let found = found.chain(spec.limit_fault()).chain(spec.effect_faults(plant));
        faults.extend(found.map(|fault| (id, fault)));
    }
    faults
}

impl UpkeepSpec {
    fn point_fault(&self, points: &[PointSpec]) -> Option<UpkeepFault> {
        match points.get(self.point.index()).map(|point| point.source.shape) {
            None => Some(UpkeepFault::UnknownPoint),
            Some(Shape::Text(_)) => Some(UpkeepFault::NoNumber),
            Some(_) => None,
        }
    }

    fn date_faults(&self) -> impl Iterator<Item = UpkeepFault> {
        let whole = |span: Duration| span.as_millis().is_multiple_of(DAY.as_millis());
        let zero = self.every.is_zero().then_some(UpkeepFault::NoInterval);
        let part = (!whole(self.every) || !whole(self.warn_before)).then_some(UpkeepFault::NotWholeDays);
        let early = !self.every.is_zero() && self.warn_before >= self.every;
        zero.into_iter().chain(part).chain(early.then_some(UpkeepFault::WarnsTooEarly))
    }

    fn limit_fault(&self) -> Option<UpkeepFault> {
        let Limits { response_max, recovery_max, deviation_max } = self.limits;
        let mut times = response_max.into_iter().chain(recovery_max);
        let impossible =
            times.any(|max| max.is_zero()) || deviation_max.is_some_and(|max| max <= Value::ZERO);
        impossible.then_some(UpkeepFault::ImpossibleLimit)
    }

    fn effect_faults(&self, plant: Plant<'_>) -> Vec<UpkeepFault> {
        let mut faults = Vec::new();
        match self.duty {
            Duty::Calibration if !self.proves.is_empty() => faults.push(UpkeepFault::NothingTrips),
            Duty::ProofTest if self.proves.is_empty() => faults.push(UpkeepFault::ProvesNothing),
            Duty::Calibration | Duty::ProofTest => {}
        }
        for (index, effect) in self.proves.iter().copied().enumerate() {
            if self.proves[..index].contains(&effect) {
                faults.push(UpkeepFault::EffectTwice(effect));
            }
            faults.extend(self.effect_fault(effect, plant));
        }
        faults
    }

    fn effect_fault(&self, effect: Effect, plant: Plant<'_>) -> Option<UpkeepFault> {
        let trip = |trip: TripId| plant.trips.get(trip.index());
        match effect {
            Effect::Alarm(alarm) => match plant.alarms.get(alarm.index()) {
                None => Some(UpkeepFault::UnknownEffect(effect)),
                Some(spec) => (spec.point != self.point).then_some(UpkeepFault::OtherPoint(alarm)),
            },
            Effect::Trip(id) => trip(id).is_none().then_some(UpkeepFault::UnknownEffect(effect)),
            Effect::Feedback(id) => match trip(id) {
                None => Some(UpkeepFault::UnknownEffect(effect)),
                Some(spec) => spec.prove.is_none().then_some(UpkeepFault::NoFeedback(id)),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;
    use crate::fixture;

    #[test]
    fn everything_wrong_with_a_table_is_said() {
        use UpkeepFault as F;
        let points = vec![fixture::point("A", 0), fixture::point("B", 0), text()];
        let alarms = [fixture::alarm(PointId(0)), fixture::alarm(PointId(1))];
        let trips = [trip()];
        let plant = Plant { points: &points, alarms: &alarms, trips: &trips };
        let said = |spec: UpkeepSpec| -> Vec<F> {
            faults(&[spec], plant).into_iter().map(|(_, fault)| fault).collect()
        };
        assert_eq!(said(calibration()), []);
        assert_eq!(said(proof(&[Effect::Alarm(AlarmId(0)), Effect::Trip(TripId(0))])), []);
        let with = |change: fn(&mut UpkeepSpec)| {
            let mut spec = calibration();
            change(&mut spec);
            said(spec)
        };
        assert_eq!(with(|spec| spec.point = PointId(9)), [F::UnknownPoint]);
        assert_eq!(with(|spec| spec.point = PointId(2)), [F::NoNumber]);
        let no_interval = |spec: &mut UpkeepSpec| {
            (spec.every, spec.warn_before) = (Duration::ZERO, Duration::ZERO);
        };
        assert_eq!(with(no_interval), [F::NoInterval]);
        assert_eq!(with(|spec| spec.every += Duration::from_secs(1)), [F::NotWholeDays]);
        assert_eq!(with(|spec| spec.warn_before += Duration::from_secs(1)), [F::NotWholeDays]);
        assert_eq!(with(|spec| spec.warn_before = spec.every), [F::WarnsTooEarly]);
        assert_eq!(with(|spec| spec.limits.response_max = Some(Duration::ZERO)), [F::ImpossibleLimit]);
        assert_eq!(with(|spec| spec.limits.recovery_max = Some(Duration::ZERO)), [F::ImpossibleLimit]);
        assert_eq!(with(|spec| spec.limits.deviation_max = Some(Value::ZERO)), [F::ImpossibleLimit]);
        assert_eq!(with(|spec| spec.proves = vec![Effect::Trip(TripId(0))]), [F::NothingTrips]);
        assert_eq!(said(proof(&[])), [F::ProvesNothing]);
        let bad = [
            Effect::Alarm(AlarmId(9)),
            Effect::Alarm(AlarmId(1)),
            Effect::Feedback(TripId(0)),
            Effect::Feedback(TripId(9)),
            Effect::Trip(TripId(9)),
            Effect::Trip(TripId(0)),
            Effect::Trip(TripId(0)),
        ];
        let wanted = [
            F::UnknownEffect(bad[0]),
            F::OtherPoint(AlarmId(1)),
            F::NoFeedback(TripId(0)),
            F::UnknownEffect(bad[3]),
            F::UnknownEffect(bad[4]),
            F::EffectTwice(bad[6]),
        ];
        assert_eq!(said(proof(&bad)), wanted);
    }

    #[test]
    fn a_duty_stands_once_in_the_table_and_two_duties_of_a_point_are_two() {
        let points = [fixture::point("A", 0), fixture::point("B", 0)];
        let alarms = [fixture::alarm(PointId(0))];
        let plant = Plant { points: &points, alarms: &alarms, trips: &[] };
        let other = UpkeepSpec { point: PointId(1), ..calibration() };
        let table = [calibration(), proof(&[Effect::Alarm(AlarmId(0))]), other, calibration()];
        assert_eq!(faults(&table, plant), [(UpkeepId(3), UpkeepFault::Twice(UpkeepId(0)))]);
    }

    fn calibration() -> UpkeepSpec {
        UpkeepSpec {
            point: PointId(0),
            duty: Duty::Calibration,
            every: 90 * DAY,
            warn_before: 14 * DAY,
            limits: Limits::default(),
            proves: Vec::new(),
            last_done: None,
        }
    }

    fn proof(proves: &[Effect]) -> UpkeepSpec {
        UpkeepSpec { duty: Duty::ProofTest, proves: proves.to_vec(), ..calibration() }
    }

    fn text() -> PointSpec {
        let mut point = fixture::point("T", 0);
        point.source.shape = Shape::Text(4);
        point
    }

    fn trip() -> TripSpec {
        TripSpec {
            name: "trip".into(),
            causes: Vec::new(),
            on_fault: crate::vote::OnFault::Trip,
            outputs: Vec::new(),
            latch: true,
            permissives: Vec::new(),
            prove: None,
            reset_button: None,
        }
    }
}
