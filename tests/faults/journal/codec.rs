//! Records come back from their bytes as they were, and no bytes make the decoder panic.

use std::sync::Arc;
use std::time::Duration;

use hazard_agent::journal::codec::{VERSION, decode, encode};
use hazard_core::id::{AlarmId, BusId, DeviceId, Epoch, OutputId, PointId, SafeguardId, Seq, UplinkId};
use hazard_core::link::{Exception, LinkFault};
use hazard_core::outbox::record::*;
use hazard_core::reading::{Doubt, NoData, Quantity, Reading, Sample};
use hazard_core::{ClockTrust, Mono, Stamp, Utc, Value};
use proptest::prelude::*;
use proptest::sample::select;

fn text() -> impl Strategy<Value = String> {
    "[a-z一-龥ß🔥 ]{0,200}"
}

fn value() -> impl Strategy<Value = Value> {
    any::<f64>().prop_filter_map("finite", Value::try_new)
}

fn fault() -> impl Strategy<Value = LinkFault> {
    use Exception::*;
    let known = vec![
        IllegalFunction,
        IllegalAddress,
        IllegalValue,
        DeviceFailure,
        Acknowledge,
        Busy,
        GatewayPath,
        GatewayTarget,
        Other(0),
        Other(9),
        Other(255),
    ];
    prop_oneof![
        Just(LinkFault::Silent),
        Just(LinkFault::Garbled),
        Just(LinkFault::Gone),
        select(known).prop_map(LinkFault::Refused),
    ]
}

fn no_data() -> impl Strategy<Value = NoData> {
    use NoData::*;
    let plain = vec![NeverRead, Stale, NotANumber, Sentinel, NotBcd, BadScaling, NotText];
    prop_oneof![select(plain), fault().prop_map(Link)]
}

fn sample() -> impl Strategy<Value = Sample> {
    let quantity = || {
        prop_oneof![
            value().prop_map(Quantity::Number),
            text().prop_map(|text| Quantity::Text(Arc::from(text))),
        ]
    };
    let doubts = vec![Doubt::OverRange, Doubt::UnderRange, Doubt::AfterFault, Doubt::Rounded];
    prop_oneof![
        quantity().prop_map(Sample::Good),
        (quantity(), select(doubts)).prop_map(|(quantity, doubt)| Sample::Suspect(quantity, doubt)),
        no_data().prop_map(Sample::Bad),
    ]
}

fn state() -> impl Strategy<Value = AlarmState> {
    use AlarmState::*;
    select(vec![Normal, Unacked, Acked, RtnUnacked, LatchedUnacked, LatchedAcked])
}

fn alarm() -> impl Strategy<Value = AlarmEvent> {
    (any::<u32>(), state(), state(), proptest::option::of(value()), proptest::option::of(text())).prop_map(
        |(alarm, from, to, value, actor)| AlarmEvent { alarm: AlarmId(alarm), from, to, value, actor },
    )
}

fn condition() -> impl Strategy<Value = Condition> {
    use Condition::*;
    prop_oneof![
        select(vec![JournalDown, JournalBehind, ClockUntrusted, RetentiveLost, SiteFileInvalid]),
        any::<u16>().prop_map(|id| OutputUnverified(OutputId(id))),
        any::<u32>().prop_map(|id| ButtonStuck(PointId(id))),
        any::<u32>().prop_map(|id| ButtonFlapping(PointId(id))),
        any::<u32>().prop_map(|id| SensorIntermittent(PointId(id))),
        any::<u16>().prop_map(|id| DeviceIntermittent(DeviceId(id))),
        any::<u8>().prop_map(|id| UplinkDown(UplinkId(id))),
        any::<u16>().prop_map(|id| OutputFault(OutputId(id))),
        any::<u16>().prop_map(|id| BusDown(BusId(id))),
        any::<u16>().prop_map(|id| BusOverrun(BusId(id))),
        any::<u16>().prop_map(|id| DelayExceeded(BusId(id))),
        any::<u16>().prop_map(|id| SafeguardAbsent(SafeguardId(id))),
        any::<u32>().prop_map(|id| SensorFailure(PointId(id))),
        any::<u32>().prop_map(|id| SensorCheck(PointId(id))),
        any::<u32>().prop_map(|id| SensorCheckOverdue(PointId(id))),
        any::<u32>().prop_map(|id| SensorOutOfSpecification(PointId(id))),
        any::<u32>().prop_map(|id| SensorMaintenance(PointId(id))),
    ]
}

fn action() -> impl Strategy<Value = ActionEvent> {
    let verbs = select(vec![Verb::Silence, Verb::Acknowledge, Verb::Reset, Verb::ResetRetentive]);
    (text(), verbs, any::<Option<u32>>(), text(), any::<u32>()).prop_map(
        |(actor, verb, alarm, note, changed)| ActionEvent {
            actor,
            verb,
            alarm: alarm.map(AlarmId),
            note,
            changed,
        },
    )
}

