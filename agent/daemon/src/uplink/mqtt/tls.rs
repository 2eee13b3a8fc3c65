//! TLS of the uplink: our own handshake, handed to rumqttc through a local socket.
//!
//! rumqttc's own TLS pulls a certificate checker with known holes, so none of it is compiled in.

use std::io;
use std::time::Duration;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpStream, UnixListener, UnixStream};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use tokio_rustls::client::TlsStream;

use super::Fault;
use super::link::within;
use crate::settings;
use crate::tls::{self, Broken, Handshake};

/// Who is at the far end, in words for people.
const PEER: &str = "the broker";

impl From<Broken> for Fault {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::Refused(reason) => Self::refused(reason),
            Broken::Line(reason) => Self::line(reason),
        }
    }
}

/// A TLS connection with a local socket at its near end.
pub(super) struct Tunnel {
    path: String,
    carrying: JoinHandle<io::Result<()>>,
}

impl Tunnel {
    /// Connects and shakes hands before `deadline`.
    pub(super) async fn open(
        tls: &settings::Tls,
        to: &settings::Mqtt,
        deadline: Instant,
    ) -> Result<Self, Fault> {
        let handshake = Handshake::prepare(tls, &to.host).await?;
        let connect = TcpStream::connect((to.host.as_str(), to.port));
        let tcp = within(deadline, "the TCP connection", connect)
            .await?
            .map_err(|error| Fault::line(error.to_string()))?;
        let _ = tcp.set_nodelay(true);
        let shake = handshake.shake(tcp);
        let stream = within(deadline, "the TLS handshake", shake).await?;
        let stream = stream.map_err(|error| tls::explain(&error, PEER))?;
        Self::carry(stream).map_err(|error| Fault::line(format!("local socket: {error}")))
    }

    /// The near end is an abstract socket: it needs no disk, vanishes with us, and takes only our own connection.
    fn carry(far: TlsStream<TcpStream>) -> io::Result<Self> {
        let name = getrandom::u64().and_then(|high| Ok((high, getrandom::u64()?)));
        let (high, low) = name.map_err(|error| io::Error::other(error.to_string()))?;
        let path = format!("\0hazard-uplink-{high:016x}{low:016x}");
        let listener = UnixListener::bind(&path)?;
        let carrying = tokio::spawn(async move {
            let mut near = accept_own(listener).await?;
            let mut far = far;
            copy_bidirectional(&mut near, &mut far).await.map(|_| ())
        });
        Ok(Self { path, carrying })
    }

    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// Why the far end broke, if it did; it gets a moment to find out.
    pub(super) async fn fault(&mut self) -> Option<Fault> {
        match timeout(Duration::from_millis(200), &mut self.carrying).await {
            Ok(Ok(Err(error))) => Some(tls::explain(&error, PEER).into()),
            _ => None,
        }
    }
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        self.carrying.abort();
    }
}

/// Accepts one connection of this very process; the listener is gone afterwards.
async fn accept_own(listener: UnixListener) -> io::Result<UnixStream> {
    let own = i32::try_from(std::process::id()).ok();
    loop {
        let (near, _) = listener.accept().await?;
        if near.peer_cred()?.pid() == own {
            return Ok(near);
        }
    }
}
