//! The life of the configuration inside the daemon: a thread of its own takes what people want, keeps the time of a trial, and
//! gives the configuration before back. The loop never waits for it.

mod check;
mod keeper;
mod last_good;
mod start;

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use hazard_core::outbox::record::{ConfigChange, ConfigEvent};
use tokio::sync::{mpsc, oneshot};
use tracing::{error, warn};

use crate::clock::Clock;
use crate::config::Loaded;
use crate::config::compare::{self, Class, Difference};
use crate::control::{Answer, Configure, Configurer};
use crate::observe::SiteFile;
use crate::run::Request;
use crate::trial::{Change, Row, TOLD_MAX, Told};
pub(super) use check::{Refusal, check, check_people, in_the_way};
use keeper::Keeper;
use last_good::Running;
pub(super) use last_good::last_good;
pub(super) use start::{give_back_at_once, marker, recover, row};

/// What waits for the thread at most.
const TURNS_MAX: usize = 8;
/// Without a deadline it looks around so often.
const IDLE: Duration = Duration::from_secs(3600);

enum Turn {
    Ask(Configure, oneshot::Sender<Answer>),
    HangUp,
    End,
}

/// The thread that changes the configuration.
pub(super) struct Changes {
    turns: SyncSender<Turn>,
    thread: JoinHandle<()>,
}

/// How to reach the thread.
#[derive(Clone)]
pub(super) struct Bell(SyncSender<Turn>);

impl Bell {
    /// SIGHUP.
    pub(super) fn hang_up(&self) {
        if self.0.try_send(Turn::HangUp).is_err() {
            warn!("the configuration is being read already");
        }
    }

    /// For the local socket.
    pub(super) fn configurer(&self) -> Configurer {
        let turns = self.0.clone();
        Arc::new(move |ask, reply| turns.try_send(Turn::Ask(ask, reply)).is_ok())
    }
}

impl Changes {
    /// Starts the thread beside the first run.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub(super) fn start(
        site: &Path,
        (loaded, invalid): (&Loaded, Option<SiteFile>),
        (requests, clock): (mpsc::Sender<Request>, &Clock),
    ) -> std::io::Result<Self> {
        let (turns, inbox) = sync_channel(TURNS_MAX);
        let clock = clock.with_sync_file(loaded.clock_sync_file.clone());
        let (site, running) = (site.to_owned(), (Running::of(loaded), invalid));
        let life = move || {
            let mut keeper = Keeper::new(&site, running, (requests, clock));
            keeper.look_at_the_start();
            live(&mut keeper, &inbox);
        };
        let thread = std::thread::Builder::new().name("config".to_owned()).spawn(life)?;
        Ok(Self { turns, thread })
    }

    pub(super) fn bell(&self) -> Bell {
        Bell(self.turns.clone())
    }

    /// Ends in order: a trial goes on with the next start.
    pub(super) fn close(self) {
        if self.turns.send(Turn::End).is_err() || self.thread.join().is_err() {
            error!("the thread that changes the configuration is gone");
        }
    }
}

fn live(keeper: &mut Keeper, inbox: &Receiver<Turn>) {
    loop {
        match inbox.recv_timeout(keeper.left().unwrap_or(IDLE)) {
            // Whoever asked may have gone.
            Ok(Turn::Ask(ask, reply)) => drop(reply.send(keeper.configure(ask))),
            Ok(Turn::HangUp) => keeper.read_again(),
            Ok(Turn::End) | Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => keeper.look_again(),
        }
        keeper.expire();
    }
    keeper.pause();
}

/// The differences as the history tells them.
pub(super) fn told(differences: &[Difference]) -> Vec<Told> {
    let told = |one: &Difference| Told {
        class: one.class.name().to_owned(),
        zh: one.zh.clone(),
        en: one.en.clone(),
    };
    differences.iter().take(TOLD_MAX).map(told).collect()
}

/// How many differences there are of each class that has some.
pub(super) fn counts(differences: &[Difference]) -> std::collections::BTreeMap<String, u32> {
    let count = |class| (class, compare::count(differences, class));
    let some = Class::ALL.into_iter().map(count).filter(|(_, count)| *count > 0);
    some.map(|(class, count)| (class.name().to_owned(), count)).collect()
}

/// A row as the journal and the platform get it.
fn event(row: &Row) -> ConfigEvent {
    let within = Duration::from_secs(row.within_s.unwrap_or_default());
    ConfigEvent {
        change: match row.change {
            Change::Applied | Change::Offline => ConfigChange::Applied { confirm_within: within },
            Change::Confirmed => ConfigChange::Confirmed,
            Change::RolledBack => ConfigChange::RolledBack,
            Change::Expired => ConfigChange::Expired,
            Change::Interrupted => ConfigChange::Interrupted,
            Change::Unplanned => ConfigChange::Unplanned,
        },
        actor: row.actor.clone(),
        approver: row.approver.clone(),
        note: row.note.clone(),
        from: row.from.clone(),
        to: row.to.clone(),
        differences: row.counts.values().sum(),
        lowered: row.counts.get(Class::ProtectionLowered.name()).copied().unwrap_or_default(),
    }
}
