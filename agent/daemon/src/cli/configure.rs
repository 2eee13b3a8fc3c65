//! `hazard config`: plan, apply on trial, confirm, roll back, history. What it says about protection comes from
//! `config::compare`; what it changes goes through the running agent, or with `--offline` through no agent at all.

mod refusal;
mod standing;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Subcommand;
use hazard_core::poll::predict;
use serde_json::json;

use super::changes::{Refusal, check, check_people, counts, marker, row, told};
use super::home::Home;
use super::operate::{ask, print_json, refused};
use super::reach::state_dirs;
use super::{CONFIG, IN_USE, NO_INPUT, OK, Socket, load, obstacles, say, seconds, word};
use crate::clock::Clock;
use crate::config::compare::{self, Class, Difference};
use crate::config::{self, Lang, Loaded, Style};
use crate::control::{Answer, Ask, Configure, Configured, person};
use crate::trial::{Change, Files, Folder, Row, carry_out};
use refusal::tell;
pub use standing::render_standing;
pub(super) use standing::standing;
use standing::{say_standing, standing_json};

/// What is done to the configuration.
#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// 逐条列出新配置改变了什么、是否降低保护；不改变任何东西 what another configuration changes and whether it lowers protection; changes nothing
    ///
    /// 示例 example: hazard config plan new.toml
    Plan {
        /// 新的站点文件；其旁 devices/ 里的模板一并比较，没有的和密码文件仍取自现用文件所在目录 the site file to be, with templates in devices/ beside it; others and password files stay those beside the present one
        new: PathBuf,
        /// 输出 JSON print JSON
        #[arg(long)]
        json: bool,
    },
    /// 试用新配置；限时内无人确认则自动恢复原配置 put another configuration in force on trial; unless confirmed in time, the present one comes back
    ///
    /// 示例 example: hazard config apply new.toml --by 李四 --approved-by 王五 --note 年度整定
    Apply {
        /// 新的站点文件，连同其旁 devices/ 里的模板 the site file to be, with the templates in devices/ beside it
        new: PathBuf,
        #[command(flatten)]
        who: Who,
        #[command(flatten)]
        time: Time,
        /// 代理没有运行：只改文件，立即生效，不试用 no agent runs: the file is changed for good, without a trial
        #[arg(long)]
        offline: bool,
        #[command(flatten)]
        socket: Socket,
    },
    /// 确认试用中的配置 confirm the configuration on trial
    Confirm {
        /// 确认人 who confirms
        #[arg(long, env = "HAZARD_ACTOR")]
        by: String,
        /// 说明 note
        #[arg(long, default_value = "")]
        note: String,
        #[command(flatten)]
        socket: Socket,
    },
    /// 撤回试用中的配置；没有试用时，试用以前的配置 take the configuration on trial back; without a trial, put an earlier one on trial
    Rollback {
        /// 以前配置的哈希或其开头，见 hazard config history；不写则为上一个 its hash or the beginning of it; the one before when left out
        #[arg(long, value_name = "HASH")]
        to: Option<String>,
        #[command(flatten)]
        who: Who,
        #[command(flatten)]
        time: Time,
        #[command(flatten)]
        socket: Socket,
    },
    /// 配置历史：谁、何时、改了什么、是否留下 who changed what and when, and whether it stayed
    History {
        /// 输出 JSON print JSON
        #[arg(long)]
        json: bool,
    },
    /// 打印某个哈希的站点文件 print the site file of a hash
    Show {
        /// 哈希或其开头 the hash or the beginning of it
        hash: String,
    },
}

/// Who wants it.
#[derive(Debug, clap::Args)]
pub(super) struct Who {
    /// 操作人 who acts
    #[arg(long, env = "HAZARD_ACTOR")]
    by: String,
    /// 批准人；降低保护时必须是另一人 who approved it; another person where protection is lowered
    #[arg(long)]
    approved_by: Option<String>,
    /// 原因 reason
    #[arg(long, default_value = "")]
    note: String,
}

/// How long a trial lasts.
#[derive(Debug, clap::Args)]
pub(super) struct Time {
    /// 多久之内须确认，如 10m、1h，最长 24h it must be confirmed within, such as 10m or 1h; 24h at most
    #[arg(long, value_parser = seconds, default_value = "10m")]
    confirm_within: u64,
}

