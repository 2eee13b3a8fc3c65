//! Along one lane: makes every link again and says where it does not hold.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use hazard_core::id::Epoch;
use hazard_core::outbox::{Count, Lane, Record};
use hazard_core::{ClockTrust, Utc};

use super::chain::{Link, Mark};
use super::finding::{Finding, Place, What};
use super::read::{Block, Broken, Folder, Piece};
use super::said::Pins;

/// Findings that are kept; the others are counted.
const FINDINGS_MAX: usize = 1_000;

/// Marks that are remembered, so that a block that is there twice can be compared: three of the largest blocks.
const MARKS_MAX: usize = 3 * 4_096;

/// What was found of a lane of an epoch.
#[derive(Clone, Debug)]
pub struct LaneSum {
    /// The ordinal of the epoch.
    pub ordinal: u64,
    /// The epoch, where its header is known.
    pub epoch: Option<Epoch>,
    /// The lane.
    pub lane: Lane,
    /// Runs of numbers that are there without a number of the other lane between them, both ends included.
    pub runs: Vec<(u64, u64)>,
    /// Records and readings, counted.
    pub counted: Count,
    /// The chain before the first record; `None` where it was written without.
    pub before: Option<Mark>,
    /// The chain behind the last record.
    pub mark: Option<Mark>,
    /// The earliest and latest stamp of a clock that was set.
    pub between: Option<(Utc, Utc)>,
}

impl LaneSum {
    /// The first number.
    #[must_use]
    pub fn first(&self) -> u64 {
        self.runs.first().map_or(0, |run| run.0)
    }

    /// The last number.
    #[must_use]
    pub fn last(&self) -> u64 {
        self.runs.last().map_or(0, |run| run.1)
    }

    fn add(&mut self, record: &Record) {
        match self.runs.last_mut() {
            Some(run) if run.1 + 1 == record.seq.0 => run.1 = record.seq.0,
            _ => self.runs.push((record.seq.0, record.seq.0)),
        }
        self.counted += Count::of(record);
        if record.stamp.trust != ClockTrust::Unset {
            let at = record.stamp.utc;
            let (since, until) = self.between.unwrap_or((at, at));
            self.between = Some((since.min(at), until.max(at)));
        }
    }
}

/// A block that was walked over.
struct Past {
    segment: Arc<str>,
    before: Mark,
    marks: Vec<(u64, Mark)>,
}

/// The epoch that is walked along.
struct Along {
    sum: LaneSum,
    segment: Arc<str>,
    /// The last block's numbers and times.
    block: ((u64, u64), Option<(Utc, Utc)>),
    past: VecDeque<Past>,
    /// The last number up to which a manifest agrees.
    agreed: u64,
    chained: bool,
}

/// What walking found.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) sums: Vec<LaneSum>,
    pub(super) findings: Vec<Finding>,
    pub(super) more: u64,
    pub(super) blocks: u64,
}

impl Found {
    pub(super) fn tell(&mut self, finding: Finding) {
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(finding);
        } else {
            self.more += u64::from(finding.what.is_fault());
        }
    }
}

/// Walks along one lane.
pub(super) struct Walk<'a> {
    folder: &'a Folder,
    lane: Lane,
    pins: &'a Pins,
    found: &'a mut Found,
    along: Option<Along>,
    /// An older epoch has records in this lane: what is missing in a younger one was not dropped by retention.
    has_older: bool,
}

impl<'a> Walk<'a> {
    pub(super) const fn new(folder: &'a Folder, lane: Lane, pins: &'a Pins, found: &'a mut Found) -> Self {
        Self { folder, lane, pins, found, along: None, has_older: false }
    }

    pub(super) fn step(&mut self, piece: Piece) {
        match piece {
            Piece::Block(block) => self.block(&block),
            Piece::Broken(broken) => self.broken(&broken),
            Piece::Damaged { segment, reason } => {
                let place = Place {
                    segment: Some(segment),
                    epoch: None,
                    epoch_no: 0,
                    lane: Some(self.lane),
                    first: 0,
                    last: 0,
                    between: None,
                };
                self.found.tell(Finding { what: What::SegmentDamaged, place, records: None, note: reason });
            }
        }
    }

    /// Ends the epoch that is walked along.
    pub(super) fn end(&mut self) {
        let Some(along) = self.along.take() else { return };
        self.has_older = true;
        self.found.sums.push(along.sum);
    }

