//! The sensors' health in the plant: which alarms are held while a device checks itself, what an over-range that is latched
//! means for the others, and the conditions that people see.

use alloc::sync::Arc;
use alloc::vec::Vec;

use hazard_field::Category;

use crate::Mono;
use crate::alarm::Signal;
use crate::engine::Engine;
use crate::id::{AlarmId, PointId};
use crate::outbox::record::{AlarmState, Condition};
use crate::plant::{Found, Plant};
use crate::reading::{Doubt, NoData, Reading, Sample};
use crate::sensor::{SensorState, Verdict};
use crate::site::Site;

impl Plant {
    /// Points of a block, those first that say how others are: a value and the word that it is test gas come in one reply.
    pub(crate) fn sources_first(&self, points: &[PointId]) -> Vec<PointId> {
        let (mut first, rest): (Vec<PointId>, Vec<PointId>) =
            points.iter().partition(|point| self.sensors.is_source(**point));
        first.extend(rest);
        first
    }

    /// Whether an over-range of the point stands or waits for its reset: until then a lower value may be a flooded sensor.
    pub(crate) fn is_over_range_held(&self, point: PointId) -> bool {
        self.over_range_of[point.index()].is_some_and(|id| self.alarms[id.index()].is_open())
    }

    /// What alarms other than the over-range's own make of a sample.
    pub(crate) fn doubted(&self, point: PointId, sample: &Sample) -> Sample {
        match sample {
            Sample::Good(quantity) if self.is_over_range_held(point) => {
                Sample::Suspect(quantity.clone(), Doubt::OverRangeHeld)
            }
            sample => sample.clone(),
        }
    }

    /// Takes what a status register says to the points of which it speaks.
    pub(crate) fn heard(
        &mut self,
        (now, site): (Mono, &Site),
        (source, sample): (PointId, &Sample),
        found: &mut Found,
    ) {
        for point in self.sensors.hear(now, &site.statuses, (source, sample)) {
            self.health_moved((now, site), point, found);
        }
    }

    /// Lets function checks last too long.
    pub(crate) fn checks_end(&mut self, now: Mono, site: &Site, found: &mut Found) {
        for point in self.sensors.timeout(now, &site.statuses) {
            self.health_moved((now, site), point, found);
        }
    }

    fn health_moved(&mut self, (now, site): (Mono, &Site), point: PointId, found: &mut Found) {
        self.hold_alarms((now, site), point, found);
        let has_value = self.table.get(point).is_some_and(|entry| entry.sample.number().is_some());
        match self.sensors.missing(now, &site.statuses, point) {
            // The device has said so: nobody waits for the next reading to hear of it.
            Some(reason) if has_value => {
                self.take(now, site, Reading { point, sample: Sample::Bad(reason) }, found);
            }
            Some(_) | None => self.note_health((now, site), point, found),
        }
    }

    /// Holds the alarms on the value while the device checks itself, and lets them speak again. What stands already is not
    /// quieted: a device is no named person.
    pub(crate) fn hold_alarms(&mut self, (now, site): (Mono, &Site), point: PointId, found: &mut Found) {
        if !self.sensors.watches(point) {
            return;
        }
        let checked = self.sensors.is_checked(now, &site.statuses, point);
        for index in 0..self.alarms_of(point).len() {
            let id = self.alarms_of(point)[index];
            let spec = &site.alarms[id.index()];
            if speaks_of_the_value(spec.signal) {
                let from = self.alarms[id.index()].set_checked(now, checked, spec);
                self.moved((now, site), id, (from, None), found);
            }
        }
    }

    /// Notes what is new about a point's sensor.
    pub(crate) fn note_health(&mut self, (now, site): (Mono, &Site), point: PointId, found: &mut Found) {
        let held = self.is_over_range_held(point);
        if let Some(verdict) = self.sensors.verdict(now, &site.statuses, (point, held)) {
            found.health.push((point, verdict));
        }
    }

