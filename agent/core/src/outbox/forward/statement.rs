//! What will not arrive is stated, and what was stated in a record that is lost itself is stated again.

use super::receive::unsend;
use super::*;

impl Forwarder {
    /// States what the journal no longer had, once everything else of the lane has arrived.
    pub(super) fn settle(&mut self, lane: Lane, ring: &Ring) {
        let Some(current) = self.stretches.back_mut() else {
            return;
        };
        let epoch = current.epoch;
        let track = current.track(lane);
        let evicted = ring.evicted_through(epoch).unwrap_or_default();
        let through = evicted.max(Seq(track.live_next.0.saturating_sub(1)));
        track.unstated &= !track.pending().is_zero();
        if track.pending().is_zero() || ring.has_from(epoch, through.next()) {
            return;
        }
        let awaited = self.awaiting[lane as usize].of((epoch, lane));
        let Some(missing) = missing(track, through, &awaited) else {
            return;
        };
        track.lost += missing;
        track.unstated = false;
        self.lose_run(epoch, LostRun::span(lane, (Seq(1), through), missing));
    }

    /// Whether the platform has heard of everything that is lost to it.
    pub(super) fn is_heard(&self) -> bool {
        let mut tracks = self.stretches.iter().flat_map(|stretch| &stretch.lanes);
        self.lost.is_empty() && self.unheard.is_empty() && !tracks.any(|track| track.unstated)
    }

    /// Records left the journal: what is neither on its way nor in memory is lost, and nobody asks for it any more. Whether
    /// there was any.
    pub(in crate::outbox) fn purged(&mut self, epoch: Epoch, gone: &LostRun, ring: &Ring) -> bool {
        let Some(stretch) = self.stretches.iter_mut().find(|stretch| stretch.epoch == epoch) else {
            return false;
        };
        let own = stretch.own;
        let in_memory = ring.first_of(epoch).map_or(Seq(u64::MAX), |first| Seq(first.0.saturating_sub(1)));
        let track = stretch.track(gone.lane);
        track.purged.insert(gone.first, gone.last);
        let gaps = track.skip(gone.first, gone.last.min(in_memory));
        let awaiting = &mut self.awaiting[gone.lane as usize];
        for gap in &gaps {
            // What was overdue is not sent again, and a receipt that comes late changes nothing.
            unsend(track, &awaiting.forget((epoch, gone.lane), *gap), *gap);
        }
        let (Some(first), Some(last)) = (gaps.first(), gaps.last()) else {
            return false;
        };
        let span = (first.0, last.1);
        let all = gaps.len() == 1 && span == (gone.first, gone.last);
        let count = if own { gone.count.min(track.pending()) } else { gone.count };
        if own && all {
            track.lost += count;
        } else if own {
            // `settle` and `retire` state it: they see how much never arrived.
            track.unstated = true;
        }
        stretch.dirty = true;
        if all || !own {
            let numbers = gaps.iter().fold(0_u64, |sum, gap| sum.saturating_add(width(*gap)));
            let count = Count { records: count.records.min(numbers), ..count };
            self.lose_run(epoch, LostRun::span(gone.lane, span, count));
        }
        true
    }

    /// Spans of what was asked for cannot be read any more.
    pub(in crate::outbox) fn damaged(
        &mut self,
        asked: (Epoch, Lane),
        through: Seq,
        damaged: &[(Seq, Seq, u64)],
    ) {
        // What is sent once more was counted when it was sent first.
        let asked_for =
            self.fetching.as_ref().filter(|asked_for| asked_for.of == asked && asked_for.task.counts());
        let Some((from, to)) = asked_for.map(|asked_for| asked_for.span) else {
            return;
        };
        let (epoch, lane) = asked;
        let to = to.min(through);
        for (first, last, records) in damaged {
            let (first, last) = ((*first).max(from), (*last).min(to));
            let Some(stretch) = self.stretches.iter_mut().find(|stretch| stretch.epoch == epoch) else {
                return;
            };
            let own = stretch.own;
            let track = stretch.track(lane);
            if last < first {
                continue;
            }
            let gaps = track.skip(first, last);
            for gap in &gaps {
                unsend(track, &self.awaiting[lane as usize].forget(asked, *gap), *gap);
            }
            if gaps.is_empty() {
                continue;
            }
            // How many readings they held, nobody can say any more; in an epoch of this run `settle` finds out.
            let count = Count { records: (*records).min(width((first, last))), readings: 0 };
            let count = if own { count.min(track.pending()) } else { count };
            if own {
                track.lost += count;
            }
            self.lose_run(epoch, LostRun::span(lane, (first, last), count));
        }
    }

