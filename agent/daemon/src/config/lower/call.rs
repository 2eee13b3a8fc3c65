//! Call-and-answer: webhooks with their secrets, roles, and the ladders of the colours.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hazard_core::alarm::Priority;
use hazard_core::call::{CallPlan, Ladder, Repeat, RoleSpec, Rung};
use hazard_core::id::RoleId;

use super::bus::claim;
use super::tag::priority;
use super::{Lowering, Section};
use crate::config::call::{CallFile, LadderFile, RungFile, WebhookFile};
use crate::config::catalogue::Code;
use crate::config::error::{Arg, Fault, args};
use crate::config::names::{Found, Names};
use crate::config::tree::Node;
use crate::settings::{PlainText, SECRET_BYTES_MIN, Secret, Tls, UrlFault, Webhook, WebhookUrl};
use crate::words;

/// How often the last rung is called again where only the time between is written.
const REPEATS_MAX: u8 = 12;
/// After a reload nobody polls while the run before ends.
const STOP_WITHIN: Duration = Duration::from_millis(800);

impl<'a> Lowering<'a> {
    pub(super) fn calls(&mut self, site: Section<'a, '_>) {
        for (node, file) in self.list::<WebhookFile>(site, "webhooks", self.recovered) {
            let fresh = claim!(self.webhook_names, node, "id", Arg::Each("webhook", "webhooks"));
            let Some(file) = file.filter(|_| fresh) else { continue };
            if let Some(webhook) = self.webhook(node, &file) {
                self.webhook_names.settle(&file.id, self.webhooks.len());
                self.webhooks.push(webhook);
            }
        }
        let Some((node, file)) = self.one::<CallFile>(site, "call", self.recovered) else { return };
        if site.node.get("webhooks").is_none() {
            self.unknown(Fault::new(Code::NoWebhook, node.spot(), Vec::new()));
        }
        let roles = self.roles(node);
        let mut plan = CallPlan {
            gap: Duration::from_secs(file.gap_s.into()),
            shorten: file.key_period_percent.saturating_mul(10),
            ..CallPlan::usual(roles)
        };
        let mut colours = Names::default();
        let nodes = node.get("ladders").map(Node::members).unwrap_or_default();
        for (node, ladder) in nodes.into_iter().zip(&file.ladders) {
            let level = priority(ladder.priority);
            if let Err(first) = colours.claim(words::priority(level), node.at("priority")) {
                let words = vec![Arg::Each("梯级", "ladders"), words::priority(level).into()];
                self.faults.push(Fault::new(Code::DuplicateName, node.at("priority"), words).against(first));
                continue;
            }
            plan.ladders[level as usize] = self.ladder(node, (ladder, level), plan.gap);
        }
        self.tables.calls = Arc::new(plan);
    }

    fn roles(&mut self, call: Node<'a>) -> Vec<RoleSpec> {
        let mut roles = Vec::new();
        for node in call.get("roles").map(Node::members).unwrap_or_default() {
            let Some(name) = node.text("id") else { continue };
            if name.trim().is_empty() {
                self.faults.push(Fault::new(Code::TextLength, node.at("id"), args!["id", 0, 1, 64]));
                continue;
            }
            if !claim!(self.role_names, node, "id", Arg::Each("角色", "roles")) {
                continue;
            }
            self.role_names.settle(name, roles.len());
            let webhook = node.get("webhook").map_or(Some(0), |node| self.webhook_at(node));
            self.role_webhooks.push(webhook.unwrap_or_default());
            self.dictionary.roles.push(name.to_owned());
            roles.push(RoleSpec { name: name.into() });
        }
        roles
    }

    fn webhook_at(&mut self, node: Node<'a>) -> Option<usize> {
        let name = node.value().as_str().unwrap_or_default();
        match self.webhook_names.find(name) {
            Found::At(webhook) => Some(webhook),
            Found::Faulty => None,
            Found::Unknown(instead) => {
                self.unknown(Fault::new(Code::UnknownWebhook, node.spot(), vec![name.into(), instead]));
                None
            }
        }
    }

    fn ladder(&mut self, node: Node<'a>, (file, level): (&LadderFile, Priority), gap: Duration) -> Ladder {
        let nodes = node.get("rungs").map(Node::members).unwrap_or_default();
        for (index, pair) in file.rungs.windows(2).enumerate() {
            if pair[1].after_min <= pair[0].after_min
                && let (Some(before), Some(here)) = (nodes.get(index), nodes.get(index + 1))
            {
                let words = args![index + 2, pair[1].after_min, pair[0].after_min];
                let fault = Fault::new(Code::RungsNotAscending, here.at("after_min"), words);
                self.faults.push(fault.against(before.at("after_min")));
            }
        }
        let rungs: Vec<Rung> =
            nodes.iter().zip(&file.rungs).map(|(node, rung)| self.rung(*node, rung)).collect();
        let repeat = self.repeat(node, (file, level), gap);
        Ladder { rungs, repeat }
    }

