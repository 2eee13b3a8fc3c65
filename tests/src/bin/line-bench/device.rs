//! The far end of a line: devices that answer as fast as the wire carries, and no faster.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use hazard_field::crc::crc16;
use tokio::io::AsyncWriteExt;
use tokio_serial::{SerialPort, SerialStream};

/// A wire.
#[derive(Clone, Copy)]
pub(crate) struct Line {
    pub(crate) baud: u32,
    /// Of one character.
    pub(crate) bits: u32,
    pub(crate) turnaround: Duration,
}

impl Line {
    fn characters(self, count: usize) -> Duration {
        Duration::from_secs_f64(count as f64 * f64::from(self.bits) / f64::from(self.baud))
    }

    /// 3.5 characters, 1.75 ms above 19200 Bd.
    fn silence(self) -> Duration {
        (self.characters(7) / 2).max(Duration::from_micros(1_750))
    }

    /// The least that reading so many registers takes.
    pub(crate) fn exchange(self, registers: u16) -> Duration {
        self.characters(8 + 5 + 2 * usize::from(registers)) + 2 * self.silence() + self.turnaround
    }
}

#[derive(Default, Clone)]
pub(crate) struct Seen {
    pub(crate) answered: usize,
    pub(crate) longest_gap: Duration,
    last: BTreeMap<u8, Instant>,
}

pub(crate) struct Device {
    port: SerialStream,
    seen: Arc<Mutex<Seen>>,
}

impl Device {
    /// The first `living` units answer.
    pub(crate) fn start(line: Line, living: u8) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let guard = runtime.enter();
        let (master, port) = SerialStream::pair().unwrap();
        drop(guard);
        let seen = Arc::new(Mutex::new(Seen::default()));
        let shared = Arc::clone(&seen);
        std::thread::spawn(move || runtime.block_on(serve(master, line, living, &shared)));
        Self { port, seen }
    }

    pub(crate) fn port(&self) -> &str {
        Box::leak(self.port.name().unwrap().into_boxed_str())
    }

    pub(crate) fn count(&self) -> usize {
        self.seen.lock().unwrap().answered
    }

    pub(crate) fn wait_for(&self, count: usize) {
        let limit = Instant::now() + Duration::from_secs(60);
        while self.count() < count {
            assert!(Instant::now() < limit, "the agent asks nothing");
            std::thread::yield_now();
        }
    }

    /// What is seen within the time.
    pub(crate) fn measure(&self, span: Duration) -> Seen {
        let end = Instant::now() + span;
        self.seen.lock().unwrap().longest_gap = Duration::ZERO;
        std::thread::park_timeout(span);
        while Instant::now() < end {
            std::thread::park_timeout(end.saturating_duration_since(Instant::now()));
        }
        self.seen.lock().unwrap().clone()
    }
}

async fn serve(mut master: SerialStream, line: Line, living: u8, seen: &Mutex<Seen>) {
    let mut request = Vec::new();
    loop {
        let mut chunk = [0; 256];
        master.readable().await.unwrap();
        if let Ok(count) = master.try_read(&mut chunk) {
            request.extend_from_slice(&chunk[..count]);
        }
        if request.len() < 8 {
            continue;
        }
        // The program wrote at once; on the wire the last character is through after its time.
        let asked = Instant::now();
        let (unit, registers) = (request[0], u16::from_be_bytes([request[4], request[5]]));
        request.clear();
        if unit > living {
            continue;
        }
        note(&mut seen.lock().unwrap(), unit, asked);
        let mut answer = vec![unit, 3, (2 * registers) as u8];
        answer.extend((0..registers).flat_map(u16::to_be_bytes));
        answer.extend(crc16(&answer).to_le_bytes());
        let begin = asked + line.characters(8) + line.silence() + line.turnaround;
        // A port hands over what it has every eight characters.
        for (index, part) in answer.chunks(8).enumerate() {
            wait_until(begin + line.characters(8 * index + part.len()));
            master.write_all(part).await.unwrap();
        }
        seen.lock().unwrap().answered += 1;
    }
}

fn note(seen: &mut Seen, unit: u8, now: Instant) {
    if let Some(before) = seen.last.insert(unit, now) {
        seen.longest_gap = seen.longest_gap.max(now - before);
    }
}

/// The kernel's sleep, and the last of it awake.
fn wait_until(at: Instant) {
    const AWAKE: Duration = Duration::from_micros(150);
    while let Some(left) = at.checked_duration_since(Instant::now()) {
        if left > AWAKE {
            std::thread::park_timeout(left - AWAKE);
        } else {
            std::hint::spin_loop();
        }
    }
}
