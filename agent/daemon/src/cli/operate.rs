//! What an operator on shift does: look, silence, acknowledge, reset; all over the daemon's local socket.

use std::io::{Error, ErrorKind};
use std::path::Path;

use super::acknowledge;
use super::reach::{places, reach};
use super::{NOT_PERMITTED, OK, Person, SOFTWARE, Socket, UNAVAILABLE, USAGE, say, word};
use crate::config::{self, Lang, Style};
use crate::control::{Answer, Ask, Deed, Refused};
use crate::observe::{Status, render_alarms, render_calls, render_interlocks, render_test, status};

pub(super) fn status(path: &Path, socket: &Socket, json: bool, lang: Lang) -> u8 {
    match look(path, socket, lang) {
        Ok(status) if json => print_json(&status),
        Ok(status) => {
            say(&status::render(&status, lang, Style::of_stderr()));
            acknowledge::offer(&status, lang);
            OK
        }
        Err(code) => code,
    }
}

pub(super) fn alarms(path: &Path, socket: &Socket, json: bool, lang: Lang) -> u8 {
    match look(path, socket, lang) {
        Ok(status) if json => {
            let Status { view, alarms, bypasses, .. } = *status;
            print_json(&serde_json::json!({ "view": view, "alarms": alarms, "bypasses": bypasses }))
        }
        Ok(status) => {
            say(&render_alarms(&status, lang, Style::of_stderr()));
            acknowledge::offer(&status, lang);
            OK
        }
        Err(code) => code,
    }
}

pub(super) fn interlocks(path: &Path, socket: &Socket, json: bool, lang: Lang) -> u8 {
    match look(path, socket, lang) {
        Ok(status) if json => print_json(&status.interlocks),
        Ok(status) => {
            say(&render_interlocks(&status, lang, Style::of_stderr()));
            OK
        }
        Err(code) => code,
    }
}

pub(super) fn calls(path: &Path, socket: &Socket, json: bool, lang: Lang) -> u8 {
    match look(path, socket, lang) {
        Ok(status) if json => print_json(&status.calls),
        Ok(status) => {
            say(&render_calls(&status, lang, Style::of_stderr()));
            OK
        }
        Err(code) => code,
    }
}

pub(super) fn act(path: &Path, person: Person, deed: Deed, lang: Lang) -> u8 {
    let Person { actor, note, socket } = person;
    let answer = match ask(path, &socket, &Ask::Act { actor, deed, note }, lang) {
        Ok(answer) => answer,
        Err(code) => return code,
    };
    let Answer::Done { changed, alarms, refused, test } = answer else {
        return self::refused(&answer, lang);
    };
    for refusal in &refused {
        eprintln!("{}: {}", refusal.subject, why(refusal, lang));
    }
    if changed == 0 && !refused.is_empty() {
        return NOT_PERMITTED;
    }
    if let Some(report) = test {
        say(&render_test(&report, lang));
        return OK;
    }
    let names = if alarms.is_empty() { String::new() } else { format!(": {}", alarms.join(", ")) };
    say(&match lang {
        Lang::Zh => format!("已处理 {changed} 项{names}"),
        Lang::En => format!("{changed} changed{names}"),
    });
    OK
}

pub(super) fn look(path: &Path, socket: &Socket, lang: Lang) -> Result<Box<Status>, u8> {
    match ask(path, socket, &Ask::Status, lang)? {
        Answer::Status(status) => Ok(status),
        answer => Err(refused(&answer, lang)),
    }
}

pub(super) fn print_json(document: &impl serde::Serialize) -> u8 {
    match serde_json::to_string_pretty(document) {
        Ok(text) => {
            say(&text);
            OK
        }
        Err(_) => SOFTWARE,
    }
}

