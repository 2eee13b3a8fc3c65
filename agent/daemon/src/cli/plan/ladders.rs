//! Who is called when nobody answers, in words.

use std::fmt::Write as _;

use hazard_core::alarm::Priority;
use hazard_core::call::{CallPlan, Ladder};
use hazard_core::id::RoleId;

use crate::config::Lang;

/// A line for each colour; nothing where nobody is ever called.
pub(super) fn write(plan: &CallPlan, lang: Lang, text: &mut String) {
    if plan.roles.is_empty() {
        return;
    }
    let _ =
        writeln!(text, "{}", say(lang, "叫应（报警后分钟：角色）", "Calls (minutes after the alarm: roles)"));
    for (priority, zh, en) in [
        (Priority::Critical, "红", "red   "),
        (Priority::High, "橙", "orange"),
        (Priority::Medium, "黄", "yellow"),
        (Priority::Low, "蓝", "blue  "),
    ] {
        let _ = writeln!(text, "  {}  {}", say(lang, zh, en), ladder(plan, plan.ladder(priority), lang));
    }
}

fn ladder(plan: &CallPlan, ladder: &Ladder, lang: Lang) -> String {
    if ladder.rungs.is_empty() {
        return say(lang, "不呼叫", "nobody").to_owned();
    }
    let name = |role: &RoleId| plan.roles.get(role.index()).map_or("?", |role| &role.name);
    let rungs = ladder.rungs.iter().map(|rung| {
        let roles: Vec<&str> = rung.roles.iter().map(name).collect();
        format!("{}: {}", rung.after.as_secs() / 60, roles.join(say(lang, "、", ", ")))
    });
    let rungs: Vec<String> = rungs.collect();
    let repeat = ladder.repeat.map_or_else(String::new, |repeat| {
        let (every, max) = (repeat.every.as_secs() / 60, repeat.max);
        match lang {
            Lang::Zh => format!("；之后每 {every} 分钟，最多 {max} 次"),
            Lang::En => format!("; then every {every} min, {max} times at most"),
        }
    });
    format!("{}{repeat}", rungs.join(say(lang, "，", "; ")))
}

const fn say(lang: Lang, zh: &'static str, en: &'static str) -> &'static str {
    crate::cli::word(lang, zh, en)
}
