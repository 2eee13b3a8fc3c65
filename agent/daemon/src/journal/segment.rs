//! One segment: one sled database in a folder of its own. Only this file calls sled.

use std::fs::File;
use std::ops::{ControlFlow, RangeInclusive};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hazard_core::outbox::{Count, Lane, Record};

use super::disk::{Disk, Fault, Kernel, make_folder, shield, synced};
use super::frame::{Frame, key, key_parts};
use super::index::Index;
use super::slot;

/// The file with what it holds; earlier versions had no counts, or did not say what is missing.
const INDEX: &str = "index-3";

const CACHE_BYTES: u64 = 8 << 20;

/// The index of a segment that is written to is saved again after so many bytes.
const INDEX_EVERY_BYTES: u64 = 512 << 10;

/// sled lets go of its file a moment after it was dropped.
const LOCK_ATTEMPTS: u32 = 500;
const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// A key and its value.
pub(super) type Pair = (Vec<u8>, Vec<u8>);

/// What is done with each block; whether it has enough.
pub(super) type Visit<'a> = dyn FnMut(&Frame, Vec<Arc<Record>>) -> ControlFlow<()> + 'a;

/// An open segment.
pub(super) struct Segment {
    dir: PathBuf,
    db: Option<sled::Db>,
    file: File,
    disk: Disk,
    pub(super) index: Index,
    /// The index on disk, as of its bytes and whether it names any record.
    saved: (u64, bool),
}

impl Segment {
    /// Makes an empty one whose folder and files are durable before it returns.
    pub(super) fn create(dir: &Path, disk: &Disk) -> Result<Self, Fault> {
        make_folder(dir, disk)?;
        let mut segment = Self::open_db(dir, disk)?;
        segment.settle_files()?;
        Ok(segment)
    }

    /// Opens an existing one and finds out by key what it holds.
    ///
    /// # Errors
    /// `Broken` also when it holds less than its index promises: sled opens some damaged files silently empty.
    pub(super) fn open(dir: &Path, disk: &Disk) -> Result<Self, Fault> {
        let claimed = Self::read_index(dir);
        // sled overwrites what it does not understand, so what it found is kept until it has shown its records.
        let found = match std::fs::read(dir.join("db")) {
            // A power cut came before sled's first file was durable.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            found => found.map_err(|error| Fault::from(error).at(dir))?,
        };
        let opened = Self::open_found(dir, disk, claimed);
        if let Err(Fault::Broken(_)) = &opened {
            put_back(dir, &found);
        }
        opened
    }

    fn open_found(dir: &Path, disk: &Disk, claimed: Option<Index>) -> Result<Self, Fault> {
        remove_drafts(dir)?;
        // sled is about to write a durable snapshot of what it reads here: that must not be more than the disk holds.
        let db = dir.join("db");
        if let Ok(file) = File::open(&db) {
            synced(disk.file(&file, &db))?;
        }
        let mut segment = match Self::open_db(dir, disk) {
            Err(Fault::Broken(reason)) => {
                tracing::warn!(dir = %dir.display(), reason, "opening once more without sled's snapshot");
                remove_snapshots(dir)?;
                Self::open_db(dir, disk)?
            }
            opened => opened?,
        };
        segment.index = segment.survey()?;
        segment.index.bytes = segment.len()?;
        let Some(claimed) = claimed else {
            segment.note_missing()?;
            segment.settle_files()?;
            return Ok(segment);
        };
        if !segment.index.keeps(&claimed) {
            return Err(Fault::Broken("records that were durable are missing".to_owned()).at(dir));
        }
        segment.index.adopt_missing(&claimed);
        segment.saved = (claimed.bytes, !claimed.is_empty());
        Ok(segment)
    }

    /// The index that was last saved for the segment in `dir`.
    pub(super) fn read_index(dir: &Path) -> Option<Index> {
        slot::read_whole(&dir.join(INDEX)).and_then(|body| postcard::from_bytes(&body).ok())
    }

    /// Adds blocks as one transaction; they are not durable before [`Self::commit`].
    pub(super) fn insert(&mut self, frames: &[Frame]) -> Result<(), Fault> {
        let mut batch = sled::Batch::default();
        for frame in frames {
            batch.insert(frame.key(), frame.bytes());
        }
        let db = self.db()?;
        shield("insert", || db.apply_batch(batch))?;
        for frame in frames {
            self.index.follow(frame);
        }
        Ok(())
    }

    /// Makes everything that was inserted durable.
    pub(super) fn commit(&mut self) -> Result<(), Fault> {
        self.flush()?;
        let blobs = self.dir.join("blobs");
        let outside = std::fs::read_dir(&blobs).is_ok_and(|mut entries| entries.next().is_some());
        if outside {
            synced(self.disk.everything(&self.dir))?;
        }
        // sled's own flush is sync_file_range, which a power cut does not respect (decisions/0003).
        synced(self.disk.file(&self.file, &self.dir.join("db")))?;
        self.index.bytes = self.len()?;
        let due =
            self.saved.0 + INDEX_EVERY_BYTES <= self.index.bytes || self.saved.1 == self.index.is_empty();
        if due { self.save_index() } else { Ok(()) }
    }

