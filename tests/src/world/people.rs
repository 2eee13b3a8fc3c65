//! The person on shift.

use std::time::Duration;

use hazard_core::id::{AlarmId, PointId, TripId};
use hazard_core::input::{Action, Command};
use hazard_core::outbox::record::{Cause, Verb};

use super::World;
use super::agenda::Event;

impl World {
    pub(super) fn person(&mut self) {
        self.agenda.at(self.now + Duration::from_secs(5), Event::Person);
        self.command();
        if !self.faults.people || !self.rng[5].chance(if self.healing { 900 } else { 60 }) {
            return;
        }
        let action = self.action();
        let command = Command { actor: "当班班长".into(), action: action.clone(), note: "演练".into() };
        let answer = self.engine.command(self.now, command);
        self.oracle.commanded(self.now, &action, &answer);
    }

    /// What the person on shift does. While the plant heals, nobody puts anything aside any more.
    fn action(&mut self) -> Action {
        let alarms = self.site.alarms.len() as u64;
        let points = self.site.points.len() as u64;
        // Nobody takes back what is not put aside.
        let shelved = self.engine.active_alarms().into_iter().find(|active| active.shelved_until.is_some());
        let rng = &mut self.rng[5];
        let alarm = AlarmId(u32::try_from(rng.between(0, alarms - 1)).unwrap());
        let point = PointId(u32::try_from(rng.between(0, points - 1)).unwrap());
        let lasts = Duration::from_secs(rng.between(0, 400));
        let one = (!self.healing && rng.chance(500)).then_some(alarm);
        let trip = TripId(u16::try_from(rng.between(0, 1)).unwrap());
        match rng.between(0, if self.healing { 3 } else { 8 }) {
            0 => Action::Act(Verb::Silence, one),
            1 => Action::Act(Verb::Acknowledge, one),
            2 => Action::Act(Verb::Reset, one),
            3 => Action::ResetTrip(trip),
            4 => Action::Handle(alarm, Cause::Upset),
            5 => Action::Shelve(alarm, lasts),
            6 => Action::Unshelve(shelved.map_or(alarm, |active| active.alarm)),
            7 => Action::Bypass { point, approver: "安全员".into(), lasts },
            _ => Action::EndBypass(point),
        }
    }
}
