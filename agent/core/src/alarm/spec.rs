//! An alarm as the site's configuration describes it.

use core::time::Duration;

use crate::id::{OutputId, PointId, TripId, ZoneId};
use crate::{Threshold, Value};

/// What kind of condition it is; decides its name on screen and upstream.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum AlarmKind {
    /// 低低.
    LowLow,
    /// 低.
    Low,
    /// 高, first level.
    High,
    /// 高高, second level.
    HighHigh,
    /// A switch in its alarm position.
    Digital,
    /// The point has no believable value: a lost safety point is an alarm of its own.
    Lost,
    /// 变化率: rises or falls too fast.
    Rate,
    /// 偏差: too far from another point.
    Deviation,
    /// 不一致: a feedback contradicts its command.
    Discrepancy,
    /// 卡死: the value does not move any more.
    Frozen,
    /// 超量程: beyond what the detector can measure.
    OverRange,
    /// 未到位: driven to its safe position and not shown there.
    Unproven,
}

/// What an alarm compares with its threshold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Signal {
    /// The point's value.
    Value,
    /// 1 while the point has no value; only the delays of the threshold count.
    Lost,
    /// The change of the value per minute, measured over at least this time.
    Rate {
        /// The shorter, the sooner it is seen and the more noise is in it.
        over: Duration,
    },
    /// The distance from another point's value.
    Deviation {
        /// The other point.
        from: PointId,
    },
    /// 1 while the switch is not as the output is commanded; the on-delay is the time that the movement may take.
    Discrepancy {
        /// The commanded output.
        output: OutputId,
    },
    /// 1 while each value equals the one before; the on-delay is how long that may be.
    Frozen,
    /// 1 while the value is beyond the point's valid range, or the device says so.
    OverRange,
    /// The proof of a trip says so; no sample does.
    Unproven {
        /// The trip.
        trip: TripId,
    },
}

impl Signal {
    /// Whether a point without a value can raise or end the alarm.
    #[must_use]
    pub const fn sees_bad(self) -> bool {
        matches!(self, Self::Lost)
    }
}

/// How urgent: the four colours of the district's scale.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Priority {
    /// 蓝 blue: faults, deviations.
    Low,
    /// 黄 yellow: first level.
    Medium,
    /// 橙 orange: second level.
    High,
    /// 红 red: evacuate.
    Critical,
}

/// An alarm, valid by construction of [`crate::Site`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AlarmSpec {
    /// The point it watches.
    pub point: PointId,
    /// What kind it is.
    pub kind: AlarmKind,
    /// What is compared.
    pub signal: Signal,
    /// When it trips and returns.
    pub threshold: Threshold,
    /// Its set-point in key periods, where that is another one.
    pub key_setpoint: Option<Value>,
    /// How urgent it is.
    pub priority: Priority,
    /// Held after the value returned, until somebody resets it.
    pub latch: bool,
    /// The longest time for which a person may shelve it; zero for alarms that must never be shelved.
    pub shelve_max: Duration,
    /// Where it is: the first alarm of a zone stays marked (首警).
    pub zone: ZoneId,
    /// While this switch is closed, the alarm means nothing and is suppressed by design: "plant not running". A switch that
    /// cannot be believed suppresses nothing.
    pub suppressed_while: Option<PointId>,
    /// A point without a value counts as one at the set-point: its failure is an alarm and no silence.
    pub fails_to_alarm: bool,
}

impl AlarmSpec {
    /// The alarm as it is in a key period, or outside of all.
    #[must_use]
    pub fn in_force(&self, key_period: bool) -> Self {
        let setpoint = self.key_setpoint.filter(|_| key_period).unwrap_or(self.threshold.setpoint);
        Self { threshold: Threshold { setpoint, ..self.threshold }, ..*self }
    }

    /// An alarm that neither latches nor may be shelved, on the point's value or, for [`AlarmKind::Lost`], on its absence.
    #[must_use]
    pub const fn new(point: PointId, kind: AlarmKind, threshold: Threshold) -> Self {
        let signal = if matches!(kind, AlarmKind::Lost) { Signal::Lost } else { Signal::Value };
        Self {
            point,
            kind,
            signal,
            threshold,
            key_setpoint: None,
            priority: Priority::Medium,
            latch: false,
            shelve_max: Duration::ZERO,
            zone: ZoneId(0),
            suppressed_while: None,
            fails_to_alarm: false,
        }
    }
}
