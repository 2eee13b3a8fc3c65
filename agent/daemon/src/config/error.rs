//! What is wrong with a configuration, in both languages: every fault with its place, its reason and what to write.
//! It renders; it never decides whether something is a fault.

use std::collections::HashSet;
use std::fmt;
use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::sync::Arc;

use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource};

pub use super::catalogue::Code;

/// More faults than anybody reads; the rest is only counted.
const RENDERED_MAX: usize = 2_000;

/// The language of texts for people; codes are never translated.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lang {
    /// 中文.
    Zh,
    /// English.
    En,
}

impl Lang {
    /// The language that `flag` names, else the one of `LC_ALL`, `LC_MESSAGES` or `LANG`; Chinese where nothing is set.
    #[must_use]
    pub fn from_env(flag: Option<&str>) -> Self {
        let named = flag.map(str::to_owned).or_else(|| {
            ["LC_ALL", "LC_MESSAGES", "LANG"]
                .iter()
                .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
        });
        named.map_or(Self::Zh, |name| Self::from_name(&name))
    }

    fn from_name(name: &str) -> Self {
        let name = name.to_ascii_lowercase();
        let english = ["en", "c", "posix"].iter().any(|english| {
            name.strip_prefix(english)
                .is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_alphanumeric()))
        });
        if english { Self::En } else { Self::Zh }
    }

    const fn index(self) -> usize {
        match self {
            Self::Zh => 0,
            Self::En => 1,
        }
    }
}

/// Whether a rendering may use terminal colours.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Style {
    /// No escape sequences.
    Plain,
    /// Colours.
    Coloured,
}

impl Style {
    /// Coloured when standard error is a terminal and `NO_COLOR` is not set.
    #[must_use]
    pub fn of_stderr() -> Self {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        if wanted && std::io::stderr().is_terminal() { Self::Coloured } else { Self::Plain }
    }
}

/// Whether a fault prevents the start.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Severity {
    /// The configuration cannot be used.
    Error,
    /// It can be used, and somebody should look.
    Warning,
}

/// A place in one of the files.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub(crate) struct Spot {
    /// Position in the report's sources.
    pub(crate) file: usize,
    /// First byte.
    pub(crate) start: usize,
    /// The byte behind the last.
    pub(crate) end: usize,
}

/// A file's name and text.
#[derive(Clone, Debug)]
pub(crate) struct SourceFile {
    pub(crate) path: PathBuf,
    pub(crate) text: Arc<str>,
}

impl SourceFile {
    /// Line and column, both from 1, the column in characters.
    fn position(&self, at: usize) -> (usize, usize) {
        let before = self.text.get(..self.clamp(at)).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |rest| rest.chars().count()) + 1;
        (line, column)
    }

    fn line_ends(&self) -> Vec<usize> {
        self.text.match_indices('\n').map(|(at, _)| at).collect()
    }

    fn clamp(&self, at: usize) -> usize {
        let mut at = at.min(self.text.len());
        while !self.text.is_char_boundary(at) {
            at -= 1;
        }
        at
    }

    fn range(&self, spot: Spot) -> std::ops::Range<usize> {
        let (start, end) = (self.clamp(spot.start), self.clamp(spot.end));
        start..end.max(start)
    }
}

/// A word in a message: the same in both languages, or one for each.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Arg {
    Same(String),
    Each(&'static str, &'static str),
}

impl Arg {
    fn text(&self, lang: Lang) -> &str {
        match (self, lang) {
            (Self::Same(text), _) => text,
            (Self::Each(zh, _), Lang::Zh) => zh,
            (Self::Each(_, en), Lang::En) => en,
        }
    }
}

impl<T: ToString> From<T> for Arg {
    fn from(text: T) -> Self {
        Self::Same(text.to_string())
    }
}

/// Collects the words of a message.
macro_rules! args {
    ($($arg:expr),* $(,)?) => { vec![$($crate::config::error::Arg::from($arg)),*] };
}
pub(crate) use args;

/// One thing that is wrong, or worth a look.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault {
    code: Code,
    spot: Spot,
    other: Option<Spot>,
    of: Option<String>,
    args: Vec<Arg>,
}

impl Fault {
    pub(crate) const fn new(code: Code, spot: Spot, args: Vec<Arg>) -> Self {
        Self { code, spot, other: None, of: None, args }
    }

    /// What it is of, where that is more than its first word.
    pub(crate) fn about(mut self, of: String) -> Self {
        self.of = Some(of);
        self
    }

