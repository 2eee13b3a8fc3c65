//! The oracle: knows the plant, the lines, what was published and what was stored, and says which law is broken.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use hazard_core::alarm::{AlarmKind, Priority};
use hazard_core::call::{CallReport, Order};
use hazard_core::id::{AlarmId, Epoch, PointId, Seq, UplinkId};
use hazard_core::input::{Action, Answer};
use hazard_core::outbox::Record;
use hazard_core::outbox::record::{AlarmState, Condition, PreviousEpoch, Verb};
use hazard_core::output::Publish;
use hazard_core::poll::Standing;
use hazard_core::reading::{NoData, Sample};
use hazard_core::retentive::Retained;
use hazard_core::{Mono, Site, Snapshot};

use super::acts::{Acts, is_aside, is_unacked};
use super::aside::{Covers, Excuses};
use super::broker::Broker;
use super::disk::Disk;
use super::health::checks;
use super::ledger::Books;
use super::line::Lines;
use super::locks::Locks;
use super::phone::Calls;
use super::site::{BEACON, HORN, SIGNATURE, UPLINKS};
use super::watched::Watched;

/// Queueing behind other requests, and dead devices' share of the line.
const LINE_MARGIN: Duration = Duration::from_millis(1200);

pub(super) struct Oracle {
    site: Arc<Site>,
    states: Vec<AlarmState>,
    covers: Covers,
    silenced: HashSet<AlarmId>,
    acts: Acts,
    watched: Watched,
    excuses: Excuses,
    online_since: Vec<Option<Mono>>,
    known_since: Vec<Option<Mono>>,
    /// Since when the samples that the engine took have been beyond each alarm's set-point.
    exceeded_since: Vec<Option<Mono>>,
    /// The bypasses that stood at the last look, and when each was to end.
    bypasses: BTreeMap<PointId, Mono>,
    /// Lines and devices do nothing wrong.
    calm: bool,
    booted: Mono,
    fresh: bool,
    known: BTreeMap<(Epoch, Seq), Arc<Record>>,
    amnesia: HashSet<Epoch>,
    broken: Vec<String>,
    lost: u64,
    delays_exceeded: bool,
    locks: Locks,
    calls: Calls,
    pub(super) books: Books,
}

impl Oracle {
    pub(super) fn new(site: &Arc<Site>, calm: bool) -> Self {
        Self {
            states: vec![AlarmState::Normal; site.alarms.len()],
            covers: Covers::new(site.alarms.len()),
            silenced: HashSet::new(),
            acts: Acts::default(),
            watched: Watched::new(site),
            excuses: Excuses::default(),
            online_since: vec![None; site.devices.len()],
            known_since: vec![None; site.points.len()],
            exceeded_since: vec![None; site.alarms.len()],
            bypasses: BTreeMap::new(),
            locks: Locks::new(site),
            calls: Calls::default(),
            books: Books::new(site),
            calm,
            booted: Mono::ZERO,
            fresh: true,
            known: BTreeMap::new(),
            amnesia: HashSet::new(),
            broken: Vec::new(),
            lost: 0,
            delays_exceeded: false,
            site: Arc::clone(site),
        }
    }

    /// What was excused.
    pub(super) const fn excuses(&self) -> Excuses {
        Excuses { on_one: self.acts.on_one, ..self.excuses }
    }

    /// How many trips there were.
    pub(super) const fn trips(&self) -> u64 {
        self.locks.trips
    }

    /// How many calls ended.
    pub(super) const fn calls(&self) -> u64 {
        self.calls.ended
    }

    pub(super) fn ordered(&mut self, now: Mono, order: &Order) {
        let broken = self.calls.ordered(now, order);
        self.broken.extend(broken);
    }

    pub(super) fn call_said(&mut self, order: &Order, report: &CallReport) {
        if matches!(report, CallReport::Answered { .. }) {
            self.calls.answered(order);
        }
    }

    pub(super) fn take_broken(&mut self) -> Vec<String> {
        std::mem::take(&mut self.broken)
    }

    pub(super) const fn delays_exceeded(&self) -> bool {
        self.delays_exceeded
    }

    pub(super) const fn lost(&self) -> u64 {
        self.lost
    }

