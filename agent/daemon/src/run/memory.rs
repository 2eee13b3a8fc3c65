//! The retentive memory as the run uses it: what stood is taken up before the first poll, and each change goes to the
//! adapter that keeps it. The engine never waits for it: a page that comes late is taken up when it comes, and until then nothing is
//! written over it and nothing is released.

use std::sync::Arc;
use std::time::Duration;

use hazard_core::alarm::Kept;
use hazard_core::assist::KeptTrip;
use hazard_core::bypass::Bypass;
use hazard_core::call::{self, KeptCall, KeptRole};
use hazard_core::device_command::KeptCommand;
use hazard_core::id::{AlarmId, PermitId, TripId};
use hazard_core::interlock::Cause;
use hazard_core::outbox::record::{ConfigChange, ConfigEvent};
use hazard_core::retentive::Retained;
use hazard_core::{ClockTrust, Engine, Mono, Site, Utc, Value};
use tracing::{error, info, warn};

use super::standing::{Outcome, Withdrawn};
use super::underway::Underways;
use super::{Left, Legacy, standing, upkeep};

use crate::clock::Clock;
use crate::config::{Loaded, Renamed};
use crate::dictionary::Dictionary;
use crate::retentive::{
    AlarmRow, BypassRow, CallRow, CalledRow, CommandRow, Found, Page, READ_WITHIN, Retentive, TripRow,
};

/// What is left of a bypass and the sums of the figures are written down so often: after a power cut they are known to this.
const AGAIN: Duration = Duration::from_secs(60);
/// How long the end of a run waits for the disk.
const CLOSE: Duration = Duration::from_secs(2);

pub(super) struct Memory {
    keeper: Retentive,
    dictionary: Arc<Dictionary>,
    site: Arc<Site>,
    renamed: Renamed,
    revision: Option<u64>,
    kept_at: Mono,
    down: bool,
    /// The disk has not said yet what stood.
    unread: bool,
}

/// What is known of the time before a run.
pub(super) enum Before {
    /// The run before it in this process handed it over.
    Left(Box<Left>),
    /// The disk said it, or has not said it yet.
    Disk(Option<Found>),
}

impl Memory {
    /// Asks the disk what stood, for a second at most. No engine runs yet: a wait must not make points old that nobody could poll.
    pub(super) fn open(
        (loaded, dictionary): (&Loaded, &Arc<Dictionary>),
        legacy: Legacy,
        now: Mono,
    ) -> std::io::Result<(Self, Before)> {
        let (dir, journal) = (&*loaded.state_dir, &*loaded.journal.dir);
        let Legacy { left, unread } = legacy;
        let is_known = left.is_some() && !unread;
        let keeper = if is_known { Retentive::go_on(dir)? } else { Retentive::spawn(dir, journal)? };
        let before = match left {
            Some(left) => Before::Left(left),
            None => Before::Disk(keeper.found(READ_WITHIN)),
        };
        let memory = Self {
            keeper,
            dictionary: Arc::clone(dictionary),
            site: Arc::clone(&loaded.site),
            renamed: loaded.renamed.clone(),
            revision: None,
            kept_at: now,
            down: false,
            unread: !is_known && !matches!(before, Before::Disk(Some(_))),
        };
        Ok((memory, before))
    }

    /// Goes on where the last run on this disk stopped.
    pub(super) fn take_up(
        &mut self,
        engine: &mut Engine,
        (loaded, before): (&Loaded, Before),
        clock: (Mono, Utc, ClockTrust),
    ) {
        match before {
            Before::Left(left) => {
                // What the last run of this process handed over is a moment old, whatever the clock says.
                let away = away(&left.page, clock.1, clock.2).or(Some(Duration::ZERO));
                engine.resume(&self.named(&left.page), away);
                self.withdraw((engine, clock.0), &left.page, (&left.config, &left.actor));
                engine.go_on(&left.underway.in_place(loaded));
                self.arrive(engine, clock);
            }
            Before::Disk(Some(found)) => self.begin(engine, found, clock),
            Before::Disk(None) => {
                error!(
                    "the disk does not say what stood before the restart: the gateway alarms, and holds what may have tripped"
                );
                engine.retentive_lost();
            }
        }
    }

