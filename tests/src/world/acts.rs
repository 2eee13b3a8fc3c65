//! What people do to alarms, one by one: nothing is acknowledged, reset or put aside but what somebody named, and nothing stays
//! aside longer than he said.

use std::collections::{BTreeMap, BTreeSet};

use hazard_core::id::AlarmId;
use hazard_core::input::{Action, Answer};
use hazard_core::outbox::record::{AlarmState, Verb};
use hazard_core::site::SiteTables;
use hazard_core::{Mono, Snapshot};

use super::health::checks;

/// How long somebody put an alarm aside.
#[derive(Clone, Copy)]
struct Shelving {
    until: Mono,
    /// A restart since then may have ended it, when nobody could tell how long the gateway was away.
    may_have_ended: bool,
}

/// The observer.
#[derive(Default)]
pub(super) struct Acts {
    /// Since the last look.
    acknowledged: BTreeSet<AlarmId>,
    reset: BTreeSet<AlarmId>,
    shelved: BTreeMap<AlarmId, Shelving>,
    /// Acts on one alarm of several that somebody could have done something to.
    pub(super) on_one: u64,
}

impl Acts {
    /// Somebody did something.
    pub(super) fn commanded(&mut self, now: Mono, (action, answer): (&Action, &Answer), alarms: u32) {
        let done = answer.changed > 0;
        match action {
            Action::Act(verb, only) => {
                let named = (0..alarms).map(AlarmId).filter(|id| only.is_none_or(|only| only == *id));
                self.on_one += u64::from(only.is_some() && done);
                match verb {
                    Verb::Acknowledge => self.acknowledged.extend(named),
                    Verb::Reset => self.reset.extend(named),
                    Verb::Silence | Verb::ResetRetentive => {}
                }
            }
            Action::Shelve(alarm, lasts) if done => {
                self.shelved.insert(*alarm, Shelving { until: now + *lasts, may_have_ended: false });
            }
            Action::Unshelve(alarm) if done => {
                self.shelved.remove(alarm);
            }
            _ => {}
        }
    }

    pub(super) fn restarted(&mut self) {
        self.shelved.values_mut().for_each(|shelving| shelving.may_have_ended = true);
    }

    /// Looks at what became of each alarm in one step.
    pub(super) fn look(
        &mut self,
        now: Mono,
        (site, snapshot): (&SiteTables, &Snapshot),
        (before, after): (&[AlarmState], &[AlarmState]),
    ) -> Vec<String> {
        let mut broken = Vec::new();
        self.shelved.retain(|_, shelving| shelving.until >= now);
        for ((id, spec), (before, after)) in
            (0..).map(AlarmId).zip(&site.alarms).zip(before.iter().copied().zip(after.iter().copied()))
        {
            if was_acknowledged(before, after) && !self.acknowledged.contains(&id) {
                broken.push(format!("law 2: {id:?} was acknowledged by nobody: {before:?} to {after:?}"));
            }
            if was_reset(before, after) && !self.reset.contains(&id) {
                broken.push(format!("law 6: {id:?} was reset by nobody"));
            }
            let bypassed = snapshot.bypasses.iter().any(|bypass| bypass.point == spec.point);
            let rightly = match after {
                AlarmState::OutOfService => bypassed,
                AlarmState::Suppressed => !bypassed && checks(snapshot, spec.point),
                AlarmState::Shelved => !bypassed && self.shelved.contains_key(&id),
                AlarmState::Normal
                | AlarmState::Unacked
                | AlarmState::Acked
                | AlarmState::RtnUnacked
                | AlarmState::LatchedUnacked
                | AlarmState::LatchedAcked => {
                    let shelving = self.shelved.get(&id);
                    !bypassed
                        && shelving.is_none_or(|shelving| shelving.may_have_ended || shelving.until == now)
                }
            };
            if !rightly {
                broken.push(format!(
                    "law 7: {id:?} is {after:?} at {now:?} (was {before:?}); bypassed: {bypassed}, shelved until {:?}",
                    self.shelved.get(&id).map(|shelving| shelving.until)
                ));
            }
        }
        self.acknowledged.clear();
        self.reset.clear();
        broken
    }
}

/// Whether an alarm is put aside.
pub(super) const fn is_aside(state: AlarmState) -> bool {
    matches!(state, AlarmState::Shelved | AlarmState::Suppressed | AlarmState::OutOfService)
}

/// Whether nobody has acknowledged an alarm.
pub(super) const fn is_unacked(state: AlarmState) -> bool {
    use AlarmState::{LatchedUnacked, RtnUnacked, Unacked};
    matches!(state, Unacked | RtnUnacked | LatchedUnacked)
}

const fn was_acknowledged(before: AlarmState, after: AlarmState) -> bool {
    is_unacked(before) && !is_unacked(after) && !is_aside(after)
}

const fn was_reset(before: AlarmState, after: AlarmState) -> bool {
    matches!((before, after), (AlarmState::LatchedAcked, AlarmState::Normal))
}
