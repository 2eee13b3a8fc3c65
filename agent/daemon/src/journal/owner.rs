//! Whose journal a folder holds and in which format: a folder of something else, of another gateway or of a newer version is
//! left as it is.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::disk::{Disk, Fault};
use super::slot;

/// The format that is written: 2 since there are archives. Folders without the file are of format 1, which is read.
const FORMAT: u32 = 2;

/// What names in a journal's folder begin with.
const OURS: [&str; 9] = ["seg-", "arc-", "bad-", "epoch-", "cursor-", "clock-", "tmp-", "rm-", "manifest"];

#[derive(Serialize, Deserialize)]
struct Owner {
    format: u32,
    gateway: String,
}

/// Takes the folder for `gateway`.
///
/// # Errors
/// `Refused`, with what to do, when it is not this gateway's journal or this version cannot read it.
pub(super) fn take(dir: &Path, gateway: Option<&str>, disk: &Disk) -> Result<(), Fault> {
    let path = dir.join("owner");
    let known = slot::read_whole(&path).and_then(|body| postcard::from_bytes::<Owner>(&body).ok());
    let refused = |why: String| Err(Fault::Refused(why).at(dir));
    let gateway = gateway.unwrap_or_default();
    match known {
        Some(owner) if owner.format > FORMAT => refused(format!(
            "日志由更新的版本写成（格式 {0}）：请用该版本运行，或把此目录移走 written by a newer version (format {0}): run that \
             version, or move the folder away",
            owner.format
        )),
        Some(owner) if !owner.gateway.is_empty() && !gateway.is_empty() && owner.gateway != gateway => {
            refused(format!(
                "这是网关 {0} 的日志：请核对 gateway.code，或把此目录移走 the journal of gateway {0}: check gateway.code, or move \
                 the folder away",
                owner.gateway
            ))
        }
        Some(owner) if owner.format == FORMAT && (gateway.is_empty() || owner.gateway == gateway) => Ok(()),
        None if is_foreign(dir)? => refused(
            "目录里不是日志：请换一个 state_dir it holds something else than a journal: choose another state_dir".to_owned(),
        ),
        known => {
            let before = known.map(|owner| owner.gateway).filter(|_| gateway.is_empty());
            let owner = Owner { format: FORMAT, gateway: before.unwrap_or_else(|| gateway.to_owned()) };
            let body = postcard::to_stdvec(&owner).map_err(|error| Fault::Refused(error.to_string()))?;
            slot::write_whole(&path, &body, disk)
        }
    }
}

/// Whether there is something, and nothing of ours.
fn is_foreign(dir: &Path) -> Result<bool, Fault> {
    let names = std::fs::read_dir(dir)?.flatten().map(|entry| entry.file_name());
    let names: Vec<_> = names.filter(|name| name != "lock").collect();
    let is_ours = |name: &std::ffi::OsString| {
        name.to_str().is_some_and(|name| OURS.iter().any(|prefix| name.starts_with(prefix)))
    };
    Ok(!names.is_empty() && !names.iter().any(is_ours))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::disk::Kernel;
    use super::*;

    #[test]
    fn a_folder_is_taken_for_one_gateway_and_never_from_another_or_from_a_newer_version() {
        let dir = tempfile::tempdir().unwrap();
        let disk: Disk = Arc::new(Kernel);
        take(dir.path(), Some("GW-01"), &disk).unwrap();
        take(dir.path(), Some("GW-01"), &disk).unwrap();
        take(dir.path(), None, &disk).unwrap();
        let Err(Fault::Refused(why)) = take(dir.path(), Some("GW-02"), &disk) else { panic!("taken") };
        assert!(why.contains("the journal of gateway"), "{why}");
        let newer = Owner { format: FORMAT + 1, gateway: "GW-01".into() };
        let newer = postcard::to_stdvec(&newer).unwrap();
        slot::write_whole(&dir.path().join("owner"), &newer, &disk).unwrap();
        let before = std::fs::read(dir.path().join("owner")).unwrap();
        let Err(Fault::Refused(why)) = take(dir.path(), Some("GW-01"), &disk) else { panic!("taken") };
        assert!(why.contains("newer version (format 3)"), "{why}");
        assert_eq!(std::fs::read(dir.path().join("owner")).unwrap(), before, "nothing is overwritten");
    }

    #[test]
    fn a_folder_of_something_else_is_left_alone_and_one_without_the_file_is_taken() {
        let disk: Disk = Arc::new(Kernel);
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("holiday.jpg"), b"x").unwrap();
        let Err(Fault::Refused(why)) = take(dir.path(), None, &disk) else { panic!("taken") };
        assert!(why.contains("something else"), "{why}");
        std::fs::create_dir(dir.path().join("seg-0000000001")).unwrap();
        take(dir.path(), None, &disk).unwrap();
        assert!(dir.path().join("owner").exists());
    }
}
