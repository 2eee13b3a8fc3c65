//! Builds the status document: names for numbers, words for variants.

use std::cmp::Reverse;
use std::time::Duration;

use hazard_core::bypass::Bypass;
use hazard_core::id::PointId;
use hazard_core::link::LinkFault;
use hazard_core::outbox::JournalState;
use hazard_core::outbox::record::Condition;
use hazard_core::poll::{DelayState, Standing as Health};
use hazard_core::reading::{Quantity, Sample};
use hazard_core::snapshot::ActiveAlarm;
use hazard_core::{Mono, Snapshot, Utc};
use jiff::Timestamp;

use super::calls::Calls;
use super::causes;
use super::interlocks::Interlocks;
use super::ledger::LedgerRow;
use super::lines::{BusRow, DeviceRow, LinkRow};
use super::sensors::SensorRow;
use super::status::{
    Agent, AlarmRow, BypassRow, Clock, DelayRow, Facts, JournalRow, OutputRow, Place, PointRow, Shown,
    Standing, Status, Word,
};
use super::upkeep::{Figures, UpkeepRow};
use super::uplinks::uplinks;
use crate::dictionary::{Dictionary, PointEntry};
use crate::modbus::LinkCounts;
use crate::words;

/// Less history than this says nothing about the journal's pace.
const PACE_MIN_MS: i64 = 3_600_000;
const DAY_MS: u128 = 86_400_000;

pub(super) fn status(snapshot: &Snapshot, facts: &Facts) -> Status {
    let dictionary = &facts.dictionary;
    Status {
        site: place(facts),
        agent: Agent {
            version: facts.version.to_owned(),
            config: dictionary.config_hash.clone(),
            epoch: snapshot.epoch.to_string(),
            epoch_no: facts.epoch_no,
            started: time(facts.started),
            uptime_s: facts.uptime.as_secs(),
        },
        clock: Clock { utc: time(snapshot.stamp.utc), trust: words::clock(snapshot.stamp.trust).into() },
        site_file: None,
        conditions: snapshot.conditions.iter().map(|condition| standing(*condition, dictionary)).collect(),
        view: super::view::of(snapshot),
        alarms: alarms(snapshot, facts),
        bypasses: bypasses(snapshot, dictionary),
        sensors: SensorRow::all(snapshot, dictionary),
        key_periods: dictionary.key_periods.clone(),
        interlocks: Interlocks::new(snapshot, dictionary),
        upkeep: UpkeepRow::all(snapshot, dictionary),
        figures: Figures::new(snapshot.figures),
        calls: Calls::new(snapshot, dictionary),
        commands: super::commands::rows(snapshot, dictionary),
        devices: devices(snapshot, facts),
        buses: buses(snapshot, facts),
        points: points(snapshot, dictionary),
        delays: delays(snapshot, dictionary),
        outputs: outputs(snapshot, dictionary),
        uplinks: uplinks(snapshot, facts),
        journal: journal(snapshot, facts),
        ledger: LedgerRow::new(&snapshot.ledger, snapshot.devices.iter().map(|device| device.polls)),
        drained: snapshot.drained,
        latency: facts.latency,
    }
}

fn place(facts: &Facts) -> Place {
    let identity = facts.identity.clone();
    Place {
        district: identity.district,
        enterprise: identity.enterprise,
        enterprise_name: identity.enterprise_name,
        gateway: identity.gateway,
    }
}

