//! What is known of the clock of an epoch's run, in a small file beside its header: a header is written when the epoch begins,
//! and the time may be known only later. Records are never changed.

use std::path::Path;

use hazard_core::{ClockOffset, Utc};
use serde::{Deserialize, Serialize};

use super::disk::{Disk, Fault};
use super::mirror::Trust;
use super::slot;
use crate::clock::RunClock;

/// The longest boot id that is believed, in bytes.
const BOOT_ID_MAX: usize = 64;

#[derive(Serialize, Deserialize)]
struct Written {
    boot_id: String,
    origin_us: u64,
    /// The wall clock at the monotonic clock's zero, in milliseconds.
    zero: Option<(i64, Trust)>,
}

pub(super) fn write(path: &Path, clock: &RunClock, disk: &Disk) -> Result<(), Fault> {
    let written = Written {
        boot_id: clock.boot_id.to_string(),
        origin_us: clock.origin_us,
        zero: clock.offset.map(|offset| (offset.zero.unix_ms(), offset.trust.into())),
    };
    let body = postcard::to_stdvec(&written).map_err(|error| Fault::Refused(error.to_string()))?;
    slot::write_whole(path, &body, disk)
}

pub(super) fn read(path: &Path) -> Option<RunClock> {
    let Written { boot_id, origin_us, zero } = postcard::from_bytes(&slot::read_whole(path)?).ok()?;
    if boot_id.len() > BOOT_ID_MAX {
        return None;
    }
    let offset = zero.map(|(ms, trust)| ClockOffset { zero: Utc::from_unix_ms(ms), trust: trust.into() });
    Some(RunClock { boot_id: boot_id.into(), origin_us, offset })
}
