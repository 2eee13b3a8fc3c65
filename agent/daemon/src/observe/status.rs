//! The status document: what is, in the contract's words and the site's names, for `hazard status`, the console and
//! metrics. Whoever reads it needs neither the configuration nor the core.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use hazard_core::outbox::Count;
use hazard_core::{Snapshot, Utc};
use serde::{Deserialize, Serialize};

use super::calls::Calls;
use super::causes::LineHealth;
use super::commands::CommandRow;
use super::interlocks::Interlocks;
use super::latency::Latencies;
use super::ledger::LedgerRow;
use super::lines::{BusRow, DeviceRow};
use super::upkeep::{Figures, UpkeepRow};
use super::{render, tell};
use crate::config::{Lang, Style};
use crate::dictionary::Dictionary;
use crate::journal::JournalStatus;
use crate::modbus::UnitHealth;
use crate::settings::Identity;

/// One of the contract's words.
pub type Word = Cow<'static, str>;

/// What the run loop knows beside the engine's snapshot; every list is in site order.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The names.
    pub dictionary: Arc<Dictionary>,
    /// Where the gateway belongs.
    pub identity: Identity,
    /// The agent's version.
    pub version: &'static str,
    /// When this run began, by the clock of that time.
    pub started: Utc,
    /// How long it has run, by the monotonic clock.
    pub uptime: Duration,
    /// The epoch's durable ordinal, once the journal has said it.
    pub epoch_no: Option<u64>,
    /// What the buses did.
    pub links: Vec<LineHealth>,
    /// What the devices did lately.
    pub units: Vec<UnitHealth>,
    /// The journal's size, once it has told it.
    pub journal: Option<JournalStatus>,
    /// What the journal may grow to.
    pub journal_quota_bytes: u64,
    /// Why each uplink went down last.
    pub uplink_reasons: Vec<Option<String>>,
    /// The agent's own times.
    pub latency: Latencies,
}

/// The gateway at one moment.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Status {
    /// Where the gateway belongs.
    pub site: Place,
    /// The running agent.
    pub agent: Agent,
    /// The wall clock.
    pub clock: Clock,
    /// The site file, where it cannot be used and the last good configuration runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site_file: Option<super::SiteFile>,
    /// Conditions of the agent itself that stand.
    pub conditions: Vec<Standing>,
    /// What is shown here, as a word for `hazard ack --seen`.
    #[serde(default)]
    pub view: String,
    /// Alarms that are not normal: unacknowledged first, then the most urgent, then the latest.
    pub alarms: Vec<AlarmRow>,
    /// Points that are bypassed.
    pub bypasses: Vec<BypassRow>,
    /// Sensors that are not as they should be; those in a function check have their alarms held.
    #[serde(default)]
    pub sensors: Vec<super::sensors::SensorRow>,
    /// The site's key periods, whether they are on or not.
    #[serde(default)]
    pub key_periods: Vec<String>,
    /// Votes, trips and permits.
    #[serde(default)]
    pub interlocks: Interlocks,
    /// Calibrations and proof tests, in site order.
    #[serde(default)]
    pub upkeep: Vec<UpkeepRow>,
    /// The standing figures.
    #[serde(default)]
    pub figures: Figures,
    /// Calls that nobody has answered.
    #[serde(default)]
    pub calls: Calls,
    /// Named commands, in site order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub commands: Vec<CommandRow>,
    /// Devices, in site order.
    pub devices: Vec<DeviceRow>,
    /// Buses, in site order.
    pub buses: Vec<BusRow>,
    /// Points, in site order.
    pub points: Vec<PointRow>,
    /// How long alarms may take and took, in site order of their safety points.
    pub delays: Vec<DelayRow>,
    /// Outputs, in site order.
    pub outputs: Vec<OutputRow>,
    /// Uplinks, in site order.
    pub uplinks: Vec<super::uplinks::UplinkRow>,
    /// The journal.
    pub journal: JournalRow,
    /// The sums over this run's polls and records.
    pub ledger: LedgerRow,
    /// Nothing waits for the journal or an uplink.
    pub drained: bool,
    /// The agent's own times.
    pub latency: Latencies,
}

impl Status {
    /// Puts the names to the numbers; a number without a name is shown as `#12`.
    #[must_use]
    pub fn new(snapshot: &Snapshot, facts: &Facts) -> Self {
        tell::status(snapshot, facts)
    }

