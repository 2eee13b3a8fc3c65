//! `hazard journal export`.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use hazard_core::outbox::Lane;
use serde_json::{Value, json};

use super::bundle::{DOCUMENT, Draft, Inventory, MANIFEST, PUBLIC_KEY, RAW, SIGNATURE, sha256};
use super::parquet::Sheet;
use super::rows::{Cell, Csv, Rows, columns};
use super::{Failure, Format, Found, Lanes, Place, Range, code, find, steadily, texts};
use crate::cli::{say, word};
use crate::clock::Clock;
use crate::config::Lang;
use crate::journal::key::Key;
use crate::journal::manifest::{Head, time};
use crate::journal::purges::Stretch;
use crate::journal::read::{Block, Piece};
use crate::journal::verify::{Against, Verdict, verify};

/// What is wanted.
pub(super) struct Wish {
    pub(super) range: Range,
    pub(super) lane: Lanes,
    pub(super) format: Format,
    pub(super) out: PathBuf,
}

pub(super) fn export(site: &Path, place: &Place, wish: &Wish, lang: Lang) -> Result<u8, Failure> {
    let (draft, whole) = steadily(|| {
        let found = find(site, place, lang)?;
        let verdict = verify(&found.folder, &Against { key: found.trusted.map(|(key, _)| key), ends: None })?;
        let draft = Draft::new(&wish.out)?;
        Work { found: &found, verdict: &verdict, wish, dir: &draft.dir }.write(lang)?;
        verdict.findings.iter().filter(|one| one.what.is_fault()).for_each(|one| {
            eprintln!("{}", texts::finding(one, lang));
        });
        Ok((draft, verdict.is_whole()))
    })?;
    draft.finish()?;
    say(&wish.out.display().to_string());
    if !whole {
        let why = word(
            lang,
            "已导出，但日志核验不符；问题列在 manifest.json 中",
            "exported, but the journal is not whole; manifest.json lists what is wrong",
        );
        eprintln!("{why}");
    }
    Ok(code(whole))
}

/// One export.
struct Work<'a> {
    found: &'a Found,
    verdict: &'a Verdict,
    wish: &'a Wish,
    dir: &'a Path,
}

/// What was written of a lane.
#[derive(Default)]
struct Written {
    ends: Vec<Head>,
    rows: u64,
    records: u64,
    span: Option<(u64, u64)>,
}

