//! The plan for programs: times in microseconds, shares in millionths.

use std::time::Duration;

use hazard_core::link::Table;
use hazard_core::poll::{BusPrediction, DelayPrediction, LOAD_MAX_PPM, PlannedRead, PlannedWrite, Verdict};
use serde_json::{Value, json};

use super::{Stand, first_coil, kind_name, named, output_names, reference, stand, table_key};
use crate::config::Loaded;

pub(super) fn bus(loaded: &Loaded, bus: &BusPrediction) -> Value {
    let spec = &loaded.site.buses[bus.bus.index()];
    let (verdict, stretch) = match bus.verdict {
        Verdict::Fits => ("fits", None),
        Verdict::Stretch { permille } => ("overloaded", Some(permille)),
        Verdict::Full => ("full", None),
    };
    json!({
        "name": &*spec.name,
        "kind": kind_name(spec.kind),
        "cycle_us": micros(bus.cycle),
        "load_ppm": bus.load.total_ppm(),
        "reads_ppm": bus.load.reads_ppm,
        "writes_ppm": bus.load.writes_ppm,
        "probes_ppm": bus.load.probes_ppm,
        "load_max_ppm": LOAD_MAX_PPM,
        "verdict": verdict,
        "stretch_permille": stretch,
        "refused": stand(loaded, bus) == Stand::Refused,
        "reads": bus.reads.iter().map(|planned| read(loaded, planned)).collect::<Vec<_>>(),
        "writes": bus.writes.iter().map(|planned| write(loaded, planned)).collect::<Vec<_>>(),
    })
}

fn read(loaded: &Loaded, read: &PlannedRead) -> Value {
    let (block, request) = (&read.block, read.block.request);
    json!({
        "device": &*loaded.site.devices[block.device.index()].name,
        "unit": request.unit,
        "table": table_key(request.table),
        "reference": reference(request.table, request.start),
        "address": request.start,
        "count": request.count,
        "period_us": micros(block.period),
        "phase_us": micros(block.phase),
        "cost_us": micros(read.cost),
        "safety": block.safety,
        "points": block.points.iter().map(|id| &*loaded.site.points[id.index()].tag).collect::<Vec<_>>(),
    })
}

fn write(loaded: &Loaded, write: &PlannedWrite) -> Value {
    let (device, start) = (&loaded.site.devices[write.device.index()], first_coil(loaded, write));
    json!({
        "device": &*device.name,
        "unit": device.unit,
        "reference": reference(Table::Coil, start),
        "address": start,
        "count": write.outputs.len(),
        "every_us": micros(write.every),
        "cost_us": micros(write.cost),
        "outputs": output_names(loaded, write),
    })
}

pub(super) fn delay(loaded: &Loaded, delay: &DelayPrediction) -> Value {
    let parts = delay.parts.as_ref().map(|parts| {
        let parts = named(parts).map(|(name, part)| (format!("{name}_us"), json!(micros(part))));
        Value::Object(parts.into_iter().collect())
    });
    json!({
        "tag": &*loaded.site.points[delay.point.index()].tag,
        "alarm": loaded.dictionary.alarms.get(delay.alarm.index()).map(|alarm| &alarm.kind),
        "bus": &*loaded.site.buses[delay.bus.index()].name,
        "worst_us": delay.parts.as_ref().map(|parts| micros(parts.total())),
        "may_skip": delay.parts.map(|parts| parts.may_skip()),
        "parts": parts,
    })
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
