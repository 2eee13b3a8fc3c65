//! The segments in a folder: a hot one takes what comes, in both lanes; closed hot ones are packed into archives of one lane
//! each; what retention ends is dropped by whole archives.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::Arc;

use hazard_core::outbox::{Lane, Record};

use super::chain::Mark;
use super::disk::{Disk, Fault};
use super::frame::{Frame, frames};
use super::gather::{Gather, Gathered};
use super::index::{Index, Span};
use super::name::{Kind, Name};
use super::purges::Purges;
use super::quarantine::{self, Aside, Damage};
use super::segment::Segment;
use super::series::{Home, Series, Tail};

/// A hot segment is closed beyond this, or earlier where the quota is small.
const HOT_BYTES: u64 = 8 << 20;
/// An archive is closed beyond this.
const ARCHIVE_BYTES: u64 = 16 << 20;
const SEGMENT_BYTES_MIN: u64 = 1 << 20;

/// Closed segments that stay open for reading.
const OPENED_MAX: usize = 2;

/// Both lanes.
pub(super) const LANES: [Lane; 2] = [Lane::Event, Lane::Reading];

/// The ring of segments.
pub(super) struct Ring {
    pub(super) home: Home,
    pub(super) hot: Series,
    /// Events, readings.
    pub(super) archives: [Series; 2],
    pub(super) purges: Purges,
    opened: VecDeque<(Name, Segment)>,
    damages: Vec<Damage>,
    /// The highest ordinal, for the names of what is set aside.
    ordinal: u64,
    aside_bytes: u64,
    /// Latest stamp of a confirmed clock; age is measured against it, never against the wall clock.
    pub(super) confirmed_ms: Option<i64>,
}

impl Ring {
    /// Opens the segments of `dir`; `ordinal` names what has to be set aside.
    pub(super) fn open(
        dir: &Path,
        disk: &Disk,
        quota_bytes: u64,
        (tail, ordinal): (Tail, u64),
    ) -> Result<Self, Fault> {
        quarantine::sweep(dir)?;
        let aside = Aside { dir, disk, ordinal };
        let mut damages = aside.finish()?;
        let limit = |most: u64| (quota_bytes / 8).clamp(SEGMENT_BYTES_MIN, most);
        let hot = Series::open(&aside, Kind::Hot, tail, &mut damages)?.limit(limit(HOT_BYTES));
        let mut archive = |lane| {
            let series = Series::open(&aside, Kind::Archive(lane), Tail::Trusted, &mut damages)?;
            Ok::<_, Fault>(series.limit(limit(ARCHIVE_BYTES)))
        };
        let archives = [archive(Lane::Event)?, archive(Lane::Reading)?];
        let home = Home { dir: dir.to_owned(), disk: Arc::clone(disk) };
        let mut ring = Self {
            home,
            hot,
            archives,
            purges: Purges::read(dir),
            opened: VecDeque::new(),
            damages,
            ordinal,
            aside_bytes: quarantine::bytes(dir),
            confirmed_ms: None,
        };
        ring.finish_purge()?;
        ring.hot.writing(&ring.home)?;
        Ok(ring)
    }

    /// Writes an epoch's records; they are not durable before [`Self::commit`].
    pub(super) fn append(
        &mut self,
        ordinal: u64,
        records: &[Arc<Record>],
        marks: &mut [Mark; 2],
    ) -> Result<(), Fault> {
        self.ordinal = ordinal;
        let frames = frames(ordinal, records, marks);
        let hot = self.hot.writing(&self.home)?;
        for record in records {
            hot.index.stamp(record);
            if record.stamp.trust == hazard_core::ClockTrust::Synced {
                self.confirmed_ms = self.confirmed_ms.max(Some(record.stamp.utc.unix_ms()));
            }
        }
        hot.insert(&frames)
    }

    /// Makes everything written durable.
    pub(super) fn commit(&mut self) -> Result<(), Fault> {
        self.hot.writing(&self.home)?.commit()
    }

    /// Closes a full hot segment; whether it did.
    pub(super) fn turn(&mut self) -> Result<bool, Fault> {
        let is_due = self.hot.is_due();
        if is_due {
            self.hot.close()?;
            self.hot.writing(&self.home)?;
        }
        Ok(is_due)
    }

    /// Saves the indexes of the segments that are written to.
    pub(super) fn settle(&mut self) -> Result<(), Fault> {
        self.hot.writing(&self.home)?.save_index()
    }

