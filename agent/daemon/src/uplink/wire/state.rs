//! The two retained messages and the last will: whether the gateway is there, what stands, and what its names mean.

use std::sync::Arc;

use hazard_core::id::{AlarmId, Epoch, PointId, UpkeepId};
use hazard_core::outbox::record::{AlarmState, Condition};
use hazard_core::{ClockTrust, Utc};

use super::json::{raw, scalar};
use super::names::{Names, time_field};
use super::record;
use crate::clock::RunClock;
use crate::dictionary::{CommandEntry, PointEntry, SafeguardEntry};
use crate::settings::Identity;
use crate::words;

/// The most entries that a list in the state message has; its count says how many there are.
pub const LISTED_MAX: usize = 50;

/// Why a state message is sent; decides whether the gateway counts as online.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Reason {
    /// The first message of this epoch.
    Started,
    /// The connection was lost and stands again.
    Reconnected,
    /// An alarm or a condition changed.
    Changed,
    /// Nothing changed for a while.
    Heartbeat,
    /// The agent is being stopped by a person.
    Stopping,
}

impl Reason {
    /// Whether the gateway is there.
    #[must_use]
    pub const fn is_online(self) -> bool {
        match self {
            Self::Started | Self::Reconnected | Self::Changed | Self::Heartbeat => true,
            Self::Stopping => false,
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Reconnected => "reconnected",
            Self::Changed => "changed",
            Self::Heartbeat => "heartbeat",
            Self::Stopping => "stopping",
        }
    }
}

/// An alarm that is not normal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ActiveAlarm {
    /// The alarm.
    pub alarm: AlarmId,
    /// Where it stands.
    pub state: AlarmState,
    /// When it came into that state, where that is known.
    pub since: Option<Utc>,
}

/// What the platform is told about the gateway as a whole.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct State {
    /// Why the message is sent.
    pub reason: Reason,
    /// Since when the gateway has been connected, or stopping.
    pub since: Utc,
    /// When the message is sent.
    pub sent_at: Utc,
    /// How far the gateway's wall clock can be believed.
    pub clock: ClockTrust,
    /// The running epoch.
    pub epoch: Epoch,
    /// The agent's version.
    pub software: Arc<str>,
    /// All alarms that are not normal; the message lists the most urgent [`LISTED_MAX`].
    pub alarms: Vec<ActiveAlarm>,
    /// All conditions that stand; the message lists the first [`LISTED_MAX`].
    pub conditions: Vec<Condition>,
}

/// Appends the rest of a state message after its head.
pub(super) fn write(out: &mut Vec<u8>, state: &State, names: &Names) {
    time_field(out, ",\"sent_at\":", state.sent_at);
    raw(out, ",\"online\":");
    scalar(out, &state.reason.is_online());
    record::word(out, ",\"reason\":", state.reason.word());
    time_field(out, ",\"since\":", state.since);
    record::word(out, ",\"clock\":", words::clock(state.clock));
    raw(out, ",\"software\":");
    scalar(out, &*state.software);
    alarms(out, &state.alarms, names);
    raw(out, ",\"conditions\":{\"count\":");
    scalar(out, &state.conditions.len());
    raw(out, ",\"list\":");
    list(out, state.conditions.iter().take(LISTED_MAX), |out, condition| {
        raw(out, "{");
        record::condition(out, *condition, names);
        raw(out, "}");
    });
    raw(out, "}}");
}

/// Appends the rest of the last will after its head. It says nothing of alarms: when the broker sends it, nobody knows.
pub(super) fn write_will(out: &mut Vec<u8>, written_at: Utc) {
    time_field(out, ",\"sent_at\":", written_at);
    raw(out, ",\"online\":false,\"reason\":\"connection_lost\"}");
}

/// Appends the rest of a birth message after its head.
pub(super) fn write_birth(
    out: &mut Vec<u8>,
    identity: &Identity,
    (names, clock): (&Names, Option<&RunClock>),
) {
    let dictionary = &names.dictionary;
    raw(out, ",\"district\":");
    scalar(out, &identity.district);
    raw(out, ",\"enterprise\":");
    scalar(out, &identity.enterprise);
    raw(out, ",\"enterprise_name\":");
    scalar(out, &identity.enterprise_name);
    raw(out, ",\"points\":");
    list(out, dictionary.points.iter(), point);
    raw(out, ",\"alarms\":");
    list(out, (0..).map(AlarmId).zip(&dictionary.alarms), |out, (id, alarm)| {
        raw(out, "{");
        names.alarm_fields(out, id);
        if let Some(setpoint) = dictionary.key_setpoint(id).and_then(super::names::setpoint) {
            raw(out, ",\"key_setpoint\":");
            super::json::number(out, setpoint);
        }
        raw(out, ",\"latch\":");
        scalar(out, &alarm.latch);
        raw(out, "}");
    });
    rest(out, names);
    if let Some(clock) = clock {
        raw(out, ",\"boot_id\":");
        scalar(out, &*clock.boot_id);
        record::number_field(out, ",\"mono_origin_ms\":", clock.origin_us / 1_000);
    }
    raw(out, "}");
}

