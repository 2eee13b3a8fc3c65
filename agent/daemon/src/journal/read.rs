//! Reads a journal that may belong to a running agent: never sled on the original (it rewrites files and locks them), but on
//! a copy of one segment at a time. Writes nothing into the folder.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hazard_core::id::Epoch;
use hazard_core::outbox::{AckedSet, Lane, Record};

use super::chain::Mark;
use super::frame::Frame;
use super::index::Index;
use super::purges::Purges;
use super::segment::Segment;
use super::{Header, cursors, epochs, load, seal};

/// Why a folder cannot be read as a journal.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// There is nothing.
    #[error("{0}: no such folder or file")]
    Absent(PathBuf),
    /// It holds something else.
    #[error("{0}: not a journal")]
    Foreign(PathBuf),
    /// It was written by a later version.
    #[error("{0}: written by a newer version")]
    Newer(PathBuf),
    /// The operating system refuses it.
    #[error("{0}: {1}")]
    Refused(PathBuf, String),
    /// The agent has moved it while it was read: try again.
    #[error("{0}: moved while it was read")]
    Moved(PathBuf),
}

/// A block of records, in the order of its lane.
#[derive(Clone, Debug)]
pub struct Block {
    /// The segment's folder, or the file.
    pub segment: Arc<str>,
    pub(super) frame: Frame,
    /// The records, or nothing where the bytes are none though their checksum is right.
    pub records: Option<Vec<Arc<Record>>>,
    /// It lies where blocks of its name lie.
    pub in_place: bool,
}

impl Block {
    pub(super) fn new(segment: &Arc<str>, frame: Frame, in_place: bool) -> Self {
        Self { segment: Arc::clone(segment), records: None, frame, in_place }
    }

    /// The ordinal of its epoch.
    #[must_use]
    pub const fn ordinal(&self) -> u64 {
        self.frame.ordinal
    }

    /// Its lane.
    #[must_use]
    pub const fn lane(&self) -> Lane {
        self.frame.lane
    }

    /// First and last number.
    #[must_use]
    pub const fn span(&self) -> (u64, u64) {
        (self.frame.first, self.frame.last)
    }

    /// How many records it says it has.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.frame.count.records
    }

    /// Where its lane stood before.
    #[must_use]
    pub const fn before(&self) -> Option<Mark> {
        self.frame.before
    }

    /// Its bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.frame.bytes()
    }
}

/// A block that is there and cannot be believed; what it says of itself may be wrong too.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Broken {
    /// The segment's folder, or the file.
    pub segment: Arc<str>,
    /// Its lane.
    pub lane: Lane,
    /// The ordinal of its epoch.
    pub ordinal: u64,
    /// First and last number.
    pub span: (u64, u64),
}

/// What lies in a lane.
#[derive(Clone, Debug)]
pub enum Piece {
    /// A block.
    Block(Block),
    /// A block whose checksum fails.
    Broken(Broken),
    /// A whole segment that sled refuses, read from its raw bytes; or that holds less than its index says.
    Damaged {
        /// Its folder.
        segment: Arc<str>,
        /// What is wrong.
        reason: String,
    },
}

impl Piece {
    fn place(&self) -> (u64, u64) {
        match self {
            Self::Block(block) => (block.frame.ordinal, block.frame.first),
            Self::Broken(broken) => (broken.ordinal, broken.span.0),
            Self::Damaged { .. } => (0, 0),
        }
    }
}

/// What each uplink has confirmed, by its name.
pub type Confirmed = Vec<(String, BTreeMap<Epoch, [AckedSet; 2]>)>;

/// A journal, or the blocks of an export.
#[derive(Debug)]
pub struct Folder {
    dir: PathBuf,
    epochs: BTreeMap<u64, Header>,
    segments: Vec<String>,
    is_file: bool,
    last_manifest: Option<String>,
    purges: Purges,
}

impl Folder {
    /// Looks at the journal in `dir`.
    ///
    /// # Errors
    /// When it is none, or cannot be read.
    pub fn open(dir: &Path) -> Result<Self, Unreadable> {
        let entries = std::fs::read_dir(dir).map_err(|error| refused(dir, &error))?;
        let (mut epochs, mut segments, mut headers) = (BTreeMap::new(), Vec::new(), 0);
        for entry in entries {
            let entry = entry.map_err(|error| refused(dir, &error))?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            if let Some(ordinal) = name.strip_prefix("epoch-").and_then(|n| n.parse::<u64>().ok()) {
                headers += 1;
                is_of_this_version(&entry.path())?;
                if let Some((epoch, written, dictionary)) = epochs::read(&entry.path())
                    && written == ordinal
                {
                    epochs.insert(ordinal, Header { epoch, dictionary: Arc::new(dictionary) });
                }
            } else if lanes_of(&name).next().is_some() {
                segments.push(name);
            }
        }
        if headers == 0 && segments.is_empty() {
            return Err(Unreadable::Foreign(dir.to_owned()));
        }
        segments.sort();
        // Before any block is read: a running agent writes it after them.
        let last_manifest = seal::last(dir);
        let purges = Purges::read(dir);
        Ok(Self { dir: dir.to_owned(), epochs, segments, is_file: false, last_manifest, purges })
    }

    /// The blocks in a file, one behind the other; `epochs` says whose they are, `purges` what retention had dropped.
    #[must_use]
    pub fn file(path: &Path, epochs: BTreeMap<u64, Header>, purges: Purges) -> Self {
        let (dir, segments) = (path.to_owned(), Vec::new());
        Self { dir, epochs, segments, is_file: true, last_manifest: None, purges }
    }

