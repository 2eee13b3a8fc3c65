//! Who may name whom inside the daemon, and where serde lives.

use crate::scan::{closing, line_of, split_list, word_at, words};
use crate::tree::{Exception, Finding, Source, judge, sources};

const DAEMON: &str = "agent/daemon/src/";

/// Each carries one thing; none knows that the others exist.
const ADAPTERS: [&str; 10] =
    ["modbus", "journal", "uplink", "webhook", "panel", "retentive", "trial", "console", "config", "points"];

/// What an adapter may name besides itself and the core: plain settings, names, published words, the clock's type and
/// the TLS handshake.
const GROUND: [&str; 5] = ["settings", "dictionary", "words", "clock", "tls"];

/// Ways in for people: they speak to composers and name no adapter.
const DOORS: [&str; 1] = ["control"];

/// Who may see more than one adapter: what composes (`run`, `run_…`, `main`), what a person calls (`cli`), what plays a
/// plant around the agent (`demo`), and what counts and logs for all of them (`observe`).
const COMPOSERS: [&str; 5] = ["run", "main", "cli", "demo", "observe"];

/// Modules of the daemon and files of the other crates in which serde's derive and traits may appear.
const SERDE_AT: [&str; 13] = [
    "config",
    "journal",
    "uplink",
    "webhook",
    "retentive",
    "trial",
    "dictionary",
    "console",
    "control",
    "cli",
    "observe",
    "demo",
    "points",
];

const SERDE: [&str; 4] = ["serde", "serde_json", "schemars", "postcard"];

#[test]
fn adapters_never_name_one_another() {
    let mut found = Vec::new();
    for source in sources(&[DAEMON]) {
        let owner = owner(&source);
        if !ADAPTERS.contains(&owner) {
            continue;
        }
        for (line, name) in crate_roots(&source) {
            if name != owner && !GROUND.contains(&name.as_str()) {
                found.push(Finding::new(&source.path, line, format!("{owner} names {name}")));
            }
        }
    }
    judge(
        "an adapter names itself, the core and settings, dictionary, words, clock, tls; nothing else",
        found,
        &[],
    );
}

#[test]
fn only_composers_name_an_adapter_from_outside() {
    let mut found = Vec::new();
    for source in sources(&[DAEMON]) {
        let owner = owner(&source);
        if ADAPTERS.contains(&owner) || COMPOSERS.contains(&owner) || owner == "lib" {
            continue;
        }
        let named = crate_roots(&source)
            .into_iter()
            .filter(|(_, name)| ADAPTERS.contains(&name.as_str()) || name == "*");
        found.extend(
            named.map(|(line, name)| Finding::new(&source.path, line, format!("{owner} names {name}"))),
        );
    }
    judge("run, main, cli, demo and observe compose; nobody else names an adapter", found, &[]);
}

#[test]
fn every_module_of_the_daemon_has_a_place_in_the_layers() {
    let known = |owner: &str| {
        ADAPTERS.contains(&owner)
            || GROUND.contains(&owner)
            || COMPOSERS.contains(&owner)
            || DOORS.contains(&owner)
            || owner == "lib"
    };
    let found = sources(&[DAEMON])
        .iter()
        .filter(|source| !known(owner(source)))
        .map(|source| Finding::new(&source.path, 0, owner(source)))
        .collect();
    judge(
        "a module of the daemon is an adapter, ground, a door or a composer: say which in tests/tidy/layers.rs",
        found,
        &[],
    );
}

#[test]
fn serde_is_named_only_where_bytes_are_written_or_read() {
    const ALLOWED: &[Exception] = &[];
    let mut found = Vec::new();
    for source in sources(&["agent", "firmware"]) {
        if source.path.starts_with(DAEMON) && SERDE_AT.contains(&owner(&source)) {
            continue;
        }
        for (line, text) in source.shipped_lines() {
            let named = words(text).map(|(_, word)| word).find(|word| SERDE.contains(word));
            found.extend(named.map(|word| Finding::new(&source.path, line, word)));
        }
    }
    judge(
        "serde lives in config, journal, uplink, webhook, retentive, trial, dictionary, console, control, cli, observe, demo and points",
        found,
        ALLOWED,
    );
}

/// The top module of the daemon a file belongs to; `run_x.rs` belongs to `run`.
fn owner(source: &Source) -> &str {
    let inside = source.path.strip_prefix(DAEMON).unwrap_or(&source.path);
    let top = inside.split('/').next().unwrap_or(inside);
    let top = top.strip_suffix(".rs").unwrap_or(top);
    if top.starts_with("run_") { "run" } else { top }
}

/// Every module that the file names from the crate's root: `crate::a`, `crate::{a, b}`, `hazard_agent::a`, and what
/// `super::` reaches at the root, tests included.
fn crate_roots(source: &Source) -> Vec<(usize, String)> {
    let code = &source.scanned.code;
    let depth = depth(&source.path);
    let mut found = Vec::new();
    for (at, word) in words(code) {
        let before = code[..at].trim_end();
        let follows_path = before.ends_with("::");
        let next = match word {
            "crate" | "hazard_agent" if code[at + word.len()..].starts_with("::") => {
                Some(at + word.len() + 2)
            }
            "super" if !follows_path => after_supers(code, at, depth + nesting(code, at)),
            _ => None,
        };
        let Some(next) = next else { continue };
        let first =
            |path: &str| if path.starts_with('*') { "*".to_owned() } else { word_at(path, 0).to_owned() };
        let named = match code.as_bytes().get(next) {
            Some(b'{') => closing(code, next).map_or("", |end| &code[next + 1..end]),
            _ => &code[next..code[next..].find([';', ',', ')']).map_or(code.len(), |end| next + end)],
        };
        found.extend(split_list(named).into_iter().map(|path| (line_of(code, at), first(path))));
    }
    found
}

/// How many `super` lead from a file to the crate's root.
fn depth(path: &str) -> usize {
    let inside = path.strip_prefix(DAEMON).unwrap_or(path);
    let stem = inside.trim_end_matches(".rs");
    stem.trim_end_matches("/mod").split('/').count()
}

/// How many modules written in the file itself enclose a place.
fn nesting(code: &str, at: usize) -> usize {
    let bodies = words(code).filter(|(_, word)| *word == "mod").filter_map(|(start, _)| {
        let open = start + code[start..].find(['{', ';'])?;
        let close = closing(code, open).filter(|_| code[open..].starts_with('{'))?;
        Some(open..close)
    });
    bodies.filter(|body| body.contains(&at)).count()
}

/// Where a chain of `super::` ends that reaches the root.
fn after_supers(code: &str, at: usize, depth: usize) -> Option<usize> {
    let (mut next, mut steps) = (at, 0);
    while code[next..].starts_with("super::") {
        (next, steps) = (next + "super::".len(), steps + 1);
    }
    (steps == depth).then_some(next)
}