    /// The records of `lane` and `ordinal` with numbers in `wanted`, the first `records_max` of them.
    pub(super) fn fetch(
        &mut self,
        of: (Lane, u64),
        wanted: &RangeInclusive<u64>,
        records_max: usize,
    ) -> Result<Gathered, Fault> {
        let mut gather = Gather::new(wanted.clone(), records_max);
        let holds = |span: &Span| span.first <= *wanted.end() && span.last >= *wanted.start();
        for span in self.spans(of).iter().filter(|span| span.last < *wanted.start()) {
            gather.pass(span);
        }
        for kind in [Kind::Archive(of.0), Kind::Hot] {
            let series = self.series(kind);
            let closed =
                series.closed.iter().filter(|(_, index)| index.span(of.0, of.1).is_some_and(|s| holds(&s)));
            for number in closed.map(|(number, _)| *number).collect::<Vec<_>>() {
                if gather.is_full() {
                    return Ok(gather.finish());
                }
                self.fetch_closed(Name { kind, number }, of, wanted, &mut gather)?;
            }
            self.fetch_written(kind, of, wanted, &mut gather)?;
        }
        Ok(gather.finish())
    }

    /// First and last number by lane and epoch ordinal of all segments in which records of a time may be.
    pub(super) fn find(&self, time_ms: (i64, i64)) -> BTreeMap<(u64, Lane), (u64, u64)> {
        let mut found: BTreeMap<(u64, Lane), (u64, u64)> = BTreeMap::new();
        let spans = self.indexes().filter(|index| index.touches(time_ms)).flat_map(Index::spans);
        for (lane, ordinal, Span { first, last, .. }) in spans {
            let span = found.entry((ordinal, lane)).or_insert((first, last));
            *span = (span.0.min(first), span.1.max(last));
        }
        found
    }

    /// The block with the highest numbers of `lane` and `ordinal`.
    pub(super) fn last_block(&mut self, lane: Lane, ordinal: u64) -> Result<Option<Frame>, Fault> {
        let of = (lane, ordinal);
        for kind in [Kind::Hot, Kind::Archive(lane)] {
            let series = self.series(kind);
            if let Some(written) =
                series.written().filter(|segment| segment.index.span(lane, ordinal).is_some())
            {
                return written.last_block(of);
            }
            let closed = series.closed.iter().rev().find(|(_, index)| index.span(lane, ordinal).is_some());
            if let Some((&number, _)) = closed {
                return self.opened(Name { kind, number })?.last_block(of);
            }
        }
        Ok(None)
    }

    /// First and last number of an epoch's lane over all segments.
    pub(super) fn span(&self, lane: Lane, ordinal: u64) -> Option<(u64, u64)> {
        let spans = self.spans((lane, ordinal));
        let first = spans.iter().map(|span| span.first).min()?;
        Some((first, spans.iter().map(|span| span.last).max()?))
    }

    /// The epochs of which any segment holds records.
    pub(super) fn ordinals(&self) -> BTreeSet<u64> {
        self.indexes().flat_map(Index::ordinals).collect()
    }

    /// Bytes on disk, what was set aside included.
    pub(super) fn bytes(&self) -> u64 {
        self.indexes().map(|index| index.bytes).sum::<u64>() + self.aside_bytes
    }

    /// Bytes of what was set aside.
    pub(super) const fn aside_bytes(&self) -> u64 {
        self.aside_bytes
    }

    /// Removes the oldest of what was set aside; whether there was any.
    pub(super) fn drop_aside(&mut self) -> Result<bool, Fault> {
        let dropped = quarantine::drop_oldest(&self.home.dir)?;
        self.aside_bytes = quarantine::bytes(&self.home.dir);
        Ok(dropped)
    }

    /// How many segments there are.
    pub(super) fn segments(&self) -> usize {
        self.indexes().count()
    }

    /// The earliest plausible stamp of a lane.
    pub(super) fn oldest_ms(&self, lane: Lane) -> Option<i64> {
        let archived = self.archives[lane as usize].indexes().filter_map(Index::oldest_ms).min();
        archived.or_else(|| self.hot.indexes().filter_map(Index::oldest_ms).min())
    }

    /// What was found damaged since this was asked last.
    pub(super) fn take_damages(&mut self) -> Vec<Damage> {
        std::mem::take(&mut self.damages)
    }

    /// What each segment holds.
    pub(super) fn indexes(&self) -> impl Iterator<Item = &Index> {
        let [events, readings] = &self.archives;
        events.indexes().chain(readings.indexes()).chain(self.hot.indexes())
    }

