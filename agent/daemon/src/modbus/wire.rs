//! The open port or connection, shared between tokio-modbus, which keeps what it is given, and the adapter, which must
//! hear what comes in between two requests.

use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_serial::SerialStream;

use super::tape::Tape;
use crate::settings::{Parity, Serial};

/// Longest Modbus frame, on any transport (MODBUS Messaging on TCP/IP V1.0b, §4.1: 260 bytes), rounded up.
const CHUNK_BYTES: usize = 512;

/// The most that one drain takes before it looks at the time again.
const DRAIN_BYTES_MAX: u64 = 64 * 1024;

/// A stream of bytes.
#[derive(Debug)]
pub(super) enum Stream {
    Tcp(TcpStream),
    Serial(SerialStream),
}

/// A shared stream; only one task uses it, so the lock is never waited for.
#[derive(Clone, Debug)]
pub(super) struct Wire(Arc<Mutex<Line>>);

#[derive(Debug)]
struct Line {
    stream: Stream,
    heard_bytes: u64,
    active_at: Instant,
    /// How long a written byte takes to leave the port.
    character: Duration,
    tape: Option<Tape>,
}

impl Wire {
    /// A character takes so long on a serial port, and no time elsewhere.
    pub(super) fn new(stream: Stream, character: Duration, tape: Option<Tape>) -> Self {
        let active_at = Instant::now();
        Self(Arc::new(Mutex::new(Line { stream, heard_bytes: 0, active_at, character, tape })))
    }

    /// When the last byte came in or, by the baud rate, will have gone out.
    pub(super) fn active_at(&self) -> Instant {
        self.line().active_at
    }

    /// Counts the line as active until `at`.
    pub(super) fn stay_active_until(&self, at: Instant) {
        self.line().active_at = at;
    }

    /// How many bytes came in since this was last asked.
    pub(super) fn take_heard_bytes(&self) -> u64 {
        std::mem::take(&mut self.line().heard_bytes)
    }

    /// Whether nothing came in and the other end has not closed, as far as the reactor knows: no system call on a quiet
    /// TCP connection.
    pub(super) fn is_quiet(&self) -> bool {
        let mut chunk = [0; CHUNK_BYTES];
        let mut chunk = ReadBuf::new(&mut chunk);
        self.line().poll_read(&mut Context::from_waker(Waker::noop()), &mut chunk).is_pending()
    }

    /// Takes what lies in the input without waiting, asking the system and not the reactor; how many bytes it was.
    ///
    /// # Errors
    ///
    /// The port is gone or the other end has closed.
    pub(super) fn drain(&self) -> io::Result<u64> {
        let mut line = self.line();
        let before = line.heard_bytes;
        let mut chunk = [0; CHUNK_BYTES];
        while line.heard_bytes - before < DRAIN_BYTES_MAX {
            match line.stream.read_at_once(&mut chunk) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(bytes) => line.hear(&chunk[..bytes]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(line.heard_bytes - before)
    }

    /// Waits until bytes come in and drops them; how many it was.
    ///
    /// # Errors
    ///
    /// The port is gone or the other end has closed.
    pub(super) async fn listen(&self) -> io::Result<u64> {
        poll_fn(|context| {
            let mut chunk = [0; CHUNK_BYTES];
            let mut chunk = ReadBuf::new(&mut chunk);
            ready!(self.line().poll_read(context, &mut chunk))?;
            match chunk.filled().len() {
                0 => Poll::Ready(Err(ErrorKind::UnexpectedEof.into())),
                bytes => Poll::Ready(Ok(bytes as u64)),
            }
        })
        .await
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        // A panic between lock and unlock leaves a stream and two counters: nothing that could be half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Line {
    fn hear(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.heard_bytes += bytes.len() as u64;
            self.active_at = Instant::now();
        }
        if let Some(tape) = &self.tape {
            tape.hear(bytes);
        }
    }

    fn poll_read(&mut self, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(match &mut self.stream {
            Stream::Tcp(stream) => Pin::new(stream).poll_read(context, buffer),
            Stream::Serial(stream) => Pin::new(stream).poll_read(context, buffer),
        })?;
        self.hear(&buffer.filled()[before..]);
        Poll::Ready(Ok(()))
    }

    fn poll_write(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(match &mut self.stream {
            Stream::Tcp(stream) => Pin::new(stream).poll_write(context, bytes),
            Stream::Serial(stream) => Pin::new(stream).poll_write(context, bytes),
        })?;
        let characters = u32::try_from(written).unwrap_or(u32::MAX);
        self.active_at = Instant::now() + self.character * characters;
        Poll::Ready(Ok(written))
    }
}

/// One character: a start bit, eight of data, parity if there is any, and one or two stop bits.
pub(super) fn character(serial: &Serial) -> Duration {
    let parity_bits = u32::from(serial.parity != Parity::None);
    Duration::from_secs(1) * (9 + parity_bits + u32::from(serial.stop_bits)) / serial.baud.max(1)
}

impl Stream {
    fn read_at_once(&mut self, chunk: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => Ok(rustix::io::read(&*stream, chunk)?),
            Self::Serial(stream) => stream.try_read(chunk),
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.line().poll_read(context, buffer)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.line().poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // The kernel has the bytes. tokio-serial's flush is a blocking tcdrain: it would stop every bus of this thread for
        // the length of the transmission, and for ever on a port that cannot send.
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Dropping the wire closes it.
        Poll::Ready(Ok(()))
    }
}

/// A wire that sends and does not listen: tokio-modbus has no way to send a request that nobody answers.
pub(super) struct Mute(pub(super) Wire);

impl Mute {
    /// How reading ends, which no stream does: by then all is sent.
    pub(super) const SENT: ErrorKind = ErrorKind::Unsupported;
}

impl AsyncRead for Mute {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Err(Self::SENT.into()))
    }
}

impl AsyncWrite for Mute {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
