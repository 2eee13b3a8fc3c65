//! A change of configuration as JSON.

use hazard_core::outbox::record::{ConfigChange, ConfigEvent};

use super::record::{number_field, text_field, word};
use crate::words;

/// Appends the fields of a change of configuration.
pub(super) fn write(out: &mut Vec<u8>, event: &ConfigEvent) {
    word(out, ",\"kind\":\"config\",\"change\":", words::config(&event.change));
    match &event.change {
        ConfigChange::Applied { confirm_within } => {
            number_field(out, ",\"confirm_within_s\":", confirm_within.as_secs());
        }
        ConfigChange::Withdrawn { alarm, state } => {
            text_field(out, ",\"alarm\":", alarm);
            word(out, ",\"state\":", words::alarm_state(*state));
        }
        ConfigChange::Confirmed
        | ConfigChange::RolledBack
        | ConfigChange::Expired
        | ConfigChange::Interrupted
        | ConfigChange::Unplanned => {}
    }
    text_field(out, ",\"actor\":", &event.actor);
    text_field(out, ",\"approver\":", &event.approver);
    text_field(out, ",\"note\":", &event.note);
    text_field(out, ",\"from\":", &event.from);
    text_field(out, ",\"to\":", &event.to);
    number_field(out, ",\"differences\":", event.differences.into());
    number_field(out, ",\"lowered\":", event.lowered.into());
}
