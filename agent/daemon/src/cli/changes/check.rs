//! What every change of configuration has to pass, with or without a running agent.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::super::obstacles;
use hazard_core::person;
use tracing::error;

use crate::config::compare::{self, Class, Difference};
use crate::config::{self, Lang, Loaded, Templates};
use crate::control::Configured;
use crate::observe::SiteFile;
use crate::run::standing::Line;
use crate::trial::{FILES_BYTES_MAX, Files, Folder, Marker, WITHIN_MAX};
use crate::words;

/// Why the configuration stays as it is; the words are told in `cli::configure`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::cli) struct Refusal {
    pub(in crate::cli) why: &'static str,
    pub(in crate::cli) detail: String,
}

impl Refusal {
    pub(in crate::cli) const fn new(why: &'static str) -> Self {
        Self { why, detail: String::new() }
    }

    /// What stands forbids it: each reason in both languages, as JSON.
    pub(in crate::cli) fn standing(refused: &[Line]) -> Self {
        let lines = refused.iter().map(|line| serde_json::json!({ "zh": line.zh, "en": line.en }));
        Self::with("stands", serde_json::Value::from_iter(lines))
    }

    pub(in crate::cli) fn with(why: &'static str, detail: impl ToString) -> Self {
        Self { why, detail: detail.to_string() }
    }
}

/// Two configurations that can be run, and what is between them.
pub(in crate::cli) struct Checked {
    pub(in crate::cli) before: Loaded,
    pub(in crate::cli) after: Arc<Loaded>,
    pub(in crate::cli) differences: Vec<Difference>,
}

impl Checked {
    /// All texts before and after. A template that only the one after names was there before, too, or was not.
    pub(in crate::cli) fn files(&self, folder: &Folder, (before, after): (&str, &str)) -> (Files, Files) {
        let mut templates: Templates =
            self.after.templates.keys().map(|name| (name.clone(), folder.template_text(name))).collect();
        templates.extend(self.before.templates.clone());
        let after = Files { site: after.to_owned(), templates: self.after.templates.clone() };
        (Files { site: before.to_owned(), templates }, after)
    }

    pub(in crate::cli) fn lowers(&self) -> bool {
        compare::count(&self.differences, Class::ProtectionLowered) > 0
    }
}

/// Checks what the site file at `site` says before, and what it and its templates would say after. What comes back after a trial must be what ran:
/// `running` is its hash, where an agent runs.
pub(in crate::cli) fn check(
    site: &Path,
    (before, after): (&str, &Files),
    running: Option<&str>,
) -> Result<Checked, Refusal> {
    let before = config::load_text(site, before).map_err(|_| Refusal::new("drift"))?;
    if running.is_some_and(|running| running != before.hash) {
        return Err(Refusal::new("drift"));
    }
    if after.bytes() > FILES_BYTES_MAX {
        return Err(Refusal::with("too_large", format!("{} > {FILES_BYTES_MAX}", after.bytes())));
    }
    let after = config::load_with(site, &after.site, &after.templates)
        .map_err(|report| Refusal::with("faulty", report.render(Lang::Zh, config::Style::Plain)))?;
    let refused = obstacles(&after, Lang::Zh);
    if !refused.is_empty() {
        return Err(Refusal::with("cannot_run", refused.join("; ")));
    }
    if after.state_dir != before.state_dir {
        return Err(Refusal::new("another_state_dir"));
    }
    if after.hash == before.hash {
        return Err(Refusal::new("unchanged"));
    }
    let differences = compare::differences(&before, &after);
    Ok(Checked { before, after: Arc::new(after), differences })
}

/// Checks who wants it: as for a bypass, lowering protection takes two persons.
pub(in crate::cli) fn check_people(
    checked: &Checked,
    (actor, approver): (&str, &str),
) -> Result<(), Refusal> {
    if !person::is_named(actor) {
        return Err(Refusal::new("no_actor"));
    }
    if !checked.lowers() {
        return Ok(());
    }
    person::second(actor, approver).map_err(|refusal| Refusal::new(words::refusal(refusal)))
}

/// How long a trial may last.
pub(in crate::cli) fn check_time(within_s: u64) -> Result<Duration, Refusal> {
    let within = Duration::from_secs(within_s);
    if within.is_zero() || within > WITHIN_MAX { Err(Refusal::new("bad_time")) } else { Ok(within) }
}

/// Says in the log what a change would have dropped.
pub(super) fn not_while_it_stands(refused: &[Line]) {
    for Line { zh, en } in refused {
        error!(zh, en, "the configuration would drop what stands; the one that runs goes on");
    }
}

/// A file without a fault that is not in force, and what stands in its way.
pub(in crate::cli) fn in_the_way(file: String, refused: Vec<Line>) -> SiteFile {
    SiteFile::of_obstacles(file, refused.into_iter().map(|line| (line.zh, line.en)).unzip())
}

/// What a person is told of a change.
pub(super) fn configured(marker: &Marker, within_s: Option<u64>) -> Configured {
    let lowered = marker.counts.get(Class::ProtectionLowered.name()).copied();
    Configured {
        from: marker.from.clone(),
        to: marker.to.clone(),
        differences: marker.counts.values().sum(),
        lowered: lowered.unwrap_or_default(),
        within_s,
    }
}
