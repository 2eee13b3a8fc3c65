//! `hazard journal verify`.

use std::path::Path;

use serde_json::{Value, json};

use super::bundle::{self, Bundle};
use super::{Failure, Found, KeySource, Place, Range, code, find, steadily, texts};
use crate::cli::{say, word};
use crate::config::Lang;
use crate::journal::finding::Finding;
use crate::journal::key::Public;
use crate::journal::manifest::{Signature, line};
use crate::journal::verify::{Against, Verdict, verify};
use crate::journal::walk::LaneSum;

pub(super) fn journal(
    site: &Path,
    place: &Place,
    (range, as_json): (Range, bool),
    lang: Lang,
) -> Result<u8, Failure> {
    let (found, verdict) = steadily(|| {
        let found = find(site, place, lang)?;
        let against = Against { key: found.trusted.map(|(key, _)| key), ends: None };
        let verdict = verify(&found.folder, &against)?;
        Ok((found, verdict))
    })?;
    let Found { folder, trusted, .. } = found;
    let seen = Seen { of: folder.dir().display().to_string(), trusted, faults: Vec::new(), range };
    Ok(report(&seen, &verdict, as_json, lang))
}

/// Verifies an exported folder: its files, its signature, and its blocks as a journal.
pub(super) fn export(dir: &Path, place: &Place, as_json: bool, lang: Lang) -> Result<u8, Failure> {
    let given = place.key.as_deref().map(Public::read).transpose()?;
    let Bundle { key, folder, ends, faults } = bundle::open(dir, given)?;
    let verdict = verify(&folder, &Against { key, ends: Some(ends) })?;
    let from = if given.is_some() { KeySource::Given } else { KeySource::First };
    let faults = faults.iter().map(|fault| fault.text(lang)).collect();
    let trusted = key.map(|key| (key, from));
    let seen = Seen { of: dir.display().to_string(), trusted, faults, range: Range::default() };
    Ok(report(&seen, &verdict, as_json, lang))
}

/// What was looked at.
struct Seen {
    of: String,
    trusted: Option<(Public, KeySource)>,
    /// Of the exported folder.
    faults: Vec<String>,
    range: Range,
}

fn report(seen: &Seen, verdict: &Verdict, as_json: bool, lang: Lang) -> u8 {
    let Seen { of, trusted, faults, range } = seen;
    let meant =
        |finding: &&Finding| finding.place.between.is_none_or(|(since, until)| range.meets(since, until));
    let findings: Vec<&Finding> = verdict.findings.iter().filter(meant).collect();
    let whole = verdict.more == 0 && faults.is_empty() && !findings.iter().any(|one| one.what.is_fault());
    let key = trusted.or(verdict.key.map(|key| (key, KeySource::First)));
    if as_json {
        say(&format!("{:#}", document((of, key, faults), &findings, (verdict, whole))));
        return code(whole);
    }
    say(of);
    verdict.lanes.iter().for_each(|sum| say(&lane(sum, lang)));
    let signed =
        verdict.said.manifests.iter().filter(|kept| matches!(kept.signature, Signature::Good(_))).count();
    let manifests = verdict.said.manifests.len();
    match lang {
        Lang::Zh => say(&format!("清单 {manifests} 份，签名有效 {signed} 份")),
        Lang::En => say(&format!("manifests {manifests}, with a valid signature {signed}")),
    }
    if let Some((key, from)) = key {
        say(&format!("{} {}  {}", word(lang, "公钥", "public key"), key.hex(), texts::source(from, lang)));
    }
    faults.iter().for_each(|fault| say(&format!("■ {fault}")));
    findings.iter().for_each(|one| say(&texts::finding(one, lang)));
    let count = findings.iter().filter(|one| one.what.is_fault()).count() + faults.len();
    let count = u64::try_from(count).unwrap_or(u64::MAX).saturating_add(verdict.more);
    match (whole, lang) {
        (true, _) => say(word(lang, "完整：没有发现改动", "whole: nothing was changed")),
        (false, Lang::Zh) => say(&format!("不完整：{count} 处问题")),
        (false, Lang::En) => say(&format!("not whole: {count} faults")),
    }
    code(whole)
}

fn lane(sum: &LaneSum, lang: Lang) -> String {
    let (epoch, lane) = (sum.epoch.map_or(0, |epoch| epoch.0), texts::lane(sum.lane, lang));
    let (no, first, last) = (sum.ordinal, sum.first(), sum.last());
    let (records, readings) = (sum.counted.records, sum.counted.readings);
    match lang {
        Lang::Zh => {
            format!("  纪元 {no} ({epoch:016x}) {lane} {first}–{last}：{records} 条记录，{readings} 个读数")
        }
        Lang::En => format!(
            "  epoch {no} ({epoch:016x}) {lane} {first}–{last}: {records} records, {readings} readings"
        ),
    }
}

type Of<'a> = (&'a String, Option<(Public, KeySource)>, &'a Vec<String>);

fn document((of, key, faults): Of<'_>, findings: &[&Finding], (verdict, whole): (&Verdict, bool)) -> Value {
    let lanes: Vec<Value> = verdict.lanes.iter().map(sum).collect();
    let manifests = verdict.said.manifests.iter().map(|kept| {
        let signature = match kept.signature {
            Signature::Good(_) => "good",
            Signature::Absent => "absent",
            Signature::Bad => "bad",
        };
        json!({ "epoch_no": kept.ordinal, "seq": kept.seq, "signature": signature, "key": kept.manifest.key })
    });
    let from = key.map(|(_, from)| match from {
        KeySource::Given => "given",
        KeySource::Beside => "beside",
        KeySource::First => "first",
    });
    let findings = findings.iter().map(|finding| {
        let mut value = serde_json::to_value(finding).unwrap_or_default();
        value["fault"] = finding.what.is_fault().into();
        value
    });
    json!({
        "of": of,
        "whole": whole,
        "key": key.map(|(key, _)| key.hex()),
        "key_from": from,
        "blocks": verdict.blocks,
        "lanes": lanes,
        "manifests": manifests.collect::<Vec<_>>(),
        "files": faults,
        "findings": findings.collect::<Vec<_>>(),
        "more": verdict.more,
    })
}

/// A lane's sums as JSON.
pub(super) fn sum(sum: &LaneSum) -> Value {
    let head = sum.epoch.zip(sum.mark).map(|(epoch, mark)| {
        let (ordinal, lane, through) = (sum.ordinal, sum.lane, sum.last());
        line(&crate::journal::manifest::Head { epoch, ordinal, lane, through, mark }).trim_end().to_owned()
    });
    json!({
        "epoch": sum.epoch.map(|epoch| format!("{:016x}", epoch.0)),
        "epoch_no": sum.ordinal,
        "lane": crate::words::lane(sum.lane),
        "first": sum.first(),
        "last": sum.last(),
        "records": sum.counted.records,
        "readings": sum.counted.readings,
        "head": head,
    })
}
