//! The plant as it is known: every point's sample and every alarm. Samples come in, changes of alarms and readings worth a
//! record come out.

use alloc::vec;
use alloc::vec::Vec;

use crate::Mono;
use crate::alarm::Alarm;
use crate::deadline::Deadlines;
use crate::id::{AlarmId, DeviceId, PointId};
use crate::outbox::record::{AlarmEvent, AlarmState, Verb};
use crate::reading::{NoData, Reading, Sample};
use crate::site::Site;
use crate::table::PointTable;

/// What a turn brought to be written down, in the order in which it happened.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) readings: Vec<Reading>,
    pub(crate) alarms: Vec<AlarmEvent>,
}

#[derive(Clone, Debug)]
pub(crate) struct Plant {
    pub(crate) table: PointTable,
    pub(crate) alarms: Vec<Alarm>,
    alarms_of: Vec<Vec<AlarmId>>,
    points_of: Vec<Vec<PointId>>,
    stale: Deadlines,
    delays: Deadlines,
}

impl Plant {
    pub(crate) fn new(site: &Site, now: Mono) -> Self {
        let mut alarms_of = vec![Vec::new(); site.points.len()];
        for (id, alarm) in (0..).map(AlarmId).zip(&site.alarms) {
            alarms_of[alarm.point.index()].push(id);
        }
        let mut points_of = vec![Vec::new(); site.devices.len()];
        let mut stale = Deadlines::new(site.points.len());
        for (id, point) in (0..).map(PointId).zip(&site.points) {
            points_of[point.device.index()].push(id);
            stale.arm(id.index(), now + point.stale_after);
        }
        Self {
            table: PointTable::new(site, now),
            alarms: vec![Alarm::default(); site.alarms.len()],
            alarms_of,
            points_of,
            stale,
            delays: Deadlines::new(site.alarms.len()),
        }
    }

    /// Takes a point's sample.
    pub(crate) fn take(&mut self, now: Mono, site: &Site, reading: Reading, found: &mut Found) {
        let Reading { point, sample } = reading;
        let spec = &site.points[point.index()];
        for id in &self.alarms_of[point.index()] {
            let alarm = &mut self.alarms[id.index()];
            let from = alarm.sample(now, &sample, &site.alarms[id.index()]);
            if let Some(at) = alarm.poll_timeout() {
                self.delays.arm(id.index(), at);
            }
            if let Some(from) = from {
                let value = sample.number();
                found.alarms.push(AlarmEvent { alarm: *id, from, to: alarm.state(), value, actor: None });
            }
        }
        let (stale_at, worth) = self.table.update(point, spec, sample.clone(), now);
        self.stale.arm(point.index(), stale_at);
        if worth {
            found.readings.push(Reading { point, sample });
        }
    }

    /// No point of the device has a value any more.
    pub(crate) fn lose_device(
        &mut self,
        now: Mono,
        site: &Site,
        lost: (DeviceId, NoData),
        found: &mut Found,
    ) {
        let (device, reason) = lost;
        for index in 0..self.points_of[device.index()].len() {
            let point = self.points_of[device.index()][index];
            self.take(now, site, Reading { point, sample: Sample::Bad(reason) }, found);
        }
    }

    /// Lets samples grow old and delays end.
    pub(crate) fn timeout(&mut self, now: Mono, site: &Site, found: &mut Found) {
        while let Some(key) = self.stale.pop(now) {
            let point = PointId(u32::try_from(key).unwrap_or(u32::MAX));
            match self.table.stale_at(point) {
                None => {}
                Some(at) if at > now => self.stale.arm(key, at),
                Some(_) => self.take(now, site, Reading { point, sample: Sample::Bad(NoData::Stale) }, found),
            }
        }
        while let Some(key) = self.delays.pop(now) {
            let (alarm, spec) = (&mut self.alarms[key], &site.alarms[key]);
            let from = alarm.timeout(now, spec);
            if let Some(at) = alarm.poll_timeout() {
                self.delays.arm(key, at);
            }
            if let Some(from) = from {
                let id = AlarmId(u32::try_from(key).unwrap_or(u32::MAX));
                let value = self.table.get(spec.point).and_then(|entry| entry.sample.number());
                found.alarms.push(AlarmEvent { alarm: id, from, to: alarm.state(), value, actor: None });
            }
        }
    }

    /// When [`Self::timeout`] has something to do, and why.
    pub(crate) fn poll_timeout(&mut self) -> Option<(Mono, &'static str)> {
        let stale = self.stale.next().map(|(at, _)| (at, "a point becomes stale"));
        let delay = self.delays.next().map(|(at, _)| (at, "an alarm's delay ends"));
        [stale, delay].into_iter().flatten().min_by_key(|(at, _)| *at)
    }

    /// Applies a person's verb to one alarm or to all; returns how many it changed.
    pub(crate) fn command(
        &mut self,
        site: &Site,
        verb: Verb,
        only: Option<AlarmId>,
        found: &mut Found,
    ) -> u32 {
        let mut changed = 0;
        for (id, (alarm, spec)) in (0..).map(AlarmId).zip(self.alarms.iter_mut().zip(&site.alarms)) {
            if only.is_some_and(|only| only != id) {
                continue;
            }
            let from: Option<AlarmState> = match verb {
                Verb::Silence => {
                    changed += u32::from(alarm.silence());
                    None
                }
                Verb::Acknowledge => alarm.acknowledge(spec),
                Verb::Reset => alarm.reset(spec),
            };
            if let Some(from) = from {
                changed += 1;
                found.alarms.push(AlarmEvent {
                    alarm: id,
                    from,
                    to: alarm.state(),
                    value: None,
                    actor: None,
                });
            }
        }
        changed
    }
}
