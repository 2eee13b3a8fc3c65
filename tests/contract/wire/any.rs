//! Any message that the core could ask for is one that the contract has.

use std::sync::Arc;
use std::time::Duration;

use hazard_agent::dictionary::{AlarmEntry, Dictionary, PointEntry, SafeguardEntry, UpkeepEntry};
use hazard_agent::settings::Identity;
use hazard_agent::uplink::wire::{ActiveAlarm, Reason, State, Wire};
use hazard_core::alarm::{Priority, Withheld};
use hazard_core::call::{CallEvent, Change, DeliveryFault, How, Order, Told, Withdrawal};
use hazard_core::id::{
    AlarmId, AttemptId, DeviceId, Epoch, MessageId, PermitId, PointId, RoleId, Seq, TripId, UplinkId, VoteId,
};
use hazard_core::interlock::{
    self, HoldStanding, InterlockEvent, InterlockStep, PermitStanding, ProofStanding, TripStanding, VoteCount,
};
use hazard_core::link::{Exception, LinkFault};
use hazard_core::outbox::record::{
    ActionEvent, AlarmEvent, AlarmState, Body, BypassChange, BypassEvent, Cause, ClockStep, ConfigChange,
    ConfigEvent, DeviceEvent, HandlingEvent, Loss, LossPlace, Manifest, Opening, PreviousEpoch, Record,
    ReplayEvent, ShelvingEvent, SystemEvent, Verb, Wish,
};
use hazard_core::outbox::{Count, Lane};
use hazard_core::reading::{Doubt, NoData, Quantity, Reading, Sample};
use hazard_core::vote::Outcome;
use hazard_core::{ClockTrust, Mono, Publish, Stamp, Utc, Value};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::any_condition::condition;
use super::{any_command, any_upkeep, sample, validator};

/// Two known epochs and one unknown.
const EPOCHS: u64 = 3;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_message_of_records_fulfils_its_schema(
        names in dictionary(),
        publish in publish(),
        sent_at in any::<i64>(),
    ) {
        let wire = wire(names);
        let message = wire.publish(&publish, Utc::from_unix_ms(sent_at));
        thread_local!(static VALIDATOR: hazard_tests::contract::Validator = validator());
        let verdict = VALIDATOR.with(|validator| validator.check(&message.topic, &message.payload));
        prop_assert_eq!(verdict, Ok(()));
    }

    #[test]
    fn any_state_and_any_birth_fulfil_their_schemas(names in dictionary(), state in state()) {
        let wire = wire(names);
        thread_local!(static VALIDATOR: hazard_tests::contract::Validator = validator());
        for message in [wire.state(&state), wire.birth(state.epoch), wire.will(state.epoch, state.sent_at)] {
            let verdict = VALIDATOR.with(|validator| validator.check(&message.topic, &message.payload));
            prop_assert_eq!(verdict, Ok(()));
        }
    }
}

fn wire(names: Dictionary) -> Wire {
    let mut wire = Wire::new(Identity {
        district: "511302".into(),
        enterprise: "E0001".into(),
        enterprise_name: names.config_hash.clone(),
        gateway: "GW-01".into(),
    });
    wire.learn(Epoch(0), None, Arc::new(names));
    wire.learn(Epoch(1), Some(u64::MAX), Arc::new(sample::dictionary()));
    wire
}

