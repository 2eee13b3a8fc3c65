//! What a platform says: its broker's PUBACK, its own receipt, what it asks for.

use super::awaiting::{Awaited, Verdict};
use super::pace::Limit;
use super::*;
use crate::outbox::receipt::{Receipt, Request};
use crate::outbox::track::take_out;
use crate::snapshot::UplinkState;

/// Epochs that are remembered after everything of them is confirmed: a platform may still miss some of it.
const RETIRED_MAX: usize = 64;

impl Forwarder {
    /// The broker has the message.
    pub(in crate::outbox) fn acked(&mut self, now: Mono, message: MessageId) {
        let Some(flight) = self.flights.remove(&message) else {
            return;
        };
        let weight = (flight.task != Task::Live).then(|| flight.weight());
        self.pace.landed(now, flight.since, weight);
        match flight.task {
            Task::Again => {}
            Task::Replay => self.errands.taken(&flight),
            Task::Live | Task::BackFill => {
                if flight.receipted || !self.awaiting[flight.lane as usize].is_wanted() {
                    self.confirm_flight(&flight);
                } else {
                    self.await_receipt(now, &flight);
                }
            }
        }
    }

    /// The platform will never take the message.
    pub(in crate::outbox) fn rejected(&mut self, message: MessageId) {
        let Some(flight) = self.flights.remove(&message) else {
            return;
        };
        if flight.receipted {
            self.confirm_flight(&flight);
        }
        if flight.receipted || !flight.task.counts() {
            return;
        }
        let of = (flight.epoch, flight.lane);
        let count = self.uncounted(&flight);
        self.lose_run(flight.epoch, LostRun::span(flight.lane, flight.span, count));
        let overlapped = self.awaiting[flight.lane as usize].forget(of, flight.span);
        if let Some(stretch) = self.stretches.iter_mut().find(|stretch| stretch.epoch == flight.epoch) {
            stretch.dirty = true;
            let track = stretch.track(flight.lane);
            track.lost += count;
            track.nowhere.insert(flight.span.0, flight.span.1);
            track.acked.insert(flight.span.0, flight.span.1);
            unsend(track, &overlapped, flight.span);
        }
    }

    /// What the platform says that it has. A receipt of an epoch that nobody knows is counted and dropped.
    pub(in crate::outbox) fn receipt(&mut self, now: Mono, receipt: &Receipt) {
        let (epoch, lane) = (receipt.epoch, receipt.lane);
        let stretch = self.stretches.iter().position(|stretch| stretch.epoch == epoch);
        if stretch.is_none() && !self.retired.contains(&epoch) {
            self.heard.rejected += 1;
            return;
        }
        self.heard.receipts += 1;
        let (there, missing) = self.awaiting[lane as usize].receipt(receipt, self.spec.window.max(1));
        for awaited in &there {
            self.hear(awaited.of, |seq| awaited.has(seq));
            self.confirm(awaited.of, awaited.span, awaited.count);
        }
        // Only what is not counted by then counts here.
        if self.receipt_of_flights(receipt) || !there.is_empty() {
            self.awaiting[lane as usize].progress(now, epoch);
        }
        let Some(stretch) = stretch.and_then(|index| self.stretches.get_mut(index)) else {
            self.errands.miss((epoch, lane), receipt.missing.iter().copied(), &self.flights);
            return;
        };
        let track = stretch.track(lane);
        for awaited in &missing {
            track.unsend(awaited.span);
        }
        let missing = receipt.missing.iter().filter(|range| range.0 <= receipt.through);
        let closed = missing.flat_map(|range| track.closed((range.0, range.1.min(receipt.through))));
        self.errands.miss((epoch, lane), closed, &self.flights);
    }

    /// What the platform asks for.
    pub(in crate::outbox) fn request(&mut self, now: Mono, request: &Request) {
        let taken = match request {
            Request::Replay(wish) => self.errands.wish(wish.clone()),
            Request::Rate(per_second) => {
                self.pace.set(now, *per_second);
                true
            }
        };
        if taken {
            self.heard.requests += 1;
        } else {
            self.heard.rejected += 1;
        }
    }

    /// Nobody could read what the platform said, so many times.
    pub(in crate::outbox) fn unread(&mut self, times: u32) {
        self.heard.rejected += u64::from(times);
    }

    /// Lets time pass: what nobody receipts is sent again.
    pub(in crate::outbox) fn timeout(&mut self, now: Mono) {
        self.pace.timeout(now);
        if !self.up {
            return;
        }
        self.errands.timeout(now);
        for lane in LANES {
            for (of, span) in self.awaiting[lane as usize].timeout(now, self.spec.window.max(1)) {
                if let Some(stretch) = self.stretches.iter_mut().find(|stretch| stretch.epoch == of.0) {
                    stretch.track(lane).unsend(span);
                }
            }
        }
    }

