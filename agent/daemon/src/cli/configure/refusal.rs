//! Why the configuration stays as it is, in words, and the exit code.

use std::collections::BTreeMap;

use crate::cli::{CANNOT_WRITE, CONFIG, NO_INPUT, NOT_PERMITTED, OK, USAGE, word};
use crate::config::Lang;

/// Says what stands and forbids the change; anything else as it is.
fn standing(detail: &str, lang: Lang) -> String {
    let lines: Vec<BTreeMap<String, String>> = serde_json::from_str(detail).unwrap_or_default();
    let shown = lines.iter().filter_map(|line| line.get(word(lang, "zh", "en")));
    if lines.is_empty() { detail.to_owned() } else { shown.map(|line| format!("\n  {line}")).collect() }
}

/// Says why the configuration stays as it is, and what to do instead.
pub(super) fn tell(why: &str, detail: &str, lang: Lang) -> u8 {
    let ((zh, en), code) = about_people(why).or_else(|| about_files(why)).unwrap_or((
        (
            "写不了文件：代理须能写站点文件所在目录和 state_dir",
            "files cannot be written: the agent needs to write the site file's folder and state_dir",
        ),
        CANNOT_WRITE,
    ));
    let shown = if why == "stands" { standing(detail, lang) } else { detail.to_owned() };
    let gap = if detail.is_empty() { "" } else { ": " };
    eprintln!("{}{gap}{shown}", word(lang, zh, en));
    code
}

type Told = ((&'static str, &'static str), u8);

fn about_people(why: &str) -> Option<Told> {
    let words = match why {
        "no_actor" => ("须写操作人 --by", "say who you are with --by"),
        "no_approver" => (
            "降低保护须另一人批准：--approved-by",
            "protection is lowered: name another person with --approved-by",
        ),
        "second_person" => (
            "降低保护的批准人须为另一人",
            "whoever approves that protection is lowered must be another person",
        ),
        "hidden_character" => {
            ("名字里有看不见的字符，重新输入名字", "a name has an invisible character; type the name again")
        }
        "look_alike" => (
            "批准人的名字看上去和操作人一样（字母不同），须为另一人，写其本名",
            "the approver's name only looks like the actor's, in other letters; another person has to approve, under a name of his own",
        ),
        "on_trial" => (
            "已有配置在试用：先 hazard config confirm 或 rollback",
            "another configuration is on trial: hazard config confirm or rollback first",
        ),
        "stands" => (
            "新配置会丢掉正在动作或保持的联锁，没有更换",
            "the change would drop a trip that stands or is held, nothing was changed",
        ),
        "standing_unknown" => (
            "掉电保持文件及其副本都读不出，不知道哪些联锁在保持：先启动代理，现场确认并复位，再更换",
            "neither the retentive file nor its copy can be read, so which trips are held is not known: start the agent, look at the plant and reset, then apply",
        ),
        "not_on_trial" => ("没有试用中的配置", "no configuration is on trial"),
        _ => return None,
    };
    Some((words, NOT_PERMITTED))
}

fn about_files(why: &str) -> Option<Told> {
    Some(match why {
        "unchanged" => (("没有变化", "nothing changes"), OK),
        "bad_time" => (
            (
                "--confirm-within 须在 1 秒到 24 小时之间",
                "write --confirm-within between 1 second and 24 hours",
            ),
            USAGE,
        ),
        "drift" => (
            (
                "磁盘上的文件不是正在运行的配置：先改回，或用 kill -HUP 使其生效",
                "the files on disk are not what runs: change them back, or have them read with kill -HUP first",
            ),
            CONFIG,
        ),
        "faulty" => (("代理认为新配置有错", "the agent finds faults in the new configuration"), CONFIG),
        "cannot_run" => (("新配置不能运行", "the new configuration cannot be run"), CONFIG),
        "another_state_dir" => (
            (
                "state_dir 不能在运行中改变：先停止代理",
                "state_dir cannot change while the agent runs: stop it first",
            ),
            CONFIG,
        ),
        "too_large" => {
            (("站点文件和模板合起来太大", "the site file and its templates are too large together"), CONFIG)
        }
        "unknown_hash" => (
            ("没有这个配置，见 hazard config history", "no such configuration, see hazard config history"),
            NO_INPUT,
        ),
        "nothing_before" => (("没有更早的配置", "there is no earlier configuration"), NO_INPUT),
        _ => return None,
    })
}
