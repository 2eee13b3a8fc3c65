//! The open journal: segments, epoch headers and cursors of one folder, and the epoch that is being written.

use std::path::PathBuf;
use std::sync::Arc;

use hazard_core::id::{Epoch, Seq, UplinkId};
use hazard_core::input::PastEpoch;
use hazard_core::outbox::record::{Chain, Manifest, Opening, PreviousEpoch};
use hazard_core::outbox::{AckedSet, Lane, Record};
use hazard_core::{Stamp, Utc};

use super::chain::{Mark, origins};
use super::cursors::Cursors;
use super::disk::{Disk, Fault, take_folder};
use super::epochs::Epochs;
use super::manifest::Head;
use super::ring::{Retention, Ring, Tail, Turned};
use super::seal::Seal;
use super::{Header, JournalStatus, quarantine};
use crate::dictionary::Dictionary;
use crate::settings;

/// Past epochs that are reported as unconfirmed.
const PAST_MAX: usize = 64;

/// Records that wait for a commit; more of them are committed at once.
const PENDING_MAX: usize = 4_000;

/// Where the journal is and whose cursors it keeps.
pub(super) struct Place {
    pub(super) settings: settings::Journal,
    pub(super) uplinks: Vec<String>,
    pub(super) disk: Disk,
}

/// What opening found.
pub(super) struct Found {
    pub(super) epoch: Epoch,
    pub(super) ordinal: u64,
    pub(super) previous: Vec<PreviousEpoch>,
    /// With the ordinal of each.
    pub(super) past: Vec<(u64, PastEpoch, Arc<Dictionary>)>,
}

/// The open journal.
pub(super) struct Store {
    dir: PathBuf,
    disk: Disk,
    epochs: Epochs,
    cursors: Cursors,
    ring: Ring,
    current: (Epoch, u64),
    pending: Vec<Arc<Record>>,
    durable: Seq,
    last_stamp: Stamp,
    marks: [Mark; 2],
    /// The last number in each lane of the current epoch.
    lasts: [u64; 2],
    config: String,
    /// The past epochs that the current one's opening names.
    named: Vec<(Epoch, u64)>,
    seal: Option<Seal>,
    // Last, so that the folder is free only when all of it is closed.
    _lock: std::fs::File,
}

impl Store {
    /// Opens the journal for a fresh epoch, whose header is durable when this returns.
    pub(super) fn open(place: &Place, header: &Header, tail: Tail) -> Result<(Self, Found), Fault> {
        let Place { settings, uplinks, disk } = place;
        let dir = settings.dir.as_path();
        let lock = take_folder(dir, disk)?;
        let mut epochs = Epochs::open(dir)?;
        let retention = Retention {
            quota_bytes: settings.quota_bytes,
            keep_ms: i64::try_from(settings.keep.as_millis()).unwrap_or(i64::MAX),
        };
        let ring = Ring::open(dir, disk, retention, (tail, epochs.highest()))?;
        epochs.also(&ring.ordinals());
        let cursors = Cursors::open(dir, uplinks, disk)?;
        let mut store = Self {
            dir: dir.to_owned(),
            disk: Arc::clone(disk),
            epochs,
            cursors,
            ring,
            current: (header.epoch, 0),
            pending: Vec::new(),
            durable: Seq::default(),
            last_stamp: Stamp::default(),
            marks: origins(header.epoch),
            lasts: [0; 2],
            config: String::new(),
            named: Vec::new(),
            seal: settings.seal.as_ref().map(|seal| Seal::open(dir, seal)),
            _lock: lock,
        };
        let found = store.begin(header)?;
        Ok((store, found))
    }

