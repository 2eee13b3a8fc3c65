//! Keeping the configuration that runs, and starting with it where the site file cannot be used.

use std::path::{Path, PathBuf};

use tracing::error;

use super::super::reach::state_dirs;
use crate::config::{self, Attachment, Kept, Loaded};
use crate::trial::{Files, LastGood};

/// What identifies the configuration that runs.
#[derive(Clone)]
pub(in crate::cli) struct Running {
    pub(super) home: PathBuf,
    pub(super) hash: String,
    pub(super) fingerprint: String,
    pub(super) attachments: Vec<Attachment>,
}

impl Running {
    pub(in crate::cli) fn of(loaded: &Loaded) -> Self {
        Self {
            home: loaded.state_dir.clone(),
            hash: loaded.hash.clone(),
            fingerprint: loaded.fingerprint.clone(),
            attachments: loaded.attachments.clone(),
        }
    }

    /// Keeps it with these texts, unless it is kept already. Texts that are not those which run are not kept.
    pub(super) fn keep(&self, site: &Path, files: Files) {
        if LastGood::read(&self.home, site).is_some_and(|kept| kept.fingerprint == self.fingerprint) {
            return;
        }
        let same = config::load_with(site, &files.site, &files.templates);
        if !same.is_ok_and(|same| same.fingerprint == self.fingerprint) {
            return;
        }
        let attachments =
            self.attachments.iter().map(|file| (file.path.clone(), file.hash.clone())).collect();
        let fingerprint = self.fingerprint.clone();
        let good = LastGood { site: site.to_owned(), fingerprint, files, attachments };
        if let Err(fault) = good.keep(&self.home) {
            error!(%fault, "the configuration that runs cannot be kept: a later start with a faulty site file would not run");
        }
    }
}

/// The last good configuration of a site file.
pub(in crate::cli) fn last_good(site: &Path) -> Option<Loaded> {
    state_dirs(site).iter().find_map(|dir| {
        let good = LastGood::read(dir, site)?;
        let attachments = good.copies(dir);
        let kept = Kept { site: good.files.site, templates: good.files.templates, attachments };
        // It ran from this folder, whatever the program makes of its text.
        config::load_kept(site, kept).ok().filter(|loaded| loaded.state_dir == *dir)
    })
}
