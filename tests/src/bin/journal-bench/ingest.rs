//! Batches of readings, each durable before the next: the journal against a file that is only appended to.

use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hazard_agent::journal::codec;
use hazard_core::outbox::Record;
use serde_json::json;

use crate::plant::Plant;
use crate::site::Journal;

#[derive(clap::Args, Debug)]
pub(crate) struct Ingest {
    /// Readings of one batch.
    #[arg(long, default_value_t = 100)]
    batch: u64,
    /// Seconds for each, in turns of one second.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Where; the system's folder for temporary files unless told.
    #[arg(long)]
    dir: Option<PathBuf>,
}

const TURN: Duration = Duration::from_secs(1);

pub(crate) fn run(args: Ingest) -> anyhow::Result<()> {
    let dir = crate::folder(args.dir)?;
    let journal = Journal::open(&dir.path().join("journal"), 1)?;
    let mut plain = Plain { file: File::create(dir.path().join("plain"))?, bytes: Vec::new() };
    let (mut ours, mut its) = ((0, Duration::ZERO), (0, Duration::ZERO));
    let (mut plant, mut other) = (Plant::new(1), Plant::new(1));
    for _ in 0..args.seconds {
        turn(&mut plant, args.batch, &mut ours, |records| journal.write(records))?;
        turn(&mut other, args.batch, &mut its, |records| plain.write(&records))?;
    }
    journal.close();
    let rate = |(readings, took): (u64, Duration)| readings as f64 / took.as_secs_f64();
    let (ours, its) = (rate(ours), rate(its));
    println!(
        "{}",
        json!({"part": "ingest", "batch": args.batch, "journal_readings_per_s": ours.round(),
            "plain_readings_per_s": its.round(), "ratio": (ours / its * 1e3).round() / 1e3})
    );
    Ok(())
}

/// Writes batches for a turn; the records are made before the clock runs.
fn turn(
    plant: &mut Plant,
    batch: u64,
    sum: &mut (u64, Duration),
    mut write: impl FnMut(Vec<Arc<Record>>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut left = TURN;
    while !left.is_zero() {
        let (mut records, mut readings) = (Vec::new(), 0);
        while readings < batch {
            let record = plant.record();
            readings += record.readings();
            records.push(record);
        }
        let begin = Instant::now();
        write(records)?;
        let took = begin.elapsed();
        *sum = (sum.0 + readings, sum.1 + took);
        left = left.saturating_sub(took);
    }
    Ok(())
}

/// Length, checksum, records; one write and one fdatasync a batch.
struct Plain {
    file: File,
    bytes: Vec<u8>,
}

impl Plain {
    fn write(&mut self, records: &[Arc<Record>]) -> anyhow::Result<()> {
        self.bytes.clear();
        self.bytes.extend_from_slice(&[0; 8]);
        for record in records {
            codec::encode(record, &mut self.bytes);
        }
        let len = u32::try_from(self.bytes.len() - 8)?;
        let crc = crc32fast::hash(&self.bytes[8..]);
        self.bytes[..4].copy_from_slice(&len.to_le_bytes());
        self.bytes[4..8].copy_from_slice(&crc.to_le_bytes());
        self.file.write_all(&self.bytes)?;
        Ok(self.file.sync_data()?)
    }
}