fn standing(condition: Condition, dictionary: &Dictionary) -> Standing {
    let of = match condition {
        Condition::JournalDown
        | Condition::JournalBehind
        | Condition::ClockUntrusted
        | Condition::AlarmFlood
        | Condition::RetentiveDown
        | Condition::RetentiveLost
        | Condition::SiteFileInvalid
        | Condition::JournalFull => None,
        Condition::AlarmChatter(alarm) => Some(dictionary.alarm_name(alarm)),
        Condition::UplinkDown(uplink) | Condition::ReceiptsMissing(uplink) => {
            Some(named(&dictionary.uplinks, uplink.index()))
        }
        Condition::OutputFault(output) | Condition::OutputUnverified(output) => {
            Some(named(&dictionary.outputs, output.index()))
        }
        Condition::KeyPeriod(period) => Some(named(&dictionary.key_periods, period.index())),
        Condition::BusDown(bus) | Condition::BusOverrun(bus) | Condition::DelayExceeded(bus) => {
            Some(named(&dictionary.buses, bus.index()))
        }
        Condition::UpkeepDue(upkeep) | Condition::UpkeepFailing(upkeep) => {
            Some(dictionary.upkeep_name(upkeep))
        }
        Condition::SensorFailure(point)
        | Condition::SensorCheck(point)
        | Condition::SensorCheckOverdue(point)
        | Condition::SensorOutOfSpecification(point)
        | Condition::SensorMaintenance(point)
        | Condition::SensorIntermittent(point)
        | Condition::ButtonStuck(point)
        | Condition::ButtonFlapping(point) => Some(dictionary.point_name(point)),
        Condition::DeviceIntermittent(device) => Some(named(&dictionary.devices, device.index())),
        Condition::CallFailed(role) => Some(named(&dictionary.roles, role.index())),
        Condition::SafeguardAbsent(id) => {
            let entry = dictionary.safeguards.get(id.index());
            Some(entry.map_or_else(|| format!("#{}", id.0), |entry| entry.name.clone()))
        }
    };
    Standing { condition: words::condition(condition).into(), of }
}

fn alarms(snapshot: &Snapshot, facts: &Facts) -> Vec<AlarmRow> {
    let mut rows: Vec<_> = snapshot
        .alarms
        .iter()
        .map(|active| (active.since, alarm(*active, snapshot, &facts.dictionary)))
        .collect();
    rows.sort_by_key(|(raised, row)| (!row.is_unacked(), rank(&row.priority), Reverse(*raised)));
    rows.into_iter().map(|(_, row)| row).collect()
}

fn alarm(active: ActiveAlarm, snapshot: &Snapshot, dictionary: &Dictionary) -> AlarmRow {
    let entry = dictionary.alarms.get(active.alarm.index());
    let point = entry.map(|entry| PointId(entry.point));
    let about = point.and_then(|point| dictionary.points.get(point.index()));
    let sample = point.and_then(|point| snapshot.table.get(point)).map(|entry| &entry.sample);
    let key_period = snapshot.conditions.iter().any(|known| matches!(known, Condition::KeyPeriod(_)));
    let tight = dictionary.key_setpoint(active.alarm).filter(|_| key_period);
    let field = |of: fn(&PointEntry) -> &String| about.map(of).cloned().unwrap_or_default();
    AlarmRow {
        point: about.map_or_else(|| format!("#{}", active.alarm.0), |about| about.tag.clone()),
        name: field(|about| &about.name),
        kind: entry.map(|entry| entry.kind.clone()).unwrap_or_default().into(),
        priority: entry.map(|entry| entry.priority.clone()).unwrap_or_default().into(),
        setpoint: tight.map(str::to_owned).or_else(|| Some(entry?.setpoint.clone())).unwrap_or_default(),
        state: words::alarm_state(active.state).into(),
        value: sample.and_then(|sample| shown(sample, about)),
        unit: field(|about| &about.unit),
        sounds: active.sounds,
        first_up: active.first_up,
        handled: active.handled,
        since: active.since.map(time),
        shelved_until: active.shelved_until.map(|until| time(at(snapshot, until))),
    }
}

/// 0 is the most urgent; a priority that is not known is not known to be harmless.
fn bypasses(snapshot: &Snapshot, dictionary: &Dictionary) -> Vec<BypassRow> {
    let row = |bypass: &Bypass| BypassRow {
        point: dictionary.point_name(bypass.point),
        actor: bypass.actor.clone(),
        approver: bypass.approver.clone(),
        reason: bypass.reason.clone(),
        until: time(at(snapshot, bypass.until)),
        left_s: bypass.until.since(snapshot.stamp.mono).as_secs(),
    };
    snapshot.bypasses.iter().map(row).collect()
}

