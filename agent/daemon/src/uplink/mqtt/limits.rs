//! What one broker takes: how much at a time, how large, and whether it retains.

use rumqttc::v5::mqttbytes::v5 as p5;

use super::Fault;
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
    pub(super) version: MqttVersion,
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
    pub(super) fn narrow(&mut self, said: &p5::ConnAckProperties) -> Result<(), Fault> {
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
pub(super) fn sendable(topic: &str, payload_bytes: usize, limits: &Limits) -> Result<(), &'static str> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use rumqttc::mqttbytes::v4 as p4;
    use rumqttc::{QoS, v5};

    #[test]
    fn an_mqtt_5_broker_narrows_the_window_the_span_and_the_packet() {
        let mut limits = limits(MqttVersion::V5);
        limits.narrow(&said(|said| said.receive_max = Some(20))).unwrap();
        assert_eq!((limits.in_flight_max, limits.span_max), (20, 20));
        limits.narrow(&said(|said| said.receive_max = Some(100))).unwrap();
        assert_eq!((limits.in_flight_max, limits.span_max), (20, 20));
        limits.narrow(&said(|said| said.max_packet_size = Some(500))).unwrap();
        assert_eq!(limits.packet_bytes_max, 500);
        limits.narrow(&said(|said| said.retain_available = Some(0))).unwrap();
        assert!(!limits.retains);
    }

    #[test]
    fn a_broker_that_cannot_take_one_message_with_qos_1_is_refused() {
        for spoil in [
            |said: &mut p5::ConnAckProperties| said.receive_max = Some(0),
            |said: &mut p5::ConnAckProperties| said.max_packet_size = Some(0),
            |said: &mut p5::ConnAckProperties| said.max_qos = Some(0),
        ] {
            assert!(limits(MqttVersion::V5).narrow(&said(spoil)).is_err());
        }
    }

    #[test]
    fn the_size_of_a_packet_is_counted_as_rumqttc_counts_it() {
        for payload_bytes in
            [0, 1, 110, 118, 119, 120, 124, 16_365, 16_370, 16_380, 70_000, 2_097_130, 2_097_200]
        {
            let mut v311 = p4::Publish::new("plant/a", QoS::AtLeastOnce, vec![0; payload_bytes]);
            v311.pkid = 1;
            let mut v5 =
                p5::Publish::new("plant/a", v5::mqttbytes::QoS::AtLeastOnce, vec![0; payload_bytes], None);
            v5.pkid = 1;
            for (version, size) in [(MqttVersion::V311, v311.size()), (MqttVersion::V5, v5.size())] {
                let fits = Limits { packet_bytes_max: size, ..limits(version) };
                let short = Limits { packet_bytes_max: size - 1, ..limits(version) };
                assert!(sendable("plant/a", payload_bytes, &fits).is_ok(), "{version:?} {payload_bytes}");
                assert!(sendable("plant/a", payload_bytes, &short).is_err(), "{version:?} {payload_bytes}");
            }
        }
    }

    fn limits(version: MqttVersion) -> Limits {
        Limits { in_flight_max: 64, span_max: 256, packet_bytes_max: 65_536, retains: true, version }
    }

    fn said(spoil: impl Fn(&mut p5::ConnAckProperties)) -> p5::ConnAckProperties {
        let mut said = p5::ConnAckProperties {
            session_expiry_interval: None,
            receive_max: None,
            max_qos: None,
            retain_available: None,
            max_packet_size: None,
            assigned_client_identifier: None,
            topic_alias_max: None,
            reason_string: None,
            user_properties: Vec::new(),
            wildcard_subscription_available: None,
            subscription_identifiers_available: None,
            shared_subscription_available: None,
            server_keep_alive: None,
            response_information: None,
            server_reference: None,
            authentication_method: None,
            authentication_data: None,
        };
        spoil(&mut said);
        said
    }
}
