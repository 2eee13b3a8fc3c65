//! One connection to a broker: rumqttc for MQTT 3.1.1 and 5 behind one face, over plain TCP or our own TLS.
//!
//! Each connection has its own rumqttc client. Its event loop is one future that is never cancelled half-way: a cancelled
//! rumqttc poll may have counted a packet that it never wrote.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rumqttc::v5::mqttbytes::v5 as p5;
use rumqttc::{
    ConnectReturnCode, ConnectionError, NetworkOptions, Outgoing, QoS, Transport,
    mqttbytes::v4 as p4, v5,
};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use super::tls::Tunnel;
use super::{Fault, FaultKind, Retained, Will};
use crate::settings::{self, MqttVersion};

/// The longest remaining length that MQTT can write down.
const PACKET_BYTES_LIMIT: usize = 268_435_455;

/// What this broker takes.
#[derive(Clone, Debug)]
pub(super) struct Limits {
    pub(super) in_flight_max: usize,
    /// Packet numbers go 1..=span and around.
    pub(super) span_max: usize,
    pub(super) packet_bytes_max: usize,
    pub(super) retains: bool,
    version: MqttVersion,
}

impl Limits {
    /// What the settings alone allow.
    pub(super) fn of(settings: &settings::Mqtt) -> Self {
        let window = settings.window.max(1);
        Self {
            in_flight_max: usize::from(window),
            span_max: usize::from(window.saturating_mul(4)),
            packet_bytes_max: settings.packet_bytes_max.min(PACKET_BYTES_LIMIT),
            retains: true,
            version: settings.version,
        }
    }

    /// What an MQTT 5 broker adds.
    fn narrow(&mut self, said: &p5::ConnAckProperties) -> Result<(), Fault> {
        if said.receive_max == Some(0) || said.max_packet_size == Some(0) {
            return Err(Fault::refused("the broker announced a limit of zero"));
        }
        if said.max_qos == Some(0) {
            return Err(Fault::refused("the broker does not support QoS 1"));
        }
        let receive_max = usize::from(said.receive_max.unwrap_or(u16::MAX));
        self.in_flight_max = self.in_flight_max.min(receive_max);
        self.span_max = self.span_max.min(receive_max);
        let packet_bytes_max = said.max_packet_size.and_then(|max| usize::try_from(max).ok());
        self.packet_bytes_max = self.packet_bytes_max.min(packet_bytes_max.unwrap_or(usize::MAX));
        self.retains = said.retain_available != Some(0);
        Ok(())
    }
}

/// Says why a message cannot be sent at all: sent nevertheless, it would end each connection that tries.
pub(super) fn sendable(
    topic: &str,
    payload_bytes: usize,
    limits: &Limits,
) -> Result<(), &'static str> {
    if topic.is_empty() || topic.len() > usize::from(u16::MAX) || topic.contains(['+', '#', '\0']) {
        return Err("the topic is not valid");
    }
    let properties = usize::from(limits.version == MqttVersion::V5);
    let rest = 2 + topic.len() + 2 + properties + payload_bytes;
    let length_bytes = match rest {
        0..128 => 1,
        128..16_384 => 2,
        16_384..2_097_152 => 3,
        _ => 4,
    };
    if 1 + length_bytes + rest > limits.packet_bytes_max {
        return Err("the message is larger than a packet may be");
    }
    Ok(())
}

/// An open connection.
pub(super) struct Link {
    pub(super) client: Client,
    pub(super) driver: Driver,
    pub(super) limits: Limits,
}

/// Opens a connection, all in all within `connect_timeout`; what ran out of time is named.
pub(super) async fn open(settings: Arc<settings::Mqtt>, will: Arc<Will>) -> Result<Link, Fault> {
    let deadline = Instant::now() + settings.connect_timeout;
    let mut tunnel = None;
    if let Some(tls) = &settings.tls {
        tunnel = Some(Tunnel::open(tls, &settings, deadline).await?);
    }
    let login = login(&settings).await?;
    let limits = Limits::of(&settings);
    let setup = Setup {
        settings: &settings,
        will: &will.will,
        tunnel: tunnel.as_ref(),
        login,
        limits: &limits,
    };
    let (client, poller) = setup.build();
    let mut link = Link { client, driver: Driver { poller, tunnel }, limits };
    match within(deadline, "the broker's answer", link.driver.poller.connect(&mut link.limits))
        .await
        .and_then(|ok| ok)
    {
        Ok(()) => Ok(link),
        Err(fault) => Err(link.driver.explain(fault).await),
    }
}

