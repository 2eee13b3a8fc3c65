//! Device templates: read once, used by any number of devices.

use super::{Lowering, Section, signature};
use crate::config::catalogue::Code;
use crate::config::check::{self, Schema};
use crate::config::command::CommandFile;
use crate::config::device::TemplateHead;
use crate::config::error::{Arg, Fault, args};
use crate::config::names::Names;
use crate::config::point::PointFile;
use crate::config::sensor::StatusFile;
use crate::config::signature::{Mark, MarkFile, Model};
use crate::config::tree::{Document, Node};

/// A template whose head is sound.
pub(super) struct Template<'a> {
    pub(super) head: TemplateHead,
    /// Its sound points.
    pub(super) points: Vec<(Node<'a>, PointFile)>,
    pub(super) names: Names,
    /// Its sound rows of what its statuses mean.
    pub(super) statuses: Vec<(Node<'a>, StatusFile)>,
    pub(super) marks: Vec<Mark>,
    /// Its sound commands.
    pub(super) commands: Vec<(Node<'a>, CommandFile)>,
    pub(super) command_names: Names,
}

impl Template<'_> {
    /// What is known of the model, for those who look for it.
    pub(super) fn into_model(self, template: String) -> Model {
        let TemplateHead { vendor, model, zh, en, source, .. } = self.head;
        let points = self.points.len();
        Model { template, vendor, model, names: [zh, en], source, points, marks: self.marks }
    }
}

impl<'a> Lowering<'a> {
    pub(super) fn templates(&mut self, documents: &'a [Document<'a>], schema: Schema<'_>) {
        for source in &self.sources.templates {
            // Templates are few and their names come from one list without repetition.
            let _ = self.template_names.claim(&source.name, Default::default());
            let Some(document) = source.file.and_then(|file| documents.get(file)) else { continue };
            let section = Section { node: document.root(), schema };
            if let Some(template) = self.template(section, document.recovered) {
                self.template_names.settle(&source.name, self.templates.len());
                self.templates.push(template);
            }
        }
    }

    fn template(&mut self, file: Section<'a, '_>, recovered: bool) -> Option<Template<'a>> {
        self.structural(check::shallow("template", file.node, file.schema), recovered);
        let (_, head) = self.one::<TemplateHead>(file, "device", recovered)?;
        let mut names = Names::default();
        let mut points = Vec::new();
        for (node, point) in self.list::<PointFile>(file, "points", recovered) {
            let named = self.template_point_name(node, &mut names);
            let (Some(name), Some(point)) = (named, point) else { continue };
            names.settle(name, points.len());
            points.push((node, point));
        }
        let marks = self.marks(file, &head, recovered);
        let statuses = self.template_statuses(file, (&points, &names), recovered);
        let (commands, command_names) = self.template_commands(file, (&head, recovered));
        Some(Template { head, points, names, statuses, marks, commands, command_names })
    }

    fn marks(&mut self, file: Section<'a, '_>, head: &TemplateHead, recovered: bool) -> Vec<Mark> {
        let mut marks = Vec::new();
        for (node, written) in self.list::<MarkFile>(file, "signature", recovered) {
            match written.map(|written| signature::mark(head, node, written)) {
                Some(Ok(mark)) => marks.push(mark),
                Some(Err(faults)) => self.faults.extend(faults),
                None => {}
            }
        }
        marks
    }

    fn template_point_name(&mut self, node: Node<'a>, names: &mut Names) -> Option<&'a str> {
        for key in ["tag", "device", "from"] {
            for (_, spot, _) in node.entries().into_iter().filter(|(name, ..)| *name == key) {
                let why = Arg::Each("模板里不写", "not in a template");
                self.faults.push(Fault::new(Code::UnknownKey, spot, vec![key.into(), why]));
            }
        }
        let Some(name) = node.text("name") else {
            if node.get("name").is_none() {
                let words = args!["name", "\"…\""];
                self.faults.push(Fault::new(Code::MissingKey, node.spot(), words));
            }
            return None;
        };
        if let Err(first) = names.claim(name, node.at("name")) {
            let words = vec![Arg::Each("模板点", "template points"), name.into()];
            let fault = Fault::new(Code::DuplicateName, node.at("name"), words);
            self.faults.push(fault.against(first));
            return None;
        }
        Some(name)
    }
}
