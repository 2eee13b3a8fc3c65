//! What is sent again although the ledger has closed it: numbers that the platform misses after all, and times that it asks for.

use core::time::Duration;

use super::*;
use crate::outbox::receipt::{ReplayEvent, ReplayState, Wish};

/// Ranges that wait to be sent again; a platform that misses more says so again.
const AGAIN_MAX: usize = 64;
/// Wishes at a time, the one under way among them.
const WISHES_MAX: usize = 4;
/// Full messages that the journal brings at a time.
const ANSWER_MESSAGES: u16 = 5;
/// Between the beginnings of two replays: each is told in records.
const REPLAY_PAUSE: Duration = Duration::from_secs(10);

#[derive(Clone, Debug)]
enum Phase {
    /// The first wish waits for its turn.
    Waiting,
    /// Begun: the journal is to be asked where its records are.
    Wanted,
    /// The journal was asked.
    Asked,
    /// What is left to be read.
    Found(VecDeque<((Epoch, Lane), (Seq, Seq))>),
}

#[derive(Clone, Debug)]
pub(super) struct Errands {
    again: VecDeque<((Epoch, Lane), (Seq, Seq))>,
    /// The journal was asked for what is missed: what was never sent goes first, the next time.
    pub(super) yields: bool,
    wishes: VecDeque<Wish>,
    phase: Phase,
    /// Messages of the first wish that wait to leave.
    pub(super) replayed: Returned,
    taken: Count,
    events: Vec<(Wish, Option<Count>)>,
    begin_at: Mono,
}

impl Default for Errands {
    fn default() -> Self {
        Self {
            again: VecDeque::new(),
            yields: false,
            wishes: VecDeque::new(),
            phase: Phase::Waiting,
            replayed: Returned::new(),
            taken: Count::default(),
            events: Vec::new(),
            begin_at: Mono::ZERO,
        }
    }
}

impl Errands {
    /// The platform misses what it had confirmed; what is on its way already is not sent twice.
    pub(super) fn miss(
        &mut self,
        of: (Epoch, Lane),
        ranges: impl Iterator<Item = (Seq, Seq)>,
        flights: &BTreeMap<MessageId, Flight>,
    ) {
        let travels = |span: (Seq, Seq)| {
            let mut again = flights.values().filter(|flight| flight.task == Task::Again);
            again.any(|flight| (flight.epoch, flight.lane) == of && overlap(flight.span, span))
        };
        for span in ranges {
            let known = self.again.iter().any(|(wanted, known)| *wanted == of && overlap(*known, span));
            if !known && !travels(span) && self.again.len() < AGAIN_MAX {
                self.again.push_back((of, span));
            }
        }
    }

    /// A time is wanted again; whether there is room. The same wish twice is one.
    pub(super) fn wish(&mut self, wish: Wish) -> bool {
        let known = self.wishes.iter().any(|known| known.id == wish.id);
        let room = known || (self.wishes.len() < WISHES_MAX && wish.from <= wish.to);
        if room && !known {
            self.wishes.push_back(wish);
        }
        room
    }

    /// The wish under way.
    pub(super) fn id(&self) -> Option<Arc<str>> {
        self.wishes.front().map(|wish| Arc::clone(&wish.id))
    }

    pub(super) fn taken(&mut self, flight: &Flight) {
        self.taken += flight.count();
    }

