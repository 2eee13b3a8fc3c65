//! The cause & effect matrix (因果表) as the site's configuration describes it, and everything that can be wrong with it.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use super::{Cause, Permissive, PermitSpec, TripSpec};
use crate::alarm::{AlarmKind, AlarmSpec};
use crate::annunciate::Role;
use crate::id::{AlarmId, OutputId, PermitId, PointId, TripId, VoteId};
use crate::site::SiteTables;
use crate::vote::{VoteFault, VoteSpec};

/// Votes, trips and permits of a site.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Matrix {
    /// Votes.
    pub votes: Vec<VoteSpec>,
    /// Trips.
    pub trips: Vec<TripSpec>,
    /// Start permits.
    pub permits: Vec<PermitSpec>,
}

/// A trip or a permit.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Row {
    /// A trip.
    Trip(TripId),
    /// A permit.
    Permit(PermitId),
}

/// A list or field of a row.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Column {
    /// [`TripSpec::causes`].
    Causes,
    /// [`TripSpec::permissives`].
    Permissives,
    /// [`TripSpec::outputs`], [`PermitSpec::outputs`].
    Outputs,
    /// [`TripSpec::prove`].
    Prove,
    /// [`PermitSpec::fan`].
    Fan,
    /// [`PermitSpec::requires`].
    Requires,
    /// [`PermitSpec::trips`].
    Trips,
    /// [`super::HoldSpec::output`].
    Hold,
    /// [`super::HoldSpec::line`].
    Line,
    /// [`super::HoldSpec::released_by`].
    ReleasedBy,
}

/// What is wrong with a cell.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Wrong {
    /// It names what does not exist; so does a permissive that asks for a proof where nothing proves the trip.
    Unknown,
    /// It names again what the same list named before.
    Twice,
    /// Nothing is named where something must be.
    Missing,
    /// No time is given for the way to the safe position.
    NoTime,
    /// Its output keeps a fan running and is driven by a row that stops something: one relay cannot mean both.
    Contradiction,
    /// Its output is not one that interlocks may drive.
    NotAssist,
    /// What this cell watches is brought about by the row itself, directly or through others: once tripped, it could never
    /// be reset; once withheld, never granted.
    Cycle,
}

/// Something that is wrong with the matrix, and where.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MatrixFault {
    /// In a vote.
    Vote(VoteId, VoteFault),
    /// In a row.
    Cell {
        /// Which row.
        row: Row,
        /// Which list or field of it.
        column: Column,
        /// The place in the list; 0 in a field.
        index: usize,
        /// What is wrong.
        wrong: Wrong,
    },
}

/// What a cell names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Name {
    Cause(Cause),
    Output(OutputId),
    Point(PointId),
    ProofOf(TripId),
    Trip(TripId),
}

#[derive(Clone, Copy, Debug)]
struct Cell {
    row: Row,
    column: Column,
    index: usize,
    name: Name,
}

impl Cell {
    const fn fault(self, wrong: Wrong) -> MatrixFault {
        MatrixFault::Cell { row: self.row, column: self.column, index: self.index, wrong }
    }
}

impl Matrix {
    /// Everything that is wrong with it, given the rest of the site.
    #[must_use]
    pub fn faults(&self, site: &SiteTables) -> Vec<MatrixFault> {
        let mut faults = Vec::new();
        for (id, vote) in (0..).map(VoteId).zip(&self.votes) {
            faults.extend(vote.faults(&site.alarms).into_iter().map(|fault| MatrixFault::Vote(id, fault)));
        }
        let cells = self.cells();
        for (place, cell) in cells.iter().enumerate() {
            let same =
                |other: &Cell| (other.row, other.column, other.name) == (cell.row, cell.column, cell.name);
            if !self.exists(site, cell.name) {
                faults.push(cell.fault(Wrong::Unknown));
            } else if is_foreign(site, cell.name) {
                faults.push(cell.fault(Wrong::NotAssist));
            } else if cells[..place].iter().any(same) {
                faults.push(cell.fault(Wrong::Twice));
            } else if cell.column == Column::Hold
                && cells.iter().any(|other| other.column == Column::Outputs && other.name == cell.name)
            {
                faults.push(cell.fault(Wrong::Contradiction));
            }
        }
        self.incomplete(&mut faults);
        faults.extend(self.cycles(site, &cells));
        faults
    }

