//! `hazard scan`: listens for another master, then asks every unit at likely settings, one harmless read each.

use std::io::IsTerminal as _;
use std::path::Path;
use std::time::Duration;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use super::address::{self, Units};
use super::asker::patience;
use super::open::{self, Chosen, ParityWord, Place};
use super::report::{Heard, Report, Tried};
use super::sweep::Sweep;
use super::words;
use crate::cli::{IN_USE, UNAVAILABLE, say, word};
use crate::config::Lang;
use crate::modbus::{Shape, listen};
use crate::settings::{BusLink, Endpoint, Parity};

/// What devices are set to, the likeliest first; the standard's own default is the second and third.
const LIKELY: [Speed; 12] = [
    (9600, Parity::None, 1),
    (9600, Parity::Even, 1),
    (19_200, Parity::Even, 1),
    (19_200, Parity::None, 1),
    (4800, Parity::None, 1),
    (38_400, Parity::None, 1),
    (57_600, Parity::None, 1),
    (115_200, Parity::None, 1),
    (2400, Parity::None, 1),
    (4800, Parity::Even, 1),
    (9600, Parity::Odd, 1),
    (38_400, Parity::Even, 1),
];

/// Baud rate, parity, stop bits.
type Speed = (u32, Parity, u8);

/// What a line that was not silent needs besides a request's time limit before the next one.
const HEARING_OUT: Duration = Duration::from_millis(30);

/// A scan ends after this many times what was estimated, whatever the line does.
const PATIENCE: u32 = 3;

#[derive(Debug, Args)]
pub(in crate::cli) struct ScanArgs {
    #[command(flatten)]
    place: Place,
    /// 站号；串口默认 1-247，TCP 另加 255,0 units; 1-247 on a line, 255 and 0 too on TCP
    #[arg(short = 'a', long, value_parser = address::units)]
    units: Option<Units>,
    /// 波特率：auto 或 9600,19200 rates
    #[arg(short, long, default_value = "auto", value_parser = bauds)]
    baud: Bauds,
    /// 校验；不写则按常见的 parity; the likely ones when left out
    #[arg(short = 'P', long)]
    parity: Option<ParityWord>,
    /// 停止位 stop bits
    #[arg(short, long, value_parser = clap::value_parser!(u8).range(1..=2))]
    stop: Option<u8>,
    /// 设备应答前最多想多久 how long a unit may think before it answers
    #[arg(long, value_name = "MS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=5000))]
    turnaround_ms: u64,
    /// 先听多久，秒；0 不听 how long to listen first
    #[arg(long, value_name = "S", default_value_t = 3, value_parser = clap::value_parser!(u64).range(0..=60))]
    listen_s: u64,
    /// 有别的主站也要问 ask although another master was heard
    #[arg(long)]
    although_another_master: bool,
    /// 找到设备后仍试其余设置 try the other settings although units were found
    #[arg(long)]
    all_settings: bool,
    /// 对功能码 3 不应答的站号再用功能码 4 问一次，用时加倍 ask units that are silent to function 3 by function 4 too; takes twice as long
    #[arg(long)]
    thorough: bool,
    /// 不问设备是谁（功能码 43/14） do not ask who a unit is
    #[arg(long)]
    no_identify: bool,
    /// 输出 JSON print JSON
    #[arg(long)]
    json: bool,
}

/// Rates to try; none means the likely ones.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Bauds(Vec<u32>);

fn bauds(text: &str) -> Result<Bauds, String> {
    if text == "auto" {
        return Ok(Bauds(Vec::new()));
    }
    let rates =
        text.split(',').map(|rate| rate.trim().parse().ok().filter(|rate| (300..=4_000_000).contains(rate)));
    let rates: Option<Vec<u32>> = rates.collect();
    rates.map(Bauds).ok_or_else(|| "写成 auto 或 9600,19200 write it as auto or 9600,19200".to_owned())
}

