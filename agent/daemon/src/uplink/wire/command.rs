//! What became of a named command, as JSON.

use hazard_core::Value;
use hazard_core::device_command::{CommandChange, CommandEvent, CommandFailure};
use hazard_core::link::LinkFault;

use super::json::{number, raw, scalar};
use super::names::Names;
use super::record::{exception, number_field, text_field, word};
use crate::words;

/// Appends an event, comma first.
pub(super) fn write(out: &mut Vec<u8>, event: &CommandEvent, names: &Names) {
    text_field(out, ",\"kind\":\"command\",\"command\":", &names.dictionary.command_name(event.command));
    if let Some(entry) = names.dictionary.commands.get(event.command.index()) {
        text_field(out, ",\"device\":", &entry.device);
    }
    word(out, ",\"change\":", words::device_command(event.change));
    number_field(out, ",\"nth\":", event.nth);
    value(out, ",\"value\":", Some(event.value));
    match event.change {
        CommandChange::Accepted { deadline } => number_field(out, ",\"deadline_s\":", deadline.as_secs()),
        CommandChange::Done { before, read_back } => {
            value(out, ",\"before\":", before);
            value(out, ",\"read_back\":", read_back);
            raw(out, ",\"verified\":");
            scalar(out, &read_back.is_some());
        }
        CommandChange::Unverified { before, read_back, fault } => {
            value(out, ",\"before\":", before);
            value(out, ",\"read_back\":", read_back);
            fault.into_iter().for_each(|fault| link_fault(out, fault));
        }
        CommandChange::Failed { before, why } => {
            value(out, ",\"before\":", before);
            match why {
                CommandFailure::Link(fault) => link_fault(out, fault),
                CommandFailure::Expired => word(out, ",\"fault\":", words::EXPIRED),
            }
        }
        CommandChange::Lost => {}
    }
    text_field(out, ",\"actor\":", &event.actor);
    text_field(out, ",\"approver\":", &event.approver);
    text_field(out, ",\"note\":", &event.note);
}

fn value(out: &mut Vec<u8>, field: &str, value: Option<Value>) {
    if let Some(value) = value {
        raw(out, field);
        number(out, value);
    }
}

fn link_fault(out: &mut Vec<u8>, fault: LinkFault) {
    word(out, ",\"fault\":", words::link_fault(fault));
    exception(out, fault);
}
