//! The journal under measurement.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use anyhow::{Context as _, bail};
use hazard_agent::journal::{Full, Header, JournalHandle, Order, Report, spawn};
use hazard_agent::settings;
use hazard_core::id::{Epoch, Seq};
use hazard_core::input::JournalReport;
use hazard_core::outbox::Record;

const DISK_WITHIN: Duration = Duration::from_secs(60);

pub(crate) struct Journal {
    handle: JournalHandle,
    reports: Receiver<Report>,
    pub(crate) epoch: Epoch,
}

impl Journal {
    pub(crate) fn open(dir: &Path, epoch: u64) -> anyhow::Result<Self> {
        let settings = settings::Journal {
            dir: dir.to_owned(),
            commit_within: Duration::from_secs(10),
            quota_bytes: 1 << 40,
            keep: Duration::from_secs(400 * 86_400),
            keep_events: Duration::from_secs(400 * 86_400),
            seal: None,
        };
        let (sender, reports) = channel();
        let header = Header { epoch: Epoch(epoch), dictionary: Arc::default() };
        let handle = spawn(settings, header, Vec::new(), move |report| drop(sender.send(report)))?;
        let journal = Self { handle, reports, epoch: Epoch(epoch) };
        journal.wait(|report| matches!(report, JournalReport::Opened { .. }).then_some(()))?;
        Ok(journal)
    }

    /// Makes records durable and waits for it.
    pub(crate) fn write(&self, records: Vec<Arc<Record>>) -> anyhow::Result<()> {
        let last = records.last().map_or(Seq(0), |record| record.seq);
        self.order(Order::Append { epoch: self.epoch, records, urgent: true });
        self.wait(|report| match report {
            JournalReport::Durable { through } if through >= last => Some(()),
            _ => None,
        })
    }

    /// Waits for a report.
    pub(crate) fn wait<T>(&self, mut want: impl FnMut(JournalReport) -> Option<T>) -> anyhow::Result<T> {
        loop {
            match self.reports.recv_timeout(DISK_WITHIN).context("the journal says nothing")? {
                Report::Core(JournalReport::Failed) => bail!("the journal failed"),
                Report::Core(report) => {
                    if let Some(found) = want(report) {
                        return Ok(found);
                    }
                }
                Report::Dictionary { .. } | Report::Status(_) => {}
            }
        }
    }

    pub(crate) fn order(&self, order: Order) {
        let mut waiting = order;
        while let Err(Full(back)) = self.handle.try_order(waiting) {
            waiting = back;
            std::thread::yield_now();
        }
    }

    pub(crate) fn close(self) {
        self.handle.close();
    }
}

/// A line of `/proc/self/…`, in bytes.
pub(crate) fn proc_bytes(file: &str, name: &str, unit: u64) -> anyhow::Result<u64> {
    let text = std::fs::read_to_string(format!("/proc/self/{file}"))?;
    let line = text.lines().find_map(|line| line.strip_prefix(name)).context("no such line")?;
    let number = line.trim_start_matches(':').split_whitespace().next().context("no number")?;
    Ok(number.parse::<u64>()? * unit)
}