/// Awaits one stage of connecting.
pub(super) async fn within<T>(
    deadline: Instant,
    stage: &str,
    work: impl Future<Output = T>,
) -> Result<T, Fault> {
    timeout_at(deadline, work)
        .await
        .map_err(|_| Fault::line(format!("timed out waiting for {stage}")))
}

async fn login(settings: &settings::Mqtt) -> Result<Option<(String, String)>, Fault> {
    let Some((user, file)) = &settings.login else { return Ok(None) };
    let Some(file) = file else { return Ok(Some((user.clone(), String::new()))) };
    let read = tokio::fs::read_to_string(file).await;
    let password =
        read.map_err(|error| Fault::refused(format!("password file {}: {error}", file.display())))?;
    Ok(Some((user.clone(), password.trim_end_matches(['\r', '\n']).to_owned())))
}

struct Setup<'a> {
    settings: &'a settings::Mqtt,
    will: &'a Retained,
    tunnel: Option<&'a Tunnel>,
    login: Option<(String, String)>,
    limits: &'a Limits,
}

impl Setup<'_> {
    fn build(self) -> (Client, Poller) {
        match self.settings.version {
            MqttVersion::V311 => self.build_v311(),
            MqttVersion::V5 => self.build_v5(),
        }
    }

    fn build_v311(self) -> (Client, Poller) {
        let (host, transport) = self.address();
        let mut options =
            rumqttc::MqttOptions::new(&self.settings.client_id, host, self.settings.port);
        options
            .set_transport(transport)
            .set_clean_session(true)
            .set_keep_alive(self.keep_alive(1))
            .set_max_packet_size(self.limits.packet_bytes_max, self.limits.packet_bytes_max)
            .set_inflight(self.inflight());
        if self.will_fits() {
            let payload = self.will.payload.to_vec();
            options.set_last_will(p4::LastWill::new(
                &*self.will.topic,
                payload,
                QoS::AtLeastOnce,
                true,
            ));
        }
        if let Some((user, password)) = &self.login {
            options.set_credentials(user, password);
        }
        let (client, mut poller) = rumqttc::AsyncClient::new(options, self.queue());
        let mut network = NetworkOptions::new();
        network.set_tcp_nodelay(true);
        network.set_connection_timeout(self.timeout_s());
        poller.set_network_options(network);
        (Client::V311(client), Poller::V311(Box::new(poller)))
    }

    fn build_v5(self) -> (Client, Poller) {
        let (host, transport) = self.address();
        let mut options = v5::MqttOptions::new(&self.settings.client_id, host, self.settings.port);
        let mut network = NetworkOptions::new();
        network.set_tcp_nodelay(true);
        options
            .set_transport(transport)
            .set_clean_start(true)
            .set_keep_alive(self.keep_alive(5))
            .set_max_packet_size(u32::try_from(self.limits.packet_bytes_max).ok())
            .set_outgoing_inflight_upper_limit(self.inflight())
            .set_connection_timeout(self.timeout_s())
            .set_network_options(network);
        if self.will_fits() {
            let payload = self.will.payload.to_vec();
            let qos = v5::mqttbytes::QoS::AtLeastOnce;
            options.set_last_will(p5::LastWill::new(&*self.will.topic, payload, qos, true, None));
        }
        if let Some((user, password)) = &self.login {
            options.set_credentials(user, password);
        }
        let (client, poller) = v5::AsyncClient::new(options, self.queue());
        (
            Client::V5(client),
            Poller::V5 { poller: Box::new(poller), keep_alive: self.keep_alive(5) },
        )
    }

    fn address(&self) -> (String, Transport) {
        match self.tunnel {
            Some(tunnel) => (tunnel.path().to_owned(), Transport::Unix),
            // rumqttc appends ":port", which an IPv6 address only survives in brackets.
            None if self.settings.host.contains(':') => {
                (format!("[{}]", self.settings.host), Transport::Tcp)
            }
            None => (self.settings.host.clone(), Transport::Tcp),
        }
    }

    /// rumqttc panics below its own minimum.
    fn keep_alive(&self, least_s: u64) -> Duration {
        Duration::from_secs(self.settings.keep_alive.as_secs().clamp(least_s, u64::from(u16::MAX)))
    }

    fn inflight(&self) -> u16 {
        u16::try_from(self.limits.span_max).unwrap_or(u16::MAX).max(1)
    }

    /// Room for everything that can be in flight, so that handing over never waits; and for the DISCONNECT.
    fn queue(&self) -> usize {
        self.limits.span_max + 2
    }

    fn timeout_s(&self) -> u64 {
        self.settings.connect_timeout.as_secs().max(1)
    }

    fn will_fits(&self) -> bool {
        sendable(&self.will.topic, self.will.payload.len(), self.limits).is_ok()
            && self.will.payload.len() <= usize::from(u16::MAX)
    }
}

