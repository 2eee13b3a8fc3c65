//! Sensors that fail in the plant, and what an observer demands of what is shown of them: a device that warms up and fails and says
//! so, a 4–20 mA loop whose wire breaks and whose transmitter signals its failure (NE 43), and a detector that is flooded beyond its
//! range. The observer knows what the devices measure and say; of the engine it knows what everybody is shown.

use std::time::Duration;

use hazard_core::alarm::{AlarmKind, AlarmSpec, Priority, Signal};
use hazard_core::id::{AlarmId, PointId};
use hazard_core::outbox::record::{AlarmState, Condition};
use hazard_core::point::{PointSpec, Source};
use hazard_core::reading::{Doubt, NoData, Sample};
use hazard_core::sensor::{Current, SensorSpec, StatusSpec, Test, Trouble};
use hazard_core::site::SiteTables;
use hazard_core::{Category, Mono, Side, Snapshot, Threshold, Value};

use super::line::Lines;
use super::site::signature;
use crate::rng::Rng;

/// What it measures beyond its range latches.
const FLOODED: PointId = PointId(7);
/// Its device says how it is.
pub(super) const CHECKED: PointId = PointId(8);
/// A 4–20 mA loop: 4 mA is its signature, 20 mA is 100 more.
pub(super) const LOOP: PointId = PointId(17);
/// The device's status register, behind its values.
pub(super) const WORD: PointId = PointId(18);
/// All whose sensors fail.
const ALL: [PointId; 3] = [FLOODED, CHECKED, LOOP];

const ADDRESS: u16 = 42;
const PERIOD: Duration = Duration::from_secs(2);
/// How long the device may warm up.
const LIMIT: Duration = Duration::from_secs(30);
/// A failure of the loop that is shorter is a spike.
const HOLD: Duration = Duration::from_secs(2);
/// A device that was silent is asked again after so long at most.
const PROBE: Duration = Duration::from_secs(12);
/// Queueing behind other requests, and the turns of a plan.
const MARGIN: Duration = Duration::from_millis(1_200);
/// 3.52 mA: up to 3.6 mA is a broken wire.
const BROKEN: i32 = -3;
/// 21.12 mA: from 21 mA on the transmitter signals its failure.
const SIGNALLED: i32 = 107;
/// While the plant heals, nobody measures more.
const HEALED_MAX: i32 = 48;

const SOUND: i32 = 0;
const WARM_UP: i32 = 1;
const FAULT: i32 = 2;
const BEYOND: i32 = 3;
const WORN: i32 = 4;

/// Enters the status register, its meaning, the loop and the latch behind what measures.
pub(super) fn enter(tables: &mut SiteTables) {
    let checked = tables.points[CHECKED.index()].clone();
    assert_eq!((tables.points.len(), checked.source.address), (WORD.index(), ADDRESS - 1));
    tables.points.push(PointSpec {
        tag: format!("P-{}", WORD.0).into(),
        source: Source { address: ADDRESS, ..checked.source },
        range: None,
        safety: false,
        ..checked
    });
    let status = |word: i32, trouble: Trouble| StatusSpec {
        source: WORD,
        test: Test::OneOf(vec![Value::from_i32(signature(WORD) + word)]),
        of: vec![CHECKED],
        trouble,
        category: trouble.category(),
        limit: if trouble.category() == Category::FunctionCheck { LIMIT } else { Duration::ZERO },
    };
    tables.statuses = [
        (WARM_UP, Trouble::WarmUp),
        (FAULT, Trouble::Fault),
        (BEYOND, Trouble::OverRange),
        (WORN, Trouble::Maintenance),
    ]
    .map(|(word, trouble)| status(word, trouble))
    .into();
    let [zero, full] = [0, 100].map(|above| Value::from_i32(signature(LOOP) + above));
    tables.sensors =
        vec![SensorSpec { point: LOOP, current: Some(Current { zero, full, hold: HOLD }), drift: None }];
    tables.alarms.push(AlarmSpec {
        signal: Signal::OverRange,
        priority: Priority::Medium,
        latch: true,
        ..AlarmSpec::new(FLOODED, AlarmKind::OverRange, Threshold::switch(Side::High))
    });
}

