//! Version 1 of a record's fields on disk. Variants and fields keep their order for ever: postcard writes positions.

use std::sync::Arc;

use hazard_core::id::{DeviceId, Epoch, PointId, Seq};
use hazard_core::link;
use hazard_core::outbox::record as core;
use hazard_core::reading;
use hazard_core::{ClockTrust, Mono, Stamp, Utc, Value};
use serde::{Deserialize, Serialize};

use super::codec::NotRecords;
use super::mirror_call::CallEvent;
use super::mirror_command::CommandEvent;
use super::mirror_config::ConfigEvent;
use super::mirror_event::ReplayEvent;
use super::mirror_interlock::InterlockEvent;
use super::mirror_ledger::DayLedger;
use super::mirror_reading::NoData;
use super::mirror_upkeep::{Shares, UpkeepEvent};

/// The longest text that is written, in bytes.
const TEXT_BYTES_MAX: usize = 1024;

/// The longest manifest that is written, in bytes.
pub(super) const MANIFEST_BYTES_MAX: usize = 16 << 10;

/// An enum without fields, the same on both sides.
macro_rules! plain {
    ($name:ident = $core:path { $($variant:ident),* $(,)? }) => {
        #[derive(Serialize, Deserialize)]
        pub(super) enum $name { $($variant),* }

        impl From<$core> for $name {
            fn from(value: $core) -> Self {
                use $core as Core;
                match value { $(Core::$variant => Self::$variant),* }
            }
        }

        impl From<$name> for $core {
            fn from(value: $name) -> Self {
                match value { $($name::$variant => Self::$variant),* }
            }
        }
    };
}

pub(super) use plain;

plain!(Trust = ClockTrust { Unset, Free, Synced });
plain!(
    Doubt =
        reading::Doubt { OverRange, UnderRange, AfterFault, Rounded, Bypassed, FunctionCheck, OverRangeHeld }
);
plain!(Lane = core::Lane { Event, Reading });
plain!(Verb = core::Verb { Silence, Acknowledge, Reset, ResetRetentive });
plain!(Cause = core::Cause { Hazard, Upset, Maintenance, Equipment, FalseAlarm, Test });
plain!(
    AlarmState = core::AlarmState {
        Normal,
        Unacked,
        Acked,
        RtnUnacked,
        LatchedUnacked,
        LatchedAcked,
        Shelved,
        Suppressed,
        OutOfService,
    }
);

#[derive(Serialize, Deserialize)]
pub(super) struct Record {
    seq: u64,
    mono_us: u64,
    utc_ms: i64,
    trust: Trust,
    body: Body,
}

#[derive(Serialize, Deserialize)]
enum Body {
    // Once an `Option`: none and one are the same bytes in a `Vec`.
    Opening { ordinal: Option<u64>, previous: Vec<(u64, u64)> },
    Readings(Vec<(u32, Sample)>),
    Alarm(AlarmEvent),
    Device { device: u16, fault: Option<Fault> },
    System { condition: Condition, raised: bool },
    Action(ActionEvent),
    Loss(Loss),
    ClockStep { from_ms: i64, to_ms: i64 },
    Handling(HandlingEvent),
    Shelving(ShelvingEvent),
    Bypass(BypassEvent),
    Interlock(InterlockEvent),
    Upkeep(UpkeepEvent),
    Shares(Shares),
    Call(CallEvent),
    Ledger(DayLedger),
    Replay(ReplayEvent),
    Manifest { text: String, signature: String, key: String },
    Config(ConfigEvent),
    Command(CommandEvent),
}

#[derive(Serialize, Deserialize)]
enum Quantity {
    Number(f64),
    Text(String),
}

#[derive(Serialize, Deserialize)]
enum Sample {
    Good(Quantity),
    Suspect(Quantity, Doubt),
    Bad(NoData),
}

/// An exception is written as its code on the wire.
#[derive(Serialize, Deserialize)]
pub(super) enum Fault {
    Silent,
    Garbled,
    Refused(u8),
    Gone,
}

#[derive(Serialize, Deserialize)]
pub(super) struct AlarmEvent {
    pub(super) alarm: u32,
    pub(super) from: AlarmState,
    pub(super) to: AlarmState,
    pub(super) value: Option<f64>,
    pub(super) actor: Option<String>,
}