fn dictionary() -> impl Strategy<Value = Dictionary> {
    let point =
        (any::<[String; 3]>(), any::<[bool; 2]>()).prop_map(|([tag, name, unit], [is_switch, safety])| {
            PointEntry { tag, name, unit, is_switch, safety }
        });
    let setpoint =
        prop_oneof!["-?[0-9]{1,4}(\\.[0-9]{1,3})?", any::<String>(), Just("NaN".into()), Just("inf".into())];
    let kind = select(vec!["low_low", "low", "high", "high_high", "digital", "lost"]);
    let priority = select(vec!["low", "medium", "high", "critical"]);
    let alarm = (0..6_u32, kind, priority, setpoint, any::<bool>()).prop_map(
        |(point, kind, priority, setpoint, latch)| AlarmEntry {
            point,
            kind: kind.into(),
            priority: priority.into(),
            setpoint,
            latch,
        },
    );
    let names = || vec(any::<String>(), 0..3);
    (
        any::<String>(),
        vec(point, 0..4),
        vec(alarm, 0..4),
        [names(), names(), names(), names()],
        vec(safeguard(), 0..3),
        [names(), names(), names(), names()],
        (vec(key_setpoint(), 0..3), vec(duty(), 0..3), any_command::entries()),
    )
        .prop_map(
            |(config_hash, points, alarms, parts, safeguards, rows, (key_setpoints, upkeep, commands))| {
                let ([devices, buses, outputs, uplinks], [votes, trips, permits, key_periods]) =
                    (parts, rows);
                let roles = votes.clone();
                Dictionary {
                    config_hash,
                    points,
                    alarms,
                    devices,
                    buses,
                    outputs,
                    uplinks,
                    safeguards,
                    votes,
                    trips,
                    permits,
                    key_periods,
                    key_setpoints,
                    upkeep,
                    roles,
                    commands,
                }
            },
        )
}

fn duty() -> impl Strategy<Value = UpkeepEntry> {
    (0..6_u32, select(vec!["calibration", "proof_test"]), any::<u32>())
        .prop_map(|(point, duty, every_days)| UpkeepEntry { point, duty: duty.into(), every_days })
}

fn key_setpoint() -> impl Strategy<Value = (u32, String)> {
    (0..4_u32, select(vec!["", "20", "2_0.5", "x"]).prop_map(String::from))
}

fn safeguard() -> impl Strategy<Value = SafeguardEntry> {
    let kind = select(vec!["vent_panel", "partition_wall", "interlock"]);
    (any::<[String; 2]>(), kind, any::<bool>(), select(vec!["", "2026-12-31"])).prop_map(
        |([name, note], kind, absent, deadline)| SafeguardEntry {
            name,
            kind: kind.into(),
            absent,
            note,
            deadline: deadline.into(),
        },
    )
}

fn publish() -> impl Strategy<Value = Publish> {
    let of_lane = prop_oneof![
        vec(readings(), 1..4).prop_map(|bodies| (Lane::Reading, bodies)),
        vec(event(), 1..6).prop_map(|bodies| (Lane::Event, bodies)),
    ];
    let kind = prop_oneof![Just((false, None)), any::<Option<String>>().prop_map(|replay| (true, replay))];
    (of_lane, 0..EPOCHS, kind, any::<u8>(), any::<u32>(), stamp()).prop_map(
        |((lane, bodies), epoch, (back_fill, replay), uplink, first, stamp)| Publish {
            uplink: UplinkId(uplink),
            message: MessageId(0),
            epoch: Epoch(epoch),
            lane,
            back_fill,
            replay: replay.map(Into::into),
            records: (u64::from(first)..)
                .zip(bodies)
                .map(|(seq, body)| Arc::new(Record { seq: Seq(seq), stamp, body }))
                .collect(),
        },
    )
}

fn readings() -> impl Strategy<Value = Body> {
    let reading =
        (0..6_u32, measured()).prop_map(|(point, sample)| Reading { point: PointId(point), sample });
    vec(reading, 0..5).prop_map(Body::Readings)
}

fn measured() -> impl Strategy<Value = Sample> {
    let doubt = select(vec![
        Doubt::OverRange,
        Doubt::UnderRange,
        Doubt::AfterFault,
        Doubt::Rounded,
        Doubt::Bypassed,
        Doubt::FunctionCheck,
        Doubt::OverRangeHeld,
    ]);
    let no_data = prop_oneof![select(sample::every_no_data()), fault().prop_map(NoData::Link)];
    prop_oneof![
        quantity().prop_map(Sample::Good),
        (quantity(), doubt).prop_map(|(quantity, doubt)| Sample::Suspect(quantity, doubt)),
        no_data.prop_map(Sample::Bad),
    ]
}

fn quantity() -> impl Strategy<Value = Quantity> {
    prop_oneof![
        value().prop_map(Quantity::Number),
        any::<String>().prop_map(|text| Quantity::Text(text.into()))
    ]
}

