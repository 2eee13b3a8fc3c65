//! What the adapters are told: plain settings, written by `config` and read by the adapter they name.

mod usb;
mod webhook;

use std::path::PathBuf;
use std::time::Duration;

pub use usb::Usb;
pub use webhook::{PlainText, SECRET_BYTES_MIN, Secret, UrlFault, Webhook, WebhookUrl};

/// Parity of a serial line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Parity {
    /// 无校验.
    None,
    /// 偶校验.
    Even,
    /// 奇校验.
    Odd,
}

/// A serial line; data bits are always 8.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Serial {
    /// The port, best a `/dev/serial/by-path/…` name; or a [`Usb`] adapter.
    pub path: PathBuf,
    /// Bits per second.
    pub baud: u32,
    /// Parity.
    pub parity: Parity,
    /// 1 or 2.
    pub stop_bits: u8,
}

/// Where a bus is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Endpoint {
    /// Modbus TCP.
    Tcp {
        /// Host name or address.
        host: String,
        /// Port.
        port: u16,
    },
    /// Modbus RTU on a serial port.
    Rtu(Serial),
    /// Modbus RTU frames over TCP to a serial server.
    RtuOverTcp {
        /// Host name or address.
        host: String,
        /// Port.
        port: u16,
    },
}

/// A bus as the Modbus adapter sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BusLink {
    /// Its name on the site, for logs.
    pub name: String,
    /// Where it is.
    pub endpoint: Endpoint,
    /// How long opening a connection may take.
    pub connect_timeout: Duration,
    /// Pause after a connection was opened.
    pub pause_after_connect: Duration,
    /// Silence kept before each request; on a serial line never less than 3.5 characters.
    pub gap: Duration,
    /// Units that need a longer one.
    pub pauses: Vec<(u8, Duration)>,
}

impl BusLink {
    /// Silence kept before a request to a unit.
    #[must_use]
    pub fn silence(&self, unit: u8) -> Duration {
        let pauses = self.pauses.iter().filter(|(of, _)| *of == unit).map(|(_, pause)| *pause);
        pauses.fold(self.gap, Duration::max)
    }
}

/// The journal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Journal {
    /// Its folder.
    pub dir: PathBuf,
    /// Readings become durable within this time; events at once.
    pub commit_within: Duration,
    /// Bytes on disk at most.
    pub quota_bytes: u64,
    /// How long readings are kept at least, as far as there is room.
    pub keep: Duration,
    /// How long events are kept at least, as far as there is room.
    pub keep_events: Duration,
    /// What its manifests say of the gateway and are signed with; `None` makes none.
    pub seal: Option<Seal>,
}

/// 存证: whose manifests these are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Seal {
    /// The file with the gateway's private key, made where it is missing.
    pub key: PathBuf,
    /// The gateway's code.
    pub gateway: String,
    /// The enterprise's code.
    pub enterprise: String,
}

/// TLS of a connection, as files in PEM.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tls {
    /// Certificates of the authorities that the peer's certificate may come from.
    pub ca: PathBuf,
    /// The gateway's certificate chain and key.
    pub client: Option<(PathBuf, PathBuf)>,
    /// The name in the peer's certificate, where it is not the host.
    pub server_name: Option<String>,
}

/// MQTT's version.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MqttVersion {
    /// 3.1.1.
    V311,
    /// 5.
    V5,
}

/// An MQTT uplink.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mqtt {
    /// Its name on the site.
    pub name: String,
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Version.
    pub version: MqttVersion,
    /// Client identifier.
    pub client_id: String,
    /// User name, and the file that holds the password.
    pub login: Option<(String, Option<PathBuf>)>,
    /// TLS; `None` is plain TCP.
    pub tls: Option<Tls>,
    /// Keep-alive.
    pub keep_alive: Duration,
    /// How long connecting may take, from the name look-up to the broker's answer.
    pub connect_timeout: Duration,
    /// How long a message may wait for its confirmation before the connection is rebuilt.
    pub stall_timeout: Duration,
    /// The longest pause between two attempts to connect; full jitter up to it.
    pub retry_max: Duration,
    /// Messages in flight at most.
    pub window: u16,
    /// Bytes of one packet at most.
    pub packet_bytes_max: usize,
}

/// A line of a GPIO chip.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GpioLine {
    /// The chip, such as `/dev/gpiochip0`.
    pub chip: PathBuf,
    /// The line's offset.
    pub offset: u32,
    /// The line is inverted by the board.
    pub active_low: bool,
}

/// Where the gateway belongs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Identity {
    /// The district's code.
    pub district: String,
    /// The enterprise's code.
    pub enterprise: String,
    /// The enterprise's name.
    pub enterprise_name: String,
    /// The gateway's code.
    pub gateway: String,
}
