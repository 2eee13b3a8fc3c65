//! `hazard ack` without a name: what is shown is acknowledged, and nothing that was raised since.

use std::io::IsTerminal;
use std::path::Path;

use super::operate::{self, look};
use super::{OK, Person, Socket, USAGE, say, word};
use crate::config::Lang;
use crate::control::Deed;
use crate::observe::{AlarmRow, Status};

/// Shows what nobody has acknowledged and has that acknowledged; on a terminal after a yes.
pub(super) fn all(path: &Path, person: Person, lang: Lang) -> u8 {
    let socket = Socket { socket: person.socket.socket.clone() };
    let status = match look(path, &socket, lang) {
        Ok(status) => status,
        Err(code) => return code,
    };
    let open = open(&status);
    if open.is_empty() {
        say(word(lang, "没有未确认的报警", "no alarm is unacknowledged"));
        return OK;
    }
    say(word(
        lang,
        "确认以下报警，此后新发生的不在其中：",
        "acknowledging these, and none that is raised since:",
    ));
    for alarm in open {
        say(&format!("  {}/{} {}", alarm.point, alarm.kind, alarm.name));
    }
    if std::io::stdin().is_terminal() && !agrees(lang) {
        say(word(lang, "没有确认", "nothing is acknowledged"));
        return USAGE;
    }
    operate::act(path, person, Deed::Acknowledge { alarm: None, seen: Some(status.view) }, lang)
}

/// Says how to acknowledge what was just shown.
pub(super) fn offer(status: &Status, lang: Lang) {
    if !open(status).is_empty() {
        let text = word(lang, "只确认以上显示的", "acknowledges what is shown here");
        say(&format!("hazard ack --seen {}  {text}", status.view));
    }
}

fn open(status: &Status) -> Vec<&AlarmRow> {
    status.alarms.iter().filter(|alarm| alarm.state.ends_with("unacked")).collect()
}

fn agrees(lang: Lang) -> bool {
    eprint!("{}", word(lang, "确认？[y/N] ", "acknowledge? [y/N] "));
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).is_ok() && matches!(line.trim(), "y" | "Y" | "yes" | "是")
}