pub(super) fn carry_out_verb(path: &Path, verb: Verb, lang: Lang) -> u8 {
    match verb {
        Verb::Plan { new, json } => plan(path, &new, json, lang),
        Verb::Apply { new, who, offline: true, .. } => offline(path, (&new, who), lang),
        Verb::Apply { new, who, time, socket, .. } => apply(path, (&new, who, time), &socket, lang),
        Verb::Confirm { by, note, socket } => {
            order(path, &socket, Configure::Confirm { actor: by, note }, lang)
        }
        Verb::Rollback { to, who, time, socket } => {
            let Who { by: actor, approved_by: approver, note } = who;
            let within_s = time.confirm_within;
            order(path, &socket, Configure::Rollback { actor, approver, note, to, within_s }, lang)
        }
        Verb::History { json } => history(path, json, lang),
        Verb::Show { hash } => show(path, &hash, lang),
    }
}

fn plan(path: &Path, new: &Path, json: bool, lang: Lang) -> u8 {
    let (before, after) = match both(path, new, lang) {
        Ok(Both { before, after, .. }) => (before, after),
        Err(code) => return code,
    };
    let differences = compare::differences(&before, &after);
    if json {
        let mut plan = plan_json(&before, &after, &differences);
        if let Some(standing) = standing(&before, &after) {
            plan["standing"] = standing_json(&standing);
        }
        return print_json(&plan);
    }
    say(&render(&before, &after, &differences, lang));
    say_standing((&before, &after), lang);
    OK
}

/// The configuration that is there, and the one to be.
struct Both {
    before: Loaded,
    after: Loaded,
    /// What the one to be says: its site file and the templates beside that.
    wanted: Files,
}

/// Both configurations, or what is wrong with either. The new one is read as if it lay in the place of the present one.
fn both(path: &Path, new: &Path, lang: Lang) -> Result<Both, u8> {
    let before = load(path, lang)?;
    let unreadable = |path: &Path, fault: std::io::Error| {
        eprintln!("{}: {fault}", path.display());
        NO_INPUT
    };
    let site = std::fs::read_to_string(new).map_err(|fault| unreadable(new, fault))?;
    let templates = config::templates_beside(new, &site).map_err(|(path, fault)| unreadable(&path, fault))?;
    let after = config::load_with(path, &site, &templates).map_err(|report| {
        eprint!("{}", report.render(lang, Style::of_stderr()));
        CONFIG
    })?;
    let refused = obstacles(&after, lang);
    if !refused.is_empty() {
        refused.iter().for_each(|why| eprintln!("{why}"));
        return Err(CONFIG);
    }
    Ok(Both { before, after, wanted: Files { site, templates } })
}

/// The templates that say something else.
fn changed_templates<'a>(before: &'a Loaded, after: &'a Loaded) -> BTreeSet<&'a str> {
    let differs = |name: &&String| before.templates.get(*name) != after.templates.get(*name);
    before.templates.keys().chain(after.templates.keys()).filter(differs).map(String::as_str).collect()
}

/// What a plan says to programs.
fn plan_json(before: &Loaded, after: &Loaded, differences: &[Difference]) -> serde_json::Value {
    json!({
        "from": before.hash,
        "to": after.hash,
        "changed": before.hash != after.hash,
        "differences": differences,
        "templates": changed_templates(before, after),
        "counts": counts(differences),
        "needs_second_person": compare::count(differences, Class::ProtectionLowered) > 0,
        "new_epoch": before.hash != after.hash,
        "needs_restart": before.state_dir != after.state_dir,
        "alarm_delay_ms": { "before": worst_delay_ms(before), "after": worst_delay_ms(after) },
    })
}

/// The worst delay of any alarm; `None` when one has no bound, or there is no alarm.
fn worst_delay_ms(loaded: &Loaded) -> Option<u64> {
    let points = predict(&loaded.site).points;
    let delays: Option<Vec<u64>> = points
        .iter()
        .map(|delay| delay.parts.map(|parts| u64::try_from(parts.total().as_millis()).unwrap_or(u64::MAX)))
        .collect();
    delays?.into_iter().max()
}

