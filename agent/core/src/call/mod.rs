//! 叫应 (call and answer): an alarm calls named roles, rung by rung, until a person answers. Decides who is called when;
//! carries nothing, and knows no number and no name of a person.
//!
//! Nothing but an answer ends a call, or that the alarm was put aside: not a delivery, not a receipt, not that the value
//! came back. A call in vain must not look like one that was heard.

mod kept;
mod ladder;
mod life;
#[cfg(test)]
mod tests;

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::cmp::Reverse;
use core::time::Duration;

pub use kept::{Kept, KeptCall, KeptRole};
pub use ladder::{CallFault, CallPlan, Ladder, LadderFault, RUNGS_MAX, Repeat, RoleSpec, Rung};

use crate::Mono;
use crate::alarm::{Priority, Withheld};
use crate::id::{AlarmId, AttemptId, RoleId};
use life::{Call, Fallen};

/// Orders whose outcome is not known yet, at most; what does not fit waits, higher colours first.
pub const IN_FLIGHT_MAX: usize = 64;
/// An order of which nobody says within this time what became of it has failed.
pub const REPORT_WITHIN: Duration = Duration::from_secs(120);
/// How long the last rung has to answer where it is not repeated.
pub const ANSWER_WITHIN: Duration = Duration::from_secs(300);

/// One alarm in an order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Told {
    /// The alarm.
    pub alarm: AlarmId,
    /// Its colour.
    pub priority: Priority,
    /// The rung of its ladder, from 0.
    pub rung: u8,
    /// The how-manieth order this is that tells of it, from 1.
    pub nth: u32,
}

/// Call this role: one order for all alarms that are due for it, so that a flood does not ring fifty times.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Order {
    /// What its outcome names.
    pub attempt: AttemptId,
    /// Who.
    pub role: RoleId,
    /// The alarms, highest colour first; never empty.
    pub alarms: Vec<Told>,
}

impl Order {
    /// The highest rung among its alarms, from 0.
    #[must_use]
    pub fn rung(&self) -> u8 {
        self.alarms.iter().map(|told| told.rung).max().unwrap_or_default()
    }

    /// The how-manieth order it is for the alarm that was told of most often, from 1.
    #[must_use]
    pub fn nth(&self) -> u32 {
        self.alarms.iter().map(|told| told.nth).max().unwrap_or_default()
    }
}

/// Why an order did not arrive, by what has to be repaired.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DeliveryFault {
    /// The way there: no connection, no answer in time, a receiver that is out of order.
    Unreachable,
    /// The receiver will not have it: an address, a secret or a certificate is wrong.
    Refused,
    /// More orders were waiting than are kept.
    Crowded,
    /// Nobody said what became of it within [`REPORT_WITHIN`].
    Unreported,
}

/// How a person answered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum How {
    /// Acknowledged it on the site, by panel or command line.
    Acknowledged,
    /// Said so where the call arrived.
    Said {
        /// The role that was called, where it is known.
        role: Option<RoleId>,
        /// By which way: the name of the webhook.
        channel: Arc<str>,
    },
}

/// Why a call ended without an answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Withdrawal {
    /// The alarm was put aside.
    Withheld(Withheld),
    /// After a restart the configuration has no such alarm, or calls nobody for its colour.
    Gone,
}

/// What changed, for the record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    /// A call was opened, or begins again from the bottom after everybody was called in vain.
    Opened {
        /// The alarm.
        alarm: AlarmId,
        /// Its colour.
        priority: Priority,
    },
    /// A role is to be called.
    Ordered(Order),
    /// An order arrived; that is no answer.
    Delivered {
        /// Which.
        attempt: AttemptId,
        /// Who was called.
        role: RoleId,
    },
    /// An order did not arrive.
    Failed {
        /// Which.
        attempt: AttemptId,
        /// Who was to be called.
        role: RoleId,
        /// Why.
        fault: DeliveryFault,
        /// The calls whose next rung is due for that at once.
        moved_on: Vec<AlarmId>,
    },
    /// A person answered.
    Answered {
        /// The alarm.
        alarm: AlarmId,
        /// Who.
        by: Arc<str>,
        /// How.
        how: How,
        /// After how long.
        after: Duration,
    },
    /// A call ended because there is nothing to answer any more.
    Withdrawn {
        /// The alarm.
        alarm: AlarmId,
        /// Why.
        why: Withdrawal,
    },
    /// Nobody is left to call, or nobody above a last rung that could not be reached. The call stays open.
    Exhausted {
        /// The alarm.
        alarm: AlarmId,
        /// How often the last rung will be called again nevertheless.
        repeats_left: u8,
    },
}

