//! Upkeep and the standing figures on the retentive page: numbers become names on the way out, and names numbers on the
//! way in. What this configuration does not have is left out.

use std::time::Duration;

use hazard_core::figures::KeptFigures;
use hazard_core::upkeep::share::{KeptShare, Served};
use hazard_core::upkeep::{Begun, Kept, KeptDuty};
use hazard_core::{ClockTrust, Mono, Stamp, Utc, Value};

use crate::dictionary::Dictionary;
use crate::retentive::{Page, ShareRow, TestRow, UpkeepRow};

pub(super) fn rows(kept: &Kept, names: &Dictionary) -> Vec<UpkeepRow> {
    let row = |duty: &KeptDuty| UpkeepRow {
        upkeep: names.upkeep_name(duty.upkeep),
        passed_ms: duty.passed.map(Utc::unix_ms),
        overdue: duty.overdue,
        failing: duty.failing,
    };
    kept.duties.iter().map(row).collect()
}

pub(super) fn tests(kept: &Kept, names: &Dictionary) -> Vec<TestRow> {
    let row = |(begun, started): &(Begun, Stamp)| TestRow {
        upkeep: names.upkeep_name(begun.upkeep),
        actor: begun.actor.clone(),
        approver: begun.approver.clone(),
        applied: begun.applied.map(Value::get),
        reason: begun.reason.clone(),
        began_ms: started.utc.unix_ms(),
        began_trust: trust_row(started.trust),
    };
    kept.running.iter().map(row).collect()
}

pub(super) fn kept(page: &Page, names: &Dictionary) -> Kept {
    let duty = |row: &UpkeepRow| {
        let upkeep = names.upkeep(&row.upkeep)?;
        let passed = row.passed_ms.map(Utc::from_unix_ms);
        Some(KeptDuty { upkeep, passed, overdue: row.overdue, failing: row.failing })
    };
    let test = |row: &TestRow| {
        let begun = Begun {
            upkeep: names.upkeep(&row.upkeep)?,
            actor: row.actor.clone(),
            approver: row.approver.clone(),
            applied: row.applied.and_then(Value::try_new),
            reason: row.reason.clone(),
        };
        let (utc, trust) = (Utc::from_unix_ms(row.began_ms), trust(row.began_trust));
        Some((begun, Stamp { mono: Mono::ZERO, utc, trust }))
    };
    Kept {
        latest: page.latest_ms.map(Utc::from_unix_ms),
        duties: page.upkeep.iter().filter_map(duty).collect(),
        running: page.tests.iter().filter_map(test).collect(),
    }
}

/// How far a clock could be believed, as a page says it.
pub(super) const fn trust_row(trust: ClockTrust) -> u8 {
    match trust {
        ClockTrust::Unset => 0,
        ClockTrust::Free => 1,
        ClockTrust::Synced => 2,
    }
}

pub(super) const fn trust(row: u8) -> ClockTrust {
    match row {
        0 => ClockTrust::Unset,
        1 => ClockTrust::Free,
        _ => ClockTrust::Synced,
    }
}

pub(super) fn share_row(kept: KeptShare) -> ShareRow {
    let us = |span: Duration| u64::try_from(span.as_micros()).unwrap_or(u64::MAX);
    let sums = |sum: Served| [us(sum.serving), us(sum.of)];
    ShareRow { day_us: sums(kept.running), left_us: us(kept.left), last_us: kept.last.map(sums), of: kept.of }
}

pub(super) fn figures(page: &Page) -> Option<KeptFigures> {
    let sums = |[serving, of]: [u64; 2]| Served {
        serving: Duration::from_micros(serving),
        of: Duration::from_micros(of),
    };
    let share = |row: ShareRow| KeptShare {
        running: sums(row.day_us),
        left: Duration::from_micros(row.left_us),
        last: row.last_us.map(sums),
        of: row.of,
    };
    let (interlocks, healthy) = page.interlocks.zip(page.healthy)?;
    Some(KeptFigures { interlocks: share(interlocks), healthy: share(healthy) })
}
