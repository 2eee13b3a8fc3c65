//! The broker: mosquitto where it is installed, else the small one of the demonstration. And a line to it that can be cut.

use std::net::{Ipv4Addr, SocketAddr, TcpListener as StdListener, TcpStream as StdStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::task::{JoinHandle, JoinSet};

const START_WITHIN: Duration = Duration::from_secs(5);

/// A running broker; dropping it stops it.
pub(crate) struct Broker {
    pub(crate) port: u16,
    kind: Kind,
}

#[allow(dead_code, reason = "held so that they end with the broker")]
enum Kind {
    Mosquitto(Child, TempDir),
    Embedded(hazard_agent::demo::broker::Broker, Runtime),
}

impl Broker {
    /// Which broker there is on this machine.
    pub(crate) fn name() -> &'static str {
        if find_mosquitto().is_some() { "mosquitto" } else { "embedded" }
    }

    pub(crate) fn start() -> anyhow::Result<Self> {
        match find_mosquitto() {
            Some(program) => mosquitto(program),
            None => embedded(),
        }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        if let Kind::Mosquitto(child, _) = &mut self.kind {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

fn find_mosquitto() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = std::env::split_paths(&path).chain(["/usr/sbin".into()]);
    places.map(|place| place.join("mosquitto")).find(|program| program.is_file())
}

fn mosquitto(program: PathBuf) -> anyhow::Result<Broker> {
    let port = free_port()?;
    let dir = TempDir::new()?;
    let config = dir.path().join("mosquitto.conf");
    // Without bounds of its own the broker loses nothing that the subscriber takes late.
    let text = format!(
        "user root\npersistence false\nallow_anonymous true\nmax_queued_messages 0\nmax_inflight_messages 0\n\
         set_tcp_nodelay true\nlistener {port} 127.0.0.1\n"
    );
    std::fs::write(&config, text)?;
    let mut command = Command::new(&program);
    command.arg("-c").arg(&config).stdout(Stdio::null()).stderr(Stdio::null());
    let child = command.spawn().with_context(|| format!("cannot start {}", program.display()))?;
    let broker = Broker { port, kind: Kind::Mosquitto(child, dir) };
    let since = Instant::now();
    while StdStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
        if since.elapsed() > START_WITHIN {
            bail!("{} does not listen on port {port}", program.display());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(broker)
}

fn embedded() -> anyhow::Result<Broker> {
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let bind = hazard_agent::demo::broker::Broker::bind((Ipv4Addr::LOCALHOST, 0));
    let broker = runtime.block_on(bind)?;
    Ok(Broker { port: broker.addr().port(), kind: Kind::Embedded(broker, runtime) })
}

fn free_port() -> anyhow::Result<u16> {
    Ok(StdListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// The line to the broker. Cutting it leaves broker and subscriber as they are: what the broker has confirmed reaches
/// the subscriber, and what arrives is the agent's doing alone.
pub(crate) struct Line {
    pub(crate) port: u16,
    broker: SocketAddr,
    runtime: Runtime,
    carrying: Option<JoinHandle<()>>,
}

impl Line {
    pub(crate) fn to(broker_port: u16) -> anyhow::Result<Self> {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let broker = SocketAddr::from((Ipv4Addr::LOCALHOST, broker_port));
        let mut line = Self { port: free_port()?, broker, runtime, carrying: None };
        line.restore()?;
        Ok(line)
    }

    /// Ends every connection and refuses others.
    pub(crate) fn cut(&mut self) {
        if let Some(carrying) = self.carrying.take() {
            carrying.abort();
            drop(self.runtime.block_on(carrying));
        }
    }

    pub(crate) fn restore(&mut self) -> anyhow::Result<()> {
        let listener = self.runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, self.port)))?;
        self.carrying = Some(self.runtime.spawn(carry(listener, self.broker)));
        Ok(())
    }
}

async fn carry(listener: TcpListener, broker: SocketAddr) {
    let mut connections = JoinSet::new();
    while let Ok((near, _)) = listener.accept().await {
        while connections.try_join_next().is_some() {}
        connections.spawn(join(near, broker));
    }
}

async fn join(mut near: TcpStream, broker: SocketAddr) -> std::io::Result<()> {
    let mut far = TcpStream::connect(broker).await?;
    near.set_nodelay(true)?;
    far.set_nodelay(true)?;
    tokio::io::copy_bidirectional(&mut near, &mut far).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};

    use super::*;

    #[test]
    fn a_cut_line_ends_connections_refuses_others_and_comes_back_on_its_port() {
        let far = StdListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let mut line = Line::to(far.local_addr().unwrap().port()).unwrap();
        let speak = |port| {
            let mut near = StdStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
            near.write_all(b"hello").unwrap();
            let (mut accepted, _) = far.accept().unwrap();
            let mut heard = [0; 5];
            accepted.read_exact(&mut heard).unwrap();
            assert_eq!(&heard, b"hello");
            near
        };
        let mut near = speak(line.port);
        line.cut();
        assert!(matches!(near.read(&mut [0]), Ok(0) | Err(_)), "the connection outlived the cut");
        assert!(StdStream::connect((Ipv4Addr::LOCALHOST, line.port)).is_err());
        line.restore().unwrap();
        speak(line.port);
    }
}
