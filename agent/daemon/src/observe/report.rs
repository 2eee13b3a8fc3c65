//! What a person is told who ended a calibration or a proof test: passed or every reason why not, then what was measured.

use super::render::{clean, rounded, said};
use super::texts::{self, pick};
use super::upkeep::{FailureRow, TestReport, Took};
use crate::config::Lang;

/// The report in words.
#[must_use]
pub fn render_test(report: &TestReport, lang: Lang) -> String {
    let mut lines = Vec::new();
    let verdict = if report.failures.is_empty() {
        pick(lang, "○ 通过", "○ passed")
    } else {
        pick(lang, "■ 未通过", "■ not passed")
    };
    lines.push(format!("{verdict}  {}", clean(&report.upkeep)));
    lines.extend(report.failures.iter().map(|failure| format!("  ■ {}", failure.words(lang))));
    let value = |zh, en, value: Option<f64>| {
        value.map(|value| format!("  {} {} {}", pick(lang, zh, en), rounded(value), clean(&report.unit)))
    };
    lines.extend(value("标准值", "applied", report.applied));
    lines.extend(value("加气前", "before the gas", report.baseline));
    lines.extend(value("稳定值", "settled at", report.plateau));
    lines.extend(value("偏差", "deviation", report.deviation));
    let took = |zh, en, took: Option<Took>| {
        let about = |took: Took| if took.estimated { pick(lang, "（估计）", " (estimated)") } else { "" };
        took.map(|took| format!("  {} {}{}", pick(lang, zh, en), seconds(took.ms), about(took)))
    };
    lines.extend(took("响应时间 t90", "response time t90", report.response));
    lines.extend(took("恢复时间", "recovery time", report.recovery));
    for seen in &report.tripped {
        let proven = seen.proven_ms.map(|ms| {
            let took = seconds(ms);
            said(lang, &format!("，{took} 后到位"), &format!(", shown in its safe position after {took}"))
        });
        lines.push(format!(
            "  ▲ {} {} {}{}",
            clean(&seen.name),
            pick(lang, "动作于", "tripped after"),
            seconds(seen.after_ms),
            proven.unwrap_or_default()
        ));
    }
    lines.into_iter().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

impl FailureRow {
    fn words(&self, lang: Lang) -> String {
        let word = match (&*self.why, self.took_ms) {
            ("too_slow", None) => "never_90",
            ("not_recovered", None) => "never_back",
            (why, _) => why,
        };
        let of = self.of.as_deref().map(|of| format!("{}：", clean(of)));
        let of = match lang {
            Lang::Zh => of,
            Lang::En => of.map(|of| of.replace('：', ": ")),
        };
        let took = self.took_ms.map(|ms| format!(" {}", seconds(ms)));
        format!("{}{}{}", of.unwrap_or_default(), texts::failure(word, lang), took.unwrap_or_default())
    }
}

fn seconds(ms: u64) -> String {
    format!("{}.{} s", ms / 1_000, ms % 1_000 / 100)
}
