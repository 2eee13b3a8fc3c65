//! Opens the port or the connection of a bus, once per call: when to try again is the core's decision.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hazard_core::link::LinkFault;
use tokio::net::TcpStream;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{sleep, timeout};
use tokio_serial::{DataBits, FlowControl, SerialStream, StopBits};
use tracing::debug;

use super::stats::LinkStats;
use super::tape::Tape;
use super::usb;
use super::wire::{Stream, Wire, character};
use crate::settings::{BusLink, Endpoint, Parity, Serial, Usb};

/// Knows where a bus is.
pub(super) struct Opener {
    settings: BusLink,
    stats: Arc<LinkStats>,
    tape: Option<Tape>,
    opening: Option<JoinHandle<io::Result<SerialStream>>>,
}

impl Opener {
    pub(super) fn new(settings: BusLink, stats: Arc<LinkStats>) -> Self {
        Self { settings, stats, tape: None, opening: None }
    }

    /// What is opened from here on is heard by `tape` too.
    pub(super) fn keep_on(&mut self, tape: Tape) {
        self.tape = Some(tape);
    }

    /// Opens the bus within the connect timeout and keeps the pause after it.
    ///
    /// # Errors
    ///
    /// [`LinkFault::Gone`].
    pub(super) async fn open(&mut self) -> Result<Wire, LinkFault> {
        self.try_open().await.map_err(|error| {
            debug!(bus = self.settings.name, %error, "cannot open the bus");
            LinkFault::Gone
        })
    }

    /// As [`Opener::open`], with the system's reason.
    pub(super) async fn try_open(&mut self) -> io::Result<Wire> {
        let limit = self.settings.connect_timeout;
        let opened =
            timeout(limit, self.stream()).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        match opened {
            Ok(stream) => {
                self.stats.opened();
                sleep(self.settings.pause_after_connect).await;
                let character = match &self.settings.endpoint {
                    Endpoint::Rtu(serial) => character(serial),
                    Endpoint::Tcp { .. } | Endpoint::RtuOverTcp { .. } => Duration::ZERO,
                };
                Ok(Wire::new(stream, character, self.tape.clone()))
            }
            Err(error) => {
                self.stats.not_opened();
                Err(error)
            }
        }
    }

    async fn stream(&mut self) -> io::Result<Stream> {
        match &self.settings.endpoint {
            Endpoint::Tcp { host, port } | Endpoint::RtuOverTcp { host, port } => {
                let stream = TcpStream::connect((host.as_str(), *port)).await?;
                stream.set_nodelay(true)?;
                Ok(Stream::Tcp(stream))
            }
            Endpoint::Rtu(serial) => {
                // A driver may hang in open(2); the next call then waits for the same attempt, so that a bus never holds
                // more than one thread.
                let opening = self.opening.get_or_insert_with(|| {
                    let serial = serial.clone();
                    spawn_blocking(move || open_serial(Path::new("/"), &serial))
                });
                let opened = opening.await;
                self.opening = None;
                opened.map_err(io::Error::other)?.map(Stream::Serial)
            }
        }
    }
}

fn open_serial(root: &Path, serial: &Serial) -> io::Result<SerialStream> {
    let path = match Usb::named(&serial.path) {
        None => serial.path.clone(),
        Some(None) => return Err(io::ErrorKind::InvalidInput.into()),
        // An adapter that comes back may have another name.
        Some(Some(usb)) => usb::port(root, &usb)?,
    };
    let path = root.join(path.strip_prefix("/").unwrap_or(&path));
    let parity = match serial.parity {
        Parity::None => tokio_serial::Parity::None,
        Parity::Even => tokio_serial::Parity::Even,
        Parity::Odd => tokio_serial::Parity::Odd,
    };
    let stop_bits = if serial.stop_bits == 2 { StopBits::Two } else { StopBits::One };
    let builder = tokio_serial::new(path.to_string_lossy(), serial.baud)
        .data_bits(DataBits::Eight)
        .flow_control(FlowControl::None)
        .parity(parity)
        .stop_bits(stop_bits);
    Ok(SerialStream::open(&builder)?)
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::os::unix::fs::symlink;

    use tokio_serial::{SerialPort as _, SerialStream};

    use super::usb::tests::{plug, pull};
    use super::*;

    /// A port of this name, whose other end comes back.
    fn line(root: &Path, name: &str) -> (SerialStream, SerialStream) {
        let (master, slave) = SerialStream::pair().unwrap();
        std::fs::create_dir_all(root.join("dev")).unwrap();
        let node = root.join("dev").join(name);
        drop(std::fs::remove_file(&node));
        symlink(slave.name().unwrap(), node).unwrap();
        (master, slave)
    }

    fn says(port: &mut SerialStream, far: &mut SerialStream) -> bool {
        port.write_all(b"?").unwrap();
        let mut heard = [0];
        matches!(far.read(&mut heard), Ok(1)) && heard == *b"?"
    }

    #[tokio::test]
    async fn an_adapter_that_comes_back_under_another_name_is_opened_there_and_not_the_one_in_its_place() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        let ids = ("0403", "6001");
        let serial =
            Serial { path: "usb:0403:6001:A1".into(), baud: 9_600, parity: Parity::None, stop_bits: 1 };
        plug(root, "ttyUSB0", (ids, Some("A1")));
        let (mut far, _kept) = line(root, "ttyUSB0");
        let mut port = open_serial(root, &serial).unwrap();
        assert!(says(&mut port, &mut far));
        drop(port);
        // Pulled out; another of the same kind takes its name, and it comes back behind that.
        pull(root, "ttyUSB0");
        assert_eq!(open_serial(root, &serial).unwrap_err().kind(), io::ErrorKind::NotFound);
        plug(root, "ttyUSB0", (ids, Some("B2")));
        plug(root, "ttyUSB1", (ids, Some("A1")));
        let (mut other, _kept) = line(root, "ttyUSB0");
        let (mut far, _kept) = line(root, "ttyUSB1");
        let mut port = open_serial(root, &serial).unwrap();
        assert!(says(&mut port, &mut far));
        assert!(other.read(&mut [0]).is_err(), "the other line hears nothing");
        let misspelt = Serial { path: "usb:403:6001".into(), ..serial };
        assert_eq!(open_serial(root, &misspelt).unwrap_err().kind(), io::ErrorKind::InvalidInput);
    }
}
