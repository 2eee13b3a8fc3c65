//! `hazard write`: sets coils or registers for a person who stands beside the device, reads back what became of it, and keeps
//! a record of it. A device of a safety instrumented system is never written to.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use hazard_core::link::{LinkFault, ReadRequest, Table, Words};
use serde_json::{Value, json};

use super::address::{self, Numbering};
use super::asker::{Asker, guarded, patience};
use super::open::{self, Chosen, Place, Site, Speed};
use super::rows;
use super::{audit, words};
use crate::cli::plan::{reference, table_key};
use crate::cli::{CANNOT_WRITE, CONFIG, NOT_PERMITTED, NOT_WHOLE, UNAVAILABLE, USAGE, say, word};
use crate::clock::Clock;
use crate::config::Lang;
use crate::journal::manifest::time;
use crate::settings::{BusLink, Endpoint};
use hazard_core::link::Setting;

/// Some devices act a moment after they have answered.
const READ_BACKS: u32 = 3;
const BETWEEN_READ_BACKS: Duration = Duration::from_millis(200);

#[derive(Debug, Args)]
pub(in crate::cli) struct WriteArgs {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    speed: Speed,
    /// 站号 unit address
    #[arg(short = 'a', long, value_parser = clap::value_parser!(u8).range(1..))]
    unit: u8,
    /// 起始地址，写法同 probe first address, written as for probe
    #[arg(short = 'r', long, value_name = "REF")]
    reference: String,
    /// -r 是 PDU 地址 -r is a PDU address
    #[arg(short = '0', long)]
    pdu: bool,
    /// 表 table: 0|coil, 4|holding
    #[arg(short = 't', long, value_parser = address::table)]
    table: Option<Table>,
    /// 值：线圈 0|1，寄存器 25、-3、0x00FF values: 0|1 for coils, else 25, -3, 0x00FF
    #[arg(required = true, allow_negative_numbers = true)]
    values: Vec<String>,
    /// 我在现场，看得到设备，并已告知值班 I am on site, see the device, and have told the shift
    #[arg(long)]
    i_am_on_site: bool,
    /// 一个值也用功能码 15/16 one value by function 15/16 too
    #[arg(long)]
    many: bool,
    /// 没有应答时再写几次 writes again when there is no answer
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=3))]
    retries: u32,
    /// 原因，记入审计 the reason, for the record
    #[arg(long, default_value = "")]
    note: String,
    /// 审计文件；默认站点 state_dir 下的 audit.jsonl the record's file
    #[arg(long, value_name = "FILE")]
    audit: Option<PathBuf>,
    /// 设备应答最多用时 how long the unit may take
    #[arg(long, value_name = "MS", default_value_t = 500, value_parser = clap::value_parser!(u64).range(1..=30_000))]
    turnaround_ms: u64,
    /// 输出 JSON print JSON
    #[arg(long)]
    json: bool,
}

/// One write, from what stood there to what stands there after it.
struct Writing {
    asker: Asker,
    setting: Setting,
    read: ReadRequest,
    lang: Lang,
}

