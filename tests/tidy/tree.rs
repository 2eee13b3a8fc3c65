//! The repository as the rules see it: Rust files, documents, findings, exceptions.

use std::path::{Path, PathBuf};

use crate::scan::Scanned;

/// A Rust file.
pub(crate) struct Source {
    /// From the repository's root, with `/`.
    pub(crate) path: String,
    /// What the scanner made of it.
    pub(crate) scanned: Scanned,
    /// The whole file is compiled for tests only.
    test_only: bool,
}

impl Source {
    /// Lines of shipped code with their numbers, comments and texts blanked.
    pub(crate) fn shipped_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.scanned
            .code
            .lines()
            .enumerate()
            .map(|(at, line)| (at + 1, line))
            .filter(|(number, _)| self.is_shipped(*number))
    }

    /// Whether this line is compiled outside tests.
    pub(crate) fn is_shipped(&self, line: usize) -> bool {
        !self.test_only && !self.scanned.test_lines.iter().any(|lines| lines.contains(&line))
    }
}

/// A broken rule.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    /// File.
    pub(crate) path: String,
    /// Line, 0 for the whole file.
    pub(crate) line: usize,
    /// What an exception has to name.
    pub(crate) what: String,
}

impl Finding {
    pub(crate) fn new(path: &str, line: usize, what: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, what: what.into() }
    }
}

/// A rule's exception: the path's beginning, what is allowed there, why.
pub(crate) type Exception = (&'static str, &'static str, &'static str);

/// The repository's root.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the repository")
}

/// Reads a file of the repository.
pub(crate) fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// All files below a folder with this ending, sorted, from the root; build output and other repositories left out.
pub(crate) fn files(folder: &str, ending: &str) -> Vec<String> {
    let mut waiting = vec![root().join(folder)];
    let mut found = Vec::new();
    while let Some(folder) = waiting.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for path in entries.map(|entry| entry.expect("a readable folder").path()) {
            if path.is_dir() && !is_foreign(&path) {
                waiting.push(path);
            } else if path.to_string_lossy().ends_with(ending) {
                found.push(from_root(&path));
            }
        }
    }
    found.sort();
    found
}

/// Rust files below these folders.
pub(crate) fn sources(folders: &[&str]) -> Vec<Source> {
    let found: Vec<Source> =
        folders.iter().flat_map(|folder| files(folder, ".rs")).map(|path| source(path, folders)).collect();
    assert!(!found.is_empty(), "no Rust file below {folders:?}");
    let for_tests: Vec<String> = found
        .iter()
        .flat_map(|source| source.scanned.test_modules.iter().map(|name| module_stem(&source.path, name)))
        .collect();
    let is_below =
        |path: &str, stem: &str| path == format!("{stem}.rs") || path.starts_with(&format!("{stem}/"));
    found
        .into_iter()
        .map(|source| {
            let test_only = source.test_only || for_tests.iter().any(|stem| is_below(&source.path, stem));
            Source { test_only, ..source }
        })
        .collect()
}

/// Fails when something is broken that no exception allows, and when an exception allows what nobody does.
#[track_caller]
pub(crate) fn judge(rule: &str, mut found: Vec<Finding>, allowed: &[Exception]) {
    let covers = |(path, what, _): &Exception, f: &Finding| f.path.starts_with(path) && f.what == *what;
    let stale: Vec<_> = allowed.iter().filter(|allow| !found.iter().any(|f| covers(allow, f))).collect();
    assert!(stale.is_empty(), "{rule}: exceptions that nothing needs: {stale:#?}");
    assert!(allowed.iter().all(|(_, _, why)| why.len() > 10), "{rule}: an exception needs a reason");
    found.retain(|f| !allowed.iter().any(|allow| covers(allow, f)));
    found.sort();
    let lines: Vec<_> = found.iter().map(|f| format!("{}:{}: {}", f.path, f.line, f.what)).collect();
    assert!(lines.is_empty(), "{rule}\n{}", lines.join("\n"));
}

fn source(path: String, folders: &[&str]) -> Source {
    let scanned = Scanned::new(&read(&path));
    // Benches and tests of their own are built beside the crate and not into it.
    let beside = path.starts_with("tests/") || path.contains("/benches/") || path.contains("/tests/");
    let test_only = folders.iter().all(|folder| *folder == "tests") || beside;
    Source { path, scanned, test_only }
}

/// Where the file or folder of `mod name;` lies, without its ending.
fn module_stem(parent: &str, name: &str) -> String {
    let stem = parent.trim_end_matches(".rs");
    let folder = match stem.rsplit_once('/') {
        Some((folder, "mod" | "lib" | "main")) => folder,
        _ => stem,
    };
    format!("{folder}/{name}")
}

fn is_foreign(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default();
    name == "target" || name == ".git" || name == "node_modules" || path.join(".git").exists()
}

fn from_root(path: &Path) -> String {
    let path: PathBuf = path.strip_prefix(root()).expect("a path below the root").to_path_buf();
    path.to_string_lossy().replace('\\', "/")
}
