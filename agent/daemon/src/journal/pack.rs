//! Packing: what closed hot segments hold is written again in blocks as large as they may be, each lane into its archive,
//! and the hot segment is removed when all of it is durable there. Done in short steps while nobody waits; a step that a
//! power cut interrupts is done again, for an archive's last number says where to go on.

use std::ops::ControlFlow;
use std::sync::Arc;

use hazard_core::outbox::{Lane, Record};

use super::chain::Mark;
use super::disk::Fault;
use super::frame::{Frame, packed};
use super::name::{Kind, Name};
use super::ring::{LANES, Ring};
use super::segment::Segment;

/// Records and readings that one step looks at.
pub(super) const STEP_WEIGHT_MAX: u64 = 4_096;

/// What a step came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Packed {
    /// There is nothing to pack.
    Idle,
    /// There is more.
    More,
    /// A hot segment was removed.
    Removed,
}

/// Records that follow one another without a break in the chain.
struct Run {
    mark: Mark,
    end: Mark,
    records: Vec<Arc<Record>>,
}

impl Ring {
    /// Whether [`Self::pack`] has something to do.
    pub(super) fn has_packing(&self) -> bool {
        !self.hot.closed.is_empty()
    }

    /// One short step.
    pub(super) fn pack(&mut self) -> Result<Packed, Fault> {
        let Some((&number, index)) = self.hot.closed.first_key_value() else { return Ok(Packed::Idle) };
        let hot = Name { kind: Kind::Hot, number };
        let spans: Vec<_> = index.spans().collect();
        for (lane, ordinal, span) in spans {
            let archived = self.archives[lane as usize].spans(lane, ordinal).map(|span| span.last).max();
            let from = archived.map_or(span.first, |last| last.saturating_add(1).max(span.first));
            if from <= span.last {
                return self.pack_lane(hot, (lane, ordinal), (from, span.last));
            }
        }
        self.finish(hot)
    }

    fn pack_lane(&mut self, hot: Name, of: (Lane, u64), (from, last): (u64, u64)) -> Result<Packed, Fault> {
        let mut runs: Vec<Run> = Vec::new();
        let (mut weight, mut through) = (0, from);
        let scanned = self.opened(hot).and_then(|segment| {
            segment.scan(of, &(from..=last), &mut |frame, records| {
                weight += frame.count.records.max(frame.count.readings);
                through = frame.last;
                extend(&mut runs, (frame, records), from);
                if weight < STEP_WEIGHT_MAX { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            })
        });
        if let Err(Fault::Broken(reason)) = scanned {
            self.replace(Some(hot), Kind::Hot, &reason)?;
            return Ok(Packed::More);
        }
        scanned?;
        let mut blocks = Vec::new();
        let count = runs.len();
        for (position, run) in runs.into_iter().enumerate() {
            let mut frames = packed(of, run.mark, &run.records);
            // The last block is only as full as the step was long: its records go into the next step's first.
            if position + 1 == count && through < last && frames.len() > 1 {
                frames.pop();
            }
            blocks.extend(frames);
        }
        if blocks.is_empty() {
            // Its index promises what is not there: damage that its opening has not shown.
            self.replace(Some(hot), Kind::Hot, "numbers that the index names are missing")?;
            return Ok(Packed::More);
        }
        self.archive(of.0, &blocks)?;
        Ok(Packed::More)
    }

    fn archive(&mut self, lane: Lane, blocks: &[Frame]) -> Result<(), Fault> {
        let segment = self.archives[lane as usize].writing(&self.home)?;
        for block in blocks {
            let records =
                block.records().map_err(|_| Fault::Broken("a fresh block is damaged".to_owned()))?;
            records.iter().for_each(|record| segment.index.stamp(record));
        }
        // Each step is synced: what sled moves about in its file meanwhile must not cost a power cut more than the step, for the
        // hot segments of what came before are gone.
        let written = segment.insert(blocks).and_then(|()| segment.commit());
        self.settled(lane, written).map(|_| ())
    }

    /// All of `hot` is in the archives: it goes when they are durable.
    fn finish(&mut self, hot: Name) -> Result<Packed, Fault> {
        for lane in LANES {
            if self.archives[lane as usize].written().is_none() {
                continue;
            }
            let saved = self.archives[lane as usize].writing(&self.home).and_then(Segment::save_index);
            if self.settled(lane, saved)? == Kept::Replaced {
                return Ok(Packed::More);
            }
            if self.archives[lane as usize].is_due() {
                self.archives[lane as usize].close()?;
            }
        }
        self.remove(hot)?;
        Ok(Packed::Removed)
    }

    /// A damaged archive, or one whose sync failed, is replaced by what can be read of it; the hot segments that it is made
    /// from are still there.
    fn settled(&mut self, lane: Lane, done: Result<(), Fault>) -> Result<Kept, Fault> {
        match done {
            Ok(()) => Ok(Kept::AsItIs),
            Err(Fault::Broken(reason)) => {
                self.replace(None, Kind::Archive(lane), &reason)?;
                Ok(Kept::Replaced)
            }
            Err(refused) => Err(refused),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kept {
    AsItIs,
    Replaced,
}

/// Adds a block's records from number `from` on to the last run, or begins another where the chain is broken.
fn extend(runs: &mut Vec<Run>, (frame, records): (&Frame, Vec<Arc<Record>>), from: u64) {
    let (passed, fresh): (Vec<_>, Vec<_>) = records.into_iter().partition(|record| record.seq.0 < from);
    let mark = match frame.before {
        Some(before) => before.after(&passed),
        // Blocks of the first version are in no chain.
        None => runs.last().map_or(Mark::UNKNOWN, |run| run.end),
    };
    match runs.last_mut().filter(|run| run.end == mark) {
        Some(run) => {
            run.end = run.end.after(&fresh);
            run.records.extend(fresh);
        }
        None if fresh.is_empty() => {}
        None => runs.push(Run { mark, end: mark.after(&fresh), records: fresh }),
    }
}
