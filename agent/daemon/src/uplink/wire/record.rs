//! One record as JSON. Readings are the hot path: nothing here allocates but the buffer.

use hazard_core::id::Epoch;
use hazard_core::link::{Exception, LinkFault};
use hazard_core::outbox::record::{
    ActionEvent, AlarmEvent, Body, BypassChange, BypassEvent, ClockStep, Condition, DeviceEvent,
    HandlingEvent, Loss, LossPlace, Manifest, Opening, PreviousEpoch, Record, ReplayEvent, ShelvingEvent,
    SystemEvent,
};
use hazard_core::reading::{NoData, Quantity, Reading, Sample};
use hazard_core::{ClockOffset, ClockTrust, Stamp};

use super::json::{raw, scalar};
use super::names::{Names, Switch, listed, time_field};
use crate::words;

/// Appends `record`.
pub(super) fn write(out: &mut Vec<u8>, record: &Record, (names, offset): (&Names, Option<ClockOffset>)) {
    raw(out, "{\"seq\":");
    scalar(out, &record.seq.0);
    stamp(out, record.stamp, offset);
    match &record.body {
        Body::Opening(opening) => self::opening(out, opening),
        Body::Readings(readings) => self::readings(out, readings, names),
        Body::Alarm(event) => alarm(out, event, names),
        Body::Device(event) => device(out, *event, names),
        Body::System(event) => system(out, *event, names),
        Body::Action(event) => action(out, event, names),
        Body::Loss(loss) => self::loss(out, loss, names),
        Body::ClockStep(step) => clock_step(out, *step),
        Body::Handling(event) => handling(out, event, names),
        Body::Shelving(event) => shelving(out, event, names),
        Body::Bypass(event) => bypass(out, event, names),
        Body::Interlock(event) => super::interlock::write(out, event, names),
        Body::Upkeep(event) => super::upkeep::write(out, event, names),
        Body::Shares(day) => super::upkeep::shares(out, *day),
        Body::Call(event) => super::call::write(out, event, names),
        Body::Ledger(day) => super::ledger::write(out, day, names),
        Body::Replay(event) => replay(out, event, names),
        Body::Manifest(manifest) => self::manifest(out, manifest),
        Body::Config(event) => super::config::write(out, event),
        Body::Command(event) => super::command::write(out, event, names),
    }
    raw(out, "}");
}

/// Appends a number, or null.
pub(super) fn or_null(out: &mut Vec<u8>, number: Option<u64>) {
    match number {
        Some(number) => scalar(out, &number),
        None => raw(out, "null"),
    }
}

/// Appends an epoch as 16 hexadecimal digits; as a number it would lose digits in JavaScript.
pub(super) fn epoch(out: &mut Vec<u8>, epoch: Epoch) {
    let mut text = *b"\"0000000000000000\"";
    for (place, shift) in text[1..17].iter_mut().zip((0..16_u32).rev()) {
        *place = b"0123456789abcdef"[(epoch.0 >> (shift * 4) & 0xf) as usize];
    }
    out.extend_from_slice(&text);
}

/// Appends a condition and what it is about, as fields.
pub(super) fn condition(out: &mut Vec<u8>, condition: Condition, names: &Names) {
    word(out, "\"condition\":", words::condition(condition));
    let (field, list, index) = match condition {
        Condition::JournalDown
        | Condition::JournalBehind
        | Condition::ClockUntrusted
        | Condition::AlarmFlood
        | Condition::RetentiveDown
        | Condition::RetentiveLost
        | Condition::SiteFileInvalid
        | Condition::JournalFull => return,
        Condition::AlarmChatter(alarm) => {
            raw(out, ",\"alarm\":");
            return names.alarm_id(out, alarm);
        }
        Condition::UplinkDown(id) | Condition::ReceiptsMissing(id) => {
            (",\"uplink\":", &names.dictionary.uplinks, id.index())
        }
        Condition::OutputFault(id) | Condition::OutputUnverified(id) => {
            (",\"output\":", &names.dictionary.outputs, id.index())
        }
        Condition::DeviceIntermittent(id) => (",\"device\":", &names.dictionary.devices, id.index()),
        Condition::KeyPeriod(id) => (",\"key_period\":", &names.dictionary.key_periods, id.index()),
        Condition::BusDown(id) | Condition::BusOverrun(id) | Condition::DelayExceeded(id) => {
            (",\"bus\":", &names.dictionary.buses, id.index())
        }
        Condition::UpkeepDue(id) | Condition::UpkeepFailing(id) => {
            raw(out, ",\"upkeep\":");
            return names.upkeep(out, id);
        }
        Condition::SensorFailure(id)
        | Condition::SensorCheck(id)
        | Condition::SensorCheckOverdue(id)
        | Condition::SensorOutOfSpecification(id)
        | Condition::SensorMaintenance(id)
        | Condition::SensorIntermittent(id)
        | Condition::ButtonStuck(id)
        | Condition::ButtonFlapping(id) => {
            raw(out, ",\"point\":");
            return names.point_id(out, id);
        }
        Condition::CallFailed(id) => (",\"role\":", &names.dictionary.roles, id.index()),
        Condition::SafeguardAbsent(id) => {
            raw(out, ",\"safeguard\":");
            return names.safeguard(out, id);
        }
    };
    raw(out, field);
    listed(out, list, index);
}

