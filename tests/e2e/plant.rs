//! A plant that never stands still: a counter rises, and the test opens and closes the gas.

use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::device::Device;
use crate::tools::wait_for;

/// Longer than a poll period, so that no value is overlooked.
const COUNT_EVERY: Duration = Duration::from_millis(450);

pub(crate) struct Plant {
    device: Arc<Mutex<Device>>,
    value: Arc<AtomicU16>,
    stop: Arc<AtomicBool>,
    pub(crate) port: u16,
}

impl Plant {
    /// `CNT-1` begins to rise, `GT-101` reads 2 %LEL.
    pub(crate) fn start() -> Option<Self> {
        let mut device = Device::tcp()?;
        device.set(0, &[1, 20]);
        let port = device.port;
        let device = Arc::new(Mutex::new(device));
        let (value, stop) = (Arc::new(AtomicU16::new(1)), Arc::new(AtomicBool::new(false)));
        let (shared, counted, ended) = (Arc::clone(&device), Arc::clone(&value), Arc::clone(&stop));
        std::thread::spawn(move || {
            while !ended.load(Ordering::Relaxed) {
                std::thread::park_timeout(COUNT_EVERY);
                let next = counted.load(Ordering::Relaxed) + 1;
                shared.lock().unwrap().set(0, &[next]);
                counted.store(next, Ordering::Relaxed);
            }
        });
        Some(Self { device, value, stop, port })
    }

    /// The bus of the site file.
    pub(crate) fn bus(&self) -> String {
        format!("kind = \"tcp\"\nhost = \"127.0.0.1\"\nport = {}", self.port)
    }

    /// What `CNT-1` reads.
    pub(crate) fn counted(&self) -> u16 {
        self.value.load(Ordering::Relaxed)
    }

    /// Waits until the counter has risen by so much; its value then.
    pub(crate) fn count(&self, by: u16) -> u16 {
        let goal = self.counted() + by;
        wait_for("the counter", || (self.counted() >= goal).then(|| self.counted()))
    }

    /// What `GT-101` reads, in tenths of %LEL.
    pub(crate) fn gas(&self, tenths: u16) {
        self.device.lock().unwrap().set(1, &[tenths]);
    }

    /// The horn is de-energised in alarm.
    pub(crate) fn sounds(&self) -> Option<bool> {
        Some(self.device.lock().unwrap().last_coils(3)? == "0")
    }

    pub(crate) fn wait_for_silence(&self) {
        wait_for("the quiet horn", || (!self.sounds()?).then_some(()));
    }

    /// Opens the gas; how long the horn takes to sound.
    pub(crate) fn leak(&self) -> Duration {
        let opened = Instant::now();
        self.gas(600);
        wait_for("the horn", || self.sounds()?.then_some(()));
        opened.elapsed()
    }

    /// The longest time between two polls of the counter since the device has answered so many.
    pub(crate) fn longest_gap_after(&self, polls: usize) -> Duration {
        let asked = self.device.lock().unwrap().asked();
        let gaps = asked.get(polls..).unwrap_or_default().windows(2).map(|pair| pair[1] - pair[0]);
        Duration::from_micros(gaps.max().unwrap_or(u64::MAX))
    }

    /// How often the counter was polled.
    pub(crate) fn polls(&self) -> usize {
        self.device.lock().unwrap().asked().len()
    }
}

impl Drop for Plant {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}