fn event() -> impl Strategy<Value = Body> {
    let alarm = (0..6_u32, alarm_state(), alarm_state(), option::of(value()), option::of(any::<String>()))
        .prop_map(|(alarm, from, to, value, actor)| {
            Body::Alarm(AlarmEvent { alarm: AlarmId(alarm), from, to, value, actor })
        });
    let device = (0..4_u16, option::of(fault()))
        .prop_map(|(device, fault)| Body::Device(DeviceEvent { device: DeviceId(device), fault }));
    let system = (condition(), any::<bool>())
        .prop_map(|(condition, raised)| Body::System(SystemEvent { condition, raised }));
    let step = any::<(i64, i64)>().prop_map(|(from, to)| {
        Body::ClockStep(ClockStep { from: Utc::from_unix_ms(from), to: Utc::from_unix_ms(to) })
    });
    prop_oneof![
        opening(),
        alarm,
        device,
        system,
        action(),
        loss(),
        step,
        handling(),
        shelving(),
        bypass(),
        interlock(),
        any_upkeep::event(),
        any_upkeep::shares(),
        any_upkeep::ledger(),
        prop_oneof![call(), replay(), manifest(), config(), any_command::body()]
    ]
}

fn replay() -> impl Strategy<Value = Body> {
    let ended = option::of(any::<(u64, u64)>());
    (any::<u8>(), any::<String>(), any::<(i64, i64)>(), ended).prop_map(|(uplink, id, (from, to), ended)| {
        let wish = Wish { id: id.into(), from: Utc::from_unix_ms(from), to: Utc::from_unix_ms(to) };
        let ended = ended.map(|(records, readings)| Count { records, readings });
        Body::Replay(ReplayEvent { uplink: UplinkId(uplink), wish, ended })
    })
}

fn opening() -> impl Strategy<Value = Body> {
    let previous = any::<(u64, u64)>()
        .prop_map(|(epoch, through)| PreviousEpoch { epoch: Epoch(epoch), durable_through: Seq(through) });
    (any::<Option<u64>>(), vec(previous, 0..=Opening::PREVIOUS_MAX))
        .prop_map(|(ordinal, previous)| Body::Opening(Opening { ordinal, previous }))
}

fn action() -> impl Strategy<Value = Body> {
    let verb = select(vec![Verb::Silence, Verb::Acknowledge, Verb::Reset, Verb::ResetRetentive]);
    (any::<[String; 2]>(), verb, option::of(0..6_u32), any::<u32>()).prop_map(
        |([actor, note], verb, alarm, changed)| {
            Body::Action(ActionEvent { actor, verb, alarm: alarm.map(AlarmId), note, changed })
        },
    )
}

fn handling() -> impl Strategy<Value = Body> {
    let cause = select(vec![
        Cause::Hazard,
        Cause::Upset,
        Cause::Maintenance,
        Cause::Equipment,
        Cause::FalseAlarm,
        Cause::Test,
    ]);
    (0..6_u32, cause, any::<[String; 2]>()).prop_map(|(alarm, cause, [actor, note])| {
        Body::Handling(HandlingEvent { alarm: AlarmId(alarm), actor, cause, note })
    })
}

fn shelving() -> impl Strategy<Value = Body> {
    (0..6_u32, option::of(any::<u32>()), any::<[String; 2]>()).prop_map(|(alarm, lasts, [actor, note])| {
        let lasts = lasts.map(|seconds| Duration::from_secs(seconds.into()));
        Body::Shelving(ShelvingEvent { alarm: AlarmId(alarm), actor, lasts, note })
    })
}

fn bypass() -> impl Strategy<Value = Body> {
    let change = prop_oneof![
        any::<u32>().prop_map(|lasts| BypassChange::Begun { lasts: Duration::from_secs(lasts.into()) }),
        select(vec![BypassChange::Ended, BypassChange::Expired, BypassChange::Rearmed]),
    ];
    (0..6_u32, change, any::<[String; 3]>()).prop_map(|(point, change, [actor, approver, reason])| {
        Body::Bypass(BypassEvent { point: PointId(point), change, actor, approver, reason })
    })
}