    /// Ends the current epoch and begins another one.
    pub(super) fn begin(&mut self, header: &Header) -> Result<Found, Fault> {
        self.commit()?;
        let ordinal = self.epochs.begin(header, &self.disk)?;
        self.current = (header.epoch, ordinal);
        self.durable = Seq::default();
        self.marks = origins(header.epoch);
        self.lasts = [0; 2];
        self.config.clone_from(&header.dictionary.config_hash);
        self.seal.iter_mut().for_each(Seal::begin);
        let before: Vec<_> = self.epochs.before(ordinal).collect();
        let previous = Opening::names(before.into_iter().map(|(ordinal, epoch)| {
            let durable_through = self.last_of(ordinal).unwrap_or_default();
            (PreviousEpoch { epoch, durable_through }, self.chain(ordinal))
        }));
        let ordinal_of = |named: &PreviousEpoch| Some((named.epoch, self.epochs.ordinal_of(named.epoch)?));
        self.named = previous.iter().filter_map(ordinal_of).collect();
        self.epochs.keep(&previous);
        self.epochs.forget(&self.ring.ordinals(), ordinal);
        let past = self.past();
        Ok(Found { epoch: header.epoch, ordinal, previous, past })
    }

    /// Takes records of `epoch`; the caller commits.
    pub(super) fn append(&mut self, epoch: Epoch, records: Vec<Arc<Record>>) {
        if epoch == self.current.0 {
            self.pending.extend(records);
        } else {
            tracing::warn!(%epoch, records = records.len(), "records of an epoch that has ended were dropped");
        }
    }

    /// Whether so many records wait that the commit must not.
    pub(super) fn is_crowded(&self) -> bool {
        self.pending.len() >= PENDING_MAX
    }

    /// Makes all records that were taken durable; the last number, if there were any.
    pub(super) fn commit(&mut self) -> Result<Option<Seq>, Fault> {
        let Some(last) = self.pending.last().map(|record| record.seq) else { return Ok(None) };
        self.ring.append(self.current.1, &self.pending, &mut self.marks)?;
        self.ring.commit()?;
        for record in &self.pending {
            self.lasts[record.lane() as usize] = record.seq.0;
            self.last_stamp = record.stamp;
        }
        if let Some(seal) = &mut self.seal {
            seal.durable(self.pending.iter().map(Arc::as_ref), &self.disk);
        }
        self.pending.clear();
        self.durable = last;
        Ok(Some(last))
    }

    /// A manifest over all that is durable, when one is due.
    pub(super) fn manifest(&mut self) -> Option<Manifest> {
        let stamp = self.last_stamp;
        if self.durable == Seq::default() || !self.seal.as_ref()?.is_due(stamp) {
            return None;
        }
        let (epoch, ordinal) = self.current;
        let head = |lane: Lane| {
            let (through, mark) = (self.lasts[lane as usize], self.marks[lane as usize]);
            Head { epoch, ordinal, lane, through, mark }
        };
        let mut heads = vec![head(Lane::Event), head(Lane::Reading)];
        for (epoch, ordinal) in self.named.clone() {
            let lanes = [Lane::Event, Lane::Reading].into_iter();
            heads.extend(lanes.filter_map(|lane| self.head((epoch, ordinal), lane)));
        }
        Some(self.seal.as_mut()?.manifest(stamp, &self.config, heads))
    }

    /// Where a lane of a past epoch ended; `None` where nothing is left of it, or it was written without a chain.
    fn head(&mut self, (epoch, ordinal): (Epoch, u64), lane: Lane) -> Option<Head> {
        let block = self.ring.last_block(lane, ordinal).inspect_err(|fault| {
            tracing::warn!(%epoch, %fault, "the end of an epoch cannot be read; the manifest leaves it out");
        });
        let block = block.ok()??;
        let mark = block.before?.after(&block.records().ok()?);
        Some(Head { epoch, ordinal, lane, through: block.last, mark })
    }

    /// Closes a full segment and drops what is too old or too much.
    pub(super) fn turn(&mut self) -> Result<Turned, Fault> {
        let turned = self.ring.turn()?;
        if turned == Turned::Yes {
            self.epochs.forget(&self.ring.ordinals(), self.current.1);
        }
        Ok(turned)
    }

