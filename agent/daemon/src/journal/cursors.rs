//! What each uplink has confirmed, in two alternating files per uplink; losing the last save costs duplicates only.

use std::collections::BTreeMap;
use std::path::Path;

use hazard_core::id::{Epoch, Seq, UplinkId};
use hazard_core::outbox::{AckedSet, Lane};
use serde::{Deserialize, Serialize};

use super::disk::{Disk, Fault};
use super::slot::{self, TwoSlots};

/// Ranges of confirmed numbers, both ends included.
type Ranges = Vec<(u64, u64)>;

/// One uplink's file.
#[derive(Serialize, Deserialize)]
struct Body {
    uplink: String,
    epochs: Vec<(u64, [Ranges; 2])>,
}

struct Cursor {
    uplink: String,
    slots: TwoSlots,
    acked: BTreeMap<Epoch, [AckedSet; 2]>,
    dirty: bool,
}

/// The cursors in site order.
pub(super) struct Cursors(Vec<Cursor>);

/// What all uplinks that ever had a cursor in `dir` have confirmed; changes nothing there.
pub(super) fn read_all(dir: &Path) -> Vec<(String, BTreeMap<Epoch, [AckedSet; 2]>)> {
    let Ok(entries) = std::fs::read_dir(dir) else { return Vec::new() };
    let name = |entry: std::fs::DirEntry| entry.file_name().to_str()?.strip_suffix(".0").map(str::to_owned);
    let names = entries.flatten().filter_map(name).filter(|name| name.starts_with("cursor-"));
    let read = |name: String| {
        let body: Body = postcard::from_bytes(&slot::read_younger(dir, &name)?).ok()?;
        let lanes = |lanes: [Ranges; 2]| lanes.map(|ranges| AckedSet::from_ranges(&ranges));
        Some((
            body.uplink,
            body.epochs.into_iter().map(|(epoch, acked)| (Epoch(epoch), lanes(acked))).collect(),
        ))
    };
    let mut all: Vec<(String, BTreeMap<_, _>)> = names.filter_map(read).collect();
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all
}

impl Cursors {
    /// Reads the cursors of `uplinks`; one that is not known begins empty.
    pub(super) fn open(dir: &Path, uplinks: &[String], disk: &Disk) -> Result<Self, Fault> {
        let open = |uplink: &String| {
            // Names may hold anything; the file's name holds their hash and the file the name.
            let hash = blake3::hash(uplink.as_bytes()).to_hex();
            let name = format!("cursor-{}", &hash[..16]);
            let (slots, body) = TwoSlots::open(dir, &name, disk)?;
            let body = body.and_then(|body| postcard::from_bytes::<Body>(&body).ok());
            let epochs = body.filter(|body| body.uplink == *uplink).map_or(Vec::new(), |b| b.epochs);
            let acked = epochs
                .into_iter()
                .map(|(epoch, lanes)| (Epoch(epoch), lanes.map(|ranges| AckedSet::from_ranges(&ranges))));
            Ok(Cursor { uplink: uplink.clone(), slots, acked: acked.collect(), dirty: false })
        };
        uplinks.iter().map(open).collect::<Result<_, _>>().map(Self)
    }

    /// What each uplink has confirmed of `epoch`.
    pub(super) fn of(&self, epoch: Epoch) -> Vec<[AckedSet; 2]> {
        self.0.iter().map(|one| one.acked.get(&epoch).cloned().unwrap_or_default()).collect()
    }

    /// Whether every uplink has confirmed the numbers of a lane.
    pub(super) fn have(&self, epoch: Epoch, lane: Lane, (first, last): (u64, u64)) -> bool {
        self.0.iter().all(|cursor| {
            let acked = cursor.acked.get(&epoch).map(|lanes| &lanes[lane as usize]);
            acked.is_some_and(|acked| acked.first_gap(Seq(first), Seq(last)).is_none())
        })
    }

    /// Notes what an uplink has confirmed; it is on disk after [`Self::save`].
    pub(super) fn note(&mut self, uplink: UplinkId, epoch: Epoch, acked: [AckedSet; 2]) {
        if let Some(cursor) = self.0.get_mut(uplink.index()) {
            cursor.acked.insert(epoch, acked);
            cursor.dirty = true;
        }
    }

    /// Saves what changed, leaving out epochs that `is_known` does not name.
    pub(super) fn save(&mut self, is_known: impl Fn(Epoch) -> bool, disk: &Disk) -> Result<(), Fault> {
        for cursor in self.0.iter_mut().filter(|cursor| cursor.dirty) {
            cursor.acked.retain(|epoch, _| is_known(*epoch));
            let epochs = cursor
                .acked
                .iter()
                .map(|(epoch, lanes)| (epoch.0, [lanes[0].ranges().to_vec(), lanes[1].ranges().to_vec()]));
            let body = Body { uplink: cursor.uplink.clone(), epochs: epochs.collect() };
            let body = postcard::to_stdvec(&body).map_err(|e| Fault::Refused(e.to_string()))?;
            cursor.slots.save(&body, disk)?;
            cursor.dirty = false;
        }
        Ok(())
    }
}
