//! One platform's forwarder: events before readings, live before back-fill; what a lost connection had not confirmed is sent
//! again under the same numbers, and nothing is forgotten before a confirmation or a stated loss.

mod statement;

use alloc::collections::BTreeMap;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;

use statement::own_loss;

use super::ledger::{Count, UplinkLedger};
use super::record::{Body, Lane, Loss, LossPlace, Record};
use super::ring::{Fill, Ring};
use super::store::{Kept, LostRun};
use super::track::{Flight, Returned, Stretch, Track};
use crate::id::{Epoch, MessageId, Seq, UplinkId};
use crate::input::PastEpoch;
use crate::output::{Output, Publish};
use crate::site::UplinkSpec;

/// Readings in one message at most, whatever the record count: about 30 KB of JSON.
const MESSAGE_READINGS_MAX: u64 = 600;
/// Places in the window that readings leave to events.
const EVENT_PLACES: usize = 4;
/// Losses that wait to be stated; beyond it they are told in wider spans.
const LOST_RUNS_MAX: usize = 32;
const LANES: [Lane; 2] = [Lane::Event, Lane::Reading];

/// What the forwarder may draw on.
pub(super) struct Sources<'a> {
    pub(super) rings: &'a [Ring; 2],
    /// The journal can be asked.
    pub(super) journal: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Forwarder {
    uplink: UplinkId,
    spec: UplinkSpec,
    up: bool,
    stretches: VecDeque<Stretch>,
    flights: BTreeMap<MessageId, Flight>,
    returned: Returned,
    fetching: Option<(Epoch, Lane, (Seq, Seq))>,
    fetched: Returned,
    lost: Vec<(Epoch, LostRun)>,
    /// Losses of this platform in records that it has not confirmed: should such a record be lost, they are stated again.
    unheard: Vec<(Epoch, Seq, Loss)>,
    own_done: UplinkLedger,
    back_filled: Count,
}

impl Forwarder {
    pub(super) fn new(uplink: UplinkId, spec: UplinkSpec, epoch: Epoch) -> Self {
        Self {
            uplink,
            spec,
            up: false,
            stretches: VecDeque::from([Stretch::current(epoch)]),
            flights: BTreeMap::new(),
            returned: Returned::new(),
            fetching: None,
            fetched: Returned::new(),
            lost: Vec::new(),
            unheard: Vec::new(),
            own_done: UplinkLedger::default(),
            back_filled: Count::default(),
        }
    }

    pub(super) const fn is_up(&self) -> bool {
        self.up
    }

    pub(super) fn in_flight(&self) -> usize {
        self.flights.len()
    }

    /// Earlier epochs that the journal found.
    pub(super) fn learn(&mut self, past: &[PastEpoch]) {
        let index = usize::from(self.uplink.0);
        for stretch in &mut self.stretches {
            stretch.fetchable = stretch.last.is_none() || past.iter().any(|past| past.epoch == stretch.epoch);
        }
        let known: Vec<Epoch> = self.stretches.iter().map(|stretch| stretch.epoch).collect();
        for past in past.iter().rev().filter(|past| !known.contains(&past.epoch)) {
            let [events, readings] = past.acked.get(index).cloned().unwrap_or_default();
            self.stretches.push_front(Stretch {
                epoch: past.epoch,
                last: Some(past.last),
                own: false,
                fetchable: true,
                dirty: false,
                lanes: [Track::resumed(events), Track::resumed(readings)],
            });
        }
        self.fetching = None;
    }

    /// The current epoch ended at `last`; `epoch` begins.
    pub(super) fn begin(&mut self, epoch: Epoch, last: Seq) {
        if let Some(current) = self.stretches.back_mut() {
            current.last = Some(last);
            current.fetchable = false;
        }
        self.stretches.push_back(Stretch::current(epoch));
    }

    pub(super) fn offered(&mut self, record: &Record) {
        if let Some(current) = self.stretches.back_mut() {
            current.track(record.lane()).offered += Count::of(record);
            if let Some(loss) = own_loss(self.uplink, record) {
                self.unheard.push((current.epoch, record.seq, loss));
            }
        }
    }

