//! One segment, copied aside and read whole; and the blocks of a file.

use std::collections::BTreeSet;
use std::fs::{DirBuilder, File};
use std::io::{BufReader, ErrorKind, Read as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hazard_core::outbox::Lane;

use super::disk::Fault;
use super::frame::{Frame, MAGIC, Suspected, key_parts};
use super::index::Index;
use super::read::{Block, Broken, Piece, Unreadable, missing, refused};
use super::salvage;
use super::segment::Segment;

/// What of a segment's folder is copied. Not sled's snapshots: they only save time, and one that is older than the rest of
/// the copy would lead astray.
const COPIED: [&str; 2] = ["conf", "db"];

/// Copies of a segment that is written to.
const ATTEMPTS: u32 = 3;

/// No block of ours is larger.
const BLOCK_BYTES_MAX: usize = 8 << 20;

/// A folder that goes when this is dropped.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> std::io::Result<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("hazard-read-{}-{number}", std::process::id()));
        DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Whoever cleans the temporary folder finds what cannot be removed.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// What the segment in `dir` holds of `lane`, in the order of epochs and numbers.
pub(super) fn segment(dir: &Path, lane: Lane) -> Result<Vec<Piece>, Unreadable> {
    for _ in 1..ATTEMPTS {
        let before = changed(dir);
        let pieces = read(dir, lane)?;
        let is_damaged = pieces.iter().any(|piece| !matches!(piece, Piece::Block(_)));
        // What was written to while it was copied may be torn only in the copy.
        if !is_damaged || changed(dir) == before {
            return Ok(pieces);
        }
    }
    read(dir, lane)
}

fn changed(dir: &Path) -> Option<(u64, i64, i64)> {
    let db = std::fs::metadata(dir.join("db")).ok()?;
    Some((db.len(), db.mtime(), db.mtime_nsec()))
}

fn read(dir: &Path, lane: Lane) -> Result<Vec<Piece>, Unreadable> {
    let name: Arc<str> = dir.file_name().unwrap_or_default().to_string_lossy().into();
    let claimed = Segment::read_index(dir);
    let scratch = Scratch::new().map_err(|error| refused(&std::env::temp_dir(), &error))?;
    copy(dir, &scratch.0)?;
    let raw = Raw::scan(&scratch.0.join("db"), lane)
        .map_err(|fault| Unreadable::Refused(dir.to_owned(), fault.to_string()))?;
    let mut pieces = Vec::new();
    let damage = match Segment::pairs_of(&scratch.0, lane) {
        Ok(pairs) if pairs.iter().any(|(_, value)| Suspected::is_newer(value)) => {
            return Err(Unreadable::Newer(dir.to_owned()));
        }
        Ok(pairs) => {
            pieces.extend(pairs.iter().filter_map(|(key, value)| piece(&name, key, value)));
            let short = claimed.as_ref().is_some_and(|claimed| missing(claimed, lane, &pieces));
            short.then(|| "records that its index names are missing".to_owned())
        }
        Err(fault) => Some(fault.to_string()),
    };
    if let Some(reason) = damage {
        let known: BTreeSet<(u64, u64)> =
            blocks(&pieces).map(|block| (block.ordinal(), block.span().0)).collect();
        let found = raw.whole.into_iter().filter(|one| !known.contains(&(one.ordinal, one.first)));
        pieces.extend(found.map(|frame| Piece::Block(Block::new(&name, frame, true))));
        pieces.push(Piece::Damaged { segment: Arc::clone(&name), reason });
    }
    if blocks(&pieces).any(|block| block.frame.is_of_unknown_codec()) {
        return Err(Unreadable::Newer(dir.to_owned()));
    }
    broken(&name, lane, (&mut pieces, claimed.as_ref()), &raw.broken);
    pieces.sort_by_key(|piece| match piece {
        Piece::Damaged { .. } => (0, 0),
        Piece::Block(block) => (block.ordinal(), block.span().0),
        Piece::Broken(broken) => (broken.ordinal, broken.span.0),
    });
    Ok(pieces)
}

fn blocks(pieces: &[Piece]) -> impl Iterator<Item = &Block> {
    pieces.iter().filter_map(|piece| if let Piece::Block(block) = piece { Some(block) } else { None })
}

fn piece(segment: &Arc<str>, key: &[u8], value: &[u8]) -> Option<Piece> {
    if let Some(frame) = Frame::parse(value) {
        let in_place = frame.key() == key;
        return Some(Piece::Block(Block::new(segment, frame, in_place)));
    }
    let (lane, ordinal) = key_parts(key)?;
    let first = key.last_chunk::<8>().map(|first| u64::from_be_bytes(*first))?;
    let last = Suspected::parse(value).map_or(first, |suspected| suspected.last.max(first));
    Some(Piece::Broken(Broken { segment: Arc::clone(segment), lane, ordinal, span: (first, last) }))
}

/// Adds the blocks whose checksum fails and which nothing else stands for. What lies beyond the last number of its lane may
/// be the torn end of a power cut, unless the index says that it was whole.
fn broken(
    segment: &Arc<str>,
    lane: Lane,
    (pieces, claimed): (&mut Vec<Piece>, Option<&Index>),
    suspected: &[Suspected],
) {
    for one in suspected {
        let spans: Vec<(u64, u64)> =
            blocks(pieces).filter(|block| block.ordinal() == one.ordinal).map(Block::span).collect();
        let known = pieces.iter().any(|piece| match piece {
            Piece::Broken(broken) => broken.ordinal == one.ordinal && broken.span.0 == one.first,
            Piece::Block(_) | Piece::Damaged { .. } => false,
        });
        let covered = spans.iter().any(|(first, last)| *first <= one.first && one.first <= *last);
        let claimed = claimed.and_then(|claimed| claimed.span(lane, one.ordinal));
        let was_whole = spans.iter().any(|(first, _)| *first > one.last)
            || claimed.is_some_and(|claimed| claimed.first <= one.first && one.last <= claimed.last);
        if was_whole && !covered && !known {
            let span = (one.first, one.last);
            let segment = Arc::clone(segment);
            pieces.push(Piece::Broken(Broken { segment, lane, ordinal: one.ordinal, span }));
        }
    }
}

/// The raw bytes of a segment's main file.
#[derive(Default)]
struct Raw {
    whole: Vec<Frame>,
    broken: Vec<Suspected>,
}

impl Raw {
    fn scan(path: &Path, lane: Lane) -> Result<Self, Fault> {
        let mut raw = Self::default();
        let mut seen = BTreeSet::new();
        salvage::scan(path, |bytes| {
            if let Some(frame) = Frame::parse(bytes) {
                let len = frame.bytes().len();
                if frame.lane == lane
                    && seen.insert((frame.ordinal, frame.first, *blake3::hash(frame.bytes()).as_bytes()))
                {
                    raw.whole.push(frame);
                }
                return Ok(len);
            }
            raw.broken.extend(Suspected::parse(bytes).filter(|suspected| suspected.lane == lane));
            Ok(MAGIC.len())
        })?;
        Ok(raw)
    }
}

fn copy(from: &Path, to: &Path) -> Result<(), Unreadable> {
    let moved = |error: std::io::Error| match error.kind() {
        ErrorKind::NotFound => Unreadable::Moved(from.to_owned()),
        _ => refused(from, &error),
    };
    for name in COPIED {
        match std::fs::copy(from.join(name), to.join(name)) {
            // A power cut came before sled's first file was durable.
            Err(error) if error.kind() == ErrorKind::NotFound && from.exists() => {}
            copied => drop(copied.map_err(moved)?),
        }
    }
    let blobs = to.join("blobs");
    std::fs::create_dir(&blobs).map_err(|error| refused(to, &error))?;
    let Ok(entries) = std::fs::read_dir(from.join("blobs")) else { return Ok(()) };
    for entry in entries.flatten() {
        std::fs::copy(entry.path(), blobs.join(entry.file_name())).map_err(moved)?;
    }
    Ok(())
}

/// The blocks of one lane in a file.
#[derive(Debug)]
pub(super) struct Stream {
    name: Arc<str>,
    path: PathBuf,
    file: BufReader<File>,
    lane: Lane,
    ended: bool,
}

impl Stream {
    pub(super) fn open(path: &Path, lane: Lane) -> Result<Self, Unreadable> {
        let file = File::open(path).map_err(|error| refused(path, &error))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into();
        Ok(Self { name, path: path.to_owned(), file: BufReader::new(file), lane, ended: false })
    }

    /// The bytes of the next block; behind one whose length cannot be believed nothing is read.
    fn bytes(&mut self) -> std::io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.file.by_ref().take(8).read_to_end(&mut bytes)?;
        let len = bytes.get(4..8).and_then(|len| len.try_into().ok()).map_or(0, u32::from_le_bytes);
        let rest = Frame::head_bytes(&bytes).map_or(0, |head| head + len as usize - 8);
        let is_ours = rest > 0 && rest <= BLOCK_BYTES_MAX;
        if is_ours {
            self.file.by_ref().take(rest as u64).read_to_end(&mut bytes)?;
        }
        self.ended = !is_ours || bytes.len() < rest + 8;
        Ok(bytes)
    }

    pub(super) fn next(&mut self) -> Option<Result<Piece, Unreadable>> {
        while !self.ended {
            let bytes = match self.bytes() {
                Ok(bytes) if bytes.is_empty() => return None,
                Ok(bytes) => bytes,
                Err(error) => {
                    self.ended = true;
                    return Some(Err(refused(&self.path, &error)));
                }
            };
            let segment = Arc::clone(&self.name);
            match Frame::parse(&bytes) {
                Some(frame) if frame.is_of_unknown_codec() => {
                    self.ended = true;
                    return Some(Err(Unreadable::Newer(self.path.clone())));
                }
                Some(frame) if frame.lane != self.lane => {}
                Some(frame) => {
                    let mut block = Block::new(&segment, frame, true);
                    block.records = block.frame.records().ok();
                    return Some(Ok(Piece::Block(block)));
                }
                None => match Suspected::parse(&bytes) {
                    Some(one) if one.lane == self.lane => {
                        let span = (one.first, one.last);
                        let (lane, ordinal) = (one.lane, one.ordinal);
                        return Some(Ok(Piece::Broken(Broken { segment, lane, ordinal, span })));
                    }
                    Some(_) => {}
                    None => {
                        self.ended = true;
                        let reason = "its end cannot be read".to_owned();
                        return Some(Ok(Piece::Damaged { segment, reason }));
                    }
                },
            }
        }
        None
    }
}
