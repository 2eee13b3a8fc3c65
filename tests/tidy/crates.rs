//! Which crate may depend on which.

use std::collections::BTreeSet;

use crate::tree::{files, read};

#[test]
fn the_field_crate_depends_on_nothing() {
    assert_eq!(dependencies("firmware/field"), BTreeSet::new());
}

#[test]
fn the_core_depends_on_the_field_crate_only() {
    assert_eq!(dependencies("agent/core"), names(&["hazard-field"]));
}

#[test]
fn the_node_depends_on_the_field_crate_and_embedded_hal_only() {
    assert_eq!(dependencies("firmware/node"), names(&["hazard-field", "embedded-hal", "embedded-hal-nb"]));
}

#[test]
fn the_cortex_crate_depends_on_the_node_and_cortex_m_only() {
    assert_eq!(dependencies("firmware/cortex"), names(&["hazard-node", "cortex-m"]));
    let manifest = manifest("firmware/cortex/Cargo.toml");
    let everywhere = manifest["dependencies"].as_table().expect("a table of dependencies");
    assert!(!everywhere.contains_key("cortex-m"), "this machine would need a Cortex-M's crate for its tests");
}

#[test]
fn core_field_node_and_cortex_are_no_std() {
    for folder in ["agent/core", "firmware/field", "firmware/node", "firmware/cortex"] {
        let lib = read(&format!("{folder}/src/lib.rs"));
        assert!(lib.lines().any(|line| line.trim() == "#![no_std]"), "{folder} is not #![no_std]");
        let code = crate::tree::sources(&[folder]);
        let named =
            code.iter().flat_map(|s| s.shipped_lines().map(move |(line, text)| (&s.path, line, text)));
        let std: Vec<_> = named
            .filter(|(_, _, text)| text.contains("std::") || text.contains("extern crate std"))
            .collect();
        assert!(std.is_empty(), "shipped code names std: {std:#?}");
    }
}

#[test]
fn field_node_and_cortex_do_not_allocate() {
    for source in crate::tree::sources(&["firmware/field", "firmware/node", "firmware/cortex"]) {
        let found: Vec<_> = source
            .shipped_lines()
            .filter(|(_, text)| text.contains("alloc::") || text.contains("crate alloc"))
            .collect();
        assert!(found.is_empty(), "{}: {found:?}", source.path);
    }
}

#[test]
fn nothing_depends_on_the_tests() {
    for path in files("", "Cargo.toml") {
        let manifest = manifest(&path);
        let named = tables(&manifest).any(|(_, table)| table.contains_key("hazard-tests"));
        assert!(!named, "{path} depends on hazard-tests");
    }
}

/// Reaches memory by its addresses, and so cannot forbid `unsafe`.
const CORTEX: &str = "firmware/cortex";

#[test]
fn the_cortex_crate_has_the_lints_of_the_workspace_and_denies_unsafe_outside_two_files() {
    let (root, cortex) = (manifest("Cargo.toml"), manifest(&format!("{CORTEX}/Cargo.toml")));
    for (tool, lints) in root["workspace"]["lints"].as_table().expect("tables of lints") {
        for (lint, level) in lints.as_table().expect("a table of lints") {
            let expected = if lint == "unsafe_code" { &"deny".into() } else { level };
            assert_eq!(cortex["lints"][tool].get(lint), Some(expected), "{CORTEX}: {tool} {lint}");
        }
    }
    for (lint, what) in [("unsafe_op_in_unsafe_fn", "rust"), ("undocumented_unsafe_blocks", "clippy")] {
        assert_eq!(cortex["lints"][what].get(lint), Some(&"deny".into()), "{CORTEX}: {lint}");
    }
    let loosened = crate::tree::sources(&[CORTEX]).into_iter();
    let loosened = loosened.filter(|source| source.scanned.code.contains("(unsafe_code"));
    let loosened: Vec<_> = loosened.map(|source| source.path).collect();
    assert_eq!(loosened, ["firmware/cortex/src/chip.rs", "firmware/cortex/src/words.rs"]);
}

