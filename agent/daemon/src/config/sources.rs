//! The files of a configuration as bytes: the site, and each template once, from the folder beside it or from the binary.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Error, ErrorKind, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Templates;
use super::catalogue::Code;
use super::error::{Fault, SourceFile, Spot, args};
use super::tree::{Document, Node};

/// No site comes near this; a path to something else must not fill the memory.
const FILE_BYTES_MAX: u64 = 8 * 1024 * 1024;
/// As many templates as a site may name.
const TEMPLATES_MAX: usize = 512;

macro_rules! embedded {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../../../config/devices/", $name, ".toml")))),*]
    };
}

/// Templates that every gateway has.
const EMBEDDED: &[(&str, &str)] = embedded![
    "advantech-adam-4150",
    "aplisens-pce-28",
    "cn-6in1-gas-module",
    "cn-rs485-pressure",
    "crowcon-vortex",
    "delta-ohm-pmsense",
    "detcon-1000",
    "draeger-regard-3900",
    "dust-collector-generic",
    "gds-gasmax-cx",
    "general-monitors-fl4000",
    "hazard-node",
    "honeywell-e3point",
    "honeywell-midas",
    "honeywell-sensepoint-xcl",
    "huba-699m",
    "igd-toc-635",
    "interlock-di8",
    "jade-bird-fire-panel",
    "machinesaver-trivibe",
    "moxa-iologik-e1214",
    "msa-fl500",
    "oldham-itrans-2",
    "relay-module-8",
    "sentera-spd",
    "senva-tg",
    "zhichuan-zct-cx100",
];

/// A template's name and the position of its file.
pub(crate) struct TemplateSource {
    pub(crate) name: String,
    /// `None` where the file could not be read; that fault is reported.
    pub(crate) file: Option<usize>,
}

/// All files; the site is the first.
pub(crate) struct Sources {
    pub(crate) dir: PathBuf,
    pub(crate) files: Vec<SourceFile>,
    pub(crate) templates: Vec<TemplateSource>,
    /// Files on disk.
    pub(crate) paths: Vec<PathBuf>,
    pub(crate) hash: String,
    /// What counts for templates that are not read from the folder.
    instead: Templates,
    /// Copies of files that the site names.
    copies: BTreeMap<PathBuf, PathBuf>,
}

impl Sources {
    /// Reads the site file.
    pub(crate) fn read(path: &Path) -> (Self, Vec<Fault>) {
        let mut sources = Self::beside(path);
        let mut faults = Vec::new();
        sources.add_file(path, &mut faults);
        (sources, faults)
    }

    /// Takes a text for what the site file says.
    pub(crate) fn of_text(path: &Path, text: &str, templates: &Templates) -> Self {
        let mut sources = Self { instead: templates.clone(), ..Self::beside(path) };
        sources.paths.push(path.to_path_buf());
        sources.push(path.to_path_buf(), Arc::from(text));
        sources
    }

    /// The same, with copies of files that may be gone.
    pub(crate) fn with_copies(self, copies: BTreeMap<PathBuf, PathBuf>) -> Self {
        Self { copies, ..self }
    }

    /// A file that the site names, its path, its bytes where it can be read, and where that was.
    pub(crate) fn attached(&self, path: &Path) -> (PathBuf, Option<(PathBuf, Vec<u8>)>) {
        let path = self.named(path);
        let places = [Some(&path), self.copies.get(&path)].into_iter().flatten();
        let read = places.filter(|place| place.is_file()).find_map(|place| {
            let bytes = read_bounded(place).ok().filter(|bytes| bytes.len() as u64 <= FILE_BYTES_MAX)?;
            Some((place.clone(), bytes))
        });
        (path, read)
    }

    /// The bytes of the copy of a file that the site names.
    pub(crate) fn copied(&self, path: &Path) -> Option<Vec<u8>> {
        read_bounded(self.copies.get(&self.named(path))?).ok()
    }

    /// A path that the site names, wherever the program was started.
    fn named(&self, path: &Path) -> PathBuf {
        let path = self.dir.join(path);
        std::path::absolute(&path).unwrap_or(path)
    }

    fn beside(path: &Path) -> Self {
        Self {
            dir: path.parent().map(Path::to_path_buf).unwrap_or_default(),
            files: Vec::new(),
            templates: Vec::new(),
            paths: Vec::new(),
            hash: String::new(),
            instead: Templates::new(),
            copies: BTreeMap::new(),
        }
    }

    /// Every template that a site file at `path` could name, and no site file.
    pub(crate) fn of_templates(path: &Path) -> (Self, Vec<Fault>) {
        let mut sources = Self::beside(path);
        let mut faults = Vec::new();
        for name in sources.template_choices() {
            sources.add_template(name, &mut faults);
        }
        (sources, faults)
    }

    /// One template by its text, and no site file.
    pub(crate) fn of_template(name: &str, text: &str) -> Self {
        let mut sources = Self::beside(Path::new(""));
        sources.push(PathBuf::from(format!("{name}.toml")), Arc::from(text));
        sources.templates.push(TemplateSource { name: name.to_owned(), file: Some(0) });
        sources
    }

    /// The site file's text.
    pub(crate) fn site(&self) -> Option<Arc<str>> {
        self.files.first().map(|file| Arc::clone(&file.text))
    }

