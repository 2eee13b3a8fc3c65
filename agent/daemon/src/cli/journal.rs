//! 存证: `hazard journal` verifies, exports and audits a journal. It reads beside a running agent and writes nothing into its
//! folders.

mod audit;
mod bundle;
mod export;
mod parquet;
mod rows;
mod texts;
mod verify;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use hazard_core::Utc;
use jiff::civil::{Date, DateTime};
use jiff::tz::{Offset, TimeZone};

use super::{CANNOT_WRITE, NO_INPUT, NOT_WHOLE, OK, USAGE, load, say, word};
use crate::config::Lang;
use crate::journal::key::{KEY_FILE, Key, NoKey, Public};
use crate::journal::manifest::time;
use crate::journal::read::{Folder, Unreadable};
use crate::settings::Identity;

/// The gateways' time.
const ZONE: TimeZone = TimeZone::fixed(Offset::constant(8));

/// A segment may be packed while it is read; the journal is then looked at once more.
const ATTEMPTS: u32 = 5;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// 核验：哪条记录被改动、删除或调换，指出位置 find any changed, removed or re-ordered record and say where
    ///
    /// 示例 example: hazard journal verify；hazard journal verify --export /mnt/usb/导出
    Verify {
        #[command(flatten)]
        place: Place,
        /// 核验导出的文件夹，不需要本机日志 verify an exported folder, anywhere
        #[arg(long, value_name = "DIR", conflicts_with = "dir")]
        export: Option<PathBuf>,
        #[command(flatten)]
        range: Range,
        /// 输出 JSON print JSON
        #[arg(long)]
        json: bool,
    },
    /// 导出：CSV 或 Parquet，连同可在别处核验的清单 CSV or Parquet with a manifest that verifies elsewhere
    ///
    /// 示例 example: hazard journal export --from 2026-05-01 --to 2026-05-31 -o /mnt/usb/五月
    Export {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        range: Range,
        /// 事件、读数或全部 events, readings or both
        #[arg(long, value_enum, default_value_t)]
        lane: Lanes,
        /// 格式 format
        #[arg(long, value_enum, default_value_t)]
        format: Format,
        /// 新文件夹；已存在的不会被覆盖 a new folder; an existing one is never overwritten
        #[arg(short, long, value_name = "DIR")]
        out: PathBuf,
    },
    /// 对账：每条记录已存、已传、已确认或已清除 every record: stored, confirmed, purged, stated as lost; or missing
    Audit {
        #[command(flatten)]
        place: Place,
        /// 输出 JSON print JSON
        #[arg(long)]
        json: bool,
    },
    /// 打印网关的公钥 print the gateway's public key
    Key {
        #[command(flatten)]
        place: Place,
    },
}

/// Which journal, and whose.
#[derive(Debug, Args)]
pub(super) struct Place {
    /// 日志或数据目录；默认取自站点文件 the journal's or the state folder; by default the site file's
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// 可信的公钥文件（PEM 或十六进制） the trusted public key's file, PEM or hexadecimal
    #[arg(long, value_name = "PUB")]
    key: Option<PathBuf>,
}

/// From when to when.
#[derive(Debug, Args, Clone, Copy, Default)]
pub(super) struct Range {
    /// 起：2026-05-01 或 2026-05-01T08:00，北京时间 from, Beijing time
    #[arg(long, value_parser = begin)]
    from: Option<i64>,
    /// 止，含 to, inclusive
    #[arg(long, value_parser = end)]
    to: Option<i64>,
}

impl Range {
    fn has(self, at: Utc) -> bool {
        self.meets(at, at)
    }

    fn meets(self, since: Utc, until: Utc) -> bool {
        self.from.is_none_or(|from| from <= until.unix_ms()) && self.to.is_none_or(|to| since.unix_ms() <= to)
    }

