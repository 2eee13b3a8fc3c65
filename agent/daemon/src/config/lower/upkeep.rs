//! Calibrations and proof tests: names become numbers, and what the core finds wrong gets its place in the file.

use std::time::Duration;

use hazard_core::alarm::Signal;
use hazard_core::id::{AlarmId, PointId, TripId, UpkeepId};
use hazard_core::upkeep::{self, DAY, Duty, Effect, Limits, Plant, UpkeepFault, UpkeepSpec};
use hazard_core::{Utc, Value};
use jiff::tz::{Offset, TimeZone};

use super::interlock::short;
use super::{Lowering, Section};
use crate::config::catalogue::Code;
use crate::config::error::{Fault, Spot, args};
use crate::config::names::Found;
use crate::config::tree::Node;
use crate::config::upkeep::{DutyKey, UpkeepFile};
use crate::dictionary::UpkeepEntry;

/// So long before its date it is due soon, a quarter of the interval at most.
const WARN_DAYS: u32 = 30;
/// What a calibration may be off, of the range (GB 15322.1: 5 % of full scale).
const DEVIATION: f64 = 0.05;
/// China has one time zone and no summer time.
const ZONE: Offset = Offset::constant(8);

/// Where a duty is written.
struct Written<'a> {
    node: Node<'a>,
    tag: String,
    /// Where each effect is, with its name.
    effects: Vec<(Spot, String)>,
    /// An effect was not found: that was complained about already.
    broken: bool,
}

impl<'a> Lowering<'a> {
    pub(super) fn upkeep(&mut self, site: Section<'a, '_>) {
        let mut written = Vec::new();
        for (node, file) in self.list::<UpkeepFile>(site, "upkeep", self.recovered) {
            let Some(file) = file else { continue };
            let Some(point) = node.get("point").and_then(|name| self.point_at(name)) else { continue };
            let (effects, spots, broken) = self.effects((node, &file), point);
            let spec = self.duty((node, &file), point, effects);
            self.dictionary.upkeep.push(UpkeepEntry {
                point: point.0,
                duty: file.duty.name().to_owned(),
                every_days: file.every_days,
            });
            self.tables.upkeep.push(spec);
            written.push(Written { node, tag: file.point, effects: spots, broken });
        }
        let tables = &self.tables;
        let plant = Plant { points: &tables.points, alarms: &tables.alarms, trips: &tables.matrix.trips };
        for (id, fault) in upkeep::faults(&tables.upkeep, plant) {
            self.misdone((id, fault), &written);
        }
    }

