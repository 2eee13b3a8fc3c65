//! What of calls outlives a restart: a call that nobody answered is not forgotten because the power was cut.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

use super::life::Call;
use super::{CallPlan, Calls, Change, Recent, Withdrawal};
use crate::Mono;
use crate::alarm::Priority;
use crate::id::{AlarmId, RoleId};

/// An open call, with its times as spans.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeptCall {
    /// The alarm.
    pub alarm: AlarmId,
    /// Its colour.
    pub priority: Priority,
    /// How long it had been open.
    pub open_for: Duration,
    /// The rung called last, from 0.
    pub rung: Option<u8>,
    /// How long that rung had had to answer.
    pub in_rung: Duration,
    /// How often the last rung was called again.
    pub repeats: u8,
    /// Nobody was left, and that was said.
    pub exhausted: bool,
    /// Orders that told of it.
    pub attempts: u32,
    /// Thousandths of the times as written: a key period had shortened it.
    pub scale: u16,
    /// Roles that were due and not yet told, and for which rung.
    pub waiting: Vec<(RoleId, u8)>,
}

/// The last order for a role: what keeps a gateway that restarts over and over from calling as often.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KeptRole {
    /// The role.
    pub role: RoleId,
    /// How long it was still not to be called again.
    pub quiet_for: Duration,
    /// The highest colour that it had been told.
    pub told: Priority,
}

/// What outlives a restart.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Kept {
    /// Calls that are open.
    pub calls: Vec<KeptCall>,
    /// Roles that were called a moment before.
    pub roles: Vec<KeptRole>,
}

impl Calls {
    /// What must outlive a restart at this moment.
    #[must_use]
    pub fn kept(&self, now: Mono) -> Kept {
        let calls = self.open.iter().map(|(alarm, call)| call.kept(now, *alarm)).collect();
        let roles = (0..).map(RoleId).zip(&self.recent).filter_map(|(role, recent)| {
            let recent = (*recent)?;
            let quiet_for = recent.free_at.since(now);
            (!quiet_for.is_zero()).then_some(KeptRole { role, quiet_for, told: recent.told })
        });
        Kept { calls, roles: roles.collect() }
    }

    /// Goes on where an earlier run stopped, `away` ago; `None` when no clock can tell, and then the time of each rung
    /// begins afresh. The present rung of each call is ordered once more by the next [`Self::step`], and with it every
    /// rung whose time came meanwhile.
    ///
    /// What the configuration does not know any more is withdrawn, and that is said.
    #[must_use]
    pub fn restored(
        now: Mono,
        plan: Arc<CallPlan>,
        alarms: usize,
        (kept, away): (&Kept, Option<Duration>),
    ) -> (Self, Vec<Change>) {
        let mut changes = Vec::new();
        let mut open = BTreeMap::new();
        for call in &kept.calls {
            let is_known = call.alarm.index() < alarms && !plan.ladder(call.priority).rungs.is_empty();
            if !is_known {
                changes.push(Change::Withdrawn { alarm: call.alarm, why: Withdrawal::Gone });
            } else if !open.contains_key(&call.alarm) {
                let no = open.len() as u64;
                open.insert(call.alarm, Call::restored(now, no, (call, away), &plan));
            }
        }
        let mut recent = vec![None; plan.roles.len()];
        for role in &kept.roles {
            // Where nobody can tell how long we were away, the role may be called at once.
            let quiet_for = away.and_then(|away| role.quiet_for.checked_sub(away)).unwrap_or_default();
            if let Some(slot) = recent.get_mut(role.role.index()) {
                *slot = Some(Recent { free_at: now + quiet_for.min(plan.gap), told: role.told });
            }
        }
        let next_call = open.len() as u64;
        (Self { open, recent, next_call, ..Self::new(plan, alarms) }, changes)
    }
}