/// Hands packets to rumqttc.
pub(super) enum Client {
    V311(rumqttc::AsyncClient),
    V5(v5::AsyncClient),
}

/// Whether the broker keeps a message as its topic's state.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    Retained,
    Passing,
}

impl Client {
    /// Queues a publish with QoS 1; the queue has room for all that may be in flight.
    pub(super) fn publish(&self, topic: &str, payload: Bytes, keep: Keep) -> Result<(), Fault> {
        let retain = keep == Keep::Retained;
        let queued = match self {
            Self::V311(client) => {
                client.try_publish(topic, QoS::AtLeastOnce, retain, payload).is_ok()
            }
            Self::V5(client) => {
                client.try_publish(topic, v5::mqttbytes::QoS::AtLeastOnce, retain, payload).is_ok()
            }
        };
        if queued { Ok(()) } else { Err(Fault::line("the connection takes no more packets")) }
    }

    pub(super) fn disconnect(&self) {
        // A queue that is full or closed means that the connection is ending anyway.
        let _ = match self {
            Self::V311(client) => client.try_disconnect().is_ok(),
            Self::V5(client) => client.try_disconnect().is_ok(),
        };
    }
}

/// What the event loop saw.
#[derive(Debug)]
pub(super) enum Seen {
    /// The next packet left under this number.
    Sent(u16),
    /// The broker has this packet.
    Confirmed(u16),
    /// The broker does not take this packet, now or ever.
    Refused(u16, Refusal),
}

/// What an MQTT 5 broker's refusal of one packet means.
#[derive(Debug)]
pub(super) enum Refusal {
    /// It will never take this message.
    Never(String),
    /// It may take it later.
    Later(String),
}

/// Runs rumqttc's event loop.
pub(super) struct Driver {
    poller: Poller,
    tunnel: Option<Tunnel>,
}

impl Driver {
    /// Runs until the connection ends and says why.
    pub(super) async fn run(mut self, seen: mpsc::Sender<Seen>) -> Fault {
        loop {
            match self.poller.next().await {
                Ok(None) => {}
                Ok(Some(event)) => {
                    if seen.send(event).await.is_err() {
                        return Fault::line("abandoned");
                    }
                }
                Err(fault) => return self.explain(fault).await,
            }
        }
    }

    /// With TLS the tunnel knows why the line broke; rumqttc only sees its end.
    async fn explain(&mut self, fault: Fault) -> Fault {
        match &mut self.tunnel {
            Some(tunnel) if fault.kind == FaultKind::Line => tunnel.fault().await.unwrap_or(fault),
            _ => fault,
        }
    }
}

enum Poller {
    V311(Box<rumqttc::EventLoop>),
    V5 { poller: Box<v5::EventLoop>, keep_alive: Duration },
}

impl Poller {
    /// Polls up to the CONNACK.
    async fn connect(&mut self, limits: &mut Limits) -> Result<(), Fault> {
        match self {
            Self::V311(poller) => match poller.poll().await.map_err(fault_v311)? {
                rumqttc::Event::Incoming(rumqttc::Packet::ConnAck(_)) => Ok(()),
                _ => Err(Fault::line("the broker's first packet was not a CONNACK")),
            },
            Self::V5 { poller, keep_alive } => {
                let event = poller.poll().await.map_err(fault_v5)?;
                // A broker may switch keep-alive off, which rumqttc would take as a ping without pause.
                if poller.options.keep_alive() < Duration::from_secs(5) {
                    poller.options.set_keep_alive(*keep_alive);
                }
                match event {
                    v5::Event::Incoming(p5::Packet::ConnAck(connack)) => {
                        connack.properties.as_ref().map_or(Ok(()), |said| limits.narrow(said))
                    }
                    _ => Err(Fault::line("the broker's first packet was not a CONNACK")),
                }
            }
        }
    }