#[derive(Serialize, Deserialize)]
pub(super) enum Condition {
    JournalDown,
    JournalBehind,
    UplinkDown(u8),
    OutputFault(u16),
    BusDown(u16),
    BusOverrun(u16),
    ClockUntrusted,
    AlarmFlood,
    AlarmChatter(u32),
    RetentiveDown,
    SafeguardAbsent(u16),
    DelayExceeded(u16),
    KeyPeriod(u16),
    UpkeepDue(u16),
    UpkeepFailing(u16),
    CallFailed(u16),
    JournalFull,
    ReceiptsMissing(u8),
    SensorFailure(u32),
    SensorCheck(u32),
    SensorCheckOverdue(u32),
    SensorOutOfSpecification(u32),
    SensorMaintenance(u32),
    RetentiveLost,
    SiteFileInvalid,
    OutputUnverified(u16),
    ButtonStuck(u32),
    ButtonFlapping(u32),
    SensorIntermittent(u32),
    DeviceIntermittent(u16),
}

#[derive(Serialize, Deserialize)]
pub(super) struct ActionEvent {
    pub(super) actor: String,
    pub(super) verb: Verb,
    pub(super) alarm: Option<u32>,
    pub(super) note: String,
    pub(super) changed: u32,
}

#[derive(Serialize, Deserialize)]
pub(super) struct HandlingEvent {
    pub(super) alarm: u32,
    pub(super) actor: String,
    pub(super) cause: Cause,
    pub(super) note: String,
}

#[derive(Serialize, Deserialize)]
pub(super) struct ShelvingEvent {
    pub(super) alarm: u32,
    pub(super) actor: String,
    pub(super) lasts_ms: Option<u64>,
    pub(super) note: String,
}

#[derive(Serialize, Deserialize)]
pub(super) struct BypassEvent {
    pub(super) point: u32,
    pub(super) change: BypassChange,
    pub(super) actor: String,
    pub(super) approver: String,
    pub(super) reason: String,
}

#[derive(Serialize, Deserialize)]
pub(super) enum BypassChange {
    Begun { lasts_ms: u64 },
    Ended,
    Expired,
    Rearmed,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Loss {
    pub(super) uplink: Option<u8>,
    pub(super) epoch: u64,
    pub(super) lane: Lane,
    pub(super) first: u64,
    pub(super) last: u64,
    pub(super) records: u64,
    pub(super) readings: u64,
}

impl From<&core::Record> for Record {
    fn from(record: &core::Record) -> Self {
        Self {
            seq: record.seq.0,
            mono_us: record.stamp.mono.as_micros(),
            utc_ms: record.stamp.utc.unix_ms(),
            trust: record.stamp.trust.into(),
            body: (&record.body).into(),
        }
    }
}

impl TryFrom<Record> for core::Record {
    type Error = NotRecords;

    fn try_from(record: Record) -> Result<Self, NotRecords> {
        let stamp = Stamp {
            mono: Mono::from_micros(record.mono_us),
            utc: Utc::from_unix_ms(record.utc_ms),
            trust: record.trust.into(),
        };
        Ok(Self { seq: Seq(record.seq), stamp, body: record.body.try_into()? })
    }
}

impl From<&core::Body> for Body {
    fn from(body: &core::Body) -> Self {
        match body {
            core::Body::Opening(opening) => Self::Opening {
                ordinal: opening.ordinal,
                previous: opening
                    .previous
                    .iter()
                    .map(|past| (past.epoch.0, past.durable_through.0))
                    .collect(),
            },
            core::Body::Readings(readings) => {
                Self::Readings(readings.iter().map(|one| (one.point.0, (&one.sample).into())).collect())
            }
            core::Body::Alarm(event) => Self::Alarm(event.into()),
            core::Body::Device(event) => {
                Self::Device { device: event.device.0, fault: event.fault.map(Into::into) }
            }
            core::Body::System(event) => {
                Self::System { condition: event.condition.into(), raised: event.raised }
            }
            core::Body::Action(event) => Self::Action(event.into()),
            core::Body::Loss(loss) => Self::Loss(loss.into()),
            core::Body::ClockStep(step) => {
                Self::ClockStep { from_ms: step.from.unix_ms(), to_ms: step.to.unix_ms() }
            }
            core::Body::Handling(event) => Self::Handling(event.into()),
            core::Body::Shelving(event) => Self::Shelving(event.into()),
            core::Body::Bypass(event) => Self::Bypass(event.into()),
            core::Body::Interlock(event) => Self::Interlock(event.into()),
            core::Body::Upkeep(event) => Self::Upkeep((&**event).into()),
            core::Body::Shares(day) => Self::Shares((*day).into()),
            core::Body::Call(event) => Self::Call(event.into()),
            core::Body::Ledger(day) => Self::Ledger((&**day).into()),
            core::Body::Replay(event) => Self::Replay(event.into()),
            core::Body::Config(event) => Self::Config((&**event).into()),
            core::Body::Command(event) => Self::Command((&**event).into()),
            core::Body::Manifest(manifest) => Self::Manifest {
                text: cut_at(&manifest.text, MANIFEST_BYTES_MAX),
                signature: cut(&manifest.signature),
                key: cut(&manifest.key),
            },
        }
    }
}

impl TryFrom<Body> for core::Body {
    type Error = NotRecords;

