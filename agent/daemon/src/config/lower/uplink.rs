//! Uplinks.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hazard_core::site::{Confirm, UplinkSpec};

use super::bus::claim;
use super::{Lowering, Section};
use crate::config::catalogue::Code;
use crate::config::error::{Arg, Fault, Spot, args};
use crate::config::names::Names;
use crate::config::tree::Node;
use crate::config::uplink::{ConfirmKey, TlsFile, UplinkFile, VersionKey};
use crate::settings::{Mqtt, MqttVersion, Tls};

impl<'a> Lowering<'a> {
    pub(super) fn uplinks(&mut self, site: Section<'a, '_>, gateway: Option<&str>) {
        let mut clients = HashMap::new();
        let mut taken = UplinkNames::default();
        for (node, uplink) in self.list::<UplinkFile>(site, "uplinks", self.recovered) {
            let fresh = taken.claim(self, node);
            let Some(uplink) = uplink.filter(|_| fresh) else { continue };
            let mqtt = self.mqtt(node, &uplink, gateway.unwrap_or_default());
            self.shared_client(node, &mqtt, &mut clients);
            self.dictionary.uplinks.push(uplink.id.clone());
            self.tables.uplinks.push(UplinkSpec {
                name: uplink.id.into(),
                window: uplink.window,
                message_records_max: uplink.message_records_max,
                confirm: match uplink.confirm {
                    None | Some(ConfirmKey::Puback) => Confirm::Puback,
                    Some(ConfirmKey::Receipt) => {
                        Confirm::Receipt { timeout: Duration::from_secs(uplink.receipt_timeout_s.into()) }
                    }
                },
            });
            self.uplinks.push(mqtt);
        }
    }

    fn mqtt(&mut self, node: Node<'a>, uplink: &UplinkFile, gateway: &str) -> Mqtt {
        let tls = uplink.tls.as_ref().and_then(|tls| node.get("tls").map(|at| self.tls(at, &uplink.id, tls)));
        let seconds = |s: u32| Duration::from_secs(s.into());
        Mqtt {
            name: uplink.id.clone(),
            host: uplink.host.clone(),
            port: uplink.port.unwrap_or(if tls.is_some() { 8_883 } else { 1_883 }),
            version: match uplink.version {
                None | Some(VersionKey::V311) => MqttVersion::V311,
                Some(VersionKey::V5) => MqttVersion::V5,
            },
            client_id: uplink.client_id.clone().unwrap_or_else(|| gateway.to_owned()),
            login: self.login(node, uplink),
            tls,
            keep_alive: seconds(uplink.keep_alive_s),
            connect_timeout: seconds(uplink.connect_timeout_s),
            stall_timeout: seconds(uplink.stall_timeout_s),
            retry_max: seconds(uplink.retry_max_s),
            window: uplink.window,
            packet_bytes_max: usize::try_from(uplink.packet_bytes_max).unwrap_or(usize::MAX),
        }
    }

    fn login(&mut self, node: Node<'a>, uplink: &UplinkFile) -> Option<(String, Option<PathBuf>)> {
        let file = uplink.password_file.as_deref();
        let file = file.map(|path| self.existing((node, "password_file"), &uplink.id, path));
        if file.is_some() && uplink.username.is_none() {
            let fault = Fault::new(Code::PasswordWithoutUser, node.at("password_file"), args![&uplink.id]);
            self.faults.push(fault);
        }
        Some((uplink.username.clone()?, file))
    }

    fn tls(&mut self, node: Node<'a>, uplink: &str, tls: &TlsFile) -> Tls {
        let ca = self.existing((node, "ca"), uplink, &tls.ca);
        let mut half = |here, missing| {
            let words = args![uplink, here, missing];
            self.faults.push(Fault::new(Code::CertWithoutKey, node.at(here), words));
        };
        let client = match (&tls.cert, &tls.key) {
            (Some(cert), Some(key)) => {
                Some((self.existing((node, "cert"), uplink, cert), self.existing((node, "key"), uplink, key)))
            }
            (Some(_), None) => {
                half("cert", "key");
                None
            }
            (None, Some(_)) => {
                half("key", "cert");
                None
            }
            (None, None) => None,
        };
        Tls { ca, client, server_name: tls.server_name.clone() }
    }

    fn existing(&mut self, (node, key): (Node<'a>, &str), uplink: &str, path: &Path) -> PathBuf {
        let (path, read) = self.sources.attached(path);
        let Some((place, bytes)) = read else {
            let words = args![uplink, key, path.display()];
            self.faults.push(Fault::new(Code::FileMissing, node.at(key), words));
            return path;
        };
        self.attach(path, &bytes);
        place
    }

    fn shared_client(&mut self, node: Node<'a>, mqtt: &Mqtt, seen: &mut HashMap<String, Spot>) {
        let broker = format!("{}:{}", mqtt.host.to_lowercase(), mqtt.port);
        let spot = if node.get("client_id").is_some() { node.at("client_id") } else { node.at("host") };
        if let Some(first) = seen.get(&format!("{broker} {}", mqtt.client_id)) {
            let words = args![&mqtt.client_id, broker];
            self.faults.push(Fault::new(Code::ClientTwice, spot, words).against(*first));
        } else {
            seen.insert(format!("{broker} {}", mqtt.client_id), spot);
        }
    }
}

/// The uplinks' names; nothing refers to them, so they live no longer than the pass over the section.
#[derive(Default)]
struct UplinkNames {
    names: Names,
    faults: Vec<Fault>,
}

impl UplinkNames {
    fn claim(&mut self, lowering: &mut Lowering<'_>, node: Node<'_>) -> bool {
        let fresh = claim!(self.names, node, "id", Arg::Each("上传通道", "uplinks"));
        lowering.faults.append(&mut self.faults);
        fresh
    }
}