pub(super) async fn write(site: &Path, args: &WriteArgs, lang: Lang) -> Result<(), u8> {
    let setting = setting(args, lang)?;
    if !args.i_am_on_site {
        eprintln!("{}", refusal(lang));
        return Err(NOT_PERMITTED);
    }
    let chosen = open::choose(site, &args.place, &args.speed, lang)?;
    forbid_sis(&chosen, args.unit, site, lang)?;
    let file = audit_file(args, &chosen, lang)?;
    open::try_open(&chosen, lang).await?;
    let timeout = patience(&chosen.settings.endpoint, Duration::from_millis(args.turnaround_ms));
    let asker = Asker::new(chosen.settings.clone(), guarded(timeout));
    let count = u16::try_from(setting.count()).unwrap_or(u16::MAX);
    let read = ReadRequest { unit: args.unit, table: setting.table(), start: setting.start, count };
    let mut writing = Writing { asker, setting, read, lang };
    let before = writing.before().await?;
    let intent = record(args, &chosen, (&writing.setting, &before));
    audit::append(&file, &with(&intent, json!({ "event": "intend" }))).map_err(|error| {
        let why = word(
            lang,
            "审计写不进去，没有写设备",
            "the record cannot be written, so nothing was written to the device",
        );
        eprintln!("{}: {why}: {error}", file.display());
        CANNOT_WRITE
    })?;
    let fault = writing.carry_out(args.retries).await;
    let after = writing.after().await;
    let verified = after.as_ref().is_some_and(|after| *after == writing.setting.words);
    let outcome = json!({
        "event": "done",
        "fault": fault.map(|fault| words::fault(fault, Lang::En)),
        "read_back": after.as_ref().map(shown),
        "verified": verified,
    });
    let done = with(&intent, outcome);
    if let Err(error) = audit::append(&file, &done) {
        eprintln!(
            "{}: {}: {error}",
            file.display(),
            word(lang, "结果没有记下", "the outcome is not on record")
        );
    }
    audit::tell(&done);
    if args.json {
        say(&format!("{done:#}"));
    } else {
        writing.tell(before.as_ref(), after.as_ref(), fault);
    }
    match fault {
        _ if verified => Ok(()),
        None | Some(LinkFault::Refused(_)) => Err(NOT_WHOLE),
        Some(LinkFault::Silent | LinkFault::Garbled | LinkFault::Gone) => Err(UNAVAILABLE),
    }
}

fn refusal(lang: Lang) -> &'static str {
    word(
        lang,
        "没有写。写设备会改变现场：可能改报警值、关阀、停风机，网关无从判断。请先到设备旁、告知值班、必要时旁路联锁，再加 --i-am-on-site",
        "nothing was written. A write changes the plant: it may move a set-point, close a valve, stop a fan, and the gateway cannot tell. Go to the device, tell the shift, bypass interlocks where needed, then add --i-am-on-site",
    )
}

fn setting(args: &WriteArgs, lang: Lang) -> Result<Setting, u8> {
    let usage = |why: String| {
        eprintln!("{why}");
        USAGE
    };
    let (table, start) =
        address::place(&args.reference, args.table, Numbering::of(args.pdu), lang).map_err(usage)?;
    let wrong = |value: &String, zh, en| usage(format!("{value}: {}", word(lang, zh, en)));
    let words = match table {
        Table::Coil => {
            let levels = args.values.iter().map(|value| {
                level(value).ok_or_else(|| wrong(value, "线圈写 0 或 1", "write 0 or 1 for a coil"))
            });
            Words::Bits(levels.collect::<Result<_, _>>()?)
        }
        Table::Holding => {
            let words = args.values.iter().map(|value| {
                register(value).ok_or_else(|| {
                    wrong(
                        value,
                        "寄存器写 0–65535、-32768–-1 或 0x 十六进制",
                        "write 0–65535, -32768–-1 or 0x and hexadecimal",
                    )
                })
            });
            Words::Registers(words.collect::<Result<_, _>>()?)
        }
        Table::Discrete | Table::Input => {
            let why = word(
                lang,
                "只能写线圈（-t coil）和保持寄存器（-t holding）",
                "only coils (-t coil) and holding registers (-t holding) can be written",
            );
            return Err(usage(format!("-r {}: {why}", args.reference)));
        }
    };
    let max = if table.is_bits() { 1968 } else { 123 };
    if args.values.len() > max || usize::from(start) + args.values.len() > 1 << 16 {
        return Err(usage(word(lang, "一次写得太多", "too many values for one write").to_owned()));
    }
    Ok(Setting { unit: args.unit, start, words, always_many: args.many })
}

fn level(text: &str) -> Option<bool> {
    match text {
        "0" | "off" | "关" => Some(false),
        "1" | "on" | "开" => Some(true),
        _ => None,
    }
}

