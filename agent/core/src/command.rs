//! What people do: silence 消音, acknowledge 确认, handle 处置, reset 复位, shelve 搁置, bypass 旁路. Each is a record with its
//! actor; what is not carried out comes back with the reason.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use crate::Mono;
use crate::bypass::Bypass;
use crate::device_command::Asked;
use crate::engine::Engine;
use crate::id::{AlarmId, PointId, TripId};
use crate::input::{Action, Answer, Command, Subject};
use crate::outbox::record::{
    ActionEvent, AlarmEvent, AlarmState, Body, BypassChange, BypassEvent, Cause, HandlingEvent, Refusal,
    ShelvingEvent, Verb,
};
use crate::person;
use crate::plant::Found;
use crate::tend::End;
use crate::upkeep::Begun;
use crate::vote::VoteSpec;

/// Which alarms a verb is for.
#[derive(Clone, Copy)]
enum Scope {
    All,
    One(AlarmId),
    /// Those that were announced when the engine was at this revision.
    Shown(u64),
    /// Those that were announced before this moment.
    AnnouncedBefore(Mono),
}

/// A person and his words.
struct Said {
    actor: String,
    note: String,
}

impl Engine {
    /// Carries out what a person asks for.
    pub fn command(&mut self, now: Mono, command: Command) -> Answer {
        self.reach(now);
        let answer = self.carry_out(command);
        self.finish_turn();
        answer
    }

    pub(crate) fn carry_out(&mut self, command: Command) -> Answer {
        let Command { actor, action, note } = command;
        let said = Said { actor, note };
        match action {
            Action::Act(verb, alarm) => self.act(verb, alarm.map_or(Scope::All, Scope::One), said),
            Action::ActOnShown { verb, revision } => self.act(verb, Scope::Shown(revision), said),
            Action::Handle(alarm, cause) => {
                self.about(alarm, |engine| engine.handle_alarm(alarm, cause, said))
            }
            Action::Shelve(alarm, lasts) => self.about(alarm, |engine| engine.shelve(alarm, lasts, said)),
            Action::Unshelve(alarm) => self.about(alarm, |engine| engine.unshelve(alarm, said)),
            Action::Bypass { point, approver, lasts } => {
                let may = if self.blinds_a_vote(point) { Err(Refusal::WholeVote) } else { Ok(()) };
                self.bypass((point, lasts), (said, approver), may)
            }
            Action::BypassWholeVote { point, approver, lasts } => {
                let two = person::second(&said.actor, &approver);
                self.bypass((point, lasts), (said, approver), two)
            }
            Action::EndBypass(point) => {
                let outcome = self.end_bypass(point, said);
                answer(Subject::Point(point), outcome)
            }
            Action::Send { command, value, approver } => {
                let Said { actor, note } = said;
                let asked = Asked { value, actor, approver, note };
                answer(Subject::DeviceCommand(command), self.send(command, asked))
            }
            Action::ResetTrip(trip) => self.reset_trip(trip, (&said.actor, &said.note)),
            Action::ResetRetentive => {
                let Said { actor, note } = said;
                answer(Subject::Retentive, self.reset_retentive(actor, note))
            }
            Action::BeginTest { upkeep, approver, applied } => {
                let Said { actor, note: reason } = said;
                self.begin_test(Begun { upkeep, actor, approver, applied, reason })
            }
            Action::MarkTest(upkeep, mark) => self.mark_test(upkeep, mark, said.actor),
            Action::FinishTest(upkeep) => self.end_test(upkeep, End::Finish, (&said.actor, &said.note)),
            Action::AbortTest(upkeep) => self.end_test(upkeep, End::Abort, (&said.actor, &said.note)),
            Action::Answer(alarm) => {
                self.about(alarm, |engine| engine.answer_call(alarm, (&said.actor, &said.note)))
            }
        }
    }

    fn about(&mut self, alarm: AlarmId, act: impl FnOnce(&mut Self) -> Result<(), Refusal>) -> Answer {
        let known = alarm.index() < self.site.alarms.len();
        answer(Subject::Alarm(alarm), if known { act(self) } else { Err(Refusal::Unknown) })
    }