/// The sensors as they are.
#[derive(Debug)]
pub(super) struct Sensors {
    /// Its own, so that the other streams stay as they were.
    rng: Rng,
    word: i32,
    since: Mono,
    until: Mono,
    healed: bool,
    /// Since when the loop's current has been none that is measured, and since when it has been one.
    failing: Option<Mono>,
    measuring: Option<Mono>,
    /// Since when the flooded detector has been beyond its range.
    flooded: Option<Mono>,
}

impl Sensors {
    pub(super) fn new(seed: u64) -> Self {
        let (rng, until) = (Rng::new(seed ^ 0x5e45_0125), Mono::from_millis(20_000));
        Self {
            rng,
            word: SOUND,
            since: Mono::ZERO,
            until,
            healed: false,
            failing: None,
            measuring: None,
            flooded: None,
        }
    }

    /// The device warms up, fails and recovers.
    pub(super) fn live(&mut self, now: Mono) {
        if now < self.until {
            return;
        }
        let (word, seconds) = match self.rng.between(0, 99) {
            0..=14 => (WARM_UP, self.rng.between(5, 60)),
            15..=24 => (FAULT, self.rng.between(2, 30)),
            25..=32 => (BEYOND, self.rng.between(2, 30)),
            33..=40 => (WORN, self.rng.between(2, 30)),
            _ => (SOUND, self.rng.between(2, 60)),
        };
        self.say(now, if self.healed { SOUND } else { word });
        self.until = now + Duration::from_secs(seconds);
    }

    fn say(&mut self, now: Mono, word: i32) {
        if self.word != word {
            (self.word, self.since) = (word, now);
        }
    }

    pub(super) fn heal(&mut self) {
        (self.healed, self.until) = (true, Mono::ZERO);
    }

    /// What the sensor behind a point gives: the measured value, or nothing.
    pub(super) fn measured(&self, point: PointId, (value, mute): (i32, bool)) -> (i32, bool) {
        let ends = self.healed && ALL.contains(&point);
        match point {
            _ if ends => (value.min(HEALED_MAX), false),
            // What is too much for a loop lies close together, on both sides of 21 mA.
            LOOP if value > 100 => (101 + value % 12, mute),
            // A flooded sensor may drop below its range: that is no value to believe.
            FLOODED if value <= 1 => (-5, mute),
            _ => (value, mute),
        }
    }

    /// Takes what is measured from now on. Whether it counts: a current that says failure measures nothing.
    pub(super) fn take(&mut self, now: Mono, point: PointId, (value, mute): (i32, bool)) -> bool {
        let since = |holds: bool, since: Option<Mono>| holds.then(|| since.unwrap_or(now));
        let fails = mute || (point == LOOP && value >= SIGNALLED);
        match point {
            LOOP => {
                self.failing = since(fails, self.failing);
                self.measuring = since(!fails, self.measuring);
            }
            FLOODED => self.flooded = since(!mute && value > 100, self.flooded),
            _ => {}
        }
        !fails
    }

    /// What the registers of these points read; `None` for all others.
    pub(super) fn register(&self, point: PointId, mute: bool) -> Option<u16> {
        let above = match point {
            WORD => self.word,
            LOOP if mute => BROKEN,
            _ => return None,
        };
        Some(u16::try_from(signature(point) + above).unwrap())
    }

    /// Since when the point's alarms may be expected to speak, as far as its device goes: not while it checks itself or has failed.
    pub(super) fn speaks_since(&self, point: PointId) -> Option<Mono> {
        match self.word {
            WARM_UP | FAULT if point == CHECKED => None,
            _ if point == CHECKED => Some(self.since),
            _ => Some(Mono::ZERO),
        }
    }
}

/// Whether the device of the point may say that it checks itself, so that its alarms are held. What it said last holds on while it
/// cannot be asked.
pub(super) fn checks(snapshot: &Snapshot, point: PointId) -> bool {
    point == CHECKED && word_of(snapshot).is_none_or(|word| word == WARM_UP)
}

fn word_of(snapshot: &Snapshot) -> Option<i32> {
    let word = snapshot.table.get(WORD)?.sample.number()?;
    Some(word.get() as i32 - signature(WORD))
}

/// What the worlds tempted: checks heard, checks that lasted too long, failures heard, loops that failed, ranges that were held.
pub type Tempted = [u64; 5];

