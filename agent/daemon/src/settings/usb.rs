//! A USB adapter by what it is, whatever the system calls its port today: `usb:0403:6001` or `usb:0403:6001:A50285BI`.

use std::fmt::{Display, Formatter, Result};
use std::path::Path;

const PREFIX: &str = "usb:";

/// Vendor and product as `lsusb` shows them, and the serial number where adapters of one kind have to be told apart.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Usb {
    /// Who made its chip.
    pub vendor: u16,
    /// Which chip.
    pub product: u16,
    /// Which one of them.
    pub serial: Option<String>,
}

impl Usb {
    /// The adapter that a port's name means; `None` for the name of a file, an inner `None` for one that is misspelt.
    #[must_use]
    pub fn named(path: &Path) -> Option<Option<Self>> {
        path.to_str()?.strip_prefix(PREFIX).map(Self::read)
    }

    fn read(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, ':');
        let mut number = || {
            let digits = parts.next().filter(|part| part.len() == 4)?;
            digits
                .bytes()
                .all(|byte| byte.is_ascii_hexdigit())
                .then(|| u16::from_str_radix(digits, 16).ok())?
        };
        let (vendor, product) = (number()?, number()?);
        let serial = parts.next().map(str::to_owned);
        let is_told = serial.as_ref().is_none_or(|serial| !serial.trim().is_empty());
        is_told.then_some(Self { vendor, product, serial })
    }
}

impl Display for Usb {
    fn fmt(&self, to: &mut Formatter<'_>) -> Result {
        write!(to, "{PREFIX}{:04x}:{:04x}", self.vendor, self.product)?;
        self.serial.as_ref().map_or(Ok(()), |serial| write!(to, ":{serial}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_adapter_is_written_as_lsusb_shows_it() {
        let read = |text: &str| Usb::named(Path::new(text)).map(|usb| usb.map(|usb| usb.to_string()));
        for text in ["usb:0403:6001", "usb:1a86:7523:A5:02"] {
            assert_eq!(read(text), Some(Some(text.to_owned())));
        }
        for text in [
            "usb:",
            "usb:403:6001",
            "usb:0403",
            "usb:0403:60g1",
            "usb:+403:6001",
            "usb:0403:6001:",
            "usb:0403:6001: ",
        ] {
            assert_eq!(read(text), Some(None), "{text}");
        }
        assert_eq!(read("/dev/ttyUSB0"), None);
    }
}