fn loss() -> impl Strategy<Value = Loss> {
    let lanes = select(vec![Lane::Event, Lane::Reading]);
    (any::<Option<u8>>(), lanes, any::<[u64; 5]>()).prop_map(|(uplink, lane, n)| Loss {
        place: uplink.map_or(LossPlace::Journal, |id| LossPlace::Uplink(UplinkId(id))),
        epoch: Epoch(n[0]),
        lane,
        first: Seq(n[1]),
        last: Seq(n[2]),
        records: n[3],
        readings: n[4],
    })
}

fn body() -> impl Strategy<Value = Body> {
    let opening = any::<(Option<u64>, Vec<(u64, u64)>)>().prop_map(|(ordinal, previous)| {
        let previous = previous
            .into_iter()
            .map(|(epoch, through)| PreviousEpoch { epoch: Epoch(epoch), durable_through: Seq(through) });
        Body::Opening(Opening { ordinal, previous: previous.collect() })
    });
    let reading =
        (any::<u32>(), sample()).prop_map(|(point, sample)| Reading { point: PointId(point), sample });
    let device = (any::<u16>(), proptest::option::of(fault()))
        .prop_map(|(device, fault)| Body::Device(DeviceEvent { device: DeviceId(device), fault }));
    let system = (condition(), any::<bool>())
        .prop_map(|(condition, raised)| Body::System(SystemEvent { condition, raised }));
    let step = any::<(i64, i64)>().prop_map(|(from, to)| {
        Body::ClockStep(ClockStep { from: Utc::from_unix_ms(from), to: Utc::from_unix_ms(to) })
    });
    prop_oneof![
        opening,
        proptest::collection::vec(reading, 0..20).prop_map(Body::Readings),
        alarm().prop_map(Body::Alarm),
        device,
        system,
        action().prop_map(Body::Action),
        loss().prop_map(Body::Loss),
        step,
        people(),
    ]
}

/// What people do beside silencing, acknowledging and resetting.
fn people() -> impl Strategy<Value = Body> {
    let causes = select(vec![Cause::Hazard, Cause::Upset, Cause::FalseAlarm, Cause::Test]);
    let lasts = || any::<u32>().prop_map(|ms| Duration::from_millis(ms.into()));
    let change = prop_oneof![
        lasts().prop_map(|lasts| BypassChange::Begun { lasts }),
        select(vec![BypassChange::Ended, BypassChange::Expired, BypassChange::Rearmed]),
    ];
    prop_oneof![
        (any::<u32>(), causes, text(), text()).prop_map(|(alarm, cause, actor, note)| {
            Body::Handling(HandlingEvent { alarm: AlarmId(alarm), actor, cause, note })
        }),
        (any::<u32>(), proptest::option::of(lasts()), text(), text()).prop_map(
            |(alarm, lasts, actor, note)| {
                Body::Shelving(ShelvingEvent { alarm: AlarmId(alarm), actor, lasts, note })
            }
        ),
        (any::<u32>(), change, text(), text(), text()).prop_map(
            |(point, change, actor, approver, reason)| {
                Body::Bypass(BypassEvent { point: PointId(point), change, actor, approver, reason })
            }
        ),
    ]
}

fn record() -> impl Strategy<Value = Record> {
    let trusts = select(vec![ClockTrust::Unset, ClockTrust::Free, ClockTrust::Synced]);
    (any::<u64>(), any::<u64>(), any::<i64>(), trusts, body()).prop_map(|(seq, mono, utc, trust, body)| {
        Record {
            seq: Seq(seq),
            stamp: Stamp { mono: Mono::from_micros(mono), utc: Utc::from_unix_ms(utc), trust },
            body,
        }
    })
}

proptest! {
    #[test]
    fn records_come_back_as_they_were(records in proptest::collection::vec(record(), 0..20)) {
        let mut bytes = Vec::new();
        records.iter().for_each(|record| encode(record, &mut bytes));
        let decoded = decode(VERSION, records.len(), &bytes).unwrap();
        prop_assert_eq!(decoded.iter().map(|record| (**record).clone()).collect::<Vec<_>>(), records);
    }

    #[test]
    fn garbage_is_refused_and_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300), count in 0usize..300) {
        if let Ok(records) = decode(VERSION, count, &bytes) {
            prop_assert_eq!(records.len(), count);
        }
        prop_assert!(decode(VERSION + 1, count, &bytes).is_err());
    }

    #[test]
    fn a_damaged_record_never_panics(record in record(), at in any::<prop::sample::Index>(), flip in 1u8..) {
        let mut bytes = Vec::new();
        encode(&record, &mut bytes);
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        let _ = decode(VERSION, 1, &bytes);
        prop_assert!(decode(VERSION, 1, &bytes[..at]).is_err());
    }
}

#[test]
fn a_text_without_end_is_cut_between_two_characters() {
    let note = "火".repeat(100_000);
    let action =
        ActionEvent { actor: String::new(), verb: Verb::Reset, alarm: None, note: note.clone(), changed: 0 };
    let record = Record { seq: Seq(1), stamp: Stamp::default(), body: Body::Action(action) };
    let mut bytes = Vec::new();
    encode(&record, &mut bytes);
    assert!(bytes.len() < 1_100);
    let Body::Action(action) = &decode(VERSION, 1, &bytes).unwrap()[0].body else { panic!() };
    assert!(note.starts_with(&action.note) && action.note.len() > 1_000);
}
