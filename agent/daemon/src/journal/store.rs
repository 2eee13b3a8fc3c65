//! The open journal: segments, epoch headers and cursors of one folder, and the epoch that is being written.

use std::sync::Arc;
use std::time::Duration;

use hazard_core::id::{Epoch, Seq, UplinkId};
use hazard_core::input::PastEpoch;
use hazard_core::outbox::record::{Chain, Manifest, Opening, PreviousEpoch};
use hazard_core::outbox::{AckedSet, Count, Lane, Record};
use hazard_core::{Stamp, Utc};

use super::chain::{Mark, origins};
use super::cursors::Cursors;
use super::disk::{Disk, Fault, take_folder};
use super::epochs::Epochs;
use super::gather::{Gathered, Hole};
use super::manifest::Head;
use super::pack::Packed;
use super::retain::{Purged, Retention};
use super::ring::{LANES, Ring};
use super::seal::Seal;
use super::series::Tail;
use super::{Header, JournalStatus, owner};
use crate::clock::RunClock;
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

/// An archive that is written to is looked at by retention after so many bytes.
const RETAIN_EVERY_BYTES: u64 = 1 << 20;

/// Closed hot segments that may wait while orders keep coming.
const UNPACKED_MAX: usize = 1;

/// Records that are no longer on this disk.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gone {
    pub(super) epoch: Epoch,
    pub(super) lane: Lane,
    pub(super) first: Seq,
    pub(super) last: Seq,
    pub(super) count: Count,
    pub(super) why: Why,
}

/// Why they are gone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Why {
    /// They are old, or to make room.
    Purged,
    /// The same, before this opening.
    PurgedBefore,
    /// A block cannot be read any more.
    Damaged,
}

/// What a fetch found.
pub(super) struct Fetched {
    /// The last number looked at.
    pub(super) through: Seq,
    pub(super) records: Vec<Arc<Record>>,
    pub(super) holes: Vec<Hole>,
}

