//! Who changes the configuration of a running agent: checks, files, record, reload, in this order.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tracing::{error, info, warn};

use super::super::service::{say_what_runs, unusable};
use super::check::{
    Checked, Refusal, check, check_people, check_time, configured, in_the_way, not_while_it_stands,
};
use super::last_good::{Running, last_good};
use super::start::{marker, moment, row};
use super::{counts, event, told};
use crate::clock::Clock;
use crate::config::compare::{self, Class};
use crate::config::{self, Loaded};
use crate::control::{Answer, Configure, Configured};
use crate::observe::SiteFile;
use crate::run::standing::Line;
use crate::run::{self, Request};
use crate::trial::{Change, Event, Files, Folder, History, Marker, Op, Phase, Refused, Row, carry_out};

/// A site file that cannot be used is looked at so often.
const LOOK_AGAIN: Duration = Duration::from_secs(20);

/// Who wants another configuration, and why.
struct Wish {
    actor: String,
    approver: String,
    note: String,
    within_s: u64,
}

pub(super) struct Keeper {
    site: PathBuf,
    /// The configuration that runs.
    running: Running,
    /// What is wrong with the site file, while it is not what runs.
    invalid: Option<SiteFile>,
    folder: Option<Folder>,
    phase: Phase,
    /// Why the configuration before is not given back yet though its time has come; mostly empty.
    waits_for: String,
    requests: mpsc::Sender<Request>,
    clock: Clock,
}

impl Keeper {
    pub(super) fn new(
        site: &Path,
        (running, invalid): (Running, Option<SiteFile>),
        (requests, clock): (mpsc::Sender<Request>, Clock),
    ) -> Self {
        let folder = Folder::open(&running.home, site)
            .inspect_err(|fault| error!(%fault, "the history of the configuration cannot be kept"));
        let folder = folder.ok();
        let marker = folder.as_ref().and_then(Folder::marker);
        let phase = marker.map_or(Phase::Settled, |marker| Phase::Trial {
            until: clock.now() + Duration::from_millis(marker.left_ms),
        });
        let (site, waits_for) = (site.to_owned(), String::new());
        Self { site, running, invalid, folder, phase, waits_for, requests, clock }
    }

    /// How long until something has to be done by itself.
    pub(super) fn left(&self) -> Option<Duration> {
        let look = self.invalid.is_some().then_some(LOOK_AGAIN);
        self.phase.left(self.clock.now()).into_iter().chain(look).min()
    }

    /// Notes what was edited while no agent ran, and has the journal told what it does not know.
    pub(super) fn look_at_the_start(&mut self) {
        self.say_site_file();
        let Some(folder) = self.folder.clone() else { return };
        let last = folder.history().current;
        if last != self.running.hash {
            self.edited(&folder, &last);
        }
        self.keep_files(&folder);
        self.record(&folder);
        folder.tidy();
        self.say_trial();
        if let Some(left) = self.phase.left(self.clock.now()) {
            warn!(config = self.running.hash, left_s = left.as_secs(), "the configuration is on trial");
        }
    }

    pub(super) fn configure(&mut self, ask: Configure) -> Answer {
        let done = match ask {
            Configure::Apply { actor, approver, note, text: site, templates, within_s } => {
                let approver = approver.unwrap_or_default();
                self.apply(&Files { site, templates }, Wish { actor, approver, note, within_s })
            }
            Configure::Confirm { actor, note } => {
                let wish = Wish { actor, approver: String::new(), note, within_s: 0 };
                self.end(wish, (Event::Confirmed, Change::Confirmed))
            }
            Configure::Rollback { actor, approver, note, to, within_s } => {
                let approver = approver.unwrap_or_default();
                self.roll_back(to.as_deref(), Wish { actor, approver, note, within_s })
            }
        };
        match done {
            Ok(configured) => Answer::Configured(configured),
            Err(Refusal { why, detail }) => Answer::NotConfigured { why: why.to_owned(), detail },
        }
    }

    /// Gives the configuration before back when its time has come. Where a trip stands that the one before lacks, it waits: no
    /// output moves because nobody was there to confirm.
    pub(super) fn expire(&mut self) {
        if !self.phase.is_over(self.clock.now()) {
            return;
        }
        if self.waits_for.is_empty() {
            warn!(
                config = self.running.hash,
                "nobody has confirmed the configuration; the one before comes back"
            );
        }
        let nobody = Wish { actor: String::new(), approver: String::new(), note: String::new(), within_s: 0 };
        if let Err(refusal) = self.end_trial(nobody, Change::Expired) {
            if self.waits_for != refusal.detail {
                error!(
                    why = refusal.why,
                    detail = refusal.detail,
                    "the configuration before cannot be given back yet"
                );
            }
            self.waits_for = refusal.detail;
            // The disk may come back; a later start gives it back in any case.
            self.phase = Phase::Trial { until: self.clock.now() + Duration::from_secs(10) };
        }
    }