    /// What it is of, by which a site file accepts a warning.
    #[must_use]
    pub fn of(&self) -> &str {
        let first = self.args.first().map_or("site", |arg| arg.text(Lang::En));
        self.of.as_deref().unwrap_or(first)
    }

    fn is_warning(&self) -> bool {
        self.code.severity() == Severity::Warning
    }

    /// The code as shown; a warning's with its name.
    fn title(&self) -> String {
        if self.is_warning() {
            format!("{} {}", self.code.as_str(), self.code.name())
        } else {
            self.code.as_str().to_owned()
        }
    }

    /// What to write where a warning is as it should be.
    fn acceptance(&self, lang: Lang) -> String {
        let (name, of) = (self.code.name(), self.of());
        let (before, reason) = match lang {
            Lang::Zh => ("；确有理由不改时写", "理由"),
            Lang::En => ("; where there is a reason to leave it so, write", "why"),
        };
        format!("{before} [[accepted]] warning = \"{name}\", of = \"{of}\", reason = \"{reason}\"")
    }

    /// The other of two places that contradict each other.
    pub(crate) const fn against(mut self, other: Spot) -> Self {
        self.other = Some(other);
        self
    }

    /// What kind of fault it is.
    #[must_use]
    pub const fn code(&self) -> Code {
        self.code
    }

    /// What is wrong.
    #[must_use]
    pub fn message(&self, lang: Lang) -> String {
        self.fill(self.code.texts().message[lang.index()], lang)
    }

    /// What to write.
    #[must_use]
    pub fn help(&self, lang: Lang) -> String {
        self.fill(self.code.texts().help[lang.index()], lang)
    }

    fn label(&self, lang: Lang) -> String {
        self.fill(self.code.texts().label[lang.index()], lang)
    }

    fn other_label(&self, lang: Lang) -> String {
        self.fill(self.code.texts().other[lang.index()], lang)
    }

    fn fill(&self, template: &str, lang: Lang) -> String {
        let mut filled = String::new();
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('{') {
            filled.push_str(before);
            let blank = after.split_once('}').and_then(|(number, tail)| Some((number.parse().ok()?, tail)));
            let Some((number, tail)) = blank else {
                // An inline table in an example.
                filled.push('{');
                rest = after;
                continue;
            };
            let number: usize = number;
            filled.push_str(self.args.get(number).map_or("", |arg| arg.text(lang)));
            rest = tail;
        }
        filled.push_str(rest);
        filled
    }
}

/// Everything that is wrong with a configuration, by file and line.
#[derive(Clone, Debug, Default)]
pub struct Report {
    faults: Vec<Fault>,
    sources: Vec<SourceFile>,
}

impl Report {
    pub(crate) fn new(mut faults: Vec<Fault>, sources: Vec<SourceFile>) -> Self {
        faults.sort_by_key(|fault| (fault.spot, fault.code));
        // A template's own fault shows up once for each device that uses it.
        faults.dedup_by(|a, b| a.spot == b.spot && a.code == b.code && a.args == b.args);
        let mut report = Self { faults, sources };
        report.forgive_broken_lines();
        report
    }

    /// What else seems wrong on a line that could not be parsed says nothing.
    fn forgive_broken_lines(&mut self) {
        let lines: Vec<Vec<usize>> = self.sources.iter().map(SourceFile::line_ends).collect();
        let line_of = |fault: &Fault| {
            let ends = lines.get(fault.spot.file);
            let line = ends.map(|ends| ends.partition_point(|end| *end < fault.spot.start));
            (fault.spot.file, line)
        };
        let syntax = |fault: &&Fault| fault.code == Code::Syntax;
        let broken: HashSet<_> = self.faults.iter().filter(syntax).map(line_of).collect();
        if !broken.is_empty() {
            let kept = |fault: &&Fault| fault.code == Code::Syntax || !broken.contains(&line_of(fault));
            self.faults = self.faults.iter().filter(kept).cloned().collect();
        }
    }

