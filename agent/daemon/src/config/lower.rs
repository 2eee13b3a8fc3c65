//! From what is written to what it means: templates, defaults and references are resolved, and every value that makes no
//! sense on its own or against another is a fault. Sections whose structure is faulty are left out and accused of nothing.

mod alarm;
mod bus;
mod call;
mod caution;
mod command;
mod gateway;
mod interlock;
mod output;
mod period;
mod profile;
mod renamed;
mod safeguard;
mod sensor;
mod shape;
mod signature;
mod status;
mod tag;
mod template;
mod upkeep;
mod uplink;
mod watch;

use std::path::PathBuf;
use std::sync::Arc;

use hazard_core::alarm::Priority;
use hazard_core::site::SiteTables;
use hazard_core::{Site, site::SiteFault};
use serde::Deserialize;

use super::accepted::AcceptedFile;
use super::catalogue::Code;
use super::check::{self, Schema};
use super::error::{Fault, Report, Severity, Spot, args};
use super::interlock::AssistKey;
use super::names::Names;
use super::profile::ProfileKey;
use super::renamed::Renamed;
use super::signature::Model;
use super::sources::Sources;
use super::tree::{Document, Node};
use super::{Attachment, Loaded};
use crate::dictionary::Dictionary;
use crate::settings::{BusLink, GpioLine, Mqtt, Secret, Webhook};
use bus::DeviceRow;
use template::Template;

/// Lowers a site, whose file is the first of the sources.
pub(crate) fn site(
    sources: &Sources,
    document: Document<'_>,
    mut faults: Vec<Fault>,
) -> Result<Loaded, Report> {
    let files = sources.files.iter().enumerate().skip(1);
    let texts: Vec<_> = files.map(|(file, source)| (file, source.text.clone())).collect();
    let mut documents = vec![document];
    documents.extend(texts.iter().map(|(file, text)| Document::parse(*file, text, &mut faults)));
    let (site_schema, device_schema) = (super::site_schema(), super::device_schema());
    let Some(document) = documents.first() else {
        return Err(Report::new(faults, sources.files.clone()));
    };
    let mut lowering = Lowering::new(sources, document.recovered, faults);
    lowering.templates(&documents, Schema::new(&device_schema));
    let site = Section { node: document.root(), schema: Schema::new(&site_schema) };
    lowering.root(site);
    let gateway = lowering.gateway(site);
    lowering.buses(site);
    lowering.devices(site);
    lowering.points(site);
    lowering.status_points();
    lowering.statuses(site);
    lowering.safeguards(site);
    lowering.key_periods(site);
    let rows = lowering.interlock_rows(site);
    lowering.outputs(site);
    lowering.commands(site);
    lowering.references();
    lowering.matrix(rows);
    lowering.renamed(site);
    lowering.upkeep(site);
    lowering.calls(site);
    lowering.uplinks(site, gateway.as_ref().map(|gateway| gateway.identity.gateway.as_str()));
    lowering.finish(site, gateway)
}

/// The models that the sources' templates describe; faulty templates are reported.
pub(crate) fn models(sources: &Sources, mut faults: Vec<Fault>) -> Result<Vec<Model>, Report> {
    let files = sources.files.iter().enumerate();
    let texts: Vec<_> = files.map(|(file, source)| (file, source.text.clone())).collect();
    let documents: Vec<_> =
        texts.iter().map(|(file, text)| Document::parse(*file, text, &mut faults)).collect();
    let schema = super::device_schema();
    let mut lowering = Lowering::new(sources, false, faults);
    lowering.templates(&documents, Schema::new(&schema));
    if !lowering.faults.is_empty() {
        return Err(Report::new(lowering.faults, sources.files.clone()));
    }
    let names = sources.templates.iter().map(|template| template.name.clone());
    Ok(lowering.templates.into_iter().zip(names).map(|(template, name)| template.into_model(name)).collect())
}

/// A part of a file with the schema it must follow.
#[derive(Clone, Copy)]
struct Section<'a, 's> {
    node: Node<'a>,
    schema: Schema<'s>,
}

