//! The book of upkeep: every duty with its date, and the tests that run. Time comes in as a [`Stamp`]: dates go by its wall
//! clock as far as that is trusted, tests by its monotonic clock alone.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use super::due::{Calendar, DAY, Date, KeptDate, Today};
use super::judge::End;
use super::running::{Running, restarted};
use super::{Begun, Due, Duty, Edge, Effect, Evidence, Mark, Outcome, TripMove, UpkeepSpec};
use crate::id::{AlarmId, PointId, TripId, UpkeepId};
use crate::reading::Sample;
use crate::{Mono, Stamp, Utc};

/// How much of it at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bounds {
    /// Tests that run at the same time.
    pub tests_max: u16,
    /// After this time a test ends by itself.
    pub lasts_max: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { tests_max: 4, lasts_max: Duration::from_secs(30 * 60) }
    }
}

/// Something that has to be written down.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    /// A duty moved towards its date or away from it.
    Due {
        /// Which.
        upkeep: UpkeepId,
        /// From where; [`Due::Unjudged`] before the first look.
        from: Due,
        /// Where to.
        to: Due,
    },
    /// The last test of a duty was not passed: a fact that stands until one is.
    Failing {
        /// Which.
        upkeep: UpkeepId,
        /// Whether it stands.
        stands: bool,
    },
    /// A test ended; every test that began does so once.
    Ended(Box<Evidence>),
}

/// Why a person's word about a test was not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// No duty has this number.
    Unknown,
    /// A name must be given.
    NoActor,
    /// A reason must be given.
    NoReason,
    /// A calibration without a known value compares with nothing.
    NothingApplied,
    /// A test of this point runs already.
    RunsAlready,
    /// So many run already.
    TooMany {
        /// As many as are allowed.
        max: u16,
    },
    /// No test of this duty runs.
    NotRunning,
    /// This was marked already.
    MarkedAlready,
    /// Gas that was not applied cannot be removed.
    NotApplied,
}

/// A duty at one moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Standing {
    /// Which.
    pub upkeep: UpkeepId,
    /// Where it stands.
    pub due: Due,
    /// When it was passed last, as far as that has a date.
    pub passed: Option<Utc>,
    /// The last test was not passed.
    pub failing: bool,
    /// A test runs, and ends by itself at this moment.
    pub runs_until: Option<Mono>,
}

/// What of a duty outlives a restart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KeptDuty {
    /// Which.
    pub upkeep: UpkeepId,
    /// When it was passed last.
    pub passed: Option<Utc>,
    /// It was found overdue, which a restart with a bad clock must not forget.
    pub overdue: bool,
    /// The last test was not passed.
    pub failing: bool,
}

/// What outlives a restart.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Kept {
    /// The latest moment that a believed clock has shown.
    pub latest: Option<Utc>,
    /// The duties.
    pub duties: Vec<KeptDuty>,
    /// Tests that were running, and when they began.
    pub running: Vec<(Begun, Stamp)>,
}

#[derive(Clone, Copy, Debug)]
struct Book {
    date: Date,
    failing: bool,
}

/// All duties of a site at run time.
#[derive(Clone, Debug)]
pub struct Upkeep {
    specs: Arc<[UpkeepSpec]>,
    bounds: Bounds,
    calendar: Calendar,
    books: Vec<Book>,
    running: Vec<Running>,
    looks_at: Mono,
}

impl Upkeep {
    /// Nothing was looked at yet: [`Self::step`] is due at once.
    #[must_use]
    pub fn new(specs: Arc<[UpkeepSpec]>, bounds: Bounds) -> Self {
        let book = |spec: &UpkeepSpec| Book { date: Date::new(spec.last_done), failing: false };
        let books = specs.iter().map(book).collect();
        let calendar = Calendar::default();
        Self { specs, bounds, calendar, books, running: Vec::new(), looks_at: Mono::ZERO }
    }

