//! 叫应 in the engine: which changes of alarms open, answer and withdraw calls, and what becomes of what the ladders say.
//! Nothing here moves an alarm or an output: a person who says that he has heard has acknowledged nothing.

use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use crate::alarm::{Alarm, Withheld};
use crate::call::{CallEvent, CallReport, Calls, Change, How, Kept};
use crate::engine::Engine;
use crate::id::{AlarmId, AttemptId};
use crate::outbox::record::{AlarmEvent, AlarmState, Body, Condition, Refusal};
use crate::reading::Sample;
use crate::retentive::Retained;
use crate::site::Site;
use crate::snapshot::CallState;
use crate::{Mono, Utc, Value};

/// The way by which a person answers on the gateway itself.
const CLI: &str = "cli";

/// An alarm as whoever is called for it is told.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct AlarmNow {
    /// Where it stands.
    pub state: AlarmState,
    /// When it was raised last, also where an earlier run saw that.
    pub since: Option<Utc>,
    /// What its point reads, where that can be believed.
    pub value: Option<Value>,
}

/// Orders by what became of them, and answers; since the start of the run.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct CallCount {
    /// Orders that arrived.
    pub delivered: u64,
    /// Orders that did not, by the place of their [`DeliveryFault`].
    pub failed: [u64; 4],
    /// Calls that a person answered.
    pub answered: u64,
    /// Calls for which nobody was left.
    pub exhausted: u64,
}

/// The calls of a site, and which alarms need none although nobody has acknowledged them.
#[derive(Clone, Debug)]
pub(crate) struct Duty {
    pub(crate) calls: Calls,
    /// Unacknowledged alarms whose call a person has answered: a restart must not call for them again.
    pub(crate) answered: BTreeSet<AlarmId>,
    /// When the ladders have something to do.
    pub(crate) at: Option<Mono>,
    pub(crate) count: CallCount,
    in_key_period: bool,
}

impl Duty {
    pub(crate) fn new(site: &Site) -> Self {
        let calls = Calls::new(Arc::clone(&site.calls), site.alarms.len());
        Self { calls, answered: BTreeSet::new(), at: None, count: CallCount::default(), in_key_period: false }
    }
}

impl Engine {
    /// Opens, answers and withdraws calls as alarms have moved.
    pub(crate) fn note_calls(&mut self, events: &[AlarmEvent]) {
        let now = self.now();
        for event in events {
            let alarm = event.alarm;
            let calls = &mut self.duty.calls;
            let change = match event.to {
                AlarmState::Unacked => {
                    self.duty.answered.remove(&alarm);
                    let priority = self.site.alarms[alarm.index()].priority;
                    calls.announced(now, alarm, priority)
                }
                // Back from being put aside, and still nobody knows of it.
                AlarmState::RtnUnacked | AlarmState::LatchedUnacked if event.announces() => {
                    calls.announced(now, alarm, self.site.alarms[alarm.index()].priority)
                }
                AlarmState::RtnUnacked | AlarmState::LatchedUnacked => None,
                AlarmState::Acked | AlarmState::LatchedAcked | AlarmState::Normal => {
                    self.duty.answered.remove(&alarm);
                    let actor = event.actor.as_deref().unwrap_or_default();
                    calls.answered(now, alarm, actor, How::Acknowledged)
                }
                AlarmState::Shelved => self.put_aside(alarm, Withheld::Shelved),
                AlarmState::Suppressed => self.put_aside(alarm, Withheld::Suppressed),
                AlarmState::OutOfService => self.put_aside(alarm, Withheld::OutOfService),
            };
            if let Some(change) = change {
                self.note_call(change, "");
            }
        }
    }

    fn put_aside(&mut self, alarm: AlarmId, why: Withheld) -> Option<Change> {
        self.duty.answered.remove(&alarm);
        self.duty.calls.withdrawn(alarm, why)
    }

    /// Takes what became of an order.
    pub(crate) fn order_said(&mut self, attempt: AttemptId, report: CallReport) {
        let now = self.now();
        let (changes, note) = match report {
            CallReport::Delivered => (self.duty.calls.delivered(now, attempt, Ok(())), String::new()),
            CallReport::Failed { fault, reason } => {
                (self.duty.calls.delivered(now, attempt, Err(fault)), reason)
            }
            CallReport::Answered { by, note, channel } => {
                (self.duty.calls.said(now, attempt, &by, &channel), note)
            }
        };
        for change in changes {
            let note = match &change {
                Change::Failed { .. } | Change::Answered { .. } => note.as_str(),
                Change::Opened { .. }
                | Change::Ordered(_)
                | Change::Delivered { .. }
                | Change::Withdrawn { .. }
                | Change::Exhausted { .. } => "",
            };
            self.note_call(change, note);
        }
    }