    fn act(&mut self, verb: Verb, scope: Scope, said: Said) -> Answer {
        let site = Arc::clone(&self.site);
        let mut found = Found::default();
        let mut answer = Answer::default();
        let only = match scope {
            Scope::One(alarm) => Some(alarm),
            Scope::All | Scope::Shown(_) | Scope::AnnouncedBefore(_) => None,
        };
        if let Some(alarm) = only.filter(|alarm| alarm.index() >= site.alarms.len()) {
            answer.refused.push((Subject::Alarm(alarm), Refusal::Unknown));
        }
        for id in (0..).map(AlarmId).take(site.alarms.len()) {
            if !self.is_within(scope, id) {
                continue;
            }
            match self.act_on(verb, id) {
                Ok((changed, from)) => {
                    answer.changed += u32::from(changed);
                    answer.alarms.extend(changed.then_some(id));
                    self.plant.moved((self.now(), &site), id, (from, None), &mut found);
                }
                Err(refusal) => answer.refused.push((Subject::Alarm(id), refusal)),
            }
        }
        // Whoever silences everything has heard this too.
        if verb == Verb::Silence && only.is_none() && core::mem::take(&mut self.lost_sounds) {
            answer.changed += 1;
        }
        let Said { actor, note } = said;
        name_actor(&mut found.alarms, &actor);
        let stamp = self.stamp();
        let event = ActionEvent { actor, verb, alarm: only, note, changed: answer.changed };
        self.outbox.offer(stamp, Body::Action(event));
        self.touched();
        self.record(found);
        answer
    }

    fn is_within(&self, scope: Scope, id: AlarmId) -> bool {
        match scope {
            Scope::All => true,
            Scope::One(only) => only == id,
            Scope::Shown(revision) => {
                self.announced(id).is_none_or(|(in_revision, _)| in_revision <= revision)
            }
            Scope::AnnouncedBefore(at) => self.announced(id).is_none_or(|(_, announced)| announced < at),
        }
    }

    fn act_on(&mut self, verb: Verb, id: AlarmId) -> Result<(bool, Option<AlarmState>), Refusal> {
        let now = self.now();
        let hold = self.site.practice.reset_hold;
        // Nobody has seen or heard what was announced at this very moment.
        if verb != Verb::Reset && self.announced(id).is_some_and(|(_, at)| at == now) {
            return Ok((false, None));
        }
        let spec = &self.site.alarms[id.index()];
        let alarm = &mut self.plant.alarms[id.index()];
        let from = match verb {
            Verb::Silence => return Ok((alarm.silence(), None)),
            // No alarm's verb: see `Engine::reset_retentive`.
            Verb::ResetRetentive => return Ok((false, None)),
            Verb::Acknowledge => alarm.acknowledge(spec),
            Verb::Reset => {
                let sample = self.plant.table.get(spec.point).map(|entry| &entry.sample);
                alarm.reset(now, (sample, hold), spec)?
            }
        };
        Ok((from.is_some(), from))
    }

    fn handle_alarm(&mut self, alarm: AlarmId, cause: Cause, said: Said) -> Result<(), Refusal> {
        if said.note.trim().is_empty() {
            return Err(Refusal::NoReason);
        }
        self.plant.alarms[alarm.index()].handle()?;
        let Said { actor, note } = said;
        let stamp = self.stamp();
        self.outbox.offer(stamp, Body::Handling(HandlingEvent { alarm, actor, cause, note }));
        self.touched();
        Ok(())
    }

    fn shelve(&mut self, alarm: AlarmId, lasts: Duration, said: Said) -> Result<(), Refusal> {
        if said.note.trim().is_empty() {
            return Err(Refusal::NoReason);
        }
        let max = self.site.practice.shelved_max;
        let others = (0..)
            .zip(&self.plant.alarms)
            .filter(|(id, other)| *id != alarm.0 && other.shelved_until().is_some());
        if others.count() >= usize::from(max) {
            return Err(Refusal::TooMany { max });
        }
        let (now, site) = (self.now(), Arc::clone(&self.site));
        let from = self.plant.alarms[alarm.index()].shelve(now, lasts, &site.alarms[alarm.index()])?;
        self.note_shelving(alarm, (from, Some(lasts)), said);
        Ok(())
    }

    fn unshelve(&mut self, alarm: AlarmId, said: Said) -> Result<(), Refusal> {
        if self.plant.alarms[alarm.index()].shelved_until().is_none() {
            return Err(Refusal::NothingToHandle);
        }
        let (now, site) = (self.now(), Arc::clone(&self.site));
        let from = self.plant.alarms[alarm.index()].unshelve(now, &site.alarms[alarm.index()]);
        self.note_shelving(alarm, (from, None), said);
        Ok(())
    }

    fn note_shelving(
        &mut self,
        alarm: AlarmId,
        (from, lasts): (Option<AlarmState>, Option<Duration>),
        said: Said,
    ) {
        let (now, site) = (self.now(), Arc::clone(&self.site));
        let mut found = Found::default();
        self.plant.moved((now, &site), alarm, (from, None), &mut found);
        let Said { actor, note } = said;
        name_actor(&mut found.alarms, &actor);
        let stamp = self.stamp();
        self.outbox.offer(stamp, Body::Shelving(ShelvingEvent { alarm, actor, lasts, note }));
        self.touched();
        self.record(found);
    }

