//! Files on disk: new ones never over old ones unasked, and the site file replaced whole, the version before kept beside it.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};

/// What became of a replacement.
#[derive(Debug)]
pub enum Replaced {
    /// It is there.
    Done(Kept),
    /// The file is not what it was when it was read; nothing was written.
    ChangedMeanwhile,
}

/// Where the version before was kept.
#[derive(Debug)]
pub struct Kept(pub PathBuf);

/// Writes a file that is not there yet, or with `over` any file.
///
/// # Errors
/// The file is there, or the system refuses.
pub fn create(path: &Path, bytes: &[u8], over: Over) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true);
    let mut file = match over {
        Over::Nothing => options.create_new(true).open(path)?,
        Over::AnyFile => options.create(true).truncate(true).open(path)?,
    };
    file.write_all(bytes)?;
    file.sync_all()
}

/// Whether a file that is there may be written over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Over {
    /// No.
    Nothing,
    /// Yes.
    AnyFile,
}

/// Replaces a file that was `before`, with its owner and mode: afterwards it is the old one or the new one, whole, and the
/// old one is kept as `….bak`.
///
/// # Errors
/// The system refuses; the file is as it was.
pub fn replace(path: &Path, before: &str, after: &str) -> io::Result<Replaced> {
    // A link stays a link.
    let path = fs::canonicalize(path)?;
    let (fresh, kept) = (beside(&path, ".new"), beside(&path, ".bak"));
    let like = fs::metadata(&path)?;
    write_like(&fresh, after, &like)?;
    if fs::read(&path)? != before.as_bytes() {
        fs::remove_file(&fresh)?;
        return Ok(Replaced::ChangedMeanwhile);
    }
    let spare = beside(&path, ".bak.new");
    write_like(&spare, before, &like)?;
    fs::rename(&spare, &kept)?;
    fs::rename(&fresh, &path)?;
    if let Some(folder) = path.parent() {
        File::open(folder)?.sync_all()?;
    }
    Ok(Replaced::Done(Kept(kept)))
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

fn write_like(path: &Path, text: &str, like: &fs::Metadata) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    let own = file.metadata()?;
    if (own.uid(), own.gid()) != (like.uid(), like.gid()) {
        fchown(&file, Some(like.uid()), Some(like.gid()))?;
    }
    file.set_permissions(Permissions::from_mode(like.mode() & 0o7777))?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_the_version_before_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("site.toml");
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        let Replaced::Done(Kept(kept)) = replace(&path, "old", "new").unwrap() else { panic!("replaced") };
        assert_eq!(
            (fs::read_to_string(&path).unwrap(), fs::read_to_string(kept).unwrap()),
            ("new".into(), "old".into())
        );
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o640);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2, "nothing else is left behind");
    }

    #[test]
    fn a_file_that_somebody_changed_meanwhile_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("site.toml");
        fs::write(&path, "somebody's").unwrap();
        assert!(matches!(replace(&path, "old", "new").unwrap(), Replaced::ChangedMeanwhile));
        assert_eq!(fs::read_to_string(&path).unwrap(), "somebody's");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_is_there_is_not_written_over_unasked() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.csv");
        create(&path, b"one", Over::Nothing).unwrap();
        assert_eq!(create(&path, b"two", Over::Nothing).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        create(&path, b"3", Over::AnyFile).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"3");
    }
}