/// Why something was not done, and what to do instead.
pub(crate) fn why(refused: &Refused, lang: Lang) -> String {
    let max = refused.max.unwrap_or_default();
    let minutes = max / 60;
    let (zh, en) = match refused.why.as_str() {
        "stands" => ("报警条件仍在，消除后再复位", "its condition still stands; reset it when that is gone"),
        "unacknowledged" => ("还没有人确认，先用 hazard ack", "nobody has acknowledged it; hazard ack first"),
        "no_good_value" => {
            ("没有可信的测量值说明险情已消除", "no believable value says that the hazard is gone")
        }
        "never_shelved" => (
            "此报警不允许搁置；需要停用探测器时用 hazard bypass",
            "it must never be shelved; to take the detector out of service use hazard bypass",
        ),
        "too_long" => {
            return match lang {
                Lang::Zh => format!("时长须在 1 秒到 {minutes} 分钟之间"),
                Lang::En => format!("write a time between 1 second and {minutes} minutes"),
            };
        }
        "too_many" => {
            return match lang {
                Lang::Zh => format!("同时最多 {max} 个，先恢复其他的，见 hazard alarms"),
                Lang::En => {
                    format!("{max} at most at the same time; take others back first, see hazard alarms")
                }
            };
        }
        "nothing_to_handle" => ("没有这样的报警在", "there is nothing of the kind"),
        "no_approver" => ("须写批准人 --approver", "name who approved it with --approver"),
        "no_reason" => ("须写原因或措施 --note", "give the reason or what was done with --note"),
        "second_person" => ("批准人须为另一人", "another person has to approve"),
        "bypassed_already" => ("已经旁路", "it is bypassed already"),
        "not_bypassed" => ("没有旁路", "it is not bypassed"),
        "bypassed" => (
            "已旁路，没有人看到它消失；先 hazard rearm",
            "it is bypassed, so that nobody has seen it end; hazard rearm first",
        ),
        "key_period" => ("重点时段内不得新开旁路", "no bypass is begun in a key period"),
        "unproven" => ("反馈没有显示到位", "its feedback does not show the safe position"),
        "too_soon" => {
            return match lang {
                Lang::Zh => format!("刚刚发过，{max} 秒后再发"),
                Lang::En => format!("it was sent a moment ago; send it again in {max} seconds"),
            };
        }
        "hidden_character" => {
            return match lang {
                Lang::Zh => format!("名字里有看不见的字符 U+{max:04X}，重新输入名字"),
                Lang::En => format!("this name has the invisible character U+{max:04X}; type the name again"),
            };
        }
        other => test_words(other)
            .or_else(|| command_words(other))
            .or_else(|| name_words(other))
            .unwrap_or(("没有这个编号", "there is no such thing")),
    };
    word(lang, zh, en).to_owned()
}

/// Why a name is not taken, or what was shown is not known.
fn name_words(why: &str) -> Option<(&'static str, &'static str)> {
    Some(match why {
        "look_alike" => (
            "批准人的名字看上去和操作人一样（字母不同），须为另一人，写其本名",
            "this name only looks like the actor's, in other letters; another person has to approve, under a name of his own",
        ),
        "whole_vote" => (
            "表决组就没有一个探测器在用了：先恢复其他的，或经另一人专门批准后写 --whole-vote",
            "no detector of a vote would be left: rearm another one first, or have another person approve just that and write --whole-vote",
        ),
        "view_missing" => (
            "没有写看到的是哪些：写报警名称，或写 hazard alarms 给出的 --seen",
            "say what was seen: name an alarm, or write the --seen that hazard alarms gives",
        ),
        "view_gone" => (
            "网关程序在此后重新启动或换过配置：再看一次 hazard alarms",
            "the agent has started again or has another configuration since: look at hazard alarms again",
        ),
        _ => return None,
    })
}

/// Why a named command was not sent.
fn command_words(why: &str) -> Option<(&'static str, &'static str)> {
    Some(match why {
        "no_value" => {
            ("须写值，范围见 hazard command list", "write a value; hazard command list has its bounds")
        }
        "value_fixed" => {
            ("这条命令的值是固定的，不用写", "this command always writes the same: give no value")
        }
        "out_of_bounds" => {
            ("超出允许的范围，见 hazard command list", "out of bounds, see hazard command list")
        }
        "between_steps" => {
            ("不在步长上，见 hazard command list", "between two steps, see hazard command list")
        }
        "pending_already" => ("这条命令正在进行", "this command is under way"),
        "device_offline" => {
            ("设备没有应答，见 hazard status", "the device does not answer, see hazard status")
        }
        "on_trial" => (
            "配置正在试用：先 hazard config confirm 或 rollback",
            "a configuration is on trial: hazard config confirm it or roll it back first",
        ),
        _ => return None,
    })
}

