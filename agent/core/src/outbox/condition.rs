//! What of the agent or of the site a person must know about, as long as it stands.

use crate::id::{
    AlarmId, BusId, DeviceId, KeyPeriodId, OutputId, PointId, RoleId, SafeguardId, UpkeepId, UplinkId,
};

/// A condition of the agent or of the site that a person must know about; no point has it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Condition {
    /// The journal cannot be opened or written: records live in memory only.
    JournalDown,
    /// The journal is too slow for the readings.
    JournalBehind,
    /// The uplink has no connection.
    UplinkDown(UplinkId),
    /// A Modbus output does not accept its level.
    OutputFault(OutputId),
    /// The bus's port or connection is not there.
    BusDown(BusId),
    /// The bus cannot keep its periods.
    BusOverrun(BusId),
    /// The wall clock cannot be trusted.
    ClockUntrusted,
    /// More new alarms than a person can take in (报警泛滥).
    AlarmFlood,
    /// The alarm comes and goes (报警抖动).
    AlarmChatter(AlarmId),
    /// What must outlive a power cut cannot be kept: alarms are announced, and would be forgotten with the power.
    RetentiveDown,
    /// A safeguard that the site must have is not there: a standing major hazard, which no point measures.
    SafeguardAbsent(SafeguardId),
    /// 报警延迟超限: a safety block of the bus was read, or a coil written, later than `hazard plan` says. It names the bus
    /// and not the point, for the points of a bus share its line, the cause and the remedy; `hazard status` has the points.
    ///
    /// [`Self::BusOverrun`] says that a poll was left out, of any block; a delay may stay within its bound then, and a bound
    /// may be exceeded with every poll sent.
    DelayExceeded(BusId),
    /// 重点时段 is on: set-points are tighter, and nobody begins a bypass.
    KeyPeriod(KeyPeriodId),
    /// 标定或功能测试超期: the work should have been done, and nobody knows whether the detector still sees.
    UpkeepDue(UpkeepId),
    /// 标定或功能测试未通过: the last one was not passed, until one is.
    UpkeepFailing(UpkeepId),
    /// The last order to call this role did not arrive: it may not hear of the next alarm either.
    CallFailed(RoleId),
    /// 日志已满: within the last 24 h the journal had to let records go that a platform has not confirmed.
    JournalFull,
    /// 平台无回执: what the uplink's broker has taken, its platform does not confirm.
    ReceiptsMissing(UplinkId),
    /// NE 107 失效 (F): the sensor behind the point has failed, by its loop current or its device's word.
    SensorFailure(PointId),
    /// NE 107 功能检查 (C): the device warms up, is calibrated, tested or inhibited; the alarms on its value are held.
    SensorCheck(PointId),
    /// 功能检查超时: that has lasted longer than it may, and the point counts as lost.
    SensorCheckOverdue(PointId),
    /// NE 107 超出规范 (S): beyond its range, below zero, or outside of what the device is made for.
    SensorOutOfSpecification(PointId),
    /// NE 107 需维护 (M): valid, and not for long: a drifting zero, the end of its life, a calibration that is due.
    SensorMaintenance(PointId),
    /// 掉电保持丢失: what stood before the restart cannot be known. Latching trips are held, and this stands until a person resets it.
    RetentiveLost,
    /// 配置文件无效: the site file cannot be used; the last good configuration runs.
    SiteFileInvalid,
    /// 输出未经验证: the module does not let its coil be read back, so nobody knows whether it took its level.
    OutputUnverified(OutputId),
    /// 按钮卡住: the contact is closed for longer than anybody presses it.
    ButtonStuck(PointId),
    /// 按钮抖动: the contact comes and goes as no hand does; its presses do not count.
    ButtonFlapping(PointId),
    /// 传感器时好时坏: over the last minutes the point had no believable value for too large a share of the time.
    SensorIntermittent(PointId),
    /// 设备时通时断: the device keeps going offline and coming back.
    DeviceIntermittent(DeviceId),
}

impl Condition {
    /// Whether the monitoring itself is impaired. A lamp that a missing wall keeps lit tells nobody of the next fault.
    #[must_use]
    pub const fn impairs(self) -> bool {
        match self {
            Self::JournalDown
            | Self::JournalBehind
            | Self::UplinkDown(_)
            | Self::OutputFault(_)
            | Self::BusDown(_)
            | Self::BusOverrun(_)
            | Self::ClockUntrusted
            | Self::RetentiveDown
            | Self::DelayExceeded(_)
            | Self::UpkeepDue(_)
            | Self::UpkeepFailing(_)
            | Self::CallFailed(_)
            | Self::JournalFull
            | Self::ReceiptsMissing(_)
            | Self::SensorFailure(_)
            | Self::SensorCheck(_)
            | Self::SensorCheckOverdue(_)
            | Self::SensorOutOfSpecification(_)
            | Self::RetentiveLost
            | Self::SiteFileInvalid
            | Self::OutputUnverified(_)
            | Self::ButtonStuck(_)
            | Self::ButtonFlapping(_)
            | Self::SensorIntermittent(_)
            | Self::DeviceIntermittent(_) => true,
            Self::SafeguardAbsent(_)
            | Self::AlarmFlood
            | Self::AlarmChatter(_)
            | Self::KeyPeriod(_)
            | Self::SensorMaintenance(_) => false,
        }
    }
}

/// A condition began or ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SystemEvent {
    /// The condition.
    pub condition: Condition,
    /// Whether it stands.
    pub raised: bool,
}