/// Appends a field with one of the contract's words, none of which needs escaping.
pub(super) fn word(out: &mut Vec<u8>, field: &str, word: &str) {
    raw(out, field);
    raw(out, "\"");
    raw(out, word);
    raw(out, "\"");
}

/// A record from before the clock was believable has the time that it would have had, and beside it what the clock said.
fn stamp(out: &mut Vec<u8>, stamp: Stamp, offset: Option<ClockOffset>) {
    match offset.and_then(|offset| offset.back_date(stamp)) {
        Some(utc) => {
            time_field(out, ",\"at\":", utc);
            word(out, ",\"clock\":", "backdated");
            time_field(out, ",\"stamped\":", stamp.utc);
        }
        None => {
            time_field(out, ",\"at\":", stamp.utc);
            word(out, ",\"clock\":", words::clock(stamp.trust));
        }
    }
    if stamp.trust == ClockTrust::Unset {
        number_field(out, ",\"mono_ms\":", stamp.mono.as_micros() / 1_000);
    }
}

fn opening(out: &mut Vec<u8>, opening: &Opening) {
    raw(out, ",\"kind\":\"opening\",\"epoch_no\":");
    or_null(out, opening.ordinal);
    raw(out, ",\"previous\":");
    let Some((newest, earlier)) = opening.previous.split_first() else { return raw(out, "null") };
    self::previous(out, *newest);
    for (index, previous) in earlier.iter().enumerate() {
        raw(out, if index == 0 { ",\"earlier\":[" } else { "," });
        self::previous(out, *previous);
    }
    if !earlier.is_empty() {
        raw(out, "]");
    }
}

fn previous(out: &mut Vec<u8>, previous: PreviousEpoch) {
    raw(out, "{\"epoch\":");
    epoch(out, previous.epoch);
    number_field(out, ",\"durable_through\":", previous.durable_through.0);
    raw(out, "}");
}

fn readings(out: &mut Vec<u8>, readings: &[Reading], names: &Names) {
    raw(out, ",\"kind\":\"readings\",\"readings\":[");
    for (index, reading) in readings.iter().enumerate() {
        if index > 0 {
            raw(out, ",");
        }
        let switch = names.open_point(out, reading.point);
        match &reading.sample {
            Sample::Good(quantity) => value(out, quantity, switch),
            Sample::Suspect(quantity, doubt) => {
                value(out, quantity, switch);
                word(out, ",\"quality\":\"suspect\",\"doubt\":", words::doubt(*doubt));
            }
            Sample::Bad(reason) => bad(out, *reason),
        }
        raw(out, "}");
    }
    raw(out, "]");
}

fn value(out: &mut Vec<u8>, quantity: &Quantity, switch: Switch) {
    raw(out, ",\"value\":");
    match quantity {
        Quantity::Number(number) => switch.write(out, *number),
        Quantity::Text(text) => scalar(out, &**text),
    }
}

fn bad(out: &mut Vec<u8>, reason: NoData) {
    word(out, ",\"quality\":\"bad\",\"reason\":", words::no_data(reason));
    if let NoData::Link(fault) = reason {
        exception(out, fault);
    }
}

fn alarm(out: &mut Vec<u8>, event: &AlarmEvent, names: &Names) {
    raw(out, ",\"kind\":\"alarm\",");
    let switch = names.alarm_fields(out, event.alarm);
    word(out, ",\"from\":", words::alarm_state(event.from));
    word(out, ",\"to\":", words::alarm_state(event.to));
    if let Some(value) = event.value {
        raw(out, ",\"value\":");
        switch.write(out, value);
    }
    if let Some(actor) = &event.actor {
        raw(out, ",\"actor\":");
        scalar(out, actor);
    }
}

fn device(out: &mut Vec<u8>, event: DeviceEvent, names: &Names) {
    raw(out, ",\"kind\":\"device\",\"device\":");
    listed(out, &names.dictionary.devices, event.device.index());
    raw(out, ",\"online\":");
    scalar(out, &event.fault.is_none());
    if let Some(fault) = event.fault {
        word(out, ",\"fault\":", words::link_fault(fault));
        exception(out, fault);
    }
}

