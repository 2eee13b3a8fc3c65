//! Fills a journal with readings, as an agent whose platform was away for long would have.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, bail};
use hazard_agent::journal::{Full, Header, JournalHandle, Order, Report, spawn};
use hazard_agent::settings;
use hazard_core::id::{Epoch, PointId, Seq};
use hazard_core::input::JournalReport;
use hazard_core::outbox::Record;
use hazard_core::outbox::record::{Body, Opening};
use hazard_core::reading::{Quantity, Reading, Sample};
use hazard_core::{ClockTrust, Mono, Stamp, Utc, Value};

/// Records handed over and not yet durable.
const AHEAD_MAX: u64 = 20_000;
const BATCH: u64 = 200;
/// Readings of one record: what one device of scenario B sends.
const READINGS: u32 = 10;
const DEVICES: u64 = 200;
/// A disk that makes nothing durable for so long is given up.
const DISK_WITHIN: Duration = Duration::from_secs(60);

/// What to fill.
#[derive(Clone, clap::Args, Debug)]
pub(crate) struct Fill {
    /// The journal's folder.
    #[arg(long)]
    dir: PathBuf,
    /// How many records.
    #[arg(long)]
    records: u64,
}

/// Returns when every record is durable and the journal is closed.
pub(crate) fn run(fill: Fill) -> anyhow::Result<()> {
    std::fs::create_dir_all(&fill.dir)?;
    let now_ms = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?;
    // Twenty minutes of back-fill at most lie in the last month, whatever the retention.
    let first_ms = now_ms - i64::try_from(fill.records)? * PERIOD_MS / i64::try_from(DEVICES)?;
    let settings = settings::Journal {
        dir: fill.dir,
        commit_within: Duration::from_millis(250),
        quota_bytes: 2_048_000_000,
        keep: Duration::from_secs(30 * 86_400),
        keep_events: Duration::from_secs(30 * 86_400),
        seal: None,
    };
    let epoch = Epoch(now_ms.unsigned_abs());
    let (sender, reports) = channel();
    let header = Header { epoch, dictionary: Arc::default() };
    let journal = spawn(settings, header, vec!["district".to_owned()], move |report| {
        if let Report::Core(report) = report {
            drop(sender.send(report));
        }
    })?;
    write((epoch, first_ms), fill.records, &journal, &reports)?;
    journal.close();
    Ok(())
}

/// The poll period of scenario B.
const PERIOD_MS: i64 = 100;

fn write(
    (epoch, first_ms): (Epoch, i64),
    records: u64,
    journal: &JournalHandle,
    reports: &Receiver<JournalReport>,
) -> anyhow::Result<()> {
    let (mut next, mut durable) = (1, 0);
    while durable < records {
        if next <= records && next <= durable + AHEAD_MAX {
            let last = (next + BATCH - 1).min(records);
            let batch = (next..=last).map(|seq| record(seq, first_ms)).collect();
            order(journal, Order::Append { epoch, records: batch, urgent: false });
            next = last + 1;
            while let Ok(report) = reports.try_recv() {
                durable = reached(&report, durable)?;
            }
            continue;
        }
        match reports.recv_timeout(DISK_WITHIN) {
            Ok(report) => durable = reached(&report, durable)?,
            Err(RecvTimeoutError::Timeout) => bail!("only {durable} records became durable"),
            Err(RecvTimeoutError::Disconnected) => bail!("the journal ended at {durable} records"),
        }
    }
    Ok(())
}

/// Waits while the queue is full: the journal takes from it without pause.
fn order(journal: &JournalHandle, order: Order) {
    let mut waiting = order;
    while let Err(Full(back)) = journal.try_order(waiting) {
        waiting = back;
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn reached(report: &JournalReport, durable: u64) -> anyhow::Result<u64> {
    match report {
        JournalReport::Durable { through } => Ok(through.0),
        JournalReport::Opened { .. }
        | JournalReport::Fetched { .. }
        | JournalReport::Located { .. }
        | JournalReport::Manifest(_)
        | JournalReport::Purged { .. }
        | JournalReport::Damaged { .. } => Ok(durable),
        JournalReport::Failed => None.context("the journal failed"),
    }
}

fn record(seq: u64, first_ms: i64) -> Arc<Record> {
    let round = i64::try_from((seq - 1) / DEVICES).unwrap_or(i64::MAX);
    let stamp = Stamp {
        mono: Mono::from_millis(round.unsigned_abs() * PERIOD_MS.unsigned_abs()),
        utc: Utc::from_unix_ms(first_ms + round * PERIOD_MS),
        trust: ClockTrust::Synced,
    };
    let body = if seq == 1 {
        Body::Opening(Opening { ordinal: Some(1), previous: Vec::new() })
    } else {
        Body::Readings((0..READINGS).map(|point| reading(seq, point)).collect())
    };
    Arc::new(Record { seq: Seq(seq), stamp, body })
}

fn reading(seq: u64, point: u32) -> Reading {
    let device = u32::try_from((seq - 1) % DEVICES).unwrap_or_default();
    let raw = (seq / DEVICES).wrapping_add(point.into()) % 65_536;
    let value = Value::try_new(raw as f64).unwrap_or(Value::ZERO);
    Reading { point: PointId(device * READINGS + point), sample: Sample::Good(Quantity::Number(value)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filled_journal_holds_every_record_for_the_next_start() {
        let dir = tempfile::TempDir::new().unwrap();
        let journal_dir = dir.path().join("state/journal");
        run(Fill { dir: journal_dir.clone(), records: 3_000 }).unwrap();
        let (sender, reports) = channel();
        let settings = settings::Journal {
            dir: journal_dir,
            commit_within: Duration::from_millis(250),
            quota_bytes: 2_048_000_000,
            keep: Duration::from_secs(30 * 86_400),
            keep_events: Duration::from_secs(30 * 86_400),
            seal: None,
        };
        let header = Header { epoch: Epoch(2), dictionary: Arc::default() };
        let journal =
            spawn(settings, header, vec!["district".to_owned()], move |report| drop(sender.send(report)))
                .unwrap();
        let opened =
            std::iter::from_fn(|| reports.recv_timeout(DISK_WITHIN).ok()).find_map(|report| match report {
                Report::Core(JournalReport::Opened { previous, .. }) => Some(previous),
                _ => None,
            });
        assert_eq!(opened.unwrap()[0].durable_through, Seq(3_000));
        journal.close();
    }
}
