//! Scenario E: how long after its start the agent polls, with an empty journal and with a full one.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use crate::report::{Figure, Outcome};
use crate::rig::{Options, Rig};
use crate::site::Load;
use crate::stats::ms;
use crate::subject::Who;

/// Memory is read so long after the start: the journal is open by then and the uplink busy with it.
const SETTLE: Duration = Duration::from_secs(10);

pub(crate) fn run(who: Who, options: &Options) -> anyhow::Result<Outcome> {
    let empty = Started::measure(&Rig::new(Load::FAST, options)?, who)?;
    let mut figures = vec![("first_poll_empty_ms", empty.first_poll)];
    if who == Who::Agent {
        let rig = Rig::new(Load::FAST, options)?;
        let filled = fill(&rig, options.journal_records)?;
        let full = Started::measure(&rig, who)?;
        figures.extend(full.figures());
        figures.push(("journal_records", Some(options.journal_records as f64)));
        figures.push(("journal_fill_s", Some(filled.as_secs_f64())));
    } else {
        figures.extend(empty.figures());
    }
    Ok(Outcome { scenario: 'E', who, figures })
}

/// A start, in milliseconds from the birth of the process.
struct Started {
    first_poll: Option<f64>,
    all_polled: f64,
    peak_mb: f64,
}

impl Started {
    fn measure(rig: &Rig, who: Who) -> anyhow::Result<Self> {
        let born = rig.clock.now_us();
        let mut subject = rig.start(who, rig.broker.port)?;
        rig.until_polled(&mut subject, &[])?;
        let all_polled = ms(rig.clock.now_us() - born);
        let first = rig.polled().iter().filter_map(|device| device.served().first().copied()).min();
        std::thread::sleep(SETTLE);
        let peak_mb = subject.usage()?.peak_kb as f64 / 1024.0;
        subject.stop()?;
        Ok(Self { first_poll: first.map(|at| ms(at - born)), all_polled, peak_mb })
    }

    fn figures(&self) -> [Figure; 3] {
        [
            ("first_poll_ms", self.first_poll),
            ("all_polled_ms", Some(self.all_polled)),
            ("rss_peak_mb", Some(self.peak_mb)),
        ]
    }
}

/// Fills the agent's journal in a child, so that the bench's own memory stays small.
pub(crate) fn fill(rig: &Rig, records: u64) -> anyhow::Result<Duration> {
    let since = Instant::now();
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("fill").arg("--dir").arg(rig.state_dir().join("journal"));
    command.arg("--records").arg(records.to_string());
    let status = command.status().context("cannot fill the journal")?;
    if !status.success() {
        bail!("filling the journal ended with {status}");
    }
    Ok(since.elapsed())
}