    pub(super) fn commanded(&mut self, now: Mono, action: &Action, answer: &Answer) {
        let alarms = u32::try_from(self.site.alarms.len()).unwrap();
        self.acts.commanded(now, (action, answer), alarms);
        if let Action::ResetTrip(trip) = action {
            self.locks.commanded(*trip);
        }
        if let Action::Act(Verb::Silence, alarm) = action {
            let all = (0..).map(AlarmId).take(self.states.len());
            let quiet: Vec<AlarmId> =
                all.filter(|id| alarm.is_none_or(|only| only == *id) && self.is_unacked(*id)).collect();
            self.silenced.extend(quiet);
        }
        self.look_at_answer(action, answer);
    }

    fn look_at_answer(&mut self, action: &Action, answer: &Answer) {
        let practice = self.site.practice;
        let done = answer.changed > 0;
        let (what, allowed) = match action {
            Action::Bypass { lasts, .. } => ("bypass", !lasts.is_zero() && *lasts <= practice.bypass_max),
            Action::Shelve(alarm, lasts) => {
                let max = self.site.alarms[alarm.index()].shelve_max;
                ("shelving", !lasts.is_zero() && *lasts <= max)
            }
            _ => return,
        };
        self.demand(!done || allowed, || format!("law 7: a {what} without bound: {action:?}"));
    }

    pub(super) fn restarted(&mut self, disk: &Disk, kept: &Retained) {
        // What a diskless epoch had not said yet, nobody can say any more.
        self.amnesia.extend(self.known.keys().map(|(epoch, _)| *epoch).filter(|epoch| !disk.holds(*epoch)));
        let before = std::mem::replace(&mut self.states, vec![AlarmState::Normal; self.site.alarms.len()]);
        for (alarm, kept) in &kept.alarms {
            self.states[alarm.index()] = kept.state;
        }
        self.calls.restarted(&self.states);
        self.demand(before == self.states, || "law 2: a restart forgets an alarm".into());
        self.silenced.clear();
        self.acts.restarted();
        self.watched.restarted();
        self.online_since.fill(None);
        self.known_since.fill(None);
        self.exceeded_since.fill(None);
        self.fresh = true;
    }

    pub(super) fn opened(&mut self, epoch: Epoch, previous: &[PreviousEpoch]) {
        if previous.is_empty() {
            // A fresh disk knows nothing of what was before.
            let known = self.known.keys().map(|(known, _)| *known);
            self.amnesia.extend(known.filter(|known| *known != epoch));
        }
    }

    pub(super) fn published(&mut self, publish: &Publish) {
        self.learn(publish.epoch, &publish.records);
        let ascending = publish.records.windows(2).all(|pair| pair[0].seq < pair[1].seq);
        let one_lane = publish.records.iter().all(|record| record.lane() == publish.lane);
        self.demand(ascending && one_lane && !publish.records.is_empty(), || {
            "a message is one lane, ascending".into()
        });
    }

    pub(super) fn appended(&mut self, epoch: Epoch, records: &[Arc<Record>]) {
        self.learn(epoch, records);
        self.broken.extend(self.books.appended(epoch, records));
    }

    /// Looks at the engine after a step.
    pub(super) fn look(&mut self, now: Mono, snapshot: &Snapshot, lines: &Lines) {
        if std::mem::take(&mut self.fresh) {
            self.booted = now;
            self.locks.restarted(&self.site, now);
            self.books.restarted(now);
        }
        self.look_at_devices(now, snapshot);
        self.look_at_samples(now, snapshot);
        self.watched.look(&self.site, snapshot);
        self.look_at_alarms(now, snapshot);
        self.look_at_trips(now, lines);
        let broken = self.locks.look(&self.site, snapshot, &self.states);
        self.broken.extend(broken);
        self.broken.extend(self.calls.look(&self.site, snapshot, &self.states));
        self.broken.extend(self.books.look(&self.site, snapshot));
        self.look_at_delays(now, snapshot);
        self.look_at_panel(snapshot);
        self.look_at_bypasses(now, snapshot);
        self.look_at_delays_measured(snapshot);
        let limits = self.site.limits;
        let waiting = snapshot.ledger.waiting;
        self.demand(
            waiting.readings <= u64::from(limits.journal_backlog_max) + 64
                && snapshot.uplinks.iter().all(|uplink| uplink.in_flight <= 16),
            || format!("law 11: a queue is over its bound: {waiting:?}"),
        );
    }

