//! Alarms besides high, high-high and lost, and an observer who works out for himself what each alarm compares: a value on
//! either side of its set-point, its rate, its distance from another point's.

use std::time::Duration;

use hazard_core::alarm::{AlarmKind, AlarmSpec, Priority, Signal};
use hazard_core::id::{AlarmId, PointId};
use hazard_core::reading::{Doubt, Sample};
use hazard_core::site::SiteTables;
use hazard_core::{Mono, Side, Snapshot, Threshold, Value};

use super::site::signature;

/// At most so much above nothing is too low.
pub(super) const TOO_LOW: i32 = 1;
/// Too low, each with a high and a high-high alarm on the other side; the first one latches, the second waits.
const LOW: [(PointId, bool, u64); 3] =
    [(PointId(0), true, 0), (PointId(4), false, 2500), (PointId(11), false, 0)];
/// Too fast; the first one latches.
const RATE: [(PointId, bool); 2] = [(PointId(1), true), (PointId(12), false)];
const RATE_MAX: i32 = 600;
const OVER: Duration = Duration::from_secs(2);
/// Too far below the other one, which hangs on another bus: no reply brings both.
const DEVIATION: [(PointId, PointId); 5] = [
    (PointId(5), PointId(12)),
    (PointId(2), PointId(13)),
    (PointId(0), PointId(11)),
    (PointId(6), PointId(10)),
    (PointId(3), PointId(16)),
];
const DISTANCE_MAX: i32 = 20;

/// Enters them, behind all others.
pub(super) fn enter(tables: &mut SiteTables) {
    let shelve_max = |latch: bool| if latch { Duration::ZERO } else { Duration::from_secs(120) };
    let limit = |side: Side, setpoint: f64| Threshold {
        setpoint: Value::try_new(setpoint).unwrap(),
        deadband: Value::from_i32(2),
        ..Threshold::switch(side)
    };
    for (point, latch, delay) in LOW {
        let on_delay = Duration::from_millis(delay);
        // Between two whole numbers: the node measures in microampere.
        let threshold =
            Threshold { on_delay, ..limit(Side::Low, f64::from(signature(point) + TOO_LOW) + 0.5) };
        let shelve_max = shelve_max(latch);
        tables.alarms.push(AlarmSpec {
            latch,
            shelve_max,
            ..AlarmSpec::new(point, AlarmKind::Low, threshold)
        });
    }
    let watch = |signal: Signal, latch: bool, spec: AlarmSpec| AlarmSpec {
        signal,
        latch,
        priority: Priority::Low,
        shelve_max: shelve_max(latch),
        ..spec
    };
    for (point, latch) in RATE {
        let spec = AlarmSpec::new(point, AlarmKind::Rate, limit(Side::High, RATE_MAX.into()));
        tables.alarms.push(watch(Signal::Rate { over: OVER }, latch, spec));
    }
    for (point, from) in DEVIATION {
        let distance = signature(from) - signature(point) + DISTANCE_MAX;
        let spec = AlarmSpec::new(point, AlarmKind::Deviation, limit(Side::High, distance.into()));
        tables.alarms.push(watch(Signal::Deviation { from }, false, spec));
    }
}

/// What an alarm compared.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Compared {
    pub(super) value: Value,
    /// It may end an alarm, and stop a delay that runs.
    pub(super) believed: bool,
}

/// The observer; one entry for each alarm.
pub(super) struct Watched {
    last: Vec<Option<(Mono, Sample)>>,
    anchors: Vec<Option<(Mono, Value)>>,
    compared: Vec<Option<Compared>>,
}

impl Watched {
    pub(super) fn new(site: &SiteTables) -> Self {
        let alarms = site.alarms.len();
        Self { last: vec![None; alarms], anchors: vec![None; alarms], compared: vec![None; alarms] }
    }

    /// The engine starts afresh and remembers no sample.
    pub(super) fn restarted(&mut self) {
        self.last.fill(None);
        self.anchors.fill(None);
        self.compared.fill(None);
    }

    /// What the alarm compared at this moment; `None` where it compared nothing.
    pub(super) fn of(&self, alarm: AlarmId) -> Option<Compared> {
        self.compared[alarm.index()]
    }

    /// Looks at the samples of one moment.
    pub(super) fn look(&mut self, site: &SiteTables, snapshot: &Snapshot) {
        for (index, spec) in site.alarms.iter().enumerate() {
            let Some(entry) = snapshot.table.get(spec.point) else {
                continue;
            };
            let sampled = Some((entry.at, entry.sample.clone()));
            let is_fresh = self.last[index] != sampled;
            self.last[index] = sampled;
            let number = entry.sample.number();
            // Only people are told to doubt a bypassed point: its alarms see the value as it is.
            let good = matches!(entry.sample, Sample::Good(_) | Sample::Suspect(_, Doubt::Bypassed));
            self.compared[index] = match spec.signal {
                Signal::Value => number.map(|value| Compared { value, believed: good }),
                Signal::Rate { over } if is_fresh => {
                    let rate = rate(&mut self.anchors[index], (entry.at, number), over);
                    rate.map(|value| Compared { value, believed: good })
                }
                Signal::Deviation { from } if is_fresh => {
                    let reference = snapshot.table.get(from).map(|entry| &entry.sample);
                    let far = number.zip(reference.and_then(Sample::number));
                    let value =
                        far.and_then(|(value, from)| Value::try_new((value.get() - from.get()).abs()));
                    let believed = good && reference.is_some_and(Sample::is_good);
                    value.map(|value| Compared { value, believed })
                }
                _ => None,
            };
        }
    }

    /// Whether what was sampled at this moment may end the alarm.
    pub(super) fn may_end(&self, (alarm, spec): (AlarmId, &AlarmSpec), sample: Option<&Sample>) -> bool {
        match spec.signal {
            Signal::Lost => !matches!(sample, Some(Sample::Bad(_))),
            Signal::OverRange => {
                matches!(sample, Some(Sample::Good(_) | Sample::Suspect(_, Doubt::OverRangeHeld)))
            }
            // What proves a trip is looked at where the trips are.
            Signal::Unproven { .. } => true,
            Signal::Value
            | Signal::Rate { .. }
            | Signal::Deviation { .. }
            | Signal::Discrepancy { .. }
            | Signal::Frozen => self
                .of(alarm)
                .is_some_and(|compared| compared.believed && spec.threshold.left_by(compared.value)),
        }
    }
}

/// The change a minute since the anchor, once it is old enough; without a value there is none any more.
fn rate(
    anchor: &mut Option<(Mono, Value)>,
    (at, value): (Mono, Option<Value>),
    over: Duration,
) -> Option<Value> {
    let before = *anchor;
    let (since, first) = match (before, value) {
        (_, None) => {
            *anchor = None;
            return None;
        }
        (None, Some(value)) => {
            *anchor = Some((at, value));
            return None;
        }
        (Some(before), Some(_)) => before,
    };
    let passed = at.since(since);
    if passed < over {
        return None;
    }
    *anchor = value.map(|value| (at, value));
    Value::try_new((value?.get() - first.get()).abs() * 60.0 / passed.as_secs_f64())
}