/// Why a step of a calibration or a proof test was not taken.
fn test_words(why: &str) -> Option<(&'static str, &'static str)> {
    Some(match why {
        "needs_bypass" => (
            "标定前先旁路：hazard bypass，标准气才不会触发联锁",
            "bypass it first with hazard bypass, so that test gas trips nothing",
        ),
        "needs_armed" => (
            "功能测试要看到联锁动作：先 hazard rearm",
            "a proof test has to see things trip: hazard rearm first",
        ),
        "no_actor" => ("须写操作人 --actor", "say who you are with --actor"),
        "nothing_applied" => {
            ("须写标准气的应有读数 --applied", "write what the gas should read with --applied")
        }
        "runs_already" => (
            "这一点正在测试：先 hazard upkeep finish 或 abort",
            "a test of this point runs: hazard upkeep finish or abort it first",
        ),
        "not_running" => {
            ("没有正在进行的测试：先 hazard upkeep begin", "no test runs: hazard upkeep begin first")
        }
        "marked_already" => (
            "已经说过一次；要重来用 hazard upkeep abort",
            "it was said already; to start again, hazard upkeep abort",
        ),
        "not_applied" => ("还没有通气：先 hazard upkeep gas-on", "no gas was on: hazard upkeep gas-on first"),
        _ => return None,
    })
}

pub(super) fn refused(answer: &Answer, lang: Lang) -> u8 {
    match answer {
        Answer::UnknownName { name } => {
            let why = word(
                lang,
                "没有这个名字；报警写成 GT-101/high，点写位号，联锁见 hazard interlocks，标定与测试见 hazard upkeep，命令见 hazard command list",
                "there is nothing of this name; write an alarm as GT-101/high, a point as its tag, a trip as in hazard interlocks, tests as in hazard upkeep, commands as in hazard command list",
            );
            eprintln!("{name}: {why}");
            USAGE
        }
        Answer::Refused { why } => {
            eprintln!("{why}");
            USAGE
        }
        Answer::Busy => {
            eprintln!("{}", word(lang, "守护进程没有及时回答", "the daemon did not answer in time"));
            UNAVAILABLE
        }
        Answer::Status(_) | Answer::Done { .. } | Answer::Configured(_) | Answer::NotConfigured { .. } => {
            SOFTWARE
        }
    }
}

pub(super) fn ask(path: &Path, socket: &Socket, ask: &Ask, lang: Lang) -> Result<Answer, u8> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|_| SOFTWARE)?;
    runtime.block_on(reach(&places(path, socket), ask)).map_err(|faults| {
        for (place, fault) in &faults {
            eprintln!("{}: {}", place.display(), reason(fault, lang));
        }
        if socket.socket.is_none() && config::state_dir(path).is_none() {
            let hint = word(
                lang,
                "站点文件没有说出代理的数据目录；用 --socket 或环境变量 HAZARD_SOCKET 写明 hazard.sock 在哪里",
                "the site file does not tell the agent's state_dir; say where hazard.sock is with --socket or in HAZARD_SOCKET",
            );
            eprintln!("{}: {hint}", path.display());
        }
        UNAVAILABLE
    })
}

fn reason(fault: &Error, lang: Lang) -> String {
    match fault.kind() {
        ErrorKind::NotFound | ErrorKind::ConnectionRefused => {
            word(lang, "代理没有运行；用 hazard run 启动", "no agent runs here; start one with hazard run")
                .to_owned()
        }
        ErrorKind::PermissionDenied => word(
            lang,
            "无权访问；请加入代理的用户组或用 sudo",
            "not permitted; join the agent's group or use sudo",
        )
        .to_owned(),
        ErrorKind::BrokenPipe | ErrorKind::ConnectionReset | ErrorKind::UnexpectedEof => word(
            lang,
            "守护进程的连接已满或刚刚断开；请再试一次",
            "too many ask the daemon at once, or it just ended; try again",
        )
        .to_owned(),
        ErrorKind::TimedOut => {
            word(lang, "守护进程没有及时回答", "the daemon did not answer in time").to_owned()
        }
        _ => fault.to_string(),
    }
}
