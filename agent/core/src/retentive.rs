//! 掉电保持: what of the engine must outlive a restart, as a PLC's retentive memory does: alarms that are not normal, which
//! came first, bypasses with the time they have left, trips, dates of upkeep, and the sums of the standing figures.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use crate::alarm::{Kept, Underway};
use crate::assist::KeptTrip;
use crate::bypass::{Bypass, left_after};
use crate::call;
use crate::device_command::KeptCommand;
use crate::engine::Engine;
use crate::figures::KeptFigures;
use crate::id::{AlarmId, PermitId};
use crate::outbox::record::BypassChange;
use crate::upkeep;

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
}

impl Engine {
    /// What must outlive a restart at this moment.
    #[must_use]
    pub fn retained(&self) -> Retained {
        let now = self.now();
        let kept = (0..).map(AlarmId).zip(&self.plant.alarms);
        let bypasses = self.plant.bypasses.standing().iter();
        Retained {
            alarms: kept.filter_map(|(id, alarm)| Some((id, alarm.kept(now)?))).collect(),
            first_up: self.plant.first_up().collect(),
            bypasses: bypasses.map(|bypass| (bypass.clone(), bypass.until.since(now))).collect(),
            trips: self.kept_trips(),
            permits: self.kept_permits(),
            upkeep: self.plant.upkeep.kept(),
            figures: Some(self.figures.kept()),
            calls: self.duty.calls.kept(now),
            answered: self.duty.answered.iter().copied().collect(),
            commands: self.kept_commands(),
        }
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
        self.resume_calls(retained, away);
        self.resume_trips(&retained.trips, &retained.permits, away);
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
        self.resume_upkeep(&retained.upkeep);
        self.lose_commands(&retained.commands);
        if let Some(figures) = retained.figures {
            self.resume_figures(figures, away);
        }
        self.touched();
    }
}
