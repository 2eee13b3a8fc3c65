//! A gateway with two named commands, and what became of them.

use std::time::Duration;

use hazard_agent::dictionary::{CommandEntry, Dictionary};
use hazard_agent::uplink::wire::Wire;
use hazard_core::Value;
use hazard_core::device_command::{CommandChange, CommandEvent, CommandFailure};
use hazard_core::id::DeviceCommandId;
use hazard_core::link::{Exception, LinkFault};
use hazard_core::outbox::record::Body;

use super::sample;

pub(super) fn wire() -> Wire {
    let entry = |[name, zh, en, unit]: [&str; 4]| CommandEntry {
        name: name.into(),
        zh: zh.into(),
        en: en.into(),
        device: "GDS-1".into(),
        unit: unit.into(),
    };
    let commands = vec![
        entry(["GT-101/设定", "GT-101 高报设定值", "GT-101 high set-point", "%LEL"]),
        entry(["GT-101/调零", "GT-101 调零", "GT-101 zero", ""]),
    ];
    let mut wire = sample::wire();
    wire.learn(sample::EPOCH, Some(7), Dictionary { commands, ..sample::dictionary() }.into());
    wire
}

/// A set-point that was verified, one that was not, a zero that nobody confirmed, one that came too late, and one that is lost.
pub(super) fn events() -> Vec<Body> {
    let event = |command, nth, change, value: f64| {
        let value = Value::try_new(value).unwrap();
        let [actor, approver, note] = ["李四", "王五", "变更单0731"].map(String::from);
        let command = DeviceCommandId(command);
        Body::Command(Box::new(CommandEvent { command, nth, change, value, actor, approver, note }))
    };
    let (before, read_back) = (Value::try_new(25.0), Value::try_new(20.0));
    let silent = Some(LinkFault::Silent);
    let refused = CommandFailure::Link(LinkFault::Refused(Exception::IllegalValue));
    vec![
        event(0, 1, CommandChange::Accepted { deadline: Duration::from_secs(30) }, 20.0),
        event(0, 1, CommandChange::Done { before, read_back }, 20.0),
        event(0, 2, CommandChange::Unverified { before, read_back: before, fault: None }, 20.0),
        event(1, 3, CommandChange::Unverified { before: None, read_back: None, fault: silent }, 1.0),
        event(1, 4, CommandChange::Done { before: None, read_back: None }, 1.0),
        event(0, 5, CommandChange::Failed { before, why: refused }, 20.0),
        event(1, 6, CommandChange::Failed { before: None, why: CommandFailure::Expired }, 1.0),
        event(1, 7, CommandChange::Lost, 1.0),
    ]
}
