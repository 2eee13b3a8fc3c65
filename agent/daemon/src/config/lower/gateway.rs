//! Enterprise, gateway, retention and memory bounds.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use hazard_core::site::{Limits, Practice};

use super::tag::priority;
use super::{Lowering, Section};
use crate::config::catalogue::Code;
use crate::config::error::{Fault, args};
use crate::config::evidence::EvidenceFile;
use crate::config::file::{EnterpriseFile, GatewayFile, LimitsFile, RetentionFile};
use crate::config::practice::PracticeFile;
use crate::config::tree::Node;
use crate::settings::{Identity, Journal, Seal};

/// What concerns the gateway as a whole.
pub(super) struct Gateway {
    pub(super) identity: Identity,
    pub(super) journal: Journal,
    pub(super) listen: SocketAddr,
    pub(super) state_dir: PathBuf,
    pub(super) clock_sync_file: PathBuf,
    pub(super) limits: Limits,
    pub(super) practice: Practice,
}

impl<'a> Lowering<'a> {
    pub(super) fn gateway(&mut self, site: Section<'a, '_>) -> Option<Gateway> {
        let recovered = self.recovered;
        let enterprise = self.one::<EnterpriseFile>(site, "enterprise", recovered);
        let gateway = self.one::<GatewayFile>(site, "gateway", recovered);
        let limits = self.one::<LimitsFile>(site, "limits", recovered);
        let retention = self.one::<RetentionFile>(site, "retention", recovered);
        let practice = self.one::<PracticeFile>(site, "practice", recovered);
        let lost = practice
            .as_ref()
            .map_or_else(|| PracticeFile::default().lost_priority, |(_, file)| file.lost_priority);
        self.lost_priority = priority(lost);
        let evidence = self.one::<EvidenceFile>(site, "evidence", recovered);
        if let Some((node, _)) = &enterprise {
            self.code(*node, "district");
            self.code(*node, "id");
        }
        if let Some((node, _)) = &gateway {
            self.code(*node, "id");
        }
        let listen = gateway.as_ref().and_then(|(node, file)| self.listen(*node, &file.listen));
        let ((_, enterprise), (_, gateway)) = (enterprise?, gateway?);
        let retention = retention.map(|(_, file)| file).unwrap_or_default();
        let limits = limits.map(|(_, file)| file).unwrap_or_default();
        let seal = Seal {
            key: evidence
                .and_then(|(_, file)| file.key)
                .unwrap_or_else(|| gateway.state_dir.join("evidence.key")),
            gateway: gateway.id.clone(),
            enterprise: enterprise.id.clone(),
        };
        Some(Gateway {
            journal: Journal { seal: Some(seal), ..journal(&gateway, &retention) },
            identity: Identity {
                district: enterprise.district,
                enterprise: enterprise.id,
                enterprise_name: enterprise.name,
                gateway: gateway.id,
            },
            listen: listen?,
            state_dir: gateway.state_dir,
            clock_sync_file: gateway.clock_sync_file,
            limits: Limits {
                recent_readings_max: limits.recent_readings_max,
                recent_events_max: limits.recent_events_max,
                journal_backlog_max: limits.journal_backlog_max,
            },
            practice: lowered(&practice.map(|(_, file)| file).unwrap_or_default()),
        })
    }

    /// Codes become levels of MQTT topics.
    fn code(&mut self, node: Node<'a>, key: &str) {
        let Some(text) = node.text(key) else { return };
        let foreign = |c: char| "#+/".contains(c) || c.is_whitespace() || c.is_control();
        if text.contains(foreign) {
            self.faults.push(Fault::new(Code::BadCode, node.at(key), args![key, text.escape_debug()]));
        }
    }

    fn listen(&mut self, node: Node<'a>, written: &str) -> Option<SocketAddr> {
        let address = written.parse().ok();
        if address.is_none() {
            self.faults.push(Fault::new(Code::BadListen, node.at("listen"), args![written]));
        }
        address
    }
}

fn journal(gateway: &GatewayFile, retention: &RetentionFile) -> Journal {
    Journal {
        dir: gateway.state_dir.join("journal"),
        commit_within: Duration::from_millis(retention.commit_ms.into()),
        quota_bytes: retention.quota_mb.saturating_mul(1_000_000),
        keep: Duration::from_secs(u64::from(retention.raw_days) * 86_400),
        keep_events: Duration::from_secs(u64::from(retention.event_days) * 86_400),
        seal: None,
    }
}

fn lowered(file: &PracticeFile) -> Practice {
    Practice {
        reset_hold: Duration::from_secs(file.reset_hold_s.into()),
        bypass_max: Duration::from_secs(60 * u64::from(file.bypass_max_min)),
        bypasses_max: file.bypasses_max,
        shelved_max: file.shelved_max,
        bypass_second_person: file.bypass_second_person,
        button_hold: Duration::from_millis(file.button_hold_ms.into()),
        button_stuck: Duration::from_secs(file.button_stuck_s.into()),
    }
}