    /// What the plan says holds for lines that answer, and what was measured is told.
    fn look_at_delays_measured(&mut self, snapshot: &Snapshot) {
        let told = |condition: &Condition| matches!(condition, Condition::DelayExceeded(_));
        let told = snapshot.conditions.iter().any(told);
        let late = snapshot.delays.iter().find(|delay| delay.longest > delay.predicted);
        self.demand(!self.calm || (!told && late.is_none()), || {
            format!("law 1: nothing is wrong with the lines, and alarms are beyond the plan: {late:?}")
        });
        self.delays_exceeded |= told;
    }

    fn look_at_bypasses(&mut self, now: Mono, snapshot: &Snapshot) {
        let practice = self.site.practice;
        let standing = &snapshot.bypasses;
        let bounded = standing.len() <= usize::from(practice.bypasses_max)
            && standing.iter().all(|b| b.until >= now && b.until <= now + practice.bypass_max);
        self.demand(bounded, || format!("law 7: bypasses without bound: {standing:?}"));
        // Nobody makes a bypass longer, a restart least of all: it is ended and put on again.
        let longer = standing
            .iter()
            .find(|b| self.bypasses.get(&b.point).is_some_and(|end| b.until > *end && *end > now));
        self.demand(longer.is_none(), || format!("law 7: a bypass was made longer: {longer:?}"));
        self.bypasses = standing.iter().map(|bypass| (bypass.point, bypass.until)).collect();
    }

    /// After the faults have ended everything must have arrived or be stated.
    pub(super) fn converged(
        &mut self,
        snapshot: &Snapshot,
        broker: &Broker,
        disk: &Disk,
        lines: &Lines,
    ) -> Vec<String> {
        let is_offline = |standing| matches!(standing, Standing::Offline { .. });
        let offline = snapshot.devices.iter().filter(|device| is_offline(device.standing)).count();
        self.demand(offline == 0, || format!("healed, and {offline} devices are still offline"));
        // A role that was called in vain is known to be reached again only when it is called again.
        let lasting = |condition: &&Condition| {
            use Condition::{AlarmChatter, AlarmFlood, CallFailed, JournalFull};
            matches!(condition, AlarmFlood | AlarmChatter(_) | CallFailed(_) | JournalFull)
        };
        let impaired = !snapshot.conditions.iter().all(|condition| lasting(&condition));
        self.demand(snapshot.bypasses.is_empty(), || {
            format!("law 7: healed, and still {:?}", snapshot.bypasses)
        });
        let aside: Vec<_> = snapshot.alarms.iter().filter(|alarm| is_aside(alarm.state)).collect();
        self.demand(aside.is_empty(), || format!("law 7: healed, and still aside: {aside:?}"));
        self.demand(!impaired, || format!("healed, and still {:?}", snapshot.conditions));
        self.demand(lines.coils()[..2] == snapshot.panel.energised[..2], || {
            "healed, and the relays are not as the panel image says".into()
        });
        self.demand(disk.holds(snapshot.epoch), || "healed, and the epoch is not on disk".into());
        for uplink in (0..UPLINKS).map(UplinkId) {
            self.all_arrived(uplink, broker);
        }
        self.take_broken()
    }

    /// Law 8, for one platform: each number up to the last known one arrived, or a loss or the epoch's ending covers it.
    fn all_arrived(&mut self, uplink: UplinkId, broker: &Broker) {
        let losses = broker.losses(uplink);
        let endings = broker.endings(uplink);
        self.lost += losses.iter().map(|loss| loss.readings).sum::<u64>();
        let mut last: BTreeMap<Epoch, Seq> = BTreeMap::new();
        for (epoch, seq) in self.known.keys() {
            last.insert(*epoch, *seq);
        }
        let mut missing = Vec::new();
        for (epoch, last) in last {
            // Nearly all have arrived; the losses are looked through for the others only.
            for seq in (1..=last.0).map(Seq).filter(|seq| !broker.has(uplink, epoch, *seq)) {
                let lane = self.known.get(&(epoch, seq)).map(|record| record.lane());
                let stated = losses.iter().any(|loss| {
                    loss.epoch == epoch
                        && (loss.first..=loss.last).contains(&seq)
                        && lane.is_none_or(|lane| lane == loss.lane)
                });
                let ended = endings.get(&epoch).is_some_and(|through| seq > *through);
                let excused =
                    || self.amnesia.contains(&epoch) || self.books.excuses(uplink, (epoch, seq), lane);
                if !stated && !ended && !excused() {
                    missing.push((epoch, seq, lane));
                }
            }
        }
        // What was offered in the last moment is still on its way.
        missing.retain(|(epoch, seq, _)| {
            let known = self.known.range((*epoch, Seq(0))..=(*epoch, Seq(u64::MAX))).next_back();
            known.is_none_or(|((_, newest), _)| seq.0 + 8 < newest.0)
        });
        self.demand(missing.is_empty(), || {
            let shown: Vec<_> = missing.iter().take(5).collect();
            format!(
                "law 8: {} records neither arrived at {uplink:?} nor are stated as lost: {shown:?}",
                missing.len()
            )
        });
    }