    /// Closes it; its index then stands for it.
    pub(super) fn seal(mut self) -> Result<Index, Fault> {
        self.commit()?;
        self.index.sealed = true;
        self.save_index()?;
        Ok(self.index.clone())
    }

    /// Saves the index of what is durable, so that a later loss is noticed.
    pub(super) fn save_index(&mut self) -> Result<(), Fault> {
        self.index.bytes = self.len()?;
        let body = postcard::to_stdvec(&self.index).map_err(|e| Fault::Refused(e.to_string()))?;
        slot::write_whole(&self.dir.join(INDEX), &body, &self.disk)?;
        self.saved = (self.index.bytes, !self.index.is_empty());
        Ok(())
    }

    /// Shows the blocks of `lane` and `ordinal` with numbers in `wanted`, and the one behind them, in order, until `visit` has
    /// enough.
    ///
    /// # Errors
    /// `Broken` also where more is missing between two blocks than is known to be: sled opens some damaged files without a
    /// part of what they held.
    pub(super) fn scan(
        &self,
        of: (Lane, u64),
        wanted: &RangeInclusive<u64>,
        visit: &mut Visit<'_>,
    ) -> Result<(), Fault> {
        let known = self.index.missing(of);
        let (mut missing, mut end): (Count, Option<Count>) = (Count::default(), None);
        let mut is_whole = true;
        self.each(of, wanted, &mut |frame, records| {
            if let Some(before) = frame.before {
                missing += end.map_or_else(Count::default, |end| before.written - end);
                let mut written = before.written;
                written += frame.count;
                end = Some(written);
            }
            is_whole = missing.records <= known.records;
            let flow = if is_whole { visit(frame, records) } else { ControlFlow::Break(()) };
            if frame.last >= *wanted.end() { ControlFlow::Break(()) } else { flow }
        })?;
        if is_whole { Ok(()) } else { Err(Fault::Broken("blocks are missing".to_owned()).at(&self.dir)) }
    }

    /// Shows what blocks there are.
    fn each(
        &self,
        (lane, ordinal): (Lane, u64),
        wanted: &RangeInclusive<u64>,
        visit: &mut Visit<'_>,
    ) -> Result<(), Fault> {
        let begin = self
            .block_at_or_before((lane, ordinal), *wanted.start())?
            .map_or(*wanted.start(), |frame| frame.first);
        let db = self.db()?;
        // The block behind the last that is wanted tells what is missing before it.
        let mut blocks = db.range(key(lane, ordinal, begin)..=key(lane, ordinal, u64::MAX));
        loop {
            let next = shield("scan", || blocks.next().transpose())?;
            let Some((_, value)) = next else { return Ok(()) };
            let frame = Frame::parse(&value).ok_or_else(|| damaged(&self.dir))?;
            // Of the block behind, only what it says of those before it is wanted.
            let is_wanted = frame.first <= *wanted.end();
            let records =
                if is_wanted { frame.records().map_err(|_| damaged(&self.dir))? } else { Vec::new() };
            if visit(&frame, records).is_break() {
                return Ok(());
            }
        }
    }

    /// What it holds of `lane` and `ordinal`, block by block.
    pub(super) fn held(&self, (lane, ordinal): (Lane, u64)) -> Result<Count, Fault> {
        let mut count = Count::default();
        self.each((lane, ordinal), &(0..=u64::MAX), &mut |frame, _| {
            count += frame.count;
            ControlFlow::Continue(())
        })?;
        Ok(count)
    }

    /// Notes in its index what is not there between the numbers that it holds.
    pub(super) fn note_missing(&mut self) -> Result<(), Fault> {
        for (lane, ordinal, span) in self.index.spans().collect::<Vec<_>>() {
            let missing = span.count() - self.held((lane, ordinal))?;
            self.index.note_missing((lane, ordinal), missing);
        }
        Ok(())
    }

    /// The last block of `lane` and `ordinal`.
    pub(super) fn last_block(&self, of: (Lane, u64)) -> Result<Option<Frame>, Fault> {
        self.block_at_or_before(of, u64::MAX)
    }

    fn block_at_or_before(&self, (lane, ordinal): (Lane, u64), seq: u64) -> Result<Option<Frame>, Fault> {
        let keys = key(lane, ordinal, 0)..=key(lane, ordinal, seq);
        let db = self.db()?;
        let found = shield("look up", || db.range(keys).next_back().transpose())?;
        found.map(|(_, value)| Frame::parse(&value).ok_or_else(|| damaged(&self.dir))).transpose()
    }

    /// Every key and value of a lane in the database in `dir`, which is a copy: sled writes to what it opens.
    pub(super) fn pairs_of(dir: &Path, lane: Lane) -> Result<Vec<Pair>, Fault> {
        let copy = Self::open_db(dir, &(Arc::new(Kernel) as Disk))?;
        let mut range = copy.db()?.range(key(lane, 0, 0)..=key(lane, u64::MAX, u64::MAX));
        let mut pairs = Vec::new();
        while let Some((key, value)) = shield("scan", || range.next().transpose())? {
            pairs.push((key.to_vec(), value.to_vec()));
        }
        Ok(pairs)
    }