    /// A person says on the gateway that he has heard the call and sees to it.
    pub(crate) fn answer_call(&mut self, alarm: AlarmId, (actor, note): (&str, &str)) -> Result<(), Refusal> {
        let how = How::Said { role: None, channel: CLI.into() };
        let change = self.duty.calls.answered(self.now(), alarm, actor, how);
        self.note_call(change.ok_or(Refusal::NothingToHandle)?, note);
        Ok(())
    }

    /// 重点时段: every time of the ladders is shorter while one lasts.
    pub(crate) fn calls_in_key_period(&mut self, active: bool) {
        if core::mem::replace(&mut self.duty.in_key_period, active) == active {
            return;
        }
        if active {
            self.duty.calls.begin_key_period();
        } else {
            self.duty.calls.end_key_period();
        }
        self.duty.at = self.duty.calls.poll_timeout();
    }

    /// Does what the ladders have due.
    pub(crate) fn call(&mut self) {
        if self.duty.at.is_none_or(|at| at > self.now()) {
            return;
        }
        for change in self.duty.calls.step(self.now()) {
            self.note_call(change, "");
        }
        self.duty.at = self.duty.calls.poll_timeout();
    }

    /// An alarm at this moment; `None` when there is no such alarm.
    #[must_use]
    pub fn alarm_now(&self, alarm: AlarmId) -> Option<AlarmNow> {
        let (spec, known) = self.site.alarms.get(alarm.index()).zip(self.plant.alarms.get(alarm.index()))?;
        let value = self.plant.table.good(spec.point, self.now()).and_then(Sample::number);
        Some(AlarmNow { state: known.state(), since: self.onset(known).map(|(utc, _)| utc), value })
    }

    /// The calls that nobody has answered.
    pub(crate) fn open_calls(&self) -> Vec<CallState> {
        let plan = &self.site.calls;
        let state = |call: crate::call::OpenCall| {
            let rung = call.rung.and_then(|rung| plan.ladder(call.priority).rungs.get(usize::from(rung)));
            CallState { call, roles: rung.map(|rung| rung.roles.clone()).unwrap_or_default() }
        };
        self.duty.calls.open().map(state).collect()
    }

    /// Goes on with the calls of an earlier run. What nobody has acknowledged nor answered is called for, also where the
    /// configuration of that run called nobody.
    pub(crate) fn resume_calls(&mut self, retained: &Retained, away: Option<Duration>) {
        let (now, site) = (self.now(), Arc::clone(&self.site));
        let is_unacked =
            |alarm: &AlarmId| self.plant.alarms.get(alarm.index()).is_some_and(Alarm::is_unacked);
        let mut calls = retained.calls.calls.clone();
        calls.retain(|call| is_unacked(&call.alarm) || call.alarm.index() >= site.alarms.len());
        self.duty.answered = retained.answered.iter().copied().filter(is_unacked).collect();
        let kept = Kept { calls, roles: retained.calls.roles.clone() };
        let plan = Arc::clone(&site.calls);
        let (calls, changes) = Calls::restored(now, plan, site.alarms.len(), (&kept, away));
        self.duty.calls = calls;
        if self.duty.in_key_period {
            self.duty.calls.begin_key_period();
        }
        changes.into_iter().for_each(|change| self.note_call(change, ""));
        self.call_for_unacked();
    }

    /// Opens a call for each unacknowledged alarm that has none and whose call nobody has answered.
    pub(crate) fn call_for_unacked(&mut self) {
        let (now, site) = (self.now(), Arc::clone(&self.site));
        for (alarm, known) in (0..).map(AlarmId).zip(self.plant.alarms.clone()) {
            if !known.is_unacked() {
                continue;
            }
            if self.duty.answered.contains(&alarm) || self.duty.calls.open().any(|open| open.alarm == alarm) {
                continue;
            }
            if let Some(change) = self.duty.calls.announced(now, alarm, site.alarms[alarm.index()].priority) {
                self.note_call(change, "");
            }
        }
        self.duty.at = self.duty.calls.poll_timeout();
    }

    /// Writes a change down and carries it out.
    fn note_call(&mut self, change: Change, note: &str) {
        match &change {
            Change::Ordered(order) => self.orders.push_back(order.clone()),
            Change::Delivered { role, .. } => {
                self.duty.count.delivered += 1;
                self.set(Condition::CallFailed(*role), false);
            }
            Change::Failed { role, fault, .. } => {
                self.duty.count.failed[*fault as usize] += 1;
                self.set(Condition::CallFailed(*role), true);
            }
            Change::Answered { alarm, how, .. } => {
                self.duty.count.answered += 1;
                if *how != How::Acknowledged {
                    self.duty.answered.insert(*alarm);
                }
            }
            Change::Exhausted { .. } => self.duty.count.exhausted += 1,
            Change::Opened { .. } | Change::Withdrawn { .. } => {}
        }
        let stamp = self.stamp();
        self.outbox.offer(stamp, Body::Call(CallEvent { change, note: note.into() }));
        self.touched();
        self.duty.at = self.duty.calls.poll_timeout();
    }
}