    /// Whether an alarm is held because the device checks itself.
    pub(crate) fn is_held(&self, id: AlarmId) -> bool {
        self.alarms[id.index()].is_checked()
    }
}

/// Whether what a device says of its sensor makes the alarm meaningless.
const fn speaks_of_the_value(signal: Signal) -> bool {
    match signal {
        Signal::Value
        | Signal::Rate { .. }
        | Signal::Deviation { .. }
        | Signal::Frozen
        | Signal::OverRange => true,
        Signal::Lost | Signal::Discrepancy { .. } | Signal::Unproven { .. } => false,
    }
}

impl Engine {
    /// Makes conditions of what is new about sensors.
    pub(crate) fn note_sensors(&mut self, health: Vec<(PointId, Verdict)>) {
        for (point, verdict) in health {
            let all = [
                Condition::SensorFailure(point),
                Condition::SensorCheck(point),
                Condition::SensorCheckOverdue(point),
                Condition::SensorOutOfSpecification(point),
                Condition::SensorMaintenance(point),
            ];
            let stands = match verdict {
                Verdict::Is(Category::Normal) => None,
                Verdict::Is(Category::Failure) => Some(Condition::SensorFailure(point)),
                Verdict::Is(Category::FunctionCheck) => Some(Condition::SensorCheck(point)),
                Verdict::CheckOverdue => Some(Condition::SensorCheckOverdue(point)),
                Verdict::Is(Category::OutOfSpecification) => Some(Condition::SensorOutOfSpecification(point)),
                Verdict::Is(Category::MaintenanceRequired) => Some(Condition::SensorMaintenance(point)),
            };
            // What begins is told before what ends: at no moment does all seem well.
            for condition in all.into_iter().filter(|one| stands == Some(*one)) {
                self.set(condition, true);
            }
            for condition in all.into_iter().filter(|one| stands != Some(*one)) {
                self.set(condition, false);
            }
        }
    }

    /// Sensors that are not as they should be.
    pub(crate) fn sensor_states(&self) -> Vec<SensorState> {
        self.plant.sensors.states(&self.site.statuses, |point| self.plant.is_over_range_held(point))
    }

    /// The NE 107 category of every point, in site order; `None` for one that was never read.
    pub(crate) fn categories(&self) -> Vec<Option<Category>> {
        let site = Arc::clone(&self.site);
        let points = (0..).map(PointId).take(site.points.len());
        let mut categories: Vec<Option<Category>> =
            points.map(|point| of_sample(&self.plant.table.get(point)?.sample)).collect();
        let mut raise = |point: PointId, category: Category| {
            let known = &mut categories[point.index()];
            *known = (*known).max(Some(category));
        };
        for state in self.sensor_states() {
            raise(state.point, state.category);
        }
        for (spec, alarm) in site.alarms.iter().zip(&self.plant.alarms) {
            let category = match spec.signal {
                Signal::Frozen | Signal::OverRange => Category::OutOfSpecification,
                Signal::Deviation { .. } => Category::MaintenanceRequired,
                Signal::Value
                | Signal::Lost
                | Signal::Rate { .. }
                | Signal::Discrepancy { .. }
                | Signal::Unproven { .. } => continue,
            };
            if !matches!(alarm.state(), AlarmState::Normal) && !alarm.is_withheld() {
                raise(spec.point, category);
            }
        }
        categories
    }
}

/// The category that a sample alone tells.
const fn of_sample(sample: &Sample) -> Option<Category> {
    match sample {
        Sample::Bad(NoData::NeverRead) => None,
        Sample::Bad(_) => Some(Category::Failure),
        Sample::Suspect(_, Doubt::Bypassed | Doubt::FunctionCheck) => Some(Category::FunctionCheck),
        Sample::Suspect(_, Doubt::OverRange | Doubt::UnderRange | Doubt::OverRangeHeld) => {
            Some(Category::OutOfSpecification)
        }
        Sample::Good(_) | Sample::Suspect(_, Doubt::AfterFault | Doubt::Rounded) => Some(Category::Normal),
    }
}
