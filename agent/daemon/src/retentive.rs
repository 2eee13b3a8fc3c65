//! 掉电保持: one small file with what must outlive a power cut, as a PLC keeps its retentive memory. It stands apart from the
//! journal, so that a broken store forgets no alarm; each page replaces the one before whole, and is on disk when it is said
//! to be. Only the latest page matters: a slow disk skips those between.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use hazard_core::alarm::Priority;
use hazard_core::outbox::record::AlarmState;
use serde::{Deserialize, Serialize};

/// The file's name in the gateway's folder.
pub const FILE: &str = "retentive.json";
const VERSION: u32 = 1;
/// No site has so much to keep; a damaged file must not fill the memory.
const BYTES_MAX: u64 = 16 << 20;
/// After a page, changes are gathered for so long: a power cut may take those of this time.
const GATHER: Duration = Duration::from_millis(100);
/// A disk that hangs must not keep the gateway from alarming: it starts without.
const READ_WITHIN: Duration = Duration::from_secs(1);

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

/// Reads the last page; `None` when there never was one.
///
/// # Errors
/// When the file is damaged, too long, from a later version, or the disk does not answer within a second.
pub fn read(dir: &Path) -> io::Result<Option<Page>> {
    let path = dir.join(FILE);
    let (sender, answer) = std::sync::mpsc::channel();
    std::thread::Builder::new().name("retentive".into()).spawn(move || {
        // Whoever asked may not wait any more.
        drop(sender.send(read_file(&path)));
    })?;
    answer.recv_timeout(READ_WITHIN).unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

fn read_file(path: &Path) -> io::Result<Option<Page>> {
    let bytes = match File::open(path) {
        Ok(file) => {
            let mut bytes = Vec::new();
            io::Read::read_to_end(&mut io::Read::take(file, BYTES_MAX), &mut bytes)?;
            bytes
        }
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(fault) => return Err(fault),
    };
    decode(&bytes).map(Some)
}

/// A first line with version and checksum, then the page.
fn encode(page: &Page) -> io::Result<Vec<u8>> {
    let body = serde_json::to_vec(page)?;
    let mut bytes = format!("hazard-retentive {VERSION} {:08x}\n", crc32fast::hash(&body)).into_bytes();
    bytes.extend_from_slice(&body);
    bytes.push(b'\n');
    Ok(bytes)
}

fn decode(bytes: &[u8]) -> io::Result<Page> {
    let damaged = |why: &str| io::Error::new(io::ErrorKind::InvalidData, why.to_owned());
    let end = bytes.iter().position(|byte| *byte == b'\n').ok_or_else(|| damaged("no first line"))?;
    let (head, body) = (&bytes[..end], bytes[end + 1..].trim_ascii_end());
    let head = std::str::from_utf8(head).map_err(|_| damaged("no first line"))?;
    let mut words = head.split(' ');
    let (name, version, sum) = (words.next(), words.next(), words.next());
    if name != Some("hazard-retentive") {
        return Err(damaged("not a retentive file"));
    }
    if version != Some("1") {
        return Err(damaged("written by a later version"));
    }
    if sum != Some(format!("{:08x}", crc32fast::hash(body)).as_str()) {
        return Err(damaged("the checksum does not fit"));
    }
    Ok(serde_json::from_slice(body)?)
}

/// Keeps pages on disk, on a thread of its own.
#[derive(Debug)]
pub struct Retentive {
    desk: Arc<Desk>,
    thread: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Desk {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    page: Option<Page>,
    down: bool,
    closing: bool,
}

impl Retentive {
    /// Starts the thread.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn spawn(dir: &Path) -> io::Result<Self> {
        let desk = Arc::new(Desk::default());
        let (dir, on_thread) = (dir.to_path_buf(), Arc::clone(&desk));
        let work = move || keep_on(&dir, &on_thread);
        let thread = std::thread::Builder::new().name("retentive".into()).spawn(work)?;
        Ok(Self { desk, thread })
    }

    /// Keeps a page; the one that was not written yet is not needed any more.
    pub fn keep(&self, page: Page) {
        self.desk.lock().page = Some(page);
        self.desk.changed.notify_one();
    }

    /// Whether the last page could not be written.
    #[must_use]
    pub fn is_down(&self) -> bool {
        self.desk.lock().down
    }

    /// Writes what is left and ends.
    pub fn close(self) {
        self.desk.lock().closing = true;
        self.desk.changed.notify_one();
        // A thread that panicked has written nothing more; there is nothing to add to that here.
        drop(self.thread.join());
    }
}

impl Desk {
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn keep_on(dir: &Path, desk: &Desk) {
    loop {
        let mut state = desk.lock();
        while state.page.is_none() && !state.closing {
            state = desk.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let Some(page) = state.page.take() else {
            return;
        };
        drop(state);
        let written = encode(&page).and_then(|bytes| write(dir, &bytes));
        let mut state = desk.lock();
        if let Err(fault) = &written
            && !state.down
        {
            tracing::error!(%fault, "what must outlive a power cut cannot be written");
        }
        state.down = written.is_err();
        // What changes within a moment shares the next page: each page costs two syncs. The first is never kept waiting.
        drop(desk.changed.wait_timeout_while(state, GATHER, |state| !state.closing));
    }
}

/// Replaces the file: what is there afterwards is the old page or the new one, whole.
fn write(dir: &Path, bytes: &[u8]) -> io::Result<()> {
    let (fresh, path): (PathBuf, PathBuf) = (dir.join("retentive.tmp"), dir.join(FILE));
    fs::create_dir_all(dir)?;
    let mut file = File::create(&fresh)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&fresh, &path)?;
    File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_comes_back_as_it_was_kept() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(read(dir.path()).unwrap(), None);
        let keeper = Retentive::spawn(dir.path()).unwrap();
        keeper.keep(page(1));
        keeper.keep(page(2));
        keeper.close();
        assert_eq!(read(dir.path()).unwrap(), Some(page(2)));
    }

    #[test]
    fn any_flipped_bit_is_seen() {
        let bytes = encode(&page(7)).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            // White space at the end carries nothing.
            assert!(decode(&damaged).map_or(true, |read| read == page(7)), "bit {bit}");
        }
        for end in 0..bytes.len() - 1 {
            assert!(decode(&bytes[..end]).is_err(), "cut at {end}");
        }
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("not-a-folder");
        std::fs::write(&file, "x").unwrap();
        let keeper = Retentive::spawn(&file).unwrap();
        let desk = Arc::clone(&keeper.desk);
        keeper.keep(page(1));
        keeper.close();
        assert!(desk.lock().down);
    }

    /// Golden: if this fails, do not change the test; add a version.
    #[test]
    fn version_1_is_still_read() {
        let body = r#"{"written_ms":5,"clock_synced":true,"alarms":[{"alarm":"GT-101/high","state":"latched_unacked","handled":true,"first_up":true,"shelved_ms":null}],"bypasses":[{"point":"GT-102","actor":"李四","approver":"王五","reason":"标定","left_ms":60000}]}"#;
        let text = format!("hazard-retentive 1 {:08x}\n{body}\n", crc32fast::hash(body.as_bytes()));
        assert_eq!(decode(text.as_bytes()).unwrap(), page(5));
        assert_eq!(encode(&page(5)).unwrap(), text.as_bytes());
    }

    fn page(written_ms: i64) -> Page {
        Page {
            written_ms,
            clock_synced: true,
            alarms: vec![AlarmRow {
                alarm: "GT-101/high".into(),
                state: AlarmState::LatchedUnacked,
                beneath: AlarmState::Normal,
                unended: false,
                handled: true,
                first_up: true,
                shelved_ms: None,
            }],
            bypasses: vec![BypassRow {
                point: "GT-102".into(),
                actor: "李四".into(),
                approver: "王五".into(),
                reason: "标定".into(),
                left_ms: 60_000,
            }],
            ..Page::default()
        }
    }
}