    /// Alarms that are announced: what is shelved, suppressed or out of service is not.
    pub fn announced(&self) -> impl Iterator<Item = &AlarmRow> {
        self.alarms.iter().filter(|alarm| !alarm.is_withheld())
    }

    /// How many alarms nobody has acknowledged.
    #[must_use]
    pub fn unacked(&self) -> usize {
        self.alarms.iter().filter(|alarm| alarm.is_unacked()).count()
    }

    /// How much of the monitoring itself is impaired: conditions, silent or ailing devices, points without a believed value, and sums
    /// that do not add up.
    #[must_use]
    pub fn impaired(&self) -> usize {
        let ails = |device: &&DeviceRow| !device.online || !device.diagnosis.is_empty();
        let devices = self.devices.iter().filter(ails).count();
        let points = self.points.iter().filter(|point| point.quality != "good").count();
        let conditions = self
            .conditions
            .iter()
            .filter(|standing| !standing.is_hazard() && !standing.is_of_alarms() && !standing.is_notice())
            .count();
        conditions + devices + points + usize::from(!self.ledger.even)
    }

    /// What the site must have and lacks.
    pub fn hazards(&self) -> impl Iterator<Item = &Standing> {
        self.conditions.iter().filter(|standing| standing.is_hazard())
    }
}

/// One screen for the operator on shift; the most important line first, every sign with its word beside it.
#[must_use]
pub fn render(status: &Status, lang: Lang, style: Style) -> String {
    render::screen(status, lang, style)
}

/// Alarms, what is put aside, and bypasses.
#[must_use]
pub fn render_alarms(status: &Status, lang: Lang, style: Style) -> String {
    render::alarms(status, lang, style)
}

/// All votes, trips and permits.
#[must_use]
pub fn render_interlocks(status: &Status, lang: Lang, style: Style) -> String {
    render::interlocks(status, lang, style)
}

/// All calibrations and proof tests.
#[must_use]
pub fn render_upkeep(status: &Status, lang: Lang, style: Style) -> String {
    render::upkeep(status, lang, style)
}

/// All open calls.
#[must_use]
pub fn render_calls(status: &Status, lang: Lang, style: Style) -> String {
    render::calls(status, lang, style)
}

/// All named commands.
#[must_use]
pub fn render_commands(status: &Status, lang: Lang, style: Style) -> String {
    render::commands(status, lang, style)
}

/// Where the gateway belongs.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Place {
    /// The district's code.
    pub district: String,
    /// The enterprise's code.
    pub enterprise: String,
    /// The enterprise's name.
    pub enterprise_name: String,
    /// The gateway's code.
    pub gateway: String,
}

/// The running agent.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Agent {
    /// Its version.
    pub version: String,
    /// `blake3:` and the hash of its configuration.
    pub config: String,
    /// The epoch of its records.
    pub epoch: String,
    /// The epoch's durable ordinal; `None` while the journal has not said it.
    pub epoch_no: Option<u64>,
    /// When it began, RFC 3339.
    pub started: String,
    /// Seconds since then, by the monotonic clock.
    pub uptime_s: u64,
}

/// The wall clock.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Clock {
    /// What it reads, RFC 3339.
    pub utc: String,
    /// `unset`, `free` or `synced`.
    pub trust: Word,
}

/// A condition of the agent or of the site.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Standing {
    /// Which.
    pub condition: Word,
    /// Of which uplink, bus, output or safeguard.
    pub of: Option<String>,
}

impl Standing {
    /// Whether it is a major hazard of the site, which stands until something is built, and no fault of the agent.
    #[must_use]
    pub fn is_hazard(&self) -> bool {
        self.condition == "safeguard_absent"
    }

    /// Whether it is no fault: the site's own arrangement for some days, or work that is to be planned.
    #[must_use]
    pub fn is_notice(&self) -> bool {
        matches!(&*self.condition, "key_period" | "sensor_maintenance")
    }

    /// Whether it speaks of too many alarms: it stands for ten minutes after the last of them.
    #[must_use]
    pub fn is_of_alarms(&self) -> bool {
        matches!(&*self.condition, "alarm_flood" | "alarm_chatter")
    }
}

/// A value as the contract sends it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Shown {
    /// A switch.
    Switch(bool),
    /// A number.
    Number(f64),
    /// A text.
    Text(String),
}

