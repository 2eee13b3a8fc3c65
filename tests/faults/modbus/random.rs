//! Thousands of exchanges with seeded faults: each value names its unit and address, and none may be on the wrong point.

use std::collections::HashMap;
use std::time::Duration;

use hazard_agent::modbus::{Job, Request, Timing, spawn};
use hazard_core::Input;
use hazard_core::id::{BusId, Ticket};
use hazard_core::link::{ReadRequest, Table, WriteRequest};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use super::device::Act;
use super::rig::{Rig, Wiring, assert_no_lie, timing};

const UNITS: u64 = 60;
const TIMEOUT_MS: u64 = 40;
const LATE_WINDOW_MS: u64 = 260;

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ mixed >> 31) % limit
    }

    fn act(&mut self) -> Act {
        // Late, but well within the late window even on a loaded machine.
        let late_ms = 45 + self.below(60);
        match self.below(140) {
            0 => Act::ForeignUnit,
            1 => Act::WrongFunction,
            2 => Act::OneLong,
            3 => Act::BadCheck,
            4 => Act::Truncated,
            5 | 6 => Act::Doubled,
            7 => Act::NoiseBefore,
            8 => Act::Refuse(6),
            9 => Act::Close,
            10 => Act::BlackHole,
            11 => Act::Late(late_ms),
            12 | 13 => Act::LateAside(late_ms),
            _ => Act::Answer,
        }
    }

    fn request(&mut self, unit: u8) -> Request {
        let start = self.below(200) as u16;
        let count = 1 + self.below(3) as u16;
        let table = match self.below(10) {
            0 => Table::Coil,
            1 => Table::Input,
            2 => {
                let coils = (0..count).map(|_| self.below(2) == 1).collect();
                return Request::Write(WriteRequest { unit, start, coils });
            }
            _ => Table::Holding,
        };
        Request::Read(ReadRequest { unit, table, start, count })
    }
}

/// Asks like the core, which leaves a unit that has failed alone, but forgets it now and then.
struct Asker {
    random: Random,
    rested: HashMap<u8, Instant>,
    failed: Option<ReadRequest>,
}

impl Asker {
    fn next(&mut self) -> Request {
        // The same unit and length at once: this is whom a late reply would fool.
        if let Some(failed) = self.failed.take()
            && self.random.below(8) == 0
        {
            return Request::Read(ReadRequest { start: (failed.start + 37) % 200, ..failed });
        }
        let now = Instant::now();
        let mut unit = 1 + self.random.below(UNITS) as u8;
        while self.rested.get(&unit).is_some_and(|until| *until > now) && self.random.below(20) > 0 {
            unit = 1 + self.random.below(UNITS) as u8;
        }
        self.random.request(unit)
    }

    fn failed(&mut self, request: &Request, sent_at: Instant) {
        let unit = match request {
            Request::Read(read) => read.unit,
            Request::Write(write) => write.unit,
            Request::Set(setting) => setting.unit,
        };
        self.rested.insert(unit, sent_at + Duration::from_millis(TIMEOUT_MS + LATE_WINDOW_MS));
        if let Request::Read(read) = request {
            self.failed = Some(*read);
        }
    }
}

async fn exchanges(wiring: Wiring, count: u64, seed: u64) {
    println!("{wiring:?}: seed {seed}");
    let rig = Rig::new(wiring).await;
    let mut asker = Asker { random: Random(seed), rested: HashMap::new(), failed: None };
    let (jobs, job_queue) = mpsc::channel(4);
    let (answers, mut answered) = mpsc::channel(4);
    let (task, stats) = spawn(BusId(7), rig.settings.clone(), job_queue, answers);
    let mut good = 0;
    for ticket in (0..count).map(Ticket) {
        let act = asker.random.act();
        if !(wiring == Wiring::Rtu && act == Act::Close) {
            rig.device.plan(&[act]);
        }
        let (request, sent_at) = (asker.next(), Instant::now());
        let Timing { timeout: answer_within, late_window } = timing(TIMEOUT_MS, LATE_WINDOW_MS);
        let job = Job { ticket, timeout: answer_within, late_window, request: request.clone() };
        jobs.send(job).await.unwrap();
        let input = timeout(Duration::from_secs(60), answered.recv()).await.unwrap().unwrap();
        let context = format!("{wiring:?}, seed {seed}, {ticket:?}, {act:?}");
        if check(&request, ticket, input, &context) {
            good += 1;
        } else {
            asker.failed(&request, sent_at);
        }
    }
    drop(jobs);
    timeout(Duration::from_secs(60), task).await.unwrap().unwrap();
    assert!(answered.recv().await.is_none(), "a job was answered twice");
    let counts = stats.snapshot();
    println!("{wiring:?}: {good} of {count} good, {counts:?}");
    assert_eq!(counts.requests, count);
    assert!(good * 2 > count, "the adapter does not heal: {good} of {count}");
    assert!(good < count, "the script had no effect");
}

fn check(request: &Request, ticket: Ticket, input: Input, context: &str) -> bool {
    match (request, input) {
        (Request::Read(read), Input::Reply { bus: BusId(7), ticket: answered, result }) => {
            assert_eq!(answered, ticket, "{context}");
            assert_no_lie(read, &result, context);
            result.is_ok()
        }
        (Request::Write(_), Input::Written { bus: BusId(7), ticket: answered, result }) => {
            assert_eq!(answered, ticket, "{context}");
            result.is_ok()
        }
        (_, input) => panic!("not the answer to the job: {input:?}, {context}"),
    }
}

fn seed() -> u64 {
    std::env::var("HAZARD_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(20_251)
}

#[tokio::test]
async fn two_thousand_exchanges_over_tcp_put_no_value_on_the_wrong_point() {
    exchanges(Wiring::Tcp, 2000, seed()).await;
}

#[tokio::test]
async fn two_thousand_exchanges_on_a_serial_line_put_no_value_on_the_wrong_point() {
    exchanges(Wiring::Rtu, 2000, seed()).await;
}

#[tokio::test]
async fn two_thousand_exchanges_through_a_serial_server_put_no_value_on_the_wrong_point() {
    exchanges(Wiring::RtuOverTcp, 2000, seed()).await;
}
