//! Opens the port or the connection of a bus, once per call: when to try again is the core's decision.

use std::io;
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
use super::wire::{Stream, Wire, character};
use crate::settings::{BusLink, Endpoint, Parity, Serial};

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
                    spawn_blocking(move || open_serial(&serial))
                });
                let opened = opening.await;
                self.opening = None;
                opened.map_err(io::Error::other)?.map(Stream::Serial)
            }
        }
    }
}

fn open_serial(serial: &Serial) -> io::Result<SerialStream> {
    let parity = match serial.parity {
        Parity::None => tokio_serial::Parity::None,
        Parity::Even => tokio_serial::Parity::Even,
        Parity::Odd => tokio_serial::Parity::Odd,
    };
    let stop_bits = if serial.stop_bits == 2 { StopBits::Two } else { StopBits::One };
    let builder = tokio_serial::new(serial.path.to_string_lossy(), serial.baud)
        .data_bits(DataBits::Eight)
        .flow_control(FlowControl::None)
        .parity(parity)
        .stop_bits(stop_bits);
    Ok(SerialStream::open(&builder)?)
}