/// The observer.
#[derive(Debug, Default)]
pub(super) struct Observer {
    booted: Mono,
    /// What the status register was shown to say, and since when.
    heard: Option<(i32, Mono)>,
    /// Since when the registers have been shown without a gap.
    known: [Option<Mono>; 3],
    /// How the alarms on the checked value stood.
    states: [Option<AlarmState>; 2],
    was_checked: bool,
    shown: [bool; 5],
    pub(super) tempted: Tempted,
}

impl Observer {
    pub(super) fn restarted(&mut self, now: Mono) {
        *self = Self { booted: now, tempted: self.tempted, ..Self::default() };
    }

    /// What is wrong with what is shown of the sensors.
    pub(super) fn look(&mut self, now: Mono, snapshot: &Snapshot, lines: &Lines) -> Vec<String> {
        let sample = |point: PointId| snapshot.table.get(point).map(|entry| &entry.sample);
        for (known, point) in self.known.iter_mut().zip([WORD, LOOP, FLOODED]) {
            let shows = sample(point).is_some_and(|sample| sample.number().is_some());
            *known = if shows { known.or(Some(now)) } else { None };
        }
        let word = word_of(snapshot);
        if let Some(word) = word {
            let since = self.heard.filter(|(before, _)| *before == word).map_or(now, |(_, since)| since);
            self.heard = Some((word, since));
        }
        let mut broken = Vec::new();
        if let (Some(word), Some(checked)) = (word, sample(CHECKED)) {
            broken.extend(self.look_at_status((now, word), checked, snapshot));
            broken.extend(self.look_at_word((now, word), lines));
        }
        if let Some(shown) = sample(LOOP) {
            broken.extend(self.look_at_loop(now, shown, (snapshot, lines)));
        }
        if let Some(shown) = sample(FLOODED) {
            broken.extend(self.look_at_range(now, shown, (snapshot, lines)));
        }
        broken.extend(self.look_at_held(word == Some(WARM_UP), snapshot));
        broken
    }

    /// What the device says decides what is shown at once, and people are told.
    fn look_at_status(
        &mut self,
        (now, word): (Mono, i32),
        shown: &Sample,
        snapshot: &Snapshot,
    ) -> Option<String> {
        let since = self.heard.map_or(now, |(_, since)| since);
        let overdue = word == WARM_UP && now >= since + LIMIT;
        let told = |condition: Condition| snapshot.conditions.contains(&condition);
        let serious = told(Condition::SensorOutOfSpecification(CHECKED));
        let (right, is_told) = match word {
            WARM_UP if overdue => {
                (matches!(shown, Sample::Bad(_)), told(Condition::SensorCheckOverdue(CHECKED)))
            }
            WARM_UP => (!shown.is_good(), told(Condition::SensorCheck(CHECKED))),
            FAULT => (matches!(shown, Sample::Bad(_)), told(Condition::SensorFailure(CHECKED))),
            BEYOND => (!shown.is_good(), serious),
            WORN => (true, told(Condition::SensorMaintenance(CHECKED)) || serious),
            _ => {
                let any = [
                    Condition::SensorFailure(CHECKED),
                    Condition::SensorCheck(CHECKED),
                    Condition::SensorCheckOverdue(CHECKED),
                    Condition::SensorMaintenance(CHECKED),
                ];
                let said = matches!(
                    shown,
                    Sample::Suspect(_, Doubt::FunctionCheck)
                        | Sample::Bad(NoData::SensorFailure | NoData::CheckOverdue)
                );
                (!said, !any.into_iter().any(told))
            }
        };
        self.tempt(0, word == WARM_UP && !overdue);
        self.tempt(1, overdue);
        self.tempt(2, word == FAULT);
        (!right || !is_told).then(|| {
            format!("law 5: the device says {word} since {since:?}; at {now:?} {shown:?} is shown, told: {is_told}")
        })
    }

    /// What the device says is known a poll later.
    fn look_at_word(&self, (now, word): (Mono, i32), lines: &Lines) -> Option<String> {
        let (said, since) = (lines.sensors().word, lines.sensors().since);
        let due = self.due((WORD, self.known[0]?), since, lines) + PERIOD;
        (now > due && word != said)
            .then(|| format!("law 5: the device says {said} since {since:?}, and {word} is shown at {now:?}"))
    }

