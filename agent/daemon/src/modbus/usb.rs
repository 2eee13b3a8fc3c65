//! Where a USB adapter's port is just now, by the kernel's own tree. Asked at each opening: it may have another name by then.

use std::fs;
use std::io::{Error, ErrorKind, Result};
use std::path::{Path, PathBuf};

use crate::settings::Usb;

/// The port of an adapter, such as `/dev/ttyUSB1`; `root` is `/` but in tests.
///
/// # Errors
/// No such adapter is plugged in, or more than one: a guess would ask the wrong line.
pub fn port(root: &Path, usb: &Usb) -> Result<PathBuf> {
    let names = fs::read_dir(root.join("sys/class/tty"))?.flatten().map(|entry| entry.file_name());
    let is_wanted = |there: &Usb| {
        let is_same = (there.vendor, there.product) == (usb.vendor, usb.product);
        is_same && (usb.serial.is_none() || there.serial == usb.serial)
    };
    let mut found: Vec<PathBuf> = names
        .map(|name| Path::new("/dev").join(name))
        .filter(|port| adapter(root, port).as_ref().is_some_and(is_wanted))
        .collect();
    found.sort();
    match &found[..] {
        [port] => Ok(port.clone()),
        [] => Err(Error::new(ErrorKind::NotFound, format!("no adapter {usb} is plugged in"))),
        several => {
            let names: Vec<_> = several.iter().map(|port| port.display().to_string()).collect();
            let why =
                format!("several ports are {usb}: {}; name one by /dev/serial/by-path/…", names.join(", "));
            Err(Error::new(ErrorKind::InvalidInput, why))
        }
    }
}

/// The adapter behind a port, if it is one on USB.
#[must_use]
pub fn adapter(root: &Path, port: &Path) -> Option<Usb> {
    let root = fs::canonicalize(root).ok()?;
    let device = root.join("sys/class/tty").join(port.file_name()?).join("device");
    let device = fs::canonicalize(device).ok()?;
    // The port lies below the interface, and that below the adapter.
    let mut within = device.ancestors().take_while(|folder| folder.starts_with(&root));
    let folder = within.find(|folder| folder.join("idVendor").exists())?;
    let read = |name| fs::read_to_string(folder.join(name)).map(|text| text.trim().to_owned()).ok();
    let number = |name| u16::from_str_radix(&read(name)?, 16).ok();
    let serial = read("serial").filter(|serial| !serial.is_empty());
    Some(Usb { vendor: number("idVendor")?, product: number("idProduct")?, serial })
}

#[cfg(test)]
pub(super) mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// Plugs an adapter in: what the kernel shows of it, and its port.
    pub(in crate::modbus) fn plug(root: &Path, name: &str, (ids, serial): ((&str, &str), Option<&str>)) {
        let adapter = root.join("sys/devices/usb1").join(name);
        let port = adapter.join("1-1:1.0").join(name);
        fs::create_dir_all(port.join("tty").join(name)).unwrap();
        fs::write(adapter.join("idVendor"), format!("{}\n", ids.0)).unwrap();
        fs::write(adapter.join("idProduct"), format!("{}\n", ids.1)).unwrap();
        if let Some(serial) = serial {
            fs::write(adapter.join("serial"), format!("{serial}\n")).unwrap();
        }
        let class = root.join("sys/class/tty").join(name);
        fs::create_dir_all(&class).unwrap();
        symlink(&port, class.join("device")).unwrap();
    }

    /// Pulls it out again.
    pub(in crate::modbus) fn pull(root: &Path, name: &str) {
        fs::remove_dir_all(root.join("sys/class/tty").join(name)).unwrap();
        fs::remove_dir_all(root.join("sys/devices/usb1").join(name)).unwrap();
    }

    fn named(text: &str) -> Usb {
        Usb::named(Path::new(text)).flatten().unwrap()
    }

    #[test]
    fn an_adapter_is_found_by_what_it_is_and_never_guessed() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        let ftdi = ("0403", "6001");
        let found = |text: &str| port(root, &named(text)).map_err(|error| error.kind());
        assert_eq!(found("usb:0403:6001"), Err(ErrorKind::NotFound));
        fs::create_dir_all(root.join("sys/class/tty/ttyS0")).unwrap();
        plug(root, "ttyUSB0", (ftdi, Some("A1")));
        plug(root, "ttyUSB1", (("1a86", "7523"), None));
        assert_eq!(found("usb:0403:6001"), Ok("/dev/ttyUSB0".into()));
        assert_eq!(found("usb:1a86:7523"), Ok("/dev/ttyUSB1".into()));
        assert_eq!(found("usb:1a86:7523:A1"), Err(ErrorKind::NotFound));
        plug(root, "ttyUSB2", (ftdi, Some("A2")));
        assert_eq!(found("usb:0403:6001"), Err(ErrorKind::InvalidInput));
        assert_eq!(found("usb:0403:6001:A2"), Ok("/dev/ttyUSB2".into()));
        pull(root, "ttyUSB2");
        plug(root, "ttyACM0", (ftdi, Some("A2")));
        assert_eq!(found("usb:0403:6001:A2"), Ok("/dev/ttyACM0".into()));
    }
}
