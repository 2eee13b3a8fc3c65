//! The open journal: segments, epoch headers and cursors of one folder, and the epoch that is being written.

use std::path::PathBuf;
use std::sync::Arc;

use hazard_core::Utc;
use hazard_core::id::{Epoch, Seq, UplinkId};
use hazard_core::input::PastEpoch;
use hazard_core::outbox::record::{Chain, Opening, PreviousEpoch};
use hazard_core::outbox::{AckedSet, Lane, Record};

use super::cursors::Cursors;
use super::disk::{Disk, Fault, take_folder};
use super::epochs::Epochs;
use super::ring::{Retention, Ring, Tail, Turned};
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
        let before: Vec<_> = self.epochs.before(ordinal).collect();
        let previous = Opening::names(before.into_iter().map(|(ordinal, epoch)| {
            let durable_through = self.last_of(ordinal).unwrap_or_default();
            (PreviousEpoch { epoch, durable_through }, self.chain(ordinal))
        }));
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
        self.ring.append(self.current.1, &self.pending)?;
        self.ring.commit()?;
        self.pending.clear();
        self.durable = last;
        Ok(Some(last))
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

    /// Where records of a time may be, in the order of the epochs; those of whom no header tells the epoch are left out.
    pub(super) fn find(&self, (from, to): (Utc, Utc)) -> Vec<(Epoch, Lane, Seq, Seq)> {
        let found = self.ring.find((from.unix_ms(), to.unix_ms())).into_iter();
        let named = found.filter_map(|((ordinal, lane), (first, last))| {
            Some((self.epochs.epoch_of(ordinal)?, lane, Seq(first), Seq(last)))
        });
        named.collect()
    }

    /// The names of an epoch other than the current one.
    pub(super) fn names_of(&self, epoch: Epoch) -> Option<(u64, Arc<Dictionary>)> {
        let ordinal = self.epochs.ordinal_of(epoch).filter(|_| epoch != self.current.0)?;
        Some((ordinal, self.epochs.dictionary(ordinal)?))
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