    async fn next(&mut self) -> Result<Option<Seen>, Fault> {
        match self {
            Self::V311(poller) => Ok(match poller.poll().await.map_err(fault_v311)? {
                rumqttc::Event::Outgoing(Outgoing::Publish(packet)) => Some(Seen::Sent(packet)),
                rumqttc::Event::Incoming(rumqttc::Packet::PubAck(ack)) => {
                    Some(Seen::Confirmed(ack.pkid))
                }
                _ => None,
            }),
            Self::V5 { poller, .. } => Ok(match poller.poll().await.map_err(fault_v5)? {
                v5::Event::Outgoing(Outgoing::Publish(packet)) => Some(Seen::Sent(packet)),
                v5::Event::Incoming(p5::Packet::PubAck(ack)) => Some(verdict(&ack)),
                _ => None,
            }),
        }
    }
}

fn verdict(ack: &p5::PubAck) -> Seen {
    use p5::PubAckReason as Reason;
    let said = ack.properties.as_ref().and_then(|properties| properties.reason_string.clone());
    let reason = || {
        said.map_or_else(|| format!("{:?}", ack.reason), |said| format!("{:?}: {said}", ack.reason))
    };
    match ack.reason {
        Reason::Success | Reason::NoMatchingSubscribers => Seen::Confirmed(ack.pkid),
        Reason::NotAuthorized | Reason::TopicNameInvalid | Reason::PayloadFormatInvalid => {
            Seen::Refused(ack.pkid, Refusal::Never(reason()))
        }
        Reason::UnspecifiedError
        | Reason::ImplementationSpecificError
        | Reason::PacketIdentifierInUse
        | Reason::QuotaExceeded => Seen::Refused(ack.pkid, Refusal::Later(reason())),
    }
}

fn fault_v311(error: ConnectionError) -> Fault {
    match error {
        ConnectionError::ConnectionRefused(code) => match code {
            ConnectReturnCode::ServiceUnavailable | ConnectReturnCode::Success => {
                Fault::line(format!("the broker refused the connection: {code:?}"))
            }
            _ => Fault::refused(format!("the broker refused the connection: {code:?}")),
        },
        other => Fault::line(other.to_string()),
    }
}

fn fault_v5(error: v5::ConnectionError) -> Fault {
    use p5::{ConnectReturnCode as Code, DisconnectReasonCode as Left};
    use v5::StateError;
    match error {
        v5::ConnectionError::ConnectionRefused(code) => {
            let reason = format!("the broker refused the connection: {code:?}");
            let passing = matches!(
                code,
                Code::ServiceUnavailable | Code::ServerUnavailable | Code::ServerBusy
            );
            if passing { Fault::line(reason) } else { Fault::refused(reason) }
        }
        // rumqttc cannot read a PUBACK with 0x95, packet too large, and does not say whose it was.
        v5::ConnectionError::MqttState(StateError::Deserialization(
            v5::mqttbytes::Error::InvalidConnectReturnCode(code),
        )) => Fault {
            reason: format!("the broker refused a message: reason {code:#04x}"),
            kind: FaultKind::Poison,
        },
        v5::ConnectionError::MqttState(StateError::ServerDisconnect {
            reason_code,
            reason_string,
        }) => {
            let reason = format!(
                "the broker disconnected: {reason_code:?} {}",
                reason_string.unwrap_or_default()
            );
            let about_a_message = matches!(
                reason_code,
                Left::PacketTooLarge | Left::TopicNameInvalid | Left::PayloadFormatInvalid
            );
            let kind = if about_a_message { FaultKind::Poison } else { FaultKind::Line };
            Fault { reason: reason.trim_end().to_owned(), kind }
        }
        other => Fault::line(other.to_string()),
    }
}