    fn look_at_devices(&mut self, now: Mono, snapshot: &Snapshot) {
        for (since, device) in self.online_since.iter_mut().zip(&snapshot.devices) {
            *since = match device.standing {
                Standing::Online { failures: 0 } => since.or(Some(now)),
                Standing::Online { .. } | Standing::Offline { .. } => None,
            };
        }
    }

    fn look_at_samples(&mut self, now: Mono, snapshot: &Snapshot) {
        let site = Arc::clone(&self.site);
        for (id, point) in (0..).map(PointId).zip(&site.points) {
            let Some(entry) = snapshot.table.get(id) else {
                continue;
            };
            let fresh = now.since(entry.at) <= point.stale_after;
            self.demand(matches!(entry.sample, Sample::Bad(_)) || fresh, || {
                format!("law 4: {} is stale and has a value: {:?}", point.tag, entry.sample)
            });
            let standing = snapshot.devices[point.device.index()].standing;
            let offline = matches!(standing, Standing::Offline { .. });
            self.demand(!offline || matches!(entry.sample, Sample::Bad(_)), || {
                format!("law 5: {} has a value and its device is offline", point.tag)
            });
            let known = &mut self.known_since[id.index()];
            *known = if matches!(entry.sample, Sample::Bad(_)) { None } else { known.or(Some(now)) };
            let number = entry.sample.number().map(|value| value.get());
            let own = number
                .is_none_or(|number| ((number + 10.0) / f64::from(SIGNATURE)).floor() == f64::from(id.0 + 1));
            self.demand(own, || format!("law 3: {} shows {number:?}", point.tag));
        }
    }

    fn look_at_alarms(&mut self, now: Mono, snapshot: &Snapshot) {
        let mut states = vec![AlarmState::Normal; self.states.len()];
        for active in &snapshot.alarms {
            states[active.alarm.index()] = active.state;
        }
        let site = Arc::clone(&self.site);
        let broken = self.acts.look(now, (&site, snapshot), (&self.states, &states));
        self.broken.extend(broken);
        for (id, spec) in (0..).map(AlarmId).zip(&site.alarms) {
            let (before, after) = (self.states[id.index()], states[id.index()]);
            let sample = snapshot.table.get(spec.point).map(|entry| &entry.sample);
            let lost = matches!(sample, Some(Sample::Bad(reason)) if *reason != NoData::NeverRead);
            let said = matches!(after, AlarmState::Unacked | AlarmState::Acked) || is_aside(after);
            self.demand(spec.kind != AlarmKind::Lost || !lost || said, || {
                format!("law 5: {id:?} is lost in silence")
            });
            if before == after {
                continue;
            }
            // Whoever silenced it did so before it was put aside.
            if after == AlarmState::Unacked || (is_aside(before) && !is_aside(after)) {
                self.silenced.remove(&id);
            }
            let told = self.covers.look((id, spec.latch), (before, after), now == self.booted);
            self.broken.extend(told);
            // Who may put an alarm aside, and for how long, is looked at with what people do.
            if is_aside(before) || is_aside(after) {
                continue;
            }
            let stood = matches!(before, AlarmState::Unacked | AlarmState::Acked);
            let stands = matches!(after, AlarmState::Unacked | AlarmState::Acked);
            let (reassured, compared) = (self.watched.may_end((id, spec), sample), self.watched.of(id));
            self.demand(!stood || stands || reassured, || {
                format!("law 5: {id:?} ended on {sample:?}, compared: {compared:?}")
            });
            let let_go = stood && matches!(after, AlarmState::Normal | AlarmState::RtnUnacked);
            self.demand(!spec.latch || !let_go, || format!("law 6: {id:?} was released by nobody"));
        }
        self.states = states;
    }

