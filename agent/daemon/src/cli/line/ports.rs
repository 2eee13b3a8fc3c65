//! Serial ports of the machine, and who holds one. `root` is `/` but in tests.

use std::fs;
use std::path::{Path, PathBuf};

use crate::cli::word;
use crate::config::Lang;
use crate::modbus::usb;

const BY_ID: &str = "/dev/serial/by-id";
const BY_PATH: &str = "/dev/serial/by-path";

/// A port as it may be named.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::cli) struct Port {
    /// `/dev/ttyUSB0`.
    pub(in crate::cli) path: PathBuf,
    /// Names that stay the same wherever it is plugged in: `/dev/serial/by-id/…`.
    pub(in crate::cli) by_id: Vec<PathBuf>,
}

impl Port {
    /// `/dev/ttyUSB0 (/dev/serial/by-id/…)`.
    pub(in crate::cli) fn shown(&self) -> String {
        let names: Vec<_> = self.by_id.iter().map(|name| name.display().to_string()).collect();
        let path = self.path.display();
        if names.is_empty() { path.to_string() } else { format!("{path} ({})", names.join(", ")) }
    }
}

/// All ports with hardware behind them, in order.
pub(in crate::cli) fn ports(root: &Path) -> Vec<Port> {
    let mut found: Vec<Port> = names(root).into_iter().map(|name| port(root, &name)).collect();
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn port(root: &Path, name: &str) -> Port {
    let path = Path::new("/dev").join(name);
    let by_id = links(root, BY_ID).into_iter().filter(|(_, target)| target == name);
    Port { by_id: by_id.map(|(link, _)| link).collect(), path }
}

/// The other names of a port.
pub(in crate::cli) fn by_id(root: &Path, path: &Path) -> Vec<PathBuf> {
    let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let name = real.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    port(root, &name).by_id.into_iter().filter(|link| link != path).collect()
}

/// What to write in a site file for a port whose number may change, and why; `None` for one that keeps its name.
pub(in crate::cli) fn advice(root: &Path, path: &Path, lang: Lang) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    let is_numbered = name.starts_with("ttyUSB") || name.starts_with("ttyACM");
    if !is_numbered || path.parent() != Some(Path::new("/dev")) {
        return None;
    }
    let write = match lasting(root, path) {
        Some(write) => format!("path = \"{}\"", write.display()),
        None => word(lang, "/dev/serial/by-id/… 的名字", "its /dev/serial/by-id/… name").to_owned(),
    };
    Some(match lang {
        Lang::Zh => format!("重新插拔后编号会变；站点文件里写 {write}"),
        Lang::En => {
            format!(
                "its number changes when adapters are plugged in another order; write {write} in the site file"
            )
        }
    })
}

/// The name that a port keeps. An adapter without a serial number shares its name by identity with all of its kind: it is
/// told by its socket.
fn lasting(root: &Path, path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?.to_str()?;
    let led = |folder: &str| links(root, folder).into_iter().find(|(_, to)| to == name).map(|(link, _)| link);
    match usb::adapter(root, path) {
        Some(usb) if usb.serial.is_none() => led(BY_PATH),
        Some(usb) => led(BY_ID).or_else(|| Some(usb.to_string().into())),
        None => led(BY_ID).or_else(|| led(BY_PATH)),
    }
}

/// Terminals with a device; those of the kernel's 8250 driver only where it found a chip.
fn names(root: &Path) -> Vec<String> {
    let folder = root.join("sys/class/tty");
    let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let has_chip = |name: &String| {
        let kind = fs::read_to_string(folder.join(name).join("type")).unwrap_or_default();
        folder.join(name).join("device").exists() && kind.trim() != "0"
    };
    names.filter(has_chip).collect()
}

/// Names in a folder of udev's, and the port that each leads to.
fn links(root: &Path, folder: &str) -> Vec<(PathBuf, String)> {
    let inside = root.join(folder.trim_start_matches('/'));
    let entries = fs::read_dir(inside).into_iter().flatten().flatten();
    let mut found: Vec<_> = entries
        .filter_map(|entry| {
            let target = fs::read_link(entry.path()).ok()?;
            let name = target.file_name()?.to_string_lossy().into_owned();
            Some((Path::new(folder).join(entry.file_name()), name))
        })
        .collect();
    found.sort();
    found
}

/// Programs that have a port open, as far as this user may see: their number and name.
pub(super) fn holders(path: &Path) -> Vec<(u32, String)> {
    let Ok(real) = fs::canonicalize(path) else { return Vec::new() };
    let programs = fs::read_dir("/proc").into_iter().flatten().flatten();
    let own = std::process::id();
    let numbers = programs.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let holds = |number: &u32| {
        let files = fs::read_dir(format!("/proc/{number}/fd")).into_iter().flatten().flatten();
        files.filter_map(|file| fs::read_link(file.path()).ok()).any(|target| target == real)
    };
    let name = |number: u32| {
        let name = fs::read_to_string(format!("/proc/{number}/comm")).unwrap_or_default();
        (number, name.trim().to_owned())
    };
    numbers.filter(|number| *number != own).filter(holds).map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_have_hardware_and_are_shown_with_their_lasting_names() {
        let root = tempfile::tempdir().unwrap();
        let tty = root.path().join("sys/class/tty");
        for (name, kind) in [("ttyUSB0", None), ("ttyS0", Some("0")), ("ttyS1", Some("4"))] {
            fs::create_dir_all(tty.join(name).join("device")).unwrap();
            if let Some(kind) = kind {
                fs::write(tty.join(name).join("type"), kind).unwrap();
            }
        }
        fs::create_dir_all(tty.join("tty0")).unwrap();
        let by_id = root.path().join("dev/serial/by-id");
        fs::create_dir_all(&by_id).unwrap();
        std::os::unix::fs::symlink("../../ttyUSB0", by_id.join("usb-FTDI-if00")).unwrap();
        let told = |path: &str| advice(root.path(), Path::new(path), Lang::En);
        let by_id_told =
            |path| told(path).is_some_and(|told| told.contains("\"/dev/serial/by-id/usb-FTDI-if00\""));
        assert!(by_id_told("/dev/ttyUSB0") && told("/dev/ttyUSB7").is_some());
        for kept in ["/dev/ttyS1", "/dev/serial/by-id/usb-FTDI-if00", "usb:0403:6001"] {
            assert_eq!(told(kept), None);
        }
        // Without a serial number all adapters of a kind have one name by identity.
        let by_path = root.path().join("dev/serial/by-path");
        fs::create_dir_all(&by_path).unwrap();
        std::os::unix::fs::symlink("../../ttyUSB0", by_path.join("usb-0:1.2:1.0")).unwrap();
        let device = tty.join("ttyUSB0/device");
        fs::write(device.join("idVendor"), "1a86\n").unwrap();
        fs::write(device.join("idProduct"), "7523\n").unwrap();
        assert!(told("/dev/ttyUSB0").is_some_and(|told| told.contains("by-path/usb-0:1.2:1.0")));
        fs::write(device.join("serial"), "A1\n").unwrap();
        assert!(by_id_told("/dev/ttyUSB0"));
        let shown: Vec<_> = ports(root.path()).iter().map(Port::shown).collect();
        assert_eq!(shown, ["/dev/ttyS1", "/dev/ttyUSB0 (/dev/serial/by-id/usb-FTDI-if00)"]);
    }
}
