//! The command line. Results go to stdout, talk goes to stderr; exit codes are those of sysexits.h, which systemd knows by
//! name.

mod acknowledge;
mod changes;
mod command;
pub mod configure;
mod doctor;
mod home;
mod journal;
mod line;
pub mod match_template;
mod operate;
pub mod plan;
pub mod points;
mod reach;
mod service;
mod upkeep;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::config::{self, Lang, Style};
use crate::control::{CauseWord, Deed};
use crate::observe::log::LogFormat;
#[cfg(feature = "demo")]
pub(crate) use operate::why;

/// Everything is well.
pub(crate) const OK: u8 = 0;
/// EX_USAGE: the command line makes no sense.
pub(crate) const USAGE: u8 = 64;
/// EX_DATAERR: what was looked at is not as it should be.
pub(crate) const NOT_WHOLE: u8 = 65;
/// EX_NOINPUT: there is nothing to look at, or nothing that this version can read.
pub(crate) const NO_INPUT: u8 = 66;
/// EX_UNAVAILABLE: nobody answers.
pub(crate) const UNAVAILABLE: u8 = 69;
/// EX_SOFTWARE: a fault of this program.
pub(crate) const SOFTWARE: u8 = 70;
/// EX_OSERR: the operating system refuses something.
pub(crate) const OS_REFUSES: u8 = 71;
/// EX_CANTCREAT: what would be written is there already, or cannot be written.
pub(crate) const CANNOT_WRITE: u8 = 73;
/// EX_TEMPFAIL: another agent uses the folder.
pub(crate) const IN_USE: u8 = 75;
/// EX_NOPERM: the plant does not permit it; what was said tells why.
pub(crate) const NOT_PERMITTED: u8 = 77;
/// EX_CONFIG: the configuration cannot be used.
pub(crate) const CONFIG: u8 = 78;

