//! The platforms: what they stored, under which numbers, and connections that break with confirmations on their way.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use hazard_core::Utc;
use hazard_core::id::{Epoch, MessageId, Seq, UplinkId};
use hazard_core::input::UplinkReport;
use hazard_core::outbox::receipt::{Receipt, Request};
use hazard_core::outbox::record::{Body, Loss, LossPlace, Wish};
use hazard_core::outbox::{Lane, Record};
use hazard_core::output::Publish;

use super::site::RECEIPTS;
use crate::rng::Rng;

#[derive(Clone, Debug, Default)]
struct Platform {
    connected: bool,
    doomed: bool,
    /// What came since the last receipt, as epochs and lanes.
    news: BTreeSet<(Epoch, Lane)>,
    waiting: HashMap<MessageId, ()>,
    records: BTreeMap<(Epoch, Seq), Arc<Record>>,
}

#[derive(Clone, Debug)]
pub(super) struct Broker {
    platforms: Vec<Platform>,
    healthy: bool,
}

impl Platform {
    /// It cannot tell of which lane a number is that it does not have.
    fn receipt(&self, epoch: Epoch, lane: Lane) -> Receipt {
        let of_epoch = || self.records.range((epoch, Seq(0))..=(epoch, Seq(u64::MAX)));
        let last = of_epoch().rev().find(|(_, record)| record.lane() == lane);
        let mut through = last.map(|((_, seq), _)| *seq).unwrap_or_default();
        let (mut missing, mut next) = (Vec::new(), Seq(1));
        for seq in of_epoch().map(|((_, seq), _)| *seq).take_while(|seq| *seq <= through) {
            let gap = (next, Seq(seq.0.saturating_sub(1)));
            if seq > next {
                missing.push(gap);
            }
            next = seq.next();
        }
        if let Some((first, _)) = missing.get(Receipt::MISSING_MAX) {
            through = Seq(first.0 - 1);
            missing.truncate(Receipt::MISSING_MAX);
        }
        Receipt { epoch, lane, through, missing }
    }
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
        for platform in &mut self.platforms {
            platform.news = platform.records.iter().map(|(key, record)| (key.0, record.lane())).collect();
        }
    }

    /// Whether a connection will never get anywhere and must be cut.
    pub(super) fn is_doomed(&self, uplink: UplinkId) -> bool {
        self.platforms[usize::from(uplink.0)].doomed
    }

    /// Stores a message or loses it; returns when its confirmation comes back.
    pub(super) fn publish(
        &mut self,
        publish: &Publish,
        (rng, own): (&mut Rng, &mut Rng),
    ) -> Option<Duration> {
        let platform = &mut self.platforms[usize::from(publish.uplink.0)];
        assert!(platform.connected, "nothing is published without a connection");
        if !self.healthy && rng.chance(2) {
            platform.doomed = true;
            return None;
        }
        // Between its broker and its store a platform that gives receipts may lose a message.
        let forgets = publish.uplink == RECEIPTS && !self.healthy && own.chance(5);
        if !forgets {
            platform.news.insert((publish.epoch, publish.lane));
        }
        for record in publish.records.iter().filter(|_| !forgets) {
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

    /// What the platforms say besides confirming, each after a while: receipts, some of which get lost, and requests.
    pub(super) fn answers(&mut self, now: Utc, rng: &mut Rng) -> Vec<(UplinkId, Duration, UplinkReport)> {
        let healthy = self.healthy;
        let platform = &mut self.platforms[usize::from(RECEIPTS.0)];
        let mut said = Vec::new();
        if !platform.connected {
            return Vec::new();
        }
        for (epoch, lane) in std::mem::take(&mut platform.news) {
            if healthy || !rng.chance(150) {
                said.push(UplinkReport::Receipt(platform.receipt(epoch, lane)));
            }
        }
        if !healthy && rng.chance(10) {
            let from = Utc::from_unix_ms(now.unix_ms() - 60_000);
            let id = format!("{}", rng.bits()).into();
            said.push(UplinkReport::Request(Request::Replay(Wish { id, from, to: now })));
        }
        if healthy || rng.chance(10) {
            let rate = (!healthy && rng.chance(500)).then(|| u32::try_from(rng.between(0, 200)).unwrap());
            said.push(UplinkReport::Request(Request::Rate(rate)));
        }
        if !healthy && rng.chance(10) {
            said.push(UplinkReport::Unread(1));
        }
        let late = |report| (RECEIPTS, Duration::from_millis(rng.between(5, 3_000)), report);
        said.into_iter().map(late).collect()
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
