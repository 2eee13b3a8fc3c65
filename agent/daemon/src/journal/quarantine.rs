//! Damaged segments: renamed to `bad-<segment>-<ordinal>`, kept for a look, their whole blocks taken over.

use std::path::{Path, PathBuf};

use super::disk::{Disk, Fault, synced};
use super::index::Index;
use super::ring::folder;
use super::salvage::salvage;
use super::segment::Segment;

/// Damaged segments that are kept.
const KEPT_MAX: usize = 4;

/// Names tried for one damaged segment.
const NAMES_MAX: u64 = 1_000;

/// In a `bad-` folder: its whole blocks were taken over.
const DONE: &str = "salvaged";

/// Where and as what to set aside.
pub(super) struct Aside<'a> {
    pub(super) dir: &'a Path,
    pub(super) disk: &'a Disk,
    /// The highest ordinal known, kept in the name so that ordinals rise even if nothing else is left.
    pub(super) ordinal: u64,
}

impl Aside<'_> {
    /// Sets segment `number` aside and puts a closed one with its whole blocks in its place; `None` if it had none.
    pub(super) fn replace(&self, number: u64, reason: &str) -> Result<Option<Index>, Fault> {
        let bad = self.free_name(number)?;
        tracing::error!(segment = number, kept_as = %bad.display(), reason, "a journal segment is damaged");
        std::fs::rename(folder(self.dir, number), &bad)?;
        synced(self.disk.folder(self.dir))?;
        while kept(self.dir).len() > KEPT_MAX {
            drop_oldest(self.dir)?;
        }
        self.take_over(&bad, number)
    }

    /// Ends what a full disk or a power cut interrupted.
    pub(super) fn finish(&self) -> Result<(), Fault> {
        for (bad, number, _) in kept(self.dir) {
            if !bad.join(DONE).exists() && !folder(self.dir, number).exists() {
                self.take_over(&bad, number)?;
            }
        }
        Ok(())
    }

    fn take_over(&self, bad: &Path, number: u64) -> Result<Option<Index>, Fault> {
        let draft = self.dir.join(format!("tmp-seg-{number:010}"));
        if draft.exists() {
            std::fs::remove_dir_all(&draft)?;
        }
        let mut fresh = Segment::create(&draft, self.disk)?;
        let found = salvage(&bad.join("db"), &mut fresh)?;
        let index = fresh.seal()?;
        if index.is_empty() {
            std::fs::remove_dir_all(&draft)?;
        } else {
            std::fs::rename(&draft, folder(self.dir, number))?;
        }
        synced(self.disk.folder(self.dir))?;
        std::fs::write(bad.join(DONE), b"")?;
        tracing::warn!(segment = number, blocks = found, "took over the whole blocks of a damaged segment");
        Ok((!index.is_empty()).then_some(index))
    }

    fn free_name(&self, number: u64) -> Result<PathBuf, Fault> {
        (self.ordinal..self.ordinal.saturating_add(NAMES_MAX))
            .map(|ordinal| self.dir.join(format!("bad-{number:010}-{ordinal}")))
            .find(|path| !path.exists())
            .ok_or_else(|| Fault::Refused("too many damaged segments".to_owned()))
    }
}

/// Removes what a power cut left half removed or half made.
pub(super) fn sweep(dir: &Path) -> Result<(), Fault> {
    for entry in std::fs::read_dir(dir)?.flatten() {
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        if !(name.starts_with("rm-") || name.starts_with("tmp-")) {
            continue;
        }
        if entry.file_type()?.is_dir() {
            std::fs::remove_dir_all(entry.path())?;
        } else {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// The highest ordinal in the names of what was set aside.
pub(super) fn highest_ordinal(dir: &Path) -> u64 {
    kept(dir).into_iter().map(|(_, _, ordinal)| ordinal).max().unwrap_or(0)
}

/// The highest segment number in the names of what was set aside.
pub(super) fn highest_number(dir: &Path) -> u64 {
    kept(dir).into_iter().map(|(_, number, _)| number).max().unwrap_or(0)
}

/// Bytes of what was set aside.
pub(super) fn bytes(dir: &Path) -> u64 {
    let len = |(bad, _, _): (PathBuf, u64, u64)| std::fs::metadata(bad.join("db")).map_or(0, |m| m.len());
    kept(dir).into_iter().map(len).sum()
}

/// Removes the oldest of what was set aside; whether there was any.
pub(super) fn drop_oldest(dir: &Path) -> Result<bool, Fault> {
    let Some((oldest, _, _)) = kept(dir).into_iter().min_by_key(|(_, _, ordinal)| *ordinal) else {
        return Ok(false);
    };
    std::fs::remove_dir_all(oldest)?;
    Ok(true)
}

fn kept(dir: &Path) -> Vec<(PathBuf, u64, u64)> {
    let Ok(entries) = std::fs::read_dir(dir) else { return Vec::new() };
    let parse = |entry: std::fs::DirEntry| {
        let name = entry.file_name();
        let (number, ordinal) = name.to_str()?.strip_prefix("bad-")?.split_once('-')?;
        Some((entry.path(), number.parse().ok()?, ordinal.parse().ok()?))
    };
    entries.flatten().filter_map(parse).collect()
}
