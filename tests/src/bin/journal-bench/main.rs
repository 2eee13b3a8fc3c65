//! `journal-bench`: what the journal takes of a disk and of memory, and how fast it is against the plainest thing that keeps
//! the same promise. docs/bench.md says how to run it and what each figure means.

mod ingest;
mod open;
mod plant;
mod site;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Measures the journal; one JSON object per part on stdout.
#[derive(Parser, Debug)]
struct Cli {
    #[command(subcommand)]
    part: Part,
}

#[derive(Subcommand, Debug)]
enum Part {
    /// Readings/s, each batch durable before the next, against a plain file with fdatasync.
    Ingest(ingest::Ingest),
    /// Bytes on disk and written, memory, and the time to open after a kill.
    Layout(open::Layout),
    /// Fills a journal and is killed: a child of `layout`.
    #[command(hide = true)]
    Fill(open::Fill),
    /// Opens a journal, reads and writes a little: a child of `layout`.
    #[command(hide = true)]
    Open(open::Open),
}

/// Where a part works.
fn folder(dir: Option<PathBuf>) -> anyhow::Result<tempfile::TempDir> {
    let within = dir.unwrap_or_else(std::env::temp_dir);
    Ok(tempfile::tempdir_in(within)?)
}

fn main() -> ExitCode {
    let done = match Cli::parse().part {
        Part::Ingest(ingest) => ingest::run(ingest),
        Part::Layout(layout) => open::layout(layout),
        Part::Fill(fill) => open::fill(fill),
        Part::Open(open) => open::open(open),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
