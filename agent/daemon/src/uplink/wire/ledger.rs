//! The sums of a day, as JSON.

use hazard_core::daybook::{DayJournal, DayLedger, DayPolls, DayUplink};
use hazard_core::id::UplinkId;
use hazard_core::outbox::Count;

use super::json::raw;
use super::names::{Names, listed};
use super::record::number_field;
use super::state::list;

/// Appends the day, comma first.
pub(super) fn write(out: &mut Vec<u8>, day: &DayLedger, names: &Names) {
    raw(out, ",\"kind\":\"ledger\"");
    number_field(out, ",\"lasted_s\":", day.lasted.as_secs());
    let DayPolls { before, count } = day.polls;
    number_field(out, ",\"polls\":{\"before\":", before);
    for (field, number) in [
        (",\"scheduled\":", count.scheduled),
        (",\"repeated\":", count.repeated),
        (",\"read\":", count.read),
        (",\"failed\":", count.failed),
        (",\"skipped\":", count.skipped),
        (",\"open\":", count.open),
    ] {
        number_field(out, field, number);
    }
    raw(out, "},\"journal\":{");
    let DayJournal { before, offered, stored, lost, waiting, purged } = day.journal;
    counts(
        out,
        [
            ("\"before\":", before),
            (",\"offered\":", offered),
            (",\"stored\":", stored),
            (",\"lost\":", lost),
            (",\"waiting\":", waiting),
            (",\"purged\":", purged),
        ],
    );
    raw(out, "},\"uplinks\":");
    let uplinks = (0..).map(UplinkId).zip(&day.uplinks);
    list(out, uplinks, |out, (id, uplink)| self::uplink(out, id, uplink, names));
}

fn uplink(out: &mut Vec<u8>, id: UplinkId, DayUplink { before, ledger }: &DayUplink, names: &Names) {
    raw(out, "{\"uplink\":");
    listed(out, &names.dictionary.uplinks, id.index());
    counts(
        out,
        [
            (",\"before\":", *before),
            (",\"confirmed\":", ledger.confirmed),
            (",\"lost\":", ledger.lost),
            (",\"pending\":", ledger.pending),
            (",\"back_filled\":", ledger.back_filled),
        ],
    );
    raw(out, "}");
}

fn counts<const N: usize>(out: &mut Vec<u8>, counts: [(&str, Count); N]) {
    for (field, count) in counts {
        raw(out, field);
        number_field(out, "{\"records\":", count.records);
        number_field(out, ",\"readings\":", count.readings);
        raw(out, "}");
    }
}
