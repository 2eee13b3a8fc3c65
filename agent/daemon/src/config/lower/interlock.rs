//! Votes, trips and permits: names become numbers, and what the core finds wrong with the matrix gets its place in the file.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use hazard_core::alarm::{AlarmKind, AlarmSpec, Priority, Signal};
use hazard_core::id::{AlarmId, OutputId, PermitId, PointId, TripId, VoteId};
use hazard_core::interlock::{
    Cause, Column, FeedbackSpec, HoldSpec, MatrixFault, Permissive, PermitSpec, ProveSpec, Row, TripSpec,
    Wrong,
};
use hazard_core::vote::{OnBypass, VoteFault, VoteSpec};
use hazard_core::{Side, Threshold, Value};

use super::tag::{index, priority};
use super::{Lowering, Section};
use crate::config::catalogue::Code;
use crate::config::error::{Arg, Fault, Spot, args};
use crate::config::interlock::{
    AssistKey, FeedbackFile, HoldFile, OnBypassKey, OnFaultKey, PermitFile, ProveFile, TripFile, VoteFile,
};
use crate::config::names::{Found, Names};
use crate::config::tree::Node;
use crate::dictionary::AlarmEntry;

/// A fan runs so long before its line starts (local form for dust enterprises; GB 15577).
const PRE_RUN_S: u32 = 600;
/// And so long after it stopped.
const POST_RUN_S: u32 = 900;

type Written<'a, T> = Vec<(Node<'a>, Option<T>)>;

/// The sections as written.
pub(super) struct Rows<'a> {
    votes: Written<'a, VoteFile>,
    trips: Written<'a, TripFile>,
    permits: Written<'a, PermitFile>,
}

/// Where everything is that the core may complain about.
#[derive(Default)]
struct Places {
    rows: HashMap<Row, Spot>,
    cells: HashMap<(Row, Column), Vec<Spot>>,
    votes: Vec<Vec<(AlarmId, Spot)>>,
    /// Rows with names that were not found: they were complained about already.
    broken: BTreeSet<Row>,
}

