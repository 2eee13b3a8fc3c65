//! 掉电保持: what of the engine must outlive a restart, as a PLC's retentive memory does: alarms that are not normal, which
//! came first, bypasses with the time they have left, trips, dates of upkeep, and the sums of the standing figures.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use crate::alarm::{Alarm, Kept, Underway};
use crate::assist::KeptTrip;
use crate::bypass::{Bypass, left_after};
use crate::call;
use crate::device_command::KeptCommand;
use crate::engine::Engine;
use crate::figures::KeptFigures;
use crate::id::{AlarmId, PermitId};
use crate::outbox::record::{ActionEvent, Body, BypassChange, Condition, Refusal, Verb};
use crate::{ClockTrust, Mono, Utc, upkeep};

/// What outlives a restart.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Retained {
    /// Alarms that are not normal.
    pub alarms: Vec<(AlarmId, Kept)>,
    /// Alarms that came first in their zones.
    pub first_up: Vec<AlarmId>,
    /// Bypasses, and how long each has left.
    pub bypasses: Vec<(Bypass, Duration)>,
    /// Trips that are not ready.
    pub trips: Vec<KeptTrip>,
    /// Permits that are granted.
    pub permits: Vec<PermitId>,
    /// Dates, failures and running tests.
    pub upkeep: upkeep::Kept,
    /// The standing figures.
    pub figures: Option<KeptFigures>,
    /// Calls that are open.
    pub calls: call::Kept,
    /// Alarms that nobody has acknowledged, but whose call was answered.
    pub answered: Vec<AlarmId>,
    /// Commands under way: after a restart they are lost, and that is told.
    pub commands: Vec<KeptCommand>,
    /// What stood at an earlier start was not known, and no person has reset that since.
    pub lost: bool,
}

impl Engine {
    /// What must outlive a restart at this moment.
    #[must_use]
    pub fn retained(&self) -> Retained {
        let now = self.now();
        let kept = (0..).map(AlarmId).zip(&self.plant.alarms);
        let bypasses = self.plant.bypasses.standing().iter();
        let dated = |alarm: &Alarm| alarm.kept(now).map(|kept| Kept { since: self.onset(alarm), ..kept });
        Retained {
            alarms: kept.filter_map(|(id, alarm)| Some((id, dated(alarm)?))).collect(),
            first_up: self.plant.first_up().collect(),
            bypasses: bypasses.map(|bypass| (bypass.clone(), bypass.until.since(now))).collect(),
            trips: self.kept_trips(),
            permits: self.kept_permits(),
            upkeep: self.plant.upkeep.kept(),
            figures: Some(self.figures.kept()),
            calls: self.duty.calls.kept(now),
            answered: self.duty.answered.iter().copied().collect(),
            commands: self.kept_commands(),
            lost: self.conditions.contains(&Condition::RetentiveLost),
        }
    }

    /// When an alarm was raised, by the wall clock.
    pub(crate) fn onset(&self, alarm: &Alarm) -> Option<(Utc, ClockTrust)> {
        let here = |at| (self.wall.at(at), self.wall.trust);
        alarm.onset().or_else(|| alarm.raised_at().map(here))
    }

    /// The delays that run, for an engine that follows in the same process.
    #[must_use]
    pub fn underway(&self) -> Vec<(AlarmId, Underway)> {
        let alarms = (0..).map(AlarmId).zip(&self.plant.alarms);
        alarms.filter_map(|(id, alarm)| Some((id, alarm.underway()?))).collect()
    }

    /// Goes on with the delays of an engine before, on the same clock: a configuration that is read again and again must not
    /// keep an alarm from being raised. To be called after [`Self::resume`], for alarms that compare what they compared.
    pub fn go_on(&mut self, underway: &[(AlarmId, Underway)]) {
        for (id, underway) in underway {
            self.plant.go_on(*id, *underway);
        }
        self.touched();
    }