    /// The connection stands: records from `next` on are live.
    pub(super) fn up(&mut self, next: Seq) {
        self.down();
        self.up = true;
        if let Some(current) = self.stretches.back_mut() {
            for track in &mut current.lanes {
                track.live_next = next;
            }
        }
    }

    /// The connection is gone: what was in flight is held for the next one.
    pub(super) fn down(&mut self) {
        self.up = false;
        let flights = core::mem::take(&mut self.flights);
        for (_, flight) in flights.into_iter().rev() {
            self.returned.push_front(Flight { back_fill: true, ..flight });
        }
    }

    pub(super) fn acked(&mut self, message: MessageId) {
        let Some(flight) = self.flights.remove(&message) else {
            return;
        };
        let heard = |seq: Seq| flight.records.iter().any(|record| record.seq == seq);
        self.unheard.retain(|(epoch, seq, _)| *epoch != flight.epoch || !heard(*seq));
        let Some(stretch) = self.stretches.iter_mut().find(|stretch| stretch.epoch == flight.epoch) else {
            return;
        };
        stretch.dirty = true;
        let own = stretch.own;
        let track = stretch.track(flight.lane);
        let mut count = Count::default();
        for record in flight.records.iter().filter(|record| !track.acked.contains(record.seq)) {
            count += Count::of(record);
        }
        track.acked.insert(flight.span.0, flight.span.1);
        if own {
            track.confirmed += count;
        } else {
            self.back_filled += count;
        }
    }

    /// The platform will never take the message.
    pub(super) fn rejected(&mut self, message: MessageId) {
        let Some(flight) = self.flights.remove(&message) else {
            return;
        };
        let mut count = Count::default();
        for record in &flight.records {
            count += Count::of(record);
            self.restate(flight.epoch, record);
        }
        self.lose_run(flight.epoch, LostRun::span(flight.lane, flight.span, count));
        if let Some(stretch) = self.stretches.iter_mut().find(|stretch| stretch.epoch == flight.epoch) {
            stretch.dirty = true;
            stretch.track(flight.lane).lost += count;
            stretch.track(flight.lane).acked.insert(flight.span.0, flight.span.1);
        }
    }

    /// A record left memory without ever having been durable: unless it is confirmed or on its way, it is lost.
    pub(super) fn evicted(&mut self, epoch: Epoch, kept: &Kept) {
        let lane = kept.record.lane();
        let known = self.stretches.iter_mut().find(|stretch| stretch.epoch == epoch);
        if known.is_some_and(|stretch| !stretch.track(lane).sent.contains(kept.record.seq)) {
            self.lose(epoch, kept);
            self.restate(epoch, &kept.record);
        }
    }

    pub(super) fn fetched(&mut self, asked: (Epoch, Lane), through: Seq, records: Vec<Arc<Record>>) {
        let fetching = self.fetching.take_if(|(epoch, lane, _)| (*epoch, *lane) == asked);
        let Some((epoch, lane, (first, last))) = fetching else {
            return;
        };
        // Beyond what was asked for, memory may have what the journal has not.
        let through = through.min(last);
        let Some(stretch) = self.stretches.iter_mut().find(|stretch| stretch.epoch == epoch) else {
            return;
        };
        let track = stretch.track(lane);
        track.sent.insert(first, through);
        if records.is_empty() {
            track.acked.insert(first, through);
            stretch.dirty = true;
        } else {
            self.split((epoch, lane), (first, through), records);
        }
    }

    /// The journal is gone: it will not answer what it was asked.
    pub(super) fn journal_failed(&mut self) {
        self.fetching = None;
    }

    /// The next thing to do for this platform.
    pub(super) fn next(&mut self, sources: &Sources<'_>, message: MessageId) -> Option<Output> {
        self.retire();
        if !self.up {
            return None;
        }
        let window = usize::from(self.spec.window.max(1));
        for lane in LANES {
            let reserved = if lane == Lane::Reading { EVENT_PLACES.min(window - 1) } else { 0 };
            if self.flights.len() + reserved >= window {
                return None;
            }
            // A connection that confirms nothing gives back all that it was given: that goes first, or it would pile up.
            let crowded = self.returned.iter().filter(|flight| flight.lane == lane).count() >= window;
            if !crowded && let Some(flight) = self.live(lane, sources) {
                return Some(self.launch(message, flight));
            }
            let back_filling = self.flights.values().filter(|flight| flight.back_fill).count();
            if back_filling >= (window / 2).max(1) {
                continue;
            }
            if let Some(flight) = self.held(lane) {
                return Some(self.launch(message, flight));
            }
            if let Some(step) = self.back_fill(lane, sources, message) {
                return Some(step);
            }
            self.settle(lane, &sources.rings[lane as usize]);
        }
        None
    }

