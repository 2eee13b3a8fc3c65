//! Any record of a named command.

use std::time::Duration;

use hazard_agent::dictionary::CommandEntry;
use hazard_core::Value;
use hazard_core::device_command::{CommandChange, CommandEvent, CommandFailure};
use hazard_core::id::DeviceCommandId;
use hazard_core::link::{Exception, LinkFault};
use hazard_core::outbox::record::Body;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

pub(super) fn entries() -> impl Strategy<Value = Vec<CommandEntry>> {
    let entry = any::<[String; 5]>().prop_map(|[name, zh, en, device, unit]| CommandEntry {
        name,
        zh,
        en,
        device,
        unit,
    });
    vec(entry, 0..3)
}

pub(super) fn body() -> impl Strategy<Value = Body> {
    let value = || option::of(any::<i32>().prop_map(Value::from_i32));
    let why = prop_oneof![
        Just(CommandFailure::Expired),
        select(vec![LinkFault::Silent, LinkFault::Garbled, LinkFault::Gone]).prop_map(CommandFailure::Link),
        select(vec![Exception::Busy, Exception::Other(66)])
            .prop_map(|exception| CommandFailure::Link(LinkFault::Refused(exception))),
    ];
    let fault = option::of(select(vec![LinkFault::Silent, LinkFault::Refused(Exception::IllegalAddress)]));
    let change = prop_oneof![
        any::<u32>().prop_map(|s| CommandChange::Accepted { deadline: Duration::from_secs(s.into()) }),
        (value(), value()).prop_map(|(before, read_back)| CommandChange::Done { before, read_back }),
        (value(), value(), fault).prop_map(|(before, read_back, fault)| CommandChange::Unverified {
            before,
            read_back,
            fault
        }),
        (value(), why).prop_map(|(before, why)| CommandChange::Failed { before, why }),
        Just(CommandChange::Lost),
    ];
    (any::<u16>(), any::<u64>(), change, any::<i32>(), any::<[String; 3]>()).prop_map(
        |(command, nth, change, value, [actor, approver, note])| {
            let (command, value) = (DeviceCommandId(command), Value::from_i32(value));
            Body::Command(Box::new(CommandEvent { command, nth, change, value, actor, approver, note }))
        },
    )
}
