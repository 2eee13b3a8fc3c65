//! Warnings that the site file accepts, with their reasons.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::config::{Accepted, Lang};

/// Two lines for each; nothing where nothing is accepted.
pub(super) fn write(accepted: &[Accepted], lang: Lang, text: &mut String) {
    if accepted.is_empty() {
        return;
    }
    let title = match lang {
        Lang::Zh => "已确认的警告",
        Lang::En => "Accepted warnings",
    };
    let _ = writeln!(text, "{title}");
    for Accepted { warning, of, reason, message: [zh, en] } in accepted {
        let (message, why) = match lang {
            Lang::Zh => (zh, "理由"),
            Lang::En => (en, "reason"),
        };
        let _ = writeln!(text, "  {warning}  {of}  {message}");
        let _ = writeln!(text, "    {why}: {reason}");
    }
}

pub(super) fn to_json(accepted: &[Accepted]) -> Vec<Value> {
    let row = |Accepted { warning, of, reason, message: [zh, en] }: &Accepted| json!({ "warning": warning, "of": of, "reason": reason, "message": { "zh": zh, "en": en } });
    accepted.iter().map(row).collect()
}
