//! `hazard probe` and `hazard watch`: raw words of one unit in every reading, once or again and again.

use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use hazard_core::Mono;
use hazard_core::link::{LinkFault, ReadRequest, Table};
use serde_json::{Value, json};

use super::address::{self, Numbering, Units};
use super::asker::{Asker, guarded, patience};
use super::open::{self, Chosen, Place, Speed};
use super::rows::{self, Row};
use super::words;
use crate::cli::plan::table_key;
use crate::cli::{NOT_WHOLE, UNAVAILABLE, USAGE, say, word};
use crate::clock::Clock;
use crate::config::Lang;
use crate::journal::manifest::time;
use crate::modbus::diagnosis::{Medium, Others, diagnose};

/// Requests that one probe spends on a unit that does not answer at once.
const ATTEMPTS: u32 = 3;

/// What is read.
#[derive(Debug, Args)]
pub(super) struct What {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    speed: Speed,
    /// 站号，可写 1,3,5-8 unit addresses
    #[arg(short = 'a', long = "unit", value_name = "UNITS", value_parser = address::units, default_value = "1")]
    units: Units,
    /// 起始地址：参考号 40001，或与 -t 合用从 1 数；加 --pdu 则从 0 数 first address: a reference, or with -t counted from 1; with --pdu from 0
    #[arg(short = 'r', long = "reference", value_name = "REF", default_value = "1")]
    reference: String,
    /// -r 是 PDU 地址（mbpoll 的 -0） -r is a PDU address, mbpoll's -0
    #[arg(short = '0', long)]
    pdu: bool,
    /// 数量 how many (mbpoll 的 -c; here -c is the site file)
    #[arg(short = 'n', long = "count", value_name = "N", default_value_t = 1)]
    count: u16,
    /// 表 table: 0|coil, 1|discrete, 3|input, 4|holding
    #[arg(short = 't', long = "table", value_name = "TABLE", value_parser = address::table)]
    table: Option<Table>,
    /// 设备应答最多用时 how long the unit may take
    #[arg(long, value_name = "MS", default_value_t = 500, value_parser = clap::value_parser!(u64).range(1..=30_000))]
    turnaround_ms: u64,
    /// 输出 JSON，watch 每轮一行 print JSON, a line for each round of watch
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ProbeArgs {
    #[command(flatten)]
    what: What,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct WatchArgs {
    #[command(flatten)]
    what: What,
    /// 间隔，毫秒 time between rounds (mbpoll 的 -l)
    #[arg(short = 'l', long = "every", value_name = "MS", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(50..=3_600_000))]
    every_ms: u64,
    /// 几轮后结束；不写则到 Ctrl-C rounds; until Ctrl-C when left out
    #[arg(long, value_name = "N")]
    times: Option<u64>,
}

/// One unit that is read.
struct Target {
    request: ReadRequest,
    /// The last good reading and the rows that changed with it.
    good: Option<(Mono, Vec<Row>)>,
    changed: Vec<u16>,
    fault: Option<LinkFault>,
}

struct Probe {
    chosen: Chosen,
    asker: Asker,
    clock: Clock,
    targets: Vec<Target>,
    lang: Lang,
}

pub(super) async fn probe(site: &Path, args: &ProbeArgs, lang: Lang) -> Result<(), u8> {
    let mut probe = Probe::open(site, &args.what, lang).await?;
    let last = probe.targets.len().saturating_sub(1);
    let mut code = Ok(());
    for at in 0..probe.targets.len() {
        for _ in 0..ATTEMPTS {
            probe.read(at).await;
            if !matches!(probe.targets[at].fault, Some(LinkFault::Silent | LinkFault::Garbled)) {
                break;
            }
        }
        code = code.and(probe.code(at));
        if !args.what.json {
            say(&probe.screen(at));
            if at < last {
                say("");
            }
        }
    }
    if args.what.json {
        say(&format!("{:#}", probe.to_json()));
    }
    if code.is_err() && !args.what.json {
        probe.explain();
    }
    code
}

pub(super) async fn watch(site: &Path, args: &WatchArgs, lang: Lang) -> Result<(), u8> {
    let mut probe = Probe::open(site, &args.what, lang).await?;
    let mut every = tokio::time::interval(Duration::from_millis(args.every_ms));
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let redraws = std::io::stdout().is_terminal() && !args.what.json;
    let mut round = 0;
    while args.times.is_none_or(|times| round < times) {
        tokio::select! {
            _ = every.tick() => {}
            _ = tokio::signal::ctrl_c() => break,
        }
        for at in 0..probe.targets.len() {
            tokio::select! {
                () = probe.read(at) => {}
                _ = tokio::signal::ctrl_c() => return probe.codes(),
            }
        }
        if args.what.json {
            say(&probe.to_json().to_string());
        } else {
            let screens: Vec<_> = (0..probe.targets.len()).map(|at| probe.screen(at)).collect();
            draw(&screens.join("\n"), redraws);
        }
        round += 1;
    }
    probe.codes()
}

/// Shows a round: over the last one on a terminal, behind it elsewhere.
fn draw(screen: &str, redraws: bool) {
    if redraws {
        drop(write!(std::io::stdout(), "\x1b[H\x1b[2J"));
    }
    say(screen);
}

impl Probe {
    async fn open(site: &Path, what: &What, lang: Lang) -> Result<Self, u8> {
        let (table, start) = place(site, what, lang)?;
        let chosen = open::choose(site, &what.place, &what.speed, lang)?;
        open::try_open(&chosen, lang).await?;
        let timeout = patience(&chosen.settings.endpoint, Duration::from_millis(what.turnaround_ms));
        let asker = Asker::new(chosen.settings.clone(), guarded(timeout));
        let target = |unit: &u8| Target {
            request: ReadRequest { unit: *unit, table, start, count: what.count },
            good: None,
            changed: Vec::new(),
            fault: None,
        };
        let targets = what.units.0.iter().map(target).collect();
        Ok(Self { chosen, asker, clock: Clock::new(PathBuf::new()), targets, lang })
    }

    async fn read(&mut self, at: usize) {
        let request = self.targets[at].request;
        let asked = self.asker.read(&request).await;
        let target = &mut self.targets[at];
        target.fault = asked.result.as_ref().err().copied();
        let Ok(words) = asked.result else { return };
        let rows = rows::rows(&request, &words);
        let before = target.good.take().map(|(_, rows)| rows).unwrap_or_default();
        let pairs = rows.iter().zip(&before);
        let changed = pairs.filter(|(row, before)| !row.is_same_word(before));
        target.changed = changed.map(|(row, _)| row.address).collect();
        target.good = Some((self.clock.now(), rows));
    }

    /// What is known of one unit at this moment: values with their age, or a fault in words and no values.
    fn screen(&self, at: usize) -> String {
        let target = &self.targets[at];
        let head = format!(
            "{}  {}\n{}\n",
            time(self.clock.utc()),
            self.chosen.shown(),
            rows::caption(&target.request, self.lang)
        );
        match (target.fault, &target.good) {
            (None, Some((since, rows))) => {
                let changed = |row: &Row| target.changed.contains(&row.address);
                head + &rows::render(rows, self.age(*since), &changed, self.lang)
            }
            (fault, good) => {
                let why = fault.map_or_else(String::new, |fault| words::fault(fault, self.lang));
                let since = good.as_ref().map_or_else(String::new, |(since, _)| {
                    let age = rows::seconds(self.age(*since));
                    match self.lang {
                        Lang::Zh => format!("（上一次好的读数在 {age} 前，不再显示）"),
                        Lang::En => format!(" (the last good reading is {age} old and not shown)"),
                    }
                });
                format!("{head}{why}{since}")
            }
        }
    }

    fn to_json(&self) -> Value {
        let units = self.targets.iter().map(|target| {
            let good = target.good.as_ref().filter(|_| target.fault.is_none());
            let tables = target.request.table;
            json!({
                "unit": target.request.unit,
                "table": table_key(tables),
                "rows": good.map(|(_, rows)| rows),
                "age_ms": good.map(|(since, _)| self.age(*since).as_millis() as u64),
                "changed": target.changed,
                "fault": target.fault.map(|fault| words::fault(fault, self.lang)),
            })
        });
        let units: Vec<_> = units.collect();
        json!({ "at": time(self.clock.utc()), "line": self.chosen.shown(), "units": units })
    }

    /// What the counts say of the line.
    fn explain(&self) {
        let answers = self.targets.iter().any(|target| target.good.is_some());
        let others = if answers { Others::Answer } else { Others::Unknown };
        let medium = Medium::of(&self.chosen.settings.endpoint);
        let tally = &self.asker.tally;
        let told = words::told(&diagnose(tally, others, medium), tally, self.lang);
        if !told.is_empty() {
            eprintln!("{told}");
        }
    }

    fn code(&self, at: usize) -> Result<(), u8> {
        match self.targets[at].fault {
            None => Ok(()),
            Some(LinkFault::Refused(_)) => Err(NOT_WHOLE),
            Some(LinkFault::Silent | LinkFault::Garbled | LinkFault::Gone) => Err(UNAVAILABLE),
        }
    }

    fn codes(&self) -> Result<(), u8> {
        (0..self.targets.len()).try_for_each(|at| self.code(at))
    }

    fn age(&self, since: Mono) -> Duration {
        Duration::from_micros(self.clock.now().as_micros().saturating_sub(since.as_micros()))
    }
}

/// The address that is read, or what is wrong with it.
fn place(site: &Path, what: &What, lang: Lang) -> Result<(Table, u16), u8> {
    let numbering = Numbering::of(what.pdu);
    let (table, start) = address::place(&what.reference, what.table, numbering, lang).map_err(|why| {
        eprintln!("{why}");
        USAGE
    })?;
    // Whoever knows mbpoll writes -c for the count.
    if site.to_str().is_some_and(|text| text.parse::<u16>().is_ok()) && !site.exists() {
        let why = word(lang, "-c 是站点文件；数量写 -n", "-c is the site file; write the count as -n");
        eprintln!("-c {}: {why}", site.display());
        return Err(USAGE);
    }
    let last = u32::from(start) + u32::from(what.count);
    if !(1..=table.count_max()).contains(&what.count) || last > 1 << 16 {
        let max = table.count_max();
        let why = word(lang, "一次只能读", "one request reads at most");
        eprintln!(
            "-n {}: {why} {max}{}",
            what.count,
            word(lang, " 个，且不超过地址 65535", ", and none beyond address 65535")
        );
        return Err(USAGE);
    }
    Ok((table, start))
}