fn interlock() -> impl Strategy<Value = Body> {
    let outcome = select(vec![Outcome::Quiet, Outcome::Unread, Outcome::Blind, Outcome::Tripped]);
    let count = (outcome, any::<[u16; 4]>()).prop_map(|(outcome, [needed, of, faulty, bypassed])| {
        VoteCount { outcome, needed, of, faulty, bypassed }
    });
    let cause = prop_oneof![
        (0..6_u32).prop_map(|id| interlock::Cause::Alarm(AlarmId(id))),
        (0..4_u16).prop_map(|id| interlock::Cause::Vote(VoteId(id))),
    ];
    let trip = || select(vec![TripStanding::Ready, TripStanding::Tripped, TripStanding::Held]);
    let proof = select(vec![
        ProofStanding::Idle,
        ProofStanding::Awaited,
        ProofStanding::Proven,
        ProofStanding::NotShown,
        ProofStanding::Left,
    ]);
    let permit = || {
        use PermitStanding::{FanOff, Granted, PreRun, Withheld};
        select(vec![FanOff, PreRun, Withheld, Granted])
    };
    let hold = select(vec![HoldStanding::LineRuns, HoldStanding::PostRun, HoldStanding::Released]);
    let step =
        prop_oneof![
            (0..4_u16, count).prop_map(|(id, count)| InterlockStep::Vote(VoteId(id), count)),
            (0..4_u16, trip(), trip(), option::of(cause))
                .prop_map(|(id, from, to, cause)| InterlockStep::Trip { trip: TripId(id), from, to, cause }),
            (0..4_u16, proof).prop_map(|(id, proof)| InterlockStep::Proof(TripId(id), proof)),
            (0..4_u16, permit(), permit()).prop_map(|(id, from, to)| InterlockStep::Permit {
                permit: PermitId(id),
                from,
                to
            }),
            (0..4_u16, hold).prop_map(|(id, hold)| InterlockStep::Hold(PermitId(id), hold)),
        ];
    (step, option::of(any::<String>()), any::<String>())
        .prop_map(|(step, actor, note)| Body::Interlock(InterlockEvent { step, actor, note }))
}

fn call() -> impl Strategy<Value = Body> {
    let alarm = || (0..6_u32).prop_map(AlarmId);
    let priority = || select(vec![Priority::Low, Priority::Medium, Priority::High, Priority::Critical]);
    let carried = || (any::<u32>(), 0..4_u16).prop_map(|(id, role)| (AttemptId(id.into()), RoleId(role)));
    let told = (alarm(), priority(), any::<u8>(), any::<u32>())
        .prop_map(|(alarm, priority, rung, nth)| Told { alarm, priority, rung, nth });
    let fault = select(vec![
        DeliveryFault::Unreachable,
        DeliveryFault::Refused,
        DeliveryFault::Crowded,
        DeliveryFault::Unreported,
    ]);
    let how = prop_oneof![
        Just(How::Acknowledged),
        (option::of(0..4_u16), any::<String>())
            .prop_map(|(role, channel)| How::Said { role: role.map(RoleId), channel: channel.into() }),
    ];
    let why = select(vec![
        Withdrawal::Withheld(Withheld::Shelved),
        Withdrawal::Withheld(Withheld::Suppressed),
        Withdrawal::Withheld(Withheld::OutOfService),
        Withdrawal::Gone,
    ]);
    let change = prop_oneof![
        (alarm(), priority()).prop_map(|(alarm, priority)| Change::Opened { alarm, priority }),
        (carried(), vec(told, 1..4)).prop_map(|((attempt, role), alarms)| Change::Ordered(Order {
            attempt,
            role,
            alarms
        })),
        carried().prop_map(|(attempt, role)| Change::Delivered { attempt, role }),
        (carried(), fault, vec(alarm(), 0..3)).prop_map(|((attempt, role), fault, moved_on)| {
            Change::Failed { attempt, role, fault, moved_on }
        }),
        (alarm(), any::<String>(), how, any::<u32>()).prop_map(|(alarm, by, how, after)| {
            Change::Answered { alarm, by: by.into(), how, after: Duration::from_secs(after.into()) }
        }),
        (alarm(), why).prop_map(|(alarm, why)| Change::Withdrawn { alarm, why }),
        (alarm(), any::<u8>()).prop_map(|(alarm, repeats_left)| Change::Exhausted { alarm, repeats_left }),
    ];
    (change, any::<String>()).prop_map(|(change, note)| Body::Call(CallEvent { change, note }))
}

