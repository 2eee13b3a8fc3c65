//! Delays over a reload: what ran in an alarm runs on where the alarm compares what it compared, or a configuration that is read
//! again and again keeps it silent. It outlives no process: nobody knows how long a restart took.

use std::sync::Arc;

use hazard_core::Site;
use hazard_core::alarm::{AlarmSpec, Signal, Underway};
use hazard_core::id::{AlarmId, DeviceId};
use hazard_core::point::PointSpec;

use crate::config::Loaded;
use crate::dictionary::Dictionary;

/// Delays that run, and the configuration in which they began.
#[derive(Clone, Debug)]
pub(super) struct Underways {
    rows: Vec<(AlarmId, Underway)>,
    site: Arc<Site>,
    names: Arc<Dictionary>,
}

impl Underways {
    pub(super) fn new(rows: Vec<(AlarmId, Underway)>, (site, names): (&Arc<Site>, &Arc<Dictionary>)) -> Self {
        Self { rows, site: Arc::clone(site), names: Arc::clone(names) }
    }

    /// Those of alarms that are in the other configuration as they were.
    pub(super) fn in_place(&self, after: &Loaded) -> Vec<(AlarmId, Underway)> {
        let row = |(id, underway): &(AlarmId, Underway)| {
            let name = self.names.alarm_name(*id);
            let next = after.dictionary.alarm(&after.renamed.alarm(&name))?;
            let before = Compared::of(*id, (&self.site, &self.names))?;
            let same = before == Compared::of(next, (&after.site, &after.dictionary))?;
            same.then_some((next, *underway))
        };
        self.rows.iter().filter_map(row).collect()
    }
}

/// What an alarm compares, without names and numbers of the configuration that it is in.
#[derive(PartialEq)]
struct Compared {
    spec: AlarmSpec,
    point: PointSpec,
    device: String,
    /// What the signal names.
    other: Option<String>,
}

impl Compared {
    fn of(alarm: AlarmId, (site, names): (&Site, &Dictionary)) -> Option<Self> {
        let spec = *site.alarms.get(alarm.index())?;
        let point = site.points.get(spec.point.index())?;
        let other = match spec.signal {
            Signal::Deviation { from } => Some(names.point_name(from)),
            Signal::Discrepancy { output } => names.outputs.get(output.index()).cloned(),
            // The proof of a trip has no delay of its own.
            Signal::Unproven { .. } => return None,
            Signal::Value | Signal::Lost | Signal::Rate { .. } | Signal::Frozen | Signal::OverRange => None,
        };
        let signal = match spec.signal {
            Signal::Deviation { .. } | Signal::Discrepancy { .. } => Signal::Value,
            signal => signal,
        };
        // Places, priorities and what may be done to it do not change what it compares.
        let numbers = AlarmSpec::new(hazard_core::id::PointId(0), spec.kind, spec.threshold);
        let spec = AlarmSpec {
            signal,
            key_setpoint: spec.key_setpoint,
            fails_to_alarm: spec.fails_to_alarm,
            ..numbers
        };
        let device = names.devices.get(point.device.index()).cloned().unwrap_or_default();
        let point = PointSpec { tag: "".into(), device: DeviceId(0), ..point.clone() };
        Some(Self { spec, point, device, other })
    }
}
