//! Devices and their lines as people see them: what they did, and what is probably wrong.

use serde::{Deserialize, Serialize};

use super::ledger::PollRow;
use super::status::Word;

/// A device.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct DeviceRow {
    /// Its name.
    pub device: String,
    /// It answers.
    pub online: bool,
    /// How it failed last, while it is offline.
    pub fault: Option<Word>,
    /// What it refused with, where it refused.
    pub exception: Option<Word>,
    /// Good answers.
    pub replies: u64,
    /// Requests that brought nothing.
    pub faults: u64,
    /// What became of its polls.
    #[serde(default)]
    pub polls: PollRow,
    /// What is probably wrong with it or with its line, the likeliest first.
    #[serde(default)]
    pub diagnosis: Vec<Word>,
    /// How long its answers took lately on average, in milliseconds from the request's first byte to the answer's last.
    #[serde(default)]
    pub answer_ms: Option<f64>,
    /// The longest of them.
    #[serde(default)]
    pub answer_longest_ms: Option<f64>,
    /// It refused joined reads (exceptions 2 and 3): its points are read without what lies between them.
    #[serde(default)]
    pub apart: bool,
}

/// A bus.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct BusRow {
    /// Its name.
    pub bus: String,
    /// Polls that came due.
    pub scheduled: u64,
    /// Answered with values.
    pub read: u64,
    /// Sent and not answered with values.
    pub failed: u64,
    /// Not sent.
    pub skipped: u64,
    /// Being asked, or due and not asked yet.
    #[serde(default)]
    pub open: u64,
    /// Answers that no request waited for.
    pub strays: u64,
    /// What the line saw.
    pub link: LinkRow,
    /// What is probably wrong with the line itself, the likeliest first.
    #[serde(default)]
    pub diagnosis: Vec<Word>,
}

/// What a line saw; every request ends in one of `replies`, `silent`, `garbled`, `refused` and `gone`.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct LinkRow {
    /// Requests that the bus was given.
    pub requests: u64,
    /// Answered, or sent where no answer is due.
    pub replies: u64,
    /// Not answered in time.
    pub silent: u64,
    /// Answered with what was not theirs.
    pub garbled: u64,
    /// Refused by the device.
    pub refused: u64,
    /// Without a port or connection.
    pub gone: u64,
    /// Bytes that nobody had asked for.
    pub stray_bytes: u64,
    /// Ports or connections opened.
    pub connects: u64,
    /// Attempts to open that failed.
    pub connect_failures: u64,
}
