//! What a device says of itself: a bit or a value of one of its registers, what it means (NAMUR NE 107), and of which points.

use alloc::vec::Vec;
use core::time::Duration;

use hazard_field::Category;

use crate::Value;
use crate::id::PointId;

/// What is the matter with a sensor.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Trouble {
    /// 预热.
    WarmUp,
    /// 标定.
    Calibration,
    /// 屏蔽: the device does not alarm.
    Inhibit,
    /// 测试: bump test, simulation.
    Test,
    /// 故障.
    Fault,
    /// 传感器失效: lost, worn out or not fitted.
    SensorLost,
    /// 超量程.
    OverRange,
    /// 低于量程.
    UnderRange,
    /// 超出规定条件: too hot, too little flow, supply out of range.
    Conditions,
    /// 需维护.
    Maintenance,
    /// 寿命将尽.
    EndOfLife,
    /// 标定到期.
    CalibrationDue,
    /// 断线: the loop current is at most 3.6 mA.
    CurrentLow,
    /// 短路: the loop current is at least 21 mA.
    CurrentHigh,
    /// 零点漂移.
    ZeroDrift,
    /// 持续负值.
    BelowZero,
    /// The register that tells the device's status cannot be read.
    StatusLost,
}

impl Trouble {
    /// The NE 107 category that it has unless the configuration says another.
    #[must_use]
    pub const fn category(self) -> Category {
        match self {
            Self::WarmUp | Self::Calibration | Self::Inhibit | Self::Test => Category::FunctionCheck,
            Self::Fault | Self::SensorLost | Self::CurrentLow | Self::CurrentHigh => Category::Failure,
            Self::OverRange | Self::UnderRange | Self::Conditions | Self::BelowZero | Self::StatusLost => {
                Category::OutOfSpecification
            }
            Self::Maintenance | Self::EndOfLife | Self::CalibrationDue | Self::ZeroDrift => {
                Category::MaintenanceRequired
            }
        }
    }

    /// How long a function check of this kind usually lasts at most; zero for what is none.
    #[must_use]
    pub const fn usual_limit(self) -> Duration {
        match self {
            Self::WarmUp => Duration::from_secs(15 * 60),
            Self::Calibration | Self::Inhibit | Self::Test => Duration::from_secs(60 * 60),
            Self::Fault
            | Self::SensorLost
            | Self::OverRange
            | Self::UnderRange
            | Self::Conditions
            | Self::Maintenance
            | Self::EndOfLife
            | Self::CalibrationDue
            | Self::CurrentLow
            | Self::CurrentHigh
            | Self::ZeroDrift
            | Self::BelowZero
            | Self::StatusLost => Duration::ZERO,
        }
    }
}

/// When a status holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Test {
    /// This bit of the value, 0–31, is set.
    Bit(u8),
    /// The value is one of these.
    OneOf(Vec<Value>),
    /// The value is none of these: what the manual does not know is not sound.
    NoneOf(Vec<Value>),
    /// The value is within these, both included.
    Range(Value, Value),
}

impl Test {
    /// Whether it holds for what the source reads.
    #[must_use]
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a negative word shows its bits as two's complement; what is no word has none"
    )]
    pub fn holds(&self, value: Value) -> bool {
        match self {
            Self::Bit(bit) => (value.get() as i64 as u64) >> bit.min(&63) & 1 == 1,
            Self::OneOf(values) => values.contains(&value),
            Self::NoneOf(values) => !values.contains(&value),
            Self::Range(from, to) => (*from..=*to).contains(&value),
        }
    }
}

/// A row of the status table, valid by construction of [`crate::Site`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StatusSpec {
    /// The point that reads the register.
    pub source: PointId,
    /// When it holds.
    pub test: Test,
    /// The points of which it speaks; none of them is a source.
    pub of: Vec<PointId>,
    /// What it means.
    pub trouble: Trouble,
    /// Its category.
    pub category: Category,
    /// How long a function check may last; positive for one.
    pub limit: Duration,
}