    /// The platform has records of which `has` tells: it has heard of the losses that they state.
    pub(super) fn hear(&mut self, of: (Epoch, Lane), has: impl Fn(Seq) -> bool) {
        self.unheard.retain(|(epoch, seq, _)| (*epoch, Lane::Event) != of || !has(*seq));
    }

    /// A loss that was stated in a record which the platform will not have, for its number is closed, is stated again.
    fn state_again(&mut self) {
        let stretches = &self.stretches;
        let is_closed = |epoch: Epoch, seq: Seq| {
            let stretch = stretches.iter().find(|stretch| stretch.epoch == epoch);
            stretch.is_none_or(|stretch| stretch.lanes[Lane::Event as usize].acked.contains(seq))
        };
        let unheard = self.unheard.extract_if(.., |(epoch, seq, _)| is_closed(*epoch, *seq));
        for (_, _, loss) in unheard.collect::<Vec<_>>() {
            self.restate(&loss);
        }
    }

    fn restate(&mut self, loss: &Loss) {
        let count = Count { records: loss.records, readings: loss.readings };
        let known = self.lost.iter_mut().find(|(epoch, run)| *epoch == loss.epoch && run.lane == loss.lane);
        match known {
            Some((_, run)) => run.widen((loss.first, loss.last), count),
            None => self.lost.push((loss.epoch, LostRun::span(loss.lane, (loss.first, loss.last), count))),
        }
    }

    pub(super) fn lose(&mut self, epoch: Epoch, kept: &Kept) {
        let lane = kept.record.lane();
        if let Some(stretch) = self.stretches.iter_mut().find(|stretch| stretch.epoch == epoch) {
            stretch.track(lane).lose(kept);
        }
        if !self.lost.iter_mut().rev().any(|(of, run)| *of == epoch && run.extend(kept)) {
            self.lose_run(epoch, LostRun::of(kept));
        }
    }

    pub(super) fn lose_run(&mut self, epoch: Epoch, run: LostRun) {
        let crowded = self.lost.len() >= LOST_RUNS_MAX;
        let known =
            self.lost.iter_mut().rev().find(|(of, known)| crowded && *of == epoch && known.lane == run.lane);
        match known {
            Some((_, known)) => known.widen((run.first, run.last), run.count),
            None => self.lost.push((epoch, run)),
        }
    }

    /// Lets go of earlier epochs that are done; what of them was offered and never seen again is stated as lost.
    pub(super) fn retire(&mut self) {
        self.state_again();
        let mut missed = Vec::new();
        for stretch in self.stretches.iter_mut().filter(|stretch| stretch.own) {
            let Some(last) = stretch.last else { continue };
            let is_done = stretch.is_done();
            for (lane, track) in LANES.into_iter().zip(&mut stretch.lanes) {
                if track.pending().is_zero() {
                    track.unstated = false;
                    continue;
                }
                // What waits for its receipt holds no statement up: without it the platform would call this missing for ever.
                let awaited = self.awaiting[lane as usize].of((stretch.epoch, lane));
                let missing = if is_done { Some(track.pending()) } else { missing(track, last, &awaited) };
                if let Some(missing) = missing {
                    track.unstated = false;
                    track.lost += missing;
                    missed.push((stretch.epoch, LostRun::span(lane, (Seq(1), last), missing)));
                }
            }
        }
        for (epoch, run) in missed {
            self.lose_run(epoch, run);
        }
        while let Some(index) = self.stretches.iter().position(|stretch| stretch.is_done() && !stretch.dirty)
        {
            let Some(stretch) = self.stretches.remove(index) else {
                return;
            };
            self.retire_epoch(stretch.epoch);
            for track in stretch.lanes.iter().filter(|_| stretch.own) {
                self.own_done.confirmed += track.confirmed;
                self.own_done.lost += track.lost;
            }
        }
    }
}

/// What of a lane's records up to `through` nobody has: known when each number is closed or in a message that waits for its
/// receipt.
fn missing(track: &Track, through: Seq, (spans, sent): &(Vec<(Seq, Seq)>, Count)) -> Option<Count> {
    let missing = track.pending() - *sent;
    if missing.is_zero() {
        return None;
    }
    let mut closed = track.acked.clone();
    spans.iter().for_each(|span| closed.insert(span.0, span.1));
    closed.first_gap(Seq(1), through).is_none().then_some(missing)
}

/// The loss that the record states, if it is one of this platform's.
pub(super) fn own_loss(uplink: UplinkId, record: &Record) -> Option<Loss> {
    match &record.body {
        Body::Loss(loss) if loss.place == LossPlace::Uplink(uplink) => Some(*loss),
        _ => None,
    }
}