    fn broken(&mut self, broken: &Broken) {
        self.enter(broken.ordinal, &broken.segment);
        let Some(along) = &mut self.along else { return };
        along.sum.mark = None;
        along.chained = true;
        let between = along.block.1;
        let mut place = self.place(broken.span, &broken.segment);
        place.between = between;
        self.tell(What::BlockChanged, place, None, "checksum");
    }

    fn block(&mut self, block: &Block) {
        self.found.blocks += 1;
        self.enter(block.ordinal(), &block.segment);
        let Some(along) = &self.along else { return };
        let last = along.sum.last();
        let mut place = self.place(block.span(), &block.segment);
        let Some(records) = &block.records else {
            self.tell(What::BlockChanged, place, Some(block.count()), "no records");
            if let Some(along) = &mut self.along {
                (along.sum.mark, along.chained) = (None, true);
            }
            return;
        };
        place.between = times(records);
        if !block.in_place || along.sum.ordinal != block.ordinal() {
            self.tell(What::OutOfOrder, place.clone(), Some(block.count()), "another block's place");
        }
        if block.span().0 <= last {
            self.compare(block, records, &place);
        } else {
            self.join(block, &place);
        }
        self.fold(block, records, &place);
    }

    fn enter(&mut self, ordinal: u64, segment: &Arc<str>) {
        if self.along.as_ref().is_some_and(|along| along.sum.ordinal >= ordinal) {
            return;
        }
        self.end();
        let epoch = self.folder.epochs().get(&ordinal).map(|header| header.epoch);
        let sum = LaneSum {
            ordinal,
            epoch,
            lane: self.lane,
            runs: Vec::new(),
            counted: Count::default(),
            before: None,
            mark: None,
            between: None,
        };
        self.along = Some(Along {
            sum,
            segment: Arc::clone(segment),
            block: ((0, 0), None),
            past: VecDeque::new(),
            agreed: 0,
            chained: false,
        });
        if epoch.is_none() {
            let place = self.place((0, 0), segment);
            self.tell(What::HeaderMissing, place, None, "");
        }
    }

    /// Whether the chain leads from the records before to this block.
    fn join(&mut self, block: &Block, place: &Place) {
        let Some(along) = &mut self.along else { return };
        let (first, last) = block.span();
        let (had, known) = (along.sum.last(), along.sum.mark);
        let is_first = had == 0 && !along.chained;
        let ((from, to), around) = along.block;
        along.sum.mark = block.before();
        if is_first {
            along.sum.before = block.before();
        }
        let Some(before) = block.before() else {
            if !std::mem::replace(&mut along.chained, true) {
                self.tell(What::NotChained, place.clone(), None, "");
            }
            return;
        };
        along.chained = true;
        if is_first {
            return self.begin(before, (first, last), place);
        }
        let Some(known) = known.filter(|known| *known != before) else { return };
        if before.written.records > known.written.records {
            let missing = before.written.records - known.written.records;
            let place = Place { first: had + 1, last: first - 1, between: around, ..place.clone() };
            let what = self.missing(missing, &place).unwrap_or(What::RecordsRemoved);
            return self.tell(what, place, Some(missing), "");
        }
        let segment = self.along.as_ref().map_or(&block.segment, |along| &along.segment);
        let segment = Some(Arc::clone(segment));
        let place = Place { segment, first: from, last: to.max(first - 1), between: around, ..place.clone() };
        self.tell(What::RecordsChanged, place, None, "");
    }

    fn begin(&mut self, before: Mark, (first, _): (u64, u64), place: &Place) {
        let written = before.written.records;
        let gone = Place { first: 1, last: first - 1, between: None, ..place.clone() };
        if written > 0 {
            let unnoted = if self.has_older { What::RecordsRemoved } else { What::BeginningPurged };
            let what = self.missing(written, &gone).filter(|_| self.has_older).unwrap_or(unnoted);
            return self.tell(what, gone, Some(written), "");
        }
        let origin = place.epoch.map(|epoch| Link::origin(epoch, self.lane));
        if origin.is_some_and(|origin| origin != before.link) {
            let place = Place { first: 1, ..place.clone() };
            self.tell(What::RecordsChanged, place, None, "origin");
        }
    }

    /// What it means that so many records are not there, where retention notes that it dropped just these.
    fn missing(&self, records: u64, place: &Place) -> Option<What> {
        let of = (self.lane, place.epoch_no);
        let noted = self.folder.purges().between(of, place.first, place.last);
        (noted.records == records).then_some(What::StretchPurged)
    }