/// 危险源边缘代理：现场报警，数据不丢。Edge agent for hazard sites: alarms on the spot, nothing lost.
///
/// 本程序不是可燃气体报警控制器（GB 16808），也不是安全仪表系统（SIS）。
/// It is not a gas-alarm controller (GB 16808) nor a safety instrumented system.
///
/// 退出码 exit codes: 0 正常 ok, 64 用法 usage, 65 核验不符 not whole, 66 无可读内容 nothing to read, 69 无应答 no answer, 70 内部错误 software, 71 系统拒绝 system, 73 无法写入 cannot write, 75 已在运行 already runs, 77 不允许 not permitted, 78 配置错误 configuration.
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
    /// SIGTERM 有序退出 ends in order；SIGHUP 重新读取配置，无效则保留原配置 reads the configuration again and keeps the last good one；启动时配置无效则按上一份有效配置运行 a start with a faulty one runs the last good one.
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
        /// 有未确认的警告也算不通过（返回 78） fail on warnings that are not accepted, too (exit code 78)
        #[arg(long)]
        strict: bool,
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
    /// 报警、搁置和旁路一览 alarms that stand, what is shelved, what is bypassed
    Alarms {
        /// 输出 JSON print JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        socket: Socket,
    },
    /// 联锁一览：表决、联锁、启动许可 votes, trips and start permits
    Interlocks {
        /// 输出 JSON print JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        socket: Socket,
    },
    /// 叫应一览：没有人应答的呼叫 calls that nobody has answered
    Calls {
        /// 输出 JSON print JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        socket: Socket,
    },
    /// 应答：听到呼叫，正在处理；报警仍须确认 say that the call was heard; the alarm stays unacknowledged
    ///
    /// 示例 example: hazard answer GT-101/high --actor 王五 --note 正赶往现场
    Answer {
        /// 报警，如 GT-101/high an alarm
        alarm: String,
        #[command(flatten)]
        person: Person,
    },
    /// 消音：喇叭静默，直到下一个报警 silence the horn until the next alarm
    Silence(Act),
    /// 确认报警；不写名称则确认显示的那些，此后新发生的不算 acknowledge; without a name what is shown, and nothing raised since
    Ack {
        /// 报警，如 GT-101/high an alarm, such as GT-101/high
        alarm: Option<String>,
        /// 看到的是哪些，由 hazard status 或 hazard alarms 给出 what was seen, as hazard status or hazard alarms gives it
        #[arg(long, value_name = "SEEN", conflicts_with = "alarm")]
        seen: Option<String>,
        #[command(flatten)]
        person: Person,
    },
    /// 处置：说明原因和措施 say what was behind an alarm and what was done
    ///
    /// 示例 example: hazard handle GT-101/high --cause equipment --note 更换探测器 --actor 李四
    Handle {
        /// 报警，如 GT-101/high an alarm
        alarm: String,
        /// 原因 what was behind it
        #[arg(long)]
        cause: CauseWord,
        #[command(flatten)]
        person: Person,
    },
    /// 复位已锁存且已确认的报警；条件不具备时说明原因 reset latched alarms that were acknowledged, or say why not
    ///
    /// 联锁要写明名称 a trip is reset by its name: hazard reset --trip 燃气切断 --actor 李四
    ///
    /// 掉电保持丢失后，到现场确认再复位 after lost retentive memory, look at the plant first: hazard reset --retentive --actor 李四 --note 已巡检
    Reset {
        /// 报警，如 GT-101/high；不写则为全部报警 an alarm; all alarms when left out
        #[arg(conflicts_with_all = ["trip", "retentive"])]
        alarm: Option<String>,
        /// 联锁的名称 a trip's name
        #[arg(long, conflicts_with = "retentive")]
        trip: Option<String>,
        /// “掉电保持丢失”已到现场确认 the plant was looked at after retentive memory was lost
        #[arg(long, requires = "note")]
        retentive: bool,
        #[command(flatten)]
        person: Person,
    },
    /// 搁置一个报警，到时自动恢复 put an alarm aside for a limited time
    Shelve {
        /// 报警，如 FT-301/low an alarm
        alarm: String,
        /// 时长，如 30m、2h how long
        #[arg(long = "for", value_parser = seconds)]
        lasts_s: u64,
        #[command(flatten)]
        person: Person,
    },
    /// 提前恢复被搁置的报警 take a shelved alarm back before its time
    Unshelve {
        /// 报警 an alarm
        alarm: String,
        #[command(flatten)]
        person: Person,
    },
    /// 旁路一个点：须有批准人、原因和期限，到时自动恢复 take a point out of service for a limited time
    ///
    /// 示例 example: hazard bypass GT-101 --for 2h --approver 王五 --note 年度标定 --actor 李四
    Bypass {
        /// 位号 the point's tag
        point: String,
        /// 时长，如 30m、2h how long
        #[arg(long = "for", value_parser = seconds)]
        lasts_s: u64,
        /// 批准人；安全点和联锁点须为另一人 who approved it; another person for safety points and interlocks
        #[arg(long)]
        approver: String,
        /// 已批准：此后该表决组没有一个探测器在用 it is approved that no detector of a vote is left
        #[arg(long)]
        whole_vote: bool,
        #[command(flatten)]
        person: Person,
    },
    /// 恢复投用：提前结束旁路 end a bypass before its time
    Rearm {
        /// 位号 the point's tag
        point: String,
        #[command(flatten)]
        person: Person,
    },
    /// 标定与功能测试：到期一览；begin、gas-on、gas-off、finish 依次进行 calibrations and proof tests: what is due; a test is begun, gas on, gas off, finished
    #[command(args_conflicts_with_subcommands = true)]
    Upkeep {
        #[command(subcommand)]
        step: Option<upkeep::Step>,
        /// 输出 JSON print JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        socket: Socket,
    },
    /// 命令：按名称写设备的设定值、调零、消音等，写后读回核实 named commands: set-points, zeros, resets of devices, read back
    #[command(name = "command")]
    Named {
        #[command(subcommand)]
        verb: command::Verb,
    },
    /// 存证：核验、导出、对账，无需停止代理 evidence: verify, export and audit the journal, without stopping the agent
    Journal {
        #[command(subcommand)]
        verb: journal::Verb,
    },
    /// 点表：模板、导出、导入（先试算，加 --apply 才写入）point tables: template, export, import (a dry run without --apply)
    Points {
        #[command(subcommand)]
        verb: points::Verb,
    },
    /// 辨认设备：读各模板的特征寄存器，按符合程度排名并列出依据；只读不写 which template a device is of: reads what the signatures name, ranks them with the evidence, writes nothing
    ///
    /// 示例 example: hazard match --port /dev/ttyUSB0 --baud 9600 --unit 3
    Match(match_template::Look),
    /// 扫线：先听有没有别的主站，再按常见设置找设备 listen for another master, then find units at likely settings
    ///
    /// 示例 example: hazard scan --port /dev/ttyUSB0；hazard scan --tcp 192.168.1.10:502 -a 1-32
    Scan(line::ScanArgs),
    /// 看原始值：十六进制、u16、i16、各种字序的 f32，带数据龄 raw words in every reading, with their age
    ///
    /// 示例 example: hazard probe --port /dev/ttyUSB0 -a 3 -r 40001 -n 10
    Probe(line::ProbeArgs),
    /// 盯住原始值，直到 Ctrl-C the same again and again; what changed is marked
    ///
    /// 示例 example: hazard watch --bus 1号线 -a 3 -t input -r 1 -n 4
    Watch(line::WatchArgs),
    /// 在现场写一个线圈或寄存器：写前读、写后核实、留下审计 write on site: read before, verified after, on record
    ///
    /// 示例 example: hazard write --port /dev/ttyUSB0 -a 3 -r 40010 25 --i-am-on-site --note 改地址
    Write(line::WriteArgs),
    /// 体检：串口、权限、时钟、磁盘、证书、网络；只看不改 ports, permissions, clocks, disk, certificates, network; changes nothing
    Doctor(doctor::DoctorArgs),
    /// 配置的一生：看差异、试用、确认、撤回、历史 plan, apply on trial, confirm, roll back, history
    Config {
        #[command(subcommand)]
        verb: configure::Verb,
    },
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
    #[arg(long, env = "HAZARD_SOCKET")]
    socket: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct Act {
    /// 报警，如 GT-101/high；不写则为全部 an alarm; all when left out
    alarm: Option<String>,
    #[command(flatten)]
    person: Person,
}

