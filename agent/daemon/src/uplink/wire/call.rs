//! What calls did, as JSON.

use hazard_core::call::{CallEvent, Change, How, Order};
use hazard_core::id::{AlarmId, AttemptId, RoleId};

use super::json::raw;
use super::names::{Names, listed};
use super::record::{number_field, text_field, word};
use super::state::list;
use crate::words;

/// Appends an event, comma first.
pub(super) fn write(out: &mut Vec<u8>, event: &CallEvent, names: &Names) {
    word(out, ",\"kind\":\"call\",\"change\":", words::call(&event.change));
    match &event.change {
        Change::Opened { alarm, priority } => {
            about(out, *alarm, names);
            word(out, ",\"priority\":", words::priority(*priority));
        }
        Change::Ordered(order) => ordered(out, order, names),
        Change::Delivered { attempt, role } => carried(out, (*attempt, *role), names),
        Change::Failed { attempt, role, fault, moved_on } => {
            carried(out, (*attempt, *role), names);
            word(out, ",\"fault\":", words::delivery(*fault));
            raw(out, ",\"moved_on\":");
            list(out, moved_on.iter(), |out, alarm| names.alarm_id(out, *alarm));
            text_field(out, ",\"note\":", &event.note);
        }
        Change::Answered { alarm, by, how, after } => {
            about(out, *alarm, names);
            text_field(out, ",\"actor\":", by);
            word(out, ",\"how\":", words::how(how));
            if let How::Said { role, channel } = how {
                if let Some(role) = role {
                    raw(out, ",\"role\":");
                    listed(out, &names.dictionary.roles, role.index());
                }
                text_field(out, ",\"channel\":", channel);
            }
            number_field(out, ",\"after_s\":", after.as_secs());
            text_field(out, ",\"note\":", &event.note);
        }
        Change::Withdrawn { alarm, why } => {
            about(out, *alarm, names);
            word(out, ",\"why\":", words::withdrawal(*why));
        }
        Change::Exhausted { alarm, repeats_left } => {
            about(out, *alarm, names);
            number_field(out, ",\"repeats_left\":", (*repeats_left).into());
        }
    }
}

fn about(out: &mut Vec<u8>, alarm: AlarmId, names: &Names) {
    raw(out, ",\"alarm\":");
    names.alarm_id(out, alarm);
}

fn carried(out: &mut Vec<u8>, (attempt, role): (AttemptId, RoleId), names: &Names) {
    number_field(out, ",\"attempt\":", attempt.0);
    raw(out, ",\"role\":");
    listed(out, &names.dictionary.roles, role.index());
}

fn ordered(out: &mut Vec<u8>, order: &Order, names: &Names) {
    carried(out, (order.attempt, order.role), names);
    raw(out, ",\"alarms\":");
    list(out, order.alarms.iter(), |out, told| {
        raw(out, "{\"alarm\":");
        names.alarm_id(out, told.alarm);
        word(out, ",\"priority\":", words::priority(told.priority));
        // People count from one; so does the order itself.
        number_field(out, ",\"rung\":", u64::from(told.rung) + 1);
        number_field(out, ",\"nth\":", told.nth.into());
        raw(out, "}");
    });
}