const fn width((first, last): (Seq, Seq)) -> u64 {
    (last.0 - first.0).saturating_add(1)
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::super::super::AckedSet;
    use super::*;
    use crate::Stamp;
    use crate::outbox::record::{Opening, Record};

    const OF: (Epoch, Lane) = (Epoch(2), Lane::Event);

    fn forwarder() -> Forwarder {
        let spec = UplinkSpec { window: 8, message_records_max: 200, ..UplinkSpec::default() };
        Forwarder::new(UplinkId(0), spec, OF.0)
    }

    fn event(seq: u64, body: Body) -> Arc<Record> {
        Arc::new(Record { seq: Seq(seq), stamp: Stamp::default(), body })
    }

    fn events(seqs: core::ops::RangeInclusive<u64>) -> Vec<Arc<Record>> {
        seqs.map(|seq| event(seq, Body::Opening(Opening { ordinal: None, previous: Vec::new() }))).collect()
    }

    #[test]
    fn no_cursor_is_saved_before_what_retention_took_out_of_an_answer_is_stated() {
        let mut forwarder = forwarder();
        let (mut memory, mut evicted) = (Ring::new(20), Ring::new(0));
        for record in events(1..=10) {
            forwarder.offered(&record);
            let kept = Kept { ordinal: record.seq.0, record };
            memory.push(OF.0, kept.clone());
            evicted.push(OF.0, kept);
        }
        while evicted.evict().is_some() {}
        let count = Count { records: 5, readings: 0 };
        let gone = LostRun::span(OF.1, (Seq(1), Seq(5)), count);
        assert!(!forwarder.purged(OF.0, &gone, &memory), "memory still has all of it");
        forwarder.fetching = Some(Fetching { of: OF, span: (Seq(1), Seq(10)), task: Task::BackFill });
        forwarder.fetched(OF, Seq(10), events(6..=10));
        let flight = forwarder.fetched.pop_front().unwrap();
        forwarder.confirm_flight(&flight);
        assert!(forwarder.take_cursor().is_none(), "five are neither there nor stated");
        forwarder.settle(OF.1, &evicted);
        let lost = forwarder.take_lost();
        assert_eq!(lost, [(OF.0, LostRun::span(OF.1, (Seq(1), Seq(10)), count))]);
        assert!(forwarder.take_cursor().is_some());
    }

    #[test]
    fn a_loss_is_heard_with_the_record_that_states_it_and_with_no_other() {
        let place = LossPlace::Uplink(UplinkId(0));
        let (first, last, records, readings) = (Seq(7), Seq(9), 3, 4);
        let loss = Loss { place, epoch: Epoch(1), lane: Lane::Reading, first, last, records, readings };
        for is_there in [true, false] {
            let mut forwarder = forwarder();
            let mut records = events(1..=5);
            records[2] = event(3, Body::Loss(loss));
            records.iter().for_each(|record| forwarder.offered(record));
            if !is_there {
                records.remove(2);
            }
            let flight = Flight::of(OF, (Seq(1), Seq(5)), records, Task::BackFill);
            forwarder.confirm_flight(&flight);
            forwarder.retire();
            let again = (!is_there).then(|| {
                (Epoch(1), LostRun::span(Lane::Reading, (first, last), Count { records: 3, readings }))
            });
            assert_eq!(forwarder.take_lost(), again.into_iter().collect::<Vec<_>>());
        }
    }

    #[test]
    fn what_is_gone_of_an_earlier_run_is_stated_once_as_far_as_the_platform_has_not_had_it() {
        let spec = UplinkSpec { window: 8, message_records_max: 200, ..UplinkSpec::default() };
        let mut forwarder = Forwarder::new(UplinkId(0), spec, Epoch(2));
        let acked = [(1, 40), (1, 9)].map(|range| AckedSet::from_ranges(&[range]));
        forwarder.learn(&[PastEpoch { epoch: Epoch(1), last: Seq(40), acked: vec![acked] }]);
        let asked = (Epoch(1), Lane::Reading);
        for _ in 0..2 {
            let count = Count { records: 19, readings: 30 };
            forwarder.purged(
                Epoch(1),
                &LostRun::span(Lane::Reading, (Seq(1), Seq(19)), count),
                &Ring::new(9),
            );
            forwarder.fetching = Some(Fetching {
                of: (Epoch(1), Lane::Reading),
                span: (Seq(20), Seq(40)),
                task: Task::BackFill,
            });
            forwarder.damaged(asked, Seq(32), &[(Seq(30), Seq(34), 3), (Seq(35), Seq(36), 2)]);
        }
        let lost = forwarder.take_lost();
        let stated = lost.iter().map(|(epoch, run)| (epoch.0, run.first.0, run.last.0, run.count));
        let count = |records, readings| Count { records, readings };
        let wanted = [(1, 10, 19, count(10, 30)), (1, 30, 32, count(3, 0))];
        assert_eq!(stated.collect::<Vec<_>>(), wanted, "what lies beyond the answer is asked for again");
    }
}
