//! A device of our own making: it answers each request as its script says, with bytes that no library has made.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use super::rig::Wiring;

/// What the device does with one request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Act {
    Answer,
    /// Answers late and lets every other request wait.
    Late(u64),
    /// Answers late, like one of many devices on a line: the others answer meanwhile.
    LateAside(u64),
    ForeignUnit,
    WrongFunction,
    OneShort,
    OneLong,
    BadCheck,
    Truncated,
    WrongTransaction,
    Doubled,
    NoiseBefore,
    Refuse(u8),
    WrongEcho,
    Close,
    AnswerThenClose,
    BlackHole,
}

/// A request as the device has read it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    pub(crate) unit: u8,
    pub(crate) function: u8,
    pub(crate) start: u16,
    /// Count, or the level of a single coil.
    pub(crate) count: u16,
    pub(crate) at: Instant,
    transaction: u16,
}

/// The device's script and diary; acts beyond the script are answers.
#[derive(Clone, Default)]
pub(crate) struct Device {
    script: Arc<Mutex<VecDeque<Act>>>,
    diary: Arc<Mutex<Vec<Asked>>>,
    late_replies: Arc<AtomicUsize>,
}

pub(crate) type Sink = Arc<tokio::sync::Mutex<Option<Box<dyn AsyncWrite + Send + Unpin>>>>;

/// The value of a register says whose it is.
pub(crate) fn register(unit: u8, address: u16) -> u16 {
    u16::from(unit) << 8 | address & 0xFF
}

/// The bits of a unit, different for each unit and start.
pub(crate) fn bit(unit: u8, address: u16) -> bool {
    (u32::from(unit) * 7 + u32::from(address) * 13).wrapping_mul(2_654_435_761) >> 16 & 1 == 1
}

impl Device {
    pub(crate) fn plan(&self, acts: &[Act]) {
        self.script.lock().unwrap().extend(acts);
    }

    pub(crate) fn diary(&self) -> Vec<Asked> {
        self.diary.lock().unwrap().clone()
    }

    /// How many replies were sent by [`Act::LateAside`].
    pub(crate) fn late_replies(&self) -> usize {
        self.late_replies.load(Ordering::Relaxed)
    }

    fn next_act(&self) -> Act {
        self.script.lock().unwrap().pop_front().unwrap_or(Act::Answer)
    }

    /// Reads requests from one connection and hands them, with where the answer goes, to the device.
    pub(crate) async fn hear(
        wiring: Wiring,
        mut input: impl AsyncRead + Unpin,
        sink: Sink,
        device: mpsc::UnboundedSender<(Asked, Sink)>,
    ) {
        let mut bytes = Vec::new();
        let mut chunk = [0; 512];
        while let Ok(count @ 1..) = input.read(&mut chunk).await {
            bytes.extend_from_slice(&chunk[..count]);
            while let Some(asked) = take_request(wiring, &mut bytes) {
                let _ = device.send((asked, Arc::clone(&sink)));
            }
        }
    }

    /// Does what the script says, one request after the other.
    pub(crate) async fn work(self, wiring: Wiring, mut requests: mpsc::UnboundedReceiver<(Asked, Sink)>) {
        while let Some((asked, sink)) = requests.recv().await {
            self.diary.lock().unwrap().push(asked);
            let act = self.next_act();
            match act {
                Act::Late(millis) => sleep(Duration::from_millis(millis)).await,
                Act::LateAside(millis) => {
                    let late_replies = Arc::clone(&self.late_replies);
                    tokio::spawn(async move {
                        sleep(Duration::from_millis(millis)).await;
                        send(&sink, &answer(wiring, asked, act)).await;
                        late_replies.fetch_add(1, Ordering::Relaxed);
                    });
                    continue;
                }
                Act::Close => *sink.lock().await = None,
                _ => {}
            }
            send(&sink, &answer(wiring, asked, act)).await;
            if act == Act::AnswerThenClose {
                *sink.lock().await = None;
            }
        }
    }
}

pub(crate) async fn send(sink: &Sink, bytes: &[u8]) {
    if let Some(sink) = sink.lock().await.as_mut()
        && !bytes.is_empty()
    {
        let _ = sink.write_all(bytes).await;
    }
}