    /// Reads each template that the site names.
    pub(crate) fn read_templates(&mut self, site: Node<'_>, faults: &mut Vec<Fault>) {
        for name in template_names(site) {
            self.add_template(name, faults);
        }
        self.hash = self.hashed();
    }

    fn add_template(&mut self, name: String, faults: &mut Vec<Fault>) {
        let path = template_path(&self.dir, &name);
        let before = self.files.len();
        let instead = self.instead.get(&name).cloned();
        if let (Some(Some(text)), Some(path)) = (&instead, &path) {
            self.paths.push(path.clone());
            self.push(path.clone(), Arc::from(text.as_str()));
            self.templates.push(TemplateSource { name, file: Some(before) });
            return;
        }
        if let Some(path) = path.filter(|path| instead.is_none() && path.is_file()) {
            let read = self.add_file(&path, faults);
            self.templates.push(TemplateSource { name, file: read.map(|_| before) });
            return;
        }
        let Some((_, text)) = EMBEDDED.iter().find(|(embedded, _)| *embedded == name) else {
            return;
        };
        self.push(PathBuf::from(format!("<embedded>/{name}.toml")), Arc::from(*text));
        self.templates.push(TemplateSource { name, file: Some(before) });
    }

    /// The templates that were read, those of the program without a text.
    pub(crate) fn named_templates(&self) -> Templates {
        let text = |source: &TemplateSource| {
            let file = self.files.get(source.file?)?;
            self.paths.contains(&file.path).then(|| file.text.to_string())
        };
        self.templates.iter().map(|source| (source.name.clone(), text(source))).collect()
    }

    /// Names that could be written where a template is missing.
    pub(crate) fn template_choices(&self) -> Vec<String> {
        let mut names: Vec<String> = EMBEDDED.iter().map(|(name, _)| (*name).to_owned()).collect();
        let folder = fs::read_dir(self.dir.join("devices")).into_iter().flatten().flatten();
        names.extend(folder.take(TEMPLATES_MAX).filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            Some(name.strip_suffix(".toml")?.to_owned())
        }));
        names.sort();
        names.dedup();
        names
    }

    fn add_file(&mut self, path: &Path, faults: &mut Vec<Fault>) -> Option<Arc<str>> {
        let file = self.files.len();
        let shown = path.display();
        let fault = |code, at, words| Fault::new(code, Spot { file, start: at, end: at }, words);
        self.paths.push(path.to_path_buf());
        let (text, found) = match read_bounded(path) {
            Err(error) => (String::new(), Some(fault(Code::FileUnreadable, 0, args![shown, error]))),
            Ok(bytes) if bytes.len() as u64 > FILE_BYTES_MAX => {
                let words = args![shown, bytes.len(), FILE_BYTES_MAX];
                (String::new(), Some(fault(Code::FileTooLarge, 0, words)))
            }
            Ok(bytes) => match String::from_utf8(bytes) {
                Ok(text) => (text, None),
                Err(error) => {
                    let at = error.utf8_error().valid_up_to();
                    let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
                    (text, Some(fault(Code::FileNotUtf8, at, args![shown])))
                }
            },
        };
        let text: Arc<str> = Arc::from(text);
        self.push(path.to_path_buf(), Arc::clone(&text));
        let readable = found.is_none();
        faults.extend(found);
        readable.then_some(text)
    }

    fn push(&mut self, path: PathBuf, text: Arc<str>) {
        self.files.push(SourceFile { path, text });
    }

    fn hashed(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        for file in &self.files {
            // The length keeps two files apart from the same bytes split elsewhere.
            hasher.update(&(file.text.len() as u64).to_le_bytes());
            hasher.update(file.text.as_bytes());
        }
        format!("blake3:{}", hasher.finalize().to_hex())
    }
}

/// Where a template lies beside a site file; `None` for a name that is none of a file.
fn template_path(dir: &Path, name: &str) -> Option<PathBuf> {
    let plain = name.chars().all(|c| c.is_alphanumeric() || "-_.".contains(c));
    plain.then(|| dir.join("devices").join(format!("{name}.toml")))
}

/// The templates beside `path` that a site file with this text names.
pub(crate) fn templates_beside(path: &Path, text: &str) -> Result<Templates, (PathBuf, Error)> {
    let dir = path.parent().unwrap_or(Path::new(""));
    let document = Document::parse(0, text, &mut Vec::new());
    let mut found = Templates::new();
    for name in template_names(document.root()) {
        let Some(path) = template_path(dir, &name).filter(|path| path.is_file()) else { continue };
        let bytes = read_bounded(&path).map_err(|error| (path.clone(), error))?;
        if bytes.len() as u64 > FILE_BYTES_MAX {
            return Err((path, ErrorKind::FileTooLarge.into()));
        }
        let text = String::from_utf8(bytes).map_err(|_| (path, ErrorKind::InvalidData.into()))?;
        found.insert(name, Some(text));
    }
    Ok(found)
}

fn read_bounded(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn template_names(site: Node<'_>) -> Vec<String> {
    let devices = site.get("devices").map(Node::members).unwrap_or_default();
    let mut names: Vec<String> = Vec::new();
    for name in devices.into_iter().filter_map(|device| device.text("template")) {
        if names.len() < TEMPLATES_MAX && !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    names
}
