//! Serial lines that are late, noisy and crossed, in front of units that pymodbus plays: a value that the adapter believes is
//! always the one that was asked for.
//!
//! `HAZARD_LINE_EXCHANGES` says how many exchanges, `HAZARD_SEED` repeats a run.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hazard_agent::modbus::{Link, LinkStats, Timing};
use hazard_agent::settings::{BusLink, Endpoint, Parity, Serial};
use hazard_core::link::{LinkFault, ReadRequest, Table, Words};
use hazard_field::crc::crc16;
use hazard_tests::power::{asked, seed};
use hazard_tests::rng::Rng;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, ReadHalf, WriteHalf};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_serial::{SerialPort as _, SerialStream};

use crate::tools::{free_port, python};

const EXCHANGES: u64 = 4_000;
const LINES: u64 = 32;
const UNITS: u64 = 8;
const TIMING: Timing =
    Timing { timeout: Duration::from_millis(150), late_window: Duration::from_millis(600) };
/// No answer is passed on later than this after its request: whoever answers later than the late window says lies on any line. The
/// rest of the window is for the moments that a busy machine takes from this test.
const LATEST: Duration = Duration::from_millis(400);
/// The same of what is not late: another unit's answer that also came late could not be told from its own.
const PROMPT: Duration = Duration::from_millis(40);

/// What a line does with an answer.
#[derive(Clone, Copy, Debug)]
enum Fault {
    None,
    Late,
    /// Another unit's answer.
    ForeignUnit,
    /// The answer to another function.
    ForeignFunction,
    /// The answer to a shorter question.
    Shorter,
    Flipped,
    Cut,
    Doubled,
    NoiseBefore,
    NoiseBehind,
    Lost,
}

const FAULTS: [Fault; 11] = [
    Fault::None,
    Fault::Late,
    Fault::ForeignUnit,
    Fault::ForeignFunction,
    Fault::Shorter,
    Fault::Flipped,
    Fault::Cut,
    Fault::Doubled,
    Fault::NoiseBefore,
    Fault::NoiseBehind,
    Fault::Lost,
];

#[derive(Default)]
struct Sum {
    faulty: AtomicU64,
    believed: AtomicU64,
    wrong: AtomicU64,
}

struct Units(Child);

impl Drop for Units {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[test]
fn no_value_of_a_faulty_line_is_anothers() {
    let Some(python) = python() else { return };
    let port = free_port();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/e2e/lines.py");
    let mut units = Command::new(python);
    units.args([script, &port.to_string()]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut units = Units(units.spawn().unwrap());
    let mut told = BufReader::new(units.0.stdout.take().unwrap()).lines();
    assert_eq!(told.next().unwrap().unwrap(), "ready");
    let exchanges = asked("HAZARD_LINE_EXCHANGES", EXCHANGES);
    let (seed, sum) = (seed(), Arc::new(Sum::default()));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let lines = (0..LINES).map(|line| {
            let (rng, sum) = (Rng::new(seed ^ line.wrapping_mul(0x9E37_79B9)), Arc::clone(&sum));
            tokio::spawn(ask(rng, port, exchanges.div_ceil(LINES), sum))
        });
        for line in lines.collect::<Vec<_>>() {
            line.await.unwrap();
        }
    });
    let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let (faulty, believed) = (read(&sum.faulty), read(&sum.believed));
    println!(
        "{exchanges} exchanges, {faulty} of them faulty: {believed} believed, {} wrong",
        read(&sum.wrong)
    );
    assert_eq!(read(&sum.wrong), 0);
    assert!(believed > exchanges / 20 && faulty > exchanges / 2, "{faulty} faulty, {believed} believed");
}

