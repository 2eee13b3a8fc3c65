//! The standing figures in the engine: counted each second, summed over a day, and told once a day.

use core::time::Duration;

use crate::Mono;
use crate::engine::Engine;
use crate::outbox::record::Body;
use crate::upkeep::DAY;
use crate::upkeep::share::{self, Count, DayShares, KeptShare, Served, TimeShare};

/// One figure at one moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Figure {
    /// At this moment.
    pub now: Count,
    /// Over the running day so far.
    pub day: Served,
    /// Over the last whole day.
    pub last: Option<Served>,
}

/// The figures at one moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct FiguresNow {
    /// 联锁投用率: interlock points and trips in service.
    pub interlocks: Figure,
    /// Healthy points.
    pub healthy: Figure,
}

/// What of the figures outlives a restart.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct KeptFigures {
    /// 联锁投用率.
    pub interlocks: KeptShare,
    /// Healthy points.
    pub healthy: KeptShare,
}

/// Both figures of a site; their days begin and end together.
#[derive(Clone, Debug)]
pub(crate) struct Figures {
    interlocks: TimeShare,
    healthy: TimeShare,
}

impl Figures {
    pub(crate) fn new(now: Mono) -> Self {
        Self { interlocks: TimeShare::new(now, DAY), healthy: TimeShare::new(now, DAY) }
    }

    pub(crate) const fn now(&self) -> FiguresNow {
        const fn figure(share: &TimeShare) -> Figure {
            Figure { now: share.count(), day: share.running(), last: share.last() }
        }
        FiguresNow { interlocks: figure(&self.interlocks), healthy: figure(&self.healthy) }
    }

    pub(crate) const fn kept(&self) -> KeptFigures {
        KeptFigures { interlocks: self.interlocks.kept(), healthy: self.healthy.kept() }
    }
}

impl Engine {
    /// Counts what serves at this moment.
    pub(crate) fn count_figures(&mut self) {
        let (now, points) = (self.now(), &self.site.points);
        let sample = |point| self.plant.table.get(point).map(|entry| &entry.sample);
        let bypasses = self.plant.bypasses.standing();
        let interlocks = share::interlock_points(points, sample, bypasses) + self.trips_in_service();
        let healthy = share::healthy_points(points, sample, bypasses);
        let ended = (self.figures.interlocks.step(now, interlocks), self.figures.healthy.step(now, healthy));
        self.note_day(ended);
    }

    pub(crate) fn resume_figures(&mut self, kept: KeptFigures, away: Option<Duration>) {
        let figures = &mut self.figures;
        let interlocks = figures.interlocks.resume(kept.interlocks, away);
        let healthy = figures.healthy.resume(kept.healthy, away);
        self.note_day((interlocks, healthy));
    }

    fn note_day(&mut self, ended: (Option<Served>, Option<Served>)) {
        if let (Some(interlocks), Some(healthy)) = ended {
            let stamp = self.stamp();
            self.outbox.offer(stamp, Body::Shares(DayShares { interlocks, healthy }));
            self.close_day();
        }
    }
}