    fn rung(&mut self, node: Node<'a>, file: &RungFile) -> Rung {
        let mut roles = Vec::new();
        for node in node.get("roles").map(Node::members).unwrap_or_default() {
            let name = node.value().as_str().unwrap_or_default();
            match self.role_names.find(name) {
                Found::At(role) => {
                    let role = RoleId(u16::try_from(role).unwrap_or(u16::MAX));
                    if roles.contains(&role) {
                        self.faults.push(Fault::new(Code::NamedTwice, node.spot(), Vec::new()));
                    } else {
                        roles.push(role);
                    }
                }
                Found::Faulty => {}
                Found::Unknown(instead) => {
                    self.unknown(Fault::new(Code::UnknownRole, node.spot(), vec![name.into(), instead]));
                }
            }
        }
        Rung { after: minutes(file.after_min), roles }
    }

    fn repeat(
        &mut self,
        node: Node<'a>,
        (file, level): (&LadderFile, Priority),
        gap: Duration,
    ) -> Option<Repeat> {
        let key = if file.repeat_min.is_some() { "repeat_min" } else { "repeats_max" };
        let lacks = match (file.repeat_min, file.repeats_max) {
            (None, None) => return None,
            (None, Some(_)) => Some("repeat_min"),
            (Some(_), _) => file.rungs.is_empty().then_some("rungs"),
        };
        if let Some(lacks) = lacks {
            let words = args![words::priority(level), lacks];
            self.faults.push(Fault::new(Code::NothingToRepeat, node.at(key), words));
            return None;
        }
        let every = minutes(file.repeat_min.unwrap_or_default());
        if every < gap {
            let words = args![every.as_secs() / 60, gap.as_secs()];
            self.faults.push(Fault::new(Code::RepeatsTooOften, node.at(key), words));
        }
        Some(Repeat { every, max: file.repeats_max.unwrap_or(REPEATS_MAX) })
    }

    fn webhook(&mut self, node: Node<'a>, file: &WebhookFile) -> Option<(Webhook, Secret)> {
        let url = self.webhook_url(node, file);
        let ca = file.ca.as_ref().map(|path| self.webhook_file((node, "ca"), &file.id, path));
        if url.as_ref().is_some_and(WebhookUrl::is_tls) && ca.is_none() {
            self.faults.push(Fault::new(Code::WebhookWithoutCa, node.at("url"), args![&file.id]));
        }
        let secret = self.secret(node, file);
        let tls = ca.map(|(ca, _)| Tls { ca, client: None, server_name: None });
        let webhook = Webhook {
            timeout: Duration::from_secs(file.timeout_s.into()),
            tries: file.tries,
            stop_within: STOP_WITHIN,
            ..Webhook::new(file.id.clone(), url?, tls)
        };
        Some((webhook, secret?))
    }

    fn webhook_url(&mut self, node: Node<'a>, file: &WebhookFile) -> Option<WebhookUrl> {
        let plain = if file.allow_plain_loopback { PlainText::OnLoopback } else { PlainText::Never };
        let (code, words) = match WebhookUrl::parse(&file.url, plain) {
            Ok(url) => return Some(url),
            // What is shown of an address must not show a password.
            Err(UrlFault::Login) => (Code::BadWebhookUrl, args![&file.id, "https://***@…"]),
            Err(UrlFault::NotAnAddress) => (Code::BadWebhookUrl, args![&file.id, &file.url]),
            Err(UrlFault::PlainText) => (Code::PlainWebhook, args![&file.id]),
        };
        self.faults.push(Fault::new(code, node.at("url"), words));
        None
    }

    fn secret(&mut self, node: Node<'a>, file: &WebhookFile) -> Option<Secret> {
        let (_, content) = self.webhook_file((node, "secret_file"), &file.id, &file.secret_file);
        let copied = || Secret::new(&self.sources.copied(&file.secret_file)?);
        let secret = Secret::new(&content?).or_else(copied);
        if secret.is_none() {
            let words = args![&file.id, SECRET_BYTES_MIN];
            self.faults.push(Fault::new(Code::SecretTooShort, node.at("secret_file"), words));
        }
        secret
    }

    fn webhook_file(
        &mut self,
        (node, key): (Node<'a>, &str),
        webhook: &str,
        path: &Path,
    ) -> (PathBuf, Option<Vec<u8>>) {
        let (path, read) = self.sources.attached(path);
        let Some((place, bytes)) = read else {
            let words = args![webhook, key, path.display()];
            self.faults.push(Fault::new(Code::WebhookFileMissing, node.at(key), words));
            return (path, None);
        };
        self.attach(path, &bytes);
        (place, Some(bytes))
    }
}

fn minutes(minutes: u32) -> Duration {
    Duration::from_secs(u64::from(minutes) * 60)
}
