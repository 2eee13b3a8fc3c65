//! What will not arrive is stated, and what was stated in a record that is lost itself is stated again.

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
        let missing = track.pending();
        let travelling = track.acked.first_gap(Seq(1), through).is_some();
        if missing.is_zero() || travelling || ring.has_from(epoch, through.next()) {
            return;
        }
        track.lost += missing;
        self.miss(epoch, LostRun::span(lane, (Seq(1), through), missing));
    }

    /// A loss that was stated in a record which is now lost itself is stated again.
    pub(super) fn restate(&mut self, epoch: Epoch, record: &Record) {
        let Some(loss) = own_loss(self.uplink, record) else {
            return;
        };
        self.unheard.retain(|(of, seq, _)| (*of, *seq) != (epoch, record.seq));
        self.restate_loss(&loss);
    }

    pub(super) fn restate_loss(&mut self, loss: &Loss) {
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

    /// Records somewhere in the run's span are lost: nobody can say which, so losses that they may have stated are again.
    pub(super) fn miss(&mut self, epoch: Epoch, run: LostRun) {
        let lane = run.lane;
        self.lose_run(epoch, run);
        if lane == Lane::Event {
            let unheard = self.unheard.extract_if(.., |(of, seq, _)| *of == epoch && *seq <= run.last);
            for (_, _, loss) in unheard.collect::<Vec<_>>() {
                self.restate_loss(&loss);
            }
        }
    }

    /// Lets go of earlier epochs that are done; what of them was offered and never seen again is stated as lost.
    pub(super) fn retire(&mut self) {
        while let Some(index) = self.stretches.iter().position(|stretch| stretch.is_done() && !stretch.dirty)
        {
            let Some(stretch) = self.stretches.remove(index) else {
                return;
            };
            self.retire_epoch(stretch.epoch);
            let last = stretch.last.unwrap_or_default();
            for (lane, track) in LANES.into_iter().zip(&stretch.lanes).filter(|_| stretch.own) {
                let missing = track.pending();
                self.own_done.confirmed += track.confirmed;
                self.own_done.lost += track.lost;
                self.own_done.lost += missing;
                if !missing.is_zero() {
                    self.miss(stretch.epoch, LostRun::span(lane, (Seq(1), last), missing));
                }
            }
        }
    }
}

/// The loss that the record states, if it is one of this platform's.
pub(super) fn own_loss(uplink: UplinkId, record: &Record) -> Option<Loss> {
    match &record.body {
        Body::Loss(loss) if loss.place == LossPlace::Uplink(uplink) => Some(*loss),
        _ => None,
    }
}