fn manifest() -> impl Strategy<Value = Body> {
    (any::<String>(), "([0-9a-f]{128})?", "([0-9a-f]{64})?")
        .prop_map(|(text, signature, key)| Body::Manifest(Box::new(Manifest { text, signature, key })))
}

fn config() -> impl Strategy<Value = Body> {
    let change = prop_oneof![
        any::<u32>().prop_map(|s| ConfigChange::Applied { confirm_within: Duration::from_secs(s.into()) }),
        select(vec![
            ConfigChange::Confirmed,
            ConfigChange::RolledBack,
            ConfigChange::Expired,
            ConfigChange::Interrupted,
            ConfigChange::Unplanned,
        ]),
        (any::<String>(), alarm_state()).prop_map(|(alarm, state)| ConfigChange::Withdrawn { alarm, state }),
    ];
    (change, any::<[String; 5]>(), any::<[u32; 2]>()).prop_map(
        |(change, [actor, approver, note, from, to], [differences, lowered])| {
            let event = ConfigEvent { change, actor, approver, note, from, to, differences, lowered };
            Body::Config(Box::new(event))
        },
    )
}

fn loss() -> impl Strategy<Value = Body> {
    let place =
        prop_oneof![Just(LossPlace::Journal), any::<u8>().prop_map(|id| LossPlace::Uplink(UplinkId(id)))];
    (place, select(vec![Lane::Event, Lane::Reading]), any::<[u64; 5]>()).prop_map(
        |(place, lane, [epoch, first, last, records, readings])| {
            let (first, last) = (Seq(first), Seq(last));
            Body::Loss(Loss { place, epoch: Epoch(epoch), lane, first, last, records, readings })
        },
    )
}

fn state() -> impl Strategy<Value = State> {
    let reason = select(vec![
        Reason::Started,
        Reason::Reconnected,
        Reason::Changed,
        Reason::Heartbeat,
        Reason::Stopping,
    ]);
    let alarm = (0..6_u32, alarm_state(), any::<Option<i64>>()).prop_map(|(alarm, state, since)| {
        ActiveAlarm { alarm: AlarmId(alarm), state, since: since.map(Utc::from_unix_ms) }
    });
    let lists = (vec(alarm, 0..60), vec(condition(), 0..60));
    (reason, any::<[i64; 2]>(), stamp(), 0..EPOCHS, any::<String>(), lists).prop_map(
        |(reason, [since, sent_at], stamp, epoch, software, (alarms, conditions))| State {
            reason,
            since: Utc::from_unix_ms(since),
            sent_at: Utc::from_unix_ms(sent_at),
            clock: stamp.trust,
            epoch: Epoch(epoch),
            software: software.into(),
            alarms,
            conditions,
        },
    )
}

fn fault() -> impl Strategy<Value = LinkFault> {
    prop_oneof![
        select(sample::every_fault()),
        any::<u8>().prop_map(|code| LinkFault::Refused(Exception::Other(code)))
    ]
}

fn alarm_state() -> impl Strategy<Value = AlarmState> {
    use AlarmState::{
        Acked, LatchedAcked, LatchedUnacked, Normal, OutOfService, RtnUnacked, Shelved, Suppressed, Unacked,
    };
    select(vec![
        Normal,
        Unacked,
        Acked,
        RtnUnacked,
        LatchedUnacked,
        LatchedAcked,
        Shelved,
        Suppressed,
        OutOfService,
    ])
}

pub(super) fn value() -> impl Strategy<Value = Value> {
    let any_bits = any::<u64>().prop_filter_map("finite", |bits| Value::try_new(f64::from_bits(bits)));
    let single = any::<f32>().prop_filter_map("finite", |raw| Value::try_new(f64::from(raw)));
    prop_oneof![any_bits, single, Just(Value::ZERO), Just(Value::ONE)]
}

pub(super) fn stamp() -> impl Strategy<Value = Stamp> {
    let trust = select(vec![ClockTrust::Unset, ClockTrust::Free, ClockTrust::Synced]);
    let utc = any::<i64>().prop_map(Utc::from_unix_ms);
    (utc, trust).prop_map(|(utc, trust)| Stamp { mono: Mono::ZERO, utc, trust })
}