    /// A cursor that the disk does not have yet.
    ///
    /// It waits until the platform knows what is lost to it: after a power cut, what a cursor has is never looked for again.
    pub(super) fn take_cursor(&mut self) -> Option<Output> {
        if !self.is_heard() {
            return None;
        }
        let stretch = self.stretches.iter_mut().find(|stretch| stretch.dirty)?;
        stretch.dirty = false;
        Some(Output::SaveCursor { uplink: self.uplink, epoch: stretch.epoch, acked: stretch.acked() })
    }

    pub(super) fn has_cursor(&self) -> bool {
        self.is_heard() && self.stretches.iter().any(|stretch| stretch.dirty)
    }

    pub(super) fn take_lost(&mut self) -> Vec<(Epoch, LostRun)> {
        core::mem::take(&mut self.lost)
    }

    pub(super) fn has_lost(&self) -> bool {
        !self.lost.is_empty()
    }

    pub(super) fn ledger(&self) -> UplinkLedger {
        let mut ledger = UplinkLedger { back_filled: self.back_filled, ..self.own_done };
        for track in self.stretches.iter().filter(|stretch| stretch.own).flat_map(|stretch| &stretch.lanes) {
            ledger.confirmed += track.confirmed;
            ledger.lost += track.lost;
            ledger.pending += track.pending();
        }
        ledger
    }

    /// Whether everything up to now is confirmed or stated as lost.
    pub(super) fn is_drained(&self, last: Seq) -> bool {
        self.stretches.iter().all(|stretch| {
            let last = stretch.last.unwrap_or(last);
            stretch.lanes.iter().all(|track| {
                track.pending().is_zero() && (stretch.own || track.acked.first_gap(Seq(1), last).is_none())
            })
        })
    }

    fn fill(&self) -> Fill {
        Fill {
            records_max: usize::from(self.spec.message_records_max.max(1)),
            readings_max: MESSAGE_READINGS_MAX,
        }
    }

    fn launch(&mut self, message: MessageId, flight: Flight) -> Output {
        let publish = Publish {
            uplink: self.uplink,
            message,
            epoch: flight.epoch,
            lane: flight.lane,
            back_fill: flight.back_fill,
            records: flight.records.clone(),
        };
        self.flights.insert(message, flight);
        Output::Publish(publish)
    }

    fn live(&mut self, lane: Lane, sources: &Sources<'_>) -> Option<Flight> {
        let fill = self.fill();
        let stretch = self.stretches.back_mut()?;
        let epoch = stretch.epoch;
        let ring = &sources.rings[lane as usize];
        let track = stretch.track(lane);
        let kept_from = ring.evicted_through(epoch).map_or(Seq(1), Seq::next);
        let first = track.live_next.max(kept_from);
        let (records, _) = ring.take(epoch, (first, Seq(u64::MAX)), fill);
        let last = records.last()?.seq;
        track.live_next = last.next();
        track.sent.insert(first, last);
        Some(Flight { epoch, lane, span: (first, last), records, back_fill: false })
    }

    /// Makes messages of what the journal brought, none larger than a message may be.
    fn split(&mut self, of: (Epoch, Lane), span: (Seq, Seq), records: Vec<Arc<Record>>) {
        let fill = self.fill();
        let (mut first, through) = span;
        let mut message: Vec<Arc<Record>> = Vec::new();
        let mut readings = 0;
        for record in records {
            let full = message.len() >= fill.records_max || readings + record.readings() > fill.readings_max;
            if full && let Some(last) = message.last().map(|record| record.seq) {
                let records = core::mem::take(&mut message);
                let span = (first, last);
                self.fetched.push_back(Flight { epoch: of.0, lane: of.1, span, records, back_fill: true });
                first = last.next();
                readings = 0;
            }
            readings += record.readings();
            message.push(record);
        }
        let span = (first, through);
        self.fetched.push_back(Flight { epoch: of.0, lane: of.1, span, records: message, back_fill: true });
    }

