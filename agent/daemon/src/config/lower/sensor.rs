//! A point's sensor: the loop current with its scale, what an over-range and a failure do, and the watch on its zero.

use std::time::Duration;

use hazard_core::Value;
use hazard_core::alarm::{AlarmKind, AlarmSpec, Priority, Signal};
use hazard_core::id::PointId;
use hazard_core::point::Shape;
use hazard_core::sensor::{Current, Drift, Negative, SensorSpec};
use hazard_core::{Side, Threshold};

use super::Lowering;
use super::tag::{Draft, index};
use crate::config::catalogue::Code;
use crate::config::error::{Arg, Fault, args};
use crate::config::point::WatchKey;
use crate::config::profile::ProfileKey;
use crate::config::sensor::{CurrentKey, DriftFile, FailureKey, OverRangeKey};
use crate::config::tree::Node;

const HOLD_MS: u32 = 2_000;

impl Draft<'_> {
    /// Notes every fault in what is said of the sensor.
    pub(super) fn sensor_fits(&mut self, shape: Shape, stale_ms: u32) {
        if shape.is_switch() || matches!(shape, Shape::Text(_)) {
            self.failure_fits();
            return;
        }
        match self.file.current {
            Some(current) => self.current_fits(current, stale_ms),
            None => {
                for key in ["counts", "ne43", "ne43_hold_ms"] {
                    if self.place.get(key).is_some() {
                        self.fault(Code::KeyWithoutCurrent, key, args![&self.tag, key]);
                    }
                }
            }
        }
        self.over_range_fits();
        self.drift_fits();
        self.failure_fits();
    }

    fn current_fits(&mut self, current: CurrentKey, stale_ms: u32) {
        if self.file.range.is_none() && !self.is_unsettled() {
            self.fault(Code::CurrentWithoutRange, "current", args![&self.tag]);
        }
        let place = self.place;
        // A template's scale gives way to the site's loop.
        let fixed = |key: &&str| !place.is_inherited(key) || place.is_inherited("current");
        let scales = ["scale", "offset", "decimals_at", "divisor_at"];
        for key in scales.into_iter().filter(|key| place.get(key).is_some()).filter(fixed) {
            let fault = Fault::new(Code::CurrentAgainstScale, place.at(key), args![&self.tag, key]);
            self.faults.push(fault.against(place.at("current")));
        }
        let why = match (current, self.file.counts) {
            (CurrentKey::Counts, None) => Some(Arg::Each("缺少 counts", "counts is missing")),
            (CurrentKey::Counts, Some([zero, full])) if zero == full => {
                Some(Arg::Each("两数相同", "the same number twice"))
            }
            (CurrentKey::Ma | CurrentKey::Ua, Some(_)) => Some(Arg::Each("用不上", "has no effect")),
            (CurrentKey::Counts, Some(_)) | (CurrentKey::Ma | CurrentKey::Ua, None) => None,
        };
        if let Some(why) = why {
            let key = if self.file.counts.is_some() { "counts" } else { "current" };
            let words = vec![self.tag.as_str().into(), current_name(current).into(), why];
            self.fault(Code::CountsAgainstCurrent, key, words);
        }
        let hold_ms = self.file.ne43_hold_ms.unwrap_or(0);
        if hold_ms >= stale_ms {
            let words = args![&self.tag, hold_ms, stale_ms];
            let fault = Fault::new(Code::HoldBeyondStale, self.place.at("ne43_hold_ms"), words);
            let other = self.place.get("stale_ms").map(Node::spot);
            self.faults.push(other.map_or(fault.clone(), |other| fault.against(other)));
        }
    }

    fn over_range_fits(&mut self) {
        let Some(key) = self.file.over_range else { return };
        if key != OverRangeKey::Off && self.file.range.is_none() && !self.is_unsettled() {
            self.fault(Code::NeedsRange, "over_range", args![&self.tag, "over_range"]);
        }
        if self.is_over_range_watched() {
            let fault = Fault::new(Code::OverRangeTwice, self.place.at("watches"), args![&self.tag]);
            self.faults.push(fault.against(self.place.at("over_range")));
        }
    }

    fn is_over_range_watched(&self) -> bool {
        let mut watches = self.file.watches.iter().flatten();
        watches.any(|watch| watch.kind == WatchKey::OverRange)
    }

    fn drift_fits(&mut self) {
        let Some(drift) = self.file.drift else { return };
        if self.file.range.is_none() && !self.is_unsettled() {
            self.fault(Code::NeedsRange, "drift", args![&self.tag, "drift"]);
        }
        let (limit, band) = (limit_percent(&drift), band_percent(&drift));
        if limit >= band {
            self.fault(Code::DriftBand, "drift", args![&self.tag, limit, band]);
        }
    }

    fn failure_fits(&mut self) {
        let alarmed = self.file.alarms.as_ref().is_some_and(|alarms| !alarms.is_empty());
        if self.file.on_failure == Some(FailureKey::Alarm) && !alarmed && self.file.profile.is_none() {
            self.fault(Code::FailureWithoutAlarm, "on_failure", args![&self.tag]);
        }
    }

    pub(super) fn fails_to_alarm(&self) -> bool {
        self.file.on_failure == Some(FailureKey::Alarm)
    }

    /// `value = raw × scale + offset`: as written, or as the loop's two ends say.
    pub(super) fn scale_and_offset(&self) -> (f64, f64) {
        let written = (self.file.scale.unwrap_or(1.0), self.file.offset.unwrap_or(0.0));
        let (Some(current), Some([low, high])) = (self.file.current, self.file.range) else {
            return written;
        };
        let [zero, full] = match current {
            CurrentKey::Ma => [4.0, 20.0],
            CurrentKey::Ua => [4_000.0, 20_000.0],
            CurrentKey::Counts => self.file.counts.unwrap_or([4_000.0, 20_000.0]),
        };
        let scale = (high - low) / (full - zero);
        (scale, low - zero * scale)
    }

    /// A combustible gas beyond its range floods a catalytic sensor, whose value then falls: it is held unless told otherwise.
    fn over_range(&self) -> OverRangeKey {
        let combustible = self.file.profile == Some(ProfileKey::Combustible) && self.file.range.is_some();
        let usual = if combustible && !self.is_over_range_watched() {
            OverRangeKey::Latch
        } else {
            OverRangeKey::Off
        };
        self.file.over_range.unwrap_or(usual)
    }

    fn hold(&self, stale: Duration) -> Duration {
        let usual = Duration::from_millis(HOLD_MS.into()).min(stale / 2);
        self.file.ne43_hold_ms.map_or(usual, |ms| Duration::from_millis(ms.into()))
    }

    fn drift(&self) -> Option<Drift> {
        let drift = self.file.drift?;
        let [low, high] = self.file.range?;
        let share = |percent: f64| Value::try_new((high - low) * percent / 100.0);
        Some(Drift {
            zero: Value::try_new(drift.zero.unwrap_or(0.0))?,
            band: share(band_percent(&drift))?,
            limit: share(limit_percent(&drift))?,
            over: Duration::from_secs(3_600 * u64::from(drift.over_h.unwrap_or(24))),
            negative: Some(Negative {
                below: share(drift.negative_percent.unwrap_or(3.0))?,
                after: Duration::from_secs(drift.negative_after_s.unwrap_or(600).into()),
            }),
        })
    }
}