pub(super) async fn scan(site: &Path, args: &ScanArgs, lang: Lang) -> Result<(), u8> {
    let chosen = open::choose(site, &args.place, &open::Speed::default(), lang)?;
    open::try_open(&chosen, lang).await?;
    let settings = settings(&chosen, args);
    let units = units(&chosen, args);
    let mut report = Report::new(&chosen);
    if !matches!(chosen.settings.endpoint, Endpoint::Tcp { .. }) && args.listen_s > 0 {
        hear(&settings, args, &mut report, lang).await?;
        if report.heard.is_some_and(|heard| heard.is_master()) && !args.although_another_master {
            return Err(another_master(&report, args, lang));
        }
    }
    let estimate = estimate(&settings, units.len(), args);
    announce(&settings, units.len(), (estimate, lang));
    let bar = bar(args, settings.len() * units.len());
    let limit =
        tokio::time::timeout(estimate * PATIENCE, sweep(&settings, &units, (args, &bar), &mut report));
    let ended = tokio::select! {
        done = limit => if done.is_ok() { "complete" } else { "time_limit" },
        _ = tokio::signal::ctrl_c() => "interrupted",
    };
    bar.finish_and_clear();
    report.ended = ended;
    say(&if args.json { format!("{:#}", report.to_json(lang)) } else { report.render(lang) });
    if report.units.is_empty() { Err(UNAVAILABLE) } else { Ok(()) }
}

/// The line at every speed that is tried, in order.
fn settings(chosen: &Chosen, args: &ScanArgs) -> Vec<BusLink> {
    if !chosen.is_port() {
        return vec![chosen.settings.clone()];
    }
    let parity = args.parity.map(Parity::from);
    let mut speeds: Vec<Speed> = if args.baud.0.is_empty() {
        LIKELY.to_vec()
    } else {
        let parities = [Parity::None, Parity::Even, Parity::Odd];
        args.baud.0.iter().flat_map(|&baud| parities.map(|parity| (baud, parity, 1))).collect()
    };
    // What the site file says of a bus is likelier than anything.
    if let (Some(_), Endpoint::Rtu(serial)) = (&args.place.bus, &chosen.settings.endpoint) {
        speeds.insert(0, (serial.baud, serial.parity, serial.stop_bits));
    }
    for (_, speed_parity, stop) in &mut speeds {
        *speed_parity = parity.unwrap_or(*speed_parity);
        *stop = args.stop.unwrap_or(*stop);
    }
    let mut seen = Vec::new();
    speeds.retain(|speed| {
        !seen.contains(speed) && {
            seen.push(*speed);
            true
        }
    });
    speeds.into_iter().map(|(baud, parity, stop)| chosen.at(baud, parity, stop)).collect()
}

fn units(chosen: &Chosen, args: &ScanArgs) -> Vec<u8> {
    let on_tcp = matches!(chosen.settings.endpoint, Endpoint::Tcp { .. });
    let all = || (1..=247).chain(on_tcp.then_some([255, 0]).into_iter().flatten()).collect();
    args.units.as_ref().map_or_else(all, |units| units.0.clone())
}

/// Listens at each rate only until a frame was heard; a line on which not one byte comes is silent at every rate.
async fn hear(settings: &[BusLink], args: &ScanArgs, report: &mut Report, lang: Lang) -> Result<(), u8> {
    let span = Duration::from_secs(args.listen_s);
    let mut last_baud = None;
    for setting in settings {
        let baud = baud(setting);
        if last_baud == Some(baud) {
            continue;
        }
        last_baud = Some(baud);
        let what = word(lang, "先听，看有没有别的主站", "listening for another master");
        eprintln!("{what}: {} ({}s)", speed(setting), args.listen_s);
        let frames = listen(setting.clone(), span, |frames| frames.count(Shape::Request) > 0).await;
        let frames = frames.map_err(|error| open::not_opened(setting, &error, lang))?;
        let heard = Heard::of(&frames);
        report.heard = Some(report.heard.map_or(heard, |before| before.max(heard)));
        if heard.is_master() || heard.bytes == 0 {
            break;
        }
    }
    Ok(())
}

fn another_master(report: &Report, args: &ScanArgs, lang: Lang) -> u8 {
    if args.json {
        say(&format!("{:#}", report.to_json(lang)));
    }
    let why = word(
        lang,
        "线上已有别的主站在问（或有设备自动上报）；两个主站会互相破坏应答。先停用它，或确知后果时加 --although-another-master",
        "another master asks on this line (or a unit talks unasked); two masters spoil each other's answers. Stop it first, or add --although-another-master if you know what you do",
    );
    let heard = report.heard.map(|heard| heard.shown(lang)).unwrap_or_default();
    eprintln!("{}: {why} ({heard})", report.line);
    IN_USE
}

