//! The only place that reads a clock: monotonic time for delays, wall-clock time and how far it can be believed for stamps.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use hazard_core::{ClockOffset, ClockTrust, Mono, Utc};

/// 2026-01-01T00:00:00Z: no gateway runs this program before it was written.
const FLOOR_MS: i64 = 1_767_225_600_000;

/// What the monotonic clock of a run began with, and what it reads in wall-clock time once that is known.
///
/// Times of one boot are in order by `origin_us` + monotonic time, across restarts of the agent and whatever the wall clock did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RunClock {
    /// The kernel's name for this boot; empty where it gives none.
    pub boot_id: Arc<str>,
    /// The machine's time since its boot at the monotonic clock's zero.
    pub origin_us: u64,
    /// What back-dates records that were stamped without a believable clock.
    pub offset: Option<ClockOffset>,
}

/// The gateway's clocks.
#[derive(Clone, Debug)]
pub struct Clock {
    origin: Instant,
    boot_id: Arc<str>,
    origin_us: u64,
    sync_file: PathBuf,
    skew_ms: Arc<AtomicI64>,
}

impl Clock {
    /// Clocks that begin at zero; the wall clock counts as synchronised while `sync_file` exists.
    #[must_use]
    pub fn new(sync_file: PathBuf) -> Self {
        let boot_id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        let boot_id = boot_id.trim().into();
        Self {
            origin: Instant::now(),
            boot_id,
            origin_us: since_boot_us(),
            sync_file,
            skew_ms: Arc::default(),
        }
    }

    /// What this run's monotonic clock began with.
    #[must_use]
    pub fn run(&self) -> RunClock {
        RunClock { boot_id: Arc::clone(&self.boot_id), origin_us: self.origin_us, offset: None }
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

/// Suspended time included, in steps of ten milliseconds; zero where the kernel does not tell.
fn since_boot_us() -> u64 {
    let uptime = std::fs::read_to_string("/proc/uptime").unwrap_or_default();
    let seconds = uptime.split_ascii_whitespace().next().and_then(|text| text.parse::<f64>().ok());
    let since = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}