    fn try_from(body: Body) -> Result<Self, NotRecords> {
        Ok(match body {
            Body::Opening { ordinal, previous } => Self::Opening(core::Opening {
                ordinal,
                previous: previous.into_iter().map(previous_of).collect(),
            }),
            Body::Readings(readings) => {
                Self::Readings(readings.into_iter().map(reading_of).collect::<Result<_, _>>()?)
            }
            Body::Alarm(event) => Self::Alarm(event.try_into()?),
            Body::Device { device, fault } => {
                Self::Device(core::DeviceEvent { device: DeviceId(device), fault: fault.map(Into::into) })
            }
            Body::System { condition, raised } => {
                Self::System(core::SystemEvent { condition: condition.into(), raised })
            }
            Body::Action(event) => Self::Action(event.try_into()?),
            Body::Loss(loss) => Self::Loss(loss.into()),
            Body::ClockStep { from_ms, to_ms } => Self::ClockStep(core::ClockStep {
                from: Utc::from_unix_ms(from_ms),
                to: Utc::from_unix_ms(to_ms),
            }),
            Body::Handling(event) => Self::Handling(event.try_into()?),
            Body::Shelving(event) => Self::Shelving(event.try_into()?),
            Body::Bypass(event) => Self::Bypass(event.try_into()?),
            Body::Interlock(event) => Self::Interlock(event.try_into()?),
            Body::Upkeep(event) => Self::Upkeep(Box::new(event.try_into()?)),
            Body::Shares(day) => Self::Shares(day.into()),
            Body::Call(event) => Self::Call(event.try_into()?),
            Body::Ledger(day) => Self::Ledger(Box::new(day.try_into()?)),
            Body::Replay(event) => Self::Replay(event.try_into()?),
            Body::Config(event) => Self::Config(Box::new(event.try_into()?)),
            Body::Command(event) => Self::Command(Box::new(event.try_into()?)),
            Body::Manifest { text, .. } if text.len() > MANIFEST_BYTES_MAX => return Err(NotRecords),
            Body::Manifest { text, signature, key } => Self::Manifest(Box::new(core::Manifest {
                text,
                signature: bounded(signature)?,
                key: bounded(key)?,
            })),
        })
    }
}

/// Appends a sample's bytes.
pub(super) fn put_sample(sample: &reading::Sample, bytes: &mut Vec<u8>) -> Option<()> {
    bytes.extend_from_slice(&postcard::to_stdvec(&Sample::from(sample)).ok()?);
    Some(())
}

/// The sample that `bytes` begin with, and what is behind it.
pub(super) fn take_sample(bytes: &[u8]) -> Result<(reading::Sample, &[u8]), NotRecords> {
    let (sample, rest) = postcard::take_from_bytes::<Sample>(bytes).map_err(|_| NotRecords)?;
    Ok((sample.try_into()?, rest))
}

const fn previous_of((epoch, through): (u64, u64)) -> core::PreviousEpoch {
    core::PreviousEpoch { epoch: Epoch(epoch), durable_through: Seq(through) }
}

fn reading_of((point, sample): (u32, Sample)) -> Result<reading::Reading, NotRecords> {
    Ok(reading::Reading { point: PointId(point), sample: sample.try_into()? })
}

impl From<&reading::Sample> for Sample {
    fn from(sample: &reading::Sample) -> Self {
        match sample {
            reading::Sample::Good(quantity) => Self::Good(quantity.into()),
            reading::Sample::Suspect(quantity, doubt) => Self::Suspect(quantity.into(), (*doubt).into()),
            reading::Sample::Bad(reason) => Self::Bad((*reason).into()),
        }
    }
}

impl TryFrom<Sample> for reading::Sample {
    type Error = NotRecords;

