//! What votes, trips and permits did, as JSON.

use hazard_core::interlock::{Cause, InterlockEvent, InterlockStep};

use super::json::{raw, scalar};
use super::names::Names;
use super::record::{number_field, word};
use crate::words;

/// Appends an event, comma first.
pub(super) fn write(out: &mut Vec<u8>, event: &InterlockEvent, names: &Names) {
    let rows = &names.dictionary;
    match event.step {
        InterlockStep::Vote(vote, count) => {
            raw(out, ",\"kind\":\"vote\",\"vote\":");
            names.row(out, &rows.votes, vote.index());
            word(out, ",\"outcome\":", words::outcome(count.outcome));
            for (field, channels) in [
                (",\"needed\":", count.needed),
                (",\"of\":", count.of),
                (",\"faulty\":", count.faulty),
                (",\"bypassed\":", count.bypassed),
            ] {
                number_field(out, field, channels.into());
            }
        }
        InterlockStep::Trip { trip, from, to, cause } => {
            raw(out, ",\"kind\":\"trip\",\"trip\":");
            names.row(out, &rows.trips, trip.index());
            word(out, ",\"from\":", words::trip(from));
            word(out, ",\"to\":", words::trip(to));
            first_out(out, cause, names);
        }
        InterlockStep::Proof(trip, proof) => {
            raw(out, ",\"kind\":\"proof\",\"trip\":");
            names.row(out, &rows.trips, trip.index());
            word(out, ",\"proof\":", words::proof(proof));
        }
        InterlockStep::Permit { permit, from, to } => {
            raw(out, ",\"kind\":\"permit\",\"permit\":");
            names.row(out, &rows.permits, permit.index());
            word(out, ",\"from\":", words::permit(from));
            word(out, ",\"to\":", words::permit(to));
        }
        InterlockStep::Hold(permit, hold) => {
            raw(out, ",\"kind\":\"fan_hold\",\"permit\":");
            names.row(out, &rows.permits, permit.index());
            word(out, ",\"hold\":", words::hold(hold));
        }
    }
    if let Some(actor) = &event.actor {
        raw(out, ",\"actor\":");
        scalar(out, actor);
        raw(out, ",\"note\":");
        scalar(out, &event.note);
    }
}

/// 首出, where it is known.
fn first_out(out: &mut Vec<u8>, cause: Option<Cause>, names: &Names) {
    match cause {
        Some(Cause::Alarm(alarm)) => {
            raw(out, ",\"first_out\":{\"alarm\":");
            names.alarm_id(out, alarm);
        }
        Some(Cause::Vote(vote)) => {
            raw(out, ",\"first_out\":{\"vote\":");
            names.row(out, &names.dictionary.votes, vote.index());
        }
        None => return,
    }
    raw(out, "}");
}