/// The differences as people read them, and what applying takes.
#[must_use]
pub fn render(before: &Loaded, after: &Loaded, differences: &[Difference], lang: Lang) -> String {
    if before.hash == after.hash {
        return word(lang, "没有变化", "nothing changes").to_owned();
    }
    let mut text = format!("{} → {}\n\n", short(&before.hash), short(&after.hash));
    text.push_str(&lines(differences.iter().map(|one| (one.class.name(), &*one.zh, &*one.en)), lang));
    text.push('\n');
    let templates: Vec<&str> = changed_templates(before, after).into_iter().collect();
    if !templates.is_empty() {
        let words = word(lang, "改变的设备模板：", "device templates that change: ");
        text.push_str(&format!("{words}{}\n", templates.join(", ")));
    }
    let delay = (worst_delay_ms(before), worst_delay_ms(after));
    if delay.0 != delay.1 {
        let shown = |ms: Option<u64>| ms.map_or_else(|| "?".to_owned(), |ms| format!("{ms} ms"));
        let (old, new) = (shown(delay.0), shown(delay.1));
        text.push_str(&match lang {
            Lang::Zh => format!("最坏报警延迟 {old} → {new}\n"),
            Lang::En => format!("worst alarm delay {old} → {new}\n"),
        });
    }
    if before.state_dir != after.state_dir {
        text.push_str(word(
            lang,
            "state_dir 改变：须停止代理后更换，不能用 hazard config apply\n",
            "state_dir changes: stop the agent for that, hazard config apply cannot do it\n",
        ));
    }
    text.push_str(word(
        lang,
        "生效时：开始新的代次，总线和通道重新连接；报警、旁路、联锁和叫应的状态保留\n",
        "when applied: a fresh epoch, buses and uplinks reconnect; alarms, bypasses, interlocks and calls stay as they stand\n",
    ));
    let lowers = compare::count(differences, Class::ProtectionLowered) > 0;
    text.push_str(if lowers {
        word(
            lang,
            "降低保护：须另一人批准，写 --approved-by\n",
            "protection is lowered: another person has to approve, write --approved-by\n",
        )
    } else {
        word(lang, "不降低保护：不需要第二人\n", "protection is not lowered: no second person is needed\n")
    });
    text
}

fn lines<'a>(differences: impl Iterator<Item = (&'a str, &'a str, &'a str)>, lang: Lang) -> String {
    let line = |(class, zh, en): (&str, &str, &str)| {
        let class = Class::ALL.into_iter().find(|known| known.name() == class).map(Class::words);
        let (class_zh, class_en) = class.unwrap_or(("?", "?"));
        match lang {
            Lang::Zh => format!("[{class_zh}] {zh}\n"),
            Lang::En => format!("[{class_en}] {en}\n"),
        }
    };
    differences.map(line).collect()
}

fn short(hash: &str) -> &str {
    let end = hash.find(':').map_or(0, |at| at + 1) + 12;
    hash.get(..end).unwrap_or(hash)
}

fn apply(path: &Path, (new, who, time): (&Path, Who, Time), socket: &Socket, lang: Lang) -> u8 {
    let Both { before, after, wanted: Files { site: text, templates } } = match both(path, new, lang) {
        Ok(both) => both,
        Err(code) => return code,
    };
    say(&render(&before, &after, &compare::differences(&before, &after), lang));
    say_standing((&before, &after), lang);
    let Who { by: actor, approved_by: approver, note } = who;
    let within_s = time.confirm_within;
    order(path, socket, Configure::Apply { actor, approver, note, text, templates, within_s }, lang)
}

/// Has the running agent do it.
fn order(path: &Path, socket: &Socket, configure: Configure, lang: Lang) -> u8 {
    let confirming = matches!(configure, Configure::Confirm { .. });
    match ask(path, socket, &Ask::Configure(configure), lang) {
        Err(code) => code,
        Ok(Answer::Configured(Configured { to, within_s: Some(within_s), .. })) => {
            let to = short(&to);
            say(&match lang {
                Lang::Zh => format!(
                    "试用 {to}：{within_s} 秒内用 hazard config confirm --by 姓名 确认，否则自动恢复原配置"
                ),
                Lang::En => format!(
                    "{to} is on trial: hazard config confirm --by NAME within {within_s} s, or the one before comes back"
                ),
            });
            OK
        }
        Ok(Answer::Configured(Configured { to, .. })) => {
            let done = if confirming {
                word(lang, "已确认", "confirmed")
            } else {
                word(lang, "已恢复", "back again")
            };
            say(&format!("{done} {}", short(&to)));
            OK
        }
        Ok(Answer::NotConfigured { why, detail }) => tell(&why, &detail, lang),
        Ok(answer) => refused(&answer, lang),
    }
}

/// Changes the file while no agent runs, after the same checks; the next start tells the journal.
fn offline(path: &Path, (new, who): (&Path, Who), lang: Lang) -> u8 {
    let Both { before, after, wanted } = match both(path, new, lang) {
        Ok(both) => both,
        Err(code) => return code,
    };
    say(&render(&before, &after, &compare::differences(&before, &after), lang));
    say_standing((&before, &after), lang);
    let Ok(_home) = Home::take(&before.state_dir) else {
        let why = word(lang, "代理正在运行：不要写 --offline", "an agent runs here: leave --offline out");
        eprintln!("{}: {why}", before.state_dir.display());
        return IN_USE;
    };
    match put(path, &wanted, who) {
        Ok(to) => {
            say(&format!("{} {}", word(lang, "已更换", "changed to"), short(&to)));
            OK
        }
        Err(Refusal { why, detail }) => tell(why, &detail, lang),
    }
}