/// What was lowered so far, and what was wrong.
struct Lowering<'a> {
    sources: &'a Sources,
    /// Parts of the site file could not be parsed: a name that is not found may only be unreadable.
    recovered: bool,
    faults: Vec<Fault>,
    templates: Vec<Template<'a>>,
    template_names: Names,
    bus_names: Names,
    device_names: Names,
    tags: Names,
    alarm_names: Names,
    output_names: Names,
    votes: Names,
    trips: Names,
    /// What each output is for, where interlocks drive it.
    assists: Vec<Option<AssistKey>>,
    interlock_outputs: Vec<(usize, Spot)>,
    zones: Vec<String>,
    references: Vec<watch::Reference<'a>>,
    attachments: Vec<Attachment>,
    devices: Vec<DeviceRow<'a>>,
    /// Points of the site that were taken from templates.
    taken: Vec<status::Taken>,
    /// Where each row of the status table is written.
    status_nodes: Vec<Node<'a>>,
    /// What is measured at which device, by points that may be faulty themselves.
    profiles: Vec<(usize, ProfileKey)>,
    /// How urgent the loss of a safety point is where the point does not say it.
    lost_priority: Priority,
    /// What the rules of caution must know of each point.
    measured: Vec<caution::Measured<'a>>,
    tables: SiteTables,
    dictionary: Dictionary,
    links: Vec<BusLink>,
    gpio: Vec<Option<GpioLine>>,
    uplinks: Vec<Mqtt>,
    webhook_names: Names,
    role_names: Names,
    webhooks: Vec<(Webhook, Secret)>,
    role_webhooks: Vec<usize>,
    renamed: Renamed,
}

impl<'a> Lowering<'a> {
    fn new(sources: &'a Sources, recovered: bool, faults: Vec<Fault>) -> Self {
        Self {
            sources,
            recovered,
            faults,
            templates: Vec::new(),
            template_names: Names::default(),
            bus_names: Names::default(),
            device_names: Names::default(),
            tags: Names::default(),
            alarm_names: Names::default(),
            output_names: Names::default(),
            votes: Names::default(),
            trips: Names::default(),
            assists: Vec::new(),
            interlock_outputs: Vec::new(),
            zones: Vec::new(),
            references: Vec::new(),
            attachments: Vec::new(),
            devices: Vec::new(),
            taken: Vec::new(),
            status_nodes: Vec::new(),
            profiles: Vec::new(),
            lost_priority: Priority::Medium,
            measured: Vec::new(),
            tables: SiteTables::default(),
            dictionary: Dictionary::default(),
            links: Vec::new(),
            gpio: Vec::new(),
            uplinks: Vec::new(),
            webhook_names: Names::default(),
            role_names: Names::default(),
            webhooks: Vec::new(),
            role_webhooks: Vec::new(),
            renamed: Renamed::default(),
        }
    }

    fn attach(&mut self, path: PathBuf, bytes: &[u8]) {
        self.attachments.push(Attachment { path, hash: blake3::hash(bytes).to_hex().to_string() });
    }

    fn root(&mut self, site: Section<'a, '_>) {
        let faults = check::shallow("site", site.node, site.schema);
        self.structural(faults, self.recovered);
    }

    /// Keeps structural faults; in a file with syntax faults, what is missing may only be unreadable.
    fn structural(&mut self, faults: Vec<Fault>, recovered: bool) {
        let doubtful = |fault: &Fault| recovered && fault.code() == Code::MissingKey;
        self.faults.extend(faults.into_iter().filter(|fault| !doubtful(fault)));
    }

    /// Keeps a fault about a name that was not found.
    fn unknown(&mut self, fault: Fault) {
        if !self.recovered {
            self.faults.push(fault);
        }
    }