    fn look_at_trips(&mut self, now: Mono, lines: &Lines) {
        let site = Arc::clone(&self.site);
        for (id, spec) in (0..).map(AlarmId).zip(&site.alarms) {
            let level = match spec.kind {
                AlarmKind::High => 0,
                AlarmKind::HighHigh => 1,
                AlarmKind::Low => 2,
                _ => continue,
            };
            let Some(above) = lines.beyond_since(spec.point, level) else {
                continue;
            };
            let (device, bus) = lines.device_of(spec.point);
            // A point without a value is an alarm of its own, looked at in `look_at_alarms`.
            let online = self.online_since[device.index()].zip(self.known_since[spec.point.index()]);
            let Some(online) = online.map(|(online, known)| online.max(known)) else {
                continue;
            };
            let point = &site.points[spec.point.index()];
            let since = above.max(online).max(lines.troubled_at(device, bus)).max(self.booted);
            let due = since + spec.threshold.on_delay + point.period + LINE_MARGIN;
            let state = self.states[id.index()];
            let stands = now < due || self.excuses.stands(state);
            self.demand(stands, || {
                let tag = &point.tag;
                format!("law 1: at {now:?} {tag} is beyond level {level} since {above:?}, online since {online:?}: {state:?}")
            });
        }
    }

    /// What the engine knows it must not sit on: no poll period and no margin here.
    fn look_at_delays(&mut self, now: Mono, snapshot: &Snapshot) {
        let site = Arc::clone(&self.site);
        for (id, spec) in (0..).map(AlarmId).zip(&site.alarms) {
            let compared = self.watched.of(id);
            let since = &mut self.exceeded_since[id.index()];
            *since = match compared {
                _ if checks(snapshot, spec.point) => None,
                Some(compared) if spec.threshold.exceeded_by(compared.value) => since.or(Some(now)),
                Some(compared) if compared.believed => None,
                // Neither doubt nor silence stops a delay that runs.
                Some(_) | None => *since,
            };
            let due = since.is_some_and(|since| now > since + spec.threshold.on_delay);
            let stands = !due || self.excuses.stands(self.states[id.index()]);
            self.demand(stands, || format!("law 1: {id:?} is overdue at {now:?}"));
        }
    }

    fn look_at_panel(&mut self, snapshot: &Snapshot) {
        if snapshot.panel.energised.is_empty() {
            return;
        }
        let site = Arc::clone(&self.site);
        let loud = |id: &AlarmId| site.alarms[id.index()].priority >= Priority::Medium;
        let all = || (0..).map(AlarmId).take(self.states.len()).filter(loud);
        let cries = |id: &AlarmId| self.is_unacked(*id) && !self.silenced.contains(id);
        let must_sound = all().any(|id| cries(&id));
        let must_light = all()
            .any(|id| self.states[id.index()] != AlarmState::Normal && !is_aside(self.states[id.index()]));
        // De-energised is active.
        let sounds = !snapshot.panel.energised[HORN];
        let lights = !snapshot.panel.energised[BEACON];
        let silent: Vec<AlarmId> =
            if must_sound && !sounds { all().filter(cries).collect() } else { Vec::new() };
        self.demand(!must_sound || sounds, || format!("law 2: unacknowledged and silent: {silent:?}"));
        self.demand(must_light == lights, || "the beacon is not as the alarms are".into());
        self.demand(must_sound || !sounds, || "the horn cries wolf".into());
    }

    fn is_unacked(&self, id: AlarmId) -> bool {
        is_unacked(self.states[id.index()])
    }

    fn learn(&mut self, epoch: Epoch, records: &[Arc<Record>]) {
        for record in records {
            let known = self.known.entry((epoch, record.seq)).or_insert_with(|| Arc::clone(record));
            if known != record {
                self.broken.push(format!("law 9: {epoch} {:?} names two records", record.seq));
            }
        }
    }

    fn demand(&mut self, holds: bool, say: impl FnOnce() -> String) {
        if !holds {
            self.broken.push(say());
        }
    }
}
