//! Whoever carries orders to call somebody, well or badly, and an observer of calls: no alarm of a called colour stands
//! unacknowledged and uncalled, no call ends by itself, and no telephone rings without end.

use std::collections::BTreeSet;
use std::time::Duration;

use hazard_core::alarm::Priority;
use hazard_core::call::{CallPlan, CallReport, DeliveryFault, Ladder, Order, Repeat, RoleSpec, Rung};
use hazard_core::id::{AlarmId, RoleId};
use hazard_core::outbox::record::AlarmState;
use hazard_core::site::SiteTables;
use hazard_core::{Mono, Snapshot};

use crate::rng::Rng;

const ROLES: u16 = 3;
const GAP: Duration = Duration::from_secs(10);
/// Within the gap each order must tell a higher colour than the one before.
const WITHIN_GAP: usize = 4;

/// Three roles, twenty seconds from one to the next.
pub(super) fn plan() -> CallPlan {
    let roles = (0..ROLES).map(|role| RoleSpec { name: format!("role-{role}").into() }).collect();
    let rung = |role: u16| Rung { after: Duration::from_secs(20) * role.into(), roles: vec![RoleId(role)] };
    let ladder = Ladder {
        rungs: (0..ROLES).map(rung).collect(),
        repeat: Some(Repeat { every: Duration::from_secs(20), max: 3 }),
    };
    let mut plan = CallPlan { roles, gap: GAP, ..CallPlan::default() };
    plan.ladders[Priority::High as usize] = ladder.clone();
    plan.ladders[Priority::Critical as usize] = ladder;
    plan
}

/// What becomes of an order, and when; `None`: nobody ever says.
pub(super) fn carry(rng: &mut Rng, heals: bool) -> Option<(Duration, CallReport)> {
    let delay = Duration::from_millis(200 + rng.between(0, 20_000));
    let fault = |fault| CallReport::Failed { fault, reason: "by chance".into() };
    let report = match rng.between(0, 9) {
        _ if heals => CallReport::Delivered,
        0..=3 => CallReport::Delivered,
        4 | 5 => fault(DeliveryFault::Unreachable),
        6 => fault(DeliveryFault::Refused),
        7 | 8 => CallReport::Answered { by: "Wang".into(), note: String::new(), channel: "phone".into() },
        _ => return None,
    };
    Some((delay, report))
}

/// The observer.
#[derive(Default)]
pub(super) struct Calls {
    open: BTreeSet<AlarmId>,
    /// Unacknowledged alarms whose call a person answered.
    answered: BTreeSet<AlarmId>,
    /// Alarms of orders that were answered since the last look.
    said: BTreeSet<AlarmId>,
    before: Vec<AlarmState>,
    orders: Vec<(Mono, RoleId)>,
    pub(super) ended: u64,
}

impl Calls {
    /// An order was given.
    pub(super) fn ordered(&mut self, now: Mono, order: &Order) -> Option<String> {
        self.orders.retain(|(at, _)| now.since(*at) < GAP);
        self.orders.push((now, order.role));
        let recent = self.orders.iter().filter(|(_, role)| *role == order.role).count();
        let is_wrong = recent > WITHIN_GAP || order.alarms.is_empty();
        is_wrong.then(|| format!("calls: {recent} orders for {:?} within {GAP:?}", order.role))
    }

    /// An order was answered.
    pub(super) fn answered(&mut self, order: &Order) {
        self.said.extend(order.alarms.iter().map(|told| told.alarm));
    }

    /// Nobody knows whether a role was called a moment before.
    pub(super) fn restarted(&mut self, kept: &[AlarmState]) {
        self.orders.clear();
        self.said.clear();
        self.before = kept.to_vec();
    }

    /// Looks at one moment; says what is not as it must be.
    pub(super) fn look(
        &mut self,
        site: &SiteTables,
        snapshot: &Snapshot,
        states: &[AlarmState],
    ) -> Vec<String> {
        let mut broken = Vec::new();
        let open: BTreeSet<AlarmId> = snapshot.calls.iter().map(|state| state.call.alarm).collect();
        let said = std::mem::take(&mut self.said);
        for ((alarm, state), spec) in (0..).map(AlarmId).zip(states).zip(&site.alarms) {
            let was = self.before.get(alarm.index()).copied().unwrap_or_default();
            let (was_open, is_open) = (self.open.contains(&alarm), open.contains(&alarm));
            self.ended += u64::from(was_open && !is_open);
            if !is_unacked(*state) || (*state == AlarmState::Unacked && was != AlarmState::Unacked) {
                self.answered.remove(&alarm);
            }
            if was_open && !is_open && said.contains(&alarm) {
                self.answered.insert(alarm);
            }
            let called = !site.calls.ladder(spec.priority).rungs.is_empty();
            let wanted = called && is_unacked(*state) && !self.answered.contains(&alarm);
            if wanted && !is_open {
                broken.push(format!("calls: {alarm:?} is {state:?}, and no call is open (was: {was_open})"));
            }
            if is_open && !(called && is_unacked(*state)) {
                broken.push(format!("calls: {alarm:?} is {state:?}, and a call is open"));
            }
        }
        self.open = open;
        self.before = states.to_vec();
        broken
    }
}

const fn is_unacked(state: AlarmState) -> bool {
    matches!(state, AlarmState::Unacked | AlarmState::RtnUnacked | AlarmState::LatchedUnacked)
}