    fn one<T: Deserialize<'a>>(
        &mut self,
        site: Section<'a, '_>,
        key: &str,
        recovered: bool,
    ) -> Option<(Node<'a>, T)> {
        let (node, schema) = (site.node.get(key)?, site.schema.property(key)?);
        Some((node, self.healthy(key, Section { node, schema }, recovered)?))
    }

    /// The members of a list; `None` for those whose structure is faulty.
    fn list<T: Deserialize<'a>>(
        &mut self,
        site: Section<'a, '_>,
        key: &str,
        recovered: bool,
    ) -> Vec<(Node<'a>, Option<T>)> {
        let (Some(node), Some(schema)) = (site.node.get(key), site.schema.property(key)) else {
            return Vec::new();
        };
        let faults = check::shallow(key, node, schema);
        let usable = faults.is_empty();
        self.structural(faults, recovered);
        let Some(schema) = schema.members().filter(|_| usable) else { return Vec::new() };
        let read = |node| (node, self.healthy(key, Section { node, schema }, recovered));
        node.members().into_iter().map(read).collect()
    }

    fn healthy<T: Deserialize<'a>>(
        &mut self,
        key: &str,
        part: Section<'a, '_>,
        recovered: bool,
    ) -> Option<T> {
        let faults = check::value(key, part.node, part.schema);
        let sound = faults.is_empty();
        self.structural(faults, recovered);
        if !sound {
            return None;
        }
        match part.node.read() {
            Ok(value) => Some(value),
            Err(fault) => {
                self.faults.push(fault);
                None
            }
        }
    }

    fn finish(mut self, site: Section<'a, '_>, gateway: Option<gateway::Gateway>) -> Result<Loaded, Report> {
        let written = self.list::<AcceptedFile>(site, "accepted", self.recovered);
        self.warn_of_silence(site);
        self.caution(site.node, gateway.as_ref().map(|gateway| gateway.practice));
        let accepted = self.accept(written);
        let (Some(gateway), false) = (gateway, self.has_failed()) else {
            return Err(Report::new(self.faults, self.sources.files.clone()));
        };
        self.tables.limits = gateway.limits;
        self.tables.practice = gateway.practice;
        let site = match Site::try_new(std::mem::take(&mut self.tables)) {
            Ok(site) => site,
            Err(refused) => return Err(self.refused(site, &refused)),
        };
        self.dictionary.config_hash.clone_from(&self.sources.hash);
        Ok(Loaded {
            site: Arc::new(site),
            dictionary: self.dictionary,
            identity: gateway.identity,
            buses: self.links,
            journal: gateway.journal,
            uplinks: self.uplinks,
            webhooks: self.webhooks,
            role_webhooks: self.role_webhooks,
            gpio: self.gpio,
            listen: gateway.listen,
            state_dir: gateway.state_dir,
            clock_sync_file: gateway.clock_sync_file,
            hash: self.sources.hash.clone(),
            fingerprint: fingerprint(&self.sources.hash, &self.attachments),
            attachments: self.attachments,
            files: self.sources.paths.clone(),
            templates: self.sources.named_templates(),
            renamed: self.renamed,
            warnings: Report::new(self.faults, self.sources.files.clone()),
            accepted,
        })
    }

    /// The core found what the checks here should have: a fault of this program, told all the same.
    fn refused(mut self, site: Section<'a, '_>, refused: &[SiteFault]) -> Report {
        for fault in refused {
            let words = args![format!("{fault:?}")];
            self.faults.push(Fault::new(Code::NotUsable, site.node.spot(), words));
        }
        Report::new(self.faults, self.sources.files.clone())
    }

    fn has_failed(&self) -> bool {
        self.faults.iter().any(|fault| fault.code().severity() == Severity::Error)
    }

    fn warn_of_silence(&mut self, site: Section<'a, '_>) {
        let spot = site.node.spot();
        let written = |key| site.node.get(key).is_some();
        if self.tables.points.is_empty() && !written("points") && !self.recovered {
            self.faults.push(Fault::new(Code::NoPoints, spot, Vec::new()));
        }
        let sounds = self.tables.outputs.iter().any(|output| caution::bar(output).is_some());
        let silent = !sounds && (!written("outputs") || !self.has_failed());
        if !self.tables.alarms.is_empty() && silent && !self.recovered {
            self.faults.push(Fault::new(Code::NothingSounds, spot, Vec::new()));
        }
    }
}

fn fingerprint(files: &str, attachments: &[Attachment]) -> String {
    let mut hasher = blake3::Hasher::new();
    for hash in std::iter::once(files).chain(attachments.iter().map(|attachment| &*attachment.hash)) {
        hasher.update(hash.as_bytes());
    }
    hasher.finalize().to_hex().to_string()
}
