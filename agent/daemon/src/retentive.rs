//! 掉电保持: what must outlive a power cut, as a PLC keeps its retentive memory, in a small file and a copy of it. They stand
//! apart from the journal, so that a broken store forgets no alarm; each page replaces the one before whole, and is on disk when
//! it is said to be. Only the latest page matters: a slow disk skips those between.

mod store;

pub use store::{COPY, DAMAGED, FILE, Found, READ_WITHIN, Retentive, last};

use hazard_core::alarm::Priority;
use hazard_core::outbox::record::AlarmState;
use serde::{Deserialize, Serialize};

/// What is kept.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Page {
    /// When it was written, by the wall clock, in milliseconds since 1970.
    pub written_ms: i64,
    /// That clock was synchronised.
    pub clock_synced: bool,
    /// Alarms that are not normal.
    pub alarms: Vec<AlarmRow>,
    /// Bypasses.
    pub bypasses: Vec<BypassRow>,
    /// Trips that are not ready.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trips: Vec<TripRow>,
    /// Permits that are granted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub permits: Vec<String>,
    /// The latest moment that a believed clock has shown, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latest_ms: Option<i64>,
    /// Duties of upkeep.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub upkeep: Vec<UpkeepRow>,
    /// Tests that run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tests: Vec<TestRow>,
    /// The share of interlocks in service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interlocks: Option<ShareRow>,
    /// The share of healthy points.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub healthy: Option<ShareRow>,
    /// Calls that are open.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<CallRow>,
    /// Roles that were called a moment before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub called: Vec<CalledRow>,
    /// Alarms that nobody has acknowledged, but whose call was answered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub answered: Vec<String>,
    /// Commands under way: after a restart they are lost.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub commands: Vec<CommandRow>,
    /// What stood at an earlier start was not known, and no person has reset that since.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lost: bool,
}

/// A command under way.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct CommandRow {
    /// Its name.
    pub command: String,
    /// Which of those that were accepted.
    pub nth: u64,
    /// What is to be written.
    pub value: f64,
    /// Who.
    pub actor: String,
    /// Who approved it.
    pub approver: String,
    /// Why.
    pub note: String,
}

/// A duty of upkeep.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct UpkeepRow {
    /// `GT-101/calibration`.
    pub upkeep: String,
    /// When it was passed last.
    pub passed_ms: Option<i64>,
    /// It was found overdue.
    pub overdue: bool,
    /// The last test was not passed.
    pub failing: bool,
}

/// A test that runs: after a restart it has ended.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct TestRow {
    /// `GT-101/calibration`.
    pub upkeep: String,
    /// Who.
    pub actor: String,
    /// Who approved it.
    pub approver: Option<String>,
    /// What the point should read.
    pub applied: Option<f64>,
    /// Why, and with which bottle.
    pub reason: String,
    /// When it began.
    pub began_ms: i64,
    /// How far that clock could be believed: 0 not at all, 1 it ran free, 2 it was synchronised.
    pub began_trust: u8,
}

/// A standing figure: sums in microseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ShareRow {
    /// Serving and all, of the running day.
    pub day_us: [u64; 2],
    /// What is left of the day.
    pub left_us: u64,
    /// Serving and all, of the last whole day.
    pub last_us: Option<[u64; 2]>,
    /// How many members there are.
    pub of: u32,
}

/// An alarm that is not normal.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct AlarmRow {
    /// `GT-101/high`: numbers change with the configuration, names stay.
    pub alarm: String,
    /// Where it stands.
    #[serde(with = "StateWord")]
    pub state: AlarmState,
    /// Where it stands beneath what puts it aside.
    #[serde(with = "StateWord", default, skip_serializing_if = "is_normal")]
    pub beneath: AlarmState,
    /// Its condition stood under a bypass, and nobody has seen it end.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unended: bool,
    /// Somebody said what was done about it.
    pub handled: bool,
    /// It came first in its zone.
    pub first_up: bool,
    /// How long it stays shelved.
    pub shelved_ms: Option<u64>,
    /// When it was raised, in milliseconds since 1970, and how far that clock could be believed: 0 not at all, 1 it ran free, 2
    /// it was synchronised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<(i64, u8)>,
}

/// A bypass.
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
    /// How long it goes on.
    pub left_ms: u64,
}

/// A trip that is not ready.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TripRow {
    /// Its name.
    pub trip: String,
    /// Its causes have gone.
    pub held: bool,
    /// The alarm that came first, `GT-101/high`.
    pub alarm: Option<String>,
    /// Or the vote.
    pub vote: Option<String>,
    /// The outputs that it drives: a trip of another name that drives them starts held.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<String>,
}

/// A call that is open.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CallRow {
    /// `GT-101/high`.
    pub alarm: String,
    /// Its colour.
    #[serde(with = "PriorityWord")]
    pub priority: Priority,
    /// How long it had been open.
    pub open_ms: u64,
    /// The rung called last, from 0.
    pub rung: Option<u8>,
    /// How long that rung had had to answer.
    pub in_rung_ms: u64,
    /// How often the last rung was called again.
    pub repeats: u8,
    /// Nobody was left, and that was said.
    pub exhausted: bool,
    /// Orders that told of it.
    pub attempts: u32,
    /// Thousandths of the times as written.
    pub scale: u16,
    /// Roles that were due and not yet told, and for which rung.
    pub waiting: Vec<(String, u8)>,
}

/// A role that was called a moment before.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CalledRow {
    /// Its name.
    pub role: String,
    /// How long it was still not to be called again.
    pub quiet_ms: u64,
    /// The highest colour that it had been told.
    #[serde(with = "PriorityWord")]
    pub told: Priority,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Priority", rename_all = "snake_case")]
enum PriorityWord {
    Low,
    Medium,
    High,
    Critical,
}

fn is_normal(state: &AlarmState) -> bool {
    *state == AlarmState::Normal
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "AlarmState", rename_all = "snake_case")]
enum StateWord {
    Normal,
    Unacked,
    Acked,
    RtnUnacked,
    LatchedUnacked,
    LatchedAcked,
    Shelved,
    Suppressed,
    OutOfService,
}