    /// The agent ends in order: the rest of a trial is for the next start.
    pub(super) fn pause(&self) {
        let (Some(folder), Some(left)) = (&self.folder, self.phase.left(self.clock.now())) else { return };
        if let Some(marker) = folder.marker() {
            let left_ms = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
            let marker = Marker { left_ms, at: moment(&self.clock), ..marker };
            self.write(&folder.mark(&marker.paused()));
        }
    }

    /// SIGHUP: whatever the files say. One that cannot be used changes nothing.
    pub(super) fn read_again(&mut self) {
        let loaded = match config::load(&self.site) {
            Ok(loaded) => loaded,
            Err(report) => {
                error!(faults = %report.to_json(), "the configuration has faults; the last good one stays");
                return self.judge_site_file(Some(SiteFile::of_report(self.shown(), &report)));
            }
        };
        if loaded.fingerprint == self.running.fingerprint {
            info!(config = loaded.hash, "the configuration is unchanged");
            return self.judge_site_file(None);
        }
        if let Some(invalid) = unusable(&self.site, &loaded) {
            error!(?invalid.first, "the configuration cannot be run; the last good one stays");
            return self.judge_site_file(Some(invalid));
        }
        if loaded.state_dir != self.running.home {
            error!(dir = %loaded.state_dir.display(), "another state_dir takes a restart; the last good configuration stays");
            return self.judge_site_file(None);
        }
        let loaded = Arc::new(loaded);
        let refused = self.judge(&loaded);
        if !refused.is_empty() {
            not_while_it_stands(&refused);
            return self.judge_site_file(Some(in_the_way(self.shown(), refused)));
        }
        self.invalid = None;
        info!(config = loaded.hash, "the configuration is read again");
        let last = std::mem::replace(&mut self.running, Running::of(&loaded));
        if let Some(folder) = self.folder.clone().filter(|_| last.hash != self.running.hash) {
            self.edited(&folder, &last.hash);
            self.record(&folder);
            folder.tidy();
        }
        if let Err(refused) = self.reload(loaded, "") {
            not_while_it_stands(&refused);
            if let Some(folder) = self.folder.clone() {
                self.write(&folder.say(&History { current: last.hash.clone(), ..folder.history() }));
            }
            self.running = last;
            return self.judge_site_file(Some(in_the_way(self.shown(), refused)));
        }
        if let Some(folder) = &self.folder {
            self.keep_files(folder);
        }
    }

    /// Looks whether the site file that could not be used was corrected; what runs is changed by nobody but a person.
    pub(super) fn look_again(&mut self) {
        if self.invalid.is_none() {
            return;
        }
        let invalid = match config::load(&self.site) {
            Err(report) => Some(SiteFile::of_report(self.shown(), &report)),
            Ok(loaded) if loaded.fingerprint == self.running.fingerprint => None,
            Ok(loaded) => Some(
                unusable(&self.site, &loaded)
                    .unwrap_or_else(|| in_the_way(self.shown(), self.judge(&Arc::new(loaded)))),
            ),
        };
        if invalid != self.invalid {
            self.judge_site_file(invalid);
        }
    }

    fn judge_site_file(&mut self, invalid: Option<SiteFile>) {
        if invalid.is_none() && self.invalid.is_some() {
            info!(config = self.running.hash, "the site file is what runs");
        }
        self.invalid = invalid;
        self.say_site_file();
    }

    fn shown(&self) -> String {
        self.site.display().to_string()
    }

    /// Somebody edited the files: that is his right, and is noted.
    fn edited(&mut self, folder: &Folder, last: &str) {
        if let Ok(next) = self.phase.step(self.clock.now(), Event::Edited) {
            if self.phase != next {
                warn!("the configuration was edited during a trial; it stays");
                self.write(&folder.forget());
            }
            self.phase = next;
        }
        let before = folder
            .files(last)
            .and_then(|files| config::load_with(&self.site, &files.site, &files.templates).ok());
        let after = config::load(&self.site).ok();
        let differences = match (&before, &after) {
            (Some(before), Some(after)) => compare::differences(before, after),
            (None, _) | (_, None) => Vec::new(),
        };
        let lowered = compare::count(&differences, Class::ProtectionLowered);
        if last.is_empty() {
            // The first that this gateway runs is no change.
            let mut history = folder.history();
            history.current.clone_from(&self.running.hash);
            self.write(&folder.say(&history));
            return;
        }
        if lowered > 0 {
            warn!(
                from = last,
                to = self.running.hash,
                lowered,
                "the configuration was edited by hand and protects less"
            );
        } else {
            info!(from = last, to = self.running.hash, "the configuration was edited by hand");
        }
        let row = Row {
            from: last.to_owned(),
            to: self.running.hash.clone(),
            counts: counts(&differences),
            told: told(&differences),
            ..row(Change::Unplanned, &self.clock)
        };
        self.write(&folder.add(row));
    }