/// A change and what is said of it, as a record has it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CallEvent {
    /// What changed.
    pub change: Change,
    /// What the person who answered said, or why an order did not arrive; may be empty.
    pub note: String,
}

/// What whoever carries an order says of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CallReport {
    /// It arrived; that is no answer.
    Delivered,
    /// It did not arrive.
    Failed {
        /// What has to be repaired.
        fault: DeliveryFault,
        /// Why, for people.
        reason: String,
    },
    /// It arrived, and a person answered at once.
    Answered {
        /// Who.
        by: String,
        /// What was said; may be empty.
        note: String,
        /// By which way.
        channel: Arc<str>,
    },
}

/// An open call, for people.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OpenCall {
    /// The alarm.
    pub alarm: AlarmId,
    /// Its colour.
    pub priority: Priority,
    /// When this run learned of it.
    pub since: Mono,
    /// How long it had been open by then, in the run before.
    pub before: Duration,
    /// The rung called last, from 0; `None` while the first is not due.
    pub rung: Option<u8>,
    /// Orders that told of it.
    pub attempts: u32,
    /// The latest outcome of such an order, and when it was known.
    pub last_delivery: Option<(Mono, Result<(), DeliveryFault>)>,
    /// Nobody is left to call.
    pub is_exhausted: bool,
}

/// The last order for a role.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Recent {
    /// Until then only a higher colour is told.
    free_at: Mono,
    told: Priority,
}

/// An order whose outcome is not known yet.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Attempt {
    id: AttemptId,
    role: RoleId,
    ends_at: Mono,
    /// Alarm, which of its calls, and the rung.
    told: Vec<(AlarmId, u64, u8)>,
}

/// The calls of one site.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Calls {
    plan: Arc<CallPlan>,
    alarms: usize,
    open: BTreeMap<AlarmId, Call>,
    /// By role.
    recent: Vec<Option<Recent>>,
    in_flight: Vec<Attempt>,
    next_attempt: u64,
    next_call: u64,
    /// Thousandths for calls that are opened at this time.
    scale: u16,
}

impl Calls {
    /// No call is open. Alarms from `alarms` on do not exist and open none.
    #[must_use]
    pub fn new(plan: Arc<CallPlan>, alarms: usize) -> Self {
        Self {
            recent: vec![None; plan.roles.len()],
            plan,
            alarms,
            open: BTreeMap::new(),
            in_flight: Vec::new(),
            next_attempt: 1,
            next_call: 0,
            scale: 1000,
        }
    }

    /// An alarm was announced: its call is opened where its colour calls anybody. A call that is open goes on unchanged,
    /// unless everybody was called in vain: then it begins again from the bottom.
    pub fn announced(&mut self, now: Mono, alarm: AlarmId, priority: Priority) -> Option<Change> {
        if alarm.index() >= self.alarms || self.plan.ladder(priority).rungs.is_empty() {
            return None;
        }
        match self.open.get_mut(&alarm) {
            Some(call) if !call.is_over(&self.plan) => return None,
            Some(call) => call.begin_again(now, &self.plan),
            None => {
                let call = Call::new(now, self.next_call, (priority, self.scale), &self.plan);
                self.next_call += 1;
                self.open.insert(alarm, call);
            }
        }
        Some(Change::Opened { alarm, priority })
    }

