//! What the records of a journal say of other records: openings of the epochs before, manifests of chains, losses of what is
//! missing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hazard_core::id::Epoch;
use hazard_core::outbox::Lane;
use hazard_core::outbox::record::{Body, Loss, Manifest, PreviousEpoch};

use super::chain::Mark;
use super::finding::{Finding, Place, What};
use super::key::Public;
use super::manifest::{self, Head, Signature, Statement};
use super::read::{Folder, Piece, Unreadable};

/// A manifest among the records.
#[derive(Clone, Debug)]
pub struct Kept {
    /// The ordinal of the epoch that it is a record of.
    pub ordinal: u64,
    /// Its number.
    pub seq: u64,
    /// It.
    pub manifest: Manifest,
    /// What it states, where that can be understood.
    pub statement: Option<Statement>,
    /// Who signed it.
    pub signature: Signature,
    segment: Arc<str>,
}

/// A lane's state that somebody named: the number, and the chain behind it.
pub(super) type Pins = BTreeMap<(Epoch, Lane), BTreeMap<u64, Vec<Mark>>>;

/// All that records say of others.
#[derive(Debug, Default)]
pub struct Said {
    /// Each with the ordinal of the epoch that says it, newest named first.
    pub openings: Vec<(u64, Vec<PreviousEpoch>)>,
    /// In their order.
    pub manifests: Vec<Kept>,
    /// Each with the ordinal of the epoch that says it.
    pub losses: Vec<(u64, Loss)>,
}

impl Said {
    /// Reads the event lane.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn of(folder: &Folder) -> Result<Self, Unreadable> {
        let mut said = Self::default();
        let mut last = (0, 0);
        for piece in folder.lane(Lane::Event)? {
            let Piece::Block(block) = piece? else { continue };
            for record in block.records.iter().flatten() {
                let place = (block.ordinal(), record.seq.0);
                // A record may be in a hot segment and in an archive.
                if place <= last {
                    continue;
                }
                last = place;
                match &record.body {
                    Body::Opening(opening) => said.openings.push((place.0, opening.previous.clone())),
                    Body::Loss(loss) => said.losses.push((place.0, *loss)),
                    Body::Manifest(manifest) => said.manifests.push(Kept {
                        ordinal: place.0,
                        seq: place.1,
                        statement: Statement::parse(&manifest.text),
                        signature: manifest::signature(manifest),
                        manifest: (**manifest).clone(),
                        segment: Arc::clone(&block.segment),
                    }),
                    _ => {}
                }
            }
        }
        Ok(said)
    }

    /// The key that manifests must be signed with: the one that is trusted, else that of the first one.
    #[must_use]
    pub fn key(&self, trusted: Option<Public>) -> Option<Public> {
        let first = || {
            self.manifests.iter().find_map(|kept| match kept.signature {
                Signature::Good(key) => Some(key),
                Signature::Absent | Signature::Bad => None,
            })
        };
        trusted.or_else(first)
    }

    /// What the manifests pin down, and what is wrong with them.
    pub(super) fn pins(&self, folder: &Folder, key: Option<Public>) -> (Pins, Vec<Finding>) {
        let (mut pins, mut findings) = (Pins::new(), Vec::new());
        let mut names = BTreeSet::new();
        for kept in &self.manifests {
            let mut tell = |what, note: &str| findings.push(kept.finding(what, note, folder));
            match kept.signature {
                Signature::Good(by) if Some(by) != key => {
                    tell(What::ManifestForeign, &format!("key {}", by.hex()));
                    continue;
                }
                Signature::Bad => {
                    tell(What::ManifestForged, "");
                    continue;
                }
                Signature::Good(_) => {}
                Signature::Absent => tell(What::ManifestUnsigned, ""),
            }
            let Some(statement) = &kept.statement else {
                tell(What::ManifestUnread, "");
                continue;
            };
            if let Some(previous) = statement.previous.as_ref().filter(|name| !names.contains(*name))
                && !names.is_empty()
            {
                tell(What::ManifestMissing, &format!("previous {previous}"));
            }
            names.insert(manifest::name(&kept.manifest.text));
            statement.heads.iter().for_each(|head| pin(&mut pins, head));
        }
        if let Some(last) = folder.last_manifest().filter(|last| !names.contains(last)) {
            findings.extend(self.last_is_missing(&last, folder));
        }
        (pins, findings)
    }

    fn last_is_missing(&self, name: &str, folder: &Folder) -> Option<Finding> {
        if self.manifests.iter().any(|kept| manifest::name(&kept.manifest.text) == name) {
            return None;
        }
        let place = match self.manifests.last() {
            Some(kept) => kept.place(folder),
            None => Place {
                segment: None,
                epoch: None,
                epoch_no: 0,
                lane: Some(Lane::Event),
                first: 0,
                last: 0,
                between: None,
            },
        };
        let note = format!("last {name}");
        Some(Finding { what: What::ManifestMissing, place, records: None, note })
    }
}

impl Kept {
    fn place(&self, folder: &Folder) -> Place {
        let made = self.statement.as_ref().map(|statement| (statement.made, statement.made));
        Place {
            segment: Some(Arc::clone(&self.segment)),
            epoch: folder.epochs().get(&self.ordinal).map(|header| header.epoch),
            epoch_no: self.ordinal,
            lane: Some(Lane::Event),
            first: self.seq,
            last: self.seq,
            between: made,
        }
    }

    fn finding(&self, what: What, note: &str, folder: &Folder) -> Finding {
        Finding { what, place: self.place(folder), records: None, note: note.to_owned() }
    }
}

pub(super) fn pin(pins: &mut Pins, head: &Head) {
    if head.through > 0 {
        let marks = pins.entry((head.epoch, head.lane)).or_default().entry(head.through).or_default();
        if !marks.contains(&head.mark) {
            marks.push(head.mark);
        }
    }
}
