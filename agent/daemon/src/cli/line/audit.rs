//! Who wrote what to a device: a line in a file that is only ever appended to, synced before anything is written, and a
//! message to the system's log.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::Path;

use serde_json::{Value, json};

/// Its name in the gateway's folder.
pub(super) const FILE: &str = "audit.jsonl";

/// Facility `authpriv`, severity `notice`.
const SYSLOG_PRIORITY: u8 = 10 * 8 + 5;

/// Who sits at the keyboard, as far as the system says.
pub(super) fn person() -> Value {
    let variable = |name: &str| std::env::var(name).ok().filter(|text| !text.is_empty());
    json!({
        "user": variable("USER").or_else(|| variable("LOGNAME")),
        "sudo_user": variable("SUDO_USER"),
        "uid": rustix::process::getuid().as_raw(),
    })
}

/// Appends one line and syncs it.
///
/// # Errors
/// What keeps the line from being durable; then nothing may be written to a device.
pub(super) fn append(file: &Path, line: &Value) -> io::Result<()> {
    let is_new = !file.exists();
    let mut log = OpenOptions::new().append(true).create(true).mode(0o640).open(file)?;
    log.write_all(format!("{line}\n").as_bytes())?;
    log.sync_data()?;
    if is_new && let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

/// Tells the system's log, where there is one: the file is what counts.
pub(super) fn tell(line: &Value) {
    let message = format!("<{SYSLOG_PRIORITY}>hazard-write: {line}");
    let told = UnixDatagram::unbound().and_then(|socket| socket.send_to(message.as_bytes(), "/dev/log"));
    drop(told);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_appended_and_a_folder_that_is_missing_is_a_fault() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join(FILE);
        append(&file, &json!({"a": 1})).unwrap();
        append(&file, &json!({"a": 2})).unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "{\"a\":1}\n{\"a\":2}\n");
        assert!(append(&dir.path().join("no/such"), &json!({})).is_err());
    }
}
