//! Configuration: the site file and its device templates, lowered into the core's tables and the adapters' settings. All
//! faults of all files are found in one run. It starts nothing and reads nothing but these files.

mod accepted;
mod call;
mod catalogue;
mod catalogue_rows;
mod check;
mod command;
pub mod compare;
mod device;
mod error;
mod evidence;
mod file;
mod gas;
mod interlock;
mod lower;
mod names;
mod point;
mod practice;
mod profile;
mod renamed;
mod safeguard;
mod sensor;
mod signature;
mod sources;
mod tree;
mod upkeep;
mod uplink;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hazard_core::Site;

use crate::dictionary::Dictionary;
use crate::settings::{BusLink, GpioLine, Identity, Journal, Mqtt, Secret, Webhook};

pub use accepted::Accepted;
pub use error::{Code, Fault, Lang, Report, Severity, Style};
pub use renamed::Renamed;
pub use signature::{
    Answer, Answers, Candidate, Evidence, Expect, Mark, Model, Seen, Standing, is_heard, key, rank, reads,
};

/// Device templates by name: what the one beside the site file says, `None` where there is none and the program's own is meant.
pub type Templates = BTreeMap<String, Option<String>>;

/// A file that a configuration names and does not contain: a certificate, a password, a secret.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Attachment {
    /// The file, as the configuration names it.
    pub path: PathBuf,
    /// Hash of its bytes.
    pub hash: String,
}

/// A configuration that ran, as it was kept.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    /// The site file.
    pub site: String,
    /// The templates.
    pub templates: Templates,
    /// Copies of attachments, by the path that the site file names.
    pub attachments: BTreeMap<PathBuf, PathBuf>,
}

/// A configuration that can be started.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The core's tables.
    pub site: Arc<Site>,
    /// What the core's numbers mean.
    pub dictionary: Dictionary,
    /// Where the gateway belongs.
    pub identity: Identity,
    /// The buses, in the site's order.
    pub buses: Vec<BusLink>,
    /// The journal.
    pub journal: Journal,
    /// The uplinks, in the site's order.
    pub uplinks: Vec<Mqtt>,
    /// What carries orders to call somebody, each with the secret that its receiver knows.
    pub webhooks: Vec<(Webhook, Secret)>,
    /// The place of each role's webhook, in the order of the roles.
    pub role_webhooks: Vec<usize>,
    /// The gateway's own line of each output; `None` for coils.
    pub gpio: Vec<Option<GpioLine>>,
    /// Where metrics are served.
    pub listen: SocketAddr,
    /// The gateway's folder for what it must remember.
    pub state_dir: PathBuf,
    /// The file whose presence says that the clock is synchronised.
    pub clock_sync_file: PathBuf,
    /// `blake3:` and the hash over all files' bytes.
    pub hash: String,
    /// The hash over the files and their attachments: what has the same one is the same configuration.
    pub fingerprint: String,
    /// What the files name beside themselves.
    pub attachments: Vec<Attachment>,
    /// The files that were read; embedded templates are not among them.
    pub files: Vec<PathBuf>,
    /// The templates that the site file names.
    pub templates: Templates,
    /// What things were called before.
    pub renamed: Renamed,
    /// What can be used and should be looked at.
    pub warnings: Report,
    /// Warnings that the site file accepts.
    pub accepted: Vec<Accepted>,
}

/// Reads a site file and the templates it names.
///
/// # Errors
/// Every fault of every file, and the warnings among them.
pub fn load(path: &Path) -> Result<Loaded, Report> {
    let (sources, faults) = sources::Sources::read(path);
    understand(sources, faults)
}

/// Reads what the site file at `path` would mean if it said this: templates and files that it names are those beside it.
///
/// # Errors
/// As [`load`].
pub fn load_text(path: &Path, text: &str) -> Result<Loaded, Report> {
    load_with(path, text, &Templates::new())
}

/// As [`load_text`], with other texts for some of the templates.
///
/// # Errors
/// As [`load`].
pub fn load_with(path: &Path, text: &str, templates: &Templates) -> Result<Loaded, Report> {
    understand(sources::Sources::of_text(path, text, templates), Vec::new())
}

/// Reads a configuration that was kept; an attachment that is not there any more is read from its copy.
///
/// # Errors
/// As [`load`].
pub fn load_kept(path: &Path, kept: Kept) -> Result<Loaded, Report> {
    let sources = sources::Sources::of_text(path, &kept.site, &kept.templates);
    understand(sources.with_copies(kept.attachments), Vec::new())
}

/// The templates in the folder beside `path` that a site file with this text names.
///
/// # Errors
/// The template that cannot be read, and why.
pub fn templates_beside(path: &Path, text: &str) -> Result<Templates, (PathBuf, std::io::Error)> {
    sources::templates_beside(path, text)
}

/// The state folder that a site file names, also where the rest of the file cannot be used; `None` where it does not tell.
#[must_use]
pub fn state_dir(path: &Path) -> Option<PathBuf> {
    let bytes = std::fs::read(path).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let named = |table: &toml::Table| Some(PathBuf::from(table.get("state_dir")?.as_str()?));
    match text.parse::<toml::Table>() {
        Ok(site) => {
            let gateway = site.get("gateway").and_then(toml::Value::as_table);
            Some(gateway.and_then(named).unwrap_or_else(file::state_dir))
        }
        // No other table has this key, and a typo elsewhere does not make the line untrue.
        Err(_) => {
            let lines = text.lines().filter(|line| line.trim_start().starts_with("state_dir"));
            lines.filter_map(|line| line.parse().ok()).find_map(|line| named(&line))
        }
    }
}

/// The state folder of a site file that names none.
#[must_use]
pub fn usual_state_dir() -> PathBuf {
    file::state_dir()
}

fn understand(mut sources: sources::Sources, mut faults: Vec<Fault>) -> Result<Loaded, Report> {
    let Some(text) = sources.site().filter(|_| faults.is_empty()) else {
        return Err(Report::new(faults, sources.files));
    };
    // Parsed once: a large site's parser needs more memory than running the site does.
    let mut syntax = Vec::new();
    let document = tree::Document::parse(0, &text, &mut syntax);
    sources.read_templates(document.root(), &mut faults);
    faults.extend(syntax);
    lower::site(&sources, document, faults)
}

/// The device models that a site file at `path` could name: the embedded templates and those in the folder beside it.
///
/// # Errors
/// Every fault of every template.
pub fn models(path: &Path) -> Result<Vec<Model>, Report> {
    let (sources, faults) = sources::Sources::of_templates(path);
    lower::models(&sources, faults)
}

/// The device model that one template describes.
///
/// # Errors
/// Every fault of the template.
pub fn model(name: &str, text: &str) -> Result<Vec<Model>, Report> {
    lower::models(&sources::Sources::of_template(name, text), Vec::new())
}

/// The JSON schema of a site file.
#[must_use]
pub fn site_schema() -> serde_json::Value {
    schemars::schema_for!(file::SiteFile).to_value()
}

/// The JSON schema of a device template.
#[must_use]
pub fn device_schema() -> serde_json::Value {
    schemars::schema_for!(device::DeviceFile).to_value()
}
