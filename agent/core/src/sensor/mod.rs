//! The health of sensors: what a loop current, the status bits of a device and a long look at the zero say about a measured
//! value, in the categories of NAMUR NE 107. It decides the quality of samples and never an alarm.

mod current;
mod drift;
mod status;
#[cfg(test)]
mod tests;

use alloc::vec;
use alloc::vec::Vec;

pub use current::{Current, Loop, level};
pub use drift::{Drift, Negative};
use hazard_field::Category;
pub use status::{StatusSpec, Test, Trouble};

use crate::deadline::Deadlines;
use crate::id::PointId;
use crate::reading::{Doubt, NoData, Quantity, Sample};
use crate::site::{SiteFault, SiteTables};
use crate::{Mono, Value};

/// What is watched of the sensor behind a point.
#[derive(Clone, PartialEq, Debug)]
pub struct SensorSpec {
    /// The point.
    pub point: PointId,
    /// It is a 4–20 mA loop.
    pub current: Option<Current>,
    /// Its zero is watched.
    pub drift: Option<Drift>,
}

/// A point whose sensor is not as it should be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SensorState {
    /// The point.
    pub point: PointId,
    /// The most serious category.
    pub category: Category,
    /// What is the matter, the most serious first.
    pub troubles: Vec<Trouble>,
    /// Since when the category is what it is.
    pub since: Mono,
    /// When the device's function check has lasted too long.
    pub check_until: Option<Mono>,
}

/// What became of a sensor, for the conditions of the monitoring.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    /// In this category.
    Is(Category),
    /// Its device's function check lasts too long: nobody may rely on it.
    CheckOverdue,
}

/// A row of the status table at run time.
#[derive(Clone, Copy, Debug, Default)]
struct Row {
    /// Its source was read, or is known to be lost.
    known: bool,
    /// Its source has no value.
    lost: bool,
    /// Since when it holds.
    since: Option<Mono>,
}

/// A watched point at run time.
#[derive(Clone, Debug)]
struct Watched {
    point: PointId,
    current: Option<current::Watch>,
    drift: Option<drift::Watch>,
    /// Rows of the status table that speak of it.
    rows: Vec<usize>,
    /// Doubt that its last sample brought along.
    doubt: Option<Doubt>,
    /// Its last sample has no value, for no reason of the sensor's.
    is_bad: bool,
    verdict: Verdict,
    since: Mono,
}

/// The sensors of a site.
#[derive(Clone, Debug)]
pub(crate) struct Sensors {
    watched: Vec<Watched>,
    /// By point.
    of: Vec<Option<usize>>,
    /// By source: the rows that it decides.
    rows_of: Vec<Vec<usize>>,
    rows: Vec<Row>,
    limits: Deadlines,
}

impl Sensors {
    pub(crate) fn new(site: &SiteTables, now: Mono) -> Self {
        let mut sensors = Self {
            watched: Vec::new(),
            of: vec![None; site.points.len()],
            rows_of: vec![Vec::new(); site.points.len()],
            rows: vec![Row::default(); site.statuses.len()],
            limits: Deadlines::new(site.statuses.len()),
        };
        for spec in &site.sensors {
            let watched = sensors.watch(spec.point, now);
            watched.current = spec.current.map(current::Watch::new);
            watched.drift = spec.drift.map(|drift| drift::Watch::new(drift, now));
        }
        for (index, status) in site.statuses.iter().enumerate() {
            sensors.rows_of[status.source.index()].push(index);
            for point in &status.of {
                sensors.watch(*point, now).rows.push(index);
            }
        }
        sensors
    }

    fn watch(&mut self, point: PointId, now: Mono) -> &mut Watched {
        let index = *self.of[point.index()].get_or_insert(self.watched.len());
        if index == self.watched.len() {
            self.watched.push(Watched {
                point,
                current: None,
                drift: None,
                rows: Vec::new(),
                doubt: None,
                is_bad: true,
                verdict: Verdict::Is(Category::Normal),
                since: now,
            });
        }
        &mut self.watched[index]
    }

    /// Whether the point says how the sensors of others are.
    pub(crate) fn is_source(&self, point: PointId) -> bool {
        !self.rows_of[point.index()].is_empty()
    }