    /// The faults, by file and line.
    #[must_use]
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// Whether there is nothing to tell.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.faults.is_empty()
    }

    /// How many faults of this severity there are.
    #[must_use]
    pub fn count(&self, severity: Severity) -> usize {
        self.faults.iter().filter(|fault| fault.code.severity() == severity).count()
    }

    /// File, line and column of a fault; lines and columns from 1.
    #[must_use]
    pub fn place(&self, fault: &Fault) -> (PathBuf, usize, usize) {
        self.sources.get(fault.spot.file).map_or_else(
            || (PathBuf::new(), 1, 1),
            |source| {
                let (line, column) = source.position(fault.spot.start);
                (source.path.clone(), line, column)
            },
        )
    }

    /// The first 2000 faults with their lines and carets, and a count of all at the end.
    #[must_use]
    pub fn render(&self, lang: Lang, style: Style) -> String {
        let theme = match style {
            Style::Plain => GraphicalTheme::unicode_nocolor(),
            Style::Coloured => GraphicalTheme::unicode(),
        };
        let report = GraphicalReportHandler::new_themed(theme)
            .with_wrap_lines(false)
            .with_links(false)
            .with_context_lines(1)
            .without_syntax_highlighting();
        let mut text = String::new();
        for fault in self.faults.iter().take(RENDERED_MAX) {
            // Formatting into a String fails only if a label does; the message alone still goes out.
            if report.render_report(&mut text, &self.rendered(fault, lang)).is_err() {
                text.push_str(&fault.message(lang));
            }
            text.push('\n');
        }
        if self.faults.len() > RENDERED_MAX {
            text.push_str(&format!("… {RENDERED_MAX} / {}\n", self.faults.len()));
        }
        text.push_str(&self.summary(lang));
        text
    }

    fn summary(&self, lang: Lang) -> String {
        let (errors, warnings) = (self.count(Severity::Error), self.count(Severity::Warning));
        match lang {
            Lang::Zh => format!("{errors} 个错误，{warnings} 个警告\n"),
            Lang::En => format!("errors: {errors}, warnings: {warnings}\n"),
        }
    }

    /// The faults as one JSON array, both languages in each.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        let both =
            |text: &dyn Fn(Lang) -> String| serde_json::json!({ "zh": text(Lang::Zh), "en": text(Lang::En) });
        self.faults
            .iter()
            .map(|fault| {
                let (file, line, column) = self.place(fault);
                serde_json::json!({
                    "code": fault.code.as_str(),
                    "name": fault.code.name(),
                    "of": fault.of(),
                    "severity": match fault.code.severity() {
                        Severity::Error => "error",
                        Severity::Warning => "warning",
                    },
                    "file": file.display().to_string(),
                    "line": line,
                    "column": column,
                    "message": both(&|lang| fault.message(lang)),
                    "help": both(&|lang| fault.help(lang)),
                })
            })
            .collect()
    }

    fn rendered(&self, fault: &Fault, lang: Lang) -> Rendered {
        let source = self.sources.get(fault.spot.file);
        let mut labels = Vec::new();
        let mut help = fault.help(lang);
        if fault.is_warning() {
            help.push_str(&fault.acceptance(lang));
        }
        if let Some(source) = source.filter(|source| !source.text.is_empty()) {
            let range = source.range(fault.spot);
            labels.push(LabeledSpan::new_primary_with_span(Some(fault.label(lang)), range));
        }
        if let Some(other) = fault.other {
            match (self.sources.get(other.file), source) {
                (Some(there), Some(_)) if other.file == fault.spot.file => {
                    labels.push(LabeledSpan::at(there.range(other), fault.other_label(lang)));
                }
                (Some(there), _) => {
                    let (line, _) = there.position(other.start);
                    help.push_str(&format!(" ({}:{line})", there.path.display()));
                }
                (None, _) => {}
            }
        }
        let source = source
            .map(|source| NamedSource::new(source.path.display().to_string(), Arc::clone(&source.text)));
        Rendered {
            title: fault.title(),
            code: fault.code,
            message: fault.message(lang),
            help,
            labels,
            source,
        }
    }
}

/// One fault in one language, as miette wants it.
#[derive(Debug)]
struct Rendered {
    title: String,
    code: Code,
    message: String,
    help: String,
    labels: Vec<LabeledSpan>,
    source: Option<NamedSource<Arc<str>>>,
}

impl fmt::Display for Rendered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Rendered {}

impl miette::Diagnostic for Rendered {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(&self.title))
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.code.severity() {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(&self.help))
    }

    fn source_code(&self) -> Option<&dyn miette::SourceCode> {
        self.source.as_ref().map(|source| source as &dyn miette::SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        (!self.labels.is_empty()).then(|| Box::new(self.labels.iter().cloned()) as Box<_>)
    }
}
