//! Builds a rumqttc client from the settings of an uplink.

use std::time::Duration;

use rumqttc::v5::mqttbytes::v5 as p5;
use rumqttc::{NetworkOptions, QoS, Transport, mqttbytes::v4 as p4, v5};

use super::limits::{Limits, sendable};
use super::link::{Client, Poller};
use super::tls::Tunnel;
use super::{Fault, Retained};
use crate::settings::{self, MqttVersion};

/// A larger packet ends the connection. What is meant for us is far smaller; but what somebody left on our topics is delivered again
/// with each connection, and must not end each.
const HEARD_BYTES_MAX: usize = 16 << 20;

/// The user and the password from its file, read again for each connection.
pub(super) async fn login(settings: &settings::Mqtt) -> Result<Option<(String, String)>, Fault> {
    let Some((user, file)) = &settings.login else { return Ok(None) };
    let Some(file) = file else { return Ok(Some((user.clone(), String::new()))) };
    let read = tokio::fs::read_to_string(file).await;
    let password =
        read.map_err(|error| Fault::refused(format!("password file {}: {error}", file.display())))?;
    Ok(Some((user.clone(), password.trim_end_matches(['\r', '\n']).to_owned())))
}

/// What a rumqttc client is built from.
pub(super) struct Setup<'a> {
    pub(super) settings: &'a settings::Mqtt,
    pub(super) will: &'a Retained,
    pub(super) tunnel: Option<&'a Tunnel>,
    pub(super) login: Option<(String, String)>,
    pub(super) limits: &'a Limits,
}

impl Setup<'_> {
    pub(super) fn build(self) -> (Client, Poller) {
        match self.settings.version {
            MqttVersion::V311 => self.build_v311(),
            MqttVersion::V5 => self.build_v5(),
        }
    }

    fn build_v311(self) -> (Client, Poller) {
        let (host, transport) = self.address();
        let mut options = rumqttc::MqttOptions::new(&self.settings.client_id, host, self.settings.port);
        options
            .set_transport(transport)
            .set_clean_session(true)
            .set_keep_alive(self.keep_alive(1))
            .set_max_packet_size(
                self.limits.packet_bytes_max.max(HEARD_BYTES_MAX),
                self.limits.packet_bytes_max,
            )
            .set_inflight(self.inflight());
        if self.will_fits() {
            let payload = self.will.payload.to_vec();
            options.set_last_will(p4::LastWill::new(&*self.will.topic, payload, QoS::AtLeastOnce, true));
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
        (Client::V5(client), Poller::V5 { poller: Box::new(poller), keep_alive: self.keep_alive(5) })
    }

    fn address(&self) -> (String, Transport) {
        match self.tunnel {
            Some(tunnel) => (tunnel.path().to_owned(), Transport::Unix),
            // rumqttc appends ":port", which an IPv6 address only survives in brackets.
            None if self.settings.host.contains(':') => (format!("[{}]", self.settings.host), Transport::Tcp),
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

    /// Room for everything that can be in flight, so that handing over never waits; for the SUBSCRIBE and the DISCONNECT.
    fn queue(&self) -> usize {
        self.limits.span_max + 3
    }

    /// Later than our own time limit, which names the stage that was slow.
    fn timeout_s(&self) -> u64 {
        self.settings.connect_timeout.as_secs() + 2
    }

    fn will_fits(&self) -> bool {
        sendable(&self.will.topic, self.will.payload.len(), self.limits).is_ok()
            && self.will.payload.len() <= usize::from(u16::MAX)
    }
}