    /// What a sample of the point is worth. `None` keeps the sample before: a current beyond its limits for a moment is no
    /// measurement and no failure. Before its device's status is known nobody can tell what a value means: it may warn.
    pub(crate) fn judge(
        &mut self,
        now: Mono,
        statuses: &[StatusSpec],
        point: PointId,
        sample: Sample,
    ) -> Option<Sample> {
        let Some(index) = self.of[point.index()] else {
            return Some(sample);
        };
        let missing = self.missing(now, statuses, point);
        let Self { watched, rows, .. } = self;
        let watched = &mut watched[index];
        let (Sample::Good(quantity) | Sample::Suspect(quantity, _)) = &sample else {
            watched.is_bad = true;
            watched.doubt = None;
            return Some(sample);
        };
        let quantity = quantity.clone();
        let matters = |row: &&usize| statuses[**row].category != Category::MaintenanceRequired;
        let is_unread = watched.rows.iter().filter(matters).any(|row| !rows[*row].known);
        let sample = match (&mut watched.current, sample.number()) {
            (Some(current), Some(value)) => current.judge(now, value, sample)?,
            (Some(_) | None, _) => sample,
        };
        let sample = match missing {
            Some(reason) => Sample::Bad(reason),
            None => by_status(watched, rows, statuses, (quantity, sample)),
        };
        let sample = match sample {
            Sample::Good(quantity) if is_unread => Sample::Suspect(quantity, Doubt::AfterFault),
            sample @ (Sample::Good(_) | Sample::Suspect(..) | Sample::Bad(_)) => sample,
        };
        watched.is_bad = false;
        watched.doubt = match &sample {
            Sample::Suspect(_, doubt) => Some(*doubt),
            Sample::Good(_) | Sample::Bad(_) => None,
        };
        if let (Some(drift), Some(value)) = (&mut watched.drift, sample.number()) {
            match &sample {
                Sample::Good(_) | Sample::Suspect(_, Doubt::UnderRange) => drift.take(now, value),
                Sample::Suspect(..) | Sample::Bad(_) => drift.interrupt(),
            }
        }
        Some(sample)
    }

    /// Takes the sample of a source. Returns the points of which it says something else than before.
    pub(crate) fn hear(
        &mut self,
        now: Mono,
        statuses: &[StatusSpec],
        (source, sample): (PointId, &Sample),
    ) -> Vec<PointId> {
        let mut moved: Vec<PointId> = Vec::new();
        for index in self.rows_of[source.index()].clone() {
            let (row, spec) = (&mut self.rows[index], &statuses[index]);
            let before = (row.known, row.lost, row.since.is_some());
            row.known = true;
            row.lost = sample.number().is_none();
            if let Some(value) = sample.number() {
                row.since = spec.test.holds(value).then(|| row.since.unwrap_or(now));
            }
            if let Some(until) = until(row, spec) {
                self.limits.arm(index, until);
            }
            if before != (row.known, row.lost, row.since.is_some()) {
                moved.extend(spec.of.iter().copied());
            }
        }
        moved.sort_unstable();
        moved.dedup();
        moved
    }

    /// Points whose device's function check has lasted too long by now.
    pub(crate) fn timeout(&mut self, now: Mono, statuses: &[StatusSpec]) -> Vec<PointId> {
        let mut late = Vec::new();
        while let Some(index) = self.limits.pop(now) {
            match until(&self.rows[index], &statuses[index]) {
                Some(at) if at > now => self.limits.arm(index, at),
                Some(_) => late.extend(statuses[index].of.iter().copied()),
                None => {}
            }
        }
        late
    }

    pub(crate) fn poll_timeout(&mut self) -> Option<Mono> {
        self.limits.next().map(|(at, _)| at)
    }

    /// Whether anything is known of the sensor behind the point.
    pub(crate) fn watches(&self, point: PointId) -> bool {
        self.of[point.index()].is_some()
    }

    /// Whether the device says that the value is not to be alarmed on, and may still say so.
    pub(crate) fn is_checked(&self, now: Mono, statuses: &[StatusSpec], point: PointId) -> bool {
        self.check(now, statuses, point) == Check::Within
    }

    /// Whether the device says that there is no measurement, or has said for too long that it checks itself.
    pub(crate) fn missing(&self, now: Mono, statuses: &[StatusSpec], point: PointId) -> Option<NoData> {
        let watched = &self.watched[self.of[point.index()]?];
        let failed = watched
            .rows
            .iter()
            .any(|row| self.rows[*row].since.is_some() && statuses[*row].category == Category::Failure);
        match self.check(now, statuses, point) {
            _ if failed => Some(NoData::SensorFailure),
            Check::Over => Some(NoData::CheckOverdue),
            Check::None | Check::Within => None,
        }
    }

    fn check(&self, now: Mono, statuses: &[StatusSpec], point: PointId) -> Check {
        let Some(watched) = self.of[point.index()].map(|index| &self.watched[index]) else {
            return Check::None;
        };
        let stands = |row: &usize| Some((self.rows[*row].lost, until(&self.rows[*row], &statuses[*row])?));
        let checks: Vec<(bool, Mono)> = watched.rows.iter().filter_map(stands).collect();
        match checks.iter().map(|(_, end)| *end).min() {
            Some(end) if end <= now => Check::Over,
            // A device that cannot be asked any more holds nothing back: its check may have ended since.
            Some(_) if checks.iter().all(|(lost, _)| *lost) => Check::None,
            Some(_) => Check::Within,
            None => Check::None,
        }
    }

    /// What is new about a point's sensor; `held` while its over-range is latched.
    pub(crate) fn verdict(
        &mut self,
        now: Mono,
        statuses: &[StatusSpec],
        (point, held): (PointId, bool),
    ) -> Option<Verdict> {
        let index = self.of[point.index()]?;
        let category = self.troubles(index, statuses, held).iter().map(|trouble| trouble.1).max();
        let overdue = self.check(now, statuses, point) == Check::Over;
        let verdict = match category.unwrap_or(Category::Normal) {
            Category::FunctionCheck if overdue => Verdict::CheckOverdue,
            category => Verdict::Is(category),
        };
        let watched = &mut self.watched[index];
        if watched.verdict == verdict {
            return None;
        }
        (watched.verdict, watched.since) = (verdict, now);
        Some(verdict)
    }