    fn apply(&mut self, wanted: &Files, wish: Wish) -> Result<Configured, Refusal> {
        let within = check_time(wish.within_s)?;
        let next = self.step(Event::Applied { within })?;
        let folder = self.folder()?;
        let before = folder.site_text().map_err(|fault| Refusal::with("cannot_write", fault))?;
        let checked = check(&self.site, (&before, wanted), Some(&self.running.hash))?;
        check_people(&checked, (&wish.actor, &wish.approver))?;
        let refused = self.judge(&checked.after);
        if !refused.is_empty() {
            return Err(Refusal::standing(&refused));
        }
        let (before, after) = checked.files(&folder, (&before, &wanted.site));
        let (marker, row) = self.begun(&checked, wish);
        carry_out(&folder.begin(&marker, (&before, &after), row)).map_err(|fault| {
            // Whatever was written by then is taken back; nothing of it ran.
            self.write(&folder.end(&marker, self.about(&marker, Change::Interrupted)));
            Refusal::with("cannot_write", fault)
        })?;
        warn!(
            config = marker.to,
            within_s = within.as_secs(),
            actor = marker.actor,
            "another configuration is on trial"
        );
        self.phase = next;
        self.record(&folder);
        folder.tidy();
        if let Err(refused) = self.reload(checked.after, &marker.actor) {
            self.phase = Phase::Settled;
            self.write(&folder.end(&marker, self.about(&marker, Change::Interrupted)));
            self.record(&folder);
            self.say_trial();
            return Err(Refusal::standing(&refused));
        }
        Ok(configured(&marker, Some(within.as_secs())))
    }

    fn begun(&self, checked: &Checked, wish: Wish) -> (Marker, Row) {
        let Wish { actor, approver, note, within_s } = wish;
        let within = Duration::from_secs(within_s);
        let marker = marker(checked, (&actor, &approver), (within, &self.clock));
        let row = Row {
            actor: marker.actor.clone(),
            approver: marker.approver.clone(),
            note,
            within_s: Some(within_s),
            told: told(&checked.differences),
            ..self.about(&marker, Change::Applied)
        };
        (marker, row)
    }

    fn roll_back(&mut self, to: Option<&str>, wish: Wish) -> Result<Configured, Refusal> {
        let folder = self.folder()?;
        let on_trial = folder.marker().filter(|_| self.phase != Phase::Settled);
        let found = to.map(|begin| folder.find(begin).ok_or_else(|| Refusal::with("unknown_hash", begin)));
        let found = found.transpose()?;
        match (on_trial, found) {
            // It would come back by itself: that takes nobody's approval.
            (Some(marker), to) if to.as_ref().is_none_or(|to| *to == marker.from) => {
                self.end(wish, (Event::TakenBack, Change::RolledBack))
            }
            (Some(_), _) => Err(Refusal::new("on_trial")),
            (None, found) => {
                let before = || folder.history().before().map(str::to_owned);
                let hash = found.or_else(before).ok_or(Refusal::new("nothing_before"))?;
                let files = folder.files(&hash).ok_or_else(|| Refusal::with("unknown_hash", &hash))?;
                self.apply(&files, wish)
            }
        }
    }

    fn end(&mut self, wish: Wish, (event, change): (Event, Change)) -> Result<Configured, Refusal> {
        if wish.actor.trim().is_empty() {
            return Err(Refusal::new("no_actor"));
        }
        self.step(event)?;
        self.end_trial(wish, change)
    }

    fn end_trial(&mut self, wish: Wish, change: Change) -> Result<Configured, Refusal> {
        let folder = self.folder()?;
        let marker = folder.marker().ok_or(Refusal::new("not_on_trial"))?;
        if change != Change::Confirmed {
            let refused = self.judge_return(&folder, &marker);
            if !refused.is_empty() {
                return Err(Refusal::standing(&refused));
            }
        }
        let Wish { actor, approver, note, .. } = wish;
        let row = Row { actor: actor.clone(), approver, note, ..self.about(&marker, change) };
        carry_out(&folder.end(&marker, row)).map_err(|fault| Refusal::with("cannot_write", fault))?;
        self.phase = Phase::Settled;
        self.waits_for.clear();
        self.record(&folder);
        let ended = configured(&marker, None);
        if change == Change::Confirmed {
            info!(config = marker.to, "the configuration is confirmed");
            self.keep_files(&folder);
            self.say_trial();
            return Ok(ended);
        }
        self.running.hash.clone_from(&marker.from);
        let before = config::load(&self.site).or_else(|report| {
            error!(faults = %report.to_json(), "the site file has faults; the last good configuration comes back");
            self.invalid = Some(SiteFile::of_report(self.shown(), &report));
            last_good(&self.site).ok_or(())
        });
        match before {
            Ok(loaded) => {
                warn!(config = loaded.hash, "the configuration before is back");
                if let Err(refused) = self.reload(Arc::new(loaded), &actor) {
                    not_while_it_stands(&refused);
                    self.running.hash.clone_from(&marker.to);
                }
            }
            Err(()) => {
                error!("the configuration before cannot be read any more; the one on trial runs on");
                self.say_site_file();
            }
        }
        Ok(Configured { from: ended.to, to: ended.from, ..ended })
    }