    /// Goes on where an earlier run stopped; to be called before anything else. A test that ran then has ended.
    pub fn resume(&mut self, kept: &Kept, stamp: Stamp) -> Vec<Change> {
        let mut changes = Vec::new();
        self.calendar.latest = kept.latest;
        for KeptDuty { upkeep, passed, overdue, failing } in kept.duties.iter().copied() {
            let Some(book) = self.books.get_mut(upkeep.index()) else {
                continue;
            };
            book.date.resume(KeptDate { passed, overdue });
            if failing {
                book.failing = true;
                changes.push(Change::Failing { upkeep, stands: true });
            }
        }
        for (begun, started) in &kept.running {
            if let Some(spec) = self.specs.get(begun.upkeep.index()) {
                let evidence = restarted((begun.clone(), *started), stamp, spec);
                self.note_end(stamp, evidence, &mut changes);
            }
        }
        self.look(stamp, &mut changes);
        changes
    }

    /// What must outlive a restart at this moment.
    #[must_use]
    pub fn kept(&self) -> Kept {
        let kept = |(upkeep, book): (UpkeepId, &Book)| {
            let KeptDate { passed, overdue } = book.date.kept();
            KeptDuty { upkeep, passed, overdue, failing: book.failing }
        };
        let running = self.running.iter().map(|test| (test.begun.clone(), test.started));
        Kept {
            latest: self.calendar.latest,
            duties: (0..).map(UpkeepId).zip(&self.books).map(kept).collect(),
            running: running.collect(),
        }
    }

    /// Looks at every date and ends the tests whose time is over; to be called when [`Self::poll_timeout`] says so and after
    /// each reading of the wall clock. Who sets the clock by hand and vouches for it calls it as [`ClockTrust::Synced`].
    ///
    /// [`ClockTrust::Synced`]: crate::ClockTrust::Synced
    pub fn step(&mut self, stamp: Stamp) -> Vec<Change> {
        let mut changes = Vec::new();
        while let Some(index) = self.running.iter().position(|test| test.until <= stamp.mono) {
            self.end(stamp, (index, End::TimedOut), &mut changes);
        }
        self.look(stamp, &mut changes);
        changes
    }

