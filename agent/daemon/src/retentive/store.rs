//! Where the page is: the file, its copy, what is set aside because it was damaged, and the thread that alone touches them. It
//! reads before it writes, so that nothing is written over what nobody has read.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::Page;

/// The file's name in the gateway's folder.
pub const FILE: &str = "retentive.json";
/// The same page once more, written when the file is on disk.
pub const COPY: &str = "retentive.copy.json";
/// The copy's name since a page could not be written: what stood then is not in it, nor in the file.
const OUTDATED: &str = "retentive.outdated.json";
/// What could not be read is kept under this name and a number.
pub const DAMAGED: &str = "retentive.damaged-";
/// A disk that hangs must not keep the gateway from alarming: after this time it starts, and takes the page up when it comes.
pub const READ_WITHIN: Duration = Duration::from_secs(1);
const VERSION: u32 = 1;
/// No site has so much to keep; a damaged file must not fill the memory.
const BYTES_MAX: u64 = 16 << 20;
/// So many damaged files are kept; the first ones say most about the disk.
const DAMAGED_MAX: u32 = 16;
/// After a page, changes are gathered for so long: a power cut may take those of this time.
const GATHER: Duration = Duration::from_millis(100);

/// What was found when the gateway started.
#[derive(Clone, PartialEq, Debug)]
pub enum Found {
    /// Nothing was ever kept here, and nothing says that a gateway ran.
    Fresh,
    /// What was kept last.
    Page(Box<Page>),
    /// The file cannot be read, and its copy may lack the last change.
    Older(Box<Page>),
    /// What stood cannot be known.
    Lost,
}

