//! `hazard command`: what may be written to devices, and having it written. The agent writes; who asks waits for the outcome.

use std::path::Path;
use std::time::Duration;

use clap::{Args, Subcommand};
use hazard_core::Value;

use super::operate::{self, look, print_json};
use super::reach::{places, reach};
use super::{NOT_WHOLE, OK, Person, SOFTWARE, Socket, UNAVAILABLE, say, word};
use crate::clock::Clock;
use crate::config::{Lang, Style};
use crate::control::{Answer, Ask, Deed, Finite};
use crate::observe::{CommandRow, render_commands};

/// How often the agent is asked for the outcome.
const ASK_EVERY: Duration = Duration::from_millis(300);
/// The outcome is known this long after the deadline: a request may be in flight when that comes.
const BEYOND_DEADLINE: Duration = Duration::from_secs(60);

/// What is done.
#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// 全部命令：写什么、要什么、上次结果 all commands: what they write, what they need, what became of the last
    List {
        /// 输出 JSON print JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        socket: Socket,
    },
    /// 发送一条命令并等到结果；写后读回核实 send a command and wait for its outcome; it is read back
    ///
    /// 示例 example: hazard command send GT-101高报设定 20 --approver 王五 --note 变更单0731 --actor 李四
    Send(SendArgs),
}

#[derive(Debug, Args)]
pub(super) struct SendArgs {
    /// 命令名称，见 hazard command list the command's name
    command: String,
    /// 值；固定值的命令不写 the value; not for commands that always write the same
    #[arg(value_parser = finite, allow_negative_numbers = true)]
    value: Option<Finite>,
    /// 批准人，须为另一人 who approved it, another person
    #[arg(long)]
    approver: Option<String>,
    /// 不等结果 do not wait for the outcome
    #[arg(long)]
    no_wait: bool,
    #[command(flatten)]
    person: Person,
}

pub(super) fn carry_out(path: &Path, verb: Verb, lang: Lang) -> u8 {
    match verb {
        Verb::List { json, socket } => list(path, &socket, json, lang),
        Verb::Send(args) => send(path, args, lang),
    }
}

fn list(path: &Path, socket: &Socket, json: bool, lang: Lang) -> u8 {
    match look(path, socket, lang) {
        Ok(status) if json => print_json(&status.commands),
        Ok(status) => {
            say(&render_commands(&status, lang, Style::of_stderr()));
            OK
        }
        Err(code) => code,
    }
}

fn send(path: &Path, args: SendArgs, lang: Lang) -> u8 {
    let SendArgs { command, value, approver, no_wait, person } = args;
    let socket = Socket { socket: person.socket.socket.clone() };
    let deed = Deed::Send { command: command.clone(), value, approver };
    let code = operate::act(path, person, deed, lang);
    if code != OK || no_wait {
        return code;
    }
    let row = match look(path, &socket, lang) {
        Ok(status) => status.commands.into_iter().find(|row| row.command == command),
        Err(code) => return code,
    };
    // It was accepted a moment ago, so that it is told of.
    let Some((nth, row)) = row.and_then(|row| Some((row.last.as_ref()?.nth, row))) else {
        return SOFTWARE;
    };
    wait(path, &socket, (nth, row), lang)
}

/// Waits until the outcome is known.
fn wait(path: &Path, socket: &Socket, (nth, mut row): (u64, CommandRow), lang: Lang) -> u8 {
    let places = places(path, socket);
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        return SOFTWARE;
    };
    let clock = Clock::new(std::path::PathBuf::new());
    let until = clock.now() + Duration::from_secs(row.deadline_s) + BEYOND_DEADLINE;
    let over = runtime.block_on(async {
        let mut ticks = tokio::time::interval(ASK_EVERY);
        loop {
            let last = row.last.as_ref().filter(|last| last.nth != nth || last.is_over());
            if last.is_some() || clock.now() >= until {
                return last.cloned();
            }
            ticks.tick().await;
            // An agent that is busy or restarting is asked again.
            if let Ok(Answer::Status(status)) = reach(&places, &Ask::Status).await
                && let Some(found) = status.commands.into_iter().find(|found| found.command == row.command)
            {
                row = found;
            }
        }
    });
    let Some(last) = over.filter(|last| last.nth == nth) else {
        eprintln!("{}: {}", row.command, word(lang, "没有等到结果", "no outcome came"));
        return UNAVAILABLE;
    };
    say(&format!("{}: {}", row.command, last.text(lang)));
    if &*last.change == "done" { OK } else { NOT_WHOLE }
}

fn finite(text: &str) -> Result<Finite, String> {
    let value = text.parse().ok().and_then(Value::try_new);
    value.map(Finite).ok_or_else(|| "写一个数 write a number".to_owned())
}
