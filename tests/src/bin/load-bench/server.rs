//! Modbus TCP servers for the simulated devices, one port each, all on one thread: written by hand so that they take as
//! little as possible of the processor that is being measured.

use std::io;
use std::net::TcpListener as StdListener;
use std::sync::Arc;
use std::thread::JoinHandle;

use anyhow::Context as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;
use tokio::task::{AbortHandle, JoinSet};

use crate::plant::{BenchClock, Device};

/// The longest Modbus TCP frame.
const FRAME_MAX: usize = 260;
const HEADER: usize = 6;

/// The devices of a run and the thread that answers for them; dropping it closes every port.
pub(crate) struct Servers {
    pub(crate) devices: Vec<Arc<Device>>,
    pub(crate) ports: Vec<u16>,
    doors: Vec<AbortHandle>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Servers {
    pub(crate) fn start(count: usize, clock: BenchClock) -> anyhow::Result<Self> {
        let devices: Vec<_> = (0..count).map(|_| Arc::new(Device::new(clock))).collect();
        let runtime = Builder::new_current_thread().enable_io().build()?;
        let (mut ports, mut doors) = (Vec::new(), Vec::new());
        for device in &devices {
            let (port, door) = open(&runtime, device).context("no port for a simulated device")?;
            ports.push(port);
            doors.push(door);
        }
        let (stop, stopped) = oneshot::channel::<()>();
        let serve = move || drop(runtime.block_on(stopped));
        let thread = std::thread::Builder::new().name("devices".to_owned()).spawn(serve)?;
        Ok(Self { devices, ports, doors, stop: Some(stop), thread: Some(thread) })
    }

    /// Closes a device's port and all its connections for good.
    pub(crate) fn refuse(&self, device: usize) {
        if let Some(door) = self.doors.get(device) {
            door.abort();
        }
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

fn open(runtime: &Runtime, device: &Arc<Device>) -> io::Result<(u16, AbortHandle)> {
    let listener = StdListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let port = listener.local_addr()?.port();
    let _context = runtime.enter();
    let listener = TcpListener::from_std(listener)?;
    let door = runtime.spawn(accept(listener, Arc::clone(device))).abort_handle();
    Ok((port, door))
}

/// Ends, with all connections, when it is aborted.
async fn accept(listener: TcpListener, device: Arc<Device>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        while connections.try_join_next().is_some() {}
        connections.spawn(converse(stream, Arc::clone(&device)));
    }
}

async fn converse(mut stream: TcpStream, device: Arc<Device>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = [0; 2 * FRAME_MAX];
    let mut filled = 0;
    let mut answer = Vec::with_capacity(FRAME_MAX);
    loop {
        let got = stream.read(&mut buffer[filled..]).await?;
        if got == 0 {
            return Ok(());
        }
        filled += got;
        while let Some(len) = frame_len(&buffer[..filled])? {
            if !device.is_silent() {
                answer.clear();
                reply(&buffer[..len], &device, &mut answer);
                stream.write_all(&answer).await?;
            }
            buffer.copy_within(len..filled, 0);
            filled -= len;
        }
    }
}

/// The length of the frame at the start of `bytes`, once all of it is there.
fn frame_len(bytes: &[u8]) -> io::Result<Option<usize>> {
    let Some(header) = bytes.first_chunk::<HEADER>() else { return Ok(None) };
    let len = HEADER + usize::from(u16::from_be_bytes([header[4], header[5]]));
    if (HEADER + 2..=FRAME_MAX).contains(&len) {
        Ok((len <= bytes.len()).then_some(len))
    } else {
        Err(io::Error::other("no Modbus frame has this length"))
    }
}

/// Appends the reply to a whole frame: transaction, protocol and unit are echoed.
fn reply(frame: &[u8], device: &Device, out: &mut Vec<u8>) {
    let [t0, t1, _, _, _, _, unit, function, rest @ ..] = frame else { return };
    out.extend_from_slice(&[*t0, *t1, 0, 0, 0, 0, *unit, *function]);
    if let Err(exception) = answer(*function, rest, device, out) {
        out.truncate(HEADER + 1);
        out.extend_from_slice(&[function | 0x80, exception]);
    }
    let len = (out.len() - HEADER) as u16;
    out[4..HEADER].copy_from_slice(&len.to_be_bytes());
}

fn answer(function: u8, rest: &[u8], device: &Device, out: &mut Vec<u8>) -> Result<(), u8> {
    const ILLEGAL_FUNCTION: u8 = 1;
    const ILLEGAL_VALUE: u8 = 3;
    let [a0, a1, b0, b1, more @ ..] = rest else { return Err(ILLEGAL_VALUE) };
    let (start, count) = (u16::from_be_bytes([*a0, *a1]), u16::from_be_bytes([*b0, *b1]));
    match (function, count, more) {
        (1 | 2, 1..=2000, []) => {
            let bits: Vec<bool> = (0..count).map(|bit| device.coil(start.wrapping_add(bit))).collect();
            out.push(bits.len().div_ceil(8) as u8);
            let pack = |byte: &[bool]| byte.iter().rev().fold(0, |all, bit| all << 1 | u8::from(*bit));
            out.extend(bits.chunks(8).map(pack));
        }
        (3 | 4, 1..=125, []) => {
            out.push((count * 2) as u8);
            out.extend(device.read_registers(start, count).flat_map(u16::to_be_bytes));
        }
        (5, 0x0000 | 0xFF00, []) => {
            device.write_coil(start, count != 0);
            out.extend_from_slice(rest);
        }
        (15, 1..=1968, [len, levels @ ..])
            if usize::from(*len) == levels.len() && levels.len() == usize::from(count).div_ceil(8) =>
        {
            for bit in 0..count {
                let level = levels[usize::from(bit / 8)] >> (bit % 8) & 1;
                device.write_coil(start.wrapping_add(bit), level == 1);
            }
            out.extend_from_slice(&rest[..4]);
        }
        (1..=5 | 15, ..) => return Err(ILLEGAL_VALUE),
        _ => return Err(ILLEGAL_FUNCTION),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use tokio_modbus::client::{Reader as _, Writer as _, tcp};

    use super::*;

    fn device() -> Device {
        Device::new(BenchClock::start())
    }

    fn replied(device: &Device, frame: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        reply(frame, device, &mut out);
        out
    }

    #[test]
    fn a_read_of_registers_is_answered_byte_for_byte() {
        let device = device();
        let out = replied(&device, &[0xAB, 0xCD, 0, 0, 0, 6, 9, 3, 0, 2, 0, 4]);
        assert_eq!(out, [0xAB, 0xCD, 0, 0, 0, 11, 9, 3, 8, 0, 0, 0, 1, 0, 0, 0, 6]);
    }

    #[test]
    fn coils_are_written_one_by_one_or_together_and_read_back() {
        let device = device();
        let one = [0, 1, 0, 0, 0, 6, 1, 5, 0, 9, 0xFF, 0];
        assert_eq!(replied(&device, &one), one);
        let several = [0, 2, 0, 0, 0, 8, 1, 15, 0, 0, 0, 9, 2, 0b1000_0101, 1];
        assert_eq!(replied(&device, &several), [0, 2, 0, 0, 0, 6, 1, 15, 0, 0, 0, 9]);
        let read = replied(&device, &[0, 3, 0, 0, 0, 6, 1, 1, 0, 0, 0, 10]);
        assert_eq!(read, [0, 3, 0, 0, 0, 5, 1, 1, 2, 0b1000_0101, 0b11]);
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        let device = device();
        assert_eq!(replied(&device, &[0, 1, 0, 0, 0, 6, 1, 6, 0, 0, 0, 1])[7..], [0x86, 1]);
        assert_eq!(replied(&device, &[0, 1, 0, 0, 0, 6, 1, 3, 0, 0, 0, 126])[7..], [0x83, 3]);
        assert_eq!(replied(&device, &[0, 1, 0, 0, 0, 3, 1, 3, 0])[7..], [0x83, 3]);
        assert_eq!(device.polls(), 0);
    }

    #[test]
    fn a_frame_is_taken_when_all_of_it_is_there() {
        let frame = [0, 1, 0, 0, 0, 6, 1, 3, 0, 0, 0, 1];
        for len in 0..frame.len() {
            assert_eq!(frame_len(&frame[..len]).unwrap(), None);
        }
        assert_eq!(frame_len(&frame).unwrap(), Some(12));
        assert_eq!(frame_len(&[&frame[..], &[0, 2]].concat()).unwrap(), Some(12));
        assert!(frame_len(&[0, 1, 0, 0, 0xFF, 0xFF]).is_err());
        assert!(frame_len(&[0, 1, 0, 0, 0, 1]).is_err());
    }

    #[tokio::test]
    async fn a_foreign_client_polls_until_the_device_refuses() {
        let servers = Servers::start(2, BenchClock::start()).unwrap();
        let addr = std::net::SocketAddr::from(([127, 0, 0, 1], servers.ports[1]));
        let mut client = tcp::connect(addr).await.unwrap();
        for count in 1..=3 {
            let words = client.read_holding_registers(0, 60).await.unwrap().unwrap();
            assert_eq!((words.len(), words[3]), (60, count));
        }
        client.write_multiple_coils(0, &[true, false, true]).await.unwrap().unwrap();
        assert_eq!(client.read_coils(0, 3).await.unwrap().unwrap(), [true, false, true]);
        assert_eq!((servers.devices[0].polls(), servers.devices[1].polls()), (0, 3));
        servers.refuse(1);
        // The device ends on its own thread, soon and not at once.
        let patience = std::time::Instant::now() + std::time::Duration::from_secs(10);
        while client.read_holding_registers(0, 1).await.is_ok() {
            assert!(std::time::Instant::now() < patience, "the connection outlived the device");
        }
        while tcp::connect(addr).await.is_ok() {
            assert!(std::time::Instant::now() < patience, "the port outlived the device");
        }
    }

    #[tokio::test]
    async fn a_silent_device_takes_connections_and_answers_nothing() {
        let servers = Servers::start(1, BenchClock::start()).unwrap();
        servers.devices[0].fall_silent();
        let addr = std::net::SocketAddr::from(([127, 0, 0, 1], servers.ports[0]));
        let mut client = tcp::connect(addr).await.unwrap();
        let asked = client.read_holding_registers(0, 1);
        let waited = tokio::time::timeout(std::time::Duration::from_millis(100), asked).await;
        assert!(waited.is_err(), "answered: {waited:?}");
        assert_eq!(servers.devices[0].polls(), 0);
    }
}
