//! The platforms: what they stored, under which numbers, and connections that break with confirmations on their way.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use hazard_core::id::{Epoch, MessageId, Seq, UplinkId};
use hazard_core::outbox::Record;
use hazard_core::outbox::record::{Body, Loss, LossPlace};
use hazard_core::output::Publish;

use crate::rng::Rng;

#[derive(Clone, Debug, Default)]
struct Platform {
    connected: bool,
    doomed: bool,
    waiting: HashMap<MessageId, ()>,
    records: BTreeMap<(Epoch, Seq), Arc<Record>>,
}

#[derive(Clone, Debug)]
pub(super) struct Broker {
    platforms: Vec<Platform>,
    healthy: bool,
}

impl Broker {
    pub(super) fn new(uplinks: usize) -> Self {
        Self { platforms: vec![Platform::default(); uplinks], healthy: false }
    }

    pub(super) fn is_connected(&self, uplink: UplinkId) -> bool {
        self.platforms[usize::from(uplink.0)].connected
    }

    /// Connects; false when it is connected already.
    pub(super) fn connect(&mut self, uplink: UplinkId) -> bool {
        let platform = &mut self.platforms[usize::from(uplink.0)];
        if platform.connected {
            return false;
        }
        platform.doomed = false;
        platform.connected = true;
        true
    }

    pub(super) fn cut(&mut self, uplink: UplinkId) {
        let platform = &mut self.platforms[usize::from(uplink.0)];
        platform.connected = false;
        platform.waiting.clear();
    }

    pub(super) fn power_cut(&mut self) {
        for platform in &mut self.platforms {
            platform.connected = false;
            platform.waiting.clear();
        }
    }

    pub(super) fn heal(&mut self) {
        self.healthy = true;
    }

    /// Whether a connection will never get anywhere and must be cut.
    pub(super) fn is_doomed(&self, uplink: UplinkId) -> bool {
        self.platforms[usize::from(uplink.0)].doomed
    }

    /// Stores a message or loses it; returns when its confirmation comes back.
    pub(super) fn publish(&mut self, publish: &Publish, rng: &mut Rng) -> Option<Duration> {
        let platform = &mut self.platforms[usize::from(publish.uplink.0)];
        assert!(platform.connected, "nothing is published without a connection");
        if !self.healthy && rng.chance(2) {
            platform.doomed = true;
            return None;
        }
        for record in &publish.records {
            let stored =
                platform.records.entry((publish.epoch, record.seq)).or_insert_with(|| Arc::clone(record));
            assert_eq!(stored, record, "law 9: one number never names two records");
        }
        if !self.healthy && rng.chance(3) {
            platform.doomed = true;
            return None;
        }
        platform.waiting.insert(publish.message, ());
        Some(Duration::from_millis(rng.between(2, 60)))
    }

    /// Whether a confirmation still has a connection to arrive on.
    pub(super) fn confirm(&mut self, uplink: UplinkId, message: MessageId) -> bool {
        self.platforms[usize::from(uplink.0)].waiting.remove(&message).is_some()
    }

    pub(super) fn has(&self, uplink: UplinkId, epoch: Epoch, seq: Seq) -> bool {
        self.platforms[usize::from(uplink.0)].records.contains_key(&(epoch, seq))
    }

    /// Losses that concern the platform itself, as it was told of them.
    pub(super) fn losses(&self, uplink: UplinkId) -> Vec<Loss> {
        let records = self.platforms[usize::from(uplink.0)].records.values();
        let loss = |record: &Arc<Record>| match &record.body {
            Body::Loss(loss) if loss.place == LossPlace::Uplink(uplink) => Some(*loss),
            _ => None,
        };
        records.filter_map(loss).collect()
    }

    /// How far ended epochs were durable, as the openings that arrived say.
    pub(super) fn endings(&self, uplink: UplinkId) -> BTreeMap<Epoch, Seq> {
        let records = self.platforms[usize::from(uplink.0)].records.values();
        let named = records.flat_map(|record| match &record.body {
            Body::Opening(opening) => opening.previous.as_slice(),
            _ => &[],
        });
        named.map(|previous| (previous.epoch, previous.durable_through)).collect()
    }

    pub(super) fn delivered(&self) -> u64 {
        self.platforms[0].records.values().map(|record| record.readings()).sum()
    }
}
