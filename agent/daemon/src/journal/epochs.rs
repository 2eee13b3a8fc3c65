//! The headers of epochs: identity, durable ordinal and dictionary, one file each, on disk before any of their records.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hazard_core::id::Epoch;
use hazard_core::outbox::record::PreviousEpoch;

use super::Header;
use super::disk::{Disk, Fault};
use super::{quarantine, run_clock, slot};
use crate::clock::RunClock;
use crate::dictionary::Dictionary;

/// Lists that dictionaries did not have from the start.
const LISTS_ADDED: usize = 9;
/// Headers kept; an agent that starts in a loop must not fill the folder.
const HEADERS_MAX: usize = 256;

/// The headers in a folder.
pub(super) struct Epochs {
    dir: PathBuf,
    known: BTreeMap<u64, Epoch>,
    named: BTreeSet<u64>,
    highest: u64,
}

impl Epochs {
    /// Reads which epochs there are.
    pub(super) fn open(dir: &Path) -> Result<Self, Fault> {
        let mut known = BTreeMap::new();
        let mut highest = quarantine::highest_ordinal(dir);
        for entry in std::fs::read_dir(dir)?.flatten() {
            let name = entry.file_name();
            let ordinal = name.to_str().and_then(|n| n.strip_prefix("epoch-")?.parse::<u64>().ok());
            let Some(ordinal) = ordinal else { continue };
            highest = highest.max(ordinal);
            match read(&entry.path()) {
                Some((epoch, written, _)) if written == ordinal => {
                    known.insert(ordinal, epoch);
                }
                _ => {
                    tracing::warn!(ordinal, "the header of an epoch is damaged; its records cannot be named")
                }
            }
        }
        Ok(Self { dir: dir.to_owned(), known, named: BTreeSet::new(), highest })
    }

    /// The highest ordinal that was ever given out, as far as this folder shows.
    pub(super) const fn highest(&self) -> u64 {
        self.highest
    }

    /// Takes ordinals into account that only segments show.
    pub(super) fn also(&mut self, ordinals: &BTreeSet<u64>) {
        self.highest = self.highest.max(ordinals.last().copied().unwrap_or(0));
    }

    /// Gives an epoch the next ordinal; its header is durable when this returns.
    pub(super) fn begin(&mut self, header: &Header, disk: &Disk) -> Result<u64, Fault> {
        let ordinal = self.highest.checked_add(1);
        let ordinal = ordinal.ok_or_else(|| Fault::Refused("no ordinal is left".to_owned()))?;
        let body = postcard::to_stdvec(&(header.epoch.0, ordinal, header.dictionary.as_ref()))
            .map_err(|error| Fault::Refused(error.to_string()))?;
        slot::write_whole(&self.path(ordinal), &body, disk)?;
        self.highest = ordinal;
        self.known.insert(ordinal, header.epoch);
        Ok(ordinal)
    }

    /// The epochs before `ordinal`, youngest first.
    pub(super) fn before(&self, ordinal: u64) -> impl Iterator<Item = (u64, Epoch)> {
        self.known.range(..ordinal).rev().map(|(ordinal, epoch)| (*ordinal, *epoch))
    }

    /// The ordinal of an epoch.
    pub(super) fn ordinal_of(&self, epoch: Epoch) -> Option<u64> {
        self.known.iter().rev().find(|(_, known)| **known == epoch).map(|(ordinal, _)| *ordinal)
    }

    /// The epoch of an ordinal.
    pub(super) fn epoch_of(&self, ordinal: u64) -> Option<Epoch> {
        self.known.get(&ordinal).copied()
    }

    /// The dictionary of an epoch.
    pub(super) fn dictionary(&self, ordinal: u64) -> Option<Arc<Dictionary>> {
        read(&self.path(ordinal)).map(|(_, _, dictionary)| Arc::new(dictionary))
    }

    /// Keeps the headers of the epochs that the current one's opening names: until that is durable, the next start may
    /// have to name them again.
    pub(super) fn keep(&mut self, named: &[PreviousEpoch]) {
        self.named = named.iter().filter_map(|named| self.ordinal_of(named.epoch)).collect();
    }