impl<'a> Lowering<'a> {
    /// Reads the sections, claims their names, and gives each proof its alarm, which other rows may name.
    pub(super) fn interlock_rows(&mut self, site: Section<'a, '_>) -> Rows<'a> {
        let mut all = Names::default();
        let mut rows = Rows {
            votes: self.list(site, "votes", self.recovered),
            trips: self.list(site, "trips", self.recovered),
            permits: self.list(site, "permits", self.recovered),
        };
        self.votes = self.claimed(&mut all, &mut rows.votes);
        self.trips = self.claimed(&mut all, &mut rows.trips);
        self.claimed(&mut all, &mut rows.permits);
        self.proofs(&rows.trips);
        rows
    }

    /// The names of one kind of row; a row whose name is taken is left out.
    fn claimed<T>(&mut self, all: &mut Names, rows: &mut Written<'a, T>) -> Names {
        let (mut own, mut count) = (Names::default(), 0);
        for (node, file) in rows {
            let Some(name) = node.text("id") else { continue };
            let spot = node.at("id");
            if let Err(first) = all.claim(name, spot) {
                let words = vec![Arg::Each("联锁", "interlocks"), name.into()];
                self.faults.push(Fault::new(Code::DuplicateName, spot, words).against(first));
                *file = None;
            } else if own.claim(name, spot).is_ok() && file.is_some() {
                own.settle(name, count);
                count += 1;
            }
        }
        own
    }

    /// An effect that is not shown is an alarm on its feedback point.
    fn proofs(&mut self, trips: &Written<'a, TripFile>) {
        for (node, file) in trips {
            let Some(prove) = file.as_ref().and_then(|file| file.prove.as_ref()) else { continue };
            let Found::At(trip) = self.trips.find(node.text("id").unwrap_or_default()) else { continue };
            let tag = &prove.feedback.point;
            let Found::At(point) = self.tags.find(tag) else { continue };
            let name = format!("{tag}:unproven");
            if self.alarm_names.claim(&name, node.at("prove")).is_err() {
                // Two trips that one feedback proves share its alarm's name: told where the second one is lowered.
                continue;
            }
            let latch = true;
            let level = prove.priority.map_or(Priority::Critical, priority);
            self.alarm_names.settle(&name, self.tables.alarms.len());
            self.dictionary.alarms.push(AlarmEntry {
                point: index(point),
                kind: "unproven".to_owned(),
                priority: crate::words::priority(level).to_owned(),
                setpoint: String::new(),
                latch,
            });
            let zone =
                self.tables.alarms.iter().find(|alarm| alarm.point.index() == point).map(|alarm| alarm.zone);
            let spec =
                AlarmSpec::new(PointId(index(point)), AlarmKind::Unproven, Threshold::switch(Side::High));
            self.tables.alarms.push(AlarmSpec {
                signal: Signal::Unproven { trip: TripId(short(trip)) },
                priority: level,
                latch,
                zone: zone.unwrap_or(spec.zone),
                ..spec
            });
        }
    }

    /// Lowers the rows, when every name that they may use is known.
    pub(super) fn matrix(&mut self, rows: Rows<'a>) {
        let mut places = Places::default();
        for (node, file) in rows.votes {
            if let Some(file) = file {
                self.vote(node, &file, &mut places);
            }
        }
        for (node, file) in rows.trips {
            if let Some(file) = file {
                self.trip(node, &file, &mut places);
            }
        }
        for (node, file) in rows.permits {
            if let Some(file) = file {
                self.permit(node, &file, &mut places);
            }
        }
        for fault in self.tables.matrix.faults(&self.tables) {
            self.misplaced(fault, &places);
        }
        self.without_row();
    }

    /// An output that waits for a row which nobody wrote does nothing for ever.
    fn without_row(&mut self) {
        for (index, spot) in self.interlock_outputs.clone() {
            if !self.recovered && !self.tables.matrix.drives(OutputId(short(index))) {
                let name = self.dictionary.outputs.get(index).map_or("", String::as_str);
                self.faults.push(Fault::new(Code::OutputWithoutRow, spot, args![name]));
            }
        }
    }

    fn vote(&mut self, node: Node<'a>, file: &VoteFile, places: &mut Places) {
        let rule = parse_rule(&file.rule);
        let count = file.channels.len();
        if rule.is_none_or(|(needed, of)| needed == 0 || needed > of || usize::from(of) != count) {
            let words = args![&file.id, &file.rule, count];
            self.faults.push(Fault::new(Code::VoteRule, node.at("rule"), words));
        }
        let mut spots = Vec::new();
        let mut alarms = [Vec::new(), Vec::new()];
        for (list, key) in alarms.iter_mut().zip(["channels", "any_of"]) {
            for name in node.get(key).map(Node::members).unwrap_or_default() {
                let alarm = self.alarm_at(name);
                spots.extend(alarm.map(|alarm| (alarm, name.spot())));
                list.extend(alarm);
            }
        }
        let [channels, any_of] = alarms;
        places.votes.push(spots);
        self.dictionary.votes.push(file.id.clone());
        self.tables.matrix.votes.push(VoteSpec {
            name: file.id.as_str().into(),
            needed: rule.map_or(1, |(needed, _)| needed),
            channels,
            any_of,
            on_fault: OnFaultKey::lowered(file.on_fault),
            on_bypass: match file.on_bypass {
                None | Some(OnBypassKey::NeedFewer) => OnBypass::NeedFewer,
                Some(OnBypassKey::NeedSame) => OnBypass::NeedSame,
            },
        });
    }

    fn trip(&mut self, node: Node<'a>, file: &TripFile, places: &mut Places) {
        let row = Row::Trip(TripId(short(self.tables.matrix.trips.len())));
        places.rows.insert(row, node.at("id"));
        let causes = self.column((row, Column::Causes), node.get("causes"), places, Self::cause_at);
        let outputs = self.column((row, Column::Outputs), node.get("outputs"), places, |lowering, name| {
            lowering.effect_at(name, &[AssistKey::StartPermit, AssistKey::FanHold])
        });
        let needs = self.column((row, Column::Permissives), node.get("reset_needs"), places, Self::cause_at);
        let mut permissives: Vec<Permissive> = needs.into_iter().map(Permissive::Quiet).collect();
        let prove = file.prove.as_ref().zip(node.get("prove"));
        let prove = prove.and_then(|(prove, node)| self.prove((row, Column::Prove), (node, prove), places));
        if prove.is_some() && file.prove.as_ref().and_then(|prove| prove.for_reset).unwrap_or(true) {
            permissives.push(Permissive::Proven);
        }
        let reset_button = node.get("reset_button").and_then(|name| self.button_at(name));
        self.dictionary.trips.push(file.id.clone());
        self.tables.matrix.trips.push(TripSpec {
            name: file.id.as_str().into(),
            causes,
            on_fault: OnFaultKey::lowered(file.on_fault),
            outputs,
            latch: file.latch.unwrap_or(true),
            permissives,
            prove,
            reset_button,
        });
    }

    fn prove(
        &mut self,
        at: (Row, Column),
        (node, file): (Node<'a>, &ProveFile),
        places: &mut Places,
    ) -> Option<ProveSpec> {
        let Row::Trip(trip) = at.0 else { return None };
        let feedback = self.feedback(at, node.get("feedback").map(|node| (node, &file.feedback)), places)?;
        let of_another = self.tables.alarms.iter().any(|alarm| {
            matches!(alarm.signal, Signal::Unproven { trip: other } if other != trip)
                && alarm.point == feedback.point
        });
        let own = self.tables.alarms.iter().any(|alarm| alarm.signal == (Signal::Unproven { trip }));
        if of_another && !own {
            let words = args![&file.feedback.point];
            self.faults.push(Fault::new(Code::ProvesTwo, node.at("feedback"), words));
        }
        Some(ProveSpec { feedback, within: Duration::from_secs(file.within_s.into()) })
    }

    fn permit(&mut self, node: Node<'a>, file: &PermitFile, places: &mut Places) {
        let row = Row::Permit(PermitId(short(self.tables.matrix.permits.len())));
        places.rows.insert(row, node.at("id"));
        let fan = node.get("fan").map(|node| (node, &file.fan));
        let fan = self.feedback((row, Column::Fan), fan, places);
        let requires = self.column((row, Column::Requires), node.get("requires"), places, Self::cause_at);
        let trips = self.column((row, Column::Trips), node.get("trips"), places, Self::trip_at);
        let outputs = self.column((row, Column::Outputs), node.get("outputs"), places, |lowering, name| {
            lowering
                .effect_at(name, &[AssistKey::FanHold, AssistKey::GasValveClose, AssistKey::ExhaustFanStart])
        });
        self.run((&file.id, "pre_run_s"), node, (file.pre_run_s, PRE_RUN_S));
        let hold = file.hold.as_ref().zip(node.get("hold"));
        let hold = hold.and_then(|(hold, node)| self.hold(row, (node, hold), (places, &file.id)));
        self.dictionary.permits.push(file.id.clone());
        // A feedback that was not found is told; the row stays so that numbers stay.
        let nothing = FeedbackSpec { point: PointId(u32::MAX), side: Side::High, limit: Value::HALF };
        self.tables.matrix.permits.push(PermitSpec {
            name: file.id.as_str().into(),
            fan: fan.unwrap_or(nothing),
            pre_run: Duration::from_secs(file.pre_run_s.into()),
            requires,
            trips,
            outputs,
            hold,
        });
    }

    fn hold(
        &mut self,
        row: Row,
        (node, file): (Node<'a>, &HoldFile),
        (places, id): (&mut Places, &str),
    ) -> Option<HoldSpec> {
        let name = node.get("output");
        let output = self.single((row, Column::Hold), name, places, |lowering, name| {
            let others = [
                AssistKey::Annunciator,
                AssistKey::GasValveClose,
                AssistKey::ExhaustFanStart,
                AssistKey::FeedStop,
                AssistKey::StartPermit,
            ];
            lowering.effect_at(name, &others)
        });
        let line = node.get("line").zip(file.line.as_ref());
        let line = line.map(|line| self.feedback((row, Column::Line), Some(line), places));
        let released = node.get("released_by");
        let released_by = self.column((row, Column::ReleasedBy), released, places, Self::trip_at);
        self.run((id, "post_run_s"), node, (file.post_run_s, POST_RUN_S));
        let post_run = Duration::from_secs(file.post_run_s.into());
        Some(HoldSpec { output: output?, line: line.flatten(), post_run, released_by })
    }

    /// Looks up the names of a list; the row is broken where one is not found.
    fn column<T>(
        &mut self,
        at: (Row, Column),
        list: Option<Node<'a>>,
        places: &mut Places,
        look: impl Fn(&mut Self, Node<'a>) -> Option<T>,
    ) -> Vec<T> {
        let mut found = Vec::new();
        for name in list.map(Node::members).unwrap_or_default() {
            match look(self, name) {
                Some(thing) => {
                    found.push(thing);
                    places.cells.entry(at).or_default().push(name.spot());
                }
                None => drop(places.broken.insert(at.0)),
            }
        }
        found
    }

    /// The same for one name.
    fn single<T>(
        &mut self,
        at: (Row, Column),
        name: Option<Node<'a>>,
        places: &mut Places,
        look: impl Fn(&mut Self, Node<'a>) -> Option<T>,
    ) -> Option<T> {
        let name = name?;
        let found = look(self, name);
        match found {
            Some(_) => places.cells.entry(at).or_default().push(name.spot()),
            None => drop(places.broken.insert(at.0)),
        }
        found
    }

    fn feedback(
        &mut self,
        at: (Row, Column),
        written: Option<(Node<'a>, &FeedbackFile)>,
        places: &mut Places,
    ) -> Option<FeedbackSpec> {
        let (node, file) = written?;
        let point = self.single(at, node.get("point"), places, Self::point_at)?;
        let is_switch = self.dictionary.points.get(point.index()).is_some_and(|entry| entry.is_switch);
        let (side, limit) = match (file.above, file.below) {
            (Some(limit), None) => (Side::High, Some(limit)),
            (None, Some(limit)) => (Side::Low, Some(limit)),
            (None, None) if is_switch => (Side::High, None),
            (None, None) | (Some(_), Some(_)) => {
                let words = args![&file.point];
                self.faults.push(Fault::new(Code::FeedbackLimit, node.spot(), words));
                (Side::High, None)
            }
        };
        let limit = limit.and_then(Value::try_new).unwrap_or(Value::HALF);
        Some(FeedbackSpec { point, side, limit })
    }

    pub(super) fn alarm_at(&mut self, name: Node<'a>) -> Option<AlarmId> {
        self.cause_named(name, false).and_then(|cause| match cause {
            Cause::Alarm(alarm) => Some(alarm),
            Cause::Vote(_) => None,
        })
    }

    fn cause_at(&mut self, name: Node<'a>) -> Option<Cause> {
        self.cause_named(name, true)
    }

    fn cause_named(&mut self, node: Node<'a>, votes: bool) -> Option<Cause> {
        let name = node.value().as_str().unwrap_or_default();
        if votes {
            match self.votes.find(name) {
                Found::At(vote) => return Some(Cause::Vote(VoteId(short(vote)))),
                Found::Faulty => return None,
                Found::Unknown(_) => {}
            }
        }
        match self.alarm_names.find(name) {
            Found::At(alarm) => Some(Cause::Alarm(AlarmId(index(alarm)))),
            Found::Faulty => None,
            Found::Unknown(instead) => {
                // The alarm of a point that is faulty itself may well be meant.
                let tag = name.rsplit_once(':').map_or(name, |(tag, _)| tag);
                if !matches!(self.tags.find(tag), Found::Faulty) {
                    let words = vec![name.into(), instead];
                    self.unknown(Fault::new(Code::UnknownCause, node.spot(), words));
                }
                None
            }
        }
    }

    fn trip_at(&mut self, node: Node<'a>) -> Option<TripId> {
        let name = node.value().as_str().unwrap_or_default();
        match self.trips.find(name) {
            Found::At(trip) => Some(TripId(short(trip))),
            Found::Faulty => None,
            Found::Unknown(instead) => {
                self.unknown(Fault::new(Code::UnknownTrip, node.spot(), vec![name.into(), instead]));
                None
            }
        }
    }

    pub(super) fn point_at(&mut self, node: Node<'a>) -> Option<PointId> {
        let name = node.value().as_str().unwrap_or_default();
        match self.tags.find(name) {
            Found::At(point) => Some(PointId(index(point))),
            Found::Faulty => None,
            Found::Unknown(instead) => {
                self.unknown(Fault::new(Code::UnknownPoint, node.spot(), vec![name.into(), instead]));
                None
            }
        }
    }

    fn button_at(&mut self, node: Node<'a>) -> Option<PointId> {
        let point = self.point_at(node)?;
        let entry = self.dictionary.points.get(point.index())?;
        if !entry.is_switch {
            let words = args![&entry.tag];
            self.faults.push(Fault::new(Code::ButtonNotSwitch, node.spot(), words));
        }
        Some(point)
    }

    /// An output for interlocks whose use is none of `foreign`.
    fn effect_at(&mut self, node: Node<'a>, foreign: &[AssistKey]) -> Option<OutputId> {
        let name = node.value().as_str().unwrap_or_default();
        match self.output_names.find(name) {
            Found::At(output) => {
                let assist = self.assists.get(output).copied().flatten();
                if let Some(assist) = assist.filter(|assist| foreign.contains(assist)) {
                    let words = args![name, assist.name()];
                    self.faults.push(Fault::new(Code::AssistMisused, node.spot(), words));
                }
                Some(OutputId(short(output)))
            }
            Found::Faulty => None,
            Found::Unknown(instead) => {
                self.unknown(Fault::new(Code::UnknownOutput, node.spot(), vec![name.into(), instead]));
                None
            }
        }
    }

    /// Tells a fault of the matrix at its place.
    fn misplaced(&mut self, fault: MatrixFault, places: &Places) {
        match fault {
            MatrixFault::Vote(vote, fault) => self.vote_fault(vote, fault, places),
            MatrixFault::Cell { row, column, index, wrong } => {
                if places.broken.contains(&row) && wrong != Wrong::Cycle {
                    return;
                }
                let cells = places.cells.get(&(row, column));
                let spot = cells.and_then(|spots| spots.get(index)).or_else(|| places.rows.get(&row));
                let Some(spot) = spot.copied() else { return };
                let code = match wrong {
                    Wrong::Unknown | Wrong::Missing | Wrong::NoTime => return,
                    Wrong::Twice => Code::NamedTwice,
                    Wrong::Contradiction => Code::HoldContradicts,
                    Wrong::NotAssist => Code::NotAssist,
                    Wrong::Cycle => Code::Cycle,
                };
                self.faults.push(Fault::new(code, spot, Vec::new()));
            }
        }
    }

    fn vote_fault(&mut self, vote: VoteId, fault: VoteFault, places: &Places) {
        let (alarm, code) = match fault {
            // The rule and the names were looked at before.
            VoteFault::NoChannels
            | VoteFault::NeedsNone
            | VoteFault::NeedsTooMany
            | VoteFault::Unknown(_) => return,
            VoteFault::Twice(alarm) => (alarm, Code::NamedTwice),
            VoteFault::SameDetector(alarm) => (alarm, Code::SameDetector),
            VoteFault::NobodySpeaksFor(alarm) => (alarm, Code::NobodySpeaksFor),
        };
        let spots = places.votes.get(vote.index()).map(Vec::as_slice).unwrap_or_default();
        if let Some((_, spot)) = spots.iter().rev().find(|(other, _)| *other == alarm) {
            self.faults.push(Fault::new(code, *spot, Vec::new()));
        }
    }
}

/// `2oo3`, in any case: how many of how many.
fn parse_rule(rule: &str) -> Option<(u8, u8)> {
    let rule = rule.to_ascii_lowercase();
    let (needed, of) = rule.split_once("oo")?;
    Some((needed.parse().ok()?, of.parse().ok()?))
}

/// A table position as the core counts it; these tables are bounded far below.
pub(super) fn short(position: usize) -> u16 {
    u16::try_from(position).unwrap_or(u16::MAX)
}
