//! The simulated devices: what their registers hold, and what was asked of them and when.

use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Where the level is that the bench raises and lowers.
pub(crate) const LEVEL_AT: u16 = 4;
/// A level in alarm; the set-point is half of it.
pub(crate) const LEVEL_HIGH: u16 = 100;
/// Coils of a device.
const COILS: usize = 64;

/// The one clock of a run: stamps in registers, arrivals and coil writes are compared on it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BenchClock(Instant);

impl BenchClock {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn now_us(self) -> u64 {
        u64::try_from(self.0.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

/// A coil that took another level.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct CoilChange {
    pub(crate) at_us: u64,
    pub(crate) coil: u16,
    pub(crate) energised: bool,
}

/// One simulated device. Registers 0–1 hold when the reply was made, in microseconds; 2–3 count the replies from 1; 4 is
/// the level; every other register changes with each reply.
pub(crate) struct Device {
    pub(crate) clock: BenchClock,
    level: AtomicU16,
    silent: AtomicBool,
    served: Mutex<Vec<u64>>,
    coils: Mutex<Coils>,
}

struct Coils {
    levels: [Option<bool>; COILS],
    changes: Vec<CoilChange>,
}

impl Device {
    pub(crate) fn new(clock: BenchClock) -> Self {
        Self {
            clock,
            level: AtomicU16::new(0),
            silent: AtomicBool::new(false),
            served: Mutex::default(),
            coils: Mutex::new(Coils { levels: [None; COILS], changes: Vec::new() }),
        }
    }

    pub(crate) fn set_level(&self, level: u16) {
        self.level.store(level, Ordering::Relaxed);
    }

    /// From here on the device takes requests and answers none.
    pub(crate) fn fall_silent(&self) {
        self.silent.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_silent(&self) -> bool {
        self.silent.load(Ordering::Relaxed)
    }

    /// When each poll was answered; the counter of a reply is its position from 1.
    pub(crate) fn served(&self) -> Vec<u64> {
        lock(&self.served).clone()
    }

    pub(crate) fn polls(&self) -> usize {
        lock(&self.served).len()
    }

    pub(crate) fn coil_changes(&self) -> Vec<CoilChange> {
        lock(&self.coils).changes.clone()
    }

    /// Answers a poll of registers.
    pub(crate) fn read_registers(&self, start: u16, count: u16) -> impl Iterator<Item = u16> + use<> {
        let now_us = self.clock.now_us();
        let counter = {
            let mut served = lock(&self.served);
            served.push(now_us);
            served.len() as u32
        };
        let (stamp, level) = (now_us as u32, self.level.load(Ordering::Relaxed));
        (0..count).map(move |offset| match start.wrapping_add(offset) {
            0 => (stamp >> 16) as u16,
            1 => stamp as u16,
            2 => (counter >> 16) as u16,
            3 => counter as u16,
            LEVEL_AT => level,
            address => (counter as u16).wrapping_add(address),
        })
    }

    pub(crate) fn coil(&self, coil: u16) -> bool {
        lock(&self.coils).levels.get(usize::from(coil)).copied().flatten().unwrap_or_default()
    }

    pub(crate) fn write_coil(&self, coil: u16, energised: bool) {
        let at_us = self.clock.now_us();
        let mut coils = lock(&self.coils);
        let Some(level) = coils.levels.get_mut(usize::from(coil)) else { return };
        if level.replace(energised) != Some(energised) {
            coils.changes.push(CoilChange { at_us, coil, energised });
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reply_carries_the_next_count_and_its_time() {
        let device = Device::new(BenchClock::start());
        for count in 1..=3_u16 {
            let words: Vec<u16> = device.read_registers(0, 8).collect();
            let served = device.served();
            let at = u64::from(words[0]) << 16 | u64::from(words[1]);
            assert_eq!((at, words[2], words[3]), (*served.last().unwrap(), 0, count));
            assert_eq!(words[5..], [count + 5, count + 6, count + 7]);
        }
    }

    #[test]
    fn a_level_is_seen_by_the_next_poll() {
        let device = Device::new(BenchClock::start());
        assert_eq!(device.read_registers(LEVEL_AT, 1).collect::<Vec<_>>(), [0]);
        device.set_level(LEVEL_HIGH);
        assert_eq!(device.read_registers(LEVEL_AT, 1).collect::<Vec<_>>(), [LEVEL_HIGH]);
    }

    #[test]
    fn a_coil_that_keeps_its_level_has_not_changed() {
        let device = Device::new(BenchClock::start());
        for energised in [true, true, false, false, true] {
            device.write_coil(3, energised);
        }
        device.write_coil(60_000, true);
        let changes: Vec<_> =
            device.coil_changes().iter().map(|change| (change.coil, change.energised)).collect();
        assert_eq!(changes, [(3, true), (3, false), (3, true)]);
    }
}
