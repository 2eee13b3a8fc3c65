//! Serial lines that are late, noisy and crossed, in front of units that pymodbus and libmodbus play: a value that the adapter
//! believes is always the one that was asked for. Most lines are ports, every fourth is a serial server, which passes late
//! answers on to the next connection.
//!
//! `HAZARD_LINE_EXCHANGES` says how many exchanges, `HAZARD_LINES` on how many lines, `HAZARD_LINE_TIMEOUT_MS` how fast; `HAZARD_SEED`
//! repeats the questions of a run.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::pin::Pin;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use hazard_agent::modbus::{Link, LinkStats, Timing};
use hazard_agent::settings::{BusLink, Endpoint, Parity, Serial};
use hazard_core::link::{LinkFault, ReadRequest, Table, Words};
use hazard_field::crc::crc16;
use hazard_tests::power::{asked, seed};
use hazard_tests::rng::Rng;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_serial::{SerialPort as _, SerialStream};

use crate::tools::{free_port, python, skip, tool};

const EXCHANGES: u64 = 4_000;
const LINES: u64 = 48;
const UNITS: u64 = 8;
/// Milliseconds that an answer may take; a busy machine needs as many.
const TIMEOUT_MS: u64 = 100;

/// What the lines and the adapter agree upon.
#[derive(Clone, Copy)]
struct Terms {
    timing: Timing,
    /// Whoever answers later than the late window says lies on any line: an exchange that is over gets no answer later than this
    /// after it began, its wait for the line included. The rest of the window is for the moments that a busy machine takes.
    latest: Duration,
    /// How late the late ones are: beyond the timeout by so many milliseconds.
    late_max_ms: u64,
}

impl Terms {
    fn new() -> Self {
        let ms = asked("HAZARD_LINE_TIMEOUT_MS", TIMEOUT_MS);
        let timeout = Duration::from_millis(ms);
        let timing = Timing { timeout, late_window: timeout * 13 / 2 };
        Self { timing, latest: timeout * 9 / 2, late_max_ms: ms * 3 / 2 }
    }
}

/// What a line does with an answer.
#[derive(Clone, Copy, Debug)]
enum Fault {
    None,
    Late,
    /// Another unit's answer; prompt, since late it could not be told from that unit's own.
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
    late: AtomicU64,
    held_back: AtomicU64,
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
fn no_value_of_a_faulty_line_is_anothers_before_pymodbus() {
    let Some(python) = python() else { return };
    let mut program = Command::new(python);
    program.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/e2e/lines.py"));
    ask_all(program);
}

#[test]
fn no_value_of_a_faulty_line_is_anothers_before_libmodbus() {
    let Some(gcc) = tool("gcc") else { return };
    if !Path::new("/usr/include/modbus/modbus.h").is_file() {
        return skip("libmodbus-dev is not installed");
    }
    let dir = tempfile::tempdir().unwrap();
    let program = dir.path().join("lines");
    let mut build = Command::new(gcc);
    build.args(["-O2", "-Wall", "-Werror", "-I/usr/include/modbus", "-o"]).arg(&program);
    build.args([concat!(env!("CARGO_MANIFEST_DIR"), "/e2e/lines.c"), "-lmodbus", "-lpthread"]);
    assert!(build.status().unwrap().success());
    ask_all(Command::new(program));
}

/// Asks the units of a program that takes its port and tells when it is ready.
fn ask_all(mut program: Command) {
    let port = free_port();
    program.arg(port.to_string()).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut units = Units(program.spawn().unwrap());
    let mut told = BufReader::new(units.0.stdout.take().unwrap()).lines();
    assert_eq!(told.next().unwrap().unwrap(), "ready");
    let (exchanges, lines) = (asked("HAZARD_LINE_EXCHANGES", EXCHANGES), asked("HAZARD_LINES", LINES));
    let (seed, sum) = (seed(), Arc::new(Sum::default()));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let tasks = (0..lines).map(|line| {
            let (rng, sum) = (Rng::new(seed ^ line.wrapping_mul(0x9E37_79B9)), Arc::clone(&sum));
            let share = exchanges.div_ceil(lines);
            tokio::spawn(async move {
                if line % 4 == 3 {
                    through_server(rng, port, share, sum).await;
                } else {
                    on_port(rng, port, share, sum).await;
                }
            })
        });
        for task in tasks.collect::<Vec<_>>() {
            task.await.unwrap();
        }
    });
    let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let (faulty, late, believed) = (read(&sum.faulty), read(&sum.late), read(&sum.believed));
    println!(
        "{} exchanges, {faulty} of them faulty ({late} passed on late, {} held back as later than a line may be): {believed} believed, {} wrong",
        exchanges.div_ceil(lines) * lines,
        read(&sum.held_back),
        read(&sum.wrong)
    );
    assert_eq!(read(&sum.wrong), 0);
    assert!(believed > exchanges / 20 && faulty > exchanges / 2, "{faulty} faulty, {believed} believed");
    assert!(late > exchanges / 100, "{late} late");
}