    /// A person answered: the call ends. Somebody without a name is nobody, and changes nothing.
    pub fn answered(&mut self, now: Mono, alarm: AlarmId, by: &str, how: How) -> Option<Change> {
        if by.trim().is_empty() {
            return None;
        }
        let after = self.open.remove(&alarm)?.open_for(now);
        Some(Change::Answered { alarm, by: by.trim().into(), how, after })
    }

    /// A person answered where the call arrived, which shows that it did: every call that this order told of ends, and no
    /// other; also not a later call of the same alarm.
    pub fn said(&mut self, now: Mono, attempt: AttemptId, by: &str, channel: &Arc<str>) -> Vec<Change> {
        let told = self.in_flight.iter().find(|open| open.id == attempt);
        let told = told.map_or_else(Vec::new, |open| self.present(&open.told));
        let role = self.in_flight.iter().find(|open| open.id == attempt).map(|open| open.role);
        let mut changes = self.delivered(now, attempt, Ok(()));
        for (alarm, _) in told {
            let how = How::Said { role, channel: Arc::clone(channel) };
            changes.extend(self.answered(now, alarm, by, how));
        }
        changes
    }

    /// The alarm was put aside: there is nothing to answer.
    pub fn withdrawn(&mut self, alarm: AlarmId, why: Withheld) -> Option<Change> {
        self.open.remove(&alarm)?;
        Some(Change::Withdrawn { alarm, why: Withdrawal::Withheld(why) })
    }

    /// What became of an order. One that failed makes the next rung due at once: a telephone that is off must not cost
    /// the minutes that were meant for a person to answer in. An attempt that is not in flight changes nothing.
    pub fn delivered(
        &mut self,
        now: Mono,
        attempt: AttemptId,
        outcome: Result<(), DeliveryFault>,
    ) -> Vec<Change> {
        let Some(index) = self.in_flight.iter().position(|open| open.id == attempt) else {
            return Vec::new();
        };
        let Attempt { id: attempt, role, told, .. } = self.in_flight.remove(index);
        let (mut moved_on, mut exhausted) = (Vec::new(), Vec::new());
        for (alarm, rung) in self.present(&told) {
            let Some(call) = self.open.get_mut(&alarm) else { continue };
            call.last = Some((now, outcome));
            if outcome.is_ok() {
                continue;
            }
            match call.failed(now, rung, &self.plan) {
                Fallen::Behind => {}
                Fallen::MovesOn => moved_on.push(alarm),
                Fallen::Exhausts => {
                    let repeats_left = call.repeats_left(&self.plan);
                    exhausted.push(Change::Exhausted { alarm, repeats_left });
                }
            }
        }
        let mut changes = vec![match outcome {
            Ok(()) => Change::Delivered { attempt, role },
            Err(fault) => Change::Failed { attempt, role, fault, moved_on },
        }];
        changes.append(&mut exhausted);
        changes
    }

    /// 重点时段: a key period begins. Times are shorter from here on, those of open calls as if they had been so since the
    /// present rung began.
    pub fn begin_key_period(&mut self) {
        self.scale = self.plan.shorten;
        for call in self.open.values_mut() {
            call.shorten(&self.plan);
        }
    }

    /// A key period ends: later calls have the times as written, open ones keep theirs.
    pub const fn end_key_period(&mut self) {
        self.scale = 1000;
    }

    /// Does what is due; harmless when nothing is.
    pub fn step(&mut self, now: Mono) -> Vec<Change> {
        let mut changes = Vec::new();
        let late = self.in_flight.iter().filter(|open| open.ends_at <= now).map(|open| open.id);
        for attempt in late.collect::<Vec<_>>() {
            changes.extend(self.delivered(now, attempt, Err(DeliveryFault::Unreported)));
        }
        for (alarm, call) in &mut self.open {
            while call.is_due(now) {
                if call.climb(now, &self.plan) {
                    changes.push(Change::Exhausted { alarm: *alarm, repeats_left: 0 });
                }
            }
        }
        for (role, _) in self.wanted().into_iter().filter(|(_, free_at)| *free_at <= now) {
            if self.in_flight.len() >= IN_FLIGHT_MAX {
                break;
            }
            changes.push(Change::Ordered(self.order(now, role)));
        }
        changes
    }

