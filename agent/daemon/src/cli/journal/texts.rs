//! What was found, in words.

use std::path::Path;

use hazard_core::outbox::Lane;

use super::KeySource;
use crate::cli::word;
use crate::config::Lang;
use crate::journal::finding::{Finding, Place, What};
use crate::journal::manifest::time;
use crate::journal::read::Unreadable;

pub(super) fn unreadable(error: &Unreadable, lang: Lang) -> String {
    let at = |path: &Path, zh: &'static str, en: &'static str| {
        format!("{}: {}", path.display(), word(lang, zh, en))
    };
    match error {
        Unreadable::Absent(path) => {
            at(path, "不存在；请用 --dir 指明日志目录", "is not there; name the journal's folder with --dir")
        }
        Unreadable::Foreign(path) => at(
            path,
            "不是本程序的日志；请用 --dir 指明日志目录（数据目录中的 journal）",
            "is not a journal of this program; name the folder with --dir (journal in the state folder)",
        ),
        Unreadable::Newer(path) => at(
            path,
            "由更新版本写成，本版本读不懂；请用不低于该版本的 hazard",
            "was written by a newer version that this one cannot read; use that version of hazard",
        ),
        Unreadable::Refused(path, why) => {
            let refused = word(
                lang,
                "读不到，请用 root 或代理的用户运行",
                "cannot be read; run as root or as the agent's user",
            );
            format!("{}: {refused}: {why}", path.display())
        }
        Unreadable::Moved(path) => at(
            path,
            "读取时被代理移走；请再运行一次",
            "was moved by the agent while it was read; run this once more",
        ),
    }
}

/// One finding on a line.
pub(super) fn finding(finding: &Finding, lang: Lang) -> String {
    let sign = if finding.what.is_fault() { '■' } else { '○' };
    let records = finding.records.map(|records| match lang {
        Lang::Zh => format!("，{records} 条"),
        Lang::En => format!(", {records} records"),
    });
    let note = if finding.note.is_empty() { String::new() } else { format!(" ({})", finding.note) };
    let colon = word(lang, "：", ": ");
    let (what, place) = (what(finding.what, lang), place(&finding.place, lang));
    format!("{sign} {what}{colon}{place}{}{note}", records.unwrap_or_default())
}

fn place(place: &Place, lang: Lang) -> String {
    let mut parts = Vec::new();
    if let Some(segment) = &place.segment {
        parts.push(format!("{} {segment}", word(lang, "段", "segment")));
    }
    if place.epoch_no > 0 || place.epoch.is_some() {
        let id = place.epoch.map_or_else(|| "?".to_owned(), |epoch| format!("{:016x}", epoch.0));
        parts.push(format!("{} {} ({id})", word(lang, "纪元", "epoch"), place.epoch_no));
    }
    parts.extend(place.lane.map(|one| lane(one, lang).to_owned()));
    if place.last > 0 {
        parts.push(format!("{} {}–{}", word(lang, "号", "numbers"), place.first, place.last));
    }
    if let Some((since, until)) = place.between {
        parts.push(format!("{} – {}", time(since), time(until)));
    }
    parts.join(word(lang, "，", ", "))
}

pub(super) fn lane(lane: Lane, lang: Lang) -> &'static str {
    match lane {
        Lane::Event => word(lang, "事件", "events"),
        Lane::Reading => word(lang, "读数", "readings"),
    }
}

