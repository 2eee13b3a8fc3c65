//! 核验: makes every link of a journal again, compares with what openings and signed manifests say, and says where something
//! was changed, removed or moved. Pure over what the reader yields.

use std::collections::BTreeMap;

use hazard_core::id::Epoch;
use hazard_core::outbox::Lane;
use hazard_core::outbox::record::PreviousEpoch;

use super::finding::{Finding, Place, What};
use super::key::Public;
use super::manifest::Head;
use super::read::{Folder, Unreadable};
use super::said::{Pins, Said, pin};
use super::walk::{Found, LaneSum, Walk};

/// With what a journal is compared.
#[derive(Clone, Debug, Default)]
pub struct Against {
    /// The gateway's public key; without one that of the first manifest is taken.
    pub key: Option<Public>,
    /// Of an export: where each lane ends, as its signed manifest has it.
    pub ends: Option<Vec<Head>>,
}

/// What verifying came to.
#[derive(Debug)]
pub struct Verdict {
    /// What is there, by epoch and lane.
    pub lanes: Vec<LaneSum>,
    /// What the records say of others.
    pub said: Said,
    /// The key that manifests were compared with.
    pub key: Option<Public>,
    /// Faults and what is only said.
    pub findings: Vec<Finding>,
    /// Faults beyond those that are listed.
    pub more: u64,
    /// Blocks that were read.
    pub blocks: u64,
}

impl Verdict {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.more == 0 && !self.findings.iter().any(|finding| finding.what.is_fault())
    }

    /// What is there of a lane.
    #[must_use]
    pub fn lane(&self, epoch: Epoch, lane: Lane) -> Option<&LaneSum> {
        self.lanes.iter().find(|sum| sum.epoch == Some(epoch) && sum.lane == lane)
    }
}

/// Verifies a journal, or the blocks of an export.
///
/// # Errors
/// When it cannot be read.
pub fn verify(folder: &Folder, against: &Against) -> Result<Verdict, Unreadable> {
    let said = Said::of(folder)?;
    let key = said.key(against.key);
    let (mut pins, findings) = said.pins(folder, key);
    for head in against.ends.iter().flatten() {
        pin(&mut pins, head);
    }
    let mut found = Found::default();
    findings.into_iter().for_each(|finding| found.tell(finding));
    for lane in [Lane::Event, Lane::Reading] {
        let mut walk = Walk::new(folder, lane, &pins, &mut found);
        for piece in folder.lane(lane)? {
            walk.step(piece?);
        }
        walk.end();
    }
    let mut verdict = Verdict {
        lanes: std::mem::take(&mut found.sums),
        said,
        key,
        findings: Vec::new(),
        more: 0,
        blocks: found.blocks,
    };
    match &against.ends {
        Some(ends) => ends.iter().filter_map(|end| verdict.cut_short(end)).for_each(|one| found.tell(one)),
        None => verdict.missing_ends(folder, &pins).into_iter().for_each(|one| found.tell(one)),
    }
    verdict.findings = found.findings;
    verdict.findings.sort_by_key(|finding| !finding.what.is_fault());
    verdict.more = found.more;
    Ok(verdict)
}

impl Verdict {
    /// An export's lane that ends before its manifest says.
    fn cut_short(&self, end: &Head) -> Option<Finding> {
        let last = self.lane(end.epoch, end.lane).map_or(0, LaneSum::last);
        (last < end.through).then(|| {
            let place = self.behind(end.epoch, Some(end.lane), (last + 1, end.through));
            finding(What::EndMissing, place, "manifest")
        })
    }

