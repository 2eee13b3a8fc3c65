//! What serves: the gateway itself, its journal, its uplinks, and who is called.

use std::net::SocketAddr;
use std::path::Path;

use hazard_core::Site;
use hazard_core::alarm::Priority;
use hazard_core::call::{CallPlan, Ladder, Repeat, RoleSpec, Rung};
use hazard_core::site::{Confirm, UplinkSpec};

use super::fact::{Fact, Rule, Subject, Words, time};
use crate::settings::{Identity, Journal, Mqtt, Seal, Secret, Tls, Webhook};
use crate::words;

const PRIORITIES: [Priority; 4] = [Priority::Low, Priority::Medium, Priority::High, Priority::Critical];

pub(super) fn gateway(
    (identity, journal): (&Identity, &Journal),
    (listen, state_dir, clock_sync_file): (&SocketAddr, &Path, &Path),
) -> Subject {
    let Identity { district, enterprise, enterprise_name, gateway } = identity;
    let Journal { dir, commit_within, quota_bytes, keep, keep_events, seal } = journal;
    let mut facts = vec![
        service(("区县", "district"), district),
        service(("企业代码", "enterprise"), enterprise),
        Fact::new(("企业名称", "enterprise's name"), enterprise_name, Rule::Text),
        service(("网关代码", "gateway"), gateway),
        service(("记录目录", "journal folder"), dir.display()),
        service(("读数落盘时限", "readings durable within"), time(*commit_within)),
        service(("磁盘上限 MB", "megabytes on disk"), quota_bytes / 1_000_000),
        service(("原始记录保存", "raw records kept"), time(*keep)),
        service(("事件保存", "events kept"), time(*keep_events)),
        service(("监听地址", "listens at"), listen),
        service(("数据目录", "state folder"), state_dir.display()),
        service(("时钟同步标志", "clock sync file"), clock_sync_file.display()),
    ];
    if let Some(Seal { key, gateway: _, enterprise: _ }) = seal {
        facts.push(service(("签名私钥", "evidence key"), key.display()));
    }
    Subject { kind: ("网关", "gateway"), name: String::new(), rule: Rule::Service, facts }
}

pub(super) fn uplinks<'a>(uplinks: &'a [Mqtt], site: &'a Site) -> impl Iterator<Item = Subject> + 'a {
    uplinks.iter().zip(&site.uplinks).map(|(link, spec)| uplink(link, spec))
}

fn uplink(link: &Mqtt, spec: &UplinkSpec) -> Subject {
    let Mqtt {
        name,
        host,
        port,
        version,
        client_id,
        login,
        tls,
        keep_alive,
        connect_timeout,
        stall_timeout,
        retry_max,
        window: _,
        packet_bytes_max,
    } = link;
    let UplinkSpec { name: _, window, message_records_max, confirm } = spec;
    let confirm = match confirm {
        Confirm::Puback => "puback".to_owned(),
        Confirm::Receipt { timeout } => format!("receipt {}", time(*timeout)),
    };
    let mut facts = vec![
        service(("地址", "address"), format!("{host}:{port}")),
        service(("MQTT 版本", "MQTT version"), format!("{version:?}")),
        service(("客户端标识", "client id"), client_id),
        service(("保活", "keep-alive"), time(*keep_alive)),
        service(("连接时限", "connect timeout"), time(*connect_timeout)),
        service(("停滞时限", "stall timeout"), time(*stall_timeout)),
        service(("重连最长间隔", "longest pause"), time(*retry_max)),
        service(("在途报文", "messages in flight"), window),
        service(("每报文记录", "records a message"), message_records_max),
        service(("报文字节上限", "bytes of a packet"), packet_bytes_max),
        service(("确认方式", "confirmed by"), confirm),
    ];
    if let Some((user, password)) = login {
        let file = password.as_ref().map_or_else(String::new, |file| format!(" {}", file.display()));
        facts.push(service(("登录", "login"), format!("{user}{file}")));
    }
    facts.extend(tls.as_ref().map(handshake));
    Subject { kind: ("上传通道", "uplink"), name: name.clone(), rule: Rule::Service, facts }
}

