//! The current sample of every point, how old it is, and which samples are worth a record.

use alloc::vec::Vec;

use crate::id::PointId;
use crate::point::{PointSpec, Report};
use crate::reading::{Doubt, NoData, Quantity, Sample};
use crate::site::Site;
use crate::{Mono, Value};

/// A point's current sample.
#[derive(Clone, PartialEq, Debug)]
pub struct Entry {
    /// The sample.
    pub sample: Sample,
    /// When it was taken.
    pub at: Mono,
    stale_at: Mono,
    good: Option<(Sample, Mono)>,
    /// Until when what it showed counts for interlocks; before the first such sample, how long it may be unread.
    credible_until: Mono,
    was_credible: bool,
    reported: Option<(Sample, Mono)>,
}

/// Whether a point's last believable sample still counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Belief {
    /// It has one that is not too old: one reply that failed is no reason to stop a plant.
    Fresh,
    /// It had none since the start, and there is still time.
    Unread,
    /// It has none, or one that is too old.
    Lost,
}

/// The samples of all points.
#[derive(Clone, Debug)]
pub struct PointTable {
    entries: Vec<Entry>,
}

impl PointTable {
    /// A table in which nothing was read yet; points that stay unread become stale.
    #[must_use]
    pub fn new(site: &Site, now: Mono) -> Self {
        let entry = |point: &PointSpec| Entry {
            sample: Sample::Bad(NoData::NeverRead),
            at: now,
            stale_at: now + point.stale_after,
            good: None,
            credible_until: now + point.stale_after,
            was_credible: false,
            reported: None,
        };
        Self { entries: site.points.iter().map(entry).collect() }
    }

    /// A point's entry.
    #[must_use]
    pub fn get(&self, point: PointId) -> Option<&Entry> {
        self.entries.get(point.index())
    }

    /// Takes a sample. Returns when the point becomes stale without another, and whether the sample is worth a record.
    pub(crate) fn update(
        &mut self,
        point: PointId,
        spec: &PointSpec,
        sample: Sample,
        now: Mono,
    ) -> (Mono, bool) {
        let entry = &mut self.entries[point.index()];
        if !matches!(sample, Sample::Bad(_)) {
            entry.stale_at = now + spec.stale_after;
        }
        if sample.is_good() {
            entry.good = Some((sample.clone(), now + spec.stale_after));
        }
        if is_credible(&sample, spec) {
            (entry.credible_until, entry.was_credible) = (now + spec.stale_after, true);
        }
        entry.at = now;
        let worth = is_worth_a_record(entry.reported.as_ref(), &sample, now, &spec.report);
        if worth {
            entry.reported = Some((sample.clone(), now));
        }
        entry.sample = sample;
        (entry.stale_at, worth)
    }

    /// Whether the last believable sample of a point still counts.
    pub(crate) fn belief(&self, point: PointId, now: Mono) -> Belief {
        let entry = &self.entries[point.index()];
        match (now < entry.credible_until, entry.was_credible) {
            (true, true) => Belief::Fresh,
            (true, false) => Belief::Unread,
            (false, _) => Belief::Lost,
        }
    }

    /// Whether with this sample the point has had none that counts for its staleness limit.
    pub(crate) fn is_dead(&self, now: Mono, (point, spec): (PointId, &PointSpec), sample: &Sample) -> bool {
        now >= self.entries[point.index()].credible_until && !is_credible(sample, spec)
    }

    /// The last good sample of a point, unless it is too old.
    pub(crate) fn good(&self, point: PointId, now: Mono) -> Option<&Sample> {
        let (sample, until) = self.entries[point.index()].good.as_ref()?;
        (now < *until).then_some(sample)
    }

    /// Until when the last good sample of a point counts.
    pub(crate) fn good_until(&self, point: PointId) -> Option<Mono> {
        self.entries[point.index()].good.as_ref().map(|(_, until)| *until)
    }

    /// When the point has had no believable sample for its staleness limit.
    pub(crate) fn lost_at(&self, point: PointId) -> Mono {
        self.entries[point.index()].credible_until
    }

    /// When the point becomes stale; `None` once it is bad, unless it was never read.
    pub(crate) fn stale_at(&self, point: PointId) -> Option<Mono> {
        let entry = &self.entries[point.index()];
        match entry.sample {
            Sample::Good(_) | Sample::Suspect(..) | Sample::Bad(NoData::NeverRead) => Some(entry.stale_at),
            Sample::Bad(_) => None,
        }
    }
}

/// A zero may lie so far below the range, as a part of its span, and still be a zero (NE 43 transmitters go to 2.5 %).
const NEGATIVE_DRIFT: f64 = 0.05;

