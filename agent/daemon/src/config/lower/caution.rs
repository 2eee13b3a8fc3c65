//! What a site file may say and a plant should not: one table of rules over the lowered site. Each finds and places; what a
//! finding is called, says and stops is its code's. Warnings that the file accepts by name and reason are taken out here.

mod look;

use hazard_core::Side;
use hazard_core::alarm::{AlarmKind, AlarmSpec, Priority};
use hazard_core::annunciate::{OutputSpec, Role};
use hazard_core::interlock::Cause;
use hazard_core::point::Shape;
use hazard_core::site::Practice;
use hazard_core::vote::OnFault;

use super::Lowering;
use super::profile::Applied;
use super::tag::{Draft, Place};
use crate::config::accepted::{Accepted, AcceptedFile};
use crate::config::catalogue::Code;
use crate::config::check::instead;
use crate::config::error::{Arg, Fault, Lang, Severity, Spot, args};
use crate::config::interlock::AssistKey;
use crate::config::profile::ProfileKey;
use crate::config::tree::Node;
use crate::words;
use look::{Gas, Look, gas_of};

/// A detector answers within 30 s (GB 15322); what is added to that is added to the leak.
const GAS_DELAY_MAX_MS: u32 = 10_000;
/// A shift.
const BYPASS_MAX_MIN: u64 = 720;
const BYPASSES_MAX: u16 = 20;
/// A step of the register that is more than this part of the range is no measurement.
const COARSE: f64 = 0.1;
/// A message names so many.
const NAMED_MAX: usize = 5;

/// One rule; its code has the name, the texts and whether it stops the start.
struct Rule(Code, fn(&Look<'_, '_>) -> Vec<Found>);

const RULES: [Rule; 16] = [
    Rule(Code::ValveNotLatched, valves_not_latched),
    Rule(Code::GasNotLatched, gas_not_latched),
    Rule(Code::GasDelayed, gas_delayed),
    Rule(Code::GasLowPriority, gas_low_priority),
    Rule(Code::GasNotSafety, gas_not_safety),
    Rule(Code::GasSuppressed, gas_suppressed),
    Rule(Code::GasLowSetpoint, gas_low_setpoint),
    Rule(Code::AlarmUnheard, alarms_unheard),
    Rule(Code::LostUnheard, losses_unheard),
    Rule(Code::PollSlow, polls_slow),
    Rule(Code::StaleSlow, stale_slow),
    Rule(Code::SentinelInAlarm, sentinels_in_alarm),
    Rule(Code::ScaleFar, scales_far),
    Rule(Code::BypassLong, bypass_long),
    Rule(Code::BypassesMany, bypasses_many),
    Rule(Code::CauseNotFailSafe, causes_not_fail_safe),
];

/// What a rule found.
struct Found {
    /// By which it is accepted.
    of: String,
    spot: Spot,
    words: Vec<Arg>,
}

/// What the rules must know of a point besides its row.
pub(super) struct Measured<'a> {
    place: Place<'a>,
    /// Its profile, or what its unit implies.
    applied: Option<Applied>,
    /// The profile is written.
    told: bool,
    sentinels: Vec<i64>,
    has_current: bool,
}

impl<'a> Measured<'a> {
    pub(super) fn new(draft: &Draft<'a>) -> Self {
        Self {
            place: draft.place,
            applied: draft.profile.or_else(|| Applied::implied(draft.unit())),
            told: draft.profile.is_some(),
            sentinels: draft.file.sentinels.clone().unwrap_or_default(),
            has_current: draft.file.current.is_some(),
        }
    }
}

/// The least priority that a horn or a beacon shows; `None` for other outputs.
pub(super) const fn bar(output: &OutputSpec) -> Option<Priority> {
    match &output.role {
        Role::Horn(least) | Role::Beacon(least) => Some(*least),
        Role::Fault | Role::Alarms(_) | Role::Interlock | Role::Heartbeat => None,
    }
}

