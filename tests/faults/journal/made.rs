//! Records that follow from their epoch and number alone, so that a reader can tell what a writer must have written.

use std::sync::Arc;

use hazard_core::id::{AlarmId, Epoch, PointId, Seq};
use hazard_core::outbox::Record;
use hazard_core::outbox::record::{AlarmEvent, AlarmState, Body, Opening};
use hazard_core::reading::{Quantity, Reading, Sample};
use hazard_core::{ClockTrust, Mono, Stamp, Utc, Value};

/// A hash good enough to vary things by (splitmix64).
pub(crate) fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// The record `seq` of `epoch`; every seventh is an event.
pub(crate) fn made(epoch: Epoch, seq: u64) -> Arc<Record> {
    let hash = mix(epoch.0 ^ seq.wrapping_mul(0x1_0001));
    let body = match seq % 7 {
        1 if seq == 1 => Body::Opening(Opening { ordinal: Some(epoch.0), previous: Vec::new() }),
        1 => Body::Alarm(AlarmEvent {
            alarm: AlarmId((hash % 40) as u32),
            from: AlarmState::Normal,
            to: AlarmState::Unacked,
            value: Value::try_new(hash as f64),
            actor: None,
        }),
        _ => Body::Readings((0..=hash % 5).map(|n| reading(hash, n)).collect()),
    };
    let stamp = Stamp {
        mono: Mono::from_millis(seq),
        utc: Utc::from_unix_ms(1_700_000_000_000 + seq as i64),
        trust: ClockTrust::Synced,
    };
    Arc::new(Record { seq: Seq(seq), stamp, body })
}

fn reading(hash: u64, n: u64) -> Reading {
    let raw = mix(hash ^ n);
    let value = Value::try_new((raw % 100_000) as f64 / 100.0).unwrap_or(Value::ZERO);
    Reading { point: PointId(n as u32), sample: Sample::Good(Quantity::Number(value)) }
}
