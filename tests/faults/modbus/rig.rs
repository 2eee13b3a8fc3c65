//! A bus with a scripted device on it, over a real socket or a real pseudo-terminal.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hazard_agent::modbus::{Link, LinkStats, Timing};
use hazard_agent::settings::{BusLink, Endpoint, Parity, Serial};
use hazard_core::link::{LinkFault, ReadRequest, ReadResult, Table, Words};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_serial::{SerialPort, SerialStream};

use super::device::{Device, Sink, bit, register};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Wiring {
    Tcp,
    Rtu,
    RtuOverTcp,
}

impl Wiring {
    pub(crate) const ALL: [Self; 3] = [Self::Tcp, Self::Rtu, Self::RtuOverTcp];
}

/// A device and how to reach it.
pub(crate) struct Rig {
    pub(crate) device: Device,
    pub(crate) settings: BusLink,
    /// Where a serial device writes, asked or not.
    pub(crate) sink: Sink,
    tasks: Vec<JoinHandle<()>>,
}

impl Rig {
    pub(crate) async fn new(wiring: Wiring) -> Self {
        match wiring {
            Wiring::Tcp | Wiring::RtuOverTcp => Self::on_a_socket(wiring).await,
            Wiring::Rtu => Self::on_a_line(None),
        }
    }

    /// A serial device; `link_path` is made to point at its port.
    pub(crate) fn on_a_line(link_path: Option<PathBuf>) -> Self {
        let (master, port) = SerialStream::pair().unwrap();
        let port_path = PathBuf::from(port.name().unwrap());
        let path = link_path.unwrap_or_else(|| port_path.clone());
        if path != port_path {
            let _ = std::fs::remove_file(&path);
            std::os::unix::fs::symlink(&port_path, &path).unwrap();
        }
        let device = Device::default();
        let (input, output) = tokio::io::split(master);
        let sink: Sink = Arc::new(tokio::sync::Mutex::new(Some(Box::new(output))));
        let (requests, work) = mpsc::unbounded_channel();
        let hearing_sink = Arc::clone(&sink);
        let hearing = async move {
            // As long as one end is open here, the port stays: a link may close and open it again.
            let _port = port;
            Device::hear(Wiring::Rtu, input, hearing_sink, requests).await;
        };
        let tasks = vec![tokio::spawn(hearing), tokio::spawn(device.clone().work(Wiring::Rtu, work))];
        let serial = Serial { path, baud: 115_200, parity: Parity::None, stop_bits: 1 };
        Self { device, settings: settings(Endpoint::Rtu(serial)), sink, tasks }
    }

    async fn on_a_socket(wiring: Wiring) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (host, port) = ("127.0.0.1".to_owned(), listener.local_addr().unwrap().port());
        let device = Device::default();
        let line: Sink = Sink::default();
        let (requests, work) = mpsc::unbounded_channel();
        let shared_sink = Arc::clone(&line);
        let accepting = async move {
            while let Ok((stream, _)) = listener.accept().await {
                stream.set_nodelay(true).unwrap();
                let (input, output) = tokio::io::split(stream);
                // A serial server passes whatever the line says on to the newest connection.
                let sink = if wiring == Wiring::Tcp { Sink::default() } else { Arc::clone(&shared_sink) };
                *sink.lock().await = Some(Box::new(Hangup(output)));
                tokio::spawn(Device::hear(wiring, input, sink, requests.clone()));
            }
        };
        let tasks = vec![tokio::spawn(accepting), tokio::spawn(device.clone().work(wiring, work))];
        let endpoint = match wiring {
            Wiring::Tcp => Endpoint::Tcp { host, port },
            Wiring::Rtu | Wiring::RtuOverTcp => Endpoint::RtuOverTcp { host, port },
        };
        Self { device, settings: settings(endpoint), sink: line, tasks }
    }

    pub(crate) fn link(&self) -> (Link, Arc<LinkStats>) {
        let stats = Arc::new(LinkStats::default());
        (Link::new(self.settings.clone(), Arc::clone(&stats)), stats)
    }

    /// Ends the device and closes its port.
    pub(crate) async fn unplug(mut self) {
        *self.sink.lock().await = None;
        for task in self.tasks.drain(..) {
            task.abort();
            let _ = task.await;
        }
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// Closes the connection when it is dropped, although its reading half lives on.
struct Hangup(tokio::io::WriteHalf<tokio::net::TcpStream>);

impl tokio::io::AsyncWrite for Hangup {
    fn poll_write(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
        bytes: &[u8],
    ) -> std::task::Poll<std::io::Result<usize>> {
        std::pin::Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::pin::Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::pin::Pin::new(&mut self.0).poll_shutdown(context)
    }
}

impl Drop for Hangup {
    fn drop(&mut self) {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        let _ = tokio::io::AsyncWrite::poll_shutdown(std::pin::Pin::new(&mut self.0), &mut context);
    }
}

fn settings(endpoint: Endpoint) -> BusLink {
    BusLink {
        name: "bus".to_owned(),
        endpoint,
        connect_timeout: Duration::from_secs(2),
        pause_after_connect: Duration::ZERO,
        gap: Duration::ZERO,
        pauses: Vec::new(),
    }
}

pub(crate) fn timing(timeout_ms: u64, late_window_ms: u64) -> Timing {
    Timing { timeout: Duration::from_millis(timeout_ms), late_window: Duration::from_millis(late_window_ms) }
}

pub(crate) fn holding(unit: u8, start: u16, count: u16) -> ReadRequest {
    ReadRequest { unit, table: Table::Holding, start, count }
}

/// What the device holds there.
pub(crate) fn truth(request: &ReadRequest) -> Words {
    let addresses = (0..request.count).map(|offset| request.start.wrapping_add(offset));
    if request.table.is_bits() {
        Words::Bits(addresses.map(|address| bit(request.unit, address)).collect())
    } else {
        Words::Registers(addresses.map(|address| register(request.unit, address)).collect())
    }
}

/// A fault is no lie; a value must be the truth.
pub(crate) fn assert_no_lie(request: &ReadRequest, result: &ReadResult, context: &str) {
    if let Ok(words) = result {
        assert_eq!(*words, truth(request), "a value on the wrong point: {request:?}, {context}");
    }
}

/// Asks until there is an answer, at most ten times; none of the answers may be a lie.
pub(crate) async fn ask_until_good(link: &mut Link, request: &ReadRequest, timing: Timing) -> usize {
    let mut last = Err(LinkFault::Gone);
    for attempt in 1..=10 {
        last = link.read(request, timing).await;
        assert_no_lie(request, &last, "while healing");
        if last.is_ok() {
            return attempt;
        }
    }
    panic!("no answer in ten attempts: {last:?}");
}