    pub(super) const fn series(&self, kind: Kind) -> &Series {
        match kind {
            Kind::Hot => &self.hot,
            Kind::Archive(lane) => &self.archives[lane as usize],
        }
    }

    const fn series_mut(&mut self, kind: Kind) -> &mut Series {
        match kind {
            Kind::Hot => &mut self.hot,
            Kind::Archive(lane) => &mut self.archives[lane as usize],
        }
    }

    pub(super) fn spans(&self, (lane, ordinal): (Lane, u64)) -> Vec<Span> {
        let archived = self.archives[lane as usize].spans(lane, ordinal);
        archived.chain(self.hot.spans(lane, ordinal)).collect()
    }

    /// Removes a closed segment.
    pub(super) fn remove(&mut self, name: Name) -> Result<(), Fault> {
        self.opened.retain(|(open, _)| *open != name);
        let home = self.home.clone();
        self.series_mut(name.kind).remove(&home, name.number)
    }

    /// Sets a damaged closed segment, or the one that an archive is written to, aside.
    pub(super) fn replace(&mut self, name: Option<Name>, kind: Kind, reason: &str) -> Result<(), Fault> {
        let home = self.home.clone();
        let aside = Aside { dir: &home.dir, disk: &home.disk, ordinal: self.ordinal };
        let damages = match name {
            Some(name) => {
                self.opened.retain(|(open, _)| *open != name);
                self.series_mut(kind).replace(&aside, name.number, reason)?
            }
            None => self.series_mut(kind).replace_written(&aside, reason)?,
        };
        self.damages.extend(damages);
        self.aside_bytes = quarantine::bytes(&home.dir);
        Ok(())
    }

    /// The one that an archive is written to may be damaged like a closed one; a damaged hot one fails the journal, which is
    /// then opened anew.
    fn fetch_written(
        &mut self,
        kind: Kind,
        of: (Lane, u64),
        wanted: &RangeInclusive<u64>,
        gather: &mut Gather,
    ) -> Result<(), Fault> {
        let Some((number, written)) = self.series(kind).numbered() else { return Ok(()) };
        let holds = |span: Span| span.first <= *wanted.end() && span.last >= *wanted.start();
        if gather.is_full() || !written.index.span(of.0, of.1).is_some_and(holds) {
            return Ok(());
        }
        let state = gather.state();
        match written.scan(of, wanted, &mut |frame, records| gather.take(frame, records)) {
            Err(Fault::Broken(reason)) if kind != Kind::Hot => {
                gather.rewind(state);
                self.replace(None, kind, &reason)?;
                self.fetch_replaced(Name { kind, number }, of, wanted, gather)
            }
            scanned => scanned,
        }
    }

    /// A damaged closed segment does not stop the journal: it is set aside and its whole blocks are read.
    fn fetch_closed(
        &mut self,
        name: Name,
        of: (Lane, u64),
        wanted: &RangeInclusive<u64>,
        gather: &mut Gather,
    ) -> Result<(), Fault> {
        let state = gather.state();
        let opened = self.opened(name);
        let scanned =
            opened.and_then(|it| it.scan(of, wanted, &mut |frame, records| gather.take(frame, records)));
        let Err(Fault::Broken(reason)) = scanned else { return scanned };
        gather.rewind(state);
        self.replace(Some(name), name.kind, &reason)?;
        self.fetch_replaced(name, of, wanted, gather)
    }

    /// Reads what took a damaged segment's place.
    fn fetch_replaced(
        &mut self,
        name: Name,
        of: (Lane, u64),
        wanted: &RangeInclusive<u64>,
        gather: &mut Gather,
    ) -> Result<(), Fault> {
        if !self.series(name.kind).closed.contains_key(&name.number) {
            return Ok(());
        }
        let replaced = self.opened(name)?;
        replaced.scan(of, wanted, &mut |frame, records| gather.take(frame, records))
    }

    /// A closed segment, opened.
    pub(super) fn opened(&mut self, name: Name) -> Result<&Segment, Fault> {
        let position = self.opened.iter().position(|(open, _)| *open == name);
        let open = match position.and_then(|at| self.opened.remove(at)) {
            Some(open) => open,
            None => {
                while self.opened.len() >= OPENED_MAX {
                    self.opened.pop_front();
                }
                (name, Segment::open(&name.folder(&self.home.dir), &self.home.disk)?)
            }
        };
        self.opened.push_back(open);
        self.opened
            .back()
            .map(|(_, segment)| segment)
            .ok_or_else(|| Fault::Broken("no segment is open".to_owned()))
    }
}
