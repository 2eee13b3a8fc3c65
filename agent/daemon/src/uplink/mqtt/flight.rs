//! What was handed to rumqttc and is not confirmed yet.
//!
//! rumqttc numbers packets 1..=n and around, and wedges for ever when a number comes round while its message is still
//! unconfirmed (rumqtt #1056). So besides the number of open messages, the **span** from the oldest open one to the newest is
//! kept within n: then no number is ever used twice, whatever the order in which the broker confirms.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::time::Instant;

use super::Message;

/// What travels in one packet.
#[derive(Debug)]
pub(super) enum Cargo {
    /// The core's message, and how often the broker has put it off.
    Message(Message, u8),
    /// The state of a retained topic.
    State(Arc<str>),
    /// The will's goodbye.
    Goodbye,
}

struct Slot {
    packet: Option<u16>,
    cargo: Option<Cargo>,
    since: Instant,
}

/// Packets in the order in which they were handed over, from the oldest open one.
pub(super) struct Flight {
    slots: VecDeque<Slot>,
    unnumbered: usize,
    open: usize,
    open_max: usize,
    span_max: usize,
}

impl Flight {
    pub(super) const fn new(open_max: usize, span_max: usize) -> Self {
        Self { slots: VecDeque::new(), unnumbered: 0, open: 0, open_max, span_max }
    }

    pub(super) fn has_room(&self) -> bool {
        self.open < self.open_max && self.slots.len() < self.span_max
    }

    pub(super) fn widen(&mut self, open_max: usize) {
        self.open_max = open_max;
    }

    /// Takes what was handed to rumqttc at `now`.
    pub(super) fn push(&mut self, cargo: Cargo, now: Instant) {
        self.slots.push_back(Slot { packet: None, cargo: Some(cargo), since: now });
        self.unnumbered += 1;
        self.open += 1;
    }

    /// The oldest packet without a number left under this one.
    pub(super) fn sent(&mut self, packet: u16) {
        let index = self.slots.len() - self.unnumbered;
        if let Some(slot) = self.slots.get_mut(index) {
            slot.packet = Some(packet);
            self.unnumbered -= 1;
        }
    }

    /// Ends a packet's flight; `None` if no such packet is open.
    pub(super) fn land(&mut self, packet: u16) -> Option<Cargo> {
        let slot = self.slots.iter_mut().find(|slot| slot.packet == Some(packet) && slot.cargo.is_some())?;
        let cargo = slot.cargo.take();
        self.open -= 1;
        while self.slots.front().is_some_and(|slot| slot.cargo.is_none()) {
            self.slots.pop_front();
        }
        cargo
    }

    /// When the oldest open packet was handed over.
    pub(super) fn oldest_since(&self) -> Option<Instant> {
        self.slots.front().map(|slot| slot.since)
    }

    pub(super) fn carries_state(&self) -> bool {
        self.slots.iter().any(|slot| matches!(slot.cargo, Some(Cargo::State(_))))
    }

    /// What is in flight, if it is a single packet.
    pub(super) fn only_cargo(&self) -> Option<&Cargo> {
        let mut open = self.slots.iter().filter_map(|slot| slot.cargo.as_ref());
        let first = open.next();
        if open.next().is_none() { first } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use hazard_core::id::MessageId;

    #[test]
    fn confirmations_in_any_order_find_their_messages() {
        let mut flight = Flight::new(8, 8);
        for id in 1..=5 {
            flight.push(message(id), Instant::now());
        }
        for packet in 1..=5 {
            flight.sent(packet);
        }
        for packet in [3, 1, 5, 2, 4] {
            assert_eq!(id_of(flight.land(packet)), Some(u64::from(packet)));
            assert_eq!(id_of(flight.land(packet)), None, "a second confirmation finds nothing");
        }
        assert!(flight.oldest_since().is_none());
    }

    #[test]
    fn no_packet_number_comes_round_while_it_is_open() {
        let mut flight = Flight::new(4, 8);
        flight.push(message(1), Instant::now());
        flight.sent(1);
        for packet in 2..=8 {
            assert!(flight.has_room());
            flight.push(message(u64::from(packet)), Instant::now());
            flight.sent(packet);
            flight.land(packet);
        }
        assert!(!flight.has_room(), "the ninth would be number 1 again, which is open");
        flight.land(1);
        assert!(flight.has_room());
    }

    #[test]
    fn a_packet_without_a_number_cannot_land() {
        let mut flight = Flight::new(4, 8);
        flight.push(message(1), Instant::now());
        assert!(flight.land(1).is_none());
        flight.sent(9);
        assert_eq!(id_of(flight.land(9)), Some(1));
    }

    fn message(id: u64) -> Cargo {
        Cargo::Message(Message { id: MessageId(id), topic: "t".into(), payload: Bytes::new() }, 0)
    }

    fn id_of(cargo: Option<Cargo>) -> Option<u64> {
        match cargo {
            Some(Cargo::Message(message, _)) => Some(message.id.0),
            _ => None,
        }
    }
}
