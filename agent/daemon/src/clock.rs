//! The only place that reads a clock: monotonic time for delays, wall-clock time and how far it can be believed for stamps.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use hazard_core::{ClockTrust, Mono, Utc};

/// 2026-01-01T00:00:00Z: no gateway runs this program before it was written.
const FLOOR_MS: i64 = 1_767_225_600_000;

/// The gateway's clocks.
#[derive(Clone, Debug)]
pub struct Clock {
    origin: Instant,
    sync_file: PathBuf,
    skew_ms: Arc<AtomicI64>,
}

impl Clock {
    /// Clocks that begin at zero; the wall clock counts as synchronised while `sync_file` exists.
    #[must_use]
    pub fn new(sync_file: PathBuf) -> Self {
        Self { origin: Instant::now(), sync_file, skew_ms: Arc::default() }
    }

    /// The same clocks, with another file that says whether the wall clock is synchronised.
    #[must_use]
    pub fn with_sync_file(&self, sync_file: PathBuf) -> Self {
        Self { sync_file, ..self.clone() }
    }

    /// Monotonic time.
    #[must_use]
    pub fn now(&self) -> Mono {
        Mono::from_micros(u64::try_from(self.origin.elapsed().as_micros()).unwrap_or(u64::MAX))
    }

    /// The moment for a timer of the runtime.
    #[must_use]
    pub fn instant(&self, at: Mono) -> tokio::time::Instant {
        tokio::time::Instant::from_std(self.origin + Duration::from_micros(at.as_micros()))
    }

    /// Wall-clock time.
    #[must_use]
    pub fn utc(&self) -> Utc {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let ms = i64::try_from(unix.as_millis()).unwrap_or(i64::MAX);
        Utc::from_unix_ms(ms.saturating_add(self.skew_ms.load(Ordering::Relaxed)))
    }

    /// Wall-clock time and how far it can be believed; looks for the file that says so.
    #[must_use]
    pub fn wall(&self) -> (Utc, ClockTrust) {
        let utc = self.utc();
        let trust = match (utc.unix_ms() < FLOOR_MS, self.sync_file.exists()) {
            (true, _) => ClockTrust::Unset,
            (false, true) => ClockTrust::Synced,
            (false, false) => ClockTrust::Free,
        };
        (utc, trust)
    }

    /// Shifts the wall clock, for demonstrations of a clock that jumps.
    pub fn jump(&self, by: Duration) {
        self.skew_ms.fetch_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX), Ordering::Relaxed);
    }
}