/// Appends everything of a birth message but its points and alarms.
fn rest(out: &mut Vec<u8>, names: &Names) {
    let dictionary = &names.dictionary;
    for (field, words) in [
        (",\"devices\":", &dictionary.devices),
        (",\"buses\":", &dictionary.buses),
        (",\"outputs\":", &dictionary.outputs),
        (",\"uplinks\":", &dictionary.uplinks),
    ] {
        raw(out, field);
        scalar(out, words);
    }
    if !dictionary.safeguards.is_empty() {
        raw(out, ",\"safeguards\":");
        list(out, dictionary.safeguards.iter(), safeguard);
    }
    for (field, rows) in [
        (",\"votes\":", &dictionary.votes),
        (",\"trips\":", &dictionary.trips),
        (",\"permits\":", &dictionary.permits),
        (",\"key_periods\":", &dictionary.key_periods),
        (",\"roles\":", &dictionary.roles),
    ] {
        if !rows.is_empty() {
            raw(out, field);
            scalar(out, rows);
        }
    }
    if !dictionary.commands.is_empty() {
        raw(out, ",\"commands\":");
        list(out, dictionary.commands.iter(), command);
    }
    if !dictionary.upkeep.is_empty() {
        raw(out, ",\"upkeep\":");
        list(out, (0..).map(UpkeepId).zip(&dictionary.upkeep), |out, (id, entry)| {
            raw(out, "{\"upkeep\":");
            names.upkeep(out, id);
            raw(out, ",\"point\":");
            names.point_id(out, PointId(entry.point));
            raw(out, ",\"duty\":");
            scalar(out, &entry.duty);
            record::number_field(out, ",\"every_days\":", entry.every_days.into());
            raw(out, "}");
        });
    }
}

/// Appends an array of `entries`.
pub(super) fn list<T>(
    out: &mut Vec<u8>,
    entries: impl Iterator<Item = T>,
    mut write: impl FnMut(&mut Vec<u8>, T),
) {
    raw(out, "[");
    for (index, entry) in entries.enumerate() {
        if index > 0 {
            raw(out, ",");
        }
        write(out, entry);
    }
    raw(out, "]");
}

fn alarms(out: &mut Vec<u8>, alarms: &[ActiveAlarm], names: &Names) {
    let mut standing: Vec<_> = alarms.iter().filter(|active| active.state != AlarmState::Normal).collect();
    standing.sort_by_key(|active| (!is_unacked(active.state), names.rank(active.alarm)));
    raw(out, ",\"alarms\":{\"count\":");
    scalar(out, &standing.len());
    raw(out, ",\"unacked\":");
    scalar(out, &standing.iter().filter(|active| is_unacked(active.state)).count());
    raw(out, ",\"list\":");
    list(out, standing.into_iter().take(LISTED_MAX), |out, active| {
        raw(out, "{");
        names.alarm_fields(out, active.alarm);
        record::word(out, ",\"state\":", words::alarm_state(active.state));
        if let Some(since) = active.since {
            time_field(out, ",\"since\":", since);
        }
        raw(out, "}");
    });
    raw(out, "}");
}

const fn is_unacked(state: AlarmState) -> bool {
    match state {
        AlarmState::Unacked | AlarmState::RtnUnacked | AlarmState::LatchedUnacked => true,
        AlarmState::Normal
        | AlarmState::Acked
        | AlarmState::LatchedAcked
        | AlarmState::Shelved
        | AlarmState::Suppressed
        | AlarmState::OutOfService => false,
    }
}

fn safeguard(out: &mut Vec<u8>, entry: &SafeguardEntry) {
    raw(out, "{\"safeguard\":");
    scalar(out, &entry.name);
    raw(out, ",\"safeguard_kind\":");
    scalar(out, &entry.kind);
    record::word(out, ",\"state\":", if entry.absent { "absent" } else { "fitted" });
    for (field, text) in [(",\"note\":", &entry.note), (",\"deadline\":", &entry.deadline)] {
        if !text.is_empty() {
            raw(out, field);
            scalar(out, text);
        }
    }
    raw(out, "}");
}

fn command(out: &mut Vec<u8>, entry: &CommandEntry) {
    record::text_field(out, "{\"command\":", &entry.name);
    record::text_field(out, ",\"zh\":", &entry.zh);
    record::text_field(out, ",\"en\":", &entry.en);
    record::text_field(out, ",\"device\":", &entry.device);
    record::text_field(out, ",\"unit\":", &entry.unit);
    raw(out, "}");
}

fn point(out: &mut Vec<u8>, entry: &PointEntry) {
    raw(out, "{\"point\":");
    scalar(out, &entry.tag);
    raw(out, ",\"name\":");
    scalar(out, &entry.name);
    raw(out, ",\"unit\":");
    scalar(out, &entry.unit);
    raw(out, ",\"switch\":");
    scalar(out, &entry.is_switch);
    raw(out, ",\"safety\":");
    scalar(out, &entry.safety);
    raw(out, "}");
}