    /// What retention says that it has dropped.
    #[must_use]
    pub const fn purges(&self) -> &Purges {
        &self.purges
    }

    /// Whether it is the blocks of an export.
    pub(super) const fn is_file(&self) -> bool {
        self.is_file
    }

    /// Where it is.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The epochs with a readable header, by ordinal.
    #[must_use]
    pub const fn epochs(&self) -> &BTreeMap<u64, Header> {
        &self.epochs
    }

    /// The name of the manifest that the journal made durable last.
    #[must_use]
    pub fn last_manifest(&self) -> Option<String> {
        self.last_manifest.clone()
    }

    /// What each uplink has confirmed.
    #[must_use]
    pub fn confirmed(&self) -> Confirmed {
        if self.is_file { Vec::new() } else { cursors::read_all(&self.dir) }
    }

    /// All of a lane, in the order of epochs and numbers; a segment is read when its turn comes.
    ///
    /// # Errors
    /// When a segment cannot be read at all.
    pub fn lane(&self, lane: Lane) -> Result<impl Iterator<Item = Result<Piece, Unreadable>>, Unreadable> {
        let mut pieces = self.pieces(lane)?;
        Ok(std::iter::from_fn(move || pieces.next()))
    }

    fn pieces(&self, lane: Lane) -> Result<Pieces, Unreadable> {
        if self.is_file {
            let file = load::Stream::open(&self.dir, lane)?;
            return Ok(Pieces { lane, waiting: VecDeque::new(), loaded: Vec::new(), file: Some(file) });
        }
        let mut waiting = Vec::new();
        for name in self.segments.iter().filter(|name| lanes_of(name).any(|one| one == lane)) {
            let path = self.dir.join(name);
            let claimed = Segment::read_index(&path).and_then(|index| index.first_of(lane));
            let begins = match claimed {
                Some(begins) => Some(begins),
                // A fresh segment's index does not name what came after it was written.
                None => load::segment(&path, lane)?.iter().map(Piece::place).min(),
            };
            waiting.extend(begins.map(|begins| (begins, path)));
        }
        waiting.sort();
        Ok(Pieces { lane, waiting: waiting.into(), loaded: Vec::new(), file: None })
    }
}

/// The pieces of a lane.
#[derive(Debug)]
struct Pieces {
    lane: Lane,
    waiting: VecDeque<((u64, u64), PathBuf)>,
    loaded: Vec<VecDeque<Piece>>,
    file: Option<load::Stream>,
}

impl Pieces {
    fn next(&mut self) -> Option<Result<Piece, Unreadable>> {
        if let Some(file) = &mut self.file {
            return file.next();
        }
        // A record may be in a hot segment and already in an archive: both are read side by side.
        loop {
            let next =
                self.loaded.iter().enumerate().filter_map(|(at, pieces)| Some((pieces.front()?.place(), at)));
            let next = next.min();
            match (next, self.waiting.front()) {
                (Some((place, at)), waits) if waits.is_none_or(|(begins, _)| *begins > place) => {
                    let mut piece = self.loaded[at].pop_front()?;
                    self.loaded.retain(|pieces| !pieces.is_empty());
                    if let Piece::Block(block) = &mut piece {
                        block.records = block.frame.records().ok();
                    }
                    return Some(Ok(piece));
                }
                (_, Some(_)) => {
                    let (_, path) = self.waiting.pop_front()?;
                    match load::segment(&path, self.lane) {
                        Ok(pieces) => self.loaded.push(pieces.into()),
                        Err(error) => return Some(Err(error)),
                    }
                }
                (_, None) => return None,
            }
        }
    }
}

/// The lanes that a folder of this name holds; none when it is no segment.
fn lanes_of(name: &str) -> impl Iterator<Item = Lane> {
    const KINDS: [(&str, &[Lane]); 3] =
        [("seg-", &[Lane::Event, Lane::Reading]), ("arc-e-", &[Lane::Event]), ("arc-r-", &[Lane::Reading])];
    let lanes = KINDS.iter().find_map(|(prefix, lanes)| {
        name.strip_prefix(prefix).filter(|number| number.parse::<u64>().is_ok()).map(|_| *lanes)
    });
    lanes.unwrap_or_default().iter().copied()
}

/// What is missing of what an index promises.
pub(super) fn missing(claimed: &Index, lane: Lane, pieces: &[Piece]) -> bool {
    let mut have = Index::default();
    for piece in pieces {
        if let Piece::Block(block) = piece {
            have.add(&block.frame);
        }
    }
    let ordinals: BTreeSet<u64> = claimed.ordinals().collect();
    ordinals.into_iter().any(|ordinal| {
        let claimed = claimed.span(lane, ordinal);
        let have = have.span(lane, ordinal);
        claimed.is_some_and(|claimed| {
            have.is_none_or(|have| have.first > claimed.first || have.last < claimed.last)
        })
    })
}

pub(super) fn refused(path: &Path, error: &std::io::Error) -> Unreadable {
    match error.kind() {
        ErrorKind::NotFound => Unreadable::Absent(path.to_owned()),
        ErrorKind::NotADirectory => Unreadable::Foreign(path.to_owned()),
        _ => Unreadable::Refused(path.to_owned(), error.to_string()),
    }
}

/// Small files of a later version begin with the same three letters.
fn is_of_this_version(path: &Path) -> Result<(), Unreadable> {
    use std::io::Read as _;
    let mut magic = [0; 4];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut magic));
    match read {
        Ok(()) if magic.starts_with(b"HZS") && magic[3] != b'1' => Err(Unreadable::Newer(path.to_owned())),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => Err(refused(path, &error)),
        Ok(()) | Err(_) => Ok(()),
    }
}
