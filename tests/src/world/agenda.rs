//! What happens in the world, and when.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use hazard_core::Mono;
use hazard_core::call::{CallReport, Order};
use hazard_core::id::{BusId, Ticket, UplinkId};
use hazard_core::input::{JournalReport, UplinkReport};
use hazard_core::link::{LinkFault, ReadResult};

#[derive(Debug)]
pub(super) enum Event {
    Reply { bus: BusId, ticket: Ticket, result: ReadResult },
    Written { bus: BusId, ticket: Ticket, result: Result<(), LinkFault> },
    Journal(u64, JournalReport),
    Uplink(UplinkId, UplinkReport),
    Connect(UplinkId),
    Fault,
    Clock,
    Plant,
    Person,
    Call(Order, CallReport),
}

pub(super) struct Entry {
    pub(super) at: Mono,
    order: u64,
    pub(super) run: u64,
    pub(super) event: Event,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.order) == (other.at, other.order)
    }
}
impl Eq for Entry {}
impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Entry {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}

/// The agenda: what happens when, and to which run of the agent.
#[derive(Default)]
pub(super) struct Agenda {
    pub(super) heap: BinaryHeap<Reverse<Entry>>,
    order: u64,
    pub(super) run: u64,
}

impl Agenda {
    pub(super) fn at(&mut self, at: Mono, event: Event) {
        self.order += 1;
        self.heap.push(Reverse(Entry { at, order: self.order, run: self.run, event }));
    }
}