    fn begin(&self, engine: &mut Engine, found: Found, (now, utc, trust): (Mono, Utc, ClockTrust)) {
        let resume = |engine: &mut Engine, page: &Page| {
            info!(alarms = page.alarms.len(), bypasses = page.bypasses.len(), "what stood stands again");
            engine.resume(&self.named(page), away(page, utc, trust));
            self.withdraw((engine, now), page, ("", ""));
        };
        match found {
            Found::Fresh => {}
            Found::Page(page) => resume(engine, &page),
            Found::Older(page) => {
                warn!("the copy may lack the last change: what may have tripped in it is held");
                resume(engine, &page);
                engine.retentive_lost();
            }
            Found::Lost => {
                error!("what stood before the restart cannot be known: what may have tripped is held");
                engine.retentive_lost();
            }
        }
    }

    /// Takes up what a slow disk says at last.
    pub(super) fn arrive(&mut self, engine: &mut Engine, (now, utc, trust): (Mono, Utc, ClockTrust)) {
        let Some(found) =
            Some(&self.keeper).filter(|_| self.unread).and_then(|keeper| keeper.found(Duration::ZERO))
        else {
            return;
        };
        self.unread = false;
        info!("the disk says what stood before the restart");
        match found {
            Found::Fresh => engine.retentive_came(now, &Retained::default(), None),
            Found::Page(page) => {
                engine.retentive_came(now, &self.named(&page), away(&page, utc, trust));
                self.withdraw((engine, now), &page, ("", ""));
            }
            Found::Older(page) => {
                let mut retained = self.named(&page);
                retained.lost = true;
                for trip in (0..).map(TripId).take(self.dictionary.trips.len()) {
                    if !retained.trips.iter().any(|kept| kept.trip == trip) {
                        retained.trips.push(KeptTrip { trip, held: true, cause: None });
                    }
                }
                engine.retentive_came(now, &retained, away(&page, utc, trust));
                self.withdraw((engine, now), &page, ("", ""));
            }
            Found::Lost => {}
        }
    }

    /// Says which alarms on the page leave with the configuration that had them.
    fn withdraw(&self, (engine, now): (&mut Engine, Mono), page: &Page, (from, actor): (&str, &str)) {
        for gone in standing::withdrawn(page, (&self.dictionary, &self.renamed)) {
            engine.configured(now, withdrawal(gone, (from, &self.dictionary.config_hash), actor));
        }
    }

    /// Keeps what has changed.
    pub(super) fn keep(&mut self, engine: &mut Engine, (now, clock): (Mono, &Clock)) {
        let down = self.unread || self.keeper.is_down();
        if down != self.down {
            self.down = down;
            engine.retentive_said(now, down);
        }
        let again = now.since(self.kept_at) >= AGAIN;
        if self.unread {
            return;
        }
        if self.revision == Some(engine.revision()) && !again {
            return;
        }
        self.revision = Some(engine.revision());
        self.kept_at = now;
        self.keeper.keep(self.now(engine, clock));
    }

    /// What the next run in this process goes on with.
    pub(super) fn leave(
        &self,
        (engine, clock): (&Engine, &Clock),
        (config, actor): (String, String),
    ) -> Legacy {
        // Commands under way are told as lost in the epoch that ends.
        let page = Page { commands: Vec::new(), ..self.now(engine, clock) };
        let underway = self.underway(engine);
        Legacy { left: Some(Box::new(Left { page, config, actor, underway })), unread: self.unread }
    }

    /// The page with this configuration's names and numbers.
    fn named(&self, page: &Page) -> Retained {
        named(&standing::carry(page, &self.renamed), (&self.site, &self.dictionary))
    }

    /// What must outlive a restart at this moment.
    fn now(&self, engine: &Engine, clock: &Clock) -> Page {
        self.page(&engine.retained(), clock.wall())
    }

    /// What a change of configuration would do to what stands at this moment.
    pub(super) fn judge(&self, (engine, clock): (&Engine, &Clock), next: &Loaded) -> Outcome {
        standing::judge(&self.now(engine, clock), (&self.site, &self.dictionary), next)
    }

    /// The delays that run, for the run that follows.
    fn underway(&self, engine: &Engine) -> Underways {
        Underways::new(engine.underway(), (&self.site, &self.dictionary))
    }

