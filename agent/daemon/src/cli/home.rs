//! The gateway's folder: one agent at a time.

use std::fs::{File, TryLockError};
use std::path::Path;

use tracing::{error, warn};

/// The folder, taken for this process for as long as this lives.
pub(super) struct Home {
    _lock: Option<File>,
}

/// Another agent has the folder.
pub(super) struct Taken;

impl Home {
    /// Whether an agent has the folder; it is left as it is.
    pub(super) fn is_taken(dir: &Path) -> bool {
        File::open(dir).is_ok_and(|folder| matches!(folder.try_lock(), Err(TryLockError::WouldBlock)))
    }

    /// Takes the folder, making it where it is missing. One that cannot be made or locked keeps no alarm from sounding.
    pub(super) fn take(dir: &Path) -> Result<Self, Taken> {
        if let Err(fault) = std::fs::create_dir_all(dir) {
            error!(dir = %dir.display(), %fault, "the gateway's folder cannot be made; records stay in memory");
        }
        // The folder itself is locked: that takes no space and no right to write.
        let taken = File::open(dir).map_err(TryLockError::Error).and_then(|folder| {
            folder.try_lock()?;
            Ok(folder)
        });
        match taken {
            Ok(folder) => Ok(Self { _lock: Some(folder) }),
            Err(TryLockError::WouldBlock) => Err(Taken),
            Err(TryLockError::Error(fault)) => {
                warn!(dir = %dir.display(), %fault, "the gateway's folder cannot be locked; a second agent would not be noticed");
                Ok(Self { _lock: None })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_taken_once_and_free_again_when_it_is_left() {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join("a/b");
        let first = Home::take(&state);
        assert!(first.is_ok() && Home::take(&state).is_err() && Home::is_taken(&state));
        drop(first);
        assert!(!Home::is_taken(&state) && !Home::is_taken(dir.path().join("none").as_path()));
        assert!(Home::take(&state).is_ok());
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_no_reason_not_to_run() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert!(Home::take(&file.join("state")).is_ok());
    }
}