impl Fetched {
    pub(super) const fn nothing(through: Seq) -> Self {
        Self { through, records: Vec::new(), holes: Vec::new() }
    }
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
    disk: Disk,
    epochs: Epochs,
    cursors: Cursors,
    retention: Retention,
    /// Its size when retention looked last.
    retained_bytes: u64,
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
        owner::take(dir, settings.seal.as_ref().map(|seal| seal.gateway.as_str()), disk)?;
        let mut epochs = Epochs::open(dir)?;
        let ms = |keep: Duration| i64::try_from(keep.as_millis()).unwrap_or(i64::MAX);
        let retention = Retention {
            quota_bytes: settings.quota_bytes,
            keep_ms: [ms(settings.keep_events), ms(settings.keep)],
        };
        let ring = Ring::open(dir, disk, retention.quota_bytes, (tail, epochs.highest()))?;
        epochs.also(&ring.ordinals());
        let cursors = Cursors::open(dir, uplinks, disk)?;
        let mut store = Self {
            disk: Arc::clone(disk),
            epochs,
            cursors,
            retention,
            retained_bytes: 0,
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
        // What goes here is told with all else that is gone of earlier epochs.
        if let Err(fault) = store.retain() {
            tracing::warn!(%fault, "what may go does not go yet");
        }
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
        self.forget();
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

    /// Readings, or records that hold none, that wait for the commit.
    pub(super) fn weight(&self) -> u64 {
        self.pending.iter().map(|record| record.readings().max(1)).sum()
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

    /// Closes a full segment and drops what need not or cannot be kept.
    pub(super) fn turn(&mut self) -> Result<Vec<Gone>, Fault> {
        if !self.ring.turn()? && self.ring.bytes() < self.retained_bytes + RETAIN_EVERY_BYTES {
            return Ok(Vec::new());
        }
        self.retain()
    }

    /// Whether closed segments wait to be packed.
    pub(super) fn has_packing(&self) -> bool {
        self.ring.has_packing()
    }

    /// How many of them are too many: packing must not wait for a pause.
    pub(super) fn unpacked(&self) -> usize {
        self.ring.hot.closed.len().saturating_sub(UNPACKED_MAX)
    }

    /// A short step of packing.
    pub(super) fn pack(&mut self) -> Result<(Packed, Vec<Gone>), Fault> {
        let packed = self.ring.pack()?;
        let gone = if packed == Packed::Removed { self.retain()? } else { Vec::new() };
        Ok((packed, gone))
    }

    fn retain(&mut self) -> Result<Vec<Gone>, Fault> {
        let (epochs, cursors) = (&self.epochs, &self.cursors);
        let is_confirmed = |lane, ordinal, span| {
            epochs.epoch_of(ordinal).is_none_or(|epoch| cursors.have(epoch, lane, span))
        };
        let purged = self.ring.retain(self.retention, &is_confirmed)?;
        self.retained_bytes = self.ring.bytes();
        let gone = purged.into_iter().filter_map(|purged| self.gone(purged)).collect();
        self.forget();
        Ok(gone)
    }

    /// Forgets epochs of which nothing is left. One behind an older one that is still here is remembered: what is missing of
    /// it was dropped, not removed.
    fn forget(&mut self) {
        let mut known = self.ring.ordinals();
        let oldest = known.first().copied().unwrap_or(u64::MAX);
        known.extend(self.ring.purges.ordinals().filter(|ordinal| *ordinal > oldest));
        self.epochs.forget(&known, self.current.1);
        self.ring.purges.retain(|ordinal| self.epochs.epoch_of(ordinal).is_some());
    }

    fn gone(&self, purged: Purged) -> Option<Gone> {
        let Purged { lane, ordinal, first, last, count } = purged;
        let epoch = self.epochs.epoch_of(ordinal)?;
        Some(Gone { epoch, lane, first: Seq(first), last: Seq(last), count, why: Why::Purged })
    }

    /// What retention has taken of earlier epochs: a power cut may have come before anybody had written it down.
    pub(super) fn gone_before(&self, past: &[Epoch]) -> Vec<Gone> {
        let gone = self.ring.purges.all().filter_map(|(lane, ordinal, stretch)| {
            let epoch = self.epochs.epoch_of(ordinal).filter(|epoch| past.contains(epoch))?;
            let (first, last) = (Seq(stretch.first), Seq(stretch.last));
            Some(Gone { epoch, lane, first, last, count: stretch.count(), why: Why::PurgedBefore })
        });
        gone.collect()
    }

    /// What was found damaged since this was asked last.
    pub(super) fn take_damaged(&mut self) -> Vec<Gone> {
        let damages = self.ring.take_damages();
        let gone = damages.into_iter().filter_map(|damage| {
            let epoch = self.epochs.epoch_of(damage.ordinal)?;
            let (first, last) = (Seq(damage.within.0), Seq(damage.within.1));
            Some(Gone { epoch, lane: damage.lane, first, last, count: damage.count, why: Why::Damaged })
        });
        gone.collect()
    }

    /// The records of a lane with numbers from `first` to `last`, at most `records_max`, and fewer where they hold many readings.
    pub(super) fn fetch(
        &mut self,
        (epoch, lane): (Epoch, Lane),
        (first, last): (Seq, Seq),
        records_max: u16,
    ) -> Result<Fetched, Fault> {
        let Some(ordinal) = self.epochs.ordinal_of(epoch) else { return Ok(Fetched::nothing(last)) };
        if first > last {
            return Ok(Fetched::nothing(last));
        }
        let records_max = usize::from(records_max.max(1));
        let Gathered { records, holes, is_full } =
            self.ring.fetch((lane, ordinal), &(first.0..=last.0), records_max)?;
        let through = match records.last() {
            Some(record) if is_full => record.seq,
            Some(_) | None => last,
        };
        // What retention took is no damage.
        let damaged = |hole: Hole| {
            let gone = self.ring.purges.between((lane, ordinal), hole.first, hole.last);
            let count = hole.count - gone;
            (hole.first <= through.0 && !count.is_zero()).then_some(Hole { count, ..hole })
        };
        Ok(Fetched { through, records, holes: holes.into_iter().filter_map(damaged).collect() })
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

    /// Remembers what is known of the clock of an epoch.
    pub(super) fn note_clock(&mut self, epoch: Epoch, clock: &RunClock) -> Result<(), Fault> {
        self.epochs.note_clock(epoch, clock, &self.disk)
    }

    /// What is known of the clock of an epoch.
    pub(super) fn clock(&self, ordinal: u64) -> Option<RunClock> {
        self.epochs.clock(ordinal)
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

    /// Bytes on disk.
    pub(super) fn bytes(&self) -> u64 {
        self.ring.bytes()
    }

    /// How large it is.
    pub(super) fn status(&self) -> JournalStatus {
        let is_confirmed = |lane, ordinal, span| {
            let epoch = self.epochs.epoch_of(ordinal);
            epoch.is_none_or(|epoch| self.cursors.have(epoch, lane, span))
        };
        JournalStatus {
            bytes_on_disk: self.ring.bytes(),
            segments: self.ring.segments(),
            set_aside_bytes: self.ring.aside_bytes(),
            oldest: self.ring.oldest_ms(Lane::Reading).map(Utc::from_unix_ms),
            oldest_event: self.ring.oldest_ms(Lane::Event).map(Utc::from_unix_ms),
            unconfirmed_bytes: self.ring.unconfirmed_bytes(&is_confirmed),
            bytes_per_day: self.ring.bytes_per_day(),
            unsigned: self.seal.as_ref().is_some_and(|seal| !seal.signs()),
        }
    }

    fn last_of(&self, ordinal: u64) -> Option<Seq> {
        let here = |lane| self.ring.span(lane, ordinal).map_or(0, |(_, last)| last);
        let last = LANES.map(|lane| here(lane).max(self.ring.purges.last(lane, ordinal))).into_iter().max();
        last.filter(|last| *last > 0).map(Seq)
    }

    fn chain(&mut self, ordinal: u64) -> Chain {
        let first = |lane| self.ring.span(lane, ordinal).map(|(first, _)| first);
        match first(Lane::Event).into_iter().chain(first(Lane::Reading)).min() {
            None => Chain::GoesOn,
            Some(1) => {
                let first = self.ring.fetch((Lane::Event, ordinal), &(1..=1), 1).unwrap_or_default();
                Chain::at(first.records.first().map(Arc::as_ref))
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
