//! What a typical site's readings take of the disk, and what opening them takes after a kill.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, bail};
use hazard_agent::journal::Order;
use hazard_core::id::{Epoch, Seq, UplinkId};
use hazard_core::input::JournalReport;
use hazard_core::outbox::Lane;
use serde_json::{Value, json};

use crate::plant::Plant;
use crate::site::{Journal, proc_bytes};

#[derive(clap::Args, Debug)]
pub(crate) struct Layout {
    /// How many readings.
    #[arg(long, default_value_t = 5_000_000)]
    readings: u64,
    /// Readings that become durable together: a site like this has about 5 in 250 ms.
    #[arg(long, default_value_t = 1_000)]
    commit: u64,
    /// Where; the system's folder for temporary files unless told.
    #[arg(long)]
    dir: Option<PathBuf>,
}

#[derive(clap::Args, Debug)]
pub(crate) struct Fill {
    #[arg(long)]
    dir: PathBuf,
    #[arg(long)]
    readings: u64,
    #[arg(long)]
    commit: u64,
}

#[derive(clap::Args, Debug)]
pub(crate) struct Open {
    #[arg(long)]
    dir: PathBuf,
}

pub(crate) fn layout(args: Layout) -> anyhow::Result<()> {
    let dir = crate::folder(args.dir)?;
    let journal = dir.path().join("journal");
    let (readings, commit) = (args.readings.to_string(), args.commit.to_string());
    let filled = child(&["fill", "--readings", &readings, "--commit", &commit], &journal)?;
    let on_disk = disk_bytes(&journal)?;
    let opened = child(&["open"], &journal)?;
    let per = |bytes: f64| (bytes / args.readings as f64 * 100.0).round() / 100.0;
    println!(
        "{}",
        json!({"part": "layout", "readings": args.readings, "commit": args.commit,
            "bytes_on_disk_per_reading": per(on_disk as f64),
            "bytes_written_per_reading": per(filled["written"].as_f64().unwrap_or_default()),
            "fill": filled, "open_after_kill": opened})
    );
    Ok(())
}

/// Writes, and ends as by a power cut.
pub(crate) fn fill(args: Fill) -> anyhow::Result<()> {
    let journal = Journal::open(&args.dir, 1)?;
    let mut plant = Plant::new(1);
    let (mut done, mut records, mut waiting) = (0, Vec::new(), 0);
    let begin = Instant::now();
    while done < args.readings {
        let record = plant.record();
        waiting += record.readings();
        records.push(record);
        if waiting >= args.commit {
            journal.write(std::mem::take(&mut records))?;
            done += std::mem::take(&mut waiting);
        }
    }
    let seconds = begin.elapsed().as_secs_f64();
    let told = json!({"seconds": seconds, "written": proc_bytes("io", "write_bytes", 1)?,
        "rss_max_mb": proc_bytes("status", "VmHWM", 1024)? >> 20});
    println!("{told}");
    // Neither destructor nor flush: what is not on disk is not there.
    std::process::abort();
}

/// Opens, writes a day's first records and reads the first and the last ones back.
pub(crate) fn open(args: Open) -> anyhow::Result<()> {
    let begin = Instant::now();
    let journal = Journal::open(&args.dir, 2)?;
    let opened = begin.elapsed();
    let mut plant = Plant::new(2);
    for _ in 0..200 {
        journal.write((0..50).map(|_| plant.record()).collect())?;
    }
    let (uplink, lane, epoch) = (UplinkId(0), Lane::Reading, Epoch(1));
    let (mut first, mut fetched, begin) = (Seq(1), 0, Instant::now());
    while fetched < 200_000 {
        journal.order(Order::Fetch {
            uplink,
            epoch,
            lane,
            first,
            last: Seq(u64::MAX >> 1),
            records_max: 1_000,
        });
        let (through, count) = journal.wait(|report| match report {
            JournalReport::Fetched { through, records, .. } => Some((through, records.len())),
            _ => None,
        })?;
        if count == 0 {
            break;
        }
        (first, fetched) = (through.next(), fetched + count);
    }
    let told = json!({"open_ms": opened.as_secs_f64() * 1e3, "fetched_records": fetched,
        "fetch_records_per_s": (fetched as f64 / begin.elapsed().as_secs_f64()).round(),
        "rss_max_mb": proc_bytes("status", "VmHWM", 1024)? >> 20});
    println!("{told}");
    journal.close();
    Ok(())
}

/// Runs a part of this program and reads what it printed.
fn child(part: &[&str], dir: &Path) -> anyhow::Result<Value> {
    let output = Command::new(std::env::current_exe()?).args(part).arg("--dir").arg(dir).output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().next().with_context(|| String::from_utf8_lossy(&output.stderr).into_owned());
    let told: Value = serde_json::from_str(line?)?;
    if told.is_null() {
        bail!("{part:?} printed nothing");
    }
    Ok(told)
}

fn disk_bytes(dir: &Path) -> anyhow::Result<u64> {
    use std::os::unix::fs::MetadataExt as _;
    let mut bytes = 0;
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let seen = entry.metadata()?;
        bytes += if seen.is_dir() { disk_bytes(&entry.path())? } else { seen.blocks() * 512 };
    }
    Ok(bytes)
}