    /// Deletes the headers of epochs without records; `current` and those it names stay.
    pub(super) fn forget(&mut self, with_records: &BTreeSet<u64>, current: u64) {
        let too_many = self.known.len().saturating_sub(HEADERS_MAX);
        let gone = self.known.keys().enumerate().filter_map(|(position, ordinal)| {
            let needed = with_records.contains(ordinal) || self.named.contains(ordinal);
            let stays = *ordinal >= current || needed && position >= too_many;
            (!stays).then_some(*ordinal)
        });
        for ordinal in gone.collect::<Vec<_>>() {
            // A header that cannot be deleted stays and is met again at the next start.
            let _ = std::fs::remove_file(self.clock_path(ordinal));
            let _ = std::fs::remove_file(self.path(ordinal));
            self.known.remove(&ordinal);
        }
    }

    /// Remembers what is known of the clock of an epoch.
    pub(super) fn note_clock(&self, epoch: Epoch, clock: &RunClock, disk: &Disk) -> Result<(), Fault> {
        match self.ordinal_of(epoch) {
            Some(ordinal) => run_clock::write(&self.clock_path(ordinal), clock, disk),
            None => Ok(()),
        }
    }

    /// What is known of the clock of an epoch.
    pub(super) fn clock(&self, ordinal: u64) -> Option<RunClock> {
        run_clock::read(&self.clock_path(ordinal))
    }

    fn clock_path(&self, ordinal: u64) -> PathBuf {
        self.dir.join(format!("clock-{ordinal:010}"))
    }

    fn path(&self, ordinal: u64) -> PathBuf {
        self.dir.join(format!("epoch-{ordinal:010}"))
    }
}

/// A header: the epoch, its ordinal and its dictionary.
pub(super) fn read(path: &Path) -> Option<(Epoch, u64, Dictionary)> {
    let body = slot::read_whole(path)?;
    let (epoch, ordinal, dictionary) = header(&body)?;
    Some((Epoch(epoch), ordinal, dictionary))
}

fn header(body: &[u8]) -> Option<(u64, u64, Dictionary)> {
    // Lists were only ever added at the end; one without entries is one zero.
    (0..=LISTS_ADDED)
        .find_map(|missing| postcard::from_bytes(&[body, &[0; LISTS_ADDED][..missing]].concat()).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dictionary::SafeguardEntry;

    /// A dictionary as it was before there were safeguards.
    #[derive(serde::Serialize)]
    struct Before<'a> {
        config_hash: &'a str,
        points: Vec<(&'a str, &'a str, &'a str, bool, bool)>,
        alarms: Vec<(u32, &'a str, &'a str, &'a str, bool)>,
        devices: Vec<&'a str>,
        buses: Vec<&'a str>,
        outputs: Vec<&'a str>,
        uplinks: Vec<&'a str>,
    }

    #[test]
    fn a_header_from_before_there_were_safeguards_still_names_its_records() {
        let before = Before {
            config_hash: "blake3:1",
            points: vec![("GT-101", "甲烷", "%LEL", false, true)],
            alarms: vec![(0, "high", "medium", "25", true)],
            devices: vec!["D1"],
            buses: vec!["B1"],
            outputs: vec![],
            uplinks: vec!["district"],
        };
        let body = postcard::to_stdvec(&(42_u64, 7_u64, &before)).unwrap();
        let (epoch, ordinal, dictionary) = header(&body).unwrap();
        assert_eq!((epoch, ordinal), (42, 7));
        assert_eq!((&*dictionary.points[0].tag, &*dictionary.uplinks[0]), ("GT-101", "district"));
        assert!(dictionary.safeguards.is_empty());
        assert!(header(&body[..body.len() - 1]).is_none(), "what is cut short is not filled up");
    }

    #[test]
    fn a_header_with_safeguards_comes_back_the_same() {
        let safeguard = SafeguardEntry {
            name: "DC-1/vent_panel".into(),
            kind: "vent_panel".into(),
            absent: true,
            note: String::new(),
            deadline: "2026-12-31".into(),
        };
        let dictionary = Dictionary { safeguards: vec![safeguard], ..Dictionary::default() };
        let body = postcard::to_stdvec(&(42_u64, 7_u64, &dictionary)).unwrap();
        assert_eq!(header(&body), Some((42, 7, dictionary)));
    }
}
