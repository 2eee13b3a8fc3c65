//! `hazard doctor`: looks at everything a gateway stands on and says what to do about what is wrong. It changes nothing.

mod certificates;
mod disk;
mod host;
mod reach;

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;
use unicode_width::UnicodeWidthStr;

use super::{NOT_WHOLE, OK, SOFTWARE, say, word};
use crate::clock::Clock;
use crate::config::{self, Lang, Loaded};

#[derive(Debug, Args)]
pub(super) struct DoctorArgs {
    /// 输出 JSON print JSON
    #[arg(long)]
    json: bool,
    /// 另一个根目录，如挂载的存储卡 another root, such as a mounted card
    #[arg(long, value_name = "DIR", default_value = "/")]
    root: PathBuf,
}

/// How one thing stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Ok,
    Warning,
    Fault,
}

/// What was looked at, how it stands, and what to do.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
struct Finding {
    check: &'static str,
    state: State,
    what: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    todo: Option<String>,
}

/// Collects findings in one language.
struct Chart {
    lang: Lang,
    findings: Vec<Finding>,
}

impl Chart {
    fn ok(&mut self, check: &'static str, what: impl Into<String>) {
        self.findings.push(Finding { check, state: State::Ok, what: what.into(), todo: None });
    }

    fn warn(&mut self, check: &'static str, what: impl Into<String>, todo: &str) {
        self.put(check, State::Warning, (what.into(), todo));
    }

    fn fault(&mut self, check: &'static str, what: impl Into<String>, todo: &str) {
        self.put(check, State::Fault, (what.into(), todo));
    }

    fn put(&mut self, check: &'static str, state: State, (what, todo): (String, &str)) {
        self.findings.push(Finding { check, state, what, todo: Some(todo.to_owned()) });
    }

    const fn word(&self, zh: &'static str, en: &'static str) -> &'static str {
        word(self.lang, zh, en)
    }
}

pub(super) fn doctor(site: &Path, args: &DoctorArgs, lang: Lang) -> u8 {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        return SOFTWARE;
    };
    let mut chart = Chart { lang, findings: Vec::new() };
    let loaded = site_file(site, &mut chart);
    let loaded = loaded.as_deref();
    let clock = Clock::new(host::sync_file(&args.root, loaded));
    host::ports(&args.root, loaded, &mut chart);
    host::time(&args.root, &clock, &mut chart);
    if let Some(loaded) = loaded {
        disk::look(&args.root, loaded, &mut chart);
        certificates::look(loaded, clock.utc(), &mut chart);
        runtime.block_on(reach::look(loaded, &mut chart));
    }
    runtime.shutdown_background();
    let worst = chart.findings.iter().map(|finding| finding.state).max().unwrap_or(State::Ok);
    if args.json {
        let document = serde_json::json!({ "worst": worst, "findings": chart.findings });
        say(&format!("{document:#}"));
    } else {
        say(&render(&chart));
    }
    if worst == State::Fault { NOT_WHOLE } else { OK }
}

fn site_file(site: &Path, chart: &mut Chart) -> Option<Box<Loaded>> {
    let shown = site.display();
    match config::load(site) {
        Ok(loaded) => {
            chart.ok("site", format!("{shown} {}", chart.word("可用", "can be used")));
            return Some(Box::new(loaded));
        }
        Err(_) if !site.exists() => chart.fault(
            "site",
            format!("{shown} {}", chart.word("不存在", "does not exist")),
            chart.word(
                "写一份站点文件，或用 -c 指定；没有它时只查串口和时间",
                "write a site file or name it with -c; without it only ports and time are looked at",
            ),
        ),
        Err(_) => chart.fault(
            "site",
            format!("{shown} {}", chart.word("有错误", "has faults")),
            chart.word("hazard check 逐条列出", "hazard check lists each of them"),
        ),
    }
    None
}

/// A line for each finding, and below it what to do.
fn render(chart: &Chart) -> String {
    let checks = chart.findings.iter().map(|finding| name(finding.check, chart.lang));
    let width = checks.map(UnicodeWidthStr::width).max().unwrap_or_default();
    let mut text = String::new();
    for finding in &chart.findings {
        let state = match finding.state {
            State::Ok => chart.word("正常", "ok     "),
            State::Warning => chart.word("注意", "warning"),
            State::Fault => chart.word("故障", "fault  "),
        };
        let check = name(finding.check, chart.lang);
        let pad = " ".repeat(width - check.width());
        text += &format!("{state}  {check}{pad}  {}\n", finding.what);
        if let Some(todo) = &finding.todo {
            text += &format!("{}→ {todo}\n", " ".repeat(state.width() + 2 + width + 2));
        }
    }
    let count = |state| chart.findings.iter().filter(|finding| finding.state == state).count();
    let (warnings, faults) = (count(State::Warning), count(State::Fault));
    text + &match chart.lang {
        Lang::Zh => format!("{} 项，注意 {warnings}，故障 {faults}", chart.findings.len()),
        Lang::En => format!("{} checks, {warnings} warnings, {faults} faults", chart.findings.len()),
    }
}

fn name(check: &'static str, lang: Lang) -> &'static str {
    let zh = match check {
        "ports" => "串口",
        "rs485" => "RS-485",
        "clock" => "系统时间",
        "rtc" => "时钟芯片",
        "ntp" => "对时",
        "site" => "站点文件",
        "disk" => "磁盘",
        "state" => "数据目录",
        "certificate" => "证书",
        "agent" => "代理",
        "bus" => "总线",
        "uplink" => "上行",
        "webhook" => "呼叫接口",
        _ => check,
    };
    word(lang, zh, check)
}