    /// What a lost connection gave back, or the journal brought.
    fn held(&mut self, lane: Lane) -> Option<Flight> {
        if let Some(index) = self.returned.iter().position(|flight| flight.lane == lane) {
            return self.returned.remove(index);
        }
        let index = self.fetched.iter().position(|flight| flight.lane == lane)?;
        self.fetched.remove(index)
    }

    fn back_fill(&mut self, lane: Lane, sources: &Sources<'_>, message: MessageId) -> Option<Output> {
        let fill = self.fill();
        let ring = &sources.rings[lane as usize];
        for index in 0..self.stretches.len() {
            let stretch = &mut self.stretches[index];
            let epoch = stretch.epoch;
            let (closed, fetchable) = (stretch.last, stretch.fetchable);
            let track = stretch.track(lane);
            let last = closed.unwrap_or(Seq(track.live_next.0.saturating_sub(1)));
            let Some((first, last)) = track.sent.first_gap(Seq(1), last) else {
                continue;
            };
            let in_memory = match ring.evicted_through(epoch) {
                Some(evicted) => evicted < first,
                None => closed.is_none() || ring.holds(epoch),
            };
            if in_memory && (closed.is_none() || ring.has_from(epoch, first) || !fetchable) {
                let (records, through) = ring.take(epoch, (first, last), fill);
                track.sent.insert(first, through);
                if records.is_empty() {
                    track.acked.insert(first, through);
                    stretch.dirty = true;
                    continue;
                }
                let flight = Flight { epoch, lane, span: (first, through), records, back_fill: true };
                return Some(self.launch(message, flight));
            }
            if !fetchable {
                // Neither memory nor the journal has them: `retire` states what is missing.
                let last = evicted_from(ring, epoch, first).map_or(last, |evicted| evicted.min(last));
                track.sent.insert(first, last);
                track.acked.insert(first, last);
                stretch.dirty = true;
                if !stretch.own {
                    // Nobody counted them in this run: at most so many.
                    let count = Count { records: last.0 - first.0 + 1, readings: 0 };
                    self.lose_run(epoch, LostRun::span(lane, (first, last), count));
                }
                continue;
            }
            if sources.journal && self.fetching.is_none() && self.fetched.is_empty() {
                // What is still in memory may never have become durable: it is sent from there.
                let last = evicted_from(ring, epoch, first).map_or(last, |evicted| evicted.min(last));
                self.fetching = Some((epoch, lane, (first, last)));
                let records_max = self.spec.message_records_max.max(1);
                return Some(Output::Fetch { uplink: self.uplink, epoch, lane, first, last, records_max });
            }
        }
        None
    }
}

/// The last number of `epoch` that is no longer in memory, if `first` is not either.
fn evicted_from(ring: &Ring, epoch: Epoch, first: Seq) -> Option<Seq> {
    ring.evicted_through(epoch).filter(|evicted| *evicted >= first)
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;
    use crate::Stamp;
    use crate::id::PointId;
    use crate::reading::{NoData, Reading, Sample};

    #[test]
    fn what_the_journal_brings_is_cut_into_messages_that_may_be_sent() {
        let spec = UplinkSpec { name: "district".into(), window: 8, message_records_max: 200 };
        let mut forwarder = Forwarder::new(UplinkId(0), spec, Epoch(1));
        let reading = Reading { point: PointId(0), sample: Sample::Bad(NoData::Stale) };
        let record = |seq| {
            let body = Body::Readings(vec![reading.clone(); 250]);
            Arc::new(Record { seq: Seq(seq), stamp: Stamp::default(), body })
        };
        forwarder.split((Epoch(1), Lane::Reading), (Seq(3), Seq(20)), (5..=9).map(record).collect());
        let spans: Vec<_> =
            forwarder.fetched.iter().map(|flight| (flight.span.0.0, flight.span.1.0)).collect();
        assert_eq!(
            spans,
            [(3, 6), (7, 8), (9, 20)],
            "two records of 250 readings fit, and nothing lies between spans"
        );
    }
}