    /// Goes on where an earlier run stopped, `away` ago; `None` when no clock can tell. To be called before anything else.
    ///
    /// What cannot be timed is armed: a bypass whose rest is unknown ends, and says so.
    pub fn resume(&mut self, retained: &Retained, away: Option<Duration>) {
        let (now, site) = (self.now(), Arc::clone(&self.site));
        for (id, kept) in &retained.alarms {
            let shelved_for = kept.shelved_for.and_then(|left| left_after(left, away));
            self.plant.restore(now, &site, (*id, Kept { shelved_for, ..*kept }));
        }
        for id in &retained.first_up {
            self.plant.restore_first_up(&site, *id);
        }
        self.resume_bypasses(retained, away);
        // Behind the bypasses: nobody is called for what is put aside.
        self.resume_calls(retained, away);
        self.resume_trips(&retained.trips, &retained.permits, away);
        self.resume_others(retained, away);
        if retained.lost {
            self.raise_lost();
        }
        self.touched();
    }

    /// What stood before cannot be known, or not yet: whatever may have tripped is held, and people are told until one of them
    /// resets that. To be called before the first turn; after [`Self::resume`] where an older page was found.
    pub fn retentive_lost(&mut self) {
        self.hold_trips();
        self.raise_lost();
        self.touched();
    }

    /// Goes on where an earlier run stopped although this run has begun: a disk was slow, and [`Self::retentive_lost`] held what
    /// may have stood. What this run has found itself stays. Permits are granted anew by whoever needs them.
    pub fn retentive_came(&mut self, now: Mono, retained: &Retained, away: Option<Duration>) {
        self.reach(now);
        self.touched();
        let (now, site) = (self.now(), Arc::clone(&self.site));
        for (id, kept) in &retained.alarms {
            let shelved_for = kept.shelved_for.and_then(|left| left_after(left, away));
            if self.plant.rejoin(now, &site, (*id, Kept { shelved_for, ..*kept })) {
                self.announce(*id);
            }
        }
        for id in &retained.first_up {
            self.plant.restore_first_up(&site, *id);
        }
        self.resume_bypasses(retained, away);
        self.duty.answered.extend(retained.answered.iter().filter(|id| id.index() < site.alarms.len()));
        self.call_for_unacked();
        self.rejoin_trips(&retained.trips);
        self.resume_others(retained, away);
        if !retained.lost {
            self.end_lost();
        }
        self.touched();
        self.finish_turn();
    }

    /// A person has looked at the plant; what is held stays held.
    pub(crate) fn reset_retentive(&mut self, actor: String, note: String) -> Result<(), Refusal> {
        if !self.conditions.contains(&Condition::RetentiveLost) {
            return Err(Refusal::NothingToHandle);
        }
        if actor.trim().is_empty() {
            return Err(Refusal::NoActor);
        }
        if note.trim().is_empty() {
            return Err(Refusal::NoReason);
        }
        let stamp = self.stamp();
        let event = ActionEvent { actor, verb: Verb::ResetRetentive, alarm: None, note, changed: 1 };
        self.outbox.offer(stamp, Body::Action(event));
        self.end_lost();
        self.touched();
        Ok(())
    }

    fn raise_lost(&mut self) {
        self.set(Condition::RetentiveLost, true);
        self.lost_sounds = true;
    }

    fn end_lost(&mut self) {
        self.set(Condition::RetentiveLost, false);
        self.lost_sounds = false;
    }

    fn resume_bypasses(&mut self, retained: &Retained, away: Option<Duration>) {
        let (now, site) = (self.now(), Arc::clone(&self.site));
        for (bypass, left) in &retained.bypasses {
            if bypass.point.index() >= site.points.len() {
                continue;
            }
            let rest = left_after(*left, away);
            let until = now + rest.unwrap_or_default();
            let bypass = Bypass { until, ..bypass.clone() };
            match rest {
                Some(lasts) if self.plant.bypasses.resume(bypass.clone(), &site.practice).is_ok() => {
                    self.note_bypass(bypass, BypassChange::Begun { lasts });
                }
                None if away.is_some() => self.note_bypass(bypass, BypassChange::Expired),
                Some(_) | None => self.note_bypass(bypass, BypassChange::Rearmed),
            }
        }
    }

    fn resume_others(&mut self, retained: &Retained, away: Option<Duration>) {
        self.resume_upkeep(&retained.upkeep);
        self.lose_commands(&retained.commands);
        if let Some(figures) = retained.figures {
            self.resume_figures(figures, away);
        }
    }
}