fn take_request(wiring: Wiring, bytes: &mut Vec<u8>) -> Option<Asked> {
    let pdu_at = if wiring == Wiring::Tcp { 7 } else { 1 };
    let function = *bytes.get(pdu_at)?;
    let pdu_len = if function == 15 { 6 + usize::from(*bytes.get(pdu_at + 5)?) } else { 5 };
    let len = pdu_at + pdu_len + if wiring == Wiring::Tcp { 0 } else { 2 };
    if bytes.len() < len {
        return None;
    }
    let frame: Vec<u8> = bytes.drain(..len).collect();
    let word = |at: usize| u16::from_be_bytes([frame[at], frame[at + 1]]);
    Some(Asked {
        unit: frame[pdu_at - 1],
        function,
        start: word(pdu_at + 1),
        count: word(pdu_at + 3),
        at: Instant::now(),
        transaction: if wiring == Wiring::Tcp { word(0) } else { 0 },
    })
}

fn answer(wiring: Wiring, mut asked: Asked, act: Act) -> Vec<u8> {
    match act {
        Act::Close | Act::BlackHole => return Vec::new(),
        Act::ForeignUnit => asked.unit += 1,
        Act::WrongTransaction => asked.transaction = asked.transaction.wrapping_add(1),
        Act::OneShort => asked.count -= 1,
        Act::OneLong => asked.count += if asked.function <= 2 { 8 } else { 1 },
        Act::WrongEcho => asked.start += 1,
        _ => {}
    }
    let mut pdu = pdu(asked);
    match act {
        Act::Refuse(code) => pdu = vec![asked.function | 0x80, code],
        // 3 for 4 and 4 for 3: the same layout under the other name.
        Act::WrongFunction => pdu[0] = if asked.function == 3 { 4 } else { 3 },
        _ => {}
    }
    let mut frame = frame(wiring, asked, &pdu);
    match act {
        Act::BadCheck if wiring == Wiring::Tcp => frame[3] = 1,
        Act::BadCheck => *frame.last_mut().unwrap() ^= 0x5A,
        Act::Truncated => frame.truncate(frame.len() - 2),
        Act::Doubled => frame.extend_from_within(..),
        Act::NoiseBefore => drop(frame.splice(0..0, [0xFF, 0x00, 0xFE])),
        _ => {}
    }
    frame
}

fn pdu(asked: Asked) -> Vec<u8> {
    let Asked { unit, function, start, count, .. } = asked;
    let addresses = (0..count).map(|offset| start.wrapping_add(offset));
    match function {
        1 | 2 => {
            let bits: Vec<bool> = addresses.map(|address| bit(unit, address)).collect();
            let packed = bits.chunks(8).map(|byte| {
                byte.iter().enumerate().fold(0, |packed, (at, bit)| packed | u8::from(*bit) << at)
            });
            [function, count.div_ceil(8) as u8].into_iter().chain(packed).collect()
        }
        3 | 4 => [function, (count * 2) as u8]
            .into_iter()
            .chain(addresses.flat_map(|address| register(unit, address).to_be_bytes()))
            .collect(),
        _ => [&[function][..], &start.to_be_bytes(), &count.to_be_bytes()].concat(),
    }
}

fn frame(wiring: Wiring, asked: Asked, pdu: &[u8]) -> Vec<u8> {
    if wiring == Wiring::Tcp {
        let [high, low] = asked.transaction.to_be_bytes();
        let header = [high, low, 0, 0, 0, (pdu.len() + 1) as u8, asked.unit];
        return [&header, pdu].concat();
    }
    let frame = [&[asked.unit], pdu].concat();
    let crc = crc(&frame);
    [&frame[..], &crc.to_le_bytes()].concat()
}

fn crc(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xFFFF, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte), |crc, _| crc >> 1 ^ if crc & 1 == 1 { 0xA001 } else { 0 })
    })
}

#[test]
fn the_device_uses_the_crc_of_the_standard() {
    // Modbus over Serial Line V1.02, appendix B: 02 07 has the CRC 41 12.
    assert_eq!(crc(&[0x02, 0x07]).to_le_bytes(), [0x41, 0x12]);
}