async fn on_port(rng: Rng, port: u16, exchanges: u64, sum: Arc<Sum>) {
    let (master, slave) = SerialStream::pair().unwrap();
    let path = slave.name().unwrap().into();
    let (input, output) = tokio::io::split(master);
    let mut line = Line::new(rng.clone(), port, sum).await;
    line.gate().output = Some(Box::new(output));
    let gate = Arc::clone(&line.gate);
    let task = tokio::spawn(async move { line.carry(input).await });
    let serial = Serial { path, baud: 115_200, parity: Parity::None, stop_bits: 1 };
    ask(rng, Endpoint::Rtu(serial), exchanges, &gate).await;
    task.abort();
    drop(slave);
}

async fn through_server(rng: Rng, port: u16, exchanges: u64, sum: Arc<Sum>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap().port();
    let mut line = Line::new(rng.clone(), port, sum).await;
    let gate = Arc::clone(&line.gate);
    let task = tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            connection.set_nodelay(true).unwrap();
            let (input, output) = connection.into_split();
            line.gate().output = Some(Box::new(output));
            line.carry(input).await;
        }
    });
    let endpoint = Endpoint::RtuOverTcp { host: "127.0.0.1".to_owned(), port: at };
    ask(rng, endpoint, exchanges, &gate).await;
    task.abort();
}

/// One line: random questions, as fast as it takes them.
async fn ask(mut rng: Rng, endpoint: Endpoint, exchanges: u64, gate: &Mutex<Gate>) {
    let settings = BusLink {
        name: "line".to_owned(),
        endpoint,
        connect_timeout: Duration::from_secs(2),
        pause_after_connect: Duration::ZERO,
        gap: Duration::ZERO,
        pauses: Vec::new(),
    };
    let mut link = Link::new(settings, Arc::new(LinkStats::default()));
    let timing = Terms::new().timing;
    for _ in 0..exchanges {
        let (unit, start) = (rng.between(1, UNITS) as u8, rng.between(0, 250) as u16);
        // Few counts, so that a wrong answer often has the right length.
        let count = rng.between(1, 3) as u16;
        let request = ReadRequest { unit, table: Table::Holding, start, count };
        let sum = lock(gate).begin(frame([unit, 3, 0, start as u8, 0, count as u8]));
        let result = link.read(&request, timing).await;
        lock(gate).end();
        match result {
            Ok(words) => {
                let right = (start..start + count).map(|address| u16::from(unit) << 8 | address & 0xFF);
                let is_right = words == Words::Registers(right.collect());
                sum.believed.fetch_add(1, Ordering::Relaxed);
                sum.wrong.fetch_add(u64::from(!is_right), Ordering::Relaxed);
                let gate = lock(gate);
                assert!(
                    is_right,
                    "{request:?} was answered with {words:?} {:?}; {:?}",
                    gate.began.elapsed(),
                    gate.passed
                );
            }
            Err(LinkFault::Silent | LinkFault::Garbled | LinkFault::Refused(_)) => {}
            Err(LinkFault::Gone) => panic!("the line is gone"),
        }
    }
}

/// Where answers pass on to the adapter, which knows what it asks just now: a busy machine must not make a liar of the line.
struct Gate {
    /// Counts exchanges.
    exchange: u64,
    began: Instant,
    question: Option<[u8; 8]>,
    output: Option<Box<dyn AsyncWrite + Send + Unpin>>,
    /// What passed last, for the words of a failure.
    passed: Option<(Pass, Vec<u8>)>,
    sum: Arc<Sum>,
    terms: Terms,
}

/// An answer's leave to pass.
#[derive(Clone, Copy, Debug)]
struct Pass {
    fault: Fault,
    exchange: u64,
    began: Instant,
}

impl Gate {
    fn begin(&mut self, question: [u8; 8]) -> Arc<Sum> {
        (self.exchange, self.began, self.question) = (self.exchange + 1, Instant::now(), Some(question));
        Arc::clone(&self.sum)
    }

