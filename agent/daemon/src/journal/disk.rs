//! What the journal asks of the file system, and how the file system can fail.

use std::fs::{File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

/// What makes bytes survive a power cut; a test can stand between the journal and the kernel here.
pub trait Syncs: Send + Sync {
    /// Makes a file's bytes durable (`fdatasync`).
    ///
    /// # Errors
    /// Whatever the kernel says; the bytes must then be taken for lost.
    fn file(&self, file: &File, path: &Path) -> io::Result<()>;

    /// Makes a folder's entries durable.
    ///
    /// # Errors
    /// Whatever the kernel says.
    fn folder(&self, path: &Path) -> io::Result<()>;

    /// Makes everything on the folder's file system durable: only for what sled keeps outside its main file.
    ///
    /// # Errors
    /// Whatever the kernel says.
    fn everything(&self, path: &Path) -> io::Result<()>;
}

/// The kernel itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct Kernel;

impl Syncs for Kernel {
    fn file(&self, file: &File, _path: &Path) -> io::Result<()> {
        file.sync_data()
    }

    fn folder(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    fn everything(&self, path: &Path) -> io::Result<()> {
        Ok(rustix::fs::syncfs(File::open(path)?)?)
    }
}

/// [`Syncs`] as the journal's parts share it.
pub(super) type Disk = Arc<dyn Syncs>;

/// Why the journal cannot go on.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(super) enum Fault {
    /// The disk takes or shows nothing (full, read-only, absent, locked): what is on it is believed; try again in place.
    #[error("{0}")]
    Refused(String),
    /// What is on the disk or in the store cannot be believed: set it aside.
    #[error("{0}")]
    Broken(String),
}

impl Fault {
    /// The same fault with the path that it is about.
    pub(super) fn at(self, path: &Path) -> Self {
        let path = path.display();
        match self {
            Self::Refused(reason) => Self::Refused(format!("{path}: {reason}")),
            Self::Broken(reason) => Self::Broken(format!("{path}: {reason}")),
        }
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        if is_refusal(&error) { Self::Refused(error.to_string()) } else { Self::Broken(error.to_string()) }
    }
}

impl From<sled::Error> for Fault {
    fn from(error: sled::Error) -> Self {
        match error {
            sled::Error::Io(error) => error.into(),
            sled::Error::CollectionNotFound(_)
            | sled::Error::Unsupported(_)
            | sled::Error::ReportableBug(_)
            | sled::Error::Corruption { .. } => Self::Broken(error.to_string()),
        }
    }
}

fn is_refusal(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    let by_kind = matches!(
        error.kind(),
        Kind::StorageFull
            | Kind::QuotaExceeded
            | Kind::ReadOnlyFilesystem
            | Kind::PermissionDenied
            | Kind::NotFound
            | Kind::NotADirectory
            | Kind::IsADirectory
            | Kind::DirectoryNotEmpty
            | Kind::AlreadyExists
            | Kind::OutOfMemory
            | Kind::WouldBlock
    );
    let too_many_files = matches!(error.raw_os_error(), Some(23 | 24));
    by_kind || too_many_files || is_locked(error)
}

/// sled says so in words only.
fn is_locked(error: &io::Error) -> bool {
    error.to_string().contains("could not acquire lock")
}

/// Makes bytes durable; a failure means that nothing written since the last success can be believed, whatever its code
/// (the kernel may have dropped the pages and marked them clean).
pub(super) fn synced(done: io::Result<()>) -> Result<(), Fault> {
    done.map_err(|error| Fault::Broken(format!("sync failed: {error}")))
}

/// Calls sled, which panics on damaged files.
pub(super) fn shield<T>(what: &'static str, call: impl FnOnce() -> sled::Result<T>) -> Result<T, Fault> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(outcome) => Ok(outcome?),
        Err(_) => Err(Fault::Broken(format!("sled panicked: {what}"))),
    }
}

/// Whether the file system has next to nothing left: a failure is then taken for want of space, not for damage.
pub(super) fn is_full(dir: &Path) -> bool {
    const LEAST_BYTES: u64 = 1 << 20;
    rustix::fs::statvfs(dir).is_ok_and(|fs| fs.f_bavail.saturating_mul(fs.f_frsize) < LEAST_BYTES)
}

/// Takes the folder for this process, making it when only the last part of its path is missing.
pub(super) fn take_folder(dir: &Path, disk: &Disk) -> Result<File, Fault> {
    if !dir.exists() {
        make_folder(dir, disk)?;
    }
    let path = dir.join("lock");
    let lock =
        OpenOptions::new().create(true).append(true).open(&path).map_err(|e| Fault::from(e).at(&path))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => {
            Err(Fault::Refused("another agent keeps its journal here".to_owned()).at(dir))
        }
        Err(TryLockError::Error(error)) => Err(Fault::from(error).at(&path)),
    }
}

/// Makes a folder that only its owner can read, durably.
pub(super) fn make_folder(dir: &Path, disk: &Disk) -> Result<(), Fault> {
    let made =
        std::fs::create_dir(dir).and_then(|()| std::fs::set_permissions(dir, Permissions::from_mode(0o700)));
    made.map_err(|error| Fault::from(error).at(dir))?;
    match dir.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        Some(parent) => synced(disk.folder(parent)),
        None => Ok(()),
    }
}
