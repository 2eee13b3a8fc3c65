//! `load-bench`: the agent and a bare polling loop on the same simulated devices, measured from outside in one run.
//! docs/bench.md says how to run it and what each figure means.

mod bare;
mod broker;
mod drain;
mod fill;
mod outage;
mod plant;
mod platform;
mod report;
mod rig;
mod server;
mod site;
mod start;
mod stats;
mod steady;
mod step;
mod subject;
mod targets;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand, ValueEnum};
use serde_json::{Map, Value};

use report::{Outcome, Report};
use rig::Options;
use site::Load;
use steady::{Steady, Trouble};
use subject::Who;

/// Measures the agent against a bare polling loop; the table goes to stderr, JSON to stdout.
#[derive(Parser, Debug)]
struct Cli {
    #[command(subcommand)]
    part: Option<Part>,
    #[command(flatten)]
    bench: Bench,
}

/// What the bench starts as children of its own.
#[derive(Subcommand, Debug)]
enum Part {
    /// The bare loop: polls and publishes until it is killed.
    Bare(bare::Bare),
    /// Fills a journal.
    Fill(fill::Fill),
}

#[derive(Args, Debug)]
struct Bench {
    /// The agent; `hazard` beside this program unless told.
    #[arg(long)]
    agent: Option<PathBuf>,
    /// Which scenarios, such as `A,D`; all unless told.
    #[arg(long, value_delimiter = ',', default_value = "all")]
    scenario: Vec<Scenario>,
    /// Which programs.
    #[arg(long, default_value = "both")]
    subject: Programs,
    /// Exit with 1 when a target is not met.
    #[arg(long)]
    strict: bool,
    /// Seconds before the measuring.
    #[arg(long, default_value_t = 10)]
    warm_up_s: u64,
    /// Seconds of measuring in A, B and C.
    #[arg(long, default_value_t = 30)]
    measure_s: u64,
    /// Seconds without the broker in D.
    #[arg(long, default_value_t = 60)]
    outage_s: u64,
    /// Records in the journal in E and F.
    #[arg(long, default_value_t = 1_000_000)]
    journal_records: u64,
    /// Where the agent's folders are made; a real disk says more than a memory one.
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Seed of the random times.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Debug)]
enum Scenario {
    #[value(name = "all")]
    All,
    #[value(name = "A")]
    Wide,
    #[value(name = "B")]
    Fast,
    #[value(name = "C")]
    Failing,
    #[value(name = "D")]
    Outage,
    #[value(name = "E")]
    Start,
    #[value(name = "F")]
    Drain,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Debug)]
enum Programs {
    Both,
    Agent,
    Bare,
}

fn main() -> anyhow::Result<ExitCode> {
    let cli = Cli::parse();
    match cli.part {
        Some(Part::Bare(bare)) => bare::run(bare).map(|()| ExitCode::SUCCESS),
        Some(Part::Fill(fill)) => fill::run(fill).map(|()| ExitCode::SUCCESS),
        None => cli.bench.run(),
    }
}

impl Bench {
    fn run(self) -> anyhow::Result<ExitCode> {
        let options = self.options()?;
        let mut report = Report { machine: self.machine()?, outcomes: Vec::new() };
        for scenario in self.scenarios() {
            for who in self.subjects() {
                if let Some(outcome) = measure(scenario, who, &options)? {
                    report.outcomes.push(outcome);
                }
            }
        }
        eprintln!("{}", report.table());
        println!("{}", serde_json::to_string_pretty(&report.json())?);
        Ok(if self.strict && !report.is_met() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }

    fn options(&self) -> anyhow::Result<Options> {
        let exe = std::env::current_exe()?;
        Ok(Options {
            agent: self.agent.clone().unwrap_or_else(|| exe.with_file_name("hazard")),
            dir: self.dir.clone().unwrap_or_else(std::env::temp_dir),
            warm_up: Duration::from_secs(self.warm_up_s),
            measure: Duration::from_secs(self.measure_s),
            outage: Duration::from_secs(self.outage_s),
            journal_records: self.journal_records,
            seed: self.seed,
        })
    }

    fn scenarios(&self) -> Vec<Scenario> {
        use Scenario::{All, Drain, Failing, Fast, Outage, Start, Wide};
        let chosen = |scenario: &Scenario| self.scenario.contains(&All) || self.scenario.contains(scenario);
        [Wide, Fast, Failing, Outage, Start, Drain].into_iter().filter(chosen).collect()
    }

    const fn subjects(&self) -> &'static [Who] {
        match self.subject {
            Programs::Both => &[Who::Agent, Who::Bare],
            Programs::Agent => &[Who::Agent],
            Programs::Bare => &[Who::Bare],
        }
    }

    fn machine(&self) -> anyhow::Result<Map<String, Value>> {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default().trim().to_owned();
        let named = |text: String, key: &str| {
            let line = text.lines().find(|line| line.starts_with(key)).unwrap_or_default();
            line.split(':').nth(1).unwrap_or_default().trim().to_owned()
        };
        let facts: [(&str, Value); 10] = [
            ("cores", std::thread::available_parallelism().context("cores")?.get().into()),
            ("cpu", named(read("/proc/cpuinfo"), "model name").into()),
            ("memory", named(read("/proc/meminfo"), "MemTotal").into()),
            ("kernel", read("/proc/sys/kernel/osrelease").into()),
            ("load_before", read("/proc/loadavg").into()),
            ("broker", broker::Broker::name().into()),
            ("build", if cfg!(debug_assertions) { "debug" } else { "release" }.into()),
            ("warm_up_s", self.warm_up_s.into()),
            ("measure_s", self.measure_s.into()),
            ("seed", self.seed.into()),
        ];
        Ok(facts.into_iter().map(|(name, fact)| (name.to_owned(), fact)).collect())
    }
}

/// Runs one program through one scenario; `None` where the scenario is not for that program.
fn measure(scenario: Scenario, who: &Who, options: &Options) -> anyhow::Result<Option<Outcome>> {
    eprintln!("{scenario:?} with the {} (seed {}) …", who.name(), options.seed);
    let steady = |letter, load, trouble| Steady { letter, load, trouble }.run(*who, options).map(Some);
    let outcome = match scenario {
        Scenario::Wide => steady('A', Load::WIDE, Trouble::None),
        Scenario::Fast => steady('B', Load::FAST, Trouble::None),
        Scenario::Failing => steady('C', Load::WIDE, Trouble::FifthFails),
        Scenario::Outage if *who == Who::Agent => outage::run(options).map(Some),
        Scenario::Start => start::run(*who, options).map(Some),
        Scenario::Drain if *who == Who::Agent => drain::run(options).map(Some),
        // The bare loop stores nothing: an outage measures nothing. `All` is never measured by itself.
        Scenario::Outage | Scenario::Drain | Scenario::All => Ok(None),
    };
    outcome.with_context(|| format!("scenario {scenario:?} with the {}", who.name()))
}