fn system(out: &mut Vec<u8>, event: SystemEvent, names: &Names) {
    raw(out, ",\"kind\":\"system\",");
    condition(out, event.condition, names);
    raw(out, ",\"raised\":");
    scalar(out, &event.raised);
}

fn action(out: &mut Vec<u8>, event: &ActionEvent, names: &Names) {
    word(out, ",\"kind\":\"action\",\"verb\":", words::verb(event.verb));
    raw(out, ",\"actor\":");
    scalar(out, &event.actor);
    if let Some(alarm) = event.alarm {
        raw(out, ",\"alarm\":");
        names.alarm_id(out, alarm);
    }
    raw(out, ",\"note\":");
    scalar(out, &event.note);
    number_field(out, ",\"changed\":", event.changed.into());
}

fn loss(out: &mut Vec<u8>, loss: &Loss, names: &Names) {
    raw(out, ",\"kind\":\"loss\",");
    match loss.place {
        LossPlace::Journal => raw(out, "\"place\":\"journal\""),
        LossPlace::Uplink(uplink) => {
            raw(out, "\"place\":\"uplink\",\"uplink\":");
            listed(out, &names.dictionary.uplinks, uplink.index());
        }
    }
    raw(out, ",\"lost_epoch\":");
    epoch(out, loss.epoch);
    word(out, ",\"lane\":", words::lane(loss.lane));
    number_field(out, ",\"first\":", loss.first.0);
    number_field(out, ",\"last\":", loss.last.0);
    number_field(out, ",\"records\":", loss.records);
    number_field(out, ",\"readings\":", loss.readings);
}

fn replay(out: &mut Vec<u8>, event: &ReplayEvent, names: &Names) {
    raw(out, ",\"kind\":\"replay\",\"uplink\":");
    listed(out, &names.dictionary.uplinks, event.uplink.index());
    text_field(out, ",\"replay\":", &event.wish.id);
    time_field(out, ",\"from\":", event.wish.from);
    time_field(out, ",\"to\":", event.wish.to);
    match event.ended {
        None => raw(out, ",\"change\":\"begun\""),
        Some(count) => {
            raw(out, ",\"change\":\"ended\"");
            number_field(out, ",\"records\":", count.records);
            number_field(out, ",\"readings\":", count.readings);
        }
    }
}

fn manifest(out: &mut Vec<u8>, manifest: &Manifest) {
    text_field(out, ",\"kind\":\"manifest\",\"text\":", &manifest.text);
    text_field(out, ",\"signature\":", &manifest.signature);
    text_field(out, ",\"key\":", &manifest.key);
}

fn clock_step(out: &mut Vec<u8>, step: ClockStep) {
    raw(out, ",\"kind\":\"clock_step\"");
    time_field(out, ",\"from\":", step.from);
    time_field(out, ",\"to\":", step.to);
}

fn handling(out: &mut Vec<u8>, event: &HandlingEvent, names: &Names) {
    raw(out, ",\"kind\":\"handling\",\"alarm\":");
    names.alarm_id(out, event.alarm);
    word(out, ",\"cause\":", words::cause(event.cause));
    text_field(out, ",\"actor\":", &event.actor);
    text_field(out, ",\"note\":", &event.note);
}

fn shelving(out: &mut Vec<u8>, event: &ShelvingEvent, names: &Names) {
    raw(out, ",\"kind\":\"shelving\",\"alarm\":");
    names.alarm_id(out, event.alarm);
    raw(out, ",\"lasts_s\":");
    or_null(out, event.lasts.map(|lasts| lasts.as_secs()));
    text_field(out, ",\"actor\":", &event.actor);
    text_field(out, ",\"note\":", &event.note);
}

fn bypass(out: &mut Vec<u8>, event: &BypassEvent, names: &Names) {
    raw(out, ",\"kind\":\"bypass\",\"point\":");
    names.point_id(out, event.point);
    word(out, ",\"change\":", words::bypass(event.change));
    if let BypassChange::Begun { lasts } = event.change {
        number_field(out, ",\"lasts_s\":", lasts.as_secs());
    }
    text_field(out, ",\"actor\":", &event.actor);
    text_field(out, ",\"approver\":", &event.approver);
    text_field(out, ",\"note\":", &event.reason);
}

pub(super) fn text_field(out: &mut Vec<u8>, field: &str, text: &str) {
    raw(out, field);
    scalar(out, text);
}

pub(super) fn exception(out: &mut Vec<u8>, fault: LinkFault) {
    let LinkFault::Refused(exception) = fault else { return };
    word(out, ",\"exception\":", words::exception(exception));
    if let Exception::Other(code) = exception {
        number_field(out, ",\"exception_code\":", code.into());
    }
}

pub(super) fn number_field(out: &mut Vec<u8>, field: &str, number: u64) {
    raw(out, field);
    scalar(out, &number);
}
