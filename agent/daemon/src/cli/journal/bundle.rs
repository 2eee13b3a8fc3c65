//! An exported folder: its manifest as a text, signed whole, with the SHA-256 of each file beside it, so that `openssl` and
//! `sha256sum` check it without this program.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hazard_core::outbox::Lane;
use ring::digest::{Context, SHA256};

use super::Failure;
use crate::cli::word;
use crate::config::Lang;
use crate::journal::Header;
use crate::journal::key::{Public, to_hex};
use crate::journal::manifest::{Head, head, line};
use crate::journal::purges::Stretch;
use crate::journal::read::Folder;

pub(super) const MANIFEST: &str = "manifest.txt";
pub(super) const SIGNATURE: &str = "manifest.sig";
pub(super) const DOCUMENT: &str = "manifest.json";
pub(super) const PUBLIC_KEY: &str = "evidence.pub";
pub(super) const RAW: &str = "raw.hzb";

const FIRST_WORD: &str = "hazard-export ";
const VERSION: &str = "1";

/// A larger manifest is none.
const MANIFEST_BYTES_MAX: u64 = 16 << 20;

/// What an export's manifest states.
pub(super) struct Inventory {
    pub(super) gateway: String,
    pub(super) enterprise: String,
    pub(super) made: String,
    pub(super) range: [String; 2],
    pub(super) key: Option<Public>,
    pub(super) ends: Vec<Head>,
    /// What retention had dropped between the records of those lanes.
    pub(super) gone: Vec<(Lane, u64, Stretch)>,
    /// SHA-256 in hexadecimal digits, and name.
    pub(super) files: Vec<(String, String)>,
}

impl Inventory {
    pub(super) fn text(&self) -> String {
        let [from, to] = &self.range;
        let key = self.key.map_or_else(|| "-".to_owned(), |key| key.hex());
        let mut text = format!(
            "{FIRST_WORD}{VERSION}\ngateway {}\nenterprise {}\nmade {}\nrange {from} {to}\nkey {key}\n",
            self.gateway, self.enterprise, self.made
        );
        text.extend(self.ends.iter().map(line));
        text.extend(self.gone.iter().map(gone_line));
        text.extend(self.files.iter().map(|(hash, name)| format!("{hash}  {name}\n")));
        text
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.strip_suffix('\n')?.split('\n');
        let mut field =
            |name: &str| lines.next()?.strip_prefix(name).map(|rest| rest.trim_start().to_owned());
        if field(FIRST_WORD)? != VERSION {
            return None;
        }
        let (gateway, enterprise, made) = (field("gateway ")?, field("enterprise ")?, field("made ")?);
        let (range, key) = (field("range ")?, field("key ")?);
        let (from, to) = range.split_once(' ')?;
        let key = if key == "-" { None } else { Some(Public::parse(&key)?) };
        let (mut ends, mut gone, mut files) = (Vec::new(), Vec::new(), Vec::new());
        for line in lines {
            match line.split_once("  ") {
                Some((hash, name)) => files.push((hash.to_owned(), name.to_owned())),
                None if line.starts_with(GONE) => gone.push(gone_of(line)?),
                None => ends.push(head(line)?),
            }
        }
        let range = [from.to_owned(), to.to_owned()];
        Some(Self { gateway, enterprise, made, range, key, ends, gone, files })
    }
}

const GONE: &str = "gone ";

fn gone_line((lane, ordinal, gone): &(Lane, u64, Stretch)) -> String {
    let Stretch { first, last, records, readings } = gone;
    let lane = crate::words::lane(*lane);
    format!(
        "{GONE}ordinal {ordinal} {lane} first {first} last {last} records {records} readings {readings}\n"
    )
}

fn gone_of(line: &str) -> Option<(Lane, u64, Stretch)> {
    let words: Vec<&str> = line.split(' ').collect();
    let [
        "gone",
        "ordinal",
        ordinal,
        lane,
        "first",
        first,
        "last",
        last,
        "records",
        records,
        "readings",
        readings,
    ] = words[..]
    else {
        return None;
    };
    let lane = [Lane::Event, Lane::Reading].into_iter().find(|one| crate::words::lane(*one) == lane)?;
    let (first, last) = (first.parse().ok()?, last.parse().ok()?);
    let (records, readings) = (records.parse().ok()?, readings.parse().ok()?);
    Some((lane, ordinal.parse().ok()?, Stretch { first, last, records, readings }))
}

/// What is wrong with an exported folder.
pub(super) enum Flaw {
    /// A file is not there or cannot be read.
    Missing(String),
    /// A file's bytes are not those of the manifest.
    Changed(String),
    /// There is no signature.
    Unsigned,
    /// The signature is not of this manifest.
    Forged,
    /// It was signed with another key than the one named.
    Foreign(Public),
    /// The file of the key is not the key that signed.
    OtherKey,
}

