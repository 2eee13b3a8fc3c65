//! `hazard match`: which template a device at the line may be of. It reads what the signatures name and nothing else, one
//! request at a time; it writes nothing.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use hazard_core::link::{Exception, LinkFault, ReadRequest, Table};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::line::open::{self, Place, Speed};
use super::{NOT_WHOLE, OK, SOFTWARE, UNAVAILABLE, say, word};
use crate::config::{self, Answers, Candidate, Evidence, Lang, Model, Seen, Standing, Style};
use crate::modbus::{Link, LinkStats, Timing};
use crate::settings::{BusLink, Endpoint};

/// A device that has answered nothing of so many requests is taken for absent.
const SILENT_MAX: usize = 8;

/// Which device is looked at, and how long.
#[derive(Debug, Args)]
pub(super) struct Look {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    speed: Speed,
    /// 站号 unit address
    #[arg(long)]
    unit: u8,
    /// 每次应答的时限 how long each answer may take
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u64).range(20..=30_000))]
    timeout_ms: u64,
    /// 最多用多少秒，超过则按已读到的排名 how many seconds at most; what was read by then is ranked
    #[arg(long, default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    within_s: u64,
    /// 列出前几名及其依据 how many models are shown with their evidence
    #[arg(long, default_value_t = 3)]
    top: usize,
    /// 输出 JSON print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn look(path: &Path, look: &Look, lang: Lang) -> u8 {
    let models = match config::models(path) {
        Ok(models) => models,
        Err(report) => {
            eprint!("{}", report.render(lang, Style::of_stderr()));
            return super::CONFIG;
        }
    };
    let chosen = match open::choose(path, &look.place, &look.speed, lang) {
        Ok(chosen) => chosen,
        Err(code) => return code,
    };
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        return SOFTWARE;
    };
    let limits = Limits {
        timeout: Duration::from_millis(look.timeout_ms),
        within: Duration::from_secs(look.within_s),
    };
    let asked = runtime.block_on(async {
        open::try_open(&chosen, lang).await?;
        Ok(read(chosen.settings, &models, look.unit, limits).await)
    });
    // A driver that hangs in open(2) must not keep the terminal.
    runtime.shutdown_background();
    let answers = match asked {
        Ok(answers) => answers,
        Err(code) => return code,
    };
    if let Some(why) = silence(&answers, lang) {
        eprintln!("{why}");
        return UNAVAILABLE;
    }
    if let Some(why) = doubt(&answers, lang) {
        eprintln!("{why}");
    }
    let ranked = config::rank(&models, look.unit, &answers);
    if look.json {
        say(&format!("{:#}", to_json(&ranked, look.unit)));
    } else {
        say(&render(&ranked, look.top, lang));
    }
    if ranked.first().is_some_and(|first| first.score > 0) { OK } else { NOT_WHOLE }
}

/// How long may be waited.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// For each answer.
    pub timeout: Duration,
    /// For all of them.
    pub within: Duration,
}

/// Reads what the signatures of `models` name: each read once, those that say most first.
pub async fn read(settings: BusLink, models: &[Model], unit: u8, limits: Limits) -> Answers {
    let is_line = !matches!(settings.endpoint, Endpoint::Tcp { .. });
    // Replies on a line carry no number: one that is late must not be taken for the next.
    let late_window = if is_line { limits.timeout } else { Duration::ZERO };
    let timing = Timing { timeout: limits.timeout, late_window };
    let mut link = Link::new(settings, Arc::new(LinkStats::default()));
    let mut answers = Answers::new();
    // What was read by then is ranked.
    drop(timeout(limits.within, ask(&mut link, config::reads(models, unit), timing, &mut answers)).await);
    answers
}

async fn ask(link: &mut Link, requests: Vec<ReadRequest>, timing: Timing, answers: &mut Answers) {
    let (mut silent, mut heard) = (0, false);
    for request in requests {
        let answer = link.read(&request, timing).await;
        heard |= config::is_heard(&answer);
        silent += usize::from(!config::is_heard(&answer));
        let is_gone = answer == Err(LinkFault::Gone);
        answers.insert(config::key(&request), answer);
        // A line that cannot be opened is not opened better by asking again.
        if !heard && (is_gone || silent >= SILENT_MAX) {
            break;
        }
    }
}