pub(super) fn webhooks(webhooks: &[(Webhook, Secret)]) -> impl Iterator<Item = Subject> + '_ {
    webhooks.iter().map(webhook)
}

/// The secret is told to nobody, not even as a difference.
fn webhook((webhook, _secret): &(Webhook, Secret)) -> Subject {
    let Webhook { name, url, tls, timeout, tries, pause, give_up_after, concurrency, queue, stop_within } =
        webhook;
    // What follows the question mark is often a key.
    let (path, query) = url.path().split_once('?').unwrap_or((url.path(), ""));
    let scheme = if url.is_tls() { "https" } else { "http" };
    let mut facts = vec![
        service(("地址", "address"), format!("{scheme}://{}{path}", url.authority())),
        service(
            ("地址参数", "address's parameters"),
            blake3::hash(query.as_bytes()).to_hex()[..8].to_owned(),
        ),
        service(("投递时限", "timeout"), time(*timeout)),
        service(("投递次数", "tries"), tries),
        service(("首次间隔", "first pause"), time(*pause)),
        service(("放弃时限", "gives up after"), time(*give_up_after)),
        service(("同时投递", "at once"), concurrency),
        service(("排队", "queue"), queue),
        service(("停机等待", "stops within"), time(*stop_within)),
    ];
    facts.extend(tls.as_ref().map(handshake));
    Subject { kind: ("呼叫接口", "webhook"), name: name.clone(), rule: Rule::Service, facts }
}

pub(super) fn calls(
    site: &Site,
    (webhooks, role_webhooks): (&[(Webhook, Secret)], &[usize]),
) -> Option<Subject> {
    let CallPlan { roles, ladders, gap, shorten } = &*site.calls;
    if roles.is_empty() {
        return None;
    }
    let mut facts = vec![
        Fact::sooner(("两次呼叫间隔", "gap between orders"), *gap),
        Fact::new(("重点时段缩短到‰", "in key periods ‰"), shorten, Rule::Less((*shorten).into())),
    ];
    for (RoleSpec { name }, webhook) in roles.iter().zip(role_webhooks) {
        let carried_by = webhooks.get(*webhook).map_or("", |(webhook, _)| &*webhook.name);
        facts.push(Fact::new(("角色", "role"), carried_by, Rule::Protects).of(&**name));
    }
    let names = |rung: &Rung| -> Vec<String> {
        let name = |role: &hazard_core::id::RoleId| roles.get(role.index()).map(|role| role.name.to_string());
        rung.roles.iter().filter_map(name).collect()
    };
    for (priority, Ladder { rungs, repeat }) in PRIORITIES.into_iter().zip(ladders) {
        let colour = words::priority(priority);
        for (place, rung) in (1..).zip(rungs) {
            let Rung { after, roles: _ } = rung;
            let step = format!("{colour} {place}");
            facts.push(Fact::sooner(("梯级", "rung"), *after).of(&*step));
            facts.extend(names(rung).into_iter().map(|role| {
                Fact::member(("梯级角色", "called on rung"), format!("{step} {role}"), Rule::Protects)
            }));
        }
        if let Some(Repeat { every, max }) = repeat {
            facts.push(Fact::sooner(("重复间隔", "repeated every"), *every).of(colour));
            facts.push(Fact::new(("最多重复", "repeats"), max, Rule::More((*max).into())).of(colour));
        }
    }
    Some(Subject { kind: ("叫应", "calls"), name: String::new(), rule: Rule::Protects, facts })
}

fn handshake(tls: &Tls) -> Fact {
    let Tls { ca, client, server_name } = tls;
    let client = client
        .as_ref()
        .map_or_else(String::new, |(chain, key)| format!(" {} {}", chain.display(), key.display()));
    let name = server_name.as_deref().unwrap_or_default();
    service(("TLS", "TLS"), format!("{}{client} {name}", ca.display()).trim_end().to_owned())
}

fn service(what: Words, shown: impl ToString) -> Fact {
    Fact::new(what, shown, Rule::Service)
}
