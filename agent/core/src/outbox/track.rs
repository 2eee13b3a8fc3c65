//! One lane of one epoch on its way to one platform: what is confirmed, what was sent, what is lost.

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::AckedSet;
use super::ledger::Count;
use super::record::{Lane, Record};
use super::store::Kept;
use crate::id::{Epoch, Seq};

/// A lane's progress.
#[derive(Clone, Debug, Default)]
pub(super) struct Track {
    /// Confirmed, or stated as lost.
    pub(super) acked: AckedSet,
    /// Confirmed, lost, in flight or held for sending again.
    pub(super) sent: AckedSet,
    /// From here on records are live: they are sent as they come.
    pub(super) live_next: Seq,
    pub(super) offered: Count,
    pub(super) confirmed: Count,
    pub(super) lost: Count,
    /// Something is missing, and how much is not known before all else has arrived.
    pub(super) unstated: bool,
    last_lost: Option<(u64, Seq)>,
}

impl Track {
    pub(super) fn resumed(acked: AckedSet) -> Self {
        Self { sent: acked.clone(), acked, ..Self::default() }
    }

    /// States a record as lost; neighbours in the lane stay one range.
    pub(super) fn lose(&mut self, kept: &Kept) {
        let seq = kept.record.seq;
        let neighbour = self.last_lost.filter(|(ordinal, _)| ordinal + 1 == kept.ordinal);
        let first = neighbour.map_or(seq, |(_, seq)| seq.next());
        self.last_lost = Some((kept.ordinal, seq));
        self.lost += Count::of(&kept.record);
        self.acked.insert(first, seq);
        self.sent.insert(first, seq);
    }

    /// Nobody asks for what of these numbers is neither confirmed nor on its way: returns those.
    pub(super) fn skip(&mut self, first: Seq, last: Seq) -> Vec<(Seq, Seq)> {
        let mut gaps = Vec::new();
        let mut from = first;
        while let Some(gap) = self.sent.first_gap(from, last) {
            self.sent.insert(gap.0, gap.1);
            self.acked.insert(gap.0, gap.1);
            gaps.push(gap);
            if gap.1 >= last {
                break;
            }
            from = gap.1.next();
        }
        gaps
    }

    pub(super) fn pending(&self) -> Count {
        self.offered - self.confirmed - self.lost
    }
}

/// An epoch on its way to one platform.
#[derive(Clone, Debug)]
pub(super) struct Stretch {
    pub(super) epoch: Epoch,
    /// Its last record; `None` while it grows.
    pub(super) last: Option<Seq>,
    /// Its records were offered in this run, so they are counted here.
    pub(super) own: bool,
    /// The journal can give its records back.
    pub(super) fetchable: bool,
    /// The cursor on disk is behind.
    pub(super) dirty: bool,
    pub(super) lanes: [Track; 2],
}

impl Stretch {
    pub(super) fn current(epoch: Epoch) -> Self {
        Self {
            epoch,
            last: None,
            own: true,
            fetchable: true,
            dirty: false,
            lanes: [Track::default(), Track::default()],
        }
    }

    pub(super) fn track(&mut self, lane: Lane) -> &mut Track {
        &mut self.lanes[lane as usize]
    }

    pub(super) fn acked(&self) -> [AckedSet; 2] {
        [self.lanes[0].acked.clone(), self.lanes[1].acked.clone()]
    }

    /// Whether nothing of it is left to be confirmed.
    pub(super) fn is_done(&self) -> bool {
        self.last.is_some_and(|last| {
            self.lanes.iter().all(|track| {
                (self.own && track.pending().is_zero()) || track.acked.first_gap(Seq(1), last).is_none()
            })
        })
    }
}

/// A message in flight, or one that a lost connection gave back.
#[derive(Clone, Debug)]
pub(super) struct Flight {
    pub(super) epoch: Epoch,
    pub(super) lane: Lane,
    /// All records of the lane in this span are in the message, or were accounted for before.
    pub(super) span: (Seq, Seq),
    pub(super) records: Vec<Arc<Record>>,
    pub(super) back_fill: bool,
}

/// Messages that a lost connection gave back, in the order in which they were sent.
pub(super) type Returned = VecDeque<Flight>;
