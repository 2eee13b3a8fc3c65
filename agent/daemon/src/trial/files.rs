//! The files of a trial: every change is a list of small operations, each durable before the next, so that a power cut after
//! any of them leaves something from which a start finds its way.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{Error, ErrorKind, Read, Result, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::history::is_back;
use super::{Carrier, Change, Files, History, Marker, Moment, Row, Seen, Start, Why, at_start};

const FOLDER: &str = "config";
const MARKER: &str = "trial.json";
const HISTORY: &str = "history.json";
/// How the names of kept configurations end.
const FILES_END: &str = ".files.json";
/// The folder of templates beside a site file.
const TEMPLATES: &str = "devices";
/// Bytes of a configuration's texts at most.
pub const FILES_BYTES_MAX: usize = 12 << 20;
/// No file of a trial is larger: texts need more room as JSON.
const FILE_BYTES_MAX: u64 = 32 << 20;
/// Configurations that are kept take so much at most; the oldest go first.
const TEXTS_BYTES_MAX: u64 = 64 << 20;

/// One durable step.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Op {
    /// A file is there with these bytes; not yet under its name.
    Write(PathBuf, Vec<u8>),
    /// A file takes a name, and what had it is gone.
    Rename(PathBuf, PathBuf),
    /// A file is gone.
    Remove(PathBuf),
    /// A folder is there.
    Folder(PathBuf),
}

/// Carries operations out in order.
///
/// # Errors
/// The first that fails; those after it are left out.
pub fn carry_out(ops: &[Op]) -> Result<()> {
    ops.iter().try_for_each(Op::carry_out)
}

impl Op {
    fn carry_out(&self) -> Result<()> {
        match self {
            Self::Write(path, bytes) => {
                let mut file = File::create(path)?;
                file.write_all(bytes)?;
                file.sync_all()
            }
            Self::Rename(from, to) => {
                // A site file keeps its owner's rights.
                if let Ok(known) = fs::metadata(to) {
                    fs::set_permissions(from, known.permissions())?;
                }
                fs::rename(from, to)?;
                sync_folder_of(to)
            }
            Self::Folder(path) => {
                fs::create_dir_all(path)?;
                sync_folder_of(path)
            }
            Self::Remove(path) => {
                match fs::remove_file(path) {
                    Err(fault) if fault.kind() != ErrorKind::NotFound => return Err(fault),
                    Ok(()) | Err(_) => {}
                }
                sync_folder_of(path)
            }
        }
    }
}

fn sync_folder_of(path: &Path) -> Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

fn replace(path: &Path, bytes: Vec<u8>) -> [Op; 2] {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    [Op::Write(beside.clone(), bytes), Op::Rename(beside, path.to_owned())]
}

/// Whether a state folder has a trial.
#[must_use]
pub fn is_pending(state_dir: &Path) -> bool {
    state_dir.join(FOLDER).join(MARKER).exists()
}

/// The folder of a site's configurations, and its site file.
#[derive(Clone, Debug)]
pub struct Folder {
    dir: PathBuf,
    site: PathBuf,
}

