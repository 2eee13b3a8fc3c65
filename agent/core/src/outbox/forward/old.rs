//! What is not live: what a lost connection gave back, what the journal brings, what was never sent; cut into messages that may be
//! on their way at a time.

use super::*;

/// With fewer messages of a lane waiting, the journal reads on.
pub(super) const READ_ON_BELOW: usize = 8;

/// What was never sent of an epoch's lane.
struct Gap {
    of: (Epoch, Lane),
    span: (Seq, Seq),
    has: Holder,
}

/// Who has it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Holder {
    Memory,
    Journal,
    Nobody,
}

impl Forwarder {
    /// What is not live, of a lane: what came back, what was fetched, what the platform misses, what it never had.
    pub(super) fn old(&mut self, lane: Lane, sources: &Sources<'_>, message: MessageId) -> Option<Output> {
        if !self.awaiting[lane as usize].lets_back_fill() {
            return None;
        }
        if let Some(step) = self.read_on(lane, sources) {
            return Some(step);
        }
        if let Some(flight) = self.held(lane) {
            return Some(self.launch(sources.now, message, flight));
        }
        let again = self.again(lane, sources, message);
        again.or_else(|| self.back_fill(lane, sources, message))
    }

    /// Readings of back-fill that may join those on their way, in half of the window at most.
    pub(super) fn back_fill_room(&self) -> Option<u64> {
        let old = self.flights.values().filter(|flight| flight.task != Task::Live);
        let (messages, weight) = old.fold((0, 0), |sum, flight| (sum.0 + 1, sum.1 + flight.weight()));
        let messages_max = usize::from(self.spec.window / 2).max(1);
        (messages < messages_max).then(|| self.pace.room(weight)).flatten()
    }

    /// A message of back-fill is no larger than what may be on its way.
    pub(super) fn old_fill(&self) -> Fill {
        let fill = self.fill();
        let room = self.pace.room(0).unwrap_or(1);
        let records_max = usize::try_from(room).unwrap_or(usize::MAX);
        Fill { records_max: fill.records_max.min(records_max), readings_max: fill.readings_max.min(room) }
    }

    /// Makes messages of what the journal brought, none larger than a message may be.
    pub(super) fn split(
        &self,
        (of, task): ((Epoch, Lane), Task),
        span: (Seq, Seq),
        records: Vec<Arc<Record>>,
    ) -> Returned {
        let fill = self.old_fill();
        let (mut first, through) = span;
        let mut messages = Returned::new();
        let mut message: Vec<Arc<Record>> = Vec::new();
        let mut readings = 0;
        for record in records {
            let full = message.len() >= fill.records_max || readings + record.readings() > fill.readings_max;
            if full && let Some(last) = message.last().map(|record| record.seq) {
                let records = core::mem::take(&mut message);
                messages.push_back(Flight::of(of, (first, last), records, task));
                first = last.next();
                readings = 0;
            }
            readings += record.readings();
            message.push(record);
        }
        if !message.is_empty() {
            messages.push_back(Flight::of(of, (first, through), message, task));
        }
        messages
    }

    /// What a lost connection gave back, or the journal brought; no more of it than may be on its way.
    fn held(&mut self, lane: Lane) -> Option<Flight> {
        let is = |flight: &Flight| flight.lane == lane;
        let flight = match self.returned.iter().position(is) {
            Some(index) => self.returned.remove(index)?,
            None => self.fetched.iter().position(is).and_then(|index| self.fetched.remove(index))?,
        };
        let of = ((flight.epoch, lane), flight.task);
        let mut parts = self.split(of, flight.span, flight.records);
        let first = parts.pop_front();
        for part in parts.into_iter().rev() {
            self.returned.push_front(part);
        }
        first
    }

    /// The journal reads while what it brought is sent.
    fn read_on(&mut self, lane: Lane, sources: &Sources<'_>) -> Option<Output> {
        if self.fetching.is_some() || !self.fetched.iter().any(|flight| flight.lane == lane) {
            return None;
        }
        let ring = &sources.rings[lane as usize];
        let gap = (0..self.stretches.len()).find_map(|index| self.gap(index, lane, ring));
        let gap = gap.filter(|gap| gap.has == Holder::Journal)?;
        self.fetch(sources, (gap.of, gap.span), Task::BackFill)
    }

    fn back_fill(&mut self, lane: Lane, sources: &Sources<'_>, message: MessageId) -> Option<Output> {
        let fill = self.old_fill();
        let ring = &sources.rings[lane as usize];
        for index in 0..self.stretches.len() {
            let Some(Gap { of, span: (first, last), has }) = self.gap(index, lane, ring) else { continue };
            let stretch = &mut self.stretches[index];
            let track = stretch.track(lane);
            match has {
                Holder::Memory => {
                    let (records, through) = ring.take(of.0, (first, last), fill);
                    track.sent.insert(first, through);
                    if records.is_empty() {
                        track.acked.insert(first, through);
                        stretch.dirty = true;
                        self.awaiting[lane as usize].forget(of, (first, through));
                        continue;
                    }
                    let flight = Flight::of(of, (first, through), records, Task::BackFill);
                    return Some(self.launch(sources.now, message, flight));
                }
                Holder::Nobody => {
                    // `retire` states what is missing.
                    track.lack((first, last));
                    stretch.dirty = true;
                    self.awaiting[lane as usize].forget(of, (first, last));
                    if !stretch.own {
                        // Nobody counted them in this run: at most so many.
                        let count = Count { records: last.0 - first.0 + 1, readings: 0 };
                        self.lose_run(of.0, LostRun::span(lane, (first, last), count));
                    }
                }
                Holder::Journal => {
                    if let Some(step) = self.fetch(sources, (of, (first, last)), Task::BackFill) {
                        return Some(step);
                    }
                }
            }
        }
        None
    }

