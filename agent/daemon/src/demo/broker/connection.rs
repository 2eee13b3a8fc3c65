//! One client's connection.

use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::BytesMut;
use rumqttc::mqttbytes::{Error, v4};
use rumqttc::{QoS, valid_filter, valid_topic};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout};

use super::Shared;
use super::routes::{Outgoing, Seat};

/// The first packet has to come within this.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// A client that does not read for this long is cut.
const WRITE_WITHIN: Duration = Duration::from_secs(10);
/// Bytes of one packet.
const PACKET_BYTES_MAX: usize = 1 << 20;
/// PUBACKs held back at most.
const ACKS_MAX: usize = 4_096;

/// Serves a client until it leaves, breaks a rule, or is cut.
pub(super) async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    let _ = stream.set_nodelay(true);
    let mut line = Line { stream, inbound: BytesMut::new(), outbound: BytesMut::new() };
    let Ok(Ok(v4::Packet::Connect(connect))) = timeout(CONNECT_WITHIN, line.first_packet(&shared)).await
    else {
        return;
    };
    let code = if shared.faults.refuse_login.load(Ordering::Relaxed) {
        v4::ConnectReturnCode::NotAuthorized
    } else {
        v4::ConnectReturnCode::Success
    };
    line.queue(&v4::Packet::ConnAck(v4::ConnAck::new(code, false)));
    if line.flush().await.is_err() || code != v4::ConnectReturnCode::Success {
        return;
    }
    let keep_alive = Duration::from_secs(u64::from(connect.keep_alive)).mul_f32(1.5);
    let seat = shared.routes.join(&connect.client_id);
    let number = seat.number;
    let mut session =
        Session { line, shared: Arc::clone(&shared), number, keep_alive, acks: Vec::new(), packet: 0 };
    let left = session.run(seat).await;
    shared.routes.leave(number);
    if let (Left::Lost, Some(will)) = (left, connect.last_will) {
        let topic = Arc::from(will.topic);
        shared.routes.publish(&Outgoing { topic, payload: will.message, qos: will.qos, retain: will.retain });
    }
}

/// How a client went.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Left {
    /// With a DISCONNECT.
    Orderly,
    /// In any other way.
    Lost,
}

struct Line {
    stream: TcpStream,
    inbound: BytesMut,
    outbound: BytesMut,
}

impl Line {
    async fn first_packet(&mut self, shared: &Shared) -> io::Result<v4::Packet> {
        loop {
            if self.stream.read_buf(&mut self.inbound).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if shared.faults.frozen() {
                self.inbound.clear();
            } else if let Some(packet) = self.take().map_err(io::Error::other)? {
                return Ok(packet);
            }
        }
    }