    /// Whether a row drives the output or keeps its fan running.
    #[must_use]
    pub fn drives(&self, output: OutputId) -> bool {
        self.cells().iter().any(|cell| cell.name == Name::Output(output))
    }

    /// Whether the alarm, alone or in a vote, drives the output: through a trip, or because a permit needs it quiet.
    #[must_use]
    pub fn drives_for(&self, output: OutputId, alarm: AlarmId) -> bool {
        let in_vote = |vote: &VoteSpec| vote.channels.contains(&alarm) || vote.any_of.contains(&alarm);
        let is = |cause: &Cause| match cause {
            Cause::Alarm(id) => *id == alarm,
            Cause::Vote(id) => self.votes.get(id.index()).is_some_and(in_vote),
        };
        let trips = |id: &TripId| self.trips.get(id.index()).is_some_and(|trip| trip.causes.iter().any(is));
        let tripped =
            self.trips.iter().any(|trip| trip.outputs.contains(&output) && trip.causes.iter().any(is));
        let withheld = |permit: &PermitSpec| permit.requires.iter().any(is) || permit.trips.iter().any(trips);
        tripped || self.permits.iter().any(|permit| permit.outputs.contains(&output) && withheld(permit))
    }

    /// Points that show what became of an effect, a fan or a line.
    pub fn feedbacks(&self) -> impl Iterator<Item = PointId> {
        self.cells().into_iter().filter_map(|cell| match cell.name {
            Name::Point(point) => Some(point),
            Name::Cause(_) | Name::Output(_) | Name::ProofOf(_) | Name::Trip(_) => None,
        })
    }

    /// Points on which a row depends: whoever bypasses one of them needs a second person.
    #[must_use]
    pub fn points(&self, alarms: &[AlarmSpec]) -> BTreeSet<PointId> {
        let votes = self.votes.iter().flat_map(|vote| vote.channels.iter().chain(&vote.any_of)).copied();
        let cells = self.cells();
        let causes = cells.iter().filter_map(|cell| match cell.name {
            Name::Cause(Cause::Alarm(alarm)) => Some(alarm),
            _ => None,
        });
        let watched = votes.chain(causes).filter_map(|alarm| alarms.get(alarm.index()));
        watched.map(|alarm| alarm.point).chain(self.feedbacks()).collect()
    }

    fn incomplete(&self, faults: &mut Vec<MatrixFault>) {
        let mut say =
            |row, column, index, wrong| faults.push(MatrixFault::Cell { row, column, index, wrong });
        for (id, trip) in (0..).map(TripId).zip(&self.trips) {
            let row = Row::Trip(id);
            if trip.causes.is_empty() {
                say(row, Column::Causes, 0, Wrong::Missing);
            }
            if trip.outputs.is_empty() {
                say(row, Column::Outputs, 0, Wrong::Missing);
            }
            if trip.prove.is_some_and(|prove| prove.within.is_zero()) {
                say(row, Column::Prove, 0, Wrong::NoTime);
            }
        }
        for (id, permit) in (0..).map(PermitId).zip(&self.permits) {
            if permit.outputs.is_empty() {
                say(Row::Permit(id), Column::Outputs, 0, Wrong::Missing);
            }
        }
    }

    fn exists(&self, site: &SiteTables, name: Name) -> bool {
        match name {
            Name::Cause(Cause::Alarm(id)) => id.index() < site.alarms.len(),
            Name::Cause(Cause::Vote(id)) => id.index() < self.votes.len(),
            Name::Output(id) => id.index() < site.outputs.len(),
            Name::Point(id) => id.index() < site.points.len(),
            Name::ProofOf(id) => self.trips[id.index()].prove.is_some(),
            Name::Trip(id) => id.index() < self.trips.len(),
        }
    }