    /// The first numbers of an epoch's lane that were never sent, as far as one holder has them.
    fn gap(&self, index: usize, lane: Lane, ring: &Ring) -> Option<Gap> {
        let stretch = self.stretches.get(index)?;
        let (epoch, closed) = (stretch.epoch, stretch.last);
        let track = &stretch.lanes[lane as usize];
        let last = closed.unwrap_or(Seq(track.live_next.0.saturating_sub(1)));
        let (first, last) = track.sent.first_gap(Seq(1), last)?;
        let in_memory = match ring.evicted_through(epoch) {
            Some(evicted) => evicted < first,
            None => closed.is_none() || ring.holds(epoch),
        };
        let of = (epoch, lane);
        if in_memory && (closed.is_none() || ring.has_from(epoch, first) || !stretch.fetchable) {
            return Some(Gap { of, span: (first, last), has: Holder::Memory });
        }
        // What is still in memory may never have become durable: it is sent from there.
        let last = evicted_from(ring, epoch, first).map_or(last, |evicted| evicted.min(last));
        let has = if stretch.fetchable { Holder::Journal } else { Holder::Nobody };
        Some(Gap { of, span: (first, last), has })
    }
}

/// The last number of `epoch` that is no longer in memory, if `first` is not either.
pub(super) fn evicted_from(ring: &Ring, epoch: Epoch, first: Seq) -> Option<Seq> {
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
        let spec = UplinkSpec {
            name: "district".into(),
            window: 8,
            message_records_max: 200,
            ..UplinkSpec::default()
        };
        let mut forwarder = Forwarder::new(UplinkId(0), spec, Epoch(1));
        for _ in 0..3 {
            forwarder.pace.landed(Mono::ZERO, Mono::ZERO, Some(MESSAGE_READINGS_MAX));
        }
        let reading = Reading { point: PointId(0), sample: Sample::Bad(NoData::Stale) };
        let record = |seq| {
            let body = Body::Readings(vec![reading.clone(); 250]);
            Arc::new(Record { seq: Seq(seq), stamp: Stamp::default(), body })
        };
        let of = ((Epoch(1), Lane::Reading), Task::BackFill);
        let messages = forwarder.split(of, (Seq(3), Seq(20)), (5..=9).map(record).collect());
        let spans: Vec<_> = messages.iter().map(|flight| (flight.span.0.0, flight.span.1.0)).collect();
        assert_eq!(
            spans,
            [(3, 6), (7, 8), (9, 20)],
            "two records of 250 readings fit, and nothing lies between spans"
        );
    }

    #[test]
    fn the_journal_reads_on_while_messages_wait_and_no_further() {
        let spec = UplinkSpec { window: 8, message_records_max: 4, ..UplinkSpec::default() };
        let mut forwarder = Forwarder::new(UplinkId(0), spec, Epoch(2));
        let past = PastEpoch { epoch: Epoch(1), last: Seq(2_000), acked: Vec::new() };
        forwarder.learn(&[past]);
        forwarder.up(Mono::ZERO, Seq(1));
        for _ in 0..3 {
            forwarder.pace.landed(Mono::ZERO, Mono::ZERO, Some(MESSAGE_READINGS_MAX));
        }
        let reading = Reading { point: PointId(0), sample: Sample::Bad(NoData::Stale) };
        let record = |seq| {
            let body = Body::Readings(vec![reading.clone()]);
            Arc::new(Record { seq: Seq(seq), stamp: Stamp::default(), body })
        };
        let rings = [Ring::new(9), Ring::new(9)];
        let sources = Sources { now: Mono::ZERO, rings: &rings, journal: true };
        // Nothing is confirmed; the journal answers at once.
        let mut published = 0;
        while let Some(step) = forwarder.next(&sources, MessageId(published)) {
            match step {
                Output::Fetch { epoch, lane: Lane::Event, last, .. } => {
                    forwarder.fetched((epoch, Lane::Event), last, Vec::new());
                }
                Output::Fetch { epoch, lane, first, records_max, .. } => {
                    let through = first.0 + u64::from(records_max) - 1;
                    forwarder.fetched((epoch, lane), Seq(through), (first.0..=through).map(record).collect());
                }
                _ => published += 1,
            }
        }
        let waiting = forwarder.fetched.len();
        assert_eq!(published, 4, "half of the window");
        assert!((READ_ON_BELOW..READ_ON_BELOW + 5).contains(&waiting), "{waiting} messages wait");
    }
}
