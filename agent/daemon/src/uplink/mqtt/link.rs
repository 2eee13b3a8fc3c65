//! One connection to a broker: rumqttc for MQTT 3.1.1 and 5 behind one face, over plain TCP or our own TLS.
//!
//! Each connection has its own rumqttc client. Its event loop is one future that is never cancelled half-way: a cancelled
//! rumqttc poll may have counted a packet that it never wrote.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rumqttc::v5::mqttbytes::v5 as p5;
use rumqttc::{ConnectReturnCode, ConnectionError, Outgoing, QoS, SubscribeFilter, SubscribeReasonCode, v5};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use super::limits::Limits;
use super::setup::{self, Setup};
use super::tls::Tunnel;
use super::{Fault, FaultKind, Will};
use crate::settings;
use crate::uplink::topic::Listen;

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
    let login = setup::login(&settings).await?;
    let limits = Limits::of(&settings);
    let setup =
        Setup { settings: &settings, will: &will.will, tunnel: tunnel.as_ref(), login, limits: &limits };
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
    timeout_at(deadline, work).await.map_err(|_| Fault::line(format!("timed out waiting for {stage}")))
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
            Self::V311(client) => client.try_publish(topic, QoS::AtLeastOnce, retain, payload).is_ok(),
            Self::V5(client) => {
                client.try_publish(topic, v5::mqttbytes::QoS::AtLeastOnce, retain, payload).is_ok()
            }
        };
        if queued { Ok(()) } else { Err(Fault::line("the connection takes no more packets")) }
    }

    /// Queues a subscription with QoS 1.
    pub(super) fn subscribe(&self, listen: &Listen) -> Result<(), Fault> {
        let topics = [&*listen.receipt, &*listen.request];
        let queued = match self {
            Self::V311(client) => {
                let filters = topics.map(|topic| SubscribeFilter::new(topic.to_owned(), QoS::AtLeastOnce));
                client.try_subscribe_many(filters).is_ok()
            }
            Self::V5(client) => {
                let qos = v5::mqttbytes::QoS::AtLeastOnce;
                client.try_subscribe_many(topics.map(|topic| p5::Filter::new(topic, qos))).is_ok()
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
    /// The broker lets us listen, or not.
    Listening(bool),
    /// Somebody spoke.
    Heard(Heard),
}

/// A message to us.
#[derive(Debug)]
pub(super) struct Heard {
    pub(super) topic: String,
    pub(super) payload: Bytes,
    /// It was said to whoever comes later, nobody knows when.
    pub(super) retained: bool,
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

/// A rumqttc event loop.
pub(super) enum Poller {
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
                rumqttc::Event::Incoming(rumqttc::Packet::PubAck(ack)) => Some(Seen::Confirmed(ack.pkid)),
                rumqttc::Event::Incoming(rumqttc::Packet::SubAck(ack)) => {
                    let taken = |code: &_| matches!(code, SubscribeReasonCode::Success(_));
                    Some(Seen::Listening(ack.return_codes.iter().all(taken)))
                }
                rumqttc::Event::Incoming(rumqttc::Packet::Publish(said)) => {
                    let (topic, payload, retained) = (said.topic, said.payload, said.retain);
                    Some(Seen::Heard(Heard { topic, payload, retained }))
                }
                _ => None,
            }),
            Self::V5 { poller, .. } => Ok(match poller.poll().await.map_err(fault_v5)? {
                v5::Event::Outgoing(Outgoing::Publish(packet)) => Some(Seen::Sent(packet)),
                v5::Event::Incoming(p5::Packet::PubAck(ack)) => Some(verdict(&ack)),
                v5::Event::Incoming(p5::Packet::SubAck(ack)) => {
                    let taken = |code: &_| matches!(code, p5::SubscribeReasonCode::Success(_));
                    Some(Seen::Listening(ack.return_codes.iter().all(taken)))
                }
                v5::Event::Incoming(p5::Packet::Publish(said)) => {
                    let topic = String::from_utf8_lossy(&said.topic).into_owned();
                    Some(Seen::Heard(Heard { topic, payload: said.payload, retained: said.retain }))
                }
                _ => None,
            }),
        }
    }
}

fn verdict(ack: &p5::PubAck) -> Seen {
    use p5::PubAckReason as Reason;
    let said = ack.properties.as_ref().and_then(|properties| properties.reason_string.clone());
    let reason =
        || said.map_or_else(|| format!("{:?}", ack.reason), |said| format!("{:?}: {said}", ack.reason));
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
            let passing =
                matches!(code, Code::ServiceUnavailable | Code::ServerUnavailable | Code::ServerBusy);
            if passing { Fault::line(reason) } else { Fault::refused(reason) }
        }
        // rumqttc cannot read a PUBACK with 0x95, packet too large, and does not say whose it was.
        v5::ConnectionError::MqttState(StateError::Deserialization(
            v5::mqttbytes::Error::InvalidConnectReturnCode(code),
        )) => Fault {
            reason: format!("the broker refused a message: reason {code:#04x}"),
            kind: FaultKind::Poison,
        },
        v5::ConnectionError::MqttState(StateError::ServerDisconnect { reason_code, reason_string }) => {
            let reason =
                format!("the broker disconnected: {reason_code:?} {}", reason_string.unwrap_or_default());
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