fn put(path: &Path, wanted: &Files, who: Who) -> Result<String, Refusal> {
    let unwritable = |fault: std::io::Error| Refusal::with("cannot_write", fault);
    let before = std::fs::read_to_string(path).map_err(unwritable)?;
    let checked = check(path, (&before, wanted), None)?;
    let (by, approver) = person::pair(&who.by, who.approved_by.as_deref())
        .map_err(|misnamed| Refusal::with(misnamed.why, misnamed.detail()))?;
    let approver = approver.unwrap_or_default();
    check_people(&checked, (&by, &approver))?;
    // A page that cannot be read is no page without a trip.
    let found = standing(&checked.before, &checked.after).ok_or(Refusal::new("standing_unknown"))?;
    let refused = found.refused;
    if !refused.is_empty() {
        return Err(Refusal::standing(&refused));
    }
    let folder = Folder::open(&checked.before.state_dir, path).map_err(unwritable)?;
    if folder.marker().is_some() {
        return Err(Refusal::new("on_trial"));
    }
    let (before, after) = checked.files(&folder, (&before, &wanted.site));
    let clock = Clock::new(checked.before.clock_sync_file.clone());
    let marker = marker(&checked, (&by, &approver), (Duration::ZERO, &clock));
    let row = Row {
        actor: by,
        approver,
        note: who.note,
        told: told(&checked.differences),
        ..row(Change::Offline, &clock).about(&marker, Change::Offline)
    };
    carry_out(&folder.put(&marker, (&before, &after), row)).map_err(unwritable)?;
    folder.tidy();
    Ok(marker.to)
}

fn folder(path: &Path, lang: Lang) -> Result<Folder, u8> {
    let dirs = state_dirs(path);
    let Some(dir) = dirs.iter().find(|dir| dir.is_dir()).or(dirs.first()) else {
        return load(path, lang).and(Err(CONFIG));
    };
    Folder::open(dir, path).map_err(|fault| {
        eprintln!("{}: {fault}", dir.display());
        NO_INPUT
    })
}

fn history(path: &Path, json: bool, lang: Lang) -> u8 {
    let folder = match folder(path, lang) {
        Ok(folder) => folder,
        Err(code) => return code,
    };
    let history = folder.history();
    if json {
        return print_json(&json!({
            "current": history.current,
            "on_trial": folder.marker().map(|marker| marker.to),
            "rows": history.rows,
        }));
    }
    if history.rows.is_empty() {
        say(word(lang, "没有变更", "nothing was changed"));
        return OK;
    }
    let rows: Vec<String> = history.rows.iter().rev().map(|row| render_row(row, lang)).collect();
    say(&rows.join("\n"));
    OK
}

fn render_row(row: &Row, lang: Lang) -> String {
    let at =
        jiff::Timestamp::from_millisecond(row.at_ms).map_or_else(|_| "?".to_owned(), |at| at.to_string());
    let (zh, en) = match row.change {
        Change::Applied => ("试用", "applied on trial"),
        Change::Offline => ("离线更换", "changed offline"),
        Change::Confirmed => ("确认", "confirmed"),
        Change::RolledBack => ("撤回", "rolled back"),
        Change::Expired => ("无人确认，已恢复", "not confirmed, rolled back"),
        Change::Interrupted => ("试用中断，已恢复", "interrupted, rolled back"),
        Change::Unplanned => ("手工修改", "edited by hand"),
    };
    let clock = match (&*row.clock, lang) {
        ("synced", _) => "",
        (_, Lang::Zh) => "（时钟未同步）",
        (_, Lang::En) => " (clock not synchronised)",
    };
    let people = [&*row.actor, &*row.approver].into_iter().filter(|name| !name.is_empty());
    let people = people.collect::<Vec<_>>().join(" / ");
    let head = [&*at, clock, "  ", word(lang, zh, en), "  ", &people].concat();
    let mut text = format!("{}  {} → {}  {}\n", head.trim_end(), short(&row.from), short(&row.to), row.note);
    let told = row.told.iter().map(|one| (&*one.class, &*one.zh, &*one.en));
    text.push_str(&lines(told, lang).lines().map(|line| format!("  {line}\n")).collect::<String>());
    text
}

fn show(path: &Path, hash: &str, lang: Lang) -> u8 {
    let folder = match folder(path, lang) {
        Ok(folder) => folder,
        Err(code) => return code,
    };
    match folder.find(hash).and_then(|hash| folder.files(&hash)) {
        Some(files) => {
            say(&files.site);
            for (name, text) in &files.templates {
                if let Some(text) = text {
                    say(&format!("\n# devices/{name}.toml\n{text}"));
                }
            }
            OK
        }
        None => tell("unknown_hash", hash, lang),
    }
}
