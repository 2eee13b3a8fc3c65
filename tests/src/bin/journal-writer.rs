//! Writes records into a journal as fast as it takes them and says which are durable, until it is killed.
//!
//! `journal-writer FOLDER EPOCH [SEED QUOTA_BYTES]`: with a seed it also reads back and saves cursors, in a rhythm of its own.
#![allow(clippy::unwrap_used, missing_docs)]

use std::io::Write as _;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use hazard_agent::journal::{Header, JournalHandle, Order, Report, spawn};
use hazard_agent::settings::Journal;
use hazard_core::id::{Epoch, Seq, UplinkId};
use hazard_core::input::JournalReport;
use hazard_core::outbox::{AckedSet, Lane};

#[path = "../../faults/journal/made.rs"]
mod made;

/// Records handed over and not yet durable.
const AHEAD_MAX: u64 = 2_000;

/// How it writes.
struct Habits {
    commit_within: Duration,
    batch_max: u64,
    /// One batch in so many is urgent.
    urgent_every: u64,
    /// One batch in so many is followed by a question and a cursor; never when 0.
    asks_every: u64,
}

impl Habits {
    fn of(seed: Option<u64>) -> Self {
        let Some(seed) = seed else {
            let commit_within = Duration::from_millis(20);
            return Self { commit_within, batch_max: 100, urgent_every: 4, asks_every: 0 };
        };
        let pick = |what: u64, from: [u64; 3]| from[(made::mix(seed ^ what) % 3) as usize];
        Self {
            commit_within: Duration::from_millis(pick(1 << 60, [2, 20, 100])),
            batch_max: pick(2 << 60, [3, 100, 600]),
            urgent_every: pick(3 << 60, [1, 4, 50]),
            asks_every: pick(4 << 60, [0, 3, 20]),
        }
    }
}

struct Writer {
    epoch: Epoch,
    journal: JournalHandle,
    reports: Receiver<JournalReport>,
    opened: bool,
    durable: u64,
}

fn main() {
    let mut args = std::env::args().skip(1);
    let dir = args.next().unwrap().into();
    let epoch = Epoch(args.next().unwrap().parse().unwrap());
    let seed = args.next().map(|seed| seed.parse().unwrap());
    let quota_bytes = args.next().map_or(1 << 30, |quota| quota.parse().unwrap());
    let habits = Habits::of(seed);
    let keep = Duration::from_secs(1 << 30);
    let commit_within = habits.commit_within;
    let settings = Journal { dir, commit_within, quota_bytes, keep, keep_events: keep, seal: None };
    let header = Header { epoch, dictionary: Arc::default() };
    let (sender, reports) = channel();
    let journal = spawn(settings, header, vec!["district".to_owned()], move |report| {
        if let Report::Core(report) = report {
            tell(&report);
            sender.send(report).unwrap();
        }
    })
    .unwrap();
    Writer { epoch, journal, reports, opened: false, durable: 0 }.write(seed.unwrap_or(0), &habits)
}

impl Writer {
    fn write(mut self, seed: u64, habits: &Habits) -> ! {
        while !self.opened {
            let report = self.reports.recv().unwrap();
            self.hear(report);
        }
        let mut next = 1;
        loop {
            while next > self.durable + AHEAD_MAX {
                let report = self.reports.recv().unwrap();
                self.hear(report);
            }
            while let Ok(report) = self.reports.try_recv() {
                self.hear(report);
            }
            let last = next + made::mix(seed ^ next) % habits.batch_max;
            let records = (next..=last).map(|seq| made::made(self.epoch, seq)).collect();
            let urgent = made::mix(seed ^ last).is_multiple_of(habits.urgent_every);
            self.order(Order::Append { epoch: self.epoch, records, urgent });
            if habits.asks_every > 0 && made::mix(last).is_multiple_of(habits.asks_every) {
                self.ask(made::mix(last ^ seed));
            }
            next = last + 1;
        }
    }

    fn hear(&mut self, report: JournalReport) {
        match report {
            JournalReport::Durable { through } => self.durable = through.0,
            JournalReport::Fetched { records, .. } => {
                let wrong = records.iter().find(|record| **record != made::made(self.epoch, record.seq.0));
                wrong.into_iter().for_each(|record| say(&format!("wrong {}\n", record.seq.0)));
            }
            JournalReport::Opened { .. } => self.opened = true,
            // As the agent does: whoever had the folder may still be letting go of it.
            JournalReport::Failed if !self.opened => {
                let header = Header { epoch: self.epoch, dictionary: Arc::default() };
                self.order(Order::Reopen(header));
            }
            JournalReport::Purged { .. } | JournalReport::Located { .. } | JournalReport::Manifest(_) => {}
            JournalReport::Damaged { .. } => say("wrong 0\n"),
            JournalReport::Failed => say("failed 0\n"),
        }
    }

    /// Reads something durable back, and calls everything up to there confirmed.
    fn ask(&self, dice: u64) {
        let (uplink, epoch) = (UplinkId(0), self.epoch);
        let first = 1 + dice % self.durable.max(1);
        let lane = if dice.is_multiple_of(2) { Lane::Event } else { Lane::Reading };
        let last = Seq(self.durable.max(1));
        self.order(Order::Fetch { uplink, epoch, lane, first: Seq(first), last, records_max: 200 });
        let acked = AckedSet::from_ranges(&[(1, first.min(self.durable))]);
        if self.durable > 0 {
            self.order(Order::SaveCursor { uplink, epoch, acked: [acked.clone(), acked] });
        }
    }

    fn order(&self, mut order: Order) {
        while let Err(full) = self.journal.try_order(order) {
            order = full.0;
            std::thread::yield_now();
        }
    }
}

fn tell(report: &JournalReport) {
    match report {
        JournalReport::Opened { ordinal, .. } => say(&format!("opened {ordinal}\n")),
        JournalReport::Durable { through } => say(&format!("durable {}\n", through.0)),
        JournalReport::Failed
        | JournalReport::Fetched { .. }
        | JournalReport::Located { .. }
        | JournalReport::Manifest(_)
        | JournalReport::Purged { .. }
        | JournalReport::Damaged { .. } => {}
    }
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(line.as_bytes()).unwrap();
    out.flush().unwrap();
}