    pub(super) async fn shut_down(self) {
        let closing = tokio::task::spawn_blocking(move || self.keeper.close());
        if tokio::time::timeout(CLOSE, closing).await.is_err() {
            error!("the disk does not take what must outlive the restart");
        }
    }

    fn page(&self, retained: &Retained, (utc, trust): (Utc, ClockTrust)) -> Page {
        let names = &self.dictionary;
        let alarm = |(id, kept): &(AlarmId, Kept)| AlarmRow {
            alarm: names.alarm_name(*id),
            state: kept.state,
            beneath: kept.beneath,
            unended: kept.unended,
            handled: kept.handled,
            first_up: retained.first_up.contains(id),
            shelved_ms: kept.shelved_for.map(millis),
            since: kept.since.map(|(utc, trust)| (utc.unix_ms(), upkeep::trust_row(trust))),
        };
        let bypass = |(bypass, left): &(Bypass, Duration)| BypassRow {
            point: names.point_name(bypass.point),
            actor: bypass.actor.clone(),
            approver: bypass.approver.clone(),
            reason: bypass.reason.clone(),
            left_ms: millis(*left),
        };
        Page {
            written_ms: utc.unix_ms(),
            clock_synced: trust == ClockTrust::Synced,
            alarms: retained.alarms.iter().map(alarm).collect(),
            bypasses: retained.bypasses.iter().map(bypass).collect(),
            trips: retained.trips.iter().map(|kept| trip_row(names, (&self.site, *kept))).collect(),
            permits: retained
                .permits
                .iter()
                .filter_map(|permit| names.permits.get(permit.index()).cloned())
                .collect(),
            latest_ms: retained.upkeep.latest.map(Utc::unix_ms),
            upkeep: upkeep::rows(&retained.upkeep, names),
            tests: upkeep::tests(&retained.upkeep, names),
            interlocks: retained.figures.map(|figures| upkeep::share_row(figures.interlocks)),
            healthy: retained.figures.map(|figures| upkeep::share_row(figures.healthy)),
            calls: retained.calls.calls.iter().map(|call| call_row(names, call)).collect(),
            called: retained.calls.roles.iter().filter_map(|role| called_row(names, role)).collect(),
            answered: retained.answered.iter().map(|alarm| names.alarm_name(*alarm)).collect(),
            commands: retained.commands.iter().map(|sent| command_row(names, sent)).collect(),
            lost: retained.lost,
        }
    }
}

/// An alarm that leaves with the configuration that had it.
fn withdrawal(gone: Withdrawn, (from, to): (&str, &str), actor: &str) -> ConfigEvent {
    let Withdrawn { alarm, state } = gone;
    ConfigEvent {
        change: ConfigChange::Withdrawn { alarm, state },
        actor: actor.to_owned(),
        approver: String::new(),
        note: String::new(),
        from: from.to_owned(),
        to: to.to_owned(),
        differences: 0,
        lowered: 0,
    }
}

/// The page with this configuration's numbers; what this configuration does not have is left out.
fn named(page: &Page, (site, names): (&Site, &Dictionary)) -> Retained {
    let alarms = page.alarms.iter().filter_map(|row| Some((names.alarm(&row.alarm)?, row)));
    let kept = |row: &AlarmRow| Kept {
        state: row.state,
        beneath: row.beneath,
        unended: row.unended,
        handled: row.handled,
        shelved_for: row.shelved_ms.map(Duration::from_millis),
        since: row.since.map(|(ms, trust)| (Utc::from_unix_ms(ms), upkeep::trust(trust))),
    };
    let bypass = |row: &BypassRow| {
        let bypass = Bypass {
            point: names.point(&row.point)?,
            actor: row.actor.clone(),
            approver: row.approver.clone(),
            reason: row.reason.clone(),
            until: Mono::ZERO,
        };
        Some((bypass, Duration::from_millis(row.left_ms)))
    };
    Retained {
        alarms: alarms.clone().map(|(id, row)| (id, kept(row))).collect(),
        first_up: alarms.filter(|(_, row)| row.first_up).map(|(id, _)| id).collect(),
        bypasses: page.bypasses.iter().filter_map(bypass).collect(),
        trips: standing::trips(page, (site, names)),
        permits: (0..)
            .map(PermitId)
            .zip(&names.permits)
            .filter(|(_, name)| page.permits.contains(name))
            .map(|(permit, _)| permit)
            .collect(),
        upkeep: upkeep::kept(page, names),
        figures: upkeep::figures(page),
        calls: call::Kept {
            calls: page.calls.iter().filter_map(|row| kept_call(names, row)).collect(),
            roles: page.called.iter().filter_map(|row| kept_role(names, row)).collect(),
        },
        answered: page.answered.iter().filter_map(|name| names.alarm(name)).collect(),
        commands: page.commands.iter().filter_map(|row| kept_command(names, row)).collect(),
        lost: page.lost,
    }
}

