//! Where the running agent is reached, also where the site file cannot be used: silencing a horn takes no valid file.

use std::fs::{self, Permissions};
use std::io::{Error, ErrorKind, Result};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::Socket;
use crate::config;
use crate::control::{self, Answer, Ask, SOCKET};
use crate::trial::read_small;

/// The state folders that the agent of a site file may use, the likeliest first: what the file names, what the agent
/// wrote down beside it, and the usual one where neither says any.
pub(super) fn state_dirs(site: &Path) -> Vec<PathBuf> {
    let written_down = read(&pointer(site)).map(|text| PathBuf::from(text.trim_end_matches('\n')));
    let mut dirs: Vec<PathBuf> = config::state_dir(site).into_iter().collect();
    dirs.extend(written_down.filter(|dir| !dir.as_os_str().is_empty() && !dirs.contains(dir)));
    if dirs.is_empty() {
        dirs.push(config::usual_state_dir());
    }
    dirs
}

/// Writes the state folder down beside the site file, where a reader without the file would guess another one.
pub(super) fn write_down(site: &Path, dir: &Path) -> Result<()> {
    let pointer = pointer(site);
    let known = read(&pointer);
    let is_told =
        known.as_deref().map_or(dir == config::usual_state_dir(), |text| Path::new(text.trim()) == dir);
    if is_told {
        return Ok(());
    }
    let mut beside = pointer.clone().into_os_string();
    beside.push(".new");
    fs::write(&beside, format!("{}\n", dir.display()))?;
    // Whoever may use the socket has to find it; the folder's name is no secret.
    fs::set_permissions(&beside, Permissions::from_mode(0o644))?;
    fs::rename(&beside, pointer)
}

/// The sockets behind which the agent may be, the likeliest first; never empty.
pub(super) fn places(site: &Path, socket: &Socket) -> Vec<PathBuf> {
    match &socket.socket {
        Some(socket) => vec![socket.clone()],
        None => state_dirs(site).into_iter().map(|dir| dir.join(SOCKET)).collect(),
    }
}

/// Asks the first of the places behind which an agent is; where there is none, what each of them said.
pub(super) async fn reach(
    places: &[PathBuf],
    ask: &Ask,
) -> std::result::Result<Answer, Vec<(PathBuf, Error)>> {
    let mut found = Vec::new();
    for place in places {
        match control::ask(place, ask).await {
            Ok(answer) => return Ok(answer),
            Err(fault) => {
                let is_elsewhere = matches!(fault.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused);
                found.push((place.clone(), fault));
                // An agent that was asked may have done it.
                if !is_elsewhere {
                    break;
                }
            }
        }
    }
    Err(found)
}

fn read(pointer: &Path) -> Option<String> {
    String::from_utf8(read_small(pointer).ok()?).ok()
}

fn pointer(site: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(site.file_name().unwrap_or_default());
    name.push(".state_dir");
    site.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_folder_is_found_whatever_is_wrong_with_the_site_file() {
        let dir = tempfile::tempdir().unwrap();
        let site = dir.path().join("site.toml");
        let dirs = |text: &str| {
            fs::write(&site, text).unwrap();
            state_dirs(&site)
        };
        let named = vec![PathBuf::from("/a/b")];
        assert_eq!(dirs("[gateway]\nstate_dir = \"/a/b\"\n"), named);
        assert_eq!(dirs("[gateway]\nstate_dir = \"/a/b\"\nid = \n[[buses]\n"), named, "a typo elsewhere");
        assert_eq!(dirs("[gatew\n state_dir = '/a/b' # here\n"), named, "a typo in the table's name");
        assert_eq!(dirs("[gateway]\n"), [config::usual_state_dir()]);
        assert_eq!(dirs("[gateway]\nstate_dir = \"/a/b\n"), [config::usual_state_dir()], "a typo in it");
        write_down(&site, Path::new("/a/b")).unwrap();
        assert_eq!(dirs("[gateway]\nstate_dir = \"/a/b\n"), named, "written down by the agent");
        assert_eq!(dirs("[gateway]\nstate_dir = \"/c\"\n"), [Path::new("/c"), Path::new("/a/b")]);
        fs::remove_file(&site).unwrap();
        assert_eq!(state_dirs(&site), named, "no file at all");
        write_down(&site, &config::usual_state_dir()).unwrap();
        assert_eq!(state_dirs(&site), [config::usual_state_dir()]);
    }
}
