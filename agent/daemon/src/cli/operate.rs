//! What an operator on shift does: look, silence, acknowledge, reset; all over the daemon's local socket.

use std::io::{Error, ErrorKind};
use std::path::{Path, PathBuf};

use super::{Act, CONFIG, OK, SOFTWARE, Socket, UNAVAILABLE, USAGE, load, say, word};
use crate::config::{Lang, Style};
use crate::control::{self, Answer, Ask, VerbWord};
use crate::observe::status;

pub(super) fn status(path: &Path, socket: &Socket, json: bool, lang: Lang) -> u8 {
    let answer = match ask(path, socket, &Ask::Status, lang) {
        Ok(answer) => answer,
        Err(code) => return code,
    };
    let Answer::Status(status) = answer else {
        return refused(&answer, lang);
    };
    if json {
        match serde_json::to_string_pretty(&status) {
            Ok(text) => say(&text),
            Err(_) => return SOFTWARE,
        }
    } else {
        say(&status::render(&status, lang, Style::of_stderr()));
    }
    OK
}

pub(super) fn act(path: &Path, act: Act, verb: VerbWord, lang: Lang) -> u8 {
    let Act { alarm, actor, note, socket } = act;
    let answer = match ask(path, &socket, &Ask::Act { actor, verb, alarm, note }, lang) {
        Ok(answer) => answer,
        Err(code) => return code,
    };
    let Answer::Done { changed } = answer else {
        return refused(&answer, lang);
    };
    say(&match lang {
        Lang::Zh => format!("已处理 {changed} 条报警"),
        Lang::En => format!("{changed} alarms changed"),
    });
    OK
}

fn refused(answer: &Answer, lang: Lang) -> u8 {
    match answer {
        Answer::UnknownAlarm { name } => {
            let why = word(
                lang,
                "没有这条报警；写法如 GT-101/high",
                "there is no such alarm; write it like GT-101/high",
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
        Answer::Status(_) | Answer::Done { .. } => SOFTWARE,
    }
}

fn ask(path: &Path, socket: &Socket, ask: &Ask, lang: Lang) -> Result<Answer, u8> {
    let socket = place(path, socket, lang)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|_| SOFTWARE)?;
    runtime.block_on(control::ask(&socket, ask)).map_err(|fault| {
        eprintln!("{}: {}", socket.display(), reason(&fault, lang));
        UNAVAILABLE
    })
}

fn place(path: &Path, socket: &Socket, lang: Lang) -> Result<PathBuf, u8> {
    match &socket.socket {
        Some(socket) => Ok(socket.clone()),
        None => load(path, lang).map(|loaded| loaded.state_dir.join(control::SOCKET)).map_err(|_| CONFIG),
    }
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