    /// When [`Self::step`] has something to do, and why.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<(Mono, &'static str)> {
        let test = self.running.iter().map(|test| (test.until, "a test's time is over")).min();
        let date = (!self.specs.is_empty()).then_some((self.looks_at, "a date of upkeep may come"));
        test.into_iter().chain(date).min_by_key(|(at, _)| *at)
    }

    /// Begins a test. The caller has seen to the bypass of a calibration, and to its absence in a proof test.
    ///
    /// # Errors
    /// When nobody begins it or says why, its point is under test, a calibration has no value to compare with, or too many run.
    pub fn begin(&mut self, stamp: Stamp, begun: Begun) -> Result<(), Refusal> {
        let spec = self.specs.get(begun.upkeep.index()).ok_or(Refusal::Unknown)?;
        let max = self.bounds.tests_max;
        if !crate::person::is_named(&begun.actor) {
            return Err(Refusal::NoActor);
        }
        if begun.reason.trim().is_empty() {
            return Err(Refusal::NoReason);
        }
        if spec.duty == Duty::Calibration && begun.applied.is_none() {
            return Err(Refusal::NothingApplied);
        }
        if self.running.iter().any(|test| self.specs[test.begun.upkeep.index()].point == spec.point) {
            return Err(Refusal::RunsAlready);
        }
        if self.running.len() >= usize::from(max) {
            return Err(Refusal::TooMany { max });
        }
        self.running.push(Running::new(begun, stamp, stamp.mono + self.bounds.lasts_max));
        Ok(())
    }

    /// Takes a sample of a point, as the table has it; where no test of the point runs, nothing happens.
    pub fn take(&mut self, now: Mono, point: PointId, sample: &Sample) {
        for test in &mut self.running {
            if self.specs[test.begun.upkeep.index()].point == point {
                test.take(now, sample);
            }
        }
    }

    /// Takes the word of the person at the detector: gas on, gas off.
    ///
    /// # Errors
    /// When no test runs, it was said already, or gas goes off that was not on.
    pub fn mark(&mut self, now: Mono, upkeep: UpkeepId, mark: Mark) -> Result<(), Refusal> {
        let index = self.index_of(upkeep)?;
        self.running[index].mark(now, mark)
    }

    /// An alarm of a point tripped or returned.
    pub fn alarm(&mut self, now: Mono, point: PointId, moved: (AlarmId, Edge)) {
        for test in &mut self.running {
            let spec = &self.specs[test.begun.upkeep.index()];
            if spec.point == point {
                test.alarm(now, moved, spec);
            }
        }
    }

    /// A trip moved, or its feedback said something; counts in the tests that have to see it.
    pub fn trip(&mut self, now: Mono, trip: TripId, moved: TripMove) {
        for test in &mut self.running {
            let proves = &self.specs[test.begun.upkeep.index()].proves;
            if proves.contains(&Effect::Trip(trip)) || proves.contains(&Effect::Feedback(trip)) {
                test.trip(now, trip, moved);
            }
        }
    }

    /// Finishes a test and judges it.
    ///
    /// # Errors
    /// When no test of this duty runs.
    pub fn finish(&mut self, stamp: Stamp, upkeep: UpkeepId) -> Result<Vec<Change>, Refusal> {
        self.close(stamp, upkeep, End::Finished)
    }

    /// Gives a test up.
    ///
    /// # Errors
    /// When no test of this duty runs.
    pub fn abort(&mut self, stamp: Stamp, upkeep: UpkeepId) -> Result<Vec<Change>, Refusal> {
        self.close(stamp, upkeep, End::Aborted)
    }

    /// Every duty, in site order.
    pub fn standing(&self) -> impl Iterator<Item = Standing> {
        (0..).map(UpkeepId).zip(&self.books).map(|(upkeep, book)| Standing {
            upkeep,
            due: book.date.due,
            passed: book.date.last(),
            failing: book.failing,
            runs_until: self.index_of(upkeep).ok().map(|index| self.running[index].until),
        })
    }

    fn index_of(&self, upkeep: UpkeepId) -> Result<usize, Refusal> {
        if upkeep.index() >= self.specs.len() {
            return Err(Refusal::Unknown);
        }
        self.running.iter().position(|test| test.begun.upkeep == upkeep).ok_or(Refusal::NotRunning)
    }

    fn close(&mut self, stamp: Stamp, upkeep: UpkeepId, end: End) -> Result<Vec<Change>, Refusal> {
        let index = self.index_of(upkeep)?;
        let mut changes = Vec::new();
        // Whoever finishes late finds it ended.
        let end = if self.running[index].until <= stamp.mono { End::TimedOut } else { end };
        self.end(stamp, (index, end), &mut changes);
        self.look(stamp, &mut changes);
        Ok(changes)
    }

    fn end(&mut self, stamp: Stamp, (index, end): (usize, End), changes: &mut Vec<Change>) {
        let test = self.running.remove(index);
        let spec = &self.specs[test.begun.upkeep.index()];
        let evidence = test.end(stamp, spec, end);
        self.note_end(stamp, evidence, changes);
    }

    /// Only a passed test moves the date and ends a failure. Whatever else a test came to stands: one that was given up
    /// leaves a detector that nobody has seen work.
    fn note_end(&mut self, stamp: Stamp, evidence: Box<Evidence>, changes: &mut Vec<Change>) {
        let upkeep = evidence.begun.upkeep;
        let book = &mut self.books[upkeep.index()];
        let failing = evidence.outcome != Outcome::Passed;
        if !failing {
            book.date.pass(stamp.mono, self.calendar.read(stamp));
        }
        let was = core::mem::replace(&mut book.failing, failing);
        changes.push(Change::Ended(evidence));
        if was != failing {
            changes.push(Change::Failing { upkeep, stands: failing });
        }
    }

    fn look(&mut self, stamp: Stamp, changes: &mut Vec<Change>) {
        let today: Option<Today> = self.calendar.read(stamp);
        let mut moves_in = DAY;
        for (upkeep, (spec, book)) in (0..).map(UpkeepId).zip(self.specs.iter().zip(&mut self.books)) {
            if let Some(from) = book.date.step(stamp.mono, spec, today) {
                changes.push(Change::Due { upkeep, from, to: book.date.due });
            }
            moves_in = moves_in.min(book.date.moves_in(spec, today));
        }
        self.looks_at = stamp.mono + moves_in;
    }
}