fn register(text: &str) -> Option<u16> {
    if let Some(hex) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        return u16::from_str_radix(hex, 16).ok();
    }
    text.parse::<u16>().ok().or_else(|| text.parse::<i16>().ok().map(i16::cast_unsigned))
}

/// Refuses devices of a safety instrumented system, and lines of which it cannot be known.
fn forbid_sis(chosen: &Chosen, unit: u8, file: &Path, lang: Lang) -> Result<(), u8> {
    let loaded = match &chosen.site {
        Site::Loaded(loaded) => loaded,
        Site::None => {
            let why = word(
                lang,
                "没有站点文件，不知道哪些设备属于 SIS；由你确认",
                "there is no site file to say which devices are of a SIS: that is yours to know",
            );
            eprintln!("{}: {why}", file.display());
            return Ok(());
        }
        Site::Faulty => {
            let why = word(
                lang,
                "站点文件有错，无法确认设备不属于 SIS；先 hazard check 改好",
                "the site file has faults, so it cannot say that the device is not of a SIS; hazard check first",
            );
            eprintln!("{}: {why}", file.display());
            return Err(CONFIG);
        }
    };
    let on_this_line =
        |at: usize| loaded.buses.get(at).is_some_and(|bus| is_same_line(bus, &chosen.settings));
    let mut devices = loaded.site.devices.iter().filter(|device| device.unit == unit && device.sis);
    let Some(device) = devices.find(|device| on_this_line(device.bus.index())) else { return Ok(()) };
    let why = word(
        lang,
        "属于安全仪表系统（sis = true），任何时候都不写；请用 SIS 厂家的工具和程序",
        "belongs to a safety instrumented system (sis = true) and is never written to; use its vendor's tool and procedure",
    );
    eprintln!("{}: {why}", device.name);
    Err(NOT_PERMITTED)
}

fn is_same_line(known: &BusLink, named: &BusLink) -> bool {
    let real = |path: &PathBuf| std::fs::canonicalize(path).unwrap_or_else(|_| path.clone());
    match (&known.endpoint, &named.endpoint) {
        (Endpoint::Rtu(known), Endpoint::Rtu(named)) => real(&known.path) == real(&named.path),
        (
            Endpoint::Tcp { host, port } | Endpoint::RtuOverTcp { host, port },
            Endpoint::Tcp { host: named, port: named_port }
            | Endpoint::RtuOverTcp { host: named, port: named_port },
        ) => (host, port) == (named, named_port),
        (Endpoint::Rtu(_), _) | (_, Endpoint::Rtu(_)) => false,
    }
}

fn audit_file(args: &WriteArgs, chosen: &Chosen, lang: Lang) -> Result<PathBuf, u8> {
    if let Some(file) = &args.audit {
        return Ok(file.clone());
    }
    match &chosen.site {
        Site::Loaded(loaded) => Ok(loaded.state_dir.join(audit::FILE)),
        Site::None | Site::Faulty => {
            let why = word(
                lang,
                "没有站点文件，请用 --audit 文件 写明审计记到哪里",
                "without a site file, say with --audit FILE where the record goes",
            );
            eprintln!("{why}");
            Err(USAGE)
        }
    }
}

fn record(args: &WriteArgs, chosen: &Chosen, (setting, before): (&Setting, &Option<Words>)) -> Value {
    let at = time(Clock::new(PathBuf::new()).utc());
    let what = json!({
        "at": at,
        "line": chosen.shown(),
        "unit": setting.unit,
        "table": table_key(setting.table()),
        "reference": reference(setting.table(), setting.start),
        "address": setting.start,
        "function": setting.function(),
        "old": before.as_ref().map(shown),
        "new": shown(&setting.words),
        "note": args.note,
    });
    with(&audit::person(), what)
}

