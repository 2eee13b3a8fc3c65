//! Writes records into a journal as fast as it takes them and says which are durable, until it is killed.
#![allow(clippy::unwrap_used, missing_docs)]

use std::io::Write as _;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

use hazard_agent::journal::{Header, Order, Report, spawn};
use hazard_agent::settings::Journal;
use hazard_core::id::{Epoch, Seq};
use hazard_core::input::JournalReport;

#[path = "../../faults/journal/made.rs"]
mod made;

/// Records handed over and not yet durable.
const AHEAD_MAX: u64 = 2_000;

fn main() {
    let mut args = std::env::args().skip(1);
    let dir = args.next().unwrap().into();
    let epoch = Epoch(args.next().unwrap().parse().unwrap());
    let (sender, reports) = channel();
    let settings = Journal {
        dir,
        commit_within: Duration::from_millis(20),
        quota_bytes: 1 << 30,
        keep: Duration::from_secs(1 << 30),
        seal: None,
    };
    let header = Header { epoch, dictionary: Arc::default() };
    let journal = spawn(settings, header, vec!["district".to_owned()], move |report| {
        if let Report::Core(report) = report {
            tell(&report);
            sender.send(report).unwrap();
        }
    })
    .unwrap();
    let (mut next, mut durable) = (1, Seq(0));
    loop {
        while next > durable.0 + AHEAD_MAX {
            if let JournalReport::Durable { through } = reports.recv().unwrap() {
                durable = through;
            }
        }
        while let Ok(JournalReport::Durable { through }) = reports.try_recv() {
            durable = through;
        }
        let last = next + made::mix(next) % 100;
        let records = (next..=last).map(|seq| made::made(epoch, seq)).collect();
        let urgent = made::mix(last).is_multiple_of(4);
        let mut order = Order::Append { epoch, records, urgent };
        while let Err(full) = journal.try_order(order) {
            order = full.0;
            std::thread::yield_now();
        }
        next = last + 1;
    }
}

fn tell(report: &JournalReport) {
    let line = match report {
        JournalReport::Opened { ordinal, .. } => format!("opened {ordinal}\n"),
        JournalReport::Durable { through } => format!("durable {}\n", through.0),
        JournalReport::Failed => "failed 0\n".to_owned(),
        JournalReport::Fetched { .. } | JournalReport::Manifest(_) => return,
    };
    let mut out = std::io::stdout().lock();
    out.write_all(line.as_bytes()).unwrap();
    out.flush().unwrap();
}