impl Folder {
    /// The folder of a site file's configurations, made where it is missing.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn open(state_dir: &Path, site: &Path) -> Result<Self> {
        let dir = state_dir.join(FOLDER);
        fs::create_dir_all(&dir)?;
        // The file itself is replaced, not a name that leads to it.
        let site = fs::canonicalize(site).unwrap_or_else(|_| site.to_owned());
        Ok(Self { dir, site })
    }

    /// The trial, if there is one; one that cannot be read was never whole.
    #[must_use]
    pub fn marker(&self) -> Option<Marker> {
        serde_json::from_str(&read(&self.dir.join(MARKER)).ok()?).ok()
    }

    /// The history; one that cannot be read begins anew.
    #[must_use]
    pub fn history(&self) -> History {
        let text = read(&self.dir.join(HISTORY));
        text.ok().and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()
    }

    /// What the site file says.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn site_text(&self) -> Result<String> {
        read(&self.site)
    }

    /// What the template of this name beside the site file says; `None` where there is none.
    #[must_use]
    pub fn template_text(&self, name: &str) -> Option<String> {
        read(&self.template_path(name)?).ok()
    }

    /// The configuration as it was under this hash.
    #[must_use]
    pub fn files(&self, hash: &str) -> Option<Files> {
        let kept = read(&self.files_path(hash)).ok().and_then(|text| serde_json::from_str(&text).ok());
        // The site file alone was kept once.
        kept.or_else(|| Some(Files { site: read(&self.text_path(hash)).ok()?, ..Files::default() }))
    }

    /// The one hash that is kept and begins so.
    #[must_use]
    pub fn find(&self, begin: &str) -> Option<String> {
        let begin = begin.trim_start_matches("blake3:");
        let history = self.history();
        let mut found: Vec<&str> = history.hashes().filter(|hash| plain(hash).starts_with(begin)).collect();
        found.sort_unstable();
        found.dedup();
        match found[..] {
            [hash] if !begin.is_empty() => Some(hash.to_owned()),
            _ => None,
        }
    }

    /// Which configuration of a trial the site file and its templates are.
    #[must_use]
    pub fn seen(&self, marker: &Marker) -> Seen {
        let (from, to) = (self.files(&marker.from), self.files(&marker.to));
        let (Some(to), Ok(site)) = (to, self.site_text()) else { return Seen::Other };
        let from = from.unwrap_or_default();
        let names: BTreeSet<&String> = from.templates.keys().chain(to.templates.keys()).collect();
        let (mut all_from, mut all_to) = (site == from.site, site == to.site);
        let mut all_known = all_from || all_to;
        for name in names {
            let there = self.template_text(name);
            // What a configuration does not name does not matter to it.
            let is = |files: &Files| files.templates.get(name).is_none_or(|told| *told == there);
            let (is_from, is_to) = (is(&from), is(&to));
            (all_from, all_to) = (all_from && is_from, all_to && is_to);
            all_known = all_known && (is_from || is_to);
        }
        match (all_to, all_from, all_known) {
            (true, _, _) => Seen::OnTrial,
            (false, true, _) => Seen::Before,
            (false, false, true) => Seen::Between,
            (false, false, false) => Seen::Other,
        }
    }

    /// Keeps a configuration under its hash.
    #[must_use]
    pub fn keep(&self, hash: &str, files: &Files) -> Vec<Op> {
        replace(&self.files_path(hash), json(files)).into()
    }

    /// Puts a configuration on trial, in the place of the one before.
    #[must_use]
    pub fn begin(&self, marker: &Marker, (before, after): (&Files, &Files), row: Row) -> Vec<Op> {
        let mut ops = self.keep(&marker.from, before);
        ops.extend(self.keep(&marker.to, after));
        ops.extend(self.mark(marker));
        ops.extend(self.write(after));
        ops.extend(self.add(row));
        ops
    }

    /// Puts a configuration in force for good: until all its files are there, it is as if on trial.
    #[must_use]
    pub fn put(&self, marker: &Marker, (before, after): (&Files, &Files), row: Row) -> Vec<Op> {
        let mut ops = self.begin(marker, (before, after), row);
        ops.push(Op::Remove(self.dir.join(MARKER)));
        ops
    }

    /// Makes the site file and its templates say this; the site file last, and only what says something else.
    fn write(&self, files: &Files) -> Vec<Op> {
        let mut ops = Vec::new();
        for (name, text) in &files.templates {
            let Some(path) = self.template_path(name).filter(|_| self.template_text(name) != *text) else {
                continue;
            };
            match text {
                Some(text) => {
                    ops.extend(path.parent().map(|folder| Op::Folder(folder.to_owned())));
                    ops.extend(replace(&path, text.clone().into_bytes()));
                }
                None => ops.push(Op::Remove(path)),
            }
        }
        ops.extend(replace(&self.site, files.site.clone().into_bytes()));
        ops
    }

    /// Writes down how a trial stands.
    #[must_use]
    pub fn mark(&self, marker: &Marker) -> Vec<Op> {
        replace(&self.dir.join(MARKER), json(marker)).into()
    }

    /// There is no trial any more, and nothing else changes.
    #[must_use]
    pub fn forget(&self) -> Vec<Op> {
        vec![Op::Remove(self.dir.join(MARKER))]
    }

    /// Ends a trial: with the configuration on trial, or with the one before, as the row says.
    #[must_use]
    pub fn end(&self, marker: &Marker, row: Row) -> Vec<Op> {
        let gone = Op::Remove(self.dir.join(MARKER));
        let mut ops = Vec::new();
        if is_back(row.change) {
            let is_due = matches!(self.seen(marker), Seen::OnTrial | Seen::Between);
            let before = self.files(&marker.from).filter(|_| is_due);
            ops.extend(before.into_iter().flat_map(|before| self.write(&before)));
            ops.extend(self.add(row));
            ops.push(gone);
        } else {
            // From this moment on no start takes it back.
            ops.push(gone);
            ops.extend(self.add(row));
        }
        ops
    }

    /// What a start at this moment does with the trial that it finds, and how long that goes on.
    #[must_use]
    pub fn take_up(&self, at: Moment, row: Row) -> (Vec<Op>, Option<Duration>) {
        // One that cannot be read was never whole.
        let Some(marker) = self.marker() else { return (self.forget(), None) };
        let away = marker.at.until(&at);
        let back = |change| (self.end(&marker, row.about(&marker, change)), None);
        match at_start(&marker, self.seen(&marker), away) {
            Start::GoOn { left } => {
                let left_ms = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
                let goes_on = Marker { left_ms, at, carrier: Carrier::Running, ..marker };
                (self.mark(&goes_on), Some(left))
            }
            Start::GiveBack(Why::Expired) => back(Change::Expired),
            Start::GiveBack(Why::Interrupted) | Start::IsBack => back(Change::Interrupted),
            Start::Forget => (self.forget(), None),
        }
    }

    /// Adds a row to the history.
    #[must_use]
    pub fn add(&self, row: Row) -> Vec<Op> {
        let mut history = self.history();
        history.add(row);
        self.say(&history)
    }

    /// Writes the history.
    #[must_use]
    pub fn say(&self, history: &History) -> Vec<Op> {
        replace(&self.dir.join(HISTORY), json(history)).into()
    }

    /// Removes configurations that no row names, and the oldest beyond what may be kept.
    pub fn tidy(&self) {
        let (history, marker) = (self.history(), self.marker());
        let marked = marker.iter().flat_map(|marker| [&*marker.from, &*marker.to]);
        let mut kept: Vec<PathBuf> = Vec::new();
        let mut bytes = 0;
        for hash in marked.chain(history.hashes()) {
            let paths = [self.files_path(hash), self.text_path(hash)];
            if paths.iter().any(|path| kept.contains(path)) {
                continue;
            }
            bytes +=
                paths.iter().filter_map(|path| fs::metadata(path).ok()).map(|file| file.len()).sum::<u64>();
            // What runs and what is on trial stays, however large.
            if bytes <= TEXTS_BYTES_MAX || kept.len() < 6 {
                kept.extend(paths);
            }
        }
        for entry in fs::read_dir(&self.dir).into_iter().flatten().flatten() {
            let path = entry.path();
            let ends = |end: &str| path.to_string_lossy().ends_with(end);
            if (ends(FILES_END) || ends(".toml")) && !kept.contains(&path) {
                // One that stays is tried again next time.
                drop(fs::remove_file(path));
            }
        }
    }

    fn template_path(&self, name: &str) -> Option<PathBuf> {
        let is_plain = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || "-_.".contains(c));
        let beside = self.site.parent().unwrap_or(Path::new("")).join(TEMPLATES);
        is_plain.then(|| beside.join(format!("{name}.toml")))
    }

    fn files_path(&self, hash: &str) -> PathBuf {
        self.dir.join(format!("{}{FILES_END}", plain(hash)))
    }

    fn text_path(&self, hash: &str) -> PathBuf {
        self.dir.join(format!("{}.toml", plain(hash)))
    }
}

