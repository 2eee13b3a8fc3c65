//! What tests need and we did not write is installed by the same lines everywhere.

use std::collections::BTreeSet;

use hazard_tests::tools::{Package, packages};

use super::tree::read;

#[test]
fn ci_and_both_readmes_install_the_packages_that_tests_name() {
    let (mut apt, mut pip) = (BTreeSet::new(), BTreeSet::new());
    for from in packages() {
        match from {
            Package::Apt(package) => apt.insert(package.to_owned()),
            Package::Pip(package) => pip.insert(package.to_owned()),
        };
    }
    for page in ["README.md", "README.zh-CN.md"] {
        let text = read(page);
        assert_eq!(named(&text, "apt install "), apt, "{page}");
        assert_eq!(named(&text, "pip install "), pip, "{page}");
    }
    let ci = read(".ci/run");
    let pairs = ci.split("for pair in ").nth(1).and_then(|rest| rest.split("; do").next()).unwrap();
    let pairs = pairs.split_whitespace().filter_map(|pair| pair.split_once(':'));
    let alone = ci
        .lines()
        .filter_map(|line| line.split_once("need+=("))
        .filter_map(|(_, rest)| rest.strip_suffix(')'))
        .filter(|package| !package.contains('$'));
    let by_ci: BTreeSet<String> = pairs.map(|(_, package)| package).chain(alone).map(str::to_owned).collect();
    assert_eq!(by_ci, apt, ".ci/run");
    assert_eq!(named(&ci, "pip install -q "), pip, ".ci/run");
}

/// The words behind `command` in all lines that have it.
fn named(text: &str, command: &str) -> BTreeSet<String> {
    let lines = text.lines().filter_map(|line| line.split_once(command));
    let words = lines.flat_map(|(_, rest)| rest.split_whitespace());
    words.map(|word| word.trim_matches(['\'', '"']).to_owned()).collect()
}