    fn bypass(
        &mut self,
        (point, lasts): (PointId, Duration),
        (said, approver): (Said, String),
        may: Result<(), Refusal>,
    ) -> Answer {
        let until = self.now() + lasts;
        let Said { actor, note: reason } = said;
        let bypass = Bypass { point, actor, approver, reason, until };
        let outcome = may.and_then(|()| self.begin_bypass(bypass, lasts));
        answer(Subject::Point(point), outcome)
    }

    /// Whether a vote of several detectors would have none left.
    fn blinds_a_vote(&self, point: PointId) -> bool {
        let alarms = &self.site.alarms;
        let is_last = |vote: &VoteSpec| {
            let named = vote.channels.iter().chain(&vote.any_of);
            let mut points = named.filter_map(|alarm| alarms.get(alarm.index()).map(|spec| spec.point));
            let mut others = points.clone().filter(|other| *other != point).peekable();
            points.any(|own| own == point)
                && others.peek().is_some()
                && others.all(|other| self.plant.bypasses.has(other))
        };
        self.site.matrix.votes.iter().any(is_last)
    }

    fn begin_bypass(&mut self, bypass: Bypass, lasts: Duration) -> Result<(), Refusal> {
        let (now, site) = (self.now(), Arc::clone(&self.site));
        let spec = site.points.get(bypass.point.index()).ok_or(Refusal::Unknown)?;
        if self.periods.forbids_bypass(&site.key_periods) {
            return Err(Refusal::KeyPeriod);
        }
        self.plant.bypasses.begin(now, bypass.clone(), (spec, &site.practice))?;
        self.note_bypass(bypass, BypassChange::Begun { lasts });
        Ok(())
    }

    fn end_bypass(&mut self, point: PointId, said: Said) -> Result<(), Refusal> {
        let bypass = self.plant.bypasses.end(point).ok_or(Refusal::NotBypassed)?;
        self.note_bypass(Bypass { actor: said.actor, reason: said.note, ..bypass }, BypassChange::Ended);
        Ok(())
    }

    /// Ends the bypasses whose time is over.
    pub(crate) fn expire_bypasses(&mut self) {
        while let Some(bypass) = self.plant.bypasses.expire(self.now()) {
            self.note_bypass(bypass, BypassChange::Expired);
        }
    }

    /// Writes a bypass down and takes the point's alarms out of service or back.
    pub(crate) fn note_bypass(&mut self, bypass: Bypass, change: BypassChange) {
        let (now, site) = (self.now(), Arc::clone(&self.site));
        let Bypass { point, actor, approver, reason, .. } = bypass;
        let out = matches!(change, BypassChange::Begun { .. });
        let mut found = Found::default();
        for alarm in self.plant.alarms_of(point).to_vec() {
            let spec = &site.alarms[alarm.index()];
            let from = self.plant.alarms[alarm.index()].set_out_of_service(now, out, spec);
            self.plant.moved((now, &site), alarm, (from, None), &mut found);
        }
        name_actor(&mut found.alarms, &actor);
        let stamp = self.stamp();
        self.outbox.offer(stamp, Body::Bypass(BypassEvent { point, change, actor, approver, reason }));
        self.touched();
        self.record(found);
    }

    /// A button was pressed: whoever stands there has no name, and meant what was announced when the press began.
    pub(crate) fn pressed(&mut self, buttons: Vec<(PointId, Mono)>) {
        let site = Arc::clone(&self.site);
        for (point, began) in buttons {
            let spec = &site.points[point.index()];
            if let Some(verb) = spec.button {
                let said = Said { actor: String::from(&*spec.tag), note: String::new() };
                self.act(verb, Scope::AnnouncedBefore(began), said);
            }
            let trips = (0..).map(TripId).zip(&site.matrix.trips);
            for (trip, _) in trips.filter(|(_, trip)| trip.reset_button == Some(point)) {
                // Whoever leans on the button while the gas comes or goes has not looked at what it came to.
                let moved_at = self.locks.trips()[trip.index()].moved_at();
                if moved_at.is_none_or(|at| at < began) {
                    self.reset_trip(trip, (&spec.tag, ""));
                }
            }
        }
    }
}

pub(crate) fn answer(subject: Subject, outcome: Result<(), Refusal>) -> Answer {
    match outcome {
        Ok(()) => Answer { changed: 1, ..Answer::default() },
        Err(refusal) => Answer { refused: alloc::vec![(subject, refusal)], ..Answer::default() },
    }
}

fn name_actor(events: &mut [AlarmEvent], actor: &str) {
    for event in events {
        event.actor = Some(String::from(actor));
    }
}
