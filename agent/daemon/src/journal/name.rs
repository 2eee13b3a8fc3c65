//! The names of segments: `seg-` are written to, `arc-e-` and `arc-r-` are the archives of events and of readings.

use std::path::{Path, PathBuf};

use hazard_core::outbox::Lane;

use super::disk::Fault;

/// What a segment is for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Kind {
    /// Records of both lanes, as they come.
    Hot,
    /// Records of one lane, packed.
    Archive(Lane),
}

/// A segment's name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Name {
    pub(super) kind: Kind,
    pub(super) number: u64,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Hot, Self::Archive(Lane::Event), Self::Archive(Lane::Reading)];

    const fn prefix(self) -> &'static str {
        match self {
            Self::Hot => "seg-",
            Self::Archive(Lane::Event) => "arc-e-",
            Self::Archive(Lane::Reading) => "arc-r-",
        }
    }

    /// What stands before the number of one that was set aside.
    const fn aside_prefix(self) -> &'static str {
        match self {
            Self::Hot => "bad-",
            Self::Archive(Lane::Event) => "bad-e-",
            Self::Archive(Lane::Reading) => "bad-r-",
        }
    }
}

impl Name {
    /// The segment's folder in the journal's.
    pub(super) fn folder(self, dir: &Path) -> PathBuf {
        dir.join(format!("{}{:010}", self.kind.prefix(), self.number))
    }

    /// Where it is made before it has its name.
    pub(super) fn draft(self, dir: &Path) -> PathBuf {
        dir.join(format!("tmp-{}{:010}", self.kind.prefix(), self.number))
    }

    /// Where it goes to be removed.
    pub(super) fn doomed(self, dir: &Path) -> PathBuf {
        dir.join(format!("rm-{}{:010}", self.kind.prefix(), self.number))
    }

    /// Where it is set aside while `ordinal` is the highest one.
    pub(super) fn aside(self, dir: &Path, ordinal: u64) -> PathBuf {
        dir.join(format!("{}{:010}-{ordinal}", self.kind.aside_prefix(), self.number))
    }

    /// The name of a folder that was set aside, with the ordinal in it.
    pub(super) fn of_aside(folder: &str) -> Option<(Self, u64)> {
        // The shortest prefix is one of the others' too.
        Kind::ALL.into_iter().rev().find_map(|kind| {
            let (number, ordinal) = folder.strip_prefix(kind.aside_prefix())?.split_once('-')?;
            Some((Self { kind, number: number.parse().ok()? }, ordinal.parse().ok()?))
        })
    }

    /// The segments of a kind in `dir`, ascending.
    pub(super) fn all(dir: &Path, kind: Kind) -> Result<Vec<Self>, Fault> {
        let number = |entry: std::fs::DirEntry| {
            entry.file_name().to_str()?.strip_prefix(kind.prefix())?.parse::<u64>().ok()
        };
        let mut numbers: Vec<u64> = std::fs::read_dir(dir)?.flatten().filter_map(number).collect();
        numbers.sort_unstable();
        Ok(numbers.into_iter().map(|number| Self { kind, number }).collect())
    }
}