impl<'a> Lowering<'a> {
    /// Enters the sensor of the point that was entered last, and the alarm of its over-range.
    pub(super) fn enter_sensor(&mut self, draft: &Draft<'a>) {
        let position = self.tables.points.len().saturating_sub(1);
        let Some(spec) = self.tables.points.get(position) else { return };
        let (point, hold) = (PointId(index(position)), draft.hold(spec.stale_after));
        let is_loop = draft.file.current.is_some() && draft.file.ne43.unwrap_or(true);
        let current = spec.range.filter(|_| is_loop).map(|(zero, full)| Current { zero, full, hold });
        let drift = draft.drift();
        if current.is_some() || drift.is_some() {
            self.tables.sensors.push(SensorSpec { point, current, drift });
        }
        let key = draft.over_range();
        if key == OverRangeKey::Off {
            return;
        }
        let on_delay = current.map_or(Duration::ZERO, |current| current.hold);
        let spec = AlarmSpec {
            priority: Priority::High,
            latch: key == OverRangeKey::Latch,
            signal: Signal::OverRange,
            ..AlarmSpec::new(
                point,
                AlarmKind::OverRange,
                Threshold { on_delay, ..Threshold::switch(Side::High) },
            )
        };
        let key = if draft.file.over_range.is_some() { "over_range" } else { "profile" };
        self.enter_alarm(draft, (spec, "over_range", String::new()), draft.place.at(key));
    }
}

fn band_percent(drift: &DriftFile) -> f64 {
    drift.band_percent.unwrap_or(10.0)
}

fn limit_percent(drift: &DriftFile) -> f64 {
    drift.limit_percent.unwrap_or(3.0)
}

const fn current_name(key: CurrentKey) -> &'static str {
    match key {
        CurrentKey::Ma => "ma",
        CurrentKey::Ua => "ua",
        CurrentKey::Counts => "counts",
    }
}
