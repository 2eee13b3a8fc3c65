//! The last good configuration: the texts that ran, and copies of the files that they name, so that a start needs neither the
//! site file nor anything beside it. Two generations, each with a checksum; one that does not match it was never whole.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{Error, ErrorKind, Result, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Files, read_small};

const FOLDER: &str = "config";
const LATEST: &str = "last_good.json";
const BEFORE: &str = "last_good.before.json";
/// The folder of copies, each under the hash of its bytes.
const COPIES: &str = "attachments";

/// A configuration that ran and was not on trial.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LastGood {
    /// The site file that it is of.
    pub site: PathBuf,
    /// The hash over it and what it names.
    pub fingerprint: String,
    /// Its texts.
    pub files: Files,
    /// Hashes of the files that it names, by path.
    pub attachments: BTreeMap<PathBuf, String>,
}

#[derive(Serialize, Deserialize)]
struct Sealed {
    check: String,
    good: LastGood,
}

impl LastGood {
    /// The one of this site file that a state folder keeps.
    #[must_use]
    pub fn read(state_dir: &Path, site: &Path) -> Option<Self> {
        let site = whole(site);
        [LATEST, BEFORE]
            .into_iter()
            .filter_map(|name| unsealed(&state_dir.join(FOLDER).join(name)))
            .find(|good| good.site == site)
    }

    /// Keeps it; what was kept before stays as the generation before.
    ///
    /// # Errors
    /// When something cannot be written, or an attachment is not what ran any more: then the one before stays.
    pub fn keep(self, state_dir: &Path) -> Result<()> {
        let folder = state_dir.join(FOLDER);
        let copies = folder.join(COPIES);
        fs::create_dir_all(&copies)?;
        for (path, hash) in &self.attachments {
            let copy = copies.join(hash);
            if hash_of(&copy).is_some_and(|kept| kept == *hash) {
                continue;
            }
            let bytes = read_small(path)?;
            if blake3::hash(&bytes).to_hex().as_str() != hash {
                return Err(Error::new(
                    ErrorKind::InvalidData,
                    format!("{}: changed meanwhile", path.display()),
                ));
            }
            write(&copy, &bytes)?;
        }
        let good = Self { site: whole(&self.site), ..self };
        let sealed = Sealed { check: checksum(&good)?, good };
        let latest = folder.join(LATEST);
        if unsealed(&latest).is_some() {
            fs::rename(&latest, folder.join(BEFORE))?;
        }
        write(&latest, &serde_json::to_vec(&sealed)?)?;
        tidy(&folder);
        Ok(())
    }

    /// Where the copies of its attachments are.
    #[must_use]
    pub fn copies(&self, state_dir: &Path) -> BTreeMap<PathBuf, PathBuf> {
        let copies = state_dir.join(FOLDER).join(COPIES);
        self.attachments.iter().map(|(path, hash)| (path.clone(), copies.join(hash))).collect()
    }
}

fn unsealed(path: &Path) -> Option<LastGood> {
    let Sealed { check, good } = serde_json::from_slice(&read_small(path).ok()?).ok()?;
    checksum(&good).is_ok_and(|sum| sum == check).then_some(good)
}

fn checksum(good: &LastGood) -> Result<String> {
    Ok(blake3::hash(&serde_json::to_vec(good)?).to_hex().to_string())
}

fn hash_of(path: &Path) -> Option<String> {
    Some(blake3::hash(&read_small(path).ok()?).to_hex().to_string())
}

/// Writes a file that its owner alone reads: there are keys among them.
fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let beside = path.with_extension("new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

/// Removes copies that neither generation names: no key is kept for longer than it may be needed.
fn tidy(folder: &Path) {
    let goods: Vec<LastGood> =
        [LATEST, BEFORE].into_iter().filter_map(|name| unsealed(&folder.join(name))).collect();
    for copy in fs::read_dir(folder.join(COPIES)).into_iter().flatten().flatten() {
        let name = copy.file_name();
        let is_named = |good: &LastGood| good.attachments.values().any(|hash| name == hash.as_str());
        if !goods.iter().any(is_named) {
            // One that stays is tried again next time.
            drop(fs::remove_file(copy.path()));
        }
    }
}

/// The name of a site file by whatever path it is reached, also while there is none.
fn whole(site: &Path) -> PathBuf {
    let site = std::path::absolute(site).unwrap_or_else(|_| site.to_owned());
    let folder = site.parent().and_then(|folder| fs::canonicalize(folder).ok());
    match (folder, site.file_name()) {
        (Some(folder), Some(name)) => folder.join(name),
        (None, _) | (_, None) => site,
    }
}