    /// Sensors that are not as they should be, by the tables' order.
    pub(crate) fn states(&self, statuses: &[StatusSpec], held: impl Fn(PointId) -> bool) -> Vec<SensorState> {
        let state = |(index, watched): (usize, &Watched)| {
            let mut troubles = self.troubles(index, statuses, held(watched.point));
            troubles.sort_by_key(|(trouble, category)| (core::cmp::Reverse(*category), *trouble));
            let category = troubles.first()?.1;
            let ends = watched.rows.iter().filter_map(|row| until(&self.rows[*row], &statuses[*row]));
            Some(SensorState {
                point: watched.point,
                category,
                troubles: troubles.into_iter().map(|(trouble, _)| trouble).collect(),
                since: watched.since,
                check_until: ends.min(),
            })
        };
        self.watched.iter().enumerate().filter_map(state).collect()
    }

    fn troubles(&self, index: usize, statuses: &[StatusSpec], held: bool) -> Vec<(Trouble, Category)> {
        let watched = &self.watched[index];
        let rows = watched.rows.iter().filter(|row| self.rows[**row].since.is_some());
        let mut found: Vec<(Trouble, Category)> =
            rows.map(|row| (statuses[*row].trouble, statuses[*row].category)).collect();
        let own = |trouble: Trouble| (trouble, trouble.category());
        found.extend(watched.current.as_ref().and_then(current::Watch::trouble).map(own));
        found.extend(watched.drift.iter().flat_map(drift::Watch::troubles).map(own));
        let by_range = match watched.doubt {
            Some(Doubt::OverRange) => Some(Trouble::OverRange),
            Some(Doubt::UnderRange) => Some(Trouble::UnderRange),
            Some(
                Doubt::AfterFault
                | Doubt::Rounded
                | Doubt::Bypassed
                | Doubt::FunctionCheck
                | Doubt::OverRangeHeld,
            )
            | None => None,
        };
        found.extend(by_range.or(held.then_some(Trouble::OverRange)).map(own));
        let is_blind = watched.rows.iter().any(|row| self.rows[*row].lost);
        found.extend((is_blind && !watched.is_bad).then_some(own(Trouble::StatusLost)));
        found.sort_unstable();
        found.dedup();
        found
    }
}

/// How a device's function check stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Check {
    None,
    Within,
    Over,
}

/// When the function check that the row tells of has lasted too long.
fn until(row: &Row, spec: &StatusSpec) -> Option<Mono> {
    let since = row.since.filter(|_| spec.category == Category::FunctionCheck)?;
    Some(since + spec.limit)
}

/// What the rows that hold make of a sample.
fn by_status(
    watched: &Watched,
    rows: &[Row],
    statuses: &[StatusSpec],
    (quantity, sample): (Quantity, Sample),
) -> Sample {
    let holding = || watched.rows.iter().filter(|row| rows[**row].since.is_some()).map(|row| &statuses[*row]);
    let any = |category| holding().any(|spec| spec.category == category);
    let says = |trouble| holding().any(|spec| spec.trouble == trouble);
    match sample {
        Sample::Bad(reason) => Sample::Bad(reason),
        Sample::Good(_) | Sample::Suspect(..) if any(Category::FunctionCheck) => {
            Sample::Suspect(quantity, Doubt::FunctionCheck)
        }
        Sample::Good(_) | Sample::Suspect(..) if says(Trouble::OverRange) => {
            Sample::Suspect(quantity, Doubt::OverRange)
        }
        Sample::Good(_) if says(Trouble::UnderRange) => Sample::Suspect(quantity, Doubt::UnderRange),
        sample @ (Sample::Good(_) | Sample::Suspect(..)) => sample,
    }
}

/// Rows of both tables that name nothing, or can decide nothing.
pub(crate) fn faults(site: &SiteTables, faults: &mut Vec<SiteFault>) {
    let exists = |point: PointId| point.index() < site.points.len();
    for (index, spec) in site.sensors.iter().enumerate() {
        let spans = spec.current.is_none_or(|current| current.zero != current.full);
        let measures = spec.drift.is_none_or(|drift| {
            let negative = drift.negative.is_none_or(|negative| negative.below > Value::ZERO);
            negative && Value::ZERO < drift.limit && drift.limit < drift.band && !drift.over.is_zero()
        });
        if !exists(spec.point) || !spans || !measures {
            faults.push(SiteFault::Sensor(index));
        }
    }
    for (index, status) in site.statuses.iter().enumerate() {
        let is_source = |point: &PointId| site.statuses.iter().any(|other| other.source == *point);
        let limited = status.category != Category::FunctionCheck || !status.limit.is_zero();
        let all = exists(status.source) && status.of.iter().all(|point| exists(*point) && !is_source(point));
        if !all || !limited {
            faults.push(SiteFault::Status(index));
        }
    }
}