/// Why the ranking may say less than it seems; a device that answers whatever it is asked bears every readable row out.
#[must_use]
pub fn doubt(answers: &Answers, lang: Lang) -> Option<&'static str> {
    let all = answers.len() >= SILENT_MAX && answers.values().all(Result::is_ok);
    all.then(|| {
        word(
            lang,
            "这台设备对问到的每个地址都应答：“读得出”不是依据，看身份寄存器那几行和铭牌",
            "this device answers every address that was asked: being readable is no evidence, look at the identity rows and the name plate",
        )
    })
}

/// What is said where nothing was heard.
fn silence(answers: &Answers, lang: Lang) -> Option<&'static str> {
    if answers.values().any(config::is_heard) {
        return None;
    }
    let has = |fault| answers.values().any(|answer| *answer == Err(fault));
    Some(if has(LinkFault::Gone) {
        word(lang, "连不上：检查地址、端口和接线", "cannot connect: check host, port and wiring")
    } else if has(LinkFault::Garbled) {
        word(
            lang,
            "有应答但读不懂：检查波特率、校验和停止位，或两个设备同一站号",
            "something answers and cannot be understood: check baud rate, parity and stop bits, or two devices share the unit",
        )
    } else {
        word(
            lang,
            "没有应答：检查站号、波特率、校验、A/B 线和电源",
            "no answer: check unit, baud rate, parity, the A/B wires and power",
        )
    })
}

/// The best `top` models with their evidence, for people.
#[must_use]
pub fn render(ranked: &[Candidate<'_>], top: usize, lang: Lang) -> String {
    let mut lines = Vec::new();
    for (place, candidate) in (1..).zip(ranked.iter().take(top.max(1))) {
        let Candidate { model, score, full, evidence } = candidate;
        let named = format!("{place}. {}  {}", model.template, name(&model.names, lang));
        lines.push(format!("{named}  {} {score}/{full}", word(lang, "得分", "score")));
        lines.extend(evidence.iter().map(|row| format!("   {}", line(row, lang))));
    }
    if ranked.first().is_none_or(|first| first.score <= 0) {
        lines.push(
            word(
                lang,
                "没有合适的模板：按手册新写一个，见 docs/devices.zh-CN.md",
                "no template fits: write one from the manual, see docs/devices.md",
            )
            .to_owned(),
        );
    } else if let [first, second, ..] = ranked
        && first.score == second.score
    {
        lines.push(
            word(
                lang,
                "前两名得分相同：特征不足以区分，看铭牌",
                "the first two score the same: their signatures do not tell them apart, look at the name plate",
            )
            .to_owned(),
        );
    }
    lines.join("\n")
}

fn line(row: &Evidence<'_>, lang: Lang) -> String {
    let request = row.mark.request(0);
    let read = word(lang, "读到", "read");
    let expected = word(lang, "应为", "expected");
    format!(
        "{} {} ({} {})  {}: {read} {}, {expected} {}  [{}]",
        sign(row.standing),
        row.mark.reference(),
        table(request.table),
        request.start,
        name(&row.mark.words, lang),
        seen(&row.seen, lang),
        row.mark.expect.told(lang),
        row.mark.weight,
    )
}

/// All models with their evidence, for programs.
#[must_use]
pub fn to_json(ranked: &[Candidate<'_>], unit: u8) -> Value {
    let models: Vec<Value> = ranked
        .iter()
        .map(|candidate| {
            let Model { template, vendor, model, names: [zh, en], source, .. } = candidate.model;
            json!({
                "template": template, "vendor": vendor, "model": model, "zh": zh, "en": en, "source": source,
                "score": candidate.score, "full": candidate.full,
                "evidence": candidate.evidence.iter().map(row_json).collect::<Vec<_>>(),
            })
        })
        .collect();
    json!({ "unit": unit, "models": models })
}

fn row_json(row: &Evidence<'_>) -> Value {
    let request = row.mark.request(0);
    let [zh, en] = &row.mark.words;
    let read = match &row.seen {
        Seen::Number(number) => json!(number),
        Seen::Text(text) => json!(text),
        Seen::Nonsense | Seen::Refusal(_) | Seen::Nothing => Value::Null,
    };
    json!({
        "reference": row.mark.reference(), "table": table(request.table), "address": request.start,
        "count": request.count, "zh": zh, "en": en, "read": read, "told": seen(&row.seen, Lang::En),
        "expected": row.mark.expect.told(Lang::En), "weight": row.mark.weight, "standing": standing(row.standing),
    })
}

const fn name(names: &[String; 2], lang: Lang) -> &str {
    let [zh, en] = names;
    match lang {
        Lang::Zh => zh.as_str(),
        Lang::En => en.as_str(),
    }
}

const fn sign(standing: Standing) -> &'static str {
    match standing {
        Standing::Hit => "+",
        Standing::Miss => "-",
        Standing::Refused => "x",
        Standing::NotHeard => "?",
    }
}

const fn standing(standing: Standing) -> &'static str {
    match standing {
        Standing::Hit => "hit",
        Standing::Miss => "miss",
        Standing::Refused => "refused",
        Standing::NotHeard => "not_heard",
    }
}