    fn take(&mut self) -> Result<Option<v4::Packet>, Error> {
        match v4::Packet::read(&mut self.inbound, PACKET_BYTES_MAX) {
            Ok(packet) => Ok(Some(packet)),
            Err(Error::InsufficientBytes(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn queue(&mut self, packet: &v4::Packet) {
        // The only packets that can be too large are publishes, and those were read under the same limit.
        let _ = packet.write(&mut self.outbound, PACKET_BYTES_MAX + 8);
    }

    async fn flush(&mut self) -> io::Result<()> {
        timeout(WRITE_WITHIN, self.stream.write_all(&self.outbound)).await??;
        self.outbound.clear();
        Ok(())
    }
}

struct Session {
    line: Line,
    shared: Arc<Shared>,
    number: u64,
    keep_alive: Duration,
    acks: Vec<(Instant, u16)>,
    packet: u16,
}

impl Session {
    async fn run(&mut self, mut seat: Seat) -> Left {
        let mut heard = Instant::now();
        loop {
            if !self.shared.faults.frozen() {
                self.queue_due_acks();
                if self.line.flush().await.is_err() {
                    return Left::Lost;
                }
            }
            let far = Instant::now() + Duration::from_secs(3_600);
            let ack_at = self.acks.iter().map(|(at, _)| *at).min().unwrap_or(far);
            let silent_at = if self.keep_alive.is_zero() { far } else { heard + self.keep_alive };
            tokio::select! {
                () = seat.cut.notified() => return Left::Lost,
                read = self.line.stream.read_buf(&mut self.line.inbound) => {
                    heard = Instant::now();
                    if !matches!(read, Ok(1..)) {
                        return Left::Lost;
                    }
                    if let ControlFlow::Break(left) = self.on_bytes() {
                        return left;
                    }
                }
                Some(message) = seat.deliveries.recv(), if self.line.outbound.len() < PACKET_BYTES_MAX => {
                    self.deliver(message);
                }
                () = sleep_until(ack_at), if !self.shared.faults.frozen() => {}
                () = sleep_until(silent_at) => return Left::Lost,
            }
        }
    }

    fn on_bytes(&mut self) -> ControlFlow<Left> {
        if self.shared.faults.frozen() {
            // What a frozen broker swallowed is gone: this connection can only be cut afterwards.
            self.line.inbound.clear();
            return ControlFlow::Continue(());
        }
        loop {
            match self.line.take() {
                Ok(Some(packet)) => self.on_packet(packet)?,
                Ok(None) => return ControlFlow::Continue(()),
                Err(_) => return ControlFlow::Break(Left::Lost),
            }
        }
    }

    fn on_packet(&mut self, packet: v4::Packet) -> ControlFlow<Left> {
        match packet {
            v4::Packet::Publish(publish)
                if publish.qos != QoS::ExactlyOnce && valid_topic(&publish.topic) =>
            {
                self.on_publish(publish)
            }
            v4::Packet::Subscribe(subscribe) => {
                self.on_subscribe(&subscribe);
                ControlFlow::Continue(())
            }
            v4::Packet::Unsubscribe(unsubscribe) => {
                for filter in &unsubscribe.topics {
                    self.shared.routes.unsubscribe(self.number, filter);
                }
                self.line.queue(&v4::Packet::UnsubAck(v4::UnsubAck::new(unsubscribe.pkid)));
                ControlFlow::Continue(())
            }
            v4::Packet::PingReq => {
                self.line.queue(&v4::Packet::PingResp);
                ControlFlow::Continue(())
            }
            // Nothing is sent again, so a confirmation changes nothing.
            v4::Packet::PubAck(_) => ControlFlow::Continue(()),
            v4::Packet::Disconnect => ControlFlow::Break(Left::Orderly),
            _ => ControlFlow::Break(Left::Lost),
        }
    }

    fn on_publish(&mut self, publish: v4::Publish) -> ControlFlow<Left> {
        let v4::Publish { qos, retain, topic, pkid, payload, .. } = publish;
        self.shared.routes.publish(&Outgoing { topic: Arc::from(topic), payload, qos, retain });
        let faults = &self.shared.faults;
        if qos == QoS::AtMostOnce || faults.chance(&faults.ack_skip_permille) {
            return ControlFlow::Continue(());
        }
        if self.acks.len() >= ACKS_MAX {
            return ControlFlow::Break(Left::Lost);
        }
        let at = Instant::now() + faults.ack_after();
        self.acks.push((at, pkid));
        if faults.chance(&faults.ack_twice_permille) {
            self.acks.push((at, pkid));
        }
        ControlFlow::Continue(())
    }

    fn on_subscribe(&mut self, subscribe: &v4::Subscribe) {
        let mut codes = Vec::new();
        for filter in &subscribe.filters {
            let qos = if filter.qos == QoS::AtMostOnce { QoS::AtMostOnce } else { QoS::AtLeastOnce };
            let taken =
                valid_filter(&filter.path) && self.shared.routes.subscribe(self.number, &filter.path, qos);
            codes.push(if taken {
                v4::SubscribeReasonCode::Success(qos)
            } else {
                v4::SubscribeReasonCode::Failure
            });
        }
        self.line.queue(&v4::Packet::SubAck(v4::SubAck::new(subscribe.pkid, codes)));
    }

    fn deliver(&mut self, message: Outgoing) {
        let mut publish = v4::Publish::from_bytes(&*message.topic, message.qos, message.payload);
        publish.retain = message.retain;
        if message.qos != QoS::AtMostOnce {
            self.packet = self.packet.checked_add(1).unwrap_or(1);
            publish.pkid = self.packet;
        }
        self.line.queue(&v4::Packet::Publish(publish));
    }

    /// In order of their time, then of arrival.
    fn queue_due_acks(&mut self) {
        let now = Instant::now();
        self.acks.sort_by_key(|(at, _)| *at);
        let due = self.acks.partition_point(|(at, _)| *at <= now);
        for (_, packet) in self.acks.drain(..due) {
            self.line.queue(&v4::Packet::PubAck(v4::PubAck::new(packet)));
        }
    }
}