impl<'a> Lowering<'a> {
    /// Applies the rules. In a file with faults only those that are faults themselves: what was left out of it would be accused.
    pub(super) fn caution(&mut self, site: Node<'a>, practice: Option<Practice>) {
        let failed = self.has_failed() || self.recovered;
        let look = Look::new(self, site, practice);
        let rules = RULES.iter().filter(|Rule(code, _)| !failed || code.severity() == Severity::Error);
        let fault = |code: Code, found: Found| Fault::new(code, found.spot, found.words).about(found.of);
        let faults: Vec<Fault> = rules
            .flat_map(|Rule(code, find)| find(&look).into_iter().map(|found| fault(*code, found)))
            .collect();
        self.faults.extend(faults);
    }

    /// Takes out the warnings that the file accepts; an acceptance of nothing is a fault.
    pub(super) fn accept(&mut self, written: Vec<(Node<'a>, Option<AcceptedFile>)>) -> Vec<Accepted> {
        let failed = self.has_failed() || self.recovered;
        let (mut accepted, mut wrong) = (Vec::new(), Vec::new());
        let mut stays = vec![true; self.faults.len()];
        for (node, file) in written {
            let Some(file) = file else { continue };
            let warnings = Code::ALL.iter().filter(|code| code.severity() == Severity::Warning);
            let names: Vec<String> = warnings.map(|code| code.name()).collect();
            if !names.contains(&file.warning) {
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                let words = vec![file.warning.as_str().into(), instead(&file.warning, &names)];
                wrong.push(Fault::new(Code::UnknownWarning, node.at("warning"), words));
                continue;
            }
            let before = accepted.len();
            for (fault, stays) in self.faults.iter().zip(&mut stays) {
                if fault.code().name() == file.warning && fault.of() == file.of {
                    *stays = false;
                    accepted.push(Accepted {
                        warning: file.warning.clone(),
                        of: file.of.clone(),
                        reason: file.reason.clone(),
                        message: [fault.message(Lang::Zh), fault.message(Lang::En)],
                    });
                }
            }
            if accepted.len() == before && !failed {
                let words = args![&file.warning, &file.of];
                wrong.push(Fault::new(Code::AcceptsNothing, node.at("of"), words));
            }
        }
        let mut stays = stays.into_iter();
        self.faults.retain(|_| stays.next().unwrap_or(true));
        self.faults.extend(wrong);
        accepted
    }

    /// Warns of a time that does not clear the ducts.
    pub(super) fn run(&mut self, (permit, key): (&str, &str), node: Node<'a>, times: (u32, u32)) {
        let (written, usual) = times;
        let (code, words) = if written == 0 {
            (Code::RunAbsent, args![permit, key, usual])
        } else if written < usual {
            (Code::RunShort, args![permit, key, written, usual])
        } else {
            return;
        };
        self.faults.push(Fault::new(code, node.at(key), words).about(format!("{permit}:{key}")));
    }
}

/// Poll and staleness, milliseconds, that a quantity allows. Gas alarms sound within 10 s (as GB 16808 asks of a controller)
/// although one request fails; a dead detector is known within a minute.
const fn pace(key: ProfileKey) -> (u32, u32) {
    if gas_of(key).is_some() {
        (5_000, 60_000)
    } else if matches!(key, ProfileKey::Spark | ProfileKey::VentPanel | ProfileKey::IsolationValve) {
        (2_000, 30_000)
    } else {
        (60_000, 300_000)
    }
}

fn valves_not_latched(look: &Look<'_, '_>) -> Vec<Found> {
    let closes = |output: &usize| look.lowering.assists.get(*output) == Some(&Some(AssistKey::GasValveClose));
    let mut found = Vec::new();
    for trip in look.tables().matrix.trips.iter().filter(|trip| !trip.latch) {
        if let Some(output) = trip.outputs.iter().map(|output| output.index()).find(closes) {
            let valve = look.lowering.dictionary.outputs.get(output).map_or("", String::as_str);
            let spot = look.named("trips", &trip.name).at("latch");
            found.push(Found { of: trip.name.to_string(), spot, words: args![&trip.name, valve] });
        }
    }
    found
}

fn gas_not_latched(look: &Look<'_, '_>) -> Vec<Found> {
    let urgent = look.urgent().into_iter().filter(|(_, alarm)| !alarm.latch);
    urgent.map(|(index, _)| look.of_alarm(index, "latch", Vec::new())).collect()
}

fn gas_delayed(look: &Look<'_, '_>) -> Vec<Found> {
    let delay = |alarm: &AlarmSpec| alarm.threshold.on_delay.as_millis();
    let late = look.urgent().into_iter().filter(|(_, alarm)| delay(alarm) > GAS_DELAY_MAX_MS.into());
    late.map(|(index, alarm)| look.of_alarm(index, "on_delay_ms", args![delay(alarm), GAS_DELAY_MAX_MS]))
        .collect()
}

fn gas_low_priority(look: &Look<'_, '_>) -> Vec<Found> {
    let low = look.urgent().into_iter().filter(|(_, alarm)| alarm.priority < Priority::High);
    low.filter(|(_, alarm)| alarm.kind != AlarmKind::High || alarm.priority < Priority::Medium)
        .map(|(index, alarm)| look.of_alarm(index, "priority", args![words::priority(alarm.priority)]))
        .collect()
}

fn gas_not_safety(look: &Look<'_, '_>) -> Vec<Found> {
    let points = &look.tables().points;
    let unsafe_ones = look.gas_points().filter(|(at, _)| points.get(*at).is_some_and(|point| !point.safety));
    unsafe_ones.map(|(point, _)| look.of_point(point, "safety", Vec::new())).collect()
}

fn gas_suppressed(look: &Look<'_, '_>) -> Vec<Found> {
    let written = |point: usize| look.lowering.measured.get(point)?.place.get("suppressed_while");
    let suppressed = look.gas_points().filter(|(point, _)| written(*point).is_some());
    suppressed.map(|(point, _)| look.of_point(point, "suppressed_while", Vec::new())).collect()
}

fn gas_low_setpoint(look: &Look<'_, '_>) -> Vec<Found> {
    let harmful = look.gas_points().filter(|(_, gas)| *gas == Gas::Harmful);
    let alarms = harmful.flat_map(|(point, _)| look.alarms.get(point).into_iter().flatten().copied());
    let is_low = |alarm: &usize| {
        let spec = look.tables().alarms.get(*alarm);
        spec.is_some_and(|spec| matches!(spec.kind, AlarmKind::Low | AlarmKind::LowLow))
    };
    alarms.filter(is_low).map(|alarm| look.of_alarm(alarm, "kind", Vec::new())).collect()
}

/// The output with the lowest bar, and the alarms below it.
fn unheard<'l>(look: &'l Look<'_, '_>, lost: Lost) -> Option<(&'l str, Priority, Vec<usize>)> {
    let outputs = look.tables().outputs.iter();
    let (least, output) =
        outputs.filter_map(|output| Some((bar(output)?, output))).min_by_key(|(bar, _)| *bar)?;
    let is_lost = |alarm: &AlarmSpec| alarm.kind == AlarmKind::Lost;
    let below = |alarm: &AlarmSpec| alarm.priority < least && is_lost(alarm) == (lost == Lost::Yes);
    let alarms = look.tables().alarms.iter().enumerate().filter(|(_, alarm)| below(alarm));
    let alarms: Vec<usize> = alarms.map(|(index, _)| index).collect();
    let lowest =
        alarms.iter().filter_map(|at| look.tables().alarms.get(*at)).map(|alarm| alarm.priority).min()?;
    Some((&output.name, lowest, alarms))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Lost {
    Yes,
    No,
}

fn alarms_unheard(look: &Look<'_, '_>) -> Vec<Found> {
    let Some((output, lowest, alarms)) = unheard(look, Lost::No) else { return Vec::new() };
    let names: Vec<String> = alarms.iter().take(NAMED_MAX).map(|alarm| look.alarm_name(*alarm)).collect();
    let spot = look.named("outputs", output).at("min_priority");
    let words = args![output, alarms.len(), names.join(", "), words::priority(lowest)];
    vec![Found { of: output.to_owned(), spot, words }]
}

fn losses_unheard(look: &Look<'_, '_>) -> Vec<Found> {
    let Some((output, lowest, alarms)) = unheard(look, Lost::Yes) else { return Vec::new() };
    let spot = look.named("outputs", output).at("min_priority");
    let words = args![output, alarms.len(), words::priority(lowest)];
    vec![Found { of: output.to_owned(), spot, words }]
}

/// Points of which their profile says how fast they must be read.
fn paced<'l>(look: &'l Look<'_, '_>) -> impl Iterator<Item = (usize, &'static str, (u32, u32))> + 'l {
    look.lowering.measured.iter().enumerate().filter_map(|(point, measured)| {
        let is_gas = look.gases.get(point).is_some_and(Option::is_some);
        let profile = measured.applied.filter(|_| measured.told || is_gas)?.profile();
        Some((point, profile.name, pace(profile.key)))
    })
}

fn polls_slow(look: &Look<'_, '_>) -> Vec<Found> {
    let period = |point: usize| look.tables().points.get(point).map_or(0, |point| point.period.as_millis());
    let slow = paced(look).filter(|(point, _, (poll, _))| period(*point) > u128::from(*poll));
    slow.map(|(point, profile, (poll, _))| {
        look.of_point(point, "poll_ms", args![period(point), profile, poll])
    })
    .collect()
}

fn stale_slow(look: &Look<'_, '_>) -> Vec<Found> {
    let old = |point: usize| look.tables().points.get(point).map_or(0, |point| point.stale_after.as_millis());
    let slow = paced(look).filter(|(point, _, (_, stale))| old(*point) > u128::from(*stale));
    slow.map(|(point, profile, (_, stale))| {
        look.of_point(point, "stale_ms", args![old(point), profile, stale])
    })
    .collect()
}

fn sentinels_in_alarm(look: &Look<'_, '_>) -> Vec<Found> {
    let mut found = Vec::new();
    for (point, measured) in look.lowering.measured.iter().enumerate() {
        let Some(spec) = look.tables().points.get(point).filter(|spec| spec.source.exponent.is_none()) else {
            continue;
        };
        let Some((low, high)) = spec.range else { continue };
        for raw in &measured.sentinels {
            let Some(raw_value) = decoded(spec.source.shape, *raw) else { continue };
            let value = raw_value * spec.scale + spec.offset;
            let inside = value >= low.get() && value <= high.get();
            let trips = |alarm: &usize| {
                let at = look.tables().alarms.get(*alarm).map(|alarm| alarm.threshold);
                at.is_some_and(|at| match at.side {
                    Side::High => value >= at.setpoint.get(),
                    Side::Low => value <= at.setpoint.get(),
                })
            };
            let alarm = look.alarms.get(point).into_iter().flatten().find(|alarm| inside && trips(alarm));
            if let Some(alarm) = alarm {
                found.push(look.of_point(point, "sentinels", args![raw, value, look.kind(*alarm)]));
            }
        }
    }
    found
}

/// A raw integer as the shape reads it: `0xFFFF` of a signed register is −1.
fn decoded(shape: Shape, raw: i64) -> Option<f64> {
    Some(match shape {
        Shape::I16 => f64::from((raw & 0xFFFF) as u16 as i16),
        Shape::I32 => f64::from((raw & 0xFFFF_FFFF) as u32 as i32),
        Shape::U16 => f64::from((raw & 0xFFFF) as u16),
        Shape::U32 => f64::from((raw & 0xFFFF_FFFF) as u32),
        Shape::BitField { .. } | Shape::I64 | Shape::U64 => raw as f64,
        Shape::Bit | Shape::RegisterBit(_) | Shape::F32 | Shape::F64 | Shape::Bcd(_) | Shape::Text(_) => {
            return None;
        }
    })
}

fn scales_far(look: &Look<'_, '_>) -> Vec<Found> {
    let mut found = Vec::new();
    for (point, measured) in look.lowering.measured.iter().enumerate() {
        let is_gas = look.gases.get(point).is_some_and(Option::is_some);
        let Some(applied) = measured.applied.filter(|_| measured.told || is_gas) else { continue };
        let Some(spec) = look.tables().points.get(point) else { continue };
        let range = spec.range.map(|(low, high)| [low.get(), high.get()]).or_else(|| applied.range());
        let Some([low, high]) = range else { continue };
        let raw = match spec.source.shape {
            Shape::U16 => Some([0.0, f64::from(u16::MAX)]),
            Shape::I16 => Some([f64::from(i16::MIN), f64::from(i16::MAX)]),
            Shape::Bit
            | Shape::RegisterBit(_)
            | Shape::BitField { .. }
            | Shape::I32
            | Shape::U32
            | Shape::I64
            | Shape::U64
            | Shape::F32
            | Shape::F64
            | Shape::Bcd(_)
            | Shape::Text(_) => None,
        };
        let raw = raw.filter(|_| spec.source.exponent.is_none() && !measured.has_current);
        let reach = raw.map(|raw| raw.map(|raw| raw * spec.scale + spec.offset));
        let why = if reach.is_some_and(|[one, other]| one.max(other) < high) {
            Arg::Each("寄存器最大也到不了量程上限", "the register cannot reach the top of the range")
        } else if reach.is_some() && spec.scale.abs() > (high - low) * COARSE {
            Arg::Each("一个字就超过量程的 10 %", "one step is more than 10 % of the range")
        } else if applied.range().is_some_and(|usual| is_far(applied.profile().key, [low, high], usual)) {
            Arg::Each("量程远大于这种量的通行量程", "the range is far beyond what is usual for the quantity")
        } else {
            continue;
        };
        let key = if reach.is_some() && measured.place.get("scale").is_some() { "scale" } else { "range" };
        let mut words = args![low, high];
        words.push(why);
        found.push(look.of_point(point, key, words));
    }
    found
}

/// Detectors of toxic gases have ranges of many times the exposure limit; others do not.
fn is_far(key: ProfileKey, [low, high]: [f64; 2], usual: [f64; 2]) -> bool {
    let most = if key == ProfileKey::Toxic { 100.0 } else { 5.0 };
    high - low > most * (usual[1] - usual[0])
}

fn of_practice(look: &Look<'_, '_>, key: &str, words: Vec<Arg>) -> Vec<Found> {
    let spot = look.site.get("practice").map_or_else(|| look.site.spot(), |node| node.at(key));
    vec![Found { of: "practice".to_owned(), spot, words }]
}

fn bypass_long(look: &Look<'_, '_>) -> Vec<Found> {
    let minutes = look.practice.map_or(0, |practice| practice.bypass_max.as_secs() / 60);
    if minutes <= BYPASS_MAX_MIN {
        return Vec::new();
    }
    of_practice(look, "bypass_max_min", args![minutes, BYPASS_MAX_MIN])
}

fn bypasses_many(look: &Look<'_, '_>) -> Vec<Found> {
    let most = look.practice.map_or(0, |practice| practice.bypasses_max);
    if most <= BYPASSES_MAX {
        return Vec::new();
    }
    of_practice(look, "bypasses_max", args![most, BYPASSES_MAX])
}

fn causes_not_fail_safe(look: &Look<'_, '_>) -> Vec<Found> {
    let matrix = &look.tables().matrix;
    let is_for_safety = |alarm: usize| {
        let point = look.tables().alarms.get(alarm).map(|alarm| alarm.point.index());
        point.and_then(|point| look.tables().points.get(point)).is_some_and(|point| point.safety)
    };
    let mut found = Vec::new();
    for trip in &matrix.trips {
        let written = look.named("trips", &trip.name).get("causes").map(Node::members).unwrap_or_default();
        for (cause, node) in trip.causes.iter().zip(written) {
            let is_safe = match cause {
                Cause::Vote(vote) => matrix.votes.get(vote.index()).is_some_and(|vote| {
                    let channels = vote.channels.iter().chain(&vote.any_of);
                    vote.on_fault == OnFault::Trip && channels.into_iter().all(|at| is_for_safety(at.index()))
                }),
                Cause::Alarm(alarm) => trip.on_fault == OnFault::Trip && is_for_safety(alarm.index()),
            };
            if !is_safe {
                let name = node.value().as_str().unwrap_or_default();
                let of = format!("{}:{name}", trip.name);
                found.push(Found { of, spot: node.spot(), words: args![&trip.name, name] });
            }
        }
    }
    found
}