    /// What it holds, by a few look-ups per epoch and lane.
    fn survey(&self) -> Result<Index, Fault> {
        let mut index = Index::default();
        for lane in [Lane::Event, Lane::Reading] {
            let mut from = 0;
            while let Some(ordinal) = self.ordinal_from(lane, from)? {
                self.survey_epoch((lane, ordinal), &mut index)?;
                let Some(next) = ordinal.checked_add(1) else { break };
                from = next;
            }
        }
        Ok(index)
    }

    fn ordinal_from(&self, lane: Lane, from: u64) -> Result<Option<u64>, Fault> {
        let keys = key(lane, from, 0)..=key(lane, u64::MAX, u64::MAX);
        let db = self.db()?;
        let found = shield("look up", || db.range(keys).next().transpose())?;
        found.map(|(key, _)| Ok(key_parts(&key).ok_or_else(|| damaged(&self.dir))?.1)).transpose()
    }

    fn survey_epoch(&self, (lane, ordinal): (Lane, u64), index: &mut Index) -> Result<(), Fault> {
        let keys = key(lane, ordinal, 0)..=key(lane, ordinal, u64::MAX);
        let db = self.db()?;
        let first = shield("look up", || db.range(keys).next().transpose())?;
        let first = first.and_then(|(_, value)| Frame::parse(&value));
        let last = self.block_at_or_before((lane, ordinal), u64::MAX)?;
        for frame in [first, last] {
            let frame = frame.ok_or_else(|| damaged(&self.dir))?;
            let records = frame.records().map_err(|_| damaged(&self.dir))?;
            records.iter().for_each(|record| index.stamp(record));
            index.add(&frame);
        }
        Ok(())
    }

    /// Makes sled's files durable entries of durable folders.
    fn settle_files(&mut self) -> Result<(), Fault> {
        self.flush()?;
        for entry in std::fs::read_dir(&self.dir)?.flatten() {
            let (path, kind) = (entry.path(), entry.file_type()?);
            if kind.is_dir() {
                synced(self.disk.folder(&path))?;
            } else {
                synced(self.disk.file(&File::open(&path)?, &path))?;
            }
        }
        synced(self.disk.folder(&self.dir))?;
        self.save_index()
    }

    fn flush(&self) -> Result<(), Fault> {
        let db = self.db()?;
        shield("flush", || db.flush()).map(|_| ())
    }

    fn len(&self) -> Result<u64, Fault> {
        Ok(self.file.metadata()?.len())
    }

    fn db(&self) -> Result<&sled::Db, Fault> {
        self.db.as_ref().ok_or_else(|| damaged(&self.dir))
    }

    fn open_db(dir: &Path, disk: &Disk) -> Result<Self, Fault> {
        let config = sled::Config::new()
            .path(dir)
            .mode(sled::Mode::LowSpace)
            .cache_capacity(CACHE_BYTES)
            .flush_every_ms(None)
            .use_compression(false);
        let mut opened = shield("open", || config.open());
        for _ in 0..LOCK_ATTEMPTS {
            match &opened {
                Err(Fault::Refused(reason)) if reason.contains("could not acquire lock") => {
                    std::thread::sleep(LOCK_PAUSE);
                    opened = shield("open", || config.open());
                }
                Ok(_) | Err(_) => break,
            }
        }
        let db = opened.map_err(|fault| fault.at(dir))?;
        let file = File::open(dir.join("db"))?;
        let (disk, index) = (Arc::clone(disk), Index::default());
        Ok(Self { dir: dir.to_owned(), db: Some(db), file, disk, index, saved: (0, false) })
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        let db = self.db.take();
        if catch_unwind(AssertUnwindSafe(|| drop(db))).is_err() {
            tracing::warn!(dir = %self.dir.display(), "sled panicked while it was closed");
        }
    }
}

/// Undoes what sled did to the main file; where that fails its whole blocks are as good as they are.
fn put_back(dir: &Path, found: &[u8]) {
    let draft = dir.join("db.found");
    let put = std::fs::write(&draft, found).and_then(|()| std::fs::rename(&draft, dir.join("db")));
    if let Err(error) = put {
        tracing::warn!(dir = %dir.display(), %error, "the damaged file could not be put back");
    }
}

fn damaged(dir: &Path) -> Fault {
    Fault::Broken("a block is damaged".to_owned()).at(dir)
}

/// A draft that a full disk left behind makes every later open fail (spacejam/sled#1527).
fn remove_drafts(dir: &Path) -> Result<(), Fault> {
    remove_named(dir, |name| name.starts_with("snap.") && name.ends_with(".generating"))
}

/// A snapshot only saves time; without it sled reads its log.
fn remove_snapshots(dir: &Path) -> Result<(), Fault> {
    remove_named(dir, |name| name.starts_with("snap."))
}

fn remove_named(dir: &Path, is_meant: fn(&str) -> bool) -> Result<(), Fault> {
    for entry in std::fs::read_dir(dir)?.flatten() {
        if entry.file_name().to_str().is_some_and(is_meant) {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
