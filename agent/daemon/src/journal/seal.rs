//! When a manifest is made, with what it is signed, and which one came before it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use hazard_core::outbox::Record;
use hazard_core::outbox::record::{Body, Manifest};
use hazard_core::{ClockTrust, Stamp};

use super::disk::Disk;
use super::key::Key;
use super::manifest::{Head, Statement, day, name};
use super::slot;
use crate::settings;

const DAY: Duration = Duration::from_secs(86_400);

/// The name of the manifest that was made durable last.
const PREVIOUS_FILE: &str = "manifest";

/// The name of the manifest that the journal in `dir` made durable last.
pub(super) fn last(dir: &Path) -> Option<String> {
    slot::read_whole(&dir.join(PREVIOUS_FILE)).and_then(|name| String::from_utf8(name).ok())
}

/// What the journal seals with.
pub(super) struct Seal {
    settings: settings::Seal,
    key: Option<Key>,
    path: PathBuf,
    previous: Option<String>,
    made: Option<Stamp>,
}

impl Seal {
    /// Without a key manifests are unsigned: they still pin the chains where a platform has seen them.
    pub(super) fn open(dir: &Path, settings: &settings::Seal) -> Self {
        let key = Key::take(&settings.key).inspect_err(|error| {
            tracing::error!(%error, "no evidence key: manifests are unsigned");
        });
        let path = dir.join(PREVIOUS_FILE);
        let previous = last(dir);
        Self { settings: settings.clone(), key: key.ok(), path, previous, made: None }
    }

    /// Whether it signs.
    pub(super) const fn signs(&self) -> bool {
        self.key.is_some()
    }

    /// The next commit is the first one of an epoch.
    pub(super) const fn begin(&mut self) {
        self.made = None;
    }

    /// Remembers the last manifest among records that have become durable.
    pub(super) fn durable<'a>(&mut self, records: impl DoubleEndedIterator<Item = &'a Record>, disk: &Disk) {
        let last = records.rev().find_map(|record| match &record.body {
            Body::Manifest(manifest) => Some(name(&manifest.text)),
            _ => None,
        });
        let Some(last) = last else { return };
        if let Err(error) = slot::write_whole(&self.path, last.as_bytes(), disk) {
            tracing::warn!(%error, "the next manifest will not name this one");
        }
        self.previous = Some(last);
    }

    /// Whether one is to be made when a record of this moment has become durable.
    pub(super) fn is_due(&self, stamp: Stamp) -> bool {
        let Some(made) = self.made else { return true };
        let is_another_day = stamp.trust == ClockTrust::Synced && day(stamp.utc) > day(made.utc);
        is_another_day || stamp.mono.since(made.mono) >= DAY
    }

    /// Makes one.
    pub(super) fn manifest(&mut self, stamp: Stamp, config: &str, heads: Vec<Head>) -> Manifest {
        self.made = Some(stamp);
        let statement = Statement {
            gateway: self.settings.gateway.clone(),
            enterprise: self.settings.enterprise.clone(),
            made: stamp.utc,
            trust: stamp.trust,
            previous: self.previous.clone(),
            config: config.to_owned(),
            heads,
        };
        statement.signed(self.key.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use hazard_core::id::Seq;
    use hazard_core::{Mono, Utc};

    use super::super::disk::Kernel;
    use super::*;

    fn stamp(hours: u64, wall: &str, trust: ClockTrust) -> Stamp {
        let utc = wall.parse::<jiff::Timestamp>().unwrap().as_millisecond();
        Stamp { mono: Mono::from_millis(hours * 3_600_000), utc: Utc::from_unix_ms(utc), trust }
    }

    #[test]
    fn a_manifest_is_due_at_a_start_after_a_day_and_on_another_date_of_a_trusted_clock() {
        let dir = tempfile::tempdir().unwrap();
        let key = dir.path().join("evidence.key");
        let settings = settings::Seal { key, gateway: "GW-1".into(), enterprise: "E-1".into() };
        let mut seal = Seal::open(dir.path(), &settings);
        assert!(seal.signs());
        let (synced, free) = (ClockTrust::Synced, ClockTrust::Free);
        let start = stamp(1, "2026-05-01T20:00:00+08:00", synced);
        assert!(seal.is_due(start));
        let first = seal.manifest(start, "hash", Vec::new());
        assert!(!seal.is_due(stamp(4, "2026-05-01T23:59:59+08:00", synced)));
        assert!(seal.is_due(stamp(5, "2026-05-02T00:00:00+08:00", synced)));
        assert!(!seal.is_due(stamp(5, "2026-05-02T00:00:00+08:00", free)));
        assert!(!seal.is_due(stamp(5, "2026-04-30T00:00:00+08:00", synced)));
        assert!(!seal.is_due(stamp(24, "2026-05-01T20:00:00+08:00", free)));
        assert!(seal.is_due(stamp(25, "2026-05-01T20:00:00+08:00", free)));
        // The next one names the last that is on disk, whether in this run or in a later one.
        let previous = |manifest: &Manifest| Statement::parse(&manifest.text).unwrap().previous;
        assert_eq!(previous(&seal.manifest(start, "hash", Vec::new())), None);
        let body = Body::Manifest(Box::new(first.clone()));
        let record = Record { seq: Seq(2), stamp: start, body };
        seal.durable([&record].into_iter(), &(Arc::new(Kernel) as Disk));
        assert_eq!(previous(&seal.manifest(start, "hash", Vec::new())), Some(name(&first.text)));
        let mut next = Seal::open(dir.path(), &settings);
        assert_eq!(previous(&next.manifest(start, "hash", Vec::new())), Some(name(&first.text)));
        seal.begin();
        assert!(seal.is_due(start));
    }
}