const fn table(table: Table) -> &'static str {
    match table {
        Table::Coil => "coil",
        Table::Discrete => "discrete",
        Table::Input => "input",
        Table::Holding => "holding",
    }
}

fn seen(seen: &Seen, lang: Lang) -> String {
    match seen {
        Seen::Number(number) => number.to_string(),
        Seen::Text(text) => format!("\"{text}\""),
        Seen::Nonsense => word(lang, "不成数", "no number").to_owned(),
        Seen::Refusal(exception) => refusal(*exception, lang),
        Seen::Nothing => word(lang, "没有应答", "no answer").to_owned(),
    }
}

fn refusal(exception: Exception, lang: Lang) -> String {
    let (code, why) = match exception {
        Exception::IllegalFunction => (1, word(lang, "不支持这个功能码", "no such function")),
        Exception::IllegalAddress => (2, word(lang, "没有这个地址", "no such address")),
        Exception::IllegalValue => (3, word(lang, "不接受这个请求", "request not accepted")),
        Exception::DeviceFailure => (4, word(lang, "设备故障", "device failure")),
        Exception::Acknowledge => (5, word(lang, "稍后再问", "ask later")),
        Exception::Busy => (6, word(lang, "设备忙", "busy")),
        Exception::GatewayPath => (10, word(lang, "网关没有通路", "gateway has no path")),
        Exception::GatewayTarget => (11, word(lang, "网关后的设备没有应答", "no answer behind the gateway")),
        Exception::Other(code) => (code, word(lang, "其他", "other")),
    };
    format!("{} {code:02}: {why}", word(lang, "异常", "exception"))
}

#[cfg(test)]
mod tests {
    use hazard_core::link::Words;

    use super::*;

    fn answers(count: u16, answer: &config::Answer) -> Answers {
        (0..count).map(|start| ((Table::Holding, start, 1), answer.clone())).collect()
    }

    #[test]
    fn silence_is_told_by_its_kind_and_an_answer_is_none() {
        let told = |fault| silence(&answers(8, &Err(fault)), Lang::En).unwrap_or_default();
        assert!(told(LinkFault::Gone).starts_with("cannot connect"));
        assert!(told(LinkFault::Garbled).starts_with("something answers"));
        assert!(told(LinkFault::Silent).starts_with("no answer"));
        assert!(told(LinkFault::Refused(Exception::GatewayTarget)).starts_with("no answer"));
        assert_eq!(told(LinkFault::Refused(Exception::IllegalAddress)), "");
    }

    #[test]
    fn a_device_that_answers_everything_is_doubted() {
        let zero = Ok(Words::Registers(vec![0]));
        let mut all = answers(20, &zero);
        assert!(doubt(&all, Lang::En).is_some() && doubt(&answers(3, &zero), Lang::En).is_none());
        all.insert((Table::Coil, 0, 1), Err(LinkFault::Refused(Exception::IllegalAddress)));
        assert_eq!(doubt(&all, Lang::En), None);
    }
}