    fn end(&mut self) {
        self.question = None;
    }

    /// What is asked just now, if this is it.
    fn enter(&self, question: [u8; 8], fault: Fault) -> Option<Pass> {
        let pass = Pass { fault, exchange: self.exchange, began: self.began };
        (self.question == Some(question)).then_some(pass)
    }

    fn pass(&mut self, pass: Pass, answer: Vec<u8>) {
        let is_late = self.question.is_none() || self.exchange != pass.exchange;
        let is_foreign = matches!(pass.fault, Fault::ForeignUnit);
        let is_lie = is_late && (is_foreign || pass.began.elapsed() >= self.terms.latest);
        let sum = Arc::clone(&self.sum);
        let count = |counter: &AtomicU64| {
            counter.fetch_add(1, Ordering::Relaxed);
        };
        if is_lie {
            return count(&sum.held_back);
        }
        let Some(output) = &mut self.output else { return };
        let written = Pin::new(output).poll_write(&mut Context::from_waker(Waker::noop()), &answer);
        let is_whole = matches!(written, Poll::Ready(Ok(bytes)) if bytes == answer.len());
        if is_whole && !matches!(pass.fault, Fault::None) {
            count(&sum.faulty);
        }
        if is_whole && is_late {
            count(&sum.late);
        }
        self.passed = Some((pass, answer));
    }
}

fn lock(gate: &Mutex<Gate>) -> std::sync::MutexGuard<'_, Gate> {
    gate.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What lies between the adapter and the units.
struct Line {
    gate: Arc<Mutex<Gate>>,
    units: TcpStream,
    rng: Rng,
    terms: Terms,
}

impl Line {
    async fn new(mut rng: Rng, port: u16, sum: Arc<Sum>) -> Self {
        let units = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        units.set_nodelay(true).unwrap();
        let terms = Terms::new();
        let gate = Gate {
            terms,
            exchange: 0,
            began: Instant::now(),
            question: None,
            output: None,
            passed: None,
            sum,
        };
        Self { gate: Arc::new(Mutex::new(gate)), units, rng: Rng::new(rng.bits()), terms }
    }

    fn gate(&self) -> std::sync::MutexGuard<'_, Gate> {
        lock(&self.gate)
    }

    async fn carry(&mut self, mut input: impl AsyncRead + Unpin) {
        let mut request = [0; 8];
        while input.read_exact(&mut request).await.is_ok() {
            let fault = FAULTS[self.rng.between(0, FAULTS.len() as u64 - 1) as usize];
            let Some(pass) = self.gate().enter(request, fault) else { continue };
            let read_at = Instant::now();
            let mut answer = self.answer(question(request, fault)).await;
            self.spoil(&mut answer, fault);
            let Fault::Late = fault else {
                self.gate().pass(pass, answer);
                continue;
            };
            let Terms { timing, late_max_ms, .. } = self.terms;
            let late = timing.timeout + Duration::from_millis(self.rng.between(1, late_max_ms));
            let gate = Arc::clone(&self.gate);
            // The others on the line are asked meanwhile.
            tokio::spawn(async move {
                sleep_until(read_at + late).await;
                lock(&gate).pass(pass, answer);
            });
        }
    }

    async fn answer(&mut self, question: [u8; 8]) -> Vec<u8> {
        self.units.write_all(&question).await.unwrap();
        let mut answer = vec![0; 5 + 2 * usize::from(question[5])];
        let read = timeout(Duration::from_secs(60), self.units.read_exact(&mut answer)).await;
        read.expect("the units answer").unwrap();
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

/// What the units are asked instead.
fn question([unit, function, _, start, _, count, ..]: [u8; 8], fault: Fault) -> [u8; 8] {
    frame(match fault {
        Fault::ForeignUnit => [unit % UNITS as u8 + 1, function, 0, start, 0, count],
        Fault::ForeignFunction => [unit, 4, 0, start, 0, count],
        Fault::Shorter => [unit, function, 0, start, 0, count % 3 + 1],
        _ => [unit, function, 0, start, 0, count],
    })
}

fn frame([a, b, c, d, e, f]: [u8; 6]) -> [u8; 8] {
    let [low, high] = crc16(&[a, b, c, d, e, f]).to_le_bytes();
    [a, b, c, d, e, f, low, high]
}

fn noise(rng: &mut Rng) -> Vec<u8> {
    (0..rng.between(1, 9)).map(|_| rng.bits() as u8).collect()
}
