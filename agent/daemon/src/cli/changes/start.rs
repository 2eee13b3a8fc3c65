//! What a start does with a trial that it finds, before it reads the configuration.

use std::io::Result;
use std::path::Path;
use std::time::Duration;

use hazard_core::ClockTrust;

use super::super::home::{Home, Taken};
use super::super::reach::state_dirs;
use super::check::Checked;
use super::counts;
use crate::clock::Clock;
use crate::config;
use crate::trial::{Carrier, Change, Folder, Marker, Moment, Row, Seen, carry_out, is_pending};
use crate::words;

/// What a start found.
pub(in crate::cli) struct Recovered {
    /// The folder, taken.
    pub(in crate::cli) home: Home,
    /// The trial that goes on.
    pub(in crate::cli) goes_on: bool,
}

/// Looks for a trial and gives the configuration before back where that is due.
///
/// # Errors
/// When another agent has the folder.
pub(in crate::cli) fn recover(site: &Path, clock: &Clock) -> std::result::Result<Option<Recovered>, Taken> {
    let Some(dir) = state_dirs(site).into_iter().find(|dir| is_pending(dir)) else {
        return Ok(None);
    };
    let home = Home::take(&dir)?;
    let goes_on = judge(&dir, site, clock).unwrap_or_else(|fault| {
        eprintln!("{}: {fault}", dir.display());
        false
    });
    Ok(Some(Recovered { home, goes_on }))
}

/// The configuration on trial cannot be started at all: the one before comes back.
pub(in crate::cli) fn give_back_at_once(site: &Path, clock: &Clock) -> Result<()> {
    let Some(dir) = state_dirs(site).into_iter().find(|dir| is_pending(dir)) else {
        return Ok(());
    };
    let folder = Folder::open(&dir, site)?;
    match folder.marker() {
        Some(marker) => {
            let change = Change::Interrupted;
            carry_out(&folder.end(&marker, row(change, clock).about(&marker, change)))
        }
        None => Ok(()),
    }
}

fn judge(dir: &Path, site: &Path, clock: &Clock) -> Result<bool> {
    let folder = Folder::open(dir, site)?;
    let sync_file = folder.marker().map(|marker| marker.sync_file).unwrap_or_default();
    let clock = clock.with_sync_file(sync_file);
    if let Some(marker) =
        folder.marker().filter(|marker| folder.seen(marker) == Seen::Other && config::load(site).is_err())
    {
        // What was edited cannot be run: the one before does, and the one on trial was never confirmed.
        let change = Change::Interrupted;
        carry_out(&folder.end(&marker, row(change, &clock).about(&marker, change)))?;
        return Ok(false);
    }
    let (ops, left) = folder.take_up(moment(&clock), row(Change::Interrupted, &clock));
    carry_out(&ops)?;
    Ok(left.is_some())
}

/// A row of this moment that says nothing yet.
pub(in crate::cli) fn row(change: Change, clock: &Clock) -> Row {
    let (at, trust) = clock.wall();
    Row {
        at_ms: at.unix_ms(),
        clock: words::clock(trust).to_owned(),
        change,
        actor: String::new(),
        approver: String::new(),
        note: String::new(),
        from: String::new(),
        to: String::new(),
        within_s: None,
        counts: Default::default(),
        told: Vec::new(),
        recorded: false,
    }
}

/// What is on trial for so long from this moment.
pub(in crate::cli) fn marker(
    checked: &Checked,
    (actor, approver): (&str, &str),
    (within, clock): (Duration, &Clock),
) -> Marker {
    let Checked { before, after, differences } = checked;
    Marker {
        from: before.hash.clone(),
        to: after.hash.clone(),
        actor: actor.to_owned(),
        approver: approver.to_owned(),
        left_ms: u64::try_from(within.as_millis()).unwrap_or(u64::MAX),
        at: moment(clock),
        sync_file: after.clock_sync_file.clone(),
        carrier: Carrier::Running,
        pauses: 0,
        counts: counts(differences),
    }
}

/// This moment in every clock.
pub(super) fn moment(clock: &Clock) -> Moment {
    let (utc, trust) = clock.wall();
    let run = clock.run();
    Moment {
        boot_id: run.boot_id.to_string(),
        boot_ms: (run.origin_us + clock.now().as_micros()) / 1_000,
        utc_ms: utc.unix_ms(),
        synced: trust == ClockTrust::Synced,
    }
}
