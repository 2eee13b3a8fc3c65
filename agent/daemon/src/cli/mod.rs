//! The command line. Results go to stdout, talk goes to stderr; exit codes are those of sysexits.h, which systemd knows by
//! name.

mod home;
mod operate;
pub mod plan;
mod service;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::config::{self, Lang, Style};
use crate::observe::log::LogFormat;

/// Everything is well.
pub(crate) const OK: u8 = 0;
/// EX_USAGE: the command line makes no sense.
pub(crate) const USAGE: u8 = 64;
/// EX_UNAVAILABLE: nobody answers.
pub(crate) const UNAVAILABLE: u8 = 69;
/// EX_SOFTWARE: a fault of this program.
pub(crate) const SOFTWARE: u8 = 70;
/// EX_OSERR: the operating system refuses something.
pub(crate) const OS_REFUSES: u8 = 71;
/// EX_TEMPFAIL: another agent uses the folder.
pub(crate) const IN_USE: u8 = 75;
/// EX_CONFIG: the configuration cannot be used.
pub(crate) const CONFIG: u8 = 78;

/// 危险源边缘代理：现场报警，数据不丢。Edge agent for hazard sites: alarms on the spot, nothing lost.
///
/// 本程序不是可燃气体报警控制器（GB 16808），也不是安全仪表系统（SIS）。
/// It is not a gas-alarm controller (GB 16808) nor a safety instrumented system.
///
/// 退出码 exit codes: 0 正常 ok, 64 用法 usage, 69 无应答 no answer, 70 内部错误 software, 71 系统拒绝 system, 75 已在运行 already runs, 78 配置错误 configuration.
#[derive(Debug, Parser)]
#[command(name = "hazard", version, max_term_width = 110)]
struct Cli {
    /// 语言 language of messages: zh, en；默认取自 by default from LANG
    #[arg(long, global = true, value_name = "zh|en")]
    lang: Option<String>,
    /// 站点文件 site file
    #[arg(short, long, global = true, env = "HAZARD_CONFIG", default_value = "/etc/hazard/site.toml")]
    config: PathBuf,
    #[command(subcommand)]
    verb: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// 运行代理 run the agent
    ///
    /// SIGTERM 有序退出 ends in order；SIGHUP 重新读取配置，无效则保留原配置 reads the configuration again and keeps the last good one.
    Run {
        /// 日志格式 log format: auto, text, json, journald
        #[arg(long, default_value = "auto")]
        log: LogFormat,
    },
    /// 检查配置，一次列出全部错误 check the configuration and list every fault
    ///
    /// 示例 example: hazard check -c config/site.toml --lang zh
    Check {
        /// 输出 JSON print JSON
        #[arg(long)]
        json: bool,
    },
    /// 轮询计划：何时发什么请求，每条总线是否来得及，报警最迟多久 which requests are sent when, whether each bus keeps up, the worst alarm delay
    Plan {
        /// 输出 JSON print JSON
        #[arg(long)]
        json: bool,
    },
    /// 当前状态 what is now
    Status {
        /// 输出 JSON print JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        socket: Socket,
    },
    /// 消音：喇叭静默，直到下一个报警 silence the horn until the next alarm
    Silence(Act),
    /// 确认报警 acknowledge
    Ack(Act),
    /// 复位已锁存且已确认的报警 reset latched alarms that were acknowledged
    Reset(Act),
    /// 打印编辑器用的 JSON Schema print the JSON schema for editors
    Schema {
        /// site 或 or device
        #[arg(value_parser = ["site", "device"])]
        what: String,
    },
    /// 演示：模拟纺织厂、内置消息代理、真实代理，无需任何准备 a simulated plant, an embedded broker and the real agent, no set-up
    #[cfg(feature = "demo")]
    Demo(crate::demo::DemoArgs),
}