/// What the wall clock reads or read at a moment of the monotonic clock, by what it reads now.
pub(super) fn at(snapshot: &Snapshot, moment: Mono) -> Utc {
    let ms = |us: u64| i64::try_from(us / 1000).unwrap_or(i64::MAX);
    let distance = ms(moment.as_micros()).saturating_sub(ms(snapshot.stamp.mono.as_micros()));
    Utc::from_unix_ms(snapshot.stamp.utc.unix_ms().saturating_add(distance))
}

fn rank(priority: &str) -> u8 {
    match priority {
        "low" => 3,
        "medium" => 2,
        "high" => 1,
        _ => 0,
    }
}

fn devices(snapshot: &Snapshot, facts: &Facts) -> Vec<DeviceRow> {
    let ms = |took: Duration| (took.as_secs_f64() * 1e4).round() / 10.0;
    let row = |state: &hazard_core::snapshot::DeviceState| {
        let fault = match state.standing {
            Health::Online { .. } => None,
            Health::Offline { fault, .. } => Some(fault),
        };
        let exception = match fault {
            Some(LinkFault::Refused(exception)) => Some(words::exception(exception).into()),
            Some(LinkFault::Silent | LinkFault::Garbled | LinkFault::Gone) | None => None,
        };
        let lately = facts.units.get(state.device.index()).cloned().unwrap_or_default();
        DeviceRow {
            device: named(&facts.dictionary.devices, state.device.index()),
            online: fault.is_none(),
            fault: fault.map(|fault| words::link_fault(fault).into()),
            exception,
            replies: state.replies,
            faults: state.faults,
            polls: state.polls.into(),
            diagnosis: causes::words(&lately.causes),
            answer_ms: lately.took.map(ms),
            answer_longest_ms: lately.took_longest.map(ms),
            apart: state.apart,
        }
    };
    snapshot.devices.iter().map(row).collect()
}

fn buses(snapshot: &Snapshot, facts: &Facts) -> Vec<BusRow> {
    let row = |(index, state): (usize, &hazard_core::snapshot::BusState)| BusRow {
        bus: named(&facts.dictionary.buses, index),
        scheduled: state.polls.scheduled,
        read: state.polls.read,
        failed: state.polls.failed,
        skipped: state.polls.skipped,
        open: state.polls.open,
        strays: state.strays,
        link: facts.links.get(index).map(|line| link(line.counts)).unwrap_or_default(),
        diagnosis: facts.links.get(index).map(|line| causes::words(&line.causes)).unwrap_or_default(),
    };
    snapshot.buses.iter().enumerate().map(row).collect()
}

fn link(counts: LinkCounts) -> LinkRow {
    LinkRow {
        requests: counts.requests,
        replies: counts.replies,
        silent: counts.silent,
        garbled: counts.garbled,
        refused: counts.refused,
        gone: counts.gone,
        stray_bytes: counts.stray_bytes,
        connects: counts.connects,
        connect_failures: counts.connect_failures,
    }
}

fn points(snapshot: &Snapshot, dictionary: &Dictionary) -> Vec<PointRow> {
    let now = snapshot.stamp.mono;
    (0..)
        .map(PointId)
        .map_while(|point| snapshot.table.get(point).map(|entry| (point, entry)))
        .map(|(point, entry)| {
            let about = dictionary.points.get(point.index());
            let row = point_row((point, about), (&entry.sample, entry.at), now);
            let category = snapshot.categories.get(point.index()).copied().flatten();
            PointRow {
                category: category.map_or(Word::default(), |known| words::category(known).into()),
                ..row
            }
        })
        .collect()
}

fn point_row(
    (point, about): (PointId, Option<&PointEntry>),
    (sample, at): (&Sample, Mono),
    now: Mono,
) -> PointRow {
    let (quality, reason) = match sample {
        Sample::Good(_) => ("good", None),
        Sample::Suspect(_, doubt) => ("suspect", Some(words::doubt(*doubt))),
        Sample::Bad(reason) => ("bad", Some(words::no_data(*reason))),
    };
    PointRow {
        point: about.map_or_else(|| format!("#{}", point.0), |about| about.tag.clone()),
        name: about.map(|about| about.name.clone()).unwrap_or_default(),
        value: shown(sample, about),
        unit: about.map(|about| about.unit.clone()).unwrap_or_default(),
        quality: quality.into(),
        category: Word::default(),
        reason: reason.map(Word::from),
        safety: about.is_some_and(|about| about.safety),
        age_ms: u64::try_from(now.since(at).as_millis()).unwrap_or(u64::MAX),
    }
}

