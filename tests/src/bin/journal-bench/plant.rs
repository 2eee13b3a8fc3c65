//! A typical site: 20 devices with 5 points each, read every second; a value is worth a record when it has moved by half a
//! percent of its range. Half of the devices send floats, half scaled integers.

use std::sync::Arc;

use hazard_core::id::{PointId, Seq};
use hazard_core::outbox::Record;
use hazard_core::outbox::record::{Body, Opening};
use hazard_core::reading::{Quantity, Reading, Sample};
use hazard_core::{ClockTrust, Mono, Stamp, Utc, Value};
use hazard_tests::rng::Rng;

const DEVICES: usize = 20;
const POINTS: usize = 5;
const DEAD_BAND: f64 = 0.5;
/// 2026-01-01.
const BEGIN_MS: u64 = 1_767_225_600_000;

pub(crate) struct Plant {
    rng: Rng,
    next: u64,
    at_us: u64,
    device: usize,
    values: Vec<f64>,
    told: Vec<f64>,
}

impl Plant {
    pub(crate) fn new(seed: u64) -> Self {
        let values = vec![20.0; DEVICES * POINTS];
        Self {
            rng: Rng::new(seed),
            next: 1,
            at_us: 5_000_000,
            device: 0,
            told: vec![-1e3; values.len()],
            values,
        }
    }

    /// The next record.
    pub(crate) fn record(&mut self) -> Arc<Record> {
        loop {
            let device = self.device;
            self.device = (device + 1) % DEVICES;
            // Requests are staggered over the second and jitter by a millisecond.
            self.at_us += 1_000_000 / DEVICES as u64 + self.rng.between(0, 2_000) - 1_000;
            let readings = self.readings(device);
            if self.next == 1 {
                return self.number(Body::Opening(Opening { ordinal: Some(1), previous: Vec::new() }));
            }
            if !readings.is_empty() {
                return self.number(Body::Readings(readings));
            }
        }
    }

    fn readings(&mut self, device: usize) -> Vec<Reading> {
        let mut readings = Vec::new();
        for point in device * POINTS..(device + 1) * POINTS {
            // Back to its level slowly, with noise.
            let noise: f64 = (0..4).map(|_| self.rng.between(0, 1_000) as f64 / 1_000.0 - 0.5).sum();
            let value = self.values[point];
            self.values[point] = value + (20.0 - value) * 0.01 + noise * 0.35;
            if (self.values[point] - self.told[point]).abs() >= DEAD_BAND {
                self.told[point] = self.values[point];
                readings.push(reading(point, self.values[point]));
            }
        }
        readings
    }

    fn number(&mut self, body: Body) -> Arc<Record> {
        let seq = Seq(self.next);
        self.next += 1;
        let mono = Mono::from_micros(self.at_us);
        let utc = Utc::from_unix_ms((BEGIN_MS + self.at_us / 1_000).cast_signed());
        Arc::new(Record { seq, stamp: Stamp { mono, utc, trust: ClockTrust::Synced }, body })
    }
}

fn reading(point: usize, value: f64) -> Reading {
    let sent = if (point / POINTS).is_multiple_of(2) {
        f64::from(value as f32)
    } else {
        (value * 10.0).round() / 10.0
    };
    let value = Value::try_new(sent).unwrap_or(Value::ZERO);
    let point = PointId(u32::try_from(point).unwrap_or(0));
    Reading { point, sample: Sample::Good(Quantity::Number(value)) }
}
