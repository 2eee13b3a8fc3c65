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
fn core_field_and_node_are_no_std() {
    for folder in ["agent/core", "firmware/field", "firmware/node"] {
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
fn field_and_node_do_not_allocate() {
    for source in crate::tree::sources(&["firmware/field", "firmware/node"]) {
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

#[test]
fn every_crate_takes_the_lints_of_the_workspace() {
    let root = manifest("Cargo.toml");
    let members = root["workspace"]["members"].as_array().expect("a list of members");
    assert!(members.len() >= 5, "{members:?}");
    for member in members.iter().filter_map(toml::Value::as_str) {
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
        let node = names(&["hazard-field", "hazard-node"]);
        assert!(node.is_subset(&needs), "{folder} is not a board of the node: {needs:?}");
        let ours = needs.iter().filter(|name| name.starts_with("hazard-")).cloned().collect::<BTreeSet<_>>();
        assert_eq!(ours, node, "{folder} needs more of ours than field and node");
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
