//! One platform's forwarder: events before readings, live before back-fill; what a lost connection had not confirmed is sent
//! again under the same numbers, and nothing is forgotten before a confirmation or a stated loss.

mod awaiting;
mod errand;
mod old;
mod pace;
mod receive;
mod statement;

use alloc::collections::BTreeMap;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;

use awaiting::Awaiting;
use errand::Errands;
use pace::Pace;
use statement::own_loss;

use super::ledger::{Count, UplinkLedger};
use super::receipt::HeardCount;
use super::record::{Body, Lane, Loss, LossPlace, Record};
use super::ring::{Fill, Ring};
use super::store::{Kept, LostRun};
use super::track::{Flight, Returned, Stretch, Task, Track};
use crate::Mono;
use crate::id::{Epoch, MessageId, Seq, UplinkId};
use crate::input::PastEpoch;
use crate::output::{Output, Publish};
use crate::site::{Confirm, UplinkSpec};

/// Readings in one message at most, whatever the record count: about 30 KB of JSON.
const MESSAGE_READINGS_MAX: u64 = 600;
/// Places in the window that readings leave to events.
const EVENT_PLACES: usize = 4;
/// Losses that wait to be stated; beyond it they are told in wider spans.
const LOST_RUNS_MAX: usize = 32;
const LANES: [Lane; 2] = [Lane::Event, Lane::Reading];

/// What the forwarder may draw on.
pub(super) struct Sources<'a> {
    pub(super) now: Mono,
    pub(super) rings: &'a [Ring; 2],
    /// The journal can be asked.
    pub(super) journal: bool,
}

/// What the journal was asked for.
#[derive(Clone, Copy, Debug)]
struct Fetching {
    of: (Epoch, Lane),
    span: (Seq, Seq),
    task: Task,
}

#[derive(Clone, Debug)]
pub(super) struct Forwarder {
    uplink: UplinkId,
    spec: UplinkSpec,
    up: bool,
    stretches: VecDeque<Stretch>,
    flights: BTreeMap<MessageId, Flight>,
    returned: Returned,
    fetching: Option<Fetching>,
    fetched: Returned,
    /// Per lane, what waits for the platform's receipt.
    awaiting: [Awaiting; 2],
    errands: Errands,
    pace: Pace,
    heard: HeardCount,
    /// Epochs that were let go of, youngest last.
    retired: VecDeque<Epoch>,
    lost: Vec<(Epoch, LostRun)>,
    /// Losses of this platform in records that it has not confirmed: should such a record be lost, they are stated again.
    unheard: Vec<(Epoch, Seq, Loss)>,
    own_done: UplinkLedger,
    back_filled: Count,
}