impl Work<'_> {
    fn write(&self, lang: Lang) -> Result<(), Failure> {
        let raw_path = self.dir.join(RAW);
        let mut raw = Raw { file: BufWriter::new(self.create(RAW)?), len: 0 };
        let (mut ends, mut files, mut counts) = (Vec::new(), vec![RAW.to_owned()], Vec::new());
        let lanes: &[Lane] = match self.wish.lane {
            Lanes::Event => &[Lane::Event],
            Lanes::Reading => &[Lane::Reading],
            Lanes::All => &[Lane::Event, Lane::Reading],
        };
        for &lane in lanes {
            let kind = if self.wish.format == Format::Csv { "csv" } else { "parquet" };
            let name = format!("{}.{kind}", if lane == Lane::Event { "events" } else { "readings" });
            let written = self.lane(lane, &name, &mut raw)?;
            counts.push(json!({
                "file": name,
                "lane": crate::words::lane(lane),
                "records": written.records,
                "rows": written.rows,
                "first": written.span.map(|span| span.0),
                "last": written.span.map(|span| span.1),
            }));
            files.push(name);
            ends.extend(written.ends);
        }
        raw.end().map_err(|error| self.failed(&raw_path, &error))?;
        let key = Key::read(&self.found.key).ok();
        let mut inventory = self.inventory(ends);
        inventory.key = key.as_ref().map(Key::public);
        let document = self.document(&inventory, counts, lang);
        self.put(DOCUMENT, format!("{document:#}\n").as_bytes())?;
        files.push(DOCUMENT.to_owned());
        if let Some(public) = inventory.key {
            self.put(PUBLIC_KEY, public.pem().as_bytes())?;
            files.push(PUBLIC_KEY.to_owned());
        }
        for name in files {
            let path = self.dir.join(&name);
            inventory.files.push((sha256(&path).map_err(|error| self.failed(&path, &error))?, name));
        }
        let text = inventory.text();
        self.put(MANIFEST, text.as_bytes())?;
        match key {
            Some(key) => self.put(SIGNATURE, &key.sign(text.as_bytes())),
            None => {
                let why = word(
                    lang,
                    "没有签名：读不到网关的私钥；在网关上用代理的用户运行",
                    "not signed: the gateway's key cannot be read; run on the gateway as the agent's user",
                );
                eprintln!("{}: {why}", self.found.key.display());
                Ok(())
            }
        }
    }

    /// Writes the blocks of a lane from the first to the last that meets the range, and the rows of what lies in it.
    fn lane(&self, lane: Lane, name: &str, raw: &mut Raw) -> Result<Written, Failure> {
        let path = self.dir.join(name);
        let failed = |error: std::io::Error| self.failed(&path, &error);
        let mut table = self.table(lane, name)?;
        let (mut written, mut rows) = (Written::default(), Rows::new());
        let (mut last, mut kept, mut began) = ((0, 0), raw.len, false);
        for piece in self.found.folder.lane(lane)? {
            let Piece::Block(block) = piece? else { continue };
            let Some(records) = block.records.as_ref().filter(|_| (block.ordinal(), block.span().1) > last)
            else {
                continue;
            };
            let had = std::mem::replace(&mut last, (block.ordinal(), block.span().1));
            let wanted: Vec<_> = records
                .iter()
                .filter(|record| {
                    (block.ordinal(), record.seq.0) > had && self.wish.range.has(record.stamp.utc)
                })
                .collect();
            began |= !wanted.is_empty();
            if !began {
                continue;
            }
            raw.write(block.bytes()).map_err(failed)?;
            if wanted.is_empty() {
                continue;
            }
            kept = raw.len;
            self.end(&block, &mut written);
            rows.enter(block.ordinal(), self.found.folder.epochs().get(&block.ordinal()));
            for record in wanted {
                written.records += 1;
                let seq = record.seq.0;
                written.span = Some(written.span.map_or((seq, seq), |span| (span.0, seq)));
                for row in rows.of(record) {
                    written.rows += 1;
                    table.row(row).map_err(failed)?;
                }
            }
        }
        raw.cut(kept).map_err(failed)?;
        table.end().map_err(failed)?;
        Ok(written)
    }

    /// Notes where a lane of an epoch ends so far.
    fn end(&self, block: &Block, written: &mut Written) {
        let header = self.found.folder.epochs().get(&block.ordinal());
        let (Some(header), Some(before), Some(records)) = (header, block.before(), &block.records) else {
            return;
        };
        let mark = before.after(records);
        let (epoch, ordinal, lane) = (header.epoch, block.ordinal(), block.lane());
        let end = Head { epoch, ordinal, lane, through: block.span().1, mark };
        match written.ends.last_mut() {
            Some(last) if last.ordinal == end.ordinal => *last = end,
            _ => written.ends.push(end),
        }
    }

    fn inventory(&self, ends: Vec<Head>) -> Inventory {
        let of_manifest = self.verdict.said.manifests.iter().rev().find_map(|kept| kept.statement.as_ref());
        let identity = self.found.identity.as_ref();
        let named = identity.map(|identity| (identity.gateway.clone(), identity.enterprise.clone()));
        let named = named.or_else(|| of_manifest.map(|one| (one.gateway.clone(), one.enterprise.clone())));
        let (gateway, enterprise) = named.unwrap_or_else(|| ("-".to_owned(), "-".to_owned()));
        Inventory {
            gateway,
            enterprise,
            made: time(Clock::new(PathBuf::new()).utc()),
            range: self.wish.range.ends(),
            key: None,
            gone: self.gone(&ends),
            ends,
            files: Vec::new(),
        }
    }

    /// What retention dropped of the lanes that are exported.
    fn gone(&self, ends: &[Head]) -> Vec<(Lane, u64, Stretch)> {
        let is_here = |lane: Lane, ordinal: u64, gone: &Stretch| {
            ends.iter().any(|end| (end.lane, end.ordinal) == (lane, ordinal) && gone.last < end.through)
        };
        let all = self.found.folder.purges().all();
        all.filter(|(lane, ordinal, gone)| is_here(*lane, *ordinal, gone))
            .map(|(lane, ordinal, gone)| (lane, ordinal, *gone))
            .collect()
    }

    /// The same for programs, with what the journal's own manifests say and what verifying it found.
    fn document(&self, inventory: &Inventory, counts: Vec<Value>, lang: Lang) -> Value {
        let manifests = self.verdict.said.manifests.iter().filter(|kept| {
            kept.statement.as_ref().is_none_or(|statement| self.wish.range.has(statement.made))
        });
        let manifests = manifests.map(|kept| {
            json!({
                "epoch_no": kept.ordinal,
                "seq": kept.seq,
                "text": kept.manifest.text,
                "signature": kept.manifest.signature,
                "key": kept.manifest.key,
            })
        });
        json!({
            "v": 1,
            "gateway": inventory.gateway,
            "enterprise": inventory.enterprise,
            "made": inventory.made,
            "range": inventory.range,
            "key": inventory.key.map(|key| key.hex()),
            "files": counts,
            "lanes": self.verdict.lanes.iter().map(super::verify::sum).collect::<Vec<_>>(),
            "manifests": manifests.collect::<Vec<_>>(),
            "whole": self.verdict.is_whole(),
            "findings": self.verdict.findings,
            "findings_text": self.verdict.findings.iter().map(|one| texts::finding(one, lang)).collect::<Vec<_>>(),
        })
    }

    fn table(&self, lane: Lane, name: &str) -> Result<Table, Failure> {
        let file = self.create(name)?;
        let table = match self.wish.format {
            Format::Csv => Csv::new(file, columns(lane)).map(Table::Csv),
            Format::Parquet => {
                Sheet::new(file, columns(lane)).map(Table::Parquet).map_err(std::io::Error::other)
            }
        };
        table.map_err(|error| self.failed(&self.dir.join(name), &error))
    }

    fn create(&self, name: &str) -> Result<File, Failure> {
        let path = self.dir.join(name);
        File::create_new(&path).map_err(|error| self.failed(&path, &error))
    }

    fn put(&self, name: &str, bytes: &[u8]) -> Result<(), Failure> {
        let mut file = self.create(name)?;
        let put = file.write_all(bytes).and_then(|()| file.sync_all());
        put.map_err(|error| self.failed(&self.dir.join(name), &error))
    }

    fn failed(&self, path: &Path, error: &std::io::Error) -> Failure {
        Failure::Write(path.to_owned(), error.to_string())
    }
}

/// The blocks, one behind the other.
struct Raw {
    file: BufWriter<File>,
    len: u64,
}

impl Raw {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.len += bytes.len() as u64;
        self.file.write_all(bytes)
    }

    fn cut(&mut self, len: u64) -> std::io::Result<()> {
        use std::io::Seek as _;
        self.file.flush()?;
        self.file.get_ref().set_len(len)?;
        self.file.seek(std::io::SeekFrom::Start(len))?;
        self.len = len;
        Ok(())
    }

    fn end(mut self) -> std::io::Result<()> {
        self.file.flush()?;
        self.file.get_ref().sync_all()
    }
}

enum Table {
    Csv(Csv<File>),
    Parquet(Sheet),
}

impl Table {
    fn row(&mut self, row: Vec<Cell>) -> std::io::Result<()> {
        match self {
            Self::Csv(csv) => csv.row(&row),
            Self::Parquet(sheet) => sheet.row(row).map_err(std::io::Error::other),
        }
    }

    fn end(self) -> std::io::Result<()> {
        match self {
            Self::Csv(csv) => csv.end()?.sync_all(),
            Self::Parquet(sheet) => sheet.end().map_err(std::io::Error::other),
        }
    }
}
