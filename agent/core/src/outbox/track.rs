//! One lane of one epoch on its way to one platform: what is confirmed, what was sent, what is lost.

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::AckedSet;
use super::ledger::Count;
use super::record::{Lane, Record};
use super::store::Kept;
use crate::Mono;
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
    /// Numbers that nobody has, as far as was looked: they are not sent again however often the platform misses them.
    pub(super) nowhere: AckedSet,
    /// What the journal let go of, be it still in memory or on its way.
    pub(super) purged: AckedSet,
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
        self.nowhere.insert(first, seq);
    }

    /// Nobody asks for what of these numbers is neither confirmed nor on its way: returns those.
    pub(super) fn skip(&mut self, first: Seq, last: Seq) -> Vec<(Seq, Seq)> {
        let mut gaps = Vec::new();
        let mut from = first;
        while let Some(gap) = self.sent.first_gap(from, last) {
            self.sent.insert(gap.0, gap.1);
            self.acked.insert(gap.0, gap.1);
            self.nowhere.insert(gap.0, gap.1);
            gaps.push(gap);
            if gap.1 >= last {
                break;
            }
            from = gap.1.next();
        }
        gaps
    }

    /// Nobody has the numbers of this span.
    pub(super) fn lack(&mut self, (first, last): (Seq, Seq)) {
        self.acked.insert(first, last);
        self.sent.insert(first, last);
        self.nowhere.insert(first, last);
    }

    /// The journal answers for a span: whether it may lack some that the platform has not had, and nobody has stated.
    pub(super) fn is_thinned(&self, (first, last): (Seq, Seq)) -> bool {
        self.purged.within(first, last).any(|(first, last)| self.acked.first_gap(first, last).is_some())
    }

    /// These records were all that anybody had of a span.
    pub(super) fn looked(&mut self, (first, last): (Seq, Seq), records: &[Arc<Record>]) {
        let mut first = first;
        for seq in records.iter().map(|record| record.seq) {
            self.nowhere.insert(first, Seq(seq.0.saturating_sub(1)));
            first = seq.next();
        }
        self.nowhere.insert(first, last);
    }

    /// What of a span is closed and can be sent again.
    pub(super) fn closed(&self, (first, last): (Seq, Seq)) -> Vec<(Seq, Seq)> {
        let mut wanted = AckedSet::default();
        for (first, last) in self.acked.within(first, last) {
            wanted.insert(first, last);
        }
        for (first, last) in self.nowhere.within(first, last) {
            wanted.remove(first, last);
        }
        wanted.ranges().iter().map(|(first, last)| (Seq(*first), Seq(*last))).collect()
    }

    /// What was sent there must be sent again, except for what is closed.
    pub(super) fn unsend(&mut self, (first, last): (Seq, Seq)) {
        self.sent.remove(first, last);
        for (first, last) in self.acked.within(first, last) {
            self.sent.insert(first, last);
        }
    }

    /// Neither confirmed nor lost.
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

/// Takes out what is `wanted`; the others keep their order.
pub(super) fn take_out<T>(from: &mut VecDeque<T>, mut wanted: impl FnMut(&T) -> bool) -> Vec<T> {
    if !from.iter().any(&mut wanted) {
        return Vec::new();
    }
    let (out, rest) = core::mem::take(from).into_iter().partition::<Vec<T>, _>(wanted);
    *from = rest.into();
    out
}

/// Why a message is sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Task {
    /// It is news.
    Live,
    /// It is older than the connection.
    BackFill,
    /// The platform misses it although it had confirmed it: what becomes of it changes no sum.
    Again,
    /// The platform asked for its time: what becomes of it changes no sum.
    Replay,
}

impl Task {
    /// Whether what becomes of the message is in the ledger.
    pub(super) const fn counts(self) -> bool {
        match self {
            Self::Live | Self::BackFill => true,
            Self::Again | Self::Replay => false,
        }
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
    pub(super) task: Task,
    /// When it left.
    pub(super) since: Mono,
    /// The platform's receipt came before the broker's.
    pub(super) receipted: bool,
}

impl Flight {
    pub(super) fn of(
        (epoch, lane): (Epoch, Lane),
        span: (Seq, Seq),
        records: Vec<Arc<Record>>,
        task: Task,
    ) -> Self {
        Self { epoch, lane, span, records, task, since: Mono::ZERO, receipted: false }
    }

    /// Its readings; an event counts as one.
    pub(super) fn weight(&self) -> u64 {
        self.records.iter().map(|record| record.readings().max(1)).sum()
    }

    pub(super) fn count(&self) -> Count {
        let mut count = Count::default();
        for record in &self.records {
            count += Count::of(record);
        }
        count
    }
}

/// Messages that a lost connection gave back, in the order in which they were sent.
pub(super) type Returned = VecDeque<Flight>;