/// One line: random questions, as fast as it takes them.
async fn ask(mut rng: Rng, port: u16, exchanges: u64, sum: Arc<Sum>) {
    let (master, slave) = SerialStream::pair().unwrap();
    let path = slave.name().unwrap().into();
    let (input, output) = tokio::io::split(master);
    let units = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let line = Line {
        input,
        output: Arc::new(Mutex::new(output)),
        units,
        rng: Rng::new(rng.bits()),
        sum: Arc::clone(&sum),
    };
    let task = tokio::spawn(line.carry());
    let serial = Serial { path, baud: 115_200, parity: Parity::None, stop_bits: 1 };
    let settings = BusLink {
        name: "line".to_owned(),
        endpoint: Endpoint::Rtu(serial),
        connect_timeout: Duration::from_secs(2),
        pause_after_connect: Duration::ZERO,
        gap: Duration::ZERO,
        pauses: Vec::new(),
    };
    let mut link = Link::new(settings, Arc::new(LinkStats::default()));
    for _ in 0..exchanges {
        let (unit, start) = (rng.between(1, UNITS) as u8, rng.between(0, 250) as u16);
        // Few counts, so that a wrong answer often has the right length.
        let count = rng.between(1, 3) as u16;
        let request = ReadRequest { unit, table: Table::Holding, start, count };
        match link.read(&request, TIMING).await {
            Ok(words) => {
                let right = (start..start + count).map(|address| u16::from(unit) << 8 | address & 0xFF);
                let is_right = words == Words::Registers(right.collect());
                sum.believed.fetch_add(1, Ordering::Relaxed);
                sum.wrong.fetch_add(u64::from(!is_right), Ordering::Relaxed);
                assert!(is_right, "{request:?} was answered with {words:?}");
            }
            Err(LinkFault::Silent | LinkFault::Garbled | LinkFault::Refused(_)) => {}
            Err(LinkFault::Gone) => panic!("the line is gone"),
        }
    }
    task.abort();
    drop(slave);
}

/// What lies between the adapter and the units.
struct Line {
    input: ReadHalf<SerialStream>,
    output: Arc<Mutex<WriteHalf<SerialStream>>>,
    units: TcpStream,
    rng: Rng,
    sum: Arc<Sum>,
}

impl Line {
    async fn carry(mut self) {
        let mut request = [0; 8];
        while self.input.read_exact(&mut request).await.is_ok() {
            let asked_at = Instant::now();
            let fault = FAULTS[self.rng.between(0, FAULTS.len() as u64 - 1) as usize];
            self.sum.faulty.fetch_add(u64::from(!matches!(fault, Fault::None)), Ordering::Relaxed);
            let mut answer = self.answer(self.question(request, fault)).await;
            self.spoil(&mut answer, fault);
            let (at, latest) = match fault {
                Fault::Late => {
                    let late = Duration::from_millis(self.rng.between(1, 150));
                    (asked_at + TIMING.timeout + late, LATEST)
                }
                _ => (asked_at, PROMPT),
            };
            let output = Arc::clone(&self.output);
            // The others on the line are asked meanwhile.
            tokio::spawn(async move {
                sleep_until(at).await;
                let mut output = output.lock().await;
                if asked_at.elapsed() < latest {
                    let _ = output.write_all(&answer).await;
                }
            });
        }
    }

    /// What the units are asked instead.
    fn question(&self, mut request: [u8; 8], fault: Fault) -> [u8; 8] {
        match fault {
            Fault::ForeignUnit => request[0] = request[0] % UNITS as u8 + 1,
            Fault::ForeignFunction => request[1] = 4,
            Fault::Shorter => request[5] = request[5] % 3 + 1,
            _ => return request,
        }
        let check = crc16(&request[..6]).to_le_bytes();
        request[6..].copy_from_slice(&check);
        request
    }

    async fn answer(&mut self, question: [u8; 8]) -> Vec<u8> {
        self.units.write_all(&question).await.unwrap();
        let mut answer = vec![0; 5 + 2 * usize::from(question[5])];
        let read = timeout(Duration::from_secs(20), self.units.read_exact(&mut answer)).await;
        read.expect("pymodbus answers").unwrap();
        answer
    }

    fn spoil(&mut self, answer: &mut Vec<u8>, fault: Fault) {
        let len = answer.len() as u64;
        match fault {
            Fault::Flipped => {
                let at = self.rng.between(0, len - 1) as usize;
                answer[at] ^= 1 << self.rng.between(0, 7);
            }
            Fault::Cut => answer.truncate(self.rng.between(1, len - 1) as usize),
            Fault::Doubled => answer.extend_from_within(..),
            Fault::NoiseBefore => drop(answer.splice(0..0, noise(&mut self.rng))),
            Fault::NoiseBehind => answer.extend(noise(&mut self.rng)),
            Fault::Lost => answer.clear(),
            Fault::None | Fault::Late | Fault::ForeignUnit | Fault::ForeignFunction | Fault::Shorter => {}
        }
    }
}

fn noise(rng: &mut Rng) -> Vec<u8> {
    (0..rng.between(1, 9)).map(|_| rng.bits() as u8).collect()
}