    /// Everything that the rows name.
    fn cells(&self) -> Vec<Cell> {
        let mut cells = Vec::new();
        for (id, trip) in (0..).map(TripId).zip(&self.trips) {
            let row = Row::Trip(id);
            let needs = trip.permissives.iter().map(|permissive| match permissive {
                Permissive::Quiet(cause) => Name::Cause(*cause),
                Permissive::Proven => Name::ProofOf(id),
            });
            let prove = trip.prove.map(|prove| Name::Point(prove.feedback.point));
            add(&mut cells, row, Column::Causes, trip.causes.iter().copied().map(Name::Cause));
            add(&mut cells, row, Column::Permissives, needs);
            add(&mut cells, row, Column::Outputs, trip.outputs.iter().copied().map(Name::Output));
            add(&mut cells, row, Column::Prove, prove);
        }
        for (id, permit) in (0..).map(PermitId).zip(&self.permits) {
            let row = Row::Permit(id);
            add(&mut cells, row, Column::Fan, [Name::Point(permit.fan.point)]);
            add(&mut cells, row, Column::Requires, permit.requires.iter().copied().map(Name::Cause));
            add(&mut cells, row, Column::Trips, permit.trips.iter().copied().map(Name::Trip));
            add(&mut cells, row, Column::Outputs, permit.outputs.iter().copied().map(Name::Output));
            let Some(hold) = &permit.hold else {
                continue;
            };
            add(&mut cells, row, Column::Hold, [Name::Output(hold.output)]);
            add(&mut cells, row, Column::Line, hold.line.map(|line| Name::Point(line.point)));
            add(&mut cells, row, Column::ReleasedBy, hold.released_by.iter().copied().map(Name::Trip));
        }
        cells
    }

    /// Cells through which a row keeps itself from ever being ready again.
    ///
    /// Permissives are no such cells: "the valve is not shut" is a fair one on the trip's own feedback.
    fn cycles(&self, site: &SiteTables, cells: &[Cell]) -> Vec<MatrixFault> {
        let inputs: Vec<(Cell, BTreeSet<Row>)> = cells
            .iter()
            .filter(|cell| matches!(cell.column, Column::Causes | Column::Requires | Column::Trips))
            .map(|cell| (*cell, self.origins(site, cells, cell.name)))
            .collect();
        let closes = |cell: Cell, origins: &BTreeSet<Row>| {
            let (mut reached, mut before) = (BTreeSet::from([cell.row]), 0);
            while before < reached.len() {
                before = reached.len();
                for (next, origins) in &inputs {
                    if !reached.is_disjoint(origins) {
                        reached.insert(next.row);
                    }
                }
            }
            !reached.is_disjoint(origins)
        };
        let closed = inputs.iter().filter(|(cell, origins)| closes(*cell, origins));
        closed.map(|(cell, _)| cell.fault(Wrong::Cycle)).collect()
    }

    /// The rows that bring about what a cell names: a trip itself; and where a cause watches the feedback of a row, that
    /// row and all that share an output with it.
    fn origins(&self, site: &SiteTables, cells: &[Cell], name: Name) -> BTreeSet<Row> {
        let mut origins = BTreeSet::new();
        let cause = match name {
            Name::Trip(trip) => return BTreeSet::from([Row::Trip(trip)]),
            Name::Cause(cause) => cause,
            Name::Output(_) | Name::Point(_) | Name::ProofOf(_) => return origins,
        };
        let outputs = |cell: &&Cell| cell.column == Column::Outputs;
        for shown in cells.iter().filter(|cell| matches!(cell.column, Column::Prove | Column::Line)) {
            if self.watches(site, cause, shown.name) {
                origins.insert(shown.row);
                for own in cells.iter().filter(outputs).filter(|cell| cell.row == shown.row) {
                    let same = cells.iter().filter(outputs).filter(|cell| cell.name == own.name);
                    origins.extend(same.map(|cell| cell.row));
                }
            }
        }
        origins
    }

    /// Whether the cause stands or falls with the value of the point. The loss of a point is nobody's effect.
    fn watches(&self, site: &SiteTables, cause: Cause, point: Name) -> bool {
        let watched = |alarm: &AlarmId| {
            let spec = site.alarms.get(alarm.index());
            spec.is_some_and(|spec| spec.kind != AlarmKind::Lost && Name::Point(spec.point) == point)
        };
        match cause {
            Cause::Alarm(alarm) => watched(&alarm),
            Cause::Vote(vote) => {
                let vote = self.votes.get(vote.index());
                vote.is_some_and(|vote| vote.channels.iter().chain(&vote.any_of).any(watched))
            }
        }
    }
}

/// Whether it is an output with a role of its own, such as a horn.
fn is_foreign(site: &SiteTables, name: Name) -> bool {
    let Name::Output(id) = name else {
        return false;
    };
    site.outputs.get(id.index()).is_some_and(|output| output.role != Role::Interlock)
}

fn add(cells: &mut Vec<Cell>, row: Row, column: Column, names: impl IntoIterator<Item = Name>) {
    let cell = |(index, name)| Cell { row, column, index, name };
    cells.extend(names.into_iter().enumerate().map(cell));
}