impl Row {
    /// The same row, about a trial.
    #[must_use]
    pub fn about(self, marker: &Marker, change: Change) -> Self {
        let (from, to, counts) = (marker.from.clone(), marker.to.clone(), marker.counts.clone());
        Self { change, from, to, counts, ..self }
    }
}

impl Marker {
    /// The same trial, left in order.
    #[must_use]
    pub fn paused(self) -> Self {
        Self { carrier: Carrier::Paused, pauses: self.pauses.saturating_add(1), ..self }
    }
}

fn plain(hash: &str) -> &str {
    let name = hash.trim_start_matches("blake3:");
    // A hash is a file's name here, and nothing that leads elsewhere.
    if name.bytes().all(|byte| byte.is_ascii_alphanumeric()) { name } else { "" }
}

fn json(document: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec_pretty(document).unwrap_or_default()
}

fn read(path: &Path) -> Result<String> {
    String::from_utf8(read_small(path)?).map_err(|fault| Error::new(ErrorKind::InvalidData, fault))
}

/// Reads a file of the agent's own. Nothing that lies in its place may keep a start waiting or fill the memory.
///
/// # Errors
/// As for reading; and for what is no file (a pipe, a device), or is larger than any of them.
pub fn read_small(path: &Path) -> Result<Vec<u8>> {
    if !std::fs::metadata(path)?.is_file() {
        return Err(Error::new(ErrorKind::InvalidInput, format!("{}: not a file", path.display())));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > FILE_BYTES_MAX { Err(Error::from(ErrorKind::FileTooLarge)) } else { Ok(bytes) }
}
