//! Damaged segments: renamed to `bad-…<number>-<ordinal>`, kept for a look, their whole blocks taken over.

use std::path::{Path, PathBuf};

use hazard_core::outbox::{Count, Lane};

use super::disk::{Disk, Fault, synced};
use super::index::Index;
use super::name::{Kind, Name};
use super::salvage::salvage;
use super::segment::Segment;

/// Damaged segments that are kept.
const KEPT_MAX: usize = 4;

/// Names tried for one damaged segment.
const NAMES_MAX: u64 = 1_000;

/// In a `bad-` folder: its whole blocks were taken over.
const DONE: &str = "salvaged";

/// Records that were durable and cannot be read any more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Damage {
    pub(super) lane: Lane,
    pub(super) ordinal: u64,
    /// They lie between these numbers.
    pub(super) within: (u64, u64),
    pub(super) count: Count,
}

/// What could be saved of a damaged segment.
pub(super) struct Saved {
    /// The closed segment that took its place; `None` if it had no whole block.
    pub(super) index: Option<Index>,
    pub(super) damages: Vec<Damage>,
}

/// Where and as what to set aside.
pub(super) struct Aside<'a> {
    pub(super) dir: &'a Path,
    pub(super) disk: &'a Disk,
    /// The highest ordinal known, kept in the name so that ordinals rise even if nothing else is left.
    pub(super) ordinal: u64,
}

impl Aside<'_> {
    /// Sets a segment aside and puts a closed one with its whole blocks in its place.
    pub(super) fn replace(&self, name: Name, reason: &str) -> Result<Saved, Fault> {
        let bad = self.free_name(name)?;
        let segment = name.folder(self.dir);
        tracing::error!(segment = %segment.display(), kept_as = %bad.display(), reason, "a journal segment is damaged");
        std::fs::rename(segment, &bad)?;
        synced(self.disk.folder(self.dir))?;
        while kept(self.dir).len() > KEPT_MAX {
            drop_oldest(self.dir)?;
        }
        self.take_over(&bad, name)
    }

    /// Ends what a full disk or a power cut interrupted.
    pub(super) fn finish(&self) -> Result<Vec<Damage>, Fault> {
        let mut damages = Vec::new();
        for (bad, name, _) in kept(self.dir) {
            if !bad.join(DONE).exists() && !name.folder(self.dir).exists() {
                damages.extend(self.take_over(&bad, name)?.damages);
            }
        }
        Ok(damages)
    }

    fn take_over(&self, bad: &Path, name: Name) -> Result<Saved, Fault> {
        let draft = name.draft(self.dir);
        if draft.exists() {
            std::fs::remove_dir_all(&draft)?;
        }
        let mut fresh = Segment::create(&draft, self.disk)?;
        let found = salvage(&bad.join("db"), &mut fresh)?;
        let damages = match Segment::read_index(bad) {
            Some(claimed) => missing(&claimed, &fresh)?,
            None => Vec::new(),
        };
        fresh.note_missing()?;
        let index = fresh.seal()?;
        if index.is_empty() {
            std::fs::remove_dir_all(&draft)?;
        } else {
            std::fs::rename(&draft, name.folder(self.dir))?;
        }
        synced(self.disk.folder(self.dir))?;
        std::fs::write(bad.join(DONE), b"")?;
        tracing::warn!(segment = %name.folder(self.dir).display(), blocks = found, "took over the whole blocks of a damaged segment");
        Ok(Saved { index: (!index.is_empty()).then_some(index), damages })
    }

    fn free_name(&self, name: Name) -> Result<PathBuf, Fault> {
        (self.ordinal..self.ordinal.saturating_add(NAMES_MAX))
            .map(|ordinal| name.aside(self.dir, ordinal))
            .find(|path| !path.exists())
            .ok_or_else(|| Fault::Refused("too many damaged segments".to_owned()))
    }
}

/// What `claimed` promises, beyond what it knew to be missing, and `have` does not hold.
fn missing(claimed: &Index, have: &Segment) -> Result<Vec<Damage>, Fault> {
    let mut damages = Vec::new();
    for (lane, ordinal, span) in claimed.spans() {
        let count = span.count() - claimed.missing((lane, ordinal)) - have.held((lane, ordinal))?;
        if !count.is_zero() {
            damages.push(Damage { lane, ordinal, within: (span.first, span.last), count });
        }
    }
    Ok(damages)
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

/// The highest number of a kind in the names of what was set aside.
pub(super) fn highest_number(dir: &Path, kind: Kind) -> u64 {
    let of_kind = kept(dir).into_iter().filter(|(_, name, _)| name.kind == kind);
    of_kind.map(|(_, name, _)| name.number).max().unwrap_or(0)
}

/// Bytes of what was set aside.
pub(super) fn bytes(dir: &Path) -> u64 {
    let len = |(bad, _, _): (PathBuf, Name, u64)| std::fs::metadata(bad.join("db")).map_or(0, |m| m.len());
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

fn kept(dir: &Path) -> Vec<(PathBuf, Name, u64)> {
    let Ok(entries) = std::fs::read_dir(dir) else { return Vec::new() };
    let parse = |entry: std::fs::DirEntry| {
        let (name, ordinal) = Name::of_aside(entry.file_name().to_str()?)?;
        Some((entry.path(), name, ordinal))
    };
    entries.flatten().filter_map(parse).collect()
}