    fn duty(
        &mut self,
        (node, file): (Node<'a>, &UpkeepFile),
        point: PointId,
        proves: Vec<Effect>,
    ) -> UpkeepSpec {
        let seconds = |max: Option<u32>| max.map(|seconds| Duration::from_secs(seconds.into()));
        let range = self.tables.points.get(point.index()).and_then(|point| point.range);
        let usual = range.filter(|_| file.duty == DutyKey::Calibration);
        let usual = usual.and_then(|(low, high)| Value::try_new((high.get() - low.get()) * DEVIATION));
        let last_done = file.last_done.as_deref().and_then(|day| self.day(node, "last_done", day));
        let midnight = last_done.and_then(|day| day.to_zoned(TimeZone::fixed(ZONE)).ok());
        UpkeepSpec {
            point,
            duty: match file.duty {
                DutyKey::Calibration => Duty::Calibration,
                DutyKey::ProofTest => Duty::ProofTest,
            },
            every: DAY * file.every_days,
            warn_before: DAY * file.warn_days.unwrap_or_else(|| WARN_DAYS.min(file.every_days / 4)),
            limits: Limits {
                response_max: seconds(file.response_max_s),
                recovery_max: seconds(file.recovery_max_s),
                deviation_max: file.deviation_max.and_then(Value::try_new).or(usual),
            },
            proves,
            last_done: midnight.map(|at| Utc::from_unix_ms(at.timestamp().as_millisecond())),
        }
    }

    /// What the test has to see, where each is written, and whether one was not found.
    #[allow(clippy::type_complexity, reason = "taken apart where it is called")]
    fn effects(
        &mut self,
        (node, file): (Node<'a>, &UpkeepFile),
        point: PointId,
    ) -> (Vec<Effect>, Vec<(Spot, String)>, bool) {
        let Some(list) = node.get("proves") else {
            let own = (0..).map(AlarmId).zip(&self.tables.alarms);
            let own = own.filter(|(_, alarm)| alarm.point == point && alarm.signal == Signal::Value);
            let own = own.filter(|_| file.duty == DutyKey::ProofTest);
            return (own.map(|(id, _)| Effect::Alarm(id)).collect(), Vec::new(), false);
        };
        let (mut effects, mut spots, mut broken) = (Vec::new(), Vec::new(), false);
        for name in list.members() {
            let text = name.value().as_str().unwrap_or_default();
            match self.effect(name, text) {
                Some(effect) => {
                    effects.push(effect);
                    spots.push((name.spot(), text.to_owned()));
                }
                None => broken = true,
            }
        }
        (effects, spots, broken)
    }

    fn effect(&mut self, node: Node<'a>, name: &str) -> Option<Effect> {
        // A tag could read like this too: it is an alarm only where there is no such trip.
        let of_trip = name.split_once(':').filter(|(word, _)| matches!(*word, "trip" | "feedback"));
        if let Some((word, trip)) = of_trip {
            return match self.trips.find(trip) {
                Found::At(found) if word == "trip" => Some(Effect::Trip(TripId(short(found)))),
                Found::At(found) => Some(Effect::Feedback(TripId(short(found)))),
                Found::Faulty => None,
                Found::Unknown(instead) => {
                    self.unknown(Fault::new(Code::UnknownTrip, node.spot(), vec![trip.into(), instead]));
                    None
                }
            };
        }
        self.alarm_at(node).map(Effect::Alarm)
    }

    /// Tells a fault of a duty at its place.
    fn misdone(&mut self, (id, fault): (UpkeepId, UpkeepFault), written: &[Written<'a>]) {
        let (Some(at), Some(spec)) = (written.get(id.index()), self.tables.upkeep.get(id.index())) else {
            return;
        };
        let (node, tag) = (at.node, at.tag.as_str());
        let nth = |wanted: &dyn Fn(Effect) -> bool, last: bool| {
            let mut places = spec.proves.iter().zip(&at.effects).filter(|(effect, _)| wanted(**effect));
            let place = if last { places.next_back() } else { places.next() };
            place.map_or((node.at("proves"), ""), |(_, (spot, name))| (*spot, name.as_str()))
        };
        let days = |span: Duration| span.as_secs() / DAY.as_secs();
        let fault = match fault {
            UpkeepFault::Twice(first) => {
                let duty = node.text("duty").unwrap_or_default();
                let fault = Fault::new(Code::UpkeepTwice, node.at("point"), args![tag, duty]);
                written
                    .get(first.index())
                    .map_or(fault.clone(), |first| fault.against(first.node.at("point")))
            }
            UpkeepFault::NoNumber => Fault::new(Code::UpkeepOfText, node.at("point"), args![tag]),
            UpkeepFault::WarnsTooEarly => {
                let words = args![tag, days(spec.warn_before), days(spec.every)];
                Fault::new(Code::UpkeepWarnsEarly, node.at("warn_days"), words)
            }
            UpkeepFault::ImpossibleLimit => {
                let max = spec.limits.deviation_max.map(Value::get).unwrap_or_default();
                Fault::new(Code::UpkeepLimit, node.at("deviation_max"), args![tag, max])
            }
            UpkeepFault::NothingTrips => Fault::new(Code::CalibrationProves, node.at("proves"), args![tag]),
            UpkeepFault::ProvesNothing if at.broken => return,
            UpkeepFault::ProvesNothing => Fault::new(Code::ProofProvesNothing, node.at("proves"), args![tag]),
            UpkeepFault::OtherPoint(alarm) => {
                let (spot, name) = nth(&|effect| effect == Effect::Alarm(alarm), false);
                Fault::new(Code::ProvesOtherPoint, spot, args![name, tag])
            }
            UpkeepFault::NoFeedback(trip) => {
                let (spot, name) = nth(&|effect| effect == Effect::Feedback(trip), false);
                let name = name.split_once(':').map_or(name, |(_, trip)| trip);
                Fault::new(Code::ProvesWithoutFeedback, spot, args![name])
            }
            UpkeepFault::EffectTwice(twice) => {
                let (spot, _) = nth(&|effect| effect == twice, true);
                Fault::new(Code::NamedTwice, spot, Vec::new())
            }
            // What the schema and the look-ups let through has none of these.
            UpkeepFault::UnknownPoint
            | UpkeepFault::UnknownEffect(_)
            | UpkeepFault::NoInterval
            | UpkeepFault::NotWholeDays => return,
        };
        self.faults.push(fault);
    }
}
