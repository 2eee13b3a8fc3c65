//! The segments of one kind: the last one is written to, the others are closed and known by their index.

use std::collections::BTreeMap;
use std::path::PathBuf;

use hazard_core::outbox::Lane;

use super::disk::{Disk, Fault, is_full, synced};
use super::index::{Index, Span};
use super::name::{Kind, Name};
use super::quarantine::{self, Aside, Damage, Saved};
use super::segment::Segment;

/// Whether the segment that was written to last can be believed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Tail {
    /// Unless opening it shows otherwise.
    Trusted,
    /// Its last write failed: what its file holds goes into another one.
    Distrusted,
}

/// Where the segments are.
#[derive(Clone)]
pub(super) struct Home {
    pub(super) dir: PathBuf,
    pub(super) disk: Disk,
}

/// The segments of one kind.
pub(super) struct Series {
    kind: Kind,
    pub(super) closed: BTreeMap<u64, Index>,
    /// The highest number in use.
    highest: u64,
    /// The segment that is written to, with its number.
    writing: Option<(u64, Segment)>,
    /// A segment is closed beyond so many bytes.
    limit_bytes: u64,
}

impl Series {
    /// Opens those of `aside`'s folder; what was damaged is told in `damages`.
    pub(super) fn open(
        aside: &Aside<'_>,
        kind: Kind,
        tail: Tail,
        damages: &mut Vec<Damage>,
    ) -> Result<Self, Fault> {
        let mut series =
            Self { kind, closed: BTreeMap::new(), highest: 0, writing: None, limit_bytes: u64::MAX };
        let names = Name::all(aside.dir, kind)?;
        for &name in &names {
            let known = Segment::read_index(&name.folder(aside.dir)).filter(|index| index.sealed);
            let saved = match known {
                Some(index) => Saved { index: Some(index), damages: Vec::new() },
                None if Some(&name) == names.last() => series.open_last(aside, name, tail)?,
                None => reseal(aside, name)?,
            };
            if let Some(index) = saved.index {
                series.closed.insert(name.number, index);
            }
            damages.extend(saved.damages);
        }
        let last = names.last().map_or(0, |name| name.number);
        series.highest = last.max(quarantine::highest_number(aside.dir, kind));
        Ok(series)
    }

    /// Closes segments beyond so many bytes.
    pub(super) fn limit(mut self, bytes: u64) -> Self {
        self.limit_bytes = bytes;
        self
    }

    /// The segment to write to.
    pub(super) fn writing(&mut self, home: &Home) -> Result<&mut Segment, Fault> {
        let written = match self.writing.take() {
            Some(written) => written,
            None => {
                let name = self.name(self.highest + 1);
                let folder = name.folder(&home.dir);
                let segment = Segment::create(&folder, &home.disk).inspect_err(|_| {
                    // Half a segment would be taken for a damaged one at the next start.
                    let _ = std::fs::remove_dir_all(&folder);
                })?;
                self.highest = name.number;
                (name.number, segment)
            }
        };
        Ok(&mut self.writing.insert(written).1)
    }

    /// The segment that is written to, if there is one.
    pub(super) fn written(&self) -> Option<&Segment> {
        self.writing.as_ref().map(|(_, segment)| segment)
    }

    /// The segment that is written to with its number.
    pub(super) fn numbered(&self) -> Option<(u64, &Segment)> {
        self.writing.as_ref().map(|(number, segment)| (*number, segment))
    }

    /// Whether the segment that is written to is large enough to be closed.
    pub(super) fn is_due(&self) -> bool {
        self.written().is_some_and(|segment| segment.index.bytes >= self.limit_bytes)
    }

    /// Closes the segment that is written to.
    pub(super) fn close(&mut self) -> Result<(), Fault> {
        if let Some((number, segment)) = self.writing.take() {
            self.closed.insert(number, segment.seal()?);
        }
        Ok(())
    }

    /// Gives up the segment that is written to: it is damaged.
    pub(super) fn replace_written(&mut self, aside: &Aside<'_>, reason: &str) -> Result<Vec<Damage>, Fault> {
        match self.writing.take() {
            Some((number, segment)) => {
                drop(segment);
                self.replace(aside, number, reason)
            }
            None => Ok(Vec::new()),
        }
    }

    /// Sets a damaged segment aside; one with its whole blocks takes its place.
    pub(super) fn replace(
        &mut self,
        aside: &Aside<'_>,
        number: u64,
        reason: &str,
    ) -> Result<Vec<Damage>, Fault> {
        self.closed.remove(&number);
        let saved = aside.replace(self.name(number), reason)?;
        if let Some(index) = saved.index {
            self.closed.insert(number, index);
        }
        Ok(saved.damages)
    }

    /// Removes a closed segment; space is free when this returns.
    pub(super) fn remove(&mut self, home: &Home, number: u64) -> Result<(), Fault> {
        let name = self.name(number);
        let doomed = name.doomed(&home.dir);
        std::fs::rename(name.folder(&home.dir), &doomed)?;
        synced(home.disk.folder(&home.dir))?;
        std::fs::remove_dir_all(&doomed)?;
        self.closed.remove(&number);
        Ok(())
    }

    /// The name of one of its segments.
    pub(super) const fn name(&self, number: u64) -> Name {
        Name { kind: self.kind, number }
    }

    /// What each segment holds, oldest first.
    pub(super) fn indexes(&self) -> impl Iterator<Item = &Index> {
        self.closed.values().chain(self.written().map(|segment| &segment.index))
    }

    /// The spans of an epoch's lane, oldest first.
    pub(super) fn spans(&self, lane: Lane, ordinal: u64) -> impl Iterator<Item = Span> {
        self.indexes().filter_map(move |index| index.span(lane, ordinal))
    }

    fn open_last(&mut self, aside: &Aside<'_>, name: Name, tail: Tail) -> Result<Saved, Fault> {
        let opened = match tail {
            Tail::Trusted => Segment::open(&name.folder(aside.dir), aside.disk),
            Tail::Distrusted => Err(Fault::Broken("its last write failed".to_owned())),
        };
        match opened {
            Ok(segment) => {
                self.writing = Some((name.number, segment));
                Ok(Saved { index: None, damages: Vec::new() })
            }
            Err(Fault::Broken(reason)) if tail == Tail::Distrusted || !is_full(aside.dir) => {
                aside.replace(name, &reason)
            }
            Err(Fault::Refused(reason) | Fault::Broken(reason)) => Err(Fault::Refused(reason)),
        }
    }
}

/// A closed segment whose index is missing: opened, indexed and closed again.
fn reseal(aside: &Aside<'_>, name: Name) -> Result<Saved, Fault> {
    let sealed = Segment::open(&name.folder(aside.dir), aside.disk).and_then(Segment::seal);
    match sealed {
        Ok(index) => Ok(Saved { index: Some(index), damages: Vec::new() }),
        Err(Fault::Broken(reason)) if !is_full(aside.dir) => aside.replace(name, &reason),
        Err(fault) => Err(fault),
    }
}