    /// What openings and manifests name and is not there.
    fn missing_ends(&self, folder: &Folder, pins: &Pins) -> Vec<Finding> {
        let mut findings = BTreeMap::new();
        for (ordinal, previous) in &self.said.openings {
            for (at, named) in previous.iter().enumerate() {
                let older = |sum: &LaneSum| {
                    let listed = previous.iter().position(|other| Some(other.epoch) == sum.epoch);
                    sum.ordinal < *ordinal && listed.is_none_or(|listed| listed > at)
                };
                findings.extend(self.named_and_missing(folder, named, older).map(|one| (named.epoch, one)));
            }
        }
        for ((epoch, lane), pinned) in pins {
            let Some((&through, _)) = pinned.last_key_value() else { continue };
            let ordinal = self.ordinal_of(*epoch);
            let sum = self.lane(*epoch, *lane);
            let may_be_purged =
                !self.lanes.iter().any(|sum| sum.lane == *lane && Some(sum.ordinal) < ordinal);
            let last = sum.map_or(0, LaneSum::last).max(self.purged(folder, *epoch, *lane));
            if last < through && !(sum.is_none() && may_be_purged) {
                let place = self.behind(*epoch, Some(*lane), (last + 1, through));
                findings.entry(*epoch).or_insert_with(|| finding(What::EndMissing, place, "manifest"));
            }
        }
        findings.into_values().collect()
    }

    fn named_and_missing(
        &self,
        folder: &Folder,
        named: &PreviousEpoch,
        is_older: impl Fn(&LaneSum) -> bool,
    ) -> Option<Finding> {
        let through = named.durable_through.0;
        let lanes = [Lane::Event, Lane::Reading];
        let last = lanes.iter().filter_map(|lane| self.lane(named.epoch, *lane)).map(LaneSum::last).max();
        let has_older = |lane: Lane| self.lanes.iter().any(|sum| sum.lane == lane && is_older(sum));
        let purged = lanes.map(|lane| self.purged(folder, named.epoch, lane));
        if last.into_iter().chain(purged).max() >= Some(through) {
            return None;
        }
        // Retention drops the oldest of each lane: whole lanes, when nothing older of theirs is left.
        let may_be_purged =
            lanes.iter().any(|lane| self.lane(named.epoch, *lane).is_none() && !has_older(*lane));
        if may_be_purged {
            return None;
        }
        let what = if last.is_none() { What::EpochMissing } else { What::EndMissing };
        let place = self.behind(named.epoch, None, (last.unwrap_or(0) + 1, through));
        Some(finding(what, place, "opening"))
    }

    /// The last number of a lane that retention says it has dropped.
    fn purged(&self, folder: &Folder, epoch: Epoch, lane: Lane) -> u64 {
        let header = folder.epochs().iter().find(|(_, header)| header.epoch == epoch);
        let ordinal = header.map(|(ordinal, _)| *ordinal).or_else(|| self.ordinal_of(epoch));
        ordinal.map_or(0, |ordinal| folder.purges().last(lane, ordinal))
    }

    /// The ordinal of an epoch, by its records, its header's absence notwithstanding, or by a manifest.
    fn ordinal_of(&self, epoch: Epoch) -> Option<u64> {
        let by_sum = self.lanes.iter().find(|sum| sum.epoch == Some(epoch)).map(|sum| sum.ordinal);
        let heads = self.said.manifests.iter().filter_map(|kept| kept.statement.as_ref());
        let mut heads = heads.flat_map(|statement| &statement.heads);
        by_sum.or_else(|| heads.find(|head| head.epoch == epoch).map(|head| head.ordinal))
    }

    fn behind(&self, epoch: Epoch, lane: Option<Lane>, (first, last): (u64, u64)) -> Place {
        let sums = self.lanes.iter().filter(|sum| sum.epoch == Some(epoch));
        let until = sums.filter_map(|sum| sum.between).map(|(_, until)| until).max();
        Place {
            segment: None,
            epoch: Some(epoch),
            epoch_no: self.ordinal_of(epoch).unwrap_or(0),
            lane,
            first,
            last,
            between: until.map(|until| (until, until)),
        }
    }
}

fn finding(what: What, place: Place, note: &str) -> Finding {
    Finding { what, place, records: None, note: note.to_owned() }
}