    /// The records of a block that begins with numbers that were there already.
    fn compare(&mut self, block: &Block, records: &[Arc<Record>], place: &Place) {
        let Some(along) = &self.along else { return };
        let (first, last) = block.span();
        let marks = || along.past.iter().flat_map(|past| past.marks.iter().copied());
        let known: BTreeMap<u64, Mark> = marks().filter(|(seq, _)| (first..=last).contains(seq)).collect();
        let before =
            marks().filter(|(seq, _)| *seq < first).max_by_key(|(seq, _)| *seq).map(|(_, mark)| mark);
        let before = before.or_else(|| along.past.front().map(|past| past.before));
        let again = along.past.iter().any(|past| {
            !self.folder.is_file()
                && past.segment == block.segment
                && past.marks.iter().any(|(seq, _)| (first..=last).contains(seq))
        });
        if again {
            return self.tell(What::Doubled, place.clone(), Some(block.count()), "one segment");
        }
        if before.is_none() || block.before().is_none() {
            return;
        }
        let mut mark = block.before().unwrap_or(Mark { link: Link([0; 32]), written: Count::default() });
        let mut same = before == Some(mark);
        for record in records.iter().take_while(|record| record.seq.0 <= along.sum.last()) {
            mark = mark.after([record]);
            same &= known.get(&record.seq.0) == Some(&mark);
        }
        if !same {
            self.tell(What::Doubled, place.clone(), Some(block.count()), "different records");
        }
    }

    fn fold(&mut self, block: &Block, records: &[Arc<Record>], place: &Place) {
        let Some(along) = &mut self.along else { return };
        let before = along.sum.mark;
        let mut marks = Vec::new();
        let mut differs = Vec::new();
        let none = BTreeMap::new();
        let pins = along.sum.epoch.and_then(|epoch| self.pins.get(&(epoch, self.lane))).unwrap_or(&none);
        let (had, of) = (along.sum.last(), (self.lane, along.sum.ordinal));
        for record in records.iter().filter(|record| record.seq.0 > had) {
            let last = along.sum.last();
            let seq = record.seq.0;
            along.sum.mark = along.sum.mark.map(|mark| mark.after([record]));
            along.sum.add(record);
            if last > 0 {
                let between = pins.range(last + 1..seq).map(|(through, _)| *through);
                let here = between.filter(|through| !self.folder.purges().has(of, *through));
                differs.extend(here.map(|through| (last + 1, through)));
            }
            let Some(mark) = along.sum.mark else { continue };
            marks.push((seq, mark));
            match pins.get(&seq) {
                Some(pinned) if pinned.iter().all(|pinned| *pinned == mark) => along.agreed = seq,
                Some(_) => differs.push((along.agreed.max(along.sum.first().saturating_sub(1)) + 1, seq)),
                None => {}
            }
        }
        along.block = (block.span(), times(records));
        along.segment = Arc::clone(&block.segment);
        if let Some(before) = before.filter(|_| !marks.is_empty()) {
            along.past.push_back(Past { segment: Arc::clone(&block.segment), before, marks });
            let kept = |past: &VecDeque<Past>| past.iter().map(|past| past.marks.len()).sum::<usize>();
            while along.past.len() > 1 && kept(&along.past) > MARKS_MAX {
                along.past.pop_front();
            }
        }
        for (first, last) in differs {
            self.tell(What::ManifestDiffers, Place { first, last, ..place.clone() }, None, "");
        }
    }

    fn place(&self, (first, last): (u64, u64), segment: &Arc<str>) -> Place {
        let sum = self.along.as_ref().map(|along| &along.sum);
        Place {
            segment: Some(Arc::clone(segment)),
            epoch: sum.and_then(|sum| sum.epoch),
            epoch_no: sum.map_or(0, |sum| sum.ordinal),
            lane: Some(self.lane),
            first,
            last,
            between: None,
        }
    }

    fn tell(&mut self, what: What, place: Place, records: Option<u64>, note: &str) {
        self.found.tell(Finding { what, place, records, note: note.to_owned() });
    }
}

fn times(records: &[Arc<Record>]) -> Option<(Utc, Utc)> {
    let known = records.iter().filter(|record| record.stamp.trust != ClockTrust::Unset);
    known.map(|record| (record.stamp.utc, record.stamp.utc)).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
}
