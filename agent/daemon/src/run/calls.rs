//! The webhooks of a run: orders go to the one that their role names, reports come back as what the engine must know.

use std::collections::BTreeMap;
use std::sync::Arc;

use hazard_core::call::{CallReport, DeliveryFault, Order};
use hazard_core::id::{AttemptId, Epoch};
use hazard_core::{Engine, Input, Utc};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::clock::Clock;
use crate::config::{Lang, Loaded};
use crate::dictionary::Dictionary;
use crate::observe;
use crate::webhook::{self, Name, Notice, NoticeAlarm, Report, Setup};
use crate::words;

/// Reports that wait; a webhook that cannot report takes no more orders.
const REPORTS_MAX: usize = 64;

pub(super) struct Callers {
    hooks: Vec<(Arc<str>, webhook::Orders)>,
    tasks: Vec<JoinHandle<()>>,
    by_role: Vec<usize>,
    /// Which webhook has an order; each brings exactly one report.
    carried: BTreeMap<AttemptId, usize>,
}

impl Callers {
    pub(super) fn start(loaded: &Loaded, run: Epoch, clock: &Clock) -> (Self, mpsc::Receiver<Report>) {
        let (sender, reports) = mpsc::channel(REPORTS_MAX);
        let (mut hooks, mut tasks) = (Vec::new(), Vec::new());
        for (settings, secret) in &loaded.webhooks {
            let (settings, secret, clock) = (settings.clone(), secret.clone(), clock.clone());
            let name = settings.name.as_str().into();
            let (orders, task) = webhook::spawn(Setup { settings, secret, run, clock }, sender.clone());
            hooks.push((name, orders));
            tasks.push(task);
        }
        let by_role = loaded.role_webhooks.clone();
        (Self { hooks, tasks, by_role, carried: BTreeMap::new() }, reports)
    }

    /// Hands an order over; what cannot be comes back as what the engine must know.
    pub(super) fn send(&mut self, order: &Order, notice: Notice) -> Option<Input> {
        let attempt = order.attempt;
        let hook = self.by_role.get(order.role.index()).copied().unwrap_or_default();
        let Some((_, orders)) = self.hooks.get(hook) else {
            let reason = "no webhook carries it".to_owned();
            let report = CallReport::Failed { fault: DeliveryFault::Refused, reason };
            return Some(Input::Call { attempt, report });
        };
        self.carried.insert(attempt, hook);
        let refused = orders.send(webhook::Order { attempt, notice }).err()?;
        Some(self.input(refused))
    }

    /// What the engine must know of a report.
    pub(super) fn input(&mut self, report: Report) -> Input {
        let attempt = report.attempt();
        let hook = self.carried.remove(&attempt).and_then(|hook| self.hooks.get(hook));
        let report = match report {
            Report::Delivered { .. } => CallReport::Delivered,
            Report::Failed { fault, reason, .. } => CallReport::Failed { fault, reason },
            Report::Answered { by, note, .. } => {
                let channel = hook.map_or_else(|| "webhook".into(), |(name, _)| Arc::clone(name));
                CallReport::Answered { by, note, channel }
            }
        };
        Input::Call { attempt, report }
    }

    /// Lets the webhooks end; what they are left with when the caller stops waiting breaks off.
    pub(super) fn stop(self) -> Vec<JoinHandle<()>> {
        drop(self.hooks);
        self.tasks
    }
}

/// What an order tells its role.
pub(super) fn notice(
    order: &Order,
    (engine, now): (&Engine, Utc),
    gateway: &str,
    names: &Dictionary,
) -> Notice {
    let role = names.roles.get(order.role.index()).cloned();
    let alarms = order.alarms.iter().map(|told| {
        let about = engine.alarm_now(told.alarm);
        let entry = names.alarms.get(told.alarm.index());
        let point = entry.and_then(|entry| names.points.get(entry.point as usize));
        let kind = entry.map(|entry| entry.kind.clone()).unwrap_or_default();
        let called = point.map_or("", |point| if point.name.is_empty() { &point.tag } else { &point.name });
        let name = |lang| format!("{called} {}", observe::kind(&kind, lang)).trim().to_owned();
        NoticeAlarm {
            tag: point.map_or_else(|| format!("#{}", told.alarm.0), |point| point.tag.clone()),
            name: Name { zh: name(Lang::Zh), en: name(Lang::En) },
            kind,
            priority: words::colour(told.priority),
            value: about.and_then(|about| about.value).map(hazard_core::Value::get),
            unit: point.map(|point| point.unit.clone()).filter(|unit| !unit.is_empty()),
            raised_at: about.and_then(|about| about.since).unwrap_or(now),
            state: about.map(|about| words::alarm_state(about.state)).unwrap_or_default().to_owned(),
        }
    });
    Notice {
        gateway: gateway.to_owned(),
        role: role.unwrap_or_else(|| format!("#{}", order.role.0)),
        rung: u32::from(order.rung()) + 1,
        nth: order.nth(),
        alarms: alarms.collect(),
    }
}