/// An alarm that is not normal.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct AlarmRow {
    /// Its point's tag.
    pub point: String,
    /// Its point's name for people.
    pub name: String,
    /// `high_high` and so on.
    pub kind: Word,
    /// `low`, `medium`, `high` or `critical`.
    pub priority: Word,
    /// The set-point as written; empty where the kind has none.
    pub setpoint: String,
    /// Where it stands.
    pub state: Word,
    /// What its point reads, if it reads anything.
    pub value: Option<Shown>,
    /// The point's unit.
    pub unit: String,
    /// The horn sounds for it.
    pub sounds: bool,
    /// 首警: raised before all others of its zone that stand.
    pub first_up: bool,
    /// 已处置: somebody said what was done about it.
    pub handled: bool,
    /// When it was raised last, RFC 3339.
    pub since: Option<String>,
    /// When it stops being shelved, RFC 3339.
    pub shelved_until: Option<String>,
}

/// 旁路: a point that a person took out of service.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct BypassRow {
    /// The point's tag.
    pub point: String,
    /// Who.
    pub actor: String,
    /// Who approved it.
    pub approver: String,
    /// Why.
    pub reason: String,
    /// When it ends by itself, RFC 3339.
    pub until: String,
    /// Seconds until then.
    pub left_s: u64,
}

impl AlarmRow {
    /// Whether nobody has acknowledged it.
    #[must_use]
    pub fn is_unacked(&self) -> bool {
        // A state from a later version counts as unacknowledged: nobody may overlook it.
        !matches!(&*self.state, "acked" | "latched_acked") && !self.is_withheld()
    }

    /// Whether it is put aside.
    #[must_use]
    pub fn is_withheld(&self) -> bool {
        matches!(&*self.state, "shelved" | "suppressed" | "out_of_service")
    }
}

/// A point.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct PointRow {
    /// Its tag.
    pub point: String,
    /// Its name for people.
    pub name: String,
    /// What it reads; nothing when it is bad.
    pub value: Option<Shown>,
    /// Its unit.
    pub unit: String,
    /// `good`, `suspect` or `bad`.
    pub quality: Word,
    /// Why it is not good.
    pub reason: Option<Word>,
    /// The NE 107 category of what is known of its sensor; empty for one that was never read.
    #[serde(default)]
    pub category: Word,
    /// Its loss is an alarm.
    pub safety: bool,
    /// Milliseconds since the sample was taken, or since the start when there was none.
    pub age_ms: u64,
}

/// How long the slowest alarm of a safety point may take, and would have taken at worst since the start.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DelayRow {
    /// The point's tag.
    pub point: String,
    /// As `hazard plan` says; `None` where no bound exists.
    pub predicted_ms: Option<u64>,
    /// As measured; `None` until its block was read twice.
    pub longest_ms: Option<u64>,
}

impl DelayRow {
    /// Whether it took longer than the plan says.
    #[must_use]
    pub fn is_exceeded(&self) -> bool {
        self.predicted_ms.is_some() && self.longest_ms > self.predicted_ms
    }

    /// The part of the predicted delay that it took, in thousandths.
    #[must_use]
    pub fn permille(&self) -> u64 {
        let (Some(longest), Some(predicted)) = (self.longest_ms, self.predicted_ms) else { return 0 };
        longest.saturating_mul(1_000) / predicted.max(1)
    }
}

/// An output.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct OutputRow {
    /// Its name.
    pub output: String,
    /// Its relay is energised.
    pub energised: bool,
}

/// Records, and the readings in them.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct Sum {
    /// Records.
    pub records: u64,
    /// Readings.
    pub readings: u64,
}

impl From<Count> for Sum {
    fn from(count: Count) -> Self {
        Self { records: count.records, readings: count.readings }
    }
}

/// The journal.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct JournalRow {
    /// `opening`, `open` or `down`.
    pub state: Word,
    /// Bytes on disk; `None` until the journal has told its size, as are the next four.
    pub bytes: Option<u64>,
    /// Readable segments.
    pub segments: Option<usize>,
    /// Bytes of damaged segments that were set aside.
    pub set_aside_bytes: Option<u64>,
    /// It has no key: its manifests are unsigned.
    pub unsigned: Option<bool>,
    /// The oldest reading, RFC 3339.
    pub oldest: Option<String>,
    /// The oldest event, RFC 3339.
    pub oldest_event: Option<String>,
    /// Days until it has its full size at the pace so far; then the oldest readings that every platform has make room.
    pub days_left: Option<u64>,
    /// Bytes that are kept because some platform has not confirmed them.
    pub unconfirmed_bytes: Option<u64>,
    /// Days without a platform that fit; beyond, the oldest unconfirmed readings are lost, and stated.
    pub outage_days: Option<u64>,
}