    /// Begins the next replay when it is time.
    pub(super) fn timeout(&mut self, now: Mono) {
        if let Phase::Waiting = self.phase
            && now >= self.begin_at
            && let Some(wish) = self.wishes.front()
        {
            self.events.push((wish.clone(), None));
            self.begin_at = now + REPLAY_PAUSE;
            self.phase = Phase::Wanted;
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Mono> {
        let waits = matches!(self.phase, Phase::Waiting) && !self.wishes.is_empty();
        waits.then_some(self.begin_at)
    }

    fn is_ended(&self) -> bool {
        matches!(&self.phase, Phase::Found(spans) if spans.is_empty()) && self.replayed.is_empty()
    }

    fn end(&mut self) {
        if let Some(wish) = self.wishes.pop_front() {
            self.events.push((wish, Some(core::mem::take(&mut self.taken))));
        }
        self.phase = Phase::Waiting;
    }
}

impl Forwarder {
    /// Where the journal has records of the time that was asked for.
    pub(in crate::outbox) fn located(&mut self, spans: Vec<(Epoch, Lane, Seq, Seq)>) {
        if let Phase::Asked = self.errands.phase {
            let spans = spans.into_iter().map(|(epoch, lane, first, last)| ((epoch, lane), (first, last)));
            self.errands.phase = Phase::Found(spans.filter(|(_, span)| span.0 <= span.1).collect());
        }
    }

    /// What is to be told of replays.
    pub(in crate::outbox) fn take_replay_events(&mut self) -> Vec<ReplayEvent> {
        let uplink = self.uplink;
        let events = core::mem::take(&mut self.errands.events).into_iter();
        events.map(|(wish, ended)| ReplayEvent { uplink, wish, ended }).collect()
    }

    pub(in crate::outbox) fn has_replay_events(&self) -> bool {
        !self.errands.events.is_empty()
    }

    pub(in crate::outbox) fn replay_state(&self) -> Option<ReplayState> {
        let (taken, waiting) = (self.errands.taken, self.errands.wishes.len().saturating_sub(1));
        self.errands.id().map(|id| ReplayState { id, taken, waiting })
    }

    /// The journal will not answer: it is asked again.
    pub(super) fn errands_unanswered(&mut self) {
        if let Phase::Asked = self.errands.phase {
            self.errands.phase = Phase::Wanted;
        }
    }

    /// What the platform misses of a lane although it had confirmed it.
    pub(super) fn again(&mut self, lane: Lane, sources: &Sources<'_>, message: MessageId) -> Option<Output> {
        loop {
            let index = self.errands.again.iter().position(|(of, _)| of.1 == lane)?;
            let (of, (first, last)) = self.errands.again[index];
            let ring = &sources.rings[lane as usize];
            let in_memory = ring.evicted_through(of.0).map_or_else(|| ring.holds(of.0), |gone| gone < first);
            if !in_memory && self.errands.yields {
                return None;
            }
            if !in_memory {
                let last = old::evicted_from(ring, of.0, first).map_or(last, |gone| gone.min(last));
                return self.fetch(sources, (of, (first, last)), Task::Again);
            }
            let (records, through) = ring.take(of.0, (first, last), self.old_fill());
            self.looked(of, (first, through), &records);
            self.errands.again.remove(index);
            if through < last {
                self.errands.again.push_front((of, (through.next(), last)));
            }
            if !records.is_empty() {
                let flight = Flight::of(of, (first, through), records, Task::Again);
                return Some(self.launch(sources.now, message, flight));
            }
        }
    }

    /// What the platform asked for, when nothing else of the past is left to be sent.
    pub(super) fn replay(&mut self, sources: &Sources<'_>, message: MessageId) -> Option<Output> {
        let errands = &self.errands;
        let behind = !self.returned.is_empty() || !self.fetched.is_empty() || !errands.again.is_empty();
        let barred = !self.awaiting.iter().all(Awaiting::lets_back_fill) || !self.pace.allows();
        let asks = self.fetching.is_some_and(|fetching| fetching.task != Task::Replay);
        if errands.wishes.is_empty() || behind || barred || asks || self.back_fill_room().is_none() {
            return None;
        }
        if let Some(flight) = self.errands.replayed.pop_front() {
            return Some(self.launch(sources.now, message, flight));
        }
        if self.errands.is_ended() {
            let travels = self.flights.values().any(|flight| flight.task == Task::Replay);
            if !travels {
                self.errands.end();
            }
            return None;
        }
        match &self.errands.phase {
            Phase::Waiting | Phase::Asked => None,
            Phase::Wanted => {
                let wish = self.errands.wishes.front().filter(|_| sources.journal)?;
                let output = Output::Find { uplink: self.uplink, from: wish.from, to: wish.to };
                self.errands.phase = Phase::Asked;
                Some(output)
            }
            Phase::Found(spans) => {
                let wanted = *spans.front()?;
                self.fetch(sources, wanted, Task::Replay)
            }
        }
    }

    /// Records that the journal had for an errand.
    pub(super) fn errand_fetched(
        &mut self,
        task: Task,
        (of, span): ((Epoch, Lane), (Seq, Seq)),
        records: Vec<Arc<Record>>,
    ) {
        match task {
            Task::Live | Task::BackFill => {}
            Task::Again => {
                let index =
                    self.errands.again.iter().position(|wanted| wanted.0 == of && wanted.1.0 == span.0);
                if let Some((_, (_, last))) = index.and_then(|index| self.errands.again.remove(index))
                    && span.1 < last
                {
                    self.errands.again.push_front((of, (span.1.next(), last)));
                }
                self.looked(of, span, &records);
                let messages = self.split((of, task), span, records);
                self.fetched.extend(messages);
            }
            Task::Replay => {
                if let Phase::Found(spans) = &mut self.errands.phase
                    && let Some((_, (_, last))) = spans.pop_front_if(|wanted| wanted.0 == of)
                    && span.1 < last
                {
                    spans.push_front((of, (span.1.next(), last)));
                }
                let Some(wish) = self.errands.wishes.front() else {
                    return;
                };
                let of_the_time = |record: &Arc<Record>| (wish.from..=wish.to).contains(&record.stamp.utc);
                let records = records.into_iter().filter(of_the_time).collect();
                self.errands.replayed = self.split((of, task), span, records);
            }
        }
    }

    fn looked(&mut self, of: (Epoch, Lane), span: (Seq, Seq), records: &[Arc<Record>]) {
        if let Some(stretch) = self.stretches.iter_mut().find(|stretch| stretch.epoch == of.0) {
            stretch.track(of.1).looked(span, records);
        }
    }

    pub(super) fn fetch(
        &mut self,
        sources: &Sources<'_>,
        (of, span): ((Epoch, Lane), (Seq, Seq)),
        task: Task,
    ) -> Option<Output> {
        let full = self.fetched.iter().any(|flight| flight.lane == of.1);
        if !sources.journal || self.fetching.is_some() || full {
            return None;
        }
        self.fetching = Some(Fetching { of, span, task });
        self.errands.yields = task == Task::Again;
        let (epoch, lane) = of;
        // Blocks are read once for several messages.
        let records_max = self.spec.message_records_max.max(1).saturating_mul(ANSWER_MESSAGES);
        Some(Output::Fetch { uplink: self.uplink, epoch, lane, first: span.0, last: span.1, records_max })
    }
}

fn overlap(a: (Seq, Seq), b: (Seq, Seq)) -> bool {
    a.0 <= b.1 && b.0 <= a.1
}
