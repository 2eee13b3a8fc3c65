//! What a bus has seen, counted.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hazard_core::link::LinkFault;

use super::diagnosis::{Cause, Exchange, Medium};
use super::units::{UnitHealth, Units};

/// Counters of one bus since the start; every request ends in exactly one of `replies`, `silent`, `garbled`, `refused`
/// and `gone`.
#[derive(Default, Debug)]
pub struct LinkStats {
    requests: AtomicU64,
    replies: AtomicU64,
    silent: AtomicU64,
    garbled: AtomicU64,
    refused: AtomicU64,
    gone: AtomicU64,
    stray_bytes: AtomicU64,
    connects: AtomicU64,
    connect_failures: AtomicU64,
    took_us: AtomicU64,
    units: Mutex<Units>,
}

/// The counters at one moment.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct LinkCounts {
    /// Requests that the bus was given.
    pub requests: u64,
    /// Requests that were answered, or sent where no answer is due.
    pub replies: u64,
    /// Requests without an answer in time.
    pub silent: u64,
    /// Requests whose answer was not theirs.
    pub garbled: u64,
    /// Requests that the device refused.
    pub refused: u64,
    /// Requests that found no port or connection, or lost it.
    pub gone: u64,
    /// Bytes that nobody had asked for.
    pub stray_bytes: u64,
    /// Ports or connections opened.
    pub connects: u64,
    /// Attempts to open that failed.
    pub connect_failures: u64,
}

impl LinkStats {
    /// How long the last request took on the wire, from its first byte to its answer's last or to the time limit.
    #[must_use]
    pub fn last_took(&self) -> Duration {
        Duration::from_micros(self.took_us.load(Ordering::Relaxed))
    }

    pub(super) fn took(&self, time: Duration) {
        self.took_us.store(u64::try_from(time.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// What a unit did lately.
    #[must_use]
    pub fn unit(&self, unit: u8, medium: Medium) -> UnitHealth {
        self.units.lock().unwrap_or_else(PoisonError::into_inner).health(unit, medium)
    }

    /// What is probably wrong with the line itself.
    #[must_use]
    pub fn causes(&self, medium: Medium) -> Vec<Cause> {
        self.units.lock().unwrap_or_else(PoisonError::into_inner).line(medium)
    }

    pub(super) fn note(&self, exchange: &Exchange<'_>) {
        self.units.lock().unwrap_or_else(PoisonError::into_inner).note(exchange, self.last_took());
    }

    /// Reads all counters, each on its own.
    #[must_use]
    pub fn snapshot(&self) -> LinkCounts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        LinkCounts {
            requests: read(&self.requests),
            replies: read(&self.replies),
            silent: read(&self.silent),
            garbled: read(&self.garbled),
            refused: read(&self.refused),
            gone: read(&self.gone),
            stray_bytes: read(&self.stray_bytes),
            connects: read(&self.connects),
            connect_failures: read(&self.connect_failures),
        }
    }

    pub(super) fn asked(&self) {
        add(&self.requests, 1);
    }

    pub(super) fn ended<T>(&self, result: &Result<T, LinkFault>) {
        let counter = match result {
            Ok(_) => &self.replies,
            Err(LinkFault::Silent) => &self.silent,
            Err(LinkFault::Garbled) => &self.garbled,
            Err(LinkFault::Refused(_)) => &self.refused,
            Err(LinkFault::Gone) => &self.gone,
        };
        add(counter, 1);
    }

    pub(super) fn strayed(&self, bytes: u64) {
        if bytes > 0 {
            add(&self.stray_bytes, bytes);
        }
    }

    pub(super) fn opened(&self) {
        add(&self.connects, 1);
    }

    pub(super) fn not_opened(&self) {
        add(&self.connect_failures, 1);
    }
}

fn add(counter: &AtomicU64, by: u64) {
    counter.fetch_add(by, Ordering::Relaxed);
}