#[test]
fn every_crate_takes_the_lints_of_the_workspace() {
    let root = manifest("Cargo.toml");
    let members = root["workspace"]["members"].as_array().expect("a list of members");
    assert!(members.len() >= 6, "{members:?}");
    for member in members.iter().filter_map(toml::Value::as_str).filter(|member| *member != CORTEX) {
        let inherits = manifest(&format!("{member}/Cargo.toml"))
            .get("lints")
            .and_then(|lints| lints.get("workspace"))
            .and_then(toml::Value::as_bool);
        assert_eq!(inherits, Some(true), "{member}: no `[lints] workspace = true`");
    }
}

#[test]
fn a_board_is_a_workspace_of_its_own_that_brings_wiring_only() {
    let root = manifest("Cargo.toml");
    let excluded = root["workspace"]["exclude"].as_array().expect("a list of exclusions");
    assert!(excluded.iter().any(|folder| folder.as_str() == Some("firmware/boards")), "{excluded:?}");
    let boards: Vec<String> = files("firmware/boards", "memory.x");
    assert!(boards.len() >= 2, "{boards:?}");
    for folder in boards.iter().filter_map(|path| path.strip_suffix("/memory.x")) {
        assert!(
            manifest(&format!("{folder}/Cargo.toml")).contains_key("workspace"),
            "{folder} has no workspace"
        );
        for needed in ["Cargo.lock", ".cargo/config.toml"] {
            assert!(root_has(&format!("{folder}/{needed}")), "{folder} has no {needed}");
        }
        let needs = dependencies(folder);
        let ours = names(&["hazard-field", "hazard-node", "hazard-cortex"]);
        assert!(ours.is_subset(&needs), "{folder} is not a board of the node: {needs:?}");
        let needed = needs.into_iter().filter(|name| name.starts_with("hazard-")).collect();
        assert_eq!(ours, needed, "{folder} needs more of ours than field, node and cortex");
    }
}

#[test]
fn what_boards_share_is_written_once() {
    // What a board would name that tested its memory or caught its faults by itself.
    const SHARED: [&str; 7] = [
        "panic_handler",
        "HardFault",
        "DefaultHandler",
        "march",
        "guard_is_whole",
        "_stack_end",
        "_flash_start",
    ];
    let holds = |folders: &[&str], word: &str| {
        let sources = crate::tree::sources(folders).into_iter();
        sources
            .filter(|source| source.scanned.code.contains(word))
            .map(|source| source.path)
            .collect::<Vec<_>>()
    };
    for word in SHARED {
        assert!(!holds(&[CORTEX], word).is_empty(), "{CORTEX} has no {word}");
        let boards = holds(&["firmware/boards"], word);
        assert!(boards.is_empty(), "{word} belongs into {CORTEX}: {boards:?}");
    }
}

fn root_has(path: &str) -> bool {
    crate::tree::root().join(path).exists()
}

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(ToString::to_string).collect()
}

fn manifest(path: &str) -> toml::Table {
    read(path).parse().unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// What a crate ships with or is built with; what only its tests need does not count.
fn dependencies(folder: &str) -> BTreeSet<String> {
    let manifest = manifest(&format!("{folder}/Cargo.toml"));
    tables(&manifest)
        .filter(|(kind, _)| *kind != "dev-dependencies")
        .flat_map(|(_, t)| t.keys().cloned())
        .collect()
}

/// All tables of dependencies, those for one target only and those of the workspace included.
fn tables(manifest: &toml::Table) -> impl Iterator<Item = (&'static str, &toml::Table)> {
    let targets = manifest.get("target").and_then(toml::Value::as_table);
    let workspace = manifest.get("workspace").and_then(toml::Value::as_table);
    let owners = targets.into_iter().flat_map(|t| t.values().filter_map(toml::Value::as_table));
    let owners = owners.chain(workspace).chain([manifest]);
    owners.flat_map(|owner| {
        ["dependencies", "dev-dependencies", "build-dependencies"]
            .into_iter()
            .filter_map(|kind| Some((kind, owner.get(kind)?.as_table()?)))
    })
}
