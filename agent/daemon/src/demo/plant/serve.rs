//! Who listens: Modbus TCP, and a serial server with several units on its line.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use hazard_field::crc16;
use hazard_node::rtu::{ADU_MAX, Frame, PDU_MAX};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::Shared;
use super::layout::SERIAL_BUS;
use super::world::Spoiling;

/// Connections of one bus at a time.
const CONNECTIONS_MAX: usize = 16;

/// A master that says nothing for so long is hung up on.
const IDLE_MAX: Duration = Duration::from_secs(300);

/// A master that takes nothing for so long is hung up on.
const WRITE_MAX: Duration = Duration::from_secs(2);

/// Silence that ends a frame on the serial line.
const FRAME_SILENCE: Duration = Duration::from_millis(3);

/// How long a unit on the serial line thinks before it answers.
const THINKING: Duration = Duration::from_millis(15);

/// Unit address, protocol and length around a PDU (Modbus Messaging on TCP/IP, 3.1.3).
const MBAP_BYTES: usize = 7;

/// Takes masters of one bus as they come and come again.
pub(super) async fn accept(listener: TcpListener, shared: Arc<Shared>, bus: usize) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            sleep(Duration::from_millis(50)).await;
            continue;
        };
        while connections.try_join_next().is_some() {}
        if connections.len() < CONNECTIONS_MAX {
            connections.spawn(serve(stream, Arc::clone(&shared), bus));
        }
    }
}

async fn serve(stream: TcpStream, shared: Arc<Shared>, bus: usize) {
    let mut connection = Connection { stream, shared, bus };
    // A connection that fails is closed; the master opens another.
    let _ended = match bus {
        SERIAL_BUS => connection.serve_serial().await,
        _ => connection.serve_tcp().await,
    };
}

struct Connection {
    stream: TcpStream,
    shared: Arc<Shared>,
    bus: usize,
}

impl Connection {
    async fn serve_tcp(&mut self) -> io::Result<()> {
        self.stream.set_nodelay(true)?;
        loop {
            let mut head = [0; MBAP_BYTES];
            timeout(IDLE_MAX, self.stream.read_exact(&mut head)).await??;
            let [_, _, 0, 0, length_high, length_low, unit] = head else {
                return Err(io::ErrorKind::InvalidData.into());
            };
            let length = usize::from(u16::from_be_bytes([length_high, length_low]));
            let mut pdu = [0; PDU_MAX];
            let pdu = length.checked_sub(1).and_then(|length| pdu.get_mut(..length));
            let pdu = pdu.ok_or(io::ErrorKind::InvalidData)?;
            timeout(WRITE_MAX, self.stream.read_exact(pdu)).await??;
            if let Some(reply) = self.shared.answer(self.bus, unit, pdu) {
                let length = u16::try_from(reply.len() + 1).unwrap_or(u16::MAX).to_be_bytes();
                let mut adu = head.to_vec();
                adu[4..6].copy_from_slice(&length);
                adu.extend(reply);
                self.write(&adu).await?;
            }
        }
    }

    async fn serve_serial(&mut self) -> io::Result<()> {
        self.stream.set_nodelay(true)?;
        loop {
            let mut line = [0; ADU_MAX + 1];
            let length = self.read_frame(&mut line).await?;
            let Some(frame) = line.get(..length).and_then(Frame::parse) else { continue };
            sleep(THINKING).await;
            let Some(reply) = self.shared.answer(self.bus, frame.unit, frame.pdu) else { continue };
            let mut adu = vec![frame.unit];
            adu.extend(reply);
            adu.extend(crc16(&adu).to_le_bytes());
            self.write_spoilt(adu).await?;
        }
    }

    /// Bytes up to the next silence; what is longer than any frame is swallowed.
    async fn read_frame(&mut self, line: &mut [u8]) -> io::Result<usize> {
        let mut length = 0;
        let mut wait = IDLE_MAX;
        loop {
            let mut chunk = [0; ADU_MAX];
            let Ok(read) = timeout(wait, self.stream.read(&mut chunk)).await else {
                return if length > 0 { Ok(length) } else { Err(io::ErrorKind::TimedOut.into()) };
            };
            let read = read?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            for byte in &chunk[..read] {
                if let Some(slot) = line.get_mut(length) {
                    *slot = *byte;
                    length += 1;
                }
            }
            wait = FRAME_SILENCE;
        }
    }

    async fn write_spoilt(&mut self, mut adu: Vec<u8>) -> io::Result<()> {
        let spoiling = self.shared.world().spoiling(&self.shared.controls);
        match spoiling {
            Spoiling::None => {}
            Spoiling::Flip(place) => {
                let bit = place % (adu.len() * 8);
                adu[bit / 8] ^= 1 << (bit % 8);
            }
            Spoiling::Cut(place) => adu.truncate(place % adu.len()),
            Spoiling::Late(by) => sleep(by).await,
            Spoiling::Lost => adu.clear(),
        }
        self.write(&adu).await
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        timeout(WRITE_MAX, self.stream.write_all(bytes)).await?
    }
}