fn what(what: What, lang: Lang) -> &'static str {
    let (zh, en) = match what {
        What::BlockChanged => ("块被改动或损坏", "a block was changed or damaged"),
        What::RecordsChanged => ("记录被改动", "records were changed"),
        What::RecordsRemoved => ("记录被删除", "records were removed"),
        What::OutOfOrder => ("块被调换位置", "a block was moved"),
        What::Doubled => ("同一编号出现两次", "the same numbers are there twice"),
        What::EndMissing => ("末尾缺失", "the end is missing"),
        What::EpochMissing => ("整个纪元缺失", "a whole epoch is missing"),
        What::HeaderMissing => ("纪元头文件缺失或损坏", "the header of an epoch is missing or damaged"),
        What::ManifestDiffers => {
            ("与清单不符：清单之前的记录被改动", "a manifest differs: records before it were changed")
        }
        What::ManifestForged => ("清单签名无效", "the signature of a manifest is not valid"),
        What::ManifestForeign => ("清单由别的密钥签名", "a manifest is signed with another key"),
        What::ManifestUnread => ("清单内容读不懂", "a manifest cannot be understood"),
        What::ManifestMissing => ("清单缺失", "a manifest is missing"),
        What::SegmentDamaged => {
            ("段文件损坏，已按原始字节读取", "a segment's files are damaged; its raw bytes were read")
        }
        What::BeginningPurged => ("开头已按保留期清除", "the beginning was dropped by retention"),
        What::StretchPurged => (
            "中间一段已按保留策略清除：保留记录中有登记",
            "a stretch was dropped by retention, whose notes name it",
        ),
        What::NotChained => ("早期版本写成，没有哈希链", "written by an early version, without a hash chain"),
        What::ManifestUnsigned => {
            ("清单未签名：网关没有密钥", "a manifest is unsigned: the gateway had no key")
        }
    };
    word(lang, zh, en)
}

pub(super) fn source(source: KeySource, lang: Lang) -> &'static str {
    let (zh, en) = match source {
        KeySource::Given => ("由你指定", "named by you"),
        KeySource::Beside => (
            "取自日志旁；要证明是哪个网关，请与平台或安装记录中的公钥核对",
            "found beside the journal; to prove which gateway it is, compare it with the platform's or the installer's copy",
        ),
        KeySource::First => (
            "取自内容本身；要证明是哪个网关，请与平台或安装记录中的公钥核对",
            "taken from what is verified; to prove which gateway it is, compare it with the platform's or the installer's copy",
        ),
    };
    word(lang, zh, en)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::sync::Arc;

    use hazard_core::Utc;
    use hazard_core::id::Epoch;

    use super::*;

    const ALL: [What; 18] = [
        What::BlockChanged,
        What::RecordsChanged,
        What::RecordsRemoved,
        What::OutOfOrder,
        What::Doubled,
        What::EndMissing,
        What::EpochMissing,
        What::HeaderMissing,
        What::ManifestDiffers,
        What::ManifestForged,
        What::ManifestForeign,
        What::ManifestUnread,
        What::ManifestMissing,
        What::SegmentDamaged,
        What::BeginningPurged,
        What::StretchPurged,
        What::NotChained,
        What::ManifestUnsigned,
    ];

    fn lines(lang: Lang) -> String {
        let at = Utc::from_unix_ms(1_780_000_000_000);
        let place = Place {
            segment: Some(Arc::from("seg-0000000001")),
            epoch: Some(Epoch(0xa1)),
            epoch_no: 3,
            lane: Some(Lane::Reading),
            first: 41,
            last: 80,
            between: Some((at, at)),
        };
        let one = |what| Finding { what, place: place.clone(), records: Some(40), note: String::new() };
        let path = || PathBuf::from("/var/lib/hazard/journal");
        let unread = [
            Unreadable::Absent(path()),
            Unreadable::Foreign(path()),
            Unreadable::Newer(path()),
            Unreadable::Refused(path(), "EACCES".to_owned()),
            Unreadable::Moved(path()),
        ];
        let found = ALL.map(|what| finding(&one(what), lang));
        let keys =
            [KeySource::Given, KeySource::Beside, KeySource::First].map(|from| source(from, lang).to_owned());
        let all = found.into_iter().chain(unread.iter().map(|error| unreadable(error, lang))).chain(keys);
        all.map(|line| line + "\n").collect()
    }

    #[test]
    fn every_finding_has_words_in_both_languages_as_they_were_agreed() {
        let golden =
            PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/contract/golden/evidence"));
        for (lang, name) in [(Lang::Zh, "findings.zh.txt"), (Lang::En, "findings.en.txt")] {
            let path = golden.join(name);
            if std::env::var_os("HAZARD_BLESS").is_some_and(|wish| wish == "1") && !path.exists() {
                std::fs::create_dir_all(&golden).unwrap();
                std::fs::write(&path, lines(lang)).unwrap();
            }
            assert_eq!(lines(lang), std::fs::read_to_string(&path).unwrap_or_default(), "{name}");
        }
    }
}