    /// The records of a lane with numbers from `first` to `last`, at most `records_max`, with the last number looked at.
    pub(super) fn fetch(
        &mut self,
        (epoch, lane): (Epoch, Lane),
        (first, last): (Seq, Seq),
        records_max: u16,
    ) -> Result<(Seq, Vec<Arc<Record>>), Fault> {
        let Some(ordinal) = self.epochs.ordinal_of(epoch) else { return Ok((last, Vec::new())) };
        if first > last {
            return Ok((last, Vec::new()));
        }
        let records_max = usize::from(records_max.max(1));
        let records = self.ring.fetch((lane, ordinal), &(first.0..=last.0), records_max)?;
        let through = match records.last() {
            Some(record) if records.len() >= records_max => record.seq,
            Some(_) | None => last,
        };
        Ok((through, records))
    }

    /// Whether the journal still has to write before it can answer for numbers up to `last` of `epoch`.
    pub(super) fn owes(&self, epoch: Epoch, last: Seq) -> bool {
        epoch == self.current.0 && last > self.durable && !self.pending.is_empty()
    }

    /// Notes what an uplink has confirmed.
    pub(super) fn note(&mut self, uplink: UplinkId, epoch: Epoch, acked: [AckedSet; 2]) {
        self.cursors.note(uplink, epoch, acked);
    }

    /// Writes the cursors that changed.
    pub(super) fn save_cursors(&mut self) -> Result<(), Fault> {
        let epochs = &self.epochs;
        self.cursors.save(|epoch| epochs.ordinal_of(epoch).is_some(), &self.disk)
    }

    /// Writes everything and leaves the indexes as they are.
    pub(super) fn settle(&mut self) -> Result<Option<Seq>, Fault> {
        let through = self.commit()?;
        self.save_cursors()?;
        self.ring.settle()?;
        Ok(through)
    }

    /// How large it is.
    pub(super) fn status(&self) -> JournalStatus {
        JournalStatus {
            bytes_on_disk: self.ring.bytes(),
            segments: self.ring.segments(),
            set_aside_bytes: quarantine::bytes(&self.dir),
            oldest: self.ring.oldest_ms().map(Utc::from_unix_ms),
            unsigned: self.seal.as_ref().is_some_and(|seal| !seal.signs()),
        }
    }

    fn last_of(&self, ordinal: u64) -> Option<Seq> {
        let last = |lane| self.ring.span(lane, ordinal).map(|(_, last)| Seq(last));
        last(Lane::Event).max(last(Lane::Reading))
    }

    fn chain(&mut self, ordinal: u64) -> Chain {
        let first = |lane| self.ring.span(lane, ordinal).map(|(first, _)| first);
        match first(Lane::Event).into_iter().chain(first(Lane::Reading)).min() {
            None => Chain::GoesOn,
            Some(1) => {
                let first = self.ring.fetch((Lane::Event, ordinal), &(1..=1), 1).unwrap_or_default();
                Chain::at(first.first().map(Arc::as_ref))
            }
            // Retention took the opening, and with it all that was before.
            Some(_) => Chain::Ends,
        }
    }

    fn past(&self) -> Vec<(u64, PastEpoch, Arc<Dictionary>)> {
        let unconfirmed = self.epochs.before(self.current.1).filter_map(|(ordinal, epoch)| {
            let last = self.last_of(ordinal)?;
            let acked = self.cursors.of(epoch);
            if acked.iter().all(|lanes| self.is_confirmed(ordinal, lanes)) {
                return None;
            }
            Some((ordinal, PastEpoch { epoch, last, acked }, self.epochs.dictionary(ordinal)?))
        });
        let mut past: Vec<_> = unconfirmed.take(PAST_MAX).collect();
        past.reverse();
        past
    }

    fn is_confirmed(&self, ordinal: u64, acked: &[AckedSet; 2]) -> bool {
        [Lane::Event, Lane::Reading].into_iter().zip(acked).all(|(lane, acked)| {
            let span = self.ring.span(lane, ordinal);
            span.is_none_or(|(first, last)| acked.first_gap(Seq(first), Seq(last)).is_none())
        })
    }
}
