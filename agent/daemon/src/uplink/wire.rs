//! The contract's messages, version 1: docs/platform/contract.md says what each field means. This module writes them;
//! `downlink` reads the two kinds that a platform may send, neither of which can silence, acknowledge, reset or bypass.

mod call;
mod command;
mod config;
mod interlock;
mod json;
mod ledger;
mod names;
mod record;
mod state;
mod upkeep;

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use hazard_core::id::Epoch;
use hazard_core::{Publish, Utc};

use self::names::Names;
pub use self::state::{ActiveAlarm, LISTED_MAX, Reason, State};
use super::topic::{Listen, Stream, Topics};
use crate::clock::RunClock;
use crate::dictionary::Dictionary;
use crate::settings::Identity;

/// The most epochs whose names are remembered. Records of a forgotten one are sent with numbers for names.
pub const EPOCHS_MAX: usize = 128;

/// A message, ready for the broker; always sent with QoS 1.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Encoded {
    /// Where it goes.
    pub topic: Arc<str>,
    /// JSON in UTF-8.
    pub payload: Bytes,
    /// The broker keeps it for whoever subscribes later.
    pub retain: bool,
}

/// Writes a gateway's messages with the names that were valid when each record was made.
#[derive(Debug)]
pub struct Wire {
    identity: Identity,
    gateway: Box<str>,
    topics: Topics,
    /// In the order in which they were learnt.
    chapters: VecDeque<Chapter>,
    current: Option<Epoch>,
    /// The names of an epoch that nobody taught.
    unnamed: Arc<Names>,
}

#[derive(Debug)]
struct Chapter {
    epoch: Epoch,
    /// `{"v":1,"gateway":"GW-01","epoch":"00c0ffee00c0ffee","epoch_no":7,"config":"blake3:…"`
    head: Box<[u8]>,
    names: Arc<Names>,
    clock: Option<RunClock>,
}

impl Wire {
    /// A writer that knows no epoch yet.
    #[must_use]
    pub fn new(identity: Identity) -> Self {
        Self {
            gateway: json::quoted(&identity.gateway),
            topics: Topics::new(&identity),
            identity,
            chapters: VecDeque::with_capacity(EPOCHS_MAX),
            current: None,
            unnamed: Arc::new(Names::new(Arc::default())),
        }
    }

    /// Remembers what the numbers of `epoch` mean, in place of what it knew of that epoch. Beyond [`EPOCHS_MAX`] the one
    /// that was learnt first is forgotten, never the current one.
    pub fn learn(&mut self, epoch: Epoch, ordinal: Option<u64>, dictionary: Arc<Dictionary>) {
        self.chapters.retain(|chapter| chapter.epoch != epoch);
        if self.chapters.len() >= EPOCHS_MAX {
            let forgotten = self.chapters.iter().position(|chapter| Some(chapter.epoch) != self.current);
            self.chapters.remove(forgotten.unwrap_or_default());
        }
        // Most starts have the configuration of the start before: a hundred epochs then share one list of names.
        let twin = self.chapters.iter().find(|chapter| chapter.names.dictionary == dictionary);
        let names =
            twin.map_or_else(|| Arc::new(Names::new(dictionary)), |chapter| Arc::clone(&chapter.names));
        let head = self.head(epoch, ordinal, &names).into();
        self.chapters.push_back(Chapter { epoch, head, names, clock: None });
    }

    /// Remembers what is known of the clock of an epoch that was learnt.
    pub fn time(&mut self, epoch: Epoch, clock: &RunClock) {
        let known = self.chapters.iter_mut().find(|chapter| chapter.epoch == epoch);
        if let Some(chapter) = known {
            chapter.clock = Some(clock.clone());
        }
    }

    /// Says which epoch is running: its uplinks' names go into the messages of all epochs, and it is never forgotten.
    /// Until then the one learnt last counts as running.
    pub fn enter(&mut self, epoch: Epoch) {
        self.current = Some(epoch);
    }

    /// Where the platform says what it has and what it wants.
    #[must_use]
    pub fn listen(&self) -> Listen {
        self.topics.listen()
    }