    /// When [`Self::step`] has something to do although nothing happened.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Mono> {
        let calls = self.open.values().filter_map(Call::at);
        let reports = self.in_flight.iter().map(|open| open.ends_at);
        let has_room = self.in_flight.len() < IN_FLIGHT_MAX;
        let waiting = has_room.then(|| self.wanted()).into_iter().flatten().map(|(_, free_at)| free_at);
        calls.chain(reports).chain(waiting).min()
    }

    /// The open calls, by alarm.
    pub fn open(&self) -> impl Iterator<Item = OpenCall> {
        self.open.iter().map(|(alarm, call)| OpenCall {
            alarm: *alarm,
            priority: call.priority,
            since: call.since,
            before: call.before,
            rung: call.rung,
            attempts: call.attempts,
            last_delivery: call.last,
            is_exhausted: call.exhausted,
        })
    }

    /// The alarms of an order that is in flight.
    pub fn told(&self, attempt: AttemptId) -> impl Iterator<Item = AlarmId> {
        let open = self.in_flight.iter().find(move |open| open.id == attempt);
        open.into_iter().flat_map(|open| open.told.iter().map(|(alarm, ..)| *alarm))
    }

    /// Alarm and rung of those calls among `told` that are still the same.
    fn present(&self, told: &[(AlarmId, u64, u8)]) -> Vec<(AlarmId, u8)> {
        let is_same = |alarm: &AlarmId, no: u64| self.open.get(alarm).is_some_and(|call| call.no == no);
        let told = told.iter().filter(|(alarm, no, _)| is_same(alarm, *no));
        told.map(|(alarm, _, rung)| (*alarm, *rung)).collect()
    }

    /// Roles that are to be told something and when they may be, most urgent first.
    fn wanted(&self) -> Vec<(RoleId, Mono)> {
        let mut top: BTreeMap<RoleId, Priority> = BTreeMap::new();
        for call in self.open.values() {
            for (role, _) in &call.waiting {
                let known = top.entry(*role).or_insert(call.priority);
                *known = call.priority.max(*known);
            }
        }
        let free_at = |role: RoleId, top: Priority| {
            let recent = self.recent.get(role.index()).copied().flatten();
            recent.filter(|recent| top <= recent.told).map_or(Mono::ZERO, |recent| recent.free_at)
        };
        let mut wanted: Vec<(Priority, Mono, RoleId)> =
            top.into_iter().map(|(role, top)| (top, free_at(role, top), role)).collect();
        wanted.sort_by_key(|(top, free_at, role)| (Reverse(*top), *free_at, *role));
        wanted.into_iter().map(|(_, free_at, role)| (role, free_at)).collect()
    }

    fn order(&mut self, now: Mono, role: RoleId) -> Order {
        let attempt = AttemptId(self.next_attempt);
        self.next_attempt += 1;
        let (mut alarms, mut told) = (Vec::new(), Vec::new());
        for (alarm, call) in &mut self.open {
            let Some(place) = call.waiting.iter().position(|(waiting, _)| *waiting == role) else { continue };
            let (_, rung) = call.waiting.remove(place);
            call.attempts = call.attempts.saturating_add(1);
            alarms.push(Told { alarm: *alarm, priority: call.priority, rung, nth: call.attempts });
            told.push((*alarm, call.no, rung));
        }
        alarms.sort_by_key(|told| Reverse(told.priority));
        let top = alarms.first().map_or(Priority::Low, |told| told.priority);
        if let Some(recent) = self.recent.get_mut(role.index()) {
            *recent = Some(Recent { free_at: now + self.plan.gap, told: top });
        }
        self.in_flight.push(Attempt { id: attempt, role, ends_at: now + REPORT_WITHIN, told });
        Order { attempt, role, alarms }
    }
}
