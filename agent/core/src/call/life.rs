//! One call's life: up the ladder by time or by a delivery that failed, the last rung again, and at last nobody.

use alloc::vec::Vec;
use core::mem::replace;
use core::time::Duration;

use super::kept::KeptCall;
use super::ladder::{CallPlan, Ladder};
use super::{ANSWER_WITHIN, DeliveryFault};
use crate::Mono;
use crate::alarm::Priority;
use crate::id::{AlarmId, RoleId};

/// What comes when nobody answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Next {
    /// This rung is called.
    Rung(u8),
    /// The last rung is called again.
    Repeat,
    /// The last that could be done has gone unanswered.
    GiveUp,
    /// Nothing.
    Nothing,
}

/// A call that is open.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Call {
    /// Which of this alarm's calls; an attempt of an earlier one says nothing about this one.
    pub(super) no: u64,
    pub(super) priority: Priority,
    /// When this run learned of it.
    pub(super) since: Mono,
    /// How long it had been open by then.
    pub(super) before: Duration,
    /// The rung called last.
    pub(super) rung: Option<u8>,
    /// How often the last rung was called again.
    pub(super) repeats: u8,
    /// Nobody is left, and that was said.
    pub(super) exhausted: bool,
    /// Orders that told of it.
    pub(super) attempts: u32,
    pub(super) last: Option<(Mono, Result<(), DeliveryFault>)>,
    /// Roles still to be told, and for which rung.
    pub(super) waiting: Vec<(RoleId, u8)>,
    /// Thousandths of the times as written; only ever gets less.
    pub(super) scale: u16,
    /// When the present rung began, in this run.
    began: Mono,
    /// How long it had lasted by then.
    spent: Duration,
    /// When the next comes.
    at: Option<Mono>,
}

impl Call {
    pub(super) fn new(now: Mono, no: u64, (priority, scale): (Priority, u16), plan: &CallPlan) -> Self {
        let mut call = Self {
            no,
            priority,
            since: now,
            before: Duration::ZERO,
            rung: None,
            repeats: 0,
            exhausted: false,
            attempts: 0,
            last: None,
            waiting: Vec::new(),
            scale,
            began: now,
            spent: Duration::ZERO,
            at: None,
        };
        call.arm(plan);
        call
    }

    /// A call of an earlier run. Its present rung is called once more: nobody knows what became of the orders in flight.
    pub(super) fn restored(
        now: Mono,
        no: u64,
        (kept, away): (&KeptCall, Option<Duration>),
        plan: &CallPlan,
    ) -> Self {
        let mut call = Self::new(now, no, (kept.priority, kept.scale.clamp(1, 1000)), plan);
        let rungs = &plan.ladder(kept.priority).rungs;
        let last = rungs.len().saturating_sub(1);
        call.before = kept.open_for.saturating_add(away.unwrap_or_default());
        call.rung = kept.rung.map(|rung| rung.min(u8::try_from(last).unwrap_or(u8::MAX)));
        call.repeats = kept.repeats;
        call.exhausted = kept.exhausted;
        call.attempts = kept.attempts;
        call.spent = away.map_or(Duration::ZERO, |away| kept.in_rung.saturating_add(away));
        for (role, rung) in kept.waiting.iter().filter(|(role, _)| role.index() < plan.roles.len()) {
            call.wait_for(*role, *rung);
        }
        call.call_rung(plan);
        call.arm(plan);
        call
    }

    pub(super) fn kept(&self, now: Mono, alarm: AlarmId) -> KeptCall {
        KeptCall {
            alarm,
            priority: self.priority,
            open_for: self.open_for(now),
            rung: self.rung,
            in_rung: self.spent.saturating_add(now.since(self.began)),
            repeats: self.repeats,
            exhausted: self.exhausted,
            attempts: self.attempts,
            scale: self.scale,
            waiting: self.waiting.clone(),
        }
    }

    pub(super) const fn at(&self) -> Option<Mono> {
        self.at
    }

    pub(super) fn open_for(&self, now: Mono) -> Duration {
        self.before.saturating_add(now.since(self.since))
    }

    pub(super) fn is_due(&self, now: Mono) -> bool {
        self.at.is_some_and(|at| at <= now)
    }

    /// Whether nothing would ever happen to it again.
    pub(super) fn is_over(&self, plan: &CallPlan) -> bool {
        self.next(plan.ladder(self.priority)) == Next::Nothing
    }