fn shown(sample: &Sample, about: Option<&PointEntry>) -> Option<Shown> {
    let (Sample::Good(quantity) | Sample::Suspect(quantity, _)) = sample else {
        return None;
    };
    Some(match quantity {
        Quantity::Number(value) if about.is_some_and(|about| about.is_switch) => {
            Shown::Switch(*value >= hazard_core::Value::HALF)
        }
        Quantity::Number(value) => Shown::Number(value.get()),
        Quantity::Text(text) => Shown::Text(text.to_string()),
    })
}

fn delays(snapshot: &Snapshot, dictionary: &Dictionary) -> Vec<DelayRow> {
    let ms = |took: Duration| u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    let row = |state: &DelayState| DelayRow {
        point: dictionary.point_name(state.point),
        predicted_ms: state.predicted.map(ms),
        longest_ms: state.longest.map(ms),
    };
    snapshot.delays.iter().map(row).collect()
}

fn outputs(snapshot: &Snapshot, dictionary: &Dictionary) -> Vec<OutputRow> {
    let levels = snapshot.panel.energised.iter().enumerate();
    levels
        .map(|(index, energised)| OutputRow {
            output: named(&dictionary.outputs, index),
            energised: *energised,
        })
        .collect()
}

fn journal(snapshot: &Snapshot, facts: &Facts) -> JournalRow {
    let state = match snapshot.journal {
        JournalState::Opening { .. } => "opening",
        JournalState::Open => "open",
        JournalState::Down { .. } => "down",
    };
    let size = facts.journal;
    JournalRow {
        state: state.into(),
        bytes: size.map(|size| size.bytes_on_disk),
        segments: size.map(|size| size.segments),
        set_aside_bytes: size.map(|size| size.set_aside_bytes),
        unsigned: size.map(|size| size.unsigned),
        oldest: size.and_then(|size| size.oldest).map(time),
        oldest_event: size.and_then(|size| size.oldest_event).map(time),
        days_left: days_left(snapshot, facts),
        unconfirmed_bytes: size.map(|size| size.unconfirmed_bytes),
        outage_days: size.and_then(|size| {
            let room = facts.journal_quota_bytes.saturating_sub(size.unconfirmed_bytes);
            room.checked_div(size.bytes_per_day?)
        }),
    }
}

/// Without a trusted clock, or with less than an hour of history, nobody can tell.
fn days_left(snapshot: &Snapshot, facts: &Facts) -> Option<u64> {
    let size = facts.journal?;
    if snapshot.stamp.trust == hazard_core::ClockTrust::Unset {
        return None;
    }
    let span_ms = snapshot.stamp.utc.unix_ms().checked_sub(size.oldest?.unix_ms())?;
    if span_ms < PACE_MIN_MS || size.bytes_on_disk == 0 {
        return None;
    }
    let left = u128::from(facts.journal_quota_bytes.saturating_sub(size.bytes_on_disk));
    let left_ms = left * u128::from(span_ms.unsigned_abs()) / u128::from(size.bytes_on_disk);
    u64::try_from(left_ms / DAY_MS).ok()
}

pub(super) fn named(names: &[String], index: usize) -> String {
    names.get(index).cloned().unwrap_or_else(|| format!("#{index}"))
}

/// RFC 3339 with milliseconds; a time that no calendar has becomes the nearest one.
pub(super) fn time(utc: Utc) -> String {
    let ms = utc.unix_ms().clamp(-62_167_219_200_000, 253_402_207_200_999);
    Timestamp::from_millisecond(ms).map(|time| format!("{time:.3}")).unwrap_or_default()
}