impl Flaw {
    pub(super) fn text(&self, lang: Lang) -> String {
        let about =
            |name: &str, zh: &'static str, en: &'static str| format!("{name}: {}", word(lang, zh, en));
        match self {
            Self::Missing(name) => about(name, "文件缺失或读不到", "the file is missing or cannot be read"),
            Self::Changed(name) => about(
                name,
                "文件被改动：SHA-256 与清单不符",
                "the file was changed: another SHA-256 than in the manifest",
            ),
            Self::Unsigned => about(SIGNATURE, "清单未签名", "the manifest is not signed"),
            Self::Forged => about(
                MANIFEST,
                "签名无效：清单被改动",
                "the signature is not valid: the manifest was changed",
            ),
            Self::Foreign(key) => {
                let why = word(lang, "由别的密钥签名", "signed with another key");
                format!("{MANIFEST}: {why} {}", key.hex())
            }
            Self::OtherKey => about(PUBLIC_KEY, "不是清单中的公钥", "is not the key that the manifest names"),
        }
    }
}

/// An exported folder.
pub(super) struct Bundle {
    pub(super) key: Option<Public>,
    pub(super) folder: Folder,
    pub(super) ends: Vec<Head>,
    pub(super) faults: Vec<Flaw>,
}

/// Opens an exported folder and compares its files with its manifest, and its signature with `given` or its own key.
pub(super) fn open(dir: &Path, given: Option<Public>) -> Result<Bundle, Failure> {
    let path = dir.join(MANIFEST);
    let mut text = String::new();
    let read = File::open(&path).and_then(|file| file.take(MANIFEST_BYTES_MAX).read_to_string(&mut text));
    let no_export = |why| Failure::NoExport(dir.to_owned(), why);
    read.map_err(|_| no_export(""))?;
    let Some(inventory) = Inventory::parse(&text) else {
        let version = text.lines().next().and_then(|line| line.strip_prefix(FIRST_WORD));
        return Err(no_export(if version.is_some_and(|version| version != VERSION) { "newer" } else { "" }));
    };
    let mut faults = signature_flaws(dir, &text, (&inventory, given));
    for (hash, name) in &inventory.files {
        match sha256(&dir.join(name)) {
            Ok(found) if found == *hash => {}
            Ok(_) => faults.push(Flaw::Changed(name.clone())),
            Err(_) => faults.push(Flaw::Missing(name.clone())),
        }
    }
    let epochs = inventory
        .ends
        .iter()
        .map(|end| (end.ordinal, Header { epoch: end.epoch, dictionary: Arc::default() }));
    let epochs: BTreeMap<u64, Header> = epochs.collect();
    let folder = Folder::file(&dir.join(RAW), epochs, inventory.gone.into_iter().collect());
    Ok(Bundle { key: given.or(inventory.key), folder, ends: inventory.ends, faults })
}

fn signature_flaws(dir: &Path, text: &str, (inventory, given): (&Inventory, Option<Public>)) -> Vec<Flaw> {
    let Ok(signature) = std::fs::read(dir.join(SIGNATURE)) else { return vec![Flaw::Unsigned] };
    let Some(key) = inventory.key else { return vec![Flaw::Unsigned] };
    let mut flaws = Vec::new();
    if !key.verifies(text.as_bytes(), &signature) {
        flaws.push(Flaw::Forged);
    }
    if given.is_some_and(|given| given != key) {
        flaws.push(Flaw::Foreign(key));
    }
    if Public::read(&dir.join(PUBLIC_KEY)).ok() != Some(key) {
        flaws.push(Flaw::OtherKey);
    }
    flaws
}

/// SHA-256 of a file, in hexadecimal digits.
pub(super) fn sha256(path: &Path) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    let (mut context, mut bytes) = (Context::new(&SHA256), vec![0; 1 << 16]);
    loop {
        match file.read(&mut bytes)? {
            0 => return Ok(to_hex(context.finish().as_ref())),
            read => context.update(bytes.get(..read).unwrap_or_default()),
        }
    }
}

/// A folder that is made whole under another name and then renamed; what is half made goes.
pub(super) struct Draft {
    pub(super) dir: PathBuf,
    out: PathBuf,
}

impl Draft {
    pub(super) fn new(out: &Path) -> Result<Self, Failure> {
        if out.symlink_metadata().is_ok() {
            return Err(Failure::Exists(out.to_owned()));
        }
        let mut name = out.file_name().map(std::ffi::OsStr::to_owned).unwrap_or_default();
        name.push(format!(".tmp-{}", std::process::id()));
        let dir = out.with_file_name(name);
        std::fs::create_dir(&dir).map_err(|error| Failure::Write(dir.clone(), error.to_string()))?;
        Ok(Self { dir, out: out.to_owned() })
    }

    /// Gives it its name.
    pub(super) fn finish(self) -> Result<(), Failure> {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        let synced = File::open(&self.dir).and_then(|dir| dir.sync_all());
        synced.map_err(|error| Failure::Write(self.dir.clone(), error.to_string()))?;
        match renameat_with(CWD, &self.dir, CWD, &self.out, RenameFlags::NOREPLACE) {
            Ok(()) => Ok(()),
            Err(rustix::io::Errno::EXIST) => Err(Failure::Exists(self.out.clone())),
            // Sticks and shares cannot be asked; nobody has made the folder meanwhile.
            Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) if !self.out.exists() => {
                std::fs::rename(&self.dir, &self.out)
                    .map_err(|e| Failure::Write(self.out.clone(), e.to_string()))
            }
            Err(error) => Err(Failure::Write(self.out.clone(), error.to_string())),
        }
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // After the renaming there is nothing left to remove.
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}