    /// Does what is due; whether that leaves nobody, which is said once.
    pub(super) fn climb(&mut self, now: Mono, plan: &CallPlan) -> bool {
        let ladder = plan.ladder(self.priority);
        let next = self.next(ladder);
        let mut is_news = false;
        match next {
            Next::Rung(rung) => {
                // Rungs missed while nobody looked are all called, in their own time; the last has its time to answer
                // from when it was called.
                let is_last = usize::from(rung) + 1 >= ladder.rungs.len();
                let lasted = self.lasts(next, plan).unwrap_or_default();
                self.spent = if is_last { Duration::ZERO } else { self.spent.saturating_sub(lasted) };
                self.began = if is_last { now } else { self.at.unwrap_or(now) };
                self.rung = Some(rung);
                self.call_rung(plan);
            }
            Next::Repeat => {
                self.repeats = self.repeats.saturating_add(1);
                (self.began, self.spent) = (now, Duration::ZERO);
                self.call_rung(plan);
            }
            Next::GiveUp => is_news = !replace(&mut self.exhausted, true),
            Next::Nothing => {}
        }
        self.arm(plan);
        is_news
    }

    /// An order for this rung did not arrive.
    pub(super) fn failed(&mut self, now: Mono, rung: u8, plan: &CallPlan) -> Fallen {
        if self.rung != Some(rung) {
            return Fallen::Behind;
        }
        match self.next(plan.ladder(self.priority)) {
            Next::Rung(_) if self.is_due(now) => Fallen::Behind,
            Next::Rung(_) => {
                self.at = Some(now);
                Fallen::MovesOn
            }
            Next::Repeat | Next::GiveUp | Next::Nothing => {
                let was = replace(&mut self.exhausted, true);
                let at = self.at;
                self.arm(plan);
                self.at = self.at.and(at);
                if was { Fallen::Behind } else { Fallen::Exhausts }
            }
        }
    }

    /// Begins from the bottom: announced again after everybody was called in vain.
    pub(super) fn begin_again(&mut self, now: Mono, plan: &CallPlan) {
        (self.rung, self.repeats, self.exhausted) = (None, 0, false);
        self.waiting.clear();
        (self.began, self.spent) = (now, Duration::ZERO);
        self.arm(plan);
    }

    /// A key period begins: what is written counts as shorter from the beginning of the present rung.
    pub(super) fn shorten(&mut self, plan: &CallPlan) {
        self.scale = self.scale.min(plan.shorten);
        let was = self.at;
        self.arm(plan);
        self.at = self.at.map(|at| was.map_or(at, |was| was.min(at)));
    }

    /// How many times the last rung will be called again.
    pub(super) fn repeats_left(&self, plan: &CallPlan) -> u8 {
        plan.ladder(self.priority).repeat.map_or(0, |repeat| repeat.max.saturating_sub(self.repeats))
    }

    fn next(&self, ladder: &Ladder) -> Next {
        let next = self.rung.map_or(0, |rung| usize::from(rung) + 1);
        match u8::try_from(next) {
            Ok(rung) if next < ladder.rungs.len() => Next::Rung(rung),
            _ if ladder.repeat.is_some_and(|repeat| self.repeats < repeat.max) => Next::Repeat,
            _ if self.exhausted => Next::Nothing,
            _ => Next::GiveUp,
        }
    }

    fn arm(&mut self, plan: &CallPlan) {
        let lasts = self.lasts(self.next(plan.ladder(self.priority)), plan);
        self.at = lasts.map(|lasts| self.began + lasts.saturating_sub(self.spent));
    }

    /// How long the present rung has until `next`.
    fn lasts(&self, next: Next, plan: &CallPlan) -> Option<Duration> {
        let ladder = plan.ladder(self.priority);
        let after = |rung: u8| ladder.rungs.get(usize::from(rung)).map(|rung| rung.after);
        let answer = || {
            let within = ladder.repeat.map_or(ANSWER_WITHIN, |repeat| repeat.every);
            scaled(within, self.scale).max(plan.gap)
        };
        match next {
            Next::Rung(0) => after(0).map(|at| scaled(at, self.scale)),
            Next::Rung(rung) => {
                let below = after(rung - 1).unwrap_or_default();
                after(rung).map(|at| scaled(at.saturating_sub(below), self.scale))
            }
            Next::Repeat | Next::GiveUp => Some(answer()),
            Next::Nothing => None,
        }
    }

    fn call_rung(&mut self, plan: &CallPlan) {
        let Some(rung) = self.rung else { return };
        let roles = plan.ladder(self.priority).rungs.get(usize::from(rung)).map(|rung| &rung.roles);
        for role in roles.into_iter().flatten() {
            self.wait_for(*role, rung);
        }
    }

    fn wait_for(&mut self, role: RoleId, rung: u8) {
        match self.waiting.iter_mut().find(|(known, _)| *known == role) {
            Some((_, known)) => *known = rung.max(*known),
            None => self.waiting.push((role, rung)),
        }
    }
}

/// What a failed delivery does to a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fallen {
    /// Nothing: it has moved on already, or said already that nobody is left.
    Behind,
    /// The next rung is due.
    MovesOn,
    /// Nobody is left above.
    Exhausts,
}

fn scaled(span: Duration, thousandths: u16) -> Duration {
    let micros = span.as_micros().saturating_mul(u128::from(thousandths)) / 1000;
    Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
}