impl Forwarder {
    pub(super) fn new(uplink: UplinkId, spec: UplinkSpec, epoch: Epoch) -> Self {
        let share_max = MESSAGE_READINGS_MAX * u64::from(spec.window / 2).max(1);
        let timeout = match spec.confirm {
            Confirm::Puback => None,
            Confirm::Receipt { timeout } => Some(timeout),
        };
        Self {
            uplink,
            spec,
            awaiting: [Awaiting::new(timeout), Awaiting::new(timeout)],
            errands: Errands::default(),
            pace: Pace::new(share_max),
            heard: HeardCount::default(),
            retired: VecDeque::new(),
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
        self.errands_unanswered();
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
    pub(super) fn up(&mut self, now: Mono, next: Seq) {
        self.down();
        self.up = true;
        self.pace.connected();
        for awaiting in &mut self.awaiting {
            awaiting.connected(now);
        }
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
            if flight.receipted {
                self.confirm_flight(&flight);
                continue;
            }
            match flight.task {
                Task::Replay => self.errands.replayed.push_front(flight),
                Task::Again => self.returned.push_front(flight),
                Task::Live | Task::BackFill => {
                    self.returned.push_front(Flight { task: Task::BackFill, ..flight });
                }
            }
        }
    }

    /// A record left memory without ever having been durable: unless it is confirmed or on its way, it is lost.
    pub(super) fn evicted(&mut self, epoch: Epoch, kept: &Kept) {
        let lane = kept.record.lane();
        let known = self.stretches.iter_mut().find(|stretch| stretch.epoch == epoch);
        let sent = |stretch: &mut Stretch| stretch.track(lane).sent.contains(kept.record.seq);
        if known.is_some_and(|stretch| !sent(stretch))
            && !self.awaiting[lane as usize].covers((epoch, lane), kept.record.seq)
        {
            self.lose(epoch, kept);
        }
    }

    pub(super) fn fetched(&mut self, asked: (Epoch, Lane), through: Seq, records: Vec<Arc<Record>>) {
        let Some(Fetching { of, span: (first, last), task }) =
            self.fetching.take_if(|fetching| fetching.of == asked)
        else {
            return;
        };
        // Beyond what was asked for, memory may have what the journal has not.
        let through = through.min(last);
        if !task.counts() {
            self.errand_fetched(task, (of, (first, through)), records);
            return;
        }
        let Some(stretch) = self.stretches.iter_mut().find(|stretch| stretch.epoch == of.0) else {
            return;
        };
        let own = stretch.own;
        let track = stretch.track(of.1);
        track.sent.insert(first, through);
        // Until it is known how much is missing, no cursor may say that it is dealt with.
        track.unstated |= own && track.is_thinned((first, through));
        track.looked((first, through), &records);
        // In an epoch of this run `settle` and `retire` find out.
        let gone = if own { None } else { self.awaiting[of.1 as usize].gone(of, (first, through), &records) };
        if records.is_empty() {
            track.lack((first, through));
            stretch.dirty = true;
            self.awaiting[of.1 as usize].forget(of, (first, through));
        } else {
            let messages = self.split((of, task), (first, through), records);
            self.fetched.extend(messages);
        }
        if let Some((span, records)) = gone {
            self.lose_run(of.0, LostRun::span(of.1, span, Count { records, readings: 0 }));
        }
    }

    /// The journal is gone: it will not answer what it was asked.
    pub(super) fn journal_failed(&mut self) {
        self.fetching = None;
        self.errands_unanswered();
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
                return Some(self.launch(sources.now, message, flight));
            }
            if self.back_fill_room().is_none() {
                continue;
            }
            let limited = lane == Lane::Reading && !self.pace.allows();
            if !limited && let Some(step) = self.old(lane, sources, message) {
                return Some(step);
            }
            self.settle(lane, &sources.rings[lane as usize]);
        }
        // What a platform misses and nobody has must not hold up what it never had: they take turns.
        if self.fetching.is_none() && core::mem::take(&mut self.errands.yields) {
            return self.next(sources, message);
        }
        self.replay(sources, message)
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
        for awaiting in &self.awaiting {
            let own = |epoch| self.stretches.iter().any(|stretch| stretch.own && stretch.epoch == epoch);
            ledger.sent += awaiting.count(own);
        }
        ledger.pending = ledger.pending - ledger.sent;
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

    fn launch(&mut self, now: Mono, message: MessageId, flight: Flight) -> Output {
        if flight.task != Task::Live {
            if flight.lane == Lane::Reading || flight.task == Task::Replay {
                self.pace.spent(now, flight.weight());
            }
            self.awaiting[flight.lane as usize].back_filled();
        }
        let publish = Publish {
            uplink: self.uplink,
            message,
            epoch: flight.epoch,
            lane: flight.lane,
            back_fill: flight.task != Task::Live,
            replay: self.errands.id().filter(|_| flight.task == Task::Replay),
            records: flight.records.clone(),
        };
        self.flights.insert(message, Flight { since: now, ..flight });
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
        Some(Flight::of((epoch, lane), (first, last), records, Task::Live))
    }
}