/// How long ago the page was written; nothing where no clock can tell.
fn away(page: &Page, utc: Utc, trust: ClockTrust) -> Option<Duration> {
    let known = trust == ClockTrust::Synced && page.clock_synced;
    let away_ms = utc.unix_ms().checked_sub(page.written_ms).filter(|_| known);
    away_ms.and_then(|ms| u64::try_from(ms).ok()).map(Duration::from_millis)
}

fn command_row(names: &Dictionary, sent: &KeptCommand) -> CommandRow {
    CommandRow {
        command: names.command_name(sent.command),
        nth: sent.nth,
        value: sent.value.get(),
        actor: sent.actor.clone(),
        approver: sent.approver.clone(),
        note: sent.note.clone(),
    }
}

fn kept_command(names: &Dictionary, row: &CommandRow) -> Option<KeptCommand> {
    Some(KeptCommand {
        command: names.command(&row.command)?,
        nth: row.nth,
        value: Value::try_new(row.value)?,
        actor: row.actor.clone(),
        approver: row.approver.clone(),
        note: row.note.clone(),
    })
}

fn trip_row(names: &Dictionary, (site, kept): (&Site, KeptTrip)) -> TripRow {
    let (alarm, vote) = match kept.cause {
        Some(Cause::Alarm(alarm)) => (Some(names.alarm_name(alarm)), None),
        Some(Cause::Vote(vote)) => (None, names.votes.get(vote.index()).cloned()),
        None => (None, None),
    };
    let trip = names.trips.get(kept.trip.index()).cloned().unwrap_or_default();
    let outputs =
        site.matrix.trips.get(kept.trip.index()).map(|spec| spec.outputs.as_slice()).unwrap_or_default();
    let outputs = outputs.iter().filter_map(|output| names.outputs.get(output.index()).cloned()).collect();
    TripRow { trip, held: kept.held, alarm, vote, outputs }
}

fn call_row(names: &Dictionary, kept: &KeptCall) -> CallRow {
    let waiting = kept.waiting.iter();
    CallRow {
        alarm: names.alarm_name(kept.alarm),
        priority: kept.priority,
        open_ms: millis(kept.open_for),
        rung: kept.rung,
        in_rung_ms: millis(kept.in_rung),
        repeats: kept.repeats,
        exhausted: kept.exhausted,
        attempts: kept.attempts,
        scale: kept.scale,
        waiting: waiting
            .filter_map(|(role, rung)| Some((names.roles.get(role.index())?.clone(), *rung)))
            .collect(),
    }
}

fn kept_call(names: &Dictionary, row: &CallRow) -> Option<KeptCall> {
    Some(KeptCall {
        alarm: names.alarm(&row.alarm)?,
        priority: row.priority,
        open_for: Duration::from_millis(row.open_ms),
        rung: row.rung,
        in_rung: Duration::from_millis(row.in_rung_ms),
        repeats: row.repeats,
        exhausted: row.exhausted,
        attempts: row.attempts,
        scale: row.scale,
        waiting: row.waiting.iter().filter_map(|(name, rung)| Some((names.role(name)?, *rung))).collect(),
    })
}

fn called_row(names: &Dictionary, kept: &KeptRole) -> Option<CalledRow> {
    let role = names.roles.get(kept.role.index())?.clone();
    Some(CalledRow { role, quiet_ms: millis(kept.quiet_for), told: kept.told })
}

fn kept_role(names: &Dictionary, row: &CalledRow) -> Option<KeptRole> {
    let quiet_for = Duration::from_millis(row.quiet_ms);
    Some(KeptRole { role: names.role(&row.role)?, quiet_for, told: row.told })
}

fn millis(lasts: Duration) -> u64 {
    u64::try_from(lasts.as_millis()).unwrap_or(u64::MAX)
}