    /// A current that says failure is no value, and is told.
    fn look_at_loop(
        &mut self,
        now: Mono,
        shown: &Sample,
        (snapshot, lines): (&Snapshot, &Lines),
    ) -> Option<String> {
        let ma = shown.number().map(|value| 4.0 + 0.16 * (value.get() - f64::from(signature(LOOP))));
        if ma.is_some_and(|ma| ma <= 3.6 || ma >= 21.0) {
            return Some(format!("law 5: {ma:?} mA is shown as a value: {shown:?}"));
        }
        let failed = matches!(shown, Sample::Bad(NoData::CurrentLow | NoData::CurrentHigh));
        self.tempt(3, failed);
        if failed && !snapshot.conditions.contains(&Condition::SensorFailure(LOOP)) {
            return Some(format!("law 5: nobody is told of {shown:?}"));
        }
        if let Some(since) = lines.sensors().measuring.filter(|_| failed) {
            let due = self.due((LOOP, since), since, lines) + HOLD + PROBE;
            return (now > due)
                .then(|| format!("the loop measures since {since:?}, and {shown:?} is shown at {now:?}"));
        }
        let since = lines.sensors().failing?;
        let due = self.due((LOOP, self.known[1]?), since, lines) + HOLD + PERIOD;
        (now > due && !matches!(shown, Sample::Bad(_)))
            .then(|| format!("law 5: the loop has failed since {since:?}, and {shown:?} is shown at {now:?}"))
    }

    /// A detector that was flooded is not believed before somebody has reset it.
    fn look_at_range(
        &mut self,
        now: Mono,
        shown: &Sample,
        (snapshot, lines): (&Snapshot, &Lines),
    ) -> Option<String> {
        let alarm = snapshot.alarms.iter().find(|active| active.alarm == over_range(lines));
        let aside = alarm.is_some_and(|alarm| {
            matches!(alarm.state, AlarmState::OutOfService | AlarmState::Shelved | AlarmState::Suppressed)
        });
        let held = alarm.is_some() && !aside;
        self.tempt(4, held && matches!(shown, Sample::Suspect(_, Doubt::OverRangeHeld)));
        if held && shown.is_good() {
            return Some(format!("law 5: {alarm:?} was not reset, and {shown:?} is believed"));
        }
        let since = lines.sensors().flooded?;
        let due = self.due((FLOODED, self.known[2]?), since, lines) + PERIOD;
        (now > due && alarm.is_none())
            .then(|| format!("law 1: beyond its range since {since:?}, and nobody is told at {now:?}"))
    }

    /// While a device checks itself its value raises no alarm. One that stood before goes on as it is: a device is no named person.
    fn look_at_held(&mut self, is_checked: bool, snapshot: &Snapshot) -> Option<String> {
        let alarms = [AlarmId(CHECKED.0 * 3), AlarmId(CHECKED.0 * 3 + 1)];
        let state = |id| snapshot.alarms.iter().find(|active| active.alarm == id).map(|active| active.state);
        let states = alarms.map(state);
        let held = self.was_checked && is_checked;
        let raised = self
            .states
            .iter()
            .zip(&states)
            .any(|(before, after)| before.is_none() && *after == Some(AlarmState::Unacked));
        let before = std::mem::replace(&mut self.states, states);
        self.was_checked = is_checked;
        (held && raised).then(|| format!("a device in function check alarms: {before:?} to {states:?}"))
    }

    /// From when on a point can be held to what its device does: lines that answered, and a run that has seen it.
    fn due(&self, (point, known): (PointId, Mono), since: Mono, lines: &Lines) -> Mono {
        let (device, bus) = lines.device_of(point);
        since.max(known).max(lines.troubled_at(device, bus)).max(self.booted) + MARGIN
    }

    fn tempt(&mut self, what: usize, is_there: bool) {
        let before = std::mem::replace(&mut self.shown[what], is_there);
        self.tempted[what] += u64::from(is_there && !before);
    }
}

/// The alarm on the flooded detector.
fn over_range(lines: &Lines) -> AlarmId {
    // Behind three for each point that measures.
    AlarmId(u32::try_from(3 * lines.points()).unwrap())
}
