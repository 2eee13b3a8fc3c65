//! What a change of configuration does to what stands, as `hazard config` says it.

use serde_json::json;

use crate::cli::{say, word};
use crate::config::{Lang, Loaded};
use crate::retentive;
use crate::run::standing::{Line, Outcome, Withdrawn, judge};

/// What becomes of what stands, by the page that a running agent keeps at each change and one that ended has left; `None` where
/// it cannot be read.
pub(in crate::cli) fn standing(before: &Loaded, after: &Loaded) -> Option<Outcome> {
    let page = retentive::last(&before.state_dir, &before.journal.dir)?;
    Some(judge(&page, (&before.site, &before.dictionary), after))
}

pub(super) fn say_standing((before, after): (&Loaded, &Loaded), lang: Lang) {
    let text = render_standing(standing(before, after).as_ref(), lang);
    if !text.is_empty() {
        say(&text);
    }
}

/// What becomes of what stands, as programs read it.
pub(super) fn standing_json(outcome: &Outcome) -> serde_json::Value {
    let withdrawn: Vec<Line> = outcome.withdrawn.iter().map(Withdrawn::line).collect();
    let lines = |lines: &[Line]| -> serde_json::Value {
        lines.iter().map(|line| json!({ "zh": line.zh, "en": line.en })).collect()
    };
    json!({
        "refused": lines(&outcome.refused),
        "carried": lines(&outcome.carried),
        "withdrawn": lines(&withdrawn),
    })
}

/// What becomes of what stands, as people read it; nothing where nothing is touched.
#[must_use]
pub fn render_standing(outcome: Option<&Outcome>, lang: Lang) -> String {
    let Some(outcome) = outcome else {
        return word(
            lang,
            "读不了现状 (state_dir)：更换时由网关程序判断\n",
            "what stands cannot be read (state_dir): the agent judges it when it is applied\n",
        )
        .to_owned();
    };
    let withdrawn = outcome.withdrawn.iter().map(Withdrawn::line);
    let all = [
        (("不能更换", "refused"), outcome.refused.clone()),
        (("保留", "carried over"), outcome.carried.clone()),
        (("撤销", "withdrawn"), withdrawn.collect()),
    ];
    let line = |(fate, lines): &((&'static str, &'static str), Vec<Line>)| -> String {
        let fate = word(lang, fate.0, fate.1);
        lines.iter().map(|line| format!("[{fate}] {}\n", line.text(lang))).collect()
    };
    all.iter().map(line).collect()
}
