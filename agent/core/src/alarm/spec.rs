//! An alarm as the site's configuration describes it.

use crate::Threshold;
use crate::id::PointId;

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
    /// When it trips and returns. For [`AlarmKind::Lost`] only the delays count.
    pub threshold: Threshold,
    /// How urgent it is.
    pub priority: Priority,
    /// Held after the value returned, until somebody resets it.
    pub latch: bool,
}
