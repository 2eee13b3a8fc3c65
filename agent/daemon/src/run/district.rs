//! What the district is told besides records: who we are, what our numbers mean, what stands; and the writing of records.

use std::sync::Arc;
use std::time::Duration;

use hazard_core::id::Epoch;
use hazard_core::input::JournalReport;
use hazard_core::{ClockOffset, Engine, Publish, Utc};

use super::adapters::Adapters;
use crate::clock::{Clock, RunClock};
use crate::config::Loaded;
use crate::dictionary::Dictionary;
use crate::uplink::mqtt::{Retained, Will};
use crate::uplink::wire::{ActiveAlarm, Encoded, Reason, State, Wire};

/// Changes that come in a burst are told together.
const SETTLE: Duration = Duration::from_millis(200);
/// What MQTT adds to topic and payload, generously.
const PACKET_HEAD: usize = 64;
const HEARTBEAT: Duration = Duration::from_secs(60);

/// The uplinks whose packets cannot carry the names of all points, each with the bytes that it would need.
#[must_use]
pub fn birth_too_large(loaded: &Loaded) -> Vec<(String, usize)> {
    let mut wire = Wire::new(loaded.identity.clone());
    let epoch = Epoch(0);
    wire.learn(epoch, None, Arc::new(loaded.dictionary.clone()));
    wire.time(epoch, &RunClock { boot_id: "0".repeat(36).into(), origin_us: u64::MAX, offset: None });
    let birth = wire.birth(epoch);
    let bytes = birth.payload.len() + birth.topic.len() + PACKET_HEAD;
    let small = loaded.uplinks.iter().filter(|uplink| uplink.packet_bytes_max < bytes);
    small.map(|uplink| (uplink.name.clone(), bytes)).collect()
}

pub(super) struct District {
    wire: Wire,
    epoch: Epoch,
    dictionary: Arc<Dictionary>,
    software: Arc<str>,
    since: Utc,
    revision: u64,
    told_at: hazard_core::Mono,
    clock: RunClock,
}

impl District {
    pub(super) fn new(loaded: &Loaded, epoch: Epoch, dictionary: &Arc<Dictionary>, clock: &Clock) -> Self {
        let (now, clock) = (clock.utc(), clock.run());
        let mut wire = Wire::new(loaded.identity.clone());
        wire.learn(epoch, None, Arc::clone(dictionary));
        wire.time(epoch, &clock);
        wire.enter(epoch);
        Self {
            clock,
            wire,
            epoch,
            dictionary: Arc::clone(dictionary),
            software: concat!("hazard-agent ", env!("CARGO_PKG_VERSION")).into(),
            since: now,
            revision: 0,
            told_at: hazard_core::Mono::ZERO,
        }
    }

    /// What the broker tells of our end, orderly or not.
    pub(super) fn will(&self) -> Will {
        let will = self.wire.will(self.epoch, self.since);
        let goodbye = self.wire.state(&self.state(Reason::Stopping, self.since, Vec::new()));
        Will { will: retained(will), goodbye: retained(goodbye), listen: self.wire.listen() }
    }

    /// Tells who we are and what our numbers mean.
    pub(super) fn announce(&mut self, adapters: &mut Adapters, engine: &Engine, now: Utc) {
        adapters.retain(&retained(self.wire.birth(self.epoch)));
        self.tell(adapters, engine, now, Reason::Started);
    }

    /// Tells what changed, when it has settled, and now and then that nothing did.
    pub(super) fn keep_informed(&mut self, adapters: &mut Adapters, engine: &Engine, now: Utc) {
        let passed = engine.reached().since(self.told_at);
        if engine.revision() != self.revision && passed >= SETTLE {
            self.tell(adapters, engine, now, Reason::Changed);
        } else if passed >= HEARTBEAT {
            self.tell(adapters, engine, now, Reason::Heartbeat);
        }
    }

    pub(super) fn learn(&mut self, epoch: Epoch, ordinal: Option<u64>, dictionary: Arc<Dictionary>) {
        self.wire.learn(epoch, ordinal, dictionary);
    }

    /// What the journal knows of an earlier epoch's clock.
    pub(super) fn time(&mut self, epoch: Epoch, clock: &RunClock) {
        self.wire.time(epoch, clock);
    }

    /// What back-dates this run's records; whether that is news.
    pub(super) fn date(&mut self, offset: Option<ClockOffset>) -> bool {
        let news = self.clock.offset != offset;
        if news {
            self.clock.offset = offset;
            self.wire.time(self.epoch, &self.clock);
        }
        news
    }

    /// What the journal has to remember of the running epoch's clock.
    pub(super) fn clock(&self) -> (Epoch, RunClock) {
        (self.epoch, self.clock.clone())
    }

    /// A fresh epoch has begun, or the ordinal of the running one is known.
    pub(super) fn journal_said(&mut self, report: &JournalReport) {
        if let JournalReport::Opened { epoch, ordinal, .. } = report {
            self.epoch = *epoch;
            self.wire.learn(*epoch, Some(*ordinal), Arc::clone(&self.dictionary));
            self.wire.time(*epoch, &self.clock);
            self.wire.enter(*epoch);
            self.revision = u64::MAX;
        }
    }

    pub(super) fn encode(&self, publish: &Publish, now: Utc) -> Encoded {
        self.wire.publish(publish, now)
    }

    fn tell(&mut self, adapters: &mut Adapters, engine: &Engine, now: Utc, reason: Reason) {
        if self.revision == u64::MAX {
            adapters.retain(&retained(self.wire.birth(self.epoch)));
        }
        self.revision = engine.revision();
        self.told_at = engine.reached();
        let alarms = engine.active_alarms().into_iter().map(|active| ActiveAlarm {
            alarm: active.alarm,
            state: active.state,
            since: active.since,
        });
        let state = State {
            conditions: engine.standing_conditions(),
            clock: engine.clock_trust(),
            ..self.state(reason, now, alarms.collect())
        };
        adapters.retain(&retained(self.wire.state(&state)));
    }

    fn state(&self, reason: Reason, now: Utc, alarms: Vec<ActiveAlarm>) -> State {
        State {
            reason,
            since: self.since,
            sent_at: now,
            clock: hazard_core::ClockTrust::Free,
            epoch: self.epoch,
            software: Arc::clone(&self.software),
            alarms,
            conditions: Vec::new(),
        }
    }
}

fn retained(encoded: Encoded) -> Retained {
    Retained { topic: encoded.topic, payload: encoded.payload }
}