    /// A message of records.
    #[must_use]
    pub fn publish(&self, publish: &Publish, sent_at: Utc) -> Encoded {
        let mut out = Vec::with_capacity(size_of_records(publish));
        let names = self.open(&mut out, publish.epoch);
        json::raw(&mut out, ",\"uplink\":");
        names::listed(&mut out, &self.running().dictionary.uplinks, publish.uplink.index());
        json::raw(&mut out, ",\"back_fill\":");
        json::scalar(&mut out, &publish.back_fill);
        if let Some(replay) = &publish.replay {
            json::raw(&mut out, ",\"replay\":");
            json::scalar(&mut out, &**replay);
        }
        names::time_field(&mut out, ",\"sent_at\":", sent_at);
        json::raw(&mut out, ",\"records\":");
        let offset = self.clock(publish.epoch).and_then(|clock| clock.offset);
        let write = |out: &mut Vec<u8>, record: &Arc<_>| record::write(out, record, (names, offset));
        state::list(&mut out, publish.records.iter(), write);
        json::raw(&mut out, "}");
        self.encoded(Stream::of_records(publish.lane, publish.back_fill), out)
    }

    /// The state message.
    #[must_use]
    pub fn state(&self, state: &State) -> Encoded {
        let mut out = Vec::with_capacity(1024);
        let names = self.open(&mut out, state.epoch);
        state::write(&mut out, state, names);
        self.encoded(Stream::State, out)
    }

    /// The last will, to be handed over when the connection of `epoch` is made at `written_at`.
    #[must_use]
    pub fn will(&self, epoch: Epoch, written_at: Utc) -> Encoded {
        let mut out = Vec::with_capacity(256);
        self.open(&mut out, epoch);
        state::write_will(&mut out, written_at);
        self.encoded(Stream::State, out)
    }

    /// The names of `epoch`; the same bytes until it is learnt again.
    #[must_use]
    pub fn birth(&self, epoch: Epoch) -> Encoded {
        let mut out = Vec::with_capacity(4096);
        let names = self.open(&mut out, epoch);
        state::write_birth(&mut out, &self.identity, (names, self.clock(epoch)));
        self.encoded(Stream::Birth, out)
    }

    /// Begins a message about `epoch` and returns the names it is written with.
    fn open(&self, out: &mut Vec<u8>, epoch: Epoch) -> &Names {
        match self.chapters.iter().rev().find(|chapter| chapter.epoch == epoch) {
            Some(chapter) => {
                out.extend_from_slice(&chapter.head);
                &chapter.names
            }
            None => {
                out.extend_from_slice(&self.head(epoch, None, &self.unnamed));
                &self.unnamed
            }
        }
    }

    fn clock(&self, epoch: Epoch) -> Option<&RunClock> {
        self.chapters.iter().rev().find(|chapter| chapter.epoch == epoch)?.clock.as_ref()
    }

    fn head(&self, epoch: Epoch, ordinal: Option<u64>, names: &Names) -> Vec<u8> {
        let mut head = Vec::new();
        json::raw(&mut head, "{\"v\":1,\"gateway\":");
        json::raw(&mut head, &self.gateway);
        json::raw(&mut head, ",\"epoch\":");
        record::epoch(&mut head, epoch);
        json::raw(&mut head, ",\"epoch_no\":");
        record::or_null(&mut head, ordinal);
        json::raw(&mut head, ",\"config\":");
        names::config(&mut head, &names.dictionary.config_hash);
        head
    }

    fn running(&self) -> &Names {
        let entered = self.chapters.iter().rev().find(|chapter| Some(chapter.epoch) == self.current);
        entered.or(self.chapters.back()).map_or(&self.unnamed, |chapter| &chapter.names)
    }

    fn encoded(&self, stream: Stream, payload: Vec<u8>) -> Encoded {
        Encoded { topic: self.topics.of(stream), payload: payload.into(), retain: stream.is_retained() }
    }
}

/// A good guess, so that the buffer seldom grows.
fn size_of_records(publish: &Publish) -> usize {
    let readings: u64 = publish.records.iter().map(|record| record.readings()).sum();
    320 + publish.records.len() * 160 + usize::try_from(readings).unwrap_or_default().saturating_mul(44)
}