async fn sweep(
    settings: &[BusLink],
    units: &[u8],
    (args, bar): (&ScanArgs, &ProgressBar),
    report: &mut Report,
) {
    for setting in settings {
        let timeout = patience(&setting.endpoint, Duration::from_millis(args.turnaround_ms));
        let shown = speed(setting);
        bar.set_message(shown.clone());
        report.tried.push(Tried::new(shown, baud(setting)));
        let mut sweep = Sweep::new(setting, timeout, bar);
        sweep.thorough = args.thorough;
        sweep.identifies = !args.no_identify;
        sweep.run(units, report).await;
        if !report.units.is_empty() && !args.all_settings {
            return;
        }
    }
}

/// How long all of it takes if nobody answers.
fn estimate(settings: &[BusLink], units: usize, args: &ScanArgs) -> Duration {
    let functions = if args.thorough { 2 } else { 1 };
    let each = |setting: &BusLink| {
        patience(&setting.endpoint, Duration::from_millis(args.turnaround_ms)) + HEARING_OUT
    };
    let total: Duration = settings.iter().map(each).sum();
    // Whoever is found is asked a little more.
    total * u32::try_from(units * functions).unwrap_or(u32::MAX) + Duration::from_secs(10)
}

fn announce(settings: &[BusLink], units: usize, (estimate, lang): (Duration, Lang)) {
    let first = settings.first().map(speed).unwrap_or_default();
    let (count, seconds) = (settings.len(), estimate.as_secs());
    let limit = seconds * u64::from(PATIENCE);
    eprintln!(
        "{}",
        match lang {
            Lang::Zh => format!(
                "{units} 个站号 × {count} 组设置，从 {first} 起；找到设备即停，全程约 {seconds} 秒，最多 {limit} 秒；Ctrl-C 显示已找到的"
            ),
            Lang::En => format!(
                "{units} units × {count} settings, beginning with {first}; stops when units are found, about {seconds} s for all, {limit} s at most; Ctrl-C shows what was found"
            ),
        }
    );
}

/// `9600 8N1`; a host has no speed.
fn speed(setting: &BusLink) -> String {
    match &setting.endpoint {
        Endpoint::Rtu(serial) => format!("{} {}", serial.baud, words::frame(serial.parity, serial.stop_bits)),
        Endpoint::Tcp { host, port } | Endpoint::RtuOverTcp { host, port } => format!("{host}:{port}"),
    }
}

fn baud(setting: &BusLink) -> Option<u32> {
    match &setting.endpoint {
        Endpoint::Rtu(serial) => Some(serial.baud),
        Endpoint::Tcp { .. } | Endpoint::RtuOverTcp { .. } => None,
    }
}

fn bar(args: &ScanArgs, requests: usize) -> ProgressBar {
    if args.json || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(requests as u64);
    if let Ok(style) = ProgressStyle::with_template("{bar:32} {pos}/{len} {msg} {eta}") {
        bar.set_style(style);
    }
    bar
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: ScanArgs,
    }

    fn plan(words: &[&str]) -> (Vec<String>, u64) {
        let Line { args } =
            Line::try_parse_from(["scan", "--port", "/dev/ttyUSB0"].iter().chain(words)).unwrap();
        let chosen =
            open::choose(Path::new("/nonexistent/site.toml"), &args.place, &open::Speed::default(), Lang::En);
        let chosen = chosen.unwrap();
        let settings = settings(&chosen, &args);
        let units = units(&chosen, &args).len();
        let seconds = estimate(&settings, units, &args).as_secs();
        (settings.iter().map(speed).collect(), seconds)
    }

    #[test]
    fn likely_settings_come_first_and_a_whole_scan_takes_minutes() {
        let (settings, seconds) = plan(&[]);
        assert_eq!(settings[..4], ["9600 8N1", "9600 8E1", "19200 8E1", "19200 8N1"]);
        assert!((300..600).contains(&seconds), "{seconds}");
        let (settings, seconds) = plan(&["--baud", "9600", "--parity", "N"]);
        assert_eq!(settings, ["9600 8N1"]);
        assert!((30..60).contains(&seconds), "{seconds}");
    }

    #[test]
    fn named_rates_are_tried_with_every_parity_unless_one_is_named() {
        assert_eq!(plan(&["--baud", "19200"]).0, ["19200 8N1", "19200 8E1", "19200 8O1"]);
        assert_eq!(plan(&["--baud", "19200,4800", "-P", "E", "-s", "2"]).0, ["19200 8E2", "4800 8E2"]);
    }
}