/// Keeps pages on disk, on a thread of its own.
#[derive(Debug)]
pub struct Retentive {
    desk: Arc<Desk>,
    found: Receiver<Found>,
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
    /// Starts the thread. It reads what was kept; the folder of the journal is the witness of a gateway that ran before.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn spawn(dir: &Path, journal: &Path) -> io::Result<Self> {
        let (dir, journal) = (dir.to_path_buf(), journal.to_path_buf());
        Self::start(move |desk, sender| {
            let (found, damaged) = look(&dir, &journal);
            // Whoever asked may not wait any more.
            drop(sender.send(found));
            keep_on((&dir, damaged), &desk);
        })
    }

    /// Starts the thread over what is known already: nothing is read.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn go_on(dir: &Path) -> io::Result<Self> {
        let dir = dir.to_path_buf();
        Self::start(move |desk, _| keep_on((&dir, Vec::new()), &desk))
    }

    fn start(work: impl FnOnce(Arc<Desk>, Sender<Found>) + Send + 'static) -> io::Result<Self> {
        let desk = Arc::new(Desk::default());
        let (sender, found) = channel();
        let on_thread = Arc::clone(&desk);
        let work = move || work(on_thread, sender);
        let thread = std::thread::Builder::new().name("retentive".into()).spawn(work)?;
        Ok(Self { desk, found, thread })
    }

    /// What was kept, once; `None` when the disk has not answered within this time.
    #[must_use]
    pub fn found(&self, within: Duration) -> Option<Found> {
        match self.found.recv_timeout(within) {
            Ok(found) => Some(found),
            Err(RecvTimeoutError::Timeout) => None,
            // A thread that panicked has read nothing.
            Err(RecvTimeoutError::Disconnected) => Some(Found::Lost),
        }
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

/// One of the two files.
enum Read {
    Intact { head: Vec<u8>, page: Box<Page> },
    Missing,
    Damaged { head: Vec<u8> },
}

/// What was kept last, beside an agent that may run: an empty page on a fresh gateway, and `None` where the latest page cannot be
/// known.
#[must_use]
pub fn last(dir: &Path, journal: &Path) -> Option<Page> {
    match look(dir, journal).0 {
        Found::Fresh => Some(Page::default()),
        Found::Page(page) => Some(*page),
        Found::Older(_) | Found::Lost => None,
    }
}

/// What was kept, and the files that cannot be read.
fn look(dir: &Path, journal: &Path) -> (Found, Vec<PathBuf>) {
    // Before the files: the journal of this run may come into being while a slow disk is asked.
    let ran_before = has_history(dir, journal);
    let (file, outdated) = (dir.join(FILE), dir.join(OUTDATED));
    let is_outdated = outdated.symlink_metadata().is_ok();
    let copy = if is_outdated { outdated } else { dir.join(COPY) };
    let (latest, spare) = (read(&file), read(&copy));
    let mut damaged = Vec::new();
    for (read, path) in [(&latest, file), (&spare, copy)] {
        if matches!(read, Read::Damaged { .. }) {
            damaged.push(path);
        }
    }
    let found = match (latest, spare) {
        // Whoever wrote it knew of something that no page has.
        (Read::Intact { page, .. }, _) | (_, Read::Intact { page, .. }) if is_outdated => Found::Older(page),
        (Read::Intact { page, .. }, _) => Found::Page(page),
        // Their first lines carry the checksum of what was written: both held the same page.
        (Read::Damaged { head }, Read::Intact { head: same, page }) if head == same => Found::Page(page),
        (Read::Damaged { .. } | Read::Missing, Read::Intact { page, .. }) => Found::Older(page),
        (Read::Missing, Read::Missing) if !ran_before => Found::Fresh,
        (Read::Damaged { .. } | Read::Missing, Read::Damaged { .. } | Read::Missing) => Found::Lost,
    };
    (found, damaged)
}

/// Whether a gateway ran on this disk before: it has a journal, or has set a damaged page aside.
fn has_history(dir: &Path, journal: &Path) -> bool {
    let any = |folder: &Path, is_witness: fn(&str) -> bool| match fs::read_dir(folder) {
        Ok(mut entries) => {
            entries.any(|entry| entry.is_ok_and(|entry| is_witness(&entry.file_name().to_string_lossy())))
        }
        Err(fault) => !matches!(fault.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory),
    };
    any(journal, |_| true) || any(dir, |name| name.starts_with(DAMAGED))
}

fn read(path: &Path) -> Read {
    let bytes = match File::open(path) {
        Ok(file) => {
            let mut bytes = Vec::new();
            io::Read::read_to_end(&mut io::Read::take(file, BYTES_MAX), &mut bytes).map(|_| bytes)
        }
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => return Read::Missing,
        Err(fault) => Err(fault),
    };
    let head = |bytes: &[u8]| bytes.split(|byte| *byte == b'\n').next().unwrap_or_default().to_vec();
    let known = bytes.as_ref().map(|bytes| head(bytes)).unwrap_or_default();
    match bytes.and_then(|bytes| decode(&bytes)) {
        Ok(page) => Read::Intact { head: known, page: Box::new(page) },
        Err(fault) => {
            tracing::error!(file = %path.display(), %fault, "what was kept over the power cut cannot be read");
            Read::Damaged { head: known }
        }
    }
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

fn keep_on((dir, mut damaged): (&Path, Vec<PathBuf>), desk: &Desk) {
    loop {
        let mut state = desk.lock();
        while state.page.is_none() && !state.closing {
            state = desk.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let Some(page) = state.page.take() else {
            return;
        };
        drop(state);
        let written = set_aside(dir, &mut damaged).and_then(|()| write(dir, &encode(&page)?));
        let mut state = desk.lock();
        if let Err(fault) = &written
            && !state.down
        {
            tracing::error!(%fault, "what must outlive a power cut cannot be written");
            // A name takes no room on a full disk, and says to the next start that the pages are old.
            let renamed = fs::rename(dir.join(COPY), dir.join(OUTDATED));
            renamed.unwrap_or_else(|fault| tracing::error!(%fault, "nor can it be said that it is old"));
        }
        state.down = written.is_err();
        // What changes within a moment shares the next page: each page costs syncs. The first is never kept waiting.
        drop(desk.changed.wait_timeout_while(state, GATHER, |state| !state.closing));
    }
}

/// Keeps what could not be read beside the pages that will replace it.
fn set_aside(dir: &Path, damaged: &mut Vec<PathBuf>) -> io::Result<()> {
    while let Some(path) = damaged.last() {
        if path.symlink_metadata().is_err_and(|fault| fault.kind() == io::ErrorKind::NotFound) {
            damaged.pop();
            continue;
        }
        let names = (1..=DAMAGED_MAX).map(|nth| dir.join(format!("{DAMAGED}{nth}")));
        // A link leaves the file in its place until a whole page replaces it; a folder has to be moved.
        match names.into_iter().find(|name| name.symlink_metadata().is_err()) {
            Some(name) => {
                fs::hard_link(path, &name).or_else(|_| fs::rename(path, &name))?;
                tracing::warn!(file = %path.display(), kept = %name.display(), "the damaged file is kept");
            }
            None => tracing::warn!(file = %path.display(), "too many damaged files are kept already"),
        }
        damaged.pop();
    }
    Ok(())
}

/// Replaces the file, then its copy: what is there afterwards is the old page or the new one, whole.
fn write(dir: &Path, bytes: &[u8]) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    let fresh = dir.join("retentive.tmp");
    for name in [FILE, COPY] {
        let mut file = File::create(&fresh)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&fresh, dir.join(name))?;
        File::open(dir)?.sync_all()?;
    }
    match fs::remove_file(dir.join(OUTDATED)) {
        Err(fault) if fault.kind() != io::ErrorKind::NotFound => Err(fault),
        Ok(()) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use hazard_core::outbox::record::AlarmState;

    use super::super::{AlarmRow, BypassRow};
    use super::*;

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
        let keeper = Retentive::go_on(&file).unwrap();
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
                handled: true,
                first_up: true,
                shelved_ms: None,
                since: None,
                ..AlarmRow::default()
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
