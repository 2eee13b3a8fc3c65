//! Words that say nothing are not names (the glossary of the house style).

use crate::scan::{closing, line_of, split_list, words};
use crate::tree::{Exception, Finding, Source, judge, sources};

const BANNED: [&str; 8] = ["data", "info", "manager", "handler", "helper", "util", "process", "item"];

/// Names that stay. What others named is used rather than declared and needs no exception.
const ALLOWED: &[Exception] = &[
    ("agent/", "NoData", "the glossary's own word: why a sample holds nothing to compare"),
    ("agent/daemon/src/", "no_data", "NoData in snake case"),
    (
        "agent/daemon/src/uplink/mqtt/limits.rs",
        "authentication_data",
        "a field of rumqttc's MQTT 5 properties",
    ),
    ("firmware/cortex/", "panic_handler", "the language's own attribute for what a panic does"),
    (
        "firmware/cortex/",
        "DefaultHandler",
        "cortex-m-rt's own name for what an exception without another does",
    ),
];

#[test]
fn no_name_of_ours_is_an_empty_word() {
    let sources = sources(&["agent", "firmware"]);
    let found =
        sources.iter().flat_map(declared).filter(|f| parts(&f.what).iter().any(|part| is_banned(part)));
    judge("names say what a thing is for", found.collect(), ALLOWED);
}

#[test]
fn no_file_has_an_empty_word_for_a_name() {
    let mut found = Vec::new();
    for source in sources(&["agent", "firmware", "tests"]) {
        let parts: Vec<&str> = source.path.split(['/', '.', '-', '_']).collect();
        found.extend(
            parts.into_iter().filter(|part| is_banned(part)).map(|part| Finding::new(&source.path, 0, part)),
        );
    }
    judge("files are called by what is in them", found, &[]);
}

/// Names that this file declares: types, functions, modules, constants, generics' associated types, and whatever a colon
/// or `let`, `for`, `|`, `=>` binds.
fn declared(source: &Source) -> Vec<Finding> {
    const KEYWORDS: [&str; 14] = [
        "fn", "struct", "enum", "trait", "type", "mod", "const", "static", "let", "mut", "ref", "for", "as",
        "union",
    ];
    let code = &source.scanned.code;
    let (mut before, mut import_end) = ("", 0);
    let mut found = Vec::new();
    for (at, word) in words(code) {
        if word == "use" {
            import_end = at + code[at..].find(';').unwrap_or_default();
        }
        let is_import = at < import_end && before != "as";
        let after = code[at + word.len()..].trim_start();
        let has_colon = after.starts_with(':') && !after.starts_with("::");
        let left = code[..at].trim_end();
        let is_bound =
            left.ends_with(['|', '(', ',', '{', '[']) && after.starts_with(['|', ')', ',', '}', ']']);
        if !is_import && (KEYWORDS.contains(&before) || has_colon || is_bound) {
            found.push(Finding::new(&source.path, line_of(code, at), word));
        }
        if before == "enum" {
            found.extend(
                variants(code, at).map(|(at, name)| Finding::new(&source.path, line_of(code, at), name)),
            );
        }
        before = word;
    }
    found
}

/// The variants of the enum whose name is at `name_at`, all at the place of the name.
fn variants(code: &str, name_at: usize) -> impl Iterator<Item = (usize, &str)> {
    let open = code[name_at..].find('{').map(|open| name_at + open);
    let body = open.and_then(|open| Some(&code[open + 1..closing(code, open)?])).unwrap_or_default();
    split_list(body).into_iter().filter_map(move |variant| {
        let mut rest = variant;
        while let Some(attribute) = rest.strip_prefix('#') {
            rest = attribute[closing(attribute, 0)? + 1..].trim_start();
        }
        Some((name_at, words(rest).next()?.1))
    })
}

/// `snake_case` and `CamelCase` taken apart, in small letters.
fn parts(name: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut was_small = false;
    for c in name.chars() {
        if c == '_' || (c.is_uppercase() && was_small) {
            parts.push(String::new());
        }
        was_small = c.is_lowercase();
        parts.last_mut().expect("never empty").extend(c.to_lowercase().filter(|c| *c != '_'));
    }
    parts
}

fn is_banned(part: &str) -> bool {
    BANNED.iter().any(|word| {
        part == *word || part.strip_suffix('s') == Some(word) || (*word == "util" && part == "utils")
    })
}

#[test]
fn names_are_taken_apart_at_underscores_and_capitals() {
    assert_eq!(parts("raw_data"), ["raw", "data"]);
    assert_eq!(parts("TableManager"), ["table", "manager"]);
    assert_eq!(parts("DATA_MAX"), ["data", "max"]);
    assert!(!is_banned("database") && is_banned("items") && !is_banned("processor"));
}
