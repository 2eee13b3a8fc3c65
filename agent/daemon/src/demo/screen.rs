//! From the agent's status to the demonstration's screen.

use super::plant::Plant;
use super::view::{AlarmRow, Fact, PointRow, Screen, Tone, label};
use crate::config::Lang;
use crate::observe::Status;
use crate::observe::status::Shown;

/// The horn, beacon and fault lamp sound and light when they are de-energised; the others when they are energised.
const DE_ENERGISED_TO_ALARM: [&str; 3] = ["HORN-1", "BEACON-1", "FAULT-1"];

/// What the agent says and the relays do; the visitor's own log and switches are added by the caller.
pub(super) fn of(status: &Status, plant: &Plant, lang: Lang) -> Screen {
    let about = |zh: &str, en: &str, value: String, tone| Fact { name: label(lang, zh, en), value, tone };
    let sum = &status.ledger;
    let even = if sum.even { Tone::Good } else { Tone::Alarm };
    let uplinks = status.uplinks.iter().flat_map(|uplink| {
        let (state, tone) = if uplink.up { ("●", Tone::Good) } else { ("○", Tone::Fault) };
        [
            about("区平台", "platform", state.to_owned(), tone),
            about("待传", "pending", uplink.pending.readings.to_string(), tone),
            about("已确认", "confirmed", uplink.confirmed.readings.to_string(), Tone::Plain),
        ]
    });
    Screen {
        heading: format!("{} {} {}", status.site.enterprise_name, status.site.gateway, status.clock.utc),
        alarms: status.alarms.iter().map(alarm).collect(),
        points: status.points.iter().map(point).collect(),
        buses: status.buses.iter().map(bus).collect(),
        uplink: uplinks.collect(),
        journal: vec![
            about("状态", "state", status.journal.state.to_string(), Tone::Plain),
            about("字节", "bytes", status.journal.bytes.unwrap_or_default().to_string(), Tone::Plain),
        ],
        ledger: vec![
            about("已采", "offered", sum.offered.readings.to_string(), even),
            about("已存", "stored", sum.stored.readings.to_string(), even),
            about("声明丢失", "stated lost", sum.store_lost.readings.to_string(), even),
        ],
        panel: panel(status, plant),
        log: Vec::new(),
        switched_on: Vec::new(),
    }
}

fn alarm(row: &crate::observe::status::AlarmRow) -> AlarmRow {
    AlarmRow {
        at: row.since.clone().unwrap_or_default().chars().skip(11).take(8).collect(),
        tag: row.point.clone(),
        what: row.kind.to_string(),
        value: shown(row.value.as_ref(), &row.unit),
        state: row.state.to_string(),
        tone: if row.is_unacked() { Tone::Unacked } else { Tone::Alarm },
    }
}

fn point(row: &crate::observe::status::PointRow) -> PointRow {
    let good = row.quality == "good";
    let why = row.reason.as_ref().map(ToString::to_string);
    PointRow {
        tag: row.point.clone(),
        name: row.name.clone(),
        value: why.filter(|_| !good).unwrap_or_else(|| shown(row.value.as_ref(), &row.unit)),
        tone: if good { Tone::Plain } else { Tone::Fault },
    }
}

fn bus(row: &crate::observe::BusRow) -> Fact {
    let value = format!("{} ✓ {} ✗ {} –", row.read, row.failed, row.skipped);
    Fact { name: row.bus.clone(), value, tone: if row.failed == 0 { Tone::Good } else { Tone::Fault } }
}

/// The relays themselves, not what the agent thinks of them.
fn panel(status: &Status, plant: &Plant) -> Vec<Fact> {
    let coils = plant.coils();
    let places = [0, 1, 2, 3, 7];
    let outputs = status.outputs.iter().zip(places);
    let fact = |(output, place): (&crate::observe::status::OutputRow, usize)| {
        let energised = coils.get(place).is_some_and(|coil| coil.is_on);
        let active = energised != DE_ENERGISED_TO_ALARM.contains(&output.output.as_str());
        let (value, tone) = if active { ("■", Tone::Alarm) } else { ("□", Tone::Plain) };
        Fact { name: output.output.clone(), value: value.to_owned(), tone }
    };
    outputs.map(fact).collect()
}

fn shown(value: Option<&Shown>, unit: &str) -> String {
    match value {
        None => "—".to_owned(),
        Some(Shown::Switch(on)) => if *on { "■" } else { "□" }.to_owned(),
        Some(Shown::Number(number)) => format!("{number:.1} {unit}"),
        Some(Shown::Text(text)) => text.clone(),
    }
}