#[derive(Debug, Args)]
struct Person {
    /// 操作人 who acts
    #[arg(long, env = "HAZARD_ACTOR")]
    actor: String,
    /// 说明或原因 note or reason
    #[arg(long, default_value = "")]
    note: String,
    #[command(flatten)]
    socket: Socket,
}

/// A time for people: `90s`, `30m`, `2h`, `1h30m`.
fn seconds(text: &str) -> Result<u64, String> {
    let lasts: Result<jiff::SignedDuration, _> = text.parse();
    let lasts = lasts.ok().and_then(|lasts| u64::try_from(lasts.as_secs()).ok()).filter(|lasts| *lasts > 0);
    lasts.ok_or_else(|| "写成 30m、2h、1h30m write it as 30m, 2h, 1h30m".to_owned())
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
        Command::Check { json, strict } => {
            let (report, code) = check(path, json, lang);
            if strict && !report.is_empty() { CONFIG } else { code }
        }
        Command::Plan { json } => show_plan(path, json, lang),
        Command::Status { json, socket } => operate::status(path, &socket, json, lang),
        Command::Alarms { json, socket } => operate::alarms(path, &socket, json, lang),
        Command::Silence(Act { alarm, person }) => operate::act(path, person, Deed::Silence { alarm }, lang),
        Command::Ack { alarm: None, seen: None, person } => acknowledge::all(path, person, lang),
        Command::Ack { alarm, seen, person } => {
            operate::act(path, person, Deed::Acknowledge { alarm, seen }, lang)
        }
        Command::Reset { trip: Some(trip), person, .. } => {
            operate::act(path, person, Deed::ResetTrip { trip }, lang)
        }
        Command::Reset { retentive: true, person, .. } => {
            operate::act(path, person, Deed::ResetRetentive, lang)
        }
        Command::Reset { alarm, trip: None, retentive: false, person } => {
            operate::act(path, person, Deed::Reset { alarm }, lang)
        }
        Command::Calls { json, socket } => operate::calls(path, &socket, json, lang),
        Command::Answer { alarm, person } => operate::act(path, person, Deed::Answer { alarm }, lang),
        Command::Interlocks { json, socket } => operate::interlocks(path, &socket, json, lang),
        Command::Handle { alarm, cause, person } => {
            operate::act(path, person, Deed::Handle { alarm, cause }, lang)
        }
        Command::Shelve { alarm, lasts_s, person } => {
            operate::act(path, person, Deed::Shelve { alarm, lasts_s }, lang)
        }
        Command::Unshelve { alarm, person } => operate::act(path, person, Deed::Unshelve { alarm }, lang),
        Command::Bypass { point, lasts_s, approver, whole_vote, person } => {
            operate::act(path, person, Deed::Bypass { point, approver, lasts_s, whole_vote }, lang)
        }
        Command::Rearm { point, person } => operate::act(path, person, Deed::Rearm { point }, lang),
        Command::Upkeep { step: Some(step), .. } => upkeep::act(path, step, lang),
        Command::Upkeep { step: None, json, socket } => upkeep::list(path, &socket, json, lang),
        Command::Named { verb } => command::carry_out(path, verb, lang),
        Command::Journal { verb } => journal::carry_out(path, verb, lang),
        Command::Points { verb } => points::carry_out(path, verb, lang),
        Command::Match(look) => match_template::look(path, &look, lang),
        Command::Scan(args) => line::scan(path, &args, lang),
        Command::Probe(args) => line::probe(path, &args, lang),
        Command::Watch(args) => line::watch(path, &args, lang),
        Command::Write(args) => line::write(path, &args, lang),
        Command::Doctor(args) => doctor::doctor(path, &args, lang),
        Command::Config { verb } => configure::carry_out_verb(path, verb, lang),
        Command::Schema { what } => {
            let schema = if what == "site" { config::site_schema() } else { config::device_schema() };
            say(&format!("{schema:#}"));
            OK
        }
        #[cfg(feature = "demo")]
        Command::Demo(args) => crate::demo::main(&args, lang),
    }
}

fn check(path: &Path, json: bool, lang: Lang) -> (config::Report, u8) {
    let (report, code) = match config::load(path) {
        Ok(loaded) => {
            let refused = obstacles(&loaded, lang);
            let code = if refused.is_empty() { OK } else { CONFIG };
            if !json {
                say(&format!("{}  {}", word(lang, "配置可用", "the configuration can be used"), loaded.hash));
                refused.iter().for_each(|why| eprintln!("{why}"));
                line::advise(&loaded.buses, lang);
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
    (report, code)
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