/// Whether an interlock may take the sample for what the plant is like. A value far below what the detector can measure is a
/// broken detector and no quiet one.
fn is_credible(sample: &Sample, spec: &PointSpec) -> bool {
    match sample {
        Sample::Good(_) | Sample::Suspect(_, Doubt::Rounded | Doubt::Bypassed) => true,
        Sample::Suspect(quantity, Doubt::UnderRange) => {
            let number = match quantity {
                Quantity::Number(value) => Some(value.get()),
                Quantity::Text(_) => None,
            };
            spec.range.zip(number).is_some_and(|((min, max), value)| {
                value >= min.get() - (max.get() - min.get()) * NEGATIVE_DRIFT
            })
        }
        Sample::Suspect(
            _,
            Doubt::OverRange | Doubt::OverRangeHeld | Doubt::AfterFault | Doubt::FunctionCheck,
        )
        | Sample::Bad(_) => false,
    }
}

fn is_worth_a_record(reported: Option<&(Sample, Mono)>, sample: &Sample, now: Mono, report: &Report) -> bool {
    let Some((last, at)) = reported else {
        return true;
    };
    if now.since(*at) >= report.heartbeat {
        return true;
    }
    match (last, sample) {
        (Sample::Good(last), Sample::Good(quantity)) => differs(last, quantity, report.deadband),
        (Sample::Suspect(last, was), Sample::Suspect(quantity, is)) => {
            was != is || differs(last, quantity, report.deadband)
        }
        (Sample::Bad(was), Sample::Bad(is)) => was != is,
        (Sample::Good(_) | Sample::Suspect(..) | Sample::Bad(_), _) => true,
    }
}

fn differs(last: &Quantity, quantity: &Quantity, deadband: Value) -> bool {
    match (last, quantity) {
        (Quantity::Number(last), Quantity::Number(number)) => {
            let change = (last.get() - number.get()).abs();
            change > deadband.get()
        }
        (Quantity::Text(last), Quantity::Text(text)) => last != text,
        (Quantity::Number(_), Quantity::Text(_)) | (Quantity::Text(_), Quantity::Number(_)) => true,
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;
    use crate::fixture;

    #[test]
    fn only_changes_beyond_the_deadband_and_heartbeats_are_recorded() {
        let mut tables = fixture::tables(1);
        let mut point = fixture::point("P", 0);
        point.report = Report { deadband: number(2), heartbeat: Duration::from_secs(10) };
        tables.points.push(point.clone());
        let site = Site::try_new(tables).unwrap();
        let mut table = PointTable::new(&site, Mono::ZERO);
        let mut worth = |second: u64, value| {
            let sample = Sample::Good(Quantity::Number(number(value)));
            table.update(PointId(0), &point, sample, Mono::from_millis(second * 1000)).1
        };
        assert!(worth(0, 10), "the first one");
        assert!(!worth(1, 12), "within the deadband");
        assert!(!worth(2, 8), "measured from the last record, not from the last sample");
        assert!(worth(3, 13));
        assert!(!worth(12, 13));
        assert!(worth(13, 13), "the heartbeat");
    }

    #[test]
    fn a_change_of_quality_is_always_recorded() {
        let mut tables = fixture::tables(1);
        tables.points.push(fixture::point("P", 0));
        let site = Site::try_new(tables).unwrap();
        let mut table = PointTable::new(&site, Mono::ZERO);
        let spec = &site.points[0];
        let good = Sample::Good(Quantity::Number(number(1)));
        assert!(table.update(PointId(0), spec, good.clone(), Mono::ZERO).1);
        assert!(table.update(PointId(0), spec, Sample::Bad(NoData::Stale), Mono::ZERO).1);
        assert!(!table.update(PointId(0), spec, Sample::Bad(NoData::Stale), Mono::ZERO).1);
        assert!(table.update(PointId(0), spec, Sample::Bad(NoData::Sentinel), Mono::ZERO).1);
        assert!(table.update(PointId(0), spec, good, Mono::ZERO).1);
    }

    #[test]
    fn a_bad_sample_does_not_make_a_point_fresh() {
        let mut tables = fixture::tables(1);
        tables.points.push(fixture::point("P", 0));
        let site = Site::try_new(tables).unwrap();
        let mut table = PointTable::new(&site, Mono::ZERO);
        assert_eq!(table.stale_at(PointId(0)), Some(Mono::from_millis(3000)));
        let (stale_at, _) =
            table.update(PointId(0), &site.points[0], Sample::Bad(NoData::Sentinel), Mono::from_millis(1000));
        assert_eq!(stale_at, Mono::from_millis(3000));
        assert_eq!(table.stale_at(PointId(0)), None);
    }

    fn number(raw: i32) -> Value {
        Value::from_i32(raw)
    }
}
