//! An MQTT 5 broker of our own making whose quota is used up: PUBACK with reason 0x97, byte by byte.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hazard_agent::settings::{Mqtt, MqttVersion};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::model::{Core, settings};

const CONNACK: [u8; 5] = [0x20, 3, 0, 0, 0];
const PINGRESP: [u8; 2] = [0xd0, 0];
const QUOTA_EXCEEDED: u8 = 0x97;

/// Refuses so many messages, then takes all.
#[derive(Clone, Default)]
struct Stingy {
    refusals_left: Arc<AtomicUsize>,
    refused: Arc<AtomicUsize>,
}

impl Stingy {
    /// Its port.
    async fn open(refusals: usize) -> (Self, u16) {
        let broker = Self::default();
        broker.refusals_left.store(refusals, Ordering::SeqCst);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let serving = broker.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serving.clone().serve(stream));
            }
        });
        (broker, port)
    }

    async fn serve(self, mut stream: TcpStream) -> std::io::Result<()> {
        loop {
            let (kind, body) = packet(&mut stream).await?;
            match kind >> 4 {
                1 => stream.write_all(&CONNACK).await?,
                3 if kind & 0b110 == 0b010 => {
                    // Topic, then the packet's number.
                    let topic = usize::from(u16::from_be_bytes([body[0], body[1]]));
                    let number = [body[2 + topic], body[3 + topic]];
                    stream.write_all(&self.verdict(number)).await?;
                }
                12 => stream.write_all(&PINGRESP).await?,
                _ => {}
            }
        }
    }

    fn verdict(&self, [high, low]: [u8; 2]) -> Vec<u8> {
        let less = |left: usize| left.checked_sub(1);
        if self.refusals_left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less).is_ok() {
            self.refused.fetch_add(1, Ordering::SeqCst);
            return vec![0x40, 3, high, low, QUOTA_EXCEEDED];
        }
        vec![0x40, 2, high, low]
    }
}

async fn packet(stream: &mut TcpStream) -> std::io::Result<(u8, Vec<u8>)> {
    let kind = stream.read_u8().await?;
    let (mut length, mut shift) = (0_usize, 0);
    loop {
        let byte = stream.read_u8().await?;
        length |= usize::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            break;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    Ok((kind, body))
}

#[tokio::test]
async fn what_a_broker_refuses_for_its_quota_is_sent_again_and_costs_no_connection() {
    let (broker, port) = Stingy::open(3).await;
    let (mut core, _uplink) = Core::start(Mqtt { version: MqttVersion::V5, ..settings(port) }, 8);
    core.submit(0..50);
    core.until("all confirmed", |core| core.acked.len() == 50).await;
    assert_eq!(broker.refused.load(Ordering::SeqCst), 3);
    assert_eq!((core.rejected.len(), core.ups, core.downs.len()), (0, 1, 0), "{:?}", core.downs);
}
