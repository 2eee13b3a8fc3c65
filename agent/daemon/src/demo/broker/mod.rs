//! A small MQTT 3.1.1 broker for the demonstration and for tests, with switches for what real brokers do wrong.
//!
//! Nothing is stored: a client that comes back finds retained messages and no session. Packets are written and read by
//! rumqttc's own codec.

mod connection;
mod routes;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::net::{TcpListener, ToSocketAddrs};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::sleep;

use routes::Routes;

/// Connections at a time.
const CONNECTIONS_MAX: usize = 64;

/// A published message as the in-process subscriber sees it: topic, payload, and whether it was published or replayed as
/// retained.
pub type Delivery = (Arc<str>, Bytes, bool);

/// Faults of the broker, switched while it runs.
#[derive(Default, Debug)]
pub struct Faults {
    /// Close each connection as soon as it is made.
    pub refuse: AtomicBool,
    /// Answer each CONNECT with "not authorized".
    pub refuse_login: AtomicBool,
    /// Take bytes and answer nothing.
    pub freeze: AtomicBool,
    /// Hold each PUBACK back this long.
    pub ack_delay_ms: AtomicU64,
    /// Hold each PUBACK back for a random time up to this, so that they leave in any order.
    pub ack_shuffle_ms: AtomicU64,
    /// So many PUBACKs in a thousand are never sent; the message is delivered.
    pub ack_skip_permille: AtomicU32,
    /// So many PUBACKs in a thousand are sent twice.
    pub ack_twice_permille: AtomicU32,
    /// The state of the dice; set it to repeat a run.
    pub seed: AtomicU64,
}

impl Faults {
    fn roll(&self, sides: u64) -> u64 {
        let mut z = self.seed.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides.max(1)
    }

    fn chance(&self, permille: &AtomicU32) -> bool {
        self.roll(1000) < u64::from(permille.load(Ordering::Relaxed))
    }

    fn frozen(&self) -> bool {
        self.freeze.load(Ordering::Relaxed)
    }

    fn ack_after(&self) -> Duration {
        let shuffle_ms = self.roll(self.ack_shuffle_ms.load(Ordering::Relaxed) + 1);
        Duration::from_millis(self.ack_delay_ms.load(Ordering::Relaxed) + shuffle_ms)
    }
}

/// A running broker; dropping it stops it and cuts every connection.
pub struct Broker {
    addr: SocketAddr,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

struct Shared {
    faults: Faults,
    routes: Routes,
}

impl Broker {
    /// Listens on `addr`; port 0 takes a free one.
    ///
    /// # Errors
    /// As the operating system refuses.
    pub async fn bind(addr: impl ToSocketAddrs) -> io::Result<Self> {
        let listener = TcpListener::bind(addr).await?;
        let addr = listener.local_addr()?;
        let shared = Arc::new(Shared { faults: Faults::default(), routes: Routes::default() });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self { addr, shared, accepting })
    }

    /// Where it listens.
    #[must_use]
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Its fault switches.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.shared.faults
    }

    /// Cuts every connection, as a broken line would; wills are published. Says how many it cut.
    pub fn cut_all(&self) -> usize {
        self.shared.routes.cut_all()
    }

    /// Connected clients.
    #[must_use]
    pub fn connected(&self) -> usize {
        self.shared.routes.connected()
    }

    /// Receives what is published under `filter`, retained messages first; what does not fit its queue is dropped.
    #[must_use]
    pub fn subscribe(&self, filter: &str) -> mpsc::Receiver<Delivery> {
        self.shared.routes.subscribe_local(filter)
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) if connections.len() < CONNECTIONS_MAX && !shared.faults.refuse.load(Ordering::Relaxed) => {
                    connections.spawn(connection::serve(stream, Arc::clone(&shared)));
                }
                Ok(_) => {}
                // Out of file descriptors: a pause, so that the wait for one does not spin.
                Err(_) => sleep(Duration::from_millis(100)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}