    /// Both ends as exports write them.
    fn ends(self) -> [String; 2] {
        [self.from, self.to].map(|end| end.map_or_else(|| "-".to_owned(), |ms| time(Utc::from_unix_ms(ms))))
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub(super) enum Lanes {
    Event,
    Reading,
    #[default]
    All,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub(super) enum Format {
    #[default]
    Csv,
    Parquet,
}

pub(super) fn carry_out(site: &Path, verb: Verb, lang: Lang) -> u8 {
    // sled panics on damaged files; that is caught and told in words.
    std::panic::set_hook(Box::new(|_| {}));
    let done = match verb {
        Verb::Verify { place, export: Some(dir), json, .. } => verify::export(&dir, &place, json, lang),
        Verb::Verify { place, export: None, range, json } => {
            verify::journal(site, &place, (range, json), lang)
        }
        Verb::Export { place, range, lane, format, out } => {
            export::export(site, &place, &export::Wish { range, lane, format, out }, lang)
        }
        Verb::Audit { place, json } => audit::audit(site, &place, json, lang),
        Verb::Key { place } => key(site, &place, lang),
    };
    done.unwrap_or_else(|failure| {
        eprintln!("{}", failure.text(lang));
        failure.code()
    })
}

/// Why nothing could be done.
pub(super) enum Failure {
    /// It was said already.
    Said(u8),
    /// The journal cannot be read.
    Unreadable(Unreadable),
    /// No key can be read.
    Key(NoKey),
    /// The folder is there already.
    Exists(PathBuf),
    /// It cannot be written.
    Write(PathBuf, String),
    /// An exported folder that is none.
    NoExport(PathBuf, &'static str),
}

impl From<Unreadable> for Failure {
    fn from(error: Unreadable) -> Self {
        Self::Unreadable(error)
    }
}

impl From<NoKey> for Failure {
    fn from(error: NoKey) -> Self {
        Self::Key(error)
    }
}

impl Failure {
    fn code(&self) -> u8 {
        match self {
            Self::Said(code) => *code,
            Self::Unreadable(_) | Self::NoExport(..) => NO_INPUT,
            Self::Key(_) => USAGE,
            Self::Exists(_) | Self::Write(..) => CANNOT_WRITE,
        }
    }

    fn text(&self, lang: Lang) -> String {
        let at = |path: &Path, zh: &'static str, en: &'static str| {
            format!("{}: {}", path.display(), word(lang, zh, en))
        };
        match self {
            Self::Said(_) => String::new(),
            Self::Unreadable(error) => texts::unreadable(error, lang),
            Self::Key(NoKey::Foreign(path)) => at(path, "不是 ed25519 密钥", "is not an ed25519 key"),
            Self::Key(NoKey::File(path, error)) => {
                let why = word(lang, "密钥文件读不到", "the key's file cannot be read");
                format!("{}: {why}: {error}", path.display())
            }
            Self::Key(NoKey::Random) => word(lang, "系统没有随机数", "no random numbers").to_owned(),
            Self::Exists(path) => at(
                path,
                "已存在，未作任何改动；请另写一个新文件夹",
                "is there already and was left as it is; name a new folder",
            ),
            Self::Write(path, why) => {
                format!("{}: {}: {why}", path.display(), word(lang, "写不进去", "cannot be written"))
            }
            Self::NoExport(path, "newer") => at(
                path,
                "由更新版本导出；请用不低于该版本的 hazard 核验",
                "was exported by a newer version; verify it with that version of hazard",
            ),
            Self::NoExport(path, _) => at(
                path,
                "不是导出的文件夹：缺少 manifest.txt 或内容不对；请指向 hazard journal export 写出的文件夹",
                "is not an exported folder: manifest.txt is missing or something else; name a folder that hazard journal export wrote",
            ),
        }
    }
}

/// A journal and what belongs to it.
pub(super) struct Found {
    folder: Folder,
    /// The trusted public key and where it is from.
    trusted: Option<(Public, KeySource)>,
    /// Where the private key would be.
    key: PathBuf,
    /// Whose journal it is, where a site file says so.
    identity: Option<Identity>,
}

/// Where the trusted key is from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum KeySource {
    /// The command line.
    Given,
    /// It lies beside the journal: whoever can change the one can change the other.
    Beside,
    /// The first manifest, or the export itself.
    First,
}

fn find(site: &Path, place: &Place, lang: Lang) -> Result<Found, Failure> {
    let (dir, key, identity) = whereabouts(site, place, lang)?;
    let given = place.key.as_deref().map(Public::read).transpose()?;
    let beside = || Public::read(&key.with_extension("pub")).ok().map(|key| (key, KeySource::Beside));
    let trusted = given.map(|key| (key, KeySource::Given)).or_else(beside);
    Ok(Found { folder: Folder::open(&dir)?, trusted, key, identity })
}

/// The journal's folder, where the private key is, and whose they are.
fn whereabouts(
    site: &Path,
    place: &Place,
    lang: Lang,
) -> Result<(PathBuf, PathBuf, Option<Identity>), Failure> {
    if let Some(dir) = &place.dir {
        let inside = dir.join("journal");
        let journal = if inside.is_dir() { inside } else { dir.clone() };
        let beside = journal.parent().map_or_else(|| PathBuf::from(KEY_FILE), |state| state.join(KEY_FILE));
        return Ok((journal, beside, None));
    }
    let loaded = load(site, lang).map_err(Failure::Said)?;
    let key =
        loaded.journal.seal.as_ref().map_or_else(|| loaded.state_dir.join(KEY_FILE), |seal| seal.key.clone());
    Ok((loaded.journal.dir, key, Some(loaded.identity)))
}

/// Does something with a journal, once more when the agent moved a segment meanwhile.
fn steadily<T>(mut act: impl FnMut() -> Result<T, Failure>) -> Result<T, Failure> {
    for _ in 1..ATTEMPTS {
        match act() {
            Err(Failure::Unreadable(Unreadable::Moved(_))) => {}
            done => return done,
        }
    }
    act()
}

fn key(site: &Path, place: &Place, lang: Lang) -> Result<u8, Failure> {
    let (_, path, _) = whereabouts(site, place, lang)?;
    let public = match Public::read(&path.with_extension("pub")) {
        Ok(public) => public,
        Err(_) => Key::read(&path)?.public(),
    };
    let since = std::fs::metadata(&path).and_then(|file| file.modified()).ok();
    let since = since.and_then(|since| jiff::Timestamp::try_from(since).ok());
    let since = since.map(|since| time(Utc::from_unix_ms(since.as_millisecond())));
    say(&public.pem());
    say(&public.hex());
    if let Some(since) = since {
        eprintln!("{} {since}", word(lang, "自", "since"));
    }
    Ok(OK)
}

fn begin(text: &str) -> Result<i64, String> {
    moment(text, 0)
}

fn end(text: &str) -> Result<i64, String> {
    moment(text, 86_400_000 - 1)
}

fn moment(text: &str, rest_of_day_ms: i64) -> Result<i64, String> {
    if let Ok(at) = text.parse::<jiff::Timestamp>() {
        return Ok(at.as_millisecond());
    }
    let here =
        |at: DateTime| at.to_zoned(ZONE).map(|at| at.timestamp().as_millisecond()).map_err(|e| e.to_string());
    // A date alone reads as a date and time too.
    if let Ok(day) = text.parse::<Date>()
        && !text.contains([':', 'T', ' '])
    {
        return here(day.at(0, 0, 0, 0)).map(|at| at + rest_of_day_ms);
    }
    let at = text.parse::<DateTime>().map_err(|_| {
        "写成 2026-05-01 或 2026-05-01T08:00 write it as 2026-05-01 or 2026-05-01T08:00".to_owned()
    })?;
    here(at)
}

/// The exit code of an examination.
const fn code(whole: bool) -> u8 {
    if whole { OK } else { NOT_WHOLE }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_ends_with_its_last_millisecond() {
        assert_eq!(end("2026-05-01").unwrap() + 1, begin("2026-05-02").unwrap());
        assert_eq!(begin("2026-05-01T08:00").unwrap(), begin("2026-05-01T00:00:00Z").unwrap());
        assert_eq!(end("2026-05-01T08:00").unwrap(), begin("2026-05-01T08:00").unwrap());
        assert!(begin("gestern").is_err());
    }
}