/// Both objects as one.
fn with(first: &Value, second: Value) -> Value {
    let mut whole = first.clone();
    if let (Value::Object(whole), Value::Object(second)) = (&mut whole, second) {
        whole.extend(second);
    }
    whole
}

fn shown(words: &Words) -> Value {
    match words {
        Words::Registers(words) => json!(words),
        Words::Bits(bits) => json!(bits.iter().map(|bit| u8::from(*bit)).collect::<Vec<_>>()),
    }
}

impl Writing {
    /// What stands there; nothing where the unit cannot be read, and no write where it is silent.
    async fn before(&mut self) -> Result<Option<Words>, u8> {
        match self.asker.read(&self.read).await.result {
            Ok(words) => Ok(Some(words)),
            Err(LinkFault::Refused(exception)) => {
                let why = word(self.lang, "写前读不出", "cannot be read before the write");
                eprintln!("{why}: {}", words::exception(exception, self.lang));
                Ok(None)
            }
            Err(fault) => {
                let why = word(
                    self.lang,
                    "没有写：先读一次就没有成功",
                    "nothing was written: even the read before it failed",
                );
                eprintln!("{why}: {}", words::fault(fault, self.lang));
                Err(UNAVAILABLE)
            }
        }
    }

    async fn carry_out(&mut self, retries: u32) -> Option<LinkFault> {
        let mut fault = None;
        for _ in 0..=retries {
            fault = self.asker.set(&self.setting).await.err();
            if !matches!(fault, Some(LinkFault::Silent | LinkFault::Garbled)) {
                break;
            }
        }
        fault
    }

    /// What stands there after it: a write without an answer may have been carried out all the same.
    async fn after(&mut self) -> Option<Words> {
        let mut last = None;
        for _ in 0..READ_BACKS {
            last = self.asker.read(&self.read).await.result.ok();
            if last.as_ref() == Some(&self.setting.words) {
                break;
            }
            tokio::time::sleep(BETWEEN_READ_BACKS).await;
        }
        last
    }

    fn tell(&self, before: Option<&Words>, after: Option<&Words>, fault: Option<LinkFault>) {
        let lang = self.lang;
        let value =
            |words: Option<&Words>| words.map_or_else(|| "?".to_owned(), |words| shown(words).to_string());
        let (old, new, back) = (value(before), value(Some(&self.setting.words)), value(after));
        let function = self.setting.function();
        say(&rows::caption(&self.read, lang));
        say(&match lang {
            Lang::Zh => format!("原值 {old} → 写入 {new}（功能码 {function:02}） → 读回 {back}"),
            Lang::En => format!("was {old} → wrote {new} (function {function:02}) → reads {back}"),
        });
        let verified = after == Some(&self.setting.words);
        let verdict = match (verified, fault) {
            (true, None) => {
                word(lang, "已核实：读回与写入一致", "verified: it reads what was written").to_owned()
            }
            (true, Some(fault)) => format!(
                "{} ({})",
                word(lang, "已核实，但写的应答没有收到", "verified, but the write itself was not answered"),
                words::fault(fault, lang)
            ),
            (false, Some(fault)) => {
                format!("{}: {}", word(lang, "没有写成", "not written"), words::fault(fault, lang))
            }
            (false, None) => word(
                lang,
                "未核实：设备答应了写，读回却不一致；到设备上看实际状态",
                "not verified: the device confirmed the write and reads otherwise; look at the device itself",
            )
            .to_owned(),
        };
        say(&verdict);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_people_write_them() {
        assert_eq!(
            ["25", "-3", "0x00FF", "65535"].map(register),
            [Some(25), Some(0xFFFD), Some(0xFF), Some(65_535)]
        );
        assert_eq!(["65536", "-32769", "0x10000", "1.5", ""].map(register), [None; 5]);
        assert_eq!(["1", "on", "关", "2"].map(level), [Some(true), Some(true), Some(false), None]);
    }
}