    pub(in crate::outbox) fn poll_timeout(&self) -> Option<Mono> {
        if !self.up {
            return self.pace.poll_timeout();
        }
        let [events, readings] = &self.awaiting;
        let receipts = [events.poll_timeout(), readings.poll_timeout()];
        let others = [self.pace.poll_timeout(), self.errands.poll_timeout()];
        receipts.into_iter().chain(others).flatten().min()
    }

    /// Whether the platform confirms nothing of what its broker has taken.
    pub(in crate::outbox) fn lacks_receipts(&self) -> bool {
        self.awaiting.iter().any(Awaiting::is_overdue)
    }

    pub(in crate::outbox) fn state(&self) -> UplinkState {
        let rate = match self.pace.limit() {
            Limit::Free => None,
            Limit::PerSecond(rate) => Some(rate),
            Limit::Paused => Some(0),
        };
        let (up, in_flight, heard) = (self.up, self.flights.len(), self.heard);
        UplinkState { up, in_flight, heard, replay: self.replay_state(), rate }
    }

    pub(super) fn retire_epoch(&mut self, epoch: Epoch) {
        for awaiting in &mut self.awaiting {
            awaiting.forget_epoch(epoch);
        }
        self.retired.push_back(epoch);
        if self.retired.len() > RETIRED_MAX {
            self.retired.pop_front();
        }
    }

    /// All records of the message are confirmed.
    pub(super) fn confirm_flight(&mut self, flight: &Flight) {
        let of = (flight.epoch, flight.lane);
        let count = self.uncounted(flight);
        let overlapped = self.awaiting[flight.lane as usize].forget(of, flight.span);
        if let Some(stretch) = self.stretches.iter_mut().find(|stretch| stretch.epoch == of.0) {
            unsend(stretch.track(of.1), &overlapped, flight.span);
        }
        self.hear(of, |seq| flight.records.binary_search_by_key(&seq, |record| record.seq).is_ok());
        self.confirm(of, flight.span, count);
    }

    fn confirm(&mut self, of: (Epoch, Lane), span: (Seq, Seq), count: Count) {
        let Some(stretch) = self.stretches.iter_mut().find(|stretch| stretch.epoch == of.0) else {
            return;
        };
        stretch.dirty = true;
        let own = stretch.own;
        let track = stretch.track(of.1);
        track.acked.insert(span.0, span.1);
        track.sent.insert(span.0, span.1);
        if own {
            track.confirmed += count;
        } else {
            self.back_filled += count;
        }
    }

    fn await_receipt(&mut self, now: Mono, flight: &Flight) {
        if !self.stretches.iter().any(|stretch| stretch.epoch == flight.epoch) {
            return;
        }
        let count = self.uncounted(flight);
        let awaited = Awaited::new(flight, count, now);
        let overlapped = self.awaiting[flight.lane as usize].push(awaited);
        for old in &overlapped {
            if let Some(stretch) = self.stretches.iter_mut().find(|stretch| stretch.epoch == old.of.0) {
                let track = stretch.track(flight.lane);
                track.unsend(old.span);
                if old.of.0 == flight.epoch {
                    track.sent.insert(flight.span.0, flight.span.1);
                }
            }
        }
    }

    /// The sum of a message's records that are neither confirmed nor lost.
    fn uncounted(&mut self, flight: &Flight) -> Count {
        let mut count = Count::default();
        if let Some(stretch) = self.stretches.iter_mut().find(|stretch| stretch.epoch == flight.epoch) {
            let track = stretch.track(flight.lane);
            for record in flight.records.iter().filter(|record| !track.acked.contains(record.seq)) {
                count += Count::of(record);
            }
        }
        count
    }

    /// The platform may have what its broker has not confirmed, or what a lost connection gave back. Whether it has any.
    fn receipt_of_flights(&mut self, receipt: &Receipt) -> bool {
        let there = |flight: &Flight| {
            let runs = flight.records.iter().map(|record| (record.seq, record.seq));
            (flight.epoch, flight.lane) == (receipt.epoch, receipt.lane)
                && flight.task.counts()
                && receipt.verdict(runs) == Verdict::There
        };
        let mut any = false;
        for flight in self.flights.values_mut().filter(|flight| there(flight)) {
            flight.receipted = true;
            any = true;
        }
        let returned = take_out(&mut self.returned, there);
        for flight in &returned {
            self.confirm_flight(flight);
        }
        any || !returned.is_empty()
    }
}

/// What messages had that no longer wait must be sent again, except for a span that is accounted for.
pub(super) fn unsend(track: &mut Track, overlapped: &[Awaited], span: (Seq, Seq)) {
    for old in overlapped {
        track.unsend(old.span);
    }
    track.sent.insert(span.0, span.1);
}