#[derive(Debug, Args)]
struct Socket {
    /// 守护进程的本地套接字，默认在站点文件的 state_dir 中 the daemon's local socket, by default in the site file's state_dir
    #[arg(long)]
    socket: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct Act {
    /// 报警，如 GT-101/high；不写则为全部 an alarm; all when left out
    alarm: Option<String>,
    /// 操作人 who acts
    #[arg(long, env = "HAZARD_ACTOR")]
    actor: String,
    /// 说明 note
    #[arg(long, default_value = "")]
    note: String,
    #[command(flatten)]
    socket: Socket,
}

/// Carries out the command line.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(fault) => {
            let code = if fault.use_stderr() { USAGE } else { OK };
            // A closed stdout or stderr leaves nobody to tell.
            drop(fault.print());
            return ExitCode::from(code);
        }
    };
    let lang = Lang::from_env(cli.lang.as_deref());
    ExitCode::from(carry_out(cli.verb, &cli.config, lang))
}

fn carry_out(verb: Command, path: &Path, lang: Lang) -> u8 {
    match verb {
        Command::Run { log } => service::run(path, log, lang),
        Command::Check { json } => check(path, json, lang),
        Command::Plan { json } => show_plan(path, json, lang),
        Command::Status { json, socket } => operate::status(path, &socket, json, lang),
        Command::Silence(act) => operate::act(path, act, crate::control::VerbWord::Silence, lang),
        Command::Ack(act) => operate::act(path, act, crate::control::VerbWord::Acknowledge, lang),
        Command::Reset(act) => operate::act(path, act, crate::control::VerbWord::Reset, lang),
        Command::Schema { what } => {
            let schema = if what == "site" { config::site_schema() } else { config::device_schema() };
            say(&format!("{schema:#}"));
            OK
        }
        #[cfg(feature = "demo")]
        Command::Demo(args) => crate::demo::main(&args, lang),
    }
}

fn check(path: &Path, json: bool, lang: Lang) -> u8 {
    let (report, code) = match config::load(path) {
        Ok(loaded) => {
            let refused = obstacles(&loaded, lang);
            let code = if refused.is_empty() { OK } else { CONFIG };
            if !json {
                say(&format!("{}  {}", word(lang, "配置可用", "the configuration can be used"), loaded.hash));
                refused.iter().for_each(|why| eprintln!("{why}"));
            }
            (loaded.warnings, code)
        }
        Err(report) => (report, CONFIG),
    };
    if json {
        say(&format!("{:#}", report.to_json()));
    } else if !report.is_empty() {
        eprint!("{}", report.render(lang, Style::of_stderr()));
    }
    code
}

fn show_plan(path: &Path, json: bool, lang: Lang) -> u8 {
    let loaded = match load(path, lang) {
        Ok(loaded) => loaded,
        Err(code) => return code,
    };
    if json {
        say(&format!("{:#}", plan::to_json(&loaded)));
    } else {
        say(&plan::render(&loaded, lang));
    }
    if plan::refuses(&loaded).is_empty() { OK } else { CONFIG }
}

/// What keeps a faultless configuration from being run: buses that cannot keep their periods, packets too small for the
/// gateway's own names.
fn obstacles(loaded: &config::Loaded, lang: Lang) -> Vec<String> {
    let buses = plan::refuses(loaded).into_iter().map(|bus| match lang {
        Lang::Zh => format!("总线 {bus}：来不及按周期轮询，见 hazard plan；或写 allow_overload = true"),
        Lang::En => {
            format!("bus {bus}: cannot keep its periods, see hazard plan; or write allow_overload = true")
        }
    });
    let uplinks = crate::run::birth_too_large(loaded).into_iter().map(|(uplink, bytes)| match lang {
        Lang::Zh => format!("上行 {uplink}：点表报文需要 {bytes} 字节，请把 packet_bytes_max 调到不小于此值"),
        Lang::En => format!(
            "uplink {uplink}: the birth message needs {bytes} bytes, raise packet_bytes_max to that at least"
        ),
    });
    buses.chain(uplinks).collect()
}

/// Loads the configuration or says everything that is wrong with it.
fn load(path: &Path, lang: Lang) -> Result<config::Loaded, u8> {
    config::load(path).map_err(|report| {
        eprint!("{}", report.render(lang, Style::of_stderr()));
        CONFIG
    })
}

pub(crate) const fn word(lang: Lang, zh: &'static str, en: &'static str) -> &'static str {
    match lang {
        Lang::Zh => zh,
        Lang::En => en,
    }
}

/// Prints a result; a reader that has gone is no fault.
fn say(text: &str) {
    use std::io::Write;
    drop(writeln!(std::io::stdout(), "{}", text.trim_end()));
}