    fn step(&self, event: Event) -> Result<Phase, Refusal> {
        self.phase.step(self.clock.now(), event).map_err(|refused| {
            Refusal::new(match refused {
                Refused::OnTrial => "on_trial",
                Refused::NotOnTrial => "not_on_trial",
            })
        })
    }

    fn folder(&self) -> Result<Folder, Refusal> {
        self.folder.clone().ok_or_else(|| Refusal::with("cannot_write", self.running.home.display()))
    }

    /// Keeps what runs, so that a later change has something to be compared with, and a later start something to run.
    fn keep_files(&self, folder: &Folder) {
        let kept = folder.files(&self.running.hash);
        let Some(files) = kept.or_else(|| self.files_there(folder)) else { return };
        if self.phase == Phase::Settled {
            self.running.keep(&self.site, files);
        }
    }

    fn files_there(&self, folder: &Folder) -> Option<Files> {
        let site = folder.site_text().ok()?;
        let loaded = config::load_text(&self.site, &site).ok().filter(|one| one.hash == self.running.hash)?;
        let files = Files { site, templates: loaded.templates };
        self.write(&folder.keep(&self.running.hash, &files));
        Some(files)
    }

    /// Has the journal and the platform told each row that they do not know.
    fn record(&self, folder: &Folder) {
        let mut history = folder.history();
        let mut told = false;
        for row in history.rows.iter_mut().filter(|row| !row.recorded) {
            if self.requests.blocking_send(Request::Configured(Box::new(event(row)))).is_err() {
                break;
            }
            row.recorded = true;
            told = true;
        }
        if told {
            self.write(&folder.say(&history));
        }
    }

    /// Why what stands forbids this configuration at this moment.
    fn judge(&self, next: &Arc<Loaded>) -> Vec<Line> {
        let (reply, answer) = oneshot::channel();
        let asked = self.requests.blocking_send(Request::Judge(Arc::clone(next), reply));
        // An agent that is ending holds nothing any more: its page is judged by the next start.
        asked.ok().and_then(|()| answer.blocking_recv().ok()).map(|found| found.refused).unwrap_or_default()
    }

    /// Why the configuration before must not come back at this moment.
    fn judge_return(&self, folder: &Folder, marker: &Marker) -> Vec<Line> {
        let files = folder.files(&marker.from);
        let loaded =
            files.and_then(|files| config::load_with(&self.site, &files.site, &files.templates).ok());
        loaded.map(|loaded| self.judge(&Arc::new(loaded))).unwrap_or_default()
    }

    fn reload(&mut self, next: Arc<Loaded>, actor: &str) -> Result<(), Vec<Line>> {
        let before = std::mem::replace(&mut self.running, Running::of(&next));
        let (reply, answer) = oneshot::channel();
        let change = run::Change { next, actor: actor.to_owned() };
        let asked = self.requests.blocking_send(Request::Reload(change, reply));
        match asked.ok().and_then(|()| answer.blocking_recv().ok()) {
            Some(Err(refused)) => {
                self.running = before;
                return Err(refused);
            }
            Some(Ok(())) => {}
            None => warn!("the agent is ending; the configuration is used by the next start"),
        }
        self.say_trial();
        self.say_site_file();
        Ok(())
    }

    /// While the site file cannot be used, people and systemd are told.
    fn say_site_file(&self) {
        let invalid = self.invalid.clone().map(Box::new);
        say_what_runs(&self.running.hash, invalid.is_some());
        // An agent that is ending shows nothing any more.
        drop(self.requests.blocking_send(Request::SiteFile(invalid)));
    }

    /// While a configuration is on trial, devices get no commands.
    fn say_trial(&self) {
        // An agent that is ending takes no commands either.
        drop(self.requests.blocking_send(Request::OnTrial(self.phase != Phase::Settled)));
    }

    fn about(&self, marker: &Marker, change: Change) -> Row {
        row(change, &self.clock).about(marker, change)
    }

    fn write(&self, ops: &[Op]) {
        if let Err(fault) = carry_out(ops) {
            error!(%fault, "the history of the configuration cannot be written");
        }
    }
}