    fn try_from(sample: Sample) -> Result<Self, NotRecords> {
        Ok(match sample {
            Sample::Good(quantity) => Self::Good(quantity.try_into()?),
            Sample::Suspect(quantity, doubt) => Self::Suspect(quantity.try_into()?, doubt.into()),
            Sample::Bad(reason) => Self::Bad(reason.into()),
        })
    }
}

impl From<&reading::Quantity> for Quantity {
    fn from(quantity: &reading::Quantity) -> Self {
        match quantity {
            reading::Quantity::Number(value) => Self::Number(value.get()),
            reading::Quantity::Text(text) => Self::Text(cut(text)),
        }
    }
}

impl TryFrom<Quantity> for reading::Quantity {
    type Error = NotRecords;

    fn try_from(quantity: Quantity) -> Result<Self, NotRecords> {
        Ok(match quantity {
            Quantity::Number(raw) => Self::Number(finite(raw)?),
            Quantity::Text(text) => Self::Text(Arc::from(bounded(text)?)),
        })
    }
}

impl From<link::LinkFault> for Fault {
    fn from(fault: link::LinkFault) -> Self {
        match fault {
            link::LinkFault::Silent => Self::Silent,
            link::LinkFault::Garbled => Self::Garbled,
            link::LinkFault::Refused(exception) => Self::Refused(code(exception)),
            link::LinkFault::Gone => Self::Gone,
        }
    }
}

impl From<Fault> for link::LinkFault {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Silent => Self::Silent,
            Fault::Garbled => Self::Garbled,
            Fault::Refused(code) => Self::Refused(exception(code)),
            Fault::Gone => Self::Gone,
        }
    }
}

const fn code(exception: link::Exception) -> u8 {
    match exception {
        link::Exception::IllegalFunction => 0x01,
        link::Exception::IllegalAddress => 0x02,
        link::Exception::IllegalValue => 0x03,
        link::Exception::DeviceFailure => 0x04,
        link::Exception::Acknowledge => 0x05,
        link::Exception::Busy => 0x06,
        link::Exception::GatewayPath => 0x0A,
        link::Exception::GatewayTarget => 0x0B,
        link::Exception::Other(code) => code,
    }
}

const fn exception(code: u8) -> link::Exception {
    match code {
        0x01 => link::Exception::IllegalFunction,
        0x02 => link::Exception::IllegalAddress,
        0x03 => link::Exception::IllegalValue,
        0x04 => link::Exception::DeviceFailure,
        0x05 => link::Exception::Acknowledge,
        0x06 => link::Exception::Busy,
        0x0A => link::Exception::GatewayPath,
        0x0B => link::Exception::GatewayTarget,
        other => link::Exception::Other(other),
    }
}

/// A number that can be compared.
pub(super) fn finite(raw: f64) -> Result<Value, NotRecords> {
    Value::try_new(raw).ok_or(NotRecords)
}

/// The beginning of a text, cut between two characters.
pub(super) fn cut(text: &str) -> String {
    cut_at(text, TEXT_BYTES_MAX)
}

fn cut_at(text: &str, bytes_max: usize) -> String {
    text[..text.floor_char_boundary(bytes_max)].to_owned()
}

/// A text that this agent can have written.
pub(super) fn bounded(text: String) -> Result<String, NotRecords> {
    if text.len() <= TEXT_BYTES_MAX { Ok(text) } else { Err(NotRecords) }
}
